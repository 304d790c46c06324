-- What a site may put on the ledger's partitions, which are written in bulk: what is honoured, and what is refused
\set topic bulk
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1; -- so that partitions have the names given here
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A', 200);
SELECT public.expanded('2025-01-01') AS run \gset
CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
-- Puts something on a table, posts, looks, and takes all of it back.
CREATE FUNCTION public.try_posting(id bigint, VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s text;
    state text;
BEGIN
    BEGIN
        FOREACH s IN ARRAY statements LOOP
            EXECUTE s;
        END LOOP;
        BEGIN
            PERFORM FROM acct.post_journals(id);
            state := format('posted, %s lines', (SELECT count(*) FROM acct.ledger_entry_line));
        EXCEPTION WHEN OTHERS THEN
            state := format('%s: %s', SQLSTATE, SQLERRM);
        END;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY', MESSAGE = state;
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        RETURN SQLERRM;
    END;
END
$$;
SELECT public.try_posting(:run, 'SELECT 1') AS plain;
-- Refused, on lines and on headers (before a row is written: test/t/020_refused_first.pl)
SELECT public.try_posting(:run, 'CREATE TRIGGER mine BEFORE INSERT ON acct.ledger_entry_line_2025_01 FOR EACH ROW EXECUTE FUNCTION public.noop()') AS before_row;
SELECT public.try_posting(:run, 'CREATE TRIGGER mine AFTER INSERT ON acct.ledger_entry_line_2025_01 FOR EACH ROW EXECUTE FUNCTION public.noop()') AS after_row;
SELECT public.try_posting(:run, 'CREATE TRIGGER mine BEFORE INSERT ON acct.ledger_entry_line_2025_01 FOR EACH STATEMENT EXECUTE FUNCTION public.noop()') AS before_statement;
SELECT public.try_posting(:run, 'CREATE TRIGGER mine AFTER INSERT ON acct.ledger_entry_header_2025_01 REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.noop()') AS transition_table;
SELECT public.try_posting(:run, 'CREATE TRIGGER mine BEFORE INSERT ON acct.ledger_entry_line FOR EACH ROW EXECUTE FUNCTION public.noop()') AS on_parent;
SELECT public.try_posting(:run, 'CREATE CONSTRAINT TRIGGER mine AFTER INSERT ON acct.ledger_entry_header_2025_01 DEFERRABLE FOR EACH ROW EXECUTE FUNCTION public.noop()') AS constraint_trigger;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line_2025_01 ENABLE ROW LEVEL SECURITY') AS row_security;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ENABLE ROW LEVEL SECURITY', 'ALTER TABLE acct.ledger_entry_header_2025_01 FORCE ROW LEVEL SECURITY') AS forced_row_security;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line ADD COLUMN net numeric GENERATED ALWAYS AS (debit - credit) STORED') AS generated;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header ADD COLUMN net numeric GENERATED ALWAYS AS (total_debit - total_credit) STORED') AS generated_header;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line ADD COLUMN extra text NOT NULL') AS not_null;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line ADD COLUMN extra text DEFAULT ''x''') AS with_default;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header ADD COLUMN extra bigint NOT NULL DEFAULT 1') AS not_null_default;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line_2025_01 ADD FOREIGN KEY (fund) REFERENCES acct.fund') AS foreign_key;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line ADD FOREIGN KEY (account_code) REFERENCES acct.chart_of_accounts') AS foreign_key_parent;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ADD EXCLUDE USING btree (je_id WITH =)') AS exclusion;
SELECT public.try_posting(:run, 'CREATE RULE mine AS ON INSERT TO acct.ledger_entry_line_2025_01 DO ALSO SELECT 1') AS rule;
SELECT count(*) AS lines FROM acct.ledger_entry_line;
SELECT status FROM acct.journal_run WHERE run_id = :run;
-- The same of what expanding writes
CREATE FUNCTION public.try_expanding(month date, VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s text;
    state text;
BEGIN
    BEGIN
        FOREACH s IN ARRAY statements LOOP
            EXECUTE s;
        END LOOP;
        BEGIN
            PERFORM public.expanded(month);
            state := 'expanded';
        EXCEPTION WHEN OTHERS THEN
            state := format('%s: %s', SQLSTATE, SQLERRM);
        END;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY', MESSAGE = state;
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        RETURN SQLERRM;
    END;
END
$$;
CALL public.txn(3, '2025-02-01', 'A');
CALL public.txn(4, '2025-02-01', 'NOTHING');
SELECT public.try_expanding('2025-02-01', 'SELECT 1') AS plain;
SELECT public.try_expanding('2025-02-01', 'CREATE TRIGGER mine AFTER INSERT ON acct.je_exception FOR EACH ROW EXECUTE FUNCTION public.noop()') AS exception_trigger;
SELECT public.try_expanding('2025-02-01', 'ALTER TABLE acct.je_exception ENABLE ROW LEVEL SECURITY') AS exception_row_security;
SELECT public.try_expanding('2025-02-01', 'ALTER TABLE acct.je_exception ADD COLUMN seen boolean NOT NULL DEFAULT false') AS exception_default;
SELECT public.try_expanding('2025-02-01', 'ALTER TABLE acct.je_line_staging ADD COLUMN extra text NOT NULL DEFAULT ''x''') AS staging_default;
SELECT public.try_expanding('2025-02-01', 'ALTER TABLE acct.je_exception ADD CONSTRAINT mine CHECK (reason <> ''NO_TEMPLATE'')') AS exception_check;
-- The message names what it is and where.
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_01 ENABLE ROW LEVEL SECURITY;
\set VERBOSITY default
SELECT * FROM acct.post_journals(:run);
ROLLBACK;
\set VERBOSITY sqlstate
-- Honoured: a CHECK, on the partition or on the parent, in either table; unique keys; and NOT NULL
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line_2025_01 ADD CONSTRAINT mine CHECK (debit < 150)') AS check_lines;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_line ADD CONSTRAINT mine CHECK (debit < 250)') AS check_that_holds;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header ADD CONSTRAINT mine CHECK (total_debit < 150)') AS check_headers;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ADD CONSTRAINT mine CHECK (total_debit < 150) NOT VALID') AS check_not_valid;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ADD CONSTRAINT mine CHECK (policy_no = ''x'')') AS check_null;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ADD UNIQUE (template_code)') AS unique_key;
SELECT public.try_posting(:run, 'CREATE UNIQUE INDEX ON acct.ledger_entry_line_2025_01_rest (account_code) WHERE debit > 0') AS partial_unique;
SELECT public.try_posting(:run, 'CREATE UNIQUE INDEX ON acct.ledger_entry_line_2025_01_rest ((debit * 0 + line_no)) WHERE debit > 150') AS unique_that_holds;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header_2025_01 ALTER COLUMN policy_no SET NOT NULL') AS not_null;
SELECT public.try_posting(:run, 'ALTER TABLE acct.ledger_entry_header ADD COLUMN extra text') AS empty_column;
SELECT public.try_posting(:run, 'CREATE TRIGGER mine BEFORE UPDATE ON acct.ledger_entry_line_2025_01 FOR EACH ROW EXECUTE FUNCTION public.noop()') AS trigger_on_update;
SELECT count(*) AS lines FROM acct.ledger_entry_line;

-- Indexes of users are kept: of the parent and of one partition, partial, by expression, of every kind; in a month that
-- has entries and in one that the run makes.
CREATE INDEX mine_btree ON acct.ledger_entry_line (txn_id);
CREATE INDEX mine_partial ON acct.ledger_entry_line_2025_01 (txn_id) WHERE debit > 150;
CREATE INDEX mine_expression ON acct.ledger_entry_line ((debit - credit));
CREATE INDEX mine_hash ON acct.ledger_entry_header USING hash (txn_id);
CREATE INDEX mine_gin ON acct.ledger_entry_header USING gin (to_tsvector('simple', template_code));
CALL public.txn(5, '2025-01-01', 'A', 300, value_date => '2025-02-01');
SELECT public.expanded('2025-01-01') AS run2 \gset
SELECT sum(lines) AS lines FROM acct.post_journals(:run);
SELECT sum(lines) AS lines FROM acct.post_journals(:run2);
CALL public.txn(6, '2025-01-01', 'A', 400);
CALL public.txn(7, '2025-01-01', 'A', 500, value_date => '2025-02-01');
SELECT public.posted('2025-01-01') AS run3 \gset
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT txn_id, count(*) FROM acct.ledger_entry_line WHERE txn_id IN (1, 2, 5, 6, 7) GROUP BY 1 ORDER BY 1;
SELECT count(*) AS partial FROM acct.ledger_entry_line_2025_01 WHERE txn_id > 0 AND debit > 150;
SELECT debit - credit AS net, count(*) FROM acct.ledger_entry_line WHERE debit - credit > 50 GROUP BY 1 ORDER BY 1;
SELECT count(*) AS hash FROM acct.ledger_entry_header WHERE txn_id = 6;
RESET enable_bitmapscan;
SELECT count(*) AS gin FROM acct.ledger_entry_header WHERE to_tsvector('simple', template_code) @@ 'a'::tsquery;
RESET enable_seqscan;
SELECT acct.update_balance_snapshot() AS wrong;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run3);

-- What is written in bulk, by the path that the session takes
DROP INDEX acct.mine_btree, acct.mine_partial, acct.mine_expression, acct.mine_hash, acct.mine_gin;
RESET ledger_engine.run_partition_min_transactions;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-03-01');
-- More rows than the writer's buffer holds, each written once
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 1000 + n, '2025-02-01', '2025-02-03', 'A', 'P' || n % 7, 'C', n, n FROM generate_series(1, 5000) AS n;
SELECT public.posted('2025-02-01') AS run \gset
SELECT count(*) AS lines, count(DISTINCT (je_id, line_no)) AS different, sum(debit) AS debit FROM acct.ledger_entry_line WHERE run_id = :run AND account_code = '1000';
SELECT count(*) AS headers, count(DISTINCT txn_id) AS transactions FROM acct.ledger_entry_header WHERE run_id = :run AND txn_id > 1000;
-- Triggers and row security of the partitioned table count in a month that is empty, and NOT NULL of a column that may be null in the source.
CREATE TRIGGER mine AFTER INSERT ON acct.ledger_entry_line FOR EACH STATEMENT EXECUTE FUNCTION public.noop();
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-04-01');
CALL public.txn(8, '2025-01-01', 'A', value_date => '2025-04-20');
SELECT public.expanded('2025-01-01') AS run \gset
SELECT acct.post_journals(:run); :why
DROP TRIGGER mine ON acct.ledger_entry_line;
ALTER TABLE acct.ledger_entry_header ENABLE ROW LEVEL SECURITY;
SELECT acct.post_journals(:run); :why
ALTER TABLE acct.ledger_entry_header DISABLE ROW LEVEL SECURITY;
ALTER TABLE acct.ledger_entry_header_2025_04 ALTER COLUMN policy_no SET NOT NULL;
SELECT acct.post_journals(:run); :why
ALTER TABLE acct.ledger_entry_header_2025_04 ALTER COLUMN policy_no DROP NOT NULL;
SELECT journals FROM acct.post_journals(:run);
-- Rows written past shared buffers are counted, so that autovacuum analyzes them.
CALL public.txn(9, '2025-02-01', 'A');
BEGIN;
-- What the transactions before left in the session's counts of the tables that small runs share
SELECT pg_stat_get_xact_tuples_inserted('acct.je_line_staging_small'::regclass) AS lines, pg_stat_get_xact_tuples_inserted('acct.je_header_staging_small'::regclass) AS headers \gset before_
SELECT public.expanded('2025-02-01') AS run \gset
SELECT pg_stat_get_xact_tuples_inserted(line) - CASE line WHEN 'acct.je_line_staging_small'::regclass THEN :before_lines ELSE 0 END AS lines,
       pg_stat_get_xact_tuples_inserted(header) - CASE header WHEN 'acct.je_header_staging_small'::regclass THEN :before_headers ELSE 0 END AS headers
  FROM acct._staging_tables(:run);
ROLLBACK;
-- Values stored out of line or compressed are read whole.
SELECT acct.add_dimension('remark', 'text');
ALTER TABLE acct.txn_source_parent ADD COLUMN n numeric;
ALTER TABLE acct.txn_source_2025_03 ALTER COLUMN n SET STORAGE EXTERNAL, ALTER COLUMN attributes SET STORAGE EXTERNAL, ALTER COLUMN remark SET STORAGE EXTERNAL;
CALL public.policy('BIG', '{DR 1000 F1 n,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, remark, gross_amount, tabarru_amount, attributes, n)
SELECT 1, '2025-03-01', '2025-03-03', 'BIG', 'P', 'C', string_agg(md5(i::text), ''), 5, 5,
       jsonb_build_object('x', string_agg(md5(i::text), '')), ('123.45' || repeat('0', 20) || string_agg(repeat('7', 30), ''))::numeric
  FROM generate_series(1, 300) AS i;
SELECT public.expanded('2025-03-01') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT octet_length(h.remark) AS length, h.remark = s.remark AS whole
  FROM acct.je_header_staging AS h JOIN acct.txn_source_parent AS s USING (txn_id, txn_month) WHERE h.run_id = :run;
SELECT journals FROM acct.post_journals(:run);
SELECT h.remark = s.remark AS whole FROM acct.ledger_entry_header AS h JOIN acct.txn_source_parent AS s USING (txn_id, txn_month) WHERE h.run_id = :run;
SELECT acct.update_balance_snapshot() AS wrong;
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted';

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

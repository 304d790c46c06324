-- What a site changes about the tables that the engine reads and writes in bulk is honoured on every path, or refused before
-- a row is written. A change is made, a run is expanded and posted by each path, and all of it is taken back:
--   posted      the ledger is that of the undisturbed run: digest, headers, checks, balances, B-trees; and what "holds" says
--   expand, post SQLSTATE
--               that step refused, and left runs, staging, exceptions and ledger as they were
--   not accepted SQLSTATE
--               the server refused the change itself
-- Every path is taken here, so the test quits where the session's settings choose a path for all tests.
SELECT coalesce(current_setting('ledger_engine.run_partition_min_transactions', true), '') IN ('', '50000') AS by_default \gset
\if :by_default
\else
\echo skipped: takes every path by itself, in the run with default settings
\q
\endif
\set topic honesty
\i test/sql/setup.sql
SET ledger_engine.allow_drop = on; -- columns of tables with entries
SET min_parallel_table_scan_size = 0;
SET max_parallel_maintenance_workers = 0; -- for indexes of empty tables
SET ledger_engine.max_workers = 0;
SET ledger_engine.run_partition_min_transactions = -1;
SET ledger_engine.staging_table_min_transactions = 0;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 3000 F1 :gross_amount,CR 4000 F1 :gross_amount * 0.3,CR 2000 F1 *}');
-- January has entries, February has not.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, ujroh_amount)
SELECT 1000 + n, '2025-01-01', '2025-01-15', CASE n % 4 WHEN 0 THEN 'NONE' ELSE 'A' END, 'P', 'C', 'first', 1, 1 FROM generate_series(1, 8) AS n;
SELECT public.posted('2025-01-01') AS first_run \gset
-- What each try posts: policy numbers that are missing, short, long, and as long as they may be, which the source stores out of line.
ALTER TABLE acct.txn_source_2025_01 SET (toast_tuple_target = 128);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, ujroh_amount)
SELECT n, '2025-01-01', CASE n % 3 WHEN 0 THEN date '2025-02-10' ELSE date '2025-01-01' + n % 28 END,
       CASE n % 10 WHEN 0 THEN 'NONE' WHEN 1 THEN 'B' WHEN 3 THEN 'B' ELSE 'A' END, 'P' || n % 3, 'C' || n % 2,
       CASE n % 4 WHEN 1 THEN 'P' || n WHEN 2 THEN repeat('x', 200)
                  WHEN 3 THEN (SELECT string_agg(md5((i + n)::text), '') FROM generate_series(1, 31) AS i) END,
       n * 10.01, n * 10.01
  FROM generate_series(1, 60) AS n;

-- The ways to write: one process row by row; tables that are new by page, with their indexes built at the end; the same with
-- partitions of the run; and with workers; and into the staging that small runs share. With LEDGER_LIMITS=all in the environment each
-- change is tried on all of them; else on the first and the last two in turn, and on these three where not all write the table.
\getenv limits LEDGER_LIMITS
\if :{?limits}
\else
    \set limits few
\endif
CREATE TABLE public.path (n integer, run text, settings text[], turn integer);
INSERT INTO public.path
SELECT p.*, CASE WHEN :'limits' <> 'all' THEN array_position('{1,4,5}', p.n) - 1 END FROM (VALUES
    (1, 'small run', '{ledger_engine.run_partition_min_transactions=-1,ledger_engine.direct_write=off,ledger_engine.bulk_index=off,ledger_engine.max_workers=0}'::text[]),
    (2, 'small run', '{ledger_engine.run_partition_min_transactions=-1,ledger_engine.direct_write=on,ledger_engine.bulk_index=on,ledger_engine.max_workers=0}'),
    (3, 'large run', '{ledger_engine.run_partition_min_transactions=0,ledger_engine.direct_write=on,ledger_engine.bulk_index=on,ledger_engine.max_workers=0}'),
    (4, 'large run', '{ledger_engine.run_partition_min_transactions=0,ledger_engine.direct_write=on,ledger_engine.bulk_index=on,ledger_engine.max_workers=2}'),
    (5, 'shared staging', '{ledger_engine.run_partition_min_transactions=-1,ledger_engine.direct_write=on,ledger_engine.bulk_index=on,ledger_engine.max_workers=0,ledger_engine.staging_table_min_transactions=-1}')) AS p (n, run, settings)
 WHERE :'limits' = 'all' OR p.n IN (1, 4, 5);

-- Has tables changed as soon as they are made, as a site's event trigger may.
CREATE TABLE public.on_new (pattern text, statement text);
CREATE FUNCTION public.change_new_table() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    s text;
BEGIN
    FOR s IN SELECT format(o.statement, c.object_identity) FROM pg_event_trigger_ddl_commands() AS c
               JOIN public.on_new AS o ON c.object_identity ~ o.pattern
              WHERE c.command_tag = 'CREATE TABLE' AND c.object_type = 'table' LOOP
        EXECUTE s;
    END LOOP;
END
$$;
CREATE EVENT TRIGGER change_new_table ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.change_new_table();
CREATE FUNCTION public.when_made(pattern text, statement text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.on_new VALUES ($1, $2)';
-- Does something to a table and all below it.
CREATE FUNCTION public.to_tree(tree regclass, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    s text;
BEGIN
    FOR s IN SELECT format(statement, t.relid) FROM pg_partition_tree(tree) AS t ORDER BY t.level LOOP
        EXECUTE s;
    END LOOP;
END
$$;
CREATE ACCESS METHOD mine TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION public.basis_known(b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM acct.accounting_basis AS x WHERE x.basis = b); END $$;
CREATE FUNCTION public.inverse(a numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1 / (a - 50.05); END $$;
-- The same number of rows by an index and without; "by" is a condition that the index serves.
CREATE FUNCTION public.index_agrees(tab regclass, by text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    with_index bigint;
    without bigint;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    EXECUTE format('SELECT count(*) FROM %s WHERE %s', tab, by) INTO with_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
            set_config('enable_indexonlyscan', 'off', true);
    EXECUTE format('SELECT count(*) FROM %s WHERE %s', tab, by) INTO without;
    RETURN with_index = without AND without > 0;
END
$$;
-- amcheck, where the server has it
SELECT count(*) > 0 AS has_amcheck FROM pg_available_extensions WHERE name = 'amcheck' \gset
\if :has_amcheck
CREATE EXTENSION amcheck;
\else
CREATE FUNCTION public.bt_index_check(index regclass, heapallindexed boolean) RETURNS void LANGUAGE sql AS '';
\endif
-- Of all B-trees of what is written: each row is in each
CREATE FUNCTION public.check_indexes() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(bt_index_check(i.indexrelid, true))
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam JOIN pg_class AS t ON t.oid = i.indrelid
     WHERE a.amname = 'btree' AND c.relkind = 'i' AND t.relnamespace = 'acct'::regnamespace AND t.relname ~ '^(ledger_entry|je_)'
$$;
-- What the ledger says of a run, without identifiers
CREATE FUNCTION public.posted_as(id bigint) RETURNS text LANGUAGE sql AS $$
    SELECT acct.run_digest(id) || ' ' || (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_id = id) || ' ' || md5(string_agg(
               concat_ws('|', h.txn_id, h.txn_month, h.je_date, h.entity_code, h.basis, h.template_code, h.template_version, h.txn_type, h.product_code,
                         h.channel, h.currency, coalesce(md5(h.policy_no), '-'), trim_scale(h.total_debit), trim_scale(h.total_credit), h.line_count),
               ',' ORDER BY h.txn_id))
      FROM acct.ledger_entry_header AS h WHERE h.run_id = id
$$;
-- Everything that a refused step must leave as it was
CREATE FUNCTION public.state() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT md5(string_agg(r::text, ',' ORDER BY r.run_id)) FROM acct.journal_run AS r), (SELECT count(*) FROM acct.je_exception),
                     (SELECT count(*) FROM acct.ledger_entry_header), (SELECT count(*) FROM acct.ledger_entry_line),
                     (SELECT sum(n.last_number) FROM acct.journal_number AS n), (SELECT count(*) FROM acct.journal_run_batch),
                     (SELECT count(*) FROM pg_class AS c WHERE c.relnamespace = 'acct'::regnamespace))
$$;
-- Rows that this transaction wrote to tables that were there before, also where it was taken back. Of others, and by
-- workers, nothing is known then: that they are refused in time is seen by test/t/020_refused_first.pl.
CREATE FUNCTION public.written() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT sum(pg_stat_get_xact_tuples_inserted(c.oid))::bigint FROM pg_class AS c
     WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(ledger_entry|je_exception)'
$$;
CREATE FUNCTION public.attempt(statements text[], holds text, settings text[], OUT outcome text, OUT ledger text) LANGUAGE plpgsql AS $$
DECLARE
    was CONSTANT text := public.state();
    rows bigint := public.written();
    step text := 'not accepted ';
    reference CONSTANT text := current_setting('honesty.reference', true);
    id bigint;
    s text;
    wrong text[] := '{}';
    as_promised boolean;
BEGIN
    BEGIN
        FOREACH s IN ARRAY statements LOOP
            EXECUTE s;
        END LOOP;
        PERFORM set_config(split_part(x, '=', 1), split_part(x, '=', 2), true) FROM unnest(settings) AS x;
        id := acct.create_run('2025-01-01');
        step := 'expand ';
        PERFORM FROM acct.expand_journals(id);
        step := 'post ';
        rows := public.written();
        PERFORM FROM acct.post_journals(id);
        step := 'look ';
        ledger := public.posted_as(id);
        outcome := 'posted';
        IF ledger <> reference THEN
            wrong := wrong || 'digest'::text;
        END IF;
        IF acct.update_balance_snapshot() <> 0 THEN
            wrong := wrong || 'balances'::text;
        END IF;
        SELECT wrong || coalesce(array_agg(v.check_name), '{}') INTO wrong FROM acct.validate_run(id) AS v WHERE NOT v.passed;
        PERFORM public.check_indexes();
        EXECUTE 'SELECT ' || coalesce(holds, 'true') INTO as_promised;
        IF as_promised IS NOT TRUE THEN
            wrong := wrong || 'what was to hold'::text;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION
        WHEN SQLSTATE 'XXTRY' THEN
            NULL;
        WHEN OTHERS THEN
            outcome := step || SQLSTATE;
            IF SQLSTATE LIKE 'LE%' AND public.written() <> rows THEN
                wrong := wrong || 'rows were written'::text;
            END IF;
    END;
    IF public.state() <> was THEN
        wrong := wrong || 'something is left'::text;
    END IF;
    IF wrong <> '{}' THEN
        outcome := outcome || ', but: ' || array_to_string(wrong, ', ');
    END IF;
END
$$;
SELECT ledger AS reference FROM public.attempt('{}', NULL, (SELECT p.settings FROM public.path AS p WHERE p.n = 1)) \gset
SET honesty.reference = :'reference';

-- Changes: to which table (@ in statements), what, and what must hold where it is posted. "either" are outcomes that differ
-- between the server's versions. An outcome is that of every path unless it says of which.
CREATE TABLE public.change (n integer GENERATED ALWAYS AS IDENTITY, tab text, change text, statements text[], holds text, either text[]);
CREATE FUNCTION public.try_changes() RETURNS TABLE ("table" text, change text, outcome text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.tab, t.change, CASE WHEN count(DISTINCT t.outcome) = 1 THEN min(t.outcome)
                                 ELSE string_agg(DISTINCT t.run || ': ' || t.outcome, ', ' ORDER BY t.run || ': ' || t.outcome DESC) END
      FROM (SELECT c.n, c.tab, c.change, p.run,
                   CASE WHEN o.outcome = ANY (c.either) THEN array_to_string(c.either, ' or ') ELSE o.outcome END AS outcome
              FROM public.change AS c CROSS JOIN public.path AS p
             CROSS JOIN LATERAL public.attempt(ARRAY(SELECT replace(s, '@', 'acct.' || c.tab) FROM unnest(c.statements) AS s),
                                               regexp_replace(c.holds, '(?<!@)@(?!@)', 'acct.' || c.tab, 'g'), p.settings) AS o
             WHERE p.turn IS NULL OR p.turn = c.n % 3 OR c.tab ~ '(_small|_rest| of the run)$') AS t
     GROUP BY t.n, t.tab, t.change ORDER BY t.n;
    DELETE FROM public.change;
END
$$;
INSERT INTO public.change (tab, change, statements) VALUES ('', 'none', '{}');
SELECT * FROM public.try_changes();

-- What bulk writing does not do is refused, wherever it is.
INSERT INTO public.change (tab, change, statements)
SELECT t.tab, f.change, ARRAY[f.statement]
  FROM unnest(ARRAY['ledger_entry_line', 'ledger_entry_line_2025_01', 'ledger_entry_line_2025_01_rest', 'ledger_entry_header', 'ledger_entry_header_2025_01',
                    'je_line_staging', 'je_header_staging', 'je_line_staging_small', 'je_header_staging_small', 'je_exception']) WITH ORDINALITY AS t (tab, n)
 CROSS JOIN (VALUES
    (1, 'row trigger', 'CREATE TRIGGER mine AFTER INSERT ON @ FOR EACH ROW EXECUTE FUNCTION public.noop()'),
    (2, 'statement trigger', 'CREATE TRIGGER mine BEFORE INSERT ON @ FOR EACH STATEMENT EXECUTE FUNCTION public.noop()'),
    (3, 'row security', 'ALTER TABLE @ ENABLE ROW LEVEL SECURITY'),
    (4, 'rule', 'CREATE RULE mine AS ON INSERT TO @ DO ALSO SELECT 1'),
    (5, 'foreign key', 'ALTER TABLE @ ADD FOREIGN KEY (basis) REFERENCES acct.accounting_basis')) AS f (n, change, statement)
 ORDER BY t.n, f.n;
-- What Citus distributes is in its catalog, of which only this column is read.
INSERT INTO public.change (tab, change, statements)
SELECT t, 'distributed by Citus', '{"SET LOCAL allow_system_table_mods = on","CREATE TABLE pg_catalog.pg_dist_partition AS SELECT regclass ''@'' AS logicalrelid"}'::text[]
  FROM unnest(ARRAY['txn_source_parent', 'txn_source_2025_01', 'ledger_entry_line', 'ledger_entry_line_2025_01_rest', 'ledger_entry_header_2025_01', 'je_line_staging',
                    'je_header_staging_small', 'je_exception']) AS t;
INSERT INTO public.change (tab, change, statements)
SELECT t.tab, f.change, ARRAY[f.statement]
  FROM unnest(ARRAY['ledger_entry_line', 'ledger_entry_header', 'je_line_staging', 'je_header_staging', 'je_exception']) WITH ORDINALITY AS t (tab, n)
 CROSS JOIN (VALUES
    (1, 'generated column', 'ALTER TABLE @ ADD COLUMN mine bigint GENERATED ALWAYS AS (run_id + 1) STORED'),
    (2, 'NOT NULL with a default', 'ALTER TABLE @ ADD COLUMN mine bigint NOT NULL DEFAULT 1'),
    (3, 'volatile default', 'ALTER TABLE @ ADD COLUMN mine double precision DEFAULT random()')) AS f (n, change, statement)
 ORDER BY t.n, f.n;
INSERT INTO public.change (tab, change, statements, either) VALUES
    ('ledger_entry_line', 'deferrable unique key', '{"ALTER TABLE @ ADD UNIQUE (je_id, line_no, je_date, basis) DEFERRABLE"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'deferrable unique key', '{"ALTER TABLE @ ADD UNIQUE (je_id, line_no) DEFERRABLE INITIALLY DEFERRED"}', NULL),
    ('ledger_entry_header_2025_01', 'exclusion', '{"ALTER TABLE @ ADD EXCLUDE USING btree (je_id WITH =)"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'exclusion', '{"ALTER TABLE @ ADD EXCLUDE USING btree (je_id WITH =, line_no WITH =)"}', NULL),
    ('je_exception', 'exclusion', '{"ALTER TABLE @ ADD EXCLUDE USING btree (run_id WITH =, txn_id WITH =)"}', NULL),
    ('je_line_staging', 'exclusion', '{"ALTER TABLE @ ADD EXCLUDE USING btree (run_id WITH =, je_id WITH =, line_no WITH =)"}', NULL),
    ('je_line_staging_small', 'exclusion', '{"ALTER TABLE @ ADD EXCLUDE USING btree (run_id WITH =, je_id WITH =, line_no WITH =)"}', NULL),
    ('je_line_staging_small', 'logged', '{"ALTER TABLE @ SET LOGGED"}', NULL),
    ('je_line_staging_small', 'child by inheritance', '{"CREATE TABLE public.child () INHERITS (@)"}', NULL),
    ('ledger_entry_line', 'identity', '{"ALTER TABLE @ ADD COLUMN mine bigint GENERATED BY DEFAULT AS IDENTITY"}', '{"not accepted 42P16","post LE012"}'),
    ('je_line_staging', 'identity', '{"ALTER TABLE @ ADD COLUMN mine bigint GENERATED BY DEFAULT AS IDENTITY"}', '{"not accepted 42P16","expand LE012"}'),
    ('txn_source_parent', 'identity', '{"ALTER TABLE @ ADD COLUMN mine bigint GENERATED BY DEFAULT AS IDENTITY","SELECT acct.rotate_txn_source_partitions(0, ''2025-03-01'')"}', '{"not accepted 42P16",posted}'),
    ('ledger_entry_line_2025_01', 'disabled trigger', '{"CREATE TRIGGER mine AFTER INSERT ON @ FOR EACH ROW EXECUTE FUNCTION public.noop()","ALTER TABLE @ DISABLE TRIGGER mine"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'unlogged', '{"ALTER TABLE @ SET UNLOGGED"}', NULL),
    ('ledger_entry_header_2025_01', 'unlogged', '{"ALTER TABLE @ SET UNLOGGED"}', NULL),
    ('je_exception', 'unlogged', '{"ALTER TABLE @ SET UNLOGGED"}', NULL),
    ('ledger_entry_header', 'temporary partition', '{"CREATE TEMP TABLE mine PARTITION OF @ FOR VALUES FROM (''2025-02-01'') TO (''2025-03-01'')"}', NULL),
    ('ledger_entry_header', 'partitioned partition', '{"CREATE TABLE acct.ledger_entry_header_2025_02 PARTITION OF @ FOR VALUES FROM (''2025-02-01'') TO (''2025-03-01'') PARTITION BY RANGE (je_date)"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'child by inheritance', '{"CREATE TABLE public.child () INHERITS (@)"}', NULL),
    ('', 'access method', '{"SET LOCAL default_table_access_method = mine"}', NULL);
SELECT * FROM public.try_changes();

-- Constraints are kept.
INSERT INTO public.change (tab, change, statements, holds) VALUES
    ('ledger_entry_line', 'CHECK that holds', '{"ALTER TABLE @ ADD CHECK (debit < 1000)"}', 'NOT EXISTS (SELECT FROM @ WHERE debit >= 1000)'),
    ('ledger_entry_line', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (debit < 590)"}', NULL),
    ('ledger_entry_line', 'CHECK in place of the engine''s', '{"SELECT public.to_tree(''@'', ''ALTER TABLE %s DROP CONSTRAINT IF EXISTS chk_one_side'')","ALTER TABLE @ ADD CONSTRAINT chk_one_side CHECK (debit < 590)"}', NULL),
    ('ledger_entry_line', 'CHECK that runs a query', '{"ALTER TABLE @ ADD CHECK (public.basis_known(basis))"}', NULL),
    ('ledger_entry_line_2025_01', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (debit < 300)"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (debit < 300)"}', 'NOT EXISTS (SELECT FROM @ WHERE debit >= 300)'),
    ('ledger_entry_header', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (total_debit < 590)"}', NULL),
    ('ledger_entry_header', 'CHECK of the name of the lines'' own', '{"ALTER TABLE @ ADD CONSTRAINT chk_one_side CHECK (total_debit < 590)"}', NULL),
    ('ledger_entry_header', 'CHECK of a long value', '{"ALTER TABLE @ ADD CHECK (length(policy_no) < 900)"}', NULL),
    ('ledger_entry_header_2025_01', 'CHECK NOT VALID', '{"ALTER TABLE @ ADD CHECK (total_debit < 300) NOT VALID"}', NULL),
    ('ledger_entry_header_2025_01', 'NOT NULL', '{"ALTER TABLE @ ALTER COLUMN policy_no SET NOT NULL"}', NULL),
    ('ledger_entry_header', 'NOT NULL', '{"ALTER TABLE @ ALTER COLUMN policy_no SET NOT NULL"}', NULL),
    ('je_header_staging', 'NOT NULL', '{"ALTER TABLE @ ALTER COLUMN policy_no SET NOT NULL"}', NULL),
    ('je_header_staging', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (total_debit < 590)"}', NULL),
    ('je_line_staging', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (debit < 590)"}', NULL),
    ('je_line_staging_small', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (debit < 590)"}', NULL),
    ('je_line_staging_small', 'CHECK of the name of the engine''s', '{"ALTER TABLE @ ADD CONSTRAINT staging_run CHECK (debit < 590)"}', NULL),
    ('je_line_staging_small', 'unique key that fails', '{"CREATE UNIQUE INDEX ON @ (account_code) WHERE debit > 1"}', NULL),
    ('je_line_staging_small', 'unique key that holds', '{"ALTER TABLE @ ADD UNIQUE (run_id, je_id, line_no)"}', NULL),
    ('je_header_staging_small', 'NOT NULL', '{"ALTER TABLE @ ALTER COLUMN policy_no SET NOT NULL"}', NULL),
    ('je_line_staging', 'CHECK that holds', '{"ALTER TABLE @ ADD CHECK (debit < 1000)"}', NULL),
    ('je_line_staging', 'CHECK of the name of the engine''s', '{"ALTER TABLE @ ADD CONSTRAINT staging_run CHECK (debit < 590)"}', NULL),
    ('je_exception', 'CHECK that holds', '{"ALTER TABLE @ ADD CHECK (public.basis_known(basis))"}', NULL),
    ('je_exception', 'CHECK that fails', '{"ALTER TABLE @ ADD CHECK (txn_id <> 50)"}', NULL),
    ('ledger_entry_header_2025_01', 'unique key that fails', '{"CREATE UNIQUE INDEX ON @ (txn_type) WHERE total_debit > 1"}', NULL),
    ('ledger_entry_line_2025_01_rest', 'unique key that fails', '{"CREATE UNIQUE INDEX ON @ (account_code) WHERE debit > 1"}', 'NOT EXISTS (SELECT account_code FROM @ WHERE debit > 1 GROUP BY 1 HAVING count(*) > 1)'),
    ('ledger_entry_line', 'unique key that holds', '{"ALTER TABLE @ ADD UNIQUE (je_date, txn_id, line_no, je_id)"}', NULL),
    ('ledger_entry_header', 'unique key that holds', '{"CREATE UNIQUE INDEX ON @ (je_date, txn_id, txn_month)"}', NULL),
    ('je_header_staging', 'unique key that fails', '{"CREATE UNIQUE INDEX ON @ (run_id, txn_type) WHERE total_debit > 1"}', NULL),
    ('je_header_staging', 'primary key', '{"ALTER TABLE @ ADD PRIMARY KEY (run_id, je_id)"}', NULL),
    ('je_line_staging', 'primary key', '{"ALTER TABLE @ ADD PRIMARY KEY (run_id, je_id, line_no)"}', NULL),
    ('je_exception', 'unique key that fails', '{"CREATE UNIQUE INDEX ON @ (reason, run_id) WHERE txn_id < 1000"}', NULL),
    ('ledger_entry_line', 'referenced by a foreign key', '{"CREATE TABLE public.note (je_id bigint, line_no smallint, je_date date, FOREIGN KEY (je_id, line_no, je_date) REFERENCES @ (je_id, line_no, je_date))"}', NULL),
    ('txn_source_parent', 'referenced by a foreign key', '{"CREATE TABLE public.note (txn_id bigint, txn_month date, FOREIGN KEY (txn_id, txn_month) REFERENCES @ (txn_id, txn_month))"}', NULL),
    ('ledger_entry_line_2025_01', 'trigger on UPDATE', '{"CREATE TRIGGER mine BEFORE UPDATE ON @ FOR EACH ROW EXECUTE FUNCTION public.noop()"}', NULL),
    ('ledger_entry_line_2025_01', 'rule that was dropped', '{"CREATE RULE mine AS ON INSERT TO @ DO ALSO SELECT 1","DROP RULE mine ON @"}', NULL),
    ('je_exception', 'rule that was dropped', '{"CREATE RULE mine AS ON INSERT TO @ DO ALSO SELECT 1","DROP RULE mine ON @"}', NULL),
    ('je_exception', 'child by inheritance', '{"CREATE TABLE public.child () INHERITS (@)"}', NULL);
SELECT * FROM public.try_changes();

-- Indexes of every kind are kept, in January, in February that is made, and in partitions of the run.
INSERT INTO public.change (tab, change, statements, holds) VALUES
    ('ledger_entry_line', 'index on an expression', '{"CREATE INDEX ON @ ((debit - credit))"}', 'public.index_agrees(''@'', ''debit - credit > 100'')'),
    ('ledger_entry_line', 'partial index', '{"CREATE INDEX ON @ (txn_id) WHERE debit > 100"}', 'public.index_agrees(''@'', ''txn_id > 0 AND debit > 100'')'),
    ('ledger_entry_line', 'index that includes', '{"CREATE INDEX ON @ (txn_id DESC) INCLUDE (debit)"}', 'public.index_agrees(''@'', ''txn_id BETWEEN 5 AND 50'')'),
    ('ledger_entry_line', 'hash index', '{"CREATE INDEX ON @ USING hash (txn_id)"}', 'public.index_agrees(''@'', ''txn_id = 7'')'),
    ('ledger_entry_line', 'GIN index', '{"CREATE INDEX ON @ USING gin (to_tsvector(''simple'', account_code))"}', $$public.index_agrees('@', $q$to_tsvector('simple', account_code) @@ '2000'$q$)$$),
    ('ledger_entry_line', 'GiST index', '{"CREATE INDEX ON @ USING gist (daterange(je_date, je_date, ''[]''))"}', $$public.index_agrees('@', $q$daterange(je_date, je_date, '[]') && '[2025-01-02,2025-01-09)'$q$)$$),
    ('ledger_entry_line', 'SP-GiST index', '{"CREATE INDEX ON @ USING spgist (product_code)"}', $$public.index_agrees('@', $q$product_code = 'P1'$q$)$$),
    ('ledger_entry_line', 'BRIN index', '{"CREATE INDEX ON @ USING brin (txn_id) WITH (pages_per_range = 1)"}', 'public.index_agrees(''@'', ''txn_id = 7'')'),
    ('ledger_entry_line', 'index on an expression that fails', '{"CREATE INDEX ON @ (public.inverse(debit))"}', NULL),
    ('ledger_entry_line_2025_01', 'index of one month', '{"CREATE INDEX ON @ ((debit + credit), txn_id) WHERE line_no = 1"}', 'public.index_agrees(''@'', ''debit + credit > 100 AND line_no = 1'')'),
    ('ledger_entry_line', 'index not on the partitions', '{"CREATE INDEX ON ONLY @ (txn_id)"}', NULL),
    ('ledger_entry_header', 'hash index', '{"CREATE INDEX ON @ USING hash (txn_id)"}', 'public.index_agrees(''@'', ''txn_id = 7'')'),
    ('ledger_entry_header', 'GIN index', '{"CREATE INDEX ON @ USING gin (to_tsvector(''simple'', template_code))"}', $$public.index_agrees('@', $q$to_tsvector('simple', template_code) @@ 'b'$q$)$$),
    ('ledger_entry_header', 'index of a long value', '{"CREATE INDEX ON @ (md5(policy_no))"}', $$public.index_agrees('@', $q$md5(policy_no) > ''$q$)$$),
    ('ledger_entry_header', 'index whose key is too long', '{"CREATE INDEX ON @ ((policy_no || reverse(policy_no) || translate(policy_no || reverse(policy_no), ''0123456789abcdef'', ''ghijklmnopqrstuv'')))"}', NULL),
    ('je_line_staging', 'indexes', '{"CREATE INDEX ON @ (txn_id)","CREATE INDEX ON @ USING hash (txn_id)","CREATE INDEX ON @ ((debit - credit)) WHERE debit > 0"}', 'public.index_agrees(''@'', ''txn_id = 7'')'),
    ('je_line_staging_small', 'indexes', '{"CREATE INDEX ON @ (txn_id)","CREATE INDEX ON @ USING hash (txn_id)","CREATE INDEX ON @ ((debit - credit)) WHERE debit > 0"}', NULL),
    ('je_header_staging_small', 'no index', '{"DROP INDEX acct.je_header_staging_small_run_idx, acct.je_line_staging_small_run_idx"}', NULL),
    ('je_header_staging', 'indexes', '{"CREATE INDEX ON @ (txn_id)","CREATE INDEX ON @ USING gin (to_tsvector(''simple'', template_code))"}', 'public.index_agrees(''@'', ''txn_id = 7'')'),
    ('je_exception', 'indexes', '{"CREATE INDEX ON @ (txn_id)","CREATE INDEX ON @ USING gin (to_tsvector(''simple'', message))","CREATE INDEX ON @ (length(message)) WHERE reason = ''NO_TEMPLATE''"}', $$public.index_agrees('@', $q$length(message) > 0 AND reason = 'NO_TEMPLATE'$q$)$$),
    ('txn_source_parent', 'indexes', '{"CREATE INDEX ON @ (txn_type)","CREATE INDEX ON @ (length(policy_no)) WHERE gross_amount > 5","CREATE INDEX ON @ (batch_id)"}', NULL);
SELECT * FROM public.try_changes();

-- Columns: added, dropped, in another order, of another type.
INSERT INTO public.change (tab, change, statements, holds) VALUES
    ('ledger_entry_line', 'empty column', '{"ALTER TABLE @ ADD COLUMN mine text"}', NULL),
    ('ledger_entry_header', 'empty column', '{"ALTER TABLE @ ADD COLUMN mine text"}', NULL),
    ('ledger_entry_line', 'column that was dropped', '{"ALTER TABLE @ ADD COLUMN mine text DEFAULT ''x''","ALTER TABLE @ DROP COLUMN mine"}', NULL),
    ('ledger_entry_header', 'column that was dropped', '{"ALTER TABLE @ ADD COLUMN mine text DEFAULT ''x''","ALTER TABLE @ DROP COLUMN mine"}', NULL),
    ('je_line_staging', 'column that was dropped', '{"ALTER TABLE @ ADD COLUMN mine text DEFAULT ''x''","ALTER TABLE @ DROP COLUMN mine"}', NULL),
    ('txn_source_parent', 'column that was dropped', '{"ALTER TABLE @ ADD COLUMN mine text DEFAULT ''x''","ALTER TABLE @ DROP COLUMN mine"}', NULL),
    ('ledger_entry_line', 'another order', '{"ALTER TABLE @ DROP COLUMN channel CASCADE","ALTER TABLE @ ADD COLUMN channel text COLLATE \"C\" NOT NULL DEFAULT ''''"}', NULL),
    ('ledger_entry_header', 'another order', '{"ALTER TABLE @ DROP COLUMN policy_no CASCADE, DROP COLUMN total_debit CASCADE","ALTER TABLE @ ADD COLUMN policy_no text COLLATE \"C\", ADD COLUMN total_debit numeric(20,4) NOT NULL DEFAULT 0"}', NULL),
    ('je_line_staging', 'another order', '{"ALTER TABLE @ DROP COLUMN entity_code CASCADE","ALTER TABLE @ ADD COLUMN entity_code text COLLATE \"C\" NOT NULL DEFAULT ''''"}', NULL),
    ('je_header_staging', 'another order', '{"ALTER TABLE @ DROP COLUMN txn_id CASCADE, DROP COLUMN policy_no CASCADE","ALTER TABLE @ ADD COLUMN policy_no text COLLATE \"C\", ADD COLUMN txn_id bigint NOT NULL DEFAULT 0"}', NULL),
    ('ledger_entry_line', 'a column of the engine dropped', '{"ALTER TABLE @ DROP COLUMN product_code CASCADE"}', NULL),
    ('ledger_entry_header', 'a column of the engine dropped', '{"ALTER TABLE @ DROP COLUMN policy_no CASCADE"}', NULL),
    ('ledger_entry_header', 'the number dropped', '{"ALTER TABLE @ DROP COLUMN je_number CASCADE"}', NULL),
    ('ledger_entry_header', 'the book dropped', '{"ALTER TABLE @ DROP COLUMN basis CASCADE"}', NULL),
    ('je_line_staging', 'a column of the engine dropped', '{"ALTER TABLE @ DROP COLUMN product_code CASCADE"}', NULL),
    ('je_line_staging_small', 'a column that the ledger has not', '{"ALTER TABLE @ ADD COLUMN mine text"}', NULL),
    ('je_line_staging', 'a column that the ledger has not', '{"ALTER TABLE @ ADD COLUMN mine text"}', NULL),
    ('txn_source_parent', 'a column of the engine dropped', '{"ALTER TABLE @ DROP COLUMN channel CASCADE"}', NULL),
    ('txn_source_parent', 'a code that may be null', '{"ALTER TABLE @ ALTER COLUMN channel DROP NOT NULL","UPDATE @ SET channel = NULL WHERE txn_id = 5"}', NULL),
    ('txn_source_parent', 'a date that may be null', '{"ALTER TABLE @ ALTER COLUMN bank_value_date DROP NOT NULL"}', NULL),
    ('je_header_staging', 'codes that may be null', '{"ALTER TABLE @ ALTER COLUMN entity_code DROP NOT NULL, ALTER COLUMN memo SET DEFAULT NULL"}', NULL),
    ('txn_source_parent', 'constraints of the engine dropped', '{"ALTER TABLE @ DROP CONSTRAINT chk_code_length, DROP CONSTRAINT chk_bank_value_date, DROP CONSTRAINT chk_takaful_balance"}', NULL),
    ('txn_source_parent', 'columns, stored and computed', '{"ALTER TABLE @ ADD COLUMN a text DEFAULT ''x'', ADD COLUMN b double precision DEFAULT random(), ADD COLUMN c numeric GENERATED ALWAYS AS (gross_amount * 2) STORED"}', NULL),
    ('ledger_entry_line', 'numeric', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN debit TYPE numeric, ALTER COLUMN credit TYPE numeric"}', NULL),
    ('ledger_entry_header', 'numeric', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN total_debit TYPE numeric, ALTER COLUMN total_credit TYPE numeric"}', NULL),
    ('je_line_staging', 'numeric', '{"ALTER TABLE @ ALTER COLUMN debit TYPE numeric, ALTER COLUMN credit TYPE numeric"}', NULL),
    ('je_line_staging', 'numeric, in the ledger too', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN debit TYPE numeric, ALTER COLUMN credit TYPE numeric","ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric, ALTER COLUMN credit TYPE numeric"}', NULL),
    ('je_line_staging', 'narrow, in the ledger too', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN debit TYPE numeric(5,2), ALTER COLUMN credit TYPE numeric(5,2)","ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric(5,2), ALTER COLUMN credit TYPE numeric(5,2)"}', NULL),
    ('ledger_entry_line', 'narrow', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN debit TYPE numeric(5,2)"}', NULL),
    ('je_line_staging', 'wide, in the ledger too', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN debit TYPE numeric(30,6)","ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric(30,6)"}', NULL),
    ('txn_source_parent', 'numeric', '{"DROP VIEW acct_bi.transactions","ALTER TABLE @ ALTER COLUMN gross_amount TYPE numeric, ALTER COLUMN ujroh_amount TYPE numeric(30,6)"}', NULL),
    ('ledger_entry_line', 'another collation', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN account_code TYPE text COLLATE \"default\", ALTER COLUMN fund TYPE text COLLATE \"POSIX\""}', NULL),
    ('je_line_staging', 'another collation', '{"ALTER TABLE @ ALTER COLUMN account_code TYPE text COLLATE \"default\", ALTER COLUMN fund TYPE text COLLATE \"POSIX\""}', NULL),
    ('txn_source_parent', 'another collation', '{"DROP VIEW acct_bi.transactions","ALTER TABLE @ ALTER COLUMN txn_type TYPE text COLLATE \"default\", ALTER COLUMN policy_no TYPE text COLLATE \"POSIX\""}', NULL),
    ('ledger_entry_line', 'integer', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN line_no TYPE integer"}', NULL),
    ('je_line_staging', 'integer', '{"ALTER TABLE @ ALTER COLUMN line_no TYPE integer"}', NULL),
    ('ledger_entry_header', 'bigint', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN template_version TYPE bigint"}', NULL),
    ('ledger_entry_header', 'varchar', '{"DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts","ALTER TABLE @ ALTER COLUMN policy_no TYPE varchar(100)"}', NULL),
    ('je_header_staging', 'varchar', '{"DROP VIEW acct.run_staging","ALTER TABLE @ ALTER COLUMN policy_no TYPE varchar(100)"}', NULL),
    ('txn_source_parent', 'varchar', '{"DROP VIEW acct_bi.transactions","ALTER TABLE @ ALTER COLUMN txn_type TYPE varchar(20)"}', NULL),
    ('txn_source_parent', 'numeric identifiers', '{"DROP VIEW acct_bi.transactions","ALTER TABLE @ ALTER COLUMN txn_id TYPE numeric"}', NULL),
    ('txn_source_parent', 'a dimension, widened there only', '{"SELECT acct.add_dimension(''size'', ''integer'', true)","DROP VIEW acct_bi.transactions","ALTER TABLE @ ALTER COLUMN size TYPE bigint"}', NULL),
    ('txn_source_parent', 'a dimension with a length, widened', '{"ALTER TABLE @ ADD COLUMN zone varchar(5)","ALTER TABLE acct.je_line_staging ADD COLUMN zone varchar(9)","ALTER TABLE acct.ledger_entry_line ADD COLUMN zone varchar(9)"}', NULL),
    ('txn_source_parent', 'long dimensions', '{"SELECT acct.add_dimension(''note'', ''text'', true)","UPDATE @ SET note = CASE txn_id % 5 WHEN 0 THEN (SELECT string_agg(md5((i * txn_id)::text), '''') FROM generate_series(1, 6000) AS i) WHEN 1 THEN repeat(''z'', 9000) WHEN 2 THEN ''short'' END WHERE txn_id < 1000"}',
        '(SELECT bool_and(l.note IS NOT DISTINCT FROM s.note) AND max(length(l.note)) = 192000 FROM acct.ledger_entry_line AS l JOIN @ AS s USING (txn_id) WHERE txn_id < 1000)'),
    ('txn_source_parent', 'dimensions of other sizes', '{"SELECT acct.add_dimension(''flag'', ''boolean'', true), acct.add_dimension(''place'', ''point'', true), acct.add_dimension(''at'', ''timestamptz'', true), acct.add_dimension(''doc'', ''jsonb'', true), acct.add_dimension(''who'', ''name'', true)","UPDATE @ SET flag = txn_id % 2 = 0, place = point(txn_id, 1), at = ''2025-01-01'', doc = jsonb_build_object(''t'', txn_id), who = ''w'' || txn_id WHERE txn_id < 1000"}',
        '(SELECT bool_and((l.flag, l.at, l.doc, l.who) = (s.flag, s.at, s.doc, s.who) AND l.place ~= s.place) FROM acct.ledger_entry_line AS l JOIN @ AS s USING (txn_id) WHERE txn_id < 1000)');
INSERT INTO public.change (tab, change, statements, either) VALUES
    ('txn_source_parent', 'a long value that is computed', '{"SELECT acct.add_dimension(''note'', ''text'', true)","DROP VIEW acct_bi.transactions","ALTER TABLE @ DROP COLUMN note","ALTER TABLE @ ADD COLUMN note text COLLATE \"C\" GENERATED ALWAYS AS (repeat(''z'', 300000)) VIRTUAL"}', '{"not accepted 42601",posted}'),
    ('txn_source_parent', 'nulls before a NOT NULL', '{"ALTER TABLE @ ALTER COLUMN channel DROP NOT NULL","UPDATE @ SET channel = NULL WHERE txn_id = 5","ALTER TABLE @ ADD CONSTRAINT mine NOT NULL channel NOT VALID"}', '{"not accepted 42601","expand 23502"}'),
    ('ledger_entry_line', 'a value that is computed', '{"ALTER TABLE @ ADD COLUMN note text GENERATED ALWAYS AS (fund || basis) VIRTUAL"}', '{"not accepted 42601","post LE012"}'),
    ('ledger_entry_line', 'a carried value that is computed', '{"SELECT acct.add_dimension(''note'', ''bigint'', true)","DROP VIEW acct_bi.line_amounts, acct_bi.lines","ALTER TABLE @ DROP COLUMN note","ALTER TABLE @ ADD COLUMN note bigint GENERATED ALWAYS AS (run_id) VIRTUAL"}', '{"not accepted 42601","post LE012"}');
SELECT * FROM public.try_changes();

-- Where and how tables are stored
SET allow_in_place_tablespaces = on;
DROP TABLESPACE IF EXISTS regress_honesty;
CREATE TABLESPACE regress_honesty LOCATION '';
INSERT INTO public.change (tab, change, statements, holds) VALUES
    ('', 'default tablespace', '{"SET LOCAL default_tablespace = regress_honesty"}',
        'NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_tablespace AS t ON t.oid = c.reltablespace WHERE t.spcname = ''regress_honesty'' AND c.relname ~ ''2025_02|_run_'')'),
    ('ledger_entry_line', 'tablespace of what is made', '{"SELECT public.when_made(''_run_\\d+$|2025_02|staging_\\d+$'', ''ALTER TABLE %s SET TABLESPACE regress_honesty'')"}', NULL),
    ('ledger_entry_header_2025_01', 'fillfactor', '{"ALTER TABLE @ SET (fillfactor = 10, toast_tuple_target = 128)"}', NULL),
    ('ledger_entry_line', 'fillfactor of what is made', '{"SELECT public.when_made(''_run_\\d+$|_rest$|header_2025_02$|staging_\\d+$'', ''ALTER TABLE %s SET (fillfactor = 10, toast_tuple_target = 128, autovacuum_enabled = off)'')"}', NULL),
    ('ledger_entry_line', 'storage', '{"ALTER TABLE @ ALTER COLUMN account_code SET STORAGE PLAIN, ALTER COLUMN fund SET STORAGE EXTERNAL, ALTER COLUMN debit SET STORAGE EXTENDED, ALTER COLUMN credit SET STORAGE PLAIN"}', NULL),
    ('je_line_staging', 'storage', '{"ALTER TABLE @ ALTER COLUMN account_code SET STORAGE PLAIN, ALTER COLUMN fund SET STORAGE EXTERNAL, ALTER COLUMN debit SET STORAGE EXTENDED, ALTER COLUMN credit SET STORAGE PLAIN"}', NULL),
    ('je_header_staging', 'storage', '{"ALTER TABLE @ ALTER COLUMN policy_no SET STORAGE PLAIN, ALTER COLUMN template_code SET STORAGE PLAIN, ALTER COLUMN total_debit SET STORAGE PLAIN"}', NULL),
    ('ledger_entry_header', 'storage', '{"ALTER TABLE @ ALTER COLUMN policy_no SET STORAGE MAIN, ALTER COLUMN je_number SET STORAGE PLAIN"}', NULL),
    ('txn_source_parent', 'storage', '{"ALTER TABLE @ ALTER COLUMN policy_no SET STORAGE EXTERNAL, ALTER COLUMN txn_type SET STORAGE PLAIN","UPDATE @ SET policy_no = policy_no || '' '' WHERE false"}', NULL),
    ('je_header_staging', 'compression', '{"ALTER TABLE @ ALTER COLUMN policy_no SET COMPRESSION pglz","ALTER TABLE acct.ledger_entry_header ALTER COLUMN policy_no SET COMPRESSION pglz"}', NULL),
    ('ledger_entry_header', 'vacuumed and clustered', '{"CLUSTER acct.ledger_entry_header_2025_01 USING ledger_entry_header_2025_01_pkey","CLUSTER acct.txn_source_2025_01 USING txn_source_2025_01_pkey"}', NULL),
    ('txn_source_2025_01', 'unlogged', '{"ALTER TABLE @ SET UNLOGGED"}', NULL),
    ('txn_source_parent', 'row security', '{"ALTER TABLE @ ENABLE ROW LEVEL SECURITY","ALTER TABLE @ FORCE ROW LEVEL SECURITY"}', NULL),
    ('txn_source_2025_01', 'triggers and a rule', '{"CREATE TRIGGER mine AFTER INSERT ON @ FOR EACH ROW EXECUTE FUNCTION public.noop()","CREATE RULE mine AS ON INSERT TO @ DO ALSO SELECT 1"}', NULL),
    ('', 'statistics', '{"CREATE STATISTICS acct.mine ON account_code, fund FROM acct.ledger_entry_line_2025_01","CREATE STATISTICS acct.mine2 ON txn_id, line_no FROM acct.je_line_staging"}', NULL);
SELECT * FROM public.try_changes();
-- (Moved and filled in one transaction that is taken back, a table of the server's would keep index entries without rows.)
ALTER TABLE acct.ledger_entry_header_2025_01 SET TABLESPACE regress_honesty;
ALTER TABLE acct.ledger_entry_line_2025_01_rest SET TABLESPACE regress_honesty;
ALTER INDEX acct.ledger_entry_line_2025_01_rest_pkey SET TABLESPACE regress_honesty;
ALTER TABLE acct.txn_source_2025_01 SET TABLESPACE regress_honesty;
INSERT INTO public.change (tab, change, statements) VALUES ('', 'another tablespace', '{}');
SELECT * FROM public.try_changes();

-- Tables that are changed as soon as they are made: staging of the run, its own partition, the new month
INSERT INTO public.change (tab, change, statements, holds)
SELECT t.what, f.change, ARRAY[format('SELECT public.when_made(%L, %L)', t.pattern, f.statement)], f.holds
  FROM (VALUES
    (1, 'staged lines of the run', 'je_line_staging_\d+$'),
    (2, 'staged headers of the run', 'je_header_staging_\d+$'),
    (3, 'lines of the run', '_2025_01_run_\d+$'),
    (4, 'lines of the new month', 'line_2025_02_rest$'),
    (5, 'headers of the new month', 'header_2025_02$')) AS t (n, what, pattern)
 CROSS JOIN (VALUES
    (1, 'row trigger', 'CREATE TRIGGER mine BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.noop()', NULL),
    (3, 'rule', 'CREATE RULE mine AS ON INSERT TO %s DO INSTEAD NOTHING', NULL),
    (4, 'CHECK that holds', 'ALTER TABLE %s ADD CONSTRAINT mine CHECK (run_id > 0)', NULL),
    (5, 'CHECK that fails', 'ALTER TABLE %s ADD CONSTRAINT mine CHECK (txn_id NOT IN (58, 57))', NULL),
    (6, 'unique key that fails', 'CREATE UNIQUE INDEX ON %s (product_code)', NULL),
    (7, 'indexes', 'CREATE INDEX ON %1$s (txn_id, channel); CREATE INDEX ON %1$s USING hash (txn_id); CREATE INDEX ON %1$s (abs(txn_id)) WHERE txn_id > 5', 'public.index_agrees(''acct.ledger_entry_line'', ''txn_id = 7'')'),
    (8, 'exclusion', 'ALTER TABLE %s ADD CONSTRAINT mine EXCLUDE USING btree (product_code WITH =)', NULL),
    (9, 'unlogged', 'ALTER TABLE %s SET UNLOGGED', NULL),
    (10, 'logged', 'ALTER TABLE %s SET LOGGED', NULL)) AS f (n, change, statement, holds)
 ORDER BY t.n, f.n;
SELECT * FROM public.try_changes();

-- The message of each kind says what and where.
\set VERBOSITY default
BEGIN;
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED;
SELECT public.posted('2025-01-01');
ROLLBACK;
BEGIN;
ALTER TABLE acct.je_line_staging ADD COLUMN mine text;
SELECT public.posted('2025-01-01');
ROLLBACK;
-- Staging that a superuser changes between the steps
SET ledger_engine.staging_table_min_transactions = -1;
\set VERBOSITY sqlstate
BEGIN;
SELECT public.expanded('2025-01-01') AS run \gset
ALTER TABLE acct.je_header_staging ALTER COLUMN basis DROP NOT NULL;
UPDATE acct.je_header_staging SET basis = NULL WHERE run_id = :run AND txn_id = 5;
SELECT acct.post_journals(:run); :why
ROLLBACK;
-- What expansion recorded of the run
BEGIN;
SELECT public.expanded('2025-01-01') AS run \gset
UPDATE acct.journal_run SET debit = NULL WHERE run_id = :run;
SELECT acct.post_journals(:run); :why
ROLLBACK;
BEGIN;
SELECT public.expanded('2025-01-01') AS run \gset
ALTER TABLE acct.journal_run_total ALTER COLUMN credit DROP NOT NULL;
UPDATE acct.journal_run_total SET credit = NULL WHERE run_id = :run;
SELECT acct.post_journals(:run);
ROLLBACK;
-- A line of a template that neither takes an amount nor what others leave
BEGIN;
ALTER TABLE acct.journal_template_line DROP CONSTRAINT chk_line_amount, DISABLE TRIGGER ALL;
UPDATE acct.journal_template_line SET amount_expr = NULL WHERE NOT is_balancing;
SELECT public.expanded('2025-01-01') AS run; :why
ROLLBACK;
\set VERBOSITY default

-- After all of this the run is posted as if nothing had been tried.
SELECT public.posted('2025-01-01') AS run \gset
SELECT public.posted_as(:run) = :'reference' AS same, acct.update_balance_snapshot() AS wrong;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP TABLESPACE regress_honesty;

-- Monthly partitions: names, bounds, indexes, and that making them again makes none
\set topic partitions
\i test/sql/setup.sql
SELECT * FROM acct.rotate_txn_source_partitions(2, '2014-11-01');
SELECT * FROM acct.rotate_txn_source_partitions(2, '2014-11-01');
SELECT * FROM acct.rotate_txn_source_partitions(start_month => '2015-01-01');
SELECT * FROM acct.rotate_ledger_partitions(1, '2014-12-01');
SELECT * FROM acct.rotate_ledger_partitions(1, '2014-12-01');
SELECT * FROM acct.rotate_ledger_partitions(0, '2015-02-01');
-- This month and the next
SELECT count(*) AS made, min(from_month) = date_trunc('month', current_date)::date AS from_this_month, max(to_month) = (date_trunc('month', current_date) + interval '2 months')::date AS to_next
  FROM acct.rotate_txn_source_partitions();
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions();
SELECT count(*) AS made FROM acct.rotate_ledger_partitions();
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0);
-- Any setting of dates
SET datestyle = 'SQL, DMY';
SELECT partition_name FROM acct.rotate_txn_source_partitions(0, '01/03/2014');
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '01/03/2014');
SET datestyle = 'ISO, YMD';
\set VERBOSITY sqlstate
SELECT * FROM acct.rotate_txn_source_partitions(0, '2015-01-02'); :why
SELECT * FROM acct.rotate_txn_source_partitions(-1, '2015-01-01'); :why
SELECT * FROM acct.rotate_txn_source_partitions(1201, '2015-01-01'); :why
SELECT * FROM acct.rotate_txn_source_partitions(NULL, '2015-01-01'); :why
SELECT * FROM acct.rotate_ledger_partitions(0, 'infinity'); :why
SELECT * FROM acct.rotate_ledger_partitions(-1, '2015-01-01'); :why
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid
 WHERE c.relname ~ '_201[45]_[01][1-3](_rest)?$' AND c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE "C";
-- Indexes, by kind and columns
SELECT c.relname, m.amname, i.indisprimary AS primary, i.indisunique AS unique, string_agg(a.attname, ', ' ORDER BY k.n) AS columns
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS m ON m.oid = x.relam
 CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
 WHERE c.relname IN ('txn_source_2015_01', 'ledger_entry_header_2015_01', 'ledger_entry_line_2015_01', 'ledger_entry_line_2015_01_rest') GROUP BY x.oid, 1, 2, 3, 4 ORDER BY 1, 3 DESC, 2, 5;
-- All of a partition's are the parent's, save the ledger's key of journal numbers.
SELECT c.relname, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM pg_inherits AS p WHERE p.inhrelid = i.indexrelid)) AS own_indexes
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relname ~ '_2015_01(_rest)?$' GROUP BY 1 ORDER BY 1;
-- Each partition of the ledger is protected before anything is in it, also where replication applies a change. (Those of the source: test/sql/load.sql)
CREATE FUNCTION public.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
CREATE VIEW public.attempts AS
SELECT public.attempt(format(s.statement, t)) AS outcome
  FROM unnest(ARRAY['ledger_entry_header_2015_01', 'ledger_entry_line_2015_01', 'ledger_entry_line_2015_01_rest']) AS t,
       unnest(ARRAY['UPDATE acct.%I SET run_id = 0', 'DELETE FROM acct.%I', 'TRUNCATE acct.%I']) WITH ORDINALITY AS s (statement, n) ORDER BY t, s.n;
SELECT * FROM public.attempts;
SET session_replication_role = replica;
SELECT * FROM public.attempts;
RESET session_replication_role;
SELECT relation, has_posted FROM ledger_guard.protected WHERE relation::text ~ '_2015_01(_rest)?$' ORDER BY relation::text COLLATE "C";
-- A column and an index that a user added are on new partitions too.
ALTER TABLE acct.txn_source_parent ADD COLUMN region text;
CREATE INDEX ON acct.txn_source_parent (region);
CREATE INDEX ON acct.ledger_entry_line (txn_id);
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2015-06-01'), acct.rotate_ledger_partitions(0, '2015-06-01');
SELECT c.relname, count(*) AS indexes FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relname ~ '_2015_0[16]$' GROUP BY 1 ORDER BY 1;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A", "condition_expr": ":region = ''EAST''"}]');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, region)
VALUES (1, '2015-06-01', '2015-06-01', 'A', 'P', 'C', 1, 1, 'EAST'), (2, '2015-06-01', '2015-07-01', 'A', 'P', 'C', 1, 1, 'EAST');
-- The engine makes a month of the ledger that is missing.
SELECT public.posted('2015-06-01') AS run \gset
SELECT h.tableoid::regclass::text AS partition, count(*) FROM acct.ledger_entry_header AS h GROUP BY 1 ORDER BY 1;
SELECT count(*) AS by_index FROM acct.ledger_entry_line WHERE txn_id = 2;

--
-- DEFAULT partitions: nothing is made, taken or posted while there is one, and what to do is said.
--
CREATE FUNCTION public.shown(statement text) RETURNS TABLE (code text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    code := 'done';
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    code := SQLSTATE;
    RETURN NEXT;
END
$$;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, region)
VALUES (3, '2015-06-01', '2015-06-01', 'A', 'P', 'C', 1, 1, 'EAST');
SELECT public.expanded('2015-06-01') AS more \gset
CREATE TABLE acct.rest (LIKE acct.txn_source_parent INCLUDING ALL);
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.rest DEFAULT;
SELECT x.* FROM unnest(ARRAY['SELECT acct.create_run(''2015-06-01'')', 'SELECT acct.rotate_txn_source_partitions(0, ''2015-07-01'')']) AS s, public.shown(s) AS x;
SELECT check_name, status, observed, detail FROM acct.health('{default_partitions}');
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.rest;
DROP TABLE acct.rest;
CREATE TABLE acct.rest (LIKE acct.ledger_entry_line INCLUDING ALL);
ALTER TABLE acct.ledger_entry_line_2015_06 ATTACH PARTITION acct.rest DEFAULT;
SELECT x.* FROM unnest(ARRAY['SELECT acct.rotate_ledger_partitions(0, ''2015-07-01'')', format('SELECT acct.post_journals(%s)', :more)]) AS s, public.shown(s) AS x;
SELECT check_name, status, observed, detail FROM acct.health('{default_partitions}');
ALTER TABLE acct.ledger_entry_line_2015_06 DETACH PARTITION acct.rest;
SELECT status FROM acct.health('{default_partitions}');
SELECT sum(journals) AS journals FROM acct.post_journals(:more);
-- A month of the source that the site partitions is its own.
CREATE TABLE acct.txn_source_2015_08 (LIKE acct.txn_source_parent INCLUDING ALL) PARTITION BY RANGE (txn_id);
CREATE TABLE acct.august_rest PARTITION OF acct.txn_source_2015_08 DEFAULT;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2015_08 FOR VALUES FROM ('2015-08-01') TO ('2015-09-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, region)
VALUES (1, '2015-08-01', '2015-08-01', 'A', 'P', 'C', 1, 1, 'EAST');
SELECT sum(journals) AS journals FROM acct.post_journals(public.expanded('2015-08-01'));

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

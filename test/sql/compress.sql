-- On one path: it has a run in a partition of its own, and one that shares one.
-- Archived months in columns: what is compressed, what reads it, what the guard lets pass, and the way back. An access method that is the heap
-- under the name columnar stands for that of citus_columnar: the engine reads a table of it as one that is no heap.
\set topic compress
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = 0;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2015-01-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, m, m + 4, 'A', 'P', 'C', n, n FROM generate_series(1, 200) AS n, unnest('{2015-01-01,2015-02-01}'::date[]) AS m;
SELECT public.posted('2015-01-01') AS jan, public.posted('2015-02-01') AS feb \gset
SET ledger_engine.run_partition_min_transactions = -1;
CALL public.txn(1001, '2015-01-01', 'A', 7);
SELECT public.posted('2015-01-01') AS small \gset
SELECT count(*) AS closed FROM public.close_period('2015-01-01');
SELECT je_id AS journal FROM acct.ledger_entry_header WHERE txn_id = 100 AND run_id = :jan \gset

-- What reads the month
CREATE VIEW public.read AS
SELECT 'lines' AS what, count(*) || ' ' || sum(l.debit) || ' ' || acct.run_digest(:jan) AS result FROM acct.account_ledger('1000', '2015-01-01', '2015-01-31') AS l
UNION ALL SELECT 'journal', string_agg(j::text, ' ') FROM acct.journal(:journal) AS j
UNION ALL SELECT 'day', string_agg(t::text, ' ' ORDER BY t::text COLLATE "C") FROM acct.trial_balance_at('2015-01-05') AS t
UNION ALL SELECT 'movement', string_agg(m::text, ' ' ORDER BY m::text COLLATE "C") FROM acct.movement('2015-01-01') AS m
UNION ALL SELECT 'numbers', string_agg(n::text, ' ' ORDER BY n::text COLLATE "C") FROM acct.check_numbering('2015-01-01', 'MAIN') AS n
UNION ALL SELECT 'verified', string_agg(v.check_name || ' ' || v.passed, ' ' ORDER BY v.check_name COLLATE "C", v.passed) FROM acct.verify_ledger() AS v
UNION ALL SELECT 'balances', count(*)::text FROM acct.check_balance_snapshot('2015-01-01')
UNION ALL SELECT 'reconciled', string_agg(r::text, ' ' ORDER BY r::text COLLATE "C") FROM acct.reconcile_month('2015-01-01') AS r
UNION ALL SELECT 'proof', count(*)::text FROM acct.prove_journal(:journal) AS p;
-- How the tables are stored
CREATE VIEW public.stored AS
SELECT n.nspname, regexp_replace(c.relname, '_run_\d+', '_run_N') AS name, m.amname, c.oid, p.has_posted,
       (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'ledger_immutable' AND t.tgenabled = 'A') AS guards,
       (SELECT string_agg(concat_ws(' ', a.amname, regexp_replace(x.relname, '_run_\d+', '_run_N')), ', ' ORDER BY x.relname) FROM pg_index AS i
          JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS a ON a.oid = x.relam WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_am AS m ON m.oid = c.relam JOIN ledger_guard.protected AS p ON p.relation = c.oid
 WHERE c.relname ~ '^ledger_entry_(header|line)_2015_01' AND c.relkind = 'r';

-- What is refused
SELECT acct.compress_archive('2015-01-01');
CREATE ACCESS METHOD columnar TYPE TABLE HANDLER heap_tableam_handler;
SELECT acct.compress_archive('2015-01-01');
SELECT acct.compress_archive('2015-01-02');
SELECT acct.compress_archive(NULL);
SELECT acct.archive_partition('ledger_entry', '2015-01-01');
SELECT acct.ledger_checkpoint() IS NOT NULL AS checkpoint;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.compress_archive('2015-01-01');
ROLLBACK;
-- A site's constraint that tables in columns cannot have is named before anything is done.
\set VERBOSITY default
BEGIN;
ALTER TABLE acct_archive.ledger_entry_header_2015_01 ADD CONSTRAINT mine EXCLUDE USING gist (daterange(je_date, je_date) WITH &&);
SELECT acct.compress_archive('2015-01-01');
ROLLBACK;
CREATE TABLE public.was_stored AS TABLE public.stored;
CREATE TABLE public.was AS TABLE public.read;
SELECT count(*) AS rows_read FROM public.was WHERE result <> '';

-- Compressed: the same tables with the same guard and rows, without indexes that tables in columns cannot have
SELECT acct.compress_archive('2015-01-01');
SELECT acct.compress_archive('2015-01-01');
SELECT s.name, s.amname, s.oid = w.oid AS same, s.has_posted AND s.guards = 1 AS guarded, s.indexes FROM public.stored AS s JOIN public.was_stored AS w USING (name) ORDER BY 1;
SELECT step, partition, rows, detail ?& '{bytes_before,bytes_after}' AS sizes FROM acct.run_log WHERE step = 'compress';
SELECT r.what, r.result, w.result AS was FROM public.read AS r FULL JOIN public.was AS w USING (what) WHERE r.result IS DISTINCT FROM w.result;
SELECT passed, count(*) FROM acct.verify_ledger() GROUP BY 1;
SELECT status, check_name, detail FROM acct.health() WHERE check_name <> 'source_partitions' AND status NOT IN ('ok', 'skipped', 'warning');
-- Read where runs of the month are reversed and corrected
SELECT acct.reverse_run(:jan, '2015-02-10', 'a test') AS back \gset
SELECT journals, lines FROM acct.expand_journals(:back);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT acct.reverse_run(:small, '2015-02-10', 'a test') AS back \gset
SELECT journals, lines FROM acct.expand_journals(:back);
SELECT passed, count(*) FROM acct.validate_run(:jan) GROUP BY 1;

-- The guard lets nothing else pass.
\set VERBOSITY terse
ALTER TABLE acct_archive.ledger_entry_header_2015_01 SET ACCESS METHOD heap;
ALTER TABLE acct_archive.ledger_entry_line_2015_01_rest SET ACCESS METHOD heap;
ALTER TABLE acct.ledger_entry_header_2015_02 SET ACCESS METHOD columnar;
SELECT acct._digest_table('acct_archive.ledger_entry_line_2015_01_rest');
UPDATE acct_archive.ledger_entry_line_2015_01 SET debit = 0;
DELETE FROM acct_archive.ledger_entry_header_2015_01;
TRUNCATE acct_archive.ledger_entry_line_2015_01;
-- As alter_table_set_access_method() of Citus does: a new table takes the place of the old one.
CREATE FUNCTION public.replaced(relation text, is_dropped boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE acct_archive.replacement (LIKE acct_archive.%I INCLUDING ALL) USING columnar', relation);
    EXECUTE format('INSERT INTO acct_archive.replacement SELECT * FROM acct_archive.%I', relation);
    EXECUTE format(CASE WHEN is_dropped THEN 'DROP TABLE acct_archive.%I CASCADE' ELSE 'ALTER TABLE acct_archive.%I RENAME TO replaced' END, relation);
    EXECUTE format('ALTER TABLE acct_archive.replacement RENAME TO %I', relation);
END
$$;
SELECT public.replaced('ledger_entry_header_2015_01', true);
-- One that puts the old one aside is found.
BEGIN;
SELECT public.replaced('ledger_entry_header_2015_01', false);
SELECT check_name, expected, actual FROM acct.verify_ledger() WHERE NOT passed;
SELECT check_name, status, detail FROM acct.health('{partitions_attached,guard}') WHERE status <> 'ok' ORDER BY 1;
SELECT FROM acct.journal(:journal);
ROLLBACK;
-- A table that is elsewhere
BEGIN;
ALTER TABLE acct_archive.ledger_entry_header_2015_01 RENAME TO elsewhere;
SELECT acct.compress_archive('2015-01-01');
ROLLBACK;
\set VERBOSITY default

-- Restored: in rows, with the indexes of the ledger
SELECT acct.restore_partition('ledger_entry', '2015-01-01');
SELECT s.nspname, s.name, s.amname, s.oid = w.oid AS same, s.guards, s.indexes FROM public.stored AS s JOIN public.was_stored AS w USING (name) ORDER BY 2;
SELECT p.indexrelid::regclass AS of_ledger, i.inhrelid::regclass AS index FROM pg_index AS p JOIN pg_inherits AS i ON i.inhparent = p.indexrelid
  JOIN pg_class AS x ON x.oid = i.inhrelid JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'brin' WHERE x.relname ~ '2015_01_je' ORDER BY 1, 2;
SELECT r.what FROM public.read AS r FULL JOIN public.was AS w USING (what) WHERE r.result IS DISTINCT FROM w.result AND what NOT IN ('journal', 'reconciled');
SELECT passed, count(*) FROM acct.verify_ledger() GROUP BY 1;
SELECT acct.compress_archive('2015-01-01');

-- Compressed and dropped
SELECT acct.archive_partition('ledger_entry', '2015-01-01'), acct.compress_archive('2015-01-01');
SELECT acct._drop_archived(max(archive_id)) FROM acct.archived_partition;
SELECT acct.compress_archive('2015-01-01');
SELECT count(*) AS tables FROM public.stored;

-- Retention: the policies, what they have archived and dropped, what stays and why, staging
\set topic retention
\i test/sql/setup.sql
SET ledger_engine.staging_table_min_transactions = 0; -- for tables that small runs share, see staging.sql
SELECT * FROM acct.retention_policy ORDER BY table_name;
-- What is no policy
\set VERBOSITY terse
UPDATE acct.retention_policy SET active_months = 0 WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET active_months = NULL WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET active_days = 1 WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET export_before_drop = false WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET drop_after_months = 11 WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET action = 'keep' WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET action = 'archive' WHERE table_name = 'je_staging';
UPDATE acct.retention_policy SET active_days = -1 WHERE table_name = 'je_staging';
INSERT INTO acct.retention_policy (table_name, active_months, action, export_before_drop) VALUES ('policy_change', 1, 'drop', false);
UPDATE acct.retention_policy SET action = 'archive' WHERE table_name = 'run_log';
UPDATE acct.retention_policy SET drop_after_months = 24 WHERE table_name = 'journal_run_batch';
UPDATE acct.retention_policy SET export_before_drop = true WHERE table_name = 'run_log';
\set VERBOSITY default

-- Days differ from run to run.
CREATE FUNCTION public.listed(dry_run boolean) RETURNS TABLE (table_name text, partition_name text, month date, action text, reason text, rows bigint)
LANGUAGE sql AS $$ SELECT r.table_name, r.partition_name, r.month, r.action, regexp_replace(r.reason, '20\d\d-\d\d-\d\d', 'DATE'), r.rows FROM acct.apply_retention(dry_run) AS r $$;
CREATE VIEW public.place AS
SELECT n.nspname || '.' || c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relname ~ '^(txn_source|ledger_entry_(header|line)|je_(header|line)_staging)_\d+' AND c.relkind IN ('r', 'p') AND c.relname !~ '_(rest|run_\d+)$';

CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('STAT', 'Statutory', true), ('EXTRA', 'Some transactions only', false);
CALL public.policy('S', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "STAT"}');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(7, '2015-01-01');
-- January is whole. February has a batch in no run, March a batch that is posted in one basis only, April a run that is
-- expanded, May an exception, June a run that is created. July and August are empty, and July of the ledger: these stay.
CALL public.txn(1, '2015-01-01', 'A');
CALL public.txn(2, '2015-01-01', 'A', 50);
CALL public.txn(3, '2015-02-01', 'A');
CALL public.txn(4, '2015-03-01', 'A');
CALL public.txn(5, '2015-04-01', 'A');
CALL public.txn(6, '2015-05-01', 'UNKNOWN');
CALL public.txn(7, '2015-05-01', 'A');
CALL public.txn(8, '2015-06-01', 'A');
SELECT public.posted('2015-01-01', 'jan') AS jan, public.posted('2015-03-01', 'mar', '{"basis": ["PRIMARY", "EXTRA"]}') AS mar,
       public.expanded('2015-04-01', 'apr') AS apr, public.posted('2015-05-01', 'may') AS may, acct.create_run('2015-06-01', 'jun') AS jun \gset
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0), acct.rotate_txn_source_partitions(0);
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '2015-07-01');
-- The books of January are closed but for one; the one of March is.
SELECT public.close_period('2015-01-01', 'MAIN', 'PRIMARY');
SELECT public.close_period('2015-03-01', 'MAIN', 'PRIMARY');
SELECT * FROM public.listed(true);
-- Listing changes nothing.
SELECT count(*) FILTER (WHERE name ~ '^acct_archive') AS archived, count(*) FILTER (WHERE name ~ '^acct\.') AS there FROM public.place;
SELECT * FROM public.listed(false);
SELECT name FROM public.place WHERE name ~ '^acct_archive' ORDER BY 1;
SELECT table_name, month, partitions, rows, journals, gross, trim_scale(debit) AS debit, credit = debit AS balanced, digest IS NOT NULL AS has_digest, archived_by = session_user AS by_me, dropped_at FROM acct.archived_partition ORDER BY archive_id;
-- Again: what is left
SELECT * FROM public.listed(false);
SELECT * FROM acct.apply_retention(NULL) WHERE action <> 'skip';
SELECT step, partition, rows, detail FROM acct.run_log WHERE step = 'archive' ORDER BY log_id;

-- Put right, each goes.
SELECT public.close_period('2015-01-01', 'MAIN', 'STAT');
CALL public.policy('U', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "UNKNOWN"}]');
CALL public.policy('US', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "UNKNOWN"}]', '{"basis": "STAT"}');
SELECT acct.reprocess_exceptions(:may) AS again \gset
SELECT reason FROM public.listed(true) WHERE month = '2015-05-01' AND table_name = 'txn_source_parent';
SELECT journals, exceptions FROM acct.expand_journals(:again);
SELECT journals FROM acct.post_journals(:again);
SELECT acct.discard_run(:apr);
-- The ledger of March is archived, so its second book has to wait until the month is back.
SELECT public.posted('2015-03-01', 'mar too', '{"basis": "STAT"}') AS too \gset
SELECT reason, message FROM acct.je_exception WHERE run_id = :too;
SELECT acct.restore_partition('ledger_entry', '2015-03-01', 0) AS restored, acct.reprocess_exceptions(:too) AS again \gset
SELECT journals, exceptions FROM acct.expand_journals(:again);
SELECT journals FROM acct.post_journals(:again);
SELECT acct.discard_run(:jun);
DELETE FROM acct.txn_source_parent WHERE txn_month IN ('2015-02-01', '2015-06-01');
SELECT public.close_period(m::date, 'MAIN', b) FROM unnest(ARRAY['PRIMARY', 'STAT']) AS b, generate_series(timestamp '2015-03-01', '2015-05-01', '1 month') AS m;
-- A batch of another number, which is none
INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (9, '2015-06-01', 1000000, '2015-06-01', 'A', 'P', 'C', 5, 5);
-- Rows added to a batch that was taken
INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 10, '2015-05-01', batch_id, '2015-05-01', 'A', 'P', 'C', 5, 5 FROM acct.txn_source_parent WHERE txn_id = 7;
SELECT * FROM public.listed(false);
SELECT name FROM public.place WHERE name ~ '^acct_archive' ORDER BY 1;
SET ledger_engine.maintenance = on;
DELETE FROM acct.txn_source_parent WHERE txn_id IN (9, 10);
RESET ledger_engine.maintenance;
SELECT * FROM public.listed(false);
SELECT count(*) AS transactions, (SELECT count(*) FROM acct.ledger_entry_line) AS lines FROM acct.txn_source_parent;

-- An empty month takes a late load. One whose rows runs took, and somebody removed, is archived: it is not to be loaded again.
BEGIN;
CALL public.txn(80, '2015-07-01', 'A');
SELECT partition_name, action, reason FROM public.listed(true) WHERE month = '2015-07-01';
SELECT public.posted('2015-07-01', 'jul') IS NOT NULL AS posted;
SET ledger_engine.maintenance = on;
DELETE FROM acct.txn_source_parent WHERE txn_id = 80;
RESET ledger_engine.maintenance;
SELECT partition_name, action, reason, rows FROM public.listed(true) WHERE month = '2015-07-01';
ROLLBACK;

-- By another policy the source is dropped: active months at once, and what is archived.
UPDATE acct.retention_policy SET action = 'drop' WHERE table_name = 'txn_source_parent';
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2015-09-01');
SELECT * FROM public.listed(true);
SELECT action, count(*) FROM public.listed(false) GROUP BY 1 ORDER BY 1;
SELECT * FROM public.listed(false);
SELECT count(*) AS source_tables FROM public.place WHERE name ~ '^(acct_archive\.|acct\.txn_source_2015)' AND name ~ 'txn_source';
SELECT month, rows, dropped_by = session_user AS by_me, dropped_at IS NOT NULL AS dropped FROM acct.archived_partition WHERE table_name = 'txn_source_parent' ORDER BY month;
-- Neither is made again.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(8, '2014-12-01');
SELECT * FROM acct.rotate_txn_source_partitions(0, '2015-01-01');
SELECT acct.restore_partition('txn_source_parent', '2015-01-01');
SELECT acct.archive_partition('txn_source_parent', '2015-01-01');
-- Nor are its transactions loaded again.
CALL public.txn(1, '2015-01-01', 'A');
-- The ledger is not, but what it says is not to be compared with a source any more.
SELECT acct.run_digest(:jan) = digest AS untouched FROM acct.journal_run WHERE run_id = :jan;
SELECT acct.validate_run(:jan);

-- The ledger is dropped only when it was exported and verified: export.sql has that.
UPDATE acct.retention_policy SET drop_after_months = 24 WHERE table_name = 'ledger_entry';
SELECT * FROM public.listed(false) WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET action = 'drop', drop_after_months = NULL WHERE table_name = 'ledger_entry';
SELECT * FROM public.listed(false) WHERE table_name = 'ledger_entry' AND month = '2015-01-01';

-- Staging of runs that were posted long enough ago
SELECT count(*) AS staging FROM public.place WHERE name ~ 'staging';
CREATE TABLE acct.je_line_staging_900 (LIKE acct.je_line_staging);
CREATE TABLE acct.je_header_staging_99999 (LIKE acct.je_header_staging);
UPDATE acct.journal_run SET posted_at = posted_at - interval '31 days' WHERE run_id = :jan;
SELECT partition_name, month, action, reason FROM public.listed(true) WHERE table_name = 'je_staging';
SELECT action, count(*) FROM public.listed(false) WHERE table_name = 'je_staging' GROUP BY 1;
SELECT count(*) AS dropped FROM acct.run_log WHERE step = 'drop' AND run_id = :jan;
SELECT acct.run_digest(:jan, 'staging');
SELECT count(*) AS staged FROM acct.run_staging WHERE run_id = :jan;
SELECT bool_and(already_done) AS already_done FROM acct.expand_journals(:jan);
-- At once
UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging';
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2015-10-01');
CALL public.txn(11, '2015-10-01', 'A');
SELECT public.expanded('2015-10-01') AS oct \gset
UPDATE acct.journal_run SET expanded_at = expanded_at - interval '1 second' WHERE run_id = :oct;
SELECT table_name, partition_name, month, action, reason FROM public.listed(false) WHERE table_name IN ('je_staging', 'journal_run') ORDER BY 3, 1, 2;
SELECT count(*) AS staging FROM public.place WHERE name ~ 'staging';
SELECT bool_and(passed) AS valid FROM acct.validate_run(:oct);
SELECT acct._retire_staging(:oct);

-- Records of runs: what each step found, and claims
SELECT acct.delete_batch(max(batch_id), '{}') AS deleted FROM acct.txn_batch;
CALL public.txn(12, '2015-10-01', 'A');
SELECT acct.create_run('2015-10-01', 'oct too') AS open \gset
SELECT table_name, reason, rows FROM public.listed(false) WHERE table_name IN ('run_log', 'journal_run_batch');
UPDATE acct.run_log SET at = at - interval '13 months';
UPDATE acct.journal_run_batch SET released_at = released_at - interval '13 months';
UPDATE acct.archived_partition SET dropped_at = dropped_at - interval '13 months' WHERE month <> '2015-05-01';
CREATE TABLE public.claims AS SELECT txn_month, released_at IS NULL AS live, count(*) AS claims FROM acct.journal_run_batch GROUP BY 1, 2;
SELECT table_name, partition_name, month, action, reason, rows > 0 AS due FROM public.listed(true) WHERE table_name IN ('run_log', 'journal_run_batch');
SELECT table_name, partition_name, month, action, reason, rows > 0 AS due FROM public.listed(false) WHERE table_name IN ('run_log', 'journal_run_batch');
SELECT table_name, rows FROM public.listed(false) WHERE table_name IN ('run_log', 'journal_run_batch');
-- What stays in the log: runs that are not over, what people decided, what became of months, and what was done just now
SELECT step, count(DISTINCT coalesce(partition, '')) AS of, bool_or(at > now() - interval '1 year') AS new FROM acct.run_log WHERE run_id IS DISTINCT FROM :open AND run_id IS DISTINCT FROM :oct GROUP BY step ORDER BY step;
SELECT DISTINCT step FROM acct.run_log WHERE run_id IN (:open, :oct) ORDER BY 1;
-- Claims of the source that still stands, or was dropped lately, and none of discarded runs
SELECT txn_month, live, count(*) AS claims, (SELECT c.claims FROM public.claims AS c WHERE (c.txn_month, c.live) = (b.txn_month, b.live)) AS before
  FROM (SELECT txn_month, released_at IS NULL AS live FROM acct.journal_run_batch) AS b GROUP BY 1, 2 ORDER BY 1, 2;
-- The result of a repeated call is what the run's record has.
SELECT * FROM acct.expand_journals(:jan);
SELECT * FROM acct.post_journals(:jan);
SELECT create_ms, validate_ms, journals FROM acct.run_history WHERE run_id = :jan;
SELECT acct.run_digest(:jan) = digest AS untouched FROM acct.journal_run WHERE run_id = :jan;
SELECT acct.create_run('2015-01-01', 'jan') = :jan AS same;
SELECT check_name, passed FROM acct.validate_run(:oct) WHERE NOT passed;

-- India's time has the letters of Israel's, in dates as some sessions have them.
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
SELECT t, (regexp_match(acct._old_records(t, '2026-01-01 00:00+00'), '< ''([^'']+)'''))[1]::timestamptz = '2026-01-01 00:00+00' AS same FROM unnest('{run_log,journal_run_batch}'::text[]) AS t;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- Without policies nothing is done; installing again does not bring them back.
DELETE FROM acct.retention_policy;
SELECT acct.install() AS installed \gset
SELECT count(*) AS listed FROM public.listed(false);

-- Only where later statements see what others have done meanwhile
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) AS listed FROM acct.apply_retention(true);
SELECT acct.apply_retention();
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- What is logged of runs, and the views of runs, months and exceptions
\set topic progress
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('R', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', header => '{"negative_policy": "reject"}');

-- Nothing is shown of a run that is not at work, also in the transaction that worked.
SELECT count(*) AS at_work FROM acct.run_progress;
SELECT attname AS column, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'acct.run_progress'::regclass AND attnum > 0 ORDER BY attnum;

-- Figures of months without runs
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'A', 50);
CALL public.txn(3, '2025-01-01', 'NOTHING');
CALL public.txn(4, '2025-01-01', 'NOTHING');
CALL public.txn(5, '2025-01-01', 'R', -7);
CALL public.txn(6, '2025-01-01', 'A', currency => 'XXX');
CALL public.txn(7, '2025-02-01', 'A', 10);
SELECT pg_stat_force_next_flush() AS flushed \gset
ANALYZE acct.txn_source_parent;
\set summary 'SELECT txn_month, runs, runs_created AS created, runs_expanded AS expanded, runs_posted AS posted, runs_discarded AS discarded, transactions_taken AS taken, journals, lines, debit, credit, exceptions_open AS open, exceptions_resolved AS resolved, last_posted_at IS NOT NULL AS has_time FROM acct.run_summary ORDER BY 1'
:summary;
SELECT txn_month, transactions_loaded AS loaded, transactions_waiting AS waiting FROM acct.run_summary ORDER BY 1;

-- A run, step by step
SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
:summary;
SELECT count(*) AS partitions FROM acct.expand_journals(:jan);
SELECT count(*) FILTER (WHERE NOT passed) AS failed FROM acct.validate_run(:jan);
:summary;
BEGIN;
SELECT sum(lines) AS lines FROM acct.post_journals(:jan);
SELECT count(*) AS at_work FROM acct.run_progress;
COMMIT;
SELECT sum(lines) AS lines, bool_and(already_done) AS already_done FROM acct.post_journals(:jan);
SELECT sum(transactions) AS transactions, bool_and(already_done) AS already_done FROM acct.expand_journals(:jan);
SELECT step, partition, rows, elapsed_ms > 0 AS timed, round(rows_per_second::numeric, 3) IS NOT DISTINCT FROM round((rows / elapsed_ms * 1000)::numeric, 3) AS rate, exceptions,
       peak_memory IS NULL AS no_memory, ARRAY(SELECT k FROM jsonb_object_keys(detail) AS k ORDER BY k COLLATE "C") AS detail
  FROM acct.run_log WHERE run_id = :jan ORDER BY log_id;
:summary;

-- Exceptions taken up again, and what fails again
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
\set exceptions 'SELECT txn_month, basis, reason, template_code AS template, exceptions, exceptions_open AS open, oldest_run, newest_run, example FROM acct.exception_summary ORDER BY 1, 2, 3, 4'
:exceptions;
SELECT acct.reprocess_exceptions(:jan) AS again \gset
SELECT sum(transactions) AS transactions, sum(journals) AS journals, sum(exceptions) AS exceptions FROM acct.expand_journals(:again);
SELECT sum(lines) AS lines FROM acct.post_journals(:again);
SELECT step, rows, exceptions, detail ->> 'reprocess_of' AS reprocess_of FROM acct.run_log WHERE run_id = :again ORDER BY log_id;
:exceptions;
:summary;

-- Discarded: its exceptions do not count, and those that it took up are open again.
SELECT acct.reprocess_exceptions(:again) AS third \gset
SELECT sum(exceptions) AS exceptions FROM acct.expand_journals(:third);
:exceptions;
SELECT acct.discard_run(:third);
SELECT step, rows, elapsed_ms > 0 AS timed FROM acct.run_log WHERE run_id = :third ORDER BY log_id;
:exceptions;
:summary;

-- A month without transactions: its steps are in the log all the same. A run that is only created.
SELECT public.posted('2025-03-01', 'mar') AS mar \gset
SELECT step, partition, rows, elapsed_ms > 0 AS timed FROM acct.run_log WHERE run_id = :mar ORDER BY log_id;
SELECT count(*) AS rows FROM acct.expand_journals(:mar);
SELECT count(*) AS rows FROM acct.post_journals(:mar);
SELECT acct.create_run('2025-02-01') AS feb \gset
SELECT run_id, run_key, txn_month, status, reprocess_of, created_by = session_user AS by_us, expanded_at IS NULL AS unexpanded, posted_at IS NULL AS unposted,
       discarded_at IS NULL AS kept, transactions, journals, lines, exceptions, ignored, exceptions_open AS open, debit, credit
  FROM acct.run_history ORDER BY run_id;
SELECT run_id, length(digest) AS digest, create_ms > 0 AS created, expand_ms > 0 AS expanded, validate_ms > 0 AS validated, post_ms > 0 AS posted, transactions_per_second >= 0 AS txn_rate,
       lines_per_second >= 0 AS line_rate, peak_memory IS NULL AS no_memory
  FROM acct.run_history ORDER BY run_id;

-- What belongs to no run: partitions made, balances recomputed
SELECT acct.update_balance_snapshot() AS wrong;
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2026-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2026-01-01');
SELECT step, partition, rows, elapsed_ms > 0 AS timed FROM acct.run_log WHERE run_id IS NULL ORDER BY log_id;

-- A month whose source partition is gone has its runs still.
DROP TABLE acct.txn_source_2025_03;
SELECT txn_month, runs, transactions_loaded, transactions_waiting FROM acct.run_summary WHERE txn_month = '2025-03-01';

-- The setting
SET ledger_engine.progress_interval = '5s';
SHOW ledger_engine.progress_interval;
\set VERBOSITY sqlstate
SET ledger_engine.progress_interval = -1;
\set VERBOSITY default
RESET ledger_engine.progress_interval;
SHOW ledger_engine.progress_interval;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

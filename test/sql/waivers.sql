-- Exceptions that need no journal are waived with a reason; and the waiver can be taken back
\set topic waivers
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('AT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CALL public.txn(1, '2025-01-01', 'A', value_date => '2015-01-15');
CALL public.txn(2, '2025-01-01', 'A');
CALL public.txn(3, '2025-01-01', 'B');
CALL public.txn(4, '2025-01-01', 'B');
SELECT public.expanded('2025-01-01', 'jan') AS run \gset
SELECT txn_id, basis, outcome FROM public.outcome(:run);
\set open 'SELECT (SELECT exceptions_open FROM acct.run_history WHERE run_id = ' :run ') AS run, (SELECT sum(exceptions_open) FROM acct.exception_summary) AS summary, exceptions_open AS month, exceptions_waived AS waived, (SELECT observed FROM acct.health(''{exceptions_open}'')) AS health FROM acct.run_summary WHERE txn_month = ''2025-01-01'';'
-- Not before the run is posted.
SELECT acct.waive_exception(:run, 1, 'PRIMARY', 'A duplicate of last year''s');
SELECT acct.revoke_waiver(:run, 1, 'PRIMARY');
SELECT sum(journals) AS journals FROM acct.post_journals(:run);
:open
SELECT acct.archive_partition('txn_source_parent', '2025-01-01');

-- A reason is needed, and an exception that there is.
SELECT acct.waive_exception(:run, 1, 'PRIMARY', NULL);
SELECT acct.waive_exception(:run, 1, 'PRIMARY', '');
SELECT acct.waive_exception(:run, 1, 'PRIMARY', E' \t\n\u00a0\u3000\u200b');
SELECT acct.waive_exception(:run, 1, 'PRIMARY', repeat('x', 1001));
SELECT acct.waive_exception(:run, 2, 'PRIMARY', 'none');
SELECT acct.waive_exception(:run, 1, 'OTHER', 'none');
SELECT acct.waive_exception(:run, NULL, NULL, 'none');
SELECT acct.waive_exception(NULL, 1, 'PRIMARY', 'none');
SELECT acct.waive_exception(-1, 1, 'PRIMARY', 'none');
SELECT acct.revoke_waiver(:run, 2, 'PRIMARY');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.waive_exception(:run, 1, 'PRIMARY', 'none');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT acct.revoke_waiver(:run, 1, 'PRIMARY');
ROLLBACK;
SELECT count(*) AS waived FROM acct.je_exception WHERE waived_at IS NOT NULL;

-- For the basis that is named; called again it changes nothing.
SELECT acct.waive_exception(:run, 1, 'PRIMARY', 'A duplicate of last year''s');
SELECT acct.waive_exception(:run, 1, 'PRIMARY', 'Another reason');
SELECT txn_id, basis, waived_by = session_user AS by_me, waived_at <= clock_timestamp() AS lately, waive_reason
  FROM acct.je_exception WHERE run_id = :run ORDER BY txn_id, basis;
:open
SELECT reason, basis, exceptions, exceptions_open, exceptions_waived FROM acct.exception_summary ORDER BY 1, 2;
-- It can be taken back, as long as the month's transactions are there.
SELECT acct.revoke_waiver(:run, 1, 'PRIMARY');
SELECT acct.revoke_waiver(:run, 1, 'PRIMARY');
:open
SELECT acct.waive_exception(:run, 1, 'PRIMARY', 'Éé 重複');
SELECT acct.waive_exception(:run, 3, 'PRIMARY', repeat('é', 1000));
SELECT acct.waive_exception(run_id, txn_id, basis, 'x') FROM acct.je_exception WHERE run_id = :run AND basis = 'TAX';
SELECT step, rows, detail - 'waived_at' - 'waived_by' - 'by' - 'waive_reason' AS detail, left(detail ->> 'waive_reason', 10) AS waive_reason,
       detail ->> 'by' = session_user AND detail ->> 'waived_by' = session_user AS by_me, detail ? 'waived_at' AS has_time
  FROM acct.run_log WHERE step IN ('waive', 'revoke_waiver') ORDER BY log_id;
:open

-- Reprocessing takes what is not waived, and that is not waived then.
SELECT acct.reprocess_exceptions(:run) AS again \gset
SELECT txn_id, basis FROM acct.je_exception WHERE resolved_by_run = :again;
SELECT acct.waive_exception(:run, 4, 'PRIMARY', 'too late');
SELECT acct.discard_run(:again);
SELECT acct.waive_exception(:run, 4, 'PRIMARY', 'in time');
SELECT acct.waive_exception(:again, 4, 'PRIMARY', 'discarded');
SET client_min_messages = notice;
SELECT acct.reprocess_exceptions(:run) AS none \gset
RESET client_min_messages;
SELECT acct.discard_run(:none);
:open
-- Nothing is in the way of the archive; there they stay waived.
SELECT acct.archive_partition('txn_source_parent', '2025-01-01');
SELECT acct.revoke_waiver(:run, 4, 'PRIMARY');
SELECT acct.restore_partition('txn_source_parent', '2025-01-01');
SELECT acct.revoke_waiver(:run, 4, 'PRIMARY');
SELECT acct.archive_partition('txn_source_parent', '2025-01-01');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

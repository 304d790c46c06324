-- Transactions that a template of type IGNORE took by mistake are taken up again
\set topic ignored
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('IGN', '{}', '[{"txn_type": "Z"}, {"txn_type": "Y"}]', '{"template_type": "IGNORE"}');
CALL public.policy('IGNT', '{}', '[{"txn_type": "Z", "condition_expr": ":gross_amount > 50 AND :txn_type LIKE ''Z%'' AND :bank_value_date < ''2030-12-31''"}, {"txn_type": "A", "product_code": "Q"}]', '{"template_type": "IGNORE", "basis": "TAX"}');
\set booked 'SELECT txn_id, basis, template_code, total_debit FROM acct.ledger_entry_header ORDER BY txn_month, txn_id, basis;'
CALL public.txn(1, '2025-01-01', 'A', 1);
CALL public.txn(20, '2025-01-01', 'Z', 77);
CALL public.txn(21, '2025-01-01', 'Z', 33);
CALL public.txn(22, '2025-01-01', 'Y', 5);
CALL public.txn(23, '2025-01-01', 'NOTHING', 5);
SELECT detail FROM acct.run_month('2025-01-01', 'jan') WHERE step = 'expand';
SELECT run_id AS run FROM acct.journal_run WHERE run_key = 'jan' \gset
SELECT basis_counts FROM acct.journal_run WHERE run_id = :run;

-- As long as the policy is what it was, they are ignored again, and the counts close.
SELECT acct.reprocess_ignored(:run) AS same \gset
SELECT txn_id, basis, resolved_by_run = :same AS taken FROM acct.journal_run_ignored WHERE run_id = :run ORDER BY 1, 2;
SELECT sum(transactions) AS transactions, sum(journals) AS journals, sum(exceptions) AS exceptions, sum(ignored) AS ignored FROM acct.expand_journals(:same);
SELECT bool_and(passed) AS valid, count(*) FILTER (WHERE check_name LIKE 'counts_close%') AS counts FROM acct.validate_run(:same);
-- Discarded, they are given back.
SELECT acct.discard_run(:same);
SELECT count(*) AS free FROM acct.journal_run_ignored WHERE run_id = :run AND resolved_by_run IS NULL;

-- Once there is a template they are booked: each once, however often it is called.
CALL public.policy('Z', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "Z", "priority": 1}]');
SELECT acct.reprocess_ignored(:run) AS again \gset
SET client_min_messages = notice;
SELECT acct.reprocess_ignored(:run) AS none \gset
RESET client_min_messages;
SELECT acct.discard_run(:none);
SELECT status, txn_month, bases, reprocess_of = :run AS of_the_first FROM acct.journal_run WHERE run_id = :again;
SELECT step, rows, detail - 'reprocess_of' AS detail FROM acct.run_log WHERE run_id = :again;
SELECT acct.archive_partition('txn_source_parent', '2025-01-01');
SELECT sum(transactions) AS transactions, sum(journals) AS journals, sum(exceptions) AS exceptions, sum(ignored) AS ignored FROM acct.expand_journals(:again);
SELECT txn_id, basis, template, outcome FROM public.outcome(:again);
SELECT check_name, expected, actual FROM acct.validate_run(:again) WHERE check_name LIKE 'counts_close%' OR NOT passed;
SELECT sum(journals) AS journals FROM acct.post_journals(:again);
:booked
SELECT bool_and(passed) AS valid FROM acct.validate_run(:again);
-- Of a run that took them up again, what it ignored in turn: each time from the run that ignored it last.
SELECT acct.reprocess_ignored(:run) AS none \gset
SELECT acct.discard_run(:none);
CALL public.policy('Y', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "Y", "priority": 1}]');
SELECT acct.reprocess_ignored(:again) AS third \gset
SELECT txn_id, basis FROM acct.journal_run_ignored WHERE resolved_by_run = :third ORDER BY 1, 2;
SELECT sum(transactions) AS transactions, sum(journals) AS journals, sum(ignored) AS ignored FROM acct.expand_journals(:third);
SELECT sum(journals) AS journals FROM acct.post_journals(:third);
:booked
-- Of a run that reprocessed exceptions
CALL public.policy('IGN2', '{}', '[{"txn_type": "NOTHING"}]', '{"template_type": "IGNORE"}');
SELECT acct.reprocess_exceptions(:run) AS exceptions \gset
SELECT sum(ignored) AS ignored FROM acct.expand_journals(:exceptions);
SELECT count(*) AS months FROM acct.post_journals(:exceptions);
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "NOTHING", "priority": 1}]');
SELECT acct.reprocess_ignored(:exceptions) AS fourth \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:fourth);
SELECT sum(journals) AS journals FROM acct.post_journals(:fourth);
SELECT count(*) AS journals, count(DISTINCT (txn_id, txn_month, basis)) AS transactions FROM acct.ledger_entry_header;
SELECT bool_and(v.passed) AS valid, count(DISTINCT r.run_id) AS runs FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted';

-- A basis that does not take every transaction: those that are not in it are not taken for it.
CALL public.txn(1, '2025-02-01', 'A', 1);
CALL public.txn(2, '2025-02-01', 'A', 2, product => 'Q');
CALL public.txn(3, '2025-02-01', 'A', 3, product => 'Q');
SELECT public.posted('2025-02-01', 'feb') AS feb \gset
SELECT ignored, basis_counts -> 'TAX' AS tax FROM acct.journal_run WHERE run_id = :feb;
CALL public.policy('TAXED', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"product_code": "Q", "priority": 1}]', '{"basis": "TAX"}');
SELECT acct.reprocess_ignored(:feb) AS feb2 \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:feb2);
SELECT sum(journals) AS journals FROM acct.post_journals(:feb2);
SELECT txn_id, basis, template_code FROM acct.ledger_entry_header WHERE txn_month = '2025-02-01' ORDER BY 1, 2;
-- A rule that was not there yet does not matter, nor does one that had ended.
CALL public.policy('IGNA', '{}', '[{"txn_type": "A", "channel": "C"}]', '{"template_type": "IGNORE", "basis": "TAX"}');
SELECT acct.reprocess_ignored(:feb2) AS none \gset
SELECT public.retire('IGNA', 1, '2025-02-02');
CALL public.txn(9, '2025-02-01', 'Z', 99);
CALL public.txn(10, '2025-02-01', 'A', 10, '2025-02-01');
CALL public.txn(11, '2025-02-01', 'A', 11);
SELECT public.posted('2025-02-01', 'ended') AS ended \gset
BEGIN;
SELECT acct.reprocess_ignored(:ended) AS x \gset
SELECT txn_id, basis FROM acct.journal_run_ignored WHERE resolved_by_run = :x ORDER BY 1, 2;
ROLLBACK;
-- A run that does not say when: more fit a rule than it ignored, and nothing is taken.
UPDATE acct.journal_run SET basis_policy = NULL WHERE run_id = :ended;
SELECT acct.reprocess_ignored(:ended) AS x \gset
SELECT count(*) AS listed FROM acct.journal_run_ignored WHERE run_id = :ended;
INSERT INTO acct.journal_run_ignored (run_id, txn_id, txn_month, basis) VALUES (:ended, 10, '2025-02-01', 'TAX');
SELECT acct.reprocess_ignored(:ended) AS by_hand \gset
SELECT sum(ignored) AS ignored FROM acct.expand_journals(:by_hand);
-- It is taken by what the basis took when the run was expanded.
CALL public.txn(4, '2025-02-01', 'A', 4, product => 'Q');
CALL public.policy('TAXED', '{}', '[{"product_code": "Q", "priority": 1}]', '{"basis": "TAX", "template_type": "IGNORE"}');
CALL public.txn(5, '2025-02-01', 'A', 5);
SELECT public.posted('2025-02-01', 'feb3') AS feb3 \gset
BEGIN;
UPDATE acct.accounting_basis SET every_transaction = NOT every_transaction;
SELECT acct.reprocess_ignored(:feb3) AS x \gset
SELECT txn_id, basis FROM acct.journal_run_ignored WHERE run_id = :feb3;
ROLLBACK;
-- A run that ignored nothing
CALL public.txn(1, '2025-03-01', 'A', 1);
SELECT public.posted('2025-03-01', 'mar') AS mar \gset
SELECT acct.reprocess_ignored(:mar) AS none \gset
SELECT count(*) AS listed FROM acct.journal_run_ignored WHERE run_id = :mar;

-- Errors
SELECT acct.reprocess_ignored(NULL);
SELECT acct.reprocess_ignored(-1);
SELECT acct.reprocess_ignored(:same);
CALL public.txn(30, '2025-04-01', 'IGNORED', 1);
CALL public.txn(31, '2025-04-01', 'IGNORED', 1);
CALL public.policy('IGN4', '{}', '[{"txn_type": "IGNORED"}]', '{"template_type": "IGNORE"}');
SELECT public.expanded('2025-04-01', 'apr') AS apr \gset
SELECT acct.reprocess_ignored(:apr);
SELECT count(*) AS months FROM acct.post_journals(:apr);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.reprocess_ignored(:apr);
ROLLBACK;
-- A superuser deleted one: it cannot be told which.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
DELETE FROM acct.txn_source_parent WHERE txn_month = '2025-04-01' AND txn_id = 31;
SELECT acct.reprocess_ignored(:apr) AS x \gset
ROLLBACK;
-- The month's transactions are archived.
SELECT acct.archive_partition('txn_source_parent', '2025-04-01');
SELECT acct.reprocess_ignored(:apr);
SELECT acct.restore_partition('txn_source_parent', '2025-04-01');
SELECT acct.reprocess_ignored(:apr) AS apr2 \gset
SELECT sum(transactions) AS transactions, sum(ignored) AS ignored FROM acct.expand_journals(:apr2);
SELECT acct.update_balance_snapshot() AS wrong;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

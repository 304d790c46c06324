-- A month's end: what stands against closing a month, who may waive it, what is kept of it, and months that are closed by default
\set topic close
\i test/sql/setup.sql
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax accounts');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_suspense)
VALUES ('1900', 'Suspense', 'ASSET', NULL, true), ('1100', 'Due from F2', 'ASSET', 'F1', false), ('2100', 'Due to F1', 'LIABILITY', 'F2', false);
INSERT INTO acct.elimination_pair VALUES ('F1-F2', 'What the operator owes the risk fund', '1100', NULL, '2100', 'F2');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('LEND', '{DR 1100 F1 :gross_amount,CR 1000 F1 *,DR 1000 F2 :gross_amount,CR 2100 F2 *}');
CALL public.policy('HALF', '{DR 1100 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('LOST', '{DR 1900 F2 :gross_amount,CR 1000 F2 *}');
CALL public.policy('ONE_FUND', '{DR 1000 F1 :gross_amount,CR 2000 F2 :gross_amount}', header => '{"balance_by_fund": false}');
CALL public.policy('T', '{DR 5000 F1 :gross_amount,CR 3000 F1 *}', header => '{"basis": "TAX"}', matches => '[{"txn_type": "A"}]');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
CREATE VIEW public.found AS
SELECT m.m AS month, c.* FROM generate_series(timestamp '2025-01-01', '2025-04-01', '1 month') AS m, LATERAL acct.check_close(m::date) AS c;

-- Nothing stands against a month that has nothing, in any book, also one long past.
SELECT count(*) AS findings FROM public.found;
SELECT * FROM acct.close_period('1999-12-01');

--
-- Work that is left, by value date and entity, whatever month it was loaded for
--
BEGIN;
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'A', 30, '2025-02-03');
CALL public.txn(3, '2025-01-01', 'NOTHING', 7);
CALL public.txn(4, '2025-01-01', 'LEND', 0.5, currency => 'CY1');
COMMIT;
CALL public.txn(5, '2025-02-01', 'A', 20, '2025-01-31');
CALL public.txn(6, '2025-01-01', 'A', 40, entity => 'SUB');
SELECT to_char(month, 'YYYY-MM') AS month, entity_code, basis, finding, severity, found, currency, amount, message FROM public.found WHERE basis = 'PRIMARY';
-- A basis that does not take every transaction waits for its loads like the other.
SELECT to_char(month, 'YYYY-MM') AS month, entity_code, basis, finding, found, currency, amount FROM public.found WHERE basis = 'TAX' AND currency = 'IDR';
SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SELECT to_char(month, 'YYYY-MM') AS month, entity_code, basis, finding, found, currency, amount, regexp_replace(message, 'run \d+', 'run N') AS message FROM public.found WHERE basis = 'PRIMARY';
SELECT count(*) FROM acct.expand_journals(:jan);
SELECT to_char(month, 'YYYY-MM') AS month, entity_code, basis, finding, found, currency, amount, regexp_replace(message, 'run \d+', 'run N') AS message FROM public.found;
SELECT sum(journals) AS journals FROM acct.post_journals(:jan);
SELECT to_char(month, 'YYYY-MM') AS month, entity_code, basis, finding, found, currency, amount, message, hint FROM public.found WHERE entity_code = 'MAIN';
-- Refused, with each finding by name; nothing is changed, nor by the books that have none.
\set VERBOSITY default
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY');
\set VERBOSITY sqlstate
SELECT acct.close_period('2025-01-01'); :why
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY', '{loads_waiting}', 'Loaded too late'); :why
SELECT count(*) AS closed FROM acct.accounting_period WHERE period_month > '2000-01-01' AND NOT is_open;
-- What is waived is kept: what stood, not what else was named. Other books need no waiver.
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY', '{loads_waiting,exceptions_open,balances_differ}', 'Loaded too late');
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY') AS again;
SELECT action, entity_code, basis, period_month, waived, reason, done_by = session_user AS by_me, f ->> 'finding' AS finding, f ->> 'found' AS found, f ->> 'amount' AS amount
  FROM acct.period_log LEFT JOIN LATERAL jsonb_array_elements(detail) AS f ON true WHERE period_month > '2000-01-01' ORDER BY log_id, finding;
-- Out of order, and in order. What is left of a month that was closed stands against later ones.
SELECT acct.close_period('2025-03-01', 'MAIN', 'PRIMARY'); :why
SELECT finding, message FROM acct.check_close('2025-03-01', 'MAIN', 'PRIMARY');
SELECT finding, message FROM acct.check_close('2024-12-01', 'MAIN', 'PRIMARY');
-- An exception of a closed month stands against it when it is open again.
SELECT acct.create_run('2025-02-01', 'feb') AS feb \gset
SELECT sum(exceptions) AS exceptions FROM acct.expand_journals(:feb);
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY', 'Statement of the bank') AS reopened, acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY') AS again;
SELECT finding, found, currency, amount, message FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY');
SELECT acct.discard_run(:feb);
SELECT sum(journals) AS journals FROM acct.create_run('2025-02-01', 'feb2') AS r, LATERAL acct.expand_journals(r);
SELECT finding, found, regexp_replace(message, 'run \d+', 'run N') AS message FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY');
SELECT sum(journals) AS journals FROM acct.post_journals('feb2');
-- A transaction that is taken up again is work that is left until its run is posted.
SELECT acct.reprocess_exceptions(:jan) AS again \gset
SELECT finding, found, regexp_replace(message, 'run \d+', 'run N') AS message FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY');
SELECT acct.discard_run(:again);
SELECT acct.waive_exception(:jan, 3, 'PRIMARY', 'A test message of the bank');
SELECT changed FROM acct.close_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT changed FROM acct.close_period('2025-01-01');

--
-- Balances: funds, pairs, suspense accounts, lines
--
BEGIN;
CALL public.txn(10, '2025-02-01', 'HALF', 12);
CALL public.txn(11, '2025-02-01', 'LOST', 3);
CALL public.txn(12, '2025-02-01', 'ONE_FUND', 1000, currency => 'CY0');
COMMIT;
SELECT sum(journals) AS journals FROM acct.create_run('2025-02-01', 'balances') AS r, LATERAL acct.expand_journals(r);
SELECT sum(journals) AS journals FROM acct.post_journals('balances');
SELECT finding, severity, found, currency, amount, message FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY');
-- They stand at the end of each later month, too, also one without entries, until they are put right.
SELECT finding, currency, amount FROM acct.check_close('2025-04-01', 'MAIN', 'PRIMARY');
-- A pair in each currency, entity and basis for itself: the other ones of MAIN are equal and opposite.
SELECT p.currency, p.balance, p.counter_balance FROM acct._pair_balances('2025-02-01', '{MAIN}', '{PRIMARY}') AS p;
-- A release changes pairs, suspense accounts and closing accounts; what cannot be is refused before.
SELECT acct.create_release('Pairs') AS release \gset
INSERT INTO acct.elimination_pair_draft (release_id, operation, pair_code, counter_account_code) VALUES (:release, 'update', 'F1-F2', '1000');
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, is_suspense) VALUES (:release, 'update', '1900', false);
INSERT INTO acct.fund_draft (release_id, operation, fund, surplus_account_code) VALUES (:release, 'update', 'F1', '4000'), (:release, 'update', 'F2', 'NONE');
SELECT * FROM acct.check_release(:release);
UPDATE acct.fund_draft SET surplus_account_code = '3000' WHERE release_id = :release;
SELECT * FROM acct.check_release(:release);
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_release(:release);
RESET SESSION AUTHORIZATION;
SELECT table_name, row_key, new_values FROM acct.release_changes WHERE release_id = :release;
SELECT finding, currency, amount FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY') WHERE finding ~ 'pair|suspense';
INSERT INTO acct.elimination_pair VALUES ('SAME', 'One account', '1100', NULL, '1100', 'F1');
DELETE FROM acct.elimination_pair;
-- Balances that are not what the lines come to
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 5, closing_balance = closing_balance + 5
 WHERE snapshot_month = '2025-02-01' AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND account_code = '1000' AND fund = 'F1' AND currency = 'IDR';
SELECT finding, severity, found, currency, amount, message FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY') WHERE finding IN ('balances_differ', 'fund_unbalanced');
SELECT finding FROM acct.check_close('2025-02-01', 'SUB', 'PRIMARY');
SELECT acct.update_balance_snapshot() AS wrong;
SELECT finding, found, currency, amount FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY');

-- A manual journal that nobody has decided
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo) VALUES ('SUB', 'PRIMARY', '2025-02-28', 'IDR', 'Rent') RETURNING journal_id AS rent \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:rent, 1, '5000', 'F2', 90, 0), (:rent, 2, '1000', 'F2', 0, 90);
SELECT finding, severity, found, currency, amount, message FROM acct.check_close('2025-02-01', 'SUB', 'PRIMARY');
SELECT finding FROM acct.check_close('2025-03-01', 'SUB', 'PRIMARY');
BEGIN;
SELECT changed FROM acct.close_period('2025-02-01', 'SUB', 'PRIMARY', '{manual_journals_open}', 'The rent is disputed');
SELECT finding, message = format('not decided: journal %s (draft)', :rent) AS as_before FROM acct.check_close('2025-03-01', 'SUB', 'PRIMARY');
ROLLBACK;
DELETE FROM acct.manual_journal;

--
-- Who may waive, and what is asked of them
--
SELECT count(*) FROM acct.install_roles();
CREATE ROLE regress_close_finance LOGIN;
CREATE ROLE regress_close_approver LOGIN;
GRANT acct_finance TO regress_close_finance;
GRANT acct_approver TO regress_close_approver;
SET SESSION AUTHORIZATION regress_close_finance;
SELECT finding FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY');
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced}', 'Known'); :why
SELECT changed FROM acct.close_period('2025-02-01', 'SUB', 'PRIMARY', reason => 'Nothing open');
SELECT acct.reopen_period('2025-02-01', 'SUB', 'PRIMARY'); :why
SELECT acct.set_book('MAIN', 'PRIMARY', '{}'); :why
SELECT action, entity_code, reason FROM acct.period_log ORDER BY log_id DESC LIMIT 1;
INSERT INTO acct.period_log (action, entity_code, basis) VALUES ('close', 'MAIN', 'PRIMARY'); :why
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_close_approver;
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced}'); :why
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced}', E' \n'); :why
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced}', repeat('x', 1001)); :why
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced,everything}', 'Known'); :why
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', ARRAY[NULL, 'fund_unbalanced'], 'Known'); :why
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{month_before_open}', 'Known'); :why
SELECT changed FROM acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', '{fund_unbalanced}', 'Known since January');
RESET SESSION AUTHORIZATION;
SELECT done_by, action, waived, reason FROM acct.period_log WHERE entity_code = 'MAIN' AND period_month = '2025-02-01';
-- NULL waives nothing.
SELECT changed FROM acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', NULL, NULL);
-- The log stays as it is.
UPDATE acct.period_log SET reason = 'Better';
DELETE FROM acct.period_log;
TRUNCATE acct.period_log;

--
-- Properties of books
--
SELECT acct.set_book('MAIN', 'TAX', NULL); :why
SELECT acct.set_book('MAIN', 'TAX', '[]'); :why
SELECT acct.set_book('MAIN', 'NONE', '{}'); :why
SELECT acct.set_book('NONE', 'TAX', '{}'); :why
SELECT acct.set_book('MAIN', 'TAX', '{"year": 4}'); :why
SELECT acct.set_book('MAIN', 'TAX', '{"first_year_month": 13}'); :why
SELECT acct.set_book('MAIN', 'TAX', '{"closed_from": "2025-05-02"}'); :why
CREATE FUNCTION public.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT v, public.attempt(format('SELECT acct.set_book(''MAIN'', ''TAX'', %L)', v)) FROM unnest(ARRAY['{"first_year_month": 0}', '{"first_year_month": 13}', '{"first_year_month": "4"}',
    '{"first_year_month": null}', '{"first_year_month": 4.5}', '{"closed_from": "2025-05-02"}', '{"closed_from": 2025}', '{"closed_from": "2025-13-01"}', '{"closed_from": "9999-01-01"}', '{"closed_from": "0000-01-01"}']) AS v;
SELECT acct.set_book('MAIN', 'TAX', '{}') AS nothing, acct.set_book('MAIN', 'TAX', '{"first_year_month": 1, "closed_from": null}') AS the_defaults;
SELECT acct.set_book('MAIN', 'PRIMARY', '{"closed_from": "2025-05-01"}') AS closed, acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 7}') AS year, acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 7}') AS again;
SELECT entity_code, basis, first_year_month, closed_from, closed_through FROM acct.book;
-- From then on transactions are set aside, or move to the next open month, unless a month is opened.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(4, '2025-03-01');
CALL public.txn(20, '2025-06-01', 'A', 1);
CALL public.txn(21, '2025-05-01', 'A', 2, '2025-04-30');
CALL public.txn(22, '2025-06-01', 'A', 4, entity => 'SUB');
SELECT public.expanded('2025-06-01', 'june', '{"basis": ["PRIMARY"]}') AS june \gset
SELECT * FROM public.outcome(:june);
SELECT acct.discard_run(:june);
SELECT acct.reopen_period('2025-07-01', 'MAIN', 'PRIMARY', 'First to come') AS opened, acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY') AS was_open;
SELECT public.expanded('2025-06-01', 'june', '{"basis": ["PRIMARY"], "late": "next_open"}') AS june \gset
SELECT je_date, original_date, entity_code FROM acct.je_header_staging WHERE run_id = :june ORDER BY txn_id;
-- What is opened, closed or closed by default after a run was expanded is found when it is posted.
SELECT changed FROM public.close_period('2025-07-01', 'MAIN', 'PRIMARY');
SELECT acct.post_journals(:june); :why
SELECT check_name, actual FROM acct.validate_run(:june) WHERE NOT passed;
SELECT acct.reopen_period('2025-07-01', 'MAIN', 'PRIMARY');
SELECT acct.set_book('SUB', 'PRIMARY', '{"closed_from": "2025-06-01"}');
SELECT acct.post_journals(:june); :why
SELECT acct.set_book('SUB', 'PRIMARY', '{"closed_from": null}');
SELECT sum(journals) AS journals FROM acct.post_journals(:june);
-- An opened month is closed as any other, and a closed one is closed.
SELECT finding, found FROM acct.check_close('2025-07-01', 'MAIN', 'PRIMARY');
SELECT changed FROM acct.close_period('2025-08-01', 'MAIN', 'PRIMARY');
SELECT period_month, is_open FROM acct.accounting_period WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' ORDER BY 1;
SELECT acct.reverse_run(:june, '2025-08-01', 'Into a month that is closed by default'); :why
SELECT action, entity_code, detail FROM acct.period_log WHERE action = 'set_book';
-- Closing reads the ledger and keeps no lock of it: with one it would wait for a book, or make a month, beside a posting that needs the ledger to itself.
BEGIN;
SELECT changed FROM public.close_period('2025-07-01', 'MAIN', 'PRIMARY');
SELECT count(*) AS kept FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation AND c.relname LIKE 'ledger_entry%' WHERE l.pid = pg_backend_pid();
ROLLBACK;
-- Transactions of an entity that is not registered belong to no book that is closed by name; they stand against closing all.
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(0, '2026-05-01');
CALL public.txn(900, '2026-05-01', 'FEE', 70, entity => 'NOBODY');
-- Also while they wait for a run.
SELECT entity_code, basis, finding, found, currency, amount, message FROM acct.check_close('2026-05-01') WHERE entity_code = 'NOBODY' AND basis = 'PRIMARY';
SELECT count(*) AS of_main FROM acct.check_close('2026-05-01', 'MAIN') WHERE finding = 'loads_waiting';
SELECT acct.close_period('2026-05-01', basis => 'PRIMARY', waive => '{month_before_open,pair_differs,suspense_not_zero}', reason => 'A test'); :why
SELECT acct.create_run('2026-05-01', 'may 26') AS may \gset
SELECT exceptions FROM acct.expand_journals(:may);
SELECT FROM acct.post_journals(:may);
SELECT entity_code, basis, finding, found, currency, amount, message FROM acct.check_close('2026-05-01') WHERE entity_code = 'NOBODY';
SELECT count(*) AS of_main FROM acct.check_close('2026-05-01', 'MAIN') WHERE finding = 'exceptions_open';
SELECT acct.close_period('2026-05-01', waive => '{month_before_open,pair_differs,suspense_not_zero}', reason => 'A test'); :why
SELECT count(*) AS closed FROM acct.close_period('2026-05-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'A test') WHERE changed;
SELECT DISTINCT basis, waived @> '{exceptions_open}' AS waived, f ->> 'message' AS message FROM acct.period_log, jsonb_array_elements(detail) AS f
 WHERE period_month = '2026-05-01' AND f ->> 'finding' = 'exceptions_open' ORDER BY basis;
-- What comes late for such an entity stands against each later close, too, and so does a run that took it and is not expanded.
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(1, '2026-08-01');
CALL public.txn(920, '2026-05-01', 'FEE', 80, entity => 'NOBODY');
SELECT DISTINCT entity_code, finding, found, amount, message FROM acct.check_close('2026-08-01') WHERE entity_code = 'NOBODY' ORDER BY finding, message;
SELECT acct.create_run('2026-05-01', 'late nobody') AS run \gset
SELECT DISTINCT entity_code, finding, found, regexp_replace(message, 'run \d+', 'run N') AS message FROM acct.check_close('2026-08-01') WHERE entity_code = 'NOBODY' ORDER BY finding, message;
SELECT exceptions FROM acct.expand_journals(:run);
SELECT FROM acct.post_journals(:run);
SELECT DISTINCT entity_code, finding, found, amount, message FROM acct.check_close('2026-09-01') WHERE entity_code = 'NOBODY' ORDER BY finding, message;
SELECT count(*) AS of_main FROM acct.check_close('2026-09-01', 'MAIN') WHERE message LIKE '%2026-05%';
-- So it does where journals of its year are no longer accepted.
BEGIN;
INSERT INTO acct.posting_limit VALUES ('first_year', 2027) ON CONFLICT (name) DO UPDATE SET value = 2027;
SELECT DISTINCT entity_code, finding, found, amount, message FROM acct.check_close('2027-01-01') WHERE entity_code = 'NOBODY' ORDER BY finding, message;
ROLLBACK;
-- A value date that no run accepts is of no month that is ever closed: it stands against closing the month for which it was loaded, and each later one.
BEGIN;
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(0, '2026-09-01');
CALL public.txn(930, '2026-09-01', 'FEE', 10, value_date => '2062-09-03');
CALL public.txn(931, '2026-09-01', 'FEE', 20, value_date => '0206-09-03');
CALL public.txn(932, '2026-09-01', 'FEE', 40, value_date => '2027-09-01');
CALL public.txn(933, '2026-09-01', 'FEE', 80, value_date => '2027-09-02');
SELECT DISTINCT finding, found, amount, message FROM acct.check_close('2026-09-01', 'MAIN') WHERE message LIKE '%2026-09%';
SELECT acct.create_run('2026-09-01', 'far dates') AS run \gset
SELECT DISTINCT finding, found, regexp_replace(message, 'run \d+', 'run N') AS message FROM acct.check_close('2026-09-01', 'MAIN') WHERE finding = 'runs_not_posted';
SELECT journals, exceptions FROM acct.expand_journals(:run);
SELECT FROM acct.post_journals(:run);
SELECT DISTINCT finding, found, amount, message FROM acct.check_close('2026-09-01', 'MAIN') WHERE message LIKE '%2026-09%';
SELECT count(*) > 0 AS changed FROM public.close_period('2026-09-01', 'MAIN');
SELECT DISTINCT finding, found, amount, message FROM acct.check_close('2026-10-01', 'MAIN') WHERE message LIKE '%2026-09%';
ROLLBACK;
-- Nor is a month closed over rows of a batch that is not registered, which no run takes. A batch that is taken and lost its registration is booked.
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(0, '2026-06-01');
CALL public.txn(910, '2026-06-01', 'FEE', 30);
SELECT FROM public.posted('2026-06-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
SELECT 911, '2026-06-01', max(batch_id) + 1000, '2026-06-15', 'FEE', 'P', 'C', 40, 40 FROM acct.txn_batch;
SELECT entity_code, basis, finding, found, currency, amount, message FROM acct.check_close('2026-06-01') WHERE finding = 'loads_waiting';
CALL public.txn(912, '2026-06-01', 'FEE', 50);
SELECT entity_code, basis, finding, found, currency, amount FROM acct.check_close('2026-06-01') WHERE finding = 'loads_waiting';
SELECT found FROM acct.check_close('2026-05-01') WHERE finding = 'loads_waiting';
DELETE FROM acct.txn_source_parent WHERE txn_id IN (911, 912);
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM acct.txn_batch AS b USING acct.txn_source_parent AS s WHERE s.txn_id = 910 AND b.batch_id = s.batch_id;
INSERT INTO acct.source_check VALUES ('2026-06-01');
SELECT found FROM acct.check_close('2026-06-01') WHERE finding = 'loads_waiting';
ROLLBACK;

\c :regress_db
DROP ROLE regress_close_finance, regress_close_approver;
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

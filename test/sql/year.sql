-- A year's end: closing entries by fund and currency, what keeps a year from being closed, reopening, rehearsals
\set topic year
\i test/sql/setup.sql
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax accounts');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, effective_to)
VALUES ('3100', 'Surplus of the risk fund', 'EQUITY', 'F1', NULL), ('3200', 'Retained earnings', 'EQUITY', 'F2', NULL), ('3300', 'Reserve for claims', 'EQUITY', NULL, NULL),
       ('4100', 'Fees', 'INCOME', NULL, '2024-07-01');
CALL public.policy('IN', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('OUT', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('FEE', '{DR 1000 F2 :gross_amount,CR 4100 F2 *}');
CALL public.policy('COST', '{DR 5000 F2 :gross_amount,CR 1000 F2 *}');
CALL public.policy('T', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', header => '{"basis": "TAX"}', matches => '[{"txn_type": "IN"}]');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(26, '2024-01-01');
CREATE PROCEDURE public.close_months(first date, last date, entity text DEFAULT 'MAIN', basis text DEFAULT 'PRIMARY') LANGUAGE sql AS $$
    SELECT FROM generate_series(first::timestamp, last, '1 month') AS m, public.close_period(m::date, entity, basis)
$$;
-- Balances, entries and numbers agree, and the books balance.
CREATE FUNCTION public.sound() RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (SELECT FROM acct.check_balance_snapshot())
       AND NOT EXISTS (SELECT FROM acct.journal_number AS n
                        WHERE n.last_number <> (SELECT count(*) FROM acct.ledger_entry_header AS h
                                                 WHERE (h.entity_code, h.basis) = (n.entity_code, n.basis) AND date_trunc('month', h.je_date) = n.period_month))
       AND NOT EXISTS (SELECT FROM acct.ledger_entry_line GROUP BY je_id, fund HAVING sum(debit) <> sum(credit))
       AND (SELECT bool_and(v.passed) FROM acct.journal_run AS r, LATERAL acct.validate_run(r.run_id) AS v WHERE r.status IN ('posted', 'reversed'))
$$;
BEGIN;
CALL public.txn(1, '2024-02-01', 'IN', 1000);
CALL public.txn(2, '2024-03-01', 'OUT', 400);
CALL public.txn(3, '2024-03-01', 'FEE', 50);
CALL public.txn(4, '2024-04-01', 'COST', 70);
CALL public.txn(5, '2024-05-01', 'IN', 9, currency => 'CY0');
CALL public.txn(6, '2024-06-01', 'OUT', 9, currency => 'CY0');
CALL public.txn(7, '2024-12-01', 'IN', 0.5, entity => 'SUB');
COMMIT;
SELECT count(*) AS runs FROM generate_series(timestamp '2024-01-01', '2024-12-01', '1 month') AS m, public.posted(m::date) WHERE EXISTS (SELECT FROM acct.batch_waiting AS w WHERE w.txn_month = m);

--
-- What keeps a year from being closed
--
SELECT acct.close_year(NULL, 'MAIN', 'PRIMARY'); :why
SELECT acct.close_year('2024-11-30', 'MAIN', 'PRIMARY'); :why
SELECT acct.close_year('2024-12-30', 'MAIN', 'PRIMARY'); :why
SELECT acct.close_year('infinity', 'MAIN', 'PRIMARY'); :why
SELECT acct.close_year('5874897-12-31', 'MAIN', 'PRIMARY'); :why
SELECT acct.reopen_year('4713-12-31 BC', 'MAIN', 'PRIMARY', 'x'); :why
SELECT acct.reopen_period('5874897-12-01', 'MAIN', 'PRIMARY'); :why
SELECT acct.exceptions_report('4713-01-01 BC'); :why
SELECT acct.reconcile_month('5874897-12-01'); :why
SELECT acct.close_year('2024-12-31', NULL, 'PRIMARY'); :why
SELECT acct.close_year('2024-12-31', 'MAIN', 'NONE'); :why
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY', '{everything}', 'x'); :why
SELECT acct.reopen_year('2024-12-31', 'MAIN', 'PRIMARY', 'x'); :why
CALL public.close_months('2024-02-01', '2024-10-01');
\set VERBOSITY default
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
CALL public.close_months('2024-11-01', '2024-11-01');
CALL public.txn(8, '2024-12-01', 'NOTHING', 1);
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
CALL acct.process_month('2024-12-01');
SELECT acct.waive_exception(run_id, txn_id, basis, 'None') FROM acct.je_exception WHERE txn_id = 8;
-- Funds without an account, all of them; accounts that cannot take it
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
UPDATE acct.fund SET surplus_account_code = '3100';
UPDATE acct.chart_of_accounts SET closing_account_code = '9999' WHERE account_code = '4000';
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
UPDATE acct.chart_of_accounts SET closing_account_code = '5000' WHERE account_code = '4000';
UPDATE acct.fund SET surplus_account_code = '3200' WHERE fund = 'F2';
UPDATE acct.chart_of_accounts SET effective_to = '2024-12-31' WHERE account_code = '3200';
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
\set VERBOSITY sqlstate
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = '3200';
UPDATE acct.chart_of_accounts SET closing_account_code = NULL WHERE account_code = '4000';
-- Nothing of it is left.
SELECT count(*) AS closing_runs FROM acct.journal_run WHERE kind = 'closing';
SELECT count(*) AS books FROM acct.book;

--
-- A rehearsal: what stands against it, the entries, the balances after; nothing is left of it.
--
CALL public.txn(9, '2024-12-01', 'OUT', 3);
SELECT acct.reopen_period('2024-05-01', 'MAIN', 'PRIMARY');
CREATE VIEW public.trace AS SELECT (SELECT count(*) FROM acct.journal_run) AS runs, (SELECT count(*) FROM acct.run_log) AS logged, (SELECT count(*) FROM acct.period_log) AS log,
    (SELECT sum(last_number) FROM acct.journal_number) AS numbers, (SELECT count(*) FROM acct.ledger_entry_line) AS lines, (SELECT count(*) FROM acct.book) AS books,
    (SELECT count(*) FROM acct.accounting_period WHERE NOT is_open) AS closed, (SELECT sum(closing_balance * hashtext(account_code)) FROM acct.account_balance_snapshot) AS balances,
    (SELECT count(*) FROM pg_class WHERE relnamespace = 'acct'::regnamespace) AS relations, (SELECT count(*) FROM ledger_guard.protected) AS protected;
CREATE TABLE public.before AS TABLE public.trace;
SELECT * FROM acct.rehearse_close('2024-12-01', 'MAIN', 'PRIMARY');
SELECT part, item, message FROM acct.rehearse_close('2024-10-01', 'MAIN', 'PRIMARY') WHERE part <> 'trial_balance';
SELECT part, item, account_code, currency, balance FROM acct.rehearse_close('2024-04-01', 'MAIN', 'PRIMARY') WHERE part <> 'finding';
SELECT count(*) AS rows FROM acct.rehearse_close('2024-12-01', 'OTHER', 'PRIMARY');
TABLE public.trace EXCEPT TABLE public.before;
SELECT acct.rehearse_close('2024-12-02', 'MAIN', 'PRIMARY'); :why
SELECT acct.rehearse_close('2024-12-01', 'NONE', 'PRIMARY'); :why
UPDATE acct.fund SET surplus_account_code = NULL WHERE fund = 'F2';
SELECT acct.rehearse_close('2024-12-01', 'MAIN', 'PRIMARY'); :why
UPDATE acct.fund SET surplus_account_code = '3200' WHERE fund = 'F2';
CALL public.close_months('2024-05-01', '2024-05-01');

--
-- The year is closed: with a waiver here, which is logged.
--
SELECT je_number, fund, currency, income, expense, surplus FROM acct.close_year('2024-12-31', 'MAIN', 'PRIMARY', '{loads_waiting}', 'One claim, booked next year');
SELECT h.je_number, h.je_date, h.journal_type, h.memo, l.line_no, l.account_code, l.fund, l.currency, l.debit, l.credit
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id) WHERE h.journal_type = 'closing' ORDER BY h.je_number, l.line_no;
SELECT kind, status, je_date, bases, options, reason, journals, lines, debit FROM acct.journal_run WHERE kind = 'closing';
SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2024-12-01', 'MAIN') WHERE account_type IN ('INCOME', 'EXPENSE', 'EQUITY');
-- Before closing: the movements of December and the year's income and expense, as they were; in any other month it changes nothing.
SELECT fund, account_code, currency, period_debit, period_credit, closing_balance FROM acct.trial_balance('2024-12-01', 'MAIN', closing => false) WHERE account_type IN ('INCOME', 'EXPENSE', 'EQUITY');
SELECT count(*) AS differ FROM (SELECT * FROM acct.trial_balance('2025-03-01') EXCEPT SELECT * FROM acct.trial_balance('2025-03-01', closing => false)) AS x;
SELECT count(*) AS differ FROM (SELECT * FROM acct.trial_balance('2024-12-01', known_at => '2000-01-01', closing => false) UNION SELECT * FROM acct.trial_balance('2024-12-01', known_at => '2000-01-01')) AS x;
SELECT count(*) AS null_is_true FROM (SELECT * FROM acct.trial_balance('2024-12-01') EXCEPT SELECT * FROM acct.trial_balance('2024-12-01', closing => NULL)) AS x;
-- The other reports of balances have the same parameter.
SELECT count(*) AS accounts, count(*) FILTER (WHERE t IS DISTINCT FROM a) AS at_day, count(*) FILTER (WHERE h.closing_balance IS DISTINCT FROM t.closing_balance) AS subtotals
  FROM acct.trial_balance('2024-12-01', closing => false) AS t
  FULL JOIN acct.trial_balance_at('2024-12-31', closing => false) AS a USING (entity_code, fund, account_code, currency)
  FULL JOIN acct.account_hierarchy('2024-12-01', closing => false) AS h USING (entity_code, fund, account_code, currency);
CREATE VIEW public.unlike AS SELECT t.* FROM acct.trial_balance('2024-12-01', closing => false) AS t
  FULL JOIN (SELECT m.entity_code, m.fund, m.account_code, m.currency, sum(m.amount) FILTER (WHERE m.item = 'opening balance') AS opening, coalesce(sum(m.debit), 0) AS debit, coalesce(sum(m.credit), 0) AS credit,
                    sum(m.amount) FILTER (WHERE m.item = 'closing balance') AS closing FROM acct.movement('2024-12-01', closing => false) AS m GROUP BY 1, 2, 3, 4) AS x
    USING (entity_code, fund, account_code, currency)
 WHERE (t.opening_balance, t.period_debit, t.period_credit, t.closing_balance) IS DISTINCT FROM (x.opening, x.debit, x.credit, x.closing);
SELECT count(*) AS unlike FROM public.unlike;
SELECT item, count(*) FROM acct.movement('2024-12-01', closing => false) GROUP BY 1 ORDER BY 1;
SELECT item, count(*) FROM acct.movement('2024-12-01', closing => NULL) GROUP BY 1 ORDER BY 1;
SELECT fund, currency, account_code, closing_balance FROM acct.trial_balance_at('2024-12-31', 'MAIN', closing => NULL) WHERE account_type = 'EQUITY';
SELECT fund, currency, account_code, closing_balance FROM acct.account_hierarchy('2024-12-01', 'MAIN', closing => NULL) WHERE account_type = 'EQUITY';
SELECT count(*) AS differ FROM (SELECT * FROM acct.trial_balance_at('2024-12-30', closing => false) EXCEPT SELECT * FROM acct.trial_balance_at('2024-12-30')) AS x;
SELECT public.sound();
SELECT entity_code, basis, closed_through, closed_years FROM acct.book;
SELECT action, period_month, run_id IS NOT NULL AS has_run, waived, reason FROM acct.period_log WHERE action = 'close_year';
-- Closing entries that are not in the ledger are not reversed.
BEGIN;
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2024_12;
SELECT public.answer('SELECT acct.reopen_year(''2024-12-31'', ''MAIN'', ''PRIMARY'', ''x'')') AS reopened;
ROLLBACK;

--
-- What a closed year keeps out: every month up to its end, also those that nobody closed
--
SELECT acct.close_year('2024-12-31', 'MAIN', 'PRIMARY'); :why
SELECT acct.close_year('2023-12-31', 'MAIN', 'PRIMARY'); :why
SELECT acct.reopen_period('2024-03-01', 'MAIN', 'PRIMARY'); :why
SELECT acct.reopen_period('2023-03-01', 'MAIN', 'PRIMARY'); :why
SELECT changed FROM acct.close_period('2023-03-01', 'MAIN', 'PRIMARY');
SELECT acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 4}'); :why
SELECT acct.set_book('MAIN', 'PRIMARY', '{"closed_from": "2020-01-01"}') AS set, acct.set_book('MAIN', 'PRIMARY', '{"closed_from": null}') AS unset;
CALL public.txn(10, '2024-01-01', 'IN', 5, '2023-12-31');
SELECT public.expanded('2024-01-01', 'late') AS late \gset
SELECT * FROM public.outcome(:late) WHERE basis = 'PRIMARY';
SELECT acct.discard_run(:late);
SELECT public.expanded('2024-01-01', 'late', '{"basis": ["PRIMARY"], "late": "next_open"}') AS late \gset
SELECT je_date, original_date FROM acct.je_header_staging WHERE run_id = :late;
SELECT journals FROM acct.post_journals(:late);
-- Closing entries are reversed with their year, in no other way.
SELECT r.run_id AS closing FROM acct.journal_run AS r WHERE kind = 'closing' \gset
SELECT acct.reverse_run(:closing, '2025-01-31', 'x'); :why
SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :closing), '2025-01-31', 'x'); :why
SELECT acct.correct_run(:closing, '2025-01-31', 'x'); :why
SELECT acct.reprocess_exceptions(:closing); :why
SELECT acct.discard_run(:closing); :why
SELECT already_done FROM acct.post_journals(:closing);

--
-- The next year, and the one after; reopening goes the other way
--
BEGIN;
CALL public.txn(20, '2025-02-01', 'IN', 200);
CALL public.txn(21, '2025-02-01', 'COST', 80);
COMMIT;
CALL acct.process_month('2025-02-01');
CALL public.close_months('2025-01-01', '2025-12-01');
SELECT acct.close_year('2026-12-31', 'MAIN', 'PRIMARY'); :why
-- Its last month may have been closed before.
SELECT je_number, fund, currency, income, expense, surplus FROM acct.close_year('2025-12-31', 'MAIN', 'PRIMARY', '{loads_waiting}', 'The same claim');
SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2025-12-01', 'MAIN') WHERE account_type IN ('INCOME', 'EXPENSE', 'EQUITY') AND closing_balance <> 0;
SELECT acct.reopen_year('2024-12-31', 'MAIN', 'PRIMARY', 'x'); :why
SELECT acct.reopen_year('2026-12-31', 'MAIN', 'PRIMARY', 'x'); :why
SELECT acct.reopen_year('2025-12-31', 'MAIN', 'PRIMARY', NULL); :why
SELECT acct.reopen_year('2025-12-31', 'MAIN', 'PRIMARY', ' '); :why
SELECT acct.reopen_year('2025-12-31', 'MAIN', 'PRIMARY', 'A late invoice') IS NOT NULL AS reversed;
SELECT entity_code, basis, closed_through, closed_years, acct._is_closed('MAIN', 'PRIMARY', '2025-12-01') AS december, acct._is_closed('MAIN', 'PRIMARY', '2025-11-01') AS november FROM acct.book;
SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2025-12-01', 'MAIN') WHERE account_type IN ('INCOME', 'EXPENSE', 'EQUITY') AND closing_balance <> 0;
SELECT count(*) AS differ FROM (SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2025-12-01') EXCEPT SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2025-12-01', closing => false)) AS x;
SELECT r.kind, r.status, r.je_date, r.reason FROM acct.journal_run AS r WHERE r.je_date = '2025-12-31' ORDER BY run_id;
-- What is booked meanwhile is in the closing that follows, any number of times.
CALL public.txn(22, '2025-12-01', 'COST', 20);
CALL acct.process_month('2025-12-01', 'invoice');
SELECT je_number, fund, income, expense, surplus FROM acct.close_year('2025-12-31', 'MAIN', 'PRIMARY', '{loads_waiting}', 'The same claim');
SELECT acct.reopen_year('2025-12-31', 'MAIN', 'PRIMARY', 'Once more') IS NOT NULL AS reversed;
SELECT je_number, fund, income, expense, surplus FROM acct.close_year('2025-12-31', 'MAIN', 'PRIMARY', '{loads_waiting}', 'The same claim');
SELECT kind, status, count(*) FROM acct.journal_run WHERE je_date = '2025-12-31' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT public.sound();
-- Both years, the latest first
SELECT acct.reopen_year('2025-12-31', 'MAIN', 'PRIMARY', 'Back') IS NOT NULL AS reversed;
SELECT acct.reopen_year('2024-12-31', 'MAIN', 'PRIMARY', 'Back') IS NOT NULL AS reversed;
SELECT count(*) AS unlike FROM public.unlike;
SELECT item, count(*) FROM acct.movement('2024-12-01', 'MAIN', closing => false) GROUP BY 1 ORDER BY 1;
SELECT closed_through, closed_years FROM acct.book;
SELECT acct.close_year('2025-12-31', 'MAIN', 'PRIMARY'); :why
SELECT acct.reopen_period('2024-03-01', 'MAIN', 'PRIMARY') AS reopened, acct.reopen_period('2024-03-01', 'MAIN', 'PRIMARY') AS again;
SELECT public.sound();
SELECT action, period_month, reason FROM acct.period_log WHERE action ~ 'year' ORDER BY log_id;

--
-- Other books: a year of its own, single accounts that go elsewhere, nothing to bring
--
SELECT acct.set_book('SUB', 'PRIMARY', '{"first_year_month": 3}');
SELECT acct.close_year('2024-12-31', 'SUB', 'PRIMARY'); :why
UPDATE acct.chart_of_accounts SET closing_account_code = '3300' WHERE account_code = '5000';
BEGIN;
CALL public.txn(30, '2025-02-01', 'OUT', 0.2, entity => 'SUB');
CALL public.txn(31, '2025-03-01', 'IN', 4, entity => 'SUB');
COMMIT;
CALL acct.process_month('2025-02-01', 'sub');
CALL acct.process_month('2025-03-01', 'sub2');
CALL public.close_months('2024-12-01', '2025-01-01', 'SUB');
SELECT je_number, fund, currency, income, expense, surplus FROM acct.close_year('2025-02-28', 'SUB', 'PRIMARY');
-- The entries of the year that follows were there before.
SELECT account_code, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-03-01', 'SUB');
SELECT account_code, closing_balance FROM acct.trial_balance('2025-02-01', 'SUB', closing => false);
SELECT public.sound();
-- A book without entries, and a year without income and expense
-- (What waits for one of its months is booked, or waived with that month, before.)
BEGIN;
CALL public.txn(35, '2024-05-01', 'IN', 3, entity => 'OTHER');
COMMIT;
SELECT acct.close_year('2024-12-31', 'OTHER', 'PRIMARY'); :why
SELECT item, message FROM acct.rehearse_close('2024-12-01', 'OTHER', 'PRIMARY');
-- A run that is not posted, and a manual journal of an earlier year
SELECT acct.create_run('2024-05-01') AS run \gset
SELECT journals FROM acct.expand_journals(:run);
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('OTHER', '2021-07-31', 'IDR', 'Forgotten') RETURNING journal_id AS forgotten \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:forgotten, 1, '1000', 'F1', 1, 0), (:forgotten, 2, '4000', 'F1', 0, 1);
-- (A month that cannot be closed is none that must be.)
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('OTHER', '1024-07-31', 'IDR', 'Mistyped');
\set VERBOSITY default
SELECT acct.close_year('2024-12-31', 'OTHER', 'PRIMARY');
\set VERBOSITY sqlstate
SELECT item, message FROM acct.rehearse_close('2024-12-01', 'OTHER', 'PRIMARY');
DELETE FROM acct.manual_journal WHERE entity_code = 'OTHER';
SELECT acct.discard_run(:run);
SELECT acct.delete_batch(max(batch_id)) AS deleted FROM acct.txn_source_parent WHERE txn_id = 35;
SELECT count(*) AS journals FROM acct.close_year('2024-12-31', 'OTHER', 'PRIMARY');
SELECT count(*) AS journals FROM acct.close_year('2025-12-31', 'OTHER', 'PRIMARY');
SELECT acct.close_year('2027-12-31', 'OTHER', 'PRIMARY'); :why
SELECT acct.reopen_year('2025-12-31', 'OTHER', 'PRIMARY', 'Nothing to take back') IS NULL AS nothing;
SELECT closed_through, closed_years FROM acct.book WHERE entity_code = 'OTHER';
-- An archived month is not opened.
SELECT acct.reopen_year('2025-02-28', 'SUB', 'PRIMARY', 'x') IS NOT NULL AS reversed;
SELECT je_number, surplus FROM acct.close_year('2025-02-28', 'SUB', 'PRIMARY');
SELECT count(*) AS closed FROM public.close_period('2025-02-01');
SELECT acct.archive_partition('ledger_entry', '2025-02-01') IS NOT NULL AS archived;
SELECT acct.reopen_year('2025-02-28', 'SUB', 'PRIMARY', 'x'); :why
SELECT acct.rehearse_close('2025-02-01', 'SUB', 'PRIMARY'); :why
-- Balances may be larger than a journal: a part goes to the surplus by hand, and the rest with the year.
CALL public.txn(40, '2025-04-01', 'IN', 9e15, entity => 'OTHER');
CALL public.txn(41, '2025-04-01', 'IN', 9e15, entity => 'OTHER');
SELECT public.posted('2025-04-01', 'large') IS NOT NULL AS posted;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('OTHER', '2025-04-30', 'IDR', 'A part of the result') RETURNING journal_id AS part \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:part, 1, '4000', 'F1', 9e15, 0), (:part, 2, '3100', 'F1', 0, 9e15);
SELECT length(acct.submit_manual_journal(:part)) AS submitted;
BEGIN;
SELECT acct.return_manual_journal(:part, 'Not yet');
DELETE FROM acct.manual_journal WHERE journal_id = :part;
CALL public.close_months('2025-04-01', '2025-11-01', 'OTHER');
\set VERBOSITY default
SELECT acct.close_year('2025-12-31', 'OTHER', 'PRIMARY');
ROLLBACK;
\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS journals FROM acct.approve_manual_journal(:part);
RESET SESSION AUTHORIZATION;
CALL public.close_months('2025-04-01', '2025-11-01', 'OTHER');
SELECT fund, income, expense, surplus FROM acct.close_year('2025-12-31', 'OTHER', 'PRIMARY');
SELECT account_code, closing_balance FROM acct.trial_balance('2025-12-01', 'OTHER') WHERE account_type <> 'ASSET';
-- A year whose last month was dropped takes no entries: the one after it closes the results of both, and is reopened by itself.
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2026-02-01');
SELECT count(*) AS closed FROM public.close_period('2026-02-01');
SELECT acct.archive_partition('ledger_entry', '2026-02-01') AS archived \gset
CALL public.txn(50, '2026-03-01', 'OUT', 1, entity => 'SUB');
SELECT public.posted('2026-03-01', 'after') IS NOT NULL AS posted;
CALL public.close_months('2026-03-01', '2027-01-01', 'SUB');
SELECT acct.close_year('2026-02-28', 'SUB', 'PRIMARY'); :why
SELECT acct.close_year('2027-02-28', 'SUB', 'PRIMARY'); :why
SELECT acct._drop_archived(archive_id) IS NOT NULL AS dropped FROM acct.archived_partition WHERE month = '2026-02-01';
SELECT acct.close_year('2026-02-28', 'SUB', 'PRIMARY'); :why
SELECT fund, income, expense, surplus FROM acct.close_year('2027-02-28', 'SUB', 'PRIMARY');
SELECT closed_through, closed_years FROM acct.book WHERE entity_code = 'SUB';
SELECT acct.reopen_year('2027-02-28', 'SUB', 'PRIMARY', 'x') IS NOT NULL AS reversed;
SELECT closed_through, closed_years FROM acct.book WHERE entity_code = 'SUB';
SELECT acct.reopen_year('2026-02-28', 'SUB', 'PRIMARY', 'x'); :why
SELECT check_name, expected, actual FROM acct.verify_ledger(NULL, NULL, 'SUB') WHERE NOT passed;
-- In statements the result of the dropped year is that of an earlier one, until closing entries take it along.
CREATE FUNCTION public.results() RETURNS TABLE (statement text, closing boolean, is_prior boolean, amount numeric, turnover numeric) LANGUAGE sql AS $$
    SELECT s.statement, c.closing, i.is_prior, trim_scale(sum(i.amount)), CASE WHEN s.statement = 'profit_and_loss' THEN trim_scale(sum(i.debit - i.credit)) END FROM (VALUES ('balance_sheet', date '2027-02-01'), ('profit_and_loss', '2026-03-01')) AS s (statement, from_month)
     CROSS JOIN unnest('{f,t}'::boolean[]) AS c (closing)
     CROSS JOIN LATERAL acct._statement_items(s.statement, 'amount', s.from_month, '2027-02-01', 'SUB', 'PRIMARY', NULL, c.closing, true) AS i
      JOIN acct.chart_of_accounts AS a ON a.account_code = i.account_code AND a.account_type IN ('INCOME', 'EXPENSE')
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
$$;
SELECT * FROM public.results();
SELECT fund, income, expense, surplus FROM acct.close_year('2027-02-28', 'SUB', 'PRIMARY');
SELECT * FROM public.results();

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

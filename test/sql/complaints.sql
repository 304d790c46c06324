-- On one path: reports and closings read what is posted, whatever path posted it.
-- What users of other ledgers, ERPs and audit exports complained about in public, in harder variations
\set topic complaints
\i test/sql/setup.sql
\i test/audit/year.sql
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax accounts');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('3100', 'Surplus', 'EQUITY');
UPDATE acct.fund SET surplus_account_code = '3100' WHERE fund IN ('F1', 'F2');
CALL public.policy('IN', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('OUT', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('T', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', header => '{"basis": "TAX"}', matches => '[{"txn_type": "IN"}]');
CALL public.policy('TO', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}', header => '{"basis": "TAX"}', matches => '[{"txn_type": "OUT"}]');
-- A year of the tax basis ends in June.
SELECT acct.set_book('MAIN', 'TAX', '{"first_year_month": 7}');
CREATE PROCEDURE public.close_months(first date, last date, entity text DEFAULT 'MAIN', basis text DEFAULT 'PRIMARY') LANGUAGE sql AS $$
    SELECT FROM generate_series(first::timestamp, last, '1 month') AS m, public.close_period(m::date, entity, basis)
$$;
CREATE FUNCTION public.post_as_checker(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM FROM acct.expand_journals(id);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    SELECT journals INTO n FROM acct.post_journals(id);
    RESET SESSION AUTHORIZATION;
    RETURN n;
END
$$;
-- Profit and loss of one layout-less statement, by account
CREATE FUNCTION public.result(from_month date, to_month date, entity text DEFAULT 'MAIN', basis text DEFAULT 'PRIMARY')
RETURNS TABLE (account_code text, amount numeric, previous numeric, year_ago numeric, year_to_date numeric) LANGUAGE sql AS $$
    SELECT account_code, trim_scale(amount), trim_scale(previous), trim_scale(year_ago), trim_scale(year_to_date) FROM acct.profit_and_loss($1, $2, $3, $4) WHERE row_kind <> 'heading' AND currency = 'IDR' ORDER BY line_no, account_code
$$;
CREATE FUNCTION public.sheet(month date, entity text DEFAULT 'MAIN', basis text DEFAULT 'PRIMARY')
RETURNS TABLE (account_code text, label text, amount numeric, previous numeric, year_start numeric) LANGUAGE sql AS $$
    SELECT account_code, label, trim_scale(amount), trim_scale(previous), trim_scale(year_start) FROM acct.balance_sheet($1, $2, $3) WHERE row_kind <> 'heading' AND currency = 'IDR' ORDER BY line_no, account_code
$$;

--
-- Two years in MAIN, of which the first one opens with balances of another system
--
CREATE TABLE public.migrated (account_code text, fund text, currency text, balance numeric);
INSERT INTO public.migrated VALUES ('1000', 'F1', 'IDR', 500), ('2000', 'F1', 'IDR', -300), ('3000', 'F1', 'IDR', -200);
SELECT count(*) AS drafted FROM acct.draft_opening_balances('2023-12-31', 'MAIN', 'PRIMARY', 'public.migrated');
SELECT acct.submit_manual_journal(journal_id) IS NOT NULL AS submitted FROM acct.manual_journal WHERE entity_code = 'MAIN';
SELECT max(journal_id) AS opening FROM acct.manual_journal WHERE entity_code = 'MAIN' \gset
SET SESSION AUTHORIZATION :"checker";
SELECT je_number FROM acct.approve_manual_journal(:opening);
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(26, '2024-01-01') \gset
BEGIN;
CALL public.txn(101, '2024-02-01', 'IN', 1000);
CALL public.txn(102, '2024-03-01', 'OUT', 400);
CALL public.txn(103, '2024-08-01', 'IN', 30);
CALL public.txn(104, '2024-12-01', 'OUT', 5);
CALL public.txn(105, '2024-12-01', 'IN', 77);
COMMIT;
SELECT public.posted('2024-02-01') AS feb, public.posted('2024-03-01') AS mar, public.posted('2024-08-01') AS aug, public.posted('2024-12-01') AS dec \gset

-- 1. The first year after a migration has no comparative figures: the sheet of the year before has the opening balances.
SELECT * FROM public.sheet('2024-01-01');
-- 2. A profit and loss statement includes what was earned before its months, where the year before was never closed.
BEGIN;
CALL public.txn(201, '2025-01-01', 'IN', 9);
COMMIT;
SELECT public.posted('2025-01-01') AS jan25 \gset
SELECT * FROM public.result('2025-01-01', '2025-01-01');
SELECT * FROM public.result('2024-12-01', '2025-01-01');
-- The sheet has the result of both years once, and balances.
SELECT * FROM public.sheet('2025-01-01');
CREATE TABLE public.before AS SELECT 'result' AS report, r.* FROM public.result('2024-01-01', '2024-12-01') AS r;
CREATE TABLE public.sheet_before AS SELECT label, amount FROM public.sheet('2025-01-01');

-- 3. A transaction that was cancelled is in the closing entry: one was reversed within the year, one will be after it.
SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE txn_id = 103), '2024-09-01', 'Cancelled') AS undo \gset
SELECT public.post_as_checker(:undo) AS journals;
CALL public.close_months('2023-12-01', '2024-12-01');
SELECT fund, currency, income, expense, surplus FROM acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
-- 4. Comparative figures of a closed year are zero, because its closing entries are in them.
SELECT r.account_code, b.amount AS before, r.amount, n.year_ago FROM public.result('2024-01-01', '2024-12-01') AS r JOIN public.before AS b USING (account_code)
  JOIN public.result('2025-01-01', '2025-12-01') AS n USING (account_code) ORDER BY 1;
-- 5. Accounts of the balance sheet open with zero in the trial balance after the year was closed, and right in the account's ledger.
SELECT t.fund, t.account_code, t.account_type, t.opening_balance, l.balance AS ledger, d.closing_balance AS december
  FROM acct.trial_balance('2025-01-01', 'MAIN') AS t LEFT JOIN acct.trial_balance('2024-12-01', 'MAIN') AS d USING (entity_code, fund, account_code, currency)
  LEFT JOIN LATERAL (SELECT balance FROM acct.account_ledger(t.account_code, '2025-01-01', '2025-01-31', 'MAIN', fund => t.fund, currency => t.currency) WHERE row_kind = 'opening') AS l ON true
 ORDER BY 1, 2;
-- 6. The opening balances are counted twice when the year is closed: the surplus is the result, and the sheet balances as before.
SELECT account_code, label, amount FROM public.sheet('2025-01-01');
SELECT sum(s.amount) AS now, (SELECT sum(amount) FROM public.sheet_before) AS before FROM public.sheet('2025-01-01') AS s;
-- 7. A payment of the wrong year is voided when that year is closed: the closed year stays, and the next one has the difference.
CREATE TABLE public.december AS SELECT * FROM acct.trial_balance('2024-12-01', 'MAIN');
SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE txn_id = 105 AND basis = 'PRIMARY'), '2024-12-31', 'Wrong year');
SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE txn_id = 105 AND basis = 'PRIMARY'), '2025-02-15', 'Wrong year') AS undo \gset
SELECT public.post_as_checker(:undo) AS journals;
SELECT count(*) AS changed FROM (TABLE public.december EXCEPT SELECT * FROM acct.trial_balance('2024-12-01', 'MAIN')) AS d;
SELECT * FROM public.result('2025-01-01', '2025-02-01');
SELECT fund, account_code, closing_balance FROM acct.trial_balance('2025-02-01', 'MAIN') ORDER BY 1, 2;
-- 8. One ledger, two years: a book whose year ends in June has another profit and loss, closed or not.
SELECT * FROM public.result('2024-07-01', '2025-01-01', basis => 'TAX');
SELECT account_code, opening_balance FROM acct.trial_balance('2024-07-01', 'MAIN', 'TAX') ORDER BY 1;
CALL public.close_months('2024-02-01', '2024-06-01', basis => 'TAX');
SELECT fund, income, expense, surplus FROM acct.close_year('2024-06-30', 'MAIN', 'TAX');
SELECT acct.close_year('2024-12-31', 'MAIN', 'TAX');
SELECT account_code, opening_balance FROM acct.trial_balance('2024-07-01', 'MAIN', 'TAX') ORDER BY 1;
SELECT * FROM public.result('2024-07-01', '2025-01-01', basis => 'TAX');

--
-- Reversals
--
-- 9. A journal is reversed twice, by drafts that do not know of each other.
SELECT je_id AS original FROM acct.ledger_entry_header WHERE txn_id = 201 AND basis = 'PRIMARY' \gset
SELECT acct.reverse_journals(ARRAY[:original::bigint], '2025-03-01', 'First') AS first_undo \gset
\set VERBOSITY sqlstate
SELECT acct.reverse_journals(ARRAY[:original::bigint], '2025-03-01', 'Second');
SELECT acct.reverse_journals(ARRAY[:original, :original]::bigint[], '2025-03-01', 'Twice in one call');
SELECT acct.reverse_run(:jan25, '2025-03-01', 'By the run', '{"basis": "PRIMARY"}');
SELECT public.post_as_checker(:first_undo) AS journals;
SELECT acct.reverse_journals(ARRAY[:original::bigint], '2025-03-01', 'After it was posted');
-- 10. A reversal that is reversed books the original a second time.
SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE reversal_of = :original), '2025-04-01', 'Back again');
SELECT acct.reverse_run(:first_undo, '2025-04-01', 'Back again');
\set VERBOSITY default
SELECT sum(l.debit) AS debits, sum(l.credit) AS credits, count(DISTINCT h.je_id) AS journals FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id)
 WHERE :original IN (h.je_id, h.reversal_of) AND l.account_code = '1000';
-- 11. What was booked in a month that is closed cannot be undone at all; or it is undone in the closed month.
CALL public.close_months('2025-01-01', '2025-03-01');
CALL public.txn(202, '2025-01-01', 'OUT', 3);
SELECT public.posted('2025-01-01', options => '{"late": "next_open"}') AS late \gset
CALL public.close_months('2025-04-01', '2025-04-01');
SELECT acct.reverse_run(:late, '2025-04-30', 'Undo', '{"basis": "PRIMARY"}');
SELECT acct.reverse_run(:late, '2025-05-01', 'Undo', '{"basis": "PRIMARY"}') AS undo \gset
SELECT public.post_as_checker(:undo) AS journals;
SELECT journal_type, je_date, original_date, total_debit FROM acct.ledger_entry_header WHERE txn_id = 202 AND basis = 'PRIMARY' ORDER BY je_date;

--
-- Keys and dates
--
-- 12. A key that was used for other content gives back the first entry, or books the other content without a word.
SELECT outcome, je_number FROM acct.book_transactions('[{"txn_id": 301, "txn_month": "2025-06-01", "bank_value_date": "2025-06-02", "txn_type": "IN", "product_code": "P", "channel": "C", "gross_amount": 1, "tabarru_amount": 1}]', 'web-301', '{"basis": "PRIMARY"}');
SELECT outcome, je_number FROM acct.book_transactions('[{"txn_id": 301, "txn_month": "2025-06-01", "bank_value_date": "2025-06-02", "txn_type": "IN", "product_code": "P", "channel": "C", "gross_amount": 1.0000, "tabarru_amount": 1}]', 'web-301', '{"basis": "PRIMARY"}');
SELECT outcome, je_number FROM acct.book_transactions('[{"txn_id": 301, "txn_month": "2025-06-01", "bank_value_date": "2025-06-02", "txn_type": "IN", "product_code": "P", "channel": "C", "gross_amount": 2, "tabarru_amount": 2}]', 'web-301', '{"basis": "PRIMARY"}');
SELECT outcome, je_number FROM acct.book_transactions('[{"txn_id": 301, "txn_month": "2025-06-01", "bank_value_date": "2025-06-03", "txn_type": "IN", "product_code": "P", "channel": "C", "gross_amount": 1, "tabarru_amount": 1}]', 'web-301', '{"basis": "PRIMARY"}');
SELECT count(*) AS journals, sum(total_debit) AS debit FROM acct.ledger_entry_header WHERE txn_id = 301;
-- 13. A day of the year 217 opens the books two thousand years ago.
CALL public.txn(302, '2025-06-01', 'IN', 8, value_date => '0217-06-28');
SELECT expanded.* FROM public.expanded('2025-06-01', 'typo', '{"basis": "PRIMARY"}') AS r, public.outcome(r) AS expanded WHERE txn_id = 302;

--
-- Audit files
--
CREATE TABLE public.fec AS SELECT y.year_end, row_number() OVER () AS n, string_to_array(f.line, E'\t') AS f
  FROM (VALUES (date '2024-12-31'), ('2025-12-31')) AS y (year_end), acct.export_fec(y.year_end, 'FRA') AS f;
DELETE FROM public.fec WHERE f[1] LIKE '%JournalCode';
CREATE FUNCTION public.amount(text) RETURNS numeric LANGUAGE sql RETURN replace($1, ',', '.')::numeric;
-- 14. Openings of accounts that are at zero. 15. Negative amounts, or both sides in one line. 16. Lines without a text, or with a placeholder for one.
SELECT count(*) FILTER (WHERE f[1] = 'AN' AND public.amount(f[12]) + public.amount(f[13]) = 0) AS zero_openings,
       count(*) FILTER (WHERE public.amount(f[12]) < 0 OR public.amount(f[13]) < 0) AS negative, count(*) FILTER (WHERE public.amount(f[12]) <> 0 AND public.amount(f[13]) <> 0) AS two_sides,
       count(*) FILTER (WHERE btrim(f[11]) IN ('', '/', '-', '.')) AS without_text, count(*) FILTER (WHERE f::text ~ E'b''') AS bytes_as_text, count(*) AS lines FROM public.fec;
-- 17. The result of the year before opens the year with another amount than it had.
SELECT sum(public.amount(f[13]) - public.amount(f[12])) AS opening, (SELECT sum(amount) FROM acct.profit_and_loss('2024-01-01', '2024-12-01', 'FRA') WHERE currency = 'EUR' AND row_kind <> 'heading') AS result
  FROM public.fec WHERE year_end = '2025-12-31' AND f[1] = 'AN' AND f[5] = '120000' GROUP BY f[1];
-- 18. The name of the file has the year in which the books' year begins.
SELECT acct.set_book('FRB', 'PRIMARY', '{"first_year_month": 7}');
SELECT acct.fec_file_name('2025-06-30', 'FRB');
SELECT acct.fec_file_name('2025-06-29', 'FRB');
-- 19. Totals of SAF-T that do not fit its entries, or openings whose sides differ.
SELECT string_agg(line, '') AS saft FROM acct.export_saft('2025-01-01', '2025-12-01', 'FRA') \gset
CREATE FUNCTION public.amounts(file text, tags text) RETURNS TABLE (n numeric) LANGUAGE sql AS $$ SELECT m[1]::numeric FROM regexp_matches(file, tags || '([^<]+)<', 'g') AS m $$;
SELECT (SELECT n FROM public.amounts(x, '<NumberOfEntries>')) = (SELECT count(*) FROM regexp_matches(x, '<Transaction>', 'g')) AS entries,
       (SELECT n FROM public.amounts(x, '<TotalDebit>')) = (SELECT sum(n) FROM public.amounts(x, '<DebitAmount>\s*<Amount>')) AS debit,
       (SELECT n FROM public.amounts(x, '<TotalCredit>')) = (SELECT sum(n) FROM public.amounts(x, '<CreditAmount>\s*<Amount>')) AS credit,
       (SELECT sum(n) FROM public.amounts(x, '<OpeningDebitBalance>')) = (SELECT sum(n) FROM public.amounts(x, '<OpeningCreditBalance>')) AS opening,
       (SELECT count(*) FROM public.amounts(x, '<Amount>') WHERE n < 0) AS negative
  FROM (SELECT :'saft'::text AS x) AS s;
-- 20. A restated figure hides what was reported: both are there, each as of its day.
SELECT posted_at AS reported FROM acct.ledger_entry_header WHERE run_id = :dec LIMIT 1 \gset
SELECT t.account_code, r.closing_balance AS reported, t.closing_balance AS now FROM acct.trial_balance('2025-02-01', 'MAIN') AS t
  LEFT JOIN acct.trial_balance('2025-02-01', 'MAIN', known_at => :'reported') AS r USING (entity_code, fund, account_code, currency) ORDER BY 1;

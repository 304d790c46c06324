-- On one path: nothing here depends on it.
-- Statements: layouts by releases, profit and loss statement, balance sheet and fund statement, compared with the lines
\set topic statements
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(17, '2023-11-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable, parent_account_code)
VALUES ('3', 'Equity', 'EQUITY', NULL, false, NULL), ('3100', 'Surplus of the risk fund', 'EQUITY', 'F1', true, '3'), ('3200', 'Retained earnings', 'EQUITY', 'F2', true, '3'),
       ('1500', 'Due from funds', 'ASSET', NULL, true, NULL), ('2500', 'Due to funds', 'LIABILITY', NULL, true, NULL), ('1900', 'Not placed', 'ASSET', NULL, true, NULL),
       ('4100', 'Fees', 'INCOME', NULL, true, NULL);
UPDATE acct.chart_of_accounts SET parent_account_code = '3' WHERE account_code = '3000';
UPDATE acct.fund SET surplus_account_code = CASE fund WHEN 'F1' THEN '3100' ELSE '3200' END;
CALL public.policy('IN', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('OUT', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('FEE', '{DR 1000 F2 :gross_amount,CR 4100 F2 *}');
CALL public.policy('COST', '{DR 5000 F2 :gross_amount,CR 1000 F2 *}');
CALL public.policy('CAPITAL', '{DR 1000 F2 :gross_amount,CR 3000 F2 *}');
CALL public.policy('OWE', '{DR 1000 F2 :gross_amount,CR 2500 F2 *,DR 1500 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('ASIDE', '{DR 1900 F1 :gross_amount,CR 1000 F1 *}');
-- The first day of a month and the last one; an opening inside the year; a quiet February; a year that begins in July
BEGIN;
CALL public.txn(1, '2023-11-01', 'IN', 300, '2023-11-01');
CALL public.txn(2, '2023-12-01', 'OUT', 120, '2023-12-31');
CALL public.txn(3, '2024-01-01', 'IN', 1000, '2024-01-01');
CALL public.txn(4, '2024-01-01', 'OUT', 400, '2024-01-31');
CALL public.txn(5, '2024-01-01', 'FEE', 50, '2024-01-31');
CALL public.txn(6, '2024-01-01', 'CAPITAL', 5000, '2024-01-02');
CALL public.txn(7, '2024-03-01', 'COST', 70, '2024-03-01');
CALL public.txn(8, '2024-03-01', 'OWE', 33, '2024-03-10');
CALL public.txn(9, '2024-03-01', 'IN', 9, '2024-03-11', currency => 'CY0');
CALL public.txn(10, '2024-06-01', 'IN', 11, '2024-06-30', entity => 'SUB');
CALL public.txn(11, '2024-07-01', 'IN', 13, '2024-07-01', entity => 'SUB');
CALL public.txn(12, '2024-12-01', 'ASIDE', 17, '2024-12-31');
CALL public.txn(13, '2025-01-01', 'IN', 19, '2025-01-01');
COMMIT;
SELECT count(*) AS runs FROM generate_series(timestamp '2023-11-01', '2025-03-01', '1 month') AS m, public.posted(m::date, to_char(m, 'YYYY-MM')) WHERE EXISTS (SELECT FROM acct.batch_waiting AS w WHERE w.txn_month = m);
SELECT acct.set_book('SUB', 'PRIMARY', '{"first_year_month": 7}');
INSERT INTO acct.manual_journal (journal_type, entity_code, basis, je_date, currency, memo) VALUES ('opening', 'SUB', 'TAX', '2024-09-30', 'IDR', 'Balances of the old system') RETURNING journal_id AS opening \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:opening, 1, '1000', 'F1', 700, 0), (:opening, 2, '2000', 'F1', 0, 640), (:opening, 3, '4000', 'F1', 0, 60);
SELECT acct.submit_manual_journal(:opening) IS NOT NULL AS submitted;
SELECT je_id AS booked FROM acct.ledger_entry_header WHERE txn_id = 4 \gset
SELECT acct.reverse_journals(ARRAY[:booked], '2024-03-31', 'Booked twice') AS reversal \gset
SELECT journals FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS approved FROM acct.approve_manual_journal(:opening);
SELECT journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;

--
-- Without a layout nothing is hidden: each account is a row.
--
SELECT entity_code AS e, currency AS cur, line_no, label, row_kind, account_code AS acc, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(amount) AS amount, trim_scale(previous) AS previous,
       trim_scale(year_ago) AS year_ago, trim_scale(year_start) AS year_start FROM acct.balance_sheet('2024-01-01', 'MAIN');

--
-- A layout, by a release: what cannot be is refused before it is submitted.
--
SELECT acct.create_release('Layouts') AS release \gset
INSERT INTO acct.statement_layout_draft (release_id, operation, layout, statement, description) VALUES (:release, 'insert', 'BS', 'balance_sheet', 'Ours'), (:release, 'insert', 'PL', 'profit_and_loss', 'Ours');
INSERT INTO acct.statement_line_draft (release_id, operation, layout, line_no, label, sign, subtotal_of) VALUES
    (:release, 'insert', 'BS', 1, 'What we have', 1, NULL), (:release, 'insert', 'BS', 10, 'Cash', 1, NULL), (:release, 'insert', 'BS', 11, 'Due from funds', 1, NULL), (:release, 'insert', 'BS', 19, 'Total', 1, '{10,11,12}'),
    (:release, 'insert', 'BS', 20, 'Liabilities', -1, NULL), (:release, 'insert', 'BS', 30, 'Equity', -1, NULL), (:release, 'insert', 'BS', 31, 'Result of the year', -1, NULL),
    (:release, 'insert', 'BS', 32, 'Earlier years', -1, NULL), (:release, 'insert', 'BS', 38, 'Equity and result', -1, '{30,31,32,39}'), (:release, 'insert', 'BS', 39, 'Total', -1, '{20,30,38}'),
    (:release, 'insert', 'PL', 10, 'Income', -1, NULL), (:release, 'insert', 'PL', 20, 'Expense', -1, NULL), (:release, 'insert', 'PL', 30, 'Result', -1, '{10,20}');
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no, account_type, from_account, to_account, parent_account_code) VALUES
    (:release, 'insert', 'BS', 10, 1, NULL, '1000', NULL, NULL), (:release, 'insert', 'BS', 11, 1, NULL, '1500', '1899', NULL), (:release, 'insert', 'BS', 11, 2, NULL, '1111', NULL, NULL),
    (:release, 'insert', 'BS', 20, 1, 'LIABILITY', NULL, NULL, NULL), (:release, 'insert', 'BS', 20, 2, NULL, '2500', NULL, NULL), (:release, 'insert', 'BS', 30, 1, NULL, NULL, NULL, '3'),
    (:release, 'insert', 'BS', 31, 1, 'RESULT', NULL, NULL, NULL), (:release, 'insert', 'BS', 31, 2, 'EQUITY', '3100', '3199', NULL), (:release, 'insert', 'BS', 32, 1, 'PRIOR_RESULT', NULL, NULL, NULL),
    (:release, 'insert', 'BS', 38, 1, 'ASSET', '1900', NULL, NULL),
    (:release, 'insert', 'PL', 10, 1, 'INCOME', NULL, NULL, NULL), (:release, 'insert', 'PL', 20, 1, 'EXPENSE', NULL, NULL, NULL), (:release, 'insert', 'PL', 20, 2, 'ASSET', '1900', NULL, NULL);
INSERT INTO acct.statement_column_draft (release_id, operation, layout, column_no, label, fund_types, funds) VALUES
    (:release, 'insert', 'BS', 1, 'Participants', '{PARTICIPANT_RISK,OTHER}', NULL), (:release, 'insert', 'BS', 2, 'Operator', '{OPERATOR,OTHER}', '{F3}');
SELECT severity, message FROM acct.check_release(:release);
SELECT acct.submit_release(:release);
DELETE FROM acct.statement_account_draft WHERE release_id = :release AND (layout, line_no, selection_no) IN (('BS', 11, 2), ('BS', 31, 2), ('BS', 38, 1), ('PL', 20, 2));
UPDATE acct.statement_line_draft SET subtotal_of = CASE line_no WHEN 19 THEN '{10,11}' WHEN 38 THEN '{30,31,32}' ELSE '{20,38}' END::integer[] WHERE release_id = :release AND layout = 'BS' AND subtotal_of IS NOT NULL;
UPDATE acct.statement_column_draft SET fund_types = '{OPERATOR}', funds = NULL WHERE release_id = :release AND column_no = 2;
SELECT severity, message FROM acct.check_release(:release);
-- Lines that no total has, of either statement, and those of another one than the result
UPDATE acct.statement_line_draft SET subtotal_of = '{10}' WHERE release_id = :release AND (layout, line_no) IN (('BS', 19), ('PL', 30));
SELECT severity, finding, message FROM acct.check_release(:release);
INSERT INTO acct.statement_line_draft (release_id, operation, layout, line_no, label, subtotal_of) VALUES (:release, 'insert', 'PL', 29, 'Expense again', '{20}');
SELECT severity, finding, message FROM acct.check_release(:release);
UPDATE acct.statement_line_draft SET subtotal_of = '{10,20}' WHERE release_id = :release AND (layout, line_no) = ('PL', 30);
UPDATE acct.statement_line_draft SET subtotal_of = '{10,11}' WHERE release_id = :release AND (layout, line_no) = ('BS', 19);
SELECT severity, finding, message FROM acct.check_release(:release);
DELETE FROM acct.statement_line_draft WHERE release_id = :release AND (layout, line_no) = ('PL', 29);
-- An account that does not exist, and the like
\set VERBOSITY sqlstate
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no, account_type) VALUES (:release, 'insert', 'BS', 10, 9, 'MONEY'); :why
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no) VALUES (:release, 'insert', 'BS', 10, 9); :why
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no, from_account, to_account) VALUES (:release, 'insert', 'BS', 10, 9, '2', '1'); :why
INSERT INTO acct.statement_line_draft (release_id, operation, layout, line_no, label, subtotal_of) VALUES (:release, 'insert', 'BS', 40, 'Nothing', '{}'); :why
INSERT INTO acct.statement_line_draft (release_id, operation, layout, line_no, label) VALUES (:release, 'update', 'BS', 41, 'Not there'); :why
INSERT INTO acct.statement_layout_draft (release_id, operation, layout, statement, description) VALUES (:release, 'insert', 'CF', 'cash_flow', 'Not yet'); :why
INSERT INTO acct.statement_column_draft (release_id, operation, layout, column_no, label, fund_types) VALUES (:release, 'insert', 'BS', 3, 'Others', '{SHAREHOLDER}'); :why
TRUNCATE acct.statement_line; :why
\set VERBOSITY default
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no, parent_account_code) VALUES (:release, 'insert', 'BS', 10, 9, '99');
SELECT severity, message FROM acct.check_release(:release);
DELETE FROM acct.statement_account_draft WHERE release_id = :release AND selection_no = 9;
SELECT acct.submit_release(:release);
SELECT acct.policy_digest() AS digest \gset
\set VERBOSITY sqlstate
SELECT acct.approve_release(:release); :why_me
\set VERBOSITY default
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_release(:release) AS changes;
RESET SESSION AUTHORIZATION;
SELECT acct.policy_digest() <> :'digest' AS other_digest, acct._policy_kept() = acct._policy_computed() AS kept;
SELECT table_name, operation, count(*) FROM acct.template_audit WHERE table_name ~ '^statement_' AND table_name !~ '_draft$' GROUP BY 1, 2 ORDER BY 1;
-- Another release changes a line, deletes one, and gives the statement a second layout, of which none is the default.
SELECT acct.create_release('Change') AS change \gset
INSERT INTO acct.statement_line_draft (release_id, operation, layout, line_no, label) VALUES (:change, 'update', 'BS', 1, 'Assets'), (:change, 'delete', 'BS', 10, NULL);
INSERT INTO acct.statement_layout_draft (release_id, operation, layout, statement, description) VALUES (:change, 'insert', 'BS2', 'balance_sheet', 'Another');
SELECT severity, message FROM acct.check_release(:change);
DELETE FROM acct.statement_line_draft WHERE release_id = :change AND operation = 'delete';
SELECT severity, message FROM acct.check_release(:change);
UPDATE acct.statement_layout_draft SET is_default = true WHERE release_id = :change;
INSERT INTO acct.statement_layout_draft (release_id, operation, layout, is_default) VALUES (:change, 'update', 'BS', true);
SELECT severity, message FROM acct.check_release(:change);
DELETE FROM acct.statement_layout_draft WHERE release_id = :change AND layout = 'BS2';
SELECT severity, message FROM acct.check_release(:change);
SELECT acct.submit_release(:change);
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_release(:change) AS changes;
RESET SESSION AUTHORIZATION;
SELECT table_name, operation, row_key, old_values, new_values FROM acct.release_changes WHERE release_id = :change;
-- A release of accounts finds that two lines would take one.
SELECT acct.create_release('Accounts') AS accounts \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, parent_account_code) VALUES (:accounts, 'update', '2000', '3');
SELECT severity, message FROM acct.check_release(:accounts);
-- A group that moves takes its accounts out of a line.
BEGIN;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, is_postable, parent_account_code) VALUES ('30', 'Group', 'EQUITY', false, '3'), ('9', 'Others', 'EQUITY', false, NULL);
UPDATE acct.chart_of_accounts SET parent_account_code = '30' WHERE account_code = '3000';
DELETE FROM acct.chart_of_accounts_draft WHERE release_id = :accounts;
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description) VALUES (:accounts, 'update', '30', 'Renamed');
SELECT severity, finding, message FROM acct.check_release(:accounts);
UPDATE acct.chart_of_accounts_draft SET parent_account_code = '9' WHERE release_id = :accounts;
SELECT severity, finding, message FROM acct.check_release(:accounts);
ROLLBACK;

--
-- Statements
--
CREATE FUNCTION public.shown(statement text, from_month date, to_month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, eliminations boolean DEFAULT true, closing boolean DEFAULT NULL, reversals boolean DEFAULT NULL)
RETURNS TABLE (e text, cur text, line_no integer, label text, kind text, acc text, debit numeric, credit numeric, amount numeric, previous numeric, year_ago numeric, of_year numeric) LANGUAGE sql AS $$
    SELECT s.entity_code, s.currency, s.line_no, s.label, s.row_kind, s.account_code, trim_scale(s.debit), trim_scale(s.credit), trim_scale(s.amount), trim_scale(s.previous), trim_scale(s.year_ago), trim_scale(s.of_year)
      FROM (SELECT * FROM acct.profit_and_loss($2, $3, $4, $5, $6, NULL, $7, $8, $9) WHERE $1 = 'PL'
            UNION ALL SELECT * FROM acct.balance_sheet($3, $4, $5, $6, NULL, $7, $8, $9) WHERE $1 = 'BS')
        AS s (entity_code, currency, line_no, label, row_kind, account_code, debit, credit, amount, previous, year_ago, of_year)
$$;
-- December's surplus is one of an earlier year, which nobody closed.
SELECT * FROM public.shown('BS', NULL, '2024-03-01', 'MAIN');
SELECT * FROM public.shown('PL', '2024-03-01', '2024-03-01', 'MAIN');
SELECT line_no, debit, credit, amount FROM public.shown('PL', '2024-01-01', '2024-03-01', 'MAIN', reversals => false) WHERE cur = 'IDR';
-- Of a month without entries, and of an opening inside the year
SELECT line_no, debit, credit, amount, previous, of_year FROM public.shown('PL', '2024-02-01', '2024-02-01', 'MAIN');
SELECT line_no, amount, previous, year_ago, of_year FROM public.shown('BS', NULL, '2024-10-01', 'SUB', 'TAX') WHERE kind <> 'heading';
-- SUB's year begins in July.
SELECT line_no, amount, previous, year_ago, of_year FROM public.shown('BS', NULL, '2024-07-01', 'SUB') WHERE kind <> 'heading';
SELECT line_no, amount, of_year FROM public.shown('PL', '2024-06-01', '2024-07-01', 'SUB');

-- Pairs: both sides are eliminated; where they differ, the variance is a row.
INSERT INTO acct.elimination_pair VALUES ('DUE', 'What the operator owes the risk fund', '1500', NULL, '2500', NULL);
SELECT line_no, label, kind, amount FROM public.shown('BS', NULL, '2024-04-01', 'MAIN') WHERE cur = 'IDR' AND kind <> 'heading';
CALL public.policy('ONE_SIDE', '{DR 1000 F2 :gross_amount,CR 2500 F2 *}');
CALL public.txn(14, '2024-05-01', 'ONE_SIDE', 2);
SELECT public.posted('2024-05-01', 'differs') > 0 AS posted;
SELECT line_no, label, kind, amount, previous FROM public.shown('BS', NULL, '2024-05-01', 'MAIN') WHERE cur = 'IDR' AND kind <> 'heading';
SELECT line_no, label, kind, amount FROM public.shown('BS', NULL, '2024-05-01', 'MAIN', eliminations => false) WHERE cur = 'IDR' AND kind <> 'heading';
SELECT line_no, amount FROM public.shown('BS', NULL, '2024-05-01', 'MAIN', fund => 'F1') WHERE cur = 'IDR' AND kind <> 'heading';
SELECT f.line_no, f.label, f.row_kind, f.account_code AS acc, max(trim_scale(amount)) FILTER (WHERE column_label = 'Participants') AS participants, max(trim_scale(amount)) FILTER (WHERE column_label = 'Operator') AS operator,
       max(trim_scale(amount)) FILTER (WHERE column_kind = 'eliminations') AS eliminations, max(trim_scale(amount)) FILTER (WHERE column_kind = 'total') AS total
  FROM acct.fund_statement('2025-01-01', 'MAIN') AS f WHERE f.currency = 'IDR' GROUP BY 1, 2, 3, 4 ORDER BY 1, 3;
SELECT line_no, column_no, column_kind, column_label, trim_scale(amount) AS amount FROM acct.fund_statement('2024-03-01', 'MAIN', statement => 'profit_and_loss', from_month => '2024-01-01') WHERE currency = 'IDR' AND line_no > 10;
-- An account in two pairs would be eliminated twice. A release that puts it there is refused.
SELECT acct.create_release('Another pair') AS twice \gset
INSERT INTO acct.elimination_pair_draft (release_id, operation, pair_code, description, account_code, fund, counter_account_code) VALUES (:twice, 'insert', 'AGAIN', 'Once more', '2500', 'F2', '3000');
SELECT severity, finding, message, hint FROM acct.check_release(:twice);
SELECT acct.submit_release(:twice);
DELETE FROM acct.policy_release WHERE release_id = :twice;
INSERT INTO acct.elimination_pair VALUES ('AGAIN', 'Once more', '2500', 'F2', '3000', NULL);
SELECT * FROM public.shown('BS', NULL, '2024-04-01', 'MAIN');
SELECT count(*) AS rows FROM public.shown('BS', NULL, '2024-04-01', 'MAIN', eliminations => false);
DELETE FROM acct.elimination_pair WHERE pair_code = 'AGAIN';

--
-- The same from the lines: independently, by every month, with and without closing entries and reversals, for each fund
--
CREATE MATERIALIZED VIEW public.entry AS
SELECT l.entity_code, l.basis, l.fund, l.account_code, l.currency, l.je_date, l.debit, l.credit, h.journal_type,
       h.journal_type = 'closing' OR EXISTS (SELECT FROM acct.ledger_entry_header AS o WHERE o.je_id = h.reversal_of AND o.journal_type = 'closing') AS is_closing,
       h.journal_type = 'reversal' AS is_reversal
  FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date;
CREATE FUNCTION public.year_of(m date, entity text, basis text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN (entity, basis) = ('SUB', 'PRIMARY') THEN make_date(extract(year FROM m)::integer - (extract(month FROM m) < 7)::integer, 7, 1) ELSE date_trunc('year', m::timestamp)::date END
$$;
-- A balance sheet, debit positive, by line and account; line 0: none takes it
CREATE FUNCTION public.sheet_of_lines(m date, closing boolean, p_fund text) RETURNS TABLE (e text, basis text, cur text, line_no integer, amount numeric) LANGUAGE sql AS $$
    WITH leaf AS (
        SELECT x.entity_code, x.basis, x.currency, CASE WHEN x.account_code = '1000' THEN 10 WHEN x.account_code BETWEEN '1500' AND '1899' THEN 11 WHEN x.account_code LIKE '2%' THEN 20 WHEN x.account_code LIKE '3%' THEN 30
                                    WHEN x.account_code < '4' THEN 0 WHEN x.je_date >= public.year_of(m, x.entity_code, x.basis) THEN 31 ELSE 32 END AS line_no, x.debit - x.credit AS amount
          FROM public.entry AS x
         WHERE x.je_date < m + interval '1 month' AND (closing OR NOT x.is_closing OR x.je_date < m) AND (p_fund IS NULL OR x.fund = p_fund))
    SELECT l.entity_code, l.basis, l.currency, n, sum(l.amount) FROM leaf AS l
     CROSS JOIN LATERAL unnest(ARRAY[l.line_no] || CASE WHEN l.line_no IN (10, 11) THEN '{19}' WHEN l.line_no = 20 THEN '{39}' WHEN l.line_no >= 30 THEN '{38,39}' ELSE '{}' END::integer[]) AS n GROUP BY 1, 2, 3, 4
$$;
CREATE FUNCTION public.result_of_lines(f date, t date, closing boolean, reversals boolean, p_fund text) RETURNS TABLE (e text, basis text, cur text, line_no integer, debit numeric, credit numeric, amount numeric) LANGUAGE sql AS $$
    SELECT x.entity_code, x.basis, x.currency, n, sum(CASE WHEN reversals OR NOT x.is_reversal THEN x.debit ELSE -x.credit END), sum(CASE WHEN reversals OR NOT x.is_reversal THEN x.credit ELSE -x.debit END), sum(x.debit - x.credit)
      FROM public.entry AS x CROSS JOIN LATERAL unnest(ARRAY[CASE WHEN x.account_code LIKE '4%' THEN 10 ELSE 20 END, 30]) AS n
     WHERE x.je_date >= f AND x.je_date < t + interval '1 month' AND x.account_code >= '4' AND (closing OR NOT x.is_closing) AND (p_fund IS NULL OR x.fund = p_fund) GROUP BY 1, 2, 3, 4
$$;
CREATE TABLE public.sheet (m date, closing boolean, fund text, e text, basis text, cur text, line_no integer, amount numeric, previous numeric, year_ago numeric, year_start numeric);
CREATE TABLE public.of_lines (m date, closing boolean, fund text, e text, basis text, cur text, line_no integer, amount numeric, PRIMARY KEY (m, closing, fund, e, basis, cur, line_no));
CREATE TABLE public.tried AS SELECT unnest('{2023-10-01,2023-12-01,2024-01-01,2024-02-01,2024-03-01,2024-07-01,2024-12-01,2025-01-01,2025-03-01}'::date[]) AS m;
-- 10, 11, 20, 30, 31, 32 and 0 are all there is of a sheet, so that they add up to nothing.
CREATE FUNCTION public.compare_sheets(OUT sheets bigint, OUT rows bigint, OUT differences bigint, OUT missing bigint, OUT unbalanced bigint) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.sheet;
    DELETE FROM public.of_lines;
    REFRESH MATERIALIZED VIEW public.entry;
    INSERT INTO public.of_lines SELECT m, c, f, l.* FROM generate_series(timestamp '2022-06-01', '2025-03-01', '1 month') AS m, unnest('{true,false}'::boolean[]) AS c, unnest('{all,F1}'::text[]) AS f, public.sheet_of_lines(m::date, c, nullif(f, 'all')) AS l;
    INSERT INTO public.sheet
    SELECT m, c, f, s.entity_code, k, s.currency, coalesce(s.line_no, 0), s.amount * y.sign, s.previous * y.sign, s.year_ago * y.sign, s.year_start * y.sign
      FROM public.tried AS t (m), unnest('{true,false}'::boolean[]) AS c, unnest('{all,F1}'::text[]) AS f, unnest('{PRIMARY,TAX}'::text[]) AS k,
           acct.balance_sheet(m::date, NULL, k, nullif(f, 'all'), 'BS', false, c) AS s, LATERAL (SELECT CASE WHEN s.line_no >= 20 THEN -1 ELSE 1 END AS sign) AS y
     WHERE s.row_kind <> 'heading';
    SELECT count(DISTINCT (s.m, s.closing, s.fund, s.e, s.basis, s.cur)), count(*),
           count(*) FILTER (WHERE (s.amount, s.previous, s.year_ago, s.year_start) <> (coalesce(l.amount, 0), coalesce(p.amount, 0), coalesce(a.amount, 0), coalesce(y.amount, 0)))
      INTO sheets, rows, differences
      FROM public.sheet AS s
      LEFT JOIN public.of_lines AS l ON (l.m, l.closing, l.fund, l.e, l.basis, l.cur, l.line_no) = (s.m, s.closing, s.fund, s.e, s.basis, s.cur, s.line_no)
      LEFT JOIN public.of_lines AS p ON (p.m, p.closing, p.fund, p.e, p.basis, p.cur, p.line_no) = ((s.m - interval '1 month')::date, s.closing, s.fund, s.e, s.basis, s.cur, s.line_no)
      LEFT JOIN public.of_lines AS a ON (a.m, a.closing, a.fund, a.e, a.basis, a.cur, a.line_no) = ((s.m - interval '1 year')::date, s.closing, s.fund, s.e, s.basis, s.cur, s.line_no)
      LEFT JOIN public.of_lines AS y ON (y.m, y.closing, y.fund, y.e, y.basis, y.cur, y.line_no)
                                      = ((public.year_of(s.m, s.e, s.basis) - interval '1 month')::date, s.closing, s.fund, s.e, s.basis, s.cur, s.line_no);
    SELECT count(*) INTO missing FROM public.of_lines AS l
     WHERE l.m IN (TABLE public.tried) AND l.amount <> 0 AND NOT EXISTS (SELECT FROM public.sheet AS s WHERE (l.m, l.closing, l.fund, l.e, l.basis, l.cur, l.line_no) = (s.m, s.closing, s.fund, s.e, s.basis, s.cur, s.line_no));
    SELECT count(*) INTO unbalanced FROM (SELECT FROM public.sheet AS s WHERE s.line_no NOT IN (19, 38, 39) GROUP BY s.m, s.closing, s.fund, s.e, s.basis, s.cur HAVING sum(s.amount) <> 0) AS x;
END
$$;
CREATE FUNCTION public.compare_results(OUT rows bigint, OUT differences bigint) LANGUAGE sql AS $$
    WITH said AS MATERIALIZED (
        SELECT f, t, c, r, n, s.entity_code, k, s.currency, s.line_no, s.debit, s.credit, -s.amount AS amount, -s.year_to_date AS year_to_date, -s.previous AS previous, -s.year_ago AS year_ago,
               public.year_of(t, s.entity_code, k) AS year_start, (f - age(t, f) - interval '1 month')::date AS previous_start
          FROM unnest('{2023-11-01,2024-01-01,2024-02-01,2024-07-01}'::date[]) AS f, unnest('{2023-12-01,2024-03-01,2024-12-01,2025-03-01}'::date[]) AS t, unnest('{true,false}'::boolean[]) AS c,
               unnest('{true,false}'::boolean[]) AS r, unnest('{all}'::text[]) AS n, unnest('{PRIMARY}'::text[]) AS k, acct.profit_and_loss(f, t, NULL, k, nullif(n, 'all'), NULL, true, c, r) AS s
         WHERE f <= t),
    -- Each stretch of months that is asked for, computed once
    stretch AS (
        SELECT DISTINCT x.f, x.t, s.c, s.r, s.n
          FROM said AS s CROSS JOIN LATERAL (VALUES (s.f, s.t), (s.year_start, s.t), (s.previous_start, (s.f - interval '1 month')::date),
                                                    ((s.f - interval '1 year')::date, (s.t - interval '1 year')::date)) AS x (f, t)),
    result AS MATERIALIZED (SELECT x.f, x.t, x.c, x.r, x.n, l.* FROM stretch AS x CROSS JOIN LATERAL public.result_of_lines(x.f, x.t, x.c, x.r, nullif(x.n, 'all')) AS l)
    SELECT count(*), count(*) FILTER (WHERE (s.debit, s.credit, s.amount, s.year_to_date, s.previous, s.year_ago) <> (coalesce(l.debit, 0), coalesce(l.credit, 0), coalesce(l.amount, 0), coalesce(y.amount, 0), coalesce(p.amount, 0), coalesce(a.amount, 0)))
      FROM said AS s
      LEFT JOIN result AS l ON (l.f, l.t, l.c, l.r, l.n, l.e, l.basis, l.cur, l.line_no) = (s.f, s.t, s.c, s.r, s.n, s.entity_code, s.k, s.currency, s.line_no)
      LEFT JOIN result AS y ON (y.f, y.t, y.c, y.r, y.n, y.e, y.basis, y.cur, y.line_no) = (s.year_start, s.t, s.c, s.r, s.n, s.entity_code, s.k, s.currency, s.line_no)
      LEFT JOIN result AS p ON (p.f, p.t, p.c, p.r, p.n, p.e, p.basis, p.cur, p.line_no) = (s.previous_start, (s.f - interval '1 month')::date, s.c, s.r, s.n, s.entity_code, s.k, s.currency, s.line_no)
      LEFT JOIN result AS a ON (a.f, a.t, a.c, a.r, a.n, a.e, a.basis, a.cur, a.line_no)
                             = ((s.f - interval '1 year')::date, (s.t - interval '1 year')::date, s.c, s.r, s.n, s.entity_code, s.k, s.currency, s.line_no)
$$;
SELECT * FROM public.compare_sheets();
SELECT * FROM public.compare_results();
-- The years are closed: result and surplus change places, and nothing else.
CREATE TABLE public.before AS SELECT * FROM public.shown('BS', NULL, '2024-12-01', 'MAIN');
SELECT count(*) > 0 AS closed FROM generate_series(timestamp '2023-11-01', '2023-11-01', '1 month') AS m, public.close_period(m::date, 'MAIN', 'PRIMARY');
SELECT fund, surplus FROM acct.close_year('2023-12-31', 'MAIN', 'PRIMARY');
SELECT count(*) > 0 AS closed FROM generate_series(timestamp '2024-01-01', '2024-11-01', '1 month') AS m, public.close_period(m::date, 'MAIN', 'PRIMARY');
SELECT fund, currency, surplus FROM acct.close_year('2024-12-31', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') ORDER BY 1, 2;
SELECT line_no, label, a.amount, b.amount AS before FROM public.shown('BS', NULL, '2024-12-01', 'MAIN') AS a FULL JOIN public.before AS b USING (cur, line_no, label) WHERE cur = 'IDR' AND a.amount <> b.amount ORDER BY 1;
SELECT count(*) FILTER (WHERE a.amount <> b.amount AND line_no <> 32 AND line_no <> 30) AS others FROM public.shown('BS', NULL, '2024-12-01', 'MAIN', closing => false) AS a JOIN public.before AS b USING (cur, line_no);
SELECT line_no, amount FROM public.shown('PL', '2024-01-01', '2024-12-01', 'MAIN') WHERE cur = 'IDR';
SELECT line_no, amount FROM public.shown('PL', '2024-01-01', '2024-12-01', 'MAIN', closing => true) WHERE cur = 'IDR';
SELECT * FROM public.compare_sheets();
SELECT * FROM public.compare_results();
SELECT acct.reopen_year('2024-12-31', 'MAIN', 'PRIMARY', 'Once more') IS NOT NULL AS reopened;
SELECT * FROM public.compare_sheets();
SELECT * FROM public.compare_results();
-- Columns of funds add up to the total, which is that of the balance sheet; an account that moved in no month of the year is in them.
SELECT count(*) AS lines, count(*) FILTER (WHERE f.funds + f.eliminations <> f.total OR f.total <> b.amount) AS differences
  FROM generate_series(timestamp '2023-11-01', '2025-03-01', '4 months') AS m,
       LATERAL (SELECT entity_code, currency, line_no, label, sum(amount) FILTER (WHERE column_kind = 'funds') AS funds, sum(amount) FILTER (WHERE column_kind = 'eliminations') AS eliminations, sum(amount) FILTER (WHERE column_kind = 'total') AS total
                  FROM acct.fund_statement(m::date) WHERE row_kind <> 'heading' GROUP BY 1, 2, 3, 4) AS f
  JOIN LATERAL acct.balance_sheet(m::date) AS b ON (b.entity_code, b.currency, b.label) = (f.entity_code, f.currency, f.label) AND b.line_no IS NOT DISTINCT FROM f.line_no;

-- Another name of an account and a month in the archive change nothing, and no line is read.
CREATE TABLE public.then AS SELECT * FROM public.shown('BS', NULL, '2024-12-01');
UPDATE acct.chart_of_accounts SET description = 'Cash at bank' WHERE account_code = '1000';
SELECT count(*) > 0 AS closed FROM generate_series(timestamp '2023-11-01', '2023-12-01', '1 month') AS m, public.close_period(m::date);
SELECT acct.archive_partition('ledger_entry', '2023-11-01'), acct.archive_partition('ledger_entry', '2023-12-01');
SELECT count(*) AS rows, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differences FROM public.shown('BS', NULL, '2024-12-01') AS a FULL JOIN public.then AS b ON (a.e, a.cur, a.label, coalesce(a.line_no, 0)) = (b.e, b.cur, b.label, coalesce(b.line_no, 0));
SELECT line_no, amount FROM public.shown('PL', '2023-11-01', '2023-12-01', 'MAIN');
\c
SELECT count(*) > 0 AS rows FROM acct.profit_and_loss('2023-11-01', '2025-01-01') AS p, acct.balance_sheet('2025-01-01') AS b, acct.fund_statement('2025-01-01') AS f;
SELECT count(*) AS tables_read FROM pg_class AS c WHERE c.relname ~ '^ledger_entry_(line|header)' AND c.relkind = 'r'
   AND (pg_stat_get_xact_numscans(c.oid) > 0 OR EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND pg_stat_get_xact_numscans(i.indexrelid) > 0));
SET datestyle = 'ISO, YMD';

-- A layout that was spoilt past releases, and bad arguments
BEGIN;
INSERT INTO acct.statement_account (layout, line_no, selection_no, from_account) VALUES ('BS', 11, 9, '1000');
SELECT acct.balance_sheet('2024-12-01');
ROLLBACK;
BEGIN;
DELETE FROM acct.statement_account WHERE layout = 'BS' AND line_no = 32;
SELECT line_no, label, row_kind, account_code, trim_scale(amount) AS amount FROM acct.balance_sheet('2024-01-01', 'SUB', 'TAX');
SELECT line_no, label, row_kind, account_code, trim_scale(amount) AS amount FROM acct.balance_sheet('2025-01-01', 'SUB', 'TAX') WHERE row_kind <> 'heading';
ROLLBACK;
\set VERBOSITY sqlstate
SELECT acct.balance_sheet('2024-12-02'); :why
SELECT acct.balance_sheet(NULL); :why
SELECT acct.balance_sheet('infinity'); :why
SELECT acct.balance_sheet('0199-12-01'); :why
SELECT acct.balance_sheet('2024-12-01', 'main'); :why
SELECT acct.balance_sheet('2024-12-01', basis => NULL); :why
SELECT acct.balance_sheet('2024-12-01', fund => 'F9'); :why
SELECT acct.balance_sheet('2024-12-01', layout => 'PL'); :why
SELECT acct.profit_and_loss('2024-12-01', '2024-11-01'); :why
SELECT acct.profit_and_loss('2024-12-01', NULL); :why
SELECT acct.profit_and_loss('1900-01-01', '2024-11-01'); :why
SELECT acct.profit_and_loss('2024-12-01', '2024-12-01', layout => ''); :why
SELECT acct.fund_statement('2024-12-01', statement => 'cash_flow'); :why
SELECT acct.fund_statement('2024-12-01', statement => NULL); :why
SELECT acct.fund_statement('2024-12-01', from_month => '2024-11-01'); :why
SELECT acct.fund_statement(NULL); :why
\set VERBOSITY default
-- A fund, an account and a layout that are used stay.
SELECT acct._policy_of('account_code', '3');
DELETE FROM acct.statement_layout WHERE layout = 'BS';
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

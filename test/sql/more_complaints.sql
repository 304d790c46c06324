-- On one path: reports and closings read what is posted, whatever path posted it.
-- What users of other ledgers, ERPs and audit exports complained about in public, in harder variations: dates, openings, imports, trails
\set topic more_complaints
\i test/sql/setup.sql
-- Compiling the queries below takes longer than they do.
SET jit = off;
DROP ROLE IF EXISTS regress_more_renamed;
INSERT INTO acct.currency VALUES ('EUR', 2), ('JPY', 0), ('KWD', 3);
INSERT INTO acct.entity (entity_code, name, functional_currency, country, registration_no)
VALUES ('LEAP', 'Assurance', 'EUR', 'FR', '123456789'), ('HAND', NULL, 'EUR', 'FR', '223456789'), ('SHUT', NULL, 'EUR', 'FR', '323456789');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax accounts');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('3100', 'Surplus', 'EQUITY');
UPDATE acct.fund SET surplus_account_code = '3100';
CALL public.policy('IN', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('OUT', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('BOTH', '{DR 1000 F1 :gross_amount,CR 4000 F1 *,DR 5000 F2 :gross_amount / 7,CR 1000 F2 *}');
CALL public.policy('TIN', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', header => '{"basis": "TAX"}', matches => '[{"txn_type": "IN"}]');
SELECT count(*) AS made FROM unnest('{2022-04-01,2022-05-01,2022-12-01,2023-02-01,2023-03-01,2023-06-01,2023-09-01,2023-12-01,2024-01-01,2024-02-01,2024-03-01,2024-05-01,2024-07-01,2024-08-01,2024-09-01,2024-10-01,2025-02-01,2025-03-01,2025-05-01}'::date[]) AS m, acct.rotate_txn_source_partitions(0, m);
CREATE PROCEDURE public.close_months(first date, last date, entity text, basis text DEFAULT 'PRIMARY') LANGUAGE sql AS $$
    SELECT FROM generate_series(first::timestamp, last, '1 month') AS m, public.close_period(m::date, entity, basis)
$$;
CREATE FUNCTION public.year_closed(year_end date, entity text) RETURNS TABLE (fund text, currency text, income numeric, expense numeric, surplus numeric) LANGUAGE sql AS $$
    SELECT fund, currency, trim_scale(income), trim_scale(expense), trim_scale(surplus) FROM acct.close_year($1, $2, 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test')
$$;
CREATE FUNCTION public.post_as_checker(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM FROM acct.expand_journals(id);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    SELECT coalesce(sum(journals), 0) INTO n FROM acct.post_journals(id);
    RESET SESSION AUTHORIZATION;
    RETURN n;
END
$$;
-- A manual journal, whose lines are 'DR 1000 F1 100', submitted by the session's user.
CREATE FUNCTION public.submitted(entity text, day date, currency text, lines text[], reverse_on date DEFAULT NULL, kind text DEFAULT 'manual') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo, auto_reverse_on) VALUES (kind, entity, day, $3, 'By hand', reverse_on) RETURNING journal_id INTO id;
    INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit)
    SELECT id, p[2], p[3], CASE p[1] WHEN 'DR' THEN p[4]::numeric ELSE 0 END, CASE p[1] WHEN 'CR' THEN p[4]::numeric ELSE 0 END
      FROM unnest(lines) WITH ORDINALITY AS l (line, n), string_to_array(l.line, ' ') AS p ORDER BY l.n;
    PERFORM acct.submit_manual_journal(id);
    RETURN id;
END
$$;
CREATE FUNCTION public.approved(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    SELECT count(*) INTO n FROM acct.approve_manual_journal(id);
    RESET SESSION AUTHORIZATION;
    RETURN n;
END
$$;
CREATE FUNCTION public.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;

--
-- Years that end in February
--
-- 1. A year that ends on 28 February loses the 29th, or ends on a day that is not there (Odoo, Fava, Xero for dbt, Money Manager Ex).
SELECT e, acct.set_book(e, 'PRIMARY', '{"first_year_month": 3}') FROM unnest('{MAIN,LEAP}'::text[]) AS e;
BEGIN;
CALL public.txn(1, '2023-02-01', 'IN', 1000, '2023-02-28', currency => 'EUR', entity => 'LEAP');
CALL public.txn(2, '2024-02-01', 'IN', 77.7, '2024-02-29', currency => 'EUR', entity => 'LEAP');
CALL public.txn(3, '2024-02-01', 'OUT', 7, '2024-02-28', currency => 'EUR', entity => 'LEAP');
CALL public.txn(4, '2024-03-01', 'IN', 500, '2024-03-01', currency => 'EUR', entity => 'LEAP');
CALL public.txn(5, '2025-02-01', 'OUT', 50, '2025-02-28', currency => 'EUR', entity => 'LEAP');
CALL public.txn(6, '2023-02-01', 'BOTH', 1000, '2023-02-28', currency => 'JPY');
CALL public.txn(7, '2024-02-01', 'BOTH', 1, '2024-02-29', currency => 'KWD');
CALL public.txn(8, '2024-03-01', 'BOTH', 10, '2024-03-01', currency => 'KWD');
CALL public.txn(9, '2025-02-01', 'BOTH', 5, '2025-02-28', currency => 'JPY');
COMMIT;
SELECT count(public.posted(m::date, to_char(m, 'YYYY-MM'), '{"basis": "PRIMARY"}')) AS posted FROM unnest('{2023-02-01,2024-02-01,2024-03-01,2025-02-01}'::date[]) AS m;
SELECT to_char(m, 'YYYY-MM') AS month, p.account_code, trim_scale(p.amount) AS amount, trim_scale(p.year_ago) AS year_ago, trim_scale(p.previous) AS previous, trim_scale(p.year_to_date) AS year_to_date
  FROM unnest('{2024-02-01,2024-03-01,2025-02-01}'::date[]) AS m, acct.profit_and_loss(m, m, 'LEAP') AS p ORDER BY 1, 2;
SELECT day, public.attempt(format('SELECT acct.close_year(%L, %L, %L)', day, 'LEAP', 'PRIMARY')) FROM unnest('{2024-02-28,2024-02-29,2023-12-31}'::date[]) AS day;
-- Months that nobody closes are closed by default.
SELECT e, acct.set_book(e, 'PRIMARY', '{"closed_from": "2023-02-01"}') FROM unnest('{MAIN,LEAP}'::text[]) AS e;
CREATE FUNCTION public.years_closed(VARIADIC days date[]) RETURNS TABLE (entity text, year_end date, fund text, currency text, income numeric, expense numeric, surplus numeric) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH entity IN ARRAY '{LEAP,MAIN}'::text[] LOOP
        FOREACH year_end IN ARRAY days LOOP
            RETURN QUERY SELECT years_closed.entity, years_closed.year_end, c.* FROM public.year_closed(years_closed.year_end, years_closed.entity) AS c;
        END LOOP;
    END LOOP;
END
$$;
SELECT * FROM public.years_closed('2023-02-28', '2024-02-29', '2025-02-28');
SELECT entity_code, closed_through, closed_years FROM acct.book ORDER BY 1;

-- 2. Reopening a year that was closed, reopened and closed fails with a duplicate key; the reversal has one date in its head and another in its lines (LedgerSMB).
CREATE PROCEDURE public.again(n integer) LANGUAGE plpgsql AS $$
DECLARE
    e text;
BEGIN
    FOREACH e IN ARRAY '{LEAP,MAIN}'::text[] LOOP
        PERFORM acct.reopen_year('2025-02-28', e, 'PRIMARY', 'Round ' || n), acct.reopen_year('2024-02-29', e, 'PRIMARY', 'Round ' || n);
    END LOOP;
END
$$;
CALL public.again(1);
SELECT entity_code, closed_through, closed_years FROM acct.book ORDER BY 1;
CALL public.txn(20, '2024-02-01', 'OUT', 0.7, '2024-02-29', currency => 'EUR', entity => 'LEAP');
SELECT public.posted('2024-02-01', 'round 1', '{"basis": "PRIMARY"}') > 0 AS posted;
SELECT * FROM public.years_closed('2024-02-29', '2025-02-28');
CALL public.again(2);
CALL public.txn(21, '2024-02-01', 'BOTH', 100, '2024-02-29', currency => 'KWD');
SELECT public.posted('2024-02-01', 'round 2', '{"basis": "PRIMARY"}') > 0 AS posted;
SELECT * FROM public.years_closed('2024-02-29', '2025-02-28');
SELECT h.journal_type, h.je_date, count(DISTINCT h.je_id) AS journals, count(*) FILTER (WHERE l.je_date <> h.je_date) AS other_dates
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id) WHERE h.journal_type IN ('closing', 'reversal') GROUP BY 1, 2 ORDER BY 2, 1;
SELECT entity_code, closed_through, closed_years FROM acct.book ORDER BY 1;
SELECT count(*) AS books, count(*) FILTER (WHERE finding <> 'in order') AS wrong FROM acct.check_numbering();

-- 3. The trial balance, the profit and loss and the balance sheet differ, because some have the entries of a year's end (LedgerSMB, bhima, Auxx).
CREATE FUNCTION public.disagreements(months date[]) RETURNS TABLE (books bigint, accounts bigint, sheet bigint, result bigint, unequal bigint, hierarchy bigint, of_day bigint, movement bigint, bi bigint) LANGUAGE sql AS $$
    WITH book AS MATERIALIZED (
        SELECT b.entity_code AS e, b.basis, m, c, (m + interval '1 month')::date - 1 AS day, acct._year_begin(m, b.entity_code, b.basis) AS begins
          FROM acct.ledger_book AS b, unnest(months) AS m, (VALUES (true), (false)) AS c (c)),
    tb AS MATERIALIZED (
        SELECT b.e, b.basis, b.m, b.c, t.fund, t.account_code, t.account_type IN ('INCOME', 'EXPENSE') AS is_result, t.currency, t.opening_balance, t.closing_balance
          FROM book AS b, acct.trial_balance(b.m, b.e, b.basis, closing => b.c) AS t),
    total AS (SELECT e, basis, m, c, is_result, currency, account_code, sum(closing_balance) AS amount FROM tb GROUP BY 1, 2, 3, 4, 5, 6, 7),
    bs AS (SELECT b.e, b.basis, b.m, b.c, s.currency, s.account_code, sum(s.amount) AS amount FROM book AS b, acct.balance_sheet(b.m, b.e, b.basis, closing => b.c) AS s GROUP BY 1, 2, 3, 4, 5, 6),
    pl AS (SELECT b.e, b.basis, b.m, b.c, s.currency, s.account_code, s.amount, s.year_to_date FROM book AS b, acct.profit_and_loss(b.begins, b.m, b.e, b.basis, closing => b.c) AS s),
    before AS (SELECT b.e, b.basis, b.m, b.c, t.currency, t.account_code, sum(t.closing_balance) AS amount FROM book AS b, acct.trial_balance((b.begins - interval '1 month')::date, b.e, b.basis) AS t
                WHERE t.account_type IN ('INCOME', 'EXPENSE') GROUP BY 1, 2, 3, 4, 5, 6)
    SELECT (SELECT count(*) FROM book), (SELECT count(*) FROM tb),
           (SELECT count(*) FROM total AS t FULL JOIN bs USING (e, basis, m, c, currency, account_code) WHERE coalesce(t.amount, 0) <> coalesce(bs.amount, 0)),
           (SELECT count(*) FROM (SELECT * FROM total WHERE is_result) AS t FULL JOIN before AS p USING (e, basis, m, c, currency, account_code) FULL JOIN pl USING (e, basis, m, c, currency, account_code)
             WHERE coalesce(t.amount, 0) - coalesce(p.amount, 0) <> coalesce(pl.amount, 0) OR pl.amount <> pl.year_to_date),
           (SELECT count(*) FROM (SELECT FROM tb GROUP BY e, basis, m, c, fund, currency HAVING sum(closing_balance) <> 0) AS u),
           (SELECT count(*) FROM (SELECT b.e, b.basis, b.m, b.c, t.fund, t.account_code, t.currency, t.opening_balance, t.own_closing_balance FROM book AS b, acct.account_hierarchy(b.m, b.e, b.basis, closing => b.c) AS t
                                  EXCEPT SELECT e, basis, m, c, fund, account_code, currency, opening_balance, closing_balance FROM tb) AS d),
           (SELECT count(*) FROM (SELECT b.e, b.basis, b.m, b.c, t.fund, t.account_code, t.currency, t.opening_balance, t.closing_balance FROM book AS b, acct.trial_balance_at(b.day, b.e, b.basis, closing => b.c) AS t
                                  EXCEPT SELECT e, basis, m, c, fund, account_code, currency, opening_balance, closing_balance FROM tb) AS d),
           (SELECT count(*) FROM (SELECT sum(t.amount) FILTER (WHERE t.item <> 'closing balance') AS moved, sum(t.amount) FILTER (WHERE t.item = 'closing balance') AS amount
                                    FROM book AS b, acct.movement(b.m, b.e, b.basis, closing => b.c) AS t GROUP BY b.e, b.basis, b.m, b.c, t.fund, t.account_code, t.currency) AS d WHERE d.moved IS DISTINCT FROM d.amount),
           (SELECT count(*) FROM tb JOIN acct_bi.balances AS x ON (x.entity_code, x.basis, x.month, x.fund, x.account_code, x.currency) = (tb.e, tb.basis, tb.m, tb.fund, tb.account_code, tb.currency)
             WHERE x.month = ANY (months) AND x.closing_balance - CASE WHEN tb.c THEN 0 ELSE x.closing_entries END <> tb.closing_balance)
$$;
SELECT * FROM public.disagreements('{2024-02-01,2024-03-01,2025-02-01}');

--
-- Closings by hand, and what ended before its year
--
-- 4. The result is in the balance sheet twice, where somebody brought it to equity by hand and the year is closed afterwards (accounted, bigcapital).
BEGIN;
CALL public.txn(30, '2023-12-01', 'BOTH', 700, '2023-12-05', entity => 'HAND');
CALL public.txn(31, '2023-12-01', 'OUT', 30, '2023-12-31', entity => 'HAND');
CALL public.txn(32, '2023-12-01', 'IN', 9, '2023-12-31', currency => 'JPY', entity => 'HAND');
COMMIT;
SELECT public.posted('2023-12-01', 'hand', '{"basis": "PRIMARY"}') > 0 AS posted;
SELECT public.approved(public.submitted('HAND', '2023-12-31', 'IDR', '{DR 4000 F1 700,CR 5000 F1 30,CR 3100 F1 670}')) AS journals;
CREATE FUNCTION public.sheet(month date, entity text) RETURNS TABLE (currency text, account_code text, label text, amount numeric) LANGUAGE sql AS $$
    SELECT s.currency, s.account_code, s.label, trim_scale(s.amount) FROM acct.balance_sheet($1, $2) AS s WHERE s.amount <> 0 ORDER BY 1, 2, 3
$$;
SELECT * FROM public.sheet('2023-12-01', 'HAND');
SELECT * FROM public.sheet('2024-01-01', 'HAND');
CALL public.txn(33, '2023-12-01', 'OUT', 5, '2023-12-30', entity => 'HAND');
SELECT public.posted('2023-12-01', 'hand late', '{"basis": "PRIMARY"}') > 0 AS posted;
SELECT * FROM public.year_closed('2023-12-31', 'HAND');
SELECT * FROM public.sheet('2024-01-01', 'HAND');
SELECT fund, account_code, currency, trim_scale(opening_balance) AS opening FROM acct.trial_balance('2024-01-01', 'HAND') ORDER BY 1, 3, 2;
SELECT count(*) AS openings FROM acct.account_ledger('4000', '2024-01-01', '2024-01-31', 'HAND') WHERE balance <> 0;

-- 5. An account that ended with a balance, or a company that was dissolved within the year, keeps the year from being closed (rustledger, bhima).
INSERT INTO acct.entity (entity_code, effective_to) VALUES ('GONE', '2023-10-01');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, effective_to) VALUES ('4900', 'A line of business that was sold', 'INCOME', '2023-07-01');
CALL public.policy('SOLD', '{DR 1000 F2 :gross_amount,CR 4900 F2 *}');
BEGIN;
CALL public.txn(40, '2023-06-01', 'SOLD', 60, '2023-06-30', entity => 'GONE');
CALL public.txn(41, '2023-06-01', 'SOLD', 1, '2023-07-01', entity => 'GONE');
CALL public.txn(42, '2023-09-01', 'OUT', 20, '2023-09-30', entity => 'GONE');
CALL public.txn(43, '2023-09-01', 'OUT', 1, '2023-10-01', entity => 'GONE');
COMMIT;
SELECT public.posted('2023-06-01', 'gone 1', '{"basis": "PRIMARY"}') AS gone1, public.posted('2023-09-01', 'gone 2', '{"basis": "PRIMARY"}') AS gone2 \gset
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id IN (:gone1, :gone2) ORDER BY 1;
CALL public.close_months('2023-06-01', '2023-11-01', 'GONE');
SELECT * FROM public.year_closed('2023-12-31', 'GONE');
SELECT * FROM public.sheet('2024-06-01', 'GONE');
SELECT acct.reopen_year('2023-12-31', 'GONE', 'PRIMARY', 'The liquidator asked') IS NOT NULL AS reopened;
SELECT * FROM public.year_closed('2023-12-31', 'GONE');

-- 6. An accrual is reversed on a day on which nothing may be booked (uzERP, ADempiere): the company is gone, or the month is closed, by then.
SELECT acct.reopen_year('2023-12-31', 'GONE', 'PRIMARY', 'For accruals') IS NOT NULL AS year, acct.reopen_period('2023-09-01', 'GONE', 'PRIMARY') AS month, acct.reopen_period('2023-10-01', 'GONE', 'PRIMARY') AS next;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on) SELECT 'GONE', '2023-09-30', 'IDR', 'Accrual', d FROM unnest('{2023-10-01,2023-11-01,2023-09-30}'::date[]) AS d;
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) SELECT m.journal_id, a, 'F1', 1 - n % 2, n % 2 FROM acct.manual_journal AS m, unnest('{2000,5000}'::text[]) WITH ORDINALITY AS l (a, n) WHERE m.memo = 'Accrual';
SELECT m.auto_reverse_on, c.code, c.message FROM acct.manual_journal AS m, acct.check_manual_journal(m.journal_id) AS c WHERE m.memo = 'Accrual' ORDER BY 1, 2;
SELECT public.attempt(format('SELECT acct.submit_manual_journal(%s)', min(journal_id))) ~ '^LE004' AS refused FROM acct.manual_journal WHERE memo = 'Accrual';
-- It may be reversed later all the same: what was posted can always be undone.
SELECT acct.reverse_run(:gone1, '2023-10-31', 'Undo') AS undo \gset
SELECT public.post_as_checker(:undo) AS journals;

--
-- Closed is closed
--
-- 7. A month is closed to one path and open to another (Etendo, runmyaccounts, openpetra, Odoo): four ways to be closed, and one to be open.
CALL public.policy('SHUT', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
BEGIN;
CALL public.txn(50, '2022-04-01', 'SHUT', 100, '2022-04-10', currency => 'EUR', entity => 'SHUT');
CALL public.txn(51, '2022-05-01', 'SHUT', 100, '2022-05-10', currency => 'EUR', entity => 'SHUT');
COMMIT;
SELECT public.posted('2022-04-01', 'shut', '{"basis": "PRIMARY"}') AS shut, public.posted('2022-05-01', 'shut may', '{"basis": "PRIMARY"}') > 0 AS may \gset
CALL public.policy('SHUT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.close_months('2022-04-01', '2022-11-01', 'SHUT');
SELECT * FROM public.year_closed('2022-12-31', 'SHUT');
SELECT count(*) > 0 AS closed FROM public.close_period('2022-05-01') \gset
SELECT acct.archive_partition('ledger_entry', '2022-05-01') AS archived;
SELECT changed FROM public.close_period('2023-03-01', 'SHUT', 'PRIMARY');
SELECT acct.set_book('SHUT', 'PRIMARY', '{"closed_from": "2024-01-01"}') AS set, acct.reopen_period('2024-03-01', 'SHUT', 'PRIMARY') AS opened;
CREATE TABLE public.other_system (account_code text, fund text, currency text, balance numeric);
INSERT INTO public.other_system VALUES ('1000', 'F1', 'EUR', 5), ('2000', 'F1', 'EUR', -5);
CREATE FUNCTION public.booked(id bigint, day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT b.* INTO found FROM acct.book_transactions(jsonb_build_array(jsonb_build_object('txn_id', id, 'txn_month', acct.month_start(day), 'bank_value_date', day, 'txn_type', 'SHUT', 'product_code', 'P',
                                                      'channel', 'C', 'currency', 'EUR', 'entity_code', 'SHUT', 'gross_amount', 1, 'tabarru_amount', 1)), options => '{"basis": "PRIMARY"}') AS b;
    IF found.outcome <> 'posted' THEN
        RAISE EXCEPTION '%', found.reason USING ERRCODE = 'LE006';
    END IF;
END
$$;
CREATE TABLE public.path (n integer, path text, statement text);
INSERT INTO public.path VALUES
    (1, 'manual', $$SELECT public.approved(public.submitted('SHUT', %1$L, 'EUR', '{DR 1000 F1 1,CR 2000 F1 1}'))$$),
    (2, 'accrual', $$SELECT public.approved(public.submitted('SHUT', '2023-02-28', 'EUR', '{DR 1000 F1 1,CR 2000 F1 1}', %1$L))$$),
    (3, 'opening', $$SELECT acct.draft_opening_balances(%1$L, 'SHUT', 'PRIMARY', 'public.other_system')$$),
    (4, 'booking', $$SELECT public.booked(500 + %2$s, %1$L)$$),
    (5, 'correction', $$SELECT public.post_as_checker(acct.correct_run(%3$s, %1$L, 'Other rules'))$$),
    (6, 'reversal', $$SELECT public.post_as_checker(acct.reverse_run(%3$s, %1$L, 'Undo'))$$);
SELECT d.kind, string_agg(p.path || ': ' || left(public.attempt(format(p.statement, d.day, d.n, :shut)), 5), ', ' ORDER BY p.n) AS outcome
  FROM (VALUES (1, 'archived', date '2022-05-31'), (2, 'year', '2022-12-31'), (3, 'month', '2023-03-31'), (4, 'by default', '2024-01-31'), (5, 'open', '2024-03-31')) AS d (n, kind, day), public.path AS p GROUP BY d.n, d.kind ORDER BY d.n;
SELECT count(*) AS moved FROM acct.trial_balance('2024-02-01', 'SHUT') WHERE closing_balance <> opening_balance;
SELECT account_code, trim_scale(closing_balance) AS balance FROM acct.trial_balance('2024-03-01', 'SHUT') ORDER BY 1;

--
-- Taken back, repeated, and numbered
--
-- 8. Balances of a range of days come from a newer snapshot, and voids with the original date leave it stale (medici, Firefly III, ERPNext).
BEGIN;
CALL public.txn(60, '2024-05-01', 'IN', 100, '2024-05-03', currency => 'JPY', entity => 'SUB');
CALL public.txn(61, '2024-05-01', 'IN', 10.125, '2024-05-31', currency => 'KWD', entity => 'SUB');
CALL public.txn(62, '2024-05-01', 'BOTH', 50, '2024-05-15', entity => 'SUB');
CALL public.txn(63, '2024-08-01', 'OUT', 7, '2024-08-31', currency => 'JPY', entity => 'SUB');
COMMIT;
SELECT public.posted('2024-08-01', 'sub aug') AS aug, public.posted('2024-05-01', 'sub may') AS may \gset
SELECT clock_timestamp() AS known \gset
CREATE TABLE public.known AS SELECT b, m::date, t.* FROM unnest('{PRIMARY,TAX}'::text[]) AS b, unnest('{2024-04-01,2024-05-01,2024-07-01,2024-08-01}'::timestamp[]) AS m, acct.trial_balance(m::date, 'SUB', b) AS t;
SELECT acct.reverse_journals(ARRAY(SELECT h.je_id FROM acct.ledger_entry_header AS h WHERE h.txn_id IN (60, 61) AND h.entity_code = 'SUB'), '2024-05-31', 'Void') AS undo \gset
SELECT public.post_as_checker(:undo) AS journals;
SELECT count(*) AS days, sum(d.differences) AS differences
  FROM unnest('{2024-04-30,2024-05-02,2024-05-03,2024-05-14,2024-05-15,2024-05-30,2024-05-31,2024-06-01,2024-07-31,2024-08-30,2024-08-31,2024-09-01}'::timestamp[]) AS day, unnest('{PRIMARY,TAX}'::text[]) AS b
 CROSS JOIN LATERAL (
    SELECT count(*) AS differences
      FROM (SELECT l.fund, l.account_code, l.currency, sum(l.debit - l.credit) AS closing FROM acct.ledger_entry_line AS l WHERE l.entity_code = 'SUB' AND l.basis = b AND l.je_date <= day GROUP BY 1, 2, 3) AS l
      FULL JOIN acct.trial_balance_at(day::date, 'SUB', b) AS t USING (fund, account_code, currency) WHERE coalesce(l.closing, 0) <> coalesce(t.closing_balance, 0)) AS d;
SELECT count(*) AS differ FROM (SELECT b, m::date, t.* FROM unnest('{PRIMARY,TAX}'::text[]) AS b, unnest('{2024-04-01,2024-05-01,2024-07-01,2024-08-01}'::timestamp[]) AS m, acct.trial_balance(m::date, 'SUB', b, known_at => :'known') AS t
                                EXCEPT TABLE public.known) AS d;
SELECT row_kind, je_date, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(balance) AS balance FROM acct.account_ledger('1000', '2024-05-04', '2024-05-31', 'SUB', currency => 'JPY');
SELECT acct.update_balance_snapshot() AS wrong;

-- 9. An import that was reverted leaves balances behind, and a refund can be made twice (Canutin, Blnk).
SELECT public.post_as_checker(acct.reverse_run(:may, '2024-06-30', 'Wrong file')) AS journals;
SELECT public.post_as_checker(acct.reverse_run(:aug, '2024-08-31', 'Wrong file')) AS journals;
SELECT public.attempt(format('SELECT acct.reverse_run(%s, %L, %L)', r, '2024-09-30', 'Once more')) ~ '^LE008' AS once FROM unnest(ARRAY[:may, :aug]) AS r;
SELECT count(*) FILTER (WHERE t.closing_balance <> 0) AS balances, count(*) AS rows FROM acct.trial_balance('2024-08-01', 'SUB') AS t;
SELECT count(*) AS rows FROM acct.trial_balance('2024-09-01', 'SUB');
SELECT count(*) AS amounts FROM acct.balance_sheet('2024-08-01', 'SUB') WHERE amount <> 0;
SELECT currency, account_code, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(amount) AS amount FROM acct.profit_and_loss('2024-05-01', '2024-08-01', 'SUB', reversals => false) ORDER BY 1, 2;

-- 10. One key twice in a batch, or a key that a failed attempt has used up (Formance, Midaz): in one transaction, after a rollback, and with a transaction that is there twice.
CREATE FUNCTION public.payment(id bigint, key text, gross numeric DEFAULT 5, twice boolean DEFAULT false) RETURNS TABLE (outcome text, numbered boolean, journal bigint) LANGUAGE sql AS $$
    SELECT b.outcome, b.je_number IS NOT NULL, b.je_id
      FROM acct.book_transactions((SELECT jsonb_agg(jsonb_build_object('txn_id', $1, 'txn_month', '2024-07-01', 'bank_value_date', '2024-07-31', 'txn_type', 'IN', 'product_code', 'P', 'channel', 'C', 'entity_code', 'HAND',
           'gross_amount', $3, 'tabarru_amount', $3)) FROM generate_series(1, CASE WHEN $4 THEN 2 ELSE 1 END)), $2, '{"basis": "PRIMARY"}') AS b
$$;
BEGIN;
SELECT public.attempt('SELECT public.payment(600, ''pay'', 1, true)');
SAVEPOINT failed;
SELECT outcome FROM public.payment(601, 'pay', 99);
ROLLBACK TO failed;
SELECT journal AS first FROM public.payment(600, 'pay') \gset
SELECT outcome, journal = :first AS same FROM public.payment(600, 'pay');
SELECT public.attempt('SELECT public.payment(600, ''pay'', 6)'), public.attempt('SELECT public.payment(600, ''other'')');
COMMIT;
SELECT outcome, journal = :first AS same FROM public.payment(600, 'pay');
SELECT count(*) AS journals, sum(total_debit) AS debit FROM acct.ledger_entry_header WHERE txn_id BETWEEN 600 AND 609;

-- 11. A posting that failed has used up its number (Odoo, OCA): after a rollback, after a savepoint, and where the commit itself fails.
CREATE TABLE public.refusal (id integer);
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at the commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON public.refusal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse();
BEGIN;
SELECT count(*) FROM public.payment(602, 'lost');
ROLLBACK;
BEGIN;
SELECT count(*) FROM public.payment(602, 'lost');
INSERT INTO public.refusal VALUES (1);
COMMIT;
BEGIN;
SELECT count(*) FROM public.payment(603, 'kept');
SAVEPOINT one;
SELECT count(*) FROM public.payment(604, 'lost too');
ROLLBACK TO one;
SELECT count(*) FROM public.payment(605, 'kept too');
COMMIT;
SELECT h.txn_id, h.je_number FROM acct.ledger_entry_header AS h WHERE h.entity_code = 'HAND' AND h.je_date = '2024-07-31' ORDER BY 2;
SELECT finding, from_number, to_number, numbers FROM acct.check_numbering('2024-07-01', 'HAND', 'PRIMARY');

--
-- Rules by date
--
-- 12. On the day on which a rate changes no rate applies, or both (Commerceguys Tax, Alga PSA, BPDM), and days between two are silently without one.
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, effective_to) VALUES ('4100', 'Old line', 'INCOME', '2024-09-16'), ('4200', 'New line', 'INCOME', NULL), ('4300', 'Of a channel', 'INCOME', NULL);
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from, effective_to) VALUES
    ('Q', NULL, '4000', 'F1', '4100', 'F1', '2000-01-01', NULL), ('Q', NULL, '4000', 'F1', '4200', 'F1', '2024-09-16', NULL), ('Q', 'WEB', '4000', 'F1', '4300', 'F1', '2024-09-10', '2024-09-20');
CALL public.policy('RATE', '{DR 1000 F1 0.10 * :gross_amount,CR 4000 F1 *}', header => '{"effective_to": "2024-09-16"}');
CALL public.policy('RATE', '{DR 1000 F1 0.11 * :gross_amount,CR 4000 F1 *}', header => '{"effective_from": "2024-09-16"}');
BEGIN;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT 700 + n, '2024-09-01', date '2024-09-01' + n, 'RATE', 'Q', CASE WHEN n % 2 = 0 THEN 'WEB' ELSE 'SHOP' END, 'KWD', 'OTHER', 10.005, 10.005 FROM unnest('{8,9,10,14,15,16,18,19,20,29}'::integer[]) AS n;
COMMIT;
SELECT public.posted('2024-09-01', 'rates', '{"basis": "PRIMARY"}') AS rates \gset
SELECT h.je_date, h.channel, h.template_version, l.account_code, l.credit FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id) WHERE h.run_id = :rates AND l.credit > 0 ORDER BY 1, 2;
-- Of rows for the same days the one that begins last applies, and one for the channel before one for any: an account that only the others lead to is no warning.
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund) VALUES ('R', NULL, '4000', 'F1', '4100', 'F1'), ('R', 'WEB', '4000', 'F1', '4300', 'F1');
CALL public.policy('WEBRATE', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', matches => '[{"txn_type": "WEBRATE", "product_code": "R", "channel": "WEB"}]', header => '{"effective_from": "2024-01-01"}');
CALL public.policy('ANYRATE', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', matches => '[{"txn_type": "ANYRATE", "product_code": "R"}, {"txn_type": "ANYRATE", "product_code": "Q"}]', header => '{"effective_from": "2024-01-01"}');
SELECT t, v, c.line_no, c.message FROM (VALUES ('RATE', 1), ('RATE', 2), ('WEBRATE', 1), ('ANYRATE', 1)) AS x (t, v), acct.check_template(t, v) AS c WHERE c.severity <> 'notice' ORDER BY 1, 2, 3;

-- 13. A rule that was approved later, in effect from an earlier day, changes what was booked before it (Kill Bill).
SELECT count(*) AS balances, sum(closing_balance) FILTER (WHERE account_code = '1000') AS cash FROM acct.trial_balance('2024-09-01', 'OTHER');
CALL public.policy('RATE', '{DR 1000 F1 0.12 * :gross_amount,CR 4000 F1 *}', header => '{"effective_from": "2024-09-15"}');
SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM acct.replay_run(:rates);
SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM acct.validate_run(:rates);
SELECT count(*) AS balances, sum(closing_balance) FILTER (WHERE account_code = '1000') AS cash FROM acct.trial_balance('2024-09-01', 'OTHER');
SELECT h.txn_id, e.status FROM acct.ledger_entry_header AS h, acct.explain_journal(h.je_id) AS e WHERE h.run_id = :rates AND h.txn_id IN (710, 714, 715) AND e.kind = 'comparison' ORDER BY 1;
SELECT account_code, debit, credit, line_count FROM acct.preview_correction(:rates) ORDER BY 1;
SELECT txn_id, debit, line_count, problem FROM acct.preview_correction_transactions(:rates) ORDER BY 1;

-- 14. Corrections there and back again leave a cent, in a currency of three decimals (ledger-cli, runmyaccounts).
CREATE TABLE public.first AS SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2024-09-01', 'OTHER');
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-01', 'There')) AS journals;
CALL public.policy('RATE', '{DR 1000 F1 :gross_amount / 3,CR 4000 F1 :gross_amount / 7,CR 2000 F1 *}', header => '{"effective_from": "2000-01-01"}');
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-02', 'Farther')) AS journals;
CALL public.policy('RATE', '{DR 1000 F1 CASE WHEN :bank_value_date < ''2024-09-16'' THEN 0.10 ELSE 0.11 END * :gross_amount,CR 4000 F1 *}', header => '{"effective_from": "2000-01-01"}');
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-03', 'Back')) AS journals;
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-04', 'Nothing differs')) AS journals;
SELECT count(*) AS differ FROM (SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2024-10-01', 'OTHER') WHERE closing_balance <> 0 EXCEPT TABLE public.first) AS d;
SELECT count(*) AS differ FROM (TABLE public.first EXCEPT SELECT fund, account_code, currency, closing_balance FROM acct.trial_balance('2024-09-01', 'OTHER')) AS d;

-- 15. Reports count twice what was moved to another account, and subtotals are not the sum of their accounts (ERPNext, bhima, OCA).
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, is_postable) VALUES ('4', 'All income', 'INCOME', false);
UPDATE acct.chart_of_accounts SET parent_account_code = '4' WHERE account_code IN ('4000', '4100', '4200');
UPDATE acct.chart_of_accounts SET parent_account_code = '4200' WHERE account_code = '4300';
UPDATE acct.product_account_map SET mapped_account_code = '4300' WHERE mapped_account_code IN ('4100', '4200');
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-31', 'Moved to 4300')) AS journals;
SELECT public.post_as_checker(acct.correct_run(:rates, '2024-10-31', 'Moved once')) AS journals;
SELECT to_char(m, 'YYYY-MM') AS month, h.account_code, h.level, h.closing_balance, h.own_closing_balance FROM unnest('{2024-09-01,2024-10-01}'::date[]) AS m, acct.account_hierarchy(m, 'OTHER') AS h WHERE h.account_type = 'INCOME' ORDER BY 1, h.path;
SELECT sum(p.amount) AS result, sum(p.previous) AS september, sum(p.year_to_date) AS year FROM acct.profit_and_loss('2024-10-01', '2024-10-01', 'OTHER') AS p;
SELECT account_code, item, amount FROM acct.movement('2024-10-01', 'OTHER') WHERE account_code ~ '^4' AND item <> 'opening balance' ORDER BY 1, 2;
-- What is reversed now takes its corrections along: nothing is left, on any account.
SELECT public.post_as_checker(acct.reverse_run(:rates, '2024-11-30', 'All of it')) AS journals;
SELECT count(*) AS accounts, count(*) FILTER (WHERE closing_balance <> 0) AS balances FROM acct.trial_balance('2024-11-01', 'OTHER');

--
-- Time zones
--
-- 16. A day before or after, at the border of a month, by the zone of the session (Frappe Books, bigcapital, bhima, Kill Bill).
SELECT acct.set_book('LEAP', 'PRIMARY', '{"closed_from": null}') AS leap, acct.set_book('MAIN', 'PRIMARY', '{"closed_from": null}') AS main;
CREATE TABLE public.zone (n integer, zone text, style text);
INSERT INTO public.zone VALUES (1, 'Etc/GMT+12', 'ISO, MDY'), (2, 'Pacific/Kiritimati', 'German'), (3, 'Pacific/Apia', 'SQL, DMY');
CREATE FUNCTION public.at_border(n integer, zone text, style text) RETURNS TABLE (booked date, posted date, month_end date, accrual text, fec text, saft text) LANGUAGE plpgsql AS $$
DECLARE
    month CONSTANT date := '2025-03-01';
    id bigint;
BEGIN
    EXECUTE format('SET LOCAL timezone = %L', zone);
    EXECUTE format('SET LOCAL datestyle = %L', style);
    SELECT b.je_date INTO booked FROM acct.book_transactions(jsonb_build_array(jsonb_build_object('txn_id', 800 + n, 'txn_month', '2025-03-01T00:00:00+14:00', 'bank_value_date', '2025-03-31T23:59:59-11:00', 'txn_type', 'IN',
           'product_code', 'P', 'channel', 'C', 'currency', 'EUR', 'entity_code', 'LEAP', 'gross_amount', 1, 'tabarru_amount', 1)), options => '{"basis": "PRIMARY"}') AS b;
    posted := (SELECT h.je_date FROM acct.ledger_entry_header AS h WHERE h.txn_id = 800 + at_border.n);
    month_end := (SELECT max(l.je_date) FROM acct.account_ledger('1000', month, '2025-03-31', 'LEAP') AS l WHERE l.row_kind = 'line');
    id := public.submitted('LEAP', '2025-03-31', 'EUR', '{DR 5000 F1 1,CR 2000 F1 1}', '2025-04-01');
    PERFORM public.approved(id);
    accrual := (SELECT string_agg(to_char(h.je_date, 'YYYY-MM-DD'), ' ' ORDER BY h.je_date)
                  FROM acct.manual_journal AS m JOIN acct.ledger_entry_header AS h ON h.run_id IN (m.run_id, m.reversal_run_id) WHERE m.journal_id = id);
    fec := (SELECT md5(string_agg(f.line, E'\n')) FROM acct.export_fec('2024-02-29', 'LEAP') AS f);
    saft := (SELECT md5(string_agg(f.line, E'\n')) FROM acct.export_saft('2023-03-01', '2024-02-01', 'LEAP') AS f WHERE f.line !~ 'AuditFileDateCreated');
    RETURN NEXT;
END
$$;
SELECT z.zone, to_char(b.booked, 'YYYY-MM-DD') AS booked, to_char(b.posted, 'YYYY-MM-DD') AS posted, to_char(b.month_end, 'YYYY-MM-DD') AS month_end, b.accrual, dense_rank() OVER (ORDER BY b.fec) AS fec, dense_rank() OVER (ORDER BY b.saft) AS saft FROM public.zone AS z, public.at_border(z.n, z.zone, z.style) AS b ORDER BY z.n;

--
-- Audit files
--
-- 17. Openings have both sides of what came and went before, and an opening journal is an opening and a movement at once (OCA XAF, accounted SIE).
INSERT INTO acct.entity (entity_code, name, functional_currency, country, registration_no) VALUES ('OPEN', 'Opened in June', 'KWD', 'FR', '423456789');
BEGIN;
CALL public.txn(901, '2024-08-01', 'IN', 1000.125, '2024-08-05', currency => 'KWD', entity => 'OPEN');
CALL public.txn(902, '2024-08-01', 'OUT', 1000.125, '2024-08-31', currency => 'KWD', entity => 'OPEN');
CALL public.txn(903, '2024-10-01', 'BOTH', 3.333, '2024-10-01', currency => 'KWD', entity => 'OPEN');
COMMIT;
SELECT public.approved(public.submitted('OPEN', '2024-06-30', 'KWD', '{DR 1000 F1 5.005,CR 2000 F1 5.005}', kind => 'opening')) AS opened, public.approved(public.submitted('OPEN', '2024-06-30', 'KWD', '{CR 1000 F2 2.001,DR 2000 F2 2.001}', kind => 'opening')) AS other;
SELECT count(public.posted(m::date, 'open ' || m, '{"basis": "PRIMARY"}')) AS posted FROM unnest('{2024-08-01,2024-10-01}'::date[]) AS m;
CREATE FUNCTION public.tags(file text, tag text) RETURNS TABLE (n numeric) LANGUAGE sql AS $$ SELECT m[1]::numeric FROM regexp_matches(file, '<' || tag || '>([^<]+)<', 'g') AS m $$;
SELECT to_char(f, 'YYYY-MM') AS first, to_char(l, 'YYYY-MM') AS last, count(*) AS accounts, sum(abs(opening_balance)) AS opening, sum(debit) AS debit, sum(credit) AS credit, sum(abs(closing_balance)) AS closing, bool_and(passed) AS passed
  FROM (VALUES (date '2024-06-01', date '2024-06-01'), ('2024-07-01', '2024-08-01'), ('2024-06-01', '2024-10-01'), ('2024-09-01', '2024-09-01'), ('2024-10-01', '2024-12-01')) AS r (f, l), acct.check_audit_data(f, l, 'OPEN') GROUP BY f, l ORDER BY 1, 2;
SELECT to_char(f, 'YYYY-MM') AS first, to_char(l, 'YYYY-MM') AS last, (SELECT sum(n) FROM public.tags(x.file, 'OpeningDebitBalance')) AS opening_debit, (SELECT sum(n) FROM public.tags(x.file, 'OpeningCreditBalance')) AS opening_credit,
       (SELECT n FROM public.tags(x.file, 'NumberOfEntries')) AS entries, (SELECT n FROM public.tags(x.file, 'TotalDebit')) AS debit, (SELECT n FROM public.tags(x.file, 'TotalCredit')) AS credit,
       (SELECT sum(n) FROM public.tags(x.file, 'ClosingDebitBalance')) AS closing_debit, (SELECT sum(n) FROM public.tags(x.file, 'ClosingCreditBalance')) AS closing_credit
  FROM (VALUES (date '2024-06-01', date '2024-06-01'), ('2024-07-01', '2024-08-01'), ('2024-09-01', '2024-09-01'), ('2024-10-01', '2024-12-01')) AS r (f, l)
 CROSS JOIN LATERAL (SELECT string_agg(s.line, '') AS file FROM acct.export_saft(f, l, 'OPEN') AS s) AS x ORDER BY 1, 2;
SELECT severity, finding, message FROM acct.check_audit_export('saft', '2024-06-01', '2024-12-01', 'OPEN');
SELECT f, severity, finding, message FROM unnest('{saft,iso21378,fec}'::text[]) AS f, acct.check_audit_export(f, '2025-01-01', '2025-12-01', 'OPEN') WHERE finding ~ 'result' ORDER BY 1;
SELECT f[1] AS code, f[3] AS num, f[4] AS day, f[5] AS account, f[12] AS debit, f[13] AS credit FROM acct.export_fec('2024-12-31', 'OPEN') AS e, string_to_array(e.line, E'\t') AS f;

-- 18. A control character in a text moves columns, or makes a file that no reader takes (Dolibarr, OCA FEC, OCA XAF, Test Compta Demat): each one, in each text.
CREATE FUNCTION public.odd() RETURNS text LANGUAGE sql AS $$ SELECT 'a' || string_agg(chr(n), 'b' ORDER BY n) || 'z' FROM (SELECT generate_series(1, 159) UNION SELECT unnest(ARRAY[160, 8203, 8232, 8233, 8206, 65279, 65533, 65534, 65535])) AS c (n) $$;
UPDATE acct.chart_of_accounts SET description = public.odd();
UPDATE acct.fund SET name = public.odd();
UPDATE acct.entity SET name = public.odd() WHERE entity_code = 'OPEN';
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, currency, entity_code, gross_amount, tabarru_amount)
VALUES (904, '2024-10-01', '2024-10-31', 'IN', 'P,"<&>', 'C;|''', public.odd(), 'KWD', 'OPEN', 1, 1);
SELECT public.posted('2024-10-01', 'odd', '{"basis": "PRIMARY"}') > 0 AS posted;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('OPEN', '2024-10-31', 'KWD', public.odd()) RETURNING journal_id AS odd \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit, memo) VALUES (:odd, '1000', 'F1', 1, 0, public.odd()), (:odd, '4000', 'F1', 0, 1, E'\x0b');
SELECT acct.submit_manual_journal(:odd) IS NOT NULL AS submitted, public.approved(:odd) AS approved;
CREATE TABLE public.file AS
SELECT 'fec' AS file, line FROM acct.export_fec('2024-12-31', 'OPEN') AS line UNION ALL SELECT 'saft', line FROM acct.export_saft('2024-01-01', '2024-12-01', 'OPEN') AS line
UNION ALL SELECT file_name, line FROM acct.export_audit_data('2024-01-01', '2024-12-01', 'OPEN') UNION ALL SELECT 'description', line FROM acct.export_fec('2024-12-31', 'OPEN', part => 'description') AS line;
-- A field of CSV in quotes counts as one; the pages of XML are what their tags say.
SELECT f.file, count(*) AS lines, count(DISTINCT CASE f.file WHEN 'saft' THEN 1 WHEN 'description' THEN 1 WHEN 'fec' THEN cardinality(string_to_array(f.line, E'\t'))
       ELSE cardinality(string_to_array(regexp_replace(f.line, '"([^"]|"")*"', 'q', 'g'), ',')) END) AS widths,
       count(*) FILTER (WHERE replace(f.line, E'\t', '') ~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]') AS odd,
       count(*) FILTER (WHERE f.file = 'saft' AND regexp_replace(f.line, '<[A-Za-z/?][^<>]*>|&(amp|lt|gt|quot);', '', 'g') ~ '[<>&]') AS not_escaped
  FROM public.file AS f GROUP BY 1 ORDER BY f.file COLLATE "C";
-- What can be seen stays.
SELECT count(*) AS kept FROM public.file WHERE line ~ 'abb?.*z' AND line ~ '!b"b#|!b""b#|!b&quot;b#';

-- 19. Where there is nothing, there is an error, an empty element, or a file that is refused (hledger, Skatteetaten): a month, a year and a book without entries.
INSERT INTO acct.entity (entity_code, name, functional_currency, country, registration_no) VALUES ('BARE', NULL, 'EUR', 'FR', '523456789');
SELECT e, to_char(m, 'YYYY-MM') AS month, (SELECT count(*) FROM acct.trial_balance(m, e)) AS tb, (SELECT count(*) FROM acct.balance_sheet(m, e)) AS bs, (SELECT count(*) FROM acct.profit_and_loss(m, m, e)) AS pl, (SELECT count(*) FROM acct.fund_statement(m, e)) AS fs,
       (SELECT count(*) FROM acct.movement(m, e)) AS mv, (SELECT count(*) FROM acct.account_hierarchy(m, e)) AS h, (SELECT count(*) FROM acct.account_ledger('1000', m, m, e)) AS al, (SELECT count(*) FROM acct.check_close(m, e)) AS findings,
       (SELECT count(*) FROM acct.reconcile_month(m, e) AS r WHERE r.difference <> 0) AS differ, (SELECT count(*) FROM acct.rehearse_close(m, e, 'PRIMARY')) AS rehearsed, acct.month_end_pack(m, e) ~ '</html>' AS pack,
       (SELECT string_agg(line, '') ~ '<NumberOfEntries>0</NumberOfEntries><TotalDebit>0.00</TotalDebit><TotalCredit>0.00</TotalCredit></GeneralLedgerEntries>' AND string_agg(line, '') !~ '<([A-Za-z]+)></\1>|<[A-Za-z]+/>' FROM acct.export_saft(m, m, e) AS line) AS saft,
       (SELECT count(DISTINCT file_name) FROM acct.export_audit_data(m, m, e)) AS files, (SELECT count(*) FROM acct.check_audit_data(m, m, e)) AS test
  FROM (VALUES ('BARE', date '2024-02-01'), ('OPEN', '2024-09-01')) AS x (e, m);
SELECT e, y, (SELECT count(*) FROM acct.export_fec(y, e)) AS fec, (SELECT count(*) FROM acct.export_fec(y, e, part => 'description')) AS description, (SELECT count(*) FROM acct.close_year(y, e, 'PRIMARY')) AS closing FROM (VALUES ('BARE', date '2024-12-31')) AS x (e, y);
SELECT acct.reopen_year('2024-12-31', 'BARE', 'PRIMARY', 'Nothing') IS NULL AS nothing, acct.fec_file_name('2024-12-31', 'BARE');

--
-- Imports, trails and accounts
--
-- 20. Amounts of an import are a thousand times too much, and codes have what nobody sees (LedgerSMB, ledger-cli, actual, dotCMS): nothing is drafted or booked of such a file.
CREATE TABLE public.balances (account_code text, fund text, currency text, debit text, credit text);
CREATE FUNCTION public.drafted(VARIADIC amounts text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE public.balances;
    INSERT INTO public.balances VALUES ('1000', 'F1', 'EUR', amounts[1], NULL), ('2000', 'F1', 'EUR', NULL, amounts[2]);
    RETURN (SELECT trim_scale(d.debit) || ' / ' || trim_scale(d.credit) FROM acct.draft_opening_balances('2023-12-31', 'BARE2', 'PRIMARY', 'public.balances') AS d);
END
$$;
INSERT INTO acct.entity (entity_code) VALUES ('BARE2');
SELECT replace(a, E'\ufeff', '<BOM>') AS a, public.attempt(format('SELECT public.drafted(%L, %L)', a, a)) FROM unnest(ARRAY['1.234,56', '1,234.56', '1 234,56', '(100)', '100-', '100 EUR', '', '1e16', 'NaN', 'Infinity', E'\ufeff100']) AS a;
SELECT count(*) AS drafted FROM acct.manual_journal WHERE entity_code = 'BARE2';
SELECT public.drafted('  1234.005 ', '1234.005');
SELECT c.code, c.line_no, c.message FROM acct.manual_journal AS m, acct.check_manual_journal(m.journal_id) AS c WHERE m.entity_code = 'BARE2' ORDER BY 2;
DELETE FROM acct.manual_journal WHERE entity_code = 'BARE2';
TRUNCATE public.balances;
INSERT INTO public.balances VALUES (E'\ufeff1000', 'F1', 'EUR', '1', NULL), ('1000', 'F1', 'EUR', '1', NULL), (E'1000\u00a0', 'F1', 'EUR', '1', NULL), ('2000', 'F1', 'EUR', NULL, '3');
SELECT journal_id AS unseen FROM acct.draft_opening_balances('2023-12-31', 'BARE2', 'PRIMARY', 'public.balances') \gset
SELECT code, line_no, message ~ '[^ -~]' AS names_it FROM acct.check_manual_journal(:unseen);
COPY acct.txn_source_parent (entity_code, txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, policy_no) FROM PROGRAM
$$printf '\357\273\277MAIN,1001,2025-05-01,2025-05-02,IN,P,C,EUR,1,1,\nMAIN,1002,2025-05-01,2025-05-02,IN,"P",C,EUR,1,1,"say ""x"",\n next line"\nMAIN,1003,2025-05-01,2025-05-02,IN,P\302\240,C,EUR,1,1,\nMAIN,1004,2025-05-01,2025-05-02,IN,P,C,EUR ,1,1,\nMAIN,1005,2025-05-01,2025-05-02,IN,"P\r",C,EUR,1,1,\n'$$ WITH (FORMAT csv);
SELECT public.expanded('2025-05-01', 'imports', '{"basis": "PRIMARY"}') AS imports \gset
SELECT o.txn_id, o.outcome, e.message FROM public.outcome(:imports) AS o LEFT JOIN acct.je_exception AS e ON e.run_id = :imports AND e.txn_id = o.txn_id ORDER BY 1;
SELECT policy_no FROM acct.je_header_staging WHERE run_id = :imports;

-- 21. The audit trail has no deletions, and loses the user that was renamed (Odoo, Moqui, ERPNext).
SELECT max(audit_id) AS before FROM acct.template_audit \gset
SET SESSION AUTHORIZATION :"checker";
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-05-31', 'EUR', 'Typed and thrown away') RETURNING journal_id AS thrown \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:thrown, '5000', 'F1', 7, 0), (:thrown, '2000', 'F1', 0, 7);
DELETE FROM acct.manual_journal WHERE journal_id = :thrown;
SELECT acct.create_release('Thrown away') AS release \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description) VALUES (:release, 'update', '5000', 'Costs');
INSERT INTO acct.journal_template (template_code, description, release_id) VALUES ('THROWN', 'A rule', :release);
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing) VALUES ('THROWN', 1, 'DR', '5000', 'F1', true);
DELETE FROM acct.chart_of_accounts_draft WHERE release_id = :release;
DELETE FROM acct.journal_template WHERE template_code = 'THROWN';
BEGIN;
CALL public.txn(1100, '2025-05-01', 'IN');
COMMIT;
SELECT acct.delete_batch(max(batch_id)) AS deleted FROM acct.txn_batch WHERE loaded_by = session_user;
DELETE FROM acct.policy_release WHERE release_id = :release;
RESET SESSION AUTHORIZATION;
ALTER ROLE :"checker" RENAME TO regress_more_renamed;
SELECT a.table_name, a.operation, count(*), bool_and(a.old_row IS NOT NULL) AS has_old, string_agg(DISTINCT a.changed_by, ', ') AS changed_by, bool_and(strpos(a.changed_by_role, (SELECT r.oid::text FROM pg_roles AS r WHERE r.rolname = 'regress_more_renamed')) > 0) AS is_the_role
  FROM acct.template_audit AS a WHERE a.audit_id > :before GROUP BY 1, 2 ORDER BY 1, 2;
SELECT step, rows, detail ->> 'deleted_by' AS deleted_by FROM acct.run_log WHERE step = 'delete_batch' ORDER BY log_id DESC LIMIT 1;
ALTER ROLE regress_more_renamed RENAME TO :"checker";

-- 22. An account that nobody used cannot be deleted once the books are closed, and one that has entries can (LedgerSMB, bhima).
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('9999', 'Never used', 'INCOME');
SELECT public.attempt('DELETE FROM acct.chart_of_accounts WHERE account_code = ''9999''');
SELECT a, public.attempt(format('DELETE FROM acct.chart_of_accounts WHERE account_code = %L', a)) FROM unnest('{4900,4300,3100}'::text[]) AS a;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

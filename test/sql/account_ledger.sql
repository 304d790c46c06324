-- On one path: nothing here depends on it.
-- The ledger of an account: openings, lines with text, running balances, pages, years, months that are archived or quiet
\set topic account_ledger
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(16, '2024-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}');
CALL public.policy('E', '{DR 5000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('AT', '{DR 1000 F1 :gross_amount * 2,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
-- 2024 to April 2025; February and March of 2025 are quiet. The first and the last day of each month are among the dates.
CALL public.txn(1, '2024-11-01', 'A', 1000, '2024-11-30');
CALL public.txn(2, '2024-12-01', 'B', 70, '2024-12-01');
CALL public.txn(3, '2024-12-01', 'B', 5, '2024-12-31');
CALL public.txn(4, '2025-01-01', 'A', 100, '2025-01-01');
CALL public.txn(5, '2025-01-01', 'A', 20, '2025-01-01');
CALL public.txn(6, '2025-01-01', 'E', 3, '2025-01-15');
CALL public.txn(7, '2025-01-01', 'B', 9, '2025-01-31');
CALL public.txn(8, '2025-01-01', 'A', 40, '2025-01-31', currency => 'CY3');
CALL public.txn(9, '2025-01-01', 'A', 7, '2025-01-20', entity => 'SUB');
CALL public.txn(10, '2025-04-01', 'A', 50, '2025-04-30');
CALL public.txn(11, '2025-04-01', 'B', 2, '2025-04-01');
SELECT public.posted('2024-11-01') > 0 AS nov, public.posted('2024-12-01') > 0 AS dec, public.posted('2025-01-01') > 0 AS jan, public.posted('2025-04-01') > 0 AS apr;
-- What a line is for. Texts of approved versions do not change, so that this one is put there by hand.
SET ledger_engine.maintenance = on;
UPDATE acct.journal_template_line SET memo = 'Cash received' WHERE template_code = 'A' AND line_no = 1;
RESET ledger_engine.maintenance;
CREATE FUNCTION public.al(account text, from_date date, to_date date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, currency text DEFAULT NULL,
                          after_date date DEFAULT NULL, after_je_id bigint DEFAULT NULL, after_line_no integer DEFAULT NULL, max_lines integer DEFAULT 1000)
RETURNS TABLE (kind text, e text, f text, cur text, day date, txn bigint, line_text text, debit numeric, credit numeric, balance numeric) LANGUAGE sql AS $$
    SELECT l.row_kind, l.entity_code, l.fund, l.currency, l.je_date, l.txn_id, l.line_text, trim_scale(l.debit), trim_scale(l.credit), trim_scale(l.balance)
      FROM acct.account_ledger($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS l
$$;
-- A month of all books: currencies and funds by themselves. Lines of the first day are lines, and not in the opening.
SELECT * FROM public.al('1000', '2025-01-01', '2025-01-31');
-- From a day within the month, to one within it; the opening has the lines before, and the day itself is a line.
SELECT * FROM public.al('1000', '2025-01-15', '2025-01-20', 'MAIN', currency => 'IDR');
SELECT * FROM public.al('1000', '2025-01-02', '2025-01-14', 'MAIN', currency => 'IDR');
-- Quiet months; what follows the last month; and before the first one nothing.
SELECT * FROM public.al('1000', '2025-02-01', '2025-03-31', 'MAIN', fund => 'F1');
SELECT * FROM public.al('1000', '2025-02-10', '2025-04-29', 'MAIN', fund => 'F1', currency => 'IDR');
SELECT * FROM public.al('1000', '2026-05-01', '2026-05-31', 'SUB');
SELECT count(*) AS nothing FROM public.al('1000', '2024-01-01', '2024-11-29');
SELECT * FROM public.al('1000', '2025-01-01', '2025-01-31', 'MAIN', 'TAX');
-- Income accumulates from the start of the year, across the year's end and within it.
SELECT * FROM public.al('4000', '2024-12-15', '2025-04-30');
SELECT * FROM public.al('4000', '2025-02-01', '2025-02-28');
SELECT * FROM public.al('4000', '2025-01-01', '2025-01-01');
-- A book whose year begins in April
SELECT acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 4}');
SELECT * FROM public.al('4000', '2025-01-01', '2025-04-30');
SELECT * FROM public.al('4000', '2025-04-01', '2025-05-31');
SELECT acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 1}');

--
-- Pages: one line after the other, whatever their number, the same lines with the same balances, and what one carries forward the next brings
--
CREATE TABLE public.page (page integer, n bigint, row_kind text, entity_code text, fund text, currency text, je_date date, debit numeric, credit numeric, balance numeric, je_id bigint, line_no integer);
CREATE PROCEDURE public.turn(account text, from_date date, to_date date, basis text, max_lines integer) LANGUAGE plpgsql AS $$
DECLARE
    k_date date;
    k_id bigint;
    k_line integer;
BEGIN
    TRUNCATE public.page;
    FOR p IN 1 .. 1000 LOOP
        INSERT INTO public.page SELECT p, x.n, x.row_kind, x.entity_code, x.fund, x.currency, x.je_date, x.debit, x.credit, x.balance, x.je_id, x.line_no
          FROM (SELECT l.*, row_number() OVER () AS n FROM acct.account_ledger(account, from_date, to_date, basis => turn.basis, after_date => k_date, after_je_id => k_id,
                                                                               after_line_no => k_line, max_lines => turn.max_lines) AS l) AS x;
        EXIT WHEN NOT EXISTS (SELECT FROM public.page AS x WHERE x.page = p AND x.row_kind = 'carried forward');
        SELECT x.je_date, x.je_id, x.line_no INTO k_date, k_id, k_line FROM public.page AS x WHERE x.page = p AND x.row_kind = 'line' ORDER BY x.n DESC LIMIT 1;
    END LOOP;
END
$$;
-- A line is on one page, with the balance that it has without pages; debits and credits of the pages add up; the last page closes with the balances of the month.
CREATE FUNCTION public.compared(account text, from_date date, to_date date, basis text) RETURNS TABLE (pages integer, lines bigint, other_lines bigint, not_brought bigint, other_closings bigint) LANGUAGE sql AS $$
    WITH all_of AS (SELECT * FROM acct.account_ledger($1, $2, $3, basis => $4))
    SELECT (SELECT max(page) FROM public.page), (SELECT count(*) FROM public.page WHERE row_kind = 'line'),
           (SELECT count(*) FROM ((SELECT je_id, line_no, je_date, entity_code, fund, currency, debit, credit, balance FROM public.page WHERE row_kind = 'line'
                                   EXCEPT ALL SELECT je_id, line_no, je_date, entity_code, fund, currency, debit, credit, balance FROM all_of WHERE row_kind = 'line')
                                  UNION ALL
                                  (SELECT je_id, line_no, je_date, entity_code, fund, currency, debit, credit, balance FROM all_of WHERE row_kind = 'line'
                                   EXCEPT ALL SELECT je_id, line_no, je_date, entity_code, fund, currency, debit, credit, balance FROM public.page WHERE row_kind = 'line')) AS d),
           (SELECT count(*) FROM public.page AS c FULL JOIN public.page AS b
                ON b.row_kind = 'brought forward' AND c.row_kind = 'carried forward' AND b.page = c.page + 1 AND (b.entity_code, b.fund, b.currency) = (c.entity_code, c.fund, c.currency)
             WHERE c.row_kind = 'carried forward' AND c.balance <> 0 AND b.balance IS DISTINCT FROM c.balance
                OR b.row_kind = 'brought forward' AND b.balance <> 0 AND c.balance IS DISTINCT FROM b.balance),
           (SELECT count(*) FROM ((SELECT entity_code, fund, currency, je_date, balance FROM public.page WHERE row_kind = 'closing' AND page = (SELECT max(page) FROM public.page)
                                    AND je_date = $3 AND balance <> 0)
                                  EXCEPT ALL SELECT entity_code, fund, currency, je_date, balance FROM all_of WHERE row_kind = 'closing') AS d)
$$;
CALL public.turn('1000', '2024-11-01', '2025-04-30', 'PRIMARY', 1);
SELECT * FROM public.compared('1000', '2024-11-01', '2025-04-30', 'PRIMARY');
CALL public.turn('1000', '2025-01-01', '2025-01-31', 'PRIMARY', 2);
SELECT * FROM public.compared('1000', '2025-01-01', '2025-01-31', 'PRIMARY');
SELECT page, row_kind, entity_code AS e, fund AS f, currency AS cur, je_date, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(balance) AS balance FROM public.page ORDER BY page, n;
CALL public.turn('1000', '2024-11-01', '2025-04-30', 'PRIMARY', 3);
SELECT * FROM public.compared('1000', '2024-11-01', '2025-04-30', 'PRIMARY');
CALL public.turn('4000', '2024-12-15', '2025-04-30', 'PRIMARY', 1);
SELECT * FROM public.compared('4000', '2024-12-15', '2025-04-30', 'PRIMARY');
SELECT page, row_kind, je_date, trim_scale(balance) AS balance FROM public.page ORDER BY page, n;

--
-- Every account, fund, currency and month closes with its trial balance, and opens with that of the month before
--
SELECT count(*) AS accounts, count(*) FILTER (WHERE l.opening IS DISTINCT FROM t.opening_balance OR l.closing IS DISTINCT FROM t.closing_balance
                                                 OR l.debit <> t.period_debit OR l.credit <> t.period_credit OR l.debit_of_lines IS DISTINCT FROM nullif(t.period_debit, 0)) AS differences
  FROM generate_series(timestamp '2024-11-01', '2025-06-01', '1 month') AS m, acct.accounting_basis AS b, acct.trial_balance(m::date, basis => b.basis) AS t
 CROSS JOIN LATERAL (SELECT sum(x.balance) FILTER (WHERE x.row_kind = 'opening') AS opening, sum(x.balance) FILTER (WHERE x.row_kind = 'closing') AS closing,
                            sum(x.debit) FILTER (WHERE x.row_kind = 'closing') AS debit, sum(x.credit) FILTER (WHERE x.row_kind = 'closing') AS credit,
                            nullif(sum(x.debit) FILTER (WHERE x.row_kind = 'line'), 0) AS debit_of_lines
                       FROM acct.account_ledger(t.account_code, m::date, (m + interval '1 month')::date - 1, t.entity_code, b.basis, t.fund, t.currency) AS x) AS l
 WHERE t.account_type NOT IN ('INCOME', 'EXPENSE');

--
-- The trial balance of a day: of each day what the lines up to then come to; of the last day of a month that of the month
--
SELECT entity_code AS e, fund AS f, account_code AS acc, currency AS cur, trim_scale(opening_balance) AS opening, trim_scale(period_debit) AS debit, trim_scale(period_credit) AS credit,
       trim_scale(closing_balance) AS closing FROM acct.trial_balance_at('2025-01-20');
SELECT entity_code AS e, fund AS f, account_code AS acc, currency AS cur, trim_scale(opening_balance) AS opening, trim_scale(period_debit) AS debit, trim_scale(closing_balance) AS closing
  FROM acct.trial_balance_at('2025-03-15', 'MAIN', fund => 'F2');
SELECT count(*) AS days, sum(d.differences) AS differences
  FROM generate_series(timestamp '2024-10-31', '2025-05-31', '3 days') AS day, acct.accounting_basis AS b
 CROSS JOIN LATERAL (
    SELECT count(*) AS differences
      FROM (SELECT l.entity_code, l.fund, l.account_code, l.currency, coalesce(sum(l.debit) FILTER (WHERE l.je_date >= date_trunc('month', day)), 0) AS debit, sum(l.debit - l.credit) AS closing
              FROM acct.ledger_entry_line AS l WHERE l.basis = b.basis AND l.je_date <= day GROUP BY 1, 2, 3, 4
            HAVING count(*) FILTER (WHERE l.je_date >= date_trunc('month', day)) > 0 OR sum(l.debit - l.credit) FILTER (WHERE l.je_date < date_trunc('month', day)) <> 0) AS l
      FULL JOIN acct.trial_balance_at(day::date, basis => b.basis) AS t USING (entity_code, fund, account_code, currency)
     WHERE (l.debit, l.closing) IS DISTINCT FROM (t.period_debit, t.closing_balance)) AS d;
SELECT count(*) AS rows, count(*) FILTER (WHERE t IS DISTINCT FROM m) AS differences
  FROM acct.trial_balance_at('2025-01-31') AS t FULL JOIN acct.trial_balance('2025-01-01') AS m USING (entity_code, fund, account_code, currency);

--
-- Only the account's lines, by their index, in the months of the page
--
-- What this session has read since it began
CREATE VIEW public.read AS
SELECT regexp_replace(c.relname, '_(rest|run_\d+)$', '') AS month, sum(pg_stat_get_xact_numscans(c.oid)) AS whole_scans,
       (SELECT string_agg(DISTINCT (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum), '; ')
          FROM pg_index AS i WHERE i.indrelid = ANY (array_agg(c.oid)) AND pg_stat_get_xact_numscans(i.indexrelid) > 0) AS by_index
  FROM pg_class AS c
 WHERE c.relname ~ '^ledger_entry_line_' AND c.relkind = 'r'
   AND (pg_stat_get_xact_numscans(c.oid) > 0 OR EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND pg_stat_get_xact_numscans(i.indexrelid) > 0))
 GROUP BY 1 ORDER BY 1;
\c
SET enable_seqscan = off;
SELECT count(*) AS lines FROM acct.account_ledger('1000', '2025-01-15', '2025-04-30', 'MAIN') WHERE row_kind = 'line';
SELECT * FROM public.read;
-- A page that is full within a month reads no later one; a quiet month is not read.
\c
SELECT count(*) AS lines FROM acct.account_ledger('1000', '2024-12-01', '2025-12-31', 'MAIN', max_lines => 1) WHERE row_kind = 'line';
SELECT month FROM public.read;
\c
SELECT count(*) AS rows FROM acct.account_ledger('1000', '2025-02-11', '2025-03-20', 'MAIN');
SELECT month FROM public.read;
SET datestyle = 'ISO, YMD';

--
-- Manual journals, reversals and corrections have their texts; an account with another name is the same account.
--
SET ledger_engine.maintenance = on;
UPDATE acct.chart_of_accounts SET description = 'Cash and equivalents' WHERE account_code = '1000';
RESET ledger_engine.maintenance;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-05-05', 'IDR', 'Counted in the safe') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit, memo)
VALUES (:manual, 1, '1000', 'F1', 11, 0, 'Found'), (:manual, 2, '3000', 'F1', 0, 11, NULL);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS approved FROM acct.approve_manual_journal(:manual);
RESET SESSION AUTHORIZATION;
SELECT je_id AS first FROM acct.ledger_entry_header WHERE txn_id = 4 AND basis = 'PRIMARY' \gset
SELECT acct.reverse_journals(ARRAY[:first], '2025-05-06', 'Booked twice') AS reversal \gset
SELECT journals FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
SELECT kind, day, line_text, debit, credit, balance FROM public.al('1000', '2025-05-01', '2025-05-31', 'MAIN', fund => 'F1', currency => 'IDR');
SELECT kind, day, line_text, debit, credit, balance FROM public.al('3000', '2025-05-01', '2025-05-31', 'MAIN');
SELECT l.row_kind, l.journal_type, l.template_code, l.reversal_of = :first AS of_the_first FROM acct.account_ledger('1000', '2025-05-06', '2025-05-06', 'MAIN', fund => 'F1', currency => 'IDR') AS l;
-- An opening journal that is dated within the year counts from its day on.
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, journal_type) VALUES ('SUB', '2025-05-31', 'IDR', 'Taken over', 'opening') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:manual, 1, '1000', 'F1', 500, 0), (:manual, 2, '3000', 'F1', 0, 500);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS approved FROM acct.approve_manual_journal(:manual);
RESET SESSION AUTHORIZATION;
SELECT kind, day, line_text, debit, credit, balance FROM public.al('1000', '2025-05-01', '2025-05-31', 'SUB');
SELECT kind, day, line_text, debit, credit, balance FROM public.al('1000', '2025-06-01', '2025-06-30', 'SUB');

--
-- A year that is closed: its income ends at nothing, and the next one begins at nothing, as it did before.
--
CREATE TABLE public.before AS SELECT * FROM acct.account_ledger('4000', '2025-01-01', '2025-05-31');
SET ledger_engine.maintenance = on;
UPDATE acct.fund SET surplus_account_code = '3000';
RESET ledger_engine.maintenance;
SELECT count(*) AS closed FROM acct.close_period('2024-11-01') AS n;
SELECT count(*) AS closed FROM acct.close_year('2024-12-31', 'MAIN', 'PRIMARY');
-- The closing entry is one of its lines. Lines of one day come in the order of their je_id.
SELECT kind, day, debit, credit, CASE WHEN day <> '2024-12-31' OR kind <> 'line' THEN balance END AS balance FROM public.al('4000', '2024-12-01', '2025-01-31', 'MAIN') ORDER BY day, kind = 'closing', kind = 'line', debit;
SELECT count(*) AS differences FROM (SELECT * FROM acct.account_ledger('4000', '2025-01-01', '2025-05-31') EXCEPT ALL SELECT * FROM public.before) AS d;
DROP TABLE public.before;

--
-- Months in the archive are read there; one that was dropped is an error where the account has lines in it, and its balance stays.
--
CREATE TABLE public.before AS SELECT * FROM acct.account_ledger('1000', '2024-11-01', '2025-05-31');
SELECT count(*) AS closed FROM acct.close_period('2024-12-01');
SELECT acct.archive_partition('ledger_entry', '2024-11-01') AS nov, acct.archive_partition('ledger_entry', '2024-12-01') AS dec;
SELECT count(*) AS differences FROM (SELECT * FROM acct.account_ledger('1000', '2024-11-01', '2025-05-31') EXCEPT ALL SELECT * FROM public.before) AS d;
SET ledger_engine.allow_drop = on;
DROP TABLE acct_archive.ledger_entry_header_2024_11, acct_archive.ledger_entry_line_2024_11;
RESET ledger_engine.allow_drop;
UPDATE acct.archived_partition SET dropped_at = now(), dropped_by = 'somebody' WHERE month = '2024-11-01';
SELECT count(*) AS rows FROM acct.account_ledger('1000', '2024-12-01', '2025-05-31');
SELECT kind, e, f, cur, balance FROM public.al('1000', '2024-12-01', '2024-12-31');
SELECT entity_code AS e, fund AS f, account_code AS acc, trim_scale(closing_balance) AS closing FROM acct.trial_balance_at('2024-12-15');
SELECT entity_code AS e, fund AS f, account_code AS acc, trim_scale(closing_balance) AS closing FROM acct.trial_balance_at('2024-11-30');
SELECT * FROM acct.trial_balance_at('2024-11-29');
SELECT * FROM acct.account_ledger('1000', '2024-11-01', '2025-05-31');
SELECT count(*) AS rows FROM acct.account_ledger('4000', '2024-11-01', '2025-05-31');

-- Bad arguments
SELECT * FROM acct.account_ledger('9999', '2025-01-01', '2025-01-31');
SELECT * FROM acct.account_ledger(NULL, '2025-01-01', '2025-01-31');
\set VERBOSITY sqlstate
SELECT * FROM acct.account_ledger('1000', NULL, '2025-01-31'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', 'infinity'); :why
SELECT * FROM acct.account_ledger('1000', '2025-02-01', '2025-01-31'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', 'main'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', basis => NULL); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', fund => 'F9'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', currency => 'XXX'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', after_date => '2025-01-02'); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', after_date => '2025-02-02', after_je_id => 1, after_line_no => 1); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', max_lines => 0); :why
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31', max_lines => NULL); :why
SELECT * FROM acct.trial_balance_at(NULL); :why
SELECT * FROM acct.trial_balance_at('infinity'); :why
SELECT * FROM acct.trial_balance_at('2025-01-15', 'main'); :why
SELECT * FROM acct.trial_balance_at('2025-01-15', basis => NULL); :why
SELECT * FROM acct.trial_balance_at('2025-01-15', fund => 'F9'); :why
-- While a partition of the month is detached
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
SELECT * FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31'); :why
SELECT * FROM acct.trial_balance_at('2025-01-15'); :why
SELECT * FROM acct.journal(:first); :why
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
SELECT * FROM acct.journal(:first); :why
SELECT count(*) > 0 AS of_april FROM acct.account_ledger('1000', '2025-04-01', '2025-04-30');
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

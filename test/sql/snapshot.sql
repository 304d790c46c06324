-- Balances: what posting keeps, what recomputing finds, and the trial balance
\set topic snapshot
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 4000 F1 *,DR 1000 F2 :gross_amount / 10,CR 4000 F2 *}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount * 2,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CREATE VIEW public.snapshot AS
SELECT entity_code AS ent, basis, snapshot_month AS month, fund, account_code AS acc, currency AS cur, trim_scale(opening_balance) AS opening,
       trim_scale(period_debit) AS debit, trim_scale(period_credit) AS credit, trim_scale(closing_balance) AS closing, line_count AS lines, last_run_id AS run
  FROM acct.account_balance_snapshot;
-- The same from the lines alone, for comparison
CREATE VIEW public.from_lines AS
WITH movement AS (
    SELECT entity_code, basis, date_trunc('month', je_date)::date AS month, fund, account_code, currency, sum(debit) AS debit, sum(credit) AS credit, count(*) AS lines
      FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6),
book AS (SELECT entity_code, basis, min(month) AS first, max(month) AS last FROM movement GROUP BY 1, 2),
account AS (SELECT DISTINCT entity_code, basis, fund, account_code, currency FROM movement)
SELECT a.entity_code, a.basis, m::date AS month, a.fund, a.account_code, a.currency, o.balance AS opening, coalesce(p.debit, 0) AS debit, coalesce(p.credit, 0) AS credit,
       o.balance + coalesce(p.debit, 0) - coalesce(p.credit, 0) AS closing, coalesce(p.lines, 0) AS lines
  FROM account AS a JOIN book AS b USING (entity_code, basis)
 CROSS JOIN LATERAL generate_series(b.first::timestamp, b.last::timestamp, '1 month') AS m
  LEFT JOIN movement AS p ON (p.entity_code, p.basis, p.fund, p.account_code, p.currency) = (a.entity_code, a.basis, a.fund, a.account_code, a.currency) AND p.month = m::date
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.debit - x.credit), 0) AS balance FROM movement AS x
                      WHERE (x.entity_code, x.basis, x.fund, x.account_code, x.currency) = (a.entity_code, a.basis, a.fund, a.account_code, a.currency) AND x.month < m::date) AS o
 WHERE o.balance <> 0 OR p.lines > 0;
CREATE VIEW public.difference AS
SELECT count(*) AS differences FROM (
    (TABLE public.from_lines EXCEPT SELECT entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance, line_count FROM acct.account_balance_snapshot)
    UNION ALL
    (SELECT entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance, line_count FROM acct.account_balance_snapshot EXCEPT TABLE public.from_lines)) AS d;

-- Before anything is posted
SELECT acct.update_balance_snapshot() AS wrong;
SELECT count(*) AS accounts FROM acct.trial_balance('2025-01-01');
-- January, then April: the quiet months between carry the balances.
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'B', 50);
SELECT public.posted('2025-01-01') AS jan \gset
SELECT * FROM public.snapshot ORDER BY 1, 2, 3, 4, 5, 6;
CALL public.txn(3, '2025-04-01', 'A', 10);
SELECT public.posted('2025-04-01') AS apr \gset
SELECT * FROM public.snapshot WHERE basis = 'PRIMARY' ORDER BY 1, 2, 3, 4, 5, 6;
SELECT * FROM public.difference;
-- A second run of the same month, and other currencies and entities
CALL public.txn(4, '2025-04-01', 'A', -25);
CALL public.txn(5, '2025-04-01', 'A', 7, currency => 'CY0');
CALL public.txn(6, '2025-04-01', 'A', 9, entity => 'SUB');
SELECT public.posted('2025-04-01') AS apr2 \gset
SELECT * FROM public.snapshot WHERE month >= '2025-04-01' ORDER BY 1, 2, 3, 4, 5, 6;
SELECT * FROM public.difference;
-- Into an older month, one before the first, and one between: what follows moves along.
CALL public.txn(7, '2025-02-01', 'A', 1000, value_date => '2025-02-28');
SELECT public.posted('2025-02-01') AS feb \gset
SELECT ent, basis, month, fund, acc, opening, debit, credit, closing, lines, run = :feb AS of_this_run FROM public.snapshot WHERE ent = 'MAIN' AND basis = 'PRIMARY' AND acc = '1000' AND fund = 'F1' AND cur = 'IDR' ORDER BY month;
CALL public.txn(8, '2025-01-01', 'A', 0.01, value_date => '2024-11-30');
CALL public.txn(9, '2025-01-01', 'A', 0.02, value_date => '2025-06-30');
SELECT public.posted('2025-01-01') AS wide \gset
SELECT ent, basis, month, fund, acc, opening, debit, credit, closing, lines FROM public.snapshot WHERE ent = 'MAIN' AND basis = 'PRIMARY' AND acc = '1000' AND fund = 'F1' AND cur = 'IDR' ORDER BY month;
SELECT ent, basis, min(month), max(month), count(*) AS rows FROM public.snapshot GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM public.difference;
-- An account whose balance comes to nothing has no row in quiet months, and one again when it moves.
CALL public.policy('OUT', '{DR 3000 F1 :gross_amount,CR 4000 F1 *}');
INSERT INTO acct.entity (entity_code) VALUES ('ZERO');
CALL public.txn(20, '2025-07-01', 'OUT', 5, entity => 'ZERO');
CALL public.txn(21, '2025-08-01', 'OUT', -5, entity => 'ZERO');
CALL public.txn(22, '2025-11-01', 'OUT', 3, entity => 'ZERO');
SELECT public.posted('2025-07-01'), public.posted('2025-08-01'), public.posted('2025-11-01') \gset
SELECT month, acc, opening, debit, credit, closing, lines FROM public.snapshot WHERE ent = 'ZERO' ORDER BY month, acc;
SELECT * FROM public.difference;
SELECT acct.update_balance_snapshot() AS wrong;

-- Recomputing finds and repairs what was changed: a row, a row too many, a row too few.
CREATE TEMP TABLE right_one AS TABLE acct.account_balance_snapshot;
CREATE TEMP VIEW repaired AS SELECT count(*) AS differences FROM ((TABLE right_one EXCEPT TABLE acct.account_balance_snapshot) UNION ALL (TABLE acct.account_balance_snapshot EXCEPT TABLE right_one)) AS d;
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND snapshot_month = '2025-04-01' AND fund = 'F1' AND account_code = '1000' AND currency = 'IDR';
INSERT INTO acct.account_balance_snapshot VALUES ('MAIN', 'PRIMARY', '2025-03-01', 'F9', '9999', 'IDR', 0, 5, 5, 0, 1, NULL);
DELETE FROM acct.account_balance_snapshot WHERE entity_code = 'SUB' AND account_code = '1000';
SELECT * FROM repaired;
SELECT acct.update_balance_snapshot() AS wrong;
SELECT * FROM repaired;
SELECT acct.update_balance_snapshot() AS wrong;
DELETE FROM acct.account_balance_snapshot;
SELECT acct.update_balance_snapshot() = (SELECT count(*) FROM right_one) AS all_made_again;
SELECT * FROM repaired;
-- From a month on; what is before is left alone, and gives the opening.
UPDATE acct.account_balance_snapshot SET line_count = 77 WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND fund = 'F1' AND account_code = '1000' AND currency = 'IDR' AND snapshot_month IN ('2025-01-01', '2025-05-01');
SELECT acct.update_balance_snapshot('2025-05-01') AS wrong;
SELECT acct.update_balance_snapshot('2025-05-01') AS wrong;
SELECT acct.update_balance_snapshot('2024-12-01') AS wrong;
SELECT * FROM repaired;
SELECT acct.update_balance_snapshot('2030-01-01') AS wrong, acct.update_balance_snapshot('2000-01-01') AS from_early;
SELECT * FROM repaired;
-- Checking finds the same, and changes nothing: movements, openings, rows too many and too few.
SELECT count(*) AS differences FROM acct.check_balance_snapshot();
CREATE TEMP VIEW checked AS
SELECT entity_code AS ent, basis, snapshot_month AS month, fund, account_code AS acc, trim_scale(snapshot_opening) AS opening, trim_scale(snapshot_debit) AS debit, trim_scale(snapshot_credit) AS credit, snapshot_lines AS lines,
       trim_scale(ledger_opening) AS l_opening, trim_scale(ledger_debit) AS l_debit, trim_scale(ledger_credit) AS l_credit, ledger_lines AS l_lines
  FROM acct.check_balance_snapshot();
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND snapshot_month = '2025-04-01' AND fund = 'F1' AND account_code = '1000' AND currency = 'IDR';
TABLE checked;
SELECT count(*) AS april FROM acct.check_balance_snapshot('2025-04-01');
SELECT count(*) AS may FROM acct.check_balance_snapshot('2025-05-01');
SELECT count(*) AS june FROM acct.check_balance_snapshot('2025-06-01');
SELECT acct.update_balance_snapshot() AS wrong;
-- An opening that the month before did not close with, in a month with lines and in a quiet one
UPDATE acct.account_balance_snapshot SET opening_balance = opening_balance + 3, closing_balance = closing_balance + 3 WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND snapshot_month = '2025-06-01' AND fund = 'F1' AND account_code = '1000' AND currency = 'IDR';
TABLE checked;
SELECT acct.update_balance_snapshot() AS wrong;
DELETE FROM acct.account_balance_snapshot WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND snapshot_month = '2025-03-01' AND fund = 'F1' AND account_code = '2000' AND currency = 'IDR';
INSERT INTO acct.account_balance_snapshot VALUES ('MAIN', 'PRIMARY', '2025-03-01', 'F9', '9999', 'IDR', 0, 5, 5, 0, 1, NULL), ('MAIN', 'PRIMARY', '2025-06-01', 'F9', '9999', 'IDR', 0, 0, 0, 0, 0, NULL);
UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE entity_code = 'SUB' AND account_code = '1000' AND line_count > 0;
TABLE checked;
SELECT acct.update_balance_snapshot() AS wrong;
-- The last month of a book; a month before the first, and one after the last
DELETE FROM acct.account_balance_snapshot WHERE entity_code = 'ZERO' AND snapshot_month = '2025-11-01';
TABLE checked;
SELECT count(*) AS early FROM acct.check_balance_snapshot('2000-01-01');
SELECT count(*) AS late FROM acct.check_balance_snapshot('2030-01-01');
SELECT acct.update_balance_snapshot() AS wrong;
SELECT count(*) AS differences FROM acct.check_balance_snapshot();
SELECT * FROM repaired;
-- No snapshot may say what does not add up.
\set VERBOSITY sqlstate
UPDATE acct.account_balance_snapshot SET closing_balance = closing_balance + 1; :why
SELECT acct.update_balance_snapshot('2025-05-02'); :why
SELECT acct.update_balance_snapshot('infinity'); :why
SELECT * FROM acct.check_balance_snapshot('2025-05-02'); :why
SELECT * FROM acct.check_balance_snapshot('infinity'); :why

-- The trial balance, all of it, and by fund, basis and entity
CREATE FUNCTION public.tb(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL)
RETURNS TABLE (ent text, fund text, acc text, description text, type text, cur text, opening numeric, debit numeric, credit numeric, closing numeric) LANGUAGE sql AS $$
    SELECT entity_code, fund, account_code, description, account_type, currency, trim_scale(opening_balance), trim_scale(period_debit), trim_scale(period_credit), trim_scale(closing_balance)
      FROM acct.trial_balance($1, $2, $3, $4)
$$;
SELECT * FROM public.tb('2025-04-01');
SELECT * FROM public.tb('2025-04-01', fund => 'F2');
SELECT * FROM public.tb('2025-04-01', basis => 'TAX', entity => 'MAIN');
SELECT * FROM public.tb('2025-04-01', entity => 'SUB');
SELECT * FROM public.tb('2025-04-01', 'ZERO', 'PRIMARY', 'F1');
-- A fund, basis or entity that does not exist is an error, not an empty report.
\set VERBOSITY default
SELECT count(*) FROM acct.trial_balance('2025-04-01', fund => 'F9');
SELECT count(*) FROM acct.trial_balance('2025-04-01', basis => 'NOBASIS');
SELECT count(*) FROM acct.trial_balance('2025-04-01', basis => NULL);
SELECT count(*) FROM acct.trial_balance('2025-04-01', entity => 'main');
\set VERBOSITY sqlstate
-- A quiet month; one before the first; and after the last, which shows the closing balances, each book's own.
SELECT * FROM public.tb('2025-03-01', entity => 'MAIN');
SELECT * FROM public.tb('2024-10-01');
SELECT * FROM public.tb('2025-12-01', fund => 'F1');
SELECT * FROM public.tb('2099-01-01', fund => 'F2');
SELECT * FROM public.tb('2025-09-01', entity => 'ZERO');
-- In each entity and currency it comes to nothing.
SELECT m::date AS month, count(*) AS accounts, sum(closing_balance) AS rest, sum(period_debit) = sum(period_credit) AS balanced
  FROM generate_series(timestamp '2024-11-01', '2025-12-01', '1 month') AS m, acct.trial_balance(m::date) GROUP BY 1 ORDER BY 1;
SELECT * FROM acct.trial_balance('2025-04-02'); :why
SELECT * FROM acct.trial_balance(NULL); :why

-- A line that was moved to another account past the triggers: the sums are the same. Balances stay as they are, and the month is not archived.
\set VERBOSITY default
BEGIN;
SELECT tableoid::regclass AS moved FROM acct.ledger_entry_line WHERE je_date >= '2025-04-01' AND txn_id = 3 AND account_code = '1000' AND basis = 'PRIMARY' \gset
ALTER TABLE :moved DISABLE TRIGGER ledger_immutable;
UPDATE :moved SET account_code = '3000' WHERE txn_id = 3 AND account_code = '1000' AND basis = 'PRIMARY';
SELECT count(*) AS differ FROM acct.check_balance_snapshot();
SELECT count(*) > 0 AS closed FROM public.close_period('2025-04-01');
SAVEPOINT closed;
SELECT acct.archive_partition('ledger_entry', '2025-04-01');
ROLLBACK TO closed;
SELECT acct.update_balance_snapshot();
ROLLBACK TO closed;
SELECT trim_scale(debit) AS debit FROM public.snapshot WHERE ent = 'MAIN' AND basis = 'PRIMARY' AND month = '2025-04-01' AND fund = 'F1' AND acc = '1000' AND cur = 'IDR';
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

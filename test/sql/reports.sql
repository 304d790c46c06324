-- On one path: nothing here depends on it.
-- Reports: one journal, what moved a month, subtotals by parents of accounts, what was not journalled
\set topic reports
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(6, '2024-12-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
-- 1 has 11 and 12, of which 11 has 1000; 4 has 4000; 2000 and 3000 have none.
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, is_postable, parent_account_code)
VALUES ('1', 'Assets', 'ASSET', false, NULL), ('11', 'Cash and banks', 'ASSET', false, '1'), ('12', 'Claims', 'ASSET', true, '1'), ('4', 'Income', 'INCOME', false, NULL);
UPDATE acct.chart_of_accounts SET parent_account_code = '11' WHERE account_code = '1000';
UPDATE acct.chart_of_accounts SET parent_account_code = '4' WHERE account_code = '4000';
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 12 F1 :gross_amount,CR 4000 F1 *,DR 1000 F2 :gross_amount / 10,CR 4000 F2 *}');
CALL public.policy('Z', '{}', '[{"txn_type": "Z"}]', '{"template_type": "IGNORE"}');
CALL public.txn(1, '2024-12-01', 'A', 1000, '2024-12-31');
CALL public.txn(2, '2025-01-01', 'A', 100, '2025-01-01');
CALL public.txn(3, '2025-01-01', 'B', 30, '2025-01-20');
CALL public.txn(4, '2025-01-01', 'A', 8, '2025-01-20', currency => 'CY3');
CALL public.txn(5, '2025-01-01', 'A', 7, '2025-01-31', entity => 'SUB');
CALL public.txn(6, '2025-01-01', 'NONE', 50, '2025-01-05');
CALL public.txn(7, '2025-01-01', 'NONE', 60, '2025-01-25');
CALL public.txn(8, '2025-01-01', 'NONE', 5, '2025-01-25', entity => 'SUB', currency => 'CY0');
CALL public.txn(9, '2025-02-01', 'NONE', 11, '2025-01-30');
CALL public.txn(10, '2025-01-01', 'NONE', 13, '2025-02-02');
CALL public.txn(11, '2025-01-01', 'Z', 13, '2025-01-02');
SELECT public.posted('2024-12-01', 'dec') AS dec, public.posted('2025-01-01', 'jan') AS jan, public.posted('2025-02-01', 'feb') AS feb \gset
-- A reversal, a manual journal, and a correction, which finds that B should have been of account 2000
SELECT je_id AS booked FROM acct.ledger_entry_header WHERE txn_id = 2 \gset
SELECT je_id AS of_b FROM acct.ledger_entry_header WHERE txn_id = 3 \gset
SELECT acct.reverse_journals(ARRAY[:booked], '2025-01-31', 'Booked twice') AS reversal \gset
SELECT journals FROM acct.expand_journals(:reversal);
CALL public.policy('B', '{DR 12 F1 :gross_amount,CR 2000 F1 *,DR 1000 F2 :gross_amount / 10,CR 4000 F2 *}');
SELECT acct.correct_run('jan', '2025-01-31', 'Wrong account') AS correction \gset
SELECT journals FROM acct.expand_journals(:correction);
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-01-31', 'IDR', 'Counted in the safe') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit, memo) VALUES (:manual, 1, '1000', 'F1', 4, 0, 'Found'), (:manual, 2, '3000', 'F1', 0, 4, NULL);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:reversal);
SELECT journals FROM acct.post_journals(:correction);
SELECT count(*) AS approved FROM acct.approve_manual_journal(:manual);
RESET SESSION AUTHORIZATION;

--
-- One journal
--
SELECT line_no AS line, account_code AS acc, description, fund AS f, trim_scale(debit) AS debit, trim_scale(credit) AS credit, product_code, channel, je_number, je_date, original_date, entity_code AS e, basis, currency AS cur
  FROM acct.journal(:booked);
SELECT j.journal_type, j.memo, j.txn_id, j.txn_month, j.txn_type, j.policy_no, template_code, template_version AS v, rule_made_by = session_user AS rule_by_us, rule_approved_by, manual_journal_id, made_by = session_user AS by_us,
       approved_by, j.run_id = :jan AS jan, j.run_key, j.posted_by = session_user AS posted_by_us, j.posted_at = r.posted_at AS at_of_run, reversal_of, reversed_by_number, reversed_by = (SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :reversal) AS by_reversal, corrected_by
  FROM acct.journal(:booked) AS j JOIN acct.journal_run AS r ON r.run_id = j.run_id WHERE line_no = 1;
CREATE FUNCTION public.shown(je_id bigint) RETURNS TABLE (line integer, acc text, f text, debit numeric, credit numeric, line_text text, je_number text, type text, memo text, txn bigint,
    manual bigint, approved_by text, of text, reversed_by text, corrected_by text) LANGUAGE sql AS $$
    SELECT j.line_no, j.account_code, j.fund, trim_scale(j.debit), trim_scale(j.credit), j.line_text, j.je_number, j.journal_type, j.memo, j.txn_id, j.manual_journal_id, j.approved_by,
           j.reversal_of_number, j.reversed_by_number, (SELECT string_agg(h.je_number, ', ') FROM acct.ledger_entry_header AS h WHERE h.je_id = ANY (j.corrected_by))
      FROM acct.journal($1) AS j ORDER BY j.line_no
$$;
SELECT s.* FROM (SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :reversal) AS h, public.shown(h.je_id) AS s;
SELECT * FROM public.shown(:of_b);
SELECT s.* FROM (SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :correction) AS h, public.shown(h.je_id) AS s;
SELECT s.* FROM (SELECT je_id FROM acct.manual_journal WHERE journal_id = :manual) AS h, public.shown(h.je_id) AS s;
-- Its month in the archive
SELECT count(*) > 0 AS closed FROM acct.close_period('2024-12-01');
SELECT je_id AS old FROM acct.ledger_entry_header WHERE txn_id = 1 \gset
CREATE TABLE public.before AS SELECT * FROM acct.journal(:old);
SELECT acct.archive_partition('ledger_entry', '2024-12-01');
SELECT count(*) AS lines, count(*) FILTER (WHERE j IS DISTINCT FROM b) AS differences FROM acct.journal(:old) AS j FULL JOIN public.before AS b USING (line_no);
SELECT * FROM acct.journal(-1);
SELECT * FROM acct.journal(NULL);

--
-- What moved a month
--
CREATE FUNCTION public.moved(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL)
RETURNS TABLE (e text, f text, acc text, type text, cur text, item text, debit numeric, credit numeric, amount numeric, lines bigint) LANGUAGE sql AS $$
    SELECT m.entity_code, m.fund, m.account_code, m.account_type, m.currency, m.item, trim_scale(m.debit), trim_scale(m.credit), trim_scale(m.amount), m.line_count FROM acct.movement($1, $2, $3, $4) AS m
$$;
SELECT * FROM public.moved('2025-01-01', 'MAIN');
SELECT * FROM public.moved('2025-01-01', fund => 'F2');
-- By template: the same sums, with the lines read; of a reversal the template of what it reverses
SELECT fund AS f, account_code AS acc, currency AS cur, item, template_code AS template, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(amount) AS amount, line_count AS lines
  FROM acct.movement('2025-01-01', 'MAIN', fund => 'F1', templates => true) WHERE account_code IN ('12', '1000') AND currency = 'IDR';
SELECT count(*) AS rows, count(*) FILTER (WHERE (t.debit, t.credit, t.amount, t.line_count) IS DISTINCT FROM (m.debit, m.credit, m.amount, m.line_count)) AS differences
  FROM generate_series(timestamp '2024-11-01', '2025-03-01', '1 month') AS month
 CROSS JOIN LATERAL (SELECT * FROM acct.movement(month::date)) AS m
  FULL JOIN (SELECT month, x.entity_code, x.fund, x.account_code, x.currency, x.item, sum(x.debit) AS debit, sum(x.credit) AS credit, sum(x.amount) AS amount, sum(x.line_count)::bigint AS line_count
               FROM generate_series(timestamp '2024-11-01', '2025-03-01', '1 month') AS month, acct.movement(month::date, templates => true) AS x GROUP BY 1, 2, 3, 4, 5, 6) AS t
    USING (month, entity_code, fund, account_code, currency, item);
-- A quiet month
SELECT * FROM public.moved('2025-03-01', 'SUB');
SELECT count(*) AS nothing FROM public.moved('2024-11-01');
-- Opening and movements add up to the closing balance, which is that of the trial balance; and no line is read.
SELECT count(*) AS balances, count(*) FILTER (WHERE m.opening + m.moved <> m.closing OR m.closing <> t.closing_balance OR m.opening <> t.opening_balance) AS differences
  FROM generate_series(timestamp '2024-12-01', '2025-03-01', '1 month') AS month, acct.trial_balance(month::date) AS t
  LEFT JOIN LATERAL (SELECT sum(x.amount) FILTER (WHERE x.item = 'opening balance') AS opening, coalesce(sum(x.amount) FILTER (WHERE x.item NOT LIKE '% balance'), 0) AS moved,
                            sum(x.amount) FILTER (WHERE x.item = 'closing balance') AS closing
                       FROM acct.movement(month::date, t.entity_code) AS x WHERE (x.fund, x.account_code, x.currency) = (t.fund, t.account_code, t.currency)) AS m ON true;
\c
SELECT count(*) > 0 AS rows FROM acct.movement('2025-01-01'), acct.account_hierarchy('2025-01-01');
SELECT count(*) AS tables_read FROM pg_class AS c WHERE c.relname ~ '^ledger_entry_(line|header)' AND c.relkind = 'r'
   AND (pg_stat_get_xact_numscans(c.oid) > 0 OR EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND pg_stat_get_xact_numscans(i.indexrelid) > 0));
SET datestyle = 'ISO, YMD';
-- What no run explains is shown.
BEGIN;
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE entity_code = 'SUB' AND account_code = '1000' AND snapshot_month = '2025-01-01';
SELECT * FROM public.moved('2025-01-01', 'SUB') WHERE acc = '1000';
ROLLBACK;

--
-- Subtotals
--
CREATE FUNCTION public.tree(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL)
RETURNS TABLE (e text, f text, cur text, acc text, parent text, level integer, path text[], opening numeric, debit numeric, credit numeric, closing numeric, own numeric) LANGUAGE sql AS $$
    SELECT h.entity_code, h.fund, h.currency, repeat('  ', h.level - 1) || h.account_code, h.parent_account_code, h.level, h.path, trim_scale(h.opening_balance), trim_scale(h.period_debit),
           trim_scale(h.period_credit), trim_scale(h.closing_balance), trim_scale(h.own_closing_balance) FROM acct.account_hierarchy($1, $2, $3, $4) AS h
$$;
SELECT * FROM public.tree('2025-01-01', 'MAIN', fund => 'F1');
SELECT * FROM public.tree('2025-01-01', fund => 'F2');
-- What accounts have of their own is the trial balance; what has no parent adds up to nothing, as the books do.
SELECT (SELECT sum(own_closing_balance) FROM acct.account_hierarchy('2025-01-01')) AS own, (SELECT sum(closing_balance) FROM acct.account_hierarchy('2025-01-01') WHERE level = 1) AS top,
       (SELECT count(*) FROM (SELECT entity_code, fund, currency, account_code, own_closing_balance FROM acct.account_hierarchy('2025-01-01') WHERE own_closing_balance <> 0
                              EXCEPT SELECT entity_code, fund, currency, account_code, closing_balance FROM acct.trial_balance('2025-01-01')) AS d) AS differences;
UPDATE acct.chart_of_accounts SET parent_account_code = '1000' WHERE account_code = '1';
SELECT * FROM public.tree('2025-01-01');
UPDATE acct.chart_of_accounts SET parent_account_code = NULL WHERE account_code = '1';

--
-- What was not journalled: by the month of the value date, whatever month it was loaded in
--
SELECT acct.waive_exception('jan', 7, 'PRIMARY', 'A test') AS waived;
SELECT entity_code AS e, basis, reason, state, currency AS cur, transactions, trim_scale(amount) AS amount, oldest, newest, oldest_run = :jan AS jan, newest_run = :feb AS feb FROM acct.exceptions_report('2025-01-01');
SELECT entity_code AS e, reason, state, transactions, trim_scale(amount) AS amount, oldest FROM acct.exceptions_report('2025-02-01');
SELECT entity_code AS e, state, currency, transactions FROM acct.exceptions_report('2025-01-01', 'SUB', 'PRIMARY');
SELECT count(*) AS nothing FROM acct.exceptions_report('2025-01-01', basis => 'TAX');
-- One that is taken up again and fails again is an exception of its new run.
SELECT acct.reprocess_exceptions('feb') AS again \gset
SELECT exceptions FROM acct.expand_journals(:again);
SELECT state, transactions, trim_scale(amount) AS amount, newest_run = :again AS again FROM acct.exceptions_report('2025-01-01', 'MAIN') WHERE currency = 'IDR';
-- Where a transaction is gone, it is counted in its own month.
SET ledger_engine.maintenance = on;
DELETE FROM acct.txn_source_parent WHERE txn_id = 10;
RESET ledger_engine.maintenance;
SELECT entity_code AS e, reason, state, currency, transactions, amount, oldest FROM acct.exceptions_report('2025-01-01') WHERE entity_code IS NULL;

-- Bad arguments
\set VERBOSITY sqlstate
SELECT * FROM acct.movement('2025-01-02'); :why
SELECT * FROM acct.movement(NULL); :why
SELECT * FROM acct.movement('2025-01-01', basis => NULL); :why
SELECT * FROM acct.movement('2025-01-01', 'main'); :why
SELECT * FROM acct.movement('2025-01-01', fund => 'F9'); :why
SELECT * FROM acct.account_hierarchy('infinity'); :why
SELECT * FROM acct.account_hierarchy('2025-01-01', basis => 'NONE'); :why
SELECT * FROM acct.exceptions_report('2025-01-02'); :why
SELECT * FROM acct.exceptions_report('2025-01-01', 'main'); :why
SELECT * FROM acct.exceptions_report('2025-01-01', basis => 'NONE'); :why
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

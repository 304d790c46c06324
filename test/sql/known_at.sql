-- Balances as they stood at a moment, and which runs changed them since
\set topic known_at
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 2000 F1 :gross_amount,CR 1000 F1 *}');
CALL public.policy('C', '{DR 5000 F2 :gross_amount,CR 3000 F2 *}');
CALL public.policy('AT', '{DR 1000 F1 :gross_amount * 2,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
-- January 100; what February adds; then an entry of January that arrives late, and one that takes everything away again
CALL public.txn(1, '2025-01-01', 'A', 100);
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
CALL public.txn(2, '2025-02-01', 'C', 7, currency => 'CY3');
CALL public.txn(3, '2025-02-01', 'A', 5, entity => 'SUB');
SELECT public.posted('2025-02-01', 'feb') AS feb \gset
CALL public.txn(4, '2025-01-01', 'B', 100);
CALL public.txn(5, '2025-01-01', 'C', 11);
SELECT public.posted('2025-01-01', 'late') AS late \gset
CALL public.txn(6, '2025-02-01', 'A', 1, value_date => '2025-01-31');
SELECT public.posted('2025-02-01', 'last') AS last \gset
SELECT posted_at AS jan_at FROM acct.journal_run WHERE run_key = 'jan' \gset
SELECT posted_at AS feb_at FROM acct.journal_run WHERE run_key = 'feb' \gset
SELECT posted_at AS late_at FROM acct.journal_run WHERE run_key = 'late' \gset
-- A run and its journals have one posted_at; runs of a book are posted in its order.
SELECT r.run_key, bool_and(h.posted_at = r.posted_at) AS same, min(r.posted_at) BETWEEN min(r.post_started_at) AND min(r.post_ended_at) AS between
  FROM acct.journal_run AS r JOIN acct.ledger_entry_header AS h USING (run_id) GROUP BY r.run_id ORDER BY r.run_id;

CREATE FUNCTION public.tb(month date, known_at timestamptz, basis text DEFAULT 'PRIMARY') RETURNS TABLE (e text, f text, acc text, cur text, o numeric, d numeric, c numeric, close numeric) LANGUAGE sql AS $$
    SELECT entity_code, fund, account_code, currency, trim_scale(opening_balance), trim_scale(period_debit), trim_scale(period_credit), trim_scale(closing_balance)
      FROM acct.trial_balance($1, basis => $3, known_at => $2) $$;
SELECT * FROM public.tb('2025-01-01', :'jan_at');
SELECT * FROM public.tb('2025-02-01', :'feb_at');
SELECT * FROM public.tb('2025-02-01', :'late_at');
SELECT * FROM public.tb('2025-02-01', NULL);
SELECT * FROM public.tb('2025-03-01', :'feb_at');
SELECT * FROM public.tb('2025-01-01', :'feb_at', 'TAX');
SELECT count(*) AS before_all FROM public.tb('2025-02-01', :'jan_at'::timestamptz - interval '1 microsecond');
SELECT count(*) AS differences FROM (SELECT * FROM public.tb('2025-02-01', 'infinity') EXCEPT SELECT * FROM public.tb('2025-02-01', NULL)) AS d;

-- At every moment it is what the lines posted until then add up to: with every narrowing, in every month.
CREATE FUNCTION public.from_lines(p_month date, p_entity text, p_basis text, p_fund text, p_known_at timestamptz)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, o numeric, d numeric, c numeric, close numeric) LANGUAGE sql AS $$
    SELECT l.entity_code, l.fund, l.account_code, l.currency, coalesce(sum(l.debit - l.credit) FILTER (WHERE l.je_date < p_month), 0),
           coalesce(sum(l.debit) FILTER (WHERE l.je_date >= p_month), 0), coalesce(sum(l.credit) FILTER (WHERE l.je_date >= p_month), 0), sum(l.debit - l.credit)
      FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h USING (je_id, je_date)
     WHERE h.posted_at <= p_known_at AND l.je_date < p_month + interval '1 month' AND l.basis = p_basis
       AND (p_entity IS NULL OR l.entity_code = p_entity) AND (p_fund IS NULL OR l.fund = p_fund)
     GROUP BY 1, 2, 3, 4 HAVING count(*) FILTER (WHERE l.je_date >= p_month) > 0 OR sum(l.debit - l.credit) FILTER (WHERE l.je_date < p_month) <> 0 $$;
CREATE FUNCTION public.differences(p_month date, p_entity text, p_basis text, p_fund text, p_known_at timestamptz) RETURNS bigint LANGUAGE sql AS $$
    WITH t AS (SELECT entity_code, fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance
                 FROM acct.trial_balance(p_month, p_entity, p_basis, p_fund, p_known_at)),
         l AS (SELECT * FROM public.from_lines(p_month, p_entity, p_basis, p_fund, p_known_at))
    SELECT count(*) FROM ((TABLE t EXCEPT ALL TABLE l) UNION ALL (TABLE l EXCEPT ALL TABLE t)) AS x $$;
SELECT count(*) AS reports, sum(public.differences(m::date, e, b, f, r.posted_at - d)) AS differences
  FROM generate_series(timestamp '2024-12-01', '2025-04-01', '1 month') AS m, unnest(ARRAY['MAIN', 'SUB', NULL]) AS e, unnest(ARRAY['PRIMARY', 'TAX']) AS b,
       unnest(ARRAY['F1', 'F2', NULL]) AS f, acct.journal_run AS r, unnest(ARRAY[interval '0', interval '1 microsecond']) AS d;

-- What changed January, and February, since: entries of January are in February's opening balances.
SELECT entity_code, basis, fund, account_code, currency, run_key, je_month, trim_scale(debit) AS debit, trim_scale(credit) AS credit
  FROM acct.balance_changes('2025-01-01', :'feb_at');
SELECT run_key, je_month, count(*) FROM acct.balance_changes('2025-02-01', :'jan_at', basis => 'PRIMARY') GROUP BY run_key, je_month ORDER BY 1, 2;
SELECT count(*) AS nothing FROM acct.balance_changes('2025-02-01', 'infinity');
SELECT count(*) AS accounts, count(*) FILTER (WHERE coalesce(now.closing_balance, 0) - coalesce(known.closing_balance, 0) <> coalesce(c.change, 0)) AS differences
  FROM acct.trial_balance('2025-02-01') AS now
  FULL JOIN acct.trial_balance('2025-02-01', known_at => :'jan_at') AS known USING (entity_code, fund, account_code, currency)
  FULL JOIN (SELECT entity_code, fund, account_code, currency, sum(debit - credit) AS change FROM acct.balance_changes('2025-02-01', :'jan_at', basis => 'PRIMARY')
              GROUP BY 1, 2, 3, 4) AS c USING (entity_code, fund, account_code, currency);
SELECT DISTINCT run_id = :late AS late, run_key, posted_by = session_user AS by_us, posted_at = :'late_at' AS at FROM acct.balance_changes('2025-01-01', :'feb_at', 'MAIN', 'PRIMARY', 'F2');
\set VERBOSITY default
SELECT * FROM acct.balance_changes('2025-01-01', NULL);
SELECT * FROM acct.balance_changes('2025-01-02', 'yesterday');
SELECT * FROM acct.balance_changes('2025-01-01', 'yesterday', 'main');
SELECT * FROM acct.balance_changes('2025-01-01', 'yesterday', basis => 'GAAP');
SELECT * FROM acct.trial_balance('2025-01-01', fund => 'F9', known_at => 'yesterday');
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

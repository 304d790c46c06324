-- A month of the sample policy with something in each section of the pack, and texts that try to become markup.
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT acct.install_takaful_sample();
SELECT count(*) FROM acct.rotate_txn_source_partitions(1, '2024-12-01');
CREATE FUNCTION public.load(month date, first bigint, rows bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount,
                                        tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes)
    SELECT $2 + s.txn_id, s.txn_month, s.bank_value_date, s.entity_code, s.txn_type, s.product_code, s.channel, s.policy_no, s.currency, s.gross_amount,
           s.tabarru_amount, s.tanahud_amount, s.investment_amount, s.ujroh_amount, s.attributes
      FROM acct.sample_transactions($1, $3, 42) AS s
$$;
SELECT public.load('2024-12-01', 0, 800);
SELECT public.load('2025-01-01', 1000000, 1200);
CALL acct.process_month('2024-12-01', '2024-12');
CALL acct.process_month('2025-01-01', '2025-01');
SELECT acct.waive_exception(e.run_id, e.txn_id, e.basis, 'Paid back <img src=x onerror="window.hit=3"> by hand')
  FROM acct.je_exception AS e JOIN acct.journal_run AS r ON r.run_id = e.run_id AND r.run_key = '2025-01' ORDER BY e.txn_id LIMIT 1;
SELECT count(*) FROM acct.close_period('2024-12-01', 'MAIN', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), '"><script>window.hit=4</script>');
UPDATE acct.chart_of_accounts SET description = '</td></table><script>window.hit=1</script> Bank & ''sons''"' WHERE account_code = '1230';
UPDATE acct.fund SET name = '<img src=x onerror="window.hit=2">' WHERE fund = 'TANAHUD';

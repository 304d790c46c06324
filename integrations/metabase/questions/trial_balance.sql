-- The trial balance of a month. Balances are debits less credits.
SELECT fund, account_code, account_name, account_type, currency, opening_balance, period_debit, period_credit, closing_balance
  FROM acct_bi.balances
 WHERE entity_code = {{entity}} AND basis = 'PRIMARY' AND month = {{month}}::date
   [[AND fund = {{fund}}]] [[AND currency = {{currency}}]]
 ORDER BY fund, account_code, currency

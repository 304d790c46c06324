-- The trial balance of a month. Balances are debits less credits.
SELECT fund, account_code, description, account_type, currency, opening_balance, period_debit, period_credit, closing_balance
  FROM acct.trial_balance({{month}}::date, entity => {{entity}})
 WHERE true [[AND fund = {{fund}}]] [[AND currency = {{currency}}]]
 ORDER BY fund, account_code, currency

-- Income and expense of each fund before closing entries, a row a month; income is positive.
SELECT month, fund, account_code, account_name, account_type, currency, -(movement - closing_entries) AS amount
  FROM acct_bi.balances
 WHERE account_type IN ('INCOME', 'EXPENSE') AND basis = 'PRIMARY' AND line_count > 0
   AND entity_code = {{entity}} AND month BETWEEN {{from_month}}::date AND {{month}}::date
   [[AND fund = {{fund}}]]
 ORDER BY month, fund, account_code, currency

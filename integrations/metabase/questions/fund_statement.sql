-- Income and expense of each fund, a row a month; income is positive.
SELECT s.snapshot_month AS month, s.fund, s.account_code, a.description, a.account_type, s.currency,
       s.period_credit - s.period_debit AS amount
  FROM acct.account_balance_snapshot AS s
  JOIN acct.chart_of_accounts AS a USING (account_code)
 WHERE a.account_type IN ('INCOME', 'EXPENSE') AND s.basis = 'PRIMARY' AND s.line_count > 0
   AND s.entity_code = {{entity}} AND s.snapshot_month BETWEEN {{from_month}}::date AND {{month}}::date
   [[AND s.fund = {{fund}}]]
 ORDER BY s.snapshot_month, s.fund, s.account_code, s.currency

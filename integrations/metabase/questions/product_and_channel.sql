-- What was booked to an account in a month, by product and channel. Reads the lines of that account and month.
SELECT product_code, channel, currency, count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit
  FROM acct_bi.line_amounts
 WHERE account_code = {{account}} AND entity_code = {{entity}} AND basis = 'PRIMARY'
   AND je_date >= {{month}}::date AND je_date < {{month}}::date + interval '1 month'
   [[AND fund = {{fund}}]]
 GROUP BY product_code, channel, currency
 ORDER BY sum(debit) + sum(credit) DESC

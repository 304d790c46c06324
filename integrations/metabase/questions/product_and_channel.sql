-- What was booked to an account in a month, by product and channel. Reads the lines of that account and month.
SELECT l.product_code, l.channel, l.currency, count(*) AS lines, sum(l.debit) AS debit, sum(l.credit) AS credit
  FROM acct.ledger_entry_line AS l
 WHERE l.account_code = {{account}} AND l.entity_code = {{entity}} AND l.basis = 'PRIMARY'
   AND l.je_date >= {{month}}::date AND l.je_date < {{month}}::date + interval '1 month'
   [[AND l.fund = {{fund}}]]
 GROUP BY l.product_code, l.channel, l.currency
 ORDER BY sum(l.debit) + sum(l.credit) DESC

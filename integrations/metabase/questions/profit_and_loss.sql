-- Profit and loss of a month by the approved layout, with the month before, a year ago and the year to date. Made from balances.
SELECT line_no, label, row_kind, currency, amount, previous, year_ago, year_to_date
  FROM acct_bi.profit_and_loss
 WHERE is_default AND entity_code = {{entity}} AND basis = 'PRIMARY' AND month = {{month}}::date
   [[AND currency = {{currency}}]]
 ORDER BY currency, line_no NULLS LAST, row_kind, account_code

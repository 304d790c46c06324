-- The balance sheet at the end of a month by the approved layout, a row for each line and column: funds, eliminations, total. Pivot it by column_label.
SELECT line_no, label, row_kind, currency, column_no, column_label, amount
  FROM acct_bi.fund_statement
 WHERE statement = 'balance_sheet' AND is_default AND entity_code = {{entity}} AND basis = 'PRIMARY' AND month = {{month}}::date
   [[AND currency = {{currency}}]]
 ORDER BY currency, line_no NULLS LAST, row_kind, account_code, column_no

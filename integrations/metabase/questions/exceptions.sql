-- Transactions that were set aside and not taken up again, by reason.
SELECT txn_month, basis, reason, template_code, exceptions_open, oldest_run, newest_run, example
  FROM acct_bi.exception_summary
 WHERE exceptions_open > 0 [[AND txn_month = {{month}}::date]]
 ORDER BY exceptions_open DESC

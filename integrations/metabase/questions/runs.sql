-- Runs of a month of transactions: what became of each, by whom, how long it took.
SELECT run_id, run_key, status, transactions, journals, lines, exceptions_open, ignored, debit, credit,
       round(expand_ms::numeric / 1000, 1) AS expand_seconds, round(post_ms::numeric / 1000, 1) AS post_seconds, created_by, posted_by, posted_at, digest
  FROM acct_bi.runs
 WHERE true [[AND txn_month = {{month}}::date]]
 ORDER BY run_id DESC

-- Every entry of a policy in a month, line by line, with the template version that made it. Reads the headers of that month.
SELECT h.je_date, h.je_number, h.txn_type, l.line_no, l.account_code, a.description, l.fund, l.debit, l.credit, h.currency,
       h.template_code, h.template_version, h.txn_id, h.txn_month, h.run_id
  FROM acct.ledger_entry_header AS h
  JOIN acct.ledger_entry_line AS l USING (je_id, je_date)
  JOIN acct.chart_of_accounts AS a USING (account_code)
 WHERE h.policy_no = {{policy_no}}
   AND h.je_date >= {{month}}::date AND h.je_date < {{month}}::date + interval '1 month'
 ORDER BY h.je_date, h.je_number, l.line_no

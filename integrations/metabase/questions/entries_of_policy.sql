-- Every entry of a policy in a month, line by line, with the template version that made it. Reads the headers of that month.
SELECT je_date, je_number, txn_type, line_no, account_code, account_name, fund, debit, credit, currency, line_text,
       template_code, template_version, txn_id, txn_month, run_id, je_id
  FROM acct_bi.lines
 WHERE policy_no = {{policy_no}}
   AND je_date >= {{month}}::date AND je_date < {{month}}::date + interval '1 month'
 ORDER BY je_date, je_number, line_no

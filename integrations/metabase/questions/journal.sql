-- A journal by its je_id: its lines, each with what it is for, the transaction that it came from, and the rule that made it.
SELECT l.je_number, l.je_date, l.line_no, l.account_code, l.account_name, l.fund, l.debit, l.credit, l.currency, l.line_text,
       l.txn_id, l.txn_month, l.policy_no, l.template_code, l.template_version, t.description AS rule, r.amount_expr, t.maker, t.approver
  FROM acct_bi.lines AS l
  LEFT JOIN acct_bi.templates AS t ON t.template_code = l.template_code AND t.version = l.template_version
  LEFT JOIN acct_bi.template_lines AS r ON r.template_code = l.template_code AND r.version = l.template_version AND r.line_no = l.line_no
 WHERE l.je_id = {{journal}}::bigint
 ORDER BY l.line_no

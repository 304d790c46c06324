-- Shape lines4: one template of four lines, columns of the source as they are.

\ir shape_common.sql

SET SESSION AUTHORIZATION bench_maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('WIDE', 'Contribution');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('WIDE', 1, 'WIDE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr, is_balancing)
SELECT 'WIDE', l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.condition_expr, l.amount_expr IS NULL
  FROM (VALUES
        (1, 'DR', '1110', 'OPERATOR', ':gross_amount', NULL),
        (2, 'CR', '1210', 'OPERATOR', ':ujroh_amount', NULL),
        (3, 'CR', '1222', 'OPERATOR', ':tabarru_amount', NULL),
        (4, 'CR', '1224', 'OPERATOR', ':investment_amount', NULL)
       ) AS l (line_no, dr_cr, account_code, fund, amount_expr, condition_expr);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

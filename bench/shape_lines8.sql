-- Shape lines8: one template of eight lines, little arithmetic, balancing lines.

\ir shape_common.sql

SET SESSION AUTHORIZATION bench_maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('WIDE', 'Contribution');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('WIDE', 1, 'WIDE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr, is_balancing)
SELECT 'WIDE', l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.condition_expr, l.amount_expr IS NULL
  FROM (VALUES
        (1, 'DR', '1110', 'OPERATOR', ':gross_amount', NULL),
        (2, 'CR', '1210', 'OPERATOR', ':ujroh_amount * 0.95', NULL),
        (3, 'CR', '1222', 'OPERATOR', ':tabarru_amount', NULL),
        (4, 'CR', '1224', 'OPERATOR', NULL, NULL),
        (5, 'DR', '2121', 'TABARRU', ':tabarru_amount', NULL),
        (6, 'CR', '2210', 'TABARRU', ':tabarru_amount', NULL),
        (7, 'DR', '4121', 'INVEST', ':investment_amount + :ujroh_amount * 0.05', NULL),
        (8, 'CR', '4210', 'INVEST', NULL, NULL)
       ) AS l (line_no, dr_cr, account_code, fund, amount_expr, condition_expr);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

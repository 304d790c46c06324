-- Shape lines24: one template of twenty-four lines in four funds, columns of the source as they are.

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
        (4, 'CR', '1224', 'OPERATOR', ':investment_amount', NULL),
        (5, 'DR', '1510', 'OPERATOR', ':ujroh_amount', NULL),
        (6, 'CR', '1230', 'OPERATOR', ':ujroh_amount', NULL),
        (7, 'DR', '2121', 'TABARRU', ':tabarru_amount', NULL),
        (8, 'CR', '2210', 'TABARRU', ':tabarru_amount', NULL),
        (9, 'DR', '2110', 'TABARRU', ':tabarru_amount', NULL),
        (10, 'CR', '2121', 'TABARRU', ':tabarru_amount', NULL),
        (11, 'DR', '2510', 'TABARRU', ':tabarru_amount', NULL),
        (12, 'CR', '2240', 'TABARRU', ':tabarru_amount', NULL),
        (13, 'DR', '2130', 'TABARRU', ':tabarru_amount', NULL),
        (14, 'CR', '2430', 'TABARRU', ':tabarru_amount', NULL),
        (15, 'DR', '4121', 'INVEST', ':investment_amount', NULL),
        (16, 'CR', '4210', 'INVEST', ':investment_amount', NULL),
        (17, 'DR', '4110', 'INVEST', ':investment_amount', NULL),
        (18, 'CR', '4121', 'INVEST', ':investment_amount', NULL),
        (19, 'DR', '4510', 'INVEST', ':investment_amount', NULL),
        (20, 'CR', '4410', 'INVEST', ':investment_amount', NULL),
        (21, 'DR', '3121', 'TANAHUD', ':ujroh_amount', NULL),
        (22, 'CR', '3210', 'TANAHUD', ':ujroh_amount', NULL),
        (23, 'DR', '3110', 'TANAHUD', ':ujroh_amount', NULL),
        (24, 'CR', '3121', 'TANAHUD', ':ujroh_amount', NULL)
       ) AS l (line_no, dr_cr, account_code, fund, amount_expr, condition_expr);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

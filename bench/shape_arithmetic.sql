-- Shape arithmetic: one template of twelve lines with real arithmetic, and conditions of lines.

\ir shape_common.sql

SET SESSION AUTHORIZATION bench_maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('WIDE', 'Contribution');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('WIDE', 1, 'WIDE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr, is_balancing)
SELECT 'WIDE', l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.condition_expr, l.amount_expr IS NULL
  FROM (VALUES
        (1, 'DR', '1110', 'OPERATOR', ':gross_amount', NULL),
        (2, 'CR', '1210', 'OPERATOR', 'round(:ujroh_amount * 0.955, 2)', NULL),
        (3, 'CR', '1240', 'OPERATOR',
         'round(:ujroh_amount * CASE WHEN :channel IN (''BANCA'', ''BROKER'') THEN 0.025 ELSE 0.0175 END, 2)', NULL),
        (4, 'CR', '1222', 'OPERATOR', ':tabarru_amount * 0.985', NULL),
        (5, 'CR', '1230', 'OPERATOR', 'round(greatest(:gross_amount - 500000, 0) * 0.0125, 2)', ':channel = ''AGENCY'''),
        (6, 'CR', '1224', 'OPERATOR', NULL, NULL),
        (7, 'DR', '2121', 'TABARRU', ':tabarru_amount * 0.985', NULL),
        (8, 'CR', '2250', 'TABARRU', '0.30 * greatest(:tabarru_amount - 1000000, 0)', ':tabarru_amount > 1000000'),
        (9, 'CR', '2210', 'TABARRU', NULL, NULL),
        (10, 'DR', '4121', 'INVEST', ':investment_amount + least(:ujroh_amount * 0.05, 25000)', NULL),
        (11, 'CR', '4221', 'INVEST',
         'CASE WHEN :investment_amount >= 400000 THEN :investment_amount * 0.0035 WHEN :investment_amount >= 200000 THEN :investment_amount * 0.0042 ELSE :investment_amount * 0.005 END', NULL),
        (12, 'CR', '4210', 'INVEST', NULL, NULL)
       ) AS l (line_no, dr_cr, account_code, fund, amount_expr, condition_expr);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

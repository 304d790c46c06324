-- Shared by the shapes with many rules: templates R00, R01, ... of eight lines, five ways to compute, many to book.
-- A caller fills bench.rule; rules go to templates in turn.

\ir shape_common.sql

CREATE TABLE bench.rule (txn_type text, product_code text, channel text, condition_expr text, priority integer);

CREATE FUNCTION bench.make_templates(n integer) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO acct.journal_template (template_code, description)
    SELECT 'R' || lpad(t::text, 2, '0'), 'Contribution' FROM generate_series(0, $1 - 1) AS t;

    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, product_code, channel, condition_expr, priority)
    SELECT 'R' || lpad((r.n % $1)::text, 2, '0'), r.n / $1 + 1, r.txn_type, r.product_code, r.channel, r.condition_expr, r.priority
      FROM (SELECT x.*, row_number() OVER (ORDER BY x.priority, x.txn_type, x.product_code, x.channel) - 1 AS n FROM bench.rule AS x) AS r;

    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
    SELECT 'R' || lpad(t::text, 2, '0'), l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.amount_expr IS NULL
      FROM generate_series(0, $1 - 1) AS t
     CROSS JOIN LATERAL (VALUES
        (1, 'DR', '1110', 'OPERATOR', ':gross_amount'),
        (2, 'CR', (ARRAY['1210', '1230', '1240', '1250'])[t / 5 % 4 + 1], 'OPERATOR', ':ujroh_amount * ' || (0.95 - t % 5 * 0.01)),
        (3, 'CR', '1222', 'OPERATOR', ':tabarru_amount'),
        (4, 'CR', (ARRAY['1224', '1223', '1410'])[t / 20 % 3 + 1], 'OPERATOR', NULL),
        (5, 'DR', (ARRAY['2121', '2110'])[t / 5 % 2 + 1], 'TABARRU', ':tabarru_amount'),
        (6, 'CR', (ARRAY['2210', '2240', '2250'])[t / 10 % 3 + 1], 'TABARRU', ':tabarru_amount'),
        (7, 'DR', (ARRAY['4121', '4110'])[t / 10 % 2 + 1], 'INVEST', ':investment_amount + :ujroh_amount * ' || (0.05 + t % 5 * 0.01)),
        (8, 'CR', (ARRAY['4210', '4410'])[t / 25 % 2 + 1], 'INVEST', NULL)) AS l (line_no, dr_cr, account_code, fund, amount_expr);
$$;

CREATE TABLE bench.product AS
SELECT p FROM unnest(ARRAY['FAM-SAVE', 'FAM-EDU', 'FAM-HAJJ', 'FAM-RETIRE', 'FAM-LINK', 'FAM-UMRAH', 'FAM-GOLD', 'FAM-WAQF',
    'FAM-CREDIT', 'FAM-TERM', 'FAM-GROUP', 'FAM-HEALTH', 'FAM-ACCIDENT', 'FAM-ILLNESS', 'FAM-MICRO', 'FAM-MORTGAGE', 'GEN-MOTOR',
    'GEN-FIRE', 'GEN-TRAVEL', 'GEN-CARGO', 'GEN-ENGINEERING', 'GEN-HULL', 'GEN-LIABILITY', 'GEN-MISC']) AS p;
CREATE TABLE bench.channel AS
SELECT c FROM unnest(ARRAY['AGENCY', 'BANCA', 'DIGITAL', 'BROKER', 'CORPORATE', 'DIRECT']) AS c;

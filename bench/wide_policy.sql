-- The wide policy: one template of eight lines, and transactions of one type that fill them all.
-- Run by a superuser; the template is made by bench_maker and approved by the caller.

SELECT * FROM acct._install_sample_chart();

CREATE ROLE bench_maker SUPERUSER;
SET SESSION AUTHORIZATION bench_maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('WIDE', 'Contribution with savings');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('WIDE', 1, 'WIDE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing) VALUES
    ('WIDE', 1, 'DR', '1110', 'OPERATOR', ':gross_amount', false),
    ('WIDE', 2, 'CR', '1210', 'OPERATOR', ':ujroh_amount * 0.95', false),
    ('WIDE', 3, 'CR', '1222', 'OPERATOR', ':tabarru_amount', false),
    ('WIDE', 4, 'CR', '1224', 'OPERATOR', NULL, true),
    ('WIDE', 5, 'DR', '2121', 'TABARRU', ':tabarru_amount', false),
    ('WIDE', 6, 'CR', '2210', 'TABARRU', ':tabarru_amount', false),
    ('WIDE', 7, 'DR', '4121', 'INVEST', ':investment_amount + :ujroh_amount * 0.05', false),
    ('WIDE', 8, 'CR', '4210', 'INVEST', NULL, true);
SELECT acct.submit_template('WIDE', 1);
RESET SESSION AUTHORIZATION;
SELECT acct.approve_template('WIDE', 1);

CREATE SCHEMA bench;

-- Sample transactions, each of them made a contribution to three parts.
CREATE FUNCTION bench.transactions(month date, rows bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql AS $$
    SELECT s.txn_id, s.txn_month, s.bank_value_date, s.entity_code, 'WIDE', s.product_code, s.channel, s.policy_no, s.currency,
           a.tabarru + a.investment + a.ujroh, a.tabarru, 0, a.investment, a.ujroh, s.attributes
      FROM acct.sample_transactions(month, rows, seed) AS s
     CROSS JOIN LATERAL (SELECT hashint8extended(s.txn_id, 0) & 268435455 AS h OFFSET 0) AS x
     CROSS JOIN LATERAL (SELECT (100000 + x.h) * 0.01 AS tabarru, (100000 + (x.h >> 2)) * 0.01 AS investment,
                                (100000 + (x.h >> 4)) * 0.01 AS ujroh) AS a
$$;

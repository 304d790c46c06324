-- Shape rules5000: five thousand match rules for thirty types, by product and channel, 650 of them with one of ten
-- conditions; fifty templates.

\ir shape_rules.sql

INSERT INTO bench.rule
WITH pair AS (
    SELECT 'T' || lpad(t::text, 2, '0') AS txn_type, p.p AS product_code, row_number() OVER (ORDER BY p.p, t) AS n
      FROM generate_series(1, 30) AS t, bench.product AS p)
SELECT 'T' || lpad(t::text, 2, '0') AS txn_type, NULL::text AS product_code, NULL::text AS channel, NULL::text AS condition_expr,
       100 AS priority
  FROM generate_series(1, 30) AS t
UNION ALL
SELECT x.txn_type, x.product_code, NULL, NULL, 50 FROM pair AS x
UNION ALL
SELECT x.txn_type, x.product_code, c.c, NULL, 20 FROM pair AS x, bench.channel AS c WHERE c.c <> 'DIRECT'
UNION ALL
SELECT x.txn_type, x.product_code, NULL, ':gross_amount > ' || (x.n % 10 + 1) * 300000, 10 FROM pair AS x WHERE x.n <= 650;

CREATE OR REPLACE FUNCTION bench.transactions(month date, first bigint, last bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql STABLE AS $$
    SELECT * FROM bench.contributions($1, $2, $3, $4, 30)
$$;

SET SESSION AUTHORIZATION bench_maker;
SELECT bench.make_templates(50);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

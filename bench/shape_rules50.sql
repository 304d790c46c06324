-- Shape rules50: fifty match rules for five types, by channel, fifteen of them with a condition; five templates.

\ir shape_rules.sql

INSERT INTO bench.rule
SELECT 'T' || lpad(t::text, 2, '0') AS txn_type, NULL::text AS product_code, NULL::text AS channel, NULL::text AS condition_expr,
       100 AS priority
  FROM generate_series(1, 5) AS t
UNION ALL
SELECT 'T' || lpad(t::text, 2, '0'), NULL, c.c, NULL, 50 FROM generate_series(1, 5) AS t, bench.channel AS c
UNION ALL
SELECT 'T' || lpad(t::text, 2, '0'), NULL, c, ':gross_amount > ' || t * 500000, 10
  FROM generate_series(1, 5) AS t, unnest(ARRAY['AGENCY', 'BANCA', 'DIGITAL']) AS c;

CREATE OR REPLACE FUNCTION bench.transactions(month date, first bigint, last bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql STABLE AS $$
    SELECT * FROM bench.contributions($1, $2, $3, $4, 5)
$$;

SET SESSION AUTHORIZATION bench_maker;
SELECT bench.make_templates(5);
RESET SESSION AUTHORIZATION;
SELECT bench.approve();

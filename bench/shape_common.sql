-- Parts of every shape except the sample: the sample's accounts, a maker, and transactions whose lines are all filled.
-- Run by a superuser; templates are made by bench_maker and approved by the caller.

SELECT * FROM acct._install_sample_chart();

CREATE ROLE bench_maker SUPERUSER;
CREATE SCHEMA bench;

-- Sample transactions, number first to last, each of them made a contribution to three parts. With types above 1 they are
-- of the types T01, T02, ... in turn, else of type WIDE.
CREATE FUNCTION bench.contributions(month date, first bigint, last bigint, seed integer, types integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql STABLE AS $$
    SELECT s.txn_id, s.txn_month, s.bank_value_date, s.entity_code,
           CASE WHEN $5 > 1 THEN 'T' || lpad(((x.h >> 8) % $5 + 1)::text, 2, '0') ELSE 'WIDE' END,
           s.product_code, s.channel, s.policy_no, s.currency,
           a.tabarru + a.investment + a.ujroh, a.tabarru, 0, a.investment, a.ujroh, s.attributes
      FROM acct._sample_transactions($1, $2, $3, $4) AS s
     CROSS JOIN LATERAL (SELECT hashint8extended(s.txn_id, 0) & 268435455 AS h OFFSET 0) AS x
     CROSS JOIN LATERAL (SELECT (100000 + x.h) * 0.01 AS tabarru, (100000 + (x.h >> 2)) * 0.01 AS investment,
                                (100000 + (x.h >> 4)) * 0.01 AS ujroh) AS a
$$;

CREATE FUNCTION bench.transactions(month date, first bigint, last bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql STABLE AS $$
    SELECT * FROM bench.contributions($1, $2, $3, $4, 1)
$$;

-- Drafts are made as bench_maker, then this submits and approves them all.
CREATE FUNCTION bench.approve() RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT acct.submit_template(t.template_code, t.version), acct.approve_template(t.template_code, t.version)
                            FROM acct.journal_template AS t WHERE t.status = 'draft') AS x
$$;

-- The sample policy and its transactions.

SELECT acct.install_takaful_sample();

CREATE SCHEMA bench;

CREATE FUNCTION bench.transactions(month date, rows bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql AS $$
    SELECT * FROM acct.sample_transactions(month, rows, seed)
$$;

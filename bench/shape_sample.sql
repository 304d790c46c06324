-- Shape sample: the takaful policy and its transactions, about five lines each.

SELECT acct.install_takaful_sample();

CREATE SCHEMA bench;

-- Rows number first to last; not all at once, so that nothing is gathered on disk.
CREATE FUNCTION bench.transactions(month date, first bigint, last bigint, seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql STABLE AS $$
    SELECT * FROM acct._sample_transactions($1, $2, $3, $4)
$$;

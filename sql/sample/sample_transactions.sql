-- Sample transactions for the takaful sample: any number, the same on every machine.
--
-- Everything follows from two hashes of the row's number and one of its policy, in integer arithmetic, so that
-- neither the server's version nor its processor changes a cent. Money is counted in cents until the last step.

CREATE FUNCTION acct._sample_transactions(p_month date, p_from bigint, p_to bigint, p_seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- Each OFFSET 0 keeps the planner from computing a column as often as it is used.
    WITH numbered AS (
        SELECT generate_series(p_from, p_to) AS n,
               hashint8extended(p_seed, p_month - date '2000-01-01') AS month_seed
        OFFSET 0),
    hashed AS (
        SELECT i.n, hashint8extended(i.n, i.month_seed) AS first, hashint8extended(i.n, i.month_seed # 1) AS second
          FROM numbered AS i
        OFFSET 0),
    drawn AS (
        -- The hashes cut into draws.
        SELECT h.n, h.first >> 45 & 262143 AS policy_draw, h.second >> 20 & 16777215 AS group_draw,
               (h.second & 1048575) % 1000 AS day_draw, h.second >> 44 & 524287 AS any_bits,
               (h.first >> 30 & 31)::integer + 1 AS step, h.first >> 35 & 1023 AS part,
               width_bucket((h.first & 1073741823) % 10000,
                            ARRAY[4500, 5500, 6700, 7700, 8600, 8950, 9250, 9470, 9590, 9670, 9770, 9870, 9880,
                                  9920, 9970, 9980, 9988, 9994]::bigint[]) + 1 AS kind
          FROM hashed AS h
        OFFSET 0),
    policied AS (
        -- A hundred policies in a row are one for each share of a product; the first forty have savings, which
        -- some kinds need.
        SELECT d.*, d.group_draw % 2500 * 100
                    + d.policy_draw % CASE WHEN d.kind IN (10, 11, 12) THEN 40 ELSE 100 END AS policy
          FROM drawn AS d
        OFFSET 0),
    dated AS (
        SELECT p.*, hashint8extended(p.policy, p_seed) AS policy_hash,
               width_bucket(p.policy % 100, ARRAY[10, 17, 23, 28, 33, 36, 38, 40, 50, 57, 63, 68, 71, 73, 74, 75,
                                                  87, 91, 94, 96, 97, 98, 99]::bigint[]) + 1 AS product,
               (CASE WHEN p.day_draw < 3 THEN -1 - p.any_bits % 3
                     WHEN p.day_draw < 6 THEN m.days + p.any_bits % 3
                     WHEN p.day_draw < 356 THEN m.days - 1 - p.any_bits % 3
                     WHEN p.day_draw < 606 THEN m.days - 4 - p.any_bits % 7
                     ELSE p.any_bits % m.days END)::integer AS day
          FROM policied AS p
         CROSS JOIN (SELECT (p_month + interval '1 month')::date - p_month AS days) AS m
        OFFSET 0),
    valued AS (
        -- Whole rupiah, skewed as a lognormal amount is: its quantiles, in thousandths of the median of the kind.
        SELECT d.*, (d.policy_hash >> 32 & 65535) % 100 < 6 AS is_usd,
               (ARRAY[1200000, 25000000, 120000, 200000, 150000, 2500000, 9000000, 9000000, 700000, 15000000, 3000000,
                      90000, 200000000, 20000000, 0, 1200000, 1200000, 20000000, 0]::bigint[])[d.kind]
               * (q.quantile[d.step] * (1024 - d.part) + q.quantile[d.step + 1] * d.part) / 1024000 AS rupiah
          FROM dated AS d
         CROSS JOIN (SELECT ARRAY[44, 107, 159, 206, 251, 298, 345, 394, 445, 499, 556, 617, 682, 752, 828, 910, 1000,
                                  1099, 1208, 1329, 1466, 1620, 1798, 2004, 2247, 2539, 2900, 3360, 3977, 4863, 6302,
                                  9349, 38861]::bigint[] AS quantile) AS q
        OFFSET 0),
    priced AS (
        SELECT v.*,
               CASE WHEN v.is_usd THEN v.rupiah * 100 / 15500
                    WHEN v.kind = 1 THEN v.rupiah / 500 * 50000
                    WHEN v.rupiah > 0 THEN v.rupiah * 100 + v.any_bits % 100
                    ELSE 0 END AS amount,
               -- Of ten thousand: the shares of ujrah, investment and tanahud in a contribution.
               (ARRAY[2500, 2750, 2250, 2000, 1850, 2400, 2100, 3000, 4000, 3725, 3250, 3000, 4200, 3500, 4500, 3800,
                      3500, 3250, 4000, 3015, 2875, 2500, 3333, 3000])[v.product] AS ujrah_rate,
               (ARRAY[4500, 4250, 5000, 5500, 6015, 4800, 5200, 3500, 0, 0, 0, 0, 0, 0, 0, 0,
                      0, 0, 0, 0, 0, 0, 0, 0])[v.product] AS investment_rate,
               (ARRAY[0, 250, 0, 750, 0, 300, 0, 1000, 0, 500, 0, 0, 0, 333, 0, 0,
                      0, 0, 0, 0, 0, 0, 0, 0])[v.product] AS tanahud_rate
          FROM valued AS v
        OFFSET 0),
    split AS (
        SELECT a.*,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19)
                        THEN a.amount - a.amount * a.ujrah_rate / 10000 - a.amount * a.investment_rate / 10000
                             - a.amount * a.tanahud_rate / 10000
                    WHEN a.kind IN (4, 6, 7, 8, 12, 13, 14) THEN a.amount
                    WHEN a.kind = 18 THEN -a.amount
                    ELSE 0 END AS tabarru,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19) THEN a.amount * a.tanahud_rate / 10000 ELSE 0 END AS tanahud,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19) THEN a.amount * a.investment_rate / 10000
                    WHEN a.kind = 10 THEN a.amount - a.amount * 3 / 100
                    WHEN a.kind = 11 AND a.any_bits % 100 < 15 THEN -a.amount
                    WHEN a.kind = 11 THEN a.amount
                    ELSE 0 END AS investment,
               CASE WHEN a.kind IN (1, 9, 16, 17, 19) THEN a.amount * a.ujrah_rate / 10000
                    WHEN a.kind IN (3, 5) THEN a.amount
                    WHEN a.kind = 10 THEN a.amount * 3 / 100
                    ELSE 0 END AS ujrah
          FROM priced AS a
        OFFSET 0)
    SELECT (extract(year FROM p_month) * 100 + extract(month FROM p_month))::bigint * 1000000000000
               + abs(p_seed::bigint) % 1000 * 1000000000 + s.n,
           p_month,
           p_month + s.day,
           CASE WHEN (s.policy_hash & 65535) % 100 < 85 THEN 'MAIN' ELSE 'SYARIAH' END,
           (ARRAY['CONTRIB', 'FUND_SETTLE', 'UJRAH_EARN', 'RELEASE', 'COMMISSION', 'RETAKAFUL', 'CLAIM', 'CLAIM_PAY',
                  'REFUND', 'SURRENDER', 'INV_RETURN', 'DRIP', 'QARD', 'SURPLUS', 'MEMO',
                  'UNKNOWN', 'CONTRIB', 'SURPLUS', 'CONTRIB'])[s.kind],
           (ARRAY['FAM-SAVE', 'FAM-EDU', 'FAM-HAJJ', 'FAM-RETIRE', 'FAM-LINK', 'FAM-UMRAH', 'FAM-GOLD', 'FAM-WAQF',
                  'FAM-CREDIT', 'FAM-TERM', 'FAM-GROUP', 'FAM-HEALTH', 'FAM-ACCIDENT', 'FAM-ILLNESS', 'FAM-MICRO',
                  'FAM-MORTGAGE', 'GEN-MOTOR', 'GEN-FIRE', 'GEN-TRAVEL', 'GEN-CARGO', 'GEN-ENGINEERING', 'GEN-HULL',
                  'GEN-LIABILITY', 'GEN-MISC'])[s.product],
           (ARRAY['AGENCY', 'BANCA', 'DIGITAL', 'BROKER', 'DIRECT', 'CORPORATE'])
               [width_bucket((s.policy_hash >> 16 & 65535) % 100, ARRAY[40, 68, 82, 91, 97]::bigint[]) + 1],
           CASE WHEN s.kind NOT IN (2, 11, 13, 14, 18) THEN 'P' || (10000000 + s.policy) END,
           CASE WHEN s.kind = 17 THEN 'XXX' WHEN s.is_usd THEN 'USD' ELSE 'IDR' END,
           (s.tabarru + s.tanahud + s.investment + s.ujrah)::numeric * 0.01,
           s.tabarru::numeric * 0.01,
           s.tanahud::numeric * 0.01,
           s.investment::numeric * 0.01,
           s.ujrah::numeric * 0.01,
           CASE s.kind
               WHEN 7 THEN (ARRAY[jsonb '{"cause": "hospital"}', '{"cause": "accident"}', '{"cause": "death"}',
                                  '{"cause": "fire"}'])[(s.any_bits & 3) + 1]
               WHEN 9 THEN (ARRAY[jsonb '{"reason": "free look"}', '{"reason": "cancelled"}'])[(s.any_bits & 1) + 1]
               WHEN 11 THEN (ARRAY[jsonb '{"asset_class": "sukuk"}', '{"asset_class": "equity"}'])[(s.any_bits & 1) + 1]
               WHEN 15 THEN (ARRAY[jsonb '{"notice": "change of address"}', '{"notice": "statement sent"}'])[(s.any_bits & 1) + 1]
           END
      FROM split AS s;
END;
COMMENT ON FUNCTION acct._sample_transactions(date, bigint, bigint, integer) IS
'The work of sample_transactions(): rows number p_from to p_to of a month and seed. Kinds 1 to 15 are the types of the takaful sample, 16 to 19 those that become exceptions: an unknown type, an unknown currency, a negative surplus, a contribution of nothing.';

CREATE FUNCTION acct._require_sample(p_month date, p_rows bigint, p_seed integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM acct._require_month(p_month);
    IF p_rows IS NULL OR p_rows < 0 OR p_rows > 999999999 THEN
        RAISE EXCEPTION 'rows must be between 0 and 999999999' USING ERRCODE = '22023';
    ELSIF p_seed IS NULL THEN
        RAISE EXCEPTION 'seed must not be NULL' USING ERRCODE = '22004';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_sample(date, bigint, integer) IS
'Raises 22023 or 22004 where month, rows or seed of sample transactions cannot be used.';

CREATE FUNCTION acct.sample_transactions(month date, rows bigint, seed integer DEFAULT 42)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_sample(sample_transactions.month, sample_transactions.rows, sample_transactions.seed);
    RETURN QUERY
    SELECT s.* FROM acct._sample_transactions(sample_transactions.month, 1, sample_transactions.rows,
                                              sample_transactions.seed) AS s;
END
$$;
COMMENT ON FUNCTION acct.sample_transactions(date, bigint, integer) IS
'Made-up transactions of a month for the takaful sample, in a realistic mix; the same arguments give the same rows, and txn_id is the month (yyyymm), the seed modulo 1000 (three digits) and the row''s number (nine digits). Raises 22023 (not a month, or rows not between 0 and 999999999), 22004 (no seed).';

CREATE FUNCTION acct.generate_sample_transactions(month date, rows bigint, seed integer DEFAULT 42) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    loaded bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_sample(generate_sample_transactions.month, generate_sample_transactions.rows,
                                 generate_sample_transactions.seed);
    PERFORM acct._require_plausible_month(generate_sample_transactions.month);
    PERFORM acct._make_txn_source_partition(generate_sample_transactions.month);
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel,
                                        policy_no, currency, gross_amount, tabarru_amount, tanahud_amount,
                                        investment_amount, ujroh_amount, attributes)
    SELECT s.* FROM acct._sample_transactions(generate_sample_transactions.month, 1, generate_sample_transactions.rows,
                                              generate_sample_transactions.seed) AS s;
    GET DIAGNOSTICS loaded = ROW_COUNT;
    RETURN loaded;
END
$$;
COMMENT ON FUNCTION acct.generate_sample_transactions(date, bigint, integer) IS
'Loads sample_transactions() of a month as a batch into acct.txn_source_parent, creating the month''s partition where it is missing, and returns the number of rows; another seed loads further ones. Raises what sample_transactions() does, LE010, and 23505 where this month and seed were loaded already.';

-- A slow reference of the engine in plain SQL, written from the contract and from nothing of the engine's code.
--
-- ref.expand(run_id) expands the transactions that a run took into the tables of schema ref, by joins over the policy
-- tables; only the templates' own expressions are dynamic. Call it while the policy is as the engine saw it.
-- ref.compare(run_id) then holds the engine's rows against them, in staging or (once posted) in the ledger.
-- ref.compare_books() holds snapshot, journal numbers and (unless told not to: it takes long) trial balance and reports against the
-- ledger's lines.
-- The comparisons return a line of text for each difference: none is what they should return.

CREATE SCHEMA ref;

CREATE DOMAIN ref.code AS text COLLATE "C";

-- What a run took, for each basis, with the first thing that is wrong before any template is looked at. Policy is read by
-- value_date (lookup_date, where that is out of bounds); je_date is the journal's, later where its month is closed and the run
-- moves late items.
CREATE TABLE ref.txn (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    txn_month date NOT NULL,
    basis ref.code NOT NULL,
    every_transaction boolean NOT NULL,
    value_date date NOT NULL,
    je_date date NOT NULL,
    lookup_date date NOT NULL,
    entity_code ref.code NOT NULL,
    txn_type ref.code NOT NULL,
    product_code ref.code NOT NULL,
    channel ref.code NOT NULL,
    currency ref.code NOT NULL,
    refusal text,
    PRIMARY KEY (run_id, txn_id, basis)
);

-- The match rules whose codes fit, in the order in which they are tried.
CREATE TABLE ref.candidate (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    rank bigint NOT NULL,
    template_code ref.code NOT NULL,
    template_version integer NOT NULL,
    condition_expr text,
    PRIMARY KEY (run_id, txn_id, basis, rank)
);

-- The value of an expression for a transaction; failed: it raised an error of class 22.
CREATE TABLE ref.value (
    run_id bigint NOT NULL,
    kind text NOT NULL,
    expr text NOT NULL,
    txn_id bigint NOT NULL,
    amount numeric,
    truth boolean,
    failed boolean NOT NULL,
    PRIMARY KEY (run_id, kind, expr, txn_id)
);

-- What became of each transaction and basis: a template, or a reason (IGNORED is one here).
CREATE TABLE ref.decision (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    template_code ref.code,
    template_version integer,
    reason text,
    PRIMARY KEY (run_id, txn_id, basis)
);

-- The lines of the chosen template that take part; amount: rounded, with the sign of the line's own side.
CREATE TABLE ref.draft (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    template_code ref.code NOT NULL,
    template_version integer NOT NULL,
    line_no smallint NOT NULL,
    is_balancing boolean NOT NULL,
    dr_cr text NOT NULL,
    account_code ref.code NOT NULL,
    fund ref.code NOT NULL,
    amount numeric,
    problem text,
    PRIMARY KEY (run_id, txn_id, basis, line_no)
);

CREATE TABLE ref.header (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    txn_month date NOT NULL,
    basis ref.code NOT NULL,
    template_code ref.code NOT NULL,
    template_version integer NOT NULL,
    je_date date NOT NULL,
    original_date date,
    entity_code ref.code NOT NULL,
    currency ref.code NOT NULL,
    total_debit numeric NOT NULL,
    total_credit numeric NOT NULL,
    line_count bigint NOT NULL,
    carried jsonb NOT NULL,
    PRIMARY KEY (run_id, txn_id, basis)
);

CREATE TABLE ref.line (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    line_no smallint NOT NULL,
    account_code ref.code NOT NULL,
    fund ref.code NOT NULL,
    debit numeric NOT NULL,
    credit numeric NOT NULL,
    valid boolean NOT NULL,
    carried jsonb,
    PRIMARY KEY (run_id, txn_id, basis, line_no)
);

CREATE TABLE ref.exception (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    reason ref.code NOT NULL,
    template_code ref.code,
    template_version integer,
    line_no smallint,
    PRIMARY KEY (run_id, txn_id, basis)
);

CREATE TABLE ref.ignored (
    run_id bigint NOT NULL,
    txn_id bigint NOT NULL,
    basis ref.code NOT NULL,
    PRIMARY KEY (run_id, txn_id, basis)
);

-- Expressions

-- An expression as SQL: outside of quoted strings, :name is name.
CREATE FUNCTION ref.as_sql(p_expr text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(CASE WHEN p.n % 2 = 1 THEN regexp_replace(p.part, '(?<![:\w]):(?=[a-z_"])', '', 'g') ELSE p.part END,
                      '''' ORDER BY p.n)
      FROM regexp_split_to_table(p_expr, '''') WITH ORDINALITY AS p (part, n)
$$;

-- Stores the value of an expression for some transactions. All at once; where one of them fails, one by one.
CREATE FUNCTION ref.evaluate(p_run_id bigint, p_month date, p_kind text, p_expr text, p_txns bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' AS $$
DECLARE
    -- The inner query has the source's columns only, so that no other name can be meant.
    statement text := format(
        'INSERT INTO ref.value (run_id, kind, expr, txn_id, amount, truth, failed) '
        'SELECT $1, $2, $3, txn_id, %s, %s, false '
        '  FROM (SELECT * FROM acct.txn_source_parent WHERE txn_month = $4 AND txn_id = ANY ($5)) AS source_row '
        'ON CONFLICT DO NOTHING',
        CASE p_kind WHEN 'amount' THEN format(E'(%s\n)::numeric', ref.as_sql(p_expr)) ELSE 'NULL' END,
        CASE p_kind WHEN 'condition' THEN format(E'(%s\n)::boolean', ref.as_sql(p_expr)) ELSE 'NULL' END);
    txn bigint;
BEGIN
    BEGIN
        EXECUTE statement USING p_run_id, p_kind, p_expr, p_month, p_txns;
        RETURN;
    EXCEPTION WHEN data_exception THEN
        NULL;
    END;
    FOREACH txn IN ARRAY p_txns LOOP
        BEGIN
            EXECUTE statement USING p_run_id, p_kind, p_expr, p_month, ARRAY[txn];
        EXCEPTION WHEN data_exception THEN
            INSERT INTO ref.value (run_id, kind, expr, txn_id, failed) VALUES (p_run_id, p_kind, p_expr, txn, true)
            ON CONFLICT DO NOTHING;
        END;
    END LOOP;
END
$$;

-- The steps of ref.expand

-- A code of the characters that the random cases use: not empty, no blank around it, no control character in it.
CREATE FUNCTION ref.can_be_seen(p_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_code <> '' AND translate(p_code, E'\t\n\x7f\u200b', '') = p_code AND btrim(p_code, E' \u00a0\u3000') = p_code
$$;

-- A month that nobody has closed is open.
CREATE FUNCTION ref.is_closed(p_entity text, p_basis text, p_date date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM acct.accounting_period AS p
                    WHERE p.entity_code = p_entity AND p.basis = p_basis AND NOT p.is_open
                      AND p.period_month = date_trunc('month', p_date::timestamp)::date)
$$;

-- The run whose transactions a run evaluates: of a correction, which has a date of its own, the one that it corrects.
CREATE FUNCTION ref.source_run(p_run_id bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT CASE r.kind WHEN 'correction' THEN r.origin_run ELSE r.run_id END FROM acct.journal_run AS r WHERE r.run_id = p_run_id
$$;

CREATE FUNCTION ref.take(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.txn
    WITH taken AS (
        SELECT s.txn_id, s.txn_month, b.basis
          FROM acct.journal_run AS r
          JOIN acct.journal_run_batch AS b ON b.run_id = r.run_id AND b.released_at IS NULL
          JOIN acct.txn_source_parent AS s ON s.batch_id = b.batch_id AND s.txn_month = b.txn_month
         WHERE r.run_id = ref.source_run(p_run_id) AND r.reprocess_of IS NULL
        UNION ALL
        SELECT e.txn_id, e.txn_month, e.basis
          FROM acct.journal_run AS r
          JOIN acct.je_exception AS e ON e.resolved_by_run = r.run_id AND e.run_id = r.reprocess_of
         WHERE r.run_id = ref.source_run(p_run_id)
        UNION ALL
        -- A rebooking: what its reversal took back
        SELECT o.txn_id, o.txn_month, o.basis
          FROM acct.journal_run AS r
          JOIN acct.ledger_entry_header AS v ON v.run_id = r.origin_run
          JOIN acct.ledger_entry_header AS o ON o.je_id = v.reversal_of AND o.journal_type = 'transaction' AND o.txn_month = r.txn_month
         WHERE r.run_id = ref.source_run(p_run_id) AND r.taken_transactions IS NOT NULL),
    allowed AS (
        SELECT make_interval(months => max(p.value) FILTER (WHERE p.name = 'months_apart')) AS apart,
               max(p.value) FILTER (WHERE p.name = 'first_year') AS first_year,
               max(p.value) FILTER (WHERE p.name = 'last_year') AS last_year
          FROM acct.posting_limit AS p),
    dated AS (
        SELECT t.basis, s.*,
               s.bank_value_date < (s.txn_month - a.apart)::date
               OR s.bank_value_date > greatest((s.txn_month + a.apart)::date, (s.txn_month + interval '1 month' - interval '1 day')::date)
               OR NOT extract(year FROM s.bank_value_date) BETWEEN a.first_year AND a.last_year AS far
          FROM allowed AS a
         CROSS JOIN taken AS t
          JOIN acct.txn_source_parent AS s ON s.txn_id = t.txn_id AND s.txn_month = t.txn_month)
    SELECT p_run_id, d.txn_id, d.txn_month, d.basis, b.every_transaction, d.bank_value_date,
           CASE WHEN late.month IS NOT NULL AND ref.is_closed(d.entity_code, d.basis, d.bank_value_date) THEN late.month ELSE d.bank_value_date END,
           CASE WHEN d.far THEN d.txn_month ELSE d.bank_value_date END,
           d.entity_code, d.txn_type, d.product_code, d.channel, d.currency,
           CASE WHEN NOT EXISTS (SELECT FROM acct.entity AS e
                                  WHERE e.entity_code = d.entity_code
                                    AND d.bank_value_date >= coalesce(e.effective_from, '-infinity')
                                    AND d.bank_value_date < coalesce(e.effective_to, 'infinity'))
                THEN 'UNKNOWN_ENTITY'
                WHEN NOT (ref.can_be_seen(d.entity_code) AND ref.can_be_seen(d.txn_type) AND ref.can_be_seen(d.product_code)
                          AND ref.can_be_seen(d.channel) AND ref.can_be_seen(d.currency))
                THEN 'INVALID_CODE'
                WHEN d.far THEN 'BAD_DATE'
                WHEN c.currency IS NULL THEN 'UNKNOWN_CURRENCY'
                WHEN ref.is_closed(d.entity_code, d.basis, d.bank_value_date) AND late.month IS NULL AND ref.source_run(p_run_id) = p_run_id
                THEN 'PERIOD_CLOSED' END
      FROM dated AS d
      JOIN acct.accounting_basis AS b ON b.basis = d.basis
     CROSS JOIN allowed AS a
      LEFT JOIN acct.currency AS c ON c.currency = d.currency
      -- The first open month after the transaction's own, where the run may use it.
      LEFT JOIN LATERAL (
          SELECT m.month::date AS month
            FROM generate_series(date_trunc('month', d.bank_value_date::timestamp) + interval '1 month', d.txn_month + interval '60 months', '1 month') AS m (month)
           WHERE NOT d.far AND extract(year FROM m.month) <= a.last_year AND NOT ref.is_closed(d.entity_code, d.basis, m.month::date)
             AND (SELECT r.options ->> 'late' = 'next_open' FROM acct.journal_run AS r WHERE r.run_id = p_run_id)
           ORDER BY m.month LIMIT 1) AS late ON true
$$;

CREATE FUNCTION ref.find_candidates(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.candidate
    WITH newest AS (
        SELECT d.lookup_date, t.template_code, max(t.version) AS version
          FROM (SELECT DISTINCT x.lookup_date FROM ref.txn AS x WHERE x.run_id = p_run_id) AS d
          JOIN acct.journal_template AS t
            ON t.status IN ('approved', 'retired')
           AND t.effective_from <= d.lookup_date
           AND (t.effective_to IS NULL OR d.lookup_date < t.effective_to)
         GROUP BY d.lookup_date, t.template_code)
    SELECT p_run_id, x.txn_id, x.basis,
           row_number() OVER (PARTITION BY x.txn_id, x.basis
                              ORDER BY m.priority, num_nonnulls(m.txn_type, m.product_code, m.channel) DESC,
                                       m.template_code, m.match_no),
           t.template_code, t.version, m.condition_expr
      FROM ref.txn AS x
      JOIN newest AS n ON n.lookup_date = x.lookup_date
      JOIN acct.journal_template AS t
        ON t.template_code = n.template_code AND t.version = n.version AND t.basis = x.basis
      JOIN acct.journal_template_match AS m
        ON m.template_code = t.template_code AND m.version = t.version
       AND (m.txn_type IS NULL OR m.txn_type = x.txn_type)
       AND (m.product_code IS NULL OR m.product_code = x.product_code)
       AND (m.channel IS NULL OR m.channel = x.channel)
     WHERE x.run_id = p_run_id;

    SELECT ref.evaluate(p_run_id, e.txn_month, 'condition', e.condition_expr, e.txns)
      FROM (SELECT c.condition_expr, x.txn_month, array_agg(DISTINCT c.txn_id) AS txns
              FROM ref.candidate AS c
              JOIN ref.txn AS x ON x.run_id = c.run_id AND x.txn_id = c.txn_id AND x.basis = c.basis
             WHERE c.run_id = p_run_id AND c.condition_expr IS NOT NULL AND x.refusal IS NULL
             GROUP BY c.condition_expr, x.txn_month) AS e
$$;

CREATE FUNCTION ref.decide(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    WITH hit AS (
        SELECT DISTINCT ON (c.txn_id, c.basis) c.txn_id, c.basis, c.template_code, c.template_version,
               coalesce(v.failed, false) AS failed
          FROM ref.candidate AS c
          LEFT JOIN ref.value AS v
            ON v.run_id = c.run_id AND v.kind = 'condition' AND v.expr = c.condition_expr AND v.txn_id = c.txn_id
         WHERE c.run_id = p_run_id AND (c.condition_expr IS NULL OR v.failed OR v.truth)
         ORDER BY c.txn_id, c.basis, c.rank)
    INSERT INTO ref.decision
    SELECT p_run_id, x.txn_id, x.basis,
           CASE WHEN x.refusal IS NULL THEN h.template_code END,
           CASE WHEN x.refusal IS NULL THEN h.template_version END,
           CASE WHEN x.refusal IS NOT NULL THEN x.refusal
                WHEN h.failed THEN 'CONDITION_ERROR'
                WHEN h.template_code IS NULL THEN 'NO_TEMPLATE'
                WHEN t.template_type = 'IGNORE' THEN 'IGNORED' END
      FROM ref.txn AS x
      LEFT JOIN hit AS h ON h.txn_id = x.txn_id AND h.basis = x.basis
      LEFT JOIN acct.journal_template AS t ON t.template_code = h.template_code AND t.version = h.template_version
     WHERE x.run_id = p_run_id
       -- A basis that need not take every transaction leaves alone what no template is for.
       AND (x.every_transaction
            OR CASE WHEN x.refusal IS NULL THEN h.template_code IS NOT NULL
                    ELSE EXISTS (SELECT FROM ref.candidate AS c
                                  WHERE c.run_id = p_run_id AND c.txn_id = x.txn_id AND c.basis = x.basis) END);

    INSERT INTO ref.ignored
    SELECT p_run_id, d.txn_id, d.basis FROM ref.decision AS d WHERE d.run_id = p_run_id AND d.reason = 'IGNORED';

    INSERT INTO ref.exception
    SELECT p_run_id, d.txn_id, d.basis, d.reason, d.template_code, d.template_version, NULL
      FROM ref.decision AS d WHERE d.run_id = p_run_id AND d.reason <> 'IGNORED'
$$;

CREATE FUNCTION ref.amount_problem(p_amount numeric, p_policy text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_amount = 'NaN' OR abs(p_amount) >= 10000000000000000 THEN 'AMOUNT_RANGE'
                WHEN p_amount < 0 AND p_policy = 'reject' THEN 'NEGATIVE_AMOUNT' END
$$;

CREATE FUNCTION ref.draft_lines(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    SELECT ref.evaluate(p_run_id, e.txn_month, e.kind, e.expr, e.txns)
      FROM (SELECT k.kind, k.expr, x.txn_month, array_agg(DISTINCT d.txn_id) AS txns
              FROM ref.decision AS d
              JOIN ref.txn AS x ON x.run_id = d.run_id AND x.txn_id = d.txn_id AND x.basis = d.basis
              JOIN acct.journal_template_line AS l ON l.template_code = d.template_code AND l.version = d.template_version
             CROSS JOIN LATERAL (VALUES ('condition', l.condition_expr), ('amount', l.amount_expr)) AS k (kind, expr)
             WHERE d.run_id = p_run_id AND d.reason IS NULL AND k.expr IS NOT NULL
             GROUP BY k.kind, k.expr, x.txn_month) AS e;

    INSERT INTO ref.draft
    WITH valued AS (
        SELECT d.txn_id, d.basis, l.*, t.negative_policy, c.failed AS condition_failed, a.failed AS amount_failed,
               round(a.amount, y.minor_units) AS amount
          FROM ref.decision AS d
          JOIN ref.txn AS x ON x.run_id = d.run_id AND x.txn_id = d.txn_id AND x.basis = d.basis
          JOIN acct.currency AS y ON y.currency = x.currency
          JOIN acct.journal_template AS t ON t.template_code = d.template_code AND t.version = d.template_version
          JOIN acct.journal_template_line AS l ON l.template_code = t.template_code AND l.version = t.version
          LEFT JOIN ref.value AS c
            ON c.run_id = p_run_id AND c.kind = 'condition' AND c.expr = l.condition_expr AND c.txn_id = d.txn_id
          JOIN ref.value AS a
            ON a.run_id = p_run_id AND a.kind = 'amount' AND a.expr = l.amount_expr AND a.txn_id = d.txn_id
         WHERE d.run_id = p_run_id AND d.reason IS NULL AND NOT l.is_balancing
           AND (l.condition_expr IS NULL OR c.failed OR c.truth))
    SELECT p_run_id, v.txn_id, v.basis, v.template_code, v.version, v.line_no, false, v.dr_cr, v.account_code, v.fund,
           v.amount,
           CASE WHEN v.condition_failed THEN 'CONDITION_ERROR'
                WHEN v.amount_failed THEN 'AMOUNT_ERROR'
                WHEN v.amount IS NULL THEN 'AMOUNT_NULL'
                ELSE ref.amount_problem(v.amount, v.negative_policy) END
      FROM valued AS v;

    -- What is left of each fund; a negative amount on one side is the same amount on the other.
    INSERT INTO ref.draft
    SELECT p_run_id, d.txn_id, d.basis, l.template_code, l.version, l.line_no, true, l.dr_cr, l.account_code, l.fund,
           r.amount, ref.amount_problem(r.amount, t.negative_policy)
      FROM ref.decision AS d
      JOIN acct.journal_template AS t ON t.template_code = d.template_code AND t.version = d.template_version
      JOIN acct.journal_template_line AS l ON l.template_code = t.template_code AND l.version = t.version
     CROSS JOIN LATERAL (SELECT coalesce(sum(CASE o.dr_cr WHEN l.dr_cr THEN -o.amount ELSE o.amount END), 0) AS amount
                           FROM ref.draft AS o
                          WHERE o.run_id = p_run_id AND o.txn_id = d.txn_id AND o.basis = d.basis AND o.fund = l.fund) AS r
     WHERE d.run_id = p_run_id AND d.reason IS NULL AND l.is_balancing
       AND NOT EXISTS (SELECT FROM ref.draft AS o
                        WHERE o.run_id = p_run_id AND o.txn_id = d.txn_id AND o.basis = d.basis AND o.problem IS NOT NULL);

    INSERT INTO ref.exception
    SELECT DISTINCT ON (o.txn_id, o.basis) p_run_id, o.txn_id, o.basis, o.problem, o.template_code, o.template_version, o.line_no
      FROM ref.draft AS o
     WHERE o.run_id = p_run_id AND o.problem IS NOT NULL
     ORDER BY o.txn_id, o.basis, o.is_balancing, o.line_no
$$;

CREATE FUNCTION ref.map_lines(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.line
    SELECT p_run_id, o.txn_id, o.basis, o.line_no, k.account_code, k.fund,
           CASE WHEN (o.dr_cr = 'DR') = (o.amount >= 0) THEN abs(o.amount) ELSE 0 END,
           CASE WHEN (o.dr_cr = 'DR') = (o.amount >= 0) THEN 0 ELSE abs(o.amount) END,
           EXISTS (SELECT FROM acct.chart_of_accounts AS a
                    WHERE a.account_code = k.account_code AND a.is_postable
                      AND a.effective_from <= x.value_date
                      AND (a.effective_to IS NULL OR x.value_date < a.effective_to)
                      AND (a.fund IS NULL OR a.fund = k.fund))
           AND EXISTS (SELECT FROM acct.fund AS f WHERE f.fund = k.fund)
      FROM ref.draft AS o
      JOIN ref.txn AS x ON x.run_id = o.run_id AND x.txn_id = o.txn_id AND x.basis = o.basis
      JOIN acct.journal_template AS t ON t.template_code = o.template_code AND t.version = o.template_version
      LEFT JOIN LATERAL (SELECT m.mapped_account_code, m.mapped_fund
                           FROM acct.product_account_map AS m
                          WHERE m.product_code = x.product_code AND (m.channel = x.channel OR m.channel IS NULL)
                            AND m.account_code = o.account_code AND m.fund = o.fund
                            AND m.effective_from <= x.value_date
                            AND (m.effective_to IS NULL OR x.value_date < m.effective_to)
                          ORDER BY m.channel IS NULL, m.effective_from DESC
                          LIMIT 1) AS m ON true
     CROSS JOIN LATERAL (SELECT coalesce(m.mapped_account_code, o.account_code) AS account_code,
                                coalesce(m.mapped_fund, o.fund) AS fund) AS k
     WHERE o.run_id = p_run_id AND (o.amount <> 0 OR NOT t.skip_zero_lines)
       AND NOT EXISTS (SELECT FROM ref.exception AS e
                        WHERE e.run_id = p_run_id AND e.txn_id = o.txn_id AND e.basis = o.basis);

    INSERT INTO ref.exception
    SELECT DISTINCT ON (l.txn_id, l.basis) p_run_id, l.txn_id, l.basis, 'UNKNOWN_ACCOUNT', d.template_code, d.template_version, l.line_no
      FROM ref.line AS l
      JOIN ref.decision AS d ON d.run_id = l.run_id AND d.txn_id = l.txn_id AND d.basis = l.basis
     WHERE l.run_id = p_run_id AND NOT l.valid
     ORDER BY l.txn_id, l.basis, l.line_no
$$;

-- The columns of a staging table that the source has under the same name.
CREATE FUNCTION ref.carried_columns(p_table regclass) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT array_agg(s.attname::text ORDER BY s.attname)
      FROM pg_attribute AS s
      JOIN pg_attribute AS t ON t.attname = s.attname AND t.attrelid = p_table AND t.attnum > 0 AND NOT t.attisdropped
     WHERE s.attrelid = 'acct.txn_source_parent'::regclass AND s.attnum > 0 AND NOT s.attisdropped
$$;

CREATE FUNCTION ref.only(p_row jsonb, p_keys text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(k, p_row -> k) FROM unnest(p_keys) AS k
$$;

CREATE FUNCTION ref.finish_journals(p_run_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.exception
    WITH fund_sum AS (
        SELECT l.txn_id, l.basis, l.fund, sum(l.debit) AS debit, sum(l.credit) AS credit
          FROM ref.line AS l WHERE l.run_id = p_run_id GROUP BY l.txn_id, l.basis, l.fund),
    journal AS (
        SELECT f.txn_id, f.basis, sum(f.debit) AS debit, sum(f.credit) AS credit,
               bool_and(f.debit = f.credit) AS funds_balance
          FROM fund_sum AS f GROUP BY f.txn_id, f.basis)
    SELECT p_run_id, d.txn_id, d.basis, r.reason, d.template_code, d.template_version, NULL
      FROM ref.decision AS d
      JOIN acct.journal_template AS t ON t.template_code = d.template_code AND t.version = d.template_version
      LEFT JOIN journal AS j ON j.txn_id = d.txn_id AND j.basis = d.basis
     CROSS JOIN LATERAL (SELECT CASE WHEN j.txn_id IS NULL THEN 'NO_LINES'
                                     WHEN greatest(j.debit, j.credit) >= 10000000000000000 THEN 'AMOUNT_RANGE'
                                     WHEN t.require_balanced AND j.debit <> j.credit THEN 'UNBALANCED'
                                     WHEN t.balance_by_fund AND NOT j.funds_balance THEN 'UNBALANCED_FUND'
                                END AS reason) AS r
     WHERE d.run_id = p_run_id AND d.reason IS NULL AND r.reason IS NOT NULL
       AND NOT EXISTS (SELECT FROM ref.exception AS e
                        WHERE e.run_id = p_run_id AND e.txn_id = d.txn_id AND e.basis = d.basis);

    DELETE FROM ref.line AS l USING ref.exception AS e
     WHERE l.run_id = p_run_id AND e.run_id = p_run_id AND e.txn_id = l.txn_id AND e.basis = l.basis;

    WITH k AS (SELECT ref.carried_columns('acct.je_line_staging') AS keys)
    UPDATE ref.line AS l SET carried = ref.only(to_jsonb(s), k.keys)
      FROM k, ref.txn AS x, acct.txn_source_parent AS s
     WHERE l.run_id = p_run_id AND x.run_id = p_run_id AND x.txn_id = l.txn_id AND x.basis = l.basis
       AND s.txn_id = x.txn_id AND s.txn_month = x.txn_month;

    INSERT INTO ref.header
    SELECT p_run_id, x.txn_id, x.txn_month, x.basis, d.template_code, d.template_version, x.je_date,
           CASE WHEN x.je_date <> x.value_date THEN x.value_date END, x.entity_code, x.currency,
           j.debit, j.credit, j.line_count, ref.only(to_jsonb(s), k.keys)
      FROM (SELECT ref.carried_columns('acct.je_header_staging') AS keys) AS k,
           (SELECT l.txn_id, l.basis, sum(l.debit) AS debit, sum(l.credit) AS credit, count(*) AS line_count
              FROM ref.line AS l WHERE l.run_id = p_run_id GROUP BY l.txn_id, l.basis) AS j
      JOIN ref.txn AS x ON x.run_id = p_run_id AND x.txn_id = j.txn_id AND x.basis = j.basis
      JOIN ref.decision AS d ON d.run_id = p_run_id AND d.txn_id = j.txn_id AND d.basis = j.basis
      JOIN acct.txn_source_parent AS s ON s.txn_id = x.txn_id AND s.txn_month = x.txn_month
$$;

-- Forgets what is known of a run and expands it afresh, by the policy as it stands.
CREATE FUNCTION ref.expand(p_run_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['txn', 'candidate', 'value', 'decision', 'draft', 'header', 'line', 'exception', 'ignored'] LOOP
        EXECUTE format('DELETE FROM ref.%I WHERE run_id = %s', t, p_run_id);
    END LOOP;
    PERFORM ref.take(p_run_id);
    PERFORM ref.find_candidates(p_run_id);
    PERFORM ref.decide(p_run_id);
    PERFORM ref.draft_lines(p_run_id);
    PERFORM ref.map_lines(p_run_id);
    -- Without statistics the planner adds the lines up anew for each decision.
    ANALYZE ref.txn, ref.decision, ref.line, ref.exception;
    PERFORM ref.finish_journals(p_run_id);
END
$$;

-- Comparisons

-- The rows that only one of two queries returns.
CREATE FUNCTION ref.differences(p_what text, p_expected text, p_actual text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH expected AS MATERIALIZED (%2$s), actual AS MATERIALIZED (%3$s) '
        'SELECT %1$L || '' only in the '' || d.side || '': '' || d.row::text '
        '  FROM (SELECT ''reference'' AS side, to_jsonb(x) AS row FROM (TABLE expected EXCEPT ALL TABLE actual) AS x '
        '        UNION ALL '
        '        SELECT ''engine'', to_jsonb(x) FROM (TABLE actual EXCEPT ALL TABLE expected) AS x) AS d '
        ' ORDER BY d.row -> ''txn_id'', d.row ->> ''basis'', d.row -> ''line_no'', d.side DESC',
        p_what, p_expected, p_actual);
END
$$;

CREATE FUNCTION ref.compare_journals(p_run_id bigint, p_header text, p_line text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT ref.differences('header',
        format('SELECT txn_id, txn_month, basis::text, template_code::text, template_version, je_date, original_date, '
               'entity_code::text, currency::text, total_debit, total_credit, line_count::bigint, carried, NULL::bigint AS reversal_of '
               'FROM ref.header WHERE run_id = %s', p_run_id),
        format('SELECT txn_id, txn_month, basis::text, template_code::text, template_version, je_date, original_date, '
               'entity_code::text, currency::text, total_debit::numeric, total_credit::numeric, line_count::bigint, '
               'ref.only(to_jsonb(h), ref.carried_columns(''acct.je_header_staging'')) AS carried, reversal_of '
               'FROM %s AS h WHERE run_id = %s', p_header, p_run_id));
    RETURN QUERY SELECT ref.differences('line',
        format('SELECT l.txn_id, l.basis::text, l.line_no, l.account_code::text, l.fund::text, l.debit, l.credit, h.je_date, '
               'h.entity_code::text, h.currency::text, l.carried '
               'FROM ref.line AS l JOIN ref.header AS h ON h.run_id = l.run_id AND h.txn_id = l.txn_id AND h.basis = l.basis '
               'WHERE l.run_id = %s', p_run_id),
        format('SELECT h.txn_id, h.basis::text, l.line_no, l.account_code::text, l.fund::text, l.debit::numeric, '
               'l.credit::numeric, l.je_date, l.entity_code::text, l.currency::text, '
               'ref.only(to_jsonb(l), ref.carried_columns(''acct.je_line_staging'')) AS carried '
               'FROM %s AS l LEFT JOIN %s AS h ON h.je_id = l.je_id AND h.run_id = l.run_id AND h.txn_id = l.txn_id '
               'AND h.basis = l.basis AND h.je_date = l.je_date WHERE l.run_id = %s', p_line, p_header, p_run_id));
    RETURN QUERY EXECUTE format('SELECT ''je_id given twice: '' || je_id FROM %s GROUP BY je_id HAVING count(*) > 1', p_header);
END
$$;

-- What acct.journal_run says of a run.
CREATE FUNCTION ref.compare_counts(p_run_id bigint) RETURNS SETOF text
LANGUAGE sql AS $$
    WITH e AS (
        SELECT (SELECT count(DISTINCT (x.txn_id, x.txn_month)) FROM ref.txn AS x WHERE x.run_id = p_run_id) AS transactions,
               (SELECT count(*) FROM ref.header AS h WHERE h.run_id = p_run_id) AS journals,
               (SELECT count(*) FROM ref.line AS l WHERE l.run_id = p_run_id) AS lines,
               (SELECT count(*) FROM ref.exception AS x WHERE x.run_id = p_run_id) AS exceptions,
               (SELECT count(*) FROM ref.ignored AS i WHERE i.run_id = p_run_id) AS ignored,
               (SELECT count(*) FROM ref.header AS h
                 WHERE h.run_id = p_run_id AND h.total_debit <> h.total_credit) AS unbalanced_journals,
               (SELECT trim_scale(coalesce(sum(l.debit), 0)) FROM ref.line AS l WHERE l.run_id = p_run_id) AS debit,
               (SELECT trim_scale(coalesce(sum(l.credit), 0)) FROM ref.line AS l WHERE l.run_id = p_run_id) AS credit),
    a AS (
        SELECT r.transactions, r.journals, r.lines, r.exceptions, r.ignored, r.unbalanced_journals,
               trim_scale(r.debit) AS debit, trim_scale(r.credit) AS credit
          FROM acct.journal_run AS r WHERE r.run_id = p_run_id),
    g AS (
        SELECT coalesce(sum(l.rows), 0) AS transactions,
               coalesce(sum((l.detail ->> 'journals')::bigint), 0) AS journals,
               coalesce(sum((l.detail ->> 'lines')::bigint), 0) AS lines,
               coalesce(sum((l.detail ->> 'exceptions')::bigint), 0) AS exceptions,
               coalesce(sum((l.detail ->> 'ignored')::bigint), 0) AS ignored,
               trim_scale(coalesce(sum((l.detail ->> 'debit')::numeric), 0)) AS debit,
               trim_scale(coalesce(sum((l.detail ->> 'credit')::numeric), 0)) AS credit
          FROM acct.run_log AS l WHERE l.run_id = p_run_id AND l.step = 'expand'),
    b AS (
        SELECT k.basis, k.what,
               CASE k.what
                   WHEN 'journals' THEN (SELECT count(*) FROM ref.header AS h WHERE h.run_id = p_run_id AND h.basis = k.basis)
                   WHEN 'exceptions' THEN (SELECT count(*) FROM ref.exception AS x WHERE x.run_id = p_run_id AND x.basis = k.basis)
                   ELSE (SELECT count(*) FROM ref.ignored AS i WHERE i.run_id = p_run_id AND i.basis = k.basis)
               END AS expected,
               coalesce((r.basis_counts #>> ARRAY[k.basis, k.what])::bigint, 0) AS actual
          FROM acct.journal_run AS r,
               LATERAL (SELECT u.basis, w.what FROM unnest(r.bases) AS u (basis),
                               (VALUES ('journals'), ('exceptions'), ('ignored')) AS w (what)) AS k
         WHERE r.run_id = p_run_id)
    SELECT format('counts of the run: reference %s, engine %s', to_jsonb(e), to_jsonb(a)) FROM e, a
     WHERE to_jsonb(e) <> to_jsonb(a)
    UNION ALL
    SELECT format('counts of expand_journals: reference %s, engine %s', to_jsonb(e) - 'unbalanced_journals', to_jsonb(g)) FROM e, g
     WHERE to_jsonb(e) - 'unbalanced_journals' <> to_jsonb(g)
    UNION ALL
    SELECT format('%s of basis %s: reference %s, engine %s', b.what, b.basis, b.expected, b.actual) FROM b
     WHERE b.expected <> b.actual
$$;

CREATE FUNCTION ref.compare(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    run acct.journal_run;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.status = 'expanded' THEN
        RETURN QUERY SELECT ref.compare_journals(p_run_id, 'acct.je_header_staging', 'acct.je_line_staging');
    ELSIF run.status = 'posted' THEN
        RETURN QUERY SELECT ref.compare_journals(p_run_id, 'acct.ledger_entry_header', 'acct.ledger_entry_line');
    ELSE
        RETURN NEXT format('run %s is %s: there is nothing to compare', p_run_id, coalesce(run.status, 'not there'));
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.differences('exception',
        format('SELECT x.txn_id, t.txn_month, x.basis::text, x.reason::text, x.template_code::text, x.template_version, x.line_no '
               'FROM ref.exception AS x JOIN ref.txn AS t ON t.run_id = x.run_id AND t.txn_id = x.txn_id AND t.basis = x.basis '
               'WHERE x.run_id = %s', p_run_id),
        format('SELECT txn_id, txn_month, basis::text, reason::text, template_code::text, template_version, line_no '
               'FROM acct.je_exception WHERE run_id = %s AND voided_at IS NULL', p_run_id));
    RETURN QUERY SELECT ref.compare_counts(p_run_id);
    RETURN QUERY SELECT ref.differences('total of an account',
        format('SELECT h.entity_code::text, h.basis::text, date_trunc(''month'', h.je_date::timestamp)::date AS je_month, '
               'l.fund::text, l.account_code::text, h.currency::text, sum(l.debit) AS debit, sum(l.credit) AS credit, '
               'count(*) AS line_count FROM ref.line AS l '
               'JOIN ref.header AS h ON h.run_id = l.run_id AND h.txn_id = l.txn_id AND h.basis = l.basis '
               'WHERE l.run_id = %s GROUP BY 1, 2, 3, 4, 5, 6', p_run_id),
        format('SELECT entity_code::text, basis::text, je_month, fund::text, account_code::text, currency::text, debit, credit, '
               'line_count FROM acct.journal_run_total WHERE run_id = %s', p_run_id));
    IF run.status = 'expanded' THEN
        RETURN QUERY SELECT 'the digest of staging is not the one that expand recorded'
                      WHERE acct.run_digest(p_run_id, 'staging') IS DISTINCT FROM run.digest;
    END IF;
END
$$;

-- The whole of the ledger: snapshot and trial balance of every month against the lines, and the journal numbers.
CREATE FUNCTION ref.compare_books(p_trial_balance boolean DEFAULT true) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    -- A row for each account and month of a book, from the book's first month to its last, with lines or a balance.
    balances CONSTANT text := $q$
        WITH month_sum AS (
            SELECT l.entity_code, l.basis, date_trunc('month', l.je_date::timestamp)::date AS month, l.fund, l.account_code,
                   l.currency, sum(l.debit) AS debit, sum(l.credit) AS credit, count(*) AS line_count
              FROM acct.ledger_entry_line AS l GROUP BY 1, 2, 3, 4, 5, 6),
        book AS (
            SELECT entity_code, basis, min(month) AS first_month, max(month) AS last_month
              FROM month_sum GROUP BY entity_code, basis),
        cell AS (
            SELECT DISTINCT s.entity_code, s.basis, g::date AS month, s.fund, s.account_code, s.currency, b.last_month
              FROM month_sum AS s
              JOIN book AS b ON b.entity_code = s.entity_code AND b.basis = s.basis
             CROSS JOIN LATERAL generate_series(b.first_month::timestamp, b.last_month + interval '2 months', '1 month') AS g),
        balance AS (
            SELECT c.*,
                   coalesce(sum(s.debit - s.credit) FILTER (WHERE s.month < c.month), 0) AS opening,
                   coalesce(sum(s.debit) FILTER (WHERE s.month = c.month), 0) AS debit,
                   coalesce(sum(s.credit) FILTER (WHERE s.month = c.month), 0) AS credit,
                   coalesce(sum(s.line_count) FILTER (WHERE s.month = c.month), 0)::bigint AS line_count
              FROM cell AS c
              JOIN month_sum AS s
                ON (s.entity_code, s.basis, s.fund, s.account_code, s.currency)
                 = (c.entity_code, c.basis, c.fund, c.account_code, c.currency)
             GROUP BY c.entity_code, c.basis, c.month, c.fund, c.account_code, c.currency, c.last_month)
        SELECT b.entity_code::text, b.basis::text, b.month, b.fund::text, b.account_code::text, b.currency::text,
               b.opening, b.debit, b.credit, b.opening + b.debit - b.credit AS closing, b.line_count, b.month > b.last_month AS later
          FROM balance AS b
         WHERE b.line_count > 0 OR b.opening <> 0
    $q$;
    months CONSTANT text := $q$
        SELECT DISTINCT g::date AS month
          FROM (SELECT min(l.je_date) AS a, max(l.je_date) AS z FROM acct.ledger_entry_line AS l) AS r,
               generate_series(date_trunc('month', r.a::timestamp), date_trunc('month', r.z::timestamp) + interval '2 months', '1 month') AS g
    $q$;
BEGIN
    EXECUTE 'CREATE TEMPORARY TABLE ref_balance AS ' || balances;
    RETURN QUERY SELECT ref.differences('balance',
        'SELECT entity_code, basis, month, fund, account_code, currency, opening, debit, credit, closing, line_count '
        'FROM pg_temp.ref_balance WHERE NOT later',
        'SELECT entity_code::text, basis::text, snapshot_month, fund::text, account_code::text, currency::text, opening_balance, '
        'period_debit, period_credit, closing_balance, line_count FROM acct.account_balance_snapshot');
    -- A book's month after its last posted one shows its closing balances, however many months later.
    RETURN QUERY SELECT ref.differences('trial balance',
        'WITH m AS (' || months || '), last AS (SELECT entity_code, basis, max(month) AS month FROM pg_temp.ref_balance '
        'WHERE NOT later GROUP BY 1, 2) '
        'SELECT b.entity_code, b.basis, b.month, b.fund, b.account_code, b.currency, b.opening, b.debit, b.credit, b.closing '
        'FROM pg_temp.ref_balance AS b JOIN m ON m.month = b.month WHERE NOT b.later '
        'UNION ALL '
        'SELECT b.entity_code, b.basis, m.month, b.fund, b.account_code, b.currency, b.closing, 0, 0, b.closing '
        'FROM pg_temp.ref_balance AS b JOIN last AS l ON l.entity_code = b.entity_code AND l.basis = b.basis AND l.month = b.month '
        'JOIN m ON m.month > l.month WHERE b.closing <> 0',
        'SELECT t.entity_code::text, b.basis::text, m.month, t.fund::text, t.account_code::text, t.currency::text, '
        't.opening_balance, t.period_debit, t.period_credit, t.closing_balance '
        'FROM (' || months || ') AS m CROSS JOIN acct.accounting_basis AS b '
        'CROSS JOIN LATERAL acct.trial_balance(m.month, NULL, b.basis) AS t')
     WHERE p_trial_balance;
    DROP TABLE pg_temp.ref_balance;
    IF p_trial_balance THEN
        RETURN QUERY SELECT d FROM ref.compare_reports() AS d;
    END IF;
    RETURN QUERY
    SELECT format('journal numbers of %s %s %s: %s journals, numbers %s to %s, %s different, %s after a number, counter %s',
                  h.entity_code, h.basis, h.month, h.journals, h.low, h.high, h.numbers, h.texts, n.last_number)
      FROM (SELECT x.entity_code, x.basis, date_trunc('month', x.je_date::timestamp)::date AS month, count(*) AS journals,
                   min(right(x.je_number, 9)::bigint) AS low, max(right(x.je_number, 9)::bigint) AS high,
                   count(DISTINCT right(x.je_number, 9)) AS numbers, count(DISTINCT x.je_number) AS texts
              FROM acct.ledger_entry_header AS x GROUP BY 1, 2, 3) AS h
      LEFT JOIN acct.journal_number AS n
        ON n.entity_code = h.entity_code AND n.basis = h.basis AND n.period_month = h.month
     WHERE (h.low, h.high, h.numbers, h.texts, n.last_number)
           IS DISTINCT FROM (1::bigint, h.journals, h.journals, h.journals, h.journals);
    RETURN QUERY
    SELECT format('journal number %s is given %s times in %s %s', h.je_number, count(*), h.entity_code, h.basis)
      FROM acct.ledger_entry_header AS h
     GROUP BY h.entity_code, h.basis, h.je_number HAVING count(*) > 1;
END
$$;

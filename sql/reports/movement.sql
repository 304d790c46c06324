-- What moved the balances of a month, by kind of journal. Balances and totals of runs are read, and no line.

CREATE FUNCTION acct._movement(p_month date, p_entity text, p_basis text, p_fund text, p_closing boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text, debit numeric, credit numeric,
               amount numeric, line_count bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, p_fund);
    RETURN QUERY
    WITH balance AS MATERIALIZED (
        SELECT b.entity_code, b.fund, b.account_code, b.currency, b.opening_balance, b.period_debit - coalesce(c.debit, 0) AS period_debit,
               b.period_credit - coalesce(c.credit, 0) AS period_credit, b.line_count - coalesce(c.line_count, 0) AS line_count
          FROM acct._month_balances(p_month, p_entity, p_basis, p_fund) AS b
          LEFT JOIN (SELECT t.* FROM acct._closing_totals(p_month, NULL, p_entity, p_basis, p_fund) AS t WHERE NOT p_closing) AS c
            USING (entity_code, fund, account_code, currency)
         -- What only closing entries moved had no balance before them.
         WHERE c.line_count IS NULL OR b.line_count <> c.line_count OR b.opening_balance <> 0),
    moved AS MATERIALIZED (
        SELECT t.entity_code, t.fund, t.account_code, t.currency, r.kind, sum(t.debit) AS debit, sum(t.credit) AS credit, sum(t.line_count) AS line_count
          FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id
         WHERE t.je_month = p_month AND t.basis = p_basis AND acct._is_posted(r.status)
           AND (p_entity IS NULL OR t.entity_code = p_entity)
           AND (p_fund IS NULL OR t.fund = p_fund)
           AND (p_closing OR r.run_id NOT IN (SELECT c FROM acct._closing_runs(p_month) AS c))
         GROUP BY 1, 2, 3, 4, 5),
    unexplained AS (
        SELECT entity_code, fund, account_code, currency, coalesce(b.period_debit, 0) - coalesce(m.debit, 0) AS debit,
               coalesce(b.period_credit, 0) - coalesce(m.credit, 0) AS credit, coalesce(b.line_count, 0) - coalesce(m.line_count, 0) AS line_count
          FROM balance AS b
          FULL JOIN (SELECT x.entity_code, x.fund, x.account_code, x.currency, sum(x.debit) AS debit, sum(x.credit) AS credit, sum(x.line_count) AS line_count
                       FROM moved AS x GROUP BY 1, 2, 3, 4) AS m USING (entity_code, fund, account_code, currency)),
    report AS (
        SELECT 0 AS rank, b.entity_code, b.fund, b.account_code, b.currency, 'opening balance' AS item, NULL::numeric AS debit, NULL::numeric AS credit,
               b.opening_balance AS amount, NULL::numeric AS line_count
          FROM balance AS b
        UNION ALL
        SELECT 1, m.entity_code, m.fund, m.account_code, m.currency, m.kind, m.debit, m.credit, m.debit - m.credit, m.line_count FROM moved AS m
        UNION ALL
        SELECT 2, u.entity_code, u.fund, u.account_code, u.currency, 'unexplained', u.debit, u.credit, u.debit - u.credit, u.line_count
          FROM unexplained AS u WHERE u.debit <> 0 OR u.credit <> 0 OR u.line_count <> 0
        UNION ALL
        SELECT 3, b.entity_code, b.fund, b.account_code, b.currency, 'closing balance', NULL, NULL, b.opening_balance + b.period_debit - b.period_credit, NULL
          FROM balance AS b)
    SELECT r.entity_code, r.fund, r.account_code, a.description, a.account_type, r.currency, r.item, r.debit, r.credit, r.amount, r.line_count::bigint
      FROM report AS r
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = r.account_code
     ORDER BY r.entity_code, r.fund, r.account_code, r.currency, r.rank,
              array_position(ARRAY['opening', 'transaction', 'manual', 'correction', 'reversal', 'closing'], r.item), r.item;
END
$$;
COMMENT ON FUNCTION acct._movement(date, text, text, text, boolean) IS 'The work of movement().';

CREATE FUNCTION acct.movement(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text, debit numeric, credit numeric,
               amount numeric, line_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT m.* FROM acct._movement($1, $2, $3, $4, coalesce($5, true)) AS m
$$;
COMMENT ON FUNCTION acct.movement(date, text, text, text, boolean) IS
'What moved the balances of a month: for each entity, fund, account and currency its opening balance, the turnover of each kind of journal, what no run explains, and its closing balance; closing => false leaves out the closing entries of a year that ends in the month, and their reversals. Raises 22023 where the date is no month, or the entity, basis or fund does not exist.';

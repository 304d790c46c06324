-- What moved the balances of a month, by kind of journal. Balances and totals of runs are read, and no line. Totals of runs do not know templates:
-- who asks for these has the month's headers and lines read.

CREATE FUNCTION acct._moved_by_template(p_month date, p_entity text, p_basis text, p_fund text, p_closing boolean, p_templates boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, kind text, template_code text, debit numeric, credit numeric, line_count bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    line_columns CONSTANT text[] := '{je_id,run_id,entity_code,fund,account_code,currency,debit,credit}'::text[];
    header_columns CONSTANT text[] := '{je_id,journal_type,template_code}'::text[];
    left_out CONSTANT bigint[] := ARRAY(SELECT c FROM acct._closing_runs(p_month) AS c WHERE NOT p_closing);
    lines regclass;
    headers regclass;
BEGIN
    IF NOT p_templates THEN
        RETURN;
    END IF;
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    IF NOT EXISTS (SELECT FROM acct._month_balances(p_month, p_entity, p_basis, p_fund) AS b WHERE b.line_count > 0) THEN
        RETURN;
    END IF;
    lines := acct._report_table('ledger_entry_line', p_month);
    headers := acct._report_table('ledger_entry_header', p_month);
    RETURN QUERY EXECUTE format($q$
        SELECT l.entity_code COLLATE "C", l.fund COLLATE "C", l.account_code COLLATE "C", l.currency COLLATE "C", h.journal_type COLLATE "C", h.template_code COLLATE "C",
               sum(l.debit), sum(l.credit), count(*)
          FROM (SELECT %s FROM %s AS x WHERE x.basis = $1 AND ($2 IS NULL OR x.entity_code = $2) AND ($3 IS NULL OR x.fund = $3) AND x.run_id <> ALL ($4)) AS l
          JOIN (SELECT %s FROM %s AS x WHERE x.basis = $1 AND ($2 IS NULL OR x.entity_code = $2)) AS h ON h.je_id = l.je_id
         GROUP BY 1, 2, 3, 4, 5, 6$q$,
        acct._column_list(lines, line_columns), lines, acct._column_list(headers, header_columns), headers)
      USING p_basis, p_entity, p_fund, left_out;
END
$$;
COMMENT ON FUNCTION acct._moved_by_template(date, text, text, text, boolean, boolean) IS
'Sums of the lines of a month, by account, kind of journal and, where that is asked for, template; of archived months, too.';

CREATE FUNCTION acct._movement(p_month date, p_entity text, p_basis text, p_fund text, p_closing boolean, p_templates boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text, template_code text, debit numeric,
               credit numeric, amount numeric, line_count bigint)
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
        SELECT t.entity_code, t.fund, t.account_code, t.currency, r.kind, NULL::text AS template_code, sum(t.debit) AS debit, sum(t.credit) AS credit, sum(t.line_count) AS line_count
          FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id
         WHERE NOT p_templates AND t.je_month = p_month AND t.basis = p_basis AND acct._is_posted(r.status)
           AND (p_entity IS NULL OR t.entity_code = p_entity)
           AND (p_fund IS NULL OR t.fund = p_fund)
           AND (p_closing OR r.run_id NOT IN (SELECT c FROM acct._closing_runs(p_month) AS c))
         GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT t.* FROM acct._moved_by_template(p_month, p_entity, p_basis, p_fund, p_closing, p_templates) AS t),
    unexplained AS (
        SELECT entity_code, fund, account_code, currency, coalesce(b.period_debit, 0) - coalesce(m.debit, 0) AS debit,
               coalesce(b.period_credit, 0) - coalesce(m.credit, 0) AS credit, coalesce(b.line_count, 0) - coalesce(m.line_count, 0) AS line_count
          FROM balance AS b
          FULL JOIN (SELECT x.entity_code, x.fund, x.account_code, x.currency, sum(x.debit) AS debit, sum(x.credit) AS credit, sum(x.line_count) AS line_count
                       FROM moved AS x GROUP BY 1, 2, 3, 4) AS m USING (entity_code, fund, account_code, currency)),
    report AS (
        SELECT 0 AS rank, b.entity_code, b.fund, b.account_code, b.currency, 'opening balance' AS item, NULL::text AS template_code, NULL::numeric AS debit, NULL::numeric AS credit,
               b.opening_balance AS amount, NULL::numeric AS line_count
          FROM balance AS b
        UNION ALL
        SELECT 1, m.entity_code, m.fund, m.account_code, m.currency, m.kind, m.template_code, m.debit, m.credit, m.debit - m.credit, m.line_count FROM moved AS m
        UNION ALL
        SELECT 2, u.entity_code, u.fund, u.account_code, u.currency, 'unexplained', NULL, u.debit, u.credit, u.debit - u.credit, u.line_count
          FROM unexplained AS u WHERE u.debit <> 0 OR u.credit <> 0 OR u.line_count <> 0
        UNION ALL
        SELECT 3, b.entity_code, b.fund, b.account_code, b.currency, 'closing balance', NULL, NULL, NULL, b.opening_balance + b.period_debit - b.period_credit, NULL
          FROM balance AS b)
    SELECT r.entity_code, r.fund, r.account_code, a.description, a.account_type, r.currency, r.item, r.template_code, r.debit, r.credit, r.amount, r.line_count::bigint
      FROM report AS r
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = r.account_code
     ORDER BY r.entity_code, r.fund, r.account_code, r.currency, r.rank,
              array_position(ARRAY['opening', 'transaction', 'manual', 'correction', 'reversal', 'closing'], r.item), r.item, r.template_code;
END
$$;
COMMENT ON FUNCTION acct._movement(date, text, text, text, boolean, boolean) IS 'The work of movement().';

CREATE FUNCTION acct.movement(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true,
                              templates boolean DEFAULT false)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text, template_code text, debit numeric,
               credit numeric, amount numeric, line_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT m.* FROM acct._movement($1, $2, $3, $4, coalesce($5, true), coalesce($6, false)) AS m
$$;
COMMENT ON FUNCTION acct.movement(date, text, text, text, boolean, boolean) IS
'Movements of the balances of a month: for each entity, fund, account and currency its opening balance, the turnover of each kind of journal (with templates => true, of each template), the amount that no run explains, and its closing balance. Raises 22023 where the date is no month, or the entity, basis or fund does not exist, and by template 40001 (the month was archived since the transaction took its snapshot), 55000 (it was dropped), LE010 (a partition of it is detached).';

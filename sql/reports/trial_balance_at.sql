-- The trial balance on a day within a month: the balances before the month, and the month's lines up to the day.

CREATE FUNCTION acct._moved_to_day(p_month date, p_day date, p_entity text, p_basis text, p_fund text)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT x.entity_code COLLATE "C", x.fund COLLATE "C", x.account_code COLLATE "C", x.currency COLLATE "C", sum(x.debit), sum(x.credit) FROM %s AS x '
                                'WHERE x.je_date >= $1 AND x.je_date <= $2 AND x.basis = $3 AND ($4 IS NULL OR x.entity_code = $4) AND ($5 IS NULL OR x.fund = $5) GROUP BY 1, 2, 3, 4',
                                acct._report_table('ledger_entry_line', p_month))
      USING p_month, p_day, p_basis, p_entity, p_fund;
END
$$;
COMMENT ON FUNCTION acct._moved_to_day(date, date, text, text, text) IS 'Sums of the lines of a month up to a day, by entity, fund, account and currency.';

CREATE FUNCTION acct._trial_balance_at(p_day date, p_entity text, p_basis text, p_fund text, p_closing boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    month date;
    is_month_end boolean;
    reads_lines boolean;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_page(p_day, p_day, NULL, NULL, NULL, 1);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, p_fund);
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    month := date_trunc('month', p_day::timestamp)::date;
    is_month_end := extract(day FROM p_day + 1) = 1;
    -- Closing entries have no other date.
    IF is_month_end AND NOT p_closing THEN
        RETURN QUERY SELECT t.* FROM acct._trial_balance(month, p_entity, p_basis, p_fund, NULL, false) AS t;
        RETURN;
    END IF;
    -- The last day of a month is in the balances.
    reads_lines := NOT is_month_end
                   AND EXISTS (SELECT FROM acct._month_balances(month, p_entity, p_basis, p_fund) AS b WHERE b.line_count > 0);
    RETURN QUERY
    WITH moved AS MATERIALIZED (
        SELECT b.entity_code, b.fund, b.account_code, b.currency, b.opening_balance, b.period_debit AS debit, b.period_credit AS credit, b.line_count > 0 AS has_lines
          FROM acct._month_balances(month, p_entity, p_basis, p_fund) AS b WHERE NOT reads_lines
        UNION ALL
        SELECT entity_code, fund, account_code, currency, coalesce(b.opening_balance, 0.0000), coalesce(l.debit, 0.0000), coalesce(l.credit, 0.0000), l.debit IS NOT NULL
          FROM acct._month_balances(month, p_entity, p_basis, p_fund) AS b
          FULL JOIN acct._moved_to_day(month, p_day, p_entity, p_basis, p_fund) AS l USING (entity_code, fund, account_code, currency)
         WHERE reads_lines)
    SELECT m.entity_code, m.fund, m.account_code, a.description, a.account_type, m.currency, m.opening_balance, m.debit, m.credit,
           m.opening_balance + m.debit - m.credit
      FROM moved AS m
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = m.account_code
     WHERE m.has_lines OR m.opening_balance <> 0
     ORDER BY m.entity_code, m.fund, m.account_code, m.currency;
END
$$;
COMMENT ON FUNCTION acct._trial_balance_at(date, text, text, text, boolean) IS 'The work of trial_balance_at().';

CREATE FUNCTION acct.trial_balance_at(day date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct._trial_balance_at($1, $2, $3, $4, coalesce($5, true)) AS t
$$;
COMMENT ON FUNCTION acct.trial_balance_at(date, text, text, text, boolean) IS
'The trial balance at the end of a day, as trial_balance() has it for a month: openings before the day''s month, and entries in it up to the day, with closing => false without closing entries. Raises 22023 (not a day, or the entity, basis or fund does not exist), 40001 (a month was archived since the transaction took its snapshot), 55000 (the month was dropped), LE010 (a partition of it is detached).';

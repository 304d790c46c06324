-- The figures of the month-end pack: the summary, the trial balance, what moved.

CREATE FUNCTION acct._pack_books(p_month date, p_entity text, p_basis text)
RETURNS TABLE (n bigint, entity_code text, currency text, title text, decimals integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT row_number() OVER (ORDER BY x.entity_code COLLATE "C", x.currency COLLATE "C"), x.entity_code, x.currency,
           concat_ws(', ', coalesce(nullif(e.name, ''), x.entity_code), x.currency), acct._decimals(x.currency, x.most)
      FROM (SELECT t.entity_code, t.currency, max(greatest(scale(trim_scale(t.opening_balance)), scale(trim_scale(t.period_debit)), scale(trim_scale(t.period_credit)))) AS most
              FROM acct._trial_balance(p_month, p_entity, p_basis, NULL, NULL, true) AS t GROUP BY 1, 2) AS x
      LEFT JOIN acct.entity AS e ON e.entity_code = x.entity_code
$$;
COMMENT ON FUNCTION acct._pack_books(date, text, text) IS
'The entities and currencies that have balances in a month, each with its heading, and with the decimals that its figures need.';

CREATE FUNCTION acct._pack_results(p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, currency text, fund text, fund_name text, assets numeric, liabilities numeric, equity numeric, unclosed numeric, income numeric, expense numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    -- Before the closing entries of a year, which leave nothing of its result
    SELECT t.entity_code, t.currency, t.fund, f.name,
           coalesce(sum(t.closing_balance) FILTER (WHERE t.account_type = 'ASSET'), 0),
           -coalesce(sum(t.closing_balance) FILTER (WHERE t.account_type = 'LIABILITY'), 0),
           -coalesce(sum(t.closing_balance) FILTER (WHERE t.account_type = 'EQUITY'), 0),
           -coalesce(sum(t.closing_balance) FILTER (WHERE t.account_type IN ('INCOME', 'EXPENSE')), 0),
           coalesce(sum(t.period_credit - t.period_debit) FILTER (WHERE t.account_type = 'INCOME'), 0),
           coalesce(sum(t.period_debit - t.period_credit) FILTER (WHERE t.account_type = 'EXPENSE'), 0)
      FROM acct._trial_balance(p_month, p_entity, p_basis, NULL, NULL, false) AS t
      LEFT JOIN acct.fund AS f ON f.fund = t.fund
     GROUP BY t.entity_code, t.currency, t.fund, f.name
$$;
COMMENT ON FUNCTION acct._pack_results(date, text, text) IS
'Balances of each fund at the end of a month, the result that is not closed, and the month''s income and expense; before closing entries, income and liabilities positive.';

CREATE FUNCTION acct._pack_trend(p_month date, p_entity text, p_basis text, p_currency text) RETURNS TABLE (month date, result numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH month AS (
        SELECT (p_month - make_interval(months => n))::date AS month FROM generate_series(0, 12) AS n),
    account AS MATERIALIZED (
        SELECT a.account_code FROM acct.chart_of_accounts AS a WHERE a.account_type IN ('INCOME', 'EXPENSE')),
    part AS (
        SELECT s.snapshot_month AS month, s.account_code, s.period_credit - s.period_debit AS amount
          FROM acct.account_balance_snapshot AS s
         WHERE s.entity_code = p_entity AND s.basis = p_basis AND s.snapshot_month BETWEEN p_month - interval '12 months' AND p_month AND s.currency = p_currency AND s.line_count > 0
        UNION ALL
        SELECT m.month, t.account_code, t.debit - t.credit
          FROM month AS m CROSS JOIN LATERAL acct._closing_totals(m.month, NULL, p_entity, p_basis, NULL) AS t WHERE t.currency = p_currency)
    SELECT m.month, coalesce(sum(x.amount), 0)
      FROM month AS m LEFT JOIN (part AS x JOIN account AS a ON a.account_code = x.account_code) ON x.month = m.month
     GROUP BY m.month ORDER BY m.month
$$;
COMMENT ON FUNCTION acct._pack_trend(date, text, text, text) IS 'The results of thirteen months of a book in a currency, before closing entries.';

CREATE FUNCTION acct._pack_key_figures(p_month date, p_basis text, p_book jsonb, p_results jsonb, p_statement jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    in_currency CONSTANT text := p_book ->> 'currency';
    decimals CONSTANT integer := (p_book ->> 'decimals')::integer;
    id CONSTANT text := 'summary-' || (p_book ->> 'n');
    heads text;
    positions text;
    position_total text;
    rows text;
    foot text;
    trend text;
BEGIN
    WITH fund AS (
        SELECT f.* FROM jsonb_to_recordset(p_results) AS f (entity_code text, currency text, fund text, fund_name text, assets numeric, liabilities numeric, equity numeric,
                                                            unclosed numeric, income numeric, expense numeric)
         WHERE f.entity_code = p_book ->> 'entity_code' AND f.currency = in_currency)
    SELECT string_agg(c.head || c.position, '' ORDER BY f.fund COLLATE "C") FILTER (WHERE f.fund IS NOT NULL), min(c.head || c.position) FILTER (WHERE f.fund IS NULL),
           string_agg(c.head || c.result, '' ORDER BY f.fund COLLATE "C") FILTER (WHERE f.fund IS NOT NULL), min(c.head || c.result) FILTER (WHERE f.fund IS NULL),
           min(format('<div><dt>Result of the month<dd>%s</div><div><dt>Income<dd>%s</div><div><dt>Expense<dd>%s</div><div><dt>Assets of all funds<dd>%s</div>',
                      acct._figure(f.income - f.expense, decimals), acct._figure(f.income, decimals), acct._figure(f.expense, decimals),
                      acct._figure(f.assets, decimals))) FILTER (WHERE f.fund IS NULL)
      INTO positions, position_total, rows, foot, heads
      FROM (SELECT x.fund, x.fund_name, x.assets, x.liabilities, x.equity, x.unclosed, x.income, x.expense FROM fund AS x
            UNION ALL
            SELECT NULL, NULL, sum(x.assets), sum(x.liabilities), sum(x.equity), sum(x.unclosed), sum(x.income), sum(x.expense) FROM fund AS x) AS f
     CROSS JOIN LATERAL (SELECT '<tr><th scope=row>' || CASE WHEN f.fund IS NULL THEN 'Total' ELSE acct._html(coalesce(f.fund_name, f.fund)) END AS head,
                                acct._figure_cell(f.assets, decimals) || acct._figure_cell(f.liabilities, decimals) || acct._figure_cell(f.equity, decimals)
                                || acct._figure_cell(f.unclosed, decimals) AS position,
                                acct._figure_cell(f.income, decimals) || acct._figure_cell(f.expense, decimals) || acct._figure_cell(f.income - f.expense, decimals) AS result) AS c;
    SELECT acct._chart_over_time(id || '-trend', 'Result of each month', 'Line chart', in_currency, decimals, array_agg(to_char(t.month, 'Mon YY') ORDER BY t.month),
                                 ARRAY[1, 4, 7, 10, 13], array_agg(t.result ORDER BY t.month))
      INTO trend
      FROM acct._pack_trend(p_month, p_book ->> 'entity_code', p_basis, in_currency) AS t;
    RETURN format('<div class=book><h3>%s</h3><dl class=heads>%s</dl>', acct._html(p_book ->> 'title'), heads)
        || acct._html_table(id || '-position', format('%s: what each fund has at the end of the month', p_book ->> 'title'),
                            ARRAY['Fund', 'Assets', 'Liabilities', 'Equity', 'Result not closed'], 2, positions, position_total, 'plain', '')
        || acct._html_table(id || '-funds', format('%s: result of each fund in the month', p_book ->> 'title'), ARRAY['Fund', 'Income', 'Expense', 'Result'], 2, rows, foot, 'plain', '')
        || format('<div class=charts>%s%s</div></div>', trend, acct._pack_waterfall(p_month, p_basis, p_book, p_statement));
END
$$;
COMMENT ON FUNCTION acct._pack_key_figures(date, text, jsonb, jsonb, jsonb) IS 'The key figures of an entity in a currency: by fund, over time, and what the result comes from.';

CREATE FUNCTION acct._pack_waterfall(p_month date, p_basis text, p_book jsonb, p_statement jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    -- The lines of the statement, or where it has no layout the accounts
    WITH part AS (
        SELECT 'line ' || s.n AS code, s.label, s.taken AS amount
          FROM jsonb_to_recordset(p_statement -> 'lines') AS s (n integer, entity_code text, currency text, label text, row_kind text, taken numeric)
         WHERE s.entity_code = p_book ->> 'entity_code' AND s.currency = p_book ->> 'currency' AND s.row_kind NOT IN ('heading', 'subtotal') AND s.taken <> 0
        UNION ALL
        SELECT t.account_code, min(t.description), sum(t.period_credit - t.period_debit)
          FROM acct._trial_balance(p_month, p_book ->> 'entity_code', p_basis, NULL, NULL, false) AS t
         WHERE p_statement ->> 'problem' IS NOT NULL AND t.currency = p_book ->> 'currency' AND t.account_type IN ('INCOME', 'EXPENSE')
         GROUP BY t.account_code HAVING sum(t.period_credit - t.period_debit) <> 0),
    ranked AS (
        SELECT p.*, row_number() OVER (ORDER BY abs(p.amount) DESC, p.code) <= 8 AS is_shown FROM part AS p),
    bar AS (
        SELECT CASE WHEN r.is_shown THEN r.label ELSE 'All others' END AS label, sum(r.amount) AS amount, r.is_shown
          FROM ranked AS r GROUP BY r.is_shown, CASE WHEN r.is_shown THEN r.code END, 1)
    SELECT acct._chart_waterfall('summary-' || (p_book ->> 'n') || '-result', 'What the result of the month comes from', p_book ->> 'currency', (p_book ->> 'decimals')::integer,
                                 array_agg(b.label ORDER BY b.is_shown DESC, b.amount > 0 DESC, abs(b.amount) DESC, b.label),
                                 array_agg(b.amount ORDER BY b.is_shown DESC, b.amount > 0 DESC, abs(b.amount) DESC, b.label), 'Result of the month')
      FROM bar AS b
$$;
COMMENT ON FUNCTION acct._pack_waterfall(date, text, jsonb, jsonb) IS
'A waterfall from the lines of a profit and loss statement, or income and expense accounts, the largest ones, to the result of the month.';

CREATE FUNCTION acct._pack_trial_balance(p_month date, p_basis text, p_book jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    decimals CONSTANT integer := (p_book ->> 'decimals')::integer;
    rows text;
    foot text;
BEGIN
    WITH balance AS MATERIALIZED (
        SELECT t.* FROM acct._trial_balance(p_month, p_book ->> 'entity_code', p_basis, NULL, NULL, true) AS t WHERE t.currency = p_book ->> 'currency')
    SELECT (SELECT string_agg('<tr><td>' || acct._html(b.fund) || '<th scope=row>' || acct._html(b.account_code) || '<td>' || acct._html(b.description) || '<td>'
                              || initcap(coalesce(b.account_type, '')) || acct._figure_cell(b.opening_balance, decimals) || acct._figure_cell(b.period_debit, decimals)
                              || acct._figure_cell(b.period_credit, decimals) || acct._figure_cell(b.closing_balance, decimals),
                              '' ORDER BY b.fund COLLATE "C", b.account_code COLLATE "C")
              FROM balance AS b),
           (SELECT string_agg('<tr><th scope=row>' || CASE WHEN s.is_total THEN 'Total' ELSE acct._html(s.fund) END || '<td><td>'
                              || CASE WHEN s.is_total THEN 'All funds' ELSE 'Fund ' || acct._html(s.fund) END || '<td>'
                              || acct._figure_cell(s.opening, decimals) || acct._figure_cell(s.debit, decimals) || acct._figure_cell(s.credit, decimals) || acct._figure_cell(s.closing, decimals),
                              '' ORDER BY s.is_total, s.fund COLLATE "C")
              FROM (SELECT b.fund, grouping(b.fund) = 1 AS is_total, sum(b.opening_balance) AS opening, sum(b.period_debit) AS debit, sum(b.period_credit) AS credit, sum(b.closing_balance) AS closing
                      FROM balance AS b GROUP BY GROUPING SETS ((b.fund), ())) AS s)
      INTO rows, foot;
    RETURN acct._html_table('balances-' || (p_book ->> 'n'), format('Trial balance: %s', p_book ->> 'title'),
                            ARRAY['Fund', 'Account', 'Description', 'Type', 'Opening balance', 'Debit', 'Credit', 'Closing balance'], 5, rows, foot, 'long data', '');
END
$$;
COMMENT ON FUNCTION acct._pack_trial_balance(date, text, jsonb) IS 'The trial balance of an entity in a currency, with totals by fund.';

CREATE FUNCTION acct._pack_movement(p_month date, p_basis text, p_book jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    decimals CONSTANT integer := (p_book ->> 'decimals')::integer;
    id CONSTANT text := 'moved-' || (p_book ->> 'n');
    rows text;
    foot text;
    chart text;
BEGIN
    WITH moved AS MATERIALIZED (
        SELECT m.fund, m.item, sum(m.line_count) AS lines, sum(m.debit) AS debit, sum(m.credit) AS credit
          FROM acct._movement(p_month, p_book ->> 'entity_code', p_basis, NULL, true, false) AS m
         WHERE m.currency = p_book ->> 'currency' AND m.item NOT IN ('opening balance', 'closing balance') GROUP BY 1, 2)
    SELECT (SELECT string_agg('<tr><th scope=row>' || acct._html(m.fund) || '<td>' || acct._html(initcap(m.item)) || acct._figure_cell(m.lines, 0) || acct._figure_cell(m.debit, decimals)
                              || acct._figure_cell(m.credit, decimals), '' ORDER BY m.fund COLLATE "C", m.item COLLATE "C") FROM moved AS m),
           (SELECT '<tr><th scope=row>Total<td>' || acct._figure_cell(sum(m.lines), 0) || acct._figure_cell(sum(m.debit), decimals) || acct._figure_cell(sum(m.credit), decimals)
              FROM moved AS m),
           (SELECT acct._chart_bars(id || '-funds', format('Debits of the month by fund: %s', p_book ->> 'title'), p_book ->> 'currency', decimals,
                                    array_agg(f.name ORDER BY f.fund COLLATE "C"), array_agg(f.debit ORDER BY f.fund COLLATE "C"))
              FROM (SELECT m.fund, coalesce(min(n.name), m.fund) AS name, sum(m.debit) AS debit FROM moved AS m LEFT JOIN acct.fund AS n ON n.fund = m.fund GROUP BY m.fund) AS f)
      INTO rows, foot, chart;
    RETURN coalesce(chart, '')
        || acct._html_table(id, format('What moved the funds: %s', p_book ->> 'title'), ARRAY['Fund', 'Kind of journal', 'Lines', 'Debit', 'Credit'], 3, rows, foot, 'data',
                            format('%s: nothing was posted in the month.', p_book ->> 'title'));
END
$$;
COMMENT ON FUNCTION acct._pack_movement(date, text, jsonb) IS 'Movements of the funds of an entity in a currency, by kind of journal.';

CREATE FUNCTION acct._pack_days(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    days CONSTANT integer := (p_month + interval '1 month')::date - p_month;
    counts numeric[];
BEGIN
    EXECUTE format('SELECT array_agg(coalesce(h.journals, 0) ORDER BY d.day) FROM generate_series(0, $1 - 1) AS d (day) '
                   'LEFT JOIN (SELECT x.je_date, count(*) AS journals FROM %s AS x WHERE x.je_date >= $2 AND x.je_date < $2 + $1 AND x.basis = $3 AND ($4 IS NULL OR x.entity_code = $4) '
                   'GROUP BY x.je_date) AS h ON h.je_date = $2 + d.day', acct._report_table('ledger_entry_header', p_month))
       INTO counts USING days, p_month, p_basis, p_entity;
    IF counts = array_fill(0::numeric, ARRAY[days]) THEN
        RETURN '<p class=none>No journal has a date in the month.</p>';
    END IF;
    RETURN acct._chart_over_time('days', 'Journals by day', 'Column chart', 'journals', 0, ARRAY(SELECT n::text FROM generate_series(1, days) AS n), ARRAY[1, 5, 10, 15, 20, 25, 30], counts);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN format('<p class=none>Journals by day are not known: %s.</p>', acct._html(SQLERRM));
END
$$;
COMMENT ON FUNCTION acct._pack_days(date, text, text) IS 'A chart of how many journals each day of a month has; a sentence where it has none, or the month was dropped.';

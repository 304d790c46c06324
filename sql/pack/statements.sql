-- The statements of the month-end pack: profit and loss, balance sheet, and both by fund.

CREATE FUNCTION acct._kind_in_pack(p_kind text, p_line integer, p_loose integer[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_kind = 'accounts' AND p_line = ANY (p_loose) THEN 'in no total' ELSE p_kind END
$$;
COMMENT ON FUNCTION acct._kind_in_pack(text, integer, integer[]) IS 'The kind of a row of a statement, where lines that are in no subtotal are a kind of their own.';

CREATE FUNCTION acct._pack_statement_rows(p_statement text, p_month date, p_entity text, p_basis text, OUT lines jsonb, OUT funds jsonb, OUT problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    closing CONSTANT boolean := p_statement = 'balance_sheet';
    layout_name text;
    loose integer[];
BEGIN
    lines := '[]';
    funds := '[]';
    -- Which is valid is seen to by what reads it.
    layout_name := (SELECT y.layout FROM acct.statement_layout AS y WHERE y.statement = p_statement ORDER BY y.is_default DESC, y.layout LIMIT 1);
    IF layout_name IS NULL THEN
        problem := 'it has no layout';
        RETURN;
    END IF;
    loose := ARRAY(SELECT l.line_no FROM acct._lines_left_out(layout_name) AS l WHERE l.total IS NULL);
    -- taken: what a line adds to the result, whatever the sign that it is shown with
    SELECT coalesce(jsonb_agg(to_jsonb(s) || jsonb_build_object('row_kind', acct._kind_in_pack(s.row_kind, s.line_no, loose), 'taken', -s.amount * coalesce(l.sign, 1)) ORDER BY s.n), '[]')
      INTO lines
      FROM (SELECT x.*, row_number() OVER () AS n FROM acct._statement(p_statement, p_month, p_month, p_entity, p_basis, NULL, NULL, true, closing, true) AS x) AS s
      LEFT JOIN acct.statement_line AS l ON l.layout = layout_name AND l.line_no = s.line_no;
    SELECT coalesce(jsonb_agg(to_jsonb(s) || jsonb_build_object('row_kind', acct._kind_in_pack(s.row_kind, s.line_no, loose)) ORDER BY s.n), '[]') INTO funds
      FROM (SELECT x.*, row_number() OVER () AS n FROM acct._fund_statement(p_statement, p_month, p_month, p_entity, p_basis, NULL, closing) AS x) AS s;
EXCEPTION WHEN SQLSTATE 'LE004' THEN
    lines := '[]';
    funds := '[]';
    problem := SQLERRM;
END
$$;
COMMENT ON FUNCTION acct._pack_statement_rows(text, date, text, text) IS
'The rows of a statement of a month by its default layout, and those of its fund statement; or why there are none.';

CREATE FUNCTION acct._statement_row(p_kind text, p_label text, p_cells text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE p_kind WHEN 'heading' THEN '<tr class=head>' WHEN 'subtotal' THEN '<tr class=sum>' WHEN 'accounts' THEN '<tr>' ELSE '<tr class=odd>' END || '<th scope=row>'
           || acct._html(p_label) || CASE p_kind WHEN 'not in the layout' THEN ' (in no line)' WHEN 'in no total' THEN ' (in no total)' ELSE '' END || p_cells
$$;
COMMENT ON FUNCTION acct._statement_row(text, text, text) IS 'A row of a statement of that kind.';

CREATE FUNCTION acct._pack_statement(p_id text, p_statement text, p_month date, p_book jsonb, p_lines jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._html_table(p_id, format(CASE p_statement WHEN 'profit_and_loss' THEN 'Profit and loss: %s' ELSE 'Balance sheet: %s' END, p_book ->> 'title'),
                            ARRAY['Line', to_char(p_month, 'Mon YYYY'), to_char(p_month - interval '1 month', 'Mon YYYY'), to_char(p_month - interval '1 year', 'Mon YYYY'),
                                  CASE p_statement WHEN 'profit_and_loss' THEN 'Year to date' ELSE 'Start of the year' END], 2,
                            string_agg(acct._statement_row(s.row_kind, s.label, acct._figure_cell(s.amount, d.decimals) || acct._figure_cell(s.previous, d.decimals)
                                       || acct._figure_cell(s.year_ago, d.decimals) || acct._figure_cell(s.of_year, d.decimals)), '' ORDER BY s.n),
                            NULL, 'statement', format('%s: there is nothing to show.', p_book ->> 'title'))
      FROM jsonb_to_recordset(p_lines) AS s (n integer, entity_code text, currency text, label text, row_kind text, amount numeric, previous numeric, year_ago numeric, of_year numeric)
     CROSS JOIN (SELECT (p_book ->> 'decimals')::integer AS decimals) AS d
     WHERE s.entity_code = p_book ->> 'entity_code' AND s.currency = p_book ->> 'currency'
$$;
COMMENT ON FUNCTION acct._pack_statement(text, text, date, jsonb, jsonb) IS 'A statement of an entity in a currency, with the month before, a year ago, and its year for comparison.';

CREATE FUNCTION acct._pack_fund_statement(p_id text, p_statement text, p_book jsonb, p_funds jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- As many columns as a page has room for; more are a table of their own.
    WITH cell AS MATERIALIZED (
        SELECT s.*, (dense_rank() OVER (ORDER BY s.column_no) - 1) / 6 AS part, row_number() OVER (PARTITION BY s.column_no ORDER BY s.n) AS line
          FROM jsonb_to_recordset(p_funds) AS s (n integer, entity_code text, currency text, label text, row_kind text, column_no integer, column_label text, amount numeric)
         WHERE s.entity_code = p_book ->> 'entity_code' AND s.currency = p_book ->> 'currency'),
    line AS (
        SELECT c.part, c.line, acct._statement_row(min(c.row_kind), min(c.label), string_agg(acct._figure_cell(c.amount, (p_book ->> 'decimals')::integer), '' ORDER BY c.column_no)) AS html
          FROM cell AS c GROUP BY c.part, c.line)
    SELECT coalesce(string_agg(p.html, '' ORDER BY p.part), '')
      FROM (SELECT l.part, acct._html_table(p_id || '-' || l.part, format(CASE p_statement WHEN 'profit_and_loss' THEN 'Profit and loss by fund: %s' ELSE 'Balance sheet by fund: %s' END
                                                                         || CASE WHEN l.part > 0 THEN ', continued' ELSE '' END, p_book ->> 'title'),
                                            ARRAY['Line'] || (SELECT array_agg(x.column_label ORDER BY x.column_no) FROM (SELECT DISTINCT c.column_no, c.column_label FROM cell AS c WHERE c.part = l.part) AS x),
                                            2, string_agg(l.html, '' ORDER BY l.line), NULL, 'statement', '') AS html
              FROM line AS l GROUP BY l.part) AS p
$$;
COMMENT ON FUNCTION acct._pack_fund_statement(text, text, jsonb, jsonb) IS 'A statement of an entity in a currency by fund, with eliminations and total.';

CREATE FUNCTION acct._pack_statements(p_month date, p_books jsonb, p_results jsonb, p_positions jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH statement AS (
        SELECT x.* FROM (VALUES (1, 'result', 'profit_and_loss', 'profit and loss statement', p_results), (2, 'position', 'balance_sheet', 'balance sheet', p_positions)) AS x (n, id, statement, name, rows))
    SELECT coalesce((SELECT string_agg(format('<p class=none>There is no %s: %s. The trial balance has all accounts.</p>', s.name, acct._html(s.rows ->> 'problem')), '' ORDER BY s.n)
                       FROM statement AS s WHERE s.rows ->> 'problem' IS NOT NULL), '')
        || coalesce((SELECT string_agg(format('<div class=sheet><h3>%s</h3>%s</div>', acct._html(b.book ->> 'title'),
                                       (SELECT string_agg(acct._pack_statement(s.id || '-' || b.n, s.statement, p_month, b.book, s.rows -> 'lines')
                                                          || acct._pack_fund_statement(s.id || '-' || b.n || '-funds', s.statement, b.book, s.rows -> 'funds'), '' ORDER BY s.n)
                                          FROM statement AS s WHERE s.rows ->> 'problem' IS NULL)), '' ORDER BY b.n)
                       FROM jsonb_array_elements(p_books) WITH ORDINALITY AS b (book, n)
                      WHERE EXISTS (SELECT FROM statement AS s WHERE s.rows ->> 'problem' IS NULL)), '')
$$;
COMMENT ON FUNCTION acct._pack_statements(date, jsonb, jsonb, jsonb) IS
'The statements of each entity in each currency, or why there is none: profit and loss, the balance sheet, and both by fund.';

-- Schema acct_bi: what dashboards and tools for business intelligence read instead of the engine's tables.
--
-- Its views belong to the owner of the tables, so a reader needs no right on these. They leave out columns, such as the attributes of source
-- transactions, and never rows: a function of the reader's sees nothing that the view does not show, whichever order the planner takes.
-- So none is a security barrier, and conditions on days and months reach partitions and indexes. A join that a query does not use costs it
-- nothing: names of accounts, funds and rules come by LEFT JOIN on keys, texts by subqueries in the list of columns.
-- A column that a table has too has its name, and its comment.

CREATE FUNCTION acct._bi_views() RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(ARRAY['accounts', 'archived_months', 'balance_sheet', 'balances', 'batches', 'batches_waiting', 'books', 'calendar', 'entries', 'exception_summary', 'exceptions', 'fund_statement', 'funds',
        'health', 'jobs', 'line_amounts', 'lines', 'profit_and_loss', 'run_progress', 'run_totals', 'runs', 'template_lines', 'template_matches', 'templates', 'transaction_months', 'transactions'])
$$;
COMMENT ON FUNCTION acct._bi_views() IS 'The views that install() creates in schema acct_bi.';

CREATE FUNCTION acct._bi_stands() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM acct._bi_views() AS v WHERE to_regclass(format('acct_bi.%I', v)) IS NULL)
       -- Newer than the number of the layout
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('acct_bi.balances') AND a.attname = 'closing_entries')
$$;
COMMENT ON FUNCTION acct._bi_stands() IS 'True where no view of schema acct_bi is missing, and none has an older definition.';

CREATE FUNCTION acct._describe_view(p_view regclass, p_sources regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT a.attname, (SELECT col_description(s.relation, t.attnum)
                                  FROM unnest(p_sources) WITH ORDINALITY AS s (relation, n)
                                  JOIN pg_attribute AS t ON t.attrelid = s.relation AND t.attname = a.attname AND NOT t.attisdropped
                                 WHERE col_description(s.relation, t.attnum) IS NOT NULL ORDER BY s.n LIMIT 1) AS comment
               FROM pg_attribute AS a WHERE a.attrelid = p_view AND a.attnum > 0 ORDER BY a.attnum LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', p_view, c.attname, c.comment);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._describe_view(regclass, regclass[]) IS
'Gives each column of a view the comment that the column of that name has in the first of some relations, or none.';

CREATE FUNCTION acct._site_columns(p_view text, p_relation regclass, p_alias text, p_taken text[], p_line_alias text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- What a site added to the source alone is no dimension of its journals, and may be private. Columns that the view has keep their places.
    SELECT coalesce(string_agg(format(', %s.%I', CASE WHEN l.attname IS NULL THEN p_alias ELSE p_line_alias END, a.attname), '' ORDER BY v.attnum, h.attnum), '')
      FROM pg_attribute AS h JOIN pg_attribute AS a ON a.attrelid = p_relation AND a.attname = h.attname AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attribute AS l ON p_line_alias IS NOT NULL AND l.attrelid = 'acct.ledger_entry_line'::regclass AND l.attname = h.attname AND NOT l.attisdropped
      LEFT JOIN pg_attribute AS v ON v.attrelid = to_regclass('acct_bi.' || p_view) AND v.attname = h.attname
     WHERE h.attrelid = 'acct.ledger_entry_header'::regclass AND h.attnum > 0 AND NOT h.attisdropped
       AND h.attname NOT IN (SELECT c FROM acct._engine_columns() AS c) AND h.attname <> ALL (p_taken)
$$;
COMMENT ON FUNCTION acct._site_columns(text, regclass, text, text[], text) IS
'The dimensions that a site added to its journals and that a relation has, as a list of columns that begins with a comma. Names that a view has itself are left out, and where an alias is given lines'' own dimensions come from it.';

CREATE FUNCTION acct._make_bi_view(p_view text, p_query text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW acct_bi.%I AS %s', p_view, p_query);
EXCEPTION WHEN invalid_table_definition THEN
    -- A dimension was renamed, for one.
    RAISE EXCEPTION 'view acct_bi.% cannot be brought up to the tables: %', p_view, SQLERRM
        USING ERRCODE = 'LE010', HINT = format('DROP VIEW acct_bi.%I, and call install() again.', p_view);
END
$$;
COMMENT ON FUNCTION acct._make_bi_view(text, text) IS
'Creates a view of schema acct_bi, or changes it to a query that has all columns of the present one in their places. Raises LE010 where it has not.';

CREATE FUNCTION acct._layout_bi() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE SCHEMA IF NOT EXISTS acct_bi;
    COMMENT ON SCHEMA acct_bi IS 'Views of ledger_engine''s entries, balances, runs and rules, which dashboards and tools for business intelligence read as members of acct_bi_reader.';
    PERFORM acct._layout_bi_books();
    PERFORM acct._layout_bi_rules();
    PERFORM acct._layout_bi_ledger();
    PERFORM acct._layout_bi_runs();
    PERFORM acct._layout_bi_statements();
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi() IS 'The part of install() that creates schema acct_bi and its views, with their comments.';

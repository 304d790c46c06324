-- What the journal lines of a month add up to: one reading of its tables, by page, for reconciliation and for closing.

CREATE FUNCTION acct._line_sums(p_tables regclass[], p_query text, p_runs bigint[], p_classes integer[])
RETURNS TABLE (class integer, je_month date, entity_code text, basis text, fund text, account_code text, currency text, line_count bigint, debit numeric, credit numeric, digest text, journals text, last_run bigint)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_line_sums';
COMMENT ON FUNCTION acct._line_sums(regclass[], text, bigint[], integer[]) IS
'Sums of the lines of tables, read by page with workers, and of a query (empty: none), with their digest, by the class of their run (0: the run has none), month, entity, basis, fund, account and currency. A group may have several rows; journals is the number that _journals_digest() compares.';

CREATE FUNCTION acct._journals_digest(p_query text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_journals_digest';
COMMENT ON FUNCTION acct._journals_digest(text) IS
'A number that is the sum of journals in _line_sums() where lines come to what the journals of a query (je_id, je_date, run_id, txn_id, entity_code, basis, currency, line_count, total_debit, total_credit) say. NULL where two have the same je_id, or a total is no amount.';

CREATE FUNCTION acct._line_columns() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{je_id,run_id,txn_id,je_date,line_no,entity_code,basis,account_code,fund,currency,product_code,channel,debit,credit}'::text[]
$$;
COMMENT ON FUNCTION acct._line_columns() IS 'The columns of a line that the engine has, in their order.';

CREATE FUNCTION acct._pages_of_lines(p_table regclass) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN bool_and(c.relkind = 'r' AND m.amname = 'heap'
                              AND NOT EXISTS (SELECT FROM unnest(acct._line_columns()) AS l (name)
                                               WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t AND a.attname = l.name AND NOT a.attisdropped)))
                THEN array_agg(t ORDER BY t) END
      FROM acct._tables_below(p_table) AS t JOIN pg_class AS c ON c.oid = t AND c.relkind <> 'p' LEFT JOIN pg_am AS m ON m.oid = c.relam
$$;
COMMENT ON FUNCTION acct._pages_of_lines(regclass) IS
'The tables that hold the lines of a table, to be read by page; NULL where one of them is no heap, or lacks a column.';

CREATE FUNCTION acct._sums_of_lines(p_tables regclass[], p_query text, p_runs bigint[], p_classes integer[])
RETURNS TABLE (class integer, je_month date, entity_code text, basis text, fund text, account_code text, currency text, line_count bigint, debit numeric, credit numeric, digest text, journals text, last_run bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    columns CONSTANT text[] := acct._line_columns();
    pages regclass[];
    query text;
BEGIN
    SELECT array_agg(p.page) INTO pages FROM unnest(p_tables) AS t, unnest(acct._pages_of_lines(t)) AS p (page);
    SELECT string_agg(x.query, ' UNION ALL ') INTO query
      FROM (SELECT format('SELECT %s FROM %s AS x', acct._column_list(t, columns), t) AS query FROM unnest(p_tables) AS t WHERE acct._pages_of_lines(t) IS NULL
            UNION ALL
            SELECT format('SELECT %s FROM (%s) AS y', (SELECT string_agg('y.' || c, ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS u (c, n)), p_query) WHERE p_query IS NOT NULL) AS x;
    RETURN QUERY SELECT s.* FROM acct._line_sums(coalesce(pages, '{}'), coalesce(query, ''), p_runs, p_classes) AS s;
END
$$;
COMMENT ON FUNCTION acct._sums_of_lines(regclass[], text, bigint[], integer[]) IS 'The same of tables however they are stored, and of a query with more columns.';

CREATE FUNCTION acct._period_sums(p_table regclass, p_from date, p_to date)
RETURNS TABLE (entity_code text, basis text, month date, fund text, account_code text, currency text, line_count bigint, debit numeric, credit numeric, last_run bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    parent CONSTANT regclass := 'acct.ledger_entry_line';
    tables regclass[] := ARRAY[p_table];
    others text;
BEGIN
    IF p_table = parent THEN
        tables := ARRAY(SELECT DISTINCT m.relation FROM acct._months_with_partitions(parent) AS m WHERE m.month >= p_from AND m.month < p_to);
        -- Partitions without dates at both ends, such as a default partition, hold any month.
        SELECT string_agg(format('SELECT %s FROM %s AS x WHERE x.je_date >= %L AND x.je_date < %L',
                                 acct._column_list(i.inhrelid::regclass, acct._line_columns()), i.inhrelid::regclass, p_from, p_to), ' UNION ALL ') INTO others
          FROM pg_inherits AS i
         WHERE i.inhparent = parent AND NOT i.inhdetachpending AND i.inhrelid::regclass NOT IN (SELECT m.relation FROM acct._months_with_partitions(parent) AS m);
    END IF;
    RETURN QUERY
    -- A site may have given columns of the ledger another collation.
    SELECT s.entity_code COLLATE "C", s.basis COLLATE "C", s.je_month, s.fund COLLATE "C", s.account_code COLLATE "C", s.currency COLLATE "C",
           sum(s.line_count)::bigint, sum(s.debit), sum(s.credit), max(s.last_run)
      FROM acct._sums_of_lines(tables, others, '{}', '{}') AS s
     WHERE s.je_month >= p_from AND s.je_month < p_to
     GROUP BY 1, 2, 3, 4, 5, 6;
END
$$;
COMMENT ON FUNCTION acct._period_sums(regclass, date, date) IS
'Sums by month and account of the lines of the ledger, or of one month''s table, that are dated from a month on and before another one.';

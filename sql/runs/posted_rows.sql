-- What a posted run has in the ledger: the query of its rows, wherever its months are, and whether they are all there.

CREATE FUNCTION acct._columns_of(p_table text, p_columns text[], p_parent text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT string_agg(CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = p_table::regclass AND a.attname = c.name AND NOT a.attisdropped) THEN format('%I', c.name)
                           ELSE (SELECT format('NULL::%s AS %I', format_type(a.atttypid, a.atttypmod), c.name) FROM pg_attribute AS a
                                  WHERE a.attrelid = format('acct.%I', p_parent)::regclass AND a.attname = c.name) END, ', ' ORDER BY c.n)
      FROM unnest(p_columns) WITH ORDINALITY AS c (name, n)
$$;
COMMENT ON FUNCTION acct._columns_of(text, text[], text) IS
'A list of columns that a table of the ledger (p_parent) has, for a table of a month, which may have been archived before some of them came: these are NULL.';

CREATE FUNCTION acct._posted_rows(p_run_id bigint, p_part text, p_columns text[], p_of_range boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    parent CONSTANT text := 'ledger_entry_' || p_part;
    months date[];
    own_range bigint;
    condition text;
BEGIN
    -- From here to the end of the transaction no month is archived.
    EXECUTE format('LOCK TABLE ONLY acct.%I IN ACCESS SHARE MODE', parent);
    SELECT array_agg(m.je_month ORDER BY m.je_month) INTO months
      FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id) AS m;
    SELECT r.je_range INTO own_range FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    -- Partitions of other runs' ranges are left out of the plan.
    condition := format('x.run_id = %s AND x.je_date >= %L AND x.je_date < %L AND (x.je_id < %s%s)', p_run_id,
                  -- As any session reads dates, whatever it writes.
                  coalesce(to_char(months[1], 'YYYY-MM-DD'), '-infinity'),
                  coalesce(to_char(months[cardinality(months)] + interval '1 month', 'YYYY-MM-DD'), '-infinity'),
                  (acct._je_range(0)).from_je_id,
                  (SELECT format(' OR x.je_id >= %s AND x.je_id < %s', g.from_je_id, g.to_je_id)
                     FROM acct._je_range(own_range) AS g WHERE own_range IS NOT NULL AND p_of_range));
    RETURN (SELECT string_agg(format('SELECT %s FROM %s AS x WHERE %s', acct._columns_of(t.name, p_columns, parent), t.name, condition), ' UNION ALL ')
              FROM (SELECT format('acct.%I', parent) AS name
                    UNION SELECT acct._month_rows(parent, m, true) FROM unnest(months) AS m) AS t
             WHERE t.name IS NOT NULL);
END
$$;
COMMENT ON FUNCTION acct._posted_rows(bigint, text, text[], boolean) IS
'The query of a posted run''s rows, also those of archived months, with these columns; p_part is header or line, and without p_of_range the run''s own range is left out. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._require_months_of(p_runs bigint[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._require_month_whole(m.je_month) FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (p_runs) ORDER BY 1) AS m
$$;
COMMENT ON FUNCTION acct._require_months_of(bigint[]) IS
'Raises LE010 while a partition of a month that some runs posted to is detached, or one that has entries was dropped.';

CREATE FUNCTION acct._require_posted_rows(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run CONSTANT acct.journal_run := (SELECT r FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    headers bigint;
    lines bigint;
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (%s) AS h), (SELECT count(*) FROM (%s) AS l)',
                   acct._posted_rows(p_run_id, 'header', '{je_id}'), acct._posted_rows(p_run_id, 'line', '{je_id}')) INTO headers, lines;
    IF (headers, lines) IS DISTINCT FROM (run.journals, run.lines) THEN
        RAISE EXCEPTION 'run % is not in the ledger as it was posted', p_run_id
            USING ERRCODE = 'LE009', DETAIL = format('Posted: %s journals, %s lines. Found: %s, %s.', run.journals, run.lines, headers, lines),
                  HINT = 'See acct.validate_run(), and restore the entries from a backup.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_posted_rows(bigint) IS
'Raises LE009 where the ledger has not as many journals or lines of a posted run as were posted; the caller has asked _require_months_of().';

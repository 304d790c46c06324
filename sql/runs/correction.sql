-- Corrections: a posted run's transactions are evaluated again by the rules approved now, and the difference is booked.
--
-- A correction is a run of its own. Expanding it evaluates the transactions of the run that it corrects as any expansion does,
-- and compares what they come to with what is posted for them (acct._evaluate). Those that may differ are expanded into two tables
-- of its own, compared line by line, and their differences put into staging. What these tables have beside the columns of
-- journals, to which a site's belong, has names that a site's have not: "#n".

CREATE FUNCTION acct._layout_correction() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS evaluation_digest text;
    CREATE UNIQUE INDEX IF NOT EXISTS journal_run_live_correction_idx ON acct.journal_run (origin_run)
        WHERE kind = 'correction' AND status IN ('created', 'expanded');
END
$layout$;
COMMENT ON FUNCTION acct._layout_correction() IS 'The part of install() that makes what corrections need.';

CREATE FUNCTION acct._comment_correction() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON COLUMN acct.journal_run.evaluation_digest IS 'Of a correction: digest of what the transactions that it changes should come to, by account (32 hexadecimal digits). NULL: another kind of run, or not expanded.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_correction() IS 'The part of install() that describes what correction.sql makes.';

CREATE FUNCTION acct._require_correctable(p_run_id bigint, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.kind <> 'transaction' THEN
        RAISE EXCEPTION 'run % is of kind %', p_run_id, run.kind
            USING ERRCODE = 'LE002',
                  HINT = CASE run.kind WHEN 'correction' THEN format('Correct run %s again.', run.origin_run)
                                       ELSE 'Runs of transactions are corrected.' END;
    ELSIF p_status = 'reversed' THEN
        PERFORM acct._wrong_state(p_run_id, p_status, 'All its journals are reversed: there is nothing to correct. See acct.rebook_run().');
    ELSIF p_status <> 'posted' THEN
        PERFORM acct._wrong_state(p_run_id, p_status, 'A posted run can be corrected; one that is not posted is expanded again, or discarded.');
    ELSIF acct._is_archived('txn_source_parent', run.txn_month) THEN
        PERFORM acct._raise_archived('txn_source_parent', run.txn_month);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_correctable(bigint, text) IS
'Raises LE002 where a run is not one of transactions that is posted and not reversed, 55000 where its source is archived.';

CREATE FUNCTION acct.correct_run(run_id bigint, correction_date date, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    origin CONSTANT bigint := correct_run.run_id;
    started CONSTANT timestamptz := clock_timestamp();
    status text := acct._lock_run(origin);
    id bigint;
BEGIN
    PERFORM acct._require_correctable(origin, status);
    PERFORM acct._require_reason(correct_run.correction_date, correct_run.reason);
    SELECT r.run_id INTO id FROM acct.journal_run AS r
     WHERE r.origin_run = origin AND r.kind = 'correction' AND r.status IN ('created', 'expanded');
    IF FOUND THEN
        RAISE EXCEPTION 'run % has a correction that is not posted', origin
            USING ERRCODE = 'LE002', DETAIL = format('It is run %s.', id),
                  HINT = 'Post or discard that one first.';
    END IF;
    INSERT INTO acct.journal_run AS n (bases, options, kind, origin_run, je_date, reason, created_by_role)
    SELECT r.bases, '{}', 'correction', origin, correct_run.correction_date, correct_run.reason, acct._session_role()
      FROM acct.journal_run AS r WHERE r.run_id = origin
    RETURNING n.run_id INTO id;
    -- crash point: correct_inserted
    INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail)
    VALUES (id, 'correct', acct._run_transactions(origin), acct._elapsed_ms(started), jsonb_build_object('origin_run', origin));
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.correct_run(bigint, date, text) IS
'Makes a run of kind correction, to be expanded and posted like any other, that books the difference between what a posted run''s transactions come to by the rules approved now and what is posted for them; returns its run_id. Raises LE001, LE002 (not a posted run of transactions, or it has a correction that is not posted), 22023 (date or reason), 55000 (its source is archived).';

CREATE FUNCTION acct._dimensions_of(p_part text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(array_agg(a.attname::text ORDER BY a.attname), '{}')
      FROM pg_attribute AS a
      JOIN pg_attribute AS l ON l.attrelid = format('acct.%I', 'ledger_entry_' || p_part)::regclass AND l.attname = a.attname AND NOT l.attisdropped
     WHERE a.attrelid = format('acct.%I', 'je_' || p_part || '_staging')::regclass AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname <> ALL (ARRAY(SELECT acct._engine_columns()))
$$;
COMMENT ON FUNCTION acct._dimensions_of(text) IS
'The columns that a site has on headers or lines (p_part), in staging and in the ledger.';

CREATE FUNCTION acct._dimension_list(p_part text, p_item text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(string_agg(format(', ' || p_item, n), '' ORDER BY n), '') FROM unnest(acct._dimensions_of(p_part)) AS n
$$;
COMMENT ON FUNCTION acct._dimension_list(text, text) IS
'What goes on a list of columns for those of a site: an item for each, in the format of format(), after a comma.';

CREATE FUNCTION acct._is_sortable(p_type regtype) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT FROM (SELECT NULL::%s AS x) AS n GROUP BY n.x ORDER BY n.x', p_type);
    RETURN true;
EXCEPTION WHEN undefined_function THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION acct._is_sortable(regtype) IS 'True where values of a type can be grouped and sorted; those of json, xml or point, for example, cannot.';

CREATE FUNCTION acct._sortable_dimensions(p_item text, p_text_item text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(string_agg(format(', ' || CASE WHEN acct._is_sortable(a.atttypid) THEN p_item ELSE p_text_item END, n.name,
                                      format_type(a.atttypid, a.atttypmod)), '' ORDER BY n.name), '')
      FROM unnest(acct._dimensions_of('line')) AS n (name)
      JOIN pg_attribute AS a ON a.attrelid = 'acct.je_line_staging'::regclass AND a.attname = n.name AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION acct._sortable_dimensions(text, text) IS
'As _dimension_list() for lines, with one item for columns whose values can be grouped and sorted, and another for the rest, which are handled as text; %2$s is the type.';

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
    condition := format('x.run_id = %s AND x.je_date >= %L AND x.je_date < %L AND (x.je_id < %s%s)', p_run_id,
                  -- As any session reads dates, whatever it writes.
                  coalesce(to_char(months[1], 'YYYY-MM-DD'), '-infinity'),
                  coalesce(to_char(months[cardinality(months)] + interval '1 month', 'YYYY-MM-DD'), '-infinity'),
                  (acct._je_range(0)).from_je_id,
                  (SELECT format(' OR x.je_id >= %s AND x.je_id < %s', g.from_je_id, g.to_je_id)
                     FROM acct._je_range(own_range) AS g WHERE own_range IS NOT NULL AND p_of_range));
    -- A table that left before a column came has NULL there.
    RETURN (SELECT string_agg(format('SELECT %s FROM %s AS x WHERE %s', c.list, t.name, condition), ' UNION ALL ')
              FROM (SELECT format('acct.%I', parent) AS name
                    UNION SELECT acct._month_rows(parent, m, true) FROM unnest(months) AS m) AS t
             CROSS JOIN LATERAL (
                SELECT string_agg(CASE WHEN a.attname IS NULL THEN format('NULL::%s AS %I', format_type(p.atttypid, p.atttypmod), n.name)
                                       ELSE format('x.%I', n.name) END, ', ' ORDER BY n.n) AS list
                  FROM unnest(p_columns) WITH ORDINALITY AS n (name, n)
                  JOIN pg_attribute AS p ON p.attrelid = format('acct.%I', parent)::regclass AND p.attname = n.name AND NOT p.attisdropped
                  LEFT JOIN pg_attribute AS a ON a.attrelid = t.name::regclass AND a.attname = n.name AND NOT a.attisdropped) AS c
             WHERE t.name IS NOT NULL);
END
$$;
COMMENT ON FUNCTION acct._posted_rows(bigint, text, text[], boolean) IS
'The query of a posted run''s rows, also those of archived months, with these columns; p_part is header or line. Without p_of_range those of the run''s own range are left out. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._range_tables(p_run_id bigint) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT array_agg(t.relation)
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL unnest(r.range_months) AS m (month)
     CROSS JOIN LATERAL (SELECT format('%s_run_%s', acct._partition_name('ledger_entry_line', m.month), r.run_id) AS name) AS n
      LEFT JOIN LATERAL (SELECT coalesce(to_regclass(format('acct.%I', n.name)), to_regclass(format('acct_archive.%I', n.name))) AS relation) AS t ON true
      LEFT JOIN pg_class AS c ON c.oid = t.relation
      LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
      LEFT JOIN pg_am AS a ON a.oid = c.relam
     WHERE r.run_id = p_run_id AND r.je_range IS NOT NULL
    HAVING bool_and((c.relkind = 'r' AND a.amname = 'heap'
                     AND i.inhparent IN (to_regclass(format('acct.%I', acct._partition_name('ledger_entry_line', m.month))),
                                         to_regclass(format('acct_archive.%I', acct._partition_name('ledger_entry_line', m.month))))) IS TRUE)
$$;
COMMENT ON FUNCTION acct._range_tables(bigint) IS
'The ledger partitions that hold a large run''s own lines, all of its range, to be read by page; NULL where there are none, or they cannot be.';

CREATE FUNCTION acct._line_query(p_rows text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT l.txn_id, l.entity_code, l.basis, l.account_code, l.fund, l.currency, l.product_code, l.channel, %s, l.debit, l.credit FROM %s AS l',
                  CASE WHEN d.names = '{}' THEN 'NULL::text'
                       ELSE format('ROW(%s)::text', (SELECT string_agg(format('l.%I', n), ', ' ORDER BY n) FROM unnest(d.names) AS n)) END, p_rows)
      FROM (SELECT acct._dimensions_of('line') AS names) AS d
$$;
COMMENT ON FUNCTION acct._line_query(text) IS
'The query of the lines of a subquery, as _evaluate() compares them.';

CREATE FUNCTION acct._correction_columns() RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT '{je_id,txn_id,entity_code,basis,account_code,fund,currency,product_code,channel,debit,credit}'::text[] || acct._dimensions_of('line')
$$;
COMMENT ON FUNCTION acct._correction_columns() IS 'The columns of lines that corrections look at.';

CREATE FUNCTION acct._memo_of(p_reason text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The longest beginning that a short header holds, cut between characters.
    SELECT left(p_reason, max(n)::integer) FROM generate_series(0, 126) AS n WHERE octet_length(left(p_reason, n)) <= 126
$$;
COMMENT ON FUNCTION acct._memo_of(text) IS 'The memo of journals that are booked for a reason: its first 126 bytes.';

CREATE FUNCTION acct._earlier_corrections(p_run_id bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.run_id FROM acct.journal_run AS r JOIN acct.journal_run AS c ON c.origin_run = r.origin_run
     WHERE r.run_id = p_run_id AND c.kind = 'correction' AND acct._is_posted(c.status) AND c.run_id < p_run_id ORDER BY c.run_id
$$;
COMMENT ON FUNCTION acct._earlier_corrections(bigint) IS 'The posted corrections of the run that a correction corrects which were made before it.';

CREATE FUNCTION acct._note_reversals(p_run_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Those that are not posted may yet be discarded.
    UPDATE acct.journal_run AS r
       SET options = (SELECT CASE WHEN count(*) = 0 THEN '{}' ELSE jsonb_build_object('reversals', jsonb_agg(v.run_id ORDER BY v.run_id)) END
                        FROM (SELECT DISTINCT x.run_id FROM acct.journal_reversal AS x JOIN acct.journal_run AS o ON o.run_id = x.run_id
                               WHERE x.origin_run IN (SELECT c FROM acct._earlier_corrections(p_run_id) AS c)
                                 AND x.released_at IS NULL AND acct._is_posted(o.status)) AS v)
     WHERE r.run_id = p_run_id
$$;
COMMENT ON FUNCTION acct._note_reversals(bigint) IS
'Records which posted runs reverse earlier corrections: what these corrected does not stand for a correction that is expanded now.';

CREATE FUNCTION acct._reversals_of(p_run_id bigint) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT ARRAY(SELECT x::bigint FROM acct.journal_run AS r, jsonb_array_elements_text(r.options -> 'reversals') AS x WHERE r.run_id = p_run_id)
$$;
COMMENT ON FUNCTION acct._reversals_of(bigint) IS 'The reversals of earlier corrections that a correction takes into account.';

CREATE FUNCTION acct._earlier_rows(p_run_id bigint, p_part text, p_columns text[]) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT x.* FROM (%s) AS x', acct._posted_rows(c, p_part, p_columns))
           || CASE WHEN EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.origin_run = c AND v.run_id = ANY (r.reversals))
                   THEN format(' WHERE NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.je_ids @> x.je_id AND v.run_id = ANY (%L))', r.reversals)
                   ELSE '' END
      FROM (SELECT acct._reversals_of(p_run_id) AS reversals) AS r, acct._earlier_corrections(p_run_id) AS c
$$;
COMMENT ON FUNCTION acct._earlier_rows(bigint, text, text[]) IS
'For each earlier correction the query of its rows that stood when a correction was expanded, with these columns, je_id among them; p_part is header or line.';

CREATE FUNCTION acct._claimed_journals(p_run_id bigint, p_originals text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    origin bigint := (SELECT r.origin_run FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    found text := '';
BEGIN
    IF EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.origin_run = origin AND v.released_at IS NULL) THEN
        found := format(' UNION SELECT o.je_id FROM (%s) AS o JOIN acct.journal_reversal AS v ON v.je_ids @> o.je_id AND v.released_at IS NULL', p_originals);
    END IF;
    IF EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.origin_run IN (SELECT c FROM acct._earlier_corrections(p_run_id) AS c)
                  AND v.released_at IS NULL AND v.run_id <> ALL (acct._reversals_of(p_run_id))) THEN
        found := found || (SELECT string_agg(format(' UNION SELECT k.reversal_of FROM (%s) AS k JOIN acct.journal_reversal AS v ON v.je_ids @> k.je_id '
                                                    'AND v.released_at IS NULL AND v.run_id <> ALL (%L)', q, acct._reversals_of(p_run_id)), '')
                             FROM acct._earlier_rows(p_run_id, 'header', '{je_id,reversal_of}') AS q);
    END IF;
    RETURN 'SELECT 0::bigint AS je_id' || found;
END
$$;
COMMENT ON FUNCTION acct._claimed_journals(bigint, text) IS
'The query of the journals, of those that a query returns, which are reversed or about to be, or whose earlier corrections are since a correction was expanded: that leaves them alone.';

CREATE FUNCTION acct._make_scratch(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['header', 'line'] LOOP
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I (LIKE acct.%I INCLUDING ALL)', 'correction_' || rel || '_' || p_run_id, 'je_' || rel || '_staging')
                || acct._storage_of(format('acct.%I', 'je_' || rel || '_staging')::regclass);
        EXECUTE format('ALTER TABLE acct.%I DROP CONSTRAINT IF EXISTS chk_no_rows', 'correction_' || rel || '_' || p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._make_scratch(bigint) IS
'Makes the two tables into which a correction evaluates transactions; they are dropped by the same transaction.';

CREATE FUNCTION acct._find_candidates(p_run_id bigint, p_origin bigint, p_buckets bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on SET work_mem = '64MB' AS $$
DECLARE
    candidates CONSTANT text := format('acct.%I', 'correction_candidate_' || p_run_id);
    headers CONSTANT text := acct._posted_rows(p_origin, 'header',
        '{je_id,txn_id,txn_month,je_date,entity_code,basis,template_code,template_version,txn_type,product_code,channel,currency,policy_no}'
        || acct._dimensions_of('header'));
    query text;
BEGIN
    -- What is reversed, or about to be, is left out.
    query := format($q$
        SELECT o.je_id AS "#original", o.je_date AS original_date, o.txn_id, o.txn_month, o.entity_code, o.basis,
               coalesce(e.template_code, o.template_code) AS template_code, coalesce(e.template_version, o.template_version) AS template_version,
               o.txn_type, o.product_code, o.channel, o.currency, o.policy_no, row_number() OVER (ORDER BY o.txn_id, o.basis) AS "#n"%1$s
          FROM (%2$s) AS o
          LEFT JOIN %3$s AS e ON (e.txn_id, e.basis) = (o.txn_id, o.basis)
         WHERE o.je_id NOT IN (%4$s)$q$,
        acct._dimension_list('header', 'coalesce(e.%1$I, o.%1$I) AS %1$I'), headers, format('acct.%I', 'correction_header_' || p_run_id),
        acct._claimed_journals(p_run_id, headers));
    EXECUTE format('CREATE UNLOGGED TABLE %s AS %s WITH NO DATA', candidates, query);
    EXECUTE format('INSERT INTO %s %s AND acct._in_buckets($1, o.txn_id, o.basis)', candidates, query) USING p_buckets;
    EXECUTE format('ANALYZE %s', candidates);
END
$$;
COMMENT ON FUNCTION acct._find_candidates(bigint, bigint, bytea) IS
'Lists, for a correction, the journals of the run that it corrects whose transactions may come to something else now, with what the headers of their corrections have.';

CREATE FUNCTION acct._collect_lines(p_run_id bigint, p_origin bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on SET work_mem = '64MB'
    -- What is handled as text is read back.
    SET extra_float_digits = 1 AS $$
DECLARE
    candidates CONSTANT text := format('acct.%I', 'correction_candidate_' || p_run_id);
    parts CONSTANT text := format('acct.%I', 'correction_part_' || p_run_id);
    keys CONSTANT text := 'l.entity_code, l.account_code, l.fund, l.currency, l.product_code, l.channel'
        || acct._sortable_dimensions('l.%1$I', 'l.%1$I::text AS %1$I');
    query CONSTANT text := 'INSERT INTO %s SELECT p."#n", false, p.txn_id, p.basis, %s, l.credit - l.debit FROM %s AS p JOIN (%s) AS l ON %s';
    by_account CONSTANT text := 'l.account_code, l.fund, l.currency, l.product_code, l.channel' || acct._dimension_list('line', 'l.%I');
    earlier text;
BEGIN
    EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT p."#n", true AS "#is_expected", p.txn_id, p.basis, %s, l.debit - l.credit AS "#amount" '
                   'FROM %s AS p JOIN %s AS l ON (l.txn_id, l.basis) = (p.txn_id, p.basis)',
                   parts, keys, candidates, format('acct.%I', 'correction_line_' || p_run_id));
    FOR earlier IN SELECT q FROM acct._earlier_rows(p_run_id, 'line', acct._correction_columns()) AS q LOOP
        EXECUTE format(query, parts, keys, candidates, earlier, '(l.txn_id, l.basis) = (p.txn_id, p.basis)');
    END LOOP;
    EXECUTE format(query, parts, keys, candidates, acct._posted_rows(p_origin, 'line', acct._correction_columns()), 'l.je_id = p."#original"');
    EXECUTE format('CREATE UNLOGGED TABLE %1$s AS SELECT l."#n", %2$s, sum(l."#amount") AS "#amount" FROM %3$s AS l '
                   'GROUP BY l."#n", %2$s HAVING sum(l."#amount") <> 0', format('acct.%I', 'correction_difference_' || p_run_id), by_account, parts);
END
$$;
COMMENT ON FUNCTION acct._collect_lines(bigint, bigint) IS
'Computes, for a correction, where lines have dimensions: the differences of the transactions that may differ, from their lines as they should be and as they are.';

CREATE FUNCTION acct._net_candidates(p_run_id bigint, p_origin bigint, p_tables regclass[], p_buckets bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap SET work_mem = '64MB' AS $$
DECLARE
    candidates CONSTANT text := format('acct.%I', 'correction_candidate_' || p_run_id);
    difference CONSTANT text := format('acct.%I', 'correction_difference_' || p_run_id);
    lines CONSTANT text[] := acct._correction_columns();
    few boolean;
    posted text;
    net_digest text;
BEGIN
    EXECUTE format('SELECT count(*) < (SELECT r.journals / 100 FROM acct.journal_run AS r WHERE r.run_id = $1) FROM %s', candidates)
       INTO few USING p_origin;
    posted := acct._posted_rows(p_origin, 'line', lines, few OR p_tables IS NULL);
    IF few THEN
        -- The lines of a few journals are found by their key.
        PERFORM set_config('enable_nestloop', 'on', true), set_config('enable_hashjoin', 'off', true),
                set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true);
        posted := format('SELECT x.* FROM %s AS p JOIN (%s) AS x ON x.je_id = p."#original"', candidates, posted);
    END IF;
    EXECUTE format('CREATE UNLOGGED TABLE %s ("#n" bigint, account_code text COLLATE "C", fund text COLLATE "C", currency text COLLATE "C", '
                   'product_code text COLLATE "C", channel text COLLATE "C", "#amount" numeric, digest text)', difference);
    EXECUTE format('INSERT INTO %s SELECT x."#n", x.account_code, x.fund, x.currency, x.product_code, x.channel, x."#amount", x.digest '
                   'FROM acct._net_lines($1, $2, $3, $4, $5) AS x', difference)
      USING format('SELECT c."#n", c.txn_id, c.basis FROM %s AS c', candidates), format('acct.%I', 'correction_line_' || p_run_id)::regclass,
            CASE WHEN NOT few THEN p_tables END, p_buckets,
            (SELECT string_agg(acct._line_query('(' || q || ')'), ' UNION ALL ')
               FROM (SELECT posted AS q UNION ALL SELECT e FROM acct._earlier_rows(p_run_id, 'line', lines) AS e) AS x);
    EXECUTE format('DELETE FROM %s AS d WHERE d."#n" IS NULL RETURNING d.digest', difference) INTO net_digest;
    UPDATE acct.journal_run AS r SET evaluation_digest = net_digest WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._net_candidates(bigint, bigint, regclass[], bytea) IS
'Computes, for a correction, the differences of the transactions that may differ, and the digest of what those that do should come to.';

CREATE FUNCTION acct._compute_differences(p_run_id bigint, p_origin bigint, p_tables regclass[], p_buckets bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on SET work_mem = '64MB' AS $$
DECLARE
    candidates CONSTANT text := format('acct.%I', 'correction_candidate_' || p_run_id);
    difference CONSTANT text := format('acct.%I', 'correction_difference_' || p_run_id);
BEGIN
    IF acct._dimensions_of('line') = '{}' THEN
        PERFORM acct._net_candidates(p_run_id, p_origin, p_tables, p_buckets);
    ELSE
        PERFORM acct._collect_lines(p_run_id, p_origin);
    END IF;
    -- Differences of amounts that fit may not fit themselves.
    EXECUTE format($q$
        WITH large AS (
            SELECT d."#n" FROM %1$s AS d GROUP BY d."#n"
            HAVING greatest(sum(d."#amount") FILTER (WHERE d."#amount" > 0), -sum(d."#amount") FILTER (WHERE d."#amount" < 0)) >= 1e16),
        listed AS (
            INSERT INTO acct.je_exception (run_id, txn_id, txn_month, basis, reason, template_code, template_version, message)
            SELECT %2$s, p.txn_id, p.txn_month, p.basis, 'AMOUNT_RANGE', p.template_code, p.template_version, 'the difference does not fit numeric(20,4)'
              FROM large AS x JOIN %3$s AS p USING ("#n")),
        gone AS (DELETE FROM %1$s AS d USING large AS x WHERE d."#n" = x."#n")
        DELETE FROM %3$s AS p USING large AS x WHERE p."#n" = x."#n"$q$, difference, p_run_id, candidates);
    EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT c.*, row_number() OVER (ORDER BY c."#n") AS "#place" FROM %s AS c '
                   'WHERE c."#n" IN (SELECT d."#n" FROM %s AS d)', format('acct.%I', 'correction_pair_' || p_run_id), candidates, difference);
    EXECUTE format('ANALYZE %s', format('acct.%I', 'correction_pair_' || p_run_id));
END
$$;
COMMENT ON FUNCTION acct._compute_differences(bigint, bigint, regclass[], bytea) IS
'Computes, for a correction, by how much each account of the transactions that differ has to move, and lists these; those whose differences are too large become exceptions.';

CREATE FUNCTION acct._take_je_ids(p_run_id bigint, p_count bigint) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    few CONSTANT bigint := 1000;
    month date;
    first_id bigint;
BEGIN
    SELECT date_trunc('month', r.je_date::timestamp)::date, g.from_je_id INTO month, first_id
      FROM acct.journal_run AS r LEFT JOIN LATERAL acct._je_range(r.je_range) AS g ON true WHERE r.run_id = p_run_id;
    IF first_id IS NULL OR p_count < few THEN
        UPDATE acct.journal_run AS r SET je_range = NULL, range_months = '{}' WHERE r.run_id = p_run_id;
        RETURN ARRAY(SELECT nextval('acct.je_id_seq') - few + 1 FROM generate_series(1, (p_count + few - 1) / few));
    END IF;
    UPDATE acct.journal_run AS r SET range_months = ARRAY[month] WHERE r.run_id = p_run_id;
    RETURN ARRAY(SELECT first_id + few * b FROM generate_series(0, (p_count + few - 1) / few - 1) AS b);
END
$$;
COMMENT ON FUNCTION acct._take_je_ids(bigint, bigint) IS
'Identifiers for so many journals of a run of one date, as the first of each thousand: from the run''s range, or where it has none, or few journals, from the sequence.';

CREATE FUNCTION acct._stage_differences(p_run_id bigint, p_header text, p_line text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on SET work_mem = '64MB' AS $$
DECLARE
    pairs CONSTANT text := format('acct.%I', 'correction_pair_' || p_run_id);
    difference CONSTANT text := format('acct.%I', 'correction_difference_' || p_run_id);
    je_id CONSTANT text := '($1)[(p."#place" - 1) / 1000 + 1] + (p."#place" - 1) % 1000';
    run acct.journal_run;
    blocks bigint[];
    found bigint;
    header_dimensions text;
    header_values text;
    line_dimensions text;
    line_values text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    EXECUTE format('SELECT count(*) FROM %s AS p', pairs) INTO found;
    blocks := acct._take_je_ids(p_run_id, found);
    header_dimensions := acct._dimension_list('header', '%I');
    header_values := acct._dimension_list('header', 'p.%I');
    line_dimensions := acct._dimension_list('line', '%I');
    line_values := acct._sortable_dimensions('d.%1$I', 'd.%1$I::%2$s');
    EXECUTE format($q$
        INSERT INTO %1$s (je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code, basis, template_code, txn_type,
                          product_code, channel, currency, policy_no, total_debit, total_credit, reversal_of, memo, journal_type%2$s)
        SELECT %3$s, %4$s, p.txn_id, $2, p.txn_month, p.template_version, d.lines, p.entity_code, p.basis, p.template_code, p.txn_type,
               p.product_code, p.channel, p.currency, p.policy_no, d.debit, d.credit, p."#original", $3, 'correction'%7$s
          FROM %5$s AS p
          JOIN (SELECT x."#n", count(*) AS lines, coalesce(sum(x."#amount") FILTER (WHERE x."#amount" > 0), 0) AS debit,
                       coalesce(-sum(x."#amount") FILTER (WHERE x."#amount" < 0), 0) AS credit
                  FROM %6$s AS x GROUP BY x."#n") AS d USING ("#n")
         ORDER BY p."#n"$q$, p_header, header_dimensions, je_id, p_run_id, pairs, difference, header_values)
      USING blocks, run.je_date, acct._memo_of(run.reason);
    EXECUTE format($q$
        INSERT INTO %1$s (je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit%2$s)
        SELECT %3$s, %4$s, p.txn_id, $2, d.line_no, p.entity_code, p.basis, d.account_code, d.fund, d.currency, d.product_code, d.channel,
               greatest(d."#amount", 0), greatest(-d."#amount", 0)%7$s
          FROM (SELECT p."#n", p."#place", p.txn_id, p.entity_code, p.basis FROM %5$s AS p) AS p
          JOIN (SELECT x.*, row_number() OVER (PARTITION BY x."#n" ORDER BY x.fund, x."#amount" < 0, x.account_code, x.currency, x.product_code, x.channel%2$s) AS line_no
                  FROM %6$s AS x) AS d USING ("#n")
         ORDER BY d.account_code, d.fund, p."#n"$q$, p_line, line_dimensions, je_id, p_run_id, pairs, difference, line_values)
      USING blocks, run.je_date;
END
$$;
COMMENT ON FUNCTION acct._stage_differences(bigint, text, text) IS
'Writes the journals of a correction into its staging tables: a journal for each transaction that differs, with a line for each account, fund, currency and dimensions; a negative difference is on the other side.';

CREATE FUNCTION acct._net_digest(p_lines text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- Each account of a transaction as one line of no date: what the transaction comes to, however many lines it is made of.
    RETURN (SELECT d.digest FROM acct._digest_lines(format(
        'SELECT x.txn_id, date ''2000-01-01'', 0::smallint, x.entity_code, x.basis, x.account_code, x.fund, x.currency, x.product_code, x.channel, '
        'greatest(x.amount, 0)::numeric(20,4), greatest(-x.amount, 0)::numeric(20,4) '
        'FROM (SELECT l.txn_id, l.entity_code, l.basis, l.account_code, l.fund, l.currency, l.product_code, l.channel, sum(l.debit - l.credit) AS amount '
        '        FROM (%s) AS l GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(l.debit - l.credit) <> 0) AS x', p_lines)) AS d);
END
$$;
COMMENT ON FUNCTION acct._net_digest(text) IS
'The digest of what the lines of a query come to, by transaction and account.';

CREATE FUNCTION acct._record_correction(p_run_id bigint, p_header text, p_line text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on AS $$
DECLARE
    pairs CONSTANT text := format('acct.%I', 'correction_pair_' || p_run_id);
    by_basis jsonb;
BEGIN
    PERFORM acct._record_lines(p_run_id, p_header, p_line);
    EXECUTE format('SELECT jsonb_object_agg(b.basis, jsonb_build_object(''journals'', (SELECT count(*) FROM %s AS h WHERE h.run_id = %s AND h.basis = b.basis), '
                   '''exceptions'', (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = %2$s AND e.basis = b.basis), ''ignored'', '
                   'coalesce((r.basis_counts #>> ARRAY[b.basis, ''ignored''])::bigint, 0))) '
                   'FROM acct.journal_run AS r, unnest(r.bases) AS b (basis) WHERE r.run_id = %2$s', p_header, p_run_id) INTO by_basis;
    UPDATE acct.journal_run AS r
       SET basis_counts = by_basis,
           exceptions = (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = p_run_id),
           minor_units = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each(r.minor_units) AS m
                           WHERE m.key IN (SELECT t.currency FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id)),
           evaluation_digest = CASE WHEN acct._dimensions_of('line') = '{}' THEN r.evaluation_digest ELSE
               acct._net_digest(format('SELECT x.*, x."#amount" AS debit, 0 AS credit FROM %s AS x JOIN %s AS p USING ("#n") WHERE x."#is_expected"',
                                       format('acct.%I', 'correction_part_' || p_run_id), pairs)) END
     WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._record_correction(bigint, text, text) IS
'Records the counts, totals and digests of a correction that is staged.';

CREATE FUNCTION acct._require_same_source(p_run_id bigint, p_origin bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    failed text;
BEGIN
    -- The same columns give the same digest, so that the rows need not be read again.
    IF EXISTS (SELECT FROM acct.journal_run AS r JOIN acct.journal_run AS o ON o.run_id = p_origin
                WHERE r.run_id = p_run_id AND (r.source_columns, r.source_types, r.source_digest) = (o.source_columns, o.source_types, o.source_digest)) THEN
        RETURN;
    END IF;
    SELECT string_agg(format('%s (expected %s, found %s)', c.check_name, c.expected, c.actual), '; ') INTO failed
      FROM acct._check_source_rows(p_origin) AS c WHERE c.expected IS DISTINCT FROM c.actual;
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION 'the source rows of run % are not what they were', p_origin
            USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.', HINT = 'See acct.validate_run().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_same_source(bigint, bigint) IS
'Raises LE009 where the source rows that a correction evaluated are not those that the run used which it corrects.';

CREATE FUNCTION acct._sift_exceptions(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on AS $$
DECLARE
    candidates CONSTANT text := format('acct.%I', 'correction_candidate_' || p_run_id);
BEGIN
    IF NOT EXISTS (SELECT FROM acct.je_exception AS e WHERE e.run_id = p_run_id) THEN
        RETURN;
    END IF;
    -- What has no journal to correct is for reprocess_exceptions() and reprocess_ignored(), or is reversed.
    EXECUTE format('DELETE FROM acct.je_exception AS e WHERE e.run_id = %s AND (e.txn_id, e.basis) NOT IN (SELECT c.txn_id, c.basis FROM %s AS c)',
                   p_run_id, candidates);
    -- Their journals stay as they are: nothing waits for a journal.
    UPDATE acct.je_exception AS e SET voided_at = clock_timestamp() WHERE e.run_id = p_run_id;
    EXECUTE format('DELETE FROM %s AS c USING acct.je_exception AS e WHERE e.run_id = %s AND (e.txn_id, e.basis) = (c.txn_id, c.basis)', candidates, p_run_id);
END
$$;
COMMENT ON FUNCTION acct._sift_exceptions(bigint) IS
'Leaves of the exceptions that a correction met those of transactions with a journal, void: they are a list, and are not taken up again. Nothing is compared of these.';

CREATE FUNCTION acct._drop_scratch(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET client_min_messages = warning AS $$
BEGIN
    EXECUTE (SELECT 'DROP TABLE IF EXISTS ' || string_agg(format('acct.%I', 'correction_' || n || '_' || p_run_id), ', ')
               FROM unnest(ARRAY['header', 'line', 'candidate', 'part', 'difference', 'pair']) AS n);
END
$$;
COMMENT ON FUNCTION acct._drop_scratch(bigint) IS 'Drops the tables that a correction needed while it was expanded.';

CREATE FUNCTION acct._require_after_originals(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    corrected date := (SELECT r.je_date FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    day date;
    journals bigint;
BEGIN
    EXECUTE format('SELECT max(p.original_date) AS day, count(*) AS journals FROM acct.%I AS p WHERE p.original_date > $1', 'correction_pair_' || p_run_id)
       INTO day, journals USING corrected;
    IF journals > 0 THEN
        RAISE EXCEPTION 'the correction of % is dated before journals that it corrects', to_char(corrected, 'YYYY-MM-DD')
            USING ERRCODE = '22023', DETAIL = format('%s of these journals are dated later, up to %s.', journals, to_char(day, 'YYYY-MM-DD')),
                  HINT = 'Discard the run, and call acct.correct_run() with a later date.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_after_originals(bigint) IS
'Raises 22023 where a correction is dated before a journal that it corrects.';

CREATE FUNCTION acct._evaluate_correction(p_run_id bigint, p_origin bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    lines CONSTANT text[] := acct._correction_columns();
    tables regclass[];
    posted text;
    corrections text;
    buckets bytea;
BEGIN
    PERFORM acct._make_scratch(p_run_id);
    PERFORM acct._take_je_range(p_run_id);
    PERFORM acct._note_reversals(p_run_id);
    -- Lines with dimensions are read by a query, those of the engine's columns alone by page.
    tables := CASE WHEN acct._dimensions_of('line') = '{}' THEN acct._range_tables(p_origin) END;
    posted := acct._posted_rows(p_origin, 'line', lines, tables IS NULL);
    SELECT string_agg(acct._line_query('(' || q || ')'), ' UNION ALL ') INTO corrections FROM acct._earlier_rows(p_run_id, 'line', lines) AS q;
    WITH evaluated AS MATERIALIZED (
        SELECT x.* FROM acct._evaluate(p_run_id, format('acct.%I', 'correction_header_' || p_run_id)::regclass,
            format('acct.%I', 'correction_line_' || p_run_id)::regclass, tables, acct._line_query('(' || posted || ')'), corrections) AS x),
    logged AS (
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail, exceptions)
        SELECT p_run_id, 'expand', min(x.source_partition), sum(x.transactions), sum(x.elapsed_ms), '{}', '{}' FROM evaluated AS x HAVING count(*) > 0)
    SELECT x.buckets INTO buckets FROM evaluated AS x WHERE x.buckets IS NOT NULL;
    -- crash point: correction_evaluated
    DELETE FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    PERFORM acct._require_same_source(p_run_id, p_origin);
    PERFORM acct._find_candidates(p_run_id, p_origin, buckets);
    PERFORM acct._sift_exceptions(p_run_id);
    -- crash point: correction_compared
    PERFORM acct._compute_differences(p_run_id, p_origin, tables, buckets);
END
$$;
COMMENT ON FUNCTION acct._evaluate_correction(bigint, bigint) IS
'The first part of the expansion of a correction: evaluates the transactions again, and leaves in scratch tables what differs.';

CREATE FUNCTION acct._log_correction(p_run_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    UPDATE acct.run_log AS g
       SET detail = jsonb_build_object('journals', r.journals, 'lines', r.lines, 'exceptions', r.exceptions, 'ignored', r.ignored,
                                       'debit', r.debit, 'credit', r.credit),
           exceptions = (SELECT coalesce(jsonb_object_agg(e.reason, e.found), '{}')
                           FROM (SELECT x.reason, count(*) AS found FROM acct.je_exception AS x WHERE x.run_id = p_run_id GROUP BY x.reason) AS e)
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND g.run_id = p_run_id AND g.step = 'expand'
$$;
COMMENT ON FUNCTION acct._log_correction(bigint) IS 'Logs what the expansion of a correction came to.';

CREATE FUNCTION acct._expand_correction(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    origin bigint := (SELECT r.origin_run FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    staging record;
BEGIN
    SELECT t.* INTO staging FROM acct._staging_tables(p_run_id) AS t;
    PERFORM acct._fold_policy();
    PERFORM acct._require_correctable(origin, (SELECT r.status FROM acct.journal_run AS r WHERE r.run_id = origin));
    PERFORM acct._evaluate_correction(p_run_id, origin);
    PERFORM acct._require_after_originals(p_run_id);
    PERFORM acct._progress_phase('recording totals');
    PERFORM acct._stage_differences(p_run_id, staging.header::text, staging.line::text);
    PERFORM acct._record_correction(p_run_id, staging.header::text, staging.line::text);
    PERFORM acct._require_open_periods(p_run_id);
    PERFORM acct._log_correction(p_run_id);
    PERFORM acct._drop_scratch(p_run_id);
    -- crash point: correction_staged
    IF (SELECT r.journals FROM acct.journal_run AS r WHERE r.run_id = p_run_id) = 0 THEN
        RAISE NOTICE 'run % is right by the rules in force: run % has nothing to correct', origin, p_run_id
            USING HINT = 'Post it, which changes nothing, or discard it.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._expand_correction(bigint) IS
'The data path of expand_journals for a correction: writes the differences into the two tables of staging, and what they come to into journal_run and journal_run_total.';

CREATE FUNCTION acct._check_correction(p_run_id bigint) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on AS $$
DECLARE
    run acct.journal_run;
    headers text;
    lines text;
    all_lines text;
    reversed bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF acct._is_posted(run.status) THEN
        headers := acct._posted_rows(p_run_id, 'header', '{txn_id,basis,reversal_of}');
        lines := acct._posted_rows(p_run_id, 'line', acct._correction_columns());
    ELSE
        headers := 'SELECT h.txn_id, h.basis, h.reversal_of FROM acct.je_header_staging AS h WHERE h.run_id = ' || p_run_id;
        lines := format('SELECT %s FROM acct.je_line_staging AS l WHERE l.run_id = %s',
                        (SELECT string_agg(format('l.%I', n), ', ') FROM unnest(acct._correction_columns()) AS n), p_run_id);
        EXECUTE format('SELECT count(*) FROM (%s) AS h WHERE h.reversal_of IN (%s)', headers,
                       acct._claimed_journals(p_run_id, acct._posted_rows(run.origin_run, 'header', '{je_id}'))) INTO reversed;
        RETURN QUERY SELECT 'originals_stand', '0 reversed', format('%s reversed', reversed);
    END IF;
    all_lines := format('SELECT l.* FROM (%s) AS h JOIN (%s) AS l ON l.je_id = h.reversal_of UNION ALL %s',
                        headers, acct._posted_rows(run.origin_run, 'line', acct._correction_columns()), lines)
                 || coalesce((SELECT string_agg(format(' UNION ALL SELECT l.* FROM (%s) AS h JOIN (%s) AS l ON (l.txn_id, l.basis) = (h.txn_id, h.basis)', headers, q), '')
                                FROM acct._earlier_rows(p_run_id, 'line', acct._correction_columns()) AS q), '');
    RETURN QUERY SELECT 'correction_completes', run.evaluation_digest, acct._net_digest(all_lines);
END
$$;
COMMENT ON FUNCTION acct._check_correction(bigint) IS
'The checks of validate_run that are a correction''s own: none of the journals that it corrects is reversed, and these with all corrections up to it come to what expansion computed.';

CREATE FUNCTION acct._preview_correction(p_origin bigint, p_query text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    status text := acct._read_run(p_origin);
    id bigint;
    result jsonb;
BEGIN
    PERFORM acct._require_correctable(p_origin, status);
    BEGIN
        -- A run that nobody will see; discarded, so that it is not in the way of one that is live.
        INSERT INTO acct.journal_run AS n (bases, options, kind, origin_run, je_date, status)
        SELECT r.bases, '{}', 'correction', p_origin, current_date, 'discarded' FROM acct.journal_run AS r WHERE r.run_id = p_origin
        RETURNING n.run_id INTO id;
        PERFORM acct._hold_inputs(id, true);
        PERFORM acct._hold_tables('{acct.chart_of_accounts}', 'ROW SHARE');
        PERFORM acct._progress_start(id, 'expand', acct._run_transactions(p_origin));
        PERFORM acct._evaluate_correction(id, p_origin);
        EXECUTE replace(p_query, '<run>', id::text) INTO result;
        RAISE EXCEPTION 'a preview takes back what it did' USING ERRCODE = 'RB001';
    EXCEPTION WHEN SQLSTATE 'RB001' THEN
        PERFORM acct._progress_end();
    END;
    RETURN coalesce(result, '[]');
END
$$;
COMMENT ON FUNCTION acct._preview_correction(bigint, text) IS
'Evaluates what a correction of a run would, runs a query on the differences, takes everything back, and returns the result of the query.';

CREATE FUNCTION acct.preview_correction(run_id bigint)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found jsonb;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    found := acct._preview_correction(preview_correction.run_id,
        'SELECT jsonb_agg(x) FROM (SELECT p.entity_code, p.basis, d.fund, d.account_code, d.currency, '
        '       coalesce(sum(d."#amount") FILTER (WHERE d."#amount" > 0), 0) AS debit, coalesce(-sum(d."#amount") FILTER (WHERE d."#amount" < 0), 0) AS credit, '
        '       count(*) AS line_count '
        '  FROM acct."correction_difference_<run>" AS d JOIN acct."correction_pair_<run>" AS p USING ("#n") GROUP BY 1, 2, 3, 4, 5) AS x');
    RETURN QUERY
    SELECT x.* FROM jsonb_to_recordset(found)
        AS x (entity_code text, basis text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
     ORDER BY x.entity_code COLLATE "C", x.basis COLLATE "C", x.fund COLLATE "C", x.account_code COLLATE "C", x.currency COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.preview_correction(bigint) IS
'What a correction of a posted run would book, by account; nothing is written that stays. Raises what correct_run() and the expansion of a correction raise.';

CREATE FUNCTION acct.preview_correction_transactions(run_id bigint, max_transactions integer DEFAULT 20)
RETURNS TABLE (txn_id bigint, basis text, je_id bigint, je_date date, template_code text, template_version integer, debit numeric, credit numeric,
               line_count bigint, problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most CONSTANT integer := preview_correction_transactions.max_transactions;
    found jsonb;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF most IS NULL OR most < 1 OR most > 100000 THEN
        RAISE EXCEPTION 'max_transactions is %', coalesce(most::text, 'NULL') USING ERRCODE = '22023', HINT = 'It is a number from 1 to 100000.';
    END IF;
    found := acct._preview_correction(preview_correction_transactions.run_id, format(
        'SELECT jsonb_agg(x) FROM (SELECT * FROM (SELECT p.txn_id, p.basis, p."#original" AS je_id, p.original_date AS je_date, p.template_code, p.template_version, '
        '       d.debit, d.credit, d.line_count, NULL AS problem '
        '  FROM (SELECT y."#n", coalesce(sum(y."#amount") FILTER (WHERE y."#amount" > 0), 0) AS debit, coalesce(-sum(y."#amount") FILTER (WHERE y."#amount" < 0), 0) AS credit, '
        '               count(*) AS line_count FROM acct."correction_difference_<run>" AS y GROUP BY y."#n") AS d '
        '  JOIN acct."correction_pair_<run>" AS p USING ("#n") '
        ' UNION ALL '
        'SELECT e.txn_id, e.basis, NULL, NULL, e.template_code, e.template_version, NULL, NULL, NULL, e.reason || '': '' || e.message '
        '  FROM acct.je_exception AS e WHERE e.run_id = <run>) AS z '
        ' ORDER BY greatest(z.debit, z.credit) DESC NULLS LAST, z.txn_id, z.basis LIMIT %s) AS x', most));
    RETURN QUERY
    SELECT x.* FROM jsonb_to_recordset(found)
        AS x (txn_id bigint, basis text, je_id bigint, je_date date, template_code text, template_version integer, debit numeric, credit numeric,
              line_count bigint, problem text)
     ORDER BY greatest(x.debit, x.credit) DESC NULLS LAST, x.txn_id, x.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.preview_correction_transactions(bigint, integer) IS
'The transactions that a correction of a posted run would change most, each with the journal that it corrects, the rule that applies now and the sums of the difference; last those that can no longer be booked, which it would leave as they are, with the reason. Nothing is written that stays.';

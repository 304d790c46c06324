-- Corrections: a posted run's transactions are evaluated again by the rules approved now, and the difference is booked.
--
-- A correction is a run of its own. Expanding it evaluates the transactions of the run that it corrects as any expansion does,
-- and compares what they come to with what is posted for them (acct._evaluate). Those that may differ are expanded into two tables
-- of its own, compared line by line, and their differences written into staging (acct._book_differences).

CREATE FUNCTION acct._layout_correction() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS evaluation_digest text;
    CREATE UNIQUE INDEX IF NOT EXISTS journal_run_live_correction_idx ON acct.journal_run (origin_run)
        WHERE kind = 'correction' AND status IN ('created', 'expanded');
END
$layout$;
COMMENT ON FUNCTION acct._layout_correction() IS 'The part of install() that creates what corrections need.';

CREATE FUNCTION acct._comment_correction() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON COLUMN acct.journal_run.evaluation_digest IS 'Of a correction: digest of what the transactions that it changes should come to, by account (32 hexadecimal digits). NULL: another kind of run, or not expanded.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_correction() IS 'The part of install() that describes the objects of correction.sql.';

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
    END IF;
    PERFORM acct._require_source_month(run.txn_month);
END
$$;
COMMENT ON FUNCTION acct._require_correctable(bigint, text) IS
'Raises LE002 where a run is not one of transactions that is posted and not reversed, 55000 where its source is archived, LE010 where it is detached.';

CREATE FUNCTION acct._require_correction_date(p_run_id bigint, p_day date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month CONSTANT date := date_trunc('month', p_day)::date;
    has_earlier boolean := (SELECT bool_or(t.je_month < month) FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id AND t.je_month <= month);
    closed text[];
    books bigint;
BEGIN
    IF acct._is_archived('ledger_entry', month) THEN
        PERFORM acct._raise_archived('ledger_entry', month);
    END IF;
    SELECT count(*), array_agg(format('%s %s %s', b.entity_code, b.basis, acct._month_name(month)) ORDER BY b.entity_code, b.basis) FILTER (WHERE acct._is_closed(b.entity_code, b.basis, month))
      INTO books, closed FROM (SELECT DISTINCT t.entity_code, t.basis FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id) AS b;
    -- Where one is open, and all that there is to correct is in that one, expanding the correction succeeds.
    IF cardinality(closed) = books THEN
        RAISE EXCEPTION 'a correction of % would be in a closed period', to_char(p_day, 'YYYY-MM-DD')
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || array_to_string(closed, ', ') || '.', HINT = 'Give a date in an open period, or reopen this one.';
    END IF;
    IF NOT has_earlier THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM (%s) AS o WHERE o.je_date <= %L)', acct._posted_rows(p_run_id, 'header', '{je_date}'), to_char(p_day, 'YYYY-MM-DD'))
           INTO has_earlier;
    END IF;
    IF NOT coalesce(has_earlier, books = 0) THEN
        RAISE EXCEPTION 'the correction of % is dated before journals that it corrects', to_char(p_day, 'YYYY-MM-DD')
            USING ERRCODE = '22023', DETAIL = format('All journals of run %s are dated later.', p_run_id), HINT = 'Give a later date.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_correction_date(bigint, date) IS
'Raises 22023 where a day is before all journals of a run, LE006 where its month is closed for all books of the run, or archived. Where some of these can be corrected on that day, expansion decides.';

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
    PERFORM acct._require_correction_date(origin, correct_run.correction_date);
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
'Creates a run of kind correction, to be expanded and posted like any other, that books the difference between what a posted run''s transactions come to by the rules approved now and what is posted for them; returns its run_id. Raises LE001, LE002 (not a posted run of transactions, or it has a correction that is not posted), LE006 (the date''s period is closed, or archived), 22023 (no reason, or no date on or after a journal''s), 55000 (its source is archived).';

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
'Addition to a list of columns for those of a site: an item for each, in the format of format(), after a comma.';

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

CREATE FUNCTION acct._line_query(p_rows text, p_with_dimensions boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT l.txn_id, l.entity_code, l.basis, l.account_code, l.fund, l.currency, l.product_code, l.channel, %s, l.debit, l.credit%s FROM %s AS l',
                  CASE WHEN d.names = '{}' OR p_with_dimensions THEN 'NULL::text'
                       ELSE format('ROW(%s)::text', (SELECT string_agg(format('l.%I', n), ', ' ORDER BY n) FROM unnest(d.names) AS n)) END,
                  CASE WHEN p_with_dimensions THEN acct._dimension_list('line', 'l.%I') ELSE '' END, p_rows)
      FROM (SELECT acct._dimensions_of('line') AS names) AS d
$$;
COMMENT ON FUNCTION acct._line_query(text, boolean) IS
'The query of the lines of a subquery, as _evaluate() compares them, with their dimensions as one text; or as _book_differences() adds them up, with their dimensions as they are.';

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

CREATE FUNCTION acct._make_scratch(p_run_id bigint, p_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['header', 'line'] LOOP
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I (LIKE acct.%I INCLUDING ALL)', p_name || '_' || rel || '_' || p_run_id, 'je_' || rel || '_staging')
                || acct._storage_of(format('acct.%I', 'je_' || rel || '_staging')::regclass);
        EXECUTE format('ALTER TABLE acct.%I DROP CONSTRAINT IF EXISTS chk_no_rows', p_name || '_' || rel || '_' || p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._make_scratch(bigint, text) IS
'Creates two tables of headers and lines for a correction: correction, into which it evaluates transactions, or previewed, into which a preview writes; they are dropped by the same transaction.';

CREATE FUNCTION acct._correctable_journals(p_run_id bigint, p_origin bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    headers CONSTANT text := acct._posted_rows(p_origin, 'header',
        '{je_id,txn_id,txn_month,je_date,entity_code,basis,template_code,template_version,txn_type,product_code,channel,currency,policy_no}'
        || acct._dimensions_of('header'));
BEGIN
    -- What is reversed, or about to be, is left out, and what can no longer be booked.
    RETURN format($q$
        SELECT o.je_id, o.je_date, o.txn_id, o.txn_month, o.entity_code, o.basis,
               coalesce(e.template_code, o.template_code) AS template_code, coalesce(e.template_version, o.template_version) AS template_version,
               o.txn_type, o.product_code, o.channel, o.currency, o.policy_no%1$s
          FROM (%2$s) AS o
          LEFT JOIN %3$s AS e ON (e.txn_id, e.basis) = (o.txn_id, o.basis)
         WHERE o.je_id NOT IN (%4$s) AND acct._in_buckets($1, o.txn_id, o.basis)%5$s
         ORDER BY o.txn_id, o.basis COLLATE "C"$q$,
        acct._dimension_list('header', 'coalesce(e.%1$I, o.%1$I) AS %1$I'), headers, format('acct.%I', 'correction_header_' || p_run_id),
        acct._claimed_journals(p_run_id, headers),
        CASE WHEN EXISTS (SELECT FROM acct.je_exception AS e WHERE e.run_id = p_run_id)
             THEN format(' AND (o.txn_id, o.basis) NOT IN (SELECT x.txn_id, x.basis FROM acct.je_exception AS x WHERE x.run_id = %s)', p_run_id) ELSE '' END);
END
$$;
COMMENT ON FUNCTION acct._correctable_journals(bigint, bigint) IS
'The query of the journals of a run whose transactions may come to something else now ($1: buckets), with what the headers of their corrections have.';

CREATE FUNCTION acct._compute_differences(p_run_id bigint, p_origin bigint, p_header text, p_line text, p_tables regclass[], p_buckets bytea,
    OUT later bigint, OUT latest date)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on SET work_mem = '64MB' AS $$
DECLARE
    lines CONSTANT text[] := acct._correction_columns();
    corrections text;
    found record;
BEGIN
    SELECT string_agg(acct._line_query('(' || q || ')', true), ' UNION ALL ') INTO corrections FROM acct._earlier_rows(p_run_id, 'line', lines) AS q;
    SELECT x.* INTO found
      FROM acct._book_differences(p_run_id, p_header::regclass, p_line::regclass, acct._correctable_journals(p_run_id, p_origin), p_buckets,
               format('acct.%I', 'correction_line_' || p_run_id)::regclass, p_tables,
               acct._line_query('(' || acct._posted_rows(p_origin, 'line', lines, p_tables IS NULL) || ')', true),
               acct._line_query(format('(SELECT x.* FROM (%s) AS x WHERE x.je_id = ANY ($1))', acct._posted_rows(p_origin, 'line', lines)), true),
               corrections, (SELECT r.journals / 100 FROM acct.journal_run AS r WHERE r.run_id = p_origin)) AS x;
    UPDATE acct.journal_run AS r
       SET evaluation_digest = found.evaluation_digest,
           basis_counts = (SELECT jsonb_object_agg(b.basis, jsonb_build_object('journals', coalesce((found.by_basis #>> ARRAY[b.basis, 'journals'])::bigint, 0),
                                      'exceptions', (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = p_run_id AND e.basis = b.basis),
                                      'ignored', coalesce((r.basis_counts #>> ARRAY[b.basis, 'ignored'])::bigint, 0)))
                             FROM unnest(r.bases) AS b (basis)),
           exceptions = (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = p_run_id),
           minor_units = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each(r.minor_units) AS m
                           WHERE m.key IN (SELECT t.currency FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id))
     WHERE r.run_id = p_run_id;
    later := found.later;
    latest := found.latest;
END
$$;
COMMENT ON FUNCTION acct._compute_differences(bigint, bigint, text, text, regclass[], bytea) IS
'Writes the journals of a correction into two tables of staging: a journal for each transaction that differs, with a line for each account, fund, currency and dimensions; and records what they come to. later counts those that they correct which are dated after it, latest is the last such date.';

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

CREATE FUNCTION acct._sift_exceptions(p_run_id bigint, p_origin bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on AS $$
DECLARE
    headers CONSTANT text := acct._posted_rows(p_origin, 'header', '{je_id,txn_id,basis}');
BEGIN
    IF NOT EXISTS (SELECT FROM acct.je_exception AS e WHERE e.run_id = p_run_id) THEN
        RETURN;
    END IF;
    -- What has no journal to correct is for reprocess_exceptions() and reprocess_ignored(), or is reversed.
    EXECUTE format('DELETE FROM acct.je_exception AS e WHERE e.run_id = %s AND (e.txn_id, e.basis) NOT IN '
                   '(SELECT o.txn_id, o.basis FROM (%s) AS o WHERE o.je_id NOT IN (%s))', p_run_id, headers, acct._claimed_journals(p_run_id, headers));
    -- Their journals stay as they are: nothing waits for a journal.
    UPDATE acct.je_exception AS e SET voided_at = clock_timestamp() WHERE e.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._sift_exceptions(bigint, bigint) IS
'Leaves of the exceptions that a correction met those of transactions with a journal, void: they are a list, and are not taken up again.';

CREATE FUNCTION acct._drop_scratch(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE acct.%I, acct.%I', 'correction_header_' || p_run_id, 'correction_line_' || p_run_id);
END
$$;
COMMENT ON FUNCTION acct._drop_scratch(bigint) IS 'Drops the tables that a correction needed while it was expanded.';

CREATE FUNCTION acct._require_after_originals(p_run_id bigint, p_later bigint, p_latest date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_later > 0 THEN
        RAISE EXCEPTION 'the correction of % is dated before journals that it corrects',
                        (SELECT to_char(r.je_date, 'YYYY-MM-DD') FROM acct.journal_run AS r WHERE r.run_id = p_run_id)
            USING ERRCODE = '22023', DETAIL = format('%s of these journals are dated later, up to %s.', p_later, to_char(p_latest, 'YYYY-MM-DD')),
                  HINT = 'Discard the run, and call acct.correct_run() with a later date.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_after_originals(bigint, bigint, date) IS
'Raises 22023 where a correction is dated before journals that it corrects: how many, and the last of their dates.';

CREATE FUNCTION acct._evaluate_correction(p_run_id bigint, p_origin bigint, p_header text, p_line text, p_policy text[] DEFAULT NULL, OUT later bigint, OUT latest date)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    lines CONSTANT text[] := acct._correction_columns();
    runs CONSTANT bigint[] := p_origin || ARRAY(SELECT c FROM acct._earlier_corrections(p_run_id) AS c);
    tables regclass[];
    posted text;
    corrections text;
    buckets bytea;
BEGIN
    -- What is missing from the ledger would be booked once more.
    PERFORM acct._require_months_of(runs);
    PERFORM acct._require_posted_rows(r) FROM unnest(runs) AS r;
    PERFORM acct._make_scratch(p_run_id, 'correction');
    PERFORM acct._take_je_range(p_run_id);
    PERFORM acct._note_reversals(p_run_id);
    -- Lines with dimensions are read by a query, those of the engine's columns alone by page.
    tables := CASE WHEN acct._dimensions_of('line') = '{}' THEN acct._range_tables(p_origin) END;
    posted := acct._posted_rows(p_origin, 'line', lines, tables IS NULL);
    SELECT string_agg(acct._line_query('(' || q || ')'), ' UNION ALL ') INTO corrections FROM acct._earlier_rows(p_run_id, 'line', lines) AS q;
    WITH evaluated AS MATERIALIZED (
        SELECT x.* FROM acct._evaluate(p_run_id, format('acct.%I', 'correction_header_' || p_run_id)::regclass,
            format('acct.%I', 'correction_line_' || p_run_id)::regclass, tables, acct._line_query('(' || posted || ')'), corrections, p_policy) AS x),
    logged AS (
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail, exceptions)
        SELECT p_run_id, 'expand', min(x.source_partition), sum(x.transactions), sum(x.elapsed_ms), '{}', '{}' FROM evaluated AS x HAVING count(*) > 0)
    SELECT x.buckets INTO buckets FROM evaluated AS x WHERE x.buckets IS NOT NULL;
    -- crash point: correction_evaluated
    DELETE FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    PERFORM acct._require_same_source(p_run_id, p_origin);
    PERFORM acct._sift_exceptions(p_run_id, p_origin);
    -- crash point: correction_compared
    SELECT x.later, x.latest INTO later, latest FROM acct._compute_differences(p_run_id, p_origin, p_header, p_line, tables, buckets) AS x;
END
$$;
COMMENT ON FUNCTION acct._evaluate_correction(bigint, bigint, text, text, text[]) IS
'The expansion of a correction into two tables of staging: evaluates the transactions again, by a policy as _policy_with() has it (NULL: what is approved), and writes by how much those differ that do. later counts the journals that it corrects which are dated after it, latest is the last such date.';

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
    found record;
BEGIN
    SELECT t.* INTO staging FROM acct._staging_tables(p_run_id) AS t;
    PERFORM acct._fold_policy();
    PERFORM acct._require_correctable(origin, (SELECT r.status FROM acct.journal_run AS r WHERE r.run_id = origin));
    SELECT x.* INTO found FROM acct._evaluate_correction(p_run_id, origin, staging.header::text, staging.line::text) AS x;
    PERFORM acct._require_after_originals(p_run_id, found.later, found.latest);
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

CREATE FUNCTION acct._preview_correction(p_origin bigint, p_query text, p_release bigint) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    status text := acct._read_run(p_origin);
    policy text[];
    id bigint;
    result jsonb;
BEGIN
    PERFORM acct._require_correctable(p_origin, status);
    IF p_release IS NOT NULL THEN
        PERFORM acct._require_comparable(p_release);
        policy := acct._policy_with(p_release);
    END IF;
    BEGIN
        -- A run that nobody will see; discarded, so that it is not in the way of one that is live.
        INSERT INTO acct.journal_run AS n (bases, options, kind, origin_run, je_date, status)
        SELECT r.bases, '{}', 'correction', p_origin, current_date, 'discarded' FROM acct.journal_run AS r WHERE r.run_id = p_origin
        RETURNING n.run_id INTO id;
        PERFORM acct._hold_inputs(id, true);
        PERFORM acct._hold_tables('{acct.chart_of_accounts}', 'ROW SHARE');
        PERFORM acct._progress_start(id, 'expand', acct._run_transactions(p_origin));
        PERFORM acct._make_scratch(id, 'previewed');
        PERFORM acct._evaluate_correction(id, p_origin, format('acct.%I', 'previewed_header_' || id), format('acct.%I', 'previewed_line_' || id), policy);
        EXECUTE replace(replace(p_query, '<run>', id::text), '<origin>', acct._posted_rows(p_origin, 'header', '{je_id,je_date}')) INTO result;
        RAISE EXCEPTION 'a preview rolls back what it did' USING ERRCODE = 'RB001';
    EXCEPTION WHEN SQLSTATE 'RB001' THEN
        PERFORM acct._progress_end();
    END;
    RETURN coalesce(result, '[]');
END
$$;
COMMENT ON FUNCTION acct._preview_correction(bigint, text, bigint) IS
'Evaluates what a correction of a run would, once a release is approved (NULL: now), runs a query on the differences, rolls everything back, and returns the result of the query.';

CREATE FUNCTION acct.preview_correction(run_id bigint, release_id bigint DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found jsonb;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    found := acct._preview_correction(preview_correction.run_id,
        'SELECT jsonb_agg(x) FROM (SELECT l.entity_code, l.basis, l.fund, l.account_code, l.currency, '
        '       sum(l.debit) AS debit, sum(l.credit) AS credit, count(*) AS line_count '
        '  FROM acct."previewed_line_<run>" AS l GROUP BY 1, 2, 3, 4, 5) AS x', preview_correction.release_id);
    RETURN QUERY
    SELECT x.* FROM jsonb_to_recordset(found)
        AS x (entity_code text, basis text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
     ORDER BY x.entity_code COLLATE "C", x.basis COLLATE "C", x.fund COLLATE "C", x.account_code COLLATE "C", x.currency COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.preview_correction(bigint, bigint) IS
'Entries that a correction of a posted run would book now, or once a release is approved, by account; it writes nothing that stays. Raises what correct_run() and the expansion of a correction raise, and of a release what compare_release() raises.';

CREATE FUNCTION acct.preview_correction_transactions(run_id bigint, max_transactions integer DEFAULT 20, release_id bigint DEFAULT NULL)
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
        'WITH most AS (SELECT h.* FROM acct."previewed_header_<run>" AS h ORDER BY greatest(h.total_debit, h.total_credit) DESC, h.txn_id, h.basis LIMIT %1$s) '
        'SELECT jsonb_agg(x) FROM (SELECT * FROM (SELECT m.txn_id, m.basis, m.reversal_of AS je_id, o.je_date, m.template_code, m.template_version, '
        '       m.total_debit AS debit, m.total_credit AS credit, m.line_count, NULL AS problem FROM most AS m JOIN (<origin>) AS o ON o.je_id = m.reversal_of '
        ' UNION ALL '
        'SELECT e.txn_id, e.basis, NULL, NULL, e.template_code, e.template_version, NULL, NULL, NULL, e.reason || '': '' || e.message '
        '  FROM acct.je_exception AS e WHERE e.run_id = <run>) AS z '
        ' ORDER BY greatest(z.debit, z.credit) DESC NULLS LAST, z.txn_id, z.basis LIMIT %1$s) AS x', most), preview_correction_transactions.release_id);
    RETURN QUERY
    SELECT x.* FROM jsonb_to_recordset(found)
        AS x (txn_id bigint, basis text, je_id bigint, je_date date, template_code text, template_version integer, debit numeric, credit numeric,
              line_count bigint, problem text)
     ORDER BY greatest(x.debit, x.credit) DESC NULLS LAST, x.txn_id, x.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.preview_correction_transactions(bigint, integer, bigint) IS
'The transactions that a correction of a posted run would change most, now or once a release is approved, each with the journal that it corrects, the rule that applies now and the sums of the difference. Those that can no longer be booked come last, with the reason; it writes nothing that stays.';

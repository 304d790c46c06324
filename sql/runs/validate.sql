-- What a run must be: its lines' digest, and the checks against source, staging and ledger.

CREATE FUNCTION acct._run_rows(p_run_id bigint, p_source text, p_part text, p_columns text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_source = 'staging' THEN
        RETURN acct._staging_rows(p_run_id, p_part) || ' AS x';
    ELSIF p_source IS DISTINCT FROM 'ledger' THEN
        RAISE EXCEPTION 'unknown source of lines: %', p_source
            USING ERRCODE = '22023', HINT = 'It is staging or ledger.';
    END IF;
    RETURN format('(%s) AS x', acct._posted_rows(p_run_id, p_part, coalesce(p_columns, CASE p_part
        WHEN 'header' THEN '{txn_id,basis,line_count,total_debit,total_credit}'
        ELSE '{txn_id,je_date,line_no,entity_code,basis,account_code,fund,currency,product_code,channel,debit,credit}' END::text[])));
END
$$;
COMMENT ON FUNCTION acct._run_rows(bigint, text, text, text[]) IS
'The FROM item that gives a run''s rows, also those of archived months, with these columns (NULL: those that most callers need); p_source is staging or ledger, p_part is header or line. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._run_digest(p_run_id bigint, p_source text, p_added text[] DEFAULT '{}',
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text, OUT added text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    staging record;
    columns text[];
BEGIN
    IF p_source = 'staging' THEN
        SELECT t.* INTO staging FROM acct._staging_tables(p_run_id) AS t;
        SELECT d.lines, d.debit, d.credit, d.digest, d.added INTO lines, debit, credit, digest, added FROM acct._digest_staged_lines(staging.line, p_run_id, p_added) AS d;
        RETURN;
    END IF;
    SELECT d.* INTO lines, debit, credit, digest
      FROM acct._digest_lines('SELECT txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, '
                              'product_code, channel, debit, credit FROM '
                              || acct._run_rows(p_run_id, p_source, 'line')) AS d;
    IF p_added <> '{}' THEN
        columns := ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = 'acct.ledger_entry_line'::regclass AND a.attnum > 0
                            AND NOT a.attisdropped AND a.attname = ANY (p_added) ORDER BY a.attnum);
        added := acct._digest_added('SELECT * FROM ' || acct._run_rows(p_run_id, p_source, 'line', columns), columns);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._run_digest(bigint, text, text[]) IS
'Count, sums and digest of a run''s lines, read from staging or ledger, and the digest of the columns p_added (its added_columns), as far as they are there still; NULL: there are none.';

CREATE FUNCTION acct.run_digest(run_id bigint, source text DEFAULT 'ledger') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text := acct._read_run(run_digest.run_id);
    is_gone boolean := false;
    found text;
BEGIN
    IF run_digest.source = 'staging' THEN
        PERFORM acct._lock_number('acct.journal_run', run_digest.run_id, false);
        is_gone := NOT (status = 'expanded' OR acct._is_posted(status)) OR acct._staging_lost(run_digest.run_id);
    END IF;
    IF NOT is_gone THEN
        SELECT d.digest INTO found FROM acct._run_digest(run_digest.run_id, run_digest.source) AS d;
        -- That of a posted run may have been removed at this moment (acct._retire_shared_staging).
        is_gone := run_digest.source = 'staging' AND acct._staging_lost(run_digest.run_id);
    END IF;
    IF is_gone THEN
        PERFORM acct._wrong_state(run_digest.run_id, status,
            CASE WHEN acct._is_posted(status) THEN 'Its staging is gone: read it from the ledger.'
                 ELSE 'It has no staging: call acct.expand_journals().' END);
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct.run_digest(bigint, text) IS
'The digest of a run''s lines, computed again from source (ledger or staging): 32 hexadecimal digits, equal to journal_run.digest unless lines were changed. Raises LE001, LE002 (no staging, or a month of its lines was dropped).';

CREATE FUNCTION acct._rows_about(p_table regclass) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- As the planner estimates them: by the size that the table has now, and by its rows a page when it was last looked at.
    SELECT coalesce(sum(pg_relation_size(c.oid)::numeric / current_setting('block_size')::integer
                        * CASE WHEN c.relpages > 0 AND c.reltuples >= 0 THEN c.reltuples::numeric / c.relpages ELSE 50 END), 0)
      FROM (SELECT p_table AS relid UNION SELECT t.relid FROM pg_partition_tree(p_table) AS t) AS t
      JOIN pg_class AS c ON c.oid = t.relid AND c.relkind IN ('r', 'm')
$$;
COMMENT ON FUNCTION acct._rows_about(regclass) IS 'About how many rows a table and its partitions have, by the catalogs and the size of their files.';

CREATE FUNCTION acct._is_small_run(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month date;
    own_rows numeric;
BEGIN
    SELECT r.txn_month, coalesce(r.taken_transactions, 0) + coalesce((SELECT sum(b.source_rows)
                                                                        FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c
                                                                               WHERE c.run_id = p_run_id) AS b), 0)
      INTO month, own_rows FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    RETURN own_rows < 50000 OR own_rows < acct._rows_about(acct._source_table(month)) / 2;
END
$$;
COMMENT ON FUNCTION acct._is_small_run(bigint) IS
'True where a run took so few transactions, or so small a part of those of its month, that they are better found by index than by reading the month.';

CREATE FUNCTION acct._unregistered_rows(p_month date) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on
    SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
DECLARE
    found bigint := 0;
BEGIN
    IF NOT acct._is_source_known(p_month) THEN
        EXECUTE format('SELECT count(*) FROM %s AS s WHERE NOT EXISTS (SELECT FROM acct.txn_batch AS b '
                       'WHERE b.batch_id = s.batch_id)', acct._source_rows(p_month)) INTO found;
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._unregistered_rows(date) IS 'The number of a month''s source rows whose batch_id is no registered batch. Reads the month only where such rows may have come into it.';

CREATE FUNCTION acct._claimed_rows(p_run_id bigint, OUT rows bigint, OUT gross numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    workers CONSTANT text := current_setting('max_parallel_workers_per_gather');
BEGIN
    IF acct._is_small_run(p_run_id) THEN
        PERFORM set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true);
    END IF;
    EXECUTE format('SELECT count(*), coalesce(sum(s.gross_amount), 0) FROM %s AS s WHERE s.batch_id = ANY ($1)',
                   (SELECT acct._source_rows(r.txn_month) FROM acct.journal_run AS r WHERE r.run_id = p_run_id))
       INTO rows, gross
      USING ARRAY(SELECT DISTINCT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id);
    PERFORM set_config('max_parallel_workers_per_gather', workers, true);
END
$$;
COMMENT ON FUNCTION acct._claimed_rows(bigint) IS
'Count and gross sum of the source rows of the batches that a run took, as they are now: for runs that were expanded before source rows were digested.';

CREATE FUNCTION acct._source_table(p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN coalesce(acct._partition_of('acct.txn_source_parent', p_month),
                    acct._month_rows('txn_source_parent', p_month, true)::regclass);
END
$$;
COMMENT ON FUNCTION acct._source_table(date) IS
'The table with a month''s source rows: its partition, what is archived of it, or where it has none of its own the parent. Raises LE002 where it was dropped.';

CREATE FUNCTION acct._source_leaves(p_table regclass) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN bool_and(c.relkind = 'r' AND m.amname IS NOT DISTINCT FROM 'heap') THEN array_agg(l.relid ORDER BY l.relid) END
      FROM (SELECT t.relid FROM pg_partition_tree(p_table) AS t WHERE t.isleaf
            UNION ALL
            -- An archived month is no partition, which that function knows nothing of.
            SELECT p_table WHERE NOT EXISTS (SELECT FROM pg_partition_tree(p_table))) AS l
      JOIN pg_class AS c ON c.oid = l.relid
      LEFT JOIN pg_am AS m ON m.oid = c.relam
     WHERE p_table <> 'acct.txn_source_parent'::regclass
$$;
COMMENT ON FUNCTION acct._source_leaves(regclass) IS
'The tables that hold the rows of a month''s table, to be read by page; NULL where they cannot be, or hold other months too.';

CREATE FUNCTION acct._changed_columns(p_table regclass, p_columns text[], p_types text[])
RETURNS TABLE (name text, old_type text, new_type text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET quote_all_identifiers = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.name, c.type, format_type(a.atttypid, a.atttypmod)
      FROM unnest(p_columns, p_types) AS c (name, type)
      LEFT JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
     WHERE format_type(a.atttypid, a.atttypmod) IS DISTINCT FROM c.type
     ORDER BY c.name;
END
$$;
COMMENT ON FUNCTION acct._changed_columns(regclass, text[], text[]) IS
'Those of the columns that a run''s source rows were digested with that the table no longer has (new_type NULL), or has with another type.';

CREATE FUNCTION acct._digest_as_before(p_query text, p_table regclass, p_columns text[], p_types text[],
                                       OUT rows bigint, OUT gross numeric, OUT digest text, OUT changed text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
    c record;
    items text[] := ARRAY[]::text[];
    lost bigint;
BEGIN
    FOR c IN SELECT x.name, t.old_type, t.new_type FROM unnest(array_append(p_columns, 'gross_amount')) AS x (name)
               LEFT JOIN acct._changed_columns(p_table, p_columns, p_types) AS t ON t.name = x.name
              GROUP BY 1, 2, 3 ORDER BY x.name LOOP
        IF c.old_type IS NULL THEN
            items := items || format('x.%I', c.name);
            CONTINUE;
        END IF;
        changed := CASE WHEN c.new_type IS NULL THEN format('column %s is gone', c.name)
                        ELSE format('column %s is of type %s, it was %s', c.name, c.new_type, c.old_type) END;
        IF c.new_type IS NULL THEN
            RETURN;
        END IF;
        -- A value counts as unchanged where the old type holds it, and gives it back. What cannot be converted at all has changed.
        BEGIN
            EXECUTE format('SELECT count(*) FROM (%s) AS x WHERE (x.%2$I::%3$s::%4$s)::text IS DISTINCT FROM x.%2$I::text',
                           p_query, c.name, c.old_type, c.new_type) INTO lost;
        EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
            RETURN;
        END;
        IF lost > 0 THEN
            RETURN;
        END IF;
        changed := NULL;
        items := items || format('x.%1$I::%2$s AS %1$I', c.name, c.old_type);
    END LOOP;
    SELECT d.* INTO rows, gross, digest FROM acct._digest_rows(format('SELECT %s FROM (%s) AS x', array_to_string(items, ', '), p_query), p_columns) AS d;
END
$$;
COMMENT ON FUNCTION acct._digest_as_before(text, regclass, text[], text[]) IS
'Count, gross sum and digest of the rows of a query over a table some of whose columns have changed type since: each value is taken in the type that its column had. changed says what became of a column that is gone, or whose values did not keep.';

CREATE FUNCTION acct._source_now(p_run_id bigint, p_place tid[] DEFAULT '{}', OUT rows bigint, OUT gross numeric, OUT digest text, OUT changed text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    run acct.journal_run;
    source text;
    table_now regclass;
    other_types boolean;
    leaves regclass[];
    batches bigint[];
    query text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    source := acct._source_rows(run.txn_month);
    table_now := acct._source_table(run.txn_month);
    other_types := EXISTS (SELECT FROM acct._changed_columns(table_now, run.source_columns, run.source_types));
    IF run.reprocess_of IS NOT NULL THEN
        query := format('SELECT s.* FROM (SELECT DISTINCT t.txn_id, t.txn_month FROM acct._taken_again(%s) AS t) AS x '
                        'JOIN %s AS s ON (s.txn_id, s.txn_month) = (x.txn_id, x.txn_month)', p_run_id, source);
    ELSE
        batches := ARRAY(SELECT DISTINCT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id);
        IF acct._is_small_run(p_run_id) THEN
            PERFORM set_config('enable_seqscan', 'off', true);
        ELSIF NOT other_types THEN
            leaves := acct._source_leaves(table_now);
        END IF;
        query := format('SELECT s.* FROM %s AS s WHERE s.batch_id = ANY (%L)', source, batches);
        IF p_place <> '{}' THEN
            query := query || format(' AND s.ctid BETWEEN %L AND %L', p_place[1], p_place[2]);
        END IF;
    END IF;
    IF other_types THEN
        SELECT d.* INTO rows, gross, digest, changed FROM acct._digest_as_before(query, table_now, run.source_columns, run.source_types) AS d;
        IF changed IS NOT NULL THEN
            RETURN;
        END IF;
    ELSIF leaves IS NULL THEN
        SELECT d.* INTO rows, gross, digest FROM acct._digest_rows(query, run.source_columns) AS d;
    ELSE
        SELECT d.* INTO rows, gross, digest FROM acct._digest_source(leaves, run.txn_month, batches, run.source_columns) AS d;
    END IF;
    IF gross IS NULL AND run.reprocess_of IS NULL THEN
        SELECT c.gross INTO gross FROM acct._claimed_rows(p_run_id) AS c;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._source_now(bigint, tid[]) IS
'Count, gross sum and digest of the source rows that a run used, as they are now, over the columns that it recorded; or instead of these what became of a column that it needs. p_place is where they lie, where the caller knows it (_count_batches).';

CREATE FUNCTION acct._check_source_rows(p_run_id bigint, p_place tid[] DEFAULT '{}') RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    taken record;
    found record;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.source_digest IS NOT NULL THEN
        SELECT s.* INTO found FROM acct._source_now(p_run_id, p_place) AS s;
    ELSIF run.reprocess_of IS NULL THEN
        SELECT c.rows, c.gross, NULL AS changed, NULL AS digest INTO found FROM acct._claimed_rows(p_run_id) AS c;
    END IF;
    IF run.reprocess_of IS NULL THEN
        SELECT coalesce(sum(c.source_rows), 0) AS rows, coalesce(sum(c.source_gross), 0) AS gross INTO taken
          FROM (SELECT DISTINCT b.batch_id, b.source_rows, b.source_gross
                  FROM acct.journal_run_batch AS b WHERE b.run_id = p_run_id) AS c;
        check_name := 'batches_unchanged';
        expected := format('%s rows, gross %s', taken.rows, taken.gross);
        -- Sums that are equal are written alike.
        actual := coalesce(found.changed, format('%s rows, gross %s', found.rows, coalesce(nullif(found.gross, taken.gross), taken.gross)));
        RETURN NEXT;
    END IF;
    IF run.source_digest IS NOT NULL THEN
        check_name := 'source_digest';
        expected := run.source_digest;
        actual := coalesce(found.changed, found.digest);
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_source_rows(bigint, tid[]) IS
'The checks of validate_run that compare source rows with what they were: count and gross of claimed batches, and the digest of the rows that the run used.';

CREATE FUNCTION acct._check_source(p_run_id bigint, p_place tid[]) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    every_basis text[];
BEGIN
    PERFORM acct._progress_phase('checking source');
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    every_basis := acct._complete_bases(p_run_id);
    RETURN QUERY SELECT c.* FROM acct._check_source_rows(p_run_id, p_place) AS c;
    IF run.reprocess_of IS NULL THEN
        RETURN QUERY
        SELECT 'batches_registered', '0 rows', format('%s rows', acct._unregistered_rows(run.txn_month));
    END IF;
    RETURN QUERY
    SELECT 'counts_close:' || b,
           format('%s transactions', CASE
               WHEN run.reprocess_of IS NULL THEN
                   (SELECT coalesce(sum(c.source_rows), 0) FROM acct.journal_run_batch AS c
                     WHERE c.run_id = p_run_id AND c.basis = b)
               ELSE (SELECT count(*) FROM acct._taken_again(p_run_id) AS t WHERE t.basis = b) END),
           format('%s transactions', coalesce((run.basis_counts #>> ARRAY[b, 'journals'])::bigint
                                              + (run.basis_counts #>> ARRAY[b, 'exceptions'])::bigint
                                              + (run.basis_counts #>> ARRAY[b, 'ignored'])::bigint, 0))
      FROM unnest(every_basis) AS b ORDER BY b;
END
$$;
COMMENT ON FUNCTION acct._check_source(bigint, tid[]) IS
'The checks of validate_run that compare a run with its source: claimed batches, and the rows that the run used, are unchanged, and no row of the month has an unregistered batch. Each transaction of the run has a journal, is an exception, or is ignored.';

CREATE FUNCTION acct._digest_or_changes(p_digest text, p_recorded text, p_table regclass, p_columns text[], p_types text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    changes text;
BEGIN
    IF p_digest <> p_recorded THEN
        SELECT string_agg(CASE WHEN c.new_type IS NULL THEN format('column %s is gone', c.name)
                               ELSE format('column %s is of type %s, it was %s', c.name, c.new_type, c.old_type) END, ', ')
          INTO changes FROM acct._changed_columns(p_table, p_columns, p_types) AS c;
    END IF;
    RETURN coalesce(changes, p_digest);
END
$$;
COMMENT ON FUNCTION acct._digest_or_changes(text, text, regclass, text[], text[]) IS
'A digest of rows, or where it is not what was recorded, and columns are gone or changed type, these instead.';

CREATE FUNCTION acct._run_headers(p_run_id bigint, p_source text,
    OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
    place regclass := 'acct.ledger_entry_header';
    run acct.journal_run;
    columns text[];
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF p_source = 'staging' THEN
        SELECT t.header INTO place FROM acct._staging_tables(p_run_id) AS t;
        SELECT h.journals, h.lines, h.debit, h.credit, h.digest INTO journals, lines, debit, credit, digest
          FROM acct._digest_staged_headers(place, p_run_id, coalesce(run.header_columns, '{}')) AS h;
    ELSE
        columns := ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = place AND a.attnum > 0 AND NOT a.attisdropped
                            AND a.attname = ANY (run.header_columns || '{line_count,total_debit,total_credit}'::text[]) ORDER BY a.attnum);
        SELECT h.journals, h.lines, h.debit, h.credit, h.digest INTO journals, lines, debit, credit, digest
          FROM acct._digest_headers('SELECT * FROM ' || acct._run_rows(p_run_id, p_source, 'header', columns), columns, coalesce(run.header_columns, '{}')) AS h;
    END IF;
    digest := CASE WHEN run.header_digest IS NOT NULL THEN acct._digest_or_changes(digest, run.header_digest, place, run.header_columns, run.header_types) END;
END
$$;
COMMENT ON FUNCTION acct._run_headers(bigint, text) IS
'Count, sums and digest of a run''s headers, read from staging or ledger, over the columns that expand recorded. Where columns are gone or changed type, and the digest differs, these instead; NULL: the run was expanded by a version that recorded no digest of headers.';

CREATE FUNCTION acct._row_checks() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{header_count,header_line_count,header_debit,header_credit,header_digest,line_count,line_debit,line_credit,line_digest,line_columns}'::text[]
$$;
COMMENT ON FUNCTION acct._row_checks() IS 'The checks of validate_run that read a run''s headers and lines. Posting makes the same ones of what it copies.';

CREATE FUNCTION acct._check_rows(p_run_id bigint, p_source text) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT c.*
      FROM acct.journal_run AS run, acct._run_headers(p_run_id, p_source) AS header, acct._run_digest(p_run_id, p_source, coalesce(run.added_columns, '{}')) AS line,
           LATERAL unnest(acct._row_checks(),
                          ARRAY[run.journals::text, run.lines::text, trim_scale(run.debit)::text, trim_scale(run.credit)::text, run.header_digest,
                                run.lines::text, trim_scale(run.debit)::text, trim_scale(run.credit)::text, run.digest, run.added_digest],
                          ARRAY[header.journals::text, header.lines::text, trim_scale(header.debit)::text, trim_scale(header.credit)::text, header.digest,
                                line.lines::text, trim_scale(line.debit)::text, trim_scale(line.credit)::text, line.digest,
                                acct._digest_or_changes(line.added, run.added_digest, CASE p_source WHEN 'ledger' THEN 'acct.ledger_entry_line'
                                                        ELSE (SELECT t.line FROM acct._staging_tables(p_run_id) AS t) END, run.added_columns, run.added_types)])
                   AS c (name, expected, actual)
     WHERE run.run_id = p_run_id AND (c.name <> 'header_digest' OR run.header_digest IS NOT NULL) AND (c.name <> 'line_columns' OR run.added_digest IS NOT NULL);
END
$$;
COMMENT ON FUNCTION acct._check_rows(bigint, text) IS
'The checks of validate_run that read a run''s headers and lines, from staging or ledger, and compare them with what expand recorded.';

CREATE FUNCTION acct._check_journals(p_run_id bigint, p_source text) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
BEGIN
    PERFORM acct._progress_phase('checking journals');
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF p_source IS NOT NULL THEN
        RETURN QUERY SELECT c.* FROM acct._check_rows(p_run_id, p_source) AS c;
    END IF;
    RETURN QUERY
    SELECT 'totals_by_account',
           format('%s lines, debit %s, credit %s', run.lines, trim_scale(run.debit), trim_scale(run.credit)),
           format('%s lines, debit %s, credit %s', coalesce(sum(t.line_count), 0),
                  trim_scale(coalesce(sum(t.debit), 0)), trim_scale(coalesce(sum(t.credit), 0)))
           || CASE WHEN p_source IS NOT NULL AND acct._digest_totals(p_run_id) <> run.totals_digest THEN ', of other accounts, books or months' ELSE '' END
      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    RETURN QUERY
    SELECT 'debit_equals_credit:' || t.entity_code || ':' || t.basis || ':' || t.currency,
           CASE WHEN run.unbalanced_journals = 0 THEN trim_scale(sum(t.debit))::text
                ELSE trim_scale(sum(t.credit))::text END,
           trim_scale(sum(t.credit))::text
      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id
     GROUP BY t.entity_code, t.basis, t.currency ORDER BY 1;
END
$$;
COMMENT ON FUNCTION acct._check_journals(bigint, text) IS
'The checks of validate_run that compare a run''s journals with what expand recorded: its totals, and its headers and lines, read from staging or ledger (NULL: these are left to posting).';

CREATE FUNCTION acct._validate_run(p_run_id bigint, p_is_held boolean, p_place tid[])
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    status text := 'expanded';
    started CONSTANT timestamptz := clock_timestamp();
    checks bigint := 0;
    failed text[] := ARRAY[]::text[];
    repeated bigint;
BEGIN
    IF NOT p_is_held THEN
        status := acct._read_run(p_run_id);
        IF status NOT IN ('expanded', 'posted', 'reversed') THEN
            PERFORM acct._wrong_state(p_run_id, status, 'Call acct.expand_journals() first.');
        END IF;
        PERFORM acct._require_staging(p_run_id, status);
        PERFORM acct._hold_inputs(p_run_id, false);
    END IF;
    PERFORM acct._progress_start(p_run_id, 'validate', r.lines) FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    FOR check_name, expected, actual IN
        SELECT c.* FROM acct._check_inputs(p_run_id, true, p_place) AS c
        UNION ALL
        -- What this call staged nobody else sees, and posting compares all of it again, in the same transaction.
        SELECT c.* FROM acct._check_journals(p_run_id, CASE WHEN p_is_held THEN NULL WHEN status = 'expanded' THEN 'staging' ELSE 'ledger' END) AS c
        UNION ALL
        SELECT c.* FROM acct._check_repeated(p_run_id) AS c
        UNION ALL
        SELECT 'periods_open', '', coalesce(string_agg(DISTINCT x.name, ' '), '')
          FROM (SELECT DISTINCT x.entity_code, x.basis, x.je_month FROM acct.journal_run_total AS x
                 WHERE x.run_id = p_run_id AND status = 'expanded') AS t
         CROSS JOIN LATERAL (
            SELECT format('%s/%s/%s', t.entity_code, t.basis, t.je_month) AS name WHERE acct._is_closed(t.entity_code, t.basis, t.je_month)
            UNION ALL SELECT t.je_month || ' is archived' WHERE acct._is_archived('ledger_entry', t.je_month)) AS x
        UNION ALL
        SELECT c.* FROM acct._check_policy(p_run_id) AS c
    LOOP
        passed := expected IS NOT DISTINCT FROM actual OR coalesce(expected = 'any number', false);
        repeated := CASE check_name WHEN 'repeated_transactions' THEN actual::bigint ELSE repeated END;
        checks := checks + 1;
        IF NOT passed THEN
            failed := failed || check_name;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF NOT current_setting('transaction_read_only')::boolean THEN
        INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail, peak_memory)
        VALUES (p_run_id, 'validate', checks, acct._elapsed_ms(started),
                jsonb_build_object('failed', to_jsonb(failed), 'repeated_transactions', repeated, 'phases_ms', acct._progress_times()),
                acct._peak_memory());
    END IF;
    PERFORM acct._progress_end();
END
$$;
COMMENT ON FUNCTION acct._validate_run(bigint, boolean, tid[]) IS
'The checks of validate_run(), for a caller that reads the run, or that expanded it in the same call and holds it (p_is_held), and knows where its source rows are (p_place, else empty). Raises what validate_run() raises.';

CREATE FUNCTION acct.validate_run(run_id bigint)
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY SELECT v.* FROM acct._validate_run(validate_run.run_id, false, '{}') AS v;
END
$$;
COMMENT ON FUNCTION acct.validate_run(bigint) IS
'Checks an expanded run against its source, or the journals that it reverses, and its staging, a posted one against the ledger: a row for each check, with the expected and the actual value. Raises LE001, LE002 (not expanded, staging lost, or a month that it needs was dropped), 55P03 (policy or source is locked).';

-- How monthly partitions are made, archived and brought back beside other sessions: short waits, tried again.

CREATE FUNCTION acct._is_waited_for(p_tables regclass[], p_processes integer[] DEFAULT '{}', p_patience interval DEFAULT '0') RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH RECURSIVE waiting AS MATERIALIZED (
        SELECT w.pid, coalesce(w.waitstart, clock_timestamp()) AS since, pg_blocking_pids(w.pid) AS blockers
          FROM pg_locks AS w WHERE NOT w.granted AND w.pid <> pg_backend_pid()),
    behind AS (
        SELECT pg_backend_pid() AS pid, clock_timestamp() AS since
        UNION
        SELECT w.pid, least(w.since, b.since) FROM behind AS b JOIN waiting AS w ON b.pid = ANY (w.blockers))
    SELECT EXISTS (SELECT FROM behind AS b
                    WHERE b.pid <> pg_backend_pid() AND b.since <= clock_timestamp() - p_patience
                      AND (b.pid = ANY (p_processes)
                           OR EXISTS (SELECT FROM pg_locks AS h
                                       WHERE h.pid = b.pid AND h.granted AND h.relation = ANY (p_tables::oid[]))))
$$;
COMMENT ON FUNCTION acct._is_waited_for(regclass[], integer[], interval) IS
'True where a session that locks one of these tables, or is one of these processes, has waited for this one, directly or behind others, for p_patience: to wait for it in turn would be a deadlock. Asked before each wait that is shorter than deadlock_timeout, it keeps others from being its victim.';

CREATE FUNCTION acct._lock_tables(p_tables regclass[], p_mode text, p_patience interval, p_yields_after interval DEFAULT '0')
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    deadline CONSTANT timestamptz := clock_timestamp() + p_patience;
    yields_after CONSTANT interval := least(p_yields_after, current_setting('deadlock_timeout')::interval / 2);
    list CONSTANT text := (SELECT string_agg(format('ONLY %s', x.name), ', ' ORDER BY x.n)
                             FROM unnest(p_tables) WITH ORDINALITY AS x (name, n));
BEGIN
    IF p_tables = '{}' THEN
        RETURN true;
    END IF;
    PERFORM set_config('lock_timeout', least(50, greatest(500 / cardinality(p_tables), 1)) || 'ms', true);
    LOOP
        EXIT WHEN acct._is_waited_for(p_tables, '{}', yields_after);
        -- All or none: what others wait for is given back before it is tried again.
        BEGIN
            EXECUTE format('LOCK TABLE %s IN %s MODE', list, p_mode);
            RETURN true;
        EXCEPTION WHEN lock_not_available THEN
            EXIT WHEN clock_timestamp() >= deadline;
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
    RETURN false;
END
$$;
COMMENT ON FUNCTION acct._lock_tables(regclass[], text, interval, interval) IS
'Locks tables, each alone, to the end of the transaction, all or none. Tries for at most p_patience, 50 ms at a time, so that readers queue no longer; false where they stayed in use, or a user has waited for this session for p_yields_after (at most half of deadlock_timeout).';

CREATE FUNCTION acct._raise_in_use(p_what text, p_tables regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    pids text;
BEGIN
    SELECT string_agg(coalesce(x.pid::text, format('prepared transaction %L', x.gid)), ', ' ORDER BY x.pid, x.gid) INTO pids
      FROM (SELECT DISTINCT h.pid, h.gid FROM acct._lock_holders(p_tables, acct._conflicting_modes('ACCESS EXCLUSIVE')) AS h
             WHERE h.granted) AS x;
    RAISE EXCEPTION '% is in use', p_what
        USING ERRCODE = '55P03',
              DETAIL = format('Other sessions with locks on its tables: %s.', coalesce(pids, 'none any more')),
              HINT = 'Call again when they have ended.';
END
$$;
COMMENT ON FUNCTION acct._raise_in_use(text, regclass[]) IS 'Raises 55P03: other sessions use the tables of p_what.';

CREATE FUNCTION acct._months_with_partitions(p_parent regclass) RETURNS TABLE (month date, relation regclass)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    child record;
BEGIN
    -- pg_get_expr() of a relation would lock it, and wait.
    FOR child IN SELECT i.inhrelid::regclass AS name,
                        regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(]''([-0-9]+)''[)] TO [(]''([-0-9]+)''[)]$') AS bound
                   FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                  WHERE i.inhparent = p_parent AND NOT i.inhdetachpending LOOP
        -- A partition without dates at both ends holds any month.
        IF child.bound IS NOT NULL THEN
            RETURN QUERY SELECT m::date, child.name
                           FROM generate_series(date_trunc('month', child.bound[1]::timestamp), child.bound[2]::timestamp - interval '1 day',
                                                interval '1 month') AS m;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._months_with_partitions(regclass) IS
'The months that the partitions of a table partitioned by month are for, each with its partition; those without dates at both ends are left out.';

CREATE FUNCTION acct._partition_with_bounds(p_parent regclass, p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    bound CONSTANT text := format('FOR VALUES FROM (%L) TO (%L)', p_month, (p_month + interval '1 month')::date);
BEGIN
    RETURN (SELECT i.inhrelid FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
             WHERE i.inhparent = p_parent AND NOT i.inhdetachpending AND pg_get_expr(c.relpartbound, 0) = bound
               -- That it is attached the catalogs say, though the snapshot may be older.
               AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS a WHERE a.relid = p_parent));
END
$$;
COMMENT ON FUNCTION acct._partition_with_bounds(regclass, date) IS '_partition_of() of one that has not the name that it was made with.';

CREATE FUNCTION acct._partition_of(p_parent regclass, p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN coalesce(acct._named_partition(p_parent, p_month), acct._partition_with_bounds(p_parent, p_month));
END
$$;
COMMENT ON FUNCTION acct._partition_of(regclass, date) IS
'The partition that a table partitioned by month has for just this month, by its bounds, whatever its name and schema; NULL where there is none.';

CREATE FUNCTION acct._source_partition(p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO, YMD' AS $$
BEGIN
    RETURN coalesce(acct._named_partition('acct.txn_source_parent', p_month),
                    (SELECT i.inhrelid::regclass
                       FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                      CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(](?:MINVALUE|''([-0-9]+)'')[)] TO [(](?:MAXVALUE|''([-0-9]+)'')[)]$') AS b (bound)
                      WHERE i.inhparent = 'acct.txn_source_parent'::regclass AND NOT i.inhdetachpending AND b.bound IS NOT NULL
                        AND coalesce(b.bound[1]::date, '-infinity') <= p_month AND coalesce(b.bound[2]::date, 'infinity') > p_month LIMIT 1));
END
$$;
COMMENT ON FUNCTION acct._source_partition(date) IS 'The partition of the source that holds a month, also where it holds others too; NULL where there is none.';

CREATE FUNCTION acct._month_parts(p_table text, p_month date) RETURNS TABLE (part integer, parent regclass, name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT x.n::integer, format('acct.%I', x.parent)::regclass,
           acct._partition_name(x.parent, p_month)
      FROM unnest(CASE p_table WHEN 'ledger_entry' THEN ARRAY['ledger_entry_header', 'ledger_entry_line']
                               ELSE ARRAY[p_table] END) WITH ORDINALITY AS x (parent, n);
END
$$;
COMMENT ON FUNCTION acct._month_parts(text, date) IS
'The partitions that are a month of txn_source_parent, or of ledger_entry (headers, lines), and their parents.';

CREATE FUNCTION acct._month_tree(p_schema text, p_table text, p_month date) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- pg_partition_tree() knows nothing of a table that is neither partitioned nor a partition.
    SELECT coalesce(array_agg(t.relid ORDER BY p.part, t.level, t.relid), '{}')
      FROM acct._month_parts(p_table, p_month) AS p
     CROSS JOIN to_regclass(format('%I.%I', p_schema, p.name)) AS root (relid)
     CROSS JOIN LATERAL (SELECT root.relid, 0 AS level WHERE root.relid IS NOT NULL
                         UNION ALL SELECT x.relid, x.level FROM pg_partition_tree(root.relid) AS x WHERE x.level > 0) AS t
$$;
COMMENT ON FUNCTION acct._month_tree(text, text, date) IS
'The tables of a month in a schema, with the partitions that they have themselves.';

CREATE FUNCTION acct._is_archived(p_table text, p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- The catalogs know it though the transaction's snapshot may be older.
    IF p_table = 'ledger_entry' THEN
        IF to_regclass(format('acct_archive.%I', acct._partition_name('ledger_entry_header', p_month))) IS NOT NULL
           OR to_regclass(format('acct_archive.%I', acct._partition_name('ledger_entry_line', p_month))) IS NOT NULL THEN
            RETURN true;
        END IF;
    ELSIF to_regclass(format('acct_archive.%I', acct._partition_name(p_table, p_month))) IS NOT NULL THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM acct.archived_partition AS a
                    WHERE a.table_name = p_table AND a.month = p_month AND a.restored_at IS NULL);
END
$$;
COMMENT ON FUNCTION acct._is_archived(text, date) IS 'True where a month is archived, or was and is dropped.';

CREATE FUNCTION acct._is_dropped(p_table text, p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM acct.archived_partition AS a
                    WHERE a.table_name = p_table AND a.month = p_month AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION acct._is_dropped(text, date) IS 'True where a month was archived and dropped.';

CREATE FUNCTION acct._raise_archived(p_table text, p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._is_dropped(p_table, p_month) THEN
        RAISE EXCEPTION 'month % of % was dropped', acct._month_name(p_month), p_table
            USING ERRCODE = CASE p_table WHEN 'ledger_entry' THEN 'LE006' ELSE '55000' END, DETAIL = 'The retention policy had it dropped.',
                  HINT = 'Put late transactions into a month that exists.';
    END IF;
    RAISE EXCEPTION 'month % of % is archived', acct._month_name(p_month), p_table
        USING ERRCODE = CASE p_table WHEN 'ledger_entry' THEN 'LE006' ELSE '55000' END, DETAIL = 'Its tables are in schema acct_archive.',
              HINT = format('SELECT acct.restore_partition(%L, %L);', p_table, to_char(p_month, 'YYYY-MM-DD'));
END
$$;
COMMENT ON FUNCTION acct._raise_archived(text, date) IS
'Raises that a month is archived or dropped: LE006 for the ledger, 55000 for the source.';

CREATE FUNCTION acct._raise_elsewhere(p_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the archived partition % is not in schema acct_archive', p_name
        USING ERRCODE = 'LE010', DETAIL = 'It was renamed, moved or dropped.', HINT = 'Give it its name and schema back.';
END
$$;
COMMENT ON FUNCTION acct._raise_elsewhere(text) IS 'Raises LE010 for an archived partition that is not where it was archived.';

CREATE FUNCTION acct._require_in_archive(p_table text, p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._raise_elsewhere(p.name) FROM acct._month_parts(p_table, p_month) AS p WHERE to_regclass(format('acct_archive.%I', p.name)) IS NULL;
END
$$;
COMMENT ON FUNCTION acct._require_in_archive(text, date) IS 'Raises LE010 where a table of an archived month is not in schema acct_archive by its name.';

CREATE FUNCTION acct._month_rows(p_parent text, p_month date, p_for_run boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    parent CONSTANT text := format('acct.%I', p_parent);
    name CONSTANT text := acct._partition_name(p_parent, p_month);
    partition regclass;
    archived regclass;
BEGIN
    LOOP
        partition := acct._partition_of(parent::regclass, p_month);
        EXIT WHEN partition IS NULL;
        -- Restoring a month that was compressed rewrites it. Whoever waits here for its being archived looks again.
        PERFORM acct._as_seen(partition);
        IF partition = acct._partition_of(parent::regclass, p_month) THEN
            RETURN parent;
        END IF;
    END LOOP;
    archived := to_regclass(format('acct_archive.%I', name));
    IF archived IS NOT NULL THEN
        PERFORM acct._as_seen(archived);
        -- Restored at this moment, it has another name now.
        RETURN archived::text;
    ELSIF EXISTS (SELECT FROM acct.archived_partition AS a
                   WHERE a.month = p_month AND name = ANY (a.partitions) AND a.dropped_at IS NOT NULL) THEN
        RAISE EXCEPTION 'partition % was dropped: its rows cannot be read', name
            USING ERRCODE = CASE WHEN p_for_run THEN 'LE002' ELSE '55000' END, DETAIL = 'The retention policy had it dropped.',
                  HINT = 'Where it was exported, acct.archived_partition.manifest names its files.';
    ELSIF EXISTS (SELECT FROM acct.archived_partition AS a
                   WHERE a.month = p_month AND name = ANY (a.partitions) AND a.restored_at IS NULL) THEN
        PERFORM acct._raise_elsewhere(name);
    END IF;
    PERFORM acct._is_partition('txn_source', p_month) WHERE p_parent = 'txn_source_parent';
    RETURN parent;
END
$$;
COMMENT ON FUNCTION acct._month_rows(text, date, boolean) IS
'The table to read for the rows of a month of txn_source_parent, ledger_entry_header or ledger_entry_line: this, or the archived partition. Raises 55000, or for what a run needs LE002, where it was dropped, LE010 where it is not in the archive, or one of the source is detached, 40001 where it was rewritten since the snapshot of the query.';

CREATE FUNCTION acct._month_table(p_parent text, p_month date) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._as_seen(coalesce(acct._partition_of(format('acct.%I', p_parent)::regclass, p_month), acct._month_rows(p_parent, p_month, true)::regclass))
$$;
COMMENT ON FUNCTION acct._month_table(text, date) IS
'The table of a month of the ledger''s headers or lines, in the ledger or in the archive. Raises LE002 where the month was dropped, 40001 where it was rewritten since the snapshot of the query.';

CREATE FUNCTION acct._make_month(p_table text, p_month date, p_start date) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    tries CONSTANT integer := 5;
    started CONSTANT timestamptz := clock_timestamp();
    made text[];
    name text;
BEGIN
    FOR attempt IN 1 .. tries LOOP
        BEGIN
            IF (CASE p_table WHEN 'ledger_entry' THEN acct._is_ledger_month(p_month) ELSE acct._is_partition('txn_source', p_month) END) THEN
                RETURN;
            END IF;
            PERFORM acct._lock_making(p_table);
            IF acct._is_archived(p_table, p_month) THEN
                IF p_month = p_start THEN
                    PERFORM acct._raise_archived(p_table, p_month);
                END IF;
                RETURN;
            END IF;
            made := CASE p_table WHEN 'ledger_entry' THEN ARRAY(SELECT * FROM acct._make_ledger_partition(p_month))
                                 ELSE array_remove(ARRAY[acct._make_txn_source_partition(p_month)], NULL) END;
            -- crash point: rotate_made
            FOREACH name IN ARRAY made LOOP
                EXECUTE format('ANALYZE acct.%I', name);
            END LOOP;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = tries THEN
                PERFORM acct._raise_in_use(p_table, ARRAY(SELECT p.parent FROM acct._month_parts(p_table, p_month) AS p));
            END IF;
        END;
    END LOOP;
    INSERT INTO acct.run_log (step, partition, elapsed_ms)
    SELECT 'rotate', x.made, acct._elapsed_ms(started) FROM unnest(made) AS x (made);
    RETURN QUERY SELECT unnest(made);
END
$$;
COMMENT ON FUNCTION acct._make_month(text, date, date) IS
'Creates the missing partitions of a month, analyzes them, and returns their names, none where the month is archived. Raises 55P03 after waiting five times a second for other sessions, and as _raise_archived() where the archived month is p_start, which the caller named.';

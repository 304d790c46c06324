-- Locks. Each is a row of a table that only the owner's functions write: to lock one takes a right that no role is granted,
-- where anybody can take an advisory lock.

CREATE FUNCTION acct._layout_locks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.making_lock (
        table_name text COLLATE "C" NOT NULL,
        CONSTRAINT making_lock_pkey PRIMARY KEY (table_name)
    );

    -- Empty but for the uncommitted rows of those who cancel.
    CREATE TABLE IF NOT EXISTS acct.run_cancel (
        run_id bigint NOT NULL,
        CONSTRAINT run_cancel_pkey PRIMARY KEY (run_id)
    );

    CREATE TABLE IF NOT EXISTS acct.job_state (
        job text COLLATE "C" NOT NULL,
        pid integer,
        session_start timestamptz,
        call_start timestamptz,
        state jsonb,
        CONSTRAINT job_state_pkey PRIMARY KEY (job)
    );
END
$layout$;
COMMENT ON FUNCTION acct._layout_locks() IS 'The part of install() that creates the tables whose rows are locks.';

CREATE FUNCTION acct._comment_locks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.making_lock IS 'Rows that are locked while monthly partitions are made, archived or restored, and while a checkpoint is made. Written by the engine.';
    COMMENT ON COLUMN acct.making_lock.table_name IS 'txn_source_parent, ledger_entry or ledger_log.';

    COMMENT ON TABLE acct.run_cancel IS 'Runs that are being cancelled, as rows that are never committed: the table looks empty. Written by acct.cancel_run().';
    COMMENT ON COLUMN acct.run_cancel.run_id IS 'Run that is being cancelled.';

    COMMENT ON TABLE acct.job_state IS 'How far each job of acct.run_job() has come, and which call does it. Written by the engine.';
    COMMENT ON COLUMN acct.job_state.job IS 'Name of the job.';
    COMMENT ON COLUMN acct.job_state.pid IS 'Process of the session that does it; NULL where none does.';
    COMMENT ON COLUMN acct.job_state.session_start IS 'When that session began (pg_stat_activity.backend_start): another session may get the same process number later.';
    COMMENT ON COLUMN acct.job_state.call_start IS 'When its call of acct.run_job() began (pg_stat_activity.query_start); a call that ended does the job no longer.';
    COMMENT ON COLUMN acct.job_state.state IS 'Arguments, next step and results so far.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_locks() IS 'The part of install() that describes the objects of locks.sql.';

CREATE FUNCTION acct._lock_holders(p_tables regclass[], p_modes text[])
RETURNS TABLE (relation regclass, mode text, granted boolean, pid integer, gid text, role name, state text, since timestamptz, is_working boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_stat_clear_snapshot();
    RETURN QUERY
    SELECT l.relation::regclass, l.mode, l.granted, l.pid, x.gid, coalesce(a.usename, x.owner), CASE WHEN l.pid IS NULL THEN 'prepared' ELSE a.state END,
           CASE WHEN l.pid IS NULL THEN x.prepared WHEN a.state LIKE 'idle%' THEN a.state_change ELSE coalesce(a.xact_start, a.query_start) END,
           -- Only functions of the engine lock these two tables so, and keep that to the end of their transaction.
           l.pid IS NOT NULL AND coalesce(a.state, 'active') NOT LIKE 'idle%'
           AND EXISTS (SELECT FROM pg_locks AS w WHERE w.pid = l.pid AND w.granted AND w.database = l.database AND w.mode <> 'AccessShareLock'
                          AND w.relation IN ('acct.run_cancel'::regclass, 'acct.making_lock'::regclass))
      FROM pg_locks AS l
      LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
      -- A prepared transaction is known by the lock of its own identifier.
      LEFT JOIN LATERAL (SELECT p.gid, p.owner, p.prepared FROM pg_locks AS t JOIN pg_prepared_xacts AS p ON p.transaction = t.transactionid
                          WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' AND t.granted
                            AND t.virtualtransaction = l.virtualtransaction LIMIT 1) AS x ON true
     WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_backend_pid()
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND l.relation = ANY (p_tables::oid[]) AND l.mode = ANY (p_modes);
END
$$;
COMMENT ON FUNCTION acct._lock_holders(regclass[], text[]) IS
'The other sessions and prepared transactions that hold locks of these modes on tables, or wait for them: role, state, and since when the session is idle or its transaction runs. is_working tells whether a function of the engine, which ends by itself, is at work.';

CREATE FUNCTION acct._holder_name(p_pid integer, p_gid text, p_role name, p_state text, p_since timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_pid IS NULL THEN format('prepared transaction %L (%s, since %s)', p_gid, p_role, at.since)
                ELSE format('process %s (%s, %s since %s)', p_pid, coalesce(p_role, 'another role'), coalesce(p_state, 'at work'), at.since) END
      FROM (SELECT coalesce(to_char(p_since, 'YYYY-MM-DD HH24:MI:SS'), 'an unknown time') AS since) AS at
$$;
COMMENT ON FUNCTION acct._holder_name(integer, text, name, text, timestamptz) IS 'How messages name a session or prepared transaction that holds a lock.';

CREATE FUNCTION acct._conflicting_modes(p_mode text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_mode
        WHEN 'ACCESS SHARE' THEN ARRAY['AccessExclusiveLock']
        WHEN 'ROW SHARE' THEN ARRAY['ExclusiveLock', 'AccessExclusiveLock']
        WHEN 'ROW EXCLUSIVE' THEN ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']
        WHEN 'SHARE UPDATE EXCLUSIVE' THEN ARRAY['ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                                 'AccessExclusiveLock']
        WHEN 'SHARE ROW EXCLUSIVE' THEN ARRAY['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                                              'ExclusiveLock', 'AccessExclusiveLock']
        WHEN 'EXCLUSIVE' THEN ARRAY['RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                                    'ExclusiveLock', 'AccessExclusiveLock']
        WHEN 'ACCESS EXCLUSIVE' THEN ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                                           'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'] END
$$;
COMMENT ON FUNCTION acct._conflicting_modes(text) IS 'The modes of table locks, as pg_locks names them, that conflict with a mode.';

CREATE FUNCTION acct._idle_behind(p_pid integer) RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH RECURSIVE chain AS (
        SELECT b.pid FROM unnest(pg_blocking_pids(p_pid)) AS b (pid)
        UNION
        SELECT b.pid FROM chain AS c, unnest(pg_blocking_pids(c.pid)) AS b (pid))
    SELECT string_agg(CASE c.pid WHEN 0 THEN 'a prepared transaction'
                                 ELSE acct._holder_name(c.pid, NULL, a.usename, a.state, a.state_change) END, ', ' ORDER BY c.pid)
      FROM chain AS c LEFT JOIN pg_stat_activity AS a ON a.pid = c.pid
     WHERE c.pid = 0 OR a.state LIKE 'idle%' AND a.state_change < clock_timestamp() - interval '1 second'
$$;
COMMENT ON FUNCTION acct._idle_behind(integer) IS
'The sessions that are idle in their transactions, and the prepared transactions, that a session waits for, directly or behind others; NULL where there are none. Idle is a session that has been so for a second.';

CREATE FUNCTION acct._limit_wait(p_limit text, p_waited interval DEFAULT '0') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    statement CONSTANT interval := current_setting('statement_timeout')::interval;
BEGIN
    IF p_limit = '0' THEN
        -- Long enough that the server finds a deadlock before.
        PERFORM set_config('lock_timeout', ceil(1000 * extract(epoch FROM greatest(least(current_setting('deadlock_timeout')::interval + '4 seconds',
                                                                                         nullif(statement, '0') / 2),
                                                                                   least(p_waited, '10 minutes'))))::text, true);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._limit_wait(text, interval) IS
'Limits a wait that is tried again (_refuse_held); p_limit is the lock_timeout of the caller, which is kept where there is one. With p_waited a wait may be as long as those before it, ten minutes at most: a request that is made again queues behind those that came since.';

CREATE FUNCTION acct._refuse_held(p_what text, p_tables regclass[], p_mode text, p_columns text[], p_values text[], p_started timestamptz, p_limit text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    patience CONSTANT interval := least('10 seconds', nullif(current_setting('statement_timeout')::interval, '0') / 2);
    long_patience CONSTANT interval := least('5 minutes', nullif(current_setting('statement_timeout')::interval, '0') / 2);
    own_modes CONSTANT text[] := ARRAY['RowShareLock', 'RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock'];
    waited CONSTANT interval := clock_timestamp() - p_started;
    processes integer[];
    holders text;
    number bigint;
BEGIN
    IF p_limit = '0' AND waited < patience THEN
        RETURN;
    END IF;
    -- Where nobody can read the table, the sessions that lock it are the holders.
    IF p_columns IS NOT NULL AND NOT EXISTS (SELECT FROM acct._lock_holders(p_tables, ARRAY['AccessExclusiveLock'])) THEN
        processes := acct._row_holders(p_tables[1], p_columns, p_values);
    END IF;
    WITH held AS (
        SELECT h.*, h.mode = ANY (acct._conflicting_modes(p_mode)) AS of_table
          FROM acct._lock_holders(p_tables, acct._conflicting_modes(p_mode) || own_modes) AS h),
    one AS (
        SELECT DISTINCT ON (h.pid, h.gid) h.*, bool_or(h.mode IN ('ExclusiveLock', 'AccessExclusiveLock')) OVER (PARTITION BY h.pid, h.gid) AS is_exclusive
          FROM held AS h
         -- A request that waits keeps those out that come after it.
         WHERE h.of_table OR h.granted AND (h.pid = ANY (processes) OR h.pid IS NULL AND array_position(processes, NULL) IS NOT NULL)
         ORDER BY h.pid, h.gid, h.of_table DESC, h.relation::text),
    holder AS (
        SELECT o.pid, o.gid, format(CASE WHEN p_columns IS NULL THEN '%s by %s%s' ELSE '%2$s%3$s' END, o.relation,
                                    acct._holder_name(o.pid, o.gid, o.role, o.state, o.since), ', which waits for ' || behind.names) AS name,
               -- What an active session holds ends by itself, unless somebody idle keeps it from ending. Each session is idle between two statements.
               CASE WHEN o.is_working THEN NULL
                    WHEN o.pid IS NULL OR o.state LIKE 'idle%' AND o.since < clock_timestamp() - interval '1 second' OR behind.names IS NOT NULL THEN patience
                    WHEN o.is_exclusive OR o.state IS DISTINCT FROM 'active' THEN long_patience END AS patience
          FROM one AS o LEFT JOIN LATERAL acct._idle_behind(CASE WHEN NOT o.is_working THEN o.pid END) AS behind (names) ON true)
    SELECT string_agg(h.name, ', ' ORDER BY h.pid, h.gid) FILTER (WHERE p_limit <> '0' OR waited >= h.patience), count(*)
      INTO holders, number FROM holder AS h;
    IF p_limit = '0' AND holders IS NULL AND (number > 0 OR waited < '5 minutes') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION '% is locked', p_what
        USING ERRCODE = '55P03', DETAIL = format('Locked: %s.', coalesce(holders, 'not any more')),
              HINT = 'Call again when that has ended, or end it: SELECT pg_terminate_backend(PROCESS); or ROLLBACK PREPARED.';
END
$$;
COMMENT ON FUNCTION acct._refuse_held(text, regclass[], text, text[], text[], timestamptz, text) IS
'Called when a wait for locks on tables, or for rows with a key, ran out: returns where the caller should wait longer, and otherwise raises 55P03 and names the holders. The wait is unlimited for functions of the engine and active sessions, ten seconds for idle and prepared holders, five minutes for active sessions that lock a table (ACCESS) EXCLUSIVE, and for the last two at most half the statement_timeout.';

CREATE FUNCTION acct._hold_tables(p_tables regclass[], p_mode text, p_with_partitions boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    own_limit CONSTANT text := current_setting('lock_timeout');
    list text;
BEGIN
    IF acct._lock_if_free(p_tables, p_mode, p_with_partitions) THEN
        RETURN;
    END IF;
    list := (SELECT string_agg(CASE WHEN p_with_partitions THEN '' ELSE 'ONLY ' END || t.name, ', ' ORDER BY t.n)
               FROM unnest(p_tables) WITH ORDINALITY AS t (name, n));
    LOOP
        BEGIN
            PERFORM acct._limit_wait(own_limit, clock_timestamp() - started);
            EXECUTE format('LOCK TABLE %s IN %s MODE', list, p_mode);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM acct._refuse_held('a table that this needs', CASE WHEN p_with_partitions THEN ARRAY(SELECT acct._tables_below(t) FROM unnest(p_tables) AS t)
                                                                      ELSE p_tables END, p_mode, NULL, NULL, started, own_limit);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', own_limit, true);
END
$$;
COMMENT ON FUNCTION acct._hold_tables(regclass[], text, boolean) IS
'Locks tables, with or without their partitions, in a mode that a step needs, to the end of the transaction. Raises 55P03, with the holder, as _refuse_held() does.';

CREATE FUNCTION acct._hold_alone(p_tables regclass[], p_views regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    own_limit CONSTANT text := current_setting('lock_timeout');
    list CONSTANT text := (SELECT string_agg(t.name::text, ', ' ORDER BY t.n) FROM unnest(p_tables) WITH ORDINALITY AS t (name, n));
    nothing text;
BEGIN
    LOOP
        BEGIN
            PERFORM acct._limit_wait(own_limit, clock_timestamp() - started);
            -- Whoever reads a view locks it before its tables. LOCK TABLE would lock all that it reads; this changes nothing.
            FOR nothing IN SELECT format('ALTER VIEW %s ALTER COLUMN %I DROP DEFAULT', a.attrelid::regclass, a.attname)
                             FROM pg_attribute AS a WHERE a.attrelid = ANY (p_views) AND a.attnum = 1 ORDER BY a.attrelid LOOP
                EXECUTE nothing;
            END LOOP;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', list);
            EXIT;
        -- Readers take tables in an order of their own, so the locks that were taken are released for them.
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM acct._refuse_held('a table that this needs', p_views || ARRAY(SELECT acct._tables_below(t) FROM unnest(p_tables) AS t), 'ACCESS EXCLUSIVE', NULL, NULL,
                                      started, own_limit);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', own_limit, true);
END
$$;
COMMENT ON FUNCTION acct._hold_alone(regclass[], regclass[]) IS
'Locks tables with their partitions, and views, ACCESS EXCLUSIVE to the end of the transaction, and is no part of a deadlock with those who read them. Raises 55P03, with the holder, as _refuse_held() does.';

CREATE FUNCTION acct._tables_below(p_table regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- pg_partition_tree() would lock them, and wait.
    WITH RECURSIVE tree AS (
        SELECT p_table::oid AS relid
        UNION
        SELECT i.inhrelid FROM tree AS t JOIN pg_inherits AS i ON i.inhparent = t.relid)
    SELECT t.relid::regclass FROM tree AS t
$$;
COMMENT ON FUNCTION acct._tables_below(regclass) IS 'A table and its partitions, at any depth, without a lock on them.';

CREATE FUNCTION acct._hold_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    LOCK TABLE ONLY acct.ledger_entry_header, ONLY acct.ledger_entry_line IN ACCESS SHARE MODE;
    PERFORM acct._see_changes();
END
$$;
COMMENT ON FUNCTION acct._hold_ledger() IS 'Keeps months of the ledger from being archived or restored to the end of the transaction.';

CREATE FUNCTION acct._hold_source_month(p_month date, p_mode text DEFAULT 'ACCESS SHARE') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    partition regclass;
BEGIN
    PERFORM acct._hold_tables('{acct.txn_source_parent}', 'ACCESS SHARE');
    partition := acct._source_partition(p_month);
    IF partition IS NOT NULL THEN
        PERFORM acct._hold_tables(ARRAY[partition], p_mode, true);
    END IF;
    PERFORM acct._is_partition('txn_source', p_month);
END
$$;
COMMENT ON FUNCTION acct._hold_source_month(date, text) IS
'Locks the source, and its partition of a month in this mode, so that both can be read to the end of the transaction. Raises LE010 where the partition, or a part of it, is detached, 55P03 as _hold_tables().';

CREATE FUNCTION acct._is_tried_again(p_started timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    -- Whoever waits for a row goes on waiting for the transaction whose subtransaction locked it and was rolled back, and keeps that one from
    -- the row, for as long as _limit_wait() says. That is over by then; a deadlock that is one stays one.
    SELECT clock_timestamp() < p_started + current_setting('deadlock_timeout')::interval + interval '5 seconds'
$$;
COMMENT ON FUNCTION acct._is_tried_again(timestamptz) IS
'True where a row, for which a wait began at a moment and ended in a deadlock, is to be waited for once more.';

CREATE FUNCTION acct._lock_row(p_table regclass, p_columns text[], p_values text[], p_what text, p_is_there boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    own_limit CONSTANT text := current_setting('lock_timeout');
    columns CONSTANT text := (SELECT string_agg(format('%I', c), ', ' ORDER BY n) FROM unnest(p_columns) WITH ORDINALITY AS x (c, n));
    key CONSTANT text := (SELECT string_agg(format('%L::%s', x.v, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY x.n)
                            FROM unnest(p_columns, p_values) WITH ORDINALITY AS x (c, v, n)
                            JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attname = x.c);
BEGIN
    LOOP
        BEGIN
            PERFORM acct._limit_wait(own_limit);
            IF NOT p_is_there THEN
                EXECUTE format('INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING', p_table, columns, key);
            END IF;
            EXECUTE format('SELECT FROM %s WHERE (%s) = (%s) FOR NO KEY UPDATE', p_table, columns, key);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM acct._refuse_held(p_what, ARRAY[p_table], 'ROW EXCLUSIVE', p_columns, p_values, started, own_limit);
        WHEN deadlock_detected THEN
            IF NOT acct._is_tried_again(started) THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', own_limit, true);
END
$$;
COMMENT ON FUNCTION acct._lock_row(regclass, text[], text[], text, boolean) IS
'Locks the row of a key, which it inserts where it may be missing, to the end of the transaction. Raises 55P03, with the holder, as _refuse_held() does.';

CREATE FUNCTION acct._lock_making(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._lock_row('acct.making_lock', ARRAY['table_name'], ARRAY[p_table], format('the making of months of %s', p_table));
    PERFORM acct._see_changes();
END
$$;
COMMENT ON FUNCTION acct._lock_making(text) IS
'Locks the making and moving of months of txn_source_parent or ledger_entry to the end of the transaction, and takes notice of those that others made or moved.';

CREATE FUNCTION acct._blocking_locks() RETURNS TABLE (what text, holder text, seconds numeric)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH lockable AS (
        SELECT c.oid, c.oid = ANY (ARRAY['acct.making_lock', 'acct.ledger_book', 'ledger_guard.protected']::regclass[]::oid[]) AS has_lock_rows
          FROM pg_class AS c
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('acct', 'acct_archive', 'ledger_guard')))
    SELECT string_agg(DISTINCT h.relation::text, ', ' ORDER BY h.relation::text), acct._holder_name(h.pid, h.gid, h.role, h.state, h.since),
           round(extract(epoch FROM clock_timestamp() - min(h.since)), 1)
      FROM acct._lock_holders(ARRAY(SELECT l.oid::regclass FROM lockable AS l),
                              acct._conflicting_modes('ROW EXCLUSIVE') || ARRAY['RowShareLock', 'RowExclusiveLock']) AS h
      JOIN lockable AS l ON l.oid = h.relation
     WHERE h.granted AND NOT h.is_working
       AND (h.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
            OR (h.pid IS NULL OR h.state LIKE 'idle%')
               AND (l.has_lock_rows OR h.mode IN ('ShareLock', 'ShareRowExclusiveLock')
                    -- A run that keeps what it takes from others; loads only add to it.
                    OR h.relation = 'acct.batch_waiting'::regclass AND h.mode = 'RowShareLock'))
     GROUP BY h.pid, h.gid, h.role, h.state, h.since
$$;
COMMENT ON FUNCTION acct._blocking_locks() IS
'The sessions and prepared transactions that make runs or loads wait and do no work of the engine: the tables, the holder, and for how many seconds the session is idle or its transaction runs.';

CREATE FUNCTION acct._policy_tables() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY['accounting_basis', 'accounting_period', 'book', 'chart_of_accounts', 'currency', 'entity', 'fund', 'journal_template',
                 'journal_template_line', 'journal_template_match', 'product_account_map']
$$;
COMMENT ON FUNCTION acct._policy_tables() IS 'The tables that runs read policy from.';

CREATE FUNCTION acct._hold_policy() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._hold_tables(ARRAY(SELECT format('acct.%I', t)::regclass FROM unnest(acct._policy_tables()) AS t), 'ACCESS SHARE');
END
$$;
COMMENT ON FUNCTION acct._hold_policy() IS 'Has policy readable to the end of the transaction. Raises 55P03 as _hold_tables().';

CREATE FUNCTION acct._require_latest_snapshots() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- READ UNCOMMITTED is READ COMMITTED by another name.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'this function cannot be called in a transaction that is %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = '25001', DETAIL = 'The snapshot of the transaction does not show what others have committed since.',
                  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED. See also default_transaction_isolation.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_latest_snapshots() IS 'Raises 25001 where later statements of the transaction would not see what others commit.';

CREATE FUNCTION acct._require_read_committed() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this function cannot be called in a read-only transaction'
            USING ERRCODE = '25006',
                  DETAIL = CASE WHEN pg_is_in_recovery() THEN 'The server is a standby.' ELSE 'It writes.' END,
                  HINT = CASE WHEN pg_is_in_recovery() THEN 'Call it on the primary.'
                              ELSE 'Call it in a transaction of its own: BEGIN READ WRITE. See also default_transaction_read_only.' END;
    END IF;
    PERFORM acct._require_latest_snapshots();
END
$$;
COMMENT ON FUNCTION acct._require_read_committed() IS
'Raises 25001 where later statements of the transaction would not see what others commit, 25006 where it may not write.';

-- Runs as a scheduler drives them, by key: whether all is well, in one row, and the end of what hangs.
--
-- A session that works on a run that is not posted says so by advisory locks, which nothing waits for: shared ones on the
-- run (_hold_run) and, while the run is not yet visible to others, on its key (_hold_key). They end with the transaction, as
-- the lock of the run's row does, and pg_locks shows whose they are. An exclusive one says that the run is being cancelled.

CREATE FUNCTION acct._sessions_with(p_class oid, p_object integer, p_mode text) RETURNS integer[]
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH held AS MATERIALIZED (
        SELECT l.* FROM pg_locks AS l
         WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
    SELECT coalesce(array_agg(DISTINCT a.pid), '{}') FROM held AS a
     WHERE a.locktype = 'advisory' AND (a.classid, a.objid, a.objsubid, a.mode) = (p_class, p_object::oid, 2, p_mode)
       AND a.pid IS DISTINCT FROM pg_backend_pid()
       -- Anybody can take an advisory lock; who works on runs has a lock of their table too.
       AND EXISTS (SELECT FROM held AS t WHERE t.virtualtransaction = a.virtualtransaction AND t.locktype = 'relation'
                      AND t.relation = 'acct.journal_run'::regclass)
$$;
COMMENT ON FUNCTION acct._sessions_with(oid, integer, text) IS
'The processes of other sessions that hold an advisory lock (two keys; ShareLock or ExclusiveLock) and have read or written acct.journal_run in the same transaction; NULL stands for a prepared transaction.';

CREATE FUNCTION acct._lock_object(p_run_id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT (p_run_id & 2147483647)::integer $$;
COMMENT ON FUNCTION acct._lock_object(bigint) IS 'The second key of the advisory locks of a run.';

CREATE FUNCTION acct._hold_run(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    cancelling CONSTANT integer := 'acct.cancel_run(text, interval)'::regprocedure::oid::integer;
    object CONSTANT integer := acct._lock_object(p_run_id);
    is_free boolean;
BEGIN
    -- In one expression, which nothing interrupts. pg_locks, which may be long, is looked into only where that fails.
    is_free := pg_try_advisory_lock_shared(cancelling, object) AND pg_advisory_unlock_shared(cancelling, object);
    IF NOT is_free AND acct._sessions_with(cancelling::oid, object, 'ExclusiveLock') <> '{}' THEN
        RAISE EXCEPTION 'run % is being cancelled', p_run_id
            USING ERRCODE = 'LE002', HINT = 'When that is done, make it again with acct.create_run().';
    END IF;
    PERFORM pg_try_advisory_xact_lock_shared('acct.journal_run'::regclass::oid::integer, object);
END
$$;
COMMENT ON FUNCTION acct._hold_run(bigint) IS
'Has cancel_run() know, to the end of the transaction, that this session works on a run whose row it has locked. Raises LE002 where the run is being cancelled.';

CREATE FUNCTION acct._hold_key(p_run_key text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM pg_try_advisory_xact_lock_shared('acct.create_run(date, text, jsonb)'::regprocedure::oid::integer, hashtext(p_run_key));
END
$$;
COMMENT ON FUNCTION acct._hold_key(text) IS
'Has cancel_run() know, to the end of the transaction, that this session has made a run with a key, which others cannot see until then.';

CREATE FUNCTION acct._stop_sessions(p_processes integer[], p_firmly boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_stat_clear_snapshot();
    -- A session that waits for its client has nothing to cancel.
    PERFORM CASE WHEN p_firmly OR a.state LIKE 'idle in transaction%' THEN pg_terminate_backend(a.pid)
                 ELSE pg_cancel_backend(a.pid) END
       FROM pg_stat_activity AS a WHERE a.pid = ANY (p_processes);
END
$$;
COMMENT ON FUNCTION acct._stop_sessions(integer[], boolean) IS
'Cancels what sessions execute; terminates (p_firmly) all of them, or those that are idle in a transaction.';

CREATE FUNCTION acct.check_run(run_key text)
RETURNS TABLE (source_unchanged boolean, batches_registered boolean, counts_close boolean, headers_match boolean,
               lines_match boolean, digest_matches boolean, totals_match boolean, debits_equal_credits boolean,
               periods_open boolean, all_passed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    SELECT r.run_id INTO id FROM acct.journal_run AS r WHERE r.run_key = check_run.run_key AND r.status <> 'discarded';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no run has the key "%"', check_run.run_key
            USING ERRCODE = 'LE001', HINT = 'Runs are made by acct.create_run(); a discarded run has its key no longer.';
    END IF;
    RETURN QUERY
    SELECT coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'batches_unchanged'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'batches_registered'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'counts_close:')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'header_')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name IN ('line_count', 'line_debit', 'line_credit')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'line_digest'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'totals_by_account'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'debit_equals_credit:')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'periods_open'), true),
           bool_and(v.passed)
      FROM acct.validate_run(id) AS v;
END
$$;
COMMENT ON FUNCTION acct.check_run(text) IS
'validate_run() of the run that has a key, as one row of booleans, each true where all is well, for schedulers that test the cells of a row: a column for each group of checks, and all_passed for every check there is. Raises LE001 (no run has the key), LE002 (not expanded, or staging lost).';

CREATE FUNCTION acct.cancel_run(run_key text, timeout interval DEFAULT '30 seconds')
RETURNS TABLE (run_id bigint, outcome text, sessions_stopped integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    key CONSTANT text := cancel_run.run_key;
    started CONSTANT timestamptz := clock_timestamp();
    longest CONSTANT interval := coalesce(cancel_run.timeout, '30 seconds');
    patience CONSTANT interval := least('5 seconds', longest / 2);
    creation CONSTANT oid := 'acct.create_run(date, text, jsonb)'::regprocedure;
    cancelling CONSTANT integer := 'acct.cancel_run(text, interval)'::regprocedure::oid::integer;
    creators integer[];
    working integer[];
    stopped integer[] := ARRAY[]::integer[];
    id bigint;
    status text;
    is_ours boolean := true;
BEGIN
    PERFORM acct._require_layout();
    creators := acct._sessions_with(creation, hashtext(key), 'ShareLock');
    LOOP
        -- The run that had the key at first, not one that was made with it meanwhile.
        SELECT r.run_id, r.status INTO id, status FROM acct.journal_run AS r
         WHERE CASE WHEN id IS NULL THEN r.run_key = key AND r.status <> 'discarded' ELSE r.run_id = id END;
        IF id IS NULL THEN
            working := ARRAY(SELECT s FROM unnest(acct._sessions_with(creation, hashtext(key), 'ShareLock')) AS s
                              WHERE s = ANY (creators) OR s IS NULL);
            status := CASE WHEN working = '{}' THEN 'no run' END;
        ELSIF status IN ('created', 'expanded') THEN
            is_ours := pg_try_advisory_xact_lock(cancelling, acct._lock_object(id));
            working := acct._sessions_with('acct.journal_run'::regclass, acct._lock_object(id), 'ShareLock');
            PERFORM FROM acct.journal_run AS r WHERE r.run_id = id AND r.status IN ('created', 'expanded') AND is_ours
                FOR UPDATE SKIP LOCKED;
            IF FOUND THEN
                PERFORM acct.discard_run(id);
                INSERT INTO acct.run_log (run_id, step, detail)
                VALUES (id, 'cancel', jsonb_build_object('sessions_stopped', cardinality(stopped)));
                status := 'discarded';
            ELSE
                status := NULL;
            END IF;
        END IF;
        EXIT WHEN status IS NOT NULL;
        IF array_position(working, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'run "%" is held by a prepared transaction', key
                USING ERRCODE = '55P03', HINT = 'End it with COMMIT PREPARED or ROLLBACK PREPARED; see pg_prepared_xacts.';
        ELSIF clock_timestamp() > started + longest THEN
            RAISE EXCEPTION 'run "%" is still held', key
                USING ERRCODE = '55P03',
                      DETAIL = CASE WHEN NOT is_ours THEN 'Another session is cancelling it.'
                                    WHEN working = '{}' THEN 'A session locked its row by other means than the functions of ledger_engine.'
                                    ELSE format('Told to stop, but not ended: %s.', array_to_string(working, ', ')) END,
                      HINT = 'Call acct.cancel_run() again.';
        ELSIF is_ours THEN
            PERFORM acct._stop_sessions(working, clock_timestamp() > started + patience);
            stopped := ARRAY(SELECT s FROM unnest(stopped) AS s UNION SELECT s FROM unnest(working) AS s);
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
    RETURN QUERY SELECT id, status, cardinality(stopped);
END
$$;
COMMENT ON FUNCTION acct.cancel_run(text, interval) IS
'Ends a run that has a key and is not posted, so that the key can be used afresh: stops the session that works on it (cancels what it executes; after five seconds, or at once where it is idle in a transaction, terminates it), waits for its end, and discards the run. One row: run_id; outcome, which is discarded, posted or reversed (nothing is discarded), or no run (none has the key); sessions_stopped. Sessions that wait for the run are not stopped: they get LE002. Raises 55P03 where the run is still held after the timeout, or by a prepared transaction.';

-- Runs as a scheduler drives them, by key: whether all is well, in one row, and the end of what hangs.
--
-- A session that works on a run, or checks it, has locked its row, or inserted it and not committed yet; the row itself says
-- whose transaction that is (acct._row_holders). That it came by the engine's functions is seen by its lock on acct.run_cancel,
-- a table that only they may lock. A row of that table which is not committed says that the run is being cancelled. Nobody waits
-- for any of these, and all end with their transactions.

CREATE FUNCTION acct._announce_work() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    LOCK TABLE acct.run_cancel IN ROW SHARE MODE;
END
$$;
COMMENT ON FUNCTION acct._announce_work() IS
'Has cancel_run() know, to the end of the transaction, that this session locked the rows of its runs as the engine does.';

CREATE FUNCTION acct._refuse_cancelled(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF array_remove(acct._row_holders('acct.run_cancel', '{run_id}', ARRAY[p_run_id::text]), pg_backend_pid()) <> '{}' THEN
        RAISE EXCEPTION 'run % is being cancelled', p_run_id
            USING ERRCODE = 'LE002', HINT = 'When that is done, create it again with acct.create_run().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_cancelled(bigint) IS 'Raises LE002 where another session is cancelling a run.';

CREATE FUNCTION acct._sessions_at(p_column text, p_value text) RETURNS integer[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(array_agg(h.pid), '{}') FROM unnest(acct._row_holders('acct.journal_run', ARRAY[p_column], ARRAY[p_value])) AS h (pid)
     WHERE h.pid IS NULL
        OR h.pid <> pg_backend_pid() AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = h.pid AND l.granted AND l.mode <> 'AccessShareLock'
                      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
                      AND l.relation = 'acct.run_cancel'::regclass)
$$;
COMMENT ON FUNCTION acct._sessions_at(text, text) IS
'The processes of other sessions that work on runs whose column (run_id, run_key) has a value, or check them, or have made them and not committed yet; NULL stands for a prepared transaction.';

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

CREATE FUNCTION acct.check_run(run_id bigint)
RETURNS TABLE (source_unchanged boolean, batches_registered boolean, counts_close boolean, headers_match boolean,
               lines_match boolean, digest_matches boolean, totals_match boolean, debits_equal_credits boolean,
               periods_open boolean, policy_in_force boolean, all_passed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT coalesce(bool_and(v.passed) FILTER (WHERE v.check_name IN ('batches_unchanged', 'source_digest', 'originals_unchanged', 'originals_stand', 'entries_unchanged')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'batches_registered'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'counts_close:') OR v.check_name = 'journals_claimed'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'header_')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name IN ('line_count', 'line_debit', 'line_credit')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name IN ('line_digest', 'line_columns')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name IN ('totals_by_account', 'originals_mirrored', 'totals_mirrored', 'correction_completes')), true),
           coalesce(bool_and(v.passed) FILTER (WHERE starts_with(v.check_name, 'debit_equals_credit:') OR v.check_name = 'funds_balanced'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'periods_open'), true),
           coalesce(bool_and(v.passed) FILTER (WHERE v.check_name = 'policy_in_force'), true),
           bool_and(v.passed)
      FROM acct.validate_run(check_run.run_id) AS v;
END
$$;
COMMENT ON FUNCTION acct.check_run(bigint) IS
'validate_run() as one row of booleans, each true where all is well, for schedulers that test the cells of a row: a column for each group of checks, and all_passed for every check there is. Raises LE001 (no such run), LE002 (not expanded, or staging lost).';

CREATE FUNCTION acct._try_cancel(p_run_id bigint, p_stopped integer, OUT status text, OUT working integer[], OUT is_ours boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    is_ours := array_remove(acct._row_holders('acct.run_cancel', '{run_id}', ARRAY[p_run_id::text]), pg_backend_pid()) = '{}';
    IF is_ours AND NOT EXISTS (SELECT FROM acct.run_cancel AS c WHERE c.run_id = p_run_id) THEN
        INSERT INTO acct.run_cancel (run_id) VALUES (p_run_id) ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.status IN ('created', 'expanded') AND is_ours
        FOR NO KEY UPDATE SKIP LOCKED;
    working := acct._sessions_at('run_id', p_run_id::text);
    -- Those who only check it did not keep its row from being locked.
    IF FOUND AND working = '{}' THEN
        PERFORM acct.discard_run(p_run_id);
        INSERT INTO acct.run_log (run_id, step, detail)
        VALUES (p_run_id, 'cancel', jsonb_build_object('sessions_stopped', p_stopped));
        status := 'discarded';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._try_cancel(bigint, integer) IS
'Discards a run that is not posted, where no session is at it: status is discarded then, else NULL. working are those that are; is_ours is false where another session is cancelling it.';

CREATE FUNCTION acct._cancel_run(p_run_id bigint, p_run_key text, p_timeout interval,
                                 OUT id bigint, OUT status text, OUT sessions_stopped integer)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    label CONSTANT text := coalesce(format('"%s"', p_run_key), p_run_id::text);
    started CONSTANT timestamptz := clock_timestamp();
    longest CONSTANT interval := coalesce(p_timeout, '30 seconds');
    patience CONSTANT interval := least('5 seconds', longest / 2);
    creators CONSTANT integer[] := acct._sessions_at('run_key', coalesce(p_run_key, ''));
    working integer[];
    stopped integer[] := ARRAY[]::integer[];
    is_ours boolean := true;
BEGIN
    id := p_run_id;
    LOOP
        -- The run that had the key at first, not one that was made with it meanwhile.
        SELECT r.run_id, r.status INTO id, status FROM acct.journal_run AS r
         WHERE CASE WHEN id IS NULL THEN r.run_key = p_run_key AND r.status <> 'discarded' ELSE r.run_id = id END;
        IF id IS NULL THEN
            working := ARRAY(SELECT s FROM unnest(acct._sessions_at('run_key', coalesce(p_run_key, ''))) AS s
                              WHERE s = ANY (creators) OR s IS NULL);
            status := CASE WHEN working = '{}' THEN 'no run' END;
        ELSIF status IN ('created', 'expanded') THEN
            SELECT t.* INTO status, working, is_ours FROM acct._try_cancel(id, cardinality(stopped)) AS t;
        END IF;
        EXIT WHEN status IS NOT NULL;
        IF array_position(working, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'run % is held by a prepared transaction', label
                USING ERRCODE = '55P03', HINT = 'End it with COMMIT PREPARED or ROLLBACK PREPARED; see pg_prepared_xacts.';
        ELSIF clock_timestamp() > started + longest THEN
            RAISE EXCEPTION 'run % is still held', label
                USING ERRCODE = '55P03',
                      DETAIL = CASE WHEN NOT is_ours THEN 'Another session is cancelling it.'
                                    WHEN working = '{}' THEN 'A session locked its row by other means than the functions of ledger_engine.'
                                    ELSE format('Sessions that have not ended yet: %s.', array_to_string(working, ', ')) END,
                      HINT = 'Call acct.cancel_run() again.';
        ELSIF is_ours THEN
            PERFORM acct._stop_sessions(working, clock_timestamp() > started + patience);
            stopped := ARRAY(SELECT s FROM unnest(stopped) AS s UNION SELECT s FROM unnest(working) AS s);
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
    DELETE FROM acct.run_cancel AS c WHERE c.run_id = id;
    sessions_stopped := cardinality(stopped);
END
$$;
COMMENT ON FUNCTION acct._cancel_run(bigint, text, interval) IS 'The work of cancel_run(), of a run or of whichever has a key.';

CREATE FUNCTION acct.cancel_run(run_key text, timeout interval DEFAULT '30 seconds')
RETURNS TABLE (run_id bigint, outcome text, sessions_stopped integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    RETURN QUERY SELECT c.* FROM acct._cancel_run(NULL, cancel_run.run_key, cancel_run.timeout) AS c;
END
$$;
COMMENT ON FUNCTION acct.cancel_run(text, interval) IS
'Ends a run that is not posted, so that its key can be used again: stops the sessions that work on it or check it, and discards the run; outcome is discarded, posted, reversed or no run. Raises LE002 where a session waits for a run that is being cancelled, 55P03 where the run is still held after the timeout, or by a prepared transaction, LE008 as discard_run(), 25001, 25006.';

CREATE FUNCTION acct.cancel_run(INOUT run_id bigint, timeout interval DEFAULT '30 seconds', OUT outcome text, OUT sessions_stopped integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF cancel_run.run_id IS NULL OR NOT EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = cancel_run.run_id) THEN
        RAISE EXCEPTION 'run % does not exist', coalesce(cancel_run.run_id::text, 'NULL')
            USING ERRCODE = 'LE001', HINT = 'acct.run_history lists runs; acct.create_run() creates them.';
    END IF;
    SELECT c.id, c.status, c.sessions_stopped INTO run_id, outcome, sessions_stopped FROM acct._cancel_run(cancel_run.run_id, NULL, cancel_run.timeout) AS c;
END
$$;
COMMENT ON FUNCTION acct.cancel_run(bigint, interval) IS
'cancel_run() of a run by its run_id, for one without a key. Raises LE001 (no such run) and what cancel_run() of a key raises.';

-- A run from the source to the ledger in one call.

CREATE FUNCTION acct._failed_checks(p_run_id bigint, OUT checks bigint, OUT failed text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A closed period alone is for post_journals to refuse (LE006).
    SELECT count(*), string_agg(format('%s (expected %s, found %s)', v.check_name, v.expected, v.actual), '; ')
                     FILTER (WHERE NOT v.passed AND v.check_name <> 'periods_open')
      INTO checks, failed FROM acct.validate_run(p_run_id) AS v;
END
$$;
COMMENT ON FUNCTION acct._failed_checks(bigint) IS
'Calls validate_run(): the number of its checks, and those that failed; NULL: none, except that a period is closed, which posting refuses.';

CREATE FUNCTION acct._refuse_failed_checks(p_run_id bigint, p_failed text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_failed IS NOT NULL THEN
        RAISE EXCEPTION 'run % does not pass its checks', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || p_failed || '.', HINT = 'See acct.validate_run().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_failed_checks(bigint, text) IS 'Raises LE009 where checks of a run failed, with their names and figures.';

CREATE FUNCTION acct._left_out(p_run_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._first_of(array_agg(b.batch_id ORDER BY b.batch_id::bigint))
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL (SELECT g.detail FROM acct.run_log AS g WHERE g.run_id = r.run_id AND g.step = 'create'
                          ORDER BY g.log_id DESC LIMIT 1) AS g
     CROSS JOIN LATERAL jsonb_array_elements_text(g.detail -> 'batches_left_out') AS b (batch_id)
     WHERE r.run_id = p_run_id
       AND NOT r.bases <@ ARRAY(SELECT c.basis FROM acct.journal_run_batch AS c
                                 WHERE (c.batch_id, c.txn_month) = (b.batch_id::bigint, r.txn_month) AND c.released_at IS NULL)
$$;
COMMENT ON FUNCTION acct._left_out(bigint) IS
'The batches that a run left out because others used their rows, and that still wait; NULL: none.';

CREATE FUNCTION acct._skip_empty_run(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text := acct._lock_run(p_run_id);
    key text;
    month date;
    left_out text;
    elsewhere boolean;
BEGIN
    IF acct._is_posted(status) THEN
        RAISE NOTICE 'run % is % already: nothing is booked', p_run_id, status
            USING HINT = CASE status WHEN 'reversed' THEN 'acct.rebook_run() of the run that reversed it books its transactions again. ' ELSE '' END
                         || 'Transactions that were loaded since then wait for a run with another key, or without one. See acct.batches_waiting().';
        RETURN false;
    ELSIF status NOT IN ('created', 'expanded') OR acct._run_transactions(p_run_id) > 0 THEN
        RETURN false;
    END IF;
    SELECT r.run_key, r.txn_month INTO key, month FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    -- Rows that no run can take fail the run's checks.
    IF acct._unregistered_rows(month) > 0 THEN
        RETURN false;
    END IF;
    left_out := acct._left_out(p_run_id);
    elsewhere := (SELECT g.detail ? 'batches_in_other_runs' FROM acct.run_log AS g
                   WHERE g.run_id = p_run_id AND g.step = 'create' ORDER BY g.log_id DESC LIMIT 1);
    IF key IS NULL THEN
        PERFORM acct.discard_run(p_run_id);
    END IF;
    IF left_out IS NOT NULL THEN
        RAISE NOTICE 'other transactions use the batches of % that wait for a run: nothing is booked', acct._month_name(month)
            USING DETAIL = format('Batches left out: %s.', left_out),
                  HINT = 'Call again, once these transactions have ended. See acct.batches_waiting().';
        RETURN true;
    ELSIF elsewhere THEN
        RAISE NOTICE 'other runs are taking what waits of %: nothing is booked', acct._month_name(month)
            USING HINT = 'Call again if one of them fails, or is for other bases. See acct.batches_waiting().';
        RETURN true;
    END IF;
    RAISE NOTICE 'no transactions of % wait for a run: nothing is booked', acct._month_name(month)
        USING HINT = 'See acct.batches_waiting().' || CASE WHEN key IS NULL THEN '' ELSE ' The same run_key takes what is loaded later.' END;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._skip_empty_run(bigint) IS
'True, with a NOTICE, where a run that is not posted has nothing to take, or others use all of it: one without a key is discarded, one with a key waits for what is loaded later. A NOTICE alone where it is posted.';

CREATE FUNCTION acct._open_exceptions(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT format(CASE sum(x.exceptions) WHEN 1 THEN '%s exception (%s)' ELSE '%s exceptions (%s)' END, sum(x.exceptions),
                          acct._first_of(array_agg(format('%s %s', x.reason, x.exceptions) ORDER BY x.exceptions DESC, x.reason)))
              FROM (SELECT e.reason, count(*) AS exceptions FROM acct.je_exception AS e
                     WHERE e.run_id = p_run_id AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL
                     GROUP BY e.reason) AS x
            HAVING count(*) > 0);
END
$$;
COMMENT ON FUNCTION acct._open_exceptions(bigint) IS 'How many exceptions of a run are open, and the most frequent reasons; NULL: none.';

CREATE FUNCTION acct._report_exceptions(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found text;
    advice text;
    run acct.journal_run;
BEGIN
    PERFORM acct._require_layout();
    found := acct._open_exceptions(p_run_id);
    advice := 'See acct.je_exception. Correct the cause, then call acct.reprocess_exceptions().'
              || CASE WHEN found ~ 'PERIOD_CLOSED' THEN ' Its option late books transactions of a closed month in the next open one.' ELSE '' END;
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF found IS NULL THEN
        RETURN;
    ELSIF run.journals = 0 THEN
        RAISE WARNING 'run % of % booked nothing: %', p_run_id, acct._month_name(run.txn_month), found
            USING HINT = advice;
    ELSE
        RAISE NOTICE 'run % of % has %', p_run_id, acct._month_name(run.txn_month), found
            USING HINT = advice;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._report_exceptions(bigint) IS
'Tells the caller of a run''s open exceptions: by a WARNING where it has no journal, else by a NOTICE.';

CREATE FUNCTION acct._pass_checks(p_run_id bigint, p_is_held boolean, p_place tid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    checks bigint;
    failed text;
BEGIN
    SELECT count(*), string_agg(format('%s (expected %s, found %s)', v.check_name, v.expected, v.actual), '; ')
                     FILTER (WHERE NOT v.passed AND v.check_name <> 'periods_open')
      INTO checks, failed FROM acct._validate_run(p_run_id, p_is_held, p_place) AS v;
    PERFORM acct._refuse_failed_checks(p_run_id, failed);
    RETURN checks + CASE WHEN p_is_held THEN (SELECT count(*) FROM acct.journal_run AS r, unnest(acct._row_checks()) AS c (name)
                                             WHERE r.run_id = p_run_id AND (c.name <> 'line_columns' OR r.added_digest IS NOT NULL)) ELSE 0 END;
END
$$;
COMMENT ON FUNCTION acct._pass_checks(bigint, boolean, tid[]) IS
'The number of checks of a run that passed, those that are left to posting included. Raises LE009 where another one than periods_open failed, which is for posting to refuse.';

CREATE FUNCTION acct.run_month(txn_month date, run_key text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE (step text, rows bigint, elapsed_ms double precision, detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    started timestamptz := clock_timestamp();
    id bigint;
    place tid[];
    is_held boolean;
    run record; -- there may be no such table yet
BEGIN
    step := 'create';
    SELECT c.run_id, c.place INTO id, place FROM acct._create_run(run_month.txn_month, run_month.run_key, run_month.options) AS c;
    SELECT count(DISTINCT b.batch_id), format('run %s', id) INTO rows, detail
      FROM acct.journal_run_batch AS b WHERE b.run_id = id;
    elapsed_ms := acct._elapsed_ms(started);
    -- One whose rows lie somewhere has taken some.
    IF place = '{}' AND acct._skip_empty_run(id) THEN
        detail := format('run %s, %s', id, coalesce('left out: batch ' || acct._left_out(id), 'nothing to take'));
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN NEXT;
    step := 'expand';
    started := clock_timestamp();
    is_held := acct._expand_run(id, place);
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = id;
    rows := run.transactions;
    detail := format('%s journals, %s lines, %s exceptions, %s ignored', run.journals, run.lines, run.exceptions, run.ignored);
    elapsed_ms := acct._elapsed_ms(started);
    RETURN NEXT;
    step := 'validate';
    started := clock_timestamp();
    rows := acct._pass_checks(id, is_held, place);
    detail := concat_ws(', ', 'all checks passed', CASE WHEN run.exceptions > 0 THEN acct._open_exceptions(id) END);
    elapsed_ms := acct._elapsed_ms(started);
    RETURN NEXT;
    step := 'post';
    started := clock_timestamp();
    PERFORM acct._post_run(id, true);
    rows := run.lines;
    detail := format('%s journals, debit %s, credit %s', run.journals, coalesce(nullif(run.debit, 0), 0), coalesce(nullif(run.credit, 0), 0));
    elapsed_ms := acct._elapsed_ms(started);
    RETURN NEXT;
    IF run.exceptions > 0 THEN
        PERFORM acct._report_exceptions(id);
    END IF;
END
$$;
COMMENT ON FUNCTION acct.run_month(date, text, jsonb) IS
'Creates, expands, validates and posts a run of a month in the caller''s transaction: a row for each step with its rows and milliseconds; with the run_key of a posted run, or where nothing waits, it posts nothing. Raises what the steps raise, LE006 where a period was closed meanwhile, LE009 where another check fails.';

CREATE PROCEDURE acct.process_run(run_id bigint, INOUT status text DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    failed pg_catalog.text;
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    IF acct._skip_empty_run(process_run.run_id) THEN
        status := acct._run_status(process_run.run_id);
        COMMIT;
        RETURN;
    END IF;
    PERFORM FROM acct.expand_journals(process_run.run_id);
    status := acct._run_status(process_run.run_id);
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    IF status OPERATOR(pg_catalog.=) 'expanded' THEN
        SELECT c.failed INTO failed FROM acct._failed_checks(process_run.run_id) AS c;
        -- The log keeps what was checked, whatever comes of it.
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM acct._refuse_failed_checks(process_run.run_id, failed);
        PERFORM FROM acct.post_journals(process_run.run_id);
        status := acct._run_status(process_run.run_id);
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    END IF;
    PERFORM acct._report_exceptions(process_run.run_id);
END
$$;
COMMENT ON PROCEDURE acct.process_run(bigint, text) IS
'Moves a run as far as it goes (expand, validate, post), with a COMMIT after each step; returns its status. Called again, it goes on where it stopped; it cannot be called in a transaction block, and raises what the steps raise: LE006 where a period was closed meanwhile, LE009 where another check fails.';

CREATE PROCEDURE acct.process_run(run_key text, INOUT status text DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    CALL acct.process_run(acct._run_of_key(process_run.run_key, true), status);
END
$$;
COMMENT ON PROCEDURE acct.process_run(text, text) IS 'process_run() of the run that has a key; raises LE001 where no run has it.';

CREATE PROCEDURE acct.process_month(txn_month date, run_key text DEFAULT NULL, options jsonb DEFAULT '{}', INOUT run_id bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    status pg_catalog.text;
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    run_id := acct.create_run(process_month.txn_month, process_month.run_key, process_month.options);
    CALL acct.process_run(run_id, status);
END
$$;
COMMENT ON PROCEDURE acct.process_month(date, text, jsonb, bigint) IS
'Creates a run of a month, expands, validates and posts it with a COMMIT after each step, and returns its run_id; called again with the same run_key it resumes where it stopped. Raises what the steps raise, 2D000 in a transaction block, LE006 where a period was closed meanwhile, LE009 where another check fails.';

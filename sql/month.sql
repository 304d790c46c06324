-- A month from source to ledger in one call.

CREATE FUNCTION acct._require_valid_run(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    checks bigint;
    failed text;
BEGIN
    SELECT count(*), string_agg(format('%s (expected %s, found %s)', v.check_name, v.expected, v.actual), '; ')
                     FILTER (WHERE NOT v.passed AND v.check_name <> 'periods_open')
      INTO checks, failed FROM acct.validate_run(p_run_id) AS v;
    -- A closed period alone is for post_journals to refuse (LE006).
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION 'run % does not pass its checks', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.', HINT = 'See acct.validate_run().';
    END IF;
    RETURN checks;
END
$$;
COMMENT ON FUNCTION acct._require_valid_run(bigint) IS 'Runs validate_run; the number of its checks, or LE009 with those that failed, save that a period is closed, which posting refuses.';

CREATE FUNCTION acct._month_step(p_step text, p_run_id bigint, OUT rows bigint, OUT detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    CASE p_step
        WHEN 'expand' THEN
            SELECT coalesce(sum(e.transactions), 0),
                   format('%s journals, %s lines, %s exceptions, %s ignored', coalesce(sum(e.journals), 0),
                          coalesce(sum(e.lines), 0), coalesce(sum(e.exceptions), 0), coalesce(sum(e.ignored), 0))
              INTO rows, detail FROM acct.expand_journals(p_run_id) AS e;
        WHEN 'validate' THEN
            rows := acct._require_valid_run(p_run_id);
            detail := 'all checks passed';
        WHEN 'post' THEN
            SELECT coalesce(sum(p.lines), 0),
                   format('%s journals, debit %s, credit %s', coalesce(sum(p.journals), 0),
                          coalesce(sum(p.debit), 0), coalesce(sum(p.credit), 0))
              INTO rows, detail FROM acct.post_journals(p_run_id) AS p;
    END CASE;
END
$$;
COMMENT ON FUNCTION acct._month_step(text, bigint) IS 'One step (expand, validate, post) of a month: rows worked on and a line about them.';

CREATE FUNCTION acct.run_month(txn_month date, run_key text DEFAULT NULL)
RETURNS TABLE (step text, rows bigint, elapsed_ms double precision, detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started timestamptz := clock_timestamp();
    id bigint;
BEGIN
    step := 'create';
    id := acct.create_run(run_month.txn_month, run_month.run_key);
    SELECT count(DISTINCT b.batch_id), format('run %s', id) INTO rows, detail
      FROM acct.journal_run_batch AS b WHERE b.run_id = id;
    elapsed_ms := extract(epoch FROM clock_timestamp() - started) * 1000;
    RETURN NEXT;
    FOREACH step IN ARRAY ARRAY['expand', 'validate', 'post'] LOOP
        started := clock_timestamp();
        SELECT s.rows, s.detail INTO rows, detail FROM acct._month_step(step, id) AS s;
        elapsed_ms := extract(epoch FROM clock_timestamp() - started) * 1000;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.run_month(date, text) IS
'Creates, expands, validates and posts a run of a month in the caller''s transaction and process: a row for each step with its rows (batches, transactions, checks, lines) and milliseconds. With the run_key of a posted run it does nothing again. Raises what the steps raise; LE006 where a period was closed meanwhile, LE009 where another check fails.';

CREATE PROCEDURE acct.process_month(txn_month date, run_key text DEFAULT NULL, INOUT run_id bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    checks record;
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    run_id := acct.create_run(process_month.txn_month, process_month.run_key);
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM FROM acct.expand_journals(run_id);
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SELECT pg_catalog.string_agg(v.check_name, ', ') AS failed,
           pg_catalog.bool_or(v.check_name OPERATOR(pg_catalog.<>) 'periods_open') AS stop INTO checks
      FROM acct.validate_run(run_id) AS v WHERE NOT v.passed;
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    -- A closed period alone is for post_journals to refuse (LE006).
    IF checks.stop THEN
        RAISE EXCEPTION 'run % does not pass its checks', run_id
            USING ERRCODE = 'LE009', DETAIL = pg_catalog.concat('Failed: ', checks.failed, '.'),
                  HINT = 'See acct.validate_run(). The run stays expanded.';
    END IF;
    PERFORM FROM acct.post_journals(run_id);
    COMMIT;
END
$$;
COMMENT ON PROCEDURE acct.process_month(date, text, bigint) IS
'Creates, expands, validates and posts a run of a month with a COMMIT after each step; returns its run_id. Called again with the same run_key it goes on where it stopped. Cannot be called in a transaction block. Raises what the steps raise; LE006 where a period was closed meanwhile, LE009 where another check fails.';

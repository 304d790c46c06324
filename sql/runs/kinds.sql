-- What the kinds of runs have in common, and what of a run's steps depends on its kind: who posts it, what it is made of, how it is expanded and checked.

CREATE FUNCTION acct._require_reason(p_date date, p_reason text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most CONSTANT integer := 1000;
    limits record;
BEGIN
    SELECT l.* INTO limits FROM acct._posting_limits() AS l;
    IF p_date IS NULL THEN
        RAISE EXCEPTION 'the date of the journals must be given' USING ERRCODE = '22004';
    ELSIF NOT isfinite(p_date) OR NOT extract(year FROM p_date) BETWEEN limits.first_year AND limits.last_year THEN
        RAISE EXCEPTION 'the date % is not plausible', p_date
            USING ERRCODE = '22023', DETAIL = format('Months are in the years %s to %s (acct.posting_limit).', limits.first_year, limits.last_year);
    ELSIF NOT acct._says_something(p_reason) OR length(p_reason) > most THEN
        RAISE EXCEPTION 'a reason of 1 to % characters must be given', most USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_reason(date, text) IS
'Raises 22004 or 22023 unless a date that journals may have and a reason are given.';

CREATE FUNCTION acct._lock_origins(p_run_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._lock_run(o.origin_run)
      FROM (SELECT v.origin_run FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id AND v.released_at IS NULL
             UNION SELECT r.origin_run FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.kind = 'correction'
             UNION SELECT c.run_id FROM acct.journal_run AS r JOIN acct.journal_run AS c ON c.origin_run = r.origin_run
                    WHERE r.run_id = p_run_id AND r.kind = 'correction' AND c.kind = 'correction' AND acct._is_posted(c.status) AND c.run_id < p_run_id
             ORDER BY 1) AS o
$$;
COMMENT ON FUNCTION acct._lock_origins(bigint) IS 'Locks the runs whose journals a run reverses or corrects, and of these earlier corrections, in the order of their numbers, to the end of the transaction.';

CREATE FUNCTION acct._expand_kind(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    CASE (SELECT CASE WHEN acct._is_entered(r.kind) THEN 'entered' ELSE r.kind END FROM acct.journal_run AS r WHERE r.run_id = p_run_id)
        WHEN 'correction' THEN
            PERFORM acct._expand_correction(p_run_id);
            RETURN;
        WHEN 'entered' THEN
            PERFORM acct._expand_entered(p_run_id);
            RETURN;
        ELSE NULL;
    END CASE;
    INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail)
    SELECT p_run_id, 'expand', x.source_partition, x.journals, x.elapsed_ms,
           jsonb_build_object('journals', x.journals, 'lines', x.lines, 'exceptions', 0, 'ignored', 0, 'debit', x.debit, 'credit', x.credit)
      FROM acct._staging_tables(p_run_id) AS t, acct._expand_reversal(p_run_id, t.header, t.line) AS x;
    PERFORM acct._require_originals(p_run_id);
END
$$;
COMMENT ON FUNCTION acct._expand_kind(bigint) IS 'The part of expand_journals() that is the own of reversals, corrections, and runs whose journals are given line by line.';

CREATE FUNCTION acct._check_inputs(p_run_id bigint, p_reads boolean, p_place tid[] DEFAULT '{}') RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.kind = 'transaction' THEN
        RETURN QUERY SELECT c.* FROM acct._check_source(p_run_id, p_place) AS c;
    ELSIF run.kind = 'correction' THEN
        RETURN QUERY SELECT c.* FROM acct._check_source_rows(run.origin_run) AS c;
        RETURN QUERY SELECT c.* FROM acct._check_correction(p_run_id) AS c;
    ELSIF acct._is_entered(run.kind) THEN
        RETURN QUERY SELECT c.* FROM acct._check_entered(p_run_id) AS c;
    ELSE
        RETURN QUERY SELECT c.* FROM acct._check_originals(p_run_id, p_reads) AS c;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_inputs(bigint, boolean, tid[]) IS
'The checks of validate_run that compare a run with what it was made of: its source, the journals that it reverses, whose lines are read where p_reads says so, for a correction both, or the lines that were given. p_place is where the source rows lie, where the caller knows it (_count_batches).';

CREATE FUNCTION acct._caller_is(p_role text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(pg_has_role(session_user, to_regrole(p_role), 'MEMBER'), false);
END
$$;
COMMENT ON FUNCTION acct._caller_is(text) IS 'True where the session user is a member of a role of install_roles(), or a superuser; false where there is no such role.';

CREATE FUNCTION acct._require_poster(p_run_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.kind = 'transaction' THEN
        IF acct._caller_is('acct_approver') AND NOT acct._caller_is('acct_operator') THEN
            RAISE EXCEPTION '% is an approver and cannot post run %', session_user, p_run_id
                USING ERRCODE = '42501', DETAIL = 'Approvers post reversals and corrections, operators post transactions.';
        END IF;
    ELSIF acct._is_entered(run.kind) OR run.options ? 'decision' THEN
        -- Made, expanded and posted in one transaction, by the function that knows who may.
        RETURN;
    ELSIF to_regrole('acct_approver') IS NOT NULL AND NOT acct._caller_is('acct_approver') THEN
        RAISE EXCEPTION '% is not an approver and cannot post run %', session_user, p_run_id
            USING ERRCODE = '42501', DETAIL = format('It is a %s, which a member of acct_approver posts.', run.kind);
    ELSIF run.created_by = session_user OR run.created_by_role = acct._session_role() THEN
        RAISE EXCEPTION '% made run % and cannot post it', session_user, p_run_id
            USING ERRCODE = 'LE005', DETAIL = format('It is a %s.', run.kind), HINT = 'Have a second person post it.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_poster(bigint) IS
'Raises 42501 or LE005 where the session user may not post a run: reversals and corrections are posted by an approver who did not make them, under whatever name. It leaves to other functions runs whose journals are given line by line, and reversals whose options name the decision.';

-- Functions about a run by its run_key, each the twin of one that takes its run_id.

CREATE FUNCTION acct._run_of_key(p_run_key text, p_writes boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id bigint;
    numbered bigint;
BEGIN
    PERFORM acct._require_layout();
    IF p_writes THEN
        PERFORM acct._require_read_committed();
    END IF;
    SELECT r.run_id INTO id FROM acct.journal_run AS r WHERE r.run_key = p_run_key AND r.status <> 'discarded';
    -- A number in quotes, or a parameter without a type, reaches us as text.
    IF p_run_key ~ '^[0-9]{1,18}$' THEN
        SELECT r.run_id INTO numbered FROM acct.journal_run AS r WHERE r.run_id = p_run_key::bigint;
        IF numbered <> id THEN
            RAISE EXCEPTION 'both run % and run % can be meant by "%"', numbered, id, p_run_key
                USING ERRCODE = 'LE001', DETAIL = format('It is the run_key of run %s.', id), HINT = 'Name the run by its run_id as a bigint.';
        END IF;
        id := coalesce(id, numbered);
    END IF;
    IF id IS NULL THEN
        RAISE EXCEPTION 'no run has the key %', coalesce('"' || p_run_key || '"', 'NULL')
            USING ERRCODE = 'LE001', HINT = 'acct.run_history lists runs; a discarded run no longer has its key.';
    END IF;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._run_of_key(text, boolean) IS 'The run_id of the run that has a key, or that a number in the place of a key names, for a function that writes, or one that reads. Raises LE001 where there is none, or two are meant, 25001 or 25006 where a function that writes would raise it.';

CREATE FUNCTION acct._run_status(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    RETURN (SELECT r.status FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
END
$$;
COMMENT ON FUNCTION acct._run_status(bigint) IS 'The status of a run, for procedures that run with the rights of their caller.';

CREATE FUNCTION acct.expand_journals(run_key text)
RETURNS TABLE (source_partition text, transactions bigint, journals bigint, lines bigint, exceptions bigint,
               ignored bigint, debit numeric, credit numeric, elapsed_ms double precision, already_done boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT e.* FROM acct.expand_journals(acct._run_of_key($1, true)) AS e
$$;
COMMENT ON FUNCTION acct.expand_journals(text) IS 'expand_journals() of the run that has a key. Raises LE001 where no run has it, and what expand_journals() raises.';

CREATE FUNCTION acct.validate_run(run_key text)
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.validate_run(acct._run_of_key($1, false)) AS t
$$;
COMMENT ON FUNCTION acct.validate_run(text) IS 'validate_run() of the run that has a key. Raises LE001 where no run has it, and what validate_run() raises.';

CREATE FUNCTION acct.check_run(run_key text)
RETURNS TABLE (source_unchanged boolean, batches_registered boolean, counts_close boolean, headers_match boolean,
               lines_match boolean, digest_matches boolean, totals_match boolean, debits_equal_credits boolean,
               periods_open boolean, policy_in_force boolean, all_passed boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.check_run(acct._run_of_key($1, false)) AS t
$$;
COMMENT ON FUNCTION acct.check_run(text) IS 'check_run() of the run that has a key. Raises LE001 where no run has it, and what check_run() raises.';

CREATE FUNCTION acct.post_journals(run_key text)
RETURNS TABLE (ledger_partition text, journals bigint, lines bigint, debit numeric, credit numeric,
               elapsed_ms double precision, already_done boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.post_journals(acct._run_of_key($1, true)) AS t
$$;
COMMENT ON FUNCTION acct.post_journals(text) IS 'post_journals() of the run that has a key. Raises LE001 where no run has it, and what post_journals() raises.';

CREATE FUNCTION acct.discard_run(run_key text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.discard_run(acct._run_of_key($1, true))
$$;
COMMENT ON FUNCTION acct.discard_run(text) IS 'discard_run() of the run that has a key. Raises LE001 where no run has it, and what discard_run() raises.';

CREATE FUNCTION acct.run_digest(run_key text, source text DEFAULT 'ledger')
RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.run_digest(acct._run_of_key($1, false), $2)
$$;
COMMENT ON FUNCTION acct.run_digest(text, text) IS 'run_digest() of the run that has a key. Raises LE001 where no run has it, and what run_digest() raises.';

CREATE FUNCTION acct.rebook_run(run_key text, options jsonb DEFAULT '{}')
RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r FROM acct.rebook_run(acct._run_of_key($1, true), $2) AS r
$$;
COMMENT ON FUNCTION acct.rebook_run(text, jsonb) IS 'rebook_run() of the run that has a key. Raises LE001 where no run has it, and what rebook_run() raises.';

CREATE FUNCTION acct.reprocess_exceptions(run_key text, options jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.reprocess_exceptions(acct._run_of_key($1, true), $2)
$$;
COMMENT ON FUNCTION acct.reprocess_exceptions(text, jsonb) IS 'reprocess_exceptions() of the run that has a key. Raises LE001 where no run has it, and what reprocess_exceptions() raises.';

CREATE FUNCTION acct.reprocess_ignored(run_key text, options jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.reprocess_ignored(acct._run_of_key($1, true), $2)
$$;
COMMENT ON FUNCTION acct.reprocess_ignored(text, jsonb) IS 'reprocess_ignored() of the run that has a key. Raises LE001 where no run has it, and what reprocess_ignored() raises.';

CREATE FUNCTION acct.waive_exception(run_key text, txn_id bigint, basis text, reason text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.waive_exception(acct._run_of_key($1, true), $2, $3, $4)
$$;
COMMENT ON FUNCTION acct.waive_exception(text, bigint, text, text) IS 'waive_exception() of the run that has a key. Raises LE001 where no run has it, and what waive_exception() raises.';

CREATE FUNCTION acct.revoke_waiver(run_key text, txn_id bigint, basis text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.revoke_waiver(acct._run_of_key($1, true), $2, $3)
$$;
COMMENT ON FUNCTION acct.revoke_waiver(text, bigint, text) IS 'revoke_waiver() of the run that has a key. Raises LE001 where no run has it, and what revoke_waiver() raises.';

CREATE FUNCTION acct.reverse_run(run_key text, reversal_date date, reason text, filter jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.reverse_run(acct._run_of_key($1, true), $2, $3, $4)
$$;
COMMENT ON FUNCTION acct.reverse_run(text, date, text, jsonb) IS 'reverse_run() of the run that has a key. Raises LE001 where no run has it, and what reverse_run() raises.';

CREATE FUNCTION acct.correct_run(run_key text, correction_date date, reason text)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct.correct_run(acct._run_of_key($1, true), $2, $3)
$$;
COMMENT ON FUNCTION acct.correct_run(text, date, text) IS 'correct_run() of the run that has a key. Raises LE001 where no run has it, and what correct_run() raises.';

CREATE FUNCTION acct.preview_correction(run_key text, release_id bigint DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.preview_correction(acct._run_of_key($1, true), $2) AS t
$$;
COMMENT ON FUNCTION acct.preview_correction(text, bigint) IS 'preview_correction() of the run that has a key. Raises LE001 where no run has it, and what preview_correction() raises.';

CREATE FUNCTION acct.preview_correction_transactions(run_key text, max_transactions integer DEFAULT 20, release_id bigint DEFAULT NULL)
RETURNS TABLE (txn_id bigint, basis text, je_id bigint, je_date date, template_code text, template_version integer, debit numeric, credit numeric,
               line_count bigint, problem text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.preview_correction_transactions(acct._run_of_key($1, true), $2, $3) AS t
$$;
COMMENT ON FUNCTION acct.preview_correction_transactions(text, integer, bigint) IS 'preview_correction_transactions() of the run that has a key. Raises LE001 where no run has it, and what preview_correction_transactions() raises.';

CREATE FUNCTION acct.replay_run(run_key text, max_lines integer DEFAULT 20) RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct.replay_run(acct._run_of_key($1, false), $2) AS t
$$;
COMMENT ON FUNCTION acct.replay_run(text, integer) IS 'replay_run() of the run that has a key. Raises LE001 where no run has it, and what replay_run() raises.';

-- The steps of a run before it is posted: it is created, expanded, discarded.

CREATE FUNCTION acct._free_empty_runs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run record;
BEGIN
    FOR run IN SELECT r.run_id, r.run_key FROM acct.journal_run AS r
                WHERE r.kind = 'transaction' AND r.status = 'posted' AND r.transactions = 0 AND r.reprocess_of IS NULL
                  AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.run_id = r.run_id) ORDER BY r.run_id LOOP
        PERFORM acct._drop_staging(run.run_id);
        UPDATE acct.journal_run AS r SET status = 'discarded', discarded_at = clock_timestamp(), discarded_by = session_user
         WHERE r.run_id = run.run_id;
        INSERT INTO acct.run_log (run_id, step, detail)
        VALUES (run.run_id, 'discard', jsonb_build_object('reason', 'posted empty by version 0.1.0', 'run_key', run.run_key));
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._free_empty_runs() IS
'Discards the runs that version 0.1.0 posted though they had taken nothing, so that a run with the same key takes what came since.';

CREATE FUNCTION acct._lock_run(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._announce_work();
    -- Nearly always nobody holds it.
    IF acct._lock_if_free('{acct.journal_run}', 'ROW SHARE', false) THEN
        SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = p_run_id FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    IF status IS NULL THEN
        -- Readers lock the key (acct._read_run), and do not have to wait for a lock of this strength.
        PERFORM acct._lock_row('acct.journal_run', '{run_id}', ARRAY[p_run_id::text], format('run %s', p_run_id), true);
        SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    END IF;
    IF status IS NULL THEN
        RAISE EXCEPTION 'run % does not exist', coalesce(p_run_id::text, 'NULL')
            USING ERRCODE = 'LE001', HINT = 'acct.run_history lists runs; acct.create_run() creates them.';
    END IF;
    IF status IN ('created', 'expanded') THEN
        PERFORM acct._refuse_cancelled(p_run_id);
    END IF;
    PERFORM acct._see_changes();
    RETURN status;
END
$$;
COMMENT ON FUNCTION acct._lock_run(bigint) IS
'Locks a run to the end of the transaction, so that one session at a time works on it, and returns its status. Raises LE001 where it does not exist, LE002 where it is being cancelled, 55P03 where a session that does no work of the engine holds it.';

CREATE FUNCTION acct._read_run(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    PERFORM acct._require_layout();
    IF current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') AND NOT current_setting('transaction_read_only')::boolean THEN
        -- Keeps nobody waiting; acct.cancel_run() sees by it who reads.
        PERFORM acct._announce_work();
        PERFORM FROM acct.journal_run AS r WHERE r.run_id = p_run_id FOR KEY SHARE;
    END IF;
    LOOP
        SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'run % does not exist', coalesce(p_run_id::text, 'NULL')
                USING ERRCODE = 'LE001', HINT = 'acct.run_history lists runs; acct.create_run() creates them.';
        END IF;
        IF status IN ('created', 'expanded') THEN
            PERFORM acct._refuse_cancelled(p_run_id);
        END IF;
        PERFORM acct._see_changes();
        EXIT WHEN status <> 'expanded';
        -- From here to the end of the transaction its staging stays.
        PERFORM acct._lock_number('acct.journal_run', p_run_id, false);
        EXIT WHEN status = (SELECT r.status FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    END LOOP;
    RETURN status;
END
$$;
COMMENT ON FUNCTION acct._read_run(bigint) IS
'The status of a run that is to be read: its staging, if it is expanded, stays until the transaction ends, and neither this session nor one that works on the run waits for the other. Raises LE001 where it does not exist.';

CREATE FUNCTION acct._wrong_state(p_run_id bigint, p_status text, p_hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'run % is %', p_run_id, p_status USING ERRCODE = 'LE002', HINT = p_hint;
END
$$;
COMMENT ON FUNCTION acct._wrong_state(bigint, text, text) IS 'Raises LE002: the run is in the wrong state for the step.';

CREATE FUNCTION acct._run_bases(p_options jsonb) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    unknown text;
    bases text[];
BEGIN
    IF jsonb_typeof(p_options) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = '22023';
    END IF;
    SELECT string_agg(k, ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(p_options) AS k
     WHERE k NOT IN ('basis', 'late', 'repeated_transactions');
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown option: %', unknown USING ERRCODE = '22023',
            HINT = 'The options of a run are: basis, late, repeated_transactions.';
    ELSIF p_options ? 'late' AND coalesce(p_options ->> 'late', '') NOT IN ('reject', 'next_open') THEN
        RAISE EXCEPTION 'option late is %', p_options -> 'late' USING ERRCODE = '22023', HINT = 'It is "reject" or "next_open".';
    ELSIF p_options ? 'repeated_transactions'
        AND coalesce(p_options ->> 'repeated_transactions', '') NOT IN ('report', 'refuse', 'ignore') THEN
        RAISE EXCEPTION 'option repeated_transactions is %', p_options -> 'repeated_transactions'
            USING ERRCODE = '22023', HINT = 'It is "report", "refuse" or "ignore".';
    END IF;
    IF NOT p_options ? 'basis' THEN
        SELECT array_agg(b.basis ORDER BY b.basis) INTO bases FROM acct.accounting_basis AS b;
    ELSIF jsonb_typeof(p_options -> 'basis') = 'array' THEN
        SELECT array_agg(DISTINCT e COLLATE "C" ORDER BY e COLLATE "C") INTO bases
          FROM jsonb_array_elements_text(p_options -> 'basis') AS e;
    ELSE
        bases := ARRAY[p_options ->> 'basis'];
    END IF;
    SELECT string_agg(coalesce(b, 'NULL'), ', ') INTO unknown FROM unnest(bases) AS b
     WHERE NOT EXISTS (SELECT FROM acct.accounting_basis AS a WHERE a.basis = b);
    IF bases IS NULL OR unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown accounting basis: %', coalesce(unknown, 'none given')
            USING ERRCODE = '22023', HINT = 'Bases are rows of acct.accounting_basis.';
    END IF;
    RETURN bases;
END
$$;
COMMENT ON FUNCTION acct._run_bases(jsonb) IS 'The accounting bases that a run''s options ask for, sorted. Raises 22023 on an unknown option, value or basis.';

CREATE FUNCTION acct._moves_late(p_options jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT coalesce(p_options ->> 'late', 'reject') = 'next_open' $$;
COMMENT ON FUNCTION acct._moves_late(jsonb) IS
'True where a run''s options have the journals of closed months moved to the next open month of their book.';

CREATE FUNCTION acct._forget_expansion(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._drop_staging(p_run_id);
    DELETE FROM acct.run_log AS g WHERE g.run_id = p_run_id AND g.step IN ('expand', 'validate');
    UPDATE acct.journal_run AS r
       SET status = 'created', expanded_by = NULL, expand_started_at = NULL, expanded_at = NULL, transactions = NULL,
           journals = NULL, lines = NULL, exceptions = NULL, ignored = NULL, unbalanced_journals = NULL,
           basis_counts = NULL, debit = NULL, credit = NULL, digest = NULL, source_digest = NULL, source_columns = NULL,
           source_types = NULL, header_digest = NULL, header_columns = NULL, header_types = NULL,
           added_digest = NULL, added_columns = NULL, added_types = NULL, totals_digest = NULL, je_range = NULL, range_months = NULL
     WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._forget_expansion(bigint) IS 'Makes a run that was expanded with no transaction one that is only created.';

CREATE FUNCTION acct._open_run(p_month date, p_key text, p_options jsonb,
                               OUT run_id bigint, OUT bases text[], OUT was_there boolean, OUT was_expanded boolean, OUT has_taken boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    own_limit CONSTANT text := current_setting('lock_timeout');
    run record;
BEGIN
    was_there := false;
    was_expanded := false;
    has_taken := false;
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_run_key(p_key);
    PERFORM acct._require_plausible_month(p_month);
    PERFORM acct._refuse_default_partitions();
    bases := acct._run_bases(p_options);
    -- As a load does, so that the month is not archived meanwhile.
    PERFORM acct._hold_source_month(p_month, 'ROW EXCLUSIVE');
    PERFORM acct._announce_work();
    -- Without a key it waits for no other one.
    IF p_key IS NULL AND acct._lock_if_free('{acct.journal_run}', 'ROW EXCLUSIVE', false) THEN
        INSERT INTO acct.journal_run AS r (txn_month, bases, options) VALUES (p_month, _open_run.bases, p_options) RETURNING r.run_id INTO run_id;
        -- crash point: create_inserted
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM acct._limit_wait(own_limit);
            INSERT INTO acct.journal_run AS r (run_key, txn_month, bases, options)
            VALUES (p_key, p_month, _open_run.bases, p_options)
            ON CONFLICT (run_key) WHERE status <> 'discarded' DO NOTHING
            RETURNING r.run_id INTO run_id;
            SELECT r.* INTO run FROM acct.journal_run AS r
             WHERE r.run_key = p_key AND r.status <> 'discarded' AND _open_run.run_id IS NULL FOR NO KEY UPDATE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM acct._refuse_held(format('run "%s"', p_key), '{acct.journal_run}', 'ROW EXCLUSIVE',
                                      '{run_key}', ARRAY[p_key], started, own_limit);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', own_limit, true);
    IF _open_run.run_id IS NULL THEN
        IF run.run_id IS NULL THEN
            RAISE EXCEPTION 'run "%" was discarded by another session meanwhile', p_key
                USING ERRCODE = 'LE002', HINT = 'Call acct.create_run() again.';
        END IF;
        IF run.status IN ('created', 'expanded') THEN
            PERFORM acct._refuse_cancelled(run.run_id);
        END IF;
        -- Without option basis it keeps the bases that there were when it was made.
        IF run.txn_month IS DISTINCT FROM p_month OR p_options ? 'basis' AND run.bases <> _open_run.bases
           OR acct._repeated_option(run.options) <> acct._repeated_option(p_options)
           OR acct._moves_late(run.options) <> acct._moves_late(p_options) THEN
            RAISE EXCEPTION 'run "%" was created with other arguments', p_key
                USING ERRCODE = 'LE002',
                      DETAIL = format('Run %s is for %s with options %s.', run.run_id, run.txn_month, run.options),
                      HINT = 'Use another run_key.';
        END IF;
        run_id := run.run_id;
        bases := run.bases;
        was_there := true;
        was_expanded := run.status = 'expanded';
        has_taken := run.status NOT IN ('created', 'expanded') OR acct._run_transactions(run.run_id) > 0;
    END IF;
    -- crash point: create_inserted
END
$$;
COMMENT ON FUNCTION acct._open_run(date, text, jsonb) IS
'Creates a run that has taken nothing, or finds the one that has the key, and locks it to the end of the transaction: whether it was there, is expanded, and has taken something, so that it takes nothing more. Raises what create_run() raises.';

CREATE FUNCTION acct._take_batches(p_run_id bigint, p_month date, p_bases text[], p_was_there boolean, p_was_expanded boolean, p_started timestamptz,
                                   p_batch bigint DEFAULT NULL) RETURNS tid[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    taken record;
BEGIN
    PERFORM acct._progress_start(p_run_id, 'create', NULL);
    SELECT c.* INTO taken FROM acct._claim_batches(p_run_id, p_month, p_bases, p_batch) AS c;
    IF taken.claims > 0 AND p_was_expanded THEN
        PERFORM acct._forget_expansion(p_run_id);
    END IF;
    IF taken.claims > 0 OR taken.busy <> '{}' OR NOT p_was_there THEN
        INSERT INTO acct.run_log AS g (run_id, step, rows, elapsed_ms, detail, peak_memory)
        SELECT p_run_id, 'create', coalesce(sum(b.source_rows), 0), acct._elapsed_ms(p_started),
               jsonb_build_object('batches', count(*), 'phases_ms', acct._progress_times())
               || CASE WHEN taken.busy <> '{}' THEN jsonb_build_object('batches_left_out', taken.busy) ELSE '{}' END
               || CASE WHEN taken.elsewhere > 0 THEN jsonb_build_object('batches_in_other_runs', taken.elsewhere) ELSE '{}' END,
               acct._peak_memory()
          FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id) AS b;
    END IF;
    -- crash point: create_claimed
    PERFORM acct._progress_end();
    RETURN taken.place;
END
$$;
COMMENT ON FUNCTION acct._take_batches(bigint, date, text[], boolean, boolean, timestamptz, bigint) IS
'Claims for a run that _open_run() made or found the batches that wait for it, or one of them alone, and logs that: where their rows lie (_count_batches). One that was expanded with nothing is no longer.';

CREATE FUNCTION acct._create_run(p_month date, p_key text, p_options jsonb, OUT run_id bigint, OUT place tid[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    run record;
BEGIN
    SELECT o.* INTO run FROM acct._open_run(p_month, p_key, coalesce(p_options, '{}')) AS o;
    run_id := run.run_id;
    place := '{}';
    -- One that has taken nothing takes what came since.
    IF NOT run.has_taken THEN
        place := acct._take_batches(run.run_id, p_month, run.bases, run.was_there, run.was_expanded, started);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._create_run(date, text, jsonb) IS
'create_run(), which says where the rows of the batches that it claimed lie (_count_batches), for a caller that continues the run in the same call.';

CREATE FUNCTION acct.create_run(txn_month date, run_key text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN (SELECT c.run_id FROM acct._create_run(create_run.txn_month, create_run.run_key, create_run.options) AS c);
END
$$;
COMMENT ON FUNCTION acct.create_run(date, text, jsonb) IS
'Creates a run for a month (its first day), claims for it the batches that wait for a run and that no other run is taking, and returns its run_id; the same run_key gives the same run. Raises LE002 (the key was used with other arguments), LE008, 22023 (not a plausible month, unknown option or basis), 55000 (the month''s source is archived), 55P03 (locked).';

CREATE FUNCTION acct._je_range(p_range bigint, OUT from_je_id bigint, OUT to_je_id bigint)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    from_je_id := (1::bigint << 42) + (p_range << 32);
    to_je_id := (1::bigint << 42) + ((p_range + 1) << 32);
END
$$;
COMMENT ON FUNCTION acct._je_range(bigint) IS
'The identifiers (to_je_id exclusive) of a range of acct.je_range_seq; those below 2^42 come from acct.je_id_seq. As in src/ledger/je_id.h.';

CREATE FUNCTION acct._taken_again(p_run_id bigint) RETURNS TABLE (txn_id bigint, txn_month date, basis text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_nestloop = on SET enable_seqscan = on SET jit = off AS $$
DECLARE
    run acct.journal_run;
    reversed text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.taken_transactions IS NOT NULL THEN
        reversed := acct._reversed_transactions(run.origin_run);
        IF reversed IS NULL THEN
            RAISE EXCEPTION 'run % no longer has what it reversed, and run % cannot book it again', run.origin_run, p_run_id
                USING ERRCODE = 'XX001', DETAIL = 'Its claims in acct.journal_reversal are gone.';
        END IF;
        RETURN QUERY EXECUTE format('SELECT t.* FROM (%s) AS t WHERE t.txn_month = %L', reversed, run.txn_month);
    ELSE
        RETURN QUERY
        SELECT e.txn_id, e.txn_month, e.basis FROM acct.je_exception AS e WHERE e.resolved_by_run = p_run_id
        UNION ALL
        SELECT i.txn_id, i.txn_month, i.basis FROM acct.journal_run_ignored AS i WHERE i.resolved_by_run = p_run_id;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._taken_again(bigint) IS
'The transactions of another run that a run takes up again, each for the bases concerned: that run''s exceptions, what it ignored, or what it reversed.';

CREATE FUNCTION acct._hold_inputs(p_run_id bigint, p_expands boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    kind text;
    month date;
    source bigint;
    taken bigint;
BEGIN
    SELECT r.kind, s.run_id, s.txn_month, s.taken_transactions INTO kind, source, month, taken
      FROM acct.journal_run AS r
      JOIN acct.journal_run AS s ON s.run_id = CASE r.kind WHEN 'correction' THEN r.origin_run ELSE r.run_id END
     WHERE r.run_id = p_run_id;
    IF acct._is_entered(kind) THEN
        PERFORM acct._hold_policy();
        RETURN;
    ELSIF kind <> 'reversal' THEN
        IF taken IS NOT NULL THEN
            PERFORM acct._hold_reversed(source);
        END IF;
        PERFORM acct._hold_policy();
        PERFORM acct._hold_source_month(month);
    END IF;
    -- Whoever posts takes books before the ledger, as archiving does.
    IF kind <> 'transaction' AND p_expands THEN
        PERFORM acct._hold_ledger();
    END IF;
    IF kind = 'reversal' AND p_expands THEN
        PERFORM acct._require_months_of(ARRAY(SELECT DISTINCT v.origin_run FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id AND v.released_at IS NULL));
    END IF;
END
$$;
COMMENT ON FUNCTION acct._hold_inputs(bigint, boolean) IS
'Has what a run is made of readable to the end of the transaction: policy and source, or the ledger, or all of them. Raises 55P03 as _hold_tables().';

CREATE FUNCTION acct._run_transactions(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF acct._is_entered(run.kind) THEN
        RETURN coalesce(run.journals, 0);
    ELSIF run.kind = 'reversal' THEN
        RETURN (SELECT coalesce(sum(v.journals), 0) FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id)::bigint;
    ELSIF run.kind = 'correction' THEN
        RETURN acct._run_transactions(run.origin_run);
    ELSIF run.reprocess_of IS NOT NULL THEN
        RETURN coalesce(run.taken_transactions, (SELECT count(DISTINCT t.txn_id) FROM acct._taken_again(p_run_id) AS t));
    END IF;
    RETURN (SELECT coalesce(sum(b.source_rows), 0)
              FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id) AS b);
END
$$;
COMMENT ON FUNCTION acct._run_transactions(bigint) IS
'The number of transactions that a run took: those of its batches, those of another run that it takes up again, the journals that it reverses, or those that are given line by line and expanded.';

CREATE FUNCTION acct._take_je_range(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    UPDATE acct.journal_run AS r
       SET je_range = CASE WHEN acct._gets_run_partition(acct._run_transactions(p_run_id)) THEN nextval('acct.je_range_seq') END
     WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._take_je_range(bigint) IS
'Gives a run of at least ledger_engine.run_partition_min_transactions transactions a range of je_id of its own, so that its lines get ledger partitions of their own.';

CREATE FUNCTION acct._log_step(p_run_id bigint, p_step text, p_started timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    step_phases CONSTANT jsonb := jsonb_build_object('phases_ms', acct._progress_times());
BEGIN
    UPDATE acct.run_log AS g SET detail = g.detail || step_phases, peak_memory = acct._peak_memory()
     WHERE g.run_id = p_run_id AND g.step = p_step;
    IF NOT FOUND THEN
        INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail, peak_memory)
        VALUES (p_run_id, p_step, 0, acct._elapsed_ms(p_started), step_phases, acct._peak_memory());
    END IF;
END
$$;
COMMENT ON FUNCTION acct._log_step(bigint, text, timestamptz) IS
'Adds the milliseconds by phase and the peak of memory of a step that is done to what the log has of its partitions; where it had none to work on, logs the step by itself.';

CREATE FUNCTION acct._digest_totals(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT encode(sha256(coalesce(string_agg(sha256(acct._utf8(f.totals)), '' ORDER BY f.entity_code, f.basis, f.je_month, f.fund), '')), 'hex')
              FROM (SELECT t.entity_code, t.basis, t.je_month, t.fund,
                           string_agg(ROW(t.entity_code, t.basis, t.je_month - '2000-01-01'::date, t.fund, t.account_code, t.currency,
                                          trim_scale(t.debit), trim_scale(t.credit), t.line_count)::text, E'\n' ORDER BY t.account_code, t.currency) AS totals
                      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id GROUP BY t.entity_code, t.basis, t.je_month, t.fund) AS f);
END
$$;
COMMENT ON FUNCTION acct._digest_totals(bigint) IS 'SHA-256 of the SHA-256 of a run''s sums by account in each fund of a month and a book, in hexadecimal digits.';

CREATE FUNCTION acct._expand_run(p_run_id bigint, p_place tid[] DEFAULT '{}') RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- One whose rows the caller found just now is created, and the caller's.
    status text := CASE WHEN p_place <> '{}' THEN 'created' ELSE acct._lock_run(p_run_id) END;
    started CONSTANT timestamptz := clock_timestamp();
    run record;
    taken bigint;
    own_range bigint;
BEGIN
    IF status = 'discarded' THEN
        PERFORM acct._wrong_state(p_run_id, status, 'Make a new run with acct.create_run().');
    ELSIF acct._is_posted(status)
       OR status = 'expanded' AND NOT acct._staging_lost(p_run_id) AND NOT acct._must_move(p_run_id)
          AND (SELECT c.actual = '' FROM acct._check_policy(p_run_id) AS c) THEN
        RETURN false;
    END IF;
    SELECT r.kind, r.expand_started_at INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    PERFORM acct._hold_inputs(p_run_id, true);
    -- Codes that this expansion may use keep their identity (acct._confirm_identity()).
    PERFORM acct._hold_tables('{acct.chart_of_accounts}', 'ROW SHARE');
    taken := acct._run_transactions(p_run_id);
    PERFORM acct._progress_start(p_run_id, 'expand', taken);
    -- What an earlier expansion left.
    IF status <> 'created' OR run.expand_started_at IS NOT NULL THEN
        DELETE FROM acct.je_exception AS e WHERE e.run_id = p_run_id;
        DELETE FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
        DELETE FROM acct.run_log AS g WHERE g.run_id = p_run_id AND g.step = 'expand';
        PERFORM acct._drop_staging(p_run_id);
    END IF;
    own_range := CASE WHEN acct._gets_run_partition(taken) THEN nextval('acct.je_range_seq') END;
    UPDATE acct.journal_run AS r SET expand_started_at = clock_timestamp(), je_range = own_range WHERE r.run_id = p_run_id;
    IF own_range IS NOT NULL OR NOT acct._shares_staging(taken) THEN
        PERFORM acct._make_staging(p_run_id);
    END IF;
    -- crash point: expand_staging_made
    IF run.kind = 'transaction' THEN
        PERFORM acct._fold_policy();
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail, exceptions)
        SELECT p_run_id, 'expand', x.source_partition, x.transactions, x.elapsed_ms,
               jsonb_build_object('journals', x.journals, 'lines', x.lines, 'exceptions', x.exceptions,
                                  'ignored', x.ignored, 'debit', x.debit, 'credit', x.credit),
               x.by_reason
          FROM acct._staging_tables(p_run_id) AS t, acct._expand(p_run_id, t.header, t.line, p_place) AS x;
    ELSE
        PERFORM acct._expand_kind(p_run_id);
    END IF;
    PERFORM acct._progress_phase('attaching staging');
    PERFORM acct._attach_staging(p_run_id);
    -- crash point: expand_attached
    UPDATE acct.journal_run AS r
       SET status = 'expanded', expanded_at = clock_timestamp(), expanded_by = session_user, totals_digest = acct._digest_totals(p_run_id)
     WHERE r.run_id = p_run_id;
    PERFORM acct._log_step(p_run_id, 'expand', started);
    -- crash point: expand_done
    PERFORM acct._progress_end();
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._expand_run(bigint, tid[]) IS
'Expands a run, unless it is expanded as policy has it now, or posted: true where it did, and then the transaction holds the run, its policy and its source; p_place is where its source rows are, if known. Raises what expand_journals() raises.';

CREATE FUNCTION acct.expand_journals(run_id bigint)
RETURNS TABLE (source_partition text, transactions bigint, journals bigint, lines bigint, exceptions bigint,
               ignored bigint, debit numeric, credit numeric, elapsed_ms double precision, already_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    id CONSTANT bigint := expand_journals.run_id;
    finished CONSTANT boolean := NOT acct._expand_run(id);
BEGIN
    RETURN QUERY
    SELECT g.partition, g.rows, (g.detail ->> 'journals')::bigint, (g.detail ->> 'lines')::bigint,
           (g.detail ->> 'exceptions')::bigint, (g.detail ->> 'ignored')::bigint,
           (g.detail ->> 'debit')::numeric, (g.detail ->> 'credit')::numeric, g.elapsed_ms, finished
      FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'expand' AND g.partition IS NOT NULL ORDER BY g.log_id;
    IF NOT FOUND AND finished THEN
        -- Retention has removed the log: the run's counts are kept.
        RETURN QUERY
        SELECT acct._partition_name('txn_source', r.txn_month), r.transactions, r.journals, r.lines, r.exceptions, r.ignored, r.debit, r.credit,
               NULL::double precision, true
          FROM acct.journal_run AS r WHERE r.run_id = id AND r.transactions > 0;
    END IF;
END
$$;
COMMENT ON FUNCTION acct.expand_journals(bigint) IS
'Expands the transactions that a run took into journals in staging, and sets aside those that cannot be journalled in acct.je_exception: a row for each source partition. Raises LE001 (no such run), LE002 (discarded), LE004 (an approved template no longer compiles), LE009 (the journals that it reverses are not as they were posted), LE012, 55P03 (locked).';

CREATE FUNCTION acct.discard_run(run_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    id CONSTANT bigint := discard_run.run_id;
    status text := acct._lock_run(id);
    started CONSTANT timestamptz := clock_timestamp();
BEGIN
    IF status = 'discarded' THEN
        RETURN false;
    ELSIF acct._is_posted(status) THEN
        PERFORM acct._wrong_state(id, status, 'Posted entries are corrected by new entries.');
    END IF;
    PERFORM acct._refuse_lone_correction(id);
    PERFORM acct._progress_start(id, 'discard', NULL);
    PERFORM acct._progress_phase('dropping staging');
    PERFORM acct._drop_staging(id);
    -- crash point: discard_dropped
    PERFORM acct._release_batches(id);
    UPDATE acct.journal_reversal AS v SET released_at = clock_timestamp() WHERE v.run_id = id;
    -- crash point: discard_released
    UPDATE acct.je_exception AS e SET voided_at = clock_timestamp() WHERE e.run_id = id;
    UPDATE acct.je_exception AS e SET resolved_by_run = NULL
      FROM acct.journal_run AS r WHERE r.run_id = id AND e.run_id = r.reprocess_of AND e.resolved_by_run = id;
    UPDATE acct.journal_run_ignored AS i SET resolved_by_run = NULL WHERE i.resolved_by_run = id;
    UPDATE acct.journal_run AS r
       SET status = 'discarded', discarded_at = clock_timestamp(), discarded_by = session_user
     WHERE r.run_id = id;
    INSERT INTO acct.run_log (run_id, step, elapsed_ms)
    VALUES (id, 'discard', acct._elapsed_ms(started));
    PERFORM acct._progress_end();
    -- crash point: discard_done
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.discard_run(bigint) IS
'Discards a run that is not posted: drops its staging, releases its claims, and voids its exceptions; true where it was discarded now. Raises LE001, LE002 (posted), LE008 (it reverses a correction whose originals another run reverses), 55P03 (locked).';

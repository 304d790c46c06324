-- Jobs: what is done by the clock, and pg_cron, which calls them. Nothing here depends on pg_cron: its tables and functions are
-- reached by name, where they are there.
--
-- A job is a call of run_job() in several transactions. Which call does it, and how far it has come, is a row of acct.job_state, which
-- only the owner writes: run_job() itself runs as its caller, and hands nothing over but the job's name. The row counts for as long as
-- that very call is being executed (pg_stat_activity): it need not be given back, however the call ends.

CREATE FUNCTION acct._check_job(p_job text, p_arguments jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Each job with the arguments that it takes.
    jobs CONSTANT jsonb := jsonb '{"rotate": ["ahead"], "run": ["basis", "late", "repeated_transactions"], "snapshot": ["months"], "retention": [], "checkpoint": ["standby", "timeout"]}';
    unknown text;
    number text;
BEGIN
    IF p_job IS NULL OR NOT jobs ? p_job THEN
        RAISE EXCEPTION 'unknown job: %', coalesce(p_job, 'NULL')
            USING ERRCODE = '22023', HINT = 'The jobs are: rotate, run, snapshot, retention, checkpoint.';
    ELSIF jsonb_typeof(p_arguments) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'arguments of a job must be a JSON object' USING ERRCODE = '22023';
    END IF;
    SELECT string_agg(k, ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(p_arguments) AS k WHERE NOT jobs -> p_job ? k;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown argument of job "%": %', p_job, unknown
            USING ERRCODE = '22023', HINT = 'Job rotate takes ahead, run takes basis, late and repeated_transactions, snapshot takes months, checkpoint takes standby and timeout, retention none.';
    END IF;
    FOREACH number IN ARRAY ARRAY['ahead', 'months'] LOOP
        IF (CASE jsonb_typeof(p_arguments -> number)
            WHEN 'number' THEN NOT (p_arguments ->> number)::numeric = ANY (ARRAY(SELECT generate_series(0, 1200)))
            ELSE p_arguments ? number END) THEN
            RAISE EXCEPTION 'argument "%" of a job must be a whole number between 0 and 1200', number USING ERRCODE = '22023';
        END IF;
    END LOOP;
    IF p_arguments ? 'standby' AND (jsonb_typeof(p_arguments -> 'standby') <> 'string' OR p_arguments ->> 'standby' = '') THEN
        RAISE EXCEPTION 'argument "standby" of a job must be the application_name of a standby' USING ERRCODE = '22023';
    ELSIF p_arguments ? 'timeout' AND NOT coalesce(jsonb_typeof(p_arguments -> 'timeout') = 'number' AND (p_arguments ->> 'timeout')::numeric BETWEEN 0 AND 86400, false) THEN
        RAISE EXCEPTION 'argument "timeout" of a job must be a number of seconds between 0 and 86400' USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_job(text, jsonb) IS 'Raises 22023 unless this is a job, and these arguments are its own.';

CREATE FUNCTION acct._was_due_meanwhile(p_job text) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_stat_activity AS a
                    WHERE a.pid = pg_backend_pid() AND (a.application_name = 'pg_cron' OR a.backend_type = 'pg_cron'))
       AND EXISTS (SELECT FROM acct.run_log AS g, date_trunc('minute', clock_timestamp()) AS last_minute
                    WHERE g.run_id IS NULL AND g.step = 'job' AND g.detail ->> 'job' = p_job AND g.detail ->> 'status' <> 'skipped'
                      AND g.at >= last_minute AND g.at - make_interval(secs => g.elapsed_ms / 1000) < last_minute)
$$;
COMMENT ON FUNCTION acct._was_due_meanwhile(text) IS
'True in a session of pg_cron that comes right after one which did the job at the last full minute: pg_cron queues what comes due while the job runs.';

CREATE FUNCTION acct._this_call(OUT pid integer, OUT session_start timestamptz, OUT call_start timestamptz)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT a.pid, a.backend_start, a.query_start FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()
$$;
COMMENT ON FUNCTION acct._this_call() IS 'Values that identify the statement that this session executes.';

CREATE FUNCTION acct._is_executed(p_pid integer, p_session_start timestamptz, p_call_start timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_stat_activity AS a
                    WHERE a.pid = p_pid AND a.backend_start = p_session_start
                      -- Without track_activities it lasts as long as the session.
                      AND (coalesce(a.state, 'disabled') = 'disabled' OR a.state = 'active' AND a.query_start IS NOT DISTINCT FROM p_call_start))
$$;
COMMENT ON FUNCTION acct._is_executed(integer, timestamptz, timestamptz) IS
'True while the session that _this_call() named executes the same statement.';

CREATE FUNCTION acct._begin_job(p_job text, p_arguments jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    holder acct.job_state;
    reason text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._check_job(p_job, p_arguments);
    PERFORM pg_stat_clear_snapshot();
    SELECT j.* INTO holder FROM acct.job_state AS j WHERE j.job = p_job;
    IF NOT FOUND THEN
        INSERT INTO acct.job_state (job) VALUES (p_job) ON CONFLICT DO NOTHING;
    END IF;
    IF NOT acct._is_executed(holder.pid, holder.session_start, holder.call_start) THEN
        -- Of two that come at the same time one gets it.
        PERFORM pg_stat_clear_snapshot();
        SELECT j.* INTO holder FROM acct.job_state AS j WHERE j.job = p_job FOR UPDATE SKIP LOCKED;
        reason := CASE WHEN NOT FOUND THEN 'another session is at it'
                       WHEN acct._was_due_meanwhile(p_job) THEN 'another session was at it when this one was due' END;
    END IF;
    IF reason IS NULL AND acct._is_executed(holder.pid, holder.session_start, holder.call_start) THEN
        IF holder.pid = pg_backend_pid() THEN
            RAISE EXCEPTION 'this call does job "%" already', p_job USING ERRCODE = '55000', HINT = 'Jobs are done by acct.run_job().';
        END IF;
        reason := 'another session is at it';
    END IF;
    IF reason IS NOT NULL THEN
        INSERT INTO acct.run_log (step, detail)
        VALUES ('job', jsonb_build_object('job', p_job, 'status', 'skipped', 'reason', reason));
        RAISE NOTICE 'job "%" is skipped: %', p_job, reason;
        RETURN false;
    END IF;
    UPDATE acct.job_state AS j
       SET (pid, session_start, call_start) = (SELECT c.* FROM acct._this_call() AS c),
           state = jsonb_build_object('job', p_job, 'arguments', p_arguments, 'started', clock_timestamp(), 'rows', 0,
                                      'result', '{}'::jsonb, 'failed', '[]'::jsonb)
     WHERE j.job = p_job;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._begin_job(text, jsonb) IS
'Begins a job and returns true; where another session does it, or did when this one was due, logs that it was skipped and returns false. Raises 22023 (no such job or argument).';

CREATE FUNCTION acct._state_of_job(p_job text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    reached jsonb;
BEGIN
    SELECT j.state INTO reached FROM acct.job_state AS j, acct._this_call() AS c
     WHERE j.job = p_job AND (j.pid, j.session_start) = (c.pid, c.session_start) AND j.call_start IS NOT DISTINCT FROM c.call_start;
    IF reached IS NULL THEN
        RAISE EXCEPTION 'this call does not do job "%"', coalesce(p_job, 'NULL')
            USING ERRCODE = '55000', HINT = 'Jobs are done by acct.run_job().';
    END IF;
    RETURN reached;
END
$$;
COMMENT ON FUNCTION acct._state_of_job(text) IS 'How far a job has come that this call does; raises 55000 where it does not.';

CREATE FUNCTION acct._require_run_key(p_key text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    longest CONSTANT integer := 1000;
BEGIN
    IF octet_length(p_key) > longest THEN
        RAISE EXCEPTION 'a run_key has at most % bytes', longest
            USING ERRCODE = '22023', DETAIL = format('This one has %s.', octet_length(p_key)), HINT = 'Use a shorter run_key.';
    ELSIF starts_with(p_key, 'ledger_engine:')
      AND NOT EXISTS (SELECT FROM acct.job_state AS j, acct._this_call() AS c
                       WHERE j.job = 'run' AND j.state ->> 'run_key' = p_key
                         AND (j.pid, j.session_start) = (c.pid, c.session_start) AND j.call_start IS NOT DISTINCT FROM c.call_start) THEN
        RAISE EXCEPTION 'run keys that begin with "ledger_engine:" are for the runs of job "run"'
            USING ERRCODE = '22023', DETAIL = format('The key is %s.', to_json(p_key)),
                  HINT = 'Use another run_key. To resume a run of the job, CALL acct.run_job(''run''), or call the steps with its run_id.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_run_key(text) IS
'Raises 22023 on a key that is too long, or one of job run where this call does not do that job and made the key.';

CREATE FUNCTION acct._source_months() RETURNS SETOF date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    endless regclass;
BEGIN
    RETURN QUERY SELECT m.month FROM acct._months_with_partitions('acct.txn_source_parent') AS m;
    FOR endless IN SELECT i.inhrelid::regclass FROM pg_inherits AS i WHERE i.inhparent = 'acct.txn_source_parent'::regclass AND NOT i.inhdetachpending
                   EXCEPT
                   SELECT m.relation FROM acct._months_with_partitions('acct.txn_source_parent') AS m LOOP
        RETURN QUERY EXECUTE format('SELECT DISTINCT s.txn_month FROM %s AS s', endless);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._source_months() IS
'The months that there may be source rows of: those that its partitions are for, or, in a partition without dates at both ends, those that it holds. May have one twice.';

CREATE FUNCTION acct._has_untaken_rows(p_month date, p_bases text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET max_parallel_workers_per_gather = 0 SET enable_seqscan = off SET jit = off AS $$
DECLARE
    ranges record;
    found boolean;
BEGIN
    BEGIN
        PERFORM acct._hold_source_month(p_month);
    EXCEPTION WHEN lock_not_available OR SQLSTATE 'LE010' THEN
        -- The month's own step fails by it, and says why.
        RETURN true;
    END;
    SELECT r.* INTO ranges FROM acct._untaken_ranges(p_month, p_bases) AS r;
    EXECUTE format('SELECT EXISTS (SELECT FROM unnest($1, $2) AS g (first, last) JOIN %s AS s ON s.batch_id BETWEEN g.first AND g.last '
                   ' WHERE EXISTS (SELECT FROM acct.txn_batch AS b WHERE b.batch_id = s.batch_id))', acct._source_rows(p_month))
       INTO found USING ranges.first, ranges.last;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._has_untaken_rows(date, text[]) IS
'True where a month has source rows of a registered batch that no run holds for a basis that takes every transaction, or, if none does, for any basis. True where the month is locked, too.';

CREATE FUNCTION acct._next_job_run(p_from date, p_skip date[], p_options jsonb, OUT month date, OUT run_key text, OUT options jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    prefix CONSTANT text := 'ledger_engine:run:';
    bases text[];
    source_month date;
    number bigint;
BEGIN
    bases := acct._run_bases(p_options);
    SELECT r.txn_month, r.run_key, r.options INTO month, run_key, options FROM acct.journal_run AS r
     WHERE starts_with(r.run_key, prefix) AND r.status IN ('created', 'expanded')
       AND r.txn_month >= p_from AND NOT r.txn_month = ANY (p_skip)
     ORDER BY r.txn_month, r.run_id LIMIT 1;
    FOR source_month IN SELECT DISTINCT m FROM acct._source_months() AS m
                         WHERE m >= p_from AND NOT m = ANY (p_skip) ORDER BY 1 LOOP
        EXIT WHEN source_month >= month;
        IF acct._has_untaken_rows(source_month, bases) THEN
            month := source_month;
            options := p_options;
            SELECT count(*) INTO number FROM acct.journal_run AS r WHERE starts_with(r.run_key, prefix || to_char(month, 'YYYY-MM:'));
            -- Not read from the keys: some may have been made up before create_run() refused them.
            LOOP
                number := number + 1;
                run_key := prefix || to_char(month, 'YYYY-MM:') || number;
                EXIT WHEN NOT EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_key = _next_job_run.run_key);
            END LOOP;
            EXIT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._next_job_run(date, date[], jsonb) IS
'The next work of job run: the oldest month from p_from on, except those of p_skip, with a run of the job that is not posted, or source rows of batches that no run holds. Returns the run''s key and options too; NULL: nothing is left.';

CREATE FUNCTION acct._name_open_runs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run record;
BEGIN
    FOR run IN SELECT r.run_id, acct._run_about(r.kind, r.txn_month, r.je_date) AS about, r.kind, r.status FROM acct.journal_run AS r
                WHERE r.status IN ('created', 'expanded') AND r.run_key IS NULL AND acct._row_holders('acct.journal_run', '{run_id}', ARRAY[r.run_id::text]) = '{}'
                  AND (r.reprocess_of IS NOT NULL OR r.kind <> 'transaction' OR EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.run_id = r.run_id))
                ORDER BY r.run_id LOOP
        RAISE WARNING 'run % % is %, has no key, and no session works on it', run.run_id, run.about, run.status
            USING DETAIL = CASE run.kind WHEN 'transaction' THEN 'Its transactions are in no other run.' ELSE 'Its journals are in no other run.' END,
                  HINT = format('Post it, or give them back: SELECT * FROM acct.cancel_run(%s);', run.run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._name_open_runs() IS 'A WARNING for each run without a key that holds transactions and that nobody works on: no call resumes it by itself.';

CREATE FUNCTION acct._run_job_step(p_state jsonb, OUT state jsonb, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := (p_state ->> 'run_id')::bigint;
    skip date[];
    next_run record;
    taken bigint;
BEGIN
    state := p_state;
    finished := false;
    CASE coalesce(p_state ->> 'step', 'next')
        WHEN 'next' THEN
            SELECT coalesce(array_agg(m::date), '{}') INTO skip FROM jsonb_array_elements_text(coalesce(p_state -> 'skip', '[]')) AS m;
            SELECT n.* INTO next_run
              FROM acct._next_job_run(coalesce((p_state ->> 'month')::date, '-infinity'), skip, p_state -> 'arguments') AS n;
            finished := next_run.month IS NULL;
            IF finished THEN
                PERFORM acct._name_open_runs();
            ELSE
                state := state || jsonb_build_object('month', next_run.month, 'run_key', next_run.run_key,
                                                     'options', next_run.options, 'step', 'create');
            END IF;
        WHEN 'create' THEN
            -- The month may hold an unfinished run, and loads that came after it: it is looked at again, until it gave a new run.
            state := state || jsonb_build_object('step', 'expand',
                'skip', CASE WHEN EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_key = p_state ->> 'run_key' AND r.status <> 'discarded')
                             THEN coalesce(p_state -> 'skip', '[]') ELSE coalesce(p_state -> 'skip', '[]') || (p_state -> 'month') END,
                'run_id', acct.create_run((p_state ->> 'month')::date, p_state ->> 'run_key', p_state -> 'options'));
            -- Another run took meanwhile what there was.
            IF acct._skip_empty_run((state ->> 'run_id')::bigint) THEN
                PERFORM acct.discard_run((state ->> 'run_id')::bigint);
                state := state || jsonb_build_object('step', 'next', 'run_id', NULL);
            END IF;
        WHEN 'expand' THEN
            PERFORM FROM acct.expand_journals(id);
            state := state || jsonb_build_object('step', 'validate');
        WHEN 'validate' THEN
            PERFORM acct._refuse_failed_checks(id, c.failed) FROM acct._failed_checks(id) AS c;
            state := state || jsonb_build_object('step', 'post');
        WHEN 'post' THEN
            PERFORM FROM acct.post_journals(id);
            PERFORM acct._report_exceptions(id);
            SELECT coalesce(r.transactions, 0) INTO taken FROM acct.journal_run AS r WHERE r.run_id = id;
            state := state || jsonb_build_object('step', 'next', 'run_id', NULL, 'rows', (p_state ->> 'rows')::bigint + taken,
                'result', jsonb_build_object('runs', coalesce(p_state #> '{result,runs}', '[]') || to_jsonb(id)));
    END CASE;
END
$$;
COMMENT ON FUNCTION acct._run_job_step(jsonb) IS
'One step of job run: looks for the next month, or creates, expands, validates or posts its run. A transaction of its own.';

CREATE FUNCTION acct._require_equal_snapshot(p_months integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    differences bigint;
    example text;
BEGIN
    SELECT count(*), min(format('%s %s %s %s %s %s', c.entity_code, c.basis, acct._month_name(c.snapshot_month), c.fund, c.account_code, c.currency))
      INTO differences, example
      FROM (SELECT NULL::date AS month WHERE p_months IS NULL
            UNION ALL
            SELECT (date_trunc('month', current_date) - make_interval(months => i))::date FROM generate_series(0, p_months) AS i) AS m,
           acct.check_balance_snapshot(m.month) AS c;
    IF differences > 0 THEN
        RAISE EXCEPTION '% balances differ from the lines of the ledger', differences
            USING ERRCODE = 'LE009', DETAIL = format('The first one: %s.', example),
                  HINT = 'See acct.check_balance_snapshot(). acct.update_balance_snapshot() computes them from the lines.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_equal_snapshot(integer) IS
'Raises LE009 where check_balance_snapshot, called for the current month and p_months before it, or (NULL) for all months, finds a difference.';

CREATE FUNCTION acct._await_standby(p_standby text, p_timeout double precision) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    position CONSTANT pg_lsn := pg_current_wal_flush_lsn();
    reached record;
BEGIN
    IF p_standby IS NULL AND current_setting('synchronous_standby_names') = '' THEN
        RETURN;
    END IF;
    LOOP
        SELECT count(*) AS standbys, max(r.flush_lsn) AS flushed INTO reached FROM pg_stat_replication AS r
         WHERE CASE WHEN p_standby IS NULL THEN r.sync_state IN ('sync', 'quorum') ELSE r.application_name = p_standby END;
        EXIT WHEN reached.flushed >= position;
        IF clock_timestamp() >= started + make_interval(secs => p_timeout) THEN
            RAISE EXCEPTION '% did not confirm the checkpoint within % seconds', coalesce(format('standby "%s"', p_standby), 'no synchronous standby'), p_timeout
                USING ERRCODE = '55000',
                      DETAIL = CASE WHEN reached.standbys = 0 THEN 'It is not connected.' ELSE format('It has written the log up to %s; the checkpoint is before %s.', coalesce(reached.flushed::text, 'nothing'), position) END,
                      HINT = 'Call the job again once the standby follows. A checkpoint that only this server has is lost with it.';
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._await_standby(text, double precision) IS
'Waits until a standby with this application_name (NULL: any synchronous one, where some are configured) has on disk what this server has written. Raises 55000 after p_timeout seconds.';

CREATE FUNCTION acct._checkpoint_job_step(p_state jsonb, OUT state jsonb, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    finished := p_state ? 'checkpoint';
    IF NOT finished THEN
        state := p_state || jsonb_build_object('checkpoint', acct.ledger_checkpoint());
        RETURN;
    END IF;
    PERFORM acct._await_standby(p_state #>> '{arguments,standby}', coalesce((p_state #>> '{arguments,timeout}')::double precision, 60));
    RAISE NOTICE E'checkpoint:\n%', p_state ->> 'checkpoint';
    state := p_state || jsonb_build_object('result', jsonb_build_object('checkpoint', p_state -> 'checkpoint'), 'rows', 1);
END
$$;
COMMENT ON FUNCTION acct._checkpoint_job_step(jsonb) IS
'One step of job checkpoint: makes a checkpoint, or, in a transaction of its own, waits for a standby and gives out the text.';

CREATE FUNCTION acct._work_on_job(p_state jsonb, OUT state jsonb, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    ahead CONSTANT integer := coalesce((p_state #>> '{arguments,ahead}')::integer, 1);
    result jsonb;
    done bigint := 0;
BEGIN
    CASE p_state ->> 'job'
        WHEN 'run' THEN
            SELECT s.state, s.finished INTO state, finished FROM acct._run_job_step(p_state) AS s;
            RETURN;
        WHEN 'checkpoint' THEN
            SELECT s.state, s.finished INTO state, finished FROM acct._checkpoint_job_step(p_state) AS s;
            RETURN;
        WHEN 'rotate' THEN
            SELECT jsonb_build_object('partitions', coalesce(jsonb_agg(r.partition_name), '[]')), count(*) INTO result, done
              FROM (SELECT s.partition_name FROM acct.rotate_txn_source_partitions(ahead) AS s
                    UNION ALL
                    SELECT l.partition_name FROM acct.rotate_ledger_partitions(ahead) AS l) AS r;
        WHEN 'snapshot' THEN
            PERFORM acct._require_equal_snapshot((p_state #>> '{arguments,months}')::integer);
        WHEN 'retention' THEN
            SELECT jsonb_object_agg(x.action, x.partitions), coalesce(sum(x.partitions), 0) INTO result, done
              FROM (SELECT r.action, count(*) AS partitions FROM acct.apply_retention() AS r GROUP BY r.action) AS x;
    END CASE;
    state := p_state || jsonb_build_object('result', coalesce(result, '{}'), 'rows', done);
    finished := true;
END
$$;
COMMENT ON FUNCTION acct._work_on_job(jsonb) IS 'One transaction''s work of a job: the state after it, and whether the job is at its end.';

CREATE FUNCTION acct._job_step(p_job text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    reached jsonb;
    finished boolean;
    error_state text;
    error_message text;
    error_detail text;
    error_hint text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    reached := acct._state_of_job(p_job);
    IF reached ? 'finished' THEN
        RETURN true;
    END IF;
    BEGIN
        SELECT s.state, s.finished INTO reached, finished FROM acct._work_on_job(reached) AS s;
    EXCEPTION
        WHEN query_canceled THEN
            RAISE;
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS error_state = RETURNED_SQLSTATE, error_message = MESSAGE_TEXT,
                error_detail = PG_EXCEPTION_DETAIL, error_hint = PG_EXCEPTION_HINT;
            RAISE WARNING 'job "%": %', p_job, error_message;
            SELECT f.state, f.finished INTO reached, finished
              FROM acct._job_failed(reached, error_state, error_message, error_detail, error_hint) AS f;
    END;
    UPDATE acct.job_state AS j SET state = reached || CASE WHEN finished THEN jsonb '{"finished": true}' ELSE '{}' END WHERE j.job = p_job;
    RETURN finished;
END
$$;
COMMENT ON FUNCTION acct._job_step(text) IS
'One transaction of a job that this call does: true where the job is at its end. Failures are a part of its state.';

CREATE FUNCTION acct._job_failed(p_state jsonb, p_sqlstate text, p_message text, p_detail text, p_hint text, OUT state jsonb, OUT finished boolean)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_state
           || jsonb_build_object('failed', (p_state -> 'failed') || jsonb_strip_nulls(jsonb_build_object(
                  'month', left(p_state ->> 'month', 7), 'run_id', p_state -> 'run_id', 'sqlstate', p_sqlstate, 'error', p_message,
                  'detail', nullif(p_detail, ''), 'hint', nullif(p_hint, ''))))
           || CASE WHEN p_state ? 'month' THEN jsonb_build_object('step', 'next', 'run_id', NULL,
                                                                  'skip', coalesce(p_state -> 'skip', '[]') || (p_state -> 'month'))
                   ELSE '{}' END,
           NOT p_state ? 'month' OR coalesce(p_state ->> 'step', 'next') = 'next'
$$;
COMMENT ON FUNCTION acct._job_failed(jsonb, text, text, text, text) IS
'The state of a job after a step failed: job run continues with the next month, the others are at their end.';

CREATE FUNCTION acct._end_job(p_job text, OUT code text, OUT months text, OUT detail text, OUT hint text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    reached jsonb;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    reached := acct._state_of_job(p_job);
    IF NOT reached ? 'finished' THEN
        RAISE EXCEPTION 'job "%" is not at its end', p_job USING ERRCODE = '55000', HINT = 'Jobs are done by acct.run_job().';
    END IF;
    SELECT (array_agg(f.value ->> 'sqlstate' ORDER BY f.n))[1], string_agg(f.value ->> 'month', ', ' ORDER BY f.n),
           string_agg(concat(f.value ->> 'month' || ': ', f.value ->> 'sqlstate', ': ', f.value ->> 'error', '. ' || (f.value ->> 'detail')), ' ' ORDER BY f.n),
           (array_agg(f.value ->> 'hint' ORDER BY f.n))[1]
      INTO code, months, detail, hint
      FROM jsonb_array_elements(reached -> 'failed') WITH ORDINALITY AS f (value, n);
    INSERT INTO acct.run_log (step, rows, elapsed_ms, detail)
    VALUES ('job', (reached ->> 'rows')::bigint, acct._elapsed_ms((reached ->> 'started')::timestamptz),
            jsonb_build_object('job', p_job, 'status', CASE WHEN code IS NULL THEN 'done' ELSE 'failed' END) || (reached -> 'result')
            || CASE WHEN code IS NULL THEN '{}' ELSE jsonb_build_object('failed', reached -> 'failed') END);
    UPDATE acct.job_state AS j SET pid = NULL, session_start = NULL, call_start = NULL, state = NULL WHERE j.job = p_job;
END
$$;
COMMENT ON FUNCTION acct._end_job(text) IS
'Ends and logs a job that this call did, with the first SQLSTATE, the months and the errors of failures. Raises 55000 where this call does not do the job, or it is not at its end.';

CREATE PROCEDURE acct.run_job(job text, arguments jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
DECLARE
    goes_on boolean;
    finished boolean;
    failure record;
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    goes_on := acct._begin_job(run_job.job, run_job.arguments);
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    IF NOT goes_on THEN
        RETURN;
    END IF;
    LOOP
        finished := acct._job_step(run_job.job);
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        EXIT WHEN finished;
    END LOOP;
    SELECT e.code, e.months, e.detail, e.hint INTO failure FROM acct._end_job(run_job.job) AS e;
    COMMIT;
    IF failure.code IS NOT NULL THEN
        RAISE EXCEPTION 'job "%" failed%', run_job.job, pg_catalog.concat(' for ' OPERATOR(pg_catalog.||) failure.months)
            USING ERRCODE = coalesce(failure.code, 'LE009'), DETAIL = failure.detail,
                  HINT = coalesce(failure.hint, 'See step job in acct.run_log.');
    END IF;
END
$$;
COMMENT ON PROCEDURE acct.run_job(text, jsonb) IS
'Does a job (rotate, run, snapshot, retention, checkpoint), with a COMMIT after each step, and leaves a row in acct.run_log; a job that another session does is skipped. Raises 22023 (no such job or argument) and, at its end, the first error of a step that failed.';

CREATE FUNCTION acct._is_of_pg_cron(p_class regclass, p_object oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
                    WHERE d.classid = p_class AND d.objid = p_object AND d.refclassid = 'pg_extension'::regclass
                      AND d.deptype = 'e' AND e.extname = 'pg_cron')
$$;
COMMENT ON FUNCTION acct._is_of_pg_cron(regclass, oid) IS
'True where an object belongs to the extension pg_cron, and not to somebody who took its name.';

CREATE FUNCTION acct._require_pg_cron() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    home text;
BEGIN
    PERFORM acct._require_layout();
    SELECT s.setting INTO home FROM pg_settings AS s WHERE s.name = 'cron.database_name' AND s.context = 'postmaster';
    IF home IS NULL THEN
        RAISE EXCEPTION 'pg_cron is not loaded'
            USING ERRCODE = '55000',
                  HINT = format('Install its package, set shared_preload_libraries = ''pg_cron'' and cron.database_name = %L in postgresql.conf, restart the server, and, as a superuser: CREATE EXTENSION pg_cron;',
                                current_database());
    ELSIF home <> current_database() THEN
        RAISE EXCEPTION 'pg_cron keeps its jobs in another database, "%"', home
            USING ERRCODE = '55000',
                  HINT = format('Set cron.database_name = %L and restart the server; or, as a superuser in database "%s", for each job: SELECT cron.schedule_in_database(%L, ''15 1 * * *'', %L, %L);',
                                current_database(), home, 'ledger_engine:run@' || current_database(), 'CALL acct.run_job(''run'')', current_database());
    ELSIF NOT acct._is_of_pg_cron('pg_class', to_regclass('cron.job'))
       OR NOT acct._is_of_pg_cron('pg_proc', to_regprocedure('cron.schedule(text, text, text)')) THEN
        RAISE EXCEPTION 'extension pg_cron is not installed in this database'
            USING ERRCODE = '55000', HINT = 'As a superuser: CREATE EXTENSION pg_cron;';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_pg_cron() IS
'Raises 55000, with a HINT, unless pg_cron is loaded, keeps its jobs in this database, and is installed in it.';

CREATE FUNCTION acct._require_cron_user() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_pg_cron();
    IF NOT has_schema_privilege('cron', 'USAGE') THEN
        RAISE EXCEPTION 'user "%" may not use pg_cron', current_user
            USING ERRCODE = '42501', HINT = format('As a superuser: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
    ELSIF NOT (SELECT r.rolcanlogin FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'user "%" cannot log in, as pg_cron must', current_user
            USING ERRCODE = '42501', HINT = 'Jobs run as the user who schedules them: a user who can log in, member of acct_operator.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_cron_user() IS
'Raises 55000 where pg_cron cannot be used, 42501 where the caller has no right to it, or cannot log in.';

CREATE FUNCTION acct._require_schedule(p_schedule jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    entry record;
BEGIN
    IF jsonb_typeof(p_schedule) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'a schedule must be a JSON object' USING ERRCODE = '22023',
            HINT = 'It has the names of jobs, each with its cron expression: {"run": "15 1 * * *"}.';
    END IF;
    FOR entry IN SELECT e.key AS job, e.value, jsonb_typeof(e.value) AS type FROM jsonb_each(p_schedule) AS e LOOP
        PERFORM acct._check_job(entry.job, CASE WHEN entry.type = 'object' THEN entry.value - 'schedule' ELSE '{}' END);
        IF entry.type NOT IN ('string', 'null', 'object') OR entry.type = 'object' AND jsonb_typeof(entry.value -> 'schedule') IS DISTINCT FROM 'string' THEN
            RAISE EXCEPTION 'the schedule of job "%" is not a cron expression', entry.job
                USING ERRCODE = '22023', DETAIL = format('It is %s.', entry.value),
                      HINT = 'Give a text such as "15 1 * * *", null, or an object with "schedule" and the job''s arguments.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._require_schedule(jsonb) IS 'Raises 22023 unless each key is a job and each value a cron expression, null, or an object that has one.';

CREATE FUNCTION acct.schedule_jobs(schedule jsonb DEFAULT '{"rotate": "45 0 * * *", "run": "15 1 * * *", "snapshot": "15 4 * * *", "retention": "45 4 * * *"}')
RETURNS TABLE (job_name text, cron_schedule text, command text, job_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    home CONSTANT name := 'cron';
    entry record;
    database text;
BEGIN
    PERFORM acct._require_read_committed();
    PERFORM acct._require_schedule(schedule_jobs.schedule);
    PERFORM acct._require_cron_user();
    FOR entry IN SELECT e.key AS job, CASE jsonb_typeof(e.value) WHEN 'object' THEN e.value ->> 'schedule' ELSE e.value #>> '{}' END AS expression,
                        CASE jsonb_typeof(e.value) WHEN 'object' THEN e.value - 'schedule' ELSE '{}' END AS arguments
                   FROM jsonb_each(schedule_jobs.schedule) AS e ORDER BY e.key COLLATE "C" LOOP
        job_name := 'ledger_engine:' || entry.job;
        cron_schedule := entry.expression;
        command := format('CALL acct.run_job(%s)', concat_ws(', ', quote_literal(entry.job), quote_literal(nullif(entry.arguments, '{}')::text)));
        job_id := NULL;
        EXECUTE format('SELECT j.jobid, j.database FROM %I.job AS j WHERE j.jobname::text = $1 AND j.username = current_user', home)
           INTO job_id, database USING job_name;
        IF database <> current_database() AND EXISTS (SELECT FROM pg_database AS d WHERE d.datname = database) THEN
            RAISE EXCEPTION 'job "%" runs in another database, "%"', job_name, database
                USING ERRCODE = '42710', HINT = format('Remove it, or give it another name: SELECT cron.unschedule(%s);', job_id);
        END IF;
        -- pg_cron 1.4 would leave a job to the name that the database had before it was renamed.
        IF job_id IS NOT NULL AND (cron_schedule IS NULL OR database <> current_database()) THEN
            EXECUTE format('SELECT %I.unschedule($1)', home) USING job_id;
        END IF;
        IF cron_schedule IS NULL THEN
            command := NULL;
            job_id := NULL;
        ELSE
            EXECUTE format('SELECT %I.schedule($1, $2, $3)', home) INTO job_id USING job_name, cron_schedule, command;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.schedule_jobs(jsonb) IS
'Schedules jobs of acct.run_job() with pg_cron, as the calling user: an object of job and cron expression, or of job and {"schedule": cron expression, arguments of the job}, where null removes a job. Raises 22023 (no such job, argument or cron expression), 55000 (pg_cron is missing, or keeps its jobs in another database), 42501 (no right to use it), 42710 (a job of this name runs in another database).';

CREATE FUNCTION acct.unschedule_jobs() RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    home CONSTANT name := 'cron';
    job_id bigint;
    job_name text;
BEGIN
    PERFORM acct._require_read_committed();
    PERFORM acct._require_cron_user();
    FOR job_id, job_name IN
        EXECUTE format('SELECT j.jobid, j.jobname::text FROM %I.job AS j WHERE starts_with(j.jobname::text, ''ledger_engine:'') '
                       'AND j.database = current_database() ORDER BY j.jobname::text COLLATE "C", j.jobid', home) LOOP
        EXECUTE format('SELECT %I.unschedule($1)', home) USING job_id;
        RETURN NEXT job_name;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.unschedule_jobs() IS
'Removes the jobs of pg_cron that schedule_jobs() made in this database, the caller''s own or, called by a superuser, all of them, and returns their names. Raises 55000 (pg_cron is missing, or keeps its jobs in another database), 42501 (no right to use it).';

CREATE FUNCTION acct._scheduled_jobs()
RETURNS TABLE (job text, schedule text, command text, active boolean, username text, job_id bigint,
               last_start timestamptz, last_end timestamptz, last_status text, last_message text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    home CONSTANT name := 'cron';
BEGIN
    PERFORM acct._require_layout();
    IF acct._is_of_pg_cron('pg_class', to_regclass('cron.job')) AND acct._is_of_pg_cron('pg_class', to_regclass('cron.job_run_details')) THEN
        FOR job, schedule, command, active, username, job_id, last_start, last_end, last_status, last_message IN EXECUTE format(
            'SELECT substr(j.jobname::text, 15), j.schedule, j.command, j.active, j.username, j.jobid, d.start_time, d.end_time, '
            '       CASE WHEN d.status = ''succeeded'' AND g.status = ''skipped'' AND g.at BETWEEN d.start_time AND d.end_time '
            '            THEN g.status ELSE d.status END, '
            '       CASE WHEN d.status = ''succeeded'' AND g.at BETWEEN d.start_time AND d.end_time THEN g.reason ELSE d.return_message END '
            '  FROM %1$I.job AS j '
            '  LEFT JOIN LATERAL (SELECT x.* FROM %1$I.job_run_details AS x WHERE x.jobid = j.jobid ORDER BY x.runid DESC LIMIT 1) AS d ON true '
            '  LEFT JOIN LATERAL (SELECT x.at, x.detail ->> ''status'' AS status, x.detail ->> ''reason'' AS reason FROM acct.run_log AS x '
            '                      WHERE x.run_id IS NULL AND x.step = ''job'' AND ''ledger_engine:'' || (x.detail ->> ''job'') = j.jobname::text '
            '                        AND x.at BETWEEN d.start_time AND d.end_time ORDER BY x.log_id DESC LIMIT 1) AS g ON true '
            ' WHERE starts_with(j.jobname::text, ''ledger_engine:'') AND j.database = current_database() ORDER BY 1, 6', home)
        LOOP
            RETURN NEXT;
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._scheduled_jobs() IS 'The rows of view scheduled_jobs; none where pg_cron is not installed in this database.';

CREATE FUNCTION acct._layout_schedule() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct.scheduled_jobs AS
    SELECT s.job, s.schedule, s.command, s.active, s.username, s.job_id, s.last_start, s.last_end, s.last_status, s.last_message
      FROM acct._scheduled_jobs() AS s;
END
$layout$;
COMMENT ON FUNCTION acct._layout_schedule() IS 'The part of install() that creates the view of scheduled jobs.';

CREATE FUNCTION acct._comment_schedule() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON VIEW acct.scheduled_jobs IS 'Jobs of this database that pg_cron runs, with how the last run went; empty where pg_cron is not installed in this database.';
    COMMENT ON COLUMN acct.scheduled_jobs.job IS 'Name of the job: rotate, run, snapshot, retention or checkpoint.';
    COMMENT ON COLUMN acct.scheduled_jobs.schedule IS 'When it runs: cron expression, in the time zone of pg_cron (GMT, or cron.timezone).';
    COMMENT ON COLUMN acct.scheduled_jobs.command IS 'Command that pg_cron executes.';
    COMMENT ON COLUMN acct.scheduled_jobs.active IS 'False where it was paused with cron.alter_job().';
    COMMENT ON COLUMN acct.scheduled_jobs.username IS 'User who scheduled it, and as whom it runs.';
    COMMENT ON COLUMN acct.scheduled_jobs.job_id IS 'Number of the job in pg_cron.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_start IS 'When the last run began; NULL: there was none, or it could not connect.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_end IS 'When the last run ended; NULL: it runs.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_status IS 'starting, running, succeeded, failed, or skipped because the job was still at work; NULL: there was no run.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_schedule() IS 'The part of install() that describes the objects of schedule.sql.';

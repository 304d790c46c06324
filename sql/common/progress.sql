-- What a run is doing: the C functions of src/common/progress.c and src/common/log_line.c, and what acct.run_progress reads.

CREATE FUNCTION acct._progress_start(p_run_id bigint, p_step text, p_rows bigint) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_progress_start';
COMMENT ON FUNCTION acct._progress_start(bigint, text, bigint) IS
'Begins a step (create, expand, validate, post, discard, snapshot, seal, compress) of a run (NULL: of none), to be seen in acct.run_progress until acct._progress_end() or the end of the transaction. p_rows is what its main phase counts; NULL: not known.';

CREATE FUNCTION acct._progress_phase(p_phase text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_progress_set_phase';
COMMENT ON FUNCTION acct._progress_phase(text) IS
'Begins a phase of the step under way, one that counts no rows; nothing where there is no step.';

CREATE FUNCTION acct._progress_end() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_progress_end';
COMMENT ON FUNCTION acct._progress_end() IS 'Ends the step under way.';

CREATE FUNCTION acct._progress_times() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_progress_times';
COMMENT ON FUNCTION acct._progress_times() IS
'Milliseconds that the step under way spent in each of its phases, up to now; NULL where there is no step.';

CREATE FUNCTION acct._peak_memory() RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_peak_memory';
COMMENT ON FUNCTION acct._peak_memory() IS
'Bytes of the process of the step under way that had most: memory that it shares with no other (RssAnon in /proc/PID/status), looked at when a phase begins or ends and ten times a second while rows are counted. NULL where there is no step, or no such file.';

CREATE FUNCTION acct._progress_names(p_code bigint, OUT step text, OUT phase text, OUT unit text, OUT workers integer)
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'ledger_progress_names';
COMMENT ON FUNCTION acct._progress_names(bigint) IS 'Step, phase, what its rows are, and number of workers, of the number that stands for them.';

CREATE FUNCTION acct._log_at_commit(p_line text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_log_at_commit';
COMMENT ON FUNCTION acct._log_at_commit(text) IS
'Writes a line to the server''s log (level LOG) when the transaction commits; none where it, or the subtransaction, is rolled back.';

CREATE FUNCTION acct._run_progress()
RETURNS TABLE (run_id bigint, pid integer, step text, phase text, unit text, rows_done bigint, rows_total bigint,
               workers integer, started_at timestamptz, phase_started_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    -- The numbers are those of src/common/progress.c, counted from 1. While an index is being built the server itself counts in param13.
    RETURN QUERY
    SELECT nullif(p.param18, 0), p.pid, n.step, n.phase, n.unit,
           CASE WHEN p.param8 >= 0 THEN least(p.param3 + CASE n.phase WHEN 'building indexes' THEN p.param13 ELSE 0 END, p.param8) END,
           CASE WHEN p.param8 >= 0 THEN p.param8 END,
           n.workers,
           timestamptz '2000-01-01 00:00:00+00' + p.param5 * interval '1 microsecond',
           timestamptz '2000-01-01 00:00:00+00' + p.param6 * interval '1 microsecond'
      FROM pg_stat_get_progress_info('COPY') AS p, acct._progress_names(p.param19) AS n
     WHERE p.datid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND p.relid = to_regclass('acct.journal_run') AND p.param20 = x'6c6564676572'::bigint;
END
$$;
COMMENT ON FUNCTION acct._run_progress() IS
'The rows of acct.run_progress: one for each process that leads a step in this database. Reads the server''s own table of command progress, and shows every caller the engine''s rows in it.';

CREATE FUNCTION acct._posted_line(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- The key as JSON: whatever it is, it cannot begin another line.
    RETURN (SELECT format('ledger_engine: run %s (key %s) %s posted: %s transactions, %s journals, %s lines, %s exceptions, debit %s, '
                          'expand %s ms, post %s ms, %s transactions/s',
                          r.run_id, coalesce(to_json(r.run_key)::text, 'none'), acct._run_about(r.kind, r.txn_month, r.je_date), r.transactions, r.journals, r.lines,
                          r.exceptions, trim_scale(r.debit), round(e.ms), round(p.ms), round(r.transactions * 1000 / nullif(e.ms + p.ms, 0)))
              FROM acct.journal_run AS r,
                   LATERAL (SELECT extract(epoch FROM r.expanded_at - r.expand_started_at) * 1000) AS e (ms),
                   LATERAL (SELECT extract(epoch FROM r.post_ended_at - r.post_started_at) * 1000) AS p (ms)
             WHERE r.run_id = p_run_id);
END
$$;
COMMENT ON FUNCTION acct._posted_line(bigint) IS 'The line in the server''s log about a posted run.';

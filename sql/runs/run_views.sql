-- Views of runs: what one is doing, what all have done. They read neither source nor ledger.

CREATE FUNCTION acct._layout_run_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct.run_progress AS
    SELECT p.run_id, r.run_key, r.txn_month, p.pid, p.step, p.phase, p.rows_done, p.rows_total, p.unit,
           round(100.0 * p.rows_done / nullif(p.rows_total, 0), 1) AS percent,
           round(s.rate) AS rows_per_second,
           round(s.elapsed, 1) AS seconds_elapsed,
           round((p.rows_total - p.rows_done) / nullif(s.rate, 0), 1) AS seconds_left,
           p.started_at, p.phase_started_at, p.workers
      FROM acct._run_progress() AS p
      LEFT JOIN acct.journal_run AS r ON r.run_id = p.run_id
     CROSS JOIN LATERAL (SELECT extract(epoch FROM clock_timestamp() - p.started_at) AS elapsed,
                                p.rows_done / nullif(extract(epoch FROM clock_timestamp() - p.phase_started_at), 0) AS rate) AS s;

    CREATE OR REPLACE VIEW acct.run_history AS
    SELECT r.run_id, r.run_key, r.txn_month, r.status, r.reprocess_of,
           r.created_by, r.created_at, r.expanded_by, r.expanded_at, r.posted_by, r.posted_at, r.discarded_by, r.discarded_at,
           r.transactions, r.journals, r.lines, r.exceptions, r.ignored,
           CASE WHEN r.exceptions > 0 AND r.status <> 'discarded' THEN
               (SELECT count(*) FROM acct.je_exception AS e
                 WHERE e.run_id = r.run_id AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL)
           ELSE 0 END AS exceptions_open,
           r.debit, r.credit, r.digest,
           g.create_ms, s.expand_ms, g.validate_ms, s.post_ms,
           r.transactions * 1000 / nullif(s.expand_ms, 0) AS transactions_per_second,
           r.lines * 1000 / nullif(s.post_ms, 0) AS lines_per_second,
           g.peak_memory,
           CASE WHEN r.exceptions > 0 AND r.status <> 'discarded' THEN
               (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = r.run_id AND e.waived_at IS NOT NULL)
           ELSE 0 END AS exceptions_waived,
           r.kind, r.je_date, r.origin_run, r.reason, r.reversed_journals
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL (SELECT extract(epoch FROM r.expanded_at - r.expand_started_at)::double precision * 1000 AS expand_ms,
                                extract(epoch FROM coalesce(r.post_ended_at, r.posted_at) - r.post_started_at)::double precision * 1000 AS post_ms) AS s
     CROSS JOIN LATERAL (SELECT sum(l.elapsed_ms) FILTER (WHERE l.step IN ('create', 'reprocess', 'rebook')) AS create_ms,
                                (array_agg(l.elapsed_ms ORDER BY l.log_id DESC) FILTER (WHERE l.step = 'validate'))[1] AS validate_ms,
                                max(l.peak_memory) AS peak_memory
                           FROM acct.run_log AS l WHERE l.run_id = r.run_id) AS g;

    CREATE OR REPLACE VIEW acct.run_summary AS
    WITH partition AS (
        -- By their bounds, as _months_with_partitions() does it, which readers of the view may not call. Nothing is locked.
        SELECT m.txn_month,
               (WITH RECURSIVE tree AS (
                    SELECT m.relid UNION ALL SELECT x.inhrelid FROM tree AS t JOIN pg_inherits AS x ON x.inhparent = t.relid)
                SELECT sum(coalesce(nullif(pg_stat_get_live_tuples(t.relid), 0), greatest(l.reltuples, 0)))::bigint
                  FROM tree AS t JOIN pg_class AS l ON l.oid = t.relid WHERE l.relkind <> 'p') AS loaded
          FROM (SELECT i.inhrelid AS relid, b.bound[1]::date AS txn_month, b.bound[2]::date AS to_month
                  FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                 CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(]''([^'']+)''[)] TO [(]''([^'']+)''[)]$') AS b (bound)
                 WHERE i.inhparent = 'acct.txn_source_parent'::regclass AND NOT i.inhdetachpending) AS m
         WHERE extract(day FROM m.txn_month) = 1 AND m.to_month = m.txn_month + interval '1 month'),
    claim AS (
        SELECT b.txn_month, sum(b.source_rows)::bigint AS taken
          FROM (SELECT c.txn_month, c.batch_id, max(c.source_rows) AS source_rows FROM acct.journal_run_batch AS c
                 WHERE c.released_at IS NULL GROUP BY c.txn_month, c.batch_id) AS b
         GROUP BY b.txn_month),
    run AS (
        SELECT r.txn_month, count(*) AS runs,
               count(*) FILTER (WHERE r.status = 'created') AS runs_created,
               count(*) FILTER (WHERE r.status = 'expanded') AS runs_expanded,
               count(*) FILTER (WHERE p.is_posted) AS runs_posted,
               count(*) FILTER (WHERE r.status = 'discarded') AS runs_discarded,
               sum(r.journals) FILTER (WHERE p.is_posted)::bigint AS journals,
               sum(r.lines) FILTER (WHERE p.is_posted)::bigint AS lines,
               sum(r.debit) FILTER (WHERE p.is_posted) AS debit,
               sum(r.credit) FILTER (WHERE p.is_posted) AS credit,
               max(r.posted_at) AS last_posted_at
          -- Who reads the view may not call acct._is_posted().
          FROM acct.journal_run AS r CROSS JOIN LATERAL (SELECT r.status IN ('posted', 'reversed') AS is_posted) AS p
         WHERE r.kind = 'transaction' GROUP BY r.txn_month),
    exception AS (
        SELECT r.txn_month, count(*) FILTER (WHERE e.resolved_by_run IS NULL AND e.waived_at IS NULL) AS open,
               count(e.resolved_by_run) AS resolved, count(e.waived_at) AS waived
          FROM acct.journal_run AS r JOIN acct.je_exception AS e ON e.run_id = r.run_id
         WHERE e.voided_at IS NULL GROUP BY r.txn_month)
    SELECT txn_month, coalesce(r.runs, 0) AS runs, coalesce(r.runs_created, 0) AS runs_created,
           coalesce(r.runs_expanded, 0) AS runs_expanded, coalesce(r.runs_posted, 0) AS runs_posted,
           coalesce(r.runs_discarded, 0) AS runs_discarded,
           p.loaded AS transactions_loaded, coalesce(c.taken, 0) AS transactions_taken,
           CASE WHEN p.loaded IS NOT NULL THEN greatest(p.loaded - coalesce(c.taken, 0), 0) END AS transactions_waiting,
           coalesce(r.journals, 0) AS journals, coalesce(r.lines, 0) AS lines, coalesce(r.debit, 0) AS debit,
           coalesce(r.credit, 0) AS credit, coalesce(e.open, 0) AS exceptions_open,
           coalesce(e.resolved, 0) AS exceptions_resolved, r.last_posted_at, coalesce(e.waived, 0) AS exceptions_waived
      FROM (SELECT txn_month FROM partition UNION SELECT txn_month FROM acct.journal_run WHERE kind = 'transaction') AS m
      LEFT JOIN partition AS p USING (txn_month)
      LEFT JOIN run AS r USING (txn_month)
      LEFT JOIN claim AS c USING (txn_month)
      LEFT JOIN exception AS e USING (txn_month);

    CREATE OR REPLACE VIEW acct.exception_summary AS
    SELECT r.txn_month, e.basis, e.reason, e.template_code, count(*) AS exceptions,
           count(*) FILTER (WHERE e.resolved_by_run IS NULL AND e.waived_at IS NULL) AS exceptions_open,
           min(e.run_id) AS oldest_run, max(e.run_id) AS newest_run, min(e.message) AS example,
           count(e.waived_at) AS exceptions_waived
      FROM acct.journal_run AS r JOIN acct.je_exception AS e ON e.run_id = r.run_id
     WHERE e.voided_at IS NULL
     GROUP BY r.txn_month, e.basis, e.reason, e.template_code;
END
$layout$;
COMMENT ON FUNCTION acct._layout_run_views() IS 'The part of install() that creates the views of runs, their progress and their exceptions.';

CREATE FUNCTION acct._comment_run_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON VIEW acct.run_progress IS 'Steps under way in this database, a row for each process that leads one. Figures are those of the moment of the query; a step that is done or broken off is not shown, and track_activities must be on.';
    COMMENT ON COLUMN acct.run_progress.run_id IS 'Run that is worked on; NULL: none (a recomputation of balances).';
    COMMENT ON COLUMN acct.run_progress.run_key IS 'Key of the run; NULL: it has none, or the run is made in the same transaction and not yet to be seen.';
    COMMENT ON COLUMN acct.run_progress.txn_month IS 'Month of the run, as its first day; NULL as run_key, and for reversals and corrections.';
    COMMENT ON COLUMN acct.run_progress.pid IS 'Process that leads the step: for pg_stat_activity, pg_cancel_backend().';
    COMMENT ON COLUMN acct.run_progress.step IS 'create, expand, validate, post, discard, snapshot, seal or compress.';
    COMMENT ON COLUMN acct.run_progress.phase IS 'Activity of the step, such as reading source, writing entries or building indexes.';
    COMMENT ON COLUMN acct.run_progress.rows_done IS 'Rows done in the phase, those of workers included; NULL: the phase counts none.';
    COMMENT ON COLUMN acct.run_progress.rows_total IS 'Rows that the phase has to do; NULL: it counts none.';
    COMMENT ON COLUMN acct.run_progress.unit IS 'Unit of the rows: transactions, lines, journals and lines, rows indexed; NULL: the phase counts none.';
    COMMENT ON COLUMN acct.run_progress.percent IS 'Part of the rows of the phase that is done, 0 to 100.';
    COMMENT ON COLUMN acct.run_progress.rows_per_second IS 'Rows done a second since the phase began.';
    COMMENT ON COLUMN acct.run_progress.seconds_elapsed IS 'Seconds since the step began.';
    COMMENT ON COLUMN acct.run_progress.seconds_left IS 'Seconds until the phase is done, at its rate so far; later phases of the step come on top. NULL: not known.';
    COMMENT ON COLUMN acct.run_progress.started_at IS 'When the step began.';
    COMMENT ON COLUMN acct.run_progress.phase_started_at IS 'When the phase began.';
    COMMENT ON COLUMN acct.run_progress.workers IS 'Parallel workers that help at the moment.';

    COMMENT ON VIEW acct.run_history IS 'Runs, each with who did what and when, durations, counts, rates, digest and what is still open of it.';
    COMMENT ON COLUMN acct.run_history.run_id IS 'Number of the run.';
    COMMENT ON COLUMN acct.run_history.run_key IS 'Key that it was made with; NULL: none.';
    COMMENT ON COLUMN acct.run_history.txn_month IS 'Month whose transactions it took, as its first day; NULL: it took none.';
    COMMENT ON COLUMN acct.run_history.status IS 'created, expanded, posted, discarded or reversed.';
    COMMENT ON COLUMN acct.run_history.reprocess_of IS 'Run whose exceptions, or ignored or reversed transactions, it takes up again; NULL: it took batches.';
    COMMENT ON COLUMN acct.run_history.created_by IS 'Session user who made it.';
    COMMENT ON COLUMN acct.run_history.created_at IS 'When it was made.';
    COMMENT ON COLUMN acct.run_history.expanded_by IS 'Session user who expanded it.';
    COMMENT ON COLUMN acct.run_history.expanded_at IS 'When it was expanded.';
    COMMENT ON COLUMN acct.run_history.posted_by IS 'Session user who posted it.';
    COMMENT ON COLUMN acct.run_history.posted_at IS 'When it was posted.';
    COMMENT ON COLUMN acct.run_history.discarded_by IS 'Session user who discarded it.';
    COMMENT ON COLUMN acct.run_history.discarded_at IS 'When it was discarded.';
    COMMENT ON COLUMN acct.run_history.transactions IS 'Source transactions taken.';
    COMMENT ON COLUMN acct.run_history.journals IS 'Journals made.';
    COMMENT ON COLUMN acct.run_history.lines IS 'Lines of them.';
    COMMENT ON COLUMN acct.run_history.exceptions IS 'Transactions (by basis) set aside when it was expanded.';
    COMMENT ON COLUMN acct.run_history.ignored IS 'Transactions (by basis) ignored on purpose.';
    COMMENT ON COLUMN acct.run_history.exceptions_open IS 'Exceptions that no run took up again and nobody waived, of a run that is not discarded.';
    COMMENT ON COLUMN acct.run_history.debit IS 'Sum of debits, over all currencies: a check figure.';
    COMMENT ON COLUMN acct.run_history.credit IS 'Sum of credits, over all currencies.';
    COMMENT ON COLUMN acct.run_history.digest IS 'Digest of its lines.';
    COMMENT ON COLUMN acct.run_history.create_ms IS 'Milliseconds of making it and taking its transactions.';
    COMMENT ON COLUMN acct.run_history.expand_ms IS 'Milliseconds of expanding it, from beginning to end.';
    COMMENT ON COLUMN acct.run_history.validate_ms IS 'Milliseconds of the last validation.';
    COMMENT ON COLUMN acct.run_history.post_ms IS 'Milliseconds of posting it, waiting for locks of books included.';
    COMMENT ON COLUMN acct.run_history.transactions_per_second IS 'Transactions expanded a second.';
    COMMENT ON COLUMN acct.run_history.lines_per_second IS 'Lines posted a second.';
    COMMENT ON COLUMN acct.run_history.peak_memory IS 'Most memory that a process of any of its steps had, in bytes (run_log.peak_memory); NULL: not known.';
    COMMENT ON COLUMN acct.run_history.exceptions_waived IS 'Exceptions that were waived, of a run that is not discarded.';

    COMMENT ON COLUMN acct.run_history.kind IS 'Kind of its journals: transaction, reversal, correction, manual, opening or closing.';
    COMMENT ON COLUMN acct.run_history.je_date IS 'Date of the journals; NULL: each transaction has its own.';
    COMMENT ON COLUMN acct.run_history.origin_run IS 'Run that it reverses, corrects or books again; NULL: none, or journals of several runs.';
    COMMENT ON COLUMN acct.run_history.reason IS 'Why it reverses or corrects, or what its journals are for; NULL: it books transactions.';
    COMMENT ON COLUMN acct.run_history.reversed_journals IS 'How many of its journals posted reversals have reversed.';

    COMMENT ON VIEW acct.run_summary IS 'Months of transactions that are loaded or have runs: how far each is. Reversals, corrections, manual, opening and closing runs are in no month.';
    COMMENT ON COLUMN acct.run_summary.txn_month IS 'Month, as its first day.';
    COMMENT ON COLUMN acct.run_summary.runs IS 'Runs made for it.';
    COMMENT ON COLUMN acct.run_summary.runs_created IS 'Of these, those not yet expanded.';
    COMMENT ON COLUMN acct.run_summary.runs_expanded IS 'Those expanded and not posted.';
    COMMENT ON COLUMN acct.run_summary.runs_posted IS 'Those posted.';
    COMMENT ON COLUMN acct.run_summary.runs_discarded IS 'Those discarded.';
    COMMENT ON COLUMN acct.run_summary.transactions_loaded IS 'Transactions in the month''s partition, by the server''s statistics: an estimate, which lags by a second or so, or until the next ANALYZE after a crash. NULL: there is no partition.';
    COMMENT ON COLUMN acct.run_summary.transactions_taken IS 'Transactions taken by runs that are not discarded, as they were counted then.';
    COMMENT ON COLUMN acct.run_summary.transactions_waiting IS 'Loaded less taken: an estimate as transactions_loaded.';
    COMMENT ON COLUMN acct.run_summary.journals IS 'Journals posted.';
    COMMENT ON COLUMN acct.run_summary.lines IS 'Lines posted.';
    COMMENT ON COLUMN acct.run_summary.debit IS 'Sum of debits posted, over all currencies.';
    COMMENT ON COLUMN acct.run_summary.credit IS 'Sum of credits posted, over all currencies.';
    COMMENT ON COLUMN acct.run_summary.exceptions_open IS 'Exceptions that no run took up again and nobody waived.';
    COMMENT ON COLUMN acct.run_summary.exceptions_resolved IS 'Exceptions that a run took up again.';
    COMMENT ON COLUMN acct.run_summary.last_posted_at IS 'When a run was posted last.';
    COMMENT ON COLUMN acct.run_summary.exceptions_waived IS 'Exceptions that were waived.';

    COMMENT ON VIEW acct.exception_summary IS 'Exceptions of runs that are not discarded, by month, basis, reason and template.';
    COMMENT ON COLUMN acct.exception_summary.txn_month IS 'Month of the transactions, as its first day.';
    COMMENT ON COLUMN acct.exception_summary.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.exception_summary.reason IS 'Reason, such as NO_TEMPLATE.';
    COMMENT ON COLUMN acct.exception_summary.template_code IS 'Template concerned; NULL: none was chosen.';
    COMMENT ON COLUMN acct.exception_summary.exceptions IS 'Exceptions, those included that a run took up again.';
    COMMENT ON COLUMN acct.exception_summary.exceptions_open IS 'Those that no run took up again and nobody waived.';
    COMMENT ON COLUMN acct.exception_summary.oldest_run IS 'The first run that set one aside.';
    COMMENT ON COLUMN acct.exception_summary.newest_run IS 'The last one.';
    COMMENT ON COLUMN acct.exception_summary.example IS 'One of the messages.';
    COMMENT ON COLUMN acct.exception_summary.exceptions_waived IS 'Those that were waived.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_run_views() IS 'The part of install() that describes the objects of run_views.sql.';

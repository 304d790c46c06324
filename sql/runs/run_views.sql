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
           ELSE 0 END AS exceptions_waived
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL (SELECT extract(epoch FROM r.expanded_at - r.expand_started_at)::double precision * 1000 AS expand_ms,
                                extract(epoch FROM coalesce(r.post_ended_at, r.posted_at) - r.post_started_at)::double precision * 1000 AS post_ms) AS s
     CROSS JOIN LATERAL (SELECT sum(l.elapsed_ms) FILTER (WHERE l.step IN ('create', 'reprocess')) AS create_ms,
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
               count(*) FILTER (WHERE r.status IN ('posted', 'reversed')) AS runs_posted,
               count(*) FILTER (WHERE r.status = 'discarded') AS runs_discarded,
               sum(r.journals) FILTER (WHERE r.status IN ('posted', 'reversed'))::bigint AS journals,
               sum(r.lines) FILTER (WHERE r.status IN ('posted', 'reversed'))::bigint AS lines,
               sum(r.debit) FILTER (WHERE r.status IN ('posted', 'reversed')) AS debit,
               sum(r.credit) FILTER (WHERE r.status IN ('posted', 'reversed')) AS credit,
               max(r.posted_at) AS last_posted_at
          FROM acct.journal_run AS r GROUP BY r.txn_month),
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
      FROM (SELECT txn_month FROM partition UNION SELECT txn_month FROM acct.journal_run) AS m
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
COMMENT ON FUNCTION acct._layout_run_views() IS 'The part of install() that makes the views of runs, their progress and their exceptions.';

-- acct_bi: runs, exceptions and loads, jobs and the state of the ledger.

CREATE FUNCTION acct._layout_bi_runs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct_bi.runs AS
    SELECT r.run_id, r.run_key, r.txn_month, r.status, r.kind, r.je_date, r.origin_run, r.reason, r.reprocess_of, r.transactions, r.journals, r.lines,
           r.exceptions, r.exceptions_open, r.exceptions_waived, r.ignored, r.debit, r.credit, r.digest,
           r.created_by, r.created_at, r.expanded_by, r.expanded_at, r.posted_by, r.posted_at, r.discarded_by, r.discarded_at,
           r.create_ms, r.expand_ms, r.validate_ms, r.post_ms, r.transactions_per_second, r.lines_per_second, r.peak_memory, r.reversed_journals
      FROM acct.run_history AS r;
    PERFORM acct._describe_view('acct_bi.runs', '{acct.run_history}');
    COMMENT ON VIEW acct_bi.runs IS 'Runs: what each took and made, by whom, and how long its steps took.';

    CREATE OR REPLACE VIEW acct_bi.run_totals AS
    SELECT t.run_id, r.status, r.posted_at, t.entity_code, t.basis, t.je_month, t.fund, t.account_code, t.currency, t.debit, t.credit, t.line_count
      FROM acct.journal_run_total AS t
      JOIN acct.journal_run AS r ON r.run_id = t.run_id;
    PERFORM acct._describe_view('acct_bi.run_totals', '{acct.journal_run_total,acct.journal_run}');
    COMMENT ON VIEW acct_bi.run_totals IS 'Totals of each run by book, month, fund, account and currency, from which balances come. Runs that are not posted are included.';

    CREATE OR REPLACE VIEW acct_bi.run_progress AS
    SELECT p.run_id, p.run_key, p.txn_month, p.pid, p.step, p.phase, p.rows_done, p.rows_total, p.unit, p.percent, p.rows_per_second, p.seconds_elapsed,
           p.seconds_left, p.started_at, p.phase_started_at, p.workers
      FROM acct.run_progress AS p;
    PERFORM acct._describe_view('acct_bi.run_progress', '{acct.run_progress}');
    COMMENT ON VIEW acct_bi.run_progress IS 'Steps of runs that are under way at this moment.';

    CREATE OR REPLACE VIEW acct_bi.transaction_months AS
    SELECT s.txn_month, s.runs, s.runs_created, s.runs_expanded, s.runs_posted, s.runs_discarded, s.transactions_loaded, s.transactions_taken,
           s.transactions_waiting, s.journals, s.lines, s.debit, s.credit, s.exceptions_open, s.exceptions_resolved, s.exceptions_waived, s.last_posted_at
      FROM acct.run_summary AS s;
    PERFORM acct._describe_view('acct_bi.transaction_months', '{acct.run_summary}');
    COMMENT ON VIEW acct_bi.transaction_months IS 'Months of source transactions: how many are loaded, taken and posted. The numbers that are loaded and that wait come from the server''s statistics.';

    CREATE OR REPLACE VIEW acct_bi.batches AS
    SELECT c.batch_id, c.txn_month, b.loaded_at, b.loaded_by, b.source, c.run_id, r.run_key, r.status, c.basis, c.source_rows, c.source_gross, c.released_at
      FROM acct.journal_run_batch AS c
      LEFT JOIN acct.txn_batch AS b ON b.batch_id = c.batch_id
      JOIN acct.journal_run AS r ON r.run_id = c.run_id;
    PERFORM acct._describe_view('acct_bi.batches', '{acct.journal_run_batch,acct.txn_batch,acct.journal_run}');
    COMMENT ON VIEW acct_bi.batches IS 'Loads that runs took: a row for each load, month, run and basis.';

    CREATE OR REPLACE VIEW acct_bi.batches_waiting AS
    SELECT w.batch_id, w.txn_month, w.transactions, w.loaded_at, w.loaded_by, w.source FROM acct.batches_waiting() AS w;
    PERFORM acct._describe_view('acct_bi.batches_waiting', '{acct.txn_batch,acct.journal_run_batch}');
    COMMENT ON VIEW acct_bi.batches_waiting IS 'Loads that wait for a run, as acct.batches_waiting() lists them.';
    COMMENT ON COLUMN acct_bi.batches_waiting.txn_month IS 'Month of its transactions, as its first day.';
    COMMENT ON COLUMN acct_bi.batches_waiting.transactions IS 'Number of its transactions in the month.';

    CREATE OR REPLACE VIEW acct_bi.exceptions AS
    SELECT e.run_id, r.run_key, e.txn_id, e.txn_month, e.basis, e.reason, e.template_code, e.template_version, e.line_no, e.message,
           CASE WHEN e.voided_at IS NOT NULL THEN 'void' WHEN e.resolved_by_run IS NOT NULL THEN 'resolved' WHEN e.waived_at IS NOT NULL THEN 'waived' ELSE 'open' END AS state,
           e.resolved_by_run, e.waived_by, e.waived_at, e.waive_reason
      FROM acct.je_exception AS e
      JOIN acct.journal_run AS r ON r.run_id = e.run_id;
    PERFORM acct._describe_view('acct_bi.exceptions', '{acct.je_exception,acct.journal_run}');
    COMMENT ON VIEW acct_bi.exceptions IS 'Transactions that were not booked, each with the reason and what became of it.';
    COMMENT ON COLUMN acct_bi.exceptions.state IS 'open, resolved (another run took the transaction again), waived, or void (its run was discarded, or a correction had listed it).';

    CREATE OR REPLACE VIEW acct_bi.exception_summary AS
    SELECT s.txn_month, s.basis, s.reason, s.template_code, s.exceptions, s.exceptions_open, s.exceptions_waived, s.oldest_run, s.newest_run, s.example
      FROM acct.exception_summary AS s;
    PERFORM acct._describe_view('acct_bi.exception_summary', '{acct.exception_summary}');
    COMMENT ON VIEW acct_bi.exception_summary IS 'Exceptions by month, basis, reason and template.';

    CREATE OR REPLACE VIEW acct_bi.jobs AS
    SELECT DISTINCT ON (g.detail ->> 'job') g.detail ->> 'job' AS job, g.detail ->> 'status' AS status, g.elapsed_ms, g.at AS ended_at
      FROM acct.run_log AS g
     WHERE g.run_id IS NULL AND g.step = 'job' AND g.detail ->> 'status' <> 'skipped'
     ORDER BY g.detail ->> 'job', g.log_id DESC;
    PERFORM acct._describe_view('acct_bi.jobs', '{acct.run_log}');
    COMMENT ON VIEW acct_bi.jobs IS 'The last time that acct.run_job() did each job.';
    COMMENT ON COLUMN acct_bi.jobs.job IS 'Name of the job.';
    COMMENT ON COLUMN acct_bi.jobs.status IS 'done or failed.';
    COMMENT ON COLUMN acct_bi.jobs.elapsed_ms IS 'How long it took, in milliseconds.';
    COMMENT ON COLUMN acct_bi.jobs.ended_at IS 'When it ended.';

    CREATE OR REPLACE VIEW acct_bi.health AS
    SELECT h.check_name, h.status, h.observed, h.threshold, h.detail, h.hint
      FROM acct.health(ARRAY(SELECT c.check_name FROM acct._health_checks() AS c WHERE c.check_name NOT IN ('snapshot', 'source_rows'))) AS h;
    COMMENT ON VIEW acct_bi.health IS 'The state of the ledger, by the checks of acct.health() but snapshot and source_rows, which read the rows of a month.';
    COMMENT ON COLUMN acct_bi.health.check_name IS 'Name of the check; docs/reference.md says what each looks at.';
    COMMENT ON COLUMN acct_bi.health.status IS 'ok, warning or critical.';
    COMMENT ON COLUMN acct_bi.health.observed IS 'Value found, in the unit of the check.';
    COMMENT ON COLUMN acct_bi.health.threshold IS 'Value that it is compared with.';
    COMMENT ON COLUMN acct_bi.health.detail IS 'Finding, in words; NULL: nothing.';
    COMMENT ON COLUMN acct_bi.health.hint IS 'Action to take; NULL where the check is ok.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi_runs() IS 'The part of _layout_bi() that creates the views of runs, exceptions, loads, jobs and health.';

-- Descriptions of tables, columns and views: dashboards show them as help. Each stands beside what it describes.

CREATE FUNCTION acct._layout_comments() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    PERFORM acct._comment_install();
    PERFORM acct._comment_archive();
    PERFORM acct._comment_guard();
    PERFORM acct._comment_locks();
    PERFORM acct._comment_source();
    PERFORM acct._comment_waiting();
    PERFORM acct._comment_templates();
    PERFORM acct._comment_entities();
    PERFORM acct._comment_node();
    PERFORM acct._comment_limits();
    PERFORM acct._comment_release();
    PERFORM acct._comment_findings();
    PERFORM acct._comment_policy();
    PERFORM acct._comment_runs();
    PERFORM acct._comment_reversal();
    PERFORM acct._comment_rebook();
    PERFORM acct._comment_exceptions();
    PERFORM acct._comment_correction();
    PERFORM acct._comment_manual();
    PERFORM acct._comment_ledger();
    PERFORM acct._comment_seals();
    PERFORM acct._comment_log();
    PERFORM acct._comment_verification();
    PERFORM acct._comment_periods();
    PERFORM acct._comment_elimination();
    PERFORM acct._comment_statements();
    PERFORM acct._comment_retention();
    PERFORM acct._comment_audit();
    PERFORM acct._comment_run_views();
    PERFORM acct._comment_views();
    PERFORM acct._comment_schedule();
END
$layout$;
COMMENT ON FUNCTION acct._layout_comments() IS 'The part of install() that describes tables, columns and views.';

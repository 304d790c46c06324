-- Of a build with CRASH_POINTS=1 only.

CREATE FUNCTION acct._crash_point(p_name text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'ledger_crash_point_sql';
COMMENT ON FUNCTION acct._crash_point(text) IS 'Waits where ledger_engine.crash_point has this name, for a test to interrupt.';

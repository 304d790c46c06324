-- Nobody but the owner calls anything that install_roles or a DBA did not grant, save what expressions need.

REVOKE ALL ON ALL ROUTINES IN SCHEMA acct FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acct.month_start(date), acct.month_end(date), acct.days_in_month(date),
    acct.to_code(date, text), acct._in_maintenance(), acct._is_own_batch(bigint, bigint, date), acct._code_problem(text),
    acct.check_expression(text, text) TO PUBLIC;
SELECT acct._take_back(ARRAY(SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'acct'::pg_catalog.regnamespace), false);

-- The findings of plpgsql_check in our functions, a line each; none, if all is well.
-- Where a function returns the rows of dynamic SQL, it cannot tell whether its columns are set, and that is no finding.
\set unknown '''OUT variable ".*" is maybe unmodified|cannot to determine result of dynamic SQL'''
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
CREATE EXTENSION plpgsql_check;
SELECT acct.install() AS installed \gset
\pset tuples_only on
\pset format unaligned
SELECT p.oid::regprocedure, c
  FROM pg_proc AS p
  JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
 CROSS JOIN LATERAL plpgsql_check_function(p.oid, fatal_errors => false, performance_warnings => false) AS c
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
   AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND c !~ :unknown;
SELECT p.oid::regprocedure, t.tgrelid::regclass, c
  FROM pg_trigger AS t
  JOIN pg_proc AS p ON p.oid = t.tgfoid
 CROSS JOIN LATERAL plpgsql_check_function(p.oid, t.tgrelid, fatal_errors => false, performance_warnings => false) AS c
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
   AND NOT t.tgisinternal AND t.tgparentid = 0
   AND c !~ :unknown;

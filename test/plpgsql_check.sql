-- The findings of plpgsql_check in our functions, a line each; none, if all is well.
-- Where a function returns the rows of dynamic SQL, it cannot tell whether its columns are set, and that is no finding.
\set unknown '''OUT variable ".*" is maybe unmodified|cannot to determine result of dynamic SQL'''
-- Nor is it one that a STABLE function uses what is VOLATILE. Such a function cannot write, and its queries share the snapshot of the
-- caller's query, which is what our functions are STABLE for: a batch that is registered meanwhile must not look unregistered. What they use
-- of the server is VOLATILE by name only: set_config() within their own SET, sizes of tables, ancestors of partitions, locks.
\set one_snapshot '''marked as STABLE, but expression is VOLATILE|^(Detail: there is a risk|Hint: When you fix this|Context: (at assignment|during statement block))'''
-- A variable or a column of the result that is named found hides the language's own, which our functions ask for as FOUND. One that
-- does both is a finding.
\set named_found '''"found" (is shadowed|shadows)|^Detail: Local auto variable shadows|^Hint: SET plpgsql.extra_warnings TO .shadowed_variables'''
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
CREATE EXTENSION plpgsql_check;
SELECT acct.install() AS installed \gset
-- Functions that schedule jobs use pg_cron: what they use of it, so that their statements can be checked.
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigint, jobname name, schedule text, command text, active boolean, username text, database text);
CREATE TABLE cron.job_run_details (jobid bigint, runid bigint, status text, return_message text, start_time timestamptz, end_time timestamptz);
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql RETURN 1;
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql RETURN true;
-- Those of a cluster use their own tables, and what Citus has of nodes.
SELECT acct._layout_cluster() AS installed \gset
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_node (nodeid integer, groupid integer, nodename text, nodeport integer, noderole text, isactive boolean, shouldhaveshards boolean);
CREATE TABLE pg_catalog.pg_dist_local_group (groupid integer);
CREATE TABLE pg_catalog.pg_dist_placement (shardid bigint, groupid integer);
CREATE FUNCTION pg_catalog.create_distributed_table(table_name regclass, distribution_column text, colocate_with text, shard_count integer) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION pg_catalog.get_shard_id_for_distribution_column(table_name regclass, distribution_value integer) RETURNS bigint LANGUAGE sql RETURN 1;
RESET allow_system_table_mods;
\pset tuples_only on
\pset format unaligned
SELECT p.oid::regprocedure, c
  FROM pg_proc AS p
  JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
 CROSS JOIN LATERAL plpgsql_check_function(p.oid, fatal_errors => false, performance_warnings => false) AS c
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
   AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND c !~ :unknown
   AND NOT (p.provolatile = 's' AND c ~ :one_snapshot)
   AND NOT (p.prosrc !~ '\mFOUND\M' AND c ~ :named_found);
SELECT p.oid::regprocedure, t.tgrelid::regclass, c
  FROM pg_trigger AS t
  JOIN pg_proc AS p ON p.oid = t.tgfoid
 CROSS JOIN LATERAL plpgsql_check_function(p.oid, t.tgrelid, fatal_errors => false, performance_warnings => false) AS c
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
   AND NOT t.tgisinternal AND t.tgparentid = 0
   AND c !~ :unknown;

-- On one path: nothing here depends on it.
-- The roles of acct.install_roles(): what each may do, what it may not, and a month that they do together
\set topic roles
\i test/sql/setup.sql
-- What an interrupted run of this test left; roles that another database knows stay, and the test fails.
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_roles_nobody, regress_roles_writer;
CREATE ROLE regress_roles_nobody;
-- One of them is there already, with rights that it should not have.
CREATE ROLE acct_auditor;
GRANT ALL ON ALL TABLES IN SCHEMA acct TO acct_auditor;
GRANT ALL ON ALL SEQUENCES IN SCHEMA acct TO acct_auditor;
GRANT ALL ON ALL ROUTINES IN SCHEMA acct TO acct_auditor;
SELECT * FROM acct.install_roles();
SELECT * FROM acct.install_roles();
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls FROM pg_roles WHERE rolname ~ '^acct_' ORDER BY 1;
SELECT count(*) AS members FROM pg_auth_members WHERE roleid::regrole::text ~ '^acct_' AND member <> current_user::regrole;

-- Rows to work on: a posted run with staging, an exception, a period, a ledger partition for a large run, an archived month
INSERT INTO acct.currency VALUES ('USD', 2);
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'NOTHING');
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2024-01-01');
CALL public.txn(3, '2024-01-01', 'A');
SELECT public.posted('2024-01-01') IS NOT NULL AS posted;
RESET ledger_engine.run_partition_min_transactions;
SELECT public.close_period('2024-01-01', 'MAIN', 'PRIMARY') AS closed, acct.archive_partition('ledger_entry', '2024-01-01') AS ledger, acct.archive_partition('txn_source_parent', '2024-01-01') AS source;

--
-- The matrix
--
CREATE VIEW public.role AS
SELECT r.rolname::text AS role, r.n FROM unnest(ARRAY['acct_loader', 'acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor', 'acct_bi_reader', 'regress_roles_nobody']) WITH ORDINALITY AS r (rolname, n);
CREATE VIEW public.relation AS
SELECT c.oid AS relation, n.nspname || '.' || c.relname AS name, c.relkind, c.relispartition OR c.relname ~ '_staging_\d+$' AS relispartition
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'ledger_guard') AND c.relkind IN ('r', 'p', 'v');
CREATE VIEW public.relation_right AS
SELECT x.*, r.*, p.privilege, left(p.privilege, 1) AS letter,
       has_schema_privilege(r.role, split_part(x.name, '.', 1), 'USAGE') AND has_table_privilege(r.role, x.relation, p.privilege) AS has
  FROM public.relation AS x, public.role AS r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p (privilege);
CREATE VIEW public.routine AS
SELECT p.oid AS routine, p.proname, p.prokind, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
       p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger, p.proargtypes, p.pronargs
  FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace;
CREATE VIEW public.routine_right AS
SELECT x.*, r.*, has_schema_privilege(r.role, 'acct', 'USAGE') AND has_function_privilege(r.role, x.routine, 'EXECUTE') AS has
  FROM public.routine AS x, public.role AS r;
-- Tables and views: S select, I insert, U update, D delete, T truncate
SELECT name,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_loader') AS loader,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_finance') AS finance,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_approver') AS approver,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_operator') AS operator,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_auditor') AS auditor,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'acct_bi_reader') AS bi_reader,
       string_agg(letter, '' ORDER BY letter <> 'S', privilege) FILTER (WHERE has AND role = 'regress_roles_nobody') AS nobody
  FROM public.relation_right WHERE NOT relispartition GROUP BY name ORDER BY name COLLATE "C";
-- Partitions are the auditor's to read, and nobody's else; also those of archived months.
SELECT role, privilege, split_part(name, '.', 1) AS schema, count(*) FROM public.relation_right WHERE relispartition AND has GROUP BY n, role, privilege, schema ORDER BY n, privilege, schema;
-- Functions and procedures
SELECT proname AS function,
       CASE WHEN bool_or(has AND role = 'acct_loader') THEN 'x' END AS loader, CASE WHEN bool_or(has AND role = 'acct_finance') THEN 'x' END AS finance,
       CASE WHEN bool_or(has AND role = 'acct_approver') THEN 'x' END AS approver, CASE WHEN bool_or(has AND role = 'acct_operator') THEN 'x' END AS operator,
       CASE WHEN bool_or(has AND role = 'acct_auditor') THEN 'x' END AS auditor, CASE WHEN bool_or(has AND role = 'regress_roles_nobody') THEN 'x' END AS nobody
  FROM public.routine_right WHERE proname !~ '^_' GROUP BY routine, proname ORDER BY proname COLLATE "C";
-- Of the internal ones, those that triggers, defaults, views and exports call as their caller
SELECT proname AS internal, count(*) FILTER (WHERE has) AS roles FROM public.routine_right WHERE proname ~ '^_' GROUP BY routine, proname HAVING bool_or(has) ORDER BY proname COLLATE "C";
-- What the server grants by default on a function that is restored without its privileges, install() revokes.
BEGIN;
GRANT EXECUTE ON FUNCTION ledger_guard.allows_loss() TO PUBLIC;
SELECT acct.install();
SELECT has_function_privilege('regress_roles_nobody', 'ledger_guard.allows_loss()', 'EXECUTE') AS by_public;
ROLLBACK;
-- What a role's function calls with the rights of the role, the role may call.
SELECT r.role, string_agg(DISTINCT f.proname, ', ') AS may_not_call
  FROM pg_proc AS p
 CROSS JOIN LATERAL regexp_matches(p.prosrc, 'acct\.(_\w+)\s*\(', 'g') AS m
  JOIN pg_proc AS f ON f.pronamespace = p.pronamespace AND f.proname = m[1]
  JOIN public.role AS r ON r.role ~ '^acct_' AND has_function_privilege(r.role, p.oid, 'EXECUTE') AND NOT has_function_privilege(r.role, f.oid, 'EXECUTE')
 WHERE p.pronamespace = 'acct'::regnamespace AND NOT p.prosecdef GROUP BY r.role ORDER BY r.role;
-- No sequence, no column, nothing else of a table, no right that can be passed on, nothing to PUBLIC; no role owns or makes anything.
SELECT count(*) AS sequence_rights FROM pg_class AS c, public.role AS r
 WHERE c.relnamespace IN ('acct'::regnamespace, 'acct_archive'::regnamespace, 'acct_bi'::regnamespace, 'ledger_guard'::regnamespace) AND c.relkind = 'S' AND has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE');
SELECT count(*) AS column_rights FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace IN ('acct'::regnamespace, 'acct_archive'::regnamespace, 'acct_bi'::regnamespace, 'ledger_guard'::regnamespace) AND a.attacl IS NOT NULL;
SELECT count(*) FILTER (WHERE a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')) AS other_rights, count(*) FILTER (WHERE a.is_grantable) AS grantable, count(*) FILTER (WHERE a.grantee = 0) AS to_public
  FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace IN ('acct'::regnamespace, 'acct_archive'::regnamespace, 'acct_bi'::regnamespace, 'ledger_guard'::regnamespace) AND a.grantee <> c.relowner;
SELECT count(*) AS schema_create FROM public.role AS r, unnest(ARRAY['acct', 'acct_archive', 'acct_bi', 'ledger_guard']) AS s WHERE has_schema_privilege(r.role, s, 'CREATE');
SELECT count(*) AS owned FROM pg_shdepend AS d WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass AND d.refobjid::regrole::text ~ '^acct_';

--
-- The matrix tried: each function called, each table touched, as each role
--
-- Executes a statement as a role and takes it back; says how it went.
CREATE FUNCTION public.tried(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'XXDON';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN CASE WHEN state = '42501' AND message LIKE 'permission denied for %' THEN 'denied' WHEN state = 'XXDON' THEN 'done' ELSE state END;
END
$$;
-- A call with NULLs that no planner folds away
CREATE FUNCTION public.call_of(r public.routine) RETURNS text LANGUAGE sql AS $$
    SELECT CASE r.prokind
           WHEN 'p' THEN format('CALL acct.%I(%s)', r.proname, (SELECT string_agg(format('NULL::%s', t::regtype), ', ' ORDER BY n) FROM unnest(r.proargtypes::oid[]) WITH ORDINALITY AS u (t, n)))
           ELSE format('SELECT acct.%I(%s) FROM (SELECT 1%s OFFSET 0) AS x', r.proname, (SELECT string_agg('x.a' || n, ', ' ORDER BY n) FROM generate_series(1, r.pronargs) AS n),
                       (SELECT string_agg(format(', NULL::%s AS a%s', t::regtype, n), '' ORDER BY n) FROM unnest(r.proargtypes::oid[]) WITH ORDINALITY AS u (t, n))) END
$$;
CREATE TABLE public.call AS
SELECT x.role, x.proname, x.name, x.has, public.tried(x.role, public.call_of(p)) AS outcome
  FROM public.routine_right AS x JOIN public.routine AS p USING (routine);
SELECT count(*) > 500 AS enough, count(*) FILTER (WHERE has) AS may, count(*) FILTER (WHERE outcome = 'denied') = count(*) FILTER (WHERE NOT has) AS others_denied FROM public.call;
SELECT * FROM public.call WHERE has = (outcome = 'denied') ORDER BY role, name;
-- Nobody may fails for a reason that has to do with rights: what is called with NULL has arguments to complain of, or does nothing.
SELECT outcome, count(*) FROM public.call WHERE has GROUP BY outcome ORDER BY outcome;

CREATE FUNCTION public.statement_of(relation text, privilege text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE privilege
           WHEN 'SELECT' THEN format('SELECT FROM %s', relation)
           WHEN 'INSERT' THEN format('INSERT INTO %s DEFAULT VALUES', relation)
           WHEN 'UPDATE' THEN format('UPDATE %s SET %I = DEFAULT WHERE false', relation, (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = relation::regclass AND a.attnum = 1))
           WHEN 'DELETE' THEN format('DELETE FROM %s WHERE false', relation)
           ELSE format('TRUNCATE %s', relation) END
$$;
CREATE TABLE public.touch AS
SELECT x.role, x.name, x.relkind, x.privilege, x.has, public.tried(x.role, public.statement_of(x.name, x.privilege)) AS outcome
  FROM public.relation_right AS x WHERE x.relkind <> 'v' OR x.privilege = 'SELECT';
SELECT count(*) > 500 AS enough, count(*) FILTER (WHERE outcome = 'denied') = count(*) FILTER (WHERE NOT has) AS others_denied FROM public.touch;
SELECT * FROM public.touch WHERE has = (outcome = 'denied') ORDER BY role, name, privilege;
SELECT privilege, outcome, count(*) FROM public.touch WHERE has GROUP BY 1, 2 ORDER BY 1, 2;
-- Nobody but a superuser writes around the functions; and the superuser does not write the ledger.
SELECT count(*) AS can_write FROM public.touch
 WHERE (name ~ '^ledger_guard|^acct_archive|staging|ledger_entry|snapshot|journal_run|je_exception|run_log|journal_number|ledger_book|engine_layout|accounting_period|txn_batch|template_audit') AND privilege <> 'SELECT' AND outcome <> 'denied';
SELECT s.privilege, public.tried(session_user, public.statement_of('acct.ledger_entry_line', s.privilege)) AS superuser FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS s (privilege);

--
-- A month: each does its part, and is refused the others'
--
\set VERBOSITY terse
SET SESSION AUTHORIZATION acct_loader;
COPY acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) FROM stdin (FORMAT csv);
10,2025-02-01,2025-02-03,FEE,P,C,100,100
11,2025-02-01,2025-02-04,FEE,P,C,250.50,250.50
12,2025-02-01,2025-02-05,FEE,P,C,9,9
\.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
VALUES (13, '2025-02-01', '2025-02-06', 'FEE', 'P', 'C', 'EUR', 5, 5);
SELECT count(*) AS loaded FROM acct.txn_source_parent AS s JOIN acct.txn_batch AS b USING (batch_id) WHERE b.loaded_by = 'acct_loader';
-- What no run took can be loaded again.
SELECT acct.delete_batch(s.batch_id, ARRAY[12]) AS deleted FROM acct.txn_source_parent AS s WHERE s.txn_id = 12;
DELETE FROM acct.txn_source_parent WHERE txn_id = 11;
-- Nobody is locked out of the source.
BEGIN;
LOCK TABLE acct.txn_source_parent IN ACCESS EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK TABLE acct.txn_source_parent IN SHARE MODE;
ROLLBACK;
SELECT FROM acct.txn_source_parent WHERE txn_id = 11 FOR UPDATE;
UPDATE acct.txn_source_parent SET gross_amount = 1 WHERE txn_id = 11;
TRUNCATE acct.txn_source_parent;
INSERT INTO acct.txn_source_2025_02 SELECT * FROM acct.txn_source_parent WHERE false;
INSERT INTO acct.journal_template (template_code) VALUES ('FEE');
SELECT acct.approve_template('FEE', 1);
SELECT acct.create_run('2025-02-01');
SELECT count(*) FROM acct.ledger_entry_header;

SET SESSION AUTHORIZATION acct_finance;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund) VALUES ('4100', 'Fees', 'INCOME', 'F1');
SELECT acct.create_release('Fees') AS release \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, fund) VALUES (:release, 'insert', '4100', 'Fees', 'INCOME', 'F1');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:release, 'insert', 'P', '4000', 'F1', '4100', 'F1');
SELECT acct.submit_release(:release);
SELECT acct.approve_release(:release);
INSERT INTO acct.journal_template (template_code, description) VALUES ('FEE', 'Fees received');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('FEE', 1, 'FEE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
VALUES ('FEE', 1, 'DR', '1000', 'F1', ':gross_amount', false), ('FEE', 2, 'CR', '4000', 'F1', NULL, true);
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P', '4000', 'F1', '4100', 'F1');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('FEE', 3, 'DR', '1000', 'F1', 'now()');
SELECT count(*) AS problems FROM acct.check_template('FEE', 1);
SELECT acct.submit_template('FEE', 1);
SELECT acct.approve_template('FEE', 1);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount) VALUES (14, '2025-02-01', '2025-02-06', 'FEE', 'P', 'C', 0);
SELECT acct.create_run('2025-02-01');
SELECT acct.reopen_period('2025-02-01', 'MAIN', 'PRIMARY');
UPDATE acct.template_audit SET changed_by = 'nobody';
DELETE FROM acct.chart_of_accounts;

SET SESSION AUTHORIZATION acct_approver;
SELECT table_name, operation, row_key, new_values FROM acct.release_changes WHERE release_id = :release;
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F9', 'Mine', 'OTHER');
SELECT acct.create_release('Mine');
SELECT acct.approve_release(:release) AS changes;
SELECT template_code, version, status, maker FROM acct.journal_template WHERE template_code = 'FEE';
SELECT acct.return_template('FEE', 1);
UPDATE acct.journal_template SET description = 'Fees' WHERE template_code = 'FEE';
SELECT acct.submit_template('FEE', 1);
SET SESSION AUTHORIZATION acct_finance;
UPDATE acct.journal_template SET description = 'Fees of policies' WHERE template_code = 'FEE';
SELECT acct.submit_template('FEE', 1);
SET SESSION AUTHORIZATION acct_approver;
SELECT acct.approve_template('FEE', 1);
INSERT INTO acct.fund VALUES ('F9', 'Mine', 'OTHER');
SELECT acct.run_month('2025-02-01');
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY');

SET SESSION AUTHORIZATION acct_operator;
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(1, '2025-02-01');
CALL acct.process_month('2025-02-01', 'feb-1') \gset
SELECT status, journals, exceptions, debit, created_by, expanded_by, posted_by FROM acct.journal_run WHERE run_key = 'feb-1';
SELECT txn_id, reason FROM acct.je_exception WHERE run_id = (SELECT run_id FROM acct.journal_run WHERE run_key = 'feb-1');
UPDATE acct.je_exception SET voided_at = now();
UPDATE acct.journal_run SET status = 'posted';
DELETE FROM acct.run_log;
INSERT INTO acct.journal_template (template_code) VALUES ('MINE');
SELECT acct.approve_template('FEE', 1);
SELECT acct.reopen_period('2025-02-01', 'MAIN', 'PRIMARY');
SELECT acct.add_dimension('cohort', 'text');
SELECT count(*) FROM acct.ledger_entry_line;
-- A reversal is made by the operator and posted by an approver, who posts nothing else.
BEGIN;
SELECT acct.reverse_run('feb-1', '2025-02-28', 'Wrong rules') AS back \gset
SELECT journals FROM acct.expand_journals(:back);
SAVEPOINT made;
SELECT acct.post_journals(:back);
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_auditor;
SELECT count(*) AS failed FROM acct.validate_run(:back) WHERE NOT passed;
SET SESSION AUTHORIZATION acct_approver;
SELECT count(*) AS failed FROM acct.validate_run(:back) WHERE NOT passed;
SELECT count(*) AS seen FROM acct.run_staging WHERE run_id = :back;
SELECT journals FROM acct.post_journals(:back);
SELECT status FROM acct.journal_run WHERE run_key = 'feb-1';
SAVEPOINT posted;
SELECT acct.reverse_run('feb-1', '2025-02-28', 'Wrong rules');
ROLLBACK TO posted;
SELECT acct.rebook_run(:back);
ROLLBACK TO posted;
-- What is booked again is a run of transactions, the operator's.
SET SESSION AUTHORIZATION acct_operator;
SELECT acct.rebook_run(:back) AS rebooked \gset
SELECT journals, exceptions FROM acct.expand_journals(:rebooked);
SELECT count(*) AS failed FROM acct.validate_run(:rebooked) WHERE NOT passed;
SELECT journals FROM acct.post_journals(:rebooked);
SELECT acct.create_run('2025-02-01', 'nothing') AS nothing \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:nothing);
SET SESSION AUTHORIZATION acct_approver;
SELECT acct.post_journals(:nothing);
ROLLBACK;
SET SESSION AUTHORIZATION acct_operator;
-- So is a correction, which finance previews; here it finds nothing to correct.
BEGIN;
SELECT acct.correct_run('feb-1', '2025-02-28', 'A look') AS look \gset
SELECT journals FROM acct.expand_journals(:look);
SAVEPOINT made;
SELECT acct.post_journals(:look);
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_finance;
SELECT count(*) AS accounts FROM acct.preview_correction('feb-1');
SELECT acct.correct_run('feb-1', '2025-02-28', 'A look');
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_auditor;
SELECT acct.preview_correction('feb-1');
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_approver;
SELECT count(*) AS posted FROM acct.post_journals(:look);
ROLLBACK;
-- A manual journal is entered by finance, and posted by an approver, with its reversal; nobody else has to do with it.
BEGIN;
SET SESSION AUTHORIZATION acct_finance;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on) VALUES ('MAIN', '2025-02-27', 'IDR', 'Accrual', '2025-02-28') RETURNING journal_id \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:journal_id, '1000', 'F1', 7, 0), (:journal_id, '4000', 'F1', 0, 7);
SELECT acct.submit_manual_journal(:journal_id) IS NOT NULL AS submitted;
SAVEPOINT made;
SELECT acct.approve_manual_journal(:journal_id);
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_operator;
SELECT acct.approve_manual_journal(:journal_id);
ROLLBACK TO made;
SET SESSION AUTHORIZATION acct_approver;
SELECT journal_type, je_date FROM acct.approve_manual_journal(:journal_id);
ROLLBACK;
SET SESSION AUTHORIZATION acct_operator;
-- Finance proposes the currency, and it is approved; the exception is taken up step by step, and the period closed.
SET SESSION AUTHORIZATION acct_finance;
INSERT INTO acct.currency VALUES ('EUR', 2);
SELECT acct.create_release('Euro') AS release \gset
INSERT INTO acct.currency_draft (release_id, operation, currency) VALUES (:release, 'insert', 'EUR');
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION acct_approver;
SELECT acct.approve_release(:release) AS changes;
SET SESSION AUTHORIZATION acct_operator;
SELECT acct.reprocess_exceptions((SELECT run_id FROM acct.journal_run WHERE run_key = 'feb-1')) AS again \gset
SELECT journals, exceptions FROM acct.expand_journals(:again);
SELECT total_debit, currency, is_posted FROM acct.run_staging WHERE run_id = :again;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:again);
SELECT journals, debit FROM acct.post_journals(:again);
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY');
-- What stands against closing a month is waived by an approver, and by nobody else.
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', ARRAY(SELECT c.finding FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY') AS c), 'Known');
SET SESSION AUTHORIZATION acct_approver;
SELECT acct.close_period('2025-02-01', 'MAIN', 'PRIMARY', ARRAY(SELECT c.finding FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY') AS c), 'Known');
SET SESSION AUTHORIZATION acct_operator;
-- An exception that needs no journal is waived by an approver, and by nobody else.
SELECT acct.waive_exception(run_id, txn_id, basis, 'not needed') FROM acct.je_exception WHERE txn_month = '2025-01-01';
SET SESSION AUTHORIZATION acct_finance;
SELECT acct.waive_exception(run_id, txn_id, basis, 'not needed') FROM acct.je_exception WHERE txn_month = '2025-01-01';
SET SESSION AUTHORIZATION acct_approver;
SELECT acct.waive_exception(run_id, txn_id, basis, 'not needed') FROM acct.je_exception WHERE txn_month = '2025-01-01';
SELECT txn_id, basis, waived_by, waive_reason FROM acct.je_exception WHERE txn_month = '2025-01-01';
SELECT acct.revoke_waiver(run_id, txn_id, basis) FROM acct.je_exception WHERE txn_month = '2025-01-01';

SET SESSION AUTHORIZATION acct_auditor;
SELECT fund, account_code, currency, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-02-01') WHERE period_debit + period_credit > 0;
SELECT count(*) AS journals, sum(total_debit) AS debit FROM acct.fund_journal WHERE je_date >= '2025-02-01';
SELECT bool_and(acct.run_digest(r.run_id) = r.digest) AS untouched FROM acct.journal_run AS r WHERE r.status = 'posted';
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted';
SELECT (SELECT count(*) FROM acct_archive.ledger_entry_header_2024_01) AS archived_journals, (SELECT count(*) FROM acct_archive.ledger_entry_line_2024_01) AS archived_lines,
       (SELECT sum(gross_amount) FROM acct_archive.txn_source_2024_01) AS archived_gross;
-- Partitions and staging that were made after the grant are the auditor's to read too.
SELECT count(*) AS lines FROM acct.ledger_entry_line_2025_02;
SELECT count(*) > 0 AS protected FROM ledger_guard.protected WHERE has_posted;
SELECT count(DISTINCT changed_by) AS editors FROM acct.template_audit WHERE row_key ->> 'template_code' = 'FEE';
SELECT acct.post_journals(:again);
SELECT acct.discard_run(:again);
SELECT acct.update_balance_snapshot();
SELECT acct.reopen_period('2025-02-01', 'MAIN', 'PRIMARY');
UPDATE ledger_guard.protected SET has_posted = false;
DELETE FROM acct.ledger_entry_line_2025_02;
DELETE FROM acct_archive.ledger_entry_line_2024_01;
INSERT INTO acct.ledger_entry_header SELECT * FROM acct.ledger_entry_header;
SELECT nextval('acct.je_id_seq');

SET SESSION AUTHORIZATION acct_approver;
SELECT acct.reopen_period('2025-02-01', 'MAIN', 'PRIMARY');
SELECT acct.retire_template('FEE', 1, '2096-01-01');
SET SESSION AUTHORIZATION regress_roles_nobody;
SELECT acct.month_end('2025-02-01');
SELECT count(*) FROM acct.currency;
SELECT acct.install_roles();
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
-- Installing again takes back what was granted besides, and gives what was taken; members keep their membership.
GRANT acct_operator TO regress_roles_nobody;
GRANT UPDATE ON acct.journal_run, acct_archive.ledger_entry_line_2024_01 TO acct_operator;
REVOKE SELECT ON ALL TABLES IN SCHEMA acct_archive FROM acct_auditor, acct_loader;
GRANT EXECUTE ON FUNCTION acct.install() TO acct_loader;
REVOKE EXECUTE ON FUNCTION acct.create_run(date, text, jsonb) FROM acct_operator;
SELECT count(*) FILTER (WHERE created) AS created FROM acct.install_roles();
SELECT has_table_privilege('acct_operator', 'acct.journal_run', 'UPDATE') AS granted_besides, has_table_privilege('acct_operator', 'acct_archive.ledger_entry_line_2024_01', 'UPDATE') AS in_the_archive, has_function_privilege('acct_loader', 'acct.install()', 'EXECUTE') AS besides_too,
       has_function_privilege('acct_operator', 'acct.create_run(date, text, jsonb)', 'EXECUTE') AS taken, pg_has_role('regress_roles_nobody', 'acct_operator', 'MEMBER') AS is_member;
SELECT role, privilege, count(*) FROM public.relation_right WHERE name ~ '^acct_archive' AND role <> 'regress_roles_nobody' AND has GROUP BY n, role, privilege ORDER BY n, privilege;

--
-- A member of pg_write_all_data, which only a superuser grants, writes any table. The ledger takes rows then, and changes none; what was written shows.
--
CREATE ROLE regress_roles_writer IN ROLE pg_read_all_data, pg_write_all_data;
SELECT t.name, public.tried('regress_roles_writer', public.statement_of(t.name, 'INSERT')) AS "insert", public.tried('regress_roles_writer', public.statement_of(t.name, 'UPDATE')) AS "update",
       public.tried('regress_roles_writer', public.statement_of(t.name, 'DELETE')) AS "delete", public.tried('regress_roles_writer', public.statement_of(t.name, 'TRUNCATE')) AS "truncate"
  FROM unnest(ARRAY['acct.je_header_staging', 'acct.je_line_staging', 'acct.ledger_entry_header', 'acct.ledger_entry_line', 'acct.ledger_entry_line_2025_02', 'acct_archive.ledger_entry_header_2024_01',
                    'acct_archive.ledger_entry_line_2024_01', 'acct_archive.txn_source_2024_01', 'acct.account_balance_snapshot', 'acct.journal_run', 'acct.template_audit', 'ledger_guard.protected']) AS t (name);
CALL public.txn(20, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'open') AS open \gset
SELECT run_id AS feb FROM acct.journal_run WHERE run_key = 'feb-1' \gset
SELECT count(*) AS different FROM acct.check_balance_snapshot();
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_roles_writer;
INSERT INTO acct.ledger_entry_line SELECT (jsonb_populate_record(l, jsonb_build_object('line_no', l.line_no + 50))).* FROM acct.ledger_entry_line AS l WHERE l.run_id = :feb AND txn_id = 10;
RESET SESSION AUTHORIZATION;
SELECT r.digest = acct.run_digest(r.run_id) AS untouched FROM acct.journal_run AS r WHERE r.run_id = :feb;
SELECT string_agg(v.check_name, ', ' ORDER BY v.check_name) AS failed FROM acct.validate_run(:feb) AS v WHERE NOT v.passed;
SELECT count(*) AS different FROM acct.check_balance_snapshot();
ROLLBACK;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_roles_writer;
UPDATE acct.je_line_staging SET debit = debit * 2, credit = credit * 2 WHERE run_id = :open;
RESET SESSION AUTHORIZATION;
SELECT string_agg(v.check_name, ', ' ORDER BY v.check_name) AS failed FROM acct.validate_run(:open) AS v WHERE NOT v.passed;
SELECT acct.post_journals(:open);
ROLLBACK;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_roles_writer;
UPDATE acct.account_balance_snapshot SET opening_balance = opening_balance + 1, closing_balance = closing_balance + 1 WHERE snapshot_month = '2025-02-01';
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS different FROM acct.check_balance_snapshot();
ROLLBACK;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_roles_writer;
INSERT INTO acct_archive.ledger_entry_line_2024_01 SELECT (jsonb_populate_record(l, jsonb_build_object('line_no', l.line_no + 50))).* FROM acct_archive.ledger_entry_line_2024_01 AS l;
RESET SESSION AUTHORIZATION;
\set VERBOSITY terse
SELECT acct.restore_partition('ledger_entry', '2024-01-01');
\set VERBOSITY default
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_roles_nobody, regress_roles_writer;

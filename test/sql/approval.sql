-- On one path: nothing here depends on it.
-- What is approved is what the approver saw: its SHA-256, and who counts as an editor of it
\set topic approval
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_approval_maker, regress_approval_renamed, regress_approval_other, regress_approval_approver;
CREATE ROLE regress_approval_maker;
CREATE ROLE regress_approval_other;
CREATE ROLE regress_approval_approver;
GRANT USAGE ON SCHEMA acct TO regress_approval_maker, regress_approval_other, regress_approval_approver;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.journal_template, acct.journal_template_match, acct.journal_template_line TO regress_approval_maker, regress_approval_other;
GRANT SELECT ON acct.template_content TO regress_approval_other, regress_approval_approver;
SELECT format('GRANT EXECUTE ON FUNCTION %s TO regress_approval_maker, regress_approval_other, regress_approval_approver', p.oid::regprocedure) AS statement
  FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace AND p.proname ~ '^(submit|return|approve|retire|new)_template' ORDER BY 1
\gexec
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_approval_maker;
-- No row of a version without the version: neither before it is there, nor from the same statement.
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('FEE', 9, 'DR', '1000', 'F1', ':gross_amount * 1000');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('FEE', 9, 'FEE');
COPY acct.journal_template_match (template_code, match_no, txn_type) FROM stdin (FORMAT csv);
FEE,9,FEE
\.
INSERT INTO acct.journal_template (template_code, description) VALUES ('FEE', 'Fee');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('FEE', 1, 'FEE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
VALUES ('FEE', 1, 'DR', '1000', 'F1', ':gross_amount', false, 'Fee'), ('FEE', 2, 'CR', '2000', 'F1', NULL, true, NULL);
UPDATE acct.journal_template_line SET template_code = 'GONE' WHERE template_code = 'FEE';
-- Expressions are checked with the editor's rights.
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr) VALUES ('FEE', 3, 'DR', '1000', 'F1', '1', 'now() > NULL');
RESET SESSION AUTHORIZATION;
-- The SHA-256 is that of the content's text, whatever the session's settings; drafts have one, and no approved one.
SELECT status, approved_sha256, unchanged, content_sha256 = encode(sha256(convert_to(content::text, 'UTF8')), 'hex') AS of_its_text, content FROM acct.template_content WHERE template_code = 'FEE';
SELECT content_sha256 AS seen FROM acct.template_content WHERE template_code = 'FEE' \gset
SET datestyle = 'German';
SET bytea_output = 'escape';
SELECT content_sha256 = :'seen' AS same FROM acct.template_content WHERE template_code = 'FEE';
SET datestyle = 'ISO, YMD';
RESET bytea_output;
-- Each column that has a meaning changes it.
CREATE FUNCTION public.differs(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen text := (SELECT content_sha256 FROM acct.template_content WHERE template_code = 'FEE');
    differs boolean;
BEGIN
    EXECUTE statement;
    differs := (SELECT content_sha256 FROM acct.template_content WHERE template_code = 'FEE') <> seen;
    RAISE EXCEPTION USING ERRCODE = 'XXDON';
EXCEPTION WHEN SQLSTATE 'XXDON' THEN
    RETURN differs;
END
$$;
SELECT t.name, string_agg(c.attname, ' ' ORDER BY c.attnum) FILTER (WHERE d) AS differs, string_agg(c.attname, ' ' ORDER BY c.attnum) FILTER (WHERE NOT d) AS same
  FROM unnest(ARRAY['journal_template', 'journal_template_match', 'journal_template_line']) AS t (name)
  JOIN pg_attribute AS c ON c.attrelid = format('acct.%I', t.name)::regclass AND c.attnum > 0 AND NOT c.attisdropped AND c.attname NOT IN ('template_code', 'version', 'status'),
       LATERAL (SELECT public.differs(format('SET LOCAL ledger_engine.maintenance = on; ALTER TABLE acct.journal_template DROP CONSTRAINT chk_template_type, DROP CONSTRAINT chk_negative_policy, DROP CONSTRAINT journal_template_basis_fkey; '
                                             'ALTER TABLE acct.journal_template_line DROP CONSTRAINT chk_dr_cr, DROP CONSTRAINT chk_line_amount, DROP CONSTRAINT chk_balancing_condition; DROP INDEX acct.journal_template_line_balancing_idx; UPDATE acct.%I SET %I = %s WHERE template_code = ''FEE'' %s', t.name, c.attname,
                   CASE WHEN c.atttypid = 'boolean'::regtype THEN format('NOT %I', c.attname) WHEN c.atttypid IN ('integer'::regtype, 'smallint'::regtype, 'bigint'::regtype) THEN format('coalesce(%I, 0) + 7', c.attname)
                        WHEN c.atttypid = 'date'::regtype THEN '''2025-12-31''' WHEN c.attname ~ '_expr$' THEN CASE c.attname WHEN 'amount_expr' THEN '''1''' ELSE '''true''' END WHEN c.atttypid = 'timestamptz'::regtype THEN 'now()' ELSE '''x''' END,
                   CASE WHEN t.name ~ 'line' THEN 'AND line_no = 1' END)) AS d) AS x
 WHERE c.attname <> 'release_id' GROUP BY t.name ORDER BY t.name;

--
-- Between the look and the approval
--
SET SESSION AUTHORIZATION regress_approval_maker;
SELECT acct.submit_template('FEE', 1);
SET SESSION AUTHORIZATION regress_approval_approver;
SELECT content_sha256 AS seen FROM acct.template_content WHERE template_code = 'FEE' AND status = 'submitted' \gset
SET SESSION AUTHORIZATION regress_approval_other;
SELECT acct.return_template('FEE', 1);
UPDATE acct.journal_template_line SET amount_expr = ':gross_amount * 1000' WHERE template_code = 'FEE' AND line_no = 1;
SELECT acct.submit_template('FEE', 1);
SET SESSION AUTHORIZATION regress_approval_approver;
\set VERBOSITY terse
SELECT acct.approve_template('FEE', 1, :'seen');
SELECT acct.approve_template('FEE', 1, '');
-- The editor who came after the maker does not approve either.
SET SESSION AUTHORIZATION regress_approval_other;
SELECT acct.approve_template('FEE', 1, content_sha256) FROM acct.template_content WHERE template_code = 'FEE';
-- By another name, the maker is the maker; also where somebody else has got the name since.
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_approval_maker RENAME TO regress_approval_renamed;
SET SESSION AUTHORIZATION regress_approval_renamed;
SELECT acct.approve_template('FEE', 1);
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_approval_maker;
SET SESSION AUTHORIZATION regress_approval_renamed;
SELECT acct.approve_template('FEE', 1);
-- Nor by another role that the session takes.
RESET SESSION AUTHORIZATION;
GRANT regress_approval_approver TO regress_approval_renamed;
SET SESSION AUTHORIZATION regress_approval_renamed;
SET ROLE regress_approval_approver;
SELECT acct.approve_template('FEE', 1);
RESET ROLE;
SET SESSION AUTHORIZATION regress_approval_approver;
SELECT upper(content_sha256) AS seen FROM acct.template_content WHERE template_code = 'FEE' AND status = 'submitted' \gset
SELECT acct.approve_template('FEE', 1, :'seen');
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT status, approved_sha256 = content_sha256 AS same, unchanged FROM acct.template_content WHERE template_code = 'FEE';
-- No approval by hand.
INSERT INTO acct.journal_template (template_code, approved_sha256) VALUES ('X', 'x');
-- What a superuser changes past the triggers shows.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_template_line SET amount_expr = '1' WHERE template_code = 'FEE' AND line_no = 1;
SELECT status, unchanged FROM acct.template_content WHERE template_code = 'FEE';
ROLLBACK;

--
-- Retiring only shortens
--
SELECT acct.retire_template('FEE', 1, '2000-01-01');
SELECT acct.retire_template('FEE', 1, '1999-12-31');
CALL public.policy('FEE', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"effective_from": "2095-07-01", "effective_to": "2096-01-01"}');
-- Days that are past, or in a month that is closed, need a second person; today does not, whatever the session's time zone.
\set VERBOSITY sqlstate
SELECT acct.retire_template('FEE', 1, '2000-01-02'); :why
SELECT acct.retire_template('FEE', 1, current_date - 1); :why
BEGIN;
SET LOCAL timezone = 'Etc/GMT+12';
SELECT acct.retire_template('FEE', 1, (clock_timestamp() AT TIME ZONE 'UTC')::date - 1); :why
ROLLBACK;
BEGIN;
SELECT acct.retire_template('FEE', 1, (clock_timestamp() AT TIME ZONE 'UTC')::date);
ROLLBACK;
BEGIN;
INSERT INTO acct.accounting_period VALUES ('MAIN', 'PRIMARY', '2090-03-01', false), ('MAIN', 'PRIMARY', '2091-03-01', true);
SAVEPOINT a;
SELECT acct.retire_template('FEE', 1, '2090-03-31'); :why
ROLLBACK TO a;
\set VERBOSITY default
SELECT acct.retire_template('FEE', 1, '2090-03-31');
ROLLBACK TO a;
SELECT acct.retire_template('FEE', 1, '2090-04-01');
ROLLBACK;
BEGIN;
SELECT public.retire('FEE', 1, '2000-01-02');
SELECT status, effective_to FROM acct.journal_template WHERE template_code = 'FEE' AND version = 1;
ROLLBACK;
SELECT acct.retire_template('FEE', 2, '2096-01-02');
SELECT acct.retire_template('FEE', 2, '9999-01-01');
-- The older version, which has no end, would hold again.
SELECT acct.retire_template('FEE', 2, '2095-12-31');
-- Without a gap to cover it may be.
SELECT acct.retire_template('FEE', 1, '2095-07-01');
SELECT acct.retire_template('FEE', 2, '2095-12-31');
SELECT version, status, effective_from, effective_to, approved_effective_to FROM acct.journal_template WHERE template_code = 'FEE' ORDER BY version;
SELECT version, status, unchanged FROM acct.template_content WHERE template_code = 'FEE' ORDER BY version;
-- An end that was put off past the functions shows.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_template SET effective_to = '2097-01-01' WHERE template_code = 'FEE' AND version = 2;
SELECT unchanged FROM acct.template_content WHERE template_code = 'FEE' AND version = 2;
ROLLBACK;
-- A draft goes with its rows.
SELECT acct.new_template_version('FEE', '2026-01-01') AS version \gset
DELETE FROM acct.journal_template WHERE template_code = 'FEE' AND version = :version;
SELECT count(*) AS lines FROM acct.journal_template_line WHERE template_code = 'FEE' AND version = :version;

--
-- Numbers of versions end
--
INSERT INTO acct.journal_template (template_code, version) VALUES ('LAST', 2147483647);
INSERT INTO acct.journal_template (template_code, version) VALUES ('LAST', 1000001);
INSERT INTO acct.journal_template (template_code, version) VALUES ('LAST', 1000000);
SELECT acct.new_template_version('LAST', '2025-01-01');
SELECT acct.new_template_version('FEE', NULL);
-- One that is there already
ALTER TABLE acct.journal_template DISABLE TRIGGER journal_template_life;
UPDATE acct.journal_template SET version = 2147483647 WHERE template_code = 'LAST';
ALTER TABLE acct.journal_template ENABLE TRIGGER journal_template_life;
SELECT acct.new_template_version('LAST', '2025-01-01');

--
-- Isolation levels that do not see what others commit; the clock of the audit trail
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.submit_template('LAST', 1);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT acct.approve_template('LAST', 1);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.return_template('LAST', 1);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.retire_template('LAST', 1, '2025-01-01');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.new_template_version('FEE', '2025-01-01');
ROLLBACK;
BEGIN;
SELECT clock_timestamp() AS before, now() AS began \gset
UPDATE acct.fund SET name = name || '.' WHERE fund = 'F1';
INSERT INTO acct.journal_template (template_code) VALUES ('CLOCK');
SELECT at > :'before' AND at > :'began' AND at <= clock_timestamp() AS by_the_clock, changed_by_role = format('%s/%s', quote_ident(session_user)::regrole::oid, (pg_control_system()).system_identifier) AS by_identifier
  FROM acct.template_audit ORDER BY audit_id DESC LIMIT 2;
SELECT made_at > :'began' AS by_the_clock FROM acct.journal_template WHERE template_code = 'CLOCK';
COMMIT;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_approval_maker, regress_approval_renamed, regress_approval_other, regress_approval_approver;

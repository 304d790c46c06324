-- On one path: nothing here depends on it.
-- Releases: two people for every row of policy, all or nothing
\set topic release
\i test/sql/setup.sql
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_release_maker, regress_release_editor, regress_release_approver, regress_release_both;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_release_maker IN ROLE acct_finance;
CREATE ROLE regress_release_editor IN ROLE acct_finance;
CREATE ROLE regress_release_approver IN ROLE acct_approver;
CREATE ROLE regress_release_both IN ROLE acct_finance, acct_approver;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, parent_account_code) VALUES ('1001', 'Petty cash', 'ASSET', NULL, '1000'), ('1002', 'Safe', 'ASSET', NULL, '1000');
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P', NULL, '4000', 'F1', '3000', 'F1'), ('P', 'BANK', '4000', 'F1', '3000', 'F2');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"effective_from": "2025-02-01"}');
CALL public.txn(1, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
INSERT INTO acct.accounting_basis (basis, description) VALUES ('OLD', 'No longer used');

--
-- Nobody writes what is approved, but the superuser
--
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_release_both;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('6000', 'Mine', 'ASSET');
UPDATE acct.chart_of_accounts SET is_postable = false;
UPDATE acct.currency SET minor_units = 0;
UPDATE acct.fund SET name = 'Mine';
DELETE FROM acct.product_account_map;
INSERT INTO acct.entity (entity_code) VALUES ('MINE');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('MINE', 'Mine');
INSERT INTO acct.policy_release (title, status) VALUES ('Mine', 'approved');

--
-- A release is drafted
--
SET SESSION AUTHORIZATION regress_release_maker;
\set VERBOSITY default
SELECT acct.create_release('');
SELECT acct.create_release(NULL);
INSERT INTO acct.fund_draft (release_id, operation, fund) VALUES (1, 'insert', 'F3');
SELECT acct.create_release('New funds', 'Asked for by the board') AS release \gset
SELECT release_id, title, note, status, maker, approver FROM acct.policy_release;
SELECT * FROM acct.check_release(:release);
SELECT acct.submit_release(:release);
INSERT INTO acct.currency_draft (release_id, operation, currency, minor_units) VALUES (:release, 'INSERT', 'EUR', 2);
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F3', 'Third', 'OTHER');
-- What is left out: of insert the defaults, of update and delete what is approved. NULL is set by an UPDATE.
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, fund, parent_account_code) VALUES (:release, 'insert', '1100', 'Cash of the third fund', 'ASSET', 'F3', '1101');
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, is_postable) VALUES (:release, 'insert', '1101', 'Cash of funds', 'ASSET', false);
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description) VALUES (:release, 'update', '1000', 'Bank');
INSERT INTO acct.chart_of_accounts_draft SELECT :release, 'update', a.* FROM acct.chart_of_accounts AS a WHERE a.account_code = '1001';
UPDATE acct.chart_of_accounts_draft SET parent_account_code = '1101', effective_to = '2030-01-01' WHERE account_code = '1001';
UPDATE acct.chart_of_accounts_draft SET parent_account_code = NULL, description = NULL WHERE account_code = '1001';
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code) VALUES (:release, 'delete', '1002');
INSERT INTO acct.accounting_basis_draft (release_id, operation, basis) VALUES (:release, 'delete', 'OLD');
INSERT INTO acct.entity_draft (release_id, operation, entity_code, name, functional_currency) VALUES (:release, 'insert', 'BRANCH', 'Branch', 'EUR');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:release, 'insert', 'Q', '1000', 'F3', '1100', 'F3');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, effective_from, mapped_account_code) VALUES (:release, 'update', 'P', '4000', 'F1', '2000-01-01', '5000');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, channel, account_code, fund, effective_from) VALUES (:release, 'delete', 'P', 'BANK', '4000', 'F1', '2000-01-01');
-- A template that uses what the release brings; and the cancellation of a version
INSERT INTO acct.journal_template (template_code, description, release_id) VALUES ('NEW', 'New', :release);
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('NEW', 1, 'NEW');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing) VALUES ('NEW', 1, 'DR', '1100', 'F3', ':gross_amount', false), ('NEW', 2, 'CR', '4000', 'F3', NULL, true);
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'A', 2, '2025-02-01');
SELECT table_name, operation, row_key, old_values, new_values, outdated FROM acct.release_changes WHERE release_id = :release AND table_name <> 'journal_template';
SELECT table_name, operation, row_key, old_values, new_values -> 'lines' IS NOT NULL AS content, outdated FROM acct.release_changes WHERE release_id = :release AND table_name = 'journal_template';
-- What no draft may say
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:release, 'insert', 'P', '4000', 'F1', '1100', 'F3');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F1', 'First', 'OTHER');
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:release, 'update', 'NOSUCH', 'Such');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund) VALUES (:release, 'delete', 'P', '4000', 'F2');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'replace', 'F4', 'Fourth', 'OTHER');
INSERT INTO acct.fund_draft (release_id, operation, fund, fund_type) VALUES (:release, 'insert', 'F4', 'OTHER');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F4', 'Fourth', 'OURS');
SET standard_conforming_strings = off; SET quote_all_identifiers = on;
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F4', 'Fourth', 'OURS');
RESET standard_conforming_strings; RESET quote_all_identifiers;
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F3', 'Third again', 'OTHER');
UPDATE acct.fund_draft SET release_id = 99 WHERE fund = 'F3';
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'A', 3, '2025-02-01');
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'NEW', 1, '2025-02-01');
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'A', 1, '1999-02-01');
UPDATE acct.template_retirement_draft SET release_id = 99;
TRUNCATE acct.fund_draft;
-- What is not approved yet is used by nobody, and its template does not go alone.
SELECT (SELECT count(*) FROM acct.fund WHERE fund = 'F3') AS funds, (SELECT count(*) FROM acct.chart_of_accounts WHERE account_code IN ('1100', '1101')) AS accounts;
SELECT severity, message FROM acct.check_template('NEW', 1);
SELECT acct.submit_template('NEW', 1);
SELECT * FROM acct.check_release(:release);

--
-- Submitted: nothing of it is edited
--
SELECT acct.submit_release(:release);
SELECT acct.submit_release(:release);
UPDATE acct.fund_draft SET name = 'Mine';
DELETE FROM acct.chart_of_accounts_draft WHERE account_code = '1002';
INSERT INTO acct.entity_draft (release_id, operation, entity_code) VALUES (:release, 'insert', 'LATE');
DELETE FROM acct.template_retirement_draft;
INSERT INTO acct.journal_template (template_code, release_id) VALUES ('LATE', :release);
INSERT INTO acct.journal_template (template_code) VALUES ('LATE');
UPDATE acct.journal_template SET release_id = :release WHERE template_code = 'LATE';
DELETE FROM acct.journal_template WHERE template_code = 'LATE';
UPDATE acct.journal_template SET release_id = NULL WHERE template_code = 'NEW';
UPDATE acct.journal_template_line SET amount_expr = '1' WHERE template_code = 'NEW' AND line_no = 1;
SELECT status, submitted_by FROM acct.policy_release;
SELECT acct.approve_release(:release);

--
-- Who approves
--
RESET SESSION AUTHORIZATION;
SELECT acct.approve_template('NEW', 1);
SELECT acct.return_template('NEW', 1);
SET SESSION AUTHORIZATION regress_release_approver;
SELECT content_sha256 AS seen FROM acct.release_content WHERE release_id = :release \gset
SELECT acct.return_release(:release, 'The safe is in use');
SELECT status, returned_by, return_note FROM acct.policy_release;
SELECT status FROM acct.journal_template WHERE template_code = 'NEW';
SELECT acct.return_release(:release);
SELECT acct.approve_release(:release);
-- Somebody who approves too takes a row out of it; and one a line of its template.
SET SESSION AUTHORIZATION regress_release_both;
DELETE FROM acct.chart_of_accounts_draft WHERE account_code = '1002';
SELECT acct.submit_release(:release);
\set VERBOSITY terse
SELECT acct.approve_release(:release);
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:release, :'seen');
SELECT acct.return_release(:release);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_release_both RENAME TO regress_release_renamed;
SET SESSION AUTHORIZATION regress_release_editor;
UPDATE acct.journal_template_line SET memo = 'Received' WHERE template_code = 'NEW' AND line_no = 1;
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION regress_release_renamed;
SELECT acct.approve_release(:release);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_release_renamed RENAME TO regress_release_both;
GRANT acct_approver TO regress_release_editor, regress_release_maker;
SET SESSION AUTHORIZATION regress_release_editor;
SELECT acct.approve_release(:release);
SET SESSION AUTHORIZATION regress_release_maker;
SET ROLE acct_approver;
SELECT acct.approve_release(:release);
RESET ROLE;
RESET SESSION AUTHORIZATION;
REVOKE acct_approver FROM regress_release_editor, regress_release_maker;
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_release_approver;
SELECT content_sha256 AS seen FROM acct.release_content WHERE release_id = :release \gset
SELECT acct.approve_release(:release, :'seen') AS changes;
RESET SESSION AUTHORIZATION;
SELECT status, maker, submitted_by, approver, approved_sha256 = :'seen' AS as_seen FROM acct.policy_release;
SELECT status, content_sha256 = approved_sha256 AS same, unchanged FROM acct.release_content;
SELECT * FROM acct.fund WHERE fund = 'F3';
SELECT * FROM acct.chart_of_accounts WHERE account_code LIKE '1%' ORDER BY account_code;
SELECT basis FROM acct.accounting_basis;
SELECT entity_code, name, functional_currency FROM acct.entity WHERE entity_code = 'BRANCH';
SELECT product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from FROM acct.product_account_map ORDER BY map_id;
SELECT template_code, version, status, approver, effective_from, effective_to, release_id FROM acct.journal_template ORDER BY 1, 2;
SELECT template_code, version, status, unchanged FROM acct.template_content ORDER BY 1, 2;
-- Applied by the approver, and audited
SELECT a.changed_by, a.table_name, a.operation, a.row_key FROM acct.template_audit AS a
 WHERE a.changed_by = 'regress_release_approver' AND a.table_name IN (SELECT t.table_name FROM acct._release_tables() AS t) ORDER BY a.audit_id;
-- Approved: it is not edited, and not approved again.
\set VERBOSITY terse
SELECT acct.approve_release(:release);
SELECT acct.check_release(:release);
DELETE FROM acct.fund_draft;
UPDATE acct.policy_release SET title = 'Other';
DELETE FROM acct.policy_release;
UPDATE acct.journal_template SET release_id = NULL WHERE template_code = 'NEW';
\set VERBOSITY default
-- The cancelled version is used no more; the older one is.
CALL public.txn(2, '2025-02-01', 'A');
SELECT * FROM public.outcome(public.expanded('2025-02-01', 'feb'));

--
-- All or nothing: what is approved meanwhile, what has entries, what is used
--
SET SESSION AUTHORIZATION regress_release_maker;
SELECT acct.create_release('One') AS one, acct.create_release('Other') AS other \gset
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:one, 'update', 'F1', 'First'), (:other, 'update', 'F1', 'Other'), (:other, 'update', 'F2', 'Second');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:one, 'insert', 'F5', 'Fifth', 'OTHER'), (:other, 'insert', 'F6', 'Sixth', 'OTHER');
SELECT acct.submit_release(:one), acct.submit_release(:other);
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:one) AS changes;
SELECT acct.approve_release(:other) AS changes;
SELECT fund, name FROM acct.fund ORDER BY fund;
SELECT row_key, outdated FROM acct.release_changes WHERE release_id = :other;
SELECT * FROM acct.check_release(:other);
SELECT acct.return_release(:other, 'Outdated');
-- Touched, it is made from what is approved now.
SET SESSION AUTHORIZATION regress_release_maker;
UPDATE acct.fund_draft SET name = 'Other' WHERE release_id = :other AND fund = 'F1';
SELECT acct.submit_release(:other);
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:other) AS changes;
SELECT fund, name FROM acct.fund ORDER BY fund;
-- A superuser inserts what a submitted release would.
SET SESSION AUTHORIZATION regress_release_maker;
SELECT acct.create_release('Late') AS late \gset
INSERT INTO acct.currency_draft (release_id, operation, currency, minor_units) VALUES (:late, 'insert', 'USD', 2);
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:late, 'A', 1, '2025-06-01');
SELECT acct.submit_release(:late);
RESET SESSION AUTHORIZATION;
INSERT INTO acct.currency VALUES ('USD', 2);
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:late);
RESET SESSION AUTHORIZATION;
DELETE FROM acct.currency WHERE currency = 'USD';
SET SESSION AUTHORIZATION regress_release_approver;
BEGIN;
SELECT acct.retire_template('A', 1, '2096-01-01');
SELECT acct.approve_release(:late);
ROLLBACK;
SELECT acct.return_release(:late);
-- What cannot be applied
SET SESSION AUTHORIZATION regress_release_maker;
SELECT acct.create_release('Wrong') AS wrong \gset
CREATE FUNCTION pg_temp.problems(id bigint, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    found text[];
BEGIN
    BEGIN
        EXECUTE replace(statement, '@', id::text);
        found := ARRAY(SELECT p.message FROM acct.check_release(id) AS p WHERE p.severity = 'error');
        RAISE EXCEPTION USING ERRCODE = 'XXDON';
    EXCEPTION WHEN SQLSTATE 'XXDON' THEN
        RETURN QUERY SELECT unnest(found);
    END;
END
$$;
SELECT p.* FROM unnest(ARRAY[
    $$INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, account_type) VALUES (@, 'update', '1000', 'LIABILITY')$$,
    $$INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, fund) VALUES (@, 'update', '1000', 'F1')$$,
    $$INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code) VALUES (@, 'delete', '2000')$$,
    $$INSERT INTO acct.currency_draft (release_id, operation, currency, minor_units) VALUES (@, 'update', 'IDR', 0)$$,
    $$INSERT INTO acct.currency_draft (release_id, operation, currency) VALUES (@, 'delete', 'IDR')$$,
    $$INSERT INTO acct.entity_draft (release_id, operation, entity_code) VALUES (@, 'delete', 'MAIN')$$,
    $$INSERT INTO acct.currency_draft (release_id, operation, currency) VALUES (@, 'delete', 'EUR')$$,
    $$INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code) VALUES (@, 'delete', '4000')$$,
    $$INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, fund) VALUES (@, 'insert', '7000', 'Seven', 'ASSET', 'NOSUCH')$$,
    $$INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (@, 'insert', 'Z', '1000', 'F1', 'NOSUCH', 'NOFUND'), (@, 'insert', 'Z', '2000', 'F1', '1100', 'F1'), (@, 'insert', 'Z', '3000', 'F1', '1101', 'F1')$$,
    $$INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (@, 'insert', 'Z', '1000', 'F1', '1000', 'F1'), (@, 'insert', 'Z', '1000', 'F1', '2000', 'F1')$$,
    $$INSERT INTO acct.journal_template (template_code, release_id) VALUES ('EMPTY', @)$$,
    -- These can.
    $$INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund) VALUES (@, 'delete', 'Q', '1000', 'F3');
      INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code) VALUES (@, 'delete', '1001')$$]) WITH ORDINALITY AS x (s, n), pg_temp.problems(:wrong, x.s) AS p ORDER BY n, 1;
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, account_type) VALUES (:wrong, 'update', '1000', 'LIABILITY');
SELECT acct.submit_release(:wrong);
-- What got entries after it was submitted
DELETE FROM acct.chart_of_accounts_draft WHERE release_id = :wrong;
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, account_type) VALUES (:wrong, 'update', '1100', 'EXPENSE');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:wrong, 'insert', 'F7', 'Seventh', 'OTHER');
SELECT acct.submit_release(:wrong);
RESET SESSION AUTHORIZATION;
CALL public.txn(3, '2025-03-01', 'NEW');
SELECT * FROM public.outcome(public.expanded('2025-03-01', 'march'));
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:wrong);
SELECT count(*) AS funds FROM acct.fund WHERE fund = 'F7';
SELECT status FROM acct.policy_release WHERE release_id = :wrong;
-- And what was used meanwhile
SELECT acct.return_release(:wrong);
SET SESSION AUTHORIZATION regress_release_maker;
DELETE FROM acct.chart_of_accounts_draft WHERE release_id = :wrong;
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code) VALUES (:wrong, 'delete', '1001');
SELECT acct.submit_release(:wrong);
RESET SESSION AUTHORIZATION;
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES ('R', '2000', 'F1', '1001', 'F1');
SET SESSION AUTHORIZATION regress_release_approver;
SELECT acct.approve_release(:wrong);

--
-- Releases that there are not, and superusers
--
SELECT acct.approve_release(99);
SELECT acct.return_release(NULL);
RESET SESSION AUTHORIZATION;
SELECT acct.submit_release(99);
UPDATE acct.policy_release SET status = 'submitted' WHERE release_id = :late;
INSERT INTO acct.policy_release (title, status, approver) VALUES ('X', 'approved', 'me');
UPDATE acct.policy_release SET release_id = DEFAULT WHERE release_id = :late;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.submit_release(:late);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT acct.approve_release(:wrong);
ROLLBACK;
-- A template names a basis that exists, or the release that adds it is approved before.
INSERT INTO acct.accounting_basis_draft (release_id, operation, basis, description) VALUES (:late, 'insert', 'SOON', 'Soon');
\set VERBOSITY default
INSERT INTO acct.journal_template (template_code, basis, release_id) VALUES ('SOON', 'SOON', :late);
INSERT INTO acct.journal_template (template_code, basis) VALUES ('SOON', 'NEVER');
\set VERBOSITY terse
INSERT INTO acct.journal_template (template_code) VALUES ('SOON');
UPDATE acct.journal_template SET basis = 'NEVER' WHERE template_code = 'SOON';
UPDATE acct.journal_template SET basis = NULL WHERE template_code = 'SOON';
DELETE FROM acct.journal_template WHERE template_code = 'SOON';
-- A draft that is dropped takes its changes along.
DELETE FROM acct.policy_release WHERE release_id = :late;
SELECT count(*) AS changes FROM acct.currency_draft WHERE release_id = :late;
-- Every column of drafts has a comment, and each of their triggers.
SELECT count(*) AS without_comment FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'acct'::regnamespace AND (c.relname ~ '_draft$' OR c.relname ~ '^policy_release$|^release_') AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL;
SELECT tgrelid::regclass AS "table", tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relnamespace = 'acct'::regnamespace AND NOT t.tgisinternal AND c.relname ~ '_draft$|^policy_release$' AND obj_description(t.oid, 'pg_trigger') IS NULL ORDER BY 1, 2;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_release_maker, regress_release_editor, regress_release_approver, regress_release_both;

-- On one path: nothing here depends on it.
-- The life of a template: draft, submitted, approved, retired; who may do what; the audit trail
\set topic templates
\i test/sql/setup.sql
\set maker regress_templates_maker
DROP ROLE IF EXISTS :maker;
CREATE ROLE :maker;
GRANT USAGE ON SCHEMA acct TO :maker;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.journal_template, acct.journal_template_match, acct.journal_template_line, acct.fund TO :maker;
GRANT EXECUTE ON FUNCTION acct.check_expression(text, text), acct.submit_template(text, integer), acct.return_template(text, integer),
    acct.approve_template(text, integer, text), acct.new_template_version(text, date) TO :maker;

SET SESSION AUTHORIZATION :maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('FEE', 'Policy fee');
SELECT version, status, template_type, basis, effective_from, effective_to, require_balanced, balance_by_fund, skip_zero_lines,
       negative_policy, maker, approver FROM acct.journal_template WHERE template_code = 'FEE';
-- What a draft must have before it is handed over.
\set VERBOSITY sqlstate
SELECT acct.submit_template('FEE', 1); :why
RESET SESSION AUTHORIZATION;
SELECT * FROM acct.check_template('FEE', 1);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable)
VALUES ('1', 'Heading', 'ASSET', NULL, false), ('F2ONLY', 'Of the operator', 'ASSET', 'F2', true);
SET SESSION AUTHORIZATION :maker;
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('FEE', 1, 'FEE');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr)
VALUES ('FEE', 1, 'DR', '1', 'F1', ':gross_amount'), ('FEE', 2, 'CR', 'NONE', 'F1', ':gross_amount'),
       ('FEE', 3, 'DR', 'F2ONLY', 'F1', ':gross_amount'), ('FEE', 4, 'CR', '1000', 'NOFUND', ':gross_amount');
RESET SESSION AUTHORIZATION;
SELECT * FROM acct.check_template('FEE', 1);
SELECT * FROM acct.check_template('FEE', 2); :why
SELECT * FROM acct.check_template('NOSUCH', 1); :why
SET SESSION AUTHORIZATION :maker;
SELECT acct.submit_template('FEE', 1); :why
SELECT acct.submit_template('FEE', 2); :why
SELECT acct.approve_template('FEE', 1); :why
SELECT acct.return_template('FEE', 1); :why
UPDATE acct.journal_template_line SET account_code = CASE dr_cr WHEN 'DR' THEN '1000' ELSE '2000' END, fund = 'F1' WHERE template_code = 'FEE';
RESET SESSION AUTHORIZATION;
SELECT * FROM acct.check_template('FEE', 1);
-- An account that only the mapping makes good.
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P', 'ABSTRACT', 'F1', '1000', 'F1');
UPDATE acct.journal_template_line SET account_code = 'ABSTRACT' WHERE template_code = 'FEE' AND line_no = 1;
SELECT * FROM acct.check_template('FEE', 1);
UPDATE acct.journal_template_line SET account_code = '1000' WHERE template_code = 'FEE' AND line_no = 1;

-- Rows that no draft may have.
INSERT INTO acct.journal_template (template_code, version) VALUES ('X', 0); :why
INSERT INTO acct.journal_template (template_code, template_type) VALUES ('X', 'OTHER'); :why
INSERT INTO acct.journal_template (template_code, negative_policy) VALUES ('X', 'ignore'); :why
INSERT INTO acct.journal_template (template_code, basis) VALUES ('X', 'NOBASIS'); :why
INSERT INTO acct.journal_template (template_code, effective_from, effective_to) VALUES ('X', '2025-01-01', '2024-12-31'); :why
INSERT INTO acct.journal_template_match (template_code, match_no) VALUES ('NOSUCH', 1); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('FEE', 5, 'DB', '1000', 'F1', '1'); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('FEE', 0, 'DR', '1000', 'F1', '1'); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund) VALUES ('FEE', 5, 'DR', '1000', 'F1'); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing) VALUES ('FEE', 5, 'DR', '1000', 'F1', '1', true); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing, condition_expr) VALUES ('FEE', 5, 'DR', '1000', 'F1', true, 'true'); :why
-- Two balancing lines of a fund are too many, of two funds not.
BEGIN;
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing) VALUES ('FEE', 5, 'DR', '1000', 'F1', true), ('FEE', 6, 'DR', '1000', 'F2', true);
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing) VALUES ('FEE', 7, 'DR', '1000', 'F1', true); :why
ROLLBACK;

-- No status is set by hand.
UPDATE acct.journal_template SET status = 'approved', approver = 'someone' WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template SET status = 'submitted' WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template SET approver = 'someone' WHERE template_code = 'FEE'; :why
INSERT INTO acct.journal_template (template_code, status, approver) VALUES ('X', 'approved', 'someone'); :why
UPDATE acct.journal_template SET version = 2 WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template_line SET version = 2 WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template_match SET template_code = 'X' WHERE template_code = 'FEE'; :why

-- Submitted: it is not edited; its maker does not approve it; returned, it is edited again.
SELECT acct.submit_template('FEE', 1);
SELECT acct.submit_template('FEE', 1); :why
UPDATE acct.journal_template SET description = 'X' WHERE template_code = 'FEE'; :why
DELETE FROM acct.journal_template_line WHERE template_code = 'FEE'; :why
INSERT INTO acct.journal_template_match (template_code, match_no) VALUES ('FEE', 2); :why
SET SESSION AUTHORIZATION :maker;
SELECT acct.approve_template('FEE', 1); :why
SELECT acct.return_template('FEE', 1);
UPDATE acct.journal_template SET description = 'Fee of a policy' WHERE template_code = 'FEE';
RESET SESSION AUTHORIZATION;
SELECT acct.approve_template('FEE', 1); :why
SELECT acct.submit_template('FEE', 1);
-- This session's user edited a line: it does not approve either. Nor does one that only takes another role.
SELECT acct.approve_template('FEE', 1); :why_me
SET ROLE :"checker";
SELECT acct.approve_template('FEE', 1); :why_me
RESET ROLE;
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_template('FEE', 1);
SELECT acct.approve_template('FEE', 1); :why
SELECT acct.return_template('FEE', 1); :why
RESET SESSION AUTHORIZATION;
SELECT version, status, description, maker, approver, submitted_at IS NOT NULL AS submitted, approved_at IS NOT NULL AS approved
  FROM acct.journal_template WHERE template_code = 'FEE';

-- Approved: none of its rows is changed, by nobody.
UPDATE acct.journal_template SET require_balanced = false WHERE template_code = 'FEE'; :why
DELETE FROM acct.journal_template WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template_line SET amount_expr = '1' WHERE template_code = 'FEE'; :why
UPDATE acct.journal_template_line SET memo = 'x' WHERE template_code = 'FEE'; :why
DELETE FROM acct.journal_template_line WHERE template_code = 'FEE'; :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('FEE', 9, 'DR', '1000', 'F1', '1'); :why
UPDATE acct.journal_template_match SET priority = 1 WHERE template_code = 'FEE'; :why
DELETE FROM acct.journal_template_match WHERE template_code = 'FEE'; :why
INSERT INTO acct.journal_template_match (template_code, match_no) VALUES ('FEE', 2); :why
TRUNCATE acct.journal_template_line; :why
TRUNCATE acct.journal_template_match; :why
TRUNCATE acct.journal_template CASCADE; :why
SELECT count(*) AS lines FROM acct.journal_template_line WHERE template_code = 'FEE';
\set VERBOSITY default
UPDATE acct.journal_template SET require_balanced = false WHERE template_code = 'FEE';

-- A new version is a draft of its own; it takes all over.
SELECT acct.new_template_version('FEE', '2025-07-01');
SELECT version, status, effective_from, maker = session_user AS mine, approver FROM acct.journal_template WHERE template_code = 'FEE' ORDER BY version;
SELECT count(*) AS lines FROM acct.journal_template_line WHERE template_code = 'FEE' AND version = 2;
SELECT (SELECT count(*) FROM acct.journal_template_line AS a JOIN acct.journal_template_line AS b
          ON (a.template_code, a.line_no, a.dr_cr, a.account_code, a.fund, a.amount_expr) = (b.template_code, b.line_no, b.dr_cr, b.account_code, b.fund, b.amount_expr)
       WHERE a.version = 1 AND b.version = 2) AS same_lines;
\set VERBOSITY sqlstate
SELECT acct.new_template_version('NOSUCH', '2025-07-01'); :why
-- A draft can be thrown away, with its rows.
DELETE FROM acct.journal_template WHERE template_code = 'FEE' AND version = 2;
SELECT count(*) AS lines FROM acct.journal_template_line WHERE template_code = 'FEE' AND version = 2;

-- Retired.
SELECT acct.retire_template('FEE', 1, NULL); :why
SELECT acct.retire_template('FEE', 1, '1999-12-31'); :why
SELECT acct.retire_template('FEE', 2, '2025-07-01'); :why
SELECT acct.retire_template('FEE', 1, '2095-07-01');
SELECT acct.retire_template('FEE', 1, '2095-08-01'); :why
SELECT acct.approve_template('FEE', 1); :why
UPDATE acct.journal_template SET effective_to = NULL WHERE template_code = 'FEE'; :why
SELECT version, status, effective_to FROM acct.journal_template WHERE template_code = 'FEE';

-- A template that ignores has no lines.
INSERT INTO acct.journal_template (template_code, template_type) VALUES ('SKIP', 'IGNORE');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SKIP', 1, 'SKIP');
SELECT * FROM acct.check_template('SKIP', 1);
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('SKIP', 1, 'DR', '1000', 'F1', '1');
SELECT * FROM acct.check_template('SKIP', 1);
SELECT acct.submit_template('SKIP', 1); :why

-- The audit trail: who did what to which row, in order, the FEE template's; and it is immutable.
SELECT a.changed_by = session_user AS by_me, a.table_name, a.operation, a.row_key - 'template_code' AS row_key,
       a.old_row ->> 'status' AS old_status, a.new_row ->> 'status' AS new_status
  FROM acct.template_audit AS a WHERE a.row_key ->> 'template_code' = 'FEE' AND a.table_name = 'journal_template' ORDER BY a.audit_id;
SELECT a.table_name, a.operation, count(*) FROM acct.template_audit AS a
 WHERE a.table_name IN ('fund', 'currency', 'chart_of_accounts', 'product_account_map', 'accounting_basis') GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE acct.fund SET name = 'Risk' WHERE fund = 'F1';
INSERT INTO acct.fund VALUES ('F3', 'Third', 'OTHER');
DELETE FROM acct.fund WHERE fund = 'F3';
UPDATE acct.accounting_basis SET description = description || '.' WHERE basis = 'PRIMARY';
SELECT a.operation, a.row_key, a.old_row ->> 'name' AS old_name, a.new_row ->> 'name' AS new_name
  FROM acct.template_audit AS a WHERE a.table_name = 'fund' ORDER BY a.audit_id DESC LIMIT 3;
SELECT count(*) AS basis_changes FROM acct.template_audit AS a WHERE a.table_name = 'accounting_basis' AND a.operation = 'UPDATE';
UPDATE acct.template_audit SET changed_by = 'nobody'; :why
DELETE FROM acct.template_audit; :why
TRUNCATE acct.template_audit; :why

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP ROLE :maker;

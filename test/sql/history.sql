-- On one path: nothing here depends on it.
-- The history of policy, comparison of versions, and that the audit trail covers every table of policy
\set topic history
\i test/sql/setup.sql
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_history_maker, regress_history_approver;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_history_maker IN ROLE acct_finance;
CREATE ROLE regress_history_approver IN ROLE acct_approver;
\pset format unaligned
\pset tuples_only on

--
-- Every table of policy is audited, and refuses TRUNCATE
--
CREATE VIEW public.policy_table AS SELECT t AS name, format('acct.%I', t)::regclass AS oid FROM acct._audited_tables() AS t;
-- A table of policy, or of drafts, that is not among them
SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind = 'r' AND c.oid NOT IN (SELECT p.oid FROM public.policy_table AS p)
   AND c.relname <> 'template_audit' AND (c.relname ~ '_draft$|template|policy_release' OR c.relname IN (SELECT p.table_name FROM acct._policy_columns() AS p) OR c.relname IN (SELECT r.table_name FROM acct._release_tables() AS r)) ORDER BY 1;
-- AFTER each row of INSERT, UPDATE and DELETE; BEFORE a TRUNCATE
SELECT p.name FROM public.policy_table AS p
 WHERE NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = p.oid AND t.tgfoid = 'acct._audit_template()'::regprocedure AND t.tgtype = 29 AND t.tgenabled = 'O' AND t.tgqual IS NULL AND t.tgattr = '')
    OR NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = p.oid AND t.tgfoid = 'acct._refuse_template_truncate()'::regprocedure AND t.tgtype = 34 AND t.tgenabled = 'O' AND t.tgqual IS NULL) ORDER BY 1;
CREATE FUNCTION public.truncated(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT public.truncated(format('TRUNCATE %s CASCADE', p.oid)) AS outcome, count(*) FROM public.policy_table AS p GROUP BY 1;
SELECT public.truncated('TRUNCATE ' || string_agg(p.oid::text, ', ')) FROM public.policy_table AS p;
-- A change of each is in the trail, also by a cascade.
SELECT count(*) AS before FROM acct.template_audit \gset
INSERT INTO acct.posting_limit VALUES ('months_apart', 12) ON CONFLICT (name) DO UPDATE SET value = 11;
SELECT acct.create_release('Gone') AS gone \gset
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:gone, 'update', 'F1', 'Gone');
DELETE FROM acct.policy_release WHERE release_id = :gone;
SELECT table_name, operation, old_row ->> 'name' FROM acct.template_audit WHERE audit_id > :before ORDER BY audit_id;
UPDATE acct.posting_limit SET value = 12 WHERE name = 'months_apart';

--
-- A release with an account and a template: drafted, submitted, returned, edited, approved
--
SET SESSION AUTHORIZATION regress_history_maker;
SELECT acct.create_release('Suspense', 'Receipts that nobody can place') AS release \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type) VALUES (:release, 'insert', '1260', 'Receipts', 'LIABILITY');
INSERT INTO acct.journal_template (template_code, description, release_id) VALUES ('SUSPENSE', 'Receipt', :release);
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SUSPENSE', 1, 'UNKNOWN');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
VALUES ('SUSPENSE', 1, 'DR', '1000', 'F2', ':gross_amount', false, 'Received'), ('SUSPENSE', 2, 'CR', '1260', 'F2', NULL, true, NULL);
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION regress_history_approver;
SELECT acct.return_release(:release, 'Line 2 needs a memo');
SET SESSION AUTHORIZATION regress_history_maker;
UPDATE acct.journal_template_line SET memo = 'To be allocated' WHERE template_code = 'SUSPENSE' AND line_no = 2;
UPDATE acct.chart_of_accounts_draft SET description = 'Receipts to be allocated' WHERE account_code = '1260';
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION regress_history_approver;
SELECT acct.approve_release(:release);
-- A version by itself, with more and fewer lines
SET SESSION AUTHORIZATION regress_history_maker;
SELECT acct.new_template_version('SUSPENSE', '2025-02-01');
UPDATE acct.journal_template SET description = NULL, negative_policy = 'reject' WHERE template_code = 'SUSPENSE' AND version = 2;
UPDATE acct.journal_template_match SET priority = 50, condition_expr = ':gross_amount > 0' WHERE template_code = 'SUSPENSE' AND version = 2;
INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, memo) VALUES ('SUSPENSE', 2, 3, 'CR', '4000', 'F2', '1', 'Fee');
DELETE FROM acct.journal_template_line WHERE template_code = 'SUSPENSE' AND version = 2 AND line_no = 1;
SELECT acct.submit_template('SUSPENSE', 2);
SET SESSION AUTHORIZATION regress_history_approver;
SELECT acct.approve_template('SUSPENSE', 2);
SELECT acct.retire_template('SUSPENSE', 1, '2096-01-01');

SELECT changed_by, event, table_name, row_key, release, changes FROM acct.policy_history(template_code => 'SUSPENSE');
SELECT changed_by, event, table_name, row_key, release, changes FROM acct.policy_history(account_code => '1260');
SELECT changed_by, event, table_name, row_key, changes FROM acct.policy_history(account_code => '1260', template_code => 'SUSPENSE') WHERE table_name = 'journal_template_line';
SELECT event, table_name, count(*) FROM acct.policy_history(release_id => :release) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT event, table_name, row_key FROM acct.policy_history(fund => 'F1');
SELECT event, table_name, row_key FROM acct.policy_history(currency => 'CY0');
SELECT event, table_name, row_key FROM acct.policy_history(entity_code => 'SUB');
SELECT event, table_name, row_key FROM acct.policy_history(basis => 'PRIMARY') WHERE table_name = 'accounting_basis';
SELECT count(*) FROM acct.policy_history(template_code => 'NOSUCH');
SELECT count(*) FROM acct.policy_history(release_id => 99);
SELECT (SELECT count(*) FROM acct.policy_history()) = (SELECT count(*) FROM acct.template_audit) AS all_of_it;
-- In order of time, with the rows
SELECT bool_and(x.changed_at >= x.earlier) AS in_order, count(x.new_values) AS with_rows
  FROM (SELECT h.changed_at, h.new_values, lag(h.changed_at) OVER () AS earlier FROM acct.policy_history(template_code => 'SUSPENSE') AS h) AS x;

-- Lines go with the release of their version, also where it was put in later, into another one, or made once more.
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_history_maker;
SELECT acct.create_release('Later') AS later, acct.create_release('Other') AS other \gset
INSERT INTO acct.journal_template (template_code) VALUES ('LATER');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('LATER', 1, 'DR', '1000', 'F2', '0.10');
UPDATE acct.journal_template SET release_id = :later WHERE template_code = 'LATER';
UPDATE acct.journal_template_line SET amount_expr = '0.15' WHERE template_code = 'LATER';
UPDATE acct.journal_template SET release_id = :other, description = 'Later' WHERE template_code = 'LATER';
DELETE FROM acct.journal_template WHERE template_code = 'LATER';
INSERT INTO acct.journal_template (template_code, release_id) VALUES ('LATER', :later);
INSERT INTO acct.journal_template_match (template_code, match_no) VALUES ('LATER', 1);
UPDATE acct.journal_template SET release_id = NULL WHERE template_code = 'LATER';
INSERT INTO acct.journal_template (template_code, version, release_id) VALUES ('LATER', 2, :later);
INSERT INTO acct.journal_template_match (template_code, version, match_no) VALUES ('LATER', 2, 1);
SELECT event, table_name, row_key ->> 'version', release, left(changes, 60) FROM acct.policy_history(template_code => 'LATER');
SELECT event, table_name, row_key ->> 'version', release, left(changes, 60) FROM acct.policy_history(release_id => :later);
SELECT event, table_name, row_key ->> 'version', release, left(changes, 60) FROM acct.policy_history(release_id => :other);
SELECT event, table_name, release FROM acct.policy_history(release_id => :other, account_code => '1000') WHERE table_name <> 'policy_release';
DELETE FROM acct.journal_template WHERE template_code = 'LATER';
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_history_approver;

--
-- Two versions
--
SELECT * FROM acct.compare_template_versions('SUSPENSE', 1, 2);
SELECT * FROM acct.compare_template_versions('SUSPENSE', 2, 1) LIMIT 3;
SELECT * FROM acct.compare_template_versions('SUSPENSE', 2, 2);
\set VERBOSITY terse
SELECT * FROM acct.compare_template_versions('SUSPENSE', 1, 3);
SELECT * FROM acct.compare_template_versions('NOSUCH', 1, 1);
SELECT * FROM acct.compare_template_versions('SUSPENSE', NULL, 1);
RESET SESSION AUTHORIZATION;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_history_maker, regress_history_approver;

-- On one path: nothing here depends on it.
-- Policy as a file: export, import as drafts, the exact round trip, and documents that are refused
\set topic policy_file
\i test/sql/setup.sql
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_file_maker, regress_file_approver;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_file_maker IN ROLE acct_finance;
CREATE ROLE regress_file_approver IN ROLE acct_approver;
UPDATE acct.fund SET surplus_account_code = '3000' WHERE fund = 'F1';
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, parent_account_code, is_postable, fund) VALUES
    ('1', 'Assets "all"', 'ASSET', NULL, false, NULL), ('11', E'Kas \\ é 重', 'ASSET', '1', true, 'F2');
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from, effective_to) VALUES
    ('P', NULL, '2000', 'F1', '2000', 'F2', '2000-01-01', NULL), ('P', 'WEB', '2000', 'F1', '11', 'F2', '2025-01-01', '2026-01-01');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('IFRS', 'Other books');
INSERT INTO acct.elimination_pair VALUES ('PAIR', 'Due', '1000', 'F1', '2000', 'F2');
INSERT INTO acct.statement_layout VALUES ('BS', 'balance_sheet', 'Sheet', true);
INSERT INTO acct.statement_line VALUES ('BS', 10, 'Assets', 1, NULL), ('BS', 20, 'Total', 1, '{10}');
INSERT INTO acct.statement_account VALUES ('BS', 10, 1, 'ASSET', NULL, NULL, NULL, NULL);
INSERT INTO acct.statement_column VALUES ('BS', 1, 'All', '{PARTICIPANT_RISK}', '{F2}');
CALL public.policy('FEE', ARRAY['DR 1000 F1 :gross_amount IF :channel <> ''WEB''', 'CR 2000 F1 *']);
CALL public.policy('FEE', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "FEE", "priority": 10}, {"product_code": "P"}]', '{"effective_from": "2025-02-01"}');
CALL public.policy('SKIP', '{}', NULL, '{"template_type": "IGNORE", "basis": "IFRS"}');
CALL public.policy('GONE', '{DR 11 F2 :gross_amount,CR 2000 F2 *}', NULL, '{"effective_from": "2025-01-01"}');
SELECT public.retire('GONE', 1, '2025-01-01');
SELECT public.retire('FEE', 1, '2096-01-01');
-- Drafts are not in it.
INSERT INTO acct.journal_template (template_code) VALUES ('DRAFT');
\pset format unaligned
\pset tuples_only on
SELECT acct.export_policy();
SELECT acct.export_policy('{SKIP}');
SELECT acct.export_policy('{GONE,FEE,FEE}') = acct.export_policy('{FEE,GONE}') AS same;
SELECT x.key, json_array_length(x.value) FROM json_each(acct.export_policy('{GONE,FEE}')::json) AS x WHERE json_typeof(x.value) = 'array' AND x.key <> 'template_codes';
SELECT acct.export_policy('{}')::json ->> 'template_codes';
\set VERBOSITY default
SELECT acct.export_policy('{DRAFT}');
SELECT acct.export_policy('{NULL}');
-- The text does not depend on the session.
SELECT encode(sha256(convert_to(acct.export_policy(), 'UTF8')), 'hex') AS before \gset
SET datestyle = 'German, DMY'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'escape'; SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET escape_string_warning = off;
SELECT encode(sha256(convert_to(acct.export_policy(), 'UTF8')), 'hex') = :'before' AS same;
RESET ALL;
SET client_min_messages = warning; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC';
SELECT encode(sha256(convert_to(acct.export_policy(), 'UTF8')), 'hex') = :'before' AS same;

--
-- What is approved makes no change; a changed document makes just its changes
--
CREATE TABLE public.file (name text PRIMARY KEY, document text);
GRANT ALL ON public.file TO PUBLIC;
INSERT INTO public.file VALUES ('all', acct.export_policy()), ('fee', acct.export_policy('{FEE}'));
SET SESSION AUTHORIZATION regress_file_maker;
SELECT acct.create_release('From a file') AS release \gset
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release) AS i;
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release, true) AS i WHERE f.name = 'all';
SELECT count(*) AS changes FROM acct.release_changes WHERE release_id = :release;
UPDATE public.file SET document = replace(replace(replace(replace(document, '"Cash"', '"Bank"'), '{"currency": "CY0", "minor_units": 0},' || E'\n', ''),
        '"mapped_fund": "F2", "product_code": "P"}' || E'\n]', '"mapped_fund": "F2", "product_code": "P"},
{"account_code": "2000", "fund": "F1", "mapped_account_code": "1000", "mapped_fund": "F1", "product_code": "Q"}' || E'\n]'),
        '"require_balanced": true, "skip_zero_lines": true, "template_code": "SKIP"', '"effective_to": "2025-06-01", "require_balanced": true, "skip_zero_lines": true, "template_code": "SKIP"')
 WHERE name = 'all';
UPDATE public.file SET document = replace(replace(replace(document, '"surplus_account_code": "3000"', '"surplus_account_code": null'),
        '"template_code": "SKIP", "template_type": "IGNORE", "version": 1}', '"template_code": "SKIP", "template_type": "IGNORE", "version": 1},
{"template_code": "NEW", "version": 1, "description": "New"}'),
        '"journal_template_line": [', '"journal_template_line": [
{"template_code": "NEW", "version": 1, "line_no": 1, "dr_cr": "DR", "account_code": "1000", "fund": "F1", "amount_expr": ":gross_amount"},
{"template_code": "NEW", "version": 1, "line_no": 2, "dr_cr": "CR", "account_code": "2000", "fund": "F1", "is_balancing": true},') WHERE name = 'all';
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release) AS i WHERE f.name = 'all';
SELECT table_name, operation, row_key, old_values, new_values FROM acct.release_changes WHERE release_id = :release;
-- Twice: the same, and the drafts stay as they are.
SELECT max(audit_id) AS audited FROM acct.template_audit \gset
SELECT count(*) AS changes FROM public.file AS f, acct.import_policy(f.document, :release) AS i WHERE f.name = 'all';
SELECT count(*) AS touched FROM acct.template_audit WHERE audit_id > :audited;
-- What the file no longer has is deleted on request.
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release, true) AS i WHERE f.name = 'all' AND i.operation = 'delete';
-- Edited once more: the release follows the file.
UPDATE public.file SET document = replace(replace(replace(document, '"Bank"', '"Cash"'), '"description": "New"', '"description": "Newer"'), '"effective_to": "2025-06-01"', '"effective_to": "2025-07-01"') WHERE name = 'all';
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release) AS i WHERE f.name = 'all';
SELECT table_name, operation, row_key, new_values FROM acct.release_changes WHERE release_id = :release;
SELECT template_code, version, status, maker, approver, release_id FROM acct.journal_template WHERE template_code = 'NEW';
-- By the original, nothing is left of it.
INSERT INTO public.file VALUES ('original', acct.export_policy());
SELECT i.* FROM public.file AS f, acct.import_policy(f.document, :release, true) AS i WHERE f.name = 'original';
SELECT count(*) AS changes FROM acct.release_changes WHERE release_id = :release;
-- It is imported as drafts, and approved by another.
SELECT count(*) AS changes FROM public.file AS f, acct.import_policy(f.document, :release) AS i WHERE f.name = 'all';
SELECT severity, finding, template_code, message FROM acct.check_release(:release);
SELECT acct.import_policy(f.document, :release), 'x' FROM public.file AS f WHERE f.name = 'all' LIMIT 0;
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('NEW', 1, 'NEW');
SELECT acct.submit_release(:release);
SELECT count(*) FROM public.file AS f, acct.import_policy(f.document, :release) AS i WHERE f.name = 'all';
SET SESSION AUTHORIZATION regress_file_approver;
SELECT acct.approve_release(:release);
SELECT count(*) FROM acct.import_policy('{}', 1);
SELECT length(acct.export_policy()) > 1000 AS approver_exports;
RESET SESSION AUTHORIZATION;
SELECT name, surplus_account_code FROM acct.fund WHERE fund = 'F1';
-- What differs from what is approved, and may not
INSERT INTO public.file VALUES ('now', acct.export_policy());
SET SESSION AUTHORIZATION regress_file_maker;
SELECT acct.create_release('Wrong') AS wrong, acct.create_release('Another') AS another \gset
SELECT count(*) FROM public.file AS f, acct.import_policy(replace(f.document, ':gross_amount', ':gross_amount + 1'), :wrong) AS i WHERE f.name = 'now';
SELECT count(*) FROM public.file AS f, acct.import_policy(replace(f.document, '2025-07-01', '2025-08-01'), :wrong) AS i WHERE f.name = 'now';
SELECT count(*) FROM public.file AS f, acct.import_policy(f.document, 99) AS i WHERE f.name = 'now';
SELECT count(*) FROM public.file AS f, acct.import_policy(f.document, NULL) AS i WHERE f.name = 'now';
SELECT count(*) FROM public.file AS f, acct.import_policy(f.document, :wrong, true) AS i WHERE f.name = 'fee';
\set new '{"ledger_engine_policy": 1, "journal_template": [{"template_code": "T", "version": 1}], "journal_template_line": [{"template_code": "T", "version": 1, "line_no": 1, "dr_cr": "DR", "account_code": "1000", "fund": "F1", "amount_expr": ":gross_amount"}]}'
SELECT i.* FROM acct.import_policy(:'new', :wrong) AS i;
SELECT i.* FROM acct.import_policy(:'new', :another) AS i;
UPDATE acct.journal_template SET release_id = NULL WHERE template_code = 'T';
SELECT i.* FROM acct.import_policy(:'new', :wrong) AS i;
DELETE FROM acct.journal_template WHERE template_code = 'T';
SELECT i.* FROM acct.import_policy(replace(:'new', ':gross_amount', ':nosuch'), :wrong) AS i;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT i.* FROM acct.import_policy(:'new', :wrong) AS i;
ROLLBACK;

--
-- Documents that are refused
--
\set VERBOSITY default
CREATE FUNCTION pg_temp.refused(release bigint, document text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM acct.import_policy(document, release);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, CASE WHEN SQLSTATE !~ '^23' THEN detail END);
END
$$;
SELECT n, pg_temp.refused(:wrong, d) FROM unnest(ARRAY[
    NULL, '', 'SELECT 1', '[]', 'null', '{}', '{"ledger_engine_policy": 2}', '{"ledger_engine_policy": "1"}', '{"ledger_engine_policy": 1.0}', '{"ledger_engine_policy": null}',
    '{"ledger_engine_policy": 1, "posting_limit": []}', '{"ledger_engine_policy": 1, "fund": [], "fund": []}', '{"ledger_engine_policy": 1, "template_codes": "FEE"}', '{"ledger_engine_policy": 1, "template_codes": [1]}',
    '{"ledger_engine_policy": 1, "fund": {}}', '{"ledger_engine_policy": 1, "fund": null}', '{"ledger_engine_policy": 1, "fund": [[]]}', '{"ledger_engine_policy": 1, "fund": [{}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": "x", "fund_type": "OTHER", "approver": "me"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": "x", "name": "y", "fund_type": "OTHER"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": "x"}]}', '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": null, "fund_type": "OTHER"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": 7, "name": "x", "fund_type": "OTHER"}]}', '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": "x", "fund_type": "OURS"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X ", "name": "x", "fund_type": "OTHER"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X", "name": "x", "fund_type": "OTHER"}, {"fund": "X", "name": "y", "fund_type": "OTHER"}]}',
    '{"ledger_engine_policy": 1, "fund": [{"fund": "X\u0000", "name": "x", "fund_type": "OTHER"}]}',
    '{"ledger_engine_policy": 1, "currency": [{"currency": "XXX", "minor_units": 2.5}]}', '{"ledger_engine_policy": 1, "currency": [{"currency": "XXX", "minor_units": "2"}]}',
    '{"ledger_engine_policy": 1, "currency": [{"currency": "XXX", "minor_units": 99999}]}', '{"ledger_engine_policy": 1, "currency": [{"currency": "XXX", "minor_units": 9}]}',
    '{"ledger_engine_policy": 1, "accounting_basis": [{"basis": "XXX", "description": "x", "every_transaction": "yes"}]}',
    '{"ledger_engine_policy": 1, "entity": [{"entity_code": "XXX", "effective_from": "01/02/2025"}]}', '{"ledger_engine_policy": 1, "entity": [{"entity_code": "XXX", "effective_from": "2025-02-30"}]}',
    '{"ledger_engine_policy": 1, "entity": [{"entity_code": "XXX", "effective_from": "today"}]}', '{"ledger_engine_policy": 1, "entity": [{"entity_code": "XXX", "functional_currency": "QQQ"}]}',
    '{"ledger_engine_policy": 1, "statement_line": [{"layout": "BS", "line_no": 30, "label": "x", "subtotal_of": [1, "2"]}]}', '{"ledger_engine_policy": 1, "statement_line": [{"layout": "BS", "line_no": 30, "label": "x", "subtotal_of": [[1]]}]}',
    '{"ledger_engine_policy": 1, "statement_column": [{"layout": "BS", "column_no": 30, "label": "x", "funds": [null]}]}',
    '{"ledger_engine_policy": 1, "journal_template_line": [{"template_code": "FEE", "version": 2, "line_no": 9, "dr_cr": "DR", "account_code": "1000", "fund": "F1", "amount_expr": "1"}]}',
    '{"ledger_engine_policy": 1, "journal_template": [{"template_code": "Y", "version": 0}]}', '{"ledger_engine_policy": 1, "journal_template": [{"template_code": "Y", "version": 1, "basis": "NONE"}]}',
    '{"ledger_engine_policy": 1, "journal_template": [{"template_code": "Y", "version": 1, "status": "approved", "approver": "me"}]}',
    '{"ledger_engine_policy": 1, "journal_template": [{"template_code": "Y", "version": 1, "effective_from": "2025-02-01", "effective_to": "2025-01-01"}]}',
    repeat('[', 1000000), '{"ledger_engine_policy": 1, "fund": ' || repeat('[', 5000) || repeat(']', 5000) || '}',
    '{"ledger_engine_policy": 1}' || repeat(' ', 104857600)]) WITH ORDINALITY AS x (d, n);
SELECT count(*) AS changes FROM acct.release_changes WHERE release_id = :wrong;
RESET SESSION AUTHORIZATION;

--
-- The round trip: into an empty database, approved there, and out again
--
SELECT document FROM public.file WHERE name = 'now' \gset
SELECT acct.policy_digest() AS digest \gset
DROP DATABASE IF EXISTS regress_policy_file_2;
CREATE DATABASE regress_policy_file_2;
\c regress_policy_file_2
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT count(*) AS roles FROM acct.install_roles();
SET SESSION AUTHORIZATION regress_file_maker;
SELECT acct.create_release('All of it') AS release \gset
SELECT i.table_name, i.operation, count(*) FROM acct.import_policy(:'document', :release, true) AS i GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS changes FROM acct.release_changes WHERE release_id = :release;
SELECT severity, finding, template_code, version, match_no, line_no, message FROM acct.check_release(:release) WHERE severity <> 'notice' AND finding <> 'out_of_balance';
SELECT DISTINCT maker, approver, status FROM acct.journal_template;
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION regress_file_approver;
SELECT acct.approve_release(:release) AS changes;
SELECT acct.export_policy() = :'document' AS same_text;
-- A template whose basis was new has waited.
SET SESSION AUTHORIZATION regress_file_maker;
SELECT acct.create_release('The rest') AS release \gset
SELECT i.* FROM acct.import_policy(:'document', :release, true) AS i;
SELECT acct.submit_release(:release);
SET SESSION AUTHORIZATION regress_file_approver;
SELECT acct.approve_release(:release) AS changes;
SELECT acct.export_policy() = :'document' AS same_text;
RESET SESSION AUTHORIZATION;
SELECT acct.policy_digest() = :'digest' AS same_digest;
SELECT DISTINCT maker, approver, status FROM acct.journal_template;

\c :regress_db
DROP DATABASE :"topic_db";
DROP DATABASE regress_policy_file_2;
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_file_maker, regress_file_approver;

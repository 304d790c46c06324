-- On one path: nothing here depends on it.
-- What check_template() and check_release() find: every finding, its place and its message
\set topic checks
\i test/sql/setup.sql
CREATE PROCEDURE public.draft(code text, lines text[], matches jsonb DEFAULT NULL, header jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
DECLARE
    v integer := 1 + coalesce((SELECT max(version) FROM acct.journal_template WHERE template_code = code), 0);
    t acct.journal_template := jsonb_populate_record(NULL::acct.journal_template, header);
    part text[];
    n integer := 0;
BEGIN
    INSERT INTO acct.journal_template (template_code, version, template_type, basis, effective_from, effective_to, skip_zero_lines, release_id)
    VALUES (code, v, coalesce(t.template_type, 'STANDARD'), coalesce(t.basis, 'PRIMARY'), coalesce(t.effective_from, '2000-01-01'), t.effective_to,
            coalesce(t.skip_zero_lines, true), t.release_id);
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, product_code, channel, condition_expr, priority)
    SELECT code, v, coalesce(m.match_no, row_number() OVER ()), m.txn_type, m.product_code, m.channel, m.condition_expr, coalesce(m.priority, 100)
      FROM jsonb_populate_recordset(NULL::acct.journal_template_match, coalesce(matches, jsonb_build_array(jsonb_build_object('txn_type', code)))) AS m;
    FOR part IN SELECT regexp_match(l, '^(DR|CR) (\S+) (\S+) (.*?)(?: IF (.*))?$') FROM unnest(lines) AS l LOOP
        n := n + 1;
        INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, condition_expr, memo)
        VALUES (code, v, n, part[1], part[2], part[3], nullif(part[4], '*'), part[4] = '*', part[5], 'Memo');
    END LOOP;
END
$$;
CREATE FUNCTION public.found(code text, v integer) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', severity, finding, 'match ' || match_no, 'line ' || line_no, 'at ' || position, message) FROM acct.check_template(code, v)
$$;
\pset format unaligned
\pset tuples_only on
-- Every finding has its severity and a hint of its own.
SELECT * FROM acct._rule_findings();
SELECT count(*) AS n FROM acct._rule_findings() GROUP BY finding HAVING count(*) > 1;

-- Nothing is wrong.
CALL public.draft('GOOD', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT public.found('GOOD', 1);
-- All at once, with hints
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable, effective_from, effective_to) VALUES
    ('1', 'Heading', 'ASSET', NULL, false, '2000-01-01', NULL), ('F2ONLY', 'Of the operator', 'ASSET', 'F2', true, '2000-01-01', NULL),
    ('ENDS', 'Ends', 'ASSET', NULL, true, '2000-01-01', '2025-07-01'), ('NEW', 'Begins', 'ASSET', NULL, true, '2025-01-01', NULL);
CALL public.draft('BAD', '{DR 1 F1 :gross_amount,CR NONE F1 :gross_amount,DR F2ONLY F1 :gross_amount,CR 1000 NOFUND 0,CR 2000 F1 * ,DR 1000 F1 :ujroh_amount IF false}', '[]');
UPDATE acct.journal_template_line SET memo = ' ' WHERE template_code = 'BAD' AND line_no = 5;
SELECT severity, finding, match_no, line_no, "position", message, hint FROM acct.check_template('BAD', 1);
\set VERBOSITY default
SELECT acct.submit_template('BAD', 1);
\set VERBOSITY terse
CALL public.draft('EMPTY', '{}', '[]');
SELECT public.found('EMPTY', 1);
CALL public.draft('NOTHING', '{DR 1000 F1 1}', NULL, '{"template_type": "IGNORE"}');
SELECT public.found('NOTHING', 1);
SELECT public.found('NOSUCH', 1);
SELECT public.found(NULL, NULL);

--
-- Values that are not known, and skipped
--
CALL public.draft('HIDES', ARRAY['DR 1000 F1 1 + greatest(12 - (:attributes ->> ''months'')::numeric, 0)', 'CR 2000 F1 *',
                                 'DR 1000 F1 1 IF :gross_amount > least(10, greatest((:attributes ->> ''a'')::numeric, 0))'],
                  '[{"txn_type": "HIDES", "condition_expr": "''ä'' > ''b'' AND least((:attributes #>> ''{a,b}'')::numeric, :gross_amount) > 0"}]');
SELECT public.found('HIDES', 1);
-- Known, or it says what an unknown one counts as, or NULL stays NULL
CALL public.draft('KNOWN', ARRAY['DR 1000 F1 greatest(:gross_amount - 100, :ujroh_amount, 0)', 'DR 1000 F1 greatest(coalesce((:attributes ->> ''a'')::numeric, 1), 0)', 'CR 2000 F1 *',
                                 'DR 1000 F1 greatest(CASE WHEN :attributes ? ''a'' THEN 1 ELSE :gross_amount END, 0)', 'DR 1000 F1 (:attributes ->> ''a'')::numeric',
                                 'DR 1000 F1 least((:attributes ->> ''a'')::numeric)', 'DR 1000 F1 greatest(length(:txn_type), 1)']);
SELECT public.found('KNOWN', 1);
CALL public.draft('NULLABLE', ARRAY['DR 1000 F1 greatest(CASE WHEN :gross_amount > 0 THEN 1 END, 0)', 'DR 1000 F1 greatest(nullif(:gross_amount, 0), 0)', 'CR 2000 F1 *',
                                    'DR 1000 F1 greatest(coalesce((:attributes ->> ''a'')::numeric, (:attributes ->> ''b'')::numeric), 0)',
                                    'DR 1000 F1 greatest(substring(:txn_type from ''[0-9]+'')::numeric, 0)', 'DR 1000 F1 least(greatest((:attributes ->> ''a'')::numeric, (:attributes ->> ''b'')::numeric), 1)']);
SELECT public.found('NULLABLE', 1);

--
-- Expressions: the source has changed since they were saved
--
ALTER TABLE acct.txn_source_parent ADD COLUMN rate numeric(20,4), ADD COLUMN region text;
CALL public.draft('RATE', '{DR 1000 F1 :gross_amount * :rate IF :region = ''EAST'',CR 2000 F1 *}',
                  '[{"txn_type": "RATE", "condition_expr": ":gross_amount > 0 AND :region <> ''WEST''"}]');
SELECT public.found('RATE', 1);
SELECT acct.submit_template('RATE', 1);
BEGIN;
ALTER TABLE acct.txn_source_parent DROP COLUMN rate, DROP COLUMN region;
SELECT severity, finding, match_no, line_no, "position", message, hint FROM acct.check_template('RATE', 1);
-- Also when it is approved
SET SESSION AUTHORIZATION :"checker";
\set VERBOSITY default
SELECT acct.approve_template('RATE', 1);
\set VERBOSITY terse
ROLLBACK;

--
-- What can never apply
--
CALL public.draft('NEVER', ARRAY['DR 1000 F1 :gross_amount IF :gross_amount > 5 AND :gross_amount < 3', 'DR 1000 F1 0.00', 'DR 1000 F1 0 * :gross_amount', 'DR 1000 F1 1 IF NULL',
                             'DR 1000 F1 1 IF :channel = ''WEB''', 'DR 1000 F1 1 IF :gross_amount <= 0', 'CR 2000 F1 *'],
                  '[{"txn_type": "NEVER", "condition_expr": ":gross_amount > 10"}, {"txn_type": "NEVER2", "condition_expr": ":gross_amount > 100 OR :gross_amount > 200"},
                    {"txn_type": "NEVER", "condition_expr": "1 = 2"}, {"txn_type": "NEVER", "condition_expr": ":channel IS NULL AND :channel = ''X''"}]');
SELECT public.found('NEVER', 1);
CALL public.draft('ZERO', '{DR 1000 F1 0,CR 2000 F1 *}', NULL, '{"skip_zero_lines": false}');
SELECT public.found('ZERO', 1);
-- The prover is not asked of conditions that would take it long.
SELECT acct._compare_conditions(a, b), s FROM (
    SELECT ':gross_amount > 1' AS a, ':gross_amount > 0' AS b, 1 AS s
    UNION ALL SELECT ':gross_amount > 1', ':gross_amount < 0', 2
    UNION ALL SELECT ':gross_amount > 1', ':ujroh_amount < 0', 3
    UNION ALL SELECT 'true', ':ujroh_amount < 0', 4
    UNION ALL SELECT ':ujroh_amount < 0', 'true', 5
    UNION ALL SELECT 'false', ':ujroh_amount < 0', 6
    UNION ALL SELECT ':channel IN (''A'', ''B'')', ':channel IN (''A'', ''B'', ''C'')', 7
    UNION ALL SELECT ':channel IN (''A'', ''B'')', ':channel = ''C''', 8
    UNION ALL SELECT ':nosuch', 'true', 9
    UNION ALL SELECT NULL, 'true', 10
    UNION ALL SELECT x.t, x.t || ' OR :gross_amount = 7', 11
      FROM (SELECT repeat('(:gross_amount > 1 OR :ujroh_amount > 2 AND ', 40) || 'true' || repeat(')', 40)) AS x (t)
    UNION ALL SELECT string_agg(format(':gross_amount = %s', n), ' OR '), string_agg(format(':ujroh_amount = %s', n), ' AND '), 12 FROM generate_series(1, 200) AS n) AS x ORDER BY s;

--
-- Match rules: unreachable, taking all, overlapping
--
CALL public.policy('ALL', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "M", "priority": 50}]');
CALL public.policy('PROD', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "M2", "product_code": "P"}]');
-- Behind ALL; before PROD's first rule; a second rule that the first one covers
CALL public.draft('M', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}',
                  '[{"txn_type": "M"}, {"txn_type": "M2", "priority": 10}, {"txn_type": "M2", "product_code": "X", "priority": 20}, {"txn_type": "M", "condition_expr": ":gross_amount > 5", "priority": 50},
                    {"txn_type": "M", "priority": 49, "condition_expr": ":gross_amount > 5"}]');
SELECT public.found('M', 1);
-- Equal priority: the same codes, crossing codes, what names more and is meant to, what excludes each other
INSERT INTO acct.accounting_basis (basis, description) VALUES ('IFRS', 'Other books');
CALL public.policy('RIVAL', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "M2", "product_code": "P"}, {"product_code": "Q", "channel": "C", "condition_expr": ":gross_amount > 100"}]',
                   '{"basis": "IFRS"}');
CALL public.draft('TIE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}',
                  '[{"txn_type": "M2", "product_code": "P", "condition_expr": ":ujroh_amount > 0"}, {"txn_type": "Z", "channel": "C"}, {"product_code": "Q", "channel": "C", "condition_expr": ":gross_amount <= 100"},
                    {"product_code": "Q", "channel": "C", "condition_expr": ":gross_amount <= 101"}, {"txn_type": "M2", "channel": "D"}, {"txn_type": "Z"}, {"channel": "C", "condition_expr": ":gross_amount = 5"},
                    {"product_code": "P", "channel": "E", "priority": 99}]', '{"basis": "IFRS"}');
SELECT public.found('TIE', 1);
-- Others in other bases, on other days, and retired ones
CALL public.draft('OTHER', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "M"}]', '{"basis": "IFRS"}');
SELECT public.found('OTHER', 1);
CALL public.draft('EARLY', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "L"}]', '{"effective_to": "2025-01-01"}');
CALL public.policy('LATE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "L"}]', '{"effective_from": "2025-01-01"}');
SELECT public.found('EARLY', 1);
UPDATE acct.journal_template SET effective_to = '2025-01-02' WHERE template_code = 'EARLY';
SELECT public.found('EARLY', 1);

--
-- Days in effect
--
CALL public.policy('DAYS', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2024-01-01", "effective_to": "2025-01-01"}');
CALL public.draft('DAYS', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-03-01"}');
SELECT public.found('DAYS', 2);
UPDATE acct.journal_template SET effective_from = '2024-07-01', effective_to = '2024-08-01' WHERE template_code = 'DAYS' AND version = 2;
SELECT public.found('DAYS', 2);
UPDATE acct.journal_template SET effective_from = '2024-07-01', effective_to = '2024-07-01' WHERE template_code = 'DAYS' AND version = 2;
SELECT public.found('DAYS', 2);
UPDATE acct.journal_template SET effective_from = '2024-07-01', effective_to = 'infinity' WHERE template_code = 'DAYS' AND version = 2;
SELECT public.found('DAYS', 2);
CALL public.policy('DAYS', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-01-01"}');
SELECT public.found('DAYS', 2);
UPDATE acct.journal_template SET effective_from = '2025-02-01' WHERE template_code = 'DAYS' AND version = 2;
SELECT public.found('DAYS', 2);
UPDATE acct.journal_template SET effective_from = '-infinity', effective_to = '2024-02-01' WHERE template_code = 'DAYS' AND version = 2;
SELECT public.found('DAYS', 2);
DELETE FROM acct.journal_template WHERE template_code = 'DAYS' AND version = 2;

--
-- Accounts
--
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from, effective_to) VALUES
    ('P', NULL, 'ABSTRACT', 'F1', '1000', 'F1', '2000-01-01', NULL), ('Q', 'C', 'ABSTRACT', 'F1', 'ENDS', 'F1', '2000-01-01', NULL),
    ('R', NULL, '1', 'F1', 'NOSUCH', 'F1', '2000-01-01', NULL), ('R', NULL, 'F2ONLY', 'F1', '1', 'F1', '2000-01-01', NULL),
    ('R', NULL, '2000', 'F1', 'F2ONLY', 'F1', '2000-01-01', '2025-01-01'), ('R', NULL, '1000', 'F1', '1000', 'NOFUND', '2000-01-01', NULL);
CALL public.draft('DATES', '{DR ENDS F1 :gross_amount,DR NEW F1 1,CR 2000 F1 *}', '[{"txn_type": "DATES", "product_code": "P"}]', '{"effective_from": "2024-01-01"}');
SELECT public.found('DATES', 1);
UPDATE acct.journal_template SET effective_from = '2025-01-01', effective_to = '2025-07-01' WHERE template_code = 'DATES';
SELECT public.found('DATES', 1);
CALL public.draft('MAP', '{DR ABSTRACT F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "MAP", "product_code": "P"}]');
SELECT public.found('MAP', 1);
UPDATE acct.journal_template_match SET product_code = 'Q', channel = 'C' WHERE template_code = 'MAP';
SELECT public.found('MAP', 1);
UPDATE acct.journal_template_match SET channel = NULL WHERE template_code = 'MAP';
SELECT public.found('MAP', 1);
UPDATE acct.journal_template_match SET product_code = NULL WHERE template_code = 'MAP';
SELECT public.found('MAP', 1);
CALL public.draft('MAPS', '{DR 1 F1 :gross_amount,DR F2ONLY F1 1,DR 1000 F1 1,CR 2000 F1 *}', '[{"txn_type": "MAPS"}]');
SELECT public.found('MAPS', 1);

--
-- Releases
--
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_checks_maker, regress_checks_approver;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_checks_maker IN ROLE acct_finance;
CREATE ROLE regress_checks_approver IN ROLE acct_approver;
CREATE FUNCTION public.found(id bigint) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', severity, finding, template_code || ' v' || version, 'match ' || match_no, 'line ' || line_no, 'at ' || position, message) FROM acct.check_release(id)
$$;
SET SESSION AUTHORIZATION regress_checks_maker;
SELECT acct.create_release('First') AS one, acct.create_release('Second') AS two \gset
SELECT public.found(:one);
-- What is drafted in another release is not there yet, and said to be there.
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type) VALUES (:two, 'insert', '7000', 'Seven', 'ASSET');
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:two, 'insert', 'F7', 'Seventh', 'OTHER');
INSERT INTO acct.journal_template (template_code, release_id) VALUES ('SEVEN', :one);
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SEVEN', 1, 'SEVEN');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, memo) VALUES ('SEVEN', 1, 'DR', '7000', 'F7', ':gross_amount', 'Memo');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:one, 'insert', 'Z', '1000', 'F1', '7000', 'F7');
SELECT severity, finding, template_code, version, line_no, message, hint FROM acct.check_release(:one);
SELECT severity, finding, line_no, message, hint FROM acct.check_template('SEVEN', 1);
\set VERBOSITY default
SELECT acct.submit_release(:one);
\set VERBOSITY terse
SELECT public.found(:two);
-- With them, nothing is wrong.
DELETE FROM acct.product_account_map_draft WHERE release_id = :one;
UPDATE acct.journal_template SET release_id = :two WHERE template_code = 'SEVEN';
SELECT public.found(:two);
-- Both touch the same rows; one ends what the other uses.
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description) VALUES (:one, 'update', '2000', 'Due'), (:two, 'update', '2000', 'Owed');
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:one, 'LATE', 1, '2025-06-01'), (:two, 'LATE', 1, '2025-07-01');
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, effective_to) VALUES (:one, 'update', '1000', '2030-01-01');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, memo) VALUES ('SEVEN', 2, 'CR', '1000', 'F7', ':gross_amount', 'Memo');
INSERT INTO acct.journal_template (template_code, version) VALUES ('SEVEN', 2);
SELECT public.found(:one);
SELECT public.found(:two);
-- What a retirement uncovers
RESET SESSION AUTHORIZATION;
CALL public.policy('TWICE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('TWICE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-02-01"}');
SET SESSION AUTHORIZATION regress_checks_maker;
SELECT acct.create_release('Retire') AS three \gset
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:three, 'TWICE', 2, '2025-06-01');
SELECT public.found(:three);
-- New accounts that no line of a layout takes: of the statement that they belong to, postable ones
RESET SESSION AUTHORIZATION;
INSERT INTO acct.statement_layout (layout, statement, description, is_default) VALUES ('PL', 'profit_and_loss', 'Result', true), ('BS', 'balance_sheet', 'Position', true), ('CASH', 'balance_sheet', 'Cash', false);
INSERT INTO acct.statement_line (layout, line_no, label, sign) VALUES ('PL', 1, 'Income', -1), ('BS', 1, 'Assets', 1), ('CASH', 1, 'Cash', 1);
INSERT INTO acct.statement_account (layout, line_no, selection_no, account_type, from_account) VALUES ('PL', 1, 1, 'INCOME', NULL), ('BS', 1, 1, 'ASSET', NULL), ('CASH', 1, 1, NULL, '1000');
SET SESSION AUTHORIZATION regress_checks_maker;
SELECT acct.create_release('Accounts') AS four \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, is_postable) VALUES
    (:four, 'insert', '9000', 'Income', 'INCOME', true), (:four, 'insert', '9001', 'Expense', 'EXPENSE', true), (:four, 'insert', '9002', 'Asset', 'ASSET', true),
    (:four, 'insert', '9003', 'Liability', 'LIABILITY', true), (:four, 'insert', '9004', 'Heading', 'LIABILITY', false);
SELECT public.found(:four);
-- The release places them.
INSERT INTO acct.statement_account_draft (release_id, operation, layout, line_no, selection_no, from_account, to_account)
VALUES (:four, 'insert', 'PL', 1, 2, '9001', NULL), (:four, 'insert', 'BS', 1, 2, '9003', NULL), (:four, 'insert', 'CASH', 1, 2, '9002', '9003');
SELECT public.found(:four);
-- Another description moves no account to another line.
SELECT acct.create_release('Accounts that were there') AS five \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description) VALUES (:five, 'update', '2000', 'Named');
SELECT public.found(:five);
UPDATE acct.chart_of_accounts_draft SET account_type = 'EXPENSE' WHERE release_id = :five;
SELECT public.found(:five);
RESET SESSION AUTHORIZATION;
DELETE FROM acct.policy_release WHERE release_id IN (:four, :five);
DELETE FROM acct.statement_account; DELETE FROM acct.statement_line; DELETE FROM acct.statement_layout;
SET SESSION AUTHORIZATION regress_checks_maker;
-- What the tables refuse, each by its row, with all that is outdated, and what depends on it
DELETE FROM acct.chart_of_accounts_draft WHERE release_id = :one;
DELETE FROM acct.template_retirement_draft WHERE release_id = :one;
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, fund, parent_account_code) VALUES
    (:one, 'insert', '8000', 'Below one that is not there', 'ASSET', NULL, 'NOPARENT'), (:one, 'insert', '8001', 'Below its neighbour', 'ASSET', NULL, '8002'),
    (:one, 'insert', '8002', 'Good', 'ASSET', NULL, NULL), (:one, 'insert', '8003', 'Of no fund', 'ASSET', 'NOFUND', NULL);
INSERT INTO acct.currency_draft (release_id, operation, currency, minor_units) VALUES (:one, 'insert', 'USD', 2), (:one, 'update', 'CY0', 0);
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:one, 'update', 'F1', 'First');
INSERT INTO acct.journal_template (template_code, release_id) VALUES ('EIGHT', :one);
RESET SESSION AUTHORIZATION;
INSERT INTO acct.currency VALUES ('USD', 3);
UPDATE acct.fund SET name = 'Changed' WHERE fund = 'F1';
SET SESSION AUTHORIZATION regress_checks_maker;
SELECT public.found(:one);
SELECT acct.submit_release(:one);
SELECT count(*) AS accounts FROM acct.chart_of_accounts WHERE account_code LIKE '8%';
-- Warnings keep nothing from being submitted.
SELECT public.found('TIE', 1) LIKE 'warning%' AS is_warning LIMIT 1;
SELECT acct.submit_template('TIE', 1);
-- The approver sees the same.
SET SESSION AUTHORIZATION regress_checks_approver;
SELECT count(*) AS findings FROM acct.check_release(:two);
SELECT public.found('TIE', 1);
RESET SESSION AUTHORIZATION;
SELECT public.found(99);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_checks_maker, regress_checks_approver;

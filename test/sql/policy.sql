-- On one path: nothing here depends on it.
-- The digest of the policy in force, and what becomes of an expanded run when policy changes before it is posted
\set topic policy
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
-- Kept as policy changes: always what its rows give.
CREATE FUNCTION public.kept() RETURNS boolean LANGUAGE sql AS $$ SELECT acct._policy_digest(acct._policy_kept()) = acct.policy_digest() $$;
SELECT acct.policy_digest() AS before, acct.policy_digest() ~ '^[0-9a-f]{64}$' AS as_documented, public.kept() \gset
SELECT :'as_documented' AS as_documented, :'kept' AS kept;
CREATE FUNCTION public.after(change text, OUT changed boolean, OUT kept boolean, OUT reverted boolean) LANGUAGE plpgsql AS $$
DECLARE
    before text := acct.policy_digest();
BEGIN
    BEGIN
        EXECUTE change;
        changed := acct.policy_digest() <> before;
        kept := public.kept();
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        reverted := acct.policy_digest() = before AND public.kept();
    END;
END
$$;
CREATE PROCEDURE public.draft(code text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acct.journal_template (template_code) VALUES (code);
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES (code, 1, code);
    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
    VALUES (code, 1, 'DR', '1000', 'F1', ':gross_amount', false), (code, 2, 'CR', '2000', 'F1', NULL, true);
END
$$;
SELECT c.n, a.*, c.change
  FROM (VALUES (1, 'INSERT INTO acct.fund VALUES (''F9'', ''Nine'', ''OTHER'')'),
               (2, 'UPDATE acct.fund SET name = name || ''!'''),
               (3, 'UPDATE acct.fund SET name = name'),
               (4, 'DELETE FROM acct.fund WHERE fund = ''F2'''),
               (5, 'INSERT INTO acct.currency VALUES (''XXX'', 2), (''YYY'', 2)'),
               (6, 'UPDATE acct.currency SET minor_units = 3 WHERE currency = ''IDR'''),
               (7, 'UPDATE acct.chart_of_accounts SET effective_to = ''2030-01-01'''),
               (8, 'INSERT INTO acct.chart_of_accounts (account_code, description, account_type) SELECT ''X'' || n, ''X'', ''ASSET'' FROM generate_series(1, 50) AS n'),
               (9, 'INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES (''1000'', ''Other'', ''ASSET'') ON CONFLICT (account_code) DO UPDATE SET description = excluded.description'),
               (10, 'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (''P'', ''2000'', ''F1'', ''3000'', ''F1'')'),
               (11, 'INSERT INTO acct.entity (entity_code) VALUES (''POLICY'')'),
               (12, 'INSERT INTO acct.accounting_basis VALUES (''TAX'', ''Tax'')'),
               (13, 'CALL public.draft(''D'')'),
               (14, 'CALL public.draft(''D''); SELECT acct.submit_template(''D'', 1)'),
               (15, 'CALL public.draft(''D''); DELETE FROM acct.journal_template WHERE template_code = ''D'''),
               (16, 'CALL public.policy(''D'', ''{DR 1000 F1 :gross_amount,CR 2000 F1 *}'')'),
               (17, 'SELECT public.retire(''A'', 1, ''2025-06-01'')'),
               (18, 'UPDATE acct.accounting_period SET is_open = is_open; INSERT INTO acct.accounting_period VALUES (''MAIN'', ''PRIMARY'', ''2024-12-01'', false)'),
               (22, 'UPDATE acct.posting_limit SET value = 3 WHERE name = ''months_apart'''),
               -- What only a superuser can do
               (19, 'SET LOCAL ledger_engine.maintenance = on; UPDATE acct.journal_template_line SET amount_expr = '':gross_amount * 2'' WHERE template_code = ''A'' AND line_no = 1'),
               (20, 'SET LOCAL ledger_engine.maintenance = on; DELETE FROM acct.journal_template WHERE template_code = ''A'''),
               (21, 'SET LOCAL ledger_engine.maintenance = on; DELETE FROM acct.journal_template_match WHERE template_code = ''A''')) AS c (n, change),
       public.after(c.change) AS a ORDER BY c.n;
-- The order of rows, and whether they came at once, do not matter; nor do settings of the session.
SET datestyle = 'SQL, DMY';
SELECT acct.policy_digest() = :'before' AS same, public.kept() AS kept;
SET datestyle = 'ISO, YMD';
BEGIN;
UPDATE acct.chart_of_accounts SET effective_to = '2030-01-01';
UPDATE acct.chart_of_accounts SET effective_to = NULL;
SELECT acct.policy_digest() = :'before' AS same, public.kept() AS kept;
ROLLBACK;
-- Many changes are folded when a run is expanded, into the same digest.
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) SELECT 'X' || n, 'X', 'ASSET' FROM generate_series(1, 1200) AS n;
CALL public.txn(1, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'one') AS one \gset
SELECT count(*) < 20 AS folded, public.kept() AS kept FROM acct.policy_change;
SELECT r.policy_digest = acct.policy_digest() AS digest, r.engine_version = e.extversion AS version, r.minor_units
  FROM acct.journal_run AS r, pg_extension AS e WHERE r.run_id = :one AND e.extname = 'ledger_engine';

-- A change of policy after the run was expanded: what the check says, what posting says, what expanding again makes of it
CALL public.txn(2, '2025-01-01', 'B', 100, '2025-01-20', 'Q');
CALL public.policy('B', '{DR 1000 F1 :gross_amount / 3,CR 2000 F1 *}');
CALL public.txn(4, '2025-01-01', 'B', 100, '2025-02-01');
SELECT acct.discard_run(:one);
SELECT public.expanded('2025-01-01', 'two') AS two \gset
CREATE FUNCTION public.beside(id bigint, change text) RETURNS TABLE (actual text, post text, again boolean, posted text, accounts text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        -- Past what else keeps accounts with entries from being changed
        SET LOCAL ledger_engine.maintenance = on;
        EXECUTE change;
        SET LOCAL ledger_engine.maintenance = off;
        actual := (SELECT v.actual FROM acct.validate_run(id) AS v WHERE v.check_name = 'policy_in_force' AND v.passed = (v.actual = ''));
        BEGIN
            PERFORM FROM acct.post_journals(id);
            post := 'posted';
        EXCEPTION WHEN OTHERS THEN
            post := format('%s: %s', SQLSTATE, replace(SQLERRM, 'run ' || id, 'run N'));
            again := (SELECT NOT bool_or(e.already_done) FROM acct.expand_journals(id) AS e);
            PERFORM FROM acct.post_journals(id);
            posted := (SELECT format('%s journals, %s exceptions', r.journals, r.exceptions) FROM acct.journal_run AS r
                        WHERE r.run_id = id AND r.policy_digest = acct.policy_digest());
            accounts := (SELECT string_agg(DISTINCT l.account_code, ' ') FROM acct.ledger_entry_line AS l WHERE l.run_id = id);
        END;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        RETURN NEXT;
    END;
END
$$;
-- Of no matter for it
SELECT b.post, c.change
  FROM unnest(ARRAY['CALL public.draft(''D'')', 'CALL public.policy(''D'', ''{DR 1000 F1 :gross_amount,CR 2000 F1 *}'')',
                    'UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = ''3000''',
                    'UPDATE acct.chart_of_accounts SET description = ''Money'' WHERE account_code = ''1000''',
                    'UPDATE acct.chart_of_accounts SET effective_from = ''2025-01-15'', effective_to = ''2025-02-02'' WHERE account_code = ''1000''',
                    'UPDATE acct.currency SET minor_units = 4 WHERE currency = ''CY0''',
                    'SELECT public.retire(''A'', 1, ''2025-01-16'')',
                    'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (''Q'', ''4000'', ''F1'', ''3000'', ''F1'')',
                    'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund, effective_to) VALUES (''Q'', ''2000'', ''F1'', ''3000'', ''F1'', ''2025-01-20'')',
                    'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (''Q'', ''2000'', ''F1'', ''2000'', ''F1'')',
                    'UPDATE acct.posting_limit SET value = 2025 WHERE name LIKE ''%_year''',
                    'INSERT INTO acct.entity (entity_code) VALUES (''POLICY'')']) WITH ORDINALITY AS c (change, n),
       public.beside(:two, c.change) AS b ORDER BY c.n;
-- It must be expanded again.
SELECT b.*
  FROM unnest(ARRAY['UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = ''2000''',
                    'UPDATE acct.chart_of_accounts SET effective_to = ''2025-01-20'' WHERE account_code = ''2000''',
                    'UPDATE acct.chart_of_accounts SET effective_from = ''2025-02-01'' WHERE account_code = ''2000''',
                    'UPDATE acct.chart_of_accounts SET fund = ''F2'' WHERE account_code = ''2000''',
                    'DELETE FROM acct.chart_of_accounts WHERE account_code = ''2000''',
                    'DELETE FROM acct.fund WHERE fund = ''F1''',
                    'UPDATE acct.currency SET minor_units = 0 WHERE currency = ''IDR''',
                    'UPDATE acct.currency SET minor_units = 4 WHERE currency = ''IDR''',
                    'DELETE FROM acct.currency WHERE currency = ''IDR''',
                    'SELECT public.retire(''A'', 1, ''2025-01-15'')',
                    'CALL public.policy(''B'', ''{DR 1000 F1 :gross_amount,CR 3000 F1 *}'')',
                    'CALL public.policy(''B'', ''{DR 1000 F1 :gross_amount,CR 3000 F1 *}'', NULL, ''{"effective_from": "2025-01-20"}'')',
                    'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (''Q'', ''2000'', ''F1'', ''3000'', ''F1'')',
                    'INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund, channel, effective_from) VALUES (''P'', ''1000'', ''F1'', ''1000'', ''F2'', ''C'', ''2025-01-15'')',
                    'UPDATE acct.posting_limit SET value = 0 WHERE name = ''months_apart''',
                    'UPDATE acct.posting_limit SET value = 2024 WHERE name = ''last_year''',
                    'UPDATE acct.posting_limit SET value = 2026 WHERE name = ''first_year''',
                    'UPDATE acct.entity SET effective_to = ''2025-01-20''', 'UPDATE acct.entity SET effective_from = ''2025-01-16''',
                    'INSERT INTO acct.entity (entity_code) VALUES (''POLICY''); DELETE FROM acct.entity WHERE entity_code = ''MAIN''']) WITH ORDINALITY AS c (change, n),
       public.beside(:two, c.change) AS b ORDER BY c.n;
-- The message; and as one row for schedulers
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '2000';
SELECT * FROM acct.post_journals(:two);
SELECT policy_in_force, periods_open, all_passed FROM acct.check_run('two');
SELECT journals, exceptions, already_done FROM acct.expand_journals(:two);
SELECT journals, exceptions, already_done FROM acct.expand_journals(:two);
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '2000';
-- Exceptions that policy now allows do not keep a run from being posted. A posted run is what it was.
SELECT check_name, passed FROM acct.validate_run(:two) WHERE check_name = 'policy_in_force';
SELECT acct.discard_run(:two);
SELECT public.posted('2025-01-01', 'three') AS three \gset
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '2000';
SELECT bool_and(passed) AS passed FROM acct.validate_run(:three);
SELECT bool_and(already_done) AS done FROM acct.expand_journals(:three);
SELECT bool_and(already_done) AS done FROM acct.post_journals(:three);
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '2000';
-- A run that an older version expanded has no digest: it is looked at.
CALL public.txn(3, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'four') AS four \gset
UPDATE acct.journal_run SET policy_digest = NULL, policy_sums = NULL, minor_units = NULL WHERE run_id = :four;
SELECT passed FROM acct.validate_run(:four) WHERE check_name = 'policy_in_force';
SELECT post, posted FROM public.beside(:four, 'SELECT public.retire(''A'', 1, ''2025-01-15'')');

-- What a run ignored is in no journal: it must be expanded again where what ignored it has ended, or is another, and only there.
CALL public.policy('IGN', '{}', '[{"txn_type": "N"}]', '{"template_type": "IGNORE"}');
CALL public.txn(5, '2025-01-01', 'N');
CALL public.txn(6, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'five') AS five \gset
SELECT b.*
  FROM unnest(ARRAY['SELECT public.retire(''IGN'', 1, ''2025-01-10'')',
                    'CALL public.policy(''IGN'', ''{}'', ''[{"txn_type": "OTHER"}]'', ''{"template_type": "IGNORE"}'')',
                    'CALL public.policy(''IGN'', ''{DR 1000 F1 :gross_amount,CR 3000 F1 *}'', ''[{"txn_type": "N"}]'')',
                    'UPDATE acct.journal_template_match SET txn_type = ''OTHER'' WHERE template_code = ''IGN''',
                    'DELETE FROM acct.journal_template WHERE template_code = ''IGN''']) WITH ORDINALITY AS c (change, n),
       public.beside(:five, c.change) AS b ORDER BY c.n;
SELECT b.post, c.change
  FROM unnest(ARRAY['CALL public.policy(''D'', ''{DR 1000 F1 :gross_amount,CR 2000 F1 *}'')',
                    'SELECT public.retire(''B'', 1, ''2025-01-10'')',
                    'SELECT public.retire(''IGN'', 1, ''2026-06-01'')',
                    'CALL public.policy(''IGN'', ''{}'', ''[{"txn_type": "OTHER"}]'', ''{"template_type": "IGNORE", "effective_from": "2026-06-01"}'')']) WITH ORDINALITY AS c (change, n),
       public.beside(:five, c.change) AS b ORDER BY c.n;

-- Whether a basis takes every transaction, before it is posted: expanded again. What is posted is judged by what it had.
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.txn(7, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'six') AS six \gset
SELECT b.*
  FROM unnest(ARRAY['UPDATE acct.accounting_basis SET every_transaction = true WHERE basis = ''TAX''',
                    'UPDATE acct.accounting_basis SET every_transaction = false WHERE basis = ''PRIMARY''']) WITH ORDINALITY AS c (change, n),
       public.beside(:six, c.change) AS b ORDER BY c.n;
SELECT count(*) AS months FROM acct.post_journals(:six);
BEGIN;
UPDATE acct.accounting_basis SET every_transaction = NOT every_transaction;
SELECT bool_and(passed) AS passed, array_agg(check_name) FILTER (WHERE check_name LIKE 'counts_close%') AS counts FROM acct.validate_run(:six);
-- A run that does not say what it had
UPDATE acct.journal_run SET basis_policy = NULL WHERE run_id = :six;
SELECT check_name, passed FROM acct.validate_run(:six) WHERE check_name LIKE 'counts_close%';
ROLLBACK;

-- Past the triggers: health() sees it, install() brings the digest up to date.
SELECT status, observed FROM acct.health('{policy}');
ALTER TABLE acct.chart_of_accounts DISABLE TRIGGER USER;
UPDATE acct.chart_of_accounts SET description = 'Nobody sees it' WHERE account_code = '1000';
ALTER TABLE acct.chart_of_accounts ENABLE TRIGGER USER;
SELECT * FROM acct.health('{policy}');
SELECT acct.install() AS installed \gset
SELECT status, public.kept() AS kept FROM acct.health('{policy}');
-- Triggers that are gone come back with install(), and what changed meanwhile is in the digest.
DROP TRIGGER fund_policy ON acct.fund;
DROP TRIGGER journal_template_policy_delete ON acct.journal_template;
UPDATE acct.fund SET name = 'Nobody sees it' WHERE fund = 'F2';
SELECT acct.install() AS installed \gset
SELECT public.kept() AS kept;
UPDATE acct.fund SET name = 'Somebody sees it' WHERE fund = 'F2';
SELECT public.kept() AS kept;
-- Every trigger of install() says what it does.
SELECT t.tgrelid::regclass AS relation, t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND NOT c.relispartition AND c.relnamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND obj_description(t.oid, 'pg_trigger') IS NULL;
-- Roles
SELECT count(*) AS roles FROM acct.install_roles();
SET SESSION AUTHORIZATION acct_finance;
SELECT acct.policy_digest() IS NOT NULL AS digest;
SELECT count(*) FROM acct.policy_change;
RESET SESSION AUTHORIZATION;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

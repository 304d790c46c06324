-- On one path: nothing here depends on it.
-- Policy stays in the hands of two people while the extension is dropped, whatever rights were given by default, and past its triggers
\set topic trust
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_trust_finance, regress_trust_approver, regress_trust_second, regress_trust_loader, regress_trust_stranger, regress_trust_reader, regress_trust_owner;
CREATE ROLE regress_trust_finance;
CREATE ROLE regress_trust_approver;
CREATE ROLE regress_trust_second;
CREATE ROLE regress_trust_loader;
SELECT count(*) AS roles FROM acct.install_roles();
GRANT acct_finance TO regress_trust_finance;
GRANT acct_approver TO regress_trust_approver, regress_trust_second;
GRANT acct_loader TO regress_trust_loader;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;

--
-- Between DROP EXTENSION and install(): nobody but superusers writes policy or loads, and no function works.
--
SELECT acct.create_release('Draft') AS release \gset
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F3', 'Third', 'OTHER');
INSERT INTO acct.journal_template (template_code, version) VALUES ('A', 2);
DROP EXTENSION ledger_engine CASCADE;
CREATE FUNCTION public.tried(role_name text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role_name);
        EXECUTE statement;
        RAISE EXCEPTION USING ERRCODE = 'XXDON';
    EXCEPTION
        WHEN SQLSTATE 'XXDON' THEN RETURN 'done';
        WHEN OTHERS THEN RETURN SQLSTATE || ': ' || SQLERRM;
    END;
END
$$;
CREATE VIEW public.attack AS
SELECT * FROM (VALUES
    (1, 'regress_trust_finance', 'INSERT INTO acct.journal_template (template_code, version, status, maker, approver) VALUES (''A'', 3, ''approved'', ''ann'', ''bob'')'),
    (2, 'regress_trust_finance', 'UPDATE acct.journal_template_line SET amount_expr = ''gross_amount * 2'' WHERE template_code = ''A'' AND line_no = 1'),
    (3, 'regress_trust_finance', 'DELETE FROM acct.journal_template_match WHERE template_code = ''A'''),
    (4, 'regress_trust_finance', 'UPDATE acct.fund_draft SET name = ''Edited'''),
    (5, 'regress_trust_loader', 'INSERT INTO acct.txn_source_parent (batch_id, txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (1, 2, ''2025-01-01'', ''2025-01-15'', ''A'', ''P'', ''C'', 1, 1)')) AS v (n, role_name, statement);
SELECT a.n, a.role_name, public.tried(a.role_name, a.statement) FROM public.attack AS a ORDER BY a.n;
CREATE EXTENSION ledger_engine;
SELECT a.n, a.role_name, public.tried(a.role_name, a.statement) FROM public.attack AS a ORDER BY a.n;
\set VERBOSITY terse
SELECT acct.create_run('2025-01-01');
SELECT acct.submit_release(:release);
SELECT acct.policy_digest();
SELECT acct.install_roles();
\set VERBOSITY default
SELECT check_name, status, detail FROM acct.health('{layout,policy,guard}');
-- Superusers are held back by nothing: what they changed meanwhile is found, and stays critical until it is acknowledged.
INSERT INTO acct.journal_template (template_code, version, status, maker, approver, approved_sha256) VALUES ('A', 3, 'approved', 'ann', 'bob', repeat('0', 64));
INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type) VALUES ('A', 3, 1, 'A');
UPDATE acct.journal_template_line SET amount_expr = 'gross_amount * 2' WHERE template_code = 'B' AND line_no = 1;
UPDATE acct.fund_draft SET name = 'Edited';
UPDATE acct.chart_of_accounts SET description = 'Other' WHERE account_code = '5000';
DELETE FROM acct.currency WHERE currency = 'CY1';
SELECT acct.install();
SELECT finding_id, table_name, row_key, problem, last_known - 'made_at' - 'content_sha256' <> '{}' AS known, found IS NOT NULL AS there FROM acct.policy_finding ORDER BY finding_id;
SELECT check_name, status, observed, detail FROM acct.health('{layout,policy,approvals,guard}');
SELECT acct.install();
SELECT count(*) AS findings FROM acct.policy_finding;
-- Rights went with the functions and views: health() misses them until install_roles() is called.
SELECT status, observed > 100 AS many, regexp_replace(detail, '[0-9]+ more', 'N more') AS detail FROM acct.health('{rights}');
SELECT public.tried('regress_trust_approver', 'SELECT acct.policy_digest()') AS approver;
-- All works as before, for those who were granted it.
SELECT count(*) AS roles FROM acct.install_roles();
SELECT status, observed, detail FROM acct.health('{rights}');
BEGIN;
REVOKE INSERT ON acct.txn_source_parent FROM acct_loader;
REVOKE EXECUTE ON FUNCTION acct.policy_digest() FROM acct_approver;
SELECT status, observed, detail FROM acct.health('{rights}');
ROLLBACK;
SELECT a.n, a.role_name, public.tried(a.role_name, a.statement) FROM public.attack AS a ORDER BY a.n;
SELECT public.tried('regress_trust_loader', 'INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (2, ''2025-01-01'', ''2025-01-15'', ''A'', ''P'', ''C'', 1, 1)') AS loads;
-- Acknowledged by two approvers, or one superuser
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_trust_finance;
SELECT acct.acknowledge_finding(1, 'fine');
SET SESSION AUTHORIZATION regress_trust_approver;
SELECT acct.acknowledge_finding(0, 'fine');
SELECT acct.acknowledge_finding(1, ' ');
SELECT acct.acknowledge_finding(1, 'the draft was mine');
SELECT acct.acknowledge_finding(1, 'the draft was mine');
SET SESSION AUTHORIZATION regress_trust_second;
SELECT acct.acknowledge_finding(1, 'I saw it');
SELECT acct.acknowledge_finding(1, 'twice');
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT confirmed_by, acknowledged_by, acknowledged_at >= confirmed_at AS in_order, note FROM acct.policy_finding WHERE finding_id = 1;
SELECT bool_and(acct.acknowledge_finding(finding_id, 'restored')) AS acknowledged FROM acct.policy_finding WHERE table_name <> 'journal_template';
SELECT status, observed, detail FROM acct.health('{approvals}');
SELECT bool_and(acct.acknowledge_finding(finding_id, 'restored')) AS acknowledged FROM acct.policy_finding;
SELECT status, observed, detail FROM acct.health('{approvals}');
-- What was acknowledged is not found again; the next change is.
ALTER TABLE acct.fund DISABLE TRIGGER USER;
UPDATE acct.fund SET name = 'Past triggers' WHERE fund = 'F1';
ALTER TABLE acct.fund ENABLE TRIGGER USER;
SELECT status, detail FROM acct.health('{policy}');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{policy,approvals}');
SELECT acct.acknowledge_finding(finding_id, 'again') FROM acct.policy_finding WHERE acknowledged_at IS NULL;
SET timezone = 'Asia/Jakarta';
SELECT acct.install();
SET timezone = 'UTC';
SELECT status, observed FROM acct.health('{approvals}');
-- The same change is found again after it was undone, whether past the triggers or by the audit trail.
CREATE PROCEDURE public.past_triggers(statement text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE statement;
    SET LOCAL session_replication_role = origin;
END
$$;
CALL public.past_triggers('UPDATE acct.fund SET name = ''Risk fund'' WHERE fund = ''F1''');
SELECT acct.install();
SELECT status, observed FROM acct.health('{approvals}');
SELECT table_name, row_key, ended_at >= acknowledged_at AS ended FROM acct.policy_finding WHERE found ->> 'name' = 'Past triggers' ORDER BY finding_id;
CALL public.past_triggers('UPDATE acct.fund SET name = ''Past triggers'' WHERE fund = ''F1''');
SELECT status FROM acct.health('{policy}');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{approvals}');
SELECT acct.acknowledge_finding(finding_id, 'second time') FROM acct.policy_finding WHERE acknowledged_at IS NULL;
UPDATE acct.fund SET name = 'Risk fund' WHERE fund = 'F1';
CALL public.past_triggers('UPDATE acct.fund SET name = ''Past triggers'' WHERE fund = ''F1''');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{approvals}');
SELECT acct.acknowledge_finding(finding_id, 'third time') FROM acct.policy_finding WHERE acknowledged_at IS NULL;
SELECT count(*) AS found, count(ended_at) AS ended FROM acct.policy_finding WHERE found ->> 'name' = 'Past triggers';
-- A version that was not approved, likewise
SELECT content_sha256 IS NOT NULL AS there FROM acct.template_content WHERE template_code = 'A' AND version = 1;
CALL public.past_triggers('UPDATE acct.journal_template_line SET memo = ''Forged'' WHERE template_code = ''A'' AND version = 1');
SELECT acct.install();
SELECT acct.acknowledge_finding(finding_id, 'forged') FROM acct.policy_finding WHERE acknowledged_at IS NULL;
SELECT status, observed FROM acct.health('{approvals}');
CALL public.past_triggers('UPDATE acct.journal_template_line SET memo = NULL WHERE template_code = ''A'' AND version = 1');
SELECT acct.install();
CALL public.past_triggers('UPDATE acct.journal_template_line SET memo = ''Forged'' WHERE template_code = ''A'' AND version = 1');
SELECT status, observed, detail FROM acct.health('{approvals}');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{approvals}');
CALL public.past_triggers('UPDATE acct.journal_template_line SET memo = NULL WHERE template_code = ''A'' AND version = 1');
SELECT acct.install();
SELECT bool_and(acct.acknowledge_finding(finding_id, 'undone')) AS acknowledged FROM acct.policy_finding WHERE acknowledged_at IS NULL;
SELECT status, observed FROM acct.health('{policy,approvals}');
-- A version that was approved past its functions, and one that was changed after it was approved, with no extension dropped
SELECT a.template_code, a.version, a.unchanged FROM acct.template_content AS a WHERE a.status = 'approved' ORDER BY 1, 2;
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE acct.journal_template AS t SET description = 'Forged', approved_sha256 = NULL WHERE template_code = 'A' AND version = 1;
SET LOCAL session_replication_role = origin;
SELECT status, observed, detail FROM acct.health('{approvals}');
ROLLBACK;
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_template_line SET memo = 'Other' WHERE template_code = 'A' AND version = 1;
RESET ledger_engine.maintenance;
SELECT status, observed, detail FROM acct.health('{policy,approvals}');
ROLLBACK;
-- While one trigger is missing or disabled, others than superusers write that table no more.
BEGIN;
DROP TRIGGER journal_template_line_life ON acct.journal_template_line;
SELECT public.tried('regress_trust_finance', 'DELETE FROM acct.journal_template_line WHERE template_code = ''A''');
SELECT public.tried('regress_trust_approver', 'SELECT acct.policy_digest()');
ROLLBACK;
BEGIN;
ALTER TABLE acct.journal_template DISABLE TRIGGER journal_template_life;
SELECT public.tried('regress_trust_finance', 'UPDATE acct.journal_template SET status = ''approved''');
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_own_batch;
SELECT a.n, public.tried(a.role_name, a.statement) FROM public.attack AS a WHERE a.n = 5;
SELECT acct.create_run('2025-01-01');
ROLLBACK;

--
-- Default privileges, set before CREATE EXTENSION or later, give no rights; what was granted by hand is taken back where it writes, and shown.
--
\c :regress_db
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regress_trust_defaults;
CREATE DATABASE regress_trust_defaults;
CREATE ROLE regress_trust_stranger;
CREATE ROLE regress_trust_reader;
\c regress_trust_defaults
SET client_min_messages = warning;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_trust_stranger, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_trust_stranger;
ALTER DEFAULT PRIVILEGES GRANT ALL ON ROUTINES TO regress_trust_stranger;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO acct_finance;
CREATE EXTENSION ledger_engine;
CREATE VIEW public.has AS
SELECT n.nspname, c.oid::regclass::text AS name, r.rolname, p AS privilege
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'ledger_guard')
 CROSS JOIN pg_roles AS r CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p
 WHERE c.relkind IN ('r', 'p', 'v') AND r.rolname IN ('regress_trust_stranger', 'regress_trust_reader', 'acct_finance') AND has_table_privilege(r.oid, c.oid, p)
UNION ALL
SELECT n.nspname, c.oid::regclass::text, r.rolname, p
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'ledger_guard')
 CROSS JOIN pg_roles AS r CROSS JOIN unnest('{USAGE,SELECT,UPDATE}'::text[]) AS p
 WHERE c.relkind = 'S' AND r.rolname IN ('regress_trust_stranger', 'regress_trust_reader', 'acct_finance') AND has_sequence_privilege(r.oid, c.oid, p)
UNION ALL
SELECT n.nspname, f.oid::regprocedure::text, r.rolname, 'EXECUTE'
  FROM pg_proc AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname IN ('acct', 'ledger_guard') CROSS JOIN pg_roles AS r
 WHERE r.rolname IN ('regress_trust_stranger', 'regress_trust_reader', 'acct_finance') AND has_function_privilege(r.oid, f.oid, 'EXECUTE') AND f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND f.proname NOT IN ('month_start', 'month_end', 'days_in_month', 'to_code', '_in_maintenance', '_is_own_batch', '_code_problem', 'check_expression');
SELECT count(*) AS rights FROM public.has;
SELECT acct.install();
SELECT count(*) AS rights FROM public.has;
SELECT check_name, status, detail FROM acct.health('{rights,guard}');
-- What is made later
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01'), acct.rotate_ledger_partitions(0, '2025-01-01');
SELECT acct.install_takaful_sample() IS NOT NULL AS sample;
SELECT acct.generate_sample_transactions('2025-01-01', 100) IS NOT NULL AS loaded;
SELECT count(*) > 0 AS posted FROM acct.run_month('2025-01-01');
SELECT acct.close_period('2025-01-01', e.entity_code, 'PRIMARY') FROM acct.entity AS e ORDER BY e.entity_code;
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS archived;
SELECT count(*) AS rights, array_agg(DISTINCT rolname) AS roles FROM public.has;
SELECT count(*) AS roles FROM acct.install_roles();
SELECT count(*) FILTER (WHERE rolname <> 'acct_finance') AS rights FROM public.has;
SELECT DISTINCT nspname, privilege FROM public.has WHERE name !~ '(_draft|journal_template|journal_template_line|journal_template_match|manual_journal|manual_journal_line)$' ORDER BY 1, 2;
-- A default of SELECT in the schema is meant for the engine's tables.
ALTER DEFAULT PRIVILEGES IN SCHEMA acct GRANT SELECT, INSERT ON TABLES TO regress_trust_reader;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-02-01');
SELECT name, privilege FROM public.has WHERE rolname = 'regress_trust_reader';
GRANT SELECT ON acct.run_log TO regress_trust_reader;
GRANT EXECUTE ON FUNCTION acct.policy_digest TO regress_trust_reader;
SELECT status, observed, detail FROM acct.health('{rights}');
GRANT USAGE ON SCHEMA acct TO regress_trust_reader;
GRANT INSERT ON acct.fund TO regress_trust_reader WITH GRANT OPTION;
GRANT UPDATE (status) ON acct.journal_run TO regress_trust_reader;
GRANT UPDATE ON acct.ledger_entry_line TO acct_operator;
GRANT EXECUTE ON FUNCTION acct._catch_up_policy TO PUBLIC;
SET SESSION AUTHORIZATION regress_trust_reader;
GRANT INSERT ON acct.fund TO regress_trust_stranger;
RESET SESSION AUTHORIZATION;
SELECT status, observed, detail FROM acct.health('{rights}');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{rights}');
SELECT name, rolname, privilege FROM public.has WHERE rolname <> 'acct_finance' ORDER BY 1, 2, 3;

-- The engine's tables are those that it makes: each is known by its name, and the site's own, beside them, is the site's.
SELECT c.relkind, c.relname AS unknown FROM pg_class AS c
 WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind NOT IN ('i', 'I') AND c.oid NOT IN (SELECT o FROM acct._own_relations() AS o);
SELECT n AS unmade FROM acct._own_names() AS n WHERE to_regclass('acct.' || n) IS NULL;
CREATE TABLE acct.site_note (id integer GENERATED ALWAYS AS IDENTITY, note text);
CREATE FUNCTION acct.site_function() RETURNS integer LANGUAGE sql AS 'SELECT 1';
GRANT UPDATE (note) ON acct.site_note TO regress_trust_reader;
SELECT acct.install();
SELECT name, string_agg(privilege, ', ' ORDER BY privilege) AS privileges FROM public.has WHERE name ~ 'site_' AND rolname = 'regress_trust_stranger' GROUP BY name ORDER BY name;
SELECT relname, attname, attacl IS NOT NULL AS granted FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid WHERE relname = 'site_note' AND attname = 'note';
SELECT status, observed, detail FROM acct.health('{rights}');
-- A layout that is made again records none of it.
DROP EXTENSION ledger_engine CASCADE;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT relation FROM ledger_guard.record WHERE relation::text ~ 'site';
INSERT INTO acct.site_note (note) VALUES ('7');
ALTER TABLE acct.site_note ALTER COLUMN note TYPE integer USING note::integer;
ALTER TABLE acct.site_note RENAME COLUMN note TO remark;
DROP TABLE acct.site_note;

--
-- No ALTER TABLE changes what tells of entries: audit trail, policy, runs, balances; and the guard forgets nothing.
--
\c regress_trust
SET client_min_messages = warning;
\set VERBOSITY terse
DROP SCHEMA acct_bi CASCADE; -- whose views would be what refuses
ALTER TABLE acct.template_audit ALTER COLUMN changed_by TYPE text USING 'somebody else';
ALTER TABLE acct.template_audit ALTER COLUMN new_row TYPE json USING new_row::json;
ALTER TABLE acct.chart_of_accounts ALTER COLUMN account_type TYPE text USING 'EXPENSE';
ALTER TABLE acct.currency ALTER COLUMN minor_units TYPE smallint USING 0;
ALTER TABLE acct.run_log SET UNLOGGED;
ALTER TABLE acct.chart_of_accounts RENAME COLUMN account_type TO description_;
ALTER TABLE acct.journal_template DROP COLUMN approver CASCADE;
DROP TABLE acct.template_audit;
-- Each of them
SELECT count(*) > 30 AS tables, string_agg(r.relation::text, ', ') FILTER (WHERE s.state = 'done') AS rewritten, count(*) FILTER (WHERE s.state = 'LE011') > 10 AS refused
  FROM ledger_guard.record AS r CROSS JOIN LATERAL (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = r.relation AND a.attnum > 0 AND a.attidentity = '' AND a.atttypid = 'text'::regtype LIMIT 1) AS a
 CROSS JOIN LATERAL (SELECT left(public.tried(current_user, format('ALTER TABLE %s ALTER COLUMN %I TYPE text COLLATE "C" USING ''x''', r.relation, a.attname)), 5) AS state) AS s;
-- What changes no value may be.
BEGIN;
ALTER TABLE acct.fund ADD COLUMN short_name text DEFAULT 'x';
ALTER TABLE acct.fund ALTER COLUMN name SET DEFAULT 'x';
CREATE INDEX ON acct.fund (name);
ROLLBACK;
-- A column that was added by mistake may go again, also after the layout is made again.
ALTER TABLE acct.entity ADD COLUMN region text, ADD COLUMN area text;
ALTER TABLE acct.entity RENAME COLUMN region TO district;
ALTER TABLE acct.entity DROP COLUMN district;
SELECT acct._protect_records();
ALTER TABLE acct.entity DROP COLUMN area;
ALTER TABLE acct.entity DROP COLUMN country CASCADE;
VACUUM FULL acct.fund;
SELECT status, detail FROM acct.health('{guard}');
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.fund ALTER COLUMN name TYPE varchar;
SELECT count(*) AS recorded FROM ledger_guard.record WHERE relation = 'acct.fund'::regclass AND 'name character varying' = ANY (columns);
ROLLBACK;
-- The guard's own tables
CREATE ROLE regress_trust_owner;
GRANT USAGE ON SCHEMA ledger_guard TO regress_trust_owner;
GRANT ALL ON ledger_guard.protected, ledger_guard.record TO regress_trust_owner;
CREATE VIEW public.forgetting AS
SELECT * FROM unnest(ARRAY['UPDATE ledger_guard.protected SET has_posted = false', 'DELETE FROM ledger_guard.protected WHERE has_posted', 'UPDATE ledger_guard.protected SET columns = NULL WHERE has_posted',
                           'UPDATE ledger_guard.protected SET columns = ''{}'' WHERE has_posted', 'UPDATE ledger_guard.protected SET relation = 1 WHERE has_posted', 'TRUNCATE ledger_guard.protected',
                           'ALTER TABLE ledger_guard.protected ALTER COLUMN relation TYPE text', 'ALTER TABLE ledger_guard.record ALTER COLUMN relation TYPE text', 'ALTER TABLE ledger_guard.record SET UNLOGGED',
                           'DELETE FROM ledger_guard.record', 'UPDATE ledger_guard.record SET columns = ''{}''', 'TRUNCATE ledger_guard.record', 'ALTER TABLE ledger_guard.protected DISABLE TRIGGER USER']) WITH ORDINALITY AS f (statement, n);
SELECT f.statement, left(public.tried('regress_trust_owner', f.statement), 5) AS owner, left(public.tried(current_user, f.statement), 5) AS superuser FROM public.forgetting AS f ORDER BY f.n;
SET session_replication_role = replica;
UPDATE ledger_guard.protected SET has_posted = false;
RESET session_replication_role;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE ledger_guard.record SET UNLOGGED;
SET LOCAL ledger_engine.allow_drop = off;
ALTER TABLE ledger_guard.record SET LOGGED;
ROLLBACK;
-- What a subscriber that install() made should get of all tables
SET client_min_messages = error; -- nothing of wal_level
CREATE PUBLICATION regress_trust FOR TABLES IN SCHEMA acct, acct_archive WITH (publish_via_partition_root = true);
SELECT count(*) > 40 AS published, count(*) FILTER (WHERE schemaname = 'ledger_guard') AS of_the_guard FROM pg_publication_tables;
DROP PUBLICATION regress_trust;
SET client_min_messages = warning;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
UPDATE ledger_guard.protected SET has_posted = false;
SELECT status, observed > 0 AS seen FROM acct.health('{guard}');
ROLLBACK;
BEGIN;
ALTER TABLE ledger_guard.protected DISABLE TRIGGER USER;
SELECT status, detail FROM acct.health('{guard}');
ROLLBACK;
DROP OWNED BY regress_trust_owner;
-- After pg_restore --no-owner the guard's functions belong to whoever restored: they are not changed.
BEGIN;
ALTER FUNCTION ledger_guard.refuse_drop() OWNER TO regress_trust_checker;
CREATE OR REPLACE FUNCTION ledger_guard.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT status, observed, detail FROM acct.health('{guard}');
SELECT acct.install();
SELECT status, observed, detail FROM acct.health('{guard}');
ROLLBACK;
\set VERBOSITY default
ALTER TABLE acct.template_audit ALTER COLUMN changed_by TYPE text USING 'somebody else';
UPDATE ledger_guard.protected SET has_posted = false;
DROP TABLE acct.template_audit;

\c :regress_db
SET client_min_messages = warning;
DROP DATABASE regress_trust;
DROP DATABASE regress_trust_defaults;
DROP ROLE regress_trust_finance, regress_trust_approver, regress_trust_second, regress_trust_loader, regress_trust_stranger, regress_trust_reader, regress_trust_owner, regress_trust_checker;
DROP ROLE acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

-- On one path: nothing here depends on it.
-- acct.install(): what it makes, that it changes nothing when called again, and who may call it
SET client_min_messages = warning;
SELECT current_database() AS regress_db \gset
DROP DATABASE IF EXISTS regress_install;
DROP ROLE IF EXISTS regress_install_user, regress_install_boss;
CREATE DATABASE regress_install;
CREATE ROLE regress_install_user;
CREATE ROLE regress_install_boss SUPERUSER;
\c regress_install
\set why '\\echo :LAST_ERROR_MESSAGE'
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION ledger_engine;

-- Before install(): no table, and every function that works on tables says so.
SELECT count(*) AS relations FROM pg_class WHERE relnamespace = 'acct'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');
\set VERBOSITY sqlstate
SELECT acct.create_run('2025-01-01'); :why
SELECT * FROM acct.expand_journals(1);
SELECT * FROM acct.validate_run(1);
SELECT * FROM acct.post_journals(1);
SELECT * FROM acct.run_month('2025-01-01');
CALL acct.process_month('2025-01-01');
SELECT acct.discard_run(1);
SELECT acct.reprocess_exceptions(1);
SELECT acct.run_digest(1);
SELECT acct.update_balance_snapshot();
SELECT * FROM acct.trial_balance('2025-01-01');
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT * FROM acct.rotate_txn_source_partitions();
SELECT * FROM acct.rotate_ledger_partitions();
SELECT acct.add_dimension('cohort', 'text');
SELECT * FROM acct.check_template('T', 1);
SELECT acct.submit_template('T', 1);
SELECT acct.return_template('T', 1);
SELECT acct.approve_template('T', 1);
SELECT acct.retire_template('T', 1, '2025-01-01');
SELECT acct.new_template_version('T', '2025-01-01');
SELECT acct.check_expression('1', 'amount');
SELECT acct.current_batch();
SELECT acct.install_takaful_sample();
SELECT acct.generate_sample_transactions('2025-01-01', 1);
\set VERBOSITY default
SELECT * FROM acct.trial_balance('2025-01-01');
-- Whatever the arguments, no function says that a table or a type of its own does not exist.
CREATE FUNCTION public.raw_errors() RETURNS TABLE (function regprocedure, state text, message text) LANGUAGE plpgsql AS $$
DECLARE
    given text;
BEGIN
    FOR function, given IN SELECT p.oid, (SELECT string_agg(format('NULL::%s', format_type(t, NULL)), ', ') FROM unnest(p.proargtypes) AS t) FROM pg_proc AS p
                            WHERE p.pronamespace = 'acct'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
                              AND p.proname !~ '^_' AND p.proname <> 'install' ORDER BY p.proname, p.oid LOOP
        BEGIN
            EXECUTE format('SELECT %s(%s)', function::regproc, given);
        EXCEPTION WHEN undefined_table OR undefined_object OR undefined_column OR undefined_function THEN
            state := SQLSTATE;
            message := SQLERRM;
            RETURN NEXT;
        WHEN OTHERS THEN
        END;
    END LOOP;
END
$$;
SELECT * FROM public.raw_errors();
SELECT acct.approve_manual_journal(1);
SELECT acct.set_book('MAIN', 'PRIMARY', '{}');
SELECT acct.waive_exception(1, 1, 'PRIMARY', 'x');
SELECT acct.revoke_waiver(1, 1, 'PRIMARY');
SELECT acct.delete_batch(1);
SELECT acct.acknowledge_finding(1, 'x');
-- The helpers need no table.
SELECT acct.month_end('2025-02-03') - '2025-02-03'::date AS days_left, acct.to_code('2025-02-03', 'YYYYMM');

-- Only a superuser installs.
GRANT USAGE ON SCHEMA acct TO regress_install_user;
GRANT EXECUTE ON FUNCTION acct.install() TO regress_install_user;
\set VERBOSITY sqlstate
SET ROLE regress_install_user;
SELECT acct.install(); :why
RESET ROLE;
SET SESSION AUTHORIZATION regress_install_user;
SELECT acct.install(); :why
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT count(*) AS relations FROM pg_class WHERE relnamespace = 'acct'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');

-- In a transaction that is rolled back nothing is left.
BEGIN;
SELECT acct.install() IS NOT NULL AS installed;
ROLLBACK;
SELECT count(*) AS relations FROM pg_class WHERE relnamespace = 'acct'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');
SELECT count(*) AS guard FROM pg_namespace WHERE nspname = 'ledger_guard';
SELECT acct.install();
SELECT relkind, relname FROM pg_class
 WHERE relnamespace = 'acct'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY relkind, relname COLLATE "C";
-- Ordinary objects: no relation is a member of the extension. Every table has a primary key, but staging and the notes about the source.
SELECT count(*) AS members FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = 'pg_class'::regclass
   AND objid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace));
SELECT relname FROM pg_class AS c
 WHERE relnamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
 ORDER BY relname COLLATE "C";
SELECT basis, every_transaction FROM acct.accounting_basis;

-- Again: no row of the catalog changes, none of the tables.
CREATE TEMP VIEW fingerprint AS
WITH schema AS (SELECT oid FROM pg_namespace WHERE nspname IN ('acct', 'acct_bi', 'ledger_guard')),
     relation AS (SELECT * FROM pg_class WHERE relnamespace IN (SELECT oid FROM schema))
SELECT 'relation' AS what, c.oid::text AS key, c.xmin::text AS version FROM pg_class AS c WHERE relnamespace IN (SELECT oid FROM schema)
UNION ALL SELECT 'column', a.attrelid || '.' || a.attnum, a.xmin::text FROM pg_attribute AS a WHERE attrelid IN (SELECT oid FROM relation)
UNION ALL SELECT 'routine', p.oid::text, p.xmin::text FROM pg_proc AS p WHERE pronamespace IN (SELECT oid FROM schema)
UNION ALL SELECT 'trigger', t.oid::text, t.xmin::text FROM pg_trigger AS t
UNION ALL SELECT 'constraint', c.oid::text, c.xmin::text FROM pg_constraint AS c WHERE connamespace IN (SELECT oid FROM schema)
UNION ALL SELECT 'event trigger', e.oid::text, e.xmin::text FROM pg_event_trigger AS e
UNION ALL SELECT 'comment', d.objoid || '.' || d.objsubid, d.xmin::text FROM pg_description AS d WHERE objoid IN (SELECT oid FROM relation)
UNION ALL SELECT 'view', r.oid::text, r.xmin::text FROM pg_rewrite AS r WHERE ev_class IN (SELECT oid FROM relation)
UNION ALL SELECT 'row of engine_layout', '', l.xmin::text FROM acct.engine_layout AS l
UNION ALL SELECT 'row of accounting_basis', b.basis, b.xmin::text FROM acct.accounting_basis AS b
UNION ALL SELECT 'row of protected', p.relation::text, p.xmin::text FROM ledger_guard.protected AS p;
CREATE TEMP TABLE before_install AS TABLE fingerprint;
SELECT count(DISTINCT what) AS kinds FROM before_install;
SELECT acct.install();
SELECT count(*) AS differences
  FROM ((TABLE before_install EXCEPT TABLE fingerprint) UNION ALL (TABLE fingerprint EXCEPT TABLE before_install)) AS d;

-- A layout of an older or a newer version.
\set VERBOSITY sqlstate
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.create_run('2025-01-01'); :why
SELECT acct.install() IS NOT NULL AS brought_up_to_date;
SELECT acct.create_run('2025-01-01') IS NOT NULL AS works;
UPDATE acct.engine_layout SET version = version + 1;
SELECT acct.create_run('2025-01-01'); :why
SELECT acct.install(); :why
UPDATE acct.engine_layout SET version = version - 1;

-- A table of another owner, even a superuser.
ALTER TABLE acct.fund OWNER TO regress_install_boss;
SELECT acct.create_run('2025-01-01');
SELECT * FROM acct.trial_balance('2025-01-01');
SELECT * FROM acct.check_template('T', 1);
SELECT format('ALTER TABLE acct.fund OWNER TO %I', current_user) AS give_back \gset
:give_back;
-- A partition that somebody else made.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
-- An index that older versions made on the source: it goes, with those of the months, unless queries read one of them.
CREATE INDEX txn_source_product_channel_idx ON acct.txn_source_parent (product_code, channel);
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.install() IS NOT NULL AS installed;
SELECT indexrelid::regclass FROM pg_index WHERE pg_get_indexdef(indexrelid) LIKE '%(product_code, channel)' AND indrelid::regclass::text LIKE 'acct.txn_source%' ORDER BY 1;
CREATE INDEX txn_source_product_channel_idx ON acct.txn_source_parent (product_code, channel);
SET enable_seqscan = off;
SELECT count(*) FROM acct.txn_source_parent WHERE product_code = 'FAM-SAVE' AND channel = 'AGENCY';
RESET enable_seqscan;
SELECT pg_stat_force_next_flush();
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.install() IS NOT NULL AS installed;
SELECT indexrelid::regclass FROM pg_index WHERE pg_get_indexdef(indexrelid) LIKE '%(product_code, channel)' AND indrelid::regclass::text LIKE 'acct.txn_source%' ORDER BY 1;
ALTER TABLE acct.txn_source_2025_01 OWNER TO regress_install_user;
SELECT acct.create_run('2025-01-01');
SELECT format('ALTER TABLE acct.txn_source_2025_01 OWNER TO %I', current_user) AS give_back \gset
:give_back;
SELECT acct.create_run('2025-01-01') IS NOT NULL AS works;

-- What nobody was granted, nobody calls; the helpers are anyone's.
SELECT count(*) AS granted_to_public FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
 WHERE p.pronamespace = 'acct'::regnamespace AND a.grantee = 0
   AND p.proname NOT IN ('month_start', 'month_end', 'days_in_month', 'to_code', '_in_maintenance', '_is_own_batch', '_code_problem', 'check_expression');
SET SESSION AUTHORIZATION regress_install_user;
SELECT acct.create_run('2025-01-01'); :why
SELECT * FROM acct.trial_balance('2025-01-01'); :why
SELECT * FROM acct.journal_run; :why
SELECT acct.days_in_month('2024-02-01');
SET ledger_engine.allow_drop = on; :why
SET ledger_engine.maintenance = on; :why
RESET SESSION AUTHORIZATION;
-- Every definer function pins its path.
SELECT count(*) AS definers_without_path FROM pg_proc
 WHERE pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND prosecdef
   AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%pg_temp');
-- A session may have backslashes read as escapes in any literal: those of functions are in E'' or dollar quotes.
SELECT proname FROM pg_proc
 WHERE pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
   AND regexp_replace(regexp_replace(prosrc, '(\$\w*\$).*?\1', '', 'g'), '\mE''([^''\\]|\\.|'''')*''', '', 'g') ~ '\\';
-- To compile the queries of these would take many times as long as they do. Others read all rows of a month, or call what is not compiled.
SELECT count(*) AS compiled FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
 WHERE p.pronamespace = 'acct'::regnamespace AND l.lanname = 'plpgsql' AND p.prokind = 'f' AND (p.proname !~ '^_' OR p.prorettype = 'event_trigger'::regtype)
   AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c = 'jit=off')
   AND p.proname NOT IN ('create_run', 'expand_journals', 'validate_run', 'post_journals', 'run_digest', 'run_month', 'book_transactions', 'update_balance_snapshot', 'check_balance_snapshot', 'preview_correction',
                         'preview_correction_transactions', 'sample_transactions', 'generate_sample_transactions');

-- A session that loads the library beside SQL of another version is told so.
UPDATE pg_extension SET extversion = '0.1.0' WHERE extname = 'ledger_engine';
\c -
\set VERBOSITY default
DO $$
DECLARE
    newest text := (SELECT default_version FROM pg_available_extensions WHERE name = 'ledger_engine');
    fact text;
BEGIN
    PERFORM acct.month_start('2025-01-15');
EXCEPTION WHEN SQLSTATE 'LE010' THEN
    GET STACKED DIAGNOSTICS fact = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '%: %', SQLERRM, replace(fact, newest, 'NEWEST');
END $$;
UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'ledger_engine') WHERE extname = 'ledger_engine';
SELECT acct.month_start('2025-01-15');

-- All of it goes where a superuser says so, and leaves nothing.
SET client_min_messages = error; -- what goes is a long list
SET ledger_engine.allow_drop = on;
DROP SCHEMA acct, acct_archive, acct_bi, ledger_guard CASCADE;
RESET client_min_messages;
SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'ledger_engine') AS extensions, (SELECT count(*) FROM pg_event_trigger) AS event_triggers,
       (SELECT count(*) FROM pg_namespace WHERE nspname ~ '^(acct|ledger)') AS schemas, (SELECT count(*) FROM pg_default_acl) AS default_rights;

\c :regress_db
DROP DATABASE regress_install;
DROP ROLE regress_install_user, regress_install_boss;

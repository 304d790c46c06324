-- On one path: nothing here depends on it.
-- Functions that run as their owner: nothing that a caller or another owner put somewhere is run by them
\set topic security
\i test/sql/setup.sql
SET ledger_engine.staging_table_min_transactions = 0; -- but for one run
DROP ROLE IF EXISTS regress_security_attacker, regress_security_owner;
CREATE ROLE regress_security_attacker;
CREATE ROLE regress_security_owner;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'NOTHING');
SELECT public.posted('2025-01-01', 'posted') AS posted \gset
CALL public.txn(3, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'expanded') AS expanded \gset
CALL public.txn(90, '2025-01-01', 'A', 90);
SELECT acct.reverse_run(public.posted('2025-01-01'), '2025-01-31', 'Wrong') AS reversal \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS posted FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
-- A month for retention
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2018-03-01');
CALL public.txn(91, '2018-03-01', 'A');
SELECT public.posted('2018-03-01') IS NOT NULL AS posted;
SELECT public.close_period('2018-03-01', 'MAIN', 'PRIMARY');
INSERT INTO acct.journal_template (template_code) VALUES ('SUBMITTED'), ('DRAFT');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SUBMITTED', 1, 'S'), ('DRAFT', 1, 'D');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('SUBMITTED', 1, 'DR', '1000', 'F1', '1'), ('DRAFT', 1, 'DR', '1000', 'F1', '1');
SELECT acct.submit_template('SUBMITTED', 1);
SELECT acct.create_release('Ours') AS ours \gset
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:ours, 'update', 'F1', 'Risk');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:ours, 'insert', 'P', '4000', 'F1', '3000', 'F1');
SELECT acct.submit_release(:ours);
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on) VALUES ('MAIN', '2025-02-28', 'IDR', 'Ours', '2025-03-01') RETURNING journal_id AS our_journal \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:our_journal, '1000', 'F1', 5, 0), (:our_journal, '2000', 'F1', 0, 5);
SELECT acct.submit_manual_journal(:our_journal) IS NOT NULL AS submitted;

--
-- Each pins its path, and compares the owner of the tables with its own
--
CREATE VIEW public.definer AS
SELECT p.oid, p.proname, p.prosrc, p.proconfig, p.proowner, p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger FROM pg_proc AS p
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND p.prosecdef;
SELECT count(*) > 20 AS definers, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c ~ '^search_path=pg_catalog, (acct, )?pg_temp$')) AS without_path FROM public.definer;
SELECT count(*) AS without_path_that_is_called FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
 WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
   AND p.prokind = 'f' AND p.proname NOT IN ('_layout_version') AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c ~ '^search_path=pg_catalog, (acct, )?pg_temp$');
-- Those that reach acct._require_layout() or _require_tables() by no call, and why not
WITH RECURSIVE call AS (
    SELECT p.proname AS caller, c[1] AS callee FROM pg_proc AS p, regexp_matches(p.prosrc, '\macct\.(\w+)\(', 'g') AS c WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)),
checked AS (SELECT unnest('{_require_layout,_require_tables}'::name[]) AS proname UNION SELECT c.caller FROM call AS c JOIN checked AS k ON c.callee = k.proname)
SELECT d.oid::regprocedure AS definer, l.reason
  FROM public.definer AS d
  LEFT JOIN (VALUES ('refuse_drop', 'stands without schema acct: compares the owner of the one table that it reads'),
                    ('refuse_columns', 'likewise'), ('refuse_rewrite', 'likewise'), ('keep_guarded', 'reads catalogs only'),
                    ('sample_transactions', 'reads no table')) AS l (proname, reason) USING (proname)
 WHERE d.proname NOT IN (SELECT k.proname FROM checked AS k) ORDER BY 1;

--
-- The caller's search_path: functions, operators, types, tables and views of the names that the functions use
--
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO regress_security_attacker', current_database()) AS statement \gexec
GRANT USAGE ON SCHEMA acct, ledger_guard TO regress_security_attacker;
GRANT SELECT ON ALL TABLES IN SCHEMA acct, ledger_guard TO regress_security_attacker;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON acct.txn_source_parent, acct.journal_template, acct.journal_template_match, acct.journal_template_line, acct.fund, acct.currency, acct.fund_draft, acct.template_retirement_draft, acct.manual_journal, acct.manual_journal_line TO regress_security_attacker;
-- A cluster of one node, this one.
SELECT acct._layout_cluster();
INSERT INTO acct_cluster.member (node_name, node_key) VALUES ('here', 1);
INSERT INTO acct_cluster.node (node_key) VALUES (1);
INSERT INTO acct_cluster.entity (entity_code, node_name) SELECT e.entity_code, 'here' FROM acct.entity AS e WHERE e.entity_code <> 'OTHER';
SELECT acct._join_nodes();
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (99, '2025-01-01', '2025-01-31', 'A', 'P', 'AGENCY', 1, 1);
SELECT format('GRANT EXECUTE ON ROUTINE %s TO regress_security_attacker', p.oid::regprocedure) AS statement FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace AND (p.proname !~ '^_' OR p.prosecdef) ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text
\gexec
GRANT EXECUTE ON FUNCTION acct._read_balances(regclass), acct._balance_columns(regclass), acct._drop_drafts(bigint, jsonb), acct._draft_changes(bigint, text, text, jsonb), acct._draft_versions(bigint, jsonb),
    acct._file_tables(), acct._release_tables(), acct._policy_columns() TO regress_security_attacker; -- which run as their caller
CREATE FUNCTION public.careless() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM journal_run LIMIT 1;
    PERFORM now(), length('x'::text) + 1;
    RETURN true;
END
$$;
GRANT USAGE ON SCHEMA public TO regress_security_attacker;
SET SESSION AUTHORIZATION regress_security_attacker;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.break_ins;
-- Counts, whatever is rolled back, what is run with the rights of anybody else.
CREATE FUNCTION evil.trap(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> 'regress_security_attacker' THEN
        PERFORM nextval('evil.break_ins');
        RAISE WARNING 'break-in by %', what;
    END IF;
    RETURN true;
END
$$;
CREATE FUNCTION evil.spring() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM evil.trap('trigger on ' || TG_TABLE_NAME);
    RETURN COALESCE(NEW, OLD);
END
$$;
DO $do$
DECLARE
    source text := (SELECT string_agg(p.prosrc, ' ') FROM pg_proc AS p WHERE p.pronamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace));
    f record;
BEGIN
    -- Functions with the same arguments; operators likewise; domains, views and temporary views of the same names
    FOR f IN SELECT p.proname, p.proretset, format_type(p.prorettype, NULL) AS result, (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n)) AS arguments
               FROM pg_proc AS p
              WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a')
                AND p.proname IN (SELECT DISTINCT c[1] FROM regexp_matches(source, '\m([a-z_0-9]+)\(', 'g') AS c)
                AND NOT EXISTS (SELECT FROM unnest(p.proargtypes::oid[] || p.prorettype) AS t (oid) JOIN pg_type AS y USING (oid) WHERE y.typtype = 'p') LOOP
        EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.trap(%L); RETURN%s; END $$',
                       f.proname, f.arguments, CASE WHEN f.proretset THEN 'SETOF ' END, f.result, 'function ' || f.proname, CASE WHEN NOT f.proretset THEN ' NULL' END);
    END LOOP;
    FOR f IN SELECT o.oprname, format_type(o.oprleft, NULL) AS lefttype, format_type(o.oprright, NULL) AS righttype, format_type(o.oprresult, NULL) AS result, row_number() OVER () AS n
               FROM pg_operator AS o
              WHERE o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '+', '-', '*', '->', '->>', '#>>', '?', '~', '!~', '@>', '<<', '&', '#') AND o.oprkind = 'b'
                AND o.oprleft = ANY ('{text,int8,int4,int2,bool,numeric,date,jsonb,name,oid,timestamptz,interval,"char"}'::regtype[])
                AND o.oprright = ANY ('{text,int8,int4,int2,bool,numeric,date,jsonb,name,oid,timestamptz,interval,"char"}'::regtype[]) LOOP
        EXECUTE format('CREATE FUNCTION evil.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.trap(%L); RETURN NULL; END $$',
                       f.n, f.lefttype, f.righttype, f.result, 'operator ' || f.oprname);
        EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.op%s, LEFTARG = %s, RIGHTARG = %s)', f.oprname, f.n, f.lefttype, f.righttype);
    END LOOP;
    FOR f IN SELECT c.oid::regclass AS relation, c.relname,
                    (SELECT string_agg(format('x.%I', a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid <> 'anyarray'::regtype) AS columns
               FROM pg_class AS c
              WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND c.relname !~ '_staging_\d+$' OR c.oid = 'ledger_guard.protected'::regclass
                 OR c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname IN (SELECT DISTINCT x[1] FROM regexp_matches(source, '\m(pg_\w+)', 'g') AS x) LOOP
        EXECUTE format('CREATE VIEW evil.%I AS SELECT %s FROM %s AS x WHERE evil.trap(%L)', f.relname, f.columns, f.relation, 'view ' || f.relname);
        EXECUTE format('CREATE TEMPORARY VIEW %I AS SELECT %s FROM %s AS x WHERE evil.trap(%L)', f.relname, f.columns, f.relation, 'temporary view ' || f.relname);
    END LOOP;
END
$do$;
SELECT (SELECT count(*) FROM pg_proc WHERE pronamespace = 'evil'::regnamespace) > 300 AS functions, (SELECT count(*) FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace) > 100 AS operators,
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'evil'::regnamespace AND relkind = 'v') > 30 AS views, (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'v') > 30 AS temporary_views;
DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['date', 'jsonb', 'name', 'oid', 'regclass', 'text', 'timestamptz'] LOOP
        EXECUTE format('CREATE DOMAIN evil.%1$I AS pg_catalog.%1$I CHECK (evil.trap(%2$L))', t, 'type ' || t);
        EXECUTE format('CREATE DOMAIN pg_temp.%1$I AS pg_catalog.%1$I CHECK (evil.trap(%2$L))', t, 'type ' || t);
    END LOOP;
END
$do$;
-- Retention has one month to archive, and one to drop; and staging. The server counts, from here, which functions were called.
RESET SESSION AUTHORIZATION;
UPDATE acct.retention_policy SET active_months = extract(year FROM age(current_date, '2018-06-01')) * 12 + extract(month FROM age(current_date, '2018-06-01')) WHERE table_name <> 'je_staging';
UPDATE acct.retention_policy SET action = 'drop' WHERE table_name = 'txn_source_parent';
UPDATE acct.retention_policy SET drop_after_months = active_months WHERE table_name = 'ledger_entry';
UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging';
SET track_functions = 'all';
-- Before there is a finding, for which it is refused
SET SESSION AUTHORIZATION regress_security_attacker;
SET search_path = evil, pg_catalog;
SELECT x.changes FROM acct.publish_policy() AS x;
RESET search_path;
RESET SESSION AUTHORIZATION;
INSERT INTO acct.policy_finding (table_name, problem) VALUES ('fund', 'is not as it was');
UPDATE acct.entity SET functional_currency = 'IDR', country = 'ID', registration_no = '123456789' WHERE entity_code = 'MAIN';
SET SESSION AUTHORIZATION regress_security_attacker;
-- The trap works: a careless function falls into it.
SET search_path = evil, pg_catalog;
SELECT public.careless();
SELECT pg_catalog.setval('evil.break_ins', 1, false);
-- The functions do not, with this path and settings of the attacker's choice.
SET standard_conforming_strings = off;
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET timezone = 'Pacific/Kiritimati';
SET quote_all_identifiers = on;
SET transform_null_equals = on;
\pset tuples_only on
\pset format unaligned
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (10, '2025-02-01', '2025-02-15', 'A', 'P', 'C', 10, 10);
SELECT partition_name FROM acct.rotate_txn_source_partitions(0, '2025-03-01');
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '2025-03-01');
SELECT acct.create_run('2025-02-01', 'attack') AS run \gset
SELECT x.journals, x.lines FROM acct.expand_journals(:run) AS x;
SELECT x.passed FROM acct.validate_run(:run) AS x LIMIT 1;
SELECT acct.run_digest(:run, 'staging') IS NULL;
SELECT x.journals, x.debit FROM acct.post_journals(:run) AS x;
SELECT x.already_done FROM acct.post_journals(:run) AS x;
SELECT acct.run_digest(:run) IS NULL;
SELECT acct.policy_digest() IS NULL;
SELECT acct.reprocess_exceptions(:posted) AS again \gset
SELECT x.exceptions FROM acct.expand_journals(:again) AS x;
SELECT acct.discard_run(:again);
SELECT acct.reprocess_ignored(:posted) AS ignored \gset
SELECT acct.discard_run(:ignored);
SELECT acct.waive_exception(:posted, 2, 'PRIMARY', 'careless');
SELECT acct.revoke_waiver(:posted, 2, 'PRIMARY');
SELECT acct.acknowledge_finding(x.finding_id, 'mine') FROM acct.policy_finding AS x;
SELECT x.outcome FROM acct.cancel_run('none') AS x;
SELECT x.outcome FROM acct.journal_run AS r, acct.cancel_run(r.run_id) AS x ORDER BY r.run_id LIMIT 1;
SELECT x.step FROM acct.run_month('2025-02-01', 'attack-2') AS x;
SELECT x.outcome FROM acct.book_transactions('[{"txn_id": 14, "txn_month": "2025-03-01", "bank_value_date": "2025-03-15", "txn_type": "A", "product_code": "P", "channel": "C", "gross_amount": 10, "tabarru_amount": 10}]', 'attack-book') AS x;
SELECT x.outcome FROM acct.book_transactions('[{"txn_id": 14, "txn_month": "2025-03-01", "bank_value_date": "2025-03-15", "txn_type": "A", "product_code": "P", "channel": "C", "gross_amount": 10, "tabarru_amount": 10}]', 'attack-book') AS x;
-- A run that shares staging
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (13, '2025-03-01', '2025-03-15', 'A', 'P', 'C', 10, 10);
SET ledger_engine.staging_table_min_transactions = -1;
SET ledger_engine.run_partition_min_transactions = -1;
SELECT x.step FROM acct.run_month('2025-03-01', 'attack-small') AS x;
SET ledger_engine.staging_table_min_transactions = 0;
RESET ledger_engine.run_partition_min_transactions;
SELECT x.all_passed FROM acct.check_run('attack') AS x;
CALL acct.process_month('2025-02-01', 'attack') \gset
SELECT x.already_done FROM acct.expand_journals('attack') AS x;
SELECT pg_catalog.bool_and(x.passed) FROM acct.validate_run('attack') AS x;
SELECT x.already_done FROM acct.post_journals('attack') AS x;
SELECT acct.run_digest('attack') IS NULL;
CALL acct.process_run('attack', NULL);
SELECT acct.reprocess_exceptions('posted') AS again \gset
SELECT acct.discard_run(:again);
SELECT acct.reprocess_ignored('posted') AS ignored \gset
SELECT acct.discard_run(:ignored);
SELECT acct.reverse_run(:posted, '2025-03-31', 'careless') AS back \gset
SELECT x.journals FROM acct.expand_journals(:back) AS x;
SELECT pg_catalog.bool_and(x.passed) FROM acct.validate_run(:back) AS x;
SELECT acct.discard_run(:back);
SELECT acct.reverse_run('posted', '2025-03-31', 'careless', '{"basis": "PRIMARY"}') AS back \gset
SELECT acct.discard_run(:back);
SELECT acct.reverse_journals((SELECT pg_catalog.array_agg(h.je_id) FROM acct.ledger_entry_header AS h WHERE h.run_id OPERATOR(pg_catalog.=) :posted), '2025-03-31', 'careless') AS back \gset
SELECT acct.discard_run(:back);
-- A rebooking of a reversal that somebody else posted
SELECT r AS rebooked FROM acct.rebook_run(:reversal) AS r \gset
SELECT acct.discard_run(:rebooked);
SELECT r AS rebooked FROM acct.rebook_run(:reversal::text, '{"late": "next_open"}') AS r \gset
SELECT x.journals FROM acct.expand_journals(:rebooked) AS x;
SELECT pg_catalog.bool_and(x.passed) FROM acct.validate_run(:rebooked) AS x;
SELECT acct.discard_run(:rebooked);
SELECT pg_catalog.count(*) FROM acct.preview_correction(:posted);
SELECT pg_catalog.count(*) FROM acct.preview_correction('posted');
SELECT x.check_name FROM acct.replay_run(:posted) AS x WHERE NOT x.passed;
SELECT x.check_name FROM acct.replay_run('posted') AS x WHERE NOT x.passed;
SELECT pg_catalog.count(*) FROM acct.preview_correction_transactions('posted', 3);
SELECT acct.correct_run(:posted, '2025-03-31', 'careless') AS better \gset
SELECT x.journals FROM acct.expand_journals(:better) AS x;
SELECT pg_catalog.bool_and(x.passed) FROM acct.validate_run(:better) AS x;
SELECT acct.discard_run(:better);
SELECT acct.correct_run('posted', '2025-03-31', 'careless') AS better \gset
SELECT acct.discard_run(:better);
SELECT acct.waive_exception('posted', 2, 'PRIMARY', 'careless');
SELECT acct.revoke_waiver('posted', 2, 'PRIMARY');
SELECT acct.create_run('2025-02-01', 'discarded') IS NULL;
SELECT acct.discard_run('discarded');
SELECT acct.update_balance_snapshot();
SELECT x.closing_balance FROM acct.trial_balance('2025-02-01') AS x;
SELECT x.closing_balance FROM acct.trial_balance('2025-02-01', known_at => 'infinity') AS x;
SELECT DISTINCT x.account_code FROM acct.balance_changes('2025-02-01', '-infinity') AS x ORDER BY 1;
SELECT DISTINCT x.kind FROM acct.reconcile_month('2025-02-01') AS x ORDER BY 1;
SELECT DISTINCT x.row_kind FROM acct.account_ledger('1000', '2025-02-01', '2025-02-28') AS x ORDER BY 1;
SELECT DISTINCT x.journal_type FROM acct.ledger_entry_header AS h, acct.journal(h.je_id) AS x ORDER BY 1;
SELECT DISTINCT x.account_type FROM acct.trial_balance_at('2025-02-27') AS x ORDER BY 1;
SELECT DISTINCT x.item FROM acct.movement('2025-02-01') AS x ORDER BY 1;
SELECT DISTINCT x.level FROM acct.account_hierarchy('2025-02-01') AS x ORDER BY 1;
SELECT x.row_kind FROM acct.balance_sheet('2025-02-01') AS x UNION SELECT x.row_kind FROM acct.profit_and_loss('2025-02-01', '2025-02-01') AS x UNION SELECT x.row_kind FROM acct.fund_statement('2025-02-01') AS x;
SELECT DISTINCT x.state FROM acct.exceptions_report('2025-02-01') AS x ORDER BY 1;
SELECT x.problem FROM acct.reconcile_transactions('2025-02-01') AS x;
SELECT x.finding FROM acct.check_numbering() AS x;
SELECT acct.ledger_checkpoint() AS checkpoint \gset
SELECT DISTINCT x.passed FROM acct.verify_checkpoint(:'checkpoint') AS x;
SELECT acct.prove_checkpoint(acct.ledger_checkpoint()) IS NOT NULL AS proof;
SELECT acct.prove_balance(s.snapshot_month, s.entity_code, s.basis, s.fund, s.account_code, s.currency) IS NOT NULL AS balance FROM acct.account_balance_snapshot AS s LIMIT 1;
SELECT x.lines FROM acct.seal_ledger() AS x;
SELECT DISTINCT x.passed FROM acct.verify_ledger() AS x;
SELECT acct.prove_journal(pg_catalog.min(h.je_id)) IS NOT NULL AS proof FROM acct.ledger_entry_header AS h;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS seals FROM acct.prove_sections() AS p;
SELECT x.node, x.problem FROM acct.cluster_nodes() AS x;
SELECT acct.assign_entity('OTHER', 'here'), acct.move_entity('OTHER', 'here'), acct.entity_node('OTHER');
CALL acct.run_cluster_month('1999-05-01', 'cluster');
SELECT x.status FROM acct.check_cluster_run('cluster') AS x;
SELECT x.outcome FROM acct.cancel_cluster_run('cluster') AS x;
SELECT pg_catalog.count(*) FROM acct.cluster_progress() AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_trial_balance('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_profit_and_loss('2025-02-01', '2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_balance_sheet('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_fund_statement('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_trial_balance_at('2025-02-27') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_movement('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_account_hierarchy('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_exceptions_report('2025-02-01') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS reported FROM acct.cluster_balance_changes('2025-02-01', '-infinity') AS x;
SELECT acct.cluster_checkpoint() AS checkpoint \gset
SELECT DISTINCT x.passed FROM acct.verify_cluster_checkpoint(:'checkpoint') AS x;
SELECT x.node, x.check_name, x.status FROM acct.cluster_health('{layout}') AS x;
SELECT x.node, x.entity, x.transactions FROM acct.route_inbox() AS x;
SELECT pg_catalog.length(acct.month_end_pack('2025-02-01')) OPERATOR(pg_catalog.>) 1000 AS page;
SELECT x.finding FROM acct.check_audit_export('fec', '2025-01-01', '2025-12-01', 'MAIN') AS x ORDER BY 1;
SELECT acct.fec_file_name('2024-12-31', 'MAIN');
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS lines FROM acct.export_saft('2025-01-01', '2025-03-01', 'MAIN') AS x;
SELECT DISTINCT x.file_name COLLATE pg_catalog."C" FROM acct.export_audit_data('2025-01-01', '2025-03-01', 'MAIN') AS x ORDER BY 1;
SELECT DISTINCT x.passed FROM acct.check_audit_data('2025-01-01', '2025-03-01', 'MAIN') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS lines FROM acct.export_fec('2025-12-31', 'MAIN') AS x;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS lines FROM acct.export_fec('2025-12-31', 'MAIN', part => 'description') AS x;
SELECT x.account_code FROM acct.check_balance_snapshot('2025-02-01') AS x;
SELECT x.check_name, x.status FROM acct.health() AS x;
SELECT pg_catalog.count(*) FROM acct.run_progress;
SELECT pg_catalog.count(*) FROM acct.scheduled_jobs;
SELECT x.txn_month FROM acct.batches_waiting() AS x;
SELECT acct.close_period('1999-03-01', 'MAIN', 'PRIMARY'), acct.reopen_period('1999-03-01', 'MAIN', 'PRIMARY');
SELECT x.finding FROM acct.check_close('2025-02-01', 'MAIN', 'PRIMARY') AS x;
SELECT acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 4}');
SELECT x.item FROM acct.rehearse_close('1999-03-01', 'MAIN', 'PRIMARY') AS x;
SELECT x.surplus FROM acct.close_year('1999-03-31', 'MAIN', 'PRIMARY') AS x;
SELECT acct.reopen_year('1999-03-31', 'MAIN', 'PRIMARY', 'Again');
SELECT x.partition_name FROM acct.rotate_txn_source_partitions(0, '2019-03-01') AS x UNION ALL SELECT x.partition_name FROM acct.rotate_ledger_partitions(0, '2019-03-01') AS x;
SELECT acct.archive_partition('ledger_entry', '2019-03-01'), acct.archive_partition('txn_source_parent', '2019-03-01');
SELECT acct.restore_partition('ledger_entry', '2019-03-01'), acct.restore_partition('txn_source_parent', '2019-03-01');
SELECT pg_catalog.count(*) FROM acct.apply_retention(true);
SELECT DISTINCT x.table_name, x.month, x.action FROM acct.apply_retention() AS x ORDER BY 1, 2, 3;
SELECT acct.add_dimension('cohort', 'pg_catalog.text', true);
SELECT x.message FROM acct.check_template('DRAFT', 1) AS x;
SELECT pg_catalog.count(*) FROM acct.check_balance('DRAFT', 1);
SELECT acct.check_expression(':gross_amount', 'amount');
SELECT acct.submit_template('DRAFT', 1);
SELECT acct.return_template('DRAFT', 1);
SELECT acct.approve_template('SUBMITTED', 1);
SELECT acct.retire_template('SUBMITTED', 1, '2095-03-01');
SELECT acct.new_template_version('A', '2025-04-01');
SELECT acct.create_release('Mine') AS release \gset
INSERT INTO acct.fund_draft (release_id, operation, fund, name) VALUES (:release, 'update', 'F2', 'Mine');
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'A', 1, '2031-01-01');
SELECT x.message FROM acct.check_release(:release) AS x;
SELECT x.account_code FROM acct.compare_release(:release, '2025-02-01') AS x;
SELECT x.change FROM acct.compare_release_transactions(:release, '2025-02-01') AS x;
SELECT x.account_code FROM acct.compare_versions('A', 1, 1, '2025-02-01') AS x;
SELECT x.change FROM acct.compare_versions_transactions('A', 1, 1, '2025-02-01') AS x;
SELECT DISTINCT x.outcome FROM acct.preview_journals('2025-02-01', :release) AS x;
SELECT DISTINCT x.outcome FROM acct.preview_journals('2025-02-01', template_code => 'A') AS x;
SELECT DISTINCT x.kind FROM acct.explain_transaction(10, '2025-02-01', 'PRIMARY', :release) AS x ORDER BY 1;
SELECT DISTINCT x.kind FROM acct.ledger_entry_header AS h, acct.explain_journal(h.je_id) AS x ORDER BY 1;
SELECT acct.submit_release(:release);
SELECT acct.return_release(:release);
SELECT acct.approve_release(:ours);
SELECT acct.create_release('File') AS file \gset
SELECT x.table_name, x.operation, x.row_key FROM acct.import_policy(acct.export_policy(), :file) AS x;
SELECT x.event, x.table_name FROM acct.policy_history(release_id => :file) AS x;
SELECT x.column_name FROM acct.compare_template_versions('A', 1, 1) AS x;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-02-28', 'IDR', 'Mine') RETURNING journal_id AS my_journal \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:my_journal, '1000', 'F1', 5, 0), (:my_journal, '2000', 'F1', 0, 5);
SELECT x.code FROM acct.check_manual_journal(:my_journal) AS x;
SELECT acct.submit_manual_journal(:my_journal) IS NOT NULL;
SELECT acct.return_manual_journal(:my_journal, 'Not yet');
SELECT acct.copy_manual_journal(:my_journal) IS NOT NULL;
SELECT x.je_number FROM acct.approve_manual_journal(:our_journal) AS x;
CREATE TABLE evil.balances AS SELECT '1000'::pg_catalog.text AS account_code, 'F1'::pg_catalog.text AS fund_code, 'IDR'::pg_catalog.text AS currency, 1::pg_catalog.numeric AS balance;
SELECT x.line_count FROM acct.draft_opening_balances('2025-02-28', 'MAIN', 'PRIMARY', 'evil.balances') AS x;
SELECT x.outcome FROM acct.compare_opening_balances('2025-02-28', 'MAIN', 'PRIMARY', 'evil.balances') AS x;
INSERT INTO acct.journal_template (template_code) VALUES ('MINE');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr) VALUES ('MINE', 1, 'M', ':gross_amount > 0');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('MINE', 1, 'DR', '1000', 'F1', ':gross_amount');
UPDATE acct.fund SET name = 'Mine';
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (9, '2025-02-01', '2025-02-15', 'A', 'P', 'C', 9, 9);
UPDATE acct.txn_source_parent SET channel = 'X' WHERE txn_id OPERATOR(pg_catalog.=) 9;
DELETE FROM acct.txn_source_parent WHERE txn_id OPERATOR(pg_catalog.=) 9;
\set VERBOSITY sqlstate
UPDATE acct.txn_source_parent SET channel = 'X'; :why
DELETE FROM acct.txn_source_parent; :why
TRUNCATE acct.txn_source_parent; :why
DELETE FROM acct.journal_template_line; :why
SELECT acct._require_pg_cron(); :why
SELECT acct._end_job('run'); :why
\set VERBOSITY default
SELECT acct.install_takaful_sample() IS NULL;
SELECT x.txn_id FROM acct.sample_transactions('2025-03-01', 1) AS x;
SELECT acct.generate_sample_transactions('2025-03-01', 1);
CREATE TABLE evil.gone (a integer);
ALTER TABLE evil.gone ALTER COLUMN a TYPE text;
DROP TABLE evil.gone;
-- The temporary schema named first
SET search_path = pg_temp, evil, pg_catalog;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (11, '2025-02-01', '2025-02-15', 'A', 'P', 'C', 10, 10);
SELECT acct.delete_batch(x.batch_id, '{-1}') FROM acct.txn_source_parent AS x WHERE x.txn_id OPERATOR(pg_catalog.=) 11;
SELECT x.step FROM acct.run_month('2025-02-01', 'attack-3') AS x;
SELECT x.outcome FROM acct.book_transactions('[{"txn_id": 15, "txn_month": "2025-03-01", "bank_value_date": "2025-03-15", "txn_type": "A", "product_code": "P", "channel": "C", "gross_amount": 10, "tabarru_amount": 10}]', 'attack-book-3') AS x;
SELECT x.passed FROM acct.validate_run(:run) AS x LIMIT 1;
-- Nor does what runs as its caller, where somebody else calls it with that path.
RESET SESSION AUTHORIZATION;
DELETE FROM acct.cluster_member; -- From here on it is no node of a cluster.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (12, '2025-02-01', '2025-02-15', 'A', 'P', 'C', 10, 10);
CALL acct.process_month('2025-02-01', 'attack-4') \gset
TRUNCATE acct.txn_source_2019_03;
BEGIN;
INSERT INTO acct.accounting_basis (basis, description) VALUES ('OTHER', 'Other');
DELETE FROM acct.txn_batch WHERE false;
ROLLBACK;
CALL acct.run_job('rotate', '{"ahead": 0}');
CALL acct.run_job('run');
CALL acct.run_job('snapshot');
UPDATE acct.archived_partition SET exported_at = pg_catalog.now(), verified_at = pg_catalog.now();
CALL acct.run_job('retention');
SELECT x.table_name, x.dropped_at IS NULL FROM acct.archived_partition AS x ORDER BY x.archive_id;
SELECT acct.install() IS NULL;
SELECT acct.archive_partition('ledger_entry', '2019-03-01');
CREATE ACCESS METHOD columnar TYPE TABLE HANDLER pg_catalog.heap_tableam_handler;
SELECT acct.compress_archive('2019-03-01');
SELECT pg_catalog.current_setting('data_directory') AS dir \gset
SELECT acct.export_archive('ledger_entry', '2019-03-01', :'dir') AS manifest \gset
SELECT pg_catalog.bool_and(v.passed) FROM acct.verify_archive(:'manifest') AS v;
SELECT acct.restore_partition('ledger_entry', '2019-03-01');
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm -f ledger_entry_2019_03.manifest.json ledger_entry_header_2019_03.csv ledger_entry_line_2019_03.csv';
INSERT INTO acct.journal_template (template_code) VALUES ('OURS');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr) VALUES ('OURS', 1, 'M', ':gross_amount > 0');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('OURS', 1, 'DR', '1000', 'F1', ':gross_amount');
\set VERBOSITY sqlstate
UPDATE acct.journal_template SET description = 'Ours'; :why
DELETE FROM acct.journal_template_line; :why
SELECT acct.schedule_jobs(); :why
SELECT acct.unschedule_jobs(); :why
\set VERBOSITY default
SELECT pg_catalog.pg_stat_force_next_flush();
\pset tuples_only off
\pset format aligned
\c
SET datestyle = 'ISO, YMD';
SELECT is_called AS broke_in FROM evil.break_ins;
-- Those that did not return from a call in all of this: without pg_cron one never does.
SELECT d.oid::regprocedure AS definer_not_called FROM public.definer AS d WHERE NOT EXISTS (SELECT FROM pg_stat_user_functions AS f WHERE f.funcid = d.oid AND f.calls > 0) ORDER BY 1;
-- What was done is right.
SELECT count(*) AS journals, sum(total_debit) AS debit FROM acct.ledger_entry_header WHERE txn_month = '2025-02-01' AND txn_id < 100;
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted' AND r.txn_month IS DISTINCT FROM '2018-03-01';

--
-- A table of another owner, with a trigger and an index that run what the owner wants
--
-- What install() took back
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON acct.txn_source_parent, acct.journal_template, acct.journal_template_match, acct.journal_template_line, acct.fund, acct.currency, acct.fund_draft, acct.template_retirement_draft, acct.manual_journal, acct.manual_journal_line TO regress_security_attacker;
DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON ROUTINE %s TO regress_security_attacker', p.oid::regprocedure), ';') FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace AND p.prosecdef); END $$;
GRANT CREATE, USAGE ON SCHEMA acct, ledger_guard TO regress_security_owner;
CREATE SCHEMA trap AUTHORIZATION regress_security_owner;
SET SESSION AUTHORIZATION regress_security_owner;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE SEQUENCE trap.sprung;
CREATE FUNCTION trap.note() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        PERFORM nextval('trap.sprung');
    END IF;
    RETURN true;
END
$$;
CREATE FUNCTION trap.planned() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM trap.note(); RETURN true; END $$;
CREATE FUNCTION trap.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note(); RETURN coalesce(NEW, OLD); END $$;
RESET SESSION AUTHORIZATION;
-- Gives a table away, lets its new owner plant, and calls everything; takes all of it back.
CREATE TABLE public.call (n integer GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO public.call (statement) VALUES ('SELECT acct._answer(1, ''{"do": "describe"}'')'), ('SELECT acct.cluster_nodes()'), ('SELECT acct.assign_entity(''OTHER'', ''here'')'), ('SELECT acct.move_entity(''OTHER'', ''here'')'),
    ('SELECT acct.entity_node(''OTHER'')'), ('SELECT acct.publish_policy()'), ('SELECT acct.route_inbox()'), ('SELECT acct._open_cluster_run(''2025-05-01'', ''x'', ''{}'')'), ('SELECT acct._stage_cluster_run(''x'')'), ('SELECT acct._validate_cluster_run(''x'')'),
    ('SELECT acct._post_cluster_run(''x'')'), ('SELECT acct.check_cluster_run(''x'')'), ('SELECT acct.cancel_cluster_run(''x'')'), ('SELECT acct.cluster_progress()'), ('SELECT acct.cluster_trial_balance(''2025-05-01'')'),
    ('SELECT acct.cluster_profit_and_loss(''2025-05-01'', ''2025-05-01'')'), ('SELECT acct.cluster_balance_sheet(''2025-05-01'')'), ('SELECT acct.cluster_fund_statement(''2025-05-01'')'), ('SELECT acct.cluster_trial_balance_at(''2025-05-01'')'), ('SELECT acct.cluster_movement(''2025-05-01'')'), ('SELECT acct.cluster_account_hierarchy(''2025-05-01'')'), ('SELECT acct.cluster_exceptions_report(''2025-05-01'')'), ('SELECT acct.cluster_balance_changes(''2025-05-01'', now())'), ('SELECT acct.cluster_checkpoint()'), ('SELECT acct.verify_cluster_checkpoint(''x'')'), ('SELECT acct.cluster_health()');
INSERT INTO public.call (statement) VALUES ('SELECT acct.verify_ledger()'), ('SELECT acct.seal_ledger()'), ('SELECT acct.prove_journal(1)'), ('SELECT acct.prove_sections()');
INSERT INTO public.call (statement) VALUES ('SELECT acct.check_audit_export(''fec'', ''2025-01-01'', ''2025-12-01'', ''MAIN'')'), ('SELECT acct.export_fec(''2025-12-31'', ''MAIN'')'), ('SELECT acct.fec_file_name(''2025-12-31'', ''MAIN'')');
INSERT INTO public.call (statement) VALUES ('SELECT acct.export_saft(''2025-01-01'', ''2025-12-01'', ''MAIN'')'), ('SELECT acct.export_audit_data(''2025-01-01'', ''2025-12-01'', ''MAIN'')'), ('SELECT acct.check_audit_data(''2025-01-01'', ''2025-12-01'', ''MAIN'')');
INSERT INTO public.call (statement) VALUES ('SELECT acct.create_run(''2025-01-01'')'), ('SELECT acct.expand_journals(@posted)'), ('SELECT acct.validate_run(@posted)'), ('SELECT acct.validate_run(@expanded)'),
    ('SELECT acct.run_digest(@posted)'), ('SELECT acct.run_digest(@expanded, ''staging'')'), ('SELECT acct.post_journals(@posted)'), ('SELECT acct.post_journals(@expanded)'), ('SELECT acct.discard_run(@expanded)'),
    ('SELECT acct.reprocess_exceptions(@posted)'), ('SELECT acct.reprocess_ignored(@posted)'), ('SELECT acct.reverse_run(@posted, ''2025-03-31'', ''x'')'), ('SELECT acct.reverse_journals(ARRAY[1], ''2025-03-31'', ''x'')'), ('SELECT acct.correct_run(@posted, ''2025-03-31'', ''x'')'), ('SELECT acct.preview_correction(@posted)'), ('SELECT acct.preview_correction_transactions(@posted)'), ('SELECT acct.rebook_run(@posted)'), ('SELECT acct.replay_run(@posted)'), ('SELECT acct._skip_empty_run(@posted)'), ('SELECT acct._report_exceptions(@posted)'), ('SELECT acct.waive_exception(@posted, 2, ''PRIMARY'', ''x'')'), ('SELECT acct.revoke_waiver(@posted, 2, ''PRIMARY'')'), ('SELECT acct.acknowledge_finding(1, ''x'')'),
    ('SELECT acct.run_month(''2025-01-01'')'), ('SELECT acct.book_transactions(''[{"txn_id": 1, "txn_month": "2025-01-01"}]'')'),
    ('SELECT acct._check_transactions(''[]'')'), ('SELECT acct._open_booking(''2025-01-01'', ''[]'', NULL, ''{}'')'), ('SELECT acct._book_batch(@expanded, 1)'), ('SELECT acct._booked(@posted, ''{1}'')'), ('CALL acct.process_month(''2025-01-01'')'), ('SELECT acct.rotate_txn_source_partitions(0, ''2025-05-01'')'),
    ('SELECT acct.rotate_ledger_partitions(0, ''2025-05-01'')'), ('SELECT acct.update_balance_snapshot()'), ('SELECT acct.trial_balance(''2025-01-01'')'), ('SELECT acct.balance_changes(''2025-01-01'', ''-infinity'')'), ('SELECT acct.account_ledger(''1000'', ''2025-01-01'', ''2025-01-31'')'), ('SELECT acct.journal(1)'), ('SELECT acct.trial_balance_at(''2025-01-15'')'), ('SELECT acct.movement(''2025-01-01'')'), ('SELECT acct.account_hierarchy(''2025-01-01'')'), ('SELECT acct.profit_and_loss(''2025-01-01'', ''2025-01-01'')'), ('SELECT acct.balance_sheet(''2025-01-01'')'), ('SELECT acct.fund_statement(''2025-01-01'')'), ('SELECT acct.exceptions_report(''2025-01-01'')'), ('SELECT acct.reconcile_month(''2025-01-01'')'), ('SELECT acct.reconcile_transactions(''2025-01-01'')'), ('SELECT acct.check_numbering()'), ('SELECT acct.ledger_checkpoint()'), ('SELECT acct.verify_checkpoint(acct.ledger_checkpoint())'), ('SELECT acct.prove_checkpoint(acct.ledger_checkpoint())'), ('SELECT acct.prove_balance(''2025-01-01'', ''MAIN'', ''PRIMARY'', ''F1'', ''1000'', ''IDR'')'), ('SELECT acct.month_end_pack(''2025-01-01'')'), ('SELECT acct.policy_digest()'), ('SELECT acct.close_period(''2025-05-01'', ''MAIN'', ''PRIMARY'')'),
    ('SELECT acct.reopen_period(''2025-05-01'', ''MAIN'', ''PRIMARY'')'), ('SELECT acct.check_close(''2025-05-01'')'), ('SELECT acct.set_book(''MAIN'', ''PRIMARY'', ''{}'')'), ('SELECT acct.rehearse_close(''2025-05-01'', ''MAIN'', ''PRIMARY'')'), ('SELECT acct.close_year(''2025-12-31'', ''MAIN'', ''PRIMARY'')'), ('SELECT acct.reopen_year(''2025-12-31'', ''MAIN'', ''PRIMARY'', ''x'')'), ('SELECT acct.add_dimension(''region'', ''text'')'), ('SELECT acct.check_template(''A'', 1)'), ('SELECT acct.check_balance(''A'')'), ('SELECT acct.submit_template(''DRAFT'', 1)'),
    ('SELECT acct.return_template(''SUBMITTED'', 1)'), ('SELECT acct.approve_template(''SUBMITTED'', 1)'), ('SELECT acct.retire_template(''A'', 1, ''2026-01-01'')'), ('SELECT acct.new_template_version(''A'', ''2026-01-01'')'),
    ('SELECT acct.create_release(''Release'')'), ('SELECT acct.check_release(1)'), ('SELECT acct.compare_release(1, ''2025-01-01'')'), ('SELECT acct.compare_release_transactions(1, ''2025-01-01'')'), ('SELECT acct.compare_versions(''A'', 1, 1, ''2025-01-01'')'), ('SELECT acct.compare_versions_transactions(''A'', 1, 1, ''2025-01-01'')'), ('SELECT acct.preview_journals(''2025-01-01'')'), ('SELECT acct.explain_transaction(1, ''2025-01-01'', ''PRIMARY'')'), ('SELECT acct.explain_journal(1)'), ('SELECT acct.submit_release(1)'), ('SELECT acct.return_release(1)'), ('SELECT acct.approve_release(1)'), ('SELECT acct.export_policy()'), ('SELECT acct.policy_history()'), ('SELECT acct.compare_template_versions(''A'', 1, 1)'), ('SELECT acct.import_policy(''{}'', 1)'), ('SELECT acct._import_plan(''{}'', 1, false)'),
    ('SELECT acct.check_manual_journal(1)'), ('SELECT acct.submit_manual_journal(1)'), ('SELECT acct.return_manual_journal(1, ''x'')'), ('SELECT acct.approve_manual_journal(1)'), ('SELECT acct.copy_manual_journal(1)'),
    ('SELECT acct._require_opening_book(''2024-12-31'', ''MAIN'', ''PRIMARY'', false)'), ('SELECT acct._draft_opening(''2024-12-31'', ''MAIN'', ''PRIMARY'', ''[]'')'), ('SELECT acct._compare_opening(''2024-12-31'', ''MAIN'', ''PRIMARY'', ''[]'')'),
    ('SELECT acct.apply_retention()'), ('SELECT acct.archive_partition(''txn_source_parent'', ''2025-01-01'')'), ('SELECT acct.compress_archive(''2025-01-01'')'), ('SELECT acct.restore_partition(''txn_source_parent'', ''2025-01-01'')'),
    ('SELECT acct.install_takaful_sample()'), ('SELECT acct.generate_sample_transactions(''2025-06-01'', 1)'),
    ('SELECT FROM acct.run_progress'), ('SELECT acct._run_progress()'), ('SELECT FROM acct.scheduled_jobs'), ('SELECT acct._scheduled_jobs()'), ('SELECT acct._require_pg_cron()'),
    ('SELECT acct._begin_job(''run'', ''{}'')'), ('SELECT acct._job_step(''run'')'), ('SELECT acct._end_job(''run'')'),
    ('SELECT acct.check_balance_snapshot()'), ('SELECT acct.batches_waiting()'), ('SELECT acct.check_run(''KEY'')'), ('SELECT acct._run_of_key(''KEY'', true)'), ('SELECT acct._run_status(1)'), ('SELECT acct.cancel_run(''KEY'')'), ('SELECT acct.delete_batch(1)'),
    -- That one tells of it in its only row.
    ('DO $do$ BEGIN IF ARRAY(SELECT check_name || status FROM acct.health()) = ''{layoutcritical}'' THEN RAISE SQLSTATE ''LE010''; END IF; END $do$');
UPDATE public.call SET statement = replace(replace(statement, '@posted', :'posted'), '@expanded', :'expanded');
SELECT count(*) AS definers_not_called FROM public.definer AS d JOIN pg_proc AS p USING (oid)
 WHERE NOT d.is_trigger AND d.proname <> 'sample_transactions' AND NOT EXISTS (SELECT FROM public.call AS c WHERE c.statement ~ ('acct.' || d.proname || '\('));
CREATE FUNCTION public.outcomes(relation text, calls text[]) RETURNS TABLE (statement text, state text) LANGUAGE plpgsql AS $$
DECLARE
    states text[] := '{}';
    kind "char" := (SELECT c.relkind FROM pg_class AS c WHERE c.oid = relation::regclass);
    c text;
BEGIN
    BEGIN
        EXECUTE format('ALTER TABLE %s OWNER TO regress_security_owner', relation);
        EXECUTE 'SET LOCAL SESSION AUTHORIZATION regress_security_owner';
        IF kind IN ('r', 'p') THEN
            EXECUTE format('CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION trap.spring()', relation);
            EXECUTE format('CREATE INDEX ON ONLY %s ((1)) WHERE trap.planned()', relation);
        END IF;
        IF kind = 'r' THEN
            EXECUTE format('CREATE TRIGGER a_row BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION trap.spring()', relation);
        END IF;
        FOREACH c IN ARRAY calls LOOP
            BEGIN
                EXECUTE 'SET LOCAL SESSION AUTHORIZATION regress_security_attacker';
                EXECUTE c;
                RAISE EXCEPTION USING ERRCODE = 'XXDON';
            EXCEPTION WHEN OTHERS THEN
                states := states || CASE SQLSTATE WHEN 'XXDON' THEN 'done' ELSE SQLSTATE END::text;
            END;
        END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'XXALL';
    EXCEPTION WHEN SQLSTATE 'XXALL' THEN
        RETURN QUERY SELECT u.s, u.r FROM unnest(calls, states) AS u (s, r);
    END;
END
$$;
-- The trap works: a careless function that writes, and one that only reads.
CREATE FUNCTION public.careless_writer() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ INSERT INTO acct.ledger_book VALUES ('X', 'PRIMARY') $$;
CREATE FUNCTION public.careless_reader() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT count(*) FROM acct.ledger_book $$;
SELECT * FROM public.outcomes('acct.ledger_book', '{SELECT public.careless_writer(),SELECT public.careless_reader()}');
SELECT last_value >= 2 AND is_called AS sprung FROM trap.sprung;
SELECT setval('trap.sprung', 1, false);
-- Each call on each table, view and sequence; a partition of each kind. Without LEDGER_LIMITS=all every eighth of them.
\set limits ''
\getenv limits LEDGER_LIMITS
CREATE TABLE public.attempt AS
SELECT r.relation, o.* FROM
    (SELECT c.oid::regclass::text AS relation, row_number() OVER (ORDER BY c.relname) AS n FROM pg_class AS c
      WHERE c.relnamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace)
        AND (c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ '_staging_\d+$' OR c.relkind = 'v' OR c.relname IN ('je_id_seq', 'je_range_seq')
             OR c.relname IN ('txn_source_2025_01', 'ledger_entry_header_2025_01', 'ledger_entry_line_2025_01', 'ledger_entry_line_2025_01_rest', 'je_line_staging_' || :'expanded'))) AS r,
    -- (Procedures commit first, which they may not do here.)
    public.outcomes(r.relation, ARRAY(SELECT c.statement FROM public.call AS c
                                       WHERE c.statement !~ '^CALL' AND (:'limits' = 'all' OR (c.n + r.n) % 8 = 0 OR c.statement = 'SELECT FROM acct.run_progress') ORDER BY c.n)) AS o;
SELECT count(DISTINCT relation) > 30 AS relations, count(*) > 350 AS attempts FROM public.attempt;
-- (A view reads tables with the rights of its owner, who has none here.)
SELECT relation, statement, state FROM public.attempt WHERE state <> 'LE010' ORDER BY 1, 2;
SELECT is_called AS sprung FROM trap.sprung;
-- Triggers that run as their owner, and the source of a batch, which is registered as the owner of its table
SELECT r.relation, o.* FROM (VALUES
    ('acct.template_audit', 'UPDATE acct.fund SET name = name'),
    ('acct.journal_template', 'INSERT INTO acct.journal_template_match (template_code, match_no) VALUES (''DRAFT'', 2)'),
    ('acct.account_balance_snapshot', 'DELETE FROM acct.fund WHERE fund = ''F2'''),
    ('acct.policy_release', 'INSERT INTO acct.fund_draft (release_id, operation, fund) VALUES (1, ''delete'', ''F1'')'),
    ('acct.fund', 'INSERT INTO acct.fund_draft (release_id, operation, fund) VALUES (1, ''delete'', ''F1'')'),
    ('acct.policy_release', 'INSERT INTO acct.journal_template (template_code, release_id) VALUES (''R'', 1)'),
    ('acct.journal_template', 'INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (1, ''A'', 1, ''2026-01-01'')'),
    ('acct.manual_journal', 'INSERT INTO acct.manual_journal_line (journal_id, account_code, fund) VALUES (1, ''1000'', ''F1'')'),
    ('acct.manual_journal', 'INSERT INTO acct.manual_journal (entity_code, je_date, currency) VALUES (''MAIN'', ''2025-02-28'', ''IDR'')'),
    ('acct.journal_run_batch', 'UPDATE acct.txn_source_parent SET channel = channel'),
    ('acct.journal_run_batch', 'DELETE FROM acct.txn_source_parent'),
    ('acct.journal_run_batch', 'TRUNCATE acct.txn_source_parent'),
    ('acct.txn_source_2025_01', 'TRUNCATE acct.txn_source_parent'),
    ('ledger_guard.protected', 'DROP SEQUENCE evil.break_ins'),
    ('ledger_guard.protected', 'CREATE TABLE evil.t (a integer); ALTER TABLE evil.t ALTER COLUMN a TYPE text'),
    ('ledger_guard.protected', 'CREATE TABLE evil.t (a integer); ALTER TABLE evil.t RENAME COLUMN a TO b'),
    ('acct.txn_batch', 'SELECT acct.current_batch()'),
    ('acct.txn_source_parent', 'SELECT acct.check_expression(''gross_amount'', ''amount'')')) AS r (relation, statement), public.outcomes(r.relation, ARRAY[r.statement]) AS o;
SELECT is_called AS sprung FROM trap.sprung;
-- Who installs is not led into what others put there.
CREATE FUNCTION public.installs(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s text;
    result text;
BEGIN
    FOREACH s IN ARRAY statements LOOP
        EXECUTE s;
    END LOOP;
    result := acct.install();
    RAISE EXCEPTION USING ERRCODE = 'XXDON', MESSAGE = result;
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
SELECT public.installs('DROP TABLE acct.run_log', 'CREATE TABLE acct.run_log (run_id bigint)', 'ALTER TABLE acct.run_log OWNER TO regress_security_owner', 'UPDATE acct.engine_layout SET version = 1');
SELECT public.installs('CREATE FUNCTION acct.format(text, text) RETURNS text LANGUAGE sql AS ''SELECT NULL::text''', 'ALTER FUNCTION acct.format OWNER TO regress_security_owner');
SELECT public.installs('CREATE OPERATOR acct.= (FUNCTION = int48eq, LEFTARG = integer, RIGHTARG = bigint)', 'ALTER OPERATOR acct.= (integer, bigint) OWNER TO regress_security_owner');
SELECT public.installs('CREATE DOMAIN acct.text AS pg_catalog.text', 'ALTER DOMAIN acct.text OWNER TO regress_security_owner');
SELECT public.installs('ALTER SCHEMA acct OWNER TO regress_security_owner');
SELECT public.installs('CREATE COLLATION acct.mine FROM "C"', 'ALTER COLLATION acct.mine OWNER TO regress_security_owner');
SELECT public.installs('CREATE CONVERSION acct.mine FOR ''UTF8'' TO ''LATIN1'' FROM utf8_to_iso8859_1', 'ALTER CONVERSION acct.mine OWNER TO regress_security_owner');
SELECT public.installs('CREATE TEXT SEARCH DICTIONARY ledger_guard.mine (template = simple)', 'ALTER TEXT SEARCH DICTIONARY ledger_guard.mine OWNER TO regress_security_owner');
SELECT public.installs('CREATE OPERATOR FAMILY acct_archive.mine USING btree', 'ALTER OPERATOR FAMILY acct_archive.mine USING btree OWNER TO regress_security_owner');
SELECT public.installs('CREATE VIEW acct_bi.mine AS SELECT 1 AS one', 'ALTER VIEW acct_bi.mine OWNER TO regress_security_owner');
-- Nor do functions run while somebody else may put something beside them.
REVOKE CREATE ON SCHEMA acct, ledger_guard FROM regress_security_owner;
SELECT acct.install() IS NOT NULL AS installed;
SELECT public.installs('GRANT CREATE ON SCHEMA acct TO regress_security_owner');
SELECT public.installs('GRANT CREATE ON SCHEMA ledger_guard TO PUBLIC');
SELECT public.installs('GRANT ALL ON SCHEMA acct_archive TO regress_security_owner');
\set VERBOSITY sqlstate
BEGIN;
GRANT CREATE ON SCHEMA acct TO regress_security_owner;
SAVEPOINT a;
SET LOCAL SESSION AUTHORIZATION regress_security_owner;
SAVEPOINT b;
CREATE FUNCTION acct.planted(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note(); RETURN true; END $$; :why
ROLLBACK TO b;
CREATE FUNCTION trap.planted(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note(); RETURN true; END $$;
SAVEPOINT b;
ALTER FUNCTION trap.planted(oid, regclass) SET SCHEMA acct; :why
ROLLBACK TO b;
CREATE OPERATOR acct.= (FUNCTION = trap.planted, LEFTARG = oid, RIGHTARG = regclass); :why
ROLLBACK TO b;
CREATE DOMAIN acct.text AS pg_catalog.text CHECK (trap.note()); :why
ROLLBACK TO b;
CREATE TYPE acct.text AS ENUM (); :why
ROLLBACK TO b;
CREATE AGGREGATE acct.count(text) (SFUNC = textcat, STYPE = text); :why
ROLLBACK TO b;
CREATE PROCEDURE acct.p() LANGUAGE sql AS ''; :why
ROLLBACK TO a;
SELECT acct.create_run('2025-01-01'); :why
ROLLBACK TO a;
SELECT acct.trial_balance('2025-01-01'); :why
ROLLBACK TO a;
SELECT acct.post_journals(:expanded); :why
ROLLBACK TO a;
SELECT detail FROM acct.health();
\set VERBOSITY default
SET LOCAL SESSION AUTHORIZATION regress_security_owner;
CREATE FUNCTION acct.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
ROLLBACK;
\set VERBOSITY default
SELECT is_called AS sprung FROM trap.sprung;

--
-- Before the extension is there: who may create schemas in the database becomes nothing else by it.
--
\c :regress_db
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regress_security_before;
CREATE DATABASE regress_security_before;
GRANT CREATE, TEMPORARY ON DATABASE regress_security_before TO regress_security_owner;
\c regress_security_before
SET client_min_messages = warning;
-- Plants as the role, creates the extension and installs as the superuser, has the role drop and alter something, and takes it all back.
CREATE FUNCTION public.created(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s text;
    result text;
BEGIN
    SET LOCAL SESSION AUTHORIZATION regress_security_owner;
    CREATE SCHEMA trap;
    CREATE TABLE trap.sprung (by text);
    CREATE FUNCTION trap.note() RETURNS boolean LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $f$
    BEGIN
        IF current_user <> 'regress_security_owner' THEN INSERT INTO trap.sprung VALUES (current_user); END IF;
        RETURN false;
    END $f$;
    FOREACH s IN ARRAY statements LOOP
        EXECUTE s;
    END LOOP;
    RESET SESSION AUTHORIZATION;
    BEGIN
        CREATE EXTENSION ledger_engine;
        result := acct.install();
    EXCEPTION WHEN OTHERS THEN
        result := format('%s: %s', SQLSTATE, SQLERRM);
    END;
    SET LOCAL SESSION AUTHORIZATION regress_security_owner;
    CREATE TABLE trap.t (a integer);
    ALTER TABLE trap.t ALTER COLUMN a TYPE text;
    ALTER TABLE trap.t RENAME COLUMN a TO b;
    DROP TABLE trap.t;
    RESET SESSION AUTHORIZATION;
    RAISE EXCEPTION USING ERRCODE = 'XXDON', MESSAGE = result || (SELECT CASE count(*) WHEN 0 THEN '' ELSE ', sprung' END FROM trap.sprung);
EXCEPTION WHEN SQLSTATE 'XXDON' THEN
    RETURN SQLERRM;
END
$$;
SELECT public.created('SELECT 1');
SELECT public.created('CREATE SCHEMA acct');
SELECT public.created('CREATE SCHEMA acct_archive');
SELECT public.created('CREATE SCHEMA acct_bi');
SELECT public.created('CREATE SCHEMA ledger_guard', 'CREATE VIEW ledger_guard.protected AS SELECT 0::regclass AS relation, trap.note() AS has_posted');
SELECT public.created('CREATE SCHEMA acct', 'CREATE FUNCTION acct.f(text, date) RETURNS boolean LANGUAGE sql AS ''SELECT trap.note()''', 'CREATE OPERATOR acct.= (FUNCTION = acct.f, LEFTARG = text, RIGHTARG = date)');
-- A superuser's schema in which somebody may create things, or did
BEGIN;
CREATE SCHEMA acct;
GRANT CREATE ON SCHEMA acct TO PUBLIC;
SELECT public.created('SELECT 1');
SELECT public.created('CREATE DOMAIN acct.text AS pg_catalog.text CHECK (trap.note())');
ROLLBACK;
BEGIN;
CREATE SCHEMA acct;
GRANT CREATE ON SCHEMA acct TO regress_security_owner;
SET LOCAL SESSION AUTHORIZATION regress_security_owner;
CREATE FUNCTION acct.name_eq(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON SCHEMA acct FROM regress_security_owner;
SELECT public.created('SELECT 1');
ROLLBACK;
-- Between CREATE EXTENSION and install(), when nothing is guarded yet
BEGIN;
CREATE EXTENSION ledger_engine;
SET LOCAL SESSION AUTHORIZATION regress_security_owner;
CREATE SCHEMA ledger_guard;
CREATE SCHEMA mine;
CREATE SEQUENCE mine.sprung;
CREATE FUNCTION mine.note() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'regress_security_owner' THEN PERFORM nextval('mine.sprung'); END IF; RETURN false; END $$;
CREATE VIEW ledger_guard.protected AS SELECT 0::regclass AS relation, mine.note() AS has_posted;
CREATE TABLE ledger_guard.bait ();
DROP TABLE ledger_guard.bait;
SELECT is_called AS sprung FROM mine.sprung;
RESET SESSION AUTHORIZATION;
SAVEPOINT a;
SELECT acct.install();
ROLLBACK TO a;
SELECT is_called AS sprung FROM mine.sprung;
ROLLBACK;
-- What stands elsewhere in the path of the superuser, or of the database, is not found.
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_security_owner;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.sprung;
CREATE FUNCTION evil.note(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'regress_security_owner' THEN PERFORM nextval('evil.sprung'); END IF; RETURN true; END $$;
CREATE OPERATOR evil.= (FUNCTION = evil.note, LEFTARG = name, RIGHTARG = text);
CREATE FUNCTION evil.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('x', 'y')::text $$;
CREATE FUNCTION evil.concat_ws(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('x', 'y')::text $$;
CREATE FUNCTION pg_temp.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('x', 'y')::text $$;
RESET SESSION AUTHORIZATION;
SET LOCAL search_path = evil, pg_temp, pg_catalog;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT is_called AS sprung FROM evil.sprung;
ROLLBACK;
-- Dropping the extension and creating it again over what it left is as ever.
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed;
DROP EXTENSION ledger_engine CASCADE;
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed;

--
-- An owner whose name must be quoted
--
\c :regress_db
DROP DATABASE :"topic_db";
DROP DATABASE regress_security_before;
DROP ROLE :"checker", regress_security_attacker, regress_security_owner;
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regress_security_named;
DROP ROLE IF EXISTS "regress_security Owner";
CREATE ROLE "regress_security Owner" SUPERUSER;
CREATE DATABASE regress_security_named OWNER "regress_security Owner";
\c regress_security_named
SET client_min_messages = warning;
SET SESSION AUTHORIZATION "regress_security Owner";
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed;
SELECT acct.install_takaful_sample() IS NOT NULL AS sample;
SELECT acct.generate_sample_transactions('2025-01-01', 10) AS loaded;
SELECT step, rows FROM acct.run_month('2025-01-01', 'january') WHERE step <> 'validate';
UPDATE acct.fund SET name = name || '.';
SELECT acct.new_template_version('CONTRIB', '2026-01-01') AS version;
RESET SESSION AUTHORIZATION;
\c :regress_db
DROP DATABASE regress_security_named;
DROP ROLE "regress_security Owner";

-- On one path: nothing here depends on it.
-- Every function at every isolation level, and in transactions that may not write
\set topic isolation
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-02-01', 'A', 50);
CALL public.txn(3, '2025-02-01', 'NOTHING', 25);
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
SELECT public.expanded('2025-02-01', 'feb') AS feb \gset

--
-- What each does: writes by what others have committed (refused unless READ COMMITTED), reads (never refused), or loads (at any level)
--
CREATE TABLE public.kind (kind text, name name, PRIMARY KEY (name));
INSERT INTO public.kind SELECT 'writes', unnest(ARRAY['acknowledge_finding', 'add_dimension', 'approve_manual_journal', 'approve_release', 'approve_template', 'archive_partition', 'book_transactions', 'cancel_run', 'check_release', 'close_period', 'close_year',
    'compress_archive', 'copy_manual_journal', 'correct_run', 'create_release', 'create_run', 'delete_batch', 'discard_run', 'draft_opening_balances', 'expand_journals', 'export_archive', 'generate_sample_transactions', 'import_policy', 'install', 'install_roles', 'install_takaful_sample', 'ledger_checkpoint',
    'new_template_version', 'post_journals', 'preview_correction', 'preview_correction_transactions', 'rebook_run', 'rehearse_close', 'reopen_period', 'reopen_year', 'reprocess_exceptions', 'reprocess_ignored', 'restore_partition', 'retire_template', 'return_manual_journal', 'return_release', 'return_template', 'reverse_journals', 'reverse_run', 'revoke_waiver',
    'rotate_ledger_partitions', 'rotate_txn_source_partitions', 'run_month', 'schedule_jobs', 'seal_ledger', 'set_book', 'submit_manual_journal', 'submit_release', 'submit_template', 'unschedule_jobs',
    'update_balance_snapshot', 'verify_archive', 'waive_exception']);
INSERT INTO public.kind SELECT 'reads', unnest(ARRAY['apply_retention', -- given nothing, it only lists
    'account_hierarchy', 'account_ledger', 'balance_changes', 'balance_sheet', 'batches_waiting', 'check_balance', 'check_balance_snapshot', 'check_close', 'check_expression', 'check_manual_journal', 'check_numbering', 'check_run', 'check_template', 'compare_opening_balances', 'compare_release', 'compare_release_transactions', 'compare_template_versions', 'compare_versions', 'compare_versions_transactions',
    'days_in_month', 'exceptions_report', 'explain_journal', 'explain_transaction', 'export_policy', 'fund_statement', 'health', 'journal', 'month_end', 'month_end_pack', 'month_start', 'movement', 'policy_digest', 'policy_history', 'preview_journals', 'profit_and_loss', 'prove_balance', 'prove_checkpoint', 'reconcile_month', 'reconcile_transactions', 'replay_run', 'run_digest', 'sample_transactions', 'to_code', 'trial_balance', 'trial_balance_at', 'validate_run', 'verify_checkpoint']);
INSERT INTO public.kind SELECT 'loads', unnest(ARRAY['current_batch']);
-- Those write a record of what they read, at any level.
INSERT INTO public.kind SELECT 'records', unnest(ARRAY['export_audit_data', 'export_fec', 'export_saft', 'verify_ledger']);
INSERT INTO public.kind SELECT 'reads', unnest(ARRAY['prove_journal', 'prove_sections']);
INSERT INTO public.kind SELECT 'reads', unnest(ARRAY['check_audit_data', 'check_audit_export', 'fec_file_name']);
INSERT INTO public.kind SELECT 'commits', unnest(ARRAY['process_month', 'process_run', 'run_cluster_month', 'run_job']);
INSERT INTO public.kind SELECT 'writes', unnest(ARRAY['assign_entity', 'cancel_cluster_run', 'cluster_checkpoint', 'install_cluster', 'move_entity', 'publish_policy', 'route_inbox']);
INSERT INTO public.kind SELECT 'reads', unnest(ARRAY['check_cluster_run', 'cluster_account_hierarchy', 'cluster_balance_changes', 'cluster_balance_sheet', 'cluster_exceptions_report', 'cluster_fund_statement', 'cluster_health', 'cluster_movement', 'cluster_nodes', 'cluster_profit_and_loss', 'cluster_progress', 'cluster_trial_balance', 'cluster_trial_balance_at', 'entity_node', 'verify_cluster_checkpoint']);
-- A function that is not in the list: put it where it belongs, and have it do what is said there.
CREATE VIEW public.routine AS
SELECT p.oid::regprocedure AS routine, p.proname, p.prokind FROM pg_proc AS p
 WHERE p.pronamespace = 'acct'::regnamespace AND p.proname !~ '^_' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype);
SELECT r.routine AS not_classified FROM public.routine AS r WHERE NOT EXISTS (SELECT FROM public.kind AS k WHERE k.name = r.proname) ORDER BY 1;
SELECT k.name AS no_such_function FROM public.kind AS k WHERE NOT EXISTS (SELECT FROM public.routine AS r WHERE k.name = r.proname) ORDER BY 1;
SELECT r.routine AS commits FROM public.routine AS r JOIN public.kind AS k ON k.name = r.proname WHERE (k.kind = 'commits') <> (r.prokind = 'p');

-- Called with nothing: whether it is refused before it looks at its arguments, and with what
CREATE FUNCTION public.attempt(routine regprocedure) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT format('SELECT count(*) FROM acct.%I(%s) AS x', p.proname,
                           (SELECT string_agg('NULL::' || format_type(a.type, NULL), ', ' ORDER BY a.n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, n)))
               FROM pg_proc AS p WHERE p.oid = attempt.routine);
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
CREATE FUNCTION public.attempts() RETURNS TABLE (level text, kind text, routine regprocedure, outcome text) LANGUAGE sql AS $$
    SELECT current_setting('transaction_isolation') || CASE WHEN current_setting('transaction_read_only')::boolean THEN ', read only' ELSE '' END,
           k.kind, r.routine, public.attempt(r.routine)
      FROM public.routine AS r JOIN public.kind AS k ON k.name = r.proname WHERE k.kind <> 'commits' ORDER BY 2, 3
$$;
SET client_min_messages = error;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM public.attempts() WHERE kind = 'writes' AND outcome <> '25001';
SELECT * FROM public.attempts() WHERE kind <> 'writes' AND outcome IN ('25001', '25006', '40001');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM public.attempts() WHERE kind = 'writes' AND outcome <> '25001';
SELECT * FROM public.attempts() WHERE kind <> 'writes' AND outcome IN ('25001', '25006', '40001');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM public.attempts() WHERE kind = 'writes' AND outcome <> '25006';
SELECT * FROM public.attempts() WHERE kind = 'reads' AND outcome IN ('25001', '25006', '40001');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT * FROM public.attempts() WHERE kind = 'writes' AND outcome <> '25006';
SELECT * FROM public.attempts() WHERE kind = 'reads' AND outcome IN ('25001', '25006', '40001');
ROLLBACK;
-- The server's READ UNCOMMITTED is READ COMMITTED by another name.
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT * FROM public.attempts() WHERE outcome IN ('25001', '25006', '40001');
ROLLBACK;
RESET client_min_messages;

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM acct.apply_retention(dry_run => false);
ROLLBACK;
-- The words
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM acct.post_journals(:feb);
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM acct.post_journals(:feb);
ROLLBACK;
-- Nor by a function that sets the level, or a savepoint
BEGIN ISOLATION LEVEL REPEATABLE READ;
DO $$
BEGIN
    -- From 16 on there can be no such function.
    CREATE FUNCTION public.post(run_id bigint) RETURNS bigint LANGUAGE sql SET transaction_isolation = 'read committed' AS 'SELECT journals FROM acct.post_journals(run_id)';
    PERFORM public.post(r.run_id) FROM acct.journal_run AS r WHERE r.run_key = 'feb';
    RAISE NOTICE 'posted';
EXCEPTION WHEN active_sql_transaction OR invalid_parameter_value OR feature_not_supported THEN
    RAISE NOTICE 'refused';
END
$$;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SAVEPOINT here;
SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY');
ROLLBACK TO here;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
ROLLBACK;

--
-- Readers, with what there is to read
--
CREATE FUNCTION public.readings() RETURNS TABLE (reading text, result text) LANGUAGE sql AS $$
    SELECT 'trial_balance', string_agg(t.account_code || ' ' || t.closing_balance, ', ' ORDER BY t.account_code) FROM acct.trial_balance('2025-01-01') AS t
    UNION ALL SELECT 'validate_run posted', bool_and(v.passed)::text FROM acct.validate_run((SELECT r.run_id FROM acct.journal_run AS r WHERE r.run_key = 'jan')) AS v
    UNION ALL SELECT 'validate_run expanded', bool_and(v.passed)::text FROM acct.validate_run((SELECT r.run_id FROM acct.journal_run AS r WHERE r.run_key = 'feb')) AS v
    UNION ALL SELECT 'check_run', c.all_passed::text FROM acct.check_run('feb') AS c
    UNION ALL SELECT 'run_digest', string_agg((acct.run_digest(r.run_id, CASE r.run_key WHEN 'jan' THEN 'ledger' ELSE 'staging' END) = r.digest)::text, ', ' ORDER BY r.run_id) FROM acct.journal_run AS r
    UNION ALL SELECT 'check_balance_snapshot', count(*)::text FROM acct.check_balance_snapshot()
    UNION ALL SELECT 'batches_waiting', count(*)::text FROM acct.batches_waiting()
    UNION ALL SELECT 'reconcile_month differs', count(*) FILTER (WHERE r.difference <> 0)::text FROM acct.reconcile_month('2025-01-01') AS r
    UNION ALL SELECT 'reconcile_transactions', count(*)::text FROM acct.reconcile_transactions('2025-01-01')
    UNION ALL SELECT 'check_numbering', string_agg(n.finding || ' ' || n.numbers, ', ') FROM acct.check_numbering() AS n
    UNION ALL SELECT 'preview_journals', count(*)::text FROM acct.preview_journals('2025-01-01')
    UNION ALL SELECT 'replay_run', bool_and(v.passed)::text FROM acct.replay_run('jan') AS v
    UNION ALL SELECT 'compare_versions', count(*)::text FROM acct.compare_versions('A', 1, 1, '2025-01-01')
    UNION ALL SELECT 'explain_transaction', count(*)::text FROM acct.explain_transaction(1, '2025-01-01', 'PRIMARY')
    UNION ALL SELECT 'explain_journal', string_agg(x.kind, ', ' ORDER BY x.step_no) FROM (SELECT min(h.je_id) AS je_id FROM acct.ledger_entry_header AS h) AS h, acct.explain_journal(h.je_id) AS x
    UNION ALL SELECT 'account_ledger', string_agg(l.row_kind || ' ' || l.balance, ', ' ORDER BY l.je_date, l.line_no NULLS FIRST, l.row_kind DESC) FROM acct.account_ledger('1000', '2025-01-01', '2025-01-31') AS l
    UNION ALL SELECT 'journal', string_agg(j.account_code || ' ' || j.debit, ', ' ORDER BY j.line_no) FROM (SELECT min(h.je_id) AS je_id FROM acct.ledger_entry_header AS h) AS h, acct.journal(h.je_id) AS j
    UNION ALL SELECT 'trial_balance_at', string_agg(t.account_code || ' ' || t.closing_balance, ', ' ORDER BY t.account_code) FROM acct.trial_balance_at('2025-01-30') AS t
    UNION ALL SELECT 'movement', count(*)::text FROM acct.movement('2025-01-01')
    UNION ALL SELECT 'account_hierarchy', count(*)::text FROM acct.account_hierarchy('2025-01-01')
    UNION ALL SELECT 'balance_sheet', string_agg(concat_ws(' ', b.account_code, b.amount), ', ') FROM acct.balance_sheet('2025-01-01') AS b
    UNION ALL SELECT 'profit_and_loss', string_agg(concat_ws(' ', p.account_code, p.amount), ', ') FROM acct.profit_and_loss('2025-01-01', '2025-01-01') AS p
    UNION ALL SELECT 'fund_statement', count(*)::text FROM acct.fund_statement('2025-01-01')
    UNION ALL SELECT 'month_end_pack', (length(acct.month_end_pack('2025-01-01')) > 0)::text
    UNION ALL SELECT 'exceptions_report', coalesce(sum(e.transactions), 0)::text FROM acct.exceptions_report('2025-02-01') AS e
    UNION ALL SELECT 'health failed', count(*) FILTER (WHERE h.detail LIKE 'the check failed%')::text FROM acct.health() AS h
    UNION ALL SELECT 'apply_retention dry', (count(*) >= 0)::text FROM acct.apply_retention(dry_run => true)
$$;
SELECT * FROM public.readings();
SELECT count(*) AS validations FROM acct.run_log WHERE step = 'validate';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM public.readings();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM public.readings();
COMMIT;
-- They leave a row in the log, where they may.
SELECT count(*) AS validations FROM acct.run_log WHERE step = 'validate';
BEGIN READ ONLY;
SELECT * FROM public.readings();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT * FROM public.readings();
COMMIT;
SELECT count(*) AS validations FROM acct.run_log WHERE step = 'validate';
SELECT journals FROM acct.post_journals(:feb);

--
-- A default of the database that is not READ COMMITTED stops neither jobs nor loads.
--
ALTER DATABASE :"topic_db" SET default_transaction_isolation = 'repeatable read';
\c
SET client_min_messages = warning;
SHOW transaction_isolation;
BEGIN;
CALL public.txn(10, '2025-01-01', 'A', 7);
COMMIT;
SELECT * FROM acct.run_month('2025-01-01');
CALL acct.process_month('2025-01-01', 'by procedure');
SELECT journals, status FROM acct.journal_run WHERE run_key = 'by procedure';
CALL acct.process_run('by procedure');
CALL public.txn(11, '2025-02-01', 'A', 8);
CALL acct.run_job('run');
CALL acct.run_job('rotate');
CALL acct.run_job('snapshot');
CALL acct.run_job('retention');
SELECT g.detail ->> 'job' AS job, g.detail ->> 'status' AS status FROM acct.run_log AS g WHERE g.step = 'job' ORDER BY g.log_id;
SET default_transaction_isolation = 'serializable';
CALL public.txn(12, '2025-02-01', 'A', 9);
CALL acct.run_job('run');
CALL public.txn(13, '2025-02-01', 'A', 10);
CALL acct.process_month('2025-02-01');
SELECT count(*) AS journals, count(DISTINCT txn_id) AS transactions FROM acct.ledger_entry_header;
SELECT count(*) AS wrong FROM acct.check_balance_snapshot();
-- Where nothing may be written, they say so.
SET default_transaction_read_only = on;
CALL acct.run_job('run');
CALL acct.process_month('2025-02-01');
RESET default_transaction_read_only;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

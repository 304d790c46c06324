-- The roles that a site's users are made members of, and what each may do.

CREATE FUNCTION acct._role_rights() RETURNS TABLE (role_name text, kind text, name text, privileges text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- kind: table, table of schema acct_cluster, or function with its argument types
    SELECT r.role_name, x.kind, n.name, x.privileges
      FROM (VALUES
        (ARRAY['acct_loader'], 'table', ARRAY['txn_source_parent'], 'SELECT, INSERT'),
        (ARRAY['acct_loader'], 'table', ARRAY['txn_batch', 'currency', 'entity', 'posting_limit'], 'SELECT'),
        (ARRAY['acct_loader'], 'function', ARRAY['current_batch()', 'delete_batch(bigint, bigint[])', 'batches_waiting()'], 'EXECUTE'),

        (ARRAY['acct_finance', 'acct_approver'], 'table',
         ARRAY['entity', 'posting_limit', 'fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
               'journal_template_match', 'journal_template_line', 'product_account_map', 'elimination_pair', 'statement_layout', 'statement_line', 'statement_account', 'statement_column', 'template_audit', 'accounting_period', 'book', 'period_log',
               'je_exception', 'txn_source_parent'], 'SELECT'),
        (ARRAY['acct_finance', 'acct_approver'], 'table', ARRAY['template_content'], 'SELECT'),
        (ARRAY['acct_finance', 'acct_approver'], 'table', ARRAY['policy_release', 'release_changes', 'release_content', 'policy_finding'], 'SELECT'),
        -- Policy is edited as drafts only.
        (ARRAY['acct_finance'], 'table', ARRAY['journal_template', 'journal_template_match', 'journal_template_line'], 'INSERT, UPDATE, DELETE'),
        (ARRAY['acct_finance'], 'table',
         ARRAY['currency_draft', 'fund_draft', 'accounting_basis_draft', 'entity_draft', 'chart_of_accounts_draft',
               'product_account_map_draft', 'elimination_pair_draft', 'statement_layout_draft', 'statement_line_draft', 'statement_account_draft', 'statement_column_draft', 'template_retirement_draft'], 'SELECT, INSERT, UPDATE, DELETE'),
        (ARRAY['acct_approver'], 'table',
         ARRAY['currency_draft', 'fund_draft', 'accounting_basis_draft', 'entity_draft', 'chart_of_accounts_draft',
               'product_account_map_draft', 'elimination_pair_draft', 'statement_layout_draft', 'statement_line_draft', 'statement_account_draft', 'statement_column_draft', 'template_retirement_draft'], 'SELECT'),
        (ARRAY['acct_finance'], 'function', ARRAY['submit_template(text, integer)', 'new_template_version(text, date)',
            'create_release(text, text)', 'submit_release(bigint)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver'], 'function', ARRAY['check_release(bigint)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function', ARRAY['export_policy(text[])', 'policy_history(text, text, text, text, text, text, bigint)',
            'compare_template_versions(text, integer, integer)'], 'EXECUTE'),
        -- Drafts are written with the rights of the caller, whose expressions they are.
        (ARRAY['acct_finance'], 'function', ARRAY['import_policy(text, bigint, boolean)', '_import_plan(text, bigint, boolean)', '_drop_drafts(bigint, jsonb)',
            '_draft_changes(bigint, text, text, jsonb)', '_draft_versions(bigint, jsonb)', '_file_tables()', '_release_tables()', '_policy_columns()'], 'EXECUTE'),
        (ARRAY['acct_approver'], 'function', ARRAY['approve_release(bigint, text, text)', 'return_release(bigint, text)'], 'EXECUTE'),
        (ARRAY['acct_approver'], 'function', ARRAY['approve_template(text, integer, text)', 'return_template(text, integer)',
            'retire_template(text, integer, date)', 'reopen_period(date, text, text, text)', 'set_book(text, text, jsonb)', 'reopen_year(date, text, text, text)',
            'waive_exception(bigint, bigint, text, text)', 'waive_exception(text, bigint, text, text)',
            'revoke_waiver(bigint, bigint, text)', 'revoke_waiver(text, bigint, text)', 'acknowledge_finding(bigint, text)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver'], 'function', ARRAY['check_template(text, integer)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function', ARRAY['check_balance(text, integer)'], 'EXECUTE'),
        -- Manual journals
        (ARRAY['acct_finance', 'acct_approver'], 'table', ARRAY['manual_journal', 'manual_journal_line', 'manual_journal_content'], 'SELECT'),
        (ARRAY['acct_finance'], 'table', ARRAY['manual_journal', 'manual_journal_line'], 'INSERT, UPDATE, DELETE'),
        (ARRAY['acct_finance', 'acct_approver'], 'function', ARRAY['check_manual_journal(bigint)'], 'EXECUTE'),
        (ARRAY['acct_finance'], 'function', ARRAY['submit_manual_journal(bigint)', 'copy_manual_journal(bigint, date)'], 'EXECUTE'),
        (ARRAY['acct_approver'], 'function', ARRAY['approve_manual_journal(bigint, text)', 'return_manual_journal(bigint, text)'], 'EXECUTE'),
        -- Tables of balances are read with the rights of the caller, and so are the steps of these functions.
        (ARRAY['acct_finance'], 'function', ARRAY['draft_opening_balances(date, text, text, regclass)', '_draft_opening(date, text, text, jsonb)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function',
         ARRAY['compare_opening_balances(date, text, text, regclass)', '_compare_opening(date, text, text, jsonb)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function', ARRAY['_read_balances(regclass)', '_balance_columns(regclass)', '_require_opening_book(date, text, text, boolean)'], 'EXECUTE'),
        -- What was posted by their policy, to the line
        (ARRAY['acct_finance', 'acct_approver'], 'table',
         ARRAY['ledger_entry_header', 'ledger_entry_line', 'ledger_line', 'fund_journal', 'account_balance_snapshot', 'ledger_book', 'journal_number', 'ledger_seal',
               'journal_run', 'journal_run_total', 'journal_run_ignored', 'journal_reversal'], 'SELECT'),
        -- Approvers see what they post.
        (ARRAY['acct_approver'], 'table', ARRAY['je_header_staging', 'je_line_staging', 'run_staging'], 'SELECT'),
        (ARRAY['acct_approver'], 'function', ARRAY['post_journals(bigint)', 'post_journals(text)', 'validate_run(bigint)', 'validate_run(text)', 'check_run(bigint)',
               'check_run(text)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator'], 'function', ARRAY['close_period(date, text, text, text[], text)', 'close_year(date, text, text, text[], text)',
            'rehearse_close(date, text, text)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor'], 'function', ARRAY['check_close(date, text, text)'], 'EXECUTE'),

        (ARRAY['acct_operator'], 'table',
         ARRAY['journal_run', 'journal_run_batch', 'journal_run_ignored', 'journal_run_total', 'journal_reversal', 'run_log', 'je_exception', 'txn_batch', 'batch_waiting',
               'txn_source_parent', 'accounting_period', 'book', 'period_log', 'accounting_basis', 'entity', 'posting_limit', 'je_header_staging', 'je_line_staging',
               'run_staging', 'scheduled_jobs'], 'SELECT'),
        (ARRAY['acct_operator', 'acct_finance', 'acct_approver'], 'table',
         ARRAY['run_progress', 'run_history', 'run_summary', 'exception_summary'], 'SELECT'),
        (ARRAY['acct_operator', 'acct_finance', 'acct_approver', 'acct_auditor'], 'function', ARRAY['_run_progress()'], 'EXECUTE'),
        (ARRAY['acct_operator'], 'table', ARRAY['retention_policy', 'archived_partition'], 'SELECT'),
        (ARRAY['acct_operator'], 'function',
         ARRAY['book_transactions(jsonb, text, jsonb)', '_check_transactions(jsonb)', '_open_booking(date, jsonb, text, jsonb)', '_book_batch(bigint, bigint)', '_booked(bigint, bigint[])',
               'create_run(date, text, jsonb)', 'expand_journals(bigint)', 'post_journals(bigint)', 'discard_run(bigint)',
               'expand_journals(text)', 'post_journals(text)', 'discard_run(text)', 'process_run(bigint, text)', 'process_run(text, text)',
               'reverse_run(bigint, date, text, jsonb)', 'reverse_run(text, date, text, jsonb)', 'reverse_journals(bigint[], date, text)',
               'rebook_run(bigint, jsonb)', 'rebook_run(text, jsonb)',
               'correct_run(bigint, date, text)', 'correct_run(text, date, text)',
               'reprocess_exceptions(bigint, jsonb)', 'reprocess_exceptions(text, jsonb)', 'reprocess_ignored(bigint, jsonb)', 'reprocess_ignored(text, jsonb)', 'run_month(date, text, jsonb)', 'process_month(date, text, jsonb, bigint)',
               'rotate_txn_source_partitions(integer, date)', 'rotate_ledger_partitions(integer, date)',
               'update_balance_snapshot(date)', 'seal_ledger(date, date, text, text)', 'cancel_run(text, interval)', 'cancel_run(bigint, interval)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator'], 'function',
         ARRAY['preview_correction(bigint, bigint)', 'preview_correction(text, bigint)', 'preview_correction_transactions(bigint, integer, bigint)',
               'preview_correction_transactions(text, integer, bigint)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor'], 'function',
         ARRAY['explain_journal(bigint)', 'explain_transaction(bigint, date, text, bigint)', 'preview_journals(date, bigint, text, integer, integer)', 'compare_release(bigint, date, text, text)', 'compare_release_transactions(bigint, date, integer)',
               'compare_versions(text, integer, integer, date, text, text)', 'compare_versions_transactions(text, integer, integer, date, integer)', 'replay_run(bigint, integer)', 'replay_run(text, integer)'], 'EXECUTE'),
        (ARRAY['acct_operator'], 'function',
         ARRAY['apply_retention(boolean)', 'archive_partition(text, date)', 'compress_archive(date)', 'restore_partition(text, date, integer)'], 'EXECUTE'),
        -- Exporting and verifying run as their caller, and so do the steps of theirs.
        (ARRAY['acct_operator', 'acct_auditor'], 'function',
         ARRAY['export_archive(text, date, text, text, text)', 'verify_archive(jsonb)', '_archive_figures(bigint, text)', '_archived_columns(bigint, text)',
               '_compressor(text)', '_copy_options(text)', '_copy_place(text, text)', '_digest_lines(text)', '_digest_values(text, text[])',
               '_export_files(text, date, text, text, text)', '_export_table(bigint, text, text, text, text)',
               '_file_digest(text, boolean)', '_file_path(text, text)', '_part_figures(text, text, jsonb)', '_put_in_place(text)', '_require_unchanged(bigint, text)', '_column_types(regclass, boolean)',
               '_read_back(bigint, jsonb, text, text, text)', '_verify_file(jsonb, jsonb)', '_verify_files(jsonb)', '_month_name(date)'], 'EXECUTE'),
        (ARRAY['acct_operator', 'acct_auditor'], 'function',
         ARRAY['validate_run(bigint)', 'validate_run(text)', 'check_run(bigint)', 'check_run(text)', 'run_digest(bigint, text)', 'run_digest(text, text)',
               'check_balance_snapshot(date)'], 'EXECUTE'),
        (ARRAY['acct_operator', 'acct_auditor'], 'function',
         ARRAY['health(text[], jsonb)', 'batches_waiting()', '_scheduled_jobs()'], 'EXECUTE'),
        -- What views of acct_bi call; who reads them cannot name it, without USAGE on schema acct.
        (ARRAY['acct_bi_reader'], 'function', ARRAY['health(text[], jsonb)', 'batches_waiting()', '_run_progress()',
            'profit_and_loss(date, date, text, text, text, text, boolean, boolean, boolean)', 'balance_sheet(date, text, text, text, text, boolean, boolean, boolean)',
            'fund_statement(date, text, text, text, text, date, boolean)'], 'EXECUTE'),
        (ARRAY['acct_bi_reader', 'acct_auditor'], 'function', ARRAY['_health_checks()'], 'EXECUTE'),
        (ARRAY['acct_operator'], 'function', ARRAY['run_job(text, jsonb)', 'schedule_jobs(jsonb)', 'unschedule_jobs()'], 'EXECUTE'),
        -- What these call with the rights of their caller
        (ARRAY['acct_operator'], 'function',
         ARRAY['_begin_job(text, jsonb)', '_job_step(text)', '_end_job(text)', '_skip_empty_run(bigint)', '_report_exceptions(bigint)',
               '_failed_checks(bigint)', '_refuse_failed_checks(bigint, text)', '_run_of_key(text, boolean)', '_run_status(bigint)',
               '_check_job(text, jsonb)', '_require_schedule(jsonb)',
               '_require_cron_user()', '_require_pg_cron()', '_require_latest_snapshots()', '_require_read_committed()'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor'], 'function',
         ARRAY['trial_balance(date, text, text, text, timestamptz, boolean)', 'balance_changes(date, timestamptz, text, text, text)', 'policy_digest()',
               'account_ledger(text, date, date, text, text, text, text, date, bigint, integer, integer)', 'journal(bigint)', 'trial_balance_at(date, text, text, text, boolean)', 'movement(date, text, text, text, boolean, boolean)',
               'account_hierarchy(date, text, text, text, boolean)', 'profit_and_loss(date, date, text, text, text, text, boolean, boolean, boolean)',
               'balance_sheet(date, text, text, text, text, boolean, boolean, boolean)', 'fund_statement(date, text, text, text, text, date, boolean)', 'exceptions_report(date, text, text)', 'reconcile_month(date, text, text)', 'reconcile_transactions(date, text, text, integer)',
               'check_numbering(date, text, text)', 'prove_balance(date, text, text, text, text, text, integer)'], 'EXECUTE'),
        -- Audit files
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function',
         ARRAY['check_audit_export(text, date, date, text, text)', 'fec_file_name(date, text)', 'export_fec(date, text, text, text)',
               'export_audit_data(date, date, text, text, text)', 'check_audit_data(date, date, text, text)',
               'export_saft(date, date, text, text)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver'], 'table', ARRAY['audit_export'], 'SELECT'),
        (ARRAY['acct_operator'], 'function', ARRAY['ledger_checkpoint()'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator'], 'table', ARRAY['ledger_verification'], 'SELECT'),
        (ARRAY['acct_approver', 'acct_operator', 'acct_auditor'], 'function', ARRAY['verify_ledger(date, date, text, text)', 'prove_journal(bigint, integer, integer)', 'prove_sections()'], 'EXECUTE'),
        (ARRAY['acct_approver', 'acct_operator', 'acct_auditor'], 'function', ARRAY['verify_checkpoint(text)', 'prove_checkpoint(text)'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_auditor'], 'function', ARRAY['month_end_pack(date, text, text)'], 'EXECUTE'),
        -- Clusters
        (ARRAY['acct_operator'], 'function',
         ARRAY['assign_entity(text, text)', 'move_entity(text, text)', 'run_cluster_month(date, text, jsonb, text)', '_open_cluster_run(date, text, jsonb)',
               '_stage_cluster_run(text)', '_validate_cluster_run(text)', '_post_cluster_run(text)', 'cancel_cluster_run(text)', 'cluster_checkpoint()'], 'EXECUTE'),
        (ARRAY['acct_loader'], 'cluster table', ARRAY['inbox'], 'SELECT, INSERT'),
        (ARRAY['acct_operator'], 'cluster table', ARRAY['inbox'], 'SELECT, DELETE'),
        (ARRAY['acct_auditor'], 'cluster table', ARRAY['member', 'entity', 'publication', 'run', 'checkpoint', 'inbox'], 'SELECT'),
        (ARRAY['acct_loader', 'acct_operator'], 'function', ARRAY['route_inbox()'], 'EXECUTE'),
        (ARRAY['acct_approver', 'acct_operator'], 'function', ARRAY['publish_policy()'], 'EXECUTE'),
        (ARRAY['acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor'], 'function',
         ARRAY['cluster_nodes()', 'entity_node(text)', 'check_cluster_run(text)', 'cluster_progress()', 'cluster_trial_balance(date, text, text, text, timestamptz, boolean)',
               'cluster_profit_and_loss(date, date, text, text, text, text, boolean, boolean, boolean)',
               'cluster_balance_sheet(date, text, text, text, text, boolean, boolean, boolean)', 'cluster_fund_statement(date, text, text, text, text, date, boolean)',
               'cluster_trial_balance_at(date, text, text, text, boolean)', 'cluster_movement(date, text, text, text, boolean, boolean)',
               'cluster_account_hierarchy(date, text, text, text, boolean)', 'cluster_exceptions_report(date, text, text)',
               'cluster_balance_changes(date, timestamptz, text, text, text)'], 'EXECUTE'),
        (ARRAY['acct_approver', 'acct_operator', 'acct_auditor'], 'function', ARRAY['verify_cluster_checkpoint(text)', 'cluster_health(text[], jsonb)'], 'EXECUTE')
      ) AS x (roles, kind, names, privileges),
      unnest(x.roles) AS r (role_name), unnest(x.names) AS n (name)
$$;
COMMENT ON FUNCTION acct._role_rights() IS
'The rights that install_roles() grants: a row for each role and object, kind being table (or view), cluster table (of schema acct_cluster) or function. The rights to read everything, of acct_auditor, and all of acct_bi, of acct_bi_reader, are not listed.';

CREATE FUNCTION acct.install_roles() RETURNS TABLE (role_name text, created boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    roles CONSTANT text[] := ARRAY['acct_loader', 'acct_finance', 'acct_approver', 'acct_operator', 'acct_auditor', 'acct_bi_reader'];
    everyone text;
    owner name;
    own_propagation text;
    r record;
BEGIN
    SELECT pg_get_userbyid(p.proowner) INTO owner FROM pg_proc AS p WHERE p.oid = 'acct.install()'::regprocedure;
    IF NOT pg_has_role(current_user, owner, 'USAGE') THEN
        RAISE EXCEPTION 'acct.install_roles() must be called by the owner of the tables, or a superuser' USING ERRCODE = '42501';
    END IF;
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    own_propagation := acct._keep_ddl_here();
    FOREACH role_name IN ARRAY roles LOOP
        created := NOT EXISTS (SELECT FROM pg_roles AS p WHERE p.rolname = install_roles.role_name);
        IF created THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
        RETURN NEXT;
    END LOOP;
    -- What was granted by hand, or by an older version, does not stay. One statement for all roles writes each object once.
    SELECT string_agg(quote_ident(n), ', ') INTO everyone FROM unnest(roles) AS n;
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA acct, acct_archive, acct_bi FROM ' || everyone;
    EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA acct FROM ' || everyone;
    EXECUTE 'REVOKE ALL ON ALL ROUTINES IN SCHEMA acct FROM ' || everyone;
    REVOKE ALL ON SCHEMA acct, acct_archive, ledger_guard FROM acct_bi_reader;
    GRANT USAGE ON SCHEMA acct TO acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor;
    IF to_regnamespace('acct_cluster') IS NOT NULL THEN
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA acct_cluster FROM ' || everyone;
        PERFORM acct._grant_cluster();
    END IF;
    FOR r IN SELECT g.* FROM acct._role_rights() AS g WHERE g.kind <> 'cluster table' LOOP
        EXECUTE format('GRANT %s ON %s acct.%s TO %I', r.privileges, CASE r.kind WHEN 'table' THEN 'TABLE' ELSE 'ROUTINE' END,
                       r.name, r.role_name);
    END LOOP;
    -- The auditor reads all there is, and all that will be.
    GRANT USAGE ON SCHEMA acct_archive, acct_bi, ledger_guard TO acct_auditor;
    GRANT SELECT ON ALL TABLES IN SCHEMA acct, acct_archive, acct_bi, ledger_guard TO acct_auditor;
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA acct GRANT SELECT ON TABLES TO acct_auditor', owner);
    -- The reader of acct_bi reads all of that, and nothing else.
    GRANT USAGE ON SCHEMA acct_bi TO acct_bi_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA acct_bi TO acct_bi_reader;
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA acct_bi GRANT SELECT ON TABLES TO acct_bi_reader, acct_auditor', owner);
    PERFORM acct._share_readers(c.oid::regclass, p.parent, true)
       FROM acct.archived_partition AS a, acct._month_parts(a.table_name, a.month) AS p
       JOIN pg_class AS c ON c.relname = p.name AND c.relnamespace = 'acct_archive'::regnamespace
      WHERE a.restored_at IS NULL;
    PERFORM acct._take_back(NULL, true);
    PERFORM acct._keep_ddl_here(own_propagation);
END
$$;
COMMENT ON FUNCTION acct.install_roles() IS
'Creates, where absent, the roles acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor and acct_bi_reader, grants each exactly the rights of its work in this database, and revokes others: a row for each role, with created where it is new. Raises 42501 (caller is not the owner of the tables), LE010.';

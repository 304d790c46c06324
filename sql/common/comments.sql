-- What tables, columns and views mean, for those who read them: dashboards show these lines as help.

CREATE FUNCTION acct._layout_comments() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    COMMENT ON SCHEMA acct IS 'Accounting engine ledger_engine: source transactions, templates, runs, ledger and balances.';
    COMMENT ON SCHEMA acct_archive IS 'Months of the ledger and of the source that acct.archive_partition() or acct.apply_retention() took out of them, under the names that they had.';
    COMMENT ON SCHEMA ledger_guard IS 'Protects posted ledger entries from being dropped or changed, also when the extension is dropped.';

    -- The layout and the guard.
    COMMENT ON TABLE acct.engine_layout IS 'Which layout of tables is installed: one row, written by acct.install().';
    COMMENT ON COLUMN acct.engine_layout.singleton IS 'Always true: the table has one row.';
    COMMENT ON COLUMN acct.engine_layout.version IS 'Version of the layout; the code works only with the version that it needs (else LE010).';
    COMMENT ON COLUMN acct.engine_layout.installed_by IS 'Session user who called acct.install().';
    COMMENT ON COLUMN acct.engine_layout.installed_at IS 'When this layout was installed or brought up to date.';
    COMMENT ON COLUMN acct.engine_layout.triggers IS 'The triggers that it has, by which health() sees that one is missing or disabled.';

    COMMENT ON TRIGGER keep_guarded ON ledger_guard.protected IS 'What holds posted entries stays recorded, with its columns (LE011).';
    COMMENT ON TRIGGER keep_guarded_truncate ON ledger_guard.protected IS 'TRUNCATE is refused (LE011).';
    COMMENT ON TRIGGER keep_guarded ON ledger_guard.record IS 'What tells of posted entries stays recorded, with its columns (LE011).';
    COMMENT ON TRIGGER keep_guarded_truncate ON ledger_guard.record IS 'TRUNCATE is refused (LE011).';
    COMMENT ON TABLE ledger_guard.record IS 'The tables of policy, audit trail, runs, balances and archive: no ALTER TABLE changes their rows, and with posted entries they are not dropped (LE011). Written by the engine.';
    COMMENT ON COLUMN ledger_guard.record.relation IS 'The table.';
    COMMENT ON COLUMN ledger_guard.record.columns IS 'Its columns that hold values, in their order, each with its type and collation, as install() made them, and those added since.';
    COMMENT ON TABLE ledger_guard.protected IS 'The ledger''s tables and partitions, also detached ones; those with posted entries refuse DROP and rewriting (LE011). Written by the engine.';
    COMMENT ON COLUMN ledger_guard.protected.relation IS 'The table or partition.';
    COMMENT ON COLUMN ledger_guard.protected.has_posted IS 'True once entries were posted into it; then only a superuser with ledger_engine.allow_drop = on can drop or rewrite it.';
    COMMENT ON COLUMN ledger_guard.protected.columns IS 'Its columns that hold values, in their order, each with its type and collation: those that it had when entries were first posted, and those added since. NULL before.';
    COMMENT ON EVENT TRIGGER ledger_guard IS 'Refuses any DROP that would take posted ledger entries with it (LE011).';
    COMMENT ON EVENT TRIGGER ledger_guard_rewrite IS 'Refuses any ALTER TABLE that would rewrite posted ledger entries or have them lost in a crash (LE011).';
    COMMENT ON EVENT TRIGGER ledger_guard_columns IS 'Refuses to rename or retype columns that hold posted ledger entries (LE011).';

    -- Locks.
    COMMENT ON TABLE acct.claim_lock IS 'Rows that are locked while a run takes batches of a month, or the month''s source is archived. Written by the engine.';
    COMMENT ON COLUMN acct.claim_lock.txn_month IS 'Month of the source, as its first day.';
    COMMENT ON TABLE acct.making_lock IS 'Rows that are locked while monthly partitions are made, archived or restored. Written by the engine.';
    COMMENT ON COLUMN acct.making_lock.table_name IS 'txn_source_parent or ledger_entry.';
    COMMENT ON TABLE acct.run_cancel IS 'Runs that are being cancelled, as rows that are never committed: the table looks empty. Written by acct.cancel_run().';
    COMMENT ON COLUMN acct.run_cancel.run_id IS 'Run that is being cancelled.';
    COMMENT ON TABLE acct.job_state IS 'How far each job of acct.run_job() has come, and which call does it. Written by the engine.';
    COMMENT ON COLUMN acct.job_state.job IS 'Name of the job.';
    COMMENT ON COLUMN acct.job_state.pid IS 'Process of the session that does it; NULL where none does.';
    COMMENT ON COLUMN acct.job_state.session_start IS 'When that session began (pg_stat_activity.backend_start): another session may get the same process number later.';
    COMMENT ON COLUMN acct.job_state.call_start IS 'When its call of acct.run_job() began (pg_stat_activity.query_start); a call that ended does the job no longer.';
    COMMENT ON COLUMN acct.job_state.state IS 'Arguments, next step and results so far.';

    -- Source.
    COMMENT ON TABLE acct.txn_batch IS 'Loads of source transactions: a batch for each database transaction that loaded rows, written with its first row.';
    COMMENT ON COLUMN acct.txn_batch.batch_id IS 'Number of the batch.';
    COMMENT ON COLUMN acct.txn_batch.loaded_at IS 'When the loading database transaction began.';
    COMMENT ON COLUMN acct.txn_batch.loaded_by IS 'Session user who loaded it.';
    COMMENT ON COLUMN acct.txn_batch.source IS 'Where the rows came from: setting ledger_engine.batch_source of the session, by default its application_name.';
    COMMENT ON COLUMN acct.txn_batch.claimed_at IS 'When a run last tried to take it; written so that claims and changes of the batch''s rows exclude each other.';

    COMMENT ON TABLE acct.txn_source_parent IS 'Source transactions (contributions, claims, ...), split into funds; monthly partitions txn_source_YYYY_MM. Written by loads; rows that a run holds refuse changes (LE008).';
    COMMENT ON COLUMN acct.txn_source_parent.txn_id IS 'Identifier of the transaction in the source system; unique within txn_month.';
    COMMENT ON COLUMN acct.txn_source_parent.txn_month IS 'Month that the transaction is processed with, as its first day; runs are made for it.';
    COMMENT ON COLUMN acct.txn_source_parent.batch_id IS 'Batch (load) that brought the row; filled by default. A loader can give no other than that of its transaction (LE008).';
    COMMENT ON COLUMN acct.txn_source_parent.bank_value_date IS 'Value date at the bank; it becomes the journal date (je_date), as near to txn_month as acct.posting_limit says.';
    COMMENT ON COLUMN acct.txn_source_parent.entity_code IS 'Legal entity in whose books the transaction belongs (default MAIN).';
    COMMENT ON COLUMN acct.txn_source_parent.txn_type IS 'Kind of business event, such as CONTRIB or CLAIM; templates are chosen by it first.';
    COMMENT ON COLUMN acct.txn_source_parent.product_code IS 'Insurance product; templates and account mappings may depend on it.';
    COMMENT ON COLUMN acct.txn_source_parent.channel IS 'Sales channel; templates and account mappings may depend on it.';
    COMMENT ON COLUMN acct.txn_source_parent.policy_no IS 'Policy (certificate) number; NULL where the event concerns none.';
    COMMENT ON COLUMN acct.txn_source_parent.currency IS 'Currency of every amount of the row (default IDR); an unknown one is exception UNKNOWN_CURRENCY.';
    COMMENT ON COLUMN acct.txn_source_parent.gross_amount IS 'Whole amount, in the currency''s major unit; exactly the sum of the four components. Negative for a loss.';
    COMMENT ON COLUMN acct.txn_source_parent.tabarru_amount IS 'Part of the participants'' risk fund (tabarru''), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.tanahud_amount IS 'Part of the tanahud fund (a further participants'' fund), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.investment_amount IS 'Part of the participants'' investment fund (savings), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.ujroh_amount IS 'Part of the operator: ujrah (wakalah fee), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.attributes IS 'Further facts from the source system, as JSON; NULL where there are none.';
    COMMENT ON TRIGGER txn_source_taken ON acct.txn_source_parent IS 'Rows of a batch that a run holds refuse UPDATE and DELETE (LE008).';
    COMMENT ON TRIGGER txn_source_taken_truncate ON acct.txn_source_parent IS 'TRUNCATE is refused while a run holds rows (LE008).';

    -- The policy.
    COMMENT ON TABLE acct.fund IS 'Funds, each with books of its own: every journal balances within each fund. Changed by releases.';
    COMMENT ON COLUMN acct.fund.fund IS 'Code of the fund.';
    COMMENT ON COLUMN acct.fund.name IS 'Name of the fund.';
    COMMENT ON COLUMN acct.fund.fund_type IS 'Whose money it is: PARTICIPANT_RISK, PARTICIPANT_INVESTMENT, OPERATOR or OTHER.';

    COMMENT ON TABLE acct.entity IS 'Legal entities in whose books transactions belong. Changed by releases.';
    COMMENT ON COLUMN acct.entity.entity_code IS 'Code of the entity, as transactions name it.';
    COMMENT ON COLUMN acct.entity.name IS 'Name of the entity; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.functional_currency IS 'Currency that the entity keeps its accounts in; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.country IS 'Country where the entity is registered, as the site writes it; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.registration_no IS 'Number of the entity in its country''s register; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.effective_from IS 'First journal date that the entity takes entries for; NULL: there is no first.';
    COMMENT ON COLUMN acct.entity.effective_to IS 'Day after the last journal date that the entity takes entries for; NULL: there is no last.';

    COMMENT ON TABLE acct.posting_limit IS 'Limits on dates, changed by a superuser: how far a value date may lie from its month, and the years that months may have.';
    COMMENT ON COLUMN acct.posting_limit.name IS 'months_apart, first_year or last_year.';
    COMMENT ON COLUMN acct.posting_limit.value IS 'Of months_apart, months (0 to 12) between a value date and its txn_month; of the others, a year.';

    COMMENT ON TABLE acct.currency IS 'Currencies that may be posted. Changed by releases.';
    COMMENT ON COLUMN acct.currency.currency IS 'Code of the currency, such as IDR.';
    COMMENT ON COLUMN acct.currency.minor_units IS 'Decimal places (0 to 4) that journal amounts are rounded to, half away from zero.';

    COMMENT ON TABLE acct.chart_of_accounts IS 'Chart of accounts. Changed by releases.';
    COMMENT ON COLUMN acct.chart_of_accounts.account_code IS 'Code of the account.';
    COMMENT ON COLUMN acct.chart_of_accounts.description IS 'Name of the account.';
    COMMENT ON COLUMN acct.chart_of_accounts.account_type IS 'ASSET, LIABILITY, EQUITY, INCOME or EXPENSE. Assets and expenses usually have debit (positive) balances, the others credit (negative) ones.';
    COMMENT ON COLUMN acct.chart_of_accounts.fund IS 'The only fund that may use the account; NULL: any fund.';
    COMMENT ON COLUMN acct.chart_of_accounts.parent_account_code IS 'Account that this one is summed under in reports; NULL: top level.';
    COMMENT ON COLUMN acct.chart_of_accounts.is_postable IS 'True where journals may use it; false for a heading.';
    COMMENT ON COLUMN acct.chart_of_accounts.effective_from IS 'First journal date that may use it.';
    COMMENT ON COLUMN acct.chart_of_accounts.effective_to IS 'First journal date that may no longer use it (exclusive); NULL: no end.';

    COMMENT ON TABLE acct.accounting_basis IS 'Accounting bases: parallel sets of books made from the same transactions. Changed by releases.';
    COMMENT ON COLUMN acct.accounting_basis.basis IS 'Code of the basis; PRIMARY is the books of record.';
    COMMENT ON COLUMN acct.accounting_basis.description IS 'What the basis is for.';
    COMMENT ON COLUMN acct.accounting_basis.every_transaction IS 'True: a transaction that no template fits is an exception (NO_TEMPLATE); false: it is simply not in this basis.';

    COMMENT ON TABLE acct.journal_template IS 'Versions of journal templates: how a kind of transaction is booked. Drafted by finance, approved by a second person; only drafts can be edited.';
    COMMENT ON COLUMN acct.journal_template.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.journal_template.version IS 'Version (1 first); the newest approved one in effect on the journal date is used.';
    COMMENT ON COLUMN acct.journal_template.description IS 'What the template books.';
    COMMENT ON COLUMN acct.journal_template.template_type IS 'STANDARD: makes a journal. IGNORE: has no lines; its transactions have no journal on purpose.';
    COMMENT ON COLUMN acct.journal_template.basis IS 'Accounting basis that it writes to.';
    COMMENT ON COLUMN acct.journal_template.status IS 'draft, submitted, approved or retired; changed by the template functions only.';
    COMMENT ON COLUMN acct.journal_template.effective_from IS 'First journal date that it applies to.';
    COMMENT ON COLUMN acct.journal_template.effective_to IS 'First journal date that it no longer applies to (exclusive); NULL: no end. Retiring sets it; earlier dates still use the version.';
    COMMENT ON COLUMN acct.journal_template.require_balanced IS 'True: debits must equal credits in each journal, else exception UNBALANCED.';
    COMMENT ON COLUMN acct.journal_template.balance_by_fund IS 'True: debits must equal credits within each fund (as mapped) too, else exception UNBALANCED_FUND.';
    COMMENT ON COLUMN acct.journal_template.skip_zero_lines IS 'True: lines whose amount is zero after rounding are left out; false: they are kept.';
    COMMENT ON COLUMN acct.journal_template.negative_policy IS 'swap: a negative amount goes to the other side as a positive one. reject: it is exception NEGATIVE_AMOUNT.';
    COMMENT ON COLUMN acct.journal_template.maker IS 'Session user who last edited the version''s own row; neither they nor an editor of its rules and lines can approve it.';
    COMMENT ON COLUMN acct.journal_template.made_at IS 'When the version''s own row was last edited.';
    COMMENT ON COLUMN acct.journal_template.submitted_at IS 'When it was handed to its approver; NULL for a draft.';
    COMMENT ON COLUMN acct.journal_template.approver IS 'Session user who approved it, never the maker; NULL until then.';
    COMMENT ON COLUMN acct.journal_template.approved_at IS 'When it was approved; NULL until then.';
    COMMENT ON COLUMN acct.journal_template.approved_sha256 IS 'SHA-256 of the content that was approved, as acct.template_content computes it; NULL until then, and for versions approved before layout 5.';
    COMMENT ON COLUMN acct.journal_template.approved_effective_to IS 'effective_to as it was approved; retiring changes effective_to alone.';
    COMMENT ON TRIGGER journal_template_life ON acct.journal_template IS 'Only drafts are edited (LE004); only the functions change a status (LE005).';

    COMMENT ON TABLE acct.journal_template_match IS 'Which transactions a template version takes: a transaction that fits any one of its rows.';
    COMMENT ON COLUMN acct.journal_template_match.template_code IS 'Template that the rule belongs to.';
    COMMENT ON COLUMN acct.journal_template_match.version IS 'Version that the rule belongs to.';
    COMMENT ON COLUMN acct.journal_template_match.match_no IS 'Number of the rule within the version.';
    COMMENT ON COLUMN acct.journal_template_match.txn_type IS 'Transaction type that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.product_code IS 'Product that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.channel IS 'Channel that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.condition_expr IS 'SQL condition on the transaction''s columns; NULL: always true. A condition that comes out NULL is false.';
    COMMENT ON COLUMN acct.journal_template_match.priority IS 'Order in which fitting rules are tried, 1 first; then more codes named, then template_code, then match_no.';
    COMMENT ON TRIGGER journal_template_match_life ON acct.journal_template_match IS 'Rules are written only while their version is there and a draft (LE004).';

    COMMENT ON TABLE acct.journal_template_line IS 'Lines of a template version: each makes one journal line.';
    COMMENT ON COLUMN acct.journal_template_line.template_code IS 'Template that the line belongs to.';
    COMMENT ON COLUMN acct.journal_template_line.version IS 'Version that the line belongs to.';
    COMMENT ON COLUMN acct.journal_template_line.line_no IS 'Number of the line (1 to 999); journal lines keep it.';
    COMMENT ON COLUMN acct.journal_template_line.dr_cr IS 'Side of a positive amount: DR (debit) or CR (credit).';
    COMMENT ON COLUMN acct.journal_template_line.account_code IS 'Account, before acct.product_account_map is applied.';
    COMMENT ON COLUMN acct.journal_template_line.fund IS 'Fund, before acct.product_account_map is applied.';
    COMMENT ON COLUMN acct.journal_template_line.amount_expr IS 'SQL expression of the amount, in the currency''s major unit, over the transaction''s columns; NULL for a balancing line.';
    COMMENT ON COLUMN acct.journal_template_line.is_balancing IS 'True: the line takes what is left of its fund after the other lines are rounded; at most one a fund, without a condition.';
    COMMENT ON COLUMN acct.journal_template_line.condition_expr IS 'SQL condition that the line is made under; NULL: always. A condition that comes out NULL is false.';
    COMMENT ON COLUMN acct.journal_template_line.memo IS 'What the line is for.';
    COMMENT ON TRIGGER journal_template_line_life ON acct.journal_template_line IS 'Lines are written only while their version is there and a draft (LE004).';

    COMMENT ON TRIGGER journal_template_match_condition ON acct.journal_template_match IS 'Conditions are checked (LE003).';
    COMMENT ON TRIGGER journal_template_line_amount ON acct.journal_template_line IS 'Amounts are checked (LE003).';
    COMMENT ON TRIGGER journal_template_line_condition ON acct.journal_template_line IS 'Conditions are checked (LE003).';

    COMMENT ON VIEW acct.template_content IS 'What each template version contains, with the SHA-256 by which an approver approves what they saw.';
    COMMENT ON COLUMN acct.template_content.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.template_content.version IS 'Version.';
    COMMENT ON COLUMN acct.template_content.status IS 'draft, submitted, approved or retired.';
    COMMENT ON COLUMN acct.template_content.content_sha256 IS 'SHA-256 of content as text in UTF-8, computed now.';
    COMMENT ON COLUMN acct.template_content.approved_sha256 IS 'The same when the version was approved; NULL until then.';
    COMMENT ON COLUMN acct.template_content.unchanged IS 'True where the version is what was approved, and does not end later; NULL where it was not approved.';
    COMMENT ON COLUMN acct.template_content.content IS 'Header, match rules and lines as JSON, with effective_to as approved.';

    COMMENT ON COLUMN acct.journal_template.release_id IS 'Release that the version is submitted and approved with; NULL: by itself.';
    COMMENT ON TRIGGER journal_template_release ON acct.journal_template IS 'A version is put into a release, or taken out, only while that may be edited (LE004).';

    -- Releases.
    COMMENT ON TABLE acct.policy_release IS 'Releases: changes of policy that one person proposes and another approves, all or nothing. Written by the release functions.';
    COMMENT ON COLUMN acct.policy_release.release_id IS 'Number of the release.';
    COMMENT ON COLUMN acct.policy_release.title IS 'What it changes, in a few words.';
    COMMENT ON COLUMN acct.policy_release.note IS 'Why, and what else its approver should know.';
    COMMENT ON COLUMN acct.policy_release.status IS 'draft, submitted, approved or returned; drafts and returned ones can be edited.';
    COMMENT ON COLUMN acct.policy_release.maker IS 'Session user who made it; neither they nor an editor of its changes can approve it.';
    COMMENT ON COLUMN acct.policy_release.created_at IS 'When it was made.';
    COMMENT ON COLUMN acct.policy_release.submitted_by IS 'Session user who last submitted it; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.submitted_at IS 'When it was last submitted; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.returned_by IS 'Session user who last returned it; NULL: it was not.';
    COMMENT ON COLUMN acct.policy_release.returned_at IS 'When it was last returned; NULL: it was not.';
    COMMENT ON COLUMN acct.policy_release.return_note IS 'Why it was last returned.';
    COMMENT ON COLUMN acct.policy_release.approver IS 'Session user who approved it; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.approved_at IS 'When it was approved and applied; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.approved_sha256 IS 'SHA-256 of the content that was approved, as acct.release_content computes it; NULL until then.';
    COMMENT ON TRIGGER policy_release_life ON acct.policy_release IS 'Only the functions change the status of a release (LE005); what was submitted is not edited (LE004).';
    COMMENT ON TABLE acct.template_retirement_draft IS 'Approved template versions that a release retires, also from their first day. Edited by finance while the release is a draft.';
    COMMENT ON COLUMN acct.template_retirement_draft.release_id IS 'Release that proposes it.';
    COMMENT ON COLUMN acct.template_retirement_draft.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.template_retirement_draft.version IS 'Version that is to be retired.';
    COMMENT ON COLUMN acct.template_retirement_draft.effective_to IS 'First journal date that it no longer applies to; its effective_from cancels it.';
    COMMENT ON COLUMN acct.template_retirement_draft.approved_row IS 'Status and effective_to that the proposal was made from, filled by the engine.';
    COMMENT ON TRIGGER template_retirement_draft_life ON acct.template_retirement_draft IS 'Edited only while the release is a draft or was returned; retiring only shortens (LE004).';
    COMMENT ON VIEW acct.release_changes IS 'What each release changes: a row for each change, with the old and the new values.';
    COMMENT ON COLUMN acct.release_changes.release_id IS 'Release.';
    COMMENT ON COLUMN acct.release_changes.status IS 'Status of the release.';
    COMMENT ON COLUMN acct.release_changes.table_name IS 'Table that is changed, in schema acct.';
    COMMENT ON COLUMN acct.release_changes.operation IS 'insert, update, delete, or retire (a template version).';
    COMMENT ON COLUMN acct.release_changes.row_key IS 'Key of the row, as JSON.';
    COMMENT ON COLUMN acct.release_changes.old_values IS 'What it was when the change was made: of update the columns that change, of delete the complete row.';
    COMMENT ON COLUMN acct.release_changes.new_values IS 'What it becomes: of update the columns that change, of insert the complete row, of a template its content.';
    COMMENT ON COLUMN acct.release_changes.outdated IS 'True where the approved row was changed since: the release cannot be approved.';
    COMMENT ON VIEW acct.release_content IS 'What each release contains, with the SHA-256 by which an approver approves what they saw.';
    COMMENT ON COLUMN acct.release_content.release_id IS 'Release.';
    COMMENT ON COLUMN acct.release_content.title IS 'Its title.';
    COMMENT ON COLUMN acct.release_content.status IS 'Its status.';
    COMMENT ON COLUMN acct.release_content.content_sha256 IS 'SHA-256 of content as text in UTF-8, computed now.';
    COMMENT ON COLUMN acct.release_content.approved_sha256 IS 'The same when the release was approved; NULL until then.';
    COMMENT ON COLUMN acct.release_content.unchanged IS 'True where the release is what was approved; NULL where it was not approved.';
    COMMENT ON COLUMN acct.release_content.content IS 'Title, note and changes as JSON.';

    COMMENT ON TABLE acct.product_account_map IS 'Accounts and funds that a product, or a product sold through a channel, uses instead of those of the template. Changed by releases.';
    COMMENT ON COLUMN acct.product_account_map.map_id IS 'Number of the row.';
    COMMENT ON COLUMN acct.product_account_map.product_code IS 'Product that the mapping is for.';
    COMMENT ON COLUMN acct.product_account_map.channel IS 'Channel that the mapping is for; NULL: any, after those that name one.';
    COMMENT ON COLUMN acct.product_account_map.account_code IS 'Account as the template line names it.';
    COMMENT ON COLUMN acct.product_account_map.fund IS 'Fund as the template line names it.';
    COMMENT ON COLUMN acct.product_account_map.mapped_account_code IS 'Account that is posted instead.';
    COMMENT ON COLUMN acct.product_account_map.mapped_fund IS 'Fund that is posted instead.';
    COMMENT ON COLUMN acct.product_account_map.effective_from IS 'First journal date that is mapped.';
    COMMENT ON COLUMN acct.product_account_map.effective_to IS 'First journal date that is no longer mapped (exclusive); NULL: no end.';

    COMMENT ON TABLE acct.template_audit IS 'Every change to entities, limits, funds, currencies, accounts, bases, templates and mappings; written by triggers, never changed.';
    COMMENT ON COLUMN acct.template_audit.audit_id IS 'Number of the change.';
    COMMENT ON COLUMN acct.template_audit.at IS 'When the change was made, by the clock.';
    COMMENT ON COLUMN acct.template_audit.changed_by IS 'Session user who made the change.';
    COMMENT ON COLUMN acct.template_audit.changed_by_role IS 'The same user by the identifiers of role and cluster, which stay when the role is renamed; NULL for changes made before layout 5.';
    COMMENT ON COLUMN acct.template_audit.table_name IS 'Table that was changed, in schema acct.';
    COMMENT ON COLUMN acct.template_audit.operation IS 'INSERT, UPDATE or DELETE.';
    COMMENT ON COLUMN acct.template_audit.row_key IS 'Primary key of the row, as JSON.';
    COMMENT ON COLUMN acct.template_audit.old_row IS 'The row before the change, as JSON; NULL for INSERT.';
    COMMENT ON COLUMN acct.template_audit.new_row IS 'The row after the change, as JSON; NULL for DELETE.';
    COMMENT ON TRIGGER template_audit_immutable ON acct.template_audit IS 'The audit trail refuses UPDATE, DELETE and TRUNCATE (LE007).';
    FOREACH t IN ARRAY ARRAY['entity', 'posting_limit', 'fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
                             'journal_template_match', 'journal_template_line', 'product_account_map',
                             'policy_release', 'template_retirement_draft', 'currency_draft', 'fund_draft', 'accounting_basis_draft', 'entity_draft',
                             'chart_of_accounts_draft', 'product_account_map_draft'] LOOP
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_audit', t, 'Records each change in acct.template_audit.');
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_truncate', t, 'TRUNCATE is refused: no audit would see it (LE004).');
    END LOOP;

    COMMENT ON TABLE acct.policy_finding IS 'Rows of policy that are not as they were last known or approved, found by acct.install(), to be acknowledged by a superuser or two approvers.';
    COMMENT ON COLUMN acct.policy_finding.finding_id IS 'Number of the finding.';
    COMMENT ON COLUMN acct.policy_finding.found_at IS 'When install() found it.';
    COMMENT ON COLUMN acct.policy_finding.table_name IS 'Table of the row.';
    COMMENT ON COLUMN acct.policy_finding.row_key IS 'Key of the row; NULL where only the digest of the table tells.';
    COMMENT ON COLUMN acct.policy_finding.problem IS 'How it differs.';
    COMMENT ON COLUMN acct.policy_finding.last_known IS 'The row as acct.template_audit left it, or the SHA-256 that was approved; NULL where there was none.';
    COMMENT ON COLUMN acct.policy_finding.found IS 'The row as it was found, or its SHA-256; NULL where it was gone.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_by IS 'Who acknowledged it first.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_by_role IS 'The same by what stays when the role is renamed.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_at IS 'When.';
    COMMENT ON COLUMN acct.policy_finding.acknowledged_by IS 'The second approver, or the superuser, who settled it; NULL while health() reports it.';
    COMMENT ON COLUMN acct.policy_finding.acknowledged_at IS 'When.';
    COMMENT ON COLUMN acct.policy_finding.note IS 'Why it may stay, a line for each who acknowledged it.';

    -- Runs.
    COMMENT ON TABLE acct.policy_change IS 'What changes of policy add to the sums from which its digest comes. Written by triggers on the tables of policy.';
    COMMENT ON COLUMN acct.policy_change.change_id IS 'Number of the change.';
    COMMENT ON COLUMN acct.policy_change.table_name IS 'Table of policy; lines and match rules count as their template''s.';
    COMMENT ON COLUMN acct.policy_change.change IS 'What it adds to the sum of the hashes of the table''s rows, modulo 2^128.';

    COMMENT ON TABLE acct.journal_run IS 'Runs: each takes batches of a month through expand and post, which is all or nothing. Written by the run functions.';
    COMMENT ON COLUMN acct.journal_run.run_id IS 'Number of the run.';
    COMMENT ON COLUMN acct.journal_run.run_key IS 'Caller''s name for the run, unique among runs not discarded, so that creating it again gives the same run; NULL: none.';
    COMMENT ON COLUMN acct.journal_run.txn_month IS 'Month of the transactions that it takes, as its first day.';
    COMMENT ON COLUMN acct.journal_run.bases IS 'Accounting bases that it makes journals for.';
    COMMENT ON COLUMN acct.journal_run.status IS 'created, expanded (journals in staging), posted (in the ledger), discarded, or reversed (posted, then reversed by other entries).';
    COMMENT ON COLUMN acct.journal_run.options IS 'Options that acct.create_run() was called with.';
    COMMENT ON COLUMN acct.journal_run.reprocess_of IS 'Run whose exceptions, or ignored transactions, this one takes up again; NULL: it takes batches.';
    COMMENT ON COLUMN acct.journal_run.created_by IS 'Session user who made the run.';
    COMMENT ON COLUMN acct.journal_run.created_at IS 'When the run was made.';
    COMMENT ON COLUMN acct.journal_run.expanded_by IS 'Session user who expanded it; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.expand_started_at IS 'When its last finished expansion began.';
    COMMENT ON COLUMN acct.journal_run.expanded_at IS 'When its last expansion ended; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.posted_by IS 'Session user who posted it; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.post_started_at IS 'When its posting began; NULL until it is posted.';
    COMMENT ON COLUMN acct.journal_run.posted_at IS 'When it was posted, taken under the locks of its books; its commit came later. NULL until then.';
    COMMENT ON COLUMN acct.journal_run.post_ended_at IS 'When the last step of its posting ended; NULL until then, and for runs that version 0.1.0 posted.';
    COMMENT ON COLUMN acct.journal_run.discarded_by IS 'Session user who discarded it; NULL: it was not.';
    COMMENT ON COLUMN acct.journal_run.discarded_at IS 'When it was discarded; NULL: it was not.';
    COMMENT ON COLUMN acct.journal_run.transactions IS 'Source transactions that expansion read; NULL until expanded, as the counts and sums below.';
    COMMENT ON COLUMN acct.journal_run.journals IS 'Journals made.';
    COMMENT ON COLUMN acct.journal_run.lines IS 'Journal lines made.';
    COMMENT ON COLUMN acct.journal_run.exceptions IS 'Exceptions: transactions set aside, counted for each basis.';
    COMMENT ON COLUMN acct.journal_run.ignored IS 'Transactions that an IGNORE template took, counted for each basis.';
    COMMENT ON COLUMN acct.journal_run.unbalanced_journals IS 'Journals whose debits differ from their credits, which templates without require_balanced allow.';
    COMMENT ON COLUMN acct.journal_run.basis_counts IS 'The counts for each basis: {"PRIMARY": {"journals": n, "exceptions": n, "ignored": n}}.';
    COMMENT ON COLUMN acct.journal_run.debit IS 'Sum of debits over all lines, in major units, whatever their currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run.credit IS 'Sum of credits over all lines, in major units, whatever their currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run.source_digest IS 'Digest of the source rows that it used (32 hexadecimal digits), over source_columns, whatever the order of rows; NULL for runs expanded before layout 5.';
    COMMENT ON COLUMN acct.journal_run.source_columns IS 'Columns of acct.txn_source_parent when it was expanded, in the order of their names.';
    COMMENT ON COLUMN acct.journal_run.source_types IS 'Types of these columns.';
    COMMENT ON COLUMN acct.journal_run.repeated_transactions IS 'Transactions that live runs of other months held too when it was posted; NULL: it is not posted, or its options ignore them.';
    COMMENT ON COLUMN acct.journal_run.digest IS 'Digest of the lines as expanded (32 hexadecimal digits): the same in staging and ledger, whatever the order of rows.';

    COMMENT ON COLUMN acct.journal_run.je_range IS 'Range of je_id that the run''s journals have to themselves, a value of acct.je_range_seq: its lines lie in ledger partitions of their own. NULL: the run is small, or not expanded.';
    COMMENT ON COLUMN acct.journal_run.policy_digest IS 'Digest of the policy that it was expanded by, as acct.policy_digest() computes it: 64 hexadecimal digits. NULL: an older version of the extension expanded it.';
    COMMENT ON COLUMN acct.journal_run.policy_sums IS 'Sums that the digest of policy was made of, by table.';
    COMMENT ON COLUMN acct.journal_run.minor_units IS 'Decimals of the run''s currencies when it was expanded: {"USD": 2}.';
    COMMENT ON COLUMN acct.journal_run.basis_policy IS 'What each basis was expanded by: {"PRIMARY": {"every_transaction": true, "ignore": n, "versions": [...]}}, n being a sum over the templates that ignore, which versions lists. NULL: an older version of the extension expanded it.';
    COMMENT ON COLUMN acct.journal_run.engine_version IS 'Version of the extension that expanded it.';
    COMMENT ON COLUMN acct.journal_run.range_months IS 'Months whose journals lie in that range; those of other months, of which the run has few, lie among other runs''.';

    COMMENT ON TABLE acct.journal_run_batch IS 'Claims: which batches a run took, for which basis; no batch is in two live runs. Written by acct.create_run().';
    COMMENT ON COLUMN acct.journal_run_batch.run_id IS 'Run that took the batch.';
    COMMENT ON COLUMN acct.journal_run_batch.batch_id IS 'Batch that was taken.';
    COMMENT ON COLUMN acct.journal_run_batch.txn_month IS 'Month of the batch''s rows that were taken, as its first day.';
    COMMENT ON COLUMN acct.journal_run_batch.basis IS 'Accounting basis that they were taken for.';
    COMMENT ON COLUMN acct.journal_run_batch.source_rows IS 'Number of rows when the batch was taken; a later change fails validation.';
    COMMENT ON COLUMN acct.journal_run_batch.source_gross IS 'Sum of gross_amount when the batch was taken, in major units, whatever the currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run_batch.released_at IS 'When the run was discarded and the batch was free again; NULL: the claim holds.';

    COMMENT ON TABLE acct.journal_run_total IS 'Sums of a run''s lines by book, journal month, fund, account and currency; written by expansion, added to the balances by posting.';
    COMMENT ON COLUMN acct.journal_run_total.run_id IS 'Run.';
    COMMENT ON COLUMN acct.journal_run_total.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.journal_run_total.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.journal_run_total.je_month IS 'Month of the journal date, as its first day.';
    COMMENT ON COLUMN acct.journal_run_total.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.journal_run_total.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.journal_run_total.currency IS 'Currency of the sums.';
    COMMENT ON COLUMN acct.journal_run_total.debit IS 'Sum of debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.journal_run_total.credit IS 'Sum of credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.journal_run_total.line_count IS 'Number of lines.';

    COMMENT ON TABLE acct.je_header_staging IS 'Journals of expanded runs, before they are posted: an unlogged partition a run, emptied by a crash of the server. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_header_staging.je_id IS 'Identifier of the journal, kept by the ledger; it has gaps.';
    COMMENT ON COLUMN acct.je_header_staging.run_id IS 'Run that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.je_header_staging.je_date IS 'Journal date: the transaction''s bank_value_date.';
    COMMENT ON COLUMN acct.je_header_staging.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.je_header_staging.template_version IS 'Version of the template that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.je_header_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.je_header_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.je_header_staging.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.je_header_staging.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.je_header_staging.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.je_header_staging.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.je_header_staging.reversal_of IS 'je_id of the journal that this one reverses; NULL: none.';
    COMMENT ON COLUMN acct.je_header_staging.memo IS 'What the journal is for: the first 126 bytes of its template''s description; NULL: it has none.';

    COMMENT ON TABLE acct.je_line_staging IS 'Journal lines of expanded runs, before they are posted: an unlogged partition a run, emptied by a crash of the server. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_line_staging.je_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.je_line_staging.run_id IS 'Run that made the line.';
    COMMENT ON COLUMN acct.je_line_staging.txn_id IS 'Source transaction.';
    COMMENT ON COLUMN acct.je_line_staging.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.je_line_staging.line_no IS 'Number of the template line that made it; skipped lines leave gaps.';
    COMMENT ON COLUMN acct.je_line_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.je_line_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.je_line_staging.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.je_line_staging.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.je_line_staging.currency IS 'Currency of the amount.';
    COMMENT ON COLUMN acct.je_line_staging.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.je_line_staging.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.je_line_staging.debit IS 'Amount debited, in the currency''s major unit, never negative; 0 on a credit line.';
    COMMENT ON COLUMN acct.je_line_staging.credit IS 'Amount credited, in the currency''s major unit, never negative; 0 on a debit line.';

    COMMENT ON SEQUENCE acct.je_id_seq IS 'Gives out je_id in blocks of 1000; blocks are not filled up, so je_id has gaps (je_number has none).';

    COMMENT ON TABLE acct.journal_run_ignored IS 'Transactions that a posted run ignored, listed when acct.reprocess_ignored() is first called for it.';
    COMMENT ON COLUMN acct.journal_run_ignored.run_id IS 'Run that ignored the transaction.';
    COMMENT ON COLUMN acct.journal_run_ignored.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.journal_run_ignored.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.journal_run_ignored.basis IS 'Accounting basis in which it was ignored.';
    COMMENT ON COLUMN acct.journal_run_ignored.resolved_by_run IS 'Run that took the transaction again; NULL: none did, or that run was discarded.';

    COMMENT ON TABLE acct.je_exception IS 'Transactions that expansion set aside, with the first reason met. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_exception.run_id IS 'Run that set it aside.';
    COMMENT ON COLUMN acct.je_exception.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.je_exception.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.je_exception.basis IS 'Accounting basis that it has no journal in.';
    COMMENT ON COLUMN acct.je_exception.reason IS 'Code of the reason, such as NO_TEMPLATE or AMOUNT_NULL.';
    COMMENT ON COLUMN acct.je_exception.template_code IS 'Template concerned; NULL: none was chosen yet.';
    COMMENT ON COLUMN acct.je_exception.template_version IS 'Version of that template; NULL: none was chosen yet.';
    COMMENT ON COLUMN acct.je_exception.line_no IS 'Template line concerned; NULL: no single line.';
    COMMENT ON COLUMN acct.je_exception.message IS 'What was wrong, in words.';
    COMMENT ON COLUMN acct.je_exception.resolved_by_run IS 'Run that took the transaction again (acct.reprocess_exceptions); NULL: none did.';
    COMMENT ON COLUMN acct.je_exception.waived_by IS 'Session user who waived it (acct.waive_exception); NULL: it is not waived.';
    COMMENT ON COLUMN acct.je_exception.waived_at IS 'When it was waived, so that it is no longer open; NULL: it is not waived.';
    COMMENT ON COLUMN acct.je_exception.waive_reason IS 'Why the transaction needs no journal; NULL: it is not waived.';
    COMMENT ON COLUMN acct.je_exception.voided_at IS 'When its run was discarded, so that it no longer counts; NULL: it counts.';

    COMMENT ON TABLE acct.run_log IS 'Steps that were done, with rows and times; the stored results of expand and post. Written by the engine.';
    COMMENT ON COLUMN acct.run_log.log_id IS 'Number of the entry.';
    COMMENT ON COLUMN acct.run_log.run_id IS 'Run; NULL for a step that belongs to none.';
    COMMENT ON COLUMN acct.run_log.step IS 'create, expand, validate, post, discard, reprocess, snapshot, rotate, archive, restore, drop, export, verify, job (a call of acct.run_job), or another step of the engine.';
    COMMENT ON COLUMN acct.run_log.partition IS 'Source partition (expand), ledger partition (post), or partitions (rotate, archive, restore, drop, export, verify) worked on; NULL: none in particular.';
    COMMENT ON COLUMN acct.run_log.rows IS 'Rows worked on: transactions (create, expand), exceptions (reprocess), checks (validate), ledger lines (post), corrected balances (snapshot).';
    COMMENT ON COLUMN acct.run_log.elapsed_ms IS 'Duration in milliseconds.';
    COMMENT ON COLUMN acct.run_log.detail IS 'Further counts and sums of the step, as JSON; phases_ms: milliseconds that the step spent in each of its phases, the same for each partition of the step.';
    COMMENT ON COLUMN acct.run_log.at IS 'When the entry was written.';
    COMMENT ON COLUMN acct.run_log.rows_per_second IS 'rows by elapsed_ms, for a second.';
    COMMENT ON COLUMN acct.run_log.exceptions IS 'Exceptions that expansion set aside of the partition, by reason, such as {"NO_TEMPLATE": 3}; NULL: another step.';
    COMMENT ON COLUMN acct.run_log.peak_memory IS 'Bytes of the process of the step that had most: memory that it shares with no other process (RssAnon of Linux), the session''s own from before included, at the moments when it was looked at, which are not while an index is sorted. NULL: not known.';

    -- The ledger.
    COMMENT ON TABLE acct.ledger_entry_header IS 'Posted journals; monthly partitions ledger_entry_header_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_header.je_id IS 'Identifier of the journal, joins its lines; it has gaps.';
    COMMENT ON COLUMN acct.ledger_entry_header.run_id IS 'Run that posted the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_date IS 'Journal date: the transaction''s bank_value_date.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_version IS 'Version of the template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.ledger_entry_header.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_header.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.reversal_of IS 'je_id of the journal that this one reverses; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.memo IS 'What the journal is for: the first 126 bytes of its template''s description; NULL: it has none.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_number IS 'Journal number; ends in nine digits, without gaps within entity, basis and month of je_date. Given when posted.';
    COMMENT ON COLUMN acct.ledger_entry_header.posted_at IS 'When the journal was posted, as journal_run.posted_at of its run.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_header IS 'Posted journals refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.ledger_entry_line IS 'Lines of posted journals; monthly partitions ledger_entry_line_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_line.je_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.ledger_entry_line.run_id IS 'Run that posted the line.';
    COMMENT ON COLUMN acct.ledger_entry_line.txn_id IS 'Source transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.ledger_entry_line.line_no IS 'Number of the template line that made it; skipped lines leave gaps.';
    COMMENT ON COLUMN acct.ledger_entry_line.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_line.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_line.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.currency IS 'Currency of the amount.';
    COMMENT ON COLUMN acct.ledger_entry_line.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.debit IS 'Amount debited, in the currency''s major unit, never negative; 0 on a credit line.';
    COMMENT ON COLUMN acct.ledger_entry_line.credit IS 'Amount credited, in the currency''s major unit, never negative; 0 on a debit line.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_line IS 'Posted lines refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.account_balance_snapshot IS 'Balances by book, month, fund, account and currency; kept by posting, recomputed by acct.update_balance_snapshot().';
    COMMENT ON COLUMN acct.account_balance_snapshot.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.account_balance_snapshot.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.account_balance_snapshot.snapshot_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.account_balance_snapshot.fund IS 'Fund.';
    COMMENT ON COLUMN acct.account_balance_snapshot.account_code IS 'Account.';
    COMMENT ON COLUMN acct.account_balance_snapshot.currency IS 'Currency of the balances.';
    COMMENT ON COLUMN acct.account_balance_snapshot.opening_balance IS 'Balance before the month, in the currency''s major unit: debits less credits, so debit balances are positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_debit IS 'Sum of the month''s debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_credit IS 'Sum of the month''s credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.closing_balance IS 'Balance after the month: opening_balance + period_debit - period_credit, debit balances positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.line_count IS 'Number of the month''s ledger lines; 0 in a month when only a balance was carried forward.';
    COMMENT ON COLUMN acct.account_balance_snapshot.last_run_id IS 'Highest run_id among the month''s lines; NULL: no lines.';

    COMMENT ON TABLE acct.accounting_period IS 'Months that were closed or reopened, for each book (entity, basis); a month without a row is open. Written by acct.close_period() and acct.reopen_period().';
    COMMENT ON COLUMN acct.accounting_period.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.accounting_period.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.accounting_period.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.accounting_period.is_open IS 'False: nothing is posted with a journal date in this month.';
    COMMENT ON COLUMN acct.accounting_period.changed_by IS 'Session user who last closed or reopened it.';
    COMMENT ON COLUMN acct.accounting_period.changed_at IS 'When it was last closed or reopened.';

    COMMENT ON TABLE acct.ledger_book IS 'Books (entity, basis); posting, closing and recomputing lock the row, one at a time. Written by the engine.';
    COMMENT ON COLUMN acct.ledger_book.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_book.basis IS 'Accounting basis.';

    COMMENT ON TABLE acct.journal_number IS 'The last journal number given in each book and month. Written by posting.';
    COMMENT ON COLUMN acct.journal_number.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.journal_number.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.journal_number.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.journal_number.last_number IS 'Last number given: the nine digits that je_number ends in; also how many were given.';

    -- Retention and archive.
    COMMENT ON TABLE acct.retention_policy IS 'How long months stay in the ledger''s and the source''s tables, and staging of posted runs stays; acct.apply_retention() does it. Kept by the owner of the tables. Without a row nothing is done.';
    COMMENT ON COLUMN acct.retention_policy.table_name IS 'txn_source_parent, ledger_entry (journals and lines), or je_staging (staging of posted runs).';
    COMMENT ON COLUMN acct.retention_policy.active_months IS 'Months that stay, the current one included; NULL for je_staging.';
    COMMENT ON COLUMN acct.retention_policy.active_days IS 'Days that the staging of a run stays after it was posted; NULL for the others.';
    COMMENT ON COLUMN acct.retention_policy.action IS 'What becomes of a month then: archive, or drop (at once, or, with export_before_drop, archived and dropped once it is exported and verified).';
    COMMENT ON COLUMN acct.retention_policy.drop_after_months IS 'Months, from the month itself on, after which an archived month is dropped; NULL: never.';
    COMMENT ON COLUMN acct.retention_policy.export_before_drop IS 'True: a month is dropped only once acct.export_archive() wrote it and acct.verify_archive() passed. Always so for the ledger.';

    COMMENT ON TABLE acct.archived_partition IS 'Months that were archived: when, by whom, what they had, whether they were exported, verified, dropped or restored. Written by the engine.';
    COMMENT ON COLUMN acct.archived_partition.archive_id IS 'Number of the archive.';
    COMMENT ON COLUMN acct.archived_partition.table_name IS 'txn_source_parent or ledger_entry.';
    COMMENT ON COLUMN acct.archived_partition.month IS 'The month, as its first day.';
    COMMENT ON COLUMN acct.archived_partition.partitions IS 'Names of its tables in schema acct_archive; partitions of these not listed.';
    COMMENT ON COLUMN acct.archived_partition.rows IS 'Number of transactions, or of ledger lines.';
    COMMENT ON COLUMN acct.archived_partition.journals IS 'Number of journals; NULL for transactions.';
    COMMENT ON COLUMN acct.archived_partition.gross IS 'Sum of gross_amount, in major units, whatever the currency: a check figure; NULL for the ledger.';
    COMMENT ON COLUMN acct.archived_partition.debit IS 'Sum of debits, in major units, whatever the currency: a check figure; NULL for transactions.';
    COMMENT ON COLUMN acct.archived_partition.credit IS 'Sum of credits, likewise.';
    COMMENT ON COLUMN acct.archived_partition.digest IS 'Digest of the lines (32 hexadecimal digits); NULL for transactions.';
    COMMENT ON COLUMN acct.archived_partition.archived_by IS 'Session user who archived it.';
    COMMENT ON COLUMN acct.archived_partition.archived_at IS 'When it was archived.';
    COMMENT ON COLUMN acct.archived_partition.manifest IS 'Manifest of its last export; NULL: none.';
    COMMENT ON COLUMN acct.archived_partition.exported_by IS 'Session user who exported it last; NULL: nobody.';
    COMMENT ON COLUMN acct.archived_partition.exported_at IS 'When that was.';
    COMMENT ON COLUMN acct.archived_partition.verified_by IS 'Session user for whom the last export passed acct.verify_archive(); NULL: nobody.';
    COMMENT ON COLUMN acct.archived_partition.verified_at IS 'When that was.';
    COMMENT ON COLUMN acct.archived_partition.dropped_by IS 'Session user for whom it was dropped; NULL: it was not.';
    COMMENT ON COLUMN acct.archived_partition.dropped_at IS 'When it was dropped.';
    COMMENT ON COLUMN acct.archived_partition.restored_by IS 'Session user who brought it back; NULL: it is archived, or was dropped.';
    COMMENT ON COLUMN acct.archived_partition.restored_at IS 'When it was brought back.';
    COMMENT ON COLUMN acct.archived_partition.keep_until IS 'Day from which acct.apply_retention() may archive a restored month again.';

    -- Views.
    COMMENT ON VIEW acct.run_progress IS 'Steps under way in this database, a row for each process that leads one. Figures are those of the moment of the query; a step that is done or broken off is not shown. Needs track_activities (on by default).';
    COMMENT ON COLUMN acct.run_progress.run_id IS 'Run that is worked on; NULL: none (a recomputation of balances).';
    COMMENT ON COLUMN acct.run_progress.run_key IS 'Key of the run; NULL: it has none, or the run is made in the same transaction and not yet to be seen.';
    COMMENT ON COLUMN acct.run_progress.txn_month IS 'Month of the run, as its first day; NULL as run_key.';
    COMMENT ON COLUMN acct.run_progress.pid IS 'Process that leads the step: for pg_stat_activity, pg_cancel_backend().';
    COMMENT ON COLUMN acct.run_progress.step IS 'create, expand, validate, post, discard or snapshot.';
    COMMENT ON COLUMN acct.run_progress.phase IS 'What the step is doing, such as reading source, writing entries or building indexes.';
    COMMENT ON COLUMN acct.run_progress.rows_done IS 'Rows done in the phase, those of workers included; NULL: the phase counts none.';
    COMMENT ON COLUMN acct.run_progress.rows_total IS 'Rows that the phase has to do; NULL: it counts none.';
    COMMENT ON COLUMN acct.run_progress.unit IS 'What the rows are: transactions, lines, journals and lines, rows indexed; NULL: the phase counts none.';
    COMMENT ON COLUMN acct.run_progress.percent IS 'Part of the rows of the phase that is done, 0 to 100.';
    COMMENT ON COLUMN acct.run_progress.rows_per_second IS 'Rows done a second since the phase began.';
    COMMENT ON COLUMN acct.run_progress.seconds_elapsed IS 'Seconds since the step began.';
    COMMENT ON COLUMN acct.run_progress.seconds_left IS 'Seconds until the phase is done, at its rate so far; later phases of the step come on top. NULL: not known.';
    COMMENT ON COLUMN acct.run_progress.started_at IS 'When the step began.';
    COMMENT ON COLUMN acct.run_progress.phase_started_at IS 'When the phase began.';
    COMMENT ON COLUMN acct.run_progress.workers IS 'Parallel workers that help at the moment.';

    COMMENT ON VIEW acct.run_history IS 'Runs, each with who did what and when, durations, counts, rates, digest and what is still open of it.';
    COMMENT ON COLUMN acct.run_history.run_id IS 'Number of the run.';
    COMMENT ON COLUMN acct.run_history.run_key IS 'Key that it was made with; NULL: none.';
    COMMENT ON COLUMN acct.run_history.txn_month IS 'Month whose transactions it took, as its first day.';
    COMMENT ON COLUMN acct.run_history.status IS 'created, expanded, posted, discarded or reversed.';
    COMMENT ON COLUMN acct.run_history.reprocess_of IS 'Run whose exceptions it takes up again; NULL: it took batches.';
    COMMENT ON COLUMN acct.run_history.created_by IS 'Session user who made it.';
    COMMENT ON COLUMN acct.run_history.created_at IS 'When it was made.';
    COMMENT ON COLUMN acct.run_history.expanded_by IS 'Session user who expanded it.';
    COMMENT ON COLUMN acct.run_history.expanded_at IS 'When it was expanded.';
    COMMENT ON COLUMN acct.run_history.posted_by IS 'Session user who posted it.';
    COMMENT ON COLUMN acct.run_history.posted_at IS 'When it was posted.';
    COMMENT ON COLUMN acct.run_history.discarded_by IS 'Session user who discarded it.';
    COMMENT ON COLUMN acct.run_history.discarded_at IS 'When it was discarded.';
    COMMENT ON COLUMN acct.run_history.transactions IS 'Source transactions taken.';
    COMMENT ON COLUMN acct.run_history.journals IS 'Journals made.';
    COMMENT ON COLUMN acct.run_history.lines IS 'Lines of them.';
    COMMENT ON COLUMN acct.run_history.exceptions IS 'Transactions (by basis) set aside when it was expanded.';
    COMMENT ON COLUMN acct.run_history.ignored IS 'Transactions (by basis) ignored on purpose.';
    COMMENT ON COLUMN acct.run_history.exceptions_open IS 'Exceptions that no run took up again and nobody waived, of a run that is not discarded.';
    COMMENT ON COLUMN acct.run_history.debit IS 'Sum of debits, over all currencies: a check figure.';
    COMMENT ON COLUMN acct.run_history.credit IS 'Sum of credits, over all currencies.';
    COMMENT ON COLUMN acct.run_history.digest IS 'Digest of its lines.';
    COMMENT ON COLUMN acct.run_history.create_ms IS 'Milliseconds of making it and taking its transactions.';
    COMMENT ON COLUMN acct.run_history.expand_ms IS 'Milliseconds of expanding it, from beginning to end.';
    COMMENT ON COLUMN acct.run_history.validate_ms IS 'Milliseconds of the last validation.';
    COMMENT ON COLUMN acct.run_history.post_ms IS 'Milliseconds of posting it, waiting for locks of books included.';
    COMMENT ON COLUMN acct.run_history.transactions_per_second IS 'Transactions expanded a second.';
    COMMENT ON COLUMN acct.run_history.lines_per_second IS 'Lines posted a second.';
    COMMENT ON COLUMN acct.run_history.peak_memory IS 'Most memory that a process of any of its steps had, in bytes (run_log.peak_memory); NULL: not known.';
    COMMENT ON COLUMN acct.run_history.exceptions_waived IS 'Exceptions that were waived, of a run that is not discarded.';

    COMMENT ON VIEW acct.run_summary IS 'Months of transactions that are loaded or have runs: how far each is.';
    COMMENT ON COLUMN acct.run_summary.txn_month IS 'Month, as its first day.';
    COMMENT ON COLUMN acct.run_summary.runs IS 'Runs made for it.';
    COMMENT ON COLUMN acct.run_summary.runs_created IS 'Of these, those not yet expanded.';
    COMMENT ON COLUMN acct.run_summary.runs_expanded IS 'Those expanded and not posted.';
    COMMENT ON COLUMN acct.run_summary.runs_posted IS 'Those posted.';
    COMMENT ON COLUMN acct.run_summary.runs_discarded IS 'Those discarded.';
    COMMENT ON COLUMN acct.run_summary.transactions_loaded IS 'Transactions in the months partition, by the servers statistics: an estimate, which lags by a second or so, or until the next ANALYZE after a crash. NULL: there is no partition.';
    COMMENT ON COLUMN acct.run_summary.transactions_taken IS 'Transactions taken by runs that are not discarded, as they were counted then.';
    COMMENT ON COLUMN acct.run_summary.transactions_waiting IS 'Loaded less taken: an estimate as transactions_loaded.';
    COMMENT ON COLUMN acct.run_summary.journals IS 'Journals posted.';
    COMMENT ON COLUMN acct.run_summary.lines IS 'Lines posted.';
    COMMENT ON COLUMN acct.run_summary.debit IS 'Sum of debits posted, over all currencies.';
    COMMENT ON COLUMN acct.run_summary.credit IS 'Sum of credits posted, over all currencies.';
    COMMENT ON COLUMN acct.run_summary.exceptions_open IS 'Exceptions that no run took up again and nobody waived.';
    COMMENT ON COLUMN acct.run_summary.exceptions_resolved IS 'Exceptions that a run took up again.';
    COMMENT ON COLUMN acct.run_summary.last_posted_at IS 'When a run was posted last.';
    COMMENT ON COLUMN acct.run_summary.exceptions_waived IS 'Exceptions that were waived.';

    COMMENT ON VIEW acct.exception_summary IS 'Exceptions of runs that are not discarded, by month, basis, reason and template.';
    COMMENT ON COLUMN acct.exception_summary.txn_month IS 'Month of the transactions, as its first day.';
    COMMENT ON COLUMN acct.exception_summary.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.exception_summary.reason IS 'Reason, such as NO_TEMPLATE.';
    COMMENT ON COLUMN acct.exception_summary.template_code IS 'Template concerned; NULL: none was chosen.';
    COMMENT ON COLUMN acct.exception_summary.exceptions IS 'Exceptions, those included that a run took up again.';
    COMMENT ON COLUMN acct.exception_summary.exceptions_open IS 'Those that no run took up again and nobody waived.';
    COMMENT ON COLUMN acct.exception_summary.oldest_run IS 'The first run that set one aside.';
    COMMENT ON COLUMN acct.exception_summary.newest_run IS 'The last one.';
    COMMENT ON COLUMN acct.exception_summary.example IS 'One of the messages.';
    COMMENT ON COLUMN acct.exception_summary.exceptions_waived IS 'Those that were waived.';

    COMMENT ON VIEW acct.run_staging IS 'Journals in staging, each with whether and when its run was posted.';
    COMMENT ON COLUMN acct.run_staging.run_id IS 'Run that made the journal.';
    COMMENT ON COLUMN acct.run_staging.je_id IS 'Identifier of the journal, the same in the ledger.';
    COMMENT ON COLUMN acct.run_staging.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.run_staging.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.run_staging.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.run_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.run_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.run_staging.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.run_staging.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.run_staging.currency IS 'Currency of the totals.';
    COMMENT ON COLUMN acct.run_staging.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.run_staging.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.run_staging.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.run_staging.is_posted IS 'True where the run''s status is posted.';
    COMMENT ON COLUMN acct.run_staging.posted_at IS 'When the run was posted; NULL until then.';

    COMMENT ON VIEW acct.ledger_line IS 'Posted lines with their journal''s number, memo, policy and rule, and the memo of the template line that made each.';
    COMMENT ON COLUMN acct.ledger_line.je_id IS 'Identifier of the journal.';
    COMMENT ON COLUMN acct.ledger_line.je_number IS 'Number of the journal, unique in its book.';
    COMMENT ON COLUMN acct.ledger_line.line_no IS 'Number of the line, which is that of the template line.';
    COMMENT ON COLUMN acct.ledger_line.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.ledger_line.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_line.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_line.account_code IS 'Account.';
    COMMENT ON COLUMN acct.ledger_line.fund IS 'Fund.';
    COMMENT ON COLUMN acct.ledger_line.currency IS 'Currency.';
    COMMENT ON COLUMN acct.ledger_line.debit IS 'Debit, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_line.credit IS 'Credit, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_line.line_memo IS 'What the line is for, from its template line; NULL: that has no memo.';
    COMMENT ON COLUMN acct.ledger_line.journal_memo IS 'What the journal is for; NULL: its template has no description.';
    COMMENT ON COLUMN acct.ledger_line.product_code IS 'Product of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.channel IS 'Channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.policy_no IS 'Policy of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.ledger_line.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.ledger_line.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.ledger_line.txn_type IS 'Type of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.template_code IS 'Template that made the journal, with template_version.';
    COMMENT ON COLUMN acct.ledger_line.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.ledger_line.run_id IS 'Run that posted the line.';
    COMMENT ON COLUMN acct.ledger_line.posted_at IS 'When the run was posted.';

    COMMENT ON VIEW acct.fund_journal IS 'Each fund''s part of each posted journal, as a journal by itself; balanced where the template balances by fund.';
    COMMENT ON COLUMN acct.fund_journal.je_id IS 'Journal that the part belongs to.';
    COMMENT ON COLUMN acct.fund_journal.je_number IS 'Number of that journal.';
    COMMENT ON COLUMN acct.fund_journal.fund_je_number IS 'Number of the part: je_number, a slash and the fund.';
    COMMENT ON COLUMN acct.fund_journal.fund IS 'Fund whose lines the part holds.';
    COMMENT ON COLUMN acct.fund_journal.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.fund_journal.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.fund_journal.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.fund_journal.run_id IS 'Run that posted the journal.';
    COMMENT ON COLUMN acct.fund_journal.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.fund_journal.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.fund_journal.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.fund_journal.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.fund_journal.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.fund_journal.currency IS 'Currency of the totals.';
    COMMENT ON COLUMN acct.fund_journal.total_debit IS 'Sum of the fund''s debits in the journal, in the currency''s major unit.';
    COMMENT ON COLUMN acct.fund_journal.total_credit IS 'Sum of the fund''s credits in the journal, in the currency''s major unit.';
    COMMENT ON COLUMN acct.fund_journal.line_count IS 'Number of the fund''s lines in the journal.';
    COMMENT ON COLUMN acct.fund_journal.posted_at IS 'When the journal was posted.';

    COMMENT ON VIEW acct.scheduled_jobs IS 'Jobs of this database that pg_cron runs, with how the last run went; empty where pg_cron is not installed in this database.';
    COMMENT ON COLUMN acct.scheduled_jobs.job IS 'Name of the job: rotate, run, snapshot or retention.';
    COMMENT ON COLUMN acct.scheduled_jobs.schedule IS 'When it runs: cron expression, in the time zone of pg_cron (GMT, or cron.timezone).';
    COMMENT ON COLUMN acct.scheduled_jobs.command IS 'What pg_cron executes.';
    COMMENT ON COLUMN acct.scheduled_jobs.active IS 'False where it was paused with cron.alter_job().';
    COMMENT ON COLUMN acct.scheduled_jobs.username IS 'User who scheduled it, and as whom it runs.';
    COMMENT ON COLUMN acct.scheduled_jobs.job_id IS 'Number of the job in pg_cron.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_start IS 'When the last run began; NULL: there was none, or it could not connect.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_end IS 'When the last run ended; NULL: it runs.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_status IS 'starting, running, succeeded, failed, or skipped because the job was still at work; NULL: there was no run.';
    COMMENT ON COLUMN acct.scheduled_jobs.last_message IS 'What the last run said at its end: its error, the reason why it was skipped, or the tag of the command.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_comments() IS 'The part of install() that describes tables, columns and views.';

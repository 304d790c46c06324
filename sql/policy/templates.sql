-- The policy: funds, currencies, accounts, and templates that are drafted, submitted and approved as data.

CREATE FUNCTION acct._layout_templates() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.fund (
        fund text COLLATE "C" NOT NULL,
        name text NOT NULL,
        fund_type text NOT NULL,
        CONSTRAINT fund_pkey PRIMARY KEY (fund),
        CONSTRAINT chk_fund_length CHECK (octet_length(fund) <= 100),
        CONSTRAINT chk_fund_type
            CHECK (fund_type IN ('PARTICIPANT_RISK', 'PARTICIPANT_INVESTMENT', 'OPERATOR', 'OTHER'))
    );

    CREATE TABLE IF NOT EXISTS acct.currency (
        currency text COLLATE "C" NOT NULL,
        minor_units smallint NOT NULL DEFAULT 2,
        CONSTRAINT currency_pkey PRIMARY KEY (currency),
        CONSTRAINT chk_minor_units CHECK (minor_units BETWEEN 0 AND 4)
    );

    CREATE TABLE IF NOT EXISTS acct.chart_of_accounts (
        account_code text COLLATE "C" NOT NULL,
        description text NOT NULL,
        account_type text NOT NULL,
        fund text COLLATE "C",
        parent_account_code text COLLATE "C",
        is_postable boolean NOT NULL DEFAULT true,
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        CONSTRAINT chart_of_accounts_pkey PRIMARY KEY (account_code),
        CONSTRAINT chk_account_length CHECK (octet_length(account_code) <= 100),
        CONSTRAINT chart_of_accounts_fund_fkey FOREIGN KEY (fund) REFERENCES acct.fund,
        CONSTRAINT chart_of_accounts_parent_fkey
            FOREIGN KEY (parent_account_code) REFERENCES acct.chart_of_accounts,
        CONSTRAINT chk_account_type
            CHECK (account_type IN ('ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE')),
        CONSTRAINT chk_account_dates CHECK (effective_to > effective_from)
    );

    -- Since layout 5: where a year's result goes, and accounts that are to be empty at a month's end.
    ALTER TABLE acct.fund ADD COLUMN IF NOT EXISTS surplus_account_code text COLLATE "C";
    ALTER TABLE acct.chart_of_accounts ADD COLUMN IF NOT EXISTS is_suspense boolean NOT NULL DEFAULT false,
        ADD COLUMN IF NOT EXISTS closing_account_code text COLLATE "C";

    CREATE TABLE IF NOT EXISTS acct.accounting_basis (
        basis text COLLATE "C" NOT NULL,
        description text NOT NULL,
        every_transaction boolean NOT NULL DEFAULT false,
        CONSTRAINT accounting_basis_pkey PRIMARY KEY (basis),
        CONSTRAINT chk_basis_length CHECK (octet_length(basis) <= 100)
    );
    INSERT INTO acct.accounting_basis (basis, description, every_transaction)
    VALUES ('PRIMARY', 'The books of record: every transaction has a journal, an exception, or is ignored on purpose', true)
    ON CONFLICT DO NOTHING;

    CREATE TABLE IF NOT EXISTS acct.journal_template (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        description text,
        template_type text NOT NULL DEFAULT 'STANDARD',
        basis text COLLATE "C" NOT NULL DEFAULT 'PRIMARY',
        status text NOT NULL DEFAULT 'draft',
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        require_balanced boolean NOT NULL DEFAULT true,
        balance_by_fund boolean NOT NULL DEFAULT true,
        skip_zero_lines boolean NOT NULL DEFAULT true,
        negative_policy text NOT NULL DEFAULT 'swap',
        maker text NOT NULL DEFAULT session_user,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        submitted_at timestamptz,
        approver text,
        approved_at timestamptz,
        approved_sha256 text COLLATE "C",
        approved_effective_to date,
        CONSTRAINT journal_template_pkey PRIMARY KEY (template_code, version),
        CONSTRAINT journal_template_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_template_code_length CHECK (octet_length(template_code) <= 100),
        CONSTRAINT chk_template_version CHECK (version >= 1),
        CONSTRAINT chk_template_type CHECK (template_type IN ('STANDARD', 'IGNORE')),
        CONSTRAINT chk_template_status CHECK (status IN ('draft', 'submitted', 'approved', 'retired')),
        CONSTRAINT chk_template_dates CHECK (effective_to >= effective_from),
        CONSTRAINT chk_negative_policy CHECK (negative_policy IN ('swap', 'reject')),
        CONSTRAINT chk_template_approval
            CHECK (status IN ('draft', 'submitted') OR (approver IS NOT NULL AND approver <> maker))
    );
    ALTER TABLE acct.journal_template ADD COLUMN IF NOT EXISTS approved_sha256 text COLLATE "C",
        ADD COLUMN IF NOT EXISTS approved_effective_to date, ALTER COLUMN made_at SET DEFAULT clock_timestamp();

    CREATE TABLE IF NOT EXISTS acct.journal_template_match (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        match_no integer NOT NULL,
        txn_type text COLLATE "C",
        product_code text COLLATE "C",
        channel text COLLATE "C",
        condition_expr text,
        priority integer NOT NULL DEFAULT 100,
        CONSTRAINT journal_template_match_pkey PRIMARY KEY (template_code, version, match_no),
        CONSTRAINT journal_template_match_template_fkey
            FOREIGN KEY (template_code, version) REFERENCES acct.journal_template ON DELETE CASCADE
    );

    CREATE TABLE IF NOT EXISTS acct.journal_template_line (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        line_no smallint NOT NULL,
        dr_cr text NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        amount_expr text,
        is_balancing boolean NOT NULL DEFAULT false,
        condition_expr text,
        memo text,
        CONSTRAINT journal_template_line_pkey PRIMARY KEY (template_code, version, line_no),
        CONSTRAINT journal_template_line_template_fkey
            FOREIGN KEY (template_code, version) REFERENCES acct.journal_template ON DELETE CASCADE,
        CONSTRAINT chk_line_no CHECK (line_no BETWEEN 1 AND 999),
        CONSTRAINT chk_dr_cr CHECK (dr_cr IN ('DR', 'CR')),
        CONSTRAINT chk_line_amount CHECK (is_balancing = (amount_expr IS NULL)),
        CONSTRAINT chk_balancing_condition CHECK (NOT (is_balancing AND condition_expr IS NOT NULL))
    );
    CREATE UNIQUE INDEX IF NOT EXISTS journal_template_line_balancing_idx
        ON acct.journal_template_line (template_code, version, fund) WHERE is_balancing;

    CREATE TABLE IF NOT EXISTS acct.product_account_map (
        map_id bigint GENERATED BY DEFAULT AS IDENTITY,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C",
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        mapped_account_code text COLLATE "C" NOT NULL,
        mapped_fund text COLLATE "C" NOT NULL,
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        CONSTRAINT product_account_map_pkey PRIMARY KEY (map_id),
        CONSTRAINT product_account_map_key UNIQUE NULLS NOT DISTINCT
            (product_code, channel, account_code, fund, effective_from),
        CONSTRAINT chk_map_dates CHECK (effective_to > effective_from)
    );

    CREATE TABLE IF NOT EXISTS acct.template_audit (
        audit_id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        changed_by text NOT NULL DEFAULT session_user,
        table_name text NOT NULL,
        operation text NOT NULL,
        row_key jsonb NOT NULL,
        old_row jsonb,
        new_row jsonb,
        changed_by_role text COLLATE "C",
        CONSTRAINT template_audit_pkey PRIMARY KEY (audit_id)
    );
    ALTER TABLE acct.template_audit ADD COLUMN IF NOT EXISTS changed_by_role text COLLATE "C", ALTER COLUMN at SET DEFAULT clock_timestamp();
    CREATE INDEX IF NOT EXISTS template_audit_template_idx
        ON acct.template_audit ((row_key ->> 'template_code'), (row_key ->> 'version'));

    CREATE OR REPLACE TRIGGER journal_template_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template();
    CREATE OR REPLACE TRIGGER journal_template_match_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template_match
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template_part();
    CREATE OR REPLACE TRIGGER journal_template_line_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template_line
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template_part();
    CREATE OR REPLACE TRIGGER journal_template_line_amount BEFORE INSERT OR UPDATE ON acct.journal_template_line
        FOR EACH ROW EXECUTE FUNCTION acct._check_amount();
    CREATE OR REPLACE TRIGGER journal_template_line_condition BEFORE INSERT OR UPDATE ON acct.journal_template_line
        FOR EACH ROW EXECUTE FUNCTION acct._check_condition();
    CREATE OR REPLACE TRIGGER journal_template_match_condition BEFORE INSERT OR UPDATE ON acct.journal_template_match
        FOR EACH ROW EXECUTE FUNCTION acct._check_condition();
    FOREACH t IN ARRAY ARRAY['fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
                             'journal_template_match', 'journal_template_line', 'product_account_map'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
    PERFORM acct._make_immutable('acct.template_audit', 'template_audit_immutable');
    PERFORM acct._layout_template_content();
END
$layout$;
COMMENT ON FUNCTION acct._layout_templates() IS 'The part of install() that creates the template layer.';

CREATE FUNCTION acct._layout_template_content() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Dates are JSON's, whatever the session's datestyle; the order of keys is that of jsonb.
    CREATE OR REPLACE VIEW acct.template_content AS
    SELECT t.template_code, t.version, t.status, s.content_sha256, t.approved_sha256,
           t.approved_sha256 = s.content_sha256
           AND coalesce(t.effective_to, 'infinity') <= coalesce(t.approved_effective_to, 'infinity') AS unchanged, c.content
      FROM acct.journal_template AS t
     CROSS JOIN LATERAL (
        SELECT jsonb_build_object(
            'template', jsonb_build_object(
                'template_code', t.template_code, 'version', t.version, 'description', t.description,
                'template_type', t.template_type, 'basis', t.basis, 'effective_from', t.effective_from,
                'effective_to', CASE t.status WHEN 'retired' THEN t.approved_effective_to ELSE t.effective_to END,
                'require_balanced', t.require_balanced, 'balance_by_fund', t.balance_by_fund,
                'skip_zero_lines', t.skip_zero_lines, 'negative_policy', t.negative_policy),
            'matches', coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                           'match_no', m.match_no, 'txn_type', m.txn_type, 'product_code', m.product_code, 'channel', m.channel,
                           'condition_expr', m.condition_expr, 'priority', m.priority) ORDER BY m.match_no)
                  FROM acct.journal_template_match AS m
                 WHERE m.template_code = t.template_code AND m.version = t.version), '[]'),
            'lines', coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                           'line_no', l.line_no, 'dr_cr', l.dr_cr, 'account_code', l.account_code, 'fund', l.fund,
                           'amount_expr', l.amount_expr, 'is_balancing', l.is_balancing, 'condition_expr', l.condition_expr,
                           'memo', l.memo) ORDER BY l.line_no)
                  FROM acct.journal_template_line AS l
                 WHERE l.template_code = t.template_code AND l.version = t.version), '[]')) AS content
        ) AS c
     CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(c.content::text, 'UTF8')), 'hex') AS content_sha256) AS s;
END
$layout$;
COMMENT ON FUNCTION acct._layout_template_content() IS 'The part of install() that creates the view of what each template version contains.';

CREATE FUNCTION acct._comment_templates() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    COMMENT ON TABLE acct.fund IS 'Funds, each with books of its own: every journal balances within each fund. Changed by releases.';
    COMMENT ON COLUMN acct.fund.fund IS 'Code of the fund.';
    COMMENT ON COLUMN acct.fund.name IS 'Name of the fund.';
    COMMENT ON COLUMN acct.fund.fund_type IS 'Whose money it is: PARTICIPANT_RISK, PARTICIPANT_INVESTMENT, OPERATOR or OTHER.';

    COMMENT ON COLUMN acct.fund.surplus_account_code IS 'Account that takes the fund''s income and expense at a year''s end, its accumulated surplus; NULL: none, and a year in which the fund has income or expense cannot be closed.';

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
    COMMENT ON COLUMN acct.chart_of_accounts.is_suspense IS 'True where the account is to be at zero at the end of each month; acct.check_close() reports it where it is not.';
    COMMENT ON COLUMN acct.chart_of_accounts.closing_account_code IS 'Account of income or expense: the account that takes its balance at a year''s end; NULL: the surplus account of the fund.';

    COMMENT ON TABLE acct.accounting_basis IS 'Accounting bases: parallel sets of books made from the same transactions. Changed by releases.';
    COMMENT ON COLUMN acct.accounting_basis.basis IS 'Code of the basis; PRIMARY is the books of record.';
    COMMENT ON COLUMN acct.accounting_basis.description IS 'Purpose of the basis.';
    COMMENT ON COLUMN acct.accounting_basis.every_transaction IS 'True: a transaction that no template fits is an exception (NO_TEMPLATE); false: it is simply not in this basis.';

    COMMENT ON TABLE acct.journal_template IS 'Versions of journal templates: how a kind of transaction is booked. Drafted by finance, approved by a second person; only drafts can be edited.';
    COMMENT ON COLUMN acct.journal_template.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.journal_template.version IS 'Version (1 first); the newest approved one in effect on the journal date is used.';
    COMMENT ON COLUMN acct.journal_template.description IS 'Transactions that the template books.';
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
    COMMENT ON COLUMN acct.journal_template_line.memo IS 'Purpose of the line.';
    COMMENT ON TRIGGER journal_template_line_life ON acct.journal_template_line IS 'Lines are written only while their version is there and a draft (LE004).';

    COMMENT ON TRIGGER journal_template_match_condition ON acct.journal_template_match IS 'Conditions are checked (LE003).';

    COMMENT ON TRIGGER journal_template_line_amount ON acct.journal_template_line IS 'Amounts are checked (LE003).';
    COMMENT ON TRIGGER journal_template_line_condition ON acct.journal_template_line IS 'Conditions are checked (LE003).';

    COMMENT ON VIEW acct.template_content IS 'Content of each template version, with the SHA-256 by which an approver approves what they saw.';
    COMMENT ON COLUMN acct.template_content.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.template_content.version IS 'Version.';
    COMMENT ON COLUMN acct.template_content.status IS 'draft, submitted, approved or retired.';
    COMMENT ON COLUMN acct.template_content.content_sha256 IS 'SHA-256 of content as text in UTF-8, computed now.';
    COMMENT ON COLUMN acct.template_content.approved_sha256 IS 'The same when the version was approved; NULL until then.';
    COMMENT ON COLUMN acct.template_content.unchanged IS 'True where the version is what was approved, and does not end later; NULL where it was not approved.';
    COMMENT ON COLUMN acct.template_content.content IS 'Header, match rules and lines as JSON, with effective_to as approved.';

    COMMENT ON COLUMN acct.journal_template.release_id IS 'Release that the version is submitted and approved with; NULL: by itself.';
    COMMENT ON TRIGGER journal_template_release ON acct.journal_template IS 'A version is put into a release, or taken out, only while that may be edited (LE004).';

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

    COMMENT ON TABLE acct.template_audit IS 'Every change to entities, limits, funds, currencies, accounts, bases, templates, mappings and manual journals; written by triggers, never changed.';
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
                             'journal_template_match', 'journal_template_line', 'product_account_map', 'elimination_pair',
                             'statement_layout', 'statement_line', 'statement_account', 'statement_column',
                             'policy_release', 'template_retirement_draft', 'currency_draft', 'fund_draft', 'accounting_basis_draft', 'entity_draft',
                             'chart_of_accounts_draft', 'product_account_map_draft', 'elimination_pair_draft',
                             'statement_layout_draft', 'statement_line_draft', 'statement_account_draft', 'statement_column_draft'] LOOP
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_audit', t, 'Records each change in acct.template_audit.');
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_truncate', t, 'TRUNCATE is refused: no audit would see it (LE004).');
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._comment_templates() IS 'The part of install() that describes the objects of templates.sql.';

CREATE FUNCTION acct._refuse_template_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % is refused', TG_RELID::regclass
        USING ERRCODE = 'LE004', DETAIL = 'Each change of the template layer is kept in acct.template_audit.',
              HINT = 'Use DELETE, or retire_template().';
END
$$;
COMMENT ON FUNCTION acct._refuse_template_truncate() IS 'Trigger function: template tables refuse TRUNCATE, which no audit would see (LE004).';

CREATE FUNCTION acct._audit_template() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
    IF NOT acct._owns_tables('{template_audit}') THEN
        PERFORM acct._require_layout();
    END IF;
    INSERT INTO acct.template_audit (table_name, operation, row_key, old_row, new_row, changed_by_role)
    VALUES (TG_TABLE_NAME, TG_OP, acct._part_of_row(acct._key_columns(TG_RELID), coalesce(new_row, old_row)), old_row, new_row, acct._session_role());
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._audit_template() IS 'Trigger function: records each change of the template layer in acct.template_audit.';

CREATE FUNCTION acct._guard_template() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.version > 1000000 THEN
        RAISE EXCEPTION 'template %: version % is out of range', NEW.template_code, NEW.version
            USING ERRCODE = '22023', DETAIL = 'A template has at most 1000000 versions.',
                  HINT = 'Versions are numbered from 1, by acct.new_template_version(). Use another template code.';
    END IF;
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'template % version % is %: % is refused', OLD.template_code, OLD.version, OLD.status, TG_OP
            USING ERRCODE = 'LE004',
                  HINT = 'Only drafts are edited: make a new version with acct.new_template_version(), or call acct.return_template() on a submitted one.';
    END IF;
    IF TG_OP <> 'DELETE' AND (NEW.status <> 'draft' OR NEW.approver IS NOT NULL OR NEW.approved_at IS NOT NULL
                              OR NEW.approved_sha256 IS NOT NULL OR NEW.approved_effective_to IS NOT NULL) THEN
        RAISE EXCEPTION 'template % version % cannot be made % by hand', NEW.template_code, NEW.version, NEW.status
            USING ERRCODE = 'LE005',
                  HINT = 'Call acct.submit_template() and have a second person call acct.approve_template().';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
        RAISE EXCEPTION 'the code and version of a template cannot be changed' USING ERRCODE = 'LE004';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        NEW.maker := session_user;
        NEW.made_at := clock_timestamp();
        RETURN NEW;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION acct._guard_template() IS
'Trigger function: only drafts are edited (LE004), and only the functions change a status (LE005). The last editor is the maker.';

CREATE FUNCTION acct._guard_template_part() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    part record;
    held text;
BEGIN
    IF TG_OP = 'DELETE' THEN part := OLD; ELSE part := NEW; END IF;
    IF acct._in_maintenance() THEN
        RETURN part;
    END IF;
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.journal_template'::regclass) <> quote_ident(current_user)::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
        RAISE EXCEPTION 'a row cannot be moved to another template or version' USING ERRCODE = 'LE004';
    END IF;
    -- Held to the end of the transaction: nobody submits or deletes what is being edited.
    SELECT t.status INTO held FROM acct.journal_template AS t
     WHERE t.template_code = part.template_code AND t.version = part.version FOR SHARE;
    IF held IS NULL AND TG_OP = 'DELETE' THEN
        -- Its version was deleted in this transaction, and takes it along.
        RETURN part;
    ELSIF held IS NULL THEN
        RAISE EXCEPTION 'template % version % does not exist: % of its rows is refused', part.template_code, part.version, TG_OP
            USING ERRCODE = 'LE004', HINT = 'Insert the row of acct.journal_template first, and commit it where another session adds the rest.';
    ELSIF held <> 'draft' THEN
        RAISE EXCEPTION 'template % version % is %: % of its rows is refused', part.template_code, part.version, held, TG_OP
            USING ERRCODE = 'LE004',
                  HINT = CASE held WHEN 'submitted' THEN 'Have it returned by acct.return_template() or, if it goes with a release, acct.return_release().'
                         ELSE 'Make a new version with acct.new_template_version().' END;
    END IF;
    RETURN part;
END
$$;
COMMENT ON FUNCTION acct._guard_template_part() IS
'Trigger function of match rules and lines: they are written only while their version is there and a draft, which is locked until the transaction ends (LE004). Runs as its owner, since an editor of lines need not have the right to lock templates.';

CREATE FUNCTION acct._check_condition() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF NEW.condition_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.condition_expr, 'condition');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._check_condition() IS 'Trigger function of match rules and lines: their conditions are checked (LE003), with the editor''s rights.';

CREATE FUNCTION acct._check_amount() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- The table has the same CHECK. Its error does not name the codes.
    IF NEW.dr_cr NOT IN ('DR', 'CR') AND NOT acct._in_maintenance() THEN
        RAISE EXCEPTION 'dr_cr is "%"', NEW.dr_cr USING ERRCODE = '23514', CONSTRAINT = 'chk_dr_cr', HINT = 'It is DR or CR.';
    END IF;
    IF NEW.amount_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.amount_expr, 'amount');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._check_amount() IS 'Trigger function of template lines: their side is DR or CR (23514), and their amounts are checked (LE003).';

CREATE FUNCTION acct._require_template_status(p_code text, p_version integer, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
    release bigint;
BEGIN
    SELECT t.status, t.release_id INTO status, release FROM acct.journal_template AS t
     WHERE t.template_code = p_code AND t.version = p_version FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', p_code, p_version USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    ELSIF status <> p_status THEN
        RAISE EXCEPTION 'template % version % is %, not %', p_code, p_version, status, p_status
            USING ERRCODE = CASE p_status WHEN 'submitted' THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'The order is: draft, submit_template(), approve_template(), retire_template().';
    ELSIF p_status IN ('draft', 'submitted') AND release IS NOT NULL THEN
        RAISE EXCEPTION 'template % version % belongs to release %', p_code, p_version, release
            USING ERRCODE = CASE p_status WHEN 'submitted' THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'It is submitted, returned and approved with it: submit_release(), return_release(), approve_release().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_template_status(text, integer, text) IS
'Locks a template version; raises LE004 where it does not exist or has another status, or goes with a release (LE005 where it should be submitted).';

CREATE FUNCTION acct.submit_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_template_status(submit_template.template_code, submit_template.version, 'draft');
    PERFORM acct._require_valid_template(submit_template.template_code, submit_template.version);
    UPDATE acct.journal_template AS t SET status = 'submitted', submitted_at = clock_timestamp()
     WHERE t.template_code = submit_template.template_code AND t.version = submit_template.version;
END
$$;
COMMENT ON FUNCTION acct.submit_template(text, integer) IS
'Hands a draft to its approver. Raises LE004 where the version does not exist, is no draft, or has an error that check_template() lists, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct.return_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_template_status(return_template.template_code, return_template.version, 'submitted');
    UPDATE acct.journal_template AS t SET status = 'draft', submitted_at = NULL
     WHERE t.template_code = return_template.template_code AND t.version = return_template.version;
END
$$;
COMMENT ON FUNCTION acct.return_template(text, integer) IS
'Makes a submitted version a draft again, to be edited. Raises LE004 (no such version), LE005 (it is not submitted, or goes with a release), 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._is_edit(p_operation text, p_old jsonb, p_new jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The steps of the life of a version, a release or a manual journal change the status, these columns, and no other.
    SELECT p_operation <> 'UPDATE' OR p_old ->> 'status' IS NOT DISTINCT FROM p_new ->> 'status' OR p_old - s.columns <> p_new - s.columns
      FROM (SELECT ARRAY['status', 'submitted_by', 'submitted_at', 'returned_by', 'returned_at', 'return_note', 'approver', 'approved_at',
                         'approved_sha256', 'approved_effective_to', 'submitted_sha256', 'return_reason', 'run_id', 'je_id', 'reversal_run_id'] AS columns) AS s
$$;
COMMENT ON FUNCTION acct._is_edit(text, jsonb, jsonb) IS
'True for a change in the audit trail that is an edit, and no step from draft to submitted to approved.';

CREATE FUNCTION acct._is_edit_by_caller(p_by text, p_by_role text, p_operation text, p_old jsonb, p_new jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT (p_by = session_user OR p_by_role = acct._session_role()) AND acct._is_edit(p_operation, p_old, p_new)
$$;
COMMENT ON FUNCTION acct._is_edit_by_caller(text, text, text, jsonb, jsonb) IS
'True for a change in the audit trail that is an edit by the session''s user, also under an earlier name: a user who made such a change cannot approve the version or release that holds it.';

CREATE FUNCTION acct._edited_by_caller(p_code text, p_version integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.template_audit AS a
                    WHERE a.row_key ->> 'template_code' = p_code AND a.row_key ->> 'version' = p_version::text
                      AND acct._is_edit_by_caller(a.changed_by, a.changed_by_role, a.operation, a.old_row, a.new_row))
$$;
COMMENT ON FUNCTION acct._edited_by_caller(text, integer) IS
'True where the audit trail has an edit of a template version, its rules or its lines by the session''s user, also under an earlier name.';

CREATE FUNCTION acct._begin_approval(OUT audit_id bigint, OUT seal_number bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._refuse_on_node();
    PERFORM acct._commit_durably();
    -- Before any row is locked: what one of them looks at across rows, and compares, no other one changes meanwhile.
    PERFORM acct._lock_number('acct.policy_release', 0, true);
    SELECT m.* INTO audit_id, seal_number FROM acct._policy_mark() AS m;
END
$$;
COMMENT ON FUNCTION acct._begin_approval() IS
'Waits for other approvals and retirements under way, which then wait for this transaction, and returns what _seal_approval() needs. Raises 25001 (the transaction is not READ COMMITTED), LE004 on a node of a cluster.';

CREATE FUNCTION acct.approve_template(template_code text, version integer, content_sha256 text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
DECLARE
    t record;
    mark record;
    found_sha256 text;
BEGIN
    SELECT b.* INTO mark FROM acct._begin_approval() AS b;
    PERFORM acct._require_template_status(approve_template.template_code, approve_template.version, 'submitted');
    SELECT x.* INTO t FROM acct.journal_template AS x
     WHERE x.template_code = approve_template.template_code AND x.version = approve_template.version;
    IF t.maker = session_user
       OR acct._edited_by_caller(t.template_code, t.version) THEN
        RAISE EXCEPTION '% created or edited template % version % and cannot approve it', session_user, t.template_code, t.version
            USING ERRCODE = 'LE005', HINT = 'Have a second person approve it.';
    END IF;
    SELECT c.content_sha256 INTO found_sha256 FROM acct.template_content AS c
     WHERE c.template_code = t.template_code AND c.version = t.version;
    IF lower(approve_template.content_sha256) <> found_sha256 THEN
        RAISE EXCEPTION 'template % version % is not what the approver saw', t.template_code, t.version
            USING ERRCODE = 'LE005', DETAIL = format('Its content has SHA-256 %s, not %s.', found_sha256, approve_template.content_sha256),
                  HINT = 'Somebody had it returned, edited and submitted again. Look at acct.template_content once more.';
    END IF;
    -- The chart may have changed since it was submitted.
    PERFORM acct._require_valid_template(t.template_code, t.version);
    UPDATE acct.journal_template AS x
       SET status = 'approved', approver = session_user, approved_at = clock_timestamp(),
           approved_sha256 = found_sha256, approved_effective_to = x.effective_to
     WHERE x.template_code = t.template_code AND x.version = t.version;
    PERFORM acct._seal_approval(mark.audit_id, mark.seal_number);
END
$$;
COMMENT ON FUNCTION acct.approve_template(text, integer, text) IS
'Approves a submitted version, and keeps the SHA-256 of its content; runs use it from its effective_from on. Raises LE004 where it has an error that check_template() lists, LE005 where it is not submitted, where the caller made or edited it, or where its content does not have the SHA-256 that the caller saw in acct.template_content, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._first_open_day(p_basis text) RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- By the clock and not by the session's time zone, which its user sets.
    SELECT greatest((clock_timestamp() AT TIME ZONE 'UTC')::date, (max(p.period_month) + interval '1 month')::date,
                    (SELECT max(b.closed_through) + 1 FROM acct.book AS b WHERE b.basis = p_basis))
      FROM acct.accounting_period AS p WHERE p.basis = p_basis AND NOT p.is_open
$$;
COMMENT ON FUNCTION acct._first_open_day(text) IS
'Today, or the first day after the last month that is closed in a basis, for any entity, where that is later.';

CREATE FUNCTION acct._require_shorter(p_code text, p_version integer, p_effective_to date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    older integer;
    earliest date;
BEGIN
    SELECT x.* INTO t FROM acct.journal_template AS x WHERE x.template_code = p_code AND x.version = p_version;
    earliest := acct._first_open_day(t.basis);
    IF p_effective_to > t.effective_to THEN
        RAISE EXCEPTION 'template % version % ends on % and cannot be retired later', p_code, p_version, to_char(t.effective_to, 'YYYY-MM-DD')
            USING ERRCODE = 'LE004', HINT = 'Retiring only shortens: draft a new version with acct.new_template_version().';
    ELSIF p_effective_to < t.effective_from THEN
        RAISE EXCEPTION 'template % version % begins on % and cannot be retired before', p_code, p_version, to_char(t.effective_from, 'YYYY-MM-DD')
            USING ERRCODE = 'LE004', HINT = 'Propose in a release to cancel it from its first day: acct.template_retirement_draft.';
    ELSIF p_effective_to = t.effective_from THEN
        RAISE EXCEPTION 'template % version % would be cancelled from its first day', p_code, p_version
            USING ERRCODE = 'LE004', HINT = 'Propose it in a release: acct.template_retirement_draft.';
    ELSIF p_effective_to < earliest THEN
        RAISE EXCEPTION 'template % version % would be retired for days that are past or closed', p_code, p_version
            USING ERRCODE = 'LE004', DETAIL = format('One person can retire it from %s on.', to_char(earliest, 'YYYY-MM-DD')),
                  HINT = 'Propose an earlier day in a release: acct.template_retirement_draft.';
    END IF;
    SELECT max(x.version) INTO older FROM acct.journal_template AS x
     WHERE x.template_code = p_code AND x.version < p_version AND x.status IN ('approved', 'retired')
       AND x.effective_from < coalesce(t.effective_to, 'infinity') AND coalesce(x.effective_to, 'infinity') > p_effective_to;
    IF older IS NOT NULL THEN
        RAISE EXCEPTION 'with template % version % retired from % on, version % would hold again',
            p_code, p_version, to_char(p_effective_to, 'YYYY-MM-DD'), older
            USING ERRCODE = 'LE004', HINT = 'Retire the older version first, or propose it in a release: acct.template_retirement_draft.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_shorter(text, integer, date) IS
'Raises LE004 where a version would end later than it does, on its first day or before it, or on a day that is past or closed, or would uncover an older version: nobody decides that alone.';

CREATE FUNCTION acct.retire_template(template_code text, version integer, effective_to date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
DECLARE
    mark record;
BEGIN
    SELECT b.* INTO mark FROM acct._begin_approval() AS b;
    -- All versions of the code, in order: what an older one covers is looked at.
    PERFORM FROM acct.journal_template AS t WHERE t.template_code = retire_template.template_code ORDER BY t.version FOR UPDATE;
    PERFORM acct._require_template_status(retire_template.template_code, retire_template.version, 'approved');
    IF retire_template.effective_to IS NULL THEN
        RAISE EXCEPTION 'the date from which the template is retired must be given' USING ERRCODE = '22004';
    END IF;
    PERFORM acct._require_shorter(retire_template.template_code, retire_template.version, retire_template.effective_to);
    UPDATE acct.journal_template AS t SET status = 'retired', effective_to = retire_template.effective_to
     WHERE t.template_code = retire_template.template_code AND t.version = retire_template.version;
    PERFORM acct._seal_approval(mark.audit_id, mark.seal_number);
END
$$;
COMMENT ON FUNCTION acct.retire_template(text, integer, date) IS
'Retires an approved version from effective_to (exclusive) on; journals dated earlier still use it. Raises LE004 where it is not approved, or where it would end later than it does, on its first day, on a day that is past or closed, or uncover an older version, 22004 where the date is NULL, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct.new_template_version(template_code text, effective_from date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    code CONSTANT text := new_template_version.template_code;
    last integer;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM FROM acct.journal_template AS t WHERE t.template_code = code ORDER BY t.version FOR UPDATE;
    SELECT max(t.version) INTO last FROM acct.journal_template AS t WHERE t.template_code = code;
    IF last IS NULL THEN
        RAISE EXCEPTION 'template % does not exist', code USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    ELSIF last >= 1000000 THEN
        RAISE EXCEPTION 'template % has no version after %', code, last
            USING ERRCODE = '54000', DETAIL = 'A template has at most 1000000 versions.', HINT = 'Use another template code.';
    ELSIF new_template_version.effective_from IS NULL THEN
        RAISE EXCEPTION 'the date from which the version is effective must be given' USING ERRCODE = '22004';
    END IF;
    INSERT INTO acct.journal_template (template_code, version, description, template_type, basis, effective_from,
                                       require_balanced, balance_by_fund, skip_zero_lines, negative_policy)
    SELECT t.template_code, last + 1, t.description, t.template_type, t.basis, new_template_version.effective_from,
           t.require_balanced, t.balance_by_fund, t.skip_zero_lines, t.negative_policy
      FROM acct.journal_template AS t WHERE t.template_code = code AND t.version = last;
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, product_code, channel,
                                             condition_expr, priority)
    SELECT m.template_code, last + 1, m.match_no, m.txn_type, m.product_code, m.channel, m.condition_expr, m.priority
      FROM acct.journal_template_match AS m WHERE m.template_code = code AND m.version = last;
    INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr,
                                            is_balancing, condition_expr, memo)
    SELECT l.template_code, last + 1, l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.is_balancing,
           l.condition_expr, l.memo
      FROM acct.journal_template_line AS l WHERE l.template_code = code AND l.version = last;
    RETURN last + 1;
END
$$;
COMMENT ON FUNCTION acct.new_template_version(text, date) IS
'Copies the newest version of a template, with its match rules and lines, to a new draft in effect from effective_from; returns its version. Raises LE004 where there is no such template, 22004 (no date), 54000 where its versions are used up, 25001 (the transaction is not READ COMMITTED).';

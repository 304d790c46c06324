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
        made_at timestamptz NOT NULL DEFAULT now(),
        submitted_at timestamptz,
        approver text,
        approved_at timestamptz,
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
        at timestamptz NOT NULL DEFAULT now(),
        changed_by text NOT NULL DEFAULT session_user,
        table_name text NOT NULL,
        operation text NOT NULL,
        row_key jsonb NOT NULL,
        old_row jsonb,
        new_row jsonb,
        CONSTRAINT template_audit_pkey PRIMARY KEY (audit_id)
    );
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
    FOREACH t IN ARRAY ARRAY['fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
                             'journal_template_match', 'journal_template_line', 'product_account_map'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
    CREATE OR REPLACE TRIGGER template_audit_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON acct.template_audit
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.refuse_change();
    ALTER TABLE acct.template_audit ENABLE ALWAYS TRIGGER template_audit_immutable;
END
$layout$;
COMMENT ON FUNCTION acct._layout_templates() IS 'The part of install() that makes the template layer.';

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
    row_key jsonb;
BEGIN
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.template_audit'::regclass) <> quote_ident(current_user)::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    SELECT jsonb_object_agg(a.attname, coalesce(new_row, old_row) -> a.attname::text) INTO row_key
      FROM pg_index AS i
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
     WHERE i.indrelid = TG_RELID AND i.indisprimary;
    INSERT INTO acct.template_audit (table_name, operation, row_key, old_row, new_row)
    VALUES (TG_TABLE_NAME, TG_OP, row_key, old_row, new_row);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._audit_template() IS 'Trigger function: records each change of the template layer in acct.template_audit.';

CREATE FUNCTION acct._guard_template() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'template % version % is %: % is refused', OLD.template_code, OLD.version, OLD.status, TG_OP
            USING ERRCODE = 'LE004',
                  HINT = 'Only drafts are edited: make a new version with acct.new_template_version(), or call acct.return_template() on a submitted one.';
    END IF;
    IF TG_OP <> 'DELETE' AND (NEW.status <> 'draft' OR NEW.approver IS NOT NULL OR NEW.approved_at IS NOT NULL) THEN
        RAISE EXCEPTION 'template % version % cannot be made % by hand', NEW.template_code, NEW.version, NEW.status
            USING ERRCODE = 'LE005',
                  HINT = 'Call acct.submit_template() and have a second person call acct.approve_template().';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
        RAISE EXCEPTION 'the code and version of a template cannot be changed' USING ERRCODE = 'LE004';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        NEW.maker := session_user;
        NEW.made_at := now();
        RETURN NEW;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION acct._guard_template() IS
'Trigger function: only drafts are edited (LE004), and only the functions change a status (LE005). The last editor is the maker.';

CREATE FUNCTION acct._hold_template(p_code text, p_version integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.journal_template'::regclass) <> quote_ident(current_user)::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    RETURN (SELECT t.status FROM acct.journal_template AS t
             WHERE t.template_code = p_code AND t.version = p_version FOR SHARE);
END
$$;
COMMENT ON FUNCTION acct._hold_template(text, integer) IS
'The status of a template version (NULL: there is none), held to the end of the transaction: nobody submits or approves what is being edited. Runs as its owner, since an editor of lines need not have the right to lock templates.';

CREATE FUNCTION acct._guard_template_part() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    p record;
    status text;
BEGIN
    IF TG_OP = 'DELETE' THEN p := OLD; ELSE p := NEW; END IF;
    IF NOT acct._in_maintenance() THEN
        IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
            RAISE EXCEPTION 'a row cannot be moved to another template or version' USING ERRCODE = 'LE004';
        END IF;
        status := acct._hold_template(p.template_code, p.version);
        IF status <> 'draft' THEN
            RAISE EXCEPTION 'template % version % is %: % of its rows is refused',
                p.template_code, p.version, status, TG_OP
                USING ERRCODE = 'LE004', HINT = 'Make a new version with acct.new_template_version().';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.condition_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.condition_expr, 'condition');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_template_part() IS
'Trigger function of match rules and lines: only those of drafts are edited (LE004), and their conditions are checked (LE003).';

CREATE FUNCTION acct._check_amount() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF NEW.amount_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.amount_expr, 'amount');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._check_amount() IS 'Trigger function of template lines: their amounts are checked (LE003).';

CREATE FUNCTION acct.check_template(template_code text, version integer) RETURNS TABLE (problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    l record;
    n bigint;
BEGIN
    PERFORM acct._require_layout();
    SELECT x.* INTO t FROM acct.journal_template AS x
     WHERE x.template_code = check_template.template_code AND x.version = check_template.version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', check_template.template_code, check_template.version
            USING ERRCODE = 'LE004';
    END IF;
    IF NOT EXISTS (SELECT FROM acct.journal_template_match AS m
                    WHERE m.template_code = t.template_code AND m.version = t.version) THEN
        RETURN QUERY SELECT 'it has no match rule';
    END IF;
    SELECT count(*) INTO n FROM acct.journal_template_line AS x
     WHERE x.template_code = t.template_code AND x.version = t.version;
    IF t.template_type = 'STANDARD' AND n = 0 THEN
        RETURN QUERY SELECT 'it has no line';
    ELSIF t.template_type = 'IGNORE' AND n > 0 THEN
        RETURN QUERY SELECT 'it is of type IGNORE and has lines';
    END IF;
    FOR l IN SELECT x.* FROM acct.journal_template_line AS x
              WHERE x.template_code = t.template_code AND x.version = t.version ORDER BY x.line_no LOOP
        IF NOT EXISTS (SELECT FROM acct.fund AS f WHERE f.fund = l.fund) THEN
            RETURN QUERY SELECT format('line %s: fund %s does not exist', l.line_no, l.fund);
        END IF;
        IF NOT EXISTS (SELECT FROM acct.chart_of_accounts AS a WHERE a.account_code = l.account_code)
           AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                            WHERE m.account_code = l.account_code AND m.fund = l.fund) THEN
            RETURN QUERY SELECT format('line %s: account %s does not exist', l.line_no, l.account_code);
        END IF;
        RETURN QUERY SELECT format('line %s: account %s is not postable', l.line_no, l.account_code)
                       FROM acct.chart_of_accounts AS a
                      WHERE a.account_code = l.account_code AND NOT a.is_postable
                        AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                                         WHERE m.account_code = l.account_code AND m.fund = l.fund);
        RETURN QUERY SELECT format('line %s: account %s belongs to fund %s, not %s', l.line_no, l.account_code, a.fund, l.fund)
                       FROM acct.chart_of_accounts AS a
                      WHERE a.account_code = l.account_code AND a.fund <> l.fund
                        AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                                         WHERE m.account_code = l.account_code AND m.fund = l.fund);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.check_template(text, integer) IS
'What keeps a template version from being submitted, a row for each problem; no row: nothing. Raises LE004 where there is no such version.';

CREATE FUNCTION acct._require_template_status(p_code text, p_version integer, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    SELECT t.status INTO status FROM acct.journal_template AS t
     WHERE t.template_code = p_code AND t.version = p_version FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', p_code, p_version USING ERRCODE = 'LE004';
    ELSIF status <> p_status THEN
        RAISE EXCEPTION 'template % version % is %, not %', p_code, p_version, status, p_status
            USING ERRCODE = CASE p_status WHEN 'submitted' THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'The order is: draft, submit_template(), approve_template(), retire_template().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_template_status(text, integer, text) IS
'Locks a template version; raises LE004 where it does not exist or has another status (LE005 where it should be submitted).';

CREATE FUNCTION acct.submit_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
DECLARE
    problems text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(submit_template.template_code, submit_template.version, 'draft');
    SELECT string_agg(p.problem, '; ') INTO problems
      FROM acct.check_template(submit_template.template_code, submit_template.version) AS p;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'template % version % is not valid', submit_template.template_code, submit_template.version
            USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'submitted', submitted_at = now()
     WHERE t.template_code = submit_template.template_code AND t.version = submit_template.version;
END
$$;
COMMENT ON FUNCTION acct.submit_template(text, integer) IS
'Hands a draft to its approver. Raises LE004 where the version does not exist, is no draft, or has a problem that check_template() lists.';

CREATE FUNCTION acct.return_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(return_template.template_code, return_template.version, 'submitted');
    UPDATE acct.journal_template AS t SET status = 'draft', submitted_at = NULL
     WHERE t.template_code = return_template.template_code AND t.version = return_template.version;
END
$$;
COMMENT ON FUNCTION acct.return_template(text, integer) IS
'Makes a submitted version a draft again, to be edited. Raises LE005 where it is not submitted.';

CREATE FUNCTION acct.approve_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(approve_template.template_code, approve_template.version, 'submitted');
    IF EXISTS (SELECT FROM acct.journal_template AS t
                WHERE t.template_code = approve_template.template_code AND t.version = approve_template.version
                  AND t.maker = session_user)
       OR EXISTS (SELECT FROM acct.template_audit AS a
                   WHERE a.row_key ->> 'template_code' = approve_template.template_code
                     AND a.row_key ->> 'version' = approve_template.version::text
                     AND a.changed_by = session_user
                     AND (a.operation <> 'UPDATE' OR (a.old_row ->> 'status') IS NOT DISTINCT FROM (a.new_row ->> 'status'))) THEN
        RAISE EXCEPTION '% made or edited template % version % and cannot approve it',
            session_user, approve_template.template_code, approve_template.version
            USING ERRCODE = 'LE005', HINT = 'Have a second person approve it.';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'approved', approver = session_user, approved_at = now()
     WHERE t.template_code = approve_template.template_code AND t.version = approve_template.version;
END
$$;
COMMENT ON FUNCTION acct.approve_template(text, integer) IS
'Approves a submitted version; runs use it from its effective_from on. Raises LE005 where it is not submitted, or where the caller made or edited it.';

CREATE FUNCTION acct.retire_template(template_code text, version integer, effective_to date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(retire_template.template_code, retire_template.version, 'approved');
    IF retire_template.effective_to IS NULL THEN
        RAISE EXCEPTION 'the date from which the template is retired must be given' USING ERRCODE = '22004';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'retired', effective_to = retire_template.effective_to
     WHERE t.template_code = retire_template.template_code AND t.version = retire_template.version;
END
$$;
COMMENT ON FUNCTION acct.retire_template(text, integer, date) IS
'Retires an approved version from effective_to (exclusive) on; journals dated earlier still use it. Raises LE004 where it is not approved, 22004 where the date is NULL.';

CREATE FUNCTION acct.new_template_version(template_code text, effective_from date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    code CONSTANT text := new_template_version.template_code;
    last integer;
BEGIN
    PERFORM acct._require_layout();
    PERFORM FROM acct.journal_template AS t WHERE t.template_code = code FOR UPDATE;
    SELECT max(t.version) INTO last FROM acct.journal_template AS t WHERE t.template_code = code;
    IF last IS NULL THEN
        RAISE EXCEPTION 'template % does not exist', code USING ERRCODE = 'LE004';
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
'Copies the newest version of a template, with its match rules and lines, to a new draft in effect from effective_from; returns its version. Raises LE004 where there is no such template.';

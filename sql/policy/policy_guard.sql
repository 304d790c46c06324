-- Master data with entries keeps its identity: entries name accounts, funds, currencies, bases and entities by their codes.

CREATE FUNCTION acct._layout_policy_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT i.table_name, (SELECT string_agg(quote_literal(c), ', ') FROM unnest(ARRAY[i.noun] || i.columns) AS c) AS arguments
               FROM acct._identities() AS i LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._guard_identity(%s)', t.table_name || '_identity', t.table_name, t.arguments);
        -- CREATE OR REPLACE does not do constraint triggers.
        IF NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = format('acct.%I', t.table_name)::regclass
                          AND g.tgname = t.table_name || '_identity_kept') THEN
            EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER UPDATE OR DELETE ON acct.%I DEFERRABLE INITIALLY DEFERRED '
                           'FOR EACH ROW EXECUTE FUNCTION acct._confirm_identity(%s)', t.table_name || '_identity_kept', t.table_name, t.arguments);
        END IF;
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t.table_name || '_identity', t.table_name,
                       'What has entries keeps its identity (LE004).');
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t.table_name || '_identity_kept', t.table_name,
                       'The same at the end of the transaction, when no expansion is under way.');
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_policy_guard() IS 'The part of install() that creates the triggers which keep the identity of master data.';

CREATE FUNCTION acct._identities() RETURNS TABLE (table_name text, noun text, columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('entity', 'entity', ARRAY['entity_code']),
           ('fund', 'fund', ARRAY['fund']),
           ('currency', 'currency', ARRAY['currency', 'minor_units']),
           ('accounting_basis', 'basis', ARRAY['basis']),
           ('chart_of_accounts', 'account', ARRAY['account_code', 'account_type', 'fund'])
$$;
COMMENT ON FUNCTION acct._identities() IS
'The tables of master data, and the columns that make up the identity of a row: its code first.';

CREATE FUNCTION acct._entries_of(p_column text, p_code text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    balances text;
    runs text;
BEGIN
    -- Balances and totals, not lines: they stay when a month is archived or dropped.
    EXECUTE format('SELECT format(''balances of %%s to %%s'', to_char(min(s.snapshot_month), ''YYYY-MM''), to_char(max(s.snapshot_month), ''YYYY-MM'')) '
                   '  FROM acct.account_balance_snapshot AS s WHERE s.%I = $1 HAVING count(*) > 0', p_column) INTO balances USING p_code;
    EXECUTE format('SELECT ''runs '' || acct._first_of(array_agg(format(''%%s (%%s)'', r.run_id, r.status) ORDER BY r.run_id DESC)) FROM acct.journal_run AS r '
                   ' WHERE r.status <> ''discarded'' AND EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = r.run_id AND t.%I = $1)', p_column)
       INTO runs USING p_code;
    RETURN nullif(concat_ws('; ', balances, runs), '');
END
$$;
COMMENT ON FUNCTION acct._entries_of(text, text) IS
'The balances, and the runs in staging or ledger, that have a code in a column of theirs; NULL where there is no entry with it.';

CREATE FUNCTION acct._policy_of(p_column text, p_code text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT nullif(concat_ws('; ',
        (SELECT 'templates ' || acct._first_of(array_agg(DISTINCT format('%s version %s', x.template_code, x.version)))
           FROM (SELECT l.template_code, l.version FROM acct.journal_template_line AS l
                  WHERE CASE p_column WHEN 'account_code' THEN l.account_code WHEN 'fund' THEN l.fund END = p_code
                 UNION SELECT t.template_code, t.version FROM acct.journal_template AS t WHERE p_column = 'basis' AND t.basis = p_code) AS x
          HAVING count(*) > 0),
        (SELECT 'account map rows ' || acct._first_of(array_agg(m.map_id::text ORDER BY m.map_id)) FROM acct.product_account_map AS m
          WHERE CASE p_column WHEN 'account_code' THEN p_code IN (m.account_code, m.mapped_account_code)
                              WHEN 'fund' THEN p_code IN (m.fund, m.mapped_fund) END HAVING count(*) > 0),
        (SELECT 'accounts ' || acct._first_of(array_agg(a.account_code ORDER BY a.account_code)) FROM acct.chart_of_accounts AS a
          WHERE CASE p_column WHEN 'account_code' THEN a.parent_account_code WHEN 'fund' THEN a.fund END = p_code HAVING count(*) > 0),
        (SELECT 'funds, for their surplus: ' || acct._first_of(array_agg(f.fund ORDER BY f.fund)) FROM acct.fund AS f
          WHERE p_column = 'account_code' AND f.surplus_account_code = p_code HAVING count(*) > 0),
        (SELECT 'accounts that are closed to it: ' || acct._first_of(array_agg(a.account_code ORDER BY a.account_code)) FROM acct.chart_of_accounts AS a
          WHERE p_column = 'account_code' AND a.closing_account_code = p_code HAVING count(*) > 0),
        (SELECT 'elimination pairs ' || acct._first_of(array_agg(e.pair_code ORDER BY e.pair_code)) FROM acct.elimination_pair AS e
          WHERE CASE p_column WHEN 'account_code' THEN p_code IN (e.account_code, e.counter_account_code)
                              WHEN 'fund' THEN p_code IN (e.fund, e.counter_fund) END HAVING count(*) > 0),
        (SELECT 'statement layouts ' || acct._first_of(array_agg(DISTINCT x.layout))
           FROM (SELECT s.layout, s.parent_account_code, s.fund FROM acct.statement_account AS s
                 UNION ALL SELECT c.layout, NULL, f FROM acct.statement_column AS c CROSS JOIN LATERAL unnest(c.funds) AS f) AS x
          WHERE CASE p_column WHEN 'account_code' THEN x.parent_account_code WHEN 'fund' THEN x.fund END = p_code HAVING count(*) > 0),
        (SELECT 'entities ' || acct._first_of(array_agg(e.entity_code ORDER BY e.entity_code)) FROM acct.entity AS e
          WHERE p_column = 'currency' AND e.functional_currency = p_code HAVING count(*) > 0),
        (SELECT 'periods of ' || acct._first_of(array_agg(DISTINCT acct._month_name(p.period_month))) FROM acct.accounting_period AS p
          WHERE CASE p_column WHEN 'entity_code' THEN p.entity_code WHEN 'basis' THEN p.basis END = p_code HAVING count(*) > 0)), '')
$$;
COMMENT ON FUNCTION acct._policy_of(text, text) IS
'The templates, account maps, accounts, funds, elimination pairs, statement layouts, entities and periods that name a code; NULL where none does.';

CREATE FUNCTION acct._require_no_entries(p_noun text, p_columns text[], p_old jsonb, p_new jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    code CONSTANT text := p_old ->> p_columns[1];
    changed CONSTANT text := (SELECT string_agg(c, ', ' ORDER BY n) FROM unnest(p_columns) WITH ORDINALITY AS x (c, n)
                               WHERE p_new -> c IS DISTINCT FROM p_old -> c);
    entries text;
BEGIN
    IF p_new IS NOT NULL AND changed IS NULL OR acct._in_maintenance() THEN
        RETURN false;
    END IF;
    PERFORM acct._require_layout();
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the identity of % % cannot be changed in a transaction that is %', p_noun, code, upper(current_setting('transaction_isolation'))
            USING ERRCODE = '25001', DETAIL = 'Entries that others have committed since do not show in the snapshot of the transaction.',
                  HINT = 'Change it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
    entries := acct._entries_of(p_columns[1], code);
    IF entries IS NOT NULL THEN
        RAISE EXCEPTION '% % has entries and keeps its identity: % is refused', p_noun, code,
            CASE WHEN p_new IS NULL THEN 'DELETE' ELSE format('another %s', changed) END
            USING ERRCODE = 'LE004', DETAIL = 'Used by: ' || concat_ws('; ', entries, acct._policy_of(p_columns[1], code)) || '.',
                  HINT = format('Add another %s for what comes, and end this one where it has an effective_to.', p_noun);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._require_no_entries(text, text[], jsonb, jsonb) IS
'Raises LE004 where a row of master data that has entries would get another identity, or be deleted; true where its identity changes.';

CREATE FUNCTION acct._guard_identity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM acct._require_no_entries(TG_ARGV[0], TG_ARGV[1:], to_jsonb(OLD), NULL);
        RETURN OLD;
    END IF;
    PERFORM acct._require_no_entries(TG_ARGV[0], TG_ARGV[1:], to_jsonb(OLD), to_jsonb(NEW));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_identity() IS
'Trigger function of master data: a row that has entries keeps its identity (LE004).';

CREATE FUNCTION acct._confirm_identity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    new_row CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(NEW) END;
BEGIN
    IF NOT acct._require_no_entries(TG_ARGV[0], TG_ARGV[1:], to_jsonb(OLD), new_row) THEN
        RETURN NULL;
    END IF;
    -- An expansion keeps this lock's counterpart until its entries show, or are gone. Nobody waits longer than the rest of a commit.
    IF NOT acct._lock_tables(ARRAY['acct.chart_of_accounts'::regclass], 'EXCLUSIVE', '10 seconds', '500 ms') THEN
        PERFORM acct._raise_in_use('the chart of accounts', ARRAY['acct.chart_of_accounts'::regclass]);
    END IF;
    PERFORM acct._require_no_entries(TG_ARGV[0], TG_ARGV[1:], to_jsonb(OLD), new_row);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._confirm_identity() IS
'Trigger function of master data, at the end of the transaction: waits for expansions under way, and refuses what they have made entries of since (LE004; 55P03 where one takes longer than ten seconds).';

-- Codes of policy: none is empty, and none looks like another one.

CREATE FUNCTION acct._code_problem(p_code text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_code_problem_text';
COMMENT ON FUNCTION acct._code_problem(text) IS
'A code, quoted, and what is wrong with it: it is empty, begins or ends with a blank, or has a control character. NULL where nothing is.';

CREATE FUNCTION acct._layout_codes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    x record;
BEGIN
    -- Not CHECK constraints: what was there before this rule stays, and the refusal has a hint.
    FOR x IN SELECT * FROM (VALUES
        ('entity', ARRAY['entity_code']),
        ('fund', ARRAY['fund', 'surplus_account_code']),
        ('currency', ARRAY['currency']),
        ('chart_of_accounts', ARRAY['account_code', 'closing_account_code']),
        ('accounting_basis', ARRAY['basis']),
        ('elimination_pair', ARRAY['pair_code', 'account_code', 'fund', 'counter_account_code', 'counter_fund']),
        ('statement_layout', ARRAY['layout']),
        ('statement_account', ARRAY['from_account', 'to_account']),
        ('journal_template', ARRAY['template_code']),
        ('journal_template_match', ARRAY['txn_type', 'product_code', 'channel']),
        ('journal_template_line', ARRAY['account_code', 'fund']),
        ('product_account_map', ARRAY['product_code', 'channel', 'account_code', 'fund', 'mapped_account_code',
                                      'mapped_fund'])) AS v (tab, columns) LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._check_codes(%s)', x.tab || '_codes', x.tab,
                       (SELECT string_agg(quote_literal(c), ', ') FROM unnest(x.columns) AS c));
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', x.tab || '_codes', x.tab,
                       'Codes that are empty, begin or end with a blank, or have a control character are refused (23514).');
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_codes() IS 'The part of install() that has policy tables refuse codes that look like none or like another one.';

CREATE FUNCTION acct._check_codes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    new_row CONSTANT jsonb := to_jsonb(NEW);
    old_row CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
    problem text;
BEGIN
    FOR i IN 0 .. TG_NARGS - 1 LOOP
        problem := acct._code_problem(new_row ->> TG_ARGV[i]);
        -- A row from before this rule can be changed in its other columns.
        IF problem IS NOT NULL AND (old_row ->> TG_ARGV[i]) IS DISTINCT FROM (new_row ->> TG_ARGV[i]) THEN
            RAISE EXCEPTION '% %', TG_ARGV[i], problem
                USING ERRCODE = '23514', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[i],
                      HINT = 'Write the code without blanks around it and without characters that cannot be seen.';
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._check_codes() IS
'Trigger function of policy tables; its arguments are the columns that hold codes. Raises 23514 where one of them gets a code that is empty, begins or ends with a blank, or has a control character.';

-- Further columns that a site wants on its journals: portfolio, cohort, ...

CREATE FUNCTION acct._engine_columns() RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(ARRAY['txn_id', 'txn_month', 'batch_id', 'bank_value_date', 'entity_code', 'txn_type', 'product_code',
        'channel', 'policy_no', 'currency', 'gross_amount', 'tabarru_amount', 'tanahud_amount', 'investment_amount',
        'ujroh_amount', 'attributes', 'je_id', 'je_number', 'je_date', 'run_id', 'basis', 'template_code',
        'template_version', 'total_debit', 'total_credit', 'line_count', 'reversal_of', 'memo', 'posted_at', 'line_no',
        'account_code', 'fund', 'debit', 'credit', 'journal_type', 'original_date'])
$$;
COMMENT ON FUNCTION acct._engine_columns() IS 'Names that no dimension may have: those of the engine''s own columns.';

CREATE FUNCTION acct.add_dimension(name text, type regtype, on_lines boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    tables CONSTANT text[] := ARRAY['acct.txn_source_parent', 'acct.je_header_staging', 'acct.ledger_entry_header']
                              || CASE WHEN add_dimension.on_lines THEN ARRAY['acct.je_line_staging', 'acct.ledger_entry_line'] ELSE '{}' END
                              || CASE WHEN to_regclass('acct_cluster.inbox') IS NOT NULL THEN ARRAY['acct_cluster.inbox'] ELSE '{}' END;
    rel regclass;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF add_dimension.name IS NULL OR add_dimension.name !~ '^[a-z_][a-z0-9_]{0,62}$' THEN
        RAISE EXCEPTION 'not a name for a dimension: %', coalesce(add_dimension.name, 'NULL')
            USING ERRCODE = '42602', HINT = 'A name has lower-case letters, digits and underscores.';
    END IF;
    IF add_dimension.type IS NULL OR add_dimension.on_lines IS NULL THEN
        RAISE EXCEPTION 'a dimension has a type and is or is not on lines' USING ERRCODE = '22004';
    ELSIF NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = add_dimension.type AND t.typtype <> 'p') THEN
        RAISE EXCEPTION 'columns have no type %', add_dimension.type USING ERRCODE = '22023';
    ELSIF add_dimension.type::oid >= 16384 THEN
        -- A domain's CHECK would run as the owner of this function.
        RAISE EXCEPTION 'a dimension''s type must be built in' USING ERRCODE = '42501';
    ELSIF EXISTS (SELECT FROM acct._engine_columns() AS c WHERE c = add_dimension.name) THEN
        RAISE EXCEPTION 'column % is the engine''s own', add_dimension.name USING ERRCODE = '42701';
    END IF;
    PERFORM acct._hold_alone(tables::regclass[],
                             ARRAY(SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace = to_regnamespace('acct_bi') AND c.relkind = 'v'
                                      AND c.relname IN ('entries', 'line_amounts', 'lines', 'transactions')));
    FOREACH rel IN ARRAY tables::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS %I %s %s', rel, add_dimension.name,
                       format_type(add_dimension.type, -1), CASE WHEN add_dimension.type = 'text'::regtype THEN 'COLLATE "C"' END);
        IF (SELECT a.atttypid FROM pg_attribute AS a
             WHERE a.attrelid = rel AND a.attname = add_dimension.name)
           <> add_dimension.type::oid THEN
            RAISE EXCEPTION 'column % of % exists with another type', add_dimension.name, rel
                USING ERRCODE = '42701';
        END IF;
    END LOOP;
    IF to_regnamespace('acct_bi') IS NOT NULL THEN
        PERFORM acct._layout_bi_ledger();
    END IF;
    INSERT INTO acct.run_log (step, detail)
    VALUES ('add_dimension', jsonb_build_object('name', add_dimension.name, 'type', add_dimension.type::text,
                                                'on_lines', add_dimension.on_lines));
END
$$;
COMMENT ON FUNCTION acct.add_dimension(text, regtype, boolean) IS
'Adds a column of one name and type to source transactions and journals, and with on_lines to journal lines too, in staging and ledger; later runs carry it, templates may name it, and the views of acct_bi show it. Can be repeated, and raises 42602 (not a name), 42701 (a column of the engine, or one that exists with another type), 22004 (NULL type), 22023 (a type that columns cannot have), 42501 (a type that is not built in).';

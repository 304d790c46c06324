-- Legal entities: whose books there are, and from when to when they take entries.

CREATE FUNCTION acct._layout_entities() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    is_new CONSTANT boolean := to_regclass('acct.entity') IS NULL;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.entity (
        entity_code text COLLATE "C" NOT NULL,
        name text,
        functional_currency text COLLATE "C",
        country text,
        registration_no text,
        effective_from date,
        effective_to date,
        CONSTRAINT entity_pkey PRIMARY KEY (entity_code),
        CONSTRAINT entity_functional_currency_fkey FOREIGN KEY (functional_currency) REFERENCES acct.currency,
        CONSTRAINT chk_entity_length CHECK (octet_length(entity_code) <= 100),
        CONSTRAINT chk_entity_dates CHECK (effective_to > effective_from)
    );
    CREATE OR REPLACE TRIGGER entity_audit AFTER INSERT OR UPDATE OR DELETE ON acct.entity
        FOR EACH ROW EXECUTE FUNCTION acct._audit_template();
    CREATE OR REPLACE TRIGGER entity_truncate BEFORE TRUNCATE ON acct.entity
        FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate();
    IF is_new THEN
        PERFORM acct._register_entities();
    END IF;
END
$layout$;
COMMENT ON FUNCTION acct._layout_entities() IS 'The part of install() that creates the table of entities.';

CREATE FUNCTION acct._comment_entities() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.entity IS 'Legal entities in whose books transactions belong. Changed by releases.';
    COMMENT ON COLUMN acct.entity.entity_code IS 'Code of the entity, as transactions name it.';
    COMMENT ON COLUMN acct.entity.name IS 'Name of the entity; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.functional_currency IS 'Currency that the entity keeps its accounts in; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.country IS 'Country where the entity is registered, as the site writes it; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.registration_no IS 'Number of the entity in its country''s register; NULL: none is given.';
    COMMENT ON COLUMN acct.entity.effective_from IS 'First journal date that the entity takes entries for; NULL: there is no first.';
    COMMENT ON COLUMN acct.entity.effective_to IS 'Day after the last journal date that the entity takes entries for; NULL: there is no last.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_entities() IS 'The part of install() that describes the objects of entities.sql.';

CREATE FUNCTION acct._register_entities() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    INSERT INTO acct.entity (entity_code)
    SELECT b.entity_code FROM acct.ledger_book AS b
    UNION SELECT p.entity_code FROM acct.accounting_period AS p
    UNION SELECT b.entity_code FROM acct.book AS b
    UNION SELECT s.entity_code FROM acct.account_balance_snapshot AS s
    -- What could never be booked is not registered.
    UNION SELECT t.entity_code FROM (SELECT DISTINCT s.entity_code FROM acct.txn_source_parent AS s) AS t
           WHERE acct._code_problem(t.entity_code) IS NULL
    ORDER BY 1;
    IF NOT FOUND THEN
        INSERT INTO acct.entity (entity_code) VALUES ('MAIN');
    END IF;
END
$$;
COMMENT ON FUNCTION acct._register_entities() IS
'Registers the entities that the source and the ledger name, when the table of entities is made; MAIN where they name none.';

CREATE FUNCTION acct._require_code(p_noun text, p_code text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    is_known boolean;
BEGIN
    SELECT v.* INTO STRICT t
      FROM (VALUES ('entity', 'Entities', 'entity', 'entity_code', 'is not registered'),
                   ('basis', 'Bases', 'accounting_basis', 'basis', 'does not exist'),
                   ('fund', 'Funds', 'fund', 'fund', 'does not exist'),
                   ('account', 'Accounts', 'chart_of_accounts', 'account_code', 'does not exist'),
                   ('currency', 'Currencies', 'currency', 'currency', 'does not exist')) AS v (noun, nouns, table_name, column_name, fault)
     WHERE v.noun = p_noun;
    EXECUTE format('SELECT EXISTS (SELECT FROM acct.%I AS x WHERE x.%I = $1)', t.table_name, t.column_name) INTO is_known USING p_code;
    IF NOT is_known THEN
        RAISE EXCEPTION '% % %', p_noun, coalesce('"' || p_code || '"', 'NULL'), t.fault
            USING ERRCODE = '22023', HINT = format('%s are rows of acct.%s.', t.nouns, t.table_name);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_code(text, text) IS 'Raises 22023 unless the code is that of an entity, a basis, a fund, an account or a currency, whichever the noun says.';

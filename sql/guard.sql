-- Schema ledger_guard: what must keep standing when the extension is dropped. It depends on nothing in acct.

CREATE FUNCTION acct._layout_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    bootstrap CONSTANT name := pg_get_userbyid(10);
BEGIN
    CREATE SCHEMA IF NOT EXISTS ledger_guard;

    CREATE TABLE IF NOT EXISTS ledger_guard.protected (
        relation regclass NOT NULL,
        has_posted boolean NOT NULL DEFAULT false,
        CONSTRAINT protected_pkey PRIMARY KEY (relation)
    );

    CREATE OR REPLACE FUNCTION ledger_guard.refuse_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        lost text;
        allowed boolean;
    BEGIN
        IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = to_regclass('ledger_guard.protected'))
           <> quote_ident(current_user)::regrole THEN
            RAISE EXCEPTION 'table ledger_guard.protected and the function that reads it belong to different roles'
                USING ERRCODE = 'LE010', HINT = 'Give both to one superuser, with ALTER TABLE ... OWNER TO.';
        END IF;
        SELECT string_agg(d.object_identity, ', ' ORDER BY d.object_identity)
          INTO lost
          FROM pg_event_trigger_dropped_objects() AS d
          JOIN ledger_guard.protected AS p ON p.relation::oid = d.objid AND d.classid = 'pg_class'::regclass
         WHERE p.has_posted; -- the table, or a column of it
        IF lost IS NOT NULL THEN
            -- A setting that the module has not defined can be made up by anyone: it counts for superusers only.
            allowed := coalesce(nullif(current_setting('ledger_engine.allow_drop', true), ''), 'off')::boolean
                AND (EXISTS (SELECT FROM pg_settings AS s
                              WHERE s.name = 'ledger_engine.allow_drop' AND s.context = 'superuser')
                     OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = session_user AND r.rolsuper));
            IF NOT allowed THEN
                RAISE EXCEPTION 'cannot drop tables that hold posted ledger entries'
                    USING ERRCODE = 'LE011',
                          DETAIL = 'Posted entries would be lost in: ' || lost || '.',
                          HINT = 'Archive them first. A superuser can set ledger_engine.allow_drop = on for the session.';
            END IF;
        END IF;
        DELETE FROM ledger_guard.protected AS p
         USING pg_event_trigger_dropped_objects() AS d
         WHERE p.relation::oid = d.objid AND d.classid = 'pg_class'::regclass AND d.objsubid = 0;
    END
    $body$;
    REVOKE ALL ON FUNCTION ledger_guard.refuse_drop() FROM PUBLIC;
    COMMENT ON FUNCTION ledger_guard.refuse_drop() IS
    'Event trigger function: refuses a DROP that would take posted ledger entries with it (LE011).';

    CREATE OR REPLACE FUNCTION ledger_guard.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
        RAISE EXCEPTION 'the ledger is immutable: % on % is refused', TG_OP, TG_RELID::regclass
            USING ERRCODE = 'LE007',
                  DETAIL = 'Posted entries are never changed or deleted.',
                  HINT = 'Post a correcting or reversing entry.';
    END
    $body$;
    COMMENT ON FUNCTION ledger_guard.refuse_change() IS
    'Trigger function: refuses UPDATE, DELETE and TRUNCATE on ledger tables (LE007).';

    IF NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard') THEN
        CREATE EVENT TRIGGER ledger_guard ON sql_drop EXECUTE FUNCTION ledger_guard.refuse_drop();
    END IF;
    ALTER EVENT TRIGGER ledger_guard ENABLE ALWAYS;
    -- What is the bootstrap superuser's cannot be dropped by DROP OWNED, together with the tables that it guards.
    EXECUTE format('ALTER SCHEMA ledger_guard OWNER TO %I', bootstrap);
    EXECUTE format('ALTER TABLE ledger_guard.protected OWNER TO %I', bootstrap);
    EXECUTE format('ALTER FUNCTION ledger_guard.refuse_drop() OWNER TO %I', bootstrap);
    EXECUTE format('ALTER FUNCTION ledger_guard.refuse_change() OWNER TO %I', bootstrap);
    EXECUTE format('ALTER EVENT TRIGGER ledger_guard OWNER TO %I', bootstrap);
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard() IS 'The part of install() that makes schema ledger_guard.';

CREATE FUNCTION acct._refuse_unguarded_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost text;
    posted boolean;
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard' AND e.evtenabled = 'A') THEN
        RETURN;
    END IF;
    SELECT string_agg(d.object_type || ' ' || d.object_identity, ', '),
           bool_or(d.object_identity IN ('ledger_guard.protected', 'acct.ledger_entry_header'))
      INTO lost, posted
      FROM pg_event_trigger_dropped_objects() AS d
     WHERE d.original AND d.address_names[1] IN ('acct', 'acct_archive', 'ledger_guard') AND NOT d.is_temporary;
    IF lost IS NULL THEN
        RETURN;
    END IF;
    IF to_regclass('ledger_guard.protected') IS NOT NULL THEN
        posted := EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.has_posted);
    ELSIF to_regclass('acct.ledger_entry_header') IS NOT NULL THEN
        posted := EXISTS (SELECT FROM acct.ledger_entry_header);
    END IF;
    -- The call loads the module, without which anyone can make the setting up.
    IF posted AND NOT acct._in_maintenance() AND NOT current_setting('ledger_engine.allow_drop')::boolean THEN
        RAISE EXCEPTION 'cannot drop % while the guard of posted ledger entries is missing', lost
            USING ERRCODE = 'LE011',
                  DETAIL = 'Event trigger ledger_guard was dropped or disabled.',
                  HINT = 'As a superuser: SELECT acct.install(); or set ledger_engine.allow_drop = on for the session.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_unguarded_drop() IS
'Event trigger function: where event trigger ledger_guard is missing and entries were posted, refuses to drop anything in schemas acct, acct_archive and ledger_guard (LE011). pg_restore --clean drops the guard first.';

-- A member of the extension, for these are neither in a dump nor dropped one by one by pg_restore --clean.
CREATE EVENT TRIGGER ledger_engine_unguarded ON sql_drop EXECUTE FUNCTION acct._refuse_unguarded_drop();
ALTER EVENT TRIGGER ledger_engine_unguarded ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER ledger_engine_unguarded IS
'Refuses to drop anything of a ledger with posted entries while its guard, event trigger ledger_guard, is missing.';

CREATE FUNCTION acct._protect(p_relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name CONSTANT text := 'ledger_immutable';
    holds_entries boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', p_relation) INTO holds_entries;
    INSERT INTO ledger_guard.protected (relation, has_posted) VALUES (p_relation, holds_entries) ON CONFLICT DO NOTHING;
    -- Statement triggers are not inherited: each partition has its own.
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = p_relation AND t.tgname = name) THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.refuse_change()', name, p_relation);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_relation, name);
END
$$;
COMMENT ON FUNCTION acct._protect(regclass) IS
'Records a ledger table in ledger_guard.protected and gives it the triggers that refuse UPDATE, DELETE and TRUNCATE.';

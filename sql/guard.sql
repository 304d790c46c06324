-- Schema ledger_guard: what must keep standing when the extension is dropped. It depends on nothing in acct.

CREATE FUNCTION acct._layout_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
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
         WHERE d.objsubid = 0 AND p.has_posted;
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
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard() IS 'The part of install() that makes schema ledger_guard.';

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

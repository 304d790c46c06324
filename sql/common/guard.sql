-- Schema ledger_guard: what must keep standing when the extension is dropped. It depends on nothing in acct.
--
-- Its event triggers keep posted entries from being dropped, from being rewritten by ALTER TABLE, and from being read under another
-- column's name or type. For the last the columns of each table are recorded when it is first posted to.

CREATE FUNCTION acct._layout_guard_basics() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS ledger_guard.protected (
        relation regclass NOT NULL,
        has_posted boolean NOT NULL DEFAULT false,
        CONSTRAINT protected_pkey PRIMARY KEY (relation)
    );
    ALTER TABLE ledger_guard.protected ADD COLUMN IF NOT EXISTS columns text[] COLLATE "C";
    CREATE TABLE IF NOT EXISTS ledger_guard.record (
        relation regclass NOT NULL,
        columns text[] COLLATE "C" NOT NULL,
        CONSTRAINT record_pkey PRIMARY KEY (relation)
    );

    CREATE OR REPLACE FUNCTION ledger_guard.columns_of(p_relation oid) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $body$
        -- What is computed from other columns holds nothing of its own.
        SELECT array_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                                   CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END)
                         ORDER BY a.attnum)
          FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
         WHERE a.attrelid = p_relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    $body$;
    COMMENT ON FUNCTION ledger_guard.columns_of(oid) IS
    'The columns of a table that hold values, in their order, each with its type and collation.';

    CREATE OR REPLACE FUNCTION ledger_guard.require_own_table() RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
        -- Before it is read: what belongs to somebody else could have anything run with the rights of the functions' owner.
        IF (SELECT count(*) FROM pg_class AS c WHERE c.oid IN (to_regclass('ledger_guard.protected'), to_regclass('ledger_guard.record'))
               AND c.relkind = 'r' AND c.relowner = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user)) < 2 THEN
            RAISE EXCEPTION 'table ledger_guard.protected or ledger_guard.record and the function that reads it belong to different roles'
                USING ERRCODE = 'LE010', HINT = 'Give both to one superuser, with ALTER TABLE ... OWNER TO.';
        END IF;
    END
    $body$;
    COMMENT ON FUNCTION ledger_guard.require_own_table() IS
    'Raises LE010 where ledger_guard.protected or ledger_guard.record is no table of the role that the guard runs as.';

    CREATE OR REPLACE FUNCTION ledger_guard.allows_loss() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
        -- A setting that the module has not defined can be made up by anyone: it counts for superusers only.
        SELECT coalesce(nullif(current_setting('ledger_engine.allow_drop', true), ''), 'off')::boolean
           AND (EXISTS (SELECT FROM pg_settings AS s WHERE s.name = 'ledger_engine.allow_drop' AND s.context = 'superuser')
                OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = session_user AND r.rolsuper))
    $body$;
    COMMENT ON FUNCTION ledger_guard.allows_loss() IS
    'True where a superuser set ledger_engine.allow_drop: what holds posted entries may be dropped and rewritten.';

    CREATE OR REPLACE FUNCTION ledger_guard.guarded() RETURNS TABLE (relation regclass, columns text[], is_ledger boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
        SELECT p.relation, p.columns, true FROM ledger_guard.protected AS p WHERE p.has_posted
        UNION ALL
        SELECT r.relation, r.columns, false FROM ledger_guard.record AS r
    $body$;
    COMMENT ON FUNCTION ledger_guard.guarded() IS
    'The tables that hold posted entries, and those that describe them: policy, audit trail, runs, balances.';

    CREATE OR REPLACE FUNCTION ledger_guard.keep_guarded() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        -- NULL for ledger_guard.record
        was CONSTANT boolean := CASE WHEN TG_OP <> 'TRUNCATE' THEN (to_jsonb(OLD) ->> 'has_posted')::boolean END;
        is_lost boolean := true;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            -- What was dropped, and was allowed to be, is forgotten.
            is_lost := was IS DISTINCT FROM false AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = OLD.relation);
        ELSIF TG_OP = 'UPDATE' THEN
            is_lost := was IS DISTINCT FROM false
                AND (NEW.relation <> OLD.relation OR was AND NOT (to_jsonb(NEW) ->> 'has_posted')::boolean
                     OR NEW.columns[1:cardinality(OLD.columns)] IS DISTINCT FROM OLD.columns AND OLD.columns IS NOT NULL);
        END IF;
        IF is_lost AND NOT ledger_guard.allows_loss() THEN
            RAISE EXCEPTION 'the guard keeps its record of posted entries: % on % is refused', TG_OP, TG_RELID::regclass
                USING ERRCODE = 'LE011', HINT = 'A superuser can set ledger_engine.allow_drop = on for the session.';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
    END
    $body$;
    COMMENT ON FUNCTION ledger_guard.keep_guarded() IS
    'Trigger function of the guard''s tables: a table that holds posted entries, or tells of them, stays recorded, with the columns that it had (LE011).';
    CREATE OR REPLACE TRIGGER keep_guarded BEFORE UPDATE OR DELETE ON ledger_guard.protected FOR EACH ROW EXECUTE FUNCTION ledger_guard.keep_guarded();
    CREATE OR REPLACE TRIGGER keep_guarded_truncate BEFORE TRUNCATE ON ledger_guard.protected FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.keep_guarded();
    CREATE OR REPLACE TRIGGER keep_guarded BEFORE UPDATE OR DELETE ON ledger_guard.record FOR EACH ROW EXECUTE FUNCTION ledger_guard.keep_guarded();
    CREATE OR REPLACE TRIGGER keep_guarded_truncate BEFORE TRUNCATE ON ledger_guard.record FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.keep_guarded();
    ALTER TABLE ledger_guard.protected ENABLE ALWAYS TRIGGER keep_guarded, ENABLE ALWAYS TRIGGER keep_guarded_truncate;
    ALTER TABLE ledger_guard.record ENABLE ALWAYS TRIGGER keep_guarded, ENABLE ALWAYS TRIGGER keep_guarded_truncate;
    REVOKE ALL ON FUNCTION ledger_guard.columns_of(oid), ledger_guard.require_own_table(), ledger_guard.allows_loss(), ledger_guard.guarded(),
        ledger_guard.keep_guarded() FROM PUBLIC;
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard_basics() IS 'The part of install() that creates the guard''s table and the functions that the others call.';

CREATE FUNCTION acct._layout_guard_drop() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE FUNCTION ledger_guard.refuse_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        lost text;
        tables boolean;
        ledger boolean;
    BEGIN
        PERFORM ledger_guard.require_own_table();
        SELECT string_agg(d.object_identity, ', ' ORDER BY d.object_identity), bool_or(d.objsubid = 0), bool_or(g.is_ledger) INTO lost, tables, ledger
          FROM pg_event_trigger_dropped_objects() AS d
          JOIN ledger_guard.guarded() AS g ON g.relation::oid = d.objid AND d.classid = 'pg_class'::regclass
         WHERE (d.objsubid = 0 OR g.columns IS NULL -- the table, or a column of it that holds values
                OR EXISTS (SELECT FROM unnest(g.columns) AS c (definition) WHERE starts_with(c.definition, d.address_names[3] || ' ')))
           -- A ledger without entries has nothing to protect.
           AND (g.is_ledger OR EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.has_posted));
        IF lost IS NOT NULL AND NOT ledger_guard.allows_loss() THEN
            RAISE EXCEPTION 'cannot drop % that hold %', CASE WHEN tables THEN 'tables' ELSE 'columns' END,
                CASE WHEN ledger THEN 'posted ledger entries' ELSE 'the record of posted ledger entries' END
                USING ERRCODE = 'LE011',
                      DETAIL = CASE WHEN ledger THEN 'Posted entries would be lost in: ' ELSE 'It would be lost in: ' END || lost || '.',
                      HINT = CASE WHEN tables AND ledger THEN 'Archive them first. ' ELSE '' END
                             || 'A superuser can set ledger_engine.allow_drop = on for the session.';
        END IF;
        DELETE FROM ledger_guard.record AS r
         USING pg_event_trigger_dropped_objects() AS d
         WHERE r.relation::oid = d.objid AND d.classid = 'pg_class'::regclass AND d.objsubid = 0;
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
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard_drop() IS 'The part of install() that creates the functions against DROP, UPDATE, DELETE and TRUNCATE.';

CREATE FUNCTION acct._layout_guard_rewrite() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE FUNCTION ledger_guard.refuse_rewrite() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        rewritten CONSTANT oid := pg_event_trigger_table_rewrite_oid();
        -- 1: SET LOGGED or UNLOGGED, 2: values of a new or computed column, 4: type, 8: access method
        reason CONSTANT integer := pg_event_trigger_table_rewrite_reason();
    BEGIN
        PERFORM ledger_guard.require_own_table();
        -- The guard's own tables cannot be read here: their rows are still of the old types.
        IF rewritten IN (to_regclass('ledger_guard.protected'), to_regclass('ledger_guard.record')) THEN
            IF NOT (reason = 1 AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = rewritten AND c.relpersistence = 'u')) AND NOT ledger_guard.allows_loss() THEN
                RAISE EXCEPTION 'the guard keeps its record of posted entries: % on % is refused', TG_TAG, rewritten::regclass
                    USING ERRCODE = 'LE011', HINT = 'A superuser can set ledger_engine.allow_drop = on for the session.';
            END IF;
            RETURN;
        END IF;
        IF EXISTS (SELECT FROM ledger_guard.record AS r WHERE r.relation::oid = rewritten)
           -- A new column changes nothing that was there.
           AND reason <> 2 AND NOT (reason = 1 AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = rewritten AND c.relpersistence = 'u'))
           AND NOT ledger_guard.allows_loss() THEN
            RAISE EXCEPTION 'cannot rewrite tables that hold the record of posted ledger entries'
                USING ERRCODE = 'LE011', DETAIL = format('%s would be changed, or not survive a crash.', rewritten::regclass),
                      HINT = 'A superuser can set ledger_engine.allow_drop = on for the session.';
        END IF;
        IF EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.relation::oid = rewritten AND p.has_posted)
           -- What became unlogged can be put right.
           AND NOT (reason = 1 AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = rewritten AND c.relpersistence = 'u'))
           AND NOT ledger_guard.allows_loss() THEN
            RAISE EXCEPTION 'cannot rewrite tables that hold posted ledger entries'
                USING ERRCODE = 'LE011',
                      DETAIL = format('In %s %s.', rewritten::regclass, concat_ws(', ',
                          CASE WHEN reason & 1 <> 0 THEN 'posted entries would not survive a crash' END,
                          CASE WHEN reason & 2 <> 0 THEN 'values would be computed for posted entries' END,
                          CASE WHEN reason & 4 <> 0 THEN 'values of posted entries would be changed' END,
                          CASE WHEN reason & 8 <> 0 THEN 'posted entries would be stored in another way' END)),
                      HINT = CASE WHEN reason & 2 <> 0 THEN 'Add a column without a default, by acct.add_dimension(), or compute it in a view. ' ELSE '' END
                             || 'A superuser can set ledger_engine.allow_drop = on for the session.';
        END IF;
    END
    $body$;
    REVOKE ALL ON FUNCTION ledger_guard.refuse_rewrite() FROM PUBLIC;
    COMMENT ON FUNCTION ledger_guard.refuse_rewrite() IS
    'Event trigger function: refuses an ALTER TABLE that would rewrite posted ledger entries or have them lost in a crash (LE011).';

    CREATE OR REPLACE FUNCTION ledger_guard.refuse_columns() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        altered record;
    BEGIN
        -- It may be given back to its owner.
        IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS d
                        WHERE d.objid IS DISTINCT FROM to_regclass('ledger_guard.protected') AND d.objid IS DISTINCT FROM to_regclass('ledger_guard.record')) THEN
            RETURN;
        END IF;
        PERFORM ledger_guard.require_own_table();
        FOR altered IN
            -- Partitions have the columns of what they are partitions of: the search ends at what is protected.
            WITH RECURSIVE tree AS (
                SELECT d.objid AS relid FROM pg_event_trigger_ddl_commands() AS d WHERE d.classid = 'pg_class'::regclass
                UNION
                SELECT i.inhrelid FROM tree AS t JOIN pg_inherits AS i ON i.inhparent = t.relid
                 WHERE NOT EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.relation::oid = t.relid))
            SELECT g.relation, g.columns AS was, c.now, g.is_ledger
              FROM tree AS t JOIN ledger_guard.guarded() AS g ON g.relation::oid = t.relid
             CROSS JOIN LATERAL ledger_guard.columns_of(t.relid) AS c (now)
             WHERE g.columns <> c.now
        LOOP
            IF altered.now[1:cardinality(altered.was)] <> altered.was AND NOT ledger_guard.allows_loss() THEN
                RAISE EXCEPTION 'cannot change columns of tables that hold %',
                    CASE WHEN altered.is_ledger THEN 'posted ledger entries' ELSE 'the record of posted ledger entries' END
                    USING ERRCODE = 'LE011',
                          DETAIL = format('Changed in %s: %s.', altered.relation,
                              (SELECT string_agg(w.definition, ', ' ORDER BY w.n) FROM unnest(altered.was) WITH ORDINALITY AS w (definition, n)
                                WHERE altered.now[w.n] IS DISTINCT FROM w.definition)),
                          HINT = 'A superuser can set ledger_engine.allow_drop = on for the session.';
            END IF;
            WITH RECURSIVE tree AS (
                SELECT altered.relation::oid AS relid
                UNION
                SELECT i.inhrelid FROM tree AS t JOIN pg_inherits AS i ON i.inhparent = t.relid)
            UPDATE ledger_guard.protected AS p SET columns = ledger_guard.columns_of(t.relid)
              FROM tree AS t WHERE p.relation::oid = t.relid AND p.has_posted AND p.columns IS DISTINCT FROM ledger_guard.columns_of(t.relid);
            -- Here a new column is the site's own, which may go again.
            UPDATE ledger_guard.record AS r SET columns = altered.now[1:cardinality(r.columns)]
             WHERE r.relation = altered.relation AND r.columns <> altered.now[1:cardinality(r.columns)];
        END LOOP;
    END
    $body$;
    REVOKE ALL ON FUNCTION ledger_guard.refuse_columns() FROM PUBLIC;
    COMMENT ON FUNCTION ledger_guard.refuse_columns() IS
    'Event trigger function: refuses to rename or retype columns that hold posted ledger entries, also where nothing is rewritten (LE011). Records new columns of the ledger.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard_rewrite() IS 'The part of install() that creates the functions against rewriting posted entries and changing their columns.';

CREATE FUNCTION acct._layout_guard_engine() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE FUNCTION ledger_guard.require_engine() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
    DECLARE
        missing text;
    BEGIN
        SELECT string_agg(a.name, ', ' ORDER BY a.n) INTO missing FROM unnest(TG_ARGV) WITH ORDINALITY AS a (name, n)
         WHERE NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = TG_RELID AND t.tgname = a.name AND t.tgenabled <> 'D')
           AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = TG_RELID AND k.conname = a.name);
        IF missing IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper) THEN
            RAISE EXCEPTION 'table % can be written only while the triggers of ledger_engine are there', TG_RELID::regclass
                USING ERRCODE = 'LE010', DETAIL = 'Missing or disabled: ' || missing || '.', HINT = 'As a superuser: SELECT acct.install();';
        END IF;
        RETURN NULL;
    END
    $body$;
    REVOKE ALL ON FUNCTION ledger_guard.require_engine() FROM PUBLIC;
    COMMENT ON FUNCTION ledger_guard.require_engine() IS
    'Trigger function: while a trigger or CHECK that it is given is missing or disabled, only superusers write the table (LE010).';
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard_engine() IS 'The part of install() that creates the function which keeps policy and source as they are while the extension is dropped.';

CREATE FUNCTION acct._require_engine_on_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT x.relation, string_agg(quote_literal(x.name), ', ' ORDER BY x.name COLLATE "C") AS names
               FROM (SELECT g.tgrelid::regclass AS relation, g.tgname AS name
                       FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid JOIN pg_proc AS f ON f.oid = g.tgfoid
                      WHERE c.relnamespace = 'acct'::regnamespace AND NOT c.relispartition AND c.relname !~ '_[0-9]{4}_[0-9]{2}(_|$)'
                        AND NOT g.tgisinternal AND f.pronamespace = 'acct'::regnamespace
                     UNION ALL SELECT 'acct.txn_source_parent', 'chk_own_batch') AS x
              GROUP BY x.relation ORDER BY x.relation::text COLLATE "C" LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER ledger_engine_stands BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.require_engine(%s)', t.relation, t.names);
        EXECUTE format('COMMENT ON TRIGGER ledger_engine_stands ON %s IS %L', t.relation,
                       'While the extension''s triggers are missing, only superusers write the table (LE010).');
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._require_engine_on_tables() IS
'Has each table on which the extension has triggers, and the source, refuse to be written by others than superusers while one of them is missing.';

CREATE FUNCTION acct._layout_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    bootstrap CONSTANT name := pg_get_userbyid(10);
    e record;
    f regprocedure;
BEGIN
    CREATE SCHEMA IF NOT EXISTS ledger_guard;
    PERFORM acct._layout_guard_basics();
    PERFORM acct._layout_guard_drop();
    PERFORM acct._layout_guard_rewrite();
    PERFORM acct._layout_guard_engine();
    -- What is the bootstrap superuser's cannot be dropped by DROP OWNED, together with the tables that it guards.
    EXECUTE format('ALTER SCHEMA ledger_guard OWNER TO %I', bootstrap);
    EXECUTE format('ALTER TABLE ledger_guard.protected OWNER TO %I', bootstrap);
    EXECUTE format('ALTER TABLE ledger_guard.record OWNER TO %I', bootstrap);
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'ledger_guard'::regnamespace ORDER BY p.proname LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', f, bootstrap);
    END LOOP;
    FOR e IN SELECT v.*, 'refuse_' || v.what AS function, to_regproc('ledger_guard.refuse_' || v.what)::oid AS foid
               FROM (VALUES ('ledger_guard', 'sql_drop', 'drop', ''),
                            ('ledger_guard_rewrite', 'table_rewrite', 'rewrite', ''),
                            ('ledger_guard_columns', 'ddl_command_end', 'columns',
                             $when$WHEN TAG IN ('ALTER FOREIGN TABLE', 'ALTER INDEX', 'ALTER MATERIALIZED VIEW', 'ALTER SEQUENCE',
                                                'ALTER TABLE', 'ALTER TYPE', 'ALTER VIEW')$when$)) AS v (name, event, what, condition) LOOP
        IF EXISTS (SELECT FROM pg_event_trigger AS t WHERE t.evtname = e.name AND (t.evtevent <> e.event OR t.evtfoid <> e.foid)) THEN
            EXECUTE format('DROP EVENT TRIGGER %I', e.name);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_event_trigger AS t WHERE t.evtname = e.name) THEN
            EXECUTE format('CREATE EVENT TRIGGER %I ON %s %s EXECUTE FUNCTION ledger_guard.%I()', e.name, e.event, e.condition, e.function);
        END IF;
        EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.name);
        EXECUTE format('ALTER EVENT TRIGGER %I OWNER TO %I', e.name, bootstrap);
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard() IS 'The part of install() that creates schema ledger_guard.';

CREATE FUNCTION acct._comment_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON SCHEMA ledger_guard IS 'Protects posted ledger entries from being dropped or changed, also when the extension is dropped.';

    COMMENT ON TRIGGER keep_guarded ON ledger_guard.protected IS 'Tables with posted entries stay recorded, with their columns (LE011).';
    COMMENT ON TRIGGER keep_guarded_truncate ON ledger_guard.protected IS 'TRUNCATE is refused (LE011).';

    COMMENT ON TRIGGER keep_guarded ON ledger_guard.record IS 'Tables that describe posted entries stay recorded, with their columns (LE011).';
    COMMENT ON TRIGGER keep_guarded_truncate ON ledger_guard.record IS 'TRUNCATE is refused (LE011).';
    COMMENT ON TABLE ledger_guard.record IS 'The tables of policy, audit trail, runs, balances and archive: no ALTER TABLE changes their rows, and with posted entries they are not dropped (LE011). Written by the engine.';
    COMMENT ON COLUMN ledger_guard.record.relation IS 'The table.';
    COMMENT ON COLUMN ledger_guard.record.columns IS 'Its columns that hold values, in their order, each with its type and collation, as install() found them when it made this layout.';

    COMMENT ON TABLE ledger_guard.protected IS 'The ledger''s tables and partitions, also detached ones; those with posted entries refuse DROP and rewriting (LE011). Written by the engine.';
    COMMENT ON COLUMN ledger_guard.protected.relation IS 'The table or partition.';
    COMMENT ON COLUMN ledger_guard.protected.has_posted IS 'True once entries were posted into it; then only a superuser with ledger_engine.allow_drop = on can drop or rewrite it.';
    COMMENT ON COLUMN ledger_guard.protected.columns IS 'Its columns that hold values, in their order, each with its type and collation: those that it had when entries were first posted, and those added since. NULL before.';
    COMMENT ON EVENT TRIGGER ledger_guard IS 'Refuses any DROP that would take posted ledger entries with it (LE011).';
    COMMENT ON EVENT TRIGGER ledger_guard_rewrite IS 'Refuses any ALTER TABLE that would rewrite posted ledger entries or have them lost in a crash (LE011).';
    COMMENT ON EVENT TRIGGER ledger_guard_columns IS 'Refuses to rename or retype columns that hold posted ledger entries (LE011).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_guard() IS 'The part of install() that describes the objects of guard.sql.';

CREATE FUNCTION acct._allows_loss() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The call loads the module, without which anyone can make the setting up.
    IF acct._in_maintenance() THEN
        RETURN true;
    END IF;
    RETURN current_setting('ledger_engine.allow_drop')::boolean;
END
$$;
COMMENT ON FUNCTION acct._allows_loss() IS
'True where one of the engine''s own functions is at work, or a superuser set ledger_engine.allow_drop. The extension''s triggers ask it; those of ledger_guard do without it.';

CREATE FUNCTION acct._refuse_unguarded_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    lost text;
    posted boolean;
    -- What tells whether anything was posted. Before it is read: it, and all below it, are tables of superusers.
    guards CONSTANT regclass := to_regclass('ledger_guard.protected');
    ledger CONSTANT regclass := to_regclass('acct.ledger_entry_header');
    strange regclass[];
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard' AND e.evtenabled = 'A') THEN
        RETURN;
    END IF;
    SELECT string_agg(d.object_type || ' ' || d.object_identity, ', '),
           bool_or(d.address_names IN ('{ledger_guard,protected}', '{acct,ledger_entry_header}'))
      INTO lost, posted
      FROM pg_event_trigger_dropped_objects() AS d
     WHERE d.original AND d.address_names[1] IN ('acct', 'acct_archive', 'ledger_guard') AND NOT d.is_temporary;
    IF lost IS NULL THEN
        RETURN;
    END IF;
    strange := ARRAY(SELECT c.oid FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
                      WHERE (c.oid IN (guards, ledger) OR c.oid IN (SELECT t.relid FROM pg_partition_tree(ledger) AS t))
                        AND NOT (r.rolsuper AND c.relkind IN ('r', 'p')));
    IF guards IS NOT NULL AND NOT guards = ANY (strange) THEN
        posted := EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.has_posted);
    ELSIF array_remove(strange, guards) <> '{}' THEN
        posted := true; -- for all that can be known
    ELSIF ledger IS NOT NULL THEN
        posted := EXISTS (SELECT FROM acct.ledger_entry_header);
    END IF;
    IF posted AND NOT acct._allows_loss() THEN
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

CREATE FUNCTION acct._make_immutable(p_relation regclass, p_trigger text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.refuse_change()', p_trigger, p_relation);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_relation, p_trigger);
END
$$;
COMMENT ON FUNCTION acct._make_immutable(regclass, text) IS
'Gives a table the trigger, of this name, that refuses UPDATE, DELETE and TRUNCATE (LE007) whatever session_replication_role says.';

CREATE FUNCTION acct._protect(p_relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    holds_entries boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', p_relation) INTO holds_entries;
    INSERT INTO ledger_guard.protected (relation, has_posted) VALUES (p_relation, holds_entries) ON CONFLICT DO NOTHING;
    UPDATE ledger_guard.protected AS p SET columns = ledger_guard.columns_of(p_relation)
     WHERE p.relation = p_relation AND p.has_posted AND p.columns IS NULL;
    -- Statement triggers are not inherited: each partition has its own.
    PERFORM acct._make_immutable(p_relation, 'ledger_immutable');
END
$$;
COMMENT ON FUNCTION acct._protect(regclass) IS
'Records a ledger table in ledger_guard.protected and gives it the triggers that refuse UPDATE, DELETE and TRUNCATE.';

CREATE FUNCTION acct._protect_records() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    -- The engine's tables but source, staging and ledger, which have rules of their own, and those for locks and jobs under way.
    INSERT INTO ledger_guard.record AS r (relation, columns)
    SELECT c.oid, ledger_guard.columns_of(c.oid) FROM acct._own_names() AS n JOIN pg_class AS c ON c.relname = n
     WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p')
       AND c.relname NOT IN ('txn_source_parent', 'je_header_staging', 'je_header_staging_small', 'je_line_staging', 'je_line_staging_small',
                             'ledger_entry_header', 'ledger_entry_line', 'batch_waiting', 'source_check', 'making_lock', 'job_state', 'run_cancel')
    ON CONFLICT (relation) DO UPDATE SET columns = excluded.columns
     -- A newer layout has new columns.
     WHERE (SELECT l.version FROM acct.engine_layout AS l) < acct._layout_version()
$$;
COMMENT ON FUNCTION acct._protect_records() IS
'Records in ledger_guard.record the tables of policy, audit trail, runs, balances and archive, whose rows no ALTER TABLE may change.';

CREATE FUNCTION acct._refuse_planting() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
    -- As whoever makes it: not a definer function.
    IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper)
       AND (EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS d WHERE d.schema_name IN ('acct', 'acct_archive', 'acct_cluster', 'ledger_guard'))
            -- A trusted extension, or one that CASCADE made with it, whose script runs as a superuser in a schema of the caller's choice
            OR EXISTS (WITH RECURSIVE made AS (
                           SELECT d.objid FROM pg_event_trigger_ddl_commands() AS d WHERE d.classid = 'pg_extension'::regclass
                           UNION
                           SELECT p.refobjid FROM made AS m JOIN pg_depend AS p ON p.classid = 'pg_extension'::regclass AND p.objid = m.objid
                              AND p.refclassid = 'pg_extension'::regclass)
                       SELECT FROM made AS m JOIN pg_extension AS e ON e.oid = m.objid JOIN pg_namespace AS n ON n.oid = e.extnamespace
                         JOIN pg_roles AS o ON o.oid = e.extowner AND NOT o.rolsuper
                        WHERE n.nspname IN ('acct', 'acct_archive', 'acct_cluster', 'ledger_guard'))) THEN
        RAISE EXCEPTION 'functions, operators, types and extensions in schemas of ledger_engine can be created by superusers only'
            USING ERRCODE = '42501', DETAIL = 'The engine''s own functions could find them, and run as a superuser.',
                  HINT = 'Make them in a schema of your own.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_planting() IS
'Event trigger function: in schemas acct, acct_archive, acct_cluster and ledger_guard only superusers create functions, operators, types and extensions (42501), whatever role was granted CREATE there.';

CREATE EVENT TRIGGER ledger_engine_planting ON ddl_command_end
    WHEN TAG IN ('ALTER AGGREGATE', 'ALTER DOMAIN', 'ALTER EXTENSION', 'ALTER FUNCTION', 'ALTER OPERATOR', 'ALTER PROCEDURE', 'ALTER ROUTINE', 'ALTER TYPE',
                 'CREATE AGGREGATE', 'CREATE DOMAIN', 'CREATE EXTENSION', 'CREATE FUNCTION', 'CREATE OPERATOR', 'CREATE PROCEDURE', 'CREATE TYPE')
    EXECUTE FUNCTION acct._refuse_planting();
ALTER EVENT TRIGGER ledger_engine_planting ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER ledger_engine_planting IS
'Lets only superusers create functions, operators, types and extensions in the engine''s schemas.';

-- What stands is what was made: triggers as install() made them, functions as the extension's script did. For health() and install().

CREATE FUNCTION acct._triggers() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('%s on %s (%s %s)', t.tgname, c.relname, f.proname, t.tgtype)
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS f ON f.oid = t.tgfoid
     WHERE c.relnamespace = to_regnamespace('acct') AND NOT c.relispartition AND c.relname !~ '_[0-9]{4}_[0-9]{2}(_|$)'
       AND f.pronamespace IN (to_regnamespace('acct'), to_regnamespace('ledger_guard'))
       AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
$$;
COMMENT ON FUNCTION acct._triggers() IS
'The engine''s triggers that are enabled, on tables that are not partitions: name, table, function, and when it fires.';

CREATE FUNCTION acct._missing_triggers() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(l.triggers) FROM acct.engine_layout AS l
    EXCEPT
    SELECT t FROM acct._triggers() AS t
    UNION
    SELECT 'triggers in acct.engine_layout' FROM acct.engine_layout AS l WHERE l.triggers IS NULL
$$;
COMMENT ON FUNCTION acct._missing_triggers() IS 'Triggers that install() made and that are missing, disabled, or others.';

CREATE FUNCTION acct._guard_triggers_off() RETURNS TABLE (relation regclass, name name)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.tgrelid::regclass, t.tgname
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
     WHERE c.relnamespace IN (to_regnamespace('acct'), to_regnamespace('acct_archive'), to_regnamespace('ledger_guard'))
       AND (t.tgfoid IN (to_regprocedure('ledger_guard.refuse_change()'), to_regprocedure('ledger_guard.keep_guarded()'))
            OR t.tgname IN ('template_audit_immutable', 'journal_reversal_kept', 'journal_reversal_kept_truncate'))
       AND NOT t.tgisinternal AND t.tgenabled <> 'A'
$$;
COMMENT ON FUNCTION acct._guard_triggers_off() IS
'Triggers that must fire whatever session_replication_role says, and do not: after pg_restore --data-only --disable-triggers, too.';

CREATE FUNCTION acct._enable_triggers() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT g.tgname, g.tgrelid::regclass AS relation
               FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid JOIN pg_proc AS f ON f.oid = g.tgfoid
              WHERE c.relnamespace = 'acct'::regnamespace AND NOT c.relispartition AND NOT g.tgisinternal
                AND f.pronamespace = 'acct'::regnamespace AND g.tgenabled NOT IN ('O', 'A') LOOP
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', t.relation, t.tgname);
    END LOOP;
    FOR t IN SELECT o.relation, o.name FROM acct._guard_triggers_off() AS o LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', t.relation, t.name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._enable_triggers() IS 'Enables triggers of the engine that somebody disabled.';

CREATE FUNCTION acct._changed_guard() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The functions that make the guard hold its functions' bodies.
    SELECT p.oid::regprocedure::text || CASE WHEN s.is_same THEN ' belongs to ' || p.proowner::regrole ELSE '' END
      FROM pg_proc AS p
     CROSS JOIN LATERAL (
        SELECT p.prosecdef = (p.prorettype = 'event_trigger'::regtype OR p.proname = 'keep_guarded')
               AND p.proconfig[1] IS NOT DISTINCT FROM 'search_path=pg_catalog, pg_temp'
               AND EXISTS (SELECT FROM pg_proc AS l
                            WHERE l.oid IN (to_regprocedure('acct._layout_guard_basics()'), to_regprocedure('acct._layout_guard_drop()'),
                                            to_regprocedure('acct._layout_guard_rewrite()'), to_regprocedure('acct._layout_guard_engine()'))
                              AND strpos(l.prosrc, '$body$' || p.prosrc || '$body$') > 0) AS is_same) AS s
     WHERE p.pronamespace = to_regnamespace('ledger_guard') AND NOT (s.is_same AND p.proowner = 10)
$$;
COMMENT ON FUNCTION acct._changed_guard() IS 'Functions in schema ledger_guard that are not as install() creates them, or belong to another role than the bootstrap superuser.';

CREATE FUNCTION acct._code() RETURNS TABLE (function text, digest text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
    SELECT p.oid::regprocedure::text,
           -- MD5 fails on servers that are held to FIPS.
           encode(sha256(acct._utf8(concat_ws('|', l.lanname, p.prosrc, p.probin, p.prosecdef, p.provolatile, p.proisstrict, p.proparallel,
                                              array_to_string(p.proconfig, ',')))), 'hex')
      FROM pg_extension AS e
      JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
       AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
      JOIN pg_proc AS p ON p.oid = d.objid JOIN pg_language AS l ON l.oid = p.prolang
     WHERE e.extname = 'ledger_engine' AND p.proname <> '_code_recorded'
$$;
COMMENT ON FUNCTION acct._code() IS 'A digest of each function of the extension as it is now: its body, and how it runs.';

CREATE FUNCTION acct._changed_code() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(r.function, c.function) FROM acct._code_recorded() AS r FULL JOIN acct._code() AS c USING (function)
     WHERE r.digest IS DISTINCT FROM c.digest
$$;
COMMENT ON FUNCTION acct._changed_code() IS 'Functions of the extension that are not as its script made them.';

DO $do$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION acct._code_recorded() RETURNS TABLE (function text, digest text) '
                   'LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS %L',
                   (SELECT 'VALUES ' || string_agg(format('(%L, %L)', c.function, c.digest), E',\n' ORDER BY c.function COLLATE "C")
                      FROM acct._code() AS c));
    COMMENT ON FUNCTION acct._code_recorded() IS
    'A digest of each function of the extension, as it was when the extension was created or updated.';
    REVOKE ALL ON FUNCTION acct._code_recorded() FROM PUBLIC;
END
$do$;

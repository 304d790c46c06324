-- Rights beyond those that install_roles() documents: default privileges give them to what is made later, and others by hand.

CREATE FUNCTION acct._public_functions() RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(ARRAY['month_start(date)', 'month_end(date)', 'days_in_month(date)', 'to_code(date, text)', '_in_maintenance()',
                        '_is_own_batch(bigint, bigint, date)', '_code_problem(text)', 'check_expression(text, text)'])
$$;
COMMENT ON FUNCTION acct._public_functions() IS 'The functions that everybody may execute.';

CREATE FUNCTION acct._own_names() RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(ARRAY['account_balance_snapshot', 'accounting_basis', 'accounting_basis_draft', 'accounting_period', 'archived_partition', 'audit_export',
        'batch_waiting', 'book', 'chart_of_accounts', 'chart_of_accounts_draft', 'cluster_member', 'currency', 'currency_draft', 'elimination_pair', 'elimination_pair_draft', 'engine_layout', 'entity', 'entity_draft', 'entity_place',
        'exception_summary', 'fec_number', 'fund', 'fund_draft', 'fund_journal', 'je_exception', 'je_header_staging', 'je_header_staging_small', 'je_id_seq',
        'je_line_staging', 'je_line_staging_small',
        'je_range_seq', 'job_state', 'journal_number', 'journal_reversal', 'journal_run', 'journal_run_batch', 'journal_run_ignored', 'journal_run_total',
        'journal_template', 'journal_template_line', 'journal_template_match', 'ledger_book', 'ledger_entry_header', 'ledger_entry_line',
        'ledger_checkpoint', 'ledger_line', 'ledger_log', 'ledger_seal', 'ledger_seal_evidence', 'ledger_verification', 'making_lock', 'manual_journal', 'manual_journal_content', 'manual_journal_line', 'period_log', 'policy_change', 'policy_finding', 'policy_release', 'posting_limit', 'product_account_map',
        'product_account_map_draft', 'release_changes', 'release_content', 'retention_policy', 'run_cancel', 'run_history', 'run_log',
        'run_progress', 'run_staging', 'run_summary', 'scheduled_jobs', 'source_check', 'source_month', 'statement_account', 'statement_account_draft', 'statement_column',
        'statement_column_draft', 'statement_layout', 'statement_layout_draft', 'statement_line', 'statement_line_draft', 'template_audit', 'template_content', 'template_retirement_draft',
        'txn_batch', 'txn_source_parent'])
$$;
COMMENT ON FUNCTION acct._own_names() IS
'The tables, views and sequences that install() creates in schema acct. A site may have others there, which are not the engine''s to guard.';

CREATE FUNCTION acct._own_relations() RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE own AS (
        SELECT c.oid FROM pg_class AS c
         WHERE c.relnamespace IN (to_regnamespace('acct_archive'), to_regnamespace('acct_bi'), to_regnamespace('acct_cluster'), to_regnamespace('ledger_guard'))
            OR c.relnamespace = to_regnamespace('acct')
               AND (c.relname IN (SELECT n FROM acct._own_names() AS n)
                    -- Staging and months, also those that are not attached
                    OR c.relname ~ '^(je_header_staging|je_line_staging)_[0-9]+$'
                    OR c.relname ~ '^(txn_source|ledger_entry_header|ledger_entry_line)_([0-9]{4}_[0-9]{2}|default)(_|$)')
        UNION
        -- Their partitions and the sequences of their columns
        SELECT x.oid FROM own AS o CROSS JOIN LATERAL (
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = o.oid
            UNION ALL
            SELECT d.objid FROM pg_depend AS d JOIN pg_class AS q ON q.oid = d.objid AND q.relkind = 'S'
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid
               AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')) AS x (oid))
    SELECT o.oid FROM own AS o
$$;
COMMENT ON FUNCTION acct._own_relations() IS
'The engine''s relations: what install() creates, with its partitions, staging and sequences, and everything in schemas acct_archive, acct_bi, acct_cluster and ledger_guard.';

CREATE FUNCTION acct._rights_beyond(p_objects oid[] DEFAULT NULL)
RETURNS TABLE (kind text, object oid, name text, owner oid, grantor oid, grantee oid, privilege text, is_internal boolean, by_default boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
    WITH schemas AS MATERIALIZED (
        SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'acct_cluster', 'ledger_guard')),
    own AS MATERIALIZED (
        SELECT o AS oid FROM acct._own_relations() AS o),
    granted AS (
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid, c.oid::regclass::text AS name, c.relnamespace AS schema,
               c.relowner AS owner, a.grantor, a.grantee, a.privilege_type AS privilege, false AS is_internal
          FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
         WHERE c.oid IN (SELECT o.oid FROM own AS o) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'TABLE', c.oid, c.oid::regclass::text, c.relnamespace, c.relowner, a.grantor, a.grantee,
               format('%s (%I)', a.privilege_type, t.attname), false
          FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid AND t.attacl IS NOT NULL CROSS JOIN LATERAL aclexplode(t.attacl) AS a
         WHERE c.oid IN (SELECT o.oid FROM own AS o)
        UNION ALL
        SELECT 'ROUTINE', p.oid, p.oid::regprocedure::text, p.pronamespace, p.proowner, a.grantor, a.grantee, a.privilege_type,
               p.proname ~ '^_' OR p.pronamespace = to_regnamespace('ledger_guard')
          FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
         WHERE p.pronamespace IN (SELECT s.oid FROM schemas AS s)
           AND (p.pronamespace <> 'acct'::regnamespace
                OR EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'ledger_engine'
                            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
           AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)),
    documented AS MATERIALIZED (
        SELECT CASE r.kind WHEN 'function' THEN 'ROUTINE' ELSE 'TABLE' END AS kind,
               CASE r.kind WHEN 'table' THEN to_regclass('acct.' || r.name)::oid WHEN 'cluster table' THEN to_regclass('acct_cluster.' || r.name)::oid
                           ELSE to_regprocedure('acct.' || r.name)::oid END AS oid, o.oid AS grantee, p AS privilege
          FROM acct._role_rights() AS r JOIN pg_roles AS o ON o.rolname = r.role_name, string_to_table(r.privileges, ', ') AS p
        UNION ALL
        SELECT 'ROUTINE', to_regprocedure('acct.' || f)::oid, 0, 'EXECUTE' FROM acct._public_functions() AS f)
    SELECT g.kind, g.oid, g.name, g.owner, g.grantor, g.grantee, g.privilege, g.is_internal,
           -- In these schemas, a default of SELECT says that somebody is to read what the engine makes.
           EXISTS (SELECT FROM pg_default_acl AS d CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
                    WHERE d.defaclrole = g.owner AND d.defaclobjtype = CASE g.kind WHEN 'TABLE' THEN 'r' WHEN 'SEQUENCE' THEN 'S' ELSE 'f' END
                      AND (d.defaclnamespace = 0 OR d.defaclnamespace = g.schema AND a.privilege_type <> 'SELECT')
                      AND a.grantee = g.grantee AND a.privilege_type = g.privilege)
      FROM granted AS g
     WHERE g.grantee <> g.owner
       -- Archived months are shared with whoever reads the table.
       AND NOT (g.privilege = 'SELECT' AND g.schema IS NOT DISTINCT FROM to_regnamespace('acct_archive')::oid)
       AND (p_objects IS NULL OR g.oid = ANY (p_objects))
       AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = g.grantee AND (r.rolsuper OR g.privilege = 'SELECT' AND (r.rolname = 'acct_auditor'
                                                                           OR r.rolname = 'acct_bi_reader' AND g.schema = to_regnamespace('acct_bi'))))
       AND NOT EXISTS (SELECT FROM documented AS d WHERE (d.kind, d.oid, d.grantee, d.privilege) = (g.kind, g.oid, g.grantee, g.privilege))
$$;
COMMENT ON FUNCTION acct._rights_beyond(oid[]) IS
'Rights on the engine''s relations and functions (NULL: all of them) that others than superusers have beyond those of install_roles(), and whether default privileges give them. Reads catalogs only.';

CREATE FUNCTION acct._named_right(p_privilege text, p_name text, p_grantee oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
    SELECT format('%s on %s to %s', p_privilege, p_name, CASE p_grantee WHEN 0 THEN 'PUBLIC' ELSE p_grantee::regrole::text END)
$$;
COMMENT ON FUNCTION acct._named_right(text, text, oid) IS 'A right in words.';

CREATE FUNCTION acct._take_back(p_objects oid[], p_by_hand boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    r record;
    taken text[] := ARRAY[]::text[];
BEGIN
    FOR r IN SELECT b.* FROM acct._rights_beyond(p_objects) AS b
              WHERE b.by_default OR p_by_hand AND (b.is_internal OR b.kind <> 'ROUTINE' AND b.privilege !~ '^SELECT')
              ORDER BY b.name COLLATE "C", b.privilege, b.grantee LOOP
        IF r.grantor <> r.owner AND EXISTS (SELECT FROM pg_roles AS o WHERE o.oid = r.grantor) THEN
            -- Who could pass it on passes nothing on any more.
            EXECUTE format('REVOKE GRANT OPTION FOR %s ON %s %s FROM %s CASCADE', r.privilege, r.kind, r.name, r.grantor::regrole);
        END IF;
        EXECUTE format('REVOKE %s ON %s %s FROM %s CASCADE', r.privilege, r.kind, r.name,
                       CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END);
        taken := taken || acct._named_right(r.privilege, r.name, r.grantee);
    END LOOP;
    IF p_by_hand AND taken <> '{}' THEN
        RAISE WARNING 'rights beyond those of acct.install_roles() were revoked'
            USING DETAIL = acct._first_of(taken) || '.', HINT = 'Make their users members of the roles that acct.install_roles() makes.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._take_back(oid[], boolean) IS
'Revokes the rights that default privileges give on objects (NULL: all), and with p_by_hand, with a WARNING, every right to write and to execute internal functions that install_roles() does not grant.';

CREATE FUNCTION acct._refuse_default_rights() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
    -- As whoever makes it. At nearly every site nothing has to be looked at.
    IF EXISTS (SELECT FROM pg_default_acl AS d CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
                WHERE a.grantee <> d.defaclrole AND NOT (d.defaclnamespace <> 0 AND a.privilege_type = 'SELECT'))
       AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS d WHERE d.schema_name IN ('acct', 'acct_archive', 'acct_bi', 'acct_cluster', 'ledger_guard')) THEN
        PERFORM acct._take_back(ARRAY(SELECT d.objid FROM pg_event_trigger_ddl_commands() AS d
                                       WHERE d.schema_name IN ('acct', 'acct_archive', 'acct_bi', 'acct_cluster', 'ledger_guard')), false);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_default_rights() IS
'Event trigger function: what is made in the engine''s schemas has no rights by ALTER DEFAULT PRIVILEGES, except SELECT where the default is one of the schema.';

CREATE EVENT TRIGGER ledger_engine_rights ON ddl_command_end
    WHEN TAG IN ('CREATE FUNCTION', 'CREATE MATERIALIZED VIEW', 'CREATE PROCEDURE', 'CREATE SEQUENCE', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE VIEW', 'SELECT INTO')
    EXECUTE FUNCTION acct._refuse_default_rights();
ALTER EVENT TRIGGER ledger_engine_rights ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER ledger_engine_rights IS
'Revokes the rights that ALTER DEFAULT PRIVILEGES give on tables, views, sequences and functions created in the engine''s schemas.';

CREATE FUNCTION acct._rights_missing() RETURNS TABLE (name text, grantee oid, privileges text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
    SELECT x.object, x.grantee, string_agg(x.privilege, ', ' ORDER BY x.privilege)
      FROM (SELECT CASE r.kind WHEN 'table' THEN to_regclass('acct.' || r.name)::text WHEN 'cluster table' THEN to_regclass('acct_cluster.' || r.name)::text
                               ELSE to_regprocedure('acct.' || r.name)::text END AS object,
                   r.kind, o.oid AS grantee, p AS privilege
              FROM acct._role_rights() AS r, string_to_table(r.privileges, ', ') AS p, pg_roles AS o
             WHERE o.rolname = r.role_name
               -- A role of the cluster that install_roles() was called for in this database
               AND EXISTS (SELECT FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
                            WHERE n.nspname IN ('acct', 'acct_bi') AND a.grantee = o.oid AND a.privilege_type = 'USAGE')) AS x
     WHERE CASE x.kind WHEN 'function' THEN NOT has_function_privilege(x.grantee, x.object, x.privilege)
                       ELSE NOT has_table_privilege(x.grantee, x.object, x.privilege) END
     GROUP BY x.object, x.grantee
$$;
COMMENT ON FUNCTION acct._rights_missing() IS
'Rights of install_roles() that a role which it set up in this database does not have, as after DROP EXTENSION with CASCADE. Reads catalogs only.';

CREATE FUNCTION acct._health_rights(OUT observed numeric, OUT detail text, OUT can_write boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*),
           nullif(concat_ws('; ', acct._first_of(array_agg(acct._named_right(x.privileges, x.name, x.grantee) ORDER BY x.name, x.grantee) FILTER (WHERE x.beyond)),
                            'missing (acct.install_roles() gives them back): '
                            || acct._first_of(array_agg(acct._named_right(x.privileges, x.name, x.grantee) ORDER BY x.name COLLATE "C", x.grantee::regrole::text COLLATE "C") FILTER (WHERE NOT x.beyond)),
                            'reading: ' || (SELECT acct._first_of(array_agg(format('%s (%s)', s.reader, s.relations) ORDER BY s.reader))
                                              FROM (SELECT CASE b.grantee WHEN 0 THEN 'PUBLIC' ELSE b.grantee::regrole::text END AS reader, count(DISTINCT b.object) AS relations
                                                      FROM acct._rights_beyond() AS b WHERE b.privilege ~ '^SELECT' GROUP BY 1) AS s)), ''),
           coalesce(bool_or(x.beyond AND x.can_write), false)
      FROM (SELECT b.name, b.grantee, true AS beyond, string_agg(b.privilege, ', ' ORDER BY b.privilege) AS privileges, bool_or(b.kind <> 'ROUTINE' OR b.is_internal) AS can_write
              FROM acct._rights_beyond() AS b WHERE b.privilege !~ '^SELECT' GROUP BY b.name, b.grantee
            UNION ALL
            SELECT m.name, m.grantee, false, m.privileges, false FROM acct._rights_missing() AS m) AS x
$$;
COMMENT ON FUNCTION acct._health_rights() IS
'Rights to write or to execute that install_roles() does not grant, those that it grants and that are missing, and who else reads how many tables.';

-- install(): makes and updates the objects that the code works on.

CREATE FUNCTION acct._layout_version() RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT 7';
COMMENT ON FUNCTION acct._layout_version() IS 'The layout that this version of the code needs.';

CREATE FUNCTION acct._require_tables() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stranger record;
    installed integer;
BEGIN
    -- Functions run as their owner: a table of another owner could carry a trigger, or an index, that runs as that owner
    -- too. So this comes before any table is read. And nobody else may put operators or functions beside theirs.
    IF EXISTS (SELECT FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
                WHERE n.nspname IN ('acct', 'acct_archive', 'acct_cluster', 'ledger_guard') AND a.privilege_type = 'CREATE'
                  AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = a.grantee AND r.rolsuper)) THEN
        PERFORM acct._require_trust();
    END IF;
    SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) AS owner, pg_get_userbyid(f.proowner) AS function_owner INTO stranger
      FROM pg_class AS c JOIN pg_proc AS f ON f.oid = 'acct.install()'::regprocedure AND f.proowner <> c.relowner
     WHERE c.relnamespace IN (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('acct', 'acct_archive', 'acct_cluster', 'ledger_guard'))
       AND c.relkind IN ('r', 'p', 'v', 'S', 'f', 'm')
       -- The guard belongs to the cluster's first superuser.
       AND NOT (c.relnamespace = to_regnamespace('ledger_guard') AND c.relowner = 10)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table % belongs to %, the functions of ledger_engine to %', stranger.name, stranger.owner, stranger.function_owner
            USING ERRCODE = 'LE010', HINT = 'Give both to one superuser, with ALTER TABLE ... OWNER TO.';
    END IF;
    IF to_regclass('acct.engine_layout') IS NOT NULL THEN
        SELECT l.version INTO installed FROM acct.engine_layout AS l;
    END IF;
    IF installed IS DISTINCT FROM acct._layout_version() THEN
        RAISE EXCEPTION 'the layout of ledger_engine is %', CASE WHEN installed IS NULL THEN 'not installed' ELSE 'out of date' END
            USING ERRCODE = 'LE010',
                  DETAIL = format('Installed: %s, needed: %s.', coalesce(installed::text, 'none'), acct._layout_version()),
                  HINT = 'As a superuser: SELECT acct.install();';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_tables() IS
'Raises LE010 where a table belongs to another role than the functions, or the tables are not those that the code needs.';

CREATE FUNCTION acct._dropped() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- By the indexes of the catalogs, for each function looks. What is disabled, or another one, is for health().
    SELECT split_part(d, ' (', 1) FROM acct.engine_layout AS l CROSS JOIN unnest(l.triggers) AS d
     WHERE NOT EXISTS (SELECT FROM pg_trigger AS t
                        WHERE t.tgrelid = to_regclass('acct.' || quote_ident(split_part(d, ' ', 3))) AND t.tgname = split_part(d, ' ', 1))
    UNION ALL
    SELECT 'chk_own_batch on txn_source_parent'
     WHERE NOT EXISTS (SELECT FROM pg_constraint AS k
                        WHERE k.conrelid = to_regclass('acct.txn_source_parent') AND k.conname = 'chk_own_batch' AND k.contype = 'c')
$$;
COMMENT ON FUNCTION acct._dropped() IS 'The triggers that install() made, and the CHECK of batches, that are no longer there.';

CREATE FUNCTION acct._inspect_layout() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped text[];
BEGIN
    PERFORM acct._require_tables();
    dropped := ARRAY(SELECT d FROM acct._dropped() AS d ORDER BY d COLLATE "C");
    IF dropped <> '{}' THEN
        RAISE EXCEPTION 'triggers or CHECKs of ledger_engine are missing'
            USING ERRCODE = 'LE010', DETAIL = 'Missing: ' || acct._first_of(dropped) || '.',
                  HINT = 'As a superuser: SELECT acct.install(); it restores them and reports what changed meanwhile. After DROP EXTENSION, call acct.install_roles(), too.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._inspect_layout() IS
'Raises LE010 where a table belongs to another role than the functions, the tables are not those that the code needs, or a trigger or CHECK is missing, as after DROP EXTENSION ... CASCADE.';

CREATE FUNCTION acct._require_layout() RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_require_layout';
COMMENT ON FUNCTION acct._require_layout() IS
'Calls _inspect_layout(), but not again in a session before something changes that it reads.';

CREATE FUNCTION acct._layout_stands() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM pg_event_trigger AS e
              JOIN (VALUES ('ledger_guard', 'drop'), ('ledger_guard_columns', 'columns'), ('ledger_guard_rewrite', 'rewrite')) AS v (name, what)
                ON v.name = e.evtname AND e.evtfoid = to_regproc('ledger_guard.refuse_' || v.what)
             WHERE e.evtenabled = 'A' AND e.evtowner = 10) = 3
       AND to_regclass('ledger_guard.protected') IS NOT NULL
       AND to_regclass('ledger_guard.record') IS NOT NULL
       AND to_regproc('ledger_guard.refuse_change') IS NOT NULL
       AND to_regnamespace('acct_archive') IS NOT NULL
       AND to_regclass('acct.archived_partition') IS NOT NULL
       AND to_regclass('acct.je_header_staging_small') IS NOT NULL
       AND to_regclass('acct.je_line_staging_small') IS NOT NULL
       AND to_regclass('acct.manual_journal') IS NOT NULL
       AND to_regclass('acct.period_log') IS NOT NULL
       AND to_regclass('acct.elimination_pair') IS NOT NULL
       AND to_regclass('acct.statement_column') IS NOT NULL
       AND to_regclass('acct.ledger_seal_evidence') IS NOT NULL
       AND to_regclass('acct.fec_number') IS NOT NULL
       AND to_regclass('acct.entity_place') IS NOT NULL
       AND to_regclass('acct.ledger_checkpoint') IS NOT NULL
       AND to_regclass('acct.ledger_verification') IS NOT NULL
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('acct.journal_run') AND a.attname = 'created_by_role' AND NOT a.attisdropped)
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('acct.archived_partition') AND a.attname = 'contents' AND NOT a.attisdropped)
       AND EXISTS (SELECT FROM pg_attrdef AS d
                     JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    WHERE d.adrelid = to_regclass('acct.txn_source_parent') AND a.attname = 'batch_id')
       AND EXISTS (SELECT FROM pg_constraint AS k
                    WHERE k.conrelid = to_regclass('acct.txn_source_parent') AND k.conname = 'chk_own_batch' AND k.contype = 'c')
       AND NOT EXISTS (SELECT FROM acct._missing_triggers())
       AND NOT EXISTS (SELECT FROM acct._guard_triggers_off())
       AND NOT EXISTS (SELECT FROM acct._changed_guard())
$$;
COMMENT ON FUNCTION acct._layout_stands() IS
'True where nothing is missing that dropping the extension or schema ledger_guard removes: the guard, the default and the CHECK of batches, and the triggers. Also checks tables and columns that are newer than the number of the layout: shared staging, manual journals, books, elimination pairs, layouts, seals, audit files, nodes of a cluster, the role of a run''s maker, and the contents of archives.';

CREATE FUNCTION acct._comment_install() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON SCHEMA acct IS 'Accounting engine ledger_engine: source transactions, templates, runs, ledger and balances.';

    COMMENT ON TABLE acct.engine_layout IS 'Which layout of tables is installed: one row, written by acct.install().';
    COMMENT ON COLUMN acct.engine_layout.singleton IS 'Always true: the table has one row.';
    COMMENT ON COLUMN acct.engine_layout.version IS 'Version of the layout; the code works only with the version that it needs (else LE010).';
    COMMENT ON COLUMN acct.engine_layout.installed_by IS 'Session user who called acct.install().';
    COMMENT ON COLUMN acct.engine_layout.installed_at IS 'When this layout was installed or brought up to date.';
    COMMENT ON COLUMN acct.engine_layout.triggers IS 'The triggers that it has, by which health() sees that one is missing or disabled.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_install() IS 'The part of install() that describes the objects of install.sql.';

CREATE FUNCTION acct._catch_up_sequences() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    s record;
    used bigint;
BEGIN
    FOR s IN
        SELECT pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence,
               format('SELECT max(%I) FROM %s', a.attname, a.attrelid::regclass) AS query
          FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p') AND a.attidentity <> ''
        UNION ALL
        SELECT 'acct.je_range_seq', 'SELECT max(je_range) FROM acct.journal_run'
        UNION ALL
        -- A value of the sequence is the last one of a block of 1000. Those of staging count where they are still to be posted.
        SELECT 'acct.je_id_seq', format('SELECT (max(je_id) + 999) / 1000 * 1000 FROM %s WHERE je_id < %s %s', t.name,
                                        (acct._je_range(0)).from_je_id, t.condition)
          FROM (SELECT 'acct.ledger_entry_header' AS name, '' AS condition
                UNION ALL
                SELECT c.oid::regclass::text, '' FROM pg_class AS c
                 WHERE c.relnamespace = 'acct_archive'::regnamespace AND c.relkind IN ('r', 'p')
                   AND c.relname ~ '^ledger_entry_header_[0-9]+_[0-9][0-9]$'
                UNION ALL
                SELECT 'acct.je_header_staging', 'AND run_id = ANY (ARRAY(SELECT r.run_id FROM acct.journal_run AS r '
                                                 'WHERE r.status = ''expanded''))') AS t
    LOOP
        EXECUTE s.query INTO used;
        EXECUTE format('SELECT setval(%L, $1) FROM %s WHERE (last_value, is_called) < ($1, true)', s.sequence, s.sequence)
          USING used;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._catch_up_sequences() IS
'Moves sequences forward that are behind the tables, as after a dump was restored over newer entries, or on a copy made by logical replication.';

CREATE FUNCTION acct._keep_ddl_here(p_setting text DEFAULT 'off') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own CONSTANT text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    -- Where Citus is not loaded there is no such setting.
    IF own <> '' THEN
        PERFORM set_config('citus.enable_ddl_propagation', p_setting, true);
    END IF;
    RETURN own;
END
$$;
COMMENT ON FUNCTION acct._keep_ddl_here(text) IS
'Keeps Citus, where it is loaded, from repeating on its other nodes the commands that follow in the transaction, and returns the setting that this replaces, with which it is called again afterwards.';

CREATE FUNCTION acct.install() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET client_min_messages = warning AS $$
DECLARE
    installed integer;
    own_propagation text;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'acct.install() must be called by a superuser' USING ERRCODE = '42501';
    END IF;
    PERFORM acct._require_trust();
    PERFORM acct._require_read_committed();
    -- Each node of Citus installs a ledger of its own.
    own_propagation := acct._keep_ddl_here();
    -- One at a time, also the first. Only a superuser can lock this table, and other extensions wait for as long.
    LOCK TABLE pg_catalog.pg_extension IN SHARE ROW EXCLUSIVE MODE;
    IF to_regclass('acct.engine_layout') IS NOT NULL THEN
        SELECT l.version INTO installed FROM acct.engine_layout AS l;
    END IF;
    IF installed = acct._layout_version() AND acct._layout_stands() AND acct._bi_stands() THEN
        PERFORM acct._catch_up_sequences();
        PERFORM acct._catch_up_waiting();
        PERFORM acct._catch_up_detached();
        PERFORM acct._guard_source_tables();
        PERFORM acct._record_findings(false);
        PERFORM acct._catch_up_policy();
        PERFORM acct._take_back(NULL, true);
        PERFORM acct._keep_ddl_here(own_propagation);
        RETURN format('layout %s was there', installed);
    ELSIF installed > acct._layout_version() THEN
        RAISE EXCEPTION 'the layout is newer than the code' USING ERRCODE = 'LE010',
            DETAIL = format('Installed: %s, needed: %s.', installed, acct._layout_version()),
            HINT = 'ALTER EXTENSION ledger_engine UPDATE;';
    END IF;
    CREATE TABLE IF NOT EXISTS acct.engine_layout (
        singleton boolean NOT NULL DEFAULT true,
        version integer NOT NULL,
        installed_by text NOT NULL DEFAULT session_user,
        installed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT engine_layout_pkey PRIMARY KEY (singleton),
        CONSTRAINT chk_singleton CHECK (singleton)
    );
    ALTER TABLE acct.engine_layout ADD COLUMN IF NOT EXISTS triggers text[] COLLATE "C";
    PERFORM acct._layout_guard();
    PERFORM acct._layout_locks();
    PERFORM acct._layout_source();
    PERFORM acct._layout_templates();
    PERFORM acct._layout_waiting();
    PERFORM acct._layout_runs();
    PERFORM acct._layout_exceptions();
    PERFORM acct._layout_correction();
    PERFORM acct._layout_repeated();
    PERFORM acct._layout_reversal();
    PERFORM acct._layout_rebook();
    PERFORM acct._layout_manual();
    PERFORM acct._layout_ledger();
    PERFORM acct._layout_seals();
    PERFORM acct._layout_log();
    PERFORM acct._layout_verification();
    PERFORM acct._layout_periods();
    PERFORM acct._layout_elimination();
    PERFORM acct._layout_statements();
    PERFORM acct._layout_entities();
    PERFORM acct._layout_node();
    PERFORM acct._widen_cluster();
    PERFORM acct._layout_policy_guard();
    PERFORM acct._layout_codes();
    PERFORM acct._layout_limits();
    PERFORM acct._layout_release();
    PERFORM acct._layout_findings();
    PERFORM acct._layout_policy();
    PERFORM acct._layout_archive();
    PERFORM acct._layout_retention();
    PERFORM acct._layout_audit();
    PERFORM acct._layout_views();
    PERFORM acct._layout_run_views();
    PERFORM acct._layout_schedule();
    PERFORM acct._layout_comments();
    PERFORM acct._layout_bi();
    PERFORM acct._comment_drafts();
    PERFORM acct._catch_up_sequences();
    PERFORM acct._catch_up_detached();
    PERFORM acct._enable_triggers();
    PERFORM acct._require_engine_on_tables();
    PERFORM acct._protect_records();
    PERFORM acct._take_back(NULL, true);
    INSERT INTO acct.engine_layout AS l (version, triggers, ledger_id)
    VALUES (acct._layout_version(), ARRAY(SELECT t FROM acct._triggers() AS t ORDER BY t COLLATE "C"), gen_random_uuid())
    ON CONFLICT (singleton) DO UPDATE
       SET version = excluded.version, installed_by = excluded.installed_by, installed_at = excluded.installed_at, triggers = excluded.triggers;
    PERFORM acct._keep_ddl_here(own_propagation);
    RETURN format('layout %s installed', acct._layout_version());
END
$$;
COMMENT ON FUNCTION acct.install() IS
'Creates every table, sequence, index, trigger and view as an ordinary object, or updates an older layout, records policy that nobody approved in acct.policy_finding, and revokes rights to write beyond those of install_roles(). Raises 42501 (caller is no superuser), LE010 (the layout is newer than the code, or something in its schemas belongs to a role that is no superuser).';

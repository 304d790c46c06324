-- Staging: where a run's journals and lines are until it is posted, and whether a crash emptied it.
--
-- je_header_staging and je_line_staging hold no rows themselves. Their children do, which are unlogged: small runs share
-- je_header_staging_small and je_line_staging_small, where a run's rows are found by run_id; a large run has two tables of its own,
-- je_header_staging_N and je_line_staging_N. They are children by inheritance, not partitions: to drop one takes no lock of its
-- parent, and one that is added is not compared with the rows of a DEFAULT partition.

CREATE FUNCTION acct._convert_staging(p_parent text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap
    SET quote_all_identifiers = off AS $$
DECLARE
    parent CONSTANT regclass := format('acct.%I', p_parent)::regclass;
    made CONSTANT text := format('acct.%I', p_parent || '_new');
    children CONSTANT regclass[] := ARRAY(SELECT i.inhrelid::regclass FROM pg_inherits AS i WHERE i.inhparent = parent ORDER BY i.inhrelid);
    child regclass;
    statement text;
    grants text[];
    in_the_way text;
    dependent text;
BEGIN
    grants := ARRAY(
        SELECT format('GRANT %s%s ON %s TO %s%s', a.privilege_type, '(' || quote_ident(g.name) || ')', made,
                      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
          FROM (SELECT NULL AS name, c.relacl AS acl FROM pg_class AS c WHERE c.oid = parent
                UNION ALL
                SELECT t.attname, t.attacl FROM pg_attribute AS t WHERE t.attrelid = parent AND t.attnum > 0 AND NOT t.attisdropped) AS g
         CROSS JOIN LATERAL aclexplode(g.acl) AS a
         WHERE a.grantee <> (SELECT c.relowner FROM pg_class AS c WHERE c.oid = parent));
    -- The view keeps its rights, its columns and the views over it while it shows nothing; install() has it show staging again.
    EXECUTE (SELECT format('CREATE OR REPLACE VIEW acct.run_staging AS SELECT %s',
                           string_agg(format('NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod),
                                             (SELECT format(' COLLATE %I.%I', n.nspname, o.collname) FROM pg_collation AS o
                                                JOIN pg_namespace AS n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation), a.attname), ', ' ORDER BY a.attnum))
               FROM pg_attribute AS a WHERE a.attrelid = to_regclass('acct.run_staging') AND a.attnum > 0 AND NOT a.attisdropped HAVING count(*) > 0);
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', made, parent) || acct._storage_of(parent);
    EXECUTE format('ALTER TABLE %s OWNER TO %s', made, (SELECT c.relowner::regrole FROM pg_class AS c WHERE c.oid = parent));
    FOREACH statement IN ARRAY grants LOOP
        EXECUTE statement;
    END LOOP;
    FOREACH child IN ARRAY children LOOP
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, child);
        EXECUTE format('ALTER TABLE %s INHERIT %s', child, made);
        PERFORM acct._follow_parent(child);
    END LOOP;
    SELECT string_agg(x.name, E'\n' ORDER BY x.name) INTO in_the_way
      FROM (SELECT format('trigger %s on table %s', t.tgname, p_parent) AS name FROM pg_trigger AS t WHERE t.tgrelid = parent AND NOT t.tgisinternal
            UNION ALL
            SELECT format('policy %s on table %s', p.polname, p_parent) FROM pg_policy AS p WHERE p.polrelid = parent
            UNION ALL
            SELECT format('rule %s on table %s', w.rulename, p_parent) FROM pg_rewrite AS w WHERE w.ev_class = parent) AS x;
    BEGIN
        EXECUTE format('DROP TABLE %s', parent);
    EXCEPTION WHEN dependent_objects_still_exist THEN
        GET STACKED DIAGNOSTICS dependent = PG_EXCEPTION_DETAIL;
        in_the_way := concat_ws(E'\n', in_the_way, dependent);
    END;
    IF in_the_way IS NOT NULL THEN
        RAISE EXCEPTION 'table acct.% cannot be replaced by one with the same columns that is not partitioned', p_parent
            USING ERRCODE = 'LE010', DETAIL = in_the_way,
                  HINT = 'Drop what depends on the table, call acct.install() again, and then create it again: name and columns of the table stay.';
    END IF;
    EXECUTE format('ALTER TABLE %s RENAME TO %I', made, p_parent);
END
$$;
COMMENT ON FUNCTION acct._convert_staging(text) IS
'Has a parent of staging that is partitioned, as up to version 0.1.0, be an ordinary table that its partitions are children of, with the same columns, comments, indexes, owner, tablespace and rights. Raises LE010 where a site''s objects depend on it.';

CREATE FUNCTION acct._layout_staging() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap AS $layout$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass(format('acct.%I', rel)) AND c.relkind = 'p') THEN
            PERFORM acct._convert_staging(rel);
        END IF;
    END LOOP;

    CREATE TABLE IF NOT EXISTS acct.je_header_staging (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint,
        je_date date NOT NULL,
        txn_month date,
        template_version integer,
        line_count integer NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        template_code text COLLATE "C",
        txn_type text COLLATE "C",
        product_code text COLLATE "C",
        channel text COLLATE "C",
        currency text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        total_debit numeric(20,4) NOT NULL,
        total_credit numeric(20,4) NOT NULL,
        reversal_of bigint,
        memo text,
        journal_type text COLLATE "C" NOT NULL DEFAULT 'transaction',
        original_date date
    );

    CREATE TABLE IF NOT EXISTS acct.je_line_staging (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint,
        je_date date NOT NULL,
        line_no smallint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        product_code text COLLATE "C",
        channel text COLLATE "C",
        debit numeric(20,4) NOT NULL,
        credit numeric(20,4) NOT NULL
    );
    -- Since layout 5: columns that only some kinds of journals have.
    PERFORM acct._widen_journals('acct.je_header_staging', 'acct.je_line_staging');

    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        IF NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = format('acct.%I', rel)::regclass AND k.conname = 'chk_no_rows') THEN
            EXECUTE format('ALTER TABLE acct.%I ADD CONSTRAINT chk_no_rows CHECK (false) NO INHERIT', rel);
        END IF;
        CONTINUE WHEN to_regclass(format('acct.%I', rel || '_small')) IS NOT NULL;
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I () INHERITS (acct.%I)', rel || '_small', rel) || acct._storage_of(format('acct.%I', rel)::regclass);
        -- What is removed is a small part at a time: runs that are discarded, expanded again, or were posted long ago.
        EXECUTE format('ALTER TABLE acct.%I SET (autovacuum_vacuum_scale_factor = 0.05)', rel || '_small');
        EXECUTE format('CREATE INDEX %I ON acct.%I (run_id)', rel || '_small_run_idx', rel || '_small');
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_staging() IS 'The part of install() that creates the tables of staging.';

CREATE FUNCTION acct._staging_tables(p_run_id bigint, OUT header regclass, OUT line regclass, OUT is_shared boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    header := to_regclass('acct.je_header_staging_' || p_run_id);
    line := to_regclass('acct.je_line_staging_' || p_run_id);
    is_shared := header IS NULL AND line IS NULL;
    IF is_shared THEN
        header := 'acct.je_header_staging_small'::regclass;
        line := 'acct.je_line_staging_small'::regclass;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._staging_tables(bigint) IS
'Where the journals and lines of a run are staged: its own tables, where it has any, or else those that small runs share.';

CREATE FUNCTION acct._staging_rows(p_run_id bigint, p_part text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE WHEN t.is_shared THEN format('(SELECT * FROM acct.%I WHERE run_id = %s)', 'je_' || p_part || '_staging_small', p_run_id)
                        ELSE format('acct.%I', 'je_' || p_part || '_staging_' || p_run_id) END
              FROM acct._staging_tables(p_run_id) AS t);
END
$$;
COMMENT ON FUNCTION acct._staging_rows(bigint, text) IS
'The FROM item, without an alias, that gives a run''s staged rows; p_part is header or line.';

CREATE FUNCTION acct._shares_staging(p_transactions bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN NOT acct._gets_staging_table(p_transactions)
       -- What a site gave the parents and only a table that is made like them has too: keys and indexes, another access method.
       AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid IN ('acct.je_header_staging'::regclass, 'acct.je_line_staging'::regclass))
       AND NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_am AS m ON m.oid = c.relam AND m.amname <> 'heap'
                        WHERE c.oid IN ('acct.je_header_staging'::regclass, 'acct.je_line_staging'::regclass));
END
$$;
COMMENT ON FUNCTION acct._shares_staging(bigint) IS
'True where a run of so many transactions, without a range of je_id, is to be staged in the tables that small runs share: they are fewer than ledger_engine.staging_table_min_transactions, and the parents of staging have no indexes.';

CREATE FUNCTION acct._staging_readers(p_run_id bigint) RETURNS TABLE (pid integer, gid text)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT l.pid, (SELECT p.gid FROM pg_locks AS t JOIN pg_prepared_xacts AS p ON p.transaction = t.transactionid
                    WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' AND t.granted AND t.virtualtransaction = l.virtualtransaction LIMIT 1)
      FROM pg_locks AS l
     WHERE l.locktype = 'object' AND l.classid = 'acct.journal_run'::regclass AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       -- As acct._lock_number() makes the two of one.
       AND l.objid = (p_run_id & 4294967295)::oid AND l.objsubid = (p_run_id >> 32) & 32767
$$;
COMMENT ON FUNCTION acct._staging_readers(bigint) IS
'The other sessions and prepared transactions that check a run, and so hold its staging (acct._read_run).';

CREATE FUNCTION acct._raise_staging_in_use(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    names text;
BEGIN
    SELECT string_agg(coalesce(x.pid::text, format('prepared transaction %L', x.gid)), ', ' ORDER BY x.pid, x.gid) INTO names
      FROM (SELECT r.pid, r.gid FROM acct._staging_readers(p_run_id) AS r
            UNION
            SELECT h.pid, h.gid FROM acct._lock_holders(array_remove(ARRAY[to_regclass('acct.je_header_staging_' || p_run_id),
                                                                           to_regclass('acct.je_line_staging_' || p_run_id)], NULL),
                                                        acct._conflicting_modes('ACCESS EXCLUSIVE')) AS h
             WHERE h.granted) AS x;
    RAISE EXCEPTION 'staging of run % is in use', p_run_id
        USING ERRCODE = '55P03', DETAIL = format('Other sessions that read it: %s.', coalesce(names, 'none any more')),
              HINT = 'Call again when they have ended.';
END
$$;
COMMENT ON FUNCTION acct._raise_staging_in_use(bigint) IS 'Raises 55P03: other sessions use the staging of a run.';

CREATE FUNCTION acct._drop_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '2s' SET enable_seqscan = off
    SET client_min_messages = warning AS $$
DECLARE
    deadline CONSTANT timestamptz := clock_timestamp() + interval '20 seconds';
    own regclass[];
    rel regclass;
BEGIN
    PERFORM acct._see_changes();
    own := array_remove(ARRAY[to_regclass('acct.je_header_staging_' || p_run_id), to_regclass('acct.je_line_staging_' || p_run_id)], NULL);
    IF own = '{}' AND NOT EXISTS (SELECT FROM acct.je_header_staging_small AS h WHERE h.run_id = p_run_id)
       AND NOT EXISTS (SELECT FROM acct.je_line_staging_small AS l WHERE l.run_id = p_run_id) THEN
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '2s', true);
            -- Those who check the run come first: what they read stays as it is.
            PERFORM acct._lock_number('acct.journal_run', p_run_id, true);
            -- Headers first. Then the other table is waited for less long than it takes a reader, who may have come to them in
            -- another order, to find that this is a deadlock.
            FOREACH rel IN ARRAY own LOOP
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', rel);
                PERFORM set_config('lock_timeout', '100ms', true);
            END LOOP;
            IF own <> '{}' THEN
                EXECUTE 'DROP TABLE ' || array_to_string(own, ', ');
            END IF;
            DELETE FROM acct.je_header_staging_small AS h WHERE h.run_id = p_run_id;
            DELETE FROM acct.je_line_staging_small AS l WHERE l.run_id = p_run_id;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                PERFORM acct._raise_staging_in_use(p_run_id);
            END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._drop_staging(bigint) IS
'Removes a run''s staging, wherever it is, waiting at most two seconds at a time for other sessions that use it, for twenty seconds or so.';

CREATE FUNCTION acct._make_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I (LIKE acct.%I INCLUDING ALL, '
                       'CONSTRAINT staging_run CHECK (run_id = %s) NO INHERIT)',
                       rel || '_' || p_run_id, rel, p_run_id)
                || acct._storage_of(format('acct.%I', rel)::regclass);
        EXECUTE format('ALTER TABLE acct.%I DROP CONSTRAINT IF EXISTS chk_no_rows', rel || '_' || p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._make_staging(bigint) IS
'Creates a run''s own staging tables, UNLOGGED and not yet children of the parents; by their CHECK a query for other runs does without them.';

CREATE FUNCTION acct._attach_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rel text;
BEGIN
    IF (SELECT t.is_shared FROM acct._staging_tables(p_run_id) AS t) THEN
        RETURN;
    END IF;
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('ALTER TABLE acct.%I INHERIT acct.%I', rel || '_' || p_run_id, rel);
        PERFORM acct._follow_parent(format('acct.%I', rel || '_' || p_run_id)::regclass);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._attach_staging(bigint) IS 'Has a run''s own staging tables, when they are full, be children of the parents.';

CREATE FUNCTION acct._staging_lost(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off AS $$
DECLARE
    run record;
    place record;
BEGIN
    SELECT t.* INTO place FROM acct._staging_tables(p_run_id) AS t;
    IF place.header IS NULL OR place.line IS NULL THEN
        RETURN true;
    END IF;
    SELECT r.journals, r.lines INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    -- After a crash the server resets unlogged tables to empty ones; runs that came later may have filled the shared ones again.
    IF NOT place.is_shared THEN
        RETURN run.journals > 0 AND pg_relation_size(place.header) = 0 OR run.lines > 0 AND pg_relation_size(place.line) = 0;
    ELSIF pg_is_in_recovery() THEN
        -- A standby has none, and may not look.
        RETURN run.journals > 0;
    END IF;
    RETURN run.journals > 0 AND NOT EXISTS (SELECT FROM acct.je_header_staging_small AS h WHERE h.run_id = p_run_id)
        OR run.lines > 0 AND NOT EXISTS (SELECT FROM acct.je_line_staging_small AS l WHERE l.run_id = p_run_id);
END
$$;
COMMENT ON FUNCTION acct._staging_lost(bigint) IS
'True where the staging of an expanded run is gone or, after a crash of the server, empty.';

CREATE FUNCTION acct._require_staging(p_run_id bigint, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_status = 'expanded' AND acct._staging_lost(p_run_id) THEN
        PERFORM acct._wrong_state(p_run_id, 'expanded, but its staging was lost in a crash',
                                  'Call acct.expand_journals() again.');
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_staging(bigint, text) IS
'Raises LE002 where a run has the status expanded and its staging was lost in a crash.';

-- Staging: a run's two tables, and whether a crash emptied them.

CREATE FUNCTION acct._drop_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '2s'
    SET client_min_messages = warning AS $$
DECLARE
    header CONSTANT text := format('acct.%I', 'je_header_staging_' || p_run_id);
    line CONSTANT text := format('acct.%I', 'je_line_staging_' || p_run_id);
    deadline CONSTANT timestamptz := clock_timestamp() + interval '20 seconds';
BEGIN
    PERFORM acct._see_changes();
    IF to_regclass(header) IS NULL AND to_regclass(line) IS NULL THEN
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '2s', true);
            -- In the order in which expansion locks the two. Once the first is locked the others are waited for less long
            -- than it takes a reader, who may have come to them in another order, to find that this is a deadlock.
            LOCK TABLE ONLY acct.je_header_staging IN ACCESS EXCLUSIVE MODE;
            PERFORM set_config('lock_timeout', '100ms', true);
            LOCK TABLE ONLY acct.je_line_staging IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('DROP TABLE IF EXISTS %s, %s', line, header);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                PERFORM acct._raise_in_use('staging', ARRAY['acct.je_header_staging', 'acct.je_line_staging']::regclass[]);
            END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._drop_staging(bigint) IS
'Drops a run''s staging partitions, waiting at most two seconds at a time for other sessions that use staging, for twenty seconds or so.';

CREATE FUNCTION acct._make_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    rel text;
BEGIN
    PERFORM acct._drop_staging(p_run_id);
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I (LIKE acct.%I INCLUDING ALL, '
                       'CONSTRAINT staging_run CHECK (run_id = %s) NO INHERIT)',
                       rel || '_' || p_run_id, rel, p_run_id)
                || acct._storage_of(format('acct.%I', rel)::regclass);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._make_staging(bigint) IS
'Makes a run''s staging tables, UNLOGGED and not yet attached; their CHECK spares the scan when they are.';

CREATE FUNCTION acct._attach_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('ALTER TABLE acct.%I ATTACH PARTITION acct.%I FOR VALUES IN (%s)',
                       rel, rel || '_' || p_run_id, p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._attach_staging(bigint) IS 'Attaches a run''s filled staging tables to their parents.';

CREATE FUNCTION acct._staging_lost(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    header regclass := to_regclass(format('acct.%I', 'je_header_staging_' || p_run_id));
    line regclass := to_regclass(format('acct.%I', 'je_line_staging_' || p_run_id));
BEGIN
    -- After a crash the server resets unlogged tables to empty ones.
    RETURN header IS NULL OR line IS NULL
        OR EXISTS (SELECT FROM acct.journal_run AS r
                    WHERE r.run_id = p_run_id
                      AND (r.journals > 0 AND pg_relation_size(header) = 0
                           OR r.lines > 0 AND pg_relation_size(line) = 0));
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

-- Retention: how long months stay in the ledger's and the source's tables and staging stays, and what becomes of them.

CREATE FUNCTION acct._layout_retention() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    IF to_regclass('acct.retention_policy') IS NULL THEN
        CREATE TABLE acct.retention_policy (
            table_name text COLLATE "C" NOT NULL,
            active_months integer,
            active_days integer,
            action text NOT NULL,
            drop_after_months integer,
            export_before_drop boolean NOT NULL DEFAULT true,
            CONSTRAINT retention_policy_pkey PRIMARY KEY (table_name),
            CONSTRAINT chk_action CHECK (action IN ('archive', 'drop')),
            CONSTRAINT chk_drop_after CHECK (drop_after_months >= active_months),
            CONSTRAINT chk_ledger_exported CHECK (table_name <> 'ledger_entry' OR export_before_drop)
        );
        INSERT INTO acct.retention_policy (table_name, active_months, active_days, action, export_before_drop)
        VALUES ('txn_source_parent', 3, NULL, 'archive', false),
               ('ledger_entry', 12, NULL, 'archive', true),
               ('je_staging', NULL, 30, 'drop', false);
    END IF;
    -- Since layout 5. Once: a policy that a site deleted stays away.
    IF NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = 'acct.retention_policy'::regclass AND k.conname = 'chk_records') THEN
        ALTER TABLE acct.retention_policy
            DROP CONSTRAINT IF EXISTS chk_table_name,
            DROP CONSTRAINT IF EXISTS chk_active,
            ADD CONSTRAINT chk_table_name CHECK (table_name IN ('txn_source_parent', 'ledger_entry', 'je_staging', 'run_log', 'journal_run_batch')),
            ADD CONSTRAINT chk_active CHECK (CASE table_name
                WHEN 'je_staging' THEN active_days >= 0 AND active_months IS NULL
                ELSE active_months >= 1 AND active_days IS NULL END IS TRUE),
            -- What is no month is not archived.
            ADD CONSTRAINT chk_records CHECK (table_name IN ('txn_source_parent', 'ledger_entry')
                OR action = 'drop' AND drop_after_months IS NULL AND NOT export_before_drop);
        INSERT INTO acct.retention_policy (table_name, active_months, action, export_before_drop)
        VALUES ('run_log', 12, 'drop', false), ('journal_run_batch', 12, 'drop', false)
        ON CONFLICT DO NOTHING;
    END IF;
END
$layout$;
COMMENT ON FUNCTION acct._layout_retention() IS 'The part of install() that creates the retention policies, with their defaults.';

CREATE FUNCTION acct._comment_retention() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.retention_policy IS 'How long acct.apply_retention() keeps months of the ledger and the source, staging of posted runs, and the log and claims of runs. The owner of the tables edits it; without a row nothing is removed.';
    COMMENT ON COLUMN acct.retention_policy.table_name IS 'txn_source_parent, ledger_entry (journals and lines), je_staging (staging of posted runs), run_log (routine steps of runs and jobs), or journal_run_batch (claims that nothing needs any more).';
    COMMENT ON COLUMN acct.retention_policy.active_months IS 'Months that stay, the current one included; NULL for je_staging.';
    COMMENT ON COLUMN acct.retention_policy.active_days IS 'Days that the staging of a run stays after it was posted; NULL for the others.';
    COMMENT ON COLUMN acct.retention_policy.action IS 'Action for a month, or for rows, then: archive, or drop (at once, or, with export_before_drop, archived and dropped once it is exported and verified).';
    COMMENT ON COLUMN acct.retention_policy.drop_after_months IS 'Months, from the month itself on, after which an archived month is dropped; NULL: never.';
    COMMENT ON COLUMN acct.retention_policy.export_before_drop IS 'True: a month is dropped only once acct.export_archive() wrote it and acct.verify_archive() passed. Always so for the ledger.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_retention() IS 'The part of install() that describes the objects of retention.sql.';

CREATE FUNCTION acct._attached_months(p_table text) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A partition that holds several months is none of the engine's.
    SELECT DISTINCT min(m.month) FROM acct._month_parts(p_table, '2000-01-01') AS p
     CROSS JOIN LATERAL acct._months_with_partitions(p.parent) AS m
     GROUP BY m.relation HAVING count(*) = 1
$$;
COMMENT ON FUNCTION acct._attached_months(text) IS 'The months that txn_source_parent or ledger_entry has partitions for.';

CREATE FUNCTION acct._months_due() RETURNS TABLE (table_name text, month date, action text, archive_id bigint, kept text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Months that are no longer active; one that is dropped at once is archived first.
    SELECT p.table_name, m.month,
           CASE WHEN p.action = 'drop' AND NOT p.export_before_drop THEN 'drop' ELSE 'archive' END, NULL::bigint,
           (SELECT 'restored, to be kept until ' || to_char(max(a.keep_until), 'YYYY-MM-DD') FROM acct.archived_partition AS a
             WHERE a.table_name = p.table_name AND a.month = m.month AND a.keep_until > current_date)
      FROM acct.retention_policy AS p, acct._attached_months(p.table_name) AS m (month)
     WHERE p.table_name IN ('txn_source_parent', 'ledger_entry')
       AND m.month <= (date_trunc('month', current_date) - make_interval(months => p.active_months))::date
    UNION ALL
    SELECT p.table_name, a.month, 'drop', a.archive_id,
           CASE WHEN p.export_before_drop AND a.exported_at IS NULL THEN 'not exported'
                WHEN p.export_before_drop AND a.verified_at IS NULL THEN 'exported, and not verified' END
      FROM acct.retention_policy AS p JOIN acct.archived_partition AS a ON a.table_name = p.table_name
     WHERE a.restored_at IS NULL AND a.dropped_at IS NULL
       AND a.month <= (date_trunc('month', current_date)
                       - make_interval(months => CASE p.action WHEN 'drop' THEN p.active_months ELSE p.drop_after_months END))::date
$$;
COMMENT ON FUNCTION acct._months_due() IS
'Months that the retention policies have archived or dropped now: attached ones (archive_id NULL) and archived ones; kept says why one is left alone, as far as that is seen at once.';

CREATE FUNCTION acct._runs_in_shared_staging() RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
    -- From one run to the next by index: a run's rows are not counted.
    WITH RECURSIVE header AS (
        SELECT min(s.run_id) AS run_id FROM acct.je_header_staging_small AS s
        UNION ALL
        SELECT (SELECT min(s.run_id) FROM acct.je_header_staging_small AS s WHERE s.run_id > h.run_id) FROM header AS h WHERE h.run_id IS NOT NULL),
    line AS (
        SELECT min(s.run_id) AS run_id FROM acct.je_line_staging_small AS s
        UNION ALL
        SELECT (SELECT min(s.run_id) FROM acct.je_line_staging_small AS s WHERE s.run_id > l.run_id) FROM line AS l WHERE l.run_id IS NOT NULL)
    SELECT h.run_id FROM header AS h WHERE h.run_id IS NOT NULL
    UNION
    SELECT l.run_id FROM line AS l WHERE l.run_id IS NOT NULL
$$;
COMMENT ON FUNCTION acct._runs_in_shared_staging() IS 'The runs that have rows in the tables of staging that small runs share.';

CREATE FUNCTION acct._shared_staging_due() RETURNS TABLE (run_id bigint, posted_at timestamptz, lines bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Only runs that are never staged again.
    SELECT s.run_id, r.posted_at, r.lines
      FROM acct._runs_in_shared_staging() AS s (run_id) LEFT JOIN acct.journal_run AS r ON r.run_id = s.run_id
     WHERE r.run_id IS NULL OR r.status = 'discarded'
        OR acct._is_posted(r.status)
           AND EXISTS (SELECT FROM acct.retention_policy AS p
                        WHERE p.table_name = 'je_staging' AND r.posted_at < now() - make_interval(days => p.active_days))
$$;
COMMENT ON FUNCTION acct._shared_staging_due() IS
'The runs whose rows are to be removed from the tables of staging that small runs share: those posted long enough ago, and those that are no runs or discarded; lines is what expansion recorded.';

CREATE FUNCTION acct._staging_due() RETURNS TABLE (run_id bigint, partition_name text, action text, reason text, lines bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH staging AS (
        SELECT x.run, string_agg(x.name, ', ' ORDER BY x.name) AS names
          FROM (SELECT c.relname::text AS name, substring(c.relname, '[0-9]+$')::numeric AS run FROM pg_class AS c
                 WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p')
                   AND c.relname ~ '^je_(header|line)_staging_[0-9]{1,18}$') AS x
         GROUP BY x.run)
    SELECT s.run::bigint, s.names, 'drop staging',
           CASE WHEN r.run_id IS NULL THEN 'left over: there is no such run'
                WHEN NOT acct._is_posted(r.status) THEN format('left over: the run is %s', r.status)
                ELSE to_char(r.posted_at, '"posted on" YYYY-MM-DD') END,
           NULL::bigint
      FROM staging AS s LEFT JOIN acct.journal_run AS r ON r.run_id = s.run
     WHERE r.run_id IS NULL OR r.status IN ('created', 'discarded')
        OR acct._is_posted(r.status)
           AND EXISTS (SELECT FROM acct.retention_policy AS p
                        WHERE p.table_name = 'je_staging' AND r.posted_at < now() - make_interval(days => p.active_days))
    UNION ALL
    SELECT NULL, 'je_header_staging_small, je_line_staging_small', 'drop staging',
           format(CASE count(*) WHEN 1 THEN '%s run%s' ELSE '%s runs, the first%s' END, count(*), to_char(min(d.posted_at), '" posted on" YYYY-MM-DD')),
           coalesce(sum(d.lines), 0)::bigint
      FROM acct._shared_staging_due() AS d HAVING count(*) > 0
    UNION ALL
    SELECT r.run_id, NULL, 'skip',
           format('run %s was %s on %s and not posted: post it, or discard it', r.run_id, r.status,
                  to_char(coalesce(r.expanded_at, r.created_at), 'YYYY-MM-DD')),
           NULL
      FROM acct.journal_run AS r
     WHERE r.status IN ('created', 'expanded')
       AND acct._run_transactions(r.run_id) > 0
       AND EXISTS (SELECT FROM acct.retention_policy AS p
                    WHERE p.table_name = 'je_staging'
                      AND coalesce(r.expanded_at, r.created_at) < now() - make_interval(days => p.active_days))
$$;
COMMENT ON FUNCTION acct._staging_due() IS
'Staging that is to be removed, of runs posted long enough ago or of no run: a row for each run with tables of its own, and one for the tables that small runs share. With action skip, runs that hold transactions for as long without being posted.';

CREATE FUNCTION acct._retire_month(p_table text, p_month date, p_figures jsonb, p_archive_id bigint, p_action text, p_patience interval)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_archive_id IS NULL THEN
        p_archive_id := acct._move_to_archive(p_table, p_month, p_figures, p_patience);
    END IF;
    IF p_action = 'drop' THEN
        PERFORM acct._drop_archived(p_archive_id);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._retire_month(text, date, jsonb, bigint, text, interval) IS
'Archives a month that was surveyed, or drops it (where it is not archived yet, both).';

CREATE FUNCTION acct._retire_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    tables CONSTANT regclass[] := array_remove(ARRAY[to_regclass('acct.je_header_staging_' || p_run_id),
                                                     to_regclass('acct.je_line_staging_' || p_run_id)], NULL);
    status text;
BEGIN
    SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = p_run_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = p_run_id) OR status = 'expanded' THEN
        RAISE EXCEPTION 'run % is being worked on', p_run_id USING ERRCODE = '55P03', HINT = 'Call again when that has ended.';
    END IF;
    IF EXISTS (SELECT FROM acct._staging_readers(p_run_id)) OR NOT acct._lock_tables(tables, 'ACCESS EXCLUSIVE', '1 second') THEN
        PERFORM acct._raise_staging_in_use(p_run_id);
    END IF;
    PERFORM acct._drop_staging(p_run_id);
    -- crash point: staging_dropped
    INSERT INTO acct.run_log (run_id, step, partition, elapsed_ms)
    VALUES (p_run_id, 'drop', format('je_header_staging_%1$s, je_line_staging_%1$s', p_run_id),
            acct._elapsed_ms(started));
END
$$;
COMMENT ON FUNCTION acct._retire_staging(bigint) IS
'Drops the staging of a run that does not need it. Raises 55P03 where another session works on the run or uses staging.';

CREATE FUNCTION acct._retire_shared_staging(OUT runs bigint, OUT lines bigint, OUT kept bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    due CONSTANT bigint[] := ARRAY(SELECT d.run_id FROM acct._shared_staging_due() AS d);
    ids bigint[];
BEGIN
    -- Not those that a session began to check before they were posted (acct._read_run). Nobody else reads more of them than a snapshot.
    ids := ARRAY(SELECT d FROM unnest(due) AS d
                 EXCEPT
                 SELECT d FROM unnest(due) AS d
                   JOIN pg_locks AS l ON l.locktype = 'object' AND l.classid = 'acct.journal_run'::regclass
                    AND l.objid = (d & 4294967295)::oid AND l.objsubid = (d >> 32) & 32767);
    runs := cardinality(ids);
    kept := cardinality(due) - runs;
    DELETE FROM acct.je_header_staging_small AS s WHERE s.run_id = ANY (ids);
    DELETE FROM acct.je_line_staging_small AS s WHERE s.run_id = ANY (ids);
    GET DIAGNOSTICS lines = ROW_COUNT;
    -- crash point: shared_removed
    INSERT INTO acct.run_log (step, partition, rows, elapsed_ms, detail)
    VALUES ('drop', 'je_header_staging_small, je_line_staging_small', lines, acct._elapsed_ms(started), jsonb_build_object('runs', runs));
END
$$;
COMMENT ON FUNCTION acct._retire_shared_staging() IS
'Removes the rows that are due from the tables of staging that small runs share, and says of how many runs and how many lines they were, and how many runs were kept because a session checks them. It waits for nobody, and keeps nobody from reading.';

CREATE FUNCTION acct._records_due() RETURNS TABLE (table_name text, before timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.table_name, date_trunc('month', now()) - make_interval(months => p.active_months - 1)
      FROM acct.retention_policy AS p WHERE p.table_name IN ('run_log', 'journal_run_batch')
$$;
COMMENT ON FUNCTION acct._records_due() IS 'The records of runs that have a retention policy, and from when on they stay.';

CREATE FUNCTION acct._old_records(p_table text, p_before timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO' AS $$
    SELECT CASE p_table
        -- Steps that are done again and again, of runs that are over, and of jobs. What people decided, and what became of months, stays.
        WHEN 'run_log' THEN format(
            'acct.run_log AS x WHERE x.at < %L AND x.step IN (''create'', ''reprocess'', ''expand'', ''validate'', ''post'', ''discard'', ''drop'', ''snapshot'', ''rotate'', ''job'') '
            'AND (x.step <> ''drop'' OR x.run_id IS NOT NULL OR x.partition LIKE ''je_header_staging%%'' OR x.partition IN (''run_log'', ''journal_run_batch'')) '
            'AND NOT EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = x.run_id AND r.status IN (''created'', ''expanded''))', p_before)
        -- Claims that hold are needed as long as there is something to claim: until the month's source is dropped.
        ELSE format(
            'acct.journal_run_batch AS x WHERE x.released_at < %1$L '
            'OR x.released_at IS NULL AND x.txn_month IN (SELECT a.month FROM acct.archived_partition AS a '
            '      WHERE a.table_name = ''txn_source_parent'' AND a.restored_at IS NULL AND a.dropped_at < %1$L) '
            'AND EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = x.run_id AND acct._is_posted(r.status))', p_before) END
$$;
COMMENT ON FUNCTION acct._old_records(text, timestamptz) IS 'The FROM item and condition of the rows of run_log, or of journal_run_batch, that are no longer needed and older than a moment.';

CREATE FUNCTION acct._retire_records(p_table text, p_before timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    deleted bigint;
BEGIN
    EXECUTE 'DELETE FROM ' || acct._old_records(p_table, p_before);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    -- crash point: records_deleted
    IF deleted > 0 THEN
        INSERT INTO acct.run_log (step, partition, rows, elapsed_ms) VALUES ('drop', p_table, deleted, acct._elapsed_ms(started));
    END IF;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION acct._retire_records(text, timestamptz) IS
'Deletes the rows of run_log, or of journal_run_batch, that are no longer needed and older than a moment, and says how many these were. It keeps nobody from reading or writing others.';

CREATE FUNCTION acct._export_replaced(p_archive_id bigint) RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Files that are away were moved, to where exports are kept.
    SELECT format('file %s is not the one that was verified', x.path)
      FROM acct.archived_partition AS a
      JOIN acct.retention_policy AS p ON p.table_name = a.table_name AND p.export_before_drop
     CROSS JOIN LATERAL (SELECT rtrim(a.manifest ->> 'directory', '/') || '/' || (f ->> 'file') AS path, f ->> 'sha256' AS sha256
                           FROM jsonb_array_elements(a.manifest -> 'files') AS f) AS x
     CROSS JOIN LATERAL acct._file_digest(x.path, false) AS d
     WHERE a.archive_id = p_archive_id AND d.sha256 <> x.sha256
     ORDER BY x.path LIMIT 1
$$;
COMMENT ON FUNCTION acct._export_replaced(bigint) IS
'Says which file of an export, without which a month is not dropped, is no longer the one that was verified: damaged, or replaced by an export that was rolled back, or by another database; NULL where there is none. Reads the files.';

CREATE FUNCTION acct._was_never_used(p_table text, p_month date, p_figures jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce((p_figures -> 'rows', coalesce(p_figures -> 'journals', '0')) = ('0'::jsonb, '0'::jsonb), false)
           AND NOT CASE p_table
               WHEN 'ledger_entry' THEN EXISTS (SELECT FROM acct.journal_number AS n WHERE n.period_month = p_month AND n.last_number > 0)
               ELSE EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.txn_month = p_month AND b.released_at IS NULL) END
$$;
COMMENT ON FUNCTION acct._was_never_used(text, date, jsonb) IS
'True where a month that was surveyed is empty, and nothing was ever posted to it or taken from it: it stays as it is, so that late loads and journals have a place.';

CREATE FUNCTION acct._survey_due(p_hold boolean)
RETURNS TABLE (table_name text, month date, action text, archive_id bigint, kept text, figures jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    due record;
    detail text;
BEGIN
    -- The ledger first: reading it locks nobody out.
    FOR due IN SELECT d.* FROM acct._months_due() AS d ORDER BY d.table_name, d.archive_id IS NOT NULL, d.month LOOP
        table_name := due.table_name;
        month := due.month;
        action := due.action;
        archive_id := due.archive_id;
        kept := due.kept;
        figures := NULL;
        IF kept IS NULL THEN
            BEGIN
                IF archive_id IS NULL THEN
                    SELECT s.kept, s.figures INTO kept, figures FROM acct._survey_month(due.table_name, due.month, p_hold) AS s;
                    CONTINUE WHEN acct._was_never_used(due.table_name, due.month, figures);
                ELSE
                    kept := acct._export_replaced(archive_id);
                END IF;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS kept = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
                kept := concat_ws(': ', kept, nullif(detail, ''));
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._survey_due(boolean) IS
'The months due, read: those that stay with the reason, and without those that have nothing to archive. p_hold as for _survey_month().';

CREATE FUNCTION acct.apply_retention(dry_run boolean DEFAULT false)
RETURNS TABLE (table_name text, partition_name text, month date, action text, reason text, rows bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    perform_it CONSTANT boolean := NOT coalesce(apply_retention.dry_run, true);
    locked boolean := false;
    due record;
    detail text;
BEGIN
    PERFORM acct._require_layout();
    IF perform_it THEN
        PERFORM acct._require_read_committed();
        PERFORM acct._see_changes();
    END IF;
    -- All reading is done before anything is locked that readers, loads or postings use.
    FOR due IN SELECT s.* FROM acct._survey_due(perform_it) AS s LOOP
        table_name := due.table_name;
        partition_name := (SELECT string_agg(p.name, ', ' ORDER BY p.part) FROM acct._month_parts(due.table_name, due.month) AS p);
        month := due.month;
        action := due.action;
        reason := due.kept;
        rows := coalesce((due.figures ->> 'rows')::bigint,
                         (SELECT a.rows FROM acct.archived_partition AS a WHERE a.archive_id = due.archive_id));
        IF reason IS NULL AND perform_it THEN
            BEGIN
                -- What is locked by now is not kept locked for long.
                PERFORM acct._retire_month(due.table_name, due.month, due.figures, due.archive_id, due.action,
                                           CASE WHEN locked THEN interval '1 second' ELSE interval '10 seconds' END);
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
                reason := concat_ws(': ', reason, nullif(detail, ''));
            END;
            locked := true;
        END IF;
        IF reason IS NOT NULL THEN
            reason := format('not %s: %s', CASE action WHEN 'drop' THEN 'dropped' ELSE 'archived' END, reason);
            action := 'skip';
        END IF;
        RETURN NEXT;
    END LOOP;
    FOR due IN SELECT s.* FROM acct._staging_due() AS s ORDER BY s.action, s.run_id LOOP
        table_name := CASE due.action WHEN 'skip' THEN 'journal_run' ELSE 'je_staging' END;
        partition_name := due.partition_name;
        month := (SELECT r.txn_month FROM acct.journal_run AS r WHERE r.run_id = due.run_id);
        action := due.action;
        reason := due.reason;
        rows := due.lines;
        IF action <> 'skip' AND perform_it THEN
            BEGIN
                IF due.run_id IS NULL THEN
                    SELECT r.lines, concat(reason, CASE WHEN r.kept > 0 THEN format('; %s of them are kept: a session checks them', r.kept) END)
                      INTO rows, reason FROM acct._retire_shared_staging() AS r;
                ELSE
                    PERFORM acct._retire_staging(due.run_id);
                END IF;
            EXCEPTION WHEN OTHERS THEN
                action := 'skip';
                reason := 'not dropped: ' || SQLERRM;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
    FOR due IN SELECT d.* FROM acct._records_due() AS d ORDER BY d.table_name DESC LOOP
        table_name := due.table_name;
        partition_name := NULL;
        month := NULL;
        action := 'drop';
        reason := to_char(due.before, '"older than" YYYY-MM-DD');
        BEGIN
            IF perform_it THEN
                rows := acct._retire_records(due.table_name, due.before);
            ELSE
                EXECUTE 'SELECT count(*) FROM ' || acct._old_records(due.table_name, due.before) INTO rows;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            action := 'skip';
            reason := 'not dropped: ' || SQLERRM;
            rows := NULL;
        END;
        IF rows > 0 OR action = 'skip' THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.apply_retention(boolean) IS
'Archives and drops the months, the staging and the records of runs that are due by acct.retention_policy, or with dry_run (or NULL) only lists them: a row for each, with its action, or with skip and the reason. Raises 25001 (the transaction is not READ COMMITTED).';

-- What runs took of the source stays: its rows are not changed, emptied, rewritten or dropped.

CREATE FUNCTION acct._refuse_taken_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    taken acct.journal_run_batch;
BEGIN
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.journal_run_batch'::regclass) <> quote_ident(current_user)::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    IF NOT acct._in_maintenance() THEN
        -- Claims update the batch: one that is under way is waited for, and a snapshot older than a claim gets 40001.
        PERFORM FROM acct.txn_batch AS b WHERE b.batch_id = OLD.batch_id FOR SHARE;
        IF TG_OP = 'UPDATE' AND NEW.batch_id IS DISTINCT FROM OLD.batch_id THEN
            PERFORM FROM acct.txn_batch AS b WHERE b.batch_id = NEW.batch_id FOR SHARE;
        END IF;
        SELECT b.* INTO taken FROM acct.journal_run_batch AS b
         WHERE b.batch_id IN (OLD.batch_id, CASE WHEN TG_OP = 'UPDATE' THEN NEW.batch_id END) AND b.released_at IS NULL
         LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'batch % was taken by run %: % of its rows is refused', taken.batch_id, taken.run_id, TG_OP
                USING ERRCODE = 'LE008',
                      DETAIL = format('Transaction %s of %s is in table %s.', OLD.txn_id, OLD.txn_month, TG_RELID::regclass),
                      HINT = 'Discard the run if it is not posted; else load a correcting transaction.';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    PERFORM acct._note_update(NEW.txn_id, NEW.txn_month, NEW.batch_id, NEW.batch_id IS DISTINCT FROM OLD.batch_id,
                              NEW.txn_month IS DISTINCT FROM OLD.txn_month);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._refuse_taken_row() IS
'Trigger function of acct.txn_source_parent: rows of a batch that a run holds refuse UPDATE and DELETE (LE008). Locks the batch against claims to the end of the transaction.';

CREATE FUNCTION acct._refuse_older_snapshot(p_command text, p_tables text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION '% of % is refused in a transaction that is %', p_command, acct._first_of(p_tables), upper(current_setting('transaction_isolation'))
            USING ERRCODE = '25001', DETAIL = 'The snapshot of the transaction does not show what runs have claimed since.',
                  HINT = format('%s it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.', initcap(p_command));
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_older_snapshot(text, text[]) IS
'Refuses a command that takes source rows away where an older snapshot could hide that runs took them (25001).';

CREATE FUNCTION acct._refuse_taken_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    taken bigint;
BEGIN
    PERFORM acct._require_layout();
    IF NOT acct._in_maintenance() THEN
        PERFORM acct._refuse_older_snapshot('TRUNCATE', ARRAY[TG_RELID::regclass::text]);
        EXECUTE format('SELECT b.run_id FROM (SELECT DISTINCT s.batch_id, s.txn_month FROM %s AS s) AS x '
                       'JOIN acct.journal_run_batch AS b ON (b.batch_id, b.txn_month) = (x.batch_id, x.txn_month) '
                       'WHERE b.released_at IS NULL LIMIT 1', TG_RELID::regclass) INTO taken;
    END IF;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'run % took rows of %: TRUNCATE is refused', taken, TG_RELID::regclass
            USING ERRCODE = 'LE008', HINT = 'Discard the run if it is not posted.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._refuse_taken_truncate() IS
'Trigger function of acct.txn_source_parent and its partitions: TRUNCATE is refused while a run holds rows of the month (LE008), and where an older snapshot could hide that one does (25001).';

CREATE FUNCTION acct._refuse_source_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    reason CONSTANT integer := pg_event_trigger_table_rewrite_reason();
    source record;
BEGIN
    -- The table itself cannot be read here: its rows are still of the old types.
    SELECT c.oid::regclass AS name, c.relpersistence, substring(c.relname, '_([0-9]{4}_(?:0[1-9]|1[0-2]))$') AS month INTO source
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid = pg_event_trigger_table_rewrite_oid()
       AND (n.nspname = 'acct_archive' AND c.relname ~ '^txn_source_'
            OR EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS a WHERE a.relid = to_regclass('acct.txn_source_parent')));
    -- Values of a new or computed column (2) change nothing that was there; what became unlogged (1) can be put right.
    IF NOT FOUND OR reason = 2 OR reason = 1 AND source.relpersistence = 'u' THEN
        RETURN;
    END IF;
    PERFORM acct._require_layout();
    IF NOT acct._allows_loss()
       AND EXISTS (SELECT FROM acct.journal_run_batch AS b
                    WHERE b.released_at IS NULL AND (source.month IS NULL OR b.txn_month = to_date(source.month, 'YYYY_MM'))) THEN
        RAISE EXCEPTION 'runs took rows of %: rewriting them is refused', source.name
            USING ERRCODE = 'LE008', DETAIL = 'Transactions that a run took do not change, and outlast a crash.',
                  HINT = 'A superuser can set ledger_engine.allow_drop = on for the session.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_source_rewrite() IS
'Event trigger function: refuses an ALTER TABLE that would rewrite source transactions of a month that runs took, or have them lost in a crash (LE008).';

CREATE EVENT TRIGGER ledger_engine_source ON table_rewrite EXECUTE FUNCTION acct._refuse_source_rewrite();
ALTER EVENT TRIGGER ledger_engine_source ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER ledger_engine_source IS
'Refuses to rewrite source transactions of a month that runs took (LE008).';

CREATE FUNCTION acct._has_lost_rows(p_month date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    tables CONSTANT regclass[] := array_remove(ARRAY[to_regclass('acct.txn_source_parent'),
        CASE WHEN acct._is_archived('txn_source_parent', p_month) THEN to_regclass(format('acct_archive.%I', acct._partition_name('txn_source', p_month))) END], NULL);
    source CONSTANT text := coalesce((SELECT string_agg(format('SELECT k.batch_id, k.gross_amount FROM %s AS k WHERE k.txn_month = %L', t, p_month), ' UNION ALL ') FROM unnest(tables) AS t),
                                     'SELECT 0::bigint AS batch_id, 0::numeric AS gross_amount LIMIT 0');
BEGIN
    RETURN EXISTS (SELECT FROM acct._source_batches(format('(%s)', source)) AS s CROSS JOIN LATERAL acct._changed_claims(p_month, s.batches, s.rows, s.gross) AS c
                    WHERE c.found_rows < c.taken_rows);
END
$$;
COMMENT ON FUNCTION acct._has_lost_rows(date) IS 'True where a batch that a run took has fewer rows in a source month than when it was taken. Reads the month.';

CREATE FUNCTION acct._refuse_source_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    names text[];
    -- Those that the record or their names tell
    months date[];
    knows_all boolean;
    lost date;
BEGIN
    -- pg_restore --clean drops the guard first, and then everything; what it may drop is the matter of another event trigger.
    -- A layout that is older, or is being made, does not have all of these tables.
    IF array_position(ARRAY[to_regclass('acct.source_month'), to_regclass('acct.journal_run_batch'), to_regclass('acct.archived_partition')], NULL) IS NOT NULL
       OR NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard') THEN
        RETURN;
    END IF;
    SELECT array_agg(DISTINCT x.name ORDER BY x.name), array_agg(x.month), coalesce(bool_and(x.month IS NOT NULL), true) INTO names, months, knows_all
      FROM (SELECT d.object_identity AS name, m.month
              FROM pg_event_trigger_dropped_objects() AS d
              LEFT JOIN LATERAL (SELECT k.txn_month AS month FROM acct.source_month AS k WHERE k.relation::oid = d.objid
                                 UNION
                                 SELECT to_date(substring(d.address_names[2], '^txn_source_([0-9]{4}_(?:0[1-9]|1[0-2]))$'), 'YYYY_MM')
                                  WHERE d.address_names[2] ~ '^txn_source_[0-9]{4}_(0[1-9]|1[0-2])$') AS m ON true
             WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.object_type IN ('table', 'foreign table')
               AND (d.objid IN (SELECT k.relation FROM acct.source_month AS k)
                    OR d.address_names[1] = 'acct_archive' AND m.month IS NOT NULL
                    -- A partition of the source has the first two triggers, one that was detached the second, an archived one all but the first.
                    OR EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS t
                                WHERE t.object_type = 'trigger' AND t.address_names[1:2] = d.address_names
                                  AND t.address_names[3] IN ('txn_source_taken', 'txn_source_taken_truncate', 'txn_source_archived')))) AS x;
    IF names IS NULL OR acct._allows_loss() THEN
        RETURN;
    END IF;
    PERFORM acct._require_layout() WHERE to_regclass('acct.txn_source_parent') IS NOT NULL;
    PERFORM acct._refuse_older_snapshot('DROP', names);
    SELECT m.month INTO lost
      FROM (SELECT DISTINCT b.txn_month AS month FROM acct.journal_run_batch AS b
             WHERE b.released_at IS NULL AND (b.txn_month = ANY (months) OR NOT knows_all)) AS m
     WHERE NOT EXISTS (SELECT FROM acct.archived_partition AS a
                        WHERE (a.table_name, a.month) = ('txn_source_parent', m.month) AND a.dropped_at IS NOT NULL)
       AND acct._has_lost_rows(m.month) ORDER BY m.month LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'DROP of % is refused: runs took rows of % that no other table has', acct._first_of(names), acct._month_name(lost)
            USING ERRCODE = 'LE008', DETAIL = 'Loaded again, they would be booked twice.',
                  HINT = 'Discard the runs that are not posted. Attach a table with these rows, or archive the month and have acct.apply_retention() drop it. '
                         'Where this table does not have them either, a superuser can set ledger_engine.allow_drop = on for the session.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_source_drop() IS
'Event trigger function: refuses to drop a table of a source month, also a detached or archived one, that alone has rows which runs took (LE008). Refuses it, too, where an older snapshot could hide that runs took some (25001).';

CREATE EVENT TRIGGER ledger_engine_source_drop ON sql_drop EXECUTE FUNCTION acct._refuse_source_drop();
ALTER EVENT TRIGGER ledger_engine_source_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER ledger_engine_source_drop IS
'Refuses to drop source transactions that runs took (LE008).';

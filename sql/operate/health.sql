-- health(): what a monitor, a workflow or a person asks of the state of the ledger.

CREATE FUNCTION acct._health_checks() RETURNS TABLE (n integer, check_name text, threshold numeric, hint text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES (1, 'layout', 0, 'As a superuser: SELECT acct.install();'),
           (2, 'guard', 0, 'As a superuser: SELECT acct.install(); it puts triggers back. See "The guard is incomplete" in docs/operations.md.'),
           (3, 'indexes', 0, 'REINDEX INDEX, or drop what a CREATE INDEX CONCURRENTLY left behind.'),
           (4, 'sequences', 80, 'See "What is bounded by what" in docs/architecture.md.'),
           (5, 'partitions_attached', 0, 'Attach the table again: ALTER TABLE ... ATTACH PARTITION ..., after DETACH PARTITION ... FINALIZE where it is being detached.'),
           (6, 'source_partitions', 2, 'SELECT acct.rotate_txn_source_partitions(1); A load into a month without a partition fails: no partition of relation found for row.'),
           (7, 'ledger_partitions', 2, 'SELECT acct.rotate_ledger_partitions(1);'),
           (8, 'runs_stuck', 6, 'Post them with acct.post_journals(run_id), or end them with acct.cancel_run(run_id); CALL acct.run_job(''run'') resumes its own runs.'),
           (9, 'staging_lost', 0, 'SELECT acct.expand_journals(run_id); or acct.discard_run(run_id).'),
           (10, 'staging_left', 7, 'SELECT * FROM acct.apply_retention();'),
           (11, 'exceptions_open', 0, 'See acct.je_exception; correct the cause, then acct.reprocess_exceptions(run_id), or discard a run that is not posted. acct.waive_exception() settles one that needs no journal.'),
           (12, 'batches_waiting', 24, 'CALL acct.run_job(''run''); or acct.process_month() of their months.'),
           (13, 'source_rows', 0, 'See check batches_unchanged and batches_registered of acct.validate_run(). Load such rows again, as a batch of their own; where the batch neither waits nor was taken, a superuser adds its month to acct.source_check.'),
           (14, 'snapshot', 0, 'See acct.check_balance_snapshot(). acct.update_balance_snapshot() computes balances from the lines, where these are as they were posted.'),
           (15, 'jobs', 0, 'See step job in acct.run_log, and acct.scheduled_jobs.'),
           (16, 'separation_of_duties', 0, 'Give the duties to different people: REVOKE one of the roles. See acct.install_roles().'),
           (17, 'default_partitions', 0, 'ALTER TABLE ... DETACH PARTITION ...; load its rows again, into partitions that there are.'),
           (18, 'policy', 0, 'Find out who changed policy while its triggers were disabled. SELECT acct.install(); brings the digest up to date.'),
           (19, 'repeated_transactions', 0, 'Runs of several months hold the same txn_id and entity_code: see "Repeated transactions" in docs/reference.md. Where identifiers begin anew each month, raise the threshold.'),
           (20, 'approvals', 0, 'See acct.policy_finding, and "Policy was changed past its triggers" in docs/operations.md. SELECT acct.install(); records what is not numbered yet; acct.acknowledge_finding() settles it.'),
           (21, 'rights', 0, 'Make the users members of the roles of acct.install_roles(), and REVOKE the rights; SELECT acct.install(); takes back all rights to write.'),
           (22, 'locks', 1, 'Have that session end its transaction, or end it: SELECT pg_terminate_backend(PROCESS); of a prepared transaction: ROLLBACK PREPARED ''GID'';'),
           (23, 'manual_journals', 72, 'SELECT * FROM acct.approve_manual_journal(journal_id); or acct.return_manual_journal(journal_id, reason).'),
           (24, 'verification', 0, 'SELECT * FROM acct.verify_ledger() WHERE NOT passed; shows where the ledger is not what was sealed. See "Entries were changed past their triggers" in docs/operations.md.')
$$;
COMMENT ON FUNCTION acct._health_checks() IS 'The checks of health(), in their order, each with its default threshold and its hint.';

CREATE FUNCTION acct._first_of(p_names text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN array_to_string(p_names[1:5], ', ')
           || CASE WHEN cardinality(p_names) > 5 THEN format(' and %s more', cardinality(p_names) - 5) ELSE '' END;
END
$$;
COMMENT ON FUNCTION acct._first_of(text[]) IS 'The first five names of a list, and how many more there are; NULL of NULL.';

CREATE FUNCTION acct._guard_missing() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH ledger AS (
        SELECT t::oid AS relid FROM acct._tables_below('acct.ledger_entry_header') AS t
        UNION
        SELECT t FROM acct._tables_below('acct.ledger_entry_line') AS t),
    guarded AS (
        SELECT l.relid FROM ledger AS l
        UNION
        SELECT c.oid FROM ledger_guard.protected AS p JOIN pg_class AS c ON c.oid = p.relation)
    SELECT t FROM acct._missing_triggers() AS t
    UNION
    SELECT format('event trigger %s', v.name)
      FROM unnest(ARRAY['ledger_guard', 'ledger_guard_rewrite', 'ledger_guard_columns', 'ledger_engine_planting', 'ledger_engine_rights', 'ledger_engine_source', 'ledger_engine_source_drop', 'ledger_engine_unguarded']) AS v (name)
     WHERE NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = v.name AND e.evtenabled = 'A')
    UNION
    SELECT format('default of %s.%s', x.relid, x.name) FROM (VALUES ('batch_id', 'acct.txn_source_parent'::regclass)) AS x (name, relid)
     WHERE NOT EXISTS (SELECT FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                        WHERE d.adrelid = x.relid AND a.attname = x.name)
    UNION
    SELECT 'something else of acct.install()' WHERE NOT acct._layout_stands()
       AND NOT EXISTS (SELECT FROM acct._missing_triggers()) AND NOT EXISTS (SELECT FROM acct._guard_triggers_off()) AND NOT EXISTS (SELECT FROM acct._changed_guard())
       AND NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname ~ '^ledger_guard' AND e.evtenabled <> 'A')
    UNION
    SELECT format('ledger_immutable on %s', g.relid::regclass) FROM guarded AS g
     WHERE NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = g.relid AND t.tgname = 'ledger_immutable' AND t.tgenabled = 'A'
                          AND t.tgtype = 58 AND t.tgfoid = to_regprocedure('ledger_guard.refuse_change()'))
    UNION
    SELECT format('%s on %s', o.name, o.relation) FROM acct._guard_triggers_off() AS o
    UNION
    SELECT format('%s on %s', x.name, t.name)
      FROM unnest(ARRAY['ledger_guard.protected', 'ledger_guard.record']) AS t (name), unnest(ARRAY['keep_guarded', 'keep_guarded_truncate']) AS x (name)
     WHERE NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = to_regclass(t.name) AND g.tgname = x.name AND g.tgenabled = 'A'
                          AND g.tgfoid = to_regprocedure('ledger_guard.keep_guarded()'))
    UNION
    SELECT format('%s in ledger_guard.record', x.name) FROM unnest(ARRAY['acct.template_audit', 'acct.chart_of_accounts', 'acct.currency', 'acct.journal_run']) AS x (name)
     WHERE NOT EXISTS (SELECT FROM ledger_guard.record AS r WHERE r.relation = to_regclass(x.name))
    UNION
    SELECT format('%s in ledger_guard.protected', l.relid::regclass) FROM ledger AS l
     WHERE NOT EXISTS (SELECT FROM ledger_guard.protected AS p WHERE p.relation = l.relid)
    UNION
    SELECT format('%s on %s', x.name, s.relid) FROM acct._tables_below('acct.txn_source_parent') AS s (relid),
           unnest(ARRAY['txn_source_taken', 'txn_source_taken_truncate']) AS x (name)
     WHERE NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = s.relid AND t.tgname = x.name AND t.tgenabled IN ('O', 'A'))
    UNION
    SELECT format('chk_own_batch on %s', s.relid) FROM acct._tables_below('acct.txn_source_parent') AS s (relid)
     WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = s.relid AND k.conname = 'chk_own_batch' AND k.contype = 'c')
$$;
COMMENT ON FUNCTION acct._guard_missing() IS
'Triggers, event triggers, the CHECK of batches and records that protect the ledger, source rows and policy, and that are missing or disabled.';

CREATE FUNCTION acct._guard_lossy() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Staging can be made again, and the temporary tables of sessions are not in these schemas.
    SELECT c.oid::regclass::text FROM pg_class AS c
     WHERE c.relkind = 'r' AND c.relpersistence <> 'p'
       AND (c.relnamespace IN (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('acct', 'acct_archive', 'ledger_guard'))
            AND c.relname !~ '^je_(header|line)_staging_([0-9]+|small)$'
            OR c.oid IN (SELECT p.relation FROM ledger_guard.protected AS p UNION ALL SELECT r.relation FROM ledger_guard.record AS r))
$$;
COMMENT ON FUNCTION acct._guard_lossy() IS 'Tables that must outlast a crash and would not, for they are unlogged.';

CREATE FUNCTION acct._guard_forgot() RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    unposted regclass;
    has_rows boolean;
BEGIN
    -- Partitions that were made ahead, which are empty.
    FOR unposted IN SELECT p.relation FROM ledger_guard.protected AS p JOIN pg_class AS c ON c.oid = p.relation AND c.relkind = 'r'
                     WHERE NOT p.has_posted AND pg_relation_size(p.relation) > 0 LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', unposted) INTO has_rows;
        IF has_rows THEN
            RETURN NEXT format('has_posted of %s', unposted);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._guard_forgot() IS 'Ledger tables that have entries and by ledger_guard.protected have none.';

CREATE FUNCTION acct._guard_changed() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT f FROM acct._changed_code() AS f
    UNION
    SELECT f FROM acct._changed_guard() AS f
    UNION
    SELECT f FROM acct._guard_forgot() AS f
    UNION
    SELECT format('columns of %s', g.relation) FROM ledger_guard.guarded() AS g
      JOIN pg_class AS c ON c.oid = g.relation
     WHERE (ledger_guard.columns_of(c.oid))[1:cardinality(g.columns)] IS DISTINCT FROM g.columns
$$;
COMMENT ON FUNCTION acct._guard_changed() IS
'Functions that are not as the extension made them, tables whose columns are not those recorded, and tables with entries that are recorded as empty.';

CREATE FUNCTION acct._health_guard(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT cardinality(x.missing) + cardinality(x.lossy) + cardinality(x.changed) + cardinality(x.others),
           nullif(concat_ws('; ', 'missing or disabled: ' || nullif(acct._first_of(x.missing), ''),
                            'unlogged: ' || nullif(acct._first_of(x.lossy), ''), 'changed: ' || nullif(acct._first_of(x.changed), ''),
                            nullif(acct._first_of(x.others), '')), '')
      FROM (SELECT ARRAY(SELECT m FROM acct._guard_missing() AS m ORDER BY m COLLATE "C") AS missing,
                   ARRAY(SELECT l FROM acct._guard_lossy() AS l ORDER BY l COLLATE "C") AS lossy,
                   c.changed, c.others
              FROM (SELECT coalesce(array_agg(g ORDER BY g COLLATE "C") FILTER (WHERE g !~ ' belongs to '), '{}') AS changed,
                           coalesce(array_agg(g ORDER BY g COLLATE "C") FILTER (WHERE g ~ ' belongs to '), '{}') AS others
                      FROM acct._guard_changed() AS g) AS c) AS x
$$;
COMMENT ON FUNCTION acct._health_guard() IS
'Objects that protect the ledger, taken source rows and policy and are missing or disabled, tables that a crash would empty, and functions and columns that were changed.';

CREATE FUNCTION acct._health_indexes(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), 'not valid: ' || acct._first_of(array_agg(i.indexrelid::regclass::text ORDER BY i.indexrelid::regclass::text))
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('acct', 'acct_archive', 'ledger_guard') AND NOT (i.indisvalid AND i.indisready AND i.indislive)
$$;
COMMENT ON FUNCTION acct._health_indexes() IS 'Indexes of the engine''s tables that are not valid.';

CREATE FUNCTION acct._health_sequences(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.percent, format('%s: %s of %s used', x.name, x.used, x.most)
      FROM (SELECT u.name, u.used, u.most, round(100 * u.used / u.most, 3) AS percent
              FROM (SELECT s.seqrelid::regclass::text AS name, coalesce(pg_sequence_last_value(s.seqrelid), 0)::numeric AS used,
                           CASE s.seqrelid WHEN 'acct.je_id_seq'::regclass THEN (acct._je_range(0)).from_je_id
                                           WHEN 'acct.je_range_seq'::regclass THEN 2147482622 ELSE s.seqmax END::numeric AS most
                      FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid WHERE c.relnamespace = 'acct'::regnamespace
                    UNION ALL
                    SELECT format('journal numbers of %s %s %s', j.entity_code, j.basis, acct._month_name(j.period_month)), j.last_number, 999999999
                      FROM acct.journal_number AS j
                     WHERE NOT acct._is_closed(j.entity_code, j.basis, j.period_month)) AS u
             ORDER BY u.used / u.most DESC, u.name LIMIT 1) AS x
$$;
COMMENT ON FUNCTION acct._health_sequences() IS
'How far the fullest of the engine''s sequences, or of the journal numbers of open months, is used up, in percent.';

CREATE FUNCTION acct._health_partitions_attached(OUT observed numeric, OUT detail text, OUT of_ledger boolean, OUT hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.found + m.found, nullif(concat_ws('; ', 'detached: ' || d.names, 'missing: ' || m.names), ''), d.of_ledger OR m.had_entries,
           CASE WHEN d.found > 0 OR m.found = 0 THEN NULL
                WHEN m.had_entries THEN 'Entries were posted to it: restore the table from a backup, and attach it: ALTER TABLE ... ATTACH PARTITION ...'
                ELSE format('SELECT acct.rotate_ledger_partitions(0, %L); makes it again, as posting to the month does.', to_char(m.month, 'YYYY-MM-DD')) END
      FROM (SELECT count(*) AS found, acct._first_of(array_agg(x.relation::text ORDER BY x.relation::text)) AS names, coalesce(bool_or(x.of_ledger), false) AS of_ledger
              FROM acct._detached_partitions() AS x) AS d
     CROSS JOIN (SELECT count(*) AS found, acct._first_of(array_agg(x.name ORDER BY x.name)) AS names, coalesce(bool_or(x.had_entries), false) AS had_entries,
                          min(x.month) AS month
                   FROM acct._missing_partitions() AS x) AS m
$$;
COMMENT ON FUNCTION acct._health_partitions_attached() IS
'Partitions of ledger and source that are detached, or being detached: posting to a month of which one is, and runs of a source month that is, stop with LE010; balances are not recomputed. Also those of the ledger that are missing.';

CREATE FUNCTION acct._months_covered(p_parent regclass) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*)::integer
      FROM (SELECT m.month, row_number() OVER (ORDER BY m.month) AS n
              FROM (SELECT DISTINCT x.month FROM acct._months_with_partitions(p_parent) AS x
                     WHERE x.month >= date_trunc('month', current_date)) AS m) AS f
     WHERE f.month = (date_trunc('month', current_date) + make_interval(months => f.n::integer - 1))::date
$$;
COMMENT ON FUNCTION acct._months_covered(regclass) IS
'The number of months, from the current one on without a gap, that have a partition.';

CREATE FUNCTION acct._health_runs_stuck(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(round(max(r.hours), 2), 0),
           acct._first_of(array_agg(format('run %s %s is %s since %s, %s%s', r.run_id, acct._run_about(r.kind, r.txn_month, r.je_date), r.status,
                                           to_char(r.since, 'YYYY-MM-DD HH24:MI'),
                                           coalesce('process ' || r.pid || ' works on it', 'no session works on it'),
                                           CASE WHEN r.run_key IS NULL THEN ', no key' END) ORDER BY r.since, r.run_id))
      FROM (SELECT j.run_id, j.run_key, j.kind, j.txn_month, j.je_date, j.status, s.since, extract(epoch FROM now() - s.since) / 3600 AS hours,
                   (SELECT min(h) FROM unnest(acct._row_holders('acct.journal_run', '{run_id}', ARRAY[j.run_id::text])) AS h) AS pid
              FROM acct.journal_run AS j CROSS JOIN LATERAL (SELECT coalesce(j.expanded_at, j.created_at) AS since) AS s
             WHERE j.status IN ('created', 'expanded') AND acct._run_transactions(j.run_id) > 0) AS r
$$;
COMMENT ON FUNCTION acct._health_runs_stuck() IS
'Hours since the last step of that run, of those that have transactions and are neither posted nor discarded, which waits longest; and whether a session works on it.';

CREATE FUNCTION acct._health_staging_lost(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), CASE WHEN pg_is_in_recovery() THEN 'not checked on a standby, which has no staging'
                          ELSE 'lost: ' || acct._first_of(array_agg(format('run %s', r.run_id) ORDER BY r.run_id)) END
      FROM acct.journal_run AS r WHERE r.status = 'expanded' AND NOT pg_is_in_recovery() AND acct._staging_lost(r.run_id)
$$;
COMMENT ON FUNCTION acct._health_staging_lost() IS 'Expanded runs whose staging a crash of the server emptied.';

CREATE FUNCTION acct._first_posted_in_staging() RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off AS $$
DECLARE
    id bigint := 0;
BEGIN
    -- From one run to the next by index. Few are not posted, and a look at all of them would take too long where there are many.
    IF NOT pg_is_in_recovery() THEN
        LOOP
            SELECT min(s.run_id) INTO id FROM acct.je_header_staging_small AS s WHERE s.run_id > id;
            EXIT WHEN id IS NULL OR EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = id AND acct._is_posted(r.status));
        END LOOP;
    END IF;
    RETURN nullif(id, 0);
END
$$;
COMMENT ON FUNCTION acct._first_posted_in_staging() IS
'Of the posted runs that have journals in the table of staging that small runs share, the one that was made first; NULL where there is none, and on a standby.';

CREATE FUNCTION acct._health_staging_left(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH staging AS (
        SELECT c.oid::regclass::text AS name, r.posted_at,
               coalesce(acct._is_posted(r.status), false) AND i.is_attached AS is_posted
          FROM pg_class AS c
         CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_inherits AS p WHERE p.inhrelid = c.oid) AS is_attached) AS i
          LEFT JOIN acct.journal_run AS r ON r.run_id = substring(c.relname, '[0-9]+$')::bigint
         WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^je_(header|line)_staging_[0-9]+$'
           AND NOT (coalesce(r.status, '') IN ('created', 'expanded') AND i.is_attached)),
    left_over AS (
        SELECT s.name, CASE WHEN s.is_posted THEN format('a run posted on %s', to_char(s.posted_at, 'YYYY-MM-DD')) ELSE 'no run' END AS owner,
               -- Without a policy the staging of posted runs is meant to stay.
               CASE WHEN s.is_posted THEN extract(epoch FROM now() - s.posted_at) / 86400 - p.active_days ELSE 'Infinity' END AS days
          FROM staging AS s
          LEFT JOIN acct.retention_policy AS p ON p.table_name = 'je_staging'
        UNION ALL
        SELECT 'je_header_staging_small', format('run %s, posted on %s', r.run_id, to_char(r.posted_at, 'YYYY-MM-DD')),
               extract(epoch FROM now() - r.posted_at) / 86400 - p.active_days
          FROM acct.journal_run AS r JOIN acct.retention_policy AS p ON p.table_name = 'je_staging'
         WHERE r.run_id = acct._first_posted_in_staging())
    SELECT coalesce(round(max(l.days), 2), 0), acct._first_of(array_agg(format('%s of %s', l.name, l.owner) ORDER BY l.days DESC, l.name))
      FROM left_over AS l WHERE l.days > 0
$$;
COMMENT ON FUNCTION acct._health_staging_left() IS
'Days for which the oldest staging of a posted run stands longer than retention policy je_staging says; infinite where staging tables belong to no run.';

CREATE FUNCTION acct._health_exceptions_open(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(sum(e.exceptions), 0), acct._first_of(array_agg(format('%s %s', e.reason, e.exceptions) ORDER BY e.exceptions DESC, e.reason))
      FROM (SELECT x.reason, count(*) AS exceptions FROM acct.je_exception AS x
             WHERE x.resolved_by_run IS NULL AND x.voided_at IS NULL AND x.waived_at IS NULL GROUP BY x.reason) AS e
$$;
COMMENT ON FUNCTION acct._health_exceptions_open() IS 'Exceptions that no run has taken up again, and nobody waived.';

CREATE FUNCTION acct._untaken_batches() RETURNS TABLE (batch_id bigint, txn_month date, transactions bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    every_basis CONSTANT text[] := ARRAY(SELECT b.basis FROM acct.accounting_basis AS b);
    source_month date;
    ranges record;
BEGIN
    -- By the BRIN index, in which rows of a batch lie together: without sequential scans.
    FOR source_month IN SELECT DISTINCT m FROM acct._source_months() AS m ORDER BY 1 LOOP
        SELECT r.* INTO ranges FROM acct._untaken_ranges(source_month, every_basis) AS r;
        CONTINUE WHEN ranges.first IS NULL;
        RETURN QUERY EXECUTE format('SELECT s.batch_id, $1, count(*) FROM unnest($2, $3) AS g (first, last) '
                                    '  JOIN %s AS s ON s.batch_id BETWEEN g.first AND g.last GROUP BY s.batch_id',
                                    acct._source_rows(source_month)) USING source_month, ranges.first, ranges.last;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._untaken_batches() IS
'The batches of each source month that no live run took for every basis that takes every transaction, with the number of their rows in it; batches that are not registered may be among them.';

CREATE FUNCTION acct.batches_waiting()
RETURNS TABLE (batch_id bigint, txn_month date, transactions bigint, loaded_at timestamptz, loaded_by text, source text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._hold_tables('{acct.txn_source_parent}', 'ACCESS SHARE', true);
    RETURN QUERY SELECT b.batch_id, u.txn_month, u.transactions, b.loaded_at, b.loaded_by, b.source
                   FROM acct._untaken_batches() AS u JOIN acct.txn_batch AS b ON b.batch_id = u.batch_id
                  ORDER BY 1, 2;
END
$$;
COMMENT ON FUNCTION acct.batches_waiting() IS
'Loads that wait for a run: a row for each batch and month that no run took for every basis that takes every transaction. It has the number of transactions in the month, and when, by whom and from where it was loaded.';

CREATE FUNCTION acct._health_batches_waiting(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(round(max(extract(epoch FROM now() - w.loaded_at)) / 3600, 2), 0),
           acct._first_of(array_agg(format('batch %s of %s, %s transactions', w.batch_id, acct._month_name(w.txn_month), w.transactions)
                                    ORDER BY w.loaded_at, w.batch_id, w.txn_month))
      FROM (SELECT u.*, b.loaded_at FROM acct._untaken_batches() AS u JOIN acct.txn_batch AS b ON b.batch_id = u.batch_id) AS w
$$;
COMMENT ON FUNCTION acct._health_batches_waiting() IS 'Hours that the oldest load which waits for a run has been waiting.';

CREATE FUNCTION acct._unbookable_rows(p_month date, OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH source AS MATERIALIZED (SELECT b.* FROM acct._source_batches(acct._source_rows(p_month)) AS b),
    found AS (SELECT u.*, EXISTS (SELECT FROM acct.txn_batch AS t WHERE t.batch_id = u.batch_id) AS is_registered
                FROM source AS s CROSS JOIN LATERAL unnest(s.batches, s.rows) AS u (batch_id, rows)),
    astray AS (SELECT a AS batch_id, string_agg(b.basis, ', ' ORDER BY b.basis) AS bases
                 FROM acct.accounting_basis AS b CROSS JOIN source AS s CROSS JOIN LATERAL unnest(acct._batches_astray(p_month, b.basis, s.batches)) AS a
                WHERE acct._is_source_known(p_month) GROUP BY a)
    SELECT coalesce(sum(x.rows), 0), acct._first_of(array_agg(x.what ORDER BY x.what))
      FROM (SELECT f.rows, format('batch %s is not registered: %s rows', f.batch_id, f.rows) AS what FROM found AS f WHERE NOT f.is_registered
            UNION ALL
            SELECT f.rows, format('batch %s neither waits nor was taken for %s: %s rows', f.batch_id, a.bases, f.rows)
              FROM found AS f JOIN astray AS a ON a.batch_id = f.batch_id WHERE f.is_registered
            UNION ALL
            SELECT DISTINCT greatest(abs(c.found_rows - c.taken_rows), 1), c.message
              FROM source AS s CROSS JOIN LATERAL acct._changed_claims(p_month, s.batches, s.rows, s.gross) AS c) AS x
$$;
COMMENT ON FUNCTION acct._unbookable_rows(date) IS
'Rows of a source month that no run will book: of batches that are not registered, or neither wait nor were taken, or added to a batch after it was taken, or gone from it. Reads the month.';

CREATE FUNCTION acct._month_in_turn(p_months date[]) RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Called once a day it comes to each month, day after day; called every hour, to all of them in a few days.
    SELECT p_months[1 + mod((extract(epoch FROM now())::bigint / 86400
                             + extract(hour FROM now() AT TIME ZONE 'UTC')::bigint * ((cardinality(p_months) + 23) / 24)),
                            nullif(cardinality(p_months), 0))]
$$;
COMMENT ON FUNCTION acct._month_in_turn(date[]) IS 'One of these months, another one each hour.';

CREATE FUNCTION acct._health_source_rows(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH source AS (SELECT DISTINCT m AS month FROM acct._source_months() AS m),
    -- Of which somebody dropped the table; one that is only detached is reported by partitions_attached.
    gone AS (
        SELECT DISTINCT r.txn_month AS month FROM acct.journal_run AS r
         WHERE r.kind = 'transaction' AND r.status <> 'discarded' AND r.txn_month NOT IN (SELECT s.month FROM source AS s)
           AND NOT acct._is_archived('txn_source_parent', r.txn_month) AND to_regclass(format('acct.%I', acct._partition_name('txn_source', r.txn_month))) IS NULL
           AND r.txn_month NOT IN (SELECT s.month FROM acct._source_astray() AS s))
    SELECT coalesce(sum(u.observed), 0), acct._first_of(array_agg(u.detail ORDER BY m.month DESC))
      FROM (SELECT max(c.txn_month) AS month FROM acct.journal_run_batch AS c
             WHERE c.released_at IS NULL AND c.txn_month IN (SELECT s.month FROM source AS s)
            UNION
            SELECT acct._month_in_turn(ARRAY(SELECT s.month FROM source AS s ORDER BY 1))
            UNION
            SELECT g.month FROM gone AS g) AS m
     CROSS JOIN LATERAL acct._unbookable_rows(m.month) AS u
     WHERE m.month IS NOT NULL AND u.observed > 0
$$;
COMMENT ON FUNCTION acct._health_source_rows() IS
'Source rows that no run will book, or that are gone since one took them: of the newest month that a run took, of another month in turn, and of months whose table is gone.';

CREATE FUNCTION acct._health_snapshot(OUT observed numeric, OUT detail text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    lost text := (SELECT acct._first_of(array_agg(d.relation::text ORDER BY d.relation::text)) FROM acct._detached_partitions() AS d WHERE d.of_ledger);
BEGIN
    IF lost IS NOT NULL THEN
        observed := 1;
        detail := 'cannot be compared, for partitions are detached: ' || lost;
        hint := 'Attach them again. Until then balances are right where they were, and are not recomputed.';
        RETURN;
    END IF;
    SELECT count(*), acct._first_of(array_agg(e::text ORDER BY e::text)) INTO observed, lost FROM acct._emptied_partitions() AS e;
    IF lost IS NOT NULL THEN
        detail := 'posted entries are gone from ' || lost;
        hint := 'Restore them from a backup. Until then balances are right where they were, and are not recomputed.';
        RETURN;
    END IF;
    SELECT count(*), acct._first_of(array_agg(concat_ws(' ', c.entity_code, c.basis, acct._month_name(c.snapshot_month), c.fund, c.account_code, c.currency)
                                              ORDER BY c.entity_code, c.basis, c.snapshot_month, c.fund, c.account_code, c.currency))
      INTO observed, detail
      FROM (SELECT t.je_month FROM acct.journal_run_total AS t
             WHERE t.run_id = (SELECT r.run_id FROM acct.journal_run AS r WHERE acct._is_posted(r.status)
                                ORDER BY r.posted_at DESC LIMIT 1)
            UNION
            SELECT m FROM acct._month_in_turn(ARRAY(SELECT DISTINCT x.month FROM acct._months_with_partitions('acct.ledger_entry_line') AS x ORDER BY x.month)) AS m
             WHERE m IS NOT NULL) AS m,
           acct.check_balance_snapshot(m.je_month) AS c;
END
$$;
COMMENT ON FUNCTION acct._health_snapshot() IS
'Balances that differ from their lines, of the months that the last posted run has journals in and of another month in turn, whose lines it reads; partitions whose entries are gone.';

CREATE FUNCTION acct._health_jobs(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH logged AS (
        SELECT x.detail ->> 'job' AS job, x.detail ->> 'status' AS status, x.at,
               row_number() OVER (PARTITION BY x.detail ->> 'job' ORDER BY x.log_id DESC) AS n,
               row_number() OVER (PARTITION BY x.detail ->> 'job', x.detail ->> 'status' = 'skipped' ORDER BY x.log_id DESC) AS n_alike
          FROM acct.run_log AS x WHERE x.run_id IS NULL AND x.step = 'job')
    SELECT count(*), acct._first_of(array_agg(f.what ORDER BY f.what))
      FROM (SELECT format('failed: %s at %s', g.job, to_char(g.at, 'YYYY-MM-DD HH24:MI')) AS what FROM logged AS g
             WHERE g.status = 'failed' AND g.n_alike = 1
            UNION
            -- Once is what happens when the last one takes long.
            SELECT format('skipped twice in a row: %s at %s', g.job, to_char(max(g.at), 'YYYY-MM-DD HH24:MI')) FROM logged AS g
             WHERE g.n <= 2 AND g.status = 'skipped' GROUP BY g.job HAVING count(*) = 2
            UNION
            -- Where it did not come as far as the log, as when pg_cron could not connect.
            SELECT format('failed: %s at %s', s.job, to_char(s.last_start, 'YYYY-MM-DD HH24:MI')) FROM acct._scheduled_jobs() AS s
             WHERE s.last_status = 'failed'
               AND NOT EXISTS (SELECT FROM acct.run_log AS x WHERE x.run_id IS NULL AND x.step = 'job' AND x.detail ->> 'job' = s.job
                                  AND x.at >= s.last_start)) AS f
$$;
COMMENT ON FUNCTION acct._health_jobs() IS
'Jobs of acct.run_job() whose last run failed, that were skipped the last two times, or that pg_cron failed to run.';

CREATE FUNCTION acct._health_separation(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), acct._first_of(array_agg(format('%s: %s', l.rolname, l.roles) ORDER BY l.rolname))
      FROM (SELECT r.rolname, string_agg(format('%s and %s', p.one, p.other), ', ' ORDER BY p.n) AS roles
              FROM pg_roles AS r
             CROSS JOIN (VALUES (1, 'acct_finance', 'acct_approver'), (2, 'acct_operator', 'acct_approver'),
                                (3, 'acct_loader', 'acct_finance')) AS p (n, one, other)
              JOIN pg_roles AS a ON a.rolname = p.one
              JOIN pg_roles AS b ON b.rolname = p.other
             -- Members of members, also those who have to SET ROLE.
             WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, a.oid, 'MEMBER') AND pg_has_role(r.oid, b.oid, 'MEMBER')
             GROUP BY r.rolname) AS l
$$;
COMMENT ON FUNCTION acct._health_separation() IS
'Logins, superusers left out, that are members of roles which two people should have: finance and approver, operator and approver, loader and finance.';

CREATE FUNCTION acct._health_policy(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), 'not as its triggers recorded it: ' || acct._first_of(array_agg(key ORDER BY key))
      FROM jsonb_each_text(acct._policy_kept()) AS k FULL JOIN jsonb_each_text(acct._policy_computed()) AS c USING (key)
     WHERE k.value IS DISTINCT FROM c.value
$$;
COMMENT ON FUNCTION acct._health_policy() IS 'Tables of policy whose rows were changed past the triggers that keep its digest.';

CREATE FUNCTION acct._health_repeated_transactions(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(sum(r.repeated_transactions), 0),
           acct._first_of(array_agg(format('run %s of %s: %s', r.run_id, acct._month_name(r.txn_month), r.repeated_transactions) ORDER BY r.run_id DESC))
      FROM acct.journal_run AS r
     WHERE acct._is_posted(r.status) AND r.repeated_transactions > 0 AND r.posted_at > now() - interval '31 days'
       AND (r.status <> 'reversed' OR acct._is_booked(r.run_id))
$$;
COMMENT ON FUNCTION acct._health_repeated_transactions() IS
'Transactions of runs posted in the last 31 days that live runs of other months held too; a run that is reversed and not booked again no longer counts.';

CREATE FUNCTION acct._health_locks(OUT observed numeric, OUT detail text)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(max(b.seconds), 0), acct._first_of(array_agg(format('%s by %s', b.what, b.holder) ORDER BY b.seconds DESC, b.holder))
      FROM acct._blocking_locks() AS b
$$;
COMMENT ON FUNCTION acct._health_locks() IS
'Seconds for which the session has been idle, the transaction been prepared, or been running, that holds what runs or loads have to wait for.';

CREATE FUNCTION acct._health_verification(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(v.findings, 0),
           CASE WHEN v.verification_id IS NULL THEN 'no complete verification yet'
                ELSE format('last complete verification %s by %s: %s', to_char(v.ended_at, 'YYYY-MM-DD HH24:MI'), v.verified_by, coalesce(v.first_finding, 'nothing found')) END
      FROM (SELECT) AS one
      LEFT JOIN LATERAL (SELECT x.* FROM acct.ledger_verification AS x WHERE coalesce(x.from_month, x.to_month) IS NULL AND coalesce(x.entity_code, x.basis) IS NULL
                          ORDER BY x.verification_id DESC LIMIT 1) AS v ON true
$$;
COMMENT ON FUNCTION acct._health_verification() IS 'The findings of the last verification of the complete ledger, and when it was.';

CREATE FUNCTION acct._health_of(p_check text, p_threshold numeric, OUT status text, OUT observed numeric, OUT detail text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    severity text := 'warning';
BEGIN
    CASE p_check
        WHEN 'layout' THEN
            observed := acct._layout_version();
            detail := 'missing: ' || nullif(acct._first_of(ARRAY(SELECT d FROM acct._dropped() AS d ORDER BY d COLLATE "C")), '');
            status := CASE WHEN detail IS NULL THEN 'ok' ELSE 'critical' END;
            detail := coalesce(detail, format('layout %s', observed));
            RETURN;
        WHEN 'guard' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_guard() AS h;
        WHEN 'indexes' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_indexes() AS h;
        WHEN 'sequences' THEN
            SELECT h.observed, h.detail, CASE WHEN h.observed > 95 THEN 'critical' ELSE severity END
              INTO observed, detail, severity FROM acct._health_sequences() AS h;
        WHEN 'partitions_attached' THEN
            SELECT h.observed, h.detail, CASE WHEN h.of_ledger THEN 'critical' ELSE severity END, h.hint
              INTO observed, detail, severity, hint FROM acct._health_partitions_attached() AS h;
        WHEN 'source_partitions', 'ledger_partitions' THEN
            observed := acct._months_covered(CASE p_check WHEN 'source_partitions' THEN 'acct.txn_source_parent'
                                                          ELSE 'acct.ledger_entry_line' END::regclass);
            IF p_check = 'ledger_partitions' THEN
                observed := least(observed, acct._months_covered('acct.ledger_entry_header'));
            ELSIF observed = 0 THEN
                severity := 'critical';
            END IF;
            detail := format('%s of %s months from %s on have a partition', observed, p_threshold, acct._month_name(current_date));
            status := CASE WHEN observed < p_threshold THEN severity ELSE 'ok' END;
            RETURN;
        WHEN 'runs_stuck' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_runs_stuck() AS h;
        WHEN 'staging_lost' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_staging_lost() AS h;
        WHEN 'staging_left' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_staging_left() AS h;
        WHEN 'exceptions_open' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_exceptions_open() AS h;
        WHEN 'batches_waiting' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_batches_waiting() AS h;
        WHEN 'source_rows' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_source_rows() AS h;
        WHEN 'snapshot' THEN
            SELECT h.observed, h.detail, 'critical', h.hint INTO observed, detail, severity, hint FROM acct._health_snapshot() AS h;
        WHEN 'default_partitions' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_default_partitions() AS h;
        WHEN 'policy' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_policy() AS h;
        WHEN 'jobs' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_jobs() AS h;
        WHEN 'separation_of_duties' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_separation() AS h;
        WHEN 'rights' THEN
            SELECT h.observed, h.detail, CASE WHEN h.can_write THEN 'critical' ELSE severity END
              INTO observed, detail, severity FROM acct._health_rights() AS h;
        WHEN 'approvals' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_approvals() AS h;
        WHEN 'repeated_transactions' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_repeated_transactions() AS h;
        WHEN 'manual_journals' THEN
            SELECT h.observed, h.detail INTO observed, detail FROM acct._health_manual_journals() AS h;
        WHEN 'verification' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_verification() AS h;
        WHEN 'locks' THEN
            SELECT h.observed, h.detail, 'critical' INTO observed, detail, severity FROM acct._health_locks() AS h;
    END CASE;
    status := CASE WHEN observed > p_threshold THEN severity ELSE 'ok' END;
END
$$;
COMMENT ON FUNCTION acct._health_of(text, numeric) IS 'One check of health() against its threshold.';

CREATE FUNCTION acct._require_checks_known(p_checks text[], p_thresholds jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    unknown text;
    names text;
BEGIN
    IF jsonb_typeof(p_thresholds) IS DISTINCT FROM 'object' OR jsonb_path_exists(p_thresholds, 'strict $.* ? (@.type() != "number")') THEN
        RAISE EXCEPTION 'thresholds must be a JSON object of numbers' USING ERRCODE = '22023',
            HINT = 'For example {"batches_waiting": 48}.';
    END IF;
    SELECT string_agg(DISTINCT coalesce(x.name, 'NULL'), ', ') INTO unknown
      FROM (SELECT unnest(p_checks) UNION ALL SELECT jsonb_object_keys(p_thresholds)) AS x (name)
     WHERE NOT EXISTS (SELECT FROM acct._health_checks() AS c WHERE c.check_name = x.name);
    IF unknown IS NOT NULL THEN
        SELECT string_agg(c.check_name, ', ' ORDER BY c.n) INTO names FROM acct._health_checks() AS c;
        RAISE EXCEPTION 'unknown check: %', unknown USING ERRCODE = '22023', HINT = 'The checks are: ' || names || '.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_checks_known(text[], jsonb) IS 'Raises 22023 on a name that is no check of health(), or a threshold that is no number.';

CREATE FUNCTION acct.health(checks text[] DEFAULT NULL, thresholds jsonb DEFAULT '{}')
RETURNS TABLE (check_name text, status text, observed numeric, threshold numeric, detail text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET lock_timeout = '200ms' AS $$
#variable_conflict use_column
DECLARE
    c record;
    layout_error text;
BEGIN
    PERFORM acct._require_checks_known(health.checks, health.thresholds);
    BEGIN
        PERFORM acct._require_tables();
    EXCEPTION WHEN SQLSTATE 'LE010' OR lock_not_available THEN
        GET STACKED DIAGNOSTICS layout_error = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
        -- Nothing else can be looked at.
        check_name := 'layout';
        status := 'critical';
        detail := layout_error;
        RETURN NEXT;
        RETURN;
    END;
    FOR c IN SELECT k.check_name, coalesce((health.thresholds ->> k.check_name)::numeric, k.threshold) AS threshold, k.hint
               FROM acct._health_checks() AS k
              WHERE health.checks IS NULL OR k.check_name = ANY (health.checks) ORDER BY k.n LOOP
        check_name := c.check_name;
        threshold := c.threshold;
        BEGIN
            SELECT h.status, h.observed, h.detail, h.hint INTO status, observed, detail, hint FROM acct._health_of(c.check_name, c.threshold) AS h;
        EXCEPTION WHEN lock_not_available THEN
            -- The rest waits less long.
            PERFORM set_config('lock_timeout', '20ms', true);
            status := 'critical';
            observed := NULL;
            SELECT k.hint INTO hint FROM acct._health_checks() AS k WHERE k.check_name = 'locks';
            detail := format('cannot be checked, for tables are locked: %s', coalesce((SELECT l.detail FROM acct._health_locks() AS l), 'not any more'));
        WHEN OTHERS THEN
            -- One that cannot be made does not keep the others from being made.
            status := 'critical';
            observed := NULL;
            hint := NULL;
            detail := format('the check failed: %s', SQLERRM);
        END;
        hint := CASE WHEN status <> 'ok' THEN coalesce(hint, c.hint) END;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.health(text[], jsonb) IS
'The state of the ledger: a row for each check (NULL: all), with its status (ok, warning, critical), and a hint where it is not ok; thresholds replace defaults, such as {"batches_waiting": 48}. Raises 22023 (unknown check, threshold that is no number).';

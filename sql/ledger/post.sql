-- Posting: books are locked, partitions made, staging copied, balances moved, in one transaction.

CREATE FUNCTION acct._lock_books(p_entities text[], p_bases text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    is_open CONSTANT boolean := acct._lock_if_free('{acct.ledger_book}', 'ROW EXCLUSIVE', false);
    book record;
BEGIN
    FOR book IN SELECT DISTINCT b.entity_code COLLATE "C" AS entity_code, b.basis COLLATE "C" AS basis
                  FROM unnest(p_entities, p_bases) AS b (entity_code, basis) ORDER BY 1, 2 LOOP
        -- Nearly always it is there, and free. The table is locked as by whoever writes a book: recomputing waits for that.
        IF is_open THEN
            PERFORM FROM acct.ledger_book AS b WHERE b.entity_code = book.entity_code AND b.basis = book.basis FOR NO KEY UPDATE SKIP LOCKED;
            CONTINUE WHEN FOUND;
        END IF;
        PERFORM acct._lock_row('acct.ledger_book', ARRAY['entity_code', 'basis'], ARRAY[book.entity_code, book.basis],
                               format('book %s %s', book.entity_code, book.basis));
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._lock_books(text[], text[]) IS
'Locks the books (entity, basis) in key order to the end of the transaction.';

CREATE FUNCTION acct._keep_planners_out(p_partitions regclass[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    partitions CONSTANT regclass[] := array_remove(p_partitions, NULL);
    parents regclass[];
BEGIN
    IF partitions = '{}' THEN
        RETURN true;
    END IF;
    PERFORM acct._flush_wal();
    -- The parents that others see: those that this transaction did not make.
    SELECT array_agg(x.parent ORDER BY x.parent::text) INTO parents
      FROM (SELECT DISTINCT i.inhparent::regclass AS parent FROM pg_inherits AS i
             WHERE i.inhrelid = ANY (partitions) AND NOT i.inhparent = ANY (partitions)) AS x;
    -- Rotation waits for this transaction for 50 ms at a time, archiving for 400 ms: that is no reason to yield. Others would wait for ever.
    RETURN parents IS NULL OR acct._lock_tables(parents, 'ACCESS EXCLUSIVE', '10 seconds', '500 ms');
END
$$;
COMMENT ON FUNCTION acct._keep_planners_out(regclass[]) IS
'The last step of a transaction that created ledger partitions: locks their parents until it ends, so that no query is planned without a partition and sees the journals of a run without its lines. Waits for readers for ten seconds at most, 50 ms at a time, and holds no parent while it waits for a reader of another; false where a reader stayed longer, or waits for this transaction.';

CREATE FUNCTION acct._mark_posted(p_partitions regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    relations regclass[];
BEGIN
    -- With a partition those above it were recorded.
    IF (SELECT count(*) FROM ledger_guard.protected AS p WHERE p.relation = ANY (p_partitions) AND p.has_posted)
       = (SELECT count(DISTINCT x) FROM unnest(p_partitions) AS x) THEN
        RETURN;
    END IF;
    SELECT array_agg(DISTINCT a.relid) INTO relations FROM unnest(p_partitions) AS x, pg_partition_ancestors(x) AS a;
    -- In one order: postings to different books of the same new months meet here.
    PERFORM acct._lock_row('ledger_guard.protected', ARRAY['relation'], ARRAY[p.relation::text], format('the record of %s', p.relation), true)
       FROM (SELECT x.relation FROM ledger_guard.protected AS x WHERE x.relation = ANY (relations) AND NOT x.has_posted ORDER BY x.relation) AS p;
    UPDATE ledger_guard.protected AS p SET has_posted = true, columns = ledger_guard.columns_of(p.relation)
     WHERE p.relation = ANY (relations) AND NOT p.has_posted;
END
$$;
COMMENT ON FUNCTION acct._mark_posted(regclass[]) IS
'Records that ledger partitions, and the tables that they are partitions of, hold posted entries.';

CREATE FUNCTION acct._failed_inputs(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT string_agg(format('%s (expected %s, found %s)', c.check_name, c.expected, c.actual), '; ')
              FROM acct._check_inputs(p_run_id, false) AS c WHERE c.expected IS DISTINCT FROM c.actual);
END
$$;
COMMENT ON FUNCTION acct._failed_inputs(bigint) IS
'The checks of what a run was made of that fail before it is posted, in words; NULL: none does.';

CREATE FUNCTION acct._failed_correction(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    failed text;
BEGIN
    failed := acct._failed_inputs(p_run_id);
    -- The locks of the ledger end with the subtransaction: the books that the run waits for may be those of one that needs the ledger to itself.
    RAISE SQLSTATE 'RB001';
EXCEPTION WHEN SQLSTATE 'RB001' THEN
    RETURN failed;
END
$$;
COMMENT ON FUNCTION acct._failed_correction(bigint) IS '_failed_inputs() of a correction, which keeps no lock of the ledger that it is compared with.';

CREATE FUNCTION acct._post_run(p_run_id bigint, p_is_checked boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    started timestamptz;
    run acct.journal_run;
    repeated bigint;
    months date[];
    month date;
    place record;
    header_partitions regclass[] := ARRAY[]::regclass[];
    line_partitions regclass[] := ARRAY[]::regclass[];
    range_partitions regclass[] := ARRAY[]::regclass[];
    made regclass[] := ARRAY[]::regclass[];
    failed text;
BEGIN
    IF NOT p_is_checked THEN
        PERFORM acct._lock_run(p_run_id);
    END IF;
    started := clock_timestamp();
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF acct._is_posted(run.status) THEN
        RETURN false;
    ELSIF run.status <> 'expanded' THEN
        PERFORM acct._wrong_state(p_run_id, run.status, 'Call acct.expand_journals() first.');
    END IF;
    IF NOT p_is_checked THEN
        PERFORM acct._require_staging(p_run_id, run.status);
    END IF;
    PERFORM acct._require_poster(p_run_id);
    IF run.awaits_cluster THEN
        RAISE EXCEPTION 'run % waits for its cluster, which posts it on all nodes or on none', p_run_id
            USING ERRCODE = 'LE002', HINT = 'Call acct.run_cluster_month() on the coordinator with its run_key, or acct.cancel_cluster_run(). Where the coordinator is gone, acct.cancel_run() ends it here.';
    END IF;
    IF coalesce(run.transactions, 0) = 0 AND acct._run_transactions(p_run_id) = 0 THEN
        RAISE NOTICE 'run % has no transactions: nothing is posted', p_run_id
            USING HINT = 'acct.create_run() with its run_key takes what was loaded since; acct.discard_run() ends it.';
        RETURN false;
    END IF;
    PERFORM acct._commit_durably();
    IF NOT p_is_checked THEN
        PERFORM acct._hold_inputs(p_run_id, false);
    END IF;
    PERFORM acct._progress_start(p_run_id, 'post', run.journals + run.lines);
    IF run.kind = 'transaction' THEN
        repeated := acct._count_repeated(p_run_id);
    ELSE
        PERFORM acct._lock_origins(p_run_id);
    END IF;
    -- What compares staging with expand's record, _post does for itself on the rows that it writes.
    IF NOT p_is_checked THEN
        failed := CASE run.kind WHEN 'correction' THEN acct._failed_correction(p_run_id) ELSE acct._failed_inputs(p_run_id) END;
    END IF;
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION 'run % does not pass its checks', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.',
                  HINT = 'See acct.validate_run(). Discard the run and create it again once the source is right.';
    END IF;
    -- From here on other runs of these books wait.
    PERFORM acct._progress_phase('waiting for books');
    PERFORM acct._lock_books(array_agg(b.entity_code), array_agg(b.basis))
       FROM (SELECT t.entity_code, t.basis FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id
             UNION SELECT x.entity_code, x.basis FROM acct._exception_books(p_run_id) AS x WHERE run.exceptions > 0 AND x.entity_code <> '') AS b;
    PERFORM acct._require_open_periods(p_run_id);
    PERFORM acct._require_policy(p_run_id);
    -- Under the locks of its books: runs of a book are posted in this order.
    UPDATE acct.journal_run AS r SET post_started_at = started, posted_at = clock_timestamp(), repeated_transactions = repeated WHERE r.run_id = p_run_id;
    -- crash point: post_locked
    PERFORM acct._progress_phase('making partitions');
    PERFORM acct._refuse_default_partitions();
    SELECT array_agg(m.je_month ORDER BY m.je_month) INTO months
      FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id) AS m;
    months := coalesce(months, '{}');
    FOREACH month IN ARRAY months LOOP
        SELECT p.* INTO place FROM acct._place_of_month(month) AS p;
        header_partitions := array_append(header_partitions, place.headers);
        line_partitions := array_append(line_partitions, place.lines);
        made := made || place.made;
    END LOOP;
    FOREACH month IN ARRAY months LOOP
        range_partitions := array_append(range_partitions, CASE WHEN run.je_range IS NOT NULL THEN acct._make_run_partition(p_run_id, month) END);
    END LOOP;
    -- crash point: post_partitions_made
    INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail)
    SELECT p_run_id, 'post', acct._partition_name('ledger_entry_line', x.month), x.lines, x.elapsed_ms,
           jsonb_build_object('journals', x.journals, 'debit', x.debit, 'credit', x.credit)
      FROM acct._staging_tables(p_run_id) AS t, acct._post(p_run_id, t.header, t.line, months, header_partitions, line_partitions, range_partitions) AS x;
    IF run.exceptions > 0 THEN
        PERFORM acct._seal_exceptions(p_run_id);
    END IF;
    PERFORM acct._progress_phase('moving balances');
    IF run.totals_digest <> acct._digest_totals(p_run_id) THEN
        RAISE EXCEPTION 'totals of run % are not those that were expanded', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'The sums of each month are, those of its accounts are not.',
                  HINT = 'See acct.validate_run(). Discard the run and create it again.';
    END IF;
    PERFORM acct._move_snapshot(p_run_id);
    -- crash point: post_snapshot_moved
    UPDATE acct.journal_run AS r SET status = 'posted', post_ended_at = clock_timestamp(), posted_by = session_user
     WHERE r.run_id = p_run_id;
    IF run.kind <> 'transaction' THEN
        PERFORM acct._count_reversed(p_run_id);
    END IF;
    -- crash point: post_marked
    PERFORM acct._progress_phase('waiting for readers');
    IF NOT acct._keep_planners_out(made || range_partitions) THEN
        RAISE WARNING 'run % was posted while a reader of its month did not end', p_run_id
            USING DETAIL = 'A query that is being planned at this moment may see the journals of the run without their lines.';
    END IF;
    -- After that: whoever waits for these records, held by another run that posts to the months first, holds nothing that it needs.
    PERFORM acct._mark_posted(header_partitions || line_partitions || range_partitions);
    PERFORM acct._log_step(p_run_id, 'post', started);
    PERFORM acct._log_at_commit(acct._posted_line(p_run_id));
    -- crash point: post_done
    PERFORM acct._progress_end();
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._post_run(bigint, boolean) IS
'Posts an expanded run: true where it did, false where it was posted before or has no transactions. With p_is_checked the caller has locked the run, and what it was made of, and passed its checks in the same call (_pass_checks).';

CREATE FUNCTION acct.post_journals(run_id bigint)
RETURNS TABLE (ledger_partition text, journals bigint, lines bigint, debit numeric, credit numeric,
               elapsed_ms double precision, already_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    id CONSTANT bigint := post_journals.run_id;
    finished boolean;
BEGIN
    PERFORM acct._require_layout();
    finished := NOT acct._post_run(id, false);
    RETURN QUERY
    SELECT g.partition, (g.detail ->> 'journals')::bigint, g.rows, (g.detail ->> 'debit')::numeric,
           (g.detail ->> 'credit')::numeric, g.elapsed_ms, finished
      FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'post' AND g.partition IS NOT NULL ORDER BY g.partition;
    IF NOT FOUND THEN
        -- Retention has removed the log: the run's totals are kept.
        RETURN QUERY
        SELECT acct._partition_name('ledger_entry_line', t.je_month), CASE count(*) OVER () WHEN 1 THEN r.journals END, t.lines, t.debit, t.credit,
               NULL::double precision, true
          FROM acct.journal_run AS r
          JOIN (SELECT x.run_id, x.je_month, sum(x.line_count)::bigint AS lines, sum(x.debit) AS debit, sum(x.credit) AS credit
                  FROM acct.journal_run_total AS x WHERE x.run_id = id GROUP BY x.run_id, x.je_month) AS t ON t.run_id = r.run_id
         ORDER BY t.je_month;
    END IF;
END
$$;
COMMENT ON FUNCTION acct.post_journals(bigint) IS
'Posts an expanded run to the ledger, all of it or nothing: a row for each ledger month; an empty run is not posted, and a NOTICE says so. Raises LE001, LE002 (not expanded, staging lost in a crash, or it waits for its cluster), LE005 and 42501 (a reversal or correction that the caller made, or is no approver to post), LE006 (a period was closed, or its month archived), LE009 (source or staging are not what expand recorded, or policy has changed so that the run must be expanded again), LE012, 55P03 (locked).';

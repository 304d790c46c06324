-- Claims: which batches of a month a run takes, and their rows as they were then.

CREATE FUNCTION acct._summarize_source(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._summarize_index(i.indexrelid)
       FROM pg_partition_tree(acct._partition_of('acct.txn_source_parent', p_month)) AS t
       JOIN pg_index AS i ON i.indrelid = t.relid
       JOIN pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_am AS m ON m.oid = c.relam
      WHERE t.isleaf AND m.amname = 'brin';
END
$$;
COMMENT ON FUNCTION acct._summarize_source(date) IS
'Has the BRIN indexes of a month''s source know the rows that were loaded lately, so that a batch is found without reading the month. Where others are at it, or VACUUM is, nothing is waited for.';

CREATE FUNCTION acct._source_rows(p_month date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- From here to the end of the transaction the month is not archived.
    PERFORM FROM acct.txn_source_parent WHERE false;
    RETURN coalesce(acct._partition_of('acct.txn_source_parent', p_month)::text, format('(SELECT * FROM %s WHERE txn_month = %L)',
                                      acct._month_rows('txn_source_parent', p_month, true), p_month));
END
$$;
COMMENT ON FUNCTION acct._source_rows(date) IS
'The FROM item that gives a month''s source rows: its partition, without a condition on the month that the planner could mistake for a selective one, or what is archived of it. Raises LE002 where it was dropped.';

CREATE FUNCTION acct._source_rows_kept(p_month date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._source_rows(p_month);
EXCEPTION WHEN SQLSTATE 'LE002' THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._source_rows_kept(date) IS 'The same as _source_rows(), but NULL where the month was dropped.';

CREATE FUNCTION acct._hold_batches(p_batches bigint[], p_patience interval) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    deadline CONSTANT timestamptz := clock_timestamp() + p_patience;
    held bigint[] := ARRAY[]::bigint[];
    more bigint[];
BEGIN
    LOOP
        -- An update, and not a lock alone: it is what an older snapshot of a writer fails by.
        WITH free AS MATERIALIZED (
            SELECT b.batch_id FROM acct.txn_batch AS b
             WHERE b.batch_id = ANY (p_batches) AND NOT b.batch_id = ANY (held)
             ORDER BY b.batch_id FOR NO KEY UPDATE SKIP LOCKED),
        taken AS (
            UPDATE acct.txn_batch AS b SET claimed_at = clock_timestamp() FROM free AS f WHERE b.batch_id = f.batch_id
            RETURNING b.batch_id)
        SELECT array_agg(t.batch_id) INTO more FROM taken AS t;
        held := held || more;
        EXIT WHEN cardinality(held) = cardinality(p_batches) OR clock_timestamp() >= deadline;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN held;
END
$$;
COMMENT ON FUNCTION acct._hold_batches(bigint[], interval) IS
'Locks batches against changes of their rows to the end of the transaction, and returns those that it could: never waits for the lock of one, but tries for as long as p_patience says.';

CREATE FUNCTION acct._warn_busy_batches(p_month date, p_batches bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RAISE WARNING 'the run leaves out batches whose rows other transactions use'
        USING DETAIL = format('Batches left out of %s: %s.', acct._month_name(p_month),
                              acct._first_of(ARRAY(SELECT b::text FROM unnest(p_batches) AS b ORDER BY b))),
              HINT = 'The next run of the month takes them, once these transactions have ended.';
END
$$;
COMMENT ON FUNCTION acct._warn_busy_batches(date, bigint[]) IS
'Warns that a run leaves batches out, whose rows others are changing or claiming.';

CREATE FUNCTION acct._count_batches(p_run_id bigint, p_month date, p_bases text[], p_batches bigint[],
                                    OUT claims bigint, OUT place tid[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET enable_bitmapscan = on
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    most_ranges CONSTANT integer := 100;
    most_pages CONSTANT integer := 100;
    -- Rows have a place in a table, not in a month that is partitioned once more, or has no partition.
    is_table CONSTANT boolean := EXISTS (SELECT FROM pg_class AS c WHERE c.oid = acct._partition_of('acct.txn_source_parent', p_month) AND c.relkind = 'r');
    ranges record;
    found text;
BEGIN
    SELECT r.* INTO ranges FROM acct._ranges_of(p_batches) AS r;
    -- What others took needs not be read again.
    IF cardinality(ranges.first) <= most_ranges
       AND (SELECT min(c.txn_month) FROM acct.journal_run_batch AS c WHERE c.txn_month >= p_month AND c.txn_month <= p_month) IS NOT NULL THEN
        PERFORM acct._summarize_source(p_month);
        found := CASE WHEN cardinality(p_batches) = 1 THEN '%s AS s WHERE s.batch_id = ($6)[1]'
                      ELSE 'unnest($4, $5) AS g (first, last) JOIN %s AS s ON s.batch_id BETWEEN g.first AND g.last' END;
    ELSE
        PERFORM set_config('enable_seqscan', 'on', true);
        found := '%s AS s WHERE s.batch_id = ANY ($6)';
    END IF;
    EXECUTE format($q$
        WITH x AS MATERIALIZED (
            SELECT s.batch_id, count(*) AS source_rows, sum(s.gross_amount) AS source_gross, %s AS first, %s AS last FROM $q$ || found || $q$ GROUP BY s.batch_id),
        claimed AS (
            INSERT INTO acct.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross)
            SELECT $1, x.batch_id, $2, b.basis, x.source_rows, x.source_gross
              FROM x CROSS JOIN unnest($3) AS b (basis)
             WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                                WHERE c.batch_id = x.batch_id AND c.txn_month = $2 AND c.basis = b.basis
                                  AND c.released_at IS NULL)
            RETURNING 1)
        SELECT (SELECT count(*) FROM claimed), ARRAY[min(x.first), max(x.last)] FROM x$q$,
        CASE WHEN is_table THEN 'min(s.ctid)' ELSE 'NULL::tid' END, CASE WHEN is_table THEN 'max(s.ctid)' ELSE 'NULL::tid' END, acct._source_rows(p_month))
       INTO claims, place
      USING p_run_id, p_month, p_bases, ranges.first, ranges.last, p_batches;
    IF (place[2]::text::point)[0] - (place[1]::text::point)[0] <= most_pages IS NOT TRUE THEN
        place := '{}';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._count_batches(bigint, date, text[], bigint[]) IS
'Claims for a run locked batches, with the count and the gross sum of their rows in a month: a claim for each batch that has rows, and each basis that no live run holds it for. place: first and last place of the rows in it, where these are few pages apart, else empty, as long as the caller keeps the table locked.';

CREATE FUNCTION acct._claim_batches(p_run_id bigint, p_month date, p_bases text[], p_batch bigint,
                                    OUT claims bigint, OUT busy bigint[], OUT elsewhere bigint, OUT place tid[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- Whatever the planner knows of these tables: what waits is few, the rest is history.
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    awaited CONSTANT text[] := array_append(p_bases, '');
    unknown bigint[];
    batches bigint[];
    bases text[];
    candidates bigint[];
    held bigint[];
BEGIN
    claims := 0;
    place := '{}';
    -- To the end of the transaction no basis is added of which this claim knows nothing.
    PERFORM acct._hold_tables('{acct.accounting_basis}', 'ROW SHARE');
    PERFORM acct._progress_phase('taking batches');
    PERFORM acct._require_source_month(p_month);
    unknown := acct._know_source(p_month);
    -- What another run is taking at this moment is left to it. The unique index of claims is the last word.
    SELECT array_agg(x.batch_id), array_agg(x.basis) INTO batches, bases
      FROM (SELECT w.batch_id, w.basis FROM acct.batch_waiting AS w
             WHERE w.txn_month = p_month AND w.basis = ANY (awaited) AND w.batch_id = coalesce(p_batch, w.batch_id)
               FOR UPDATE SKIP LOCKED) AS x
     -- One that is no longer registered has rows that no run can take.
     WHERE EXISTS (SELECT FROM acct.txn_batch AS b WHERE b.batch_id = x.batch_id);
    candidates := ARRAY(SELECT DISTINCT n FROM unnest(batches) AS n);
    held := acct._hold_batches(candidates, '2 seconds');
    busy := CASE WHEN unknown <> '{}' OR NOT held @> candidates THEN ARRAY(SELECT u FROM unnest(unknown) AS u
                   WHERE p_batch IS NULL AND NOT p_bases <@ ARRAY(SELECT c.basis FROM acct.journal_run_batch AS c
                                               WHERE (c.batch_id, c.txn_month) = (u, p_month) AND c.released_at IS NULL)
                  UNION SELECT c FROM unnest(candidates) AS c EXCEPT SELECT h FROM unnest(held) AS h ORDER BY 1) ELSE '{}' END;
    IF held <> '{}' THEN
        -- Their rows cannot change any more: they are counted now.
        SELECT c.claims, c.place INTO claims, place FROM acct._count_batches(p_run_id, p_month, p_bases, held) AS c;
        WITH taken AS (
            -- Those alone that are locked: others would be waited for.
            DELETE FROM acct.batch_waiting AS w USING unnest(batches, bases) AS k (batch_id, basis)
             WHERE w.txn_month = p_month AND w.batch_id = k.batch_id AND w.basis = k.basis AND k.batch_id = ANY (held)
            RETURNING w.batch_id, w.basis)
        INSERT INTO acct.batch_waiting (txn_month, batch_id, basis)
        SELECT p_month, t.batch_id, a.basis
          FROM taken AS t CROSS JOIN acct.accounting_basis AS a
         WHERE t.basis = '' AND NOT a.basis = ANY (p_bases)
           -- One without rows has no claim.
           AND EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE (c.batch_id, c.txn_month) = (t.batch_id, p_month) AND c.released_at IS NULL)
           AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                            WHERE (c.batch_id, c.txn_month, c.basis) = (t.batch_id, p_month, a.basis) AND c.released_at IS NULL)
        ON CONFLICT DO NOTHING;
        PERFORM acct._end_batch(h) FROM unnest(held) AS h;
    END IF;
    -- The lock of the month lets DETACH CONCURRENTLY begin: what that has taken away since was perhaps not read.
    PERFORM acct._is_partition('txn_source', p_month);
    IF busy <> '{}' THEN
        PERFORM acct._warn_busy_batches(p_month, busy);
    END IF;
    elsewhere := CASE WHEN p_batch IS NULL THEN (SELECT count(DISTINCT w.batch_id) FROM acct.batch_waiting AS w
                   WHERE w.txn_month = p_month AND w.basis = ANY (awaited) AND NOT w.batch_id = ANY (candidates)
                     AND EXISTS (SELECT FROM acct.txn_batch AS b WHERE b.batch_id = w.batch_id)) END;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'a batch of % was taken by another run', p_month USING ERRCODE = 'LE008';
END
$$;
COMMENT ON FUNCTION acct._claim_batches(bigint, date, text[], bigint) IS
'Claims the batches of a month that wait for a run, or only p_batch, and warns of those that others are changing: the numbers of claims and other runs, the batches left out, and the place of the rows. Raises LE008 where another run took one meanwhile, 55000 where the month''s source is archived.';

CREATE FUNCTION acct._release_batches(p_run_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH released AS (
        UPDATE acct.journal_run_batch AS b SET released_at = clock_timestamp() WHERE b.run_id = p_run_id AND b.released_at IS NULL
        RETURNING b.txn_month, b.batch_id, b.basis)
    INSERT INTO acct.batch_waiting (txn_month, batch_id, basis)
    SELECT r.txn_month, r.batch_id, r.basis FROM released AS r
    -- A row that is there already waits for nothing as long as the claim holds: whoever is about to remove it is waited for.
    ON CONFLICT (txn_month, batch_id, basis) DO UPDATE SET basis = excluded.basis
$$;
COMMENT ON FUNCTION acct._release_batches(bigint) IS 'Gives the batches of a run back, to wait for another run.';

CREATE FUNCTION acct._batches_astray(p_month date, p_basis text, p_batches bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT ARRAY(SELECT x FROM unnest(p_batches) AS x
                  WHERE EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = p_basis AND b.every_transaction)
                    AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE (c.batch_id, c.txn_month, c.basis) = (x, p_month, p_basis) AND c.released_at IS NULL)
                    AND NOT EXISTS (SELECT FROM acct.batch_waiting AS w WHERE (w.txn_month, w.batch_id) = (p_month, x) AND w.basis IN ('', p_basis)))
$$;
COMMENT ON FUNCTION acct._batches_astray(date, text, bigint[]) IS
'Those of the batches of a source month that no run took for a basis, which takes every transaction, and that do not wait for one.';

CREATE FUNCTION acct._changed_claims(p_month date, p_batches bigint[], p_rows bigint[], p_gross numeric[])
RETURNS TABLE (run_id bigint, batch_id bigint, basis text, taken_rows bigint, taken_gross numeric, found_rows bigint, found_gross numeric, message text)
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on SET jit = off AS $$
    SELECT x.*, format('batch %s has %s rows (gross %s) instead of %s (gross %s)', x.batch_id,
                       x.found_rows, trim_scale(x.found_gross), x.source_rows, trim_scale(x.source_gross))
      FROM (SELECT c.run_id, c.batch_id, c.basis, c.source_rows, c.source_gross, coalesce(k.rows, 0) AS found_rows, coalesce(k.gross, 0) AS found_gross
              FROM acct.journal_run_batch AS c LEFT JOIN unnest(p_batches, p_rows, p_gross) AS k (batch_id, rows, gross) ON k.batch_id = c.batch_id
             WHERE c.txn_month = p_month AND c.released_at IS NULL) AS x
     WHERE (x.source_rows, x.source_gross) IS DISTINCT FROM (x.found_rows, x.found_gross)
$$;
COMMENT ON FUNCTION acct._changed_claims(date, bigint[], bigint[], numeric[]) IS
'The claims of a source month, which now has p_batches with p_rows and p_gross, whose batch had other ones when a run took it.';

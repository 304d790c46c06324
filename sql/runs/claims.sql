-- Claims: which batches of a month a run takes, and their rows as they were then.

CREATE FUNCTION acct._summarize_source(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM brin_summarize_new_values(i.indexrelid)
       FROM pg_partition_tree(acct._partition_of('acct.txn_source_parent', p_month)) AS t
       JOIN pg_index AS i ON i.indrelid = t.relid
       JOIN pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_am AS m ON m.oid = c.relam
      WHERE t.isleaf AND m.amname = 'brin';
END
$$;
COMMENT ON FUNCTION acct._summarize_source(date) IS
'Has the BRIN indexes of a month''s source know the rows that were loaded lately, so that a batch is found without reading the month.';

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
    RAISE WARNING 'other transactions use rows of batches that were to be taken: the run leaves them out'
        USING DETAIL = format('Batches left out of %s: %s.', acct._month_name(p_month),
                              acct._first_of(ARRAY(SELECT b::text FROM unnest(p_batches) AS b ORDER BY b))),
              HINT = 'The next run of the month takes them, once these transactions have ended.';
END
$$;
COMMENT ON FUNCTION acct._warn_busy_batches(date, bigint[]) IS
'Warns that a run leaves batches out, whose rows others are changing or claiming.';

CREATE FUNCTION acct._claim_batches(p_run_id bigint, p_month date, p_bases text[], OUT claims bigint, OUT busy bigint[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    candidates bigint[];
    held bigint[];
BEGIN
    claims := 0;
    -- One claim at a time for a month; the unique index is the last word.
    PERFORM acct._lock_claims(p_month);
    PERFORM acct._progress_phase('taking batches');
    IF acct._is_archived('txn_source_parent', p_month) THEN
        PERFORM acct._raise_archived('txn_source_parent', p_month);
    END IF;
    SELECT array_agg(b.batch_id) INTO candidates FROM acct.txn_batch AS b
     WHERE (SELECT count(*) FROM acct.journal_run_batch AS c
             WHERE c.batch_id = b.batch_id AND c.txn_month = p_month AND c.released_at IS NULL
               AND c.basis = ANY (p_bases)) < cardinality(p_bases);
    IF candidates IS NULL THEN
        RETURN;
    END IF;
    -- What others took needs not be read again.
    IF EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE c.txn_month = p_month) THEN
        PERFORM acct._summarize_source(p_month);
        PERFORM set_config('enable_seqscan', 'off', true);
    END IF;
    -- Which of them are in the month is found out first, so that loads of other months are left alone.
    EXECUTE format('SELECT array_agg(DISTINCT s.batch_id) FROM %s AS s WHERE s.batch_id = ANY ($1)', acct._source_rows(p_month))
       INTO candidates USING candidates;
    held := acct._hold_batches(coalesce(candidates, '{}'), '2 seconds');
    busy := ARRAY(SELECT c FROM unnest(candidates) AS c EXCEPT SELECT h FROM unnest(held) AS h ORDER BY 1);
    IF held <> '{}' THEN
        -- Their rows cannot change any more: they are counted now.
        EXECUTE format($q$
            INSERT INTO acct.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross)
            SELECT $1, x.batch_id, $2, b.basis, x.source_rows, x.source_gross
              FROM (SELECT s.batch_id, count(*) AS source_rows, sum(s.gross_amount) AS source_gross
                      FROM %s AS s WHERE s.batch_id = ANY ($3) GROUP BY s.batch_id) AS x
             CROSS JOIN unnest($4) AS b (basis)
             WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                                WHERE c.batch_id = x.batch_id AND c.txn_month = $2 AND c.basis = b.basis
                                  AND c.released_at IS NULL)$q$, acct._source_rows(p_month))
          USING p_run_id, p_month, held, p_bases;
        GET DIAGNOSTICS claims = ROW_COUNT;
        PERFORM acct._end_batch(h) FROM unnest(held) AS h;
    END IF;
    IF busy <> '{}' THEN
        PERFORM acct._warn_busy_batches(p_month, busy);
    END IF;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'a batch of % was taken by another run', p_month USING ERRCODE = 'LE008';
END
$$;
COMMENT ON FUNCTION acct._claim_batches(bigint, date, text[]) IS
'Claims for a run the registered batches of a month that no live run holds, with the count and the gross sum of their rows: the number of claims, and the batches that were left out, with a WARNING, because others were changing or claiming them. Raises LE008 where another run took one meanwhile, 55000 where the month''s source is archived.';

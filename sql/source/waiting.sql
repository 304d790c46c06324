-- What waits for a run: batches by month, written with their first row, so that a run finds them without reading the source.

CREATE FUNCTION acct._layout_waiting() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.batch_waiting (
        txn_month date NOT NULL,
        batch_id bigint NOT NULL,
        basis text COLLATE "C" NOT NULL DEFAULT '',
        CONSTRAINT batch_waiting_pkey PRIMARY KEY (txn_month, batch_id, basis)
    );
    -- Rows come and go with each load and run.
    ALTER TABLE acct.batch_waiting SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                                        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);

    -- Without unique keys: whoever restores rows beside others is in nobody's way.
    CREATE TABLE IF NOT EXISTS acct.source_check (
        txn_month date NOT NULL
    );
    CREATE INDEX IF NOT EXISTS source_check_month_idx ON acct.source_check (txn_month);
    ALTER TABLE acct.source_check REPLICA IDENTITY FULL;

    CREATE TABLE IF NOT EXISTS acct.source_month (
        txn_month date NOT NULL,
        relation regclass NOT NULL
    );
    CREATE INDEX IF NOT EXISTS source_month_idx ON acct.source_month (txn_month);
    ALTER TABLE acct.source_month REPLICA IDENTITY FULL;
    -- What an older version let in, or came in while the CHECK was missing, is looked at once more.
    DELETE FROM acct.source_month;

    CREATE OR REPLACE TRIGGER txn_batch_lost AFTER DELETE OR UPDATE OF batch_id ON acct.txn_batch
        FOR EACH STATEMENT EXECUTE FUNCTION acct._note_every_month();
    CREATE OR REPLACE TRIGGER txn_batch_lost_truncate AFTER TRUNCATE ON acct.txn_batch
        FOR EACH STATEMENT EXECUTE FUNCTION acct._note_every_month();
    CREATE OR REPLACE TRIGGER batches_wait AFTER INSERT OR UPDATE OF basis ON acct.accounting_basis
        FOR EACH ROW EXECUTE FUNCTION acct._await_basis();
END
$layout$;
COMMENT ON FUNCTION acct._layout_waiting() IS 'The part of install() that creates the tables of what waits for a run.';

CREATE FUNCTION acct._comment_waiting() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.batch_waiting IS 'Batches that wait for a run, by month; acct.batches_waiting() counts their transactions. Written by loads, runs and discards.';
    COMMENT ON COLUMN acct.batch_waiting.txn_month IS 'Month of the batch''s rows, as its first day.';
    COMMENT ON COLUMN acct.batch_waiting.batch_id IS 'Batch that waits. It may no longer have rows.';
    COMMENT ON COLUMN acct.batch_waiting.basis IS 'Accounting basis that it waits for; empty: no run has taken it yet, and it waits for every basis.';

    COMMENT ON TABLE acct.source_check IS 'Months into which rows came by other ways than loads (a superuser, a restored dump, replication): the next run of the month reads its source once. Written by the engine.';
    COMMENT ON COLUMN acct.source_check.txn_month IS 'Month of such rows, as its first day.';

    COMMENT ON TABLE acct.source_month IS 'Tables of source months whose rows are known: each is of a registered batch, which waits for a run or was taken. Written by the engine.';
    COMMENT ON COLUMN acct.source_month.txn_month IS 'The month, as its first day.';
    COMMENT ON COLUMN acct.source_month.relation IS 'Its partition, or a part of it: another one in its place is not known.';

    COMMENT ON TRIGGER txn_batch_lost ON acct.txn_batch IS 'Rows may be left without their batch: the next run of each month reads its source.';
    COMMENT ON TRIGGER txn_batch_lost_truncate ON acct.txn_batch IS 'Rows may be left without their batch: the next run of each month reads its source.';
    COMMENT ON TRIGGER batches_wait ON acct.accounting_basis IS 'Batches that runs have taken for the other bases wait for the new one.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_waiting() IS 'The part of install() that describes the objects of waiting.sql.';

CREATE FUNCTION acct._note_every_month() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    -- Also those that another transaction gets to know at this moment.
    INSERT INTO acct.source_check (txn_month)
    SELECT m.txn_month FROM acct.source_month AS m
    UNION SELECT m.month FROM acct._months_with_partitions('acct.txn_source_parent') AS m;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._note_every_month() IS
'Trigger function of acct.txn_batch: where batches are deleted or renumbered, the next run of each month reads its source again.';

CREATE FUNCTION acct._await_basis() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    -- A snapshot that is kept does not show what was taken since. There is nothing to take before the first basis.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted')
       AND EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis <> NEW.basis) THEN
        RAISE EXCEPTION 'accounting basis "%" cannot be added in a transaction that is %', NEW.basis, upper(current_setting('transaction_isolation'))
            USING ERRCODE = '25001', DETAIL = 'The snapshot of the transaction does not show the batches that runs have taken since, which must wait for the new basis.',
                  HINT = 'Add it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
    -- Claims that do not know the basis have ended then, and those to come know it.
    PERFORM acct._hold_tables('{acct.accounting_basis}', 'EXCLUSIVE');
    INSERT INTO acct.batch_waiting (txn_month, batch_id, basis)
    SELECT x.txn_month, x.batch_id, NEW.basis
      FROM (SELECT c.txn_month, c.batch_id FROM acct.journal_run_batch AS c WHERE c.released_at IS NULL
            UNION SELECT w.txn_month, w.batch_id FROM acct.batch_waiting AS w WHERE w.basis <> ''
            EXCEPT SELECT w.txn_month, w.batch_id FROM acct.batch_waiting AS w WHERE w.basis = '') AS x
     WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                        WHERE (c.batch_id, c.txn_month, c.basis) = (x.batch_id, x.txn_month, NEW.basis) AND c.released_at IS NULL)
       AND NOT EXISTS (SELECT FROM acct.archived_partition AS a
                        WHERE (a.table_name, a.month) = ('txn_source_parent', x.txn_month) AND a.dropped_at IS NOT NULL)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._await_basis() IS
'Trigger function of acct.accounting_basis: batches that no longer wait for every basis wait for a new one. Waits for runs that are being made; raises 25001 where the transaction is not READ COMMITTED.';

CREATE FUNCTION acct._is_source_known(p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    source regclass;
BEGIN
    IF EXISTS (SELECT FROM acct.source_check AS c WHERE c.txn_month = p_month) THEN
        RETURN false;
    END IF;
    source := acct._source_table(p_month);
    RETURN source IN (SELECT m.relation FROM acct.source_month AS m WHERE m.txn_month = p_month)
       AND (NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = source)
            OR NOT EXISTS (SELECT FROM acct._tables_below(source) AS t WHERE t NOT IN (SELECT m.relation FROM acct.source_month AS m WHERE m.txn_month = p_month)));
END
$$;
COMMENT ON FUNCTION acct._is_source_known(date) IS
'True where each row of a source month is of a registered batch that waits for a run or was taken, so that the month needs not be read to see that. Raises LE002 where it was dropped.';

CREATE FUNCTION acct._source_batches(p_source text, OUT batches bigint[], OUT rows bigint[], OUT gross numeric[])
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on
    SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
BEGIN
    EXECUTE format('SELECT coalesce(array_agg(x.batch_id), ''{}''), coalesce(array_agg(x.rows), ''{}''), coalesce(array_agg(x.gross), ''{}'') '
                   '  FROM (SELECT s.batch_id, count(*) AS rows, sum(s.gross_amount) AS gross FROM %s AS s GROUP BY s.batch_id) AS x', p_source)
       INTO batches, rows, gross;
END
$$;
COMMENT ON FUNCTION acct._source_batches(text) IS
'Reads source rows, which a FROM item gives: the batches that they are of, registered or not, with the count and the gross sum of each.';

CREATE FUNCTION acct._know_source(p_month date) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on SET jit = off AS $$
DECLARE
    tables regclass[];
    notes tid[];
    batches bigint[];
    missing bigint[];
    held bigint[];
BEGIN
    IF acct._is_source_known(p_month) THEN
        RETURN ARRAY[]::bigint[];
    END IF;
    PERFORM acct._progress_phase('reading source');
    tables := ARRAY(SELECT t FROM acct._tables_below(acct._source_partition(p_month)) AS t WHERE t IS NOT NULL);
    -- One that was taken away and comes back is read again: what waited in it may be forgotten by then.
    DELETE FROM acct.source_month AS m
     WHERE m.ctid = ANY (ARRAY(SELECT o.ctid FROM acct.source_month AS o WHERE o.txn_month = p_month AND o.relation <> ALL (tables) FOR UPDATE SKIP LOCKED));
    -- A note that another transaction has locked is about rows that are not seen here: it stays.
    notes := ARRAY(SELECT c.ctid FROM acct.source_check AS c WHERE c.txn_month = p_month FOR UPDATE SKIP LOCKED);
    batches := (SELECT s.batches FROM acct._source_batches(acct._source_rows(p_month)) AS s);
    -- What nobody has taken or waits for, for some basis. Each transaction keeps a batch in one of both.
    missing := ARRAY(SELECT b.batch_id FROM unnest(batches) AS s (batch_id) JOIN acct.txn_batch AS b ON b.batch_id = s.batch_id
                      WHERE EXISTS (SELECT a.basis FROM acct.accounting_basis AS a
                                    EXCEPT SELECT c.basis FROM acct.journal_run_batch AS c
                                            WHERE (c.batch_id, c.txn_month) = (b.batch_id, p_month) AND c.released_at IS NULL
                                    EXCEPT SELECT w.basis FROM acct.batch_waiting AS w WHERE (w.txn_month, w.batch_id) = (p_month, b.batch_id))
                        AND NOT EXISTS (SELECT FROM acct.batch_waiting AS w WHERE (w.txn_month, w.batch_id, w.basis) = (p_month, b.batch_id, '')));
    -- Those that another run has found, or whose rows others are changing, are not waited for: they stay noted.
    held := ARRAY(SELECT b.batch_id FROM acct.txn_batch AS b WHERE b.batch_id = ANY (missing) ORDER BY b.batch_id FOR NO KEY UPDATE SKIP LOCKED);
    INSERT INTO acct.batch_waiting (txn_month, batch_id, basis)
    SELECT p_month, x.batch_id, y.basis
      FROM (SELECT h AS batch_id, ARRAY(SELECT c.basis FROM acct.journal_run_batch AS c
                                         WHERE (c.batch_id, c.txn_month) = (h, p_month) AND c.released_at IS NULL
                                        UNION ALL
                                        SELECT w.basis FROM acct.batch_waiting AS w WHERE (w.txn_month, w.batch_id) = (p_month, h)) AS bases
              FROM unnest(held) AS h) AS x
     CROSS JOIN LATERAL (SELECT '' WHERE x.bases = '{}'
                         UNION ALL
                         SELECT a.basis FROM acct.accounting_basis AS a WHERE x.bases <> '{}' AND NOT x.bases && ARRAY['', a.basis]) AS y (basis)
    ON CONFLICT DO NOTHING;
    IF cardinality(held) < cardinality(missing)
       OR EXISTS (SELECT FROM unnest(batches) AS s (batch_id) WHERE NOT EXISTS (SELECT FROM acct.txn_batch AS b WHERE b.batch_id = s.batch_id)) THEN
        RETURN ARRAY(SELECT m FROM unnest(missing) AS m EXCEPT SELECT h FROM unnest(held) AS h);
    END IF;
    DELETE FROM acct.source_check AS c WHERE c.ctid = ANY (notes);
    -- One that it has with other months is kept, too: that it is taken away is seen by that.
    INSERT INTO acct.source_month (txn_month, relation)
    SELECT p_month, t FROM unnest(tables) AS t
    EXCEPT SELECT m.txn_month, m.relation FROM acct.source_month AS m WHERE m.txn_month = p_month;
    RETURN ARRAY[]::bigint[];
END
$$;
COMMENT ON FUNCTION acct._know_source(date) IS
'Reads a source month into which rows came by other ways than loads, and queues their batches for a run; the month is known from then on if all batches are registered and free and it has its own partition. Returns the batches in use: another run has found them, or others are changing their rows.';

CREATE FUNCTION acct._catch_up_waiting() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH stale AS MATERIALIZED (
        SELECT w.txn_month, w.batch_id, w.basis FROM acct.batch_waiting AS w
         WHERE EXISTS (SELECT FROM acct.journal_run_batch AS c
                        WHERE (c.batch_id, c.txn_month) = (w.batch_id, w.txn_month) AND c.released_at IS NULL AND w.basis IN ('', c.basis))
           FOR UPDATE SKIP LOCKED),
    gone AS (
        DELETE FROM acct.batch_waiting AS w USING stale AS s
         WHERE (w.txn_month, w.batch_id, w.basis) = (s.txn_month, s.batch_id, s.basis)
        RETURNING w.txn_month)
    INSERT INTO acct.source_check (txn_month) SELECT DISTINCT g.txn_month FROM gone AS g
$$;
COMMENT ON FUNCTION acct._catch_up_waiting() IS
'Takes batches out of those that wait that runs hold, as after a dump was restored over newer entries, and has the next run of their months look whether they wait for other bases.';

CREATE FUNCTION acct._forget_source(p_month date) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    DELETE FROM acct.batch_waiting AS w WHERE w.txn_month = p_month;
    DELETE FROM acct.source_month AS m WHERE m.txn_month = p_month;
    DELETE FROM acct.source_check AS c WHERE c.txn_month = p_month;
$$;
COMMENT ON FUNCTION acct._forget_source(date) IS 'Deletes what waits of a source month that is dropped.';

CREATE FUNCTION acct._ranges_of(p_numbers bigint[], OUT first bigint[], OUT last bigint[])
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF cardinality(p_numbers) = 1 THEN
        first := p_numbers;
        last := p_numbers;
        RETURN;
    END IF;
    SELECT array_agg(g.first ORDER BY g.first), array_agg(g.last ORDER BY g.first) INTO first, last
      FROM (SELECT min(x.n) AS first, max(x.n) AS last
              FROM (SELECT u.n, u.n - row_number() OVER (ORDER BY u.n) AS range FROM (SELECT DISTINCT n FROM unnest(p_numbers) AS n) AS u) AS x
             GROUP BY x.range) AS g;
END
$$;
COMMENT ON FUNCTION acct._ranges_of(bigint[]) IS 'The stretches of successive numbers that numbers make up; NULL where there are none.';

CREATE FUNCTION acct._untaken_ranges(p_month date, p_bases text[], OUT first bigint[], OUT last bigint[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    required CONSTANT text[] := ARRAY(SELECT b.basis FROM acct.accounting_basis AS b WHERE b.every_transaction AND b.basis = ANY (p_bases));
BEGIN
    IF acct._is_source_known(p_month) THEN
        SELECT r.first, r.last INTO first, last
          FROM acct._ranges_of(ARRAY(
              SELECT w.batch_id FROM acct.batch_waiting AS w
               WHERE w.txn_month = p_month
                 AND (w.basis = '' OR w.basis = ANY (required)
                      OR required = '{}' AND w.basis = ANY (p_bases)
                         AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                                          WHERE (c.batch_id, c.txn_month) = (w.batch_id, p_month) AND c.released_at IS NULL
                                            AND c.basis = ANY (p_bases))))) AS r;
        RETURN;
    END IF;
    -- A month has few batches of all that there are: the others make up ranges.
    SELECT array_agg(g.first), array_agg(g.last) INTO first, last
      FROM (SELECT min(x.batch_id) AS first, max(x.batch_id) AS last
              FROM (SELECT b.batch_id, t.batch_id IS NULL AS untaken,
                           row_number() OVER (ORDER BY b.batch_id)
                           - row_number() OVER (PARTITION BY t.batch_id IS NULL ORDER BY b.batch_id) AS range
                      FROM acct.txn_batch AS b
                      LEFT JOIN (SELECT c.batch_id FROM acct.journal_run_batch AS c
                                  WHERE c.txn_month = p_month AND c.released_at IS NULL AND c.basis = ANY (p_bases)
                                  GROUP BY c.batch_id HAVING array_agg(c.basis) @> required) AS t ON t.batch_id = b.batch_id) AS x
             WHERE x.untaken GROUP BY x.range) AS g;
END
$$;
COMMENT ON FUNCTION acct._untaken_ranges(date, text[]) IS
'The batches that may have rows in a source month and that no live run took for each of these bases that takes every transaction, or, where none of them does, for any of them: as stretches of numbers. Numbers that are not registered may be among them.';

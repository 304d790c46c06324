-- Balances: the snapshot that posting keeps, and its recomputation.

-- A merge join may sort by entity and basis alone, and compare each balance of a book with all others.
CREATE FUNCTION acct._write_snapshot(p_from date) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_mergejoin = off AS $$
DECLARE
    changed bigint;
BEGIN
    WITH period AS MATERIALIZED (
        SELECT p.entity_code, p.basis, p.month, p.fund, p.account_code, p.currency, p.debit, p.credit, p.line_count, p.last_run AS run_id
          FROM acct._period_sums('acct.ledger_entry_line', p_from, 'infinity') AS p),
    book AS (
        SELECT b.entity_code, b.basis, coalesce((SELECT max(p.month) FROM period AS p WHERE p.entity_code = b.entity_code AND p.basis = b.basis),
                                                (SELECT max(s.snapshot_month) FROM acct.account_balance_snapshot AS s
                                                  WHERE s.entity_code = b.entity_code AND s.basis = b.basis)) AS to_month
          FROM acct.ledger_book AS b),
    opening AS (
        SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency, s.closing_balance AS opening_balance
          FROM book AS b
          JOIN acct.account_balance_snapshot AS s
            ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = (p_from - interval '1 month')::date),
    account AS (
        SELECT entity_code, basis, fund, account_code, currency FROM opening
        UNION
        SELECT entity_code, basis, fund, account_code, currency FROM period),
    month AS (
        SELECT b.entity_code, b.basis, m::date AS month
          FROM book AS b, generate_series(p_from::timestamp, b.to_month::timestamp, interval '1 month') AS m),
    moved AS (
        SELECT a.*, m.month, coalesce(p.debit, 0) AS debit, coalesce(p.credit, 0) AS credit,
               coalesce(p.line_count, 0) AS line_count, p.run_id,
               coalesce(o.opening_balance, 0)
               + sum(coalesce(p.debit, 0) - coalesce(p.credit, 0))
                 OVER (PARTITION BY a.entity_code, a.basis, a.fund, a.account_code, a.currency ORDER BY m.month) AS closing
          FROM account AS a
          JOIN month AS m USING (entity_code, basis)
          LEFT JOIN opening AS o USING (entity_code, basis, fund, account_code, currency)
          LEFT JOIN period AS p USING (entity_code, basis, month, fund, account_code, currency)),
    fresh AS MATERIALIZED (
        SELECT m.*, m.closing - m.debit + m.credit AS opening FROM moved AS m
         WHERE m.line_count > 0 OR m.closing - m.debit + m.credit <> 0),
    gone AS (
        DELETE FROM acct.account_balance_snapshot AS s USING book AS b
         WHERE s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month >= p_from
           AND NOT EXISTS (SELECT FROM fresh AS f
                            WHERE (f.entity_code, f.basis, f.month, f.fund, f.account_code, f.currency)
                                = (s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency))
        RETURNING 1),
    written AS (
        INSERT INTO acct.account_balance_snapshot AS s
               (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit,
                period_credit, closing_balance, line_count, last_run_id)
        SELECT f.entity_code, f.basis, f.month, f.fund, f.account_code, f.currency, f.opening, f.debit,
               f.credit, f.closing, f.line_count, f.run_id
          FROM fresh AS f
        ON CONFLICT (entity_code, basis, snapshot_month, fund, account_code, currency) DO UPDATE
           SET opening_balance = excluded.opening_balance, period_debit = excluded.period_debit,
               period_credit = excluded.period_credit, closing_balance = excluded.closing_balance,
               line_count = excluded.line_count, last_run_id = excluded.last_run_id
         WHERE (s.opening_balance, s.period_debit, s.period_credit, s.closing_balance, s.line_count, s.last_run_id)
               IS DISTINCT FROM
               (excluded.opening_balance, excluded.period_debit, excluded.period_credit, excluded.closing_balance,
                excluded.line_count, excluded.last_run_id)
        RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written) INTO changed;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION acct._write_snapshot(date) IS
'Rewrites the snapshot of every book from a month on by the ledger''s lines, and returns the number of rows that changed. An account has a row in a month where it had lines or an opening balance.';

CREATE FUNCTION acct._add_to_snapshot(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT x.entity_code, x.basis, min(x.je_month) AS first_month FROM acct.journal_run_total AS x WHERE x.run_id = p_run_id GROUP BY 1, 2) AS b
                WHERE (SELECT max(s.snapshot_month) FROM acct.account_balance_snapshot AS s WHERE s.entity_code = b.entity_code AND s.basis = b.basis)
                      > b.first_month)
       OR EXISTS (SELECT FROM acct.journal_run_total AS t
                    LEFT JOIN acct.account_balance_snapshot AS s
                      ON s.entity_code = t.entity_code AND s.basis = t.basis AND s.snapshot_month = t.je_month AND s.fund = t.fund
                     AND s.account_code = t.account_code AND s.currency = t.currency
                   WHERE t.run_id = p_run_id AND s.entity_code IS NULL) THEN
        RETURN false;
    END IF;
    UPDATE acct.account_balance_snapshot AS s
       SET period_debit = s.period_debit + t.debit, period_credit = s.period_credit + t.credit, closing_balance = s.closing_balance + t.debit - t.credit,
           line_count = s.line_count + t.line_count, last_run_id = greatest(s.last_run_id, t.run_id)
      FROM acct.journal_run_total AS t
     WHERE t.run_id = p_run_id AND s.entity_code = t.entity_code AND s.basis = t.basis AND s.snapshot_month = t.je_month AND s.fund = t.fund
       AND s.account_code = t.account_code AND s.currency = t.currency;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._add_to_snapshot(bigint) IS
'Adds the totals of a run that is being posted to the balances, if each has a row in the last month of its book, so that no other row changes. False where one has none, and nothing is done.';

CREATE FUNCTION acct._move_snapshot(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF acct._add_to_snapshot(p_run_id) THEN
        RETURN;
    END IF;
    -- Balances are looked up by their key, so that the plan that is kept suits runs of any size.
    WITH total AS MATERIALIZED (
        SELECT t.* FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id),
    book AS MATERIALIZED (
        SELECT t.entity_code, t.basis, max(t.je_month) AS to_month,
               (SELECT max(s.snapshot_month) FROM acct.account_balance_snapshot AS s
                 WHERE s.entity_code = t.entity_code AND s.basis = t.basis) AS last_month
          FROM total AS t GROUP BY t.entity_code, t.basis),
    account AS (
        -- Those that move, from the month in which they do, and where the book gets new months all that have a balance.
        SELECT x.entity_code, x.basis, x.fund, x.account_code, x.currency, min(x.from_month) AS from_month
          FROM (SELECT t.entity_code, t.basis, t.fund, t.account_code, t.currency, t.je_month AS from_month FROM total AS t
                UNION ALL
                SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency, (b.last_month + interval '1 month')::date
                  FROM book AS b
                  JOIN acct.account_balance_snapshot AS s
                    ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = b.last_month
                 WHERE b.to_month > b.last_month AND s.closing_balance <> 0) AS x
         GROUP BY 1, 2, 3, 4, 5),
    row_now AS (
        SELECT a.entity_code, a.basis, a.fund, a.account_code, a.currency, m::date AS month, b.last_month
          FROM account AS a
          JOIN book AS b ON b.entity_code = a.entity_code AND b.basis = a.basis
         CROSS JOIN generate_series(a.from_month::timestamp, greatest(b.to_month, b.last_month)::timestamp, interval '1 month') AS m),
    moved AS (
        SELECT r.entity_code, r.basis, r.month, r.fund, r.account_code, r.currency,
               coalesce(s.period_debit, 0) + coalesce(t.debit, 0) AS debit, coalesce(s.period_credit, 0) + coalesce(t.credit, 0) AS credit,
               coalesce(s.line_count, 0) + coalesce(t.line_count, 0) AS line_count, greatest(s.last_run_id, t.run_id) AS run_id,
               -- A month without a row opens with what the month before it closed with, or the book's last one.
               coalesce(s.opening_balance, o.closing_balance, 0) + coalesce(s.period_debit - s.period_credit, 0)
               + sum(coalesce(t.debit - t.credit, 0))
                 OVER (PARTITION BY r.entity_code, r.basis, r.fund, r.account_code, r.currency ORDER BY r.month) AS closing,
               s.entity_code IS NOT NULL AS was_there
          FROM row_now AS r
          -- OFFSET 0: by the key, row by row. A join could compare all that the run moves in a book with all that the book has.
          LEFT JOIN LATERAL (
            SELECT x.* FROM acct.journal_run_total AS x
             WHERE x.run_id = p_run_id AND x.entity_code = r.entity_code AND x.basis = r.basis AND x.je_month = r.month AND x.fund = r.fund
               AND x.account_code = r.account_code AND x.currency = r.currency OFFSET 0) AS t ON true
          LEFT JOIN LATERAL (
            SELECT x.* FROM acct.account_balance_snapshot AS x
             WHERE x.entity_code = r.entity_code AND x.basis = r.basis AND x.snapshot_month = r.month AND x.fund = r.fund
               AND x.account_code = r.account_code AND x.currency = r.currency OFFSET 0) AS s ON true
          LEFT JOIN LATERAL (
            SELECT x.* FROM acct.account_balance_snapshot AS x
             WHERE s.entity_code IS NULL AND x.entity_code = r.entity_code AND x.basis = r.basis
               AND x.snapshot_month = least((r.month - interval '1 month')::date, r.last_month) AND x.fund = r.fund
               AND x.account_code = r.account_code AND x.currency = r.currency OFFSET 0) AS o ON true),
    fresh AS MATERIALIZED (
        SELECT m.*, m.closing - m.debit + m.credit AS opening FROM moved AS m),
    gone AS (
        DELETE FROM acct.account_balance_snapshot AS s USING fresh AS f
         WHERE f.was_there AND f.line_count = 0 AND f.opening = 0
           AND s.entity_code = f.entity_code AND s.basis = f.basis AND s.snapshot_month = f.month AND s.fund = f.fund
           AND s.account_code = f.account_code AND s.currency = f.currency)
    INSERT INTO acct.account_balance_snapshot AS s
           (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit,
            period_credit, closing_balance, line_count, last_run_id)
    SELECT f.entity_code, f.basis, f.month, f.fund, f.account_code, f.currency, f.opening, f.debit,
           f.credit, f.closing, f.line_count, f.run_id
      FROM fresh AS f
     WHERE f.line_count > 0 OR f.opening <> 0
    ON CONFLICT (entity_code, basis, snapshot_month, fund, account_code, currency) DO UPDATE
       SET opening_balance = excluded.opening_balance, period_debit = excluded.period_debit,
           period_credit = excluded.period_credit, closing_balance = excluded.closing_balance,
           line_count = excluded.line_count, last_run_id = excluded.last_run_id;
END
$$;
COMMENT ON FUNCTION acct._move_snapshot(bigint) IS
'Moves the snapshot forward by the totals of a run that is being posted: the accounts that it moves, in each month up to the book''s last. Months that are new to the book get every account with a balance.';

CREATE FUNCTION acct._ledger_months(OUT oldest date, OUT after_archived date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    gone text;
BEGIN
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct.ledger_entry_line WHERE false;
    SELECT min(m.month) INTO oldest FROM acct._months_with_partitions('acct.ledger_entry_line') AS m;
    SELECT min(c.relname) INTO gone FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'acct.ledger_entry_line'::regclass AND NOT i.inhdetachpending
       -- By the catalogs as they are now
       AND NOT EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS a WHERE a.relid = i.inhparent);
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION 'partition % was archived meanwhile', gone
            USING ERRCODE = '40001', DETAIL = 'The snapshot of the transaction is older.', HINT = 'Call again, in a new transaction.';
    END IF;
    SELECT (max(a.month) + interval '1 month')::date INTO after_archived
      FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL;
END
$$;
COMMENT ON FUNCTION acct._ledger_months() IS
'The oldest month that the ledger has a partition for (NULL where it has none), and the month after the newest archived one (NULL where none is archived): balances are computed from lines from the later of the two on. Raises 40001 where the transaction''s snapshot is older than an archive.';

CREATE FUNCTION acct._require_posted_lines(p_from date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    wrong record;
BEGIN
    -- By account: what was moved from one to another comes to the same sum.
    SELECT month, entity_code, basis, fund, account_code, currency, coalesce(s.line_count, 0) AS found, coalesce(t.line_count, 0) AS posted INTO wrong
      FROM (SELECT x.snapshot_month AS month, x.entity_code, x.basis, x.fund, x.account_code, x.currency, x.line_count, x.period_debit AS debit, x.period_credit AS credit
              FROM acct.account_balance_snapshot AS x WHERE x.snapshot_month >= p_from) AS s
      FULL JOIN (SELECT x.je_month AS month, x.entity_code, x.basis, x.fund, x.account_code, x.currency,
                        sum(x.line_count)::bigint AS line_count, sum(x.debit) AS debit, sum(x.credit) AS credit
                   FROM acct.journal_run_total AS x JOIN acct.journal_run AS r USING (run_id)
                  WHERE acct._is_posted(r.status) AND x.je_month >= p_from GROUP BY 1, 2, 3, 4, 5, 6) AS t
     USING (month, entity_code, basis, fund, account_code, currency)
     WHERE (coalesce(s.line_count, 0), coalesce(s.debit, 0), coalesce(s.credit, 0))
           <> (coalesce(t.line_count, 0), coalesce(t.debit, 0), coalesce(t.credit, 0))
     ORDER BY month, entity_code, basis, fund, account_code, currency LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of % are not those that were posted', acct._month_name(wrong.month)
            USING ERRCODE = 'LE009', DETAIL = format('Account %s in fund %s, currency %s, of %s %s. Posted: %s lines, found: %s, or their sums differ.',
                                                     wrong.account_code, wrong.fund, wrong.currency, wrong.entity_code, wrong.basis, wrong.posted, wrong.found),
                  HINT = 'Balances stay as they are. Find the runs with acct.run_digest(), and restore their lines from a backup.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_posted_lines(date) IS
'Raises LE009 where balances, computed from the lines from a month on, are not what runs posted to each account: then lines were lost, added or changed.';

CREATE FUNCTION acct.update_balance_snapshot(month date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    from_month date;
    changed bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF update_balance_snapshot.month IS NOT NULL THEN
        PERFORM acct._require_month(update_balance_snapshot.month);
    END IF;
    -- All books, those to come included: whoever locks one writes to this table first.
    PERFORM acct._progress_start(NULL, 'snapshot', NULL);
    PERFORM acct._announce_work();
    PERFORM acct._hold_tables('{acct.ledger_book}', 'SHARE ROW EXCLUSIVE');
    -- crash point: snapshot_locked
    PERFORM acct._require_ledger_attached(NULL);
    PERFORM acct._progress_phase('recomputing balances');
    SELECT greatest(m.oldest, m.after_archived, update_balance_snapshot.month) INTO from_month FROM acct._ledger_months() AS m;
    changed := acct._write_snapshot(from_month);
    -- crash point: snapshot_written
    -- A partition may have been detached meanwhile: DETACH CONCURRENTLY waits for nobody at first.
    PERFORM acct._require_ledger_attached(NULL);
    PERFORM acct._require_posted_lines(from_month);
    INSERT INTO acct.run_log (step, rows, elapsed_ms, peak_memory)
    VALUES ('snapshot', changed, acct._elapsed_ms(started), acct._peak_memory());
    PERFORM acct._progress_end();
    RETURN changed;
END
$$;
COMMENT ON FUNCTION acct.update_balance_snapshot(date) IS
'Recomputes acct.account_balance_snapshot from the ledger''s lines, from a month on (default: the oldest month that is not archived), and returns the number of rows that were wrong. Raises 22023 (not a month), LE009 (the lines are not those that were posted), LE010 (a partition of the ledger is detached), 40001 (a month was archived since the transaction took its snapshot), 55P03 (the books are locked).';

CREATE FUNCTION acct.check_balance_snapshot(month date DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, snapshot_month date, fund text, account_code text, currency text,
               snapshot_opening numeric, snapshot_debit numeric, snapshot_credit numeric, snapshot_lines bigint,
               ledger_opening numeric, ledger_debit numeric, ledger_credit numeric, ledger_lines bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    from_month date := check_balance_snapshot.month;
    to_month date;
    oldest_month date;
    ledger regclass;
BEGIN
    PERFORM acct._require_layout();
    ledger := 'acct.ledger_entry_line';
    SELECT m.oldest INTO oldest_month FROM acct._ledger_months() AS m;
    PERFORM acct._require_ledger_attached(from_month);
    IF from_month IS NULL THEN
        -- Archived months among them are left out.
        from_month := coalesce(oldest_month, 'infinity');
        to_month := 'infinity';
    ELSE
        PERFORM acct._require_month(from_month);
        to_month := from_month + interval '1 month';
        ledger := acct._month_rows('ledger_entry_line', from_month, false)::regclass;
    END IF;
    RETURN QUERY
    WITH line AS (
        SELECT l.entity_code, l.basis, l.month AS snapshot_month, l.fund, l.account_code, l.currency, l.debit, l.credit, l.line_count
          FROM acct._period_sums(ledger, from_month, to_month) AS l),
    -- A month opens with what the one before it closed with, up to the last month of the book.
    opening AS (
        SELECT s.entity_code, s.basis, (s.snapshot_month + interval '1 month')::date AS snapshot_month, s.fund, s.account_code,
               s.currency, s.closing_balance AS balance
          FROM acct.account_balance_snapshot AS s
         WHERE s.snapshot_month >= from_month - interval '1 month' AND s.snapshot_month < to_month - interval '1 month'
           AND s.closing_balance <> 0
           AND EXISTS (SELECT FROM acct.account_balance_snapshot AS n
                        WHERE n.entity_code = s.entity_code AND n.basis = s.basis AND n.snapshot_month > s.snapshot_month)),
    expected AS (
        SELECT entity_code, basis, snapshot_month, fund, account_code, currency, coalesce(o.balance, 0) AS opening,
               coalesce(l.debit, 0) AS debit, coalesce(l.credit, 0) AS credit, coalesce(l.line_count, 0) AS line_count
          FROM line AS l FULL JOIN opening AS o USING (entity_code, basis, snapshot_month, fund, account_code, currency)),
    snapshot AS (
        SELECT s.* FROM acct.account_balance_snapshot AS s WHERE s.snapshot_month >= from_month AND s.snapshot_month < to_month)
    SELECT entity_code, basis, snapshot_month, fund, account_code, currency,
           s.opening_balance, s.period_debit, s.period_credit, s.line_count, e.opening, e.debit, e.credit, e.line_count
      FROM snapshot AS s FULL JOIN expected AS e USING (entity_code, basis, snapshot_month, fund, account_code, currency)
     WHERE (s.opening_balance, s.period_debit, s.period_credit, s.line_count)
           IS DISTINCT FROM (e.opening, e.debit, e.credit, e.line_count)
       AND (check_balance_snapshot.month IS NOT NULL OR NOT EXISTS (SELECT FROM acct.archived_partition AS a
                               WHERE a.table_name = 'ledger_entry' AND a.month = snapshot_month AND a.restored_at IS NULL))
     ORDER BY 1, 2, 3, 4, 5, 6;
END
$$;
COMMENT ON FUNCTION acct.check_balance_snapshot(date) IS
'Compares balances with the ledger''s lines, of a month (also an archived one) or of all (NULL), and returns a row for each that differs; it changes nothing. Raises 22023 (not a month), 55000 (the month was dropped), LE010 (a partition is detached), 40001 (a month was archived since the transaction took its snapshot).';

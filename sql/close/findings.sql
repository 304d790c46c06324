-- What stands against closing a month of a book: work that is left, and balances that are not what they are to be.

CREATE FUNCTION acct._closing_findings() RETURNS TABLE (n integer, finding text, severity text, hint text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- warning: work is left; critical: the books are wrong
    VALUES (1, 'loads_waiting', 'warning', 'CALL acct.run_job(''run'') or acct.process_month() of their months books them. Where it does not: rows of a batch that is not registered must be loaded again; for other rows a superuser inserts their month into acct.source_check. Restore a month that is archived first: acct.restore_partition().'),
           (2, 'exceptions_open', 'warning', 'acct.reprocess_exceptions() takes them up again; acct.waive_exception() settles one that needs no journal.'),
           (3, 'runs_not_posted', 'warning', 'Post them, or discard them.'),
           (4, 'manual_journals_open', 'warning', 'Have them approved, or delete them: acct.approve_manual_journal(), acct.return_manual_journal().'),
           (5, 'source_differs', 'critical', 'acct.reconcile_transactions() lists the transactions. Load added rows again, as a batch of their own; restore those that are gone.'),
           (6, 'balances_differ', 'critical', 'See acct.check_balance_snapshot(); acct.update_balance_snapshot() computes balances anew.'),
           (7, 'fund_unbalanced', 'critical', 'Find the journals in acct.fund_journal, and correct them.'),
           (8, 'pair_differs', 'warning', 'Book what is missing on one side; the accounts are those of acct.elimination_pair.'),
           (9, 'suspense_not_zero', 'warning', 'Book what is on the account to where it belongs.'),
           (10, 'month_before_open', 'warning', 'Close that month first.')
$$;
COMMENT ON FUNCTION acct._closing_findings() IS 'The findings of check_close(), in its order, and what to do about each.';

CREATE FUNCTION acct._money(p_currency text, p_amount numeric) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('%s %s', p_currency, trim_scale(p_amount))
$$;
COMMENT ON FUNCTION acct._money(text, numeric) IS 'An amount as messages name it, such as IDR 1200.5.';

CREATE FUNCTION acct._month_of_work(p_txn_month date) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- No other value date is ever booked: the month that it names may be one that nobody closes.
    SELECT format('CASE WHEN s.bank_value_date BETWEEN %L AND %L THEN date_trunc(''month'', s.bank_value_date)::date ELSE %L::date END', d.first, d.last, p_txn_month)
      FROM acct._value_days(p_txn_month) AS d
$$;
COMMENT ON FUNCTION acct._month_of_work(date) IS
'The expression of the month of a source row s of a month in which its work is to be done: that of its value date, or its own where no run accepts that date.';

CREATE FUNCTION acct._waiting_loads(p_bases text[], p_read date, p_batches bigint[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    source_month date;
    one_basis text;
    is_known boolean;
    is_registered CONSTANT text := 'EXISTS (SELECT FROM acct.txn_batch AS t WHERE t.batch_id = s.batch_id)';
    ranges record;
    parts text[] := ARRAY[]::text[];
    astray bigint[];
BEGIN
    FOR source_month, is_known IN
        SELECT m.month, acct._is_source_known(m.month)
          FROM (SELECT s FROM acct._source_months() AS s
                UNION
                -- An archived month was taken for every basis that there was by then.
                SELECT w.txn_month FROM acct.batch_waiting AS w
                 WHERE w.basis = ANY (p_bases)
                   AND EXISTS (SELECT FROM acct.archived_partition AS a
                                WHERE (a.table_name, a.month) = ('txn_source_parent', w.txn_month) AND a.restored_at IS NULL AND a.dropped_at IS NULL)) AS m (month)
         ORDER BY 1 LOOP
        FOR one_basis IN SELECT DISTINCT u FROM unnest(p_bases) AS u ORDER BY 1 LOOP
            SELECT r.* INTO ranges FROM acct._untaken_ranges(source_month, ARRAY[one_basis]) AS r;
            IF ranges.first IS NOT NULL THEN
                -- By the BRIN index, in which rows of a batch lie together.
                parts := parts || format('SELECT s.entity_code, %L::text AS basis, %s AS month, s.currency, count(*) AS n, sum(s.gross_amount) AS gross '
                                         '  FROM unnest(%L::bigint[], %L::bigint[]) AS g (first, last) JOIN %s AS s ON s.batch_id BETWEEN g.first AND g.last AND %s '
                                         ' GROUP BY 1, 3, 4', one_basis, acct._month_of_work(source_month), ranges.first, ranges.last, acct._source_rows(source_month),
                                         CASE WHEN is_known THEN 'true' ELSE is_registered END);
            END IF;
            IF NOT is_known THEN
                -- No run takes them.
                parts := parts || format('SELECT s.entity_code, %1$L::text AS basis, %5$s AS month, s.currency, count(*) AS n, sum(s.gross_amount) AS gross FROM %2$s AS s '
                                         ' WHERE NOT %3$s '
                                         '   AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE (c.batch_id, c.txn_month, c.basis) = (s.batch_id, %4$L, %1$L) AND c.released_at IS NULL) '
                                         ' GROUP BY 1, 3, 4', one_basis, acct._source_rows(source_month), is_registered, source_month, acct._month_of_work(source_month));
            ELSIF source_month = p_read THEN
                astray := acct._batches_astray(source_month, one_basis, p_batches);
                IF astray <> '{}' THEN
                    parts := parts || format('SELECT s.entity_code, %L::text AS basis, %s AS month, s.currency, count(*) AS n, sum(s.gross_amount) AS gross '
                                             '  FROM %s AS s WHERE s.batch_id = ANY (%L::bigint[]) GROUP BY 1, 3, 4', one_basis, acct._month_of_work(source_month),
                                             acct._source_rows(source_month), astray);
                END IF;
            END IF;
        END LOOP;
    END LOOP;
    RETURN nullif(array_to_string(parts, ' UNION ALL '), '');
END
$$;
COMMENT ON FUNCTION acct._waiting_loads(text[], date, bigint[]) IS
'The query of the transactions that no run took for these bases, by entity, basis, month of work and currency, registered or not (NULL: none). Where rows came by loads alone, only batches that wait are read; of month p_read, which has p_batches, also those that neither wait nor were taken.';

CREATE FUNCTION acct._unbooked_loads(p_before date, p_entities text[], p_bases text[], p_read date DEFAULT NULL, p_batches bigint[] DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, month date, currency text, transactions bigint, gross numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    query CONSTANT text := acct._waiting_loads(p_bases, p_read, p_batches);
BEGIN
    IF query IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT b.entity_code, b.basis, x.month, x.currency, sum(x.n)::bigint, sum(x.gross) FROM unnest($2, $3) AS b (entity_code, basis) '
                                    '  JOIN (%s) AS x ON x.entity_code = b.entity_code AND x.basis = b.basis AND x.month < $1 GROUP BY 1, 2, 3, 4', query)
          USING p_before, p_entities, p_bases;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._unbooked_loads(date, text[], text[], date, bigint[]) IS
'The transactions that no run took for these books, by month of work, which is before another, and currency. p_batches: all that are in the source of month p_read.';

CREATE FUNCTION acct._open_exceptions_of(p_before date, p_entities text[], p_bases text[])
RETURNS TABLE (entity_code text, basis text, month date, currency text, exceptions bigint, gross numeric, reasons text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    query text;
BEGIN
    SELECT string_agg(format('SELECT s.entity_code, e.basis, %s AS month, s.currency, e.reason, s.gross_amount FROM acct.je_exception AS e '
                             '  JOIN %s AS s ON s.txn_id = e.txn_id AND s.txn_month = e.txn_month '
                             ' WHERE e.txn_month = %L AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL',
                             acct._month_of_work(m.txn_month), acct._source_rows(m.txn_month), m.txn_month), ' UNION ALL ')
      INTO query
      FROM (SELECT DISTINCT e.txn_month FROM acct.je_exception AS e
             WHERE e.basis = ANY (p_bases) AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL) AS m;
    IF query IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT x.entity_code, x.basis, x.month, x.currency, sum(x.n)::bigint, sum(x.gross), acct._first_of(array_agg(format(''%%s %%s'', x.reason, x.n) ORDER BY x.n DESC, x.reason)) '
                                    '  FROM (SELECT b.entity_code, b.basis, y.month, y.currency, y.reason, count(*) AS n, sum(y.gross_amount) AS gross '
                                    '          FROM unnest($1, $2) AS b (entity_code, basis) JOIN (%s) AS y ON y.entity_code = b.entity_code AND y.basis = b.basis AND y.month < $3 '
                                    '         GROUP BY 1, 2, 3, 4, 5) AS x GROUP BY 1, 2, 3, 4', query) USING p_entities, p_bases, p_before;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._open_exceptions_of(date, text[], text[]) IS
'The open exceptions of these books, by month of work, which is before another, and currency, with their reasons.';

CREATE FUNCTION acct._taken_rows(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run record;
    ranges record;
    source text;
BEGIN
    SELECT r.txn_month, r.reprocess_of INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    source := acct._source_rows_kept(run.txn_month);
    IF source IS NULL THEN
        RETURN NULL;
    ELSIF run.reprocess_of IS NOT NULL THEN
        RETURN format('SELECT s.entity_code, x.basis, %s AS month FROM acct._taken_again(%s) AS x JOIN %s AS s ON s.txn_id = x.txn_id AND s.txn_month = x.txn_month',
                      acct._month_of_work(run.txn_month), p_run_id, source);
    END IF;
    SELECT g.* INTO ranges FROM acct._ranges_of(ARRAY(SELECT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id AND c.released_at IS NULL)) AS g;
    IF ranges.first IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN format('SELECT s.entity_code, c.basis, %s AS month FROM unnest(%L::bigint[], %L::bigint[]) AS g (first, last) JOIN %s AS s ON s.batch_id BETWEEN g.first AND g.last '
                  '  JOIN acct.journal_run_batch AS c ON c.run_id = %s AND c.batch_id = s.batch_id AND c.released_at IS NULL',
                  acct._month_of_work(run.txn_month), ranges.first, ranges.last, source, p_run_id);
END
$$;
COMMENT ON FUNCTION acct._taken_rows(bigint) IS
'The query of the entity, basis and month of work of the transactions that a run took; NULL: it took none, or its source month was dropped.';

CREATE FUNCTION acct._unregistered_books(p_month date, p_basis text, OUT entities text[], OUT bases text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    bases_of CONSTANT text[] := ARRAY(SELECT b.basis FROM acct.accounting_basis AS b WHERE p_basis IS NULL OR b.basis = p_basis);
    waiting text;
    taken text;
    query text;
BEGIN
    entities := '{}';
    bases := '{}';
    SELECT string_agg(format('SELECT s.entity_code, e.basis, %s AS month FROM acct.je_exception AS e JOIN %s AS s ON s.txn_id = e.txn_id AND s.txn_month = e.txn_month '
                             ' WHERE e.txn_month = %L AND e.reason = ''UNKNOWN_ENTITY'' AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL',
                             acct._month_of_work(m.txn_month), acct._source_rows(m.txn_month), m.txn_month), ' UNION ALL ')
      INTO query
      FROM (SELECT DISTINCT e.txn_month FROM acct.je_exception AS e
             WHERE e.reason = 'UNKNOWN_ENTITY' AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL) AS m;
    -- What no run took is set aside for that as soon as one does.
    waiting := acct._waiting_loads(bases_of, NULL, NULL);
    SELECT string_agg(x.query, ' UNION ALL ') INTO taken
      FROM (SELECT acct._taken_rows(r.run_id) AS query FROM acct.journal_run AS r WHERE r.status = 'created' AND r.kind = 'transaction') AS x WHERE x.query IS NOT NULL;
    query := concat_ws(' UNION ALL ', query, taken, 'SELECT w.entity_code, w.basis, w.month FROM (' || waiting || ') AS w');
    IF query <> '' THEN
        EXECUTE format('SELECT coalesce(array_agg(x.entity_code), ''{}''), coalesce(array_agg(x.basis), ''{}'') FROM (SELECT DISTINCT y.entity_code, y.basis FROM (%s) AS y '
                       ' WHERE y.month < $1 AND ($2 IS NULL OR y.basis = $2) AND NOT EXISTS (SELECT FROM acct.entity AS n WHERE n.entity_code = y.entity_code)) AS x', query)
           INTO entities, bases USING (p_month + interval '1 month')::date, p_basis;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._unregistered_books(date, text) IS
'The entities that are not registered, and bases, of transactions with a month of work up to a month that wait for a run, were taken by one that is not expanded, or are open exceptions for that. Nobody closes these books: their work stands against closing all.';

CREATE FUNCTION acct._unposted_runs(p_before date, p_entities text[], p_bases text[]) RETURNS TABLE (entity_code text, basis text, month date, run_id bigint, status text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    run record;
BEGIN
    RETURN QUERY
    SELECT DISTINCT b.entity_code, b.basis, t.je_month, r.run_id, r.status
      FROM acct.journal_run AS r JOIN acct.journal_run_total AS t ON t.run_id = r.run_id AND t.je_month < p_before
      JOIN unnest(p_entities, p_bases) AS b (entity_code, basis) ON b.entity_code = t.entity_code AND b.basis = t.basis
     WHERE r.status = 'expanded';
    -- Of others it is not known yet which journals they have.
    RETURN QUERY
    SELECT DISTINCT b.entity_code, b.basis, date_trunc('month', r.je_date)::date, r.run_id, r.status
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL (SELECT r.origin_run AS run_id UNION SELECT v.origin_run FROM acct.journal_reversal AS v WHERE v.run_id = r.run_id AND v.released_at IS NULL) AS o
      JOIN acct.journal_run_total AS t ON t.run_id = o.run_id
      JOIN unnest(p_entities, p_bases) AS b (entity_code, basis) ON b.entity_code = t.entity_code AND b.basis = t.basis
     WHERE r.status = 'created' AND r.je_date < p_before;
    FOR run IN SELECT r.run_id, acct._taken_rows(r.run_id) AS query FROM acct.journal_run AS r WHERE r.status = 'created' AND r.kind = 'transaction' ORDER BY r.run_id LOOP
        CONTINUE WHEN run.query IS NULL;
        RETURN QUERY EXECUTE format('SELECT DISTINCT b.entity_code, b.basis, x.month, %s::bigint, ''created'' FROM unnest($1, $2) AS b (entity_code, basis) '
                                    '  JOIN (%s) AS x ON x.entity_code = b.entity_code AND x.basis = b.basis WHERE x.month < $3',
                                    run.run_id, run.query) USING p_entities, p_bases, p_before;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._unposted_runs(date, text[], text[]) IS
'The runs that are not posted and have journals of these books before a month, or may get some, a row for each month.';

CREATE FUNCTION acct._undecided_journals(p_before date, p_entities text[], p_bases text[])
RETURNS TABLE (entity_code text, basis text, month date, journal_id bigint, status text, currency text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT b.entity_code, b.basis, date_trunc('month', m.je_date)::date, m.journal_id, m.status, m.currency
      FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
      JOIN acct.manual_journal AS m ON m.entity_code = b.entity_code AND m.basis = b.basis
       AND m.je_date < p_before AND m.status <> 'approved'
$$;
COMMENT ON FUNCTION acct._undecided_journals(date, text[], text[]) IS 'The manual journals of these books before a day that are not approved.';

CREATE FUNCTION acct._months_of_work(p_before date, p_entity text, p_basis text) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT DISTINCT w.month
      FROM (SELECT make_date(l.first_year, 1, 1) AS first, ARRAY[p_entity] AS entities, ARRAY[p_basis] AS bases FROM acct._posting_limits() AS l) AS a
     CROSS JOIN LATERAL (
        SELECT x.month FROM acct._unbooked_loads(p_before, a.entities, a.bases) AS x
        UNION ALL SELECT x.month FROM acct._open_exceptions_of(p_before, a.entities, a.bases) AS x
        UNION ALL SELECT x.month FROM acct._unposted_runs(p_before, a.entities, a.bases) AS x
        UNION ALL SELECT x.month FROM acct._undecided_journals(p_before, a.entities, a.bases) AS x) AS w
     -- An earlier month cannot be closed.
     WHERE w.month >= a.first
$$;
COMMENT ON FUNCTION acct._months_of_work(date, text, text) IS
'The months of a book before another in which something waits to be posted or decided: a load, an exception, a run or a manual journal.';

CREATE FUNCTION acct._differing_batches(p_month date, p_entities text[], p_bases text[], p_batches bigint[], p_rows bigint[], p_gross numeric[])
RETURNS TABLE (entity_code text, basis text, batch_id bigint, message text)
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on SET jit = off AS $$
#variable_conflict use_column
DECLARE
    changed CONSTANT bigint[] := ARRAY(SELECT DISTINCT c.batch_id FROM acct._changed_claims(p_month, p_batches, p_rows, p_gross) AS c WHERE c.basis = ANY (p_bases));
BEGIN
    IF changed <> '{}' THEN
        -- Rows that are gone could have been of any entity.
        RETURN QUERY EXECUTE format('WITH known AS MATERIALIZED (SELECT DISTINCT s.batch_id, s.entity_code FROM %s AS s WHERE s.batch_id = ANY ($1)) '
                                    'SELECT b.entity_code, b.basis, c.batch_id, c.message FROM unnest($2, $3) AS b (entity_code, basis) '
                                    '  JOIN acct._changed_claims($4, $5, $6, $7) AS c ON c.basis = b.basis '
                                    ' WHERE c.found_rows < c.taken_rows OR (c.batch_id, b.entity_code) IN (SELECT n.batch_id, n.entity_code FROM known AS n)',
                                    acct._source_rows(p_month)) USING changed, p_entities, p_bases, p_month, p_batches, p_rows, p_gross;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._differing_batches(date, text[], text[], bigint[], bigint[], numeric[]) IS
'The batches that runs took of a source month, which now has p_batches with p_rows and p_gross, and that have other rows or amounts than then. A row for each of these books of which they have rows, and where rows are gone, of all.';

CREATE FUNCTION acct._source_agrees(p_month date, p_bases text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM acct._changed_claims(p_month, s.batches, s.rows, s.gross) AS c WHERE c.basis = ANY (p_bases))
           AND NOT EXISTS (SELECT FROM unnest(p_bases) AS b (basis) WHERE acct._batches_astray(p_month, b.basis, s.batches) <> '{}')
      FROM acct._source_batches(acct._source_rows_kept(p_month)) AS s
$$;
COMMENT ON FUNCTION acct._source_agrees(date, text[]) IS
'True where each batch of a source month, of whatever entities, waits for these bases or was taken, with the rows and amounts that it has. Reads the month.';

CREATE FUNCTION acct._differing_balances(p_month date, p_entities text[], p_bases text[])
RETURNS TABLE (entity_code text, basis text, currency text, accounts bigint, amount numeric, first_accounts text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    month_lines regclass;
BEGIN
    -- Where nothing was posted there is nothing to read, and no posting to other books is waited for.
    IF NOT EXISTS (SELECT FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
                    WHERE EXISTS (SELECT FROM acct.journal_number AS j WHERE j.entity_code = b.entity_code AND j.basis = b.basis AND j.period_month = p_month)
                       OR EXISTS (SELECT FROM acct.account_balance_snapshot AS s WHERE s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = p_month)) THEN
        RETURN;
    END IF;
    PERFORM acct._require_ledger_attached(p_month);
    month_lines := acct._month_rows('ledger_entry_line', p_month, false)::regclass;
    IF month_lines = 'acct.ledger_entry_line'::regclass THEN
        month_lines := acct._partition_of(month_lines, p_month);
    END IF;
    RETURN QUERY
        WITH book AS MATERIALIZED (
            SELECT b.entity_code, b.basis FROM unnest(p_entities, p_bases) AS b (entity_code, basis)),
        line AS (
            SELECT l.entity_code COLLATE "C" AS entity_code, l.basis COLLATE "C" AS basis, l.fund COLLATE "C" AS fund, l.account_code COLLATE "C" AS account_code,
                   l.currency COLLATE "C" AS currency, sum(l.debit) AS debit, sum(l.credit) AS credit, sum(l.line_count) AS lines
              FROM acct._sums_of_lines(array_remove(ARRAY[month_lines], NULL), NULL, '{}', '{}') AS l
             WHERE l.je_month = p_month AND l.entity_code = ANY (p_entities) AND l.basis = ANY (p_bases)
             GROUP BY 1, 2, 3, 4, 5),
        snapshot AS (
            SELECT s.* FROM book AS b JOIN acct.account_balance_snapshot AS s ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = p_month),
        opening AS (
            SELECT s.* FROM book AS b JOIN acct.account_balance_snapshot AS s
                ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = p_month - interval '1 month' AND s.closing_balance <> 0
             -- Up to the last month of the book
             WHERE EXISTS (SELECT FROM acct.account_balance_snapshot AS n WHERE n.entity_code = b.entity_code AND n.basis = b.basis AND n.snapshot_month >= p_month))
        SELECT entity_code, basis, currency, count(*), sum(abs(coalesce(s.closing_balance, 0) - coalesce(o.closing_balance, 0) - coalesce(l.debit, 0) + coalesce(l.credit, 0))),
               acct._first_of(array_agg(format('%s in fund %s', account_code, fund) ORDER BY account_code, fund))
          FROM snapshot AS s FULL JOIN line AS l USING (entity_code, basis, fund, account_code, currency)
          FULL JOIN opening AS o USING (entity_code, basis, fund, account_code, currency)
         WHERE (entity_code, basis) IN (SELECT b.entity_code, b.basis FROM book AS b)
           AND (coalesce(s.opening_balance, 0), coalesce(s.period_debit, 0), coalesce(s.period_credit, 0), coalesce(s.line_count, 0))
               <> (coalesce(o.closing_balance, 0), coalesce(l.debit, 0), coalesce(l.credit, 0), coalesce(l.lines, 0))
         GROUP BY 1, 2, 3;
END
$$;
COMMENT ON FUNCTION acct._differing_balances(date, text[], text[]) IS
'The balances of a month of these books that are not what its lines, and the closing balances of the month before, come to: by currency, with the sum of what they are off. Reads the lines of the month once.';

CREATE FUNCTION acct._balances_at(p_month date, p_entities text[], p_bases text[])
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, balance numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency, s.closing_balance
      FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
     CROSS JOIN LATERAL (SELECT max(x.snapshot_month) AS month FROM acct.account_balance_snapshot AS x
                          WHERE x.entity_code = b.entity_code AND x.basis = b.basis AND x.snapshot_month <= p_month) AS m
      JOIN acct.account_balance_snapshot AS s ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = m.month
     WHERE s.closing_balance <> 0
$$;
COMMENT ON FUNCTION acct._balances_at(date, text[], text[]) IS 'The balances of books at the end of a month that are not zero, debit positive.';

CREATE FUNCTION acct._pair_balances(p_month date, p_entities text[], p_bases text[])
RETURNS TABLE (entity_code text, basis text, pair_code text, currency text, balance numeric, counter_balance numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.entity_code, x.basis, p.pair_code, x.currency,
           coalesce(sum(x.balance) FILTER (WHERE x.account_code = p.account_code AND (p.fund IS NULL OR x.fund = p.fund)), 0),
           coalesce(sum(x.balance) FILTER (WHERE x.account_code = p.counter_account_code AND (p.counter_fund IS NULL OR x.fund = p.counter_fund)), 0)
      FROM acct.elimination_pair AS p
      JOIN acct._balances_at(p_month, p_entities, p_bases) AS x
        ON x.account_code = p.account_code AND (p.fund IS NULL OR x.fund = p.fund)
        OR x.account_code = p.counter_account_code AND (p.counter_fund IS NULL OR x.fund = p.counter_fund)
     GROUP BY 1, 2, 3, 4
$$;
COMMENT ON FUNCTION acct._pair_balances(date, text[], text[]) IS
'Balances of both sides of each elimination pair at the end of a month, for each book and currency in which one of them has a balance.';

CREATE FUNCTION acct._is_closed_with(p_entity text, p_basis text, p_month date, p_closed date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Months of entities that are not registered are closed by nobody.
    SELECT p_month = p_closed OR acct._is_shut(p_entity, p_basis, p_month) OR NOT EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = p_entity)
$$;
COMMENT ON FUNCTION acct._is_closed_with(text, text, date, date) IS
'True where what is left of a month of a book stands against closing another, which is the same or later: no close of its own month will ask for it.';

CREATE FUNCTION acct._find_to_close(p_month date, p_entities text[], p_bases text[], p_agrees boolean DEFAULT false)
RETURNS TABLE (entity_code text, basis text, n integer, finding text, found bigint, currency text, amount numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    month_before CONSTANT date := (p_month - interval '1 month')::date;
    month_after CONSTANT date := (p_month + interval '1 month')::date;
    source record;
BEGIN
    -- What waits in it may have a value date in any month.
    PERFORM acct._require_source_attached();
    PERFORM acct._require_month_whole(p_month);
    -- Not read where the month was dropped, or is known to agree.
    SELECT b.* INTO source FROM acct._source_batches(CASE WHEN NOT p_agrees THEN acct._source_rows_kept(p_month) END) AS b;
    RETURN QUERY
    SELECT x.entity_code, x.basis, f.n, f.finding, x.found, x.currency, x.amount, x.message FROM (
        SELECT l.entity_code, l.basis, 'loads_waiting' AS finding, l.transactions AS found, l.currency, l.gross AS amount,
               format(CASE l.transactions WHEN 1 THEN '1 transaction of %2$s (%3$s) waits for a run' ELSE '%s transactions of %s (%s) wait for a run' END,
                      l.transactions, acct._month_name(l.month), acct._money(l.currency, l.gross)) AS message
          FROM acct._unbooked_loads(month_after, p_entities, p_bases, p_month, source.batches) AS l WHERE acct._is_closed_with(l.entity_code, l.basis, l.month, p_month)
        UNION ALL
        SELECT e.entity_code, e.basis, 'exceptions_open', e.exceptions, e.currency, e.gross,
               format(CASE e.exceptions WHEN 1 THEN '1 exception of %2$s (%3$s) is open: %4$s' ELSE '%s exceptions of %s (%s) are open: %s' END,
                      e.exceptions, acct._month_name(e.month), acct._money(e.currency, e.gross), e.reasons)
          FROM acct._open_exceptions_of(month_after, p_entities, p_bases) AS e WHERE acct._is_closed_with(e.entity_code, e.basis, e.month, p_month)
        UNION ALL
        SELECT r.entity_code, r.basis, 'runs_not_posted', count(*), NULL, NULL,
               'not posted: ' || acct._first_of(array_agg(format('run %s (%s)', r.run_id, r.status) ORDER BY r.run_id))
          FROM (SELECT DISTINCT u.entity_code, u.basis, u.run_id, u.status FROM acct._unposted_runs(month_after, p_entities, p_bases) AS u
                 WHERE acct._is_closed_with(u.entity_code, u.basis, u.month, p_month)) AS r GROUP BY 1, 2
        UNION ALL
        SELECT m.entity_code, m.basis, 'manual_journals_open', count(*), m.currency, sum(l.debit),
               'not decided: ' || acct._first_of(array_agg(format('journal %s (%s)', m.journal_id, m.status) ORDER BY m.journal_id))
          FROM acct._undecided_journals(month_after, p_entities, p_bases) AS m
         CROSS JOIN LATERAL (SELECT sum(x.debit) AS debit FROM acct.manual_journal_line AS x WHERE x.journal_id = m.journal_id) AS l
         WHERE acct._is_closed_with(m.entity_code, m.basis, m.month, p_month)
         GROUP BY 1, 2, m.currency
        UNION ALL
        SELECT d.entity_code, d.basis, 'source_differs', count(*), NULL, NULL,
               'the source is not what runs took of it: ' || acct._first_of(array_agg(d.message ORDER BY d.batch_id))
          FROM acct._differing_batches(p_month, p_entities, p_bases, source.batches, source.rows, source.gross) AS d GROUP BY 1, 2
        UNION ALL
        SELECT d.entity_code, d.basis, 'balances_differ', d.accounts, d.currency, d.amount,
               format('balances are not what the lines come to: %s of %s', acct._money(d.currency, d.amount), d.first_accounts)
          FROM acct._differing_balances(p_month, CASE WHEN p_agrees THEN '{}' ELSE p_entities END, CASE WHEN p_agrees THEN '{}' ELSE p_bases END) AS d
        UNION ALL
        SELECT b.entity_code, b.basis, 'fund_unbalanced', 1, b.currency, sum(b.balance),
               format('fund %s is not balanced: debits less credits come to %s', b.fund, acct._money(b.currency, sum(b.balance)))
          FROM acct._balances_at(p_month, p_entities, p_bases) AS b GROUP BY b.entity_code, b.basis, b.fund, b.currency HAVING sum(b.balance) <> 0
        UNION ALL
        SELECT p.entity_code, p.basis, 'pair_differs', 1, p.currency, p.balance + p.counter_balance,
               format('pair %s does not add up to zero: %s and %s', p.pair_code, acct._money(p.currency, p.balance), acct._money(p.currency, p.counter_balance))
          FROM acct._pair_balances(p_month, p_entities, p_bases) AS p WHERE p.balance + p.counter_balance <> 0
        UNION ALL
        SELECT b.entity_code, b.basis, 'suspense_not_zero', 1, b.currency, b.balance,
               format('suspense account %s has %s in fund %s', b.account_code, acct._money(b.currency, b.balance), b.fund)
          FROM acct._balances_at(p_month, p_entities, p_bases) AS b
          JOIN acct.chart_of_accounts AS a ON a.account_code = b.account_code AND a.is_suspense
        UNION ALL
        SELECT b.entity_code, b.basis, 'month_before_open', 1, NULL, NULL, format('%s is open', acct._month_name(month_before))
          FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
         WHERE NOT acct._is_shut(b.entity_code, b.basis, month_before)
           -- The first month of a book has none before it.
           AND EXISTS (SELECT FROM acct.account_balance_snapshot AS s WHERE s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month < p_month)) AS x
      JOIN acct._closing_findings() AS f ON f.finding = x.finding;
END
$$;
COMMENT ON FUNCTION acct._find_to_close(date, text[], text[], boolean) IS
'The work of check_close(), for these books, in no order; neither lines nor source of the month are read where it is known that they agree with balances and claims (p_agrees).';

CREATE FUNCTION acct._check_close(p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, finding text, severity text, found bigint, currency text, amount numeric, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    entities text[];
    bases text[];
    strange record;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_plausible_month(p_month);
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    SELECT array_agg(e.entity_code), array_agg(b.basis) INTO entities, bases
      FROM acct.entity AS e CROSS JOIN acct.accounting_basis AS b
     WHERE (p_entity IS NULL OR e.entity_code = p_entity) AND (p_basis IS NULL OR b.basis = p_basis);
    IF p_entity IS NULL THEN
        SELECT u.* INTO strange FROM acct._unregistered_books(p_month, p_basis) AS u;
        entities := entities || strange.entities;
        bases := bases || strange.bases;
    END IF;
    RETURN QUERY
    SELECT x.entity_code, x.basis, x.finding, f.severity, x.found, x.currency, x.amount, x.message, f.hint
      FROM acct._find_to_close(p_month, entities, bases) AS x JOIN acct._closing_findings() AS f ON f.finding = x.finding
     ORDER BY x.entity_code COLLATE "C", x.basis COLLATE "C", x.n, x.currency COLLATE "C", x.message COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._check_close(date, text, text) IS 'The work of check_close().';

CREATE FUNCTION acct.check_close(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, finding text, severity text, found bigint, currency text, amount numeric, message text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.* FROM acct._check_close($1, $2, $3) AS c
$$;
COMMENT ON FUNCTION acct.check_close(date, text, text) IS
'Everything that keeps a month of a book (entity, basis; NULL: every registered one) from closing: a row for each finding and currency, with its number, its amount, and a hint. Changes nothing, and raises 22023 where the month is not plausible, or the entity or basis does not exist, LE010 where a partition of the month, or of any month of the source, is detached.';

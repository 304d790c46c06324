-- A few transactions from the caller to the ledger in one call: loaded, expanded, validated and posted in the caller's transaction.

CREATE FUNCTION acct._check_transactions(p_transactions jsonb) RETURNS date
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    wrong bigint;
    unknown text;
    months text[];
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF jsonb_typeof(p_transactions) IS DISTINCT FROM 'array' OR jsonb_array_length(p_transactions) = 0 THEN
        RAISE EXCEPTION 'transactions must be a JSON array of objects, and have at least one'
            USING ERRCODE = '22023', HINT = 'Each object is a transaction; its keys are columns of acct.txn_source_parent.';
    END IF;
    SELECT min(t.n) INTO wrong FROM jsonb_array_elements(p_transactions) WITH ORDINALITY AS t (value, n) WHERE jsonb_typeof(t.value) <> 'object';
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % of the array is not a JSON object', wrong USING ERRCODE = '22023';
    END IF;
    SELECT string_agg(k.key, ', ' ORDER BY k.key) INTO unknown
      FROM (SELECT DISTINCT k.key FROM jsonb_array_elements(p_transactions) AS t, jsonb_object_keys(t) AS k (key)) AS k
     WHERE NOT EXISTS (SELECT FROM pg_attribute AS a
                        WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attname = k.key AND a.attnum > 0
                          AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'batch_id');
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'transactions have unknown keys: %', unknown
            USING ERRCODE = '22023', HINT = 'Keys are columns of acct.txn_source_parent, except batch_id: the transactions are a batch of their own.';
    END IF;
    SELECT min(t.n) INTO wrong FROM jsonb_array_elements(p_transactions) WITH ORDINALITY AS t (value, n)
     WHERE t.value ->> 'txn_id' IS NULL OR t.value ->> 'txn_month' IS NULL;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % of the array has no txn_id or no txn_month', wrong USING ERRCODE = '22023';
    END IF;
    months := ARRAY(SELECT DISTINCT (t ->> 'txn_month')::date::text FROM jsonb_array_elements(p_transactions) AS t ORDER BY 1);
    IF cardinality(months) > 1 THEN
        RAISE EXCEPTION 'transactions are of several months'
            USING ERRCODE = '22023', DETAIL = 'Months: ' || array_to_string(months[1:5], ', ') || '.', HINT = 'Call acct.book_transactions() once for each month.';
    END IF;
    RETURN months[1]::date;
END
$$;
COMMENT ON FUNCTION acct._check_transactions(jsonb) IS
'The month of transactions that are given as JSON, before they are booked. Raises 22023 unless they are an array of objects with keys that are columns of acct.txn_source_parent, of one month; 25001 and 25006 as the steps do.';

CREATE FUNCTION acct._same_transactions(p_run_id bigint, p_transactions jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    same bigint;
BEGIN
    IF acct._run_transactions(p_run_id) <> jsonb_array_length(p_transactions) THEN
        RETURN false;
    END IF;
    -- Each value as its column has it; keys that are not given do not count.
    EXECUTE format('SELECT count(DISTINCT s.txn_id) FROM jsonb_array_elements($1) AS g '
                   ' CROSS JOIN LATERAL jsonb_populate_record(NULL::acct.txn_source_parent, g) AS t '
                   '  JOIN %s AS s ON (s.txn_id, s.txn_month) = (t.txn_id, t.txn_month) '
                   '  JOIN acct.journal_run_batch AS b ON b.run_id = $2 AND b.batch_id = s.batch_id AND b.txn_month = s.txn_month AND b.basis = $3 '
                   ' WHERE NOT EXISTS (SELECT FROM jsonb_object_keys(g) AS k WHERE to_jsonb(s) -> k IS DISTINCT FROM to_jsonb(t) -> k)',
                   (SELECT acct._source_rows(r.txn_month) FROM acct.journal_run AS r WHERE r.run_id = p_run_id))
       INTO same USING p_transactions, p_run_id, (SELECT min(b.basis) FROM acct.journal_run_batch AS b WHERE b.run_id = p_run_id);
    RETURN same = jsonb_array_length(p_transactions);
END
$$;
COMMENT ON FUNCTION acct._same_transactions(bigint, jsonb) IS
'True where a run took exactly the transactions that are given as JSON, with the same values.';

CREATE FUNCTION acct._open_booking(p_month date, p_transactions jsonb, p_run_key text, p_options jsonb, OUT run_id bigint, OUT is_booked boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    run record;
    status text;
BEGIN
    SELECT o.* INTO run FROM acct._open_run(p_month, p_run_key, coalesce(p_options, '{}')) AS o;
    run_id := run.run_id;
    is_booked := run.has_taken;
    IF is_booked THEN
        SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = _open_booking.run_id;
        IF NOT acct._same_transactions(run_id, p_transactions) THEN
            RAISE EXCEPTION 'run "%" was created for other transactions', p_run_key
                USING ERRCODE = 'LE002', DETAIL = format('Run %s has %s transactions.', run_id, acct._run_transactions(run_id)), HINT = 'Use another run_key.';
        ELSIF NOT acct._is_posted(status) THEN
            PERFORM acct._wrong_state(run_id, status, 'It was made by other functions. acct.process_run() posts it.');
        END IF;
    ELSE
        -- What the caller loaded before in this transaction is another batch.
        PERFORM acct._end_batch(acct.current_batch());
    END IF;
END
$$;
COMMENT ON FUNCTION acct._open_booking(date, jsonb, text, jsonb) IS
'Creates the run of book_transactions(), or finds the posted one that has the key and took the same transactions. Raises LE002 where it took others, or is not posted, and what create_run() raises.';

CREATE FUNCTION acct._book_batch(p_run_id bigint, p_transactions bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    status text := acct._lock_run(p_run_id);
    run acct.journal_run;
    place tid[];
    taken bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF status NOT IN ('created', 'expanded') OR run.kind <> 'transaction' OR acct._run_transactions(p_run_id) > 0 THEN
        PERFORM acct._wrong_state(p_run_id, status, 'Call acct.book_transactions().');
    END IF;
    place := acct._take_batches(p_run_id, run.txn_month, run.bases, EXISTS (SELECT FROM acct.run_log AS g WHERE g.run_id = p_run_id AND g.step = 'create'),
                                status = 'expanded', started, acct.current_batch());
    taken := acct._run_transactions(p_run_id);
    IF taken <> p_transactions THEN
        RAISE EXCEPTION 'of % transactions, % were loaded', p_transactions, taken
            USING ERRCODE = 'LE009', HINT = 'Is there a trigger on acct.txn_source_parent that leaves rows out, or moves them?';
    END IF;
    -- crash point: book_taken
    PERFORM acct._pass_checks(p_run_id, acct._expand_run(p_run_id, place), place);
    PERFORM acct._post_run(p_run_id, true);
    -- crash point: book_posted
END
$$;
COMMENT ON FUNCTION acct._book_batch(bigint, bigint) IS
'Has a run that has taken nothing take the batch of the current transaction, which must have so many transactions, and posts it. Raises LE002, LE009, and what the steps raise.';

CREATE FUNCTION acct._run_headers(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    months CONSTANT date[] := ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id ORDER BY 1);
    staged text := '';
BEGIN
    -- A small run's journals lie among others: their identifiers are those of staging, as long as it is there.
    IF NOT acct._staging_lost(p_run_id) THEN
        staged := format(' AND h.je_id IN (SELECT s.je_id FROM %s AS s)', acct._staging_rows(p_run_id, 'header'));
    END IF;
    RETURN coalesce((SELECT string_agg(format('SELECT h.txn_id, h.basis, h.je_id, h.je_number, h.je_date FROM %s AS h WHERE h.run_id = %s AND h.je_date >= %L AND h.je_date < %L%s',
                                              x.name, p_run_id, months[1], (months[cardinality(months)] + interval '1 month')::date, staged), ' UNION ALL ')
                       FROM (SELECT DISTINCT acct._month_rows('ledger_entry_header', m, true) AS name FROM unnest(months) AS m) AS x),
                    'SELECT NULL::bigint AS txn_id, NULL::text AS basis, NULL::bigint AS je_id, NULL::text AS je_number, NULL::date AS je_date WHERE false');
END
$$;
COMMENT ON FUNCTION acct._run_headers(bigint) IS
'The query of the journals that a run posted (txn_id, basis, je_id, je_number, je_date), also those of archived months. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._booked(p_run_id bigint, p_txn_ids bigint[])
RETURNS TABLE (txn_id bigint, basis text, run_id bigint, outcome text, je_id bigint, je_number text, je_date date, reason text, message text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_seqscan = off AS $$
BEGIN
    PERFORM acct._require_layout();
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct.ledger_entry_header WHERE false;
    RETURN QUERY EXECUTE format($q$
        SELECT t.txn_id, b.basis, $1, CASE WHEN h.je_id IS NOT NULL THEN 'posted' WHEN e.txn_id IS NOT NULL THEN 'exception' ELSE 'ignored' END,
               h.je_id, h.je_number, h.je_date, e.reason, e.message
          FROM acct.journal_run AS r
         CROSS JOIN unnest($2) WITH ORDINALITY AS t (txn_id, n)
         CROSS JOIN unnest(r.bases) AS b (basis)
          LEFT JOIN (%s) AS h ON h.txn_id = t.txn_id AND h.basis = b.basis
          LEFT JOIN acct.je_exception AS e ON (e.run_id, e.txn_id, e.txn_month, e.basis) = (r.run_id, t.txn_id, r.txn_month, b.basis)
         WHERE r.run_id = $1
         ORDER BY t.n, b.basis$q$, acct._run_headers(p_run_id)) USING p_run_id, p_txn_ids;
END
$$;
COMMENT ON FUNCTION acct._booked(bigint, bigint[]) IS
'Outcome of transactions in a posted run: a row for each of them and basis, in the order in which they are given.';

CREATE FUNCTION acct.book_transactions(transactions jsonb, run_key text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE (txn_id bigint, basis text, run_id bigint, outcome text, je_id bigint, je_number text, je_date date, reason text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month CONSTANT date := acct._check_transactions(book_transactions.transactions);
    booking record;
    part record;
BEGIN
    SELECT b.* INTO booking FROM acct._open_booking(month, book_transactions.transactions, book_transactions.run_key, book_transactions.options) AS b;
    IF NOT booking.is_booked THEN
        -- With the caller's rights. Those with the same keys together: for the others their columns have defaults.
        FOR part IN SELECT x.keys, jsonb_agg(x.value ORDER BY x.n) AS transactions
                      FROM (SELECT t.value, t.n, ARRAY(SELECT k FROM jsonb_object_keys(t.value) AS k ORDER BY k) AS keys
                              FROM jsonb_array_elements(book_transactions.transactions) WITH ORDINALITY AS t (value, n)) AS x
                     GROUP BY x.keys ORDER BY min(x.n) LOOP
            EXECUTE (SELECT format('INSERT INTO acct.txn_source_parent (%s) SELECT %s FROM jsonb_populate_recordset(NULL::acct.txn_source_parent, $1) AS t',
                                   string_agg(format('%I', k), ', '), string_agg(format('t.%I', k), ', ')) FROM unnest(part.keys) AS k)
              USING part.transactions;
        END LOOP;
        PERFORM acct._book_batch(booking.run_id, jsonb_array_length(book_transactions.transactions));
    END IF;
    RETURN QUERY
    SELECT b.* FROM acct._booked(booking.run_id, ARRAY(SELECT (t.value ->> 'txn_id')::bigint
                                                         FROM jsonb_array_elements(book_transactions.transactions) WITH ORDINALITY AS t (value, n) ORDER BY t.n)) AS b;
END
$$;
COMMENT ON FUNCTION acct.book_transactions(jsonb, text, jsonb) IS
'Loads transactions of a month, given as an array of JSON objects, and books them as a run of their own: a row for each transaction and basis with its journal, or the reason why there is none. Raises 22023, LE002 (the key was used for other transactions), what the load and the steps of a run raise, LE006 where a period is closed, LE009 where a check fails.';

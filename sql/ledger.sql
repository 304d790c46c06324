-- The ledger: monthly partitions, posting, periods.

CREATE FUNCTION acct._layout_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.ledger_entry_header (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        txn_month date NOT NULL,
        template_version integer NOT NULL,
        line_count integer NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        template_code text COLLATE "C" NOT NULL,
        txn_type text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        total_debit numeric(20,4) NOT NULL,
        total_credit numeric(20,4) NOT NULL,
        reversal_of bigint,
        memo text,
        je_number text COLLATE "C" NOT NULL,
        posted_at timestamptz NOT NULL,
        CONSTRAINT ledger_entry_header_pkey PRIMARY KEY (je_id, je_number, je_date)
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_header_date_idx ON acct.ledger_entry_header USING brin (je_date);

    CREATE TABLE IF NOT EXISTS acct.ledger_entry_line (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        line_no smallint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        debit numeric(20,4) NOT NULL,
        credit numeric(20,4) NOT NULL,
        CONSTRAINT ledger_entry_line_pkey PRIMARY KEY (je_id, line_no, je_date),
        CONSTRAINT chk_one_side CHECK (debit >= 0 AND credit >= 0 AND (debit = 0 OR credit = 0))
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_account_idx ON acct.ledger_entry_line (account_code, fund);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_date_idx ON acct.ledger_entry_line USING brin (je_date);

    CREATE TABLE IF NOT EXISTS acct.account_balance_snapshot (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        snapshot_month date NOT NULL,
        fund text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        opening_balance numeric NOT NULL,
        period_debit numeric NOT NULL,
        period_credit numeric NOT NULL,
        closing_balance numeric NOT NULL,
        line_count bigint NOT NULL,
        last_run_id bigint,
        CONSTRAINT account_balance_snapshot_pkey
            PRIMARY KEY (entity_code, basis, snapshot_month, fund, account_code, currency),
        CONSTRAINT chk_closing_balance CHECK (closing_balance = opening_balance + period_debit - period_credit)
    );

    CREATE TABLE IF NOT EXISTS acct.accounting_period (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date NOT NULL,
        is_open boolean NOT NULL,
        changed_by text NOT NULL DEFAULT session_user,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT accounting_period_pkey PRIMARY KEY (entity_code, basis, period_month),
        CONSTRAINT accounting_period_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_period_month CHECK (extract(day FROM period_month) = 1)
    );

    -- A book is what is posted to, closed and recomputed under one lock: its row.
    CREATE TABLE IF NOT EXISTS acct.ledger_book (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        CONSTRAINT ledger_book_pkey PRIMARY KEY (entity_code, basis)
    );

    CREATE TABLE IF NOT EXISTS acct.journal_number (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date NOT NULL,
        last_number bigint NOT NULL,
        CONSTRAINT journal_number_pkey PRIMARY KEY (entity_code, basis, period_month),
        CONSTRAINT chk_last_number CHECK (last_number BETWEEN 0 AND 999999999)
    );

    FOREACH t IN ARRAY ARRAY['ledger_entry_header', 'ledger_entry_line'] LOOP
        PERFORM acct._protect(p.relid) FROM pg_partition_tree(format('acct.%I', t)::regclass) AS p;
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_ledger() IS 'The part of install() that makes the ledger, its snapshot and its periods.';

CREATE FUNCTION acct._require_columns(p_table text, p_columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    missing CONSTANT text := (SELECT min(c) FROM unnest(p_columns) AS c
                               WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = format('acct.%I', p_table)::regclass
                                                    AND a.attname = c AND NOT a.attisdropped));
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no column %', p_table, missing
            USING ERRCODE = 'LE010', DETAIL = 'Months cannot be made without it.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_columns(text, text[]) IS
'Raises LE010 where a table lacks a column that its monthly partitions are made by.';

CREATE FUNCTION acct._make_header_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    name CONSTANT text := 'ledger_entry_header_' || to_char(p_month, 'YYYY_MM');
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.ledger_entry_header INCLUDING ALL EXCLUDING IDENTITY)', name)
            || acct._storage_of('acct.ledger_entry_header');
    EXECUTE format('ALTER TABLE acct.%I ADD CONSTRAINT %I UNIQUE (entity_code, basis, je_number)',
                   name, name || '_number_key')
            || (SELECT replace(acct._storage_of(i.indexrelid), 'TABLESPACE', 'USING INDEX TABLESPACE') FROM pg_index AS i
                 WHERE i.indrelid = 'acct.ledger_entry_header'::regclass AND i.indisprimary);
    PERFORM acct._protect(format('acct.%I', name)::regclass);
    EXECUTE format('ALTER TABLE acct.ledger_entry_header ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journals of ' || to_char(p_month, 'YYYY-MM') || '.');
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_header_partition(date) IS 'Makes and attaches the partition of a month''s journals; its name.';

CREATE FUNCTION acct._make_range_partition(p_parent text, p_name text, p_from text, p_to text, p_comment text) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.%I INCLUDING ALL EXCLUDING IDENTITY)', p_name, p_parent)
            || acct._storage_of(format('acct.%I', p_parent)::regclass);
    PERFORM acct._protect(format('acct.%I', p_name)::regclass);
    -- crash point: rotate_range_made
    EXECUTE format('ALTER TABLE acct.%I ATTACH PARTITION acct.%I FOR VALUES FROM (%s) TO (%s)', p_parent, p_name, p_from, p_to);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', p_name, p_comment);
    RETURN format('acct.%I', p_name)::regclass;
END
$$;
COMMENT ON FUNCTION acct._make_range_partition(text, text, text, text, text) IS
'Makes a partition of a month''s lines for a range of je_id, empty, and attaches it.';

CREATE FUNCTION acct._make_line_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    name CONSTANT text := 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM');
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.ledger_entry_line INCLUDING ALL EXCLUDING IDENTITY) PARTITION BY RANGE (je_id)', name)
            || acct._storage_of('acct.ledger_entry_line');
    PERFORM acct._protect(format('acct.%I', name)::regclass);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journal lines of ' || to_char(p_month, 'YYYY-MM') || '.');
    PERFORM acct._make_range_partition(name, name || '_rest', 'MINVALUE', (acct._je_range(0)).from_je_id::text,
                'Journal lines of ' || to_char(p_month, 'YYYY-MM') || ' of runs without partitions of their own.');
    EXECUTE format('ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_line_partition(date) IS
'Makes and attaches the partition of a month''s lines, partitioned by je_id, with its partition for small runs; its name.';

CREATE FUNCTION acct._make_ledger_partition(p_month date) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_month_attached(p_month);
    IF acct._is_partition('ledger_entry_header', p_month) AND acct._is_partition('ledger_entry_line', p_month) THEN
        RETURN;
    END IF;
    PERFORM acct._lock_making('ledger_entry');
    -- Entries of the month may be in a table that was detached and renamed.
    PERFORM acct._require_ledger_attached(p_month);
    IF acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    PERFORM acct._require_columns('ledger_entry_header', '{entity_code,basis,je_number}');
    PERFORM acct._require_columns('ledger_entry_line', '{je_id}');
    IF NOT acct._is_partition('ledger_entry_header', p_month) THEN
        RETURN NEXT acct._make_header_partition(p_month);
    END IF;
    -- crash point: rotate_header_made
    IF NOT acct._is_partition('ledger_entry_line', p_month) THEN
        RETURN NEXT acct._make_line_partition(p_month);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._make_ledger_partition(date) IS
'Makes and attaches the ledger partitions of a month, with their indexes and their guard; the names of those that were made. Raises LE006 where the month is archived, LE010 where a partition of it was detached.';

CREATE FUNCTION acct._line_partition(p_month date) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE c.relkind WHEN 'p' THEN format('acct.%I', c.relname || '_rest')::regclass ELSE c.oid::regclass END
      FROM pg_class AS c WHERE c.oid = format('acct.%I', 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM'))::regclass
$$;
COMMENT ON FUNCTION acct._line_partition(date) IS
'Where a month''s lines of small runs go: its partition for them, or the month itself where it is not partitioned.';

CREATE FUNCTION acct._make_run_partition(p_run_id bigint, p_month date) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month CONSTANT text := 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM');
    bounds record;
BEGIN
    SELECT g.from_je_id, g.to_je_id INTO bounds
      FROM acct.journal_run AS r, acct._je_range(r.je_range) AS g
     WHERE r.run_id = p_run_id AND p_month = ANY (r.range_months);
    IF NOT FOUND OR (SELECT c.relkind FROM pg_class AS c WHERE c.oid = format('acct.%I', month)::regclass) <> 'p' THEN
        RETURN NULL;
    END IF;
    -- Before the weaker lock of LIKE, so that two that post to the month do not wait for each other.
    EXECUTE format('LOCK TABLE ONLY acct.%I IN SHARE UPDATE EXCLUSIVE MODE', month);
    RETURN acct._make_range_partition(month, month || '_run_' || p_run_id, bounds.from_je_id::text, bounds.to_je_id::text,
               format('Journal lines of %s of run %s.', to_char(p_month, 'YYYY-MM'), p_run_id));
END
$$;
COMMENT ON FUNCTION acct._make_run_partition(bigint, date) IS
'Makes and attaches the partition of a month for a run''s own lines; NULL where it has none there.';

CREATE FUNCTION acct.rotate_ledger_partitions(ahead integer DEFAULT 1, start_month date DEFAULT NULL)
RETURNS TABLE (partition_name text, from_month date, to_month date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    start CONSTANT date := rotate_ledger_partitions.start_month;
    m date;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    FOR m IN SELECT * FROM acct._months_ahead(start, rotate_ledger_partitions.ahead) LOOP
        FOR partition_name IN SELECT * FROM acct._make_month('ledger_entry', m, start) LOOP
            from_month := m;
            to_month := (m + interval '1 month')::date;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.rotate_ledger_partitions(integer, date) IS
'Makes the monthly partitions of the ledger''s two tables, with their indexes, analyzed, from start_month (default: the current month) to ahead months after it. A row for each partition that was made; months that are archived are passed over. Posting makes a month that is missing by itself. Raises 22023 (not a month, ahead out of range, or a month in a year that acct.posting_limit does not allow), LE006 (start_month itself is archived), 55P03 (other sessions locked a table for longer than five seconds).';

CREATE FUNCTION acct._lock_books(p_entities text[], p_bases text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    book record;
BEGIN
    FOR book IN SELECT DISTINCT b.entity_code COLLATE "C" AS entity_code, b.basis COLLATE "C" AS basis
                  FROM unnest(p_entities, p_bases) AS b (entity_code, basis) ORDER BY 1, 2 LOOP
        INSERT INTO acct.ledger_book (entity_code, basis) VALUES (book.entity_code, book.basis) ON CONFLICT DO NOTHING;
        PERFORM FROM acct.ledger_book AS b
          WHERE b.entity_code = book.entity_code AND b.basis = book.basis FOR UPDATE;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._lock_books(text[], text[]) IS
'Locks the books (entity, basis) in key order to the end of the transaction.';

CREATE FUNCTION acct._require_open_periods(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    closed text;
    archived date;
BEGIN
    SELECT min(t.je_month) INTO archived
      FROM (SELECT DISTINCT x.je_month FROM acct.journal_run_total AS x WHERE x.run_id = p_run_id) AS t
     WHERE acct._is_archived('ledger_entry', t.je_month);
    IF archived IS NOT NULL THEN
        PERFORM acct._raise_archived('ledger_entry', archived);
    END IF;
    SELECT string_agg(DISTINCT format('%s %s %s', p.entity_code, p.basis, to_char(p.period_month, 'YYYY-MM')), ', ') INTO closed
      FROM acct.journal_run_total AS t
      JOIN acct.accounting_period AS p
        ON (p.entity_code, p.basis, p.period_month) = (t.entity_code, t.basis, t.je_month) AND NOT p.is_open
     WHERE t.run_id = p_run_id;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'run % has journals in a closed period', p_run_id
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || closed || '.',
                  HINT = 'Reopen the period, or discard the run and expand again: its transactions of closed periods become exceptions.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_open_periods(bigint) IS 'Raises LE006 where a run has journals in a closed period or an archived month.';

CREATE FUNCTION acct._keep_planners_out(p_partitions regclass[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    partitions CONSTANT regclass[] := array_remove(p_partitions, NULL);
    parents regclass[];
BEGIN
    PERFORM acct._flush_wal();
    -- The parents that others see: those that this transaction did not make.
    SELECT array_agg(x.parent ORDER BY x.parent::text) INTO parents
      FROM (SELECT DISTINCT i.inhparent::regclass AS parent FROM pg_inherits AS i
             WHERE i.inhrelid = ANY (partitions) AND NOT i.inhparent = ANY (partitions)) AS x;
    -- Whoever waits for this transaction may be rotating, gives up after 50 ms and comes again: that is no reason to yield.
    RETURN parents IS NULL OR acct._lock_tables(parents, 'ACCESS EXCLUSIVE', '10 seconds', false);
END
$$;
COMMENT ON FUNCTION acct._keep_planners_out(regclass[]) IS
'The last step of a transaction that made ledger partitions: locks their parents until it ends, for a query that was planned without a partition and takes its snapshot after the commit would see the journals of a run and not its lines. Waits for readers 50 ms at a time, so that others do not queue behind it longer, and holds no parent while it waits for a reader of another, for ten seconds at most; false where a reader stayed longer.';

CREATE FUNCTION acct._mark_posted(p_partitions regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    relations regclass[];
BEGIN
    SELECT array_agg(DISTINCT a.relid) INTO relations FROM unnest(p_partitions) AS x, pg_partition_ancestors(x) AS a;
    -- In one order: postings to different books of the same new months meet here.
    PERFORM FROM ledger_guard.protected AS p
      WHERE p.relation = ANY (relations) AND NOT p.has_posted ORDER BY p.relation FOR UPDATE;
    UPDATE ledger_guard.protected AS p SET has_posted = true, columns = ledger_guard.columns_of(p.relation)
     WHERE p.relation = ANY (relations) AND NOT p.has_posted;
END
$$;
COMMENT ON FUNCTION acct._mark_posted(regclass[]) IS
'Records that ledger partitions, and the tables that they are partitions of, hold posted entries.';

CREATE FUNCTION acct.post_journals(run_id bigint)
RETURNS TABLE (ledger_partition text, journals bigint, lines bigint, debit numeric, credit numeric,
               elapsed_ms double precision, already_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := post_journals.run_id;
    status text := acct._lock_run(id);
    started CONSTANT timestamptz := clock_timestamp();
    finished boolean := status IN ('posted', 'reversed');
    months date[];
    header_partitions regclass[];
    line_partitions regclass[];
    range_partitions regclass[];
    made regclass[];
    failed text;
BEGIN
    IF NOT finished THEN
        IF status <> 'expanded' THEN
            PERFORM acct._wrong_state(id, status, 'Call acct.expand_journals() first.');
        END IF;
        PERFORM acct._require_staging(id, status);
        IF acct._run_transactions(id) = 0 THEN
            RAISE NOTICE 'run % has no transactions: nothing is posted', id
                USING HINT = 'acct.create_run() with its run_key takes what was loaded since; acct.discard_run() ends it.';
            RETURN;
        END IF;
        PERFORM acct._commit_durably();
        PERFORM acct._hold_tables(acct._policy_tables() || ARRAY['txn_source_parent'], 'ACCESS SHARE');
        PERFORM acct._progress_start(id, 'post', r.journals + r.lines) FROM acct.journal_run AS r WHERE r.run_id = id;
        UPDATE acct.journal_run AS r SET post_started_at = clock_timestamp() WHERE r.run_id = id;
        PERFORM acct._count_repeated(id);
        PERFORM acct._lock_books(array_agg(b.entity_code), array_agg(b.basis))
           FROM (SELECT DISTINCT t.entity_code, t.basis FROM acct.journal_run_total AS t WHERE t.run_id = id) AS b;
        PERFORM acct._require_open_periods(id);
        PERFORM acct._require_policy(id);
        -- crash point: post_locked
        -- What compares staging with expand's record, _post does for itself on the rows that it writes.
        SELECT string_agg(format('%s (expected %s, found %s)', c.check_name, c.expected, c.actual), '; ') INTO failed
          FROM acct._check_source(id) AS c WHERE c.expected IS DISTINCT FROM c.actual;
        IF failed IS NOT NULL THEN
            RAISE EXCEPTION 'run % does not pass its checks', id
                USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.',
                      HINT = 'See acct.validate_run(). Discard the run and make it again once the source is right.';
        END IF;
        PERFORM acct._progress_phase('making partitions');
        PERFORM acct._refuse_default_partitions();
        SELECT array_agg(m.je_month ORDER BY m.je_month) INTO months
          FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = id) AS m;
        months := coalesce(months, '{}');
        SELECT array_agg(format('acct.%I', p.name)::regclass) INTO made
          FROM unnest(months) AS m, acct._make_ledger_partition(m) AS p (name);
        SELECT coalesce(array_agg(format('acct.%I', 'ledger_entry_header_' || to_char(m, 'YYYY_MM'))::regclass ORDER BY m), '{}'),
               coalesce(array_agg(acct._line_partition(m) ORDER BY m), '{}'),
               coalesce(array_agg(acct._make_run_partition(id, m) ORDER BY m), '{}')
          INTO header_partitions, line_partitions, range_partitions FROM unnest(months) AS m;
        -- crash point: post_partitions_made
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail)
        SELECT id, 'post', 'ledger_entry_line_' || to_char(x.month, 'YYYY_MM'), x.lines, x.elapsed_ms,
               jsonb_build_object('journals', x.journals, 'debit', x.debit, 'credit', x.credit)
          FROM acct._post(id, format('acct.%I', 'je_header_staging_' || id)::regclass,
                              format('acct.%I', 'je_line_staging_' || id)::regclass,
                          months, header_partitions, line_partitions, range_partitions) AS x;
        PERFORM acct._progress_phase('moving balances');
        PERFORM acct._move_snapshot(id);
        -- crash point: post_snapshot_moved
        PERFORM acct._mark_posted(header_partitions || line_partitions || range_partitions);
        UPDATE acct.journal_run AS r SET status = 'posted', posted_at = clock_timestamp(), posted_by = session_user
         WHERE r.run_id = id;
        -- crash point: post_marked
        PERFORM acct._progress_phase('waiting for readers');
        IF NOT acct._keep_planners_out(made || range_partitions) THEN
            RAISE WARNING 'run % was posted beside a reader of its month that did not end', id
                USING DETAIL = 'A query that is being planned at this moment may see the journals of the run without their lines.';
        END IF;
        PERFORM acct._log_step(id, 'post', started);
        PERFORM acct._log_at_commit(acct._posted_line(id));
        -- crash point: post_done
        PERFORM acct._progress_end();
    END IF;
    RETURN QUERY
    SELECT g.partition, (g.detail ->> 'journals')::bigint, g.rows, (g.detail ->> 'debit')::numeric,
           (g.detail ->> 'credit')::numeric, g.elapsed_ms, finished
      FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'post' AND g.partition IS NOT NULL ORDER BY g.partition;
END
$$;
COMMENT ON FUNCTION acct.post_journals(bigint) IS
'Posts an expanded run to the ledger, all of it or nothing: copies staging into the monthly partitions (made where missing), gives each journal its je_number without gaps within (entity, basis, month), and moves the balance snapshot forward. A row for each ledger month; an empty run is not posted, and a NOTICE says so. Called again it returns the stored result with already_done = true. Raises LE001, LE002 (not expanded, or staging lost in a crash), LE006 (a period was closed, or its month archived), LE009 (source or staging are not what expand recorded, or policy has changed so that the run must be expanded again), LE012.';

CREATE FUNCTION acct._set_periods(p_month date, p_entity text, p_basis text, p_open boolean)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    entities text[] := ARRAY[p_entity];
    bases text[] := ARRAY[p_basis];
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    -- A period that was closed before the limits of months can be opened.
    IF p_open THEN
        PERFORM acct._require_month(p_month);
    ELSE
        PERFORM acct._require_plausible_month(p_month);
    END IF;
    IF p_entity IS NULL AND NOT p_open THEN
        entities := ARRAY(SELECT e.entity_code FROM acct.entity AS e);
    ELSE
        PERFORM acct._require_entity(p_entity);
    END IF;
    IF p_basis IS NULL AND NOT p_open THEN
        bases := ARRAY(SELECT b.basis FROM acct.accounting_basis AS b);
    ELSE
        PERFORM acct._require_basis(p_basis);
    END IF;
    PERFORM acct._lock_books(array_agg(e.entity_code), array_agg(b.basis))
       FROM unnest(entities) AS e (entity_code) CROSS JOIN unnest(bases) AS b (basis);
    IF p_open AND acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    PERFORM acct._commit_durably();
    RETURN QUERY
    WITH set_now AS (
        INSERT INTO acct.accounting_period AS p (entity_code, basis, period_month, is_open)
        SELECT e.entity_code, b.basis, p_month, p_open
          FROM unnest(entities) AS e (entity_code) CROSS JOIN unnest(bases) AS b (basis)
          LEFT JOIN acct.accounting_period AS now
            ON now.entity_code = e.entity_code AND now.basis = b.basis AND now.period_month = p_month
         -- A period that has no row is open.
         WHERE coalesce(now.is_open, true) <> p_open
         ORDER BY e.entity_code COLLATE "C", b.basis COLLATE "C"
        ON CONFLICT (entity_code, basis, period_month) DO UPDATE
           SET is_open = excluded.is_open, changed_by = excluded.changed_by, changed_at = excluded.changed_at
        RETURNING p.entity_code, p.basis)
    SELECT e.entity_code, b.basis,
           EXISTS (SELECT FROM set_now AS n WHERE n.entity_code = e.entity_code AND n.basis = b.basis)
      FROM unnest(entities) AS e (entity_code) CROSS JOIN unnest(bases) AS b (basis)
     ORDER BY e.entity_code COLLATE "C", b.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._set_periods(date, text, text, boolean) IS
'Opens a month of a book, or closes it in one book or several (NULL: every registered entity, every basis), under their locks: a row for each book, changed where that changed it. Raises LE006 where a month to be opened is archived.';

CREATE FUNCTION acct.close_period(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.* FROM acct._set_periods($1, $2, $3, false) AS p
$$;
COMMENT ON FUNCTION acct.close_period(date, text, text) IS
'Closes a month of a book (entity, basis), NULL being every registered entity and every basis, after any posting under way: a row for each book, changed where the period was open. Later expansions set its transactions aside (PERIOD_CLOSED), posting into it is LE006; raises 22023 where the month is not plausible, or the entity or basis does not exist.';

CREATE FUNCTION acct.reopen_period(month date, entity text, basis text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.changed FROM acct._set_periods($1, $2, $3, true) AS p
$$;
COMMENT ON FUNCTION acct.reopen_period(date, text, text) IS 'Opens a month of a book (entity, basis) that was closed. True where it was closed; raises LE006 where the month is archived.';

-- The ledger: its tables and their monthly partitions.

CREATE FUNCTION acct._layout_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.ledger_entry_header (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint,
        je_date date NOT NULL,
        txn_month date,
        template_version integer,
        line_count integer NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        template_code text COLLATE "C",
        txn_type text COLLATE "C",
        product_code text COLLATE "C",
        channel text COLLATE "C",
        currency text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        total_debit numeric(20,4) NOT NULL,
        total_credit numeric(20,4) NOT NULL,
        reversal_of bigint,
        memo text,
        je_number text COLLATE "C" NOT NULL,
        posted_at timestamptz NOT NULL,
        journal_type text COLLATE "C" NOT NULL DEFAULT 'transaction',
        original_date date,
        CONSTRAINT ledger_entry_header_pkey PRIMARY KEY (je_id, je_number, je_date)
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_header_date_idx ON acct.ledger_entry_header USING brin (je_date);

    CREATE TABLE IF NOT EXISTS acct.ledger_entry_line (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint,
        je_date date NOT NULL,
        line_no smallint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        product_code text COLLATE "C",
        channel text COLLATE "C",
        debit numeric(20,4) NOT NULL,
        credit numeric(20,4) NOT NULL,
        CONSTRAINT ledger_entry_line_pkey PRIMARY KEY (je_id, line_no, je_date),
        CONSTRAINT chk_one_side CHECK (debit >= 0 AND credit >= 0 AND (debit = 0 OR credit = 0))
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_account_idx ON acct.ledger_entry_line (account_code, fund);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_date_idx ON acct.ledger_entry_line USING brin (je_date);

    -- Since layout 5: columns that only some kinds of journals have.
    PERFORM acct._widen_journals('acct.ledger_entry_header', 'acct.ledger_entry_line');

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
COMMENT ON FUNCTION acct._layout_ledger() IS 'The part of install() that creates the ledger, its books and its snapshot.';

CREATE FUNCTION acct._comment_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.ledger_entry_header IS 'Posted journals; monthly partitions ledger_entry_header_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_header.je_id IS 'Identifier of the journal, joins its lines; it has gaps.';
    COMMENT ON COLUMN acct.ledger_entry_header.run_id IS 'Run that posted the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_id IS 'Source transaction, with txn_month; NULL: the journal has none, and so no template, txn_type, product or channel of one.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_date IS 'Journal date: the transaction''s bank_value_date, or the date of the run (journal_run.je_date).';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_version IS 'Version of the template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.ledger_entry_header.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_header.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.reversal_of IS 'je_id of the journal that this one reverses or corrects; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.memo IS 'Purpose of the journal: the first 126 bytes of its template''s description, of a reason, or of its own memo; NULL: it has none.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_number IS 'Journal number; ends in nine digits, without gaps within entity, basis and month of je_date. Given when posted.';
    COMMENT ON COLUMN acct.ledger_entry_header.posted_at IS 'When the journal was posted, as journal_run.posted_at of its run.';
    COMMENT ON COLUMN acct.ledger_entry_header.journal_type IS 'Type of the journal, as the kind of its run.';
    COMMENT ON COLUMN acct.ledger_entry_header.original_date IS 'Date that the journal would have had, if its month had been open; NULL: it has the date that it should.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_header IS 'Posted journals refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.ledger_entry_line IS 'Lines of posted journals; monthly partitions ledger_entry_line_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_line.je_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.ledger_entry_line.run_id IS 'Run that posted the line.';
    COMMENT ON COLUMN acct.ledger_entry_line.txn_id IS 'Source transaction; NULL: the journal has none.';
    COMMENT ON COLUMN acct.ledger_entry_line.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.ledger_entry_line.line_no IS 'Number of the template line that made it, so that skipped lines leave gaps, or of the line as it was given.';
    COMMENT ON COLUMN acct.ledger_entry_line.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_line.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_line.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.currency IS 'Currency of the amount.';
    COMMENT ON COLUMN acct.ledger_entry_line.product_code IS 'Insurance product; NULL: the journal has none.';
    COMMENT ON COLUMN acct.ledger_entry_line.channel IS 'Sales channel; NULL: the journal has none.';
    COMMENT ON COLUMN acct.ledger_entry_line.debit IS 'Amount debited, in the currency''s major unit, never negative; 0 on a credit line.';
    COMMENT ON COLUMN acct.ledger_entry_line.credit IS 'Amount credited, in the currency''s major unit, never negative; 0 on a debit line.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_line IS 'Posted lines refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.account_balance_snapshot IS 'Balances by book, month, fund, account and currency; kept by posting, recomputed by acct.update_balance_snapshot().';
    COMMENT ON COLUMN acct.account_balance_snapshot.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.account_balance_snapshot.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.account_balance_snapshot.snapshot_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.account_balance_snapshot.fund IS 'Fund.';
    COMMENT ON COLUMN acct.account_balance_snapshot.account_code IS 'Account.';
    COMMENT ON COLUMN acct.account_balance_snapshot.currency IS 'Currency of the balances.';
    COMMENT ON COLUMN acct.account_balance_snapshot.opening_balance IS 'Balance before the month, in the currency''s major unit: debits less credits, so debit balances are positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_debit IS 'Sum of the month''s debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_credit IS 'Sum of the month''s credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.closing_balance IS 'Balance after the month: opening_balance + period_debit - period_credit, debit balances positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.line_count IS 'Number of the month''s ledger lines; 0 in a month when only a balance was carried forward.';
    COMMENT ON COLUMN acct.account_balance_snapshot.last_run_id IS 'Highest run_id among the month''s lines; NULL: no lines.';

    COMMENT ON TABLE acct.ledger_book IS 'Books (entity, basis); posting, closing and recomputing lock the row, one at a time. Written by the engine.';
    COMMENT ON COLUMN acct.ledger_book.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_book.basis IS 'Accounting basis.';

    COMMENT ON TABLE acct.journal_number IS 'The last journal number given in each book and month. Written by posting.';
    COMMENT ON COLUMN acct.journal_number.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.journal_number.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.journal_number.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.journal_number.last_number IS 'Last number given: the nine digits that je_number ends in; also how many were given.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_ledger() IS 'The part of install() that describes the objects of ledger.sql.';

CREATE FUNCTION acct._require_columns(p_table text, p_columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    missing CONSTANT text := (SELECT min(c) FROM unnest(p_columns) AS c
                               WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = format('acct.%I', p_table)::regclass
                                                    AND a.attname = c AND NOT a.attisdropped));
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no column %', p_table, missing
            USING ERRCODE = 'LE010', DETAIL = 'Months cannot be created without it.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_columns(text, text[]) IS
'Raises LE010 where a table lacks a column that its monthly partitions are made by.';

CREATE FUNCTION acct._make_header_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    name CONSTANT text := acct._partition_name('ledger_entry_header', p_month);
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
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journals of ' || acct._month_name(p_month) || '.');
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_header_partition(date) IS 'Creates and attaches the partition of a month''s journals; its name.';

CREATE FUNCTION acct._make_range_partition(p_parent regclass, p_name text, p_from text, p_to text, p_comment text) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)', p_name, p_parent) || acct._storage_of(p_parent);
    PERFORM acct._protect(format('acct.%I', p_name)::regclass);
    -- crash point: rotate_range_made
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION acct.%I FOR VALUES FROM (%s) TO (%s)', p_parent, p_name, p_from, p_to);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', p_name, p_comment);
    RETURN format('acct.%I', p_name)::regclass;
END
$$;
COMMENT ON FUNCTION acct._make_range_partition(regclass, text, text, text, text) IS
'Creates a partition of a month''s lines for a range of je_id, empty, and attaches it.';

CREATE FUNCTION acct._make_rest_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name CONSTANT text := acct._partition_name('ledger_entry_line', p_month);
BEGIN
    PERFORM acct._make_range_partition(format('acct.%I', name)::regclass, name || '_rest', 'MINVALUE', (acct._je_range(0)).from_je_id::text,
                'Journal lines of ' || acct._month_name(p_month) || ' of runs without partitions of their own.');
    RETURN name || '_rest';
END
$$;
COMMENT ON FUNCTION acct._make_rest_partition(date) IS 'Creates and attaches the partition of a month''s lines for small runs; its name.';

CREATE FUNCTION acct._make_line_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = ''
    SET default_table_access_method = heap AS $$
DECLARE
    name CONSTANT text := acct._partition_name('ledger_entry_line', p_month);
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.ledger_entry_line INCLUDING ALL EXCLUDING IDENTITY) PARTITION BY RANGE (je_id)', name)
            || acct._storage_of('acct.ledger_entry_line');
    PERFORM acct._protect(format('acct.%I', name)::regclass);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journal lines of ' || acct._month_name(p_month) || '.');
    PERFORM acct._make_rest_partition(p_month);
    EXECUTE format('ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_line_partition(date) IS
'Creates and attaches the partition of a month''s lines, partitioned by je_id, with its partition for small runs; its name.';

CREATE FUNCTION acct._is_ledger_month(p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._is_partition('ledger_entry_header', p_month) AND acct._is_partition('ledger_entry_line', p_month) AND acct._line_partition(p_month) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION acct._is_ledger_month(date) IS 'True where a month has all partitions of the ledger that are made for every month.';

CREATE FUNCTION acct._has_entries(p_month date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.journal_run_total AS t JOIN acct.journal_run AS r USING (run_id) WHERE acct._is_posted(r.status) AND t.je_month = p_month)
$$;
COMMENT ON FUNCTION acct._has_entries(date) IS 'True where a posted run has entries of a month.';

CREATE FUNCTION acct._has_lines_in_rest(p_month date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.journal_run_total AS t JOIN acct.journal_run AS r USING (run_id)
                    WHERE acct._is_posted(r.status) AND t.je_month = p_month AND NOT t.je_month = ANY (coalesce(r.range_months, '{}')))
$$;
COMMENT ON FUNCTION acct._has_lines_in_rest(date) IS 'True where a posted run has lines of a month outside a partition of its own.';

CREATE FUNCTION acct._missing_partitions(p_month date DEFAULT NULL) RETURNS TABLE (name text, month date, had_entries boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH header AS MATERIALIZED (SELECT DISTINCT h.month FROM acct._months_with_partitions('acct.ledger_entry_header') AS h),
    line AS MATERIALIZED (SELECT DISTINCT l.month FROM acct._months_with_partitions('acct.ledger_entry_line') AS l),
    -- A counter alone is no proof of entries.
    numbered AS (SELECT DISTINCT n.period_month AS month FROM acct.journal_number AS n WHERE n.last_number > 0),
    detached AS MATERIALIZED (SELECT DISTINCT d.month FROM acct._detached_partitions() AS d WHERE d.of_ledger),
    missing AS MATERIALIZED (
        SELECT m.month, acct._partition_name(k.parent, m.month) || k.suffix AS name, k.suffix <> '' AS is_rest
          FROM (SELECT h.month FROM header AS h UNION SELECT l.month FROM line AS l UNION SELECT n.month FROM numbered AS n) AS m
         CROSS JOIN (VALUES ('ledger_entry_header', ''), ('ledger_entry_line', ''), ('ledger_entry_line', '_rest')) AS k (parent, suffix)
         WHERE (p_month IS NULL OR m.month = p_month)
           AND CASE WHEN k.suffix <> '' THEN m.month IN (SELECT l.month FROM line AS l) AND acct._partition_of('acct.ledger_entry_line', m.month) IS NOT NULL
                                             AND acct._line_partition(m.month) IS NULL
                    WHEN k.parent = 'ledger_entry_line' THEN m.month NOT IN (SELECT l.month FROM line AS l)
                    ELSE m.month NOT IN (SELECT h.month FROM header AS h) END)
    SELECT x.name, x.month, e.had_entries
      FROM missing AS x
     CROSS JOIN LATERAL (SELECT CASE WHEN x.is_rest THEN acct._has_lines_in_rest(x.month) ELSE acct._has_entries(x.month) END AS had_entries) AS e
     WHERE (e.had_entries OR x.month IN (SELECT h.month FROM header AS h UNION ALL SELECT l.month FROM line AS l))
       AND NOT acct._is_archived('ledger_entry', x.month) AND NOT EXISTS (SELECT FROM detached AS d WHERE d.month = x.month OR d.month IS NULL)
$$;
COMMENT ON FUNCTION acct._missing_partitions(date) IS
'Partitions that somebody dropped, of a month of the ledger (NULL: of all) that has others or got journals, and whether entries were posted to them. A month of which one is detached is left out.';

CREATE FUNCTION acct._refuse_dropped_partition(p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    dropped CONSTANT text := (SELECT min(m.name) FROM acct._missing_partitions(p_month) AS m WHERE m.had_entries);
BEGIN
    IF dropped IS NOT NULL THEN
        RAISE EXCEPTION 'table % was dropped', dropped USING ERRCODE = 'LE010', DETAIL = 'Entries were posted to it, which are missing from the ledger.',
            HINT = 'Restore it from a backup, and attach it: ALTER TABLE ... ATTACH PARTITION ...';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_dropped_partition(date) IS 'Raises LE010 where a partition of a month of the ledger was dropped that entries were posted to.';

CREATE FUNCTION acct._require_month_whole(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_month_attached(p_month);
    PERFORM acct._refuse_dropped_partition(p_month);
END
$$;
COMMENT ON FUNCTION acct._require_month_whole(date) IS
'Raises LE010 while a partition of a month of the ledger is detached, or where one was dropped that entries were posted to.';

CREATE FUNCTION acct._make_ledger_partition(p_month date) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_month_attached(p_month);
    IF acct._is_ledger_month(p_month) THEN
        RETURN;
    END IF;
    PERFORM acct._lock_making('ledger_entry');
    -- Entries of the month may be in a table that was detached and renamed.
    PERFORM acct._require_ledger_attached(p_month);
    IF acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    PERFORM acct._refuse_dropped_partition(p_month);
    PERFORM acct._require_columns('ledger_entry_header', '{entity_code,basis,je_number}');
    PERFORM acct._require_columns('ledger_entry_line', '{je_id}');
    IF NOT acct._is_partition('ledger_entry_header', p_month) THEN
        RETURN NEXT acct._make_header_partition(p_month);
    END IF;
    -- crash point: rotate_header_made
    IF NOT acct._is_partition('ledger_entry_line', p_month) THEN
        RETURN NEXT acct._make_line_partition(p_month);
    ELSIF acct._line_partition(p_month) IS NULL THEN
        RETURN NEXT acct._make_rest_partition(p_month);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._make_ledger_partition(date) IS
'Creates and attaches the ledger partitions of a month, with their indexes and their guard; the names of those that were made. Raises LE006 where the month is archived, LE010 where a partition of it was detached, or one with entries dropped.';

CREATE FUNCTION acct._line_partition(p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE c.relkind WHEN 'p' THEN
                        (SELECT r.oid FROM pg_inherits AS i JOIN pg_class AS r ON r.oid = i.inhrelid
                          WHERE i.inhparent = c.oid AND NOT i.inhdetachpending
                            AND pg_get_expr(r.relpartbound, 0) = format('FOR VALUES FROM (MINVALUE) TO (%L)', (acct._je_range(0)).from_je_id))
                        ELSE c.oid END::regclass
              FROM pg_class AS c WHERE c.oid = acct._partition_of('acct.ledger_entry_line', p_month));
END
$$;
COMMENT ON FUNCTION acct._line_partition(date) IS
'Where a month''s lines of small runs go: its partition for them, or the month itself where it is not partitioned.';

CREATE FUNCTION acct._place_of_month(p_month date, OUT headers regclass, OUT lines regclass, OUT made regclass[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    changes bigint;
BEGIN
    made := '{}';
    SELECT k.headers, k.lines INTO headers, lines FROM acct._known_month(p_month) AS k;
    IF headers IS NULL THEN
        changes := acct._catalog_changes();
        made := ARRAY(SELECT format('acct.%I', p.name)::regclass FROM acct._make_ledger_partition(p_month) AS p (name));
        headers := acct._partition_of('acct.ledger_entry_header', p_month);
        lines := acct._line_partition(p_month);
        PERFORM acct._know_month(p_month, headers, lines, changes);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._place_of_month(date) IS
'Where a month''s journals and the lines of small runs go, and what partitions were made for that. Raises what _make_ledger_partition() raises.';

CREATE FUNCTION acct._make_run_partition(p_run_id bigint, p_month date) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month CONSTANT regclass := acct._partition_of('acct.ledger_entry_line', p_month);
    bounds record;
BEGIN
    SELECT g.from_je_id, g.to_je_id INTO bounds
      FROM acct.journal_run AS r, acct._je_range(r.je_range) AS g
     WHERE r.run_id = p_run_id AND p_month = ANY (r.range_months);
    IF NOT FOUND OR (SELECT c.relkind FROM pg_class AS c WHERE c.oid = month) <> 'p' THEN
        RETURN NULL;
    END IF;
    -- Before the weaker lock of LIKE, so that two that post to the month do not wait for each other.
    PERFORM acct._hold_tables(ARRAY[month], 'SHARE UPDATE EXCLUSIVE');
    RETURN acct._make_range_partition(month, format('%s_run_%s', acct._partition_name('ledger_entry_line', p_month), p_run_id), bounds.from_je_id::text, bounds.to_je_id::text,
               format('Journal lines of %s of run %s.', acct._month_name(p_month), p_run_id));
END
$$;
COMMENT ON FUNCTION acct._make_run_partition(bigint, date) IS
'Creates and attaches the partition of a month for a run''s own lines; NULL where it has none there.';

CREATE FUNCTION acct.rotate_ledger_partitions(ahead integer DEFAULT 1, start_month date DEFAULT NULL)
RETURNS TABLE (partition_name text, from_month date, to_month date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
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
'Creates the monthly partitions of the ledger''s two tables from start_month (default: the current month) to ahead months after it, and returns a row for each that it made. Raises 22023 (not a month, ahead out of range, or a month in a year that acct.posting_limit does not allow), LE006 (start_month itself is archived), 55P03 (other sessions locked a table for longer than five seconds).';

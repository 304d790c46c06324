-- Months of books that take no more entries: which they are, who closed and reopened them, and why.

CREATE FUNCTION acct._layout_periods() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
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

    -- Since layout 5.
    CREATE TABLE IF NOT EXISTS acct.book (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        first_year_month smallint NOT NULL DEFAULT 1,
        closed_from date,
        closed_through date,
        closed_years integer NOT NULL DEFAULT 0,
        changed_by text NOT NULL DEFAULT session_user,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT book_pkey PRIMARY KEY (entity_code, basis),
        CONSTRAINT book_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_first_year_month CHECK (first_year_month BETWEEN 1 AND 12),
        CONSTRAINT chk_closed_from CHECK (extract(day FROM closed_from) = 1),
        CONSTRAINT chk_closed_through CHECK (extract(day FROM closed_through + 1) = 1),
        CONSTRAINT chk_closed_years CHECK (closed_years >= 0 AND (closed_years = 0) = (closed_through IS NULL))
    );

    CREATE TABLE IF NOT EXISTS acct.period_log (
        log_id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        done_by text NOT NULL DEFAULT session_user,
        action text COLLATE "C" NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date,
        run_id bigint,
        waived text[] COLLATE "C",
        reason text,
        detail jsonb,
        CONSTRAINT period_log_pkey PRIMARY KEY (log_id),
        CONSTRAINT chk_period_action CHECK (action IN ('close', 'reopen', 'close_year', 'reopen_year', 'set_book')),
        CONSTRAINT chk_waived_reason CHECK (waived IS NULL OR reason IS NOT NULL)
    );
    CREATE INDEX IF NOT EXISTS period_log_book_idx ON acct.period_log (entity_code, basis, period_month);
    PERFORM acct._make_immutable('acct.period_log', 'period_log_immutable');

    -- What a month's end asks of all runs, and of all exceptions, and reports of runs that close years.
    CREATE INDEX IF NOT EXISTS journal_run_closing_idx ON acct.journal_run (je_date) WHERE kind = 'closing';
    CREATE INDEX IF NOT EXISTS journal_run_waiting_idx ON acct.journal_run (run_id) WHERE status IN ('created', 'expanded');
    -- Without a predicate: that of an index needs the leader of an expansion, so that it would have no workers.
    CREATE INDEX IF NOT EXISTS je_exception_month_idx ON acct.je_exception (txn_month, basis);
END
$layout$;
COMMENT ON FUNCTION acct._layout_periods() IS 'The part of install() that creates the tables of periods and books.';

CREATE FUNCTION acct._comment_periods() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.accounting_period IS 'Months that were closed or reopened, for each book (entity, basis). A month without a row is open, unless acct.book closes it.';
    COMMENT ON COLUMN acct.accounting_period.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.accounting_period.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.accounting_period.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.accounting_period.is_open IS 'False: nothing is posted with a journal date in this month.';
    COMMENT ON COLUMN acct.accounting_period.changed_by IS 'Session user who last closed or reopened it.';
    COMMENT ON COLUMN acct.accounting_period.changed_at IS 'When it was last closed or reopened.';

    COMMENT ON TABLE acct.book IS 'Properties of books (entity, basis); a book without a row has the defaults. Written by acct.set_book(), acct.close_year() and acct.reopen_year().';
    COMMENT ON COLUMN acct.book.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.book.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.book.first_year_month IS 'Month that the book''s years begin with, 1 to 12.';
    COMMENT ON COLUMN acct.book.closed_from IS 'First of the months that are closed until acct.reopen_period() opens them; NULL: none.';
    COMMENT ON COLUMN acct.book.closed_through IS 'Last day of the latest closed year, up to which every month is closed; NULL: no year is closed.';
    COMMENT ON COLUMN acct.book.closed_years IS 'How many years, one after the other, are closed up to that day.';
    COMMENT ON COLUMN acct.book.changed_by IS 'Session user who last changed the row.';
    COMMENT ON COLUMN acct.book.changed_at IS 'When the row was last changed.';

    COMMENT ON TABLE acct.period_log IS 'Each closing and reopening of a month or a year, and each change of a book''s properties: who, when, why, and what was waived. Never changed (LE007).';
    COMMENT ON COLUMN acct.period_log.log_id IS 'Number of the entry.';
    COMMENT ON COLUMN acct.period_log.at IS 'When it was done, by the clock.';
    COMMENT ON COLUMN acct.period_log.done_by IS 'Session user who did it.';
    COMMENT ON COLUMN acct.period_log.action IS 'close, reopen, close_year, reopen_year or set_book.';
    COMMENT ON COLUMN acct.period_log.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.period_log.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.period_log.period_month IS 'Month, as its first day, or last month of the year; NULL: properties of the book.';
    COMMENT ON COLUMN acct.period_log.run_id IS 'Run that posted the closing entries of a year, or reversed them; NULL: there is none.';
    COMMENT ON COLUMN acct.period_log.waived IS 'Findings of acct.check_close() that stood and were waived; NULL: none.';
    COMMENT ON COLUMN acct.period_log.reason IS 'Why; NULL: no reason was given.';
    COMMENT ON COLUMN acct.period_log.detail IS 'Waived findings, as acct.check_close() had them, or the properties that the book got; NULL: nothing.';
    COMMENT ON TRIGGER period_log_immutable ON acct.period_log IS 'The log refuses UPDATE, DELETE and TRUNCATE (LE007).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_periods() IS 'The part of install() that describes the objects of periods.sql.';

CREATE FUNCTION acct._log_period(p_action text, p_entity text, p_basis text, p_month date, p_run_id bigint, p_waived text[], p_reason text, p_detail jsonb)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.period_log (action, entity_code, basis, period_month, run_id, waived, reason, detail)
    VALUES (p_action, p_entity, p_basis, p_month, p_run_id, p_waived, p_reason, p_detail);
    SELECT acct._seal_period(p_action, p_entity, p_basis, p_month, p_run_id, p_waived, p_reason, p_detail)
$$;
COMMENT ON FUNCTION acct._log_period(text, text, text, date, bigint, text[], text, jsonb) IS
'Adds an entry to acct.period_log, and a seal to the chain of the book, which the caller has locked.';

CREATE FUNCTION acct._is_closed(p_entity text, p_basis text, p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    of_book record;
BEGIN
    SELECT p_month <= b.closed_through AS by_year, p_month >= b.closed_from AS by_default INTO of_book
      FROM acct.book AS b WHERE b.entity_code = p_entity AND b.basis = p_basis;
    RETURN coalesce(of_book.by_year, false)
        OR coalesce((SELECT NOT p.is_open FROM acct.accounting_period AS p
                      WHERE p.entity_code = p_entity AND p.basis = p_basis AND p.period_month = p_month), of_book.by_default, false);
END
$$;
COMMENT ON FUNCTION acct._is_closed(text, text, date) IS
'True where a month of a book is closed: with its year, by itself, or by default. An archived month is closed in any case, which this does not look at.';

CREATE FUNCTION acct._is_shut(p_entity text, p_basis text, p_month date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._is_closed(p_entity, p_basis, p_month) OR acct._is_archived('ledger_entry', p_month)
$$;
COMMENT ON FUNCTION acct._is_shut(text, text, date) IS 'True where nothing can be posted to a month of a book: it is closed, or archived.';

CREATE FUNCTION acct._closed_through(p_entity text, p_basis text) RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT b.closed_through FROM acct.book AS b WHERE b.entity_code = p_entity AND b.basis = p_basis
$$;
COMMENT ON FUNCTION acct._closed_through(text, text) IS 'The last day of the latest closed year of a book; NULL: no year is closed.';

CREATE FUNCTION acct._closed_periods(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT format('%s %s %s', t.entity_code, t.basis, acct._month_name(t.je_month))
      FROM acct.journal_run_total AS t
      LEFT JOIN acct.book AS b ON b.entity_code = t.entity_code AND b.basis = t.basis
      LEFT JOIN acct.accounting_period AS p
        ON (p.entity_code, p.basis, p.period_month) = (t.entity_code, t.basis, t.je_month)
     -- As _is_closed(), for all at once
     WHERE t.run_id = p_run_id AND (t.je_month <= b.closed_through OR coalesce(NOT p.is_open, t.je_month >= b.closed_from));
END
$$;
COMMENT ON FUNCTION acct._closed_periods(bigint) IS 'The closed periods (entity, basis, month) that a run has journals in.';

CREATE FUNCTION acct._archived_month(p_run_id bigint) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (WITH month AS MATERIALIZED (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id)
            SELECT min(m.je_month) FROM month AS m WHERE acct._is_archived('ledger_entry', m.je_month));
END
$$;
COMMENT ON FUNCTION acct._archived_month(bigint) IS 'The first of the ledger months of a run that is archived; NULL: none is.';

CREATE FUNCTION acct._must_move(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._moves_late(r.options)
           AND (EXISTS (SELECT FROM acct._closed_periods(r.run_id)) OR acct._archived_month(r.run_id) IS NOT NULL)
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id
$$;
COMMENT ON FUNCTION acct._must_move(bigint) IS
'True where a month was closed or archived since a run with option late = next_open was expanded, so that expanding it again moves journals on.';

CREATE FUNCTION acct._require_open_periods(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    archived CONSTANT date := acct._archived_month(p_run_id);
    closed CONSTANT text := (SELECT string_agg(c, ', ' ORDER BY c) FROM acct._closed_periods(p_run_id) AS c);
BEGIN
    IF archived IS NOT NULL THEN
        PERFORM acct._raise_archived('ledger_entry', archived);
    ELSIF closed IS NOT NULL THEN
        RAISE EXCEPTION 'run % has journals in a closed period', p_run_id
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || closed || '.',
                  HINT = (SELECT CASE WHEN r.kind <> 'transaction' THEN 'Reopen the period, or discard the run and make it again with another date.'
                                      WHEN acct._moves_late(r.options)
                                      THEN 'Call acct.expand_journals() again: it moves these journals to the next open month of their book.'
                                      ELSE 'Reopen the period, or discard the run and expand again: its transactions of closed periods become exceptions.' END
                            FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_open_periods(bigint) IS 'Raises LE006 where a run has journals in a closed period or an archived month.';

CREATE FUNCTION acct._lock_books_of(p_entity text, p_basis text, OUT entities text[], OUT bases text[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    locked_entities text[];
    locked_bases text[];
BEGIN
    PERFORM acct._announce_work();
    -- What finance may lock is waited for before the books, not with them.
    PERFORM acct._hold_tables('{acct.manual_journal,acct.manual_journal_line}', 'ACCESS SHARE');
    -- Once more, while entities and bases come that were not there when the wait for a book began.
    LOOP
        SELECT array_agg(e.entity_code ORDER BY e.entity_code, b.basis), array_agg(b.basis ORDER BY e.entity_code, b.basis) INTO entities, bases
          FROM acct.entity AS e CROSS JOIN acct.accounting_basis AS b
         WHERE (p_entity IS NULL OR e.entity_code = p_entity) AND (p_basis IS NULL OR b.basis = p_basis);
        EXIT WHEN entities IS NOT DISTINCT FROM locked_entities AND bases IS NOT DISTINCT FROM locked_bases;
        PERFORM acct._lock_books(entities, bases);
        locked_entities := entities;
        locked_bases := bases;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._lock_books_of(text, text) IS
'Locks the books of an entity and a basis (NULL: every registered entity, every basis) to the end of the transaction, and returns them, in the order of their keys.';

CREATE FUNCTION acct._require_why(p_reason text, p_is_needed boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most CONSTANT integer := 1000;
BEGIN
    IF p_reason IS NULL AND p_is_needed OR p_reason IS NOT NULL AND NOT acct._says_something(p_reason) OR length(p_reason) > most THEN
        RAISE EXCEPTION 'a reason of 1 to % characters must be given', most
            USING ERRCODE = '22023', HINT = 'Give the reason, for readers of acct.period_log.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_why(text, boolean) IS 'Raises 22023 where a reason says nothing, is too long, or is needed and NULL.';

CREATE FUNCTION acct._require_waivers(p_waive text[], p_reason text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    unknown CONSTANT text := (SELECT min(coalesce(w, 'NULL')) FROM unnest(p_waive) AS w
                               WHERE NOT EXISTS (SELECT FROM acct._closing_findings() AS f WHERE f.finding = w));
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown finding: %', unknown
            USING ERRCODE = '22023', HINT = 'Findings are: ' || (SELECT string_agg(f.finding, ', ' ORDER BY f.n) FROM acct._closing_findings() AS f) || '.';
    ELSIF cardinality(p_waive) > 0 AND to_regrole('acct_approver') IS NOT NULL AND NOT acct._caller_is('acct_approver') THEN
        RAISE EXCEPTION '% is not an approver and cannot waive findings', session_user
            USING ERRCODE = '42501', HINT = 'Have a member of acct_approver close it.';
    END IF;
    PERFORM acct._require_why(p_reason, cardinality(p_waive) > 0);
END
$$;
COMMENT ON FUNCTION acct._require_waivers(text[], text) IS
'Raises 22023 where findings that are to be waived are none of check_close(), or no reason is given, and 42501 where the session user is no approver.';

CREATE FUNCTION acct._posted_until(p_month date, p_entities text[], p_bases text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(string_agg(format('%s %s %s %s', b.entity_code, b.basis, j.period_month - date '2000-01-01', j.last_number), ','
                               ORDER BY b.entity_code COLLATE "C", b.basis COLLATE "C", j.period_month), '')
      FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
      LEFT JOIN acct.journal_number AS j ON j.entity_code = b.entity_code AND j.basis = b.basis AND j.period_month <= p_month
$$;
COMMENT ON FUNCTION acct._posted_until(date, text[], text[]) IS 'The last numbers of journals of books in each month up to one: the same as long as nothing is posted to them.';

CREATE FUNCTION acct._agreement_until(p_month date, p_entities text[], p_bases text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN concat_ws(';', acct._posted_until(p_month, p_entities, p_bases),
                     (SELECT string_agg(t::oid::text, ',' ORDER BY t) FROM acct._tables_below(acct._source_table(p_month)) AS t),
                     (SELECT string_agg(c.ctid::text, ',' ORDER BY c.ctid) FROM acct.source_check AS c WHERE c.txn_month = p_month));
EXCEPTION WHEN SQLSTATE 'LE002' THEN
    -- A source month that was dropped does not change.
    RETURN acct._posted_until(p_month, p_entities, p_bases);
END
$$;
COMMENT ON FUNCTION acct._agreement_until(date, text[], text[]) IS
'The same text as long as nothing is posted to books up to a month, its source has the same tables, and no rows came into it by other ways than loads.';

CREATE FUNCTION acct._agreed_at(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    entities text[];
    bases text[];
    known text;
BEGIN
    SELECT array_agg(e.entity_code), array_agg(b.basis) INTO entities, bases
      FROM acct.entity AS e CROSS JOIN acct.accounting_basis AS b
     WHERE (p_entity IS NULL OR e.entity_code = p_entity) AND (p_basis IS NULL OR b.basis = p_basis) AND NOT acct._is_closed(e.entity_code, b.basis, p_month);
    -- Before lines and source are read: what is posted, or comes into the source, meanwhile is seen by it.
    known := acct._agreement_until(p_month, entities, bases);
    IF EXISTS (SELECT FROM acct._differing_balances(p_month, entities, bases)) OR NOT acct._source_agrees(p_month, bases) THEN
        known := NULL;
    END IF;
    -- As in _findings_now().
    RAISE SQLSTATE 'RB001';
EXCEPTION WHEN SQLSTATE 'RB001' THEN
    RETURN known;
END
$$;
COMMENT ON FUNCTION acct._agreed_at(date, text, text) IS
'The result of _agreement_until() when the balances of open books equalled their lines, and the source what runs took, so that neither is read while the books are locked; NULL: they differ. Locks no book, and keeps no lock of the ledger.';

CREATE FUNCTION acct._findings_now(p_month date, p_entities text[], p_bases text[], p_agreed text DEFAULT NULL,
    p_also_entities text[] DEFAULT '{}', p_also_bases text[] DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found jsonb;
BEGIN
    found := (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.entity_code, f.basis, f.n, f.message)
                FROM acct._find_to_close(p_month, p_entities || p_also_entities, p_bases || p_also_bases, coalesce(p_agreed = acct._agreement_until(p_month, p_entities, p_bases), false)) AS f);
    -- The locks of the ledger end with the subtransaction: who has them neither makes months nor waits for a book, beside one that needs the ledger to itself.
    RAISE SQLSTATE 'RB001';
EXCEPTION WHEN SQLSTATE 'RB001' THEN
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._findings_now(date, text[], text[], text, text[], text[]) IS
'The findings that stand against closing a month of books, which the caller has locked, as a JSON array (NULL: none); keeps no lock of the ledger. p_agreed is what _agreed_at() returned before they were locked; to the books come those of _unregistered_books(), which have no lock.';

CREATE FUNCTION acct._waive_findings(p_month date, p_entities text[], p_bases text[], p_waive text[], p_agreed text,
    p_also_entities text[] DEFAULT '{}', p_also_bases text[] DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    stood CONSTANT jsonb := acct._findings_now(p_month, p_entities, p_bases, p_agreed, p_also_entities, p_also_bases);
    refused text;
BEGIN
    SELECT string_agg(format('%s %s: %s (%s)', f.value ->> 'entity_code', f.value ->> 'basis', f.value ->> 'finding', f.value ->> 'message'), '; ' ORDER BY f.ordinality)
      INTO refused FROM jsonb_array_elements(stood) WITH ORDINALITY AS f
     WHERE NOT coalesce(f.value ->> 'finding' = ANY (p_waive), false);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION '% cannot be closed', acct._month_name(p_month)
            USING ERRCODE = 'LE013', DETAIL = 'Findings: ' || refused || '.',
                  HINT = 'acct.check_close() lists them, with what to do. An approver can close it anyway, with arguments waive and reason.';
    END IF;
    RETURN stood;
END
$$;
COMMENT ON FUNCTION acct._waive_findings(date, text[], text[], text[], text, text[], text[]) IS
'The findings that stand against closing a month of books, which the caller has locked; raises LE013 where one is not waived. The last arguments are those of _findings_now().';

CREATE FUNCTION acct._write_periods(p_month date, p_entities text[], p_bases text[], p_open boolean) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.accounting_period AS p (entity_code, basis, period_month, is_open)
    SELECT b.entity_code, b.basis, p_month, p_open FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
     ORDER BY b.entity_code COLLATE "C", b.basis COLLATE "C"
    ON CONFLICT (entity_code, basis, period_month) DO UPDATE
       SET is_open = excluded.is_open, changed_by = excluded.changed_by, changed_at = excluded.changed_at
$$;
COMMENT ON FUNCTION acct._write_periods(date, text[], text[], boolean) IS 'Records that a month of books, which the caller has locked, is open or closed.';

CREATE FUNCTION acct._close_periods(p_month date, p_entity text, p_basis text, p_waive text[], p_reason text)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    books record;
    -- Those of them that are open
    entities text[];
    bases text[];
    agreed text;
    strange record;
    stood jsonb;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_plausible_month(p_month);
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    PERFORM acct._require_waivers(p_waive, p_reason);
    agreed := acct._agreed_at(p_month, p_entity, p_basis);
    -- crash point: close_read
    SELECT b.* INTO books FROM acct._lock_books_of(p_entity, p_basis) AS b;
    -- crash point: close_locked
    SELECT coalesce(array_agg(b.entity_code ORDER BY b.entity_code, b.basis), '{}'), coalesce(array_agg(b.basis ORDER BY b.entity_code, b.basis), '{}')
      INTO entities, bases FROM unnest(books.entities, books.bases) AS b (entity_code, basis)
     WHERE NOT acct._is_closed(b.entity_code, b.basis, p_month);
    IF entities <> '{}' THEN
        SELECT u.* INTO strange FROM acct._unregistered_books(p_month, p_basis) AS u WHERE p_entity IS NULL;
        stood := acct._waive_findings(p_month, entities, bases, p_waive, agreed, coalesce(strange.entities, '{}'), coalesce(strange.bases, '{}'));
        PERFORM acct._commit_durably();
        PERFORM acct._write_periods(p_month, entities, bases, false);
        -- crash point: close_written
        PERFORM acct._log_period('close', b.entity_code, b.basis, p_month, NULL, w.waived, p_reason, w.detail)
           FROM unnest(entities, bases) AS b (entity_code, basis)
          CROSS JOIN LATERAL (SELECT array_agg(DISTINCT f ->> 'finding' COLLATE "C") AS waived, jsonb_agg(f - '{entity_code,basis,n}'::text[]) AS detail
                                FROM jsonb_array_elements(stood) AS f
                               WHERE f ->> 'basis' = b.basis AND (f ->> 'entity_code' = b.entity_code OR f ->> 'entity_code' = ANY (strange.entities))) AS w
          ORDER BY b.entity_code COLLATE "C", b.basis COLLATE "C";
    END IF;
    RETURN QUERY
    SELECT b.entity_code, b.basis, EXISTS (SELECT FROM unnest(entities, bases) AS n (entity_code, basis) WHERE (n.entity_code, n.basis) = (b.entity_code, b.basis))
      FROM unnest(books.entities, books.bases) AS b (entity_code, basis)
     ORDER BY b.entity_code COLLATE "C", b.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._close_periods(date, text, text, text[], text) IS 'The work of close_period().';

CREATE FUNCTION acct.close_period(month date, entity text DEFAULT NULL, basis text DEFAULT NULL, waive text[] DEFAULT '{}', reason text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.* FROM acct._close_periods($1, $2, $3, $4, $5) AS p
$$;
COMMENT ON FUNCTION acct.close_period(date, text, text, text[], text) IS
'Closes a month of a book (entity, basis), NULL being every registered entity and every basis, after any posting under way: a row for each book, changed where the period was open. Raises LE013 while check_close() has a finding that is not among those of waive, which only an approver can waive (42501), with a reason; 22023 where the month is not plausible, or the entity, basis or finding does not exist; 55P03 where a book is locked.';

CREATE FUNCTION acct._refuse_closed_year(p_month date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    through CONSTANT date := acct._closed_through(p_entity, p_basis);
BEGIN
    IF p_month <= through THEN
        RAISE EXCEPTION '% belongs to a closed year', acct._month_name(p_month)
            USING ERRCODE = 'LE014', DETAIL = format('The years of book %s %s are closed through %s.', p_entity, p_basis, to_char(through, 'YYYY-MM-DD')),
                  HINT = 'Reopen the year with acct.reopen_year(), the latest first.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_closed_year(date, text, text) IS 'Raises LE014 where a month of a book is not after its latest closed year.';

CREATE FUNCTION acct.reopen_period(month date, entity text, basis text, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    p_month CONSTANT date := reopen_period.month;
    p_entity CONSTANT text := reopen_period.entity;
    p_basis CONSTANT text := reopen_period.basis;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    -- A period that was closed before the limits of months can be opened.
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_code('entity', p_entity);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_why(reopen_period.reason, false);
    PERFORM acct._lock_books_of(p_entity, p_basis);
    IF acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    PERFORM acct._refuse_closed_year(p_month, p_entity, p_basis);
    IF NOT acct._is_closed(p_entity, p_basis, p_month) THEN
        RETURN false;
    END IF;
    PERFORM acct._commit_durably();
    PERFORM acct._write_periods(p_month, ARRAY[p_entity], ARRAY[p_basis], true);
    PERFORM acct._log_period('reopen', p_entity, p_basis, p_month, NULL, NULL, reopen_period.reason, NULL);
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.reopen_period(date, text, text, text) IS
'Opens a month of a book (entity, basis) that was closed, also by default; reason is kept in acct.period_log. True where it was closed; raises LE006 where the month is archived, LE014 where its year is closed, 22023, 55P03.';

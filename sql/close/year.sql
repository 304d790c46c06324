-- A year's end: income and expense go to the accumulated surplus of their funds, and the year's months stay closed.
--
-- Years are closed one after the other, and reopened the latest first, under the lock of the book. acct.book says up to which day they
-- are closed, and how many follow each other up to there.

CREATE FUNCTION acct._year_start(p_year_end date) RETURNS date
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (p_year_end + 1 - interval '1 year')::date
$$;
COMMENT ON FUNCTION acct._year_start(date) IS 'The first day of the year that ends with a day.';

CREATE FUNCTION acct._is_year_end(p_day date, p_entity text, p_basis text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN extract(day FROM p_day + 1) = 1
       AND extract(month FROM p_day + 1) = coalesce((SELECT b.first_year_month FROM acct.book AS b WHERE b.entity_code = p_entity AND b.basis = p_basis), 1);
END
$$;
COMMENT ON FUNCTION acct._is_year_end(date, text, text) IS 'True where a day is the last one of a year of a book.';

CREATE FUNCTION acct._require_year_end(p_year_end date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_year_end IS NULL THEN
        RAISE EXCEPTION 'the last day of the year must be given' USING ERRCODE = '22004';
    END IF;
    -- Of any day there is
    PERFORM acct._require_plausible_month(CASE WHEN isfinite(p_year_end) THEN p_year_end - extract(day FROM p_year_end)::integer + 1 ELSE p_year_end END);
    PERFORM acct._require_code('entity', p_entity);
    PERFORM acct._require_code('basis', p_basis);
    IF NOT acct._is_year_end(p_year_end, p_entity, p_basis) THEN
        RAISE EXCEPTION 'no year of book % % ends on %', p_entity, p_basis, to_char(p_year_end, 'YYYY-MM-DD')
            USING ERRCODE = '22023', HINT = 'Give the last day of a year. acct.set_book() says with which month the book''s years begin.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_year_end(date, text, text) IS 'Raises 22004 or 22023 unless a day is the last one of a year of a book.';

CREATE FUNCTION acct._result_balances(p_day date, p_entity text, p_basis text)
RETURNS TABLE (fund text, currency text, account_code text, account_type text, balance numeric, target text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT b.fund, b.currency, b.account_code, a.account_type, b.balance, coalesce(a.closing_account_code, f.surplus_account_code)
      FROM acct._balances_at(date_trunc('month', p_day)::date, ARRAY[p_entity], ARRAY[p_basis]) AS b
      JOIN acct.chart_of_accounts AS a ON a.account_code = b.account_code AND a.account_type IN ('INCOME', 'EXPENSE')
      LEFT JOIN acct.fund AS f ON f.fund = b.fund
$$;
COMMENT ON FUNCTION acct._result_balances(date, text, text) IS
'The balances of income and expense of a book at the end of a day''s month, each with the account that takes it at a year''s end; NULL: there is none.';

CREATE FUNCTION acct._year_left(p_year_end date, p_entity text, p_basis text) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    through CONSTANT date := acct._closed_through(p_entity, p_basis);
    year_before CONSTANT date := acct._year_start(p_year_end) - 1;
    year date := coalesce((through + 1 + interval '1 year')::date - 1, year_before);
BEGIN
    -- The first one that is closed may follow years of which the books have the balance sheet only.
    IF through IS NULL AND NOT EXISTS (SELECT FROM acct._result_balances(year_before, p_entity, p_basis)) THEN
        RETURN NULL;
    END IF;
    -- What was dropped takes no entries: the year after it closes its result too.
    WHILE year <= year_before LOOP
        IF NOT acct._is_dropped('ledger_entry', date_trunc('month', year)::date) THEN
            RETURN year;
        END IF;
        year := (year + 1 + interval '1 year')::date - 1;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._year_left(date, text, text) IS
'The last day of the first year of a book that must be closed before another one is; NULL: there is none. Years whose last month was dropped are passed over.';

CREATE FUNCTION acct._require_year_order(p_year_end date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    through CONSTANT date := acct._closed_through(p_entity, p_basis);
    year_left date;
BEGIN
    IF p_year_end <= through THEN
        RAISE EXCEPTION 'the year that ends on % is closed already', to_char(p_year_end, 'YYYY-MM-DD')
            USING ERRCODE = 'LE014', DETAIL = format('The years of book %s %s are closed through %s.', p_entity, p_basis, to_char(through, 'YYYY-MM-DD')),
                  HINT = 'An approver can reopen it by acct.reopen_year().';
    END IF;
    year_left := acct._year_left(p_year_end, p_entity, p_basis);
    IF year_left IS NOT NULL THEN
        RAISE EXCEPTION 'the year that ends on % is not closed', to_char(year_left, 'YYYY-MM-DD')
            USING ERRCODE = 'LE014', DETAIL = format('Years of book %s %s are closed one after the other.', p_entity, p_basis), HINT = 'Close that year first, with acct.close_year().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_year_order(date, text, text) IS
'Raises LE014 where a year of a book is closed, or the one before it is not, and has income or expense.';

CREATE FUNCTION acct._open_months_before(p_year_end date, p_entity text, p_basis text) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Before its first month a book has months only where something waits for them.
    SELECT m.month FROM (
        SELECT generate_series(greatest(acct._year_start(p_year_end), s.first_month), p_year_end - interval '1 month', interval '1 month')::date AS month
          FROM (SELECT min(x.snapshot_month) AS first_month FROM acct.account_balance_snapshot AS x WHERE x.entity_code = p_entity AND x.basis = p_basis) AS s
         WHERE s.first_month IS NOT NULL
        UNION
        SELECT w FROM acct._months_of_work(date_trunc('month', p_year_end)::date, p_entity, p_basis) AS w) AS m
     WHERE NOT acct._is_shut(p_entity, p_basis, m.month)
$$;
COMMENT ON FUNCTION acct._open_months_before(date, text, text) IS
'The open months of a book that are to be closed before a year that ends with a day: those of the year since the book began, and all in which something waits to be posted or decided.';

CREATE FUNCTION acct._require_targets(p_year_end date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    problems text;
BEGIN
    SELECT string_agg(DISTINCT p.problem, '; ' ORDER BY p.problem) INTO problems
      FROM acct._result_balances(p_year_end, p_entity, p_basis) AS b
      LEFT JOIN acct.chart_of_accounts AS t ON t.account_code = b.target
     CROSS JOIN LATERAL (
        SELECT CASE WHEN b.target IS NULL THEN format('fund %s has no surplus account', b.fund)
                    WHEN t.account_code IS NULL THEN format('account %s does not exist', b.target)
                    WHEN NOT t.is_postable THEN format('account %s is not postable', b.target)
                    WHEN t.account_type IN ('INCOME', 'EXPENSE') THEN format('account %s is one of income or expense itself', b.target)
                    WHEN t.fund <> b.fund THEN format('account %s belongs to fund %s, not %s', b.target, t.fund, b.fund)
                    WHEN p_year_end < t.effective_from OR p_year_end >= t.effective_to
                    THEN format('account %s is not in effect on %s', b.target, to_char(p_year_end, 'YYYY-MM-DD')) END AS problem) AS p
     WHERE p.problem IS NOT NULL;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'income and expense of the year that ends on % have no account to go to', to_char(p_year_end, 'YYYY-MM-DD')
            USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.',
                  HINT = 'Have a release set surplus_account_code of the fund, or closing_account_code of the account.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_targets(date, text, text) IS
'Raises LE004, with all that is missing, where income or expense of a book has no account that can take it at a year''s end.';

CREATE FUNCTION acct._require_closing_fits(p_year_end date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    large record;
BEGIN
    -- Half of all amounts of the entry is on each side.
    SELECT x.fund, x.currency, sum(x.amount) / 2 AS amount INTO large
      FROM (SELECT b.fund, b.currency, abs(b.balance) AS amount FROM acct._result_balances(p_year_end, p_entity, p_basis) AS b
            UNION ALL
            SELECT b.fund, b.currency, abs(sum(b.balance)) FROM acct._result_balances(p_year_end, p_entity, p_basis) AS b GROUP BY b.fund, b.currency, b.target) AS x
     GROUP BY x.fund, x.currency HAVING sum(x.amount) / 2 >= 1e16 ORDER BY x.fund, x.currency LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the closing entry of fund % does not fit numeric(20,4)', large.fund
            USING ERRCODE = '22003', DETAIL = format('Each side of it would come to %s.', acct._money(large.currency, large.amount)),
                  HINT = 'Have manual journals bring a part of income and expense to the surplus of the fund, and close the year then.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_closing_fits(date, text, text) IS
'Raises 22003 where the closing entry of a fund and currency would be too large for a journal.';

CREATE FUNCTION acct._closing_lines(p_run_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format($q$
        WITH result AS (
            SELECT b.* FROM acct._result_balances(%1$L, %2$L, %3$L) AS b),
        entry AS (
            SELECT r.fund, r.currency, false AS is_surplus, r.account_code, r.balance AS amount FROM result AS r
            UNION ALL
            SELECT r.fund, r.currency, true, r.target, -sum(r.balance) FROM result AS r GROUP BY 1, 2, 4 HAVING sum(r.balance) <> 0)
        SELECT dense_rank() OVER (ORDER BY e.fund, e.currency) AS journal,
               (row_number() OVER (PARTITION BY e.fund, e.currency ORDER BY e.is_surplus, e.account_code))::smallint AS line_no,
               %2$L::text AS entity_code, %3$L::text AS basis, e.currency, 'Closing of the year that ends on %4$s'::text AS memo, e.account_code, e.fund,
               greatest(-e.amount, 0)::numeric(20,4) AS debit, greatest(e.amount, 0)::numeric(20,4) AS credit,
               NULL::text AS product_code, NULL::text AS channel, NULL::jsonb AS dimensions
          FROM entry AS e$q$, r.je_date, r.options ->> 'entity', r.bases[1], to_char(r.je_date, 'YYYY-MM-DD'))
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND NOT acct._is_posted(r.status)
$$;
COMMENT ON FUNCTION acct._closing_lines(bigint) IS
'The query of the lines of a run that closes a year, for _stage_entries(): a journal for each fund and currency, which brings income and expense to zero; NULL once it is posted.';

CREATE FUNCTION acct._post_closing(p_year_end date, p_entity text, p_basis text, p_reason text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    last_month CONSTANT date := date_trunc('month', p_year_end)::date;
    was_closed CONSTANT boolean := acct._is_closed(p_entity, p_basis, last_month);
    id bigint;
BEGIN
    IF EXISTS (SELECT FROM acct._result_balances(p_year_end, p_entity, p_basis)) THEN
        PERFORM acct._require_targets(p_year_end, p_entity, p_basis);
        PERFORM acct._require_closing_fits(p_year_end, p_entity, p_basis);
        -- Nobody else posts into the month meanwhile: the book is locked.
        IF was_closed THEN
            PERFORM acct._write_periods(last_month, ARRAY[p_entity], ARRAY[p_basis], true);
        END IF;
        id := acct._start_entered('closing', p_year_end, ARRAY[p_basis], coalesce(p_reason, format('Closing of the year that ends on %s', to_char(p_year_end, 'YYYY-MM-DD'))),
                                  jsonb_build_object('entity', p_entity));
        PERFORM acct._post_now(id);
    END IF;
    -- crash point: year_posted
    PERFORM acct._write_periods(last_month, ARRAY[p_entity], ARRAY[p_basis], false);
    INSERT INTO acct.book AS b (entity_code, basis, closed_through, closed_years) VALUES (p_entity, p_basis, p_year_end, 1)
    ON CONFLICT (entity_code, basis) DO UPDATE
       SET closed_through = excluded.closed_through, closed_years = b.closed_years + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._post_closing(date, text, text, text) IS
'Posts the closing entries of a year of a book, which the caller has locked, and closes its last month, and so the year; the run, NULL where there is no income or expense.';

CREATE FUNCTION acct._closing_entries(p_run_id bigint) RETURNS TABLE (je_number text, fund text, currency text, account_code text, line_no smallint, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    last_month CONSTANT date := (SELECT date_trunc('month', r.je_date)::date FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
BEGIN
    IF last_month IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT h.je_number, l.fund, l.currency, l.account_code, l.line_no, l.debit::numeric, l.credit::numeric '
                                    '  FROM %s AS h JOIN %s AS l ON l.je_id = h.je_id WHERE h.run_id = $1 AND l.run_id = $1',
                                    acct._month_table('ledger_entry_header', last_month), acct._month_table('ledger_entry_line', last_month)) USING p_run_id;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._closing_entries(bigint) IS 'The lines of a posted run that closes a year.';

CREATE FUNCTION acct.close_year(year_end date, entity text, basis text, waive text[] DEFAULT '{}', reason text DEFAULT NULL)
RETURNS TABLE (run_id bigint, je_number text, fund text, currency text, income numeric, expense numeric, surplus numeric)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    p_year_end CONSTANT date := close_year.year_end;
    p_entity CONSTANT text := close_year.entity;
    p_basis CONSTANT text := close_year.basis;
    last_month date;
    open_months text;
    agreed text;
    stood jsonb;
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_year_end(p_year_end, p_entity, p_basis);
    PERFORM acct._require_waivers(close_year.waive, close_year.reason);
    last_month := date_trunc('month', p_year_end)::date;
    agreed := acct._agreed_at(last_month, p_entity, p_basis);
    -- As runs, which lock policy before books
    PERFORM acct._hold_policy();
    PERFORM acct._lock_books_of(p_entity, p_basis);
    -- crash point: year_locked
    -- The book's year may have got another beginning meanwhile.
    PERFORM acct._require_year_end(p_year_end, p_entity, p_basis);
    PERFORM acct._require_year_order(p_year_end, p_entity, p_basis);
    IF acct._is_archived('ledger_entry', last_month) THEN
        PERFORM acct._raise_archived('ledger_entry', last_month);
    END IF;
    SELECT string_agg(acct._month_name(m), ', ' ORDER BY m) INTO open_months FROM acct._open_months_before(p_year_end, p_entity, p_basis) AS m;
    IF open_months IS NOT NULL THEN
        RAISE EXCEPTION 'the year that ends on % cannot be closed: earlier months are open', to_char(p_year_end, 'YYYY-MM-DD')
            USING ERRCODE = 'LE013', DETAIL = format('Open in book %s %s: %s.', p_entity, p_basis, open_months), HINT = 'Close them first, with acct.close_period().';
    END IF;
    stood := acct._waive_findings(last_month, ARRAY[p_entity], ARRAY[p_basis], close_year.waive, agreed);
    PERFORM acct._commit_durably();
    id := acct._post_closing(p_year_end, p_entity, p_basis, close_year.reason);
    PERFORM acct._number_year(p_year_end, p_entity, p_basis);
    PERFORM acct._log_period('close_year', p_entity, p_basis, last_month, id, w.waived, close_year.reason, w.detail)
       FROM (SELECT array_agg(DISTINCT f ->> 'finding' COLLATE "C") AS waived, jsonb_agg(f - '{entity_code,basis,n}'::text[]) AS detail
               FROM jsonb_array_elements(stood) AS f) AS w;
    -- crash point: year_done
    RETURN QUERY
    SELECT id, e.je_number, e.fund, e.currency, coalesce(sum(e.debit - e.credit) FILTER (WHERE a.account_type = 'INCOME'), 0),
           coalesce(sum(e.credit - e.debit) FILTER (WHERE a.account_type = 'EXPENSE'), 0),
           coalesce(sum(e.debit - e.credit) FILTER (WHERE a.account_type IN ('INCOME', 'EXPENSE')), 0)
      FROM acct._closing_entries(id) AS e JOIN acct.chart_of_accounts AS a ON a.account_code = e.account_code
     GROUP BY e.je_number, e.fund, e.currency ORDER BY e.je_number;
END
$$;
COMMENT ON FUNCTION acct.close_year(date, text, text, text[], text) IS
'Closes a year of a book (entity, basis) that ends with a day: posts a journal for each fund and currency that moves income and expense to the fund''s accumulated surplus, and closes the last month. Raises LE013 (earlier months are open, or check_close() has a finding of the last one that is not waived), LE014 (the year is closed, or the one before is not), LE004 (a fund has no surplus account), LE006, 22004, 22023, 42501, 55P03.';

CREATE FUNCTION acct.reopen_year(year_end date, entity text, basis text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    p_year_end CONSTANT date := reopen_year.year_end;
    p_entity CONSTANT text := reopen_year.entity;
    p_basis CONSTANT text := reopen_year.basis;
    last_month date;
    through date;
    closing bigint;
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_year_end(p_year_end, p_entity, p_basis);
    PERFORM acct._require_why(reopen_year.reason, true);
    last_month := date_trunc('month', p_year_end)::date;
    PERFORM acct._hold_policy();
    PERFORM acct._lock_books_of(p_entity, p_basis);
    through := acct._closed_through(p_entity, p_basis);
    IF through IS DISTINCT FROM p_year_end THEN
        RAISE EXCEPTION USING ERRCODE = 'LE014',
            MESSAGE = CASE WHEN p_year_end < through THEN format('the year that ends on %s is not the latest closed one', to_char(p_year_end, 'YYYY-MM-DD'))
                           ELSE format('the year that ends on %s is not closed', to_char(p_year_end, 'YYYY-MM-DD')) END,
            DETAIL = format(CASE WHEN through IS NULL THEN 'No year of book %s %s is closed.' ELSE 'The years of book %s %s are closed through %s.' END,
                            p_entity, p_basis, to_char(through, 'YYYY-MM-DD')),
            HINT = 'Years are reopened the latest first.';
    ELSIF acct._is_archived('ledger_entry', last_month) THEN
        PERFORM acct._raise_archived('ledger_entry', last_month);
    END IF;
    PERFORM acct._commit_durably();
    -- Years that were dropped and passed over were never closed.
    UPDATE acct.book AS b
       SET closed_through = y.closed_through, closed_years = y.years, changed_by = session_user, changed_at = clock_timestamp()
      FROM (SELECT max(c.period_month + interval '1 month')::date - 1 AS closed_through, count(*) AS years
              FROM (SELECT g.period_month FROM acct.period_log AS g
                     WHERE g.entity_code = p_entity AND g.basis = p_basis AND g.period_month < last_month AND g.action IN ('close_year', 'reopen_year')
                     GROUP BY g.period_month HAVING sum(CASE g.action WHEN 'close_year' THEN 1 ELSE -1 END) > 0) AS c) AS y
     WHERE b.entity_code = p_entity AND b.basis = p_basis;
    PERFORM acct._write_periods(last_month, ARRAY[p_entity], ARRAY[p_basis], true);
    -- crash point: yearopen_opened
    closing := (SELECT r.run_id FROM acct.journal_run AS r
                 WHERE r.kind = 'closing' AND r.status = 'posted' AND r.je_date = p_year_end AND r.bases = ARRAY[p_basis] AND r.options ->> 'entity' = p_entity);
    IF closing IS NOT NULL THEN
        id := acct._reverse_now(closing, p_year_end, reopen_year.reason, jsonb_build_object('reopen_year', p_year_end));
    END IF;
    PERFORM acct._log_period('reopen_year', p_entity, p_basis, last_month, id, NULL, reopen_year.reason, NULL);
    -- crash point: yearopen_done
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.reopen_year(date, text, text, text) IS
'Reopens the latest closed year of a book (entity, basis), with a reason: reverses its closing entries, with the same date, and opens its last month; its run, NULL where nothing had been posted. Raises LE014 where the year is not the latest closed one, LE006 (its last month is archived), 22004, 22023, 55P03.';

CREATE FUNCTION acct._refuse_closing_runs(p_runs bigint[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    closing record;
BEGIN
    SELECT r.run_id, r.je_date INTO closing FROM acct.journal_run AS r WHERE r.run_id = ANY (p_runs) AND r.kind = 'closing' ORDER BY r.run_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'run % closes the year that ends on %', closing.run_id, to_char(closing.je_date, 'YYYY-MM-DD')
            USING ERRCODE = 'LE014', HINT = 'acct.reopen_year() reverses it.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_closing_runs(bigint[]) IS 'Raises LE014 where a run that closes a year would be reversed while the year stays closed.';

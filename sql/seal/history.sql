-- Seals of what was posted before there were seals.

CREATE FUNCTION acct._seal_month(p_month date, p_entity text, p_basis text, p_headers regclass, p_lines regclass) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_seal_month';
COMMENT ON FUNCTION acct._seal_month(date, text, text, regclass, regclass) IS
'Appends the seal of a month of a book, whose lock the caller holds, over the rows of two tables that belong to no run with a seal. Appends none where there are no such rows.';

CREATE FUNCTION acct._unsealed_months(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, month date, lines bigint, debit numeric, credit numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.entity_code, t.basis, t.je_month, sum(t.line_count)::bigint, sum(t.debit), sum(t.credit)
      FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id
     WHERE acct._is_posted(r.status)
       AND (p_from IS NULL OR t.je_month >= p_from) AND (p_to IS NULL OR t.je_month <= p_to)
       AND (p_entity IS NULL OR t.entity_code = p_entity) AND (p_basis IS NULL OR t.basis = p_basis)
       AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = t.run_id AND s.entity_code = t.entity_code AND s.basis = t.basis)
       AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'month' AND s.period_month = t.je_month AND s.entity_code = t.entity_code AND s.basis = t.basis)
     GROUP BY t.entity_code, t.basis, t.je_month
$$;
COMMENT ON FUNCTION acct._unsealed_months(date, date, text, text) IS
'The months of books with entries of runs that have no seal, by the records of the runs, and what these entries come to.';

CREATE FUNCTION acct._account_sealed_wrong(p_seal_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH seal AS (SELECT s.* FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id),
    posted AS (
        SELECT t.fund, t.account_code, t.currency, sum(t.line_count) AS lines, sum(t.debit) AS debit, sum(t.credit) AS credit
          FROM seal AS m JOIN acct.journal_run_total AS t ON t.je_month = m.period_month AND t.entity_code = m.entity_code AND t.basis = m.basis
          JOIN acct.journal_run AS r ON r.run_id = t.run_id AND acct._is_posted(r.status)
         WHERE NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = t.run_id AND s.entity_code = t.entity_code AND s.basis = t.basis)
         GROUP BY 1, 2, 3 HAVING sum(t.line_count) <> 0),
    found AS (
        SELECT e.fund, e.account_code, e.currency, sum(e.row_count) AS lines, sum(e.debit) AS debit, sum(e.credit) AS credit
          FROM acct._evidence_sections(p_seal_id) AS e WHERE e.kind = 2 GROUP BY 1, 2, 3)
    SELECT format('account %s in fund %s, currency %s', account_code, fund, currency)
      FROM posted AS p FULL JOIN found AS f USING (fund, account_code, currency)
     WHERE (p.lines, p.debit, p.credit) IS DISTINCT FROM (f.lines, f.debit, f.credit) ORDER BY fund, account_code, currency LIMIT 1
$$;
COMMENT ON FUNCTION acct._account_sealed_wrong(bigint) IS
'The first account of which the seal of a month has other lines, or other sums, than the runs without a seal posted to it; NULL: there is none.';

CREATE FUNCTION acct._seal_ledger(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, month date, seal_number bigint, journals bigint, lines bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    m record;
    found record;
    seals bigint := 0;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_month(x) FROM unnest(ARRAY[p_from, p_to]) AS x WHERE x IS NOT NULL;
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    PERFORM acct._commit_durably();
    PERFORM acct._progress_start(NULL, 'seal', NULL);
    PERFORM acct._progress_phase('waiting for books');
    PERFORM acct._lock_books(array_agg(u.entity_code), array_agg(u.basis))
       FROM acct._unsealed_months(p_from, p_to, p_entity, p_basis) AS u;
    PERFORM acct._progress_phase('sealing entries');
    FOR m IN SELECT u.* FROM acct._unsealed_months(p_from, p_to, p_entity, p_basis) AS u
              ORDER BY u.entity_code, u.basis, u.month LOOP
        IF acct._is_dropped('ledger_entry', m.month) THEN
            RAISE NOTICE 'month % of book % % was dropped, and has no entries to seal', acct._month_name(m.month), m.entity_code, m.basis;
            CONTINUE;
        END IF;
        PERFORM acct._require_ledger_attached(m.month);
        PERFORM acct._seal_month(m.month, m.entity_code, m.basis, acct._month_rows('ledger_entry_header', m.month, false)::regclass,
                                 acct._month_rows('ledger_entry_line', m.month, false)::regclass);
        -- crash point: seal_month_sealed
        SELECT s.seal_id, s.seal_number, acct._seal_line(s.body, 'headers')::bigint AS journals, coalesce(acct._seal_line(s.body, 'lines')::bigint, 0) AS lines,
               x.debit, x.credit, acct._account_sealed_wrong(s.seal_id) AS wrong INTO found
          FROM acct.ledger_seal AS s
         CROSS JOIN LATERAL (SELECT coalesce(sum(e.debit), 0) AS debit, coalesce(sum(e.credit), 0) AS credit
                               FROM acct._evidence_sections(s.seal_id) AS e WHERE e.kind = 2) AS x
         WHERE s.kind = 'month' AND s.period_month = m.month AND s.entity_code = m.entity_code AND s.basis = m.basis;
        -- What is not what its runs recorded is not to be sealed as if it were.
        IF found.wrong IS NOT NULL OR (coalesce(found.lines, 0), coalesce(found.debit, 0), coalesce(found.credit, 0)) <> (m.lines, m.debit, m.credit) THEN
            RAISE EXCEPTION 'the ledger of month % of book % % is not what its runs posted', acct._month_name(m.month), m.entity_code, m.basis
                USING ERRCODE = 'LE009',
                      DETAIL = concat_ws(' ', format('Posted: %s lines, debit %s, credit %s. Found: %s lines, debit %s, credit %s.', m.lines, m.debit, m.credit,
                                                     coalesce(found.lines, 0), coalesce(found.debit, 0), coalesce(found.credit, 0)),
                                         'The first to differ is ' || found.wrong || '.'),
                      HINT = 'acct.check_run() shows which run it is.';
        END IF;
        entity_code := m.entity_code;
        basis := m.basis;
        month := m.month;
        seal_number := found.seal_number;
        journals := found.journals;
        lines := found.lines;
        seals := seals + 1;
        RETURN NEXT;
    END LOOP;
    IF seals > 0 THEN
        INSERT INTO acct.run_log (step, rows, elapsed_ms, peak_memory) VALUES ('seal', seals, acct._elapsed_ms(started), acct._peak_memory());
    END IF;
    PERFORM acct._progress_end();
END
$$;
COMMENT ON FUNCTION acct._seal_ledger(date, date, text, text) IS 'The work of seal_ledger().';

CREATE FUNCTION acct.seal_ledger(from_month date DEFAULT NULL, to_month date DEFAULT NULL, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, month date, seal_number bigint, journals bigint, lines bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.* FROM acct._seal_ledger($1, $2, $3, $4) AS s
$$;
COMMENT ON FUNCTION acct.seal_ledger(date, date, text, text) IS
'Seals the entries of runs that were posted before there were seals: a row for each book and month that it sealed, none where all is sealed. Raises 22023 (not a month, or an entity or basis that does not exist), 25001 (the transaction is not READ COMMITTED), 55P03 (a book is in use), LE009 (the ledger is not what its runs recorded), LE010 (a month is detached).';

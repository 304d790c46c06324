-- What always holds of the books, whatever is done to them: manual journals, runs, reversals and corrections, months and years that
-- are closed, reopened, closed again and rehearsed, in any order. ref.run_year(seed) goes through such a sequence, and looks after
-- each step at every promise, by the lines alone.

CREATE TABLE ref.sealed (
    entity_code ref.code NOT NULL,
    basis ref.code NOT NULL,
    month date NOT NULL,
    entries text NOT NULL
);

-- How often each step came up.
CREATE TABLE ref.year_outcome (outcome text NOT NULL);

-- Two funds, two entities, income and expense of each, and an account of income that goes to a surplus of its own.
CREATE FUNCTION ref.year_policy() RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
BEGIN
    INSERT INTO acct.entity (entity_code) VALUES ('E2') ON CONFLICT DO NOTHING;
    INSERT INTO acct.currency VALUES ('IDR', 2), ('KWD', 3) ON CONFLICT DO NOTHING;
    INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false) ON CONFLICT DO NOTHING;
    INSERT INTO acct.chart_of_accounts (account_code, description, account_type)
    VALUES ('1', 'Cash', 'ASSET'), ('2', 'Payable', 'LIABILITY'), ('3', 'Surplus', 'EQUITY'), ('3B', 'Other surplus', 'EQUITY'), ('4', 'Income', 'INCOME'), ('5', 'Expense', 'EXPENSE');
    INSERT INTO acct.chart_of_accounts (account_code, description, account_type, closing_account_code) VALUES ('4B', 'Other income', 'INCOME', '3B');
    INSERT INTO acct.fund (fund, name, fund_type, surplus_account_code) VALUES ('G1', 'Risk', 'PARTICIPANT_RISK', '3'), ('G2', 'Operator', 'OPERATOR', '3B');
    INSERT INTO acct.journal_template (template_code, status, basis, maker, approver)
    VALUES ('IN', 'approved', 'PRIMARY', 'a', 'b'), ('OUT', 'approved', 'PRIMARY', 'a', 'b'), ('TAXED', 'approved', 'TAX', 'a', 'b');
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type) VALUES ('IN', 1, 1, 'IN'), ('OUT', 1, 1, 'OUT'), ('TAXED', 1, 1, 'IN');
    INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
    VALUES ('IN', 1, 1, 'DR', '1', 'G1', ':gross_amount', false), ('IN', 1, 2, 'CR', '4', 'G1', '0.7 * :gross_amount', false), ('IN', 1, 3, 'CR', '4B', 'G1', NULL, true),
           ('OUT', 1, 1, 'DR', '5', 'G2', ':gross_amount', false), ('OUT', 1, 2, 'CR', '2', 'G2', NULL, true),
           ('TAXED', 1, 1, 'DR', '1', 'G2', ':gross_amount / 2', false), ('TAXED', 1, 2, 'CR', '4', 'G2', NULL, true);
END
$$;

CREATE FUNCTION ref.year_month() RETURNS date
LANGUAGE sql VOLATILE AS $$
    SELECT (date '2024-10-01' + make_interval(months => ref.dice(18) - 1))::date
$$;

-- What a book of a month has, by its lines and numbers.
CREATE FUNCTION ref.entries_of(p_entity text, p_basis text, p_month date) RETURNS text
LANGUAGE sql AS $$
    SELECT coalesce(md5(string_agg(h.je_number || to_jsonb(l)::text, '' ORDER BY l.je_id, l.line_no)), 'none')
      FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l ON l.je_id = h.je_id AND l.je_date = h.je_date
     WHERE h.entity_code = p_entity AND h.basis = p_basis AND h.je_date >= p_month AND h.je_date < p_month + interval '1 month'
$$;

-- All that a transaction could leave behind.
CREATE FUNCTION ref.everything() RETURNS TABLE (what text, state text)
LANGUAGE plpgsql AS $$
BEGIN
    FOREACH what IN ARRAY ARRAY['journal_run', 'journal_run_total', 'journal_reversal', 'je_exception', 'run_log', 'ledger_entry_header', 'ledger_entry_line', 'journal_number',
                                'account_balance_snapshot', 'accounting_period', 'book', 'period_log', 'manual_journal', 'manual_journal_line', 'je_header_staging', 'je_line_staging',
                                'ledger_book', 'batch_waiting', 'template_audit', 'policy_change'] LOOP
        EXECUTE format('SELECT md5(coalesce(string_agg(x::text, '' '' ORDER BY x::text), '''')) FROM acct.%I AS x', what) INTO state;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY SELECT 'relations', count(*)::text FROM pg_class AS c WHERE c.relnamespace = 'acct'::regnamespace
                 UNION ALL SELECT 'advisory locks', count(*)::text FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid()
                 UNION ALL SELECT 'progress', count(*)::text FROM acct.run_progress AS p WHERE p.pid = pg_backend_pid()
                 UNION ALL SELECT s, current_setting(s) FROM unnest(ARRAY['ledger_engine.maintenance', 'lock_timeout', 'search_path', 'session_authorization']) AS s;
END
$$;

-- What differs from what is promised of every state of the books.
CREATE FUNCTION ref.check_always(p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    WITH moved AS (
        SELECT l.entity_code, l.basis, l.fund, l.account_code, l.currency, date_trunc('month', l.je_date)::date AS month, sum(l.debit - l.credit) AS amount
          FROM acct.ledger_entry_line AS l GROUP BY 1, 2, 3, 4, 5, 6),
    by_lines AS (
        SELECT b.entity_code, b.basis, b.snapshot_month, m.fund, m.account_code, m.currency, sum(m.amount) AS balance
          FROM (SELECT DISTINCT s.entity_code, s.basis, s.snapshot_month FROM acct.account_balance_snapshot AS s) AS b
          JOIN moved AS m ON (m.entity_code, m.basis) = (b.entity_code, b.basis) AND m.month <= b.snapshot_month GROUP BY 1, 2, 3, 4, 5, 6)
    SELECT format('%s: %s %s has %s on account %s of fund %s in %s, its lines come to %s', p_what, entity_code, basis, s.closing_balance, account_code, fund, snapshot_month, l.balance)
      FROM acct.account_balance_snapshot AS s FULL JOIN by_lines AS l USING (entity_code, basis, snapshot_month, fund, account_code, currency)
     WHERE coalesce(s.closing_balance, 0) <> coalesce(l.balance, 0);
    RETURN QUERY SELECT format('%s: check_balance_snapshot() finds %s', p_what, to_jsonb(c)) FROM acct.check_balance_snapshot() AS c;
    RETURN QUERY
    SELECT format('%s: %s %s has %s journals in %s with %s numbers up to %s, and %s were given', p_what, entity_code, basis, h.journals, month, h.numbers, h.last, n.last_number)
      FROM (SELECT x.entity_code, x.basis, date_trunc('month', x.je_date)::date AS month, count(*) AS journals, count(DISTINCT right(x.je_number, 9)) AS numbers,
                   max(right(x.je_number, 9)::bigint) AS last, bool_and(left(x.je_number, 7) = to_char(x.je_date, 'YYYYMM-')) AS is_of_month
              FROM acct.ledger_entry_header AS x GROUP BY 1, 2, 3) AS h
      FULL JOIN (SELECT j.entity_code, j.basis, j.period_month AS month, j.last_number FROM acct.journal_number AS j) AS n USING (entity_code, basis, month)
     WHERE (h.journals, h.numbers, h.last, h.is_of_month) IS DISTINCT FROM (n.last_number, n.last_number, n.last_number, true);
    RETURN QUERY
    SELECT format('%s: fund %s of journal %s is not balanced', p_what, l.fund, l.je_id)
      FROM acct.ledger_entry_line AS l GROUP BY l.je_id, l.fund, l.entity_code, l.basis, l.currency HAVING sum(l.debit) <> sum(l.credit);
    -- By the lines, whatever balances say
    RETURN QUERY
    SELECT format('%s: the years of %s %s are closed through %s, and %s of fund %s has %s', p_what, b.entity_code, b.basis, b.closed_through, l.account_code, l.fund, sum(l.debit - l.credit))
      FROM acct.book AS b JOIN acct.ledger_entry_line AS l ON (l.entity_code, l.basis) = (b.entity_code, b.basis) AND l.je_date <= b.closed_through
      JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code AND a.account_type IN ('INCOME', 'EXPENSE')
     GROUP BY b.entity_code, b.basis, b.closed_through, l.account_code, l.fund, l.currency HAVING sum(l.debit - l.credit) <> 0;
    -- Closing entries that stand are of closed years, one run each.
    RETURN QUERY
    SELECT format('%s: run %s closes a year of %s that is not closed, or for the second time', p_what, min(r.run_id), r.je_date)
      FROM acct.journal_run AS r LEFT JOIN acct.book AS b ON b.entity_code = r.options ->> 'entity' AND b.basis = r.bases[1]
     WHERE r.kind = 'closing' AND r.status = 'posted' GROUP BY r.je_date, r.bases, r.options ->> 'entity', b.closed_through
    HAVING count(*) > 1 OR r.je_date > coalesce(b.closed_through, '-infinity');
    -- What is closed keeps its entries.
    DELETE FROM ref.sealed AS s WHERE NOT acct._is_closed(s.entity_code, s.basis, s.month);
    RETURN QUERY
    SELECT format('%s: %s %s of %s is closed, and its entries are others', p_what, s.entity_code, s.basis, s.month) FROM ref.sealed AS s
     WHERE s.entries <> ref.entries_of(s.entity_code, s.basis, s.month);
    INSERT INTO ref.sealed
    SELECT b.entity_code, b.basis, m.month, ref.entries_of(b.entity_code, b.basis, m.month)
      FROM acct.ledger_book AS b CROSS JOIN (SELECT DISTINCT s.snapshot_month AS month FROM acct.account_balance_snapshot AS s) AS m
     WHERE acct._is_closed(b.entity_code, b.basis, m.month)
       AND NOT EXISTS (SELECT FROM ref.sealed AS x WHERE (x.entity_code, x.basis, x.month) = (b.entity_code, b.basis, m.month));
END
$$;

CREATE FUNCTION ref.by_approver(p_statement text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SET SESSION AUTHORIZATION ref_approver';
    EXECUTE p_statement;
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;

-- Transactions of a month, booked with what waits of it.
CREATE FUNCTION ref.year_run() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    month CONSTANT date := ref.choice('2024-11-01', '2024-12-01', '2025-06-01', '2025-12-01', '2026-01-01')::date;
    run bigint;
BEGIN
    PERFORM FROM acct.rotate_txn_source_partitions(0, month);
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
    SELECT (SELECT coalesce(max(s.txn_id), 0) FROM acct.txn_source_parent AS s) + n, month, month + ref.dice(60) - 20, x.entity, ref.choice('IN', 'IN', 'OUT'), 'P', 'C',
           ref.choice('IDR', 'IDR', 'KWD'), x.amount, x.amount
      FROM generate_series(1, ref.dice(6)) AS n CROSS JOIN LATERAL (SELECT ref.choice('MAIN', 'MAIN', 'E2') AS entity, ref.dice(100000) / 100.0 - 200 AS amount) AS x;
    run := acct.create_run(month, options => jsonb_build_object('late', ref.choice('next_open', 'reject')));
    PERFORM FROM acct.expand_journals(run);
    PERFORM FROM acct.post_journals(run);
END
$$;

-- Some of the exceptions of the last run that has any
CREATE FUNCTION ref.year_waive() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM acct.waive_exception(e.run_id, e.txn_id, e.basis, 'random')
       FROM acct.je_exception AS e
      WHERE e.run_id = (SELECT max(x.run_id) FROM acct.je_exception AS x JOIN acct.journal_run AS r ON r.run_id = x.run_id AND acct._is_posted(r.status)) AND e.resolved_by_run IS NULL AND ref.one_in(2);
END
$$;

-- A manual journal, entered, submitted and approved, now and then with its reversal, a month's end or an opening of a book.
CREATE FUNCTION ref.year_manual() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    day date := ref.year_month() + ref.dice(28) - 1;
    entity CONSTANT text := ref.choice('MAIN', 'MAIN', 'E2');
    is_opening CONSTANT boolean := ref.one_in(8);
    lines integer := 0;
    journal bigint;
    amount numeric;
    fund text;
BEGIN
    IF is_opening THEN
        day := (date_trunc('month', day) + interval '1 month')::date - 1;
    END IF;
    INSERT INTO acct.manual_journal (journal_type, entity_code, basis, je_date, currency, memo, auto_reverse_on)
    VALUES (CASE WHEN is_opening THEN 'opening' ELSE 'manual' END, entity, ref.choice('PRIMARY', 'PRIMARY', 'TAX'), day, ref.choice('IDR', 'KWD'), 'random',
            CASE WHEN NOT is_opening AND ref.one_in(3) THEN day + ref.dice(90) END)
    RETURNING journal_id INTO journal;
    FOREACH fund IN ARRAY CASE WHEN is_opening OR ref.one_in(2) THEN ARRAY['G1'] ELSE ARRAY['G1', 'G2'] END LOOP
        amount := ref.dice(100000) / 100.0;
        INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit)
        VALUES (journal, lines + 1, ref.choice('1', '2', '4', '4B', '5'), fund, amount, 0), (journal, lines + 2, ref.choice('1', '2', '3', '4', '5'), fund, 0, amount);
        lines := lines + 2;
    END LOOP;
    PERFORM acct.submit_manual_journal(journal);
    PERFORM ref.by_approver(format('SELECT FROM acct.approve_manual_journal(%s)', journal));
END
$$;

-- Journals of any kind, with the right to reverse them or without.
CREATE FUNCTION ref.year_reverse() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    chosen bigint[];
    day date;
    run bigint;
    again bigint;
BEGIN
    SELECT array_agg(x.je_id), max(x.je_date) + ref.dice(100) - 1 INTO chosen, day
      FROM (SELECT h.je_id, h.je_date FROM acct.ledger_entry_header AS h
             WHERE h.journal_type <> 'reversal' AND NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.released_at IS NULL AND v.je_ids @> h.je_id)
             ORDER BY h.je_date, h.je_number, h.entity_code, h.basis OFFSET ref.dice(12) - 1 LIMIT ref.dice(3)) AS x;
    IF chosen IS NULL THEN
        RETURN;
    END IF;
    run := acct.reverse_journals(chosen, day, 'random');
    IF EXISTS (SELECT FROM acct.ledger_entry_header AS h WHERE h.je_id = ANY (chosen) AND h.journal_type = 'closing') THEN
        RAISE EXCEPTION 'closing entries were reversed by reverse_journals()';
    END IF;
    PERFORM FROM acct.expand_journals(run);
    PERFORM ref.by_approver(format('SELECT FROM acct.post_journals(%s)', run));
    IF ref.one_in(3) AND EXISTS (SELECT FROM acct.ledger_entry_header AS h WHERE h.je_id = ANY (chosen) AND h.txn_id IS NOT NULL) THEN
        FOR again IN SELECT acct.rebook_run(run, jsonb_build_object('late', 'next_open')) LOOP
            PERFORM FROM acct.expand_journals(again);
            PERFORM FROM acct.post_journals(again);
        END LOOP;
    END IF;
END
$$;

-- The next year of a book that can be closed, or any.
CREATE FUNCTION ref.year_end(p_entity text, p_basis text) RETURNS date
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN ref.one_in(6) THEN ref.choice('2023-12-31', '2024-12-31', '2025-12-31', '2026-03-31')::date
                ELSE coalesce((SELECT (b.closed_through + 1 + interval '1 year')::date - 1 FROM acct.book AS b WHERE (b.entity_code, b.basis) = (p_entity, p_basis)),
                              (SELECT make_date(extract(year FROM min(s.snapshot_month))::integer + CASE WHEN extract(month FROM min(s.snapshot_month)) >= y.first AND y.first > 1 THEN 1 ELSE 0 END
                                                + CASE y.first WHEN 1 THEN 1 ELSE 0 END, y.first, 1) - 1
                                 FROM acct.account_balance_snapshot AS s WHERE (s.entity_code, s.basis) = (p_entity, p_basis))) END
      FROM (SELECT coalesce((SELECT b.first_year_month FROM acct.book AS b WHERE (b.entity_code, b.basis) = (p_entity, p_basis)), 1)::integer AS first) AS y
$$;

-- Months up to a year's end are closed one after the other, and then the year; a second time it is refused.
CREATE FUNCTION ref.year_close(p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    day CONSTANT date := ref.year_end(p_entity, p_basis);
    every CONSTANT text[] := ARRAY['loads_waiting', 'exceptions_open', 'runs_not_posted', 'manual_journals_open', 'suspense_not_zero', 'pair_differs', 'month_before_open'];
    m date;
BEGIN
    IF day IS NULL THEN
        RETURN;
    END IF;
    FOR m IN SELECT generate_series(day + 1 - interval '1 year', day - interval '1 month', '1 month') LOOP
        PERFORM FROM acct.close_period(m, p_entity, p_basis, every, 'random');
    END LOOP;
    PERFORM FROM acct.close_year(day, p_entity, p_basis, every, 'random');
    IF FOUND THEN
        INSERT INTO ref.year_outcome VALUES ('closing entries');
    END IF;
    DELETE FROM ref.sealed AS s WHERE (s.entity_code, s.basis, s.month) = (p_entity, p_basis, date_trunc('month', day)::date);
    BEGIN
        PERFORM FROM acct.close_year(day, p_entity, p_basis, every, 'again');
        RAISE EXCEPTION 'a year was closed twice';
    EXCEPTION WHEN SQLSTATE 'LE014' THEN
        NULL;
    END;
END
$$;

CREATE FUNCTION ref.year_step(p_step text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    of_entity CONSTANT text := ref.choice('MAIN', 'MAIN', 'E2');
    of_basis CONSTANT text := ref.choice('PRIMARY', 'PRIMARY', 'TAX');
    year record;
BEGIN
    CASE p_step
        WHEN 'run' THEN PERFORM ref.year_run();
        WHEN 'waive' THEN PERFORM ref.year_waive();
        WHEN 'manual' THEN PERFORM ref.year_manual();
        WHEN 'reverse' THEN PERFORM ref.year_reverse();
        WHEN 'close' THEN PERFORM FROM acct.close_period(ref.year_month(), of_entity, of_basis, CASE WHEN ref.one_in(2) THEN ARRAY['month_before_open', 'loads_waiting', 'exceptions_open'] END, 'random');
        WHEN 'reopen' THEN
            PERFORM acct.reopen_period(p.month, p.entity_code, p.basis, 'random')
               FROM (SELECT s.month, s.entity_code, s.basis FROM ref.sealed AS s ORDER BY 1, 2, 3 OFFSET ref.dice(6) - 1 LIMIT 1) AS p;
        WHEN 'close year' THEN PERFORM ref.year_close(of_entity, of_basis);
        WHEN 'reopen year' THEN
            -- The latest year of a book that has one, or one that is not closed
            SELECT b.entity_code, b.basis, CASE WHEN ref.one_in(4) THEN (b.closed_through + 1 - interval '1 year')::date - 1 ELSE b.closed_through END AS through INTO year
              FROM acct.book AS b WHERE b.closed_through IS NOT NULL ORDER BY b.entity_code, b.basis OFFSET ref.dice(2) - 1 LIMIT 1;
            PERFORM acct.reopen_year(coalesce(year.through, '2025-12-31'), coalesce(year.entity_code, of_entity), coalesce(year.basis, of_basis), 'random');
            DELETE FROM ref.sealed AS s WHERE (s.entity_code, s.basis, s.month) = (year.entity_code, year.basis, date_trunc('month', year.through)::date);
        WHEN 'rehearse' THEN
            DROP TABLE IF EXISTS pg_temp.before;
            CREATE TEMP TABLE before ON COMMIT DROP AS SELECT e.* FROM ref.everything() AS e;
            PERFORM FROM acct.rehearse_close(CASE WHEN ref.one_in(2) THEN ref.year_month() ELSE coalesce(date_trunc('month', ref.year_end(of_entity, of_basis))::date, '2025-12-01') END, of_entity, of_basis);
            RETURN QUERY SELECT format('a rehearsal left something: %s', e.what) FROM ref.everything() AS e
                          WHERE NOT EXISTS (SELECT FROM pg_temp.before AS b WHERE (b.what, b.state) = (e.what, e.state));
    END CASE;
END
$$;

CREATE FUNCTION ref.run_year(p_seed bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    step text;
BEGIN
    PERFORM ref.seed(p_seed, 'year');
    PERFORM ref.year_policy();
    PERFORM acct.set_book(e, b, '{"first_year_month": 4}') FROM unnest(ARRAY['MAIN', 'E2']) AS e, unnest(ARRAY['PRIMARY', 'TAX']) AS b WHERE ref.one_in(4);
    FOR i IN 1 .. 14 LOOP
        step := CASE WHEN i <= 2 THEN 'run' ELSE
                ref.choice('run', 'run', 'waive', 'waive', 'manual', 'manual', 'manual', 'reverse', 'reverse', 'close', 'close', 'reopen', 'close year', 'close year', 'close year', 'reopen year', 'rehearse') END;
        BEGIN
            RETURN QUERY SELECT format('step %s, %s: %s', i, step, d) FROM ref.year_step(step) AS d;
        -- Refused by the state of the books: closed, open work, not in order, reversed already.
        EXCEPTION WHEN SQLSTATE 'LE006' OR SQLSTATE 'LE013' OR SQLSTATE 'LE014' OR SQLSTATE 'LE008' THEN
            step := step || ', refused';
        WHEN SQLSTATE 'LE004' OR SQLSTATE '22023' THEN
            IF step NOT IN ('manual', 'reverse', 'close year', 'rehearse', 'reopen year') THEN
                RAISE;
            END IF;
            step := step || ', refused';
        END;
        INSERT INTO ref.year_outcome VALUES (step);
        RETURN QUERY SELECT ref.check_always(format('step %s, %s', i, step));
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    RETURN QUERY SELECT format('at the end: check %s of run %s failed: expected %s, found %s', v.check_name, r.run_id, v.expected, v.actual)
                   FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE acct._is_posted(r.status) AND NOT v.passed;
    RETURN QUERY SELECT format('at the end: %s %s of %s %s differs by %s', x.measure, x.kind, m.month, b.basis, x.difference)
                   FROM (SELECT DISTINCT s.snapshot_month AS month FROM acct.account_balance_snapshot AS s) AS m CROSS JOIN (VALUES ('PRIMARY'), ('TAX')) AS b (basis)
                  CROSS JOIN LATERAL acct.reconcile_month(m.month, basis => b.basis) AS x WHERE x.difference <> 0;
    RETURN QUERY SELECT format('at the end: update_balance_snapshot() found %s rows wrong', n) FROM acct.update_balance_snapshot() AS n WHERE n <> 0;
END
$$;

-- As ref.outcomes()
CREATE FUNCTION ref.year_outcomes() RETURNS TABLE (outcome text, times bigint)
LANGUAGE sql AS $$
    SELECT 'year:' || translate(o.outcome, ' ,', '_'), count(*) FROM ref.year_outcome AS o GROUP BY 1
$$;

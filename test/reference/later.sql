-- What comes after posting, by the contract: reversals, corrections, rebooking, and any sequence of these with closing and
-- reopening. ref.run_later(seed) goes on where ref.run_case() ends.
--
-- What a run of another kind should book is written down when it is expanded, while policy and ledger are as the engine saw
-- them: a line for each line of a reversal, for each account of a correction.

CREATE TABLE ref.later (
    run_id bigint NOT NULL,
    reversal_of bigint NOT NULL,
    txn_id bigint,
    basis ref.code NOT NULL,
    entity_code ref.code NOT NULL,
    account_code ref.code NOT NULL,
    fund ref.code NOT NULL,
    currency ref.code NOT NULL,
    line_no smallint, -- NULL: any
    debit numeric NOT NULL,
    credit numeric NOT NULL,
    carried jsonb
);
CREATE INDEX ON ref.later (run_id);

CREATE FUNCTION ref.line_of(p_line acct.ledger_entry_line) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT ref.only(to_jsonb(p_line), ref.carried_columns('acct.je_line_staging'))
$$;

-- The journals of a run that no posted or waiting reversal has.
CREATE FUNCTION ref.standing(p_run_id bigint) RETURNS SETOF acct.ledger_entry_header
LANGUAGE sql AS $$
    SELECT h.* FROM acct.ledger_entry_header AS h
     WHERE h.run_id = p_run_id
       AND NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.released_at IS NULL AND v.je_ids @> h.je_id)
$$;

-- A reversal of some journals: sides swapped, and with them those that correct them.
CREATE FUNCTION ref.expect_reversal(p_run_id bigint, p_je_ids bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.later
    SELECT p_run_id, h.je_id, h.txn_id, h.basis, h.entity_code, l.account_code, l.fund, l.currency, l.line_no, l.credit, l.debit, ref.line_of(l)
      FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l ON l.je_id = h.je_id AND l.je_date = h.je_date
     WHERE h.je_id = ANY (p_je_ids)
$$;

-- A correction: by what the transactions come to now, for those journals of the run that stand, less these and their corrections.
CREATE FUNCTION ref.expect_correction(p_run_id bigint, p_origin bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ref.expand(p_run_id);
    INSERT INTO ref.later
    WITH original AS MATERIALIZED (
        SELECT h.* FROM ref.standing(p_origin) AS h
         WHERE NOT EXISTS (SELECT FROM ref.exception AS e WHERE e.run_id = p_run_id AND e.txn_id = h.txn_id AND e.basis = h.basis)),
    journal AS (
        SELECT o.je_id AS original, o.je_id FROM original AS o
        UNION ALL
        SELECT h.reversal_of, h.je_id
          FROM original AS o
          JOIN acct.ledger_entry_header AS h ON h.reversal_of = o.je_id AND h.journal_type = 'correction'
         WHERE NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.released_at IS NULL AND v.je_ids @> h.je_id)),
    part AS (
        SELECT o.je_id AS original, l.account_code, l.fund, l.carried, l.debit - l.credit AS amount
          FROM original AS o JOIN ref.line AS l ON l.run_id = p_run_id AND l.txn_id = o.txn_id AND l.basis = o.basis
        UNION ALL
        SELECT j.original, l.account_code, l.fund, ref.line_of(l), l.credit - l.debit
          FROM journal AS j JOIN acct.ledger_entry_line AS l ON l.je_id = j.je_id),
    net AS (
        SELECT p.original, p.account_code, p.fund, p.carried, sum(p.amount) AS amount FROM part AS p GROUP BY 1, 2, 3, 4 HAVING sum(p.amount) <> 0),
    large AS (
        SELECT n.original FROM net AS n GROUP BY n.original
        HAVING sum(greatest(n.amount, 0)) >= 1e16 OR sum(greatest(-n.amount, 0)) >= 1e16)
    SELECT p_run_id, o.je_id, o.txn_id, o.basis, o.entity_code, n.account_code, n.fund, o.currency, NULL, greatest(n.amount, 0), greatest(-n.amount, 0), n.carried
      FROM net AS n JOIN original AS o ON o.je_id = n.original
     WHERE n.original NOT IN (SELECT l.original FROM large AS l);
END
$$;

-- The run against what is written down, in staging or in the ledger.
CREATE FUNCTION ref.compare_later(p_run_id bigint, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    run acct.journal_run;
    place text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    place := CASE WHEN run.status = 'expanded' THEN 'acct.je_%s_staging' ELSE 'acct.ledger_entry_%s' END;
    RETURN QUERY SELECT p_what || ': ' || d FROM ref.differences('line',
        format('SELECT reversal_of, txn_id, basis::text, entity_code::text, account_code::text, fund::text, currency::text, line_no, debit, credit, carried, '
               '%L::date AS je_date, %L::text AS kind FROM ref.later WHERE run_id = %s', run.je_date, run.kind, p_run_id),
        format('SELECT h.reversal_of, h.txn_id, h.basis::text, h.entity_code::text, l.account_code::text, l.fund::text, l.currency::text, %s, l.debit::numeric, '
               'l.credit::numeric, ref.only(to_jsonb(l), ref.carried_columns(''acct.je_line_staging'')), l.je_date, h.journal_type::text '
               'FROM %s AS h JOIN %s AS l ON l.je_id = h.je_id AND l.je_date = h.je_date AND l.txn_id IS NOT DISTINCT FROM h.txn_id AND l.basis = h.basis '
               'WHERE h.run_id = %s AND l.run_id = %4$s',
               CASE run.kind WHEN 'correction' THEN 'NULL::smallint' ELSE 'l.line_no' END, format(place, 'header'), format(place, 'line'), p_run_id)) AS d;
    RETURN QUERY EXECUTE format(
        'SELECT %L || '': the header of journal '' || h.je_id || '' does not say what its lines come to'' FROM %s AS h '
        ' LEFT JOIN LATERAL (SELECT count(*) AS lines, sum(l.debit) AS debit, sum(l.credit) AS credit, max(l.line_no) AS last, min(l.line_no) AS first '
        '                      FROM %s AS l WHERE l.run_id = h.run_id AND l.je_id = h.je_id) AS l ON true '
        ' WHERE h.run_id = %s AND ((h.line_count, h.total_debit, h.total_credit) IS DISTINCT FROM (l.lines, l.debit, l.credit) '
        '        OR %L AND (l.first, l.last) IS DISTINCT FROM (1::smallint, h.line_count::smallint))',
        p_what, format(place, 'header'), format(place, 'line'), p_run_id, run.kind = 'correction');
    RETURN QUERY
    SELECT format('%s: journal_run says %s journals, %s lines, debit %s, credit %s; the reference %s, %s, %s, %s', p_what, run.journals, run.lines,
                  trim_scale(run.debit), trim_scale(run.credit), x.journals, x.lines, x.debit, x.credit)
      FROM (SELECT count(DISTINCT l.reversal_of) AS journals, count(*) AS lines, trim_scale(coalesce(sum(l.debit), 0)) AS debit,
                   trim_scale(coalesce(sum(l.credit), 0)) AS credit
              FROM ref.later AS l WHERE l.run_id = p_run_id) AS x
     WHERE (run.journals, run.lines, trim_scale(run.debit), trim_scale(run.credit)) IS DISTINCT FROM (x.journals, x.lines, x.debit, x.credit);
    RETURN QUERY SELECT p_what || ': ' || d FROM ref.differences('total of an account',
        format('SELECT entity_code::text, basis::text, fund::text, account_code::text, currency::text, sum(debit), sum(credit), count(*) '
               'FROM ref.later WHERE run_id = %s GROUP BY 1, 2, 3, 4, 5', p_run_id),
        format('SELECT entity_code::text, basis::text, fund::text, account_code::text, currency::text, debit, credit, line_count '
               'FROM acct.journal_run_total WHERE run_id = %s', p_run_id)) AS d;
    RETURN QUERY SELECT format('%s: check %s failed: expected %s, found %s', p_what, v.check_name, v.expected, v.actual)
                   FROM acct.validate_run(p_run_id) AS v WHERE NOT v.passed AND v.check_name <> 'periods_open';
END
$$;

-- An approver who did not create it posts what somebody else made.
CREATE FUNCTION ref.post_later(p_run_id bigint, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ref.as_approver(p_run_id);
    RETURN QUERY SELECT ref.compare_later(p_run_id, p_what || ', posted');
    RETURN QUERY SELECT p_what || ', posted: ' || d FROM ref.compare_books(ref.one_in(10)) AS d;
    RETURN QUERY SELECT format('%s: the digest of the ledger is not the one that expand recorded', p_what)
                   FROM acct.journal_run AS r
                  WHERE r.run_id = p_run_id AND r.digest IS DISTINCT FROM acct.run_digest(p_run_id, 'ledger');
END
$$;

CREATE FUNCTION ref.as_approver(p_run_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SET SESSION AUTHORIZATION ref_approver';
    PERFORM FROM acct.post_journals(p_run_id);
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;

-- A day on which every journal can be reversed or corrected: after all that is booked, and after each month that is closed.
-- Not LANGUAGE sql: an assignment keeps the plan of such a function to the end of the transaction, without partitions made meanwhile.
CREATE FUNCTION ref.late_day() RETURNS date
LANGUAGE plpgsql AS $$
BEGIN
    RETURN greatest((SELECT max(h.je_date) FROM acct.ledger_entry_header AS h), '2026-03-15',
                    (SELECT max(p.period_month + interval '1 month')::date FROM acct.accounting_period AS p WHERE NOT p.is_open)) + ref.dice(20);
END
$$;

-- One step; what differs.
CREATE FUNCTION ref.later_step(p_step text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    origin bigint;
    chosen bigint[];
    run bigint;
    day date := ref.late_day();
    book record;
    again boolean := false;
BEGIN
    SELECT r.run_id INTO origin FROM acct.journal_run AS r
     WHERE r.kind = 'transaction' AND r.status = 'posted' AND EXISTS (SELECT FROM ref.standing(r.run_id))
     ORDER BY r.run_id OFFSET ref.dice(greatest((SELECT count(*)::integer FROM acct.journal_run AS r WHERE r.kind = 'transaction' AND r.status = 'posted'
                                                    AND EXISTS (SELECT FROM ref.standing(r.run_id))), 1)) - 1 LIMIT 1;
    IF p_step IN ('reverse', 'reverse some', 'correct') AND origin IS NULL THEN
        RETURN;
    END IF;
    CASE p_step
        WHEN 'reverse' THEN
            chosen := ARRAY(SELECT h.je_id FROM ref.standing(origin) AS h);
            run := acct.reverse_run(origin, day, 'random');
        WHEN 'reverse some' THEN
            chosen := ARRAY(SELECT h.je_id FROM ref.standing(origin) AS h ORDER BY h.txn_id, h.basis OFFSET ref.dice(5) - 1 LIMIT ref.dice(6));
            IF chosen = '{}' THEN
                RETURN;
            END IF;
            run := acct.reverse_journals(chosen, day, 'random');
        WHEN 'correct' THEN
            run := acct.correct_run(origin, day, 'random');
        WHEN 'close' THEN
            SELECT b.entity_code, b.basis INTO book FROM acct.ledger_book AS b ORDER BY 1, 2 OFFSET ref.dice(3) - 1 LIMIT 1;
            IF FOUND THEN
                PERFORM acct.close_period('2025-01-01', book.entity_code, book.basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
            END IF;
            RETURN;
        WHEN 'reopen' THEN
            PERFORM acct.reopen_period(p.period_month, p.entity_code, p.basis) FROM acct.accounting_period AS p WHERE NOT p.is_open;
            RETURN;
    END CASE;
    IF p_step <> 'correct' THEN
        -- A correction goes with the journal that it corrects.
        chosen := chosen || ARRAY(SELECT h.je_id FROM acct.ledger_entry_header AS h
                                   WHERE h.reversal_of = ANY (chosen) AND h.journal_type = 'correction' AND h.je_id <> ALL (chosen)
                                     AND NOT EXISTS (SELECT FROM acct.journal_reversal AS v
                                                      WHERE v.released_at IS NULL AND v.je_ids @> h.je_id AND v.run_id <> run));
    END IF;
    PERFORM FROM acct.expand_journals(run);
    IF p_step = 'correct' THEN
        PERFORM ref.expect_correction(run, origin);
    ELSE
        PERFORM ref.expect_reversal(run, chosen);
    END IF;
    RETURN QUERY SELECT ref.compare_later(run, p_step || ', expanded');
    IF FOUND THEN
        RETURN;
    END IF;
    IF ref.one_in(5) THEN
        PERFORM acct.discard_run(run);
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.post_later(run, p_step);
    IF FOUND OR p_step <> 'correct' THEN
        RETURN;
    END IF;
    -- Once it is right there is nothing left to correct.
    run := acct.correct_run(origin, day, 'again');
    PERFORM FROM acct.expand_journals(run);
    RETURN QUERY SELECT format('correct: a second correction of run %s has %s journals', origin, r.journals)
                   FROM acct.journal_run AS r WHERE r.run_id = run AND r.journals <> 0;
    PERFORM acct.discard_run(run);
END
$$;

-- Books again what a reversal took back that is not rebooked yet; what differs.
CREATE FUNCTION ref.rebook_step() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    reversal bigint;
    run bigint;
    made bigint[];
BEGIN
    SELECT r.run_id INTO reversal FROM acct.journal_run AS r
     WHERE r.kind = 'reversal' AND r.status = 'posted'
       AND NOT EXISTS (SELECT FROM acct.journal_run AS b WHERE b.origin_run = r.run_id AND b.kind = 'transaction' AND b.status <> 'discarded')
     ORDER BY r.run_id DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    made := ARRAY(SELECT acct.rebook_run(reversal));
    FOREACH run IN ARRAY made LOOP
        PERFORM FROM acct.expand_journals(run);
        RETURN QUERY SELECT ref.check_expanded(run, 'rebook');
        IF FOUND THEN
            RETURN;
        END IF;
        IF ref.one_in(5) THEN
            PERFORM acct.discard_run(run);
        ELSE
            RETURN QUERY SELECT ref.check_posted(run, 'rebook');
        END IF;
    END LOOP;
END
$$;

-- After everything is reversed nothing is left: of no account, in no book.
CREATE FUNCTION ref.reverse_everything() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    day date := ref.late_day();
    origin bigint;
    run bigint;
BEGIN
    FOR origin IN SELECT r.run_id FROM acct.journal_run AS r WHERE r.kind = 'transaction' AND r.status = 'posted' AND r.journals > 0 ORDER BY r.run_id LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM ref.standing(origin));
        run := acct.reverse_run(origin, day, 'everything');
        PERFORM FROM acct.expand_journals(run);
        PERFORM ref.as_approver(run);
    END LOOP;
    RETURN QUERY SELECT format('after everything is reversed %s %s has %s on account %s of fund %s in %s', b.entity_code, b.basis, b.closing_balance,
                               b.account_code, b.fund, b.currency)
                   FROM acct.account_balance_snapshot AS b
                  WHERE b.snapshot_month = (SELECT max(x.snapshot_month) FROM acct.account_balance_snapshot AS x
                                             WHERE (x.entity_code, x.basis) = (b.entity_code, b.basis))
                    AND b.closing_balance <> 0;
    RETURN QUERY SELECT format('after everything is reversed the trial balance has %s on account %s of fund %s', t.closing_balance, t.account_code, t.fund)
                   FROM acct.accounting_basis AS b, acct.trial_balance(date_trunc('month', day::timestamp)::date, NULL, b.basis) AS t WHERE t.closing_balance <> 0;
    RETURN QUERY SELECT format('run %s is %s, and all its journals are reversed', r.run_id, r.status)
                   FROM acct.journal_run AS r WHERE r.kind <> 'reversal' AND r.status <> 'reversed' AND acct._is_posted(r.status) AND r.journals > 0;
    RETURN QUERY SELECT 'after everything is reversed: ' || d FROM ref.compare_books(true) AS d;
    RETURN QUERY SELECT 'after everything is reversed: check_balance_snapshot finds ' || to_jsonb(c)::text FROM acct.check_balance_snapshot() AS c;
    RETURN QUERY SELECT format('after everything is reversed: the digest of run %s is not right', r.run_id)
                   FROM acct.journal_run AS r WHERE acct._is_posted(r.status) AND r.digest IS DISTINCT FROM acct.run_digest(r.run_id);
END
$$;

CREATE FUNCTION ref.run_later(p_seed bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    step text;
BEGIN
    PERFORM ref.seed(p_seed, 'later');
    -- Room for a day after all others.
    UPDATE acct.posting_limit AS p SET value = 2100 WHERE p.name = 'last_year';
    FOR i IN 1 .. ref.dice(4) LOOP
        step := ref.choice('correct', 'correct', 'correct', 'reverse', 'reverse some', 'reverse some', 'close', 'reopen', 'rebook', 'rebook', 'rebook');
        IF ref.one_in(2) THEN
            PERFORM ref.random_change();
        END IF;
        IF step = 'rebook' THEN
            RETURN QUERY SELECT format('step %s: %s', i, d) FROM ref.rebook_step() AS d;
        ELSE
            RETURN QUERY SELECT format('step %s: %s', i, d) FROM ref.later_step(step) AS d;
        END IF;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    PERFORM ref.later_step('reopen');
    IF ref.one_in(2) THEN
        RETURN QUERY SELECT ref.reverse_everything();
    END IF;
END
$$;

-- The trial balance, today's or as it was known at a moment, and what has changed it since.
--
-- Totals of runs never change. A run's posted_at is taken under the locks of its books, so what was known at a moment is what is
-- known today, less the totals of the runs that were posted later.

CREATE FUNCTION acct._require_book(p_entity text, p_basis text, p_fund text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_entity IS NOT NULL THEN
        PERFORM acct._require_code('entity', p_entity);
    END IF;
    IF p_basis IS NOT NULL THEN
        PERFORM acct._require_code('basis', p_basis);
    END IF;
    IF p_fund IS NOT NULL THEN
        PERFORM acct._require_code('fund', p_fund);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_book(text, text, text) IS 'Raises 22023 where an entity, basis or fund that narrows a report does not exist; NULL is all.';

CREATE FUNCTION acct._balance_changes(p_month date, p_since timestamptz, p_entity text, p_basis text, p_fund text)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, run_id bigint, je_month date,
               debit numeric, credit numeric, line_count bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT t.entity_code, t.basis, t.fund, t.account_code, t.currency, t.run_id, t.je_month, t.debit, t.credit, t.line_count
      FROM acct.journal_run AS r
      JOIN acct.journal_run_total AS t ON t.run_id = r.run_id
     WHERE r.posted_at > p_since AND acct._is_posted(r.status) AND t.je_month <= p_month
       AND (p_entity IS NULL OR t.entity_code = p_entity)
       AND (p_basis IS NULL OR t.basis = p_basis)
       AND (p_fund IS NULL OR t.fund = p_fund)
$$;
COMMENT ON FUNCTION acct._balance_changes(date, timestamptz, text, text, text) IS
'Amounts that runs which were posted after a moment added to the balances of a month: to its movements, or by earlier months to its opening balances.';

CREATE FUNCTION acct._month_balances(p_month date, p_entity text, p_basis text, p_fund text)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, opening_balance numeric, period_debit numeric,
               period_credit numeric, line_count bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.entity_code, s.fund, s.account_code, s.currency,
           CASE WHEN s.snapshot_month = p_month THEN s.opening_balance ELSE s.closing_balance END,
           CASE WHEN s.snapshot_month = p_month THEN s.period_debit ELSE 0 END,
           CASE WHEN s.snapshot_month = p_month THEN s.period_credit ELSE 0 END,
           CASE WHEN s.snapshot_month = p_month THEN s.line_count ELSE 0 END
      FROM acct.ledger_book AS b
     CROSS JOIN LATERAL (SELECT max(x.snapshot_month) AS month FROM acct.account_balance_snapshot AS x
                          WHERE x.entity_code = b.entity_code AND x.basis = b.basis AND x.snapshot_month <= p_month) AS m
      JOIN acct.account_balance_snapshot AS s
        ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = m.month
     WHERE b.basis = p_basis
       AND (p_entity IS NULL OR b.entity_code = p_entity)
       AND (p_fund IS NULL OR s.fund = p_fund)
       AND (s.snapshot_month = p_month OR s.closing_balance <> 0)
$$;
COMMENT ON FUNCTION acct._month_balances(date, text, text, text) IS
'The balances of a month as they are now, from the newest snapshot of each book that is not later.';

CREATE FUNCTION acct._closing_runs(p_month date) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH closing AS MATERIALIZED (
        SELECT r.run_id FROM acct.journal_run AS r WHERE r.kind = 'closing' AND r.je_date >= p_month AND r.je_date < p_month + interval '1 month')
    SELECT c.run_id FROM closing AS c
    UNION ALL
    -- What reopening a year took back has the same date.
    SELECT r.run_id FROM closing AS c JOIN acct.journal_run AS r ON r.origin_run = c.run_id AND r.kind = 'reversal'
$$;
COMMENT ON FUNCTION acct._closing_runs(date) IS 'The runs that closed years that end in a month, and those that reversed them.';

CREATE FUNCTION acct._closing_totals(p_month date, p_known_at timestamptz, p_entity text, p_basis text, p_fund text)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, debit numeric, credit numeric, line_count bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.entity_code, t.fund, t.account_code, t.currency, sum(t.debit), sum(t.credit), sum(t.line_count)::bigint
      FROM acct._closing_runs(p_month) AS x (run_id)
      JOIN acct.journal_run AS r ON r.run_id = x.run_id AND acct._is_posted(r.status) AND r.posted_at <= coalesce(p_known_at, 'infinity')
      JOIN acct.journal_run_total AS t ON t.run_id = r.run_id AND t.je_month = p_month AND t.basis = p_basis
     WHERE (p_entity IS NULL OR t.entity_code = p_entity)
       AND (p_fund IS NULL OR t.fund = p_fund)
     GROUP BY 1, 2, 3, 4
$$;
COMMENT ON FUNCTION acct._closing_totals(date, timestamptz, text, text, text) IS
'Amounts that the closing entries of the years that end in a month, and their reversals, posted up to a moment (NULL: now), added to its movements.';

CREATE FUNCTION acct._trial_balance(p_month date, p_entity text, p_basis text, p_fund text, p_known_at timestamptz, p_closing boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, p_fund);
    RETURN QUERY
    WITH later AS (
        SELECT c.entity_code, c.fund, c.account_code, c.currency,
               coalesce(sum(c.debit - c.credit) FILTER (WHERE c.je_month < p_month), 0) AS opening_balance,
               coalesce(sum(c.debit) FILTER (WHERE c.je_month = p_month), 0) AS period_debit,
               coalesce(sum(c.credit) FILTER (WHERE c.je_month = p_month), 0) AS period_credit,
               coalesce(sum(c.line_count) FILTER (WHERE c.je_month = p_month), 0) AS line_count
          FROM (SELECT b.entity_code, b.fund, b.account_code, b.currency, b.je_month, b.debit, b.credit, b.line_count
                  FROM acct._balance_changes(p_month, p_known_at, p_entity, p_basis, p_fund) AS b
                UNION ALL
                SELECT t.entity_code, t.fund, t.account_code, t.currency, p_month, t.debit, t.credit, t.line_count
                  FROM acct._closing_totals(p_month, p_known_at, p_entity, p_basis, p_fund) AS t WHERE NOT p_closing) AS c
         GROUP BY 1, 2, 3, 4),
    known AS (
        SELECT entity_code, fund, account_code, currency,
               coalesce(b.opening_balance, 0.0000) - coalesce(l.opening_balance, 0) AS opening_balance,
               coalesce(b.period_debit, 0.0000) - coalesce(l.period_debit, 0) AS period_debit,
               coalesce(b.period_credit, 0.0000) - coalesce(l.period_credit, 0) AS period_credit,
               coalesce(b.line_count, 0) - coalesce(l.line_count, 0) AS line_count,
               l.line_count IS NOT NULL AS is_changed
          FROM acct._month_balances(p_month, p_entity, p_basis, p_fund) AS b
          FULL JOIN later AS l USING (entity_code, fund, account_code, currency))
    SELECT k.entity_code, k.fund, k.account_code, a.description, a.account_type, k.currency, k.opening_balance, k.period_debit,
           k.period_credit, k.opening_balance + k.period_debit - k.period_credit
      FROM known AS k
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = k.account_code
     -- As in the snapshot: what has lines in the month, or had a balance before it.
     WHERE NOT k.is_changed OR k.line_count > 0 OR k.opening_balance <> 0
     ORDER BY k.entity_code, k.fund, k.account_code, k.currency;
END
$$;
COMMENT ON FUNCTION acct._trial_balance(date, text, text, text, timestamptz, boolean) IS 'The work of trial_balance().';

CREATE FUNCTION acct.trial_balance(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL,
                                   known_at timestamptz DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct._trial_balance($1, $2, $3, $4, $5, coalesce($6, true)) AS t
$$;
COMMENT ON FUNCTION acct.trial_balance(date, text, text, text, timestamptz, boolean) IS
'The trial balance of a month for a basis, from the snapshot: a row for each entity, fund, account and currency, debit positive, known_at without the runs that were posted later, with closing => false before the closing entries. Raises 22023 where the date is no month, or the entity, basis or fund does not exist.';

CREATE FUNCTION acct._report_changes(p_month date, p_since timestamptz, p_entity text, p_basis text, p_fund text)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, run_id bigint, run_key text,
               posted_at timestamptz, posted_by text, je_month date, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    IF p_since IS NULL THEN
        RAISE EXCEPTION 'since is NULL' USING ERRCODE = '22023', HINT = 'Name the moment after which changes are shown; -infinity shows all.';
    END IF;
    PERFORM acct._require_book(p_entity, p_basis, p_fund);
    RETURN QUERY
    SELECT c.entity_code, c.basis, c.fund, c.account_code, c.currency, c.run_id, r.run_key, r.posted_at, r.posted_by, c.je_month, c.debit, c.credit
      FROM acct._balance_changes(p_month, p_since, p_entity, p_basis, p_fund) AS c JOIN acct.journal_run AS r USING (run_id)
     ORDER BY c.entity_code, c.basis, c.fund, c.account_code, c.currency, r.posted_at, c.run_id, c.je_month;
END
$$;
COMMENT ON FUNCTION acct._report_changes(date, timestamptz, text, text, text) IS 'The work of balance_changes().';

CREATE FUNCTION acct.balance_changes(month date, since timestamptz, entity text DEFAULT NULL, basis text DEFAULT NULL, fund text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, run_id bigint, run_key text,
               posted_at timestamptz, posted_by text, je_month date, debit numeric, credit numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.* FROM acct._report_changes($1, $2, $3, $4, $5) AS c
$$;
COMMENT ON FUNCTION acct.balance_changes(date, timestamptz, text, text, text) IS
'Which runs changed the balances of a month after a moment, by account: a row for each run, account and month of its journals, those of earlier months being in the opening balances. entity, basis and fund narrow it; raises 22023 where the date is no month, since is NULL, or one of these does not exist.';

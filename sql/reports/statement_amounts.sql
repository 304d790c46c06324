-- What the lines of a statement come to. Only balances and totals of runs are read, and no line of the ledger.
--
-- Income and expense count from the beginning of the year of their book, all else from the beginning of the books. What income and expense
-- have from earlier years that nobody closed is kept apart (is_prior), so that a balance sheet balances whether or not years are closed.

CREATE FUNCTION acct._statement_layout(p_statement text, p_layout text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found text := p_layout;
    problems text[];
BEGIN
    IF p_layout IS NULL THEN
        -- One that is alone needs not be the default.
        SELECT CASE WHEN count(*) = 1 THEN min(y.layout) ELSE min(y.layout) FILTER (WHERE y.is_default) END INTO found
          FROM acct.statement_layout AS y WHERE y.statement = p_statement;
    ELSIF NOT EXISTS (SELECT FROM acct.statement_layout AS y WHERE y.layout = p_layout AND y.statement = p_statement) THEN
        RAISE EXCEPTION 'layout "%" of % does not exist', p_layout, p_statement USING ERRCODE = '22023', HINT = 'Layouts are rows of acct.statement_layout.';
    END IF;
    problems := ARRAY(SELECT p.problem FROM acct._statement_problems(found) AS p WHERE found IS NOT NULL OR p.layout IN (SELECT y.layout FROM acct.statement_layout AS y WHERE y.statement = p_statement));
    IF problems <> '{}' THEN
        RAISE EXCEPTION 'the layout of % is not valid', p_statement
            USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || acct._first_of(problems) || '.', HINT = 'Correct it in a release.';
    END IF;
    RETURN coalesce(found, '');
END
$$;
COMMENT ON FUNCTION acct._statement_layout(text, text) IS
'The layout of a statement that is named, or the default (NULL); empty where the statement has none. Raises 22023 where it does not exist, LE004 where it has a problem.';

CREATE FUNCTION acct._require_statement(p_from date, p_to date, p_entity text, p_basis text, p_fund text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most_months CONSTANT integer := 1200;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_from);
    PERFORM acct._require_month(p_to);
    IF p_to < p_from THEN
        RAISE EXCEPTION 'the last month, %, is before the first one, %', acct._month_name(p_to), acct._month_name(p_from) USING ERRCODE = '22023';
    ELSIF p_from < '0200-01-01' OR p_to > '9998-12-01' OR p_from + make_interval(months => most_months) <= p_to THEN
        RAISE EXCEPTION 'no months that a statement can have: % to %', p_from, p_to
            USING ERRCODE = '22023', HINT = format('They are of the years 200 to 9998, and %s at most.', most_months);
    END IF;
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, p_fund);
END
$$;
COMMENT ON FUNCTION acct._require_statement(date, date, text, text, text) IS 'Raises 22023 unless a statement can have these months, entity, basis and fund.';

CREATE FUNCTION acct._require_single_pairs() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    twice record;
BEGIN
    SELECT d.* INTO twice FROM acct._double_pairs() AS d ORDER BY d.account_code, d.pair_code, d.other LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % is in two elimination pairs', twice.account_code
            USING ERRCODE = 'LE004', DETAIL = format('It would be eliminated twice, by pairs %s and %s.', twice.pair_code, twice.other),
                  HINT = 'Correct the pairs in a release; eliminations => false shows the statement without them.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_single_pairs() IS 'Raises LE004 where an account of a fund is in two elimination pairs.';

CREATE FUNCTION acct._statement_books(p_statement text, p_measure text, p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, first_month date, last_month date, before_month date)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT b.entity_code, b.basis, m.first_month, m.last_month,
           -- After which income and expense count
           (CASE p_statement WHEN 'profit_and_loss' THEN m.first_month ELSE acct._year_begin(m.last_month, b.entity_code, b.basis) END - interval '1 month')::date
      FROM acct.ledger_book AS b
     CROSS JOIN LATERAL (SELECT acct._year_begin(p_to, b.entity_code, b.basis) AS year_begin,
                                1 + (extract(year FROM p_to) - extract(year FROM p_from))::integer * 12 + (extract(month FROM p_to) - extract(month FROM p_from))::integer AS months) AS y
     CROSS JOIN LATERAL (
        SELECT (CASE p_measure WHEN 'amount' THEN p_from
                               WHEN 'previous' THEN p_from - make_interval(months => y.months)
                               WHEN 'year_ago' THEN p_from - interval '1 year'
                               WHEN 'year_to_date' THEN y.year_begin
                               WHEN 'year_start' THEN y.year_begin - interval '1 month' END)::date AS first_month,
               (CASE p_measure WHEN 'previous' THEN p_from - interval '1 month'
                               WHEN 'year_ago' THEN p_to - interval '1 year'
                               WHEN 'year_start' THEN y.year_begin - interval '1 month'
                               ELSE p_to END)::date AS last_month) AS m
     WHERE b.basis = p_basis AND (p_entity IS NULL OR b.entity_code = p_entity)
$$;
COMMENT ON FUNCTION acct._statement_books(text, text, date, date, text, text) IS
'The books of a statement, each with the months that one of its columns is about: amount, previous, year_ago, year_to_date or year_start. before_month is the last month that is not in its income and expense.';

CREATE FUNCTION acct._statement_turnovers(p_statement text, p_from date, p_to date, p_entity text, p_basis text, p_closing boolean, p_reversals boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, debit numeric, credit numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH book AS MATERIALIZED (
        SELECT b.* FROM acct._statement_books(p_statement, 'amount', p_from, p_to, p_entity, p_basis) AS b)
    SELECT s.entity_code, s.fund, s.account_code, s.currency, s.period_debit, s.period_credit
      FROM book AS b JOIN acct.account_balance_snapshot AS s
        ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month BETWEEN b.first_month AND b.last_month AND s.line_count > 0
    UNION ALL
    SELECT t.entity_code, t.fund, t.account_code, t.currency, -t.debit, -t.credit
      FROM book AS b CROSS JOIN LATERAL acct._closings_between(b.first_month, b.last_month, b.entity_code, b.basis) AS t WHERE NOT p_closing
    UNION ALL
    -- A debit of a reversal takes back a credit.
    SELECT t.entity_code, t.fund, t.account_code, t.currency, -t.debit - t.credit, -t.debit - t.credit
      FROM book AS b
      JOIN acct.journal_run AS r ON r.kind = 'reversal' AND acct._is_posted(r.status)
      JOIN acct.journal_run_total AS t ON t.run_id = r.run_id AND t.entity_code = b.entity_code AND t.basis = b.basis AND t.je_month BETWEEN b.first_month AND b.last_month
     WHERE NOT p_reversals
       AND (p_closing OR NOT EXISTS (SELECT FROM acct.journal_run AS c WHERE c.run_id = r.origin_run AND c.kind = 'closing'))
$$;
COMMENT ON FUNCTION acct._statement_turnovers(text, date, date, text, text, boolean, boolean) IS
'The turnovers of the months of a statement, without closing entries and net of reversals on request.';

CREATE FUNCTION acct._closings_between(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, debit numeric, credit numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.entity_code, t.fund, t.account_code, t.currency, t.debit, t.credit
      FROM (SELECT DISTINCT date_trunc('month', r.je_date::timestamp)::date AS month FROM acct.journal_run AS r
             WHERE r.kind = 'closing' AND r.je_date >= p_from AND r.je_date < p_to + interval '1 month') AS m
     CROSS JOIN LATERAL acct._closing_totals(m.month, NULL, p_entity, p_basis, NULL) AS t
$$;
COMMENT ON FUNCTION acct._closings_between(date, date, text, text) IS
'Sums of the closing entries of a book that are dated in some months, and of their reversals.';

CREATE FUNCTION acct._statement_items(p_statement text, p_measure text, p_from date, p_to date, p_entity text, p_basis text, p_fund text, p_closing boolean, p_reversals boolean)
RETURNS TABLE (entity_code text, fund text, account_code text, currency text, is_prior boolean, debit numeric, credit numeric, amount numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH book AS MATERIALIZED (
        SELECT b.* FROM acct._statement_books(p_statement, p_measure, p_from, p_to, p_entity, p_basis) AS b),
    -- Where closing entries are counted that take along what years before have left, as the year after a dropped one does, a balance sheet has it
    -- no longer as theirs. A profit and loss statement has the turnovers, and those of such entries are more than the year's own.
    taken_along AS MATERIALIZED (
        SELECT DISTINCT x.entity_code, x.fund, x.currency FROM (
        SELECT t.entity_code, t.fund, t.currency
          FROM book AS b CROSS JOIN LATERAL acct._closings_between((b.before_month + interval '1 month')::date, b.last_month, b.entity_code, b.basis) AS t
         WHERE p_closing AND p_statement = 'balance_sheet'
         GROUP BY 1, 2, 3, t.account_code HAVING sum(t.debit) <> sum(t.credit)) AS x),
    part AS (
        SELECT x.entity_code, x.fund, x.account_code, x.currency, false AS is_before, NULL::numeric AS debit, NULL::numeric AS credit, x.balance AS amount
          FROM book AS b CROSS JOIN LATERAL acct._balances_at(b.last_month, ARRAY[b.entity_code], ARRAY[b.basis]) AS x
        UNION ALL
        SELECT x.entity_code, x.fund, x.account_code, x.currency, true, NULL, NULL, x.balance
          FROM book AS b CROSS JOIN LATERAL acct._balances_at(b.before_month, ARRAY[b.entity_code], ARRAY[b.basis]) AS x
        UNION ALL
        -- Of a balance sheet only those of the month itself are not in earlier years.
        SELECT t.entity_code, t.fund, t.account_code, t.currency, false, NULL, NULL, t.credit - t.debit
          FROM book AS b CROSS JOIN LATERAL acct._closings_between(b.first_month, b.last_month, b.entity_code, b.basis) AS t WHERE NOT p_closing
        UNION ALL
        SELECT t.entity_code, t.fund, t.account_code, t.currency, false, t.debit, t.credit, 0
          FROM acct._statement_turnovers(p_statement, p_from, p_to, p_entity, p_basis, p_closing, p_reversals) AS t WHERE p_measure = 'amount'),
    known AS (
        SELECT p.*, coalesce(a.account_type IN ('INCOME', 'EXPENSE'), false) AS is_result
          FROM part AS p LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = p.account_code
         WHERE (p_fund IS NULL OR p.fund = p_fund)
           AND NOT (p.is_before AND (p.entity_code, p.fund, p.currency) IN (SELECT t.entity_code, t.fund, t.currency FROM taken_along AS t)))
    SELECT k.entity_code, k.fund, k.account_code, k.currency, x.is_prior, sum(k.debit), sum(k.credit), sum(x.amount)
      FROM known AS k
     CROSS JOIN LATERAL (
        SELECT false AS is_prior, CASE WHEN k.is_before THEN -k.amount ELSE k.amount END AS amount WHERE k.is_result OR p_statement = 'balance_sheet' AND NOT k.is_before
        UNION ALL
        SELECT true, k.amount WHERE k.is_result AND k.is_before AND p_statement = 'balance_sheet') AS x
     GROUP BY 1, 2, 3, 4, 5
$$;
COMMENT ON FUNCTION acct._statement_items(text, text, date, date, text, text, text, boolean, boolean) IS
'Amounts of a statement: balances, or for a profit and loss statement income and expense of the months, by entity, fund, account and currency, debit positive. is_prior: income and expense of earlier years.';

CREATE FUNCTION acct._statement_amounts(p_statement text, p_layout text, p_measures text[], p_from date, p_to date, p_entity text, p_basis text, p_fund text,
                                        p_eliminations boolean, p_closing boolean, p_reversals boolean)
RETURNS TABLE (entity_code text, currency text, line_no integer, account_code text, is_prior boolean, pair_code text, fund text, measure text,
               debit numeric, credit numeric, amount numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH taken AS MATERIALIZED (
        SELECT a.* FROM acct._statement_accounts(p_layout) AS a),
    item AS MATERIALIZED (
        SELECT m.measure, i.*, t.line_no
          FROM unnest(p_measures) AS m (measure)
         CROSS JOIN LATERAL acct._statement_items(p_statement, m.measure, p_from, p_to, p_entity, p_basis, p_fund, p_closing, p_reversals) AS i
          LEFT JOIN taken AS t ON t.account_code = i.account_code AND t.fund = i.fund AND t.is_prior = i.is_prior),
    paired AS (
        SELECT i.*, s.pair_code FROM item AS i JOIN acct._pair_sides() AS s ON s.account_code = i.account_code AND (s.fund IS NULL OR s.fund = i.fund)
         WHERE p_eliminations AND i.amount <> 0),
    part AS MATERIALIZED (
        SELECT i.entity_code, i.currency, i.line_no, CASE WHEN i.line_no IS NULL THEN i.account_code END AS account_code,
               i.line_no IS NULL AND i.is_prior AS is_prior, NULL::text AS pair_code, i.fund, i.measure, i.debit, i.credit, i.amount
          FROM item AS i
        UNION ALL
        SELECT p.entity_code, p.currency, p.line_no, CASE WHEN p.line_no IS NULL THEN p.account_code END, p.line_no IS NULL AND p.is_prior, NULL, NULL, p.measure, 0, 0, -p.amount
          FROM paired AS p
        UNION ALL
        SELECT p.entity_code, p.currency, NULL, NULL, false, p.pair_code, NULL, p.measure, 0, 0, sum(p.amount)
          FROM paired AS p GROUP BY p.entity_code, p.currency, p.pair_code, p.measure HAVING sum(p.amount) <> 0)
    SELECT x.entity_code, x.currency, x.line_no, x.account_code, x.is_prior, x.pair_code, x.fund, x.measure, sum(x.debit), sum(x.credit), sum(x.amount)
      FROM (SELECT p.* FROM part AS p
            UNION ALL
            SELECT p.entity_code, p.currency, s.total, NULL, false, NULL, p.fund, p.measure, p.debit, p.credit, p.amount
              FROM part AS p JOIN (SELECT DISTINCT t.total, t.line_no FROM acct._statement_parts(p_layout) AS t) AS s ON s.line_no = p.line_no) AS x
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
$$;
COMMENT ON FUNCTION acct._statement_amounts(text, text, text[], date, date, text, text, text, boolean, boolean, boolean) IS
'Amount of each line of a statement, by fund, debit positive, in each of the columns that are asked for; accounts that no line takes by themselves. Eliminations have no fund, and a pair whose sides differ has its variance.';

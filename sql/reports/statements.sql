-- Profit and loss statement, balance sheet and fund statement, by layouts that finance edits.

CREATE FUNCTION acct._statement(p_statement text, p_from date, p_to date, p_entity text, p_basis text, p_fund text, p_layout text, p_eliminations boolean,
                                p_closing boolean, p_reversals boolean)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric, credit numeric, amount numeric,
               previous numeric, year_ago numeric, of_year numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    year_measure CONSTANT text := CASE p_statement WHEN 'profit_and_loss' THEN 'year_to_date' ELSE 'year_start' END;
    -- What one fund owes another stays in the statement of a fund.
    eliminates CONSTANT boolean := p_eliminations AND p_fund IS NULL;
    layout_name text;
BEGIN
    PERFORM acct._require_statement(p_from, p_to, p_entity, p_basis, p_fund);
    layout_name := acct._statement_layout(p_statement, p_layout);
    IF eliminates THEN
        PERFORM acct._require_single_pairs();
    END IF;
    RETURN QUERY
    WITH figure AS MATERIALIZED (
        SELECT a.entity_code, a.currency, a.line_no, a.account_code, a.is_prior, a.pair_code, coalesce(sum(a.debit), 0) AS debit, coalesce(sum(a.credit), 0) AS credit,
               coalesce(sum(a.amount) FILTER (WHERE a.measure = 'amount'), 0) AS amount, coalesce(sum(a.amount) FILTER (WHERE a.measure = 'previous'), 0) AS previous,
               coalesce(sum(a.amount) FILTER (WHERE a.measure = 'year_ago'), 0) AS year_ago, coalesce(sum(a.amount) FILTER (WHERE a.measure = year_measure), 0) AS of_year
          FROM acct._statement_amounts(p_statement, layout_name, ARRAY['amount', 'previous', 'year_ago', year_measure], p_from, p_to, p_entity, p_basis, p_fund,
                                       eliminates, p_closing, p_reversals) AS a
         GROUP BY 1, 2, 3, 4, 5, 6),
    page AS (
        SELECT DISTINCT f.entity_code, f.currency FROM figure AS f),
    report AS (
        SELECT p.entity_code, p.currency, l.line_no, l.label, l.row_kind, NULL::text AS account_code, NULL::text AS pair_code,
               f.debit, f.credit, f.amount * l.sign AS amount, f.previous * l.sign AS previous, f.year_ago * l.sign AS year_ago, f.of_year * l.sign AS of_year
          FROM page AS p CROSS JOIN acct._statement_rows(layout_name) AS l
          LEFT JOIN figure AS f ON f.entity_code = p.entity_code AND f.currency = p.currency AND f.line_no = l.line_no
        UNION ALL
        SELECT f.entity_code, f.currency, NULL, acct._statement_label(f.account_code, f.is_prior, f.pair_code),
               CASE WHEN f.pair_code IS NULL THEN 'not in the layout' ELSE 'variance' END, f.account_code, f.pair_code,
               f.debit, f.credit, f.amount, f.previous, f.year_ago, f.of_year
          FROM figure AS f
         WHERE f.line_no IS NULL AND (f.debit <> 0 OR f.credit <> 0 OR f.amount <> 0 OR f.previous <> 0 OR f.year_ago <> 0 OR f.of_year <> 0))
    SELECT r.entity_code, r.currency, r.line_no, r.label, r.row_kind, r.account_code,
           CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.debit, 0), 4) END, CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.credit, 0), 4) END,
           CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.amount, 0), 4) END, CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.previous, 0), 4) END,
           CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.year_ago, 0), 4) END, CASE WHEN r.row_kind <> 'heading' THEN round(coalesce(r.of_year, 0), 4) END
      FROM report AS r
     ORDER BY r.entity_code COLLATE "C", r.currency COLLATE "C", r.line_no, r.row_kind, r.account_code COLLATE "C", r.label, r.pair_code;
END
$$;
COMMENT ON FUNCTION acct._statement(text, date, date, text, text, text, text, boolean, boolean, boolean) IS
'The work of profit_and_loss() and balance_sheet(): of_year is the year to date, or the balance with which the year began.';

CREATE FUNCTION acct._statement_rows(p_layout text) RETURNS TABLE (line_no integer, label text, sign integer, row_kind text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT l.line_no, l.label, l.sign,
           CASE WHEN l.subtotal_of IS NOT NULL THEN 'subtotal'
                WHEN EXISTS (SELECT FROM acct.statement_account AS s WHERE s.layout = l.layout AND s.line_no = l.line_no) THEN 'accounts' ELSE 'heading' END
      FROM acct.statement_line AS l WHERE l.layout = p_layout
$$;
COMMENT ON FUNCTION acct._statement_rows(text) IS 'The lines of a layout, and of which kind each is.';

CREATE FUNCTION acct._statement_label(p_account text, p_is_prior boolean, p_pair text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN p_pair IS NOT NULL THEN format('%s: both sides differ', (SELECT e.description FROM acct.elimination_pair AS e WHERE e.pair_code = p_pair))
                ELSE coalesce((SELECT a.description FROM acct.chart_of_accounts AS a WHERE a.account_code = p_account), p_account)
                     || CASE WHEN p_is_prior THEN ', earlier years that were not closed' ELSE '' END END
$$;
COMMENT ON FUNCTION acct._statement_label(text, boolean, text) IS 'The text of a row that a layout does not have: an account, or a pair that does not eliminate itself.';

CREATE FUNCTION acct.profit_and_loss(from_month date, to_month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, layout text DEFAULT NULL,
                                     eliminations boolean DEFAULT true, closing boolean DEFAULT false, reversals boolean DEFAULT true)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric, credit numeric, amount numeric,
               previous numeric, year_ago numeric, year_to_date numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.* FROM acct._statement('profit_and_loss', $1, $2, $3, $4, $5, $6, coalesce($7, true), coalesce($8, false), coalesce($9, true)) AS s
$$;
COMMENT ON FUNCTION acct.profit_and_loss(date, date, text, text, text, text, boolean, boolean, boolean) IS
'Income and expense of some months by the lines of a layout, for each entity and currency, with the months before, the same months a year ago and the year to date. Raises 22023 (months, entity, basis, fund or layout), LE004 (the layout has a problem, or an account is in two elimination pairs).';

CREATE FUNCTION acct.balance_sheet(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, layout text DEFAULT NULL,
                                   eliminations boolean DEFAULT true, closing boolean DEFAULT true, reversals boolean DEFAULT true)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric, credit numeric, amount numeric,
               previous numeric, year_ago numeric, year_start numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.* FROM acct._statement('balance_sheet', $1, $1, $2, $3, $4, $5, coalesce($6, true), coalesce($7, true), coalesce($8, true)) AS s
$$;
COMMENT ON FUNCTION acct.balance_sheet(date, text, text, text, text, boolean, boolean, boolean) IS
'The balance sheet at the end of a month by the lines of a layout, for each entity and currency, with the month before, a year ago and the beginning of the year, and with the result of the year. Raises 22023 (month, entity, basis, fund or layout), LE004 (the layout has a problem, or an account is in two elimination pairs).';

CREATE FUNCTION acct._fund_columns(p_layout text, p_funds text[]) RETURNS TABLE (fund text, column_no integer, label text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH placed AS (
        SELECT f.fund, coalesce(f.name, x.fund) AS name, x.fund AS code,
               coalesce((SELECT c.column_no FROM acct.statement_column AS c WHERE c.layout = p_layout AND x.fund = ANY (c.funds)),
                        (SELECT c.column_no FROM acct.statement_column AS c WHERE c.layout = p_layout AND f.fund_type = ANY (c.fund_types))) AS column_no
          FROM unnest(p_funds) AS x (fund) LEFT JOIN acct.fund AS f ON f.fund = x.fund),
    last AS (
        SELECT coalesce(max(c.column_no), 0)::bigint AS column_no FROM acct.statement_column AS c WHERE c.layout = p_layout)
    SELECT p.code, p.column_no, c.label FROM placed AS p JOIN acct.statement_column AS c ON c.layout = p_layout AND c.column_no = p.column_no
    UNION ALL
    SELECT p.code, (l.column_no + row_number() OVER (ORDER BY p.code COLLATE "C"))::integer, p.name FROM placed AS p, last AS l WHERE p.column_no IS NULL
    UNION ALL
    SELECT NULL, c.column_no, c.label FROM acct.statement_column AS c
     WHERE c.layout = p_layout AND NOT EXISTS (SELECT FROM placed AS p WHERE p.column_no = c.column_no)
$$;
COMMENT ON FUNCTION acct._fund_columns(text, text[]) IS
'The columns of a fund statement, and the column of each of some funds: that which names it, that of its type, or one of its own after those of the layout. A column without a fund is there, too.';

CREATE FUNCTION acct._statement_funds(p_statement text, p_from date, p_to date, p_entity text, p_basis text, p_layout text, p_closing boolean) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    layout_name text;
BEGIN
    PERFORM acct._require_statement(p_from, p_to, p_entity, p_basis, NULL);
    layout_name := acct._statement_layout(p_statement, p_layout);
    PERFORM acct._require_single_pairs();
    RETURN ARRAY(SELECT DISTINCT f.fund FROM acct._statement_amounts(p_statement, layout_name, ARRAY['amount'], p_from, p_to, p_entity, p_basis, NULL, true, p_closing, true) AS f
                  WHERE f.fund IS NOT NULL AND f.amount <> 0 ORDER BY f.fund);
END
$$;
COMMENT ON FUNCTION acct._statement_funds(text, date, date, text, text, text, boolean) IS 'The funds for which a fund statement has columns, because they have amounts.';

CREATE FUNCTION acct._fund_statement(p_statement text, p_from date, p_to date, p_entity text, p_basis text, p_layout text, p_closing boolean, p_funds text[] DEFAULT '{}')
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, column_no integer, column_kind text, column_label text, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    layout_name text;
BEGIN
    PERFORM acct._require_statement(p_from, p_to, p_entity, p_basis, NULL);
    layout_name := acct._statement_layout(p_statement, p_layout);
    PERFORM acct._require_single_pairs();
    RETURN QUERY
    WITH figure AS MATERIALIZED (
        SELECT a.* FROM acct._statement_amounts(p_statement, layout_name, ARRAY['amount'], p_from, p_to, p_entity, p_basis, NULL, true, p_closing, true) AS a),
    fund_column AS MATERIALIZED (
        SELECT c.* FROM acct._fund_columns(layout_name, ARRAY(SELECT f.fund FROM figure AS f WHERE f.fund IS NOT NULL AND f.amount <> 0 UNION SELECT o FROM unnest(p_funds) AS o)) AS c),
    last AS (
        SELECT coalesce(max(c.column_no), 0) AS column_no FROM fund_column AS c),
    heading AS MATERIALIZED (
        SELECT DISTINCT c.column_no, 'funds' AS column_kind, c.label FROM fund_column AS c
        UNION ALL SELECT l.column_no + 1, 'eliminations', 'Eliminations' FROM last AS l
        UNION ALL SELECT l.column_no + 2, 'total', 'Total' FROM last AS l),
    placed AS MATERIALIZED (
        SELECT f.entity_code, f.currency, f.line_no, f.account_code, f.is_prior, f.pair_code, h.column_no, sum(f.amount) AS amount
          FROM figure AS f
          LEFT JOIN fund_column AS c ON c.fund = f.fund
          JOIN heading AS h ON h.column_no = c.column_no OR f.fund IS NULL AND h.column_kind = 'eliminations' OR h.column_kind = 'total'
         GROUP BY 1, 2, 3, 4, 5, 6, 7),
    page AS (
        SELECT DISTINCT f.entity_code, f.currency FROM figure AS f),
    line AS (
        SELECT p.entity_code, p.currency, l.line_no, l.label, l.row_kind, l.sign, NULL::text AS account_code, false AS is_prior, NULL::text AS pair_code
          FROM page AS p CROSS JOIN acct._statement_rows(layout_name) AS l
        UNION ALL
        SELECT DISTINCT f.entity_code, f.currency, NULL::integer, acct._statement_label(f.account_code, f.is_prior, f.pair_code),
               CASE WHEN f.pair_code IS NULL THEN 'not in the layout' ELSE 'variance' END, 1, f.account_code, f.is_prior, f.pair_code
          FROM placed AS f WHERE f.line_no IS NULL AND f.amount <> 0)
    -- Each line has each column. Added up and not joined: however many rows there are, this is one pass.
    SELECT c.entity_code, c.currency, c.line_no, c.label, c.row_kind, c.account_code, c.column_no, h.column_kind, h.label,
           CASE WHEN c.row_kind <> 'heading' THEN round(c.amount * c.sign, 4) END
      FROM (SELECT x.entity_code, x.currency, x.line_no, x.account_code, x.is_prior, x.pair_code, x.column_no,
                   max(x.label) AS label, max(x.row_kind) AS row_kind, max(x.sign) AS sign, sum(x.amount) AS amount
              FROM (SELECT l.entity_code, l.currency, l.line_no, l.account_code, l.is_prior, l.pair_code, k.column_no, l.label, l.row_kind, l.sign, 0 AS amount
                      FROM line AS l CROSS JOIN heading AS k
                    UNION ALL
                    SELECT p.entity_code, p.currency, p.line_no, p.account_code, p.is_prior, p.pair_code, p.column_no, NULL, NULL, NULL, p.amount FROM placed AS p) AS x
             GROUP BY 1, 2, 3, 4, 5, 6, 7
            -- An account without an amount has no row.
            HAVING max(x.row_kind) IS NOT NULL) AS c
      JOIN heading AS h ON h.column_no = c.column_no
     ORDER BY c.entity_code COLLATE "C", c.currency COLLATE "C", c.line_no, c.row_kind, c.account_code COLLATE "C", c.label, c.pair_code, c.column_no;
END
$$;
COMMENT ON FUNCTION acct._fund_statement(text, date, date, text, text, text, boolean, text[]) IS 'The work of fund_statement(), with columns for some funds also where they have no amount.';

CREATE FUNCTION acct._require_fund_statement(p_statement text, p_from date, p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_statement IS NULL OR p_statement NOT IN ('balance_sheet', 'profit_and_loss') THEN
        RAISE EXCEPTION 'there is no statement %', coalesce('"' || p_statement || '"', 'NULL') USING ERRCODE = '22023', HINT = 'A statement is balance_sheet or profit_and_loss.';
    ELSIF p_statement = 'balance_sheet' AND p_from <> p_month THEN
        RAISE EXCEPTION 'a balance sheet has no first month' USING ERRCODE = '22023', HINT = 'Leave out from_month.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_fund_statement(text, date, date) IS 'Raises 22023 unless there is such a statement, and it has a first month only where it may.';

CREATE FUNCTION acct.fund_statement(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', statement text DEFAULT 'balance_sheet', layout text DEFAULT NULL,
                                    from_month date DEFAULT NULL, closing boolean DEFAULT NULL)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, column_no integer, column_kind text, column_label text, amount numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_fund_statement(statement, from_month, month);
    RETURN QUERY SELECT f.* FROM acct._fund_statement(statement, coalesce(from_month, month), month, entity, basis, layout, coalesce(closing, statement = 'balance_sheet')) AS f;
END
$$;
COMMENT ON FUNCTION acct.fund_statement(date, text, text, text, text, date, boolean) IS
'A balance sheet, or a profit and loss statement of from_month (NULL: month) to month, a row for each line and column: funds, eliminations, total. Raises 22023 (months, entity, basis, statement or layout), LE004 (the layout has a problem, or an account is in two elimination pairs).';

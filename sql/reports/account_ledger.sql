-- The ledger of an account: its balance before a day, its lines with what each is for, and its balance after, a page at a time.
--
-- A balance comes from the snapshot of the month, so only lines of the months of the page are read: those before the page to know what it
-- begins with, those of the page, and one more to know whether another page follows. Nothing is kept between pages: a page begins after the key of a line.

CREATE FUNCTION acct._year_begin(p_day date, p_entity text, p_basis text) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    first_month CONSTANT integer := coalesce((SELECT b.first_year_month FROM acct.book AS b WHERE b.entity_code = p_entity AND b.basis = p_basis), 1);
BEGIN
    RETURN (date_trunc('month', p_day::timestamp) - make_interval(months => (extract(month FROM p_day)::integer - first_month + 12) % 12))::date;
END
$$;
COMMENT ON FUNCTION acct._year_begin(date, text, text) IS 'The first day of the year of a book (entity, basis) that a day lies in.';

CREATE FUNCTION acct._is_result(p_account text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT a.account_type IN ('INCOME', 'EXPENSE') FROM acct.chart_of_accounts AS a WHERE a.account_code = p_account
$$;
COMMENT ON FUNCTION acct._is_result(text) IS 'True where an account is one of income or expense, which accumulates from the start of the year.';

CREATE FUNCTION acct._account_balances(p_account text, p_month date, p_entity text, p_basis text)
RETURNS TABLE (fund text, currency text, balance numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT s.fund, s.currency, CASE WHEN s.snapshot_month = p_month THEN s.opening_balance ELSE s.closing_balance END
      FROM acct.account_balance_snapshot AS s
     WHERE s.entity_code = p_entity AND s.basis = p_basis AND s.account_code = p_account
       AND s.snapshot_month = (SELECT max(x.snapshot_month) FROM acct.account_balance_snapshot AS x
                                WHERE x.entity_code = p_entity AND x.basis = p_basis AND x.snapshot_month <= p_month)
$$;
COMMENT ON FUNCTION acct._account_balances(text, date, text, text) IS 'The balances of an account of a book before a month.';

CREATE FUNCTION acct._account_openings(p_account text, p_month date, p_entity text, p_basis text, p_fund text, p_currency text)
RETURNS TABLE (entity_code text, fund text, currency text, balance numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT b.entity_code, x.fund, x.currency, sum(x.balance)
      FROM acct.ledger_book AS b
     CROSS JOIN LATERAL (
        SELECT n.fund, n.currency, n.balance FROM acct._account_balances(p_account, p_month, b.entity_code, b.basis) AS n
        UNION ALL
        SELECT y.fund, y.currency, -y.balance FROM acct._account_balances(p_account, acct._year_begin(p_month, b.entity_code, b.basis), b.entity_code, b.basis) AS y
         WHERE acct._is_result(p_account)) AS x
     WHERE b.basis = p_basis AND (p_entity IS NULL OR b.entity_code = p_entity)
       AND (p_fund IS NULL OR x.fund = p_fund) AND (p_currency IS NULL OR x.currency = p_currency)
     GROUP BY b.entity_code, x.fund, x.currency
$$;
COMMENT ON FUNCTION acct._account_openings(text, date, text, text, text, text) IS
'The balances of an account before a month, of income and expense since the start of the year.';

CREATE FUNCTION acct._account_months(p_account text, p_from date, p_to date, p_entity text, p_basis text, p_fund text, p_currency text) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT DISTINCT s.snapshot_month
      FROM acct.account_balance_snapshot AS s
     WHERE s.basis = p_basis AND s.account_code = p_account AND s.line_count > 0
       AND s.snapshot_month BETWEEN date_trunc('month', p_from::timestamp)::date AND p_to
       AND (p_entity IS NULL OR s.entity_code = p_entity) AND (p_fund IS NULL OR s.fund = p_fund) AND (p_currency IS NULL OR s.currency = p_currency)
     ORDER BY s.snapshot_month
$$;
COMMENT ON FUNCTION acct._account_months(text, date, date, text, text, text, text) IS 'The months of some days in which an account has lines, by its balances.';

CREATE FUNCTION acct._report_table(p_parent text, p_month date) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_ledger_attached(p_month);
    RETURN acct._as_seen(coalesce(acct._partition_of(format('acct.%I', p_parent)::regclass, p_month), acct._month_rows(p_parent, p_month, false)::regclass));
END
$$;
COMMENT ON FUNCTION acct._report_table(text, date) IS
'The table of a month of the ledger''s headers or lines, in the ledger or in the archive, for a report. Raises 55000 where the month was dropped, LE010 where a partition of it is detached, 40001 where it was rewritten since the snapshot of the query.';

CREATE FUNCTION acct._account_condition() RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'x.account_code = $1 AND x.basis = $2 AND ($3 IS NULL OR x.entity_code = $3) AND ($4 IS NULL OR x.fund = $4) AND ($5 IS NULL OR x.currency = $5)'
$$;
COMMENT ON FUNCTION acct._account_condition() IS 'The condition of the lines x of an account, with parameters for account, basis, entity, fund and currency.';

CREATE FUNCTION acct._account_moved(p_account text, p_entity text, p_basis text, p_fund text, p_currency text, p_from date, p_after_date date, p_after_je_id bigint,
                                    p_after_line_no integer)
RETURNS TABLE (entity_code text, fund text, currency text, balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    begin_of CONSTANT date := coalesce(p_after_date, p_from);
    month CONSTANT date := date_trunc('month', begin_of::timestamp)::date;
BEGIN
    IF p_after_date IS NULL AND p_from = month
       OR NOT EXISTS (SELECT FROM acct._account_months(p_account, begin_of, begin_of, p_entity, p_basis, p_fund, p_currency)) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT x.entity_code COLLATE "C", x.fund COLLATE "C", x.currency COLLATE "C", sum(x.debit - x.credit) FROM %s AS x '
                                'WHERE %s AND x.je_date <= $6 AND (x.je_date < $6 OR (x.je_id, x.line_no) <= ($7, $8)) GROUP BY 1, 2, 3',
                                acct._report_table('ledger_entry_line', month), acct._account_condition())
      USING p_account, p_basis, p_entity, p_fund, p_currency, begin_of, p_after_je_id, p_after_line_no;
END
$$;
COMMENT ON FUNCTION acct._account_moved(text, text, text, text, text, date, date, bigint, integer) IS
'Amounts that the lines before a page, in the month in which it begins, add to the balances before the month.';

CREATE FUNCTION acct._account_lines(p_account text, p_from date, p_to date, p_entity text, p_basis text, p_fund text, p_currency text, p_after_date date,
                                    p_after_je_id bigint, p_after_line_no integer, p_most integer)
RETURNS TABLE (je_date date, je_id bigint, line_no integer, entity_code text, fund text, currency text, debit numeric, credit numeric, txn_id bigint, run_id bigint,
               je_number text, line_text text, journal_type text, template_code text, template_version integer, txn_month date, policy_no text, reversal_of bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    line_columns CONSTANT text[] := '{je_date,je_id,line_no,entity_code,fund,currency,debit,credit,txn_id,run_id}'::text[];
    header_columns CONSTANT text[] := '{je_date,je_id,je_number,memo,journal_type,template_code,template_version,txn_month,policy_no,reversal_of}'::text[];
    month date;
    lines regclass;
    headers regclass;
    wanted integer := p_most;
    found integer;
BEGIN
    FOR month IN SELECT m FROM acct._account_months(p_account, coalesce(p_after_date, p_from), p_to, p_entity, p_basis, p_fund, p_currency) AS m LOOP
        lines := acct._report_table('ledger_entry_line', month);
        headers := acct._report_table('ledger_entry_header', month);
        RETURN QUERY EXECUTE format($q$
            SELECT l.je_date, l.je_id, l.line_no::integer, l.entity_code, l.fund, l.currency, l.debit, l.credit, l.txn_id, l.run_id,
                   h.je_number, coalesce(t.memo, m.memo, h.memo), h.journal_type, h.template_code, h.template_version, h.txn_month, h.policy_no, h.reversal_of
              FROM (SELECT %s FROM %s AS x
                     WHERE %s AND x.je_date >= $6 AND x.je_date <= $7
                       AND ($8 IS NULL OR x.je_date > $8 OR x.je_date = $8 AND (x.je_id, x.line_no) > ($9, $10))
                     ORDER BY x.je_date, x.je_id, x.line_no LIMIT $11) AS l
              LEFT JOIN (SELECT %s FROM %s AS x) AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
              LEFT JOIN acct.journal_template_line AS t
                ON t.template_code = h.template_code AND t.version = h.template_version AND t.line_no = l.line_no AND h.journal_type <> 'correction'
              LEFT JOIN (acct.manual_journal AS j JOIN acct.manual_journal_line AS m ON m.journal_id = j.journal_id)
                ON j.je_id = CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE h.je_id END AND m.line_no = l.line_no
             ORDER BY l.je_date, l.je_id, l.line_no$q$,
            acct._column_list(lines, line_columns), lines, acct._account_condition(), acct._column_list(headers, header_columns), headers)
          USING p_account, p_basis, p_entity, p_fund, p_currency, greatest(p_from, p_after_date), p_to, p_after_date, p_after_je_id, p_after_line_no, wanted;
        GET DIAGNOSTICS found = ROW_COUNT;
        wanted := wanted - found;
        EXIT WHEN wanted <= 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._account_lines(text, date, date, text, text, text, text, date, bigint, integer, integer) IS
'The first lines of an account from a day to a day, after the key of one, with what each is for; of archived months, too.';

CREATE FUNCTION acct._require_page(p_from date, p_to date, p_after_date date, p_after_je_id bigint, p_after_line_no integer, p_most integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most CONSTANT integer := 100000;
BEGIN
    IF p_from IS NULL OR p_to IS NULL OR NOT p_from BETWEEN '0001-02-01' AND '9998-12-31' OR NOT p_to BETWEEN '0001-02-01' AND '9998-12-31' THEN
        RAISE EXCEPTION 'no days that a report can have: % to %', coalesce(p_from::text, 'NULL'), coalesce(p_to::text, 'NULL')
            USING ERRCODE = '22023', HINT = 'Name the first and the last day of the report.';
    ELSIF p_to < p_from THEN
        RAISE EXCEPTION 'the last day, %, is before the first one, %', p_to, p_from USING ERRCODE = '22023';
    ELSIF num_nulls(p_after_date, p_after_je_id, p_after_line_no) NOT IN (0, 3) THEN
        RAISE EXCEPTION 'the key of a page has a part that is NULL'
            USING ERRCODE = '22023', HINT = 'Name after_date, after_je_id and after_line_no of the last line that was read, or none of them for the first page.';
    ELSIF p_after_date NOT BETWEEN p_from AND p_to THEN
        RAISE EXCEPTION 'after_date % is not one of the days of the report', p_after_date USING ERRCODE = '22023';
    ELSIF p_most IS NULL OR p_most NOT BETWEEN 1 AND most THEN
        RAISE EXCEPTION 'max_lines is %', coalesce(p_most::text, 'NULL') USING ERRCODE = '22023', HINT = format('It is a number from 1 to %s.', most);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_page(date, date, date, bigint, integer, integer) IS 'Raises 22023 unless these are the days of a report and a page of it.';

CREATE FUNCTION acct._account_ledger(p_account text, p_from date, p_to date, p_entity text, p_basis text, p_fund text, p_currency text, p_after_date date,
                                     p_after_je_id bigint, p_after_line_no integer, p_most integer)
RETURNS TABLE (row_kind text, entity_code text, fund text, currency text, je_date date, je_number text, line_text text, debit numeric, credit numeric,
               balance numeric, journal_type text, template_code text, template_version integer, txn_id bigint, txn_month date, policy_no text,
               reversal_of bigint, run_id bigint, je_id bigint, line_no integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    begin_of CONSTANT date := coalesce(p_after_date, p_from);
    is_result boolean;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_page(p_from, p_to, p_after_date, p_after_je_id, p_after_line_no, p_most);
    PERFORM acct._require_code('account', p_account);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, p_fund);
    IF p_currency IS NOT NULL THEN
        PERFORM acct._require_code('currency', p_currency);
    END IF;
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    is_result := acct._is_result(p_account);
    RETURN QUERY
    WITH opening AS MATERIALIZED (
        SELECT o.entity_code, o.fund, o.currency, sum(o.balance) AS balance
          FROM (SELECT * FROM acct._account_openings(p_account, date_trunc('month', begin_of::timestamp)::date, p_entity, p_basis, p_fund, p_currency)
                UNION ALL
                SELECT * FROM acct._account_moved(p_account, p_entity, p_basis, p_fund, p_currency, p_from, p_after_date, p_after_je_id, p_after_line_no)) AS o
         GROUP BY 1, 2, 3),
    line AS MATERIALIZED (
        SELECT l.*, row_number() OVER (ORDER BY l.je_date, l.je_id, l.line_no) AS n,
               CASE WHEN is_result THEN acct._year_begin(l.je_date, l.entity_code, p_basis) ELSE p_from END AS year
          FROM acct._account_lines(p_account, p_from, p_to, p_entity, p_basis, p_fund, p_currency, p_after_date, p_after_je_id, p_after_line_no, p_most + 1) AS l),
    page AS (
        SELECT l.* FROM line AS l WHERE l.n <= p_most),
    stop AS (
        SELECT x.is_more, CASE WHEN x.is_more THEN (SELECT max(l.je_date) FROM page AS l) ELSE p_to END AS day
          FROM (SELECT count(*) > p_most AS is_more FROM line) AS x),
    -- What accumulates by itself: all of an account's lines, or those of a year
    part AS MATERIALIZED (
        SELECT entity_code, fund, currency, year, coalesce(o.balance, 0.0000) AS balance, coalesce(m.debit, 0.0000) AS debit, coalesce(m.credit, 0.0000) AS credit,
               y.first_year = year AS is_first, greatest(begin_of, year) AS begins,
               CASE WHEN is_result THEN least(s.day, (acct._year_begin((year + interval '1 year')::date, entity_code, p_basis) - 1)) ELSE s.day END AS ends,
               s.is_more AND (NOT is_result OR acct._year_begin(s.day, entity_code, p_basis) = year) AS is_more
          FROM (SELECT x.*, CASE WHEN is_result THEN acct._year_begin(begin_of, x.entity_code, p_basis) ELSE p_from END AS year
                  FROM opening AS x WHERE x.balance <> 0) AS o
          FULL JOIN (SELECT l.entity_code, l.fund, l.currency, l.year, sum(l.debit) AS debit, sum(l.credit) AS credit FROM page AS l GROUP BY 1, 2, 3, 4) AS m
               USING (entity_code, fund, currency, year)
         CROSS JOIN LATERAL (SELECT CASE WHEN is_result THEN acct._year_begin(begin_of, entity_code, p_basis) ELSE p_from END AS first_year) AS y
         CROSS JOIN stop AS s),
    report AS (
        SELECT 0 AS rank, CASE WHEN p.is_first AND p_after_date IS NOT NULL THEN 'brought forward' ELSE 'opening' END AS row_kind, p.entity_code, p.fund, p.currency,
               p.begins AS je_date, NULL::text AS je_number, NULL::text AS line_text, NULL::numeric AS debit, NULL::numeric AS credit, p.balance,
               NULL::text AS journal_type, NULL::text AS template_code, NULL::integer AS template_version, NULL::bigint AS txn_id, NULL::date AS txn_month,
               NULL::text AS policy_no, NULL::bigint AS reversal_of, NULL::bigint AS run_id, NULL::bigint AS je_id, NULL::integer AS line_no
          FROM part AS p
        UNION ALL
        SELECT 1, 'line', l.entity_code, l.fund, l.currency, l.je_date, l.je_number, l.line_text, l.debit, l.credit,
               p.balance + sum(l.debit - l.credit) OVER (PARTITION BY l.entity_code, l.fund, l.currency, l.year ORDER BY l.n),
               l.journal_type, l.template_code, l.template_version, l.txn_id, l.txn_month, l.policy_no, l.reversal_of, l.run_id, l.je_id, l.line_no
          FROM page AS l JOIN part AS p ON p.entity_code = l.entity_code AND p.fund = l.fund AND p.currency = l.currency AND p.year = l.year
        UNION ALL
        SELECT 2, CASE WHEN p.is_more THEN 'carried forward' ELSE 'closing' END, p.entity_code, p.fund, p.currency, p.ends, NULL, NULL, p.debit, p.credit,
               p.balance + p.debit - p.credit, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM part AS p)
    SELECT r.row_kind, r.entity_code, r.fund, r.currency, r.je_date, r.je_number, r.line_text, r.debit, r.credit, r.balance, r.journal_type, r.template_code,
           r.template_version, r.txn_id, r.txn_month, r.policy_no, r.reversal_of, r.run_id, r.je_id, r.line_no
      FROM report AS r
     ORDER BY r.je_date, r.rank, r.je_id, r.line_no, r.entity_code COLLATE "C", r.fund COLLATE "C", r.currency COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._account_ledger(text, date, date, text, text, text, text, date, bigint, integer, integer) IS 'The work of account_ledger().';

CREATE FUNCTION acct.account_ledger(account text, from_date date, to_date date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL,
                                    currency text DEFAULT NULL, after_date date DEFAULT NULL, after_je_id bigint DEFAULT NULL,
                                    after_line_no integer DEFAULT NULL, max_lines integer DEFAULT 1000)
RETURNS TABLE (row_kind text, entity_code text, fund text, currency text, je_date date, je_number text, line_text text, debit numeric, credit numeric,
               balance numeric, journal_type text, template_code text, template_version integer, txn_id bigint, txn_month date, policy_no text,
               reversal_of bigint, run_id bigint, je_id bigint, line_no integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT l.* FROM acct._account_ledger($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS l
$$;
COMMENT ON FUNCTION acct.account_ledger(text, date, date, text, text, text, text, date, bigint, integer, integer) IS
'The ledger of an account from a day to a day, in pages of max_lines: for each entity, fund and currency the opening balance, lines with text and running balance, and the closing balance. Raises 22023 (arguments), 40001 (a month was archived since the transaction took its snapshot), 55000 (a month was dropped), LE010 (a partition is detached).';

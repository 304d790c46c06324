-- Reports held against the ledger's lines: some ledgers of accounts between days and in pages as they come, some journals, and the movements of
-- each month, some balance sheets and profit and loss statements. Used by ref.compare_books().

INSERT INTO acct.statement_layout (layout, statement, description) VALUES ('REF_SHEET', 'balance_sheet', 'Has no line'), ('REF_RESULT', 'profit_and_loss', 'Has no line');

-- What a page by page reading of acct.account_ledger() gives; what it carries forward from page to page it must bring back.
CREATE FUNCTION ref.read_pages(p_account text, p_from date, p_to date, p_basis text, p_most integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    key record;
    carried jsonb;
    brought jsonb;
    is_first boolean := true;
BEGIN
    CREATE TEMPORARY TABLE ref_page AS SELECT 0 AS page, l.* FROM acct.account_ledger(p_account, p_from, p_to, basis => p_basis) AS l WHERE false;
    SELECT NULL::date AS je_date, NULL::bigint AS je_id, NULL::integer AS line_no INTO key;
    FOR n IN 1 .. 100000 LOOP
        INSERT INTO pg_temp.ref_page SELECT n, l.* FROM acct.account_ledger(p_account, p_from, p_to, NULL, p_basis, NULL, NULL, key.je_date, key.je_id, key.line_no, p_most) AS l;
        SELECT coalesce(jsonb_object_agg(concat_ws('/', x.entity_code, x.fund, x.currency), x.balance), '{}') INTO brought
          FROM pg_temp.ref_page AS x WHERE x.page = n AND x.row_kind = 'brought forward' AND x.balance <> 0;
        IF NOT is_first AND brought <> carried THEN
            RETURN NEXT format('page %s of the ledger of %s from %s to %s brings %s, not %s', n, p_account, p_from, p_to, brought, carried);
        END IF;
        SELECT coalesce(jsonb_object_agg(concat_ws('/', x.entity_code, x.fund, x.currency), x.balance), '{}') INTO carried
          FROM pg_temp.ref_page AS x WHERE x.page = n AND x.row_kind = 'carried forward' AND x.balance <> 0;
        is_first := false;
        EXIT WHEN NOT EXISTS (SELECT FROM pg_temp.ref_page AS x WHERE x.page = n AND x.row_kind = 'carried forward');
        SELECT x.je_date, x.je_id, x.line_no INTO STRICT key FROM pg_temp.ref_page AS x
         WHERE x.page = n AND x.row_kind = 'line' ORDER BY x.je_date DESC, x.je_id DESC, x.line_no DESC LIMIT 1;
    END LOOP;
END
$$;

CREATE FUNCTION ref.compare_account(p_account text, p_from date, p_to date, p_basis text, p_most integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    -- Each line with the balance after it, of income and expense since the start of the year
    lines CONSTANT text := format($q$
        SELECT l.je_date, l.je_id, l.line_no::integer AS line_no, l.entity_code, l.fund, l.currency, l.debit, l.credit,
               sum(l.debit - l.credit) OVER (PARTITION BY l.entity_code, l.fund, l.currency, y.year ORDER BY l.je_date, l.je_id, l.line_no) AS balance, y.year
          FROM acct.ledger_entry_line AS l
          JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
          LEFT JOIN acct.book AS b ON b.entity_code = l.entity_code AND b.basis = l.basis
         CROSS JOIN LATERAL (SELECT CASE WHEN a.account_type IN ('INCOME', 'EXPENSE') THEN extract(year FROM l.je_date - make_interval(months => coalesce(b.first_year_month, 1) - 1))
                                         ELSE 0 END AS year) AS y
         WHERE l.account_code = %L AND l.basis = %L AND l.je_date <= %L$q$, p_account, p_basis, p_to);
BEGIN
    RETURN QUERY SELECT p FROM ref.read_pages(p_account, p_from, p_to, p_basis, p_most) AS p;
    RETURN QUERY SELECT ref.differences(format('ledger of %s, %s, %s to %s, by %s', p_account, p_basis, p_from, p_to, p_most),
        format('SELECT x.je_date, x.je_id, x.line_no, x.entity_code::text, x.fund::text, x.currency::text, x.debit, x.credit, x.balance FROM (%s) AS x WHERE x.je_date >= %L', lines, p_from),
        $q$SELECT p.je_date, p.je_id, p.line_no, p.entity_code, p.fund, p.currency, p.debit, p.credit, p.balance FROM pg_temp.ref_page AS p WHERE p.row_kind = 'line'$q$);
    -- The balance on the last day, of the year that it lies in
    RETURN QUERY SELECT ref.differences(format('closing balances of %s, %s, %s to %s, by %s', p_account, p_basis, p_from, p_to, p_most),
        format($q$SELECT x.entity_code::text, x.fund::text, x.currency::text, sum(x.debit - x.credit) AS balance
                    FROM (%s) AS x
                    LEFT JOIN acct.book AS b ON b.entity_code = x.entity_code AND b.basis = %L
                   WHERE x.year = 0 OR x.year = extract(year FROM %L::date - make_interval(months => coalesce(b.first_year_month, 1) - 1))
                   GROUP BY 1, 2, 3 HAVING sum(x.debit - x.credit) <> 0$q$, lines, p_basis, p_to),
        format($q$SELECT p.entity_code, p.fund, p.currency, p.balance FROM pg_temp.ref_page AS p
                   WHERE p.row_kind = 'closing' AND p.je_date = %L AND p.balance <> 0 AND p.page = (SELECT max(x.page) FROM pg_temp.ref_page AS x)$q$, p_to));
    DROP TABLE pg_temp.ref_page;
END
$$;

CREATE FUNCTION ref.compare_reports() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    picked record;
    first_day date;
    months text;
BEGIN
    FOR picked IN SELECT x.account_code, x.basis, x.je_date, x.je_id FROM (SELECT l.* FROM acct.ledger_entry_line AS l ORDER BY random() LIMIT 2) AS x LOOP
        first_day := picked.je_date - ref.dice(80) + 20;
        RETURN QUERY SELECT c FROM ref.compare_account(picked.account_code, first_day, first_day + (CASE WHEN ref.one_in(3) THEN ref.dice(500) ELSE ref.dice(60) END) - 1, picked.basis,
                                                       CASE WHEN ref.one_in(4) THEN 100000
                                                            ELSE 1 + (SELECT count(*) FROM acct.ledger_entry_line AS l WHERE l.account_code = picked.account_code AND l.basis = picked.basis)::integer
                                                                     / (2 + ref.dice(6)) END) AS c;
        RETURN QUERY SELECT ref.differences('journal',
            format('SELECT l.line_no::integer, l.account_code::text, l.fund::text, l.debit, l.credit, l.line_text, l.je_number::text, l.journal_type::text, l.reversal_of FROM acct.ledger_line AS l WHERE l.je_id = %s', picked.je_id),
            format('SELECT j.line_no, j.account_code, j.fund, j.debit, j.credit, j.line_text, j.je_number, j.journal_type, j.reversal_of FROM acct.journal(%s) AS j', picked.je_id));
        RETURN QUERY SELECT ref.differences('journals that follow one',
            format('SELECT h.je_id, h.journal_type::text FROM acct.ledger_entry_header AS h WHERE h.reversal_of = %s', picked.je_id),
            format($q$SELECT DISTINCT f.je_id, f.type FROM acct.journal(%s) AS j,
                             LATERAL (SELECT j.reversed_by, 'reversal' UNION ALL SELECT c, 'correction' FROM unnest(j.corrected_by) AS c) AS f (je_id, type) WHERE f.je_id IS NOT NULL$q$, picked.je_id));
    END LOOP;
    RETURN QUERY SELECT ref.differences('movements',
        $q$SELECT l.entity_code::text, l.basis::text, date_trunc('month', l.je_date::timestamp)::date AS month, l.fund::text, l.account_code::text, l.currency::text, h.journal_type::text,
                  sum(l.debit) AS debit, sum(l.credit) AS credit, count(*) AS lines
             FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date GROUP BY 1, 2, 3, 4, 5, 6, 7$q$,
        $q$SELECT m.entity_code, b.basis::text, s.month, m.fund, m.account_code, m.currency, m.item, m.debit, m.credit, m.line_count
             FROM acct.accounting_basis AS b CROSS JOIN (SELECT DISTINCT snapshot_month AS month FROM acct.account_balance_snapshot) AS s
            CROSS JOIN LATERAL acct.movement(s.month, basis => b.basis) AS m WHERE m.item NOT LIKE '% balance'$q$);
    -- In a layout without lines each account is a row; income and expense of earlier years are another one.
    SELECT string_agg(quote_literal(x.month), ', ') INTO months
      FROM (SELECT s.month FROM (SELECT DISTINCT snapshot_month AS month FROM acct.account_balance_snapshot) AS s ORDER BY random() LIMIT 3) AS x;
    IF months IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.differences('balance sheets of ' || months,
        format($q$SELECT l.entity_code::text, l.basis::text, m.month, l.account_code::text, l.currency::text, l.account_type IN ('INCOME', 'EXPENSE') AND l.year < m.year AS is_prior, sum(l.debit - l.credit) AS amount
                    FROM (SELECT x.*, a.account_type, coalesce(b.first_year_month, 1) AS first_month, extract(year FROM x.je_date - make_interval(months => coalesce(b.first_year_month, 1) - 1)) AS year
                            FROM acct.ledger_entry_line AS x JOIN acct.chart_of_accounts AS a ON a.account_code = x.account_code
                            LEFT JOIN acct.book AS b ON b.entity_code = x.entity_code AND b.basis = x.basis) AS l
                   CROSS JOIN LATERAL (SELECT n::date AS month, extract(year FROM n::date - make_interval(months => l.first_month - 1)) AS year FROM unnest(ARRAY[%s]) AS n) AS m
                   WHERE l.je_date < m.month + interval '1 month' GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(l.debit - l.credit) <> 0$q$, months),
        format($q$SELECT s.entity_code, b.basis::text, m::date, s.account_code, s.currency, s.label LIKE '%%, earlier years that were not closed', s.amount
                    FROM unnest(ARRAY[%s]) AS m, acct.accounting_basis AS b, acct.balance_sheet(m::date, basis => b.basis, layout => 'REF_SHEET', eliminations => false) AS s WHERE s.amount <> 0$q$, months));
    RETURN QUERY SELECT ref.differences('income and expense up to each of ' || months,
        format($q$SELECT l.entity_code::text, l.basis::text, m::date, l.account_code::text, l.currency::text, sum(l.debit) AS debit, sum(l.credit) AS credit, sum(l.debit - l.credit) AS amount
                    FROM unnest(ARRAY[%s]) AS m, acct.ledger_entry_line AS l JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code AND a.account_type IN ('INCOME', 'EXPENSE')
                   WHERE l.je_date >= m::date - interval '7 months' AND l.je_date < m::date + interval '1 month' GROUP BY 1, 2, 3, 4, 5 HAVING sum(l.debit) <> 0 OR sum(l.credit) <> 0$q$, months),
        format($q$SELECT s.entity_code, b.basis::text, m::date, s.account_code, s.currency, s.debit, s.credit, s.amount
                    FROM unnest(ARRAY[%s]) AS m, acct.accounting_basis AS b, acct.profit_and_loss((m::date - interval '7 months')::date, m::date, basis => b.basis, layout => 'REF_RESULT', eliminations => false, closing => true) AS s
                   WHERE s.debit <> 0 OR s.credit <> 0$q$, months));
END
$$;

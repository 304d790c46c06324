-- acct_bi: books, their months and balances, accounts and funds.

CREATE FUNCTION acct._layout_bi_books() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct_bi.accounts AS
    SELECT a.account_code, a.description AS account_name, a.account_type, CASE WHEN a.account_type IN ('ASSET', 'EXPENSE') THEN 'DR' ELSE 'CR' END AS normal_side,
           a.fund, a.parent_account_code, p.description AS parent_account_name, a.is_postable, a.is_suspense, a.closing_account_code,
           a.effective_from, a.effective_to
      FROM acct.chart_of_accounts AS a
      LEFT JOIN acct.chart_of_accounts AS p ON p.account_code = a.parent_account_code;
    PERFORM acct._describe_view('acct_bi.accounts', '{acct.chart_of_accounts}');
    COMMENT ON VIEW acct_bi.accounts IS 'The chart of accounts.';
    COMMENT ON COLUMN acct_bi.accounts.account_name IS 'Name of the account.';
    COMMENT ON COLUMN acct_bi.accounts.normal_side IS 'Side on which its balance usually is: DR for assets and expenses, CR for others.';
    COMMENT ON COLUMN acct_bi.accounts.parent_account_name IS 'Name of the account above it; NULL: there is none.';

    CREATE OR REPLACE VIEW acct_bi.funds AS
    SELECT f.fund, f.name AS fund_name, f.fund_type, f.surplus_account_code FROM acct.fund AS f;
    PERFORM acct._describe_view('acct_bi.funds', '{acct.fund}');
    COMMENT ON VIEW acct_bi.funds IS 'Funds.';
    COMMENT ON COLUMN acct_bi.funds.fund_name IS 'Name of the fund.';

    CREATE OR REPLACE VIEW acct_bi.books AS
    SELECT k.entity_code, e.name AS entity_name, k.basis, s.description AS basis_description, e.functional_currency, e.country,
           coalesce(b.first_year_month, 1::smallint) AS first_year_month, b.closed_from, b.closed_through, m.first_month, m.last_month
      FROM (SELECT l.entity_code, l.basis FROM acct.ledger_book AS l UNION SELECT x.entity_code, x.basis FROM acct.book AS x) AS k
      LEFT JOIN acct.book AS b ON b.entity_code = k.entity_code AND b.basis = k.basis
      LEFT JOIN acct.entity AS e ON e.entity_code = k.entity_code
      LEFT JOIN acct.accounting_basis AS s ON s.basis = k.basis
     CROSS JOIN LATERAL (SELECT min(x.snapshot_month) AS first_month, max(x.snapshot_month) AS last_month FROM acct.account_balance_snapshot AS x
                          WHERE x.entity_code = k.entity_code AND x.basis = k.basis) AS m;
    PERFORM acct._describe_view('acct_bi.books', '{acct.book,acct.entity}');
    COMMENT ON VIEW acct_bi.books IS 'Books: an entity and a basis that have entries, periods or properties of their own.';
    COMMENT ON COLUMN acct_bi.books.entity_name IS 'Name of the entity; NULL: it is not registered.';
    COMMENT ON COLUMN acct_bi.books.basis_description IS 'Description of the basis.';
    COMMENT ON COLUMN acct_bi.books.first_month IS 'First month with entries, as its first day; NULL: there are none.';
    COMMENT ON COLUMN acct_bi.books.last_month IS 'Last month with entries, as its first day; NULL: there are none.';

    CREATE OR REPLACE VIEW acct_bi.calendar AS
    SELECT m.entity_code, m.basis, m.month, (m.month + interval '1 month' - interval '1 day')::date AS month_end,
           extract(year FROM m.month)::integer AS calendar_year, extract(quarter FROM m.month)::integer AS calendar_quarter,
           y.year_begin, (y.year_begin + interval '1 year' - interval '1 day')::date AS year_end,
           -- As acct._is_closed()
           coalesce(m.month <= b.closed_through, false) OR coalesce(NOT p.is_open, m.month >= b.closed_from, false) AS is_closed,
           p.changed_by, p.changed_at,
           coalesce((SELECT n.last_number FROM acct.journal_number AS n WHERE n.entity_code = m.entity_code AND n.basis = m.basis AND n.period_month = m.month), 0) AS journals,
           coalesce((SELECT sum(s.line_count)::bigint FROM acct.account_balance_snapshot AS s
                      WHERE s.entity_code = m.entity_code AND s.basis = m.basis AND s.snapshot_month = m.month), 0) AS lines,
           EXISTS (SELECT FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.month = m.month AND a.restored_at IS NULL) AS is_archived
      FROM (SELECT k.entity_code, k.basis, g.month::date AS month
              FROM acct.ledger_book AS k
             CROSS JOIN LATERAL (SELECT min(x.snapshot_month) AS first, max(x.snapshot_month) AS last FROM acct.account_balance_snapshot AS x
                                  WHERE x.entity_code = k.entity_code AND x.basis = k.basis) AS s
             CROSS JOIN LATERAL (SELECT min(x.period_month) AS first, max(x.period_month) AS last FROM acct.accounting_period AS x
                                  WHERE x.entity_code = k.entity_code AND x.basis = k.basis) AS p
             CROSS JOIN LATERAL generate_series(least(s.first, p.first)::timestamp, greatest(s.last, p.last, current_date)::timestamp, interval '1 month') AS g (month)) AS m
      LEFT JOIN acct.book AS b ON b.entity_code = m.entity_code AND b.basis = m.basis
      LEFT JOIN acct.accounting_period AS p ON p.entity_code = m.entity_code AND p.basis = m.basis AND p.period_month = m.month
     CROSS JOIN LATERAL (SELECT (m.month - make_interval(months => (12 + extract(month FROM m.month)::integer - coalesce(b.first_year_month, 1)) % 12))::date AS year_begin) AS y;
    PERFORM acct._describe_view('acct_bi.calendar', '{acct.accounting_period}');
    COMMENT ON VIEW acct_bi.calendar IS 'The months of each book, without a gap from its first one to the present one, or its last one where that is later; months without entries are among them.';
    COMMENT ON COLUMN acct_bi.calendar.month IS 'The month, as its first day.';
    COMMENT ON COLUMN acct_bi.calendar.month_end IS 'Last day of the month.';
    COMMENT ON COLUMN acct_bi.calendar.calendar_year IS 'Calendar year of the month.';
    COMMENT ON COLUMN acct_bi.calendar.calendar_quarter IS 'Quarter of that year, 1 to 4.';
    COMMENT ON COLUMN acct_bi.calendar.year_begin IS 'First day of the book''s year that the month lies in.';
    COMMENT ON COLUMN acct_bi.calendar.year_end IS 'Last day of that year.';
    COMMENT ON COLUMN acct_bi.calendar.is_closed IS 'True where the month is closed: by itself, with its year, or by default.';
    COMMENT ON COLUMN acct_bi.calendar.changed_by IS 'User who closed or opened the month last; NULL: nobody did, by itself.';
    COMMENT ON COLUMN acct_bi.calendar.changed_at IS 'When that was.';
    COMMENT ON COLUMN acct_bi.calendar.journals IS 'Number of its posted journals.';
    COMMENT ON COLUMN acct_bi.calendar.lines IS 'Number of their lines.';
    COMMENT ON COLUMN acct_bi.calendar.is_archived IS 'True where the entries of the month are in the archive, or were dropped: entries and lines do not show them, balances do.';

    -- From the newest snapshot that is not later, as acct._month_balances() does it: a month without entries keeps what was there before.
    CREATE OR REPLACE VIEW acct_bi.balances AS
    SELECT m.entity_code, m.basis, m.month, s.fund, f.name AS fund_name, s.account_code, a.description AS account_name, a.account_type, a.parent_account_code, s.currency,
           CASE WHEN s.snapshot_month = m.month THEN s.opening_balance ELSE s.closing_balance END AS opening_balance,
           CASE WHEN s.snapshot_month = m.month THEN s.period_debit ELSE 0 END AS period_debit,
           CASE WHEN s.snapshot_month = m.month THEN s.period_credit ELSE 0 END AS period_credit,
           s.closing_balance,
           CASE WHEN s.snapshot_month = m.month THEN s.period_debit - s.period_credit ELSE 0 END AS movement,
           CASE WHEN a.account_type IN ('ASSET', 'EXPENSE') THEN s.closing_balance ELSE -s.closing_balance END AS natural_balance,
           CASE WHEN s.snapshot_month = m.month THEN s.line_count ELSE 0 END AS line_count,
           coalesce(e.amount, 0) AS closing_entries
      FROM (SELECT k.entity_code, k.basis, g.month::date AS month
              FROM acct.ledger_book AS k
             CROSS JOIN LATERAL (SELECT min(x.snapshot_month) AS first, max(x.snapshot_month) AS last FROM acct.account_balance_snapshot AS x
                                  WHERE x.entity_code = k.entity_code AND x.basis = k.basis) AS s
             CROSS JOIN LATERAL generate_series(s.first::timestamp, greatest(s.last, current_date)::timestamp, interval '1 month') AS g (month)) AS m
     CROSS JOIN LATERAL (SELECT max(x.snapshot_month) AS month FROM acct.account_balance_snapshot AS x
                          WHERE x.entity_code = m.entity_code AND x.basis = m.basis AND x.snapshot_month <= m.month) AS n
      JOIN acct.account_balance_snapshot AS s ON s.entity_code = m.entity_code AND s.basis = m.basis AND s.snapshot_month = n.month
       AND (s.snapshot_month = m.month OR s.closing_balance <> 0)
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = s.account_code
      LEFT JOIN acct.fund AS f ON f.fund = s.fund
      -- As acct._closing_totals(), of all months; not read where a query does not ask for it
      LEFT JOIN (SELECT t.entity_code, t.basis, t.je_month, t.fund, t.account_code, t.currency, sum(t.debit - t.credit) AS amount
                   FROM acct.journal_run AS c
                   JOIN acct.journal_run AS r ON r.run_id = c.run_id OR r.origin_run = c.run_id AND r.kind = 'reversal'
                   JOIN acct.journal_run_total AS t ON t.run_id = r.run_id
                  WHERE c.kind = 'closing' AND r.status IN ('posted', 'reversed')
                  GROUP BY t.entity_code, t.basis, t.je_month, t.fund, t.account_code, t.currency) AS e
        ON e.entity_code = m.entity_code AND e.basis = m.basis AND e.je_month = m.month AND e.fund = s.fund AND e.account_code = s.account_code AND e.currency = s.currency;
    PERFORM acct._describe_view('acct_bi.balances', '{acct.account_balance_snapshot,acct.chart_of_accounts}');
    COMMENT ON VIEW acct_bi.balances IS 'The trial balance of each month of each book, as acct.trial_balance() has it: a row for each fund, account and currency with lines in the month or a balance before it. Archived months are among them; the lines of the ledger are not read.';
    COMMENT ON COLUMN acct_bi.balances.month IS 'The month, as its first day.';
    COMMENT ON COLUMN acct_bi.balances.fund_name IS 'Name of the fund.';
    COMMENT ON COLUMN acct_bi.balances.account_name IS 'Name of the account.';
    COMMENT ON COLUMN acct_bi.balances.movement IS 'Debits of the month less its credits.';
    COMMENT ON COLUMN acct_bi.balances.natural_balance IS 'Closing balance as people say it: positive where the account is on its normal side, debit for assets and expenses, credit for others.';
    COMMENT ON COLUMN acct_bi.balances.line_count IS 'Number of lines in the month.';
    COMMENT ON COLUMN acct_bi.balances.closing_entries IS 'The part of the movement that comes from the closing entries of a year, and from their reversals. Subtract it to see what a month brought in income and expense.';

    CREATE OR REPLACE VIEW acct_bi.archived_months AS
    SELECT a.table_name, a.month, a.rows, a.journals, a.debit, a.credit, a.archived_by, a.archived_at, a.exported_at, a.verified_at, a.dropped_at, a.restored_at
      FROM acct.archived_partition AS a;
    PERFORM acct._describe_view('acct_bi.archived_months', '{acct.archived_partition}');
    COMMENT ON VIEW acct_bi.archived_months IS 'Months of transactions and of the ledger that were archived, and what became of them.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi_books() IS 'The part of _layout_bi() that creates books, their calendar and balances, accounts and funds.';

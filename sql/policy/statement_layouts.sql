-- Layouts of statements: which lines a profit and loss statement or a balance sheet has, which accounts each of them takes, and how funds
-- are put into columns. They are policy, changed by releases. An account is in one line at most; what no line takes, the statement reports.

CREATE FUNCTION acct._layout_statements() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    -- Since layout 5.
    CREATE TABLE IF NOT EXISTS acct.statement_layout (
        layout text COLLATE "C" NOT NULL,
        statement text COLLATE "C" NOT NULL,
        description text NOT NULL,
        is_default boolean NOT NULL DEFAULT false,
        CONSTRAINT statement_layout_pkey PRIMARY KEY (layout),
        CONSTRAINT chk_layout_length CHECK (octet_length(layout) <= 100),
        CONSTRAINT chk_layout_statement CHECK (statement IN ('profit_and_loss', 'balance_sheet'))
    );
    CREATE TABLE IF NOT EXISTS acct.statement_line (
        layout text COLLATE "C" NOT NULL,
        line_no integer NOT NULL,
        label text NOT NULL,
        sign integer NOT NULL DEFAULT 1,
        subtotal_of integer[],
        CONSTRAINT statement_line_pkey PRIMARY KEY (layout, line_no),
        CONSTRAINT statement_line_layout_fkey FOREIGN KEY (layout) REFERENCES acct.statement_layout,
        CONSTRAINT chk_line_no CHECK (line_no > 0),
        CONSTRAINT chk_line_label CHECK (btrim(label) <> ''),
        CONSTRAINT chk_line_sign CHECK (sign IN (1, -1)),
        CONSTRAINT chk_line_subtotal CHECK (subtotal_of <> '{}' AND array_position(subtotal_of, NULL) IS NULL)
    );
    CREATE TABLE IF NOT EXISTS acct.statement_account (
        layout text COLLATE "C" NOT NULL,
        line_no integer NOT NULL,
        selection_no integer NOT NULL,
        account_type text COLLATE "C",
        from_account text COLLATE "C",
        to_account text COLLATE "C",
        parent_account_code text COLLATE "C",
        fund text COLLATE "C",
        CONSTRAINT statement_account_pkey PRIMARY KEY (layout, line_no, selection_no),
        CONSTRAINT statement_account_line_fkey FOREIGN KEY (layout, line_no) REFERENCES acct.statement_line,
        CONSTRAINT statement_account_parent_fkey FOREIGN KEY (parent_account_code) REFERENCES acct.chart_of_accounts,
        CONSTRAINT statement_account_fund_fkey FOREIGN KEY (fund) REFERENCES acct.fund,
        CONSTRAINT chk_selection_no CHECK (selection_no > 0),
        CONSTRAINT chk_selection_type CHECK (account_type IN ('ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE', 'RESULT', 'PRIOR_RESULT')),
        CONSTRAINT chk_selection_some CHECK (num_nonnulls(account_type, from_account, parent_account_code) > 0),
        CONSTRAINT chk_selection_range CHECK (to_account IS NULL OR from_account IS NOT NULL AND from_account <= to_account)
    );
    CREATE TABLE IF NOT EXISTS acct.statement_column (
        layout text COLLATE "C" NOT NULL,
        column_no integer NOT NULL,
        label text NOT NULL,
        fund_types text[] COLLATE "C",
        funds text[] COLLATE "C",
        CONSTRAINT statement_column_pkey PRIMARY KEY (layout, column_no),
        CONSTRAINT statement_column_layout_fkey FOREIGN KEY (layout) REFERENCES acct.statement_layout,
        CONSTRAINT chk_column_no CHECK (column_no > 0),
        CONSTRAINT chk_column_label CHECK (btrim(label) <> ''),
        CONSTRAINT chk_column_types CHECK (fund_types <@ ARRAY['PARTICIPANT_RISK', 'PARTICIPANT_INVESTMENT', 'OPERATOR', 'OTHER']),
        CONSTRAINT chk_column_funds CHECK (coalesce(cardinality(fund_types), 0) + coalesce(cardinality(funds), 0) > 0 AND array_position(funds, NULL) IS NULL)
    );
    FOREACH t IN ARRAY ARRAY['statement_layout', 'statement_line', 'statement_account', 'statement_column'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_statements() IS 'The part of install() that creates the tables of statements'' layouts.';

CREATE FUNCTION acct._comment_statements() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.statement_layout IS 'Layouts of profit and loss statements and balance sheets. Changed by releases.';
    COMMENT ON COLUMN acct.statement_layout.layout IS 'Code of the layout.';
    COMMENT ON COLUMN acct.statement_layout.statement IS 'Statement that it is of: profit_and_loss or balance_sheet.';
    COMMENT ON COLUMN acct.statement_layout.description IS 'Purpose of the layout.';
    COMMENT ON COLUMN acct.statement_layout.is_default IS 'True of the layout that a statement has where no layout is named: one for each statement.';

    COMMENT ON TABLE acct.statement_line IS 'Lines of layouts: subtotals, lines that take accounts, and headings, which do neither. Changed by releases.';
    COMMENT ON COLUMN acct.statement_line.layout IS 'Layout of the line.';
    COMMENT ON COLUMN acct.statement_line.line_no IS 'Number of the line, in the order of the statement.';
    COMMENT ON COLUMN acct.statement_line.label IS 'Text of the line.';
    COMMENT ON COLUMN acct.statement_line.sign IS '1 shows debit balances as positive amounts, -1 credit balances; subtotals add balances, whatever the signs of their lines.';
    COMMENT ON COLUMN acct.statement_line.subtotal_of IS 'Lines that a subtotal adds up, by their numbers; NULL: the line is no subtotal.';

    COMMENT ON TABLE acct.statement_account IS 'Accounts that a line of a layout takes: those that fulfil all conditions of one of its selections. Changed by releases.';
    COMMENT ON COLUMN acct.statement_account.layout IS 'Layout of the line.';
    COMMENT ON COLUMN acct.statement_account.line_no IS 'Line that takes the accounts.';
    COMMENT ON COLUMN acct.statement_account.selection_no IS 'Number of the selection within the line.';
    COMMENT ON COLUMN acct.statement_account.account_type IS 'Accounts of a type, or NULL: any. RESULT is income and expense of the year alone, PRIOR_RESULT that of earlier years that were not closed.';
    COMMENT ON COLUMN acct.statement_account.from_account IS 'First account of a range of codes, by the bytes of the codes; NULL: any.';
    COMMENT ON COLUMN acct.statement_account.to_account IS 'Last account of the range; NULL: from_account alone.';
    COMMENT ON COLUMN acct.statement_account.parent_account_code IS 'An account, which is taken with all accounts below it; NULL: any.';
    COMMENT ON COLUMN acct.statement_account.fund IS 'Fund whose balances on the accounts are taken; NULL: those of every fund.';

    COMMENT ON TABLE acct.statement_column IS 'Columns of a fund statement, each with some funds; where a layout has none, each fund is a column. Changed by releases.';
    COMMENT ON COLUMN acct.statement_column.layout IS 'Layout of the column.';
    COMMENT ON COLUMN acct.statement_column.column_no IS 'Number of the column, in the order of the statement.';
    COMMENT ON COLUMN acct.statement_column.label IS 'Heading of the column.';
    COMMENT ON COLUMN acct.statement_column.fund_types IS 'Types whose funds are in the column, unless another column names the fund itself.';
    COMMENT ON COLUMN acct.statement_column.funds IS 'Funds that are in the column.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_statements() IS 'The part of install() that describes the objects of statement_layouts.sql.';

CREATE FUNCTION acct._statement_accounts(p_layout text)
RETURNS TABLE (layout text, line_no integer, account_code text, fund text, is_prior boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH RECURSIVE below AS (
        SELECT DISTINCT s.parent_account_code AS parent, s.parent_account_code AS account_code FROM acct.statement_account AS s
         WHERE s.parent_account_code IS NOT NULL AND (p_layout IS NULL OR s.layout = p_layout)
        UNION
        SELECT b.parent, a.account_code FROM below AS b JOIN acct.chart_of_accounts AS a ON a.parent_account_code = b.account_code)
    SELECT DISTINCT s.layout, s.line_no, a.account_code, f.fund, s.account_type = 'PRIOR_RESULT' IS TRUE
      FROM acct.statement_account AS s
     CROSS JOIN LATERAL (
        SELECT b.account_code FROM below AS b WHERE b.parent = s.parent_account_code
        UNION ALL
        SELECT c.account_code FROM acct.chart_of_accounts AS c WHERE s.parent_account_code IS NULL) AS x
      JOIN acct.chart_of_accounts AS a ON a.account_code = x.account_code
       AND (s.account_type IS NULL OR a.account_type = s.account_type OR s.account_type IN ('RESULT', 'PRIOR_RESULT') AND a.account_type IN ('INCOME', 'EXPENSE'))
       AND (s.from_account IS NULL OR a.account_code BETWEEN s.from_account AND coalesce(s.to_account, s.from_account))
      JOIN acct.fund AS f ON (s.fund IS NULL OR f.fund = s.fund) AND (a.fund IS NULL OR f.fund = a.fund)
     WHERE p_layout IS NULL OR s.layout = p_layout
$$;
COMMENT ON FUNCTION acct._statement_accounts(text) IS
'The accounts, in each fund that they can have a balance in, that lines of a layout (NULL: of all layouts) take. is_prior: of income and expense, what earlier years that were not closed have left.';

CREATE FUNCTION acct._statement_parts(p_layout text) RETURNS TABLE (layout text, total integer, part integer, line_no integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Also of lines in a circle, and that do not exist: UNION ends.
    WITH RECURSIVE reached AS (
        SELECT l.layout, l.line_no AS at, l.line_no FROM acct.statement_line AS l WHERE p_layout IS NULL OR l.layout = p_layout
        UNION
        SELECT r.layout, r.at, x.part FROM reached AS r JOIN acct.statement_line AS l ON l.layout = r.layout AND l.line_no = r.line_no
         CROSS JOIN LATERAL unnest(l.subtotal_of) AS x (part))
    SELECT l.layout, l.line_no, x.part, coalesce(r.line_no, x.part)
      FROM acct.statement_line AS l CROSS JOIN LATERAL unnest(l.subtotal_of) AS x (part)
      LEFT JOIN reached AS r ON r.layout = l.layout AND r.at = x.part
     WHERE p_layout IS NULL OR l.layout = p_layout
$$;
COMMENT ON FUNCTION acct._statement_parts(text) IS
'The subtotals of a layout (NULL: of all layouts), each with the lines that it names as part, and with all lines that these come down to, themselves included.';

CREATE FUNCTION acct._lines_left_out(p_layout text) RETURNS TABLE (layout text, line_no integer, total integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A profit and loss comes to one result: the subtotal of most lines.
    WITH line AS MATERIALIZED (
        SELECT DISTINCT s.layout, s.line_no FROM acct.statement_account AS s WHERE p_layout IS NULL OR s.layout = p_layout),
    part AS MATERIALIZED (
        SELECT DISTINCT p.layout, p.total, p.line_no FROM acct._statement_parts(p_layout) AS p JOIN line AS l ON l.layout = p.layout AND l.line_no = p.line_no),
    result AS (
        SELECT DISTINCT ON (x.layout) x.layout, x.total
          FROM (SELECT p.layout, p.total, count(*) AS lines FROM part AS p GROUP BY 1, 2) AS x JOIN acct.statement_layout AS y ON y.layout = x.layout AND y.statement = 'profit_and_loss'
         ORDER BY x.layout, x.lines DESC, x.total DESC)
    SELECT l.layout, l.line_no, CASE WHEN EXISTS (SELECT FROM part AS p WHERE p.layout = l.layout AND p.line_no = l.line_no) THEN r.total END
      FROM line AS l LEFT JOIN result AS r ON r.layout = l.layout
     WHERE EXISTS (SELECT FROM part AS p WHERE p.layout = l.layout)
       AND NOT EXISTS (SELECT FROM part AS p WHERE p.layout = l.layout AND p.line_no = l.line_no AND p.total = coalesce(r.total, p.total))
$$;
COMMENT ON FUNCTION acct._lines_left_out(text) IS
'Lines with accounts of a layout (NULL: of all layouts) that has subtotals and adds them up in none (total: NULL), or not in the result of a profit and loss (total: its line).';

CREATE FUNCTION acct._statement_problems(p_layout text) RETURNS TABLE (layout text, account_code text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH part AS MATERIALIZED (
        SELECT p.* FROM acct._statement_parts(p_layout) AS p),
    fault AS (
        SELECT l.layout, NULL::text AS account_code, format('line %s is a subtotal and takes accounts', l.line_no) AS problem
          FROM acct.statement_line AS l
         WHERE l.subtotal_of IS NOT NULL AND EXISTS (SELECT FROM acct.statement_account AS s WHERE s.layout = l.layout AND s.line_no = l.line_no)
        UNION ALL
        SELECT DISTINCT p.layout, NULL, format('line %s adds up line %s, which does not exist', p.total, p.part) FROM part AS p
         WHERE NOT EXISTS (SELECT FROM acct.statement_line AS l WHERE l.layout = p.layout AND l.line_no = p.part)
        UNION ALL
        SELECT p.layout, NULL, format('subtotals lead in a circle: lines %s', acct._first_of(array_agg(DISTINCT p.total::text))) FROM part AS p
         WHERE p.line_no = p.total GROUP BY p.layout
        UNION ALL
        SELECT x.layout, NULL, format('line %s adds up line %s twice', x.total, min(x.line_no))
          FROM (SELECT p.layout, p.total, p.line_no FROM part AS p GROUP BY 1, 2, 3
                HAVING count(DISTINCT p.part) > 1 OR count(*) > 1 AND bool_or(p.part = p.line_no)) AS x
         GROUP BY x.layout, x.total
        UNION ALL
        SELECT x.layout, x.account_code, format('account %s is taken by lines %s', x.account_code, string_agg(DISTINCT x.line_no::text, ' and '))
          FROM (SELECT a.layout, a.account_code, a.line_no, count(*) OVER (PARTITION BY a.layout, a.account_code, a.fund, a.is_prior) AS lines FROM acct._statement_accounts(p_layout) AS a) AS x
         WHERE x.lines > 1 GROUP BY x.layout, x.account_code
        UNION ALL
        SELECT s.layout, s.from_account, format('line %s takes account %s, which does not exist', s.line_no, s.from_account) FROM acct.statement_account AS s
         WHERE s.to_account IS NULL AND s.from_account IS NOT NULL AND NOT EXISTS (SELECT FROM acct.chart_of_accounts AS a WHERE a.account_code = s.from_account)
        UNION ALL
        SELECT s.layout, NULL, format('line %s takes accounts of type %s, which a profit_and_loss does not have', s.line_no, s.account_type)
          FROM acct.statement_account AS s JOIN acct.statement_layout AS y ON y.layout = s.layout AND y.statement = 'profit_and_loss'
         WHERE s.account_type IN ('ASSET', 'LIABILITY', 'EQUITY', 'PRIOR_RESULT')
        UNION ALL
        SELECT c.layout, NULL, format('fund %s of column %s does not exist', f.fund, c.column_no)
          FROM acct.statement_column AS c CROSS JOIN LATERAL unnest(c.funds) AS f (fund)
         WHERE NOT EXISTS (SELECT FROM acct.fund AS x WHERE x.fund = f.fund)
        UNION ALL
        SELECT c.layout, NULL, format('%s %s is in two columns', x.noun, x.code)
          FROM acct.statement_column AS c
         CROSS JOIN LATERAL (SELECT 'fund' AS noun, f FROM unnest(c.funds) AS f UNION ALL SELECT 'fund type', t FROM unnest(c.fund_types) AS t) AS x (noun, code)
         GROUP BY c.layout, x.noun, x.code HAVING count(*) > 1
        UNION ALL
        SELECT y.layout, NULL, CASE WHEN d.defaults = 0 THEN format('none of the layouts of %s is the default', y.statement)
                                    ELSE format('%s layouts of %s are the default', d.defaults, y.statement) END
          FROM acct.statement_layout AS y
          JOIN (SELECT x.statement, count(*) FILTER (WHERE x.is_default) AS defaults FROM acct.statement_layout AS x GROUP BY x.statement
                HAVING count(*) > 1 AND count(*) FILTER (WHERE x.is_default) <> 1) AS d ON d.statement = y.statement)
    SELECT f.layout, f.account_code, format('layout %s: %s', f.layout, f.problem) FROM fault AS f WHERE p_layout IS NULL OR f.layout = p_layout ORDER BY 1, 3;
END
$$;
COMMENT ON FUNCTION acct._statement_problems(text) IS
'Problems of a layout (NULL: of all of them), a row for each, with the account that it concerns.';

CREATE FUNCTION acct._layouts_of_release(p_release bigint) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.layout FROM acct.statement_layout_draft AS d WHERE d.release_id = p_release
    UNION SELECT d.layout FROM acct.statement_line_draft AS d WHERE d.release_id = p_release
    UNION SELECT d.layout FROM acct.statement_account_draft AS d WHERE d.release_id = p_release
    UNION SELECT d.layout FROM acct.statement_column_draft AS d WHERE d.release_id = p_release
    -- Another one may be the default now, or none.
    UNION SELECT y.layout FROM acct.statement_layout AS y JOIN acct.statement_layout_draft AS d ON d.statement = y.statement WHERE d.release_id = p_release
$$;
COMMENT ON FUNCTION acct._layouts_of_release(bigint) IS 'The layouts of statements that a release changes.';

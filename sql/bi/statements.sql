-- acct_bi: the statements of each month of each book, by each layout.

CREATE FUNCTION acct._layout_bi_statements() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    v text;
BEGIN
    -- A condition on layout, book or month keeps the other statements from being made.
    CREATE OR REPLACE VIEW acct_bi.profit_and_loss AS
    SELECT y.layout, y.is_default, c.entity_code, c.basis, c.month, s.currency, s.line_no, s.label, s.row_kind, s.account_code, s.amount, s.previous, s.year_ago, s.year_to_date
      FROM acct.statement_layout AS y
     CROSS JOIN acct_bi.calendar AS c
     CROSS JOIN LATERAL acct.profit_and_loss(c.month, c.month, c.entity_code, c.basis, NULL, y.layout) AS s
     WHERE y.statement = 'profit_and_loss';
    CREATE OR REPLACE VIEW acct_bi.balance_sheet AS
    SELECT y.layout, y.is_default, c.entity_code, c.basis, c.month, s.currency, s.line_no, s.label, s.row_kind, s.account_code, s.amount, s.previous, s.year_ago, s.year_start
      FROM acct.statement_layout AS y
     CROSS JOIN acct_bi.calendar AS c
     CROSS JOIN LATERAL acct.balance_sheet(c.month, c.entity_code, c.basis, NULL, y.layout) AS s
     WHERE y.statement = 'balance_sheet';
    CREATE OR REPLACE VIEW acct_bi.fund_statement AS
    SELECT y.statement, y.layout, y.is_default, c.entity_code, c.basis, c.month, s.currency, s.line_no, s.label, s.row_kind, s.account_code,
           s.column_no, s.column_kind, s.column_label, s.amount
      FROM acct.statement_layout AS y
     CROSS JOIN acct_bi.calendar AS c
     CROSS JOIN LATERAL acct.fund_statement(c.month, c.entity_code, c.basis, y.statement, y.layout) AS s;
    FOR v IN SELECT unnest('{acct_bi.profit_and_loss,acct_bi.balance_sheet,acct_bi.fund_statement}'::text[]) LOOP
        PERFORM acct._describe_view(v::regclass, '{acct.statement_layout,acct_bi.calendar,acct.account_balance_snapshot}');
        EXECUTE format('COMMENT ON COLUMN %s.line_no IS %L', v, 'Number of the line in the layout; NULL: the layout has no such line, see row_kind.');
        EXECUTE format('COMMENT ON COLUMN %s.label IS %L', v, 'Text of the line.');
        EXECUTE format('COMMENT ON COLUMN %s.row_kind IS %L', v, 'Kind of the row: heading, accounts or subtotal; not in the layout (an account that no line takes) or variance (a pair of accounts that does not eliminate itself).');
        EXECUTE format('COMMENT ON COLUMN %s.account_code IS %L', v, 'Account that is not in the layout; NULL: the row is a line.');
        EXECUTE format('COMMENT ON COLUMN %s.currency IS %L', v, 'Currency of the amounts.');
    END LOOP;
    COMMENT ON VIEW acct_bi.profit_and_loss IS 'Income and expense of each month of each book, by the lines of each layout, before closing entries, as acct.profit_and_loss() returns them. Each statement is made when it is read: name layout or is_default, entity_code, basis and month.';
    COMMENT ON COLUMN acct_bi.profit_and_loss.amount IS 'Amount of the month, with the sign that the layout gives the line; NULL: the line is a heading.';
    COMMENT ON COLUMN acct_bi.profit_and_loss.previous IS 'Amount of the month before.';
    COMMENT ON COLUMN acct_bi.profit_and_loss.year_ago IS 'Amount of the same month a year ago.';
    COMMENT ON COLUMN acct_bi.profit_and_loss.year_to_date IS 'Amount from the beginning of the book''s year to the end of the month.';
    COMMENT ON VIEW acct_bi.balance_sheet IS 'The balance sheet of each book at the end of each month, by the lines of each layout, as acct.balance_sheet() returns it. Each statement is made when it is read: name layout or is_default, entity_code, basis and month.';
    COMMENT ON COLUMN acct_bi.balance_sheet.amount IS 'Balance at the end of the month, with the sign that the layout gives the line; NULL: the line is a heading.';
    COMMENT ON COLUMN acct_bi.balance_sheet.previous IS 'Balance at the end of the month before.';
    COMMENT ON COLUMN acct_bi.balance_sheet.year_ago IS 'Balance at the end of the same month a year ago.';
    COMMENT ON COLUMN acct_bi.balance_sheet.year_start IS 'Balance with which the book''s year began.';
    COMMENT ON VIEW acct_bi.fund_statement IS 'The same statements with a column for each fund, eliminations and the total, as acct.fund_statement() returns them: a row for each line and column, for tools to pivot.';
    COMMENT ON COLUMN acct_bi.fund_statement.column_no IS 'Place of the column.';
    COMMENT ON COLUMN acct_bi.fund_statement.column_kind IS 'Kind of the column: funds, eliminations or total.';
    COMMENT ON COLUMN acct_bi.fund_statement.column_label IS 'Text over the column.';
    COMMENT ON COLUMN acct_bi.fund_statement.amount IS 'Amount of the line in the column; NULL: the line is a heading.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi_statements() IS 'The part of _layout_bi() that creates the views of statements.';

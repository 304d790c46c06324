-- Layouts of statements for the sample policy, after AAOIFI FAS 42, with a column for each fund, and in a variant with two columns.

CREATE FUNCTION acct._sample_statement_lines() RETURNS TABLE (statement text, line_no integer, label text, sign integer, subtotal_of integer[], accounts text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Accounts: a code, a range (2210-2212), an account with those below it (1120+), or a type
    VALUES
        ('balance_sheet', 100, 'Assets', 1, NULL::integer[], NULL),
        ('balance_sheet', 110, 'Cash and bank balances', 1, NULL, '1110 2110 3110 4110'),
        ('balance_sheet', 120, 'Retakaful assets', 1, NULL, '2130'),
        ('balance_sheet', 130, 'Qard to the participants'' takaful fund', 1, NULL, '1130'),
        ('balance_sheet', 140, 'Due from other funds', 1, NULL, '1120+ 2120+ 3120+ 4120+'),
        ('balance_sheet', 190, 'Total assets', 1, '{110,120,130,140}', NULL),
        ('balance_sheet', 200, 'Liabilities', -1, NULL, NULL),
        ('balance_sheet', 210, 'Provision for unearned contributions', -1, NULL, '2210-2212 3210'),
        ('balance_sheet', 220, 'Outstanding claims', -1, NULL, '2240'),
        ('balance_sheet', 230, 'Payable to retakaful operators', -1, NULL, '2250'),
        ('balance_sheet', 240, 'Surplus due to participants', -1, NULL, '2260'),
        ('balance_sheet', 250, 'Participants'' investment accounts', -1, NULL, '4210-4211'),
        ('balance_sheet', 260, 'Deferred wakala fee (ujrah)', -1, NULL, '1210'),
        ('balance_sheet', 270, 'Other payables', -1, NULL, '1230-1250'),
        ('balance_sheet', 280, 'Qard from the operator', -1, NULL, '2230'),
        ('balance_sheet', 285, 'Due to other funds', -1, NULL, '1220+ 2220+ 3220+ 4220+'),
        ('balance_sheet', 290, 'Total liabilities', -1, '{210,220,230,240,250,260,270,280,285}', NULL),
        ('balance_sheet', 300, 'Equity and participants'' funds', -1, NULL, NULL),
        ('balance_sheet', 310, 'Owners'' equity', -1, NULL, '1300+'),
        ('balance_sheet', 320, 'Equity of the participants'' takaful funds', -1, NULL, '2300+ 3300+'),
        ('balance_sheet', 330, 'Equity of the participants'' investment fund', -1, NULL, '4300+'),
        ('balance_sheet', 340, 'Result of the year', -1, NULL, 'RESULT'),
        ('balance_sheet', 350, 'Result of earlier years that were not closed', -1, NULL, 'PRIOR_RESULT'),
        ('balance_sheet', 390, 'Total equity and participants'' funds', -1, '{310,320,330,340,350}', NULL),
        ('balance_sheet', 400, 'Total liabilities, equity and participants'' funds', -1, '{290,390}', NULL),

        ('profit_and_loss', 100, 'Takaful operations', -1, NULL, NULL),
        ('profit_and_loss', 110, 'Takaful contributions earned', -1, NULL, '2410'),
        ('profit_and_loss', 120, 'Retakaful contributions', -1, NULL, '2520'),
        ('profit_and_loss', 130, 'Retakaful commission', -1, NULL, '2420'),
        ('profit_and_loss', 190, 'Net contributions', -1, '{110,120,130}', NULL),
        ('profit_and_loss', 210, 'Claims incurred', -1, NULL, '2510'),
        ('profit_and_loss', 220, 'Retakaful share of claims', -1, NULL, '2430'),
        ('profit_and_loss', 290, 'Net claims', -1, '{210,220}', NULL),
        ('profit_and_loss', 300, 'Underwriting surplus or deficit', -1, '{190,290}', NULL),
        ('profit_and_loss', 400, 'Investment of participants'' savings', -1, NULL, NULL),
        ('profit_and_loss', 410, 'Investment income', -1, NULL, '4410'),
        ('profit_and_loss', 420, 'Losses borne by participants', -1, NULL, '4420'),
        ('profit_and_loss', 430, 'Income distributed', -1, NULL, '4510'),
        ('profit_and_loss', 490, 'Undistributed investment income', -1, '{410,420,430}', NULL),
        ('profit_and_loss', 500, 'Operator', -1, NULL, NULL),
        ('profit_and_loss', 510, 'Wakala fee (ujrah) earned', -1, NULL, '1410'),
        ('profit_and_loss', 520, 'Mudarib''s share of investment income', -1, NULL, '1430'),
        ('profit_and_loss', 530, 'Share of underwriting surplus', -1, NULL, '1440'),
        ('profit_and_loss', 540, 'Other fees', -1, NULL, '1420'),
        ('profit_and_loss', 550, 'Acquisition cost', -1, NULL, '1510'),
        ('profit_and_loss', 590, 'Operator''s result', -1, '{510,520,530,540,550}', NULL),
        ('profit_and_loss', 600, 'Result of all funds', -1, '{300,490,590}', NULL)
$$;
COMMENT ON FUNCTION acct._sample_statement_lines() IS 'The lines of the statements of the takaful sample.';

CREATE FUNCTION acct._install_sample_statements() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    fresh text[];
BEGIN
    WITH made AS (
        INSERT INTO acct.statement_layout AS y (layout, statement, description, is_default)
        SELECT v.prefix || s.suffix, s.statement, s.title || v.variant,
               v.is_default AND NOT EXISTS (SELECT FROM acct.statement_layout AS o WHERE o.statement = s.statement AND o.is_default)
          FROM (VALUES ('FAS42_', ', after AAOIFI FAS 42', true), ('TWO_COLUMN_', ', participants and operator', false)) AS v (prefix, variant, is_default),
               (VALUES ('BALANCE_SHEET', 'balance_sheet', 'Statement of financial position'), ('PROFIT_AND_LOSS', 'profit_and_loss', 'Statement of income')) AS s (suffix, statement, title)
        ON CONFLICT DO NOTHING
        RETURNING y.layout)
    SELECT coalesce(array_agg(m.layout), '{}') INTO fresh FROM made AS m;
    -- A layout that somebody else has made keeps the lines that it has.
    INSERT INTO acct.statement_line (layout, line_no, label, sign, subtotal_of)
    SELECT y.layout, l.line_no, l.label, l.sign, l.subtotal_of
      FROM acct.statement_layout AS y JOIN acct._sample_statement_lines() AS l ON l.statement = y.statement WHERE y.layout = ANY (fresh);
    INSERT INTO acct.statement_account (layout, line_no, selection_no, account_type, from_account, to_account, parent_account_code)
    SELECT y.layout, l.line_no, a.n, CASE WHEN a.item ~ '^[A-Z_]+$' THEN a.item END, CASE WHEN a.item ~ '^[0-9]+(-|$)' THEN split_part(a.item, '-', 1) END,
           nullif(split_part(a.item, '-', 2), ''), CASE WHEN a.item ~ '[+]$' THEN rtrim(a.item, '+') END
      FROM acct.statement_layout AS y JOIN acct._sample_statement_lines() AS l ON l.statement = y.statement
     CROSS JOIN LATERAL unnest(string_to_array(l.accounts, ' ')) WITH ORDINALITY AS a (item, n)
     WHERE y.layout = ANY (fresh);
    INSERT INTO acct.statement_column (layout, column_no, label, fund_types)
    SELECT y.layout, c.column_no, c.label, c.fund_types
      FROM acct.statement_layout AS y,
           (VALUES (1, 'Participants'' funds', ARRAY['PARTICIPANT_RISK', 'PARTICIPANT_INVESTMENT', 'OTHER']), (2, 'Operator', ARRAY['OPERATOR'])) AS c (column_no, label, fund_types)
     WHERE y.layout = ANY (fresh) AND y.layout LIKE 'TWO!_COLUMN!_%' ESCAPE '!';
    RETURN cardinality(fresh);
END
$$;
COMMENT ON FUNCTION acct._install_sample_statements() IS
'The part of install_takaful_sample() that inserts layouts of statements; how many were new.';

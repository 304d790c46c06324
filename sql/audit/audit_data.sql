-- Audit data by ISO 21378 and the Audit Data Standard of the AICPA: journal lines, balances and master data of some months as CSV files.
--
-- All files of a call are made under one snapshot, so the lines and the balances agree. The last file is the auditor's first test:
-- opening balance plus lines is closing balance, for each account. Lines come from the ledger, balances from those that posting keeps.

CREATE FUNCTION acct._csv(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($q$CASE WHEN %1$s ~ '[",]' THEN '"' || replace(%1$s, '"', '""') || '"' ELSE %1$s END$q$, p_text)
$$;
COMMENT ON FUNCTION acct._csv(text) IS 'The expression of a text as a field of a CSV file (RFC 4180); the text has no line breaks.';

CREATE FUNCTION acct._csv_text(p_text text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Most texts need nothing.
    SELECT format('CASE WHEN %1$s !~ %3$L THEN %1$s ELSE %2$s END', p_text, acct._csv(acct._clean(p_text)), '[",' || acct._control_characters() || ']|^[' || acct._unseen() || ']*$')
$$;
COMMENT ON FUNCTION acct._csv_text(text) IS 'The expression of any text as a field of a CSV file, without control characters.';

CREATE FUNCTION acct._csv_line(p_fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'concat(' || array_to_string(p_fields, ', '','', ') || ')'
$$;
COMMENT ON FUNCTION acct._csv_line(text[]) IS 'The expression of a line of a CSV file from those of its fields; NULL is an empty field.';

CREATE FUNCTION acct._journal_source(p_header text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Auditors test entries that people made by themselves.
    SELECT format($q$CASE WHEN %1$s.journal_type IN ('manual', 'opening') THEN 'MANUAL' ELSE 'STANDARD' END$q$, p_header)
$$;
COMMENT ON FUNCTION acct._journal_source(text) IS 'The expression of the source of a journal (a row of headers): MANUAL, or the type of the templates that are booked.';

CREATE FUNCTION acct._audit_loaders(p_scope jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    sources text;
BEGIN
    -- Where one user loaded all batches of a run, the run says who; elsewhere the source row does, unless its month was dropped.
    SELECT string_agg(format('SELECT s.txn_id, s.txn_month, s.batch_id FROM %s AS s WHERE s.txn_month = %L',
                             acct._month_rows('txn_source_parent', m.txn_month, false), m.txn_month), ' UNION ALL ')
      INTO sources
      FROM (SELECT DISTINCT r.txn_month
              FROM acct.journal_run AS r
             WHERE r.kind = 'transaction' AND acct._is_posted(r.status)
               AND EXISTS (SELECT FROM acct.journal_run_total AS t
                            WHERE t.run_id = r.run_id AND t.entity_code = p_scope ->> 'entity' AND t.basis = p_scope ->> 'basis'
                              AND t.je_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date)
               AND (r.reprocess_of IS NOT NULL
                    OR (SELECT count(DISTINCT b.loaded_by) FROM acct.journal_run_batch AS c JOIN acct.txn_batch AS b ON b.batch_id = c.batch_id WHERE c.run_id = r.run_id) <> 1)) AS m
     WHERE NOT acct._is_dropped('txn_source_parent', m.txn_month);
    RETURN format('(SELECT s.txn_id, s.txn_month, b.loaded_by FROM (%s) AS s JOIN acct.txn_batch AS b ON b.batch_id = s.batch_id)',
                  coalesce(sources, 'SELECT x.txn_id, x.txn_month, x.batch_id FROM acct.txn_source_parent AS x WHERE false'));
END
$$;
COMMENT ON FUNCTION acct._audit_loaders(jsonb) IS 'The FROM item of the users who loaded transactions, for runs whose source rows must be asked.';

CREATE FUNCTION acct._audit_reversals(p_scope jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    runs CONSTANT bigint[] := ARRAY(
        SELECT DISTINCT v.run_id
          FROM acct.journal_reversal AS v JOIN acct.journal_run AS r ON r.run_id = v.run_id AND acct._is_posted(r.status)
         WHERE v.released_at IS NULL
           AND EXISTS (SELECT FROM acct.journal_run_total AS t
                        WHERE t.run_id = v.origin_run AND t.entity_code = p_scope ->> 'entity' AND t.basis = p_scope ->> 'basis'
                          AND t.je_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date));
    months CONSTANT date[] := ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (runs));
    headers CONSTANT text := acct._rows_of_runs(runs, months, 'header', '{je_id,journal_type,reversal_of}');
BEGIN
    RETURN CASE WHEN headers IS NOT NULL THEN format('(SELECT x.je_id, x.reversal_of FROM (%s) AS x WHERE x.journal_type = ''reversal'')', headers)
                ELSE '(SELECT NULL::bigint AS je_id, NULL::bigint AS reversal_of WHERE false)' END;
END
$$;
COMMENT ON FUNCTION acct._audit_reversals(jsonb) IS 'The FROM item of the journals that reverse journals of an export, also later ones.';

CREATE FUNCTION acct._audit_journals(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Years have the name of the one in which they end.
    SELECT format($q$
        (SELECT h.je_id, h.je_date, h.je_number, h.journal_type, h.template_code, h.template_version, h.reversal_of, h.txn_id, h.txn_type, h.policy_no, h.memo, h.run_id, h.posted_at,
                coalesce(h.original_date, h.je_date) AS document_date, %s AS type_code,
                CASE h.journal_type WHEN 'reversal' THEN '1' ELSE CASE WHEN v.je_id IS NOT NULL THEN '2' END END AS reversal_indicator,
                CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE v.je_id END AS reversal_journal,
                CASE h.journal_type WHEN 'correction' THEN h.reversal_of END AS corrected_journal,
                CASE WHEN j.je_id IS NOT NULL THEN j.maker WHEN a.maker IS NOT NULL THEN a.maker WHEN h.journal_type = 'transaction' THEN coalesce(b.loaded_by, s.loaded_by, r.created_by) ELSE r.created_by END AS entered_by,
                CASE WHEN j.je_id IS NOT NULL THEN j.created_at ELSE r.created_at END AS entered_at,
                CASE WHEN j.je_id IS NOT NULL THEN j.approver WHEN a.maker IS NOT NULL THEN a.approver WHEN h.journal_type = 'transaction' THEN t.approver ELSE r.posted_by END AS approved_by,
                CASE WHEN j.je_id IS NOT NULL THEN j.approved_at WHEN a.maker IS NOT NULL THEN a.approved_at WHEN h.journal_type = 'transaction' THEN t.approved_at ELSE r.posted_at END AS approved_at,
                r.posted_by%s
           FROM %s AS h
           LEFT JOIN acct.journal_run AS r ON r.run_id = h.run_id
           LEFT JOIN acct.journal_template AS t ON t.template_code = h.template_code AND t.version = h.template_version
           LEFT JOIN acct.manual_journal AS j ON j.je_id = h.je_id
           -- A reversal that was agreed on with its manual journal
           LEFT JOIN (SELECT m.reversal_run_id, min(m.maker) AS maker, min(m.approver) AS approver, min(m.approved_at) AS approved_at
                        FROM acct.manual_journal AS m WHERE m.reversal_run_id IS NOT NULL GROUP BY 1) AS a ON a.reversal_run_id = h.run_id
           LEFT JOIN (SELECT c.run_id, min(l.loaded_by) AS loaded_by FROM acct.journal_run_batch AS c JOIN acct.txn_batch AS l ON l.batch_id = c.batch_id
                       GROUP BY 1 HAVING count(DISTINCT l.loaded_by) = 1) AS b ON b.run_id = h.run_id AND r.reprocess_of IS NULL
           LEFT JOIN %s AS s ON s.txn_id = h.txn_id AND s.txn_month = h.txn_month AND b.run_id IS NULL AND h.journal_type = 'transaction'
           LEFT JOIN %s AS v ON v.reversal_of = h.je_id)$q$,
        acct._journal_code('h'), (SELECT string_agg(format(', h.%I', d.name), '') FROM acct._audit_dimensions() AS d WHERE NOT d.on_lines),
        acct._audit_headers(p_scope), acct._audit_loaders(p_scope), acct._audit_reversals(p_scope))
$$;
COMMENT ON FUNCTION acct._audit_journals(jsonb) IS
'The FROM item of the journals of an export, with the users who entered, approved and posted each, and what it reverses, corrects, or is reversed by.';

CREATE FUNCTION acct._fiscal(p_scope jsonb, p_what text, p_day text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('extract(%s FROM %s + make_interval(months => %s))', p_what, p_day, (13 - (p_scope ->> 'first_year_month')::integer) % 12)
$$;
COMMENT ON FUNCTION acct._fiscal(jsonb, text, text) IS
'The expression of the fiscal year (p_what year) of a day, which has the name of the calendar year in which it ends, or of its period (month), from 1 to 12.';

CREATE FUNCTION acct._sides(p_amount text, p_decimals text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY[format('round(abs(%s), %s)', p_amount, p_decimals), format('CASE WHEN %s < 0 THEN ''C'' ELSE ''D'' END', p_amount)]
$$;
COMMENT ON FUNCTION acct._sides(text, text) IS 'The expressions of a signed amount as an amount without a sign, and its side, D or C.';

CREATE FUNCTION acct._audit_balances(p_scope jsonb) RETURNS TABLE (account_code text, fund text, currency text, opening numeric, debit numeric, credit numeric, closing numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT account_code, fund, currency, coalesce(o.opening_balance, 0), coalesce(m.debit, 0), coalesce(m.credit, 0), coalesce(c.opening_balance + c.period_debit - c.period_credit, 0)
      FROM acct._month_balances((p_scope ->> 'from_day')::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS o
      FULL JOIN acct._month_balances(date_trunc('month', (p_scope ->> 'to_day')::timestamp)::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS c USING (account_code, fund, currency)
      FULL JOIN (SELECT s.account_code, s.fund, s.currency, sum(s.period_debit) AS debit, sum(s.period_credit) AS credit
                   FROM acct.account_balance_snapshot AS s
                  WHERE s.entity_code = p_scope ->> 'entity' AND s.basis = p_scope ->> 'basis'
                    AND s.snapshot_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date
                  GROUP BY 1, 2, 3) AS m USING (account_code, fund, currency)
$$;
COMMENT ON FUNCTION acct._audit_balances(jsonb) IS 'The trial balance of the months of an export together, debits positive.';

CREATE FUNCTION acct._detail_sums(p_scope jsonb) RETURNS TABLE (account_code text, fund text, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT l.account_code COLLATE "C", l.fund COLLATE "C", sum(l.debit), sum(l.credit) FROM %s AS l GROUP BY 1, 2', acct._audit_lines(p_scope));
END
$$;
COMMENT ON FUNCTION acct._detail_sums(jsonb) IS 'The sums of the journal lines of an export by account and fund.';

CREATE FUNCTION acct._audit_test(p_scope jsonb)
RETURNS TABLE (account_code text, fund text, currency text, opening_balance numeric, debit numeric, credit numeric, closing_balance numeric, difference numeric, passed boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.*, x.opening + x.debit - x.credit - x.closing, x.opening + x.debit - x.credit = x.closing
      FROM (SELECT account_code, fund, coalesce(b.currency, p_scope ->> 'currency') AS currency, coalesce(b.opening, 0) AS opening,
                   coalesce(d.debit, 0) AS debit, coalesce(d.credit, 0) AS credit, coalesce(b.closing, 0) AS closing
              FROM acct._audit_balances(p_scope) AS b FULL JOIN acct._detail_sums(p_scope) AS d USING (account_code, fund)) AS x
     ORDER BY x.account_code COLLATE "C", x.fund COLLATE "C"
$$;
COMMENT ON FUNCTION acct._audit_test(jsonb) IS 'The work of check_audit_data().';

CREATE FUNCTION acct.check_audit_data(from_month date, to_month date, entity text, basis text DEFAULT 'PRIMARY')
RETURNS TABLE (account_code text, fund text, currency text, opening_balance numeric, debit numeric, credit numeric, closing_balance numeric, difference numeric, passed boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_nestloop = off AS $$
#variable_conflict use_column
DECLARE
    scope CONSTANT jsonb := acct._audit_scope('iso21378', $1, $2, $3, $4);
BEGIN
    RETURN QUERY SELECT t.* FROM acct._audit_test(acct._checked_scope(scope)) AS t;
END
$$;
COMMENT ON FUNCTION acct.check_audit_data(date, date, text, text) IS
'The auditor''s first test of some months of a book (entity, basis): for each account and fund, the opening balance plus the debits and less the credits of journal lines is the closing balance. Raises 55000 (something stands against an export, see check_audit_export()), 22004, 22023, LE010, 40001.';

CREATE FUNCTION acct._audit_details(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH dimension AS (SELECT d.value, d.n FROM acct._audit_dimensions() WITH ORDINALITY AS d (name, on_lines, value, n))
    SELECT format($q$
        WITH journal AS MATERIALIZED (
            SELECT h.*, %s AS head, %s AS tail, %s AS header_text FROM %s AS h),
        account AS MATERIALIZED (SELECT c.account_code, %s AS code FROM acct.chart_of_accounts AS c),
        fund AS MATERIALIZED (SELECT f.fund, %s AS code FROM acct.fund AS f)
        SELECT concat(x.head, ',', x.line_no, ',', x.text, ',', x.account, ',', x.side, ',', x.amount, ',', x.currency, ',', x.amount, ',', x.currency, ',',
                      x.amount, ',', x.currency, ',', x.amount, ',', x.currency, ',', x.fund, ',', %s, ',', %s, ',', x.tail)%s AS line
          FROM (SELECT h.je_date, h.je_id, h.head, h.tail, l.line_no, l.product_code, l.channel, a.code AS account, f.code AS fund,
                       CASE WHEN l.debit <> 0 THEN 'D' WHEN l.credit <> 0 THEN 'C' ELSE 'D' END AS side, round(l.debit + l.credit, %s) AS amount, %L AS currency,
                       coalesce(t.memo, m.memo, h.header_text) AS text%s
                  FROM %s AS l
                  JOIN journal AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
                  LEFT JOIN account AS a ON a.account_code = l.account_code
                  LEFT JOIN fund AS f ON f.fund = l.fund %s) AS x
         ORDER BY x.je_date, x.je_id, x.line_no$q$,
        acct._csv_line(ARRAY['h.je_id', acct._csv_text('h.je_number'), acct._iso_day('h.je_date'), acct._fiscal(p_scope, 'year', 'h.je_date'), acct._fiscal(p_scope, 'month', 'h.je_date'),
            acct._csv_text('h.type_code'), acct._csv_text('h.memo'), acct._journal_source('h')]),
        acct._csv_line(ARRAY['h.reversal_indicator', 'h.reversal_journal', 'h.corrected_journal', acct._csv_text('h.txn_type'), 'h.txn_id', acct._iso_day('h.document_date'),
            acct._csv_text('h.policy_no'), acct._csv_text('h.entered_by'), acct._audit_time('h.entered_at', 'YYYY-MM-DD'), acct._audit_time('h.entered_at', 'HH24:MI:SS'),
            acct._csv_text('h.approved_by'), acct._audit_time('h.approved_at', 'YYYY-MM-DD'), acct._csv_text('h.posted_by'), acct._audit_time('h.posted_at', 'YYYY-MM-DD'),
            acct._audit_time('h.posted_at', 'HH24:MI:SS'), 'NULL', 'NULL']),
        acct._csv_text('h.memo'), acct._audit_journals(p_scope),
        acct._csv_text('c.account_code'), acct._csv_text('f.fund'), acct._csv('x.product_code'), acct._csv('x.channel'), (SELECT string_agg(format(' || concat('','', %s)', acct._csv_text('x.dimension_' || d.n)), '' ORDER BY d.n) FROM dimension AS d),
        p_scope ->> 'decimals', p_scope ->> 'currency', (SELECT string_agg(format(', %s AS dimension_%s', d.value, d.n), '' ORDER BY d.n) FROM dimension AS d),
        acct._audit_lines(p_scope), acct._line_texts(acct._csv_text('t.memo'), acct._csv_text('m.memo')))
$$;
COMMENT ON FUNCTION acct._audit_details(jsonb) IS 'The query of the lines of GL_Details.csv.';

CREATE FUNCTION acct._audit_columns(p_part text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT string_to_array(x.columns, ' ') || CASE WHEN p_part = 'GL_Details' THEN ARRAY(SELECT 'Segment_' || d.name FROM acct._audit_dimensions() AS d) END
      FROM (VALUES
        ('GL_Details', 'Journal_ID Journal_Number Effective_Date Fiscal_Year Accounting_Period JE_Type_Code JE_Header_Description Source JE_Line_Number JE_Line_Description '
            'GL_Account_Number Amount_Credit_Debit_Indicator Functional_Amount Functional_Currency_Code Reporting_Amount Reporting_Currency_Code Local_Amount Local_Currency_Code '
            'Transaction_Amount Transaction_Currency_Code Fund_Code Product_Code Channel_Code Reversal_Indicator Reversal_Journal_ID Corrected_Journal_ID Bill_Type Bill_Number Bill_Date '
            'Policy_Number Entered_By Entered_Date Entered_Time Approved_By Approved_Date Posted_By Posted_Date Posted_Time Last_Modified_By Last_Modified_Date'),
        ('GL_Trial_Balance', 'Fiscal_Year Accounting_Period GL_Account_Number Fund_Code Balance_As_Of_Date Functional_Currency_Code Functional_Beginning_Balance Beginning_Balance_Indicator '
            'Functional_Debit_Amount Functional_Credit_Amount Functional_Ending_Balance Ending_Balance_Indicator'),
        ('GL_Accounts_Period_Balance', 'Fiscal_Year Accounting_Period GL_Account_Number Fund_Code Functional_Currency_Code Functional_Beginning_Balance Beginning_Balance_Indicator '
            'Functional_Debit_Amount Functional_Credit_Amount Functional_Ending_Balance Ending_Balance_Indicator'),
        ('BAS_Chart_Of_Accounts', 'GL_Account_Number GL_Account_Name Account_Type Parent_GL_Account_Number Is_Postable Effective_From Effective_To'),
        ('BAS_Accounting_Period', 'Fiscal_Year Accounting_Period Period_Name Period_Beginning_Date Period_Ending_Date Is_Closed'),
        ('BAS_Journal_Entry_Type', 'JE_Type_Code JE_Type_Description Source'),
        ('BAS_Business_Segment', 'Segment_Type Segment_Code Segment_Name Segment_Category'),
        ('BAS_User', 'User_ID User_Name Is_Active'),
        ('BAS_Profile', 'Entity_Code Entity_Name Registration_Number Country Basis Functional_Currency_Code Period_Beginning_Date Period_Ending_Date Software_Name Software_Version Standard '
            'Extracted_By Extracted_Date Extracted_Time Time_Zone'),
        ('GL_Balance_Test', 'GL_Account_Number Fund_Code Functional_Currency_Code Beginning_Balance Debits_Of_Details Credits_Of_Details Ending_Balance Difference Passed')) AS x (part, columns)
     WHERE x.part = p_part
$$;
COMMENT ON FUNCTION acct._audit_columns(text) IS 'The columns of a file of audit data; NULL: there is no such file.';

CREATE FUNCTION acct._audit_balance_lines(p_scope jsonb, p_columns text[], p_rows text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT %s AS line FROM %s AS x ORDER BY x.day, x.account_code COLLATE "C", x.fund COLLATE "C"',
                  acct._csv_line(ARRAY[acct._fiscal(p_scope, 'year', 'x.day'), acct._fiscal(p_scope, 'month', 'x.day'), acct._csv_text('x.account_code'), acct._csv_text('x.fund')] || p_columns
                                 || ARRAY['x.currency'] || acct._sides('x.opening', p_scope ->> 'decimals')
                                 || ARRAY[format('round(x.debit, %s)', p_scope ->> 'decimals'), format('round(x.credit, %s)', p_scope ->> 'decimals')]
                                 || acct._sides('x.closing', p_scope ->> 'decimals')), p_rows)
$$;
COMMENT ON FUNCTION acct._audit_balance_lines(jsonb, text[], text) IS 'The query of lines of balances: of rows, with further columns after the account and the fund.';

CREATE FUNCTION acct._audit_query(p_scope jsonb, p_part text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    entity CONSTANT text := p_scope ->> 'entity';
    basis CONSTANT text := p_scope ->> 'basis';
    decimals CONSTANT text := p_scope ->> 'decimals';
    to_day CONSTANT text := p_scope ->> 'to_day';
    months CONSTANT text := format('generate_series(timestamp %L, %L, interval ''1 month'')', p_scope ->> 'from_day', to_day);
BEGIN
    RETURN CASE p_part
        WHEN 'GL_Details' THEN acct._audit_details(p_scope)
        WHEN 'GL_Trial_Balance' THEN acct._audit_balance_lines(p_scope, ARRAY[quote_literal(to_day)], format('(SELECT b.*, date %L AS day FROM acct._audit_balances(%L) AS b)', to_day, p_scope))
        WHEN 'GL_Accounts_Period_Balance' THEN acct._audit_balance_lines(p_scope, '{}', format(
            '(SELECT m::date AS day, b.account_code, b.fund, b.currency, b.opening_balance AS opening, b.period_debit AS debit, b.period_credit AS credit, b.opening_balance + b.period_debit - b.period_credit AS closing '
            'FROM %s AS m, acct._month_balances(m::date, %L, %L, NULL) AS b)', months, entity, basis))
        WHEN 'BAS_Chart_Of_Accounts' THEN format('SELECT %s AS line FROM acct.chart_of_accounts AS x ORDER BY x.account_code COLLATE "C"', acct._csv_line(ARRAY[
            acct._csv_text('x.account_code'), acct._csv_text('x.description'), 'x.account_type', acct._csv_text('x.parent_account_code'), $q$CASE WHEN x.is_postable THEN 'Y' ELSE 'N' END$q$,
            acct._iso_day('x.effective_from'), acct._iso_day('x.effective_to')]))
        WHEN 'BAS_Accounting_Period' THEN format('SELECT %s AS line FROM %s AS m ORDER BY m', acct._csv_line(ARRAY[
            acct._fiscal(p_scope, 'year', 'm'), acct._fiscal(p_scope, 'month', 'm'), $q$to_char(m, 'YYYY-MM')$q$, acct._iso_day('m'), acct._iso_day('acct.month_end(m::date)'),
            format($q$CASE WHEN acct._is_shut(%L, %L, m::date) THEN 'Y' ELSE 'N' END$q$, entity, basis)]), months)
        WHEN 'BAS_Journal_Entry_Type' THEN format(
            'SELECT %s AS line FROM (SELECT DISTINCT %s AS code, h.template_code, %s AS source FROM %s AS h) AS x '
            'LEFT JOIN (SELECT DISTINCT ON (t.template_code) t.template_code, t.description FROM acct.journal_template AS t ORDER BY t.template_code, t.status IN (''approved'', ''retired'') DESC, t.version DESC) AS d '
            'ON d.template_code = x.template_code ORDER BY x.code COLLATE "C"',
            acct._csv_line(ARRAY[acct._csv_text('x.code'), acct._csv_text($q$coalesce(d.description, initcap(x.code) || ' journals')$q$), 'x.source']),
            acct._journal_code('h'), acct._journal_source('h'), acct._audit_headers(p_scope))
        WHEN 'BAS_Business_Segment' THEN format('SELECT %s AS line FROM acct.fund AS x ORDER BY x.fund COLLATE "C"',
            acct._csv_line(ARRAY[quote_literal('FUND'), acct._csv_text('x.fund'), acct._csv_text('x.name'), 'x.fund_type']))
        WHEN 'BAS_User' THEN format(
            'SELECT %s AS line FROM (SELECT DISTINCT u.name FROM %s AS h, LATERAL (VALUES (h.entered_by), (h.approved_by), (h.posted_by)) AS u (name) WHERE u.name IS NOT NULL) AS x ORDER BY x.name COLLATE "C"',
            acct._csv_line(ARRAY[acct._csv_text('x.name'), acct._csv_text('x.name'), $q$CASE WHEN EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = x.name) THEN 'Y' ELSE 'N' END$q$]),
            acct._audit_journals(p_scope))
        WHEN 'BAS_Profile' THEN format('SELECT %s AS line FROM acct.entity AS x WHERE x.entity_code = %L', acct._csv_line(ARRAY[
            acct._csv_text('x.entity_code'), acct._csv_text('x.name'), acct._csv_text('x.registration_no'), acct._csv_text('x.country'), acct._csv_text(quote_literal(basis)), 'x.functional_currency',
            quote_literal(p_scope ->> 'from_day'), quote_literal(to_day), quote_literal('ledger_engine'), quote_literal((SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ledger_engine')),
            quote_literal('ISO 21378:2019'), acct._csv_text('session_user::text'), acct._audit_time('statement_timestamp()', 'YYYY-MM-DD'), acct._audit_time('statement_timestamp()', 'HH24:MI:SS'),
            quote_literal('UTC')]), entity)
        WHEN 'GL_Balance_Test' THEN format('SELECT %s AS line FROM acct._audit_test(%L) WITH ORDINALITY AS x (account_code, fund, currency, opening, debit, credit, closing, difference, passed, n) ORDER BY x.n',
            acct._csv_line(ARRAY[acct._csv_text('x.account_code'), acct._csv_text('x.fund'), 'x.currency', format('round(x.opening, %s)', decimals), format('round(x.debit, %s)', decimals),
                format('round(x.credit, %s)', decimals), format('round(x.closing, %s)', decimals), format('round(x.difference, %s)', decimals), $q$CASE WHEN x.passed THEN 'Y' ELSE 'N' END$q$]), p_scope)
        END;
END
$$;
COMMENT ON FUNCTION acct._audit_query(jsonb, text) IS 'The query that makes a file of audit data, below its header.';

CREATE FUNCTION acct._audit_parts(p_scope jsonb, p_part text) RETURNS TABLE (n integer, query text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.n::integer, format('SELECT %1$L, %2$L, false UNION ALL SELECT %1$L, d.line, true FROM (%3$s) AS d', p.part || '.csv', array_to_string(acct._audit_columns(p.part), ','),
                                acct._audit_query(p_scope, p.part))
      FROM unnest(ARRAY['BAS_Profile', 'BAS_Chart_Of_Accounts', 'BAS_Accounting_Period', 'BAS_Journal_Entry_Type', 'BAS_Business_Segment', 'BAS_User', 'GL_Trial_Balance',
                        'GL_Accounts_Period_Balance', 'GL_Details', 'GL_Balance_Test']) WITH ORDINALITY AS p (part, n)
     WHERE p_part IS NULL OR p.part = p_part
     ORDER BY p.n
$$;
COMMENT ON FUNCTION acct._audit_parts(jsonb, text) IS 'The files of audit data, or one of them, each with the query of its lines, for _sent_lines().';

CREATE FUNCTION acct.export_audit_data(from_month date, to_month date, entity text, basis text DEFAULT 'PRIMARY', part text DEFAULT NULL) RETURNS TABLE (file_name text, line text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_nestloop = off
    SET timezone = 'UTC' SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
#variable_conflict use_column
DECLARE
    p_part CONSTANT text := export_audit_data.part;
    scope jsonb;
BEGIN
    PERFORM acct._require_layout();
    IF p_part IS NOT NULL AND acct._audit_columns(p_part) IS NULL THEN
        RAISE EXCEPTION 'audit data have no file %', p_part USING ERRCODE = '22023', HINT = 'Files are named as in ISO 21378, such as GL_Details; NULL is all of them.';
    END IF;
    scope := acct._begin_export('iso21378', export_audit_data.from_month, export_audit_data.to_month, export_audit_data.entity, export_audit_data.basis);
    -- One statement, and so one snapshot for all files
    RETURN QUERY SELECT s.file_name, s.line FROM acct._audit_parts(acct._checked_scope(scope), p_part) AS p CROSS JOIN LATERAL acct._sent_lines(p.query, scope) AS s;
END
$$;
COMMENT ON FUNCTION acct.export_audit_data(date, date, text, text, text) IS
'Audit data of some months of a book (entity, basis) as CSV files by ISO 21378 and the Audit Data Standard, or one of them (part), line by line; each file is recorded in acct.audit_export. Raises 55000 (something stands against it, see check_audit_export()), 25006 (the transaction is read-only, or this is a standby), 22004, 22023, LE010, 40001.';

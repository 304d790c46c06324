-- SAF-T: the general ledger part of the OECD's standard audit file for tax, version 2.00, as in the schema of Norwegian Financial 1.30.
--
-- Each row is an element, or the beginning or end of one. The header has the sums of what follows, so the lines are read twice, under one
-- snapshot. Amounts have two decimals, and sums are those of rounded lines.

CREATE FUNCTION acct._xml_text(p_text text, p_most integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Most texts are short and need nothing.
    SELECT format($q$CASE WHEN %1$s !~ %4$L THEN left(%1$s, %3$s)
                          ELSE replace(replace(replace(replace(left(%2$s, %3$s), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;') END$q$, p_text, acct._clean(p_text), p_most,
                  '[&<>"' || acct._control_characters() || ']|^[' || acct._unseen() || ']*$')
$$;
COMMENT ON FUNCTION acct._xml_text(text, integer) IS
'The expression of a text as the content of an element of XML, with so many characters at most, without control characters; NULL where nothing of it can be seen.';

CREATE FUNCTION acct._short_code(p_code text, p_most integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($q$CASE WHEN length(%1$s) <= %2$s THEN %1$s ELSE left(%1$s, %3$s) || '-' || left(md5(%1$s), 8) END$q$, p_code, p_most, p_most - 9)
$$;
COMMENT ON FUNCTION acct._short_code(text, integer) IS 'The expression of a code in so many characters at most: of a longer one the beginning, and a part of its hash, which tells it from others.';

CREATE FUNCTION acct._xml_code(p_code text, p_most integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('coalesce(%s, left(md5(%s), 8))', acct._xml_text('(' || acct._short_code(p_code, p_most) || ')', p_most), p_code)
$$;
COMMENT ON FUNCTION acct._xml_code(text, integer) IS
'The expression of a code as the content of an element of XML, a part of its hash where nothing of it can be seen; NULL where the code is NULL.';

CREATE FUNCTION acct._xml_name(p_text text, p_code text, p_most integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('coalesce(%s, %s)', acct._xml_text(p_text, p_most), acct._xml_code(p_code, p_most))
$$;
COMMENT ON FUNCTION acct._xml_name(text, text, integer) IS 'The expression of the text of something as the content of an element that XML must have: its code where the text says nothing.';

CREATE FUNCTION acct._xml(p_element text, p_content text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('''<%1$s>'' || %2$s || ''</%1$s>''', p_element, p_content)
$$;
COMMENT ON FUNCTION acct._xml(text, text) IS 'The expression of an element of XML; NULL where its content is NULL.';

CREATE FUNCTION acct._saft_amount(p_sides text[], p_amount text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('CASE WHEN %1$s < 0 THEN ''<%3$s>'' || round(-(%1$s), 2) || ''</%3$s>'' ELSE ''<%2$s>'' || round(%1$s, 2) || ''</%2$s>'' END', p_amount, p_sides[1], p_sides[2])
$$;
COMMENT ON FUNCTION acct._saft_amount(text[], text) IS 'The expression of a signed amount as one of two elements, that of a debit or that of a credit.';

CREATE FUNCTION acct._saft_header(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format($q$
        SELECT u.line, false FROM acct.entity AS e, unnest(ARRAY[
            '<?xml version="1.0" encoding="UTF-8"?>', '<AuditFile xmlns="urn:StandardAuditFile-Taxation-Financial:NO">', '<Header>',
            '<AuditFileVersion>1.30</AuditFileVersion>', %s, %s, '<SoftwareCompanyName>ledger_engine</SoftwareCompanyName>', '<SoftwareID>ledger_engine</SoftwareID>', %s,
            '<Company>', %s, %s, '<Contact><ContactPerson><FirstName>NotUsed</FirstName>' || %s || '</ContactPerson></Contact>', '</Company>',
            %s, '<SelectionCriteria>' || %s || %s || '</SelectionCriteria>', %s, '<TaxAccountingBasis>A</TaxAccountingBasis>', %s, %s, '</Header>']) AS u (line)
         WHERE e.entity_code = %L$q$,
        acct._xml('AuditFileCountry', 'upper(e.country)'), acct._xml('AuditFileDateCreated', acct._audit_time('statement_timestamp()', 'YYYY-MM-DD')),
        acct._xml('SoftwareVersion', quote_literal(left((SELECT x.extversion FROM pg_extension AS x WHERE x.extname = 'ledger_engine'), 18))),
        acct._xml('RegistrationNumber', acct._xml_code('translate(e.registration_no, '' '', '''')', 35)), acct._xml('Name', acct._xml_name('e.name', 'e.entity_code', 256)),
        acct._xml('LastName', acct._xml_code('session_user::text', 70)), acct._xml('DefaultCurrencyCode', 'e.functional_currency'),
        acct._xml('SelectionStartDate', quote_literal(p_scope ->> 'from_day')), acct._xml('SelectionEndDate', quote_literal(p_scope ->> 'to_day')),
        acct._xml('HeaderComment', acct._xml_text(quote_literal('Accounting basis ' || (p_scope ->> 'basis')), 256)), acct._xml('TaxEntity', acct._xml_code('e.entity_code', 70)),
        acct._xml('UserID', acct._xml_code('session_user::text', 256)), p_scope ->> 'entity')
$$;
COMMENT ON FUNCTION acct._saft_header(jsonb) IS 'The query of the header of a SAF-T file.';

CREATE FUNCTION acct._saft_accounts(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- All accounts of the chart
    SELECT format($q$
        SELECT x.line, false
          FROM (SELECT 0 AS n, NULL AS code, '<GeneralLedgerAccounts>' AS line WHERE EXISTS (SELECT FROM acct.chart_of_accounts)
                UNION ALL
                SELECT 1, a.account_code, '<Account>' || %s || %s || %s || %s || '<AccountType>GL</AccountType>' || %s || %s || %s || '</Account>'
                  FROM acct.chart_of_accounts AS a
                  LEFT JOIN (SELECT b.account_code, sum(b.opening) AS opening, sum(b.closing) AS closing FROM acct._audit_balances(%L) AS b GROUP BY 1) AS b ON b.account_code = a.account_code
                UNION ALL
                SELECT 2, NULL, '</GeneralLedgerAccounts>' WHERE EXISTS (SELECT FROM acct.chart_of_accounts)) AS x
         ORDER BY x.n, x.code COLLATE "C"$q$,
        acct._xml('AccountID', acct._xml_code('a.account_code', 70)), acct._xml('AccountDescription', acct._xml_name('a.description', 'a.account_code', 256)), acct._xml('GroupingCategory', 'a.account_type'),
        acct._xml('GroupingCode', acct._xml_code('coalesce(a.parent_account_code, a.account_code)', 35)), acct._xml('AccountCreationDate', acct._iso_day('a.effective_from')),
        acct._saft_amount('{OpeningDebitBalance,OpeningCreditBalance}', 'coalesce(b.opening, 0)'), acct._saft_amount('{ClosingDebitBalance,ClosingCreditBalance}', 'coalesce(b.closing, 0)'), p_scope)
$$;
COMMENT ON FUNCTION acct._saft_accounts(jsonb) IS 'The query of the accounts of a SAF-T file, with their balances.';

CREATE FUNCTION acct._saft_type(p_dimension text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN length(p_dimension) <= 9 THEN p_dimension ELSE left(p_dimension, 4) || '-' || left(md5(p_dimension), 4) END
$$;
COMMENT ON FUNCTION acct._saft_type(text) IS 'The analysis type of a dimension in nine characters at most: its name, or the beginning and a part of its hash.';

CREATE FUNCTION acct._saft_analyses(p_on_lines boolean) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Joined, since a call has 100 arguments at most.
    SELECT string_agg(format('coalesce(%L || %s || ''</Analysis>'', '''')', format('<Analysis><AnalysisType>%s</AnalysisType>', acct._saft_type(d.name)), acct._xml('AnalysisID', acct._xml_code(d.value, 35))), ' || ')
      FROM acct._audit_dimensions() AS d WHERE d.on_lines = p_on_lines
$$;
COMMENT ON FUNCTION acct._saft_analyses(boolean) IS
'The expression of the elements for dimensions of a line l, or for those of a journal h that lines have not; NULL: there is none.';

CREATE FUNCTION acct._saft_analysis(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format($q$
        WITH line AS MATERIALIZED (SELECT DISTINCT l.product_code, l.channel FROM %s AS l),
        analysis AS MATERIALIZED (
            SELECT 'FUND' AS type, 'Fund' AS name, f.fund AS code, f.name AS description FROM acct.fund AS f
            UNION ALL SELECT DISTINCT 'PRODUCT', 'Insurance product', l.product_code, l.product_code FROM line AS l WHERE l.product_code IS NOT NULL
            UNION ALL SELECT DISTINCT 'CHANNEL', 'Sales channel', l.channel, l.channel FROM line AS l WHERE l.channel IS NOT NULL%s)
        SELECT x.line, false
          FROM (SELECT 0 AS n, NULL AS type, NULL AS code, '<AnalysisTypeTable>' AS line WHERE EXISTS (SELECT FROM analysis)
                UNION ALL
                SELECT 1, a.type, a.code, '<AnalysisTypeTableEntry>' || %s || %s || %s || %s || '</AnalysisTypeTableEntry>' FROM analysis AS a
                UNION ALL
                SELECT 2, NULL, NULL, '</AnalysisTypeTable>' WHERE EXISTS (SELECT FROM analysis)) AS x
         ORDER BY x.n, x.type COLLATE "C", x.code COLLATE "C"$q$,
        acct._audit_lines(p_scope),
        (SELECT string_agg(format(' UNION ALL SELECT DISTINCT %L, %L, x.code, x.code FROM (SELECT %s AS code FROM %s AS %s) AS x WHERE x.code IS NOT NULL', acct._saft_type(d.name), d.name, d.value,
                                  CASE WHEN d.on_lines THEN acct._audit_lines(p_scope) ELSE acct._audit_headers(p_scope) END, CASE WHEN d.on_lines THEN 'l' ELSE 'h' END), '')
           FROM acct._audit_dimensions() AS d),
        acct._xml('AnalysisType', 'a.type'), acct._xml('AnalysisTypeDescription', 'a.name'), acct._xml('AnalysisID', acct._xml_code('a.code', 35)),
        acct._xml('AnalysisIDDescription', acct._xml_name('a.description', 'a.code', 256)))
$$;
COMMENT ON FUNCTION acct._saft_analysis(jsonb) IS 'The query of the analysis types of a SAF-T file: funds, products, channels, and the dimensions that a site added.';

CREATE FUNCTION acct._saft_sums(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT u.line, false FROM (SELECT count(DISTINCT l.je_id) AS entries, coalesce(sum(round(l.debit, 2)), 0.00) AS debit, coalesce(sum(round(l.credit, 2)), 0.00) AS credit FROM %s AS l) AS s, '
                  'unnest(ARRAY[''<GeneralLedgerEntries>'', %s, %s, %s]) AS u (line)', acct._audit_lines(p_scope),
                  acct._xml('NumberOfEntries', 's.entries'), acct._xml('TotalDebit', 's.debit'), acct._xml('TotalCredit', 's.credit'))
$$;
COMMENT ON FUNCTION acct._saft_sums(jsonb) IS 'The query of the sums before the entries of a SAF-T file.';

CREATE FUNCTION acct._saft_entries(p_scope jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    journal CONSTANT text := '''<Journal>'' || ' || acct._xml('JournalID', acct._xml_code('j.code', 18)) || ' || ' || acct._xml('Description', acct._xml_name('d.description', 'initcap(j.code) || '' journals''', 256))
                             || ' || ''<Type>GL</Type>''';
    head CONSTANT text := concat_ws(' || ', '''<Transaction>''', acct._xml('TransactionID', acct._xml_code('h.je_number', 70)), acct._xml('Period', acct._fiscal(p_scope, 'month', 'h.je_date')),
        acct._xml('PeriodYear', acct._fiscal(p_scope, 'year', 'h.je_date')), acct._xml('TransactionDate', acct._iso_day('coalesce(h.original_date, h.je_date)')),
        acct._xml('SourceID', acct._xml_code('coalesce(r.posted_by, ''unknown'')', 35)), acct._xml('VoucherType', 'h.journal_type'), acct._xml('Description', acct._xml_name('h.memo', 'h.je_number', 256)),
        acct._xml('BatchID', 'h.run_id'), acct._xml('SystemEntryDate', acct._audit_time('h.posted_at', 'YYYY-MM-DD')), acct._xml('GLPostingDate', acct._iso_day('h.je_date')), acct._xml('SystemID', 'h.je_id'));
    -- Of codes that repeat on each line, the elements are made once.
    line CONSTANT text := concat('concat(''<Line>'', ', acct._xml('RecordID', 'l.line_no'), ', a.element, f.element, ',
        '''<Analysis><AnalysisType>PRODUCT</AnalysisType>'' || ', acct._xml('AnalysisID', acct._xml_code('l.product_code', 35)), ' || ''</Analysis>'', ',
        '''<Analysis><AnalysisType>CHANNEL</AnalysisType>'' || ', acct._xml('AnalysisID', acct._xml_code('l.channel', 35)), ' || ''</Analysis>'', ',
        acct._saft_analyses(true) || ', ', CASE WHEN acct._saft_analyses(false) IS NOT NULL THEN 'h.analyses, ' END, acct._xml('SourceDocumentID', 'h.document'), ', ', acct._xml('Description', 'coalesce(t.memo, m.memo, h.text)'), ', ',
        'CASE WHEN l.credit <> 0 THEN ''<CreditAmount><Amount>'' || round(l.credit, 2) || ''</Amount></CreditAmount>'' ELSE ''<DebitAmount><Amount>'' || round(l.debit, 2) || ''</Amount></DebitAmount>'' END, ''</Line>'')');
BEGIN
    RETURN format($q$
        WITH journal AS MATERIALIZED (
            SELECT h.je_id, h.je_date, h.je_number, h.journal_type, h.template_code, h.template_version, h.reversal_of, h.txn_id::text AS document, %s AS code, %s AS text, %s AS head%s
              FROM %s AS h LEFT JOIN acct.journal_run AS r ON r.run_id = h.run_id),
        account AS MATERIALIZED (SELECT a.account_code, %s AS element FROM acct.chart_of_accounts AS a),
        fund AS MATERIALIZED (SELECT f.fund, '<Analysis><AnalysisType>FUND</AnalysisType>' || %s || '</Analysis>' AS element FROM acct.fund AS f),
        type AS MATERIALIZED (SELECT j.code, min(j.template_code) AS template_code FROM journal AS j GROUP BY 1)
        SELECT x.line, x.is_record
          FROM (SELECT j.code, 0 AS step, NULL::date AS je_date, NULL::bigint AS je_id, 0 AS n, %s AS line, false AS is_record
                  FROM type AS j
                  LEFT JOIN (SELECT DISTINCT ON (t.template_code) t.template_code, t.description FROM acct.journal_template AS t
                              ORDER BY t.template_code, t.status IN ('approved', 'retired') DESC, t.version DESC) AS d ON d.template_code = j.template_code
                UNION ALL SELECT j.code, 2, NULL, NULL, 0, '</Journal>', false FROM type AS j
                UNION ALL SELECT h.code, 1, h.je_date, h.je_id, -1, h.head, false FROM journal AS h
                UNION ALL SELECT h.code, 1, h.je_date, h.je_id, 32768, '</Transaction>', false FROM journal AS h
                UNION ALL
                SELECT h.code, 1, h.je_date, h.je_id, l.line_no, %s, true
                  FROM %s AS l
                  JOIN journal AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
                  LEFT JOIN account AS a ON a.account_code = l.account_code
                  LEFT JOIN fund AS f ON f.fund = l.fund %s) AS x
         ORDER BY x.code COLLATE "C", x.step, x.je_date, x.je_id, x.n$q$,
        acct._journal_code('h'), acct._xml_name('h.memo', 'h.je_number', 256), head, ', ' || acct._saft_analyses(false) || ' AS analyses', acct._audit_headers(p_scope),
        acct._xml('AccountID', acct._xml_code('a.account_code', 70)), acct._xml('AnalysisID', acct._xml_code('f.fund', 35)), journal, line, acct._audit_lines(p_scope),
        acct._line_texts(acct._xml_text('t.memo', 256), acct._xml_text('m.memo', 256)));
END
$$;
COMMENT ON FUNCTION acct._saft_entries(jsonb) IS 'The query of the journals, transactions and lines of a SAF-T file.';

CREATE FUNCTION acct._saft_query(p_scope jsonb, p_file text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format($q$
        SELECT %L, p.line, p.is_record
          FROM (SELECT * FROM (%s) AS header (line, is_record)
                UNION ALL SELECT '<MasterFiles>', false
                UNION ALL SELECT * FROM (%s) AS accounts (line, is_record)
                UNION ALL SELECT * FROM (%s) AS analysis (line, is_record)
                UNION ALL SELECT '</MasterFiles>', false
                UNION ALL SELECT * FROM (%s) AS sums (line, is_record)
                UNION ALL SELECT * FROM (%s) AS entries (line, is_record)
                UNION ALL SELECT '</GeneralLedgerEntries>', false
                UNION ALL SELECT '</AuditFile>', false) AS p (line, is_record)$q$,
        p_file, acct._saft_header(p_scope), acct._saft_accounts(p_scope), acct._saft_analysis(p_scope), acct._saft_sums(p_scope), acct._saft_entries(p_scope))
$$;
COMMENT ON FUNCTION acct._saft_query(jsonb, text) IS 'The query of the lines of a SAF-T file, for _sent_lines().';

CREATE FUNCTION acct.export_saft(from_month date, to_month date, entity text, basis text DEFAULT 'PRIMARY') RETURNS TABLE (line text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_nestloop = off
    SET timezone = 'UTC' SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
DECLARE
    scope CONSTANT jsonb := acct._begin_export('saft', export_saft.from_month, export_saft.to_month, export_saft.entity, export_saft.basis);
    file CONSTANT text := format('SAF-T Financial_%s_%s.xml', (SELECT regexp_replace(e.registration_no, '[^0-9A-Za-z-]', '', 'g') FROM acct.entity AS e WHERE e.entity_code = export_saft.entity),
                                 to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS'));
BEGIN
    RETURN QUERY SELECT s.line FROM acct._sent_lines(acct._saft_query(acct._checked_scope(scope), file), scope) AS s;
END
$$;
COMMENT ON FUNCTION acct.export_saft(date, date, text, text) IS
'The general ledger part of SAF-T (OECD 2.00, Norwegian Financial 1.30) of some months of a book (entity, basis), line by line, with funds, products, channels and dimensions as analysis types; recorded in acct.audit_export with the name of the file. Raises 55000 (something stands against it, see check_audit_export()), 25006 (the transaction is read-only, or this is a standby), 22004, 22023, LE010, 40001.';

-- Audit files: what they have in common. Which books can be exported, the rows that they are made of, and the record of each export.
--
-- A file is lines of text, in the order of the file. The query that makes them is put together from the tables of the months, so it reads
-- archived months where they are, and acct._sent_lines() hands its rows on, counts and hashes them.

CREATE FUNCTION acct._layout_audit() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.audit_export (
        export_id bigint GENERATED ALWAYS AS IDENTITY,
        file_format text COLLATE "C" NOT NULL,
        file_name text NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        from_day date NOT NULL,
        to_day date NOT NULL,
        records bigint NOT NULL,
        lines bigint NOT NULL,
        bytes bigint NOT NULL,
        sha256 text COLLATE "C" NOT NULL,
        exported_by text NOT NULL DEFAULT session_user,
        exported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT audit_export_pkey PRIMARY KEY (export_id),
        CONSTRAINT chk_export_format CHECK (file_format IN ('fec', 'iso21378', 'saft'))
    );
    CREATE INDEX IF NOT EXISTS audit_export_book_idx ON acct.audit_export (entity_code, basis, to_day);
    PERFORM acct._make_immutable('acct.audit_export', 'audit_export_immutable');

    CREATE TABLE IF NOT EXISTS acct.fec_number (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        year_end date NOT NULL,
        journal_code text COLLATE "C" NOT NULL,
        run_id bigint NOT NULL,
        first_number bigint NOT NULL,
        journals bigint NOT NULL,
        CONSTRAINT fec_number_pkey PRIMARY KEY (entity_code, basis, year_end, journal_code, run_id),
        CONSTRAINT fec_number_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run,
        CONSTRAINT chk_fec_number CHECK (first_number >= 1 AND journals >= 1)
    );
    PERFORM acct._make_immutable('acct.fec_number', 'fec_number_immutable');
END
$layout$;
COMMENT ON FUNCTION acct._layout_audit() IS 'The part of install() that creates the record of audit files.';

CREATE FUNCTION acct._comment_audit() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.audit_export IS 'Each audit file that was exported: its scope, size and digest, who exported it and when. Never changed (LE007).';
    COMMENT ON COLUMN acct.audit_export.export_id IS 'Number of the entry.';
    COMMENT ON COLUMN acct.audit_export.file_format IS 'fec, iso21378 or saft.';
    COMMENT ON COLUMN acct.audit_export.file_name IS 'Name that the format gives to the file.';
    COMMENT ON COLUMN acct.audit_export.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.audit_export.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.audit_export.from_day IS 'First day of the entries in the file.';
    COMMENT ON COLUMN acct.audit_export.to_day IS 'Last day of the entries in the file.';
    COMMENT ON COLUMN acct.audit_export.records IS 'Number of records: lines of entries in a FEC or SAF-T file, rows below the header in a CSV file.';
    COMMENT ON COLUMN acct.audit_export.lines IS 'Number of lines of the file.';
    COMMENT ON COLUMN acct.audit_export.bytes IS 'Size of the file in UTF-8, in bytes.';
    COMMENT ON COLUMN acct.audit_export.sha256 IS 'SHA-256 of the file in UTF-8, as sha256sum prints it.';
    COMMENT ON COLUMN acct.audit_export.exported_by IS 'Session user who exported it.';
    COMMENT ON COLUMN acct.audit_export.exported_at IS 'When its last line was made, by the clock.';
    COMMENT ON TRIGGER audit_export_immutable ON acct.audit_export IS 'The record refuses UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.fec_number IS 'Numbers of entries (EcritureNum) in the FEC of closed years: the journals that a run posted under a journal code have consecutive numbers, in the order of je_id. Never changed (LE007).';
    COMMENT ON COLUMN acct.fec_number.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.fec_number.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.fec_number.year_end IS 'Last day of the year.';
    COMMENT ON COLUMN acct.fec_number.journal_code IS 'Journal code (JournalCode) within which entries are numbered.';
    COMMENT ON COLUMN acct.fec_number.run_id IS 'Run that posted the journals.';
    COMMENT ON COLUMN acct.fec_number.first_number IS 'Number of the first of them.';
    COMMENT ON COLUMN acct.fec_number.journals IS 'How many there are.';
    COMMENT ON TRIGGER fec_number_immutable ON acct.fec_number IS 'The numbers refuse UPDATE, DELETE and TRUNCATE (LE007).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_audit() IS 'The part of install() that describes the objects of this file.';

CREATE FUNCTION acct._record_audit_export(p_scope jsonb, p_file text, p_records bigint, p_lines bigint, p_bytes bigint, p_sha256 text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.audit_export (file_format, file_name, entity_code, basis, from_day, to_day, records, lines, bytes, sha256)
    VALUES (p_scope ->> 'format', p_file, p_scope ->> 'entity', p_scope ->> 'basis', (p_scope ->> 'from_day')::date, (p_scope ->> 'to_day')::date,
            p_records, p_lines, p_bytes, p_sha256)
$$;
COMMENT ON FUNCTION acct._record_audit_export(jsonb, text, bigint, bigint, bigint, text) IS 'Adds an entry to acct.audit_export.';

CREATE FUNCTION acct._sent_lines(p_query text, p_scope jsonb) RETURNS TABLE (file_name text, line text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_sent_lines';
COMMENT ON FUNCTION acct._sent_lines(text, jsonb) IS
'The lines of files that a query makes, with rows (file_name, line, is_record), each file recorded in acct.audit_export with its size and SHA-256.';

--
-- Expressions of SQL, for queries that are put together
--

CREATE FUNCTION acct._control_characters() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Nobody knows what the upper bytes of SQL_ASCII are, and those of UTF-8 must stay together.
    SELECT $q$\u0001-\u001f\u007f$q$ || CASE WHEN getdatabaseencoding() <> 'SQL_ASCII' THEN $q$-\u009f\u2028\u2029\ufffe\uffff$q$ ELSE '' END
$$;
COMMENT ON FUNCTION acct._control_characters() IS
'Characters that no audit file has, line breaks among them, as a part of a bracket expression of a regular expression, which a database of any encoding knows.';

CREATE FUNCTION acct._unseen() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._control_characters()
           || CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN ' ' ELSE $q$ \u00a0\u1680\u180e\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff$q$ END
$$;
COMMENT ON FUNCTION acct._unseen() IS 'Characters that cannot be seen, as a part of a bracket expression: a text that has no others says nothing.';

CREATE FUNCTION acct._clean(p_text text, p_separator text DEFAULT '') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('CASE WHEN %1$s !~ %2$L THEN btrim(regexp_replace(%1$s, %3$L, '' '', ''g'')) END', p_text, '^[' || acct._unseen() || p_separator || ']*$',
                  '[' || acct._control_characters() || p_separator || ']+')
$$;
COMMENT ON FUNCTION acct._clean(text, text) IS
'The expression of a text without control characters, line breaks and a separator, each stretch of which is replaced by a blank; NULL where nothing is left that can be seen.';

CREATE FUNCTION acct._journal_code(p_header text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A template whose code is that of journals without a template has another one in the files, which no other template has.
    SELECT format($q$CASE WHEN %1$s.template_code IS NULL THEN upper(%1$s.journal_type)
                          WHEN %1$s.template_code ~ '^(AN|CLOSING|CORRECTION|MANUAL|OPENING|REVERSAL)(_TEMPLATE)*$' THEN %1$s.template_code || '_TEMPLATE'
                          ELSE %1$s.template_code END$q$, p_header)
$$;
COMMENT ON FUNCTION acct._journal_code(text) IS
'The expression of the code under which audit files have a journal (a row of headers): its template, or its type where it has none.';

CREATE FUNCTION acct._audit_months(p_scope jsonb) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT DISTINCT s.snapshot_month
      FROM acct.account_balance_snapshot AS s
     WHERE s.entity_code = p_scope ->> 'entity' AND s.basis = p_scope ->> 'basis' AND s.line_count > 0
       AND s.snapshot_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date
     ORDER BY s.snapshot_month
$$;
COMMENT ON FUNCTION acct._audit_months(jsonb) IS 'The months of an export in which its book has entries, by its balances.';

CREATE FUNCTION acct._audit_rows(p_scope jsonb, p_parent text, p_columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT '(' || coalesce(string_agg(format('SELECT %s FROM %s AS x WHERE x.entity_code = %L AND x.basis = %L', acct._column_list(t.relation, p_columns), t.relation,
                                             p_scope ->> 'entity', p_scope ->> 'basis'), ' UNION ALL '),
                           -- Columns of their types, and no row
                           format('SELECT %s FROM acct.%I AS x WHERE false', acct._column_list(format('acct.%I', p_parent)::regclass, p_columns), p_parent)) || ')'
      FROM acct._audit_months(p_scope) AS m CROSS JOIN LATERAL (SELECT acct._report_table(p_parent, m) AS relation) AS t
$$;
COMMENT ON FUNCTION acct._audit_rows(jsonb, text, text[]) IS
'The FROM item of the headers or lines of an export''s book and months, also archived ones. Raises 55000 where a month was dropped, LE010 where a partition is detached.';

CREATE FUNCTION acct._audit_dimensions() RETURNS TABLE (name text, on_lines boolean, value text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.name, d.on_lines, format(CASE format_type(a.atttypid, -1) WHEN 'text' THEN '%s.%I' ELSE '(to_jsonb(%s.%I) #>> ''{}'')' END, CASE WHEN d.on_lines THEN 'l' ELSE 'h' END, d.name)
      FROM (SELECT n AS name, n = ANY (acct._dimensions_of('line')) AS on_lines FROM unnest(acct._dimensions_of('header')) AS n) AS d
      JOIN pg_attribute AS a ON a.attrelid = 'acct.ledger_entry_header'::regclass AND a.attname = d.name AND NOT a.attisdropped
     ORDER BY d.name COLLATE "C"
$$;
COMMENT ON FUNCTION acct._audit_dimensions() IS
'The dimensions that a site added to its journals, with the expressions of their values as texts: of a line l, or of a journal h where lines have them not.';

CREATE FUNCTION acct._audit_headers(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._audit_rows(p_scope, 'ledger_entry_header',
        '{je_id,je_number,je_date,original_date,journal_type,template_code,template_version,txn_id,txn_month,txn_type,policy_no,run_id,posted_at,reversal_of,memo,total_debit,total_credit}'::text[]
        || ARRAY(SELECT d.name FROM acct._audit_dimensions() AS d WHERE NOT d.on_lines))
$$;
COMMENT ON FUNCTION acct._audit_headers(jsonb) IS 'The FROM item of an export''s journals.';

CREATE FUNCTION acct._audit_lines(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._audit_rows(p_scope, 'ledger_entry_line', '{je_id,je_date,line_no,account_code,fund,product_code,channel,debit,credit}'::text[]
        || ARRAY(SELECT d.name FROM acct._audit_dimensions() AS d WHERE d.on_lines))
$$;
COMMENT ON FUNCTION acct._audit_lines(jsonb) IS 'The FROM item of an export''s journal lines.';

CREATE FUNCTION acct._line_texts(p_template_memo text, p_manual_memo text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- As acct.ledger_line has it
    SELECT format($q$
      LEFT JOIN (SELECT t.template_code, t.version, t.line_no, %s AS memo FROM acct.journal_template_line AS t) AS t
        ON t.template_code = h.template_code AND t.version = h.template_version AND t.line_no = l.line_no AND h.journal_type <> 'correction'
      LEFT JOIN (SELECT j.je_id, m.line_no, %s AS memo FROM acct.manual_journal AS j JOIN acct.manual_journal_line AS m ON m.journal_id = j.journal_id WHERE j.je_id IS NOT NULL) AS m
        ON m.je_id = CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE h.je_id END AND m.line_no = l.line_no$q$, p_template_memo, p_manual_memo)
$$;
COMMENT ON FUNCTION acct._line_texts(text, text) IS
'The joins that find the text t.memo or m.memo of a line l of a journal h, by the expressions of t.memo (of a template line) and m.memo (of a manual line).';

CREATE FUNCTION acct._audit_time(p_moment text, p_format text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('to_char(%s AT TIME ZONE ''UTC'', %L)', p_moment, p_format)
$$;
COMMENT ON FUNCTION acct._audit_time(text, text) IS 'The expression of a moment in UTC.';

CREATE FUNCTION acct._iso_day(p_day text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('to_char(%s, ''YYYY-MM-DD'')', p_day)
$$;
COMMENT ON FUNCTION acct._iso_day(text) IS 'The expression of a day as 2025-12-31.';

--
-- What stands against an export
--

CREATE FUNCTION acct._audit_accounts(p_scope jsonb) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.account_code FROM acct.account_balance_snapshot AS s
     WHERE s.entity_code = p_scope ->> 'entity' AND s.basis = p_scope ->> 'basis'
       AND s.snapshot_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date AND (s.line_count > 0 OR s.opening_balance <> 0)
    UNION
    SELECT b.account_code FROM acct._month_balances((p_scope ->> 'from_day')::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS b WHERE b.opening_balance <> 0
$$;
COMMENT ON FUNCTION acct._audit_accounts(jsonb) IS 'The accounts of an export: those with entries, or a balance before its first day.';

CREATE FUNCTION acct._audit_foreign(p_scope jsonb) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.currency
      FROM (SELECT s.currency FROM acct.account_balance_snapshot AS s
             WHERE s.entity_code = p_scope ->> 'entity' AND s.basis = p_scope ->> 'basis'
               AND s.snapshot_month BETWEEN (p_scope ->> 'from_day')::date AND (p_scope ->> 'to_day')::date AND (s.line_count > 0 OR s.opening_balance <> 0)
            UNION
            SELECT b.currency FROM acct._month_balances((p_scope ->> 'from_day')::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS b WHERE b.opening_balance <> 0) AS c
     WHERE c.currency IS DISTINCT FROM p_scope ->> 'currency'
     ORDER BY c.currency
$$;
COMMENT ON FUNCTION acct._audit_foreign(jsonb) IS 'The currencies other than the functional one in which a book has entries or balances in an export.';

CREATE FUNCTION acct._audit_unbalanced(p_scope jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    before CONSTANT text := (SELECT string_agg(acct._money(x.currency, x.amount), ', ' ORDER BY x.currency COLLATE "C")
                               FROM (SELECT b.currency, sum(b.opening_balance) AS amount
                                       FROM acct._month_balances((p_scope ->> 'from_day')::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS b GROUP BY b.currency) AS x
                              WHERE x.amount <> 0);
    journals text;
BEGIN
    EXECUTE format('SELECT acct._first_of(array_agg(h.je_id::text ORDER BY h.je_id)) FROM %s AS h WHERE h.total_debit <> h.total_credit',
                   acct._audit_rows(p_scope, 'ledger_entry_header', '{je_id,total_debit,total_credit}')) INTO journals;
    RETURN nullif(concat_ws('; ', 'balances before ' || (p_scope ->> 'from_day') || ' come to ' || before, 'journals with je_id ' || journals), '');
END
$$;
COMMENT ON FUNCTION acct._audit_unbalanced(jsonb) IS
'Balances at the beginning, and journals, of an export''s book that do not balance, as a message; NULL: there are none. Raises 55000 where a month was dropped.';

CREATE FUNCTION acct._audit_scope(p_format text, p_from date, p_to date, p_entity text, p_basis text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    functional text;
BEGIN
    PERFORM acct._require_layout();
    IF p_format IS NULL OR p_format NOT IN ('fec', 'iso21378', 'saft') THEN
        RAISE EXCEPTION 'unknown format of audit files: %', coalesce(p_format, 'NULL') USING ERRCODE = '22023', HINT = 'It is fec, iso21378 or saft.';
    END IF;
    PERFORM acct._require_plausible_month(p_from), acct._require_plausible_month(p_to);
    IF p_to < p_from THEN
        RAISE EXCEPTION 'the last month, %, is before the first one, %', acct._month_name(p_to), acct._month_name(p_from) USING ERRCODE = '22023';
    END IF;
    PERFORM acct._require_code('entity', p_entity), acct._require_code('basis', p_basis);
    IF p_format = 'fec' AND p_from <> acct._year_start(acct.month_end(p_to)) THEN
        RAISE EXCEPTION 'a FEC is of a year: % to % is none', acct._month_name(p_from), acct._month_name(p_to)
            USING ERRCODE = '22023', HINT = 'Name the first and the last month of a year.';
    ELSIF p_format = 'fec' THEN
        PERFORM acct._require_year_end(acct.month_end(p_to), p_entity, p_basis);
    END IF;
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    SELECT e.functional_currency INTO functional FROM acct.entity AS e WHERE e.entity_code = p_entity;
    RETURN jsonb_build_object('format', p_format, 'entity', p_entity, 'basis', p_basis, 'from_day', p_from, 'to_day', acct.month_end(p_to), 'currency', functional,
                              'first_year_month', coalesce((SELECT b.first_year_month FROM acct.book AS b WHERE b.entity_code = p_entity AND b.basis = p_basis), 1),
                              'decimals', greatest(2, coalesce((SELECT c.minor_units FROM acct.currency AS c WHERE c.currency = functional), 2)));
END
$$;
COMMENT ON FUNCTION acct._audit_scope(text, date, date, text, text) IS
'The scope of an export; keeps months from being archived to the end of the transaction. Raises 22023 (a wrong argument), 22004, LE010, 40001.';

CREATE FUNCTION acct._audit_findings(p_scope jsonb) RETURNS TABLE (severity text, finding text, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    p_format CONSTANT text := p_scope ->> 'format';
    p_entity CONSTANT text := p_scope ->> 'entity';
    p_basis CONSTANT text := p_scope ->> 'basis';
    from_day CONSTANT date := (p_scope ->> 'from_day')::date;
    to_day CONSTANT date := (p_scope ->> 'to_day')::date;
    currency CONSTANT text := p_scope ->> 'currency';
    foreign_ones CONSTANT text[] := ARRAY(SELECT acct._audit_foreign(p_scope));
    dropped CONSTANT text[] := ARRAY(SELECT acct._month_name(a.month) FROM acct.archived_partition AS a
                                      WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL AND a.month BETWEEN from_day AND to_day ORDER BY a.month);
    strange CONSTANT text[] := ARRAY(SELECT a FROM acct._audit_accounts(p_scope) AS a WHERE a !~ '^[0-9]{3}[0-9a-zA-Z]*$' ORDER BY a COLLATE "C");
    open_months CONSTANT text[] := ARRAY(SELECT acct._month_name(m::date) FROM generate_series(from_day::timestamp, to_day, interval '1 month') AS m
                                          WHERE NOT acct._is_shut(p_entity, p_basis, m::date) ORDER BY m);
    year_begin CONSTANT date := acct._year_begin(from_day, p_entity, p_basis);
    registration CONSTANT text := (SELECT translate(e.registration_no, ' ', '') FROM acct.entity AS e WHERE e.entity_code = p_entity);
BEGIN
    RETURN QUERY
    SELECT f.* FROM (VALUES
        ('error', 'no_functional_currency', CASE WHEN currency IS NULL THEN format('entity %s has no functional currency', p_entity) END,
         'Have a release set functional_currency of the entity' || CASE WHEN currency IS NULL AND cardinality(foreign_ones) = 1 THEN ': the amounts of the book are of ' || foreign_ones[1] ELSE '' END || '.'),
        ('error', 'foreign_currency',
         CASE WHEN currency IS NOT NULL AND foreign_ones <> '{}' THEN format('book %s %s has amounts outside its functional currency %s: %s', p_entity, p_basis, currency, acct._first_of(foreign_ones))
              WHEN cardinality(foreign_ones) > 1 THEN format('book %s %s has amounts of several currencies: %s', p_entity, p_basis, acct._first_of(foreign_ones)) END,
         'Audit files have amounts of one currency, and the engine has no functional amounts of others yet.'),
        ('error', 'month_dropped', CASE WHEN dropped <> '{}' THEN format('months were dropped: %s', acct._first_of(dropped)) END,
         'Where they were exported, acct.archived_partition.manifest names their files.'),
        ('error', 'account_number', CASE WHEN p_format = 'fec' AND strange <> '{}' THEN format('accounts do not begin with three digits, or have other characters than digits and letters: %s', acct._first_of(strange)) END,
         'A FEC has the numbers of the French chart of accounts. Export the book whose accounts have them.'),
        ('error', 'registration_no', CASE p_format WHEN 'fec' THEN CASE WHEN registration ~ '^[0-9]{9}$' IS NOT TRUE THEN format('the registration number of entity %s is no SIREN', p_entity) END
                                                   WHEN 'saft' THEN CASE WHEN registration ~ '[0-9A-Za-z]' IS NOT TRUE THEN format('entity %s has no registration number', p_entity) END END,
         'Have a release set registration_no of the entity.'),
        ('error', 'country', CASE WHEN p_format = 'saft' AND (SELECT e.country ~ '^[A-Za-z]{2}$' FROM acct.entity AS e WHERE e.entity_code = p_entity) IS NOT TRUE THEN
              format('entity %s has no country of two letters', p_entity) END, 'Have a release set country of the entity, as in ISO 3166.'),
        ('error', 'currency_code', CASE WHEN p_format = 'saft' AND currency !~ '^[A-Z]{3}$' THEN format('the functional currency %s has no code of three letters', currency) END,
         'SAF-T has the currency codes of ISO 4217.'),
        ('error', 'out_of_range', CASE WHEN p_format = 'saft' AND (extract(year FROM from_day) < 1970 OR extract(year FROM to_day) >= 2100
              OR (SELECT greatest(sum(s.period_debit), sum(s.period_credit)) FROM acct.account_balance_snapshot AS s
                   WHERE s.entity_code = p_entity AND s.basis = p_basis AND s.snapshot_month BETWEEN from_day AND to_day) >= 1e16) THEN
              'SAF-T has years from 1970 on, and sums of less than 10,000,000,000,000,000' END, 'Export fewer months at a time.'),
        (CASE p_format WHEN 'fec' THEN 'error' ELSE 'warning' END, 'result_carried_forward',
         CASE WHEN EXISTS (SELECT FROM acct._result_balances(year_begin - 1, p_entity, p_basis)) THEN
              format('income and expense have balances before %s', to_char(year_begin, 'YYYY-MM-DD')) END,
         CASE p_format WHEN 'fec' THEN 'Close the year before. Opening entries are of the balance sheet only.'
                       ELSE 'Close the year before: else income and expense open with what they have of earlier years.' END),
        ('warning', 'not_in_euros', CASE WHEN p_format = 'fec' AND currency <> 'EUR' THEN format('amounts of book %s %s are of %s', p_entity, p_basis, currency) END,
         'French law has accounts kept in euros, and a FEC does not say of what currency its amounts are. Export a book that is kept in euros.'),
        ('warning', 'decimals',
         CASE WHEN p_format = 'saft' AND (p_scope ->> 'decimals')::integer > 2 THEN
              format('amounts of %s have %s decimals, and each is rounded to the two of SAF-T', currency, p_scope ->> 'decimals') END,
         'In the file, balances can differ by roundings from what its lines come to. A FEC and audit data (iso21378) have all decimals.'),
        ('warning', 'months_open', CASE WHEN open_months <> '{}' THEN format('months are open: %s', acct._first_of(open_months)) END,
         'What is posted later is not in the file.')) AS f (severity, finding, message, hint)
     WHERE f.message IS NOT NULL;
END
$$;
COMMENT ON FUNCTION acct._audit_findings(jsonb) IS 'The problems of an export (error), and notes for its readers (warning), as far as no journal is read for them.';

CREATE FUNCTION acct.check_audit_export(file_format text, from_month date, to_month date, entity text, basis text DEFAULT 'PRIMARY')
RETURNS TABLE (severity text, finding text, message text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    scope CONSTANT jsonb := acct._audit_scope($1, $2, $3, $4, $5);
    can_be_read boolean := true;
BEGIN
    FOR severity, finding, message, hint IN SELECT f.* FROM acct._audit_findings(scope) AS f LOOP
        can_be_read := can_be_read AND finding <> 'month_dropped';
        RETURN NEXT;
    END LOOP;
    -- This reads all journals, and refuses no export: only who asks gets it.
    IF can_be_read THEN
        message := 'debits and credits differ: ' || acct._audit_unbalanced(scope);
        IF message IS NOT NULL THEN
            severity := 'warning';
            finding := 'unbalanced';
            hint := 'Who gets the file may refuse it. acct.fund_journal has the journals: correct them.';
            RETURN NEXT;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION acct.check_audit_export(text, date, date, text, text) IS
'Checks whether some months of a book (entity, basis) can be exported as audit files (fec, iso21378 or saft): a row for each finding; an export is refused while one is an error. Raises 22023 (unknown format, a month that is not plausible, no year of the book in a FEC, an entity or basis that does not exist), LE010, 40001.';

CREATE FUNCTION acct._refuse_findings(p_scope jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found text[];
    advice text;
BEGIN
    SELECT array_agg(f.message ORDER BY f.message COLLATE "C"), string_agg(DISTINCT f.hint COLLATE "C", ' ') INTO found, advice FROM acct._audit_findings(p_scope) AS f WHERE f.severity = 'error';
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'book % % cannot be exported as %', p_scope ->> 'entity', p_scope ->> 'basis', p_scope ->> 'format'
            USING ERRCODE = '55000', DETAIL = 'Findings: ' || array_to_string(found, '; ') || '.', HINT = advice;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_findings(jsonb) IS 'Raises 55000, with all findings, where something stands against an export.';

CREATE FUNCTION acct._checked_scope(p_scope jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._refuse_findings(p_scope);
    RETURN p_scope;
END
$$;
COMMENT ON FUNCTION acct._checked_scope(jsonb) IS
'The scope of an export against which nothing stands, by the snapshot of the statement that makes the file: something may have been posted since the export began. Raises 55000.';

CREATE FUNCTION acct._begin_export(p_format text, p_from date, p_to date, p_entity text, p_basis text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    scope CONSTANT jsonb := acct._audit_scope(p_format, p_from, p_to, p_entity, p_basis);
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'an export is recorded, and this transaction is read-only' USING ERRCODE = '25006',
            HINT = CASE WHEN pg_is_in_recovery() THEN 'Export on the primary. acct.check_audit_export() works here, too.' ELSE 'Export in a transaction that can write. acct.check_audit_export() works here, too.' END;
    END IF;
    PERFORM acct._refuse_findings(scope);
    RETURN scope;
END
$$;
COMMENT ON FUNCTION acct._begin_export(text, date, date, text, text) IS
'The scope of an export that can be made. Raises 55000 where something stands against it, 25006 where it could not be recorded, and what _audit_scope() raises.';

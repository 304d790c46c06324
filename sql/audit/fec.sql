-- The French FEC: the file of accounting entries (fichier des ecritures comptables) of a year, by article A 47 A-1 of the LPF.
--
-- Entries are numbered within each journal code in the order in which they were posted. Nothing is ever inserted before what was posted, so
-- the numbers only grow; they are kept when the year is closed, run by run, because the journals of a run follow each other.

CREATE FUNCTION acct._fec_code(p_header text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A code with a separator has a part of its hash instead, which tells it from others.
    SELECT format($q$CASE WHEN strpos(%2$s.template_code, '|') > 0 THEN translate(%1$s, '|', ' ') || '-' || left(md5(%2$s.template_code), 8) ELSE %1$s END$q$,
                  acct._journal_code(p_header), p_header)
$$;
COMMENT ON FUNCTION acct._fec_code(text) IS 'The expression of the journal code of a journal (a row of headers) in a FEC.';

CREATE FUNCTION acct._fec_headers(p_scope jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A journal whose lines are all zero is none of a FEC. One that need not balance can have credits alone.
    SELECT format('(SELECT x.*, %s AS journal_code, %L AND x.total_debit = 0 AS is_last FROM %s AS x WHERE (x.total_debit <> 0 OR x.total_credit <> 0) AND x.run_id <> ALL (%L::bigint[]))',
                  acct._fec_code('x'), p_scope ? 'credits_last', acct._audit_headers(p_scope),
                  ARRAY(SELECT acct._closing_runs(date_trunc('month', (p_scope ->> 'to_day')::timestamp)::date)))
$$;
COMMENT ON FUNCTION acct._fec_headers(jsonb) IS 'The FROM item of the journals of a FEC with their codes: those of the year without its closing entries.';

CREATE FUNCTION acct._fec_numbers(p_scope jsonb) RETURNS TABLE (journal_code text, run_id bigint, is_last boolean, first_number bigint, journals bigint, run_order bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT n.journal_code COLLATE "C", n.run_id, n.is_last,
               (sum(n.journals) OVER (PARTITION BY n.journal_code ORDER BY n.is_last, n.posted_at, n.run_id) - n.journals + 1)::bigint, n.journals,
               dense_rank() OVER (ORDER BY n.is_last, n.posted_at, n.run_id)
          FROM (SELECT h.journal_code, h.run_id, h.posted_at, h.is_last, count(*) AS journals FROM %s AS h GROUP BY 1, 2, 3, 4) AS n$q$, acct._fec_headers(p_scope));
END
$$;
COMMENT ON FUNCTION acct._fec_numbers(jsonb) IS
'The numbers of a year''s entries in the order in which they were posted: for each journal code and run the first number, how many journals there are, and the rank of the run. With credits_last in the scope, journals with credits alone (is_last) come last.';

CREATE FUNCTION acct._require_fec_numbers(p_scope jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    scope jsonb;
    found_now record;
    differs record;
BEGIN
    -- Version 0.2.0 numbered years without journals that have credits alone. What it numbered keeps its numbers: these come after it.
    FOREACH scope IN ARRAY ARRAY[p_scope, p_scope || '{"credits_last": true}'] LOOP
        SELECT k.journal_code, k.run_id, k.first_number, k.journals, n.first_number AS first_now, n.journals AS journals_now INTO found_now
          FROM acct.fec_number AS k
          LEFT JOIN acct._fec_numbers(scope) AS n ON n.journal_code = k.journal_code AND n.run_id = k.run_id AND NOT n.is_last
         WHERE k.entity_code = p_scope ->> 'entity' AND k.basis = p_scope ->> 'basis' AND k.year_end = (p_scope ->> 'to_day')::date
           AND (k.first_number, k.journals) IS DISTINCT FROM (n.first_number, n.journals)
         ORDER BY k.journal_code, k.first_number LIMIT 1;
        IF NOT FOUND THEN
            RETURN scope;
        END IF;
        IF scope = p_scope THEN
            differs := found_now;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'entries of the year that ends on % are not those that were numbered', p_scope ->> 'to_day'
        USING ERRCODE = 'LE009', DETAIL = format('Run %s, journal code %s: %s journals had the numbers from %s on; now there are %s, from %s on.',
                                                 differs.run_id, differs.journal_code, differs.journals, differs.first_number,
                                                 coalesce(differs.journals_now, 0), coalesce(differs.first_now::text, 'none')),
              HINT = 'The ledger is immutable: compare it with a backup.';
END
$$;
COMMENT ON FUNCTION acct._require_fec_numbers(jsonb) IS
'Returns the scope, with credits_last where version 0.2.0 numbered the year. Raises LE009 where the entries of a year are not those whose numbers were kept.';

CREATE FUNCTION acct._keep_fec_numbers(p_scope jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.fec_number (entity_code, basis, year_end, journal_code, run_id, first_number, journals)
    SELECT p_scope ->> 'entity', p_scope ->> 'basis', (p_scope ->> 'to_day')::date, n.journal_code, n.run_id, n.first_number, n.journals
      FROM acct._fec_numbers(p_scope) AS n WHERE NOT n.is_last
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION acct._keep_fec_numbers(jsonb) IS 'Keeps the numbers of the entries of a closed year, those that are not kept yet.';

CREATE FUNCTION acct._number_year(p_year_end date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    first_day CONSTANT date := acct._year_start(p_year_end);
BEGIN
    -- Numbering reads the journals of the year. The first export numbers a year that was not numbered here.
    IF EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = p_entity AND upper(e.country) IN ('FR', 'FRA', 'FRANCE'))
       AND NOT EXISTS (SELECT FROM acct.archived_partition AS a
                        WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL AND a.month BETWEEN first_day AND p_year_end) THEN
        PERFORM acct._keep_fec_numbers(jsonb_build_object('entity', p_entity, 'basis', p_basis, 'from_day', first_day, 'to_day', p_year_end));
    END IF;
END
$$;
COMMENT ON FUNCTION acct._number_year(date, text, text) IS 'The part of close_year() that keeps the numbers of a FEC, of an entity in France.';

CREATE FUNCTION acct._fec_journals() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- The last version that was approved gives a journal its name.
    SELECT format($q$
        (SELECT d.code, d.name
           FROM (VALUES ('AN', 'A-nouveaux'), ('OPENING', 'Bilan d''ouverture'), ('MANUAL', 'Operations diverses'), ('REVERSAL', 'Contrepassations'),
                        ('CORRECTION', 'Corrections')) AS d (code, name)
         UNION ALL
         (SELECT DISTINCT ON (t.template_code) %1$s, coalesce(%2$s, %1$s)
            FROM (SELECT v.*, NULL::text AS journal_type FROM acct.journal_template AS v) AS t
           ORDER BY t.template_code, t.status IN ('approved', 'retired') DESC, t.version DESC))$q$,
        acct._fec_code('t'), acct._clean('t.description', '|'))
$$;
COMMENT ON FUNCTION acct._fec_journals() IS 'The FROM item of the journal codes of a FEC with their names.';

CREATE FUNCTION acct._fec_amount(p_amount text, p_decimals integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('replace(round(%s, %s)::text, ''.'', '','')', p_amount, p_decimals)
$$;
COMMENT ON FUNCTION acct._fec_amount(text, integer) IS 'The expression of an amount with a decimal comma.';

CREATE FUNCTION acct._fec_line(p_fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'concat(' || array_to_string(p_fields, ', chr(9), ') || ')'
$$;
COMMENT ON FUNCTION acct._fec_line(text[]) IS 'The expression of a line of fields, separated by tabs; NULL is an empty field.';

CREATE FUNCTION acct._fec_fields() RETURNS TABLE (field text, kind text, meaning text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('JournalCode', 'alphanumerique', 'Code du journal : modele d''ecriture, AN (a-nouveaux), OPENING (bilan d''ouverture), MANUAL (operations diverses), REVERSAL (contrepassations) ou CORRECTION (corrections)'),
           ('JournalLib', 'alphanumerique', 'Libelle du journal'),
           ('EcritureNum', 'alphanumerique', 'Numero de l''ecriture, continu par code journal, dans l''ordre de validation'),
           ('EcritureDate', 'date AAAAMMJJ', 'Date de comptabilisation'),
           ('CompteNum', 'alphanumerique', 'Numero de compte'),
           ('CompteLib', 'alphanumerique', 'Libelle du compte'),
           ('CompAuxNum', 'alphanumerique', 'Numero de police, sur les comptes 40 et 41 ; vide sinon'),
           ('CompAuxLib', 'alphanumerique', 'Libelle du compte auxiliaire ; vide sinon'),
           ('PieceRef', 'alphanumerique', 'Reference de la piece : identifiant de l''operation de gestion, ou numero de l''ecriture comptable'),
           ('PieceDate', 'date AAAAMMJJ', 'Date de la piece'),
           ('EcritureLib', 'alphanumerique', 'Libelle de l''ecriture'),
           ('Debit', 'numerique', 'Montant au debit'),
           ('Credit', 'numerique', 'Montant au credit'),
           ('EcritureLet', 'alphanumerique', 'Lettrage : non utilise, vide'),
           ('DateLet', 'date AAAAMMJJ', 'Date de lettrage : non utilisee, vide'),
           ('ValidDate', 'date AAAAMMJJ', 'Date de validation (temps universel)'),
           ('Montantdevise', 'numerique', 'Montant en devise : non utilise, vide'),
           ('Idevise', 'alphanumerique', 'Devise : non utilisee, vide')
$$;
COMMENT ON FUNCTION acct._fec_fields() IS 'The 18 fields of a FEC in their order, each with its type and its meaning in French.';

CREATE FUNCTION acct._fec_openings(p_scope jsonb) RETURNS TABLE (account_code text, amount numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT b.account_code, sum(b.opening_balance)
      FROM acct._month_balances((p_scope ->> 'from_day')::date, p_scope ->> 'entity', p_scope ->> 'basis', NULL) AS b
     GROUP BY b.account_code HAVING sum(b.opening_balance) <> 0
$$;
COMMENT ON FUNCTION acct._fec_openings(jsonb) IS 'The opening entry of a year: the balances of the accounts at the end of the year before, debits positive.';

CREATE FUNCTION acct._fec_query(p_scope jsonb, p_file text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    decimals CONSTANT integer := (p_scope ->> 'decimals')::integer;
    from_day CONSTANT date := (p_scope ->> 'from_day')::date;
    first_day CONSTANT text := quote_literal(to_char(from_day, 'YYYYMMDD'));
    opening_line CONSTANT text := acct._fec_line(ARRAY[
        '''AN''', '''A-nouveaux''', '1', first_day, 'b.account_code', 'coalesce(a.name, b.account_code)', 'NULL', 'NULL', quote_literal('AN' || to_char(from_day, 'YYYY')), first_day,
        quote_literal('A-nouveaux au ' || to_char(from_day, 'DD/MM/YYYY')), acct._fec_amount('greatest(b.amount, 0)', decimals), acct._fec_amount('greatest(-b.amount, 0)', decimals),
        'NULL', 'NULL', first_day, 'NULL', 'NULL']);
    entry_line CONSTANT text := acct._fec_line(ARRAY[
        'h.code', 'h.journal_name', 'h.number', 'h.entry_date', 'l.account_code', 'coalesce(a.name, l.account_code)',
        'CASE WHEN a.is_auxiliary THEN h.policy END', 'CASE WHEN a.is_auxiliary THEN ''Police '' || h.policy END', 'h.piece', 'h.piece_date',
        'coalesce(nullif(t.memo, ''/''), nullif(m.memo, ''/''), nullif(h.text, ''/''), ''Ecriture '' || h.je_number)',
        acct._fec_amount('l.debit', decimals), acct._fec_amount('l.credit', decimals), 'NULL', 'NULL', 'h.valid_date', 'NULL', 'NULL']);
BEGIN
    RETURN format($q$
        WITH account AS MATERIALIZED (
            SELECT c.account_code, %s AS name, c.account_code ~ '^4[01]' AS is_auxiliary FROM acct.chart_of_accounts AS c),
        journal AS MATERIALIZED (
            SELECT h.je_id, h.je_date, h.je_number, h.journal_type, h.template_code, h.template_version, h.reversal_of, n.run_order,
                   h.journal_code AS code, coalesce(d.name, h.journal_code) AS journal_name, to_char(h.je_date, 'YYYYMMDD') AS entry_date, %s AS policy,
                   coalesce(h.txn_id::text, h.je_number) AS piece, to_char(coalesce(h.original_date, h.je_date), 'YYYYMMDD') AS piece_date, %s AS text,
                   to_char(h.posted_at AT TIME ZONE 'UTC', 'YYYYMMDD') AS valid_date,
                   n.first_number - 1 + row_number() OVER (PARTITION BY h.journal_code, h.run_id, h.is_last ORDER BY h.je_id) AS number
              FROM %s AS h
              JOIN acct._fec_numbers(%L) AS n ON n.journal_code = h.journal_code AND n.run_id = h.run_id AND n.is_last = h.is_last
              LEFT JOIN %s AS d ON d.code = h.journal_code)
        SELECT %L, x.line, x.place > 0
          FROM (SELECT 0::bigint AS place, NULL::bigint AS je_id, 0 AS line_no,
                       (SELECT string_agg(f.field, chr(9)) FROM acct._fec_fields() AS f) AS line
                UNION ALL
                SELECT 1, NULL, row_number() OVER (ORDER BY b.account_code COLLATE "C")::integer, %s
                  FROM acct._fec_openings(%L) AS b LEFT JOIN account AS a ON a.account_code = b.account_code
                UNION ALL
                -- Opening journals before all others
                SELECT CASE h.journal_type WHEN 'opening' THEN 1::bigint << 40 ELSE 1::bigint << 41 END + h.run_order, h.je_id, l.line_no, %s
                  FROM %s AS l
                  JOIN journal AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
                  LEFT JOIN account AS a ON a.account_code = l.account_code %s
                 WHERE l.debit <> 0 OR l.credit <> 0) AS x
         ORDER BY x.place, x.je_id, x.line_no$q$,
        acct._clean('c.description', '|'), acct._clean('h.policy_no', '|'), acct._clean('h.memo', '|'),
        acct._fec_headers(p_scope), p_scope, acct._fec_journals(), p_file, opening_line, p_scope, entry_line, acct._audit_lines(p_scope), acct._line_texts(acct._clean('t.memo', '|'), acct._clean('m.memo', '|')));
END
$$;
COMMENT ON FUNCTION acct._fec_query(jsonb, text) IS 'The query of the lines of a FEC, for _sent_lines().';

CREATE FUNCTION acct._fec_description(p_scope jsonb, p_file text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    company CONSTANT text := (SELECT coalesce(e.name, e.entity_code) FROM acct.entity AS e WHERE e.entity_code = p_scope ->> 'entity');
    head CONSTANT text[] := ARRAY[
        'Description du fichier des ecritures comptables ' || p_file,
        '(article A 47 A-1 du livre des procedures fiscales, XI)',
        '-',
        format('Societe : %s, SIREN %s', company, left(p_file, 9)),
        format('Exercice : du %s au %s', to_char((p_scope ->> 'from_day')::date, 'DD/MM/YYYY'), to_char((p_scope ->> 'to_day')::date, 'DD/MM/YYYY')),
        format('Referentiel comptable : %s', p_scope ->> 'basis'),
        'Logiciel : ledger_engine ' || (SELECT x.extversion FROM pg_extension AS x WHERE x.extname = 'ledger_engine'),
        'Fichier a plat : une ligne par ligne d''ecriture ; la premiere ligne contient les noms des champs.',
        'Separateur de champs : tabulation. Fin de ligne : LF. Jeu de caracteres : UTF-8, sans BOM.',
        'Dates : AAAAMMJJ, sans separateur.',
        format('Montants : devise %s, %s decimales, virgule decimale, sans separateur de milliers.', p_scope ->> 'currency', p_scope ->> 'decimals'),
        'Dans les textes, un espace remplace tabulations, barres verticales, sauts de ligne et caracteres de controle.',
        'Ordre : a-nouveaux, puis ecritures dans l''ordre de leur validation, sans les ecritures de cloture des comptes de charges et de produits.',
        '-',
        'Champs :'];
BEGIN
    RETURN format($q$
        SELECT %L, %s, false
          FROM (SELECT 1 AS step, u.n, u.line FROM unnest(%L::text[]) WITH ORDINALITY AS u (line, n)
                UNION ALL
                SELECT 2, f.n, format('%%s. %%s (%%s) : %%s', f.n, f.field, f.kind, f.meaning) FROM acct._fec_fields() WITH ORDINALITY AS f (field, kind, meaning, n)
                UNION ALL
                SELECT 3, u.n, u.line FROM unnest(ARRAY['-', 'Journaux :']) WITH ORDINALITY AS u (line, n)
                UNION ALL
                SELECT 4, row_number() OVER (ORDER BY j.code COLLATE "C"), format('%%s : %%s', j.code, coalesce(d.name, j.code))
                  FROM (SELECT DISTINCT h.journal_code AS code FROM acct._fec_numbers(%L) AS h
                        UNION
                        SELECT 'AN' WHERE EXISTS (SELECT FROM acct._fec_openings(%L))) AS j
                  LEFT JOIN %s AS d ON d.code = j.code) AS x
         ORDER BY x.step, x.n$q$,
        replace(p_file, '.txt', '_description.txt'), acct._clean('x.line'), head, p_scope, p_scope, acct._fec_journals());
END
$$;
COMMENT ON FUNCTION acct._fec_description(jsonb, text) IS 'The query of the lines of the description that goes with a FEC, for _sent_lines().';

CREATE FUNCTION acct.fec_file_name(year_end date, entity text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    siren text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_code('entity', fec_file_name.entity);
    IF fec_file_name.year_end IS NULL OR NOT isfinite(fec_file_name.year_end) THEN
        RAISE EXCEPTION 'the last day of the year must be given' USING ERRCODE = '22004';
    END IF;
    PERFORM acct._require_plausible_month(acct.month_start(fec_file_name.year_end));
    IF fec_file_name.year_end <> acct.month_end(fec_file_name.year_end) THEN
        RAISE EXCEPTION 'no year ends on %', to_char(fec_file_name.year_end, 'YYYY-MM-DD') USING ERRCODE = '22023', HINT = 'A year ends on the last day of a month.';
    END IF;
    siren := (SELECT translate(e.registration_no, ' ', '') FROM acct.entity AS e WHERE e.entity_code = fec_file_name.entity);
    IF siren ~ '^[0-9]{9}$' IS NOT TRUE THEN
        RAISE EXCEPTION 'the registration number of entity % is no SIREN', fec_file_name.entity
            USING ERRCODE = '22023', DETAIL = format('It is %s.', coalesce(quote_literal(siren), 'not given')), HINT = 'Have a release set registration_no of the entity to its nine digits.';
    END IF;
    RETURN siren || 'FEC' || to_char(fec_file_name.year_end, 'YYYYMMDD') || '.txt';
END
$$;
COMMENT ON FUNCTION acct.fec_file_name(date, text) IS
'The name of the FEC of a year that ends with a day: the SIREN (registration_no) of the entity, FEC, and the day. Raises 22004, 22023 (the entity does not exist or has no SIREN, or no year ends on the day).';

CREATE FUNCTION acct.export_fec(year_end date, entity text, basis text DEFAULT 'PRIMARY', part text DEFAULT 'entries') RETURNS TABLE (line text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_nestloop = off AS $$
DECLARE
    -- Without statistics a nested loop reads all accounts, journals and texts again for each line.
    scope jsonb;
    file text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_year_end(export_fec.year_end, export_fec.entity, export_fec.basis);
    IF export_fec.part IS NULL OR export_fec.part NOT IN ('entries', 'description') THEN
        RAISE EXCEPTION 'a FEC has no part %', coalesce(export_fec.part, 'NULL') USING ERRCODE = '22023', HINT = 'It is entries or description.';
    END IF;
    scope := acct._begin_export('fec', acct._year_start(export_fec.year_end), date_trunc('month', export_fec.year_end::timestamp)::date, export_fec.entity, export_fec.basis);
    file := acct.fec_file_name(export_fec.year_end, export_fec.entity);
    IF export_fec.part = 'description' THEN
        RETURN QUERY SELECT s.line FROM acct._sent_lines(acct._fec_description(scope, file), scope) AS s;
        RETURN;
    END IF;
    scope := acct._require_fec_numbers(scope);
    IF export_fec.year_end <= (SELECT b.closed_through FROM acct.book AS b WHERE b.entity_code = export_fec.entity AND b.basis = export_fec.basis) THEN
        PERFORM acct._keep_fec_numbers(scope);
    END IF;
    RETURN QUERY SELECT s.line FROM acct._sent_lines(acct._fec_query(acct._checked_scope(scope), file), scope) AS s;
END
$$;
COMMENT ON FUNCTION acct.export_fec(date, text, text, text) IS
'The French FEC of a year of a book (entity, basis) that ends with a day, line by line: entries with those of opening first and without those of closing, or part => description, which goes with it; recorded in acct.audit_export. Raises 55000 (something stands against it, see check_audit_export()), 25006 (the transaction is read-only, or this is a standby), LE009 (entries are not those that were numbered), 22004, 22023, LE010, 40001.';

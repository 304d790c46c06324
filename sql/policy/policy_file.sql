-- Policy as a file: one JSON document with one row a line, which comes out the same whenever policy is the same, and goes in as
-- the drafts of a release. It holds what the digest of policy covers, except for the limits, which no release changes.

CREATE FUNCTION acct._file_tables() RETURNS TABLE (n integer, table_name text, key_columns text[], columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.n, t.table_name, t.key_columns, p.columns
      FROM (SELECT r.n, r.table_name, r.key_columns FROM acct._release_tables() AS r
            UNION ALL
            VALUES (101, 'journal_template', ARRAY['template_code', 'version']),
                   (102, 'journal_template_match', ARRAY['template_code', 'version', 'match_no']),
                   (103, 'journal_template_line', ARRAY['template_code', 'version', 'line_no'])) AS t (n, table_name, key_columns)
      JOIN acct._policy_columns() AS p USING (table_name)
$$;
COMMENT ON FUNCTION acct._file_tables() IS 'The tables of a policy document in their order, with their keys and the columns that it has.';

CREATE FUNCTION acct._key_of(p_row jsonb, p_columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(c, p_row -> c) FROM unnest(p_columns) AS c
$$;
COMMENT ON FUNCTION acct._key_of(jsonb, text[]) IS 'These columns of a row, with null for those that it does not have.';

CREATE FUNCTION acct._policy_rows(p_table text, p_codes text[], p_with_drafts boolean) RETURNS TABLE (place bigint, policy_row jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    is_template CONSTANT boolean := starts_with(p_table, 'journal_template');
BEGIN
    SELECT f.* INTO STRICT t FROM acct._file_tables() AS f WHERE f.table_name = p_table;
    RETURN QUERY EXECUTE format(
        'SELECT row_number() OVER (ORDER BY %s), jsonb_strip_nulls(jsonb_build_object(%s)) FROM acct.%I AS t %s WHERE %s',
        (SELECT string_agg(format('t.%I NULLS FIRST', k), ', ' ORDER BY x.n) FROM unnest(t.key_columns) WITH ORDINALITY AS x (k, n)),
        (SELECT string_agg(format('%L, t.%I', c, c), ', ') FROM unnest(t.columns) AS c), p_table,
        CASE WHEN is_template AND p_table <> 'journal_template' THEN 'JOIN acct.journal_template AS v USING (template_code, version)' ELSE '' END,
        CASE WHEN is_template THEN format('($1 IS NULL OR t.template_code = ANY ($1)) AND ($2 OR %s.status IN (''approved'', ''retired''))',
                                          CASE p_table WHEN 'journal_template' THEN 't' ELSE 'v' END)
             ELSE 'true' END)
      USING p_codes, p_with_drafts;
END
$$;
COMMENT ON FUNCTION acct._policy_rows(text, text[], boolean) IS
'The rows of a table of policy, without columns that are NULL; of templates those of these codes (NULL: all) that are approved or retired, on request also drafts.';

CREATE FUNCTION acct._row_in_file(p_row jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{' || string_agg(to_json(c.key)::text || ': ' || c.value::text, ', ' ORDER BY c.key COLLATE "C") || '}' FROM jsonb_each(p_row) AS c
$$;
COMMENT ON FUNCTION acct._row_in_file(jsonb) IS 'A row as its line of a policy document, its keys sorted.';

CREATE FUNCTION acct._needed_by_templates(p_codes text[]) RETURNS TABLE (noun text, code text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH RECURSIVE line AS MATERIALIZED (
        SELECT DISTINCT l.account_code, l.fund
          FROM acct.journal_template_line AS l JOIN acct.journal_template AS t USING (template_code, version)
         WHERE l.template_code = ANY (p_codes) AND t.status IN ('approved', 'retired')),
    pair AS (
        SELECT l.account_code, l.fund FROM line AS l
        UNION
        SELECT m.mapped_account_code, m.mapped_fund FROM line AS l JOIN acct.product_account_map AS m ON m.account_code = l.account_code AND m.fund = l.fund),
    need AS (
        SELECT x.noun, x.code FROM pair AS p CROSS JOIN LATERAL (VALUES ('account', p.account_code), ('fund', p.fund)) AS x (noun, code)
        UNION
        SELECT x.noun, x.code
          FROM need AS n
         CROSS JOIN LATERAL (
            SELECT 'account' AS noun, a.parent_account_code AS code FROM acct.chart_of_accounts AS a WHERE n.noun = 'account' AND a.account_code = n.code
            UNION ALL SELECT 'account', a.closing_account_code FROM acct.chart_of_accounts AS a WHERE n.noun = 'account' AND a.account_code = n.code
            UNION ALL SELECT 'fund', a.fund FROM acct.chart_of_accounts AS a WHERE n.noun = 'account' AND a.account_code = n.code
            UNION ALL SELECT 'account', f.surplus_account_code FROM acct.fund AS f WHERE n.noun = 'fund' AND f.fund = n.code) AS x
         WHERE x.code IS NOT NULL)
    SELECT n.noun, n.code FROM need AS n
    UNION ALL
    SELECT DISTINCT 'basis', t.basis FROM acct.journal_template AS t WHERE t.template_code = ANY (p_codes) AND t.status IN ('approved', 'retired')
    UNION ALL
    SELECT 'pair', l.account_code || ' ' || l.fund FROM line AS l
$$;
COMMENT ON FUNCTION acct._needed_by_templates(text[]) IS
'The accounts, funds and bases that templates name, also through account maps, parents and accounts of a year''s end; as pair, account and fund of their lines.';

CREATE FUNCTION acct.export_policy(template_codes text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    codes CONSTANT text[] := (SELECT array_agg(DISTINCT c COLLATE "C" ORDER BY c COLLATE "C") FROM unnest(export_policy.template_codes) AS c);
    missing text;
    is_part CONSTANT boolean := export_policy.template_codes IS NOT NULL;
    needed jsonb;
    document text;
BEGIN
    PERFORM acct._require_layout();
    SELECT min(coalesce(c, 'NULL') COLLATE "C") INTO missing FROM unnest(codes) AS c
     WHERE NOT EXISTS (SELECT FROM acct.journal_template AS t WHERE t.template_code = c AND t.status IN ('approved', 'retired'));
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'template % has no approved version', missing USING ERRCODE = '22023', HINT = 'Templates are rows of acct.journal_template.';
    END IF;
    IF is_part THEN
        SELECT jsonb_object_agg(x.noun, x.codes) INTO needed
          FROM (SELECT n.noun, jsonb_object_agg(n.code, true) AS codes FROM acct._needed_by_templates(coalesce(codes, ARRAY[]::text[])) AS n GROUP BY n.noun) AS x;
    END IF;
    SELECT string_agg(format(E'"%s": [%s]', f.table_name, coalesce(E'\n' || r.lines || E'\n', '')), E',\n' ORDER BY f.n) INTO document
      FROM acct._file_tables() AS f
     CROSS JOIN LATERAL (
        SELECT string_agg(acct._row_in_file(p.policy_row), E',\n' ORDER BY p.place) AS lines FROM acct._policy_rows(f.table_name, codes, false) AS p
         WHERE NOT is_part
            OR CASE f.table_name WHEN 'fund' THEN needed -> 'fund' ? (p.policy_row ->> 'fund')
                                 WHEN 'chart_of_accounts' THEN needed -> 'account' ? (p.policy_row ->> 'account_code')
                                 WHEN 'accounting_basis' THEN needed -> 'basis' ? (p.policy_row ->> 'basis')
                                 WHEN 'product_account_map' THEN needed -> 'pair' ? ((p.policy_row ->> 'account_code') || ' ' || (p.policy_row ->> 'fund'))
                                 ELSE starts_with(f.table_name, 'journal_template') AND codes IS NOT NULL END) AS r
     WHERE NOT is_part OR f.table_name IN ('fund', 'chart_of_accounts', 'accounting_basis', 'product_account_map') OR starts_with(f.table_name, 'journal_template');
    RETURN format(E'{\n"ledger_engine_policy": 1,\n"template_codes": %s,\n%s\n}\n',
                  CASE WHEN is_part THEN coalesce(to_json(codes)::text, '[]') ELSE 'null' END, document);
END
$$;
COMMENT ON FUNCTION acct.export_policy(text[]) IS
'The policy in force as a JSON document, one row a line, the same text whenever policy is the same; with template_codes those templates and what they need. Raises 22023 where a template has no approved version.';

CREATE FUNCTION acct._refuse_document(p_problem text, p_hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the policy document is not valid'
        USING ERRCODE = '22023', DETAIL = p_problem || '.', HINT = coalesce(p_hint, 'acct.export_policy() writes such documents.');
END
$$;
COMMENT ON FUNCTION acct._refuse_document(text, text) IS 'Raises 22023 with what is wrong with a policy document.';

CREATE FUNCTION acct._value_problem(p_value json, p_type text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    kind CONSTANT text := json_typeof(p_value);
    value CONSTANT text := p_value #>> '{}';
BEGIN
    -- Of a date that looks like one but is none, the cast says so.
    IF kind = 'null' OR p_type = 'text' AND kind = 'string' OR p_type = 'bool' AND kind = 'boolean'
       OR p_type IN ('int4', 'int2') AND kind = 'number' AND value ~ '^-?[0-9]{1,10}$'
          AND abs(value::bigint) <= (CASE p_type WHEN 'int4' THEN 2147483647 ELSE 32767 END)
       OR p_type = 'date' AND kind = 'string' AND value ~ '^(-?infinity|[0-9]{4,7}-[0-9][0-9]-[0-9][0-9]( BC)?)$'
       OR starts_with(p_type, '_') AND kind = 'array'
          AND NOT EXISTS (SELECT FROM json_array_elements(p_value) AS e
                           WHERE json_typeof(e) = 'null' OR acct._value_problem(e, substr(p_type, 2)) IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    RETURN CASE p_type WHEN 'text' THEN 'is not a string' WHEN 'bool' THEN 'is not true or false' WHEN 'date' THEN 'is not a date such as "2025-01-31"'
                       WHEN '_text' THEN 'is not an array of strings' WHEN '_int4' THEN 'is not an array of whole numbers'
                       ELSE 'is not a whole number in range' END;
END
$$;
COMMENT ON FUNCTION acct._value_problem(json, text) IS 'Why a value of a policy document cannot be one of a column''s type; NULL where it can.';

CREATE FUNCTION acct._read_rows(p_rows json, p_table text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    types jsonb;
    defaults jsonb;
    required text[];
    fault text;
    result jsonb;
BEGIN
    SELECT f.* INTO STRICT t FROM acct._file_tables() AS f WHERE f.table_name = p_table;
    IF json_typeof(p_rows) <> 'array' THEN
        PERFORM acct._refuse_document(format('"%s" is not an array of rows', p_table));
    END IF;
    SELECT jsonb_object_agg(a.attname, y.typname), array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnotnull) INTO types, required
      FROM pg_attribute AS a JOIN pg_type AS y ON y.oid = a.atttypid WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.attname = ANY (t.columns);
    defaults := acct._with_defaults(p_table, jsonb_build_object(), required);

    SELECT format('row %s is not an object', r.n) INTO fault
      FROM json_array_elements(p_rows) WITH ORDINALITY AS r (value, n) WHERE json_typeof(r.value) <> 'object' ORDER BY r.n LIMIT 1;
    IF fault IS NULL THEN
        SELECT CASE WHEN c.key IS NULL THEN format('row %s lacks "%s"', r.n, (SELECT min(q) FROM unnest(required) AS q WHERE NOT defaults ? q AND (r.value ->> q) IS NULL))
                    WHEN NOT types ? c.key THEN format('row %s has an unknown key: "%s"', r.n, c.key)
                    WHEN c.times > 1 THEN format('row %s has "%s" twice', r.n, c.key)
                    ELSE format('row %s: "%s" %s', r.n, c.key, c.problem) END INTO fault
          FROM json_array_elements(p_rows) WITH ORDINALITY AS r (value, n)
         CROSS JOIN LATERAL (
            SELECT e.key, count(*) OVER (PARTITION BY e.key) AS times, acct._value_problem(e.value, types ->> e.key) AS problem FROM json_each(r.value) AS e
            UNION ALL
            SELECT NULL, 0, NULL WHERE EXISTS (SELECT FROM unnest(required) AS q WHERE NOT defaults ? q AND (r.value ->> q) IS NULL)) AS c
         WHERE c.key IS NULL OR NOT types ? c.key OR c.times > 1 OR c.problem IS NOT NULL
         ORDER BY r.n, c.key IS NULL, c.key LIMIT 1;
    END IF;
    IF fault IS NULL THEN
        BEGIN
            EXECUTE format('SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(%s)) ORDER BY r.n), ''[]'') '
                           '  FROM json_array_elements($1) WITH ORDINALITY AS r (value, n), jsonb_populate_record(NULL::acct.%I, $2 || jsonb_strip_nulls(r.value::jsonb)) AS x',
                           (SELECT string_agg(format('%L, x.%I', c, c), ', ') FROM unnest(t.columns) AS c), p_table)
               INTO result USING p_rows, defaults;
        EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
            fault := format('a date does not exist: %s', SQLERRM);
        END;
    END IF;
    IF fault IS NULL THEN
        SELECT format('rows %s and %s have the same key', min(r.n), max(r.n)) INTO fault
          FROM jsonb_array_elements(result) WITH ORDINALITY AS r (value, n) GROUP BY acct._key_of(r.value, t.key_columns) HAVING count(*) > 1 ORDER BY min(r.n) LIMIT 1;
    END IF;
    IF fault IS NOT NULL THEN
        PERFORM acct._refuse_document(format('"%s", %s', p_table, fault));
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION acct._read_rows(json, text) IS
'The rows of a table in a policy document, checked, with the defaults that they leave out and without columns that are NULL. Raises 22023 where one of them cannot be a row.';

CREATE FUNCTION acct._read_policy(p_document text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most CONSTANT integer := 100 * 1024 * 1024;
    document json;
    fault text;
    tables jsonb;
BEGIN
    IF p_document IS NULL THEN
        RAISE EXCEPTION 'the policy document must be given' USING ERRCODE = '22004';
    ELSIF octet_length(p_document) > most THEN
        RAISE EXCEPTION 'the policy document has % bytes', octet_length(p_document) USING ERRCODE = '54000', DETAIL = format('It may have %s at most.', most);
    END IF;
    BEGIN
        document := p_document::json;
        IF json_typeof(document) <> 'object' THEN
            fault := 'It is not a JSON object';
        ELSE
            SELECT format(CASE WHEN count(*) > 1 THEN 'It has "%s" twice' ELSE 'It has an unknown key: "%s"' END, k.key) INTO fault FROM json_object_keys(document) AS k (key)
             GROUP BY k.key HAVING count(*) > 1 OR k.key NOT IN ('ledger_engine_policy', 'template_codes') AND k.key NOT IN (SELECT f.table_name FROM acct._file_tables() AS f)
             ORDER BY k.key COLLATE "C" LIMIT 1;
            IF (document -> 'ledger_engine_policy') IS NULL THEN
                fault := 'It lacks "ledger_engine_policy", the number of its format';
            ELSIF (document -> 'ledger_engine_policy')::text <> '1' THEN
                fault := format('Its format is %s, and this version reads format 1', document -> 'ledger_engine_policy');
            ELSIF fault IS NULL AND acct._value_problem(coalesce(document -> 'template_codes', 'null'), '_text') IS NOT NULL THEN
                fault := '"template_codes" is neither null nor an array of strings';
            END IF;
        END IF;
        IF fault IS NULL THEN
            SELECT jsonb_object_agg(f.table_name, acct._read_rows(document -> f.table_name, f.table_name)) INTO tables
              FROM acct._file_tables() AS f WHERE (document -> f.table_name) IS NOT NULL;
        END IF;
    EXCEPTION
        WHEN invalid_text_representation OR statement_too_complex THEN
            fault := format('It is not JSON: %s', SQLERRM);
        WHEN untranslatable_character OR invalid_parameter_value THEN
            IF SQLSTATE = '22023' THEN
                RAISE;
            END IF;
            fault := format('It has a text that cannot be read: %s', SQLERRM);
    END;
    IF fault IS NOT NULL THEN
        PERFORM acct._refuse_document(fault);
    END IF;
    SELECT format('"%s", row %s: template %s version %s is not in "journal_template"', p.table_name, r.n, r.value ->> 'template_code', r.value ->> 'version') INTO fault
      FROM (VALUES ('journal_template_match'), ('journal_template_line')) AS p (table_name)
     CROSS JOIN LATERAL jsonb_array_elements(coalesce(tables -> p.table_name, '[]')) WITH ORDINALITY AS r (value, n)
      LEFT JOIN (SELECT t ->> 'template_code' AS code, t ->> 'version' AS version FROM jsonb_array_elements(coalesce(tables -> 'journal_template', '[]')) AS t) AS h
        ON h.code = r.value ->> 'template_code' AND h.version = r.value ->> 'version'
     WHERE h.code IS NULL ORDER BY p.table_name, r.n LIMIT 1;
    IF fault IS NOT NULL THEN
        PERFORM acct._refuse_document(fault);
    END IF;
    RETURN jsonb_build_object('is_complete', (document ->> 'template_codes') IS NULL, 'tables', coalesce(tables, '{}'));
END
$$;
COMMENT ON FUNCTION acct._read_policy(text) IS
'The rows of a policy document by table, checked, and whether it is one of all policy. Raises 22004, 22023 and 54000 where it is not valid.';

CREATE FUNCTION acct._plan_changes(p_release bigint, p_table text, p_rows jsonb, p_delete_missing boolean) RETURNS TABLE (drops jsonb, makes jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
BEGIN
    SELECT f.* INTO STRICT t FROM acct._file_tables() AS f WHERE f.table_name = p_table;
    RETURN QUERY EXECUTE format($q$
        WITH doc AS MATERIALIZED (
            SELECT acct._key_of(r, $1) AS key, r AS new_row FROM jsonb_array_elements($2) AS r),
        approved AS MATERIALIZED (
            SELECT acct._key_of(p.policy_row, $1) AS key, p.policy_row AS old_row FROM acct._policy_rows($3, NULL, false) AS p),
        want AS MATERIALIZED (
            SELECT key, CASE WHEN a.key IS NULL THEN 'insert' WHEN a.old_row <> d.new_row THEN 'update' END AS operation, d.new_row, a.old_row
              FROM doc AS d LEFT JOIN approved AS a USING (key)
            UNION ALL
            SELECT a.key, 'delete', NULL, a.old_row FROM approved AS a WHERE $4 AND NOT EXISTS (SELECT FROM doc AS d WHERE d.key = a.key)),
        have AS MATERIALIZED (
            SELECT acct._key_of(to_jsonb(d), $1) AS key, d.operation,
                   (SELECT jsonb_object_agg(c, to_jsonb(d) -> c) FROM unnest($5) AS c WHERE to_jsonb(d) -> c <> 'null') AS new_row,
                   (SELECT jsonb_object_agg(c, d.approved_row -> c) FROM unnest($5) AS c WHERE d.approved_row -> c <> 'null') AS old_row
              FROM acct.%I AS d WHERE d.release_id = $6),
        -- What the release has already, and what it was made from
        kept AS MATERIALIZED (
            SELECT w.key FROM want AS w JOIN have AS h USING (key)
             WHERE h.operation = w.operation AND h.old_row IS NOT DISTINCT FROM w.old_row AND (w.operation = 'delete' OR h.new_row = w.new_row))
        SELECT (SELECT jsonb_agg(h.key ORDER BY h.key) FROM have AS h
                 WHERE ($4 OR EXISTS (SELECT FROM doc AS d WHERE d.key = h.key)) AND NOT EXISTS (SELECT FROM kept AS k WHERE k.key = h.key)),
               (SELECT jsonb_agg(jsonb_build_object('table', $3, 'operation', w.operation, 'key', w.key, 'row', coalesce(w.new_row, w.key), 'is_made', k.key IS NULL) ORDER BY w.key)
                  FROM want AS w LEFT JOIN kept AS k USING (key) WHERE w.operation IS NOT NULL)$q$, p_table || '_draft')
      USING t.key_columns, p_rows, p_table, p_delete_missing, t.columns, p_release;
END
$$;
COMMENT ON FUNCTION acct._plan_changes(bigint, text, jsonb, boolean) IS
'The plan for a release''s drafts of a table, so that it changes policy to the rows of a document: drafts to drop, and changes, with is_made for those that it does not have yet.';

CREATE FUNCTION acct._versions_of(p_tables jsonb) RETURNS TABLE (template_code text, version integer, header jsonb, parts jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH part AS MATERIALIZED (
        SELECT p.name, r.value ->> 'template_code' AS code, r.value -> 'version' AS version, jsonb_agg(r.value ORDER BY (r.value ->> p.number)::integer) AS list
          FROM (VALUES ('journal_template_match', 'match_no'), ('journal_template_line', 'line_no')) AS p (name, number)
         CROSS JOIN LATERAL jsonb_array_elements(coalesce(p_tables -> p.name, '[]')) AS r (value)
         GROUP BY 1, 2, 3)
    SELECT h.value ->> 'template_code', (h.value ->> 'version')::integer, h.value,
           jsonb_build_object('journal_template_match', coalesce(m.list, '[]'), 'journal_template_line', coalesce(l.list, '[]'))
      FROM jsonb_array_elements(coalesce(p_tables -> 'journal_template', '[]')) AS h (value)
      LEFT JOIN part AS m ON m.name = 'journal_template_match' AND m.code = h.value ->> 'template_code' AND m.version = h.value -> 'version'
      LEFT JOIN part AS l ON l.name = 'journal_template_line' AND l.code = h.value ->> 'template_code' AND l.version = h.value -> 'version'
$$;
COMMENT ON FUNCTION acct._versions_of(jsonb) IS 'The template versions in the tables of a policy document, each with its match rules and lines.';

CREATE FUNCTION acct._plan_templates(p_release bigint, p_tables jsonb, p_delete_missing boolean, OUT drops jsonb, OUT makes jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    present jsonb;
    fault record;
BEGIN
    SELECT jsonb_object_agg(f.table_name, (SELECT coalesce(jsonb_agg(p.policy_row ORDER BY p.place), '[]') FROM acct._policy_rows(f.table_name, NULL, true) AS p)) INTO present
      FROM acct._file_tables() AS f WHERE starts_with(f.table_name, 'journal_template');
    WITH pair AS MATERIALIZED (
        SELECT d.*, p.header AS old_header, p.parts AS old_parts, t.status, t.release_id,
               coalesce((d.header ->> 'effective_to')::date, 'infinity') AS ends, coalesce(t.effective_to, 'infinity') AS old_end
          FROM acct._versions_of(p_tables) AS d
          LEFT JOIN acct._versions_of(present) AS p USING (template_code, version)
          LEFT JOIN acct.journal_template AS t USING (template_code, version))
    SELECT format('template %s version %s ', p.template_code, p.version)
           || CASE WHEN p.status = 'draft' AND p.release_id IS NULL THEN 'is a draft that goes with no release'
                   WHEN p.status IN ('draft', 'submitted') THEN coalesce(format('is %s with release %s', p.status, p.release_id), 'is ' || p.status)
                   WHEN p.header - 'effective_to' <> p.old_header - 'effective_to' OR p.parts <> p.old_parts THEN 'is approved with another content'
                   ELSE format('ends on %s and cannot end later', to_char(p.old_end, 'YYYY-MM-DD')) END AS problem,
           CASE WHEN p.status IN ('draft', 'submitted') THEN 'Put it into this release, have it returned, or delete it.'
                ELSE 'Give what is new to a version of its own, with another number and effective_from.' END AS hint INTO fault
      FROM pair AS p
     WHERE p.status = 'submitted' OR p.status = 'draft' AND p.release_id IS DISTINCT FROM p_release
        OR p.status IN ('approved', 'retired') AND (p.header - 'effective_to' <> p.old_header - 'effective_to' OR p.parts <> p.old_parts OR p.ends > p.old_end)
     ORDER BY p.template_code COLLATE "C", p.version LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', fault.problem USING ERRCODE = 'LE004', HINT = fault.hint;
    END IF;
    WITH doc AS MATERIALIZED (SELECT d.* FROM acct._versions_of(p_tables) AS d),
    present_version AS MATERIALIZED (SELECT p.* FROM acct._versions_of(present) AS p),
    judged AS MATERIALIZED (
        SELECT d.template_code, d.version, d.header, d.parts, t.status, r.effective_to AS drafted_end,
               r.approved_row = jsonb_build_object('status', t.status, 'effective_to', t.effective_to) AS is_current,
               -- A draft names a basis that is approved.
               CASE WHEN NOT EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = d.header ->> 'basis')
                     AND EXISTS (SELECT FROM jsonb_array_elements(p_tables -> 'accounting_basis') AS b WHERE b ->> 'basis' = d.header ->> 'basis') THEN 'wait'
                    WHEN t.status IS NULL OR t.status = 'draft' THEN 'insert'
                    WHEN (d.header ->> 'effective_to')::date IS DISTINCT FROM t.effective_to THEN 'retire' END AS operation,
               t.status = 'draft' AND d.header = p.header AND d.parts = p.parts AS is_kept
          FROM doc AS d LEFT JOIN present_version AS p USING (template_code, version)
          LEFT JOIN acct.journal_template AS t USING (template_code, version)
          LEFT JOIN acct.template_retirement_draft AS r ON r.release_id = p_release AND r.template_code = d.template_code AND r.version = d.version)
    SELECT jsonb_build_object(
               'journal_template', (SELECT jsonb_agg(x.key ORDER BY x.key)
                   FROM (SELECT jsonb_build_object('template_code', j.template_code, 'version', j.version) AS key FROM judged AS j WHERE j.status = 'draft' AND NOT j.is_kept
                         UNION ALL
                         SELECT jsonb_build_object('template_code', t.template_code, 'version', t.version) FROM acct.journal_template AS t
                          WHERE p_delete_missing AND t.release_id = p_release AND t.status = 'draft'
                            AND NOT EXISTS (SELECT FROM doc AS d WHERE d.template_code = t.template_code AND d.version = t.version)) AS x),
               'template_retirement_draft', (SELECT jsonb_agg(jsonb_build_object('template_code', r.template_code, 'version', r.version) ORDER BY r.template_code, r.version)
                   FROM acct.template_retirement_draft AS r LEFT JOIN judged AS j USING (template_code, version)
                  WHERE r.release_id = p_release
                    AND CASE WHEN j.template_code IS NULL THEN p_delete_missing
                             ELSE j.operation IS DISTINCT FROM 'retire' OR NOT j.is_current OR j.drafted_end <> (j.header ->> 'effective_to')::date END)),
           (SELECT jsonb_agg(jsonb_build_object('table', 'journal_template', 'operation', j.operation, 'key', jsonb_build_object('template_code', j.template_code, 'version', j.version),
                                                'row', j.header, 'parts', j.parts,
                                                'is_made', CASE j.operation WHEN 'wait' THEN false WHEN 'insert' THEN j.is_kept IS NOT TRUE
                                                                ELSE (j.is_current AND j.drafted_end = (j.header ->> 'effective_to')::date) IS NOT TRUE END)
                             ORDER BY j.template_code COLLATE "C", j.version)
              FROM judged AS j WHERE j.operation IS NOT NULL)
      INTO drops, makes;
END
$$;
COMMENT ON FUNCTION acct._plan_templates(bigint, jsonb, boolean) IS
'The same of the template versions of a document. Raises LE004 where one is approved with another content, or is a draft elsewhere.';

CREATE FUNCTION acct._import_plan(p_document text, p_release bigint, p_delete_missing boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    document jsonb;
    drops jsonb := jsonb_build_object();
    makes jsonb := jsonb_build_array();
    f record;
    plan record;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    document := acct._read_policy(p_document);
    IF p_delete_missing AND NOT (document ->> 'is_complete')::boolean THEN
        RAISE EXCEPTION 'the document has a part of policy, and no missing row can be deleted by it'
            USING ERRCODE = '22023', HINT = 'Leave out delete_missing, or import a document of all policy.';
    END IF;
    PERFORM acct._hold_release(p_release, 'policy', 'import');
    FOR f IN SELECT t.table_name FROM acct._file_tables() AS t WHERE NOT starts_with(t.table_name, 'journal_template') ORDER BY t.n LOOP
        SELECT c.* INTO plan FROM acct._plan_changes(p_release, f.table_name, coalesce(document #> ARRAY['tables', f.table_name], '[]'), p_delete_missing) AS c;
        drops := drops || jsonb_build_object(f.table_name || '_draft', plan.drops);
        makes := makes || coalesce(plan.makes, '[]');
    END LOOP;
    SELECT c.* INTO plan FROM acct._plan_templates(p_release, document -> 'tables', p_delete_missing) AS c;
    RETURN jsonb_build_object('drops', drops || plan.drops, 'makes', makes || coalesce(plan.makes, '[]'));
END
$$;
COMMENT ON FUNCTION acct._import_plan(text, bigint, boolean) IS
'The plan of import_policy(), for which it locks the release: drafts to drop by table, and the changes that the release then has. import_policy() itself writes with the rights of its caller.';

CREATE FUNCTION acct._drop_drafts(p_release bigint, p_drops jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d record;
BEGIN
    FOR d IN SELECT x.key AS table_name, x.value AS keys, ARRAY(SELECT k FROM jsonb_object_keys(x.value -> 0) AS k) AS columns
               FROM jsonb_each(p_drops) AS x WHERE jsonb_typeof(x.value) = 'array' ORDER BY x.key COLLATE "C" LOOP
        EXECUTE format('DELETE FROM acct.%1$I AS d USING jsonb_populate_recordset(NULL::acct.%1$I, $1) AS k WHERE d.release_id = $2 AND %2$s', d.table_name,
                       (SELECT string_agg(format('d.%1$I IS NOT DISTINCT FROM k.%1$I', c), ' AND ') FROM unnest(d.columns) AS c))
          USING d.keys, p_release;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._drop_drafts(bigint, jsonb) IS 'Deletes drafts of a release by their keys, with the rights of the caller.';

CREATE FUNCTION acct._draft_changes(p_release bigint, p_table text, p_operation text, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    others text[];
BEGIN
    SELECT f.* INTO t FROM acct._file_tables() AS f WHERE f.table_name = p_table;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    others := ARRAY(SELECT c FROM unnest(t.columns) AS c WHERE c <> ALL (t.key_columns));
    EXECUTE format('INSERT INTO acct.%1$I (release_id, operation, %2$s) SELECT $1, $2, %3$s FROM jsonb_populate_recordset(NULL::acct.%1$I, $3) AS r',
                   p_table || '_draft',
                   (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(CASE p_operation WHEN 'insert' THEN t.columns ELSE t.key_columns END) WITH ORDINALITY AS x (c, n)),
                   (SELECT string_agg(format('r.%I', c), ', ' ORDER BY n) FROM unnest(CASE p_operation WHEN 'insert' THEN t.columns ELSE t.key_columns END) WITH ORDINALITY AS x (c, n)))
      USING p_release, p_operation, p_rows;
    -- What is left out of a draft is filled in, so NULL comes by an UPDATE.
    IF p_operation = 'update' AND cardinality(others) > 0 THEN
        EXECUTE format('UPDATE acct.%1$I AS d SET (%2$s) = ROW (%3$s) FROM jsonb_populate_recordset(NULL::acct.%1$I, $1) AS r WHERE d.release_id = $2 AND %4$s',
                       p_table || '_draft',
                       (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(others) WITH ORDINALITY AS x (c, n)),
                       (SELECT string_agg(format('r.%I', c), ', ' ORDER BY n) FROM unnest(others) WITH ORDINALITY AS x (c, n)),
                       (SELECT string_agg(format('d.%1$I IS NOT DISTINCT FROM r.%1$I', c), ' AND ') FROM unnest(t.key_columns) AS c))
          USING p_rows, p_release;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._draft_changes(bigint, text, text, jsonb) IS 'Inserts drafts of one operation into the draft table of a table, with the rights of the caller.';

CREATE FUNCTION acct._draft_versions(p_release bigint, p_versions jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT t.n, t.table_name, (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(t.columns) WITH ORDINALITY AS x (c, n)) AS list
               FROM acct._file_tables() AS t WHERE starts_with(t.table_name, 'journal_template') ORDER BY t.n LOOP
        EXECUTE format('INSERT INTO acct.%1$I (%2$s%3$s) SELECT %2$s%4$s FROM jsonb_array_elements($1) AS v, jsonb_populate_recordset(NULL::acct.%1$I, %5$s) AS r',
                       f.table_name, f.list,
                       CASE f.table_name WHEN 'journal_template' THEN ', release_id' END, CASE f.table_name WHEN 'journal_template' THEN ', $2' END,
                       CASE f.table_name WHEN 'journal_template' THEN 'jsonb_build_array(v -> ''row'')' ELSE format('v #> ''{parts,%s}''', f.table_name) END)
          USING p_versions, p_release;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._draft_versions(bigint, jsonb) IS 'Inserts template versions as drafts that go with a release, with the rights of the caller.';

CREATE FUNCTION acct.import_policy(document text, release_id bigint, delete_missing boolean DEFAULT false)
RETURNS TABLE (table_name text, operation text, row_key jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    plan CONSTANT jsonb := acct._import_plan(import_policy.document, import_policy.release_id, coalesce(import_policy.delete_missing, false));
    s record;
BEGIN
    PERFORM acct._drop_drafts(import_policy.release_id, plan -> 'drops');
    FOR s IN SELECT m ->> 'table' AS changed, m ->> 'operation' AS change, jsonb_agg(m ->  'row' ORDER BY n) AS new_rows, jsonb_agg(m ORDER BY n) AS all_of_it
               FROM jsonb_array_elements(plan -> 'makes') WITH ORDINALITY AS x (m, n) WHERE (m ->> 'is_made')::boolean
              GROUP BY 1, 2 ORDER BY min(n) LOOP
        IF s.change = 'retire' THEN
            INSERT INTO acct.template_retirement_draft AS d (release_id, template_code, version, effective_to)
            SELECT import_policy.release_id, r.template_code, r.version, r.effective_to FROM jsonb_populate_recordset(NULL::acct.template_retirement_draft, s.new_rows) AS r;
        ELSIF s.changed = 'journal_template' THEN
            PERFORM acct._draft_versions(import_policy.release_id, s.all_of_it);
        ELSE
            PERFORM acct._draft_changes(import_policy.release_id, s.changed, s.change, s.new_rows);
        END IF;
    END LOOP;
    RETURN QUERY SELECT m ->> 'table', m ->> 'operation', m -> 'key' FROM jsonb_array_elements(plan -> 'makes') WITH ORDINALITY AS x (m, n) ORDER BY n;
END
$$;
COMMENT ON FUNCTION acct.import_policy(text, bigint, boolean) IS
'Makes a release change policy to what a document of export_policy() says, as drafts of the caller; a row for each change, none where policy is that already. Raises 22004, 22023, 54000 (the document is not valid), LE003 (an expression is refused), LE004 (no such release, it is not a draft, or a template version is approved with another content), 25001 (the transaction is not READ COMMITTED).';

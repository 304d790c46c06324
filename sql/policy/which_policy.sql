-- Which policy: what is approved, or what it would be with a release applied, or with one version of a template.
--
-- Code that reads policy takes an array: names of tables, each followed by the FROM item that stands in for it (src/policy/policy.h).
-- So a preview and a comparison are made by the code that books, and nothing is applied and taken back.

CREATE FUNCTION acct._rows_with_drafts(p_release bigint, p_table text, p_keys text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    is_map CONSTANT boolean := p_table = 'product_account_map';
    columns CONSTANT text[] := ARRAY(SELECT a.attname::text FROM pg_attribute AS a JOIN pg_attribute AS d ON d.attname = a.attname AND NOT d.attisdropped
                                      WHERE a.attrelid = format('acct.%I', p_table)::regclass AND d.attrelid = format('acct.%I', p_table || '_draft')::regclass
                                        AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum);
BEGIN
    RETURN format('(SELECT %s FROM acct.%I AS t WHERE NOT EXISTS (SELECT FROM acct.%I AS d WHERE d.release_id = %s AND d.operation <> ''insert'' AND %s) '
                  'UNION ALL SELECT %s FROM acct.%3$I AS d WHERE d.release_id = %4$s AND d.operation <> ''delete'')',
                  (SELECT string_agg(format('t.%I', c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS x (c, n)), p_table, p_table || '_draft', p_release,
                  (SELECT string_agg(format('d.%1$I = t.%1$I', k), ' AND ') FROM unnest(CASE WHEN is_map THEN '{map_id}' ELSE p_keys END) AS k),
                  -- A row of the map gets its number when it is approved; until then, less than none, so that it is no other's.
                  (SELECT string_agg(CASE WHEN is_map AND c = 'map_id' THEN 'coalesce(d.map_id, -d.draft_no)' ELSE format('d.%I', c) END, ', ' ORDER BY n)
                     FROM unnest(columns) WITH ORDINALITY AS x (c, n)));
END
$$;
COMMENT ON FUNCTION acct._rows_with_drafts(bigint, text, text[]) IS 'The FROM item that gives a table of policy as it would be with the changes of a release.';

CREATE FUNCTION acct._templates_with(p_release bigint, p_template text, p_version integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- One version alone is as if it were in effect on every day, and no other of its template.
    SELECT format('(SELECT t.template_code, t.version, t.description, t.template_type, t.basis, '
                  'CASE WHEN t.template_code = %1$L THEN CASE t.version WHEN %2$L THEN ''approved'' ELSE ''draft'' END '
                  '     WHEN t.release_id = %3$L THEN ''approved'' WHEN d.release_id IS NOT NULL THEN ''retired'' ELSE t.status END AS status, '
                  'CASE t.template_code WHEN %1$L THEN date ''-infinity'' ELSE t.effective_from END AS effective_from, '
                  'CASE WHEN t.template_code = %1$L THEN NULL WHEN d.release_id IS NOT NULL THEN d.effective_to ELSE t.effective_to END AS effective_to, '
                  't.require_balanced, t.balance_by_fund, t.skip_zero_lines, t.negative_policy '
                  'FROM acct.journal_template AS t LEFT JOIN acct.template_retirement_draft AS d ON d.release_id = %3$L '
                  ' AND d.template_code = t.template_code AND d.version = t.version)', p_template, p_version, p_release)
$$;
COMMENT ON FUNCTION acct._templates_with(bigint, text, integer) IS
'The FROM item that gives the versions of templates as they would be with a release (NULL: none), or with one version in the place of all of its template (NULL: none).';

CREATE FUNCTION acct._policy_with(p_release bigint DEFAULT NULL, p_template text DEFAULT NULL, p_version integer DEFAULT NULL) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    has_drafts boolean;
    items text[] := ARRAY[]::text[];
BEGIN
    FOR t IN SELECT r.table_name, r.key_columns FROM acct._release_tables() AS r
              WHERE p_release IS NOT NULL AND r.table_name = ANY (acct._policy_tables()) OR r.table_name = 'product_account_map' AND p_release IS NOT NULL ORDER BY r.n LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM acct.%I AS d WHERE d.release_id = $1)', t.table_name || '_draft') INTO has_drafts USING p_release;
        IF has_drafts THEN
            items := items || ARRAY[t.table_name, acct._rows_with_drafts(p_release, t.table_name, t.key_columns)];
        END IF;
    END LOOP;
    IF p_template IS NOT NULL
       OR EXISTS (SELECT FROM acct.journal_template AS x WHERE x.release_id = p_release)
       OR EXISTS (SELECT FROM acct.template_retirement_draft AS x WHERE x.release_id = p_release) THEN
        items := items || ARRAY['journal_template', acct._templates_with(p_release, p_template, p_version)];
    END IF;
    RETURN items;
END
$$;
COMMENT ON FUNCTION acct._policy_with(bigint, text, integer) IS
'The policy that there would be with a release (NULL: what is approved), or with one version of a template in effect on every day: names of tables and what stands in for them, by turns.';

CREATE FUNCTION acct._require_comparable(p_release bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    held text;
    c record;
BEGIN
    SELECT r.status INTO held FROM acct.policy_release AS r WHERE r.release_id = p_release;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'release % does not exist', coalesce(p_release::text, 'NULL')
            USING ERRCODE = 'LE004', HINT = 'Call acct.create_release().';
    ELSIF held = 'approved' THEN
        RAISE EXCEPTION 'release % is approved: it changes nothing any more', p_release
            USING ERRCODE = 'LE005', HINT = 'See acct.preview_correction() for what it changes of a posted run.';
    END IF;
    SELECT x.operation, CASE x.table_name WHEN 'journal_template' THEN format('template %s version %s', x.row_key ->> 'template_code', x.row_key ->> 'version')
               ELSE x.table_name || ' ' || (SELECT string_agg(coalesce(x.row_key ->> k.name, 'any'), ' ' ORDER BY k.n)
                                              FROM acct._release_tables() AS r, unnest(r.key_columns) WITH ORDINALITY AS k (name, n) WHERE r.table_name = x.table_name) END AS what INTO c
      FROM acct.release_changes AS x WHERE x.release_id = p_release AND x.outdated ORDER BY x.table_name COLLATE "C", x.row_key LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% was changed since release % proposed to % it', c.what, p_release, c.operation
            USING ERRCODE = 'LE004', DETAIL = 'The release is out of date: another one was approved first.',
                  HINT = 'Have it returned, update the row of the draft table, and compare again.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_comparable(bigint) IS
'Raises LE004 where there is no such release or what it was made from has changed, LE005 where it is approved.';

CREATE FUNCTION acct._version_of(p_template text, p_version integer, p_release bigint DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    newest integer;
BEGIN
    SELECT t.version INTO newest FROM acct.journal_template AS t
     WHERE t.template_code = p_template AND t.version = coalesce(p_version, t.version)
     ORDER BY (t.release_id = p_release) IS TRUE DESC, t.version DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION '%', format(CASE WHEN p_version IS NULL THEN 'template %s does not exist' ELSE 'template %s version %s does not exist' END,
                                    coalesce(p_template, 'NULL'), p_version)
            USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    END IF;
    RETURN newest;
END
$$;
COMMENT ON FUNCTION acct._version_of(text, integer, bigint) IS
'A version of a template; without one the newest, of a release if it has one. Raises LE004 where there is none.';

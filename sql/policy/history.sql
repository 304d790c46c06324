-- Who changed policy, submitted, returned and approved it, and when; and how two versions of a template differ.

CREATE FUNCTION acct._readable_columns(p_row jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Without what the engine keeps about the change itself
    SELECT jsonb_strip_nulls(p_row) - ARRAY['maker', 'made_at', 'created_at', 'submitted_by', 'submitted_at', 'returned_by', 'returned_at', 'approver', 'approved_at',
                                            'approved_sha256', 'approved_effective_to', 'approved_row', 'map_id', 'draft_no', 'release_id', 'operation']
$$;
COMMENT ON FUNCTION acct._readable_columns(jsonb) IS 'A row of the audit trail without the columns that the engine fills in, and without those that are NULL.';

CREATE FUNCTION acct._changed_columns(p_old jsonb, p_new jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(CASE WHEN p_old IS NULL OR p_new IS NULL THEN format('%s: %s', k.key, coalesce(k.old_value, k.new_value))
                           ELSE format('%s: %s -> %s', k.key, coalesce(k.old_value, 'none'), coalesce(k.new_value, 'none')) END, '; ' ORDER BY k.key COLLATE "C")
      FROM (SELECT key, o.value #>> '{}' AS old_value, n.value #>> '{}' AS new_value
              FROM jsonb_each(p_old) AS o FULL JOIN jsonb_each(p_new) AS n USING (key)
             WHERE o.value IS DISTINCT FROM n.value) AS k
$$;
COMMENT ON FUNCTION acct._changed_columns(jsonb, jsonb) IS 'The columns by which two rows differ, with both values, as a text; of one row all its columns.';

CREATE FUNCTION acct._event_of(p_table text, p_operation text, p_old_status text, p_new_status text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_table ~ '_draft$' THEN CASE p_operation WHEN 'INSERT' THEN 'proposed' WHEN 'UPDATE' THEN 'edited' ELSE 'withdrawn' END
                WHEN p_operation = 'INSERT' THEN 'created'
                WHEN p_operation = 'DELETE' THEN 'deleted'
                WHEN p_table NOT IN ('journal_template', 'policy_release') OR p_old_status = p_new_status AND p_new_status <> 'retired' THEN 'edited'
                WHEN p_new_status = 'draft' THEN 'returned'
                ELSE p_new_status END
$$;
COMMENT ON FUNCTION acct._event_of(text, text, text, text) IS 'The action that a row of the audit trail records: created, edited, deleted, proposed, withdrawn, submitted, returned, approved or retired.';

CREATE FUNCTION acct.policy_history(template_code text DEFAULT NULL, account_code text DEFAULT NULL, fund text DEFAULT NULL, entity_code text DEFAULT NULL,
    basis text DEFAULT NULL, currency text DEFAULT NULL, release_id bigint DEFAULT NULL)
RETURNS TABLE (changed_at timestamptz, changed_by text, event text, table_name text, row_key jsonb, release bigint, changes text, old_values jsonb, new_values jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    -- What a row names, and by which columns
    wanted CONSTANT jsonb := jsonb_strip_nulls(jsonb_build_object('template_code', policy_history.template_code, 'account_code', policy_history.account_code, 'fund', policy_history.fund,
        'entity_code', policy_history.entity_code, 'basis', policy_history.basis, 'currency', policy_history.currency, 'release_id', policy_history.release_id::text));
BEGIN
    PERFORM acct._require_layout();
    RETURN QUERY
    WITH named AS (
        SELECT w.key, w.value AS code,
               CASE w.key WHEN 'account_code' THEN ARRAY['account_code', 'mapped_account_code', 'counter_account_code', 'closing_account_code', 'surplus_account_code', 'from_account', 'to_account']
                          WHEN 'fund' THEN ARRAY['fund', 'mapped_fund', 'counter_fund'] WHEN 'currency' THEN ARRAY['currency', 'functional_currency'] ELSE ARRAY[w.key] END AS columns
          FROM jsonb_each_text(wanted) AS w),
    -- Versions, match rules and lines go with the release of their version, the last one that it was in. A version that was deleted and made again is another one.
    part AS MATERIALIZED (
        SELECT a.audit_id, a.table_name, a.row_key ->> 'template_code' AS code, a.row_key ->> 'version' AS version, coalesce(a.new_row ->> 'release_id', a.old_row ->> 'release_id') AS release_id,
               count(*) FILTER (WHERE a.table_name = 'journal_template' AND a.operation = 'INSERT') OVER (PARTITION BY a.row_key ->> 'template_code', a.row_key ->> 'version' ORDER BY a.audit_id) AS life
          FROM acct.template_audit AS a
         WHERE a.table_name IN ('journal_template', 'journal_template_match', 'journal_template_line')
           AND (wanted ->> 'template_code' IS NULL OR a.row_key ->> 'template_code' = wanted ->> 'template_code')),
    went_with AS MATERIALIZED (
        SELECT p.audit_id, h.release_id
          FROM part AS p
          JOIN (SELECT x.code, x.version, x.life, (array_agg(x.release_id ORDER BY x.audit_id DESC))[1] AS release_id
                  FROM part AS x WHERE x.table_name = 'journal_template' GROUP BY 1, 2, 3) AS h USING (code, version, life)
         WHERE h.release_id IS NOT NULL),
    trail AS MATERIALIZED (
        SELECT a.*, coalesce(a.new_row ->> 'release_id', a.old_row ->> 'release_id', w.release_id) AS release
          FROM acct.template_audit AS a LEFT JOIN went_with AS w USING (audit_id)),
    direct AS MATERIALIZED (
        SELECT a.* FROM trail AS a
         WHERE a.table_name IN (SELECT t FROM acct._audited_tables() AS t)
           AND (wanted ->> 'template_code' IS NULL OR a.row_key ->> 'template_code' = wanted ->> 'template_code')
           AND NOT EXISTS (SELECT FROM named AS n
                            WHERE NOT EXISTS (SELECT FROM unnest(n.columns) AS c WHERE n.code IN (a.old_row ->> c, a.new_row ->> c))
                              AND (n.key <> 'release_id' OR a.release IS DISTINCT FROM n.code))),
    -- The steps of template versions whose rules and lines these are, and of the releases that all of it came with
    version_step AS MATERIALIZED (
        SELECT a.* FROM trail AS a
         WHERE a.table_name = 'journal_template'
           AND (a.row_key ->> 'template_code', a.row_key ->> 'version') IN (SELECT d.row_key ->> 'template_code', d.row_key ->> 'version' FROM direct AS d WHERE d.table_name ~ '^journal_template_')),
    release_step AS (
        SELECT a.* FROM trail AS a
         WHERE a.table_name = 'policy_release' AND a.row_key ->> 'release_id' IS NOT NULL
           AND a.row_key ->> 'release_id' IN (SELECT d.release FROM (SELECT * FROM direct UNION ALL SELECT * FROM version_step) AS d)),
    found AS (
        SELECT d.* FROM direct AS d UNION SELECT v.* FROM version_step AS v UNION SELECT s.* FROM release_step AS s)
    SELECT f.at, f.changed_by, acct._event_of(f.table_name, f.operation, f.old_row ->> 'status', f.new_row ->> 'status'), f.table_name, f.row_key,
           f.release::bigint, acct._changed_columns(acct._readable_columns(f.old_row) || r.old_release, acct._readable_columns(f.new_row) || r.new_release), f.old_row, f.new_row
      FROM found AS f
     -- A row that changes its release: that is all that may change.
     CROSS JOIN LATERAL (SELECT CASE f.operation WHEN 'UPDATE' THEN jsonb_build_object('release_id', f.old_row -> 'release_id') ELSE '{}' END AS old_release,
                                CASE f.operation WHEN 'UPDATE' THEN jsonb_build_object('release_id', f.new_row -> 'release_id') ELSE '{}' END AS new_release) AS r
     ORDER BY f.audit_id;
END
$$;
COMMENT ON FUNCTION acct.policy_history(text, text, text, text, text, text, bigint) IS
'The changes of policy in the audit trail, with user and time: a row for each change that names these codes (NULL: any), with the steps of the template versions and releases that it came with.';

CREATE FUNCTION acct.compare_template_versions(template_code text, version integer, other_version integer)
RETURNS TABLE (part text, part_no integer, change text, column_name text, old_value text, new_value text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    missing integer;
BEGIN
    PERFORM acct._require_layout();
    SELECT v INTO missing FROM unnest(ARRAY[compare_template_versions.version, compare_template_versions.other_version]) AS v
     WHERE NOT EXISTS (SELECT FROM acct.journal_template AS t WHERE t.template_code = compare_template_versions.template_code AND t.version = v) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', compare_template_versions.template_code, missing
            USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    END IF;
    RETURN QUERY
    WITH kind AS (
        SELECT k.*, f.columns FROM (VALUES (1, 'template', 'journal_template', NULL), (2, 'match', 'journal_template_match', 'match_no'), (3, 'line', 'journal_template_line', 'line_no'))
                                   AS k (n, part, table_name, number)
          JOIN acct._file_tables() AS f USING (table_name)),
    piece AS MATERIALIZED (
        SELECT k.n, k.part, k.columns, (r.policy_row ->> 'version')::integer AS version, (r.policy_row ->> k.number)::integer AS part_no,
               r.policy_row - ARRAY['template_code', 'version', 'match_no', 'line_no'] AS content
          FROM kind AS k CROSS JOIN LATERAL acct._policy_rows(k.table_name, ARRAY[compare_template_versions.template_code], true) AS r),
    pair AS (
        SELECT coalesce(a.n, b.n) AS n, coalesce(a.part, b.part) AS part, coalesce(a.columns, b.columns) AS columns, coalesce(a.part_no, b.part_no) AS part_no,
               a.content AS old_content, b.content AS new_content
          FROM (SELECT p.* FROM piece AS p WHERE p.version = compare_template_versions.version) AS a
          FULL JOIN (SELECT p.* FROM piece AS p WHERE p.version = compare_template_versions.other_version) AS b
            ON b.n = a.n AND coalesce(b.part_no, 0) = coalesce(a.part_no, 0))
    SELECT p.part, p.part_no, CASE WHEN p.old_content IS NULL THEN 'added' WHEN p.new_content IS NULL THEN 'removed' ELSE 'changed' END,
           c.name, p.old_content ->> c.name, p.new_content ->> c.name
      FROM pair AS p CROSS JOIN LATERAL unnest(p.columns) WITH ORDINALITY AS c (name, place)
     WHERE p.old_content -> c.name IS DISTINCT FROM p.new_content -> c.name
     ORDER BY p.n, p.part_no, c.place;
END
$$;
COMMENT ON FUNCTION acct.compare_template_versions(text, integer, integer) IS
'How the texts of two versions of a template differ: a row for each column of its header, match rules and lines that is another one, was added or was removed. Raises LE004 where one of them does not exist.';

-- What is wrong with releases: their changes are applied and taken back, row by row where one is refused, so that all findings show at once.

CREATE FUNCTION acct._finding(p_finding text, p_message text, p_hint text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('finding', p_finding, 'message', p_message, 'hint', p_hint)
$$;
COMMENT ON FUNCTION acct._finding(text, text, text) IS 'A finding of a release that is about no template version.';

CREATE FUNCTION acct._release_errors(p_release bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- After its changes were applied.
    WITH map AS MATERIALIZED (
        SELECT m.*, concat_ws(' ', m.product_code, m.channel, m.account_code, m.fund) AS key
          FROM acct.product_account_map_draft AS d JOIN acct.product_account_map AS m
            ON m.product_code = d.product_code AND m.channel IS NOT DISTINCT FROM d.channel AND m.account_code = d.account_code AND m.fund = d.fund AND m.effective_from = d.effective_from
         WHERE d.release_id = p_release AND d.operation <> 'delete'),
    deleted AS (
        SELECT 'account' AS noun, 'account_code' AS column_name, d.account_code AS code FROM acct.chart_of_accounts_draft AS d WHERE d.release_id = p_release AND d.operation = 'delete'
        UNION ALL SELECT 'fund', 'fund', d.fund FROM acct.fund_draft AS d WHERE d.release_id = p_release AND d.operation = 'delete'
        UNION ALL SELECT 'basis', 'basis', d.basis FROM acct.accounting_basis_draft AS d WHERE d.release_id = p_release AND d.operation = 'delete'),
    template AS MATERIALIZED (
        SELECT array_agg(t.template_code ORDER BY t.template_code, t.version) AS codes, array_agg(t.version ORDER BY t.template_code, t.version) AS versions
          FROM acct.journal_template AS t WHERE t.release_id = p_release),
    found AS (
        SELECT acct._finding('map_target', format('account map %s: account %s does not exist or is not postable', m.key, m.mapped_account_code),
                             acct._drafted_in('account', m.mapped_account_code)) AS f
          FROM map AS m
         WHERE NOT EXISTS (SELECT FROM acct.chart_of_accounts AS a WHERE a.account_code = m.mapped_account_code AND a.is_postable AND coalesce(a.fund, m.mapped_fund) = m.mapped_fund)
        UNION ALL
        SELECT acct._finding('map_target', format('account map %s: fund %s does not exist', m.key, m.mapped_fund), acct._drafted_in('fund', m.mapped_fund))
          FROM map AS m WHERE NOT EXISTS (SELECT FROM acct.fund AS f WHERE f.fund = m.mapped_fund)
        UNION ALL
        SELECT acct._finding('closing_account', p.problem, acct._drafted_in('account', p.target)) FROM acct._closing_account_problems() AS p
         WHERE p.fund IN (SELECT d.fund FROM acct.fund_draft AS d WHERE d.release_id = p_release)
            OR p.account_code IN (SELECT d.account_code FROM acct.chart_of_accounts_draft AS d WHERE d.release_id = p_release)
            OR p.target IN (SELECT d.account_code FROM acct.chart_of_accounts_draft AS d WHERE d.release_id = p_release)
        UNION ALL
        SELECT acct._finding('layout', p.problem) FROM acct._statement_problems(NULL) AS p
         WHERE p.layout IN (SELECT y FROM acct._layouts_of_release(p_release) AS y)
            OR p.account_code IN (SELECT d.account_code FROM acct.chart_of_accounts_draft AS d WHERE d.release_id = p_release)
        UNION ALL
        SELECT acct._finding('elimination_pair', format('account %s is in elimination pairs %s and %s', d.account_code, d.pair_code, d.other)) FROM acct._double_pairs() AS d
         WHERE EXISTS (SELECT FROM acct.elimination_pair_draft AS x WHERE x.release_id = p_release AND x.pair_code IN (d.pair_code, d.other))
        UNION ALL
        SELECT acct._finding('deleted_in_use', format('%s %s is deleted and used by %s', x.noun, x.code, u.used))
          FROM deleted AS x CROSS JOIN LATERAL (SELECT acct._policy_of(x.column_name, x.code) AS used) AS u WHERE u.used IS NOT NULL
        UNION ALL
        SELECT acct._finding('no_change', 'it changes nothing')
         WHERE NOT EXISTS (SELECT FROM acct.release_changes AS c WHERE c.release_id = p_release)
        UNION ALL
        SELECT to_jsonb(e) FROM template AS t, acct._template_errors(t.codes, t.versions) AS e)
    SELECT coalesce(jsonb_agg(f.f), '[]') FROM found AS f
$$;
COMMENT ON FUNCTION acct._release_errors(bigint) IS 'Errors that keep a release from being submitted and approved, once its changes were applied in this transaction: findings as a JSON array.';

CREATE FUNCTION acct._accounts_without_line(p_release bigint) RETURNS TABLE (layout text, account_code text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A profit and loss has no accounts but those of income and expense; a balance sheet takes their sum.
    WITH RECURSIVE taken AS MATERIALIZED (
        SELECT DISTINCT s.layout, s.account_code FROM acct._statement_accounts(NULL) AS s),
    -- With all that is below them, which moves with them
    moved AS (
        SELECT a.account_code FROM acct.chart_of_accounts_draft AS d JOIN acct.chart_of_accounts AS a USING (account_code)
         WHERE d.release_id = p_release
           AND (a.account_type, a.parent_account_code, a.is_postable)
               IS DISTINCT FROM (d.approved_row ->> 'account_type', d.approved_row ->> 'parent_account_code', (d.approved_row ->> 'is_postable')::boolean)
        UNION
        SELECT a.account_code FROM moved AS m JOIN acct.chart_of_accounts AS a ON a.parent_account_code = m.account_code)
    SELECT y.layout, a.account_code
      FROM acct.chart_of_accounts AS a
      JOIN acct.statement_layout AS y ON (y.statement = 'profit_and_loss') = (a.account_type IN ('INCOME', 'EXPENSE'))
     WHERE a.is_postable
       AND (y.layout IN (SELECT c FROM acct._layouts_of_release(p_release) AS c)
            OR a.account_code IN (SELECT m.account_code FROM moved AS m))
       AND NOT EXISTS (SELECT FROM taken AS x WHERE x.layout = y.layout AND x.account_code = a.account_code)
$$;
COMMENT ON FUNCTION acct._accounts_without_line(bigint) IS
'The accounts that no line takes, in layouts of the statement that they belong to, where a release adds or moves the account, or changes the layout; once its changes were applied.';

CREATE FUNCTION acct._layout_warnings(p_release bigint) RETURNS SETOF jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._finding('not_in_layout', format('layout %s: no line takes account%s %s', n.layout, CASE WHEN count(*) > 1 THEN 's' ELSE '' END,
                                                 acct._first_of(array_agg(n.account_code ORDER BY n.account_code))))
      FROM acct._accounts_without_line(p_release) AS n GROUP BY n.layout
    UNION ALL
    SELECT acct._finding('not_in_subtotal', format('layout %s: %s line%s %s', l.layout, CASE WHEN l.total IS NULL THEN 'no subtotal adds up' ELSE format('the result, line %s, leaves out', l.total) END,
                                                   CASE WHEN count(*) > 1 THEN 's' ELSE '' END, acct._first_of(array_agg(l.line_no::text ORDER BY l.line_no))))
      FROM acct._lines_left_out(NULL) AS l WHERE l.layout IN (SELECT c FROM acct._layouts_of_release(p_release) AS c) GROUP BY l.layout, l.total
$$;
COMMENT ON FUNCTION acct._layout_warnings(bigint) IS 'Findings of a release, once its changes were applied: accounts that no line of a layout takes, and lines that its totals leave out.';

CREATE FUNCTION acct._release_warnings(p_release bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH changes AS MATERIALIZED (
        SELECT c.release_id, c.status, c.table_name, c.operation, c.row_key FROM acct.release_changes AS c
         WHERE c.release_id = p_release OR c.status <> 'approved'),
    template AS MATERIALIZED (
        SELECT array_agg(t.template_code ORDER BY t.template_code, t.version) AS codes, array_agg(t.version ORDER BY t.template_code, t.version) AS versions
          FROM acct.journal_template AS t WHERE t.release_id = p_release),
    found AS (
        SELECT acct._finding('also_changed', format('%s %s: release %s, which is %s, is to %s it too', c.table_name,
                                                    (SELECT string_agg(coalesce(k.value, 'any'), ' ' ORDER BY k.n)
                                                       FROM (SELECT c.row_key ->> x.k AS value, x.n
                                                               FROM acct._release_tables() AS r, unnest(r.key_columns) WITH ORDINALITY AS x (k, n) WHERE r.table_name = c.table_name
                                                             UNION ALL
                                                             SELECT c.row_key ->> v.k, v.n FROM (VALUES ('template_code', 1), ('version', 2)) AS v (k, n) WHERE c.table_name = 'journal_template') AS k),
                                                    o.release_id, o.status, o.operation)) AS f
          FROM changes AS c JOIN changes AS o ON o.table_name = c.table_name AND o.row_key = c.row_key AND o.release_id <> c.release_id
         WHERE c.release_id = p_release
        UNION ALL
        SELECT jsonb_build_object('finding', 'draft_outside', 'template_code', t.template_code, 'version', t.version,
                                  'message', CASE WHEN o.release_id IS NULL THEN format('version %s is %s and goes with no release', o.version, CASE o.status WHEN 'draft' THEN 'a draft' ELSE o.status END)
                                                  ELSE format('version %s goes with release %s', o.version, o.release_id) END)
          FROM acct.journal_template AS t JOIN acct.journal_template AS o ON o.template_code = t.template_code AND o.version <> t.version
         WHERE t.release_id = p_release AND o.status IN ('draft', 'submitted') AND o.release_id IS DISTINCT FROM p_release
        UNION ALL
        SELECT acct._finding('account_in_use', format('account %s: this release %s, and it is used by %s', a.account_code, a.change, u.used))
          FROM acct._accounts_restricted(p_release) AS a CROSS JOIN LATERAL (SELECT acct._policy_of('account_code', a.account_code) AS used) AS u
         WHERE u.used IS NOT NULL AND a.change <> 'deletes it'
        UNION ALL
        SELECT acct._layout_warnings(p_release)
        UNION ALL
        -- What a retirement uncovers
        SELECT to_jsonb(w)
          FROM (SELECT array_agg(d.template_code) AS codes, array_agg(d.version) AS versions FROM acct.template_retirement_draft AS d WHERE d.release_id = p_release) AS d,
               acct._date_warnings(d.codes, d.versions) AS w WHERE w.finding IN ('older_version', 'gap')
        UNION ALL
        SELECT to_jsonb(w) FROM template AS t, acct._template_warnings(t.codes, t.versions) AS w)
    SELECT coalesce(jsonb_agg(f.f), '[]') FROM found AS f
$$;
COMMENT ON FUNCTION acct._release_warnings(bigint) IS 'Findings for the approver of a release, once its changes were applied in this transaction: findings as a JSON array.';

CREATE FUNCTION acct._apply_each(p_release bigint, p_table text, p_operation text, p_outdated jsonb[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    keys CONSTANT text[] := CASE p_table WHEN 'product_account_map' THEN ARRAY['draft_no']
                            ELSE (SELECT r.key_columns FROM acct._release_tables() AS r WHERE r.table_name = p_table) END;
    -- What one round refuses may stand once others are there.
    waiting jsonb[];
    refused jsonb[];
    findings jsonb;
    one jsonb;
    detail text;
    hint text;
BEGIN
    EXECUTE format('SELECT array_agg(x.key ORDER BY x.key) FROM (SELECT (SELECT jsonb_object_agg(k, to_jsonb(d) -> k) FROM unnest($3) AS k) AS key, to_jsonb(d) AS draft '
                   '  FROM acct.%I AS d WHERE d.release_id = $1 AND d.operation = $2) AS x WHERE $2 <> ''insert'' OR x.draft <> ALL ($4)', p_table || '_draft')
       INTO waiting USING p_release, p_operation, keys, p_outdated;
    WHILE cardinality(waiting) > 0 LOOP
        refused := ARRAY[]::jsonb[];
        findings := jsonb_build_array();
        FOREACH one IN ARRAY waiting LOOP
            BEGIN
                PERFORM acct._apply_drafts(p_release, p_table, p_operation, one);
            EXCEPTION WHEN SQLSTATE 'LE004' OR integrity_constraint_violation OR data_exception THEN
                GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
                refused := refused || one;
                -- The engine's own messages name the row; the server's do not.
                findings := findings || acct._finding('refused', concat_ws(': ', CASE WHEN SQLSTATE <> 'LE004' THEN p_table || (SELECT string_agg(' ' || CASE k WHEN 'draft_no' THEN 'draft_no ' ELSE '' END || (one ->> k), '') FROM unnest(keys) AS k) END,
                                                                           SQLERRM, nullif(rtrim(detail, '.'), '')), nullif(hint, ''));
            END;
        END LOOP;
        EXIT WHEN cardinality(refused) = cardinality(waiting);
        waiting := refused;
    END LOOP;
    RETURN coalesce(findings, '[]');
END
$$;
COMMENT ON FUNCTION acct._apply_each(bigint, text, text, jsonb[]) IS
'Applies the changes of one kind that a release proposes for a table one by one, except for inserts of rows that exist by now; a finding for each that is refused.';

CREATE FUNCTION acct._apply_what_can_be(p_release bigint) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    outdated jsonb[] := ARRAY[]::jsonb[];
    findings jsonb := jsonb_build_array();
    o record;
    s record;
BEGIN
    FOR o IN SELECT x.* FROM acct._outdated_changes(p_release) AS x LOOP
        IF o.outdated_draft IS NOT NULL THEN
            outdated := outdated || o.outdated_draft;
        END IF;
        findings := findings || acct._finding('outdated', concat_ws(': ', o.message, rtrim(o.detail, '.')));
    END LOOP;
    FOR s IN SELECT x.table_name, x.operation FROM acct._release_steps() AS x ORDER BY x.place LOOP
        BEGIN
            PERFORM acct._apply_drafts(p_release, s.table_name, s.operation);
        EXCEPTION WHEN SQLSTATE 'LE004' OR integrity_constraint_violation OR data_exception THEN
            findings := findings || acct._apply_each(p_release, s.table_name, s.operation, outdated);
        END;
    END LOOP;
    PERFORM acct._apply_retirements(p_release);
    RETURN findings;
END
$$;
COMMENT ON FUNCTION acct._apply_what_can_be(bigint) IS 'Applies the changes of a release, except its template versions and refused changes: a finding for each refused one.';

CREATE FUNCTION acct._check_release(p_release bigint, p_with_warnings boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    findings jsonb;
BEGIN
    BEGIN
        findings := acct._apply_what_can_be(p_release);
        findings := findings || acct._release_errors(p_release);
        IF p_with_warnings THEN
            findings := findings || acct._release_warnings(p_release);
        END IF;
        -- Taken back, whatever came of it.
        RAISE EXCEPTION USING ERRCODE = 'RB001';
    EXCEPTION
        WHEN SQLSTATE 'RB001' THEN NULL;
    END;
    RETURN findings;
END
$$;
COMMENT ON FUNCTION acct._check_release(bigint, boolean) IS 'The findings of a release that is locked, on request with warnings and notices. It applies its changes and rolls them back.';

CREATE FUNCTION acct._findings_in_order(p_findings jsonb)
RETURNS TABLE (n bigint, severity text, finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT row_number() OVER (ORDER BY acct._severity_order(f.severity), x.template_code COLLATE "C" NULLS FIRST, x.version, x.line_no NULLS FIRST, x.match_no NULLS FIRST,
                                       f.n, x.message COLLATE "C"),
           f.severity, x.finding, x.template_code, x.version, x.match_no, x.line_no, x."position", x.message, coalesce(x.hint, f.hint)
      FROM jsonb_to_recordset(p_findings) AS x (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
      JOIN acct._rule_findings() AS f USING (finding)
$$;
COMMENT ON FUNCTION acct._findings_in_order(jsonb) IS 'Findings as rows, those that are worst first.';

CREATE FUNCTION acct._problems_of_release(p_findings jsonb) RETURNS TABLE (n bigint, problem text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT f.n, concat_ws(': ', CASE WHEN f.template_code IS NOT NULL THEN acct._finding_place(f.template_code, f.version, f.match_no, f.line_no) END, f.message)
      FROM acct._findings_in_order(p_findings) AS f WHERE f.severity = 'error'
$$;
COMMENT ON FUNCTION acct._problems_of_release(jsonb) IS 'The errors among findings, as the refusal of a release names them.';

CREATE FUNCTION acct.check_release(release_id bigint)
RETURNS TABLE (severity text, finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._lock_release(check_release.release_id, ARRAY['draft', 'returned', 'submitted']);
    RETURN QUERY SELECT f.severity, f.finding, f.template_code, f.version, f.match_no, f.line_no, f."position", f.message, f.hint
                   FROM acct._findings_in_order(acct._check_release(check_release.release_id, true)) AS f ORDER BY f.n;
END
$$;
COMMENT ON FUNCTION acct.check_release(bigint) IS
'All findings about a release, a row for each: errors keep it from being submitted and approved, warnings and notices are for its approver. Raises LE004 where there is no such release, LE005 where it was approved, 25001 (the transaction is not READ COMMITTED).';

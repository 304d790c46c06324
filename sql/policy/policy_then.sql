-- The policy of an earlier moment: the tables of policy as they were when a run was expanded, from what changed since.
--
-- The audit trail has each change with the row before it. A run keeps the sum of each table (acct._policy_kept), so the changes to
-- take back are known exactly: those since the sum was what the run has. Lines and match rules of approved versions never change.

CREATE FUNCTION acct._rows_then(p_table text, p_since bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    key_columns CONSTANT text[] := ARRAY(SELECT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
                                          WHERE i.indrelid = format('acct.%I', p_table)::regclass AND i.indisprimary ORDER BY a.attnum);
    -- What was first done to a key tells what it had: a row that was changed under it had it, one that came to it had not.
    touched CONSTANT text := format(
        'SELECT a.audit_id, v.n, v.row_key, v.old_row FROM acct.template_audit AS a '
        ' CROSS JOIN LATERAL (VALUES (1, jsonb_build_object(%s), a.old_row), (2, jsonb_build_object(%s), NULL)) AS v (n, row_key, old_row) '
        ' WHERE a.audit_id >= %s AND a.table_name = %L',
        (SELECT string_agg(format('%1$L, a.old_row -> %1$L', c), ', ') FROM unnest(key_columns) AS c),
        (SELECT string_agg(format('%1$L, a.new_row -> %1$L', c), ', ') FROM unnest(key_columns) AS c), p_since, p_table);
BEGIN
    RETURN format('(SELECT t.* FROM acct.%1$I AS t WHERE jsonb_build_object(%2$s) NOT IN (SELECT k.row_key FROM (%3$s) AS k) '
                  'UNION ALL SELECT r.* FROM (SELECT DISTINCT ON (k.row_key) k.old_row FROM (%3$s) AS k ORDER BY k.row_key, k.audit_id, k.n) AS f, '
                  'jsonb_populate_record(NULL::acct.%1$I, %4$L::jsonb || f.old_row) AS r WHERE f.old_row IS NOT NULL)',
                  p_table, (SELECT string_agg(format('%1$L, t.%1$I', c), ', ') FROM unnest(key_columns) AS c), touched,
                  -- What columns that came since gave to the rows that were there.
                  acct._with_defaults(p_table, '{}', NULL));
END
$$;
COMMENT ON FUNCTION acct._rows_then(text, bigint) IS 'The FROM item that gives the rows of a table of policy as they were before a change in the audit trail.';

CREATE FUNCTION acct._changed_since(p_table text, p_sum numeric, p_kept numeric) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    columns CONSTANT text[] := (SELECT p.columns FROM acct._policy_columns() AS p WHERE p.table_name = p_table);
    sum_then numeric := p_kept;
    a record;
    part record;
BEGIN
    FOR a IN SELECT x.audit_id, x.old_row, x.new_row FROM acct.template_audit AS x WHERE x.table_name = p_table ORDER BY x.audit_id DESC LOOP
        FOR part IN SELECT v.row, v.factor FROM (VALUES (a.new_row, -1), (a.old_row, 1)) AS v (row, factor) WHERE v.row IS NOT NULL LOOP
            sum_then := sum_then + part.factor * CASE p_table WHEN 'journal_template' THEN acct._policy_part(p_table, part.row)
                                                           ELSE acct._policy_hash(p_table, columns, part.row) END;
        END LOOP;
        sum_then := acct._policy_modulus(sum_then);
        IF sum_then = p_sum THEN
            RETURN a.audit_id;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._changed_since(text, numeric, numeric) IS
'The first change since the sum of a table was p_sum, as it is p_kept now; NULL where the audit trail does not lead there.';

CREATE FUNCTION acct._periods_then(p_at timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO' AS $$
DECLARE
    items text[] := ARRAY[]::text[];
BEGIN
    IF EXISTS (SELECT FROM acct.period_log AS g WHERE g.at > p_at) THEN
        -- What was first done to a month says what it was. Closing a year closes its last month, whatever that was: what was done to it last says it.
        items := ARRAY['accounting_period', format(
            '(SELECT p.entity_code, p.basis, p.period_month, p.is_open FROM acct.accounting_period AS p '
            '  WHERE NOT EXISTS (SELECT FROM acct.period_log AS g WHERE g.at > %1$L AND (g.entity_code, g.basis, g.period_month) = (p.entity_code, p.basis, p.period_month)) '
            ' UNION ALL SELECT f.entity_code, f.basis, f.period_month, f.is_open FROM (SELECT DISTINCT ON (g.entity_code, g.basis, g.period_month) g.entity_code, g.basis, g.period_month, '
            '    CASE g.action WHEN ''close'' THEN true WHEN ''close_year'' THEN (SELECT b.action IN (''reopen'', ''reopen_year'') FROM acct.period_log AS b '
            '        WHERE b.at <= %1$L AND (b.entity_code, b.basis, b.period_month) = (g.entity_code, g.basis, g.period_month) ORDER BY b.log_id DESC LIMIT 1) ELSE false END AS is_open '
            '     FROM acct.period_log AS g WHERE g.at > %1$L AND g.period_month IS NOT NULL ORDER BY g.entity_code, g.basis, g.period_month, g.log_id) AS f WHERE f.is_open IS NOT NULL)', p_at),
          'book', format(
            '(SELECT b.entity_code, b.basis, CASE WHEN EXISTS (SELECT FROM acct.period_log AS g WHERE g.at > %1$L AND g.action IN (''close_year'', ''reopen_year'') '
            '                                                     AND (g.entity_code, g.basis) = (b.entity_code, b.basis)) '
            '             THEN (SELECT max(y.period_month + interval ''1 month'' - interval ''1 day'')::date FROM (SELECT g.period_month FROM acct.period_log AS g '
            '                    WHERE g.at <= %1$L AND g.action IN (''close_year'', ''reopen_year'') AND (g.entity_code, g.basis) = (b.entity_code, b.basis) '
            '                    GROUP BY 1 HAVING sum(CASE g.action WHEN ''close_year'' THEN 1 ELSE -1 END) > 0) AS y) ELSE b.closed_through END AS closed_through, '
            '        CASE WHEN EXISTS (SELECT FROM acct.period_log AS g WHERE g.at > %1$L AND g.action = ''set_book'' AND g.detail ? ''closed_from'' '
            '                             AND (g.entity_code, g.basis) = (b.entity_code, b.basis)) '
            '             THEN (SELECT (g.detail ->> ''closed_from'')::date FROM acct.period_log AS g WHERE g.at <= %1$L AND g.action = ''set_book'' AND g.detail ? ''closed_from'' '
            '                      AND (g.entity_code, g.basis) = (b.entity_code, b.basis) ORDER BY g.log_id DESC LIMIT 1) ELSE b.closed_from END AS closed_from '
            '   FROM acct.book AS b)', p_at)];
    END IF;
    IF EXISTS (SELECT FROM acct.archived_partition AS a WHERE a.archived_at > p_at OR a.restored_at > p_at) THEN
        items := items || ARRAY['archived_partition', format(
            '(SELECT a.table_name, a.month, NULL::timestamptz AS restored_at FROM acct.archived_partition AS a '
            '  WHERE a.archived_at <= %1$L AND coalesce(a.restored_at, ''infinity'') > %1$L)', p_at)];
    END IF;
    RETURN items;
END
$$;
COMMENT ON FUNCTION acct._periods_then(timestamptz) IS 'The months and years that were closed and archived at a moment: names of tables and the FROM items that stand in for them, by turns.';

CREATE FUNCTION acct._policy_then(p_run_id bigint, OUT policy text[], OUT unknown text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    kept CONSTANT jsonb := acct._policy_kept();
    t text;
    since bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    policy := acct._periods_then(run.expand_started_at);
    unknown := ARRAY[]::text[];
    FOREACH t IN ARRAY ARRAY['accounting_basis', 'chart_of_accounts', 'currency', 'entity', 'fund', 'journal_template', 'posting_limit', 'product_account_map'] LOOP
        CONTINUE WHEN run.policy_sums IS NOT NULL AND run.policy_sums -> t IS NOT DISTINCT FROM kept -> t;
        IF run.policy_sums IS NULL AND t = 'entity' THEN
            -- In 0.1.0 entities were not registered, and took entries on any day.
            policy := policy || ARRAY[t, '(SELECT e.entity_code, NULL::date AS effective_from, NULL::date AS effective_to FROM acct.entity AS e)'];
            unknown := unknown || t;
            CONTINUE;
        END IF;
        -- A run of 0.1.0 has no sums; a table without one in them had no rows.
        since := CASE WHEN run.policy_sums IS NOT NULL
                      THEN acct._changed_since(t, coalesce((run.policy_sums ->> t)::numeric, 0), coalesce((kept ->> t)::numeric, 0)) END;
        IF since IS NULL THEN
            -- By the clock: a change that was not committed when the run was expanded counts as made.
            unknown := unknown || t;
            since := (SELECT min(a.audit_id) FROM acct.template_audit AS a WHERE a.table_name = t AND a.at > run.expand_started_at);
            CONTINUE WHEN since IS NULL;
        END IF;
        policy := policy || CASE t
            WHEN 'posting_limit' THEN ARRAY['_posting_limits()', format(
                '(SELECT coalesce(max(p.value) FILTER (WHERE p.name = ''months_apart''), 12) AS months_apart, coalesce(max(p.value) FILTER (WHERE p.name = ''first_year''), 1970) AS first_year, '
                'coalesce(max(p.value) FILTER (WHERE p.name = ''last_year''), 2100) AS last_year FROM %s AS p)', acct._rows_then(t, since))]
            ELSE ARRAY[t, acct._rows_then(t, since)] END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._policy_then(bigint) IS
'The policy by which a run was expanded, as acct._policy_with() returns one. Tables of which the audit trail does not lead to what the run used are unknown, and as they were by the clock.';

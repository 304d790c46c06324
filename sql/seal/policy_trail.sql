-- The audit trail as a chain: each change of a row of policy begins with what the one before left, and the last one with what is there.
--
-- So a change that left no trace is found, also where others with a trace came after it. Rows that the trail never had are known
-- from the trees of policy in the seals of checkpoints, which are computed again for the first and the last of them.

CREATE FUNCTION acct._policy_keys() RETURNS TABLE (table_name text, columns text[], key_columns text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.table_name, p.columns,
           ARRAY(SELECT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
                  WHERE i.indrelid = format('acct.%I', p.table_name)::regclass AND i.indisprimary ORDER BY a.attnum)
      FROM acct._policy_columns() AS p
$$;
COMMENT ON FUNCTION acct._policy_keys() IS 'The tables of policy with the columns that are in their digest, and those of their keys.';

CREATE FUNCTION acct._rows_of_policy() RETURNS TABLE (table_name text, row_key jsonb, content jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE (SELECT string_agg(format('SELECT %L::text, acct._part_of_row(%L, to_jsonb(x)), to_jsonb(x) FROM acct.%I AS x', k.table_name, k.key_columns, k.table_name), ' UNION ALL ')
                            FROM acct._policy_keys() AS k);
END
$$;
COMMENT ON FUNCTION acct._rows_of_policy() IS 'All rows of the tables of policy, drafts included.';

CREATE FUNCTION acct._policy_trail(p_sealed int8multirange DEFAULT '{}') RETURNS TABLE (table_name text, row_key jsonb, audit_id bigint, n integer, row_before jsonb, row_after jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A change of the key is the end of one row and the beginning of another one.
    SELECT a.table_name, v.row_key, a.audit_id, v.n, v.row_before, v.row_after
      FROM acct.template_audit AS a JOIN acct._policy_keys() AS k ON k.table_name = a.table_name
     CROSS JOIN LATERAL (SELECT acct._part_of_row(k.key_columns, a.old_row) AS old_key, acct._part_of_row(k.key_columns, a.new_row) AS new_key) AS x
     CROSS JOIN LATERAL (
        SELECT x.new_key, 1, a.old_row, a.new_row WHERE x.old_key = x.new_key
        UNION ALL
        SELECT x.old_key, 1, a.old_row, NULL WHERE x.old_key IS DISTINCT FROM x.new_key AND x.old_key IS NOT NULL
        UNION ALL
        SELECT x.new_key, 2, NULL, a.new_row WHERE x.old_key IS DISTINCT FROM x.new_key AND x.new_key IS NOT NULL) AS v (row_key, n, row_before, row_after)
     WHERE NOT a.audit_id <@ p_sealed
$$;
COMMENT ON FUNCTION acct._policy_trail(int8multirange) IS 'The audit trail by the rows of policy, without these changes: what each row had before a change, and after it.';

CREATE FUNCTION acct._untraced_changes() RETURNS TABLE (table_name text, row_key jsonb, audit_id bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH trail AS MATERIALIZED (
        SELECT t.table_name, t.row_key, t.audit_id, t.row_before, t.row_after, row_number() OVER w AS n, lag(t.row_after) OVER w AS left_before, lead(t.audit_id) OVER w IS NULL AS is_last
          FROM acct._policy_trail() AS t WINDOW w AS (PARTITION BY t.table_name, t.row_key ORDER BY t.audit_id, t.n)),
    step AS (
        SELECT t.table_name, t.row_key, t.audit_id, t.left_before AS expected, t.row_before AS found FROM trail AS t WHERE t.n > 1
        UNION ALL
        SELECT t.table_name, t.row_key, NULL, t.row_after, r.content
          FROM trail AS t LEFT JOIN acct._rows_of_policy() AS r ON r.table_name = t.table_name AND r.row_key = t.row_key WHERE t.is_last)
    SELECT s.table_name, s.row_key, s.audit_id
      FROM step AS s JOIN acct._policy_keys() AS k ON k.table_name = s.table_name
     -- A column that came later is in one of the two only.
     WHERE (s.expected IS NULL) <> (s.found IS NULL)
        OR s.expected <> s.found AND EXISTS (SELECT FROM unnest(k.columns || CASE s.table_name WHEN 'journal_template' THEN '{status}'::text[] ELSE '{}' END) AS c
                    WHERE s.expected ? c AND s.found ? c AND s.expected -> c <> s.found -> c)
$$;
COMMENT ON FUNCTION acct._untraced_changes() IS
'Rows of policy that were not what the audit trail had left when it has their next change (audit_id), or are not now (NULL).';

CREATE FUNCTION acct._policy_tree_at(p_seal_number bigint, OUT rows bigint, OUT root bytea)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH sealed AS MATERIALIZED (
        SELECT coalesce(range_agg(r.numbers), '{}') AS numbers
          FROM acct.ledger_seal AS s CROSS JOIN LATERAL unnest(acct._numbers_of(acct._seal_line(s.body, 'audit_ids'))) AS r (numbers)
         WHERE s.entity_code = '' AND s.basis = '' AND s.kind = 'policy' AND s.seal_number <= p_seal_number),
    later AS MATERIALIZED (
        -- The first change of each row that no seal up to this one has
        SELECT DISTINCT ON (t.table_name, t.row_key) t.table_name, t.row_key, t.row_before
          FROM sealed AS s CROSS JOIN LATERAL acct._policy_trail(s.numbers) AS t
         ORDER BY t.table_name, t.row_key, t.audit_id, t.n),
    then_there AS MATERIALIZED (
        SELECT r.table_name, r.row_key, r.content FROM acct._rows_of_policy() AS r
         WHERE NOT EXISTS (SELECT FROM later AS l WHERE l.table_name = r.table_name AND l.row_key = r.row_key)
        UNION ALL
        SELECT l.table_name, l.row_key, l.row_before FROM later AS l WHERE l.row_before IS NOT NULL),
    in_force AS (
        SELECT r.table_name AS name, acct._part_of_row(k.columns, r.content)::text AS content
          FROM then_there AS r JOIN acct._policy_keys() AS k ON k.table_name = r.table_name
         WHERE NOT starts_with(r.table_name, 'journal_template')
            OR (r.content -> 'template_code', r.content -> 'version') IN (
                SELECT t.content -> 'template_code', t.content -> 'version' FROM then_there AS t
                 WHERE t.table_name = 'journal_template' AND t.content ->> 'status' IN ('approved', 'retired')))
    SELECT count(*), acct._merkle_root(coalesce(array_agg(acct._text_leaf('LEp1', '{}', ARRAY[f.name, f.content], false) ORDER BY f.name COLLATE "C", f.content COLLATE "C"), '{}')) FROM in_force AS f
$$;
COMMENT ON FUNCTION acct._policy_tree_at(bigint) IS
'The tree of policy as it was when a seal of policy was made, by what is there now and by the audit trail since.';

-- Seals of policy: the audit trail, and what is approved, in the ledger's own chain.
--
-- An approval seals the rows that it adds to the audit trail, by their numbers. A checkpoint seals those that no seal has, and a tree of
-- policy. Rows of a change that is committed late come into a later seal, so nobody who changes policy waits for a checkpoint: an approval
-- that finds the chain locked leaves its rows to the next one.

CREATE FUNCTION acct._text_leaf(p_start text, p_numbers bigint[], p_texts text[], p_as_values boolean) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'ledger_text_leaf';
COMMENT ON FUNCTION acct._text_leaf(text, bigint[], text[], boolean) IS
'The data of a leaf: what it begins with, numbers, and texts in UTF-8, each with its length. With p_as_values texts are written as _seal_value() does; without, it is NULL where one of them is.';

CREATE FUNCTION acct._number_ranges(p_numbers int8multirange) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(CASE WHEN lower(r) = upper(r) - 1 THEN lower(r)::text ELSE format('%s-%s', lower(r), upper(r) - 1) END, ',' ORDER BY lower(r)) FROM unnest(p_numbers) AS r
$$;
COMMENT ON FUNCTION acct._number_ranges(int8multirange) IS 'Numbers in short, such as 1-5,7; NULL of none.';

CREATE FUNCTION acct._numbers_of(p_ranges text) RETURNS int8multirange
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(range_agg(int8range(split_part(r, '-', 1)::bigint, split_part(r, '-', -1)::bigint, '[]')), '{}') FROM string_to_table(p_ranges, ',') AS r
$$;
COMMENT ON FUNCTION acct._numbers_of(text) IS 'The numbers that _number_ranges() wrote.';

CREATE FUNCTION acct._unsealed_audit() RETURNS int8multirange
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT int8multirange(int8range(NULL, NULL)) - coalesce(range_agg(r.numbers), '{}')
      FROM acct.ledger_seal AS s CROSS JOIN LATERAL unnest(acct._numbers_of(acct._seal_line(s.body, 'audit_ids'))) AS r (numbers)
     WHERE s.entity_code = '' AND s.basis = '' AND s.kind = 'policy'
$$;
COMMENT ON FUNCTION acct._unsealed_audit() IS 'The numbers that no seal has as those of rows of the audit trail.';

CREATE FUNCTION acct._audit_tree(p_numbers int8multirange, OUT numbers int8multirange, OUT root bytea)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT range_agg(int8range(a.audit_id, a.audit_id, '[]')),
           acct._merkle_root(coalesce(array_agg(acct._text_leaf('LEa1', ARRAY[a.audit_id, (extract(epoch FROM a.at) * 1000000)::bigint - 946684800000000],
               ARRAY[a.changed_by, a.changed_by_role, a.table_name, a.operation, a.row_key::text, a.old_row::text, a.new_row::text], true) ORDER BY a.audit_id), '{}'))
      FROM unnest(p_numbers) AS r
      JOIN acct.template_audit AS a ON a.audit_id >= coalesce(lower(r), -9223372036854775807) AND a.audit_id < coalesce(upper(r), 9223372036854775807)
$$;
COMMENT ON FUNCTION acct._audit_tree(int8multirange) IS
'The rows of the audit trail with these numbers: the numbers that there are, NULL for none, and the root of the tree.';

CREATE FUNCTION acct._policy_tree(OUT rows bigint, OUT root bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    query text;
BEGIN
    SELECT string_agg(format('SELECT %L AS name, acct._part_of_row(%L, to_jsonb(x))::text AS content FROM %s', p.table_name, p.columns, acct._rows_in_force(p.table_name)), ' UNION ALL ')
      INTO query FROM acct._policy_columns() AS p;
    EXECUTE format('SELECT count(*), acct._merkle_root(coalesce(array_agg(acct._text_leaf(''LEp1'', ''{}'', ARRAY[y.name, y.content], false) '
                   '  ORDER BY y.name COLLATE "C", y.content COLLATE "C"), ''{}'')) FROM (%s) AS y', query) INTO rows, root;
END
$$;
COMMENT ON FUNCTION acct._policy_tree() IS 'How many rows of policy are in force, and the root of the tree over what they say.';

CREATE FUNCTION acct._seal_policy() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    seen record;
    last record;
BEGIN
    -- By one snapshot
    SELECT a.numbers, encode(a.root, 'hex') AS audit_root, p.rows, encode(p.root, 'hex') AS policy_root, acct._policy_digest(acct._policy_computed()) AS digest INTO seen
      FROM acct._audit_tree(acct._unsealed_audit()) AS a, acct._policy_tree() AS p;
    -- Seals of approvals have none.
    SELECT acct._seal_line(s.body, 'policy_root') AS policy_root INTO last
      FROM acct.ledger_seal AS s WHERE s.entity_code = '' AND s.basis = '' AND s.kind = 'policy' AND acct._seal_line(s.body, 'policy_root') IS NOT NULL
     ORDER BY s.seal_number DESC LIMIT 1;
    IF seen.numbers IS NULL AND seen.policy_root IS NOT DISTINCT FROM last.policy_root THEN
        RETURN NULL;
    END IF;
    RETURN acct._append_seal('', '', 'policy', '{changes,audit_ids,audit_root,policy_digest,policy_rows,policy_root}',
                             ARRAY[coalesce((SELECT sum(upper(r) - lower(r)) FROM unnest(seen.numbers) AS r), 0)::text, acct._number_ranges(seen.numbers), seen.audit_root,
                                   seen.digest, seen.rows::text, seen.policy_root]);
END
$$;
COMMENT ON FUNCTION acct._seal_policy() IS
'Seals the rows of the audit trail that no seal has, and the policy in force, in the ledger''s own chain, which the caller has locked (_lock_log); NULL where neither changed.';

CREATE FUNCTION acct._policy_mark(OUT audit_id bigint, OUT seal_number bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT (SELECT coalesce(max(a.audit_id), 0) FROM acct.template_audit AS a),
           (SELECT coalesce(max(s.seal_number), 0) FROM acct.ledger_seal AS s WHERE s.entity_code = '' AND s.basis = '')
$$;
COMMENT ON FUNCTION acct._policy_mark() IS 'The last row of the audit trail and the last seal of the ledger''s own chain, as they are before an approval.';

CREATE FUNCTION acct._seal_approval(p_audit_id bigint, p_seal_number bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    seen record;
BEGIN
    -- Nobody who approves waits for a checkpoint.
    PERFORM FROM acct.making_lock AS l WHERE l.table_name = 'ledger_log' FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Those that others committed meanwhile are sealed along, unless they are sealed already.
    SELECT a.numbers, encode(a.root, 'hex') AS root INTO seen
      FROM acct._audit_tree(int8multirange(int8range(p_audit_id + 1, NULL))
                            - coalesce((SELECT range_agg(r.numbers)
                                          FROM acct.ledger_seal AS s CROSS JOIN LATERAL unnest(acct._numbers_of(acct._seal_line(s.body, 'audit_ids'))) AS r (numbers)
                                         WHERE s.entity_code = '' AND s.basis = '' AND s.kind = 'policy' AND s.seal_number > p_seal_number), '{}')) AS a;
    PERFORM acct._append_seal('', '', 'policy', '{changes,audit_ids,audit_root,policy_digest,policy_rows,policy_root}',
                              ARRAY[coalesce((SELECT sum(upper(r) - lower(r)) FROM unnest(seen.numbers) AS r), 0)::text, acct._number_ranges(seen.numbers), seen.root, NULL, NULL, NULL]);
END
$$;
COMMENT ON FUNCTION acct._seal_approval(bigint, bigint) IS
'Seals what an approval added to the audit trail since _policy_mark(), in the ledger''s own chain; nothing where that is locked, and the next checkpoint seals it.';

CREATE FUNCTION acct._policy_seal_faults() RETURNS TABLE (seal_number bigint, fault text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH sealed AS MATERIALIZED (
        SELECT s.seal_number, acct._numbers_of(acct._seal_line(s.body, 'audit_ids')) AS numbers, acct._seal_line(s.body, 'audit_root') AS audit_root,
               acct._seal_line(s.body, 'policy_root') AS policy_root, acct._seal_line(s.body, 'extension') AS extension
          FROM acct.ledger_seal AS s WHERE s.entity_code = '' AND s.basis = '' AND s.kind = 'policy'),
    compared AS (
        SELECT s.*, a.numbers AS found, encode(a.root, 'hex') AS found_root FROM sealed AS s CROSS JOIN LATERAL acct._audit_tree(s.numbers) AS a),
    -- Another version of the extension may have had other columns in them.
    tree AS (
        SELECT DISTINCT x.seal_number, x.policy_root
          FROM (SELECT s.*, row_number() OVER (ORDER BY s.seal_number) = 1 OR row_number() OVER (ORDER BY s.seal_number DESC) = 1 AS is_first_or_last FROM sealed AS s
                 WHERE s.policy_root IS NOT NULL AND s.extension = (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ledger_engine')) AS x
         WHERE x.is_first_or_last)
    SELECT c.seal_number,
           CASE WHEN c.numbers <> coalesce(c.found, '{}') THEN format('rows of the audit trail are missing: audit_id %s', acct._number_ranges(c.numbers - coalesce(c.found, '{}')))
                ELSE format('rows of the audit trail were changed: among audit_id %s', acct._number_ranges(c.numbers)) END
      FROM compared AS c WHERE c.audit_root <> c.found_root
    UNION ALL
    SELECT t.seal_number, 'policy was not what the audit trail says'
      FROM tree AS t CROSS JOIN LATERAL acct._policy_tree_at(t.seal_number) AS p WHERE t.policy_root <> encode(p.root, 'hex')
    UNION ALL
    SELECT NULL, format('%s %s was changed without a trace%s', u.table_name, (SELECT string_agg(v.value, ' ' ORDER BY v.key COLLATE "C") FROM jsonb_each_text(u.row_key) AS v),
                        coalesce(' before audit_id ' || u.audit_id, ''))
      FROM acct._untraced_changes() AS u
$$;
COMMENT ON FUNCTION acct._policy_seal_faults() IS
'The seals of policy that the audit trail, or policy, does not agree with, and how; and rows of policy that were changed without a trace.';

-- Every node has the coordinator's approved policy, with the names of its makers and approvers.

CREATE FUNCTION acct._published_tables() RETURNS TABLE (n integer, table_name text, condition text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- In the order in which rows refer to each other; of each table what is approved.
    SELECT row_number() OVER (ORDER BY x.place)::integer, x.table_name, x.condition
      FROM (SELECT ARRAY[1] AS place, 'policy_release' AS table_name, 't.status = ''approved''' AS condition
            UNION ALL
            SELECT ARRAY[2, r.n], r.table_name, 'true' FROM acct._release_tables() AS r
            UNION ALL
            VALUES (ARRAY[3, 1], 'posting_limit', 'true'),
                   (ARRAY[3, 2], 'journal_template', 't.status IN (''approved'', ''retired'')'),
                   (ARRAY[3, 3], 'journal_template_match', NULL),
                   (ARRAY[3, 4], 'journal_template_line', NULL)
            UNION ALL
            SELECT ARRAY[4, r.n], r.table_name || '_draft', NULL FROM acct._release_tables() AS r
            UNION ALL
            VALUES (ARRAY[5, 1], 'template_retirement_draft', NULL)) AS x
$$;
COMMENT ON FUNCTION acct._published_tables() IS
'The tables of policy and of releases that nodes have as their coordinator has them, and which of their rows: NULL is those of the releases, or of the template versions, that are approved.';

CREATE FUNCTION acct._published_rows(p_table text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('acct.%I AS t WHERE %s', x.table_name, coalesce(x.condition,
                  CASE WHEN starts_with(x.table_name, 'journal_template')
                       THEN 'EXISTS (SELECT FROM acct.journal_template AS v WHERE v.template_code = t.template_code AND v.version = t.version AND v.status IN (''approved'', ''retired''))'
                       ELSE 'EXISTS (SELECT FROM acct.policy_release AS v WHERE v.release_id = t.release_id AND v.status = ''approved'')' END))
      FROM acct._published_tables() AS x WHERE x.table_name = p_table
$$;
COMMENT ON FUNCTION acct._published_rows(text) IS 'A FROM item, as t, with a condition: the rows of a table that nodes have as their coordinator has them.';

CREATE FUNCTION acct._policy_document() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    x record;
    part jsonb;
    document jsonb := jsonb '{}';
BEGIN
    FOR x IN SELECT p.table_name FROM acct._published_tables() AS p ORDER BY p.n LOOP
        EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(t)), ''[]'') FROM %s', acct._published_rows(x.table_name)) INTO part;
        document := document || jsonb_build_object(x.table_name, part);
    END LOOP;
    RETURN jsonb_build_object('digest', acct._policy_digest(acct._policy_computed()), 'tables', document);
END
$$;
COMMENT ON FUNCTION acct._policy_document() IS 'Approved policy with its releases, complete to the row, and its digest: what nodes get.';

CREATE FUNCTION acct._own_policy(p_tables jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._first_of(array_agg(x.what ORDER BY x.what))
      FROM (SELECT format('release %s (%s)', r.release_id, r.title) AS what FROM acct.policy_release AS r
             WHERE NOT EXISTS (SELECT FROM jsonb_populate_recordset(NULL::acct.policy_release, p_tables -> 'policy_release') AS d
                                WHERE d.release_id = r.release_id AND d.maker = r.maker AND d.created_at = r.created_at)
            UNION ALL
            SELECT format('template %s version %s', t.template_code, t.version) FROM acct.journal_template AS t
             WHERE NOT EXISTS (SELECT FROM jsonb_populate_recordset(NULL::acct.journal_template, p_tables -> 'journal_template') AS d
                                WHERE d.template_code = t.template_code AND d.version = t.version)) AS x
$$;
COMMENT ON FUNCTION acct._own_policy(jsonb) IS 'Releases and template versions of this ledger that a policy which it is to take does not have; NULL: none.';

CREATE FUNCTION acct._take_rows(p_table text, p_rows jsonb, p_step text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
DECLARE
    keys CONSTANT text[] := ARRAY(SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
                                   WHERE i.indrelid = format('acct.%I', p_table)::regclass AND i.indisprimary ORDER BY a.attnum);
    columns CONSTANT text[] := ARRAY(SELECT a.attname FROM pg_attribute AS a
                                      WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum);
    others CONSTANT text[] := ARRAY(SELECT c FROM unnest(columns) AS c WHERE c <> ALL (keys));
    same_key CONSTANT text := (SELECT string_agg(format('d.%1$I = t.%1$I', k), ' AND ') FROM unnest(keys) AS k);
    taken bigint;
BEGIN
    EXECUTE CASE p_step
        WHEN 'delete' THEN format('DELETE FROM %s AND NOT EXISTS (SELECT FROM jsonb_populate_recordset(NULL::acct.%I, $1) AS d WHERE %s)',
                                  acct._published_rows(p_table), p_table, same_key)
        WHEN 'update' THEN format('UPDATE acct.%1$I AS t SET (%2$s) = ROW (%3$s) FROM jsonb_populate_recordset(NULL::acct.%1$I, $1) AS d WHERE %4$s AND (t.*) IS DISTINCT FROM (d.*)',
                                  p_table, (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(others) WITH ORDINALITY AS x (c, n)),
                                  (SELECT string_agg(format('d.%I', c), ', ' ORDER BY n) FROM unnest(others) WITH ORDINALITY AS x (c, n)), same_key)
        ELSE format('INSERT INTO acct.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM jsonb_populate_recordset(NULL::acct.%1$I, $1) AS d '
                    'WHERE NOT EXISTS (SELECT FROM acct.%1$I AS t WHERE %4$s)',
                    p_table, (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS x (c, n)),
                    (SELECT string_agg(format('d.%I', c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS x (c, n)), same_key) END
      USING p_rows;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END
$$;
COMMENT ON FUNCTION acct._take_rows(text, jsonb, text) IS
'One step of making a table of policy what the coordinator has: delete, update or insert; the number of rows. Triggers record each in the audit trail, with its maker and approver.';

CREATE FUNCTION acct._node_policy(p_policy jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    own text;
    s record;
    changes bigint := 0;
    digest text;
    mark record;
BEGIN
    -- The coordinator may be a node, too.
    IF NOT EXISTS (SELECT FROM acct.cluster_member AS m, acct.engine_layout AS l WHERE m.cluster_id = l.ledger_id) THEN
        own := acct._own_policy(p_policy -> 'tables');
        IF own IS NOT NULL THEN
            RAISE EXCEPTION 'node % has policy of its own', (SELECT m.node_name FROM acct.cluster_member AS m)
                USING ERRCODE = 'LE004', DETAIL = 'Not on the coordinator: ' || own || '.',
                      HINT = 'Export it there (acct.export_policy()), approve it on the coordinator, and begin with a new ledger on the node.';
        END IF;
        SELECT m.* INTO mark FROM acct._policy_mark() AS m;
        FOR s IN SELECT x.table_name, o.step FROM acct._published_tables() AS x, (VALUES (1, -1, 'delete'), (2, 1, 'update'), (2, 1, 'insert')) AS o (n, sign, step)
                  ORDER BY o.n, x.n * o.sign, o.step LOOP
            changes := changes + acct._take_rows(s.table_name, p_policy -> 'tables' -> s.table_name, s.step);
        END LOOP;
        PERFORM acct._catch_up_sequences();
        IF changes > 0 THEN
            PERFORM acct._seal_approval(mark.audit_id, mark.seal_number);
        END IF;
    END IF;
    digest := acct._policy_digest(acct._policy_computed());
    IF digest <> p_policy ->> 'digest' THEN
        RAISE EXCEPTION 'node % did not arrive at the policy of its coordinator', (SELECT m.node_name FROM acct.cluster_member AS m)
            USING ERRCODE = 'LE009', DETAIL = format('The digest of policy is %s, not %s.', digest, p_policy ->> 'digest'), HINT = 'Compare acct.export_policy() of both.';
    END IF;
    RETURN jsonb_build_object('changes', changes, 'policy_digest', digest);
END
$$;
COMMENT ON FUNCTION acct._node_policy(jsonb) IS
'Makes policy of this node that of its coordinator, with its releases, and seals what that added to the audit trail, as an approval does. Raises LE004 where the node has releases or templates that the coordinator has not, or a change that its entries do not allow, LE009 where the digests differ afterwards.';

CREATE FUNCTION acct.publish_policy() RETURNS TABLE (node text, changes bigint, policy_digest text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    problem text;
    document jsonb;
BEGIN
    PERFORM acct._hold_cluster();
    -- As an approver who compares does: no other approval is under way.
    PERFORM acct._lock_number('acct.policy_release', 0, true);
    SELECT concat_ws('; ', CASE WHEN a.observed > 0 THEN a.detail END, CASE WHEN p.observed > 0 THEN p.detail END) INTO problem
      FROM acct._health_approvals() AS a, acct._health_policy() AS p;
    IF problem <> '' THEN
        RAISE EXCEPTION 'policy that nobody approved is not published'
            USING ERRCODE = 'LE005', DETAIL = problem || '.', HINT = 'See checks approvals and policy of acct.health().';
    END IF;
    document := acct._policy_document();
    IF document #> '{tables,journal_template}' = '[]' THEN
        RAISE EXCEPTION 'there is no approved template to publish' USING ERRCODE = 'LE004', HINT = 'Approve policy on the coordinator first.';
    END IF;
    INSERT INTO acct_cluster.publication (policy_digest) VALUES (document ->> 'digest');
    RETURN QUERY SELECT a.node_name, (a.answer ->> 'changes')::bigint, a.answer ->> 'policy_digest'
                   FROM acct._ask(jsonb_build_object('do', 'policy', 'policy', document), true) AS a ORDER BY 1;
END
$$;
COMMENT ON FUNCTION acct.publish_policy() IS
'Carries the approved policy of the coordinator to every node, releases with their makers and approvers, in one transaction on all nodes: a row for each, with the rows that changed. Raises LE004 (nothing is approved, or a node has policy of its own), LE005 (there is policy that nobody approved), LE009, 55000 (no cluster).';

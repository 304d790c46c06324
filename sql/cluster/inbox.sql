-- The inbox of a cluster: a table on the coordinator for files with transactions of several entities, and their way to the nodes.
--
-- Rows leave the inbox and arrive at the nodes in one transaction of Citus. They travel in parts of some megabytes, column by column:
-- an array of each as text. A part goes to all nodes at once, and each inserts its own rows by one statement.

CREATE FUNCTION acct._table_shape(p_table regclass) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
    SELECT concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
      FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'batch_id'
    UNION ALL
    SELECT concat_ws(' ', 'CHECK', quote_ident(k.conname), pg_get_expr(k.conbin, k.conrelid))
      FROM pg_constraint AS k
     WHERE k.conrelid = p_table AND k.contype = 'c'
       AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = p_table AND a.attname = 'batch_id' AND a.attnum = ANY (k.conkey))
$$;
COMMENT ON FUNCTION acct._table_shape(regclass) IS 'The columns and the CHECKs of a table, except batch_id and what is about it: the inbox has those of the source.';

CREATE FUNCTION acct._layout_inbox() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET default_tablespace = '' SET default_table_access_method = heap AS $layout$
DECLARE
    source CONSTANT regclass := 'acct.txn_source_parent';
    inbox regclass := to_regclass('acct_cluster.inbox');
BEGIN
    IF inbox IS NOT NULL THEN
        IF NOT EXISTS ((SELECT acct._table_shape(source) EXCEPT SELECT acct._table_shape(inbox))
                       UNION ALL (SELECT acct._table_shape(inbox) EXCEPT SELECT acct._table_shape(source))) THEN
            RETURN;
        END IF;
        LOCK TABLE acct_cluster.inbox IN ACCESS EXCLUSIVE MODE;
        IF EXISTS (SELECT FROM acct_cluster.inbox) THEN
            RAISE EXCEPTION 'the inbox of the cluster holds rows, and has other columns or checks than acct.txn_source_parent'
                USING ERRCODE = '55000', HINT = 'Call acct.route_inbox(), or delete them from acct_cluster.inbox, and call acct.install_cluster() again.';
        END IF;
        DROP TABLE acct_cluster.inbox;
    END IF;
    CREATE TABLE acct_cluster.inbox (LIKE acct.txn_source_parent INCLUDING COMMENTS INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE);
    -- A node gives its rows a batch of its own. Checks on batches go along.
    ALTER TABLE acct_cluster.inbox DROP COLUMN batch_id;
    ALTER TABLE acct_cluster.inbox ADD CONSTRAINT inbox_pkey PRIMARY KEY (txn_id, txn_month);
    COMMENT ON TABLE acct_cluster.inbox IS 'Source transactions of several entities that acct.route_inbox() moves to the nodes of these. It has the columns and checks of acct.txn_source_parent, except batch_id.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_inbox() IS
'The part of install_cluster() that creates the inbox with the columns of the source, and again where they differ. Raises 55000 where they do and it holds rows.';

CREATE FUNCTION acct._travels_as_text(p_type oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- What is itself an array, or has no arrays; unnest() would make several columns of a composite type.
    SELECT t.typcategory = 'A' OR t.typtype IN ('c', 'd') OR t.typarray = 0 FROM pg_type AS t WHERE t.oid = p_type
$$;
COMMENT ON FUNCTION acct._travels_as_text(oid) IS 'True where values of a type travel to nodes as an array of texts, not as one of the type.';

CREATE FUNCTION acct._inbox_columns() RETURNS TABLE (name text, packed text, size text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT a.attname::text,
           format(CASE WHEN acct._travels_as_text(t.oid) THEN 'array_agg(x.%I::text)::text' ELSE 'array_agg(x.%I)::text' END, a.attname),
           -- As text: a table may store less, as it compresses what is long.
           CASE WHEN t.typlen > 0 THEN '25'
                ELSE format(CASE WHEN t.oid = 'numeric'::regtype THEN 'coalesce(3 * pg_column_size(i.%I), 5)'
                                 WHEN t.oid IN ('text'::regtype, 'varchar'::regtype) THEN 'coalesce(octet_length(i.%I) + 3, 5)'
                                 ELSE 'coalesce(octet_length(i.%I::text) + 3, 5)' END, a.attname) END
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = to_regclass('acct_cluster.inbox') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
$$;
COMMENT ON FUNCTION acct._inbox_columns() IS 'The columns of the inbox that travel to nodes: an expression for the values of rows x, and one for the bytes of a value of row i.';

CREATE FUNCTION acct._take_inbox() RETURNS SETOF jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = postgres SET timezone = 'UTC' SET extra_float_digits = 1
    SET lc_monetary = 'C' SET work_mem = '64MB' SET jit = off AS $$
DECLARE
    -- All parts of a request are one value, which has to have less than 256 MB.
    part_size CONSTANT bigint := (SELECT least(4000000, 64000000 / greatest(count(*), 1)) FROM acct_cluster.member);
    names text[];
    packed text;
    size text;
BEGIN
    -- COPY into it goes on, and columns stay as they are.
    LOCK TABLE acct_cluster.inbox IN ROW EXCLUSIVE MODE;
    SELECT array_agg(c.name), string_agg(c.packed, ', '), string_agg(c.size, ' + ') INTO names, packed, size FROM acct._inbox_columns() AS c;
    -- No column of the inbox has names like these.
    RETURN QUERY EXECUTE format($query$
        WITH taken AS (
            DELETE FROM acct_cluster.inbox AS i USING acct_cluster.entity AS e, acct_cluster.member AS m
             WHERE e.entity_code = i.entity_code AND m.node_name = e.node_name
            RETURNING m.node_key AS "#node", i.ctid AS "#place", (%1$s)::bigint AS "#size", i.*),
        numbered AS (
            SELECT t.*, sum(t."#size") OVER (PARTITION BY t."#node" ORDER BY t."#place" ROWS UNBOUNDED PRECEDING)::bigint / %2$s AS "#part" FROM taken AS t),
        packed AS (
            SELECT x."#part" AS part, x."#node" AS node_key, jsonb_build_object('rows', count(*), 'columns', jsonb_object(%3$L, ARRAY[%4$s])) AS rows
              FROM numbered AS x GROUP BY x."#node", x."#part")
        SELECT jsonb_build_object('do', 'receive', 'parts', jsonb_object_agg(p.node_key, p.rows)) FROM packed AS p GROUP BY p.part ORDER BY p.part$query$,
        size, part_size, names, packed);
END
$$;
COMMENT ON FUNCTION acct._take_inbox() IS
'Deletes the rows of the inbox whose entities are assigned, and returns them as requests to all nodes, each with the rows of each node by its key.';

CREATE FUNCTION acct._raise_refused_row(p_select text, p_insert text, p_columns jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    x jsonb;
    problem text;
    detail text;
    code text;
BEGIN
    FOR x IN EXECUTE p_select USING p_columns LOOP
        BEGIN
            EXECUTE p_insert USING x;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE;
            RAISE EXCEPTION 'node % refuses transaction % of %: %', (SELECT m.node_name FROM acct.cluster_member AS m), x ->> 'txn_id', acct._month_name((x ->> 'txn_month')::date), problem
                USING ERRCODE = coalesce(code, '23514'), DETAIL = coalesce(nullif(detail, ''), format('It is %s.', x)),
                      HINT = 'Nothing was moved. Correct the cause on the node, or the row in acct_cluster.inbox on the coordinator, and call acct.route_inbox() again.';
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._raise_refused_row(text, text, jsonb) IS
'Inserts the rows of a part one by one, and raises the error of the first that this node refuses, with the row and the node.';

CREATE FUNCTION acct._node_receive(p_part jsonb, p_source text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = postgres SET timezone = 'UTC' SET extra_float_digits = 1
    SET lc_monetary = 'C' SET array_nulls = on SET xmloption = content SET jit = off AS $$
DECLARE
    columns CONSTANT jsonb := p_part -> 'columns';
    here CONSTANT text := (SELECT m.node_name FROM acct.cluster_member AS m);
    entities jsonb;
    problem text;
    names text;
    arrays text;
    vals text;
    taken bigint;
    own_source CONSTANT text := coalesce(current_setting('ledger_engine.batch_source', true), '');
BEGIN
    IF p_part IS NULL THEN
        RETURN jsonb '{"rows": 0, "entities": {}}';
    END IF;
    SELECT format('the source of node %s has no column %s', here, string_agg(c.name, ', ' ORDER BY c.name)) INTO problem
      FROM jsonb_object_keys(columns) AS c (name)
     WHERE NOT EXISTS (SELECT FROM pg_attribute AS a
                        WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
    HAVING count(*) > 0;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'LE010', HINT = 'Call acct.add_dimension() there, too. Nothing was moved.';
    END IF;
    SELECT jsonb_object_agg(x.entity_code, x.n), string_agg(acct._elsewhere(x.entity_code), '; ' ORDER BY x.entity_code) INTO entities, problem
      FROM (SELECT e.entity_code, count(*) AS n FROM unnest((columns ->> 'entity_code')::text[]) AS e (entity_code) GROUP BY 1) AS x;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'node % has entities at other places than the coordinator', here
            USING ERRCODE = 'LE010', DETAIL = problem || '.', HINT = 'As a superuser, on the coordinator: SELECT * FROM acct.install_cluster(); Nothing was moved.';
    END IF;
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
           string_agg(format('($1 ->> %L)::%s[]', a.attname, CASE WHEN acct._travels_as_text(t.oid) THEN 'text' ELSE format_type(t.oid, -1) END), ', ' ORDER BY a.attnum),
           string_agg(format(CASE WHEN acct._travels_as_text(t.oid) THEN 'x.%I::' || format_type(t.oid, -1) ELSE 'x.%I' END, a.attname), ', ' ORDER BY a.attnum)
      INTO names, arrays, vals
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND columns ? a.attname;
    PERFORM set_config('ledger_engine.batch_source', p_source, true);
    BEGIN
        EXECUTE format('INSERT INTO acct.txn_source_parent (%1$s) SELECT %3$s FROM unnest(%2$s) AS x (%1$s)', names, arrays, vals) USING columns;
        GET DIAGNOSTICS taken = ROW_COUNT;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception OR SQLSTATE 'LE008' THEN
        PERFORM acct._raise_refused_row(format('SELECT to_jsonb("#row") FROM (SELECT %3$s FROM unnest(%2$s) AS x (%1$s)) AS "#row" (%1$s)', names, arrays, vals),
                                        format('INSERT INTO acct.txn_source_parent (%1$s) SELECT %1$s FROM jsonb_populate_record(NULL::acct.txn_source_parent, $1)', names), columns);
        -- Each of them alone is taken.
        RAISE;
    END;
    PERFORM set_config('ledger_engine.batch_source', own_source, true);
    IF taken IS DISTINCT FROM (p_part ->> 'rows')::bigint THEN
        RAISE EXCEPTION 'node % took % of % transactions', here, taken, p_part ->> 'rows'
            USING ERRCODE = 'LE009', DETAIL = 'A trigger or a rule of acct.txn_source_parent left some of them out.', HINT = 'Nothing was moved. Remove it on the node.';
    END IF;
    RETURN jsonb_build_object('rows', taken, 'entities', entities);
END
$$;
COMMENT ON FUNCTION acct._node_receive(jsonb, text) IS
'Takes this node''s rows of a part into its source: how many, by entity. Raises LE010 (a column or an entity is not this node''s), LE009 (rows are missing), and the error of a row that is refused, with the row.';

CREATE FUNCTION acct.route_inbox() RETURNS TABLE (node text, entity text, transactions bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    source CONSTANT text := coalesce(nullif(current_setting('ledger_engine.batch_source', true), ''), 'route_inbox() by ' || session_user);
    request jsonb;
    a record;
    nodes text[] := ARRAY[]::text[];
    answers jsonb[] := ARRAY[]::jsonb[];
    sent numeric := 0;
    moved jsonb;
BEGIN
    PERFORM acct._hold_cluster();
    IF to_regclass('acct_cluster.inbox') IS NULL THEN
        RAISE EXCEPTION 'the cluster has no inbox' USING ERRCODE = '55000', HINT = 'As a superuser: SELECT * FROM acct.install_cluster();';
    END IF;
    PERFORM acct._require_nodes_alike();
    FOR request IN SELECT t FROM acct._take_inbox() AS t LOOP
        sent := sent + (SELECT sum((p.value ->> 'rows')::bigint) FROM jsonb_each(request -> 'parts') AS p);
        FOR a IN SELECT x.node_name, x.answer FROM acct._ask(request || jsonb_build_object('source', source), true) AS x LOOP
            nodes := nodes || a.node_name;
            answers := answers || (a.answer -> 'entities');
        END LOOP;
    END LOOP;
    SELECT coalesce(jsonb_object_agg(x.node_name, x.entities), '{}') INTO moved
      FROM (SELECT y.node_name, jsonb_object_agg(y.entity_code, y.n) AS entities
              FROM (SELECT n.node_name, e.key AS entity_code, sum(e.value::bigint) AS n
                      FROM unnest(nodes, answers) AS n (node_name, entities) CROSS JOIN LATERAL jsonb_each_text(n.entities) AS e GROUP BY 1, 2) AS y
             GROUP BY 1) AS x;
    IF sent <> (SELECT coalesce(sum(e.value::bigint), 0) FROM jsonb_each(moved) AS n CROSS JOIN LATERAL jsonb_each_text(n.value) AS e) THEN
        RAISE EXCEPTION 'the nodes did not take the % transactions of the inbox', sent
            USING ERRCODE = 'LE009', DETAIL = format('They took %s.', moved), HINT = 'Nothing was moved. As a superuser: SELECT * FROM acct.install_cluster();';
    END IF;
    IF sent > 0 THEN
        INSERT INTO acct.run_log (step, rows, elapsed_ms, detail)
        VALUES ('route_inbox', sent, acct._elapsed_ms(started), jsonb_build_object('nodes', moved, 'source', source, 'routed_by', session_user));
    END IF;
    RETURN QUERY SELECT n.key, e.key, e.value::bigint FROM jsonb_each(moved) AS n CROSS JOIN LATERAL jsonb_each_text(n.value) AS e ORDER BY n.key COLLATE "C", e.key COLLATE "C";
    RETURN QUERY SELECT NULL::text, w.entity_code, w.transactions FROM acct._inbox_waiting() AS w WHERE w.node_name IS NULL ORDER BY w.entity_code COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.route_inbox() IS
'Moves the rows of acct_cluster.inbox to the nodes of their entities, in one transaction on all of them: a row for each node and entity with their number, without a node for rows that stay, as their entity has none. Raises LE010 (a node does not answer or is not as its coordinator), the error of a row that a node refuses, with row and node, 25001, 55000 (no cluster).';

CREATE FUNCTION acct._inbox_waiting(p_from date DEFAULT '-infinity', p_to date DEFAULT 'infinity') RETURNS TABLE (entity_code text, node_name text, transactions bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF to_regclass('acct_cluster.inbox') IS NOT NULL THEN
        RETURN QUERY SELECT i.entity_code, e.node_name, count(*) FROM acct_cluster.inbox AS i LEFT JOIN acct_cluster.entity AS e ON e.entity_code = i.entity_code
                      WHERE i.txn_month BETWEEN p_from AND p_to GROUP BY 1, 2;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._inbox_waiting(date, date) IS 'The entities of rows in the inbox, of some months, with the node that they are assigned to (NULL: none) and the number of rows.';

CREATE FUNCTION acct._warn_of_inbox(p_from date, p_to date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    waiting CONSTANT text[] := ARRAY(SELECT format('%s of %s', w.transactions, w.entity_code) FROM acct._inbox_waiting(p_from, p_to) AS w ORDER BY w.entity_code COLLATE "C");
BEGIN
    IF waiting <> '{}' THEN
        RAISE WARNING 'transactions wait in the inbox of the cluster: %', acct._first_of(waiting) USING HINT = 'Call acct.route_inbox(). See check inbox of acct.cluster_health().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._warn_of_inbox(date, date) IS 'A WARNING where rows of some months wait in the inbox: no node has them.';

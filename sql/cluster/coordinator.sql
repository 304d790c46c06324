-- The coordinator of a cluster: schema acct_cluster, what is asked of the nodes, and which entity belongs where.
--
-- acct_cluster.node is distributed by Citus and has one row on each node. A function in the SELECT list of a query of it is executed by
-- every node for itself, at the same time. A DELETE of no row comes first where the nodes write: only then does Citus prepare the
-- transaction on all of them, and commits it on all or on none, also after a crash. One call for each node, because a second
-- connection to a node would wait for the first.

CREATE FUNCTION acct._layout_cluster() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE SCHEMA IF NOT EXISTS acct_cluster;
    CREATE TABLE IF NOT EXISTS acct_cluster.member (
        node_name text COLLATE "C" NOT NULL,
        node_key integer NOT NULL,
        citus_node integer,
        ledger_id uuid,
        joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT member_pkey PRIMARY KEY (node_name),
        CONSTRAINT member_key UNIQUE (node_key),
        CONSTRAINT member_ledger_key UNIQUE (ledger_id)
    );
    CREATE TABLE IF NOT EXISTS acct_cluster.entity (
        entity_code text COLLATE "C" NOT NULL,
        node_name text COLLATE "C" NOT NULL,
        assigned_by text NOT NULL DEFAULT session_user,
        assigned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT entity_pkey PRIMARY KEY (entity_code),
        CONSTRAINT entity_node_fkey FOREIGN KEY (node_name) REFERENCES acct_cluster.member ON UPDATE CASCADE
    );
    CREATE TABLE IF NOT EXISTS acct_cluster.publication (
        publication_id bigint GENERATED ALWAYS AS IDENTITY,
        policy_digest text NOT NULL,
        published_by text NOT NULL DEFAULT session_user,
        published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT publication_pkey PRIMARY KEY (publication_id)
    );
    CREATE TABLE IF NOT EXISTS acct_cluster.run (
        run_key text COLLATE "C" NOT NULL,
        txn_month date NOT NULL,
        options jsonb NOT NULL,
        status text NOT NULL DEFAULT 'created',
        created_by text NOT NULL DEFAULT session_user,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        posted_by text,
        posted_at timestamptz,
        CONSTRAINT run_pkey PRIMARY KEY (run_key),
        CONSTRAINT chk_run_status CHECK (status IN ('created', 'staged', 'posted'))
    );
    CREATE TABLE IF NOT EXISTS acct_cluster.checkpoint (
        checkpoint_id bigint GENERATED ALWAYS AS IDENTITY,
        body text COLLATE "C" NOT NULL,
        made_by text NOT NULL DEFAULT session_user,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT checkpoint_pkey PRIMARY KEY (checkpoint_id)
    );
    PERFORM acct._widen_cluster();
    IF to_regclass('acct_cluster.node') IS NULL THEN
        CREATE TABLE acct_cluster.node (
            node_key integer NOT NULL,
            CONSTRAINT node_pkey PRIMARY KEY (node_key)
        );
    END IF;
    PERFORM acct._layout_inbox();
    COMMENT ON SCHEMA acct_cluster IS 'The coordinator''s part of a cluster: nodes, entities, and what was done on all nodes. Made by acct.install_cluster().';
    COMMENT ON TABLE acct_cluster.member IS 'The nodes of the cluster, each with a complete ledger.';
    COMMENT ON COLUMN acct_cluster.member.node_name IS 'Name of the node: host:port when it joined, with # and its number in Citus where another node has that name.';
    COMMENT ON COLUMN acct_cluster.member.node_key IS 'Key of its row in acct_cluster.node.';
    COMMENT ON COLUMN acct_cluster.member.citus_node IS 'Its nodeid in pg_dist_node.';
    COMMENT ON COLUMN acct_cluster.member.ledger_id IS 'Identifier of its ledger, by which a node that was replaced shows.';
    COMMENT ON COLUMN acct_cluster.member.joined_at IS 'When it joined the cluster.';
    COMMENT ON TABLE acct_cluster.entity IS 'Which node has the books of an entity. Written by acct.assign_entity() and acct.move_entity().';
    COMMENT ON COLUMN acct_cluster.entity.entity_code IS 'Code of the entity.';
    COMMENT ON COLUMN acct_cluster.entity.node_name IS 'Node that has its books.';
    COMMENT ON COLUMN acct_cluster.entity.assigned_by IS 'Session user who assigned it.';
    COMMENT ON COLUMN acct_cluster.entity.assigned_at IS 'When it was assigned.';
    COMMENT ON TABLE acct_cluster.publication IS 'Each time that policy was carried to the nodes.';
    COMMENT ON COLUMN acct_cluster.publication.publication_id IS 'Number of the publication.';
    COMMENT ON COLUMN acct_cluster.publication.policy_digest IS 'Digest of the policy that every node had afterwards.';
    COMMENT ON COLUMN acct_cluster.publication.published_by IS 'Session user who published it.';
    COMMENT ON COLUMN acct_cluster.publication.published_at IS 'When it was published.';
    COMMENT ON TABLE acct_cluster.run IS 'Runs of the cluster, each of which has a run with the same key on each node.';
    COMMENT ON COLUMN acct_cluster.run.run_key IS 'Key of the run, here and on the nodes.';
    COMMENT ON COLUMN acct_cluster.run.txn_month IS 'Month of its transactions.';
    COMMENT ON COLUMN acct_cluster.run.options IS 'Options of the runs on the nodes.';
    COMMENT ON COLUMN acct_cluster.run.status IS 'created, staged (expanded on every node) or posted (on every node).';
    COMMENT ON COLUMN acct_cluster.run.created_by IS 'Session user who created it.';
    COMMENT ON COLUMN acct_cluster.run.created_at IS 'When it was created.';
    COMMENT ON COLUMN acct_cluster.run.posted_by IS 'Session user who posted it; NULL until then.';
    COMMENT ON COLUMN acct_cluster.run.posted_at IS 'When it was posted; NULL until then.';
    COMMENT ON TABLE acct_cluster.checkpoint IS 'The checkpoints that were made, for reference; only a copy that is kept outside proves something.';
    COMMENT ON COLUMN acct_cluster.checkpoint.checkpoint_id IS 'Number of the checkpoint.';
    COMMENT ON COLUMN acct_cluster.checkpoint.body IS 'Text of the checkpoint.';
    COMMENT ON COLUMN acct_cluster.checkpoint.made_by IS 'Session user who called acct.cluster_checkpoint().';
    COMMENT ON COLUMN acct_cluster.checkpoint.made_at IS 'When it was made.';
    COMMENT ON TABLE acct_cluster.node IS 'One row on each node, distributed by Citus: a query of it is executed by all nodes.';
    COMMENT ON COLUMN acct_cluster.node.node_key IS 'Key of the node, which leads Citus to it.';
    PERFORM acct._grant_cluster();
END
$layout$;
COMMENT ON FUNCTION acct._layout_cluster() IS 'The part of install_cluster() that creates schema acct_cluster, before Citus distributes anything of it.';

CREATE FUNCTION acct._widen_cluster() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    IF to_regclass('acct_cluster.run') IS NOT NULL THEN
        -- Since layout 7
        ALTER TABLE acct_cluster.run ADD COLUMN IF NOT EXISTS posted_on jsonb;
        COMMENT ON COLUMN acct_cluster.run.posted_on IS 'The nodes that posted something, by name, each with the digest of its run; NULL for runs that are not posted, or were before layout 7.';
    END IF;
END
$layout$;
COMMENT ON FUNCTION acct._widen_cluster() IS 'The part of install() and install_cluster() that gives tables of the coordinator which an older layout made the columns of this one.';

CREATE FUNCTION acct._grant_cluster() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT g.* FROM acct._role_rights() AS g JOIN pg_roles AS o ON o.rolname = g.role_name
              WHERE g.kind = 'cluster table' AND to_regclass('acct_cluster.' || g.name) IS NOT NULL LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA acct_cluster TO %I', r.role_name);
        EXECUTE format('GRANT %s ON TABLE acct_cluster.%I TO %I', r.privileges, r.name, r.role_name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._grant_cluster() IS 'The part of install_cluster() and install_roles() that grants rights in schema acct_cluster, where both have been called.';

CREATE FUNCTION acct._require_cluster() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    -- Citus makes acct_cluster.node known to every node.
    IF to_regclass('acct_cluster.member') IS NULL THEN
        RAISE EXCEPTION 'this ledger is not the coordinator of a cluster'
            USING ERRCODE = '55000', HINT = 'As a superuser, on the coordinator of Citus: SELECT * FROM acct.install_cluster();';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_cluster() IS 'Raises 55000 where install_cluster() was not called in this database.';

CREATE FUNCTION acct._hold_cluster() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_read_committed();
    PERFORM acct._require_cluster();
    PERFORM acct._commit_durably();
    LOCK TABLE acct_cluster.member IN SHARE ROW EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION acct._hold_cluster() IS 'Lets one session at a time, to the end of its transaction, change what all nodes have in common: members, places, policy.';

CREATE FUNCTION acct._request(p_request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- By the one backslash a node sees that the request is as it was sent.
    RETURN p_request || jsonb_build_object('backslash', E'\\', 'ledgers', (SELECT coalesce(jsonb_object_agg(m.node_key, m.ledger_id), '{}') FROM acct_cluster.member AS m
                                                        WHERE m.ledger_id IS NOT NULL));
END
$$;
COMMENT ON FUNCTION acct._request(jsonb) IS 'A request with the ledgers that it is meant for, by the keys of nodes, and a backslash, which settings of a session could double on the way.';

CREATE FUNCTION acct._ask(p_request jsonb, p_writes boolean) RETURNS TABLE (node_name text, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, acct, pg_temp SET jit = off
    -- As Citus plans queries, and writes the constants of those that it sends
    SET plan_cache_mode = force_custom_plan SET standard_conforming_strings = on AS $$
DECLARE
    a record;
    answered text[] := ARRAY[]::text[];
    silent text;
    own_order CONSTANT text := current_setting('citus.all_modifications_commutative', true);
BEGIN
    IF p_writes THEN
        -- Citus prepares only what wrote to a shard. Nobody is to wait for anybody else's request.
        PERFORM set_config('citus.all_modifications_commutative', 'on', true) WHERE own_order <> '';
        EXECUTE 'DELETE FROM acct_cluster.node AS n WHERE n.node_key < 0';
        PERFORM set_config('citus.all_modifications_commutative', own_order, true) WHERE own_order <> '';
    END IF;
    FOR a IN EXECUTE 'SELECT n.node_key, acct._answer(n.node_key, $1) AS answer FROM acct_cluster.node AS n' USING acct._request(p_request) LOOP
        SELECT m.node_name INTO node_name FROM acct_cluster.member AS m WHERE m.node_key = a.node_key;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'acct_cluster.node has the row % of no node of the cluster', a.node_key
                USING ERRCODE = 'LE010', HINT = 'As a superuser: SELECT * FROM acct.install_cluster();';
        END IF;
        answer := a.answer;
        answered := answered || node_name;
        RETURN NEXT;
    END LOOP;
    SELECT string_agg(m.node_name, ', ' ORDER BY m.node_name) INTO silent FROM acct_cluster.member AS m WHERE m.node_name <> ALL (answered);
    IF silent IS NOT NULL OR cardinality(answered) = 0 THEN
        RAISE EXCEPTION 'nodes of the cluster have no row in acct_cluster.node: %', coalesce(silent, 'all')
            USING ERRCODE = 'LE010', HINT = 'As a superuser: SELECT * FROM acct.install_cluster(); before that citus_add_node(), where Citus no longer has the node.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._ask(jsonb, boolean) IS
'Has every node answer a request, at the same time, and fails where one does not: what they write is committed on all of them or on none. Raises LE010 where a node is missing or is none, and what the nodes raise.';

CREATE FUNCTION acct._ask_each(p_request jsonb) RETURNS TABLE (node_name text, answer jsonb, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, acct, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan SET standard_conforming_strings = on AS $$
DECLARE
    m record;
BEGIN
    FOR m IN SELECT x.node_name, x.node_key FROM acct_cluster.member AS x ORDER BY x.node_name LOOP
        node_name := m.node_name;
        answer := NULL;
        problem := 'it has no row in acct_cluster.node';
        BEGIN
            EXECUTE 'SELECT acct._answer(n.node_key, $1) FROM acct_cluster.node AS n WHERE n.node_key = $2'
               INTO answer USING acct._request(p_request), m.node_key;
            IF answer IS NOT NULL THEN
                problem := NULL;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._ask_each(jsonb) IS 'The same for what only reads, one node after the other: a node that does not answer has a problem and no answer.';

CREATE FUNCTION acct._require_citus() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    nodes bigint;
    is_coordinator boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'citus') THEN
        RAISE EXCEPTION 'Citus is not installed in this database'
            USING ERRCODE = '55000',
                  HINT = 'Install its package, set shared_preload_libraries = ''citus'' in postgresql.conf, restart the server, and, as a superuser: CREATE EXTENSION citus; see docs/scale-out.md.';
    END IF;
    EXECUTE 'SELECT count(*) FILTER (WHERE n.isactive AND n.noderole = ''primary'' AND n.shouldhaveshards), (SELECT l.groupid = 0 FROM pg_catalog.pg_dist_local_group AS l) FROM pg_catalog.pg_dist_node AS n'
       INTO nodes, is_coordinator;
    IF NOT is_coordinator THEN
        RAISE EXCEPTION 'this is not the coordinator of Citus' USING ERRCODE = '55000', HINT = 'Call acct.install_cluster() there.';
    ELSIF nodes = 0 THEN
        RAISE EXCEPTION 'Citus has no node that takes shards' USING ERRCODE = '55000', HINT = 'Call citus_set_coordinator_host(), and citus_add_node() for each worker.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_citus() IS 'Raises 55000, with a HINT, unless this is the coordinator of Citus and has nodes.';

CREATE FUNCTION acct._distribute_nodes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    shards integer;
    known integer[];
    present integer[] := ARRAY[]::integer[];
    own_propagation text;
    n record;
BEGIN
    EXECUTE 'SELECT count(*), array_agg(n.nodeid) FROM pg_catalog.pg_dist_node AS n WHERE n.isactive AND n.noderole = ''primary'' AND n.shouldhaveshards' INTO shards, known;
    -- One place of each row, whatever the session has set
    PERFORM set_config('citus.shard_replication_factor', '1', true);
    -- It holds nothing of value: its rows are made from what Citus knows.
    DROP TABLE acct_cluster.node;
    own_propagation := acct._keep_ddl_here();
    PERFORM acct._layout_cluster();
    PERFORM acct._keep_ddl_here(own_propagation);
    EXECUTE 'SELECT pg_catalog.create_distributed_table(''acct_cluster.node'', ''node_key'', shard_count => $1, colocate_with => ''none'')' USING shards;
    FOR n IN EXECUTE 'WITH key AS (
                          SELECT DISTINCT ON (s.shard) s.shard, s.node_key
                            FROM (SELECT k AS node_key, pg_catalog.get_shard_id_for_distribution_column(''acct_cluster.node'', k) AS shard FROM generate_series(1, 100 * $1) AS k) AS s
                           ORDER BY s.shard, s.node_key)
                      SELECT k.node_key, d.nodeid, d.nodename || '':'' || d.nodeport AS address
                        FROM key AS k JOIN pg_catalog.pg_dist_placement AS p ON p.shardid = k.shard
                        JOIN pg_catalog.pg_dist_node AS d ON d.groupid = p.groupid AND d.noderole = ''primary'' ORDER BY d.nodeid' USING shards LOOP
        EXECUTE 'INSERT INTO acct_cluster.node (node_key) VALUES ($1)' USING n.node_key;
        present := present || n.nodeid;
        -- Keys are taken anew, whatever the others had.
        UPDATE acct_cluster.member AS m SET node_key = -m.node_key WHERE m.node_key = n.node_key AND m.citus_node IS DISTINCT FROM n.nodeid;
        UPDATE acct_cluster.member AS m SET node_key = n.node_key WHERE m.citus_node = n.nodeid;
        IF NOT FOUND THEN
            -- A node that Citus has at another address meanwhile keeps its name.
            INSERT INTO acct_cluster.member (node_name, node_key, citus_node)
            SELECT CASE WHEN EXISTS (SELECT FROM acct_cluster.member AS m WHERE m.node_name = n.address AND m.citus_node = ANY (known)) THEN format('%s#%s', n.address, n.nodeid)
                        ELSE n.address END, n.node_key, n.nodeid
            ON CONFLICT (node_name) DO UPDATE SET node_key = excluded.node_key, citus_node = excluded.citus_node;
        END IF;
    END LOOP;
    -- Those that Citus no longer has. One with entities stays, and is missed by whatever asks all nodes.
    UPDATE acct_cluster.member AS m SET node_key = -m.node_key WHERE m.citus_node <> ALL (present) AND m.node_key > 0;
    DELETE FROM acct_cluster.member AS m
     WHERE m.citus_node <> ALL (present) AND NOT EXISTS (SELECT FROM acct_cluster.entity AS e WHERE e.node_name = m.node_name);
END
$$;
COMMENT ON FUNCTION acct._distribute_nodes() IS 'Makes acct_cluster.node again, with one row on each node that Citus has, and a member of the cluster of each.';

CREATE FUNCTION acct.install_cluster()
RETURNS TABLE (node text, ledger_id uuid, entities bigint, version text, layout integer, policy_is_current boolean, problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off SET client_min_messages = warning AS $$
#variable_conflict use_column
DECLARE
    own_propagation text;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'acct.install_cluster() must be called by a superuser' USING ERRCODE = '42501';
    END IF;
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_citus();
    own_propagation := acct._keep_ddl_here();
    PERFORM acct._layout_cluster();
    PERFORM acct._keep_ddl_here(own_propagation);
    PERFORM acct._hold_cluster();
    PERFORM acct._distribute_nodes();
    PERFORM acct._join_nodes();
    RETURN QUERY SELECT c.node, c.ledger_id, c.entities, c.version, c.layout, c.policy_is_current, c.problem FROM acct.cluster_nodes() AS c;
END
$$;
COMMENT ON FUNCTION acct.install_cluster() IS
'Makes this database, the coordinator of Citus, the coordinator of the ledgers on its nodes: schema acct_cluster, and a member for each node; called again, it takes in nodes that were added. Raises 42501 (caller is no superuser), 55000 (no Citus, or no coordinator of it), LE010 (a node has no ledger, or that of another cluster).';

CREATE FUNCTION acct._join_nodes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT x.* FROM acct._ask(jsonb_build_object(
                 'do', 'join', 'cluster_id', (SELECT l.ledger_id FROM acct.engine_layout AS l),
                 'names', (SELECT jsonb_object_agg(m.node_key, m.node_name) FROM acct_cluster.member AS m)), true) AS x LOOP
        UPDATE acct_cluster.member AS m SET ledger_id = (a.answer ->> 'ledger_id')::uuid WHERE m.node_name = a.node_name;
    END LOOP;
    PERFORM acct._send_places();
END
$$;
COMMENT ON FUNCTION acct._join_nodes() IS 'Has every node join the cluster, and know which entities belong where.';

CREATE FUNCTION acct._send_places() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM FROM acct._ask(jsonb_build_object('do', 'place', 'entities', (SELECT coalesce(jsonb_object_agg(e.entity_code, e.node_name), '{}') FROM acct_cluster.entity AS e)), true);
END
$$;
COMMENT ON FUNCTION acct._send_places() IS 'Has every node know which entities belong where.';

CREATE FUNCTION acct.cluster_nodes()
RETURNS TABLE (node text, ledger_id uuid, entities bigint, version text, layout integer, policy_is_current boolean, problem text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    here jsonb;
    placement text;
    a record;
BEGIN
    PERFORM acct._require_cluster();
    here := acct._node_description();
    placement := acct._placement_digest('acct_cluster.entity');
    FOR a IN SELECT x.* FROM acct._ask_each('{"do": "describe"}') AS x LOOP
        node := a.node_name;
        ledger_id := (a.answer ->> 'ledger_id')::uuid;
        entities := (a.answer ->> 'entities')::bigint;
        version := a.answer ->> 'version';
        layout := (a.answer ->> 'layout')::integer;
        policy_is_current := a.answer ->> 'policy_digest' = here ->> 'policy_digest';
        problem := coalesce(a.problem,
                            CASE WHEN a.answer ->> 'cluster_id' IS DISTINCT FROM here ->> 'ledger_id' THEN 'it is no node of this cluster: call acct.install_cluster()'
                                 WHEN version IS DISTINCT FROM here ->> 'version' OR layout <> (here ->> 'layout')::integer
                                 THEN format('it has version %s with layout %s, the coordinator version %s with layout %s', version, layout, here ->> 'version', here ->> 'layout')
                                 WHEN NOT policy_is_current THEN 'it has another policy than the coordinator: call acct.publish_policy()'
                                 WHEN a.answer ->> 'placement' <> placement THEN 'it has entities at other places than the coordinator: call acct.install_cluster()'
                                 WHEN (a.answer ->> 'prepared')::bigint > 0
                                 THEN format('%s prepared transactions have waited for more than a minute', a.answer ->> 'prepared') END);
        RETURN NEXT;
    END LOOP;
    IF to_regclass('pg_catalog.pg_dist_node') IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT n.nodename || '':'' || n.nodeport, NULL::uuid, NULL::bigint, NULL, NULL::integer, NULL::boolean, ''it is new: call acct.install_cluster()''
                                FROM pg_catalog.pg_dist_node AS n WHERE n.isactive AND n.noderole = ''primary'' AND n.shouldhaveshards
                                 AND NOT EXISTS (SELECT FROM acct_cluster.member AS m WHERE m.citus_node = n.nodeid) ORDER BY 1';
    END IF;
END
$$;
COMMENT ON FUNCTION acct.cluster_nodes() IS
'The nodes of the cluster: a row for each, with its ledger, version and number of entities, whether its policy is the coordinator''s, and what is wrong with it; one that does not answer has NULLs. Raises 55000 (no cluster).';

CREATE FUNCTION acct._require_nodes_alike() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    problems text[];
BEGIN
    SELECT array_agg(format('%s: %s', c.node, c.problem) ORDER BY c.node) INTO problems FROM acct.cluster_nodes() AS c WHERE c.problem IS NOT NULL;
    IF problems <> '{}' THEN
        RAISE EXCEPTION 'nodes of the cluster are not ready'
            USING ERRCODE = 'LE010', DETAIL = acct._first_of(problems) || '.', HINT = 'See acct.cluster_nodes(). Nothing was done on any node.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_nodes_alike() IS 'Raises LE010 where a node does not answer, or its version, layout, policy or places are not the coordinator''s.';

CREATE FUNCTION acct._place_entity(p_entity text, p_node text, p_may_move boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found_node text;
BEGIN
    PERFORM acct._hold_cluster();
    PERFORM acct._require_code('entity', p_entity);
    IF p_node IS NULL OR NOT EXISTS (SELECT FROM acct_cluster.member AS m WHERE m.node_name = p_node) THEN
        RAISE EXCEPTION 'there is no node %', coalesce('"' || p_node || '"', 'NULL')
            USING ERRCODE = '22023', HINT = 'Nodes are rows of acct.cluster_nodes().';
    END IF;
    SELECT e.node_name INTO found_node FROM acct_cluster.entity AS e WHERE e.entity_code = p_entity;
    IF found_node = p_node THEN
        RETURN;
    ELSIF found_node IS NULL AND p_may_move THEN
        RAISE EXCEPTION 'entity % is assigned to no node', p_entity USING ERRCODE = '22023', HINT = 'Call acct.assign_entity().';
    ELSIF NOT p_may_move AND found_node IS NOT NULL THEN
        RAISE EXCEPTION 'entity % belongs to node %', p_entity, found_node USING ERRCODE = '22023', HINT = 'Call acct.move_entity(), while it has no entries.';
    END IF;
    INSERT INTO acct_cluster.entity AS e (entity_code, node_name) VALUES (p_entity, p_node)
    ON CONFLICT (entity_code) DO UPDATE SET node_name = excluded.node_name, assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at;
    PERFORM acct._send_places();
END
$$;
COMMENT ON FUNCTION acct._place_entity(text, text, boolean) IS 'The work of assign_entity() and move_entity().';

CREATE FUNCTION acct.assign_entity(entity text, node text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._place_entity(assign_entity.entity, assign_entity.node, false);
END
$$;
COMMENT ON FUNCTION acct.assign_entity(text, text) IS
'Gives an entity to the node that takes its transactions and has its books; all nodes know it when the transaction commits. Raises 22023 (no such entity or node, or it belongs to another one), LE004 (another node has entries of it), 55000 (no cluster).';

CREATE FUNCTION acct.move_entity(entity text, node text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._place_entity(move_entity.entity, move_entity.node, true);
END
$$;
COMMENT ON FUNCTION acct.move_entity(text, text) IS
'Gives an entity to another node, as long as no run holds entries of it, posted or expanded. Raises LE004 where one does, 22023 (no such entity or node, or it belongs to none), 55000 (no cluster).';

CREATE FUNCTION acct.entity_node(entity text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._require_code('entity', entity_node.entity);
    RETURN (SELECT e.node_name FROM acct_cluster.entity AS e WHERE e.entity_code = entity_node.entity);
END
$$;
COMMENT ON FUNCTION acct.entity_node(text) IS 'The node that has an entity''s books; NULL where it is assigned to none. Raises 22023 (no such entity), 55000 (no cluster).';

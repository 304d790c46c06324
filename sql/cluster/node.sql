-- A ledger that is a node of a cluster: which entities are its own, and what it answers to the coordinator.
--
-- Each node has a complete ledger, and entities are assigned to nodes. What is done on all of them is one function that each node
-- executes for itself, acct._answer(): Citus calls it on all nodes at once, and commits what it did on all of them or on none.
-- A test calls it over connections of its own, with PREPARE TRANSACTION and COMMIT PREPARED.

CREATE FUNCTION acct._layout_node() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.cluster_member (
        singleton boolean NOT NULL DEFAULT true,
        cluster_id uuid NOT NULL,
        node_name text COLLATE "C" NOT NULL,
        joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT cluster_member_pkey PRIMARY KEY (singleton),
        CONSTRAINT chk_cluster_singleton CHECK (singleton)
    );
    CREATE TABLE IF NOT EXISTS acct.entity_place (
        entity_code text COLLATE "C" NOT NULL,
        node_name text COLLATE "C" NOT NULL,
        CONSTRAINT entity_place_pkey PRIMARY KEY (entity_code)
    );
END
$layout$;
COMMENT ON FUNCTION acct._layout_node() IS 'The part of install() that creates what a node of a cluster knows of it.';

CREATE FUNCTION acct._comment_node() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.cluster_member IS 'The cluster that this ledger is a node of: one row, written by install_cluster() on its coordinator. Without a row the ledger takes the transactions of all entities.';
    COMMENT ON COLUMN acct.cluster_member.singleton IS 'Always true: the table has one row.';
    COMMENT ON COLUMN acct.cluster_member.cluster_id IS 'Identifier of the coordinator''s ledger, which is that of the cluster.';
    COMMENT ON COLUMN acct.cluster_member.node_name IS 'Name of this node in the cluster.';
    COMMENT ON COLUMN acct.cluster_member.joined_at IS 'When the node joined the cluster.';
    COMMENT ON TABLE acct.entity_place IS 'Entities with the node of the cluster that has their books, as the coordinator assigned them. Empty where the ledger is no node of a cluster.';
    COMMENT ON COLUMN acct.entity_place.entity_code IS 'Code of the entity.';
    COMMENT ON COLUMN acct.entity_place.node_name IS 'Node that takes its transactions; elsewhere they are the exception ENTITY_ELSEWHERE.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_node() IS 'The part of install() that describes the objects of node.sql.';

CREATE FUNCTION acct._elsewhere(p_entity text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN e.node_name IS NULL THEN format('entity %s is assigned to no node of the cluster', p_entity)
                ELSE format('entity %s belongs to node %s', p_entity, e.node_name) END
      FROM acct.cluster_member AS m LEFT JOIN acct.entity_place AS e ON e.entity_code = p_entity
     WHERE e.node_name IS DISTINCT FROM m.node_name
$$;
COMMENT ON FUNCTION acct._elsewhere(text) IS 'Why an entity is not this node''s, as exceptions say it; NULL where it is, or the ledger is no node of a cluster.';

CREATE FUNCTION acct._refuse_on_node() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM acct.cluster_member AS m, acct.engine_layout AS l WHERE m.cluster_id <> l.ledger_id) THEN
        RAISE EXCEPTION 'this ledger is a node of a cluster, whose policy is approved on the coordinator'
            USING ERRCODE = 'LE004', HINT = 'Approve the change there, and have acct.publish_policy() called.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_on_node() IS 'Raises LE004 on a node of a cluster that is not its coordinator: policy is one.';

CREATE FUNCTION acct._placement_digest(p_places regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    digest text;
BEGIN
    EXECUTE format('SELECT encode(sha256(acct._utf8(coalesce(string_agg(e.entity_code || chr(10) || e.node_name, chr(10) ORDER BY e.entity_code), ''''))), ''hex'') FROM %s AS e', p_places) INTO digest;
    RETURN digest;
END
$$;
COMMENT ON FUNCTION acct._placement_digest(regclass) IS 'SHA-256 of the nodes that entities are assigned to, by a table of them: it is the same on every node that knows the current ones.';

CREATE FUNCTION acct._node_description() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT jsonb_build_object(
        'ledger_id', l.ledger_id, 'cluster_id', m.cluster_id, 'node_name', m.node_name,
        'version', (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ledger_engine'), 'layout', l.version,
        'policy_digest', acct._policy_digest(acct._policy_kept()),
        'entities', (SELECT count(*) FROM acct.entity_place AS e WHERE e.node_name = m.node_name),
        -- A coordinator with another map has been restored, or this node was.
        'placement', acct._placement_digest('acct.entity_place'),
        'prepared', (SELECT count(*) FROM pg_prepared_xacts AS x WHERE x.database = current_database() AND x.prepared < now() - interval '1 minute'))
      FROM acct.engine_layout AS l LEFT JOIN acct.cluster_member AS m ON true
$$;
COMMENT ON FUNCTION acct._node_description() IS 'By these a coordinator compares nodes: ledger, cluster, version, layout, digest of policy, entities, and prepared transactions that are older than a minute.';

CREATE FUNCTION acct._node_join(p_cluster uuid, p_name text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    other uuid;
BEGIN
    SELECT m.cluster_id INTO other FROM acct.cluster_member AS m WHERE m.cluster_id <> p_cluster;
    IF FOUND THEN
        RAISE EXCEPTION 'the ledger of node % belongs to another cluster', p_name
            USING ERRCODE = 'LE010', DETAIL = format('That is cluster %s, not %s.', other, p_cluster),
                  HINT = 'Restore the coordinator that has its books, or install a new ledger on the node.';
    END IF;
    INSERT INTO acct.cluster_member AS m (cluster_id, node_name) VALUES (p_cluster, p_name)
    ON CONFLICT (singleton) DO UPDATE SET node_name = excluded.node_name WHERE m.node_name <> excluded.node_name;
    RETURN acct._node_description();
END
$$;
COMMENT ON FUNCTION acct._node_join(uuid, text) IS 'Makes this ledger a node of a cluster. Raises LE010 where it is one of another cluster.';

CREATE FUNCTION acct._node_place(p_entities jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    here CONSTANT text := (SELECT m.node_name FROM acct.cluster_member AS m);
    stays record;
BEGIN
    -- No expansion is under way that reads the old places, and none begins.
    LOCK TABLE acct.chart_of_accounts IN EXCLUSIVE MODE;
    SELECT t.entity_code, p_entities ->> t.entity_code AS node_name INTO stays
      FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id AND r.status <> 'discarded'
     WHERE p_entities ->> t.entity_code <> here LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entity % has entries on node % and stays there', stays.entity_code, here
            USING ERRCODE = 'LE004', DETAIL = format('It would be assigned to node %s.', stays.node_name),
                  HINT = 'Books do not move between nodes. Discard the runs that hold it where none of them is posted.';
    END IF;
    DELETE FROM acct.entity_place AS e WHERE p_entities ->> e.entity_code IS DISTINCT FROM e.node_name;
    INSERT INTO acct.entity_place (entity_code, node_name) SELECT x.key, x.value FROM jsonb_each_text(p_entities) AS x
    ON CONFLICT (entity_code) DO NOTHING;
    RETURN acct._node_description();
END
$$;
COMMENT ON FUNCTION acct._node_place(jsonb) IS
'Takes the nodes of all entities from the coordinator. Raises LE004 where an entity that has entries here, posted or expanded, would belong elsewhere.';

CREATE FUNCTION acct._node_run(p_key text, p_month date DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce((
        SELECT jsonb_build_object(
            'run_id', r.run_id, 'status', CASE WHEN r.status IN ('created', 'expanded') AND acct._run_transactions(r.run_id) = 0 THEN 'empty' ELSE r.status END,
            'txn_month', r.txn_month, 'transactions', coalesce(r.transactions, 0), 'journals', coalesce(r.journals, 0), 'lines', coalesce(r.lines, 0),
            'exceptions', coalesce(r.exceptions, 0), 'ignored', coalesce(r.ignored, 0), 'debit', coalesce(r.debit, 0), 'credit', coalesce(r.credit, 0),
            'digest', r.digest, 'policy_digest', r.policy_digest, 'open_exceptions', acct._open_exceptions(r.run_id),
            'seal_root', (SELECT encode(acct._merkle_root_of_hashes(array_agg(s.seal_hash ORDER BY s.entity_code, s.basis)), 'hex')
                            FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = r.run_id HAVING count(*) > 0))
          FROM acct.journal_run AS r WHERE r.run_key = p_key AND r.txn_month = coalesce(p_month, r.txn_month) AND r.status <> 'discarded'), '{"status": "none"}')
$$;
COMMENT ON FUNCTION acct._node_run(text, date) IS
'A run of this node by its key, of any month if that is NULL: its status (empty: it has taken nothing; none: there is no such run), figures, digests, and the root over its seals.';

CREATE FUNCTION acct._node_lost(p_runs jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A coordinator of before layout 7, and of its runs, knows keys alone: with some of them the node took nothing.
    SELECT coalesce(jsonb_agg(k.run_key ORDER BY k.run_key COLLATE "C")
                        FILTER (WHERE r.run_id IS NULL OR r.status = 'expanded'
                                   OR k.has_digest AND (NOT acct._is_posted(r.status) OR r.digest IS DISTINCT FROM k.digest)), '[]')
      FROM (SELECT x ->> 'digest' AS digest, jsonb_typeof(x) = 'object' AS has_digest, coalesce(x ->> 'run_key', x #>> '{}') AS run_key
              FROM jsonb_array_elements(p_runs) AS x) AS k
      LEFT JOIN acct.journal_run AS r ON r.run_key = k.run_key AND r.status <> 'discarded'
$$;
COMMENT ON FUNCTION acct._node_lost(jsonb) IS
'The keys of some of these posted runs, each with its digest: this node has not posted a run with that key and digest. Such a node was restored to an older state.';

CREATE FUNCTION acct._node_stage(p_month date, p_key text, p_options jsonb, p_policy_digest text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id bigint;
BEGIN
    IF acct._policy_digest(acct._policy_kept()) <> p_policy_digest THEN
        RAISE EXCEPTION 'node % has another policy than its coordinator', (SELECT m.node_name FROM acct.cluster_member AS m)
            USING ERRCODE = 'LE004', HINT = 'Call acct.publish_policy() on the coordinator.';
    END IF;
    id := acct.create_run(p_month, p_key, p_options);
    UPDATE acct.journal_run AS r SET awaits_cluster = true WHERE r.run_id = id AND NOT acct._is_posted(r.status) AND NOT r.awaits_cluster;
    IF acct._run_transactions(id) > 0 THEN
        PERFORM FROM acct.expand_journals(id);
    END IF;
    RETURN acct._node_run(p_key);
END
$$;
COMMENT ON FUNCTION acct._node_stage(date, text, jsonb, text) IS
'Creates and expands this node''s part of a run, or finds it; nothing is expanded where nothing waits. Raises LE004 where policy is not the coordinator''s, and what the steps raise.';

CREATE FUNCTION acct._node_run_of(p_request jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run CONSTANT jsonb := acct._node_run(p_request ->> 'run_key');
BEGIN
    -- Somebody on the node may have cancelled the run that was staged, and used its key again.
    IF (run ->> 'txn_month')::date <> (p_request ->> 'txn_month')::date THEN
        RAISE EXCEPTION 'run "%" of node % is for %, not for %', p_request ->> 'run_key', (SELECT m.node_name FROM acct.cluster_member AS m), acct._month_name((run ->> 'txn_month')::date),
                        acct._month_name((p_request ->> 'txn_month')::date)
            USING ERRCODE = 'LE002', HINT = 'It is not that of the cluster. Cancel it there, or call acct.cancel_cluster_run() and use another run_key.';
    ELSIF (run ->> 'status' = 'expanded' OR acct._is_posted(run ->> 'status')) AND p_request ? 'txn_month' THEN
        PERFORM acct.create_run((p_request ->> 'txn_month')::date, p_request ->> 'run_key', p_request -> 'options');
    END IF;
    RETURN run;
END
$$;
COMMENT ON FUNCTION acct._node_run_of(jsonb) IS
'This node''s part of the run that a request names, by its key, as _node_run(). Raises LE002 where the run with that key has other arguments than the cluster''s.';

CREATE FUNCTION acct._node_validate(p_request jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run CONSTANT jsonb := acct._node_run_of(p_request);
    failed text;
BEGIN
    IF run ->> 'status' = 'expanded' THEN
        SELECT c.failed INTO failed FROM acct._failed_checks((run ->> 'run_id')::bigint) AS c;
        PERFORM acct._refuse_failed_checks((run ->> 'run_id')::bigint, failed);
    END IF;
    RETURN run;
END
$$;
COMMENT ON FUNCTION acct._node_validate(jsonb) IS 'Validates this node''s part of a run, where it is expanded. Raises LE009 where a check failed, LE002 where it is another run.';

CREATE FUNCTION acct._node_post(p_request jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run CONSTANT jsonb := acct._node_run_of(p_request);
BEGIN
    IF run ->> 'status' = 'none' THEN
        RAISE EXCEPTION 'node % has no run "%"', (SELECT m.node_name FROM acct.cluster_member AS m), p_request ->> 'run_key'
            USING ERRCODE = 'LE001', HINT = 'Call acct.run_cluster_month() again, which creates it on every node.';
    ELSIF run ->> 'status' <> 'empty' THEN
        UPDATE acct.journal_run AS r SET awaits_cluster = false WHERE r.run_id = (run ->> 'run_id')::bigint AND r.awaits_cluster;
        PERFORM FROM acct.post_journals((run ->> 'run_id')::bigint);
    END IF;
    RETURN acct._node_run(p_request ->> 'run_key');
END
$$;
COMMENT ON FUNCTION acct._node_post(jsonb) IS
'Posts this node''s part of a run, unless it is posted or has taken nothing. Raises LE001 where the node has none, LE002 where it is another run, and what post_journals() raises.';

CREATE FUNCTION acct._node_cancel(p_key text, p_month date) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    cancelled record;
BEGIN
    -- One of another month is the node's own.
    IF acct._node_run(p_key) ->> 'status' <> 'none' AND acct._node_run(p_key, p_month) ->> 'status' = 'none' THEN
        RETURN jsonb_build_object('outcome', 'no run', 'sessions_stopped', 0);
    END IF;
    SELECT c.* INTO cancelled FROM acct.cancel_run(p_key) AS c;
    IF cancelled.outcome IN ('posted', 'reversed') THEN
        RAISE EXCEPTION 'run "%" is % on node %', p_key, cancelled.outcome, (SELECT m.node_name FROM acct.cluster_member AS m)
            USING ERRCODE = 'LE002', HINT = 'It is posted on every node: see acct.check_cluster_run(). Reverse it by acct.reverse_run() on each of them.';
    END IF;
    RETURN jsonb_build_object('outcome', cancelled.outcome, 'sessions_stopped', cancelled.sessions_stopped);
END
$$;
COMMENT ON FUNCTION acct._node_cancel(text, date) IS 'cancel_run() of this node''s part of a run. Raises LE002 where it is posted.';

CREATE FUNCTION acct._node_rows(p_report text, p_arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    a CONSTANT jsonb := p_arguments;
    found_rows jsonb;
BEGIN
    CASE p_report
        WHEN 'trial_balance' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows
              FROM acct.trial_balance((a ->> 0)::date, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::timestamptz, (a ->> 5)::boolean) AS r;
        WHEN 'profit_and_loss' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows
              FROM acct.profit_and_loss((a ->> 0)::date, (a ->> 1)::date, a ->> 2, a ->> 3, a ->> 4, a ->> 5, (a ->> 6)::boolean, (a ->> 7)::boolean, (a ->> 8)::boolean) AS r;
        WHEN 'balance_sheet' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows
              FROM acct.balance_sheet((a ->> 0)::date, a ->> 1, a ->> 2, a ->> 3, a ->> 4, (a ->> 5)::boolean, (a ->> 6)::boolean, (a ->> 7)::boolean) AS r;
        WHEN 'statement_funds' THEN
            PERFORM acct._require_fund_statement(a ->> 3, (a ->> 5)::date, (a ->> 0)::date);
            SELECT to_jsonb(f) INTO found_rows
              FROM acct._statement_funds(a ->> 3, coalesce((a ->> 5)::date, (a ->> 0)::date), (a ->> 0)::date, a ->> 1, a ->> 2, a ->> 4, coalesce((a ->> 6)::boolean, a ->> 3 = 'balance_sheet')) AS f;
        WHEN 'fund_statement' THEN
            PERFORM acct._require_fund_statement(a ->> 3, (a ->> 5)::date, (a ->> 0)::date);
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows
              FROM acct._fund_statement(a ->> 3, coalesce((a ->> 5)::date, (a ->> 0)::date), (a ->> 0)::date, a ->> 1, a ->> 2, a ->> 4, coalesce((a ->> 6)::boolean, a ->> 3 = 'balance_sheet'),
                                        ARRAY(SELECT jsonb_array_elements_text(a -> 7))) AS r;
        WHEN 'trial_balance_at' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.trial_balance_at((a ->> 0)::date, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::boolean) AS r;
        WHEN 'movement' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.movement((a ->> 0)::date, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::boolean, (a ->> 5)::boolean) AS r;
        WHEN 'account_hierarchy' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.account_hierarchy((a ->> 0)::date, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::boolean) AS r;
        WHEN 'exceptions_report' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.exceptions_report((a ->> 0)::date, a ->> 1, a ->> 2) AS r;
        WHEN 'balance_changes' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.balance_changes((a ->> 0)::date, (a ->> 1)::timestamptz, a ->> 2, a ->> 3, a ->> 4) AS r;
        WHEN 'run_progress' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows FROM acct.run_progress AS r;
        WHEN 'health' THEN
            SELECT jsonb_agg(to_jsonb(r)) INTO found_rows
              FROM acct.health(CASE WHEN jsonb_typeof(a -> 0) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(a -> 0)) END, coalesce(a -> 1, '{}')) AS r;
    END CASE;
    RETURN coalesce(found_rows, '[]');
END
$$;
COMMENT ON FUNCTION acct._node_rows(text, jsonb) IS 'The rows of a report of this node, as JSON; the arguments are those of the report, in its order.';

CREATE FUNCTION acct._answer(p_node integer, p_request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    r CONSTANT jsonb := p_request;
    expected CONSTANT uuid := (r -> 'ledgers' ->> p_node::text)::uuid;
    answer jsonb;
BEGIN
    PERFORM acct._require_layout();
    IF expected <> (SELECT l.ledger_id FROM acct.engine_layout AS l) THEN
        RAISE EXCEPTION 'the request is for ledger %, and arrived at another one', expected
            USING ERRCODE = 'LE010', DETAIL = 'Citus moved a shard of acct_cluster.node to another node, or the database was replaced.',
                  HINT = 'As a superuser, on the coordinator: SELECT * FROM acct.install_cluster();';
    END IF;
    IF r ->> 'backslash' <> E'\\' THEN
        RAISE EXCEPTION 'the request did not arrive as it was sent: backslashes are doubled'
            USING ERRCODE = 'LE010', HINT = 'Set standard_conforming_strings = on, on all nodes, for the role that owns the extension.';
    END IF;
    CASE r ->> 'do'
        WHEN 'describe' THEN answer := acct._node_description();
        WHEN 'join' THEN answer := acct._node_join((r ->> 'cluster_id')::uuid, r -> 'names' ->> p_node::text);
        WHEN 'place' THEN answer := acct._node_place(r -> 'entities');
        WHEN 'policy' THEN answer := acct._node_policy(r -> 'policy');
        WHEN 'run' THEN answer := acct._node_run(r ->> 'run_key', (r ->> 'txn_month')::date);
        WHEN 'lost' THEN answer := acct._node_lost(r -> 'run_keys' -> p_node::text);
        WHEN 'prepared' THEN answer := to_jsonb((SELECT count(*) FROM pg_prepared_xacts AS x WHERE x.database = current_database()));
        WHEN 'stage' THEN answer := acct._node_stage((r ->> 'txn_month')::date, r ->> 'run_key', r -> 'options', r ->> 'policy_digest');
        WHEN 'validate' THEN answer := acct._node_validate(r);
        WHEN 'post' THEN answer := acct._node_post(r);
        WHEN 'cancel' THEN answer := acct._node_cancel(r ->> 'run_key', (r ->> 'txn_month')::date);
        WHEN 'checkpoint' THEN answer := to_jsonb(acct.ledger_checkpoint());
        WHEN 'verify' THEN answer := acct._node_verify(r -> 'checkpoints');
        WHEN 'receive' THEN answer := acct._node_receive(r -> 'parts' -> p_node::text, r ->> 'source');
        WHEN 'rows' THEN answer := acct._node_rows(r ->> 'report', r -> 'arguments');
    END CASE;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION acct._answer(integer, jsonb) IS
'Does what a coordinator requests of this node, and returns its answer, in the coordinator''s distributed transaction. Raises LE010 where the request is for another ledger or was changed on the way, and what the function for it raises.';

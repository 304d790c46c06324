-- Reports over all nodes: an entity has its books on one node, so the rows of the nodes are put together.

CREATE FUNCTION acct._posted_cluster_runs() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Of the last year or so; without a record of nodes, since the node joined
    SELECT coalesce(jsonb_object_agg(m.node_key, (
               SELECT coalesce(jsonb_agg(r.run ORDER BY r.run_key), '[]')
                 FROM (SELECT c.run_key, CASE WHEN c.posted_on IS NULL THEN to_jsonb(c.run_key)
                                              ELSE jsonb_build_object('run_key', c.run_key, 'digest', c.posted_on -> m.node_name) END AS run
                         FROM acct_cluster.run AS c
                        WHERE c.status = 'posted' AND CASE WHEN c.posted_on IS NULL THEN c.posted_at > m.joined_at ELSE c.posted_on ? m.node_name END
                        ORDER BY c.posted_at DESC, c.run_key LIMIT 100) AS r)), '{}')
      FROM acct_cluster.member AS m
$$;
COMMENT ON FUNCTION acct._posted_cluster_runs() IS 'The last 100 runs that each node has posted for the cluster, by its key, with their digests.';

CREATE FUNCTION acct._await_nodes() RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    posted jsonb;
    missing text[];
    lacking text[];
    still_lacking text[];
BEGIN
    -- The coordinator commits first, its nodes one by one after it; a node that was down in between does so later.
    FOR attempt IN 1..20 LOOP
        posted := acct._posted_cluster_runs();
        still_lacking := missing;
        SELECT array_agg(format('"%s" on %s', k, a.node_name) ORDER BY a.node_name, k), array_agg(DISTINCT a.node_name) INTO missing, lacking
          FROM acct._ask(jsonb_build_object('do', 'lost', 'run_keys', posted), false) AS a CROSS JOIN LATERAL jsonb_array_elements_text(a.answer) AS k;
        IF missing IS NULL THEN
            RETURN posted;
        -- Twice the same, and nothing that could change it: they were restored.
        ELSIF missing = still_lacking AND NOT EXISTS (SELECT FROM acct._ask('{"do": "prepared"}', false) AS a WHERE a.node_name = ANY (lacking) AND a.answer <> '0') THEN
            IF (SELECT array_agg(format('"%s" on %s', k, a.node_name) ORDER BY a.node_name, k)
                  FROM acct._ask(jsonb_build_object('do', 'lost', 'run_keys', posted), false) AS a CROSS JOIN LATERAL jsonb_array_elements_text(a.answer) AS k) = missing THEN
                RAISE WARNING 'runs of the cluster are missing in the books of nodes: %', acct._first_of(missing)
                    USING HINT = 'Nodes were restored to an older state. See check runs of acct.cluster_health(), and docs/scale-out.md.';
                RETURN posted;
            END IF;
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
    RAISE EXCEPTION 'runs of the cluster are committed, and not yet on all nodes: %', acct._first_of(missing)
        USING ERRCODE = 'LE010', DETAIL = 'Prepared transactions of the nodes wait for the decision, which the coordinator has.',
              HINT = 'Citus ends them within a minute (citus.recover_2pc_interval). Or, as a superuser on the coordinator: SELECT recover_prepared_transactions();';
END
$$;
COMMENT ON FUNCTION acct._await_nodes() IS
'Waits until nodes have what the coordinator has committed, and returns the runs that all of them have. Raises LE010 where a node does not in two seconds; a WARNING names runs that a node lost.';

CREATE FUNCTION acct._report_of_nodes(p_report text, p_arguments jsonb, p_to_month date) RETURNS SETOF jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    posted jsonb;
    arguments jsonb;
    answers jsonb[];
    behind text[];
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._require_latest_snapshots();
    -- Nodes do not commit a run at the same moment, but after the coordinator: what they have lies between the runs that were posted before and after.
    FOR attempt IN 1..20 LOOP
        posted := acct._await_nodes();
        arguments := p_arguments;
        IF p_report = 'fund_statement' THEN
            -- A fund that no layout places has a column of its own, which has the same number on all nodes.
            arguments := arguments || jsonb_build_array((
                SELECT coalesce(jsonb_agg(DISTINCT f), '[]')
                  FROM acct._ask(jsonb_build_object('do', 'rows', 'report', 'statement_funds', 'arguments', arguments), false) AS a, jsonb_array_elements_text(a.answer) AS f));
        END IF;
        answers := ARRAY(SELECT a.answer FROM acct._ask(jsonb_build_object('do', 'rows', 'report', p_report, 'arguments', arguments), false) AS a);
        EXIT WHEN acct._posted_cluster_runs() = posted;
        posted := NULL;
    END LOOP;
    IF posted IS NULL THEN
        RAISE EXCEPTION 'runs of the cluster were posted while nodes made the report' USING ERRCODE = '40001', HINT = 'Call it again.';
    END IF;
    RETURN QUERY SELECT jsonb_array_elements(a) FROM unnest(answers) AS a;
    PERFORM acct._warn_of_inbox('-infinity', p_to_month);
    SELECT array_agg(format('"%s" of %s', r.run_key, acct._month_name(r.txn_month)) ORDER BY r.txn_month, r.run_key) INTO behind
      FROM acct_cluster.run AS r WHERE r.status <> 'posted' AND r.txn_month <= p_to_month;
    IF behind <> '{}' THEN
        RAISE NOTICE 'runs of the cluster are not posted on any node: %', acct._first_of(behind) USING HINT = 'See acct.check_cluster_run().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._report_of_nodes(text, jsonb, date) IS
'The rows of a report from every node with the same runs of the cluster; a NOTICE names runs up to a month that are posted on none, a WARNING rows that wait in the inbox. Raises LE010 where a node has not yet committed one, 25001, 40001.';

CREATE FUNCTION acct.cluster_trial_balance(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL,
                                           known_at timestamptz DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('trial_balance', jsonb_build_array($1, $2, $3, $4, $5, $6), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, fund text, account_code text, description text, account_type text, currency text,
                                                   opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_trial_balance(date, text, text, text, timestamptz, boolean) IS
'trial_balance() of all nodes. Raises what trial_balance() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_profit_and_loss(from_month date, to_month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, layout text DEFAULT NULL,
                                             eliminations boolean DEFAULT true, closing boolean DEFAULT false, reversals boolean DEFAULT true)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric, credit numeric, amount numeric,
               previous numeric, year_ago numeric, year_to_date numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('profit_and_loss', jsonb_build_array($1, $2, $3, $4, $5, $6, $7, $8, $9), $2) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric,
                                                   credit numeric, amount numeric, previous numeric, year_ago numeric, year_to_date numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_profit_and_loss(date, date, text, text, text, text, boolean, boolean, boolean) IS
'profit_and_loss() of all nodes. Raises what profit_and_loss() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_balance_sheet(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, layout text DEFAULT NULL,
                                           eliminations boolean DEFAULT true, closing boolean DEFAULT true, reversals boolean DEFAULT true)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric, credit numeric, amount numeric,
               previous numeric, year_ago numeric, year_start numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('balance_sheet', jsonb_build_array($1, $2, $3, $4, $5, $6, $7, $8), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, debit numeric,
                                                   credit numeric, amount numeric, previous numeric, year_ago numeric, year_start numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_balance_sheet(date, text, text, text, text, boolean, boolean, boolean) IS
'balance_sheet() of all nodes. Raises what balance_sheet() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_fund_statement(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', statement text DEFAULT 'balance_sheet', layout text DEFAULT NULL,
                                            from_month date DEFAULT NULL, closing boolean DEFAULT NULL)
RETURNS TABLE (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, column_no integer, column_kind text, column_label text, amount numeric)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY
    SELECT r.* FROM acct._report_of_nodes('fund_statement', jsonb_build_array(cluster_fund_statement.month, entity, basis, statement, layout, from_month, closing),
                                          cluster_fund_statement.month) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, currency text, line_no integer, label text, row_kind text, account_code text, column_no integer,
                                                   column_kind text, column_label text, amount numeric)
     ORDER BY r.entity_code COLLATE "C", x.n;
END
$$;
COMMENT ON FUNCTION acct.cluster_fund_statement(date, text, text, text, text, date, boolean) IS
'fund_statement() of all nodes, with the same columns for all of them. Raises what fund_statement() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_trial_balance_at(day date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('trial_balance_at', jsonb_build_array($1, $2, $3, $4, $5), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, fund text, account_code text, description text, account_type text, currency text,
                                                   opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_trial_balance_at(date, text, text, text, boolean) IS
'trial_balance_at() of all nodes. Raises what trial_balance_at() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_movement(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true,
                                      templates boolean DEFAULT false)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text, template_code text, debit numeric,
               credit numeric, amount numeric, line_count bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('movement', jsonb_build_array($1, $2, $3, $4, $5, $6), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, fund text, account_code text, description text, account_type text, currency text, item text,
                                                   template_code text, debit numeric, credit numeric, amount numeric, line_count bigint)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_movement(date, text, text, text, boolean, boolean) IS
'movement() of all nodes. Raises what movement() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_account_hierarchy(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, currency text, account_code text, parent_account_code text, description text, account_type text, level integer,
               path text[], opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric, own_closing_balance numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('account_hierarchy', jsonb_build_array($1, $2, $3, $4, $5), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, fund text, currency text, account_code text, parent_account_code text, description text,
                                                   account_type text, level integer, path text[], opening_balance numeric, period_debit numeric,
                                                   period_credit numeric, closing_balance numeric, own_closing_balance numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_account_hierarchy(date, text, text, text, boolean) IS
'account_hierarchy() of all nodes. Raises what account_hierarchy() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_exceptions_report(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, reason text, state text, currency text, transactions bigint, amount numeric, oldest date, newest date,
               oldest_run bigint, newest_run bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('exceptions_report', jsonb_build_array($1, $2, $3), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, basis text, reason text, state text, currency text, transactions bigint, amount numeric, oldest date,
                                                   newest date, oldest_run bigint, newest_run bigint)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_exceptions_report(date, text, text) IS
'exceptions_report() of all nodes; runs are those of the node where the rows are. Raises what exceptions_report() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_balance_changes(month date, since timestamptz, entity text DEFAULT NULL, basis text DEFAULT NULL, fund text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, run_id bigint, run_key text,
               posted_at timestamptz, posted_by text, je_month date, debit numeric, credit numeric)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._report_of_nodes('balance_changes', jsonb_build_array($1, $2, $3, $4, $5), $1) WITH ORDINALITY AS x (x, n)
     CROSS JOIN LATERAL jsonb_to_record(x.x) AS r (entity_code text, basis text, fund text, account_code text, currency text, run_id bigint, run_key text,
                                                   posted_at timestamptz, posted_by text, je_month date, debit numeric, credit numeric)
     ORDER BY r.entity_code COLLATE "C", x.n
$$;
COMMENT ON FUNCTION acct.cluster_balance_changes(date, timestamptz, text, text, text) IS
'balance_changes() of all nodes; a run has the same key on all of them, and a number on each. Raises what balance_changes() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct._node_verify(p_checkpoints jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    own CONSTANT text := p_checkpoints ->> acct._log_origin();
BEGIN
    IF own IS NULL THEN
        RETURN jsonb '[]';
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(to_jsonb(v)), '[]') FROM acct.verify_checkpoint(own) AS v);
END
$$;
COMMENT ON FUNCTION acct._node_verify(jsonb) IS 'The rows of verify_checkpoint() for the one of some checkpoints that is this ledger''s; none where none is.';

CREATE FUNCTION acct._cluster_root(p_checkpoints text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Leaves as everywhere: SHA-256 of a zero byte and the text.
    SELECT encode(acct._merkle_root_of_hashes(array_agg(sha256(decode('00', 'hex') || convert_to(c, 'UTF8')) ORDER BY c COLLATE "C")), 'base64') FROM unnest(p_checkpoints) AS c
$$;
COMMENT ON FUNCTION acct._cluster_root(text[]) IS 'The root of the tree whose leaves are these checkpoints, in the order of their bytes.';

CREATE FUNCTION acct.cluster_checkpoint() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    parts text[];
    made text;
BEGIN
    PERFORM acct._hold_cluster();
    parts := ARRAY(SELECT x.part FROM (SELECT a.answer #>> '{}' AS part FROM acct._ask('{"do": "checkpoint"}', true) AS a) AS x ORDER BY x.part COLLATE "C");
    made := format(E'%s\n%s\n%s\n\n%s', 'ledger_engine_cluster/' || (SELECT l.ledger_id FROM acct.engine_layout AS l), cardinality(parts), acct._cluster_root(parts),
                   array_to_string(parts, E'\n'));
    INSERT INTO acct_cluster.checkpoint (body) VALUES (made);
    RETURN made;
END
$$;
COMMENT ON FUNCTION acct.cluster_checkpoint() IS
'Makes a checkpoint on every node, in one transaction, and returns one text for all: origin, number of nodes, the root over their checkpoints, and these. Raises what ledger_checkpoint() raises, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.verify_cluster_checkpoint(checkpoint text) RETURNS TABLE (node text, check_name text, passed boolean, detail text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    -- A file may have another line feed at its end.
    blocks CONSTANT text[] := string_to_array(rtrim(verify_cluster_checkpoint.checkpoint, E'\n'), E'\n\n');
    head CONSTANT text[] := string_to_array(blocks[1], E'\n');
    parts CONSTANT text[] := ARRAY(SELECT rtrim(b, E'\n') || E'\n' FROM unnest(blocks) WITH ORDINALITY AS x (b, n) WHERE n > 1 ORDER BY n);
    origins text[];
    answered integer := 0;
    a record;
BEGIN
    PERFORM acct._require_cluster();
    IF verify_cluster_checkpoint.checkpoint IS NULL THEN
        RAISE EXCEPTION 'the checkpoint must be given' USING ERRCODE = '22004';
    ELSIF cardinality(head) IS DISTINCT FROM 3 OR head[1] NOT LIKE 'ledger_engine_cluster/%' OR head[2] <> cardinality(parts)::text THEN
        RAISE EXCEPTION 'not a checkpoint of a cluster'
            USING ERRCODE = '22P02', DETAIL = 'It has three lines with origin, number of nodes and root, and after an empty line the checkpoint of each node.',
                  HINT = 'Give the text as acct.cluster_checkpoint() returned it.';
    END IF;
    origins := ARRAY(SELECT (acct._parse_checkpoint(p)).origin FROM unnest(parts) WITH ORDINALITY AS x (p, n) ORDER BY n);
    node := NULL;
    check_name := 'origin';
    passed := head[1] = 'ledger_engine_cluster/' || (SELECT l.ledger_id FROM acct.engine_layout AS l);
    detail := CASE WHEN NOT passed THEN 'it is of another cluster' END;
    RETURN NEXT;
    check_name := 'root';
    passed := head[3] = acct._cluster_root(parts);
    detail := CASE WHEN NOT passed THEN 'the checkpoints of the nodes are not those of which the root was made' END;
    RETURN NEXT;
    FOR a IN SELECT x.node_name, x.answer
               FROM acct._ask(jsonb_build_object('do', 'verify', 'checkpoints', (SELECT jsonb_object_agg(o, p) FROM unnest(origins, parts) AS u (o, p))), false) AS x
              ORDER BY x.node_name LOOP
        answered := answered + (a.answer <> '[]')::integer;
        RETURN QUERY SELECT a.node_name, r.check_name, r.passed, r.detail FROM jsonb_to_recordset(a.answer) AS r (check_name text, passed boolean, detail text);
    END LOOP;
    node := NULL;
    check_name := 'nodes';
    passed := answered = cardinality(parts);
    detail := CASE WHEN NOT passed THEN format('%s of the %s ledgers are nodes of the cluster', answered, cardinality(parts)) END;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION acct.verify_cluster_checkpoint(text) IS
'Checks a text of cluster_checkpoint() that was kept: its root, and verify_checkpoint() on each node; a row for each check. Raises 22P02 (it is no such text), 22004, 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cluster_health(checks text[] DEFAULT NULL, thresholds jsonb DEFAULT '{}')
RETURNS TABLE (node text, check_name text, status text, observed numeric, threshold numeric, detail text, hint text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    found_names text[];
    a record;
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._require_checks_known(cluster_health.checks, cluster_health.thresholds);
    FOR a IN SELECT c.node, c.problem FROM acct.cluster_nodes() AS c LOOP
        RETURN QUERY SELECT a.node, 'cluster', CASE WHEN a.problem IS NULL THEN 'ok' ELSE 'critical' END, (a.problem IS NOT NULL)::integer::numeric, 0::numeric, a.problem,
                            CASE WHEN a.problem IS NOT NULL THEN 'See docs/scale-out.md.' END;
    END LOOP;
    FOR a IN SELECT x.node_name, x.answer FROM acct._ask_each(jsonb_build_object('do', 'lost', 'run_keys', acct._posted_cluster_runs())) AS x WHERE x.answer IS NOT NULL LOOP
        found_names := ARRAY(SELECT format('"%s"', k) FROM jsonb_array_elements_text(a.answer) AS k);
        RETURN QUERY SELECT a.node_name, 'runs', CASE WHEN found_names = '{}' THEN 'ok' ELSE 'critical' END, cardinality(found_names)::numeric, 0::numeric,
                            'runs that are posted on other nodes are not there: ' || nullif(acct._first_of(found_names), ''),
                            CASE WHEN found_names <> '{}' THEN 'The node was restored to an older state. See docs/scale-out.md.' END;
    END LOOP;
    found_names := ARRAY(SELECT e.entity_code FROM acct.entity AS e WHERE NOT EXISTS (SELECT FROM acct_cluster.entity AS c WHERE c.entity_code = e.entity_code) ORDER BY 1);
    RETURN QUERY SELECT NULL::text, 'entities', CASE WHEN found_names = '{}' THEN 'ok' ELSE 'warning' END, cardinality(found_names)::numeric, 0::numeric,
                        'assigned to no node: ' || nullif(acct._first_of(found_names), ''), CASE WHEN found_names <> '{}' THEN 'Call acct.assign_entity().' END;
    found_names := ARRAY(SELECT format('%s of %s (%s)', w.transactions, w.entity_code, coalesce(w.node_name, 'assigned to no node')) FROM acct._inbox_waiting() AS w ORDER BY w.entity_code COLLATE "C");
    RETURN QUERY SELECT NULL::text, 'inbox', CASE WHEN found_names = '{}' THEN 'ok' ELSE 'warning' END, cardinality(found_names)::numeric, 0::numeric,
                        'transactions that wait in the inbox: ' || nullif(acct._first_of(found_names), ''),
                        CASE WHEN found_names <> '{}' THEN 'Call acct.route_inbox(), and acct.assign_entity() before where an entity has no node.' END;
    found_names := ARRAY(SELECT DISTINCT t.entity_code FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id AND r.status IN ('posted', 'reversed')
                          WHERE NOT EXISTS (SELECT FROM acct.cluster_member) ORDER BY 1);
    RETURN QUERY SELECT NULL::text, 'books', CASE WHEN found_names = '{}' THEN 'ok' ELSE 'warning' END, cardinality(found_names)::numeric, 0::numeric,
                        'entities with entries on the coordinator, which no report of the cluster has: ' || nullif(acct._first_of(found_names), ''),
                        CASE WHEN found_names <> '{}' THEN 'The coordinator is no node: make it one, or use its own ledger for policy only. See docs/scale-out.md.' END;
    RETURN QUERY SELECT x.node_name, r.check_name, r.status, r.observed, r.threshold, r.detail, r.hint
                   FROM acct._ask_each(jsonb_build_object('do', 'rows', 'report', 'health', 'arguments', jsonb_build_array(cluster_health.checks, cluster_health.thresholds))) AS x
                  CROSS JOIN LATERAL jsonb_to_recordset(x.answer) AS r (check_name text, status text, observed numeric, threshold numeric, detail text, hint text);
END
$$;
COMMENT ON FUNCTION acct.cluster_health(text[], jsonb) IS
'health() of all nodes, after checks cluster (is it as the coordinator expects it) and runs (has it those of the cluster) of each, and entities, inbox (is a node missing) and books (are there others) of all. Raises 22023 as health(), 55000 (no cluster).';

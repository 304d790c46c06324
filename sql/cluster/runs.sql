-- Runs of the cluster: a run with the same key on each node, all of them posted in one transaction, or none.

CREATE FUNCTION acct._open_cluster_run(p_month date, p_key text, p_options jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run record;
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._require_read_committed();
    IF p_key IS NULL THEN
        RAISE EXCEPTION 'a run of the cluster needs a run_key' USING ERRCODE = '22004', HINT = 'By it the call continues where it was cut off.';
    END IF;
    PERFORM acct._require_run_key(p_key);
    PERFORM acct._require_plausible_month(p_month);
    PERFORM acct._run_bases(p_options);
    INSERT INTO acct_cluster.run (run_key, txn_month, options) VALUES (p_key, p_month, p_options) ON CONFLICT (run_key) DO NOTHING;
    SELECT r.* INTO run FROM acct_cluster.run AS r WHERE r.run_key = p_key;
    IF run.txn_month <> p_month OR run.options <> p_options THEN
        RAISE EXCEPTION 'run "%" of the cluster was created with other arguments', p_key
            USING ERRCODE = 'LE002', DETAIL = format('It is for %s with options %s.', run.txn_month, run.options), HINT = 'Use another run_key.';
    END IF;
    IF run.status <> 'posted' THEN
        PERFORM acct._require_nodes_alike();
    END IF;
    RETURN run.status;
END
$$;
COMMENT ON FUNCTION acct._open_cluster_run(date, text, jsonb) IS
'The record of a run of the cluster, made or found, and its status. Raises LE002 (its key was used with other arguments), LE010 (nodes are not alike), 22004, 22023.';

CREATE FUNCTION acct._cluster_run_status(p_key text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    SELECT r.status INTO status FROM acct_cluster.run AS r WHERE r.run_key = p_key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no run of the cluster has the key %', coalesce('"' || p_key || '"', 'NULL')
            USING ERRCODE = 'LE001', HINT = 'acct.run_cluster_month() creates them.';
    END IF;
    RETURN status;
END
$$;
COMMENT ON FUNCTION acct._cluster_run_status(text) IS 'The status of a run of the cluster. Raises LE001 where there is none.';

CREATE FUNCTION acct._lock_cluster_run(p_key text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._require_read_committed();
    PERFORM FROM acct_cluster.run AS r WHERE r.run_key = p_key FOR UPDATE;
    RETURN acct._cluster_run_status(p_key);
END
$$;
COMMENT ON FUNCTION acct._lock_cluster_run(text) IS 'Locks a run of the cluster to the end of the transaction, and returns its status. Raises LE001 where there is none.';

CREATE FUNCTION acct._run_request(p_do text, p_key text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT jsonb_build_object('do', p_do, 'run_key', r.run_key, 'txn_month', r.txn_month, 'options', r.options) FROM acct_cluster.run AS r WHERE r.run_key = p_key
$$;
COMMENT ON FUNCTION acct._run_request(text, text) IS 'A request about a run of the cluster, with its arguments, by which nodes tell it from a run of their own with the same key.';

CREATE FUNCTION acct._stage_cluster_run(p_key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._lock_cluster_run(p_key) = 'posted' THEN
        RETURN;
    END IF;
    PERFORM FROM acct._ask(acct._run_request('stage', p_key) || jsonb_build_object('policy_digest', acct._policy_digest(acct._policy_kept())), true);
    UPDATE acct_cluster.run AS r SET status = 'staged' WHERE r.run_key = p_key;
END
$$;
COMMENT ON FUNCTION acct._stage_cluster_run(text) IS 'Creates and expands a run on every node, at the same time, unless it is posted.';

CREATE FUNCTION acct._validate_cluster_run(p_key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._lock_cluster_run(p_key) = 'staged' THEN
        PERFORM FROM acct._ask(acct._run_request('validate', p_key), true);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._validate_cluster_run(text) IS 'Validates a run on every node, at the same time, where it is expanded. Raises LE009 where a check failed.';

CREATE FUNCTION acct._post_cluster_run(p_key text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text := acct._lock_cluster_run(p_key);
    digests jsonb;
    nothing_taken text;
    open_exceptions text;
BEGIN
    IF status = 'posted' THEN
        RETURN status;
    ELSIF status = 'created' THEN
        RAISE EXCEPTION 'run "%" of the cluster is not expanded on every node', p_key
            USING ERRCODE = 'LE002', HINT = 'Another session cancelled it. Call acct.run_cluster_month() again.';
    END IF;
    PERFORM acct._commit_durably();
    SELECT jsonb_object_agg(a.node_name, a.answer -> 'digest') FILTER (WHERE acct._is_posted(a.answer ->> 'status')), string_agg(a.node_name, ', ' ORDER BY a.node_name) FILTER (WHERE a.answer ->> 'status' = 'empty'),
           string_agg(format('%s on %s', a.answer ->> 'open_exceptions', a.node_name), '; ' ORDER BY a.node_name) FILTER (WHERE a.answer ->> 'open_exceptions' <> '')
      INTO digests, nothing_taken, open_exceptions
      FROM acct._ask(acct._run_request('post', p_key), true) AS a;
    IF nothing_taken IS NOT NULL THEN
        RAISE NOTICE 'no transactions of run "%" wait on %', p_key, nothing_taken
            USING HINT = CASE WHEN digests IS NOT NULL THEN 'What is loaded there later needs another run_key.' ELSE 'The same run_key takes what is loaded later.' END;
    END IF;
    IF open_exceptions IS NOT NULL THEN
        RAISE WARNING 'run "%" of the cluster has %', p_key, open_exceptions
            USING HINT = 'See acct.je_exception on the node. Correct the cause, then call acct.reprocess_exceptions() there.';
    END IF;
    -- Where nothing is posted anywhere, the key waits for what is loaded later.
    IF digests IS NOT NULL THEN
        UPDATE acct_cluster.run AS r SET status = 'posted', posted_by = session_user, posted_at = clock_timestamp(), posted_on = digests WHERE r.run_key = p_key;
        status := 'posted';
    END IF;
    RETURN status;
END
$$;
COMMENT ON FUNCTION acct._post_cluster_run(text) IS
'Posts a run on every node that has taken something, in one transaction, or on none; its status. Raises LE001, LE002, and what a node raises that cannot post.';

CREATE PROCEDURE acct.run_cluster_month(txn_month date, run_key text, options jsonb DEFAULT '{}', INOUT status text DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
    -- In a transaction block this is as far as it goes.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    status := acct._open_cluster_run(run_cluster_month.txn_month, run_cluster_month.run_key, COALESCE(run_cluster_month.options, '{}'));
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM acct._stage_cluster_run(run_cluster_month.run_key);
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM acct._validate_cluster_run(run_cluster_month.run_key);
    -- The logs of the nodes keep what was checked, whatever comes of it.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    status := acct._post_cluster_run(run_cluster_month.run_key);
    COMMIT;
END
$$;
COMMENT ON PROCEDURE acct.run_cluster_month(date, text, jsonb, text) IS
'Creates, expands and validates a run of a month on every node, with a COMMIT after each step, then posts it on all in one transaction or on none; called again with the same run_key it continues where it stopped. Raises LE010 where a node does not answer or differs from the coordinator, 2D000 in a transaction block, 22004 (no run_key), and what the nodes raise.';

CREATE FUNCTION acct.check_cluster_run(run_key text)
RETURNS TABLE (node text, run_id bigint, status text, transactions bigint, journals bigint, lines bigint, exceptions bigint, ignored bigint,
               debit numeric, credit numeric, digest text, seal_root text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    a record;
    total jsonb[] := ARRAY[]::jsonb[];
BEGIN
    PERFORM acct._require_cluster();
    PERFORM acct._cluster_run_status(check_cluster_run.run_key);
    PERFORM acct._warn_of_inbox(c.txn_month, c.txn_month) FROM acct_cluster.run AS c WHERE c.run_key = check_cluster_run.run_key;
    FOR a IN SELECT x.node_name, x.answer FROM acct._ask(acct._run_request('run', check_cluster_run.run_key), false) AS x ORDER BY x.node_name LOOP
        total := total || a.answer;
        RETURN QUERY SELECT a.node_name, r.run_id, r.status, r.transactions, r.journals, r.lines, r.exceptions, r.ignored, r.debit, r.credit, r.digest, r.seal_root
                       FROM jsonb_to_record(a.answer) AS r (run_id bigint, status text, transactions bigint, journals bigint, lines bigint, exceptions bigint,
                                                            ignored bigint, debit numeric, credit numeric, digest text, seal_root text);
    END LOOP;
    RETURN QUERY SELECT NULL::text, NULL::bigint, (SELECT c.status FROM acct_cluster.run AS c WHERE c.run_key = check_cluster_run.run_key),
                        sum(r.transactions)::bigint, sum(r.journals)::bigint, sum(r.lines)::bigint, sum(r.exceptions)::bigint, sum(r.ignored)::bigint, sum(r.debit), sum(r.credit),
                        CASE WHEN count(r.digest) > 0 THEN acct._digest_sum(array_agg(r.digest) FILTER (WHERE r.digest IS NOT NULL)) END,
                        CASE WHEN count(r.seal_root) > 0
                             THEN encode(acct._merkle_root_of_hashes(array_agg(decode(r.seal_root, 'hex') ORDER BY x.n) FILTER (WHERE r.seal_root IS NOT NULL)), 'hex') END
                   FROM unnest(total) WITH ORDINALITY AS x (answer, n)
                  CROSS JOIN LATERAL jsonb_to_record(x.answer) AS r (transactions bigint, journals bigint, lines bigint, exceptions bigint, ignored bigint,
                                                                     debit numeric, credit numeric, digest text, seal_root text);
END
$$;
COMMENT ON FUNCTION acct.check_cluster_run(text) IS
'A run of the cluster: a row for each node, and one without a node for all of them, with counts, sums, digest (added up, that of one ledger that has everything) and the root over the run''s seals. Raises LE001 (no such run), 55000 (no cluster), and fails where a node does not answer.';

CREATE FUNCTION acct.cancel_cluster_run(run_key text) RETURNS TABLE (node text, outcome text, sessions_stopped integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_read_committed();
    PERFORM acct._require_cluster();
    PERFORM acct._cluster_run_status(cancel_cluster_run.run_key);
    -- The nodes first: who holds the record here waits for them, and is stopped there.
    RETURN QUERY SELECT a.node_name, a.answer ->> 'outcome', (a.answer ->> 'sessions_stopped')::integer
                   FROM acct._ask(acct._run_request('cancel', cancel_cluster_run.run_key), true) AS a ORDER BY 1;
    DELETE FROM acct_cluster.run AS r WHERE r.run_key = cancel_cluster_run.run_key;
END
$$;
COMMENT ON FUNCTION acct.cancel_cluster_run(text) IS
'Ends a run of the cluster that is not posted, on every node, so that its key can be used again: a row for each node, with what cancel_run() says. Raises LE001 (no such run), LE002 (it is posted), 55000 (no cluster), 55P03 as cancel_run().';

CREATE FUNCTION acct.cluster_progress()
RETURNS TABLE (node text, run_id bigint, run_key text, txn_month date, pid integer, step text, phase text, rows_done bigint, rows_total bigint, unit text,
               percent numeric, seconds_elapsed numeric)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_cluster();
    RETURN QUERY SELECT a.node_name, r.run_id, r.run_key, r.txn_month, r.pid, r.step, r.phase, r.rows_done, r.rows_total, r.unit, r.percent, r.seconds_elapsed
                   FROM acct._ask('{"do": "rows", "report": "run_progress", "arguments": []}', false) AS a
                  CROSS JOIN LATERAL jsonb_to_recordset(a.answer) AS r (run_id bigint, run_key text, txn_month date, pid integer, step text, phase text, rows_done bigint,
                                                                        rows_total bigint, unit text, percent numeric, seconds_elapsed numeric)
                  ORDER BY 1, r.pid;
END
$$;
COMMENT ON FUNCTION acct.cluster_progress() IS 'acct.run_progress of all nodes: a row for each step under way, with its node. Raises 55000 (no cluster), and fails where a node does not answer.';

-- Locks. Each is a row of a table that only the owner's functions write: to lock one takes a right that no role is granted,
-- where anybody can take an advisory lock.

CREATE FUNCTION acct._layout_locks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.claim_lock (
        txn_month date NOT NULL,
        CONSTRAINT claim_lock_pkey PRIMARY KEY (txn_month)
    );

    CREATE TABLE IF NOT EXISTS acct.making_lock (
        table_name text COLLATE "C" NOT NULL,
        CONSTRAINT making_lock_pkey PRIMARY KEY (table_name)
    );

    -- Empty but for the uncommitted rows of those who cancel.
    CREATE TABLE IF NOT EXISTS acct.run_cancel (
        run_id bigint NOT NULL,
        CONSTRAINT run_cancel_pkey PRIMARY KEY (run_id)
    );

    CREATE TABLE IF NOT EXISTS acct.job_state (
        job text COLLATE "C" NOT NULL,
        pid integer,
        session_start timestamptz,
        call_start timestamptz,
        state jsonb,
        CONSTRAINT job_state_pkey PRIMARY KEY (job)
    );
END
$layout$;
COMMENT ON FUNCTION acct._layout_locks() IS 'The part of install() that makes the tables whose rows are locks.';

CREATE FUNCTION acct._lock_claims(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    INSERT INTO acct.claim_lock (txn_month) VALUES (p_month) ON CONFLICT DO NOTHING;
    PERFORM FROM acct.claim_lock AS l WHERE l.txn_month = p_month FOR UPDATE;
END
$$;
COMMENT ON FUNCTION acct._lock_claims(date) IS
'Locks the claims of a source month to the end of the transaction: one run at a time takes batches of it.';

CREATE FUNCTION acct._lock_making(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    INSERT INTO acct.making_lock (table_name) VALUES (p_table) ON CONFLICT DO NOTHING;
    PERFORM FROM acct.making_lock AS l WHERE l.table_name = p_table FOR UPDATE;
    PERFORM acct._see_changes();
END
$$;
COMMENT ON FUNCTION acct._lock_making(text) IS
'Locks the making and moving of months of txn_source_parent or ledger_entry to the end of the transaction, and takes notice of those that others made or moved.';

CREATE FUNCTION acct._hold_tables(p_tables text[], p_mode text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    most CONSTANT integer := 10000;
    limit_ms CONSTANT integer := (SELECT s.setting::integer FROM pg_settings AS s WHERE s.name = 'statement_timeout');
    holders text;
BEGIN
    -- It gives up before the caller's statement_timeout would, and says who is in the way.
    PERFORM set_config('lock_timeout', least(most, nullif(limit_ms, 0) / 2 + 1)::text, true);
    EXECUTE (SELECT format('LOCK TABLE %s IN %s MODE', string_agg(format('ONLY acct.%I', t.name), ', ' ORDER BY t.n), p_mode)
               FROM unnest(p_tables) WITH ORDINALITY AS t (name, n));
EXCEPTION WHEN lock_not_available THEN
    SELECT string_agg(DISTINCT format('%s by process %s (%s)', l.relation::regclass, coalesce(l.pid::text, 'of a prepared transaction'), a.usename), ', ')
      INTO holders
      FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
     WHERE l.granted AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock') AND l.pid IS DISTINCT FROM pg_backend_pid()
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND l.relation IN (SELECT format('acct.%I', t)::regclass FROM unnest(p_tables) AS t);
    RAISE EXCEPTION 'a table that this needs is locked'
        USING ERRCODE = '55P03', DETAIL = format('Locked: %s.', coalesce(holders, 'none any more')),
              HINT = 'Call again when that has ended, or end it: SELECT pg_terminate_backend(PROCESS);';
END
$$;
COMMENT ON FUNCTION acct._hold_tables(text[], text) IS
'Locks tables in a mode that a step needs, to the end of the transaction. Raises 55P03, with who is in the way, where another session locks one for longer than ten seconds, or than half the caller''s statement_timeout.';

CREATE FUNCTION acct._policy_tables() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY['accounting_basis', 'accounting_period', 'chart_of_accounts', 'currency', 'entity', 'fund', 'journal_template',
                 'journal_template_line', 'journal_template_match', 'product_account_map']
$$;
COMMENT ON FUNCTION acct._policy_tables() IS 'The tables that runs read policy from.';

CREATE FUNCTION acct._require_read_committed() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this function cannot be called in a read-only transaction'
            USING ERRCODE = '25006',
                  DETAIL = CASE WHEN pg_is_in_recovery() THEN 'The server is a standby.' ELSE 'It writes.' END,
                  HINT = CASE WHEN pg_is_in_recovery() THEN 'Call it on the primary.'
                              ELSE 'Call it in a transaction of its own: BEGIN READ WRITE. See also default_transaction_read_only.' END;
    -- READ UNCOMMITTED is READ COMMITTED by another name.
    ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'this function cannot be called in a transaction that is %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = '25001', DETAIL = 'The snapshot of the transaction does not show what others have committed since.',
                  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED. See also default_transaction_isolation.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_read_committed() IS
'Raises 25001 where later statements of the transaction would not see what others commit, 25006 where it may not write.';

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

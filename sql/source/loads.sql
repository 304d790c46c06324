-- What a loader may take back: deletion by a function, for the DELETE right would let every loader lock the source out (LOCK TABLE).

CREATE FUNCTION acct.delete_batch(batch_id bigint, txn_ids bigint[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    batch record;
    deleted bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    SELECT b.* INTO batch FROM acct.txn_batch AS b WHERE b.batch_id = delete_batch.batch_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % does not exist', coalesce(delete_batch.batch_id::text, 'NULL')
            USING ERRCODE = '22023', HINT = 'See acct.txn_batch.';
    ELSIF batch.loaded_by <> session_user AND NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = session_user) THEN
        RAISE EXCEPTION 'batch % was loaded by %', batch.batch_id, batch.loaded_by
            USING ERRCODE = '42501', HINT = 'Its loader, or a superuser, can delete it.';
    END IF;
    -- By the BRIN index. Rows that a run holds are refused by their trigger.
    DELETE FROM acct.txn_source_parent AS s
     WHERE s.batch_id = delete_batch.batch_id AND (delete_batch.txn_ids IS NULL OR s.txn_id = ANY (delete_batch.txn_ids));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    INSERT INTO acct.run_log (step, rows, elapsed_ms, detail)
    VALUES ('delete_batch', deleted, acct._elapsed_ms(started),
            jsonb_build_object('batch_id', batch.batch_id, 'deleted_by', session_user));
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION acct.delete_batch(bigint, bigint[]) IS
'Deletes the transactions of a batch that no run holds, or those of them that are named, and returns their number; its loader, or a superuser, may call it. Raises 22023 (no such batch), 42501 (somebody else loaded it), LE008 (a run holds it).';

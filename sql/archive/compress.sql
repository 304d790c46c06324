-- Archived months in columns: the tables of a month of the ledger, rewritten by the access method of citus_columnar and back.

CREATE FUNCTION acct._columnar() RETURNS name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    method CONSTANT name := (SELECT m.amname FROM pg_am AS m WHERE m.amname = 'columnar' AND m.amtype = 't');
BEGIN
    IF method IS NULL THEN
        RAISE EXCEPTION 'there is no access method columnar in this database'
            USING ERRCODE = '55000', DETAIL = 'Extension citus_columnar brings it.',
                  HINT = 'Install its package, and, as a superuser: CREATE EXTENSION citus_columnar; see docs/scale-out.md.';
    END IF;
    RETURN method;
END
$$;
COMMENT ON FUNCTION acct._columnar() IS 'The access method that stores tables in columns. Raises 55000, with a HINT, where there is none.';

CREATE FUNCTION acct._stored_otherwise(p_month date, p_method name) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT ARRAY(SELECT t.name FROM unnest(acct._month_tree('acct_archive', 'ledger_entry', p_month)) WITH ORDINALITY AS t (name, n)
                   JOIN pg_class AS c ON c.oid = t.name AND c.relkind = 'r' JOIN pg_am AS m ON m.oid = c.relam AND m.amname <> p_method ORDER BY t.n)
$$;
COMMENT ON FUNCTION acct._stored_otherwise(date, name) IS 'The tables with rows of an archived month of the ledger that have another access method.';

CREATE FUNCTION acct._set_access_method(p_table regclass, p_method name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET ledger_engine.allow_drop = on AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s SET ACCESS METHOD %I', p_table, p_method);
END
$$;
COMMENT ON FUNCTION acct._set_access_method(regclass, name) IS 'Rewrites a table, of posted entries too: the only call that the guard lets pass.';

CREATE FUNCTION acct._all_rows(p_table regclass, OUT rows bigint, OUT digest text)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.rows, d.digest
      FROM acct._digest_rows(format('SELECT * FROM ONLY %s', p_table),
                             ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)) AS d
$$;
COMMENT ON FUNCTION acct._all_rows(regclass) IS 'Number and digest of the rows of a table, over all of its columns, in any order.';

CREATE FUNCTION acct._store_month(p_month date, p_method name, OUT rows bigint, OUT bytes_before bigint, OUT bytes_after bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t regclass;
    was record;
    found record;
BEGIN
    rows := 0;
    bytes_before := 0;
    bytes_after := 0;
    FOREACH t IN ARRAY acct._stored_otherwise(p_month, p_method) LOOP
        bytes_before := bytes_before + pg_total_relation_size(t);
        SELECT r.* INTO was FROM acct._all_rows(t) AS r;
        PERFORM acct._progress_phase('rewriting tables');
        PERFORM acct._set_access_method(t, p_method);
        -- crash point: compress_rewritten
        SELECT r.* INTO found FROM acct._all_rows(t) AS r;
        IF found IS DISTINCT FROM was THEN
            RAISE EXCEPTION 'table % is not what it was before it was rewritten', t
                USING ERRCODE = 'LE009', DETAIL = format('It had %s rows with digest %s, and has %s with %s.', was.rows, was.digest, found.rows, found.digest);
        END IF;
        EXECUTE format('ANALYZE %s', t);
        rows := rows + found.rows;
        bytes_after := bytes_after + pg_total_relation_size(t);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._store_month(date, name) IS
'Has the tables of an archived month of the ledger, which the caller has locked, stored by an access method, and compares their rows before and after. Rows and bytes, with indexes, are those of the tables that it rewrote; raises LE009 where rows differ.';

CREATE FUNCTION acct._require_no_exclusion(p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    excluding record;
BEGIN
    SELECT k.conname, k.conrelid::regclass AS name INTO excluding
      FROM unnest(acct._month_tree('acct_archive', 'ledger_entry', p_month)) AS t (name)
      JOIN pg_constraint AS k ON k.conrelid = t.name AND k.contype = 'x'
      JOIN pg_class AS x ON x.oid = k.conindid JOIN pg_am AS m ON m.oid = x.relam
     WHERE m.amname NOT IN ('btree', 'hash') ORDER BY 2, 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table % has an EXCLUDE constraint, which tables in columns cannot have', excluding.name
            USING ERRCODE = '55000', DETAIL = format('The constraint is %I.', excluding.conname),
                  HINT = format('ALTER TABLE %s DROP CONSTRAINT %I;', excluding.name, excluding.conname);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_no_exclusion(date) IS
'Raises 55000 where a table of an archived month of the ledger has an EXCLUDE constraint by an index that tables in columns cannot have.';

CREATE FUNCTION acct._drop_row_indexes(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    index regclass;
BEGIN
    FOR index IN
        SELECT i.indexrelid FROM unnest(acct._month_tree('acct_archive', 'ledger_entry', p_month)) AS t (name)
          JOIN pg_index AS i ON i.indrelid = t.name JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS m ON m.oid = x.relam
         WHERE m.amname NOT IN ('btree', 'hash')
           -- An index of a partition goes with that of the table.
           AND NOT EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = i.indexrelid) LOOP
        EXECUTE format('DROP INDEX %s', index);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._drop_row_indexes(date) IS 'Drops those indexes of an archived month of the ledger that tables in columns cannot have: all but B-trees and hash indexes.';

CREATE FUNCTION acct._add_row_indexes(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT d.definition, p.name
          FROM acct._month_parts('ledger_entry', p_month) AS p JOIN pg_index AS i ON i.indrelid = p.parent AND i.indisvalid
          JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS m ON m.oid = x.relam AND m.amname NOT IN ('btree', 'hash')
         CROSS JOIN LATERAL (SELECT acct._index_definition(i.indexrelid) AS definition) AS d
         WHERE NOT i.indisexclusion
           AND NOT EXISTS (SELECT FROM pg_index AS o WHERE o.indrelid = format('acct_archive.%I', p.name)::regclass AND acct._index_definition(o.indexrelid) = d.definition)
         ORDER BY p.part, x.relname LOOP
        EXECUTE format('CREATE INDEX ON acct_archive.%I %s', missing.name, missing.definition);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._add_row_indexes(date) IS
'Gives an archived month of the ledger the indexes that _drop_row_indexes() dropped and the ledger has, so that attaching it needs not build them while others wait.';

CREATE FUNCTION acct._index_definition(p_index regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT split_part(pg_get_indexdef(i.indexrelid), format(' %I.%I ', n.nspname, c.relname), 2)
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE i.indexrelid = p_index
$$;
COMMENT ON FUNCTION acct._index_definition(regclass) IS 'The definition of an index, from USING on: the same for a table and its partition.';

CREATE FUNCTION acct._require_archived(p_month date) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    archived record;
BEGIN
    SELECT a.archive_id, a.dropped_at INTO archived FROM acct.archived_partition AS a
     WHERE a.table_name = 'ledger_entry' AND a.month = p_month AND a.restored_at IS NULL FOR UPDATE;
    IF archived.dropped_at IS NOT NULL THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    ELSIF archived.archive_id IS NULL THEN
        RAISE EXCEPTION 'month % of ledger_entry is not archived', acct._month_name(p_month)
            USING ERRCODE = '55000', HINT = format('SELECT acct.archive_partition(''ledger_entry'', %L);', to_char(p_month, 'YYYY-MM-DD'));
    END IF;
    PERFORM acct._require_in_archive('ledger_entry', p_month);
    RETURN archived.archive_id;
END
$$;
COMMENT ON FUNCTION acct._require_archived(date) IS
'Locks the record of an archived month of the ledger and returns its archive_id. Raises 55000 where it is not archived, LE006 where it was dropped, LE010 where its tables are elsewhere.';

CREATE FUNCTION acct.compress_archive(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    m CONSTANT date := compress_archive.month;
    label CONSTANT text := format('month %s of ledger_entry', acct._month_name(m));
    method name;
    tree regclass[];
    id bigint;
    stored record;
BEGIN
    PERFORM acct._commit_durably();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_archivable('ledger_entry', m);
    method := acct._columnar();
    id := acct._require_archived(m);
    IF acct._stored_otherwise(m, method) = '{}' THEN
        RETURN false;
    END IF;
    PERFORM acct._require_no_exclusion(m);
    tree := acct._month_tree('acct_archive', 'ledger_entry', m);
    PERFORM acct._progress_start(NULL, 'compress', NULL);
    PERFORM acct._progress_phase('waiting for readers');
    IF NOT acct._lock_tables(tree, 'ACCESS EXCLUSIVE', '10 seconds') THEN
        PERFORM acct._raise_in_use(label, tree);
    END IF;
    -- crash point: compress_locked
    PERFORM acct._drop_row_indexes(m);
    SELECT s.* INTO stored FROM acct._store_month(m, method) AS s;
    INSERT INTO acct.run_log (step, partition, rows, elapsed_ms, detail)
    SELECT 'compress', array_to_string(a.partitions, ', '), a.rows, acct._elapsed_ms(started),
           jsonb_build_object('bytes_before', stored.bytes_before, 'bytes_after', stored.bytes_after)
      FROM acct.archived_partition AS a WHERE a.archive_id = id;
    PERFORM acct._progress_end();
    -- crash point: compress_done
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.compress_archive(date) IS
'Stores an archived month of the ledger (its first day) in columns, by the access method of citus_columnar, until acct.restore_partition() stores it in rows again; true where it was compressed now. Raises 22023 (not a month), 55000 (the access method is missing, the month is not archived, a table has an EXCLUDE constraint), LE006 (it was dropped), LE009 (rows would differ), LE010 (its tables are elsewhere), 55P03 (other sessions use it), 25001 (the transaction is not READ COMMITTED).';

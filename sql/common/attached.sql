-- Where the partitions of the ledger and the source are: which were detached, which were emptied, where new ones are stored.

CREATE FUNCTION acct._month_of_detached(p_relation regclass) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    day text := (SELECT a.attname FROM pg_attribute AS a
                  WHERE a.attrelid = p_relation AND a.attname IN ('je_date', 'txn_month') AND NOT a.attisdropped ORDER BY a.attname LIMIT 1);
    month date;
BEGIN
    IF day IS NOT NULL THEN
        EXECUTE format('SELECT date_trunc(''month'', x.%I::timestamp)::date FROM %s AS x LIMIT 1', day, p_relation) INTO month;
    END IF;
    RETURN coalesce(month, (SELECT to_date(substring(c.relname, '_([0-9]{4}_(?:0[1-9]|1[0-2]))(?:_rest|_run_[0-9]+)?$'), 'YYYY_MM')
                              FROM pg_class AS c WHERE c.oid = p_relation));
END
$$;
COMMENT ON FUNCTION acct._month_of_detached(regclass) IS
'The month of a detached partition, which no longer has bounds: that of its rows, or, where it is empty, the one in its name; NULL where that says none.';

CREATE FUNCTION acct._posted_tables() RETURNS SETOF oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- Who verifies a ledger gets an answer also where the guard was dropped.
    IF to_regclass('ledger_guard.protected') IS NOT NULL THEN
        RETURN QUERY SELECT g.relation::oid FROM ledger_guard.protected AS g WHERE g.has_posted;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._posted_tables() IS 'The tables that entries were posted to, as the guard has recorded; none where its record was dropped.';

CREATE FUNCTION acct._source_astray(p_month date DEFAULT NULL) RETURNS TABLE (relation regclass, month date)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT m.relation, m.txn_month
      FROM acct.source_month AS m JOIN pg_class AS c ON c.oid = m.relation
     -- After a dump was restored, the number of a table that had been dropped may be that of something else.
     WHERE (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname IN ('txn_id', 'batch_id') AND NOT a.attisdropped) = 2 AND c.relkind IN ('r', 'p', 'f')
       AND (p_month IS NULL OR m.txn_month = p_month)
       AND CASE WHEN EXISTS (WITH RECURSIVE up AS (
                                 SELECT c.oid AS relid
                                 UNION ALL
                                 SELECT i.inhparent FROM up AS u JOIN pg_inherits AS i ON i.inhrelid = u.relid AND NOT i.inhdetachpending)
                             SELECT FROM up AS u WHERE u.relid = 'acct.txn_source_parent'::regclass)
                     OR acct._is_archived('txn_source_parent', m.txn_month) THEN false
                -- Other tables took the place of all that it had: those are the source then.
                ELSE acct._source_partition(m.txn_month) IS NULL
                     OR EXISTS (SELECT FROM acct._tables_below(acct._source_partition(m.txn_month)) AS t
                                  JOIN acct.source_month AS o ON o.txn_month = m.txn_month AND o.relation = t) END
$$;
COMMENT ON FUNCTION acct._source_astray(date) IS
'The tables of known source months, or of one, which are no longer in the source, whatever their name and schema: nothing took their place, or a part of the month is elsewhere.';

CREATE FUNCTION acct._part_leaving(p_source regclass) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT i.inhrelid::regclass FROM acct._tables_below(p_source) AS t JOIN pg_inherits AS i ON i.inhparent = t AND i.inhdetachpending
     ORDER BY i.inhrelid::regclass::text LIMIT 1
$$;
COMMENT ON FUNCTION acct._part_leaving(regclass) IS
'A part of a source month''s partition that is being detached: no query finds its rows any more, whether or not a run has read them.';

CREATE FUNCTION acct._detached_partitions() RETURNS TABLE (relation regclass, month date, of_ledger boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH place AS (
        SELECT t.relid::oid AS relid
          FROM unnest(ARRAY['acct.ledger_entry_header', 'acct.ledger_entry_line', 'acct.txn_source_parent']::regclass[]) AS p (parent)
         CROSS JOIN LATERAL acct._tables_below(p.parent) AS t (relid)
        UNION
        -- By the catalogs that the statement sees: acct._month_tree() sees them as they are now, and a month may be restored meanwhile.
        SELECT t.relid FROM acct.archived_partition AS a CROSS JOIN LATERAL acct._month_parts(a.table_name, a.month) AS m
          JOIN pg_class AS c ON c.relname = m.name AND c.relnamespace = 'acct_archive'::regnamespace
         CROSS JOIN LATERAL acct._tables_below(c.oid) AS t (relid)
         WHERE a.restored_at IS NULL AND a.dropped_at IS NULL),
    -- By their names or, wherever they went, because entries were posted to them
    astray AS (
        SELECT c.oid, starts_with(c.relname, 'txn_source_') AS of_source FROM pg_class AS c
         WHERE c.relkind IN ('r', 'p', 'f') AND c.oid NOT IN (SELECT p.relid FROM place AS p)
           AND (c.relnamespace = 'acct'::regnamespace AND NOT c.relispartition
                AND c.relname ~ '^(txn_source|ledger_entry_header|ledger_entry_line)_[0-9]{4}_[0-9]{2}(_rest|_run_[0-9]+)?$'
                OR c.oid IN (SELECT t FROM acct._posted_tables() AS t))
        UNION
        SELECT c.oid, i.inhparent IN (SELECT t FROM acct._tables_below('acct.txn_source_parent') AS t) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhdetachpending AND i.inhparent IN (SELECT p.relid FROM place AS p)
        UNION
        SELECT s.relation::oid, true FROM acct._source_astray() AS s)
    -- Not those that went with what they are partitions of
    SELECT a.oid::regclass, acct._month_of_detached(a.oid), NOT bool_or(a.of_source)
      FROM astray AS a
     WHERE NOT EXISTS (SELECT FROM pg_inherits AS i JOIN astray AS p ON p.oid = i.inhparent
                        WHERE i.inhrelid = a.oid AND NOT i.inhdetachpending)
     GROUP BY a.oid
$$;
COMMENT ON FUNCTION acct._detached_partitions() IS
'Partitions of ledger and source that are detached, or being detached, those with posted entries and those of known source months also where they were renamed or moved to another schema.';

CREATE FUNCTION acct._raise_detached(p_relation regclass, p_of_ledger boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_relation IS NOT NULL THEN
        RAISE EXCEPTION 'table % is not a partition: it was detached', p_relation
            USING ERRCODE = 'LE010', DETAIL = CASE WHEN p_of_ledger THEN 'Its entries are missing from the ledger.' ELSE 'Its transactions are missing from the source.' END,
                  HINT = CASE WHEN p_of_ledger THEN 'Attach it again; to take months out of the ledger, use acct.archive_partition().'
                              ELSE 'Attach it again. Where another table has its transactions, drop it; where it is none of the engine''s, rename it. To take months out of the source, use acct.archive_partition().' END;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._raise_detached(regclass, boolean) IS 'Raises LE010: a partition of the ledger or of the source was detached; does nothing for NULL.';

CREATE FUNCTION acct._require_ledger_attached(p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._raise_detached((
        SELECT d.relation FROM acct._detached_partitions() AS d
         WHERE d.of_ledger AND (p_month IS NULL OR d.month IS NULL OR d.month = p_month)
         ORDER BY d.month, d.relation::text LIMIT 1));
END
$$;
COMMENT ON FUNCTION acct._require_ledger_attached(date) IS
'Raises LE010 while a partition of the ledger is detached: of a month, or of any (NULL).';

CREATE FUNCTION acct._require_source_attached() RETURNS void
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._raise_detached((SELECT d.relation FROM acct._detached_partitions() AS d WHERE NOT d.of_ledger ORDER BY d.month, d.relation::text LIMIT 1), false)
$$;
COMMENT ON FUNCTION acct._require_source_attached() IS 'Raises LE010 while a partition of the source is detached.';

CREATE FUNCTION acct._require_source_month(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._is_archived('txn_source_parent', p_month) THEN
        PERFORM acct._raise_archived('txn_source_parent', p_month);
    END IF;
    PERFORM acct._is_partition('txn_source', p_month);
END
$$;
COMMENT ON FUNCTION acct._require_source_month(date) IS 'Raises 55000 where a source month is archived, LE010 where it is detached.';

CREATE FUNCTION acct._require_month_attached(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    part record;
    detached regclass;
BEGIN
    -- The same as above for one month, without a look at all the others.
    FOR part IN SELECT p.parent, p.name::name AS name, (p.name || '~')::name AS after FROM acct._month_parts('ledger_entry', p_month) AS p ORDER BY p.part LOOP
        SELECT c.oid INTO detached FROM pg_class AS c
         WHERE c.relname >= part.name AND c.relname < part.after AND c.relkind IN ('r', 'p', 'f')
           -- Neither a partition nor one of a partition: asked in this statement alone, since the month may be archived or restored meanwhile.
           AND NOT EXISTS (SELECT FROM pg_inherits AS i
                            WHERE i.inhrelid = c.oid AND NOT i.inhdetachpending
                              AND (i.inhparent = part.parent
                                   OR EXISTS (SELECT FROM pg_inherits AS m
                                               WHERE m.inhrelid = i.inhparent AND m.inhparent = part.parent AND NOT m.inhdetachpending)))
           AND c.relname ~ format('^%s(_rest|_run_[0-9]+)?$', part.name)
           AND (c.relnamespace = 'acct'::regnamespace
                OR c.oid IN (SELECT t FROM acct._posted_tables() AS t)
                   AND NOT acct._is_archived('ledger_entry', p_month))
         ORDER BY c.relname LIMIT 1;
        PERFORM acct._raise_detached(detached);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._require_month_attached(date) IS 'Raises LE010 while a partition of a month of the ledger is detached.';

CREATE FUNCTION acct._take_over_definitions(p_table regclass, p_parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.allow_drop = on AS $$
DECLARE
    definition text;
BEGIN
    FOR definition IN
        SELECT concat_ws(' ', 'COLUMN', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                         CASE WHEN a.attcollation <> t.typcollation
                              THEN (SELECT format('COLLATE %I.%I', n.nspname, l.collname) FROM pg_collation AS l
                                      JOIN pg_namespace AS n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) END,
                         CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         CASE a.attgenerated WHEN '' THEN 'DEFAULT ' ELSE 'GENERATED ALWAYS AS (' END || pg_get_expr(d.adbin, d.adrelid),
                         CASE a.attgenerated WHEN 's' THEN ') STORED' WHEN 'v' THEN ') VIRTUAL' END)
          FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
          LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = p_parent AND a.attnum > 0 AND NOT a.attisdropped
           AND NOT EXISTS (SELECT FROM pg_attribute AS x
                            WHERE x.attrelid = p_table AND x.attname = a.attname AND NOT x.attisdropped)
        UNION ALL
        SELECT format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
          FROM pg_constraint AS k
         WHERE k.conrelid = p_parent AND k.contype = 'c' AND NOT k.connoinherit
           AND NOT EXISTS (SELECT FROM pg_constraint AS x WHERE x.conrelid = p_table AND x.conname = k.conname)
    LOOP
        EXECUTE format('ALTER TABLE %s ADD %s', p_table, definition);
    END LOOP;
    PERFORM acct._drop_not_null(p_table, ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                                                WHERE a.attrelid = p_parent AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attnotnull));
END
$$;
COMMENT ON FUNCTION acct._take_over_definitions(regclass, regclass) IS
'Gives a table the columns and CHECKs that its parent got since it was detached, and has its columns accept NULL where the parent''s do since then.';

CREATE FUNCTION acct._catch_up_detached() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT d.relation, CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = d.relation AND a.attname = 'line_no' AND NOT a.attisdropped) THEN 'acct.ledger_entry_line'
                                WHEN d.of_ledger THEN 'acct.ledger_entry_header'
                                ELSE 'acct.txn_source_parent' END::regclass AS parent
          FROM acct._detached_partitions() AS d JOIN pg_class AS c ON c.oid = d.relation
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        PERFORM acct._take_over_definitions(part.relation, part.parent);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._catch_up_detached() IS
'Gives partitions that were detached by hand what their tables got since, so that they can be attached again.';

CREATE FUNCTION acct._emptied_partitions() RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.oid::regclass FROM acct._posted_tables() AS t JOIN pg_class AS c ON c.oid = t
     WHERE c.relkind = 'r' AND pg_relation_size(c.oid) = 0
       -- Where all runs of the month had partitions of their own, the one of the others is empty.
       AND NOT EXISTS (SELECT FROM acct._months_with_partitions('acct.ledger_entry_line') AS m
                        WHERE c.oid = acct._line_partition(m.month) AND NOT acct._has_lines_in_rest(m.month))
$$;
COMMENT ON FUNCTION acct._emptied_partitions() IS 'Tables that entries were posted to, and that are empty, as after a crash where they were unlogged.';

CREATE FUNCTION acct._storage_of(p_parent regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT concat((SELECT format(' USING %I', m.amname) FROM pg_am AS m WHERE m.oid = c.relam AND (c.relkind = 'p' OR c.relkind = 'r' AND m.amname <> 'heap')),
                  (SELECT format(' TABLESPACE %I', t.spcname) FROM pg_tablespace AS t WHERE t.oid = c.reltablespace))
      FROM pg_class AS c WHERE c.oid = p_parent
$$;
COMMENT ON FUNCTION acct._storage_of(regclass) IS
'The clauses by which a new partition or child is stored as its parent says: access method (of partitioned tables from 17 on) and tablespace. LIKE does not copy them; those of indexes it does.';

-- Seals of what happens to books, beside runs: closings, waivers, archives. And trees over balances, so that one can be proved without the others.

CREATE FUNCTION acct._balance_leaves(p_entity text, p_basis text, p_month date)
RETURNS TABLE (leaf_no bigint, snapshot_month date, fund text, account_code text, currency text, leaf bytea)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT row_number() OVER (ORDER BY s.snapshot_month, s.fund, s.account_code, s.currency) - 1, s.snapshot_month, s.fund, s.account_code, s.currency,
           acct._balance_leaf(s.snapshot_month, s.fund, s.account_code, s.currency, s.opening_balance, s.period_debit, s.period_credit, s.closing_balance, s.line_count)
      FROM acct.account_balance_snapshot AS s
     WHERE s.entity_code = p_entity AND s.basis = p_basis AND (p_month IS NULL OR s.snapshot_month = p_month)
$$;
COMMENT ON FUNCTION acct._balance_leaves(text, text, date) IS 'The leaves of the tree over the balances of a book in a month, or in all months (NULL), in their order.';

CREATE FUNCTION acct._balance_tree(p_entity text, p_basis text, p_month date, OUT balances bigint, OUT root bytea)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), acct._merkle_root(coalesce(array_agg(b.leaf ORDER BY b.leaf_no), '{}')) FROM acct._balance_leaves(p_entity, p_basis, p_month) AS b
$$;
COMMENT ON FUNCTION acct._balance_tree(text, text, date) IS 'How many balances a book has in a month, or in all months (NULL), and the root of their tree.';

CREATE FUNCTION acct._seal_period(p_action text, p_entity text, p_basis text, p_month date, p_run_id bigint, p_waived text[], p_reason text, p_detail jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    tree record;
    names text[] := ARRAY['month', 'run', 'reason', 'waived', 'detail'];
    texts text[] := ARRAY[to_char(p_month, 'YYYY-MM-DD'), p_run_id::text, p_reason, array_to_string(p_waived, ','), p_detail::text];
BEGIN
    IF p_action IN ('close', 'close_year') THEN
        SELECT t.* INTO tree FROM acct._balance_tree(p_entity, p_basis, p_month) AS t;
        names := names || '{balances,balance_root}'::text[];
        texts := texts || ARRAY[tree.balances::text, encode(tree.root, 'hex')];
    END IF;
    PERFORM acct._append_seal(p_entity, p_basis, p_action, names, texts, p_run_id, p_month);
END
$$;
COMMENT ON FUNCTION acct._seal_period(text, text, text, date, bigint, text[], text, jsonb) IS
'Seals a closing or reopening of a month or a year, with the balances of a month that is closed, or a change of a book''s properties. The caller has locked the book.';

CREATE FUNCTION acct._entity_of_transaction(p_txn_id bigint, p_month date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    source CONSTANT regclass := CASE WHEN acct._is_archived('txn_source_parent', p_month) THEN to_regclass(format('acct_archive.%I', acct._partition_name('txn_source_parent', p_month)))
                                     ELSE 'acct.txn_source_parent'::regclass END;
    entity text;
BEGIN
    IF source IS NOT NULL THEN
        EXECUTE format('SELECT e.entity_code FROM %s AS s JOIN acct.entity AS e ON e.entity_code = s.entity_code WHERE s.txn_id = $1 AND s.txn_month = $2', source)
           INTO entity USING p_txn_id, p_month;
    END IF;
    RETURN coalesce(entity, '');
END
$$;
COMMENT ON FUNCTION acct._entity_of_transaction(bigint, date) IS
'The registered entity whose books a source transaction is of; empty where its entity is not registered, or its month was dropped.';

CREATE FUNCTION acct._lock_book_yielding(p_entity text, p_basis text, p_patience interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    deadline CONSTANT timestamptz := clock_timestamp() + p_patience;
BEGIN
    -- The transaction may hold other books, which were not locked in the order of their keys: those who post are not to be deadlocked with.
    WHILE NOT acct._is_waited_for('{acct.ledger_book}') LOOP
        BEGIN
            PERFORM acct._lock_books(ARRAY[p_entity], ARRAY[p_basis]);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            EXIT WHEN clock_timestamp() >= deadline;
        END;
    END LOOP;
    PERFORM acct._raise_in_use(format('book %s %s', p_entity, p_basis), '{acct.ledger_book}');
END
$$;
COMMENT ON FUNCTION acct._lock_book_yielding(text, text, interval) IS
'Locks a book to the end of a transaction that may have locked others. Waits for at most p_patience, and for no session with a book that waits for this one, then raises 55P03.';

CREATE FUNCTION acct._seal_waiver(p_kind text, p_run_id bigint, p_txn_id bigint, p_basis text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    waived record;
    entity text;
BEGIN
    SELECT e.* INTO waived FROM acct.je_exception AS e WHERE (e.run_id, e.txn_id, e.basis) = (p_run_id, p_txn_id, p_basis);
    entity := acct._entity_of_transaction(waived.txn_id, waived.txn_month);
    IF entity = '' THEN
        PERFORM acct._lock_log();
    ELSE
        PERFORM acct._announce_work();
        PERFORM acct._lock_book_yielding(entity, p_basis, '1 minute');
    END IF;
    PERFORM acct._append_seal(entity, CASE entity WHEN '' THEN '' ELSE p_basis END, p_kind, '{run,txn,txn_month,exception_basis,exception,reason,waived_by,waived_at}',
                              ARRAY[p_run_id::text, p_txn_id::text, to_char(waived.txn_month, 'YYYY-MM-DD'), p_basis, waived.reason, waived.waive_reason, waived.waived_by, acct._seal_time(waived.waived_at)],
                              p_run_id);
END
$$;
COMMENT ON FUNCTION acct._seal_waiver(text, bigint, bigint, text) IS
'Seals that an exception was waived, or its waiver revoked, in the chain of the book of its transaction, or of the ledger where that is none''s.';

CREATE FUNCTION acct._seal_archive(p_kind text, p_archive_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    archived record;
BEGIN
    SELECT a.* INTO archived FROM acct.archived_partition AS a WHERE a.archive_id = p_archive_id;
    -- All books are locked (_lock_months).
    PERFORM acct._append_seal(b.entity_code, b.basis, p_kind, '{month,archive,headers,lines,debit,credit,digest,exported_at,manifest_sha256}',
                              ARRAY[to_char(archived.month, 'YYYY-MM-DD'), p_archive_id::text, archived.journals::text, archived.rows::text, archived.debit::text, archived.credit::text, archived.digest,
                                    acct._seal_time(archived.exported_at), encode(sha256(acct._utf8(archived.manifest::text)), 'hex')], NULL, archived.month)
       FROM (SELECT n.entity_code, n.basis FROM acct.journal_number AS n WHERE n.period_month = archived.month AND n.last_number > 0
             UNION
             SELECT s.entity_code, s.basis FROM acct.ledger_seal AS s WHERE s.period_month = archived.month AND s.entity_code <> '') AS b
      ORDER BY b.entity_code COLLATE "C", b.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._seal_archive(text, bigint) IS
'Seals that a month of the ledger was archived, restored or dropped, in each book that has entries or seals of it. The caller has locked all books.';

CREATE FUNCTION acct._seal_source_archives() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._append_seal('', '', e.kind, '{table,month,archive,rows,gross,done_at,done_by,exported_at,manifest_sha256}',
                              ARRAY[a.table_name, to_char(a.month, 'YYYY-MM-DD'), a.archive_id::text, a.rows::text, a.gross::text, acct._seal_time(e.done_at), e.done_by,
                                    acct._seal_time(a.exported_at), encode(sha256(acct._utf8(a.manifest::text)), 'hex')], NULL, a.month)
       FROM acct.archived_partition AS a
      CROSS JOIN LATERAL (VALUES (1, 'archive', a.archived_at, a.archived_by), (2, 'restore', a.restored_at, a.restored_by), (3, 'drop', a.dropped_at, a.dropped_by)) AS e (n, kind, done_at, done_by)
      WHERE a.table_name = 'txn_source_parent' AND e.done_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.entity_code = '' AND s.basis = '' AND s.kind = e.kind AND acct._seal_line(s.body, 'archive') = a.archive_id::text)
      ORDER BY a.archive_id, e.n;
END
$$;
COMMENT ON FUNCTION acct._seal_source_archives() IS
'Seals the archives, restores and drops of months of the source that no seal has, in the ledger''s own chain, which the caller has locked: archiving itself waits for no checkpoint.';

CREATE FUNCTION acct._fresh_seals(OUT seals bigint[], OUT books jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH fresh AS MATERIALIZED (
        SELECT s.seal_id, s.entity_code, s.basis, s.seal_number FROM acct.ledger_seal AS s
         WHERE NOT EXISTS (SELECT FROM acct.ledger_log AS g WHERE g.seal_id = s.seal_id)),
    moved AS (
        SELECT f.entity_code, f.basis, max(f.seal_number) AS through FROM fresh AS f WHERE f.entity_code <> '' GROUP BY f.entity_code, f.basis)
    SELECT (SELECT coalesce(array_agg(f.seal_id ORDER BY f.seal_id), '{}') FROM fresh AS f),
           (SELECT coalesce(jsonb_agg(jsonb_build_array(m.entity_code, m.basis, m.through, b.balances, encode(b.root, 'hex')) ORDER BY m.entity_code, m.basis), '[]')
              FROM moved AS m CROSS JOIN LATERAL acct._balance_tree(m.entity_code, m.basis, NULL) AS b)
$$;
COMMENT ON FUNCTION acct._fresh_seals() IS
'The seals that the log does not have, and, by the same snapshot, the balances of the books that they are of: entity, basis, number of the last seal, number of balances, root of their tree.';

CREATE FUNCTION acct._prove_one_balance(p_month date, p_entity text, p_basis text, p_fund text, p_account text, p_currency text, p_most integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    last record;
    chosen record;
    hashes bytea[];
    leaf record;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_code('entity', p_entity);
    PERFORM acct._require_code('basis', p_basis);
    IF NOT EXISTS (SELECT FROM acct.account_balance_snapshot AS s
                    WHERE (s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency) = (p_entity, p_basis, p_month, p_fund, p_account, p_currency)) THEN
        RAISE EXCEPTION 'book % % has no balance of account % in fund % and currency % in %', p_entity, p_basis, coalesce(p_account, 'NULL'), coalesce(p_fund, 'NULL'),
                        coalesce(p_currency, 'NULL'), acct._month_name(p_month)
            USING ERRCODE = '22023', HINT = 'Balances are rows of acct.account_balance_snapshot.';
    END IF;
    SELECT c.* INTO last FROM acct._last_checkpoint() AS c;
    -- All balances of the book at a checkpoint, or those of the month when it was closed: the newest that they still are.
    SELECT g.leaf_no, s.body, s.period_month, acct._seal_line(s.body, 'balance_root') AS root INTO chosen
      FROM (SELECT x.seal_id, x.body, NULL::date AS period_month FROM acct.ledger_seal AS x
             WHERE x.entity_code = '' AND x.basis = '' AND x.kind = 'balances'
               AND position(format(E'\nbook_entity %s\nbook_basis %s\n', acct._seal_value(p_entity), acct._seal_value(p_basis)) IN x.body) > 0
            UNION ALL
            SELECT x.seal_id, x.body, x.period_month FROM acct.ledger_seal AS x
             WHERE x.entity_code = p_entity AND x.basis = p_basis AND x.kind IN ('close', 'close_year') AND x.period_month = p_month) AS s
      JOIN acct.ledger_log AS g ON g.seal_id = s.seal_id
      JOIN (SELECT NULL::date AS period_month, t.root FROM acct._balance_tree(p_entity, p_basis, NULL) AS t
            UNION ALL
            SELECT p_month, t.root FROM acct._balance_tree(p_entity, p_basis, p_month) AS t) AS t
        ON t.period_month IS NOT DISTINCT FROM s.period_month AND encode(t.root, 'hex') = acct._seal_line(s.body, 'balance_root')
     WHERE g.leaf_no < last.size ORDER BY g.leaf_no DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the balances of book % % are not those of the last checkpoint', p_entity, p_basis
            USING ERRCODE = '55000', DETAIL = 'Something was posted since, or balances were changed.', HINT = 'SELECT acct.ledger_checkpoint() makes a checkpoint that has them as they are.';
    END IF;
    SELECT array_agg(sha256(decode('00', 'hex') || b.leaf) ORDER BY b.leaf_no) INTO hashes FROM acct._balance_leaves(p_entity, p_basis, chosen.period_month) AS b;
    SELECT b.leaf_no, b.leaf INTO leaf FROM acct._balance_leaves(p_entity, p_basis, chosen.period_month) AS b
     WHERE (b.snapshot_month, b.fund, b.account_code, b.currency) = (p_month, p_fund, p_account, p_currency);
    RETURN acct._require_small(jsonb_build_object('ledger_engine_proof', 1, 'kind', 'balance', 'leaf', replace(encode(leaf.leaf, 'base64'), E'\n', ''), 'leaf_index', leaf.leaf_no,
                              'leaf_count', cardinality(hashes), 'leaf_path', acct._base64_path(acct._merkle_path(hashes, leaf.leaf_no)), 'seal', chosen.body)
           || acct._log_proof(chosen.leaf_no, last.size, last.body), p_most);
END
$$;
COMMENT ON FUNCTION acct._prove_one_balance(date, text, text, text, text, text, integer) IS 'The work of prove_balance().';

CREATE FUNCTION acct.prove_balance(month date, entity text, basis text, fund text, account_code text, currency text, max_bytes integer DEFAULT 10240) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._prove_one_balance($1, $2, $3, $4, $5, $6, $7)
$$;
COMMENT ON FUNCTION acct.prove_balance(date, text, text, text, text, text, integer) IS
'A proof, as JSON, that a balance is in the ledger of the newest checkpoint, which shows no other balance; integrations/verify checks it without a database. Raises 22023 (not a month, or there is no such balance), 54000 (the proof has more than max_bytes), 55000 (no checkpoint was made, or the book''s balances have changed since).';

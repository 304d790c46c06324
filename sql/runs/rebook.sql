-- Rebooking: the transactions whose journals were reversed are booked again, by the rules that are approved now.

CREATE FUNCTION acct._layout_rebook() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Since layout 5. What a reversal took back is in one live run of each month, whoever asks for it.
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS taken_transactions bigint;
    CREATE UNIQUE INDEX IF NOT EXISTS journal_run_rebook_idx ON acct.journal_run (origin_run, txn_month)
        WHERE kind = 'transaction' AND origin_run IS NOT NULL AND status <> 'discarded';
END
$layout$;
COMMENT ON FUNCTION acct._layout_rebook() IS 'The part of install() that creates what keeps rebookings apart.';

CREATE FUNCTION acct._comment_rebook() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON COLUMN acct.journal_run.taken_transactions IS 'Of a rebooking: transactions that it books again; NULL: another run.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_rebook() IS 'The part of install() that describes the objects of rebook.sql.';

CREATE FUNCTION acct._reversed_transactions(p_run_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Read from the journals that were reversed, for a reversal also has those of corrections.
    SELECT string_agg(format('SELECT x.txn_id, x.txn_month, x.basis FROM (%s) AS x '
                             ' WHERE (SELECT range_agg(v.je_ids) FROM acct.journal_reversal AS v '
                             '         WHERE v.run_id = %s AND v.origin_run = %s AND v.released_at IS NULL) @> x.je_id',
                             s.query, p_run_id, s.origin_run), ' UNION ALL ')
      FROM acct._reversal_sources(p_run_id) AS s JOIN acct.journal_run AS o ON o.run_id = s.origin_run
     WHERE s.is_header AND o.kind = 'transaction'
$$;
COMMENT ON FUNCTION acct._reversed_transactions(bigint) IS
'The query of the transactions whose journals a run reverses, each for the bases concerned (NULL: none); the caller holds the ledger (acct._hold_ledger()), or these (acct._hold_reversed()). Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._hold_reversed(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    m date;
    headers regclass;
    held regclass;
BEGIN
    -- The months themselves, not the ledger: whoever posts has locked books before it needs that to itself, and this run will wait for them.
    FOR m IN SELECT DISTINCT t.je_month FROM acct.journal_run AS r
               JOIN acct.journal_reversal AS v ON v.run_id = r.origin_run AND v.released_at IS NULL
               JOIN acct.journal_run_total AS t ON t.run_id = v.origin_run
              WHERE r.run_id = p_run_id AND r.taken_transactions IS NOT NULL ORDER BY 1 LOOP
        PERFORM acct._require_month_whole(m);
        LOOP
            headers := acct._month_table('ledger_entry_header', m);
            EXIT WHEN headers = held;
            BEGIN
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', headers);
                held := headers;
            EXCEPTION WHEN undefined_table THEN
                -- It was moved to the archive, or back, meanwhile.
                held := NULL;
            END;
            PERFORM acct._see_changes();
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._hold_reversed(bigint) IS
'Of a rebooking, keeps the journals that were reversed from being archived, restored or dropped to the end of the transaction. Raises LE002 where a month was dropped by retention, LE010 where a partition of one is detached or was dropped by somebody.';

CREATE FUNCTION acct._require_rebookable(p_run_id bigint, p_status text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    kind CONSTANT text := (SELECT r.kind FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
BEGIN
    IF kind <> 'reversal' THEN
        RAISE EXCEPTION 'run % is no reversal', p_run_id
            USING ERRCODE = 'LE002', DETAIL = format('It is a run of kind %s.', kind), HINT = 'Transactions are rebooked by the run that reverses their journals.';
    ELSIF p_status <> 'posted' THEN
        PERFORM acct._wrong_state(p_run_id, p_status,
            CASE p_status WHEN 'discarded' THEN 'The journals that it would have reversed stand.' ELSE 'Post it first: until then the journals stand.' END);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_rebookable(bigint, text) IS 'Raises LE002 unless a run is a posted reversal.';

CREATE FUNCTION acct._refuse_rebooked(p_run_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the transactions of run % are rebooked already', p_run_id
        USING ERRCODE = 'LE008',
              DETAIL = (SELECT format('They are in %s.', string_agg(format('run %s (%s)', r.run_id, r.status), ', ' ORDER BY r.run_id))
                          FROM acct.journal_run AS r WHERE r.origin_run = p_run_id AND r.kind = 'transaction' AND r.status <> 'discarded'),
              HINT = 'acct.discard_run() ends a rebooking that is not posted.';
END
$$;
COMMENT ON FUNCTION acct._refuse_rebooked(bigint) IS 'Raises LE008: live runs have the transactions whose journals a run reversed.';

CREATE FUNCTION acct._require_bases(p_options jsonb, p_bases text[], p_run_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    wanted CONSTANT text[] := acct._run_bases(p_options);
BEGIN
    IF p_options ? 'basis' AND NOT p_bases <@ wanted THEN
        RAISE EXCEPTION 'option basis leaves out %', (SELECT string_agg(b, ', ' ORDER BY b) FROM unnest(p_bases) AS b WHERE b <> ALL (wanted))
            USING ERRCODE = '22023', DETAIL = format('Run %s reversed journals of %s.', p_run_id, array_to_string(p_bases, ', ')),
                  HINT = 'A rebooking books each transaction in every basis in which it was reversed. acct.reverse_run() can reverse some bases only.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_bases(jsonb, text[], bigint) IS
'Raises 22023 on options that no run can have, or that leave out a basis in which a run reversed journals.';

CREATE FUNCTION acct.rebook_run(run_id bigint, options jsonb DEFAULT '{}') RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    reversal CONSTANT bigint := rebook_run.run_id;
    opts CONSTANT jsonb := coalesce(rebook_run.options, '{}');
    started CONSTANT timestamptz := clock_timestamp();
    status text;
    reversed text;
    months jsonb;
    part record;
    id bigint;
BEGIN
    PERFORM acct._require_read_committed();
    status := acct._lock_run(reversal);
    PERFORM acct._require_rebookable(reversal, status);
    PERFORM acct._run_bases(opts);
    PERFORM acct._hold_ledger();
    PERFORM acct._require_months_of(ARRAY(SELECT DISTINCT v.origin_run FROM acct.journal_reversal AS v WHERE v.run_id = reversal AND v.released_at IS NULL));
    reversed := acct._reversed_transactions(reversal);
    IF reversed IS NULL THEN
        RAISE EXCEPTION 'run % reversed no journals of transactions', reversal USING ERRCODE = 'LE002', HINT = 'There is nothing to rebook.';
    END IF;
    EXECUTE format('SELECT jsonb_agg(x ORDER BY x.txn_month) FROM ('
                   'SELECT t.txn_month, array_agg(DISTINCT t.basis) AS bases, count(DISTINCT t.txn_id) AS transactions FROM (%s) AS t GROUP BY t.txn_month) AS x',
                   reversed) INTO months;
    PERFORM acct._require_bases(opts, ARRAY(SELECT DISTINCT b COLLATE "C" FROM jsonb_array_elements(months) AS x, jsonb_array_elements_text(x -> 'bases') AS b ORDER BY 1),
                                reversal);
    FOR part IN
        SELECT x.* FROM jsonb_to_recordset(months) AS x (txn_month date, bases text[], transactions bigint)
         WHERE NOT EXISTS (SELECT FROM acct.journal_run AS r
                            WHERE r.origin_run = reversal AND r.kind = 'transaction' AND r.txn_month = x.txn_month AND r.status <> 'discarded')
         ORDER BY x.txn_month
    LOOP
        PERFORM acct._keep_source_month(part.txn_month);
        BEGIN
            INSERT INTO acct.journal_run AS n (txn_month, bases, options, reprocess_of, origin_run, taken_transactions)
            VALUES (part.txn_month, ARRAY(SELECT b COLLATE "C" FROM unnest(part.bases) AS b ORDER BY b COLLATE "C"), opts, reversal, reversal, part.transactions)
            RETURNING n.run_id INTO id;
        EXCEPTION WHEN unique_violation THEN
            -- The lock of the reversal is what keeps two sessions apart; this has the last word.
            PERFORM acct._refuse_rebooked(reversal);
        END;
        -- crash point: rebook_inserted
        INSERT INTO acct.run_log AS g (run_id, step, rows, elapsed_ms, detail, peak_memory)
        VALUES (id, 'rebook', part.transactions, acct._elapsed_ms(started), jsonb_build_object('origin_run', reversal), acct._peak_memory());
        RETURN NEXT id;
    END LOOP;
    IF id IS NULL THEN
        PERFORM acct._refuse_rebooked(reversal);
    END IF;
    -- crash point: rebook_done
END
$$;
COMMENT ON FUNCTION acct.rebook_run(bigint, jsonb) IS
'Creates a run of exactly the transactions whose journals a posted reversal reversed, by the rules approved now for their dates: one for each month that no live run rebooks, whose run_id it returns. Raises LE001, LE002 (no reversal, not posted, or a month of it was dropped), LE008 (rebooked already), 22023 (options), 55000 (the source of a month is archived), 55P03 (locked).';

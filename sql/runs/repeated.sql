-- Transactions that runs of several months hold: the same identifier and entity under two months.

CREATE FUNCTION acct._layout_repeated() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Since layout 5.
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS repeated_transactions bigint;
END
$layout$;
COMMENT ON FUNCTION acct._layout_repeated() IS 'The part of install() that creates the column of repeated transactions.';

CREATE FUNCTION acct._repeated_option(p_options jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(p_options ->> 'repeated_transactions', 'report');
END
$$;
COMMENT ON FUNCTION acct._repeated_option(jsonb) IS 'Option of a run for repeated transactions: report, refuse or ignore.';

CREATE FUNCTION acct._keys_meet(p_source text, p_other text, p_from bigint, p_to bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_hashjoin = off SET enable_nestloop = off
    SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s AS s JOIN %s AS o USING (txn_id) WHERE txn_id BETWEEN %s AND %s)', p_source, p_other, p_from, p_to)
       INTO found;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._keys_meet(text, text, bigint, bigint) IS
'True where two tables of source rows have an identifier in common, by a look at the indexes of their keys side by side.';

CREATE FUNCTION acct._source_ends(p_source text, OUT first bigint, OUT last bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off AS $$
DECLARE
    ends record;
BEGIN
    -- A FROM item may be a query.
    IF left(p_source, 1) <> '(' THEN
        SELECT k.* INTO ends FROM acct._key_ends(p_source::regclass) AS k;
        IF ends.is_known THEN
            first := ends.first;
            last := ends.last;
            RETURN;
        END IF;
    END IF;
    EXECUTE format('SELECT min(s.txn_id), max(s.txn_id) FROM %s AS s', p_source) INTO first, last;
END
$$;
COMMENT ON FUNCTION acct._source_ends(text) IS
'The first and the last identifier of the source rows of a FROM item (_source_rows), NULL where there are none.';

CREATE FUNCTION acct._months_beside(p_run_id bigint, p_source text, p_is_small boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = off AS $$
DECLARE
    reach CONSTANT interval := make_interval(months => (acct._posting_limits()).months_apart);
    found text[] := ARRAY[]::text[];
    run acct.journal_run;
    own record;
    others record;
    other record;
    place regclass;
    relation text;
    low bigint;
    high bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    -- By the key's index, in no time: where identifiers go on from month to month nothing else is read.
    SELECT k.* INTO own FROM acct._source_ends(p_source) AS k;
    FOR other IN SELECT m.month AS txn_month, acct._partition_name('txn_source', m.month) AS name
                   FROM (SELECT x::date AS month FROM generate_series(run.txn_month - reach, run.txn_month + reach, interval '1 month') AS x) AS m
                  -- In the order of the index by month: for a month without claims another one would be read to its end.
                  CROSS JOIN LATERAL (SELECT FROM acct.journal_run_batch AS b
                                       WHERE b.txn_month >= m.month AND b.txn_month <= m.month AND b.released_at IS NULL AND b.basis = ANY (run.bases)
                                       ORDER BY b.txn_month, b.batch_id LIMIT 1) AS c
                  WHERE m.month <> run.txn_month LOOP
        PERFORM acct._hold_source_month(other.txn_month);
        place := acct._partition_of('acct.txn_source_parent', other.txn_month);
        IF place IS NULL THEN
            -- The lock comes before the name: it may be restored at this moment.
            place := acct._as_seen(to_regclass(format('acct_archive.%I', other.name)));
        END IF;
        relation := place::text;
        IF relation IS NULL THEN
            -- A month that was dropped cannot be read.
            CONTINUE WHEN acct._is_archived('txn_source_parent', other.txn_month);
            relation := format('(SELECT * FROM acct.txn_source_parent WHERE txn_month = %L)', other.txn_month);
        END IF;
        SELECT k.* INTO others FROM acct._source_ends(relation) AS k;
        low := greatest(others.first, own.first);
        high := least(others.last, own.last);
        IF low <= high AND (p_is_small OR acct._keys_meet(p_source, relation, low, high)) THEN
            found := found || format('SELECT s.txn_id, s.entity_code, s.batch_id, s.txn_month FROM %s AS s WHERE s.txn_id BETWEEN %s AND %s',
                                     relation, low, high);
        END IF;
    END LOOP;
    RETURN array_to_string(found, ' UNION ALL ');
END
$$;
COMMENT ON FUNCTION acct._months_beside(bigint, text, boolean) IS
'The query of the source rows of the other months within reach that live runs took for some of a run''s bases, also archived ones, where identifiers of the run''s month can be among them; empty where there are none.';

CREATE FUNCTION acct._is_booked(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- What a run set aside, ignored or had reversed is taken up again by other runs, and of these by others.
    WITH RECURSIVE taken (run_id, status) AS (
        SELECT r.run_id, r.status FROM acct.journal_run AS r WHERE r.run_id = p_run_id
        UNION
        SELECT n.run_id, n.status
          FROM taken AS t
          JOIN acct.journal_run AS n
            ON n.reprocess_of = t.run_id
            OR n.reprocess_of IN (SELECT v.run_id FROM acct.journal_reversal AS v WHERE v.origin_run = t.run_id AND v.released_at IS NULL)
         WHERE n.kind = 'transaction' AND n.status <> 'discarded')
    SELECT EXISTS (SELECT FROM taken AS t WHERE t.status <> 'reversed')
$$;
COMMENT ON FUNCTION acct._is_booked(bigint) IS
'True where a run, or one of those that took its transactions up again, is not reversed.';

CREATE FUNCTION acct._repeated_transactions(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off SET enable_seqscan = on SET work_mem = '32MB' AS $$
DECLARE
    most CONSTANT bigint := 100000;
    run acct.journal_run;
    source text;
    is_small CONSTANT boolean := acct._is_small_run(p_run_id);
    reach CONSTANT interval := make_interval(months => (acct._posting_limits()).months_apart);
    others text;
    found bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    source := acct._source_rows(run.txn_month);
    others := acct._months_beside(p_run_id, source, is_small);
    IF others = '' THEN
        RETURN 0;
    ELSIF is_small THEN
        PERFORM set_config('enable_seqscan', 'off', true);
    END IF;
    -- What is set aside there, and waived or still open, is not booked there, nor is what was reversed.
    EXECUTE format(
        'SELECT count(DISTINCT x.txn_id) FROM (SELECT s.txn_id FROM %s AS s JOIN (%s) AS o USING (txn_id, entity_code) '
        '  JOIN acct.journal_run_batch AS c ON c.batch_id = o.batch_id AND c.txn_month = o.txn_month AND c.released_at IS NULL AND c.basis = ANY ($2) '
        '   AND c.run_id <> ALL ($3) '
        ' WHERE %s AND NOT EXISTS (SELECT FROM acct.je_exception AS e WHERE e.txn_id = o.txn_id AND e.txn_month = o.txn_month '
        '                             AND e.basis = c.basis AND e.resolved_by_run IS NULL AND e.voided_at IS NULL) '
        ' LIMIT %s) AS x', source, others,
        CASE WHEN run.reprocess_of IS NULL THEN 's.batch_id = ANY ($1)'
             ELSE format('s.txn_id IN (SELECT t.txn_id FROM acct._taken_again(%s) AS t)', p_run_id) END, most)
       INTO found
      USING ARRAY(SELECT DISTINCT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id), run.bases,
            ARRAY(SELECT r.run_id FROM acct.journal_run AS r
                   WHERE r.status = 'reversed' AND r.kind = 'transaction' AND r.txn_month BETWEEN run.txn_month - reach AND run.txn_month + reach
                     AND NOT acct._is_booked(r.run_id));
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._repeated_transactions(bigint) IS
'How many transactions of a run live runs hold under another month too, with the same entity and in a basis of the run; counts to 100,000 pairs at most. Those that are set aside there, or of a reversed run that no run booked again, do not count.';

CREATE FUNCTION acct._check_repeated(p_run_id bigint) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'repeated_transactions', CASE acct._repeated_option(r.options) WHEN 'refuse' THEN '0' ELSE 'any number' END,
           acct._repeated_transactions(r.run_id)::text
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.kind = 'transaction' AND acct._repeated_option(r.options) <> 'ignore';
END
$$;
COMMENT ON FUNCTION acct._check_repeated(bigint) IS
'The check of validate_run that counts repeated transactions: it fails where the run''s options refuse them.';

CREATE FUNCTION acct._count_repeated(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    found bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.kind <> 'transaction' OR acct._repeated_option(run.options) = 'ignore' THEN
        RETURN NULL;
    ELSIF acct._repeated_option(run.options) = 'report' THEN
        -- What validate_run found is as good.
        SELECT (g.detail ->> 'repeated_transactions')::bigint INTO found FROM acct.run_log AS g
         WHERE g.run_id = p_run_id AND g.step = 'validate' AND g.at >= run.expanded_at ORDER BY g.log_id DESC LIMIT 1;
    ELSE
        -- One run that refuses them at a time, so that each sees what the other took.
        PERFORM acct._lock_row('acct.accounting_basis', ARRAY['basis'], ARRAY[b], format('accounting basis %s', b), true) FROM unnest(run.bases) AS b;
    END IF;
    found := coalesce(found, acct._repeated_transactions(p_run_id));
    IF found > 0 AND acct._repeated_option(run.options) = 'refuse' THEN
        RAISE EXCEPTION 'run % does not pass its checks', p_run_id
            USING ERRCODE = 'LE009', DETAIL = format('Failed: repeated_transactions (expected 0, found %s).', found),
                  HINT = 'Runs of other months hold transactions with the same txn_id and entity_code. Discard the run, delete its load and load what is right.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._count_repeated(bigint) IS
'How many transactions of a run that is posted are repeated; NULL: its options ignore them, or it has none. Raises LE009 where there are some and its options refuse them.';

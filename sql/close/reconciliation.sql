-- Reconciliation: what came in, what became of it, and what each place where it lies says of that.
--
-- A month is both the month of source transactions and that of the ledger's entries. Most transactions are booked in their own
-- month; those that are not have kinds of their own, so that the source can be followed to the ledger, and the ledger to the balances.
-- All queries see what the caller's query sees, and nothing is written.

CREATE FUNCTION acct._require_reconcilable(p_month date, p_entity text, p_basis text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_code('basis', p_basis);
    PERFORM acct._require_book(p_entity, NULL, NULL);
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    PERFORM FROM acct.txn_source_parent WHERE false;
    PERFORM acct._require_ledger_attached(p_month);
    PERFORM acct._is_partition('txn_source', p_month);
END
$$;
COMMENT ON FUNCTION acct._require_reconcilable(date, text, text) IS
'Keeps months as they are to the end of the transaction. Raises 22023 where the date is no month or the entity or basis does not exist, LE010 where a partition of the month is detached, 40001 where the transaction''s snapshot is older than an archive.';

CREATE FUNCTION acct._reconciled_runs(p_month date, p_basis text)
RETURNS TABLE (run_id bigint, kind text, of_month boolean, is_posted boolean, journals bigint, months date[])
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT r.run_id, r.kind, r.kind = 'transaction' AND r.txn_month IS NOT DISTINCT FROM p_month, acct._is_posted(r.status),
           (r.basis_counts #>> ARRAY[p_basis, 'journals'])::bigint, m.months
      FROM acct.journal_run AS r
      LEFT JOIN LATERAL (SELECT array_agg(DISTINCT t.je_month) AS months FROM acct.journal_run_total AS t WHERE t.run_id = r.run_id) AS m ON true
     WHERE r.status <> 'discarded'
       AND (r.kind = 'transaction' AND r.txn_month = p_month
            OR acct._is_posted(r.status) AND r.run_id IN (SELECT x.run_id FROM acct.journal_run_total AS x WHERE x.je_month = p_month AND x.basis = p_basis))
$$;
COMMENT ON FUNCTION acct._reconciled_runs(date, text) IS
'The runs that a month is reconciled by: those of its transactions (of_month), posted or not, and posted ones with journals of a basis that are dated in it; months are those of all their journals.';

CREATE FUNCTION acct._column_list(p_table regclass, p_columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- A month that was archived by an older version has journals of transactions only, and not all columns.
    SELECT string_agg(CASE WHEN a.attname IS NOT NULL THEN format('x.%I', c.name) WHEN c.name = 'journal_type' THEN '''transaction''::text AS journal_type'
                           ELSE format('NULL::%s AS %I', format_type(p.atttypid, p.atttypmod), c.name) END, ', ' ORDER BY c.n)
      FROM unnest(p_columns) WITH ORDINALITY AS c (name, n)
      LEFT JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
      -- A dimension is of headers and lines.
      LEFT JOIN (SELECT DISTINCT p.attname, p.atttypid, p.atttypmod FROM pg_attribute AS p
                  WHERE p.attrelid IN ('acct.ledger_entry_header'::regclass, 'acct.ledger_entry_line'::regclass) AND NOT p.attisdropped) AS p ON p.attname = c.name AND a.attname IS NULL
$$;
COMMENT ON FUNCTION acct._column_list(regclass, text[]) IS
'These columns of a table x of headers or lines, as a list; those that it has not, because it was archived before they came, as they would be.';

CREATE FUNCTION acct._rows_of_runs(p_runs bigint[], p_months date[], p_part text, p_columns text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most_ranges CONSTANT integer := 20;
    ranges CONSTANT bigint[] := ARRAY(SELECT r.je_range FROM acct.journal_run AS r WHERE r.run_id = ANY (p_runs) AND r.je_range IS NOT NULL LIMIT most_ranges + 1);
    condition text := format('x.run_id = ANY (%L)', p_runs);
BEGIN
    IF cardinality(ranges) <= most_ranges THEN
        -- Partitions of other runs' ranges are left out of the plan.
        condition := condition || format(' AND (x.je_id < %s%s)', (acct._je_range(0)).from_je_id,
            (SELECT coalesce(string_agg(format(' OR x.je_id >= %s AND x.je_id < %s', g.from_je_id, g.to_je_id), ''), '')
               FROM unnest(ranges) AS n, acct._je_range(n) AS g));
    END IF;
    RETURN (SELECT string_agg(format('SELECT %s, date %L AS je_month FROM %s AS x WHERE x.je_date >= %2$L AND x.je_date < %4$L AND %5$s',
                                     acct._column_list(t.relation, p_columns), m, t.relation, (m + interval '1 month')::date, condition), ' UNION ALL ')
              FROM unnest(p_months) AS m CROSS JOIN LATERAL (SELECT acct._month_table('ledger_entry_' || p_part, m) AS relation) AS t);
EXCEPTION WHEN SQLSTATE 'LE002' THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._rows_of_runs(bigint[], date[], text, text[]) IS
'The query of the headers or lines (p_part) that posted runs have in some months, also archived ones, with these columns and je_month; NULL: there is no month, or one was dropped.';

CREATE FUNCTION acct._reconciled_rows(p_month date, p_basis text, p_part text, p_columns text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    relation regclass;
    runs bigint[];
    months date[];
    elsewhere text;
BEGIN
    SELECT array_agg(DISTINCT r.run_id), array_agg(DISTINCT m) INTO runs, months
      FROM acct._reconciled_runs(p_month, p_basis) AS r, unnest(r.months) AS m WHERE r.of_month AND r.is_posted AND m <> p_month;
    elsewhere := acct._rows_of_runs(runs, months, p_part, p_columns);
    IF months IS NOT NULL AND elsewhere IS NULL THEN
        RETURN NULL;
    END IF;
    relation := acct._month_table('ledger_entry_' || p_part, p_month);
    RETURN concat_ws(' UNION ALL ', format('SELECT %s, date %L AS je_month FROM %s AS x WHERE x.je_date >= %2$L AND x.je_date < %4$L',
                                           acct._column_list(relation, p_columns), p_month, relation, (p_month + interval '1 month')::date), elsewhere);
EXCEPTION WHEN SQLSTATE 'LE002' THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._reconciled_rows(date, text, text, text[]) IS
'The query of the headers or lines (p_part) that are dated in a month, and of those of its transactions that are dated in others, with these columns and je_month; NULL: one of these months was dropped.';

CREATE FUNCTION acct._reversed_journals(p_month date, p_basis text, OUT reversed int8multirange, OUT again int8multirange, OUT underway int8multirange)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(range_agg(v.je_ids), '{}'), coalesce(range_agg(v.je_ids) FILTER (WHERE b.run_id IS NOT NULL), '{}'),
           coalesce(range_agg(v.je_ids) FILTER (WHERE NOT acct._is_posted(b.status)), '{}')
      FROM acct._reconciled_runs(p_month, p_basis) AS o
      JOIN acct.journal_reversal AS v ON v.origin_run = o.run_id AND v.released_at IS NULL
      JOIN acct.journal_run AS r ON r.run_id = v.run_id AND acct._is_posted(r.status)
      LEFT JOIN acct.journal_run AS b ON b.origin_run = r.run_id AND b.kind = 'transaction' AND b.txn_month = p_month AND b.status <> 'discarded'
     WHERE o.of_month
$$;
COMMENT ON FUNCTION acct._reversed_journals(date, text) IS
'The journals of a month''s transactions that posted reversals have reversed; of these, those that a live run books again, and those of them that it has not posted yet.';

CREATE FUNCTION acct._staged_runs(p_runs bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    own record;
    has_rows boolean;
    staged bigint[];
BEGIN
    -- Unlogged tables cannot be read on a standby.
    IF pg_is_in_recovery() THEN
        RETURN '{}'::bigint[];
    END IF;
    staged := ARRAY(SELECT DISTINCT h.run_id FROM acct.je_header_staging_small AS h WHERE h.run_id = ANY (p_runs));
    FOR own IN SELECT u.id, format('acct.%I', 'je_header_staging_' || u.id) AS header, format('acct.%I', 'je_line_staging_' || u.id) AS line
                 FROM unnest(p_runs) AS u (id) JOIN pg_class AS c ON c.relname = 'je_line_staging_' || u.id AND c.relnamespace = 'acct'::regnamespace LOOP
        BEGIN
            -- From here to the end of the transaction they stay.
            EXECUTE format('SELECT EXISTS (SELECT FROM %s) OR EXISTS (SELECT FROM %s)', own.header, own.line) INTO has_rows;
            IF has_rows THEN
                staged := staged || own.id;
            END IF;
        EXCEPTION WHEN undefined_table THEN
            CONTINUE;
        END;
    END LOOP;
    RETURN staged;
END
$$;
COMMENT ON FUNCTION acct._staged_runs(bigint[]) IS
'Those of the runs that have journals in staging: it stays after posting until it is removed, unless a crash empties it, and cannot be read on a standby.';

CREATE FUNCTION acct._staged_tables_of(p_runs bigint[], p_part text) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.oid::regclass FROM unnest(p_runs) AS u (id) JOIN pg_class AS c ON c.relname = format('je_%s_staging_%s', p_part, u.id) AND c.relnamespace = 'acct'::regnamespace
$$;
COMMENT ON FUNCTION acct._staged_tables_of(bigint[], text) IS 'The tables of staging that runs have to themselves, of headers or lines (p_part).';

CREATE FUNCTION acct._staged_rows_of(p_runs bigint[], p_part text, p_columns text[], p_shared_only boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT string_agg(format('SELECT %s, date_trunc(''month'', x.je_date::timestamp)::date AS je_month FROM %s AS x WHERE %s',
                             (SELECT string_agg(format('x.%I', c), ', ' ORDER BY n) FROM unnest(p_columns) WITH ORDINALITY AS u (c, n)), t.name, t.condition), ' UNION ALL ')
      FROM (SELECT o::text AS name, 'true' AS condition FROM acct._staged_tables_of(p_runs, p_part) AS o WHERE NOT p_shared_only
            UNION ALL
            SELECT format('acct.%I', format('je_%s_staging_small', p_part)), format('x.run_id = ANY (%L)', p_runs)) AS t
$$;
COMMENT ON FUNCTION acct._staged_rows_of(bigint[], text, text[], boolean) IS
'The query of the staged headers or lines (p_part) of runs that _staged_runs() found, with these columns and je_month; p_shared_only: of those in the table that small runs share.';

CREATE FUNCTION acct._reconciled_kind(p_kind text, p_of_month boolean, p_is_posted boolean, p_in_month boolean) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_kind IS NULL THEN 'no run'
                WHEN NOT p_is_posted THEN 'not posted'
                WHEN p_kind <> 'transaction' THEN p_kind
                WHEN NOT p_of_month THEN 'of other months'
                WHEN p_in_month THEN 'transaction'
                ELSE 'dated elsewhere' END
$$;
COMMENT ON FUNCTION acct._reconciled_kind(text, boolean, boolean, boolean) IS
'The kind that a reconciliation gives journals: by the kind of their run, whether that is of the month''s transactions and posted, and whether they are dated in the month.';

CREATE FUNCTION acct._reconciled_kinds(p_month date, p_basis text) RETURNS TABLE (kind text, runs bigint[], is_staged boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH run AS MATERIALIZED (SELECT r.* FROM acct._reconciled_runs(p_month, p_basis) AS r),
    staged AS MATERIALIZED (SELECT s FROM unnest(acct._staged_runs(ARRAY(SELECT r.run_id FROM run AS r))) AS s)
    SELECT k.kind, array_agg(k.run_id ORDER BY k.run_id),
           NOT pg_is_in_recovery() AND bool_and(coalesce(k.journals, 0) = 0 OR k.run_id IN (SELECT s FROM staged))
      FROM (SELECT acct._reconciled_kind(r.kind, r.of_month, r.is_posted, x.in_month) AS kind, r.run_id, r.journals
              FROM run AS r CROSS JOIN (VALUES (true), (false)) AS x (in_month)
             WHERE x.in_month OR r.of_month AND r.is_posted) AS k
     GROUP BY k.kind
$$;
COMMENT ON FUNCTION acct._reconciled_kinds(date, text) IS
'The kinds of journals that a month is reconciled by, the runs of each, and whether staging has all of them.';

CREATE FUNCTION acct._reconciled_sums(p_month date, p_basis text)
RETURNS TABLE (place text, run_kind text, of_month boolean, is_posted boolean, is_digested boolean, je_month date, entity_code text, basis text, fund text, account_code text, currency text,
               line_count bigint, debit numeric, credit numeric, digest text, journals text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    relation regclass;
    elsewhere text;
    staged bigint[];
BEGIN
    BEGIN
        -- A month without a partition has no lines: the whole ledger is not read for it.
        relation := nullif(acct._month_table('ledger_entry_line', p_month), 'acct.ledger_entry_line'::regclass);
    EXCEPTION WHEN SQLSTATE 'LE002' THEN
        NULL;
    END;
    -- Lines that these runs have in other months; those of a month that was dropped are nowhere.
    SELECT string_agg(acct._rows_of_runs(x.runs, ARRAY[m.month], 'line', acct._line_columns()), ' UNION ALL ') INTO elsewhere
      FROM (SELECT array_agg(r.run_id) AS runs FROM acct._reconciled_runs(p_month, p_basis) AS r WHERE r.is_posted AND (r.of_month OR r.kind <> 'transaction')) AS x
     CROSS JOIN LATERAL (SELECT DISTINCT t.je_month AS month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (x.runs) AND t.je_month <> p_month) AS m;
    SELECT array_agg(DISTINCT u) INTO staged FROM acct._reconciled_kinds(p_month, p_basis) AS k, unnest(k.runs) AS u WHERE k.is_staged;
    RETURN QUERY
    WITH run AS MATERIALIZED (
        SELECT r.run_id, r.kind, r.of_month, r.is_posted, j.digest IS NOT NULL AS is_digested,
               dense_rank() OVER (ORDER BY r.kind, r.of_month, r.is_posted, j.digest IS NOT NULL)::integer AS class
          FROM acct._reconciled_runs(p_month, p_basis) AS r JOIN acct.journal_run AS j USING (run_id)),
    class AS (SELECT DISTINCT r.class, r.kind, r.of_month, r.is_posted, r.is_digested FROM run AS r),
    lists AS MATERIALIZED (SELECT coalesce(array_agg(r.run_id ORDER BY r.run_id), '{}') AS runs, coalesce(array_agg(r.class ORDER BY r.run_id), '{}') AS classes FROM run AS r),
    sums AS (
        SELECT 'ledger' AS place, s.* FROM lists AS l CROSS JOIN LATERAL acct._sums_of_lines(array_remove(ARRAY[relation], NULL), elsewhere, l.runs, l.classes) AS s
        UNION ALL
        SELECT 'staging', s.*
          FROM lists AS l
         CROSS JOIN LATERAL acct._sums_of_lines(ARRAY(SELECT t FROM acct._staged_tables_of(staged, 'line') AS t),
                                                acct._staged_rows_of(staged, 'line', acct._line_columns(), true), l.runs, l.classes) AS s
         WHERE staged IS NOT NULL)
    SELECT s.place, c.kind, c.of_month, c.is_posted, c.is_digested, s.je_month, s.entity_code, s.basis, s.fund, s.account_code, s.currency, s.line_count, s.debit, s.credit, s.digest, s.journals
      FROM sums AS s LEFT JOIN class AS c USING (class);
END
$$;
COMMENT ON FUNCTION acct._reconciled_sums(date, text) IS
'Sums of a month''s lines, and of those that its runs have in other months, in ledger and staging, with their digests. It is one reading of each, of all bases; run_kind is NULL where the run is none of those that the month is reconciled by.';

CREATE FUNCTION acct._reconciled_lines(p_month date, p_entity text, p_basis text)
RETURNS TABLE (measure text, kind text, entity_code text, fund text, currency text, place text, figure numeric, digest text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    has_ledger CONSTANT boolean := acct._reconciled_rows(p_month, p_basis, 'line', '{je_id}') IS NOT NULL;
    elsewhere CONSTANT date[] := ARRAY(SELECT DISTINCT m FROM acct._reconciled_runs(p_month, p_basis) AS r, unnest(r.months) AS m WHERE r.of_month AND r.is_posted);
BEGIN
    RETURN QUERY
    WITH sums AS MATERIALIZED (
        SELECT s.*, acct._reconciled_kind(s.run_kind, s.of_month, s.is_posted, true) AS kind FROM acct._reconciled_sums(p_month, p_basis) AS s),
    found AS MATERIALIZED (
        SELECT acct._reconciled_kind(r.kind, r.of_month, r.is_posted, t.je_month = p_month) AS kind, 'recorded' AS place, t.entity_code, t.fund, t.currency,
               sum(t.line_count) AS line_count, sum(t.debit) AS debit, sum(t.credit) AS credit
          FROM acct._reconciled_runs(p_month, p_basis) AS r JOIN acct.journal_run_total AS t USING (run_id)
         WHERE t.basis = p_basis AND (p_entity IS NULL OR t.entity_code = p_entity) AND (t.je_month = p_month OR r.of_month)
         GROUP BY 1, 3, 4, 5
        UNION ALL
        SELECT acct._reconciled_kind(s.run_kind, s.of_month, s.is_posted, s.je_month = p_month), s.place, s.entity_code, s.fund, s.currency, sum(s.line_count), sum(s.debit), sum(s.credit)
          FROM sums AS s
         WHERE s.basis = p_basis AND (p_entity IS NULL OR s.entity_code = p_entity)
           AND CASE s.place WHEN 'ledger' THEN has_ledger AND (s.je_month = p_month OR s.of_month AND s.je_month = ANY (elsewhere)) ELSE s.je_month = p_month OR s.of_month END
         GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT 'total', 'balances', b.entity_code, b.fund, b.currency, sum(b.line_count), sum(b.period_debit), sum(b.period_credit)
          FROM acct.account_balance_snapshot AS b
         WHERE b.snapshot_month = p_month AND b.basis = p_basis AND (p_entity IS NULL OR b.entity_code = p_entity)
         GROUP BY 3, 4, 5),
    account AS (
        SELECT x.entity_code, x.fund, x.currency, x.account_code, x.place, sum(x.line_count) AS line_count, sum(x.debit) AS debit, sum(x.credit) AS credit
          FROM (SELECT s.entity_code, s.fund, s.currency, s.account_code, 'ledger' AS place, s.line_count, s.debit, s.credit FROM sums AS s
                 WHERE has_ledger AND s.place = 'ledger' AND s.je_month = p_month AND s.basis = p_basis AND (p_entity IS NULL OR s.entity_code = p_entity)
                UNION ALL
                SELECT b.entity_code, b.fund, b.currency, b.account_code, 'balances', b.line_count, b.period_debit, b.period_credit FROM acct.account_balance_snapshot AS b
                 WHERE has_ledger AND b.snapshot_month = p_month AND b.basis = p_basis AND (p_entity IS NULL OR b.entity_code = p_entity)) AS x
         GROUP BY 1, 2, 3, 4, 5 HAVING sum(x.line_count) <> 0 OR sum(x.debit) <> 0 OR sum(x.credit) <> 0),
    by_fund AS (
        SELECT a.entity_code, a.fund, a.currency, a.place, count(*) AS accounts, sum(a.line_count) AS line_count, sum(a.debit) AS debit, sum(a.credit) AS credit,
               md5(string_agg(concat_ws(' ', a.account_code, a.line_count, trim_scale(a.debit), trim_scale(a.credit)), ',' ORDER BY a.account_code COLLATE "C")) AS digest
          FROM account AS a GROUP BY 1, 2, 3, 4),
    moved AS (
        -- What lies on other accounts of the same fund, so that no sum shows it
        SELECT l.entity_code, l.fund, l.currency, v.place, v.accounts, v.digest
          FROM (SELECT f.* FROM by_fund AS f WHERE f.place = 'ledger') AS l
          JOIN (SELECT f.* FROM by_fund AS f WHERE f.place = 'balances') AS b USING (entity_code, fund, currency, line_count, debit, credit)
         CROSS JOIN LATERAL (VALUES (l.place, l.accounts, l.digest), (b.place, b.accounts, b.digest)) AS v (place, accounts, digest)
         WHERE l.digest <> b.digest),
    digested AS MATERIALIZED (
        SELECT k.kind, k.is_staged, coalesce(sum(r.lines), 0) AS lines, array_agg(r.digest) AS digests, array_agg(r.run_id) AS runs,
               ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (array_agg(r.run_id))) AS months
          FROM acct._reconciled_kinds(p_month, p_basis) AS k JOIN acct.journal_run AS r ON r.run_id = ANY (k.runs) AND r.digest IS NOT NULL
         WHERE k.kind NOT IN ('dated elsewhere', 'of other months')
         GROUP BY k.kind, k.is_staged)
    SELECT v.measure, f.kind, f.entity_code, f.fund, f.currency, f.place, v.figure, NULL::text
      FROM (SELECT f.* FROM found AS f
            UNION ALL
            SELECT 'total', f.place, f.entity_code, f.fund, f.currency, sum(f.line_count), sum(f.debit), sum(f.credit)
              FROM found AS f WHERE f.place IN ('recorded', 'ledger') AND f.kind NOT IN ('dated elsewhere', 'not posted') GROUP BY f.place, f.entity_code, f.fund, f.currency) AS f
     CROSS JOIN LATERAL (VALUES ('lines', f.line_count), ('debit', f.debit), ('credit', f.credit)) AS v (measure, figure)
    UNION ALL
    SELECT 'digest', 'accounts', m.entity_code, m.fund, m.currency, m.place, m.accounts, m.digest FROM moved AS m
    UNION ALL
    SELECT 'digest', d.kind, NULL, NULL, NULL, 'recorded', d.lines, acct._digest_sum(d.digests) FROM digested AS d
    UNION ALL
    SELECT 'digest', d.kind, NULL, NULL, NULL, p.place, x.lines, acct._digest_sum(x.digests)
      FROM digested AS d
     CROSS JOIN (VALUES ('ledger'), ('staging')) AS p (place)
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.line_count), 0) AS lines, array_agg(s.digest) AS digests FROM sums AS s
         WHERE s.place = p.place AND s.is_digested AND s.kind = d.kind AND (p.place = 'staging' OR s.je_month = ANY (d.months))) AS x
     WHERE CASE p.place WHEN 'staging' THEN d.is_staged
                        ELSE d.kind <> 'not posted' AND (d.months = '{}' OR acct._rows_of_runs(d.runs, d.months, 'line', '{je_id}') IS NOT NULL) END;
END
$$;
COMMENT ON FUNCTION acct._reconciled_lines(date, text, text) IS
'Lines of a month by the kind of their journals, entity, fund and currency, as each place has them: recorded (by expansion), staging, ledger, and balances, which know no kinds, by account where only accounts of a fund differ. Other digests are of all lines of complete runs by kind, whatever their entities, bases and months.';

CREATE FUNCTION acct._reconciled_journals(p_month date, p_entity text, p_basis text)
RETURNS TABLE (kind text, place text, entity_code text, journals numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    columns CONSTANT text[] := '{run_id,entity_code,basis}'::text[];
    -- How many of a run are dated in a month is not recorded: those of the month's transactions are one kind here.
    query CONSTANT text := $q$
        WITH h AS MATERIALIZED (
            SELECT y.run_id, y.entity_code, y.je_month = $1 AS is_of_month, count(*) AS journals FROM (%s) AS y WHERE y.basis = $3 AND ($4 IS NULL OR y.entity_code = $4) GROUP BY 1, 2, 3)
        SELECT acct._reconciled_kind(r.kind, r.of_month, r.is_posted, true), $2, NULL::text, sum(h.journals)
          FROM h LEFT JOIN acct._reconciled_runs($1, $3) AS r USING (run_id)
         WHERE r.of_month OR r.kind IS NULL OR r.kind <> 'transaction' AND r.months = ARRAY[$1]
         GROUP BY 1
        UNION ALL
        SELECT 'total', $2, h.entity_code, sum(h.journals) FROM h WHERE h.is_of_month AND $2 = 'ledger' GROUP BY h.entity_code$q$;
    posted CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header', columns);
    staged bigint[];
BEGIN
    IF p_entity IS NULL THEN
        RETURN QUERY
        SELECT acct._reconciled_kind(r.kind, r.of_month, r.is_posted, true), 'recorded', NULL::text, sum(coalesce(r.journals, 0))
          FROM acct._reconciled_runs(p_month, p_basis) AS r
         WHERE r.of_month OR r.kind <> 'transaction' AND r.months = ARRAY[p_month] GROUP BY 1;
    END IF;
    IF posted IS NOT NULL THEN
        RETURN QUERY EXECUTE format(query, posted) USING p_month, 'ledger', p_basis, p_entity;
    END IF;
    SELECT array_agg(DISTINCT u) INTO staged FROM acct._reconciled_kinds(p_month, p_basis) AS k, unnest(k.runs) AS u WHERE k.is_staged;
    IF staged IS NOT NULL THEN
        RETURN QUERY EXECUTE format(query, acct._staged_rows_of(staged, 'header', columns)) USING p_month, 'staging', p_basis, p_entity;
    END IF;
    -- Numbers have no gaps, so the last one says how many there are.
    RETURN QUERY
    SELECT 'total', 'recorded', n.entity_code, n.last_number::numeric FROM acct.journal_number AS n
     WHERE n.period_month = p_month AND n.basis = p_basis AND (p_entity IS NULL OR n.entity_code = p_entity);
END
$$;
COMMENT ON FUNCTION acct._reconciled_journals(date, text, text) IS
'Journals of a month by kind, as recorded, staging and ledger have them; of the total by entity what is recorded is the last number given.';

CREATE FUNCTION acct._recorded_ignored(p_month date, p_basis text, OUT complete bigint, OUT partial bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- What was taken up again counts where it is now.
    SELECT coalesce(sum(x.ignored) FILTER (WHERE x.is_complete), 0), coalesce(sum(x.ignored) FILTER (WHERE NOT x.is_complete), 0)
      FROM (SELECT p_basis = ANY (acct._complete_bases(r.run_id)) AS is_complete,
                   coalesce((r.basis_counts #>> ARRAY[p_basis, 'ignored'])::bigint, 0)
                   - (SELECT count(*) FROM acct.journal_run_ignored AS i WHERE i.run_id = r.run_id AND i.basis = p_basis AND i.resolved_by_run IS NOT NULL) AS ignored
              FROM acct.journal_run AS r WHERE r.kind = 'transaction' AND r.txn_month = p_month AND acct._is_posted(r.status)) AS x
$$;
COMMENT ON FUNCTION acct._recorded_ignored(date, text) IS
'How many of a month''s transactions the posted runs say they ignored in a basis, and no run took up again: of runs in which it took every transaction, and of others.';

CREATE FUNCTION acct._transaction_groups(p_marks text, p_rows text, p_deciding integer, p_kept integer, p_expected bigint)
RETURNS TABLE (txn_id bigint, marks integer, class integer, currency text, txn_type text, product_code text, channel text, bank_value_date date, transactions bigint,
               gross numeric, tabarru numeric, tanahud numeric, investment numeric, ujroh numeric)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_transaction_groups';
COMMENT ON FUNCTION acct._transaction_groups(text, text, integer, integer, bigint) IS
'Source rows (query p_rows) by class, currency and the marks that query p_marks (txn_id, bits below 2^14, codes of journals) has of them, and by their codes where no mark is one of p_deciding. A transaction with a mark of p_kept that has no source row has a row of its own; 2^14 marks those whose journals do not fit.';

CREATE FUNCTION acct._transaction_marks(p_month date, p_basis text, p_with_staging boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    gone record;
    headers CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header',
        '{je_id,txn_id,txn_month,basis,journal_type,entity_code,txn_type,product_code,channel,currency,policy_no}');
    staged bigint[];
    no_codes CONSTANT text := 'NULL::text AS entity_code, NULL::text AS txn_type, NULL::text AS product_code, NULL::text AS channel, NULL::text AS currency, NULL::text AS policy_no';
BEGIN
    SELECT r.* INTO gone FROM acct._reversed_journals(p_month, p_basis) AS r;
    SELECT k.runs INTO staged FROM acct._reconciled_kinds(p_month, p_basis) AS k WHERE p_with_staging AND k.kind = 'transaction' AND k.is_staged;
    -- 1 a journal that stands, 2 a journal that was reversed, 4 for good, 8 whose rebooking is under way, 16 set aside, 32 waived, 64 in a run again, 128 staged
    RETURN concat_ws(' UNION ALL ',
        CASE WHEN headers IS NOT NULL THEN
            format('SELECT h.txn_id, %s AS marks, h.entity_code, h.txn_type, h.product_code, h.channel, h.currency, h.policy_no FROM (%s) AS h '
                   'WHERE h.txn_month = %L AND h.basis = %L AND h.journal_type = ''transaction'' AND h.txn_id IS NOT NULL',
                   CASE WHEN isempty(gone.reversed) THEN '1'
                        ELSE format('CASE WHEN NOT %L::int8multirange @> h.je_id THEN 1 ELSE 2 + CASE WHEN %L::int8multirange @> h.je_id THEN 0 ELSE 4 END '
                                    '+ CASE WHEN %L::int8multirange @> h.je_id THEN 8 ELSE 0 END END', gone.reversed, gone.again, gone.underway) END,
                   headers, p_month, p_basis) END,
        CASE WHEN staged IS NOT NULL THEN
            format('SELECT h.txn_id, 128 AS marks, %s FROM (%s) AS h WHERE h.basis = %L AND h.txn_id IS NOT NULL', no_codes, acct._staged_rows_of(staged, 'header', '{txn_id,basis}'), p_basis) END,
        format($q$(WITH run AS MATERIALIZED (SELECT r.run_id, r.is_posted FROM acct._reconciled_runs(%1$L, %2$L) AS r WHERE r.of_month)
                   SELECT x.txn_id, x.marks, %3$s FROM (
                       SELECT e.txn_id, CASE WHEN bool_and(e.waived_at IS NOT NULL) THEN 32 ELSE 16 END AS marks
                         FROM acct.je_exception AS e JOIN run AS r ON r.run_id = e.run_id AND r.is_posted
                        WHERE e.txn_month = %1$L AND e.basis = %2$L AND e.resolved_by_run IS NULL AND e.voided_at IS NULL GROUP BY e.txn_id
                       UNION ALL
                       SELECT e.txn_id, 64 FROM acct.je_exception AS e JOIN run AS r ON r.run_id = e.resolved_by_run AND NOT r.is_posted WHERE e.txn_month = %1$L AND e.basis = %2$L
                       UNION ALL
                       SELECT i.txn_id, 64 FROM acct.journal_run_ignored AS i JOIN run AS r ON r.run_id = i.resolved_by_run AND NOT r.is_posted
                        WHERE i.txn_month = %1$L AND i.basis = %2$L) AS x)$q$, p_month, p_basis, no_codes));
END
$$;
COMMENT ON FUNCTION acct._transaction_marks(date, text, boolean) IS
'The query of what tables other than the source have of a month''s transactions, with the codes of journals, as _transaction_groups() takes it.';

CREATE FUNCTION acct._classed_source(p_month date, p_entity text, p_basis text, p_source text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- The class of a row: 1 a run has its batch, 2 it is posted, 4 and took every transaction of the basis, 8 the row is of another entity.
    SELECT format($q$
        WITH run AS MATERIALIZED (SELECT r.run_id, r.is_posted, %1$L = ANY (acct._complete_bases(r.run_id)) AS is_complete FROM acct._reconciled_runs(%2$L, %1$L) AS r WHERE r.of_month),
        claim AS MATERIALIZED (
            SELECT c.batch_id, 1 + CASE WHEN bool_and(r.is_posted) THEN 2 ELSE 0 END + CASE WHEN bool_and(r.is_complete) THEN 4 ELSE 0 END AS class
              FROM acct.journal_run_batch AS c JOIN run AS r USING (run_id)
             WHERE c.txn_month = %2$L AND c.basis = %1$L AND c.released_at IS NULL GROUP BY c.batch_id)
        SELECT s.txn_id, coalesce(c.class, 4) + %3$s AS class, s.currency, s.txn_type, s.product_code, s.channel, s.bank_value_date, s.entity_code, s.policy_no::text AS policy_no,
               s.gross_amount::numeric AS gross, %4$s
          FROM %5$s AS s LEFT JOIN claim AS c ON c.batch_id = s.batch_id$q$,
        p_basis, p_month, CASE WHEN p_entity IS NULL THEN '0' ELSE format('CASE WHEN s.entity_code = %L THEN 0 ELSE 8 END', p_entity) END,
        -- Of another business these are null.
        (SELECT string_agg(CASE WHEN u.c = ANY (acct._source_components()) THEN format('s.%I::numeric', u.c) ELSE 'NULL::numeric' END || ' AS ' || replace(u.c, '_amount', ''), ', ' ORDER BY u.n)
           FROM unnest('{tabarru_amount,tanahud_amount,investment_amount,ujroh_amount}'::text[]) WITH ORDINALITY AS u (c, n)), p_source)
$$;
COMMENT ON FUNCTION acct._classed_source(date, text, text, text) IS
'The query of a month''s source rows (the FROM item p_source) as _transaction_groups() takes it, with their class by what runs claim of them in a basis.';

CREATE FUNCTION acct._transaction_outcomes(p_found text, p_has_source boolean) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $q$
    SELECT format($$
        WITH ignored AS MATERIALIZED (SELECT i.complete, i.partial FROM acct._recorded_ignored($1, $2) AS i),
        found AS MATERIALIZED (
            SELECT g.*, g.class IS NULL OR g.class & 4 <> 0 AS is_complete,
                   CASE WHEN g.class IS NULL AND %2$L THEN 'no source'
                        WHEN g.marks & 1 <> 0 THEN 'posted'
                        WHEN g.marks & 32 <> 0 THEN 'waived'
                        WHEN g.marks & 16 <> 0 THEN 'set aside'
                        WHEN g.marks & 72 <> 0 OR g.class & 3 = 1 THEN 'in a run'
                        WHEN g.marks & 4 <> 0 THEN 'reversed'
                        WHEN g.class & 1 = 0 THEN 'not claimed' END AS state
              FROM %1$s AS g),
        outcome AS (
            SELECT f.*, f.class IS NOT NULL AS is_source, f.marks & 128 <> 0 AS is_staged, f.marks & 3 <> 0 AS is_ledger,
                   CASE WHEN f.state IS NOT NULL THEN f.state
                        WHEN f.is_complete AND i.complete = (SELECT sum(x.transactions) FROM found AS x WHERE x.state IS NULL AND x.is_complete) THEN 'ignored'
                        WHEN NOT f.is_complete AND i.partial = 0 THEN 'not in the basis'
                        -- What was ignored of a month that was dropped is only a number. Else by codes and dates; conditions are not computed.
                        WHEN NOT %2$L OR EXISTS (
                            SELECT FROM acct.journal_template AS h
                              JOIN acct.journal_template_match AS m ON m.template_code = h.template_code AND m.version = h.version
                               AND coalesce(m.txn_type, f.txn_type) = f.txn_type AND coalesce(m.product_code, f.product_code) = f.product_code
                               AND coalesce(m.channel, f.channel) = f.channel
                             WHERE h.basis = $2 AND h.template_type = 'IGNORE' AND h.status IN ('approved', 'retired')
                               AND h.effective_from <= f.bank_value_date AND f.bank_value_date < coalesce(h.effective_to, 'infinity')) THEN 'ignored'
                        WHEN f.is_complete THEN 'no journal'
                        ELSE 'not in the basis' END AS outcome
              FROM found AS f CROSS JOIN ignored AS i)$$, p_found, p_has_source)
$q$;
COMMENT ON FUNCTION acct._transaction_outcomes(text, boolean) IS
'The list of WITH by which outcome has the rows of a FROM item (transactions, or groups of them, with marks, class and codes) with their outcome in basis $2 of month $1. It also says whether source, staging and ledger have them.';

CREATE FUNCTION acct._single_transactions(p_month date, p_basis text, p_source text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format($q$(
        SELECT txn_id, coalesce(m.marks, 0) AS marks, s.class, coalesce(s.entity_code, m.entity_code) AS entity_code, coalesce(s.currency, m.currency) AS currency,
               s.txn_type, s.product_code, s.channel, s.bank_value_date, 1::bigint AS transactions, s.gross, s.tabarru, s.tanahud, s.investment, s.ujroh
          FROM (%s) AS s
          FULL JOIN (SELECT x.txn_id, bit_or(x.marks) AS marks, min(x.entity_code) AS entity_code, min(x.currency) AS currency FROM (%s) AS x GROUP BY x.txn_id) AS m USING (txn_id)
         WHERE s.class IS NOT NULL OR m.marks & 51 <> 0)$q$,
        acct._classed_source(p_month, NULL, p_basis, coalesce(p_source, '(SELECT * FROM acct.txn_source_parent WHERE false)')), acct._transaction_marks(p_month, p_basis, true))
$$;
COMMENT ON FUNCTION acct._single_transactions(date, text, text) IS
'The FROM item that gives each transaction of a month that the source (the FROM item p_source; NULL: it was dropped), journals or exceptions have, for _transaction_outcomes().';

CREATE FUNCTION acct._marked_transactions(p_month date, p_entity text, p_basis text, p_source text, p_with_staging boolean)
RETURNS TABLE (outcome text, currency text, is_source boolean, is_staged boolean, is_ledger boolean, fits boolean, transactions bigint,
               gross numeric, tabarru numeric, tanahud numeric, investment numeric, ujroh numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    headers CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header', '{txn_id,txn_month,entity_code,basis,currency,journal_type}');
    expected CONSTANT bigint := (SELECT coalesce(sum(r.transactions), 0) FROM acct._reconciled_runs(p_month, p_basis) AS m JOIN acct.journal_run AS r USING (run_id) WHERE m.of_month);
BEGIN
    RETURN QUERY EXECUTE format($q$%1$s,
        gone AS (
            SELECT h.txn_id, min(h.entity_code) AS entity_code, min(h.currency) AS currency FROM (%2$s) AS h
             WHERE h.txn_month = $1 AND h.basis = $2 AND h.journal_type = 'transaction' AND h.txn_id = ANY (ARRAY(SELECT f.txn_id FROM found AS f WHERE f.state = 'no source'))
             GROUP BY h.txn_id)
        SELECT f.outcome, coalesce(f.currency, g.currency), f.is_source, f.is_staged, f.is_ledger, f.marks & 16384 = 0,
               f.transactions, f.gross, f.tabarru, f.tanahud, f.investment, f.ujroh
          FROM outcome AS f LEFT JOIN gone AS g ON g.txn_id = f.txn_id
         WHERE f.class & 8 = 0 OR f.class IS NULL AND ($6 IS NULL OR g.entity_code = $6)$q$,
        acct._transaction_outcomes('acct._transaction_groups($3, $4, 125, 51, $5)', true),
        coalesce(headers, 'SELECT x.txn_id, x.txn_month, x.entity_code, x.basis, x.currency, x.journal_type FROM acct.ledger_entry_header AS x WHERE false'))
      USING p_month, p_basis, acct._transaction_marks(p_month, p_basis, p_with_staging), acct._classed_source(p_month, p_entity, p_basis, p_source), expected, p_entity;
END
$$;
COMMENT ON FUNCTION acct._marked_transactions(date, text, text, text, boolean) IS
'Groups of a month''s transactions with what became of them in a basis (outcome), and whether source (the FROM item p_source), staging (if it is asked) and ledger have them. fits is false where journals have other codes than the transaction, or several stand.';

CREATE FUNCTION acct._reconciled_transactions(p_month date, p_entity text, p_basis text)
RETURNS TABLE (outcome text, currency text, place text, transactions numeric, gross numeric, tabarru numeric, tanahud numeric, investment numeric, ujroh numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    source CONSTANT text := acct._source_rows_kept(p_month);
    -- By the journals of a month whose source was dropped
    query CONSTANT text := CASE WHEN source IS NOT NULL THEN format('found AS (SELECT * FROM acct._marked_transactions($1, $3, $2, %L, true))', source) END;
BEGIN
    RETURN QUERY EXECUTE format($q$%s
        SELECT x.outcome, x.currency, p.place, sum(p.flag * x.n), sum(p.flag * x.gross), sum(p.flag * x.tabarru), sum(p.flag * x.tanahud), sum(p.flag * x.investment), sum(p.flag * x.ujroh)
          FROM (SELECT t.outcome, t.currency, t.is_source, t.is_staged, t.is_ledger, sum(t.transactions) AS n, sum(t.gross) AS gross,
                       sum(t.tabarru) AS tabarru, sum(t.tanahud) AS tanahud, sum(t.investment) AS investment, sum(t.ujroh) AS ujroh
                  FROM %s GROUP BY 1, 2, 3, 4, 5) AS x
         CROSS JOIN LATERAL (VALUES ('source', x.is_source::integer), ('staging', x.is_staged::integer), ('ledger', x.is_ledger::integer),
                                    ('recorded', (x.outcome = 'no source' OR x.outcome IN ('set aside', 'waived') AND NOT x.is_source)::integer)) AS p (place, flag)
         GROUP BY 1, 2, 3$q$,
        coalesce('WITH ' || query, acct._transaction_outcomes(acct._single_transactions(p_month, p_basis, NULL), false)),
        CASE WHEN query IS NULL THEN 'outcome AS t WHERE $3 IS NULL OR t.entity_code = $3' ELSE 'found AS t' END)
      USING p_month, p_basis, p_entity;
END
$$;
COMMENT ON FUNCTION acct._reconciled_transactions(date, text, text) IS
'Transactions of a month and their components by outcome and currency, as source, staging and ledger have them.';

CREATE FUNCTION acct._digest_sum(p_digests text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A word of 32 bits is never negative as a bigint.
    SELECT string_agg(lpad(to_hex((div(t.n, w.weight) % 4294967296)::bigint), 8, '0'), '' ORDER BY w.weight DESC)
      FROM (SELECT coalesce(sum(('x' || substr(d, x.n * 8 + 1, 8))::bit(32)::bigint * 4294967296::numeric ^ (3 - x.n)), 0) % 4294967296::numeric ^ 4 AS n
              FROM unnest(p_digests) AS d, generate_series(0, 3) AS x (n)) AS t,
           (SELECT round(4294967296::numeric ^ i) AS weight FROM generate_series(0, 3) AS i) AS w
$$;
COMMENT ON FUNCTION acct._digest_sum(text[]) IS
'The digest of all lines, or source rows, of which these are digests of parts: their sum modulo 2^128. Without any, 32 zeros.';

CREATE FUNCTION acct._reconciled_source(p_month date, p_basis text, OUT recorded_rows numeric, OUT recorded_digest text, OUT source_rows numeric, OUT source_digest text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    -- Runs that took batches, with all of these, whatever the basis.
    runs bigint[];
    shared boolean;
    digests text[] := ARRAY[]::text[];
    columns record;
    found record;
    id bigint;
BEGIN
    source_rows := 0;
    SELECT array_agg(r.run_id ORDER BY r.run_id), coalesce(sum(b.rows), 0), acct._digest_sum(array_agg(r.source_digest)), bool_or(b.is_shared)
      INTO runs, recorded_rows, recorded_digest, shared
      FROM acct._reconciled_runs(p_month, p_basis) AS m
      JOIN acct.journal_run AS r ON r.run_id = m.run_id AND r.reprocess_of IS NULL AND r.source_digest IS NOT NULL
     CROSS JOIN LATERAL (SELECT sum(x.source_rows) AS rows,
                                bool_or(EXISTS (SELECT FROM acct.journal_run_batch AS o WHERE o.txn_month = p_month AND o.batch_id = x.batch_id
                                                   AND o.run_id <> r.run_id AND o.released_at IS NULL)) AS is_shared
                           FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c WHERE c.run_id = r.run_id AND c.released_at IS NULL) AS x) AS b
     WHERE m.of_month AND EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE c.run_id = r.run_id AND c.basis = p_basis AND c.released_at IS NULL);
    BEGIN
        FOR columns IN SELECT r.source_columns, r.source_types, array_agg(r.run_id ORDER BY r.run_id) AS runs
                         FROM acct.journal_run AS r WHERE r.run_id = ANY (runs) GROUP BY r.source_columns, r.source_types LOOP
            IF shared OR cardinality(columns.runs) = 1
               OR EXISTS (SELECT FROM acct._changed_columns(acct._source_table(p_month), columns.source_columns, columns.source_types)) THEN
                FOREACH id IN ARRAY columns.runs LOOP
                    SELECT n.* INTO found FROM acct._source_now(id) AS n;
                    source_rows := source_rows + found.rows;
                    digests := digests || found.digest;
                END LOOP;
            ELSE
                -- Batches of many runs in one pass
                SELECT d.* INTO found FROM acct._digest_rows(format('SELECT s.* FROM %s AS s WHERE s.batch_id = ANY (%L)', acct._source_rows(p_month),
                    ARRAY(SELECT DISTINCT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = ANY (columns.runs) AND c.released_at IS NULL)), columns.source_columns) AS d;
                source_rows := source_rows + found.rows;
                digests := digests || found.digest;
            END IF;
        END LOOP;
        source_digest := CASE WHEN array_position(digests, NULL) IS NULL THEN acct._digest_sum(digests) END;
    EXCEPTION WHEN SQLSTATE 'LE002' THEN
        source_rows := NULL;
        source_digest := NULL;
    END;
END
$$;
COMMENT ON FUNCTION acct._reconciled_source(date, text) IS
'Number and digest of the source rows that a month''s runs took in a basis, as they were and as they are now: NULL where the month was dropped, the digest alone where a column is gone that it needs.';

CREATE FUNCTION acct._lines_digest(p_rows text, OUT lines bigint, OUT digest text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.lines, d.digest
      FROM acct._digest_lines(format('SELECT y.txn_id, y.je_date, y.line_no, y.entity_code, y.basis, y.account_code, y.fund, y.currency, y.product_code, y.channel, '
                                     'y.debit, y.credit FROM (%s) AS y', p_rows)) AS d
$$;
COMMENT ON FUNCTION acct._lines_digest(text) IS 'Number and digest of the lines of a query, which has the columns that a digest needs.';

CREATE FUNCTION acct._reconciled_figures(p_month date, p_entity text, p_basis text)
RETURNS TABLE (measure text, kind text, entity_code text, fund text, currency text, place text, figure numeric, digest text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (SELECT t.* FROM acct._reconciled_transactions(p_month, p_entity, p_basis) AS t),
    claim AS (
        SELECT coalesce(sum(c.source_rows), 0) AS transactions, coalesce(sum(c.source_gross), 0) AS gross
          FROM acct.journal_run_batch AS c WHERE c.txn_month = p_month AND c.basis = p_basis AND c.released_at IS NULL),
    waiting AS (
        SELECT coalesce(sum(f.transactions), 0) AS transactions, coalesce(sum(f.gross), 0) AS gross FROM found AS f WHERE f.outcome = 'not claimed' AND f.place = 'source')
    SELECT 'transactions', f.outcome, NULL::text, NULL::text, NULL::text, f.place, sum(f.transactions), NULL::text FROM found AS f
     WHERE f.place <> 'recorded' OR f.outcome IN ('no source', 'set aside', 'waived') AND f.transactions > 0 GROUP BY 2, 6
    UNION ALL
    SELECT 'transactions', 'total', NULL, NULL, NULL, 'source', sum(f.transactions), NULL FROM found AS f WHERE f.place = 'source'
    UNION ALL
    SELECT 'transactions', 'total', NULL, NULL, NULL, 'recorded', c.transactions + w.transactions, NULL FROM claim AS c, waiting AS w WHERE p_entity IS NULL
    UNION ALL
    SELECT 'transactions', 'ignored', NULL, NULL, NULL, 'recorded', i.complete + i.partial, NULL FROM acct._recorded_ignored(p_month, p_basis) AS i
     WHERE p_entity IS NULL AND i.complete + i.partial > 0
    UNION ALL
    SELECT v.measure, f.outcome, NULL, NULL, f.currency, f.place, sum(v.amount), NULL
      FROM found AS f
     CROSS JOIN LATERAL (VALUES ('gross', f.gross), ('tabarru', f.tabarru), ('tanahud', f.tanahud), ('investment', f.investment), ('ujroh', f.ujroh)) AS v (measure, amount)
     WHERE f.outcome <> 'no source' AND f.place <> 'recorded' GROUP BY 1, 2, 5, 6
    UNION ALL
    SELECT v.measure, 'total', NULL, NULL, f.currency, f.place, sum(v.amount), NULL
      FROM found AS f
     CROSS JOIN LATERAL (VALUES ('gross', f.gross), ('tabarru', f.tabarru), ('tanahud', f.tanahud), ('investment', f.investment), ('ujroh', f.ujroh)) AS v (measure, amount)
     WHERE f.outcome <> 'no source' AND f.place = 'source' GROUP BY 1, 5, 6
    UNION ALL
    -- Claims know the gross of all currencies together.
    SELECT 'gross', 'total', NULL, NULL, NULL, 'source', sum(f.gross), NULL FROM found AS f WHERE f.outcome <> 'no source' AND f.place = 'source' AND p_entity IS NULL HAVING count(*) > 0
    UNION ALL
    SELECT 'gross', 'total', NULL, NULL, NULL, 'recorded', c.gross + w.gross, NULL FROM claim AS c, waiting AS w WHERE p_entity IS NULL;
    RETURN QUERY
    SELECT 'journals', j.kind, j.entity_code, NULL::text, NULL::text, j.place, j.journals, NULL::text FROM acct._reconciled_journals(p_month, p_entity, p_basis) AS j;
    RETURN QUERY
    SELECT l.* FROM acct._reconciled_lines(p_month, p_entity, p_basis) AS l;
    RETURN QUERY
    SELECT 'digest', 'source', NULL::text, NULL::text, NULL::text, v.place, v.rows, v.digest
      FROM acct._reconciled_source(p_month, p_basis) AS d
     CROSS JOIN LATERAL (VALUES ('recorded', d.recorded_rows, d.recorded_digest), ('source', d.source_rows, d.source_digest)) AS v (place, rows, digest)
     WHERE v.rows IS NOT NULL;
END
$$;
COMMENT ON FUNCTION acct._reconciled_figures(date, text, text) IS
'All that a month is reconciled by: a row for each figure that a place has.';

CREATE FUNCTION acct._reconciled_places(p_month date, p_basis text) RETURNS TABLE (measure text, kind text, places text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    has_source CONSTANT boolean := acct._source_rows_kept(p_month) IS NOT NULL;
    has_ledger CONSTANT boolean := acct._reconciled_rows(p_month, p_basis, 'header', '{je_id}') IS NOT NULL AND acct._reconciled_rows(p_month, p_basis, 'line', '{je_id}') IS NOT NULL;
    is_staged CONSTANT boolean := EXISTS (SELECT FROM acct._reconciled_kinds(p_month, p_basis) AS k WHERE k.kind = 'transaction' AND k.is_staged);
BEGIN
    RETURN QUERY
    SELECT m.measure, o.kind, array_remove(ARRAY[CASE WHEN has_source THEN 'source' END,
               CASE WHEN o.kind IN ('total', 'ignored', 'no source') AND m.measure IN ('transactions', 'gross') THEN 'recorded' END,
               CASE WHEN o.is_booked AND is_staged AND has_source THEN 'staging' END, CASE WHEN o.is_booked AND has_ledger AND (has_source OR m.measure = 'transactions') THEN 'ledger' END], NULL)
      FROM (VALUES ('transactions'), ('gross'), ('tabarru'), ('tanahud'), ('investment'), ('ujroh')) AS m (measure)
     CROSS JOIN (VALUES ('posted', true), ('reversed', true), ('no journal', true), ('no source', true), ('set aside', false), ('waived', false), ('ignored', false),
                        ('in a run', false), ('not claimed', false), ('not in the basis', false), ('total', false)) AS o (kind, is_booked);
    RETURN QUERY
    SELECT m.measure, k.kind, array_remove(ARRAY['recorded', CASE WHEN k.is_staged THEN 'staging' END, CASE WHEN has_ledger AND k.kind <> 'not posted' THEN 'ledger' END], NULL)
      FROM (VALUES ('journals'), ('lines'), ('debit'), ('credit')) AS m (measure)
     CROSS JOIN (SELECT k.kind, k.is_staged FROM acct._reconciled_kinds(p_month, p_basis) AS k UNION ALL SELECT 'no run', false) AS k
    UNION ALL
    SELECT m.measure, 'total', array_remove(ARRAY['recorded', CASE WHEN has_ledger THEN 'ledger' END, CASE WHEN m.measure <> 'journals' THEN 'balances' END], NULL)
      FROM (VALUES ('journals'), ('lines'), ('debit'), ('credit')) AS m (measure);
END
$$;
COMMENT ON FUNCTION acct._reconciled_places(date, text) IS
'Which places can have something of each kind: what one of these does not have is 0 there, not unknown.';

CREATE FUNCTION acct._reconcile_month(p_month date, p_entity text, p_basis text)
RETURNS TABLE (measure text, kind text, entity_code text, fund text, currency text, source numeric, recorded numeric, staging numeric, ledger numeric, balances numeric,
               difference numeric, digests jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_reconcilable(p_month, p_entity, p_basis);
    RETURN QUERY
    WITH figure AS MATERIALIZED (SELECT f.* FROM acct._reconciled_figures(p_month, p_entity, p_basis) AS f),
    place AS MATERIALIZED (SELECT p.* FROM acct._reconciled_places(p_month, p_basis) AS p),
    side AS (
        SELECT f.measure, f.kind, f.entity_code, f.fund, f.currency,
               sum(f.figure) FILTER (WHERE f.place = 'source') AS source, sum(f.figure) FILTER (WHERE f.place = 'recorded') AS recorded,
               sum(f.figure) FILTER (WHERE f.place = 'staging') AS staging, sum(f.figure) FILTER (WHERE f.place = 'ledger') AS ledger,
               sum(f.figure) FILTER (WHERE f.place = 'balances') AS balances,
               jsonb_object_agg(f.place, f.digest) FILTER (WHERE f.measure = 'digest') AS digests, count(DISTINCT f.digest) AS versions
          FROM figure AS f GROUP BY 1, 2, 3, 4, 5),
    filled AS (
        -- Recorded by entity, or of some entities, is not known of everything.
        SELECT s.measure, s.kind, s.entity_code, s.fund, s.currency, s.digests, s.versions,
               CASE WHEN s.digests IS NOT NULL THEN s.source WHEN 'source' = ANY (p.places) THEN coalesce(s.source, 0) END AS source,
               CASE WHEN s.digests IS NOT NULL OR s.recorded IS NOT NULL THEN s.recorded
                    WHEN 'recorded' = ANY (p.places) AND s.measure IN ('lines', 'debit', 'credit') THEN 0
                    WHEN 'recorded' = ANY (p.places) AND p_entity IS NULL AND s.currency IS NULL THEN 0 END AS recorded,
               CASE WHEN s.digests IS NOT NULL THEN s.staging WHEN 'staging' = ANY (p.places) THEN coalesce(s.staging, 0) END AS staging,
               CASE WHEN s.digests IS NOT NULL THEN s.ledger WHEN 'ledger' = ANY (p.places) THEN coalesce(s.ledger, 0) END AS ledger,
               CASE WHEN s.digests IS NOT NULL THEN s.balances WHEN 'balances' = ANY (p.places) THEN coalesce(s.balances, 0) END AS balances
          FROM side AS s LEFT JOIN place AS p ON p.measure = s.measure AND p.kind = s.kind)
    SELECT f.measure, f.kind, f.entity_code, f.fund, f.currency, trim_scale(f.source), trim_scale(f.recorded), trim_scale(f.staging), trim_scale(f.ledger), trim_scale(f.balances),
           trim_scale(greatest(d.most - d.least, CASE WHEN f.digests IS NOT NULL AND (f.versions > 1 OR jsonb_path_exists(f.digests, '$.* ? (@ == null)')) THEN 1 ELSE 0 END)), f.digests
      FROM filled AS f
     CROSS JOIN LATERAL (SELECT greatest(f.source, f.recorded, f.staging, f.ledger, f.balances) AS most, least(f.source, f.recorded, f.staging, f.ledger, f.balances) AS least) AS d
     -- Components that no transaction has
     WHERE d.most IS NOT NULL AND (f.measure NOT IN ('tabarru', 'tanahud', 'investment', 'ujroh') OR d.most <> 0 OR d.least <> 0)
     ORDER BY array_position(ARRAY['transactions', 'gross', 'tabarru', 'tanahud', 'investment', 'ujroh', 'journals', 'lines', 'debit', 'credit', 'digest'], f.measure),
              f.entity_code NULLS FIRST, f.fund NULLS FIRST, f.currency NULLS FIRST,
              array_position(ARRAY['posted', 'reversed', 'set aside', 'waived', 'ignored', 'in a run', 'not claimed', 'not in the basis', 'no journal', 'no source',
                                   'source', 'transaction', 'dated elsewhere', 'of other months', 'not posted', 'no run', 'total'],
                             f.kind) NULLS LAST, f.kind;
END
$$;
COMMENT ON FUNCTION acct._reconcile_month(date, text, text) IS 'The work of reconcile_month().';

CREATE FUNCTION acct.reconcile_month(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY')
RETURNS TABLE (measure text, kind text, entity_code text, fund text, currency text, source numeric, recorded numeric, staging numeric, ledger numeric, balances numeric,
               difference numeric, digests jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._reconcile_month($1, $2, $3) AS r
$$;
COMMENT ON FUNCTION acct.reconcile_month(date, text, text) IS
'A month in a basis, side by side in source, record, staging, ledger and balances: transactions by outcome, their components, journals, lines and sums by fund and currency, and digests, with their difference. Raises 22023 (not a month, or an entity or basis that does not exist), LE010 (a partition of the month is detached), 40001 (a month was archived since the transaction took its snapshot).';

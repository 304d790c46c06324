-- Journal numbers: that each number of a book and month was given once, is there, and follows the order of posting.
--
-- Numbers are given under the lock of the book, by the transaction that writes the journals, and an error rolls back both. So posting leaves
-- no gap, and each gap that there is has one of the causes that the findings name.

CREATE FUNCTION acct._numbers_lost(p_month date, p_entity text, p_basis text, p_before bigint, p_after bigint, p_runs bigint[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT concat_ws(' ', CASE WHEN p_before = p_after THEN format('They lie within those of run %s.', p_before)
                               WHEN p_before IS NULL AND p_after IS NOT NULL THEN format('They lie before those of run %s.', p_after)
                               WHEN p_after IS NULL AND p_before IS NOT NULL THEN format('They lie after those of run %s.', p_before)
                               WHEN p_after IS NOT NULL THEN format('They lie between those of runs %s and %s.', p_before, p_after) END,
                     (SELECT format('Posted to the book and month, and without a journal there: %s.', string_agg('run ' || g.run_id, ', ' ORDER BY g.run_id))
                        FROM (SELECT DISTINCT t.run_id FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id
                               WHERE t.je_month = p_month AND t.entity_code = p_entity AND t.basis = p_basis AND acct._is_posted(r.status)
                                 AND NOT t.run_id = ANY (p_runs)) AS g
                      HAVING count(*) > 0))
$$;
COMMENT ON FUNCTION acct._numbers_lost(date, text, text, bigint, bigint, bigint[]) IS
'Where missing numbers of a book and month lie, between those of two runs (NULL: none), and which posted runs have no journal left there. The last argument has the runs that do.';

CREATE FUNCTION acct._numbering_broken(p_month date, p_table regclass, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, finding text, from_number text, to_number text, numbers bigint, before_run bigint, after_run bigint, before_at timestamptz, after_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH numbered AS (
            SELECT h.entity_code COLLATE "C" AS entity_code, h.basis COLLATE "C" AS basis, h.je_number COLLATE "C" AS je_number, h.run_id, h.posted_at,
                   CASE WHEN h.je_number ~ '^[0-9]{6}-(?!0{9})[0-9]{9}$' AND left(h.je_number, 6) = $2 THEN right(h.je_number, 9)::bigint END AS n
              FROM %s AS h
             WHERE h.je_date >= $1 AND h.je_date < $1 + interval '1 month' AND ($3 IS NULL OR h.entity_code = $3) AND ($4 IS NULL OR h.basis = $4)),
        compared AS (
            SELECT x.*, lag(x.n) OVER w AS before_n, lag(x.je_number) OVER w AS before_number, lag(x.run_id) OVER w AS before_run, lag(x.posted_at) OVER w AS before_at
              FROM numbered AS x WHERE x.n IS NOT NULL WINDOW w AS (PARTITION BY x.entity_code, x.basis ORDER BY x.je_number, x.posted_at)),
        broken AS MATERIALIZED (
            SELECT c.* FROM compared AS c WHERE c.n <> coalesce(c.before_n, 0) + 1 OR c.posted_at < c.before_at)
        SELECT b.entity_code, b.basis, 'missing', acct._number_name($1, coalesce(b.before_n, 0) + 1), acct._number_name($1, b.n - 1), b.n - coalesce(b.before_n, 0) - 1,
               b.before_run, b.run_id, b.before_at, b.posted_at
          FROM broken AS b WHERE b.n > coalesce(b.before_n, 0) + 1
        UNION ALL
        (SELECT d.entity_code, d.basis, 'duplicate', min(d.je_number), max(d.je_number), sum(d.copies)::bigint, min(d.before_run), max(d.run_id), NULL::timestamptz, NULL::timestamptz
           FROM (SELECT x.*, x.n - row_number() OVER (PARTITION BY x.entity_code, x.basis ORDER BY x.n) AS stretch
                   FROM (SELECT b.entity_code, b.basis, b.je_number, b.n, count(*) + 1 AS copies, min(b.before_run) AS before_run, max(b.run_id) AS run_id
                           FROM broken AS b WHERE b.n = b.before_n GROUP BY 1, 2, 3, 4) AS x) AS d
          GROUP BY d.entity_code, d.basis, d.stretch)
        UNION ALL
        SELECT b.entity_code, b.basis, 'order', b.before_number, b.je_number, 2, b.before_run, b.run_id, b.before_at, b.posted_at
          FROM broken AS b WHERE b.posted_at < b.before_at
        UNION ALL
        SELECT x.entity_code, x.basis, 'malformed', min(x.je_number), max(x.je_number), count(*), x.run_id, x.run_id, NULL, NULL
          FROM numbered AS x WHERE x.n IS NULL GROUP BY x.entity_code, x.basis, x.run_id$q$, p_table)
      USING p_month, to_char(p_month, 'YYYYMM'), p_entity, p_basis;
END
$$;
COMMENT ON FUNCTION acct._numbering_broken(date, regclass, text, text) IS
'Where the numbers of a month''s journals are not consecutive, or not in the order of posting: stretches of missing and duplicate numbers, neighbours in the wrong order, and those that are no numbers of the month.';

CREATE FUNCTION acct._number_name(p_month date, p_number bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('%s-%s', to_char(p_month, 'YYYYMM'), CASE WHEN p_number < 1000000000 THEN lpad(p_number::text, 9, '0') ELSE p_number::text END)
$$;
COMMENT ON FUNCTION acct._number_name(date, bigint) IS 'The journal number with a count, such as 202501-000000042.';

CREATE FUNCTION acct._run_numbers(p_query text, p_month text)
RETURNS TABLE (entity_code text, basis text, run_id bigint, journals bigint, first_n bigint, last_n bigint, first_number text, last_number text, first_at timestamptz, last_at timestamptz,
               is_consecutive boolean)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_run_numbers';
COMMENT ON FUNCTION acct._run_numbers(text, text) IS
'Journals of a query (entity_code, basis, run_id, je_number, posted_at) by book and run, with their numbers of a month and times; is_consecutive: each number from the first to the last is there once.';

CREATE FUNCTION acct._numbered_runs(p_month date, p_table regclass, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, run_id bigint, journals bigint, first_n bigint, last_n bigint, first_number text, last_number text, first_at timestamptz, last_at timestamptz,
               is_in_order boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY
    SELECT r.entity_code COLLATE "C", r.basis COLLATE "C", r.run_id, r.journals, r.first_n, r.last_n, r.first_number COLLATE "C", r.last_number COLLATE "C", r.first_at, r.last_at,
           r.is_consecutive AND r.first_at = r.last_at AND r.first_n = lag(r.last_n, 1, 0::bigint) OVER w + 1 AND r.first_at >= lag(r.last_at, 1, '-infinity'::timestamptz) OVER w
      FROM acct._run_numbers(format('SELECT h.entity_code, h.basis, h.run_id, h.je_number, h.posted_at FROM %s AS h WHERE h.je_date >= %L AND h.je_date < %L%s%s', p_table, p_month,
                                    (p_month + interval '1 month')::date, CASE WHEN p_entity IS NOT NULL THEN format(' AND h.entity_code = %L', p_entity) END, CASE WHEN p_basis IS NOT NULL THEN format(' AND h.basis = %L', p_basis) END),
                             to_char(p_month, 'YYYYMM')) AS r
    WINDOW w AS (PARTITION BY r.entity_code COLLATE "C", r.basis COLLATE "C" ORDER BY r.first_n, r.last_n);
END
$$;
COMMENT ON FUNCTION acct._numbered_runs(date, regclass, text, text) IS
'The runs that a month''s journals are of, by book, with their numbers and times. Where is_in_order is true of all, each number from 1 on is there once, in the order of posting.';

CREATE FUNCTION acct._numbering_of_month(p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, finding text, from_number text, to_number text, numbers bigint, run_id bigint, explanation text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    no_gap CONSTANT text := 'Numbers are given in the transaction that writes the journals, under the lock of the book, and an error rolls back both: posting leaves no gap.';
    headers CONSTANT regclass := acct._report_table('ledger_entry_header', p_month);
BEGIN
    RETURN QUERY
    WITH run AS MATERIALIZED (
        SELECT n.* FROM acct._numbered_runs(p_month, headers, p_entity, p_basis) AS n),
    book AS MATERIALIZED (
        SELECT entity_code, basis, coalesce(r.journals, 0) AS journals, coalesce(r.last_n, 0) AS last_n, r.runs, r.last_run, c.last_number AS given
          FROM (SELECT x.entity_code, x.basis, sum(x.journals)::bigint AS journals, max(x.last_n) AS last_n, array_agg(x.run_id) AS runs,
                       (array_agg(x.run_id ORDER BY x.last_n DESC NULLS LAST))[1] AS last_run
                  FROM run AS x GROUP BY x.entity_code, x.basis) AS r
          FULL JOIN (SELECT n.entity_code, n.basis, n.last_number FROM acct.journal_number AS n
                      WHERE n.period_month = p_month AND n.last_number > 0 AND (p_entity IS NULL OR n.entity_code = p_entity) AND (p_basis IS NULL OR n.basis = p_basis)) AS c
            USING (entity_code, basis)),
    found AS MATERIALIZED (
        SELECT b.entity_code, b.basis, b.finding, b.from_number, b.to_number, b.numbers, CASE WHEN b.before_run = b.after_run THEN b.after_run END AS run_id,
               CASE b.finding
               WHEN 'missing' THEN concat_ws(' ', no_gap, 'Journals with these numbers were posted, and a superuser removed or renumbered them, or a table was restored without them.',
                                             acct._numbers_lost(p_month, b.entity_code, b.basis, b.before_run, b.after_run, k.runs))
               WHEN 'duplicate' THEN format('A unique index of the month refuses a number twice, so it was dropped or damaged, or the rows were written past it. %s have these numbers.',
                                            CASE WHEN b.before_run = b.after_run THEN format('Journals of run %s', b.after_run) ELSE format('Journals of runs %s and %s', b.before_run, b.after_run) END)
               WHEN 'malformed' THEN format('Posting gives %s- and nine digits, from 000000001 on. These numbers of run %s were changed, or their journals were not written by posting.', to_char(p_month, 'YYYYMM'), b.after_run)
               ELSE format('The second number is of a journal that was posted at %s, earlier than the first at %s. ', b.after_at, b.before_at)
                    || CASE WHEN b.before_run = b.after_run THEN format('All journals of run %s have one time, so a time or a number was changed.', b.after_run)
                            WHEN p.post_started_at IS NULL OR q.post_started_at IS NULL
                            THEN format('Version 0.1.0, which posted run %s, took the time before the lock of the book, so that runs that waited for each other can have changed places.',
                                        concat_ws(' and run ', CASE WHEN p.post_started_at IS NULL THEN b.before_run END, CASE WHEN q.post_started_at IS NULL THEN b.after_run END))
                            WHEN (p.posted_at, q.posted_at) = (b.before_at, b.after_at)
                            THEN format('The records of runs %s and %s have these times, too: the clock of the server was set back between them, or the numbers were exchanged.', b.before_run, b.after_run)
                            ELSE format('The record of run %s has another time: times or numbers of journals were changed.', CASE WHEN p.posted_at IS DISTINCT FROM b.before_at THEN b.before_run ELSE b.after_run END) END
               END AS explanation
          -- Journals are sorted where the order of the runs does not say that all follow each other.
          FROM (SELECT headers AS relation WHERE EXISTS (SELECT FROM run AS n WHERE n.is_in_order IS NOT TRUE)) AS o
         CROSS JOIN LATERAL acct._numbering_broken(p_month, o.relation, p_entity, p_basis) AS b
          JOIN book AS k ON k.entity_code = b.entity_code AND k.basis = b.basis
          LEFT JOIN acct.journal_run AS p ON p.run_id = b.before_run
          LEFT JOIN acct.journal_run AS q ON q.run_id = b.after_run
        UNION ALL
        SELECT b.entity_code, b.basis, 'missing', acct._number_name(p_month, b.last_n + 1), acct._number_name(p_month, b.given), b.given - b.last_n, NULL,
               concat_ws(' ', no_gap, format('By acct.journal_number, numbers up to %s were given: the last journals were removed by a superuser, or the table of counters is of a later backup than the journals.',
                                             acct._number_name(p_month, b.given)), acct._numbers_lost(p_month, b.entity_code, b.basis, b.last_run, NULL, coalesce(b.runs, '{}')))
          FROM book AS b WHERE b.given > b.last_n
        UNION ALL
        SELECT b.entity_code, b.basis, 'counter', acct._number_name(p_month, coalesce(b.given, 0) + 1), acct._number_name(p_month, b.last_n), b.last_n - coalesce(b.given, 0), b.last_run,
               format('By acct.journal_number, %s. The counter was changed, or is of an earlier backup than the journals, or these were not written by posting. The next posting to the month would give numbers that there are, and fail.',
                      CASE WHEN b.given IS NULL THEN 'no number was given' ELSE format('numbers up to %s were given', acct._number_name(p_month, b.given)) END)
          FROM book AS b WHERE b.last_n > coalesce(b.given, 0)
        UNION ALL
        SELECT n.entity_code, n.basis, 'time', n.first_number, n.last_number, n.journals, n.run_id,
               CASE WHEN r.run_id IS NULL THEN format('There is no record of run %s: it was removed, or the journals were not written by posting.', n.run_id)
                    WHEN n.first_at <> n.last_at THEN format('The journals of run %s have more than one time, from %s to %s, and posting gives them one: times were changed.', n.run_id, n.first_at, n.last_at)
                    ELSE format('The journals of run %s were posted at %s, by its record at %s: one of them was changed.', n.run_id, n.first_at, coalesce(r.posted_at::text, 'no time')) END
          FROM run AS n LEFT JOIN acct.journal_run AS r ON r.run_id = n.run_id
         WHERE r.run_id IS NULL OR r.post_started_at IS NOT NULL AND (n.first_at <> n.last_at OR n.first_at IS DISTINCT FROM r.posted_at))
    SELECT f.* FROM found AS f
    UNION ALL
    SELECT b.entity_code, b.basis, 'in order', acct._number_name(p_month, 1), acct._number_name(p_month, b.last_n), b.journals, NULL,
           'Each number that was given is there once, and the numbers follow the order of posting.'
      FROM book AS b WHERE NOT EXISTS (SELECT FROM found AS f WHERE f.entity_code = b.entity_code AND f.basis = b.basis);
END
$$;
COMMENT ON FUNCTION acct._numbering_of_month(date, text, text) IS 'The rows of check_numbering() of a month that was not dropped.';

CREATE FUNCTION acct._numbering_dropped(p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, finding text, from_number text, to_number text, numbers bigint, run_id bigint, explanation text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT n.entity_code, n.basis, 'dropped', acct._number_name(p_month, 1), acct._number_name(p_month, n.last_number), n.last_number, NULL::bigint,
           concat_ws(' ', format('The month was dropped on %s by %s, as acct.retention_policy has it, so its numbers cannot be read. By acct.journal_number, these were given.', to_char(a.dropped_at, 'YYYY-MM-DD'), a.dropped_by),
                     CASE WHEN a.manifest IS NOT NULL THEN 'acct.archived_partition.manifest names the files that it was exported to.' END)
      FROM acct.archived_partition AS a
      JOIN acct.journal_number AS n ON n.period_month = a.month AND n.last_number > 0
     WHERE a.table_name = 'ledger_entry' AND a.month = p_month AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL
       AND (p_entity IS NULL OR n.entity_code = p_entity) AND (p_basis IS NULL OR n.basis = p_basis)
$$;
COMMENT ON FUNCTION acct._numbering_dropped(date, text, text) IS 'The rows of check_numbering() of a month that was dropped.';

CREATE FUNCTION acct._check_numbering(p_month date, p_entity text, p_basis text)
RETURNS TABLE (month date, entity_code text, basis text, finding text, from_number text, to_number text, numbers bigint, run_id bigint, explanation text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    m date;
BEGIN
    PERFORM acct._require_layout();
    IF p_month IS NOT NULL THEN
        PERFORM acct._require_month(p_month);
    END IF;
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    FOR m IN SELECT n.period_month FROM acct.journal_number AS n WHERE n.last_number > 0 AND (p_month IS NULL OR n.period_month = p_month)
             UNION SELECT x.month FROM acct._months_with_partitions('acct.ledger_entry_header') AS x WHERE p_month IS NULL OR x.month = p_month
             UNION SELECT a.month FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND (p_month IS NULL OR a.month = p_month)
             ORDER BY 1 LOOP
        RETURN QUERY
        SELECT m, x.entity_code, x.basis, x.finding, x.from_number, x.to_number, x.numbers, x.run_id, x.explanation
          FROM (SELECT d.* FROM acct._numbering_dropped(m, p_entity, p_basis) AS d
                UNION ALL
                SELECT f.* FROM acct._numbering_of_month(m, p_entity, p_basis) AS f
                 WHERE NOT acct._is_dropped('ledger_entry', m)) AS x
         ORDER BY x.entity_code, x.basis, x.from_number, x.finding;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._check_numbering(date, text, text) IS 'The work of check_numbering().';

CREATE FUNCTION acct.check_numbering(month date DEFAULT NULL, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (month date, entity_code text, basis text, finding text, from_number text, to_number text, numbers bigint, run_id bigint, explanation text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT n.* FROM acct._check_numbering($1, $2, $3) AS n
$$;
COMMENT ON FUNCTION acct.check_numbering(date, text, text) IS
'Checks the journal numbers of months, also archived ones, and books: a row for each book and month in order, or one for each stretch of missing or duplicate numbers and each break of the order of posting, explained. Raises 22023 (not a month, or the entity or basis does not exist), 40001 (a month was archived since the transaction took its snapshot), LE010 (a partition is detached).';

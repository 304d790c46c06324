-- verify_ledger(): everything that is sealed, computed again and compared, and what came of the last time that all of it was.

CREATE FUNCTION acct._layout_verification() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.ledger_verification (
        verification_id bigint GENERATED ALWAYS AS IDENTITY,
        started_at timestamptz NOT NULL,
        ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        verified_by text NOT NULL DEFAULT session_user,
        from_month date,
        to_month date,
        entity_code text COLLATE "C",
        basis text COLLATE "C",
        seals bigint NOT NULL,
        headers bigint NOT NULL,
        lines bigint NOT NULL,
        findings bigint NOT NULL,
        first_finding text,
        CONSTRAINT ledger_verification_pkey PRIMARY KEY (verification_id)
    );
    PERFORM acct._make_immutable('acct.ledger_verification', 'ledger_verification_immutable');
END
$layout$;
COMMENT ON FUNCTION acct._layout_verification() IS 'The part of install() that creates the record of verifications.';

CREATE FUNCTION acct._comment_verification() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.ledger_verification IS 'Each call of acct.verify_ledger() that could write: when, who, what it read, and what it found. Never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_verification.verification_id IS 'Number of the verification.';
    COMMENT ON COLUMN acct.ledger_verification.started_at IS 'When it began, by the clock.';
    COMMENT ON COLUMN acct.ledger_verification.ended_at IS 'When it ended, by the clock.';
    COMMENT ON COLUMN acct.ledger_verification.verified_by IS 'Session user who called it.';
    COMMENT ON COLUMN acct.ledger_verification.from_month IS 'First month, as its first day; NULL: from the beginning.';
    COMMENT ON COLUMN acct.ledger_verification.to_month IS 'Last month, as its first day; NULL: to the end.';
    COMMENT ON COLUMN acct.ledger_verification.entity_code IS 'Legal entity; NULL: all.';
    COMMENT ON COLUMN acct.ledger_verification.basis IS 'Accounting basis; NULL: all.';
    COMMENT ON COLUMN acct.ledger_verification.seals IS 'Seals that were read.';
    COMMENT ON COLUMN acct.ledger_verification.headers IS 'Journals that were compared with seals and are as they were sealed.';
    COMMENT ON COLUMN acct.ledger_verification.lines IS 'Lines that were compared with seals and are as they were sealed.';
    COMMENT ON COLUMN acct.ledger_verification.findings IS 'Number of findings; 0: all is as it was sealed.';
    COMMENT ON COLUMN acct.ledger_verification.first_finding IS 'The first finding, in words; NULL: there is none.';
    COMMENT ON TRIGGER ledger_verification_immutable ON acct.ledger_verification IS 'The record of verifications refuses UPDATE, DELETE and TRUNCATE (LE007).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_verification() IS 'The part of install() that describes the objects of verify.sql.';

CREATE FUNCTION acct._unsealed_is_history(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce((SELECT acct._is_posted(r.status) FROM acct.journal_run AS r WHERE r.run_id = p_run_id), false)
           AND (NOT EXISTS (SELECT FROM acct.ledger_seal)
                -- Two books may have begun at the same time.
                OR coalesce((SELECT bool_and(p_run_id <@ acct._numbers_of(acct._seal_line(s.body, 'unsealed_runs')))
                               FROM acct.ledger_seal AS s WHERE s.seal_number = 1 AND strpos(s.body, E'\nunsealed_runs ') > 0), false))
$$;
COMMENT ON FUNCTION acct._unsealed_is_history(bigint) IS 'Does the ledger''s first seal name a run as one that was posted before there were seals?';

CREATE FUNCTION acct._seal_findings(p_entity text, p_basis text)
RETURNS TABLE (check_name text, entity_code text, basis text, seal_number bigint, run_id bigint, expected text, actual text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH seal AS MATERIALIZED (
        SELECT s.*, sha256(decode('00', 'hex') || acct._utf8(s.body)) AS hash, lag(s.seal_hash) OVER w AS before_hash, lag(s.seal_number, 1, 0::bigint) OVER w AS before_number
          FROM acct.ledger_seal AS s
         WHERE (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)
        WINDOW w AS (PARTITION BY s.entity_code, s.basis ORDER BY s.seal_number))
    SELECT f.check_name, s.entity_code, s.basis, s.seal_number, s.run_id, f.expected, f.actual
      FROM seal AS s LEFT JOIN acct.journal_run AS r ON r.run_id = s.run_id
     CROSS JOIN LATERAL (
        SELECT 'seal', concat_ws(' ', 'hash', encode(s.seal_hash, 'hex')), concat_ws(' ', 'hash', encode(s.hash, 'hex')) WHERE s.seal_hash IS DISTINCT FROM s.hash
        UNION ALL
        SELECT 'seal', format('seal %s', s.before_number + 1), format('seal %s', s.seal_number) WHERE s.seal_number <> s.before_number + 1
        UNION ALL
        SELECT 'seal', 'previous ' || coalesce(encode(s.before_hash, 'hex'), repeat('0', 64)), 'previous ' || coalesce(acct._seal_line(s.body, 'previous'), '-')
         WHERE s.seal_number = s.before_number + 1 AND acct._seal_line(s.body, 'previous') IS DISTINCT FROM coalesce(encode(s.before_hash, 'hex'), repeat('0', 64))
        UNION ALL
        SELECT 'seal', format('%s %s', x.name, coalesce(acct._seal_line(s.body, x.name), '-')), format('%s %s', x.name, coalesce(x.value, '-'))
          FROM (VALUES ('ledger_engine_seal', '1'), ('entity', s.entity_code), ('basis', s.basis), ('number', s.seal_number::text), ('kind', s.kind),
                       ('sealed_at', acct._seal_time(s.sealed_at))) AS x (name, value)
         WHERE acct._seal_line(s.body, x.name) IS DISTINCT FROM x.value
        UNION ALL
        SELECT 'seal', format('%s %s', x.name, coalesce(acct._seal_line(s.body, x.name), '-')), format('%s %s', x.name, coalesce(x.value, '-'))
          FROM (VALUES ('run', s.run_id::text), ('month', to_char(s.period_month, 'YYYY-MM-DD'))) AS x (name, value)
         -- An event is compared with these columns, which are not in its hash.
         WHERE acct._seal_line(s.body, x.name) IS DISTINCT FROM x.value
        UNION ALL
        SELECT 'run_record', format('%s %s', x.name, coalesce(acct._seal_line(s.body, x.name), '-')), format('%s %s', x.name, coalesce(x.value, '-'))
          FROM (VALUES ('run_kind', r.kind), ('run_key', r.run_key), ('txn_month', to_char(r.txn_month, 'YYYY-MM-DD')), ('posted_at', acct._seal_time(r.posted_at)),
                       ('posted_by', r.posted_by), ('digest', r.digest), ('source_digest', r.source_digest), ('policy_digest', r.policy_digest)) AS x (name, value)
         WHERE s.kind IN ('run', 'exceptions') AND r.run_id IS NOT NULL AND acct._seal_line(s.body, x.name) IS DISTINCT FROM x.value AND (s.kind = 'run' OR x.name <> 'digest')
        UNION ALL
        SELECT 'run_record', 'status posted or reversed', 'status ' || r.status WHERE s.kind IN ('run', 'exceptions') AND NOT acct._is_posted(r.status)
        UNION ALL
        SELECT 'run_record', format('run %s', s.run_id), 'no record' WHERE s.kind IN ('run', 'exceptions') AND r.run_id IS NULL
        UNION ALL
        SELECT 'exceptions', format('%s exceptions, root %s', acct._seal_line(s.body, 'exceptions'), left(acct._seal_line(s.body, 'exception_root'), 16)),
               format('%s exceptions, root %s', e.exceptions, left(encode(e.root, 'hex'), 16))
          FROM acct._exception_root(s.run_id, coalesce(acct._seal_line(s.body, 'exception_basis'), s.basis)) AS e
         WHERE s.kind IN ('run', 'exceptions') AND (acct._seal_line(s.body, 'exceptions'), acct._seal_line(s.body, 'exception_root')) IS DISTINCT FROM (e.exceptions::text, encode(e.root, 'hex'))
        UNION ALL
        -- Those of a correction never count, and those of other runs that are posted do.
        SELECT 'exceptions', 'no exception is void', format('%s exceptions are void', count(*))
          FROM acct.je_exception AS e
         WHERE s.kind IN ('run', 'exceptions') AND e.run_id = s.run_id AND e.basis = coalesce(acct._seal_line(s.body, 'exception_basis'), s.basis)
           AND e.voided_at IS NOT NULL AND acct._seal_line(s.body, 'run_kind') <> 'correction' HAVING count(*) > 0
        ) AS f (check_name, expected, actual)
    UNION ALL
    -- What the seals of a run say together, and its record.
    SELECT 'run_record', x.entity_code, x.basis, x.seal_number, x.run_id, format('%s journals, %s lines', x.headers, x.lines), format('%s journals, %s lines', r.journals, r.lines)
      FROM (SELECT s.run_id, min(s.entity_code) AS entity_code, min(s.basis) AS basis, min(s.seal_number) AS seal_number,
                   sum(acct._seal_line(s.body, 'headers')::numeric) AS headers, sum(acct._seal_line(s.body, 'lines')::numeric) AS lines
              FROM acct.ledger_seal AS s WHERE s.kind = 'run' GROUP BY s.run_id) AS x
      JOIN acct.journal_run AS r ON r.run_id = x.run_id
     WHERE (r.journals, r.lines) IS DISTINCT FROM (x.headers, x.lines) AND p_entity IS NULL AND p_basis IS NULL
    UNION ALL
    SELECT 'exceptions', '', x.basis, NULL, x.run_id, 'exceptions with a seal', format('%s exceptions', x.exceptions)
      FROM (SELECT e.run_id, e.basis, count(*) AS exceptions FROM acct.je_exception AS e JOIN acct.journal_run AS r ON r.run_id = e.run_id
             WHERE acct._is_posted(r.status) AND (p_basis IS NULL OR e.basis = p_basis) AND p_entity IS NULL GROUP BY e.run_id, e.basis) AS x
     WHERE NOT EXISTS (SELECT FROM acct.ledger_seal AS s
                        WHERE s.run_id = x.run_id AND (s.kind = 'run' AND s.basis = x.basis OR s.kind = 'exceptions' AND acct._seal_line(s.body, 'exception_basis') = x.basis))
       AND NOT acct._unsealed_is_history(x.run_id)
$$;
COMMENT ON FUNCTION acct._seal_findings(text, text) IS
'Seals that do not have their hash, do not follow the one before or are missing, columns that do not repeat what a seal says, and records of runs and exceptions that are not those that were sealed.';

CREATE FUNCTION acct._entry_findings(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (check_name text, passed boolean, entity_code text, basis text, seal_id bigint, seal_number bigint, run_id bigint, month date, kind smallint, section_no integer, section text[],
               je_id bigint, finding text, expected text, actual text, seals bigint, headers bigint, lines bigint, dropped bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH c AS MATERIALIZED (
        SELECT x.* FROM acct._compared_sections(p_from, p_to, p_entity, p_basis) AS x),
    line AS MATERIALIZED (
        SELECT c.* FROM c WHERE c.kind = 2 AND c.finding NOT IN ('missing', 'unreadable')),
    dropped AS MATERIALIZED (
        SELECT m.month FROM acct._months_to_verify(p_from, p_to) AS m WHERE m.is_dropped),
    -- Of these no sums are known.
    unread AS MATERIALIZED (
        SELECT c.month FROM c WHERE c.finding = 'unreadable'
        UNION SELECT d.month FROM dropped AS d WHERE EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.je_month = d.month AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = t.run_id)))
    SELECT CASE c.kind WHEN 1 THEN 'headers' WHEN 2 THEN 'lines' ELSE 'entries' END, CASE WHEN c.finding = 'unsealed' AND acct._unsealed_is_history(c.run_id) THEN NULL ELSE false END,
           c.entity_code, c.basis, c.seal_id, c.seal_number, c.run_id, c.month, c.kind, c.section_no, CASE c.kind WHEN 2 THEN ARRAY[c.fund, c.account_code, c.currency] END,
           c.je_id, c.finding, coalesce(c.expected, CASE c.finding WHEN 'unsealed' THEN 'rows with a seal' WHEN 'unreadable' THEN 'entries' ELSE 'no rows' END), c.actual, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
      FROM c WHERE c.finding NOT IN ('same', 'dropped', 'no evidence')
    UNION ALL
    SELECT 'evidence', false, c.entity_code, c.basis, c.seal_id, c.seal_number, c.run_id, NULL, NULL, NULL, NULL, NULL, c.finding, c.expected, c.actual, NULL, NULL, NULL, NULL FROM c WHERE c.finding = 'no evidence'
    UNION ALL
    SELECT 'run_totals', false, entity_code, basis, NULL, NULL, run_id, month, NULL, NULL, ARRAY[fund, account_code, currency], NULL, NULL,
           format('%s lines, debit %s, credit %s', coalesce(l.row_count, 0), coalesce(l.debit, 0), coalesce(l.credit, 0)),
           format('%s lines, debit %s, credit %s', coalesce(t.line_count, 0), coalesce(t.debit, 0), coalesce(t.credit, 0)), NULL, NULL, NULL, NULL
      FROM (SELECT x.run_id, x.entity_code, x.basis, x.month, x.fund, x.account_code, x.currency, x.row_count, x.debit, x.credit FROM line AS x WHERE x.seal_kind = 'run') AS l
      FULL JOIN (SELECT t.run_id, t.entity_code, t.basis, t.je_month AS month, t.fund, t.account_code, t.currency, t.line_count, t.debit, t.credit
                   FROM acct.journal_run_total AS t JOIN acct.journal_run AS r ON r.run_id = t.run_id
                  WHERE acct._is_posted(r.status) AND (p_from IS NULL OR t.je_month >= p_from) AND (p_to IS NULL OR t.je_month <= p_to)
                    AND (p_entity IS NULL OR t.entity_code = p_entity) AND (p_basis IS NULL OR t.basis = p_basis)
                    -- The record of a run that nothing was posted of is forged.
                    AND (EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = t.run_id) OR NOT acct._unsealed_is_history(t.run_id))) AS t
             USING (run_id, entity_code, basis, month, fund, account_code, currency)
     WHERE (coalesce(l.row_count, 0), coalesce(l.debit, 0), coalesce(l.credit, 0)) <> (coalesce(t.line_count, 0), coalesce(t.debit, 0), coalesce(t.credit, 0))
       AND month NOT IN (SELECT u.month FROM unread AS u)
    UNION ALL
    SELECT 'balances', false, entity_code, basis, NULL, NULL, NULL, month, NULL, NULL, ARRAY[fund, account_code, currency], NULL, NULL,
           format('%s lines, debit %s, credit %s', coalesce(l.row_count, 0), coalesce(l.debit, 0), coalesce(l.credit, 0)),
           format('%s lines, debit %s, credit %s', coalesce(b.line_count, 0), coalesce(b.period_debit, 0), coalesce(b.period_credit, 0)), NULL, NULL, NULL, NULL
      FROM (SELECT x.entity_code, x.basis, x.month, x.fund, x.account_code, x.currency, sum(x.row_count) AS row_count, sum(x.debit) AS debit, sum(x.credit) AS credit
              FROM line AS x GROUP BY 1, 2, 3, 4, 5, 6) AS l
      FULL JOIN (SELECT s.entity_code, s.basis, s.snapshot_month AS month, s.fund, s.account_code, s.currency, s.line_count, s.period_debit, s.period_credit FROM acct.account_balance_snapshot AS s
                  WHERE (p_from IS NULL OR s.snapshot_month >= p_from) AND (p_to IS NULL OR s.snapshot_month <= p_to)
                    AND (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)) AS b
             USING (entity_code, basis, month, fund, account_code, currency)
     WHERE (coalesce(l.row_count, 0), coalesce(l.debit, 0), coalesce(l.credit, 0)) <> (coalesce(b.line_count, 0), coalesce(b.period_debit, 0), coalesce(b.period_credit, 0))
       AND month NOT IN (SELECT u.month FROM unread AS u)
    UNION ALL
    SELECT 'book', true, b.entity_code, b.basis, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, coalesce(s.seals, 0),
           coalesce(x.headers, 0), coalesce(x.lines, 0), coalesce(x.dropped, 0)
      FROM (SELECT c.entity_code, c.basis FROM c WHERE c.entity_code IS NOT NULL
            UNION SELECT s.entity_code, s.basis FROM acct.ledger_seal AS s WHERE (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)) AS b
      LEFT JOIN (SELECT c.entity_code, c.basis, sum(c.row_count) FILTER (WHERE c.finding = 'same' AND c.kind = 1)::bigint AS headers,
                        sum(c.row_count) FILTER (WHERE c.finding = 'same' AND c.kind = 2)::bigint AS lines, sum(c.row_count) FILTER (WHERE c.finding = 'dropped' AND c.kind = 2)::bigint AS dropped
                   FROM c GROUP BY 1, 2) AS x ON (x.entity_code, x.basis) = (b.entity_code, b.basis)
      LEFT JOIN (SELECT s.entity_code, s.basis, count(*) AS seals FROM acct.ledger_seal AS s GROUP BY 1, 2) AS s ON (s.entity_code, s.basis) = (b.entity_code, b.basis)
$$;
COMMENT ON FUNCTION acct._entry_findings(date, date, text, text) IS
'Sections of entries that are not what was sealed, totals of runs and balances that are not those of the lines. A row for each book has the numbers of its seals, and of headers and lines that are as they were sealed.';

CREATE FUNCTION acct._carried_findings(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, month date, section text[], expected text, actual text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.entity_code, x.basis, x.snapshot_month, ARRAY[x.fund, x.account_code, x.currency],
           format('opening balance %s', x.carried), format('opening balance %s', x.opening_balance)
      FROM (SELECT s.*, coalesce(sum(s.period_debit - s.period_credit) OVER (PARTITION BY s.entity_code, s.basis, s.fund, s.account_code, s.currency ORDER BY s.snapshot_month
                                                                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS carried
              FROM acct.account_balance_snapshot AS s
             WHERE (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)) AS x
     WHERE (x.opening_balance IS DISTINCT FROM x.carried OR x.closing_balance IS DISTINCT FROM x.carried + x.period_debit - x.period_credit)
       AND (p_from IS NULL OR x.snapshot_month >= p_from) AND (p_to IS NULL OR x.snapshot_month <= p_to)
$$;
COMMENT ON FUNCTION acct._carried_findings(date, date, text, text) IS 'Balances that do not open with what the months before come to.';

CREATE FUNCTION acct._seals_without_columns(p_entity text, p_basis text) RETURNS TABLE (table_name text, column_name text, seal_id bigint, entity_code text, basis text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT k.name, a.attname::text, s.seal_id, s.entity_code, s.basis
      FROM (VALUES ('ledger_entry_header', 'header_columns', ARRAY['entity_code', 'basis']),
                   ('ledger_entry_line', 'line_columns', ARRAY['entity_code', 'basis', 'fund', 'account_code', 'currency'])) AS k (name, list, keys)
      JOIN pg_attribute AS a ON a.attrelid = format('acct.%I', k.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (k.keys)
      JOIN acct.ledger_seal AS s ON s.kind IN ('run', 'month') AND (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)
     WHERE strpos(',' || acct._seal_line(s.body, k.list), ',' || replace(replace(replace(a.attname::text, chr(92), repeat(chr(92), 2)), ',', chr(92) || ','), ':', chr(92) || ':') || ':') = 0
$$;
COMMENT ON FUNCTION acct._seals_without_columns(text, text) IS 'Columns of headers and lines that some seals do not have, because they were added later, with each of these seals.';

CREATE FUNCTION acct._columns_added(p_entity text, p_basis text) RETURNS TABLE (entity_code text, basis text, table_name text, column_name text, seals bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT w.entity_code, w.basis, w.table_name, w.column_name, count(*) FROM acct._seals_without_columns(p_entity, p_basis) AS w GROUP BY 1, 2, 3, 4
$$;
COMMENT ON FUNCTION acct._columns_added(text, text) IS 'Columns of headers and lines that some seals do not have, because they were added later, with the number of these seals.';

CREATE FUNCTION acct._later_values(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, month date, je_id bigint, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_nestloop = off SET extra_float_digits = 1 AS $$
DECLARE
    later record;
    is_sealed text;
    has_value text;
BEGIN
    -- Only months of entries whose seal lacks a column are read, once for each such column.
    FOR later IN
        SELECT x.table_name, x.column_name, x.seals, m.month, l.leaf, a.atthasmissing, (a.attmissingval::text::text[])[1] AS missing
          FROM (SELECT w.table_name, w.column_name, array_agg(w.seal_id) AS seals FROM acct._seals_without_columns(p_entity, p_basis) AS w GROUP BY 1, 2) AS x
         CROSS JOIN acct._months_to_verify(p_from, p_to) AS m
         CROSS JOIN LATERAL unnest(acct._entry_leaves(x.table_name, m.month)) AS l (leaf)
          -- Generated columns have values always.
          JOIN pg_attribute AS a ON a.attrelid = l.leaf AND a.attname = x.column_name AND NOT a.attisdropped AND a.attgenerated = ''
         WHERE EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.seal_id = ANY (x.seals)
                          AND (s.period_month = m.month AND s.kind = 'month'
                               OR s.kind = 'run' AND EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = s.run_id AND t.je_month = m.month)))
         ORDER BY m.month, x.table_name, x.column_name, l.leaf
    LOOP
        is_sealed := format($q$%s AS x WHERE ((x.run_id, x.entity_code, x.basis) IN (SELECT s.run_id, s.entity_code, s.basis FROM acct.ledger_seal AS s WHERE s.seal_id = ANY ($1) AND s.kind = 'run')
                    OR (x.entity_code, x.basis) IN (SELECT s.entity_code, s.basis FROM acct.ledger_seal AS s WHERE s.seal_id = ANY ($1) AND s.kind = 'month' AND s.period_month = $2)
                       AND (x.run_id, x.entity_code, x.basis) NOT IN (SELECT s.run_id, s.entity_code, s.basis FROM acct.ledger_seal AS s WHERE s.kind = 'run'))$q$, later.leaf);
        IF later.atthasmissing THEN
            -- A default was given: entries from before show that, as the type writes it, which its cast to text need not.
            has_value := format('(num_nulls(x.%1$I) > 0 OR format(''%%s'', x.%1$I) <> %2$L)', later.column_name, later.missing);
        ELSE
            -- A table that was rewritten, or restored from a dump, has the default in each of these rows, whether the column still has it or not.
            has_value := format($q$CASE WHEN num_nulls(x.%1$I) = 0 THEN format('%%s', x.%1$I) IS DISTINCT FROM
                                        (SELECT CASE WHEN num_nulls(x.%1$I) = 0 THEN format('%%s', x.%1$I) COLLATE "C" END AS given FROM %2$s GROUP BY 1 ORDER BY count(*) DESC, given NULLS FIRST LIMIT 1) END$q$,
                                later.column_name, is_sealed);
        END IF;
        RETURN QUERY EXECUTE format($q$
            SELECT x.entity_code, x.basis, $2, min(x.je_id), %L, CASE count(*) WHEN 1 THEN '1 row has a value' ELSE count(*) || ' rows have a value' END
              FROM %s AND %s GROUP BY x.entity_code, x.basis$q$,
            format('no value in %s.%s, which was added after the seal', later.table_name, later.column_name), is_sealed, has_value)
          USING later.seals, later.month;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._later_values(date, date, text, text) IS
'Entries that have a value in a column that was added after they were sealed, by table that holds them. Posted entries never change, so somebody wrote it past the triggers; where the table does not keep apart what a default gave, the value of most of these rows is that.';

CREATE FUNCTION acct._unlike_journals(p_month date, p_seal_id bigint) RETURNS TABLE (je_id bigint, je_number text, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    of_seal CONSTANT text := acct._rows_of_seal(p_seal_id, p_month);
    headers CONSTANT regclass := acct._entry_table('ledger_entry_header', p_month);
    lines CONSTANT regclass := acct._entry_table('ledger_entry_line', p_month);
BEGIN
    IF headers IS NULL OR lines IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($q$
        SELECT je_id, h.je_number, CASE WHEN h.line_count IS NULL THEN 'a header' ELSE format('%%s lines, debit %%s, credit %%s', h.line_count, h.total_debit, h.total_credit) END,
               CASE WHEN l.lines IS NULL THEN 'no lines' ELSE format('%%s lines, debit %%s, credit %%s', l.lines, l.debit, l.credit) END
          FROM (SELECT x.je_id, x.je_number, x.line_count, x.total_debit, x.total_credit FROM %s AS x WHERE %s) AS h
          FULL JOIN (SELECT x.je_id, count(*) AS lines, sum(x.debit) AS debit, sum(x.credit) AS credit FROM %s AS x WHERE %s GROUP BY x.je_id) AS l USING (je_id)
         WHERE (h.line_count, h.total_debit, h.total_credit) IS DISTINCT FROM (l.lines, l.debit, l.credit)
         ORDER BY je_id LIMIT 5$q$, headers, of_seal, lines, of_seal);
EXCEPTION WHEN undefined_column THEN
    -- The rows are no entries, which is a finding of its own.
    NULL;
END
$$;
COMMENT ON FUNCTION acct._unlike_journals(date, bigint) IS 'The first journals of a seal and a month whose lines are not what their header says.';

CREATE FUNCTION acct._number_of(p_month date, p_je_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    headers CONSTANT regclass := CASE WHEN p_month IS NOT NULL AND p_je_id IS NOT NULL THEN acct._entry_table('ledger_entry_header', p_month) END;
    number text;
BEGIN
    IF headers IS NOT NULL THEN
        EXECUTE format('SELECT min(x.je_number COLLATE "C") FROM %s AS x WHERE x.je_id = $1', headers) INTO number USING p_je_id;
    END IF;
    RETURN number;
END
$$;
COMMENT ON FUNCTION acct._number_of(date, bigint) IS 'The number of a journal of a month; NULL where it has no header.';

CREATE FUNCTION acct._guard_findings() RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF to_regclass('ledger_guard.protected') IS NULL OR to_regclass('ledger_guard.record') IS NULL THEN
        RETURN NEXT 'schema ledger_guard';
    ELSE
        RETURN QUERY SELECT DISTINCT split_part(g, ' (', 1) FROM acct._guard_missing() AS g;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._guard_findings() IS 'The result of _guard_missing(), each trigger by its name and table, or the schema of the guard where that was dropped.';

CREATE FUNCTION acct._verify_ledger(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, check_name text, passed boolean, seal_number bigint, run_id bigint, month date, section text, block_no bigint, je_id bigint, je_number text,
               line_no smallint, column_group text, expected text, actual text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    most CONSTANT integer := 20; -- differences that are looked for row by row
    f record;
    place record;
    located integer := 0;
    compared text[] := ARRAY[]::text[];
    found bigint;
    problems bigint := 0;
    by_book jsonb := jsonb_build_object(); -- findings
    book text;
    first text;
    totals bigint[] := ARRAY[0, 0, 0];
BEGIN
    -- Missing triggers are findings: this is when the ledger needs to be verified.
    PERFORM acct._require_tables();
    PERFORM acct._require_month(m) FROM (VALUES (p_from), (p_to)) AS x (m) WHERE m IS NOT NULL;
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    -- From here to the end of the transaction no month is archived or restored.
    PERFORM FROM acct.ledger_entry_header WHERE false;
    PERFORM FROM acct.ledger_entry_line WHERE false;
    FOR f IN SELECT x.*
               FROM (SELECT s.check_name, false AS passed, s.entity_code, s.basis, NULL::bigint AS seal_id, s.seal_number, s.run_id, NULL::date AS month, 0::smallint AS kind, NULL::integer AS section_no,
                            NULL::text[] AS section, NULL::bigint AS je_id, NULL::text AS finding, s.expected, s.actual, NULL::bigint AS seals, NULL::bigint AS headers, NULL::bigint AS lines,
                            NULL::bigint AS dropped
                       FROM acct._seal_findings(p_entity, p_basis) AS s
                     UNION ALL
                     SELECT e.* FROM acct._entry_findings(p_from, p_to, p_entity, p_basis) AS e
                     UNION ALL
                     SELECT 'entries', false, NULL, NULL, NULL, NULL, NULL, t.month, NULL, NULL, NULL, NULL, NULL, t.expected, t.actual, NULL, NULL, NULL, NULL
                       FROM acct._stray_tables() AS t
                     UNION ALL
                     SELECT 'balances', false, c.entity_code, c.basis, NULL, NULL, NULL, c.month, NULL, NULL, c.section, NULL, NULL, c.expected, c.actual, NULL, NULL, NULL, NULL
                       FROM acct._carried_findings(p_from, p_to, p_entity, p_basis) AS c
                     UNION ALL
                     SELECT p.check_name, false, p.entity_code, p.basis, NULL, p.seal_number, p.run_id, p.month, NULL, NULL, NULL, NULL, NULL, p.expected, p.actual, NULL, NULL, NULL, NULL
                       FROM acct._period_findings(p_entity, p_basis) AS p
                     UNION ALL
                     SELECT 'waivers', false, w.entity_code, w.basis, NULL, w.seal_number, w.run_id, w.month, NULL, NULL, NULL, NULL, NULL, w.expected, w.actual, NULL, NULL, NULL, NULL
                       FROM acct._waiver_findings(p_entity, p_basis) AS w
                     UNION ALL
                     SELECT 'columns', false, l.entity_code, l.basis, NULL, NULL, NULL, l.month, NULL, NULL, NULL, l.je_id, NULL, l.expected, l.actual, NULL, NULL, NULL, NULL
                       FROM acct._later_values(p_from, p_to, p_entity, p_basis) AS l
                     UNION ALL
                     SELECT 'guard', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.name, 'missing or disabled', NULL, NULL, NULL, NULL
                       FROM acct._guard_findings() AS g (name)
                     UNION ALL
                     SELECT 'columns', NULL, a.entity_code, a.basis, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'in all seals',
                            format('%s.%s is not in %s seals: it was added later', a.table_name, a.column_name, a.seals), NULL, NULL, NULL, NULL
                       FROM acct._columns_added(p_entity, p_basis) AS a) AS x
              ORDER BY x.check_name = 'book', x.entity_code, x.basis, x.seal_number, x.month, x.kind, x.section_no, x.section, x.check_name, x.expected, x.actual LOOP
        book := format('%L %L', f.entity_code, f.basis);
        IF f.check_name = 'book' THEN
            totals := ARRAY[totals[1] + f.seals, totals[2] + f.headers, totals[3] + f.lines];
            RETURN QUERY SELECT f.entity_code, f.basis, f.check_name, NOT by_book ? book, NULL::bigint, NULL::bigint, NULL::date, NULL::text, NULL::bigint, NULL::bigint, NULL::text, NULL::smallint,
                                NULL::text, '0 findings'::text,
                                format('%s findings; %s seals, %s headers and %s lines as sealed', coalesce(by_book ->> book, '0'), f.seals, f.headers, f.lines)
                                || CASE WHEN f.dropped > 0 THEN format(', %s lines of dropped months known by their seals', f.dropped) ELSE '' END;
            CONTINUE;
        END IF;
        SELECT NULL::bigint AS block_no, f.je_id AS je_id, NULL::smallint AS line_no, NULL::text AS column_group, false AS has_twins INTO place;
        IF f.finding = 'different' AND located < most THEN
            located := located + 1;
            SELECT d.* INTO place FROM acct._locate_difference(f.seal_id, f.section_no, acct._seal_columns(f.seal_id, f.kind),
                acct._section_query(f.kind, f.month, f.seal_id, f.section[1], f.section[2], f.section[3])) AS d;
        END IF;
        RETURN QUERY SELECT f.entity_code, f.basis, f.check_name, f.passed, f.seal_number, f.run_id, f.month, array_to_string(f.section, ' '), place.block_no, place.je_id,
                            acct._number_of(f.month, place.je_id), place.line_no, place.column_group, f.expected,
                            f.actual || CASE WHEN place.has_twins THEN ', a row is there twice' ELSE '' END;
        CONTINUE WHEN f.passed IS NULL;
        first := coalesce(first, format('%s: %s', f.check_name, concat_ws(', ', f.entity_code || ' ' || f.basis, 'seal ' || f.seal_number, 'run ' || f.run_id, acct._month_name(f.month),
                                                                          array_to_string(f.section, ' '), 'block ' || place.block_no, 'journal ' || place.je_id, place.column_group,
                                                                          CASE f.check_name WHEN 'guard' THEN f.expected END)));
        found := 1;
        IF f.finding IN ('different', 'missing', 'extra') AND cardinality(compared) < most AND NOT format('%s %s', f.seal_id, f.month) = ANY (compared) THEN
            compared := compared || format('%s %s', f.seal_id, f.month);
            RETURN QUERY SELECT f.entity_code, f.basis, 'journals'::text, false, f.seal_number, f.run_id, f.month, NULL::text, NULL::bigint, u.je_id, u.je_number, NULL::smallint, NULL::text, u.expected, u.actual
                           FROM acct._unlike_journals(f.month, f.seal_id) AS u;
            GET DIAGNOSTICS found = ROW_COUNT;
            found := found + 1;
        END IF;
        problems := problems + found;
        by_book := jsonb_set(by_book, ARRAY[book], to_jsonb(coalesce((by_book ->> book)::bigint, 0) + found));
    END LOOP;
    IF NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean THEN
        INSERT INTO acct.ledger_verification (started_at, from_month, to_month, entity_code, basis, seals, headers, lines, findings, first_finding)
        VALUES (started, p_from, p_to, p_entity, p_basis, totals[1], totals[2], totals[3], problems, first);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._verify_ledger(date, date, text, text) IS 'The work of verify_ledger().';

CREATE FUNCTION acct.verify_ledger(from_month date DEFAULT NULL, to_month date DEFAULT NULL, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, check_name text, passed boolean, seal_number bigint, run_id bigint, month date, section text, block_no bigint, je_id bigint, je_number text,
               line_no smallint, column_group text, expected text, actual text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT v.* FROM acct._verify_ledger($1, $2, $3, $4) AS v
$$;
COMMENT ON FUNCTION acct.verify_ledger(date, date, text, text) IS
'Computes seals again from entries, also archived ones, and compares seals, runs, exceptions, balances (NULL: all months and books) and triggers: a row for each finding, with seal, block, journal and columns, and one for each book. Where it can write, it records the verification; raises 22023 (not a month, or the entity or basis does not exist).';

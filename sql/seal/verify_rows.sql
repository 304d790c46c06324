-- Verification of entries: the sections of seals are computed again from the rows of the ledger, and compared with what was sealed.

CREATE FUNCTION acct._recomputed_sections(p_headers regclass[], p_lines regclass[], p_month date, p_entity text, p_basis text)
RETURNS TABLE (seal_id bigint, run_id bigint, entity_code text, basis text, kind smallint, fund text, account_code text, currency text,
               row_count bigint, debit numeric, credit numeric, root bytea, data bytea, je_id bigint)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_recomputed_sections';
COMMENT ON FUNCTION acct._recomputed_sections(regclass[], regclass[], date, text, text) IS
'The sections that the rows of a month make up, by the seal of their run, or of the month (NULL: they have none); je_id is the first.';

CREATE FUNCTION acct._locate_difference(p_seal_id bigint, p_section_no integer, p_columns text, p_query text,
                                        OUT block_no bigint, OUT je_id bigint, OUT line_no smallint, OUT column_group text, OUT has_twins boolean)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_locate_difference';
COMMENT ON FUNCTION acct._locate_difference(bigint, integer, text, text) IS
'The first place where the rows of a section, which a query returns in their order, differ from those that were sealed. It is a block, the row found there (NULL: there are no more), and the groups of columns that differ.';

CREATE FUNCTION acct._sealed_row(p_row record, p_columns text, p_kind integer) RETURNS bytea
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_sealed_row';
COMMENT ON FUNCTION acct._sealed_row(record, text, integer) IS 'The bytes of a row as a seal with these columns has them; kind is 1 of a header, 2 of a line.';

CREATE FUNCTION acct._seal_of_rows(p_run_id bigint, p_entity text, p_basis text, p_month date) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce((SELECT s.seal_id FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = p_run_id AND s.entity_code = p_entity AND s.basis = p_basis),
                    (SELECT s.seal_id FROM acct.ledger_seal AS s WHERE s.kind = 'month' AND s.period_month = p_month AND s.entity_code = p_entity AND s.basis = p_basis))
$$;
COMMENT ON FUNCTION acct._seal_of_rows(bigint, text, text, date) IS 'The seal of the rows of a run in a book and month: the run''s own, or that of the month; NULL where neither was made.';

CREATE FUNCTION acct._seal_columns(p_seal_id bigint, p_kind integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._seal_line(s.body, CASE p_kind WHEN 1 THEN 'header_columns' ELSE 'line_columns' END) FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id
$$;
COMMENT ON FUNCTION acct._seal_columns(bigint, integer) IS 'The columns of headers (1) or lines (2) that a seal is over.';

CREATE FUNCTION acct._entry_table(p_parent text, p_month date) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._as_seen(coalesce(acct._partition_of(format('acct.%I', p_parent)::regclass, p_month), to_regclass(format('acct_archive.%I', acct._partition_name(p_parent, p_month)))))
$$;
COMMENT ON FUNCTION acct._entry_table(text, date) IS 'The table that has a month of headers or lines, in the ledger or in the archive; NULL where there is none. Raises 40001 where it was rewritten since the snapshot of the query.';

CREATE FUNCTION acct._entry_leaves(p_parent text, p_month date) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT ARRAY(SELECT t FROM acct._tables_below(acct._entry_table(p_parent, p_month)) AS t JOIN pg_class AS c ON c.oid = t WHERE c.relkind = 'r' ORDER BY t)
$$;
COMMENT ON FUNCTION acct._entry_leaves(text, date) IS 'The tables that hold the rows of a month of headers or lines.';

CREATE FUNCTION acct._month_sections(p_month date, p_entity text, p_basis text)
RETURNS TABLE (seal_id bigint, run_id bigint, entity_code text, basis text, kind smallint, fund text, account_code text, currency text,
               row_count bigint, debit numeric, credit numeric, root bytea, data bytea, je_id bigint, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.*, NULL::text FROM acct._recomputed_sections(acct._entry_leaves('ledger_entry_header', p_month), acct._entry_leaves('ledger_entry_line', p_month),
                                                          p_month, p_entity, p_basis) AS s;
EXCEPTION WHEN data_corrupted OR SQLSTATE 'LE010' THEN
    -- Rows that no posting wrote: a column is gone, or a number is none.
    problem := SQLERRM;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION acct._month_sections(date, text, text) IS 'The same as _recomputed_sections() of a month; where its rows cannot be read as entries, one row that says so.';

CREATE FUNCTION acct._months_to_verify(p_from date, p_to date) RETURNS TABLE (month date, is_dropped boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT m.month, acct._is_dropped('ledger_entry', m.month)
                    AND acct._entry_table('ledger_entry_header', m.month) IS NULL AND acct._entry_table('ledger_entry_line', m.month) IS NULL
      FROM (SELECT x.month FROM acct._months_with_partitions('acct.ledger_entry_header') AS x
            UNION SELECT x.month FROM acct._months_with_partitions('acct.ledger_entry_line') AS x
            UNION SELECT a.month FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL) AS m
     WHERE (p_from IS NULL OR m.month >= p_from) AND (p_to IS NULL OR m.month <= p_to)
$$;
COMMENT ON FUNCTION acct._months_to_verify(date, date) IS 'The months of the ledger and of its archive in a range, and whether the rows of each were dropped.';

CREATE FUNCTION acct._stray_tables() RETURNS TABLE (month date, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    part record;
    has_rows boolean;
BEGIN
    FOR part IN SELECT i.inhrelid::regclass AS name
                  FROM unnest('{acct.ledger_entry_header,acct.ledger_entry_line}'::regclass[]) AS p (parent) JOIN pg_inherits AS i ON i.inhparent = p.parent AND NOT i.inhdetachpending
                 WHERE NOT EXISTS (SELECT FROM acct._months_with_partitions(p.parent) AS m WHERE m.relation = i.inhrelid AND acct._partition_of(p.parent, m.month) = i.inhrelid) LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', part.name) INTO has_rows;
        IF has_rows THEN
            expected := 'partitions of one month each';
            actual := format('rows in partition %s, which is not for one month', part.name);
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY SELECT d.month, 'a partition of the ledger'::text, format('table %s is detached', d.relation) FROM acct._detached_partitions() AS d WHERE d.of_ledger;
END
$$;
COMMENT ON FUNCTION acct._stray_tables() IS
'Tables of the ledger that are no month of it: partitions with rows that are not for one month, and partitions that were detached and not archived.';

CREATE FUNCTION acct._compared_sections(p_from date, p_to date, p_entity text, p_basis text)
RETURNS TABLE (finding text, entity_code text, basis text, seal_id bigint, seal_number bigint, seal_kind text, run_id bigint, month date, kind smallint, section_no integer, fund text, account_code text,
               currency text, row_count bigint, debit numeric, credit numeric, je_id bigint, expected text, actual text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH month AS MATERIALIZED (
        SELECT m.* FROM acct._months_to_verify(p_from, p_to) AS m),
    seal AS MATERIALIZED (
        SELECT s.seal_id, s.entity_code, s.basis, s.seal_number, s.run_id, s.kind, s.body FROM acct.ledger_seal AS s
         WHERE s.kind IN ('run', 'month') AND (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)),
    evidence AS MATERIALIZED (
        SELECT s.seal_id, e.* FROM seal AS s CROSS JOIN LATERAL acct._evidence_sections(s.seal_id) AS e),
    -- What evidence says counts where it leads to the roots of the seal.
    proved AS MATERIALIZED (
        SELECT s.seal_id FROM seal AS s
         WHERE acct._seal_line(s.body, 'header_root') = (SELECT encode(acct._merkle_root(coalesce(array_agg(e.data ORDER BY e.section_no), '{}')), 'hex') FROM evidence AS e WHERE e.seal_id = s.seal_id AND e.kind = 1)
           AND acct._seal_line(s.body, 'line_root') = (SELECT encode(acct._merkle_root(coalesce(array_agg(e.data ORDER BY e.section_no), '{}')), 'hex') FROM evidence AS e WHERE e.seal_id = s.seal_id AND e.kind = 2)),
    wanted AS MATERIALIZED (
        SELECT e.* FROM evidence AS e JOIN proved USING (seal_id)
         WHERE (p_from IS NULL OR e.month >= p_from) AND (p_to IS NULL OR e.month <= p_to)),
    -- No seal says so of a month that was dropped before it was sealed: that has no sections.
    gone AS MATERIALIZED (
        SELECT x.* FROM (SELECT DISTINCT ON (s.entity_code, s.basis, s.period_month) s.entity_code, s.basis, s.period_month, s.kind FROM acct.ledger_seal AS s
                          WHERE s.kind IN ('archive', 'restore', 'drop') ORDER BY s.entity_code, s.basis, s.period_month, s.seal_number DESC) AS x
         WHERE x.kind = 'drop'),
    found AS MATERIALIZED (
        SELECT m.month, f.* FROM month AS m CROSS JOIN LATERAL acct._month_sections(m.month, p_entity, p_basis) AS f WHERE NOT m.is_dropped),
    -- Without evidence a seal can be compared where all of its months are read.
    whole AS MATERIALIZED (
        SELECT s.seal_id, acct._seal_line(s.body, 'header_root') = encode(acct._merkle_root(coalesce(array_agg(f.data ORDER BY f.month) FILTER (WHERE f.kind = 1), '{}')), 'hex')
                      AND acct._seal_line(s.body, 'line_root') = encode(acct._merkle_root(coalesce(array_agg(f.data ORDER BY f.month, f.fund COLLATE "C", f.account_code COLLATE "C", f.currency COLLATE "C") FILTER (WHERE f.kind = 2), '{}')), 'hex') AS is_same
          FROM seal AS s LEFT JOIN found AS f ON f.seal_id = s.seal_id
         WHERE NOT EXISTS (SELECT FROM proved AS p WHERE p.seal_id = s.seal_id) AND (p_from IS NULL OR s.kind = 'month') AND (p_to IS NULL OR s.kind = 'month')
         GROUP BY s.seal_id, s.body),
    compared AS (
        SELECT w.seal_id AS wanted_id, f.seal_id AS found_id, coalesce(w.seal_id, f.seal_id) AS seal_id, coalesce(w.month, f.month) AS month, coalesce(w.kind, f.kind) AS kind, w.section_no,
               coalesce(w.fund, f.fund) AS fund, coalesce(w.account_code, f.account_code) AS account_code, coalesce(w.currency, f.currency) AS currency, f.run_id,
               f.entity_code, f.basis, w.row_count AS wanted_rows, f.row_count AS found_rows, w.root AS wanted_root, f.root AS found_root,
               f.debit, f.credit, w.debit AS wanted_debit, w.credit AS wanted_credit, f.je_id, f.problem,
               coalesce(m.is_dropped, false) AND g.period_month IS NOT NULL AS is_dropped
          FROM wanted AS w
          FULL JOIN found AS f ON (f.seal_id, f.month, f.kind, f.fund, f.account_code, f.currency) = (w.seal_id, w.month, w.kind, w.fund, w.account_code, w.currency)
          LEFT JOIN month AS m ON m.month = w.month
          LEFT JOIN seal AS s ON s.seal_id = w.seal_id
          LEFT JOIN gone AS g ON (g.entity_code, g.basis, g.period_month) = (s.entity_code, s.basis, w.month)),
    judged AS (
        SELECT CASE WHEN c.problem IS NOT NULL THEN 'unreadable'
                    WHEN c.is_dropped THEN 'dropped'
                    WHEN c.found_id IS NULL AND c.wanted_id IS NULL THEN 'unsealed'
                    WHEN c.found_id IS NULL THEN 'missing'
                    WHEN c.wanted_id IS NULL THEN coalesce((SELECT CASE WHEN x.is_same THEN 'same' ELSE 'evidence' END FROM whole AS x WHERE x.seal_id = c.seal_id),
                                                           CASE WHEN EXISTS (SELECT FROM proved AS p WHERE p.seal_id = c.seal_id) THEN 'extra' ELSE 'evidence' END)
                    WHEN c.wanted_root = c.found_root AND c.wanted_rows = c.found_rows THEN 'same'
                    ELSE 'different' END AS finding, c.*
          FROM compared AS c)
    SELECT j.finding, coalesce(s.entity_code, j.entity_code), coalesce(s.basis, j.basis), j.seal_id, s.seal_number, s.kind, coalesce(s.run_id, j.run_id), j.month, j.kind, j.section_no,
           j.fund, j.account_code, j.currency, coalesce(j.found_rows, CASE WHEN j.is_dropped THEN j.wanted_rows END),
           coalesce(j.debit, CASE WHEN j.is_dropped THEN j.wanted_debit END), coalesce(j.credit, CASE WHEN j.is_dropped THEN j.wanted_credit END), j.je_id,
           CASE WHEN j.wanted_id IS NOT NULL THEN format('%s rows, debit %s, credit %s, root %s', j.wanted_rows, j.wanted_debit, j.wanted_credit, left(encode(j.wanted_root, 'hex'), 16)) END,
           coalesce(j.problem, format('%s rows, debit %s, credit %s', coalesce(j.found_rows, 0), coalesce(j.debit, 0), coalesce(j.credit, 0)) || coalesce(', root ' || left(encode(j.found_root, 'hex'), 16), ''))
      FROM judged AS j LEFT JOIN seal AS s ON s.seal_id = j.seal_id
    UNION ALL
    SELECT 'no evidence', s.entity_code, s.basis, s.seal_id, s.seal_number, s.kind, s.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           'evidence that leads to the roots of the seal', 'none, or other evidence'
      FROM seal AS s WHERE NOT EXISTS (SELECT FROM proved AS p WHERE p.seal_id = s.seal_id)
$$;
COMMENT ON FUNCTION acct._compared_sections(date, date, text, text) IS
'The sections of seals and those of the ledger side by side: same, different, missing, extra (its seal has no such section), unsealed, dropped (known by the seal only), evidence (its seal has others, and no evidence), unreadable. Seals without evidence follow.';

CREATE FUNCTION acct._rows_of_seal(p_seal_id bigint, p_month date) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('%s AND x.entity_code = %L AND x.basis = %L AND x.je_date >= %L AND x.je_date < %L',
                  CASE s.kind WHEN 'run' THEN format('x.run_id = %s', s.run_id)
                              ELSE format('NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = ''run'' AND s.run_id = x.run_id AND s.entity_code = %L AND s.basis = %L)', s.entity_code, s.basis) END,
                  s.entity_code, s.basis, p_month, (p_month + interval '1 month')::date)
      FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id
$$;
COMMENT ON FUNCTION acct._rows_of_seal(bigint, date) IS 'The condition of the headers or lines x of a month that a seal is over.';

CREATE FUNCTION acct._section_query(p_kind integer, p_month date, p_seal_id bigint, p_fund text, p_account text, p_currency text, p_condition text DEFAULT '') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT x.* FROM %s AS x WHERE %s%s%s ORDER BY %s',
                  acct._entry_table(CASE p_kind WHEN 1 THEN 'ledger_entry_header' ELSE 'ledger_entry_line' END, p_month), acct._rows_of_seal(p_seal_id, p_month),
                  CASE p_kind WHEN 2 THEN format(' AND x.fund = %L AND x.account_code = %L AND x.currency = %L', p_fund, p_account, p_currency) ELSE '' END, p_condition,
                  CASE p_kind WHEN 1 THEN 'x.je_number COLLATE "C", x.je_id' ELSE 'x.je_id, x.line_no' END)
$$;
COMMENT ON FUNCTION acct._section_query(integer, date, bigint, text, text, text, text) IS
'A query of the rows of a section, in their order; p_condition, which begins with AND, chooses among the rows x.';

CREATE FUNCTION acct._exception_root(p_run_id bigint, p_basis text, OUT exceptions bigint, OUT root bytea)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_exception_root';
COMMENT ON FUNCTION acct._exception_root(bigint, text) IS 'The number of exceptions of a run in a basis, and the root of their tree.';

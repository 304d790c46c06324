-- What the seals of events say, compared with periods, books, their log, and waivers as they are.

CREATE FUNCTION acct._period_findings(p_entity text, p_basis text)
RETURNS TABLE (check_name text, entity_code text, basis text, seal_number bigint, run_id bigint, month date, expected text, actual text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH event AS MATERIALIZED (
        SELECT s.entity_code, s.basis, s.seal_number, s.kind, s.period_month, s.run_id, s.sealed_at, acct._seal_line(s.body, 'sealed_by') AS done_by,
               acct._seal_line(s.body, 'reason') AS reason, acct._seal_line(s.body, 'waived') AS waived, acct._seal_line(s.body, 'detail') AS detail
          FROM acct.ledger_seal AS s
         WHERE s.kind IN ('close', 'reopen', 'close_year', 'reopen_year', 'set_book')
           AND (p_entity IS NULL OR s.entity_code = p_entity) AND (p_basis IS NULL OR s.basis = p_basis)),
    -- Both in their order; what stood in the log before there were seals is history.
    logged AS MATERIALIZED (
        SELECT l.entity_code, l.basis, l.log_id, l.action AS kind, l.period_month, l.run_id, l.done_by, l.reason, array_to_string(l.waived, ',') AS waived, l.detail::text AS detail,
               row_number() OVER (PARTITION BY l.entity_code, l.basis ORDER BY l.log_id) AS n
          FROM acct.period_log AS l
         WHERE l.at >= (SELECT min(s.sealed_at) - interval '1 minute' FROM acct.ledger_seal AS s) AND (p_entity IS NULL OR l.entity_code = p_entity) AND (p_basis IS NULL OR l.basis = p_basis)),
    pair AS (
        SELECT coalesce(e.entity_code, l.entity_code) AS entity_code, coalesce(e.basis, l.basis) AS basis, e.seal_number, e.run_id, coalesce(e.period_month, l.period_month) AS period_month,
               concat_ws(', ', e.kind, 'by ' || e.done_by, 'run ' || e.run_id, 'reason ' || e.reason, 'waived ' || e.waived, e.detail) AS sealed,
               concat_ws(', ', l.kind, 'by ' || l.done_by, 'run ' || l.run_id, 'reason ' || l.reason, 'waived ' || l.waived, l.detail) AS logged,
               (e.kind, e.period_month, e.done_by, e.run_id, e.reason, e.waived, e.detail)
               IS NOT DISTINCT FROM (l.kind, l.period_month, l.done_by, l.run_id, l.reason, l.waived, l.detail) AS are_same
          FROM (SELECT x.*, row_number() OVER (PARTITION BY x.entity_code, x.basis ORDER BY x.seal_number) AS n FROM event AS x) AS e
          FULL JOIN logged AS l ON (l.entity_code, l.basis, l.n) = (e.entity_code, e.basis, e.n)),
    month AS (
        SELECT DISTINCT ON (e.entity_code, e.basis, e.period_month) e.entity_code, e.basis, e.period_month, e.seal_number, e.kind IN ('reopen', 'reopen_year') AS is_open
          FROM event AS e WHERE e.kind <> 'set_book' ORDER BY e.entity_code, e.basis, e.period_month, e.seal_number DESC),
    year AS (
        SELECT DISTINCT ON (e.entity_code, e.basis, e.period_month) e.entity_code, e.basis, e.period_month, e.seal_number, e.kind = 'close_year' AS is_closed
          FROM event AS e WHERE e.kind IN ('close_year', 'reopen_year') ORDER BY e.entity_code, e.basis, e.period_month, e.seal_number DESC),
    through AS (
        SELECT y.entity_code, y.basis, max(y.seal_number) AS seal_number, (max(y.period_month) FILTER (WHERE y.is_closed) + interval '1 month')::date - 1 AS closed_through
          FROM year AS y GROUP BY y.entity_code, y.basis),
    property AS (
        SELECT DISTINCT ON (e.entity_code, e.basis) e.entity_code, e.basis, e.seal_number, e.detail::jsonb AS detail
          FROM event AS e WHERE e.kind = 'set_book' ORDER BY e.entity_code, e.basis, e.seal_number DESC)
    SELECT * FROM (
        SELECT DISTINCT ON (p.entity_code, p.basis) 'period_log', p.entity_code, p.basis, p.seal_number, p.run_id, p.period_month, coalesce(nullif(p.sealed, ''), 'no entry'), coalesce(nullif(p.logged, ''), 'no entry')
          FROM pair AS p WHERE NOT p.are_same ORDER BY p.entity_code, p.basis, p.seal_number NULLS LAST) AS first_of_book
    UNION ALL
    SELECT 'periods', coalesce(m.entity_code, a.entity_code), coalesce(m.basis, a.basis), m.seal_number, NULL, coalesce(m.period_month, a.period_month),
           CASE m.is_open WHEN true THEN 'open' WHEN false THEN 'closed' ELSE 'not closed or reopened' END, CASE a.is_open WHEN true THEN 'open' WHEN false THEN 'closed' ELSE 'no record' END
      FROM month AS m
      FULL JOIN (SELECT p.* FROM acct.accounting_period AS p WHERE (p_entity IS NULL OR p.entity_code = p_entity) AND (p_basis IS NULL OR p.basis = p_basis)) AS a
             ON (a.entity_code, a.basis, a.period_month) = (m.entity_code, m.basis, m.period_month)
     WHERE CASE WHEN m.is_open IS NULL THEN a.changed_at >= (SELECT min(s.sealed_at) FROM acct.ledger_seal AS s) ELSE m.is_open IS DISTINCT FROM a.is_open END
    UNION ALL
    SELECT 'books', x.entity_code, x.basis, x.seal_number, NULL, NULL, concat_ws(' ', x.name, coalesce(x.value, '-')), concat_ws(' ', x.name, coalesce(x.found, '-'))
      FROM (SELECT t.entity_code, t.basis, t.seal_number, 'closed_through' AS name, to_char(t.closed_through, 'YYYY-MM-DD') AS value, to_char(b.closed_through, 'YYYY-MM-DD') AS found
              FROM through AS t LEFT JOIN acct.book AS b ON (b.entity_code, b.basis) = (t.entity_code, t.basis)
            UNION ALL
            SELECT r.entity_code, r.basis, r.seal_number, v.name, v.value, v.found
              FROM property AS r LEFT JOIN acct.book AS b ON (b.entity_code, b.basis) = (r.entity_code, r.basis)
             CROSS JOIN LATERAL (VALUES ('first_year_month', r.detail ->> 'first_year_month', b.first_year_month::text),
                                        ('closed_from', r.detail ->> 'closed_from', to_char(b.closed_from, 'YYYY-MM-DD'))) AS v (name, value, found)) AS x
     WHERE x.value IS DISTINCT FROM x.found
$$;
COMMENT ON FUNCTION acct._period_findings(text, text) IS
'Entries of period_log, periods and properties of books that are not what the seals of closings, reopenings and changes say, of each log the first. It leaves out entries older than the first seal.';

CREATE FUNCTION acct._waiver_findings(p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, seal_number bigint, run_id bigint, month date, expected text, actual text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH sealed AS (
        SELECT DISTINCT ON (s.run_id, x.txn_id, x.exception_basis) s.entity_code, s.basis, s.seal_number, s.run_id, x.txn_id, x.exception_basis,
               CASE s.kind WHEN 'waive' THEN format('waived by %s at %s: %s', acct._seal_line(s.body, 'waived_by'), acct._seal_line(s.body, 'waived_at'), acct._seal_line(s.body, 'reason')) END AS waiver
          FROM acct.ledger_seal AS s
         CROSS JOIN LATERAL (SELECT acct._seal_line(s.body, 'txn')::bigint AS txn_id, acct._seal_line(s.body, 'exception_basis') AS exception_basis) AS x
         WHERE s.kind IN ('waive', 'revoke_waiver')
         ORDER BY s.run_id, x.txn_id, x.exception_basis, s.seal_id DESC)
    SELECT s.entity_code, coalesce(s.basis, e.basis), s.seal_number, coalesce(s.run_id, e.run_id), e.txn_month,
           format('transaction %s, %s', coalesce(s.txn_id, e.txn_id), coalesce(s.waiver, 'not waived')),
           format('transaction %s, %s', coalesce(s.txn_id, e.txn_id), coalesce(e.waiver, 'not waived'))
      FROM sealed AS s
      FULL JOIN (SELECT x.run_id, x.txn_id, x.txn_month, x.basis, x.waived_at,
                        CASE WHEN x.waived_at IS NOT NULL THEN format('waived by %s at %s: %s', x.waived_by, acct._seal_time(x.waived_at), x.waive_reason) END AS waiver
                   FROM acct.je_exception AS x) AS e ON (e.run_id, e.txn_id, e.basis) = (s.run_id, s.txn_id, s.exception_basis)
     WHERE s.waiver IS DISTINCT FROM e.waiver AND (s.run_id IS NOT NULL OR e.waived_at >= (SELECT min(x.sealed_at) FROM acct.ledger_seal AS x)
          -- What was posted with a seal was waived later.
          OR EXISTS (SELECT FROM acct.ledger_seal AS x WHERE x.kind IN ('run', 'exceptions') AND x.run_id = e.run_id))
       AND (p_entity IS NULL OR s.entity_code = p_entity OR s.entity_code IS NULL) AND (p_basis IS NULL OR coalesce(s.exception_basis, e.basis) = p_basis)
$$;
COMMENT ON FUNCTION acct._waiver_findings(text, text) IS
'Exceptions that are not waived as the seals of waivers say, or are waived without one. It leaves out waivers older than the first seal.';

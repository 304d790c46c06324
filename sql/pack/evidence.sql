-- What the month-end pack has to show for its figures: reconciliation, exceptions, findings of the close, runs, policy.

CREATE FUNCTION acct._pack_findings(p_month date, p_entity text, p_basis text, OUT findings jsonb, OUT problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    SELECT coalesce(jsonb_agg(f), '[]') INTO findings FROM acct._check_close(p_month, p_entity, p_basis) AS f;
EXCEPTION WHEN object_not_in_prerequisite_state OR SQLSTATE 'LE002' THEN
    -- What was dropped cannot be looked through.
    findings := '[]';
    problem := SQLERRM;
END
$$;
COMMENT ON FUNCTION acct._pack_findings(date, text, text) IS 'Findings of check_close(), or the reason why it cannot look.';

CREATE FUNCTION acct._reconciled_table(p_id text, p_caption text, p_reconciled jsonb, p_decimals integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._html_table(p_id, p_caption, ARRAY['Figure', 'Kind', 'Entity', 'Fund', 'Source', 'Record', 'Staging', 'Ledger', 'Balances', 'Difference'], 5,
                            string_agg('<tr><th scope=row>' || acct._html(initcap(r.measure)) || '<td>' || acct._html(r.kind) || '<td>' || acct._html(r.entity_code) || '<td>' || acct._html(r.fund)
                                       || acct._figure_cell(r.source, p_decimals) || acct._figure_cell(r.recorded, p_decimals) || acct._figure_cell(r.staging, p_decimals)
                                       || acct._figure_cell(r.ledger, p_decimals) || acct._figure_cell(r.balances, p_decimals) || acct._figure_cell(r.difference, p_decimals), '' ORDER BY r.n),
                            NULL, 'data', 'There is nothing to reconcile.')
      FROM jsonb_to_recordset(p_reconciled) AS r (n integer, measure text, kind text, entity_code text, fund text, source numeric, recorded numeric, staging numeric, ledger numeric,
                                                  balances numeric, difference numeric)
$$;
COMMENT ON FUNCTION acct._reconciled_table(text, text, jsonb, integer) IS 'A table of rows of reconcile_month() whose figures have this many decimals.';

CREATE FUNCTION acct._pack_reconciliation(p_reconciled jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    counts CONSTANT text[] := ARRAY['transactions', 'journals', 'lines', 'digest'];
    part record;
    page text;
BEGIN
    page := acct._reconciled_table('reconciled-counts', 'Numbers of transactions, journals and lines',
                                   (SELECT jsonb_agg(r) FROM jsonb_array_elements(p_reconciled) AS r WHERE r ->> 'measure' = ANY (counts)), 0);
    FOR part IN
        SELECT row_number() OVER (ORDER BY x.currency NULLS LAST) AS n, x.currency, x.rows, x.most
          FROM (SELECT r ->> 'currency' AS currency, jsonb_agg(r) AS rows,
                       max((SELECT max(scale(v.amount)) FROM (VALUES ((r ->> 'source')::numeric), ((r ->> 'recorded')::numeric), ((r ->> 'staging')::numeric), ((r ->> 'ledger')::numeric),
                                                                      ((r ->> 'balances')::numeric), ((r ->> 'difference')::numeric)) AS v (amount))) AS most
                  FROM jsonb_array_elements(p_reconciled) AS r WHERE r ->> 'measure' <> ALL (counts) GROUP BY 1) AS x
    LOOP
        page := page || acct._reconciled_table('reconciled-' || part.n, CASE WHEN part.currency IS NULL THEN 'Amounts of all currencies together, as runs record them' ELSE 'Amounts in ' || part.currency END,
                                               part.rows, CASE WHEN part.currency IS NULL THEN part.most ELSE acct._decimals(part.currency, part.most) END);
    END LOOP;
    RETURN page || '<p class=note>The difference is that between the places which know a figure; an empty cell is a place that does not. A digest is that of all rows: it differs where any row does.</p>';
END
$$;
COMMENT ON FUNCTION acct._pack_reconciliation(jsonb) IS 'The rows of reconcile_month() as tables: numbers, and amounts by currency.';

CREATE FUNCTION acct._pack_exceptions(p_exceptions jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH exception AS (
        SELECT e.* FROM jsonb_to_recordset(p_exceptions) AS e (entity_code text, reason text, state text, currency text, transactions bigint, amount numeric, oldest date, newest date))
    SELECT coalesce((SELECT acct._chart_bars('reasons', 'Exceptions by reason', 'transactions', 0, array_agg(r.reason ORDER BY r.n DESC, r.reason COLLATE "C"), array_agg(r.n ORDER BY r.n DESC, r.reason COLLATE "C"))
                       FROM (SELECT e.reason, sum(e.transactions) AS n FROM exception AS e GROUP BY 1) AS r), '')
        || acct._html_table('exceptions', 'Transactions with a value date in the month that have no journal',
                            ARRAY['Entity', 'Reason', 'State', 'First value date', 'Last', 'Currency', 'Transactions', 'Gross amount'], 7,
                            (SELECT string_agg('<tr><td>' || acct._html(e.entity_code) || '<th scope=row>' || acct._html(e.reason) || '<td>' || acct._html(e.state) || '<td>' || coalesce(acct._day(e.oldest), '')
                                               || '<td>' || coalesce(acct._day(e.newest), '') || '<td>' || acct._html(e.currency) || acct._figure_cell(e.transactions, 0)
                                               || acct._figure_cell(e.amount, acct._decimals(e.currency, scale(trim_scale(e.amount)))),
                                               '' ORDER BY e.entity_code COLLATE "C", e.reason COLLATE "C", array_position(ARRAY['open', 'waived', 'retried'], e.state), e.currency COLLATE "C")
                               FROM exception AS e), NULL, 'data', 'No transaction with a value date in the month was set aside.')
$$;
COMMENT ON FUNCTION acct._pack_exceptions(jsonb) IS 'The rows of exceptions_report(), as a chart and a table.';

CREATE FUNCTION acct._pack_waivers(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    most CONSTANT integer := 200;
    rows text;
    found bigint;
BEGIN
    EXECUTE format($q$
        SELECT string_agg(w.html, '' ORDER BY w.n) FILTER (WHERE w.n <= $4), count(*)
          FROM (SELECT row_number() OVER (ORDER BY e.waived_at, e.txn_id, e.run_id) AS n,
                       '<tr><th scope=row>' || e.txn_id || '<td>' || acct._html(e.reason) || '<td>' || acct._html(e.message) || '<td>' || acct._html(e.waived_by) || '<td>'
                       || acct._html(acct._moment(e.waived_at)) || '<td>' || acct._html(e.waive_reason) AS html
                  FROM acct.je_exception AS e
                  JOIN acct.journal_run AS r ON r.run_id = e.run_id AND r.status <> 'discarded'
                  LEFT JOIN %s AS s ON s.txn_id = e.txn_id AND s.txn_month = e.txn_month
                 WHERE e.txn_month = $1 AND e.basis = $2 AND e.waived_at IS NOT NULL AND e.voided_at IS NULL AND ($3 IS NULL OR s.entity_code = $3)) AS w$q$,
                   coalesce(acct._source_of_exceptions(p_month), '(SELECT NULL::bigint AS txn_id, NULL::date AS txn_month, NULL::text AS entity_code)'))
       INTO rows, found USING p_month, p_basis, p_entity, most;
    RETURN acct._html_table('waivers', 'Waivers of exceptions of the month''s transactions', ARRAY['Transaction', 'Reason', 'Message', 'Waived by', 'At', 'Why'], 99, rows, NULL, 'data',
                            'No exception of the month''s transactions was waived.')
        || CASE WHEN found > most THEN format('<p class=note>%s waivers more are in acct.je_exception.</p>', found - most) ELSE '' END;
END
$$;
COMMENT ON FUNCTION acct._pack_waivers(date, text, text) IS 'Waivers of exceptions of a month''s transactions, with user and reason: the first 200.';

CREATE FUNCTION acct._pack_close(p_month date, p_entity text, p_basis text, p_findings jsonb, p_problem text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._html_table('findings', 'Findings', ARRAY['Entity', 'Severity', 'Finding', 'What was found', 'What to do'], 99,
                            (SELECT string_agg('<tr><td>' || acct._html(f ->> 'entity_code') || '<td>' || acct._html(f ->> 'severity') || '<th scope=row>' || acct._html(replace(f ->> 'finding', '_', ' '))
                                               || '<td>' || acct._html(f ->> 'message') || '<td>' || acct._html(f ->> 'hint'), '' ORDER BY x.n)
                               FROM jsonb_array_elements(p_findings) WITH ORDINALITY AS x (f, n)),
                            NULL, 'data', CASE WHEN p_problem IS NULL THEN 'Nothing stands against closing the month.' ELSE format('Findings are not known: %s.', p_problem) END)
        || acct._html_table('periods', 'Closings and reopenings', ARRAY['Entity', 'At', 'Action', 'By', 'Waived', 'Reason'], 99,
                            (SELECT string_agg('<tr><td>' || acct._html(l.entity_code) || '<td>' || acct._html(acct._moment(l.at)) || '<th scope=row>' || acct._html(replace(l.action, '_', ' ')) || '<td>'
                                               || acct._html(l.done_by) || '<td>' || acct._html(replace(array_to_string(l.waived, ', '), '_', ' ')) || '<td>' || acct._html(l.reason), '' ORDER BY l.log_id)
                               FROM acct.period_log AS l
                              WHERE l.period_month >= p_month AND l.period_month < p_month + interval '1 month' AND l.basis = p_basis AND (p_entity IS NULL OR l.entity_code = p_entity)),
                            NULL, 'data', 'The month was never closed or reopened by itself or with its year.')
$$;
COMMENT ON FUNCTION acct._pack_close(date, text, text, jsonb, text) IS 'The findings of a month''s close, and who closed and reopened it, what they waived and why.';

CREATE FUNCTION acct._pack_runs(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    most CONSTANT integer := 200;
    rows text;
    found bigint;
BEGIN
    WITH run AS MATERIALIZED (
        SELECT r.run_id, row_number() OVER (ORDER BY coalesce(r.lines, 0) DESC, r.run_id) AS rank
          FROM (SELECT t.run_id FROM acct.journal_run_total AS t WHERE t.je_month = p_month AND t.basis = p_basis AND (p_entity IS NULL OR t.entity_code = p_entity)
                UNION
                SELECT x.run_id FROM acct.journal_run AS x
                 WHERE x.txn_month = p_month AND p_basis = ANY (x.bases)
                   -- Of an entity those that have no journals of others alone
                   AND (p_entity IS NULL OR NOT EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = x.run_id)
                        OR EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = x.run_id AND t.basis = p_basis AND t.entity_code = p_entity))) AS u
          JOIN acct.journal_run AS r USING (run_id))
    SELECT string_agg('<tr><th scope=row>' || h.run_id || '<td>' || acct._html(h.run_key) || '<td>' || acct._html(h.kind) || '<td>' || acct._html(h.status) || '<td>' || acct._html(h.created_by)
                      || '<td>' || acct._html(h.posted_by) || '<td>' || acct._html(acct._moment(h.posted_at)) || acct._figure_cell(h.transactions, 0) || acct._figure_cell(h.journals, 0)
                      || acct._figure_cell(h.lines, 0) || acct._figure_cell(h.exceptions, 0) || '<td>' || coalesce(acct._duration(h.expand_ms), '') || '<td>'
                      || coalesce(acct._duration(h.validate_ms), '') || '<td>' || coalesce(acct._duration(h.post_ms), ''), '' ORDER BY h.run_id),
           (SELECT count(*) FROM run)
      INTO rows, found
      FROM run AS u JOIN acct.run_history AS h ON h.run_id = u.run_id WHERE u.rank <= most;
    RETURN acct._html_table('runs', 'Runs with transactions or journals of the month; times are in seconds',
                            ARRAY['Run', 'Key', 'Kind', 'Status', 'Made by', 'Posted by', 'Posted at', 'Transactions', 'Journals', 'Lines', 'Exceptions', 'Expand', 'Validate', 'Post'], 8,
                            rows, NULL, 'data', 'No run has transactions or journals of the month.')
        || CASE WHEN found > most THEN format('<p class=note>These are the %s largest of %s runs.</p>', most, acct._figure(found, 0)) ELSE '' END;
END
$$;
COMMENT ON FUNCTION acct._pack_runs(date, text, text) IS 'The 200 largest runs of a month: their maker, the user who posted them, and the time that they took.';

CREATE FUNCTION acct._pack_templates(p_month date, p_basis text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH version AS MATERIALIZED (
        SELECT t.*, daterange(greatest(t.effective_from, p_month), least(coalesce(t.effective_to, 'infinity'), (p_month + interval '1 month')::date)) AS days
          FROM acct.journal_template AS t
         WHERE t.basis = p_basis AND t.status IN ('approved', 'retired') AND t.effective_from < p_month + interval '1 month' AND coalesce(t.effective_to, 'infinity') > p_month
           AND t.effective_from < coalesce(t.effective_to, 'infinity')),
    used AS (
        -- Of each day the latest version
        SELECT v.* FROM version AS v
         WHERE datemultirange(v.days) - coalesce((SELECT range_agg(n.days) FROM version AS n WHERE n.template_code = v.template_code AND n.version > v.version), '{}'::datemultirange) <> '{}')
    SELECT acct._html_table('templates', 'Templates in force in the month', ARRAY['Template', 'Version', 'Description', 'Type', 'In force from', 'Until', 'Maker', 'Made at', 'Approver', 'Approved at'], 99,
                            string_agg('<tr><th scope=row>' || acct._html(u.template_code) || '<td>' || u.version || '<td>' || acct._html(u.description) || '<td>' || acct._html(initcap(u.template_type))
                                       || '<td>' || acct._day(u.effective_from) || '<td>' || coalesce(acct._day(u.effective_to - 1), '') || '<td>' || acct._html(u.maker) || '<td>' || acct._html(acct._moment(u.made_at))
                                       || '<td>' || acct._html(u.approver) || '<td>' || acct._html(acct._moment(u.approved_at)), '' ORDER BY u.template_code COLLATE "C", u.version),
                            NULL, 'data', 'No template of the basis is in force in the month.')
      FROM used AS u
$$;
COMMENT ON FUNCTION acct._pack_templates(date, text) IS 'The template versions of a basis that are in force on a day of a month, with maker and approver.';

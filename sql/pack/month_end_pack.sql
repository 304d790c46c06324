-- The month-end pack: a page that explains itself, put together from the reports. Everything in it is of one snapshot, that of the caller's query.

CREATE FUNCTION acct._pack_verdict(p_is_good boolean, p_is_grave boolean, p_good text, p_bad text, p_more text, p_text text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('<li><span class="mark %s">%s</span><span>%s <a href="#%s">More</a></span>', CASE WHEN p_is_good THEN 'good' WHEN p_is_grave THEN 'bad' ELSE 'warn' END,
                  CASE WHEN p_is_good THEN p_good ELSE p_bad END, acct._html(p_text), p_more)
$$;
COMMENT ON FUNCTION acct._pack_verdict(boolean, boolean, text, text, text, text) IS 'A line of the summary: a mark, a sentence, and where there is more about it.';

CREATE FUNCTION acct._pack_verdicts(p_month date, p_entity text, p_basis text, p_results jsonb, p_reconciled jsonb, p_exceptions jsonb, p_findings jsonb, p_problem text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    open_books text[];
    uneven text[];
    figures bigint;
    differ bigint;
    open_exceptions bigint;
    gross text;
    -- Loaded for the month, or with a value date in it, without a journal or an exception
    waiting bigint;
    is_dropped CONSTANT boolean := EXISTS (SELECT FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.month = p_month AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL);
    found bigint;
    grave bigint;
BEGIN
    open_books := ARRAY(SELECT e.entity_code FROM acct.entity AS e WHERE (p_entity IS NULL OR e.entity_code = p_entity) AND NOT acct._is_closed(e.entity_code, p_basis, p_month)
                           AND NOT acct._is_archived('ledger_entry', p_month) ORDER BY e.entity_code COLLATE "C");
    uneven := ARRAY(SELECT concat_ws(' ', r.entity_code, r.fund, r.currency) FROM jsonb_to_recordset(p_results)
                        AS r (entity_code text, fund text, currency text, assets numeric, liabilities numeric, equity numeric, unclosed numeric)
                     WHERE r.assets <> r.liabilities + r.equity + r.unclosed ORDER BY 1);
    SELECT count(*), count(*) FILTER (WHERE (r ->> 'difference')::numeric <> 0) INTO figures, differ FROM jsonb_array_elements(p_reconciled) AS r;
    SELECT coalesce(sum(x.n), 0), string_agg(concat_ws(' ', x.currency, acct._figure(x.amount, acct._decimals(x.currency, scale(trim_scale(x.amount))))), ', ' ORDER BY x.currency) INTO open_exceptions, gross
      FROM (SELECT e.currency, sum(e.transactions) AS n, sum(e.amount) AS amount
              FROM jsonb_to_recordset(p_exceptions) AS e (state text, currency text, transactions bigint, amount numeric) WHERE e.state = 'open' GROUP BY e.currency) AS x;
    waiting := greatest((SELECT sum(coalesce(r.source, r.ledger)) FROM jsonb_to_recordset(p_reconciled) AS r (measure text, kind text, source numeric, ledger numeric)
                          WHERE r.measure = 'transactions' AND r.kind IN ('not claimed', 'in a run', 'no journal')),
                        (SELECT sum((f ->> 'found')::bigint) FROM jsonb_array_elements(p_findings) AS f WHERE f ->> 'finding' = 'loads_waiting' AND f ->> 'basis' = p_basis), 0);
    SELECT count(*), count(*) FILTER (WHERE f ->> 'severity' = 'critical') INTO found, grave FROM jsonb_array_elements(p_findings) AS f;
    RETURN '<ul class=verdicts>'
        || acct._pack_verdict(open_books = '{}', false, 'Closed', 'Open', 'close',
                              CASE WHEN open_books = '{}' THEN 'The month is closed.' ELSE format('The month takes more entries of %s.', acct._first_of(open_books)) END)
        || acct._pack_verdict(uneven = '{}', true, 'Balanced', 'Not balanced', 'balances',
                              CASE WHEN p_results = '[]' THEN 'There are no balances.' WHEN uneven = '{}' THEN 'In every fund, what it has is what it owes, its equity, and its result.'
                                   ELSE format('Debits and credits differ in: %s.', acct._first_of(uneven)) END)
        || acct._pack_verdict(differ = 0 AND NOT is_dropped, differ > 0, 'Reconciled', CASE WHEN differ > 0 THEN 'Differs' ELSE 'Not known' END, 'reconciliation',
                              CASE WHEN differ = 0 AND is_dropped THEN 'The entries of the month were dropped: nothing is compared with them.' WHEN figures = 0 THEN 'There is nothing to reconcile.'
                                   WHEN differ = 0 THEN format('All %s figures agree, from source to balances.', figures) ELSE format('%s of %s figures differ between source, record, ledger and balances.', differ, figures) END)
        || acct._pack_verdict(open_exceptions = 0 AND waiting = 0, false, 'Complete', CASE WHEN open_exceptions > 0 THEN 'Set aside' ELSE 'Waiting' END,
                              CASE WHEN open_exceptions = 0 AND waiting > 0 THEN 'state' ELSE 'exceptions' END,
                              CASE WHEN open_exceptions = 0 THEN 'No exception of the month is open.' ELSE concat(open_exceptions, CASE open_exceptions WHEN 1 THEN ' exception' ELSE ' exceptions' END,
                                   ' of the month ', CASE open_exceptions WHEN 1 THEN 'is' ELSE 'are' END, ' open, with a gross amount of ' || gross, '.') END
                              || CASE waiting WHEN 0 THEN '' WHEN 1 THEN ' 1 transaction has no journal yet.' ELSE format(' %s transactions have no journal yet.', waiting) END)
        || acct._pack_verdict(found = 0 AND p_problem IS NULL, grave > 0, 'Nothing found', CASE WHEN found = 0 THEN 'Not known' WHEN grave > 0 THEN 'Critical' ELSE 'Findings' END, 'close',
                              CASE WHEN found = 0 THEN coalesce('Findings are not known: ' || p_problem || '.', 'Nothing stands against the close.')
                                   ELSE format('%s stand%s against the close: %s.', found, CASE found WHEN 1 THEN 's' ELSE '' END,
                                        (SELECT acct._first_of(array_agg(DISTINCT replace(f ->> 'finding', '_', ' '))) FROM jsonb_array_elements(p_findings) AS f)) END)
        || '</ul>';
END
$$;
COMMENT ON FUNCTION acct._pack_verdicts(date, text, text, jsonb, jsonb, jsonb, jsonb, text) IS
'First questions at a month''s end: whether the month is closed, balanced, reconciled and complete, and what keeps it from closing.';

CREATE FUNCTION acct._pack_outcomes(p_reconciled jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._html_table('outcomes', 'What became of the transactions loaded for the month', ARRAY['Outcome', 'Transactions'], 2,
                            string_agg('<tr><th scope=row>' || acct._html(upper(left(r.kind, 1)) || substr(r.kind, 2)) || acct._figure_cell(coalesce(r.source, r.recorded, r.ledger), 0), '' ORDER BY r.n) FILTER (WHERE r.kind <> 'total'),
                            min('<tr><th scope=row>Total' || acct._figure_cell(coalesce(r.source, r.recorded, r.ledger), 0)) FILTER (WHERE r.kind = 'total'), 'plain',
                            'No transaction was loaded for the month.')
      FROM jsonb_to_recordset(p_reconciled) AS r (n integer, measure text, kind text, source numeric, recorded numeric, ledger numeric) WHERE r.measure = 'transactions'
$$;
COMMENT ON FUNCTION acct._pack_outcomes(jsonb) IS 'Outcomes of a month''s transactions, by the rows of reconcile_month().';

CREATE FUNCTION acct._pack_state(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT acct._html_table('state', 'How current the figures are', ARRAY['What', 'State'], 99, string_agg(format('<tr><th scope=row>%s<td>%s', x.what, acct._html(x.state)), '' ORDER BY x.n), NULL, 'plain', '')
      FROM (VALUES
        (1, 'Last load', (SELECT acct._moment(b.loaded_at) FROM acct.txn_batch AS b ORDER BY b.batch_id DESC LIMIT 1)),
        (2, 'Last posting with entries in the month',
            (SELECT acct._moment(max(r.posted_at)) FROM acct.journal_run AS r WHERE r.run_id IN (
                SELECT t.run_id FROM acct.journal_run_total AS t WHERE t.je_month = p_month AND t.basis = p_basis AND (p_entity IS NULL OR t.entity_code = p_entity)) AND acct._is_posted(r.status))),
        (3, 'Entries of the month', CASE WHEN acct._is_archived('ledger_entry', p_month) THEN 'in the archive, or exported and dropped' ELSE 'in the ledger' END),
        (4, 'Server', CASE WHEN pg_is_in_recovery() THEN 'a standby, which is as far as ' || coalesce(acct._moment(pg_last_xact_replay_timestamp()), 'its base backup') ELSE 'the primary' END),
        (5, 'Policy', acct.policy_digest()),
        (6, 'Read', acct._moment(CASE WHEN current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN statement_timestamp() ELSE transaction_timestamp() END)
                    || ' by ' || session_user)) AS x (n, what, state)
     WHERE x.state IS NOT NULL
$$;
COMMENT ON FUNCTION acct._pack_state(date, text, text) IS 'How current a month''s figures are: the last load and posting, where they were read, when, and by what policy.';

CREATE FUNCTION acct._pack_sections(p_month date, p_entity text, p_basis text) RETURNS TABLE (n integer, id text, title text, kind text, body text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    books CONSTANT jsonb := (SELECT coalesce(jsonb_agg(b ORDER BY b.n), '[]') FROM acct._pack_books(p_month, p_entity, p_basis) AS b);
    results CONSTANT jsonb := (SELECT coalesce(jsonb_agg(r), '[]') FROM acct._pack_results(p_month, p_entity, p_basis) AS r);
    reconciled CONSTANT jsonb := (SELECT coalesce(jsonb_agg(to_jsonb(r) || jsonb_build_object('n', r.n)), '[]')
                                    FROM (SELECT x.*, row_number() OVER () AS n FROM acct._reconcile_month(p_month, p_entity, p_basis) AS x) AS r);
    exceptions CONSTANT jsonb := (SELECT coalesce(jsonb_agg(e), '[]') FROM acct._exceptions_report(p_month, p_entity, p_basis) AS e);
    empty CONSTANT text := '<p class=none>There are no balances: nothing was posted in the month, or before it.</p>';
    result_rows CONSTANT jsonb := (SELECT to_jsonb(s) FROM acct._pack_statement_rows('profit_and_loss', p_month, p_entity, p_basis) AS s);
    position_rows CONSTANT jsonb := (SELECT to_jsonb(s) FROM acct._pack_statement_rows('balance_sheet', p_month, p_entity, p_basis) AS s);
    found record;
BEGIN
    SELECT f.* INTO found FROM acct._pack_findings(p_month, p_entity, p_basis) AS f;
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY x.n)::integer, x.id, x.title, x.kind, x.body
      FROM (VALUES
        (1, 'summary', 'Summary', '', acct._pack_verdicts(p_month, p_entity, p_basis, results, reconciled, exceptions, found.findings, found.problem)
            || coalesce((SELECT string_agg(acct._pack_key_figures(p_month, p_basis, b, results, result_rows), '' ORDER BY b.n) FROM jsonb_array_elements(books) WITH ORDINALITY AS b (b, n)), empty)
            || '<p class=note>Figures by fund are before eliminations between funds, and before the closing entries of a year.</p>'),
        (2, 'statements', 'Statements', 'page wide', acct._pack_statements(p_month, books, result_rows, position_rows)),
        (3, 'balances', 'Trial balance', 'page wide', '<p class=note>Debits are positive, credits are in brackets.</p>'
            || coalesce((SELECT string_agg(acct._pack_trial_balance(p_month, p_basis, b), '' ORDER BY b.n) FROM jsonb_array_elements(books) WITH ORDINALITY AS b (b, n)), empty)),
        (4, 'movements', 'Movements', 'page', acct._pack_days(p_month, p_entity, p_basis)
            || coalesce((SELECT string_agg(acct._pack_movement(p_month, p_basis, b), '' ORDER BY b.n) FROM jsonb_array_elements(books) WITH ORDINALITY AS b (b, n)), '')),
        (5, 'reconciliation', 'Reconciliation', 'page wide', acct._pack_reconciliation(reconciled)),
        (6, 'exceptions', 'Exceptions and waivers', 'page', acct._pack_exceptions(exceptions) || acct._pack_waivers(p_month, p_entity, p_basis)),
        (7, 'close', 'The close', '', acct._pack_close(p_month, p_entity, p_basis, found.findings, found.problem)),
        (8, 'runs', 'Runs', 'page wide', acct._pack_runs(p_month, p_entity, p_basis)),
        (9, 'templates', 'Templates', 'wide', acct._pack_templates(p_month, p_basis)),
        (10, 'state', 'How complete, how current', 'page', acct._pack_outcomes(reconciled) || acct._pack_state(p_month, p_entity, p_basis))) AS x (n, id, title, kind, body);
END
$$;
COMMENT ON FUNCTION acct._pack_sections(date, text, text) IS 'The sections of the month-end pack in order.';

CREATE FUNCTION acct._pack_header(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('<header><p class=eyebrow>Month-end pack</p><h1>%s</h1><p class=whose>%s</p><dl class=facts>%s</dl></header>',
                  to_char(p_month, 'FMMonth FMYYYY'),
                  acct._html(coalesce((SELECT coalesce(nullif(e.name, ''), e.entity_code) FROM acct.entity AS e WHERE e.entity_code = p_entity), 'All entities')),
                  (SELECT string_agg(format('<div><dt>%s<dd>%s</div>', f.what, acct._html(f.state)), '' ORDER BY f.n)
                     FROM (VALUES (1, 'Entities', (SELECT acct._first_of(array_agg(e.entity_code::text ORDER BY e.entity_code COLLATE "C")) FROM acct.entity AS e WHERE p_entity IS NULL OR e.entity_code = p_entity)),
                                  (2, 'Basis', p_basis),
                                  (3, 'Last day', acct._day((p_month + interval '1 month' - interval '1 day')::date)),
                                  (4, 'Written', acct._moment(statement_timestamp()))) AS f (n, what, state)))
$$;
COMMENT ON FUNCTION acct._pack_header(date, text, text) IS 'The head of the month-end pack: which month, of whom.';

CREATE FUNCTION acct._month_end_pack(p_month date, p_entity text, p_basis text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    style CONSTANT text := acct._pack_style();
    script CONSTANT text := acct._pack_script();
    contents text;
    body text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_plausible_month(p_month);
    -- No month is archived from here to the end of the transaction.
    PERFORM acct._require_reconcilable(p_month, p_entity, p_basis);
    SELECT string_agg(format('<li><a href="#%s"><span>%s</span>%s</a>', s.id, s.n, s.title), '' ORDER BY s.n),
           string_agg(format('<section id="%s"%s><h2><span>%s</span>%s</h2>%s</section>', s.id, coalesce(' class="' || nullif(s.kind, '') || '"', ''), s.n, s.title, s.body), E'\n' ORDER BY s.n)
      INTO contents, body
      FROM acct._pack_sections(p_month, p_entity, p_basis) AS s;
    -- The browser runs this script and uses this stylesheet, and loads nothing.
    RETURN '<!DOCTYPE html>' || E'\n<html lang=en><head><meta charset=utf-8>'
        || format('<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''sha256-%s''; script-src ''sha256-%s''; base-uri ''none''; form-action ''none''">',
                  encode(sha256(convert_to(style, 'UTF8')), 'base64'), encode(sha256(convert_to(script, 'UTF8')), 'base64'))
        || '<meta name=viewport content="width=device-width, initial-scale=1"><meta name=color-scheme content="light dark"><meta name=generator content="ledger_engine">'
        || format('<title>Month-end pack, %s</title><style>%s</style></head>', to_char(p_month, 'FMMonth FMYYYY'), style)
        || E'\n<body><a class=skip href="#summary">To the summary</a>' || acct._pack_header(p_month, p_entity, p_basis)
        || format('<nav aria-label="Contents"><ol>%s</ol></nav>', contents) || E'\n<main>' || body || E'</main>\n'
        || format('<footer><p>Written by ledger_engine from what is posted. It is not stored: the same call gives the pack of today.</p></footer><script>%s</script></body></html>', script);
END
$$;
COMMENT ON FUNCTION acct._month_end_pack(date, text, text) IS 'The work of month_end_pack().';

CREATE FUNCTION acct.month_end_pack(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY') RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._month_end_pack($1, $2, $3)
$$;
COMMENT ON FUNCTION acct.month_end_pack(date, text, text) IS
'The month-end pack as one HTML page that needs nothing else: summary, statements, trial balance, movements, reconciliation, exceptions, findings of the close, runs and templates of a month, of an entity or all (NULL). Raises 22023 (the month is not plausible; an entity or basis that does not exist), LE010 (a partition of the month is detached), 40001 (a month was archived since the transaction took its snapshot).';

-- Runs whose journals are given line by line and come from no transaction: of kind manual, opening and closing.
--
-- Such a run is made, expanded and posted in one transaction by the function that somebody with the right to it calls. Expanding it
-- asks acct._entered_lines() for a query, which is all that a kind has to give, and stages what it returns.

CREATE FUNCTION acct._is_entered(p_kind text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN p_kind IN ('manual', 'opening', 'closing');
END
$$;
COMMENT ON FUNCTION acct._is_entered(text) IS 'True for the kinds of runs whose journals are given line by line.';

CREATE FUNCTION acct._entered_lines(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN CASE (SELECT r.kind FROM acct.journal_run AS r WHERE r.run_id = p_run_id)
        WHEN 'manual' THEN acct._manual_lines(p_run_id)
        WHEN 'opening' THEN acct._manual_lines(p_run_id)
        WHEN 'closing' THEN acct._closing_lines(p_run_id) END;
END
$$;
COMMENT ON FUNCTION acct._entered_lines(bigint) IS
'The query of the lines that make up a run, with the columns that _stage_entries() takes; NULL: they are known no more, as those of a run of kind closing once it is posted.';

CREATE FUNCTION acct._start_entered(p_kind text, p_date date, p_bases text[], p_reason text, p_options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.journal_run (kind, je_date, reason, bases, options) VALUES (p_kind, p_date, p_reason, p_bases, p_options) RETURNING run_id
$$;
COMMENT ON FUNCTION acct._start_entered(text, date, text[], text, jsonb) IS
'Creates a run whose journals are given line by line, of one date, which the caller expands and posts in the same transaction; its run_id.';

CREATE FUNCTION acct._take_je_ids(p_run_id bigint, p_count bigint) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    few CONSTANT bigint := 1000;
    month date;
    first_id bigint;
BEGIN
    SELECT date_trunc('month', r.je_date::timestamp)::date, g.from_je_id INTO month, first_id
      FROM acct.journal_run AS r LEFT JOIN LATERAL acct._je_range(r.je_range) AS g ON true WHERE r.run_id = p_run_id;
    IF first_id IS NULL OR p_count < few THEN
        UPDATE acct.journal_run AS r SET je_range = NULL, range_months = '{}' WHERE r.run_id = p_run_id;
        RETURN ARRAY(SELECT nextval('acct.je_id_seq') - few + 1 FROM generate_series(1, (p_count + few - 1) / few));
    END IF;
    UPDATE acct.journal_run AS r SET range_months = ARRAY[month] WHERE r.run_id = p_run_id;
    RETURN ARRAY(SELECT first_id + few * b FROM generate_series(0, (p_count + few - 1) / few - 1) AS b);
END
$$;
COMMENT ON FUNCTION acct._take_je_ids(bigint, bigint) IS
'Identifiers for so many journals of a run of one date, as the first of each thousand: from the run''s range, or where it has none, or few journals, from the sequence.';

CREATE FUNCTION acct._stage_entries(p_run_id bigint, p_lines text, p_header text, p_line text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    je_id CONSTANT text := '($1)[(x.journal - 1) / 1000 + 1] + (x.journal - 1) % 1000';
    run acct.journal_run;
    blocks bigint[];
    found bigint;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    EXECUTE format('SELECT coalesce(max(x.journal), 0) FROM (%s) AS x', p_lines) INTO found;
    blocks := acct._take_je_ids(p_run_id, found);
    EXECUTE format($q$
        INSERT INTO %1$s (je_id, run_id, je_date, line_count, entity_code, basis, currency, total_debit, total_credit, memo, journal_type)
        SELECT %2$s, %3$s, $2, x.lines, x.entity_code, x.basis, x.currency, x.debit, x.credit, acct._memo_of(x.memo), $3
          FROM (SELECT l.journal, l.entity_code, l.basis, l.currency, min(l.memo) AS memo, count(*) AS lines, sum(l.debit) AS debit, sum(l.credit) AS credit
                  FROM (%4$s) AS l GROUP BY l.journal, l.entity_code, l.basis, l.currency) AS x
         ORDER BY x.journal$q$, p_header, je_id, p_run_id, p_lines)
      USING blocks, run.je_date, run.kind;
    EXECUTE format($q$
        INSERT INTO %1$s (je_id, run_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit%2$s)
        SELECT %3$s, %4$s, $2, x.line_no, x.entity_code, x.basis, x.account_code, x.fund, x.currency, x.product_code, x.channel, x.debit, x.credit%5$s
          FROM (%6$s) AS x%7$s
         ORDER BY x.account_code, x.fund, x.journal, x.line_no$q$,
        p_line, acct._dimension_list('line', '%I'), je_id, p_run_id, acct._dimension_list('line', 'd.%I'), p_lines,
        CASE WHEN acct._dimensions_of('line') <> '{}' THEN ' CROSS JOIN LATERAL jsonb_populate_record(NULL::acct.je_line_staging, x.dimensions) AS d' ELSE '' END)
      USING blocks, run.je_date;
END
$$;
COMMENT ON FUNCTION acct._stage_entries(bigint, text, text, text) IS
'Writes the journals of a run of one date into its staging tables (p_header, p_line). The query p_lines has a row for each line: journal (numbered from 1 without gaps), line_no, entity_code, basis, currency, memo, account_code, fund, debit, credit, product_code, channel, dimensions (jsonb: columns of the site on lines; NULL: none).';

CREATE FUNCTION acct._record_lines(p_run_id bigint, p_header text, p_line text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp
    -- What a transaction made has no statistics.
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_hashjoin = on AS $$
DECLARE
    unbalanced bigint;
    header record;
    line record;
BEGIN
    EXECUTE format('INSERT INTO acct.journal_run_total (run_id, entity_code, basis, je_month, fund, account_code, currency, debit, credit, line_count) '
                   'SELECT %s, l.entity_code, l.basis, date_trunc(''month'', l.je_date::timestamp)::date, l.fund, l.account_code, l.currency, '
                   '       sum(l.debit), sum(l.credit), count(*) FROM %s AS l WHERE l.run_id = %1$s GROUP BY 2, 3, 4, 5, 6, 7', p_run_id, p_line);
    EXECUTE format('SELECT count(*) FROM %s AS h WHERE h.run_id = %s AND h.total_debit <> h.total_credit', p_header, p_run_id) INTO unbalanced;
    SELECT h.* INTO header FROM acct._digest_staged_headers(p_header::regclass, p_run_id, NULL) AS h;
    SELECT l.* INTO line FROM acct._digest_staged_lines(p_line::regclass, p_run_id, NULL) AS l;
    UPDATE acct.journal_run AS r
       SET journals = header.journals, lines = line.lines, debit = line.debit, credit = line.credit, digest = line.digest, unbalanced_journals = unbalanced,
           header_digest = header.digest, header_columns = header.columns, header_types = header.types,
           added_digest = line.added, added_columns = line.added_columns, added_types = line.added_types
     WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._record_lines(bigint, text, text) IS
'Records what the journals that are staged for a run come to: counts, totals by account, and the digests of lines, of what a site added to them, and of headers.';

CREATE FUNCTION acct._digest_entered(p_run_id bigint, p_lines text) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.digest FROM acct.journal_run AS r,
           acct._digest_lines(format('SELECT NULL::bigint, %L::date, x.line_no::smallint, x.entity_code, x.basis, x.account_code, x.fund, x.currency, '
                                     'x.product_code, x.channel, x.debit::numeric(20,4), x.credit::numeric(20,4) FROM (%s) AS x', r.je_date, p_lines)) AS d
     WHERE r.run_id = p_run_id
$$;
COMMENT ON FUNCTION acct._digest_entered(bigint, text) IS 'The digest of the lines of a query, as the journals of a run that is made of them have it.';

CREATE FUNCTION acct._unbalanced_fund(p_lines text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found text;
BEGIN
    EXECUTE format('SELECT format(''fund %%s: debit %%s, credit %%s'', x.fund, trim_scale(sum(x.debit)), trim_scale(sum(x.credit))) '
                   '  FROM (%s) AS x GROUP BY x.je_id, x.fund HAVING sum(x.debit) <> sum(x.credit) ORDER BY x.je_id, x.fund LIMIT 1', p_lines) INTO found;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._unbalanced_fund(text) IS 'The first fund within a journal, of the lines of a query, whose debits differ from its credits; NULL: none does.';

CREATE FUNCTION acct._expand_entered(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    given CONSTANT text := acct._entered_lines(p_run_id);
    staging record;
    unbalanced text;
BEGIN
    IF given IS NULL THEN
        RAISE EXCEPTION 'run % cannot be expanded again', p_run_id
            USING ERRCODE = 'LE002', HINT = 'Such a run is created and posted in one call. acct.discard_run() ends one that is not posted.';
    END IF;
    SELECT t.* INTO staging FROM acct._staging_tables(p_run_id) AS t;
    PERFORM acct._progress_phase('recording totals');
    PERFORM acct._stage_entries(p_run_id, given, staging.header::text, staging.line::text);
    -- crash point: manual_staged
    unbalanced := acct._unbalanced_fund(format('SELECT * FROM %s AS l WHERE l.run_id = %s', staging.line, p_run_id));
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'a journal of run % is not balanced', p_run_id USING ERRCODE = 'LE009', DETAIL = 'In ' || unbalanced || '.';
    END IF;
    PERFORM acct._record_lines(p_run_id, staging.header::text, staging.line::text);
    UPDATE acct.journal_run AS r
       SET transactions = r.journals, exceptions = 0, ignored = 0, source_digest = acct._digest_entered(p_run_id, given),
           policy_sums = k.sums, policy_digest = acct._policy_digest(k.sums),
           engine_version = (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ledger_engine'),
           minor_units = (SELECT coalesce(jsonb_object_agg(c.currency, c.minor_units), '{}') FROM acct.currency AS c
                           WHERE c.currency IN (SELECT t.currency FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id))
      FROM (SELECT acct._policy_kept() AS sums) AS k
     WHERE r.run_id = p_run_id;
    EXECUTE format('UPDATE acct.journal_run AS r SET basis_counts = (SELECT jsonb_object_agg(b.basis, jsonb_build_object(''journals'', '
                   '(SELECT count(*) FROM %s AS h WHERE h.run_id = r.run_id AND h.basis = b.basis), ''exceptions'', 0, ''ignored'', 0)) '
                   'FROM unnest(r.bases) AS b (basis)) WHERE r.run_id = %s', staging.header, p_run_id);
    PERFORM acct._require_open_periods(p_run_id);
    INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail, exceptions)
    SELECT p_run_id, 'expand', CASE r.kind WHEN 'closing' THEN 'account_balance_snapshot' ELSE 'manual_journal' END, r.transactions, acct._elapsed_ms(started),
           jsonb_build_object('journals', r.journals, 'lines', r.lines, 'exceptions', 0, 'ignored', 0, 'debit', r.debit, 'credit', r.credit), '{}'
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._expand_entered(bigint) IS
'The data path of expand_journals for journals that are given line by line. Raises LE009 where a journal is not balanced within each fund, LE006 where its period is closed, LE002 where its lines are known no more.';

CREATE FUNCTION acct._post_now(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM FROM acct.expand_journals(p_run_id);
    -- crash point: manual_expanded
    PERFORM FROM acct.post_journals(p_run_id);
END
$$;
COMMENT ON FUNCTION acct._post_now(bigint) IS 'Expands and posts a run that the transaction made. Raises what these steps raise.';

CREATE FUNCTION acct._reverse_now(p_origin bigint, p_date date, p_reason text, p_decision jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    claimed record;
    id bigint;
BEGIN
    PERFORM acct._lock_reversible(ARRAY[p_origin]);
    PERFORM acct._hold_ledger();
    PERFORM acct._require_months_of(p_origin || acct._corrections_of(ARRAY[p_origin]));
    id := acct._start_reversal(p_origin, p_date, p_reason, jsonb_build_object('decision', p_decision));
    SELECT c.* INTO claimed FROM acct._claim_with_corrections(id, p_origin, 'true') AS c;
    IF claimed.journals = 0 THEN
        RAISE EXCEPTION 'run % is reversed already', p_origin USING ERRCODE = 'LE008', DETAIL = format('Its journals are reversed by %s.', acct._reversed_by(p_origin));
    END IF;
    PERFORM acct._finish_reversal(id, claimed.journals, claimed.latest, claimed.entities, claimed.bases, started);
    -- crash point: manual_reversing
    PERFORM acct._post_now(id);
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._reverse_now(bigint, date, text, jsonb) IS
'Reverses all journals of a posted run that no other run reverses, and posts the reversal, which is part of a decision (kept as the option decision of the run) that the caller may take; its run_id. Raises LE002, LE006, LE008, LE010, 22023 as reverse_run().';

CREATE FUNCTION acct._check_entered(p_run_id bigint) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    given CONSTANT text := acct._entered_lines(p_run_id);
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF given IS NOT NULL THEN
        RETURN QUERY SELECT 'entries_unchanged', run.source_digest, acct._digest_entered(p_run_id, given);
    END IF;
    RETURN QUERY
    SELECT 'funds_balanced', '', coalesce(acct._unbalanced_fund(
        CASE WHEN acct._is_posted(run.status) THEN acct._posted_rows(p_run_id, 'line', '{je_id,fund,debit,credit}')
             ELSE format('SELECT l.je_id, l.fund, l.debit, l.credit FROM %s AS l', acct._staging_rows(p_run_id, 'line')) END), '');
END
$$;
COMMENT ON FUNCTION acct._check_entered(bigint) IS
'The checks of validate_run that are those of journals given line by line: the lines are as they were given, and each journal is balanced within each fund.';

-- The steps of a manual or opening journal: checked, submitted, and approved, which posts it, or returned.

CREATE FUNCTION acct._is_plausible(p_day date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT isfinite(p_day) AND extract(year FROM p_day) BETWEEN l.first_year AND l.last_year FROM acct._posting_limits() AS l
$$;
COMMENT ON FUNCTION acct._is_plausible(date) IS 'True where a day is in the years that acct.posting_limit allows.';

CREATE FUNCTION acct._takes_nothing(p_entity text, p_basis text, p_day date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._is_plausible(p_day) IS NOT TRUE THEN
        RETURN false;
    END IF;
    RETURN acct._is_shut(p_entity, p_basis, acct.month_start(p_day));
END
$$;
COMMENT ON FUNCTION acct._takes_nothing(text, text, date) IS 'True where nothing can be posted to a book on a day: its month is closed, or archived.';

CREATE FUNCTION acct._day_name(p_day date) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Any day there is, whatever the session's datestyle.
    SELECT to_jsonb(p_day) #>> '{}'
$$;
COMMENT ON FUNCTION acct._day_name(date) IS 'A day as messages name it, such as 2025-01-31.';

CREATE FUNCTION acct._check_manual_header(p_journal bigint) RETURNS TABLE (severity text, code text, line_no smallint, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    m record;
BEGIN
    SELECT x.* INTO m FROM acct.manual_journal AS x WHERE x.journal_id = p_journal;
    RETURN QUERY
    SELECT 'error', f.code, NULL::smallint, f.message, f.hint
      FROM (VALUES
        ('UNKNOWN_ENTITY', NOT EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = m.entity_code),
         format('entity %s is not registered', m.entity_code), 'Entities are rows of acct.entity.'),
        ('ENTITY_ELSEWHERE', acct._elsewhere(m.entity_code) IS NOT NULL AND EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = m.entity_code),
         acct._elsewhere(m.entity_code), 'Enter it on the node that has the books of the entity: acct.entity_node() on the coordinator.'),
        ('ENTITY_NOT_IN_EFFECT', EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = m.entity_code AND (m.je_date < e.effective_from OR m.je_date >= e.effective_to)),
         format('entity %s is not in effect on %s', m.entity_code, acct._day_name(m.je_date)), 'See effective_from and effective_to in acct.entity.'),
        ('ENTITY_NOT_IN_EFFECT', EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = m.entity_code AND m.auto_reverse_on >= e.effective_to),
         format('entity %s is not in effect on %s, of the reversal', m.entity_code, acct._day_name(m.auto_reverse_on)), 'See effective_to in acct.entity.'),
        ('UNKNOWN_BASIS', NOT EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = m.basis),
         format('basis %s does not exist', m.basis), 'Bases are rows of acct.accounting_basis.'),
        ('UNKNOWN_CURRENCY', NOT EXISTS (SELECT FROM acct.currency AS c WHERE c.currency = m.currency),
         format('currency %s does not exist', m.currency), 'Currencies are rows of acct.currency.'),
        ('NO_MEMO', NOT acct._says_something(m.memo) OR length(m.memo) > 1000,
         'the memo does not say in 1 to 1000 characters what the journal is for', 'Write it in acct.manual_journal.memo.'),
        ('BAD_DATE', NOT acct._is_plausible(m.je_date),
         format('the date %s is not plausible', acct._day_name(m.je_date)), 'Check the year: acct.posting_limit has the years that there are.'),
        ('PERIOD_CLOSED', acct._takes_nothing(m.entity_code, m.basis, m.je_date),
         format('the month of %s is closed in %s %s', acct._day_name(m.je_date), m.entity_code, m.basis), 'Give a date in an open month, or have this one reopened.'),
        ('BAD_REVERSAL_DATE', m.auto_reverse_on <= m.je_date OR NOT acct._is_plausible(m.auto_reverse_on),
         format('the date %s of the reversal is not plausible, or not after %s', acct._day_name(m.auto_reverse_on), acct._day_name(m.je_date)), 'Give a later date in auto_reverse_on, or none.'),
        ('REVERSAL_CLOSED', acct._takes_nothing(m.entity_code, m.basis, m.auto_reverse_on),
         format('the month of %s, of the reversal, is closed in %s %s', acct._day_name(m.auto_reverse_on), m.entity_code, m.basis),
         'Give a date in an open month in auto_reverse_on, or have this one reopened.'),
        ('NO_LINES', NOT EXISTS (SELECT FROM acct.manual_journal_line AS l WHERE l.journal_id = p_journal),
         'it has no line', 'Insert its lines into acct.manual_journal_line.')) AS f (code, is_found, message, hint)
     WHERE f.is_found;
    IF acct._is_plausible(m.je_date) AND m.auto_reverse_on > m.je_date + interval '1 year' THEN
        RETURN QUERY SELECT 'warning', 'DISTANT_REVERSAL', NULL::smallint, format('the reversal of %s is more than a year later', acct._day_name(m.auto_reverse_on)),
                            'Check the year.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_manual_header(bigint) IS 'The findings of check_manual_journal() about the journal itself.';

CREATE FUNCTION acct._dimension_problem(p_dimensions jsonb, OUT code text, OUT message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF jsonb_typeof(p_dimensions) <> 'object' THEN
        code := 'BAD_DIMENSION';
        message := 'dimensions are not a JSON object';
        RETURN;
    END IF;
    SELECT 'UNKNOWN_DIMENSION', format('dimension %s is no column of journal lines', min(k)) INTO code, message
      FROM jsonb_object_keys(p_dimensions) AS k WHERE k <> ALL (acct._dimensions_of('line')) HAVING count(*) > 0;
    IF code IS NULL THEN
        PERFORM to_jsonb(jsonb_populate_record(NULL::acct.je_line_staging, p_dimensions));
    END IF;
EXCEPTION WHEN data_exception THEN
    code := 'BAD_DIMENSION';
    message := format('a dimension has a value that does not fit: %s', SQLERRM);
END
$$;
COMMENT ON FUNCTION acct._dimension_problem(jsonb) IS 'The problem of a line''s dimensions, as JSON; NULL: none.';

CREATE FUNCTION acct._check_manual_lines(p_journal bigint) RETURNS TABLE (severity text, code text, line_no smallint, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'error', f.code, l.line_no,
           -- Of findings only: a journal may have thousands of lines.
           format('line %s: %s', l.line_no, CASE f.n
               WHEN 1 THEN format('fund %s does not exist', l.fund)
               WHEN 2 THEN format('account %s does not exist', l.account_code)
               WHEN 3 THEN format('account %s is not postable', l.account_code)
               WHEN 4 THEN format('account %s belongs to fund %s, not %s', l.account_code, a.fund, l.fund)
               WHEN 5 THEN format('account %s is not in effect on %s', l.account_code, acct._day_name(m.je_date))
               WHEN 6 THEN format('account %s is not in effect on %s, of the reversal', l.account_code, acct._day_name(m.auto_reverse_on))
               WHEN 7 THEN 'an amount is negative'
               WHEN 8 THEN 'it has a debit and a credit'
               WHEN 9 THEN 'it has no amount'
               WHEN 10 THEN 'an amount does not fit numeric(20,4)'
               WHEN 11 THEN format('an amount has more than the %s decimals of %s', c.minor_units, m.currency)
               WHEN 12 THEN format('product or channel %s', coalesce(acct._code_problem(l.product_code), acct._code_problem(l.channel)))
               WHEN 13 THEN 'product or channel is longer than 100 bytes' END), f.hint
      FROM acct.manual_journal AS m
      JOIN acct.manual_journal_line AS l ON l.journal_id = m.journal_id
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
      LEFT JOIN acct.currency AS c ON c.currency = m.currency
      LEFT JOIN acct.fund AS x ON x.fund = l.fund
     CROSS JOIN LATERAL (VALUES
        (1, 'UNKNOWN_FUND', x.fund IS NULL, 'Funds are rows of acct.fund.'),
        (2, 'UNKNOWN_ACCOUNT', a.account_code IS NULL, 'Accounts are rows of acct.chart_of_accounts.'),
        (3, 'ACCOUNT_NOT_POSTABLE', NOT a.is_postable, 'It is a heading: use an account below it.'),
        (4, 'ACCOUNT_FUND', a.fund <> l.fund, 'Use an account of the line''s fund.'),
        (5, 'ACCOUNT_NOT_IN_EFFECT', m.je_date < a.effective_from OR m.je_date >= a.effective_to, 'See effective_from and effective_to in acct.chart_of_accounts.'),
        (6, 'ACCOUNT_NOT_IN_EFFECT', m.auto_reverse_on >= a.effective_to, 'See effective_to in acct.chart_of_accounts.'),
        (7, 'NEGATIVE_AMOUNT', l.debit < 0 OR l.credit < 0, 'Put the amount on the other side.'),
        (8, 'BOTH_SIDES', l.debit <> 0 AND l.credit <> 0, 'Make two lines of it.'),
        (9, 'NO_AMOUNT', l.debit = 0 AND l.credit = 0, 'Give a debit or a credit, or delete the line.'),
        (10, 'AMOUNT_RANGE', NOT (l.debit < 1e16 AND l.credit < 1e16), 'Amounts are below 10,000,000,000,000,000.'),
        (11, 'AMOUNT_SCALE', greatest(scale(trim_scale(l.debit)), scale(trim_scale(l.credit))) > c.minor_units, 'Round it.'),
        (12, 'INVALID_CODE', coalesce(acct._code_problem(l.product_code), acct._code_problem(l.channel)) IS NOT NULL, 'Leave it out (NULL), or correct the code.'),
        (13, 'INVALID_CODE', greatest(octet_length(l.product_code), octet_length(l.channel)) > 100, 'Correct the code.')
        ) AS f (n, code, is_found, hint)
     WHERE m.journal_id = p_journal AND f.is_found
     ORDER BY l.line_no, f.n;
    RETURN QUERY
    SELECT 'error', d.code, l.line_no, format('line %s: %s', l.line_no, d.message), 'Dimensions are columns that acct.add_dimension() added to journal lines.'
      -- Many lines have the same ones.
      FROM (SELECT DISTINCT x.dimensions FROM acct.manual_journal_line AS x WHERE x.journal_id = p_journal AND x.dimensions IS NOT NULL) AS v
     CROSS JOIN LATERAL acct._dimension_problem(v.dimensions) AS d
      JOIN acct.manual_journal_line AS l ON l.journal_id = p_journal AND l.dimensions = v.dimensions
     WHERE d.code IS NOT NULL ORDER BY l.line_no;
    RETURN QUERY
    SELECT 'error', 'UNBALANCED_FUND', NULL::smallint, format('fund %s: debit %s, credit %s', x.fund, trim_scale(x.debit), trim_scale(x.credit)),
           'The lines of each fund balance.'
      FROM (SELECT l.fund, sum(l.debit) AS debit, sum(l.credit) AS credit FROM acct.manual_journal_line AS l WHERE l.journal_id = p_journal GROUP BY l.fund) AS x
     WHERE x.debit <> x.credit ORDER BY x.fund;
    RETURN QUERY
    SELECT 'error', 'AMOUNT_RANGE', NULL::smallint, 'the sum of a side does not fit numeric(20,4)', 'Make several journals of it.'
      FROM acct.manual_journal_line AS l WHERE l.journal_id = p_journal HAVING NOT greatest(sum(l.debit), sum(l.credit)) < 1e16;
END
$$;
COMMENT ON FUNCTION acct._check_manual_lines(bigint) IS 'The findings of check_manual_journal() about the lines.';

CREATE FUNCTION acct._check_opening(p_journal bigint) RETURNS TABLE (severity text, code text, line_no smallint, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    m record;
    funds CONSTANT text[] := ARRAY(SELECT DISTINCT l.fund COLLATE "C" FROM acct.manual_journal_line AS l WHERE l.journal_id = p_journal ORDER BY 1);
    is_misdated boolean := false;
BEGIN
    SELECT x.* INTO m FROM acct.manual_journal AS x WHERE x.journal_id = p_journal AND x.journal_type = 'opening';
    IF NOT FOUND THEN
        RETURN;
    ELSIF acct._is_plausible(m.je_date) THEN
        is_misdated := acct.month_end(m.je_date) <> m.je_date;
    END IF;
    RETURN QUERY
    SELECT 'error', f.code, NULL::smallint, f.message, f.hint
      FROM (VALUES
        ('OPENING_DATE', is_misdated, format('an opening of %s is not dated the last day of its month', acct._day_name(m.je_date)),
         'Give the last day of the month before the first one that is booked.'),
        ('OPENING_FUND', cardinality(funds) > 1, 'an opening journal has lines of several funds', 'Make a journal of each fund.'),
        ('OPENING_REVERSAL', m.auto_reverse_on IS NOT NULL, 'an opening journal cannot reverse itself', 'Leave auto_reverse_on out.')) AS f (code, is_found, message, hint)
     WHERE f.is_found;
    RETURN QUERY
    SELECT 'error', 'OPENING_REPEATED', NULL::smallint, format('fund %s in %s has an opening already: manual journal %s', o.fund, m.currency, min(o.journal_id)),
           'Reverse that one first (acct.reverse_journals()), or make a manual journal of the difference.'
      FROM (SELECT DISTINCT x.journal_id, l.fund FROM acct.manual_journal AS x JOIN acct.manual_journal_line AS l USING (journal_id)
             WHERE x.journal_type = 'opening' AND x.status = 'approved' AND x.entity_code = m.entity_code AND x.basis = m.basis AND x.currency = m.currency
               AND x.journal_id <> m.journal_id AND l.fund = ANY (funds) AND NOT acct._is_reversed(x.run_id)) AS o
     GROUP BY o.fund ORDER BY o.fund;
    RETURN QUERY
    SELECT 'warning', 'OPENING_INCOME', l.line_no, format('line %s: account %s is of type %s', l.line_no, l.account_code, a.account_type),
           'Right where the book starts within a year: else income and expense start at zero.'
      FROM acct.manual_journal_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
     WHERE l.journal_id = p_journal AND a.account_type IN ('INCOME', 'EXPENSE') ORDER BY l.line_no;
END
$$;
COMMENT ON FUNCTION acct._check_opening(bigint) IS 'The findings of check_manual_journal() that only opening journals can have.';

CREATE FUNCTION acct._is_reversed(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.status = 'reversed')
$$;
COMMENT ON FUNCTION acct._is_reversed(bigint) IS 'True where all journals of a run are reversed by posted ones.';

CREATE FUNCTION acct._raise_no_manual_journal(p_journal bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'manual journal % does not exist', coalesce(p_journal::text, 'NULL')
        USING ERRCODE = 'LE004', HINT = 'Manual journals are rows of acct.manual_journal.';
END
$$;
COMMENT ON FUNCTION acct._raise_no_manual_journal(bigint) IS 'Raises LE004: there is no such manual journal.';

CREATE FUNCTION acct.check_manual_journal(journal_id bigint) RETURNS TABLE (severity text, code text, line_no smallint, message text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    id CONSTANT bigint := check_manual_journal.journal_id;
BEGIN
    PERFORM acct._require_layout();
    IF NOT EXISTS (SELECT FROM acct.manual_journal AS m WHERE m.journal_id = id) THEN
        PERFORM acct._raise_no_manual_journal(id);
    END IF;
    RETURN QUERY
    SELECT * FROM acct._check_manual_header(id)
    UNION ALL SELECT * FROM acct._check_manual_lines(id)
    UNION ALL SELECT * FROM acct._check_opening(id);
END
$$;
COMMENT ON FUNCTION acct.check_manual_journal(bigint) IS
'Problems of a manual or opening journal, a row for each finding: severity error keeps it from being submitted and approved, warning does not. Raises LE004 where there is no such journal.';

CREATE FUNCTION acct._refuse_manual_findings(p_journal bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found record;
BEGIN
    SELECT array_agg(f.message) AS messages, bool_and(f.code IN ('PERIOD_CLOSED', 'REVERSAL_CLOSED')) AS only_closed, min(f.hint) AS hint INTO found
      FROM acct.check_manual_journal(p_journal) AS f WHERE f.severity = 'error';
    IF found.messages IS NULL THEN
        RETURN;
    ELSIF found.only_closed THEN
        RAISE EXCEPTION 'manual journal % is in a closed period', p_journal
            USING ERRCODE = 'LE006', DETAIL = 'Findings: ' || array_to_string(found.messages, '; ') || '.', HINT = found.hint;
    END IF;
    RAISE EXCEPTION 'manual journal % is not valid', p_journal
        USING ERRCODE = 'LE004', DETAIL = 'Findings: ' || array_to_string(found.messages[1:10], '; ') || CASE WHEN cardinality(found.messages) > 10 THEN '; ...' ELSE '.' END,
              HINT = 'Correct the journal or its lines: acct.check_manual_journal() lists what is wrong.';
END
$$;
COMMENT ON FUNCTION acct._refuse_manual_findings(bigint) IS
'Raises LE004 where check_manual_journal() has a finding of severity error, LE006 where closed months are all that it finds.';

CREATE FUNCTION acct._lock_manual_journal(p_journal bigint, p_status text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    held text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    -- A session that edits it, or reads it FOR UPDATE, holds its row: this waits for it as for any other holder.
    PERFORM acct._lock_row('acct.manual_journal', ARRAY['journal_id'], ARRAY[p_journal::text], format('manual journal %s', p_journal), true);
    PERFORM acct._hold_tables('{acct.manual_journal_line}', 'ACCESS SHARE');
    SELECT m.status INTO held FROM acct.manual_journal AS m WHERE m.journal_id = p_journal;
    IF NOT FOUND THEN
        PERFORM acct._raise_no_manual_journal(p_journal);
    ELSIF held <> ALL (p_status) THEN
        RAISE EXCEPTION 'manual journal % is %, not %', p_journal, held, array_to_string(p_status, ' or ')
            USING ERRCODE = CASE WHEN 'submitted' = ANY (p_status) THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'The order is: draft, submit_manual_journal(), approve_manual_journal() or return_manual_journal().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._lock_manual_journal(bigint, text[]) IS
'Locks a manual journal to the end of the transaction; raises LE004 where it does not exist or has another status (LE005 where it should be submitted), 55P03 with the holder as _refuse_held() does.';

CREATE FUNCTION acct.submit_manual_journal(journal_id bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
DECLARE
    id CONSTANT bigint := submit_manual_journal.journal_id;
    sha256 text;
BEGIN
    PERFORM acct._lock_manual_journal(id, ARRAY['draft', 'returned']);
    PERFORM acct._refuse_manual_findings(id);
    SELECT c.content_sha256 INTO sha256 FROM acct.manual_journal_content AS c WHERE c.journal_id = id;
    UPDATE acct.manual_journal AS m SET status = 'submitted', submitted_by = session_user, submitted_at = clock_timestamp(), submitted_sha256 = sha256
     WHERE m.journal_id = id;
    -- crash point: submit_done
    RETURN sha256;
END
$$;
COMMENT ON FUNCTION acct.submit_manual_journal(bigint) IS
'Hands a manual or opening journal to its approver, and returns the SHA-256 of its content. Raises LE004 where it does not exist, was submitted or approved, or has a finding of severity error, LE006 where its month or that of its reversal is closed, 25001 (the transaction is not READ COMMITTED), 55P03 (locked).';

CREATE FUNCTION acct.return_manual_journal(journal_id bigint, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
DECLARE
    id CONSTANT bigint := return_manual_journal.journal_id;
BEGIN
    PERFORM acct._lock_manual_journal(id, ARRAY['submitted']);
    IF NOT acct._says_something(return_manual_journal.reason) OR length(return_manual_journal.reason) > 1000 THEN
        RAISE EXCEPTION 'a reason of 1 to 1000 characters must be given' USING ERRCODE = '22023';
    END IF;
    UPDATE acct.manual_journal AS m SET status = 'returned', returned_by = session_user, returned_at = clock_timestamp(), return_reason = return_manual_journal.reason
     WHERE m.journal_id = id;
END
$$;
COMMENT ON FUNCTION acct.return_manual_journal(bigint, text) IS
'Returns a submitted manual or opening journal, to be edited and submitted again, with a reason. Raises LE004 where it does not exist, LE005 where it is not submitted, 22023 (no reason), 25001 (the transaction is not READ COMMITTED), 55P03 (locked).';

CREATE FUNCTION acct._manual_edited_by_caller(p_journal bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.manual_journal AS m WHERE m.journal_id = p_journal AND m.maker = session_user)
        OR EXISTS (SELECT FROM acct.template_audit AS a
                    WHERE a.row_key ->> 'journal_id' IS NOT NULL AND a.row_key ->> 'journal_id' = p_journal::text
                      -- As _is_edit_by_caller() has it, which is not called for each line
                      AND (a.changed_by = session_user OR a.changed_by_role = acct._session_role())
                      AND acct._is_edit(a.operation, a.old_row, a.new_row))
$$;
COMMENT ON FUNCTION acct._manual_edited_by_caller(bigint) IS
'True where the session''s user made a manual journal, or edited it or a line of it, also under an earlier name.';

CREATE FUNCTION acct._require_manual_approver(p_journal bigint, p_seen text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    submitted CONSTANT text := (SELECT m.submitted_sha256 FROM acct.manual_journal AS m WHERE m.journal_id = p_journal);
    sha256 text;
BEGIN
    IF acct._manual_edited_by_caller(p_journal) THEN
        RAISE EXCEPTION '% created or edited manual journal % and cannot approve it', session_user, p_journal
            USING ERRCODE = 'LE005', HINT = 'Have a second person approve it.';
    END IF;
    SELECT c.content_sha256 INTO sha256 FROM acct.manual_journal_content AS c WHERE c.journal_id = p_journal;
    IF sha256 IS DISTINCT FROM submitted THEN
        RAISE EXCEPTION 'manual journal % was changed after it was submitted', p_journal
            USING ERRCODE = 'LE005', DETAIL = format('Its content has SHA-256 %s, not %s.', sha256, submitted),
                  HINT = 'Return it with acct.return_manual_journal(), and have it submitted again.';
    ELSIF lower(p_seen) <> sha256 THEN
        RAISE EXCEPTION 'manual journal % is not what the approver saw', p_journal
            USING ERRCODE = 'LE005', DETAIL = format('Its content has SHA-256 %s, not %s.', sha256, p_seen),
                  HINT = 'Somebody had it returned, edited and submitted again. Look at acct.manual_journal_content once more.';
    END IF;
    RETURN sha256;
END
$$;
COMMENT ON FUNCTION acct._require_manual_approver(bigint, text) IS
'Raises LE005 where the session''s user may not approve a submitted manual journal, or it is not what was submitted, or not what the user saw; the SHA-256 of its content.';

CREATE FUNCTION acct._manual_lines(p_run_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('SELECT 1::bigint AS journal, l.line_no, m.entity_code, m.basis, m.currency, m.memo, l.account_code, l.fund, l.debit, l.credit, '
                  'l.product_code, l.channel, l.dimensions FROM acct.manual_journal AS m JOIN acct.manual_journal_line AS l USING (journal_id) '
                  'WHERE m.journal_id = %s', r.options ->> 'manual_journal')
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.options ? 'manual_journal'
$$;
COMMENT ON FUNCTION acct._manual_lines(bigint) IS 'The query of the lines of the manual journal that a run posts, as _stage_entries() takes it.';

CREATE FUNCTION acct._finish_manual_journal(p_journal bigint, p_sha256 text, p_run_id bigint, p_je_id bigint, p_reversal bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
    UPDATE acct.manual_journal AS m
       SET status = 'approved', approver = session_user, approved_at = clock_timestamp(), approved_sha256 = p_sha256, run_id = p_run_id, je_id = p_je_id,
           reversal_run_id = p_reversal
     WHERE m.journal_id = p_journal
$$;
COMMENT ON FUNCTION acct._finish_manual_journal(bigint, text, bigint, bigint, bigint) IS 'Records that a manual journal was approved and posted.';

CREATE FUNCTION acct._only_journal(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id bigint;
BEGIN
    -- Its staging is there as long as the transaction that posted it.
    EXECUTE format('SELECT h.je_id FROM %s AS h', acct._staging_rows(p_run_id, 'header')) INTO STRICT id;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._only_journal(bigint) IS 'The je_id of the one journal of a run that this transaction posted.';

CREATE FUNCTION acct._ready_months(p_months date[]) RETURNS regclass[]
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    made regclass[];
BEGIN
    -- What two postings in one transaction take, in the order of a single one: months, then what is read, then the records.
    SELECT array_agg(format('acct.%I', p)::regclass) INTO made FROM unnest(p_months) AS m, acct._make_ledger_partition(m) AS p;
    PERFORM acct._hold_ledger();
    PERFORM acct._hold_tables(array_agg(t ORDER BY t::text), 'ACCESS SHARE')
       FROM (SELECT DISTINCT acct._partition_of(format('acct.%I', p)::regclass, m) AS t FROM unnest(p_months) AS m, unnest(ARRAY['ledger_entry_header', 'ledger_entry_line']) AS p) AS x;
    PERFORM acct._mark_posted(array_agg(acct._partition_of('acct.ledger_entry_header', m)) || array_agg(acct._line_partition(m))) FROM unnest(p_months) AS m;
    RETURN made;
END
$$;
COMMENT ON FUNCTION acct._ready_months(date[]) IS
'Creates months of the ledger that a transaction posts to more than once, keeps them readable, and records that they hold posted entries, so that it waits for no other posting later; the partitions that were made. The caller has locked the book.';

CREATE FUNCTION acct.approve_manual_journal(journal_id bigint, content_sha256 text DEFAULT NULL)
RETURNS TABLE (run_id bigint, je_id bigint, je_number text, je_date date, journal_type text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    m record;
    sha256 text;
    made regclass[];
    posting bigint;
    reversal bigint;
BEGIN
    PERFORM acct._lock_manual_journal(approve_manual_journal.journal_id, ARRAY['submitted']);
    PERFORM acct._commit_durably();
    PERFORM acct._announce_work();
    SELECT x.* INTO m FROM acct.manual_journal AS x WHERE x.journal_id = approve_manual_journal.journal_id;
    sha256 := acct._require_manual_approver(m.journal_id, approve_manual_journal.content_sha256);
    PERFORM acct._refuse_manual_findings(m.journal_id);
    -- Once more under the lock of its book, with whatever was closed or opened meanwhile.
    PERFORM acct._lock_books(ARRAY[m.entity_code], ARRAY[m.basis]);
    -- And with policy, and the places of entities in a cluster, as nobody changes them from here on
    PERFORM acct._hold_tables('{acct.chart_of_accounts}', 'ROW SHARE');
    PERFORM acct._refuse_manual_findings(m.journal_id);
    -- crash point: manual_locked
    IF m.auto_reverse_on IS NOT NULL THEN
        made := acct._ready_months(ARRAY[acct.month_start(m.je_date), acct.month_start(m.auto_reverse_on)]);
    END IF;
    posting := acct._start_entered(m.journal_type, m.je_date, ARRAY[m.basis], m.memo, jsonb_build_object('manual_journal', m.journal_id));
    PERFORM acct._post_now(posting);
    -- crash point: manual_posted
    IF m.auto_reverse_on IS NOT NULL THEN
        reversal := acct._reverse_now(posting, m.auto_reverse_on, m.memo, jsonb_build_object('manual_journal', m.journal_id));
    END IF;
    -- crash point: manual_reversed
    PERFORM acct._finish_manual_journal(m.journal_id, sha256, posting, acct._only_journal(posting), reversal);
    IF NOT acct._keep_planners_out(made) THEN
        RAISE WARNING 'manual journal % was posted while a reader of its month did not end', m.journal_id
            USING DETAIL = 'A query that is being planned at this moment may see the journal of its reversal without its lines.';
    END IF;
    -- crash point: manual_approved
    RETURN QUERY
    SELECT h.run_id, h.je_id, h.je_number, h.je_date, h.journal_type
      FROM (VALUES (1, posting, m.je_date), (2, reversal, m.auto_reverse_on)) AS p (n, run_id, day)
      JOIN acct.ledger_entry_header AS h ON h.je_id = acct._only_journal(p.run_id) AND h.je_date = p.day
     WHERE p.run_id IS NOT NULL ORDER BY p.n;
END
$$;
COMMENT ON FUNCTION acct.approve_manual_journal(bigint, text) IS
'Approves a submitted manual or opening journal and posts it, with auto_reverse_on together with its reversal, all or nothing: a row for each journal of the ledger. Raises LE004 (no such journal, or it has a finding by now), LE005 where it is not submitted, where the caller made or edited it, or where it is not what was submitted or what the caller saw in acct.manual_journal_content, LE006 (a month is closed), 25001 (the transaction is not READ COMMITTED), 55P03 (locked).';

CREATE FUNCTION acct.copy_manual_journal(journal_id bigint, je_date date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    source CONSTANT bigint := copy_manual_journal.journal_id;
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    INSERT INTO acct.manual_journal AS n (journal_type, entity_code, basis, je_date, currency, memo)
    SELECT m.journal_type, m.entity_code, m.basis, coalesce(copy_manual_journal.je_date, m.je_date), m.currency, m.memo
      FROM acct.manual_journal AS m WHERE m.journal_id = source
    RETURNING n.journal_id INTO id;
    IF id IS NULL THEN
        PERFORM acct._raise_no_manual_journal(source);
    END IF;
    INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit, memo, product_code, channel, dimensions)
    SELECT id, l.line_no, l.account_code, l.fund, l.debit, l.credit, l.memo, l.product_code, l.channel, l.dimensions
      FROM acct.manual_journal_line AS l WHERE l.journal_id = source ORDER BY l.line_no;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.copy_manual_journal(bigint, date) IS
'Copies a manual or opening journal, whatever its status, with its lines to a new draft of the caller, of another date (NULL: the same) and without auto_reverse_on; its journal_id. Raises LE004 where there is no such journal, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._health_manual_journals(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(round(max(extract(epoch FROM now() - m.submitted_at)) / 3600, 2), 0),
           acct._first_of(array_agg(format('manual journal %s of %s in %s %s, submitted by %s at %s', m.journal_id, acct._day_name(m.je_date), m.entity_code, m.basis,
                                           m.submitted_by, to_char(m.submitted_at, 'YYYY-MM-DD HH24:MI')) ORDER BY m.submitted_at, m.journal_id))
      FROM acct.manual_journal AS m WHERE m.status = 'submitted'
$$;
COMMENT ON FUNCTION acct._health_manual_journals() IS 'Hours for which that manual journal, of those that were submitted, waits longest for its approver.';

-- Rehearsals: a month or a year is closed as it would be, and taken back.

CREATE FUNCTION acct._rehearse(p_month date, p_entity text, p_basis text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    year_end CONSTANT date := (p_month + interval '1 month')::date - 1;
    id bigint;
    rows jsonb;
    entries jsonb;
    balances jsonb;
    agreed CONSTANT text := acct._agreed_at(p_month, p_entity, p_basis);
BEGIN
    PERFORM acct._hold_policy();
    PERFORM acct._lock_books_of(p_entity, p_basis);
    IF NOT acct._is_closed(p_entity, p_basis, p_month) THEN
        rows := (SELECT jsonb_agg(jsonb_build_object('part', 'finding', 'item', f.finding, 'currency', f.currency, 'balance', f.amount, 'message', f.message)
                                  ORDER BY f.n, f.currency, f.message)
                   FROM jsonb_to_recordset(acct._findings_now(p_month, ARRAY[p_entity], ARRAY[p_basis], agreed))
                        AS f (n integer, finding text, currency text, amount numeric, message text));
        PERFORM acct._write_periods(p_month, ARRAY[p_entity], ARRAY[p_basis], false);
    END IF;
    IF acct._is_year_end(year_end, p_entity, p_basis)
       AND year_end > coalesce(acct._closed_through(p_entity, p_basis), '-infinity') THEN
        rows := coalesce(rows, '[]') || coalesce(
            (SELECT jsonb_agg(jsonb_build_object('part', 'finding', 'item', 'month_of_year_open', 'message', format('%s is open', acct._month_name(m))) ORDER BY m)
               FROM acct._open_months_before(year_end, p_entity, p_basis) AS m), '[]');
        PERFORM acct._require_year_order(year_end, p_entity, p_basis);
        id := acct._post_closing(year_end, p_entity, p_basis, 'Rehearsal');
        entries := (SELECT jsonb_agg(jsonb_build_object('part', 'closing_entry', 'item', e.je_number, 'fund', e.fund, 'account_code', e.account_code, 'currency', e.currency,
                                                        'debit', e.debit, 'credit', e.credit, 'message', a.description) ORDER BY e.je_number, e.line_no)
                      FROM acct._closing_entries(id) AS e JOIN acct.chart_of_accounts AS a ON a.account_code = e.account_code);
    END IF;
    balances := (SELECT jsonb_agg(jsonb_build_object('part', 'trial_balance', 'item', t.account_type, 'fund', t.fund, 'account_code', t.account_code, 'currency', t.currency,
                                                     'debit', t.period_debit, 'credit', t.period_credit, 'balance', t.closing_balance, 'message', t.description)
                                  ORDER BY t.fund, t.account_code, t.currency)
                   FROM acct._trial_balance(p_month, p_entity, p_basis, NULL, NULL, true) AS t);
    rows := coalesce(rows, '[]') || coalesce(entries, '[]') || coalesce(balances, '[]');
    -- crash point: rehearse_done
    RAISE SQLSTATE 'RB001';
EXCEPTION WHEN SQLSTATE 'RB001' THEN
    RETURN rows;
END
$$;
COMMENT ON FUNCTION acct._rehearse(date, text, text) IS
'Closes a month of a book, or the year that ends with it, whatever the findings, and rolls that back: findings, closing entries, and the trial balance after, as rows of rehearse_close().';

CREATE FUNCTION acct._rehearse_close(p_month date, p_entity text, p_basis text)
RETURNS TABLE (part text, item text, fund text, account_code text, currency text, debit numeric, credit numeric, balance numeric, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_plausible_month(p_month);
    PERFORM acct._require_code('entity', p_entity);
    PERFORM acct._require_code('basis', p_basis);
    IF acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    RETURN QUERY SELECT r.* FROM jsonb_to_recordset(acct._rehearse(p_month, p_entity, p_basis))
                     AS r (part text, item text, fund text, account_code text, currency text, debit numeric, credit numeric, balance numeric, message text);
END
$$;
COMMENT ON FUNCTION acct._rehearse_close(date, text, text) IS 'The work of rehearse_close().';

CREATE FUNCTION acct.rehearse_close(month date, entity text, basis text)
RETURNS TABLE (part text, item text, fund text, account_code text, currency text, debit numeric, credit numeric, balance numeric, message text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._rehearse_close($1, $2, $3) AS r
$$;
COMMENT ON FUNCTION acct.rehearse_close(date, text, text) IS
'Closes a month of a book (entity, basis), and the year that ends with it, as close_period() and close_year() would, whatever the findings, and rolls it back: rows of parts finding, closing_entry and trial_balance. Raises LE004 (a fund has no surplus account), LE006 (the month is archived), LE014 (the year before is not closed), 22023, 25001, 55P03.';

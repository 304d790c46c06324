-- Opening balances: the balances of another system become opening journals, and are compared with the ledger.
--
-- The table of balances is the caller's, and is read with the caller's rights: what a view, a rule or a policy of it calls must
-- not run as the owner of the engine. So these functions read it as their caller, and hand over what they read.

CREATE FUNCTION acct._balance_columns(p_source regclass, OUT fund_column text, OUT amount text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    names CONSTANT text[] := ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = p_source AND a.attnum > 0 AND NOT a.attisdropped);
    -- The server's cast of floating point to numeric rounds; their text has all digits.
    floats CONSTANT text[] := ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
         WHERE a.attrelid = p_source AND a.attnum > 0 AND NOT a.attisdropped
           AND EXISTS (WITH RECURSIVE base (oid) AS (
                           SELECT a.atttypid UNION ALL SELECT t.typbasetype FROM base AS b JOIN pg_type AS t ON t.oid = b.oid WHERE t.typtype = 'd')
                       SELECT FROM base AS b WHERE b.oid IN ('real'::regtype, 'double precision'::regtype)));
BEGIN
    IF p_source IS NULL THEN
        RAISE EXCEPTION 'the table of balances must be given' USING ERRCODE = '22004';
    END IF;
    fund_column := CASE WHEN 'fund_code' = ANY (names) THEN 'fund_code' WHEN 'fund' = ANY (names) THEN 'fund' END;
    amount := CASE WHEN 'balance' = ANY (names) THEN CASE WHEN NOT names && '{debit,credit}' THEN 'x.balance%s::numeric' END
                   WHEN '{debit,credit}' <@ names THEN 'coalesce(x.debit%2$s::numeric, 0) - coalesce(x.credit%3$s::numeric, 0)' END;
    amount := format(amount, CASE WHEN 'balance' = ANY (floats) THEN '::text' END, CASE WHEN 'debit' = ANY (floats) THEN '::text' END,
                     CASE WHEN 'credit' = ANY (floats) THEN '::text' END);
    IF fund_column IS NULL OR amount IS NULL OR NOT '{account_code,currency}' <@ names
       OR NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = p_source AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) THEN
        RAISE EXCEPTION '% is not a table of balances', p_source
            USING ERRCODE = '22023', DETAIL = format('It has the columns: %s.', coalesce(nullif(array_to_string(names, ', '), ''), 'none')),
                  HINT = 'It needs account_code, fund_code or fund, currency, and either balance (debit balances positive) or debit and credit.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._balance_columns(regclass) IS
'How a table of balances names funds, and the expression of a balance over its row x, debit balances positive. Raises 22004, and 22023 where it lacks a column.';

CREATE FUNCTION acct._read_balances(p_source regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
    columns record;
    balances jsonb;
BEGIN
    SELECT c.* INTO columns FROM acct._balance_columns(p_source) AS c;
    EXECUTE format('SELECT coalesce(jsonb_agg(jsonb_build_object(''account_code'', y.account_code, ''fund'', y.fund, ''currency'', y.currency, ''balance'', y.balance)), ''[]'') '
                   '  FROM (SELECT x.account_code::text AS account_code, x.%I::text AS fund, x.currency::text AS currency, '
                   '               CASE WHEN bool_and((%s) IS NOT NULL) THEN sum(%2$s) END AS balance FROM %s AS x GROUP BY 1, 2, 3) AS y',
                   columns.fund_column, columns.amount, p_source)
       INTO balances;
    RETURN balances;
EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
    RAISE EXCEPTION 'a balance of % is no number', p_source USING ERRCODE = '22023', DETAIL = SQLERRM;
END
$$;
COMMENT ON FUNCTION acct._read_balances(regclass) IS
'The balances of a table, read with the caller''s rights, as a JSON array: account_code, fund, currency and the sum of its balances, debit balances positive. Raises 22023 where a balance is no number, 42501 where the caller may not read it.';

CREATE FUNCTION acct._balances(p_balances jsonb) RETURNS TABLE (account_code text, fund text, currency text, balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wrong record;
BEGIN
    SELECT b.* INTO wrong FROM jsonb_to_recordset(p_balances) AS b (account_code text, fund text, currency text, balance numeric)
     WHERE b.account_code IS NULL OR b.fund IS NULL OR b.currency IS NULL OR b.balance IS NULL OR NOT abs(b.balance) < 1e16
     ORDER BY 1, 2, 3 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a balance has no account, fund, currency or amount, or an amount that does not fit numeric(20,4)'
            USING ERRCODE = '22023', DETAIL = format('Account %s, fund %s, currency %s, balance %s.', coalesce(wrong.account_code, 'NULL'),
                coalesce(wrong.fund, 'NULL'), coalesce(wrong.currency, 'NULL'), coalesce(wrong.balance::text, 'NULL'));
    END IF;
    RETURN QUERY
    SELECT b.account_code COLLATE "C", b.fund COLLATE "C", b.currency COLLATE "C", sum(b.balance)
      FROM jsonb_to_recordset(p_balances) AS b (account_code text, fund text, currency text, balance numeric) GROUP BY 1, 2, 3;
END
$$;
COMMENT ON FUNCTION acct._balances(jsonb) IS 'Balances that _read_balances() returned, as rows. Raises 22023 where one lacks its account, fund, currency or amount.';

CREATE FUNCTION acct._require_opening_book(p_as_of date, p_entity text, p_basis text, p_writes boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    IF p_writes THEN
        PERFORM acct._require_read_committed();
    END IF;
    IF p_as_of IS NULL THEN
        RAISE EXCEPTION 'the date of the balances must be given' USING ERRCODE = '22004';
    ELSIF NOT acct._is_plausible(p_as_of) THEN
        RAISE EXCEPTION 'the date % is not plausible', acct._day_name(p_as_of)
            USING ERRCODE = '22023', HINT = 'Check the year: acct.posting_limit has the years that there are.';
    ELSIF acct.month_end(p_as_of) <> p_as_of THEN
        RAISE EXCEPTION '% is not the last day of a month', acct._day_name(p_as_of)
            USING ERRCODE = '22023', HINT = 'Opening balances are those at the end of the month before the first one that is booked.';
    END IF;
    PERFORM acct._require_code('entity', p_entity);
    PERFORM acct._require_code('basis', p_basis);
END
$$;
COMMENT ON FUNCTION acct._require_opening_book(date, text, text, boolean) IS
'Raises 22004 or 22023 unless a date is the last of a plausible month, and entity and basis exist; with p_writes 25001 and 25006 as the steps do.';

CREATE FUNCTION acct._draft_opening(p_as_of date, p_entity text, p_basis text, p_balances jsonb)
RETURNS TABLE (journal_id bigint, fund text, currency text, line_count bigint, debit numeric, credit numeric)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    others text;
    part record;
    most CONSTANT integer := 32767;
BEGIN
    PERFORM acct._require_opening_book(p_as_of, p_entity, p_basis, true);
    PERFORM acct._announce_work();
    -- One at a time.
    PERFORM acct._lock_books(ARRAY[p_entity], ARRAY[p_basis]);
    IF acct._takes_nothing(p_entity, p_basis, p_as_of) THEN
        RAISE EXCEPTION 'the month of % is closed in % %', acct._day_name(p_as_of), p_entity, p_basis
            USING ERRCODE = 'LE006', HINT = 'Opening balances can be drafted and posted while their month is open.';
    END IF;
    SELECT string_agg(format('%s (%s)', m.journal_id, m.status), ', ' ORDER BY m.journal_id) INTO others FROM acct.manual_journal AS m
     WHERE m.journal_type = 'opening' AND m.entity_code = p_entity AND m.basis = p_basis AND (m.run_id IS NULL OR NOT acct._is_reversed(m.run_id));
    IF others IS NOT NULL THEN
        RAISE EXCEPTION 'book % % has opening journals already', p_entity, p_basis
            USING ERRCODE = 'LE008', DETAIL = 'Manual journals: ' || others || '.',
                  HINT = 'Delete those that are drafts, and have those that are posted reversed.';
    END IF;
    FOR part IN SELECT b.fund, b.currency, count(*) AS lines, sum(greatest(b.balance, 0)) AS debit, sum(greatest(-b.balance, 0)) AS credit
                  FROM acct._balances(p_balances) AS b WHERE b.balance <> 0 GROUP BY b.fund, b.currency ORDER BY b.fund, b.currency LOOP
        IF part.lines > most THEN
            RAISE EXCEPTION 'fund % has % balances in %', part.fund, part.lines, part.currency
                USING ERRCODE = '54000', DETAIL = format('A journal has at most %s lines.', most);
        END IF;
        INSERT INTO acct.manual_journal AS m (journal_type, entity_code, basis, je_date, currency, memo)
        VALUES ('opening', p_entity, p_basis, p_as_of, part.currency, format('Opening balances of fund %s at %s', part.fund, acct._day_name(p_as_of)))
        RETURNING m.journal_id INTO journal_id;
        INSERT INTO acct.manual_journal_line AS l (journal_id, line_no, account_code, fund, debit, credit)
        SELECT _draft_opening.journal_id, row_number() OVER (ORDER BY b.account_code), b.account_code, b.fund, greatest(b.balance, 0), greatest(-b.balance, 0)
          FROM acct._balances(p_balances) AS b WHERE b.fund = part.fund AND b.currency = part.currency AND b.balance <> 0 ORDER BY b.account_code;
        fund := part.fund;
        currency := part.currency;
        line_count := part.lines;
        debit := part.debit;
        credit := part.credit;
        RETURN NEXT;
    END LOOP;
    IF journal_id IS NULL THEN
        RAISE EXCEPTION 'there is no balance to open with' USING ERRCODE = '22023', DETAIL = 'The table has no row, or its balances are zero.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._draft_opening(date, text, text, jsonb) IS 'draft_opening_balances() for balances that were read from their table.';

CREATE FUNCTION acct.draft_opening_balances(as_of date, entity text, basis text, source regclass)
RETURNS TABLE (journal_id bigint, fund text, currency text, line_count bigint, debit numeric, credit numeric)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_opening_book(draft_opening_balances.as_of, draft_opening_balances.entity, draft_opening_balances.basis, true);
    RETURN QUERY
    SELECT d.* FROM acct._draft_opening(draft_opening_balances.as_of, draft_opening_balances.entity, draft_opening_balances.basis,
                                        acct._read_balances(draft_opening_balances.source)) AS d;
END
$$;
COMMENT ON FUNCTION acct.draft_opening_balances(date, text, text, regclass) IS
'Drafts the opening journals of a book from a table of balances, which is read with the caller''s rights: one for each fund and currency, dated as_of, the last day of a month; a row for each. Raises LE006 (its month is closed), LE008 (the book has opening journals that are not reversed), 22004, 22023 (not a month''s last day, no such entity or basis, not a table of balances, no balance), 42501 (the caller may not read the table), 54000 (more than 32767 lines), 55P03 (locked).';

CREATE FUNCTION acct._compare_opening(p_as_of date, p_entity text, p_basis text, p_balances jsonb)
RETURNS TABLE (fund text, account_code text, currency text, outcome text, source_balance numeric, ledger_balance numeric, difference numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_opening_book(p_as_of, p_entity, p_basis, false);
    RETURN QUERY
    WITH ledger AS (
        SELECT DISTINCT ON (s.fund, s.account_code, s.currency) s.fund, s.account_code, s.currency, s.closing_balance AS balance
          FROM acct.account_balance_snapshot AS s
         WHERE s.entity_code = p_entity AND s.basis = p_basis AND s.snapshot_month <= acct.month_start(p_as_of)
         ORDER BY s.fund, s.account_code, s.currency, s.snapshot_month DESC)
    SELECT x.fund, x.account_code, x.currency,
           CASE WHEN x.ledger_balance = 0 THEN 'missing' WHEN x.source_balance = 0 THEN 'not_in_source' ELSE 'different' END,
           x.source_balance, x.ledger_balance, x.source_balance - x.ledger_balance
      FROM (SELECT coalesce(b.fund, l.fund) AS fund, coalesce(b.account_code, l.account_code) AS account_code, coalesce(b.currency, l.currency) AS currency,
                   coalesce(b.balance, 0) AS source_balance, coalesce(l.balance, 0) AS ledger_balance
              FROM acct._balances(p_balances) AS b
              FULL JOIN ledger AS l ON (l.fund, l.account_code, l.currency) = (b.fund, b.account_code, b.currency)) AS x
     WHERE x.source_balance <> x.ledger_balance
     ORDER BY x.fund COLLATE "C", x.account_code COLLATE "C", x.currency COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._compare_opening(date, text, text, jsonb) IS 'compare_opening_balances() for balances that were read from their table.';

CREATE FUNCTION acct.compare_opening_balances(as_of date, entity text, basis text, source regclass)
RETURNS TABLE (fund text, account_code text, currency text, outcome text, source_balance numeric, ledger_balance numeric, difference numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_opening_book(compare_opening_balances.as_of, compare_opening_balances.entity, compare_opening_balances.basis, false);
    RETURN QUERY
    SELECT c.* FROM acct._compare_opening(compare_opening_balances.as_of, compare_opening_balances.entity, compare_opening_balances.basis,
                                          acct._read_balances(compare_opening_balances.source)) AS c;
END
$$;
COMMENT ON FUNCTION acct.compare_opening_balances(date, text, text, regclass) IS
'Compares a table of balances, which is read with the caller''s rights, with a book''s balances at the end of a month: a row for each account, fund and currency that differs, with outcome missing, not_in_source or different. Raises 22004, 22023 (not a month''s last day, no such entity or basis, not a table of balances), 42501 (the caller may not read the table).';

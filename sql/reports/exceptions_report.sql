-- What was not journalled, by the month and the entity that it is about, whichever month it was loaded in.

CREATE FUNCTION acct._source_of_exceptions(p_month date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._as_seen(coalesce(acct._partition_of('acct.txn_source_parent'::regclass, p_month), acct._month_rows('txn_source_parent', p_month, false)::regclass));
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._source_of_exceptions(date) IS
'The table of a month of the source, in its place or in the archive; NULL: it was dropped. Raises LE010 where it is detached, 40001 where it was rewritten since the snapshot of the query.';

CREATE FUNCTION acct._exceptions_of_month(p_month date, p_basis text)
RETURNS TABLE (run_id bigint, basis text, reason text, state text, entity_code text, currency text, gross_amount numeric, bank_value_date date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    txn_month date;
    source text;
BEGIN
    -- A value date is at most a year from the month of its transaction.
    FOR txn_month IN SELECT DISTINCT e.txn_month FROM acct.je_exception AS e
                      WHERE e.voided_at IS NULL AND e.txn_month BETWEEN (p_month - interval '13 months')::date AND (p_month + interval '13 months')::date
                        AND (p_basis IS NULL OR e.basis = p_basis) ORDER BY 1 LOOP
        source := acct._source_of_exceptions(txn_month);
        RETURN QUERY EXECUTE format($q$
            SELECT e.run_id, e.basis, e.reason,
                   CASE WHEN e.resolved_by_run IS NOT NULL THEN 'retried' WHEN e.waived_at IS NOT NULL THEN 'waived' ELSE 'open' END,
                   s.entity_code COLLATE "C", s.currency COLLATE "C", s.gross_amount, s.bank_value_date
              FROM acct.je_exception AS e
              JOIN acct.journal_run AS r ON r.run_id = e.run_id AND r.status <> 'discarded'
              LEFT JOIN %s AS s ON s.txn_id = e.txn_id AND s.txn_month = e.txn_month
             WHERE e.txn_month = $1 AND e.voided_at IS NULL AND ($3 IS NULL OR e.basis = $3)
               AND (s.bank_value_date >= $2 AND s.bank_value_date < $2 + interval '1 month' OR s.bank_value_date IS NULL AND e.txn_month = $2)$q$,
            coalesce(source, '(SELECT NULL::bigint AS txn_id, NULL::date AS txn_month, NULL::text AS entity_code, NULL::text AS currency, '
                             'NULL::numeric AS gross_amount, NULL::date AS bank_value_date)'))
          USING txn_month, p_month, p_basis;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._exceptions_of_month(date, text) IS
'The exceptions of transactions with a value date in a month, each with what its transaction says; where that was dropped or deleted, those of its own month.';

CREATE FUNCTION acct._exceptions_report(p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, reason text, state text, currency text, transactions bigint, amount numeric, oldest date, newest date,
               oldest_run bigint, newest_run bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    PERFORM acct._require_book(p_entity, p_basis, NULL);
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct.txn_source_parent WHERE false;
    RETURN QUERY
    SELECT e.entity_code, e.basis, e.reason, e.state, e.currency, count(*), sum(e.gross_amount), min(e.bank_value_date), max(e.bank_value_date),
           min(e.run_id), max(e.run_id)
      FROM acct._exceptions_of_month(p_month, p_basis) AS e
     WHERE p_entity IS NULL OR e.entity_code = p_entity
     GROUP BY 1, 2, 3, 4, 5
     ORDER BY 1, 2, 3, array_position(ARRAY['open', 'waived', 'retried'], e.state), 5;
END
$$;
COMMENT ON FUNCTION acct._exceptions_report(date, text, text) IS 'The work of exceptions_report().';

CREATE FUNCTION acct.exceptions_report(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, reason text, state text, currency text, transactions bigint, amount numeric, oldest date, newest date,
               oldest_run bigint, newest_run bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT e.* FROM acct._exceptions_report($1, $2, $3) AS e
$$;
COMMENT ON FUNCTION acct.exceptions_report(date, text, text) IS
'The transactions with a value date in a month that were not journalled: by entity, basis, reason, state (open, waived, retried) and currency how many, their gross amount, and their first and last value dates. Raises 22023 where the date is no month, or the entity or basis does not exist.';

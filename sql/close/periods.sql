-- Months of books that take no more entries.

CREATE FUNCTION acct._layout_periods() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.accounting_period (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date NOT NULL,
        is_open boolean NOT NULL,
        changed_by text NOT NULL DEFAULT session_user,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT accounting_period_pkey PRIMARY KEY (entity_code, basis, period_month),
        CONSTRAINT accounting_period_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_period_month CHECK (extract(day FROM period_month) = 1)
    );
END
$layout$;
COMMENT ON FUNCTION acct._layout_periods() IS 'The part of install() that makes the table of periods.';

CREATE FUNCTION acct._comment_periods() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.accounting_period IS 'Months that were closed or reopened, for each book (entity, basis); a month without a row is open. Written by acct.close_period() and acct.reopen_period().';
    COMMENT ON COLUMN acct.accounting_period.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.accounting_period.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.accounting_period.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.accounting_period.is_open IS 'False: nothing is posted with a journal date in this month.';
    COMMENT ON COLUMN acct.accounting_period.changed_by IS 'Session user who last closed or reopened it.';
    COMMENT ON COLUMN acct.accounting_period.changed_at IS 'When it was last closed or reopened.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_periods() IS 'The part of install() that describes what periods.sql makes.';

CREATE FUNCTION acct._closed_periods(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT format('%s %s %s', p.entity_code, p.basis, acct._month_name(p.period_month))
      FROM acct.journal_run_total AS t
      JOIN acct.accounting_period AS p
        ON (p.entity_code, p.basis, p.period_month) = (t.entity_code, t.basis, t.je_month) AND NOT p.is_open
     WHERE t.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._closed_periods(bigint) IS 'The closed periods (entity, basis, month) that a run has journals in.';

CREATE FUNCTION acct._archived_month(p_run_id bigint) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (WITH month AS MATERIALIZED (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id)
            SELECT min(m.je_month) FROM month AS m WHERE acct._is_archived('ledger_entry', m.je_month));
END
$$;
COMMENT ON FUNCTION acct._archived_month(bigint) IS 'The first of the ledger months of a run that is archived; NULL: none is.';

CREATE FUNCTION acct._must_move(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._moves_late(r.options)
           AND (EXISTS (SELECT FROM acct._closed_periods(r.run_id)) OR acct._archived_month(r.run_id) IS NOT NULL)
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id
$$;
COMMENT ON FUNCTION acct._must_move(bigint) IS
'True where a month was closed or archived since a run with option late = next_open was expanded, so that expanding it again moves journals on.';

CREATE FUNCTION acct._require_open_periods(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    archived CONSTANT date := acct._archived_month(p_run_id);
    closed CONSTANT text := (SELECT string_agg(c, ', ' ORDER BY c) FROM acct._closed_periods(p_run_id) AS c);
BEGIN
    IF archived IS NOT NULL THEN
        PERFORM acct._raise_archived('ledger_entry', archived);
    ELSIF closed IS NOT NULL THEN
        RAISE EXCEPTION 'run % has journals in a closed period', p_run_id
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || closed || '.',
                  HINT = (SELECT CASE WHEN r.kind <> 'transaction' THEN 'Reopen the period, or discard the run and make it again with another date.'
                                      WHEN acct._moves_late(r.options)
                                      THEN 'Call acct.expand_journals() again: it moves these journals to the next open month of their book.'
                                      ELSE 'Reopen the period, or discard the run and expand again: its transactions of closed periods become exceptions.' END
                            FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_open_periods(bigint) IS 'Raises LE006 where a run has journals in a closed period or an archived month.';

CREATE FUNCTION acct._set_periods(p_month date, p_entity text, p_basis text, p_open boolean)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    -- Books, an entity and a basis each
    entities text[];
    bases text[];
    locked_entities text[];
    locked_bases text[];
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    -- A period that was closed before the limits of months can be opened.
    IF p_open THEN
        PERFORM acct._require_month(p_month);
    ELSE
        PERFORM acct._require_plausible_month(p_month);
    END IF;
    IF p_entity IS NOT NULL OR p_open THEN
        PERFORM acct._require_code('entity', p_entity);
    END IF;
    IF p_basis IS NOT NULL OR p_open THEN
        PERFORM acct._require_code('basis', p_basis);
    END IF;
    PERFORM acct._announce_work();
    -- Once more, while entities and bases come that were not there when the wait for a book began.
    LOOP
        SELECT array_agg(e.entity_code ORDER BY e.entity_code, b.basis), array_agg(b.basis ORDER BY e.entity_code, b.basis) INTO entities, bases
          FROM acct.entity AS e CROSS JOIN acct.accounting_basis AS b
         WHERE (p_entity IS NULL OR e.entity_code = p_entity) AND (p_basis IS NULL OR b.basis = p_basis);
        EXIT WHEN entities IS NOT DISTINCT FROM locked_entities AND bases IS NOT DISTINCT FROM locked_bases;
        PERFORM acct._lock_books(entities, bases);
        locked_entities := entities;
        locked_bases := bases;
    END LOOP;
    IF p_open AND acct._is_archived('ledger_entry', p_month) THEN
        PERFORM acct._raise_archived('ledger_entry', p_month);
    END IF;
    PERFORM acct._commit_durably();
    RETURN QUERY
    WITH set_now AS (
        INSERT INTO acct.accounting_period AS p (entity_code, basis, period_month, is_open)
        SELECT e.entity_code, e.basis, p_month, p_open
          FROM unnest(entities, bases) AS e (entity_code, basis)
          LEFT JOIN acct.accounting_period AS now
            ON now.entity_code = e.entity_code AND now.basis = e.basis AND now.period_month = p_month
         -- A period that has no row is open.
         WHERE coalesce(now.is_open, true) <> p_open
         ORDER BY e.entity_code COLLATE "C", e.basis COLLATE "C"
        ON CONFLICT (entity_code, basis, period_month) DO UPDATE
           SET is_open = excluded.is_open, changed_by = excluded.changed_by, changed_at = excluded.changed_at
        RETURNING p.entity_code, p.basis)
    SELECT e.entity_code, e.basis,
           EXISTS (SELECT FROM set_now AS n WHERE n.entity_code = e.entity_code AND n.basis = e.basis)
      FROM unnest(entities, bases) AS e (entity_code, basis)
     ORDER BY e.entity_code COLLATE "C", e.basis COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._set_periods(date, text, text, boolean) IS
'Opens a month of a book, or closes it in one book or several (NULL: every registered entity, every basis), under their locks: a row for each book, changed where that changed it. Raises LE006 where a month to be opened is archived.';

CREATE FUNCTION acct.close_period(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, changed boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.* FROM acct._set_periods($1, $2, $3, false) AS p
$$;
COMMENT ON FUNCTION acct.close_period(date, text, text) IS
'Closes a month of a book (entity, basis), NULL being every registered entity and every basis, after any posting under way: a row for each book, changed where the period was open. Later expansions set its transactions aside (PERIOD_CLOSED), posting into it is LE006; raises 22023 where the month is not plausible, or the entity or basis does not exist.';

CREATE FUNCTION acct.reopen_period(month date, entity text, basis text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.changed FROM acct._set_periods($1, $2, $3, true) AS p
$$;
COMMENT ON FUNCTION acct.reopen_period(date, text, text) IS 'Opens a month of a book (entity, basis) that was closed. True where it was closed; raises LE006 where the month is archived.';

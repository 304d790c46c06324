-- Properties of books: when their year begins, and from when on their months are closed unless somebody opens them.

CREATE FUNCTION acct._book_properties(p_properties jsonb, OUT first_year_month smallint, OUT closed_from date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    names CONSTANT text[] := ARRAY['first_year_month', 'closed_from'];
    unknown text;
BEGIN
    IF p_properties IS NULL OR jsonb_typeof(p_properties) <> 'object' THEN
        RAISE EXCEPTION 'the properties of a book must be a JSON object' USING ERRCODE = '22023';
    END IF;
    SELECT min(k) INTO unknown FROM jsonb_object_keys(p_properties) AS k WHERE k <> ALL (names);
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown property of a book: %', unknown USING ERRCODE = '22023', HINT = format('A book has: %s.', array_to_string(names, ', '));
    ELSIF p_properties ? 'first_year_month' THEN
        IF jsonb_typeof(p_properties -> 'first_year_month') <> 'number' OR p_properties ->> 'first_year_month' !~ '^([1-9]|1[0-2])$' THEN
            RAISE EXCEPTION 'first_year_month is %', p_properties -> 'first_year_month'
                USING ERRCODE = '22023', HINT = 'It is the month that the year begins with, a number from 1 to 12.';
        END IF;
        first_year_month := (p_properties ->> 'first_year_month')::smallint;
    END IF;
    IF p_properties -> 'closed_from' <> 'null' THEN
        IF p_properties ->> 'closed_from' !~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-01$' THEN
            RAISE EXCEPTION 'closed_from is %', p_properties -> 'closed_from'
                USING ERRCODE = '22023', HINT = 'It is the first day of a month, such as "2026-01-01", or null.';
        END IF;
        closed_from := (p_properties ->> 'closed_from')::date;
        PERFORM acct._require_plausible_month(closed_from);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._book_properties(jsonb) IS 'The properties that a JSON object gives to a book, NULL where it gives none; raises 22023 where it is not such an object.';

CREATE FUNCTION acct.set_book(entity text, basis text, properties jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    given record;
    was record;
    new_month smallint;
    new_from date;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_code('entity', set_book.entity);
    PERFORM acct._require_code('basis', set_book.basis);
    SELECT p.* INTO given FROM acct._book_properties(set_book.properties) AS p;
    PERFORM acct._announce_work();
    PERFORM acct._lock_books(ARRAY[set_book.entity], ARRAY[set_book.basis]);
    SELECT b.* INTO was FROM acct.book AS b WHERE b.entity_code = set_book.entity AND b.basis = set_book.basis;
    new_month := coalesce(given.first_year_month, was.first_year_month, 1);
    new_from := CASE WHEN set_book.properties ? 'closed_from' THEN given.closed_from ELSE was.closed_from END;
    IF new_month = coalesce(was.first_year_month, 1) AND new_from IS NOT DISTINCT FROM was.closed_from THEN
        RETURN false;
    ELSIF new_month <> coalesce(was.first_year_month, 1) AND was.closed_through IS NOT NULL THEN
        RAISE EXCEPTION 'a year of book % % is closed: its years begin as they do', set_book.entity, set_book.basis
            USING ERRCODE = 'LE014', DETAIL = format('It is closed through %s.', to_char(was.closed_through, 'YYYY-MM-DD')),
                  HINT = 'Reopen its years, the latest first, with acct.reopen_year().';
    END IF;
    PERFORM acct._commit_durably();
    INSERT INTO acct.book AS b (entity_code, basis, first_year_month, closed_from) VALUES (set_book.entity, set_book.basis, new_month, new_from)
    ON CONFLICT (entity_code, basis) DO UPDATE
       SET first_year_month = excluded.first_year_month, closed_from = excluded.closed_from,
           changed_by = excluded.changed_by, changed_at = excluded.changed_at;
    PERFORM acct._log_period('set_book', set_book.entity, set_book.basis, NULL, NULL, NULL, NULL,
                             jsonb_build_object('first_year_month', new_month, 'closed_from', new_from));
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.set_book(text, text, jsonb) IS
'Gives a book (entity, basis) properties, those that are left out staying as they are: first_year_month (1 to 12), and closed_from, the month from which on its months are closed until acct.reopen_period() opens one (null: none). True where that changed something; raises 22023, 25001, 55P03 (the book is locked), LE014 (another first_year_month while a year is closed).';

-- What every room says in the same words: names of months and partitions, whether a run is posted, how long a step took.

CREATE FUNCTION acct._month_name(p_month date) RETURNS text
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A date has more years than a time.
    RETURN CASE WHEN isfinite(p_month) AND p_month <= date '294276-12-31' THEN to_char(p_month, 'YYYY-MM') ELSE p_month::text END;
END
$$;
COMMENT ON FUNCTION acct._month_name(date) IS 'A month as messages name it, such as 2025-01.';

CREATE FUNCTION acct._run_about(p_kind text, p_txn_month date, p_je_date date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN CASE p_kind WHEN 'transaction' THEN 'of ' || acct._month_name(p_txn_month)
                       ELSE format('(%s of %s)', p_kind, to_char(p_je_date, 'YYYY-MM-DD')) END;
END
$$;
COMMENT ON FUNCTION acct._run_about(text, date, date) IS
'The subject of a run, as messages put it after its number: of 2025-01, or (reversal of 2025-02-28).';

CREATE FUNCTION acct._says_something(p_text text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- More than blanks and control characters, also those of Unicode.
    SELECT p_text ~ E'[^\\u0001-\\u0020\\u007f-\\u00a0\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff]' IS TRUE
$$;
COMMENT ON FUNCTION acct._says_something(text) IS 'True where a text has a character that can be seen.';

CREATE FUNCTION acct._partition_name(p_parent text, p_month date) RETURNS text
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN regexp_replace(p_parent, '_parent$', '') || to_char(p_month, '_YYYY_MM');
END
$$;
COMMENT ON FUNCTION acct._partition_name(text, date) IS 'The name that the partition of a month is made with, such as txn_source_2025_01.';

CREATE FUNCTION acct._is_posted(p_status text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN p_status IN ('posted', 'reversed');
END
$$;
COMMENT ON FUNCTION acct._is_posted(text) IS 'Whether a run of that status has entries in the ledger; the entries of a reversed run stay.';

CREATE FUNCTION acct._elapsed_ms(p_since timestamptz) RETURNS double precision
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN extract(epoch FROM clock_timestamp() - p_since)::double precision * 1000;
END
$$;
COMMENT ON FUNCTION acct._elapsed_ms(timestamptz) IS 'Milliseconds since a moment, by the clock.';

CREATE FUNCTION acct._utf8(p_text text) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF getdatabaseencoding() = 'UTF8' THEN
        RETURN convert_to(p_text, 'UTF8');
    END IF;
    BEGIN
        RETURN convert_to(p_text, 'UTF8');
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character OR undefined_function THEN
        -- Its bytes
        RETURN convert_to(p_text, 'SQL_ASCII');
    END;
END
$$;
COMMENT ON FUNCTION acct._utf8(text) IS
'A text as it is hashed: in UTF-8, or as it is, where the encoding of the database has characters that UTF-8 lacks, or is none.';

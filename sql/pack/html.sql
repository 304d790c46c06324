-- Text, figures and tables of the month-end pack.
--
-- Whatever comes from data reaches the page through _html() alone, so that no text becomes markup. What is put together here is plain ASCII:
-- the page is the same whatever encoding it is written in.

CREATE FUNCTION acct._code_point(p_letter text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    utf8 bytea;
    code integer;
BEGIN
    IF getdatabaseencoding() IN ('UTF8', 'SQL_ASCII') THEN
        RETURN ascii(p_letter);
    END IF;
    BEGIN
        utf8 := convert_to(p_letter, 'UTF8');
    EXCEPTION WHEN untranslatable_character THEN
        RETURN 127;
    END;
    code := get_byte(utf8, 0) & CASE length(utf8) WHEN 1 THEN 127 WHEN 2 THEN 31 WHEN 3 THEN 15 ELSE 7 END;
    FOR i IN 1 .. length(utf8) - 1 LOOP
        code := (code << 6) | (get_byte(utf8, i) & 63);
    END LOOP;
    RETURN code;
END
$$;
COMMENT ON FUNCTION acct._code_point(text) IS 'The Unicode number of a character in any encoding of the database, 127 where it has none; of SQL_ASCII its byte.';

CREATE FUNCTION acct._html(p_text text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    -- Nobody reads more of it on a page.
    most CONSTANT integer := 400;
    escaped text;
BEGIN
    -- Printable ASCII but for what means something in HTML
    IF p_text COLLATE "C" !~ '[^ !#-%(-;=?-~]' AND length(p_text) <= most THEN
        RETURN p_text;
    END IF;
    escaped := CASE WHEN length(p_text) > most THEN left(p_text, most) || ' ...' ELSE p_text END;
    escaped := replace(replace(replace(replace(replace(escaped, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
    IF escaped COLLATE "C" ~ '[^ -~]' THEN
        SELECT string_agg(CASE WHEN c.code BETWEEN 32 AND 126 OR c.code > 126 AND getdatabaseencoding() = 'SQL_ASCII' THEN c.letter
                               WHEN c.code IN (9, 10, 13) THEN ' '
                               WHEN c.code > 159 THEN '&#' || c.code || ';'
                               ELSE '&#65533;' END, '' ORDER BY c.n)
          INTO escaped
          FROM (SELECT x.n, x.letter, acct._code_point(x.letter) AS code FROM unnest(string_to_array(escaped, NULL)) WITH ORDINALITY AS x (letter, n)) AS c;
    END IF;
    RETURN coalesce(escaped, '');
END
$$;
COMMENT ON FUNCTION acct._html(text) IS
'A text as it can stand in HTML, also in an attribute: no part of it is markup, and control characters are shown as unknown ones. A text longer than 400 characters is cut; NULL is an empty text.';

-- These are called for each figure of the page, which functions in SQL would take ten times as long for.
CREATE FUNCTION acct._figure(p_amount numeric, p_decimals integer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shown CONSTANT text := to_char(abs(p_amount), CASE WHEN p_decimals > 0 THEN 'FM999,999,999,999,999,999,999,999,999,999,990.' || repeat('0', p_decimals)
                                                       ELSE 'FM999,999,999,999,999,999,999,999,999,999,990' END);
BEGIN
    RETURN CASE WHEN p_amount < 0 THEN '(' || shown || ')' ELSE shown END;
END
$$;
COMMENT ON FUNCTION acct._figure(numeric, integer) IS 'A figure with this many decimals, such as 1,234.50; a negative one is in brackets.';

CREATE FUNCTION acct._figure_cell(p_amount numeric, p_decimals integer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_amount > 0 THEN
        RETURN '<td>' || acct._figure(p_amount, p_decimals);
    ELSIF p_amount < 0 THEN
        RETURN '<td class=m>' || acct._figure(p_amount, p_decimals);
    END IF;
    RETURN CASE WHEN p_amount IS NULL THEN '<td>' ELSE '<td>&ndash;' END;
END
$$;
COMMENT ON FUNCTION acct._figure_cell(numeric, integer) IS 'A cell with a figure, with a dash for 0 and nothing for NULL.';

CREATE FUNCTION acct._decimals(p_currency text, p_most integer) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT greatest(coalesce((SELECT c.minor_units FROM acct.currency AS c WHERE c.currency = p_currency), 2), p_most)
$$;
COMMENT ON FUNCTION acct._decimals(text, integer) IS
'How many decimals the figures of a table in a currency have: those of the currency, or more where an amount has more.';

CREATE FUNCTION acct._moment(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN isfinite(p_at) THEN to_char(p_at, 'YYYY-MM-DD HH24:MI TZ') ELSE p_at::text END
$$;
COMMENT ON FUNCTION acct._moment(timestamptz) IS 'A moment to the minute, in the time zone of the session.';

CREATE FUNCTION acct._day(p_day date) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN isfinite(p_day) THEN to_char(p_day, 'YYYY-MM-DD') ELSE p_day::text END
$$;
COMMENT ON FUNCTION acct._day(date) IS 'A day, such as 2025-01-31.';

CREATE FUNCTION acct._duration(p_ms double precision) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._figure(round((p_ms / 1000)::numeric, 2), 2)
$$;
COMMENT ON FUNCTION acct._duration(double precision) IS 'Milliseconds as seconds with two decimals.';

CREATE FUNCTION acct._html_table(p_id text, p_caption text, p_heads text[], p_figures_from integer, p_rows text, p_foot text, p_kind text, p_none text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_rows IS NULL THEN
        RETURN format('<p class=none>%s</p>', acct._html(p_none));
    END IF;
    RETURN format('<div class="scroll%s"><table id="%s" class="%s n%s"><caption><span>%s</span></caption><thead><tr>%s</tr></thead><tbody>%s</tbody>%s</table></div>',
                  CASE p_kind WHEN 'long data' THEN ' tall' WHEN 'statement' THEN ' whole' ELSE '' END, p_id, p_kind, p_figures_from, acct._html(p_caption),
                  (SELECT string_agg(format('<th scope=col%s>%s</th>', CASE WHEN h.n >= p_figures_from THEN ' class=n' ELSE '' END, acct._html(h.head)), '' ORDER BY h.n)
                     FROM unnest(p_heads) WITH ORDINALITY AS h (head, n)),
                  p_rows, coalesce('<tfoot>' || p_foot || '</tfoot>', ''));
END
$$;
COMMENT ON FUNCTION acct._html_table(text, text, text[], integer, text, text, text, text) IS
'A table with a caption and headings, figures from a column on, or a sentence (none) where it has no rows. Rows and foot are markup, caption and headings are not; kind is data (it can be sorted and filtered), long data (many rows), or statement.';

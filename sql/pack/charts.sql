-- Charts of the month-end pack, as inline SVG with a title, a description, an axis and its unit.
--
-- Places across are percentages and everything else is in pixels, so that a chart takes the width that it gets and its text stays as large as it is.

CREATE FUNCTION acct._chart_ticks(p_values numeric[]) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    least_value numeric;
    most_value numeric;
    step numeric;
BEGIN
    SELECT least(min(v), 0), greatest(max(v), 0) INTO least_value, most_value FROM unnest(p_values) AS v;
    IF most_value = least_value THEN
        RETURN ARRAY[0, 1];
    END IF;
    -- Of 1, 2 and 5 times a power of ten the smallest with which four steps do
    step := power(10::numeric, floor(log(most_value - least_value)) - 2);
    SELECT s.step INTO step
      FROM (SELECT step * m * power(10::numeric, e) AS step FROM unnest(ARRAY[1, 2, 5]) AS m, generate_series(0, 3) AS e) AS s
     WHERE (most_value - least_value) / s.step <= 4 ORDER BY s.step LIMIT 1;
    RETURN ARRAY(SELECT trim_scale(n * step) FROM generate_series(floor(least_value / step), ceil(most_value / step)) AS n);
END
$$;
COMMENT ON FUNCTION acct._chart_ticks(numeric[]) IS 'Round values for the axis of a chart of these values, from the least to the greatest, with 0.';

CREATE FUNCTION acct._chart_scale(p_ticks numeric[], p_unit text, OUT divisor numeric, OUT label text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.divisor, concat_ws(' ', p_unit, s.name)
      FROM (VALUES (1e12, 'trillion'), (1e9, 'billion'), (1e6, 'million'), (1e3, 'thousand'), (1, NULL)) AS s (divisor, name)
     WHERE s.divisor = 1 OR s.divisor <= greatest(abs(p_ticks[1]), abs(p_ticks[cardinality(p_ticks)])) / 2
     ORDER BY s.divisor DESC LIMIT 1
$$;
COMMENT ON FUNCTION acct._chart_scale(numeric[], text) IS 'By what the ticks of an axis are divided, and the unit that they then have, such as IDR million.';

CREATE FUNCTION acct._tick(p_value numeric, p_divisor numeric) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._figure(x.value, scale(x.value)) FROM (SELECT trim_scale(p_value / p_divisor) AS value) AS x
$$;
COMMENT ON FUNCTION acct._tick(numeric, numeric) IS 'Label of a tick of an axis.';

CREATE FUNCTION acct._percent(p_part numeric, p_of numeric) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT trim_scale(round(100 * p_part / p_of, 3)) || '%'
$$;
COMMENT ON FUNCTION acct._percent(numeric, numeric) IS 'A part of a width, such as 12.5%.';

CREATE FUNCTION acct._chart(p_id text, p_title text, p_about text, p_unit text, p_height integer, p_body text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('<figure><figcaption>%1$s<small>%2$s</small></figcaption><svg class=chart role=img aria-labelledby="%3$s-t %3$s-d" width="100%%" height="%4$s">'
                  '<title id="%3$s-t">%1$s, %2$s</title><desc id="%3$s-d">%5$s</desc>%6$s</svg></figure>',
                  acct._html(p_title), acct._html(p_unit), p_id, p_height, acct._html(p_about), p_body)
$$;
COMMENT ON FUNCTION acct._chart(text, text, text, text, integer, text) IS 'A chart with its caption; all but its body is text.';

CREATE FUNCTION acct._chart_about(p_kind text, p_labels text[], p_values numeric[], p_decimals integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p_kind || '. ' || string_agg(x.label || ': ' || acct._figure(x.value, p_decimals), '; ' ORDER BY x.n)
      FROM unnest(p_labels, p_values) WITH ORDINALITY AS x (label, value, n)
$$;
COMMENT ON FUNCTION acct._chart_about(text, text[], numeric[], integer) IS 'Content of a chart, in words.';

CREATE FUNCTION acct._chart_steps(p_id text, p_title text, p_kind text, p_unit text, p_decimals integer, p_labels text[], p_values numeric[], p_from numeric[], p_is_total boolean[])
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    row_height CONSTANT integer := 38;
    ticks CONSTANT numeric[] := acct._chart_ticks(p_from || ARRAY(SELECT f + v FROM unnest(p_from, p_values) AS x (f, v)));
    low CONSTANT numeric := ticks[1];
    width CONSTANT numeric := ticks[cardinality(ticks)] - low;
    height CONSTANT integer := cardinality(p_labels) * row_height + 8;
    scale record;
    body text;
BEGIN
    SELECT s.* INTO scale FROM acct._chart_scale(ticks, p_unit) AS s;
    SELECT string_agg(format('<line class=%s x1="%s" x2="%s" y1="0" y2="%s"/><text class=tick x="%s" y="%s" text-anchor=%s>%s</text>',
                             CASE WHEN t.tick = 0 THEN 'zero' ELSE 'grid' END, t.x, t.x, height, t.x, height + 14,
                             CASE WHEN t.n = 1 THEN 'start' WHEN t.n = cardinality(ticks) THEN 'end' ELSE 'middle' END, acct._tick(t.tick, scale.divisor)), '' ORDER BY t.n)
      INTO body
      FROM (SELECT u.tick, u.n, acct._percent(u.tick - low, width) AS x FROM unnest(ticks) WITH ORDINALITY AS u (tick, n)) AS t;
    SELECT body || string_agg(format('<text x="0" y="%s">%s</text><text x="100%%" y="%s" text-anchor=end>%s</text><rect class=%s x="%s" y="%s" width="%s" height="11"/>',
                                     b.y + 13, acct._html(CASE WHEN length(b.label) > 34 THEN left(b.label, 33) || '...' ELSE b.label END), b.y + 13, acct._figure(b.value, p_decimals),
                                     CASE WHEN b.is_total THEN 'total' WHEN b.value < 0 THEN 'minus' ELSE 'bar' END,
                                     acct._percent(least(b.start, b.start + b.value) - low, width), b.y + 20, acct._percent(abs(b.value), width)), '' ORDER BY b.n)
      INTO body
      FROM (SELECT x.*, ((x.n - 1) * row_height)::integer AS y FROM unnest(p_labels, p_values, p_from, p_is_total) WITH ORDINALITY AS x (label, value, start, is_total, n)) AS b;
    RETURN acct._chart(p_id, p_title, acct._chart_about(p_kind, p_labels, p_values, p_decimals), scale.label, height + 20, body);
END
$$;
COMMENT ON FUNCTION acct._chart_steps(text, text, text, text, integer, text[], numeric[], numeric[], boolean[]) IS
'A chart of horizontal bars, one below another, each beginning at a value of its own.';

CREATE FUNCTION acct._chart_bars(p_id text, p_title text, p_unit text, p_decimals integer, p_labels text[], p_values numeric[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- A condition of a query would not do: planning may compute what it selects before.
    IF coalesce(cardinality(p_values), 0) = 0 THEN
        RETURN NULL;
    END IF;
    RETURN acct._chart_steps(p_id, p_title, 'Bar chart', p_unit, p_decimals, p_labels, p_values, array_fill(0::numeric, ARRAY[cardinality(p_values)]),
                             array_fill(false, ARRAY[cardinality(p_values)]));
END
$$;
COMMENT ON FUNCTION acct._chart_bars(text, text, text, integer, text[], numeric[]) IS 'A chart of horizontal bars that begin at 0; NULL where there are none.';

CREATE FUNCTION acct._chart_waterfall(p_id text, p_title text, p_unit text, p_decimals integer, p_labels text[], p_values numeric[], p_total text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    starts numeric[];
    total numeric;
BEGIN
    IF coalesce(cardinality(p_values), 0) = 0 THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(s.before ORDER BY s.n), sum(s.value) INTO starts, total
      FROM (SELECT x.n, x.value, coalesce(sum(x.value) OVER (ORDER BY x.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
              FROM unnest(p_values) WITH ORDINALITY AS x (value, n)) AS s;
    RETURN acct._chart_steps(p_id, p_title, 'Waterfall chart', p_unit, p_decimals, p_labels || p_total, p_values || total, starts || 0::numeric,
                             array_fill(false, ARRAY[cardinality(p_values)]) || true);
END
$$;
COMMENT ON FUNCTION acct._chart_waterfall(text, text, text, integer, text[], numeric[], text) IS
'A waterfall: each bar begins where the one above it ends, and the last one is their total; NULL where there are none.';

CREATE FUNCTION acct._chart_frame(p_ticks numeric[], p_divisor numeric, p_height integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT string_agg(format('<line class=%s x1="12%%" x2="100%%" y1="%s" y2="%s"/><text class=tick x="11%%" y="%s" text-anchor=end>%s</text>',
                             CASE WHEN t.tick = 0 THEN 'zero' ELSE 'grid' END, t.y, t.y, t.y + 4, acct._tick(t.tick, p_divisor)), '' ORDER BY t.n)
      FROM (SELECT u.tick, u.n, round(8 + p_height - p_height * (u.tick - p_ticks[1]) / (p_ticks[cardinality(p_ticks)] - p_ticks[1]), 1) AS y
              FROM unnest(p_ticks) WITH ORDINALITY AS u (tick, n)) AS t
$$;
COMMENT ON FUNCTION acct._chart_frame(numeric[], numeric, integer) IS 'The lines and labels of an upright axis, which takes an eighth of the width.';

CREATE FUNCTION acct._chart_over_time(p_id text, p_title text, p_kind text, p_unit text, p_decimals integer, p_labels text[], p_shown integer[], p_values numeric[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    height CONSTANT integer := 200;
    points CONSTANT integer := cardinality(p_values);
    ticks CONSTANT numeric[] := acct._chart_ticks(p_values);
    span CONSTANT numeric := ticks[cardinality(ticks)] - ticks[1];
    is_line CONSTANT boolean := p_kind = 'Line chart';
    scale record;
    body text;
BEGIN
    IF coalesce(points, 0) = 0 THEN
        RETURN NULL;
    END IF;
    SELECT s.* INTO scale FROM acct._chart_scale(ticks, p_unit) AS s;
    WITH point AS (
        SELECT x.n, x.label, x.value, 12 + 88 * (x.n - 0.5) / points AS at, round(8 + height - height * (x.value - ticks[1]) / span, 1) AS y
          FROM unnest(p_labels, p_values) WITH ORDINALITY AS x (label, value, n)),
    mark AS (
        SELECT p.n, CASE WHEN is_line THEN
                    CASE WHEN b.n IS NULL THEN '' ELSE format('<line class=curve x1="%s" y1="%s" x2="%s" y2="%s"/>', acct._percent(b.at, 100), b.y, acct._percent(p.at, 100), p.y) END
                    || format('<circle class=bar cx="%s" cy="%s" r="3.5"/>', acct._percent(p.at, 100), p.y)
                ELSE format('<rect class=%s x="%s" y="%s" width="%s" height="%s"/>', CASE WHEN p.value < 0 THEN 'minus' ELSE 'bar' END, acct._percent(p.at - 32.0 / points, 100),
                            least(p.y, z.y), acct._percent(64.0 / points, 100), abs(p.y - z.y)) END AS shape,
               CASE WHEN p.n = ANY (p_shown) THEN format('<text class=tick x="%s" y="%s" text-anchor=middle>%s</text>', acct._percent(p.at, 100), height + 26, acct._html(p.label)) END AS label
          FROM point AS p LEFT JOIN point AS b ON b.n = p.n - 1
         CROSS JOIN (SELECT round(8 + height - height * (0 - ticks[1]) / span, 1) AS y) AS z)
    SELECT string_agg(m.shape || coalesce(m.label, ''), '' ORDER BY m.n) INTO body FROM mark AS m;
    RETURN acct._chart(p_id, p_title, acct._chart_about(p_kind, p_labels, p_values, p_decimals), scale.label, height + 34,
                       acct._chart_frame(ticks, scale.divisor, height) || body);
END
$$;
COMMENT ON FUNCTION acct._chart_over_time(text, text, text, text, integer, text[], integer[], numeric[]) IS
'A chart of values one after another, with columns or a line (kind: Column chart, Line chart); of the labels those that are shown. NULL where it has no values.';

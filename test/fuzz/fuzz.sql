-- What test/fuzz/run makes in its database: rows with extreme values, and fuzz.run_batch(), which holds the engine against the
-- server itself on the expressions in fuzz.given. It returns lines: '@count NAME N' for what came up, all else is a failure.

CREATE SCHEMA fuzz;
CREATE TABLE fuzz.given (case_no bigint PRIMARY KEY, kind text, expr text, readings text[]);
-- Of those that were accepted, the value for each row of fuzz.source_row, as the server itself computes it: NULL, text, or E and SQLSTATE.
CREATE TABLE fuzz.accepted (case_no bigint PRIMARY KEY, kind text, expr text, value text[]);
-- What is to become of each of them in each row: the amount, or the reason of the exception
CREATE TABLE fuzz.expected (case_no bigint, txn_id bigint, reason text, amount numeric, PRIMARY KEY (case_no, txn_id));
-- Those that a template is made of, and where
CREATE TABLE fuzz.chosen (case_no bigint PRIMARY KEY, kind text, expr text, is_wide boolean, basis text, template_code text, line_no integer);
CREATE TABLE fuzz.outcome (case_no bigint, kind text, expr text, txn_id bigint, expected text, booked text);

-- Found first by a session that sets its search_path so
CREATE SCHEMA fuzz_evil;
CREATE FUNCTION fuzz_evil.abs(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 42.0';
CREATE FUNCTION fuzz_evil.round(numeric, integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 42.0';
CREATE FUNCTION fuzz_evil.days_in_month(date) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 42';
CREATE FUNCTION fuzz_evil.plus(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 42.0';
CREATE OPERATOR fuzz_evil.+ (FUNCTION = fuzz_evil.plus, LEFTARG = numeric, RIGHTARG = numeric);

ALTER TABLE acct.txn_source_parent ADD COLUMN rate numeric, ADD COLUMN "Odd Name" numeric, ADD COLUMN days integer, ADD COLUMN gone integer,
    ADD COLUMN flag boolean, ADD COLUMN wide varchar(40), ADD COLUMN seen timestamp, ADD COLUMN tags text[], ADD COLUMN amounts numeric[],
    ADD COLUMN raw bytea, ADD COLUMN ratio double precision;
ALTER TABLE acct.txn_source_parent DROP COLUMN gone;
INSERT INTO acct.fund VALUES ('F', 'Fund', 'OTHER');
INSERT INTO acct.currency VALUES ('CY0', 0), ('CY1', 1), ('IDR', 2), ('CY3', 3), ('CY4', 4);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('A', 'Account', 'ASSET');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01') \gset
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, policy_no, gross_amount,
    tabarru_amount, tanahud_amount, ujroh_amount, attributes, rate, "Odd Name", days, flag, wide, seen, tags, amounts, raw)
VALUES
    (1, '2025-01-01', '2025-01-01', 'ROW', 'P', 'C', 'IDR', NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (2, '2025-01-01', '2025-01-31', 'ROW', 'PA', 'AGENCY', 'CY0', 'POL-12', 1000.005, 900.0025, 50, 50.0025, '{"rate": 0.3, "amount": "12.345", "flag": true, "name": "abc", "list": [1, 2, 3], "nested": {"a": {"b": 1}}}',
     0.1, 7, 3, true, 'wide', '2025-01-31 12:00', '{a,b,NULL}', '{1,2.5,NULL}', '\x00ff'),
    (3, '2025-01-01', '2024-02-29', 'ROW', 'P', 'A', 'CY4', '', 9999999999999999.9999, 9999999999999999.9999, 0, 0, '{}', 'Infinity', 1e100, 2147483647, false, '', 'infinity', '{}', '{}', ''),
    (4, '2025-01-01', '2025-12-31', 'ROW', 'P', '-', 'CY3', 'a', -9999999999999999.9999, -9999999999999999.9999, 0, 0, '{"rate": "x", "amount": "NaN", "flag": "maybe", "list": []}', 'NaN', -1e-100, -2147483648, true, ' x ',
     '-infinity', '{{a,b},{c,d}}', '{{1,2},{3,4}}', '\xdeadbeef'),
    (5, '2025-01-01', '2025-01-15', 'ROW', 'P', 'C', 'CY1', E'\U0001F600 e\u0301 \u202e \\ '' " :days', 0.0001, 0, 0.0001, 0, '[1, "a", null, 1e300]', 1e-16383, 0, 0, false, E'\u00df\u0130', '0001-01-01 BC', ARRAY[E'\U0001F600', ''],
     ARRAY['NaN'::numeric], '\x5c27'),
    (6, '2025-01-01', '2025-01-10', 'ROW', E'\u0130', E'\u0130\u0131', 'IDR', repeat('x', 1000), -0.005, 1, -1, -0.005, (SELECT jsonb_object_agg('k' || i, repeat('v', 500)) || '{"rate": 1e131, "name": "\ud83d\ude00", "Ключ": [[[]]]}'
     FROM generate_series(1, 300) AS i), 3, 1.00000000000000000001, 1, NULL, repeat('w', 40), '2025-01-15', (SELECT array_agg(i::text) FROM generate_series(1, 500) AS i), (SELECT array_agg(i / 3.0) FROM generate_series(1, 500) AS i), decode(repeat('ab', 5000), 'hex')),
    (9223372036854775807, '2025-01-01', '2025-01-02', 'ROW', 'P', 'C', 'IDR', '9223372036854775807', 1, 0.25, 0.25, 0.5, '"x"', -0.5, 0.5, -1, true, '1e5', '2025-02-28', '{today}', '{0,-0.5}', '\x'),
    (-9223372036854775808, '2025-01-01', '2025-01-03', 'ROW', 'P', 'C', 'IDR', 'NaN', 12345678901.2345, 12345678901.2345, 0, 0, 'null', 1e30, -1, 31, false, 'true', '1999-12-31', '{NULL}', '{1e130}', '\x00'),
    (7, '2025-01-01', '5874897-12-31', 'ROW', 'P', 'C', 'IDR', 'x', 1, 1, 0, 0, '{"list": [0]}', 1, 1, 1, true, 'x', '294276-12-31', '{x}', '{1}', 'x'),
    (8, '2025-01-01', '4713-11-24 BC', 'ROW', 'P', 'C', 'IDR', 'x', 1, 1, 0, 0, '{"list": [0]}', 1, 1, 1, true, 'x', '4713-11-24 BC', '{x}', '{1}', 'x');
CREATE TABLE fuzz.source_row AS
SELECT row_number() OVER (ORDER BY s.txn_id) AS position, s.txn_id, c.minor_units, abs(s.bank_value_date - s.txn_month) < 400 AS is_in_reach
  FROM acct.txn_source_parent AS s JOIN acct.currency AS c USING (currency);
ANALYZE;

-- The values of an expression for all the rows, in the order of txn_id, as the server computes them under the settings that the reference names.
CREATE FUNCTION fuzz.values_of(p_expr text, p_kind text) RETURNS text[]
LANGUAGE plpgsql SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET timezone = 'UTC' SET timezone_abbreviations = 'Default' SET search_path = pg_catalog, acct, pg_temp
SET bytea_output = 'hex' SET standard_conforming_strings = on SET backslash_quote = 'safe_encoding' SET array_nulls = on SET transform_null_equals = off SET quote_all_identifiers = off
SET jit_above_cost = -1 AS $$
DECLARE
    query CONSTANT text := 'SELECT txn_source_parent.txn_id, ((' || p_expr || chr(10) || ')::'
        || CASE p_kind WHEN 'amount' THEN 'numeric' ELSE 'boolean' END || ')::text AS v FROM acct.txn_source_parent';
    result text[];
    one text;
    id bigint;
BEGIN
    EXECUTE 'SELECT array_agg(x.v ORDER BY x.txn_id) FROM (' || query || ') AS x' INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    FOR id IN SELECT r.txn_id FROM fuzz.source_row AS r ORDER BY r.txn_id LOOP
        BEGIN
            EXECUTE 'SELECT x.v FROM (' || query || ' WHERE txn_source_parent.txn_id = $1) AS x' INTO STRICT one USING id;
        EXCEPTION WHEN OTHERS THEN
            one := 'E' || SQLSTATE;
        END;
        result := array_append(result, one);
    END LOOP;
    RETURN result;
END
$$;

-- Without settings of its own, so that the engine meets the session's.
CREATE FUNCTION fuzz.check(p_expr text, p_kind text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
    message := acct.check_expression(p_expr, p_kind);
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    message := SQLERRM;
END
$$;

CREATE FUNCTION fuzz.compare_with_server() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    g record;
    c record;
    reading text;
    ours text[];
    theirs text[];
    refused bigint := 0;
    accepted bigint := 0;
BEGIN
    FOR g IN SELECT x.* FROM fuzz.given AS x ORDER BY x.case_no LOOP
        SELECT x.* INTO c FROM fuzz.check(g.expr, g.kind) AS x;
        IF c.state = 'LE003' THEN
            refused := refused OPERATOR(pg_catalog.+) 1;
            CONTINUE;
        ELSIF c.state IS NOT NULL THEN
            RETURN NEXT pg_catalog.format('case %s, %s: refused with %s, %s: %s', g.case_no, g.kind, c.state, c.message, g.expr);
            CONTINUE;
        END IF;
        accepted := accepted OPERATOR(pg_catalog.+) 1;
        ours := fuzz.values_of(c.message, g.kind);
        FOREACH reading IN ARRAY g.readings LOOP
            theirs := fuzz.values_of(reading, g.kind);
            EXIT WHEN NOT theirs IS DISTINCT FROM ours;
        END LOOP;
        IF theirs IS DISTINCT FROM ours THEN
            RETURN NEXT pg_catalog.format('case %s, %s: %s, the server says %s: %s, understood as %s', g.case_no, g.kind, left(ours::text, 200), left(theirs::text, 200), g.expr, c.message);
            CONTINUE;
        END IF;
        INSERT INTO fuzz.accepted VALUES (g.case_no, g.kind, g.expr, ours);
    END LOOP;
    RETURN NEXT '@count refused ' || refused;
    RETURN NEXT '@count accepted ' || accepted;
    RETURN NEXT '@count accepted_without_error ' || count(*) FROM fuzz.accepted AS a WHERE NOT EXISTS (SELECT FROM unnest(a.value) AS v WHERE v ~ '^E');
    RETURN QUERY SELECT '@count values_of_class_' || substr(v, 2, 2) || ' ' || count(*) FROM fuzz.accepted AS a, unnest(a.value) AS v WHERE v ~ '^E' GROUP BY substr(v, 2, 2);
    RETURN NEXT '@count values ' || count(*) FROM fuzz.accepted AS a, unnest(a.value) AS v WHERE v !~ '^E';
END
$$;

-- Fills fuzz.expected and fuzz.chosen, and makes the templates. An expression that works for every row, with amounts that many lines together
-- do not carry out of range, is a line of one wide template; any other has a template, in a basis of its own.
CREATE FUNCTION fuzz.make_templates() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    INSERT INTO fuzz.expected (case_no, txn_id, reason, amount)
    SELECT v.case_no, v.txn_id,
           CASE WHEN NOT v.is_in_reach THEN 'BAD_DATE'
                WHEN v.is_error THEN CASE WHEN v.kind = 'condition' THEN 'CONDITION_ERROR' WHEN v.value = 'E54000' THEN 'AMOUNT_RANGE' ELSE 'AMOUNT_ERROR' END
                WHEN v.kind = 'condition' THEN NULL
                WHEN v.value IS NULL THEN 'AMOUNT_NULL'
                WHEN v.value::numeric IN ('NaN', 'Infinity', '-Infinity') THEN 'AMOUNT_RANGE'
                WHEN abs(round(v.value::numeric, v.minor_units)) >= 1e16 THEN 'AMOUNT_RANGE' END,
           CASE WHEN v.is_error THEN NULL
                WHEN v.kind = 'condition' THEN coalesce(v.value::boolean, false)::integer
                ELSE round(v.value::numeric, v.minor_units) END
      FROM (SELECT a.case_no, a.kind, r.*, a.value[r.position] AS value, coalesce(a.value[r.position] ~ '^E', false) AS is_error
              FROM fuzz.accepted AS a CROSS JOIN fuzz.source_row AS r
             WHERE NOT EXISTS (SELECT FROM unnest(a.value) AS e WHERE e ~ '^E(40|53|55|57|58|XX00[12])')) AS v;
    INSERT INTO fuzz.chosen
    SELECT x.case_no, x.kind, x.expr, x.is_wide, CASE WHEN x.is_wide THEN 'PRIMARY' ELSE 'B' || x.case_no END,
           CASE WHEN x.is_wide THEN 'WIDE' ELSE 'B' || x.case_no END, CASE WHEN x.is_wide THEN x.n ELSE 1 END
      FROM (SELECT w.*, row_number() OVER (PARTITION BY w.is_wide ORDER BY w.case_no) AS n
              FROM (SELECT a.case_no, a.kind, a.expr,
                           bool_and(e.reason IS NULL AND abs(e.amount) < 1e12) FILTER (WHERE e.reason IS DISTINCT FROM 'BAD_DATE') AS is_wide
                      FROM fuzz.expected AS e JOIN fuzz.accepted AS a USING (case_no) GROUP BY a.case_no) AS w) AS x
     WHERE x.n <= CASE WHEN x.is_wide THEN 999 ELSE 80 END;
    INSERT INTO acct.accounting_basis (basis, description) SELECT c.basis, 'Of one expression' FROM fuzz.chosen AS c WHERE NOT c.is_wide;
    INSERT INTO acct.journal_template (template_code, basis, status, maker, approver, require_balanced, balance_by_fund)
    SELECT DISTINCT c.template_code, c.basis, 'approved', 'one', 'another', false, false FROM fuzz.chosen AS c;
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr)
    SELECT c.template_code, 1, 'ROW', CASE WHEN NOT c.is_wide AND c.kind = 'condition' THEN c.expr END FROM fuzz.chosen AS c WHERE c.line_no = 1;
    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr)
    SELECT c.template_code, c.line_no, 'DR', 'A', 'F', CASE c.kind WHEN 'amount' THEN c.expr ELSE '1' END,
           CASE WHEN c.is_wide AND c.kind = 'condition' THEN c.expr END
      FROM fuzz.chosen AS c;
END
$$;

-- Without settings of its own
CREATE FUNCTION fuzz.expand() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    run bigint := acct.create_run(pg_catalog.make_date(2025, 1, 1));
BEGIN
    PERFORM FROM acct.expand_journals(run);
    RETURN run;
END
$$;

CREATE FUNCTION fuzz.compare_with_engine(p_run bigint) RETURNS SETOF text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO fuzz.outcome
    SELECT c.case_no, c.kind, c.expr, e.txn_id,
           CASE WHEN e.reason IS NOT NULL THEN e.reason
                WHEN e.amount <> 0 THEN trim_scale(e.amount)::text
                WHEN c.is_wide OR c.kind = 'condition' THEN 'nothing'
                ELSE 'NO_LINES' END AS expected,
           CASE WHEN b.amount IS NOT NULL THEN trim_scale(b.amount)::text
                WHEN x.reason = 'NO_LINES' AND c.is_wide THEN 'nothing'
                ELSE coalesce(x.reason, 'nothing') END AS booked
      FROM fuzz.chosen AS c
      JOIN fuzz.expected AS e USING (case_no)
      LEFT JOIN (SELECT h.basis, h.txn_id, l.line_no, l.debit - l.credit AS amount
                   FROM acct.je_header_staging AS h JOIN acct.je_line_staging AS l USING (run_id, je_id) WHERE h.run_id = p_run) AS b
        ON (b.basis, b.txn_id, b.line_no) = (c.basis, e.txn_id, c.line_no)
      LEFT JOIN acct.je_exception AS x ON (x.run_id, x.basis, x.txn_id) = (p_run, c.basis, e.txn_id)
     -- The limits of an expression are the engine's own: the server has a value beyond them.
     WHERE x.reason IS NULL OR x.message !~ '^(an expression may take no more than|a number in an expression may have no more than|values of an expression are too large)';
    RETURN QUERY SELECT format('case %s, %s: transaction %s is booked as %s, to be %s: %s', o.case_no, o.kind, o.txn_id, o.booked, o.expected, o.expr)
                   FROM (SELECT DISTINCT ON (x.case_no) x.* FROM fuzz.outcome AS x WHERE x.booked <> x.expected ORDER BY x.case_no, x.txn_id) AS o;
    RETURN QUERY SELECT '@count beyond_limits ' || count(*) FROM fuzz.chosen AS c JOIN fuzz.expected AS e USING (case_no)
                  WHERE NOT EXISTS (SELECT FROM fuzz.outcome AS o WHERE (o.case_no, o.txn_id) = (e.case_no, e.txn_id));
    RETURN QUERY SELECT '@count booked_expressions ' || count(*) FROM fuzz.chosen AS c;
    RETURN QUERY SELECT '@count booked_amounts ' || count(*) FROM fuzz.outcome AS o WHERE o.booked ~ '^-?[0-9]';
    RETURN QUERY SELECT '@count ' || o.booked || ' ' || count(*) FROM fuzz.outcome AS o WHERE o.booked ~ '^[A-Z]' GROUP BY o.booked;
END
$$;

CREATE FUNCTION fuzz.run_batch() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT translate(c, chr(10) || chr(13), '  ') FROM fuzz.compare_with_server() AS c;
    PERFORM fuzz.make_templates();
    RETURN QUERY SELECT translate(c, chr(10) || chr(13), '  ') FROM fuzz.compare_with_engine(fuzz.expand()) AS c;
END
$$;

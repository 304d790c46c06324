-- Every function, operator, type and cast of the server's as a template expression: fuzz.sweep(round) fills fuzz.swept with them.
-- Their arguments are columns in round 0, literals in round 1, NULL in round 2, and mixed from round 3 to round 5.

CREATE TABLE fuzz.column_of (type_name text PRIMARY KEY, expr text);
INSERT INTO fuzz.column_of VALUES
    ('numeric', 'gross_amount'), ('text', 'policy_no'), ('integer', 'days'), ('bigint', 'txn_id'),
    ('date', 'bank_value_date'), ('boolean', 'flag'), ('jsonb', 'attributes'), ('bytea', 'raw'), ('text[]', 'tags'),
    ('numeric[]', 'amounts'), ('timestamp without time zone', 'seen'), ('character varying', 'wide'),
    ('"any"', 'policy_no'), ('anyelement', 'rate'), ('anynonarray', 'policy_no'), ('anycompatible', 'rate'),
    ('anycompatiblenonarray', 'rate'), ('anyarray', 'amounts'), ('anycompatiblearray', 'amounts'),
    ('anyenum', 'NULL'), ('record', 'row(1)'), ('anyrange', 'int4range(days, NULL)'),
    ('anycompatiblerange', 'numrange(rate, NULL)'), ('anymultirange', '''{[1,2)}''::int4multirange'),
    ('anycompatiblemultirange', '''{[1,2)}''::nummultirange'), ('smallint', 'days::smallint'),
    ('interval', '(seen - timestamp ''2025-01-01'')'), ('daterange', 'daterange(bank_value_date, NULL)'),
    ('name', 'policy_no::name'), ('character', 'wide::bpchar'), ('"char"', 'policy_no::"char"'),
    ('time without time zone', 'seen::time'), ('oid', 'txn_id::oid'), ('bit', 'days::bit(32)'),
    ('json', '''{"a": 1}''::json');
CREATE TABLE fuzz.literal_of (type_name text PRIMARY KEY, literal text);
INSERT INTO fuzz.literal_of VALUES
    ('numeric', '12.5'), ('text', 'month'), ('date', '2025-01-31'), ('boolean', 't'), ('jsonb', '{"a": [1]}'),
    ('json', '{"a": [1]}'), ('bytea', '\x00ff'), ('text[]', '{a,b}'), ('numeric[]', '{1,2}'),
    ('timestamp without time zone', '2025-01-31 12:00'), ('timestamp with time zone', '2025-01-31 12:00+07'),
    ('time without time zone', '12:00'), ('time with time zone', '12:00+00'), ('interval', '1 day'),
    ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), ('inet', '10.0.0.1'), ('cidr', '10.0.0.0/8'),
    ('macaddr', '08:00:2b:01:02:03'), ('macaddr8', '08:00:2b:01:02:03:04:05'), ('bit', '101'), ('bit varying', '101'),
    ('tsvector', 'a b'), ('tsquery', 'a & b'), ('jsonpath', '$.a'), ('pg_lsn', '0/1'), ('point', '(1,2)'),
    ('box', '(1,2),(3,4)'), ('lseg', '(1,2),(3,4)'), ('path', '(1,2),(3,4)'), ('polygon', '(1,2),(3,4)'),
    ('circle', '<(1,2),3>'), ('line', '{1,2,3}'), ('daterange', '[2025-01-01,2025-02-01)'), ('int4range', '[1,2)'),
    ('int8range', '[1,2)'), ('numrange', '[1,2)'), ('tsrange', '[2025-01-01,2025-02-01)'),
    ('tstzrange', '[2025-01-01,2025-02-01)'), ('int4multirange', '{[1,2)}'), ('int8multirange', '{[1,2)}'),
    ('nummultirange', '{[1,2)}'), ('datemultirange', '{[2025-01-01,2025-02-01)}'), ('tsmultirange', '{}'),
    ('tstzmultirange', '{}'), ('xml', '<a/>'), ('tid', '(1,2)'), ('pg_snapshot', '1:2:'), ('txid_snapshot', '1:2:'),
    ('regclass', 'pg_class'), ('regtype', 'text'), ('regproc', 'now'), ('aclitem', '=r/postgres'), ('name', 'a'),
    ('"char"', 'a'), ('character', 'abc'), ('character varying', 'abc'), ('oidvector', '1 2'), ('int2vector', '1 2');

CREATE FUNCTION fuzz.argument(p_type oid, p_round bigint) RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_round % 3 = 2 THEN format('NULL::%s', t.name)
                WHEN p_round % 3 = 0 AND c.expr IS NOT NULL THEN c.expr
                WHEN l.literal IS NOT NULL THEN format('%L::%s', l.literal, t.name)
                ELSE coalesce(c.expr, format('%L::%s', '1', t.name)) END
      FROM (SELECT format_type(p_type, NULL) AS name) AS t
      LEFT JOIN fuzz.column_of AS c ON c.type_name = t.name
      LEFT JOIN fuzz.literal_of AS l ON l.type_name = t.name
$$;

CREATE TABLE fuzz.swept (case_no bigint PRIMARY KEY, expr text);

CREATE FUNCTION fuzz.sweep(p_round integer) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM fuzz.swept;
    WITH call AS (
        SELECT format('pg_catalog.%I(%s)', p.proname,
                      (SELECT string_agg(fuzz.argument(a.t, p_round + CASE WHEN p_round >= 3 THEN a.n ELSE 0 END), ', ' ORDER BY a.n)
                         FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))) AS expr
          FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace
        UNION
        SELECT concat_ws(' ', fuzz.argument(nullif(o.oprleft, 0), p_round), format('OPERATOR(pg_catalog.%s)', o.oprname),
                         fuzz.argument(o.oprright, p_round + CASE WHEN p_round >= 3 THEN 1 ELSE 0 END))
          FROM pg_operator AS o WHERE o.oprnamespace = 'pg_catalog'::regnamespace
        UNION
        SELECT format('(%s)::%s', fuzz.argument(s.oid, p_round), format_type(t.oid, NULL))
          FROM pg_type AS s CROSS JOIN pg_type AS t
         WHERE s.typname IN ('numeric', 'text', 'int4', 'date', 'jsonb', '_text', 'timestamp', 'interval', 'bytea')
           AND t.typtype IN ('b', 'p', 'r', 'm', 'd') AND t.oid < 16384
        UNION
        SELECT fuzz.argument(t.oid, p_round) FROM pg_type AS t WHERE t.oid < 16384)
    INSERT INTO fuzz.swept (case_no, expr)
    SELECT -row_number() OVER (ORDER BY c.expr COLLATE "C"), format('(%s) IS NULL', c.expr) FROM call AS c WHERE c.expr IS NOT NULL
$$;

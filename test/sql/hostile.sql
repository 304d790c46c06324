-- On one path: nothing here depends on it.
-- Hostile expressions: whoever writes templates does not become the role that checks or runs them, and a value never
-- depends on who asks, where or when
\set topic hostile
\i test/sql/setup.sql
ALTER TABLE acct.txn_source_parent ADD COLUMN days integer, ADD COLUMN rate numeric, ADD COLUMN x numeric;
DROP ROLE IF EXISTS regress_hostile_maker;
CREATE ROLE regress_hostile_maker;
GRANT USAGE ON SCHEMA acct TO regress_hostile_maker;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.journal_template, acct.journal_template_line, acct.journal_template_match TO regress_hostile_maker;
GRANT CREATE ON DATABASE regress_hostile TO regress_hostile_maker;

-- What an attacker may own. The sequence remembers, whatever is rolled back, that code of the attacker's ran.
SET ROLE regress_hostile_maker;
CREATE SCHEMA evil;
CREATE SEQUENCE evil.ran;
CREATE FUNCTION evil.run(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('evil.ran'); RETURN true; END $$;
CREATE DOMAIN evil.dom AS integer CHECK (evil.run(VALUE));
CREATE DOMAIN evil.outer_dom AS evil.dom[];
CREATE TYPE evil.pair AS (a evil.dom, b integer);
CREATE TYPE evil.span AS RANGE (subtype = evil.dom);
CREATE TYPE evil.mood AS ENUM ('ok');
CREATE TABLE evil.t (a evil.dom[], b numeric);
CREATE FUNCTION evil.f(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('evil.ran'); RETURN 0; END $$;
CREATE FUNCTION evil.f(evil.dom[]) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 0.0';
CREATE FUNCTION evil.abs(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT evil.f($1)';
CREATE FUNCTION evil.abs(evil.dom[]) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 0.0';
CREATE FUNCTION evil.add(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT evil.f($1)';
CREATE FUNCTION evil.same(evil.dom[], evil.dom[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION evil.month_end(date) RETURNS date LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION evil.to_numeric(evil.mood) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT evil.f(1.0)';
CREATE OPERATOR evil.+ (FUNCTION = evil.add, LEFTARG = numeric, RIGHTARG = numeric);
CREATE OPERATOR evil.+ (FUNCTION = evil.f, RIGHTARG = numeric);
CREATE OPERATOR evil.=== (FUNCTION = evil.same, LEFTARG = evil.dom[], RIGHTARG = evil.dom[]);
CREATE CAST (evil.mood AS numeric) WITH FUNCTION evil.to_numeric(evil.mood) AS IMPLICIT;
CREATE CAST (evil.mood AS boolean) WITH INOUT AS IMPLICIT;
CREATE COLLATION evil.c FROM "C";
CREATE DOMAIN evil.numeric AS pg_catalog.numeric CHECK (evil.run(VALUE));
CREATE DOMAIN pg_temp.temp_dom AS integer CHECK (evil.run(VALUE));
CREATE FUNCTION pg_temp.temp_f(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT evil.f($1)';
CREATE TYPE pg_temp.temp_pair AS (a pg_temp.temp_dom, b integer);
RESET ROLE;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
-- The sequence tells of code that did run.
BEGIN;
SELECT ('{1}'::evil.dom[])[1];
ROLLBACK;
SELECT is_called AS ran FROM evil.ran;
ALTER SEQUENCE evil.ran RESTART;
SELECT is_called AS ran FROM evil.ran;
-- Functions that connect to servers, in the extension's own schema, where they can be had
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'dblink') THEN
        CREATE EXTENSION dblink SCHEMA acct;
    END IF;
END
$$;

CREATE TABLE public.hostile (n integer GENERATED ALWAYS AS IDENTITY, topic text, kind text, expr text);
GRANT SELECT ON public.hostile TO PUBLIC;
CREATE PROCEDURE public.hostile(topic text, kind text, VARIADIC exprs text[]) LANGUAGE sql AS
$$ INSERT INTO public.hostile (topic, kind, expr) SELECT $1, $2, e FROM unnest($3) WITH ORDINALITY AS x (e, n) ORDER BY n $$;
CREATE FUNCTION public.state_of(expr text, kind text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'accepted as ' || acct.check_expression(expr, kind);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

CALL public.hostile('volatile, stable', 'amount',
    'random()::numeric', 'gross_amount + extract(epoch FROM clock_timestamp())', 'nextval(''evil.ran'')', 'currval(''evil.ran'')', 'setval(''evil.ran'', 1)',
    'lastval()', 'txid_current()', 'length(pg_read_file(''/etc/passwd''))', 'length(pg_ls_dir(''.''))', 'lo_create(0)::bigint', 'lo_import(''/etc/passwd'')::bigint',
    'lo_export(1, ''/tmp/x'')', 'lo_unlink(1)', 'length(lo_get(1))', 'length(query_to_xml(''DROP TABLE acct.fund'', true, true, '''')::text)',
    'length(set_config(''search_path'', ''evil'', false))', 'length(current_setting(''data_directory''))', 'length(pg_sleep(1)::text)', 'pg_backend_pid()',
    'length(version())', 'pg_database_size(''postgres'')', 'pg_advisory_lock(1) IS NULL', 'pg_notify(''a'', ''b'') IS NULL', 'length(pg_reload_conf()::text)',
    'length(convert_from(pg_read_binary_file(''x''), ''UTF8''))', 'length(to_char(gross_amount, ''L999D99''))', 'to_number(''1,5'', ''9G9'')',
    'length(to_char(bank_value_date, ''TMMonth''))', 'extract(day FROM to_date(policy_no, ''DD''))', 'length(bank_value_date::text)', 'extract(epoch FROM bank_value_date::timestamptz)',
    'length(format(''%s'', policy_no))', 'length(concat(policy_no, bank_value_date))', 'extract(day FROM age(bank_value_date))', 'has_table_privilege(''acct.fund'', ''SELECT'')::int',
    'length(obj_description(1, ''pg_class''))', 'pg_column_size(policy_no)', 'length(pg_typeof(1)::text)', 'length(to_jsonb(gross_amount)::text)', 'length(policy_no::date::text)',
    'length(inet_client_addr()::text)', 'length(xmlparse(content policy_no)::text)', 'length(dblink(''dbname=postgres'', ''SELECT 1''))', 'dblink_exec(''x'')', 'length(dblink_connect(''dbname=regress_hostile''))',
    'length(dblink_exec(''dbname=regress_hostile'', ''SELECT evil.run(1)''))', 'length(acct.dblink_exec(''dbname=regress_hostile'', ''SELECT evil.run(1)''))', 'json_populate_record(NULL::evil.pair, ''{"a": 1}'') IS NULL');
CALL public.hostile('immutable by name', 'amount',
    'evil.f(1)', 'evil.f(gross_amount)', 'evil.f(''{1}'')', 'f(1)', 'evil.abs(gross_amount)', 'regress_hostile.evil.f(''{1}'')', 'pg_temp.temp_f(1)', 'temp_f(1)', 'evil.run(1)::int',
    'gross_amount OPERATOR(evil.+) 1', 'OPERATOR(evil.+) gross_amount', 'extract(day FROM evil.month_end(bank_value_date))', '1 + (''{1}'' OPERATOR(evil.===) ''{2}'')::int',
    '''ok''::evil.mood', '''ok''::evil.mood + 1', 'CAST(''ok'' AS evil.mood)', '(txn_source_parent).f', 'txn_source_parent.abs', 'f(txn_source_parent)', 'nosuch.f(1)', 'acct.nosuch(1)', 'pg_toast.f(1)',
    'satisfies_hash_partition(1, 4, 0, 1)::int', 'length(pg_walfile_name(''0/1''))', 'length(pg_indexam_progress_phasename(403, 1))', 'postgresql_fdw_validator(''{}'', 1)::int',
    'length(pg_partition_root(1259::oid)::text)', 'xml_is_well_formed_document(policy_no)::int', 'current_batch()', 'acct._flush_wal() IS NULL', 'acct.post_journals(1)', 'acct.install() IS NULL');
CALL public.hostile('types of users', 'amount',
    '1::evil.dom', '''1''::evil.dom', 'evil.dom ''1''', '(''{1}''::evil.dom[])[1]', 'evil._dom(''{1}'') IS NULL', '(''{1}''::evil.outer_dom)[1]', 'cardinality(''{1}''::evil.outer_dom)',
    '(''(1,2)''::evil.pair).b', 'evil.pair(''(1,2)'') IS NULL', '(''{"(1,2)"}''::evil.pair[])[1].b', 'lower(''[1,2)''::evil.span)', 'isempty(''{[1,2)}''::evil.span_multirange)::int',
    '1::evil.numeric', '1::numeric::evil.numeric', '(''{1}''::temp_dom[])[1]', '(''{1}''::pg_temp.temp_dom[])[1]', '(''(1,2)''::temp_pair).b', '(''{1}''::regress_hostile.evil.dom[])[1]',
    '(coalesce(NULL::evil.dom[], ''{1}''))[1]', '(CASE WHEN true THEN ''{1}'' ELSE NULL::evil.dom[] END)[1]', '(nullif(''{1}'', NULL::evil.dom[]))[1]', '(greatest(NULL::evil.dom[], ''{1}''))[1]',
    '(ARRAY[''{1}'']::evil.dom[][])[1][1]', 'NULL::evil.dom', 'CAST(NULL AS evil.pair) IS NULL', '1::nosuch.t', '1::nosuch', '''(x,y)''::acct.fund IS NULL', 'acct.fund(''(x,y)'') IS NULL',
    '1::evil.dom(3)', '1::SETOF evil.dom', 'length(xmlserialize(content ''<a/>''::xml AS evil.dom)::text)', '1::information_schema.cardinal_number', '''1''::"numeric "', '''{1}''::"evil.dom[]"');
CALL public.hostile('subqueries, relations', 'amount',
    '(SELECT 1)', '(SELECT b FROM evil.t)', '(SELECT 1 FROM evil.t WHERE a = ''{1}'')', 'EXISTS (SELECT FROM evil.t WHERE a = ''{1}'')', 'ARRAY(SELECT 1)', '1 IN (SELECT 1)', '1 = ANY (SELECT 1)', '(VALUES (1))',
    '(TABLE acct.fund)', '(WITH x AS (DELETE FROM acct.fund RETURNING 1) SELECT 1)', '(SELECT 1 FROM evil.f(''{1}''))', 'acct.fund.fund', 'fund.fund', 'pg_authid.rolpassword', 'evil.t.b', 't.b', 'evil.txn_source_parent.x',
    'regress_hostile.acct.fund.fund', 'ctid', 'xmin::text::int', 'tableoid::bigint', 'cmax::text::int', 'txn_source_parent.ctid', 'txn_source_parent', 'txn_source_parent.*', '(txn_source_parent).*', '*', 'acct.*',
    'row(1, 2)', 'row(gross_amount)', '(1, 2)', '((1, 2)).f1', 'row(txn_source_parent.*) IS NULL', 'length(txn_source_parent::text)', 'to_jsonb(txn_source_parent) IS NULL', 'num_nulls(txn_source_parent)', 'new.x', 'old.x', 'excluded.x');
CALL public.hostile('not scalar', 'amount',
    'sum(1)', 'count(*)', 'max(gross_amount)', 'count(DISTINCT 1)', 'sum(1) FILTER (WHERE true)', 'string_agg(policy_no, '''')', 'percentile_disc(0.5) WITHIN GROUP (ORDER BY 1)', 'grouping(gross_amount)', 'row_number() OVER ()',
    'sum(1) OVER (PARTITION BY 1)', 'lag(1) OVER w', 'generate_series(1, 9)', 'unnest(ARRAY[1])', 'jsonb_array_elements(attributes)', 'regexp_matches(''a'', ''a'')', 'json_each(''{}'')', '$1', '$0', '$1::int', '$2147483647', '$99999999999',
    'make_date(year => 2025, month => 1, day => 1) - txn_month', 'make_date(year := 2025, month := 1, day := 1) - txn_month', 'jsonb_path_exists(attributes, path => ''$'')::int', 'num_nonnulls(VARIADIC ARRAY[1, now()])',
    'concat(VARIADIC ARRAY[''a''])', 'DEFAULT', 'CURRENT OF c', 'int4_avg_combine(''{1,2}'', ''{1,2}'')[1]', 'numeric_avg_accum(NULL::internal, 1) IS NULL', 'NULL::internal', 'NULL::cstring IS NULL', 'numeric_in(''1'', 0, -1)', 'NULL::record IS NULL',
    'NULL::trigger IS NULL', 'NULL::anyelement IS NULL', 'NULL::anyarray IS NULL', 'NULL::void IS NULL', 'array_in(''{1}'', 23, -1) IS NULL', 'int4out(1) IS NULL', 'date_in(''today'') - txn_month', 'void_in(''1'') IS NULL', 'internal_in(NULL) IS NULL');
CALL public.hostile('keywords', 'amount',
    'length(CURRENT_USER)', 'length(SESSION_USER)', 'length(USER)', 'length(CURRENT_ROLE)', 'length(CURRENT_CATALOG)', 'length(CURRENT_SCHEMA)', 'length(current_database())', 'length(current_schema())', 'CURRENT_DATE - txn_month',
    'extract(hour FROM CURRENT_TIME)', 'extract(hour FROM LOCALTIME(0))', 'extract(epoch FROM CURRENT_TIMESTAMP(3))', 'extract(epoch FROM LOCALTIMESTAMP)', 'length(COLLATION FOR (policy_no))', 'MERGE_ACTION()', 'length(xmlelement(name a)::text)',
    'length(xmlconcat(NULL, NULL)::text)', 'length(xmlforest(x)::text)', 'length(xmlpi(name a)::text)', 'xmlexists(''//a'' PASSING ''<a/>'')::int', '(''<a/>'' IS DOCUMENT)::int', 'length(xmlroot(''<a/>'', version ''1.0'')::text)',
    'cardinality(xpath(''/a'', ''<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>''))', 'length(''<a/>''::xml::text)', 'length(xmlcomment(''a'')::text)',
    'length(JSON_OBJECT(''a'': 1)::text)', 'length(JSON_ARRAY(1, 2)::text)', 'length(JSON_SCALAR(1)::text)', 'JSON_VALUE(attributes, ''$.a'' RETURNING numeric)', 'JSON_EXISTS(attributes, ''$.a'')::int',
    'JSON_VALUE(attributes, ''$'' RETURNING evil.dom DEFAULT 1 ON EMPTY)', 'JSON_QUERY(attributes, ''$'' RETURNING evil.dom[] DEFAULT ''{1}'' ON EMPTY) IS NULL', '(''{}'' IS JSON)::int');
CALL public.hostile('text tricks', 'amount',
    '''open', '"open', '$$open', '$a$open$b$', '/* open', '/* /* */', 'E''\''', 'U&''\00', 'U&''\D800''', 'U&''!0041'' UESCAPE ''''', 'U&"\0031"', 'E''\u12''', 'E''\U00110000''', 'E''\xff''', 'E''\000''', 'B''2''', 'X''G''', '1e', '0x', '1_', '1.2.3',
    '1; DROP TABLE acct.fund', '1); DROP TABLE acct.fund; --', E'1 --\n; SELECT 1', E'1\n,2', '1 /* */ , 2', ':', '::', ':::x', ': x', ':1', ':''x''', ':"nosuch"', ':nosuch', ':ctid', ':random()', ':x:', ':x :x', ':{x}', ':''x'' || 1', 'x:x', '(:x)::', '$$1$$ $$2$$',
    '\gexec', '\! id', '\', '@', '@@', '#', '!', '~', '`id`', '1 \; 2', 'SELECT 1', 'x AS y', 'x y', 'x INTO y', 'x FROM acct.fund', 'x WHERE true', 'x UNION SELECT 1', 'x LIMIT 1', 'x FOR UPDATE', 'x ORDER BY 1', 'x GROUP BY 1', 'x HAVING true', 'DISTINCT x', 'x WINDOW w AS ()', 'x; COMMIT', 'COMMIT',
    '', ' ', '--', '/**/', ';', '()', '(', ')', '[', '{', 'NULL::', 'CASE', 'CASE END', 'x COLLATE "C"', 'x IS', 'NOT', 'x =', 'x ==', 'x := 1', 'x => 1', E'\u200b', E'x\u00a0+\u00a01', E'ｘ', E'x\u2028+ 1', E'gr\u043ess_amount', E'\u202ex', '"gross_amount', '"GROSS_AMOUNT"');
CALL public.hostile('sizes', 'amount',
    repeat('(', 10000) || '1' || repeat(')', 10000), repeat('(', 4000) || '1' || repeat(')', 3999), repeat('abs(', 5000) || '1' || repeat(')', 5000), repeat('1+', 500000) || '1', repeat(' ', 1000000) || '1', repeat('/*', 500000), '''' || repeat('a', 1000000) || '''',
    'length(''' || repeat('''''', 400000) || ''')', repeat('x', 100000), '"' || repeat('x', 100000) || '"', repeat('NOT ', 100000) || 'true', repeat('- ', 100000) || '1', repeat('CASE WHEN true THEN ', 20000), repeat('[1]', 100000), 'ARRAY' || repeat('[', 8000), '1e999999999', '1e-999999999',
    '1::numeric(1001)', '1::numeric(1000000000, 1)', '1::numeric(-1)', '1::numeric(10, 20, 30)', '1::numeric(NULL)', '1::numeric(x)', '1::numeric(10,99999)', 'length(''x''::char(2000000000))', 'length(''x''::varchar(0))', 'length(B''1''::bit(2000000000))', 'extract(day FROM interval ''1 day''::interval(9999999999))', '1::bigint(5)', '99999999999999999999::int', '1e400::float8::numeric',
    'cardinality(array_fill(1, ARRAY[2000000000]))', 'length(repeat(''x'', 2000000000))', 'length(lpad(''x'', 2000000000))', '(''{' || repeat('{', 100) || '1' || repeat('}', 101) || '''::int[])[1]', '10 ^ 1000000.0', 'factorial(100000)', 'length(''' || repeat('[', 8000) || '''::jsonb::text)', 'length(''' || repeat('(', 8000) || '''::tsquery::text)', '(''a'' ~ ''' || repeat('(', 8000) || ''')::int');
CALL public.hostile('not the same everywhere', 'amount',
    '1/2', 'days/2', 'txn_id/100', '7::smallint/2', 'pg_catalog.int8div(7, 2)', 'days OPERATOR(pg_catalog./) 2', '(bank_value_date - txn_month)/30', 'x * (1/3)', 'x::int/100', '1e300::float8', '0.1::real', 'x * ''0.1''::float4', 'sqrt(days)', 'log(days::float8)', 'x ^ (0.5::float8)', 'days ^ 2', 'extract(epoch FROM ''1 day''::interval * 1.5)',
    '(''{1.5}''::float8[])[1]', 'cardinality(''{1.5}''::real[])', 'date_part(''day'', bank_value_date)', 'ln(days)', 'power(days, 2)', 'width_bucket(days::float8, 0, 1, 5)', 'area(''(1,2),(3,4)''::box)', '(''(0.1,0.2)''::point <@ ''(0,0),(1,1)''::box)::int', '(''<(0,0),1>''::circle = ''<(0,0),1>''::circle)::int', 'cardinality(''{"(1,2)"}''::point[])', 'ts_rank(''a'', ''a'')', 'degrees(x)', 'random_normal()', 'jsonb_path_query_first(attributes, ''$.a.double()'')::numeric', 'jsonb_path_exists(attributes, ''$.a ? (@.double() > 1)'')::int',
    '''1''::money::numeric', '(''{$1.00}''::money[] = ''{1}''::money[])::int', 'cash_words(''1'') = ''''', '''acct.fund''::regclass::oid::bigint', '(''{acct.fund}''::regclass[]::oid[])[1]::bigint', 'cardinality(''{acct.fund}''::regclass[])', '''english''::regconfig::oid::bigint', 'length(to_tsvector(''english'', policy_no)::text)', '''now''::regproc::oid::bigint', '(''=r/postgres''::aclitem = ''=r/postgres''::aclitem)::int', 'cardinality(acldefault(''r'', 10))', '(makeaclitem(10, 10, ''SELECT'', false) IS NULL)::int',
    'date ''today'' - txn_month', '''now''::date - txn_month', 'bank_value_date - ''tomorrow''', 'bank_value_date - date ''YesterDay''', 'date U&''\0074oday'' - txn_month', 'date E''\x74oday'' - txn_month', E'date ''to''\n''day'' - txn_month', 'date $$today$$ - txn_month', 'extract(hour FROM time ''now'')', 'extract(hour FROM timetz ''12:00 America/New_York'')', 'extract(hour FROM timetz ''allballs'')', 'extract(epoch FROM timestamp ''today 12:00'')', 'extract(epoch FROM timestamptz ''now'')',
    'cardinality(''{2025-01-01,today}''::date[])', 'upper(''[2025-01-01,tomorrow)''::daterange) - txn_month', '(''{[2025-01-01,today)}''::datemultirange @> bank_value_date)::int', '(bank_value_date <@ daterange(''2025-01-01'', ''today''))::int', 'coalesce(bank_value_date, ''today'') - txn_month', '(ARRAY[''today'']::date[])[1] - txn_month', 'greatest(bank_value_date, ''today'') - txn_month', '(''today''::unknown)::date - txn_month', '''today''::text::date - txn_month', 'bank_value_date - ''31/12/2024''', 'bank_value_date - ''12/31/2024''',
    'extract(hour FROM bank_value_date::timestamptz)', 'extract(hour FROM timestamptz ''2025-01-01 00:00'')', 'extract(hour FROM (bank_value_date AT TIME ZONE ''Asia/Jakarta''))', 'extract(hour FROM timestamptz ''2025-01-01'' + interval ''1 day'')', 'extract(hour FROM date_trunc(''day'', timestamptz ''2025-01-01''))', 'extract(epoch FROM timezone(''Asia/Jakarta'', now()))', 'extract(epoch FROM (timestamp ''2025-01-01'' AT LOCAL))');
CALL public.hostile('conditions', 'condition',
    '1', '''t'' || ''rue''', 'policy_no COLLATE evil.c = ''a''', 'policy_no COLLATE "en_US" < ''a''', 'policy_no COLLATE nosuch = ''a''', 'policy_no COLLATE "unicode" < ''a''', 'channel = ANY (SELECT ''A'')', '''{1}'' OPERATOR(evil.===) ''{2}''', '''{1}'' OPERATOR(regress_hostile.evil.===) ''{2}''', '''ok''::evil.mood', 'evil.run(1)', '(''{1}''::evil.dom[]) IS NULL', '''(1,2)''::evil.pair IS NULL',
    'row(1, 2) < row(1, 3)', '(attributes ->> ''p'')::jsonpath IS NULL', 'attributes @? (attributes ->> ''p'')::jsonpath', '''a''::tsvector @@ (attributes ->> ''q'')::tsquery', 'ARRAY[attributes ->> ''p'']::jsonpath[] IS NULL', 'attributes::text::xml IS NULL', 'bank_value_date = ''epoch''::abstime', 'bank_value_date > ''today''', 'current_user = ''x''', 'pg_has_role(''postgres'', ''USAGE'')', 'pg_try_advisory_lock(1)', 'pg_terminate_backend(1)', 'pg_cancel_backend(1)', 'lo_export(1, ''x'') > 0', 'inet_server_addr() IS NULL', 'pg_is_in_recovery()', 'true; DELETE FROM acct.fund', 'true OR (SELECT true)', 'NOT EXISTS (TABLE acct.fund)', 'txid_visible_in_snapshot(1, txid_current_snapshot())');

-- By topic: all of them refused, whoever asks. No row: none got another answer.
CREATE TABLE public.answer AS SELECT h.*, public.state_of(h.expr, h.kind) AS state FROM public.hostile AS h;
SELECT topic, count(*) AS expressions, count(*) FILTER (WHERE state = 'LE003') AS refused FROM public.answer GROUP BY topic ORDER BY min(n);
SELECT topic, left(expr, 60) AS expression, left(state, 60) AS state FROM public.answer WHERE state <> 'LE003' ORDER BY n;
SET search_path = evil, pg_temp, pg_catalog;
SET ROLE regress_hostile_maker;
SELECT pg_catalog.count(*) AS other_answers FROM (SELECT * FROM public.hostile OFFSET 0) AS h WHERE public.state_of(expr, kind) OPERATOR(pg_catalog.<>) 'LE003';
RESET ROLE;
RESET search_path;
-- None of it ran the attacker's code.
SELECT is_called AS ran FROM evil.ran;

-- Each is refused at a character of its text, or at its end, which psql says and PL/pgSQL does not get to know. No row: each has its place.
CREATE TABLE public.said (line_no integer GENERATED ALWAYS AS IDENTITY, line text);
CREATE VIEW public.asked AS
SELECT format(E'\\echo @%s\nSELECT acct.check_expression(expr, kind) FROM public.hostile WHERE n = %s;', n, n) FROM public.hostile ORDER BY n;
SELECT setting || '/psql' AS psql FROM pg_config WHERE name = 'BINDIR' \gset
\setenv PSQL :psql
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\setenv PGDATABASE :DBNAME
\copy public.said (line) FROM PROGRAM '"$PSQL" -XAtqc "TABLE public.asked" | "$PSQL" -Xq -v VERBOSITY=terse 2>&1' (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')
CREATE VIEW public.refused_at AS
SELECT h.n, h.topic, h.expr, a.answer, substring(a.answer FROM ' at character (\d+)$')::integer AS place
  FROM public.hostile AS h
  LEFT JOIN (SELECT s.n, string_agg(s.line, E'\n' ORDER BY s.line_no) FILTER (WHERE s.line !~ '^@\d+$') AS answer
               FROM (SELECT x.*, max(substring(x.line FROM '^@(\d+)$')::integer) OVER (ORDER BY x.line_no) AS n FROM public.said AS x) AS s
              GROUP BY s.n) AS a USING (n);
SELECT topic, left(expr, 60) AS expression, left(answer, 60) AS answer, place FROM public.refused_at WHERE (place BETWEEN 1 AND length(expr) + 1) IS NOT TRUE ORDER BY n;
SELECT count(*) AS too_long, min(place), max(place) FROM public.refused_at WHERE octet_length(expr) > 8192;
SELECT is_called AS ran FROM evil.ran;
DROP EXTENSION IF EXISTS dblink;

-- What is said, and where
\set VERBOSITY terse
\set ECHO queries
SELECT format('SELECT acct.check_expression(%L, %L)', h.expr, h.kind) FROM public.hostile AS h
 WHERE h.topic IN ('immutable by name', 'types of users', 'subqueries, relations', 'not the same everywhere') AND h.n % 3 = 0 ORDER BY h.n \gexec
\set ECHO all
-- Where the server itself does not say it: at what fails, however deep it is
SELECT acct.check_expression('x + abs(1/(0.5 - 0.5)) + 2', 'amount');
SELECT acct.check_expression('CASE 1 WHEN 2 THEN days WHEN 1 THEN 3 % 0 END', 'amount');
SELECT acct.check_expression('x > ANY (ARRAY[1, factorial(100000)])', 'condition');
SELECT acct.check_expression('days + (''{1.5,2e20}''::numeric[]::int[])[2]', 'amount');
SELECT acct.check_expression('x + length(''é'' || repeat(''x'', 2000000000))', 'amount');
SELECT acct.check_expression('gross_amount + 1::numeric(1001)', 'amount');
SELECT acct.check_expression('policy_no || E''\xff'' = ''a''', 'condition');
SELECT acct.check_expression('0,05 * gross_amount', 'amount');
SELECT acct.check_expression('x' || repeat('é', 5000), 'amount');
SET max_stack_depth = '100kB';
SELECT acct.check_expression('x' || repeat('+x', 1600), 'amount') IS NULL;
RESET max_stack_depth;
\set VERBOSITY default

-- As an attacker meets it: with a schema, operators and temporary objects of his own before the server's
SET ROLE regress_hostile_maker;
SET search_path = evil, pg_temp, pg_catalog;
INSERT INTO acct.journal_template (template_code) VALUES ('EVIL');
\set VERBOSITY terse
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('EVIL', 1, 'DR', '1000', 'F1', '(''{1}''::dom[])[1]');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('EVIL', 1, 'DR', '1000', 'F1', '(''{1}''::evil.dom[])[1]');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('EVIL', 1, 'DR', '1000', 'F1', 'evil.abs(:x)');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('EVIL', 1, 'DR', '1000', 'F1', '(''{1}''::temp_dom[])[1]');
INSERT INTO acct.journal_template_match (template_code, match_no, condition_expr) VALUES ('EVIL', 1, '''{1}'' OPERATOR(evil.===) ''{2}''');
\set VERBOSITY default
SELECT acct.check_expression('abs(+gross_amount) + 1::numeric', 'amount');
SELECT acct.check_expression('month_end(:txn_month) = bank_value_date', 'condition');
RESET ROLE;
RESET search_path;
SELECT is_called AS ran FROM evil.ran;
-- Nor does it when a row that no trigger saw is expanded, by a superuser.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
SET session_replication_role = replica;
INSERT INTO acct.journal_template (template_code, status, approver) VALUES ('OLD', 'approved', 'another');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('OLD', 1, 'OLD');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('OLD', 1, 'DR', '1000', 'F1', '(''{1}''::evil.dom[])[1]');
RESET session_replication_role;
CALL public.txn(100, '2025-01-01', 'OLD');
SELECT public.expanded('2025-01-01');
DELETE FROM acct.txn_source_parent;
SELECT is_called AS ran FROM evil.ran;
-- A right that was taken from everybody is not found again in a template.
REVOKE EXECUTE ON FUNCTION pg_catalog.reverse(text) FROM PUBLIC;
SET ROLE regress_hostile_maker;
\set VERBOSITY terse
SELECT acct.check_expression('x + length(reverse(policy_no))', 'amount');
SELECT acct.check_expression('x + length(reverse(''a''))', 'amount');
\set VERBOSITY default
RESET ROLE;
SELECT public.state_of('length(reverse(policy_no))', 'amount');
GRANT EXECUTE ON FUNCTION pg_catalog.reverse(text) TO PUBLIC;
-- A column of a user's type is refused before a literal is read as that type.
ALTER TABLE acct.txn_source_parent ADD COLUMN taken evil.dom[];
SELECT public.state_of('taken = ''{1}''', 'condition'), public.state_of('''{1}'' = ANY (ARRAY[taken])', 'condition');
ALTER TABLE acct.txn_source_parent DROP COLUMN taken;
SELECT is_called AS ran FROM evil.ran;

-- At the limit of the length: refused or not, and the server is there
SELECT count(*) FILTER (WHERE public.state_of(e, k) ~ '^(LE003|accepted)') AS answers FROM (VALUES
    (repeat('abs(', 1638) || 'x' || repeat(')', 1638), 'amount'), ('x' || repeat('+x', 4095), 'amount'), ('x' || repeat('||x', 2730), 'amount'), (repeat('(', 4095) || 'x' || repeat(')', 4095), 'amount'),
    (repeat('-+', 4095) || 'x', 'amount'), (repeat('NOT ', 2046) || 'x>0', 'condition'), ('x>0' || repeat(' OR x>0', 1169), 'condition'), ('x' || repeat('::int', 1600), 'amount'),
    (repeat('CASE WHEN x>0 THEN ', 340) || 'x' || repeat(' END', 340), 'amount'), ('ARRAY[' || repeat('x,', 4000) || 'x] IS NULL', 'condition'), (repeat('coalesce(', 800) || 'x' || repeat(')', 800), 'amount'),
    ('x IN (' || repeat('1,', 4000) || '1)', 'condition'), ('policy_no' || repeat(' COLLATE "C"', 600) || '=''x''', 'condition')) AS v (e, k);

-- Functions of the server's that are written in SQL become part of the expression. One that would be called is refused: an error in it
-- would leave it unusable for the rows that follow.
SELECT public.state_of('((bank_value_date::timestamp, make_interval(days)) OVERLAPS (timestamp ''2025-01-01'', timestamp ''2026-01-01''))', 'condition') ~ '^accepted' AS simple;
SELECT public.state_of('((date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', bank_value_date::timestamp))))))))))), make_interval(days)) OVERLAPS (timestamp ''2025-01-01'', timestamp ''2026-01-01''))', 'condition') AS costly;

--
-- The same value whatever the session's settings are
--
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount, attributes, days)
VALUES (1, '2025-01-01', '2025-01-31', 'SET', 'P', 'C', 'a\b', 100, 100, '{"x": "a\\b", "word": "select", "zone": "IST"}', 3),
       (2, '2025-01-01', '2025-01-02', 'SET', 'P', 'C', NULL, -1.005, -1.005, NULL, NULL),
       (3, '2025-01-01', '2025-01-03', 'SET', 'P', 'C', 'Select', 123456.78, 123456.78, '{"x": "A", "zone": "EST"}', 0);
CALL public.policy('SET', ARRAY[
    'DR 1000 F1 coalesce(length(quote_ident(policy_no)), 0)', 'DR 1000 F1 coalesce(length(quote_ident(attributes ->> ''word'')), 0)', 'DR 1000 F1 length((''\x616263''::bytea)::text)',
    'DR 1000 F1 coalesce(length(sha256(decode(policy_no, ''escape''))::text), 0) IF policy_no <> ''a\b''', 'DR 1000 F1 extract(epoch FROM timezone(''UTC'', timestamptz ''2025-01-01 00:00 IST'')) / 1e6',
    'DR 1000 F1 extract(epoch FROM timezone(''UTC'', timezone(attributes ->> ''zone'', bank_value_date::timestamp))) / 1e6 IF attributes ? ''zone''', 'DR 1000 F1 extract(epoch FROM timezone(''UTC'', timestamptz ''2025-01-01 00:00'')) / 1e6',
    'DR 1000 F1 extract(epoch FROM interval ''-1 2:03:04'')', 'DR 1000 F1 bank_value_date - ''2025-01-02''',
    'DR 1000 F1 7 IF policy_no = NULL', 'DR 1000 F1 11 IF attributes ->> ''x'' = ''a\b''', 'DR 1000 F1 13 IF (''{NULL}''::text[])[1] IS NULL', 'DR 1000 F1 length(E''\''\\'')', 'DR 1000 F1 length(''\n'')',
    'DR 1000 F1 round(:gross_amount, 1)', 'DR 1000 F1 abs(:gross_amount) / 3', 'DR 1000 F1 length(gross_amount::text)', 'DR 1000 F1 17 IF upper(policy_no) < ''T''', 'DR 1000 F1 19 IF bank_value_date > ''2025-01-02''', 'CR 2000 F1 *']);
SELECT public.expanded('2025-01-01') AS run \gset
CREATE TABLE public.kept AS SELECT * FROM public.outcome(:run);
SELECT txn_id, outcome FROM public.kept;
SELECT digest AS kept_digest FROM acct.journal_run WHERE run_id = :run \gset
SELECT acct.discard_run(:run);
SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata'; SET timezone_abbreviations = 'India'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = -15; SET bytea_output = 'escape'; SET xmlbinary = 'hex'; SET xmloption = 'document';
SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = off; SET array_nulls = off; SET transform_null_equals = on; SET quote_all_identifiers = on; SET default_text_search_config = 'pg_catalog.simple';
SET lc_monetary = 'C'; SET lc_numeric = 'C'; SET lc_time = 'C'; SET lc_messages = 'C'; SET search_path = evil, pg_temp, pg_catalog; SET jit_above_cost = 0;
SELECT public.expanded('2025-01-01') AS run \gset
RESET search_path;
SELECT pg_catalog.count(*) AS same FROM (SELECT * FROM public.kept INTERSECT SELECT * FROM public.outcome(:run)) AS s;
SELECT digest = :'kept_digest' AS same_digest FROM acct.journal_run WHERE run_id = :run;
SELECT acct.check_expression('policy_no = NULL AND quote_ident(channel) <> ''\a''', 'condition');
RESET ALL;
SET client_min_messages = warning;
SELECT is_called AS ran FROM evil.ran;

-- The memory of a session does not grow with the expressions that it has seen.
CREATE FUNCTION public.growth(times integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    FOR i IN 1 .. 2 * times LOOP
        IF i = times THEN
            SELECT sum(m.total_bytes) INTO before FROM pg_backend_memory_contexts AS m;
        END IF;
        PERFORM public.state_of('round(x * ' || i % 100 || ' / 3.0, 2) + length(''' || repeat('a', 1000) || ''')', 'amount'), public.state_of('x > ANY (ARRAY[1, ' || i % 100 || '])', 'condition'), public.state_of('nosuch(' || i % 100 || ')', 'amount');
    END LOOP;
    RETURN (SELECT sum(m.total_bytes) - before FROM pg_backend_memory_contexts AS m);
END
$$;
SELECT public.growth(2000) < 1000000 AS bounded;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP ROLE regress_hostile_maker;

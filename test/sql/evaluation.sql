-- Expressions that would take too much memory, too many digits or too long: refused when saved where the text shows it, else the
-- transaction is set aside and the run goes on. An expression can be stopped between any two calls.
\set topic evaluation
\i test/sql/setup.sql
ALTER TABLE acct.txn_source_parent ADD COLUMN long_text text, ADD COLUMN n integer, ADD COLUMN x numeric, ADD COLUMN tags text[];
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');

--
-- When a row is saved
--
\set VERBOSITY terse
\set ECHO queries
SELECT format('SELECT acct.check_expression(%L, %L)', v.expr, 'amount') FROM (VALUES
    (1, 'length(repeat(:channel, 16666666))'), (2, 'x + length(lpad(:long_text, 100001))'), (3, 'length(rpad(:long_text, 1000 * 1000, ''ab''))'),
    (4, 'cardinality(array_fill(:n, ARRAY[1000, 1000]))'), (5, 'length(:long_text::char(10485760))'), (6, 'length(:n::bit(83886080))'),
    (7, 'cardinality(string_to_array(:long_text, '','')::char(1000000)[])'), (8, 'x + length(repeat(''abcdefghi'' || repeat(''x'', 50000), 9999))'),
    (9, 'length(repeat(CASE WHEN true THEN repeat(''x'', 99999) ELSE long_text END, 50000) COLLATE "C")'), (10, 'length(jsonb_pretty((repeat(''['', 3900) || repeat('']'', 3900))::jsonb))'),
    (11, 'x + mod(power(1009.5, 43000), 7)'), (12, 'length(repeat(lpad(''x'', 100000), 100000))'),
    (13, 'CASE WHEN false THEN length(repeat(''x'', 1000000)) ELSE 1 END'), (14, 'jsonb_array_length(jsonb_path_query_array(:attributes, ''$.**.a.**''))')) AS v (n, expr) ORDER BY v.n \gexec
\set VERBOSITY default
SELECT acct.check_expression(':attributes @? ''$.**.**.kind''', 'condition');
SELECT acct.check_expression('x + length(repeat(:channel, 100001))', 'amount');
\set VERBOSITY terse
-- What is within the limits is computed as ever; what is never reached may be wrong.
SELECT acct.check_expression('x + length(repeat(''x'', 100000)) + CASE WHEN false THEN 1 / 0.0 ELSE 2 END', 'amount');
SELECT acct.check_expression('CASE :n WHEN 1 THEN length(lpad(:long_text, 100000)) WHEN 2 THEN 1 / 0.0 END', 'amount');
SELECT acct.check_expression(':attributes @? ''$.**."a.**.**"''', 'condition');
SELECT acct.check_expression('length(jsonb_set(''{"a": 1}'', ''{a}'', ''2'')::text) + extract(day FROM justify_days(''40 days''))', 'amount');
SELECT acct.check_expression('x + length(''a'' COLLATE "C" || lpad(''b'', 3))', 'amount');
\set ECHO all
\set VERBOSITY default

--
-- When a row is expanded: each transaction has a template of its own
--
CREATE TABLE public.bomb (n integer PRIMARY KEY, kind text, expr text);
INSERT INTO public.bomb VALUES
    (1, 'amount', 'length(repeat(:long_text, :n))'), (2, 'amount', 'length(lpad(:channel, :n * 40))'), (3, 'amount', 'length(replace(:long_text, ''a'', :long_text))'),
    (4, 'amount', 'length(regexp_replace(:long_text, ''a'', :long_text, ''g''))'), (5, 'amount', 'cardinality(array_fill(:x, ARRAY[n, 9]))'),
    (6, 'amount', 'cardinality(ARRAY[' || repeat('long_text || '''',', 300) || '''''])'), (7, 'amount', 'length(jsonb_pretty(:attributes))'),
    (8, 'amount', 'length(jsonb_path_query_array(:attributes, ''$.**'')::text)'), (9, 'amount', 'length(translate(:long_text, :long_text, ''''))'),
    (10, 'amount', 'length(' || repeat('(:long_text || ', 300) || ''''')' || repeat(')', 299) || ')'), (11, 'amount', 'mod(power(:x, 43000), power(:x, 21000))'),
    (12, 'amount', '10.0 ^ (:n * 1.0)'), (13, 'amount', 'length(:n::bit(100000)::text || repeat(:long_text, 100000))'), (14, 'amount', 'strpos(:long_text, ''b'' || :long_text)'),
    (15, 'amount', 'cardinality(string_to_array(:long_text, NULL))'), (16, 'amount', 'cardinality(string_to_array(repeat(channel, 1000), NULL)::char(100000)[])'),
    (17, 'amount', 'pg_catalog.extract(product_code, bank_value_date)'), (18, 'amount', 'jsonb_array_length(jsonb_path_query_array(:attributes, ''$.**.a''))'),
    (19, 'amount', 'length(repeat(:long_text, 2147483647 - :n))'), (20, 'amount', 'cardinality(:tags || :tags)'),
    (21, 'condition', 'repeat(:long_text, :n) <> ''''' ), (22, 'condition', ':attributes @? ''$.**.kind ? (@ == "a")'''), (23, 'condition', 'pg_catalog.extract(product_code, bank_value_date) > 0'),
    (24, 'condition', ':long_text LIKE ''%'' || :long_text'), (25, 'condition', 'btrim(:long_text, :long_text) = '''''), (26, 'condition', ':x / (:n - :n) > 0'),
    (28, 'amount', 'length(normalize(:long_text))'), (29, 'amount', 'length(:long_text::bytea::text::bytea::text::bytea::text::bytea::text::bytea::text)'),
    (30, 'amount', 'length(greatest(:long_text || ''a'', :long_text || ''b''))'), (31, 'condition', ':long_text::numeric > 0'),
    (32, 'amount', 'cardinality(string_to_array(repeat(:long_text, 10), NULL))'), (33, 'condition', ':attributes ?| string_to_array(:long_text, ''a'')'),
    (34, 'condition', ':attributes @? ''$ ? ($.a[*] == $.b[*])'''),
    (35, 'amount', 'cardinality(regexp_split_to_array(repeat(:long_text, 10), ''''))'),
    (27, 'amount', 'length(repeat(:channel, 100)) + length(replace(:channel, ''C'', ''DD'')) + :x');
DO $$
DECLARE
    b record;
BEGIN
    FOR b IN SELECT * FROM public.bomb ORDER BY n LOOP
        CALL public.policy('B' || b.n, ARRAY['DR 1000 F1 ' || CASE b.kind WHEN 'amount' THEN b.expr ELSE ':gross_amount' END || CASE b.kind WHEN 'condition' THEN ' IF ' || b.expr ELSE '' END, 'CR 2000 F1 *']);
    END LOOP;
END
$$;
CREATE PROCEDURE public.load(month date) LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, long_text, n, x, tags, attributes)
    SELECT b.n, month, month + 14, 'B' || b.n, 'hour', 'C', 100, 100, repeat('a', 200000), 1000000, 1009, '{a,b}', CASE b.n WHEN 34 THEN d.wide ELSE d.deep END
      FROM public.bomb AS b CROSS JOIN (SELECT (repeat('{"a":', 11500) || '{}' || repeat('}', 11500))::jsonb AS deep,
           (SELECT jsonb_build_object('a', jsonb_agg(i), 'b', jsonb_agg(-i)) FROM generate_series(1, 20000) AS i) AS wide) AS d
$$;
CALL public.load('2025-01-01');
-- How far down a server gets depends on how it was built.
SET max_stack_depth = '1MB';
SELECT public.expanded('2025-01-01') AS run \gset
SELECT b.n, left(b.expr, 50) AS expr, coalesce(e.reason, 'booked') AS outcome, e.line_no, left(e.message, 70) AS message
  FROM public.bomb AS b LEFT JOIN acct.je_exception AS e ON e.run_id = :run AND e.txn_id = b.n ORDER BY b.n;
SELECT check_name FROM acct.validate_run(:run) WHERE NOT passed;
-- The same in parallel workers
SET min_parallel_table_scan_size = 0;
RESET max_stack_depth;
CALL public.load('2025-02-01');
SET max_stack_depth = '1MB';
SELECT public.expanded('2025-02-01') AS again \gset
SELECT count(*) AS different FROM ((SELECT txn_id, reason, line_no, message FROM acct.je_exception WHERE run_id = :run) EXCEPT (SELECT txn_id, reason, line_no, message FROM acct.je_exception WHERE run_id = :again)) AS d;
RESET min_parallel_table_scan_size;
RESET max_stack_depth;
-- What they took is seen, though it was there for an instant, and is bounded.
SELECT min(peak_memory) > 32 * 1024 * 1024 AS seen, max(peak_memory) < 256 * 1024 * 1024 AS bounded FROM acct.run_log WHERE step = 'expand';
SELECT acct.discard_run(:run), acct.discard_run(:again);

--
-- A run can be stopped within one expression, and so can saving it: a hundred lines, or rules, of fifty numbers of 30,000 digits take minutes
--
CREATE FUNCTION public.is_stopped(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
BEGIN
    EXECUTE statement;
    RETURN false;
EXCEPTION WHEN query_canceled THEN
    RETURN clock_timestamp() - began < interval '1 minute';
END
$$;
DO $$
DECLARE
    lines CONSTANT text[] := array_fill('DR 1000 F1 ' || (SELECT string_agg('sign(power(:x, ' || 9900 + i || '))', ' * ') FROM generate_series(1, 50) AS i), ARRAY[100]);
    rules CONSTANT jsonb := (SELECT jsonb_agg(jsonb_build_object('txn_type', 'IF', 'condition_expr', c.expr)) FROM (SELECT string_agg('power(:x, ' || 9900 + i || ') < 0', ' OR ') AS expr FROM generate_series(1, 50) AS i) AS c, generate_series(1, 100));
BEGIN
    CALL public.policy('SLOW', lines || text 'CR 2000 F1 *');
    CALL public.policy('IF', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', rules);
END
$$;
DELETE FROM acct.txn_source_parent;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, x)
VALUES (1, '2025-01-01', '2025-01-15', 'SLOW', 'P', 'C', 100, 100, 1009), (2, '2025-02-01', '2025-02-15', 'IF', 'P', 'C', 100, 100, 1009);
SET statement_timeout = '1s';
SELECT public.is_stopped($$SELECT public.expanded('2025-01-01')$$) AS lines;
SELECT public.is_stopped($$SELECT public.expanded('2025-02-01')$$) AS rules;
SET statement_timeout = '100ms'; -- it takes less than a second
SELECT public.is_stopped(format('SELECT acct.check_expression(%L, %L)', (SELECT string_agg('sign(power(1009.5, ' || 9900 + i || '))', ' * ') FROM generate_series(1, 220) AS i), 'amount')) AS saving;
SELECT public.is_stopped(format('SELECT acct._examine_expression(%L, %L)', string_agg('sign(power(1009.5, ' || 9900 + i || '))', ' * '), 'amount')) AS examining FROM generate_series(1, 220) AS i;
-- Outside of a block it is only the statement that ends.
SELECT string_agg('sign(power(1009.5, ' || 9900 + i || '))', ' * ') AS slow FROM generate_series(1, 220) AS i \gset
SELECT acct._examine_expression(:'slow', 'amount');
RESET statement_timeout;
SELECT count(*) AS runs FROM acct.journal_run WHERE status <> 'discarded';
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

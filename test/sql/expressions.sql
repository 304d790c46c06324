-- On one path: nothing here depends on it.
-- Expressions: what is understood, what is refused, and where the refusal points
\set topic expressions
\i test/sql/setup.sql
ALTER TABLE acct.txn_source_parent ADD COLUMN rate numeric, ADD COLUMN "Odd Name" numeric, ADD COLUMN days integer,
    ADD COLUMN ratio double precision, ADD COLUMN _x numeric;

-- Understood
SELECT e, acct.check_expression(e, 'amount') AS understood
  FROM unnest(ARRAY[
    ':gross_amount', 'gross_amount', 'round(:ujroh_amount * 0.05, 2)', '0.30 * greatest(:tabarru_amount - 50000000, 0)',
    '(:attributes ->> ''tax_rate'')::numeric * :gross_amount', '100', '30/100.0', ':gross_amount/4', '30 % 7', ':rate', ':"Odd Name" + "Odd Name"',
    ':_x', ':GROSS_AMOUNT', ':days * 2', 'CASE WHEN :days > 3 THEN :rate ELSE :gross_amount END', 'coalesce(:rate, nullif(:gross_amount, 0), 1)',
    'abs(-:gross_amount)', '-:gross_amount', 'days_in_month(:txn_month) * 1.5', 'acct.days_in_month(txn_month)', '1 -- :nothing',
    '/* :nothing */ 2', 'length('':nothing'')', 'trunc(1.5)', '(ARRAY[1.5, 2.5, 3.5])[2]', '((ARRAY[1.5, 2.5, 3.5])[1:2])[1]',
    '((ARRAY[1.5, 2.5])[1:days])[1]', '((ARRAY[1.5, 2.5])[:days])[1]', '((ARRAY[1.5, 2.5])[1: :days])[1]', '(ARRAY[:days, 7])[1]', '(ARRAY[[:days], [:days]])[2][1]', '((array [ :days, 7 ])[:days])[1]', ':gross_amount::numeric(10,2)', 'CAST(:days AS numeric)',
    'txn_source_parent.gross_amount', ':bank_value_date - :txn_month', '$$7$$::numeric', 'width_bucket(:gross_amount, 0, 100, 5)',
    'NULL', '''12.5''', 'div(7, 2)', 'mod(7, 2)', '2 ^ 3.0', 'power(2.0, 3)', 'sqrt(2.0)', 'scale(1.50)', '1e3', '(:gross_amount)']) WITH ORDINALITY AS x (e, n) ORDER BY n;
SELECT e, acct.check_expression(e, 'condition') AS understood
  FROM unnest(ARRAY[
    ':tabarru_amount > 50000000', 'true', 'NULL', ':bank_value_date = month_end(:txn_month)', ':channel IN (''A'', ''B'')', ':channel = ANY (''{A,B}'')',
    ':attributes ? ''vip''', ':attributes @> ''{"vip": true}''', ':policy_no IS NULL', ':policy_no LIKE ''A:%''', ':policy_no ~ ''^[[:alpha:]]''',
    ':bank_value_date >= ''2025-01-31''', ':bank_value_date >= DATE ''2025-01-31''', ':bank_value_date BETWEEN :txn_month AND :txn_month + 10',
    'to_code(:txn_month, ''YYYY-Q'') = ''2025-1''', 'NOT (:days > 3 OR :days IS NULL)', ':rate IS DISTINCT FROM :gross_amount', ':channel COLLATE "C" < ''x''',
    ':policy_no = ''today''', ':policy_no = '':name''', ':policy_no = E''\'':days''''''', 'extract(month FROM :bank_value_date) = 3',
    ':bank_value_date < ''infinity''', ':channel = ''it''''s :not a name''']) WITH ORDINALITY AS x (e, n) ORDER BY n;
-- Settings of the session change nothing.
SET datestyle = 'SQL, DMY';
SELECT acct.check_expression(':bank_value_date >= ''2025-01-31''', 'condition');
\set VERBOSITY sqlstate
SELECT acct.check_expression(':bank_value_date >= ''31/01/2025''', 'condition'); :why
\set VERBOSITY default
SET datestyle = 'ISO, YMD';
CREATE SCHEMA mine;
CREATE FUNCTION mine.abs(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 0.0';
SET search_path = mine, pg_catalog;
SELECT acct.check_expression('abs(:gross_amount)', 'amount');
RESET search_path;
SELECT acct.check_expression(NULL, 'amount') IS NULL AND acct.check_expression('1', NULL) IS NULL AS strict;

-- Refused, when a row is saved
\set VERBOSITY sqlstate
INSERT INTO acct.journal_template (template_code) VALUES ('T');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('T', 1, 'DR', '1000', 'F1', ':nosuch'); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, condition_expr) VALUES ('T', 1, 'DR', '1000', 'F1', '1', '1'); :why
INSERT INTO acct.journal_template_match (template_code, match_no, condition_expr) VALUES ('T', 1, 'now() > ''2025-01-01'''); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('T', 1, 'DR', '1000', 'F1', '1');
UPDATE acct.journal_template_line SET amount_expr = '1/2' WHERE template_code = 'T'; :why
UPDATE acct.journal_template_line SET condition_expr = 'sum(1) > 0' WHERE template_code = 'T'; :why
SELECT acct.check_expression('1', 'number'); :why

CREATE FUNCTION public.own(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR public.@#@ (FUNCTION = public.own, RIGHTARG = numeric);
CREATE DOMAIN public.money_amount AS numeric;
CREATE TYPE public.mood AS ENUM ('ok');
CREATE COLLATION public.own_collation FROM "C";
CREATE FUNCTION public.refusal(expr text, kind text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    state := 'accepted as ' || acct.check_expression(expr, kind);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    state := SQLSTATE;
    IF hint <> '' THEN message := message || ' HINT: ' || hint; END IF;
END
$$;
\set VERBOSITY default
-- With the place that is wrong, as psql shows it
SELECT acct.check_expression(':gross_amount * sum(:ujroh_amount)', 'amount');
SELECT acct.check_expression('100 + :gross_amount * 30/100 + 1/2', 'amount');
SELECT acct.check_expression('1 + 30/100', 'amount');
SELECT acct.check_expression('é'' :x', 'amount');
SELECT acct.check_expression('length(''éé'') + :nosuch', 'amount');
SELECT acct.check_expression(':gross_amount + :nosuch', 'amount');
SELECT acct.check_expression('gross_amount + :tableoid::bigint', 'amount');
SELECT acct.check_expression(':gross_amount + extract(year FROM now())', 'amount');
SELECT acct.check_expression(':gross_amount', 'condition');
SELECT acct.check_expression(':gross_amount + random()::numeric', 'amount');
SELECT acct.check_expression(':bank_value_date > ''today''', 'condition');
\set VERBOSITY sqlstate
-- Each kind: amounts, then conditions
SELECT e, r.state, split_part(r.message, ' HINT', 1) AS message FROM unnest(ARRAY[
    -- columns
    ':nosuch', 'nosuch', 'acct.fund.fund', ':1', '::gross_amount', ': gross_amount', ': :gross_amount', ':gross_amount:::numeric', '((ARRAY[1.5, 2.5])[1::days])[1]',
    -- system columns and whole rows
    ':ctid', 'tableoid::bigint', 'xmin::text::numeric', 'txn_source_parent', 'txn_source_parent.*', '(txn_source_parent).gross_amount', 'row(1, 2)', 'length(txn_source_parent::text)', '*',
    -- subqueries, aggregates, windows, sets, parameters
    '(SELECT 1)', '(SELECT max(minor_units) FROM acct.currency)', 'array_length(ARRAY(SELECT 1), 1)', 'sum(:gross_amount)', 'count(*)',
    'grouping(gross_amount)', 'row_number() OVER ()', 'sum(1) OVER ()', 'generate_series(1, 3)', 'unnest(ARRAY[1, 2])', '$1', '$1 + gross_amount',
    -- what is not immutable
    'random()::numeric', 'nextval(''acct.je_id_seq'')', 'extract(year FROM now())', 'extract(year FROM current_date)', 'extract(year FROM localtimestamp)',
    'pg_sleep(0) IS NULL', 'to_char(:bank_value_date, ''MM'')::numeric', 'extract(epoch FROM :bank_value_date::timestamptz)', 'extract(day FROM age(:bank_value_date))',
    'length(current_user)', 'length(session_user)', 'length(current_setting(''x''))', 'length(version())', 'txid_current()',
    -- what is not built in
    'public.own(1)', 'own(1)', '@#@ 1.5', 'OPERATOR(public.@#@) 1.5', '1::public.money_amount', '''1''::money::numeric', '''acct.fund''::regclass::oid::bigint', 'length(''ok''::public.mood::text)', 'acct._layout_version()', 'acct.current_batch()', 'current_batch()',
    -- float
    ':ratio', '1::float8', '1.5::real', ':gross_amount * 1.5::float8', '(:ratio * 2)::numeric', 'sin(1)', 'sqrt(2)', 'random()', 'pi()', '(''1.5''::float8)::numeric', 'sqrt(:days)', '2 ^ 3', 'exp(1)', 'extract(epoch FROM interval ''1 day'')::float8',
    -- division of integers
    '1/2', ':days/2', '2/:days', '7::bigint/2', '7::smallint/2::smallint', ':days / 2::bigint', '(30/100)*:gross_amount', ':gross_amount * (30/100)', 'length(''abc'')/2', '1.0 + 1/2', 'int4div(7, 2)', 'CASE WHEN true THEN 1/2 ELSE 1 END',
    -- dates that are fixed when parsed
    'extract(day FROM date ''today'')', '''now''::date - :txn_month', ':bank_value_date - ''yesterday''', 'date ''TOMORROW'' - :txn_month', 'extract(day FROM '' now ''::timestamp)',
    -- not one expression
    '', ' ', '1, 2', '1;', '1; DROP TABLE acct.fund', 'SELECT 1', '1 AS x', '1 x', '1 FROM acct.fund', '1 WHERE true', '1 UNION SELECT 2', '1 ORDER BY 1', '1 LIMIT 1', '1 INTO x', 'DISTINCT 1', '1 +', '(1', '1)', '''open', '/* open', '"open', 'DEFAULT', '1 FOR UPDATE', '1 GROUP BY 1',
    -- of another type
    'true', ':channel', ':bank_value_date', '''abc''', ':attributes', 'ARRAY[1]', 'interval ''1 day''',
    -- an error that is there before any row
    '1/0.0', '''x''::numeric', '10::numeric(1,0)', 'sqrt(-1.0)', 'length(lpad(''a'', 1000000000))']) WITH ORDINALITY AS x (e, n), public.refusal(e, 'amount') AS r ORDER BY n;
SELECT e, r.state, split_part(r.message, ' HINT', 1) AS message FROM unnest(ARRAY[
    '1', ':gross_amount', '''x''', ':gross_amount > ALL (SELECT 1)', 'EXISTS (SELECT 1)', ':gross_amount IN (SELECT 1)', 
    ':channel COLLATE public.own_collation = ''x''', ':bank_value_date = current_date', ':bank_value_date > ''now''', ':bank_value_date IN (''2025-01-01'', ''today'')', ':bank_value_date = ANY (''{2025-01-01,today}'')', ':bank_value_date = ANY (''{to\day}'')', ':bank_value_date <@ ''[to"day",)''::daterange',
    ':bank_value_date <@ daterange(''2025-01-01'', ''tomorrow'')', ':bank_value_date <@ ''[2025-01-01,today)''::daterange', ':bank_value_date = ''today''::text::date', ':txn_month::text = ''2025-01-01''',
    'CAST(''to'' || ''day'' AS date) = :txn_month', 'make_date(2025, 1, 1) = :txn_month', ':bank_value_date::timestamptz > ''2025-01-01''', ':attributes @@ ''$.a > 1''', ':ratio > 1',
    '''ok''::public.mood = ''ok''', 'current_user = ''x''', ':gross_amount > 1/2', ':txn_id = txid_current()', ':bank_value_date > localtimestamp', ':bank_value_date > epoch', ':gross_amount > 0 ; --'])
  WITH ORDINALITY AS x (e, n), public.refusal(e, 'condition') AS r ORDER BY n;
-- The HINTs
SELECT e, r.state, r.message FROM unnest(ARRAY['30/100', 'to_char(:bank_value_date, ''MM'')::numeric', ':ratio', 'sqrt(2)']) WITH ORDINALITY AS x (e, n), public.refusal(e, 'amount') AS r ORDER BY n;
-- Formulas of a spreadsheet
SELECT e, r.message FROM unnest(ARRAY['gross_amount * 5%', 'gross_amount * 0,05', '=gross_amount', 'IF(:gross_amount > 0, 1, 2)']) WITH ORDINALITY AS x (e, n), public.refusal(e, 'amount') AS r ORDER BY n;
SELECT e, r.message FROM unnest(ARRAY[':product_code = "MOTOR"', ':product_code == ''MOTOR''', ':product_code ~~~ ''MOTOR''']) WITH ORDINALITY AS x (e, n), public.refusal(e, 'condition') AS r ORDER BY n;
-- Long texts
SELECT r.state FROM public.refusal('1' || repeat(' + 1', 2047), 'amount') AS r;
SELECT r.state FROM public.refusal(repeat(' ', 8191) || '1', 'amount') AS r;
SELECT r.state FROM public.refusal(repeat(' ', 8192) || '1', 'amount') AS r;
SELECT r.state FROM public.refusal(repeat('(', 4000) || '1' || repeat(')', 4000), 'amount') AS r;
SELECT count(*) AS rows_saved, min(amount_expr) AS amount_expr FROM acct.journal_template_line WHERE template_code = 'T';

-- The helpers
SELECT d, acct.month_start(d), acct.month_end(d), acct.days_in_month(d), acct.to_code(d, 'YYYY-MM-DD YY Q DDD')
  FROM unnest(ARRAY['2025-01-01', '2024-02-29', '2023-02-28', '2100-02-01', '2000-02-15', '2025-12-31', '0001-01-01', '4713-11-24 BC', '9999-12-31', NULL]::date[]) WITH ORDINALITY AS x (d, n) ORDER BY n;
SELECT acct.month_start('infinity'); :why
SELECT acct.month_end('-infinity'); :why
SELECT acct.days_in_month('infinity'); :why
SELECT acct.to_code('infinity', 'YYYY'); :why
SELECT acct.to_code('2025-03-09', 'Year YYYYMM, D'), acct.to_code('2025-03-09', '') AS empty, acct.to_code('2025-03-09', NULL) IS NULL AS null_format;
SELECT acct.to_code('2025-03-09', 'DDDD-YYYYYY-MMM-QQ');
SELECT count(*) AS days, count(*) FILTER (WHERE acct.month_end(d) <> (date_trunc('month', d) + interval '1 month - 1 day')::date
    OR acct.month_start(d) <> date_trunc('month', d)::date OR acct.days_in_month(d) <> extract(day FROM acct.month_end(d))
    OR acct.to_code(d, 'YYYY/MM/DD/Q/DDD') <> to_char(d, 'YYYY/MM/DD/Q/DDD')) AS different
  FROM generate_series(timestamp '1896-01-01', '2104-12-31', '9 days') AS t, LATERAL (SELECT t::date) AS x (d);

-- Settings of the session change nothing in a run either.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('SET', ARRAY['DR 1000 F1 :gross_amount IF policy_no = NULL', 'DR 1000 F1 :gross_amount IF attributes ->> ''x'' = ''a\\b''',
    'DR 1000 F1 1', 'CR 2000 F1 *']);
CALL public.txn(7, '2025-01-01', 'SET', attributes => '{"x": "a\\b"}');
SELECT public.expanded('2025-01-01') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT acct.discard_run(:run);
SET standard_conforming_strings = off;
SET transform_null_equals = on;
SELECT public.expanded('2025-01-01') AS run \gset
RESET standard_conforming_strings;
RESET transform_null_equals;
SELECT * FROM public.outcome(:run);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

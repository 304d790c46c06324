-- Columns of a site, of many types, through what corrects: corrections by difference, reversals and rebookings
\set topic site_columns
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
SELECT acct.add_dimension(name, type::regtype, on_lines) FROM (VALUES
    ('cohort', 'text', true), ('weight', 'numeric', true), ('since', 'date', true), ('tags', 'jsonb', true), ('parts', 'int4[]', true), ('flag', 'bool', true),
    ('raw', 'json', true), ('at_point', 'point', true), ('hours', 'interval', true), ('bytes', 'bytea', true), ('amount', 'int2', true), ('n', 'name', true), ('lines', 'int4', false), ('original', 'varchar', false), ('note', 'xml', false), ('place', 'json', false)) AS d (name, type, on_lines);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount,
    cohort, weight, since, tags, parts, flag, raw, at_point, hours, bytes, place, amount, n, lines, original)
SELECT n, '2025-01-01', '2025-01-10', 'A', 'P', 'C', 'IDR', n * 100, n * 100, CASE n WHEN 1 THEN 'a "quoted", one' WHEN 2 THEN '' WHEN 3 THEN E'two\nlines' END,
       CASE n WHEN 1 THEN 1.0 WHEN 2 THEN 1.00 WHEN 3 THEN 'NaN' WHEN 4 THEN -0.5 END, CASE n WHEN 1 THEN date '2025-01-31' WHEN 2 THEN 'infinity' END,
       CASE n WHEN 1 THEN '{"b": 1, "a": [1.0, null]}'::jsonb WHEN 2 THEN 'null' END, CASE n WHEN 1 THEN '{1,NULL,3}'::int4[] WHEN 2 THEN '{}' END,
       CASE n WHEN 1 THEN true WHEN 2 THEN false END, CASE n WHEN 1 THEN '{"z":1,  "z":2}'::json END, CASE n WHEN 1 THEN point '(1,2.5)' END,
       CASE n WHEN 1 THEN interval '1 mon' WHEN 2 THEN '30 days' END, CASE n WHEN 1 THEN '\x00ff'::bytea END, CASE n WHEN 1 THEN '{"k": 1}'::json END,
       n, 'n' || n, -n, 'o'
  FROM generate_series(1, 6) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
-- What a set of lines comes to, by account and by all that a site has on them.
CREATE VIEW public.net AS
SELECT h.txn_id, l.account_code, l.cohort, l.weight, l.since, l.tags, l.parts, l.flag, l.raw::text AS raw, l.at_point::text AS at_point, l.hours::text AS hours, l.bytes,
       trim_scale(sum(l.debit - l.credit)) AS amount
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id, je_date) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
-- Nothing differs, however values are written.
SELECT acct.correct_run(:jan, '2025-02-28', 'A look') AS run \gset
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -5;
SET bytea_output = 'escape';
SELECT journals, lines FROM acct.expand_journals(:run);
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
RESET bytea_output;
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT acct.discard_run(:run);
-- Another split: each correction has the columns of what it corrects.
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.5 * :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A", "condition_expr": ":gross_amount <> 400"}]', '{"effective_from": "2025-01-01"}');
SELECT count(*) AS accounts FROM acct.preview_correction(:jan);
SELECT acct.correct_run(:jan, '2025-02-28', 'The split was wrong') AS run \gset
SELECT journals, lines, exceptions FROM acct.expand_journals(:run);
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT journals, lines FROM acct.post_journals(:run);
RESET SESSION AUTHORIZATION;
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT txn_id, cohort, weight, since, tags, parts, flag, raw, at_point, hours, bytes, amount FROM public.net WHERE account_code = '4000' ORDER BY txn_id, amount;
SELECT h.txn_id, h.place, h.lines, h.original, l.amount AS dimension, l.n, l.line_no, l.account_code, l.raw::text, l.at_point::text, trim_scale(l.debit - l.credit) AS amount
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id, je_date) WHERE h.run_id = :run AND h.txn_id <= 2 ORDER BY h.txn_id, l.line_no;
SELECT acct.correct_run(:jan, '2025-02-28', 'Again') AS again \gset
SELECT journals FROM acct.expand_journals(:again);
SELECT acct.discard_run(:again);
-- Reversed with its corrections, and booked again.
SELECT acct.reverse_run(:jan, '2025-02-28', 'All of it') AS back \gset
SELECT journals, lines FROM acct.expand_journals(:back);
SELECT check_name, expected, actual FROM acct.validate_run(:back) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT journals, lines FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS left FROM public.net WHERE amount <> 0;
SELECT r AS anew FROM acct.rebook_run(:back) AS r \gset
SELECT journals, lines, exceptions FROM acct.expand_journals(:anew);
SELECT journals, lines FROM acct.post_journals(:anew);
SELECT txn_id, cohort, weight, raw, at_point, amount FROM public.net WHERE account_code = '4000' AND amount <> 0 ORDER BY txn_id;
SELECT acct.correct_run(:anew, '2025-02-28', 'Nothing') AS again \gset
SELECT journals FROM acct.expand_journals(:again);
SELECT acct.discard_run(:again);
SELECT * FROM acct.check_balance_snapshot();

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

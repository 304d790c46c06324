-- Exceptions: each reason, which comes first where several apply, and what is recorded of it
\set topic exceptions
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, effective_to) VALUES ('GONE', 'Closed', 'ASSET', '2024-01-01');
-- What is wrong with a transaction is in its attributes: each key breaks one thing.
CALL public.policy('T', ARRAY['DR 1000 F1 :gross_amount / (CASE WHEN :attributes ? ''error'' THEN 0 ELSE 1 END) + (CASE WHEN :attributes ? ''null'' THEN NULL ELSE 0 END)',
    'DR 5000 F1 CASE WHEN :attributes ? ''range'' THEN ''NaN''::numeric WHEN :attributes ? ''negative'' THEN -1 ELSE 0 END',
    'DR GONE F1 1 IF :attributes ? ''account''',
    'CR 2000 F1 :gross_amount + (CASE WHEN :attributes ? ''unbalanced'' THEN 1 ELSE 0 END) IF NOT :attributes ? ''account''',
    'CR 2000 F2 1 IF :attributes ? ''fund''', 'DR 2000 F2 2 IF :attributes ? ''fund''', 'CR 2000 F1 1 IF :attributes ? ''fund'''],
    '[{"txn_type": "T", "condition_expr": "1 / (CASE WHEN :attributes ? ''condition'' THEN 0.0 ELSE 1.0 END) > 0"}]', '{"negative_policy": "reject"}');
SELECT public.close_period('2025-04-01', 'MAIN', 'PRIMARY');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, attributes)
SELECT n, '2025-01-01', d, t, 'P', 'C', c, g, g, (SELECT coalesce(jsonb_object_agg(k, true), '{}') FROM regexp_split_to_table(a, ' ') AS k WHERE k <> '')
  FROM (VALUES
    -- one thing each
    (1, date '2025-01-15', 'T', 'IDR', 100, ''), (2, '2023-12-31', 'T', 'IDR', 100, ''), (3, '2024-01-01', 'T', 'IDR', 100, ''), (4, '2026-01-01', 'T', 'IDR', 100, ''), (5, '2026-01-02', 'T', 'IDR', 100, ''),
    (6, '2025-01-15', 'T', 'USD', 100, ''), (7, '2025-04-01', 'T', 'IDR', 100, ''), (8, '2025-04-30', 'T', 'IDR', 100, ''), (9, '2025-05-01', 'T', 'IDR', 100, ''),
    (10, '2025-01-15', 'T', 'IDR', 100, 'condition'), (11, '2025-01-15', 'U', 'IDR', 100, ''), (12, '2025-01-15', 'T', 'IDR', 100, 'null'), (13, '2025-01-15', 'T', 'IDR', 100, 'error'),
    (14, '2025-01-15', 'T', 'IDR', 100, 'range'), (15, '2025-01-15', 'T', 'IDR', 100, 'negative'), (16, '2025-01-15', 'T', 'IDR', 100, 'account'), (17, '2025-01-15', 'T', 'IDR', 0, ''),
    (18, '2025-01-15', 'T', 'IDR', 100, 'unbalanced'), (19, '2025-01-15', 'T', 'IDR', 100, 'fund'),
    -- everything at once, less the first, less the first two, ...
    (30, '2027-04-01', 'T', 'USD', 100, 'condition error null range negative account unbalanced fund'),
    (31, '2025-04-01', 'T', 'USD', 100, 'condition error null range negative account unbalanced fund'),
    (32, '2025-04-01', 'T', 'IDR', 100, 'condition error null range negative account unbalanced fund'),
    (33, '2025-01-15', 'T', 'IDR', 100, 'condition error null range negative account unbalanced fund'),
    (34, '2025-01-15', 'T', 'IDR', 100, 'error null range negative account unbalanced fund'),
    (35, '2025-01-15', 'T', 'IDR', 100, 'null range negative account unbalanced fund'),
    (36, '2025-01-15', 'T', 'IDR', 100, 'range negative account unbalanced fund'),
    (37, '2025-01-15', 'T', 'IDR', 100, 'negative account unbalanced fund'),
    (38, '2025-01-15', 'T', 'IDR', 100, 'account unbalanced fund'),
    (39, '2025-01-15', 'T', 'IDR', 100, 'unbalanced fund'),
    (40, '2025-04-01', 'U', 'USD', 100, ''), (41, '2025-04-01', 'U', 'IDR', 100, ''), (42, '2027-01-01', 'U', 'USD', 100, '')) AS x (n, d, t, c, g, a);
SELECT acct.create_run('2025-01-01', 'jan') AS run \gset
SELECT transactions, journals, exceptions, ignored FROM acct.expand_journals(:run);
SELECT e.txn_id, e.reason, e.template_code, e.template_version, e.line_no,
       (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(s.attributes) AS k) AS wrong
  FROM acct.je_exception AS e JOIN acct.txn_source_parent AS s USING (txn_id, txn_month) WHERE e.run_id = :run ORDER BY e.txn_id;
SELECT txn_id, je_date FROM acct.je_header_staging WHERE run_id = :run ORDER BY txn_id;
-- Of the amounts it is line by line: an error in line 1 comes before a range in line 2, whatever its kind; balancing lines last.
CALL public.policy('LINES', '{DR 1000 F1 :gross_amount IF 1 / (:gross_amount - 1) > 0,CR 2000 F1 :gross_amount / (:gross_amount - 2),CR 3000 F1 *,CR 4000 F1 CASE WHEN :gross_amount = 3 THEN NULL ELSE 0 END,CR 5000 F1 1 / (:gross_amount - 4)}', NULL, '{"negative_policy": "reject"}');
CALL public.txn(1, '2025-02-01', 'LINES', 1);
CALL public.txn(2, '2025-02-01', 'LINES', 2);
CALL public.txn(3, '2025-02-01', 'LINES', 3);
CALL public.txn(4, '2025-02-01', 'LINES', 4);
CALL public.txn(5, '2025-02-01', 'LINES', 1.5);
CALL public.txn(6, '2025-02-01', 'LINES', 2.5);
SELECT public.expanded('2025-02-01', 'feb') AS run2 \gset
SELECT txn_id, outcome FROM public.outcome(:run2);
-- Twelve months before and after the first day of the month
CALL public.txn(1, '2025-03-01', 'T', value_date => '2024-03-01', attributes => '{}');
CALL public.txn(2, '2025-03-01', 'T', value_date => '2024-02-29', attributes => '{}');
CALL public.txn(3, '2025-03-01', 'T', value_date => '2026-03-01', attributes => '{}');
CALL public.txn(4, '2025-03-01', 'T', value_date => '2026-03-02', attributes => '{}');
CALL public.txn(5, '2025-03-01', 'T', value_date => '0001-01-01', attributes => '{}');
CALL public.txn(6, '2025-03-01', 'T', value_date => '9999-12-31', attributes => '{}');
CALL public.txn(7, '2025-03-01', 'T', value_date => '4713-01-01 BC', attributes => '{}');
CALL public.txn(8, '2025-03-01', 'T', value_date => '5874897-12-31', attributes => '{}');
SELECT public.expanded('2025-03-01', 'mar') AS run3 \gset
SELECT txn_id, outcome FROM public.outcome(:run3);

-- A period that is closed in another book, or in another basis, stops nothing here.
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('TT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "T"}]', '{"basis": "TAX"}');
SELECT public.close_period('2025-05-01', 'OTHER', 'PRIMARY'), public.close_period('2025-06-01', 'MAIN', 'TAX');
CALL public.txn(1, '2025-05-01', 'T', value_date => '2025-05-15', attributes => '{}');
CALL public.txn(2, '2025-05-01', 'T', value_date => '2025-05-15', entity => 'OTHER', attributes => '{}');
CALL public.txn(3, '2025-05-01', 'T', value_date => '2025-06-15', attributes => '{}');
CALL public.txn(4, '2025-05-01', 'T', value_date => '2025-06-15', entity => 'OTHER', attributes => '{}');
SELECT public.expanded('2025-05-01', 'may') AS run5 \gset
SELECT txn_id, basis, outcome FROM public.outcome(:run5);

-- The message says what is wrong.
SELECT DISTINCT reason, message FROM acct.je_exception WHERE run_id = :run ORDER BY reason, message;
SELECT bool_and(message <> '') AS all_have_one FROM acct.je_exception;

--
-- Reprocessing: the rest was posted; the cause is removed; each is journalled once, in a new run.
--
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run);
\set VERBOSITY sqlstate
SELECT acct.reprocess_exceptions(:run); :why
SELECT journals, lines FROM acct.post_journals(:run);
INSERT INTO acct.currency VALUES ('USD', 2);
SELECT acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY');
CALL public.policy('U', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = 'GONE';
SELECT acct.reprocess_exceptions(:run) AS again \gset
SELECT status, txn_month, bases, reprocess_of = :run AS of_the_first FROM acct.journal_run WHERE run_id = :again;
SELECT transactions, journals, exceptions, ignored FROM acct.expand_journals(:again);
SELECT txn_id, template, outcome FROM public.outcome(:again);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:again);
-- Meanwhile nothing is left to be taken, and nothing else takes them.
SELECT acct.reprocess_exceptions(:run) AS none \gset
SELECT count(*) AS partitions, coalesce(sum(transactions), 0) AS transactions FROM acct.expand_journals(:none);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:none);
SELECT count(*) AS months FROM acct.post_journals(:none);
-- Discarded, they are given back; made again, they come to the same.
SELECT digest AS first_digest FROM acct.journal_run WHERE run_id = :again \gset
SELECT acct.discard_run(:again);
SELECT count(*) AS open_again FROM acct.je_exception WHERE run_id = :run AND resolved_by_run IS NULL;
SELECT acct.reprocess_exceptions(:run) AS again \gset
SELECT sum(transactions) AS transactions FROM acct.expand_journals(:again);
SELECT digest = :'first_digest' AS same FROM acct.journal_run WHERE run_id = :again;
SELECT sum(journals) AS journals, bool_or(already_done) AS already_done FROM acct.post_journals(:again);
SELECT sum(journals) AS journals, bool_or(already_done) AS already_done FROM acct.post_journals(:again);
-- What failed again is an exception of the new run, and can be taken up from there; the old one's are all resolved.
SELECT r.run_id = :again AS of_new_run, e.reason, e.resolved_by_run = :again AS resolved, count(*) FROM acct.je_exception AS e JOIN acct.journal_run AS r USING (run_id)
 WHERE e.run_id IN (:run, :again) AND r.status = 'posted' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT acct.reprocess_exceptions(:again) AS third \gset
SELECT transactions, journals, exceptions FROM acct.expand_journals(:third);
SELECT acct.discard_run(:third);
-- Each transaction is journalled at most once in a basis.
SELECT count(*) AS journals, count(DISTINCT (txn_id, txn_month, basis)) AS transactions FROM acct.ledger_entry_header;
-- For the exception's basis only: TAX of transaction 3 was quarantined, its PRIMARY journal posted.
SELECT sum(journals) AS journals FROM acct.post_journals(:run5);
SELECT acct.reopen_period('2025-06-01', 'MAIN', 'TAX'), acct.reopen_period('2025-05-01', 'OTHER', 'PRIMARY');
SELECT acct.reprocess_exceptions(:run5) AS again5 \gset
SELECT transactions, journals, exceptions FROM acct.expand_journals(:again5);
SELECT txn_id, basis, outcome FROM public.outcome(:again5);
SELECT sum(journals) AS journals FROM acct.post_journals(:again5);
SELECT txn_id, basis, count(*) FROM acct.ledger_entry_header WHERE txn_month = '2025-05-01' GROUP BY 1, 2 ORDER BY 1, 2;
-- Run states
SELECT acct.reprocess_exceptions(-1); :why
SELECT acct.reprocess_exceptions(:run2); :why
SELECT acct.discard_run(:run2);
SELECT acct.reprocess_exceptions(:run2); :why
SELECT count(*) AS voided FROM acct.je_exception WHERE run_id = :run2 AND voided_at IS NOT NULL;
-- Errors in two expressions, one after the other; a good transaction between them is journalled.
CALL public.policy('DIV', '{DR 1000 F1 100 / (gross_amount - 3),CR 2000 F1 *}', '[{"txn_type": "DIV", "condition_expr": "1 / tabarru_amount > 0"}]');
CALL public.txn(8, '2025-07-01', 'DIV', 0);
CALL public.txn(9, '2025-07-01', 'DIV', 4);
CALL public.txn(10, '2025-07-01', 'DIV', 3);
CALL public.txn(11, '2025-07-01', 'DIV', 0);
SELECT public.expanded('2025-07-01', 'jul', '{"basis": "PRIMARY"}') AS run7 \gset
SELECT * FROM public.outcome(:run7);

-- Values that are too large are set aside; loading them is not checked.
SELECT acct.add_dimension('remark', 'text', true);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, policy_no, attributes, remark)
SELECT 900000 + v.id, '2025-11-01', '2025-11-15', 'A', 'P', 'C', 1, 1, repeat('p', v.policy_no), jsonb_build_object('a', repeat('a', v.attributes)), repeat('r', v.remark)
  FROM (VALUES (1, 1000, 1, 1), (2, 1001, 1, 1), (3, 1, 1048500, 1), (4, 1, 1048600, 1), (5, NULL, 1, 1048576), (6, NULL, 1, 1048577), (7, 10000000, 1, 1)) AS v (id, policy_no, attributes, remark);
SELECT public.expanded('2025-11-01') AS large \gset
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id = :large ORDER BY txn_id;
SELECT txn_id, octet_length(policy_no) AS policy_no, octet_length(remark) AS remark FROM acct.je_header_staging WHERE run_id = :large ORDER BY txn_id;
SELECT journals FROM acct.post_journals(:large);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- Manual journals: entered as rows, submitted, approved by somebody else and so posted, with their reversal
\set topic manual
\i test/sql/setup.sql
-- In a session that has made none yet
INSERT INTO acct.manual_journal (journal_id, entity_code, je_date, currency, memo) OVERRIDING SYSTEM VALUE VALUES (1, 'MAIN', '2025-01-31', 'IDR', 'x');
DROP ROLE IF EXISTS regress_manual_maker, regress_manual_editor, regress_manual_renamed;
CREATE ROLE regress_manual_maker;
CREATE ROLE regress_manual_editor;
GRANT USAGE ON SCHEMA acct TO regress_manual_maker, regress_manual_editor;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.manual_journal, acct.manual_journal_line TO regress_manual_maker, regress_manual_editor;
GRANT SELECT ON acct.manual_journal_content TO regress_manual_maker, regress_manual_editor;
SELECT format('GRANT EXECUTE ON FUNCTION %s TO regress_manual_maker, regress_manual_editor', p.oid::regprocedure) AS statement
  FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace AND p.proname ~ '^(check|submit|approve|return|copy)_manual_journal$' ORDER BY 1
\gexec
SELECT acct.add_dimension('cohort', 'integer', true);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable, effective_from, effective_to)
VALUES ('6000', 'Heading', 'EXPENSE', NULL, false, '2000-01-01', NULL), ('6100', 'Of F2', 'EXPENSE', 'F2', true, '2000-01-01', NULL),
       ('6200', 'Ended', 'EXPENSE', NULL, true, '2000-01-01', '2025-01-01'), ('6300', 'Ends', 'EXPENSE', NULL, true, '2000-01-01', '2025-02-01');
INSERT INTO acct.entity (entity_code, effective_to) VALUES ('ENDED', '2025-01-01');
CREATE VIEW public.entry AS
SELECT l.je_number, l.journal_type, l.je_date, l.line_no, l.account_code, l.fund, trim_scale(l.debit) AS debit, trim_scale(l.credit) AS credit, l.line_memo, l.line_text
  FROM acct.ledger_line AS l;
CREATE VIEW public.wrong AS
SELECT 'balances differ from lines' AS what, count(*) FROM acct.check_balance_snapshot() HAVING count(*) > 0
UNION ALL SELECT 'gap in numbers', count(*) FROM (SELECT max(right(je_number, 9)::integer) - count(*) AS gap FROM acct.ledger_entry_header
                                                   GROUP BY entity_code, basis, date_trunc('month', je_date)) AS g WHERE gap <> 0 HAVING count(*) > 0
UNION ALL SELECT 'fund out of balance', count(*) FROM (SELECT je_id, fund FROM acct.ledger_entry_line GROUP BY 1, 2 HAVING sum(debit) <> sum(credit)) AS f HAVING count(*) > 0
UNION ALL SELECT 'run that fails a check', count(*) FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE NOT v.passed HAVING count(*) > 0
UNION ALL SELECT 'not as approved', count(*) FROM acct.manual_journal_content WHERE (status = 'approved') <> coalesce(unchanged, false) HAVING count(*) > 0
UNION ALL SELECT 'posted otherwise than entered', count(*)
  FROM acct.manual_journal AS m LEFT JOIN acct.ledger_entry_header AS h ON h.je_id = m.je_id
 WHERE m.status = 'approved' AND ((h.run_id, h.je_date, h.entity_code, h.basis, h.currency, h.journal_type) IS DISTINCT FROM (m.run_id, m.je_date, m.entity_code, m.basis, m.currency, m.journal_type)
       OR EXISTS (SELECT x.line_no, x.account_code, x.fund, x.debit, x.credit, x.product_code, x.channel FROM acct.manual_journal_line AS x WHERE x.journal_id = m.journal_id
                  EXCEPT SELECT l.line_no, l.account_code, l.fund, l.debit, l.credit, l.product_code, l.channel FROM acct.ledger_entry_line AS l WHERE l.je_id = m.je_id)
       OR h.line_count <> (SELECT count(*) FROM acct.manual_journal_line AS x WHERE x.journal_id = m.journal_id)) HAVING count(*) > 0;

--
-- Entered, and edited while it is a draft
--
SET SESSION AUTHORIZATION regress_manual_maker;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on)
VALUES ('MAIN', '2025-01-31', 'IDR', 'Audit fee of 2024', '2025-02-01') RETURNING journal_id, journal_type, basis, status, maker;
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, memo, product_code, channel, dimensions) VALUES (1, '5000', 'F1', 100.50, 'Fee', 'P', 'C', '{"cohort": 2024}');
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, credit) VALUES (1, '2000', 'F1', 100.5), (1, '1000', 'F2', 7);
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit) VALUES (1, 10, '5000', 'F2', 7.00);
SELECT * FROM acct.manual_journal_line ORDER BY line_no;
SELECT * FROM acct.check_manual_journal(1);
-- What is refused: nothing is decided by hand, and lines need their journal.
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, status) VALUES ('MAIN', '2025-01-31', 'IDR', 'x', 'approved');
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, approver) VALUES ('MAIN', '2025-01-31', 'IDR', 'x', 'somebody');
UPDATE acct.manual_journal SET status = 'submitted';
UPDATE acct.manual_journal SET submitted_sha256 = 'x';
UPDATE acct.manual_journal SET journal_id = DEFAULT;
INSERT INTO acct.manual_journal (journal_id, entity_code, je_date, currency, memo) OVERRIDING SYSTEM VALUE VALUES (1000, 'MAIN', '2025-01-31', 'IDR', 'x');
UPDATE acct.manual_journal_line SET journal_id = 2 WHERE line_no = 1;
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit) VALUES (99, '1000', 'F1', 1);
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit) VALUES (1, 0, '1000', 'F1', 1);
-- The last number, and one more
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit) VALUES (1, 32767, '1000', 'F1', 1), (1, NULL, '1000', 'F1', 1);
TRUNCATE acct.manual_journal_line;
UPDATE acct.manual_journal SET maker = 'somebody', created_at = '2000-01-01' RETURNING maker, created_at > '2000-01-01' AS is_kept;

--
-- Findings: a row for each, none of which can be submitted
--
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo, auto_reverse_on) VALUES ('NONE', 'NONE', 'infinity', 'XXX', E' \t', '5874897-12-31') RETURNING journal_id AS bad \gset
SELECT severity, code, line_no, message, hint FROM acct.check_manual_journal(:bad);
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit, product_code, channel, dimensions)
VALUES (:bad, '9999', 'F1', -1, 'NaN', ' P', NULL, '{"cohort": "x"}'), (:bad, '6000', 'F9', 0, 0, repeat('p', 101), NULL, '{"portfolio": 1}'), (:bad, '6100', 'F1', 1, 1, NULL, '', '[]'),
       (:bad, '1000', 'F1', 1e16, 0, NULL, NULL, '{"cohort": null}'), (:bad, '1000', 'F1', 0, 'Infinity', NULL, NULL, '{}');
SET datestyle = 'German';
SELECT severity, code, line_no, message FROM acct.check_manual_journal(:bad);
SET datestyle = 'ISO, YMD';
UPDATE acct.manual_journal SET entity_code = 'ENDED', basis = 'PRIMARY', je_date = '2025-01-31', currency = 'IDR', memo = 'Bad', auto_reverse_on = '2025-01-31' WHERE journal_id = :bad;
DELETE FROM acct.manual_journal_line WHERE journal_id = :bad;
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit)
VALUES (:bad, '6200', 'F1', 1.005, 0), (:bad, '6300', 'F1', 0, 1), (:bad, '1000', 'F2', 6e15, 0), (:bad, '1000', 'F2', 6e15, 0), (:bad, '1000', 'F2', 0, 6e15), (:bad, '1000', 'F2', 0, 6e15);
SELECT severity, code, line_no, message FROM acct.check_manual_journal(:bad);
UPDATE acct.manual_journal SET auto_reverse_on = '2025-02-01' WHERE journal_id = :bad;
SELECT code, line_no, message FROM acct.check_manual_journal(:bad) WHERE line_no = 2;
SELECT acct.submit_manual_journal(:bad);
UPDATE acct.manual_journal SET auto_reverse_on = '2026-02-01' WHERE journal_id = :bad;
SELECT severity, code, message FROM acct.check_manual_journal(:bad) WHERE severity <> 'error';
DELETE FROM acct.manual_journal WHERE journal_id = :bad;
SELECT count(*) AS lines FROM acct.manual_journal_line WHERE journal_id = :bad;
\set VERBOSITY sqlstate
SELECT * FROM acct.check_manual_journal(NULL); :why
SELECT * FROM acct.check_manual_journal(:bad); :why
SELECT acct.submit_manual_journal(:bad); :why
SELECT acct.copy_manual_journal(NULL); :why
SELECT acct.return_manual_journal(:bad, 'x'); :why
SELECT * FROM acct.approve_manual_journal(:bad); :why
SELECT * FROM acct.approve_manual_journal(1); :why
SELECT acct.return_manual_journal(1, 'x'); :why
\set VERBOSITY default

--
-- A submitted journal cannot be edited until it is returned; its maker and its editors cannot approve it.
--
SELECT acct.submit_manual_journal(1) AS seen \gset
SELECT m.status, m.submitted_by, m.submitted_sha256 = :'seen' AS of_submission, c.content_sha256 = :'seen' AS of_content, c.content -> 'journal' AS journal, c.content #> '{lines,0}' AS line
  FROM acct.manual_journal AS m JOIN acct.manual_journal_content AS c USING (journal_id);
SELECT acct.submit_manual_journal(1);
UPDATE acct.manual_journal SET memo = 'Other';
UPDATE acct.manual_journal_line SET debit = 200 WHERE line_no = 1;
DELETE FROM acct.manual_journal_line WHERE line_no = 10;
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit) VALUES (1, '1000', 'F1', 1);
DELETE FROM acct.manual_journal;
SELECT * FROM acct.approve_manual_journal(1);
SET SESSION AUTHORIZATION regress_manual_editor;
SELECT acct.return_manual_journal(1, ' ');
SELECT acct.return_manual_journal(1, 'The fee is 200');
UPDATE acct.manual_journal_line SET debit = 200 WHERE line_no = 1;
SET SESSION AUTHORIZATION regress_manual_maker;
SELECT acct.submit_manual_journal(1);
UPDATE acct.manual_journal_line SET credit = 200 WHERE line_no = 2;
SELECT acct.submit_manual_journal(1) <> :'seen' AS is_another;
SELECT status, returned_by, return_reason FROM acct.manual_journal;
SET SESSION AUTHORIZATION regress_manual_editor;
SELECT * FROM acct.approve_manual_journal(1);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_manual_editor RENAME TO regress_manual_renamed;
SET SESSION AUTHORIZATION regress_manual_renamed;
SELECT * FROM acct.approve_manual_journal(1);
SET SESSION AUTHORIZATION :"checker";
\set VERBOSITY terse
SELECT * FROM acct.approve_manual_journal(1, :'seen');
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
-- What a superuser changes past the triggers shows.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.manual_journal_line SET account_code = '1000' WHERE line_no = 2;
SET LOCAL ledger_engine.maintenance = off;
SET LOCAL SESSION AUTHORIZATION :"checker";
\set VERBOSITY terse
SELECT * FROM acct.approve_manual_journal(1);
ROLLBACK;
\set VERBOSITY default

--
-- Approved, and posted with its reversal
--
SELECT content_sha256 AS seen FROM acct.manual_journal_content WHERE journal_id = 1 \gset
SET SESSION AUTHORIZATION :"checker";
SELECT je_number, je_date, journal_type FROM acct.approve_manual_journal(1, upper(:'seen'));
SELECT * FROM acct.approve_manual_journal(1);
SELECT acct.return_manual_journal(1, 'Too late');
RESET SESSION AUTHORIZATION;
SELECT status, approver = :'checker' AS by_checker, approved_sha256 = :'seen' AS as_seen, run_id IS NOT NULL AS has_run, reversal_run_id IS NOT NULL AS has_reversal FROM acct.manual_journal;
SELECT * FROM public.entry ORDER BY je_number, line_no;
SELECT l.line_no, l.product_code, l.channel, l.cohort, l.txn_id, h.txn_id, h.template_code, h.product_code, h.memo, h.reversal_of IS NOT NULL AS is_reversal
  FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h USING (je_id) WHERE l.line_no = 1 ORDER BY h.je_date;
SELECT kind, status, je_date, bases, reason, options - 'decision' AS options, options ? 'decision' AS decided, transactions, journals, lines, debit, credit, basis_counts, policy_digest = acct.policy_digest() AS by_policy
  FROM acct.journal_run ORDER BY je_date;
SELECT r.kind, v.check_name, v.passed, CASE WHEN v.check_name ~ 'digest|unchanged|columns' THEN '...' ELSE v.expected END AS expected FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v ORDER BY r.je_date, v.check_name COLLATE "C";
SELECT account_code, fund, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-02-01') ORDER BY 2, 1;
SELECT * FROM public.wrong;
-- It cannot be edited, nor deleted, nor reversed once more.
UPDATE acct.manual_journal SET memo = 'Other';
UPDATE acct.manual_journal_line SET debit = 200 WHERE line_no = 1;
DELETE FROM acct.manual_journal;
SELECT je_id FROM acct.manual_journal \gset
\set VERBOSITY sqlstate
SELECT acct.reverse_journals(ARRAY[:je_id], '2025-03-31', 'x'); :why
SELECT acct.reverse_run(run_id, '2025-03-31', 'x') FROM acct.manual_journal; :why
SELECT acct.reverse_run(reversal_run_id, '2025-03-31', 'x') FROM acct.manual_journal; :why
SELECT acct.correct_run(run_id, '2025-03-31', 'x') FROM acct.manual_journal; :why
SELECT acct.reprocess_exceptions(run_id) FROM acct.manual_journal; :why
SELECT acct.rebook_run(reversal_run_id) FROM acct.manual_journal; :why
\set VERBOSITY default

--
-- Entered again as a copy; reversed as any other
--
SET SESSION AUTHORIZATION regress_manual_maker;
SELECT acct.copy_manual_journal(1, '2025-02-28') AS copy \gset
SELECT journal_type, je_date, memo, auto_reverse_on, status, maker FROM acct.manual_journal WHERE journal_id = :copy;
SELECT count(*) AS lines FROM (SELECT line_no, account_code, fund, debit, credit, memo, product_code, channel, dimensions FROM acct.manual_journal_line WHERE journal_id = :copy
                               INTERSECT SELECT line_no, account_code, fund, debit, credit, memo, product_code, channel, dimensions FROM acct.manual_journal_line WHERE journal_id = 1) AS l;
SELECT acct.submit_manual_journal(:copy) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT je_number, je_date, journal_type FROM acct.approve_manual_journal(:copy);
RESET SESSION AUTHORIZATION;
SELECT acct.reverse_journals(ARRAY[je_id], '2025-03-01', 'Not due') AS reversal FROM acct.manual_journal WHERE journal_id = :copy \gset
SELECT journals, lines FROM acct.expand_journals(:reversal);
\set VERBOSITY sqlstate
SELECT acct.post_journals(:reversal); :why_me
\set VERBOSITY default
SET SESSION AUTHORIZATION :"checker";
SELECT journals, lines, debit, credit FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
SELECT r.kind, r.status, r.reversed_journals FROM acct.manual_journal AS m JOIN acct.journal_run AS r USING (run_id) WHERE m.journal_id = :copy;
SELECT je_number, line_no, line_text FROM public.entry WHERE je_date = '2025-03-01' ORDER BY line_no;
SELECT * FROM public.wrong;

--
-- Closed months: of the journal, and of its reversal
--
SELECT acct.copy_manual_journal(1, '2025-04-30') AS april \gset
UPDATE acct.manual_journal SET auto_reverse_on = '2025-05-02' WHERE journal_id = :april;
SELECT public.close_period('2025-05-01', 'MAIN', 'PRIMARY') AS closed;
SELECT code, message FROM acct.check_manual_journal(:april);
SELECT acct.submit_manual_journal(:april);
SELECT acct.reopen_period('2025-05-01', 'MAIN', 'PRIMARY');
SELECT acct.submit_manual_journal(:april) IS NOT NULL AS submitted;
-- It waits for its approver: health() says for how long.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.manual_journal SET submitted_at = now() - interval '73 hours' WHERE journal_id = :april;
UPDATE acct.manual_journal SET memo = 'Other' WHERE journal_id = 1;
SELECT h.check_name, h.status, h.observed, h.threshold, replace(regexp_replace(h.detail, ' at .*', ' at ...'), session_user, 'this user') AS detail, h.hint FROM acct.health('{approvals, manual_journals}') AS h;
ROLLBACK;
SELECT h.check_name, h.status, h.hint FROM acct.health('{approvals, manual_journals}') AS h;
SELECT public.close_period('2025-04-01', 'MAIN', 'PRIMARY') AS closed;
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.approve_manual_journal(:april);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS runs FROM acct.journal_run WHERE je_date IN ('2025-04-30', '2025-05-02');
SELECT acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY');
-- And policy that changes between: an account that is no longer posted to
UPDATE acct.chart_of_accounts SET effective_to = '2025-05-01' WHERE account_code = '2000';
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.approve_manual_journal(:april);
RESET SESSION AUTHORIZATION;
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = '2000';
SET SESSION AUTHORIZATION :"checker";
SELECT je_number, je_date, journal_type FROM acct.approve_manual_journal(:april);
RESET SESSION AUTHORIZATION;
SELECT * FROM public.wrong;

-- Reversed within its month, which is new; in another book and basis, in a currency without decimals
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo, auto_reverse_on) VALUES ('SUB', 'TAX', '2025-08-10', 'CY0', 'Within a month', '2025-08-31') RETURNING journal_id AS within \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) SELECT :within, CASE n % 2 WHEN 0 THEN '1000' ELSE '2000' END, 'F1', (n % 2) * n, (1 - n % 2) * (n - 1) FROM generate_series(1, 200) AS n;
SELECT acct.submit_manual_journal(:within) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT je_number, je_date, journal_type FROM acct.approve_manual_journal(:within);
RESET SESSION AUTHORIZATION;
SELECT je_date, count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit FROM acct.ledger_entry_line WHERE entity_code = 'SUB' GROUP BY 1 ORDER BY 1;
SELECT * FROM public.wrong;

--
-- What a line is for: of its template line, its manual line, or its journal's memo; the lines of a correction are no template's.
--
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-06-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-06-01', 'A');
SELECT public.posted('2025-06-01', 'june') AS june \gset
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_template_line SET memo = 'Memo of line ' || line_no WHERE template_code = 'A';
COMMIT;
SELECT acct.correct_run('june', '2025-06-30', 'Account 3000') AS correction \gset
SELECT journals FROM acct.expand_journals(:correction);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
SELECT journal_type, line_no, account_code, line_memo, line_text FROM public.entry WHERE je_date >= '2025-06-01' AND je_date < '2025-07-01' ORDER BY je_number, line_no;
SELECT * FROM public.wrong;

-- The last word of expansion: a run of no journal, and lines that do not balance, as only a superuser can have them
SELECT acct._start_entered('manual', '2025-06-30', '{PRIMARY}', 'None') AS run \gset
\set VERBOSITY sqlstate
SELECT * FROM acct.expand_journals(:run); :why
SELECT acct.discard_run(:run);
SELECT acct.copy_manual_journal(1, '2025-06-30') AS copy \gset
UPDATE acct.manual_journal_line SET fund = 'F2' WHERE journal_id = :copy AND line_no = 1;
SELECT acct._start_entered('manual', '2025-06-30', '{PRIMARY}', 'Not balanced', jsonb_build_object('manual_journal', :copy)) AS run \gset
SELECT * FROM acct.expand_journals(:run); :why
SELECT status FROM acct.journal_run WHERE run_id = :run;
UPDATE acct.manual_journal_line SET fund = 'F1' WHERE journal_id = :copy AND line_no = 1;
SELECT source_partition, transactions, journals, lines, debit FROM acct.expand_journals(:run);
-- What changes afterwards shows.
UPDATE acct.manual_journal_line SET memo = 'Other' WHERE journal_id = :copy;
SELECT count(*) AS failed FROM acct.validate_run(:run) WHERE NOT passed;
UPDATE acct.manual_journal_line SET account_code = '3000' WHERE journal_id = :copy AND line_no = 1;
SELECT check_name FROM acct.validate_run(:run) WHERE NOT passed;
SELECT source_unchanged, digest_matches, all_passed FROM acct.check_run(:run);
SELECT acct.post_journals(:run); :why
SELECT acct.discard_run(:run);
\set VERBOSITY default
DELETE FROM acct.manual_journal WHERE journal_id = :copy;

-- Many lines: all of them are checked, in the order of their numbers, and posted with their amounts.
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-06-30', 'IDR', 'Many lines') RETURNING journal_id AS many \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit)
SELECT :many, CASE WHEN n % 2 = 1 THEN '1000' ELSE '3000' END, 'F1', CASE WHEN n % 2 = 1 THEN n + 1 ELSE 0 END, CASE WHEN n % 2 = 0 THEN n ELSE 0 END FROM generate_series(1, 1000) AS n;
UPDATE acct.manual_journal_line SET fund = 'NONE', account_code = 'NONE' WHERE journal_id = :many AND line_no IN (7, 1000);
SELECT code, line_no, message FROM acct.check_manual_journal(:many);
UPDATE acct.manual_journal_line SET fund = 'F1', account_code = CASE line_no WHEN 7 THEN '1000' ELSE '3000' END WHERE journal_id = :many AND line_no IN (7, 1000);
SELECT length(acct.submit_manual_journal(:many)) AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS posted FROM acct.approve_manual_journal(:many);
RESET SESSION AUTHORIZATION;
SELECT l.account_code, count(*) AS lines, sum(l.debit) AS debit, sum(l.credit) AS credit
  FROM acct.manual_journal AS m JOIN acct.ledger_entry_line AS l ON l.je_id = m.je_id WHERE m.journal_id = :many GROUP BY 1 ORDER BY 1;
-- Whoever wrote one line of them is known by its row of the audit trail.
SELECT count(*) AS changes, count(*) FILTER (WHERE a.changed_by_role = acct._session_role()) AS of_this_role, count(DISTINCT a.row_key) AS keys
  FROM acct.template_audit AS a WHERE a.table_name = 'manual_journal_line' AND a.row_key ->> 'journal_id' = :'many';

-- The audit trail has each edit and each step.
SELECT a.table_name, a.operation, a.changed_by = 'regress_manual_maker' AS by_maker, a.new_row ->> 'status' AS status, acct._is_edit(a.operation, a.old_row, a.new_row) AS is_edit
  FROM acct.template_audit AS a WHERE a.row_key ->> 'journal_id' = '1' ORDER BY a.audit_id;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP ROLE regress_manual_maker, regress_manual_renamed;

-- Correction by difference: what a posted run's transactions come to by the rules approved now, less what is posted
\set topic correction
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}');
CALL public.policy('C', '{DR 1000 F2 :gross_amount,CR 3000 F2 *}');
CALL public.policy('D', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', date '2025-01-01' + (n % 28), CASE WHEN n <= 4 THEN 'A' WHEN n <= 8 THEN 'B' WHEN n = 9 THEN 'C' WHEN n = 10 THEN 'D' ELSE 'NONE' END,
       'P' || n % 2, 'C', 'IDR', n * 100, n * 100 FROM generate_series(1, 12) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
-- A correction as an accountant sees it: each journal with what it corrects.
CREATE FUNCTION public.correction(id bigint) RETURNS TABLE (txn_id bigint, basis text, rule text, corrects text, je_date date, entries text) LANGUAGE sql AS $$
    SELECT h.txn_id, h.basis, h.template_code || ' v' || h.template_version, o.je_number, h.je_date,
           string_agg(format('%s:%s %s/%s %s', l.line_no, CASE WHEN l.debit > 0 THEN 'DR' ELSE 'CR' END, l.account_code, l.fund, trim_scale(l.debit + l.credit)), ', ' ORDER BY l.line_no)
      FROM (SELECT s.run_id, s.je_id, s.txn_id, s.basis, s.template_code, s.template_version, s.je_date, s.reversal_of FROM acct.je_header_staging AS s
             UNION SELECT s.run_id, s.je_id, s.txn_id, s.basis, s.template_code, s.template_version, s.je_date, s.reversal_of FROM acct.ledger_entry_header AS s) AS h
      JOIN (SELECT s.run_id, s.je_id, s.line_no, s.account_code, s.fund, s.debit, s.credit FROM acct.je_line_staging AS s
             UNION SELECT s.run_id, s.je_id, s.line_no, s.account_code, s.fund, s.debit, s.credit FROM acct.ledger_entry_line AS s) AS l USING (run_id, je_id)
      JOIN acct.ledger_entry_header AS o ON o.je_id = h.reversal_of
     WHERE h.run_id = $1 GROUP BY h.je_id, 1, 2, 3, 4, 5 ORDER BY 1, 2
$$;

-- Nothing has changed: nothing is staged.
SELECT acct.correct_run(:jan, '2025-02-28', 'A look') AS run \gset
SET client_min_messages = notice;
SELECT transactions, journals, lines FROM acct.expand_journals(:run);
SET client_min_messages = warning;
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT acct.discard_run(:run);

-- A has another split, B is ignored, C cannot be booked any more, and D takes no part in it; NONE has no rule yet, and now gets one.
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.5 * :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-01-03"}');
CALL public.policy('B', '{}', NULL, '{"template_type": "IGNORE"}');
CALL public.policy('C', '{DR 1000 F2 :gross_amount / 0,CR 3000 F2 *}');
CALL public.policy('NONE', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
SELECT entity_code, basis, fund, account_code, currency, trim_scale(debit) AS debit, trim_scale(credit) AS credit, line_count FROM acct.preview_correction(:jan);
SELECT txn_id, basis, je_date, template_code, template_version, trim_scale(debit) AS debit, trim_scale(credit) AS credit, line_count, problem
  FROM acct.preview_correction_transactions(:jan, 5);
SELECT txn_id, problem FROM acct.preview_correction_transactions(:jan) WHERE problem IS NOT NULL;
SELECT acct.correct_run(:jan, '2025-02-28', 'The split was wrong') AS run \gset
SELECT transactions, journals, lines, exceptions, ignored, trim_scale(debit) AS debit, trim_scale(credit) AS credit, already_done FROM acct.expand_journals(:run);
SELECT * FROM public.correction(:run);
SELECT txn_id, reason, template_code, voided_at IS NOT NULL AS void FROM acct.je_exception WHERE run_id = :run;
SELECT check_name, passed, nullif(expected, r.header_digest) AS expected, nullif(actual, r.header_digest) AS actual FROM acct.journal_run AS r, acct.validate_run(r.run_id) WHERE r.run_id = :run;
-- Whoever made it does not post it, and policy as it was when it was expanded must still be in force.
\set VERBOSITY sqlstate
SELECT * FROM acct.post_journals(:run); :why_me
CALL public.policy('E', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
SELECT check_name, actual FROM acct.validate_run(:run) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.post_journals(:run); :why
RESET SESSION AUTHORIZATION;
SELECT journals, lines, already_done FROM acct.expand_journals(:run);
SELECT already_done FROM acct.expand_journals(:run);
-- One at a time: a second one of the run is refused, a preview is not.
SELECT acct.correct_run(:jan, '2025-02-28', 'Once more'); :why
SELECT count(*) AS accounts FROM acct.preview_correction('jan');
SET SESSION AUTHORIZATION :"checker";
SELECT ledger_partition, journals, lines, trim_scale(debit) AS debit, already_done FROM acct.post_journals(:run);
RESET SESSION AUTHORIZATION;
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT * FROM public.correction(:run) LIMIT 2;
SELECT status, kind, origin_run = :jan AS of_jan, je_date, reason, digest = acct.run_digest(run_id) AS same_digest FROM acct.journal_run WHERE run_id = :run;
-- Its exception is a list, and nothing to take up again.
SELECT acct.reprocess_exceptions(:run); :why
SELECT acct.reprocess_ignored(:run); :why
SELECT acct.waive_exception(:run, 9, 'PRIMARY', 'x'); :why
SELECT open_exceptions FROM acct.run_history AS h, LATERAL (SELECT count(*) AS open_exceptions FROM acct.je_exception AS e WHERE e.run_id = h.run_id AND e.voided_at IS NULL) AS e WHERE h.run_id = :run;

-- A second call has nothing to do; posting it changes nothing.
SELECT acct.correct_run('jan', '2025-02-28', 'Again') AS again \gset
SELECT journals FROM acct.expand_journals(:again);
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.post_journals(:again);
RESET SESSION AUTHORIZATION;
SELECT status, journals FROM acct.journal_run WHERE run_id = :again;
-- The rule of B comes back, and A gets a third split: differences on top of the correction.
SELECT public.retire('B', 2, '2000-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 5000 F1 0.1 * :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-01-04"}');
SELECT acct.correct_run(:jan, '2025-03-31', repeat('ü', 100)) AS third \gset
SELECT journals, lines FROM acct.expand_journals(:third);
SELECT * FROM public.correction(:third);
SELECT DISTINCT octet_length(memo) AS bytes FROM acct.je_header_staging WHERE run_id = :third;
SELECT check_name, expected, actual FROM acct.validate_run(:third) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:third);
RESET SESSION AUTHORIZATION;
SELECT run_id = :run AS first, bool_and(passed) AS valid FROM (VALUES (:run), (:again), (:third)) AS r (run_id), acct.validate_run(r.run_id) AS v GROUP BY r.run_id ORDER BY r.run_id;
SELECT count(*) AS wrong FROM acct.check_balance_snapshot();
-- Together with its corrections each transaction comes to what its rule says.
SELECT h.txn_id, l.fund, l.account_code, trim_scale(sum(l.debit - l.credit)) AS amount
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id, je_date) WHERE h.txn_id IN (1, 3, 4, 5, 9)
 GROUP BY 1, 2, 3 HAVING sum(l.debit - l.credit) <> 0 ORDER BY 1, 2, 3;

-- What is reversed is left out, with its corrections; what is about to be, too.
SELECT acct.reverse_journals(ARRAY[(SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :jan AND txn_id = 3)], '2025-03-31', 'Wrong') AS reversal \gset
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT acct.correct_run(:jan, '2025-03-31', 'After a reversal') AS fourth \gset
SELECT journals FROM acct.expand_journals(:fourth);
SELECT txn_id, entries FROM public.correction(:fourth);
-- The claim of another one comes after it was expanded.
SELECT acct.reverse_journals(ARRAY[(SELECT je_id FROM acct.ledger_entry_header WHERE run_id = :jan AND txn_id = 4)], '2025-03-31', 'Wrong') AS reversal2 \gset
SELECT check_name, expected, actual FROM acct.validate_run(:fourth) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.post_journals(:fourth); :why
RESET SESSION AUTHORIZATION;
SELECT acct.discard_run(:fourth), acct.discard_run(:reversal), acct.discard_run(:reversal2);
-- A correction that is reversed by itself does not stand; the next one books it again.
SELECT acct.reverse_run(:third, '2025-03-31', 'Too early') AS reversal \gset
SELECT journals FROM acct.expand_journals(:reversal);
SELECT acct.correct_run(:jan, '2025-03-31', 'While it is being reversed') AS fifth \gset
SELECT journals FROM acct.expand_journals(:fifth);
SELECT acct.discard_run(:fifth);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
SELECT acct.correct_run(:jan, '2025-03-31', 'When it is reversed') AS fifth \gset
SELECT journals FROM acct.expand_journals(:fifth);
SELECT txn_id, entries FROM public.correction(:fifth);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:fifth);
RESET SESSION AUTHORIZATION;
SELECT run_id = :run AS first, bool_and(passed) AS valid FROM (VALUES (:run), (:again), (:third), (:fifth)) AS r (run_id), acct.validate_run(r.run_id) AS v GROUP BY r.run_id ORDER BY r.run_id;

--
-- What is refused, each by its own error
--
SELECT acct.correct_run(NULL, '2025-03-31', 'x'); :why
SELECT acct.correct_run(999999, '2025-03-31', 'x'); :why
SELECT acct.correct_run('nobody', '2025-03-31', 'x'); :why
SELECT acct.correct_run(:run, '2025-03-31', 'x'); :why
SELECT acct.correct_run(:reversal, '2025-03-31', 'x'); :why
SELECT acct.correct_run(:jan, NULL, 'x'); :why
SELECT acct.correct_run(:jan, 'infinity', 'x'); :why
SELECT acct.correct_run(:jan, '2025-03-31', ' '); :why
SELECT acct.correct_run(:jan, '2025-03-31', NULL); :why
SELECT * FROM acct.preview_correction(999999); :why
SELECT * FROM acct.preview_correction(:run); :why
SELECT * FROM acct._evaluate(:jan, 'acct.je_header_staging_small', 'acct.je_line_staging_small', NULL, 'SELECT 1', NULL); :why
SELECT acct._in_buckets('\x00', 1, 'PRIMARY'); :why
SELECT * FROM acct.preview_correction_transactions(:jan, 0); :why
SELECT * FROM acct.preview_correction_transactions(:jan, NULL); :why
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM acct.preview_correction(:jan); :why
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM acct.preview_correction(:jan); :why
ROLLBACK;
CALL public.txn(20, '2025-02-01', 'D', 100);
SELECT public.expanded('2025-02-01', 'feb') AS feb \gset
SELECT acct.correct_run(:feb, '2025-03-31', 'x'); :why
SELECT acct.discard_run(:feb);
SELECT acct.correct_run(:feb, '2025-03-31', 'x'); :why
-- Before a journal that it corrects; into a closed period, whether that is closed before or later
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
SELECT acct.correct_run(:jan, '2024-12-31', 'x'); :why
SELECT acct.correct_run(:jan, min(je_date) - 1, 'x') FROM acct.ledger_entry_header WHERE run_id = :jan; :why
SELECT acct.correct_run(:jan, '2025-01-03', 'x') AS early \gset
SELECT * FROM acct.expand_journals(:early); :why
SELECT acct.discard_run(:early);
SELECT public.close_period('2025-04-01', 'MAIN', 'PRIMARY');
SELECT acct.correct_run(:jan, '2025-04-30', 'x'); :why
SELECT acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY');
SELECT acct.correct_run(:jan, '2025-04-30', 'x') AS closed \gset
SELECT public.close_period('2025-04-01', 'MAIN', 'PRIMARY');
SELECT * FROM acct.expand_journals(:closed); :why
SELECT acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY');
SELECT journals FROM acct.expand_journals(:closed);
SELECT public.close_period('2025-04-01', 'MAIN', 'PRIMARY');
SET SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.post_journals(:closed); :why
RESET SESSION AUTHORIZATION;
SELECT acct.discard_run(:closed);
-- The months of the originals may be closed, their ledger archived; an account may have been retired.
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY'), acct.reopen_period('2025-04-01', 'MAIN', 'PRIMARY');
UPDATE acct.chart_of_accounts SET effective_to = '2025-04-01' WHERE account_code = '2000';
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS archived;
SELECT acct.correct_run(:jan, '2025-04-30', 'x') AS late \gset
SELECT journals, lines FROM acct.expand_journals(:late);
SELECT check_name, expected, actual FROM acct.validate_run(:late) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:late);
RESET SESSION AUTHORIZATION;
SELECT h.txn_id, string_agg(format('%s/%s %s', l.account_code, l.fund, trim_scale(l.debit - l.credit)), ', ' ORDER BY l.line_no) AS entries
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (je_id, je_date) WHERE h.run_id = :late GROUP BY h.txn_id ORDER BY 1;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:late);
-- Source rows that are not what they were; a source that is archived
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}');
SELECT acct.correct_run(:jan, '2025-04-30', 'x') AS changed \gset
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 1 AND txn_month = '2025-01-01';
SET LOCAL session_replication_role = origin;
SELECT * FROM acct.expand_journals(:changed); :why
ROLLBACK;
SELECT journals FROM acct.expand_journals(:changed);
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 1 AND txn_month = '2025-01-01';
SET LOCAL session_replication_role = origin;
SET LOCAL SESSION AUTHORIZATION :"checker";
SELECT * FROM acct.post_journals(:changed); :why
ROLLBACK;
-- A line of an original that changed is seen, as it is when a correction itself is tampered with.
UPDATE acct.je_line_staging SET debit = debit + 1 WHERE run_id = :changed AND line_no = 1 AND debit > 0;
SELECT DISTINCT check_name FROM acct.validate_run(:changed) WHERE NOT passed ORDER BY 1;
SELECT acct.discard_run(:changed);
SELECT acct.restore_partition('ledger_entry', '2025-01-01') AS restored;
-- Everything of it is reversed, corrections too.
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT acct.reverse_run(:jan, '2025-04-30', 'All of it') AS all_of_it \gset
SELECT journals FROM acct.expand_journals(:all_of_it);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:all_of_it);
RESET SESSION AUTHORIZATION;
SELECT acct.correct_run(:jan, '2025-04-30', 'x'); :why
SELECT run_id = :jan AS jan, status FROM acct.journal_run WHERE run_id IN (:jan, :run, :third, :fifth, :late) ORDER BY run_id;
SELECT count(*) AS accounts FROM acct.trial_balance('2025-04-01') WHERE closing_balance <> 0;
SELECT kind, bool_and(created_by_role = acct._session_role()) AS by_role FROM acct.journal_run WHERE kind IN ('reversal', 'correction') AND status <> 'discarded' GROUP BY kind ORDER BY kind;
-- A difference that does not fit an amount is listed, void, and its journal stays as it is; the others are corrected.
CALL public.policy('H', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.txn(30, '2025-03-01', 'H', 9000000000000000);
CALL public.txn(31, '2025-03-01', 'H', 100);
SELECT public.posted('2025-03-01', 'mar') AS mar \gset
CALL public.policy('H', '{CR 1000 F1 :gross_amount,DR 4000 F1 *}');
SELECT txn_id, trim_scale(debit) AS debit, problem FROM acct.preview_correction_transactions(:mar);
SELECT acct.correct_run(:mar, '2025-04-30', 'The other way round') AS huge \gset
SELECT journals, lines, exceptions FROM acct.expand_journals(:huge);
SELECT txn_id, reason, message, template_version, voided_at IS NOT NULL AS void FROM acct.je_exception WHERE run_id = :huge;
SELECT txn_id, entries FROM public.correction(:huge);
SELECT check_name, expected, actual FROM acct.validate_run(:huge) WHERE NOT passed;
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:huge);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS left_over FROM pg_class WHERE (relname LIKE 'correction%' OR relname LIKE 'previewed%') AND relnamespace = 'acct'::regnamespace;
\set VERBOSITY default

-- A correction that waits to be reversed keeps its original from being reversed by another run: once that reversal is discarded, it would stand alone.
CALL public.policy('W', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 3000 F1 *}');
CALL public.txn(31, '2025-09-01', 'W', 1000);
CALL public.txn(32, '2025-09-01', 'W', 2000);
SELECT public.posted('2025-09-01', 'sep') AS sep \gset
CALL public.policy('W', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.5 * :gross_amount,CR 3000 F1 *}');
SELECT acct.correct_run(:sep, '2025-10-01', 'Split') AS run \gset
SELECT journals FROM acct.expand_journals(:run);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:run);
RESET SESSION AUTHORIZATION;
SELECT max(je_id) FILTER (WHERE run_id = :run AND txn_id = 31) AS corrects31, max(je_id) FILTER (WHERE run_id = :sep AND txn_id = 31) AS of31,
       max(je_id) FILTER (WHERE run_id = :sep AND txn_id = 32) AS of32 FROM acct.ledger_entry_header \gset
SELECT acct.reverse_journals(ARRAY[:corrects31], '2025-10-12', 'The correction was wrong?') AS waits \gset
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
SELECT acct.reverse_run(:sep, '2025-10-12', 'All of it'); :why
SELECT acct.reverse_journals(ARRAY[:of31], '2025-10-12', 'Paid twice'); :why
\set VERBOSITY default
-- Where an older version let it happen, the one that has the correction is posted, or the other one discarded first.
BEGIN;
SELECT acct._start_reversal(:sep, '2025-10-12', 'As before', '{}') AS passes \gset
SELECT journals FROM acct._claim_journals(:passes, :sep, 'true');
SAVEPOINT claimed;
SELECT acct.discard_run(:waits);
ROLLBACK TO claimed;
SELECT acct.discard_run(:passes), acct.discard_run(:waits);
-- Also where the correction's month can no longer be read.
ROLLBACK TO claimed;
INSERT INTO acct.archived_partition (table_name, month, partitions, rows, dropped_at) VALUES ('ledger_entry', '2025-10-01', '{ledger_entry_header_2025_10,ledger_entry_line_2025_10}', 0, now());
SELECT acct.discard_run(:waits);
ROLLBACK;
-- Other journals of the run, and both together where nobody else has the correction
SELECT acct.reverse_journals(ARRAY[:of32], '2025-10-12', 'Paid twice') AS other \gset
SELECT acct.discard_run(:other), acct.discard_run(:waits);
SELECT acct.reverse_run(:sep, '2025-10-12', 'All of it') AS whole \gset
SELECT journals FROM acct.expand_journals(:whole);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:whole);
RESET SESSION AUTHORIZATION;
SELECT account_code, trim_scale(sum(debit - credit)) AS left FROM acct.ledger_entry_line WHERE run_id IN (:sep, :run, :whole) GROUP BY 1 ORDER BY 1;

-- A null that a superuser left in a line is said.
\set VERBOSITY sqlstate
BEGIN;
SET LOCAL ledger_engine.run_partition_min_transactions = -1;
CALL public.txn(40, '2025-03-01', 'H', 100);
SELECT public.posted('2025-03-01', 'spoiled') AS spoiled \gset
ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit DROP NOT NULL;
ALTER TABLE acct.ledger_entry_line_2025_03 DISABLE TRIGGER ALL;
UPDATE acct.ledger_entry_line_2025_03 SET debit = NULL WHERE run_id = :spoiled;
SELECT acct.preview_correction(:spoiled); :why
ROLLBACK;
\set VERBOSITY default

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

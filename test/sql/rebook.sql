-- Rebooking: reversed transactions are booked again, once, by the rules approved now
\set topic rebook
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(6, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');

-- A second person posts reversals.
CREATE FUNCTION public.reversed(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM acct.expand_journals(id);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM FROM acct.post_journals(id);
    EXECUTE 'RESET SESSION AUTHORIZATION';
    RETURN id;
END
$$;
-- Expanded, checked, posted, and checked again: the checks that failed, and the journals.
CREATE FUNCTION public.booked(id bigint) RETURNS TABLE (failed text, journals bigint, exceptions bigint, ignored bigint) LANGUAGE plpgsql AS $$
DECLARE
    before text;
BEGIN
    PERFORM FROM acct.expand_journals(id);
    before := (SELECT string_agg(v.check_name, ', ') FROM acct.validate_run(id) AS v WHERE NOT v.passed);
    PERFORM FROM acct.post_journals(id);
    RETURN QUERY SELECT concat_ws(' / ', before, (SELECT string_agg(v.check_name, ', ') FROM acct.validate_run(id) AS v WHERE NOT v.passed)),
                        r.journals, r.exceptions, r.ignored FROM acct.journal_run AS r WHERE r.run_id = id;
END
$$;
-- What stands of each transaction: its journals that are not reversed.
CREATE VIEW public.standing AS
SELECT h.txn_id, h.txn_month, h.basis, h.run_id, h.template_code || ' v' || h.template_version AS template, h.je_date, h.original_date
  FROM acct.ledger_entry_header AS h
 WHERE h.journal_type = 'transaction' AND NOT EXISTS (SELECT FROM acct.ledger_entry_header AS v WHERE v.reversal_of = h.je_id AND v.journal_type = 'reversal');
CREATE VIEW public.wrong AS
SELECT 'journalled twice' AS what, count(*) FROM (SELECT FROM public.standing GROUP BY txn_id, txn_month, basis HAVING count(*) > 1) AS x HAVING count(*) > 0
UNION ALL SELECT 'balances differ from lines', count(*) FROM acct.check_balance_snapshot() HAVING count(*) > 0
UNION ALL SELECT 'gap in numbers', count(*) FROM (SELECT max(right(je_number, 9)::integer) - count(*) AS gap
                                                     FROM acct.ledger_entry_header GROUP BY entity_code, basis, date_trunc('month', je_date)) AS g WHERE gap <> 0 HAVING count(*) > 0;

INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', date '2025-01-01' + n, CASE WHEN n % 3 = 0 THEN 'B' ELSE 'A' END, 'P', 'C', 'MAIN', n, n FROM generate_series(1, 9) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
SELECT acct.reverse_run('jan', '2025-02-28', 'A was wrong', '{"template_code": "A"}') AS undo \gset

-- What is refused
\set VERBOSITY sqlstate
SELECT acct.rebook_run(NULL::bigint); :why
SELECT acct.rebook_run(99); :why
SELECT acct.rebook_run('nothing'); :why
SELECT acct.rebook_run(:undo); :why
SELECT count(*) AS expanded FROM acct.expand_journals(:undo);
SELECT acct.rebook_run(:undo); :why
SELECT acct.discard_run(:undo);
SELECT acct.rebook_run(:undo); :why
SELECT acct.rebook_run('jan'); :why
SELECT public.reversed(acct.reverse_run('jan', '2025-02-28', 'A was wrong', '{"template_code": "A"}')) AS undo \gset
SELECT acct.rebook_run(:undo, '{"late": "never"}'); :why
SELECT acct.rebook_run(:undo, '{"basis": "NONE"}'); :why
SELECT acct.rebook_run(:undo, '{"basis": "TAX"}'); :why
SELECT acct.rebook_run(:undo, '[]'); :why
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.rebook_run(:undo); :why
ROLLBACK;
\set VERBOSITY default

-- Exactly what was reversed, under the rules of now for the dates of then.
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}');
SELECT acct.rebook_run(:undo) AS again \gset
SELECT kind, txn_month, bases, status, reprocess_of = :undo AS reprocess_of, origin_run = :undo AS origin_run, taken_transactions, je_date
  FROM acct.journal_run WHERE run_id = :again;
SELECT step, rows FROM acct.run_log WHERE run_id = :again;
SELECT * FROM public.booked(:again);
SELECT txn_id, run_id = :again AS again, template, je_date, original_date FROM public.standing WHERE basis = 'PRIMARY' ORDER BY 1;
SELECT account_code, closing_balance FROM acct.trial_balance('2025-02-01', 'MAIN', 'PRIMARY');
SELECT * FROM public.wrong;
-- Once: in a live run.
SELECT acct.rebook_run(:undo);
-- The database says so, too.
INSERT INTO acct.journal_run (txn_month, bases, reprocess_of, origin_run) SELECT r.txn_month, r.bases, r.reprocess_of, r.origin_run FROM acct.journal_run AS r WHERE r.run_id = :again;
-- The claims stay with the first run: nothing waits.
SELECT step, detail FROM acct.run_month('2025-01-01', 'more');
SELECT count(*) AS waiting FROM acct.batches_waiting();

-- Again reversed, again rebooked; one that is discarded gives back what it took.
SELECT public.reversed(acct.reverse_run(:again, '2025-02-28', 'Wrong again')) AS undo2 \gset
SELECT acct.rebook_run(:undo);
SELECT acct.rebook_run(:undo2::text, '{"late": "next_open"}') AS again2 \gset
SELECT acct.rebook_run(:undo2);
SELECT acct.discard_run(:again2);
SELECT acct.rebook_run(:undo2) AS again2 \gset
SELECT * FROM public.booked(:again2);
SELECT txn_id, run_id = :again2 AS again, template, je_date FROM public.standing WHERE basis = 'PRIMARY' ORDER BY 1;
SELECT * FROM public.wrong;

-- In the bases that were reversed
SELECT public.reversed(acct.reverse_run('jan', '2025-02-28', 'Tax only', '{"basis": "TAX"}')) AS tax \gset
SELECT acct.rebook_run(:tax, '{"basis": ["TAX", "PRIMARY"]}') AS tax_again \gset
SELECT bases, taken_transactions FROM acct.journal_run WHERE run_id = :tax_again;
SELECT * FROM public.booked(:tax_again);
SELECT basis, count(*) AS journals FROM public.standing GROUP BY 1 ORDER BY 1;
SELECT * FROM public.wrong;

-- Of a closed month: set aside, or moved to the next open month.
SELECT count(*) AS closed FROM unnest('{2025-01-01,2025-02-01}'::date[]) AS m, public.close_period(m);
SELECT public.reversed(acct.reverse_run('jan', '2025-03-05', 'B was wrong', '{"txn_type": "B"}')) AS b \gset
SELECT acct.rebook_run(:b) AS b_again \gset
SELECT exceptions, journals FROM acct.expand_journals(:b_again);
SELECT acct.discard_run(:b_again);
SELECT acct.rebook_run(:b, '{"late": "next_open"}') AS b_again \gset
SELECT * FROM public.booked(:b_again);
SELECT txn_id, template, je_date, original_date FROM public.standing WHERE run_id = :b_again ORDER BY 1;
SELECT * FROM public.wrong;

-- What fails now is an exception of the rebooking, and what is ignored now is ignored: both can be taken up again.
CALL public.txn(21, '2025-03-01', 'A', 100);
CALL public.txn(22, '2025-03-01', 'B', 100);
CALL public.txn(23, '2025-03-01', 'B', 200);
SELECT public.posted('2025-03-01', 'mar') AS mar \gset
SELECT public.reversed(acct.reverse_run('mar', '2025-03-31', 'All wrong')) AS mar_undo \gset
SELECT status FROM acct.journal_run WHERE run_key = 'mar';
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '4000';
CALL public.policy('IGN', '{}', '[{"txn_type": "B", "condition_expr": ":gross_amount = 200", "priority": 1}]', '{"template_type": "IGNORE"}');
SELECT acct.rebook_run(:mar_undo) AS mar_again \gset
SELECT * FROM public.booked(:mar_again);
SELECT txn_id, basis, reason FROM acct.je_exception WHERE run_id = :mar_again;
SELECT acct.rebook_run(:mar_undo);
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '4000';
SELECT acct.reprocess_exceptions(:mar_again) AS fixed \gset
SELECT * FROM public.booked(:fixed);
SELECT public.retire('IGN', 1, '2000-01-01');
SELECT acct.reprocess_ignored(:mar_again) AS unignored \gset
SELECT * FROM public.booked(:unignored);
SELECT txn_id, basis, template FROM public.standing WHERE txn_month = '2025-03-01' ORDER BY 1, 2;
SELECT * FROM public.wrong;

-- Journals of several months: a run for each, of those that no live run rebooks.
CALL public.txn(31, '2025-04-01', 'A', 100);
CALL public.txn(31, '2025-05-01', 'A', 100);
SELECT public.posted('2025-04-01', 'apr') AS apr, public.posted('2025-05-01', 'may', '{"repeated_transactions": "ignore"}') AS may \gset
SELECT public.reversed(acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE run_id IN (:apr, :may)), '2025-05-31', 'Both')) AS both \gset
CREATE TABLE public.made AS SELECT r AS run_id FROM acct.rebook_run(:both, '{"repeated_transactions": "ignore"}') AS r;
SELECT r.txn_month, r.bases, r.taken_transactions FROM public.made JOIN acct.journal_run AS r USING (run_id) ORDER BY 1;
SELECT acct.rebook_run(:both) \gset
SELECT acct.discard_run(max(run_id)) FROM public.made;
SELECT acct.rebook_run(:both) AS rest \gset
SELECT r.txn_month FROM acct.journal_run AS r WHERE run_id = :rest;
SELECT b.* FROM public.booked((SELECT min(run_id) FROM public.made)) AS b;
SELECT * FROM public.booked(:rest);
SELECT txn_month, basis, count(*) AS journals FROM public.standing WHERE txn_id = 31 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM public.wrong;

-- Large ones: in the run's own range, all of a run and part of it.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', date '2025-06-01' + n % 30, CASE WHEN n % 3 = 0 THEN 'B' ELSE 'A' END, 'P', 'C', 'MAIN', n, n FROM generate_series(1, 3000) AS n;
SET ledger_engine.run_partition_min_transactions = 1000;
SELECT public.posted('2025-06-01', 'jun') AS jun \gset
SELECT public.reversed(acct.reverse_run('jun', '2025-06-30', 'Part', '{"txn_type": "B"}')) AS part \gset
SELECT public.reversed(acct.reverse_run('jun', '2025-06-30', 'The rest')) AS rest \gset
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}');
SELECT b.* FROM acct.rebook_run(:part) AS r, public.booked(r) AS b;
SELECT b.* FROM acct.rebook_run(:rest) AS r, public.booked(r) AS b;
RESET ledger_engine.run_partition_min_transactions;
SELECT basis, template, count(*) AS journals, count(DISTINCT txn_id) AS transactions FROM public.standing WHERE txn_month = '2025-06-01' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT account_code, period_debit - period_credit AS change FROM acct.trial_balance('2025-06-01', 'MAIN', 'PRIMARY');
SELECT * FROM public.wrong;

-- A correction is not booked again: what it corrected is booked right. Where it alone was reversed, nothing is.
CALL public.txn(5041, '2025-05-01', 'A', 100);
CALL public.txn(5042, '2025-05-01', 'B', 100);
SELECT public.posted('2025-05-01', 'corrected') AS corrected \gset
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
SELECT public.reversed(acct.correct_run('corrected', '2025-05-31', 'A was wrong')) AS correction \gset
SELECT public.reversed(acct.reverse_run(:correction, '2025-05-31', 'It was right')) AS uncorrected \gset
SELECT acct.rebook_run(:uncorrected);
SELECT public.reversed(acct.correct_run('corrected', '2025-05-31', 'It was wrong')) AS correction \gset
SELECT public.reversed(acct.reverse_run('corrected', '2025-05-31', 'Away with it')) AS both_undone \gset
SELECT journals FROM acct.journal_run WHERE run_id = :both_undone;
SELECT acct.rebook_run(:both_undone) AS right \gset
SELECT * FROM public.booked(:right);
SELECT txn_id, basis, template, run_id = :right AS again FROM public.standing WHERE txn_id IN (5041, 5042) ORDER BY 1, 2;
SELECT l.account_code, sum(l.debit - l.credit) AS balance FROM acct.ledger_entry_line AS l WHERE l.txn_id IN (5041, 5042) AND l.basis = 'PRIMARY' GROUP BY 1 ORDER BY 1;
-- What was rebooked can be corrected.
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT public.reversed(acct.correct_run(:right, '2025-05-31', 'Again')) AS correction \gset
SELECT l.account_code, sum(l.debit - l.credit) AS balance FROM acct.ledger_entry_line AS l WHERE l.txn_id IN (5041, 5042) AND l.basis = 'PRIMARY' GROUP BY 1 ORDER BY 1;
SELECT * FROM public.wrong;

-- A rebooking whose reversal has lost its claims, which only a superuser can bring about
SELECT public.reversed(acct.reverse_run(:right, '2025-05-31', 'Once more')) AS robbed \gset
SELECT acct.rebook_run(:robbed) AS poor \gset
BEGIN;
ALTER TABLE acct.journal_reversal DISABLE TRIGGER journal_reversal_kept;
DELETE FROM acct.journal_reversal WHERE run_id = :robbed;
SELECT acct.expand_journals(:poor);
ROLLBACK;
SELECT * FROM public.booked(:poor);

-- Archived: journals are read from the archive, transactions are not; nothing is read of a month that was dropped.
SELECT public.reversed(acct.reverse_run(:fixed, '2025-04-30', 'Late')) AS fixed_undo \gset
SELECT count(*) AS closed FROM public.close_period('2025-03-01');
SELECT acct.archive_partition('ledger_entry', '2025-03-01') IS NOT NULL AS archived;
SELECT acct.rebook_run(:fixed_undo, '{"late": "next_open"}') AS from_archive \gset
SELECT taken_transactions FROM acct.journal_run WHERE run_id = :from_archive;
SELECT * FROM public.booked(:from_archive);
SELECT txn_id, basis, je_date, original_date FROM public.standing WHERE run_id = :from_archive;
SELECT public.reversed(acct.reverse_run(:unignored, '2025-04-30', 'Late')) AS unignored_undo \gset
SELECT acct.archive_partition('txn_source_parent', '2025-03-01') IS NOT NULL AS archived;
SELECT acct.rebook_run(:unignored_undo, '{"late": "next_open"}');
SELECT acct.restore_partition('txn_source_parent', '2025-03-01') IS NOT NULL AS restored;
SELECT acct.rebook_run(:unignored_undo, '{"late": "next_open"}') AS restored \gset
-- A run that has transactions keeps their month.
SELECT acct.archive_partition('txn_source_parent', '2025-03-01');
SELECT * FROM public.booked(:restored);
SELECT acct._drop_archived(archive_id) IS NOT NULL AS dropped FROM acct.archived_partition WHERE table_name = 'ledger_entry' AND month = '2025-03-01';
SELECT acct.validate_run(:from_archive);
SELECT public.reversed(acct.reverse_run(:from_archive, '2025-04-30', 'Late')) AS dropped \gset
SELECT acct.rebook_run(:dropped, '{"late": "next_open"}') IS NOT NULL AS made;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- A month from source to ledger in one call, in one transaction or in one for each step
\set topic month
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('S', '{}', NULL, '{"template_type": "IGNORE"}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'A', 50.5);
CALL public.txn(3, '2025-01-01', 'S');
CALL public.txn(4, '2025-01-01', 'NOTHING');
SELECT step, rows, elapsed_ms >= 0 AS timed, detail FROM acct.run_month('2025-01-01', run_key => 'jan') WHERE step <> 'validate';
-- Again: the same answer, nothing posted twice.
SELECT step, rows, detail FROM acct.run_month('2025-01-01', run_key => 'jan') WHERE step <> 'validate';
SELECT step, rows > 0 AS checked, detail FROM acct.run_month('2025-01-01', run_key => 'jan') WHERE step = 'validate';
SELECT count(*) AS journals, sum(total_debit) AS debit FROM acct.ledger_entry_header;
SELECT count(*) AS runs FROM acct.journal_run;
-- Without a key each call is a run of what is left; where nothing is, no run is left behind.
CALL public.txn(5, '2025-01-01', 'A', 7);
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step <> 'validate';
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step <> 'validate';
SELECT status, count(*) FROM acct.journal_run GROUP BY 1;
-- With the key of a posted run, what came later is not taken.
CALL public.txn(6, '2025-01-01', 'A', 8);
SELECT step, rows FROM acct.run_month('2025-01-01', 'jan') WHERE step <> 'validate';
SELECT count(*) AS journals FROM acct.ledger_entry_header;
-- In a transaction that is rolled back
BEGIN;
SELECT step, rows FROM acct.run_month('2025-01-01', 'jan-2') WHERE step = 'post';
ROLLBACK;
SELECT count(*) AS journals FROM acct.ledger_entry_header;
-- Errors: the steps' own; a failed check leaves no run behind.
\set VERBOSITY sqlstate
SELECT * FROM acct.run_month('2025-01-15'); :why
SELECT * FROM acct.run_month('2025-02-01', 'jan'); :why
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (7, '2025-01-01', '2025-01-15', 987654321, 'A', 'P', 'C', 7, 7);
SELECT * FROM acct.run_month('2025-01-01', 'jan-2'); :why
SELECT count(*) AS runs FROM acct.journal_run WHERE run_key = 'jan-2';
CALL acct.process_month('2025-01-01', 'jan-2'); :why
SELECT status, transactions, journals FROM acct.journal_run WHERE run_key = 'jan-2';
DELETE FROM acct.txn_source_parent WHERE txn_id = 7;
\set VERBOSITY default
-- The procedure goes on where it stopped.
CALL acct.process_month('2025-01-01', 'jan-2') \gset
SELECT status, transactions, journals, run_id = :run_id AS run_id_returned FROM acct.journal_run WHERE run_key = 'jan-2';
CALL acct.process_month('2025-01-01', 'jan-2') \gset again_
SELECT :again_run_id = :run_id AS same;
SELECT count(*) AS journals FROM acct.ledger_entry_header;
-- From the start; from a run that was only created, or expanded; of nothing
CALL public.txn(10, '2025-02-01', 'A', 1);
CALL acct.process_month('2025-02-01') \gset
SELECT status, journals, run_key FROM acct.journal_run WHERE run_id = :run_id;
CALL public.txn(11, '2025-03-01', 'A', 1);
SELECT acct.create_run('2025-03-01', 'mar') AS mar \gset
CALL acct.process_month('2025-03-01', run_key => 'mar') \gset
SELECT status, journals, run_id = :mar AS same FROM acct.journal_run WHERE run_id = :run_id;
CALL public.txn(12, '2025-04-01', 'A', 1);
SELECT public.expanded('2025-04-01', 'apr') AS apr \gset
CALL acct.process_month('2025-04-01', run_key => 'apr') \gset
SELECT status, journals, run_id = :apr AS same FROM acct.journal_run WHERE run_id = :run_id;
CALL acct.process_month('2025-05-01', run_key => 'may') \gset
SELECT status, journals FROM acct.journal_run WHERE run_id = :run_id;
--
-- A month that was run too early, or that is another than was meant: nothing is posted, and the same key takes what comes later.
--
SET client_min_messages = notice;
CALL acct.process_month('2025-05-01', run_key => 'may') \gset early_
CALL acct.process_month('2025-05-01') \gset unnamed_
SELECT step, rows, detail FROM acct.run_month('2025-05-01', 'may');
SELECT step, rows, detail = format('run %s, nothing to take', (SELECT max(run_id) FROM acct.journal_run)) AS said FROM acct.run_month('2025-05-01');
RESET client_min_messages;
SELECT run_key, status, posted_at, transactions FROM acct.journal_run WHERE txn_month = '2025-05-01' ORDER BY run_id;
SELECT status, observed FROM acct.health('{runs_stuck}', '{"runs_stuck": 0}');
CALL public.txn(12, '2025-05-01', 'A', 3);
SELECT step, rows FROM acct.run_month('2025-05-01', 'may') WHERE step <> 'validate';
SELECT run_id = :early_run_id AS the_same, status, journals FROM acct.journal_run WHERE run_key = 'may';
-- Step by step, as a scheduler does: expanded with nothing it is not posted, and takes what comes later when it is asked for again.
SELECT acct.create_run('2025-05-01', 'steps') AS steps \gset
SELECT count(*) AS partitions FROM acct.expand_journals(:steps);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:steps);
SELECT all_passed FROM acct.check_run('steps');
SET client_min_messages = notice;
SELECT count(*) AS months FROM acct.post_journals(:steps);
RESET client_min_messages;
SELECT acct.create_run('2025-05-01', 'steps') = :steps AS the_same;
SELECT status, transactions, journals FROM acct.journal_run WHERE run_id = :steps;
CALL public.txn(13, '2025-05-01', 'A', 3);
SELECT acct.create_run('2025-05-01', 'steps') = :steps AS the_same;
SELECT status, transactions, journals, digest, expanded_at FROM acct.journal_run WHERE run_id = :steps;
SELECT to_regclass('acct.je_line_staging_' || :steps) AS staging, (SELECT string_agg(step || ' ' || rows, ', ' ORDER BY log_id) FROM acct.run_log WHERE run_id = :steps) AS log;
SELECT transactions, journals FROM acct.expand_journals(:steps);
SELECT journals FROM acct.post_journals(:steps);
SELECT status FROM acct.journal_run WHERE run_id = :steps;
-- Such a run keeps nothing from the archive; another one does.
SELECT acct.create_run('2025-05-01', 'left') AS left \gset
SELECT count(*) AS partitions FROM acct.expand_journals(:left);
SELECT acct.reprocess_exceptions(:steps) AS nothing \gset
SELECT acct.archive_partition('txn_source_parent', '2025-05-01');
SELECT acct.restore_partition('txn_source_parent', '2025-05-01');
CALL public.txn(14, '2025-05-01', 'A', 3);
SELECT acct.create_run('2025-05-01', 'left') = :left AS the_same;
SELECT acct.archive_partition('txn_source_parent', '2025-05-01');
SELECT acct.discard_run(:left);
--
-- A month in which transactions are set aside says so.
--
CALL public.txn(15, '2025-05-01', 'NOTHING');
SET client_min_messages = notice;
SELECT step, detail FROM acct.run_month('2025-05-01', 'may-2') WHERE step IN ('expand', 'validate');
CALL public.txn(16, '2025-05-01', 'NOTHING');
CALL public.txn(17, '2025-05-01', 'A', 1, value_date => '2015-01-01');
CALL public.txn(18, '2025-05-01', 'A', 1, currency => 'XXX');
CALL public.txn(19, '2025-05-01', 'NOTHING');
SELECT step, detail FROM acct.run_month('2025-05-01', 'may-3') WHERE step IN ('expand', 'validate', 'post');
CALL public.txn(20, '2025-05-01', 'NOTHING');
CALL acct.process_month('2025-05-01', 'may-4') \gset
CALL public.txn(21, '2025-05-01', 'NOTHING');
CALL acct.run_job('run');
RESET client_min_messages;
-- Settled, they are no longer mentioned.
SELECT acct.waive_exception(run_id, txn_id, basis, 'no journal needed') FROM acct.journal_run JOIN acct.je_exception USING (run_id) WHERE run_key = 'may-4';
SET client_min_messages = notice;
SELECT detail FROM acct.run_month('2025-05-01', 'may-4') WHERE step = 'validate';
RESET client_min_messages;
-- A key may be used again when its run was discarded.
CALL public.txn(13, '2025-06-01', 'A', 1);
SELECT public.expanded('2025-06-01', 'jun') AS jun \gset
SELECT acct.discard_run(:jun);
CALL acct.process_month('2025-06-01', run_key => 'jun') \gset
SELECT status, journals, run_id <> :jun AS another FROM acct.journal_run WHERE run_id = :run_id;
-- A period closed in between: nothing is posted, and the run stays expanded.
\set VERBOSITY sqlstate
CALL public.txn(14, '2025-06-01', 'A', 1);
SELECT public.expanded('2025-06-01', 'jun-2') AS jun \gset
SELECT public.close_period('2025-06-01', 'MAIN', 'PRIMARY');
SELECT * FROM acct.run_month('2025-06-01', run_key => 'jun-2'); :why
CALL acct.process_month('2025-06-01', run_key => 'jun-2'); :why
SELECT status FROM acct.journal_run WHERE run_id = :jun;
SELECT acct.reopen_period('2025-06-01', 'MAIN', 'PRIMARY');
CALL acct.process_month('2025-06-01', run_key => 'jun-2') \gset
SELECT status FROM acct.journal_run WHERE run_id = :jun;
-- A run's rows lie among those of others, and where a change put them; of several loads they lie far from each other.
CALL public.txn(31, '2025-04-01', 'A', 1);
CALL public.txn(32, '2025-04-01', 'A', 2);
SELECT count(*) AS booked FROM acct.book_transactions('[{"txn_id": 33, "txn_month": "2025-04-01", "bank_value_date": "2025-04-15", "txn_type": "A", "product_code": "P",
    "channel": "C", "gross_amount": 4, "tabarru_amount": 4}]');
UPDATE acct.txn_source_parent SET gross_amount = 8, tabarru_amount = 8 WHERE (txn_id, txn_month) = (31, '2025-04-01');
CALL public.txn(34, '2025-04-01', 'A', 16);
SELECT step, rows FROM acct.run_month('2025-04-01') WHERE step <> 'validate';
SELECT sum(total_debit) AS debit, array_agg(txn_id ORDER BY txn_id) AS txn_ids FROM acct.ledger_entry_header WHERE je_date >= '2025-04-01' AND je_date < '2025-05-01';
CALL public.txn(35, '2025-04-01', 'A', 1);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT t, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1 FROM generate_series(1001, 7000) AS t;
CALL public.txn(36, '2025-04-01', 'A', 1);
SELECT step, rows FROM acct.run_month('2025-04-01') WHERE step <> 'validate';
SELECT sum(total_debit) AS debit, count(DISTINCT txn_id) AS transactions FROM acct.ledger_entry_header WHERE je_date >= '2025-04-01' AND je_date < '2025-05-01';
-- Not in a transaction block, nor in a function
BEGIN;
CALL acct.process_month('2025-06-01', run_key => 'jun-3'); :why
ROLLBACK;
CREATE FUNCTION public.in_function() RETURNS void LANGUAGE plpgsql AS $$ DECLARE id bigint; BEGIN CALL acct.process_month('2025-06-01', 'jun-3', run_id => id); END $$;
SELECT public.in_function(); :why
CALL acct.process_month('2025-06-15'); :why
CALL acct.process_month(NULL); :why
SELECT count(*) AS runs FROM acct.journal_run WHERE run_key = 'jun-3';
SELECT bool_and(passed) AS valid, count(DISTINCT run_id) AS runs FROM acct.journal_run, acct.validate_run(run_id) WHERE status = 'posted';
SELECT acct.update_balance_snapshot() AS wrong;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

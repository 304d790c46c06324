-- On one path: nothing here depends on it.
-- Jobs: what each does, what it leaves behind when it fails or is killed, and how they are scheduled (with pg_cron: test/t/017_pg_cron.pl)
\set topic schedule
\i test/sql/setup.sql
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CREATE VIEW public.job AS
SELECT g.detail ->> 'job' AS job, g.detail ->> 'status' AS status, g.rows, g.elapsed_ms >= 0 AS timed, g.detail - '{job,status,partitions}'::text[] AS detail
  FROM acct.run_log AS g WHERE g.step = 'job' ORDER BY g.log_id DESC LIMIT 1;

-- A run as the job makes it
CREATE FUNCTION public.of_job(id bigint, key text) RETURNS bigint LANGUAGE sql AS $$ UPDATE acct.journal_run SET run_key = $2 WHERE run_id = $1 RETURNING run_id $$;

-- rotate: this month and the next, of source and ledger; again, nothing
CALL acct.run_job('rotate');
TABLE public.job;
SELECT jsonb_array_length(detail -> 'partitions') AS partitions FROM acct.run_log WHERE step = 'job' ORDER BY log_id DESC LIMIT 1;
CALL acct.run_job('rotate');
TABLE public.job;
CALL acct.run_job('rotate', '{"ahead": 3}');
TABLE public.job;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');

-- run: each month with loads that no run holds, oldest first
CALL acct.run_job('run');
TABLE public.job;
CALL public.txn(1, '2025-02-01', 'A');
CALL public.txn(2, '2025-01-01', 'A');
CALL public.txn(3, '2025-01-01', 'A');
CALL acct.run_job('run');
TABLE public.job;
SELECT run_id, run_key, txn_month, status, journals FROM acct.journal_run ORDER BY run_id;
-- Again: nothing is left. What comes later is taken by another run.
CALL acct.run_job('run');
TABLE public.job;
CALL public.txn(4, '2025-01-01', 'A');
CALL acct.run_job('run');
TABLE public.job;
SELECT run_id, run_key, journals FROM acct.journal_run WHERE txn_month = '2025-01-01' ORDER BY run_id;
-- A load of two months of which a run took one; a load that another run holds; rows of no registered batch
BEGIN;
CALL public.txn(5, '2025-02-01', 'A');
CALL public.txn(6, '2025-03-01', 'A');
COMMIT;
SELECT public.posted('2025-02-01', 'by hand') AS by_hand \gset
CALL public.txn(7, '2025-02-01', 'A');
SELECT public.expanded('2025-02-01', 'not yet') AS not_yet \gset
CALL acct.run_job('run');
TABLE public.job;
SELECT run_key, txn_month, status, journals FROM acct.journal_run WHERE run_id > :by_hand ORDER BY run_id;
SELECT journals FROM acct.post_journals(:not_yet);
-- For one basis
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.txn(8, '2025-03-01', 'A');
CALL acct.run_job('run', '{"basis": "PRIMARY"}');
CALL acct.run_job('run', '{"basis": "PRIMARY"}');
SELECT run_key, bases, options FROM acct.journal_run ORDER BY run_id DESC LIMIT 1;
DELETE FROM acct.accounting_basis WHERE basis = 'TAX';

-- A job that was killed after each step is gone on with, and so is what came meanwhile.
CALL public.txn(10, '2025-04-01', 'A');
SELECT public.of_job(acct.create_run('2025-04-01'), 'ledger_engine:run:2025-04:1') AS killed \gset
CALL public.txn(11, '2025-04-01', 'A');
CALL public.txn(12, '2025-05-01', 'A');
SELECT public.of_job(public.expanded('2025-05-01'), 'ledger_engine:run:2025-05:7') AS killed_too \gset
CALL acct.run_job('run');
TABLE public.job;
SELECT run_key, status, journals FROM acct.journal_run WHERE run_id >= :killed ORDER BY run_id;
-- One whose staging was lost
CALL public.txn(13, '2025-05-01', 'A');
SELECT public.of_job(public.expanded('2025-05-01'), 'ledger_engine:run:2025-05:8') AS lost \gset
SELECT header AS staged FROM acct._staging_tables(:lost) \gset
TRUNCATE :staged;
CALL acct.run_job('run');
SELECT status, journals FROM acct.journal_run WHERE run_id = :lost;

-- A month that fails does not keep the others from being done; it fails until its cause is gone.
CALL public.txn(20, '2025-02-01', 'A');
CALL public.txn(21, '2025-03-01', 'A');
CALL public.txn(22, '2025-05-01', 'A');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (23, '2025-03-01', '2025-03-15', 987654321, 'A', 'P', 'C', 7, 7);
CALL acct.run_job('run');
TABLE public.job;
SELECT run_key, status, journals FROM acct.journal_run ORDER BY run_id DESC LIMIT 3;
CALL public.txn(24, '2025-03-01', 'A');
\set VERBOSITY sqlstate
CALL acct.run_job('run'); :why
\set VERBOSITY default
SELECT count(*) AS runs FROM acct.journal_run WHERE txn_month = '2025-03-01' AND status = 'expanded';
DELETE FROM acct.txn_source_parent WHERE txn_id = 23;
CALL acct.run_job('run');
TABLE public.job;
SELECT run_key, status, journals FROM acct.journal_run WHERE txn_month = '2025-03-01' ORDER BY run_id DESC LIMIT 2;
-- Two months: the error has the SQLSTATE of the first. A period that is closed under an expanded run is for somebody to decide.
CALL public.txn(25, '2025-05-01', 'A');
CALL public.txn(26, '2025-06-01', 'A');
SELECT public.of_job(public.expanded('2025-05-01'), 'ledger_engine:run:2025-05:20'), public.of_job(public.expanded('2025-06-01'), 'ledger_engine:run:2025-06:1') \gset
SELECT public.close_period('2025-05-01', 'MAIN', 'PRIMARY'), public.close_period('2025-06-01', 'MAIN', 'PRIMARY');
CALL acct.run_job('run');
\set VERBOSITY sqlstate
CALL acct.run_job('run'); :why
\set VERBOSITY default
SELECT acct.reopen_period('2025-05-01', 'MAIN', 'PRIMARY'), acct.reopen_period('2025-06-01', 'MAIN', 'PRIMARY');
CALL acct.run_job('run');
TABLE public.job;
-- A run of the job that is discarded is made again, under a new key.
CALL public.txn(27, '2025-06-01', 'A');
SELECT public.of_job(public.expanded('2025-06-01'), 'ledger_engine:run:2025-06:2') AS discarded \gset
SELECT acct.discard_run(:discarded);
CALL acct.run_job('run');
SELECT run_key, status FROM acct.journal_run ORDER BY run_id DESC LIMIT 1;
-- A source partition of a year
CREATE TABLE public.year (LIKE acct.txn_source_parent INCLUDING ALL);
ALTER TABLE acct.txn_source_parent ATTACH PARTITION public.year FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CALL public.txn(30, '2020-11-01', 'A');
CALL public.txn(31, '2020-12-01', 'A');
CALL acct.run_job('run');
SELECT run_key, status, journals FROM acct.journal_run ORDER BY run_id DESC LIMIT 2;
SELECT bool_and(v.passed) AS valid, count(DISTINCT r.run_id) AS runs FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted';
SELECT count(*) AS transactions, count(DISTINCT h.txn_id) AS journals FROM acct.ledger_entry_header AS h;

-- snapshot: balances equal the lines
CALL acct.run_job('snapshot');
TABLE public.job;
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1
 WHERE snapshot_month = '2025-06-01' AND account_code = '1000';
CALL acct.run_job('snapshot');
TABLE public.job;
CALL acct.run_job('snapshot', '{"months": 3}');
TABLE public.job;
SELECT acct.update_balance_snapshot() AS wrong;
CALL acct.run_job('snapshot');
TABLE public.job;

-- In a session of pg_cron, what was due while the job was at work is skipped.
INSERT INTO acct.run_log (step, elapsed_ms, detail, at) VALUES ('job', 300000, '{"job": "rotate", "status": "done"}', clock_timestamp() + interval '1 minute');
CALL acct.run_job('rotate');
TABLE public.job;
INSERT INTO acct.run_log (step, elapsed_ms, detail, at) VALUES ('job', 300000, '{"job": "rotate", "status": "done"}', clock_timestamp() + interval '1 minute');
SET application_name = 'pg_cron';
CALL acct.run_job('rotate');
TABLE public.job;
CALL acct.run_job('snapshot');
TABLE public.job;
RESET application_name;
-- Nobody does a job any more, after errors neither.
CREATE VIEW public.busy AS SELECT job FROM acct.job_state AS j WHERE acct._is_executed(j.pid, j.session_start, j.call_start);
SELECT * FROM public.busy;
-- A cancel ends the job; the next call does it from the start.
CREATE FUNCTION public.cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE query_canceled USING MESSAGE = 'canceled here'; END $$;
CREATE TRIGGER cancel BEFORE INSERT ON acct.journal_run FOR EACH ROW EXECUTE FUNCTION public.cancel();
CALL public.txn(40, '2025-06-01', 'A');
CALL acct.run_job('run');
DROP TRIGGER cancel ON acct.journal_run;
SELECT job, pid = pg_backend_pid() AS left_behind FROM acct.job_state WHERE pid IS NOT NULL;
SELECT * FROM public.busy;
CALL acct.run_job('run');
TABLE public.job;
SELECT job FROM acct.job_state WHERE pid IS NOT NULL;
-- In a block of an anonymous procedure, twice
DO $$ BEGIN CALL acct.run_job('rotate'); CALL acct.run_job('rotate'); END $$;
SELECT g.detail ->> 'status' AS status FROM acct.run_log AS g WHERE g.step = 'job' ORDER BY g.log_id DESC LIMIT 2;
-- Without track_activities
SET track_activities = off;
CALL acct.run_job('rotate');
RESET track_activities;
TABLE public.job;

-- The job's runs are its own: nobody else makes one that looks so, and none that was made up before stops it.
SELECT acct.create_run('2025-06-01', 'ledger_engine:run:2025-06:9223372036854775807');
SELECT acct.create_run('2025-06-01', 'ledger_engine:');
SELECT acct.run_month('2025-06-01', 'ledger_engine:run:2025-06:1');
CALL acct.process_month('2025-06-01', E'ledger_engine:run:2025-06:\n1');
DO $$ BEGIN PERFORM acct._begin_job('run', '{}'); PERFORM acct.create_run('2025-06-01', 'ledger_engine:run:2025-06:77'); END $$;
SELECT acct.create_run('2025-06-01', repeat('k', 1001));
SELECT acct.discard_run(public.of_job(acct.create_run('2025-06-01'), 'ledger_engine:run:2025-06:9223372036854775807')),
       acct.discard_run(public.of_job(acct.create_run('2025-06-01'), 'ledger_engine:run:2025-06:' || repeat('9', 200))),
       acct.discard_run(public.of_job(acct.create_run('2025-06-01'), 'ledger_engine:run:2025-06:x'));
SELECT acct.discard_run(public.of_job(acct.create_run('2025-06-01'), 'ledger_engine:run:2025-06:' || (SELECT 3 + count(*) FROM acct.journal_run WHERE run_key LIKE 'ledger_engine:run:2025-06:%')));
CALL public.txn(41, '2025-06-01', 'A');
CALL acct.run_job('run');
TABLE public.job;
SELECT status, journals FROM acct.journal_run ORDER BY run_id DESC LIMIT 1;
-- Any other key is harmless.
CALL public.txn(42, '2025-06-01', 'A');
SELECT acct.create_run('2025-06-01', E' \'"\n%s\\ {}; DROP TABLE x; LEDGER_ENGINE:run:2025-06:1') AS odd \gset
SELECT journals FROM acct.expand_journals(:odd);
SELECT journals FROM acct.post_journals(:odd);
SELECT outcome FROM acct.cancel_run(E' \'"\n%s\\ {}; DROP TABLE x; LEDGER_ENGINE:run:2025-06:1');

-- Rows of the log say what was done: the steps of a job work only for the call of run_job() that does it, and only in order.
SELECT acct._begin_job('run', '{}') AS begun;
SELECT acct._job_step('run');
SELECT acct._end_job('run');
DO $$ BEGIN PERFORM acct._begin_job('run', '{}'); PERFORM acct._end_job('run'); END $$;
DO $$ BEGIN PERFORM acct._begin_job('run', '{}'); PERFORM acct._end_job('snapshot'); END $$;
SELECT acct._job_step(NULL);
SELECT acct._begin_job('run', '{}') AS begun, acct._begin_job('run', '{}') AS again;

-- A run without a key, left by a call that died: nobody goes on with it, and it is named with the call that ends it.
CALL public.txn(43, '2025-06-01', 'A');
SELECT public.expanded('2025-06-01') AS nameless \gset
CALL acct.run_job('run');
SELECT replace(regexp_replace(detail, '[-0-9]{10} [:0-9]{5}', 'TIME'), :'nameless', 'N') AS detail, hint FROM acct.health('{runs_stuck}', '{"runs_stuck": -1}');
SELECT outcome, sessions_stopped FROM acct.cancel_run(:nameless);
CALL acct.run_job('run');
TABLE public.job;

-- What is refused
BEGIN;
CALL acct.run_job('rotate');
ROLLBACK;
CALL acct.run_job('nothing');
CALL acct.run_job(NULL);
CALL acct.run_job('rotate', NULL);
CALL acct.run_job('rotate', '[]');
CALL acct.run_job('rotate', '{"ahaed": 3}');
CALL acct.run_job('run', '{"ahead": 3}');
CALL acct.run_job('rotate', '{"ahead": 1.5}');
CALL acct.run_job('rotate', '{"ahead": "3"}');
CALL acct.run_job('snapshot', '{"months": -1}');
CALL acct.run_job('snapshot', '{"months": 1201}');
CALL acct.run_job('run', '{"basis": "NOBASIS"}');
TABLE public.job;

-- What runs took for other bases is taken for one that takes every transaction, and once.
CALL public.txn(90, '2025-05-01', 'A');
SELECT public.posted('2025-05-01', 'other bases') AS others \gset
INSERT INTO acct.accounting_basis VALUES ('EVERY', 'Takes every one', true);
SELECT acct._has_untaken_rows('2025-05-01', '{PRIMARY}') AS for_primary, acct._has_untaken_rows('2025-05-01', '{EVERY,PRIMARY}') AS for_both;
SET client_min_messages = error;
CALL acct.run_job('run');
RESET client_min_messages;
SELECT c.basis, count(*) AS batches, bool_and(r.status = 'posted') AS posted FROM acct.journal_run_batch AS c JOIN acct.journal_run AS r USING (run_id)
 WHERE c.txn_month = '2025-05-01' AND c.released_at IS NULL GROUP BY c.basis ORDER BY c.basis;
SELECT * FROM acct.batches_waiting();
CALL acct.run_job('run');
SELECT detail FROM public.job;

-- Without pg_cron
SELECT * FROM acct.schedule_jobs();
SELECT * FROM acct.unschedule_jobs();
SELECT * FROM acct.scheduled_jobs;
-- Nobody else's schema cron is taken for it.
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigint, schedule text, command text, database text, username text, active boolean, jobname text);
CREATE TABLE cron.job_run_details (jobid bigint, runid bigint, status text, return_message text, start_time timestamptz, end_time timestamptz);
CREATE FUNCTION cron.schedule(text, text, text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
INSERT INTO cron.job VALUES (1, '* * * * *', 'SELECT 1', current_database(), current_user, true, 'ledger_engine:rotate');
SELECT * FROM acct.scheduled_jobs;
SELECT * FROM acct.schedule_jobs();
-- A schedule that is none
SELECT * FROM acct.schedule_jobs(NULL);
SELECT * FROM acct.schedule_jobs('[]');
SELECT * FROM acct.schedule_jobs('{"rotat": "* * * * *"}');
SELECT * FROM acct.schedule_jobs('{"rotate": 5}');
SELECT * FROM acct.schedule_jobs('{"rotate": ["* * * * *"]}');
SELECT * FROM acct.schedule_jobs('{"rotate": {"ahead": 3}}');
SELECT * FROM acct.schedule_jobs('{"rotate": {"schedule": null}}');
SELECT * FROM acct.schedule_jobs('{"rotate": {"schedule": "* * * * *", "behind": 3}}');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

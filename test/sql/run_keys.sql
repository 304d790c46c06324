-- A run by its run_id or by its run_key: every function has both; and as far as it goes in one call
\set topic run_keys
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('IGNORED', '{}', '[{"txn_type": "IGNORED"}]', '{"template_type": "IGNORE"}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'NOTHING', 7);
CALL public.txn(3, '2025-01-01', 'NOTHING', 8);
CALL public.txn(4, '2025-01-01', 'IGNORED', 9);

-- Each public function that has run_id as its first argument has a twin with run_key in its place, and the same result.
SELECT p.oid::regprocedure AS has_no_twin FROM pg_proc AS p
 WHERE p.pronamespace = 'acct'::regnamespace AND p.proname !~ '^_' AND pg_get_function_arguments(p.oid) ~ '^(INOUT )?run_id bigint'
   AND NOT EXISTS (SELECT FROM pg_proc AS t WHERE t.pronamespace = p.pronamespace AND t.proname = p.proname
                      AND pg_get_function_arguments(t.oid) ~ '^run_key text' AND t.prosecdef = p.prosecdef
                      AND (p.proname = 'cancel_run' OR t.prorettype = p.prorettype AND t.proretset = p.proretset
                           AND regexp_replace(pg_get_function_arguments(t.oid), '^run_key text', 'run_id bigint') = pg_get_function_arguments(p.oid)
                           AND pg_get_function_result(t.oid) IS NOT DISTINCT FROM pg_get_function_result(p.oid)));

SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SELECT transactions, journals, exceptions, already_done FROM acct.expand_journals('jan');
SELECT bool_and(passed) AS valid, count(*) = (SELECT count(*) FROM acct.validate_run(:jan)) AS same FROM acct.validate_run('jan');
SELECT (SELECT all_passed FROM acct.check_run('jan')) AS by_key, (SELECT all_passed FROM acct.check_run(:jan)) AS by_id;
SELECT acct.run_digest('jan', 'staging') = acct.run_digest(:jan, 'staging') AS same_digest;
SELECT journals, lines, trim_scale(debit) AS debit, already_done FROM acct.post_journals('jan');
SELECT acct.run_digest('jan') = acct.run_digest(:jan) AS same_digest;
SELECT acct.waive_exception('jan', 2, 'PRIMARY', 'A test of the core system') AS waived, acct.revoke_waiver('jan', 2, 'PRIMARY') AS revoked;
SELECT acct.waive_exception('jan', 2, 'PRIMARY', 'A test of the core system') AS waived;
SELECT acct.reprocess_exceptions('jan') AS again, acct.reprocess_ignored('jan') AS ignored \gset
SELECT acct.reverse_run('jan', '2025-01-31', 'Wrong rules') AS back \gset
SELECT origin_run = :jan AS of_jan, acct.discard_run(run_id) AS discarded FROM acct.journal_run WHERE run_id = :back;
SELECT acct.rebook_run('jan');
SELECT acct.correct_run('jan', '2025-01-31', 'Wrong rules') AS better \gset
SELECT kind, origin_run = :jan AS of_jan FROM acct.journal_run WHERE run_id = :better;
SELECT acct.discard_run(:better) AS discarded;
SELECT (SELECT count(*) FROM acct.replay_run('jan')) = (SELECT count(*) FROM acct.replay_run(:jan)) AS same;
SELECT (SELECT count(*) FROM acct.preview_correction('jan')) = (SELECT count(*) FROM acct.preview_correction(:jan)) AS same,
       (SELECT count(*) FROM acct.preview_correction_transactions('jan', 1)) = (SELECT count(*) FROM acct.preview_correction_transactions(:jan, 1)) AS same;
SELECT run_id = :again AS again, reprocess_of = :jan AS of_jan FROM acct.journal_run WHERE run_id = :again;
SELECT acct.create_run('2025-01-01', 'none') AS none \gset
SELECT acct.discard_run('none') AS discarded;

-- No run has the key: unknown, of a discarded run, NULL.
\set VERBOSITY default
SELECT * FROM acct.expand_journals('feb');
SELECT * FROM acct.post_journals('none');
SELECT * FROM acct.validate_run(NULL::text);
CALL acct.process_run('none');
SELECT acct.discard_run('jan');

-- A number as text names a run by its run_id, unless a run has it as its key: then that one, or none where both can be meant.
SELECT bool_and(passed) AS valid FROM acct.validate_run(:'jan');
PREPARE digest AS SELECT acct.run_digest($1) = acct.run_digest('jan') AS same_digest;
EXECUTE digest(:jan);
SELECT acct.create_run('2025-02-01', :'jan') AS two \gset
SELECT acct.discard_run(:'jan');
SELECT acct.discard_run(:two) AS discarded;
SELECT acct.create_run('2025-02-01', '987654321') AS high \gset
SELECT acct.discard_run('987654321') AS discarded, status FROM acct.journal_run WHERE run_id = :high;
SELECT acct.discard_run('987654321');

-- As far as it goes: a run of what was set aside, one that waits since it was created, one that is posted.
CALL public.policy('N', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "NOTHING"}]');
CALL acct.process_run(:again);
SELECT txn_id, trim_scale(total_debit) AS debit FROM acct.ledger_entry_header WHERE run_id = :again;
CALL public.txn(5, '2025-01-01', 'A', 50);
SELECT acct.create_run('2025-01-01', 'five') AS five \gset
CALL acct.process_run('five');
SELECT string_agg(step, ' ' ORDER BY log_id) AS steps FROM acct.run_log WHERE run_id = :five AND (step <> 'expand' AND step <> 'post' OR partition IS NOT NULL);
CALL acct.process_run('five');
SELECT count(*) AS journals FROM acct.ledger_entry_header WHERE run_id = :five;
-- It stops where a check fails, and goes on when that is put right.
CALL public.txn(6, '2025-01-01', 'A', 60);
SELECT acct.create_run('2025-01-01', 'six') AS six \gset
SELECT journals FROM acct.expand_journals('six');
DELETE FROM acct.je_line_staging WHERE run_id = :six AND line_no = 1;
\set VERBOSITY sqlstate
CALL acct.process_run('six'); :why
\set VERBOSITY default
SELECT status, (SELECT count(*) FROM acct.run_log AS g WHERE g.run_id = r.run_id AND g.step = 'validate') AS validations FROM acct.journal_run AS r WHERE run_id = :six;
SELECT acct.discard_run('six') AS discarded;
SELECT acct.create_run('2025-01-01', 'six') AS six \gset
SELECT * FROM public.close_period('2025-01-01');
CALL acct.process_run('six');
SELECT count(*) AS journals, min(e.reason) AS reason FROM acct.journal_run AS r JOIN acct.je_exception AS e USING (run_id) WHERE run_id = :six;
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY') AS reopened;
-- A run that took nothing is not posted; without a key it is discarded.
SELECT acct.create_run('2025-02-01') AS nothing \gset
CALL acct.process_run(:nothing);
BEGIN;
CALL acct.process_run('jan');
ROLLBACK;
CALL acct.process_run(999999);

-- run_month() and process_month() take the options of create_run().
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.txn(7, '2025-01-01', 'A', 70);
SELECT step, rows FROM acct.run_month('2025-01-01', 'primary', '{"basis": "PRIMARY"}');
CALL public.txn(8, '2025-01-01', 'A', 80);
CALL acct.process_month('2025-01-01', 'eight', '{"basis": "PRIMARY", "repeated_transactions": "refuse"}', run_id => NULL) \gset
SELECT bases, options, status FROM acct.journal_run WHERE run_key IN ('primary', 'eight') ORDER BY run_id;
CALL acct.process_month('2025-01-01', 'nine', '{"base": "PRIMARY"}');

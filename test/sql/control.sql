-- Runs by key: check_run(), and cancel_run() where nobody works on the run
\set topic control
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'A', 50.5);
CALL public.txn(3, '2025-01-01', 'NOTHING');

--
-- check_run
--
SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SELECT * FROM acct.check_run('jan');
SELECT count(*) AS partitions FROM acct.expand_journals(:jan);
SELECT * FROM acct.check_run('jan') \gx
-- It is validate_run, once, and all of it.
SELECT count(*) AS validations, max(rows) = (SELECT count(*) FROM acct.validate_run(:jan)) AS all_checks FROM acct.run_log WHERE step = 'validate';
SELECT all_passed = (SELECT bool_and(v.passed) FROM acct.validate_run(:jan) AS v) AS agree FROM acct.check_run('jan');
-- Which column is false; each change is taken back.
CREATE FUNCTION public.false_columns(key text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(e.key, ', ' ORDER BY e.key) FROM acct.check_run($1) AS c, jsonb_each(to_jsonb(c)) AS e WHERE e.value <> 'true'
$$;
SELECT public.false_columns('jan') IS NULL AS none;
BEGIN;
ALTER TABLE acct.txn_source_parent DISABLE TRIGGER USER;
UPDATE acct.txn_source_2025_01 SET gross_amount = 101, tabarru_amount = 101 WHERE txn_id = 1;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (4, '2025-01-01', '2025-01-15', 987654321, 'A', 'P', 'C', 7, 7);
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.journal_run SET basis_counts = jsonb_set(basis_counts, '{PRIMARY,ignored}', '1') WHERE run_id = :jan;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.je_header_staging SET total_debit = total_debit + 1 WHERE txn_id = 1;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.je_line_staging SET debit = debit + 1 WHERE txn_id = 1 AND debit > 0;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.je_line_staging SET account_code = '5000' WHERE txn_id = 1 AND debit > 0;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.journal_run_total SET line_count = line_count + 1 WHERE run_id = :jan AND debit > 0;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
UPDATE acct.journal_run_total SET credit = credit + 1 WHERE run_id = :jan AND credit > 0;
SELECT public.false_columns('jan');
ROLLBACK;
BEGIN;
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT public.false_columns('jan');
ROLLBACK;
-- Posted: the checks of the ledger. An empty run, and one of a key that none has
SELECT journals, lines FROM acct.post_journals(:jan);
SELECT public.false_columns('jan') IS NULL AS none;
SELECT public.expanded('2025-02-01', 'empty') IS NOT NULL AS expanded;
SELECT public.false_columns('empty') IS NULL AS none;
SELECT * FROM acct.check_run('none');
SELECT * FROM acct.check_run(NULL);

--
-- cancel_run: discards what is not posted, whatever its state
--
CALL public.txn(10, '2025-02-01', 'A', 10);
CALL public.txn(11, '2025-02-01', 'NOTHING', 11);
SELECT acct.create_run('2025-02-01', 'feb') AS feb \gset
SELECT run_id = :feb AS is_run, outcome, sessions_stopped FROM acct.cancel_run('feb');
SELECT * FROM acct.cancel_run('feb');
SELECT acct.create_run('2025-02-01', 'feb') AS feb_2 \gset
SELECT :feb_2 > :feb AS another;
SELECT transactions, journals, exceptions FROM acct.expand_journals(:feb_2);
SELECT run_id = :feb_2 AS is_run, outcome, sessions_stopped FROM acct.cancel_run('feb', timeout => '1 second');
SELECT status, discarded_by = session_user AS by_me FROM acct.journal_run WHERE run_key = 'feb' ORDER BY run_id;
SELECT count(*) FILTER (WHERE released_at IS NULL) AS claimed, count(*) AS claims FROM acct.journal_run_batch WHERE run_id IN (:feb, :feb_2);
SELECT count(*) AS open_exceptions FROM acct.je_exception WHERE run_id = :feb_2 AND voided_at IS NULL;
SELECT to_regclass('acct.je_header_staging_' || :feb_2) IS NULL AND to_regclass('acct.je_line_staging_' || :feb_2) IS NULL AS no_staging;
SELECT step, detail FROM acct.run_log WHERE run_id = :feb_2 AND step IN ('discard', 'cancel') ORDER BY log_id;
-- Again, afresh, in the same transaction; its own work is its own to end.
BEGIN;
SELECT public.expanded('2025-02-01', 'feb') > :feb_2 AS another;
SELECT outcome, sessions_stopped FROM acct.cancel_run('feb');
SELECT public.posted('2025-02-01', 'feb') AS feb_4 \gset
SELECT run_id = :feb_4 AS is_run, outcome, sessions_stopped FROM acct.cancel_run('feb');
COMMIT;
SELECT run_id = :feb_4 AS is_run, outcome, sessions_stopped FROM acct.cancel_run('feb');
SELECT txn_id, count(*) AS journals FROM acct.ledger_entry_header WHERE txn_month = '2025-02-01' GROUP BY 1;
SELECT public.false_columns('feb') IS NULL AS none;
-- No key, and none such
SELECT * FROM acct.cancel_run('none');
SELECT * FROM acct.cancel_run(NULL);
SELECT acct.create_run('2025-03-01') IS NOT NULL AS without_key;
SELECT * FROM acct.cancel_run(NULL, NULL);
SELECT status FROM acct.journal_run WHERE run_key IS NULL;

--
-- By run_id: a run without a key, too
--
SELECT acct.create_run('2025-03-01') AS nameless \gset
SELECT run_id = :nameless AS is_run, outcome, sessions_stopped FROM acct.cancel_run(:nameless);
SELECT run_id = :nameless AS is_run, outcome, sessions_stopped FROM acct.cancel_run(:nameless, timeout => '1 second');
SELECT run_id = :feb_4 AS is_run, outcome, sessions_stopped FROM acct.cancel_run(:feb_4);
SELECT * FROM acct.cancel_run(987654321);
SELECT * FROM acct.cancel_run(NULL::bigint);
-- Nothing of it stays.
SELECT count(*) AS marks FROM acct.run_cancel;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- Runs: created once per key, expanded, validated, posted or discarded, each step repeatable
\set topic runs
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('AT', '{DR 5000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');

-- Arguments
\set VERBOSITY sqlstate
SELECT acct.create_run(NULL); :why
SELECT acct.create_run('2025-01-02'); :why
SELECT acct.create_run('infinity'); :why
SELECT acct.create_run('2025-01-01', options => '{"bases": "PRIMARY"}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": "PRIMARY", "workers": 2}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": "NOBASIS"}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": ["PRIMARY", "NOBASIS"]}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": []}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": null}'); :why
SELECT acct.create_run('2025-01-01', options => '{"basis": 1}'); :why
SELECT acct.create_run('2025-01-01', options => '[]'); :why
SELECT acct.create_run('2025-01-01', options => '"basis"'); :why
SELECT acct.create_run('2025-01-01', options => 'null'); :why
SELECT count(*) AS runs FROM acct.journal_run;

-- One run a key; with other arguments the key is refused.
CALL public.txn(1, '2025-01-01', 'A');
SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
SELECT acct.create_run('2025-01-01', run_key => 'jan', options => '{}') = :jan AS same;
SELECT acct.create_run('2025-01-01', 'jan', NULL) = :jan AS same;
SELECT acct.create_run('2025-02-01', 'jan'); :why
SELECT acct.create_run('2025-01-01', 'jan', '{"basis": "PRIMARY"}'); :why
-- A basis that is added later is none of its arguments: without option basis a run keeps its bases, with it they are compared.
BEGIN;
INSERT INTO acct.accounting_basis VALUES ('LATER', 'Added later', true);
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
SELECT acct.create_run('2025-01-01', 'jan', '{"basis": ["TAX", "PRIMARY"]}') = :jan AS same;
SELECT bases FROM acct.journal_run WHERE run_id = :jan;
SELECT acct.create_run('2025-01-01', 'jan', '{"basis": ["TAX", "PRIMARY", "LATER"]}'); :why
ROLLBACK;
-- Without a key each is another run, and the batch was taken already.
SELECT acct.create_run('2025-01-01') AS other \gset
SELECT :other <> :jan AS another_run;
SELECT r.run_id = :jan AS jan, r.status, r.bases, b.basis, b.source_rows, b.source_gross
  FROM acct.journal_run AS r LEFT JOIN acct.journal_run_batch AS b USING (run_id) WHERE r.run_id IN (:jan, :other) ORDER BY r.run_id, b.basis;
-- A run that took nothing may take some when it is created again, until it is expanded; one that took some takes no more.
CALL public.txn(2, '2025-01-01', 'A');
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
SELECT count(*) AS claims FROM acct.journal_run_batch WHERE run_id = :jan;
SELECT acct.create_run('2025-02-01', 'feb') AS feb \gset
SELECT count(*) AS claims FROM acct.journal_run_batch WHERE run_id = :feb;
CALL public.txn(3, '2025-02-01', 'A');
SELECT acct.create_run('2025-02-01', 'feb') = :feb AS same;
SELECT count(*) AS claims FROM acct.journal_run_batch WHERE run_id = :feb;
-- An empty run is not posted; called again with its key it takes what came since (test/sql/month.sql).
SELECT acct.create_run('2025-03-01', 'mar') AS mar \gset
SELECT count(*) AS partitions FROM acct.expand_journals(:mar);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:mar);
SELECT count(*) AS months FROM acct.post_journals(:mar);
SELECT status, transactions, journals, lines, exceptions, ignored, debit, credit, digest FROM acct.journal_run WHERE run_id = :mar;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:mar);
CALL public.txn(4, '2025-03-01', 'A');
SELECT acct.create_run('2025-03-01', 'mar') = :mar AS same;
SELECT count(*) AS claims FROM acct.journal_run_batch WHERE run_id = :mar;
SELECT count(*) AS months FROM acct.post_journals(:mar); :why
SELECT sum(journals) AS journals FROM acct.expand_journals(:mar);
SELECT count(*) AS months FROM acct.post_journals(:mar);
SELECT status, journals FROM acct.journal_run WHERE run_id = :mar;
-- So is one of a month without a partition.
SELECT public.posted('2030-01-01') AS empty \gset
SELECT status FROM acct.journal_run WHERE run_id = :empty;

-- Steps in the wrong order, of no run, and again
SELECT * FROM acct.expand_journals(-1); :why
SELECT * FROM acct.expand_journals(NULL); :why
SELECT * FROM acct.validate_run(-1); :why
SELECT * FROM acct.post_journals(-1); :why
SELECT acct.discard_run(-1); :why
SELECT acct.run_digest(-1); :why
SELECT * FROM acct.validate_run(:jan); :why
SELECT * FROM acct.post_journals(:jan); :why
SELECT acct.run_digest(:jan, 'staging'); :why
SELECT acct.run_digest(:jan, 'nowhere'); :why
SELECT source_partition, transactions, journals, lines, exceptions, ignored, debit, credit, elapsed_ms >= 0 AS timed, already_done FROM acct.expand_journals(:jan);
SELECT source_partition, transactions, journals, lines, exceptions, ignored, debit, credit, elapsed_ms >= 0 AS timed, already_done FROM acct.expand_journals(:jan);
SELECT check_name, passed, expected, actual FROM acct.validate_run(:jan) WHERE check_name NOT IN ('line_digest', 'header_digest', 'source_digest') ORDER BY check_name COLLATE "C";
SELECT ledger_partition, journals, lines, debit, credit, elapsed_ms >= 0 AS timed, already_done FROM acct.post_journals(:jan);
SELECT ledger_partition, journals, lines, debit, credit, elapsed_ms >= 0 AS timed, already_done FROM acct.post_journals(:jan);
SELECT source_partition, transactions, journals, already_done FROM acct.expand_journals(:jan);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:jan);
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
SELECT acct.discard_run(:jan); :why
SELECT status FROM acct.journal_run WHERE run_id = :jan;
SELECT count(*) AS lines FROM acct.ledger_entry_line;
-- A run whose transactions have dates of several months: a row for each ledger month, and one source partition.
CALL public.txn(5, '2025-04-01', 'A', 10, value_date => '2025-03-31');
CALL public.txn(6, '2025-04-01', 'A', 20, value_date => '2025-04-01');
CALL public.txn(7, '2025-04-01', 'A', 30, value_date => '2026-04-01');
SELECT public.expanded('2025-04-01', 'apr') AS apr \gset
SELECT source_partition, transactions, journals, lines, debit, already_done FROM acct.expand_journals(:apr);
SELECT ledger_partition, journals, lines, debit, credit FROM acct.post_journals(:apr);

-- Discarded: its batches are free, its key too, its staging gone, its exceptions void; and the same again gives the same digest.
CALL public.txn(10, '2025-05-01', 'A', 12.34);
CALL public.txn(11, '2025-05-01', 'A', 56.78, currency => 'CY3');
CALL public.txn(12, '2025-05-01', 'NOTHING');
SELECT public.expanded('2025-05-01', 'may') AS may \gset
SELECT digest AS first_digest, length(digest) AS length FROM acct.journal_run WHERE run_id = :may \gset
SELECT acct.run_digest(:may, 'staging') = :'first_digest' AS same, :length AS length;
SELECT acct.discard_run(:may);
SELECT acct.discard_run(:may);
SELECT count(*) AS live_claims FROM acct.journal_run_batch WHERE run_id = :may AND released_at IS NULL;
SELECT count(*) AS exceptions, count(voided_at) AS void FROM acct.je_exception WHERE run_id = :may;
SELECT count(*) AS staging_tables FROM pg_class WHERE relname ~ ('^je_(header|line)_staging_' || :may || '$');
SELECT * FROM acct.expand_journals(:may); :why
SELECT * FROM acct.validate_run(:may); :why
SELECT * FROM acct.post_journals(:may); :why
SELECT acct.create_run('2025-05-01', 'may') AS may2 \gset
SELECT :may2 <> :may AS another_run;
SELECT transactions, journals, exceptions, already_done FROM acct.expand_journals(:may2);
SELECT digest = :'first_digest' AS same FROM acct.journal_run WHERE run_id = :may2;
-- A run that is only created is discarded too.
SELECT acct.create_run('2025-06-01', 'jun') AS jun \gset
SELECT acct.discard_run(:jun);
-- The key may be used with other arguments then.
SELECT acct.create_run('2025-07-01', 'jun') <> :jun AS another_run;

-- Bases: asked for one by one, or some of them
CALL public.txn(20, '2025-08-01', 'A');
CALL public.txn(21, '2025-08-01', 'A');
SELECT public.expanded('2025-08-01', 'aug-p', '{"basis": "PRIMARY"}') AS aug_p \gset
SELECT public.expanded('2025-08-01', 'aug-t', '{"basis": ["TAX"]}') AS aug_t \gset
SELECT public.expanded('2025-08-01', 'aug-all') AS aug_all \gset
SELECT txn_id, basis, template FROM public.outcome(:aug_p);
SELECT txn_id, basis, template FROM public.outcome(:aug_t);
SELECT txn_id, basis, template FROM public.outcome(:aug_all);
SELECT bases, (SELECT count(*) FROM acct.journal_run_batch AS b WHERE b.run_id = r.run_id) AS claims FROM acct.journal_run AS r WHERE r.run_id IN (:aug_p, :aug_t, :aug_all) ORDER BY r.run_id;
-- All bases where one of them is taken: what is left of each batch
CALL public.txn(22, '2025-09-01', 'A');
SELECT acct.create_run('2025-09-01', 'sep-t', '{"basis": ["TAX", "TAX"]}') AS sep_t \gset
CALL public.txn(23, '2025-09-01', 'A');
SELECT acct.create_run('2025-09-01', 'sep') AS sep \gset
SELECT sum(transactions) AS transactions, sum(journals) AS journals FROM acct.expand_journals(:sep_t);
SELECT sum(journals) AS journals FROM acct.expand_journals(:sep);
SELECT txn_id, basis FROM public.outcome(:sep_t);
SELECT txn_id, basis FROM public.outcome(:sep);
SELECT check_name, passed, expected, actual FROM acct.validate_run(:sep) WHERE check_name LIKE 'counts%' OR NOT passed;
SELECT sum(journals) AS journals FROM acct.post_journals(:sep_t);
SELECT sum(journals) AS journals FROM acct.post_journals(:sep);
SELECT acct.discard_run(:aug_t);
SELECT sum(journals) AS journals FROM acct.post_journals(:aug_p);
SELECT public.posted('2025-08-01', 'aug-all-2') AS aug_again \gset
SELECT basis, count(*), count(DISTINCT txn_id) AS transactions FROM acct.ledger_entry_header WHERE txn_month IN ('2025-08-01', '2025-09-01') GROUP BY basis ORDER BY basis;

-- A step that fails leaves nothing behind, and can be done then.
CALL public.txn(30, '2025-10-01', 'A');
SELECT acct.create_run('2025-10-01', 'oct') AS oct \gset
BEGIN;
SELECT sum(journals) AS journals FROM acct.expand_journals(:oct);
SELECT sum(journals) AS journals FROM acct.post_journals(:oct);
SELECT 1 / 0;
ROLLBACK;
SELECT status, journals FROM acct.journal_run WHERE run_id = :oct;
SELECT count(*) AS staging_tables FROM pg_class WHERE relname ~ ('^je_(header|line)_staging_' || :oct || '$');
BEGIN;
SAVEPOINT a;
SELECT sum(journals) AS journals FROM acct.expand_journals(:oct);
ROLLBACK TO a;
SELECT sum(journals) AS journals, bool_or(already_done) AS already_done FROM acct.expand_journals(:oct);
SELECT sum(journals) AS journals FROM acct.post_journals(:oct);
COMMIT;
SELECT count(*) AS journals FROM acct.ledger_entry_header WHERE run_id = :oct;

-- Staging that was changed by hand is not posted.
CALL public.txn(40, '2025-11-01', 'A');
CALL public.txn(41, '2025-11-01', 'A');
SELECT public.expanded('2025-11-01', 'nov') AS nov \gset
BEGIN;
UPDATE acct.je_line_staging SET account_code = '3000' WHERE run_id = :nov AND txn_id = 40 AND line_no = 2;
SELECT check_name FROM acct.validate_run(:nov) WHERE NOT passed ORDER BY 1;
SELECT * FROM acct.post_journals(:nov); :why
ROLLBACK;
BEGIN;
DELETE FROM acct.je_line_staging WHERE run_id = :nov AND txn_id = 40;
SELECT check_name FROM acct.validate_run(:nov) WHERE NOT passed ORDER BY 1;
SELECT * FROM acct.post_journals(:nov); :why
ROLLBACK;
BEGIN;
DELETE FROM acct.je_header_staging WHERE run_id = :nov AND txn_id = 40;
SELECT check_name FROM acct.validate_run(:nov) WHERE NOT passed ORDER BY 1;
SELECT * FROM acct.post_journals(:nov); :why
ROLLBACK;
BEGIN;
UPDATE acct.je_header_staging SET total_debit = 1 WHERE run_id = :nov AND txn_id = 40;
SELECT check_name FROM acct.validate_run(:nov) WHERE NOT passed ORDER BY 1;
SELECT journals FROM acct.post_journals(:nov); :why
ROLLBACK;
BEGIN;
UPDATE acct.je_line_staging SET je_date = '2025-12-01' WHERE run_id = :nov AND txn_id = 40;
SELECT * FROM acct.post_journals(:nov); :why
ROLLBACK;
-- Lines of a transaction's journals in two bases, exchanged: each journal balances, and all columns have the values that they had.
BEGIN;
UPDATE acct.je_line_staging AS l SET je_id = (SELECT h.je_id FROM acct.je_header_staging AS h WHERE h.run_id = :nov AND h.txn_id = 40 AND h.basis <> l.basis)
 WHERE l.run_id = :nov AND l.txn_id = 40;
SELECT journals FROM acct.post_journals(:nov); :why
ROLLBACK;
-- Emptied, as by a crash: it is expanded afresh.
TRUNCATE acct.je_line_staging;
SELECT * FROM acct.validate_run(:nov); :why
SELECT * FROM acct.post_journals(:nov); :why
SELECT sum(journals) AS journals, bool_or(already_done) AS already_done FROM acct.expand_journals(:nov);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:nov);
SELECT sum(journals) AS journals FROM acct.post_journals(:nov);
-- The claims of runs that are not discarded: no batch twice in a basis. What was done is in the log.
SELECT count(*) AS twice FROM (SELECT FROM acct.journal_run_batch WHERE released_at IS NULL GROUP BY batch_id, txn_month, basis HAVING count(*) > 1) AS x;
SELECT step, rows FROM acct.run_log WHERE run_id = :nov AND step <> 'validate' ORDER BY log_id;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

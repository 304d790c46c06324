-- Loading source transactions: batches, what is refused, what is taken and what must not change after
\set topic load
\i test/sql/setup.sql
SELECT partition_name, from_month, to_month FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CREATE TEMP VIEW batches AS
SELECT dense_rank() OVER (ORDER BY s.batch_id) AS batch, count(*) AS rows, sum(s.gross_amount) AS gross,
       bool_and(b.batch_id IS NOT NULL) AS registered
  FROM acct.txn_source_parent AS s LEFT JOIN acct.txn_batch AS b USING (batch_id) GROUP BY s.batch_id;

-- A transaction is a batch, over statements and months.
BEGIN;
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A');
CALL public.txn(3, '2025-02-01', 'A');
COMMIT;
CALL public.txn(4, '2025-01-01', 'A');
SELECT * FROM batches ORDER BY batch;
-- One that fails or is rolled back leaves none.
BEGIN;
CALL public.txn(5, '2025-01-01', 'A');
ROLLBACK;
\set VERBOSITY sqlstate
CALL public.txn(1, '2025-01-01', 'A'); :why
\set VERBOSITY default
SELECT count(*) AS batches FROM acct.txn_batch;
-- ROLLBACK TO takes the batch away with its rows; what follows is another batch.
BEGIN;
SAVEPOINT a;
CALL public.txn(6, '2025-01-01', 'A');
SELECT acct.current_batch() AS first_batch \gset
ROLLBACK TO a;
CALL public.txn(7, '2025-01-01', 'A');
SELECT acct.current_batch() <> :first_batch AS another_batch;
COMMIT;
-- A batch registered before the savepoint stays, and so does one of a released savepoint.
BEGIN;
CALL public.txn(8, '2025-01-01', 'A');
SELECT acct.current_batch() AS first_batch \gset
SAVEPOINT a;
CALL public.txn(9, '2025-01-01', 'A');
ROLLBACK TO a;
CALL public.txn(10, '2025-01-01', 'A');
SELECT acct.current_batch() = :first_batch AS same_batch;
COMMIT;
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
CALL public.txn(11, '2025-01-01', 'A');
SELECT acct.current_batch() AS first_batch \gset
RELEASE b;
RELEASE a;
CALL public.txn(12, '2025-01-01', 'A');
SELECT acct.current_batch() = :first_batch AS same_batch;
COMMIT;
-- Released within a savepoint that is then rolled back.
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
CALL public.txn(13, '2025-01-01', 'A');
SELECT acct.current_batch() AS first_batch \gset
RELEASE b;
ROLLBACK TO a;
CALL public.txn(14, '2025-01-01', 'A');
SELECT acct.current_batch() <> :first_batch AS another_batch;
COMMIT;
-- An exception block in PL/pgSQL is a savepoint too.
DO $$
BEGIN
    BEGIN
        CALL public.txn(15, '2025-01-01', 'A');
        RAISE EXCEPTION 'back';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    CALL public.txn(16, '2025-01-01', 'A');
END
$$;
SELECT * FROM batches ORDER BY batch;
SELECT count(*) AS batches_without_rows FROM acct.txn_batch WHERE batch_id NOT IN (SELECT batch_id FROM acct.txn_source_parent);

-- COPY, with defaults for entity, currency and components; the batch says where it came from.
BEGIN;
SET LOCAL ledger_engine.batch_source = 'core banking';
COPY acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount) FROM stdin (FORMAT csv);
100,2025-01-01,2025-01-31,A,P,C,100.5,100.5
101,2025-01-01,2025-01-31,A,P,C,0,0
102,2025-01-01,2025-02-02,A,P,C,-3.1234,-3.1234
\.
COMMIT;
SELECT txn_id, entity_code, currency, gross_amount, tabarru_amount, ujroh_amount, source, loaded_by = session_user AS by_me
  FROM acct.txn_source_parent JOIN acct.txn_batch USING (batch_id) WHERE txn_id >= 100 ORDER BY txn_id;
-- No batch for COPY that fails.
SELECT count(*) AS batches FROM acct.txn_batch \gset
\set VERBOSITY sqlstate
\set VERBOSITY terse
COPY acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount) FROM stdin (FORMAT csv);
103,2025-01-01,2025-01-31,A,P,C,100.5
\.
\set VERBOSITY sqlstate
SELECT count(*) - :batches AS more_batches FROM acct.txn_batch;

-- What is refused. Gross is the sum of the components.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 100, 99.9999); :why
\set VERBOSITY terse
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 100, 99.9999);
\set VERBOSITY sqlstate
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 'NaN', 'NaN'); :why
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, ujroh_amount) VALUES (200, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 'NaN', 'NaN', 1); :why
-- Infinity and what has more than 16 digits before the point do not fit numeric(20,4).
CALL public.txn(200, '2025-01-01', 'A', 'Infinity'); :why
CALL public.txn(200, '2025-01-01', 'A', '-Infinity'); :why
CALL public.txn(200, '2025-01-01', 'A', 10000000000000000); :why
CALL public.txn(200, '2025-01-01', 'A', 9999999999999999.99995); :why
CALL public.txn(200, '2025-01-01', 'A', NULL); :why
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 100, NULL); :why
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', NULL, 'P', 'C', 1, 1); :why
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (200, '2025-01-01', '2025-01-01', NULL, 'A', 'P', 'C', 1, 1); :why
-- Dates: a month is its first day, has a partition, and no date is infinite.
CALL public.txn(200, '2025-01-02', 'A'); :why
CALL public.txn(200, '2025-03-01', 'A'); :why
CALL public.txn(200, 'infinity', 'A'); :why
CALL public.txn(200, '-infinity', 'A'); :why
CALL public.txn(200, '2025-01-01', 'A', value_date => 'infinity'); :why
CALL public.txn(200, '2025-01-01', 'A', value_date => '-infinity'); :why
SELECT count(*) AS stored FROM acct.txn_source_parent WHERE txn_id = 200;
SELECT count(*) - :batches AS more_batches FROM acct.txn_batch;
-- The largest and the smallest that fit; a policy number and attributes may be NULL, or anything.
CALL public.txn(201, '2025-01-01', 'A', 9999999999999999.9999);
CALL public.txn(202, '2025-01-01', 'A', -9999999999999999.9999, attributes => '{"rate": "0.10"}');
-- One transaction per month and identifier: the same identifier may be in another month.
CALL public.txn(203, '2025-01-01', 'A');
CALL public.txn(203, '2025-02-01', 'A');
CALL public.txn(203, '2025-02-01', 'A'); :why
\set VERBOSITY default
SELECT txn_id, txn_month, gross_amount, attributes FROM acct.txn_source_parent WHERE txn_id > 200 ORDER BY 1, 2;

--
-- Taken batches
--
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT acct.create_run('2025-01-01') AS run \gset
SELECT count(*) AS claims, sum(source_rows) AS rows, sum(source_gross) AS gross FROM acct.journal_run_batch WHERE run_id = :run;
\set VERBOSITY sqlstate
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 1; :why
UPDATE acct.txn_source_2025_01 SET policy_no = 'X' WHERE txn_id = 1; :why
UPDATE acct.txn_source_parent SET batch_id = 0 WHERE txn_id = 4; :why
DELETE FROM acct.txn_source_parent WHERE txn_id = 1; :why
DELETE FROM acct.txn_source_2025_01; :why
MERGE INTO acct.txn_source_parent AS s USING (VALUES (1)) AS v (id) ON s.txn_id = v.id WHEN MATCHED THEN DELETE; :why
INSERT INTO acct.txn_source_parent SELECT * FROM acct.txn_source_parent WHERE txn_id = 1 ON CONFLICT (txn_id, txn_month) DO UPDATE SET policy_no = 'X'; :why
TRUNCATE acct.txn_source_parent; :why
TRUNCATE acct.txn_source_2025_01; :why
TRUNCATE acct.txn_source_2025_02, acct.txn_source_2025_01; :why
-- A month of which nothing was taken can be emptied.
BEGIN;
TRUNCATE acct.txn_source_2025_02;
ROLLBACK;
\set VERBOSITY default
SELECT count(*) AS rows, count(policy_no) AS changed FROM acct.txn_source_parent WHERE txn_month = '2025-01-01';
-- What is not of a taken batch can be changed, but not moved into one.
CALL public.txn(300, '2025-01-01', 'A');
CALL public.txn(301, '2025-01-01', 'A');
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 300;
DELETE FROM acct.txn_source_parent WHERE txn_id = 301;
\set VERBOSITY sqlstate
UPDATE acct.txn_source_parent SET batch_id = (SELECT min(batch_id) FROM acct.journal_run_batch) WHERE txn_id = 300; :why
\set VERBOSITY default
-- A batch that came after the run was made is not in it.
SELECT sum(transactions) AS transactions FROM acct.expand_journals(:run);
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE check_name LIKE 'batches%';

-- A row added to a taken batch is in no run: validate_run says so, and nothing is posted.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 302, '2025-01-01', '2025-01-15', min(batch_id), 'A', 'P', 'C', 5, 5 FROM acct.journal_run_batch;
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE NOT passed AND check_name <> 'source_digest';
\set VERBOSITY sqlstate
SELECT * FROM acct.post_journals(:run); :why
\set VERBOSITY default
SELECT count(*) AS posted FROM acct.ledger_entry_header;
-- Discarding the run frees its batches: they can be changed, and taken anew, with the row that was added.
SELECT acct.discard_run(:run);
UPDATE acct.txn_source_parent SET policy_no = 'Y' WHERE txn_id = 1;
SELECT public.expanded('2025-01-01') AS run \gset
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE check_name LIKE 'batches%';
-- A row of a batch that nobody registered is reported too.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (303, '2025-01-01', '2025-01-15', 987654321, 'A', 'P', 'C', 7, 7);
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE NOT passed AND check_name <> 'source_digest';
\set VERBOSITY sqlstate
SELECT * FROM acct.post_journals(:run); :why
\set VERBOSITY default
DELETE FROM acct.txn_source_parent WHERE txn_id = 303;
SELECT sum(journals) AS journals FROM acct.post_journals(:run);
-- After posting, what was added to a taken batch is reported still.
SELECT count(*) FILTER (WHERE passed) > 0 AS checked, count(*) FILTER (WHERE NOT passed) AS failed FROM acct.validate_run(:run);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 304, '2025-01-01', '2025-01-15', min(batch_id), 'A', 'P', 'C', 0, 0 FROM acct.journal_run_batch WHERE released_at IS NULL;
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE NOT passed AND check_name <> 'source_digest';
-- Rows of February were in batches of January's run: their month was not taken.
SELECT public.expanded('2025-02-01') AS february \gset
SELECT status, transactions FROM acct.journal_run WHERE run_id = :february;
-- Codes have a length that every key can hold.
\set VERBOSITY sqlstate
CALL public.txn(305, '2025-02-01', 'A', product => repeat('p', 101)); :why
\set VERBOSITY default
INSERT INTO acct.entity (entity_code) VALUES (repeat('e', 100));
CALL public.txn(305, '2025-02-01', 'A', product => repeat('p', 100), channel => repeat('c', 100), entity => repeat('e', 100));
SELECT public.posted('2025-02-01') AS run \gset
SELECT DISTINCT octet_length(entity_code) AS entity, octet_length(product_code) AS product, octet_length(channel) AS channel FROM acct.ledger_entry_line WHERE run_id = :run;
SELECT bool_and(passed) AS passed FROM acct.validate_run(:run);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

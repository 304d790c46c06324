-- A batch is one transaction's: who may name it, what keeps it, when it is registered
\set topic batches
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
DROP ROLE IF EXISTS regress_batches_loader;
CREATE ROLE regress_batches_loader;
GRANT USAGE ON SCHEMA acct TO regress_batches_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.txn_source_parent, acct.txn_source_2025_01 TO regress_batches_loader;
GRANT EXECUTE ON FUNCTION acct.current_batch() TO regress_batches_loader;
-- A row of a batch that is named.
CREATE PROCEDURE public.named(id bigint, batch bigint, month date DEFAULT '2025-01-01') LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
    VALUES (id, month, batch, month, 'A', 'P', 'C', 1, 1)
$$;
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A');
SELECT max(batch_id) AS batch FROM acct.txn_batch \gset

--
-- A loader names no batch but its own
--
SET SESSION AUTHORIZATION regress_batches_loader;
CALL public.named(10, :batch);
\set VERBOSITY sqlstate
CALL public.named(10, :batch + 1); :why
CALL public.named(10, 9223372036854775807); :why
CALL public.named(10, 0); :why
CALL public.named(10, NULL); :why
\set VERBOSITY terse
COPY acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) FROM stdin (FORMAT csv);
10,2025-01-01,1,2025-01-01,A,P,C,1,1
\.
\set VERBOSITY sqlstate
INSERT INTO acct.txn_source_2025_01 (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (10, '2025-01-01', 1, '2025-01-01', 'A', 'P', 'C', 1, 1); :why
INSERT INTO acct.txn_source_parent SELECT txn_id + 100, s.txn_month, s.batch_id, s.bank_value_date, s.entity_code, s.txn_type, s.product_code, s.channel, s.policy_no, s.currency, s.gross_amount, s.tabarru_amount FROM acct.txn_source_parent AS s; :why
MERGE INTO acct.txn_source_parent AS s USING (VALUES (10)) AS v (id) ON s.txn_id = v.id
 WHEN NOT MATCHED THEN INSERT (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
      VALUES (v.id, '2025-01-01', 1, '2025-01-01', 'A', 'P', 'C', 1, 1); :why
\set VERBOSITY default
SELECT count(*) AS stored FROM acct.txn_source_parent WHERE txn_id >= 10;
-- Its own it may name, also within savepoints, and after one that was rolled back.
BEGIN;
SELECT acct.current_batch() AS own \gset
SAVEPOINT a;
CALL public.named(10, :own);
ROLLBACK TO a;
CALL public.named(11, :own);
SAVEPOINT b;
CALL public.named(12, acct.current_batch());
RELEASE b;
COMMIT;
\set VERBOSITY sqlstate
CALL public.named(13, :own); :why
\set VERBOSITY default
SELECT txn_id, batch_id = :own AS own FROM acct.txn_source_parent WHERE txn_id >= 10 ORDER BY 1;

--
-- An UPDATE leaves a row in its batch
--
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id IN (1, 11);
UPDATE acct.txn_source_2025_01 SET policy_no = 'Y' WHERE txn_id = 2;
UPDATE acct.txn_source_parent SET txn_month = '2025-02-01', bank_value_date = '2025-02-01' WHERE txn_id = 12;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (1, '2025-01-01', '2025-01-01', 'A', 'P', 'C', 1, 1) ON CONFLICT (txn_id, txn_month) DO UPDATE SET policy_no = 'Z';
UPDATE acct.txn_source_parent SET batch_id = 1 WHERE txn_id = 11;
\set VERBOSITY sqlstate
UPDATE acct.txn_source_parent SET batch_id = acct.current_batch() WHERE txn_id = 11; :why
UPDATE acct.txn_source_parent SET batch_id = batch_id + 1, txn_month = '2025-02-01' WHERE txn_id = 11; :why
MERGE INTO acct.txn_source_parent AS s USING (VALUES (11)) AS v (id) ON s.txn_id = v.id WHEN MATCHED THEN UPDATE SET batch_id = 1; :why
-- Nor does it open the batch to other rows.
BEGIN;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 1;
CALL public.named(14, 1); :why
ROLLBACK;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SELECT s.txn_id, s.txn_month, s.policy_no, s.batch_id = b.batch_id AS same_batch, b.loaded_by = current_user AS by_me
  FROM acct.txn_source_parent AS s LEFT JOIN acct.txn_batch AS b USING (batch_id) ORDER BY 1;
-- A superuser may put a row into any batch.
CALL public.named(15, :batch);
UPDATE acct.txn_source_parent SET batch_id = 987654321 WHERE txn_id = 15;
DELETE FROM acct.txn_source_parent WHERE txn_id = 15;

--
-- A batch is registered with its first row
--
SELECT count(*) AS batches FROM acct.txn_batch \gset
-- Planning asks a STABLE function for its value.
EXPLAIN (COSTS OFF) SELECT FROM acct.txn_source_2025_01 WHERE batch_id = acct.current_batch();
SELECT count(*) AS found FROM acct.txn_source_parent WHERE batch_id = acct.current_batch();
DO $$ BEGIN PERFORM FROM acct.txn_source_parent WHERE batch_id < acct.current_batch(); END $$;
SELECT acct.current_batch() IS NOT NULL AS numbered;
SELECT count(*) - :batches AS more_batches FROM acct.txn_batch;
BEGIN;
EXPLAIN (COSTS OFF) SELECT FROM acct.txn_source_2025_01 WHERE batch_id = acct.current_batch();
SAVEPOINT a;
CALL public.txn(20, '2025-01-01', 'A');
ROLLBACK TO a;
SELECT count(*) - :batches AS more_batches FROM acct.txn_batch;
CALL public.txn(20, '2025-01-01', 'A');
SELECT count(*) - :batches AS more_batches FROM acct.txn_batch;
COMMIT;
SELECT count(*) AS registered FROM acct.txn_source_parent AS s JOIN acct.txn_batch AS b USING (batch_id) WHERE s.txn_id = 20;
-- What cannot load has none.
BEGIN READ ONLY;
SELECT acct.current_batch();
EXPLAIN (COSTS OFF) SELECT FROM acct.txn_source_2025_01 WHERE batch_id = acct.current_batch();
ROLLBACK;
-- COPY still inserts many rows at a time: nothing in a default is volatile.
SELECT provolatile FROM pg_proc WHERE oid = 'acct.current_batch()'::regprocedure;

--
-- A run ends a batch
--
BEGIN;
CALL public.txn(30, '2025-02-01', 'A');
SELECT acct.current_batch() AS first_batch \gset
SELECT acct.create_run('2025-02-01') AS run \gset
CALL public.txn(31, '2025-02-01', 'A');
SELECT acct.current_batch() <> :first_batch AS another_batch;
COMMIT;
SELECT txn_id, batch_id IN (SELECT batch_id FROM acct.journal_run_batch WHERE run_id = :run) AS taken FROM acct.txn_source_parent WHERE txn_month = '2025-02-01' ORDER BY 1;
SELECT detail - 'phases_ms' AS detail FROM acct.run_log WHERE run_id = :run AND step = 'create';
SELECT acct.discard_run(:run);
-- What a run holds, or could hold in a snapshot's future, is not truncated.
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE acct.txn_source_2025_02;
ROLLBACK;
-- READ UNCOMMITTED is READ COMMITTED.
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
TRUNCATE acct.txn_source_2025_02;
ROLLBACK;

--
-- Rows that are stuck: in a batch that a posted run took, or in one that is not registered
--
SELECT public.posted('2025-01-01') AS run \gset
CALL public.named(40, 1);
CALL public.named(41, 987654321);
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed AND check_name <> 'source_digest';
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.txn_source_parent SET batch_id = acct.current_batch() WHERE txn_month = '2025-01-01' AND txn_id IN (40, 41);
COMMIT;
SELECT check_name, expected, actual FROM acct.validate_run(:run) WHERE NOT passed AND check_name <> 'source_digest';
SELECT txn_month, transactions, loaded_by = current_user AS by_me FROM acct.batches_waiting() WHERE txn_month = '2025-01-01';
SELECT journals FROM acct.post_journals(public.expanded('2025-01-01'));

--
-- The CHECK comes back with the extension, and with a month that was archived without it
--
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY') AS closed, acct.archive_partition('txn_source_parent', '2025-01-01') AS archived;
DROP EXTENSION ledger_engine CASCADE;
CREATE EXTENSION ledger_engine;
SELECT acct.install() AS installed \gset
SELECT acct.restore_partition('txn_source_parent', '2025-01-01');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-03-01');
SELECT status FROM acct.health('{guard}');
GRANT SELECT, INSERT, UPDATE, DELETE ON acct.txn_source_parent TO regress_batches_loader;
GRANT EXECUTE ON FUNCTION acct.current_batch() TO regress_batches_loader;
SET SESSION AUTHORIZATION regress_batches_loader;
\set VERBOSITY sqlstate
CALL public.named(50, 1); :why
CALL public.named(50, 1, '2025-03-01'); :why
\set VERBOSITY default
CALL public.txn(50, '2025-03-01', 'A');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS registered FROM acct.txn_source_parent AS s JOIN acct.txn_batch AS b USING (batch_id) WHERE s.txn_id = 50;
-- Until install() has put it back, a batch is registered when it is numbered.
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_own_batch;
SELECT status, detail FROM acct.health('{guard}');
CALL public.txn(51, '2025-03-01', 'A');
SELECT count(*) AS registered FROM acct.txn_source_parent AS s JOIN acct.txn_batch AS b USING (batch_id) WHERE s.txn_id = 51;
SELECT acct.install() AS installed \gset
SELECT status FROM acct.health('{guard}');

-- A row of a batch that is not registered is found, however many loads failed and left a number unused.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-04-01');
CREATE PROCEDURE public.failed_loads(first integer, last integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN first..last LOOP
        BEGIN
            CALL public.txn(60, '2025-04-01', 'A');
            CALL public.txn(60, '2025-04-01', 'A');
        EXCEPTION WHEN unique_violation THEN NULL;
        END;
        COMMIT;
        CALL public.txn(1000 + i, '2025-04-01', 'A');
        COMMIT;
    END LOOP;
END
$$;
CREATE FUNCTION public.gaps() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM (SELECT lead(batch_id) OVER (ORDER BY batch_id) - batch_id AS step FROM acct.txn_batch) AS g WHERE step > 1';
CALL public.failed_loads(1, 10);
SELECT public.gaps() BETWEEN 5 AND 40 AS few, acct._unregistered_rows('2025-04-01') AS unregistered;
CALL public.failed_loads(11, 80);
SELECT public.gaps() > 60 AS many, acct._unregistered_rows('2025-04-01') AS unregistered;
SELECT min(batch_id) AS unused, max(batch_id) + 1000 AS after FROM (SELECT generate_series(min(batch_id), max(batch_id)) AS batch_id FROM acct.txn_batch EXCEPT SELECT batch_id FROM acct.txn_batch) AS g \gset
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_own_batch;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, batch_id)
VALUES (61, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1, :unused), (62, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1, :after), (63, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1, -1);
-- What came in while the CHECK was missing install() has looked for.
SELECT acct.install() AS installed \gset
SELECT acct._unregistered_rows('2025-04-01') AS unregistered;
-- The same in a month that is large.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1 FROM generate_series(10000, 40000) AS n;
SELECT acct._unregistered_rows('2025-04-01') AS unregistered;
DROP OWNED BY regress_batches_loader;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_batches_loader;

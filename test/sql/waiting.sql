-- What waits for a run: batches by month, whatever rows do meanwhile, and rows that no load brought
\set topic waiting
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(30, '2022-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT setval(pg_get_serial_sequence('acct.txn_batch', 'batch_id'), 1000);
CREATE VIEW public.waiting AS SELECT * FROM acct.batch_waiting ORDER BY txn_month, batch_id, basis;
-- A row of a batch that is named, as a superuser may store it.
CREATE PROCEDURE public.named(id bigint, batch bigint, month date) LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
    VALUES (id, month, batch, month, 'A', 'P', 'C', 1, 1)
$$;
-- A run of a month in the first basis: the batches that it took.
CREATE FUNCTION public.take(month date, basis text DEFAULT 'PRIMARY', key text DEFAULT NULL) RETURNS TABLE (batch_id bigint, source_rows bigint)
LANGUAGE plpgsql AS $$
DECLARE
    id bigint := acct.create_run(month, key, jsonb_build_object('basis', basis));
BEGIN
    RETURN QUERY SELECT b.batch_id, b.source_rows FROM acct.journal_run_batch AS b WHERE b.run_id = id ORDER BY 1;
END
$$;

--
-- A load waits in each of its months, with its first row there
--
BEGIN;
CALL public.txn(1, '2022-01-01', 'A');
CALL public.txn(2, '2022-02-01', 'A');
CALL public.txn(3, '2022-01-01', 'A');
SAVEPOINT a;
CALL public.txn(4, '2022-03-01', 'A');
SAVEPOINT b;
CALL public.txn(5, '2022-04-01', 'A');
RELEASE b;
ROLLBACK TO a;
CALL public.txn(6, '2022-04-01', 'A');
SAVEPOINT c;
CALL public.txn(7, '2022-05-01', 'A');
RELEASE c;
CALL public.txn(8, '2022-05-01', 'A');
COMMIT;
SELECT * FROM public.waiting;
SELECT batch_id, txn_month, transactions FROM acct.batches_waiting();
-- Also where the batch itself was rolled back with its first months; in more months than one thinks of; by COPY
BEGIN;
SAVEPOINT a;
CALL public.txn(11, '2022-01-01', 'A');
CALL public.txn(12, '2022-02-01', 'A');
ROLLBACK TO a;
CALL public.txn(11, '2022-02-01', 'A');
CALL public.txn(12, '2022-01-01', 'A');
COMMIT;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 100 + n, m, m, 'A', 'P', 'C', 1, 1 FROM generate_series(0, 59) AS n, date('2022-01-01'::date + make_interval(months => n % 30)) AS m;
COPY acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) FROM stdin (FORMAT csv);
21,2022-01-01,2022-01-15,A,P,C,1,1
22,2022-02-01,2022-01-15,A,P,C,1,1
23,2022-01-01,2022-01-15,A,P,C,1,1
\.
SELECT batch_id, count(*) AS months FROM public.waiting WHERE batch_id > 1001 GROUP BY batch_id ORDER BY batch_id;
-- What was refused waits for nothing.
CALL public.txn(24, '2031-01-01', 'A');
SELECT count(*) - (SELECT count(DISTINCT (batch_id, txn_month)) FROM acct.txn_source_parent) AS more_than_loaded FROM acct.batch_waiting;

--
-- A run takes what waits for its bases
--
SELECT acct.create_run('2022-01-01') AS run \gset
SELECT batch_id, source_rows, source_gross FROM acct.journal_run_batch WHERE run_id = :run ORDER BY 1;
SELECT count(*) FROM public.waiting WHERE txn_month = '2022-01-01';
SELECT acct.discard_run(:run);
SELECT * FROM public.waiting WHERE txn_month = '2022-01-01';
INSERT INTO acct.accounting_basis (basis, description) VALUES ('SECOND', 'Second'), ('THIRD', 'Third');
SELECT batch_id, string_agg(basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month = '2022-01-01' GROUP BY 1 ORDER BY 1;
SELECT acct.create_run('2022-01-01', options => '{"basis": ["SECOND"]}') AS second \gset
SELECT batch_id, string_agg(basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month = '2022-01-01' GROUP BY 1 ORDER BY 1;
SELECT acct.create_run('2022-02-01', options => '{"basis": ["PRIMARY"]}') AS run \gset
SELECT batch_id, string_agg(basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month = '2022-02-01' GROUP BY 1 ORDER BY 1;
SELECT acct.create_run('2022-02-01') AS rest \gset
SELECT basis, count(*) AS batches, sum(source_rows) AS rows FROM acct.journal_run_batch WHERE run_id IN (:run, :rest) GROUP BY basis ORDER BY basis;
SELECT count(*) FROM public.waiting WHERE txn_month = '2022-02-01';
SELECT acct.discard_run(:run), acct.discard_run(:second);
SELECT txn_month, count(DISTINCT batch_id) AS batches, string_agg(DISTINCT basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month <= '2022-02-01' GROUP BY txn_month ORDER BY txn_month;
SELECT acct.discard_run(:rest);

--
-- Rows move, and go
--
CALL public.txn(31, '2022-06-01', 'A');
UPDATE acct.txn_source_parent SET txn_month = '2022-07-01' WHERE txn_id = 31;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 31;
SELECT max(batch_id) AS moved FROM acct.txn_batch \gset
SELECT txn_month FROM public.waiting WHERE batch_id = :moved;
SELECT txn_month, transactions FROM acct.batches_waiting() WHERE batch_id = :moved;
SELECT source_rows FROM public.take('2022-07-01') WHERE batch_id = :moved;
SELECT count(*) FROM public.waiting WHERE txn_month = '2022-07-01' AND basis <> 'SECOND' AND basis <> 'THIRD';
-- Where the transaction moves what it has just loaded
BEGIN;
CALL public.txn(32, '2022-08-01', 'A');
UPDATE acct.txn_source_parent SET txn_month = '2022-09-01' WHERE txn_id = 32;
COMMIT;
SELECT txn_month FROM public.waiting WHERE batch_id = (SELECT max(batch_id) FROM acct.txn_batch);
-- A batch without rows is taken by the next run and waits no more.
CALL public.txn(33, '2024-02-01', 'A');
SELECT acct.delete_batch(max(batch_id)) AS deleted FROM acct.txn_batch;
CALL public.txn(34, '2024-03-01', 'A');
TRUNCATE acct.txn_source_2024_03;
SELECT count(*) > 0 AS waits FROM public.waiting WHERE txn_month IN ('2024-02-01', '2024-03-01');
SELECT txn_month, transactions FROM acct.batches_waiting() WHERE txn_month IN ('2024-02-01', '2024-03-01');
SELECT observed FROM acct.health('{batches_waiting}') WHERE observed > 1;
SET client_min_messages = notice;
SELECT step, rows FROM acct.run_month('2024-03-01');
SET client_min_messages = warning;
SELECT acct._has_untaken_rows('2024-03-01', '{PRIMARY}') AS march, acct._has_untaken_rows('2024-02-01', '{PRIMARY}') AS february;
SELECT sum(source_rows) AS rows FROM public.take('2024-02-01');
SELECT txn_month, count(*) FROM public.waiting WHERE txn_month IN ('2024-02-01', '2024-03-01') GROUP BY 1;

--
-- Rows that no load brought
--
SELECT bool_and(acct._is_source_known(m::date)) AS known FROM generate_series('2022-01-01'::date, '2024-07-01', '1 month') AS m;
-- Of a batch that is registered, and of one that was taken for some bases
CALL public.named(41, 1001, '2023-01-01');
SELECT acct._is_source_known('2023-01-01') AS known;
SELECT batch_id, transactions FROM acct.batches_waiting() WHERE txn_month = '2023-01-01' ORDER BY 1;
SELECT acct._has_untaken_rows('2023-01-01', '{PRIMARY}');
SELECT acct.create_run('2023-01-01', options => '{"basis": "THIRD"}') AS run \gset
SELECT batch_id, source_rows FROM acct.journal_run_batch WHERE run_id = :run ORDER BY 1;
SELECT batch_id, string_agg(basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month = '2023-01-01' GROUP BY 1 ORDER BY 1;
SELECT acct._is_source_known('2023-01-01') AS known;
SELECT acct.discard_run(:run);
-- Of one that is not: no run takes it, its checks say so, and the month stays unknown until it is.
CALL public.named(42, 5001, '2023-02-01');
SELECT public.expanded('2023-02-01') AS run \gset
SELECT check_name, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT acct._is_source_known('2023-02-01') AS known;
INSERT INTO acct.txn_batch (batch_id) VALUES (5001);
SELECT check_name, actual FROM acct.validate_run(:run) WHERE NOT passed;
SELECT batch_id, transactions FROM acct.batches_waiting() WHERE txn_month = '2023-02-01';
SELECT * FROM public.take('2023-02-01');
SELECT acct._is_source_known('2023-02-01') AS known;
-- A batch that is deleted leaves its rows without one.
DELETE FROM acct.txn_batch WHERE batch_id = 5001;
SELECT check_name, actual FROM acct.validate_run(:run) WHERE NOT passed;
INSERT INTO acct.txn_batch (batch_id) VALUES (5001);
-- A table that takes the place of a month's
CREATE TABLE public.other (LIKE acct.txn_source_2023_03 INCLUDING ALL);
INSERT INTO acct.txn_batch (batch_id) VALUES (5002);
INSERT INTO public.other SELECT (jsonb_populate_record(s, '{"txn_id": 43, "batch_id": 5002}')).* FROM acct.txn_source_2023_03 AS s LIMIT 1;
DELETE FROM acct.source_check;
SELECT acct._is_source_known('2023-03-01') AS known;
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2023_03;
ALTER TABLE acct.txn_source_2023_03 SET SCHEMA public;
ALTER TABLE public.other RENAME TO txn_source_2023_03_other;
ALTER TABLE public.txn_source_2023_03_other SET SCHEMA acct;
ALTER TABLE acct.txn_source_2023_03_other RENAME TO txn_source_2023_03;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2023_03 FOR VALUES FROM ('2023-03-01') TO ('2023-04-01');
DELETE FROM acct.source_check;
COMMIT;
SELECT acct._is_source_known('2023-03-01') AS known;
SELECT acct.install() IS NOT NULL AS installed;
SELECT * FROM public.take('2023-03-01');
SELECT acct._is_source_known('2023-03-01') AS known;
-- What came while the CHECK was missing
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_own_batch;
CALL public.txn(44, '2023-05-01', 'A');
SELECT acct.install() AS installed \gset
SELECT acct._is_source_known('2023-05-01') AS known;
SELECT sum(source_rows) AS rows FROM public.take('2023-05-01');
SELECT acct._is_source_known('2023-05-01') AS known;

-- What was deleted by hand health() finds, and a note brings it back.
SELECT count(*) AS batches FROM public.take('2024-02-01');
CALL public.txn(45, '2024-02-01', 'A');
DELETE FROM acct.batch_waiting WHERE txn_month = '2024-02-01' AND batch_id = (SELECT batch_id FROM acct.txn_source_parent WHERE txn_id = 45);
SELECT status, regexp_replace(detail, 'batch \d+', 'batch N') AS detail FROM acct.health('{source_rows}');
INSERT INTO acct.source_check (txn_month) VALUES ('2024-02-01');
SELECT status FROM acct.health('{source_rows}');
SELECT sum(source_rows) AS rows FROM public.take('2024-02-01');
SELECT status FROM acct.health('{source_rows}');

--
-- However many there were: a run reads neither the batches, nor the claims, nor the source of its month
--
INSERT INTO acct.txn_batch (batch_id) SELECT generate_series(100001, 120000);
INSERT INTO acct.journal_run (run_id, txn_month, bases, status) SELECT n, '2023-06-01', '{PRIMARY,SECOND,THIRD}', 'discarded' FROM generate_series(100001, 120000) AS n;
INSERT INTO acct.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross, released_at)
SELECT n, n, '2023-06-01', b, 1, 1, now() FROM generate_series(100001, 120000) AS n, unnest('{PRIMARY,SECOND,THIRD}'::text[]) AS b;
SELECT setval(pg_get_serial_sequence('acct.txn_batch', 'batch_id'), 200000), setval(pg_get_serial_sequence('acct.journal_run', 'run_id'), 200000);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 1000000 + n, '2023-06-01', '2023-06-01', 'A', 'P', 'C', 1, 1 FROM generate_series(1, 60000) AS n;
SELECT step, rows FROM acct.run_month('2023-06-01');
ANALYZE acct.txn_batch, acct.journal_run, acct.journal_run_batch, acct.txn_source_2023_06;
CREATE VIEW public.reads AS
SELECT s.relname, s.seq_scan, s.seq_tup_read + coalesce(s.idx_tup_fetch, 0) AS rows_read FROM pg_stat_user_tables AS s
 WHERE s.relname IN ('txn_batch', 'journal_run', 'journal_run_batch', 'txn_source_2023_06', 'batch_waiting');
CALL public.txn(50, '2023-06-01', 'A');
\c
SELECT pg_stat_force_next_flush();
CREATE TABLE public.before AS SELECT * FROM public.reads;
SELECT step, rows FROM acct.run_month('2023-06-01');
SELECT pg_stat_force_next_flush();
SELECT r.relname, r.seq_scan - b.seq_scan AS seq_scans, r.rows_read - b.rows_read < 60000 AS few_rows_read FROM public.reads AS r JOIN public.before AS b USING (relname) ORDER BY 1;

--
-- What is archived waits where it was, what is dropped no more
--
CALL public.txn(51, '2022-10-01', 'A');
DELETE FROM acct.accounting_basis WHERE basis IN ('SECOND', 'THIRD') AND NOT EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.basis = accounting_basis.basis);
SELECT journals FROM acct.post_journals(public.expanded('2022-10-01', NULL, '{"basis": "PRIMARY"}'));
SELECT count(DISTINCT batch_id) AS batches, string_agg(DISTINCT basis, ',' ORDER BY basis) AS bases FROM public.waiting WHERE txn_month = '2022-10-01';
UPDATE acct.accounting_basis SET every_transaction = false WHERE basis <> 'PRIMARY';
SELECT acct.archive_partition('txn_source_parent', '2022-10-01');
SELECT acct.create_run('2022-10-01');
SELECT acct.restore_partition('txn_source_parent', '2022-10-01');
SELECT acct._is_source_known('2022-10-01') AS known;
SELECT sum(source_rows) AS rows FROM public.take('2022-10-01', 'SECOND', 'october');
SELECT acct.discard_run('october'), acct.archive_partition('txn_source_parent', '2022-10-01');
BEGIN;
SELECT acct._drop_archived(max(archive_id)) FROM acct.archived_partition;
SELECT count(*) FROM public.waiting WHERE txn_month = '2022-10-01';
SELECT count(*) FROM acct.source_month WHERE txn_month = '2022-10-01';
-- Nor does a new basis wait for it.
INSERT INTO acct.accounting_basis (basis, description) VALUES ('FOURTH', 'Fourth');
SELECT count(*) FROM public.waiting WHERE txn_month = '2022-10-01';
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

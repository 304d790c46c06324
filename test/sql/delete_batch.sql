-- On one path: nothing here depends on it.
-- A load is taken back: by whom, and when not
\set topic delete_batch
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CREATE ROLE regress_loader_1;
CREATE ROLE regress_loader_2;
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
GRANT acct_loader TO regress_loader_1, regress_loader_2;
CREATE FUNCTION public.load(from_id integer, to_id integer, month date) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
    SELECT n, month, month, 'A', 'P', 'C', n, n FROM generate_series(from_id, to_id) AS n;
    SELECT acct.current_batch()
$$;
GRANT USAGE ON SCHEMA public TO PUBLIC;
SET SESSION AUTHORIZATION regress_loader_1;
BEGIN;
SELECT public.load(1, 3, '2025-01-01') AS first \gset
SELECT public.load(4, 5, '2025-02-01') AS first \gset
COMMIT;
SELECT public.load(11, 13, '2025-01-01') AS second \gset
-- Some of a batch, and nothing
SELECT acct.delete_batch(:first, '{2,4,12,999}') AS deleted;
SELECT acct.delete_batch(:first, '{}') AS deleted;
SELECT acct.delete_batch(:first, '{NULL}') AS deleted;
SELECT txn_id, txn_month FROM acct.txn_source_parent ORDER BY 1;
-- All of it, in each month; again
SELECT acct.delete_batch(:first) AS deleted;
SELECT acct.delete_batch(:first) AS deleted;
SELECT txn_id FROM acct.txn_source_parent ORDER BY 1;
-- A corrected file, in one transaction
BEGIN;
SELECT acct.delete_batch(:second) AS deleted;
SELECT public.load(11, 14, '2025-01-01') AS third \gset
COMMIT;
SELECT count(*) AS rows FROM acct.txn_source_parent WHERE batch_id = :third;
-- Not what another one loaded, nor what there is not
SET SESSION AUTHORIZATION regress_loader_2;
SELECT acct.delete_batch(:third);
SELECT acct.delete_batch(987654321);
SELECT acct.delete_batch(NULL);
SELECT public.load(21, 22, '2025-01-01') AS fourth \gset
RESET SESSION AUTHORIZATION;
SELECT acct.delete_batch(:fourth, '{21}') AS deleted;
-- Not what a run holds, in any month; once it is discarded, yes
SELECT acct.create_run('2025-01-01', 'jan') AS jan \gset
SET SESSION AUTHORIZATION regress_loader_1;
SELECT acct.delete_batch(:third);
SELECT acct.delete_batch(:third, '{14}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.delete_batch(:third);
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT acct.discard_run(:jan);
SET SESSION AUTHORIZATION regress_loader_1;
SELECT acct.delete_batch(:third) AS deleted;
RESET SESSION AUTHORIZATION;
SELECT txn_id FROM acct.txn_source_parent ORDER BY 1;
-- Who did it
SELECT rows, detail ->> 'deleted_by' = session_user AS by_me, detail ->> 'deleted_by' LIKE 'regress%' AS by_loader FROM acct.run_log WHERE step = 'delete_batch' ORDER BY log_id;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_loader_1, regress_loader_2, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

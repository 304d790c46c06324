-- On one path: it takes each by itself.
-- Large runs: partitions of their own in the order of accounts, by every path the same lines
\set topic run_partitions
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 3000 F1 :gross_amount,CR 4000 F1 :gross_amount * 0.3,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, ujroh_amount)
SELECT n, '2025-01-01', date '2025-01-01' + (n % 35)::integer, CASE n % 7 WHEN 0 THEN 'NONE' WHEN 1 THEN 'B' WHEN 3 THEN 'B' ELSE 'A' END,
       'P' || n % 3, 'C' || n % 2, CASE WHEN n % 500 = 0 THEN repeat('x', 1000) END, n * 1.01, n * 1.01
  FROM generate_series(1, 12000) AS n;
-- A session that has not called the module before
\c -
\set VERBOSITY terse
SET min_parallel_table_scan_size = 0;
SET ledger_engine.run_partition_min_transactions = 12001;
SELECT acct.create_run('2025-01-01') AS run \gset
SELECT transactions, journals, lines, exceptions, debit FROM acct.expand_journals(:run);
SELECT digest AS small, je_range FROM acct.journal_run WHERE run_id = :run \gset
SELECT acct.discard_run(:run);
-- The same lines by every path: digest, and posted or not, and where
CREATE FUNCTION public.by_path(settings text, tamper text DEFAULT NULL, probe text DEFAULT NULL) RETURNS TABLE (same boolean, posted text, valid boolean, lines bigint, in_run_partitions boolean, probed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    run bigint;
BEGIN
    BEGIN
        PERFORM set_config(split_part(s, '=', 1), split_part(s, '=', 2), true) FROM unnest(string_to_array(settings, ' ')) AS s;
        run := acct.create_run('2025-01-01');
        PERFORM FROM acct.expand_journals(run);
        same := acct.run_digest(run, 'staging') = (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_id = run)
                AND (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_id = run) = (SELECT r.digest FROM acct.journal_run AS r ORDER BY r.run_id LIMIT 1);
        IF tamper IS NOT NULL THEN
            EXECUTE replace(tamper, '@', run::text);
        END IF;
        BEGIN
            PERFORM FROM acct.post_journals(run);
            posted := 'posted';
            valid := (SELECT bool_and(v.passed) FROM acct.validate_run(run) AS v) AND acct.update_balance_snapshot() = 0;
        EXCEPTION WHEN OTHERS THEN
            posted := format('%s: %s', SQLSTATE, regexp_replace(SQLERRM, '(run |_)' || run, '\1N', 'g'));
        END;
        SELECT count(*), bool_or(l.tableoid::regclass::text ~ '_run_') INTO lines, in_run_partitions FROM acct.ledger_entry_line AS l;
        IF probe IS NOT NULL THEN
            EXECUTE probe INTO probed;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        RETURN NEXT;
    END;
END
$$;
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=-1 ledger_engine.max_workers=0 ledger_engine.direct_write=off ledger_engine.bulk_index=off');
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=-1');
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=12000 ledger_engine.max_workers=0');
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=12000 ledger_engine.max_workers=3');
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=0 ledger_engine.direct_write=off');
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=0 ledger_engine.bulk_index=off');
-- Processes share the range of identifiers by the chunk: as many as there are journals, not one part for each process.
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=0 ledger_engine.max_workers=3', NULL,
    'SELECT (max(je_id) - min(je_id)) / 100000 FROM acct.ledger_entry_line WHERE je_id >= 1::bigint << 42');
-- Rows whose values go to TOAST, which workers cannot write.
BEGIN;
SELECT acct.add_dimension('note', 'text');
UPDATE acct.txn_source_parent SET note = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) AS i) WHERE txn_id % 500 = 0;
SELECT * FROM public.by_path('ledger_engine.run_partition_min_transactions=0 ledger_engine.max_workers=3', NULL,
    'SELECT count(*) FROM acct.ledger_entry_header WHERE length(note) = 9600');
ROLLBACK;
-- What workers read is charged to the query: each page of staging at least.
CREATE FUNCTION public.pages_read(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || query INTO plan;
    RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END
$$;
BEGIN;
SET LOCAL ledger_engine.run_partition_min_transactions = 0;
SET LOCAL ledger_engine.max_workers = 3;
SELECT acct.create_run('2025-01-01') AS run \gset
SELECT count(*) FROM acct.expand_journals(:run);
SELECT public.pages_read(format('SELECT * FROM acct._digest_table(%L)', 'acct.je_line_staging_' || :run))
       >= pg_relation_size('acct.je_line_staging_' || :run) / current_setting('block_size')::integer AS all_pages;
ROLLBACK;
-- Each process reads its stretches of the source and no more, whatever the session has the planner do.
SET ledger_engine.run_partition_min_transactions = 0;
SET ledger_engine.max_workers = 3;
SET enable_tidscan = off;
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_numscans('acct.txn_source_2025_01'::regclass) AS scans \gset
SELECT acct.create_run('2025-01-01') AS run \gset
SELECT count(*) FROM acct.expand_journals(:run);
SELECT acct.discard_run(:run);
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_numscans('acct.txn_source_2025_01'::regclass) - :scans <= 3 AS no_more;
RESET enable_tidscan;
-- Staging that a superuser touched: nothing changed is posted, a change is not.
SET ledger_engine.run_partition_min_transactions = 0;
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'UPDATE acct.je_line_staging_@ SET debit = debit WHERE txn_id % 3 = 0');
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'UPDATE acct.je_line_staging_@ SET debit = debit + 1 WHERE txn_id = 5 AND debit > 0');
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'UPDATE acct.je_line_staging_@ SET account_code = ''1000'' WHERE txn_id = 8');
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'DELETE FROM acct.je_line_staging_@ WHERE txn_id = 5');
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'DELETE FROM acct.je_header_staging_@ WHERE txn_id = 5');
-- Identifiers that are not the run's would lie outside of the partition.
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'UPDATE acct.je_line_staging_@ SET je_id = je_id + (1::bigint << 32) WHERE txn_id % 100 = 9');
SELECT * FROM public.by_path('ledger_engine.max_workers=0', 'UPDATE acct.je_header_staging_@ SET je_id = je_id + (1::bigint << 32) WHERE txn_id = 11999');
-- Rows older than a column carry its value.
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'ALTER TABLE acct.je_line_staging ADD COLUMN region integer DEFAULT 7; ALTER TABLE acct.ledger_entry_line ADD COLUMN region integer',
    'SELECT count(*) FROM acct.ledger_entry_line WHERE region = 7');
-- Constraints of the site that run queries are tested by the leader alone.
CREATE FUNCTION public.basis_known(b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM acct.accounting_basis AS x WHERE x.basis = b); END $$;
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'ALTER TABLE acct.ledger_entry_header ADD CHECK (public.basis_known(basis))');
SELECT * FROM public.by_path('ledger_engine.max_workers=2', 'ALTER TABLE acct.je_exception ADD CHECK (public.basis_known(basis))');
-- Posted for good by one process: the partition, its bounds, and the order of its rows
SET ledger_engine.max_workers = 0;
SET ledger_engine.direct_write = on; -- these two put rows in order
SET ledger_engine.bulk_index = on;
SELECT acct.create_run('2025-01-01') AS run \gset
SELECT count(*) FROM acct.expand_journals(:run);
SELECT ledger_partition, journals, lines FROM acct.post_journals(:run);
SELECT regexp_replace(l.tableoid::regclass::text, '_run_\d+$', '_run_N') AS partition, count(*) AS lines, min(l.je_id) >= 1::bigint << 42 AS in_range
  FROM acct.ledger_entry_line AS l GROUP BY 1 ORDER BY 1;
SELECT count(*) AS out_of_order
  FROM (SELECT l.account_code, l.fund, lag(l.account_code) OVER w AS account_before, lag(l.fund) OVER w AS fund_before
          FROM acct.ledger_entry_line AS l WHERE l.tableoid::regclass::text ~ '2025_01_run_' WINDOW w AS (ORDER BY l.ctid)) AS x
 WHERE (x.account_before, x.fund_before) > (x.account_code, x.fund);
-- Pages that staging has without lines stay behind; at most three are at the end.
SELECT l.tableoid AS partition, count(DISTINCT (l.ctid::text::point)[0]) AS filled FROM acct.ledger_entry_line AS l WHERE l.tableoid::regclass::text ~ '2025_01_run_' GROUP BY 1 \gset
SELECT pg_relation_size('acct.je_line_staging_' || :run) / current_setting('block_size')::integer - :filled > 3 AS staging_has_more,
       pg_relation_size(:partition::regclass) / current_setting('block_size')::integer - :filled BETWEEN 0 AND 3 AS ledger_has_not;
SELECT count(*) AS unlike FROM acct.ledger_entry_line AS l
 WHERE NOT EXISTS (SELECT FROM acct.ledger_entry_header AS h WHERE h.je_id = l.je_id AND h.je_date = l.je_date AND h.txn_id = l.txn_id);
SET ledger_engine.max_workers = 2;
-- A second large run of the month has another partition and other identifiers.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
SELECT n, '2025-01-01', '2025-01-15', 'A', 'P1', 'C1', n, n FROM generate_series(20001, 20100) AS n;
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step <> 'validate';
SELECT count(DISTINCT l.tableoid) AS partitions, count(DISTINCT l.je_id) AS journals, count(*) AS lines FROM acct.ledger_entry_line AS l WHERE l.tableoid::regclass::text ~ '2025_01_run_';
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted';
-- To its end it keeps planners out of the month whose partitions became more, also where a few journals lie in another one.
BEGIN;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
SELECT n, '2025-01-01', CASE n WHEN 25001 THEN date '2025-02-01' ELSE date '2025-01-15' END, 'A', 'P1', 'C1', n, n FROM generate_series(25001, 25100) AS n;
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step = 'post';
SELECT l.relation::regclass, l.mode FROM pg_locks AS l
 WHERE l.pid = pg_backend_pid() AND l.mode = 'AccessExclusiveLock'
   AND l.relation IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = 'acct.ledger_entry_line'::regclass) ORDER BY 1;
ROLLBACK;
-- A month of an older layout is one table, and is posted to row by row.
CREATE TABLE acct.ledger_entry_line_2025_03 (LIKE acct.ledger_entry_line INCLUDING ALL);
SELECT acct._protect('acct.ledger_entry_line_2025_03');
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_03 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
SELECT acct._make_header_partition('2025-03-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
SELECT n, '2025-01-01', '2025-03-15', 'A', 'P1', 'C1', n, n FROM generate_series(30001, 31500) AS n;
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step <> 'validate';
SELECT count(*) AS lines FROM acct.ledger_entry_line_2025_03;
-- A batch that is not registered is found, whatever its number.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, ujroh_amount)
VALUES (40001, '2025-01-01', '2025-01-15', 9223372036854775807, 'A', 'P1', 'C1', 1, 1), (40002, '2025-01-01', '2025-01-15', -9223372036854775808, 'A', 'P1', 'C1', 1, 1);
SELECT acct._unregistered_rows('2025-01-01') AS unregistered;

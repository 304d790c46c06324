-- While a partition of the ledger is detached nothing is computed from what is left; entries that a crash took are seen
\set topic detached
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100);
SELECT public.posted('2025-01-01') AS jan \gset
CALL public.txn(2, '2025-02-01', 'A', 20);
SELECT public.posted('2025-02-01') AS feb \gset
SET ledger_engine.run_partition_min_transactions = 0;
CALL public.txn(3, '2025-02-01', 'A', 3);
SELECT public.posted('2025-02-01') AS large \gset
SET ledger_engine.run_partition_min_transactions = -1;
CREATE TABLE public.was AS TABLE acct.account_balance_snapshot;
CREATE FUNCTION public.tried() RETURNS TABLE (what text, outcome text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT s.what, public.answer(s.statement) FROM (VALUES
        (1, 'recompute', 'SELECT acct.update_balance_snapshot()'),
        (2, 'recompute from March', 'SELECT acct.update_balance_snapshot(''2025-03-01'')'),
        (3, 'check all', 'SELECT count(*) FROM acct.check_balance_snapshot()'),
        (4, 'check January', 'SELECT count(*) FROM acct.check_balance_snapshot(''2025-01-01'')'),
        (5, 'check February', 'SELECT count(*) FROM acct.check_balance_snapshot(''2025-02-01'')'),
        (6, 'balances', 'SELECT count(*) || '' differ'' FROM ((TABLE public.was EXCEPT TABLE acct.account_balance_snapshot) UNION ALL (TABLE acct.account_balance_snapshot EXCEPT TABLE public.was)) AS d')) AS s (n, what, statement)
    ORDER BY s.n;
    RETURN QUERY
    SELECT h.check_name, concat_ws(': ', h.status, regexp_replace(h.detail, '_run_\d+', '_run_N'), h.hint) FROM acct.health('{partitions_attached,snapshot}') AS h;
    RETURN QUERY
    SELECT format('post in month %s', m), public.answer(format('SELECT public.txn_and_post(%s, %L)', 100 + m, make_date(2025, m, 1))) FROM generate_series(1, 3) AS m ORDER BY 1;
END
$$;
-- Posts a transaction to see whether it can be, and takes that back.
CREATE FUNCTION public.txn_and_post(id bigint, month date) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount) VALUES (id, month, month + 14, 'A', 'P', 'C', 1, 1);
    PERFORM public.posted(month);
    RAISE EXCEPTION USING ERRCODE = 'XXDON';
EXCEPTION WHEN SQLSTATE 'XXDON' THEN
    RETURN 'posted';
END
$$;
SELECT * FROM public.tried();
-- A month's lines, its journals, the lines of small runs, those of a large one
BEGIN;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
SELECT * FROM public.tried();
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT * FROM public.tried();
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
SELECT * FROM public.tried();
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_02 DETACH PARTITION acct.ledger_entry_line_2025_02_rest;
SELECT * FROM public.tried();
ROLLBACK;
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_02 DETACH PARTITION acct.ledger_entry_line_2025_02_run_%s', :large) AS detach \gset
BEGIN;
:detach;
SELECT * FROM public.tried();
ROLLBACK;
-- Being detached, as DETACH CONCURRENTLY that was interrupted leaves it
BEGIN;
SET LOCAL allow_system_table_mods = on;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'acct.ledger_entry_line_2025_01'::regclass;
SELECT * FROM public.tried() WHERE what <> 'check all';
ROLLBACK;
-- A table with entries is missed wherever it is: moved, renamed, below another table. Its rows say which month it is.
BEGIN;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
CREATE SCHEMA old;
ALTER TABLE acct.ledger_entry_line_2025_01 SET SCHEMA old;
SELECT * FROM public.tried();
ALTER TABLE old.ledger_entry_line_2025_01 RENAME TO lines;
SELECT * FROM public.tried();
CREATE TABLE public.other (LIKE old.lines) PARTITION BY RANGE (je_date);
ALTER TABLE public.other ATTACH PARTITION old.lines FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT * FROM public.tried() WHERE what IN ('recompute', 'partitions_attached');
ROLLBACK;
BEGIN;
:detach;
CREATE SCHEMA old;
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_02_run_%s SET SCHEMA old', :large) AS statement \gexec
SELECT * FROM public.tried();
ROLLBACK;
-- A source month is less, and one without entries; an archived month is where it belongs, unless a part of it was detached there.
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_03;
SELECT what, outcome FROM public.tried() WHERE what IN ('recompute', 'partitions_attached', 'snapshot');
ROLLBACK;
BEGIN;
SELECT public.close_period('2025-02-01', 'MAIN', 'PRIMARY'), acct.archive_partition('ledger_entry', '2025-02-01');
SELECT what, outcome FROM public.tried() WHERE what <> 'balances';
SELECT format('ALTER TABLE acct_archive.ledger_entry_line_2025_02 DETACH PARTITION acct_archive.ledger_entry_line_2025_02_run_%s', :large) AS statement \gexec
SELECT what, outcome FROM public.tried() WHERE what IN ('recompute', 'partitions_attached', 'snapshot');
SELECT public.answer('SELECT acct.restore_partition(''ledger_entry'', ''2025-02-01'')') AS restored;
ROLLBACK;

-- Unlogged, and emptied by a crash: neither is computed from.
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_line_2025_01_rest SET UNLOGGED;
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_02_run_%s SET UNLOGGED', :large) AS statement \gexec
ALTER TABLE acct.txn_source_2025_01 SET UNLOGGED;
ALTER TABLE acct.journal_number SET UNLOGGED;
SELECT status, observed, regexp_replace(detail, '_run_\d', '_run_N') AS detail FROM acct.health('{guard}');
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_01_rest DISABLE TRIGGER ledger_immutable;
TRUNCATE acct.ledger_entry_line_2025_01_rest;
SELECT what, outcome FROM public.tried() WHERE what !~ 'post';
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_header_2025_02 DISABLE TRIGGER ledger_immutable;
TRUNCATE acct.ledger_entry_header_2025_02;
SELECT what, outcome FROM public.tried() WHERE what = 'snapshot';
ROLLBACK;
-- Lines that are not those posted are not made into balances either.
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_02_rest DISABLE TRIGGER ledger_immutable;
DELETE FROM acct.ledger_entry_line_2025_02_rest WHERE txn_id = 2;
SELECT what, outcome FROM public.tried() WHERE what ~ 'recompute|balances';
\set VERBOSITY default
SELECT acct.update_balance_snapshot();
ROLLBACK;
-- A month of which all runs are large has an empty partition for small ones: nothing is lost.
BEGIN;
SET LOCAL ledger_engine.run_partition_min_transactions = 0;
CALL public.txn(4, '2025-04-01', 'A', 3);
SELECT public.posted('2025-04-01') IS NOT NULL AS posted;
SELECT pg_relation_size('acct.ledger_entry_line_2025_04_rest') AS size;
SELECT status, detail FROM acct.health('{snapshot}');
ROLLBACK;
-- health() comes to each month: called daily at some hour, or every hour.
SELECT acct._month_in_turn('{2025-01-01,2025-02-01}') IN ('2025-01-01', '2025-02-01') AS in_turn;
UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE snapshot_month = '2025-01-01';
UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE snapshot_month = '2025-02-01' AND account_code = '1000';
SELECT status, observed = 1 + CASE acct._month_in_turn('{2025-01-01,2025-02-01}') WHEN '2025-01-01' THEN 2 ELSE 0 END AS as_many FROM acct.health('{snapshot}');
SELECT acct.update_balance_snapshot() AS wrong;
SELECT * FROM public.tried();
-- A month of which lines and journals are detached is not posted into, nor made again, until it is attached.
CALL public.txn(5, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01') AS run \gset
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
SELECT public.answer(format('SELECT acct.post_journals(%s)', :run)) AS post;
SELECT public.answer('SELECT acct.rotate_ledger_partitions(0, ''2025-01-01'')') AS rotate;
ALTER TABLE acct.ledger_entry_header ATTACH PARTITION acct.ledger_entry_header_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT journals FROM acct.post_journals(:run);
SELECT acct.update_balance_snapshot() AS wrong;
-- A partition that was dropped: a month has it again before it is posted to, unless entries went with it.
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-06-01');
DROP TABLE acct.ledger_entry_line_2025_06_rest;
SELECT status, detail, hint FROM acct.health('{partitions_attached}');
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '2025-06-01');
SELECT status, detail FROM acct.health('{partitions_attached}');
DROP TABLE acct.ledger_entry_line_2025_06_rest;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-06-01');
CALL public.txn(6, '2025-06-01', 'A');
SELECT public.posted('2025-06-01') AS june \gset
SELECT bool_and(passed) AS valid FROM acct.validate_run(:june);
SELECT status, detail FROM acct.health('{partitions_attached}');
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_header_2025_06;
SELECT status, detail, hint FROM acct.health('{partitions_attached}');
SELECT acct.rotate_ledger_partitions(0, '2025-06-01');
ROLLBACK;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_header_2025_06, acct.ledger_entry_line_2025_06;
SELECT status, detail FROM acct.health('{partitions_attached}');
SELECT acct.rotate_ledger_partitions(0, '2025-06-01');
ROLLBACK;
SET ledger_engine.run_partition_min_transactions = -1;
CALL public.txn(7, '2025-06-01', 'A');
SELECT public.posted('2025-06-01') IS NOT NULL AS posted;
CALL public.txn(8, '2025-06-01', 'A');
SELECT public.expanded('2025-06-01') AS run \gset
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_line_2025_06_rest;
SELECT status, detail, hint FROM acct.health('{partitions_attached}');
SELECT acct.post_journals(:run);
ROLLBACK;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_line_2025_06;
SELECT acct.post_journals(:run);
ROLLBACK;
SELECT journals FROM acct.post_journals(:run);

-- What a run posted is neither corrected, reversed nor booked again while some of it is missing.
\set VERBOSITY terse
CREATE FUNCTION public.changed(run bigint, reversal bigint) RETURNS TABLE (what text, outcome text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT 'correct', public.answer(format('SELECT journals FROM (SELECT acct.correct_run(%s, ''2025-08-01'', ''test'') AS run) AS c, acct.expand_journals(c.run)', run));
    RETURN QUERY SELECT 'preview', public.answer(format('SELECT count(*) FROM acct.preview_correction(%s)', run));
    RETURN QUERY SELECT 'reverse', public.answer(format('SELECT acct.reverse_run(%s, ''2025-08-01'', ''test'')', run));
    RETURN QUERY SELECT 'rebook', public.answer(format('SELECT acct.rebook_run(%s)', reversal));
    RETURN QUERY SELECT 'close', public.answer('SELECT changed FROM acct.close_period(''2025-07-01'', ''MAIN'', ''PRIMARY'', ''{month_before_open}'', ''test'')');
END
$$;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-07-01');
CALL public.txn(10, '2025-07-01', 'A', 100);
SELECT public.posted('2025-07-01') AS july \gset
CALL public.txn(11, '2025-07-01', 'A', 200);
SELECT public.posted('2025-07-01') AS twice \gset
SELECT acct.reverse_run(:twice, '2025-08-01', 'test') AS reversal \gset
SELECT journals FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_07 DETACH PARTITION acct.ledger_entry_line_2025_07_rest;
SELECT * FROM public.changed(:july, :reversal);
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_07;
SELECT * FROM public.changed(:july, :reversal);
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_07;
SELECT * FROM public.changed(:july, :reversal);
ROLLBACK;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_header_2025_07;
SELECT * FROM public.changed(:july, :reversal);
ROLLBACK;
-- A large run's own lines
SET ledger_engine.run_partition_min_transactions = 0;
CALL public.txn(12, '2025-07-01', 'A', 400);
SELECT public.posted('2025-07-01') AS own \gset
SET ledger_engine.run_partition_min_transactions = -1;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
SELECT set_config('test.own', :'own', false) = :'own' AS kept;
DO $$
BEGIN
    EXECUTE 'DROP TABLE acct.ledger_entry_line_2025_07_run_' || current_setting('test.own');
END
$$;
SELECT what, left(outcome, 5) AS code, regexp_replace(substr(outcome, 7), 'run \d+', 'run N') AS message FROM public.changed(:own, :reversal) WHERE what IN ('correct', 'preview');
ROLLBACK;
-- All of it is there.
SELECT what, CASE WHEN outcome ~ '^\d+$' AND what IN ('reverse', 'rebook') THEN 'run N' ELSE outcome END AS outcome FROM public.changed(:july, :reversal);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- While a partition of the source is detached no run takes, expands or posts its month, and no month is closed; nothing that waits in it is forgotten
\set topic source_detached
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'NOPE', 20);
SELECT public.posted('2025-01-01') AS jan \gset
CALL public.txn(3, '2025-01-01', 'A', 300);
SELECT acct.create_run('2025-01-01') AS created \gset
CALL public.txn(4, '2025-01-01', 'A', 4000);
SELECT public.expanded('2025-01-01') AS expanded \gset
CALL public.txn(5, '2025-01-01', 'A', 50000);
CALL public.txn(6, '2025-02-01', 'A', 7);
CREATE FUNCTION public.tried(jan bigint, created bigint, expanded bigint) RETURNS TABLE (statement text, outcome text) LANGUAGE sql AS $$
    SELECT s.statement, public.answer(format(s.statement, s.run)) FROM (VALUES
        (1, 'SELECT acct.create_run(''2025-01-01'')', NULL),
        (2, 'SELECT step FROM acct.run_month(''2025-01-01'')', NULL),
        (3, 'SELECT journals FROM acct.expand_journals(%s)', created),
        (4, 'SELECT journals FROM acct.post_journals(%s)', expanded),
        (5, 'SELECT acct.correct_run(%s, ''2025-02-01'', ''test'')', jan),
        (6, 'SELECT acct.reprocess_exceptions(%s)', jan),
        (7, 'SELECT count(*) FROM acct.check_close(''2025-01-01'')', NULL),
        (8, 'SELECT count(*) FROM acct.check_close(''2025-02-01'')', NULL),
        (9, 'SELECT changed FROM acct.close_period(''2025-01-01'', ''MAIN'', ''PRIMARY'')', NULL),
        (10, 'SELECT count(*) FROM acct.reconcile_month(''2025-01-01'')', NULL),
        (11, 'SELECT count(*) FROM acct.validate_run(%s)', jan)) AS s (n, statement, run)
     ORDER BY s.n
$$;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
SELECT * FROM public.tried(:jan, :created, :expanded);
\set VERBOSITY default
SELECT acct.create_run('2025-01-01');
\set VERBOSITY terse
SELECT count(*) AS waiting FROM acct.batch_waiting WHERE txn_month = '2025-01-01';
SELECT check_name, status, detail FROM acct.health() WHERE status <> 'ok' AND check_name IN ('partitions_attached', 'repeated_transactions', 'source_rows', 'batches_waiting');
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT finding, found, amount FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY') WHERE finding <> 'month_before_open';

-- A known month is missed wherever its table went, and under whatever name; another one is not made in its place.
CREATE SCHEMA old;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_2025_01 SET SCHEMA old;
ALTER TABLE old.txn_source_2025_01 RENAME TO january;
SELECT * FROM public.tried(:jan, :created, :expanded);
SELECT public.answer('SELECT count(*) FROM acct.rotate_txn_source_partitions(0, ''2025-01-01'')') AS rotated;
SELECT check_name, status, observed, detail FROM acct.health('{source_rows,partitions_attached}') WHERE status <> 'ok';
SELECT count(*) AS waiting FROM acct.batch_waiting WHERE txn_month = '2025-01-01';
ALTER TABLE old.january RENAME TO txn_source_2025_01;
ALTER TABLE old.txn_source_2025_01 SET SCHEMA acct;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT finding, found, amount FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY') WHERE finding <> 'month_before_open';
-- Where somebody gave the month another table, that one is the source. What waited in the first is read when that is there again.
BEGIN;
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step = 'post';
SELECT acct._is_source_known('2025-01-01') AS known;
CALL public.txn(7, '2025-01-01', 'A', 600000);
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_2025_01 SET SCHEMA old;
CREATE TABLE acct.txn_source_2025_01 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT step, detail ~ 'nothing to take' AS is_empty FROM acct.run_month('2025-01-01');
SELECT count(*) AS detached FROM acct._detached_partitions();
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.txn_source_2025_01;
ALTER TABLE old.txn_source_2025_01 SET SCHEMA acct;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step = 'post';
ROLLBACK;

SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step = 'post';
SELECT journals FROM acct.expand_journals(:created);
SELECT journals FROM acct.post_journals(:created);
SELECT journals FROM acct.post_journals(:expanded);
SELECT txn_id, trim_scale(total_debit) AS amount FROM acct.ledger_entry_header ORDER BY txn_id;
SELECT finding, found, amount FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY') WHERE finding <> 'month_before_open';

-- A part of a month is missed as a month is: also one whose load has rows in other parts, of a basis that comes later, and beside a new part.
CREATE TABLE acct.txn_source_2025_05 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-05-01') TO ('2025-06-01') PARTITION BY RANGE (txn_id);
CREATE TABLE acct.txn_source_2025_05_low PARTITION OF acct.txn_source_2025_05 FOR VALUES FROM (0) TO (1000);
CREATE TABLE acct.txn_source_2025_05_high PARTITION OF acct.txn_source_2025_05 FOR VALUES FROM (1000) TO (2000);
CALL public.txn(500, '2025-05-01', 'A', 1);
SELECT step, rows FROM acct.run_month('2025-05-01') WHERE step = 'post';
CALL public.txn(501, '2025-05-01', 'A', 20);
CALL public.txn(1501, '2025-05-01', 'A', 300);
BEGIN;
CALL public.txn(502, '2025-05-01', 'A', 4000);
CALL public.txn(1502, '2025-05-01', 'A', 50000);
COMMIT;
ALTER TABLE acct.txn_source_2025_05 DETACH PARTITION acct.txn_source_2025_05_low;
SELECT public.answer('SELECT step FROM acct.run_month(''2025-05-01'')') AS run;
SELECT public.answer('SELECT count(*) FROM acct.check_close(''2025-06-01'')') AS checked;
SELECT public.answer('SELECT count(*) FROM acct.reconcile_month(''2025-05-01'')') AS reconciled;
SELECT public.answer('SELECT acct.archive_partition(''txn_source_parent'', ''2025-05-01'')') AS archived;
ALTER TABLE acct.txn_source_2025_05_low RENAME TO low;
CREATE TABLE acct.txn_source_2025_05_top PARTITION OF acct.txn_source_2025_05 FOR VALUES FROM (2000) TO (3000);
SELECT public.answer('SELECT step FROM acct.run_month(''2025-05-01'')') AS run;
BEGIN;
INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('TAX', 'Tax', true);
SELECT public.answer('SELECT step FROM acct.run_month(''2025-05-01'', options => ''{"basis": "TAX"}'')') AS run;
ROLLBACK;
SELECT count(*) AS waiting FROM acct.batch_waiting WHERE txn_month = '2025-05-01';
ALTER TABLE acct.low RENAME TO txn_source_2025_05_low;
ALTER TABLE acct.txn_source_2025_05 ATTACH PARTITION acct.txn_source_2025_05_low FOR VALUES FROM (0) TO (1000);
SELECT finding, found, amount FROM acct.check_close('2025-05-01', 'MAIN', 'PRIMARY') WHERE finding = 'loads_waiting';
SELECT step, rows FROM acct.run_month('2025-05-01') WHERE step = 'post';
SELECT txn_id, trim_scale(total_debit) AS amount FROM acct.ledger_entry_header WHERE txn_id >= 500 ORDER BY txn_id;

-- A part that somebody made gets the trigger against TRUNCATE by install().
SELECT detail FROM acct.health('{guard}');
SELECT acct.install();
SELECT status FROM acct.health('{guard}');
TRUNCATE acct.txn_source_2025_05_low;
-- What comes with another part is read.
SELECT count(*) FROM acct._know_source('2025-05-01');
SELECT acct._is_source_known('2025-05-01') AS known;
CREATE TABLE acct.txn_source_2025_05_last PARTITION OF acct.txn_source_2025_05 FOR VALUES FROM (3000) TO (4000);
SELECT acct._is_source_known('2025-05-01') AS known;

-- A part that is being detached is missed before any run has read it, whatever its schema and name.
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01') PARTITION BY RANGE (txn_id);
CREATE TABLE old.first PARTITION OF acct.txn_source_2025_06 FOR VALUES FROM (0) TO (1000);
CREATE TABLE acct.txn_source_2025_06_high PARTITION OF acct.txn_source_2025_06 FOR VALUES FROM (1000) TO (2000);
CALL public.txn(600, '2025-06-01', 'A', 1);
SET LOCAL allow_system_table_mods = on;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'old.first'::regclass;
SELECT public.answer('SELECT acct.create_run(''2025-06-01'')') AS created;
SELECT public.answer('SELECT count(*) FROM acct.check_close(''2025-05-01'')') AS checked;
SELECT count(*) AS waiting FROM acct.batch_waiting WHERE txn_month = '2025-06-01';
SELECT detail FROM acct.health('{partitions_attached}');
ROLLBACK;
-- What no run would take stands against the close of its month, however it came about.
BEGIN;
CALL public.txn(503, '2025-05-01', 'A', 600000);
CALL public.txn(504, '2025-05-01', 'A', 7000000);
INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('TAX', 'Tax', true);
SELECT step, rows FROM acct.run_month('2025-05-01', options => '{"basis": "TAX"}') WHERE step = 'create';
DELETE FROM acct.batch_waiting WHERE txn_month = '2025-05-01' AND batch_id = (SELECT batch_id FROM acct.txn_source_parent WHERE txn_id = 503);
SELECT acct._is_source_known('2025-05-01') AS known;
SELECT basis, finding, found, amount FROM acct.check_close('2025-05-01', 'MAIN') WHERE finding = 'loads_waiting';
SELECT status, regexp_replace(detail, 'batch \d+', 'batch N', 'g') AS detail FROM acct.health('{source_rows}');
DELETE FROM acct.batch_waiting WHERE txn_month = '2025-05-01';
SELECT basis, finding, found, amount FROM acct.check_close('2025-05-01', 'MAIN') WHERE finding = 'loads_waiting';
ROLLBACK;

-- Nor has it other amounts, or other rows, of the batches that runs took than it had: some came with a part that no run had read, some are gone.
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01') PARTITION BY RANGE (txn_id);
CREATE TABLE acct.txn_source_2025_06_low PARTITION OF acct.txn_source_2025_06 FOR VALUES FROM (0) TO (1000);
CREATE TABLE acct.txn_source_2025_06_high PARTITION OF acct.txn_source_2025_06 FOR VALUES FROM (1000) TO (2000);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (600, '2025-06-01', '2025-06-01', 'A', 'P', 'C', 1, 1), (1600, '2025-06-01', '2025-06-01', 'A', 'P', 'C', 20, 20);
ALTER TABLE acct.txn_source_2025_06 DETACH PARTITION acct.txn_source_2025_06_low;
SELECT step, rows FROM acct.run_month('2025-06-01') WHERE step = 'post';
SAVEPOINT amounts;
ALTER TABLE acct.txn_source_2025_06_high DISABLE TRIGGER txn_source_taken;
UPDATE acct.txn_source_2025_06_high SET gross_amount = 21, tabarru_amount = 21;
SELECT entity_code, finding, severity, found, regexp_replace(message, 'batch \d+', 'batch N') AS message FROM acct.check_close('2025-06-01') WHERE finding = 'source_differs';
ROLLBACK TO SAVEPOINT amounts;
ALTER TABLE acct.txn_source_2025_06 ATTACH PARTITION acct.txn_source_2025_06_low FOR VALUES FROM (0) TO (1000);
SELECT entity_code, finding, severity, found, regexp_replace(message, 'batch \d+', 'batch N') AS message FROM acct.check_close('2025-06-01') WHERE finding = 'source_differs';
-- A basis for which the batch was taken later, with all of its rows, lacks nothing.
INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('TAX', 'Tax', true);
SET LOCAL client_min_messages = error;
SELECT step, rows FROM acct.run_month('2025-06-01', options => '{"basis": "TAX"}') WHERE step = 'create';
SELECT entity_code, basis, found FROM acct.check_close('2025-06-01') WHERE finding = 'source_differs';
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.txn_source_2025_06_high, acct.txn_source_2025_06_low;
SELECT entity_code, finding, severity, found, regexp_replace(message, 'batch \d+', 'batch N') AS message FROM acct.check_close('2025-06-01') WHERE finding = 'source_differs';
ROLLBACK;
-- Of which book a row is that is gone cannot be known.
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (601, '2025-06-01', '2025-06-01', 'MAIN', 'A', 'P', 'C', 1, 1), (602, '2025-06-01', '2025-06-01', 'SUB', 'A', 'P', 'C', 20, 20);
SELECT step, rows FROM acct.run_month('2025-06-01') WHERE step = 'post';
SET LOCAL session_replication_role = replica;
DELETE FROM acct.txn_source_parent WHERE txn_id = 601;
SET LOCAL session_replication_role = origin;
SELECT entity_code, finding, found, regexp_replace(message, 'batch \d+', 'batch N') AS message FROM acct.check_close('2025-06-01') WHERE finding = 'source_differs';
ROLLBACK;
-- A batch of an entity that is not registered stands against closing all books, if anything was added to it.
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01');
CALL public.txn(607, '2025-06-01', 'A', 1, entity => 'GHOST');
SET LOCAL client_min_messages = error;
SELECT step, rows FROM acct.run_month('2025-06-01') WHERE step = 'expand';
INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, entity_code, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 608, s.txn_month, s.batch_id, s.bank_value_date, s.entity_code, s.txn_type, s.product_code, s.channel, 7, 7 FROM acct.txn_source_parent AS s WHERE s.txn_id = 607;
SELECT * FROM acct.close_period('2025-06-01', waive => '{exceptions_open,month_before_open}', reason => 'a test');
ROLLBACK;
-- An archived month waits for a basis that came later, for which it can be closed, too.
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01');
CALL public.txn(603, '2025-06-01', 'A', 30);
SELECT step, rows FROM acct.run_month('2025-06-01') WHERE step = 'post';
SELECT acct.archive_partition('txn_source_parent', '2025-06-01') AS archived;
INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('TAX', 'Tax', true);
SELECT basis, finding, found, amount FROM acct.check_close('2025-06-01', 'MAIN');
ROLLBACK;
-- So is one where the month is made again with a part of the old one.
BEGIN;
CALL public.txn(505, '2025-05-01', 'A', 600000);
CALL public.txn(1505, '2025-05-01', 'A', 7000000);
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_05;
ALTER TABLE acct.txn_source_2025_05 DETACH PARTITION acct.txn_source_2025_05_low;
ALTER TABLE acct.txn_source_2025_05 DETACH PARTITION acct.txn_source_2025_05_high;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.txn_source_2025_05;
CREATE TABLE acct.txn_source_2025_05 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-05-01') TO ('2025-06-01') PARTITION BY RANGE (txn_id);
ALTER TABLE acct.txn_source_2025_05 ATTACH PARTITION acct.txn_source_2025_05_low FOR VALUES FROM (0) TO (1000);
ALTER TABLE acct.txn_source_2025_05_high SET SCHEMA old;
SELECT public.answer('SELECT step FROM acct.run_month(''2025-05-01'')') AS run;
SELECT public.answer('SELECT count(*) FROM acct.check_close(''2025-05-01'')') AS checked;
ALTER TABLE acct.txn_source_2025_05 ATTACH PARTITION old.txn_source_2025_05_high FOR VALUES FROM (1000) TO (2000);
SELECT found, amount FROM acct.check_close('2025-05-01', 'MAIN', 'PRIMARY') WHERE finding = 'loads_waiting';
SELECT step, rows FROM acct.run_month('2025-05-01') WHERE step = 'post';
ROLLBACK;
-- A partition of several months is missed, too, once a run has read it.
CREATE TABLE acct.txn_source_q3 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-07-01') TO ('2025-10-01');
CALL public.txn(700, '2025-08-01', 'A', 1);
SELECT step, rows FROM acct.run_month('2025-08-01') WHERE step = 'post';
CALL public.txn(701, '2025-08-01', 'A', 20);
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_q3;
SELECT public.answer('SELECT step FROM acct.run_month(''2025-08-01'')') AS run;
SELECT public.answer('SELECT count(*) FROM acct.check_close(''2025-06-01'')') AS checked;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_q3 FOR VALUES FROM ('2025-07-01') TO ('2025-10-01');
SELECT step, rows FROM acct.run_month('2025-08-01') WHERE step = 'post';

-- Months that somebody put into a partition with others, without an end, are where they are now; their old tables may stay.
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_05;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_q3;
ALTER TABLE acct.txn_source_2025_05 SET SCHEMA old;
ALTER TABLE acct.txn_source_q3 SET SCHEMA old;
CREATE TABLE acct.txn_source_rest PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-05-01') TO (MAXVALUE);
SELECT count(*) AS detached FROM acct._detached_partitions();
SELECT step, detail ~ 'nothing to take' AS is_empty FROM acct.run_month('2025-05-01');
SELECT relation FROM acct.source_month WHERE txn_month = '2025-05-01' ORDER BY 1;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_rest;
SELECT public.answer('SELECT step FROM acct.run_month(''2025-05-01'')') AS run;
ROLLBACK;

-- What runs took is not dropped, wherever its table is, unless it is elsewhere in the month: loaded again it would be booked twice.
\set VERBOSITY default
DROP TABLE acct.txn_source_2025_01;
\set VERBOSITY terse
DROP TABLE acct.txn_source_q3;
DROP TABLE acct.txn_source_2025_05_low;
DROP TABLE acct.txn_source_parent CASCADE;
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_2025_01 SET SCHEMA old;
ALTER TABLE old.txn_source_2025_01 RENAME TO january;
DROP SCHEMA old CASCADE;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM acct.accounting_basis;
DROP TABLE acct.txn_source_2025_02;
ROLLBACK;
-- Nor is what remembers which tables a month had
DROP TABLE acct.source_month;
-- Rows of a table that is detached do not make up for others.
BEGIN;
ALTER TABLE acct.txn_source_2025_05 DETACH PARTITION acct.txn_source_2025_05_low;
SAVEPOINT a;
DROP TABLE acct.txn_source_2025_05_last;
ROLLBACK TO a;
DROP TABLE acct.txn_source_2025_05_high;
ROLLBACK;
-- A part without such rows, and a month of which no run took any
DROP TABLE acct.txn_source_2025_05_last;
DROP TABLE acct.txn_source_2025_03;
-- One that is known by its triggers alone: nobody has read it, or its month has another table
BEGIN;
CREATE TABLE old.copy (LIKE acct.txn_source_parent INCLUDING ALL);
INSERT INTO old.copy TABLE acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION old.copy FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
DROP TABLE acct.txn_source_2025_01;
DROP TABLE old.copy;
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_2025_01 SET SCHEMA old;
CREATE TABLE acct.txn_source_2025_01 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT count(*) FROM acct._know_source('2025-01-01');
DROP TABLE old.txn_source_2025_01;
ROLLBACK;
-- Or it is a part of an archived month, and an update has forgotten which tables months have
BEGIN;
CREATE TABLE acct.txn_source_2025_06 PARTITION OF acct.txn_source_parent FOR VALUES FROM ('2025-06-01') TO ('2025-07-01') PARTITION BY RANGE (txn_id);
CREATE TABLE acct.part_of_june PARTITION OF acct.txn_source_2025_06 FOR VALUES FROM (0) TO (1000);
CALL public.txn(606, '2025-06-01', 'A', 1);
SELECT step, rows FROM acct.run_month('2025-06-01') WHERE step = 'post';
SELECT acct.archive_partition('txn_source_parent', '2025-06-01') AS archived;
DELETE FROM acct.source_month;
DROP TABLE acct_archive.part_of_june;
ROLLBACK;
-- A table of a site is its own matter.
CREATE TABLE acct.txn_source_2025_01_kept (LIKE acct.txn_source_parent INCLUDING ALL);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM acct.accounting_basis;
DROP TABLE acct.txn_source_2025_01_kept;
COMMIT;
-- Once a copy is in the place of the first table, that one may go; with a row less it may not.
CREATE TABLE acct.copy (LIKE acct.txn_source_parent INCLUDING ALL);
INSERT INTO acct.copy TABLE acct.txn_source_2025_01;
BEGIN;
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.copy FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SAVEPOINT a;
ALTER TABLE acct.copy DISABLE TRIGGER txn_source_taken;
DELETE FROM acct.copy WHERE txn_id = 3;
DROP TABLE acct.txn_source_2025_01;
ROLLBACK TO a;
DROP TABLE acct.txn_source_2025_01;
ALTER TABLE acct.copy RENAME TO txn_source_2025_01;
COMMIT;
CALL public.txn(8, '2025-01-01', 'A', 7000000);
SELECT step, rows FROM acct.run_month('2025-01-01') WHERE step = 'post';
SELECT txn_id, trim_scale(total_debit) AS amount FROM acct.ledger_entry_header WHERE txn_id < 500 ORDER BY txn_id;
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
-- Rows of a run that was discarded go, and a superuser's word counts.
BEGIN;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-04-01');
CALL public.txn(9, '2025-04-01', 'A', 1);
SELECT acct.create_run('2025-04-01') AS run \gset
SAVEPOINT a;
DROP TABLE acct.txn_source_2025_04;
ROLLBACK TO a;
SELECT acct.discard_run(:run::bigint) IS NOT NULL AS discarded;
DROP TABLE acct.txn_source_2025_04;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.txn_source_parent CASCADE;
ROLLBACK;

-- A run that is created stands against no close once retention has dropped the month that it would read.
BEGIN;
SELECT acct.reprocess_exceptions(:jan) IS NOT NULL AS created;
SELECT found FROM acct.check_close('2025-01-01', 'MAIN', 'PRIMARY') WHERE finding = 'runs_not_posted';
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
ALTER TABLE acct.txn_source_2025_01 SET SCHEMA old;
INSERT INTO acct.archived_partition (table_name, month, partitions, rows, dropped_at) VALUES ('txn_source_parent', '2025-01-01', '{txn_source_2025_01}', 6, now());
SELECT count(*) AS of_the_run FROM acct.check_close('2025-06-01', 'MAIN', 'PRIMARY') WHERE finding = 'runs_not_posted';
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

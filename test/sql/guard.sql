-- On one path: nothing here depends on it.
-- What holds posted entries is not dropped, by nobody who did not say so
\set topic guard
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1; -- so that partitions have the names given here
DROP ROLE IF EXISTS regress_guard_owner;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
SELECT partition_name FROM acct.rotate_ledger_partitions(2, '2025-01-01');
-- Without entries anything may be dropped.
BEGIN;
DROP TABLE acct.ledger_entry_line_2025_01;
DROP TABLE acct.ledger_entry_header CASCADE;
ROLLBACK;
BEGIN;
DROP EXTENSION ledger_engine CASCADE;
DROP SCHEMA acct CASCADE;
ROLLBACK;
SELECT relation, has_posted FROM ledger_guard.protected ORDER BY relation::text COLLATE "C";
SELECT public.posted('2025-01-01') AS run \gset
SELECT relation, has_posted FROM ledger_guard.protected ORDER BY relation::text COLLATE "C";
SELECT evtevent, evtenabled FROM pg_event_trigger WHERE evtname = 'ledger_guard';

\set VERBOSITY sqlstate
DROP TABLE acct.ledger_entry_line_2025_01; :why
DROP TABLE acct.ledger_entry_header_2025_01; :why
DROP TABLE acct.ledger_entry_line; :why
DROP TABLE acct.ledger_entry_header CASCADE; :why
DROP TABLE acct.fund, acct.ledger_entry_line_2025_01 CASCADE; :why
DROP SCHEMA acct CASCADE; :why
-- The server advises CASCADE; a notice before that does not.
\set VERBOSITY terse
SET client_min_messages = notice;
DROP EXTENSION ledger_engine;
DROP EXTENSION IF EXISTS no_such_extension;
SET client_min_messages = warning;
\set VERBOSITY sqlstate
SET session_replication_role = replica;
DROP TABLE acct.ledger_entry_line_2025_01; :why
DROP TABLE acct.ledger_entry_header_2025_01; :why
DROP TABLE acct.ledger_entry_header CASCADE; :why
DROP SCHEMA acct CASCADE; :why
BEGIN;
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
DROP TABLE acct.ledger_entry_header_2025_01; :why
ROLLBACK;
RESET session_replication_role;
\set VERBOSITY default
DROP TABLE acct.ledger_entry_line_2025_01;
\set VERBOSITY sqlstate
SELECT count(*) AS lines FROM acct.ledger_entry_line;
-- The extension owns code only: it goes, the entries stay, and stay guarded; made again, all works as before.
BEGIN;
DROP EXTENSION ledger_engine CASCADE;
SELECT count(*) AS lines FROM acct.ledger_entry_line;
SAVEPOINT a;
DROP TABLE acct.ledger_entry_line_2025_01; :why
ROLLBACK TO a;
DELETE FROM acct.ledger_entry_line;
ROLLBACK TO a;
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed;
SAVEPOINT b;
CALL public.txn(2, '2025-01-01', 'A');
UPDATE acct.fund SET name = 'Renamed' WHERE fund = 'F1';
SELECT count(*) AS audited FROM acct.template_audit WHERE table_name = 'fund' AND operation = 'UPDATE';
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
SAVEPOINT c;
DELETE FROM acct.txn_source_parent WHERE txn_id = 2; :why
ROLLBACK TO c;
UPDATE acct.txn_source_parent SET channel = 'X' WHERE txn_id = 1; :why
ROLLBACK TO c;
TRUNCATE acct.txn_source_2025_01; :why
ROLLBACK TO c;
DELETE FROM acct.ledger_entry_line;
ROLLBACK TO c;
UPDATE acct.journal_template SET description = 'X'; :why
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
DROP EXTENSION ledger_engine CASCADE;
SELECT count(*) AS lines FROM acct.ledger_entry_line;
SAVEPOINT a;
DROP TABLE acct.ledger_entry_header_2025_01; :why
ROLLBACK TO a;
DROP SCHEMA acct CASCADE; :why
ROLLBACK TO a;
TRUNCATE acct.ledger_entry_line;
ROLLBACK TO a;
DELETE FROM acct.ledger_entry_header;
ROLLBACK;
-- A month without entries goes; and neighbours, other tables and other extensions do as ever.
DROP TABLE acct.ledger_entry_line_2025_03, acct.ledger_entry_header_2025_03;
SELECT count(*) AS still_recorded FROM ledger_guard.protected WHERE relation::text ~ '2025_03' OR relation::text ~ '^[0-9]+$';
CREATE TABLE public.mine (id integer);
DROP TABLE public.mine;
CREATE TEMP TABLE mine (id integer);
DROP TABLE mine;
-- Detached or moved away it stays recorded; so does one that was renamed.
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
DROP TABLE acct.ledger_entry_line_2025_01; :why
CREATE SCHEMA archive;
ALTER TABLE acct.ledger_entry_line_2025_01 SET SCHEMA archive;
ALTER TABLE archive.ledger_entry_line_2025_01 RENAME TO old_lines;
DROP TABLE archive.old_lines; :why
DROP SCHEMA archive CASCADE; :why
UPDATE archive.old_lines SET debit = 0;
TRUNCATE archive.old_lines;
SELECT count(*) AS lines FROM archive.old_lines;
ALTER TABLE archive.old_lines RENAME TO ledger_entry_line_2025_01;
ALTER TABLE archive.ledger_entry_line_2025_01 SET SCHEMA acct;
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT count(*) AS lines FROM acct.ledger_entry_line;
-- DROP OWNED by the role that owns it
SELECT current_user AS me \gset
CREATE ROLE regress_guard_owner SUPERUSER;
ALTER TABLE acct.ledger_entry_line_2025_01 OWNER TO regress_guard_owner;
DROP OWNED BY regress_guard_owner CASCADE; :why
SET session_replication_role = replica;
DROP OWNED BY regress_guard_owner CASCADE; :why
RESET session_replication_role;
SET ROLE regress_guard_owner;
DROP TABLE acct.ledger_entry_line_2025_01; :why
RESET ROLE;
ALTER TABLE acct.ledger_entry_line_2025_01 OWNER TO :"me";
-- A large run's own partition is guarded like the rest, attached or not.
SET ledger_engine.run_partition_min_transactions = 0;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-02-01');
CALL public.txn(3, '2025-02-01', 'A');
SELECT public.posted('2025-02-01') AS run \gset
SET ledger_engine.run_partition_min_transactions = -1;
SELECT 'acct.ledger_entry_line_2025_02_run_' || :run AS run_partition,
       format('ALTER TABLE acct.ledger_entry_line_2025_02 ATTACH PARTITION acct.ledger_entry_line_2025_02_run_%s '
              'FOR VALUES FROM (%s) TO (%s)', r.run_id, g.from_je_id, g.to_je_id) AS attach
  FROM acct.journal_run AS r, acct._je_range(r.je_range) AS g WHERE r.run_id = :run \gset
SELECT p.relation::text ~ '_run_' AS of_a_run, p.has_posted FROM ledger_guard.protected AS p WHERE p.relation::text ~ '2025_02' ORDER BY 1, 2;
DROP TABLE :run_partition; :why
DROP TABLE acct.ledger_entry_line_2025_02; :why
ALTER TABLE acct.ledger_entry_line_2025_02 DETACH PARTITION :run_partition;
DROP TABLE :run_partition; :why
:attach;
ALTER TABLE acct.ledger_entry_line_2025_02 DETACH PARTITION :run_partition CONCURRENTLY;
DROP TABLE :run_partition; :why
TRUNCATE :run_partition;
UPDATE :run_partition SET debit = 0;
:attach;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_02 CONCURRENTLY;
DROP TABLE acct.ledger_entry_line_2025_02; :why
DROP TABLE :run_partition; :why
TRUNCATE acct.ledger_entry_line_2025_02;
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_02 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
SELECT acct.run_digest(:run) = r.digest AS untouched FROM acct.journal_run AS r WHERE r.run_id = :run;
-- TRUNCATE and DELETE of any of them, also by replication
TRUNCATE :run_partition;
TRUNCATE acct.ledger_entry_line_2025_01;
TRUNCATE acct.ledger_entry_line_2025_01_rest;
TRUNCATE acct.ledger_entry_header_2025_01;
TRUNCATE acct.run_log, acct.ledger_entry_line_2025_01_rest CASCADE;
TRUNCATE acct.ledger_entry_line CASCADE;
TRUNCATE ONLY acct.ledger_entry_header_2025_01 CASCADE;
SET session_replication_role = replica;
TRUNCATE :run_partition;
TRUNCATE acct.ledger_entry_line_2025_01_rest;
TRUNCATE acct.ledger_entry_header CASCADE;
DELETE FROM :run_partition;
DELETE FROM acct.ledger_entry_header_2025_01;
DROP TABLE :run_partition; :why
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_02 DETACH PARTITION :run_partition;
DROP TABLE :run_partition; :why
ROLLBACK;
RESET session_replication_role;
-- An archived month likewise
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY'), acct.archive_partition('ledger_entry', '2025-01-01');
DROP TABLE acct_archive.ledger_entry_line_2025_01; :why
DROP TABLE acct_archive.ledger_entry_header_2025_01; :why
DROP SCHEMA acct_archive CASCADE; :why
TRUNCATE acct_archive.ledger_entry_line_2025_01;
TRUNCATE acct_archive.ledger_entry_header_2025_01;
SET session_replication_role = replica;
DROP TABLE acct_archive.ledger_entry_line_2025_01; :why
DROP TABLE acct_archive.ledger_entry_line_2025_01_rest; :why
DROP TABLE acct_archive.ledger_entry_header_2025_01; :why
DROP SCHEMA acct_archive CASCADE; :why
TRUNCATE acct_archive.ledger_entry_line_2025_01;
TRUNCATE acct_archive.ledger_entry_line_2025_01_rest;
TRUNCATE acct_archive.ledger_entry_header_2025_01;
UPDATE acct_archive.ledger_entry_line_2025_01 SET debit = 0;
DELETE FROM acct_archive.ledger_entry_header_2025_01;
ALTER TABLE acct_archive.ledger_entry_header_2025_01 DROP COLUMN line_count; :why
RESET session_replication_role;
SELECT acct.restore_partition('ledger_entry', '2025-01-01');
-- A column is part of the entries.
ALTER TABLE acct.ledger_entry_line DROP COLUMN debit CASCADE; :why
ALTER TABLE acct.ledger_entry_header DROP COLUMN line_count CASCADE; :why
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header DROP COLUMN line_count CASCADE;
ROLLBACK;
SELECT count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit FROM acct.ledger_entry_line;
-- While the guard is missing nothing of the ledger is dropped; install() puts it back.
ALTER EVENT TRIGGER ledger_guard DISABLE;
DROP TABLE acct.ledger_entry_line_2025_01; :why
DROP TABLE :run_partition; :why
DROP TABLE acct.journal_number CASCADE; :why
ALTER TABLE acct.ledger_entry_header DROP CONSTRAINT ledger_entry_header_pkey; :why
DROP TRIGGER ledger_immutable ON acct.ledger_entry_line; :why
DROP INDEX acct.ledger_entry_line_account_idx; :why
DROP TABLE ledger_guard.protected; :why
DROP SCHEMA ledger_guard CASCADE; :why
SET session_replication_role = replica;
DROP TABLE acct.ledger_entry_line_2025_01; :why
RESET session_replication_role;
CREATE TABLE public.mine (id integer PRIMARY KEY);
DROP TABLE public.mine;
-- What tells of entries goes with them, whatever a session has names written like.
DO $$
BEGIN
    SET LOCAL quote_all_identifiers = on;
    DROP TABLE acct.ledger_entry_header, ledger_guard.protected CASCADE;
    RAISE EXCEPTION 'dropped';
EXCEPTION WHEN SQLSTATE 'LE011' THEN
    NULL;
END
$$;
\set VERBOSITY default
ALTER TABLE acct.ledger_entry_header DROP CONSTRAINT ledger_entry_header_pkey;
\set VERBOSITY sqlstate
SELECT acct.install() IS NOT NULL AS put_back;
SELECT evtname, evtenabled, evtowner = 10 AS of_bootstrap FROM pg_event_trigger WHERE evtname = 'ledger_guard';
DROP EVENT TRIGGER ledger_guard;
DROP TABLE acct.ledger_entry_line_2025_01; :why
SELECT acct.install() IS NOT NULL AS put_back;
DROP TABLE acct.ledger_entry_line_2025_01; :why
-- Its schema goes at the word of a superuser only, and comes back knowing which tables hold entries.
DROP SCHEMA ledger_guard CASCADE; :why
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP SCHEMA ledger_guard CASCADE;
SET LOCAL ledger_engine.allow_drop = off;
SELECT count(*) AS guards FROM pg_trigger WHERE tgname = 'ledger_immutable';
SELECT acct.install() IS NOT NULL AS put_back;
SELECT relation, has_posted FROM ledger_guard.protected WHERE has_posted ORDER BY relation::text COLLATE "C";
SAVEPOINT a;
DROP TABLE :run_partition; :why
ROLLBACK TO a;
TRUNCATE :run_partition;
ROLLBACK;
-- Who may say so: a superuser; the word of anyone else counts for nothing, also where the module is not loaded.
ALTER ROLE regress_guard_owner NOSUPERUSER LOGIN;
GRANT ALL ON SCHEMA acct TO regress_guard_owner;
ALTER TABLE acct.ledger_entry_line_2025_01 OWNER TO regress_guard_owner;
SET SESSION AUTHORIZATION regress_guard_owner;
SET ledger_engine.allow_drop = on; :why
DROP TABLE acct.ledger_entry_line_2025_01; :why
DROP EVENT TRIGGER ledger_guard; :why
ALTER EVENT TRIGGER ledger_guard DISABLE; :why
DROP EVENT TRIGGER ledger_engine_unguarded; :why
ALTER EVENT TRIGGER ledger_engine_unguarded DISABLE; :why
DROP SCHEMA ledger_guard CASCADE; :why
DROP FUNCTION ledger_guard.refuse_drop() CASCADE; :why
DROP TABLE ledger_guard.protected; :why
DELETE FROM ledger_guard.protected; :why
SET session_replication_role = replica; :why
\c - regress_guard_owner
\set VERBOSITY sqlstate
SET ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_line_2025_01; :why
SELECT set_config('ledger_engine.allow_drop', 'on', false) IS NOT NULL AS set;
DROP TABLE acct.ledger_entry_line_2025_01; :why
\c - :me
SET datestyle = 'ISO, YMD';
ALTER TABLE acct.ledger_entry_line_2025_01 OWNER TO :"me";
REVOKE ALL ON SCHEMA acct FROM regress_guard_owner;
SELECT count(*) AS lines FROM acct.ledger_entry_line;

-- What a superuser allowed goes.
SET ledger_engine.allow_drop = off;
DROP TABLE acct.ledger_entry_line_2025_01; :why
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_line_2025_01;
SELECT count(*) AS lines FROM acct.ledger_entry_line;
ROLLBACK;
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
DROP SCHEMA acct CASCADE;
SELECT count(*) AS recorded FROM ledger_guard.protected;
ROLLBACK;
DROP TABLE acct.ledger_entry_line_2025_01; :why
-- In a session that never loaded the module
\c
SET ledger_engine.allow_drop = on;
DROP TABLE acct.ledger_entry_line_2025_01;
-- It is not made again as if nothing had been posted to it.
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '2025-01-01'); :why
SELECT relation, has_posted FROM ledger_guard.protected WHERE relation::text ~ '2025_01' ORDER BY relation::text COLLATE "C";

-- DROP OWNED by who installed: what it owns goes in one command, but the guard is not among it.
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_guard_owner;
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regress_guard_boss;
DROP ROLE IF EXISTS regress_guard_boss;
CREATE ROLE regress_guard_boss SUPERUSER LOGIN;
CREATE DATABASE regress_guard_boss;
\c regress_guard_boss regress_guard_boss
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed, acct.install_takaful_sample() IS NOT NULL AS sample;
SELECT acct.install();
SELECT acct.generate_sample_transactions('2025-01-01', 100) AS loaded;
SELECT count(*) AS steps FROM acct.run_month('2025-01-01');
SELECT count(*) AS guards_of_boss FROM pg_event_trigger WHERE evtname ~ '^ledger_guard' AND pg_get_userbyid(evtowner) = current_user;
DROP OWNED BY regress_guard_boss CASCADE; :why
DROP OWNED BY CURRENT_USER CASCADE; :why
SET session_replication_role = replica;
DROP OWNED BY regress_guard_boss CASCADE; :why
DROP OWNED BY CURRENT_USER CASCADE; :why
RESET session_replication_role;
SELECT count(*) > 400 AS lines, sum(debit) = sum(credit) AS balanced FROM acct.ledger_entry_line;
SELECT acct.install();
\c :regress_db :me
DROP DATABASE regress_guard_boss;
DROP ROLE regress_guard_boss;

-- On one path: nothing here depends on it.
-- What holds posted entries is not rewritten, made unlogged, or read under other names and types, unless a superuser says so
\set topic rewrite
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_rewrite_owner;
SELECT current_user AS me \gset
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(3, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100.25);
CALL public.txn(2, '2025-01-01', 'A', 7);
SET ledger_engine.run_partition_min_transactions = -1;
SELECT public.posted('2025-01-01') AS small \gset
CALL public.txn(3, '2025-01-01', 'A', 50.5);
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.posted('2025-01-01') AS large \gset
CALL public.txn(4, '2025-02-01', 'A', 9);
SELECT public.posted('2025-02-01') AS february \gset
RESET ledger_engine.run_partition_min_transactions;
SELECT public.close_period('2025-02-01', 'MAIN', 'PRIMARY'), acct.archive_partition('ledger_entry', '2025-02-01'), acct.archive_partition('txn_source_parent', '2025-02-01');
-- Views use columns. Identifiers are left out below: they depend on what ran before.
DO $$
DECLARE
    v text;
BEGIN
    FOR v IN SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind = 'v' LOOP
        EXECUTE format('DROP VIEW IF EXISTS acct.%I CASCADE', v);
    END LOOP;
END
$$;
DROP SCHEMA acct_bi CASCADE;
CREATE FUNCTION public.ledger() RETURNS TABLE (what text, content text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT 'header', concat_ws('|', h.txn_id, h.je_date, h.basis, h.template_code, h.policy_no, h.total_debit, h.total_credit, h.memo, h.je_number) FROM acct.ledger_entry_header AS h
    UNION ALL SELECT 'line', concat_ws('|', l.txn_id, l.line_no, l.account_code, l.fund, l.debit, l.credit) FROM acct.ledger_entry_line AS l;
END
$$;
CREATE TABLE public.was AS SELECT * FROM public.ledger();
CREATE FUNCTION public.difference() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM ((TABLE public.was EXCEPT SELECT * FROM public.ledger()) UNION ALL (SELECT * FROM public.ledger() EXCEPT TABLE public.was)) AS d
$$;
SELECT public.difference();

-- Each kind of rewrite, with its message
ALTER TABLE acct.ledger_entry_header ALTER COLUMN memo TYPE text USING 'forged';
ALTER TABLE acct.ledger_entry_line_2025_01_rest SET UNLOGGED;
ALTER TABLE acct.ledger_entry_line ADD COLUMN net numeric GENERATED ALWAYS AS (debit - credit) STORED;
ALTER TABLE acct.ledger_entry_line ADD COLUMN stamp double precision DEFAULT random(), ALTER COLUMN channel TYPE varchar(3);
ALTER TABLE acct.ledger_entry_line RENAME COLUMN debit TO old_debit;
ALTER TABLE acct.ledger_entry_line ALTER COLUMN account_code TYPE varchar, ALTER COLUMN fund TYPE text COLLATE "POSIX";
ALTER TABLE acct.ledger_entry_header DROP COLUMN memo;
ALTER TABLE acct.txn_source_parent ALTER COLUMN gross_amount TYPE numeric(20,4) USING 1;
\set VERBOSITY sqlstate
-- By accident, and by another way
ALTER TABLE acct.ledger_entry_header ALTER COLUMN total_debit TYPE numeric(20,0), ALTER COLUMN total_credit TYPE numeric(20,0); :why
ALTER TABLE acct.ledger_entry_line ALTER COLUMN line_no TYPE integer; :why
ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric(22,4); :why
ALTER TABLE acct.ledger_entry_header ALTER COLUMN policy_no TYPE text COLLATE "C" USING 'P0'; :why
ALTER TABLE acct.ledger_entry_line ALTER COLUMN account_code TYPE text COLLATE "C" USING channel; :why
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED; :why
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_01_run_%s SET UNLOGGED', :large) AS statement \gset
:statement; :why
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_01_run_%s SET UNLOGGED, ALTER COLUMN credit SET STATISTICS 5', :large) AS statement \gset
:statement; :why
ALTER VIEW acct.ledger_entry_line RENAME COLUMN debit TO x; :why
ALTER FOREIGN TABLE acct.ledger_entry_line RENAME COLUMN debit TO x; :why
ALTER TABLE acct.ledger_entry_line_2025_01 RENAME COLUMN debit TO x; :why
ALTER MATERIALIZED VIEW acct.ledger_entry_line RENAME COLUMN debit TO x; :why
DO $$ BEGIN EXECUTE 'ALTER TABLE acct.ledger_entry_header RENAME COLUMN total_debit TO x'; EXECUTE 'ALTER TABLE acct.ledger_entry_header RENAME COLUMN x TO total_debit'; END $$; :why
-- An archived month
ALTER TABLE acct_archive.ledger_entry_header_2025_02 ALTER COLUMN total_debit TYPE numeric(20,4) USING 1; :why
ALTER TABLE acct_archive.ledger_entry_header_2025_02 SET UNLOGGED; :why
ALTER TABLE acct_archive.ledger_entry_line_2025_02 ALTER COLUMN debit TYPE numeric(20,0); :why
ALTER TABLE acct_archive.ledger_entry_line_2025_02 RENAME COLUMN debit TO x; :why
ALTER TABLE acct_archive.txn_source_2025_02 ALTER COLUMN gross_amount TYPE numeric(20,4) USING 1; :why
ALTER TABLE acct_archive.txn_source_2025_02 SET UNLOGGED; :why
-- Detached, renamed and moved away; a partition, or a child, of another table
BEGIN;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
ALTER TABLE acct.ledger_entry_line_2025_01 SET SCHEMA public;
ALTER TABLE public.ledger_entry_line_2025_01 RENAME TO lines;
SAVEPOINT a;
ALTER TABLE public.lines ALTER COLUMN debit TYPE numeric(20,4) USING 1; :why
ROLLBACK TO a;
ALTER TABLE public.lines RENAME COLUMN debit TO x; :why
ROLLBACK TO a;
CREATE TABLE public.other (LIKE public.lines) PARTITION BY RANGE (je_date);
ALTER TABLE public.other ATTACH PARTITION public.lines FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SAVEPOINT b;
ALTER TABLE public.other RENAME COLUMN debit TO x; :why
ROLLBACK TO b;
ALTER TABLE public.other ALTER COLUMN debit TYPE numeric(20,0); :why
ROLLBACK TO b;
ALTER TABLE public.other DROP COLUMN debit CASCADE; :why
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
CREATE TABLE public.other (memo text);
ALTER TABLE acct.ledger_entry_header_2025_01 INHERIT public.other;
SAVEPOINT a;
ALTER TABLE public.other RENAME COLUMN memo TO x; :why
ROLLBACK TO a;
ALTER TABLE public.other ALTER COLUMN memo TYPE text USING 'forged'; :why
ROLLBACK TO a;
ROLLBACK;
-- Also as replication applies, without the extension, and for an owner who is not a superuser, whatever they set.
SET session_replication_role = replica;
ALTER TABLE acct.ledger_entry_header ALTER COLUMN memo TYPE text USING 'forged'; :why
ALTER TABLE acct.ledger_entry_header RENAME COLUMN memo TO x; :why
ALTER TABLE acct.txn_source_2025_01 SET UNLOGGED; :why
RESET session_replication_role;
BEGIN;
DROP EXTENSION ledger_engine CASCADE;
SAVEPOINT a;
ALTER TABLE acct.ledger_entry_header ALTER COLUMN memo TYPE text USING 'forged'; :why
ROLLBACK TO a;
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED; :why
ROLLBACK TO a;
ALTER TABLE acct.ledger_entry_header RENAME COLUMN memo TO x; :why
ROLLBACK TO a;
CREATE EXTENSION ledger_engine;
SELECT acct.install() IS NOT NULL AS installed;
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED; :why
ROLLBACK;
CREATE ROLE regress_rewrite_owner LOGIN;
BEGIN;
GRANT ALL ON SCHEMA acct TO regress_rewrite_owner;
ALTER TABLE acct.ledger_entry_header_2025_01 OWNER TO regress_rewrite_owner;
SET LOCAL SESSION AUTHORIZATION regress_rewrite_owner;
SAVEPOINT a;
SET LOCAL ledger_engine.allow_drop = on; :why
ROLLBACK TO a;
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED; :why
ROLLBACK;
-- Of source transactions: where no run took any of the month, they may.
ALTER TABLE acct.txn_source_2025_01 SET UNLOGGED; :why
ALTER TABLE acct.txn_source_parent ALTER COLUMN attributes TYPE jsonb USING '{}'; :why
CALL public.txn(5, '2025-03-01', 'A', 9);
ALTER TABLE acct.txn_source_2025_03 SET UNLOGGED;
SELECT public.difference();

-- What rewrites nothing, or nothing that was there, is as ever; a table without entries may be changed.
ALTER TABLE acct.ledger_entry_line ALTER COLUMN account_code SET STATISTICS 200, ALTER COLUMN channel SET STORAGE EXTERNAL;
ALTER TABLE acct.ledger_entry_header ADD COLUMN note text, ADD COLUMN fixed integer DEFAULT 5;
ALTER TABLE acct.ledger_entry_header ALTER COLUMN fixed DROP DEFAULT;
ALTER TABLE acct.ledger_entry_header ADD CONSTRAINT mine CHECK (total_debit < 1e9);
ALTER TABLE acct.ledger_entry_header DROP CONSTRAINT mine;
SELECT acct.add_dimension('cohort', 'text', true);
VACUUM FULL acct.ledger_entry_header_2025_01;
CLUSTER acct.ledger_entry_line_2025_01_rest USING ledger_entry_line_2025_01_rest_pkey;
REINDEX TABLE acct.ledger_entry_header_2025_01;
ALTER TABLE acct.ledger_entry_header_2025_04 SET UNLOGGED;
ALTER TABLE acct.ledger_entry_header_2025_04 SET LOGGED;
ALTER TABLE acct.txn_source_parent ADD COLUMN twice numeric GENERATED ALWAYS AS (gross_amount * 2) STORED;
CREATE TABLE public.mine (a integer);
ALTER TABLE public.mine ALTER COLUMN a TYPE text USING 'x';
ALTER TABLE public.mine RENAME COLUMN a TO b;
SELECT public.difference();
-- New columns are part of the entries from now on.
ALTER TABLE acct.ledger_entry_header RENAME COLUMN note TO x; :why
ALTER TABLE acct.ledger_entry_line DROP COLUMN cohort; :why
CALL public.txn(6, '2025-01-01', 'A', 1);
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
TRUNCATE public.was;
INSERT INTO public.was SELECT * FROM public.ledger();

-- A superuser's word counts, for one transaction or a session.
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header ALTER COLUMN memo TYPE varchar USING 'changed';
ALTER TABLE acct.ledger_entry_header RENAME COLUMN policy_no TO contract;
ALTER TABLE acct.txn_source_2025_01 SET UNLOGGED;
ALTER TABLE acct.ledger_entry_line_2025_01_rest SET UNLOGGED;
SET LOCAL ledger_engine.allow_drop = off;
SELECT DISTINCT memo FROM acct.ledger_entry_header;
-- What was allowed is what is kept from now on.
SAVEPOINT a;
ALTER TABLE acct.ledger_entry_header RENAME COLUMN contract TO policy_no; :why
ROLLBACK TO a;
ALTER TABLE acct.ledger_entry_header ADD COLUMN more text;
-- What became unlogged is put right without it.
ALTER TABLE acct.ledger_entry_line_2025_01_rest SET LOGGED;
ALTER TABLE acct.txn_source_2025_01 SET LOGGED;
ROLLBACK;
-- A computed column holds nothing of its own: it stops posting, and goes without a word.
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_line ADD COLUMN net numeric GENERATED ALWAYS AS (debit - credit) STORED;
SET LOCAL ledger_engine.allow_drop = off;
CALL public.txn(7, '2025-01-01', 'A', 2);
SELECT public.expanded('2025-01-01') AS run \gset
SAVEPOINT a;
\set VERBOSITY default
SELECT acct.post_journals(:run);
\set VERBOSITY sqlstate
ROLLBACK TO a;
ALTER TABLE acct.ledger_entry_line DROP COLUMN net;
SELECT count(*) AS posted FROM acct.post_journals(:run);
ROLLBACK;
-- An archived month comes back with the columns that the table got since, also computed ones.
SELECT acct.restore_partition('txn_source_parent', '2025-02-01'), acct.restore_partition('ledger_entry', '2025-02-01');
SELECT gross_amount, twice FROM acct.txn_source_2025_02;
SELECT fixed, cohort FROM acct.ledger_entry_header_2025_02;
ALTER TABLE acct.ledger_entry_header RENAME COLUMN cohort TO x; :why
SELECT public.difference() AS of_february;
SELECT bool_and(acct.run_digest(r.run_id) = r.digest) AS untouched FROM acct.journal_run AS r WHERE r.status = 'posted';

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_rewrite_owner;

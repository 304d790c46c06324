-- On one path: nothing here depends on it.
-- New partitions are stored where their parents say, as PARTITION OF would, and not where the caller's settings say
\set topic tablespaces
\i test/sql/setup.sql
SET allow_in_place_tablespaces = on;
DROP TABLESPACE IF EXISTS regress_tables;
DROP TABLESPACE IF EXISTS regress_indexes;
DROP TABLESPACE IF EXISTS regress_callers;
CREATE TABLESPACE regress_tables LOCATION '';
CREATE TABLESPACE regress_indexes LOCATION '';
CREATE TABLESPACE regress_callers LOCATION '';
CREATE ACCESS METHOD callers TYPE TABLE HANDLER heap_tableam_handler;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CREATE VIEW public.stored AS
SELECT regexp_replace(c.relname, '_(run|staging)_\d+', '_\1_N') AS relation, c.relkind AS kind, t.spcname AS tablespace, m.amname AS method
  FROM pg_class AS c LEFT JOIN pg_tablespace AS t ON t.oid = c.reltablespace LEFT JOIN pg_am AS m ON m.oid = c.relam AND c.relkind = 'r'
 WHERE c.relnamespace = 'acct'::regnamespace AND c.relname ~ '_(2025_\d\d|staging_\d+)' AND c.relkind IN ('r', 'p', 'i', 'I');
-- The caller's settings; nothing was said of the parents.
SET default_tablespace = regress_callers;
SET default_table_access_method = callers;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-01-01');
CALL public.txn(1, '2025-01-01', 'A');
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
SELECT DISTINCT tablespace, method FROM public.stored WHERE kind = 'r';
SELECT DISTINCT tablespace FROM public.stored WHERE kind <> 'r';
-- Parents have tablespaces: for the ledger, its indexes, the source and staging; a month its own.
SET default_tablespace = '';
ALTER TABLE acct.ledger_entry_header SET TABLESPACE regress_tables;
ALTER TABLE acct.ledger_entry_line SET TABLESPACE regress_tables;
ALTER TABLE acct.txn_source_parent SET TABLESPACE regress_tables;
ALTER TABLE acct.je_line_staging SET TABLESPACE regress_tables;
ALTER INDEX acct.ledger_entry_header_pkey SET TABLESPACE regress_indexes;
ALTER INDEX acct.ledger_entry_line_account_idx SET TABLESPACE regress_indexes;
ALTER TABLE acct.ledger_entry_line_2025_01 SET TABLESPACE regress_indexes;
SET default_tablespace = regress_callers;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-02-01');
CALL public.txn(2, '2025-02-01', 'A');
CALL public.txn(3, '2025-01-01', 'A');
SELECT public.posted('2025-02-01') IS NOT NULL AS posted;
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
SELECT DISTINCT relation, tablespace, method FROM public.stored
 WHERE kind IN ('r', 'p') AND (relation ~ '2025_02|staging' OR tablespace IS NOT NULL) ORDER BY relation, tablespace;
SELECT DISTINCT relation, tablespace FROM public.stored WHERE kind IN ('i', 'I') AND tablespace IS NOT NULL ORDER BY relation;
SELECT count(*) AS rows, bool_and(acct.run_digest(r.run_id) = r.digest) AS same FROM acct.journal_run AS r WHERE r.status = 'posted';

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP TABLESPACE regress_tables;
DROP TABLESPACE regress_indexes;
DROP TABLESPACE regress_callers;

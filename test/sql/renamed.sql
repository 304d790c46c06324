-- Months whose tables were renamed, or moved to another schema: they are known by their bounds
\set topic renamed
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-02-01', 'A', 20);
SELECT public.posted('2025-01-01', 'january') IS NOT NULL AS posted;
-- Attached still, by names that say nothing, something else, or another month; one is in another schema.
CREATE SCHEMA elsewhere;
ALTER TABLE acct.txn_source_2025_01 RENAME TO txn_source_old;
ALTER TABLE acct.txn_source_2025_02 RENAME TO txn_source_2025_99;
ALTER TABLE acct.txn_source_2025_99 SET SCHEMA elsewhere;
ALTER TABLE acct.ledger_entry_header_2025_01 RENAME TO headers_of_the_first_month;
ALTER TABLE acct.ledger_entry_line_2025_01 RENAME TO ledger_entry_line_2031_13;
ALTER TABLE acct.ledger_entry_line_2025_01_rest RENAME TO small_runs;
CREATE FUNCTION public.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement INTO result;
    RETURN coalesce(result, 'no row');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
SELECT s.statement, public.outcome(s.statement) FROM unnest(ARRAY[
    'SELECT acct.update_balance_snapshot()',
    'SELECT count(*) FROM acct.check_balance_snapshot()',
    'SELECT count(*) FROM acct.check_balance_snapshot(''2025-01-01'')',
    'SELECT string_agg(format(''%s %s'', txn_month, transactions_loaded IS NOT NULL), '', '' ORDER BY txn_month) FROM acct.run_summary',
    'SELECT string_agg(format(''%s %s: %s'', table_name, month, reason), ''; '' ORDER BY table_name, month) FROM acct.apply_retention(true) WHERE month < ''2025-03-01''',
    'SELECT acct.archive_partition(''txn_source_parent'', ''2025-01-01'')',
    'SELECT acct.archive_partition(''ledger_entry'', ''2025-01-01'')',
    'SELECT count(*) FROM acct.rotate_txn_source_partitions(2, ''2025-01-01'')',
    'SELECT count(*) FROM acct.rotate_ledger_partitions(0, ''2025-01-01'')',
    'SELECT string_agg(format(''%s: %s'', check_name, detail), ''; '') FROM acct.health(''{guard,indexes,partitions_attached,source_rows,snapshot,batches_waiting}'') WHERE status <> ''ok''',
    'SELECT string_agg(check_name, '', '') FROM acct.validate_run(1) WHERE NOT passed']) WITH ORDINALITY AS s (statement, n) ORDER BY s.n;
-- Work goes on: a small run into the renamed month, a large one, and a run of the moved month.
CALL public.txn(3, '2025-01-01', 'A', 5);
SELECT public.posted('2025-01-01', 'more') IS NOT NULL AS posted;
SET ledger_engine.run_partition_min_transactions = 0;
CALL public.txn(4, '2025-01-01', 'A', 7);
SELECT public.posted('2025-01-01', 'large') AS large \gset
SELECT regexp_replace(i.inhrelid::regclass::text, '_run_\d+$', '_run_N') AS partition FROM pg_inherits AS i WHERE i.inhparent = 'acct.ledger_entry_line_2031_13'::regclass ORDER BY 1;
SET ledger_engine.run_partition_min_transactions = -1;
CALL acct.run_job('run');
SELECT run_key, status, transactions FROM acct.run_history ORDER BY run_id;
SELECT count(*) AS lines, sum(debit) AS debit FROM acct.ledger_entry_line;
SELECT count(*) AS failed FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE NOT v.passed;
SELECT count(*) AS differences FROM acct.check_balance_snapshot();
SELECT acct.update_balance_snapshot() AS wrong;
-- A name that belongs to another month is in the way of that month only, and says so.
ALTER TABLE acct.ledger_entry_line_2031_13 RENAME TO ledger_entry_line_2025_03;
ALTER TABLE acct.txn_source_old RENAME TO txn_source_2025_04;
SELECT s.statement, public.outcome(s.statement) FROM unnest(ARRAY[
    'SELECT count(*) FROM acct.rotate_ledger_partitions(0, ''2025-03-01'')',
    'SELECT count(*) FROM acct.rotate_txn_source_partitions(0, ''2025-04-01'')',
    'SELECT acct.update_balance_snapshot()']) WITH ORDINALITY AS s (statement, n) ORDER BY s.n;
-- Detached under another month's name: entries say of which month it is.
BEGIN;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_03;
SELECT relation, month FROM acct._detached_partitions();
SELECT public.outcome('SELECT count(*) FROM acct.rotate_ledger_partitions(0, ''2025-03-01'')');
SELECT public.outcome('SELECT count(*) FROM acct.rotate_ledger_partitions(0, ''2025-01-01'')');
ROLLBACK;
-- With their names back they are archived; an archived table that was renamed is missed, and not taken for empty.
ALTER TABLE acct.txn_source_2025_04 RENAME TO txn_source_2025_01;
ALTER TABLE acct.ledger_entry_line_2025_03 RENAME TO ledger_entry_line_2025_01;
ALTER TABLE acct.headers_of_the_first_month RENAME TO ledger_entry_header_2025_01;
SELECT changed FROM public.close_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT regexp_replace(public.outcome('SELECT acct.archive_partition(''ledger_entry'', ''2025-01-01'')'), '\d+', 'N') AS archived;
ALTER TABLE acct_archive.ledger_entry_line_2025_01 RENAME TO misnamed;
SELECT public.outcome('SELECT count(*) FROM acct.check_balance_snapshot(''2025-01-01'')');
SELECT public.outcome('SELECT acct.run_digest(1)');
SELECT public.outcome('SELECT acct.restore_partition(''ledger_entry'', ''2025-01-01'')') AS restored;
-- All of them, and a month of the source
ALTER TABLE acct_archive.ledger_entry_header_2025_01 RENAME TO misnamed_too;
SELECT public.outcome('SELECT acct.restore_partition(''ledger_entry'', ''2025-01-01'')') AS restored;
SELECT public.outcome('SELECT acct._drop_archived(max(archive_id)) FROM acct.archived_partition') AS dropped;
SELECT public.outcome('SELECT acct.prove_journal(-1)') AS proved;
SELECT public.outcome('SELECT acct.archive_partition(''txn_source_parent'', ''2025-01-01'') IS NOT NULL') AS archived;
ALTER TABLE acct_archive.txn_source_2025_01 RENAME TO misnamed_source;
SELECT public.outcome('SELECT acct.restore_partition(''txn_source_parent'', ''2025-01-01'')') AS restored;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- The ledger: journal numbers without gaps, entries that cannot be changed, periods that are closed and opened
\set topic ledger
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "A", "condition_expr": ":gross_amount > 50"}]', '{"basis": "TAX"}');
-- The lowest and highest number, and how many, of each book and month
CREATE VIEW public.numbers AS
SELECT entity_code, basis, date_trunc('month', je_date)::date AS month, count(*) AS journals, min(je_number) AS first, max(je_number) AS last,
       max(right(je_number, 9)::bigint) = count(DISTINCT je_number) AND min(right(je_number, 9)::bigint) = 1 AS gapless
  FROM acct.ledger_entry_header GROUP BY 1, 2, 3;

INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-01'::date + n % 45, 'A', 'P', 'C', CASE n % 3 WHEN 0 THEN 'SUB' ELSE 'MAIN' END, n, n FROM generate_series(1, 100) AS n;
SELECT public.posted('2025-01-01', 'first') AS run1 \gset
SELECT * FROM public.numbers ORDER BY 1, 2, 3;
-- A second run goes on where the first ended, also into February, which belongs to another month of source.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-01'::date + n % 45, 'A', 'P', 'C', CASE n % 3 WHEN 0 THEN 'SUB' ELSE 'MAIN' END, n, n FROM generate_series(101, 150) AS n;
-- One that is discarded, one that fails, and one that is rolled back use up no number.
SELECT public.expanded('2025-01-01', 'away') AS away \gset
SELECT acct.discard_run(:away);
BEGIN;
SELECT public.posted('2025-01-01', 'second') IS NOT NULL AS posted;
ROLLBACK;
SELECT public.posted('2025-01-01', 'second') AS run2 \gset
SELECT * FROM public.numbers ORDER BY 1, 2, 3;
SELECT entity_code, basis, period_month, last_number FROM acct.journal_number ORDER BY 1, 2, 3;
SELECT count(*) FILTER (WHERE run_id = :run1) AS first_run, count(*) FILTER (WHERE run_id = :run2) AS second_run,
       bool_and(je_number ~ '^[0-9]{6}-[0-9]{9}$' AND left(je_number, 6) = to_char(je_date, 'YYYYMM')) AS as_documented,
       bool_and(posted_at IS NOT NULL) AS posted FROM acct.ledger_entry_header;
SELECT max(h.je_number) FILTER (WHERE run_id = :run1) < min(h.je_number) FILTER (WHERE run_id = :run2) AS goes_on
  FROM acct.ledger_entry_header AS h WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND je_date < '2025-02-01';
-- What a journal carries
SELECT h.je_number, h.je_date, h.entity_code, h.basis, h.template_code, h.template_version, h.txn_month, h.txn_type, h.product_code, h.channel, h.policy_no,
       h.currency, h.total_debit, h.total_credit, h.line_count, h.reversal_of, h.memo, h.run_id = :run1 AS of_first_run
  FROM acct.ledger_entry_header AS h WHERE h.txn_id = 60 ORDER BY h.basis;
SELECT l.line_no, l.je_date, l.entity_code, l.basis, l.account_code, l.fund, l.currency, l.debit, l.credit, l.product_code, l.channel, l.run_id = :run1 AS of_first_run
  FROM acct.ledger_entry_line AS l WHERE l.txn_id = 60 ORDER BY l.basis, l.line_no;
-- Headers and lines fit each other, and balance.
SELECT count(*) AS journals, count(*) FILTER (WHERE l.lines IS DISTINCT FROM h.line_count OR l.debit <> h.total_debit OR l.credit <> h.total_credit OR l.debit <> l.credit) AS wrong
  FROM acct.ledger_entry_header AS h LEFT JOIN (SELECT je_id, je_date, count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit FROM acct.ledger_entry_line GROUP BY 1, 2) AS l USING (je_id, je_date);
SELECT count(*) AS lines_without_header FROM acct.ledger_entry_line WHERE je_id NOT IN (SELECT je_id FROM acct.ledger_entry_header);

--
-- Immutable: the parents, the partitions, every way
--
CREATE FUNCTION public.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
CREATE VIEW public.attempts AS
SELECT t AS relation, public.attempt(format('UPDATE acct.%I SET run_id = 0', t)) AS update_all, public.attempt(format('UPDATE acct.%I SET run_id = 0 WHERE false', t)) AS update_none,
       public.attempt(format('DELETE FROM acct.%I', t)) AS delete_all, public.attempt(format('DELETE FROM ONLY acct.%I', t)) AS delete_only,
       public.attempt(format('TRUNCATE acct.%I', t)) AS truncate, public.attempt(format('TRUNCATE acct.%I CASCADE', t)) AS truncate_cascade,
       public.attempt(format('MERGE INTO acct.%I AS l USING (VALUES (1)) AS v (x) ON l.txn_id > v.x WHEN MATCHED THEN DELETE', t)) AS merge,
       public.attempt(format('WITH d AS (DELETE FROM acct.%I RETURNING 1) SELECT count(*) FROM d', t)) AS with_delete
  FROM unnest(ARRAY['ledger_entry_header', 'ledger_entry_header_2025_01', 'ledger_entry_header_2025_02', 'ledger_entry_line', 'ledger_entry_line_2025_01', 'ledger_entry_line_2025_02']) AS t;
SELECT * FROM public.attempts;
SET session_replication_role = replica;
SELECT * FROM public.attempts;
RESET session_replication_role;
SELECT public.attempt('TRUNCATE acct.ledger_entry_line_2025_01, acct.fund CASCADE') AS truncate_more;
\set VERBOSITY default
DELETE FROM acct.ledger_entry_line WHERE txn_id = 60;
\set VERBOSITY sqlstate
SELECT count(*) AS headers, (SELECT count(*) FROM acct.ledger_entry_line) AS lines FROM acct.ledger_entry_header;
-- A partition made ahead is protected before anything is in it.
SELECT partition_name FROM acct.rotate_ledger_partitions(0, '2031-01-01');
SELECT public.attempt('UPDATE acct.ledger_entry_line_2031_01 SET run_id = 0') AS update, public.attempt('TRUNCATE acct.ledger_entry_header_2031_01') AS truncate;

--
-- Periods
--
SELECT public.close_period('2025-03-01', 'MAIN', 'PRIMARY'), public.close_period('2025-03-01', 'MAIN', 'PRIMARY') AS again;
SELECT acct.reopen_period('2025-03-01', 'MAIN', 'PRIMARY'), acct.reopen_period('2025-03-01', 'MAIN', 'PRIMARY') AS again;
SELECT acct.reopen_period('2025-12-01', 'MAIN', 'PRIMARY') AS never_closed;
SELECT acct.close_period('2025-03-02', 'MAIN', 'PRIMARY'); :why
SELECT acct.close_period(NULL, 'MAIN', 'PRIMARY'); :why
SELECT acct.close_period('2025-03-01', 'MAIN', 'NOBASIS'); :why
SELECT acct.reopen_period('infinity', 'MAIN', 'PRIMARY'); :why
SELECT entity_code, basis, period_month, is_open, changed_by = session_user AS by_me FROM acct.accounting_period ORDER BY 1, 2, 3;
-- Closed between expanding and posting: nothing is posted, not the months and books that are open either.
CALL public.txn(1, '2025-03-01', 'A', 10);
CALL public.txn(2, '2025-03-01', 'A', 20, value_date => '2025-04-01');
CALL public.txn(3, '2025-03-01', 'A', 100, entity => 'SUB');
SELECT public.expanded('2025-03-01', 'march') AS march \gset
SELECT public.close_period('2025-03-01', 'MAIN', 'PRIMARY');
SELECT check_name, passed, actual FROM acct.validate_run(:march) WHERE NOT passed;
SELECT * FROM acct.post_journals(:march); :why
\set VERBOSITY default
SELECT * FROM acct.post_journals(:march);
\set VERBOSITY sqlstate
SELECT count(*) AS posted FROM acct.ledger_entry_header WHERE run_id = :march;
SELECT status FROM acct.journal_run WHERE run_id = :march;
-- Expanded anew, its transactions are exceptions.
SELECT acct.discard_run(:march);
SELECT public.expanded('2025-03-01', 'march') AS march \gset
SELECT txn_id, basis, outcome FROM public.outcome(:march);
SELECT sum(journals) AS journals FROM acct.post_journals(:march);
-- Reopened, they are taken up. A closed month of what was posted long ago hinders no reader and no other month.
SELECT acct.reopen_period('2025-03-01', 'MAIN', 'PRIMARY');
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY'), public.close_period('2025-03-01', 'SUB', 'PRIMARY');
SELECT acct.reprocess_exceptions(:march) AS again \gset
SELECT sum(journals) AS expanded FROM acct.expand_journals(:again);
SELECT sum(journals) AS posted FROM acct.post_journals(:again);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run1);
-- Closed after posting: the posted run stays valid.
SELECT public.close_period('2025-03-01', 'MAIN', 'PRIMARY');
SELECT bool_and(passed) AS valid FROM acct.validate_run(:again);
-- A run whose only transactions of the closed period were quarantined before is posted.
CALL public.txn(10, '2025-05-01', 'A', 10);
CALL public.txn(11, '2025-05-01', 'A', 10, value_date => '2025-01-31');
SELECT public.posted('2025-05-01', 'may') AS may \gset
SELECT je_number, txn_id FROM acct.ledger_entry_header WHERE run_id = :may;
SELECT txn_id, reason FROM acct.je_exception WHERE run_id = :may;
SELECT bool_and(gapless) AS gapless, sum(journals) AS journals FROM public.numbers;
SELECT acct.update_balance_snapshot() AS wrong;
-- A number that would not fit
UPDATE acct.journal_number SET last_number = 999999998 WHERE period_month = '2025-05-01' AND basis = 'PRIMARY';
CALL public.txn(12, '2025-05-01', 'A', 10);
CALL public.txn(13, '2025-05-01', 'A', 10);
SELECT public.posted('2025-05-01', 'may-2') AS may2 \gset
:why
SELECT count(*) AS journals FROM acct.ledger_entry_header WHERE txn_id IN (12, 13) AND txn_month = '2025-05-01';

-- What posts, closes and opens is on disk when its commit returns, also for a caller who does not care.
CREATE FUNCTION public.here() RETURNS pg_lsn LANGUAGE sql VOLATILE AS 'SELECT pg_current_wal_insert_lsn()';
SET synchronous_commit = off;
CALL public.txn(9001, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01', 'durable') AS durable \gset
BEGIN;
SELECT count(*) > 0 AS posted FROM acct.post_journals(:durable);
SELECT public.here() AS here \gset
COMMIT;
SELECT pg_current_wal_flush_lsn() > :'here' AS on_disk;
BEGIN;
SELECT public.close_period('2030-01-01', 'MAIN', 'PRIMARY');
SELECT public.here() AS here \gset
COMMIT;
SELECT pg_current_wal_flush_lsn() > :'here' AS on_disk;
BEGIN;
SELECT acct.reopen_period('2030-01-01', 'MAIN', 'PRIMARY');
SET LOCAL synchronous_commit = off;
SELECT public.here() AS here \gset
COMMIT;
SELECT pg_current_wal_flush_lsn() > :'here' AS on_disk;
RESET synchronous_commit;
-- Identifiers of journals differ between runs.
SELECT count(DISTINCT run_id) > 1 AS several_runs, count(*) = count(DISTINCT je_id) AS different, min(je_id) > 0 AS above_zero FROM acct.ledger_entry_header;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

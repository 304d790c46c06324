-- On one path: nothing here depends on it.
-- Journal numbers: in order, and each way in which they can fail to be
\set topic numbering
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2024-12-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('AT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
SELECT count(*) AS nothing FROM acct.check_numbering();
-- Four runs of January, of which the second has an exception and the third is discarded, and one of December
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-15', CASE n WHEN 6 THEN 'NOTHING' ELSE 'A' END, 'P', 'C', 'IDR', CASE n WHEN 7 THEN 'SUB' ELSE 'MAIN' END, n, n FROM generate_series(1, 4) AS n;
SELECT public.posted('2025-01-01', 'one') AS one \gset
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-15', CASE n WHEN 6 THEN 'NOTHING' ELSE 'A' END, 'P', 'C', 'IDR', CASE n WHEN 7 THEN 'SUB' ELSE 'MAIN' END, n, n FROM generate_series(5, 8) AS n;
SELECT public.posted('2025-01-01', 'two') AS two \gset
CALL public.txn(9, '2025-01-01', 'A');
SELECT acct.discard_run(public.expanded('2025-01-01', 'gone')) AS discarded;
SELECT public.posted('2025-01-01', 'three') AS three \gset
CALL public.txn(10, '2025-01-01', 'A');
CALL public.txn(11, '2024-12-01', 'A');
SELECT public.posted('2025-01-01', 'four') AS four, public.posted('2024-12-01', 'dec') AS dec \gset
SELECT month, entity_code, basis, finding, from_number, to_number, numbers, run_id FROM acct.check_numbering();
SELECT entity_code, basis, from_number, to_number, numbers, explanation FROM acct.check_numbering('2025-01-01', 'SUB', 'TAX');
SELECT count(*) AS quiet FROM acct.check_numbering('2025-02-01');

-- Explanations with numbers of runs by their keys, and times as T
CREATE FUNCTION public.found(month date DEFAULT '2025-01-01', entity text DEFAULT 'MAIN', basis text DEFAULT 'PRIMARY')
RETURNS TABLE (finding text, from_number text, to_number text, numbers bigint, run text, explanation text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    f record;
    r record;
BEGIN
    FOR f IN SELECT n.*, k.run_key FROM acct.check_numbering($1, $2, $3) AS n LEFT JOIN acct.journal_run AS k ON k.run_id = n.run_id WHERE n.finding <> 'in order' LOOP
        explanation := regexp_replace(f.explanation, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*\+00', 'T', 'g');
        FOR r IN SELECT * FROM acct.journal_run ORDER BY run_id DESC LOOP
            explanation := regexp_replace(explanation, format('\m(runs?|and) %s\M', r.run_id), '\1 ' || r.run_key, 'g');
        END LOOP;
        RETURN QUERY SELECT f.finding, f.from_number, f.to_number, f.numbers, f.run_key, explanation;
    END LOOP;
END
$$;
ALTER TABLE acct.ledger_entry_header_2025_01 DISABLE TRIGGER USER;
\x
-- A journal within a run, and the last one
BEGIN;
DELETE FROM acct.ledger_entry_header_2025_01 WHERE basis = 'PRIMARY' AND txn_id IN (3, 10);
SELECT * FROM public.found();
ROLLBACK;
-- A run without a trace in the ledger, and one with its record, at the beginning
BEGIN;
DELETE FROM acct.ledger_entry_header_2025_01 WHERE run_id IN (:one, :three);
SELECT * FROM public.found();
ROLLBACK;
-- A forged journal, with a number of its own, and one that is none of the month; neither is of a run
BEGIN;
INSERT INTO acct.ledger_entry_header_2025_01 (je_id, run_id, je_date, line_count, entity_code, basis, currency, total_debit, total_credit, je_number, posted_at)
VALUES (900001, 99, '2025-01-20', 2, 'MAIN', 'PRIMARY', 'IDR', 1, 1, '202501-000000010', clock_timestamp()), (900002, 99, '2025-01-20', 2, 'MAIN', 'PRIMARY', 'IDR', 1, 1, '202502-1', clock_timestamp());
SELECT * FROM public.found();
ROLLBACK;
-- A number twice, where its key was dropped
BEGIN;
ALTER TABLE acct.ledger_entry_header_2025_01 DROP CONSTRAINT ledger_entry_header_2025_01_number_key;
UPDATE acct.ledger_entry_header_2025_01 SET je_number = '202501-000000002' WHERE basis = 'PRIMARY' AND txn_id = 3;
SELECT * FROM public.found();
ROLLBACK;
-- Numbers exchanged, with their times and without; a time that was changed
BEGIN;
UPDATE acct.ledger_entry_header_2025_01 SET je_number = CASE txn_id WHEN 4 THEN '202501-X' ELSE '202501-000000004' END WHERE basis = 'PRIMARY' AND txn_id IN (4);
UPDATE acct.ledger_entry_header_2025_01 AS h SET je_number = '202501-000000004' WHERE basis = 'PRIMARY' AND txn_id = 9;
UPDATE acct.ledger_entry_header_2025_01 AS h SET je_number = '202501-000000007' WHERE basis = 'PRIMARY' AND txn_id = 4;
SELECT * FROM public.found();
ROLLBACK;
BEGIN;
UPDATE acct.ledger_entry_header_2025_01 SET posted_at = posted_at + interval '1 day' WHERE txn_id = 2;
SELECT * FROM public.found(basis => 'TAX');
ROLLBACK;
-- The clock was set back: the records of the runs agree.
BEGIN;
UPDATE acct.ledger_entry_header_2025_01 SET posted_at = posted_at - interval '1 day' WHERE run_id = :three;
UPDATE acct.journal_run SET posted_at = posted_at - interval '1 day' WHERE run_id = :three;
SELECT * FROM public.found();
ROLLBACK;
-- What version 0.1.0 posted
BEGIN;
UPDATE acct.ledger_entry_header_2025_01 SET posted_at = posted_at - interval '1 day' WHERE run_id = :three;
UPDATE acct.journal_run SET post_started_at = NULL WHERE run_id = :three;
SELECT * FROM public.found();
ROLLBACK;
-- Counters of an earlier backup, of a later one, and none
BEGIN;
UPDATE acct.journal_number SET last_number = last_number - 2 WHERE period_month = '2025-01-01' AND entity_code = 'MAIN' AND basis = 'PRIMARY';
UPDATE acct.journal_number SET last_number = 3 WHERE period_month = '2025-01-01' AND entity_code = 'SUB' AND basis = 'TAX';
DELETE FROM acct.journal_number WHERE period_month = '2025-01-01' AND entity_code = 'SUB' AND basis = 'PRIMARY';
SELECT * FROM public.found();
SELECT * FROM public.found(entity => 'SUB', basis => NULL);
ROLLBACK;
-- Posting never gives number 0.
BEGIN;
UPDATE acct.ledger_entry_header_2025_01 SET je_number = '202501-000000000' WHERE entity_code = 'SUB' AND basis = 'PRIMARY';
UPDATE acct.journal_number SET last_number = 0 WHERE period_month = '2025-01-01' AND entity_code = 'SUB' AND basis = 'PRIMARY';
SELECT * FROM public.found(entity => 'SUB');
ROLLBACK;
-- All journals of a month
BEGIN;
DELETE FROM acct.ledger_entry_header_2025_01 WHERE entity_code = 'SUB';
SELECT * FROM public.found(entity => 'SUB');
ROLLBACK;
\x
ALTER TABLE acct.ledger_entry_header_2025_01 ENABLE TRIGGER USER;
ALTER TABLE acct.ledger_entry_header_2025_01 ENABLE ALWAYS TRIGGER ledger_immutable;

-- An archived month is read in the archive, a dropped one is said to be dropped.
SELECT count(*) AS closed FROM public.close_period('2024-12-01');
SELECT acct.archive_partition('ledger_entry', '2024-12-01') AS archived;
SELECT month, entity_code, basis, finding, from_number, to_number, numbers FROM acct.check_numbering('2024-12-01');
SELECT acct._drop_archived(a.archive_id) FROM acct.archived_partition AS a;
SELECT month, entity_code, basis, finding, from_number, to_number, numbers, regexp_replace(explanation, 'on \d{4}-\d\d-\d\d by \S+,', 'on DAY by USER,') AS explanation FROM acct.check_numbering('2024-12-01', basis => 'TAX');
SELECT month, finding, count(*) FROM acct.check_numbering() GROUP BY 1, 2 ORDER BY 1, 2;

-- Months that never are: nothing was posted to them.
SELECT count(*) AS rows FROM unnest('{1900-01-01,9999-12-01}'::date[]) AS m, acct.check_numbering(m);
-- Errors
\set VERBOSITY sqlstate
SELECT * FROM acct.check_numbering('infinity'); :why
SELECT * FROM acct.check_numbering('-infinity'); :why
SELECT * FROM acct.check_numbering('4713-02-01 BC'); :why
SELECT * FROM acct.check_numbering('5874897-12-01'); :why
SELECT * FROM acct.check_numbering('2025-01-02'); :why
SELECT * FROM acct.check_numbering('2025-01-01', 'NOWHERE'); :why
SELECT * FROM acct.check_numbering('2025-01-01', basis => 'NONE'); :why
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
SELECT * FROM acct.check_numbering('2025-01-01'); :why
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

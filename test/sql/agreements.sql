-- On one path: the damage is to staging that small runs share.
-- reconcile_transactions(): what sums and hashes show to agree is what comparing one by one finds nothing in
\set topic agreements
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = 50000;
SET ledger_engine.staging_table_min_transactions = 10000;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}');
CALL public.policy('IGN', '{}', '[{"txn_type": "Z"}]', '{"template_type": "IGNORE"}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount * 2,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
-- 3 is ignored, 4 set aside, 6 dated in February, 8 reversed.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, policy_no)
SELECT n, '2025-01-01', CASE n WHEN 6 THEN date '2025-02-03' ELSE '2025-01-10' END, CASE WHEN n % 5 = 0 THEN 'SUB' ELSE 'MAIN' END,
       CASE n WHEN 3 THEN 'Z' WHEN 4 THEN 'NONE' WHEN 8 THEN 'B' ELSE 'A' END, 'P', 'C', 'IDR', 100 * n, 100 * n, nullif('X' || n, 'X7')
  FROM generate_series(1, 12) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
CALL public.txn(1, '2025-02-01', 'B', 70, '2025-01-31');
CALL public.txn(2, '2025-02-01', 'A', 80);
SELECT public.posted('2025-02-01', 'feb') AS feb \gset
SELECT acct.reverse_run(:jan, '2025-01-31', 'Booked twice', '{"template_code": "B"}') AS reversal \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "A", "condition_expr": ":gross_amount < 600"}]');
SELECT acct.correct_run(:jan, '2025-01-31', 'Reserve') AS correction \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:correction);
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo) VALUES ('manual', 'MAIN', '2025-01-31', 'IDR', 'Entered') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (:manual, 1, '1000', 'F1', 40, 0), (:manual, 2, '3000', 'F1', 0, 40);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS approved FROM acct.approve_manual_journal(:manual);
RESET SESSION AUTHORIZATION;
SELECT a.*, b.basis, m.month FROM (VALUES (date '2025-01-01'), ('2025-02-01'), ('2025-03-01')) AS m (month), (VALUES ('PRIMARY'), ('TAX')) AS b (basis), acct._agreements(m.month, b.basis) AS a ORDER BY 6, 5;

-- Does damage and undoes it. Returns what does not agree by sums, what is found, and how many rows are not those that comparing one by one finds.
CREATE FUNCTION public.damaged(in_basis text, VARIADIC statements text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s text;
    found text;
    unlike bigint;
    not_agreed text;
    unsorted bigint;
BEGIN
    FOR s IN SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', t.tgrelid::regclass)
               FROM (SELECT DISTINCT tgrelid FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text ~ 'ledger_entry|txn_source|staging') AS t
             UNION ALL
             -- Keys refuse a number or a line twice.
             SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) FROM pg_constraint AS c
              WHERE c.contype IN ('p', 'u') AND c.conparentid = 0 AND c.conrelid::regclass::text ~ 'ledger_entry' LOOP
        EXECUTE s;
    END LOOP;
    FOREACH s IN ARRAY statements LOOP
        EXECUTE s;
    END LOOP;
    WITH quick AS MATERIALIZED (SELECT r.* FROM acct._reconcile_transactions('2025-01-01', NULL, in_basis, 1000, true) AS r),
    slow AS MATERIALIZED (SELECT r.* FROM acct._reconcile_transactions('2025-01-01', NULL, in_basis, 1000, false) AS r)
    SELECT (SELECT string_agg(DISTINCT q.problem, ', ') FROM quick AS q),
           (SELECT count(*) FROM ((TABLE quick EXCEPT ALL TABLE slow) UNION ALL (TABLE slow EXCEPT ALL TABLE quick)) AS x),
           (SELECT string_agg(x.name, ', ') FROM acct._agreements('2025-01-01', in_basis) AS a
             CROSS JOIN LATERAL (VALUES ('lines', a.lines), ('numbers', a.numbers), ('transactions', a.transactions), ('staging', a.staging)) AS x (name, agree) WHERE NOT x.agree)
      INTO found, unlike, not_agreed;
    -- check_numbering() sorts journals only where the order of runs does not say enough.
    SELECT count(*) INTO unsorted FROM acct._numbering_broken('2025-01-01', 'acct.ledger_entry_header', NULL, NULL)
     WHERE NOT EXISTS (SELECT FROM acct._numbered_runs('2025-01-01', 'acct.ledger_entry_header', NULL, NULL) AS r WHERE r.is_in_order IS NOT TRUE);
    RAISE SQLSTATE 'XX999' USING MESSAGE = concat_ws(' | ', coalesce(not_agreed, 'all agree'), coalesce(found, 'nothing'), nullif(unlike, 0) || ' rows unlike', nullif(unsorted, 0) || ' breaks of numbering');
EXCEPTION WHEN SQLSTATE 'XX999' THEN
    RETURN SQLERRM;
END
$$;
SELECT public.damaged('PRIMARY') AS undamaged;
CREATE TABLE public.damage (n serial, what text, statements text[], basis text DEFAULT 'PRIMARY');
INSERT INTO public.damage (what, statements) VALUES
    ('amount of a header', '{"UPDATE acct.ledger_entry_header SET total_debit = total_debit + 1 WHERE txn_id = 2 AND basis = ''PRIMARY''"}'),
    ('amounts of two headers, to the same sum', '{"UPDATE acct.ledger_entry_header SET total_debit = total_debit + CASE txn_id WHEN 2 THEN 1 ELSE -1 END, total_credit = total_credit + CASE txn_id WHEN 2 THEN 1 ELSE -1 END WHERE txn_id IN (1, 2) AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('a header that is no number', '{"UPDATE acct.ledger_entry_header SET total_debit = ''NaN'' WHERE txn_id = 2 AND basis = ''PRIMARY''"}'),
    ('number of lines of a header', '{"UPDATE acct.ledger_entry_header SET line_count = 3 WHERE txn_id = 2 AND basis = ''TAX''"}'),
    ('line deleted', '{"DELETE FROM acct.ledger_entry_line WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('line of another date', '{"UPDATE acct.ledger_entry_line SET je_date = ''2025-01-11'' WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('line of another month', '{"UPDATE acct.ledger_entry_line SET je_date = ''2025-02-11'' WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('line of another run', '{"UPDATE acct.ledger_entry_line SET run_id = 999 WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY''"}'),
    ('line of another basis', '{"UPDATE acct.ledger_entry_line SET basis = ''TAX'' WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY''"}'),
    ('line of another entity', '{"UPDATE acct.ledger_entry_line SET entity_code = ''SUB'' WHERE txn_id = 2 AND line_no = 1"}'),
    ('lines of two journals exchanged', '{"UPDATE acct.ledger_entry_line AS l SET je_id = (SELECT DISTINCT o.je_id FROM acct.ledger_entry_line AS o WHERE o.basis = l.basis AND o.txn_id = 3 - l.txn_id AND o.je_date = l.je_date) WHERE l.txn_id IN (1, 2) AND l.je_date = ''2025-01-10'' AND l.line_no = 2 AND l.basis = ''PRIMARY''"}'),
    ('line to another account', '{"UPDATE acct.ledger_entry_line SET account_code = ''5000'' WHERE txn_id = 2 AND line_no = 1 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('header deleted', '{"DELETE FROM acct.ledger_entry_header WHERE txn_id = 2 AND basis = ''PRIMARY'' AND journal_type = ''transaction'' AND je_date = ''2025-01-10''"}'),
    ('header twice', '{"INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(x, ''{\"je_number\": \"202501-000000099\"}'')).* FROM acct.ledger_entry_header AS x WHERE txn_id = 2 AND basis = ''PRIMARY''"}'),
    ('header twice, each with half of the lines', '{"INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(x, ''{\"je_number\": \"202501-000000099\"}'')).* FROM acct.ledger_entry_header AS x WHERE txn_id = 2 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''","UPDATE acct.ledger_entry_header SET line_count = 1, total_debit = total_debit / 2, total_credit = total_credit / 2 WHERE txn_id = 2 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('two journals of a transaction', '{"INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(x, ''{\"je_id\": 999999, \"je_number\": \"202501-000000099\"}'')).* FROM acct.ledger_entry_header AS x WHERE txn_id = 2 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''","INSERT INTO acct.ledger_entry_line SELECT (jsonb_populate_record(x, ''{\"je_id\": 999999}'')).* FROM acct.ledger_entry_line AS x WHERE txn_id = 2 AND basis = ''PRIMARY'' AND je_date = ''2025-01-10''"}'),
    ('journal deleted', '{"DELETE FROM acct.ledger_entry_header WHERE txn_id = 2 AND je_date = ''2025-01-10''","DELETE FROM acct.ledger_entry_line WHERE txn_id = 2 AND je_date = ''2025-01-10''"}'),
    ('line of a manual journal', '{"UPDATE acct.ledger_entry_line SET debit = 41 WHERE txn_id IS NULL AND debit = 40"}'),
    ('line of a correction', '{"DELETE FROM acct.ledger_entry_line WHERE run_id = (SELECT run_id FROM acct.journal_run WHERE kind = ''correction'') AND line_no = 1"}'),
    ('journal dated elsewhere', '{"UPDATE acct.ledger_entry_line SET credit = credit + 1 WHERE txn_id = 6 AND credit > 0"}'),
    ('code of a source row', '{"UPDATE acct.txn_source_parent SET product_code = ''Q'' WHERE txn_id = 2 AND txn_month = ''2025-01-01''"}'),
    ('policy of a source row that had none', '{"UPDATE acct.txn_source_parent SET policy_no = '''' WHERE txn_id = 7"}'),
    ('amount of a source row', '{"UPDATE acct.txn_source_parent SET gross_amount = gross_amount + 1, tabarru_amount = tabarru_amount + 1 WHERE txn_id = 2 AND txn_month = ''2025-01-01''"}'),
    ('source row deleted', '{"DELETE FROM acct.txn_source_parent WHERE txn_id = 2 AND txn_month = ''2025-01-01''"}'),
    ('source row added', '{"INSERT INTO acct.txn_source_parent SELECT (jsonb_populate_record(x, ''{\"txn_id\": 99}'')).* FROM acct.txn_source_parent AS x WHERE txn_id = 12"}'),
    ('exception deleted', '{"DELETE FROM acct.je_exception WHERE txn_id = 4"}'),
    ('source and journal changed to the same', '{"UPDATE acct.txn_source_parent SET channel = ''D'' WHERE txn_id = 9","UPDATE acct.ledger_entry_header SET channel = ''D'' WHERE txn_id = 9"}'),
    ('staging changed', '{"UPDATE acct.je_line_staging_small SET account_code = ''5000'' WHERE txn_id = 2 AND line_no = 1"}'),
    ('line added to staging', '{"INSERT INTO acct.je_line_staging_small SELECT * FROM acct.je_line_staging_small WHERE txn_id = 2 AND line_no = 1"}'),
    ('last number missing', '{"UPDATE acct.journal_number SET last_number = last_number + 2 WHERE entity_code = ''SUB''"}'),
    ('counter too low', '{"UPDATE acct.journal_number SET last_number = last_number - 1 WHERE entity_code = ''SUB''"}'),
    ('number twice', '{"UPDATE acct.ledger_entry_header SET je_number = ''202501-000000002'' WHERE txn_id = 12 AND basis = ''PRIMARY''"}'),
    ('numbers exchanged', '{"UPDATE acct.ledger_entry_header AS h SET je_number = (SELECT o.je_number FROM acct.ledger_entry_header AS o WHERE o.txn_id = 3 - h.txn_id AND o.basis = h.basis AND o.journal_type = ''transaction'' AND o.je_date = h.je_date) WHERE h.txn_id IN (1, 2) AND h.journal_type = ''transaction'' AND h.je_date = ''2025-01-10''"}'),
    ('time changed', '{"UPDATE acct.ledger_entry_header SET posted_at = posted_at + interval ''1 day'' WHERE txn_id = 2"}');
UPDATE public.damage SET basis = 'TAX' WHERE what IN ('number of lines of a header', 'line of another basis');
SELECT d.what, public.damaged(d.basis, VARIADIC d.statements) AS "not agreed | found" FROM public.damage AS d ORDER BY d.n;
-- Without staging, and archived
UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging';
UPDATE acct.journal_run SET posted_at = posted_at - interval '1 day' WHERE posted_at IS NOT NULL;
SELECT count(*) > 0 AS dropped FROM acct.apply_retention() WHERE action = 'drop staging';
SELECT public.damaged('PRIMARY') AS without_staging;
SELECT d.what, public.damaged(d.basis, VARIADIC d.statements) AS "not agreed | found" FROM public.damage AS d WHERE d.what IN ('line deleted', 'code of a source row', 'number twice') ORDER BY d.n;
SELECT public.damaged('PRIMARY', 'UPDATE acct.ledger_entry_line SET debit = ''NaN'' WHERE txn_id = 2 AND debit > 0') AS "line that is no number";
SELECT acct.waive_exception(:jan, 4, 'PRIMARY', 'Settled') AS waived;
SELECT count(*) AS closed FROM acct.close_period('2025-01-01');
SELECT acct.archive_partition('txn_source_parent', '2025-01-01') AS source, acct.archive_partition('ledger_entry', '2025-01-01') AS ledger;
SELECT public.damaged('PRIMARY') AS archived;
SELECT public.damaged('PRIMARY', 'UPDATE acct_archive.ledger_entry_line_2025_01 SET debit = debit + 1 WHERE txn_id = 2 AND debit > 0') AS "archived line";

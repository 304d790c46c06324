-- Corrections of a run that has ledger partitions of its own: what is posted is read by page, alone and with workers
\set topic correction_large
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
SET ledger_engine.run_partition_min_transactions = 1000;
SET min_parallel_table_scan_size = 0;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
SELECT n * 17, '2025-01-01', date '2025-01-01' + (n % 28), 'A', 'P', 'C', 'IDR', n, n FROM generate_series(1, 1600) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
SELECT cardinality(acct._range_tables(:jan)) AS tables;
-- Some of the rows that are taken, each time by other rules: a few, more, most, none.
CREATE FUNCTION public.corrected(id bigint, share text, workers integer) RETURNS TABLE (journals bigint, lines bigint, failed bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
    correction bigint;
BEGIN
    PERFORM set_config('ledger_engine.max_workers', workers::text, true);
    CALL public.policy('A', ARRAY['DR 1000 F1 :gross_amount', format('CR 4000 F1 (%s) * :gross_amount', share), 'CR 2000 F1 *'], NULL, '{"effective_from": "2025-01-01"}');
    correction := acct.correct_run(id, '2025-02-28', 'Another share');
    SELECT x.journals, x.lines INTO journals, lines FROM acct.expand_journals(correction) AS x;
    SELECT count(*) INTO failed FROM acct.validate_run(correction) AS v WHERE NOT v.passed;
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM FROM acct.post_journals(correction);
    RESET SESSION AUTHORIZATION;
    EXECUTE format('SELECT count(*) FROM (SELECT l.txn_id, l.account_code, sum(l.credit - l.debit) AS amount FROM acct.ledger_entry_line AS l GROUP BY 1, 2) AS l '
                   'JOIN acct.txn_source_parent AS s USING (txn_id) '
                   'WHERE l.amount <> CASE l.account_code WHEN ''1000'' THEN -s.gross_amount WHEN ''4000'' THEN round((%1$s) * s.gross_amount, 2) '
                   '                                      ELSE s.gross_amount - round((%1$s) * s.gross_amount, 2) END', replace(share, ':', 's.')) INTO wrong;
    RETURN NEXT;
END
$$;
SELECT * FROM public.corrected(:jan, '0.6', 2);
SELECT * FROM public.corrected(:jan, 'CASE WHEN mod(:gross_amount, 400) = 0 THEN 0.5 ELSE 0.6 END', 0);
SELECT * FROM public.corrected(:jan, 'CASE WHEN mod(:gross_amount, 20) = 7 THEN 0.7 ELSE 0.6 END', 0);
SELECT * FROM public.corrected(:jan, 'CASE WHEN mod(:gross_amount, 20) = 3 THEN 0.7 ELSE 0.6 END', 2);
SELECT * FROM public.corrected(:jan, 'CASE WHEN mod(:gross_amount, 3) = 0 THEN 0.6 ELSE 0.2 END', 2);
SELECT * FROM public.corrected(:jan, '0.6', 0);
-- The journals that differ do not fit into memory.
ALTER FUNCTION acct._compute_differences(bigint, bigint, text, text, regclass[], bytea) SET work_mem = '64kB';
SELECT * FROM public.corrected(:jan, '0.55', 0);
SELECT * FROM public.corrected(:jan, '0.6', 2);
ALTER FUNCTION acct._compute_differences(bigint, bigint, text, text, regclass[], bytea) SET work_mem = '64MB';
-- Reversed with all corrections, and booked again with workers: what is booked again can be corrected, too.
SELECT acct.reverse_run(:jan, '2025-02-28', 'All of it') AS back \gset
SELECT sum(journals) AS journals, sum(lines) AS lines FROM acct.expand_journals(:back);
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS accounts FROM acct.trial_balance('2025-02-01') WHERE closing_balance <> 0;
SELECT r AS anew FROM acct.rebook_run(:back) AS r \gset
SET ledger_engine.max_workers = 2;
SELECT transactions, journals, lines FROM acct.expand_journals(:anew);
SELECT count(*) AS failed FROM acct.validate_run(:anew) WHERE NOT passed;
SELECT sum(journals) AS journals FROM acct.post_journals(:anew);
RESET ledger_engine.max_workers;
SELECT * FROM public.corrected(:anew, 'CASE WHEN mod(:gross_amount, 20) = 3 THEN 0.7 ELSE 0.6 END', 2);
SELECT * FROM public.corrected(:anew, '0.6', 0);
SELECT * FROM acct.check_balance_snapshot();
-- A run of two months, one of whose partitions has another name: it is not read by page, and all of it is compared.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
SELECT 100000 + n, '2025-02-01', date '2025-01-20' + (n % 28), 'A', 'P', 'C', 'IDR', n, n FROM generate_series(1, 2800) AS n;
-- One process has all journals of January: where several share them, each may have too few for a partition.
SET ledger_engine.max_workers = 0;
SELECT public.posted('2025-02-01', 'two') AS two \gset
RESET ledger_engine.max_workers;
SELECT cardinality(acct._range_tables(:two)) AS tables;
SELECT format('ALTER TABLE acct.ledger_entry_line_2025_02_run_%s RENAME TO another_name', :two) AS statement \gexec
SELECT acct._range_tables(:two);
SELECT * FROM public.corrected(:two, 'CASE WHEN :txn_id > 100000 AND mod(:gross_amount, 20) = 3 THEN 0.7 ELSE 0.6 END', 2);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

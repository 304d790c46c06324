-- On one path: it takes each by itself.
-- Limits: what is as large as it may be works, by each path; one more fails with its SQLSTATE, loses nothing, and can be done
-- again.
\set topic limits
\i test/sql/setup.sql
SET min_parallel_table_scan_size = 0;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
-- A run of a month, and back: posted or not, by each path; the digest without what a path may change.
CREATE FUNCTION public.by_path(month date) RETURNS TABLE (path text, outcome text, journals bigint, lines bigint, exceptions bigint, digest text)
LANGUAGE plpgsql AS $$
DECLARE
    settings text;
    run bigint;
BEGIN
    FOR path, settings IN VALUES ('rows', 'ledger_engine.run_partition_min_transactions=-1 ledger_engine.direct_write=off ledger_engine.bulk_index=off ledger_engine.max_workers=0'),
                                 ('pages', 'ledger_engine.run_partition_min_transactions=0 ledger_engine.direct_write=on ledger_engine.bulk_index=on ledger_engine.max_workers=0'),
                                 ('workers', 'ledger_engine.run_partition_min_transactions=0 ledger_engine.direct_write=on ledger_engine.bulk_index=on ledger_engine.max_workers=2') LOOP
        BEGIN
            PERFORM set_config(split_part(s, '=', 1), split_part(s, '=', 2), true) FROM unnest(string_to_array(settings, ' ')) AS s;
            run := acct.create_run(month);
            PERFORM FROM acct.expand_journals(run);
            PERFORM FROM acct.post_journals(run);
            SELECT CASE WHEN (SELECT bool_and(v.passed) FROM acct.validate_run(run) AS v) AND r.digest = acct.run_digest(run) THEN 'posted' ELSE 'wrong' END,
                   r.journals, r.lines, r.exceptions, left(r.digest, 8)
              INTO outcome, journals, lines, exceptions, digest FROM acct.journal_run AS r WHERE r.run_id = run;
            RAISE EXCEPTION USING ERRCODE = 'XXTRY';
        EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
            RETURN NEXT;
        END;
    END LOOP;
END
$$;
CREATE FUNCTION public.same_by_path(month date) RETURNS TABLE (outcome text, journals bigint, lines bigint, exceptions bigint, same boolean) LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT b.outcome, ', '), max(b.journals), max(b.lines), max(b.exceptions),
           count(DISTINCT (b.journals, b.lines, b.exceptions, b.digest)) = 1 AND count(*) = 3
      FROM public.by_path(month) AS b
$$;

--
-- Templates
--
-- 999 lines
SELECT array_agg(CASE WHEN n < 999 THEN 'DR 1000 F1 :gross_amount * ' || n ELSE 'CR 2000 F1 *' END ORDER BY n)::text AS lines FROM generate_series(1, 999) AS n \gset
CALL public.policy('LONG', :'lines');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-15', 'LONG', 'P' || n % 3, 'C', n, n FROM generate_series(1, 6) AS n;
SELECT * FROM public.same_by_path('2025-01-01');
SELECT public.expanded('2025-01-01') AS run \gset
SELECT DISTINCT line_count, total_debit / txn_id AS debit FROM acct.je_header_staging WHERE run_id = :run;
SELECT acct.discard_run(:run);
\set VERBOSITY sqlstate
INSERT INTO acct.journal_template (template_code) VALUES ('LONGER');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('LONGER', 1000, 'DR', '1000', 'F1', '1'); :why
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('LONGER', 0, 'DR', '1000', 'F1', '1'); :why
\set VERBOSITY default
-- Three thousand templates with thirty thousand match rules. (Their triggers are left out to have them soon.)
SET session_replication_role = replica;
INSERT INTO acct.journal_template (template_code, status, effective_from, maker, approver)
SELECT 'M' || n, 'approved', '2000-01-01', 'a', 'b' FROM generate_series(1, 3000) AS n;
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, product_code, channel, condition_expr, priority)
SELECT 'M' || n, m, 'M' || n / 10, CASE WHEN m > 2 THEN 'P' || n % 10 END, CASE WHEN m > 5 THEN 'C' || m END,
       CASE WHEN m IN (9, 10) THEN ':gross_amount > ' || n END, CASE m WHEN 10 THEN 1 ELSE 100 END
  FROM generate_series(1, 3000) AS n, generate_series(1, 10) AS m;
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
SELECT 'M' || n, l, CASE l WHEN 1 THEN 'DR' ELSE 'CR' END, CASE l WHEN 1 THEN '1000' ELSE '2000' END, 'F1',
       CASE l WHEN 1 THEN ':gross_amount + ' || n END, l = 2
  FROM generate_series(1, 3000) AS n, generate_series(1, 2) AS l;
RESET session_replication_role;
SELECT (SELECT count(*) FROM acct.journal_template WHERE status = 'approved') AS templates, (SELECT count(*) FROM acct.journal_template_match) AS rules;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-02-01', '2025-02-15', 'M' || n * 3, 'P' || n % 12, 'C' || n % 8, 0.5, 0.5 FROM generate_series(1, 99) AS n;
SELECT * FROM public.same_by_path('2025-02-01');
SELECT public.expanded('2025-02-01') AS run \gset
-- By product where a rule names it, else the first of the type that names none
SELECT count(*) AS journals, count(*) FILTER (WHERE template_code = 'M' || CASE WHEN txn_id % 12 < 10 THEN txn_id * 30 + txn_id % 12 ELSE txn_id * 30 END) AS as_meant,
       count(*) FILTER (WHERE total_debit = substr(template_code, 2)::numeric + 0.5) AS amounts
  FROM acct.je_header_staging WHERE run_id = :run;
SELECT reason, count(*) FROM acct.je_exception WHERE run_id = :run GROUP BY 1;
SET session_replication_role = replica;
DELETE FROM acct.journal_template_line WHERE template_code ~ '^M';
DELETE FROM acct.journal_template_match WHERE template_code ~ '^M';
DELETE FROM acct.journal_template WHERE template_code ~ '^M';
RESET session_replication_role;

--
-- Amounts: the largest, and one more
--
CALL public.policy('ONE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('SUM', '{DR 1000 F1 :gross_amount,DR 1000 F1 (:attributes ->> ''more'')::numeric,CR 2000 F1 :gross_amount,CR 3000 F1 *}');
CALL public.txn(1, '2025-03-01', 'ONE', 9999999999999999.9999, currency => 'CY4');
CALL public.txn(2, '2025-03-01', 'ONE', -9999999999999999.9999, currency => 'CY4');
CALL public.txn(3, '2025-03-01', 'ONE', 9999999999999999.9999, currency => 'CY0');
CALL public.txn(4, '2025-03-01', 'SUM', 9999999999999999, currency => 'CY4', attributes => '{"more": 0.9999}');
CALL public.txn(5, '2025-03-01', 'SUM', 9999999999999999, currency => 'CY4', attributes => '{"more": 1}');
SELECT * FROM public.same_by_path('2025-03-01');
SELECT public.posted('2025-03-01') AS run \gset
SELECT txn_id, total_debit, total_credit FROM acct.ledger_entry_header WHERE run_id = :run ORDER BY txn_id;
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id = :run ORDER BY txn_id;
SELECT account_code, currency, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-03-01') ORDER BY 1, 2;
-- Sums of a run and balances go on beyond it.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount)
SELECT n, '2025-04-01', '2025-04-15', 'ONE', 'P', 'C', 'CY4', 9999999999999999.9999, 9999999999999999.9999 FROM generate_series(1, 300) AS n;
SELECT * FROM public.same_by_path('2025-04-01');
SELECT public.posted('2025-04-01') AS run \gset
SELECT debit, credit FROM acct.journal_run WHERE run_id = :run;
SELECT account_code, closing_balance FROM acct.trial_balance('2025-04-01') WHERE currency = 'CY4' ORDER BY 1;

--
-- A month without transactions, with a partition and without
--
SELECT * FROM public.same_by_path('2025-05-01');
SELECT * FROM public.same_by_path('2031-01-01');
SELECT step, rows, detail FROM acct.run_month('2031-01-01', 'empty') WHERE step <> 'create';
SELECT step, rows, detail FROM acct.run_month('2031-01-01', 'empty') WHERE step <> 'create';
SELECT count(*) AS lines FROM acct.trial_balance('2031-01-01') WHERE period_debit <> 0;

--
-- Months of a run: twelve before and after its own
--
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', (date '2025-06-01' + make_interval(months => n - 14))::date, 'ONE', 'P', 'C', n, n FROM generate_series(1, 27) AS n;
SELECT count(*) > 0 AS made FROM acct.rotate_ledger_partitions(24, '2024-06-01'); -- which each path would do, and take back
SELECT * FROM public.same_by_path('2025-06-01');

--
-- Identifiers near the end of bigint
--
CALL public.txn(9223372036854775807, '2025-07-01', 'ONE');
CALL public.txn(-9223372036854775808, '2025-07-01', 'ONE');
SELECT * FROM public.same_by_path('2025-07-01');
SELECT public.posted('2025-07-01') AS run \gset
SELECT h.txn_id, l.debit, l.credit FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h USING (je_id, je_date) WHERE h.run_id = :run ORDER BY 1, 2;
-- Batches: the last number is given once; without one, nothing is loaded.
SELECT setval(pg_get_serial_sequence('acct.txn_batch', 'batch_id'), 9223372036854775806) AS set;
CALL public.txn(1, '2025-08-01', 'ONE');
\set VERBOSITY sqlstate
CALL public.txn(2, '2025-08-01', 'ONE');
\set VERBOSITY default
SELECT txn_id, batch_id FROM acct.txn_source_parent WHERE txn_month = '2025-08-01';
SELECT * FROM public.same_by_path('2025-08-01');
SELECT public.posted('2025-08-01') IS NOT NULL AS posted;
SELECT setval(pg_get_serial_sequence('acct.txn_batch', 'batch_id'), 1000000) AS set;
CALL public.txn(2, '2025-08-01', 'ONE');
SELECT public.posted('2025-08-01') AS run \gset
SELECT transactions, journals FROM acct.journal_run WHERE run_id = :run;
-- Identifiers of journals: those of small runs
SELECT last_value AS je_id_seq FROM acct.je_id_seq \gset
SELECT setval('acct.je_id_seq', (1::bigint << 42) / 1000 * 1000 - 1000) AS set;
SET ledger_engine.run_partition_min_transactions = -1;
CALL public.txn(1, '2025-09-01', 'ONE');
SELECT public.posted('2025-09-01') AS run \gset
SELECT je_id, je_number FROM acct.ledger_entry_header WHERE run_id = :run;
CALL public.txn(2, '2025-09-01', 'ONE');
SELECT acct.create_run('2025-09-01') AS run \gset
\set VERBOSITY sqlstate
SELECT journals FROM acct.expand_journals(:run); :why
\set VERBOSITY default
SELECT status FROM acct.journal_run WHERE run_id = :run;
SELECT setval('acct.je_id_seq', :je_id_seq) AS set \gset
SELECT journals FROM acct.expand_journals(:run);
SELECT journals FROM acct.post_journals(:run);
-- and those of large runs
SELECT last_value AS je_range_seq FROM acct.je_range_seq \gset
SELECT setval('acct.je_range_seq', 2147482621) AS set;
SET ledger_engine.run_partition_min_transactions = 0;
CALL public.txn(3, '2025-09-01', 'ONE');
SELECT public.posted('2025-09-01') AS run \gset
SELECT je_id, je_number FROM acct.ledger_entry_header WHERE run_id = :run;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run);
CALL public.txn(4, '2025-09-01', 'ONE');
SELECT acct.create_run('2025-09-01') AS run \gset
SELECT journals FROM acct.expand_journals(:run);
SELECT status FROM acct.journal_run WHERE run_id = :run;
SET ledger_engine.run_partition_min_transactions = -1;
SELECT journals FROM acct.expand_journals(:run);
SELECT journals FROM acct.post_journals(:run);
SELECT setval('acct.je_range_seq', greatest(:je_range_seq, 1)) AS set \gset
-- Journal numbers of a book and month: the last one is given; what does not fit is not posted, by any path.
CALL public.txn(1, '2025-10-01', 'ONE');
CALL public.txn(2, '2025-10-01', 'ONE');
CALL public.txn(3, '2025-10-01', 'ONE');
INSERT INTO acct.journal_number VALUES ('MAIN', 'PRIMARY', '2025-10-01', 999999997);
SELECT acct.create_run('2025-10-01') AS run \gset
SET ledger_engine.run_partition_min_transactions = 0;
SET ledger_engine.max_workers = 2;
SELECT journals FROM acct.expand_journals(:run);
\set VERBOSITY sqlstate
SELECT journals FROM acct.post_journals(:run); :why
SET ledger_engine.max_workers = 0;
SELECT journals FROM acct.post_journals(:run); :why
\set VERBOSITY default
SELECT last_number FROM acct.journal_number WHERE period_month = '2025-10-01';
SELECT count(*) AS posted FROM acct.ledger_entry_header WHERE run_id = :run;
UPDATE acct.journal_number SET last_number = 999999996 WHERE period_month = '2025-10-01';
SELECT journals FROM acct.post_journals(:run);
SELECT min(je_number) AS first, max(je_number) AS last FROM acct.ledger_entry_header WHERE run_id = :run;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run);

--
-- Temporary files: sorting for an index of a partition of the run
--
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-11-01', '2025-11-15', 'LONG', 'P' || n % 3, 'C', n, n FROM generate_series(1, 40) AS n;
SET ledger_engine.run_partition_min_transactions = 0;
SET ledger_engine.bulk_index = on;
SET maintenance_work_mem = '1MB';
SET max_parallel_maintenance_workers = 0;
SELECT public.expanded('2025-11-01') AS run \gset
SET temp_file_limit = '64kB';
\set VERBOSITY sqlstate
SELECT lines FROM acct.post_journals(:run);
\set VERBOSITY default
SELECT status, (SELECT count(*) FROM acct.ledger_entry_line AS l WHERE l.run_id = r.run_id) AS lines FROM acct.journal_run AS r WHERE r.run_id = :run;
RESET temp_file_limit;
SELECT lines FROM acct.post_journals(:run);
SELECT digest = acct.run_digest(:run) AS same FROM acct.journal_run WHERE run_id = :run;
RESET ledger_engine.bulk_index;
RESET maintenance_work_mem;

--
-- Runs: the last two numbers
--
SELECT setval(pg_get_serial_sequence('acct.journal_run', 'run_id'), 9223372036854775805) AS set;
CALL public.txn(1, '2025-12-01', 'ONE');
SELECT public.posted('2025-12-01') AS run;
CALL public.txn(2, '2025-12-01', 'ONE');
SET ledger_engine.run_partition_min_transactions = -1;
SELECT public.posted('2025-12-01', 'last') AS run \gset
SELECT run_id, status, journals FROM acct.journal_run WHERE run_id > 9223372036854770000 ORDER BY 1;
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.run_id > 9223372036854770000;
CALL public.txn(3, '2025-12-01', 'ONE');
\set VERBOSITY sqlstate
SELECT acct.create_run('2025-12-01');
\set VERBOSITY default
SELECT count(*) AS claimed FROM acct.journal_run_batch AS b JOIN acct.txn_source_parent AS s USING (batch_id, txn_month) WHERE s.txn_month = '2025-12-01' AND s.txn_id = 3;
SELECT acct.update_balance_snapshot() AS wrong;
-- The log's own numbers
SELECT setval(pg_get_serial_sequence('acct.journal_run', 'run_id'), 1000000) AS set;
SELECT setval(pg_get_serial_sequence('acct.run_log', 'log_id'), 9223372036854775807) AS set;
\set VERBOSITY sqlstate
SELECT public.posted('2025-12-01', 'log');
\set VERBOSITY default
SELECT count(*) AS runs FROM acct.journal_run WHERE run_key = 'log';
SELECT setval(pg_get_serial_sequence('acct.run_log', 'log_id'), 1000000) AS set;
SELECT public.posted('2025-12-01', 'log') AS run;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

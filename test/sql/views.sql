-- Views: staging with its run's state, and each fund's part of a journal
\set topic views
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('F', '{DR 1000 F1 :gross_amount * 0.3,CR 2000 F1 *,DR 1000 F2 :gross_amount * 0.7,CR 2000 F2 :gross_amount * 0.35,CR 4000 F2 *}');
CALL public.policy('X', '{DR 1000 F1 :gross_amount,CR 2000 F2 *}', NULL, '{"balance_by_fund": false, "require_balanced": false}');
SELECT count(*) AS staging, (SELECT count(*) FROM acct.fund_journal) AS funds FROM acct.run_staging;
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'F', 100.01);
CALL public.txn(3, '2025-01-01', 'NOTHING');
SELECT public.expanded('2025-01-01') AS run \gset
SELECT run_id = :run AS this_run, txn_id, txn_month, je_date, entity_code, basis, template_code, template_version, currency, total_debit, total_credit, line_count, is_posted, posted_at
  FROM acct.run_staging ORDER BY txn_id;
SELECT count(*) AS funds FROM acct.fund_journal;
SELECT journals FROM acct.post_journals(:run);
SELECT txn_id, is_posted, posted_at = (SELECT posted_at FROM acct.journal_run WHERE run_id = :run) AS at_once FROM acct.run_staging ORDER BY txn_id;
SELECT txn_id, je_number, fund_je_number, fund, je_date, basis, template_code, currency, total_debit, total_credit, line_count FROM acct.fund_journal ORDER BY fund_je_number;
-- Each is balanced by itself where the template says so; together they are the journals.
CALL public.txn(4, '2025-02-01', 'F', 33.33);
CALL public.txn(5, '2025-02-01', 'F', -7.77);
CALL public.txn(6, '2025-02-01', 'F', 0.01);
SELECT public.expanded('2025-02-01') AS run2 \gset
SELECT is_posted, count(*) FROM acct.run_staging GROUP BY 1 ORDER BY 1;
SELECT journals FROM acct.post_journals(:run2);
SELECT count(*) AS fund_journals, count(*) FILTER (WHERE total_debit <> total_credit) AS unbalanced, sum(total_debit) AS debit FROM acct.fund_journal;
SELECT count(*) AS journals, count(*) FILTER (WHERE f.debit IS DISTINCT FROM h.total_debit OR f.credit IS DISTINCT FROM h.total_credit OR f.lines IS DISTINCT FROM h.line_count) AS different
  FROM acct.ledger_entry_header AS h LEFT JOIN (SELECT je_id, sum(total_debit) AS debit, sum(total_credit) AS credit, sum(line_count) AS lines FROM acct.fund_journal GROUP BY 1) AS f USING (je_id);
-- A discarded run is not seen.
CALL public.txn(7, '2025-02-01', 'X', 5);
SELECT public.expanded('2025-02-01') AS run3 \gset
SELECT count(*) AS staged FROM acct.run_staging WHERE run_id = :run3;
SELECT acct.discard_run(:run3);
SELECT count(*) AS staged FROM acct.run_staging WHERE run_id = :run3;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

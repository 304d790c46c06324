-- Late items: journals of closed months, moved to the next open month of their book
\set topic late
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(8, '2024-12-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_to": "2025-02-01"}');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"effective_from": "2025-02-01"}');
CREATE VIEW public.dated AS
SELECT h.run_id, h.txn_id, h.entity_code, h.basis, h.template_version AS version, h.je_date, h.original_date, l.je_date AS line_date,
       string_agg(l.account_code, ' ' ORDER BY l.line_no) AS accounts
  FROM acct.je_header_staging AS h JOIN acct.je_line_staging AS l USING (run_id, je_id)
 GROUP BY h.run_id, h.je_id, h.txn_id, h.entity_code, h.basis, h.template_version, h.je_date, h.original_date, l.je_date;
CREATE VIEW public.booked AS
SELECT h.run_id, h.txn_id, h.entity_code, h.basis, h.template_version AS version, h.je_number, h.je_date, h.original_date, l.je_date AS line_date,
       string_agg(l.account_code, ' ' ORDER BY l.line_no) AS accounts
  FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_line AS l USING (run_id, je_id)
 GROUP BY h.run_id, h.je_id, h.txn_id, h.entity_code, h.basis, h.template_version, h.je_number, h.je_date, h.original_date, l.je_date;
-- Closes periods; the arguments follow.
\set closed 'SELECT count(*) AS closed FROM public.close_period('

-- Rejected unless the run's options say otherwise.
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'A', 100, '2025-01-31');
CALL public.txn(3, '2025-01-01', 'A', 100, '2025-02-10');
CALL public.txn(4, '2025-01-01', 'A', 100, entity => 'OTHER');
:closed '2025-01-01', 'MAIN', 'PRIMARY');
SELECT public.expanded('2025-01-01', 'jan') AS jan \gset
SELECT * FROM public.outcome(:jan);
SELECT message FROM acct.je_exception WHERE run_id = :jan AND txn_id = 1;
SELECT acct.discard_run(:jan);
SELECT public.expanded('2025-01-01', 'jan', '{"late": "reject"}') AS jan \gset
SELECT exceptions FROM acct.journal_run WHERE run_id = :jan;
-- Another option, another run
SELECT acct.create_run('2025-01-01', 'jan') = :jan AS same;
SELECT acct.create_run('2025-01-01', 'jan', '{"late": "next_open"}');
SELECT acct.discard_run(:jan);
SELECT acct.create_run('2025-01-01', 'jan', '{"late": "first_open"}');
SELECT acct.create_run('2025-01-01', 'jan', '{"late": null}');
SELECT acct.create_run('2025-01-01', 'jan', '{"late": ["next_open"]}');

-- Moved: each to the first day of its book's next open month. The rule is that of its own date.
SELECT public.expanded('2025-01-01', 'jan', '{"late": "next_open"}') AS jan \gset
SELECT txn_id, entity_code, version, je_date, original_date, line_date, accounts FROM public.dated WHERE run_id = :jan ORDER BY 1;
SELECT entity_code, je_month, sum(debit) AS debit, sum(line_count) AS lines FROM acct.journal_run_total WHERE run_id = :jan GROUP BY 1, 2 ORDER BY 1, 2;
SELECT all_passed FROM acct.check_run('jan');
SELECT acct.create_run('2025-01-01', 'jan', '{"late": "next_open"}') = :jan AS same;
-- Policy that changes for other dates is no reason to expand again; nor is a month that was opened.
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, effective_from) VALUES ('6000', 'Later', 'ASSET', '2025-02-01');
UPDATE acct.chart_of_accounts SET effective_to = '2025-02-01' WHERE account_code = '2000';
UPDATE acct.entity SET effective_to = '2025-02-01' WHERE entity_code = 'OTHER';
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT bool_and(already_done) AS already_done FROM acct.expand_journals('jan');
SELECT check_name FROM acct.validate_run(:jan) WHERE NOT passed;
SELECT ledger_partition, journals, lines FROM acct.post_journals('jan');
SELECT txn_id, version, je_number, je_date, original_date, line_date, accounts FROM public.booked WHERE run_id = :jan ORDER BY 1;
SELECT all_passed FROM acct.check_run('jan');
SELECT acct.run_digest('jan') = digest AS same FROM acct.journal_run WHERE run_id = :jan;
SELECT account_code, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-01-01', 'MAIN');
SELECT account_code, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-02-01', 'MAIN');
SELECT count(*) AS differences FROM acct.check_balance_snapshot(NULL);
SELECT txn_id, original_date FROM acct.fund_journal WHERE original_date IS NOT NULL ORDER BY 1;

-- Accounts, account maps and entities are those of the transaction's own date, too.
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = '2000';
UPDATE acct.entity SET effective_to = NULL WHERE entity_code = 'OTHER';
UPDATE acct.entity SET effective_from = '2025-01-20', effective_to = '2025-01-25' WHERE entity_code = 'SUB';
CALL public.policy('OLD', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('NEW', '{DR 6000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('MAPPED', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}');
UPDATE acct.chart_of_accounts SET effective_to = '2025-01-16' WHERE account_code = '4000';
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund, effective_from, effective_to)
VALUES ('P', '5000', 'F1', '2000', 'F1', '2025-01-01', '2025-01-16'), ('P', '5000', 'F1', '3000', 'F1', '2025-01-16', NULL);
CALL public.txn(11, '2025-01-01', 'OLD', 100);
CALL public.txn(12, '2025-01-01', 'OLD', 100, '2025-01-16');
CALL public.txn(13, '2025-01-01', 'NEW', 100);
CALL public.txn(14, '2025-01-01', 'MAPPED', 100);
CALL public.txn(15, '2025-01-01', 'MAPPED', 100, '2025-01-17');
CALL public.txn(16, '2025-01-01', 'A', 100, '2025-01-22', entity => 'SUB');
CALL public.txn(17, '2025-01-01', 'A', 100, '2025-01-25', entity => 'SUB');
:closed '2025-01-01');
:closed '2025-02-01', 'MAIN', 'PRIMARY');
SELECT public.expanded('2025-01-01', 'rules', '{"late": "next_open"}') AS rules \gset
SELECT txn_id, entity_code, je_date, original_date, accounts FROM public.dated WHERE run_id = :rules ORDER BY 1;
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id = :rules ORDER BY 1;
-- Policy that no longer allows the original dates is.
UPDATE acct.chart_of_accounts SET effective_to = '2025-01-10' WHERE account_code = '4000';
UPDATE acct.entity SET effective_to = '2025-01-21' WHERE entity_code = 'SUB';
UPDATE acct.product_account_map SET effective_to = '2025-01-10' WHERE mapped_account_code = '2000';
UPDATE acct.product_account_map SET effective_from = '2025-01-10' WHERE mapped_account_code = '3000';
SELECT actual FROM acct.validate_run(:rules) WHERE check_name = 'policy_in_force';
SELECT * FROM acct.post_journals(:rules);
SELECT sum(journals) AS journals, sum(exceptions) AS exceptions FROM acct.expand_journals(:rules);
SELECT txn_id, entity_code, je_date, original_date, accounts FROM public.dated WHERE run_id = :rules ORDER BY 1;
CALL public.policy('MAPPED', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}', NULL, '{"effective_from": "2025-02-01"}');
SELECT actual FROM acct.validate_run(:rules) WHERE check_name = 'policy_in_force';
CALL public.policy('MAPPED', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}', NULL, '{"effective_from": "2025-01-17", "effective_to": "2025-01-18"}');
SELECT actual FROM acct.validate_run(:rules) WHERE check_name = 'policy_in_force';
SELECT sum(journals) AS journals FROM acct.expand_journals(:rules);
SELECT sum(journals) AS journals FROM acct.post_journals(:rules);
SELECT all_passed FROM acct.check_run(:rules);
UPDATE acct.entity SET effective_from = NULL, effective_to = NULL WHERE entity_code = 'SUB';

-- Exceptions of a run that moves are taken up again by one that does.
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = '4000';
SELECT acct.reprocess_exceptions(:rules) AS again \gset
SELECT options FROM acct.journal_run WHERE run_id = :again;
SELECT sum(journals) AS journals FROM acct.expand_journals(:again);
SELECT txn_id, entity_code, je_date, original_date, accounts FROM public.dated WHERE run_id = :again ORDER BY 1;
SELECT acct.discard_run(:again);
-- What a run that does not move has set aside is moved by one that does.
CALL public.txn(18, '2025-01-01', 'A', 100);
SELECT public.posted('2025-01-01', 'rejects') AS rejects \gset
SELECT acct.reprocess_exceptions(:rejects, '{"basis": "PRIMARY"}');
SELECT acct.reprocess_ignored(:rejects, '{"basis": "PRIMARY"}');
SELECT acct.reprocess_exceptions('rejects', '{"late": "maybe"}');
SELECT acct.reprocess_exceptions('rejects', '{"late": "next_open"}') AS moved \gset
SELECT options FROM acct.journal_run WHERE run_id = :moved;
SELECT sum(journals) AS journals FROM acct.expand_journals(:moved);
SELECT all_passed FROM acct.check_run(:moved);
SELECT sum(journals) AS journals FROM acct.post_journals(:moved);
SELECT txn_id, je_date, original_date FROM public.booked WHERE run_id = :moved;

-- Each book for itself.
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', true);
CALL public.policy('AT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CALL public.txn(21, '2025-01-01', 'A', 100);
:closed '2025-04-01', 'MAIN', 'PRIMARY');
SELECT public.expanded('2025-01-01', 'books', '{"late": "next_open"}') AS books \gset
SELECT basis, je_date, original_date FROM public.dated WHERE run_id = :books AND txn_id = 21 ORDER BY 1;
-- A month that is closed before the run is posted is refused; expanding again moves on, past April.
:closed '2025-03-01', 'MAIN', 'PRIMARY');
SELECT check_name, actual FROM acct.validate_run(:books) WHERE NOT passed;
SELECT * FROM acct.post_journals(:books);
SELECT bool_or(already_done) AS already_done FROM acct.expand_journals(:books);
SELECT basis, je_date, original_date FROM public.dated WHERE run_id = :books AND txn_id = 21 ORDER BY 1;
SELECT all_passed FROM acct.check_run('books');
SELECT sum(journals) AS journals FROM acct.post_journals(:books);
-- By itself where a procedure does the steps.
CALL public.txn(22, '2025-01-01', 'A', 100);
SELECT public.expanded('2025-01-01', 'steps', '{"late": "next_open", "basis": "PRIMARY"}') AS steps \gset
:closed '2025-05-01', 'MAIN', 'PRIMARY');
CALL acct.process_run(:steps);
SELECT txn_id, je_date, original_date FROM public.booked WHERE run_id = :steps;
-- A run that does not move keeps what it was expanded to.
CALL public.txn(23, '2025-06-01', 'A', 100);
SELECT public.expanded('2025-06-01', 'stays', '{"basis": "PRIMARY"}') AS stays \gset
:closed '2025-06-01', 'MAIN', 'PRIMARY');
SELECT bool_and(already_done) AS already_done FROM acct.expand_journals(:stays);
SELECT * FROM acct.post_journals(:stays);
SELECT acct.discard_run(:stays);

-- In one call, and by the clock
SELECT step, detail FROM acct.run_month('2025-06-01', NULL, '{"late": "next_open", "basis": "PRIMARY"}') WHERE step IN ('expand', 'post');
SELECT txn_id, je_date, original_date FROM public.booked WHERE txn_id = 23;
CALL public.txn(24, '2025-06-01', 'A', 100);
CALL acct.process_month('2025-06-01', NULL, '{"late": "next_open", "basis": "PRIMARY"}');
CALL public.txn(25, '2025-06-01', 'A', 100);
CALL acct.run_job('run', '{"late": "next_open", "basis": "PRIMARY"}');
SELECT txn_id, je_number, je_date, original_date FROM public.booked WHERE txn_id BETWEEN 23 AND 25 AND basis = 'PRIMARY' ORDER BY 1;
CALL acct.run_job('run', '{"late": "sometime"}');

-- Archived months are closed for every book.
SELECT count(*) AS archived FROM public.close_period('2025-07-01'), acct.archive_partition('ledger_entry', '2025-07-01') WHERE basis = 'PRIMARY' AND entity_code = 'MAIN';
CALL public.txn(31, '2025-06-01', 'A', 100);
SELECT public.expanded('2025-06-01', 'archived', '{"late": "next_open", "basis": "PRIMARY"}') AS archived \gset
SELECT txn_id, je_date, original_date FROM public.dated WHERE run_id = :archived;
CALL public.txn(32, '2025-07-01', 'A', 100);
SELECT public.expanded('2025-07-01', 'itself', '{"late": "next_open", "basis": "PRIMARY"}') AS itself \gset
SELECT txn_id, je_date, original_date FROM public.dated WHERE run_id = :itself;
SELECT sum(p.journals) AS journals FROM unnest(ARRAY[:archived, :itself]) AS r, acct.post_journals(r) AS p;

-- Where no month is open for five years after the transaction month, or in the years that posting_limit allows, it is set aside.
SELECT count(*) AS closed FROM generate_series(date '2025-08-01', '2030-06-01', '1 month') AS m, public.close_period(m::date, 'MAIN', 'PRIMARY');
CALL public.txn(41, '2025-06-01', 'A', 100);
CALL public.txn(42, '2025-07-01', 'A', 100);
SELECT public.expanded('2025-06-01', 'far', '{"late": "next_open", "basis": "PRIMARY"}') AS far \gset
SELECT reason, message FROM acct.je_exception WHERE run_id = :far;
SELECT public.expanded('2025-07-01', 'near', '{"late": "next_open", "basis": "PRIMARY"}') AS near \gset
SELECT txn_id, je_date, original_date FROM public.dated WHERE run_id = :near;
UPDATE acct.posting_limit SET value = 2029 WHERE name = 'last_year';
SELECT actual FROM acct.validate_run(:near) WHERE check_name = 'policy_in_force';
SELECT sum(exceptions) AS exceptions FROM acct.expand_journals(:near);
SELECT reason, message FROM acct.je_exception WHERE run_id = :near;
SELECT acct.discard_run(r) FROM unnest(ARRAY[:far, :near]) AS r;
-- posting_limit.months_apart is about value dates, not about where late journals go.
UPDATE acct.posting_limit SET value = CASE name WHEN 'months_apart' THEN 0 ELSE 2030 END WHERE name IN ('months_apart', 'last_year');
SELECT acct.reopen_period('2026-01-01', 'MAIN', 'PRIMARY');
SELECT public.expanded('2025-06-01', 'limit', '{"late": "next_open", "basis": "PRIMARY"}') AS limit \gset
SELECT txn_id, je_date, original_date FROM public.dated WHERE run_id = :limit;
INSERT INTO acct.currency VALUES ('ZZZ', 2);
SELECT all_passed FROM acct.check_run('limit');
SELECT sum(journals) AS journals FROM acct.post_journals(:limit);
UPDATE acct.posting_limit SET value = 12 WHERE name = 'months_apart';

-- With columns of a site's own, and a policy_no too long for a ready-made header.
SELECT acct.add_dimension('branch', 'text');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount, policy_no, branch)
VALUES (51, '2025-07-01', '2025-07-03', 'A', 'P', 'C', 'MAIN', 100, 100, repeat('x', 300), 'north');
SELECT public.posted('2025-07-01', 'site', '{"late": "next_open", "basis": "PRIMARY"}') AS site \gset
SELECT h.txn_id, h.je_number, h.je_date, h.original_date, h.branch, length(h.policy_no) AS policy_no, r.digest = acct.run_digest(r.run_id) AS same
  FROM acct.ledger_entry_header AS h JOIN acct.journal_run AS r USING (run_id) WHERE h.run_id = :site ORDER BY 1;

-- More journals than a month that is not the run's own needs for a partition of its own
SELECT acct.reopen_period('2025-12-01', 'MAIN', 'PRIMARY');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, entity_code, gross_amount, tabarru_amount)
SELECT 1000 + n, '2025-07-01', date '2025-07-01' + n % 31, 'A', 'P', 'C', 'MAIN', n, n FROM generate_series(1, 3000) AS n;
SELECT sum(journals) AS journals FROM acct.create_run('2025-07-01', 'many', '{"late": "next_open", "basis": "PRIMARY"}') AS r, acct.expand_journals(r);
SELECT all_passed FROM acct.check_run('many');
SELECT sum(journals) AS journals FROM acct.post_journals('many');
SELECT all_passed FROM acct.check_run('many');
SELECT h.je_date, count(*) AS journals, count(DISTINCT h.original_date) AS dates, min(h.je_number) AS first, max(h.je_number) AS last, sum(h.total_debit) AS debit
  FROM acct.ledger_entry_header AS h JOIN acct.journal_run AS r USING (run_id) WHERE r.run_key = 'many' GROUP BY 1;
SELECT count(*) AS wrong FROM acct.ledger_entry_header AS h JOIN acct.txn_source_parent AS s USING (txn_id, txn_month)
 WHERE h.run_id = (SELECT r.run_id FROM acct.journal_run AS r WHERE r.run_key = 'many') AND h.original_date IS DISTINCT FROM s.bank_value_date;
SELECT count(*) AS differences FROM acct.check_balance_snapshot(NULL);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

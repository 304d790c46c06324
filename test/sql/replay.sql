-- Replay: a posted run computed again by the policy of its time
\set topic replay
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2051-01-01');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}', '[{"txn_type": "B", "condition_expr": ":gross_amount < 5000"}]');
CALL public.policy('I', '{}', '[{"txn_type": "I"}]', '{"template_type": "IGNORE"}');
CALL public.policy('T', '{DR 1000 F1 0.2 * :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2051-01-01', date '2050-12-20' + (n % 40), (ARRAY['A', 'B', 'I', 'NONE'])[1 + n % 4], 'P' || n % 2, 'C', CASE n % 5 WHEN 0 THEN 'CY0' ELSE 'IDR' END,
       CASE n % 7 WHEN 0 THEN 'SUB' ELSE 'MAIN' END, n * 10.01, n * 10.01 FROM generate_series(1, 600) AS n;
-- December is closed for one book, so that some go to January and some are exceptions.
SELECT count(*) FROM public.close_period('2050-12-01', 'SUB', 'PRIMARY');
SELECT public.posted('2051-01-01', 'jan', '{"basis": "PRIMARY", "late": "next_open"}') AS jan \gset
SELECT public.posted('2051-01-01', 'tax', '{"basis": "TAX"}') AS tax \gset
SELECT * FROM acct.replay_run(:jan);
SELECT count(*) FILTER (WHERE NOT passed) AS wrong FROM acct.replay_run('tax');

--
-- Policy and periods change; the run comes out as it was
--
CREATE FUNCTION public.failed(id bigint) RETURNS TABLE (check_name text, expected text, actual text) LANGUAGE sql AS $$
    SELECT r.check_name, CASE r.check_name WHEN 'policy' THEN '...' ELSE r.expected END, r.actual FROM acct.replay_run($1, 3) AS r WHERE NOT r.passed
$$;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.5 * :gross_amount,CR 2000 F1 *}');
CALL public.policy('N', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "NONE"}, {"txn_type": "I", "priority": 1}]');
SELECT public.retire('T', 1, '2051-01-02');
SELECT public.retire('B', 1, '2000-01-01');
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P1', '4000', 'F1', '3000', 'F1');
UPDATE acct.chart_of_accounts SET effective_to = '2051-01-05' WHERE account_code = '4000';
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '2000';
UPDATE acct.entity SET effective_to = '2051-01-10' WHERE entity_code = 'SUB';
INSERT INTO acct.currency (currency, minor_units) VALUES ('NEW', 2);
UPDATE acct.posting_limit SET value = 1 WHERE name = 'months_apart';
UPDATE acct.accounting_basis SET every_transaction = false WHERE basis = 'PRIMARY';
SELECT acct.reopen_period('2050-12-01', 'SUB', 'PRIMARY', 'a test') AS reopened;
SELECT count(*) FROM public.close_period('2051-01-01');
SELECT * FROM public.failed(:jan);
SELECT * FROM public.failed(:tax);
-- Back to what it was: found by its sum, not by the clock.
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '2000';
SELECT * FROM public.failed(:jan);
-- Exceptions that were taken up again, and transactions that are booked again after a reversal
UPDATE acct.accounting_basis SET every_transaction = true WHERE basis = 'PRIMARY';
UPDATE acct.chart_of_accounts SET effective_to = NULL WHERE account_code = '4000';
UPDATE acct.entity SET effective_to = NULL WHERE entity_code = 'SUB';
SELECT count(*) > 0 AS reopened FROM acct.accounting_period AS p, LATERAL (SELECT acct.reopen_period(p.period_month, p.entity_code, p.basis, 'a test')) AS r WHERE NOT p.is_open;
SELECT acct.reprocess_exceptions(:jan) AS again \gset
SELECT exceptions < transactions AS some FROM acct.expand_journals(:again);
SELECT count(*) FROM acct.post_journals(:again);
SELECT acct.reverse_run(:tax, '2051-03-31', 'a test') AS reversal \gset
SELECT journals > 0 AS expanded FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) > 0 AS posted FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
SELECT acct.rebook_run(:reversal) AS rebooked \gset
SELECT count(*) FROM acct.expand_journals(:rebooked);
SELECT count(*) > 0 AS posted FROM acct.post_journals(:rebooked);
CALL public.policy('N', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "NONE"}]');
SELECT * FROM public.failed(:again);
SELECT * FROM public.failed(:rebooked);
SELECT * FROM public.failed(:tax);

--
-- What a superuser changed
--
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_template_line SET amount_expr = '0.61 * :gross_amount' WHERE (template_code, version, line_no) = ('A', 1, 2);
SELECT * FROM public.failed(:jan);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent DISABLE TRIGGER ALL;
ALTER TABLE acct.txn_source_2051_01 DISABLE TRIGGER ALL;
UPDATE acct.txn_source_parent SET gross_amount = gross_amount + 1, tabarru_amount = tabarru_amount + 1 WHERE txn_id = 4;
SELECT check_name, passed FROM acct.replay_run(:jan, 1) WHERE NOT passed;
SELECT expected, actual FROM acct.replay_run(:jan, 2) WHERE check_name LIKE 'line:%';
ROLLBACK;

--
-- What is refused; any transaction
--
\set VERBOSITY sqlstate
SELECT * FROM acct.replay_run(:reversal); :why
SELECT * FROM acct.replay_run(acct.create_run('2051-02-01')); :why
SELECT * FROM acct.replay_run(999999); :why
SELECT * FROM acct.replay_run(NULL::bigint); :why
SELECT * FROM acct.replay_run('no such key'); :why
SELECT * FROM acct.replay_run(:jan, -1); :why
SELECT * FROM acct.replay_run(:jan, NULL); :why
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) AS checks, count(*) FILTER (WHERE passed) AS passed FROM acct.replay_run(:jan);
ROLLBACK;

--
-- A row that gets another key: both keys had what they had
--
INSERT INTO acct.entity (entity_code, effective_to) VALUES ('ENDED', '2051-03-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2051-03-01', '2051-03-05', 'A', 'P0', 'C', 'IDR', CASE n % 2 WHEN 0 THEN 'ENDED' ELSE 'MAIN' END, n, n FROM generate_series(1, 10) AS n;
SELECT public.posted('2051-03-01', 'mar') AS mar \gset
UPDATE acct.entity SET effective_to = NULL WHERE entity_code = 'ENDED';
UPDATE acct.entity SET entity_code = 'OTHER NAME' WHERE entity_code = 'ENDED';
SELECT * FROM public.failed(:mar);
INSERT INTO acct.entity (entity_code) VALUES ('ENDED');
SELECT * FROM public.failed(:mar);
-- A run of 0.1.0 has no sums of policy: all is as it was by the clock.
UPDATE acct.journal_run SET policy_digest = NULL, policy_sums = NULL WHERE run_id = :jan;
SELECT check_name, expected, actual FROM acct.replay_run(:jan) WHERE check_name = 'policy';
SELECT * FROM public.failed(:jan);
SELECT count(*) > 0 AS journals, count(*) FILTER (WHERE x.status <> 'same') AS others
  FROM (SELECT h.je_id FROM acct.ledger_entry_header AS h WHERE h.run_id = :jan ORDER BY 1 LIMIT 5) AS j, LATERAL acct.explain_journal(j.je_id) AS x WHERE x.kind = 'comparison';
-- A change that is older than a column has the default in it.
ALTER TABLE acct.template_audit DISABLE TRIGGER template_audit_immutable;
UPDATE acct.template_audit SET old_row = old_row - 'is_postable' WHERE table_name = 'chart_of_accounts';
ALTER TABLE acct.template_audit ENABLE ALWAYS TRIGGER template_audit_immutable;
SELECT * FROM public.failed(:jan);

--
-- The last month of a year, which is closed with it: as it was when each run was expanded, closed and reopened or not
--
CALL public.policy('Y', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.entity (entity_code) VALUES ('YEAR');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2051-12-01');
CREATE PROCEDURE public.december(run_key text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
    SELECT coalesce(m.last, 0) + n, '2051-12-01', '2051-12-05', 'Y', 'P', 'C', 'IDR', CASE n WHEN 1 THEN 'MAIN' ELSE 'YEAR' END, n, n
      FROM generate_series(1, 3) AS n, (SELECT max(s.txn_id) AS last FROM acct.txn_source_parent AS s WHERE s.txn_month = '2051-12-01') AS m;
    PERFORM public.posted('2051-12-01', run_key);
END
$$;
CREATE VIEW public.decembers AS
SELECT r.run_key, r.journals, r.exceptions, (SELECT count(*) FROM acct.replay_run(r.run_id) AS x WHERE NOT x.passed) AS failed
  FROM acct.journal_run AS r WHERE r.txn_month = '2051-12-01' ORDER BY r.run_id;
CALL public.december('open');
SELECT count(*) FROM acct.close_year('2051-12-31', 'YEAR', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
CALL public.december('closed with its year');
TABLE public.decembers;
SELECT acct.reopen_year('2051-12-31', 'YEAR', 'PRIMARY', 'a test') AS nothing_reversed;
CALL public.december('reopened');
TABLE public.decembers;
SELECT count(*) FROM public.close_period('2051-12-01', 'YEAR', 'PRIMARY');
CALL public.december('closed by itself');
SELECT count(*) FROM acct.close_year('2051-12-31', 'YEAR', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
TABLE public.decembers;

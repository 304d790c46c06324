-- What drafts would do: preview_journals(), compare_release() and compare_versions() against what approving them does
\set topic preview
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2050-01-01');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('6000', 'Fees', 'INCOME');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}');
CALL public.policy('C', '{DR 1000 F2 :gross_amount,CR 3000 F2 *}');
CALL public.policy('D', '{DR 1000 F1 :gross_amount,CR 5000 F1 *}');
CALL public.policy('E', '{DR 1000 F1 :gross_amount,CR 6000 F1 *}');
CALL public.policy('T', '{DR 1000 F1 0.2 * :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2050-01-01', date '2050-01-01' + (n % 28), (ARRAY['A', 'B', 'C', 'D', 'E', 'NONE'])[1 + n % 6], 'P' || n % 2, CASE n % 3 WHEN 0 THEN 'BANK' ELSE 'C' END,
       CASE n % 5 WHEN 0 THEN 'CY0' ELSE 'IDR' END, CASE n % 7 WHEN 0 THEN 'SUB' ELSE 'MAIN' END, n * 10.01, n * 10.01 FROM generate_series(1, 600) AS n;

-- The lines of an expanded run, as a comparison adds them up.
CREATE FUNCTION public.sums(id bigint) RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
                                                      debit numeric, credit numeric) LANGUAGE sql AS $$
    SELECT l.entity_code, l.basis, l.fund, l.account_code, l.currency, l.product_code, h.template_code, sum(l.debit), sum(l.credit)
      FROM acct.je_line_staging AS l JOIN acct.je_header_staging AS h USING (run_id, je_id) WHERE l.run_id = $1 GROUP BY 1, 2, 3, 4, 5, 6, 7
$$;
CREATE FUNCTION public.approve(release bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    changes bigint;
BEGIN
    PERFORM acct.submit_release(release);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    changes := acct.approve_release(release);
    EXECUTE 'RESET SESSION AUTHORIZATION';
    RETURN changes;
END
$$;
CREATE FUNCTION public.outcomes(id bigint) RETURNS TABLE (txn_id bigint, basis text, template_code text, version integer, lines text, reason text) LANGUAGE sql AS $$
    SELECT h.txn_id, h.basis, h.template_code, h.template_version,
           string_agg(format('%s %s %s %s %s', l.line_no, l.account_code, l.fund, trim_scale(l.debit), trim_scale(l.credit)), ', ' ORDER BY l.line_no), NULL
      FROM acct.je_header_staging AS h JOIN acct.je_line_staging AS l USING (run_id, je_id) WHERE h.run_id = $1 GROUP BY h.je_id, 1, 2, 3, 4
    UNION ALL
    SELECT e.txn_id, e.basis, e.template_code, e.template_version, NULL, e.reason || ': ' || e.message FROM acct.je_exception AS e WHERE e.run_id = $1
$$;

--
-- A release that changes a split, an account, the map, a fund, a basis, and which template takes what
--
SELECT acct.create_release('Another split') AS release \gset
SELECT * FROM acct.compare_release(:release, '2050-01-01');
SELECT acct.new_template_version('A', '2050-01-05') AS v \gset
UPDATE acct.journal_template SET release_id = :release WHERE template_code = 'A' AND version = :v;
UPDATE acct.journal_template_line SET amount_expr = '0.55555 * :gross_amount', memo = 'Fee of the operator' WHERE template_code = 'A' AND version = :v AND line_no = 2;
INSERT INTO acct.fund_draft (release_id, operation, fund, name, fund_type) VALUES (:release, 'insert', 'F3', 'Third', 'OTHER');
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type, fund) VALUES (:release, 'insert', '7000', 'Of the third fund', 'INCOME', 'F3');
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, effective_to) VALUES (:release, 'update', '6000', '2050-01-20');
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (:release, 'insert', 'P1', '4000', 'F2', '3000', 'F2');
INSERT INTO acct.journal_template (template_code, release_id) VALUES ('X', :release), ('IGN', :release);
UPDATE acct.journal_template SET template_type = 'IGNORE' WHERE template_code = 'IGN';
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr, priority) VALUES ('X', 1, 'B', ':gross_amount > 300', 1), ('X', 2, 'NONE', NULL, 100), ('IGN', 1, 'D', ':gross_amount < 100', 1);
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing) VALUES ('X', 1, 'DR', '1000', 'F3', ':gross_amount', false), ('X', 2, 'CR', '7000', 'F3', NULL, true);
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:release, 'C', 1, '2050-01-15');
INSERT INTO acct.accounting_basis_draft (release_id, operation, basis, description, every_transaction) VALUES (:release, 'insert', 'MGT', 'Management', false);
INSERT INTO acct.entity_draft (release_id, operation, entity_code, effective_to) VALUES (:release, 'update', 'SUB', '2050-01-25');
SELECT severity, message FROM acct.check_release(:release) WHERE severity = 'error';

SELECT template_code, account_code, fund, currency, product_code, entity_code, basis, trim_scale(debit_before) AS debit_before, trim_scale(credit_before) AS credit_before,
       trim_scale(debit_after) AS debit_after, trim_scale(credit_after) AS credit_after, trim_scale(difference) AS difference, lines_before, lines_after
  FROM acct.compare_release(:release, '2050-01-01') WHERE currency = 'IDR' AND entity_code = 'MAIN';
SELECT change, txn_id, basis, je_date, currency, trim_scale(amount) AS amount, outcome_before, outcome_after, template_before, version_before, template_after, version_after, transactions
  FROM acct.compare_release_transactions(:release, '2050-01-01', 3);
SELECT change, txn_id, reason_before, reason_after FROM acct.compare_release_transactions(:release, '2050-01-01', 1000) WHERE coalesce(reason_before, reason_after) IS NOT NULL ORDER BY txn_id LIMIT 6;
-- By hand: the new split of A, line by line rounded, from the fifth on
SELECT currency, sum(round(-0.55555 * gross_amount, m.minor_units) + round(0.6 * gross_amount, m.minor_units)) AS expected
  FROM acct.txn_source_parent AS s JOIN acct.currency AS m USING (currency) WHERE txn_type = 'A' AND bank_value_date >= '2050-01-05' AND entity_code = 'MAIN'
 GROUP BY 1 ORDER BY 1;
SELECT currency, sum(trim_scale(difference)) AS difference FROM acct.compare_release(:release, '2050-01-01', NULL, 'PRIMARY') WHERE template_code = 'A' AND account_code = '4000' AND entity_code = 'MAIN' GROUP BY 1 ORDER BY 1;
SELECT txn_id, basis, outcome, je_date, template_code, template_version, line_no, account_code, fund, trim_scale(debit) AS debit, trim_scale(credit) AS credit, memo, reason, message
  FROM acct.preview_journals('2050-01-01', :release, max_transactions => 5);
CREATE TABLE public.compared AS SELECT * FROM acct.compare_release(:release, '2050-01-01');
CREATE TABLE public.changed AS SELECT * FROM acct.compare_release_transactions(:release, '2050-01-01', 10000);
CREATE TABLE public.previewed AS SELECT * FROM acct.preview_journals('2050-01-01', :release, max_transactions => 10000);
SELECT count(*) AS written FROM acct.journal_run;
-- Expand, approve, expand again, subtract
SELECT public.expanded('2050-01-01', 'jan') AS jan \gset
CREATE TABLE public.before AS SELECT * FROM public.sums(:jan);
CREATE TABLE public.outcomes_before AS SELECT * FROM public.outcomes(:jan);
SELECT public.approve(:release) > 0 AS approved;
SELECT journals > 0 AS expanded FROM acct.expand_journals(:jan);
CREATE TABLE public.after AS SELECT * FROM public.sums(:jan);
CREATE TABLE public.outcomes_after AS SELECT * FROM public.outcomes(:jan);
CREATE VIEW public.differences AS
SELECT entity_code, basis, fund, account_code, currency, product_code, template_code,
       coalesce(a.debit, 0) - coalesce(b.debit, 0) AS debit, coalesce(a.credit, 0) - coalesce(b.credit, 0) AS credit
  FROM public.before AS b FULL JOIN public.after AS a USING (entity_code, basis, fund, account_code, currency, product_code, template_code)
 WHERE (a.debit, a.credit) IS DISTINCT FROM (b.debit, b.credit);
CREATE VIEW public.said AS
SELECT entity_code, basis, fund, account_code, currency, product_code, template_code, debit_after - debit_before AS debit, credit_after - credit_before AS credit FROM public.compared;
SELECT (SELECT count(*) FROM public.differences) AS differences, (SELECT count(*) FROM (TABLE public.differences EXCEPT TABLE public.said) AS x) AS missing,
       (SELECT count(*) FROM (TABLE public.said EXCEPT TABLE public.differences) AS x) AS wrong,
       (SELECT count(*) FROM public.compared WHERE difference <> debit_after - credit_after - debit_before + credit_before) AS wrong_difference;
-- Each transaction that became something else, and no other
WITH moved AS (
    SELECT coalesce(b.txn_id, a.txn_id) AS txn_id, coalesce(b.basis, a.basis) AS basis,
           CASE WHEN a.reason IS NOT NULL AND b.reason IS NULL THEN 'becomes_exception' WHEN b.reason IS NOT NULL AND a.reason IS NULL THEN 'ceases_exception'
                WHEN b.template_code IS DISTINCT FROM a.template_code THEN 'template' ELSE 'lines' END AS change,
           b.reason AS reason_before, a.reason AS reason_after
      FROM public.outcomes_before AS b FULL JOIN public.outcomes_after AS a USING (txn_id, basis)
     WHERE (b.template_code, regexp_replace(b.lines, '^\d+|, \d+', '', 'g'), b.reason IS NULL) IS DISTINCT FROM (a.template_code, regexp_replace(a.lines, '^\d+|, \d+', '', 'g'), a.reason IS NULL))
SELECT m.change, count(*) AS transactions, count(c.txn_id) AS found, count(*) FILTER (WHERE (m.reason_before, m.reason_after) IS DISTINCT FROM (c.reason_before, c.reason_after)) AS wrong_reasons,
       min(c.transactions) = count(*) AS counted
  FROM moved AS m FULL JOIN public.changed AS c USING (txn_id, basis, change) GROUP BY 1 ORDER BY 1;
-- What was previewed is what was made.
SELECT count(*) AS transactions, count(*) FILTER (WHERE (p.template_code, p.template_version, p.lines, p.reason) IS DISTINCT FROM (o.template_code, o.version, o.lines, o.reason)) AS wrong
  FROM (SELECT txn_id, basis, outcome, template_code, template_version,
               string_agg(format('%s %s %s %s %s', line_no, account_code, fund, trim_scale(debit), trim_scale(credit)), ', ' ORDER BY line_no) FILTER (WHERE outcome = 'journal') AS lines,
               min(reason || ': ' || message) AS reason FROM public.previewed GROUP BY 1, 2, 3, 4, 5) AS p
  LEFT JOIN public.outcomes_after AS o USING (txn_id, basis) WHERE p.outcome <> 'ignored';
-- Of a month that is posted: what a correction would book once a release is approved is what it books then.
SELECT count(*) AS posted FROM acct.post_journals(:jan);
SELECT acct.create_release('Once more') AS more \gset
SELECT acct.new_template_version('A', '2050-01-10') AS v \gset
UPDATE acct.journal_template SET release_id = :more WHERE template_code = 'A' AND version = :v;
UPDATE acct.journal_template_line SET amount_expr = '0.7 * :gross_amount', condition_expr = ':gross_amount < 5000' WHERE template_code = 'A' AND version = :v AND line_no = 2;
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, account_code, fund, effective_from) VALUES (:more, 'delete', 'P1', '4000', 'F2', '2000-01-01');
SELECT count(*) AS now FROM acct.preview_correction(:jan);
CREATE TABLE public.corrected AS SELECT * FROM acct.preview_correction(:jan, :more);
CREATE TABLE public.corrected_most AS SELECT * FROM acct.preview_correction_transactions('jan', 10, :more);
SELECT count(*) AS accounts, (SELECT count(*) FROM (
    (SELECT entity_code, basis, fund, account_code, currency, sum(difference) FROM acct.compare_release(:more, '2050-01-01') GROUP BY 1, 2, 3, 4, 5 HAVING sum(difference) <> 0)
    EXCEPT SELECT entity_code, basis, fund, account_code, currency, debit - credit FROM public.corrected) AS x) AS wrong FROM public.corrected WHERE debit <> credit;
SELECT public.approve(:more) > 0 AS approved;
SELECT count(*) AS wrong FROM ((TABLE public.corrected EXCEPT SELECT * FROM acct.preview_correction(:jan)) UNION ALL (SELECT * FROM acct.preview_correction(:jan) EXCEPT TABLE public.corrected)) AS x;
SELECT count(*) AS wrong FROM (TABLE public.corrected_most EXCEPT SELECT * FROM acct.preview_correction_transactions(:jan, 10)) AS x;
SELECT count(*) FROM acct.preview_correction(:jan, :more); :why
-- Filters; a release that is approved is compared no more.
SELECT acct.create_release('Nothing of the month') AS later \gset
SELECT acct.new_template_version('B', '2050-03-01') AS v \gset
UPDATE acct.journal_template SET release_id = :later WHERE template_code = 'B' AND version = :v;
UPDATE acct.journal_template_line SET account_code = '2000' WHERE template_code = 'B' AND version = :v AND line_no = 2;
SET client_min_messages = notice;
SELECT * FROM acct.compare_release(:later, '2050-01-01');
SET client_min_messages = warning;
SELECT account_code, sum(trim_scale(difference)) AS difference FROM acct.compare_versions('B', 1, :v, '2050-01-01') GROUP BY 1 ORDER BY 1;
SELECT account_code, sum(trim_scale(difference)) AS difference FROM acct.compare_versions('B', 1, :v, '2050-01-01', 'SUB', 'PRIMARY') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM acct.compare_versions('B', 1, :v, '2050-01-01', basis => 'TAX');
SELECT change, txn_id, trim_scale(amount) AS amount, version_before, version_after, transactions FROM acct.compare_versions_transactions('B', 1, :v, '2050-01-01', 2);
SELECT count(*) FROM acct.compare_versions('B', :v, :v, '2050-01-01');
SELECT txn_id, template_version, line_no, account_code, trim_scale(debit) AS debit, trim_scale(credit) AS credit FROM acct.preview_journals('2050-01-01', template_code => 'B', max_transactions => 1);
SELECT DISTINCT template_version FROM acct.preview_journals('2050-01-01', template_code => 'B', version => 1);
SELECT count(DISTINCT txn_id) AS transactions, count(DISTINCT template_code) AS templates FROM acct.preview_journals('2050-01-01', max_transactions => 12);

--
-- What is refused
--
\set VERBOSITY sqlstate
SELECT * FROM acct.compare_release(:release, '2050-01-01'); :why
SELECT * FROM acct.compare_release(NULL, '2050-01-01'); :why
SELECT * FROM acct.compare_release(99999, '2050-01-01'); :why
SELECT * FROM acct.compare_release(:later, '2050-01-02'); :why
SELECT * FROM acct.compare_release(:later, NULL); :why
SELECT * FROM acct.compare_release(:later, '2050-01-01', 'NOBODY'); :why
SELECT * FROM acct.compare_release(:later, '2050-01-01', NULL, 'NONE'); :why
SELECT * FROM acct.compare_release_transactions(:later, '2050-01-01', 0); :why
SELECT * FROM acct.compare_release_transactions(:later, '2050-01-01', NULL); :why
SELECT * FROM acct.compare_versions('B', 1, 99, '2050-01-01'); :why
SELECT * FROM acct.compare_versions('NOSUCH', 1, 2, '2050-01-01'); :why
SELECT * FROM acct.compare_versions_transactions('B', NULL, 1, '2050-01-01') LIMIT 0; :why
SELECT * FROM acct.preview_journals('2050-01-01', template_code => 'NOSUCH'); :why
SELECT * FROM acct.preview_journals('2050-01-01', template_code => 'A', version => 99); :why
SELECT * FROM acct.preview_journals('2050-01-01', version => 1); :why
SELECT * FROM acct.preview_journals('2050-01-01', 99999); :why
SELECT * FROM acct.preview_journals('2050-01-01', max_transactions => 10001); :why
-- Out of date: another release was approved first. It is made from what is approved now, and compared again.
SELECT acct.create_release('First') AS first \gset
SELECT acct.create_release('Second') AS second \gset
INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, is_postable) VALUES (:first, 'update', '5000', false), (:second, 'update', '5000', true);
UPDATE acct.chart_of_accounts_draft SET effective_to = '2050-01-10' WHERE release_id = :second;
SELECT count(*) AS changes FROM acct.compare_release_transactions(:second, '2050-01-01');
SELECT public.approve(:first);
SELECT * FROM acct.compare_release(:second, '2050-01-01'); :why
SELECT * FROM acct.preview_journals('2050-01-01', :second); :why
UPDATE acct.chart_of_accounts_draft SET description = description WHERE release_id = :second;
SELECT change, min(transactions) AS transactions FROM acct.compare_release_transactions(:second, '2050-01-01') GROUP BY 1;

--
-- As many products as transactions: sums are handed over before they are too many for memory, and routes forgotten
--
\set VERBOSITY default
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2050-02-01', date '2050-02-01' + n % 28, 'B', lpad(n::text, 90, 'P'), 'C', 1 + n * 0.0001, 1 + n * 0.0001 FROM generate_series(1, 30000) AS n;
SELECT acct.create_release('Many') AS many \gset
SELECT acct.new_template_version('B', '2000-01-01') AS v \gset
UPDATE acct.journal_template SET release_id = :many WHERE template_code = 'B' AND version = :v;
UPDATE acct.journal_template_line SET account_code = '3000' WHERE template_code = 'B' AND version = :v AND line_no = 1;
SELECT sum(round(gross_amount, 2)) AS expected FROM acct.txn_source_parent WHERE txn_month = '2050-02-01';
SELECT account_code, count(*) AS products, sum(difference) AS difference, sum(lines_before) AS before, sum(lines_after) AS after
  FROM acct.compare_release(:many, '2050-02-01') GROUP BY 1 ORDER BY 1;
SELECT change, min(txn_id) AS first, max(txn_id) AS last, count(*) AS listed, min(transactions) AS transactions FROM acct.compare_release_transactions(:many, '2050-02-01', 10) GROUP BY 1 ORDER BY 1;

--
-- Any transaction: read-only, of any isolation
--
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) AS changes FROM acct.compare_release(:second, '2050-01-01');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) AS changes FROM acct.compare_release(:second, '2050-01-01');
SELECT count(*) AS lines FROM acct.preview_journals('2050-01-01', :second);
ROLLBACK;
-- A version that another release has retired first
SELECT acct.create_release('One') AS one \gset
SELECT acct.create_release('Two') AS two \gset
INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (:one, 'T', 1, '2050-02-01'), (:two, 'T', 1, '2050-02-01');
SELECT public.approve(:one) > 0 AS approved;
\set VERBOSITY sqlstate
SELECT count(*) FROM acct.compare_release(:two, '2050-01-01'); :why

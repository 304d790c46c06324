-- On one path: what it explains depends on none.
-- Why a line is there: explain_transaction() and explain_journal()
\set topic explain
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2016-01-01');
SELECT count(*) > 0 AS made FROM acct.rotate_ledger_partitions(11, '2016-01-01');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
INSERT INTO acct.fund VALUES ('F3', 'Third', 'OTHER');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable) VALUES ('6000', 'Fees', 'INCOME', 'F2', true), ('9000', 'Heading', 'ASSET', NULL, false);
INSERT INTO acct.product_account_map (map_id, product_code, channel, account_code, fund, mapped_account_code, mapped_fund)
VALUES (101, 'P1', NULL, '4000', 'F1', '3000', 'F1'), (102, 'P1', 'BANK', '4000', 'F1', '5000', 'F1'), (103, 'P2', NULL, '4000', 'F1', '9000', 'F1'), (104, 'P3', NULL, '4000', 'F1', '4000', 'F3');
-- A: rules that do not apply, for each of the reasons why
CALL public.policy('A', '{DR 1000 F1 :gross_amount}', NULL, '{"require_balanced": false, "balance_by_fund": false}');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 :gross_amount / 3,CR 5000 F1 0.004,DR 1000 F2 :gross_amount * 0.1 IF :channel = ''BANK'',CR 2000 F2 7 IF :policy_no > ''x'',CR 6000 F2 *,CR 2000 F1 *}',
                   '[{"txn_type": "A", "priority": 50}, {"txn_type": "A", "priority": 60}, {"txn_type": "A", "priority": 20, "condition_expr": ":gross_amount < 0 AND :channel <> ''BANK''"}]', '{"effective_from": "2016-01-02"}');
CALL public.policy('OLD', '{DR 1000 F1 1,CR 2000 F1 *}', '[{"txn_type": "A", "priority": 1}]', '{"effective_to": "2016-01-02"}');
CALL public.policy('NEW', '{DR 1000 F1 1,CR 2000 F1 *}', '[{"txn_type": "A", "priority": 1}]', '{"effective_from": "2016-03-01"}');
CALL public.policy('NULLS', '{DR 1000 F1 1,CR 2000 F1 *}', '[{"txn_type": "A", "priority": 10, "condition_expr": "(:attributes ->> ''flag'')::boolean"}]');
CALL public.policy('Z', '{DR 1000 F1 1,CR 2000 F1 *}', '[{"priority": 50, "condition_expr": ":txn_type = ''A''"}, {"txn_type": "A", "priority": 50}, {"txn_type": "B", "priority": 50, "product_code": "P1", "channel": "BANK"}]');
-- What is set aside, and why
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "B", "priority": 1, "condition_expr": "1 / (:gross_amount - 100) > 0"}]');
CALL public.policy('NUL', '{DR 1000 F1 (:attributes ->> ''amount'')::numeric,CR 4000 F1 *}');
CALL public.policy('ERR', '{DR 1000 F1 100 / (:gross_amount - 100),CR 4000 F1 *}');
CALL public.policy('COND', '{DR 1000 F1 5 IF 1 / (:gross_amount - 100) > 0,CR 4000 F1 *}');
CALL public.policy('BIG', '{DR 1000 F1 :gross_amount * 1e15,CR 4000 F1 *}');
CALL public.policy('NEG', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', NULL, '{"negative_policy": "reject"}');
CALL public.policy('ACC', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('ZERO', '{DR 1000 F1 0,CR 4000 F1 *}');
CALL public.policy('KEPT', '{DR 1000 F1 0,CR 2000 F1 *}', NULL, '{"skip_zero_lines": false}');
CALL public.policy('UNB', '{DR 1000 F1 :gross_amount,CR 2000 F1 1}');
CALL public.policy('UNF', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('IGN', '{}', NULL, '{"template_type": "IGNORE"}');
CALL public.policy('T', '{DR 1000 F1 0.2 * :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A", "product_code": "P1"}, {"product_code": "P9"}]', '{"basis": "TAX"}');
CREATE FUNCTION public.said(sentence text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(regexp_replace(sentence, '\d{4}-\d\d-\d\d \d\d:\d\d', 'TIME', 'g'), quote_ident(session_user), 'me')
$$;
CREATE FUNCTION public.explained(txn bigint, month date DEFAULT '2016-01-01', basis text DEFAULT 'PRIMARY', release bigint DEFAULT NULL)
RETURNS TABLE (n integer, kind text, status text, sentence text) LANGUAGE sql AS $$
    SELECT x.step_no, x.kind, x.status, public.said(x.sentence) FROM acct.explain_transaction($1, $2, $3, $4) AS x
$$;
CREATE FUNCTION public.explained_journal(je bigint) RETURNS TABLE (n integer, kind text, status text, sentence text) LANGUAGE sql AS $$
    SELECT x.step_no, x.kind, x.status, public.said(x.sentence) FROM acct.explain_journal($1) AS x
$$;
BEGIN;
CALL public.txn(1, '2016-01-01', 'A', 100, '2016-01-05', 'P1');
CALL public.txn(2, '2016-01-01', 'A', -100.01, '2016-01-05', 'P1', 'BANK', attributes => '{"flag": false}');
CALL public.txn(3, '2016-01-01', 'B', 100, product => 'P1', channel => 'BANK');
CALL public.txn(4, '2016-01-01', 'NUL');
CALL public.txn(5, '2016-01-01', 'ERR');
CALL public.txn(6, '2016-01-01', 'COND');
CALL public.txn(7, '2016-01-01', 'BIG');
CALL public.txn(8, '2016-01-01', 'NEG', -3);
CALL public.txn(9, '2016-01-01', 'ACC', product => 'P2');
CALL public.txn(10, '2016-01-01', 'ZERO');
CALL public.txn(11, '2016-01-01', 'KEPT');
CALL public.txn(12, '2016-01-01', 'UNB');
CALL public.txn(13, '2016-01-01', 'UNF', product => 'P3');
CALL public.txn(14, '2016-01-01', 'IGN');
CALL public.txn(15, '2016-01-01', 'A', entity => 'NOBODY');
CALL public.txn(16, '2016-01-01', 'A', channel => ' C');
CALL public.txn(17, '2016-01-01', 'A', value_date => '2021-01-05');
CALL public.txn(18, '2016-01-01', 'A', currency => 'XXX');
CALL public.txn(19, '2016-01-01', 'A', 1, currency => 'CY0');
CALL public.txn(20, '2016-01-01', 'A', 1, '2016-01-01');
CALL public.txn(21, '2016-01-01', 'A', 1, '5874897-12-31');
CALL public.txn(22, '2016-01-01', 'A', 1, '4713-01-01 BC');
COMMIT;

--
-- A journal: each rule, each line
--
SELECT * FROM public.explained(1);
SELECT * FROM public.explained(2) WHERE kind IN ('rule', 'line', 'outcome');
SELECT step_no, kind, template_code, version, number, status, account_code, fund, debit, credit, detail FROM acct.explain_transaction(1, '2016-01-01', 'PRIMARY') WHERE kind IN ('rule', 'rules', 'line', 'outcome');
SELECT detail - '{made_at,approved_at,submitted_at,maker,editors}'::text[] AS detail, detail ->> 'maker' = session_user AS maker, detail ->> 'made_at' IS NOT NULL AS made_at, detail -> 'editors' = to_jsonb(ARRAY[session_user]) AS editors
  FROM acct.explain_transaction(1, '2016-01-01', 'PRIMARY') WHERE kind = 'template';
SELECT detail - '{loaded_at,loaded_by,loaded_from,batch_id}'::text[] AS source FROM acct.explain_transaction(2, '2016-01-01', 'PRIMARY') WHERE kind = 'source';
-- Another basis, which takes one transaction and not another
SELECT * FROM public.explained(1, basis => 'TAX') WHERE kind <> 'source';
SELECT * FROM public.explained(3, basis => 'TAX') WHERE kind <> 'source';
-- No decimals; the version before
SELECT * FROM public.explained(19) WHERE kind IN ('line', 'outcome');
SELECT * FROM public.explained(20) WHERE kind IN ('rule', 'line', 'outcome');

--
-- No journal
--
SELECT x.n AS txn, e.* FROM generate_series(3, 22) AS x (n), LATERAL public.explained(x.n) AS e WHERE x.n NOT IN (19, 20) AND e.kind IN ('line', 'outcome') OR (e.kind = 'rule' AND x.n IN (3, 14, 15));
BEGIN;
SELECT count(*) AS retired FROM unnest('{Z,IGN}'::text[]) AS t (code), LATERAL public.retire(t.code, 1, '2016-01-01');
CALL public.txn(30, '2016-01-01', 'IGN', product => 'P1');
CALL public.txn(31, '2016-01-01', 'NEITHER');
SELECT * FROM public.explained(30) WHERE kind <> 'source';
SELECT * FROM public.explained(31) WHERE kind <> 'source';
ROLLBACK;

--
-- With a release, and the version that it brings
--
SELECT acct.create_release('A third less') AS release \gset
SELECT acct.new_template_version('A', '2016-01-03') AS v \gset
UPDATE acct.journal_template SET release_id = :release WHERE template_code = 'A' AND version = :v;
UPDATE acct.journal_template_line SET amount_expr = ':gross_amount / 4', memo = 'A quarter' WHERE template_code = 'A' AND version = :v AND line_no = 2;
INSERT INTO acct.product_account_map_draft (release_id, operation, map_id) VALUES (:release, 'delete', 101);
INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, channel, account_code, fund, mapped_account_code, mapped_fund) VALUES (:release, 'insert', 'P1', 'C', '4000', 'F1', '5000', 'F1');
INSERT INTO acct.accounting_basis_draft (release_id, operation, basis) VALUES (:release, 'delete', 'TAX');
SELECT regexp_replace(sentence, 'release \d+', 'release N') AS sentence FROM public.explained(1, release => :release) WHERE kind IN ('template', 'line', 'outcome') OR status = 'replaced';
SELECT detail ->> 'map_id' AS map_id, detail ->> 'map_draft_no' AS map_draft_no FROM acct.explain_transaction(1, '2016-01-01', 'PRIMARY', :release) WHERE kind = 'line' AND number = 2;
\set VERBOSITY sqlstate
SELECT * FROM acct.explain_transaction(1, '2016-01-01', 'TAX', :release); :why
\set VERBOSITY default

--
-- The lines of explanations are those that the engine stages, and so are its exceptions
--
SELECT public.expanded('2016-01-01', 'jan') AS jan \gset
CREATE VIEW public.explanation AS
SELECT s.txn_id, b.basis, x.* FROM acct.txn_source_parent AS s, acct.accounting_basis AS b, LATERAL acct.explain_transaction(s.txn_id, s.txn_month, b.basis) AS x WHERE s.txn_month = '2016-01-01';
SELECT count(*) AS lines FROM acct.je_line_staging WHERE run_id = :jan;
WITH staged AS (SELECT l.txn_id, l.basis, l.line_no::integer, l.account_code, l.fund, l.debit, l.credit, h.template_code, h.template_version
                  FROM acct.je_line_staging AS l JOIN acct.je_header_staging AS h USING (run_id, je_id) WHERE l.run_id = :jan),
     told AS (SELECT e.txn_id, e.basis, e.number, e.account_code, e.fund, e.debit, e.credit, e.template_code, e.version FROM public.explanation AS e WHERE e.kind = 'line' AND e.status = 'made')
(TABLE staged EXCEPT TABLE told) UNION ALL (TABLE told EXCEPT TABLE staged);
WITH staged AS (SELECT e.txn_id, e.basis, e.reason, e.template_code, e.template_version, e.line_no::integer, e.message FROM acct.je_exception AS e WHERE e.run_id = :jan),
     told AS (SELECT e.txn_id, e.basis, e.detail ->> 'reason', e.template_code, e.version, e.number, e.detail ->> 'message' FROM public.explanation AS e WHERE e.kind = 'outcome' AND e.status = 'exception')
(TABLE staged EXCEPT TABLE told) UNION ALL (TABLE told EXCEPT TABLE staged);
SELECT status, count(*) FROM public.explanation WHERE kind = 'outcome' AND basis = 'PRIMARY' GROUP BY 1 ORDER BY 1;

--
-- Journals: of a transaction, and after policy has changed in all of its tables
--
SELECT journals FROM acct.post_journals(:jan);
SELECT h.je_id AS one, h.je_number AS one_number FROM acct.ledger_entry_header AS h WHERE h.txn_id = 1 AND h.basis = 'PRIMARY' \gset
SELECT regexp_replace(sentence, '\(\d+\)', '(N)') AS sentence, n, kind, status FROM public.explained_journal(:one);
CREATE TABLE public.told AS SELECT x.* FROM acct.explain_journal(:one) AS x;
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '3000';
UPDATE acct.product_account_map SET mapped_account_code = '5000' WHERE map_id = 101;
DELETE FROM acct.product_account_map WHERE map_id > 102;
UPDATE acct.entity SET effective_to = '2016-01-03' WHERE entity_code = 'MAIN';
UPDATE acct.accounting_basis SET every_transaction = true WHERE basis = 'TAX';
CALL public.policy('FIRST', '{DR 1000 F1 1,CR 2000 F1 *}', '[{"txn_type": "A", "priority": 1}]');
SELECT public.retire('A', 2, '2016-01-04');
SELECT status, sentence FROM public.explained(1) WHERE kind IN ('outcome', 'template');
(SELECT x.* FROM acct.explain_journal(:one) AS x EXCEPT TABLE public.told) UNION ALL (TABLE public.told EXCEPT SELECT x.* FROM acct.explain_journal(:one) AS x);
SELECT r.policy_digest <> acct.policy_digest() AS changed, p.unknown, cardinality(p.policy) / 2 AS tables FROM acct.journal_run AS r, acct._policy_then(r.run_id) AS p WHERE r.run_id = :jan;
-- A change that left no trace
ALTER TABLE acct.chart_of_accounts DISABLE TRIGGER chart_of_accounts_audit;
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '9000';
ALTER TABLE acct.chart_of_accounts ENABLE TRIGGER chart_of_accounts_audit;
SELECT sentence FROM public.explained_journal(:one) WHERE kind = 'comparison';
UPDATE acct.chart_of_accounts SET is_postable = false WHERE account_code = '9000';
ALTER TABLE acct.template_audit DISABLE TRIGGER template_audit_immutable;
UPDATE acct.template_audit SET old_row = old_row || '{"mapped_account_code": "2000"}' WHERE table_name = 'product_account_map' AND row_key = '{"map_id": 101}' AND operation = 'UPDATE';
SELECT sentence FROM public.explained_journal(:one) WHERE kind = 'comparison';
UPDATE acct.template_audit SET old_row = old_row || '{"mapped_account_code": "3000"}' WHERE table_name = 'product_account_map' AND row_key = '{"map_id": 101}' AND operation = 'UPDATE';
ALTER TABLE acct.template_audit ENABLE ALWAYS TRIGGER template_audit_immutable;
UPDATE acct.chart_of_accounts SET is_postable = true WHERE account_code = '3000';
UPDATE acct.entity SET effective_to = NULL WHERE entity_code = 'MAIN';

--
-- Corrections, the second of which corrects what the first left
--
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "A", "priority": 0}]');
CREATE FUNCTION public.post_by_another(run bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM FROM acct.expand_journals(run);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    SELECT p.journals INTO n FROM acct.post_journals(run) AS p;
    EXECUTE 'RESET SESSION AUTHORIZATION';
    RETURN n;
END
$$;
SELECT acct.correct_run(:jan, '2016-02-15', 'The split was wrong') AS first_correction \gset
SELECT public.post_by_another(:first_correction) > 0 AS posted;
SELECT public.retire('FIRST', 1, '2000-01-01');
UPDATE acct.product_account_map SET mapped_account_code = '3000' WHERE map_id = 101;
SELECT acct.correct_run(:jan, '2016-02-16', 'The map was wrong') AS second_correction \gset
SELECT public.post_by_another(:second_correction) > 0 AS posted;
SELECT min(h.je_id) AS first_je, max(h.je_id) AS second_je FROM acct.ledger_entry_header AS h WHERE h.txn_id = 1 AND h.basis = 'PRIMARY' AND h.journal_type = 'correction' \gset
SELECT kind, status, regexp_replace(sentence, '\(\d+\)|explain_journal\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:first_je) WHERE kind NOT IN ('rule', 'rules', 'source');
SELECT kind, status, regexp_replace(sentence, '\(\d+\)|explain_journal\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:second_je) WHERE kind NOT IN ('rule', 'rules', 'source');
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:one) WHERE kind IN ('comparison', 'follower');

--
-- Reversal; manual, opening and closing journals
--
SELECT h.je_id AS kept FROM acct.ledger_entry_header AS h WHERE h.txn_id = 11 \gset
CALL public.txn(40, '2016-02-01', 'UNB', 1);
SELECT public.posted('2016-02-01', 'feb') AS feb \gset
SELECT acct.reverse_run(:feb, '2016-02-28', 'Loaded twice') AS reversal \gset
SELECT public.post_by_another(:reversal) AS posted;
SELECT h.je_id AS reversal_je, h.reversal_of AS reversed_je FROM acct.ledger_entry_header AS h WHERE h.run_id = :reversal \gset
SELECT kind, status, regexp_replace(sentence, '\(\d+\)|explain_journal\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:reversal_je);
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:reversed_je) WHERE kind IN ('comparison', 'follower');
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2016-02-20', 'IDR', 'Audit fee') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit, memo) VALUES (:manual, '5000', 'F1', 70, 0, 'Fee'), (:manual, '2000', 'F1', 0, 70, NULL);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT je_id AS manual_je FROM acct.approve_manual_journal(:manual) \gset
RESET SESSION AUTHORIZATION;
SELECT number, account_code, fund, debit, credit, detail FROM acct.explain_journal(:manual_je) WHERE kind = 'posted';
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:manual_je);
INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo) VALUES ('opening', 'OTHER', '2016-01-31', 'IDR', 'Taken over') RETURNING journal_id AS opening \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:opening, '1000', 'F1', 9, 0), (:opening, '2000', 'F1', 0, 9);
SELECT acct.submit_manual_journal(:opening) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT je_id AS opening_je FROM acct.approve_manual_journal(:opening) \gset
RESET SESSION AUTHORIZATION;
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:opening_je);
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(0, '2015-12-01'), acct.rotate_ledger_partitions(0, '2015-12-01');
UPDATE acct.fund SET surplus_account_code = '3000';
CALL public.policy('INCOME', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', NULL, '{"effective_to": "2016-01-01"}');
CALL public.txn(50, '2015-12-01', 'INCOME', 12, entity => 'SUB');
SELECT public.posted('2015-12-01') > 0 AS posted;
SELECT count(*) AS closed FROM acct.close_year('2015-12-31', 'SUB', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
SELECT h.je_id AS closing_je FROM acct.ledger_entry_header AS h WHERE h.journal_type = 'closing' \gset
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:closing_je);

--
-- Closed, archived and dropped months
--
SELECT public.close_period('2016-01-01', 'MAIN', 'PRIMARY');
SELECT sentence FROM public.explained(1) WHERE kind = 'period';
SELECT count(*) AS closed FROM acct.accounting_basis AS b, unnest('{MAIN,SUB,OTHER}'::text[]) AS e, LATERAL public.close_period('2016-01-01', e, b.basis);
SELECT acct.archive_partition('ledger_entry', '2016-01-01') IS NOT NULL AS archived;
SELECT sentence FROM public.explained(1) WHERE kind = 'period';
ALTER TABLE acct.txn_source_parent ADD COLUMN region text;
SELECT count(*) AS waived FROM acct.je_exception AS e, LATERAL acct.waive_exception(e.run_id, e.txn_id, e.basis, 'a test') WHERE e.txn_month = '2016-01-01' AND e.voided_at IS NULL;
SELECT acct.archive_partition('txn_source_parent', '2016-01-01') IS NOT NULL AS archived;
ALTER TABLE acct.txn_source_parent ADD COLUMN later text;
SELECT status, sentence FROM public.explained(1) WHERE kind IN ('source', 'outcome');
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:one) WHERE kind IN ('source', 'posted', 'comparison', 'follower');
SET ledger_engine.allow_drop = on;
DROP TABLE acct_archive.txn_source_2016_01;
RESET ledger_engine.allow_drop;
UPDATE acct.archived_partition SET dropped_at = now() WHERE table_name = 'txn_source_parent' AND month = '2016-01-01';
SELECT kind, status, regexp_replace(sentence, '\(\d+\)', '(N)', 'g') AS sentence FROM public.explained_journal(:one) WHERE kind <> 'follower';

--
-- What is refused
--
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_takaful_balance;
ALTER TABLE acct.txn_source_parent RENAME COLUMN gross_amount TO gross;
SELECT kind, status, sentence FROM public.explained_journal(:reversed_je) WHERE kind IN ('source', 'comparison');
\set VERBOSITY sqlstate
SELECT * FROM acct.explain_transaction(40, '2016-02-01', 'PRIMARY'); :why
ALTER TABLE acct.txn_source_parent RENAME COLUMN gross TO gross_amount;
SELECT * FROM acct.explain_transaction(1, '2016-01-01', 'PRIMARY'); :why
SELECT * FROM acct.explain_transaction(999, '2016-02-01', 'PRIMARY'); :why
SELECT * FROM acct.explain_transaction(40, '2016-02-01', 'NONE'); :why
SELECT * FROM acct.explain_transaction(40, '2016-02-01', NULL); :why
SELECT * FROM acct.explain_transaction(NULL, '2016-02-01', 'PRIMARY'); :why
SELECT * FROM acct.explain_transaction(40, '2016-02-02', 'PRIMARY'); :why
SELECT * FROM acct.explain_transaction(40, NULL, 'PRIMARY'); :why
SELECT * FROM acct.explain_transaction(40, '2016-02-01', 'PRIMARY', 99999); :why
SELECT * FROM acct.explain_journal(-1); :why
SELECT * FROM acct.explain_journal(NULL); :why
-- Read-only, in any isolation
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) > 5 AS told FROM acct.explain_transaction(40, '2016-02-01', 'PRIMARY');
SELECT count(*) > 5 AS told FROM acct.explain_journal(:reversed_je);
ROLLBACK;
-- Names are compared as they are, however the session has them written.
SET quote_all_identifiers = on;
SELECT status FROM acct.explain_transaction(40, '2016-02-01', 'PRIMARY') WHERE kind = 'source';

-- Which template a transaction goes to: codes, priority, conditions, versions, bases
\set topic routing
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', true), ('MGMT', 'Management', false);
-- Which template: the memo of the run's journals
CREATE FUNCTION public.routed(id bigint) RETURNS TABLE (txn_id bigint, basis text, template text) LANGUAGE sql AS $$
    SELECT txn_id, basis, coalesce(CASE WHEN outcome ~ '^[0-9]' THEN template END, outcome || coalesce(' of ' || template, '')) FROM public.outcome($1)
$$;

-- Priority goes first, 1 before 2; then the rule that names more codes; then the template's code; then match_no.
CALL public.policy('A_ANY', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R"}]');
CALL public.policy('B_PRODUCT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "product_code": "P2"}]');
CALL public.policy('C_CHANNEL', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "channel": "C2"}]');
CALL public.policy('D_BOTH', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "product_code": "P3", "channel": "C3"}]');
CALL public.policy('E_FIRST', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "condition_expr": ":gross_amount > 1000", "priority": 1}]');
CALL public.policy('F_SECOND', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "condition_expr": ":gross_amount > 500", "priority": 2}]');
CALL public.policy('G_LAST', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"priority": 200}]');
CALL public.policy('H_TIE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "R", "product_code": "P2"}]');
CALL public.txn(1, '2025-01-01', 'R');
CALL public.txn(2, '2025-01-01', 'R', product => 'P2');
CALL public.txn(3, '2025-01-01', 'R', channel => 'C2');
CALL public.txn(4, '2025-01-01', 'R', product => 'P2', channel => 'C2');
CALL public.txn(5, '2025-01-01', 'R', product => 'P3', channel => 'C3');
CALL public.txn(6, '2025-01-01', 'R', 1000.01, product => 'P3', channel => 'C3');
CALL public.txn(7, '2025-01-01', 'R', 1000, product => 'P3', channel => 'C3');
CALL public.txn(8, '2025-01-01', 'R', 500);
CALL public.txn(9, '2025-01-01', 'OTHER', 5000);
CALL public.txn(10, '2025-01-01', 'R', product => 'P3');
CALL public.txn(11, '2025-01-01', 'r');
SELECT public.expanded('2025-01-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT * FROM public.routed(:run);

-- Conditions in that order: NULL is false, an error stops at the rule that was tried, and one that is not reached does no harm.
CALL public.policy('CX', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "CX", "condition_expr": ":policy_no = ''x''", "priority": 1}, {"txn_type": "CX", "condition_expr": ":gross_amount > 0", "priority": 3}]');
CALL public.policy('CY', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "CX", "condition_expr": "1 / :gross_amount < 0", "priority": 2}]');
CALL public.policy('CZ', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "CX", "condition_expr": "1 / (:gross_amount - 100) > 0", "priority": 4}]');
CALL public.txn(20, '2025-02-01', 'CX', 100);
CALL public.txn(21, '2025-02-01', 'CX', 0);
CALL public.txn(22, '2025-02-01', 'CX', -100);
SELECT public.expanded('2025-02-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT * FROM public.routed(:run);

-- Several rules of one template; IGNORE makes no journal, on purpose; no rule is NO_TEMPLATE.
CALL public.policy('MANY', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "M1"}, {"txn_type": "M2", "product_code": "P2"}, {"channel": "C9"}]');
CALL public.policy('SKIP', '{}', '[{"txn_type": "S"}, {"txn_type": "M1", "condition_expr": ":gross_amount = 0", "priority": 1}]', '{"template_type": "IGNORE"}');
CALL public.policy('NEVER', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "N", "condition_expr": "false"}, {"txn_type": "N", "condition_expr": "NULL"}]');
-- G_LAST takes everything: it is retired from March on.
SELECT public.retire('G_LAST', 1, '2025-03-01');
CALL public.txn(30, '2025-03-01', 'M1');
CALL public.txn(31, '2025-03-01', 'M2');
CALL public.txn(32, '2025-03-01', 'M2', product => 'P2');
CALL public.txn(33, '2025-03-01', 'ANY', channel => 'C9');
CALL public.txn(34, '2025-03-01', 'S');
CALL public.txn(35, '2025-03-01', 'M1', 0);
CALL public.txn(36, '2025-03-01', 'N');
CALL public.txn(37, '2025-03-01', 'N', value_date => '2025-02-28');
SELECT acct.create_run('2025-03-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT transactions, journals, exceptions, ignored FROM acct.expand_journals(:run);
SELECT * FROM public.routed(:run);

-- Versions, by the journal's date: the newest that is in effect, also when a later one begins in the month; a draft or a
-- submitted one never; a retired one until its end, exclusive.
CALL public.policy('V', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-01-01"}');
CALL public.policy('V', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"effective_from": "2025-04-10"}');
CALL public.policy('V', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}', NULL, '{"effective_from": "2025-04-20", "effective_to": "2025-04-25"}');
SELECT acct.new_template_version('V', '2025-04-01') AS draft;
SELECT acct.new_template_version('V', '2025-04-01') AS submitted;
SELECT acct.submit_template('V', 5);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 400 + n, '2025-04-01', d, 'V', 'P', 'C', 1, 1
  FROM unnest(ARRAY['2024-12-31', '2025-01-01', '2025-04-09', '2025-04-10', '2025-04-19', '2025-04-20', '2025-04-24', '2025-04-25', '2025-05-01']::date[]) WITH ORDINALITY AS x (d, n);
SELECT public.expanded('2025-04-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT s.bank_value_date, r.template FROM public.routed(:run) AS r JOIN acct.txn_source_parent AS s USING (txn_id) ORDER BY 1;
-- The same again, after version 2 was retired from the 15th on: then version 1 is the newest one in effect.
SELECT acct.discard_run(:run);
-- (By hand: one person alone uncovers no older version.)
SET ledger_engine.maintenance = on;
UPDATE acct.journal_template SET status = 'retired', effective_to = '2025-04-15' WHERE template_code = 'V' AND version = 2;
RESET ledger_engine.maintenance;
SELECT public.expanded('2025-04-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT s.bank_value_date, r.template FROM public.routed(:run) AS r JOIN acct.txn_source_parent AS s USING (txn_id) ORDER BY 1;
-- A newer version's rules replace the older one's, all of them, even where they fit less.
CALL public.policy('W', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "W1"}, {"txn_type": "W2"}]');
CALL public.policy('W', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "W2"}]', '{"effective_from": "2025-05-10"}');
CALL public.txn(50, '2025-05-01', 'W1', value_date => '2025-05-09');
CALL public.txn(51, '2025-05-01', 'W1', value_date => '2025-05-10');
CALL public.txn(52, '2025-05-01', 'W2', value_date => '2025-05-09');
CALL public.txn(53, '2025-05-01', 'W2', value_date => '2025-05-10');
-- The numbers of versions say which is newest, not the dates.
CALL public.policy('X', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"effective_from": "2025-05-10"}');
CALL public.policy('X', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"effective_from": "2025-05-01"}');
CALL public.txn(54, '2025-05-01', 'X', value_date => '2025-05-09');
CALL public.txn(55, '2025-05-01', 'X', value_date => '2025-05-10');
SELECT public.expanded('2025-05-01', options => '{"basis": "PRIMARY"}') AS run \gset
SELECT * FROM public.routed(:run);

-- Bases: at most one journal in each. TAX takes every transaction; MGMT only what has a rule there, and the rest is no exception.
CALL public.policy('BP', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "B1"}, {"txn_type": "B2"}]');
CALL public.policy('BT', '{DR 5000 F1 :gross_amount,CR 4000 F1 *}', '[{"txn_type": "B1"}]', '{"basis": "TAX"}');
CALL public.policy('BM', '{DR 5000 F1 :gross_amount / (:gross_amount - 7),CR 3000 F1 *}', '[{"txn_type": "B2", "condition_expr": ":gross_amount > 1"}]', '{"basis": "MGMT"}');
CALL public.txn(60, '2025-06-01', 'B1');
CALL public.txn(61, '2025-06-01', 'B2', 10);
CALL public.txn(62, '2025-06-01', 'B2', 7);
CALL public.txn(63, '2025-06-01', 'B2', 1);
CALL public.txn(64, '2025-06-01', 'B3');
SELECT acct.create_run('2025-06-01') AS run \gset
SELECT bases FROM acct.journal_run WHERE run_id = :run;
SELECT basis, count(*) AS batches, sum(source_rows) AS rows FROM acct.journal_run_batch WHERE run_id = :run GROUP BY basis ORDER BY basis;
SELECT transactions, journals, lines, exceptions, ignored FROM acct.expand_journals(:run);
SELECT * FROM public.outcome(:run);
SELECT check_name, passed, expected, actual FROM acct.validate_run(:run) WHERE check_name LIKE 'counts%' ORDER BY 1;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run);
SELECT * FROM acct.post_journals(:run) \gset posted_
SELECT entity_code, basis, je_number, txn_id FROM acct.ledger_entry_header WHERE run_id = :run ORDER BY basis, txn_id;

-- Many codes and templates at once, against the rules as SQL
DO $$ BEGIN FOR i IN 1 .. 60 LOOP
    CALL public.policy('Z' || i, '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', jsonb_build_array(jsonb_build_object('txn_type', 'Z' || i % 20, 'product_code', CASE i % 3 WHEN 0 THEN 'P' || i % 7 END, 'channel', CASE i % 2 WHEN 0 THEN 'C' || i % 5 END)));
END LOOP; END $$;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-07-01', '2025-07-01', 'Z' || n % 20, 'P' || n % 7, 'C' || n % 11, n, n FROM generate_series(1, 20 * 7 * 11) AS n;
SELECT public.expanded('2025-07-01', options => '{"basis": ["PRIMARY"]}') AS run \gset
WITH rule AS (
    SELECT m.template_code, m.txn_type, m.product_code, m.channel, num_nonnulls(m.txn_type, m.product_code, m.channel) AS named
      FROM acct.journal_template_match AS m JOIN acct.journal_template AS t USING (template_code, version)
     WHERE m.template_code ~ '^Z[0-9]+$' OR m.template_code = 'MANY'),
best AS (
    SELECT DISTINCT ON (s.txn_id) s.txn_id, r.template_code FROM acct.txn_source_parent AS s
      LEFT JOIN rule AS r ON coalesce(r.txn_type, s.txn_type) = s.txn_type AND coalesce(r.product_code, s.product_code) = s.product_code AND coalesce(r.channel, s.channel) = s.channel
     WHERE s.txn_month = '2025-07-01' ORDER BY s.txn_id, r.named DESC, r.template_code COLLATE "C")
SELECT count(*) AS transactions, count(h.template_code) AS journals, count(*) FILTER (WHERE h.template_code IS DISTINCT FROM b.template_code) AS different
  FROM best AS b LEFT JOIN acct.je_header_staging AS h ON h.txn_id = b.txn_id AND h.run_id = :run;
-- A newer version that moved to another basis supersedes the older one, whichever bases a run has.
CALL public.policy('MOVED', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('MOVED', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"basis": "MGMT"}');
CALL public.txn(70, '2025-08-01', 'MOVED');
SELECT public.expanded('2025-08-01', NULL, '{"basis": "PRIMARY"}') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT public.expanded('2025-08-01', NULL, '{"basis": "MGMT"}') AS run \gset
SELECT * FROM public.outcome(:run);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

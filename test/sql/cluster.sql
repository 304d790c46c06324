-- On one path: what a node and its coordinator add to runs does not depend on it.
-- Clusters on one server, without Citus: a ledger that is a node, what a coordinator refuses, and a cluster of one node, the coordinator itself.
-- Several servers are in test/t/029_cluster.pl, Citus in test/citus.
\set topic cluster
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');

-- A coordinator has to have policy.
BEGIN;
SELECT acct._layout_cluster();
SELECT * FROM acct.publish_policy();
ROLLBACK;

-- What Citus distributes is refused; its catalog is made up.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
RESET allow_system_table_mods;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
INSERT INTO pg_catalog.pg_dist_partition VALUES ('acct.txn_source_2025_01');
-- A small run writes into the staging that small runs share.
SET ledger_engine.run_partition_min_transactions = 1000;
SET ledger_engine.staging_table_min_transactions = 1000;
SELECT acct.create_run('2025-01-01', 'dist') AS dist \gset
SELECT * FROM acct.expand_journals(:dist);
UPDATE pg_catalog.pg_dist_partition SET logicalrelid = 'acct.je_header_staging_small';
SELECT * FROM acct.expand_journals(:dist);
SELECT acct.discard_run(:dist);
SET allow_system_table_mods = on;
DROP TABLE pg_catalog.pg_dist_partition;
RESET allow_system_table_mods;

-- Without Citus there is no coordinator, and schema acct_cluster is not made.
SELECT * FROM acct.install_cluster();
SELECT * FROM acct.cluster_nodes();
SELECT acct.assign_entity('MAIN', 'here');
CALL acct.run_cluster_month('2025-01-01', 'jan');
SELECT to_regnamespace('acct_cluster') IS NULL AS no_schema;
CREATE ROLE regress_cluster_nobody;
GRANT USAGE ON SCHEMA acct TO regress_cluster_nobody;
GRANT EXECUTE ON FUNCTION acct.install_cluster() TO regress_cluster_nobody;
SET SESSION AUTHORIZATION regress_cluster_nobody;
SELECT * FROM acct.install_cluster();
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_cluster_nobody;
DROP ROLE regress_cluster_nobody;

-- A node of somebody else's cluster: what is assigned elsewhere, or nowhere, is an exception, right after UNKNOWN_ENTITY.
\set other '\'{"do": "join", "cluster_id": "00000000-0000-0000-0000-000000000001", "names": {"1": "one"}}\''
SELECT acct._answer(1, :other) ->> 'node_name' AS joined;
SELECT acct._answer(1, '{"do": "place", "entities": {"MAIN": "one", "SUB": "two"}}') ->> 'entities' AS entities;
CALL public.txn(2, '2025-01-01', 'A', entity => 'SUB');
-- Nothing else is right with this one.
CALL public.txn(3, '2025-01-01', 'NOTHING', entity => 'OTHER', currency => 'XXX', product => ' ', value_date => '2030-01-01');
CALL public.txn(4, '2025-01-01', 'A', entity => 'NOBODY');
SELECT acct._answer(1, jsonb_build_object('do', 'stage', 'txn_month', '2025-01-01', 'run_key', 'jan', 'options', '{}'::jsonb, 'policy_digest', 'another'));
SELECT x ->> 'status' AS status, x ->> 'transactions' AS transactions, x ->> 'journals' AS journals, x ->> 'open_exceptions' AS open_exceptions
  FROM acct._answer(1, jsonb_build_object('do', 'stage', 'txn_month', '2025-01-01', 'run_key', 'jan', 'options', '{}'::jsonb, 'policy_digest', acct.policy_digest())) AS x;
SELECT e.txn_id, e.reason, e.message FROM acct.je_exception AS e WHERE e.run_id = (SELECT max(run_id) FROM acct.journal_run) ORDER BY 1;
-- An entity with entries, expanded ones too, stays.
SELECT acct._answer(1, '{"do": "place", "entities": {"MAIN": "two"}}');
SELECT acct._answer(1, '{"do": "post", "run_key": "feb"}');
SELECT x ->> 'status' AS status, x ->> 'journals' AS journals FROM acct._answer(1, '{"do": "post", "run_key": "jan"}') AS x;
SELECT x ->> 'status' AS status, x ->> 'journals' AS journals FROM acct._answer(1, '{"do": "post", "run_key": "jan"}') AS x;
SELECT acct._answer(1, '{"do": "cancel", "run_key": "jan"}');
-- They stand against closing the month of all books.
SELECT c.entity_code, c.finding, c.found, c.message FROM acct.check_close('2025-01-01') AS c WHERE c.finding = 'exceptions_open' ORDER BY 1;
-- What people enter goes by the same places.
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo) VALUES ('SUB', 'PRIMARY', '2025-01-31', 'IDR', 'Accrual') RETURNING journal_id AS accrual \gset
SELECT code, message, hint FROM acct.check_manual_journal(:accrual) WHERE code ~ 'ENTITY';
-- The places changed, the exceptions are taken up.
SELECT acct._answer(1, '{"do": "place", "entities": {"MAIN": "one", "SUB": "one"}}') ->> 'entities' AS entities;
SELECT journals, exceptions FROM acct.expand_journals(acct.reprocess_exceptions('jan')) AS e;
-- Policy of a node is its coordinator's.
SELECT acct.retire_template('A', 1, '2030-01-01');
SELECT acct._answer(1, jsonb_build_object('do', 'policy', 'policy', jsonb_build_object('digest', 'x', 'tables', '{}'::jsonb)));
SELECT acct._answer(1, jsonb_build_object('do', 'policy', 'policy', acct._policy_document() || '{"digest": "x"}'));
SELECT (acct._answer(1, jsonb_build_object('do', 'policy', 'policy', acct._policy_document())) ->> 'changes')::int AS changes;
-- It is one ledger's, of one cluster.
SELECT acct._answer(1, '{"do": "describe", "ledgers": {"1": "00000000-0000-0000-0000-000000000002"}}');
SELECT acct._answer(1, replace(:other, '000001"', '000002"')::jsonb);
DELETE FROM acct.entity_place;
DELETE FROM acct.cluster_member;

-- A cluster of one node. What asks nodes asks this ledger, through a table that nothing distributes.
SELECT acct._layout_cluster();
SELECT count(*) FROM acct.cluster_nodes();
SELECT * FROM acct._ask('{"do": "describe"}', false);
INSERT INTO acct_cluster.member (node_name, node_key) VALUES ('here', 1);
INSERT INTO acct_cluster.node (node_key) VALUES (1);
-- Books that are there when a ledger joins stay: their entities are assigned to it, or take nothing more.
SELECT acct._join_nodes();
SELECT node, ledger_id = (SELECT l.ledger_id FROM acct.engine_layout AS l) AS is_ours, entities, layout, policy_is_current, problem FROM acct.cluster_nodes();
SELECT acct.assign_entity('MAIN', 'here');
SELECT acct.assign_entity('MAIN', 'there');
SELECT acct.assign_entity('NOBODY', 'here');
SELECT acct.move_entity('OTHER', 'here');
SELECT acct.assign_entity('OTHER', 'here');
INSERT INTO acct_cluster.member (node_name, node_key, ledger_id) VALUES ('away', 2, gen_random_uuid());
SELECT acct.assign_entity('OTHER', 'away');
SELECT acct.assign_entity('SUB', 'away');
-- A node that does not answer: nothing is done on any.
SELECT node, entities, problem FROM acct.cluster_nodes();
CALL acct.run_cluster_month('2025-02-01', 'feb');
SELECT acct.move_entity('OTHER', 'away');
SELECT acct.entity_node('OTHER') AS other, acct.entity_node('SUB') AS sub;
DELETE FROM acct_cluster.member WHERE node_name = 'away';

-- Policy
SELECT node, changes, policy_digest = acct.policy_digest() AS is_ours FROM acct.publish_policy();
BEGIN;
ALTER TABLE acct.fund DISABLE TRIGGER ALL;
UPDATE acct.fund SET name = 'Other' WHERE fund = 'F1';
ALTER TABLE acct.fund ENABLE TRIGGER ALL;
SELECT * FROM acct.publish_policy();
ROLLBACK;

-- Runs
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-02-01');
CALL public.txn(11, '2025-02-01', 'A', entity => 'OTHER');
CALL public.txn(12, '2025-02-01', 'A', entity => 'SUB');
CALL acct.run_cluster_month('2025-02-01', NULL);
CALL acct.run_cluster_month('2025-02-01', 'feb');
CALL acct.run_cluster_month('2025-02-01', 'feb');
CALL acct.run_cluster_month('2025-03-01', 'feb');
SELECT node, status, transactions, journals, lines, exceptions, debit, credit, digest = (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_key = 'feb') AS digest, length(seal_root) AS root
  FROM acct.check_cluster_run('feb');
SELECT * FROM acct.check_cluster_run('mar');
SELECT * FROM acct.cancel_cluster_run('mar');
SELECT * FROM acct.cancel_cluster_run('feb');
-- Nothing waits: the key waits for what is loaded later, and can be given up.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-03-01');
CALL acct.run_cluster_month('2025-03-01', 'mar');
SELECT node, status, transactions FROM acct.check_cluster_run('mar');
SET client_min_messages = notice;
SELECT entity_code, account_code, closing_balance FROM acct.cluster_trial_balance('2025-03-01', entity => 'OTHER');
SET client_min_messages = warning;
SELECT * FROM acct.cancel_cluster_run('mar');
SELECT acct._open_cluster_run('2025-03-01', 'mar', '{}');
SELECT acct._post_cluster_run('mar');
SELECT count(*) FROM acct.cluster_progress();

-- Reports are those of the nodes.
SELECT count(*) AS differ FROM (SELECT * FROM acct.cluster_trial_balance('2025-02-01') EXCEPT SELECT * FROM acct.trial_balance('2025-02-01')) AS x;
SELECT count(*) > 0 AS has_rows FROM acct.cluster_trial_balance('2025-02-01');
SELECT acct.cluster_checkpoint() AS checkpoint \gset
SELECT node, check_name, passed, CASE WHEN node IS NULL THEN detail END AS detail FROM acct.verify_cluster_checkpoint(:'checkpoint');
SELECT node, check_name, passed, detail FROM acct.verify_cluster_checkpoint(replace(replace(:'checkpoint', 'ledger_engine/', 'ledger_engine/0'), 'cluster/', 'cluster/0')) WHERE NOT passed;
SELECT * FROM acct.verify_cluster_checkpoint('x');
SELECT node, check_name, status, observed, detail, hint FROM acct.cluster_health('{layout}');
SELECT * FROM acct.cluster_health('{nothing}');
DROP SCHEMA acct_cluster CASCADE;

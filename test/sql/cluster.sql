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
-- The run that has the key of the cluster's is another one: its own.
SELECT acct._answer(1, '{"do": "post", "run_key": "jan", "txn_month": "2025-02-01", "options": {}}');
SELECT acct._answer(1, '{"do": "validate", "run_key": "jan", "txn_month": "2025-01-01", "options": {"late": "next_open"}}');
SELECT acct._answer(1, '{"do": "run", "run_key": "jan", "txn_month": "2025-02-01"}'), acct._answer(1, '{"do": "cancel", "run_key": "jan", "txn_month": "2025-02-01"}');
-- The cluster posts it, nobody else; it can be ended here, as where the coordinator is gone.
SELECT * FROM acct.post_journals('jan');
SELECT count(*) FROM acct.run_month('2025-01-01', 'jan');
CALL acct.process_run('jan');
BEGIN;
SELECT outcome FROM acct.cancel_run('jan');
SELECT step, rows FROM acct.run_month('2025-01-01', 'jan');
ROLLBACK;
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
-- A report has the same runs from all nodes: not at a snapshot of its own, and it says what a node lost.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM acct.cluster_trial_balance('2025-02-01');
ROLLBACK;
INSERT INTO acct_cluster.run (run_key, txn_month, options, status, posted_at) VALUES ('lost', '2025-02-01', '{}', 'posted', now());
SELECT entity_code, sum(period_debit) FROM acct.cluster_trial_balance('2025-02-01') GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT column_label) FROM acct.cluster_fund_statement('2025-02-01');
DELETE FROM acct_cluster.run WHERE run_key = 'lost';
-- The coordinator knows which nodes posted a run, and what: one that has the key again, without what it had posted, lost it.
SELECT c.run_key, c.posted_on = jsonb_build_object('here', r.digest) AS posted_on FROM acct_cluster.run AS c JOIN acct.journal_run AS r USING (run_key);
SELECT acct.create_run('2025-03-01', 'emptied') > 0 AS created;
INSERT INTO acct_cluster.run (run_key, txn_month, options, status, posted_at, posted_on) VALUES ('emptied', '2025-03-01', '{}', 'posted', now(), '{"here": "digest"}'), ('elsewhere', '2025-03-01', '{}', 'posted', now(), '{"gone": "digest"}');
SELECT count(*) FROM acct.cluster_trial_balance('2025-01-01', entity => 'OTHER');
SELECT node, status, observed, detail FROM acct.cluster_health('{layout}') WHERE check_name = 'runs';
UPDATE acct_cluster.run SET posted_on = '{"here": "digest"}' WHERE run_key = 'feb';
SELECT node, status, observed, detail FROM acct.cluster_health('{layout}') WHERE check_name = 'runs';
DELETE FROM acct_cluster.run WHERE run_key IN ('emptied', 'elsewhere');
SELECT acct.discard_run('emptied');
-- A coordinator that was restored takes up what was posted since, also what was reversed since.
BEGIN;
UPDATE acct_cluster.run SET status = 'created', posted_by = NULL, posted_at = NULL, posted_on = NULL WHERE run_key = 'feb';
SELECT acct.reverse_run('feb', '2025-02-28', 'wrong') AS back \gset
SELECT journals FROM acct.expand_journals(:back);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT acct._stage_cluster_run('feb'), acct._validate_cluster_run('feb');
SELECT acct._post_cluster_run('feb');
SELECT r.status, c.posted_on = jsonb_build_object('here', r.digest) AS posted_on FROM acct_cluster.run AS c JOIN acct.journal_run AS r USING (run_key);
ROLLBACK;
-- A coordinator of version 0.2.0, and runs that it posted: both install() and install_cluster() add the column.
BEGIN;
ALTER TABLE acct_cluster.run DROP COLUMN posted_on;
SELECT acct._widen_cluster();
SELECT acct._posted_cluster_runs() AS known_by_key;
ROLLBACK;
UPDATE acct_cluster.run AS c SET posted_on = jsonb_build_object('here', r.digest) FROM acct.journal_run AS r WHERE r.run_key = c.run_key;
-- A row that belongs to no node, and a request whose backslashes were doubled
INSERT INTO acct_cluster.node (node_key) VALUES (9);
SELECT count(*) FROM acct.cluster_trial_balance('2025-02-01');
DELETE FROM acct_cluster.node WHERE node_key = 9;
SELECT acct._answer(1, E'{"do": "describe", "backslash": "\\\\\\\\"}');
-- Where Citus is not there, nobody takes its place.
CREATE FUNCTION public.planted() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called with the rights of %', current_user; END $$;
CREATE TEMPORARY VIEW pg_dist_node AS SELECT public.planted() AS nodeid, 'here'::text AS nodename, 1 AS nodeport, true AS isactive, 'primary'::text AS noderole, true AS shouldhaveshards;
SELECT node, problem FROM acct.cluster_nodes();
DROP VIEW pg_temp.pg_dist_node;
DROP FUNCTION public.planted();
SELECT acct._open_cluster_run('2025-03-01', 'mar', '{}');
SELECT acct._post_cluster_run('mar');
SELECT count(*) FROM acct.cluster_progress();

-- The inbox. What has no node stays, and is reported; a second call finds nothing.
\copy acct_cluster.inbox (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount, attributes) FROM stdin
101	2025-03-01	2025-03-05	OTHER	A	P	AGENCY	"quoted", {braces} \\ and \n lines	10.5000	10.5	{"a": "\\"b, {c}"}
102	2025-03-01	2025-03-06	OTHER	A	P	AGENCY	NULL	-0.0001	-0.0001	\N
103	2025-03-01	2025-03-07	MAIN	A	P	AGENCY	\N	1	1	\N
104	2025-03-01	2025-03-07	SUB	A	P	AGENCY	\N	1	1	\N
105	2025-03-01	2025-03-07	NOBODY	A	P	AGENCY	\N	1	1	\N
\.
CREATE TABLE public.sent AS TABLE acct_cluster.inbox;
SET ledger_engine.batch_source = 'March of all';
-- Nobody called route_inbox(): health, the run of the month and its reports say so, those of earlier months do not.
SELECT check_name, status, observed, detail, hint FROM acct.cluster_health('{layout}') WHERE check_name = 'inbox';
INSERT INTO acct_cluster.run (run_key, txn_month, options) VALUES ('mar', '2025-03-01', '{}') ON CONFLICT DO NOTHING;
SELECT count(*) FROM acct.check_cluster_run('mar');
SELECT count(*) FROM acct.check_cluster_run('feb');
SELECT count(*) > 0 AS has_rows FROM acct.cluster_trial_balance('2025-03-01');
SELECT count(*) > 0 AS has_rows FROM acct.cluster_trial_balance('2025-02-01');
-- Whatever the session has set
SET array_nulls = off; SET datestyle = 'German'; SET transform_null_equals = on; SET quote_all_identifiers = on;
SELECT * FROM acct.route_inbox();
RESET array_nulls; RESET datestyle; RESET transform_null_equals; RESET quote_all_identifiers;
RESET ledger_engine.batch_source;
SELECT * FROM acct.route_inbox();
SELECT s.txn_id, s.policy_no, s.gross_amount, s.attributes, to_jsonb(s) - 'batch_id' = to_jsonb(i) AS is_as_sent, b.source
  FROM acct.txn_source_parent AS s JOIN public.sent AS i USING (txn_id, txn_month) JOIN acct.txn_batch AS b USING (batch_id) ORDER BY 1;
SELECT check_name, status, observed, detail, hint FROM acct.cluster_health('{layout}') WHERE check_name = 'inbox';
SELECT r.rows, r.detail - 'routed_by' AS detail, r.detail ->> 'routed_by' = session_user AS by_me FROM acct.run_log AS r WHERE r.step = 'route_inbox';
-- Refused at the door, as on one ledger; or by the node, with the row: then all stay.
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount) VALUES (106, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5);
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (107, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5, 5), (103, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 1, 1);
SELECT * FROM acct.route_inbox();
UPDATE acct_cluster.inbox SET txn_id = 108, txn_month = '2025-09-01' WHERE txn_id = 103;
SELECT * FROM acct.route_inbox();
UPDATE acct_cluster.inbox SET txn_month = '2025-03-01' WHERE txn_id = 108;
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT ours CHECK (txn_id <> 107);
SELECT * FROM acct.route_inbox();
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT ours;
CREATE FUNCTION public.leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER left_out BEFORE INSERT ON acct.txn_source_parent FOR EACH ROW WHEN (NEW.txn_id = 107) EXECUTE FUNCTION public.leave_out();
SELECT * FROM acct.route_inbox();
DROP TRIGGER left_out ON acct.txn_source_parent;
DELETE FROM acct.entity_place WHERE entity_code = 'MAIN';
SELECT * FROM acct.route_inbox();
SELECT acct._send_places();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM acct.route_inbox();
ROLLBACK;
SELECT count(*) AS waiting FROM acct_cluster.inbox;
-- With its load in one transaction; with a dimension, of whatever type.
SELECT acct.add_dimension('cohorts', 'integer[]'), acct.add_dimension('share', 'double precision');
BEGIN;
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohorts, share) VALUES (109, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5, 5, '{1,2}', 0.1::float8 + 0.2);
SELECT * FROM acct.route_inbox();
COMMIT;
SELECT txn_id, cohorts, share = 0.1::float8 + 0.2 AS is_exact FROM acct.txn_source_parent WHERE txn_id >= 107 ORDER BY 1;
-- With more columns than a function has arguments, of names that the engine's queries might use, and of a type that has columns itself.
-- Parts are as large as their text, however well it compresses.
BEGIN;
CREATE TYPE public.pair AS (a text, b integer[]);
DO $$ BEGIN
    EXECUTE (SELECT string_agg(format('ALTER TABLE %s ADD COLUMN c%s text, ADD COLUMN d%2$s public.pair', t, n), ';')
               FROM unnest('{acct.txn_source_parent,acct_cluster.inbox}'::regclass[]) AS t, generate_series(1, 25) AS n);
END $$;
SELECT count(acct.add_dimension(n, 'text')) AS added FROM unnest('{size,place,part,node_key,i,t,x,y}'::text[]) AS n;
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, size, y, d7, d25) VALUES (111, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5, 5, 'L', '"', ROW('NULL', '{NULL,1}'), ROW(NULL, '{}'));
SELECT * FROM acct.route_inbox();
SELECT size, y, d7, d8, d25 FROM acct.txn_source_parent WHERE txn_id = 111;
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, y, attributes)
SELECT n, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5, 5, CASE n WHEN 115 THEN 'why' ELSE '' END, jsonb_build_object('a', repeat('x', 1500000)) FROM generate_series(112, 116) AS n;
SAVEPOINT parts;
SELECT count(*) AS parts FROM acct._take_inbox();
ROLLBACK TO parts;
DELETE FROM acct_cluster.inbox WHERE txn_id <> 115;
UPDATE acct_cluster.inbox SET attributes = NULL;
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT ours CHECK (y <> 'why');
\set VERBOSITY terse
SELECT * FROM acct.route_inbox();
\set VERBOSITY default
ROLLBACK;
SELECT acct._answer(1, '{"do": "receive", "parts": {"1": {"rows": 1, "columns": {"txn_id": "{1}", "nothing": "{1}", "entity_code": "{MAIN}"}}}}');
SELECT acct._answer(1, '{"do": "receive", "parts": {"1": {"rows": 1, "columns": {"txn_id": "{1}", "entity_code": "{NOBODY}"}}}}');
BEGIN;
DROP TABLE acct_cluster.inbox;
SELECT * FROM acct.route_inbox();
ROLLBACK;
-- Made again where the source has other columns, unless it holds rows.
DELETE FROM acct_cluster.inbox;
INSERT INTO acct_cluster.inbox SELECT * FROM public.sent WHERE txn_id = 105;
ALTER TABLE acct.txn_source_parent ADD COLUMN later integer;
SELECT acct._layout_cluster();
DELETE FROM acct_cluster.inbox;
SELECT acct._layout_cluster();
SELECT string_agg(attname, ' ' ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'acct_cluster.inbox'::regclass AND attnum > 0 AND NOT attisdropped;
-- A loader loads it and moves it; an operator may take rows out.
CREATE ROLE regress_cluster_loader;
SELECT count(*) FROM acct.install_roles();
GRANT acct_loader TO regress_cluster_loader;
SET SESSION AUTHORIZATION regress_cluster_loader;
INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (110, '2025-03-01', '2025-03-07', 'A', 'P', 'AGENCY', 5, 5);
DELETE FROM acct_cluster.inbox;
SELECT * FROM acct.route_inbox();
SELECT count(*) FROM acct_cluster.entity;
RESET SESSION AUTHORIZATION;
SELECT * FROM acct.health('{rights}');
DROP OWNED BY acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_cluster_loader;
DROP ROLE acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_cluster_loader;
-- Reports are those of the nodes.
SELECT count(*) AS differ FROM (SELECT * FROM acct.cluster_trial_balance('2025-02-01') EXCEPT SELECT * FROM acct.trial_balance('2025-02-01')) AS x;
SELECT count(*) > 0 AS has_rows FROM acct.cluster_trial_balance('2025-02-01');
-- Each with its rows in the order of the local one
CREATE FUNCTION public.compare(report text, arguments text) RETURNS TABLE (name text, rows bigint, is_same boolean) LANGUAGE plpgsql AS $$
DECLARE
    here jsonb;
    all_nodes jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_agg(x) FROM acct.%I(%s) AS x', report, arguments) INTO here;
    EXECUTE format('SELECT jsonb_agg(x) FROM acct.%I(%s) AS x', 'cluster_' || report, arguments) INTO all_nodes;
    RETURN QUERY SELECT report, coalesce(jsonb_array_length(here), 0)::bigint, here IS NOT DISTINCT FROM all_nodes;
END
$$;
SELECT c.* FROM (VALUES ('trial_balance', '''2025-02-01'', known_at => clock_timestamp()'), ('trial_balance', '''2025-02-01'', ''OTHER'', closing => NULL'), ('trial_balance_at', '''2025-02-14'''),
    ('profit_and_loss', '''2025-01-01'', ''2025-02-01'''), ('balance_sheet', '''2025-02-01'''), ('fund_statement', '''2025-02-01'''),
    ('fund_statement', '''2025-02-01'', statement => ''profit_and_loss'', from_month => ''2025-01-01'', closing => true'), ('movement', '''2025-02-01'', templates => true'),
    ('account_hierarchy', '''2025-02-01'''), ('exceptions_report', '''2025-01-01'''), ('balance_changes', '''2025-02-01'', ''-infinity''')) AS r (report, arguments)
 CROSS JOIN LATERAL public.compare(r.report, r.arguments) AS c;
SELECT * FROM acct.cluster_fund_statement('2025-02-01', statement => 'cash_flow');
SELECT * FROM acct.cluster_fund_statement('2025-02-01', from_month => '2025-01-01');
SELECT * FROM acct.cluster_movement(NULL);
-- A fund that only another node has
SELECT jsonb_agg(DISTINCT x ->> 'column_label') AS columns
  FROM jsonb_array_elements(acct._answer(1, '{"do": "rows", "report": "fund_statement", "arguments": ["2025-02-01", null, "PRIMARY", "balance_sheet", null, null, null, ["F9"]]}')) AS x;
SELECT acct.cluster_checkpoint() AS checkpoint \gset
SELECT node, check_name, passed, CASE WHEN node IS NULL THEN detail END AS detail FROM acct.verify_cluster_checkpoint(:'checkpoint');
SELECT node, check_name, passed, detail FROM acct.verify_cluster_checkpoint(replace(replace(:'checkpoint', 'ledger_engine/', 'ledger_engine/0'), 'cluster/', 'cluster/0')) WHERE NOT passed;
SELECT bool_and(passed) AS with_a_line_feed FROM acct.verify_cluster_checkpoint(:'checkpoint' || E'\n');
SELECT * FROM acct.verify_cluster_checkpoint('x');
SELECT * FROM acct.verify_cluster_checkpoint(NULL);
SELECT node, check_name, status, observed, detail, hint FROM acct.cluster_health('{layout}');
INSERT INTO acct_cluster.run (run_key, txn_month, options, status, posted_at) VALUES ('gone', '2025-02-01', '{}', 'posted', clock_timestamp());
SELECT node, check_name, status, observed, detail, hint FROM acct.cluster_health('{layout}') WHERE check_name = 'runs';
SELECT * FROM acct.cluster_health('{nothing}');
DROP SCHEMA acct_cluster CASCADE;

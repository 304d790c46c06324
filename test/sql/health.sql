-- On one path: nothing here depends on it.
-- health(): each check when all is well, when something is wrong, and when it was put right
\set topic health
\i test/sql/setup.sql
CREATE FUNCTION public.h(VARIADIC checks text[]) RETURNS TABLE (check_name text, status text, observed numeric, threshold numeric, detail text, hinted boolean)
LANGUAGE sql AS $$ SELECT h.check_name, h.status, trim_scale(h.observed), h.threshold, h.detail, h.hint IS NOT NULL FROM acct.health(checks) AS h $$;

-- A ledger without a row, and without a partition
SELECT check_name, status, observed, threshold, hint FROM acct.health();
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0), acct.rotate_ledger_partitions(0);
SELECT check_name, status, observed FROM public.h('source_partitions', 'ledger_partitions');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1);
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(1);
SELECT check_name, status, observed, threshold FROM acct.health() WHERE status <> 'ok' OR hint IS NOT NULL;
-- A gap is not jumped.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, (date_trunc('month', current_date) + interval '5 months')::date);
SELECT check_name, status, observed, threshold FROM acct.health('{source_partitions}', '{"source_partitions": 6}');
SELECT replace(detail, to_char(current_date, 'YYYY-MM'), 'this month') AS detail FROM acct.health('{source_partitions}', '{"source_partitions": 6}');

-- A month's work, and nothing is wrong.
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') AS posted \gset
SELECT check_name, status, detail FROM acct.health() WHERE status <> 'ok' OR hint IS NOT NULL;

-- guard
ALTER TABLE acct.ledger_entry_line_2025_01_rest DISABLE TRIGGER ledger_immutable;
SELECT * FROM public.h('guard');
ALTER TABLE acct.ledger_entry_line_2025_01_rest ENABLE TRIGGER ledger_immutable;
SELECT * FROM public.h('guard');
ALTER TABLE acct.ledger_entry_line_2025_01_rest ENABLE ALWAYS TRIGGER ledger_immutable;
DROP TRIGGER ledger_immutable ON acct.ledger_entry_header_2025_01;
CREATE FUNCTION public.refuse_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER ledger_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON acct.ledger_entry_header_2025_01 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_nothing();
ALTER TABLE acct.ledger_entry_header_2025_01 ENABLE ALWAYS TRIGGER ledger_immutable;
ALTER TABLE acct.txn_source_2025_01 DISABLE TRIGGER txn_source_taken;
SET ledger_engine.allow_drop = on;
DELETE FROM ledger_guard.protected WHERE relation = 'acct.ledger_entry_header_2025_01'::regclass;
RESET ledger_engine.allow_drop;
ALTER EVENT TRIGGER ledger_guard DISABLE;
SELECT * FROM public.h('guard');
ALTER EVENT TRIGGER ledger_guard ENABLE ALWAYS;
DROP TRIGGER ledger_immutable ON acct.ledger_entry_header_2025_01;
ALTER TABLE acct.txn_source_2025_01 ENABLE TRIGGER txn_source_taken;
SELECT acct._protect('acct.ledger_entry_header_2025_01');
SELECT * FROM public.h('guard');
-- Triggers of policy, and of master data; install() puts them back.
ALTER TABLE acct.journal_template DISABLE TRIGGER journal_template_life;
ALTER TABLE acct.txn_source_parent ALTER COLUMN batch_id DROP DEFAULT;
SELECT status, regexp_replace(detail, '\(.*?\)', '', 'g') AS detail FROM public.h('guard');
ALTER TABLE acct.fund DISABLE TRIGGER USER;
DROP TRIGGER journal_template_line_life ON acct.journal_template_line;
ALTER EVENT TRIGGER ledger_guard_rewrite DISABLE;
ALTER EVENT TRIGGER ledger_engine_unguarded DISABLE;
SELECT check_name, status, observed > 4 AS some, detail ~ 'event trigger ledger_guard_rewrite' AS disabled FROM public.h('guard');
SELECT acct.install() AS put_back;
SELECT * FROM public.h('guard');
ALTER EVENT TRIGGER ledger_engine_unguarded ENABLE ALWAYS;
SELECT * FROM public.h('guard');
-- What pg_restore --data-only --disable-triggers leaves: enabled, but not for a session that replays
ALTER TABLE acct.ledger_entry_header_2025_01 DISABLE TRIGGER ALL;
ALTER TABLE acct.ledger_entry_header_2025_01 ENABLE TRIGGER ALL;
ALTER TABLE acct.template_audit DISABLE TRIGGER ALL;
ALTER TABLE acct.template_audit ENABLE TRIGGER ALL;
SELECT * FROM public.h('guard');
SELECT acct.install() AS put_back;
SELECT * FROM public.h('guard');
SET session_replication_role = replica;
DELETE FROM acct.ledger_entry_header_2025_01;
DELETE FROM acct.template_audit;
RESET session_replication_role;
-- Functions that are not the extension's any more: install() puts back those of the guard.
BEGIN;
CREATE OR REPLACE FUNCTION ledger_guard.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NULL; END $$;
CREATE OR REPLACE FUNCTION ledger_guard.refuse_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN NULL; END $$;
CREATE OR REPLACE FUNCTION acct._guard_template() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION acct._refuse_taken_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$ BEGIN RETURN NULL; END $$;
ALTER FUNCTION acct._refuse_unguarded_drop() SECURITY INVOKER;
SELECT status, detail FROM public.h('guard');
SELECT acct.install() IS NOT NULL AS put_back;
SELECT status, detail FROM public.h('guard');
ROLLBACK;
-- Columns of posted entries that changed while nothing looked; and tables that a crash would empty
BEGIN;
DROP VIEW IF EXISTS acct.fund_journal CASCADE;
ALTER EVENT TRIGGER ledger_guard_columns DISABLE;
ALTER TABLE acct.ledger_entry_line RENAME COLUMN debit TO x;
ALTER TABLE acct.ledger_entry_line RENAME COLUMN credit TO debit;
ALTER TABLE acct.ledger_entry_line RENAME COLUMN x TO credit;
ALTER EVENT TRIGGER ledger_guard_columns ENABLE ALWAYS;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header_2025_01 SET UNLOGGED;
-- A run's own partition has the run's number in its name.
SELECT status, regexp_replace(detail, ', columns of \w+_run_\w+', '') AS detail FROM public.h('guard');
ROLLBACK;
SELECT * FROM public.h('guard');

-- indexes
CREATE INDEX regress_invalid ON ONLY acct.ledger_entry_line (txn_id);
SELECT * FROM public.h('indexes');
DROP INDEX acct.regress_invalid;
SELECT * FROM public.h('indexes');

-- sequences
SELECT last_value AS je_id FROM acct.je_id_seq \gset
SELECT setval('acct.je_id_seq', 4000000000000) > 0 AS set;
SELECT * FROM public.h('sequences');
SELECT setval('acct.je_id_seq', 4300000000000) > 0 AS set;
SELECT * FROM public.h('sequences');
SELECT setval('acct.je_id_seq', :je_id) > 0 AS set;
SELECT last_value AS je_range, is_called AS je_range_called FROM acct.je_range_seq \gset
SELECT setval('acct.je_range_seq', 2000000000) > 0 AS set;
SELECT check_name, status, detail FROM acct.health('{sequences}');
SELECT setval('acct.je_range_seq', :je_range, :'je_range_called') > 0 AS set;
SELECT status FROM acct.health('{sequences}');
UPDATE acct.journal_number SET last_number = 900000000;
SELECT * FROM public.h('sequences');
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY');
SELECT status FROM acct.health('{sequences}');
SELECT acct.reopen_period('2025-01-01', 'MAIN', 'PRIMARY');
UPDATE acct.journal_number SET last_number = 2;
SELECT status, observed < 1 AS little FROM acct.health('{sequences}');

-- partitions_attached
ALTER TABLE acct.txn_source_parent DETACH PARTITION acct.txn_source_2025_01;
SELECT * FROM public.h('partitions_attached');
ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.txn_source_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT * FROM public.h('partitions_attached');

-- runs_stuck
CALL public.txn(3, '2025-01-01', 'A');
SELECT acct.create_run('2025-01-01', 'stuck') AS stuck \gset
SELECT check_name, status, observed, threshold, regexp_replace(detail, '[-0-9]{10} [:0-9]{5}', 'TIME') AS detail FROM acct.health('{runs_stuck}');
UPDATE acct.journal_run SET created_at = now() - interval '7 hours' WHERE run_id = :stuck;
SELECT check_name, status, round(observed) AS hours, threshold, regexp_replace(detail, '[-0-9]{10} [:0-9]{5}', 'TIME') AS detail FROM acct.health('{runs_stuck}');
SELECT status FROM acct.health('{runs_stuck}', '{"runs_stuck": 8}');
BEGIN;
SELECT count(*) AS locked FROM (SELECT FROM acct.journal_run WHERE run_id = :stuck FOR UPDATE) AS x;
SELECT status, regexp_replace(replace(detail, pg_backend_pid()::text, 'PID'), '[-0-9]{10} [:0-9]{5}', 'TIME') AS detail FROM acct.health('{runs_stuck}');
COMMIT;
SELECT count(*) AS expanded FROM acct.expand_journals(:stuck);
SELECT status FROM acct.health('{runs_stuck}');

-- staging_lost
SELECT * FROM public.h('staging_lost');
SELECT line AS staged FROM acct._staging_tables(:stuck) \gset
TRUNCATE :staged;
SELECT * FROM public.h('staging_lost');
SELECT journals FROM acct.expand_journals(:stuck);
SELECT * FROM public.h('staging_lost');
SELECT journals FROM acct.post_journals(:stuck);
SELECT * FROM public.h('runs_stuck');

-- staging_left
UPDATE acct.journal_run SET posted_at = now() - interval '38 days' WHERE run_id = :posted;
SELECT check_name, status, observed, threshold, detail ~ 'je_header_staging_(1 of a run posted on [-0-9]{10}, .*|small of run 1, posted on [-0-9]{10})$' AS detailed FROM acct.health('{staging_left}');
UPDATE acct.journal_run SET posted_at = now() WHERE run_id = :posted;
SELECT check_name, status, observed FROM acct.health('{staging_left}');
CREATE TABLE acct.je_line_staging_99999 ();
SELECT check_name, status, observed, left(detail, 32) AS detail FROM public.h('staging_left');
DROP TABLE acct.je_line_staging_99999;
SELECT status FROM acct.health('{staging_left}');

-- exceptions_open
CALL public.txn(4, '2025-01-01', 'NOTHING');
CALL public.txn(5, '2025-01-01', 'NOTHING');
CALL public.txn(6, '2025-01-01', 'A', currency => 'XXX');
SELECT public.posted('2025-01-01') AS excepted \gset
SELECT * FROM public.h('exceptions_open');
SELECT status, threshold FROM acct.health('{exceptions_open}', '{"exceptions_open": 3}');
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.currency VALUES ('XXX', 2);
SELECT acct.reprocess_exceptions(:excepted) AS again \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:again);
SELECT count(*) AS posted FROM acct.post_journals(:again);
SELECT * FROM public.h('exceptions_open');

-- batches_waiting
SELECT * FROM acct.batches_waiting();
BEGIN;
SET LOCAL ledger_engine.batch_source = 'core banking';
CALL public.txn(7, '2025-01-01', 'A');
CALL public.txn(8, (date_trunc('month', current_date))::date, 'A', value_date => current_date);
CALL public.txn(9, '2025-01-01', 'A');
COMMIT;
SELECT count(*) AS batches, sum(transactions) AS transactions, min(source) AS source, bool_and(loaded_by = session_user) AS by_me, count(*) FILTER (WHERE txn_month = '2025-01-01' AND transactions = 2) AS january FROM acct.batches_waiting();
SELECT check_name, status FROM acct.health('{batches_waiting}');
UPDATE acct.txn_batch SET loaded_at = now() - interval '25 hours' WHERE batch_id = (SELECT max(batch_id) FROM acct.txn_batch);
SELECT check_name, status, round(observed) AS hours, threshold, regexp_replace(regexp_replace(detail, 'batch \d+', 'batch N', 'g'), 'of ((?!2025-01)[-0-9]{7})', 'of this month') AS detail FROM acct.health('{batches_waiting}');
-- A load of several months waits where no run took it, and for a basis that takes every transaction.
SELECT acct.create_run('2025-01-01') AS january \gset
SELECT txn_month = '2025-01-01' AS january, transactions FROM acct.batches_waiting();
SELECT check_name, status, regexp_replace(regexp_replace(detail, 'batch \d+', 'batch N', 'g'), 'of ((?!2025-01)[-0-9]{7})', 'of this month') AS detail FROM acct.health('{batches_waiting}');
BEGIN;
INSERT INTO acct.accounting_basis VALUES ('OPTIONAL', 'Takes some', false);
SELECT count(*) AS january FROM acct.batches_waiting() WHERE txn_month = '2025-01-01';
INSERT INTO acct.accounting_basis VALUES ('EVERY', 'Takes every one', true);
SELECT transactions FROM acct.batches_waiting() WHERE txn_month = '2025-01-01' ORDER BY batch_id DESC LIMIT 1;
ROLLBACK;
SELECT acct.discard_run(:january);
-- A load whose rows were deleted again waits for nothing.
DELETE FROM acct.txn_source_parent WHERE txn_id IN (7, 8, 9);
SELECT * FROM public.h('batches_waiting');

-- source_rows
SELECT * FROM public.h('source_rows');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 100 + n, '2025-01-01', '2025-01-15', CASE WHEN n < 3 THEN 987654321 ELSE (SELECT min(batch_id) FROM acct.journal_run_batch) END, 'A', 'P', 'C', 7, 7 FROM generate_series(1, 5) AS n;
SELECT check_name, status, observed, regexp_replace(detail, 'batch \d has', 'batch N has') AS detail FROM acct.health('{source_rows}');
DELETE FROM acct.txn_source_parent WHERE txn_id IN (101, 102);
SET ledger_engine.maintenance = on;
DELETE FROM acct.txn_source_parent WHERE txn_id IN (103, 104, 105);
SELECT * FROM public.h('source_rows');
UPDATE acct.txn_source_parent SET gross_amount = 99, tabarru_amount = 99 WHERE txn_id = 1;
SELECT check_name, status, observed FROM public.h('source_rows');
UPDATE acct.txn_source_parent SET gross_amount = 100, tabarru_amount = 100 WHERE txn_id = 1;
RESET ledger_engine.maintenance;
SELECT * FROM public.h('source_rows');

-- snapshot, and a job that failed
SELECT * FROM public.h('snapshot', 'jobs');
UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE account_code = '1000';
SELECT * FROM public.h('snapshot');
\set VERBOSITY sqlstate
CALL acct.run_job('snapshot'); :why
\set VERBOSITY default
SELECT check_name, status, observed, regexp_replace(detail, '[-0-9]{10} [:0-9]{5}', 'TIME') AS detail FROM acct.health('{jobs}');
SELECT acct.update_balance_snapshot() AS wrong;
CALL acct.run_job('snapshot');
SELECT * FROM public.h('snapshot', 'jobs');

-- layout: nothing else can be looked at.
UPDATE acct.engine_layout SET version = version - 1;
SELECT check_name, status, observed, threshold, detail, hint FROM acct.health();
SELECT check_name, status FROM acct.health('{snapshot}');
UPDATE acct.engine_layout SET version = version + 1;
SELECT check_name, status FROM acct.health('{layout}');
-- A check that cannot be made does not keep the others from being made.
ALTER TABLE acct.je_exception RENAME TO gone;
SELECT check_name, status, observed, detail FROM acct.health('{jobs, exceptions_open, guard}');
ALTER TABLE acct.gone RENAME TO je_exception;

SELECT count(*) AS checks, count(*) FILTER (WHERE status = 'ok') AS ok FROM acct.health();
-- Read only, and in the order of the checks
BEGIN READ ONLY;
SELECT check_name FROM acct.health();
COMMIT;
-- What is refused
SELECT * FROM acct.health('{guard, gard}');
SELECT * FROM acct.health(ARRAY[NULL]);
SELECT * FROM acct.health(NULL, '{"gard": 1}');
SELECT * FROM acct.health(NULL, '{"guard": "1"}');
SELECT * FROM acct.health(NULL, '{"guard": [1]}');
SELECT * FROM acct.health(NULL, '[]');
SELECT * FROM acct.health(NULL, NULL);
SELECT count(*) AS none FROM acct.health('{}');

-- separation_of_duties: logins that are members of roles for two people, also through others; superusers and roles that cannot log in are not
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_health_both, regress_health_group, regress_health_nested, regress_health_super, regress_health_nologin, regress_health_one, regress_health_set;
SELECT * FROM public.h('separation_of_duties');
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_health_one LOGIN IN ROLE acct_finance, acct_operator, acct_auditor;
CREATE ROLE regress_health_nologin IN ROLE acct_finance, acct_approver;
CREATE ROLE regress_health_super SUPERUSER LOGIN IN ROLE acct_finance, acct_approver;
SELECT * FROM public.h('separation_of_duties');
CREATE ROLE regress_health_both LOGIN IN ROLE acct_finance, acct_approver, acct_operator, acct_loader;
CREATE ROLE regress_health_group IN ROLE acct_approver;
CREATE ROLE regress_health_nested LOGIN IN ROLE regress_health_group, acct_operator;
CREATE ROLE regress_health_set LOGIN NOINHERIT IN ROLE acct_loader, acct_finance;
SELECT * FROM public.h('separation_of_duties');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_health_both, regress_health_group, regress_health_nested, regress_health_super, regress_health_nologin, regress_health_one, regress_health_set;

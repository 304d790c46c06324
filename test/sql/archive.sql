-- Archive: months moved out of the ledger and the source and back; what reads them, what refuses to change them, balances
\set topic archive
\i test/sql/setup.sql
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2015-01-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, date '2015-01-01' + make_interval(months => n % 4), date '2015-01-05' + make_interval(months => n % 4), 'A', 'P', 'C', n, n FROM generate_series(1, 40) AS n;
SELECT public.posted('2015-01-01') AS jan, public.posted('2015-02-01', 'feb') AS feb, public.posted('2015-03-01') AS mar, public.posted('2015-04-01') AS apr \gset
CREATE TABLE public.before AS
SELECT m.month, t.* FROM (SELECT DISTINCT snapshot_month FROM acct.account_balance_snapshot) AS m (month), acct.trial_balance(m.month) AS t;
CREATE VIEW public.changed AS
SELECT * FROM ((SELECT m.month, t.* FROM (SELECT DISTINCT snapshot_month FROM acct.account_balance_snapshot) AS m (month), acct.trial_balance(m.month) AS t
                EXCEPT SELECT * FROM public.before)
               UNION ALL (SELECT * FROM public.before
                EXCEPT SELECT m.month, t.* FROM (SELECT DISTINCT snapshot_month FROM acct.account_balance_snapshot) AS m (month), acct.trial_balance(m.month) AS t)) AS x;
CREATE VIEW public.place AS
SELECT n.nspname || '.' || c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound, c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relname ~ '^(txn_source|ledger_entry_(header|line))_\d+' AND c.relkind IN ('r', 'p') AND c.relname !~ '_(rest|run_\d+)$'
   AND NOT starts_with(right(c.relname, 8), to_char(current_date, '_YYYY_MM'));
CREATE TABLE public.was AS SELECT * FROM public.place;
-- Indexes, constraints, triggers of January's tables
CREATE VIEW public.made_of AS
SELECT 'index' AS kind, x.relname AS name, pg_get_indexdef(x.oid) || coalesce(' of ' || p.inhparent::regclass, '') AS definition
  FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_class AS c ON c.oid = i.indrelid LEFT JOIN pg_inherits AS p ON p.inhrelid = x.oid WHERE c.relname ~ '_2015_01'
UNION ALL SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relname ~ '_2015_01'
UNION ALL SELECT 'constraint', k.conname, concat_ws(' ', pg_get_constraintdef(k.oid), k.conislocal, k.coninhcount) FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid WHERE c.relname ~ '_2015_01' AND k.contype <> 'n'
UNION ALL SELECT 'comment', c.relname, obj_description(c.oid, 'pg_class') FROM pg_class AS c WHERE c.relname ~ '_2015_01'
UNION ALL SELECT 'rights', c.relname, coalesce(c.relacl, acldefault('r', c.relowner))::text FROM pg_class AS c WHERE c.relname ~ '_2015_01';
CREATE TABLE public.was_made_of AS SELECT * FROM public.made_of;

-- By hand: what is refused
SELECT acct.archive_partition('ledger_entry', '2015-01-01');
SELECT acct.archive_partition('ledger_entry', '2015-01-02');
SELECT acct.restore_partition('ledger_entry', '294277-01-01');
SELECT acct.archive_partition('ledger_entry_line', '2015-01-01');
SELECT acct.archive_partition(NULL, '2015-01-01');
SELECT acct.archive_partition('txn_source_parent', '2014-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0);
DO $$
DECLARE
    message text;
    detail text;
BEGIN
    PERFORM acct.archive_partition('ledger_entry', date_trunc('month', current_date)::date);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RAISE WARNING '% (%)', regexp_replace(message, '\d{4}-\d\d', 'MONTH'), detail;
END
$$;
SELECT acct.restore_partition('ledger_entry', '2015-01-01');
SELECT acct.restore_partition('ledger_entry', '2014-01-01');
SELECT acct.restore_partition('ledger_entry', '2015-01-01', -1);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT acct.archive_partition('ledger_entry', '2015-01-01');
ROLLBACK;

-- Those who may read the table may read its archive.
CREATE ROLE regress_archive_reader;
GRANT USAGE ON SCHEMA acct TO regress_archive_reader;
GRANT SELECT ON acct.ledger_entry_line TO regress_archive_reader;
SELECT public.close_period(m::date, 'MAIN', 'PRIMARY') FROM generate_series(timestamp '2015-01-01', '2015-04-01', '1 month') AS m;
SELECT acct.archive_partition('ledger_entry', '2015-01-01');
SELECT acct.archive_partition('ledger_entry', '2015-01-01');
SELECT acct.archive_partition('ledger_entry', '2015-02-01');
SELECT acct.archive_partition('txn_source_parent', '2015-01-01');
SELECT acct.archive_partition('txn_source_parent', '2015-02-01');
SELECT name, bound FROM public.place ORDER BY 1;
SELECT count(*) AS lines, sum(debit) AS debit FROM acct_archive.ledger_entry_line_2015_01;
SELECT count(*) AS journals, min(je_number) FROM acct_archive.ledger_entry_header_2015_01;
SELECT count(*) AS transactions, (SELECT count(*) FROM acct.txn_source_parent) AS there FROM acct_archive.txn_source_2015_01;
SET ROLE regress_archive_reader;
SELECT count(*) AS lines FROM acct_archive.ledger_entry_line_2015_01;
SELECT count(*) AS journals FROM acct_archive.ledger_entry_header_2015_01;
RESET ROLE;
SELECT c.relname, regexp_replace(obj_description(c.oid, 'pg_class'), 'Archived .* by \w+:|digest \w+', 'X', 'g') AS comment FROM pg_class AS c
 WHERE c.relnamespace = 'acct_archive'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname ~ '_2015_01$' ORDER BY 1;
SELECT step, partition, rows FROM acct.run_log WHERE step IN ('archive', 'restore') ORDER BY log_id;

-- It changes no more than before.
\set VERBOSITY terse
UPDATE acct_archive.ledger_entry_line_2015_01 SET debit = 0;
DELETE FROM acct_archive.ledger_entry_header_2015_01;
TRUNCATE acct_archive.ledger_entry_line_2015_01;
UPDATE acct_archive.txn_source_2015_01 SET gross_amount = 0;
DELETE FROM acct_archive.txn_source_2015_01;
TRUNCATE acct_archive.txn_source_2015_01;
DROP TABLE acct_archive.ledger_entry_header_2015_01;
DROP TABLE acct_archive.ledger_entry_line_2015_01;
DROP TABLE acct_archive.txn_source_2015_01;
DROP SCHEMA acct_archive CASCADE;
DROP SCHEMA acct CASCADE;
\set VERBOSITY default

-- Balances stay, the oldest restored or not, computed again or not.
SELECT count(*) AS changed FROM public.changed;
SELECT acct.update_balance_snapshot();
SELECT acct.update_balance_snapshot('2015-01-01');
SELECT count(*) AS different FROM acct.check_balance_snapshot();
SELECT count(*) AS different FROM acct.check_balance_snapshot('2015-01-01');
SELECT acct.restore_partition('ledger_entry', '2015-01-01');
SELECT acct.restore_partition('ledger_entry', '2015-01-01');
SELECT acct.update_balance_snapshot();
SELECT acct.update_balance_snapshot('2015-01-01');
SELECT count(*) AS changed FROM public.changed;
SELECT count(*) AS different FROM acct.check_balance_snapshot();
-- What is wrong is seen, in the archive and besides.
UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE snapshot_month < '2015-04-01' AND account_code = '1000';
SELECT snapshot_month, account_code, snapshot_lines, ledger_lines FROM acct.check_balance_snapshot();
SELECT snapshot_month, account_code, snapshot_lines, ledger_lines FROM acct.check_balance_snapshot('2015-02-01');
SELECT acct.archive_partition('ledger_entry', '2015-03-01');
SELECT acct.update_balance_snapshot();
UPDATE acct.account_balance_snapshot SET line_count = line_count - 1 WHERE snapshot_month < '2015-03-01' AND account_code = '1000';
-- The restored month is what it was.
SELECT p.name, w.* FROM public.was AS w LEFT JOIN public.place AS p USING (name, bound, oid) WHERE p.name IS NULL AND w.name ~ 'ledger_entry_.*_2015_01';
SELECT acct.restore_partition('txn_source_parent', '2015-01-01', 0);
SELECT * FROM ((SELECT * FROM public.made_of EXCEPT ALL SELECT * FROM public.was_made_of) UNION ALL (SELECT * FROM public.was_made_of EXCEPT ALL SELECT * FROM public.made_of)) AS x ORDER BY 1, 2;
SELECT has_table_privilege('regress_archive_reader', 'acct.ledger_entry_line_2015_01', 'SELECT') AS partition, has_table_privilege('regress_archive_reader', 'acct.ledger_entry_line', 'SELECT') AS ledger;
UPDATE acct.txn_source_parent SET gross_amount = 0 WHERE txn_month = '2015-01-01';
UPDATE acct.ledger_entry_line_2015_01 SET debit = 0;
-- Retention leaves it alone for thirty days, or as long as was asked for.
SELECT table_name, month, action, regexp_replace(reason, '20\d\d-\d\d-\d\d', 'DATE') AS reason FROM acct.apply_retention(true) WHERE month = '2015-01-01';
SELECT table_name, keep_until - current_date AS days FROM acct.archived_partition WHERE restored_at IS NOT NULL ORDER BY 1;

-- Runs are checked with what is archived.
SELECT bool_and(v.passed) AS valid, count(DISTINCT v.check_name) AS checks FROM unnest(ARRAY[:jan, :feb, :mar, :apr]) AS r (id), acct.validate_run(r.id) AS v;
SELECT bool_and(acct.run_digest(run_id) = digest) AS untouched FROM acct.journal_run;
-- A run with lines in an archived month and in one that is not
SELECT acct.reopen_period('2015-01-01', 'MAIN', 'PRIMARY'), acct.reopen_period('2015-04-01', 'MAIN', 'PRIMARY');
CALL public.txn(101, '2015-04-01', 'A', 7);
CALL public.txn(102, '2015-04-01', 'A', 8, '2015-01-31');
SELECT public.posted('2015-04-01') AS both \gset
SELECT acct.update_balance_snapshot();
SELECT public.close_period('2015-01-01', 'MAIN', 'PRIMARY'), acct.archive_partition('ledger_entry', '2015-01-01');
SELECT je_date FROM acct.ledger_entry_header WHERE run_id = :both;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:both);
SELECT acct.run_digest(:both) = digest AS untouched FROM acct.journal_run WHERE run_id = :both;

-- An archived month is closed to every book, also to one that comes only now.
INSERT INTO acct.entity (entity_code) VALUES ('NEW'), ('NEWER');
CALL public.txn(103, '2015-04-01', 'A', 9, '2015-02-28', entity => 'NEW');
CALL public.txn(104, '2015-04-01', 'A', 9, entity => 'NEW');
SELECT public.expanded('2015-04-01') AS new \gset
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id = :new;
SELECT acct.reopen_period('2015-02-01', 'NEW', 'PRIMARY');
SELECT public.close_period('2015-02-01', 'NEW', 'PRIMARY');
SELECT acct.reopen_period('2015-02-01', 'NEW', 'PRIMARY');
SELECT * FROM acct.rotate_ledger_partitions(0, '2015-02-01');
SELECT * FROM acct.rotate_ledger_partitions(2, '2014-12-01');
SELECT journals FROM acct.post_journals(:new);
SELECT acct.update_balance_snapshot();
-- A month with entries of an open book is not archived; nor one with journals of a run that is not posted.
SELECT public.close_period('2015-04-01', 'MAIN', 'PRIMARY');
SELECT acct.archive_partition('ledger_entry', '2015-04-01');
SELECT public.close_period('2015-04-01', 'NEW', 'PRIMARY');
CALL public.txn(105, '2015-04-01', 'A', 9, entity => 'NEWER');
SELECT public.expanded('2015-04-01') AS newer \gset
SELECT acct.archive_partition('ledger_entry', '2015-04-01');
-- What was expanded while the month was being archived is not posted.
UPDATE acct.journal_run SET status = 'created' WHERE run_id = :newer;
SELECT acct.archive_partition('ledger_entry', '2015-04-01');
UPDATE acct.journal_run SET status = 'expanded' WHERE run_id = :newer;
SELECT * FROM acct.validate_run(:newer) WHERE NOT passed;
SELECT acct.post_journals(:newer);
SELECT acct.restore_partition('ledger_entry', '2015-04-01');
SELECT journals FROM acct.post_journals(:newer);

-- Nothing is taken from, or loaded into, an archived month of the source; known runs are still told.
CALL public.txn(201, '2015-02-01', 'A');
SELECT acct.create_run('2015-02-01');
SELECT * FROM acct.rotate_txn_source_partitions(0, '2015-02-01');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2015-01-01');
SELECT acct.reprocess_exceptions(:new) AS again \gset
SELECT acct.archive_partition('txn_source_parent', '2015-04-01');
SELECT acct.discard_run(:again);
SELECT acct.archive_partition('txn_source_parent', '2015-04-01');
SELECT acct.create_run('2015-02-01', 'feb') = :feb AS same;

-- Columns and checks that came meanwhile
SELECT acct.add_dimension('cohort', 'text', true);
ALTER TABLE acct.txn_source_parent ADD COLUMN region text COLLATE "C" NOT NULL DEFAULT 'EAST', ADD CONSTRAINT chk_region CHECK (region <> '');
CREATE INDEX ON acct.ledger_entry_line (cohort);
-- As tables are that an older layout archived
SET ledger_engine.allow_drop = on;
UPDATE acct.journal_run SET header_digest = NULL, header_columns = NULL, header_types = NULL WHERE run_id = :feb;
UPDATE acct.archived_partition SET contents = NULL WHERE table_name = 'ledger_entry' AND month = '2015-02-01';
ALTER TABLE acct_archive.ledger_entry_header_2015_02 DROP COLUMN journal_type, DROP COLUMN original_date, ALTER txn_id SET NOT NULL, ALTER txn_month SET NOT NULL,
    ALTER template_code SET NOT NULL, ALTER template_version SET NOT NULL, ALTER txn_type SET NOT NULL, ALTER product_code SET NOT NULL, ALTER channel SET NOT NULL;
ALTER TABLE acct_archive.ledger_entry_line_2015_02 ALTER txn_id SET NOT NULL, ALTER product_code SET NOT NULL, ALTER channel SET NOT NULL;
RESET ledger_engine.allow_drop;
SELECT acct.run_digest(:feb) = (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_id = :feb) AS readable;
SELECT count(*) AS failed FROM acct.validate_run(:feb) WHERE NOT passed;
SELECT acct.restore_partition('ledger_entry', '2015-02-01'), acct.restore_partition('txn_source_parent', '2015-02-01');
SELECT count(*) AS lines, count(cohort) AS with_cohort FROM acct.ledger_entry_line_2015_02;
SELECT DISTINCT journal_type, original_date FROM acct.ledger_entry_header_2015_02;
SELECT a.attrelid::regclass, a.attname FROM pg_attribute AS a JOIN pg_attribute AS p ON p.attname = a.attname
 WHERE a.attrelid IN ('acct.ledger_entry_header_2015_02'::regclass, 'acct.ledger_entry_line_2015_02'::regclass, 'acct.ledger_entry_line_2015_02_rest'::regclass)
   AND p.attrelid = CASE WHEN a.attrelid = 'acct.ledger_entry_header_2015_02'::regclass THEN 'acct.ledger_entry_header'::regclass ELSE 'acct.ledger_entry_line' END
   AND a.attnum > 0 AND a.attnotnull <> p.attnotnull;
SELECT DISTINCT region FROM acct.txn_source_2015_02;
SELECT count(*) AS indexes FROM pg_index AS i JOIN pg_inherits AS p ON p.inhrelid = i.indexrelid WHERE i.indrelid = 'acct.ledger_entry_line_2015_02'::regclass;
SELECT bool_and(v.passed) AS valid FROM acct.validate_run(:feb) AS v;
SELECT acct.update_balance_snapshot();
SELECT count(*) AS changed FROM public.changed WHERE month < '2015-01-01';

-- What was changed in the archive does not come back.
SELECT acct.archive_partition('ledger_entry', '2015-03-01');
BEGIN;
ALTER TABLE acct_archive.ledger_entry_line_2015_03 DISABLE TRIGGER ledger_immutable;
DELETE FROM acct_archive.ledger_entry_line_2015_03 WHERE txn_id = 2;
\set VERBOSITY terse
SELECT acct.restore_partition('ledger_entry', '2015-03-01');
ROLLBACK;
\set VERBOSITY default
-- Nor what has the same sums: lines exchanged between two journals, totals between two headers, a channel, a column that is
-- gone or of another type
CREATE PROCEDURE public.tampered(target text, change text) LANGUAGE plpgsql AS $$
DECLARE
    part CONSTANT text := target || '_2015_03';
    message text;
    detail text;
BEGIN
    PERFORM set_config('ledger_engine.allow_drop', 'on', true);
    EXECUTE format('ALTER TABLE acct_archive.%I DISABLE TRIGGER USER', part);
    EXECUTE format(change, part);
    PERFORM acct.restore_partition(CASE WHEN target ~ '^txn' THEN 'txn_source_parent' ELSE 'ledger_entry' END, '2015-03-01');
    RAISE EXCEPTION 'restored';
EXCEPTION WHEN SQLSTATE 'LE009' THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RAISE WARNING '% (%)', message, regexp_replace(detail, '"values": "[0-9a-f]{32}"|"digest": "[0-9a-f]{32}"', '...', 'g');
END
$$;
SELECT min(txn_id) AS one, max(txn_id) AS other FROM acct_archive.ledger_entry_header_2015_03 \gset
CALL public.tampered('ledger_entry_line', format($$ UPDATE acct_archive.%%1$I SET je_id = -je_id WHERE txn_id IN (%1$s, %2$s);
    UPDATE acct_archive.%%1$I AS l SET je_id = (SELECT x.je_id FROM acct_archive.ledger_entry_header_2015_03 AS x WHERE x.txn_id = %1$s + %2$s - l.txn_id) WHERE l.txn_id IN (%1$s, %2$s) $$, :one, :other));
CALL public.tampered('ledger_entry_header', format($$ UPDATE acct_archive.%%I AS h SET total_debit = h.total_debit + x.sign, total_credit = h.total_credit + x.sign FROM (VALUES (%s, 1), (%s, -1)) AS x (txn_id, sign) WHERE x.txn_id = h.txn_id $$, :one, :other));
CALL public.tampered('ledger_entry_header', $$ ALTER TABLE acct_archive.%I ALTER total_debit TYPE numeric(20,5) $$);
SELECT acct.archive_partition('txn_source_parent', '2015-03-01');
CALL public.tampered('txn_source', $$ UPDATE acct_archive.%I SET channel = channel || 'X' $$);
CALL public.tampered('txn_source', $$ UPDATE acct_archive.%I SET gross_amount = gross_amount + CASE txn_id WHEN (SELECT min(txn_id) FROM acct_archive.txn_source_2015_03) THEN 1 ELSE -1 END, tabarru_amount = tabarru_amount + CASE txn_id WHEN (SELECT min(txn_id) FROM acct_archive.txn_source_2015_03) THEN 1 ELSE -1 END WHERE txn_id IN (SELECT min(txn_id) FROM acct_archive.txn_source_2015_03 UNION SELECT max(txn_id) FROM acct_archive.txn_source_2015_03) $$);
CALL public.tampered('txn_source', $$ ALTER TABLE acct_archive.%I DROP COLUMN policy_no $$);
SELECT acct.restore_partition('txn_source_parent', '2015-03-01');
-- Installing again mends what protects it.
SELECT acct.archive_partition('txn_source_parent', '2015-03-01');
DROP TRIGGER txn_source_archived ON acct_archive.txn_source_2015_03;
DROP TRIGGER ledger_immutable ON acct_archive.ledger_entry_line_2015_03;
UPDATE acct.engine_layout SET version = 3;
SELECT acct.install();
\set VERBOSITY terse
UPDATE acct_archive.txn_source_2015_03 SET channel = 'X';
DELETE FROM acct_archive.txn_source_2015_03;
TRUNCATE acct_archive.txn_source_2015_03;
UPDATE acct_archive.ledger_entry_line_2015_03 SET debit = 0;
TRUNCATE acct_archive.ledger_entry_header_2015_03;
SET session_replication_role = replica;
DELETE FROM acct_archive.ledger_entry_line_2015_03;
RESET session_replication_role;
\set VERBOSITY default
-- An empty schema that was dropped is put back.
SELECT acct.restore_partition(table_name, month) FROM acct.archived_partition WHERE restored_at IS NULL;
DROP SCHEMA acct_archive;
SELECT acct.install();
-- Somebody else's table in the archive
CREATE ROLE regress_archive_owner;
CREATE TABLE acct_archive.planted ();
ALTER TABLE acct_archive.planted OWNER TO regress_archive_owner;
\set VERBOSITY sqlstate
SELECT acct.archive_partition('ledger_entry', '2015-02-01'); :why_me
\set VERBOSITY default
DROP TABLE acct_archive.planted;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_archive_reader, regress_archive_owner;

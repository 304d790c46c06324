-- The digest of source rows: what a run used is there still, or it does not pass its checks
\set topic source_digest
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CREATE TYPE public.colour AS ENUM ('red', 'green');
CREATE TYPE public.pair AS (a integer, b timestamptz);
CREATE TYPE public.measure AS (a double precision, b money);
ALTER TABLE acct.txn_source_parent ADD COLUMN colour public.colour, ADD COLUMN pairs public.pair[], ADD COLUMN measure public.measure, ADD COLUMN at timestamptz,
    ADD COLUMN rate double precision, ADD COLUMN uid uuid, ADD COLUMN flag boolean DEFAULT true, ADD COLUMN place regclass,
    ADD COLUMN agent varchar(20),
    ADD COLUMN policy_length integer GENERATED ALWAYS AS (length(policy_no)) STORED;
CALL public.txn(1, '2025-01-01', 'A', 10, attributes => '{"a": 1}');
CALL public.txn(2, '2025-01-01', 'A', 20);
CALL public.txn(3, '2025-01-01', 'A', 30);
UPDATE acct.txn_source_parent SET colour = 'red', pairs = '{"(1,2025-01-01)"}', at = '2025-01-01', rate = 0.5, agent = 'agent', measure = ROW(0.1::float8 + 0.2, 12.5::money), place = 'acct.fund',
       uid = '00000000-0000-0000-0000-000000000001' WHERE txn_id = 2;
CALL public.txn(4, '2025-01-01', 'NOTHING');
SELECT public.expanded('2025-01-01', 'run') AS run \gset
SELECT source_columns, source_types, source_digest ~ '^[0-9a-f]{32}$' AS digested FROM acct.journal_run WHERE run_id = :run;
-- Which checks of the source fail, with what is no digest.
CREATE FUNCTION public.failed(id bigint) RETURNS TABLE (check_name text, actual text) LANGUAGE sql AS $$
    SELECT v.check_name, regexp_replace(v.actual, '^[0-9a-f]{32}$', 'another digest') FROM acct.validate_run(id) AS v
     WHERE NOT v.passed AND v.check_name IN ('batches_unchanged', 'source_digest')
$$;
SELECT * FROM public.failed(:run);

--
-- Any column of any row
--
SET session_replication_role = replica; -- which leaves triggers out
CREATE FUNCTION public.changed(assignment text, id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    EXECUTE format('UPDATE acct.txn_source_parent SET %s WHERE txn_id = 2', assignment);
    SELECT string_agg(f.check_name, ', ') INTO outcome FROM public.failed(id) AS f;
    RAISE EXCEPTION USING MESSAGE = coalesce(outcome, ''), ERRCODE = 'XXXXX';
EXCEPTION WHEN SQLSTATE 'XXXXX' THEN
    RETURN nullif(SQLERRM, '');
END
$$;
SELECT v.assignment, public.changed(v.assignment, :run) AS failed
  FROM unnest(ARRAY['txn_id = 9', 'bank_value_date = ''2025-01-16''', 'entity_code = ''X''', 'txn_type = ''a''', 'product_code = ''PP''',
    'channel = ''C '', product_code = ''P''', 'policy_no = ''1''', 'policy_no = ''''', 'currency = ''CY4''', 'attributes = ''{}''',
    'gross_amount = 20.0001, tabarru_amount = 20.0001', 'tabarru_amount = 19, ujroh_amount = 1', 'txn_month = ''2025-02-01''',
    'colour = ''green''', 'colour = NULL', 'pairs = ''{"(1,2025-01-02)"}''', 'at = ''2025-01-02''', 'rate = 0.25', 'flag = false', 'flag = NULL',
    'place = ''acct.currency''', 'uid = ''00000000-0000-0000-0000-000000000002''', 'gross_amount = gross_amount', 'rate = NULL, at = NULL', 'measure.a = 0.3', 'measure.b = 12::money']) AS v (assignment);
-- Values exchanged between rows, or between columns.
BEGIN;
UPDATE acct.txn_source_parent SET policy_no = CASE txn_id WHEN 2 THEN '3' ELSE '2' END WHERE txn_id IN (2, 3);
SELECT source_digest AS digest FROM acct.journal_run WHERE run_id = :run \gset
SELECT digest AS one FROM acct._source_now(:run) \gset
UPDATE acct.txn_source_parent SET policy_no = CASE txn_id WHEN 2 THEN '2' ELSE '3' END WHERE txn_id IN (2, 3);
SELECT digest <> :'one' AS rows_differ FROM acct._source_now(:run);
UPDATE acct.txn_source_parent SET channel = '2', policy_no = 'C' WHERE txn_id = 2;
SELECT digest <> :'one' AS columns_differ FROM acct._source_now(:run);
ROLLBACK;
-- A row less, one more, one twice.
BEGIN;
DELETE FROM acct.txn_source_parent WHERE txn_id = 2;
SELECT * FROM public.failed(:run);
-- Another one of the same amount in its place.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 9, '2025-01-01', min(batch_id), '2025-01-15', 'A', 'P', 'C', 20, 20 FROM acct.journal_run_batch;
SELECT * FROM public.failed(:run);
SELECT source_unchanged, all_passed FROM acct.check_run('run');
\set VERBOSITY sqlstate
SAVEPOINT a;
SELECT acct.post_journals(:run); :why
ROLLBACK TO a;
\set VERBOSITY default
ROLLBACK;
RESET session_replication_role;
-- The settings of who asks are nothing.
BEGIN;
SET LOCAL quote_all_identifiers = on;
SET LOCAL timezone = 'Asia/Jakarta';
SET LOCAL datestyle = 'German';
SET LOCAL extra_float_digits = -5;
SET LOCAL search_path = pg_temp;
SELECT * FROM public.failed(:run);
ROLLBACK;
-- The order of rows is nothing.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 1;
UPDATE acct.txn_source_parent SET policy_no = NULL WHERE txn_id = 1;
SELECT * FROM public.failed(:run);
COMMIT;

--
-- Columns that come, go and change
--
SET ledger_engine.allow_drop = on; -- else source rows that runs took are not rewritten
SELECT acct.add_dimension('portfolio', 'text');
ALTER TABLE acct.txn_source_parent ADD COLUMN later integer DEFAULT 7;
SELECT * FROM public.failed(:run);
BEGIN;
ALTER TABLE acct.txn_source_parent DROP COLUMN flag;
SELECT * FROM public.failed(:run);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent RENAME COLUMN rate TO rates;
SELECT * FROM public.failed(:run);
ROLLBACK;
DROP VIEW acct_bi.transactions; -- which would keep the types
-- A type that keeps the values is no difference: not for checks, and not for posting. Values that changed, or do not keep, are one.
BEGIN;
ALTER TABLE acct.txn_source_parent ALTER COLUMN agent TYPE varchar(40), ALTER COLUMN rate TYPE real;
SELECT * FROM public.failed(:run);
SAVEPOINT same;
SET LOCAL session_replication_role = replica;
UPDATE acct.txn_source_parent SET agent = 'another' WHERE txn_id = 1;
SELECT * FROM public.failed(:run);
UPDATE acct.txn_source_parent SET agent = rpad('agent', 20) || '!' WHERE txn_id = 1;
SELECT * FROM public.failed(:run);
ROLLBACK TO same;
ALTER TABLE acct.txn_source_parent ALTER COLUMN agent TYPE text, ALTER COLUMN uid TYPE text;
SELECT * FROM public.failed(:run);
SET LOCAL session_replication_role = replica;
UPDATE acct.txn_source_parent SET uid = 'none' WHERE txn_id = 2;
SELECT * FROM public.failed(:run);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent ALTER COLUMN at TYPE date;
SELECT * FROM public.failed(:run);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent ALTER COLUMN rate TYPE integer;
SELECT * FROM public.failed(:run);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_takaful_balance, ALTER COLUMN gross_amount TYPE numeric(22,6);
SELECT * FROM public.failed(:run);
SELECT sum(journals) AS journals FROM acct.post_journals(:run);
SELECT * FROM public.failed(:run);
ROLLBACK;
BEGIN;
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_takaful_balance, ALTER COLUMN gross_amount TYPE numeric(22,6);
SET LOCAL session_replication_role = replica;
UPDATE acct.txn_source_parent SET gross_amount = gross_amount + 0.000001 WHERE txn_id = 1;
SELECT * FROM public.failed(:run);
\set VERBOSITY sqlstate
SELECT acct.post_journals(:run); :why
\set VERBOSITY default
ROLLBACK;
SELECT sum(journals) AS journals FROM acct.post_journals(:run);
SELECT * FROM public.failed(:run);
RESET ledger_engine.allow_drop;
-- Columns in another order, as in a table that was restored: the digest goes by names.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
ALTER TABLE acct.txn_source_parent DROP COLUMN portfolio;
CREATE TABLE public.copy AS SELECT txn_month, agent, at, attributes, bank_value_date, batch_id, channel, colour, currency, entity_code, flag, gross_amount,
    investment_amount, measure, pairs, place, policy_no, product_code, rate, tabarru_amount, tanahud_amount, txn_id, txn_type, uid, ujroh_amount, policy_length FROM acct.txn_source_2025_01;
SELECT d.digest = r.source_digest AS by_query FROM acct.journal_run AS r, acct._digest_rows('SELECT * FROM public.copy', r.source_columns) AS d WHERE r.run_id = :run;
SELECT d.digest = r.source_digest AS by_page, d.rows, d.gross
  FROM acct.journal_run AS r, acct._digest_source('{public.copy}', '2025-01-01', ARRAY(SELECT batch_id FROM acct.txn_batch), r.source_columns) AS d WHERE r.run_id = :run;
-- Rows of other batches and months are passed over.
SELECT d.* FROM acct.journal_run AS r, acct._digest_source('{public.copy}', '2025-02-01', ARRAY(SELECT batch_id FROM acct.txn_batch), r.source_columns) AS d WHERE r.run_id = :run;
SELECT d.* FROM acct.journal_run AS r, acct._digest_source('{public.copy}', '2025-01-01', '{}', r.source_columns) AS d WHERE r.run_id = :run;
SAVEPOINT a;
SELECT acct._digest_rows('SELECT * FROM public.copy', '{later}');
ROLLBACK TO a;
ROLLBACK;

--
-- What is taken up again is digested by itself
--
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT acct.reprocess_exceptions(:run) AS again \gset
SELECT journals FROM acct.expand_journals(:again);
SELECT source_digest <> :'digest' AS another FROM acct.journal_run WHERE run_id = :again;
SELECT * FROM public.failed(:again);
-- Its row belongs to the batch that the posted run holds.
\set VERBOSITY sqlstate
DELETE FROM acct.txn_source_parent WHERE txn_id = 4; :why
\set VERBOSITY default
SET session_replication_role = replica;
BEGIN;
UPDATE acct.txn_source_parent SET policy_no = 'X' WHERE txn_id = 4;
SELECT * FROM public.failed(:again);
\set VERBOSITY sqlstate
SELECT acct.post_journals(:again); :why
\set VERBOSITY default
ROLLBACK;
RESET session_replication_role;
SELECT journals FROM acct.post_journals(:again);
-- Archived and restored months are read, too.
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY') AS closed, acct.archive_partition('txn_source_parent', '2025-01-01') AS archived;
SELECT r.run_id = :run AS first, v.passed FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE v.check_name = 'source_digest' ORDER BY r.run_id;
SELECT acct.restore_partition('txn_source_parent', '2025-01-01') AS restored;
SELECT r.run_id = :run AS first, v.passed FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE v.check_name = 'source_digest' ORDER BY r.run_id;
-- A run that was expanded before there were digests is held against count and gross.
BEGIN;
UPDATE acct.journal_run SET source_digest = NULL, source_columns = NULL, source_types = NULL WHERE run_id = :run;
SELECT check_name, passed FROM acct.validate_run(:run) WHERE check_name IN ('batches_unchanged', 'source_digest');
ROLLBACK;

--
-- A large run: expanded and read by page
--
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, policy_no, attributes)
SELECT n, '2025-02-01', '2025-02-15', 'A', 'P', 'C', n % 100, n % 100, 'P' || n, CASE WHEN n % 5000 = 0 THEN jsonb_build_object('long', repeat(n::text, 4000), 'wide', (SELECT string_agg(md5((n + i)::text), '') FROM generate_series(1, 300) AS i)) END
  FROM generate_series(1, 60000) AS n;
CALL public.txn(60001, '2025-02-01', 'A');
SELECT public.expanded('2025-02-01') AS run \gset
CALL public.txn(60002, '2025-02-01', 'A');
SELECT acct._is_small_run(:run) AS small;
SELECT * FROM public.failed(:run);
SELECT d.digest = r.source_digest AS by_query, d.rows FROM acct.journal_run AS r,
       acct._digest_rows(format('SELECT * FROM acct.txn_source_2025_02 WHERE batch_id = ANY (%L)', ARRAY(SELECT batch_id FROM acct.journal_run_batch WHERE run_id = r.run_id)), r.source_columns) AS d
 WHERE r.run_id = :run;
SET session_replication_role = replica;
UPDATE acct.txn_source_parent SET attributes = attributes || '{"wide": 1}' WHERE txn_id = 50000;
SELECT * FROM public.failed(:run);
\set VERBOSITY sqlstate
SELECT acct.post_journals(:run); :why
\set VERBOSITY default
RESET session_replication_role;
SELECT acct.discard_run(:run);
SELECT lines FROM acct.post_journals(public.expanded('2025-02-01'));
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

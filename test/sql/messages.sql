-- On one path: nothing here depends on it.
-- What the extension says when it refuses: messages, details and hints that no other test shows (scripts/check-messages)
\set topic messages
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1; -- so that tables and paths are those named here
SET ledger_engine.max_workers = 0;
SET ledger_engine.direct_write = on;
SET ledger_engine.bulk_index = on;
DROP ROLE IF EXISTS regress_messages_user;
CREATE ROLE regress_messages_user;
GRANT USAGE ON SCHEMA acct TO regress_messages_user;
GRANT EXECUTE ON FUNCTION acct.install(), acct.install_roles() TO regress_messages_user;
-- Executes statements, takes all of it back, and returns what was said; numbers that depend on what ran before become N.
CREATE FUNCTION public.said(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
        RAISE EXCEPTION USING ERRCODE = 'XXNUL', MESSAGE = 'nothing was said';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    END;
    message := replace(regexp_replace(message, '((?:run|batch|size) |staging_)(?:\d+|small\M)', '\1N', 'g'), session_user, 'ME');
    detail := regexp_replace(regexp_replace(detail, '(Run )\d+', '\1N', 'g'), '[0-9a-f]{32}', 'DIGEST', 'g');
END
$$;
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on

--
-- Expressions
--
ALTER TABLE acct.txn_source_parent ADD COLUMN ratio double precision;
CREATE FUNCTION public.own(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR public.@#@ (FUNCTION = public.own, RIGHTARG = numeric);
-- Only a superuser can put one among the built-in ones.
CREATE FUNCTION public.own(numeric, integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR pg_catalog.@##@ (FUNCTION = public.own, LEFTARG = numeric, RIGHTARG = integer);
CREATE DOMAIN public.money_amount AS numeric;
CREATE TYPE public.mood AS ENUM ('ok');
CREATE COLLATION public.own_collation FROM "C";
SELECT r.* FROM unnest(ARRAY['1, 2', '1 AS x', '*', 'txn_source_parent', 'public.own(1)', 'OPERATOR(public.@#@) 1.5', '1::public.money_amount', '''1''::money::numeric', ':ratio',
    'generate_series(1, 3)', '(SELECT 1)', 'row_number() OVER ()', '$1', 'length(current_user)', 'row(1, 2)', 'true', ':bank_value_date']) WITH ORDINALITY AS x (e, n),
    public.said(format('SELECT acct.check_expression(%L, ''amount'')', e)) AS r ORDER BY n;
SELECT r.* FROM unnest(ARRAY['channel COLLATE public.own_collation = ''x''', '''fund''::regclass IS NULL', '''ok''::public.mood IS NULL',
    '(1.5 @##@ 1) IS NULL', 'jsonb_path_exists(attributes, ''$.a ? (@.double() > 1)'')', '(attributes ->> ''p'')::jsonpath IS NULL', 'NULL::void IS NULL',
    '((date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', date_trunc(''day'', bank_value_date::timestamp))))))))))), make_interval(1)) OVERLAPS (timestamp ''2025-01-01'', timestamp ''2026-01-01''))']) WITH ORDINALITY AS x (e, n),
    public.said(format('SELECT acct.check_expression(%L, ''condition'')', e)) AS r ORDER BY n;
SELECT * FROM public.said(format('SELECT acct.check_expression(%L, ''amount'')', repeat(' ', 8192) || '1'));
SELECT * FROM public.said('SELECT acct.check_expression(''1'', ''number'')');
SELECT * FROM public.said('SELECT acct.month_start(''infinity'')');

--
-- Arguments
--
SELECT r.* FROM unnest(ARRAY[
    $$SELECT acct.create_run('2025-01-02')$$,
    $$SELECT acct.create_run(NULL)$$,
    $$SELECT acct.create_run('2025-01-01', options => '[]')$$,
    $$SELECT acct.create_run('2025-01-01', options => '{"bases": "PRIMARY", "all": true}')$$,
    $$SELECT acct.create_run('2025-01-01', options => '{"basis": ["PRIMARY", "NOSUCH"]}')$$,
    $$SELECT acct.create_run('2025-01-01', options => '{"basis": []}')$$,
    $$SELECT acct.expand_journals(0)$$,
    $$SELECT acct.validate_run(NULL::bigint)$$,
    $$SELECT acct.validate_run(NULL)$$,
    $$SELECT acct.rotate_ledger_partitions(-1)$$,
    $$SELECT acct.close_period('2025-01-01', 'MAIN', 'NOSUCH')$$,
    $$SELECT acct.reopen_period('2025-01-01', NULL, NULL)$$,
    $$SELECT acct.add_dimension('Cohort', 'text')$$,
    $$SELECT acct.add_dimension(NULL, 'text')$$,
    $$SELECT acct.add_dimension('cohort', NULL)$$,
    $$SELECT acct.add_dimension('cohort', 'public.money_amount')$$,
    $$SELECT acct.add_dimension('fund', 'text')$$,
    $$SELECT acct.add_dimension('cohort', 'text'), acct.add_dimension('cohort', 'integer')$$,
    $$SELECT acct.sample_transactions('2025-01-01', -1)$$,
    $$SELECT acct.generate_sample_transactions('2025-01-01', 1, NULL)$$,
    $$SELECT acct.retire_template('NOSUCH', 1, '2025-01-01')$$,
    $$SELECT acct.check_template('NOSUCH', 1)$$,
    $$SELECT acct.new_template_version('NOSUCH', '2025-01-01')$$]) WITH ORDINALITY AS x (s, n), public.said(s) AS r ORDER BY n;

--
-- Layout and owner
--
SELECT r.state, r.message, r.hint FROM unnest(ARRAY[
    $$UPDATE acct.engine_layout SET version = version - 1; SELECT acct.create_run('2025-01-01')$$,
    $$UPDATE acct.engine_layout SET version = version + 1; SELECT acct.install()$$,
    $$ALTER TABLE acct.fund OWNER TO regress_messages_user; SELECT acct.create_run('2025-01-01')$$,
    $$ALTER TABLE ledger_guard.protected OWNER TO regress_messages_user; CREATE TABLE public.gone (); DROP TABLE public.gone$$,
    $$ALTER TABLE acct.fund OWNER TO regress_messages_user; SELECT acct.install()$$,
    $$SET LOCAL SESSION AUTHORIZATION regress_messages_user; SELECT acct.install()$$,
    $$GRANT SELECT ON acct.engine_layout TO regress_messages_user; SET LOCAL SESSION AUTHORIZATION regress_messages_user; SELECT acct.install_roles()$$,
    $$DROP TABLE acct.txn_batch CASCADE; SELECT acct.current_batch()$$,
    $$ALTER SCHEMA acct RENAME TO elsewhere; SELECT elsewhere.current_batch()$$]) WITH ORDINALITY AS x (s, n), public.said(s) AS r ORDER BY n;

--
-- Templates
--
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.journal_template (template_code) VALUES ('DRAFT'), ('OTHER');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('DRAFT', 1, 'DRAFT');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('DRAFT', 1, 'DR', '1000', 'F1', '1');
SELECT r.* FROM unnest(ARRAY[
    $$INSERT INTO acct.journal_template (template_code, status) VALUES ('X', 'approved')$$,
    $$UPDATE acct.journal_template SET version = 2 WHERE template_code = 'DRAFT'$$,
    $$UPDATE acct.journal_template_line SET template_code = 'OTHER' WHERE template_code = 'DRAFT'$$,
    $$DELETE FROM acct.journal_template_line WHERE template_code = 'A'$$,
    $$SELECT acct.submit_template('OTHER', 1)$$,
    $$SELECT acct.submit_template('A', 1)$$,
    $$SELECT acct.approve_template('DRAFT', 1)$$,
    $$SELECT acct.submit_template('DRAFT', 1), acct.approve_template('DRAFT', 1)$$,
    $$SELECT acct.retire_template('A', 1, NULL)$$,
    $$TRUNCATE acct.entity$$]) WITH ORDINALITY AS x (s, n), public.said(s) AS r ORDER BY n;

--
-- Exceptions
--
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
CALL public.policy('HUGE', '{DR 1000 F1 9999999999999999,DR 1000 F1 9999999999999999,CR 2000 F1 9999999999999999,CR 2000 F1 9999999999999999}');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable) VALUES ('HEADING', 'Heading', 'ASSET', NULL, false), ('OPERATOR', 'Of the operator', 'ASSET', 'F2', true);
INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund)
VALUES ('P1', '1000', 'F1', '1000', 'NOFUND'), ('P2', '1000', 'F1', 'NOSUCH', 'F1'), ('P3', '1000', 'F1', 'HEADING', 'F1'), ('P4', '1000', 'F1', 'OPERATOR', 'F1');
CALL public.txn(1, '2025-02-01', 'HUGE');
CALL public.txn(2, '2025-02-01', 'A', product => 'P1');
CALL public.txn(3, '2025-02-01', 'A', product => 'P2');
CALL public.txn(4, '2025-02-01', 'A', product => 'P3');
CALL public.txn(5, '2025-02-01', 'A', product => 'P4');
SELECT public.expanded('2025-02-01') AS run \gset
SELECT reason, line_no, message FROM acct.je_exception WHERE run_id = :run ORDER BY txn_id;

--
-- Runs
--
CALL public.txn(1, '2025-03-01', 'A');
SELECT acct.create_run('2025-03-01', 'march') AS march \gset
SELECT r.* FROM unnest(ARRAY[
    $$SELECT acct.create_run('2025-04-01', 'march')$$,
    $$UPDATE acct.txn_source_parent SET channel = 'X' WHERE txn_month = '2025-03-01'$$,
    $$TRUNCATE acct.txn_source_2025_03$$]) WITH ORDINALITY AS x (s, n), public.said(s) AS r ORDER BY n;
SELECT * FROM public.said(format('SELECT acct.post_journals(%s)', :march));
SELECT count(*) FROM acct.expand_journals(:march);
SELECT * FROM public.said(format($$SELECT acct.run_digest(%s, 'source')$$, :march));
-- A row that was added to a taken batch, and one of no batch
SELECT batch_id AS batch FROM acct.journal_run_batch WHERE run_id = :march \gset
CREATE PROCEDURE public.stray(id bigint, month date, batch bigint) LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount, tabarru_amount)
    VALUES ($1, $2, $2, $3, 'A', 'P', 'C', 7, 7)
$$;
SELECT * FROM public.said(format($$CALL public.stray(2, '2025-03-01', %s); SELECT acct.post_journals(%s)$$, :batch, :march));
SELECT * FROM public.said($$CALL public.stray(2, '2025-04-01', 987654321); SELECT acct.run_month('2025-04-01')$$);
CALL public.stray(2, '2025-05-01', 987654321);
\set VERBOSITY terse
CALL acct.process_month('2025-05-01', 'may');
\set VERBOSITY default
SELECT r.status FROM acct.journal_run AS r WHERE r.run_key = 'may';

--
-- Staging that is not what was expanded
--
SELECT r.* FROM unnest(ARRAY[
    $$UPDATE acct.je_header_staging SET total_debit = 1 WHERE run_id = @$$,
    $$UPDATE acct.je_header_staging SET je_date = '2025-07-15' WHERE run_id = @$$,
    $$UPDATE acct.je_header_staging SET entity_code = 'OTHER' WHERE run_id = @$$,
    $$UPDATE acct.je_line_staging SET je_id = 1::bigint << 43 WHERE run_id = @$$,
    $$UPDATE acct.je_line_staging SET debit = 'NaN' WHERE run_id = @$$,
    $$UPDATE acct.journal_run SET debit = 'NaN' WHERE run_id = @$$,
    $$ALTER TABLE acct.je_line_staging ALTER COLUMN fund DROP NOT NULL; UPDATE acct.je_line_staging SET fund = NULL WHERE run_id = @$$,
    $$ALTER TABLE acct.je_header_staging ALTER COLUMN total_debit DROP NOT NULL; UPDATE acct.je_header_staging SET total_debit = NULL WHERE run_id = @$$,
    $$DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts; ALTER TABLE acct.je_line_staging ALTER COLUMN debit TYPE numeric(5,2); ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric(5,2)$$,
    $$ALTER TABLE acct.je_line_staging ALTER COLUMN line_no TYPE integer$$,
    $$ALTER TABLE acct.je_line_staging ALTER COLUMN line_no TYPE integer; SELECT acct.run_digest(@, 'staging')$$,
    $$ALTER TABLE acct.ledger_entry_header DROP COLUMN je_number CASCADE$$,
    $$INSERT INTO acct.journal_number VALUES ('MAIN', 'PRIMARY', '2025-03-01', 999999999)$$]) WITH ORDINALITY AS x (s, n),
    public.said(format('%s; SELECT acct.post_journals(%s)', replace(s, '@', :'march'), :march)) AS r ORDER BY n;
-- Tables that are not fit for writing in bulk
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-03-01');
CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
SELECT r.* FROM unnest(ARRAY[
    $$ALTER TABLE acct.ledger_entry_line ADD COLUMN net numeric GENERATED ALWAYS AS (debit - credit) STORED$$,
    $$ALTER TABLE acct.ledger_entry_line ADD COLUMN extra text NOT NULL$$,
    $$ALTER TABLE acct.ledger_entry_line ADD COLUMN extra text DEFAULT 'x'$$,
    $$CREATE RULE mine AS ON INSERT TO acct.ledger_entry_line DO ALSO SELECT 1$$,
    $$CREATE TRIGGER mine AFTER INSERT ON acct.ledger_entry_line FOR EACH ROW EXECUTE FUNCTION public.noop()$$,
    $$ALTER TABLE acct.ledger_entry_header_2025_03 ADD EXCLUDE USING btree (je_id WITH =)$$,
    $$ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_03; DROP TABLE acct.ledger_entry_header_2025_03;
      CREATE TABLE acct.ledger_entry_header_2025_03 (LIKE acct.ledger_entry_header INCLUDING ALL) PARTITION BY RANGE (je_date);
      ALTER TABLE acct.ledger_entry_header ATTACH PARTITION acct.ledger_entry_header_2025_03 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01')$$,
    $$ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_03$$]) WITH ORDINALITY AS x (s, n),
    public.said(format('%s; SELECT acct.post_journals(%s)', s, :march)) AS r ORDER BY n;

--
-- Expanding
--
ALTER TABLE acct.txn_source_parent ADD COLUMN fee numeric DEFAULT 1;
CALL public.policy('FEE', '{DR 1000 F1 :fee,CR 2000 F1 *}');
SELECT acct.add_dimension('bulk', 'text');
ALTER TABLE acct.txn_source_2025_06 ALTER COLUMN bulk SET STORAGE EXTERNAL;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, bulk, gross_amount, tabarru_amount)
VALUES (1, '2025-06-01', '2025-06-15', 'FEE', 'P', 'C', repeat('policy', 2000), 1, 1);
SELECT acct.create_run('2025-06-01') AS june \gset
SELECT last_value AS last_je_id FROM acct.je_id_seq \gset
SELECT r.* FROM unnest(ARRAY[
    $$ALTER TABLE acct.txn_source_parent ADD COLUMN segment text; ALTER TABLE acct.je_header_staging ADD COLUMN segment integer$$,
    $$ALTER TABLE acct.txn_source_parent DROP COLUMN fee$$,
    $$ALTER TABLE acct.txn_source_parent ALTER COLUMN channel DROP NOT NULL$$,
    $$ALTER TABLE acct.je_header_staging ALTER COLUMN bulk SET STORAGE PLAIN$$,
    $$SELECT setval('acct.je_id_seq', 1::bigint << 42)$$]) WITH ORDINALITY AS x (s, n),
    public.said(format('%s; SELECT acct.expand_journals(%s)', s, :june)) AS r ORDER BY n;
SELECT setval('acct.je_id_seq', :last_je_id) = :last_je_id AS set_back;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_messages_user;

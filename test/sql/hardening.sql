-- What once went wrong and must not again
\set topic hardening
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
-- Journals of runs that were each expanded first have identifiers of their own
CALL public.txn(1, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
CALL public.txn(2, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') IS NOT NULL AS posted;
SELECT count(*) AS journals, count(DISTINCT je_id) AS ids, min(je_id) > 0 AS above_zero FROM acct.ledger_entry_header;
-- More rows than the writer's buffer holds, each written once
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT 1000 + n, '2025-02-01', '2025-02-03', 'A', 'P' || n % 7, 'C', n, n FROM generate_series(1, 5000) AS n;
SELECT public.posted('2025-02-01') AS run \gset
SELECT count(*) AS lines, count(DISTINCT (je_id, line_no)) AS different, sum(debit) AS debit FROM acct.ledger_entry_line WHERE run_id = :run;
SELECT count(*) AS headers, count(DISTINCT txn_id) AS transactions FROM acct.ledger_entry_header WHERE run_id = :run;
-- Values stored out of line or compressed are read whole
ALTER TABLE acct.txn_source_parent ADD COLUMN n numeric;
ALTER TABLE acct.txn_source_2025_03 ALTER COLUMN n SET STORAGE EXTERNAL, ALTER COLUMN attributes SET STORAGE EXTERNAL, ALTER COLUMN policy_no SET STORAGE EXTERNAL;
CALL public.policy('BIG', '{DR 1000 F1 n,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount, attributes, n)
SELECT 1, '2025-03-01', '2025-03-03', 'BIG', 'P', 'C', string_agg(md5(i::text), ''), 5, 5,
       jsonb_build_object('x', string_agg(md5(i::text), '')), ('123.45' || repeat('0', 20) || string_agg(repeat('7', 30), ''))::numeric
  FROM generate_series(1, 300) AS i;
SELECT public.expanded('2025-03-01') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT octet_length(h.policy_no) AS length, h.policy_no = s.policy_no AS whole
  FROM acct.je_header_staging AS h JOIN acct.txn_source_parent AS s USING (txn_id, txn_month) WHERE h.run_id = :run;
SELECT journals FROM acct.post_journals(:run);
SELECT h.policy_no = s.policy_no AS whole FROM acct.ledger_entry_header AS h JOIN acct.txn_source_parent AS s USING (txn_id, txn_month) WHERE h.run_id = :run;
-- Codes have a length that every key can hold
\set VERBOSITY sqlstate
CALL public.txn(2, '2025-03-01', 'A', product => repeat('p', 101));
INSERT INTO acct.entity (entity_code) VALUES (repeat('e', 100));
CALL public.txn(3, '2025-03-01', 'A', product => repeat('p', 100), channel => repeat('c', 100), entity => repeat('e', 100));
\set VERBOSITY default
SELECT public.posted('2025-03-01') AS run \gset
SELECT DISTINCT octet_length(entity_code) AS entity, octet_length(product_code) AS product, octet_length(channel) AS channel FROM acct.ledger_entry_line WHERE run_id = :run;
SELECT bool_and(passed) AS passed FROM acct.validate_run(:run);
-- A month whose partitions were detached is not posted into
ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_01;
ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_01;
CALL public.txn(4, '2025-01-01', 'A');
SELECT public.expanded('2025-01-01') AS run \gset
\set VERBOSITY sqlstate
SELECT acct.post_journals(:run);
SELECT acct.rotate_ledger_partitions(0, '2025-01-01');
\set VERBOSITY default
ALTER TABLE acct.ledger_entry_header ATTACH PARTITION acct.ledger_entry_header_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.ledger_entry_line_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
SELECT journals FROM acct.post_journals(:run);
SELECT acct.update_balance_snapshot() AS wrong;
-- Triggers and row security of the partitioned table count, and NOT NULL of a column that may be null in the source
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON acct.ledger_entry_line FOR EACH STATEMENT EXECUTE FUNCTION public.noted();
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(0, '2025-04-01');
CALL public.txn(5, '2025-01-01', 'A', value_date => '2025-04-20');
SELECT public.expanded('2025-01-01') AS run \gset
\set VERBOSITY sqlstate
SELECT acct.post_journals(:run);
DROP TRIGGER noted ON acct.ledger_entry_line;
ALTER TABLE acct.ledger_entry_header ENABLE ROW LEVEL SECURITY;
SELECT acct.post_journals(:run);
ALTER TABLE acct.ledger_entry_header DISABLE ROW LEVEL SECURITY;
ALTER TABLE acct.ledger_entry_header_2025_04 ALTER COLUMN policy_no SET NOT NULL;
SELECT acct.post_journals(:run);
ALTER TABLE acct.ledger_entry_header_2025_04 ALTER COLUMN policy_no DROP NOT NULL;
\set VERBOSITY default
SELECT journals FROM acct.post_journals(:run);
-- A column of the site's in the source that has the name of a column that the engine leaves null
ALTER TABLE acct.txn_source_parent ADD COLUMN memo integer DEFAULT 7;
CALL public.txn(6, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') AS run \gset
SELECT memo FROM acct.ledger_entry_header WHERE run_id = :run;
-- A dimension's type is built in: a domain's CHECK would run as the engine's owner
CREATE DOMAIN public.d AS text CHECK (value <> '');
\set VERBOSITY sqlstate
SELECT acct.add_dimension('portfolio', 'public.d');
\set VERBOSITY default
-- Expressions: what crashed, what would be frozen when parsed, what the session's settings would change
\set VERBOSITY sqlstate
SELECT acct.check_expression('*', 'amount');
SELECT acct.check_expression('txn_source_parent.*', 'amount');
SELECT acct.check_expression($$bank_value_date = any('{to\day}')$$, 'condition');
SELECT acct.check_expression($$bank_value_date <@ '[to"day",)'::daterange$$, 'condition');
SELECT acct.check_expression($$'acct.fund'::regclass::oid::bigint$$, 'amount');
SELECT acct.check_expression($$'1'::money::numeric$$, 'amount');
SELECT acct.check_expression($$length(lpad('a', 1000000000))$$, 'amount');
SELECT acct.check_expression('1 / 0.0', 'amount');
\set VERBOSITY default
CALL public.policy('SET', ARRAY['DR 1000 F1 :gross_amount IF policy_no = NULL', 'DR 1000 F1 :gross_amount IF attributes ->> ''x'' = ''a\\b''',
    'DR 1000 F1 1', 'CR 2000 F1 *']);
CALL public.txn(7, '2025-01-01', 'SET', attributes => '{"x": "a\\b"}');
SELECT public.expanded('2025-01-01') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT acct.discard_run(:run);
SET standard_conforming_strings = off;
SET transform_null_equals = on;
SELECT public.expanded('2025-01-01') AS run \gset
RESET standard_conforming_strings;
RESET transform_null_equals;
SELECT * FROM public.outcome(:run);
SELECT acct.discard_run(:run);
-- Errors in two expressions, one after the other; a good transaction between them is journalled
CALL public.policy('DIV', '{DR 1000 F1 100 / (gross_amount - 3),CR 2000 F1 *}', '[{"txn_type": "DIV", "condition_expr": "1 / tabarru_amount > 0"}]');
CALL public.txn(8, '2025-01-01', 'DIV', 0);
CALL public.txn(9, '2025-01-01', 'DIV', 4);
CALL public.txn(10, '2025-01-01', 'DIV', 3);
CALL public.txn(11, '2025-01-01', 'DIV', 0);
SELECT public.expanded('2025-01-01') AS run \gset
SELECT * FROM public.outcome(:run) WHERE txn_id > 7;
SELECT acct.discard_run(:run);
-- A newer version that moved to another basis supersedes the older one, whichever bases a run has
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('MOVED', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('MOVED', '{DR 1000 F1 :gross_amount,CR 3000 F1 *}', NULL, '{"basis": "TAX"}');
CALL public.txn(12, '2025-02-01', 'MOVED');
SELECT public.expanded('2025-02-01', NULL, '{"basis": "PRIMARY"}') AS run \gset
SELECT * FROM public.outcome(:run);
SELECT public.expanded('2025-02-01', NULL, '{"basis": "TAX"}') AS run \gset
SELECT * FROM public.outcome(:run);
-- What is posted is what was expanded, headers too
SELECT public.expanded('2025-03-01') IS NOT NULL AS nothing_left;
CALL public.txn(13, '2025-03-01', 'A');
SELECT public.expanded('2025-03-01') AS run \gset
UPDATE acct.je_header_staging SET total_debit = total_debit + 1 WHERE run_id = :run;
\set VERBOSITY sqlstate
SELECT acct.post_journals(:run);
\set VERBOSITY default
-- Rows written past shared buffers are counted, so that autovacuum analyzes them
CALL public.txn(20, '2025-02-01', 'A');
BEGIN;
SELECT public.expanded('2025-02-01') AS run \gset
SELECT pg_stat_get_xact_tuples_inserted(format('acct.je_line_staging_%s', :run)::regclass) AS lines,
       pg_stat_get_xact_tuples_inserted(format('acct.je_header_staging_%s', :run)::regclass) AS headers;
ROLLBACK;
-- Dropping and making the extension again: install() puts back what went with it
DROP EXTENSION ledger_engine CASCADE;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT acct.install();
CALL public.txn(14, '2025-03-01', 'A');
SELECT batch_id IS NOT NULL AS registered FROM acct.txn_source_parent WHERE txn_id = 14;
\set VERBOSITY sqlstate
UPDATE acct.txn_source_parent SET channel = 'X' WHERE txn_id = 1;
TRUNCATE acct.txn_source_2025_01;
UPDATE acct.journal_template SET description = 'X' WHERE template_code = 'A';
DELETE FROM acct.ledger_entry_line;
\set VERBOSITY default
\c :regress_db
DROP DATABASE regress_hardening;
DROP ROLE regress_hardening_checker;

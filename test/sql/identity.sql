-- On one path: nothing here depends on it.
-- Master data that has entries keeps its identity: no code, type, fund or number of decimals changes under them
\set topic identity
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
INSERT INTO acct.entity (entity_code, functional_currency) VALUES ('BRANCH', 'CY0'), ('NONE', NULL) ON CONFLICT DO NOTHING;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, parent_account_code) VALUES ('1001', 'Petty cash', 'ASSET', 'F1', '1000'), ('9999', 'Unused', 'ASSET', NULL, NULL);
INSERT INTO acct.fund VALUES ('F9', 'Unused', 'OTHER');
INSERT INTO acct.product_account_map (map_id, product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES (1, 'Q', '2000', 'F1', '3000', 'F2');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('T', '{DR 5000 F2 :gross_amount,CR 4000 F2 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
-- A statement that is taken back: done, or its error
CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    detail text;
BEGIN
    EXECUTE statement;
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION USING ERRCODE = 'XXDON';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN CASE WHEN state = 'XXDON' THEN 'done' ELSE concat_ws(' | ', state, message, nullif(detail, '')) END;
END
$$;
CREATE TABLE public.change (n integer GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO public.change (statement) VALUES
    ($$UPDATE acct.chart_of_accounts SET account_code = '1999' WHERE account_code = '1000'$$),
    ($$UPDATE acct.chart_of_accounts SET account_type = 'LIABILITY' WHERE account_code = '1000'$$),
    ($$UPDATE acct.chart_of_accounts SET fund = 'F1' WHERE account_code = '1000'$$),
    ($$DELETE FROM acct.chart_of_accounts WHERE account_code = '1000'$$),
    ($$UPDATE acct.chart_of_accounts SET account_type = 'ASSET' WHERE account_code = '4000'$$),
    ($$UPDATE acct.currency SET minor_units = 0 WHERE currency = 'IDR'$$),
    ($$UPDATE acct.currency SET currency = 'IDX' WHERE currency = 'IDR'$$),
    ($$DELETE FROM acct.currency WHERE currency = 'IDR'$$),
    ($$UPDATE acct.fund SET fund = 'FX' WHERE fund = 'F1'$$),
    ($$DELETE FROM acct.fund WHERE fund = 'F2'$$),
    ($$UPDATE acct.accounting_basis SET basis = 'FISCAL' WHERE basis = 'TAX'$$),
    ($$DELETE FROM acct.accounting_basis WHERE basis = 'TAX'$$),
    ($$UPDATE acct.entity SET entity_code = 'HEAD' WHERE entity_code = 'MAIN'$$),
    ($$DELETE FROM acct.entity WHERE entity_code = 'MAIN'$$),
    -- What is no identity, or has no entries, changes.
    ($$UPDATE acct.chart_of_accounts SET description = 'Bank', is_postable = false, effective_to = '2030-01-01', parent_account_code = '9999' WHERE account_code = '1000'$$),
    ($$UPDATE acct.chart_of_accounts SET account_code = '9998', account_type = 'EXPENSE', fund = 'F1' WHERE account_code = '9999'$$),
    ($$DELETE FROM acct.chart_of_accounts WHERE account_code = '9999'$$),
    ($$UPDATE acct.fund SET name = 'Risk', fund_type = 'OTHER' WHERE fund = 'F1'$$),
    ($$UPDATE acct.fund SET fund = 'F8' WHERE fund = 'F9'$$),
    ($$UPDATE acct.currency SET minor_units = 2 WHERE currency = 'CY4'$$),
    ($$UPDATE acct.accounting_basis SET description = 'Fiscal' WHERE basis = 'TAX'$$),
    ($$UPDATE acct.entity SET name = 'Head office' WHERE entity_code = 'MAIN'$$),
    ($$DELETE FROM acct.entity WHERE entity_code IN ('BRANCH', 'NONE')$$),
    -- Many rows, one of which has entries
    ($$UPDATE acct.chart_of_accounts SET account_type = 'ASSET'$$),
    ($$DELETE FROM acct.currency$$),
    ($$SET LOCAL ledger_engine.maintenance = on; UPDATE acct.chart_of_accounts SET account_type = 'LIABILITY' WHERE account_code = '1000'$$);
-- Nothing is expanded: all of this goes, but for foreign keys.
CALL public.txn(1, '2025-01-01', 'A');
SELECT acct.create_run('2025-01-01', 'jan') AS run \gset
SELECT n, public.try(statement) FROM public.change ORDER BY n;
-- In staging
SELECT journals FROM acct.expand_journals(:run);
SELECT n, public.try(statement) FROM public.change ORDER BY n;
-- Discarded: no entries any more
SELECT acct.discard_run(:run);
SELECT n, public.try(statement) FROM public.change WHERE n IN (2, 6) ORDER BY n;
-- Posted
SELECT public.posted('2025-01-01', 'jan') AS posted \gset
CALL public.txn(2, '2025-02-01', 'A');
SELECT public.posted('2025-02-01', 'feb') AS posted \gset
SELECT public.close_period('2025-01-01', 'MAIN', 'PRIMARY'), public.close_period('2025-01-01', 'MAIN', 'TAX');
SELECT n, public.try(statement) FROM public.change ORDER BY n;
-- Archived, and only there
SELECT acct.archive_partition('ledger_entry', '2025-01-01');
SELECT n, public.try(statement) FROM public.change WHERE n IN (1, 6, 9, 14) ORDER BY n;
-- Balances that were deleted past the triggers: the totals of runs have every code, too.
SET ledger_engine.maintenance = on;
DELETE FROM acct.account_balance_snapshot;
RESET ledger_engine.maintenance;
SELECT n, public.try(statement) FROM public.change WHERE n = 2 ORDER BY n;
-- Older snapshots do not show what was posted since.
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE acct.chart_of_accounts SET account_type = 'EQUITY' WHERE account_code = '9999';
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM acct.entity WHERE entity_code = 'NONE';
ROLLBACK;
-- READ UNCOMMITTED is READ COMMITTED.
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
UPDATE acct.chart_of_accounts SET account_type = 'EQUITY' WHERE account_code = '9999';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE acct.chart_of_accounts SET description = 'Unused.' WHERE account_code = '9999';
COMMIT;
-- Within one transaction: entries that came after the change, of what has another identity now
BEGIN;
UPDATE acct.chart_of_accounts SET account_type = 'EQUITY' WHERE account_code = '9999';
CALL public.policy('Z', '{DR 1000 F1 :gross_amount,CR 9999 F1 *}');
CALL public.txn(3, '2025-03-01', 'Z');
SELECT public.expanded('2025-03-01') IS NOT NULL AS expanded;
COMMIT;
SELECT account_type FROM acct.chart_of_accounts WHERE account_code = '9999';
-- A role to which a site grants rights by hand is refused, too.
DROP ROLE IF EXISTS regress_identity_finance;
CREATE ROLE regress_identity_finance;
GRANT USAGE ON SCHEMA acct TO regress_identity_finance;
GRANT SELECT, UPDATE ON acct.chart_of_accounts TO regress_identity_finance;
SET SESSION AUTHORIZATION regress_identity_finance;
UPDATE acct.chart_of_accounts SET account_type = 'EQUITY' WHERE account_code = '1000';
UPDATE acct.chart_of_accounts SET account_type = 'EQUITY' WHERE account_code = '9999' AND account_type = 'ASSET';
RESET SESSION AUTHORIZATION;
-- The triggers are seen to be missing, and put back.
ALTER TABLE acct.fund DISABLE TRIGGER fund_identity;
DROP TRIGGER fund_identity ON acct.fund;
DROP TRIGGER fund_identity_kept ON acct.fund;
SELECT status FROM acct.health('{guard}');
SELECT acct.install();
SELECT status FROM acct.health('{guard}');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_identity_finance;

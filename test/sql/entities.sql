-- Entities: whose books there are; what names another entity, or none that can be told from another, makes no book
\set topic entities
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
-- A fresh installation has MAIN; those of the tests were added. Each change is in the audit.
SELECT entity_code FROM acct.entity ORDER BY 1;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');

-- Written otherwise, it is another entity; also where it is empty, or only looks the same.
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A', entity => 'main');
CALL public.txn(3, '2025-01-01', 'A', entity => 'MAIN ');
CALL public.txn(4, '2025-01-01', 'A', entity => '');
CALL public.txn(5, '2025-01-01', 'A', entity => E'MAIN\n');
CALL public.txn(6, '2025-01-01', 'A', entity => U&'\00A0MAIN');
CALL public.txn(7, '2025-01-01', 'A', entity => U&'MA\200BIN');
CALL public.txn(8, '2025-01-01', 'A', entity => U&'M\0410IN');
CALL public.txn(9, '2025-01-01', 'A', entity => repeat('e', 100));
-- It is the first thing looked at: nothing else is right with these.
CALL public.txn(10, '2025-01-01', 'NOTHING', entity => 'NOBODY', currency => 'XXX', product => ' ', value_date => '2030-01-01');
SELECT detail FROM acct.run_month('2025-01-01', 'jan') WHERE step = 'expand';
SELECT run_id AS jan FROM acct.journal_run WHERE run_key = 'jan' \gset
SELECT txn_id, reason, message FROM acct.je_exception WHERE run_id = :jan ORDER BY 1;
SELECT entity_code, basis FROM acct.ledger_book;
SELECT passed FROM acct.validate_run(:jan) WHERE NOT passed;

-- An unknown entity is refused by whatever names one.
SELECT acct.close_period('2025-01-01', 'MIAN', 'PRIMARY');
SELECT acct.reopen_period('2025-01-01', NULL, 'PRIMARY');
SELECT acct.close_period('2025-01-01', 'MAIN ', 'PRIMARY');
SELECT acct.reopen_period('2025-01-01', 'main', 'PRIMARY');
SELECT acct.close_period('2025-01-01', 'MAIN', 'primary');
SELECT count(*) FROM acct.trial_balance('2025-01-01', entity => 'main');
SELECT count(*) AS books FROM acct.ledger_book;

-- Registered, it is taken up again.
INSERT INTO acct.entity (entity_code, name, functional_currency, country, registration_no) VALUES ('main', 'The other one', 'IDR', 'ID', '42');
SELECT acct.reprocess_exceptions(:jan) AS again \gset
SELECT journals, exceptions FROM acct.expand_journals(:again);
SELECT sum(lines) AS lines FROM acct.post_journals(:again);
SELECT entity_code, account_code, closing_balance FROM acct.trial_balance('2025-01-01', entity => 'main');

-- An entity takes entries from effective_from on, and none from effective_to on: whatever the month of the transaction.
INSERT INTO acct.entity (entity_code, effective_from, effective_to) VALUES ('SHORT', '2025-02-10', '2025-02-20'), ('NEVER', 'infinity', NULL), ('EVER', '-infinity', 'infinity');
CALL public.txn(1, '2025-02-01', 'A', entity => 'SHORT', value_date => '2025-02-09');
CALL public.txn(2, '2025-02-01', 'A', entity => 'SHORT', value_date => '2025-02-10');
CALL public.txn(3, '2025-02-01', 'A', entity => 'SHORT', value_date => '2025-02-19');
CALL public.txn(4, '2025-02-01', 'A', entity => 'SHORT', value_date => '2025-02-20');
CALL public.txn(5, '2025-02-01', 'A', entity => 'SHORT', value_date => '2020-02-15');
CALL public.txn(6, '2025-02-01', 'A', entity => 'NEVER');
CALL public.txn(7, '2025-02-01', 'A', entity => 'EVER');
CALL public.txn(8, '2025-02-01', 'A', entity => 'EVER', value_date => '2020-02-15');
CALL public.txn(9, '2025-03-01', 'A', entity => 'SHORT', value_date => '2025-02-19');
SELECT public.posted('2025-02-01') AS feb, public.posted('2025-03-01') AS mar \gset
SELECT run_id = :feb AS feb, txn_id, reason, message FROM acct.je_exception WHERE run_id IN (:feb, :mar) ORDER BY run_id, txn_id;
SELECT run_id = :feb AS feb, txn_id, entity_code, je_date FROM acct.ledger_entry_header WHERE run_id IN (:feb, :mar) ORDER BY run_id, txn_id;

-- In a basis that does not take every transaction: an exception where a template would fit, else not in that basis.
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('TT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CALL public.policy('B', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-04-01', 'A', entity => 'NOBODY');
CALL public.txn(2, '2025-04-01', 'B', entity => 'NOBODY');
SELECT public.expanded('2025-04-01') AS apr \gset
SELECT txn_id, basis, outcome FROM public.outcome(:apr);

--
-- Codes
--
-- Policy refuses those that would be taken for another one.
CREATE FUNCTION public.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    column_name text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS column_name = COLUMN_NAME, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, column_name, SQLERRM, hint);
END
$$;
SELECT public.refused($$INSERT INTO acct.fund VALUES ('F9 ', 'Fund', 'OTHER')$$);
SELECT public.refused(s) FROM unnest(ARRAY[
    $$INSERT INTO acct.entity (entity_code) VALUES ('')$$,
    $$INSERT INTO acct.entity (entity_code) VALUES (E'\tE')$$,
    $$UPDATE acct.entity SET entity_code = 'OTHER ' WHERE entity_code = 'OTHER'$$,
    $$INSERT INTO acct.currency VALUES (' IDR', 2)$$,
    $$INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES (U&'1000\3000', 'Cash', 'ASSET')$$,
    $$INSERT INTO acct.accounting_basis VALUES (E'GAAP\r', 'Gaap')$$,
    $$INSERT INTO acct.journal_template (template_code) VALUES (' T')$$,
    $$INSERT INTO acct.journal_template (template_code) VALUES ('T')$$,
    $$INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('T', 1, 'T ')$$,
    $$INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, product_code) VALUES ('T', 1, 'T', '')$$,
    $$INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, channel) VALUES ('T', 1, 'T', U&'\FEFFC')$$,
    $$INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing) VALUES ('T', 1, 'DR', '1000', E'F1\x7f', true)$$,
    $$INSERT INTO acct.product_account_map (product_code, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P', '1000', 'F1', '1000', 'F1 ')$$]) AS s;
-- Within a code, a blank is like any other character; so are letters of every kind.
SELECT public.refused(s) FROM unnest(ARRAY[
    $$INSERT INTO acct.entity (entity_code) VALUES ('MAIN OFFICE'), ('Società'), ('日本'), (U&'\0645\06CC\200C\062E')$$,
    $$INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund) VALUES ('P', NULL, '1000', 'F1', '3000', 'F1')$$]) AS s;
-- What is older than the rule stays, and is changed in its other columns.
ALTER TABLE acct.fund DISABLE TRIGGER fund_codes;
INSERT INTO acct.fund VALUES ('OLD ', 'Old', 'OTHER');
ALTER TABLE acct.fund ENABLE TRIGGER fund_codes;
UPDATE acct.fund SET name = 'Older' WHERE fund = 'OLD ';
SELECT public.refused($$UPDATE acct.fund SET fund = ' OLD' WHERE fund = 'OLD '$$);

-- Transactions with such codes are set aside.
CALL public.policy('ANY', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"channel": "C"}, {"product_code": "P", "priority": 200}]');
CALL public.txn(1, '2025-05-01', 'A ');
CALL public.txn(2, '2025-05-01', 'A', product => U&'P\00A0');
CALL public.txn(3, '2025-05-01', 'A', channel => '');
CALL public.txn(4, '2025-05-01', 'A', currency => ' IDR');
CALL public.txn(5, '2025-05-01', E'A\x01');
CALL public.txn(6, '2025-05-01', 'A', product => U&'\202EP', value_date => '2030-01-01');
CALL public.txn(7, '2025-05-01', 'A B', product => 'P Q');
CALL public.txn(8, '2025-05-01', 'A ', entity => 'NOBODY');
SELECT public.expanded('2025-05-01', options => '{"basis": "PRIMARY"}') AS may \gset
SELECT txn_id, outcome FROM public.outcome(:may);
SELECT txn_id, message FROM acct.je_exception WHERE run_id = :may ORDER BY txn_id;

-- The audit has what became of entities; they refuse TRUNCATE.
SELECT operation, row_key, old_row -> 'effective_to' AS until, new_row -> 'effective_to' AS now FROM acct.template_audit
 WHERE table_name = 'entity' AND row_key ->> 'entity_code' = 'SHORT';
UPDATE acct.entity SET effective_to = '2025-02-21' WHERE entity_code = 'SHORT';
SELECT operation, old_row ->> 'effective_to' AS until, new_row ->> 'effective_to' AS now, changed_by = session_user AS by_me FROM acct.template_audit
 WHERE table_name = 'entity' AND operation = 'UPDATE';
TRUNCATE acct.entity;

-- An update registers what the source and the ledger name: once, when the table is made.
-- Codes that are bad are registered where there is a book of that name, to be reported on.
SET ledger_engine.allow_drop = on;
DROP TABLE acct.entity CASCADE;
RESET ledger_engine.allow_drop;
INSERT INTO acct.ledger_book VALUES ('BOOK ', 'PRIMARY');
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.install();
SELECT acct._code_problem(entity_code) AS problem, left(entity_code, 20) AS entity_code FROM acct.entity ORDER BY 2;
DELETE FROM acct.entity WHERE entity_code = 'NOBODY';
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.install();
SELECT count(*) AS registered_again FROM acct.entity WHERE entity_code = 'NOBODY';

-- Many unknown entities, codes and dates: what is kept of them is bounded, with workers too.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', '2025-06-01'::date + n % 30, repeat('E', 80) || n, 'A', 'P' || n, 'C', 1, 1 FROM generate_series(1, 20000) AS n;
SELECT acct.create_run('2025-06-01') AS june \gset
SELECT transactions, journals, exceptions FROM acct.expand_journals(:june);
SELECT count(*) AS totals FROM acct.journal_run_total WHERE run_id = :june;
SELECT reason, count(*), min(length(message)) > 80 AS names_it FROM acct.je_exception WHERE run_id = :june GROUP BY 1;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

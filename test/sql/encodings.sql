-- On one path: nothing here depends on it.
-- Databases of other encodings: posting seals texts that have no form in UTF-8 as they are.
\set topic encodings
\i test/sql/setup.sql
CREATE DATABASE regress_encodings_1252 ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE regress_encodings_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE regress_encodings_japan ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0;

-- EUC_JP has bytes that are no characters, and neither dash nor dots of the kind that prose has.
\c regress_encodings_japan
SET client_min_messages = warning;
SET client_encoding = 'UTF8';
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT acct.ledger_checkpoint() AS checkpoint \gset
SELECT bool_and(passed) AS passed FROM acct.verify_checkpoint(:'checkpoint');
SELECT acct.verify_checkpoint(:'checkpoint' || E'\n- witness c2lnbmF0dXJl\n');

-- Of all bytes of SQL_ASCII nobody knows what they are: two that are no UTF-8, and two that are.
\c regress_encodings_ascii
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
SELECT acct._utf8(E'a\xe9'), acct._utf8(E'\xc3\xa9');
-- Audit files replace control characters, and leave the bytes of UTF-8 together.
SELECT format('SELECT encode(convert_to(%s, ''SQL_ASCII''), ''hex'') AS clean', acct._clean(quote_literal(E'\xc3\x80\t\xc2\x9f'))) AS clean \gexec
SELECT acct._balance_leaf('2025-01-01', E'F\xe9', E'\xc3\xa9', 'IDR', 0, 0, 0, 0, 0);

-- In WIN1252 most bytes are characters, and 0x81 is none.
\c regress_encodings_1252
SET client_min_messages = warning;
SET client_encoding = 'WIN1252';
CREATE EXTENSION ledger_engine;
SELECT acct._utf8(E'a\xe9'), acct._utf8(E'a\xe9\x81');
SELECT acct.install();
INSERT INTO acct.fund VALUES ('F1', 'Risk fund', 'PARTICIPANT_RISK');
INSERT INTO acct.currency VALUES ('IDR', 2);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('1000', 'Cash', 'ASSET'), (E'2\xe9', 'Liabilities', 'LIABILITY');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
INSERT INTO acct.journal_template (template_code, version) VALUES ('A', 1);
INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type) VALUES ('A', 1, 1, 'A');
INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
VALUES ('A', 1, 1, 'DR', '1000', 'F1', ':gross_amount', false), ('A', 1, 2, 'CR', E'2\xe9', 'F1', NULL, true);
SELECT acct.submit_template('A', 1);
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_template('A', 1);
RESET SESSION AUTHORIZATION;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount)
VALUES (1, '2025-01-01', '2025-01-05', 'A', 'P', 'C', E'P\xe9', 10, 10), (2, '2025-01-01', '2025-01-05', 'A', 'P', 'C', E'P\x81', 10, 10), (3, '2025-01-01', '2025-01-05', E'Z\x81', 'P', 'C', NULL, 10, 10);
SELECT acct.create_run('2025-01-01', E'k\x81') AS run \gset
SELECT journals FROM acct.expand_journals(:run);
SELECT journals, lines FROM acct.post_journals(:run);
SELECT acct.waive_exception(:run, 3, 'PRIMARY', E'Test \x81') AS waived;
SELECT acct._seal_line(s.body, 'reason') = E'Test \x81' AS waiver, s.seal_hash = sha256('\x00' || convert_to(s.body, 'SQL_ASCII')) AS as_it_is FROM acct.ledger_seal AS s WHERE s.kind = 'waive';
SELECT acct.ledger_checkpoint() AS checkpoint \gset
SELECT check_name, passed FROM acct.verify_checkpoint(:'checkpoint');
SELECT entity_code, passed, actual FROM acct.verify_ledger();
SELECT acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', 'F1', E'2\xe9', 'IDR') IS NOT NULL AS proved;
\c :regress_db
DROP DATABASE :"topic_db";
DROP DATABASE regress_encodings_1252;
DROP DATABASE regress_encodings_ascii;
DROP DATABASE regress_encodings_japan;
DROP ROLE :"checker";

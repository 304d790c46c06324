-- Opening balances: drafted from a table of balances, once for a book, and compared with the ledger
\set topic opening
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_opening_finance, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_opening_finance IN ROLE acct_finance;
CREATE SCHEMA migration;
GRANT USAGE, CREATE ON SCHEMA migration TO regress_opening_finance;
CREATE TABLE migration.hidden (account_code text, fund_code text, currency text, balance numeric);
INSERT INTO acct.currency VALUES ('USD', 2);
SET SESSION AUTHORIZATION regress_opening_finance;
CREATE TABLE migration.balance (account_code varchar(10), fund_code text, currency char(3), debit numeric, credit double precision);
INSERT INTO migration.balance VALUES ('1000', 'F1', 'IDR', 100, NULL), ('1000', 'F1', 'IDR', 50.25, 20), ('2000', 'F1', 'IDR', NULL, 130.25),
    ('1000', 'F2', 'IDR', 7, 0), ('2000', 'F2', 'IDR', 0, 6), ('4000', 'F2', 'IDR', 0, 2), ('1000', 'F1', 'USD', 3, 0), ('3000', 'F1', 'USD', 0, 3), ('1000', 'F2', 'USD', 9, 9);
CREATE VIEW migration.other AS SELECT account_code AS account_code, fund_code AS fund, currency, debit AS balance FROM migration.balance;
CREATE TABLE migration.neither (account_code text, fund_code text, currency text, amount numeric);
CREATE TABLE migration.both_ways (account_code text, fund_code text, currency text, balance numeric, debit numeric, credit numeric);
CREATE TABLE migration.none (LIKE migration.balance);
CREATE TABLE migration.unknown (account_code text, fund_code text, currency text, balance numeric);
INSERT INTO migration.unknown VALUES ('1000', 'F1', 'IDR', 5), ('1000', 'F1', 'IDR', NULL);
-- What is refused
\set VERBOSITY sqlstate
SELECT * FROM acct.draft_opening_balances(NULL, 'MAIN', 'PRIMARY', 'migration.balance'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-30', 'MAIN', 'PRIMARY', 'migration.balance'); :why
SELECT * FROM acct.draft_opening_balances('infinity', 'MAIN', 'PRIMARY', 'migration.balance'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'NONE', 'PRIMARY', 'migration.balance'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', NULL, 'migration.balance'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', NULL); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.hidden'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.none'); :why
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.unknown'); :why
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.hidden'); :why
CREATE TYPE migration.shape AS (account_code text, fund_code text, currency text, balance numeric);
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.shape'); :why
\set VERBOSITY default
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.neither');
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.both_ways');
UPDATE migration.unknown SET balance = 'NaN' WHERE balance IS NULL;
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.unknown');
CREATE TABLE migration.written (account_code text, fund text, currency text, balance text);
INSERT INTO migration.written VALUES ('1000', 'F1', 'IDR', '1.234,50');
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.written');
UPDATE migration.written SET balance = '1e200000';
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.written');
-- Floating point with all its digits, which the server's cast to numeric rounds
CREATE DOMAIN migration.amount AS double precision;
ALTER TABLE migration.written ALTER balance TYPE migration.amount USING 12345678901234.56;
SET extra_float_digits = -15;
SELECT outcome, source_balance FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.written');
ALTER TABLE migration.written ADD credit real NOT NULL DEFAULT 1234567.875;
ALTER TABLE migration.written RENAME balance TO debit;
SELECT outcome, source_balance FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.written');
RESET extra_float_digits;
CREATE TABLE migration.many AS SELECT n::text AS account_code, 'F1' AS fund_code, 'IDR' AS currency, n AS balance FROM generate_series(1, 32768) AS n;
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.many');
RESET SESSION AUTHORIZATION;
SELECT public.close_period('2024-12-01', 'MAIN', 'PRIMARY') AS closed;
SET SESSION AUTHORIZATION regress_opening_finance;
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
RESET SESSION AUTHORIZATION;
SELECT acct.reopen_period('2024-12-01', 'MAIN', 'PRIMARY');
-- What the table of balances runs is run as the caller: a view that would read what only a superuser may, or do what only one can
CREATE FUNCTION public.caller() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'read as %', current_user; RETURN '1000'; END $$;
SET SESSION AUTHORIZATION regress_opening_finance;
CREATE VIEW migration.trap AS SELECT public.caller() AS account_code, 'F1' AS fund_code, 'IDR' AS currency, 0 AS balance;
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.trap');
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.trap');
SELECT count(*) AS drafts FROM acct.manual_journal;

-- One journal for each fund and currency
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT journal_type, je_date, currency, memo, status, maker FROM acct.manual_journal ORDER BY journal_id;
SELECT journal_id, line_no, account_code, fund, debit, credit FROM acct.manual_journal_line ORDER BY 1, 2;
-- Once for a book; other books have their own.
SELECT * FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT * FROM acct.draft_opening_balances('2025-01-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT journal_id, fund, currency FROM acct.draft_opening_balances('2024-12-31', 'SUB', 'PRIMARY', 'migration.balance');
-- One that does not balance is not submitted; income is reported.
SELECT m.journal_id, f.severity, f.code, f.line_no, f.message FROM acct.manual_journal AS m, acct.check_manual_journal(m.journal_id) AS f WHERE m.entity_code = 'MAIN' ORDER BY 1, 2;
SELECT acct.submit_manual_journal(journal_id) FROM acct.manual_journal WHERE entity_code = 'MAIN' AND currency = 'IDR' AND memo ~ 'F2';
UPDATE acct.manual_journal_line AS l SET debit = 8 FROM acct.manual_journal AS m WHERE m.journal_id = l.journal_id AND m.entity_code = 'MAIN' AND m.memo ~ 'F2' AND l.account_code = '1000';
SELECT count(acct.submit_manual_journal(journal_id)) AS submitted FROM acct.manual_journal WHERE entity_code = 'MAIN';
SET SESSION AUTHORIZATION :"checker";
SELECT a.je_number, a.je_date, a.journal_type FROM acct.manual_journal AS m, acct.approve_manual_journal(m.journal_id) AS a WHERE m.status = 'submitted' ORDER BY 1;
SET SESSION AUTHORIZATION regress_opening_finance;
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT * FROM acct.compare_opening_balances('2025-06-30', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.other');
SELECT * FROM acct.compare_opening_balances('2024-11-30', 'MAIN', 'PRIMARY', 'migration.none');
SELECT fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2024-12-01', 'MAIN') ORDER BY 1, 3, 2;
-- By hand: a second one of a fund is refused, whatever is in it; so are several funds, another day, and one that reverses itself.
INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo, auto_reverse_on) VALUES ('opening', 'MAIN', '2024-12-30', 'IDR', 'Forgotten', '2025-01-01') RETURNING journal_id AS more \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:more, '1000', 'F1', 1, 0), (:more, '2000', 'F1', 0, 1), (:more, '1000', 'F2', 1, 0), (:more, '2000', 'F2', 0, 1);
SELECT severity, code, line_no, message FROM acct.check_manual_journal(:more);
DELETE FROM acct.manual_journal WHERE journal_id = :more;
-- After they were reversed, they are drafted once more.
RESET SESSION AUTHORIZATION;
SELECT acct.reverse_journals(array_agg(je_id), '2024-12-31', 'Audited balances came') AS reversal FROM acct.manual_journal WHERE status = 'approved' \gset
SET SESSION AUTHORIZATION regress_opening_finance;
SELECT journal_id FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
RESET SESSION AUTHORIZATION;
SELECT journals FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT journals FROM acct.post_journals(:reversal);
SET SESSION AUTHORIZATION regress_opening_finance;
SELECT fund, currency, line_count, debit, credit FROM acct.draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT count(acct.submit_manual_journal(journal_id)) AS submitted FROM acct.manual_journal WHERE entity_code = 'MAIN' AND status = 'draft' AND memo ~ 'F1';
SET SESSION AUTHORIZATION :"checker";
SELECT a.je_number, a.je_date, a.journal_type FROM acct.manual_journal AS m, acct.approve_manual_journal(m.journal_id) AS a WHERE m.status = 'submitted' ORDER BY 1;
RESET SESSION AUTHORIZATION;
SELECT * FROM acct.compare_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'migration.balance');
SELECT count(*) AS failed FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE NOT v.passed;
SELECT count(*) AS wrong FROM acct.check_balance_snapshot();

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
DROP ROLE regress_opening_finance, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

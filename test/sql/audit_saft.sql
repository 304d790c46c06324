-- On one path: nothing here depends on it.
-- SAF-T: elements, amounts of other decimals, long codes, and what is refused; test/audit validates files against the schema
\set topic audit_saft
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_audit_saft_auditor, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_audit_saft_auditor IN ROLE acct_auditor;
\i test/audit/year.sql
CREATE FUNCTION public.file(from_month date, to_month date, entity text DEFAULT 'FRA') RETURNS TABLE (n bigint, line text) LANGUAGE sql AS $$
    SELECT row_number() OVER (), regexp_replace(regexp_replace(replace(s.line, session_user, 'ME'), '<(AuditFileDateCreated|SystemEntryDate|SoftwareVersion)>[^<]*', '<\1>X', 'g'), '<(BatchID|SystemID)>[0-9]+', '<\1>N', 'g')
      FROM acct.export_saft($1, $2, $3) AS s
$$;
SELECT line FROM public.file('2025-01-01', '2025-01-01');
SELECT file_name ~ '^SAF-T Financial_123456789_[0-9]{14}\.xml$' AS named, from_day, to_day, records, lines FROM acct.audit_export;

-- Four decimals: each line is rounded to two, and the header has the sum of rounded lines.
UPDATE acct.entity SET functional_currency = 'CY4', country = 'no', registration_no = '1', name = NULL WHERE entity_code = 'OTHER';
SELECT severity, finding, message FROM acct.check_audit_export('saft', '2025-02-01', '2025-02-01', 'OTHER') WHERE severity = 'error';
INSERT INTO acct.currency VALUES ('QQQ', 4);
UPDATE acct.entity SET functional_currency = 'QQQ' WHERE entity_code = 'OTHER';
CALL public.rule('L2345678901234567890-ONE', 'A long code', '{DR 512000 FA gross_amount,CR 706100 FA *}');
CALL public.rule('L2345678901234567890-TWO', 'Another long code', '{DR 512000 FA gross_amount,CR 706100 FA *}');
BEGIN;
CALL public.event(51, '2025-02-03', 'L2345678901234567890-ONE', 1.0051, entity => 'OTHER', currency => 'QQQ', product => 'A product with a code of more than 35 characters', channel => 'A & B');
CALL public.event(52, '2025-02-04', 'L2345678901234567890-TWO', 1.0051, entity => 'OTHER', currency => 'QQQ', product => 'A product with a code of more than 35 letters', channel => 'A & B');
COMMIT;
SELECT public.booked('2025-02-01') IS NOT NULL AS posted;
SELECT line FROM public.file('2025-02-01', '2025-02-01', 'OTHER') WHERE line !~ '^<(Account|Header|/Header|Software|AuditFile)';
-- Closing entries, and their reversal when the year is reopened, are entries as any other.
SELECT count(*) AS closing_lines FROM public.file('2024-12-01', '2024-12-01') WHERE line ~ '^<Transaction>.*<VoucherType>closing<';

-- Texts in which nothing can be seen: elements that must be there have the code.
BEGIN;
UPDATE acct.chart_of_accounts SET description = E'\n' WHERE account_code = '616200';
UPDATE acct.fund SET name = E'\u00a0\u200b' WHERE fund = 'FB';
UPDATE acct.entity SET name = '' WHERE entity_code = 'FRA';
SELECT line FROM public.file('2025-01-01', '2025-01-01') WHERE line ~ '^<Name|616200</AccountID><AccountD|>FB<';
UPDATE acct.entity SET registration_no = E' \u00a0' WHERE entity_code = 'FRA';
SELECT severity, finding, message FROM acct.check_audit_export('saft', '2025-01-01', '2025-01-01', 'FRA') WHERE severity = 'error';
ROLLBACK;
-- Dimensions of lines and of journals are analysis types; a month that was archived before they came does not have them. In each session values look the same.
SELECT acct.archive_partition('ledger_entry', '2024-03-01') AS archived;
SELECT acct.add_dimension('cohort', 'date', on_lines => true), acct.add_dimension('product', 'text'), acct.add_dimension('a_name_of_many_letters', 'double precision', on_lines => true);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount, cohort, product, a_name_of_many_letters)
VALUES (71, '2025-04-01', '2025-04-07', 'PAY', 'VIE', 'AGENT', 'EUR', 'FRA', 7, 7, '2020-01-31', 'P & "1"', 0.1), (72, '2025-04-01', '2025-04-08', 'CONTRIB', 'VIE', 'AGENT', 'EUR', 'FRA', 8, 8, NULL, NULL, NULL);
SELECT public.booked('2025-04-01') IS NOT NULL AS posted;
BEGIN;
SET LOCAL DateStyle = 'German';
SET LOCAL extra_float_digits = -15;
SELECT line FROM public.file('2024-03-01', '2025-04-01') WHERE line ~ 'cohort|>7[12]<' OR line ~ '>(product|a_na)';
SELECT f FROM (SELECT regexp_replace(line, '^.*,(Last_Modified_By|2[0-9:]*)?,', '') AS f, line FROM acct.export_audit_data('2024-03-01', '2025-04-01', 'FRA', part => 'GL_Details')) AS x WHERE line ~ '^Journal_ID|,7[12],' OR line ~ ',2024-03-05,';
COMMIT;
-- So many dimensions that a call could not take them and their separators
BEGIN;
DO $$
BEGIN
    EXECUTE (SELECT 'ALTER TABLE acct.je_header_staging ' || string_agg(format('ADD COLUMN more_%s text', n), ', ') FROM generate_series(1, 40) AS n);
    EXECUTE (SELECT 'ALTER TABLE acct.ledger_entry_header ' || string_agg(format('ADD COLUMN more_%s text', n), ', ') FROM generate_series(1, 40) AS n);
END
$$;
SELECT count(*) AS lines, min(array_length(string_to_array(line, ','), 1)) > 40 AS has_all FROM acct.export_audit_data('2025-04-01', '2025-04-01', 'FRA', part => 'GL_Details') WHERE line ~ ',7[12],';
ROLLBACK;

--
-- What is refused
--
INSERT INTO acct.entity (entity_code, functional_currency) VALUES ('BARE', 'CY4');
SELECT severity, finding, message, hint FROM acct.check_audit_export('saft', '1969-12-01', '2025-01-01', 'BARE') WHERE severity = 'error';
UPDATE acct.posting_limit SET value = 1960 WHERE name = 'first_year';
SELECT severity, finding, message, hint FROM acct.check_audit_export('saft', '1969-12-01', '2025-01-01', 'BARE') WHERE severity = 'error';
SELECT acct.export_saft('2025-01-01', '2025-01-01', 'BARE');
\set VERBOSITY sqlstate
SELECT acct.export_saft('2025-01-02', '2025-03-01', 'FRA'); :why
SELECT acct.export_saft('2025-03-01', '2025-02-01', 'FRA'); :why
SELECT acct.export_saft(NULL, '2025-02-01', 'FRA'); :why
SELECT acct.export_saft('2025-01-01', '2025-03-01', 'NOBODY'); :why
SELECT acct.export_saft('2025-01-01', '2025-03-01', 'FRA', 'NONE'); :why
BEGIN READ ONLY;
SELECT acct.export_saft('2025-01-01', '2025-03-01', 'FRA'); :why
ROLLBACK;
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_audit_saft_auditor;
SELECT count(*) > 50 AS has_lines FROM acct.export_saft('2025-01-01', '2025-03-01', 'FRA');
RESET SESSION AUTHORIZATION;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_audit_saft_auditor, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

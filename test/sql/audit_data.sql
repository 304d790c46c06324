-- On one path: nothing here depends on it.
-- Audit data by ISO 21378: files, users, reversals and corrections, the test of balances, and what is refused
\set topic audit_data
\i test/sql/setup.sql
\i test/audit/year.sql
DROP ROLE IF EXISTS regress_audit_data_auditor, regress_audit_data_loader, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_audit_data_auditor IN ROLE acct_auditor;
CREATE ROLE regress_audit_data_loader IN ROLE acct_loader;
GRANT USAGE ON SCHEMA public TO regress_audit_data_loader;
CREATE FUNCTION public.file(from_month date, to_month date, part text, entity text DEFAULT 'FRA') RETURNS TABLE (line text) LANGUAGE sql AS $$
    SELECT line FROM acct.export_audit_data($1, $2, $4, part => $3)
$$;
-- Fields by their names; texts with separators are for the test with a real client.
CREATE FUNCTION public.details(from_month date, to_month date) RETURNS TABLE (f jsonb) LANGUAGE sql AS $$
    SELECT (SELECT jsonb_object_agg(c, v) FROM unnest(acct._audit_columns('GL_Details'), string_to_array(regexp_replace(line, '"[^"]*("")?[^"]*("")?[^"]*"', 'TEXT', 'g'), ',')) AS u (c, v))
      FROM public.file($1, $2, 'GL_Details') AS x WHERE line !~ '^Journal_ID'
$$;

-- All files in one call
SELECT file_name, count(*) - 1 AS records, min(array_length(string_to_array(line, ','), 1)) FILTER (WHERE line ~ '^[A-Z][A-Za-z_]+(_[A-Z][A-Za-z]+)+,') AS columns
  FROM acct.export_audit_data('2025-01-01', '2025-03-01', 'FRA') GROUP BY file_name ORDER BY file_name COLLATE "C";
SELECT file_name, records, lines FROM acct.audit_export ORDER BY export_id;
SELECT * FROM public.file('2025-01-01', '2025-03-01', 'GL_Trial_Balance');
SELECT * FROM public.file('2025-03-01', '2025-03-01', 'GL_Accounts_Period_Balance');
SELECT * FROM public.file('2025-01-01', '2025-03-01', 'GL_Balance_Test');
SELECT * FROM public.file('2025-01-01', '2025-02-01', 'BAS_Accounting_Period');
SELECT * FROM public.file('2025-01-01', '2025-03-01', 'BAS_Journal_Entry_Type');
SELECT * FROM public.file('2025-01-01', '2025-03-01', 'BAS_Chart_Of_Accounts') WHERE line ~ '^(706100|401100|616100)';
SELECT replace(regexp_replace(line, 'ledger_engine,[^,]*,(.*),[0-9:-]*,[0-9:]*,UTC', 'ledger_engine,VERSION,\1,TIME,UTC'), session_user, 'ME') AS line FROM public.file('2025-01-01', '2025-03-01', 'BAS_Profile');
SELECT f ->> 'JE_Type_Code' AS type, f ->> 'Source' AS source, f ->> 'JE_Line_Number' AS line, f ->> 'GL_Account_Number' AS account, f ->> 'Amount_Credit_Debit_Indicator' AS side,
       f ->> 'Functional_Amount' AS amount, f ->> 'Functional_Currency_Code' AS currency, f ->> 'Bill_Number' AS bill, f ->> 'Effective_Date' AS day, f ->> 'Accounting_Period' AS period
  FROM public.details('2025-01-01', '2025-03-01');
-- All amounts of a line are that of the book.
SELECT count(*) AS lines, count(*) FILTER (WHERE f ->> 'Reporting_Amount' = f ->> 'Functional_Amount' AND f ->> 'Local_Amount' = f ->> 'Functional_Amount' AND f ->> 'Transaction_Amount' = f ->> 'Functional_Amount'
           AND f ->> 'Transaction_Currency_Code' = 'EUR') AS agree FROM public.details('2025-01-01', '2025-03-01');
-- Reversed by (2), reverses (1), corrects; also where the reversal is in a later month than those exported
SELECT DISTINCT f ->> 'JE_Type_Code' AS type, f ->> 'Journal_Number' AS number, f ->> 'Reversal_Indicator' AS indicator, o.je_number AS reversal, c.je_number AS corrects
  FROM public.details('2025-01-01', '2025-03-01') LEFT JOIN acct.ledger_entry_header AS o ON o.je_id = nullif(f ->> 'Reversal_Journal_ID', '')::bigint
  LEFT JOIN acct.ledger_entry_header AS c ON c.je_id = nullif(f ->> 'Corrected_Journal_ID', '')::bigint WHERE o.je_id IS NOT NULL OR c.je_id IS NOT NULL ORDER BY 2;
SELECT DISTINCT f ->> 'Journal_Number' AS number, f ->> 'Reversal_Indicator' AS indicator FROM public.details('2025-02-01', '2025-02-01') ORDER BY 1;

-- Who entered and who approved: of a run with the batches of two users by the source, of manual journals by themselves
SET SESSION AUTHORIZATION regress_audit_data_loader;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
VALUES (41, '2025-04-01', '2025-04-10', 'CONTRIB', 'VIE', 'AGENT', 'EUR', 'FRA', 41, 41);
RESET SESSION AUTHORIZATION;
BEGIN;
CALL public.event(42, '2025-04-11', 'CONTRIB', 42, product => 'A "quoted", product');
COMMIT;
SELECT public.booked('2025-04-01') IS NOT NULL AS posted;
CREATE VIEW public.users AS SELECT DISTINCT f ->> 'Bill_Number' AS bill, f ->> 'Source' AS source, f ->> 'Product_Code' AS product,
       f ->> 'Entered_By' = 'regress_audit_data_loader' AS by_loader, f ->> 'Entered_By' = session_user AS by_me, f ->> 'Approved_By' = current_database() || '_checker' AS approved_by_checker,
       (f ->> 'Posted_By') <> '' AND (f ->> 'Entered_Date') <> '' AND (f ->> 'Approved_Date') <> '' AND (f ->> 'Posted_Date') <> '' AS is_filled
  FROM public.details('2025-04-01', '2025-04-01');
SELECT * FROM public.users ORDER BY bill;
SELECT count(*) AS users, bool_or(line LIKE 'regress_audit_data_loader,%') AS has_loader FROM public.file('2025-01-01', '2025-04-01', 'BAS_User') WHERE line !~ '^User_ID';
SELECT DISTINCT f ->> 'Source' AS source, f ->> 'Entered_By' = session_user AS by_me, f ->> 'Approved_By' = current_database() || '_checker' AS by_checker FROM public.details('2025-01-01', '2025-03-01')
 WHERE f ->> 'JE_Type_Code' IN ('MANUAL', 'REVERSAL') ORDER BY 1;
-- Where the source is archived, and where it is dropped
SELECT acct.archive_partition('txn_source_parent', '2025-04-01') AS archived;
SELECT bill, by_loader, by_me FROM public.users ORDER BY bill;
BEGIN;
UPDATE acct.archived_partition SET dropped_at = now(), dropped_by = 'somebody' WHERE table_name = 'txn_source_parent';
SELECT bill, by_loader, by_me FROM public.users ORDER BY bill;
ROLLBACK;

-- The test as rows; it finds a balance that is not what the lines say.
SELECT account_code, fund, currency, trim_scale(opening_balance) AS opening, trim_scale(debit) AS debit, trim_scale(credit) AS credit, trim_scale(closing_balance) AS closing, difference, passed
  FROM acct.check_audit_data('2024-01-01', '2025-12-01', 'FRA');
BEGIN;
UPDATE acct.account_balance_snapshot SET closing_balance = closing_balance + 1, period_debit = period_debit + 1 WHERE entity_code = 'FRA' AND account_code = '616200' AND snapshot_month = '2025-04-01';
SELECT account_code, trim_scale(difference) AS difference, passed FROM acct.check_audit_data('2025-01-01', '2025-04-01', 'FRA') WHERE NOT passed;
SELECT line FROM public.file('2025-01-01', '2025-04-01', 'GL_Balance_Test') WHERE line ~ ',N$';
ROLLBACK;
-- From the archive: the same bytes
SELECT count(*) AS lines FROM public.file('2025-01-01', '2025-02-01', 'GL_Details');
SELECT count(*) AS closed FROM generate_series(timestamp '2025-01-01', '2025-02-01', '1 month') AS m, public.close_period(m::date, 'FRA', 'PRIMARY');
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS january, acct.archive_partition('ledger_entry', '2025-02-01') AS february;
SELECT count(*) AS lines FROM public.file('2025-01-01', '2025-02-01', 'GL_Details');
SELECT count(DISTINCT sha256) AS files FROM (SELECT sha256 FROM acct.audit_export ORDER BY export_id DESC LIMIT 2) AS x;

-- An empty year, years that begin in April, and what is refused
SELECT file_name, count(*) - 1 AS records FROM acct.export_audit_data('2027-01-01', '2027-12-01', 'FRB') WHERE file_name ~ '^GL_|Period|User|Type' GROUP BY 1 ORDER BY file_name COLLATE "C";
SELECT acct.set_book('FRB', 'PRIMARY', '{"first_year_month": 4}');
SELECT * FROM public.file('2026-03-01', '2026-05-01', 'BAS_Accounting_Period', 'FRB');
\set VERBOSITY sqlstate
SELECT acct.export_audit_data('2025-01-01', '2025-03-01', 'FRA', part => 'GL'); :why
SELECT acct.export_audit_data('2025-01-02', '2025-03-01', 'FRA'); :why
SELECT acct.export_audit_data(NULL, '2025-03-01', 'FRA'); :why
SELECT acct.export_audit_data('2025-03-01', '2025-01-01', 'FRA'); :why
SELECT acct.export_audit_data('2025-01-01', '2025-03-01', NULL); :why
SELECT acct.export_audit_data('2025-01-01', '2025-03-01', 'FRC'); :why
SELECT acct.check_audit_data('2025-01-01', '2025-03-01', 'FRC'); :why
SELECT acct.check_audit_data('2025-01-01', '2025-03-01', 'FRA', 'NONE'); :why
BEGIN READ ONLY;
SELECT acct.export_audit_data('2025-01-01', '2025-03-01', 'FRA'); :why
ROLLBACK;
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_audit_data_auditor;
SELECT count(DISTINCT file_name) AS files FROM acct.export_audit_data('2025-01-01', '2025-03-01', 'FRA');
SELECT bool_and(passed) AS passed FROM acct.check_audit_data('2025-01-01', '2025-03-01', 'FRA');
RESET SESSION AUTHORIZATION;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_audit_data_auditor, regress_audit_data_loader, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

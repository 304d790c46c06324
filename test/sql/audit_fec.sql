-- On one path: nothing here depends on it.
-- The French FEC: its lines, numbers that stay, what is refused, who may export, and the record of exports
\set topic audit_fec
\i test/sql/setup.sql
DROP ROLE IF EXISTS regress_audit_fec_auditor, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
CREATE ROLE regress_audit_fec_auditor IN ROLE acct_auditor;
\i test/audit/year.sql
-- The fields of the lines, as a spreadsheet has them
CREATE FUNCTION public.fields(year_end date, entity text DEFAULT 'FRA')
RETURNS TABLE (n bigint, code text, lib text, num text, day text, account text, name text, aux text, piece text, piece_day text, label text, debit text, credit text, fields integer, others text) LANGUAGE sql AS $$
    SELECT row_number() OVER (), f[1], f[2], f[3], f[4], f[5], f[6], concat_ws(' / ', nullif(f[7], ''), nullif(f[8], '')), f[9], f[10], f[11], f[12], f[13], cardinality(f), f[14] || f[15] || f[17] || f[18]
      FROM acct.export_fec($1, $2) AS x, string_to_array(x.line, E'\t') AS f
$$;

--
-- The year 2024: closed, so no closing entries, and its income and expense are in it
--
\x on
-- (ValidDate is the day of posting.)
SELECT replace(f.line, to_char(h.posted_at, 'YYYYMMDD'), 'YYYYMMDD') AS line FROM acct.export_fec('2024-12-31', 'FRA') AS f,
       (SELECT min(x.posted_at AT TIME ZONE 'UTC') AS posted_at FROM acct.ledger_entry_header AS x WHERE x.je_date = '2024-03-05' AND x.entity_code = 'FRA') AS h LIMIT 2;
\x off
SELECT code, num, day, account, name, aux, piece, label, debit, credit FROM public.fields('2024-12-31') WHERE n > 1;
SELECT journal_code, run_id, first_number, journals FROM acct.fec_number WHERE year_end = '2024-12-31' ORDER BY 1, 3;
SELECT count(*) AS closing_entries FROM acct.ledger_entry_header WHERE journal_type = 'closing';

--
-- The year 2025: opening entries from the balances of 2024, then the order of posting, numbered in each journal code
--
SELECT n, code, num, day, account, aux, piece, piece_day, debit, credit FROM public.fields('2025-12-31') WHERE n > 1;
SELECT DISTINCT code, lib, label FROM public.fields('2025-12-31') WHERE n > 1 ORDER BY 1, 3;
SELECT DISTINCT fields, others FROM public.fields('2025-12-31') WHERE n > 1;
-- Numbers have no gap, entries balance, and openings are the balances of the year before.
SELECT code, count(DISTINCT num) = max(num::integer) AS no_gap, sum(replace(debit, ',', '.')::numeric) = sum(replace(credit, ',', '.')::numeric) AS balanced
  FROM public.fields('2025-12-31') WHERE n > 1 GROUP BY code ORDER BY code;
SELECT count(*) AS differ FROM (SELECT account, replace(debit, ',', '.')::numeric - replace(credit, ',', '.')::numeric AS amount FROM public.fields('2025-12-31') WHERE code = 'AN' AND num = '1') AS f
  FULL JOIN (SELECT account_code AS account, sum(closing_balance) AS amount FROM acct.trial_balance('2024-12-01', 'FRA') GROUP BY 1 HAVING sum(closing_balance) <> 0) AS t USING (account)
 WHERE f.amount IS DISTINCT FROM t.amount;
-- It balances with the trial balance.
SELECT count(*) AS differ FROM (SELECT account, sum(replace(debit, ',', '.')::numeric - replace(credit, ',', '.')::numeric) AS amount FROM public.fields('2025-12-31') WHERE n > 1 GROUP BY 1) AS f
  FULL JOIN (SELECT account_code AS account, sum(closing_balance) AS amount FROM acct.trial_balance('2025-12-01', 'FRA') GROUP BY 1) AS t USING (account)
 WHERE coalesce(f.amount, 0) <> coalesce(t.amount, 0);
SELECT regexp_replace(line, 'ledger_engine .*', 'ledger_engine VERSION') AS line FROM acct.export_fec('2025-12-31', 'FRA', part => 'description');
SELECT acct.fec_file_name('2025-12-31', 'FRA');

--
-- Numbers stay: what is posted later comes after what was there, and a closed year keeps its numbers
--
CREATE TABLE public.before AS SELECT * FROM public.fields('2025-12-31');
SELECT count(*) AS kept_while_open FROM acct.fec_number WHERE year_end = '2025-12-31';
BEGIN;
CALL public.event(21, '2025-01-03', 'CONTRIB', 3);
COMMIT;
SELECT public.booked('2025-01-01') IS NOT NULL AS posted;
SELECT code, num, day FROM public.fields('2025-12-31') WHERE piece = '21';
SELECT count(*) AS moved FROM public.before AS b WHERE NOT EXISTS (SELECT FROM public.fields('2025-12-31') AS f WHERE f = b);
SELECT count(*) AS closed FROM generate_series(timestamp '2025-01-01', '2025-11-01', '1 month') AS m,
       acct.close_period(m::date, 'FRA', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
SELECT count(*) AS closed FROM acct.close_year('2025-12-31', 'FRA', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
SELECT journal_code, first_number, journals FROM acct.fec_number WHERE year_end = '2025-12-31' ORDER BY 1, 2;
SELECT count(*) AS moved FROM public.before AS b WHERE NOT EXISTS (SELECT FROM public.fields('2025-12-31') AS f WHERE f = b);
-- The year is reopened, something is added, and it is closed again: the closing entries, and what took them back, are not in it.
SELECT acct.reopen_year('2025-12-31', 'FRA', 'PRIMARY', 'Forgotten') IS NOT NULL AS reopened;
BEGIN;
CALL public.event(22, '2025-12-03', 'CONTRIB', 4);
COMMIT;
SELECT public.booked('2025-12-01') IS NOT NULL AS posted;
SELECT count(*) AS closed FROM acct.close_year('2025-12-31', 'FRA', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test');
SELECT count(*) AS moved FROM public.before AS b WHERE NOT EXISTS (SELECT FROM public.fields('2025-12-31') AS f WHERE f = b);
SELECT code, num, piece FROM public.fields('2025-12-31') WHERE piece IN ('21', '22') AND debit <> '0,00';
-- Once more, from the archive: the same bytes
SELECT count(*) FROM acct.export_fec('2025-12-31', 'FRA');
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS january, acct.archive_partition('ledger_entry', '2025-02-01') AS february;
SELECT count(*) FROM acct.export_fec('2025-12-31', 'FRA');
SELECT count(*) AS exports, count(DISTINCT sha256) AS files FROM (SELECT sha256 FROM acct.audit_export ORDER BY export_id DESC LIMIT 2) AS x;
-- Numbers that do not fit what is in the ledger (a superuser's work)
BEGIN;
ALTER TABLE acct.fec_number DISABLE TRIGGER fec_number_immutable;
UPDATE acct.fec_number SET journals = journals + 1 WHERE year_end = '2025-12-31' AND journal_code = 'PAY';
SELECT count(*) FROM acct.export_fec('2025-12-31', 'FRA');
ROLLBACK;
DELETE FROM acct.fec_number;
UPDATE acct.audit_export SET sha256 = '';
TRUNCATE acct.audit_export;

--
-- An empty year, another year's beginning, and what is refused before anything is written
--
SELECT acct.check_audit_export('fec', '2026-01-01', '2026-12-01', 'FRA');
SELECT n, code, account, debit, credit FROM public.fields('2026-12-31') WHERE n > 1;
UPDATE acct.entity SET registration_no = '987654321' WHERE entity_code = 'FRB';
SELECT count(*) AS lines FROM acct.export_fec('2025-12-31', 'FRB');
-- A book that begins with opening journals
SELECT public.entered('2024-12-31', 'Opening', '512000', '120000', 5, 'opening', entity => 'FRB') IS NOT NULL AS opened;
SELECT code, lib, num, day, account, label, debit, credit FROM public.fields('2024-12-31', 'FRB') WHERE n > 1;
SELECT code, lib, num, day, account, label, debit, credit FROM public.fields('2025-12-31', 'FRB') WHERE n > 1;
SELECT acct.set_book('FRB', 'PRIMARY', '{"first_year_month": 4}');
SELECT * FROM acct.check_audit_export('fec', '2025-01-01', '2025-12-01', 'FRB');
SELECT * FROM acct.check_audit_export('fec', '2025-04-01', '2026-03-01', 'FRB');
BEGIN;
CALL public.event(31, '2025-05-03', 'FOREIGN', 4, entity => 'FRB', currency => 'USD');
CALL public.event(32, '2025-05-04', 'STRANGE', 4, entity => 'FRB');
CALL public.event(33, '2025-05-05', 'FOREIGN', 4, entity => 'FRC');
COMMIT;
SELECT public.booked('2025-05-01') IS NOT NULL AS posted;
SELECT acct.archive_partition('ledger_entry', '2025-03-01') AS march;
SELECT severity, finding, message FROM acct.check_audit_export('fec', '2025-04-01', '2026-03-01', 'FRB');
SELECT severity, finding, message FROM acct.check_audit_export('saft', '2025-05-01', '2025-05-01', 'FRC');
SELECT severity, finding, message FROM acct.check_audit_export('fec', '2026-01-01', '2026-12-01', 'FRC');
-- Without a functional currency, too, a book says what its amounts are of; one of another currency than the euro is no French one.
BEGIN;
UPDATE acct.entity SET functional_currency = NULL WHERE entity_code IN ('FRA', 'FRB');
SELECT finding, message, hint FROM acct.check_audit_export('fec', '2025-04-01', '2026-03-01', 'FRB') WHERE finding ~ 'currency';
SELECT finding, message, hint FROM acct.check_audit_export('saft', '2025-01-01', '2025-12-01', 'FRA') WHERE finding ~ 'currency';
UPDATE acct.entity SET functional_currency = 'USD' WHERE entity_code = 'FRC';
SELECT severity, finding, message, hint FROM acct.check_audit_export('fec', '2027-01-01', '2027-12-01', 'FRC') WHERE finding ~ 'euro';
ROLLBACK;
-- Debits and credits that differ are named, with the balances that they leave.
BEGIN;
CALL public.policy('LOPSIDED', '{DR 512000 FB :gross_amount,CR 706100 FB :gross_amount * 0.5}', NULL, '{"require_balanced": false, "balance_by_fund": false}');
CALL public.event(34, '2026-03-05', 'LOPSIDED', 40, entity => 'FRC');
SELECT public.booked('2026-03-01') IS NOT NULL AS posted;
SELECT severity, finding, regexp_replace(message, 'je_id \d+', 'je_id N') AS message, hint FROM acct.check_audit_export('saft', '2026-03-01', '2026-03-01', 'FRC') WHERE finding = 'unbalanced';
SELECT severity, finding, message FROM acct.check_audit_export('saft', '2026-04-01', '2026-04-01', 'FRC') WHERE finding = 'unbalanced';
SELECT count(*) AS unbalanced FROM acct.check_audit_export('saft', '2026-03-01', '2026-03-01', 'FRA') WHERE finding = 'unbalanced';
ROLLBACK;
SELECT count(*) AS exports FROM acct.audit_export \gset
SELECT acct.export_fec('2026-03-31', 'FRB');
SELECT acct.export_fec('2026-12-31', 'FRC');
BEGIN;
UPDATE acct.archived_partition SET dropped_at = now(), dropped_by = 'somebody' WHERE month = '2025-02-01';
SELECT acct.export_fec('2025-12-31', 'FRA');
ROLLBACK;
BEGIN READ ONLY;
SELECT acct.export_fec('2025-12-31', 'FRA');
ROLLBACK;
\set VERBOSITY sqlstate
SELECT acct.export_fec(NULL, 'FRA'); :why
SELECT acct.export_fec('2025-12-30', 'FRA'); :why
SELECT acct.export_fec('2025-12-31', 'NOBODY'); :why
SELECT acct.export_fec('2025-12-31', 'FRA', 'NONE'); :why
SELECT acct.export_fec('2025-12-31', 'FRA', part => 'half'); :why
SELECT acct.fec_file_name('2025-12-31', 'FRC'); :why
SELECT acct.fec_file_name(NULL, 'FRA'); :why
SELECT acct.fec_file_name('2025-12-30', 'FRA'); :why
SELECT acct.fec_file_name('9999-12-31', 'FRA'); :why
SELECT acct.check_audit_export('pdf', '2025-01-01', '2025-12-01', 'FRA'); :why
SELECT acct.check_audit_export('saft', '2025-02-01', '2025-01-01', 'FRA'); :why
SELECT acct.check_audit_export('fec', '2025-02-01', '2025-12-01', 'FRA'); :why
SELECT count(*) - :exports AS exported_meanwhile FROM acct.audit_export;
\set VERBOSITY default

--
-- Codes that would be the same in the file stay different, and each line is there once; texts in which nothing can be seen are none
--
INSERT INTO acct.entity (entity_code, functional_currency, registration_no) VALUES ('FRD', 'EUR', '111222333');
CALL public.rule('AN_TEMPLATE', 'Named like the journal of AN', '{DR 512000 FA gross_amount,CR 706100 FA *}');
CALL public.rule('A|B', E'\u00a0\t\u2003', '{DR 512000 FA gross_amount,CR 706100 FA *}', ARRAY[E'\u00a0\u200b', '|']);
CALL public.rule('A B', 'A blank', '{DR 512000 FA gross_amount,CR 706100 FA *}');
-- A journal need not balance where its template says so: credits alone are in the file as debits alone are.
CALL public.policy('CREDITS', '{CR 706100 FA gross_amount}', header => '{"require_balanced": false, "balance_by_fund": false}');
CALL public.policy('DEBITS', '{DR 512000 FA gross_amount}', header => '{"require_balanced": false, "balance_by_fund": false}');
BEGIN;
CALL public.event(61, '2025-09-01', 'AN_TEMPLATE', 1, E'\u00a0', 'FRD');
CALL public.event(62, '2025-09-02', 'AN', 2, NULL, 'FRD');
CALL public.event(63, '2025-09-03', 'A|B', 3, NULL, 'FRD');
CALL public.event(64, '2025-09-04', 'A B', 99999999999999.99, NULL, 'FRD');
CALL public.event(65, '2025-09-05', 'CREDITS', 5, NULL, 'FRD');
CALL public.event(66, '2025-09-06', 'DEBITS', 6, NULL, 'FRD');
COMMIT;
SELECT public.booked('2025-09-01') IS NOT NULL AS posted;
SELECT code, lib, num, piece, aux, regexp_replace(label, '\d{6}-\d+', 'NUMBER') AS label, debit, credit FROM public.fields('2025-12-31', 'FRD') WHERE n > 1;
SELECT line FROM acct.export_fec('2025-12-31', 'FRD', part => 'description') WHERE line ~ '^A[ N]';
-- A year as version 0.2.0 numbered it, without credits alone: what had numbers keeps them, and these come last.
CALL public.policy('MIXED', '{CR 706100 FA gross_amount IF gross_amount < 10,DR 512000 FA gross_amount IF gross_amount >= 10}', header => '{"require_balanced": false, "balance_by_fund": false}');
BEGIN;
CALL public.event(67, '2025-10-01', 'MIXED', 7, NULL, 'FRD');
CALL public.event(68, '2025-10-02', 'MIXED', 18, NULL, 'FRD');
CALL public.event(69, '2025-10-03', 'MIXED', 19, NULL, 'FRD');
COMMIT;
SELECT public.booked('2025-10-01') IS NOT NULL AS posted;
SELECT code, num, piece, debit, credit FROM public.fields('2025-12-31', 'FRD') WHERE code = 'MIXED';
BEGIN;
INSERT INTO acct.fec_number (entity_code, basis, year_end, journal_code, run_id, first_number, journals)
SELECT 'FRD', 'PRIMARY', '2025-12-31', 'MIXED', max(h.run_id), 1, 2 FROM acct.ledger_entry_header AS h WHERE h.template_code = 'MIXED';
SELECT code, num, piece, debit, credit FROM public.fields('2025-12-31', 'FRD') WHERE code = 'MIXED';
ROLLBACK;

--
-- As an auditor, at a snapshot of the caller's
--
SET SESSION AUTHORIZATION regress_audit_fec_auditor;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) AS lines FROM acct.export_fec('2025-12-31', 'FRA');
COMMIT;
SELECT file_format, file_name, entity_code, basis, from_day, to_day, records, lines, bytes > 1000 AS has_bytes, sha256 ~ '^[0-9a-f]{64}$' AS has_digest, exported_by, exported_at <= clock_timestamp() AS has_time
  FROM acct.audit_export ORDER BY export_id DESC LIMIT 1;
RESET SESSION AUTHORIZATION;
-- The digest is that of the lines in UTF-8, each with a line feed.
SELECT x.sha256 = encode(sha256(convert_to(t.text, 'UTF8')), 'hex') AS same
  FROM (SELECT string_agg(e.line || E'\n', '') AS text FROM acct.export_fec('2025-12-31', 'FRA') AS e OFFSET 0) AS t,
       LATERAL (SELECT a.sha256 FROM acct.audit_export AS a WHERE t.text IS NOT NULL ORDER BY a.export_id DESC LIMIT 1) AS x;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_audit_fec_auditor, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

-- The digest of a run's lines: the same in staging, in the ledger and when computed again, whatever the order; another
-- when any of the columns that it covers is
\set topic digest
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount / 3,CR 3000 F1 *}');
CALL public.policy('AT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
INSERT INTO acct.entity (entity_code) VALUES ('E0'), ('E1');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount)
SELECT n, '2025-01-01', '2025-01-01'::date + n % 40, 'A', 'P' || n % 3, 'C' || n % 4, (ARRAY['IDR', 'CY0', 'CY4'])[n % 3 + 1], 'E' || n % 2, n * 1.2345, n * 1.2345
  FROM generate_series(1, 500) AS n;
SELECT public.expanded('2025-01-01', 'one') AS run \gset
SELECT digest ~ '^[0-9a-f]{32}$' AS as_documented, digest AS digest FROM acct.journal_run WHERE run_id = :run \gset
SELECT :'as_documented' AS as_documented, acct.run_digest(:run, 'staging') = :'digest' AS staging, acct.run_digest(:run, 'ledger') AS ledger, acct.run_digest(:run) AS by_default;
-- Again, from rows that lie in another order, in two batches, with other identifiers of journals
SELECT acct.discard_run(:run);
CREATE TEMP TABLE kept AS SELECT txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount FROM acct.txn_source_parent;
TRUNCATE acct.txn_source_parent;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount) SELECT * FROM kept WHERE txn_id > 250 ORDER BY txn_id DESC;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, entity_code, gross_amount, tabarru_amount) SELECT * FROM kept WHERE txn_id <= 250 ORDER BY md5(txn_id::text);
SELECT public.expanded('2025-01-01', 'two') AS run \gset
SELECT digest = :'digest' AS same FROM acct.journal_run WHERE run_id = :run;
SELECT sum(lines) AS lines FROM acct.post_journals(:run);
SELECT acct.run_digest(:run) = :'digest' AS ledger, acct.run_digest(:run, 'staging') = :'digest' AS staging;
SELECT check_name, passed FROM acct.validate_run(:run) WHERE check_name = 'line_digest';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SELECT acct.run_digest(:run) = :'digest' AS ledger;
SET datestyle = 'ISO, YMD';
-- Each column that it covers; and those that it does not, and how an amount is written
CREATE FUNCTION public.changed(id bigint, change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    before text := acct.run_digest(id, 'staging');
    after text;
BEGIN
    BEGIN
        EXECUTE format('UPDATE acct.je_line_staging SET %s WHERE run_id = %s AND txn_id = 7 AND line_no = 1 AND basis = ''PRIMARY''', change, id);
        after := acct.run_digest(id, 'staging');
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        RETURN before <> after;
    END;
END
$$;
SELECT c AS change, public.changed(:run, c) AS changed
  FROM unnest(ARRAY['txn_id = txn_id + 1', 'je_date = je_date + 1', 'line_no = 9', 'entity_code = ''E9''', 'basis = ''TAX''', 'account_code = ''1001''', 'fund = ''F2''', 'currency = ''CY1''',
      'product_code = ''P9''', 'channel = ''C9''', 'debit = debit + 0.0001', 'credit = credit + 0.0001', 'debit = -debit', 'debit = credit, credit = debit', 'account_code = fund, fund = account_code',
      'account_code = account_code || fund, fund = ''''', 'product_code = channel, channel = product_code', 'account_code = account_code || '' ''', 'account_code = ''1000''', 'je_id = je_id + 1', 'debit = debit + 0', 'debit = trim_scale(debit)']) WITH ORDINALITY AS x (c, n) ORDER BY n;
-- An amount with more decimals than a posted amount has is not taken for the one that it would be rounded to.
BEGIN;
ALTER TABLE acct.je_line_staging ALTER COLUMN debit TYPE numeric, ALTER COLUMN credit TYPE numeric;
SELECT acct.run_digest(:run, 'staging') = :'digest' AS wider;
UPDATE acct.je_line_staging SET debit = debit + 0.00004 WHERE run_id = :run AND txn_id = 7 AND line_no = 1 AND basis = 'PRIMARY';
SAVEPOINT a;
SELECT acct.run_digest(:run, 'staging') = :'digest' AS rounded;
ROLLBACK TO a;
UPDATE acct.je_line_staging SET debit = 'NaN' WHERE run_id = :run AND txn_id = 7 AND line_no = 1 AND basis = 'PRIMARY';
SELECT acct.run_digest(:run, 'staging');
ROLLBACK;
-- A line twice is not a line left out; two lines exchanged in part are not the same.
SELECT line AS staged FROM acct._staging_tables(:run) \gset
BEGIN;
INSERT INTO :staged SELECT * FROM acct.je_line_staging WHERE run_id = :run AND txn_id = 7 AND line_no = 1 AND basis = 'PRIMARY';
SELECT acct.run_digest(:run, 'staging') <> :'digest' AS twice;
INSERT INTO :staged SELECT * FROM acct.je_line_staging WHERE run_id = :run AND txn_id = 7 AND line_no = 1 AND basis = 'PRIMARY' LIMIT 1;
SELECT acct.run_digest(:run, 'staging') <> :'digest' AS thrice;
ROLLBACK;
BEGIN;
UPDATE acct.je_line_staging AS l SET txn_id = CASE txn_id WHEN 7 THEN 13 ELSE 7 END WHERE run_id = :run AND txn_id IN (7, 13) AND line_no = 1;
SELECT acct.run_digest(:run, 'staging') <> :'digest' AS exchanged;
ROLLBACK;
SELECT acct.run_digest(:run, 'staging') = :'digest' AS as_before;
-- The digest is the same on every version and machine: of one line, the sum of these.
CALL public.txn(1000, '2025-02-01', 'A', 300);
SELECT public.expanded('2025-02-01', 'three') AS run3 \gset
SELECT r.digest, r.lines FROM acct.journal_run AS r WHERE run_id = :run3;
-- Nor are more decimals posted as the amount that they round to.
BEGIN;
ALTER TABLE acct.je_line_staging ALTER COLUMN debit TYPE numeric;
UPDATE acct.je_line_staging SET debit = debit + 0.00004 WHERE run_id = :run3 AND line_no = 1;
SELECT journals FROM acct.post_journals(:run3);
ROLLBACK;
BEGIN;
UPDATE acct.journal_run SET debit = debit + 0.00004 WHERE run_id = :run3;
SELECT journals FROM acct.post_journals(:run3);
ROLLBACK;
-- Where a journal has no transaction, product or channel, each NULL is hashed as what it is: nothing else has the same digest.
CREATE VIEW public.lines_with_nulls AS
SELECT d.digest, x.what FROM (VALUES ('all', '1, ''P'', ''C'''), ('no txn', 'NULL, ''P'', ''C'''), ('txn 0', '0, ''P'', ''C'''),
    ('no product', '1, NULL, ''C'''), ('empty product', '1, '''', ''C'''), ('no channel', '1, ''P'', NULL'), ('empty channel', '1, ''P'', '''''),
    ('neither', '1, NULL, NULL'), ('no product, empty channel', '1, NULL, '''''), ('empty product, no channel', '1, '''', NULL'),
    ('both empty', '1, '''', '''''), ('nothing', 'NULL, NULL, NULL')) AS x (what, list)
 CROSS JOIN LATERAL acct._digest_lines(format('SELECT x.t::bigint, date ''2025-02-01'', 1::smallint, ''E'', ''B'', ''1000'', ''F'', ''CY1'', x.p, x.c, '
     '1::numeric(20,4), 0::numeric(20,4) FROM (VALUES (%s)) AS x (t, p, c)', x.list)) AS d;
SELECT count(*), count(DISTINCT digest) AS different FROM public.lines_with_nulls;
SELECT digest FROM public.lines_with_nulls WHERE what IN ('all', 'nothing') ORDER BY what;
SELECT acct._digest_lines('SELECT 1::bigint, date ''2025-02-01'', 1::smallint, ''E'', NULL::text, ''1000'', ''F'', ''CY1'', ''P'', ''C'', 1.0, 0.0');
-- In staging likewise, whether lines are read by their places or by column.
BEGIN;
UPDATE acct.je_line_staging SET product_code = NULL, channel = NULL, txn_id = NULL WHERE run_id = :run3 AND line_no = 1;
SELECT acct.run_digest(:run3, 'staging') = (
    SELECT d.digest FROM acct._digest_lines(format('SELECT txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, '
                                                   'debit, credit FROM acct.je_line_staging WHERE run_id = %s', :run3)) AS d) AS the_same,
       acct.run_digest(:run3, 'staging') <> (SELECT r.digest FROM acct.journal_run AS r WHERE r.run_id = :run3) AS changed;
ROLLBACK;
-- Changed behind the triggers' back, it shows.
SELECT journals FROM acct.post_journals(:run3);
ALTER TABLE acct.ledger_entry_line_2025_02 DISABLE TRIGGER ledger_immutable;
UPDATE acct.ledger_entry_line_2025_02 SET account_code = '4000' WHERE txn_id = 1000 AND line_no = 2 AND basis = 'TAX';
ALTER TABLE acct.ledger_entry_line_2025_02 ENABLE ALWAYS TRIGGER ledger_immutable;
SELECT acct.run_digest(r.run_id) = r.digest AS untouched FROM acct.journal_run AS r WHERE status = 'posted' ORDER BY run_id;
SELECT check_name FROM acct.validate_run(:run3) WHERE NOT passed;
-- A digest that was taken away is not one that agrees.
BEGIN;
UPDATE acct.journal_run SET digest = NULL, header_digest = NULL WHERE run_id = :run3;
SELECT check_name, passed FROM acct.validate_run(:run3) WHERE passed IS NOT TRUE;
ROLLBACK;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

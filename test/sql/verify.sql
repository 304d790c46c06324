-- verify_ledger(): what it compares, the range, months in the archive and dropped ones, columns of a site, the record of it; prove_journal() and prove_sections()
\set topic verify
\i test/sql/setup.sql
-- The message of the last error, without the journal, which has another identifier on another path
\set what 'SELECT regexp_replace(:''LAST_ERROR_MESSAGE'', ''[0-9]{4,}'', ''N'') AS message;'
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2015-01-01');
CREATE FUNCTION public.found(from_month date DEFAULT NULL, to_month date DEFAULT NULL)
RETURNS TABLE (basis text, check_name text, passed boolean, seal bigint, run_id bigint, month date, section text, block bigint, line_no smallint, columns text, expected text, actual text) LANGUAGE sql AS $$
    SELECT v.basis, v.check_name, v.passed, v.seal_number, v.run_id, v.month, v.section, v.block_no, v.line_no, v.column_group,
           regexp_replace(v.expected, ', root [0-9a-f]{16}', ', root R'), regexp_replace(v.actual, ', root [0-9a-f]{16}', ', root R')
      FROM acct.verify_ledger(from_month, to_month) AS v WHERE v.entity_code = 'MAIN' AND (NOT v.passed OR v.passed IS NULL OR v.check_name = 'book')
$$;
SELECT status, detail FROM acct.health('{verification}');
SELECT * FROM public.found();
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, date '2015-01-01' + make_interval(months => n % 3), date '2015-01-05' + make_interval(months => n % 3), 'A', 'P', 'C', n, n FROM generate_series(1, 3300) AS n;
SELECT public.posted('2015-01-01') AS jan, public.posted('2015-02-01', 'feb') AS feb, public.posted('2015-03-01') AS mar \gset

-- All is as it was sealed, of all, of a book, of a month.
SELECT * FROM public.found();
SELECT actual FROM acct.verify_ledger('2015-02-01', '2015-02-01', 'MAIN', 'PRIMARY');
SELECT actual FROM acct.verify_ledger('2015-03-01');
BEGIN READ ONLY;
SELECT actual FROM acct.verify_ledger(basis => 'PRIMARY');
ROLLBACK;
SELECT from_month, to_month, entity_code, basis, seals, headers, lines, findings, first_finding, verified_by = session_user AS by_me, ended_at >= started_at AS ended FROM acct.ledger_verification ORDER BY verification_id;
SELECT status, regexp_replace(detail, '[0-9-]{10} [0-9:]{5} by [^:]+', 'TIME by USER') AS detail FROM acct.health('{verification}');

-- One amount, in the second block of a section; two lines; and what is not read. Each in its seal, block, journal and columns.
-- (Partitions have triggers of their own.)
CREATE PROCEDURE public.unguard(part regclass) LANGUAGE plpgsql AS $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT p.relid FROM pg_partition_tree(part) AS p LOOP
        EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER ALL', t);
    END LOOP;
END
$$;
CALL public.unguard('acct.ledger_entry_line_2015_02');
CALL public.unguard('acct.ledger_entry_header_2015_02');
SELECT l.je_id AS first, l.je_id + 1050 AS far FROM acct.ledger_entry_line AS l WHERE l.run_id = :feb ORDER BY l.je_id LIMIT 1 \gset
BEGIN;
UPDATE acct.ledger_entry_line_2015_02 SET debit = debit + 0.0001 WHERE je_id = :far AND debit > 0;
SELECT * FROM public.found();
SELECT v.je_id - :first AS after_first, right(v.je_number, 9)::integer AS number FROM acct.verify_ledger() AS v WHERE v.check_name = 'lines';
-- Two lines of a block exchange their amounts.
UPDATE acct.ledger_entry_line_2015_02 AS l SET debit = (SELECT o.debit FROM acct.ledger_entry_line_2015_02 AS o WHERE o.je_id = 2 * :far + 1 - l.je_id AND o.debit > 0) WHERE l.je_id IN (:far, :far + 1) AND l.debit > 0;
SELECT check_name, block, line_no, columns FROM public.found() WHERE check_name = 'lines';
SELECT check_name FROM public.found('2015-03-01');
SELECT status, replace(regexp_replace(detail, '[0-9-]{10} [0-9:]{5} by [^:]+', 'TIME by USER'), :far::text, 'FAR') AS detail FROM acct.health('{verification}');
SELECT acct.ledger_checkpoint() IS NOT NULL AS made;
\set VERBOSITY sqlstate
SELECT acct.prove_journal(:far, 1);
ROLLBACK;
:what
\set VERBOSITY default
BEGIN;
DELETE FROM acct.ledger_entry_line_2015_02 WHERE je_id = :first AND line_no = 2;
UPDATE acct.ledger_entry_header_2015_02 SET memo = 'other' WHERE je_id = :far;
SELECT * FROM public.found();
ROLLBACK;
-- A header without lines, and lines without a header
BEGIN;
DELETE FROM acct.ledger_entry_line_2015_02 WHERE je_id = :first;
DELETE FROM acct.ledger_entry_header_2015_02 WHERE je_id = :far;
SELECT expected, actual FROM public.found() WHERE check_name = 'journals';
ROLLBACK;

-- Of a month in the archive rows are read, of one that was dropped the seal is known.
SELECT count(*) AS closed FROM acct.close_period('2015-01-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'a test');
SELECT acct.archive_partition('ledger_entry', '2015-01-01') AS archived;
SELECT actual FROM acct.verify_ledger(basis => 'PRIMARY') WHERE check_name = 'book' AND entity_code = 'MAIN';
BEGIN;
CALL public.unguard('acct_archive.ledger_entry_line_2015_01');
UPDATE acct_archive.ledger_entry_line_2015_01 SET channel = 'D' WHERE debit = 6;
SELECT check_name, seal, month, section, block, line_no, columns FROM public.found();
ROLLBACK;
BEGIN;
SELECT acct._drop_archived(a.archive_id) FROM acct.archived_partition AS a WHERE a.month = '2015-01-01';
SELECT * FROM public.found();
ROLLBACK;

-- A column that a site adds is not in old seals, and in new ones it is.
ALTER TABLE acct.ledger_entry_line ADD COLUMN desk text DEFAULT 'old';
SELECT * FROM public.found() WHERE check_name <> 'book';

-- Proofs
SELECT acct.ledger_checkpoint() IS NOT NULL AS made;
SELECT p ->> 'kind' AS kind, p ->> 'row' AS row, p ->> 'leaf_index' AS leaf, p ->> 'leaf_count' AS leaves, jsonb_array_length(p -> 'leaf_path') AS path, length(p::text) < 10000 AS is_small
  FROM (SELECT acct.prove_journal(:far) UNION ALL SELECT acct.prove_journal(:far, n) FROM generate_series(1, 2) AS n) AS x (p);
SELECT p ->> 'kind' AS kind FROM acct.prove_journal((SELECT min(je_id) FROM acct_archive.ledger_entry_header_2015_01)) AS p;
SELECT count(*) AS seals, bool_or(jsonb_array_length(p -> 'line_sections') > 0) AS have_sections FROM acct.prove_sections() AS p;
BEGIN;
ALTER TABLE acct.ledger_log DISABLE TRIGGER ALL;
DELETE FROM acct.ledger_log;
SELECT acct.prove_journal(:far);
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_seal DISABLE TRIGGER ALL;
DELETE FROM acct.ledger_seal WHERE run_id = :feb;
\set VERBOSITY sqlstate
SELECT acct.prove_journal(:far);
ROLLBACK;
:what
\set VERBOSITY default
SELECT acct.prove_journal(-1);
\set VERBOSITY sqlstate
SELECT acct.prove_journal(:far, 9);
:what
\set VERBOSITY default
SELECT acct.verify_ledger('2015-01-02');
SELECT acct.verify_ledger(entity => 'NONE');

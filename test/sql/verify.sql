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

-- The ledger is verified where a trigger of the engine is missing or disabled, too: that is a finding, until install() restored it.
BEGIN;
DROP TRIGGER txn_source_taken ON acct.txn_source_parent;
ALTER TABLE acct.journal_reversal DISABLE TRIGGER journal_reversal_kept;
SELECT check_name, passed, entity_code, expected, actual FROM acct.verify_ledger('2015-02-01', '2015-02-01', 'MAIN', 'PRIMARY');
SELECT findings, first_finding FROM acct.ledger_verification ORDER BY verification_id DESC LIMIT 1;
SELECT acct.install() IS NOT NULL AS installed;
SELECT check_name, passed FROM acct.verify_ledger('2015-02-01', '2015-02-01', 'MAIN', 'PRIMARY');
ROLLBACK;
-- So is the guard that a superuser dropped.
BEGIN;
ALTER EVENT TRIGGER ledger_guard DISABLE;
ALTER EVENT TRIGGER ledger_engine_unguarded DISABLE;
SET LOCAL ledger_engine.allow_drop = on;
SET LOCAL client_min_messages = warning;
DROP TABLE ledger_guard.protected CASCADE;
SELECT check_name, passed, expected, actual FROM acct.verify_ledger('2015-02-01', '2015-02-01', 'MAIN', 'PRIMARY') WHERE passed IS FALSE;
DROP SCHEMA ledger_guard CASCADE;
SELECT check_name, passed, expected, actual FROM acct.verify_ledger('2015-02-01', '2015-02-01', 'MAIN', 'PRIMARY') WHERE passed IS FALSE;
ROLLBACK;

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
\set VERBOSITY default
-- A value in a column that was added after the entries were sealed; a default that they show is none.
BEGIN;
SELECT acct.add_dimension('later', 'text', true) \gset
ALTER TABLE acct.ledger_entry_header ADD COLUMN given json DEFAULT '{"a": 5}';
SELECT check_name, passed, expected, actual FROM public.found();
ALTER TABLE acct.ledger_entry_header ADD COLUMN unit char(5) DEFAULT 'u', ADD COLUMN flag boolean DEFAULT false, ADD COLUMN host inet DEFAULT '10.0.0.1';
SELECT check_name, expected, actual FROM public.found() WHERE NOT passed;
-- Nor are what a table that was rewritten has in every row, and what the server computes.
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header ADD COLUMN twice numeric GENERATED ALWAYS AS (total_debit * 2) STORED;
SELECT attname, atthasmissing FROM pg_attribute WHERE attrelid = 'acct.ledger_entry_header_2015_02'::regclass AND attname IN ('given', 'twice') ORDER BY 1;
SELECT check_name, expected, actual FROM public.found() WHERE NOT passed;
-- Posting wants no defaults: without them these rows have what they had, and one that has another value is found.
ALTER TABLE acct.ledger_entry_header ALTER given DROP DEFAULT, ALTER unit DROP DEFAULT, ALTER flag DROP DEFAULT, ALTER host DROP DEFAULT;
SELECT check_name, expected, actual FROM public.found() WHERE NOT passed;
UPDATE acct.ledger_entry_header_2015_02 SET flag = true WHERE je_id = :far;
SELECT check_name, month, expected, actual FROM public.found() WHERE NOT passed;
ROLLBACK;
BEGIN;
SELECT acct.add_dimension('later', 'text', true) \gset
ALTER TABLE acct.ledger_entry_header ADD COLUMN given json DEFAULT '{"a": 5}';
UPDATE acct.ledger_entry_line_2015_02 SET later = 'x' WHERE je_id = :far;
UPDATE acct.ledger_entry_header_2015_02 SET given = '6' WHERE je_id = :far;
SELECT check_name, month, columns, expected, actual FROM public.found() WHERE NOT passed;
SELECT check_name FROM public.found('2015-03-01') WHERE NOT passed;
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

-- A null where none can be
BEGIN;
ALTER TABLE acct.ledger_entry_line ALTER fund DROP NOT NULL;
UPDATE acct.ledger_entry_line_2015_02 SET fund = NULL WHERE je_id = :first;
SELECT actual FROM acct.verify_ledger() WHERE check_name = 'entries';
ROLLBACK;
-- The same in rows of a run that nobody sealed
BEGIN;
ALTER TABLE acct.ledger_entry_line ALTER credit DROP NOT NULL;
UPDATE acct.ledger_entry_line_2015_02 SET run_id = 0, credit = NULL WHERE je_id = :first;
SELECT actual FROM acct.verify_ledger() WHERE check_name = 'entries';
ROLLBACK;
BEGIN;
ALTER TABLE acct.ledger_entry_header ALTER run_id DROP NOT NULL;
UPDATE acct.ledger_entry_header_2015_02 SET run_id = NULL WHERE je_id = :first;
SELECT actual FROM acct.verify_ledger() WHERE check_name = 'entries';
ROLLBACK;
SELECT acct._recomputed_sections(NULL, NULL, NULL, NULL, NULL);

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
-- Each of them leads to the roots, by SQL that the engine does not share, also where a journal goes on in the next block.
CREATE FUNCTION public.climb(leaf bytea, index bigint, size bigint, path jsonb) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    hash bytea := sha256('\x00' || leaf);
    node text;
    last bigint := size - 1;
BEGIN
    FOR node IN SELECT n FROM jsonb_array_elements_text(path) AS n LOOP
        IF index % 2 = 1 OR index = last THEN
            hash := sha256('\x01' || decode(node, 'base64') || hash);
            WHILE index % 2 = 0 AND index > 0 LOOP
                index := index / 2;
                last := last / 2;
            END LOOP;
        ELSE
            hash := sha256('\x01' || hash || decode(node, 'base64'));
        END IF;
        index := index / 2;
        last := last / 2;
    END LOOP;
    RETURN CASE last WHEN 0 THEN hash END;
END
$$;
CREATE FUNCTION public.leads_to_seal(p jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT encode(public.climb(decode(p ->> 'leaf', 'base64'), (p ->> 'leaf_index')::bigint, (p ->> 'leaf_count')::bigint, p -> 'leaf_path'), 'hex') = right(encode(decode(p ->> 'section', 'base64'), 'hex'), 64)
       AND position(encode(public.climb(decode(p ->> 'section', 'base64'), (p ->> 'section_index')::bigint, (p ->> 'section_count')::bigint, p -> 'section_path'), 'hex') IN p ->> 'seal') > 0
$$;
ALTER TABLE acct.ledger_entry_line ALTER COLUMN desk DROP DEFAULT;
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2015-03-20', 'IDR', 'Long') RETURNING journal_id AS long \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit)
SELECT :long, n, CASE WHEN n % 2 = 0 THEN '1000' ELSE '2000' END, 'F1', CASE WHEN n % 2 = 0 THEN n - 1 ELSE 0 END, CASE WHEN n % 2 = 1 THEN n ELSE 0 END FROM generate_series(1, 2100) AS n;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount)
SELECT n, '2015-03-01', '2015-03-21', 'A', 'P', 'C', repeat('p', 1000), n, n FROM generate_series(9001, 9009) AS n;
SELECT acct.submit_manual_journal(:long) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT je_id AS long_je FROM acct.approve_manual_journal(:long) \gset
RESET SESSION AUTHORIZATION;
SELECT public.posted('2015-03-01', 'long') AS long_run \gset
SELECT acct.ledger_checkpoint() IS NOT NULL AS made;
SELECT count(*) AS proofs, bool_and(public.leads_to_seal(p)) AS lead_to_seals, max((p ->> 'leaf_index')::integer) AS last_leaf, bool_and(length(p::text) < 10000) AS are_small
  FROM (SELECT acct.prove_journal(:long_je, n) FROM generate_series(2046, 2054) AS n UNION ALL SELECT acct.prove_journal(:long_je, n) FROM unnest('{1,2,2099,2100}'::integer[]) AS n
        UNION ALL SELECT acct.prove_journal(:long_je) UNION ALL SELECT acct.prove_journal(h.je_id) FROM acct.ledger_entry_header AS h WHERE h.run_id = :feb AND right(h.je_number, 9)::integer IN (1, 1024, 1025, 1100)
        UNION ALL SELECT acct.prove_journal(l.je_id, l.line_no) FROM acct.ledger_entry_line AS l WHERE l.run_id = :feb AND l.je_id IN (:first, :first + 1023, :first + 1024)) AS x (p);
-- A header is changed, and all seals that tell of it are made again: evidence, the seal, those after it, the log. Only a checkpoint that was kept shows it.
CREATE PROCEDURE public.seal_again(forged bigint, month date) LANGUAGE plpgsql AS $$
DECLARE
    s acct.ledger_seal;
    before text;
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ledger_seal', 'ledger_seal_evidence', 'ledger_log', 'ledger_checkpoint'] LOOP
        EXECUTE format('ALTER TABLE acct.%I DISABLE TRIGGER ALL', t);
    END LOOP;
    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT r.* FROM acct._recomputed_sections(acct._entry_leaves('ledger_entry_header', month), acct._entry_leaves('ledger_entry_line', month), month, NULL, NULL) AS r WHERE r.seal_id = forged;
    -- Sections of one block, of which nobody compares the checksums as long as its hash is right
    UPDATE acct.ledger_seal_evidence AS e
       SET data = substr(e.data, 1, 4) || (SELECT int4send(count(*)::integer) || string_agg(int4send(octet_length(m.data)) || m.data, '' ORDER BY m.kind, m.fund, m.account_code)
                          || string_agg(int8send(m.je_id) || int2send(1::smallint) || m.root || decode(repeat('00', 12 + 2 * m.row_count::integer), 'hex'), '' ORDER BY m.kind, m.fund, m.account_code)
                     FROM made AS m)
     WHERE e.seal_id = forged;
    UPDATE acct.ledger_seal AS x SET body = regexp_replace(x.body, 'header_root [0-9a-f]{64}', 'header_root ' || (SELECT encode(acct._merkle_root(array_agg(m.data)), 'hex') FROM made AS m WHERE m.kind = 1)) WHERE x.seal_id = forged;
    FOR s IN SELECT x.* FROM acct.ledger_seal AS x JOIN acct.ledger_seal AS f ON f.seal_id = forged AND (f.entity_code, f.basis) = (x.entity_code, x.basis) AND x.seal_number >= f.seal_number ORDER BY x.seal_number LOOP
        s.body := CASE WHEN before IS NULL THEN s.body ELSE regexp_replace(s.body, 'previous [0-9a-f]{64}', 'previous ' || before) END;
        s.seal_hash := sha256('\x00'::bytea || convert_to(s.body, 'UTF8'));
        before := encode(s.seal_hash, 'hex');
        UPDATE acct.ledger_seal AS x SET body = s.body, seal_hash = s.seal_hash WHERE x.seal_id = s.seal_id;
    END LOOP;
    UPDATE acct.ledger_log AS g SET leaf_hash = x.seal_hash FROM acct.ledger_seal AS x WHERE x.seal_id = g.seal_id;
    DELETE FROM acct.ledger_checkpoint;
END
$$;
CALL public.unguard('acct.ledger_entry_header_2015_03');
SELECT acct.ledger_checkpoint() AS kept \gset
BEGIN;
UPDATE acct.ledger_entry_header_2015_03 SET policy_no = 'forged' WHERE run_id = :long_run AND right(je_number, 1) = '5';
SELECT count(*) > 0 AS is_found FROM public.found('2015-03-01') WHERE check_name = 'headers';
SELECT s.seal_id AS forged FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = :long_run \gset
CALL public.seal_again(:forged, '2015-03-01');
SELECT basis, check_name, passed, actual FROM public.found() WHERE passed IS NOT NULL;
SELECT bool_and(v.passed) AS a_new_checkpoint_passes FROM acct.ledger_checkpoint() AS c, acct.verify_checkpoint(c) AS v;
SELECT v.check_name, v.passed FROM acct.verify_checkpoint(:'kept') AS v;
ROLLBACK;
-- The next checkpoint seals that months of the source were archived and restored, once.
SELECT acct.archive_partition('txn_source_parent', '2015-02-01') IS NOT NULL AS archived;
SELECT acct.ledger_checkpoint() = acct.ledger_checkpoint() AS same;
SELECT acct.restore_partition('txn_source_parent', '2015-02-01') AS restored;
SELECT acct.ledger_checkpoint() IS NOT NULL AS made;
SELECT s.kind, s.period_month, acct._seal_line(s.body, 'table') AS of_table, acct._seal_line(s.body, 'rows') AS rows, acct._seal_line(s.body, 'done_by') = session_user AS by_me
  FROM acct.ledger_seal AS s WHERE s.entity_code = '' AND s.kind IN ('archive', 'restore', 'drop') ORDER BY s.seal_number;
-- Long texts make a proof large.
\set VERBOSITY sqlstate
SELECT acct.prove_journal(je_id) FROM acct.ledger_entry_header WHERE run_id = :long_run ORDER BY je_number LIMIT 1;
:what
SELECT public.leads_to_seal(acct.prove_journal(je_id, max_bytes => NULL)) AS leads_to_seal, length(acct.prove_journal(je_id, max_bytes => 20000)::text) > 10240 AS is_large FROM acct.ledger_entry_header WHERE run_id = :long_run ORDER BY je_number LIMIT 1;
SELECT acct.prove_balance(s.snapshot_month, s.entity_code, s.basis, s.fund, s.account_code, s.currency, 100) FROM acct.account_balance_snapshot AS s WHERE s.snapshot_month = '2015-03-01' AND s.account_code = '1000';
\set VERBOSITY default
SELECT p ->> 'kind' AS kind FROM acct.prove_journal((SELECT min(je_id) FROM acct_archive.ledger_entry_header_2015_01)) AS p;
SELECT count(*) AS seals, bool_or(jsonb_array_length(p -> 'line_sections') > 0) AS have_sections FROM acct.prove_sections() AS p;
BEGIN;
ALTER TABLE acct.ledger_log DISABLE TRIGGER ALL;
DELETE FROM acct.ledger_log;
SELECT acct.prove_journal(:far);
ROLLBACK;
-- A seal whose columns are none
BEGIN;
ALTER TABLE acct.ledger_seal DISABLE TRIGGER ALL;
UPDATE acct.ledger_seal SET body = regexp_replace(body, 'line_columns [^\n]*', 'line_columns debit,credit') WHERE run_id = :feb;
SELECT acct.prove_journal(:far, 1);
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

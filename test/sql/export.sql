-- On one path: nothing here depends on it.
-- Export of archived months to files, their verification, tampering, and the drop that comes after
\set topic export
\i test/sql/setup.sql
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
-- Columns whose values are stored in a form that a file does not have: an array with a place for nulls, and a type of the site
CREATE TYPE public.colour AS ENUM ('red', 'green');
ALTER TABLE acct.txn_source_parent ADD COLUMN "odd, ""name""" text, ADD COLUMN shares integer[], ADD COLUMN colours public.colour[], ADD COLUMN during daterange, ADD COLUMN rate double precision;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2015-01-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, gross_amount, tabarru_amount, attributes, "odd, ""name""")
SELECT n, '2015-01-01', '2015-01-05', 'A', 'P', E'a "b", c\\.d''e', CASE WHEN n % 2 = 0 THEN '' WHEN n % 5 = 0 THEN E'a "b", c\n\\.d''e' END, n + 0.25, n + 0.25, '{"a": "x\ny\\z"}', E'\\N' FROM generate_series(1, 200) AS n;
UPDATE acct.txn_source_parent SET shares = '{1,NULL,3}', colours = '{green,red}', during = '[2015-01-01,2015-01-31]', rate = 0.1 * txn_id;
UPDATE acct.txn_source_parent SET shares[2] = 2;
-- A NaN that was computed has other bits than one that is read.
UPDATE acct.txn_source_parent SET rate = float8 'Infinity' - float8 'Infinity' WHERE txn_id = 7;
SELECT count(DISTINCT pg_column_size(shares)) AS forms, pg_column_size(min(shares)) > pg_column_size('{1,2,3}'::integer[]) AS has_place_for_nulls FROM acct.txn_source_parent;
CALL public.txn(1000, '2015-02-01', 'A');
SELECT public.posted('2015-01-01') AS jan, public.posted('2015-02-01') AS feb \gset
SELECT public.close_period(m::date, 'MAIN', 'PRIMARY') FROM generate_series(timestamp '2015-01-01', '2015-02-01', '1 month') AS m;
-- A directory of the server's with a name that must be quoted
SELECT rtrim(current_setting('data_directory'), '/') || E'/export of $(false) ''"`' AS dir \gset
-- What a shell does with the path of a file of it
CREATE PROCEDURE public.sh(command text, dir text, file text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT ''x'') TO PROGRAM %L', format('set -e; ' || command || '; cat >/dev/null', '''' || replace(concat_ws('/', dir, file), '''', '''\''''') || ''''));
END
$$;
CALL public.sh('rm -rf %1$s; mkdir %1$s', :'dir', NULL);

SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir'); :why
SELECT acct.archive_partition('ledger_entry', '2015-01-01'), acct.archive_partition('txn_source_parent', '2015-01-01');
-- Wrong arguments
SELECT acct.export_archive('ledger_entry', '2015-01-01', 'relative/path');
SELECT acct.export_archive('ledger_entry', '2015-01-01', E'/tmp/a\nb');
SELECT acct.export_archive('ledger_entry', '2015-01-01', NULL);
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', 'text');
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', NULL);
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', 'csv', 'rm -rf');
SELECT acct.export_archive('ledger_entry', NULL, :'dir');
SELECT acct.export_archive('ledger_entry_line', '2015-01-01', :'dir');
SELECT acct.export_archive('txn_source_parent', '2015-02-01', :'dir');
SELECT acct.verify_archive('{}');
SELECT acct.verify_archive(NULL);
SELECT acct._digest_lines('SELECT 1');
SELECT acct._digest_lines('SELECT 1::bigint, current_date, 1::smallint, ''a''::text, ''a''::text, NULL::text, ''a''::text, ''a''::text, ''a''::text, ''a''::text, 1.0, 2.0');
SELECT acct._file_digest('x', false);
SELECT acct._file_digest('/', false);
SELECT acct._file_digest('/' || repeat('x', 300), false);
SELECT acct._file_digest('/no such/file', false);
SELECT acct._record_export('{"archive_id": 0}');

-- Each format, with and without compression
CREATE FUNCTION public.shown(v jsonb) RETURNS TABLE (part text, what text, value text) LANGUAGE sql AS $$
    SELECT 'all', k, CASE WHEN k ~ '^(directory|archived_at|exported_at|exported_by|server|database|encoding|archive_id)$' THEN '...' ELSE x #>> '{}' END FROM jsonb_each(v - 'files') AS e (k, x)
    UNION ALL
    SELECT f ->> 'table', k, CASE WHEN k = 'columns' THEN (SELECT string_agg(c ->> 'name' || ' ' || (c ->> 'type'), ', ') FROM jsonb_array_elements(x) AS c)
                                  WHEN k ~ '^(bytes|sha256|digest|values)$' THEN '...' ELSE x #>> '{}' END
      FROM jsonb_array_elements(v -> 'files') AS f, jsonb_each(f) AS e (k, x)
$$;
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
SELECT * FROM public.shown(:'manifest') ORDER BY 1, 2;
SELECT exported_by = session_user AS by_me, exported_at IS NOT NULL AS exported, manifest = :'manifest' AS same, verified_at FROM acct.archived_partition WHERE table_name = 'ledger_entry';
SELECT count(*) FILTER (WHERE passed) AS passed, count(*) AS checks FROM acct.verify_archive(:'manifest');
SELECT check_name, expected = actual AS same FROM acct.verify_archive(:'manifest') ORDER BY 1;
SELECT verified_by = session_user AS by_me, verified_at >= exported_at AS verified FROM acct.archived_partition WHERE table_name = 'ledger_entry';
SELECT acct.export_archive('txn_source_parent', '2015-01-01', :'dir', 'binary', 'gzip') AS source_manifest \gset
SELECT * FROM public.shown(:'source_manifest') ORDER BY 1, 2;
SELECT bool_and(passed) AS passed, count(*) AS checks FROM acct.verify_archive(:'source_manifest');
SELECT acct.export_archive('txn_source_parent', '2015-01-01', :'dir', compression => 'gzip') AS source_manifest \gset
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'source_manifest');
-- Whatever the session's settings
BEGIN;
SET LOCAL quote_all_identifiers = on;
SET LOCAL array_nulls = off;
SET LOCAL xmloption = document;
SELECT check_name, expected, actual FROM acct.verify_archive(:'source_manifest') WHERE NOT passed;
SELECT acct.restore_partition('txn_source_parent', '2015-01-01') AS restored;
ROLLBACK;
-- A type that is gone by its name is a check that fails.
BEGIN;
ALTER TYPE public.colour RENAME TO color;
SELECT check_name, actual FROM acct.verify_archive(:'source_manifest') WHERE NOT passed;
ROLLBACK;
-- Of XML a line feed at its beginning is lost with each output; where the server has XML.
DO $$
BEGIN
    IF acct._digest_values('SELECT xml E''\n\n<a/>''', '{x}') IS DISTINCT FROM acct._digest_values('SELECT xml ''<a/>''', '{x}') THEN
        RAISE WARNING 'XML differs';
    END IF;
EXCEPTION WHEN feature_not_supported THEN NULL;
END
$$;
SELECT acct.export_archive('txn_source_parent', '2015-01-01', :'dir' || '/', 'binary') AS source_manifest \gset
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'source_manifest');
-- The file can be read by itself, and so can the manifest.
CREATE TABLE public.file (line text);
SELECT format('COPY public.file FROM %L (FORMAT csv, DELIMITER E''\x01'', QUOTE E''\x02'', ESCAPE E''\x02'')', :'dir' || '/ledger_entry_2015_01.manifest.json') AS copy \gset
:copy;
SELECT line::jsonb = :'manifest' AS same FROM public.file;
CREATE TABLE public.csv (LIKE acct_archive.ledger_entry_line_2015_01);
SELECT format('COPY public.csv FROM %L (FORMAT csv, HEADER MATCH)', :'dir' || '/ledger_entry_line_2015_01.csv') AS copy \gset
:copy;
SELECT count(*) AS missing FROM (SELECT * FROM acct_archive.ledger_entry_line_2015_01 EXCEPT ALL SELECT * FROM public.csv) AS x;
-- A manifest of many columns, by a new session
DO $$ BEGIN EXECUTE (SELECT string_agg(format('ALTER TABLE acct_archive.txn_source_2015_01 ADD COLUMN wide_%s text', n), ';') FROM generate_series(1, 61) AS n); END $$;
\c
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
SELECT acct.export_archive('txn_source_parent', '2015-01-01', :'dir') AS wide \gset
SELECT manifest = :'wide' AS same, jsonb_array_length(manifest #> '{files,0,columns}') AS columns FROM acct.archived_partition WHERE table_name = 'txn_source_parent';
SELECT step, partition, rows, detail = jsonb_build_object('directory', :'dir'::text) AS there FROM acct.run_log WHERE step IN ('export', 'verify') ORDER BY log_id LIMIT 2;

--
-- Tampering
--
CREATE FUNCTION public.failing(v jsonb) RETURNS TABLE (check_name text, actual text) LANGUAGE sql AS $$
    SELECT c.check_name, CASE WHEN c.check_name ~ 'bytes' AND c.actual ~ '^\d+$' THEN 'other' WHEN c.check_name ~ 'sha256' THEN regexp_replace(regexp_replace(c.actual, '^[0-9a-f]{64}$', 'another'), '/.*/', '...') ELSE regexp_replace(regexp_replace(c.actual, '/.*/', '...'), '[0-9a-f]{32}', 'DIGEST', 'g') END
      FROM acct.verify_archive(v) AS c WHERE NOT c.passed ORDER BY 1
$$;
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
SELECT verified_at FROM acct.archived_partition WHERE table_name = 'ledger_entry';
-- Sums, counts, digest, hash, another archive
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,1,debit}', '1'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,1,digest}', '"00000000000000000000000000000000"'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,0,rows}', '199'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,0,bytes}', '1'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,0,sha256}', '"x"'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{archive_id}', '0'));
SELECT * FROM public.failing(jsonb_set(:'manifest', '{month}', '"2015-02-01"'));
SELECT * FROM public.failing(:'manifest'::jsonb #- '{files,1}');
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,1,columns,0,name}', '"nothing"'));
-- A file that is what another manifest says, but not the month's
SELECT * FROM public.failing(jsonb_set(jsonb_set(:'manifest', '{files,1,file}', '"ledger_entry_header_2015_01.csv"'), '{files,1,sha256}', :'manifest'::jsonb #> '{files,0,sha256}'));
SELECT * FROM public.failing(jsonb_set(jsonb_set(:'manifest', '{files,1,file}', '"ledger_entry_2015_01.manifest.json"'), '{files,1,sha256}', to_jsonb((SELECT sha256 FROM acct._file_digest(:'dir' || '/ledger_entry_2015_01.manifest.json', false)))));
-- An export that fails halfway leaves the files of the one before, which was verified.
SELECT count(*) AS failing FROM public.failing(:'manifest');
CALL public.sh('mkdir %s', :'dir', 'ledger_entry_line_2015_01.csv.part');
DO $$ BEGIN PERFORM acct.export_archive('ledger_entry', '2015-01-01', (SELECT a.manifest ->> 'directory' FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry')); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLSTATE; END $$;
SELECT count(*) AS failing, (SELECT verified_at IS NOT NULL FROM acct.archived_partition WHERE table_name = 'ledger_entry') AS verified FROM public.failing(:'manifest');
CALL public.sh('rmdir %s', :'dir', 'ledger_entry_line_2015_01.csv.part');
-- A pipe has nobody who would read it.
CALL public.sh('mkfifo %s', :'dir', 'ledger_entry_line_2015_01.csv.part');
DO $$ BEGIN PERFORM acct.export_archive('ledger_entry', '2015-01-01', (SELECT a.manifest ->> 'directory' FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry')); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLSTATE; END $$;
SELECT count(*) AS failing, (SELECT verified_at IS NOT NULL FROM acct.archived_partition WHERE table_name = 'ledger_entry') AS verified FROM public.failing(:'manifest');
CALL public.sh('rm %s', :'dir', 'ledger_entry_line_2015_01.csv.part');
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
CALL public.sh('test -z "$(find %s -name "*.part")"', :'dir', NULL);
SELECT acct._put_in_place('x');
-- A byte
CALL public.sh('dd of=%s bs=1 count=1 seek=200 conv=notrunc 2>/dev/null', :'dir', 'ledger_entry_line_2015_01.csv');
SELECT * FROM public.failing(:'manifest');
-- A missing file; moved elsewhere it is found again
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
CALL public.sh('mv %1$s %1$s.moved; mkdir %1$s', :'dir', NULL);
SELECT * FROM public.failing(:'manifest');
SELECT verified_at FROM acct.archived_partition WHERE table_name = 'ledger_entry';
SELECT count(*) AS failing FROM public.failing(jsonb_set(:'manifest', '{directory}', to_jsonb(:'dir' || '.moved')));
SELECT verified_at IS NOT NULL AS verified FROM acct.archived_partition WHERE table_name = 'ledger_entry';
CALL public.sh('rmdir %1$s; mv %1$s.moved %1$s', :'dir', NULL);
-- A compressed file that is cut off
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', 'binary', 'gzip') AS manifest \gset
-- Files that a program wrote have the mode of those that the server wrote.
CALL public.sh('test -n "$(find %1$s -name "*.gz" -type f)"; test -n "$(find %1$s -name "*.csv" -type f)"; test -z "$(find %1$s -type f ! -perm 644)"', :'dir', NULL);
CALL public.sh('truncate -s 100 %s', :'dir', 'ledger_entry_header_2015_01.bin.gz');
SELECT * FROM public.failing(:'manifest');
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,0,sha256}', to_jsonb((SELECT sha256 FROM acct._file_digest(:'dir' || '/ledger_entry_header_2015_01.bin.gz', false))))) WHERE check_name !~ 'manifest';
-- Two totals exchanged, in a file whose hash and size are those of the manifest
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
CALL public.sh('sed -i "s/,1.2500,1.2500,/,X,/; s/,2.2500,2.2500,/,1.2500,1.2500,/; s/,X,/,2.2500,2.2500,/" %s', :'dir', 'ledger_entry_header_2015_01.csv');
SELECT * FROM public.failing(jsonb_set(:'manifest', '{files,0,sha256}', to_jsonb((SELECT sha256 FROM acct._file_digest(:'dir' || '/ledger_entry_header_2015_01.csv', false)))));
-- Changed in the archive, it is not exported.
ALTER TABLE acct_archive.ledger_entry_header_2015_01 DISABLE TRIGGER ledger_immutable;
BEGIN;
UPDATE acct_archive.ledger_entry_header_2015_01 SET total_debit = 0 WHERE txn_id = 1;
\set VERBOSITY terse
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir'); :why
ROLLBACK;
BEGIN;
UPDATE acct_archive.ledger_entry_header_2015_01 SET policy_no = 'other' WHERE txn_id = 1;
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir'); :why
\set VERBOSITY default
ROLLBACK;
ALTER TABLE acct_archive.ledger_entry_header_2015_01 ENABLE ALWAYS TRIGGER ledger_immutable;

--
-- Rights: the caller's own, and no way around the checks
--
CREATE ROLE regress_export_clerk;
DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON ROUTINE acct.%s TO regress_export_clerk', r.name), ';') FROM acct._role_rights() AS r WHERE r.role_name = 'acct_operator' AND r.kind = 'function' AND r.name !~ '^process_month'); END $$;
GRANT USAGE ON SCHEMA acct, acct_archive TO regress_export_clerk;
GRANT SELECT ON acct.archived_partition TO regress_export_clerk;
GRANT SELECT ON ALL TABLES IN SCHEMA acct_archive TO regress_export_clerk;
\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION regress_export_clerk;
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir');
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', compression => 'gzip');
\set VERBOSITY terse
SELECT acct.verify_archive(:'manifest');
SELECT acct._file_digest('/etc/passwd', false);
SELECT acct._put_in_place('/etc/passwd');
SELECT acct._record_export(:'manifest');
SELECT acct._record_verified(:'manifest');
RESET SESSION AUTHORIZATION;
GRANT pg_write_server_files, pg_read_server_files TO regress_export_clerk;
SET SESSION AUTHORIZATION regress_export_clerk;
\set VERBOSITY sqlstate
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir', compression => 'gzip');
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'manifest');
-- What runs as its caller did not become the owner's on the way.
SELECT current_user, session_user;
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT exported_by, verified_by FROM acct.archived_partition WHERE table_name = 'ledger_entry';

--
-- Dropping
--
UPDATE acct.retention_policy SET drop_after_months = 12, active_months = 12 WHERE table_name = 'ledger_entry';
UPDATE acct.archived_partition SET verified_at = NULL WHERE table_name = 'ledger_entry';
SELECT table_name, month, action, reason, rows FROM acct.apply_retention() WHERE table_name = 'ledger_entry' ORDER BY month;
SELECT table_name, month, action, reason, rows FROM acct.apply_retention() WHERE table_name = 'ledger_entry' ORDER BY month;
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'manifest');
-- Not while its files are others than those that were verified: an export was rolled back after they were in place, or a file is damaged.
BEGIN;
ALTER TABLE acct_archive.ledger_entry_header_2015_01 ADD COLUMN later text;
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') IS NOT NULL AS exported;
ROLLBACK;
SELECT verified_at IS NOT NULL AS verified FROM acct.archived_partition WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
SELECT table_name, month, action, regexp_replace(reason, '/.*/', '.../') AS reason, rows FROM acct.apply_retention(true) WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
SELECT table_name, month, action, regexp_replace(reason, '/.*/', '.../') AS reason, rows FROM acct.apply_retention() WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
-- Nor where it was exported again after it was found due
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
SELECT acct._drop_archived(a.archive_id) FROM acct.archived_partition AS a WHERE a.table_name = 'ledger_entry' AND a.month = '2015-01-01';
-- The record has the directory where it was verified.
CALL public.sh('mv %1$s %1$s.moved', :'dir', NULL);
SELECT bool_and(passed) AS passed FROM acct.verify_archive(jsonb_set(:'manifest', '{directory}', to_jsonb(:'dir' || '.moved')));
SELECT manifest ->> 'directory' = :'dir' || '.moved' AS moved FROM acct.archived_partition WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
CALL public.sh('echo >> %s', :'dir' || '.moved', 'ledger_entry_line_2015_01.csv');
SELECT action, regexp_replace(reason, '/.*/', '.../') AS reason FROM acct.apply_retention(true) WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
CALL public.sh('rm -r %1$s.moved; mkdir %1$s', :'dir', NULL);
SELECT acct.export_archive('ledger_entry', '2015-01-01', :'dir') AS manifest \gset
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'manifest');
-- What has the name of a file and is none is no reason to check nothing else.
CALL public.sh('mv %1$s/ledger_entry_line_2015_01.csv %1$s/kept; mkdir %1$s/ledger_entry_line_2015_01.csv', :'dir', NULL);
SELECT check_name, regexp_replace(actual, '"/.*/', '".../') AS actual FROM acct.verify_archive(:'manifest') WHERE NOT passed AND actual !~ '^not read';
CALL public.sh('rmdir %1$s/ledger_entry_line_2015_01.csv; mv %1$s/kept %1$s/ledger_entry_line_2015_01.csv', :'dir', NULL);
CREATE TABLE public.before AS SELECT m.m, t.* FROM unnest(ARRAY['2015-01-01', '2015-02-01', '2015-03-01']::date[]) AS m (m), acct.trial_balance(m.m) AS t;
-- As the operator, who may drop nothing else
SET SESSION AUTHORIZATION regress_export_clerk;
SELECT table_name, month, action, reason, rows FROM acct.apply_retention() WHERE table_name = 'ledger_entry' ORDER BY month;
SET ledger_engine.allow_drop = on;
RESET SESSION AUTHORIZATION;
SHOW ledger_engine.allow_drop;
SELECT dropped_by, dropped_at IS NOT NULL AS dropped FROM acct.archived_partition WHERE table_name = 'ledger_entry' AND month = '2015-01-01';
SELECT to_regclass('acct_archive.ledger_entry_line_2015_01') AS line, to_regclass('acct_archive.ledger_entry_line_2015_02') AS february, (SELECT count(*) FROM ledger_guard.protected AS p WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = p.relation)) AS stale;
-- Balances stay; the month is closed for good; its runs can be checked no more, its files can.
SELECT acct.update_balance_snapshot();
SELECT * FROM (SELECT m.m, t.* FROM unnest(ARRAY['2015-01-01', '2015-02-01', '2015-03-01']::date[]) AS m (m), acct.trial_balance(m.m) AS t EXCEPT SELECT * FROM public.before) AS x;
SELECT acct.restore_partition('ledger_entry', '2015-01-01');
SELECT acct.reopen_period('2015-01-01', 'MAIN', 'PRIMARY');
SELECT * FROM acct.rotate_ledger_partitions(0, '2015-01-01');
SELECT acct.run_digest(:jan);
SELECT acct.validate_run(:jan);
SELECT acct.check_balance_snapshot('2015-01-01');
SELECT count(*) AS different FROM acct.check_balance_snapshot();
SELECT bool_and(passed) AS passed FROM acct.verify_archive(:'manifest');
-- What the seal says that it was dropped with stays in the record, wherever the files are verified.
CALL public.sh('mv %1$s %1$s.moved', :'dir', NULL);
SELECT bool_and(passed) AS passed FROM acct.verify_archive(jsonb_set(:'manifest', '{directory}', to_jsonb(:'dir' || '.moved')));
CALL public.sh('mv %1$s.moved %1$s', :'dir', NULL);
SELECT DISTINCT a.verified_at > a.dropped_at AS verified, acct._seal_line(s.body, 'manifest_sha256') = encode(sha256(acct._utf8(a.manifest::text)), 'hex') AS as_sealed
  FROM acct.archived_partition AS a JOIN acct.ledger_seal AS s ON s.kind = 'drop' AND s.period_month = a.month AND s.entity_code <> ''
 WHERE a.table_name = 'ledger_entry' AND a.month = '2015-01-01';
\set VERBOSITY terse
DROP TABLE acct_archive.ledger_entry_line_2015_02;
CALL public.sh('rm -r %s', :'dir', NULL);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_export_clerk;

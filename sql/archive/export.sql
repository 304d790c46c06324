-- Export: archived months as files of the server, and the proof that the files have what the archive had.

CREATE FUNCTION acct.export_archive(table_name text, month date, directory text, format text DEFAULT 'csv',
    compression text DEFAULT 'none') RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_export_archive';
COMMENT ON FUNCTION acct.export_archive(text, date, text, text, text) IS
'Writes an archived month of txn_source_parent or ledger_entry to files in a directory of the server, with the caller''s rights, and records the manifest; format is csv or binary, compression none, gzip, zstd, xz or lz4. Raises 22023 (wrong argument), 42602 (the directory is not absolute), 55000 (the month is not archived), 55P03 (another session exports, restores or drops it), LE009 (its rows are not what was archived), 42501, and what COPY raises.';

CREATE FUNCTION acct.verify_archive(manifest jsonb)
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_verify_archive';
COMMENT ON FUNCTION acct.verify_archive(jsonb) IS
'Checks exported files against their manifest and the record of the archive, reading them with the caller''s rights: a row for each check, as acct.validate_run() has them; where all pass, acct.archived_partition records it, and acct.apply_retention() may drop the month. Raises 22023 (not a manifest), 42501.';

CREATE FUNCTION acct._compressor(p_compression text, OUT suffix text, OUT program text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT c.suffix, c.program INTO suffix, program
      FROM (VALUES ('none', '', NULL), ('gzip', '.gz', 'gzip'), ('zstd', '.zst', 'zstd -q'), ('xz', '.xz', 'xz'), ('lz4', '.lz4', 'lz4 -q'))
           AS c (name, suffix, program)
     WHERE c.name = p_compression;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown compression: %', coalesce(p_compression, 'NULL')
            USING ERRCODE = '22023', HINT = 'It is none, gzip, zstd, xz or lz4.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._compressor(text) IS 'The end of a compressed file''s name, and the program that compresses (NULL: none). Raises 22023 on an unknown one.';

CREATE FUNCTION acct._file_path(p_directory text, p_file text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_directory IS NULL OR p_directory !~ '^/' OR p_directory ~ '[[:cntrl:]]' THEN
        RAISE EXCEPTION 'not the absolute path of a directory: %', coalesce(quote_literal(p_directory), 'NULL') USING ERRCODE = '42602';
    END IF;
    RETURN rtrim(p_directory, '/') || '/' || p_file;
END
$$;
COMMENT ON FUNCTION acct._file_path(text, text) IS 'The path of a file in a directory. Raises 42602 unless the directory''s is absolute.';

CREATE FUNCTION acct._copy_place(p_path text, p_program text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Quoted for the shell, then for SQL.
    SELECT CASE WHEN p_program IS NULL THEN quote_literal(p_path)
                ELSE format('PROGRAM %L', p_program || ' ''' || replace(p_path, '''', '''' || chr(92) || '''''') || '''') END
$$;
COMMENT ON FUNCTION acct._copy_place(text, text) IS
'Where COPY reads or writes: a file, or a program whose last words redirect it to the file.';

CREATE FUNCTION acct._copy_options(p_format text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_format IS NULL OR p_format NOT IN ('csv', 'binary') THEN
        RAISE EXCEPTION 'unknown format: %', coalesce(p_format, 'NULL') USING ERRCODE = '22023', HINT = 'It is csv or binary.';
    END IF;
    RETURN format('WITH (FORMAT %s, ENCODING %L%s)', p_format, getdatabaseencoding(), CASE p_format WHEN 'csv' THEN ', HEADER true' END);
END
$$;
COMMENT ON FUNCTION acct._copy_options(text) IS 'How COPY writes and reads an export. Raises 22023 on an unknown format.';

CREATE FUNCTION acct._export_table(p_archive_id bigint, p_name text, p_directory text, p_format text, p_compression text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601' SET timezone = 'UTC'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' SET quote_all_identifiers = off SET client_encoding = 'SQL_ASCII' AS $$
DECLARE
    compressor CONSTANT record := acct._compressor(p_compression);
    file CONSTANT text := p_name || CASE p_format WHEN 'csv' THEN '.csv' ELSE '.bin' END || compressor.suffix;
    path CONSTANT text := acct._file_path(p_directory, file);
    options CONSTANT text := acct._copy_options(p_format);
    columns jsonb;
    figures jsonb;
    copied bigint;
    written record;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum) INTO columns
      FROM pg_attribute AS a
     WHERE a.attrelid = format('acct_archive.%I', p_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    figures := acct._require_unchanged(p_archive_id, p_name);
    -- COPY would wait for ever where something else than a file has the name, such as a pipe.
    PERFORM acct._file_digest(path || '.part', false);
    EXECUTE format('COPY (SELECT %s FROM acct_archive.%I) TO %s %s',
                   (SELECT string_agg(quote_ident(c ->> 'name'), ', ' ORDER BY n) FROM jsonb_array_elements(columns) WITH ORDINALITY AS x (c, n)),
                   p_name, acct._copy_place(path || '.part', 'umask 022; ' || compressor.program || ' -c >'), options);
    GET DIAGNOSTICS copied = ROW_COUNT;
    SELECT d.* INTO written FROM acct._file_digest(path || '.part', true) AS d;
    IF copied <> (figures ->> 'rows')::bigint OR written.bytes IS NULL THEN
        RAISE EXCEPTION 'table % was not written as it was archived', p_name
            USING ERRCODE = 'LE009', DETAIL = format('Archived: %s; written: %s rows, %s bytes.', figures, copied, coalesce(written.bytes, 0)),
                  HINT = 'Rows were changed in schema acct_archive, which no function does. Restore it from a backup.';
    END IF;
    RETURN jsonb_build_object('table', p_name, 'file', file, 'columns', columns, 'bytes', written.bytes, 'sha256', written.sha256) || figures;
END
$$;
COMMENT ON FUNCTION acct._export_table(bigint, text, text, text, text) IS
'Writes an archived table to a file, whose name ends in .part until acct._put_in_place(), and returns its part of the manifest. Raises LE009 where the table is not what was archived.';

CREATE FUNCTION acct._export_files(p_table text, p_month date, p_directory text, p_format text, p_compression text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_encoding = 'SQL_ASCII' AS $$
DECLARE
    archived record;
    manifest jsonb;
    path text;
BEGIN
    PERFORM acct._copy_options(p_format), acct._compressor(p_compression), acct._file_path(p_directory, '');
    SELECT a.* INTO archived FROM acct.archived_partition AS a
     WHERE a.table_name = p_table AND a.month = p_month AND a.restored_at IS NULL AND a.dropped_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no archived month % of %', coalesce(acct._month_name(p_month), 'NULL'), coalesce(p_table, 'NULL')
            USING ERRCODE = '55000', HINT = 'See acct.archived_partition.';
    END IF;
    manifest := jsonb_build_object(
        'manifest', 'ledger_engine archive', 'version', 1, 'archive_id', archived.archive_id, 'table_name', p_table, 'month', p_month,
        'database', current_database(), 'encoding', getdatabaseencoding(), 'server', current_setting('server_version_num')::integer,
        'archived_at', archived.archived_at, 'exported_at', clock_timestamp(), 'exported_by', session_user,
        'directory', p_directory, 'format', p_format, 'compression', p_compression,
        'files', (SELECT jsonb_agg(acct._export_table(archived.archive_id, n, p_directory, p_format, p_compression) ORDER BY o)
                    FROM unnest(archived.partitions) WITH ORDINALITY AS x (n, o)));
    -- As it is: CSV with a quote that JSON has not.
    path := acct._file_path(p_directory, regexp_replace(p_table, '_parent$', '') || to_char(p_month, '_YYYY_MM') || '.manifest.json');
    PERFORM acct._file_digest(path || '.part', false);
    EXECUTE format('COPY (SELECT %1$L::jsonb) TO %2$L WITH (FORMAT csv, DELIMITER %3$L, QUOTE %4$L, ESCAPE %4$L, ENCODING %5$L)',
                   manifest, path || '.part', chr(1), chr(2), getdatabaseencoding());
    -- Files of an earlier export stay whole until all of these are.
    PERFORM acct._put_in_place(acct._file_path(p_directory, f ->> 'file')) FROM jsonb_array_elements(manifest -> 'files') AS f;
    PERFORM acct._put_in_place(path);
    RETURN manifest;
END
$$;
COMMENT ON FUNCTION acct._export_files(text, date, text, text, text) IS
'The part of acct.export_archive() that runs as its caller: writes the files and the manifest, and returns it. By itself it records nothing.';

CREATE FUNCTION acct._hold_export(p_table text, p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._hold_archived(a.archive_id) FROM acct.archived_partition AS a
      WHERE a.table_name = p_table AND a.month = p_month AND a.restored_at IS NULL AND a.dropped_at IS NULL;
END
$$;
COMMENT ON FUNCTION acct._hold_export(text, date) IS
'Keeps a month for acct.export_archive(), which calls it as its owner, until the export is recorded: two at once would write the same files. Raises 55P03 where another session has it.';

CREATE FUNCTION acct._record_export(p_manifest jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    UPDATE acct.archived_partition AS a
       SET manifest = p_manifest, exported_by = session_user, exported_at = (p_manifest ->> 'exported_at')::timestamptz,
           verified_by = NULL, verified_at = NULL
     WHERE a.archive_id = (p_manifest ->> 'archive_id')::bigint AND a.restored_at IS NULL AND a.dropped_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the month was restored or dropped meanwhile' USING ERRCODE = '55000';
    END IF;
    INSERT INTO acct.run_log (step, partition, rows, detail)
    SELECT 'export', array_to_string(a.partitions, ', '), a.rows, jsonb_build_object('directory', p_manifest -> 'directory')
      FROM acct.archived_partition AS a WHERE a.archive_id = (p_manifest ->> 'archive_id')::bigint;
END
$$;
COMMENT ON FUNCTION acct._record_export(jsonb) IS
'Records an export; acct.export_archive() calls it as its owner, and nobody else may: what is recorded lets a month be dropped.';

CREATE FUNCTION acct._record_verified(p_manifest jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    -- With the directory where the files are now, unless the manifest is what a seal says that the month was dropped or restored with.
    UPDATE acct.archived_partition AS a
       SET verified_by = session_user, verified_at = clock_timestamp(),
           manifest = CASE WHEN a.dropped_at IS NULL AND a.restored_at IS NULL THEN p_manifest ELSE a.manifest END
     WHERE a.archive_id = (p_manifest ->> 'archive_id')::bigint AND a.manifest - 'directory' = p_manifest - 'directory';
    IF FOUND THEN
        INSERT INTO acct.run_log (step, partition, rows, detail)
        SELECT 'verify', array_to_string(a.partitions, ', '), a.rows, jsonb_build_object('directory', p_manifest -> 'directory')
          FROM acct.archived_partition AS a WHERE a.archive_id = (p_manifest ->> 'archive_id')::bigint;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._record_verified(jsonb) IS
'Records that an export passed all checks; acct.verify_archive() calls it as its owner, and nobody else may.';

CREATE FUNCTION acct._read_back(p_archive_id bigint, p_file jsonb, p_path text, p_format text, p_program text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601' SET timezone = 'UTC'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' SET array_nulls = on SET xmloption = 'content'
    SET client_encoding = 'SQL_ASCII' SET client_min_messages = warning AS $$
DECLARE
    name CONSTANT text := p_file ->> 'table';
    archived CONSTANT jsonb := acct._archived_columns(p_archive_id, name);
    -- Of a month that was dropped, the table that it was part of has the types that were not recorded.
    relation CONSTANT regclass := coalesce(to_regclass(format('acct_archive.%I', name)),
                                           (CASE WHEN name ~ '^txn_source' THEN 'acct.txn_source_parent'
                                                 ELSE 'acct.' || regexp_replace(name, '_[0-9]+_[0-9][0-9]$', '') END)::regclass);
    types CONSTANT jsonb := acct._column_types(relation, false) || coalesce(archived, '{}'::jsonb);
    names CONSTANT text[] := ARRAY(SELECT c ->> 'name' FROM jsonb_array_elements(p_file -> 'columns') WITH ORDINALITY AS x (c, n) ORDER BY n);
    missing CONSTANT text := (SELECT min(n) FROM (SELECT unnest(names) EXCEPT SELECT jsonb_object_keys(types)) AS x (n));
    figures jsonb;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no column %', relation, missing USING ERRCODE = '42703';
    END IF;
    DROP TABLE IF EXISTS pg_temp.ledger_engine_read_back;
    EXECUTE format('CREATE TEMPORARY TABLE ledger_engine_read_back (%s) ON COMMIT DROP',
                   (SELECT string_agg(format('%I %s', n, types ->> n), ', ' ORDER BY o) FROM unnest(names) WITH ORDINALITY AS x (n, o)));
    EXECUTE format('COPY pg_temp.ledger_engine_read_back (%s) FROM %s %s',
                   (SELECT string_agg(quote_ident(n), ', ' ORDER BY o) FROM unnest(names) WITH ORDINALITY AS x (n, o)),
                   acct._copy_place(p_path, p_program || ' -dc <'), acct._copy_options(p_format));
    figures := acct._part_figures(name, 'pg_temp.ledger_engine_read_back', archived);
    DROP TABLE pg_temp.ledger_engine_read_back;
    RETURN figures;
END
$$;
COMMENT ON FUNCTION acct._read_back(bigint, jsonb, text, text, text) IS
'Reads an exported file into a temporary table and returns what acct._part_figures() says of it.';

CREATE FUNCTION acct._verify_file(p_manifest jsonb, p_file jsonb) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name CONSTANT text := p_file ->> 'table';
    path CONSTANT text := acct._file_path(p_manifest ->> 'directory', p_file ->> 'file');
    -- The archive's own record, not what the manifest claims, is what is expected.
    figures CONSTANT jsonb := acct._archive_figures((p_manifest ->> 'archive_id')::bigint, name);
    actual_bytes bigint;
    actual_sha256 text;
    lacking text := 'no file ' || path;
    read_back jsonb;
    problem text;
BEGIN
    BEGIN
        SELECT d.bytes, d.sha256 INTO actual_bytes, actual_sha256 FROM acct._file_digest(path, false) AS d;
    EXCEPTION WHEN wrong_object_type THEN
        -- A directory, say, which has its name
        lacking := SQLERRM;
    END;
    RETURN QUERY VALUES ('bytes:' || name, p_file ->> 'bytes', coalesce(actual_bytes::text, lacking)),
                        ('sha256:' || name, p_file ->> 'sha256', coalesce(actual_sha256, lacking));
    IF actual_sha256 IS DISTINCT FROM p_file ->> 'sha256' THEN
        problem := 'not read: it is another file';
    ELSE
        BEGIN
            read_back := acct._read_back((p_manifest ->> 'archive_id')::bigint, p_file, path, p_manifest ->> 'format',
                                         (SELECT c.program FROM acct._compressor(p_manifest ->> 'compression') AS c));
        EXCEPTION WHEN data_exception OR external_routine_exception OR integrity_constraint_violation OR undefined_column OR undefined_object
                       OR invalid_schema_name THEN
            problem := SQLERRM;
        END;
    END IF;
    RETURN QUERY
    SELECT f.key || ':' || name, f.value, coalesce(problem, read_back ->> f.key)
      FROM jsonb_each_text(figures) AS f ORDER BY f.key;
    RETURN QUERY
    SELECT 'manifest:' || name, figures::text, (p_file - ARRAY['table', 'file', 'columns', 'bytes', 'sha256'])::text;
END
$$;
COMMENT ON FUNCTION acct._verify_file(jsonb, jsonb) IS
'The checks of an exported file: size, SHA-256, what it has when it is read back, and what the manifest says of it.';

CREATE FUNCTION acct._verify_files(p_manifest jsonb)
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    archived record;
    file jsonb;
BEGIN
    IF p_manifest ->> 'manifest' IS DISTINCT FROM 'ledger_engine archive' OR jsonb_typeof(p_manifest -> 'archive_id') IS DISTINCT FROM 'number'
       OR jsonb_typeof(p_manifest -> 'files') IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'not a manifest of an archive' USING ERRCODE = '22023', HINT = 'It is what acct.export_archive() returned.';
    END IF;
    SELECT a.* INTO archived FROM acct.archived_partition AS a WHERE a.archive_id = (p_manifest ->> 'archive_id')::bigint;
    check_name := 'archive';
    expected := format('%s %s', p_manifest ->> 'table_name', p_manifest ->> 'month');
    actual := coalesce(archived.table_name || to_char(archived.month, ' YYYY-MM-DD'), 'none');
    passed := expected = actual;
    RETURN NEXT;
    check_name := 'manifest';
    expected := 'as exported';
    actual := CASE WHEN archived.manifest IS NULL THEN 'none recorded'
                   WHEN archived.manifest - 'directory' = p_manifest - 'directory' THEN expected ELSE 'another one' END;
    passed := expected = actual;
    RETURN NEXT;
    check_name := 'files';
    expected := archived.partitions::text;
    actual := ARRAY(SELECT f ->> 'table' FROM jsonb_array_elements(p_manifest -> 'files') WITH ORDINALITY AS x (f, n) ORDER BY n)::text;
    passed := expected IS NOT DISTINCT FROM actual;
    RETURN NEXT;
    IF passed THEN
        FOR file IN SELECT f FROM jsonb_array_elements(p_manifest -> 'files') AS f LOOP
            FOR check_name, expected, actual IN SELECT v.* FROM acct._verify_file(p_manifest, file) AS v LOOP
                passed := expected IS NOT DISTINCT FROM actual;
                RETURN NEXT;
            END LOOP;
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._verify_files(jsonb) IS
'The part of acct.verify_archive() that runs as its caller: does the checks. By itself it records nothing.';

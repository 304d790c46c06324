-- Seals: what commits to entries and events, one after the other in each book. Their form is docs/proof-format.md.

CREATE FUNCTION acct._layout_seals() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.ledger_seal (
        seal_id bigint GENERATED ALWAYS AS IDENTITY,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        seal_number bigint NOT NULL,
        kind text COLLATE "C" NOT NULL,
        run_id bigint,
        period_month date,
        body text COLLATE "C" NOT NULL,
        seal_hash bytea NOT NULL,
        sealed_at timestamptz NOT NULL,
        CONSTRAINT ledger_seal_pkey PRIMARY KEY (seal_id),
        CONSTRAINT ledger_seal_number_key UNIQUE (entity_code, basis, seal_number),
        CONSTRAINT chk_seal_number CHECK (seal_number > 0),
        CONSTRAINT chk_seal_hash CHECK (octet_length(seal_hash) = 32)
    );
    CREATE UNIQUE INDEX IF NOT EXISTS ledger_seal_run_idx ON acct.ledger_seal (run_id, entity_code, basis) WHERE kind = 'run';
    CREATE UNIQUE INDEX IF NOT EXISTS ledger_seal_month_idx ON acct.ledger_seal (period_month, entity_code, basis) WHERE kind = 'month';

    CREATE TABLE IF NOT EXISTS acct.ledger_seal_evidence (
        seal_id bigint NOT NULL,
        part_no integer NOT NULL,
        data bytea NOT NULL,
        CONSTRAINT ledger_seal_evidence_pkey PRIMARY KEY (seal_id, part_no),
        CONSTRAINT ledger_seal_evidence_seal_fkey FOREIGN KEY (seal_id) REFERENCES acct.ledger_seal
    );
    -- Hashes cannot be compressed.
    ALTER TABLE acct.ledger_seal_evidence ALTER COLUMN data SET STORAGE EXTERNAL;

    PERFORM acct._make_immutable('acct.ledger_seal', 'ledger_seal_immutable');
    PERFORM acct._make_immutable('acct.ledger_seal_evidence', 'ledger_seal_evidence_immutable');
END
$layout$;
COMMENT ON FUNCTION acct._layout_seals() IS 'The part of install() that creates the tables of seals.';

CREATE FUNCTION acct._comment_seals() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.ledger_seal IS 'Seals: texts that commit to what was posted to a book (entity, basis) and to what happened to it, each with the hash of the one before. Written by posting and other functions of the engine, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_seal.seal_id IS 'Identifier of the seal; it has gaps.';
    COMMENT ON COLUMN acct.ledger_seal.entity_code IS 'Legal entity; empty in the chain of policy.';
    COMMENT ON COLUMN acct.ledger_seal.basis IS 'Accounting basis; empty in the chain of policy.';
    COMMENT ON COLUMN acct.ledger_seal.seal_number IS 'Place in the chain of the book, from 1, without gaps.';
    COMMENT ON COLUMN acct.ledger_seal.kind IS 'Kind of the seal: run, month (what was posted before there were seals), or an event.';
    COMMENT ON COLUMN acct.ledger_seal.run_id IS 'Run that it is about; NULL: none.';
    COMMENT ON COLUMN acct.ledger_seal.period_month IS 'Month that it is about, as its first day; NULL: none, or a run''s months.';
    COMMENT ON COLUMN acct.ledger_seal.body IS 'The seal itself: lines of a name and a value. The other columns repeat or hash what it says.';
    COMMENT ON COLUMN acct.ledger_seal.seal_hash IS 'SHA-256 of the seal, as the leaf of a tree.';
    COMMENT ON COLUMN acct.ledger_seal.sealed_at IS 'When the seal was made, by the clock.';
    COMMENT ON TRIGGER ledger_seal_immutable ON acct.ledger_seal IS 'Seals refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.ledger_seal_evidence IS 'Hashes and checksums of blocks of rows, which help to find where the ledger differs from a seal. They prove nothing by themselves; never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_seal_evidence.seal_id IS 'Seal.';
    COMMENT ON COLUMN acct.ledger_seal_evidence.part_no IS 'Number of the part, from 1.';
    COMMENT ON COLUMN acct.ledger_seal_evidence.data IS 'The part: at most 256 kB.';
    COMMENT ON TRIGGER ledger_seal_evidence_immutable ON acct.ledger_seal_evidence IS 'Evidence refuses UPDATE, DELETE and TRUNCATE (LE007).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_seals() IS 'The part of install() that describes the objects of seals.sql.';

CREATE FUNCTION acct._seal_value(p_value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The caller may have standard_conforming_strings off.
    SELECT CASE WHEN p_value IS NULL THEN '-' WHEN p_value = '-' THEN E'\\-'
                ELSE replace(replace(replace(p_value, E'\\', E'\\\\'), E'\n', E'\\n'), E'\r', E'\\r') END
$$;
COMMENT ON FUNCTION acct._seal_value(text) IS 'A value as seals write it: on one line, - for NULL.';

CREATE FUNCTION acct._seal_time(p_time timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION acct._seal_time(timestamptz) IS 'A time as seals write it: UTC, with microseconds.';

CREATE FUNCTION acct._append_seal(p_entity text, p_basis text, p_kind text, p_names text[], p_values text[],
                                  p_run_id bigint DEFAULT NULL, p_month date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    last record;
    text text;
    id bigint;
    before text[] := ARRAY[]::text[]; -- what the first seal says of what was before
BEGIN
    -- The caller holds the lock of the book: nobody else adds to its chain.
    SELECT s.seal_number, s.seal_hash INTO last
      FROM acct.ledger_seal AS s WHERE (s.entity_code, s.basis) = (p_entity, p_basis) ORDER BY s.seal_number DESC LIMIT 1;
    IF last IS NULL AND NOT EXISTS (SELECT FROM acct.ledger_seal) THEN
        SELECT ARRAY[acct._number_ranges(range_agg(int8range(r.run_id, r.run_id, '[]')))] INTO before
          FROM acct.journal_run AS r WHERE acct._is_posted(r.status) AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = r.run_id);
    END IF;
    SELECT string_agg(format(E'%s %s\n', x.name, acct._seal_value(x.value)), '' ORDER BY x.n) INTO text
      FROM unnest(ARRAY['ledger_engine_seal', 'entity', 'basis', 'number', 'previous', 'kind', 'extension', 'sealed_at', 'sealed_by']
                  || CASE WHEN before = '{}' THEN '{}'::text[] ELSE '{unsealed_runs}' END || p_names,
                  ARRAY['1', p_entity, p_basis, (coalesce(last.seal_number, 0) + 1)::text,
                        coalesce(encode(last.seal_hash, 'hex'), repeat('0', 64)), p_kind,
                        (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ledger_engine'), acct._seal_time(at), session_user] || before || p_values)
           WITH ORDINALITY AS x (name, value, n);
    INSERT INTO acct.ledger_seal (entity_code, basis, seal_number, kind, run_id, period_month, body, seal_hash, sealed_at)
    VALUES (p_entity, p_basis, coalesce(last.seal_number, 0) + 1, p_kind, p_run_id, p_month, text,
            sha256(decode('00', 'hex') || acct._utf8(text)), at)
    RETURNING seal_id INTO id;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._append_seal(text, text, text, text[], text[], bigint, date) IS
'Adds a seal to the chain of a book, whose lock (_lock_books) the caller holds: the common lines, then names and values of the kind''s own. Returns its seal_id.';

CREATE FUNCTION acct._seal_entries(p_kind text, p_run_id bigint, p_month date, p_entity text, p_basis text, p_headers bigint, p_lines bigint, p_sums text[],
                                   p_header_columns text, p_line_columns text, p_header_root bytea, p_line_root bytea,
                                   p_exceptions bigint, p_exception_root bytea) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    posted_by text;
BEGIN
    IF p_run_id IS NOT NULL THEN
        SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
        posted_by := session_user;
    END IF;
    RETURN acct._append_seal(p_entity, p_basis, p_kind,
        ARRAY['run', 'run_kind', 'run_key', 'txn_month', 'posted_at', 'posted_by', 'month', 'headers', 'lines']
        || array_fill('sum'::text, ARRAY[cardinality(p_sums)])
        || ARRAY['header_columns', 'line_columns', 'header_root', 'line_root', 'digest', 'source_digest', 'policy_digest', 'exceptions', 'exception_root'],
        ARRAY[p_run_id::text, run.kind, run.run_key, to_char(run.txn_month, 'YYYY-MM-DD'), acct._seal_time(run.posted_at), posted_by,
              to_char(p_month, 'YYYY-MM-DD'), p_headers::text, p_lines::text]
        || p_sums
        || ARRAY[p_header_columns, p_line_columns, encode(p_header_root, 'hex'), encode(p_line_root, 'hex'),
                 run.digest, run.source_digest, run.policy_digest, p_exceptions::text, encode(p_exception_root, 'hex')],
        p_run_id, p_month);
END
$$;
COMMENT ON FUNCTION acct._seal_entries(text, bigint, date, text, text, bigint, bigint, text[], text, text, bytea, bytea, bigint, bytea) IS
'Adds the seal of a run, or of a month, to the chain of a book, with what its rows came to. Returns its seal_id.';

CREATE FUNCTION acct._evidence_sections(p_seal_id bigint)
RETURNS TABLE (section_no integer, kind smallint, month date, fund text, account_code text, currency text,
               row_count bigint, debit numeric, credit numeric, root bytea, data bytea)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_evidence_sections';
COMMENT ON FUNCTION acct._evidence_sections(bigint) IS
'The sections that a seal is over, in the order of its trees (headers first), as its evidence has them; none where that is missing or damaged.';

CREATE FUNCTION acct._exception_books(p_run_id bigint) RETURNS TABLE (entity_code text, basis text, exception_basis text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT x.entity, CASE x.entity WHEN '' THEN '' ELSE x.basis END, x.basis
      FROM (SELECT f.basis, acct._entity_of_transaction(f.txn_id, f.txn_month) AS entity
              FROM (SELECT DISTINCT ON (e.basis) e.basis, e.txn_id, e.txn_month FROM acct.je_exception AS e
                     WHERE e.run_id = p_run_id AND NOT EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id AND t.basis = e.basis)
                     ORDER BY e.basis, e.txn_id, e.txn_month) AS f) AS x;
END
$$;
COMMENT ON FUNCTION acct._exception_books(bigint) IS
'The books in which a run''s exceptions are sealed where it has no journals in their basis: that of the first of them, or the ledger''s own chain where its entity is not registered.';

CREATE FUNCTION acct._seal_exceptions(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    book record;
    found record;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    FOR book IN SELECT b.* FROM acct._exception_books(p_run_id) AS b ORDER BY b.entity_code COLLATE "C", b.exception_basis COLLATE "C" LOOP
        -- The caller has locked the others.
        IF book.entity_code = '' THEN
            PERFORM acct._lock_log();
        END IF;
        SELECT x.* INTO found FROM acct._exception_root(p_run_id, book.exception_basis) AS x;
        PERFORM acct._append_seal(book.entity_code, book.basis, 'exceptions',
            '{run,run_kind,run_key,txn_month,posted_at,posted_by,source_digest,policy_digest,exception_basis,exceptions,exception_root}',
            ARRAY[p_run_id::text, run.kind, run.run_key, to_char(run.txn_month, 'YYYY-MM-DD'), acct._seal_time(run.posted_at), session_user, run.source_digest, run.policy_digest,
                  book.exception_basis, found.exceptions::text, encode(found.root, 'hex')],
            p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._seal_exceptions(bigint) IS
'Seals the exceptions of a run that is posted in each basis in which it has no journals, and so no other seal. The caller has locked the books (_exception_books).';

CREATE FUNCTION acct._evidence_blocks(p_seal_id bigint, p_section_no integer)
RETURNS TABLE (block_no bigint, first_je_id bigint, first_line_no smallint, hash bytea)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_evidence_blocks';
COMMENT ON FUNCTION acct._evidence_blocks(bigint, integer) IS
'The blocks of 1,024 rows of a section, as the evidence of its seal has them: number from 0, first row, hash of the subtree. None where the evidence is missing or damaged.';

-- Proofs that a journal, or what a seal is over, is in a ledger of which somebody kept a checkpoint. docs/proof-format.md has their form.

CREATE FUNCTION acct._base64(p_data bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT replace(encode(p_data, 'base64'), E'\n', '')
$$;
COMMENT ON FUNCTION acct._base64(bytea) IS 'Bytes as proofs write them: base64 on one line.';

CREATE FUNCTION acct._leaf_hash(p_data bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(decode('00', 'hex') || p_data)
$$;
COMMENT ON FUNCTION acct._leaf_hash(bytea) IS 'The hash of a leaf with these data.';

CREATE FUNCTION acct._logged_seal(p_seal_id bigint, p_size bigint, p_checkpoint text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    seal record;
    leaf bigint;
BEGIN
    SELECT s.* INTO seal FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id;
    SELECT g.leaf_no INTO leaf FROM acct.ledger_log AS g WHERE g.seal_id = p_seal_id AND g.leaf_no < p_size;
    IF leaf IS NULL THEN
        RAISE EXCEPTION 'no checkpoint has seal % of % %', seal.seal_number, seal.entity_code, seal.basis
            USING ERRCODE = '55000', HINT = 'SELECT acct.ledger_checkpoint() makes one.';
    END IF;
    RETURN jsonb_build_object('ledger_engine_proof', 1, 'seal', seal.body) || acct._log_proof(leaf, p_size, p_checkpoint);
END
$$;
COMMENT ON FUNCTION acct._logged_seal(bigint, bigint, text) IS 'The part of a proof that has a seal and its place in the log. Raises 55000 where the newest checkpoint does not have it.';

CREATE FUNCTION acct._header_of(p_je_id bigint, OUT run_id bigint, OUT entity_code text, OUT basis text, OUT month date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t record;
BEGIN
    -- The ledger first: the archive has the rest. A month that is elsewhere comes last.
    FOR t IN SELECT 'acct.ledger_entry_header'::regclass AS relation, NULL::text AS name
             UNION ALL
             (SELECT acct._entry_table('ledger_entry_header', a.month), acct._partition_name('ledger_entry_header', a.month) FROM acct.archived_partition AS a
               WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NULL ORDER BY 1 NULLS LAST, 2) LOOP
        PERFORM acct._raise_elsewhere(t.name) WHERE t.relation IS NULL;
        EXECUTE format('SELECT h.run_id, h.entity_code, h.basis, date_trunc(''month'', h.je_date::timestamp)::date FROM %s AS h WHERE h.je_id = $1 LIMIT 1', t.relation)
           INTO run_id, entity_code, basis, month USING p_je_id;
        IF run_id IS NOT NULL THEN
            RETURN;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'there is no journal %', coalesce(p_je_id::text, 'NULL') USING ERRCODE = '22023';
END
$$;
COMMENT ON FUNCTION acct._header_of(bigint) IS 'The run, book and month of a posted journal, in the ledger or in the archive. Raises 22023 where there is none, LE010 where a table of the archive is elsewhere.';

CREATE FUNCTION acct._leaves_of(p_kind integer, p_query text, p_columns text, p_je_id bigint, p_line_no integer,
                                OUT leaf_hashes bytea[], OUT leaf bytea, OUT leaf_index bigint, OUT row_index bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format($q$
        WITH sealed AS (
            SELECT row_number() OVER (ORDER BY %s) - 1 AS n, x.je_id = $2%s AS is_wanted, acct._sealed_row(x, $1, %s) AS data FROM (%s) AS x),
        leaf AS (
            SELECT s.n / %s AS leaf_no, min(s.n %% %s) FILTER (WHERE s.is_wanted) AS wanted,
                   decode(%L, 'hex') || int2send(count(*)::smallint) || string_agg(int4send(octet_length(s.data)) || s.data, decode('', 'hex') ORDER BY s.n) AS data
              FROM sealed AS s GROUP BY 1)
        SELECT array_agg(acct._leaf_hash(l.data) ORDER BY l.leaf_no), (array_agg(l.data) FILTER (WHERE l.wanted IS NOT NULL))[1], min(l.leaf_no) FILTER (WHERE l.wanted IS NOT NULL), min(l.wanted)
          FROM leaf AS l$q$,
        CASE p_kind WHEN 1 THEN 'x.je_number COLLATE "C", x.je_id' ELSE 'x.je_id, x.line_no' END, CASE p_kind WHEN 1 THEN '' ELSE ' AND x.line_no = $3' END, p_kind, p_query,
        CASE p_kind WHEN 1 THEN 16 ELSE 32 END, CASE p_kind WHEN 1 THEN 16 ELSE 32 END, encode(convert_to(CASE p_kind WHEN 1 THEN 'LEh1' ELSE 'LEl1' END, 'UTF8'), 'hex'))
    INTO leaf_hashes, leaf, leaf_index, row_index USING p_columns, p_je_id, p_line_no;
END
$$;
COMMENT ON FUNCTION acct._leaves_of(integer, text, text, bigint, integer) IS
'The hashes of the leaves that the rows of a query make, which are a block, and the leaf that has a certain row, with the places of both.';

CREATE FUNCTION acct._refuse_proof(p_je_id bigint, p_seal_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'journal % cannot be proved: what the ledger has is not what was sealed', p_je_id
        USING ERRCODE = 'LE009', HINT = 'acct.verify_ledger() shows where.',
              DETAIL = (SELECT format('Seal %s of %s %s is of other entries, or its evidence is damaged.', s.seal_number, s.entity_code, s.basis)
                          FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id);
END
$$;
COMMENT ON FUNCTION acct._refuse_proof(bigint, bigint) IS 'Raises LE009: a journal is not what its seal has.';

CREATE FUNCTION acct._block_of_row(p_seal_id bigint, p_section_no integer, p_kind integer, p_month date, p_je_id bigint, p_line_no integer, OUT block_no bigint, OUT condition text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    headers CONSTANT regclass := acct._entry_table('ledger_entry_header', p_month);
    number_of CONSTANT text := format('SELECT min(h.je_number COLLATE "C") FROM %s AS h WHERE h.je_id = $1', headers);
    blocks CONSTANT bigint[] := ARRAY(SELECT b.first_je_id FROM acct._evidence_blocks(p_seal_id, p_section_no) AS b ORDER BY b.block_no);
    wanted text;
    tried text;
    low bigint := 0;
    high bigint := cardinality(blocks) - 1;
    next record;
BEGIN
    IF p_kind = 2 THEN
        SELECT b.block_no, format(' AND x.je_id >= %1$s AND (x.je_id, x.line_no) >= (%1$s, %2$s)', b.first_je_id, b.first_line_no) INTO block_no, condition
          FROM acct._evidence_blocks(p_seal_id, p_section_no) AS b WHERE (b.first_je_id, b.first_line_no) <= (p_je_id, p_line_no) ORDER BY b.block_no DESC LIMIT 1;
        SELECT b.first_je_id, b.first_line_no INTO next FROM acct._evidence_blocks(p_seal_id, p_section_no) AS b WHERE b.block_no = _block_of_row.block_no + 1;
        IF FOUND THEN
            condition := condition || format(' AND x.je_id <= %1$s AND (x.je_id, x.line_no) < (%1$s, %2$s)', next.first_je_id, next.first_line_no);
        END IF;
        RETURN;
    END IF;
    -- Headers are in the order of their numbers: the last block that begins with this one's or a lower one.
    EXECUTE number_of INTO wanted USING p_je_id;
    WHILE low < high LOOP
        EXECUTE number_of INTO tried USING blocks[(low + high + 1) / 2 + 1];
        IF tried <= wanted COLLATE "C" THEN
            low := (low + high + 1) / 2;
        ELSE
            high := (low + high + 1) / 2 - 1;
        END IF;
    END LOOP;
    block_no := low;
    EXECUTE number_of INTO wanted USING blocks[low + 1];
    EXECUTE number_of INTO tried USING blocks[low + 2];
    condition := format(' AND x.je_number >= %L', wanted) || CASE WHEN tried IS NOT NULL THEN format(' AND x.je_number < %L', tried) ELSE '' END;
END
$$;
COMMENT ON FUNCTION acct._block_of_row(bigint, integer, integer, date, bigint, integer) IS
'The block of a section that has a header (kind 1) or a line (2), by the evidence of the seal, and the condition of the rows x of that block.';

CREATE FUNCTION acct._prove_row(p_je_id bigint, p_line_no integer, p_kind integer, p_month date, p_seal_id bigint, p_fund text, p_account text, p_currency text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    leaf_rows CONSTANT integer := CASE p_kind WHEN 1 THEN 16 ELSE 32 END;
    section record;
    blocks bytea[];
    place record;
    made record;
BEGIN
    SELECT e.* INTO section
      FROM (SELECT x.*, x.section_no - min(x.section_no) OVER () AS section_index, count(*) OVER () AS section_count,
                   array_agg(acct._leaf_hash(x.data)) OVER (ORDER BY x.section_no ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS leaves
              FROM acct._evidence_sections(p_seal_id) AS x WHERE x.kind = p_kind) AS e
     WHERE e.month = p_month AND (p_kind = 1 OR (e.fund, e.account_code, e.currency) = (p_fund, p_account, p_currency));
    IF NOT FOUND THEN
        PERFORM acct._refuse_proof(p_je_id, p_seal_id);
    END IF;
    -- A block is a subtree: its rows are read, and of the others the hashes that evidence has.
    blocks := ARRAY(SELECT b.hash FROM acct._evidence_blocks(p_seal_id, section.section_no) AS b ORDER BY b.block_no);
    SELECT b.* INTO place FROM acct._block_of_row(p_seal_id, section.section_no, p_kind, p_month, p_je_id, p_line_no) AS b;
    SELECT l.* INTO made
      FROM acct._leaves_of(p_kind, acct._section_query(p_kind, p_month, p_seal_id, p_fund, p_account, p_currency, place.condition), acct._seal_columns(p_seal_id, p_kind), p_je_id, p_line_no) AS l;
    IF made.leaf IS NULL OR acct._merkle_root_of_hashes(made.leaf_hashes) IS DISTINCT FROM blocks[place.block_no + 1] OR acct._merkle_root_of_hashes(blocks) <> section.root
       OR encode(acct._merkle_root_of_hashes(section.leaves), 'hex')
          <> (SELECT acct._seal_line(s.body, CASE p_kind WHEN 1 THEN 'header_root' ELSE 'line_root' END) FROM acct.ledger_seal AS s WHERE s.seal_id = p_seal_id) THEN
        PERFORM acct._refuse_proof(p_je_id, p_seal_id);
    END IF;
    RETURN jsonb_build_object('kind', CASE p_kind WHEN 1 THEN 'header' ELSE 'line' END, 'leaf', acct._base64(made.leaf), 'row', made.row_index,
                              'leaf_index', place.block_no * (1024 / leaf_rows) + made.leaf_index, 'leaf_count', (section.row_count + leaf_rows - 1) / leaf_rows,
                              'leaf_path', acct._base64_path(acct._merkle_path(made.leaf_hashes, made.leaf_index) || acct._merkle_path(blocks, place.block_no)),
                              'section', acct._base64(section.data), 'section_index', section.section_index, 'section_count', section.section_count,
                              'section_path', acct._base64_path(acct._merkle_path(section.leaves, section.section_index)));
END
$$;
COMMENT ON FUNCTION acct._prove_row(bigint, integer, integer, date, bigint, text, text, text) IS
'The part of a proof that has a header (kind 1) or a line (2), and shows that it is in its seal. Raises LE009 where it is not what was sealed.';

CREATE FUNCTION acct._require_small(p_proof jsonb, p_most integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    size CONSTANT integer := octet_length(p_proof::text);
BEGIN
    IF size > p_most THEN
        RAISE EXCEPTION 'the proof has % bytes, more than max_bytes (%)', size, p_most
            USING ERRCODE = '54000',
                  DETAIL = format('Its leaf has %s bytes, the seal %s: long texts, many columns or many currencies make them large.',
                                  octet_length(p_proof ->> 'leaf'), octet_length(p_proof ->> 'seal')),
                  HINT = 'max_bytes => NULL returns it as it is.';
    END IF;
    RETURN p_proof;
END
$$;
COMMENT ON FUNCTION acct._require_small(jsonb, integer) IS 'A proof, if it has at most so many bytes (NULL: any number). Raises 54000 else.';

CREATE FUNCTION acct._prove_journal(p_je_id bigint, p_line_no integer, p_most integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    header record;
    fund text;
    account_code text;
    currency text;
    seal_id bigint;
    last record;
BEGIN
    PERFORM acct._require_layout();
    SELECT h.* INTO header FROM acct._header_of(p_je_id) AS h;
    EXECUTE format('SELECT min(l.fund COLLATE "C"), min(l.account_code COLLATE "C"), min(l.currency COLLATE "C") FROM %s AS l WHERE l.je_id = $1 AND l.line_no = $2',
                   acct._entry_table('ledger_entry_line', header.month)) INTO fund, account_code, currency USING p_je_id, p_line_no;
    IF fund IS NULL AND p_line_no IS NOT NULL THEN
        RAISE EXCEPTION 'journal % has no line %', p_je_id, p_line_no USING ERRCODE = '22023';
    END IF;
    seal_id := acct._seal_of_rows(header.run_id, header.entity_code, header.basis, header.month);
    IF seal_id IS NULL THEN
        RAISE EXCEPTION 'journal % has no seal', p_je_id USING ERRCODE = '55000', HINT = 'acct.seal_ledger() seals what was posted before there were seals.';
    END IF;
    SELECT c.* INTO last FROM acct._last_checkpoint() AS c;
    RETURN acct._require_small(acct._logged_seal(seal_id, last.size, last.body)
                               || acct._prove_row(p_je_id, p_line_no, CASE WHEN p_line_no IS NULL THEN 1 ELSE 2 END, header.month, seal_id, fund, account_code, currency), p_most);
END
$$;
COMMENT ON FUNCTION acct._prove_journal(bigint, integer, integer) IS 'The work of prove_journal().';

CREATE FUNCTION acct.prove_journal(je_id bigint, line_no integer DEFAULT NULL, max_bytes integer DEFAULT 10240) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._prove_journal($1, $2, $3)
$$;
COMMENT ON FUNCTION acct.prove_journal(bigint, integer, integer) IS
'A proof, as JSON, that the header of a journal (line_no NULL), or one of its lines, is in the ledger of the newest checkpoint; integrations/verify checks it without a database. Raises 22023 (there is no such journal or line), 54000 (the proof has more than max_bytes), 55000 (it has no seal, or no checkpoint has the seal), LE009 (the ledger is not what was sealed), LE010 (a table of the archive is elsewhere).';

CREATE FUNCTION acct._prove_sections() RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    last record;
BEGIN
    PERFORM acct._require_layout();
    SELECT c.* INTO last FROM acct._last_checkpoint() AS c;
    RETURN QUERY
    SELECT acct._logged_seal(g.seal_id, last.size, last.body)
           || jsonb_build_object('kind', 'sections', 'header_sections', coalesce(e.headers, '[]'), 'line_sections', coalesce(e.lines, '[]'))
      FROM acct.ledger_log AS g
     CROSS JOIN LATERAL (SELECT jsonb_agg(acct._base64(x.data) ORDER BY x.section_no) FILTER (WHERE x.kind = 1) AS headers,
                                jsonb_agg(acct._base64(x.data) ORDER BY x.section_no) FILTER (WHERE x.kind = 2) AS lines
                           FROM acct._evidence_sections(g.seal_id) AS x) AS e
     WHERE g.leaf_no < last.size ORDER BY g.leaf_no;
END
$$;
COMMENT ON FUNCTION acct._prove_sections() IS 'The work of prove_sections().';

CREATE FUNCTION acct.prove_sections() RETURNS SETOF jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p FROM acct._prove_sections() AS p
$$;
COMMENT ON FUNCTION acct.prove_sections() IS
'For each seal of the newest checkpoint a proof, as JSON, of the sections of entries that it is over, by which integrations/verify compares exported months with seals. Raises 55000 (no checkpoint was made).';

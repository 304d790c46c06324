-- The log: the seals of all books, and of policy, in the order in which checkpoints took them up, and the checkpoints themselves.
--
-- A checkpoint names the root of a tree over all seals, so that whoever keeps it outside can see later that none of them was changed or
-- removed. Posting never waits for a checkpoint: it adds to the chain of a book, and a checkpoint takes up what it finds committed, also
-- where a run with a lower seal_id commits later. A chain has an order in the log, because each seal is committed before the next is made.

CREATE FUNCTION acct._layout_log() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- The ledger's own name: made once, and carried along by a dump.
    ALTER TABLE acct.engine_layout ADD COLUMN IF NOT EXISTS ledger_id uuid;
    UPDATE acct.engine_layout AS l SET ledger_id = gen_random_uuid() WHERE l.ledger_id IS NULL;

    CREATE TABLE IF NOT EXISTS acct.ledger_log (
        leaf_no bigint NOT NULL,
        seal_id bigint NOT NULL,
        leaf_hash bytea NOT NULL,
        CONSTRAINT ledger_log_pkey PRIMARY KEY (leaf_no),
        CONSTRAINT ledger_log_seal_key UNIQUE (seal_id),
        CONSTRAINT ledger_log_seal_fkey FOREIGN KEY (seal_id) REFERENCES acct.ledger_seal,
        CONSTRAINT chk_leaf_no CHECK (leaf_no >= 0),
        CONSTRAINT chk_leaf_hash CHECK (octet_length(leaf_hash) = 32)
    );

    CREATE TABLE IF NOT EXISTS acct.ledger_checkpoint (
        checkpoint_id bigint GENERATED ALWAYS AS IDENTITY,
        size bigint NOT NULL,
        root bytea NOT NULL,
        body text COLLATE "C" NOT NULL,
        made_by text NOT NULL DEFAULT session_user,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT ledger_checkpoint_pkey PRIMARY KEY (checkpoint_id),
        CONSTRAINT chk_checkpoint_size CHECK (size >= 0),
        CONSTRAINT chk_checkpoint_root CHECK (octet_length(root) = 32)
    );

    PERFORM acct._make_immutable('acct.ledger_log', 'ledger_log_immutable');
    INSERT INTO acct.making_lock (table_name) VALUES ('ledger_log') ON CONFLICT DO NOTHING;
    PERFORM acct._make_immutable('acct.ledger_checkpoint', 'ledger_checkpoint_immutable');
END
$layout$;
COMMENT ON FUNCTION acct._layout_log() IS 'The part of install() that creates the log of seals.';

CREATE FUNCTION acct._comment_log() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON COLUMN acct.engine_layout.ledger_id IS 'The ledger''s own identifier, which its checkpoints begin with; a dump carries it along.';

    COMMENT ON TABLE acct.ledger_log IS 'The seals in the order in which checkpoints took them up: the leaves of the tree that a checkpoint names the root of. Written by acct.ledger_checkpoint(), never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_log.leaf_no IS 'Number of the leaf, from 0, without gaps.';
    COMMENT ON COLUMN acct.ledger_log.seal_id IS 'Seal.';
    COMMENT ON COLUMN acct.ledger_log.leaf_hash IS 'Hash of the seal, as it was when it was taken up.';
    COMMENT ON TRIGGER ledger_log_immutable ON acct.ledger_log IS 'The log refuses UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.ledger_checkpoint IS 'The checkpoints that were made, for reference; only a copy that is kept outside proves something. Written by acct.ledger_checkpoint(), never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_checkpoint.checkpoint_id IS 'Number of the checkpoint.';
    COMMENT ON COLUMN acct.ledger_checkpoint.size IS 'Number of seals in the log.';
    COMMENT ON COLUMN acct.ledger_checkpoint.root IS 'Root of the tree over them.';
    COMMENT ON COLUMN acct.ledger_checkpoint.body IS 'Text of the checkpoint: origin, size, and the root in base64.';
    COMMENT ON COLUMN acct.ledger_checkpoint.made_by IS 'Session user who called acct.ledger_checkpoint().';
    COMMENT ON COLUMN acct.ledger_checkpoint.made_at IS 'When it was made, by the clock.';
    COMMENT ON TRIGGER ledger_checkpoint_immutable ON acct.ledger_checkpoint IS 'Checkpoints refuse UPDATE, DELETE and TRUNCATE (LE007).';
END
$layout$;
COMMENT ON FUNCTION acct._comment_log() IS 'The part of install() that describes the objects of log.sql.';

CREATE FUNCTION acct._log_origin() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT 'ledger_engine/' || l.ledger_id FROM acct.engine_layout AS l
$$;
COMMENT ON FUNCTION acct._log_origin() IS 'The first line of this ledger''s checkpoints.';

CREATE FUNCTION acct._lock_log() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._announce_work();
    PERFORM acct._lock_row('acct.making_lock', ARRAY['table_name'], ARRAY['ledger_log'], 'the log of seals');
END
$$;
COMMENT ON FUNCTION acct._lock_log() IS
'Locks the log, and the chain of seals that is no book''s, to the end of the transaction. Raises 55P03, with the holder, as _refuse_held() does.';

CREATE FUNCTION acct._take_up_seals() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    next bigint := (SELECT coalesce(max(g.leaf_no) + 1, 0) FROM acct.ledger_log AS g);
    fresh record;
    book jsonb;
BEGIN
    PERFORM acct._seal_policy();
    PERFORM acct._seal_source_archives();
    SELECT f.* INTO fresh FROM acct._fresh_seals() AS f;
    -- crash point: checkpoint_read
    FOR book IN SELECT b FROM jsonb_array_elements(fresh.books) AS b LOOP
        fresh.seals := fresh.seals || acct._append_seal('', '', 'balances', '{book_entity,book_basis,through,balances,balance_root}', ARRAY[book ->> 0, book ->> 1, book ->> 2, book ->> 3, book ->> 4]);
    END LOOP;
    INSERT INTO acct.ledger_log (leaf_no, seal_id, leaf_hash)
    SELECT next + x.n - 1, s.seal_id, s.seal_hash FROM unnest(fresh.seals) WITH ORDINALITY AS x (seal_id, n) JOIN acct.ledger_seal AS s ON s.seal_id = x.seal_id;
END
$$;
COMMENT ON FUNCTION acct._take_up_seals() IS 'Adds the seals that the log, which the caller has locked, does not have, and makes those of policy, where it changed, of archived months of the source, and of the balances of each book that they are of.';

CREATE FUNCTION acct._log_leaves(p_size bigint) RETURNS bytea[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(array_agg(g.leaf_hash ORDER BY g.leaf_no), '{}') FROM acct.ledger_log AS g WHERE g.leaf_no < p_size
$$;
COMMENT ON FUNCTION acct._log_leaves(bigint) IS 'The hashes of the first leaves of the log.';

CREATE FUNCTION acct._checkpoint_text(p_origin text, p_size bigint, p_root bytea) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'%s\n%s\n%s\n', p_origin, p_size, encode(p_root, 'base64'))
$$;
COMMENT ON FUNCTION acct._checkpoint_text(text, bigint, bytea) IS 'The text of a checkpoint (C2SP tlog-checkpoint).';

CREATE FUNCTION acct.ledger_checkpoint() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    n bigint;
    root bytea;
    made text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._commit_durably();
    PERFORM acct._lock_log();
    -- crash point: checkpoint_locked
    PERFORM acct._take_up_seals();
    SELECT count(*), acct._merkle_root_of_hashes(coalesce(array_agg(g.leaf_hash ORDER BY g.leaf_no), '{}')) INTO n, root FROM acct.ledger_log AS g;
    made := acct._checkpoint_text(acct._log_origin(), n, root);
    INSERT INTO acct.ledger_checkpoint (size, root, body) VALUES (n, root, made);
    -- crash point: checkpoint_written
    RETURN made;
END
$$;
COMMENT ON FUNCTION acct.ledger_checkpoint() IS
'Takes the seals of all books, and of policy, up into the log, and returns a checkpoint: a text of three lines with origin, size and root of the log, to be kept outside. Raises 25001 (the transaction is not READ COMMITTED), 55P03 (another checkpoint is being made, and does not end).';

CREATE FUNCTION acct._refuse_checkpoint(p_why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'not a checkpoint: %', p_why
        USING ERRCODE = '22P02', DETAIL = 'A checkpoint has three lines, each with a line feed at its end: origin, size, and the root in base64.',
              HINT = 'Give the text as acct.ledger_checkpoint() returned it. Shells and mail remove its last line feed.';
END
$$;
COMMENT ON FUNCTION acct._refuse_checkpoint(text) IS 'Raises 22P02: a text is no checkpoint.';

CREATE FUNCTION acct._parse_checkpoint(p_checkpoint text, OUT origin text, OUT size bigint, OUT root bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    -- Signatures, as in a signed note, follow after an empty line.
    unsigned CONSTANT text := CASE WHEN p_checkpoint LIKE E'%\n\n%' THEN split_part(p_checkpoint, E'\n\n', 1) || E'\n' ELSE p_checkpoint END;
    lines CONSTANT text[] := string_to_array(unsigned, E'\n');
BEGIN
    IF p_checkpoint IS NULL THEN
        RAISE EXCEPTION 'the checkpoint must be given' USING ERRCODE = '22004';
    ELSIF position(E'\r' IN p_checkpoint) > 0 THEN
        PERFORM acct._refuse_checkpoint('it has carriage returns');
    ELSIF right(p_checkpoint, 1) IS DISTINCT FROM E'\n' THEN
        PERFORM acct._refuse_checkpoint('it does not end with a line feed');
    ELSIF p_checkpoint LIKE E'%\n\n%' AND EXISTS (
            SELECT FROM string_to_table(rtrim(substr(p_checkpoint, length(unsigned) + 2), E'\n'), E'\n') AS s
             -- Each begins with an em dash, which not every encoding has.
             WHERE s !~ '^[^ ]+ [^ ]+ [A-Za-z0-9+/=]+$' OR acct._utf8(split_part(s, ' ', 1)) <> decode('e28094', 'hex')) THEN
        PERFORM acct._refuse_checkpoint('after an empty line, it has lines that are no signatures');
    ELSIF cardinality(lines) <> 4 THEN
        PERFORM acct._refuse_checkpoint(format('it has %s lines', cardinality(lines) - 1));
    ELSIF lines[1] = '' THEN
        PERFORM acct._refuse_checkpoint('its origin is empty');
    ELSIF lines[2] !~ '^(0|[1-9][0-9]{0,17})$' THEN
        PERFORM acct._refuse_checkpoint(CASE WHEN lines[2] ~ '^0[0-9]+$' THEN format('its size %s has leading zeros', lines[2]) ELSE format('its size is "%s"', lines[2]) END);
    ELSIF lines[3] !~ '^[A-Za-z0-9+/]{43}=$' OR encode(decode(lines[3], 'base64'), 'base64') <> lines[3] THEN
        PERFORM acct._refuse_checkpoint(format('its root "%s" is not the base64 of 32 bytes', lines[3]));
    END IF;
    origin := lines[1];
    size := lines[2]::bigint;
    root := decode(lines[3], 'base64');
END
$$;
COMMENT ON FUNCTION acct._parse_checkpoint(text) IS 'The three values of a checkpoint; signatures that follow are left out. Raises 22004 (NULL) and 22P02 (it is none).';

CREATE FUNCTION acct._seal_line(p_body text, p_name text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN v.value = '-' THEN NULL WHEN v.value = E'\\-' THEN '-'
                WHEN strpos(v.value, E'\\') = 0 THEN v.value
                -- Backslashes that were doubled part the others.
                ELSE (SELECT string_agg(replace(replace(x.part, E'\\n', E'\n'), E'\\r', E'\r'), E'\\' ORDER BY x.n) FROM string_to_table(v.value, E'\\\\') WITH ORDINALITY AS x (part, n)) END
      FROM (SELECT substr(l, length(p_name) + 2) AS value FROM string_to_table(p_body, E'\n') AS l WHERE starts_with(l, p_name || ' ') LIMIT 1) AS v
$$;
COMMENT ON FUNCTION acct._seal_line(text, text) IS 'The value that a seal has for a name; NULL where it has none, or an unknown one.';

CREATE FUNCTION acct._log_faults() RETURNS TABLE (check_name text, leaf_no bigint, fault text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH leaf AS MATERIALIZED (
        SELECT g.leaf_no, g.seal_id, g.leaf_hash, lag(g.leaf_no) OVER (ORDER BY g.leaf_no) AS before FROM acct.ledger_log AS g),
    -- The lines that each seal begins with, for its number and the hash of the one before
    head AS MATERIALIZED (
        SELECT s.entity_code, s.basis, s.kind,
               format(E'ledger_engine_seal 1\nentity %s\nbasis %s\nnumber %%s\nprevious %%s\nkind %s\n', replace(acct._seal_value(s.entity_code), '%', '%%'),
                      replace(acct._seal_value(s.basis), '%', '%%'), replace(acct._seal_value(s.kind), '%', '%%')) AS first_lines
          FROM (SELECT DISTINCT x.entity_code, x.basis, x.kind FROM acct.ledger_seal AS x) AS s),
    chain AS MATERIALIZED (
        SELECT s.seal_id, s.entity_code, s.basis, s.seal_number, s.kind, s.body, s.seal_hash, l.leaf_no,
               sha256(decode('00', 'hex') || acct._utf8(s.body)) AS computed,
               CASE WHEN s.entity_code = '' THEN 'the ledger itself' ELSE format('book %s %s', s.entity_code, s.basis) END AS book,
               lag(s.seal_number, 1, 0::bigint) OVER w AS before_number, lag(s.seal_hash) OVER w AS before_hash,
               min(l.leaf_no) OVER (PARTITION BY s.entity_code, s.basis ORDER BY s.seal_number DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS later_leaf, h.first_lines
          FROM acct.ledger_seal AS s JOIN head AS h ON h.entity_code = s.entity_code AND h.basis = s.basis AND h.kind = s.kind
          LEFT JOIN acct.ledger_log AS l ON l.seal_id = s.seal_id
        WINDOW w AS (PARTITION BY s.entity_code, s.basis ORDER BY s.seal_number))
    SELECT 'leaves', l.leaf_no - 1, CASE WHEN l.leaf_no - coalesce(l.before, -1) = 2 THEN format('leaf %s is missing', l.leaf_no - 1)
                                         ELSE format('leaves %s to %s are missing', coalesce(l.before, -1) + 1, l.leaf_no - 1) END
      FROM leaf AS l WHERE l.leaf_no <> coalesce(l.before, -1) + 1
    UNION ALL
    SELECT 'seals', l.leaf_no, CASE WHEN c.seal_id IS NULL THEN format('leaf %s: seal %s is missing', l.leaf_no, l.seal_id)
                                    ELSE format('leaf %s: seal %s of %s is not the one that was taken up', l.leaf_no, c.seal_number, c.book) END
      FROM leaf AS l LEFT JOIN chain AS c ON c.seal_id = l.seal_id
     WHERE c.seal_id IS NULL OR c.computed IS DISTINCT FROM l.leaf_hash
    UNION ALL
    SELECT 'chains', c.leaf_no,
           CASE WHEN c.seal_number <> c.before_number + 1 THEN format('%s: seal %s is missing', c.book, c.before_number + 1)
                WHEN c.seal_hash IS DISTINCT FROM c.computed THEN format('%s: seal %s does not have its hash', c.book, c.seal_number)
                WHEN acct._seal_line(c.body, 'previous') IS DISTINCT FROM coalesce(encode(c.before_hash, 'hex'), repeat('0', 64))
                THEN format('%s: seal %s does not follow the one before it', c.book, c.seal_number)
                WHEN c.later_leaf < coalesce(c.leaf_no, 9223372036854775807) THEN format('%s: seal %s is not in the log before a later one', c.book, c.seal_number)
                ELSE format('%s: seal %s says that it is another one', c.book, c.seal_number) END
      FROM chain AS c
     WHERE c.seal_number <> c.before_number + 1 OR c.seal_hash IS DISTINCT FROM c.computed OR c.later_leaf < coalesce(c.leaf_no, 9223372036854775807)
        OR starts_with(c.body, format(c.first_lines, c.seal_number, coalesce(encode(c.before_hash, 'hex'), repeat('0', 64)))) IS DISTINCT FROM true
$$;
COMMENT ON FUNCTION acct._log_faults() IS
'The faults in the log and in the chains of seals: leaves that are missing, seals that are missing or changed, and chains that do not hold together.';

CREATE FUNCTION acct._verify_checkpoint(p_checkpoint text)
RETURNS TABLE (check_name text, passed boolean, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    given record;
    found record;
    root bytea;
BEGIN
    PERFORM acct._require_layout();
    SELECT c.* INTO given FROM acct._parse_checkpoint(p_checkpoint) AS c;
    SELECT count(*) AS leaves, coalesce(max(g.leaf_no) + 1, 0) AS size, count(*) FILTER (WHERE g.leaf_no < given.size) AS first_leaves INTO found FROM acct.ledger_log AS g;
    RETURN QUERY SELECT 'origin', given.origin = acct._log_origin(), format('The checkpoint is of %s, the ledger is %s.', given.origin, acct._log_origin());
    RETURN QUERY
    SELECT 'size', given.size <= found.size,
           CASE WHEN given.size > found.size THEN format('The checkpoint has %s seals, the log has %s: %s.', given.size, found.size,
                                                         CASE WHEN given.size = found.size + 1 THEN format('leaf %s is missing', found.size)
                                                              ELSE format('leaves %s to %s are missing', found.size, given.size - 1) END)
                ELSE format('The checkpoint has %s seals, the log has %s.', given.size, found.size) END;
    IF found.first_leaves = given.size THEN
        root := acct._merkle_root_of_hashes(acct._log_leaves(given.size));
    END IF;
    RETURN QUERY
    SELECT 'root', coalesce(root = given.root, false),
           CASE WHEN root IS NULL THEN format('%s of the first %s leaves are missing, so that their root cannot be computed.', given.size - found.first_leaves, given.size)
                ELSE format('The root of the first %s leaves is %s.', given.size, encode(root, 'base64')) END;
    RETURN QUERY
    WITH fault AS MATERIALIZED (SELECT f.* FROM acct._log_faults() AS f)
    SELECT k.name, x.faults = 0,
           CASE WHEN x.faults = 0 THEN CASE k.name WHEN 'leaves' THEN format('%s leaves are numbered from 0.', found.leaves)
                                                   WHEN 'seals' THEN 'Each leaf is the hash of its seal.'
                                                   ELSE 'The seals of each book, and of the ledger itself, follow each other without a gap.' END
                ELSE acct._first_of(x.names) || '.' END
      FROM (VALUES (1, 'leaves'), (2, 'seals'), (3, 'chains')) AS k (n, name)
     CROSS JOIN LATERAL (SELECT count(*) AS faults, array_agg(f.fault ORDER BY f.leaf_no, f.fault) AS names FROM fault AS f WHERE f.check_name = k.name) AS x
     ORDER BY k.n;
    RETURN QUERY
    SELECT 'policy', count(*) = 0,
           CASE WHEN count(*) = 0 THEN 'The audit trail, and the policy in force, are what their seals say.'
                ELSE acct._first_of(array_agg(coalesce('seal ' || f.seal_number || ': ', '') || f.fault ORDER BY f.seal_number, f.fault)) || '.' END
      FROM acct._policy_seal_faults() AS f;
END
$$;
COMMENT ON FUNCTION acct._verify_checkpoint(text) IS 'The work of verify_checkpoint().';

CREATE FUNCTION acct.verify_checkpoint(checkpoint text)
RETURNS TABLE (check_name text, passed boolean, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT v.* FROM acct._verify_checkpoint($1) AS v
$$;
COMMENT ON FUNCTION acct.verify_checkpoint(text) IS
'Checks that the log extends a checkpoint that was kept, and that each seal is the one that was taken up: a row for each check, with what is missing or changed. Raises 22004 (NULL), 22P02 (the text is no checkpoint).';

CREATE FUNCTION acct._last_checkpoint(OUT size bigint, OUT body text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    SELECT c.size, c.body INTO size, body FROM acct.ledger_checkpoint AS c ORDER BY c.checkpoint_id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no checkpoint was made' USING ERRCODE = '55000', HINT = 'SELECT acct.ledger_checkpoint() makes one.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._last_checkpoint() IS 'The newest checkpoint. Raises 55000 where none was made.';

CREATE FUNCTION acct._base64_path(p_path bytea[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(encode(x.node, 'base64') ORDER BY x.n), '[]') FROM unnest(p_path) WITH ORDINALITY AS x (node, n)
$$;
COMMENT ON FUNCTION acct._base64_path(bytea[]) IS 'Hashes as proofs write them.';

CREATE FUNCTION acct._log_proof(p_leaf_no bigint, p_size bigint, p_checkpoint text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT jsonb_build_object('log_index', p_leaf_no, 'log_size', p_size, 'checkpoint', p_checkpoint,
                              'log_path', acct._base64_path(acct._merkle_path(acct._log_leaves(p_size), p_leaf_no)))
$$;
COMMENT ON FUNCTION acct._log_proof(bigint, bigint, text) IS 'The part of a proof that shows that a leaf is in the log of a checkpoint.';

CREATE FUNCTION acct._prove_checkpoint(p_checkpoint text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    given record;
    last record;
BEGIN
    PERFORM acct._require_layout();
    SELECT c.* INTO given FROM acct._parse_checkpoint(p_checkpoint) AS c;
    SELECT c.* INTO last FROM acct._last_checkpoint() AS c;
    IF given.origin IS DISTINCT FROM acct._log_origin() THEN
        RAISE EXCEPTION 'the checkpoint is of another ledger: %', given.origin
            USING ERRCODE = '22023', DETAIL = format('This ledger is %s.', acct._log_origin());
    ELSIF given.size > last.size THEN
        RAISE EXCEPTION 'the checkpoint has % seals, the newest one only %', given.size, last.size
            USING ERRCODE = '22023', HINT = 'acct.verify_checkpoint() names what is missing.';
    END IF;
    RETURN jsonb_build_object('ledger_engine_proof', 1, 'kind', 'consistency', 'old', acct._checkpoint_text(given.origin, given.size, given.root), 'new', last.body,
                              'path', acct._base64_path(acct._merkle_consistency(acct._log_leaves(last.size), given.size)));
END
$$;
COMMENT ON FUNCTION acct._prove_checkpoint(text) IS 'The work of prove_checkpoint().';

CREATE FUNCTION acct.prove_checkpoint(checkpoint text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT acct._prove_checkpoint($1)
$$;
COMMENT ON FUNCTION acct.prove_checkpoint(text) IS
'A proof, as JSON, that the newest checkpoint extends one that was kept; integrations/verify checks it without a database. Raises 22004 (NULL), 22P02 (the text is no checkpoint), 22023 (it is of another ledger, or has more seals), 55000 (no checkpoint was made).';

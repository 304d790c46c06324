-- Reversals: runs whose journals undo posted ones, with sides swapped and a date of their own.

CREATE FUNCTION acct._keep_claim() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- Discarding a run releases its claims, once.
    IF TG_OP = 'UPDATE' AND (NEW.run_id, NEW.origin_run, NEW.je_ids, NEW.journals) = (OLD.run_id, OLD.origin_run, OLD.je_ids, OLD.journals)
       AND OLD.released_at IS NULL AND NEW.released_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM acct.journal_run AS r WHERE r.run_id = OLD.run_id AND acct._is_posted(r.status)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the claims of reversals stay recorded: % on acct.journal_reversal is refused', TG_OP
        USING ERRCODE = 'LE007', HINT = 'acct.discard_run() releases the journals of a reversal that is not posted.';
END
$$;
COMMENT ON FUNCTION acct._keep_claim() IS
'Trigger function of acct.journal_reversal: claims are written once, and released while their run is not posted; anything else raises LE007.';

CREATE FUNCTION acct._layout_reversal() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Since layout 5. No unique index spans the ledger's partitions: that a journal is reversed once is said here.
    CREATE TABLE IF NOT EXISTS acct.journal_reversal (
        run_id bigint NOT NULL,
        origin_run bigint NOT NULL,
        je_ids int8range NOT NULL,
        journals bigint NOT NULL,
        released_at timestamptz,
        CONSTRAINT journal_reversal_pkey PRIMARY KEY (run_id, je_ids),
        CONSTRAINT journal_reversal_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run,
        CONSTRAINT journal_reversal_origin_fkey FOREIGN KEY (origin_run) REFERENCES acct.journal_run,
        CONSTRAINT journal_reversal_once EXCLUDE USING gist (je_ids WITH &&) WHERE (released_at IS NULL),
        CONSTRAINT chk_reversal_range CHECK (lower_inc(je_ids) AND NOT upper_inf(je_ids) AND NOT isempty(je_ids)),
        CONSTRAINT chk_reversal_journals CHECK (journals BETWEEN 1 AND upper(je_ids) - lower(je_ids))
    );
    CREATE INDEX IF NOT EXISTS journal_reversal_origin_idx ON acct.journal_reversal (origin_run) WHERE released_at IS NULL;
    CREATE OR REPLACE TRIGGER journal_reversal_kept BEFORE UPDATE OR DELETE ON acct.journal_reversal
        FOR EACH ROW EXECUTE FUNCTION acct._keep_claim();
    CREATE OR REPLACE TRIGGER journal_reversal_kept_truncate BEFORE TRUNCATE ON acct.journal_reversal
        FOR EACH STATEMENT EXECUTE FUNCTION acct._keep_claim();
    ALTER TABLE acct.journal_reversal ENABLE ALWAYS TRIGGER journal_reversal_kept, ENABLE ALWAYS TRIGGER journal_reversal_kept_truncate;
    -- Since layout 5: who cannot post it, whatever their name is then.
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS created_by_role text COLLATE "C";
END
$layout$;
COMMENT ON FUNCTION acct._layout_reversal() IS 'The part of install() that creates the claims of reversals.';

CREATE FUNCTION acct._comment_reversal() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.journal_reversal IS 'Claims of reversals: which posted journals a run reverses, by ranges of je_id; no journal is in two live claims. Written by acct.reverse_run() and acct.reverse_journals().';
    COMMENT ON TRIGGER journal_reversal_kept ON acct.journal_reversal IS 'Claims stay as they are; those of a run that is not posted can be released (LE007).';
    COMMENT ON TRIGGER journal_reversal_kept_truncate ON acct.journal_reversal IS 'TRUNCATE is refused (LE007).';
    COMMENT ON COLUMN acct.journal_reversal.run_id IS 'Run that reverses the journals.';
    COMMENT ON COLUMN acct.journal_reversal.origin_run IS 'Run that posted them.';
    COMMENT ON COLUMN acct.journal_reversal.je_ids IS 'Range of je_id: every journal in it is reversed.';
    COMMENT ON COLUMN acct.journal_reversal.journals IS 'Number of journals in the range, of which some identifiers may be no journal''s.';
    COMMENT ON COLUMN acct.journal_run.created_by_role IS 'Of a reversal or correction: the role of created_by, as in template_audit.changed_by_role, which stays when it is renamed; NULL: another run.';
    COMMENT ON COLUMN acct.journal_reversal.released_at IS 'When the run was discarded and the journals could be reversed again; NULL: the claim holds.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_reversal() IS 'The part of install() that describes the objects of reversal.sql.';

CREATE FUNCTION acct._posted_headers(p_run_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    own_range CONSTANT bigint := (SELECT r.je_range FROM acct.journal_run AS r WHERE r.run_id = p_run_id);
BEGIN
    RETURN (SELECT '(' || string_agg(format(
                       'SELECT x.je_id, x.je_date, x.entity_code, x.basis, x.template_code, x.template_version, x.txn_type, x.product_code, x.reversal_of '
                       'FROM %s AS x WHERE x.run_id = %s AND x.je_id < %s', acct._month_table('ledger_entry_header', m.je_month), p_run_id,
                       CASE WHEN own_range IS NULL THEN (acct._je_range(0)).from_je_id ELSE (acct._je_range(own_range)).to_je_id END), ' UNION ALL ') || ')'
              FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id) AS m);
END
$$;
COMMENT ON FUNCTION acct._posted_headers(bigint) IS
'The FROM item that gives a posted run''s journals, also those of archived months, with what reversals ask of them; NULL: it has none. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._reversal_sources(p_run_id bigint) RETURNS TABLE (is_header boolean, relation regclass, query text, origin_run bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    origin record;
    m date;
    own regclass;
BEGIN
    FOR origin IN
        SELECT v.origin_run, v.is_own, min(lower(v.je_ids)) AS low, max(upper(v.je_ids)) AS high,
               sum(v.journals) >= (SELECT r.journals / 10 FROM acct.journal_run AS r WHERE r.run_id = v.origin_run) AS is_much
          FROM (SELECT x.*, lower(x.je_ids) >= (acct._je_range(0)).from_je_id AS is_own
                  FROM acct.journal_reversal AS x WHERE x.run_id = p_run_id AND x.released_at IS NULL) AS v
         GROUP BY v.origin_run, v.is_own ORDER BY v.origin_run, v.is_own
    LOOP
        FOR m IN SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = origin.origin_run ORDER BY 1 LOOP
            origin_run := origin.origin_run;
            FOREACH is_header IN ARRAY ARRAY[true, false] LOOP
                relation := acct._month_table(CASE WHEN is_header THEN 'ledger_entry_header' ELSE 'ledger_entry_line' END, m);
                query := CASE WHEN origin.is_much THEN
                    format('SELECT x.* FROM %s AS x WHERE x.run_id = %s AND x.je_id >= %s AND x.je_id < %s', relation, origin.origin_run, origin.low, origin.high)
                ELSE
                    format('SELECT x.* FROM acct.journal_reversal AS v JOIN %s AS x ON x.je_id >= lower(v.je_ids) AND x.je_id < upper(v.je_ids) '
                           'WHERE v.run_id = %s AND v.origin_run = %s AND v.released_at IS NULL AND lower(v.je_ids) BETWEEN %s AND %s AND x.run_id = %s',
                           relation, p_run_id, origin.origin_run, origin.low, origin.high, origin.origin_run) END;
                IF NOT is_header AND origin.is_own AND origin.is_much THEN
                    -- A table that has lines of that run only.
                    SELECT c.oid INTO own FROM pg_class AS t JOIN pg_class AS c ON c.relnamespace = t.relnamespace
                      JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'heap'
                     WHERE t.oid = relation AND c.relkind = 'r'
                       AND c.relname = format('%s_run_%s', acct._partition_name('ledger_entry_line', m), origin.origin_run);
                    IF FOUND AND EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = own AND i.inhparent = relation) THEN
                        relation := own;
                        query := NULL;
                    END IF;
                END IF;
                RETURN NEXT;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._reversal_sources(bigint) IS
'Where the journals that a run reverses lie: a row for each table with headers or lines of theirs, with the query that reads them; NULL: the table has lines of one run, and is read by page. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._filter_condition(p_filter jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    names CONSTANT text[] := ARRAY['template_code', 'template_version', 'txn_type', 'product_code', 'entity_code', 'basis'];
    item record;
    elements text[];
    conditions text[] := ARRAY[]::text[];
BEGIN
    IF jsonb_typeof(p_filter) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the filter must be a JSON object' USING ERRCODE = '22023';
    END IF;
    FOR item IN SELECT e.key, e.value FROM jsonb_each(p_filter) AS e LOOP
        IF NOT item.key = ANY (names) THEN
            RAISE EXCEPTION 'unknown filter: %', item.key
                USING ERRCODE = '22023', HINT = format('A filter has: %s.', array_to_string(names, ', '));
        END IF;
        -- 1.0 is the number 1; 1.5 is no version.
        elements := ARRAY(SELECT CASE item.key WHEN 'template_version' THEN trim_scale((e.value #>> '{}')::numeric)::text ELSE e.value #>> '{}' END
                            FROM jsonb_array_elements(
                        CASE jsonb_typeof(item.value) WHEN 'array' THEN item.value ELSE jsonb_build_array(item.value) END) AS e
                       WHERE jsonb_typeof(e.value) = CASE item.key WHEN 'template_version' THEN 'number' ELSE 'string' END);
        IF elements = '{}' OR item.key = 'template_version' AND array_to_string(elements, ' ') LIKE '%.%' OR cardinality(elements) <> (CASE jsonb_typeof(item.value) WHEN 'array' THEN jsonb_array_length(item.value) ELSE 1 END) THEN
            RAISE EXCEPTION 'filter % is %', item.key, item.value
                USING ERRCODE = '22023', HINT = CASE item.key WHEN 'template_version' THEN 'It is a whole number, or an array of them.'
                                                     ELSE 'It is a string, or an array of strings.' END;
        END IF;
        conditions := conditions || format('h.%I::text = ANY (%L)', item.key, elements);
    END LOOP;
    RETURN coalesce(nullif(array_to_string(conditions, ' AND '), ''), 'true');
END
$$;
COMMENT ON FUNCTION acct._filter_condition(jsonb) IS
'The condition on journals h that a filter is: true for none. Raises 22023 on an unknown key or value.';

CREATE FUNCTION acct._reversed_by(p_origin bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format(CASE count(*) WHEN 1 THEN 'run %s' ELSE 'runs %s' END, string_agg(format('%s (%s)', v.run_id, v.status), ', ' ORDER BY v.run_id))
      FROM (SELECT DISTINCT x.run_id, r.status FROM acct.journal_reversal AS x JOIN acct.journal_run AS r USING (run_id)
             WHERE x.origin_run = p_origin AND x.released_at IS NULL) AS v
    HAVING count(*) > 0
$$;
COMMENT ON FUNCTION acct._reversed_by(bigint) IS 'The runs that reverse journals of a run, with their status; NULL: none does.';

CREATE FUNCTION acct._start_reversal(p_origin bigint, p_date date, p_reason text, p_options jsonb) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.journal_run (kind, origin_run, je_date, reason, bases, options, created_by_role)
    VALUES ('reversal', p_origin, p_date, p_reason, '{}', p_options, acct._session_role()) RETURNING run_id
$$;
COMMENT ON FUNCTION acct._start_reversal(bigint, date, text, jsonb) IS 'Creates a run of kind reversal, which claims no journals yet; its run_id.';

CREATE FUNCTION acct._claim_journals(p_run_id bigint, p_origin bigint, p_condition text,
                                     OUT journals bigint, OUT latest date, OUT entities text[], OUT bases text[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    headers CONSTANT text := acct._posted_headers(p_origin);
    is_touched CONSTANT boolean := EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.origin_run = p_origin AND v.released_at IS NULL);
    first_of_ranges CONSTANT bigint := (acct._je_range(0)).from_je_id;
    own_journals bigint := 0;
    own_latest date;
    own_ids int8range;
BEGIN
    IF headers IS NULL THEN
        journals := 0;
        RETURN;
    ELSIF p_condition = 'true' AND NOT is_touched THEN
        -- All journals of the run's own range are one claim.
        EXECUTE format('SELECT count(*), max(h.je_date), int8range(min(h.je_id), max(h.je_id) + 1) FROM %s AS h WHERE h.je_id >= %s',
                       headers, first_of_ranges) INTO own_journals, own_latest, own_ids;
        IF own_journals > 0 THEN
            INSERT INTO acct.journal_reversal (run_id, origin_run, je_ids, journals) VALUES (p_run_id, p_origin, own_ids, own_journals);
        END IF;
    END IF;
    -- Others are claimed by identifiers that follow each other.
    EXECUTE format($q$
        WITH chosen AS MATERIALIZED (
            SELECT h.je_id, h.je_date, h.entity_code, h.basis FROM %1$s AS h WHERE (%2$s) AND %3$s AND %6$s),
        claim AS (
            INSERT INTO acct.journal_reversal (run_id, origin_run, je_ids, journals)
            SELECT %4$s, %5$s, int8range(min(c.je_id), max(c.je_id) + 1), count(*)
              FROM (SELECT x.je_id, x.je_id - row_number() OVER (ORDER BY x.je_id) AS stretch FROM chosen AS x) AS c
             GROUP BY c.stretch)
        SELECT count(*), max(x.je_date),
               ARRAY(SELECT b.entity_code FROM (SELECT DISTINCT y.entity_code, y.basis FROM chosen AS y) AS b ORDER BY b.entity_code, b.basis),
               ARRAY(SELECT b.basis FROM (SELECT DISTINCT y.entity_code, y.basis FROM chosen AS y) AS b ORDER BY b.entity_code, b.basis)
          FROM chosen AS x$q$, headers, p_condition,
        CASE WHEN is_touched THEN 'NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.je_ids @> h.je_id AND v.released_at IS NULL)' ELSE 'true' END,
        p_run_id, p_origin, CASE WHEN own_journals > 0 THEN format('h.je_id < %s', first_of_ranges) ELSE 'true' END)
      INTO journals, latest, entities, bases;
    IF own_journals > 0 THEN
        journals := journals + own_journals;
        latest := greatest(latest, own_latest);
        SELECT array_agg(b.entity_code ORDER BY b.entity_code, b.basis), array_agg(b.basis ORDER BY b.entity_code, b.basis) INTO entities, bases
          FROM (SELECT DISTINCT t.entity_code, t.basis FROM acct.journal_run_total AS t WHERE t.run_id = p_origin) AS b;
    END IF;
EXCEPTION WHEN exclusion_violation THEN
    -- The lock of the run is what keeps two sessions apart; this has the last word.
    RAISE EXCEPTION 'journals of run % are reversed by another run', p_origin USING ERRCODE = 'LE008';
END
$$;
COMMENT ON FUNCTION acct._claim_journals(bigint, bigint, text) IS
'Claims for a reversal those journals of a posted run that a condition fits and no run reverses: their number, their latest date, and their books. Raises LE008 where another run claimed one meanwhile, LE002 where a month was dropped.';

CREATE FUNCTION acct._corrections_of(p_runs bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT ARRAY(SELECT r.run_id FROM acct.journal_run AS r
                  WHERE r.kind = 'correction' AND r.origin_run = ANY (p_runs) AND acct._is_posted(r.status) ORDER BY r.run_id)
$$;
COMMENT ON FUNCTION acct._corrections_of(bigint[]) IS 'The posted runs that correct journals of some runs.';

CREATE FUNCTION acct._lock_reversible(p_runs bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    locked bigint[] := ARRAY[]::bigint[];
    wanted bigint[];
    id bigint;
    run record;
BEGIN
    -- In the order of their numbers. A correction that is posted meanwhile is locked, too.
    LOOP
        wanted := ARRAY(SELECT x FROM unnest(p_runs) AS x UNION SELECT x FROM unnest(acct._corrections_of(p_runs)) AS x ORDER BY 1);
        EXIT WHEN wanted <@ locked;
        FOREACH id IN ARRAY wanted LOOP
            CONTINUE WHEN id = ANY (locked);
            -- What is no posted run is not waited for: another session may have it, and wait for one of these.
            SELECT r.kind, r.status INTO run FROM acct.journal_run AS r WHERE r.run_id = id;
            IF run.kind = 'reversal' THEN
                RAISE EXCEPTION 'run % is a reversal, which cannot be reversed', id
                    USING ERRCODE = 'LE002', HINT = 'Book its transactions again: acct.rebook_run().';
            ELSIF NOT acct._is_posted(coalesce(run.status, 'posted')) THEN
                PERFORM acct._wrong_state(id, run.status, CASE run.status WHEN 'discarded' THEN 'It has no journals.'
                                                               ELSE 'It is not posted: acct.discard_run() ends it.' END);
            END IF;
            PERFORM acct._lock_run(id);
            locked := locked || id;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._lock_reversible(bigint[]) IS
'Locks posted runs whose journals are to be reversed, and those that correct them, to the end of the transaction. Raises LE001 (no such run), LE002 (not posted, or a reversal).';

CREATE FUNCTION acct._finish_reversal(p_run_id bigint, p_journals bigint, p_latest date, p_entities text[], p_bases text[], p_started timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    closed text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.je_date < p_latest THEN
        RAISE EXCEPTION 'a reversal of % would be before a journal that it reverses', to_char(run.je_date, 'YYYY-MM-DD')
            USING ERRCODE = '22023', DETAIL = format('The latest of these journals is of %s.', to_char(p_latest, 'YYYY-MM-DD')),
                  HINT = 'Give that date or a later one.';
    END IF;
    IF acct._is_archived('ledger_entry', date_trunc('month', run.je_date)::date) THEN
        PERFORM acct._raise_archived('ledger_entry', date_trunc('month', run.je_date)::date);
    END IF;
    SELECT string_agg(DISTINCT format('%s %s %s', b.entity_code, b.basis, acct._month_name(run.je_date)), ', ') INTO closed
      FROM unnest(p_entities, p_bases) AS b (entity_code, basis)
     WHERE acct._is_closed(b.entity_code, b.basis, date_trunc('month', run.je_date)::date);
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'a reversal of % would be in a closed period', to_char(run.je_date, 'YYYY-MM-DD')
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || closed || '.', HINT = 'Give a date in an open period, or reopen this one.';
    END IF;
    UPDATE acct.journal_run AS r SET bases = ARRAY(SELECT DISTINCT b COLLATE "C" FROM unnest(p_bases) AS b ORDER BY 1) WHERE r.run_id = p_run_id;
    INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail, peak_memory)
    VALUES (p_run_id, 'create', p_journals, acct._elapsed_ms(p_started),
            jsonb_build_object('kind', 'reversal', 'origin_run', run.origin_run, 'phases_ms', acct._progress_times()), acct._peak_memory());
END
$$;
COMMENT ON FUNCTION acct._finish_reversal(bigint, bigint, date, text[], text[], timestamptz) IS
'Completes a run that reverses journals of some books, the latest of which is of a date. Raises 22023 (its date is before that), LE006 (its period is closed, or archived).';

CREATE FUNCTION acct._refuse_pending_reversal(p_run_id bigint, p_origin bigint, p_correction bigint, p_condition text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    pending CONSTANT bigint[] := ARRAY(SELECT DISTINCT v.run_id FROM acct.journal_reversal AS v JOIN acct.journal_run AS r ON r.run_id = v.run_id
                                        WHERE v.origin_run = p_correction AND v.released_at IS NULL AND v.run_id <> p_run_id AND NOT acct._is_posted(r.status));
    other bigint;
BEGIN
    IF pending <> '{}' THEN
        EXECUTE format('SELECT min(v.run_id) FROM %s AS h JOIN acct.journal_reversal AS v ON v.je_ids @> h.je_id AND v.released_at IS NULL AND v.run_id = ANY ($1) WHERE %s',
                       acct._posted_headers(p_correction), p_condition) INTO other USING pending;
    END IF;
    IF other IS NOT NULL THEN
        RAISE EXCEPTION 'a correction of these journals waits to be reversed by another run'
            USING ERRCODE = 'LE008', DETAIL = format('Run %s, which is not posted, reverses journals of run %s, which corrects run %s.', other, p_correction, p_origin),
                  HINT = 'Post that run, or end it with acct.discard_run(), and call again.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_pending_reversal(bigint, bigint, bigint, text) IS
'Raises LE008 where a correction that a condition fits, as those of journals that a reversal has claimed, is claimed by another reversal that is not posted: discarded, that one would leave the correction standing without its original.';

CREATE FUNCTION acct._refuse_lone_correction(p_run_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    correction record;
    other bigint;
BEGIN
    FOR correction IN SELECT DISTINCT c.run_id, c.origin_run FROM acct.journal_reversal AS v JOIN acct.journal_run AS c ON c.run_id = v.origin_run
                       WHERE v.run_id = p_run_id AND v.released_at IS NULL AND c.kind = 'correction'
                         AND EXISTS (SELECT FROM acct.journal_reversal AS o WHERE o.origin_run = c.origin_run AND o.released_at IS NULL AND o.run_id <> p_run_id)
                         -- What was dropped can neither be read nor reversed.
                         AND NOT EXISTS (SELECT FROM acct.journal_run_total AS t WHERE t.run_id = c.run_id AND acct._is_dropped('ledger_entry', t.je_month)) LOOP
        EXECUTE format('SELECT min(o.run_id) FROM %s AS h JOIN acct.journal_reversal AS v ON v.je_ids @> h.je_id AND v.released_at IS NULL AND v.run_id = $1 '
                       '  JOIN acct.journal_reversal AS o ON o.origin_run = $2 AND o.je_ids @> h.reversal_of AND o.released_at IS NULL AND o.run_id <> $1',
                       acct._posted_headers(correction.run_id)) INTO other USING p_run_id, correction.origin_run;
        IF other IS NOT NULL THEN
            RAISE EXCEPTION 'run % cannot be discarded: another run reverses the journals that the correction which it reverses corrects', p_run_id
                USING ERRCODE = 'LE008', DETAIL = format('Run %s corrects journals of run %s, which run %s reverses.', correction.run_id, correction.origin_run, other),
                      HINT = 'Post it: the correction would stand without its originals. Or discard the other run first, if it is not posted.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._refuse_lone_correction(bigint) IS
'Raises LE008 where discarding a reversal would leave a correction standing whose originals another run reverses, as older versions let happen.';

CREATE FUNCTION acct._claim_with_corrections(p_run_id bigint, p_origin bigint, p_condition text,
                                             OUT journals bigint, OUT latest date, OUT entities text[], OUT bases text[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    of_claimed CONSTANT text := format('EXISTS (SELECT FROM acct.journal_reversal AS o WHERE o.run_id = %s AND o.origin_run = %s AND o.je_ids @> h.reversal_of)', p_run_id, p_origin);
    correction bigint;
    more record;
BEGIN
    SELECT c.* INTO journals, latest, entities, bases FROM acct._claim_journals(p_run_id, p_origin, p_condition) AS c;
    IF journals = 0 THEN
        RETURN;
    END IF;
    FOREACH correction IN ARRAY acct._corrections_of(ARRAY[p_origin]) LOOP
        PERFORM acct._refuse_pending_reversal(p_run_id, p_origin, correction, of_claimed);
        SELECT c.* INTO more FROM acct._claim_journals(p_run_id, correction, of_claimed) AS c;
        journals := journals + more.journals;
        latest := greatest(latest, more.latest);
        entities := entities || coalesce(more.entities, '{}');
        bases := bases || coalesce(more.bases, '{}');
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._claim_with_corrections(bigint, bigint, text) IS
'_claim_journals(), and the same of the journals that correct those which were claimed. Raises LE008 where a run that is not posted has claimed one of the latter.';

CREATE FUNCTION acct.reverse_run(run_id bigint, reversal_date date, reason text, filter jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    origin CONSTANT bigint := reverse_run.run_id;
    started CONSTANT timestamptz := clock_timestamp();
    condition text;
    claimed record;
    others text;
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_reason(reverse_run.reversal_date, reverse_run.reason);
    condition := acct._filter_condition(reverse_run.filter);
    PERFORM acct._lock_reversible(ARRAY[origin]);
    PERFORM acct._refuse_closing_runs(ARRAY[origin]);
    PERFORM acct._hold_ledger();
    PERFORM acct._require_months_of(origin || acct._corrections_of(ARRAY[origin]));
    id := acct._start_reversal(origin, reverse_run.reversal_date, reverse_run.reason,
                               CASE reverse_run.filter WHEN '{}' THEN '{}' ELSE jsonb_build_object('filter', reverse_run.filter) END);
    -- crash point: reverse_inserted
    PERFORM acct._progress_start(id, 'create', NULL);
    SELECT c.* INTO claimed FROM acct._claim_with_corrections(id, origin, condition) AS c;
    -- crash point: reverse_claimed
    IF claimed.journals = 0 THEN
        others := acct._reversed_by(origin);
        IF others IS NOT NULL THEN
            RAISE EXCEPTION 'run % is reversed already', origin
                USING ERRCODE = 'LE008', DETAIL = format(CASE condition WHEN 'true' THEN 'Its journals are reversed by %s.'
                                                         ELSE 'Journals of it are reversed by %s; the filter fits none that is left.' END, others),
                      HINT = 'acct.discard_run() ends a reversal that is not posted.';
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'LE002',
            MESSAGE = CASE condition WHEN 'true' THEN format('run %s has no journals', origin) ELSE format('the filter fits no journal of run %s', origin) END,
            HINT = 'There is nothing to reverse.';
    END IF;
    PERFORM acct._finish_reversal(id, claimed.journals, claimed.latest, claimed.entities, claimed.bases, started);
    PERFORM acct._progress_end();
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.reverse_run(bigint, date, text, jsonb) IS
'Creates a run, to be expanded and posted like any other, that reverses the journals of a posted run which no other run reverses, or those that a filter fits, with the corrections of these; returns its run_id. Raises LE001, LE002 (not posted, a reversal, nothing to reverse, a month of it was dropped), LE006 (the date''s period is closed), LE008 (reversed already, or a correction of it waits to be), 22004, 22023 (the date is before a journal''s, no reason, unknown filter), 55P03 (locked).';

CREATE FUNCTION acct._find_journals(p_je_ids bigint[]) RETURNS TABLE (je_id bigint, run_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    month regclass;
BEGIN
    RETURN QUERY SELECT h.je_id, h.run_id FROM acct.ledger_entry_header AS h WHERE h.je_id = ANY (p_je_ids);
    FOR month IN SELECT acct._month_table('ledger_entry_header', a.month) FROM acct.archived_partition AS a
                  WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NULL ORDER BY a.month LOOP
        RETURN QUERY EXECUTE format('SELECT h.je_id, h.run_id FROM %s AS h WHERE h.je_id = ANY ($1)', month) USING p_je_ids;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._find_journals(bigint[]) IS 'Those of some journals that are in the ledger or its archive, each with its run.';

CREATE FUNCTION acct._find_runs(p_je_ids bigint[], OUT by_run jsonb, OUT runs bigint[])
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._hold_ledger();
    SELECT coalesce(jsonb_object_agg(x.run_id, x.je_ids), '{}'), array_agg(x.run_id ORDER BY x.run_id) INTO by_run, runs
      FROM (SELECT f.run_id, array_agg(f.je_id) AS je_ids FROM acct._find_journals(p_je_ids) AS f GROUP BY f.run_id) AS x;
    -- The locks of the ledger end with the subtransaction: whoever posts has locked runs before it needs the ledger to itself.
    RAISE SQLSTATE 'RB001';
EXCEPTION WHEN SQLSTATE 'RB001' THEN
    RETURN;
END
$$;
COMMENT ON FUNCTION acct._find_runs(bigint[]) IS
'Those of some journals that are in the ledger or its archive, by run, and these runs in the order of their numbers. Keeps no lock of the ledger.';

CREATE FUNCTION acct.reverse_journals(je_ids bigint[], reversal_date date, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    wanted CONSTANT bigint[] := ARRAY(SELECT DISTINCT j FROM unnest(reverse_journals.je_ids) AS j ORDER BY j);
    started CONSTANT timestamptz := clock_timestamp();
    by_run jsonb;
    runs bigint[];
    missing bigint[];
    taken record;
    origin bigint;
    claimed record;
    id bigint;
    journals bigint := 0;
    latest date;
    entities text[] := ARRAY[]::text[];
    bases text[] := ARRAY[]::text[];
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._require_reason(reverse_journals.reversal_date, reverse_journals.reason);
    IF reverse_journals.je_ids IS NULL OR array_position(wanted, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'the journals must be given' USING ERRCODE = '22004', HINT = 'They are named by their je_id.';
    ELSIF wanted = '{}' THEN
        RAISE EXCEPTION 'no journals are given' USING ERRCODE = '22023', HINT = 'They are named by their je_id.';
    END IF;
    SELECT f.* INTO by_run, runs FROM acct._find_runs(wanted) AS f;
    missing := ARRAY(SELECT w FROM unnest(wanted) AS w
                     EXCEPT SELECT f::bigint FROM jsonb_each(by_run) AS r, jsonb_array_elements_text(r.value) AS f ORDER BY 1);
    IF missing <> '{}' THEN
        RAISE EXCEPTION 'journals that are not in the ledger: %', acct._first_of(missing::text[])
            USING ERRCODE = '22023', HINT = 'Journals are named by their je_id. Those of a month that was dropped cannot be reversed.';
    END IF;
    PERFORM acct._lock_reversible(runs);
    PERFORM acct._refuse_closing_runs(runs);
    PERFORM acct._hold_ledger();
    PERFORM acct._require_months_of(runs || acct._corrections_of(runs));
    SELECT w.je_id, v.run_id, r.status INTO taken
      FROM unnest(wanted) AS w (je_id) JOIN acct.journal_reversal AS v ON v.je_ids @> w.je_id AND v.released_at IS NULL
      JOIN acct.journal_run AS r ON r.run_id = v.run_id ORDER BY w.je_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % is reversed already', taken.je_id
            USING ERRCODE = 'LE008', DETAIL = format('It is reversed by run %s (%s).', taken.run_id, taken.status),
                  HINT = 'acct.discard_run() ends a reversal that is not posted.';
    END IF;
    id := acct._start_reversal(CASE cardinality(runs) WHEN 1 THEN runs[1] END, reverse_journals.reversal_date, reverse_journals.reason, '{}');
    PERFORM acct._progress_start(id, 'create', NULL);
    FOREACH origin IN ARRAY runs LOOP
        SELECT c.* INTO claimed FROM acct._claim_with_corrections(id, origin, format('h.je_id = ANY (%L)',
            ARRAY(SELECT j::bigint FROM jsonb_array_elements_text(by_run -> origin::text) AS j))) AS c;
        journals := journals + claimed.journals;
        latest := greatest(latest, claimed.latest);
        entities := entities || coalesce(claimed.entities, '{}');
        bases := bases || coalesce(claimed.bases, '{}');
    END LOOP;
    -- crash point: journals_claimed
    PERFORM acct._finish_reversal(id, journals, latest, entities, bases, started);
    PERFORM acct._progress_end();
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.reverse_journals(bigint[], date, text) IS
'Creates a run, to be expanded and posted like any other, that reverses some posted journals and their corrections; returns its run_id. Raises LE002 (a journal is a reversal), LE006 (the date''s period is closed), LE008 (a journal is reversed already, or a correction of it waits to be), 22004, 22023 (no such journal, the date is before a journal''s, no reason), 55P03 (locked).';

CREATE FUNCTION acct._add_digests(p_digests text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- By words of 32 bits, lowest first; a sum of so few fits a bigint.
    WITH RECURSIVE word AS (
        SELECT w.n, sum(('x' || substr(d, 25 - 8 * w.n, 8))::bit(32)::bigint & 4294967295)::bigint AS sum
          FROM unnest(p_digests) AS d CROSS JOIN generate_series(0, 3) AS w (n) GROUP BY w.n),
    added AS (
        SELECT 0 AS n, w.sum & 4294967295 AS low, w.sum >> 32 AS carry FROM word AS w WHERE w.n = 0
        UNION ALL
        SELECT w.n, (w.sum + a.carry) & 4294967295, (w.sum + a.carry) >> 32 FROM added AS a JOIN word AS w ON w.n = a.n + 1)
    SELECT coalesce(string_agg(lpad(to_hex(a.low), 8, '0'), '' ORDER BY a.n DESC), repeat('0', 32)) FROM added AS a
$$;
COMMENT ON FUNCTION acct._add_digests(text[]) IS 'The digest of lines whose parts have these digests: their sum modulo 2^128.';

CREATE FUNCTION acct._originals_now(p_run_id bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    source record;
    found record;
    digests text[] := ARRAY[]::text[];
    is_complete boolean;
BEGIN
    lines := 0;
    debit := 0;
    credit := 0;
    PERFORM acct._hold_ledger();
    FOR source IN SELECT s.* FROM acct._reversal_sources(p_run_id) AS s WHERE NOT s.is_header LOOP
        is_complete := source.query IS NULL AND (
            SELECT sum(v.journals) FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id AND v.origin_run = source.origin_run)
            = (SELECT r.journals FROM acct.journal_run AS r WHERE r.run_id = source.origin_run);
        IF is_complete THEN
            SELECT d.* INTO found FROM acct._digest_table(source.relation) AS d;
        ELSE
            SELECT d.* INTO found FROM acct._digest_lines(format(
                'SELECT x.txn_id, x.je_date, x.line_no, x.entity_code, x.basis, x.account_code, x.fund, x.currency, x.product_code, x.channel, '
                'x.debit, x.credit FROM (%s) AS x WHERE EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.je_ids @> x.je_id AND v.run_id = %s '
                'AND v.released_at IS NULL)', coalesce(source.query, format('SELECT * FROM %s', source.relation)), p_run_id)) AS d;
        END IF;
        lines := lines + found.lines;
        debit := debit + found.debit;
        credit := credit + found.credit;
        digests := digests || found.digest;
    END LOOP;
    digest := acct._add_digests(digests);
END
$$;
COMMENT ON FUNCTION acct._originals_now(bigint) IS
'Count, sums and digest of the lines that a run reverses, as they are in the ledger and its archive now. Raises LE002 where a month was dropped.';

CREATE FUNCTION acct._check_originals(p_run_id bigint, p_reads boolean) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    now_there record;
BEGIN
    PERFORM acct._progress_phase('checking source');
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    RETURN QUERY
    SELECT 'journals_claimed', coalesce(sum(v.journals), 0)::text, run.journals::text
      FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id AND v.released_at IS NULL;
    IF NOT p_reads THEN
        RETURN;
    END IF;
    SELECT o.* INTO now_there FROM acct._originals_now(p_run_id) AS o;
    RETURN QUERY VALUES
        ('originals_unchanged', run.source_digest, now_there.digest),
        ('originals_mirrored', format('%s lines, debit %s, credit %s', now_there.lines, trim_scale(now_there.credit), trim_scale(now_there.debit)),
         format('%s lines, debit %s, credit %s', run.lines, trim_scale(run.debit), trim_scale(run.credit)));
    -- Where it reverses all of some runs, what these moved is known by account.
    IF NOT EXISTS (SELECT FROM acct.journal_reversal AS v JOIN acct.journal_run AS r ON r.run_id = v.origin_run
                    WHERE v.run_id = p_run_id AND v.released_at IS NULL GROUP BY r.run_id, r.journals HAVING sum(v.journals) <> r.journals) THEN
        RETURN QUERY
        SELECT 'totals_mirrored', '', coalesce(acct._first_of(array_agg(concat_ws(' ', x.entity_code, x.basis, x.fund, x.account_code, x.currency)
                                                                        ORDER BY x.entity_code, x.basis, x.fund, x.account_code, x.currency)), '')
          FROM (SELECT t.entity_code, t.basis, t.fund, t.account_code, t.currency
                  FROM acct.journal_run_total AS t
                 WHERE t.run_id = p_run_id OR t.run_id IN (SELECT v.origin_run FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id)
                 GROUP BY 1, 2, 3, 4, 5
                HAVING sum(CASE t.run_id WHEN p_run_id THEN t.debit ELSE -t.credit END) <> 0
                    OR sum(CASE t.run_id WHEN p_run_id THEN t.credit ELSE -t.debit END) <> 0
                    OR sum(CASE t.run_id WHEN p_run_id THEN t.line_count ELSE -t.line_count END) <> 0) AS x;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_originals(bigint, boolean) IS
'The checks of validate_run that compare a reversal with its originals: it has the journals that it claimed. With p_reads also: their lines are unchanged, and its own are those with sides swapped, by account where it reverses complete runs.';

CREATE FUNCTION acct._require_originals(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    wrong record;
BEGIN
    -- Of a single run, all of whose journals are reversed, the digest is known.
    SELECT o.run_id, o.digest, r.source_digest INTO wrong
      FROM acct.journal_run AS r JOIN acct.journal_run AS o ON o.run_id = r.origin_run AND o.journals = r.journals
     WHERE r.run_id = p_run_id AND o.digest <> r.source_digest
       AND NOT EXISTS (SELECT FROM acct.journal_reversal AS v WHERE v.run_id = p_run_id AND v.origin_run <> o.run_id);
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of run % are not those that it posted', wrong.run_id
            USING ERRCODE = 'LE009', DETAIL = format('Digest %s, not %s.', wrong.source_digest, wrong.digest),
                  HINT = format('See acct.validate_run(%s).', wrong.run_id);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_originals(bigint) IS 'Raises LE009 where a reversal of a complete run read other lines than those that were posted.';

CREATE FUNCTION acct._count_reversed(p_run_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    UPDATE acct.journal_run AS r
       SET reversed_journals = r.reversed_journals + v.journals,
           status = CASE WHEN r.reversed_journals + v.journals = r.journals THEN 'reversed' ELSE r.status END
      FROM (SELECT x.origin_run, sum(x.journals)::bigint AS journals FROM acct.journal_reversal AS x
             WHERE x.run_id = p_run_id AND x.released_at IS NULL GROUP BY x.origin_run) AS v
     WHERE r.run_id = v.origin_run
$$;
COMMENT ON FUNCTION acct._count_reversed(bigint) IS
'Counts the journals that a run which is posted reverses in the runs that posted them, which the caller has locked; a run is reversed when all of its journals are.';

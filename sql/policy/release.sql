-- Releases: changes of master data, account maps and templates that are proposed, submitted and approved together.

CREATE FUNCTION acct._release_tables() RETURNS TABLE (n integer, table_name text, key_columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- In the order in which rows refer to each other. The key is that of the row, as people know it.
    VALUES (1, 'currency', ARRAY['currency']),
           (2, 'fund', ARRAY['fund']),
           (3, 'accounting_basis', ARRAY['basis']),
           (4, 'entity', ARRAY['entity_code']),
           (5, 'chart_of_accounts', ARRAY['account_code']),
           (6, 'product_account_map', ARRAY['product_code', 'channel', 'account_code', 'fund', 'effective_from']),
           (7, 'elimination_pair', ARRAY['pair_code']),
           (8, 'statement_layout', ARRAY['layout']),
           (9, 'statement_line', ARRAY['layout', 'line_no']),
           (10, 'statement_account', ARRAY['layout', 'line_no', 'selection_no']),
           (11, 'statement_column', ARRAY['layout', 'column_no'])
$$;
COMMENT ON FUNCTION acct._release_tables() IS 'The tables whose changes are proposed in releases, each with a draft table of its name and _draft.';

CREATE FUNCTION acct._layout_release() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.policy_release (
        release_id bigint GENERATED ALWAYS AS IDENTITY,
        title text NOT NULL,
        note text,
        status text NOT NULL DEFAULT 'draft',
        maker text NOT NULL DEFAULT session_user,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        submitted_by text,
        submitted_at timestamptz,
        returned_by text,
        returned_at timestamptz,
        return_note text,
        approver text,
        approved_at timestamptz,
        approved_sha256 text COLLATE "C",
        CONSTRAINT policy_release_pkey PRIMARY KEY (release_id),
        CONSTRAINT chk_release_title CHECK (btrim(title) <> ''),
        CONSTRAINT chk_release_status CHECK (status IN ('draft', 'submitted', 'approved', 'returned')),
        CONSTRAINT chk_release_approval CHECK (status <> 'approved' OR (approver IS NOT NULL AND approver <> maker))
    );
    ALTER TABLE acct.journal_template ADD COLUMN IF NOT EXISTS release_id bigint REFERENCES acct.policy_release;
    CREATE TABLE IF NOT EXISTS acct.template_retirement_draft (
        release_id bigint NOT NULL,
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        effective_to date NOT NULL,
        approved_row jsonb,
        CONSTRAINT template_retirement_draft_pkey PRIMARY KEY (release_id, template_code, version),
        CONSTRAINT template_retirement_draft_release_fkey
            FOREIGN KEY (release_id) REFERENCES acct.policy_release ON DELETE CASCADE
    );
    PERFORM acct._make_draft_table(r.table_name) FROM acct._release_tables() AS r ORDER BY r.n;
    CREATE OR REPLACE TRIGGER policy_release_life BEFORE INSERT OR UPDATE OR DELETE ON acct.policy_release
        FOR EACH ROW EXECUTE FUNCTION acct._guard_release();
    CREATE OR REPLACE TRIGGER journal_template_release BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template_release();
    CREATE OR REPLACE TRIGGER template_retirement_draft_life BEFORE INSERT OR UPDATE OR DELETE ON acct.template_retirement_draft
        FOR EACH ROW EXECUTE FUNCTION acct._guard_retirement_draft();
    FOREACH t IN ARRAY ARRAY['policy_release', 'template_retirement_draft']
                       || ARRAY(SELECT r.table_name || '_draft' FROM acct._release_tables() AS r) LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
    CREATE INDEX IF NOT EXISTS template_audit_release_idx ON acct.template_audit ((row_key ->> 'release_id'))
        WHERE row_key ->> 'release_id' IS NOT NULL;
    PERFORM acct._layout_release_views();
END
$layout$;
COMMENT ON FUNCTION acct._layout_release() IS 'The part of install() that creates releases and their draft tables.';

CREATE FUNCTION acct._make_draft_table(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    draft CONSTANT text := p_table || '_draft';
    is_map CONSTANT boolean := p_table = 'product_account_map';
    key text := (SELECT string_agg(quote_ident(k), ', ' ORDER BY x.n) FROM acct._release_tables() AS r, unnest(r.key_columns) WITH ORDINALITY AS x (k, n)
                  WHERE r.table_name = p_table);
    c name;
    column_def text;
BEGIN
    IF to_regclass(format('acct.%I', draft)) IS NULL THEN
        -- The columns of the approved table, in its order: INSERT ... SELECT release_id, 'update', t.* FROM it AS t.
        EXECUTE format('CREATE TABLE acct.%I (release_id bigint NOT NULL, operation text NOT NULL, LIKE acct.%I INCLUDING CONSTRAINTS, '
                       '%s approved_row jsonb, CONSTRAINT chk_draft_operation CHECK (operation IN (''insert'', ''update'', ''delete'')), '
                       'CONSTRAINT %I FOREIGN KEY (release_id) REFERENCES acct.policy_release ON DELETE CASCADE, %s)', draft, p_table,
                       CASE WHEN is_map THEN 'draft_no bigint GENERATED ALWAYS AS IDENTITY,' END, draft || '_release_fkey',
                       -- A row of the map has no number yet, and its key may be without a channel.
                       CASE WHEN is_map THEN format('CONSTRAINT %I PRIMARY KEY (release_id, draft_no), CONSTRAINT %I UNIQUE (release_id, map_id)', draft || '_pkey', draft || '_map_key')
                            ELSE format('CONSTRAINT %I PRIMARY KEY (release_id, %s)', draft || '_pkey', key) END);
        -- The trigger fills in the columns that are left out.
        FOR c IN SELECT a.attname FROM pg_attribute AS a
                  WHERE a.attrelid = format('acct.%I', draft)::regclass AND a.attnum > 0 AND a.attnotnull
                    AND a.attname NOT IN ('release_id', 'operation', 'draft_no')
                    AND (is_map OR NOT EXISTS (SELECT FROM acct._release_tables() AS r WHERE r.table_name = p_table AND a.attname = ANY (r.key_columns))) LOOP
            EXECUTE format('ALTER TABLE acct.%I ALTER COLUMN %I DROP NOT NULL', draft, c);
        END LOOP;
    END IF;
    -- What the approved table got since
    FOR column_def IN SELECT format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation <> 0 THEN ' COLLATE ' || a.attcollation::regcollation END)
                        FROM pg_attribute AS a
                       WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
                         AND NOT EXISTS (SELECT FROM pg_attribute AS d WHERE d.attrelid = format('acct.%I', draft)::regclass AND d.attname = a.attname)
                       ORDER BY a.attnum LOOP
        EXECUTE format('ALTER TABLE acct.%I ADD COLUMN %s', draft, column_def);
    END LOOP;
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OR DELETE ON acct.%I '
                   'FOR EACH ROW EXECUTE FUNCTION acct._guard_draft()', draft || '_life', draft);
END
$$;
COMMENT ON FUNCTION acct._make_draft_table(text) IS
'Creates the draft table of a table: release, operation, the columns of the table, and the approved row that the draft was made from.';

CREATE FUNCTION acct._layout_release_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    changes text;
BEGIN
    SELECT string_agg(format(
        'SELECT d.release_id, %s AS n, %L AS table_name, d.operation, %s AS row_key, d.approved_row AS old_row, '
        '       CASE WHEN d.operation <> ''delete'' THEN to_jsonb(d) - ''{release_id,operation,approved_row,draft_no}''::text[] END AS new_row, '
        '       d.operation <> ''insert'' AND jsonb_strip_nulls(to_jsonb(t)) IS DISTINCT FROM jsonb_strip_nulls(d.approved_row) '
        '       OR d.operation = ''insert'' AND t.%I IS NOT NULL AS outdated '
        '  FROM acct.%I AS d LEFT JOIN acct.%I AS t ON %s', r.n, r.table_name,
        (SELECT 'jsonb_build_object(' || string_agg(format('%L, d.%I', k, k), ', ' ORDER BY x.n) || ')' FROM unnest(r.key_columns) WITH ORDINALITY AS x (k, n)),
        r.key_columns[1], r.table_name || '_draft', r.table_name,
        CASE r.table_name
            WHEN 'product_account_map' THEN 't.map_id = d.map_id OR d.map_id IS NULL AND (t.product_code, t.account_code, t.fund, t.effective_from) = '
                                            '(d.product_code, d.account_code, d.fund, d.effective_from) AND t.channel IS NOT DISTINCT FROM d.channel'
            ELSE (SELECT string_agg(format('t.%1$I = d.%1$I', k), ' AND ') FROM unnest(r.key_columns) AS k) END), ' UNION ALL ' ORDER BY r.n)
      INTO changes FROM acct._release_tables() AS r;
    EXECUTE format($view$
    CREATE OR REPLACE VIEW acct.release_changes AS
    SELECT c.release_id, p.status, c.table_name, c.operation, c.row_key,
           CASE c.operation WHEN 'update' THEN (SELECT jsonb_object_agg(k, c.old_row -> k) FROM jsonb_object_keys(c.new_row) AS k
                                                 WHERE c.old_row -> k IS DISTINCT FROM c.new_row -> k) ELSE c.old_row END AS old_values,
           CASE c.operation WHEN 'update' THEN (SELECT jsonb_object_agg(k, c.new_row -> k) FROM jsonb_object_keys(c.new_row) AS k
                                                 WHERE c.old_row -> k IS DISTINCT FROM c.new_row -> k) ELSE c.new_row END AS new_values,
           p.status <> 'approved' AND c.outdated AS outdated
      FROM (%s
            UNION ALL
            SELECT t.release_id, 12 AS n, 'journal_template' AS table_name, 'insert' AS operation,
                   jsonb_build_object('template_code', t.template_code, 'version', t.version) AS row_key, NULL::jsonb AS old_row, x.content AS new_row, false AS outdated
              FROM acct.journal_template AS t JOIN acct.template_content AS x USING (template_code, version) WHERE t.release_id IS NOT NULL
            UNION ALL
            SELECT d.release_id, 13 AS n, 'journal_template' AS table_name, 'retire' AS operation,
                   jsonb_build_object('template_code', d.template_code, 'version', d.version) AS row_key, d.approved_row AS old_row,
                   jsonb_build_object('status', 'retired', 'effective_to', d.effective_to) AS new_row,
                   d.approved_row IS DISTINCT FROM jsonb_build_object('status', t.status, 'effective_to', t.effective_to) AS outdated
              FROM acct.template_retirement_draft AS d LEFT JOIN acct.journal_template AS t USING (template_code, version)) AS c
      JOIN acct.policy_release AS p USING (release_id)
     ORDER BY c.release_id, c.n, c.row_key$view$, changes);

    CREATE OR REPLACE VIEW acct.release_content AS
    SELECT p.release_id, p.title, p.status, s.content_sha256, p.approved_sha256, p.approved_sha256 = s.content_sha256 AS unchanged, c.content
      FROM acct.policy_release AS p
     CROSS JOIN LATERAL (
        SELECT jsonb_build_object('title', p.title, 'note', p.note, 'changes', coalesce((
                   SELECT jsonb_agg(jsonb_build_object('table', x.table_name, 'operation', x.operation, 'key', x.row_key,
                                                       'old', x.old_values, 'new', x.new_values)
                                    ORDER BY x.table_name COLLATE "C", x.operation COLLATE "C", x.row_key, x.new_values)
                     FROM acct.release_changes AS x WHERE x.release_id = p.release_id), '[]')) AS content) AS c
     CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(c.content::text, 'UTF8')), 'hex') AS content_sha256) AS s;
END
$layout$;
COMMENT ON FUNCTION acct._layout_release_views() IS 'The part of install() that creates the views of what releases change.';

CREATE FUNCTION acct._comment_release() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.policy_release IS 'Releases: changes of policy that one person proposes and another approves, all or nothing. Written by the release functions.';
    COMMENT ON COLUMN acct.policy_release.release_id IS 'Number of the release.';
    COMMENT ON COLUMN acct.policy_release.title IS 'Changes in it, in a few words.';
    COMMENT ON COLUMN acct.policy_release.note IS 'Why, and what else its approver should know.';
    COMMENT ON COLUMN acct.policy_release.status IS 'draft, submitted, approved or returned; drafts and returned ones can be edited.';
    COMMENT ON COLUMN acct.policy_release.maker IS 'Session user who made the release. Neither this user nor an editor of its changes can approve it.';
    COMMENT ON COLUMN acct.policy_release.created_at IS 'When it was made.';
    COMMENT ON COLUMN acct.policy_release.submitted_by IS 'Session user who last submitted it; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.submitted_at IS 'When it was last submitted; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.returned_by IS 'Session user who last returned it; NULL: it was not.';
    COMMENT ON COLUMN acct.policy_release.returned_at IS 'When it was last returned; NULL: it was not.';
    COMMENT ON COLUMN acct.policy_release.return_note IS 'Why it was last returned.';
    COMMENT ON COLUMN acct.policy_release.approver IS 'Session user who approved it; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.approved_at IS 'When it was approved and applied; NULL until then.';
    COMMENT ON COLUMN acct.policy_release.approved_sha256 IS 'SHA-256 of the content that was approved, as acct.release_content computes it; NULL until then.';
    COMMENT ON TRIGGER policy_release_life ON acct.policy_release IS 'Only the functions change the status of a release (LE005); a submitted release is not edited (LE004).';

    COMMENT ON TABLE acct.template_retirement_draft IS 'Approved template versions that a release retires, also from their first day. Edited by finance while the release is a draft.';
    COMMENT ON COLUMN acct.template_retirement_draft.release_id IS 'Release that proposes it.';
    COMMENT ON COLUMN acct.template_retirement_draft.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.template_retirement_draft.version IS 'Version that is to be retired.';
    COMMENT ON COLUMN acct.template_retirement_draft.effective_to IS 'First journal date that it no longer applies to; its effective_from cancels it.';
    COMMENT ON COLUMN acct.template_retirement_draft.approved_row IS 'Status and effective_to that the proposal was made from, filled by the engine.';
    COMMENT ON TRIGGER template_retirement_draft_life ON acct.template_retirement_draft IS 'Edited only while the release is a draft or was returned; retiring only shortens (LE004).';

    COMMENT ON VIEW acct.release_changes IS 'Changes of each release: a row for each change, with the old and the new values.';
    COMMENT ON COLUMN acct.release_changes.release_id IS 'Release.';
    COMMENT ON COLUMN acct.release_changes.status IS 'Status of the release.';
    COMMENT ON COLUMN acct.release_changes.table_name IS 'Table that is changed, in schema acct.';
    COMMENT ON COLUMN acct.release_changes.operation IS 'insert, update, delete, or retire (a template version).';
    COMMENT ON COLUMN acct.release_changes.row_key IS 'Key of the row, as JSON.';
    COMMENT ON COLUMN acct.release_changes.old_values IS 'Row as it was when the change was made: of update the columns that change, of delete the complete row.';
    COMMENT ON COLUMN acct.release_changes.new_values IS 'Row as it becomes: of update the columns that change, of insert the complete row, of a template its content.';
    COMMENT ON COLUMN acct.release_changes.outdated IS 'True where the approved row was changed since: the release cannot be approved.';

    COMMENT ON VIEW acct.release_content IS 'Content of each release, with the SHA-256 by which an approver approves what they saw.';
    COMMENT ON COLUMN acct.release_content.release_id IS 'Release.';
    COMMENT ON COLUMN acct.release_content.title IS 'Its title.';
    COMMENT ON COLUMN acct.release_content.status IS 'Its status.';
    COMMENT ON COLUMN acct.release_content.content_sha256 IS 'SHA-256 of content as text in UTF-8, computed now.';
    COMMENT ON COLUMN acct.release_content.approved_sha256 IS 'The same when the release was approved; NULL until then.';
    COMMENT ON COLUMN acct.release_content.unchanged IS 'True where the release is what was approved; NULL where it was not approved.';
    COMMENT ON COLUMN acct.release_content.content IS 'Title, note and changes as JSON.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_release() IS 'The part of install() that describes the objects of release.sql.';

CREATE FUNCTION acct._comment_drafts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    c record;
BEGIN
    FOR t IN SELECT r.table_name, r.table_name || '_draft' AS draft FROM acct._release_tables() AS r ORDER BY r.n LOOP
        EXECUTE format('COMMENT ON TABLE acct.%I IS %L', t.draft, format('Changes of acct.%s that releases propose. Edited by finance while their release is a draft, applied when it is approved.', t.table_name));
        FOR c IN SELECT a.attname, coalesce(CASE a.attname
                            WHEN 'release_id' THEN 'Release that proposes the change.'
                            WHEN 'operation' THEN 'insert, update or delete: what becomes of the approved row.'
                            WHEN 'approved_row' THEN 'The approved row that the change was made from, filled by the engine; NULL for insert.'
                            WHEN 'draft_no' THEN 'Number of the change.' END,
                            col_description(format('acct.%I', t.table_name)::regclass,
                                            (SELECT o.attnum FROM pg_attribute AS o WHERE o.attrelid = format('acct.%I', t.table_name)::regclass AND o.attname = a.attname)),
                            'As in the approved table.') AS comment
                   FROM pg_attribute AS a WHERE a.attrelid = format('acct.%I', t.draft)::regclass AND a.attnum > 0 AND NOT a.attisdropped LOOP
            EXECUTE format('COMMENT ON COLUMN acct.%I.%I IS %L', t.draft, c.attname, c.comment);
        END LOOP;
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t.draft || '_life', t.draft, 'Changes are edited only while their release is a draft or was returned (LE004).');
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._comment_drafts() IS 'Comments on draft tables: their columns have those of the approved tables.';

CREATE FUNCTION acct._require_owner(p_tables text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF NOT acct._owns_tables(p_tables) THEN
        PERFORM acct._require_layout();
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_owner(text[]) IS
'Raises LE010 where one of these tables belongs to another role than the current one: for triggers, which cannot look at all tables for each row.';

CREATE FUNCTION acct._hold_release(p_release bigint, p_what text, p_operation text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    held text;
BEGIN
    -- To the end of the transaction: nobody submits what is being edited.
    SELECT r.status INTO held FROM acct.policy_release AS r WHERE r.release_id = p_release FOR SHARE;
    IF held IS NULL AND p_operation = 'DELETE' THEN
        RETURN;
    ELSIF held IS NULL THEN
        RAISE EXCEPTION 'release % does not exist: % of % is refused', coalesce(p_release::text, 'NULL'), p_operation, p_what
            USING ERRCODE = 'LE004', HINT = 'Call acct.create_release() first, and commit it where another session adds changes.';
    ELSIF held NOT IN ('draft', 'returned') THEN
        RAISE EXCEPTION 'release % is %: % of % is refused', p_release, held, p_operation, p_what
            USING ERRCODE = 'LE004', HINT = CASE held WHEN 'submitted' THEN 'Have acct.return_release() called first.' ELSE 'Make another release with acct.create_release().' END;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._hold_release(bigint, text, text) IS
'Locks a release to the end of the transaction; raises LE004 unless it is there and its changes may be edited.';

CREATE FUNCTION acct._guard_release() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status NOT IN ('draft', 'returned') THEN
        RAISE EXCEPTION 'release % is %: % is refused', OLD.release_id, OLD.status, TG_OP
            USING ERRCODE = 'LE004', HINT = 'Make another release with acct.create_release(), or call acct.return_release() on a submitted one.';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.status <> 'draft' OR TG_OP = 'UPDATE' AND NEW.status <> OLD.status
       OR TG_OP <> 'DELETE' AND (NEW.approver IS NOT NULL OR NEW.approved_at IS NOT NULL OR NEW.approved_sha256 IS NOT NULL) THEN
        RAISE EXCEPTION 'release % cannot be made % by hand', NEW.release_id, NEW.status
            USING ERRCODE = 'LE005', HINT = 'Call acct.submit_release() and have a second person call acct.approve_release().';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.release_id <> OLD.release_id THEN
        RAISE EXCEPTION 'the number of a release cannot be changed' USING ERRCODE = 'LE004';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        NEW.maker := session_user;
        RETURN NEW;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION acct._guard_release() IS
'Trigger function: only the functions change the status of a release (LE005), and a submitted release is not edited (LE004).';

CREATE FUNCTION acct._guard_template_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    releases CONSTANT bigint[] := ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.release_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.release_id END];
BEGIN
    -- Before the foreign key, which does not say what to do
    IF TG_OP <> 'DELETE' AND NOT acct._in_maintenance() AND NEW.basis IS NOT NULL AND NOT EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = NEW.basis) THEN
        RAISE EXCEPTION 'template % version %: basis % does not exist', NEW.template_code, NEW.version, NEW.basis
            USING ERRCODE = 'LE004',
                  HINT = coalesce(acct._drafted_in('basis', NEW.basis), 'Add the basis by a release.') || ' A template can be drafted once that release is approved.';
    END IF;
    IF NOT acct._in_maintenance() AND releases <> ARRAY[NULL, NULL]::bigint[] THEN
        PERFORM acct._require_owner('{policy_release}');
        PERFORM acct._hold_release(r.id, 'template versions', TG_OP)
           FROM (SELECT DISTINCT u.id FROM unnest(releases) AS u (id) WHERE u.id IS NOT NULL ORDER BY 1) AS r;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION acct._guard_template_release() IS
'Trigger function: a template version names a basis that exists, and is put into a release, or taken out of it, only while that may be edited (LE004).';

CREATE FUNCTION acct._guard_retirement_draft() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    PERFORM acct._require_owner('{policy_release,journal_template}');
    IF TG_OP = 'UPDATE' AND NEW.release_id IS DISTINCT FROM OLD.release_id THEN
        RAISE EXCEPTION 'a change cannot be moved to another release' USING ERRCODE = 'LE004';
    END IF;
    IF TG_OP = 'DELETE' THEN
        PERFORM acct._hold_release(OLD.release_id, 'retirements', TG_OP);
        RETURN OLD;
    END IF;
    PERFORM acct._hold_release(NEW.release_id, 'retirements', TG_OP);
    SELECT x.status, x.effective_from, x.effective_to INTO t FROM acct.journal_template AS x
     WHERE x.template_code = NEW.template_code AND x.version = NEW.version AND x.status IN ('approved', 'retired');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no approved version % of template % to retire', NEW.version, NEW.template_code
            USING ERRCODE = 'LE004', HINT = 'Only approved versions are retired; drafts are deleted.';
    ELSIF NEW.effective_to < t.effective_from OR NEW.effective_to > t.effective_to THEN
        RAISE EXCEPTION 'template % version % cannot be retired on %', NEW.template_code, NEW.version, to_char(NEW.effective_to, 'YYYY-MM-DD')
            USING ERRCODE = 'LE004', DETAIL = format('It is in effect from %s to %s.', to_char(t.effective_from, 'YYYY-MM-DD'), coalesce(to_char(t.effective_to, 'YYYY-MM-DD'), 'no end')),
                  HINT = 'Retiring only shortens; its first day cancels a version. Draft a new version for a later end.';
    END IF;
    NEW.approved_row := jsonb_build_object('status', t.status, 'effective_to', t.effective_to);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_retirement_draft() IS
'Trigger function: proposals to retire a version, from its first day on too, are edited while their release may be, and only shorten (LE004).';

CREATE FUNCTION acct._approved_row(p_table text, p_draft jsonb, p_lock boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found jsonb;
    keys text[] := (SELECT r.key_columns FROM acct._release_tables() AS r WHERE r.table_name = p_table);
BEGIN
    IF p_draft ->> 'map_id' IS NOT NULL THEN
        keys := ARRAY['map_id'];
    END IF;
    EXECUTE format('SELECT to_jsonb(t) FROM acct.%1$I AS t WHERE %2$s %3$s', p_table,
                   (SELECT string_agg(format('t.%1$I IS NOT DISTINCT FROM (jsonb_populate_record(NULL::acct.%2$I, $1)).%1$I', k, p_table), ' AND ') FROM unnest(keys) AS k),
                   CASE WHEN p_lock THEN 'FOR UPDATE' END) INTO found USING p_draft;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._approved_row(text, jsonb, boolean) IS
'The approved row that has the key of a draft, as JSON, locked on request; NULL where there is none.';

CREATE FUNCTION acct._with_defaults(p_table text, p_draft jsonb, p_columns text[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    filled jsonb := p_draft;
    c record;
    value jsonb;
BEGIN
    FOR c IN SELECT a.attname, pg_get_expr(d.adbin, d.adrelid) AS default_expr
               FROM pg_attribute AS a JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
              WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.attgenerated = '' AND p_draft ->> a.attname IS NULL
                AND (p_columns IS NULL OR a.attname = ANY (p_columns)) LOOP
        EXECUTE format('SELECT to_jsonb(%s)', c.default_expr) INTO value;
        filled := filled || jsonb_build_object(c.attname, value);
    END LOOP;
    RETURN filled;
END
$$;
COMMENT ON FUNCTION acct._with_defaults(text, jsonb, text[]) IS 'A draft with the table''s defaults in the columns (NULL: all) that it leaves out.';

CREATE FUNCTION acct._filled_draft(p_table text, p_draft jsonb, p_found jsonb, p_all boolean) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p_draft || coalesce(jsonb_object_agg(a.attname, p_found -> a.attname::text)
                               FILTER (WHERE p_draft ->> 'operation' = 'delete'
                                          OR p_draft ->> a.attname IS NULL AND (p_all OR a.attnotnull OR a.attidentity <> '')), '{}')
      FROM pg_attribute AS a
     WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION acct._filled_draft(text, jsonb, jsonb, boolean) IS
'A draft of an update with the approved values of columns that it leaves out (all of them, or those that may not be NULL), or of a delete with the complete row.';

CREATE FUNCTION acct._require_listed(p_table regclass, p_row jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.attname, p_row ->> a.attname AS value, c.conname, v.listed INTO wrong
      FROM pg_constraint AS c
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND ARRAY[a.attnum] = c.conkey
     CROSS JOIN LATERAL (SELECT array_agg(m[1]) AS listed FROM regexp_matches(pg_get_constraintdef(c.oid), '''([^'']+)''::"?text"?', 'g') AS m) AS v
     WHERE c.conrelid = p_table AND c.contype = 'c' AND pg_get_constraintdef(c.oid) ~ '^CHECK [(][(]"?[a-z_]+"? = ANY [(]ARRAY[[]'''
       AND p_row ->> a.attname <> ALL (v.listed)
     ORDER BY a.attnum LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is "%"', wrong.attname, wrong.value
            USING ERRCODE = '23514', CONSTRAINT = wrong.conname, HINT = format('It is one of: %s.', array_to_string(wrong.listed, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_listed(regclass, jsonb) IS
'Raises 23514 where a column of a row has none of the texts that a CHECK of its table lists, and names those, which the server does not.';

CREATE FUNCTION acct._guard_draft() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    base CONSTANT text := left(TG_TABLE_NAME, -6);
    keys CONSTANT text[] := (SELECT r.key_columns FROM acct._release_tables() AS r WHERE r.table_name = base);
    is_insert boolean;
    draft jsonb;
    found jsonb;
    key text;
    missing text;
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    PERFORM acct._require_owner(ARRAY['policy_release', base]);
    IF TG_OP = 'DELETE' THEN
        PERFORM acct._hold_release(OLD.release_id, 'changes', TG_OP);
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND NEW.release_id IS DISTINCT FROM OLD.release_id THEN
        RAISE EXCEPTION 'a change cannot be moved to another release' USING ERRCODE = 'LE004';
    END IF;
    PERFORM acct._hold_release(NEW.release_id, 'changes', TG_OP);
    NEW.operation := lower(NEW.operation);
    PERFORM acct._require_listed(TG_RELID, to_jsonb(NEW));
    is_insert := NEW.operation = 'insert';
    -- A row of the map gets its number when it is approved.
    draft := acct._with_defaults(base, to_jsonb(NEW) || CASE WHEN is_insert AND base = 'product_account_map' THEN '{"map_id": null}'::jsonb ELSE '{}' END,
                                 CASE WHEN NOT is_insert THEN keys END);
    found := acct._approved_row(base, draft, false);
    key := (SELECT string_agg(coalesce(draft ->> k, 'any'), ' ' ORDER BY n) FROM unnest(keys) WITH ORDINALITY AS x (k, n));
    missing := (SELECT min(a.attname) FROM pg_attribute AS a
                 WHERE a.attrelid = format('acct.%I', base)::regclass AND a.attnum > 0 AND a.attnotnull AND a.attidentity = '' AND draft ->> a.attname IS NULL);
    IF is_insert AND missing IS NOT NULL THEN
        RAISE EXCEPTION '% needs a value for %', base, missing USING ERRCODE = '23502', HINT = 'Give it in the draft.';
    ELSIF is_insert AND found IS NOT NULL THEN
        RAISE EXCEPTION '% % exists', base, key USING ERRCODE = 'LE004', HINT = 'Propose operation update.';
    ELSIF NEW.operation IN ('update', 'delete') AND found IS NULL THEN
        RAISE EXCEPTION '% % does not exist', base, key USING ERRCODE = 'LE004', HINT = 'Propose operation insert.';
    END IF;
    IF NEW.operation IN ('update', 'delete') THEN
        -- An UPDATE of the draft can set NULL.
        draft := acct._filled_draft(base, draft, found, TG_OP = 'INSERT');
    END IF;
    NEW := jsonb_populate_record(NEW, draft || jsonb_build_object('approved_row', found));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_draft() IS
'Trigger function of draft tables: changes are edited only while their release is there and may be (LE004), are filled in from defaults or the approved row, and keep that row.';

CREATE FUNCTION acct.create_release(title text, note text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    IF coalesce(btrim(create_release.title), '') = '' THEN
        RAISE EXCEPTION 'a release needs a title' USING ERRCODE = '22023', HINT = 'Say what it changes, in a few words.';
    END IF;
    INSERT INTO acct.policy_release AS r (title, note) VALUES (create_release.title, create_release.note) RETURNING r.release_id INTO id;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.create_release(text, text) IS
'Creates a release, a draft to which changes are added as rows of the draft tables, and template versions by their release_id; returns its release_id. Raises 22023 (no title), 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._lock_release(p_release bigint, p_status text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    held text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    SELECT r.status INTO held FROM acct.policy_release AS r WHERE r.release_id = p_release FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'release % does not exist', coalesce(p_release::text, 'NULL')
            USING ERRCODE = 'LE004', HINT = 'Call acct.create_release().';
    ELSIF held <> ALL (p_status) THEN
        RAISE EXCEPTION 'release % is %, not %', p_release, held, array_to_string(p_status, ' or ')
            USING ERRCODE = CASE WHEN 'submitted' = ANY (p_status) THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'The order is: draft, submit_release(), approve_release() or return_release().';
    END IF;
    PERFORM FROM acct.journal_template AS t WHERE t.release_id = p_release ORDER BY t.template_code, t.version FOR UPDATE;
END
$$;
COMMENT ON FUNCTION acct._lock_release(bigint, text[]) IS
'Locks a release and its template versions; raises LE004 where it does not exist or has another status (LE005 where it should be submitted).';

CREATE FUNCTION acct._outdated_changes(p_release bigint) RETURNS TABLE (table_name text, outdated_draft jsonb, message text, detail text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t record;
    d record;
    draft jsonb;
    approved_row jsonb;
    operation text;
    key text;
    found jsonb;
BEGIN
    FOR t IN SELECT r.table_name, r.key_columns FROM acct._release_tables() AS r ORDER BY r.n LOOP
        FOR draft, approved_row, operation, key IN EXECUTE format('SELECT to_jsonb(d) AS draft, d.approved_row, d.operation, concat_ws('' '', %s) AS key FROM acct.%I AS d WHERE d.release_id = $1 ORDER BY %s',
                                (SELECT string_agg(format('coalesce(d.%I::text, ''any'')', k), ', ' ORDER BY x.n) FROM unnest(t.key_columns) WITH ORDINALITY AS x (k, n)),
                                t.table_name || '_draft', (SELECT string_agg(format('d.%I', k), ', ' ORDER BY x.n) FROM unnest(t.key_columns) WITH ORDINALITY AS x (k, n)))
                 USING p_release LOOP
            found := acct._approved_row(t.table_name, draft, true);
            -- A column that was added meanwhile has no value in the older of the two.
            IF jsonb_strip_nulls(found) IS DISTINCT FROM jsonb_strip_nulls(approved_row) THEN
                RETURN QUERY SELECT t.table_name, draft, format('%s %s was changed since release %s proposed to %s it', t.table_name, key, p_release, operation),
                                    format('It was %s and is %s.', coalesce(approved_row::text, 'absent'), coalesce(found::text, 'absent')),
                                    'Have the release returned, and update the row of the draft table: it is then made from what is approved now.';
            END IF;
        END LOOP;
    END LOOP;
    FOR d IN SELECT x.template_code, x.version, x.approved_row FROM acct.template_retirement_draft AS x
              WHERE x.release_id = p_release ORDER BY x.template_code, x.version LOOP
        SELECT jsonb_build_object('status', x.status, 'effective_to', x.effective_to) INTO found FROM acct.journal_template AS x
         WHERE x.template_code = d.template_code AND x.version = d.version FOR UPDATE;
        IF found IS DISTINCT FROM d.approved_row THEN
            RETURN QUERY SELECT 'journal_template', NULL::jsonb,
                                format('template %s version %s was changed since release %s proposed to retire it', d.template_code, d.version, p_release),
                                NULL::text, 'Have the release returned, and update the row of acct.template_retirement_draft.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._outdated_changes(bigint) IS
'Locks the approved rows that a release changes; a row for each that is not what its change was made from.';

CREATE FUNCTION acct._require_current(p_release bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    o record;
BEGIN
    SELECT c.* INTO o FROM acct._outdated_changes(p_release) AS c LIMIT 1;
    IF FOUND AND o.detail IS NOT NULL THEN
        RAISE EXCEPTION '%', o.message USING ERRCODE = 'LE004', DETAIL = o.detail, HINT = o.hint;
    ELSIF FOUND THEN
        RAISE EXCEPTION '%', o.message USING ERRCODE = 'LE004', HINT = o.hint;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_current(bigint) IS
'Locks the approved rows that a release changes; raises LE004 where one is not what its change was made from.';

CREATE FUNCTION acct._apply_drafts(p_release bigint, p_table text, p_operation text, p_only jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    draft CONSTANT text := p_table || '_draft';
    keys CONSTANT text[] := CASE p_table WHEN 'product_account_map' THEN ARRAY['map_id']
                            ELSE (SELECT r.key_columns FROM acct._release_tables() AS r WHERE r.table_name = p_table) END;
    same_key CONSTANT text := (SELECT string_agg(format('d.%1$I = t.%1$I', k), ' AND ') FROM unnest(keys) AS k);
    columns CONSTANT text[] := ARRAY(SELECT a.attname FROM pg_attribute AS a JOIN pg_attribute AS o ON o.attname = a.attname
                                      WHERE a.attrelid = format('acct.%I', draft)::regclass AND o.attrelid = format('acct.%I', p_table)::regclass
                                        AND o.attnum > 0 AND NOT o.attisdropped AND (o.attname <> ALL (keys) OR p_operation = 'insert' AND keys <> '{map_id}')
                                      ORDER BY o.attnum);
    list CONSTANT text := (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS x (c, n));
    values_list CONSTANT text := (SELECT string_agg(format('d.%I', c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS x (c, n));
    applied bigint;
BEGIN
    EXECUTE CASE p_operation
        WHEN 'insert' THEN format('INSERT INTO acct.%I (%s) SELECT %s FROM acct.%I AS d WHERE d.release_id = $1 AND d.operation = ''insert'' AND ($2 IS NULL OR to_jsonb(d) @> $2) ORDER BY %s',
                                  p_table, list, values_list, draft, CASE p_table WHEN 'product_account_map' THEN 'd.draft_no' ELSE (SELECT string_agg(format('d.%I', k), ', ' ORDER BY n) FROM unnest(keys) WITH ORDINALITY AS x (k, n)) END)
        WHEN 'update' THEN format('UPDATE acct.%I AS t SET (%s) = ROW (%s) FROM acct.%I AS d WHERE d.release_id = $1 AND d.operation = ''update'' AND ($2 IS NULL OR to_jsonb(d) @> $2) AND %s',
                                  p_table, list, values_list, draft, same_key)
        ELSE format('DELETE FROM acct.%I AS t USING acct.%I AS d WHERE d.release_id = $1 AND d.operation = ''delete'' AND ($2 IS NULL OR to_jsonb(d) @> $2) AND %s', p_table, draft, same_key) END
      USING p_release, p_only;
    GET DIAGNOSTICS applied = ROW_COUNT;
    RETURN applied;
END
$$;
COMMENT ON FUNCTION acct._apply_drafts(bigint, text, text, jsonb) IS 'Applies the changes of one kind that a release proposes for a table, or those whose draft has these values; their number.';

CREATE FUNCTION acct._release_steps() RETURNS TABLE (place integer[], table_name text, operation text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- What others refer to comes before them, and goes after them. The map is named by nobody; its keys are free before they are used again.
    SELECT CASE WHEN r.table_name = 'product_account_map' THEN ARRAY[2, o.of_map]
                WHEN o.operation = 'delete' THEN ARRAY[3, -r.n]
                ELSE ARRAY[1, o.n, r.n] END, r.table_name, o.operation
      FROM acct._release_tables() AS r, (VALUES ('insert', 1, 3), ('update', 2, 2), ('delete', 3, 1)) AS o (operation, n, of_map)
$$;
COMMENT ON FUNCTION acct._release_steps() IS 'The order in which the changes of a release are applied.';

CREATE FUNCTION acct._apply_release(p_release bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    s record;
    applied bigint := 0;
BEGIN
    PERFORM acct._require_current(p_release);
    FOR s IN SELECT x.table_name, x.operation FROM acct._release_steps() AS x ORDER BY x.place LOOP
        applied := applied + acct._apply_drafts(p_release, s.table_name, s.operation);
    END LOOP;
    RETURN applied + acct._apply_retirements(p_release);
END
$$;
COMMENT ON FUNCTION acct._apply_release(bigint) IS
'Applies the changes of a release, except its template versions, and returns their number. Checks that refuse a change to anybody refuse it here.';

CREATE FUNCTION acct._apply_retirements(p_release bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
DECLARE
    applied bigint;
BEGIN
    UPDATE acct.journal_template AS t SET status = 'retired', effective_to = d.effective_to
      FROM acct.template_retirement_draft AS d
     WHERE d.release_id = p_release AND t.template_code = d.template_code AND t.version = d.version;
    GET DIAGNOSTICS applied = ROW_COUNT;
    RETURN applied;
END
$$;
COMMENT ON FUNCTION acct._apply_retirements(bigint) IS 'Retires the template versions that a release proposes to retire; their number.';

CREATE FUNCTION acct._move_release(p_release bigint, p_status text, p_note text, p_sha256 text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    UPDATE acct.policy_release AS r
       SET status = p_status,
           submitted_by = CASE p_status WHEN 'submitted' THEN session_user ELSE r.submitted_by END,
           submitted_at = CASE p_status WHEN 'submitted' THEN clock_timestamp() ELSE r.submitted_at END,
           returned_by = CASE p_status WHEN 'returned' THEN session_user ELSE r.returned_by END,
           returned_at = CASE p_status WHEN 'returned' THEN clock_timestamp() ELSE r.returned_at END,
           return_note = CASE p_status WHEN 'returned' THEN p_note ELSE r.return_note END,
           approver = CASE p_status WHEN 'approved' THEN session_user END,
           approved_at = CASE p_status WHEN 'approved' THEN clock_timestamp() END,
           approved_sha256 = p_sha256
     WHERE r.release_id = p_release;
    UPDATE acct.journal_template AS t
       SET status = CASE p_status WHEN 'returned' THEN 'draft' ELSE p_status END,
           submitted_at = CASE p_status WHEN 'submitted' THEN clock_timestamp() WHEN 'approved' THEN t.submitted_at END,
           approver = CASE p_status WHEN 'approved' THEN session_user END,
           approved_at = CASE p_status WHEN 'approved' THEN clock_timestamp() END,
           approved_sha256 = CASE p_status WHEN 'approved' THEN c.content_sha256 END,
           approved_effective_to = CASE p_status WHEN 'approved' THEN t.effective_to END
      FROM acct.template_content AS c
     WHERE t.release_id = p_release AND c.template_code = t.template_code AND c.version = t.version;
END
$$;
COMMENT ON FUNCTION acct._move_release(bigint, text, text, text) IS 'Gives a release and its template versions another status.';

CREATE FUNCTION acct.submit_release(release_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    id CONSTANT bigint := submit_release.release_id;
    problems text;
BEGIN
    PERFORM acct._lock_release(id, ARRAY['draft', 'returned']);
    SELECT string_agg(p.problem, '; ' ORDER BY p.n) INTO problems FROM acct._problems_of_release(acct._check_release(id, false)) AS p;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'release % is not valid', id USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.',
            HINT = 'Correct its changes; acct.check_release() lists what is wrong.';
    END IF;
    PERFORM acct._move_release(id, 'submitted', NULL, NULL);
END
$$;
COMMENT ON FUNCTION acct.submit_release(bigint) IS
'Hands a release, with its template versions, to its approver. Raises LE004 where it does not exist, was submitted or approved, or has an error that check_release() lists, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct.return_release(release_id bigint, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._lock_release(return_release.release_id, ARRAY['submitted']);
    PERFORM acct._move_release(return_release.release_id, 'returned', return_release.note, NULL);
END
$$;
COMMENT ON FUNCTION acct.return_release(bigint, text) IS
'Returns a submitted release, to be edited and submitted again, with a note of why. Raises LE004 where it does not exist, LE005 where it is not submitted, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._release_edited_by_caller(p_release bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT EXISTS (SELECT FROM acct.policy_release AS r WHERE r.release_id = p_release AND r.maker = session_user)
        OR EXISTS (SELECT FROM acct.template_audit AS a
                    WHERE a.row_key ->> 'release_id' IS NOT NULL AND a.row_key ->> 'release_id' = p_release::text
                      AND acct._is_edit_by_caller(a.changed_by, a.changed_by_role, a.operation, a.old_row, a.new_row))
        OR EXISTS (SELECT FROM acct.journal_template AS t
                    WHERE t.release_id = p_release
                      AND (t.maker = session_user OR acct._edited_by_caller(t.template_code, t.version)))
$$;
COMMENT ON FUNCTION acct._release_edited_by_caller(bigint) IS
'True where the session''s user made a release, or edited a change or a template version in it, also under an earlier name.';

CREATE FUNCTION acct._require_digest(p_release bigint, p_digest text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    found_digest CONSTANT text := acct._policy_digest(acct._policy_computed());
BEGIN
    IF lower(p_digest) <> found_digest THEN
        RAISE EXCEPTION 'policy has changed since release % was compared', p_release
            USING ERRCODE = 'LE005', DETAIL = format('The digest of policy is %s, not %s.', found_digest, p_digest),
                  HINT = 'Another change was approved first. Compare the release again, and approve it with the digest that acct.policy_digest() has before that.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_digest(bigint, text) IS
'Raises LE005 unless policy has the digest with which an approver compared a release.';

CREATE FUNCTION acct.approve_release(release_id bigint, content_sha256 text DEFAULT NULL, policy_digest text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    id CONSTANT bigint := approve_release.release_id;
    found_sha256 text;
    problems text;
    applied bigint;
    mark record;
BEGIN
    SELECT b.* INTO mark FROM acct._begin_approval() AS b;
    PERFORM acct._lock_release(id, ARRAY['submitted']);
    IF acct._release_edited_by_caller(id) THEN
        RAISE EXCEPTION '% created or edited release % and cannot approve it', session_user, id
            USING ERRCODE = 'LE005', HINT = 'Have a second person approve it.';
    END IF;
    SELECT c.content_sha256 INTO found_sha256 FROM acct.release_content AS c WHERE c.release_id = id;
    IF lower(approve_release.content_sha256) <> found_sha256 THEN
        RAISE EXCEPTION 'release % is not what the approver saw', id
            USING ERRCODE = 'LE005', DETAIL = format('Its content has SHA-256 %s, not %s.', found_sha256, approve_release.content_sha256),
                  HINT = 'Somebody had it returned, edited and submitted again. Look at acct.release_changes once more.';
    END IF;
    IF approve_release.policy_digest IS NOT NULL THEN
        PERFORM acct._require_digest(id, approve_release.policy_digest);
    END IF;
    applied := acct._apply_release(id);
    SELECT string_agg(p.problem, '; ' ORDER BY p.n) INTO problems FROM acct._problems_of_release(acct._release_errors(id)) AS p;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'release % is not valid', id USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.',
            HINT = 'Return it with acct.return_release().';
    END IF;
    PERFORM acct._move_release(id, 'approved', NULL, found_sha256);
    PERFORM acct._seal_approval(mark.audit_id, mark.seal_number);
    RETURN applied + (SELECT count(*) FROM acct.journal_template AS t WHERE t.release_id = id);
END
$$;
COMMENT ON FUNCTION acct.approve_release(bigint, text, text) IS
'Approves a submitted release: applies its changes and approves its template versions, all or nothing; returns their number. Raises LE004 (no such release, or it does not fit what is approved meanwhile), LE005 where it is not submitted, where the caller made or edited a part of it, where its content does not have the SHA-256 that the caller saw in acct.release_content, or policy not the digest at which they compared it, 25001 (the transaction is not READ COMMITTED).';

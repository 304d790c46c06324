-- Manual and opening journals: rows that finance edits, and another person approves.

CREATE FUNCTION acct._layout_manual() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.manual_journal (
        journal_id bigint GENERATED ALWAYS AS IDENTITY,
        journal_type text COLLATE "C" NOT NULL DEFAULT 'manual',
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL DEFAULT 'PRIMARY',
        je_date date NOT NULL,
        currency text COLLATE "C" NOT NULL,
        memo text,
        auto_reverse_on date,
        status text COLLATE "C" NOT NULL DEFAULT 'draft',
        maker text NOT NULL DEFAULT session_user,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        submitted_by text,
        submitted_at timestamptz,
        submitted_sha256 text COLLATE "C",
        returned_by text,
        returned_at timestamptz,
        return_reason text,
        approver text,
        approved_at timestamptz,
        approved_sha256 text COLLATE "C",
        run_id bigint,
        je_id bigint,
        reversal_run_id bigint,
        CONSTRAINT manual_journal_pkey PRIMARY KEY (journal_id),
        CONSTRAINT manual_journal_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run,
        CONSTRAINT manual_journal_reversal_fkey FOREIGN KEY (reversal_run_id) REFERENCES acct.journal_run,
        CONSTRAINT chk_manual_type CHECK (journal_type IN ('manual', 'opening')),
        CONSTRAINT chk_manual_status CHECK (status IN ('draft', 'submitted', 'approved', 'returned')),
        CONSTRAINT chk_manual_approval CHECK ((status = 'approved') = (je_id IS NOT NULL)
            AND (status <> 'approved' OR (approver IS NOT NULL AND approver <> maker AND run_id IS NOT NULL)))
    );
    CREATE UNIQUE INDEX IF NOT EXISTS manual_journal_je_idx ON acct.manual_journal (je_id) WHERE je_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS manual_journal_book_idx ON acct.manual_journal (entity_code, basis, je_date);

    CREATE TABLE IF NOT EXISTS acct.manual_journal_line (
        journal_id bigint NOT NULL,
        line_no smallint NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        debit numeric NOT NULL DEFAULT 0,
        credit numeric NOT NULL DEFAULT 0,
        memo text,
        product_code text COLLATE "C",
        channel text COLLATE "C",
        dimensions jsonb,
        CONSTRAINT manual_journal_line_pkey PRIMARY KEY (journal_id, line_no),
        CONSTRAINT manual_journal_line_journal_fkey FOREIGN KEY (journal_id) REFERENCES acct.manual_journal ON DELETE CASCADE,
        CONSTRAINT chk_manual_line_no CHECK (line_no >= 1)
    );

    CREATE OR REPLACE TRIGGER manual_journal_life BEFORE INSERT OR UPDATE OR DELETE ON acct.manual_journal
        FOR EACH ROW EXECUTE FUNCTION acct._guard_manual_journal();
    CREATE OR REPLACE TRIGGER manual_journal_line_life BEFORE INSERT OR UPDATE OR DELETE ON acct.manual_journal_line
        FOR EACH ROW EXECUTE FUNCTION acct._guard_manual_line();
    FOREACH t IN ARRAY ARRAY['manual_journal', 'manual_journal_line'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
    CREATE INDEX IF NOT EXISTS template_audit_manual_idx ON acct.template_audit ((row_key ->> 'journal_id'))
        WHERE row_key ->> 'journal_id' IS NOT NULL;

    CREATE OR REPLACE VIEW acct.manual_journal_content AS
    SELECT m.journal_id, m.status, s.content_sha256, m.submitted_sha256, m.approved_sha256, m.approved_sha256 = s.content_sha256 AS unchanged, c.content
      FROM acct.manual_journal AS m
     CROSS JOIN LATERAL (
        SELECT jsonb_build_object(
            'journal', jsonb_build_object(
                'journal_type', m.journal_type, 'entity_code', m.entity_code, 'basis', m.basis, 'je_date', m.je_date, 'currency', m.currency,
                'memo', m.memo, 'auto_reverse_on', m.auto_reverse_on),
            'lines', coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                           'line_no', l.line_no, 'account_code', l.account_code, 'fund', l.fund, 'debit', trim_scale(l.debit), 'credit', trim_scale(l.credit),
                           'memo', l.memo, 'product_code', l.product_code, 'channel', l.channel, 'dimensions', l.dimensions) ORDER BY l.line_no)
                  FROM acct.manual_journal_line AS l WHERE l.journal_id = m.journal_id), '[]')) AS content
        ) AS c
     CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(c.content::text, 'UTF8')), 'hex') AS content_sha256) AS s;
END
$layout$;
COMMENT ON FUNCTION acct._layout_manual() IS 'The part of install() that creates the tables of manual and opening journals.';

CREATE FUNCTION acct._comment_manual() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    COMMENT ON TABLE acct.manual_journal IS 'Manual and opening journals: entered by finance as rows, submitted, and posted when another person approves them.';
    COMMENT ON COLUMN acct.manual_journal.journal_id IS 'Number of the journal, before and after it is posted.';
    COMMENT ON COLUMN acct.manual_journal.journal_type IS 'manual, or opening: balances that a book starts with.';
    COMMENT ON COLUMN acct.manual_journal.entity_code IS 'Legal entity in whose books it is.';
    COMMENT ON COLUMN acct.manual_journal.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.manual_journal.je_date IS 'Journal date; of an opening journal the last day of a month.';
    COMMENT ON COLUMN acct.manual_journal.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.manual_journal.memo IS 'Purpose of the journal, in 1 to 1000 characters; the ledger''s header has its first 126 bytes.';
    COMMENT ON COLUMN acct.manual_journal.auto_reverse_on IS 'Date of a reversal that is posted together with the journal, as of an accrual; NULL: none.';
    COMMENT ON COLUMN acct.manual_journal.status IS 'draft, submitted, approved (and posted) or returned; drafts and returned ones can be edited.';
    COMMENT ON COLUMN acct.manual_journal.maker IS 'Session user who made it. Neither this user nor an editor of it or its lines can approve it.';
    COMMENT ON COLUMN acct.manual_journal.created_at IS 'When it was made.';
    COMMENT ON COLUMN acct.manual_journal.submitted_by IS 'Session user who last submitted it; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.submitted_at IS 'When it was last submitted; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.submitted_sha256 IS 'SHA-256 of what was submitted, as acct.manual_journal_content computes it; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.returned_by IS 'Session user who last returned it; NULL: it was not.';
    COMMENT ON COLUMN acct.manual_journal.returned_at IS 'When it was last returned; NULL: it was not.';
    COMMENT ON COLUMN acct.manual_journal.return_reason IS 'Why it was last returned.';
    COMMENT ON COLUMN acct.manual_journal.approver IS 'Session user who approved and so posted it, never the maker; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.approved_at IS 'When it was approved; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.approved_sha256 IS 'SHA-256 of what was approved; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal.run_id IS 'Run that posted it; NULL: it is not approved.';
    COMMENT ON COLUMN acct.manual_journal.je_id IS 'Journal in the ledger; NULL: it is not approved.';
    COMMENT ON COLUMN acct.manual_journal.reversal_run_id IS 'Run that posted the reversal of auto_reverse_on; NULL: none.';
    COMMENT ON TRIGGER manual_journal_life ON acct.manual_journal IS 'Only drafts and returned journals are edited (LE004); only the functions change a status (LE005).';

    COMMENT ON TABLE acct.manual_journal_line IS 'Lines of manual and opening journals, edited while their journal is a draft or was returned.';
    COMMENT ON COLUMN acct.manual_journal_line.journal_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.manual_journal_line.line_no IS 'Number of the line, kept by the ledger; left out, it is the next one.';
    COMMENT ON COLUMN acct.manual_journal_line.account_code IS 'Account.';
    COMMENT ON COLUMN acct.manual_journal_line.fund IS 'Fund.';
    COMMENT ON COLUMN acct.manual_journal_line.debit IS 'Amount debited, in the currency''s major unit; 0 on a credit line.';
    COMMENT ON COLUMN acct.manual_journal_line.credit IS 'Amount credited, in the currency''s major unit; 0 on a debit line.';
    COMMENT ON COLUMN acct.manual_journal_line.memo IS 'Purpose of the line; NULL: that of the journal.';
    COMMENT ON COLUMN acct.manual_journal_line.product_code IS 'Insurance product; NULL: none.';
    COMMENT ON COLUMN acct.manual_journal_line.channel IS 'Sales channel; NULL: none.';
    COMMENT ON COLUMN acct.manual_journal_line.dimensions IS 'Values of the site''s columns on lines (acct.add_dimension), as JSON: {"cohort": "2025"}; NULL: none.';
    COMMENT ON TRIGGER manual_journal_line_life ON acct.manual_journal_line IS 'Lines are written only while their journal is there and may be edited (LE004).';

    COMMENT ON VIEW acct.manual_journal_content IS 'Content of each manual or opening journal, with the SHA-256 by which an approver approves what they saw.';
    COMMENT ON COLUMN acct.manual_journal_content.journal_id IS 'Number of the journal.';
    COMMENT ON COLUMN acct.manual_journal_content.status IS 'draft, submitted, approved or returned.';
    COMMENT ON COLUMN acct.manual_journal_content.content_sha256 IS 'SHA-256 of content as text in UTF-8, computed now.';
    COMMENT ON COLUMN acct.manual_journal_content.submitted_sha256 IS 'The same when the journal was last submitted; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal_content.approved_sha256 IS 'The same when the journal was approved; NULL until then.';
    COMMENT ON COLUMN acct.manual_journal_content.unchanged IS 'True where the journal is what was approved; NULL where it was not approved.';
    COMMENT ON COLUMN acct.manual_journal_content.content IS 'The journal and its lines as JSON.';

    FOREACH t IN ARRAY ARRAY['manual_journal', 'manual_journal_line'] LOOP
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_audit', t, 'Records each change in acct.template_audit.');
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_truncate', t, 'TRUNCATE is refused: no audit would see it (LE004).');
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._comment_manual() IS 'The part of install() that describes the objects of manual_journal.sql.';

CREATE FUNCTION acct._is_new_number(p_journal bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN p_journal = currval(pg_get_serial_sequence('acct.manual_journal', 'journal_id'));
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    -- The session has had none yet.
    RETURN false;
END
$$;
COMMENT ON FUNCTION acct._is_new_number(bigint) IS 'True where a number is the one that manual journals gave out last in this session.';

CREATE FUNCTION acct._guard_manual_journal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    -- What people write; the rest is the functions'.
    entered CONSTANT text[] := ARRAY['journal_id', 'journal_type', 'entity_code', 'basis', 'je_date', 'currency', 'memo', 'auto_reverse_on',
                                     'maker', 'created_at'];
    decided jsonb;
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    PERFORM acct._require_owner('{manual_journal}');
    IF TG_OP <> 'INSERT' AND OLD.status NOT IN ('draft', 'returned') THEN
        RAISE EXCEPTION 'manual journal % is %: % is refused', OLD.journal_id, OLD.status, TG_OP
            USING ERRCODE = 'LE004', HINT = CASE OLD.status WHEN 'submitted' THEN 'Have acct.return_manual_journal() called first.'
                                            ELSE 'It is posted: reverse it, and enter another one (acct.copy_manual_journal()).' END;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND NEW.journal_id <> OLD.journal_id OR TG_OP = 'INSERT' AND NOT acct._is_new_number(NEW.journal_id) THEN
        -- The audit trail names journals by their numbers.
        RAISE EXCEPTION 'the number of a manual journal cannot be chosen, or changed' USING ERRCODE = 'LE004', HINT = 'Leave journal_id out.';
    END IF;
    decided := CASE TG_OP WHEN 'INSERT' THEN to_jsonb(jsonb_populate_record(NULL::acct.manual_journal, '{"status": "draft"}')) ELSE to_jsonb(OLD) END - entered;
    IF to_jsonb(NEW) - entered <> decided THEN
        RAISE EXCEPTION 'decisions about manual journal % cannot be written by hand', NEW.journal_id
            USING ERRCODE = 'LE005', HINT = 'Call acct.submit_manual_journal() and have a second person call acct.approve_manual_journal().';
    END IF;
    NEW.maker := CASE TG_OP WHEN 'INSERT' THEN session_user ELSE OLD.maker END;
    NEW.created_at := CASE TG_OP WHEN 'INSERT' THEN clock_timestamp() ELSE OLD.created_at END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_manual_journal() IS
'Trigger function: only drafts and returned journals are edited, and each has a number of its own (LE004); only the functions change what was decided (LE005).';

CREATE FUNCTION acct._guard_manual_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp
    -- By the key, whatever the planner knew of the table when there were few lines.
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    part record;
    held text;
    last smallint;
BEGIN
    IF TG_OP = 'DELETE' THEN part := OLD; ELSE part := NEW; END IF;
    IF acct._in_maintenance() THEN
        RETURN part;
    END IF;
    PERFORM acct._require_owner('{manual_journal,manual_journal_line}');
    IF TG_OP = 'UPDATE' AND NEW.journal_id <> OLD.journal_id THEN
        RAISE EXCEPTION 'a line cannot be moved to another manual journal' USING ERRCODE = 'LE004';
    END IF;
    -- Held to the end of the transaction: nobody submits or deletes what is being edited.
    SELECT m.status INTO held FROM acct.manual_journal AS m WHERE m.journal_id = part.journal_id FOR SHARE;
    IF held IS NULL AND TG_OP = 'DELETE' THEN
        -- Its journal was deleted in this transaction, and takes it along.
        RETURN part;
    ELSIF held IS NULL THEN
        RAISE EXCEPTION 'manual journal % does not exist: % of its lines is refused', coalesce(part.journal_id::text, 'NULL'), TG_OP
            USING ERRCODE = 'LE004', HINT = 'Insert the row of acct.manual_journal first, and commit it where another session adds the lines.';
    ELSIF held NOT IN ('draft', 'returned') THEN
        RAISE EXCEPTION 'manual journal % is %: % of its lines is refused', part.journal_id, held, TG_OP
            USING ERRCODE = 'LE004', HINT = CASE held WHEN 'submitted' THEN 'Have acct.return_manual_journal() called first.'
                                            ELSE 'It is posted: reverse it, and enter another one (acct.copy_manual_journal()).' END;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.line_no IS NULL THEN
        SELECT l.line_no INTO last FROM acct.manual_journal_line AS l WHERE l.journal_id = NEW.journal_id ORDER BY l.line_no DESC LIMIT 1;
        IF last = 32767 THEN
            RAISE EXCEPTION 'manual journal % has a line 32767: no number is left for another', NEW.journal_id
                USING ERRCODE = '54000', DETAIL = 'A journal has at most 32767 lines.', HINT = 'Make several journals of it.';
        END IF;
        part.line_no := coalesce(last, 0) + 1;
    END IF;
    RETURN part;
END
$$;
COMMENT ON FUNCTION acct._guard_manual_line() IS
'Trigger function: lines are written only while their journal is there and may be edited, and it is locked until the transaction ends (LE004). Numbers those that are given none.';

-- Rows of policy that nobody approved, as far as the digest, the audit trail and the approved SHA-256 tell: found by install(),
-- shown by health(), acknowledged by a superuser or two approvers.

CREATE FUNCTION acct._layout_findings() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.policy_finding (
        finding_id bigint GENERATED ALWAYS AS IDENTITY,
        found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        table_name text COLLATE "C" NOT NULL,
        row_key jsonb,
        problem text NOT NULL,
        last_known jsonb,
        found jsonb,
        confirmed_by text,
        confirmed_by_role text COLLATE "C",
        confirmed_at timestamptz,
        acknowledged_by text,
        acknowledged_at timestamptz,
        note text,
        ended_at timestamptz,
        CONSTRAINT policy_finding_pkey PRIMARY KEY (finding_id)
    );
END
$layout$;
COMMENT ON FUNCTION acct._layout_findings() IS 'The part of install() that creates the table of findings.';

CREATE FUNCTION acct._comment_findings() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.policy_finding IS 'Rows of policy that are not as they were last known or approved, found by acct.install(), to be acknowledged by a superuser or two approvers.';
    COMMENT ON COLUMN acct.policy_finding.finding_id IS 'Number of the finding.';
    COMMENT ON COLUMN acct.policy_finding.found_at IS 'When install() found it.';
    COMMENT ON COLUMN acct.policy_finding.table_name IS 'Table of the row.';
    COMMENT ON COLUMN acct.policy_finding.row_key IS 'Key of the row; NULL where only the digest of the table tells.';
    COMMENT ON COLUMN acct.policy_finding.problem IS 'How it differs.';
    COMMENT ON COLUMN acct.policy_finding.last_known IS 'The row as acct.template_audit left it, or the SHA-256 that was approved; NULL where there was none.';
    COMMENT ON COLUMN acct.policy_finding.found IS 'The row as it was found, or its SHA-256; NULL where it was gone.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_by IS 'User who acknowledged it first.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_by_role IS 'The same by what stays when the role is renamed.';
    COMMENT ON COLUMN acct.policy_finding.confirmed_at IS 'When.';
    COMMENT ON COLUMN acct.policy_finding.acknowledged_by IS 'The second approver, or the superuser, who settled it; NULL while health() reports it.';
    COMMENT ON COLUMN acct.policy_finding.acknowledged_at IS 'When.';
    COMMENT ON COLUMN acct.policy_finding.note IS 'Why it may stay, a line for each who acknowledged it.';
    COMMENT ON COLUMN acct.policy_finding.ended_at IS 'When install() saw that the row is no longer as it was found; the same change made later is another finding. NULL while it is.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_findings() IS 'The part of install() that describes the objects of findings.sql.';

CREATE FUNCTION acct._audited_tables() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.table_name FROM acct._policy_columns() AS p
    UNION ALL
    SELECT r.table_name || '_draft' FROM acct._release_tables() AS r
    UNION ALL
    SELECT unnest(ARRAY['policy_release', 'template_retirement_draft'])
$$;
COMMENT ON FUNCTION acct._audited_tables() IS 'The tables whose changes are in acct.template_audit.';

CREATE FUNCTION acct._differs_from_audit(p_table text) RETURNS TABLE (row_key jsonb, problem text, last_known jsonb, present jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    keys CONSTANT text[] := (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index AS i
                               JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
                              WHERE i.indrelid = format('acct.%I', p_table)::regclass AND i.indisprimary);
    -- How JSON writes them depends on the session.
    times CONSTANT text[] := ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                                    WHERE a.attrelid = format('acct.%I', p_table)::regclass AND a.atttypid = 'timestamptz'::regtype);
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH event AS (
            SELECT a.audit_id, x.n, (SELECT jsonb_object_agg(k, x.r -> k) FROM unnest($1) AS k) AS key, CASE x.n WHEN 2 THEN x.r END AS r
              FROM acct.template_audit AS a CROSS JOIN LATERAL (VALUES (1, a.old_row), (2, a.new_row)) AS x (n, r)
             WHERE a.table_name = $2 AND x.r IS NOT NULL),
        known AS (
            SELECT DISTINCT ON (e.key) e.key, e.r FROM event AS e ORDER BY e.key, e.audit_id DESC, e.n DESC),
        standing AS (
            SELECT (SELECT jsonb_object_agg(k, to_jsonb(t) -> k) FROM unnest($1) AS k) AS key, to_jsonb(t) AS r FROM acct.%I AS t)
        SELECT coalesce(s.key, k.key),
               CASE WHEN k.key IS NULL THEN 'is not in the audit trail'
                    WHEN s.key IS NULL THEN 'was deleted past the audit trail'
                    WHEN k.r IS NULL THEN 'is there, and deleted by the audit trail'
                    ELSE 'is not as the audit trail left it' END, k.r, s.r
          FROM known AS k FULL JOIN standing AS s USING (key)
         CROSS JOIN LATERAL (
            -- Columns that were added or dropped since then do not count.
            SELECT CASE WHEN k.r IS NULL OR s.r IS NULL THEN k.r IS DISTINCT FROM s.r
                        ELSE EXISTS (SELECT FROM jsonb_each(k.r) AS c JOIN jsonb_each(s.r) AS d USING (key)
                                      WHERE c.key <> ALL ($3) AND c.value <> d.value) END AS differs) AS c
         WHERE c.differs
           -- The row that install() makes before the triggers are there
           AND NOT (k.key IS NULL AND $2 = 'accounting_basis' AND s.key = '{"basis": "PRIMARY"}')
         ORDER BY 1$q$, p_table) USING keys, p_table, times;
END
$$;
COMMENT ON FUNCTION acct._differs_from_audit(text) IS
'The rows of a table that are not as acct.template_audit has them, each with what it has and what is there.';

CREATE FUNCTION acct._unapproved_versions() RETURNS TABLE (row_key jsonb, problem text, last_known jsonb, present jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT jsonb_build_object('template_code', c.template_code, 'version', c.version), p.problem,
           jsonb_build_object('content_sha256', c.approved_sha256), jsonb_build_object('content_sha256', c.content_sha256)
      FROM acct.template_content AS c JOIN acct.journal_template AS t USING (template_code, version)
     CROSS JOIN LATERAL (
        SELECT 'is in force with a content that was not approved' AS problem WHERE NOT c.unchanged
        UNION ALL
        SELECT 'is in force without an approval in the audit trail'
         WHERE NOT EXISTS (SELECT FROM acct.template_audit AS a
                            WHERE a.table_name = 'journal_template'
                              AND a.row_key ->> 'template_code' = t.template_code AND a.row_key ->> 'version' = t.version::text
                              AND a.new_row ->> 'status' = 'approved' AND a.new_row ->> 'approver' = t.approver
                              AND a.new_row ->> 'approved_sha256' IS NOT DISTINCT FROM t.approved_sha256)) AS p
     WHERE t.status IN ('approved', 'retired') AND t.effective_from < coalesce(t.effective_to, 'infinity')
$$;
COMMENT ON FUNCTION acct._unapproved_versions() IS
'Template versions in force whose content is not what was approved, or whose approval is not in the audit trail.';

CREATE FUNCTION acct._record_findings(p_complete boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET timezone = 'UTC' AS $$ -- as rows are written in every session
DECLARE
    -- Lines and match rules of templates count as their template's.
    changed CONSTANT text[] := ARRAY(SELECT key FROM jsonb_each_text(acct._policy_kept()) AS k FULL JOIN jsonb_each_text(acct._policy_computed()) AS c USING (key)
                                      WHERE k.value IS DISTINCT FROM c.value ORDER BY key);
    recorded text[];
BEGIN
    WITH difference AS (
        SELECT t AS table_name, d.* FROM acct._audited_tables() AS t, acct._differs_from_audit(t) AS d
         WHERE p_complete OR regexp_replace(t, '^journal_template_(line|match)$', 'journal_template') = ANY (changed)
            -- What was found there may have ended.
            OR EXISTS (SELECT FROM acct.policy_finding AS o WHERE o.table_name = t AND o.ended_at IS NULL)),
    finding AS MATERIALIZED (
        SELECT row_number() OVER () AS n, x.* FROM (
        SELECT d.* FROM difference AS d
        UNION ALL
        SELECT c, NULL, 'differs from the digest that was kept', NULL, NULL FROM unnest(changed) AS c
         WHERE NOT EXISTS (SELECT FROM difference AS d WHERE regexp_replace(d.table_name, '^journal_template_(line|match)$', 'journal_template') = c)
        UNION ALL
        SELECT 'journal_template', u.* FROM acct._unapproved_versions() AS u) AS x),
    -- What has stayed as it was found
    stayed AS MATERIALIZED (
        SELECT f.n, o.finding_id FROM finding AS f
          JOIN acct.policy_finding AS o ON (o.table_name, o.row_key, o.problem) = (f.table_name, f.row_key, f.problem)
           AND o.found IS NOT DISTINCT FROM f.present AND o.ended_at IS NULL
         -- A row that differs from what the audit trail has made of it since then was changed once more.
         WHERE f.problem LIKE 'is in force %'
            OR NOT EXISTS (SELECT FROM acct.template_audit AS a
                            WHERE a.table_name = o.table_name AND a.at > o.found_at AND (a.old_row @> o.row_key OR a.new_row @> o.row_key))),
    ended AS (
        UPDATE acct.policy_finding AS o SET ended_at = clock_timestamp()
         WHERE o.ended_at IS NULL AND NOT EXISTS (SELECT FROM stayed AS s WHERE s.finding_id = o.finding_id)),
    made AS (
        INSERT INTO acct.policy_finding AS p (table_name, row_key, problem, last_known, found)
        SELECT f.table_name, f.row_key, f.problem, f.last_known, f.present FROM finding AS f
         WHERE NOT EXISTS (SELECT FROM stayed AS s WHERE s.n = f.n)
        RETURNING p.table_name, p.row_key, p.problem)
    SELECT array_agg(concat_ws(' ', m.table_name, (SELECT string_agg(v.value, ' ' ORDER BY v.key) FROM jsonb_each_text(m.row_key) AS v), m.problem)
                     ORDER BY m.table_name, m.row_key) INTO recorded FROM made AS m;
    IF recorded IS NOT NULL THEN
        RAISE WARNING 'policy has changed in ways that nobody approved'
            USING DETAIL = acct._first_of(recorded) || '.',
                  HINT = 'See acct.policy_finding, and "Policy was changed past its triggers" in docs/operations.md.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._record_findings(boolean) IS
'Compares policy with what is known of it, all of it or the tables whose digest differs, adds what differs to acct.policy_finding, with a WARNING, and ends the findings that are no longer so.';

CREATE FUNCTION acct.acknowledge_finding(finding_id bigint, note text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    f record;
    alone CONSTANT boolean := (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = session_user);
    me CONSTANT text := acct._session_role();
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    PERFORM acct._commit_durably();
    SELECT x.* INTO f FROM acct.policy_finding AS x WHERE x.finding_id = acknowledge_finding.finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'finding % does not exist', coalesce(acknowledge_finding.finding_id::text, 'NULL')
            USING ERRCODE = '22023', HINT = 'Findings are rows of acct.policy_finding.';
    ELSIF coalesce(btrim(acknowledge_finding.note), '') = '' THEN
        RAISE EXCEPTION 'acknowledging a finding needs a note' USING ERRCODE = '22023', HINT = 'Note who changed policy, and why it may stay.';
    ELSIF f.acknowledged_at IS NOT NULL THEN
        RETURN true;
    ELSIF f.confirmed_at IS NOT NULL AND NOT alone AND (f.confirmed_by = session_user OR f.confirmed_by_role = me) THEN
        RAISE EXCEPTION '% has confirmed finding % before', session_user, f.finding_id
            USING ERRCODE = 'LE005', HINT = 'Have a second approver acknowledge it.';
    END IF;
    UPDATE acct.policy_finding AS x
       SET confirmed_by = coalesce(x.confirmed_by, session_user), confirmed_by_role = coalesce(x.confirmed_by_role, me),
           confirmed_at = coalesce(x.confirmed_at, clock_timestamp()),
           acknowledged_by = CASE WHEN alone OR f.confirmed_at IS NOT NULL THEN session_user END,
           acknowledged_at = CASE WHEN alone OR f.confirmed_at IS NOT NULL THEN clock_timestamp() END,
           note = concat_ws(E'\n', x.note, acknowledge_finding.note)
     WHERE x.finding_id = f.finding_id;
    RETURN alone OR f.confirmed_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION acct.acknowledge_finding(bigint, text) IS
'Acknowledges a row of acct.policy_finding, with a note: true when a superuser or a second approver does, false when the first approver does. Raises 22023 (no such finding, no note), LE005 where the same person acknowledges it twice, 25001 (the transaction is not READ COMMITTED).';

CREATE FUNCTION acct._health_approvals(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), acct._first_of(array_agg(concat_ws(' ', x.number, x.table_name,
                                                        (SELECT string_agg(v.value, ' ' ORDER BY v.key) FROM jsonb_each_text(x.row_key) AS v), x.problem)
                                              ORDER BY x.finding_id, x.table_name, x.row_key, x.problem))
      FROM (SELECT f.finding_id, format('finding %s:', f.finding_id) AS number, f.table_name, f.row_key, f.problem
              FROM acct.policy_finding AS f WHERE f.acknowledged_at IS NULL
            UNION ALL
            SELECT NULL, NULL, 'journal_template', u.row_key, u.problem FROM acct._unapproved_versions() AS u
             WHERE NOT EXISTS (SELECT FROM acct.policy_finding AS f
                                WHERE (f.table_name, f.row_key, f.problem) = ('journal_template', u.row_key, u.problem) AND f.found = u.present
                                  AND f.ended_at IS NULL)
            UNION ALL
            SELECT NULL, NULL, 'manual_journal', jsonb_build_object('journal_id', c.journal_id), 'is not what was approved'
              FROM acct.manual_journal_content AS c WHERE c.status = 'approved' AND c.unchanged IS NOT TRUE) AS x
$$;
COMMENT ON FUNCTION acct._health_approvals() IS
'Findings of install() that nobody acknowledged, template versions in force that are not what was approved, or whose approval is not in the audit trail, and manual journals that are not what was approved.';

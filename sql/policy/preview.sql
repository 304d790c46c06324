-- What drafts would do to the transactions of a month: the journals that they would make, and what they change.

CREATE FUNCTION acct._require_previewable(p_month date, p_release bigint, p_entity text, p_basis text, p_most integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_plausible_month(p_month);
    IF p_entity IS NOT NULL AND NOT EXISTS (SELECT FROM acct.entity_draft AS d WHERE d.release_id = p_release AND d.entity_code = p_entity) THEN
        PERFORM acct._require_code('entity', p_entity);
    END IF;
    IF p_basis IS NOT NULL AND NOT EXISTS (SELECT FROM acct.accounting_basis_draft AS d WHERE d.release_id = p_release AND d.basis = p_basis) THEN
        PERFORM acct._require_code('basis', p_basis);
    END IF;
    IF p_most IS NULL OR p_most < 1 OR p_most > 10000 THEN
        RAISE EXCEPTION 'max_transactions is %', coalesce(p_most::text, 'NULL') USING ERRCODE = '22023', HINT = 'It is a number from 1 to 10000.';
    END IF;
    -- From here to the end of the transaction the month is not archived.
    PERFORM FROM acct.txn_source_parent AS s WHERE false;
    PERFORM acct._require_source_month(p_month);
END
$$;
COMMENT ON FUNCTION acct._require_previewable(date, bigint, text, text, integer) IS
'Raises 22023 where a month, an entity, a basis or a number of transactions is none, also none that a release brings, 55000 where the month''s source is archived, LE010 where it is detached.';

CREATE FUNCTION acct._notice_later_versions(p_release bigint, p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT x.template_code, x.version, x.effective_from FROM acct.journal_template AS x
              WHERE x.release_id = p_release AND x.effective_from >= p_month + interval '1 month' ORDER BY x.template_code, x.version LOOP
        RAISE NOTICE 'template % version % begins on %, after %', t.template_code, t.version, to_char(t.effective_from, 'YYYY-MM-DD'), acct._month_name(p_month)
            USING HINT = 'Give template_code and version to see it as if it were in effect: acct.preview_journals(), acct.compare_versions().';
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._notice_later_versions(bigint, date) IS 'Says which template versions of a release begin after a month, whose transactions they therefore do not touch.';

CREATE FUNCTION acct._journals_of_drafts(p_month date, p_release bigint, p_template text, p_version integer, p_most integer)
RETURNS TABLE (txn_id bigint, basis text, outcome text, entity_code text, je_date date, txn_type text, product_code text, channel text, currency text,
               template_code text, template_version integer, line_no smallint, account_code text, fund text, debit numeric, credit numeric, memo text, reason text, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    one integer;
BEGIN
    PERFORM acct._require_previewable(p_month, p_release, NULL, NULL, p_most);
    IF p_release IS NOT NULL THEN
        PERFORM acct._require_comparable(p_release);
    END IF;
    IF p_template IS NULL AND p_version IS NOT NULL THEN
        RAISE EXCEPTION 'version % is of no template', p_version USING ERRCODE = '22023', HINT = 'Give template_code too.';
    ELSIF p_template IS NOT NULL THEN
        one := acct._version_of(p_template, p_version, p_release);
    ELSE
        PERFORM acct._notice_later_versions(p_release, p_month);
    END IF;
    RETURN QUERY
    SELECT p.txn_id, p.basis, p.outcome, p.entity_code, p.je_date, p.txn_type, p.product_code, p.channel, p.currency, p.template_code, p.template_version,
           p.line_no, p.account_code, p.fund, p.debit, p.credit, l.memo, p.reason, p.message
      FROM acct._preview_journals(p_month, CASE WHEN p_release IS NOT NULL AND p_template IS NULL THEN '{}'::text[] END,
                                  acct._policy_with(p_release, p_template, one), p_template, NULL, NULL, p_most) AS p
      LEFT JOIN acct.journal_template_line AS l ON l.template_code = p.template_code AND l.version = p.template_version AND l.line_no = p.line_no
     ORDER BY p.txn_id, p.basis COLLATE "C", p.line_no;
END
$$;
COMMENT ON FUNCTION acct._journals_of_drafts(date, bigint, text, integer, integer) IS 'The work of preview_journals().';

CREATE FUNCTION acct.preview_journals(month date, release_id bigint DEFAULT NULL, template_code text DEFAULT NULL, version integer DEFAULT NULL,
    max_transactions integer DEFAULT 20)
RETURNS TABLE (txn_id bigint, basis text, outcome text, entity_code text, je_date date, txn_type text, product_code text, channel text, currency text,
               template_code text, template_version integer, line_no smallint, account_code text, fund text, debit numeric, credit numeric, memo text, reason text, message text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT j.* FROM acct._journals_of_drafts($1, $2, $3, $4, $5) AS j
$$;
COMMENT ON FUNCTION acct.preview_journals(date, bigint, text, integer, integer) IS
'The journals, or the exceptions, that drafts would make of a month''s transactions, line by line; nothing is written. Raises LE004 (no such release or template; the release is out of date), LE005 (the release is approved), 22023, 55000 (the month''s source is archived).';

CREATE FUNCTION acct._compared(p_month date, p_entity text, p_basis text, p_before text[], p_after text[])
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
               debit_before numeric, credit_before numeric, debit_after numeric, credit_after numeric, difference numeric, lines_before bigint, lines_after bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency, s.product_code, s.template_code,
           coalesce(sum(s.debit) FILTER (WHERE NOT s.is_after), 0), coalesce(sum(s.credit) FILTER (WHERE NOT s.is_after), 0),
           coalesce(sum(s.debit) FILTER (WHERE s.is_after), 0), coalesce(sum(s.credit) FILTER (WHERE s.is_after), 0),
           sum(CASE WHEN s.is_after THEN s.debit - s.credit ELSE s.credit - s.debit END),
           coalesce(sum(s.lines) FILTER (WHERE NOT s.is_after), 0)::bigint, coalesce(sum(s.lines) FILTER (WHERE s.is_after), 0)::bigint
      FROM acct._compare_sums(p_month, p_entity, p_basis, p_before, p_after) AS s
     GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING (coalesce(sum(s.debit) FILTER (WHERE NOT s.is_after), 0), coalesce(sum(s.credit) FILTER (WHERE NOT s.is_after), 0))
           <> (coalesce(sum(s.debit) FILTER (WHERE s.is_after), 0), coalesce(sum(s.credit) FILTER (WHERE s.is_after), 0))
     ORDER BY s.entity_code COLLATE "C", s.basis COLLATE "C", s.fund COLLATE "C", s.account_code COLLATE "C", s.currency COLLATE "C",
              s.product_code COLLATE "C", s.template_code COLLATE "C"
$$;
COMMENT ON FUNCTION acct._compared(date, text, text, text[], text[]) IS
'The difference that another policy makes to a month, by account, fund, currency, product and template: sums over the transactions whose journals differ, by the one policy and by the other.';

CREATE FUNCTION acct._compared_transactions(p_month date, p_before text[], p_after text[], p_most integer)
RETURNS TABLE (change text, txn_id bigint, basis text, entity_code text, je_date date, currency text, amount numeric, outcome_before text, outcome_after text,
               template_before text, version_before integer, template_after text, version_after integer, reason_before text, reason_after text, transactions bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
    WITH found AS MATERIALIZED (
        SELECT x.* FROM acct._compare_transactions(p_month, NULL, NULL, p_before, p_after, p_most) AS x),
    ranked AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.change ORDER BY f.amount DESC, f.txn_id, f.basis COLLATE "C") AS rank FROM found AS f WHERE f.txn_id IS NOT NULL)
    SELECT r.change, r.txn_id, r.basis, r.entity_code, r.je_date, r.currency, r.amount, r.outcome_before, r.outcome_after, r.template_before, r.version_before,
           r.template_after, r.version_after, r.reason_before || ': ' || r.message_before, r.reason_after || ': ' || r.message_after, n.transactions
      FROM ranked AS r
      JOIN (SELECT f.change, sum(f.number)::bigint AS transactions FROM found AS f WHERE f.txn_id IS NULL GROUP BY f.change) AS n USING (change)
     WHERE r.rank <= p_most
     ORDER BY array_position('{becomes_exception,ceases_exception,template,lines}', r.change), r.rank
$$;
COMMENT ON FUNCTION acct._compared_transactions(date, text[], text[], integer) IS
'The transactions of a month that another policy changes most, of each kind of change so many, and how many there are of the kind.';

CREATE FUNCTION acct._policy_of_release(p_release bigint, p_month date) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_comparable(p_release);
    PERFORM acct._notice_later_versions(p_release, p_month);
    RETURN acct._policy_with(p_release);
END
$$;
COMMENT ON FUNCTION acct._policy_of_release(bigint, date) IS
'The policy that there would be with a release, for a month whose transactions are compared. Raises LE004 and LE005 as _require_comparable().';

CREATE FUNCTION acct._compare_release(p_release bigint, p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
               debit_before numeric, credit_before numeric, debit_after numeric, credit_after numeric, difference numeric, lines_before bigint, lines_after bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_previewable(p_month, p_release, p_entity, p_basis, 1);
    RETURN QUERY SELECT c.* FROM acct._compared(p_month, p_entity, p_basis, '{}', acct._policy_of_release(p_release, p_month)) AS c;
END
$$;
COMMENT ON FUNCTION acct._compare_release(bigint, date, text, text) IS 'The work of compare_release().';

CREATE FUNCTION acct.compare_release(release_id bigint, month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
               debit_before numeric, credit_before numeric, debit_after numeric, credit_after numeric, difference numeric, lines_before bigint, lines_after bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.* FROM acct._compare_release($1, $2, $3, $4) AS c
$$;
COMMENT ON FUNCTION acct.compare_release(bigint, date, text, text) IS
'The change that a release would make to a month''s journals, by account, fund, currency, product and template: the month''s transactions are evaluated with and without it, and nothing is written. Raises LE004 (no such release, or it is out of date), LE005 (it is approved), 22023, 55000 (the month''s source is archived).';

CREATE FUNCTION acct.compare_release_transactions(release_id bigint, month date, max_transactions integer DEFAULT 20)
RETURNS TABLE (change text, txn_id bigint, basis text, entity_code text, je_date date, currency text, amount numeric, outcome_before text, outcome_after text,
               template_before text, version_before integer, template_after text, version_after integer, reason_before text, reason_after text, transactions bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_previewable($2, $1, NULL, NULL, $3);
    RETURN QUERY SELECT c.* FROM acct._compared_transactions($2, '{}', acct._policy_of_release($1, $2), $3) AS c;
END
$$;
COMMENT ON FUNCTION acct.compare_release_transactions(bigint, date, integer) IS
'The transactions of a month that a release would change most: those that become exceptions or cease to be, those that move to another template, and those whose lines change. Raises what compare_release() raises.';

CREATE FUNCTION acct._compare_versions(p_template text, p_from integer, p_to integer, p_month date, p_entity text, p_basis text)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
               debit_before numeric, credit_before numeric, debit_after numeric, credit_after numeric, difference numeric, lines_before bigint, lines_after bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_previewable(p_month, NULL, p_entity, p_basis, 1);
    RETURN QUERY SELECT c.* FROM acct._compared(p_month, p_entity, p_basis, acct._policy_with(NULL, p_template, acct._version_of(p_template, p_from)),
                                                acct._policy_with(NULL, p_template, acct._version_of(p_template, p_to))) AS c;
END
$$;
COMMENT ON FUNCTION acct._compare_versions(text, integer, integer, date, text, text) IS 'The work of compare_versions().';

CREATE FUNCTION acct.compare_versions(template_code text, from_version integer, to_version integer, month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, fund text, account_code text, currency text, product_code text, template_code text,
               debit_before numeric, credit_before numeric, debit_after numeric, credit_after numeric, difference numeric, lines_before bigint, lines_after bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.* FROM acct._compare_versions($1, $2, $3, $4, $5, $6) AS c
$$;
COMMENT ON FUNCTION acct.compare_versions(text, integer, integer, date, text, text) IS
'The change that another version of a template would make to a month''s journals, as compare_release() reports it: each version is taken as if it alone were in effect on every day. Raises LE004 (no such version), 22023, 55000 (the month''s source is archived).';

CREATE FUNCTION acct.compare_versions_transactions(template_code text, from_version integer, to_version integer, month date, max_transactions integer DEFAULT 20)
RETURNS TABLE (change text, txn_id bigint, basis text, entity_code text, je_date date, currency text, amount numeric, outcome_before text, outcome_after text,
               template_before text, version_before integer, template_after text, version_after integer, reason_before text, reason_after text, transactions bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_previewable($4, NULL, NULL, NULL, $5);
    RETURN QUERY SELECT c.* FROM acct._compared_transactions($4, acct._policy_with(NULL, $1, acct._version_of($1, $2)), acct._policy_with(NULL, $1, acct._version_of($1, $3)), $5) AS c;
END
$$;
COMMENT ON FUNCTION acct.compare_versions_transactions(text, integer, integer, date, integer) IS
'The transactions of a month that another version of a template would change most, as compare_release_transactions() reports them. Raises what compare_versions() raises.';

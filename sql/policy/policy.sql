-- The policy in force: its digest, which is kept as policy changes, and whether it still allows what a run made of it.
--
-- Each row of policy has a hash, and each table a sum of these. What a change adds to a sum is a row of acct.policy_change,
-- written by a trigger with the change itself. So two changes of policy never wait for each other, and every snapshot shows
-- the digest of just the policy that it shows. Reading the digest costs as much as reading the changes since they were last
-- folded into one row for each table.

CREATE FUNCTION acct._policy_columns() RETURNS TABLE (table_name text, columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('accounting_basis', ARRAY['basis', 'description', 'every_transaction']),
           ('chart_of_accounts', ARRAY['account_code', 'description', 'account_type', 'fund', 'parent_account_code', 'is_postable',
                                       'effective_from', 'effective_to', 'is_suspense', 'closing_account_code']),
           ('currency', ARRAY['currency', 'minor_units']),
           ('elimination_pair', ARRAY['pair_code', 'description', 'account_code', 'fund', 'counter_account_code', 'counter_fund']),
           ('entity', ARRAY['entity_code', 'name', 'functional_currency', 'country', 'registration_no', 'effective_from', 'effective_to']),
           ('fund', ARRAY['fund', 'name', 'fund_type', 'surplus_account_code']),
           ('journal_template', ARRAY['template_code', 'version', 'description', 'template_type', 'basis', 'effective_from', 'effective_to',
                                      'require_balanced', 'balance_by_fund', 'skip_zero_lines', 'negative_policy']),
           ('journal_template_line', ARRAY['template_code', 'version', 'line_no', 'dr_cr', 'account_code', 'fund', 'amount_expr',
                                           'is_balancing', 'condition_expr', 'memo']),
           ('journal_template_match', ARRAY['template_code', 'version', 'match_no', 'txn_type', 'product_code', 'channel', 'condition_expr',
                                            'priority']),
           ('posting_limit', ARRAY['name', 'value']),
           ('product_account_map', ARRAY['product_code', 'channel', 'account_code', 'fund', 'mapped_account_code', 'mapped_fund',
                                         'effective_from', 'effective_to']),
           ('statement_account', ARRAY['layout', 'line_no', 'selection_no', 'account_type', 'from_account', 'to_account', 'parent_account_code', 'fund']),
           ('statement_column', ARRAY['layout', 'column_no', 'label', 'fund_types', 'funds']),
           ('statement_layout', ARRAY['layout', 'statement', 'description', 'is_default']),
           ('statement_line', ARRAY['layout', 'line_no', 'label', 'sign', 'subtotal_of'])
$$;
COMMENT ON FUNCTION acct._policy_columns() IS
'The tables of policy and those of their columns that the digest covers. Of templates it covers the versions that are approved or retired.';

CREATE FUNCTION acct._layout_policy() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    is_new CONSTANT boolean := to_regclass('acct.policy_change') IS NULL;
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.policy_change (
        change_id bigint GENERATED ALWAYS AS IDENTITY,
        table_name text COLLATE "C" NOT NULL,
        change numeric NOT NULL,
        CONSTRAINT policy_change_pkey PRIMARY KEY (change_id)
    );
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS policy_digest text, ADD COLUMN IF NOT EXISTS policy_sums jsonb,
        ADD COLUMN IF NOT EXISTS minor_units jsonb, ADD COLUMN IF NOT EXISTS basis_policy jsonb,
        ADD COLUMN IF NOT EXISTS engine_version text;
    FOR t IN SELECT p.table_name FROM acct._policy_columns() AS p LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE%s ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._note_policy()',
                       t || '_policy', CASE t WHEN 'journal_template' THEN '' ELSE ' OR DELETE' END, t);
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_policy', t, 'Keeps the digest of policy up to date.');
    END LOOP;
    -- While its lines and match rules are there.
    CREATE OR REPLACE TRIGGER journal_template_policy_delete BEFORE DELETE ON acct.journal_template
        FOR EACH ROW EXECUTE FUNCTION acct._note_policy();
    COMMENT ON TRIGGER journal_template_policy_delete ON acct.journal_template IS 'Keeps the digest of policy up to date.';
    -- Its triggers keep others from changing policy between the comparison and the end of the transaction.
    IF NOT is_new THEN
        PERFORM acct._record_findings(true);
    END IF;
    PERFORM acct._catch_up_policy();
END
$layout$;
COMMENT ON FUNCTION acct._layout_policy() IS 'The part of install() that keeps the digest of policy.';

CREATE FUNCTION acct._comment_policy() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.policy_change IS 'Amounts that changes of policy add to the sums from which its digest comes. Triggers on the tables of policy write them.';
    COMMENT ON COLUMN acct.policy_change.change_id IS 'Number of the change.';
    COMMENT ON COLUMN acct.policy_change.table_name IS 'Table of policy; lines and match rules count as their template''s.';
    COMMENT ON COLUMN acct.policy_change.change IS 'Amount that it adds to the sum of the hashes of the table''s rows, modulo 2^128.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_policy() IS 'The part of install() that describes the objects of policy.sql.';

CREATE FUNCTION acct._policy_modulus(p_sum numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN mod(mod(p_sum, 340282366920938463463374607431768211456) + 340282366920938463463374607431768211456,
               340282366920938463463374607431768211456);
END
$$;
COMMENT ON FUNCTION acct._policy_modulus(numeric) IS 'A sum of hashes, modulo 2^128.';

CREATE FUNCTION acct._policy_hash(p_table text, p_columns text[], p_row jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ('x' || left(h.hex, 16))::bit(64)::bigint::numeric * 18446744073709551616 + ('x' || substr(h.hex, 17, 16))::bit(64)::bigint
      FROM (SELECT encode(sha256(convert_to(p_table || ' ' || coalesce(jsonb_object_agg(c.name, p_row -> c.name)::text, ''), 'UTF8')), 'hex') AS hex
              FROM unnest(p_columns) AS c (name)
             WHERE p_row -> c.name <> 'null'
               -- A column that came later counts where it says something: older digests stay what they are.
               AND (c.name <> 'is_suspense' OR p_row -> c.name <> 'false')) AS h
$$;
COMMENT ON FUNCTION acct._policy_hash(text, text[], jsonb) IS
'The 128-bit hash of a row of policy: the beginning of the SHA-256 of its table and those columns that are not NULL, by name.';

CREATE FUNCTION acct._policy_part(p_table text, p_row jsonb) RETURNS numeric
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    part text;
    found_sum numeric;
    total numeric;
BEGIN
    IF p_table = 'journal_template' AND p_row ->> 'status' NOT IN ('approved', 'retired')
       OR p_table IN ('journal_template_line', 'journal_template_match')
          AND NOT EXISTS (SELECT FROM acct.journal_template AS t
                           WHERE t.template_code = p_row ->> 'template_code' AND t.version = (p_row ->> 'version')::integer
                             AND t.status IN ('approved', 'retired')) THEN
        RETURN 0;
    END IF;
    total := acct._policy_hash(p_table, (SELECT p.columns FROM acct._policy_columns() AS p WHERE p.table_name = p_table), p_row);
    IF p_table = 'journal_template' THEN
        FOR part IN SELECT t FROM unnest(ARRAY['journal_template_line', 'journal_template_match']) AS t LOOP
            EXECUTE format('SELECT sum(acct._policy_hash($1, $2, to_jsonb(x))) FROM acct.%I AS x WHERE x.template_code = $3 AND x.version = $4', part)
               INTO found_sum
              USING part, (SELECT p.columns FROM acct._policy_columns() AS p WHERE p.table_name = part),
                    p_row ->> 'template_code', (p_row ->> 'version')::integer;
            total := total + coalesce(found_sum, 0);
        END LOOP;
    END IF;
    RETURN total;
END
$$;
COMMENT ON FUNCTION acct._policy_part(text, jsonb) IS
'Amount that a row adds to the sum of its table, a template version with its lines and match rules; 0 for a row that is not in force.';

CREATE FUNCTION acct._note_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    change numeric := 0;
BEGIN
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.policy_change'::regclass) <> quote_ident(current_user)::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    IF TG_OP <> 'INSERT' THEN
        change := change - acct._policy_part(TG_TABLE_NAME, to_jsonb(OLD));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        change := change + acct._policy_part(TG_TABLE_NAME, to_jsonb(NEW));
    END IF;
    IF change <> 0 THEN
        INSERT INTO acct.policy_change (table_name, change)
        VALUES (regexp_replace(TG_TABLE_NAME, '^journal_template_.*', 'journal_template'), acct._policy_modulus(change));
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION acct._note_policy() IS 'Trigger function: records in acct.policy_change what a change of policy adds to the sum of its table.';

CREATE FUNCTION acct._policy_kept() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(x.table_name, x.sum::text) FILTER (WHERE x.sum <> 0), '{}')
              FROM (SELECT y.table_name, CASE WHEN y.sum >= 0 THEN mod(y.sum, 340282366920938463463374607431768211456) ELSE acct._policy_modulus(y.sum) END AS sum
                      FROM (SELECT c.table_name, sum(c.change) AS sum FROM acct.policy_change AS c GROUP BY c.table_name) AS y) AS x);
END
$$;
COMMENT ON FUNCTION acct._policy_kept() IS 'The sums of the tables of policy, as they were kept when it changed.';

CREATE FUNCTION acct._rows_in_force(p_table text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('acct.%I AS x', p_table)
           || CASE WHEN p_table = 'journal_template' THEN ' WHERE x.status IN (''approved'', ''retired'')'
                   WHEN starts_with(p_table, 'journal_template') THEN ' JOIN acct.journal_template AS t USING (template_code, version) WHERE t.status IN (''approved'', ''retired'')'
                   ELSE '' END
$$;
COMMENT ON FUNCTION acct._rows_in_force(text) IS
'The FROM item, with its condition, for the rows that digests and seals cover in a table of policy: of templates those versions that are, or were, approved.';

CREATE FUNCTION acct._policy_computed() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    query text;
    sums jsonb;
BEGIN
    SELECT string_agg(format('SELECT %L AS table_name, sum(acct._policy_hash(%L, %L, to_jsonb(x))) AS sum FROM %s',
                             regexp_replace(p.table_name, '^journal_template_.*', 'journal_template'), p.table_name, p.columns, acct._rows_in_force(p.table_name)), ' UNION ALL ')
      INTO query FROM acct._policy_columns() AS p;
    EXECUTE format('SELECT coalesce(jsonb_object_agg(y.table_name, y.sum::text) FILTER (WHERE y.sum <> 0), ''{}'') '
                   'FROM (SELECT x.table_name, acct._policy_modulus(sum(x.sum)) AS sum FROM (%s) AS x GROUP BY x.table_name) AS y', query)
       INTO sums;
    RETURN sums;
END
$$;
COMMENT ON FUNCTION acct._policy_computed() IS 'The sums of the tables of policy, computed from their rows.';

CREATE FUNCTION acct._policy_digest(p_sums jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT encode(sha256(convert_to(coalesce(string_agg(s.key || ' ' || s.value, E'\n' ORDER BY s.key COLLATE "C"), ''), 'UTF8')), 'hex')
              FROM jsonb_each_text(p_sums) AS s);
END
$$;
COMMENT ON FUNCTION acct._policy_digest(jsonb) IS 'The digest of policy by its sums.';

CREATE FUNCTION acct.policy_digest() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
BEGIN
    PERFORM acct._require_layout();
    RETURN acct._policy_digest(acct._policy_computed());
END
$$;
COMMENT ON FUNCTION acct.policy_digest() IS
'The digest of the policy in force, computed from its rows: 64 hexadecimal digits. A run keeps the digest of the policy that it was expanded by in journal_run.policy_digest.';

CREATE FUNCTION acct._catch_up_policy() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    -- In one statement, which sees both under one snapshot.
    INSERT INTO acct.policy_change (table_name, change)
    SELECT x.key, acct._policy_modulus(x.computed - x.kept)
      FROM (SELECT coalesce(k.key, c.key) AS key, coalesce(k.value::numeric, 0) AS kept, coalesce(c.value::numeric, 0) AS computed
              FROM jsonb_each_text(acct._policy_kept()) AS k FULL JOIN jsonb_each_text(acct._policy_computed()) AS c USING (key)) AS x
     WHERE x.kept <> x.computed
$$;
COMMENT ON FUNCTION acct._catch_up_policy() IS
'Brings the sums that are kept up to date with the rows, where policy changed while the triggers were not there.';

CREATE FUNCTION acct._fold_policy() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    most_changes CONSTANT integer := 1000;
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM acct.policy_change LIMIT most_changes + 1) AS c) <= most_changes THEN
        RETURN;
    END IF;
    -- The sums stay the same under every snapshot: whoever sees the new rows does not see the old ones.
    WITH folded AS (
        DELETE FROM acct.policy_change AS c
         WHERE c.change_id IN (SELECT x.change_id FROM acct.policy_change AS x FOR UPDATE SKIP LOCKED)
        RETURNING c.table_name, c.change)
    INSERT INTO acct.policy_change (table_name, change)
    SELECT f.table_name, acct._policy_modulus(sum(f.change)) FROM folded AS f GROUP BY f.table_name;
END
$$;
COMMENT ON FUNCTION acct._fold_policy() IS
'Replaces the changes of policy, where there are more than a thousand, by one for each table. It waits for nobody.';

CREATE FUNCTION acct._staged_rows(p_run_id bigint, p_part text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN p_part = 'header'
                THEN format('(SELECT h.*, coalesce(h.original_date, h.je_date) AS policy_date FROM %s AS h)', acct._staging_rows(r.run_id, 'header'))
                WHEN acct._moves_late(r.options)
                THEN format('(SELECT l.*, coalesce(h.original_date, h.je_date) AS policy_date FROM %s AS l JOIN %s AS h ON h.je_id = l.je_id)',
                            acct._staging_rows(r.run_id, 'line'), acct._staging_rows(r.run_id, 'header'))
                ELSE format('(SELECT l.*, l.je_date AS policy_date FROM %s AS l)', acct._staging_rows(r.run_id, 'line')) END
      FROM acct.journal_run AS r WHERE r.run_id = p_run_id
$$;
COMMENT ON FUNCTION acct._staged_rows(bigint, text) IS
'The FROM item that gives the headers or lines (p_part) of an expanded run, with the date that policy is read by as policy_date: that of the transaction, also where the journal was moved to a later month.';

CREATE FUNCTION acct._policy_months(p_run_id bigint) RETURNS SETOF date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF (SELECT acct._moves_late(r.options) FROM acct.journal_run AS r WHERE r.run_id = p_run_id) THEN
        RETURN QUERY EXECUTE format('SELECT DISTINCT acct.month_start(s.policy_date) FROM %s AS s', acct._staged_rows(p_run_id, 'header'));
    ELSE
        RETURN QUERY SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._policy_months(bigint) IS 'The months of the dates by which an expanded run''s journals were made.';

CREATE FUNCTION acct._not_in_effect(p_run_id bigint, p_noun text, p_column text, p_table text, p_part text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    suspects text[];
BEGIN
    -- Dates are looked at where a row begins or ends in, or before, a month; of journals that were moved, in any that they can come from.
    EXECUTE format('SELECT array_agg(DISTINCT t.%1$I) FROM acct.journal_run_total AS t JOIN acct.%2$I AS x ON x.%1$I = t.%1$I '
                   '  JOIN acct.journal_run AS r ON r.run_id = t.run_id '
                   ' WHERE t.run_id = $1 AND (x.effective_to < t.je_month + interval ''1 month'' OR x.effective_from > '
                   '       CASE WHEN acct._moves_late(r.options) THEN least(t.je_month, r.txn_month - interval ''12 months'') ELSE t.je_month END)',
                   p_column, p_table)
       INTO suspects USING p_run_id;
    IF suspects IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
            'SELECT DISTINCT format(''%%s %%s is not in effect on %%s'', $2, s.%1$I, s.policy_date) FROM %3$s AS s '
            'JOIN acct.%2$I AS x ON x.%1$I = s.%1$I '
            'WHERE s.%1$I = ANY ($1) AND (s.policy_date < x.effective_from OR s.policy_date >= x.effective_to)',
            p_column, p_table, acct._staged_rows(p_run_id, p_part)) USING suspects, p_noun;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._not_in_effect(bigint, text, text, text, text) IS
'The codes in a column of an expanded run''s headers or lines (p_part) that are not in effect on the dates for which it has them, a row for each.';

CREATE FUNCTION acct._accounts_not_in_force(p_run_id bigint) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT DISTINCT CASE WHEN f.fund IS NULL THEN format('fund %s does not exist', t.fund)
                         WHEN a.account_code IS NULL THEN format('account %s does not exist', t.account_code)
                         WHEN NOT a.is_postable THEN format('account %s is not postable', t.account_code)
                         ELSE format('account %s belongs to fund %s, not %s', t.account_code, a.fund, t.fund) END
      FROM acct.journal_run_total AS t
      LEFT JOIN acct.fund AS f ON f.fund = t.fund
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = t.account_code
     WHERE t.run_id = p_run_id AND (f.fund IS NULL OR a.account_code IS NULL OR NOT a.is_postable OR a.fund <> t.fund)
    UNION ALL
    SELECT e FROM acct._not_in_effect(p_run_id, 'account', 'account_code', 'chart_of_accounts', 'line') AS e
$$;
COMMENT ON FUNCTION acct._accounts_not_in_force(bigint) IS
'Problems that keep the accounts and funds of an expanded run from being posted to, a row for each.';

CREATE FUNCTION acct._entities_not_in_force(p_run_id bigint) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT DISTINCT format('entity %s does not exist', t.entity_code) FROM acct.journal_run_total AS t
     WHERE t.run_id = p_run_id AND NOT EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = t.entity_code)
    UNION ALL
    SELECT e FROM acct._not_in_effect(p_run_id, 'entity', 'entity_code', 'entity', 'header') AS e
$$;
COMMENT ON FUNCTION acct._entities_not_in_force(bigint) IS
'Problems that keep the entities of an expanded run from being posted to, a row for each.';

CREATE FUNCTION acct._templates_not_in_force(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH used AS MATERIALIZED (
            SELECT DISTINCT h.template_code, h.template_version AS version, h.policy_date FROM %s AS h)
        SELECT DISTINCT format('template %%s version %%s is not in force on %%s', u.template_code, u.version, u.policy_date)
          FROM used AS u
         WHERE u.version IS DISTINCT FROM (
            SELECT max(t.version) FROM acct.journal_template AS t
             WHERE t.template_code = u.template_code AND t.status IN ('approved', 'retired')
               AND t.effective_from <= u.policy_date AND u.policy_date < coalesce(t.effective_to, 'infinity'))$q$,
        acct._staged_rows(p_run_id, 'header'));
END
$$;
COMMENT ON FUNCTION acct._templates_not_in_force(bigint) IS
'The template versions by which an expanded run has journals and which are not in force on their dates, a row for each.';

CREATE FUNCTION acct._basis_policy(p_run_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    -- Of templates that end later than any value date of the month may lie, it does not matter when. Another version may replace one that ignores.
    RETURN (SELECT jsonb_object_agg(b.basis, jsonb_build_object('every_transaction', b.every_transaction,
                                                              'ignore', acct._policy_modulus(coalesce(x.sum, 0))::text,
                                                              'versions', coalesce(x.versions, '[]')))
              FROM acct.journal_run AS r
             CROSS JOIN LATERAL (SELECT (r.txn_month - interval '12 months')::date AS first_day, (r.txn_month + interval '13 months')::date AS end_day) AS d
              JOIN acct.accounting_basis AS b ON b.basis = ANY (r.bases)
             CROSS JOIN LATERAL (
                SELECT sum(acct._policy_hash('journal_template', c.columns,
                               to_jsonb(t) || CASE WHEN t.effective_to >= d.end_day THEN '{"effective_to": null}' ELSE '{}' END::jsonb)
                           + coalesce((SELECT sum(acct._policy_hash(n.table_name, n.columns, to_jsonb(m)))
                                         FROM acct._policy_columns() AS n, acct.journal_template_match AS m
                                        WHERE n.table_name = 'journal_template_match' AND (m.template_code, m.version) = (t.template_code, t.version)), 0)) AS sum,
                       jsonb_agg(jsonb_build_object('template_code', t.template_code, 'version', t.version, 'effective_from', t.effective_from,
                                                    'effective_to', t.effective_to)) FILTER (WHERE t.basis = b.basis AND t.template_type = 'IGNORE') AS versions
                  FROM acct._policy_columns() AS c, acct.journal_template AS t
                 WHERE c.table_name = 'journal_template' AND t.status IN ('approved', 'retired')
                   AND t.effective_from < d.end_day AND coalesce(t.effective_to, 'infinity') > d.first_day
                   AND t.template_code IN (SELECT i.template_code FROM acct.journal_template AS i
                                            WHERE i.basis = b.basis AND i.template_type = 'IGNORE' AND i.status IN ('approved', 'retired'))) AS x
             WHERE r.run_id = p_run_id);
END
$$;
COMMENT ON FUNCTION acct._basis_policy(bigint) IS
'For each basis of a run, the policy that its journals do not show: whether it takes every transaction, and the templates that ignore and are in force near the run''s month (ignore is their sum, versions lists them).';

CREATE FUNCTION acct._complete_bases(p_run_id bigint) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(b.basis), '{}')
              FROM acct.journal_run AS r JOIN acct.accounting_basis AS b ON b.basis = ANY (r.bases)
             WHERE r.run_id = p_run_id AND coalesce((r.basis_policy #>> ARRAY[b.basis, 'every_transaction'])::boolean, b.every_transaction));
END
$$;
COMMENT ON FUNCTION acct._complete_bases(bigint) IS
'The bases that took every transaction when a run was expanded; where it does not say, those that do now.';

CREATE FUNCTION acct._bases_not_in_force(p_run_id bigint) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format(CASE WHEN b.every_transaction THEN 'basis %s takes every transaction' ELSE 'basis %s does not take every transaction' END, b.basis)
      FROM acct.journal_run AS r JOIN acct.accounting_basis AS b ON b.basis = ANY (r.bases)
     WHERE r.run_id = p_run_id AND b.every_transaction <> (r.basis_policy #>> ARRAY[b.basis, 'every_transaction'])::boolean
    UNION ALL
    SELECT format('templates of type IGNORE in basis %s are not those by which it ignored %s transactions', n.key, c.ignored)
      FROM acct.journal_run AS r
     CROSS JOIN LATERAL jsonb_each(acct._basis_policy(r.run_id)) AS n
     CROSS JOIN LATERAL (SELECT (r.basis_counts #>> ARRAY[n.key, 'ignored'])::bigint AS ignored) AS c
     -- A run that an older version expanded has not kept by which templates it ignored.
     WHERE r.run_id = p_run_id AND c.ignored > 0 AND r.basis_policy IS NOT NULL AND n.value ->> 'ignore' IS DISTINCT FROM r.basis_policy #>> ARRAY[n.key, 'ignore']
$$;
COMMENT ON FUNCTION acct._bases_not_in_force(bigint) IS
'Changes of the policy of an expanded run''s bases that its journals do not show, a row for each problem.';

CREATE FUNCTION acct._maps_not_in_force(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH used AS MATERIALIZED (
            SELECT DISTINCT h.template_code, h.template_version, h.product_code, h.channel, h.policy_date, l.line_no, l.account_code, l.fund
              FROM %s AS h JOIN %s AS l ON l.je_id = h.je_id)
        SELECT DISTINCT format('product %%s, channel %%s: account %%s in fund %%s is mapped to %%s in fund %%s, not %%s in fund %%s',
                               u.product_code, u.channel, x.account_code, x.fund,
                               coalesce(m.mapped_account_code, x.account_code), coalesce(m.mapped_fund, x.fund), u.account_code, u.fund)
          FROM used AS u
          JOIN acct.journal_template_line AS x
            ON (x.template_code, x.version, x.line_no) = (u.template_code, u.template_version, u.line_no)
          LEFT JOIN LATERAL (
            SELECT p.mapped_account_code, p.mapped_fund FROM acct.product_account_map AS p
             WHERE (p.product_code, p.account_code, p.fund) = (u.product_code, x.account_code, x.fund)
               AND (p.channel IS NULL OR p.channel = u.channel)
               AND p.effective_from <= u.policy_date AND u.policy_date < coalesce(p.effective_to, 'infinity')
             ORDER BY p.channel IS NULL, p.effective_from DESC, p.map_id LIMIT 1) AS m ON true
         WHERE (coalesce(m.mapped_account_code, x.account_code), coalesce(m.mapped_fund, x.fund)) <> (u.account_code, u.fund)$q$,
        acct._staged_rows(p_run_id, 'header'), acct._staging_rows(p_run_id, 'line'));
END
$$;
COMMENT ON FUNCTION acct._maps_not_in_force(bigint) IS
'The lines of an expanded run that product_account_map now leads elsewhere, a row for each combination of product, channel and account.';

CREATE FUNCTION acct._check_policy(p_run_id bigint) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    kept CONSTANT jsonb := acct._policy_kept();
    problems text[] := ARRAY[]::text[];
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.status = 'expanded' AND run.kind = 'correction' AND run.policy_digest IS DISTINCT FROM acct._policy_digest(kept) THEN
        -- What it left alone may differ now.
        problems := ARRAY['the policy by which it was compared'];
    -- What was posted can be reversed, whatever policy says now.
    ELSIF run.status = 'expanded' AND run.kind IN ('transaction', 'manual', 'opening') AND run.policy_sums IS DISTINCT FROM kept
          AND run.policy_digest IS DISTINCT FROM acct._policy_digest(kept) THEN
        problems := ARRAY(
            SELECT a.* FROM acct._accounts_not_in_force(p_run_id) AS a
            UNION ALL SELECT e.* FROM acct._entities_not_in_force(p_run_id) AS e
            UNION ALL SELECT format('currency %s does not exist', t.currency)
                        FROM (SELECT DISTINCT x.currency FROM acct.journal_run_total AS x WHERE x.run_id = p_run_id) AS t
                       WHERE NOT EXISTS (SELECT FROM acct.currency AS c WHERE c.currency = t.currency)
            UNION ALL SELECT format('currency %s has %s minor units, not %s', c.currency, c.minor_units, m.value)
                        FROM jsonb_each_text(run.minor_units) AS m JOIN acct.currency AS c ON c.currency = m.key
                       WHERE c.minor_units::text <> m.value
            UNION ALL SELECT format('%s is more than %s months from %s', acct._month_name(m), l.months_apart, acct._month_name(run.txn_month))
                        FROM acct._policy_months(p_run_id) AS m, acct._posting_limits() AS l
                       WHERE abs((extract(year FROM m) - extract(year FROM run.txn_month)) * 12
                                 + extract(month FROM m) - extract(month FROM run.txn_month)) > l.months_apart
            UNION ALL SELECT format('%s is not in the years %s to %s', acct._month_name(m), l.first_year, l.last_year)
                        FROM (SELECT p FROM acct._policy_months(p_run_id) AS p
                              UNION SELECT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id) AS t (m), acct._posting_limits() AS l
                       WHERE NOT extract(year FROM m) BETWEEN l.first_year AND l.last_year);
        problems := problems || ARRAY(SELECT b.* FROM acct._bases_not_in_force(p_run_id) AS b);
        IF kept -> 'journal_template' IS DISTINCT FROM run.policy_sums -> 'journal_template' THEN
            problems := problems || ARRAY(SELECT t.* FROM acct._templates_not_in_force(p_run_id) AS t);
        END IF;
        IF kept -> 'product_account_map' IS DISTINCT FROM run.policy_sums -> 'product_account_map' THEN
            problems := problems || ARRAY(SELECT m.* FROM acct._maps_not_in_force(p_run_id) AS m);
        END IF;
    END IF;
    RETURN QUERY SELECT 'policy_in_force', '', coalesce(acct._first_of(ARRAY(SELECT p FROM unnest(problems) AS p ORDER BY p)), '');
END
$$;
COMMENT ON FUNCTION acct._check_policy(bigint) IS
'The check of validate_run that policy still allows what an expanded run made of it. It looks at journals only where policy changed since they were expanded.';

CREATE FUNCTION acct._require_policy(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    problems CONSTANT text := (SELECT c.actual FROM acct._check_policy(p_run_id) AS c);
BEGIN
    IF problems <> '' THEN
        RAISE EXCEPTION 'policy has changed since run % was expanded', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'Not in force: ' || problems || '.',
                  HINT = 'Call acct.expand_journals() again: it expands the run by the policy that is in force now.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_policy(bigint) IS 'Raises LE009 where policy no longer allows what an expanded run made of it.';

-- What is wrong with template versions and releases, all of it at once: what they are refused for, and what their approver is to know.
-- Submitting and approving refuse by the same rows that check_template() and check_release() return.

CREATE FUNCTION acct._rule_findings() RETURNS TABLE (n integer, finding text, severity text, hint text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- error: it cannot be submitted; warning: transactions become exceptions, or a rule does not do what it says; notice: to be looked at
    VALUES (1, 'outdated', 'error', 'Update the row of the draft table: it is then made from what is approved now.'),
           (2, 'refused', 'error', 'Correct the row of the draft table.'),
           (3, 'map_target', 'error', 'Map to a postable account of the fund.'),
           (4, 'closing_account', 'error', 'Name a postable account of the fund that is one of assets, liabilities or equity.'),
           (5, 'layout', 'error', 'Correct the layout of the statement.'),
           (6, 'elimination_pair', 'error', 'Leave the account in one of the pairs.'),
           (7, 'deleted_in_use', 'error', 'Keep it, and end it with effective_to where it has one.'),
           (8, 'no_change', 'error', 'Add changes, or delete the release.'),
           (11, 'no_match', 'error', 'Insert rows of acct.journal_template_match.'),
           (12, 'no_line', 'error', 'Insert rows of acct.journal_template_line.'),
           (13, 'ignore_with_lines', 'error', 'Delete the lines, or have the template be of type STANDARD.'),
           (14, 'bad_expression', 'error', 'Correct the expression; acct.check_expression() checks one.'),
           (15, 'fund_missing', 'error', 'Add the fund by a release, or correct the line.'),
           (16, 'account_missing', 'error', 'Add the account by a release, or correct the line.'),
           (17, 'account_heading', 'error', 'Use an account below it.'),
           (18, 'account_of_other_fund', 'error', 'Use an account of the fund.'),
           (31, 'never_in_force', 'warning', 'Correct its dates.'),
           (32, 'newer_version', 'warning', 'Retire the newer version, or correct the dates.'),
           (33, 'older_version', 'warning', 'Retire the older version too, or leave out effective_to.'),
           (34, 'gap', 'warning', 'Transactions of these days have no template: correct the dates.'),
           (35, 'condition_never_true', 'warning', 'Correct the condition, or delete the row.'),
           (36, 'match_unreachable', 'warning', 'Give it a lower priority number than the other one, or delete it.'),
           (37, 'match_takes_all', 'warning', 'Give it a higher priority number, or a condition, where the other one is to stay.'),
           (38, 'match_overlap', 'warning', 'Give them different priorities, or conditions that exclude each other.'),
           (39, 'amount_zero', 'warning', 'Correct the amount, or delete the line.'),
           (40, 'account_mapped_only', 'warning', 'Map the account for every product that a match rule allows, or name products in the match rules.'),
           (41, 'mapped_account', 'warning', 'Correct the account map, by a release.'),
           (42, 'account_dates', 'warning', 'Correct the dates of the template or, by a release, of the account.'),
           (43, 'account_changing', 'warning', 'Agree with the other release first.'),
           (44, 'also_changed', 'warning', 'The one that is approved second is to be checked and compared again.'),
           (45, 'draft_outside', 'warning', 'Put the other version into the release, or delete it.'),
           (46, 'account_in_use', 'warning', 'Have new versions of the templates use another account.'),
           (47, 'out_of_balance', 'warning', 'Correct an amount, or have one line of the fund balance it. acct.check_balance() shows a transaction.'),
           (48, 'hides_unknown', 'warning', 'Say by coalesce() what an unknown value counts as, or do without the function: an amount that is NULL makes an exception.'),
           (49, 'not_in_layout', 'warning', 'Add the accounts to lines of the layout, by rows of acct.statement_account_draft.'),
           (50, 'not_in_subtotal', 'warning', 'Add the line to subtotal_of of a subtotal, by rows of acct.statement_line_draft.'),
           (60, 'match_crosses', 'notice', 'Give them different priorities where another one is to go first.'),
           (61, 'no_memo', 'notice', 'Say what the line is for: reports show it.'),
           (62, 'rounding', 'notice', 'Have one line of the fund balance it, if the source sends amounts with more decimals than the currency has.'),
           (63, 'balance_unknown', 'notice', 'Compare the lines of the fund; acct.preview_journals() shows journals of real transactions.')
$$;
COMMENT ON FUNCTION acct._rule_findings() IS 'The findings of check_template() and check_release(), in their order, and what to do about each.';

CREATE FUNCTION acct._finding_place(p_code text, p_version integer, p_match integer, p_line integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(': ', format('template %s version %s', p_code, p_version), 'match ' || p_match, 'line ' || p_line)
$$;
COMMENT ON FUNCTION acct._finding_place(text, integer, integer, integer) IS 'Where a finding is, as messages name it.';

CREATE FUNCTION acct._dates_in_words(p_days datemultirange) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(CASE WHEN lower(r) IS NULL AND upper(r) IS NULL THEN 'on all days'
                           WHEN lower(r) IS NULL THEN 'before ' || to_char(upper(r), 'YYYY-MM-DD')
                           WHEN upper(r) IS NULL THEN format('from %s on', to_char(lower(r), 'YYYY-MM-DD'))
                           ELSE format('from %s to %s', to_char(lower(r), 'YYYY-MM-DD'), to_char(upper(r) - 1, 'YYYY-MM-DD')) END, ' and ' ORDER BY r)
      FROM unnest(p_days) AS r
$$;
COMMENT ON FUNCTION acct._dates_in_words(datemultirange) IS 'Days as messages name them, such as from 2025-01-01 to 2025-01-31.';

CREATE FUNCTION acct._days_of(p_from date, p_to date) RETURNS daterange
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT daterange(nullif(p_from, '-infinity'), nullif(p_to, 'infinity'))
$$;
COMMENT ON FUNCTION acct._days_of(date, date) IS 'The days from effective_from to effective_to, which is exclusive.';

CREATE FUNCTION acct._versions_in_force(p_codes text[], p_versions integer[])
RETURNS TABLE (template_code text, version integer, basis text, is_subject boolean, days daterange, in_force datemultirange)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH v AS (
        SELECT t.template_code, t.version, t.basis, s.code IS NOT NULL AS is_subject, acct._days_of(t.effective_from, t.effective_to) AS days
          FROM acct.journal_template AS t
          LEFT JOIN unnest(p_codes, p_versions) AS s (code, version) ON s.code = t.template_code AND s.version = t.version
         WHERE t.status IN ('approved', 'retired') OR s.code IS NOT NULL),
    -- Newer versions come first.
    w AS (
        SELECT v.*, range_agg(v.days) OVER (PARTITION BY v.template_code ORDER BY v.version DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer_days FROM v)
    SELECT w.template_code, w.version, w.basis, w.is_subject, w.days, datemultirange(w.days) - coalesce(w.newer_days, '{}') FROM w
$$;
COMMENT ON FUNCTION acct._versions_in_force(text[], integer[]) IS
'Approved template versions and these ones, as if they were approved, each with the days on which it is the newest in effect.';

CREATE FUNCTION acct._template_errors(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH t AS MATERIALIZED (
        SELECT x.template_code, x.version, x.template_type,
               EXISTS (SELECT FROM acct.journal_template_match AS m WHERE m.template_code = x.template_code AND m.version = x.version) AS has_match,
               EXISTS (SELECT FROM acct.journal_template_line AS l WHERE l.template_code = x.template_code AND l.version = x.version) AS has_line
          FROM unnest(p_codes, p_versions) AS s (code, version)
          JOIN acct.journal_template AS x ON x.template_code = s.code AND x.version = s.version),
    line AS MATERIALIZED (
        SELECT l.*, f.fund IS NOT NULL AS has_fund, a.account_code AS found, a.fund AS account_fund, a.is_postable,
               EXISTS (SELECT FROM acct.product_account_map AS m WHERE m.account_code = l.account_code AND m.fund = l.fund) AS is_mapped
          FROM t JOIN acct.journal_template_line AS l USING (template_code, version)
          LEFT JOIN acct.fund AS f ON f.fund = l.fund
          LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code),
    expression AS (
        SELECT m.template_code, m.version, m.match_no, NULL::integer AS line_no, 'condition' AS kind, m.condition_expr AS expr
          FROM t JOIN acct.journal_template_match AS m USING (template_code, version)
        UNION ALL SELECT l.template_code, l.version, NULL, l.line_no, 'amount', l.amount_expr FROM line AS l
        UNION ALL SELECT l.template_code, l.version, NULL, l.line_no, 'condition', l.condition_expr FROM line AS l)
    SELECT 'no_match', t.template_code, t.version, NULL::integer, NULL::integer, NULL::integer, 'it has no match rule', NULL::text FROM t WHERE NOT t.has_match
    UNION ALL
    SELECT 'no_line', t.template_code, t.version, NULL, NULL, NULL, 'it has no line', NULL FROM t WHERE t.template_type = 'STANDARD' AND NOT t.has_line
    UNION ALL
    SELECT 'ignore_with_lines', t.template_code, t.version, NULL, NULL, NULL, 'it is of type IGNORE and has lines', NULL
      FROM t WHERE t.template_type = 'IGNORE' AND t.has_line
    UNION ALL
    -- Each was checked when it was saved; columns of the source may have changed since.
    SELECT 'bad_expression', e.template_code, e.version, e.match_no, e.line_no, x."position", format('%s: %s', e.kind, x.message), x.hint
      FROM expression AS e CROSS JOIN LATERAL acct._examine_expression(e.expr, e.kind) AS x WHERE x.message IS NOT NULL
    UNION ALL
    SELECT 'fund_missing', l.template_code, l.version, NULL, l.line_no, NULL, format('fund %s does not exist', l.fund), acct._drafted_in('fund', l.fund)
      FROM line AS l WHERE NOT l.has_fund
    UNION ALL
    SELECT 'account_missing', l.template_code, l.version, NULL, l.line_no, NULL, format('account %s does not exist', l.account_code),
           acct._drafted_in('account', l.account_code)
      FROM line AS l WHERE l.found IS NULL AND NOT l.is_mapped
    UNION ALL
    SELECT 'account_heading', l.template_code, l.version, NULL, l.line_no, NULL, format('account %s is not postable', l.account_code), NULL
      FROM line AS l WHERE NOT l.is_postable AND NOT l.is_mapped
    UNION ALL
    SELECT 'account_of_other_fund', l.template_code, l.version, NULL, l.line_no, NULL,
           format('account %s belongs to fund %s, not %s', l.account_code, l.account_fund, l.fund), NULL
      FROM line AS l WHERE l.account_fund <> l.fund AND NOT l.is_mapped
$$;
COMMENT ON FUNCTION acct._template_errors(text[], integer[]) IS 'Errors that keep template versions from being submitted and approved.';

CREATE FUNCTION acct._drafted_in(p_noun text, p_code text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('Release %s, which is %s, adds the %s.', r.release_id, r.status, p_noun)
      FROM (SELECT d.release_id FROM acct.chart_of_accounts_draft AS d WHERE p_noun = 'account' AND d.operation = 'insert' AND d.account_code = p_code
            UNION ALL
            SELECT d.release_id FROM acct.fund_draft AS d WHERE p_noun = 'fund' AND d.operation = 'insert' AND d.fund = p_code
            UNION ALL
            SELECT d.release_id FROM acct.accounting_basis_draft AS d WHERE p_noun = 'basis' AND d.operation = 'insert' AND d.basis = p_code) AS d
      JOIN acct.policy_release AS r USING (release_id)
     WHERE r.status <> 'approved' ORDER BY r.release_id LIMIT 1
$$;
COMMENT ON FUNCTION acct._drafted_in(text, text) IS 'The first open release that adds an account, a fund or a basis, as a hint; NULL: none does.';

CREATE FUNCTION acct._date_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH v AS MATERIALIZED (
        SELECT x.* FROM acct._versions_in_force(p_codes, p_versions) AS x WHERE x.template_code = ANY (p_codes)),
    hole AS (
        SELECT c.template_code, g AS days
          FROM (SELECT v.template_code, range_agg(v.days) AS days FROM v WHERE NOT isempty(v.days) GROUP BY v.template_code) AS c
         CROSS JOIN LATERAL unnest(datemultirange(range_merge(c.days)) - c.days) AS g)
    SELECT 'never_in_force', v.template_code, v.version, NULL::integer, NULL::integer, NULL::integer,
           CASE WHEN isempty(v.days) THEN 'it ends on its first day'
                ELSE format('version %s is newer and holds on all its days', n.version) END, NULL::text
      FROM v LEFT JOIN LATERAL (SELECT min(x.version) AS version FROM v AS x
                                 WHERE x.template_code = v.template_code AND x.version > v.version AND x.days && v.days) AS n ON true
     WHERE v.is_subject AND isempty(v.in_force)
    UNION ALL
    SELECT 'newer_version', v.template_code, v.version, NULL, NULL, NULL,
           format('version %s is newer and holds %s', n.version, acct._dates_in_words(datemultirange(n.days * v.days))), NULL
      FROM v JOIN v AS n ON n.template_code = v.template_code AND n.version > v.version AND n.days && v.days
     WHERE v.is_subject AND NOT n.is_subject AND NOT isempty(v.in_force)
    UNION ALL
    SELECT 'older_version', v.template_code, v.version, NULL, NULL, NULL,
           format('version %s holds again from %s on', o.version, to_char(upper(v.days), 'YYYY-MM-DD')), NULL
      FROM v JOIN v AS o ON o.template_code = v.template_code AND o.version < v.version AND o.in_force @> upper(v.days)
     WHERE v.is_subject AND lower(v.days) IS NOT NULL AND o.days @> lower(v.days)
    UNION ALL
    SELECT 'gap', v.template_code, v.version, NULL, NULL, NULL,
           format('no version holds %s', acct._dates_in_words(datemultirange(h.days))), NULL
      FROM v JOIN hole AS h ON h.template_code = v.template_code AND h.days -|- v.days
     WHERE v.is_subject
$$;
COMMENT ON FUNCTION acct._date_warnings(text[], integer[]) IS
'Findings about the days on which template versions are in effect: none is left to one, another version holds, or none does.';

CREATE FUNCTION acct._condition_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH t AS MATERIALIZED (
        SELECT x.template_code, x.version, x.skip_zero_lines FROM unnest(p_codes, p_versions) AS s (code, version)
          JOIN acct.journal_template AS x ON x.template_code = s.code AND x.version = s.version),
    line AS MATERIALIZED (
        SELECT l.*, t.skip_zero_lines, c.is_never, a.constant, a.hides AS amount_hides, a.hides_at AS amount_hides_at, c.hides AS condition_hides, c.hides_at AS condition_hides_at
          FROM t JOIN acct.journal_template_line AS l USING (template_code, version)
          LEFT JOIN LATERAL acct._examine_expression(l.condition_expr, 'condition') AS c ON true
          LEFT JOIN LATERAL acct._examine_expression(l.amount_expr, 'amount') AS a ON true),
    match AS MATERIALIZED (
        SELECT m.template_code, m.version, m.match_no, x.is_never, x.hides, x.hides_at
          FROM t JOIN acct.journal_template_match AS m USING (template_code, version)
         CROSS JOIN LATERAL acct._examine_expression(m.condition_expr, 'condition') AS x)
    SELECT 'condition_never_true', m.template_code, m.version, m.match_no, NULL::integer, NULL::integer, 'its condition is never true', NULL::text
      FROM match AS m WHERE m.is_never
    UNION ALL
    SELECT 'hides_unknown', h.template_code, h.version, h.match_no, h.line_no, h.at, format('%s: %s() skips a value that may be NULL', h.kind, h.hides), NULL
      FROM (SELECT m.template_code, m.version, m.match_no, NULL::integer AS line_no, 'condition' AS kind, m.hides, m.hides_at AS at FROM match AS m
            UNION ALL SELECT l.template_code, l.version, NULL, l.line_no, 'amount', l.amount_hides, l.amount_hides_at FROM line AS l
            UNION ALL SELECT l.template_code, l.version, NULL, l.line_no, 'condition', l.condition_hides, l.condition_hides_at FROM line AS l) AS h
     WHERE h.hides IS NOT NULL
    UNION ALL
    SELECT 'condition_never_true', l.template_code, l.version, NULL, l.line_no, NULL,
           CASE WHEN l.is_never THEN 'its condition is never true' ELSE 'its condition is never true where a match rule''s is' END, NULL
      FROM line AS l
     WHERE l.is_never
        OR l.condition_expr IS NOT NULL AND NOT EXISTS (
            SELECT FROM acct.journal_template_match AS m
             WHERE m.template_code = l.template_code AND m.version = l.version
               AND (m.condition_expr IS NULL OR acct._compare_conditions(m.condition_expr, l.condition_expr) <> 'excludes'))
           AND EXISTS (SELECT FROM acct.journal_template_match AS m WHERE m.template_code = l.template_code AND m.version = l.version)
    UNION ALL
    SELECT 'amount_zero', l.template_code, l.version, NULL, l.line_no, NULL, 'its amount is always zero, and the line is always left out', NULL
      FROM line AS l WHERE l.skip_zero_lines AND l.constant::numeric = 0
    UNION ALL
    SELECT 'no_memo', l.template_code, l.version, NULL, l.line_no, NULL, 'it has no memo', NULL
      FROM line AS l WHERE NOT acct._says_something(l.memo)
$$;
COMMENT ON FUNCTION acct._condition_warnings(text[], integer[]) IS
'Match rules and lines of template versions that can never apply by their own conditions or amounts, that skip values which may be NULL, and lines without a memo.';

CREATE FUNCTION acct._names_fewer(p_codes text[], p_other text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT bool_and(c IS NULL OR c = o IS TRUE) FROM unnest(p_codes, p_other) AS x (c, o)
$$;
COMMENT ON FUNCTION acct._names_fewer(text[], text[]) IS 'True where codes, NULL being any, take all that the others take.';

CREATE FUNCTION acct._match_pairs(p_codes text[], p_versions integer[])
RETURNS TABLE (template_code text, version integer, match_no integer, other_code text, other_version integer, other_match_no integer,
               other_is_subject boolean, is_first boolean, is_wider boolean, is_narrower boolean, holds_longer boolean, holds_shorter boolean,
               condition text, other_condition text, priority integer, other_priority integer, is_tie boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH m AS MATERIALIZED (
        SELECT v.*, x.match_no, x.txn_type, x.product_code, x.channel, coalesce(x.condition_expr, 'true') AS condition, x.priority,
               num_nonnulls(x.txn_type, x.product_code, x.channel) AS named
          FROM acct._versions_in_force(p_codes, p_versions) AS v JOIN acct.journal_template_match AS x USING (template_code, version)
         WHERE NOT isempty(v.in_force)),
    -- By hash where both name a type
    pair AS (
        SELECT s AS s, o AS o FROM m AS s JOIN m AS o ON o.basis = s.basis AND o.txn_type = s.txn_type WHERE s.is_subject
        UNION ALL
        SELECT s, o FROM m AS s JOIN m AS o ON o.basis = s.basis AND (o.txn_type IS NULL OR s.txn_type IS NULL) WHERE s.is_subject)
    SELECT (p.s).template_code, (p.s).version, (p.s).match_no, (p.o).template_code, (p.o).version, (p.o).match_no, (p.o).is_subject,
           ((p.s).priority, -(p.s).named, (p.s).template_code, (p.s).match_no) < ((p.o).priority, -(p.o).named, (p.o).template_code, (p.o).match_no),
           acct._names_fewer(ARRAY[(p.s).txn_type, (p.s).product_code, (p.s).channel], ARRAY[(p.o).txn_type, (p.o).product_code, (p.o).channel]),
           acct._names_fewer(ARRAY[(p.o).txn_type, (p.o).product_code, (p.o).channel], ARRAY[(p.s).txn_type, (p.s).product_code, (p.s).channel]),
           (p.s).in_force @> (p.o).in_force, (p.o).in_force @> (p.s).in_force,
           (p.s).condition, (p.o).condition, (p.s).priority, (p.o).priority, (p.s).named = (p.o).named
      FROM pair AS p
     WHERE ((p.s).template_code, (p.s).version, (p.s).match_no) <> ((p.o).template_code, (p.o).version, (p.o).match_no)
       AND ((p.s).product_code = (p.o).product_code OR (p.s).product_code IS NULL OR (p.o).product_code IS NULL)
       AND ((p.s).channel = (p.o).channel OR (p.s).channel IS NULL OR (p.o).channel IS NULL)
       AND (p.s).in_force && (p.o).in_force
$$;
COMMENT ON FUNCTION acct._match_pairs(text[], integer[]) IS
'Pairs of a match rule of these template versions and another one of its basis whose codes and days meet: which is tried first, and whether one takes all codes, and holds on all days, of the other.';

CREATE FUNCTION acct._match_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH pair AS MATERIALIZED (
        SELECT p.*, acct._finding_place(p.other_code, p.other_version, p.other_match_no, NULL) AS other,
               CASE WHEN p.is_first AND p.is_wider AND p.holds_longer THEN acct._compare_conditions(p.other_condition, p.condition)
                    WHEN NOT p.is_first AND p.is_narrower AND p.holds_shorter THEN acct._compare_conditions(p.condition, p.other_condition)
                    WHEN p.priority = p.other_priority AND p.template_code <> p.other_code THEN acct._compare_conditions(p.condition, p.other_condition) END AS answer
          FROM acct._match_pairs(p_codes, p_versions) AS p),
    judged AS (
        SELECT p.*, CASE WHEN p.answer = 'implies' AND p.is_first AND p.is_wider AND p.holds_longer THEN 'match_takes_all'
                         WHEN p.answer = 'implies' AND NOT p.is_first AND p.is_narrower AND p.holds_shorter THEN 'match_unreachable'
                         -- One that names fewer codes is meant to come after the other.
                         WHEN p.priority = p.other_priority AND p.template_code <> p.other_code AND p.answer <> 'excludes'
                              AND (p.is_tie OR NOT p.is_wider AND NOT p.is_narrower) THEN CASE WHEN p.is_tie THEN 'match_overlap' ELSE 'match_crosses' END END AS finding
          FROM pair AS p)
    (SELECT DISTINCT ON (j.template_code, j.version, j.match_no)
           j.finding, j.template_code, j.version, j.match_no, NULL::integer, NULL::integer,
           format('no transaction reaches it: %s is tried first and takes them all', j.other), NULL::text
      FROM judged AS j WHERE j.finding = 'match_unreachable'
     ORDER BY j.template_code, j.version, j.match_no, j.other_priority, j.other_code, j.other_version, j.other_match_no)
    UNION ALL
    SELECT j.finding, j.template_code, j.version, j.match_no, NULL, NULL, format('it takes all transactions of %s, which never applies then', j.other), NULL
      FROM judged AS j WHERE j.finding = 'match_takes_all' AND NOT j.other_is_subject
    UNION ALL
    SELECT j.finding, j.template_code, j.version, j.match_no, NULL, NULL,
           format('it overlaps %s at priority %s: %s', j.other, j.priority,
                  CASE WHEN j.is_tie THEN 'the order of template codes decides' ELSE 'the one that names more codes goes first' END), NULL
      FROM judged AS j WHERE j.finding IN ('match_overlap', 'match_crosses') AND (NOT j.other_is_subject OR j.is_first)
$$;
COMMENT ON FUNCTION acct._match_warnings(text[], integer[]) IS
'Match rules of template versions that no transaction reaches, that leave none to another template''s, or that overlap with one at the same priority.';

CREATE FUNCTION acct._accounts_restricted(p_release bigint) RETURNS TABLE (account_code text, release_id bigint, status text, change text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.account_code, x.release_id, x.status, x.change
      FROM (SELECT d.account_code, d.release_id, p.status,
                   CASE WHEN d.operation = 'delete' THEN 'deletes it'
                        WHEN NOT d.is_postable AND (d.approved_row ->> 'is_postable')::boolean THEN 'makes it a heading'
                        WHEN d.fund IS NOT NULL AND d.fund IS DISTINCT FROM d.approved_row ->> 'fund' THEN format('gives it to fund %s', d.fund)
                        WHEN d.effective_to < coalesce((d.approved_row ->> 'effective_to')::date, 'infinity') THEN format('ends it on %s', to_char(d.effective_to, 'YYYY-MM-DD'))
                        WHEN d.effective_from > (d.approved_row ->> 'effective_from')::date THEN format('has it begin on %s', to_char(d.effective_from, 'YYYY-MM-DD')) END AS change
              FROM acct.chart_of_accounts_draft AS d JOIN acct.policy_release AS p USING (release_id)
             WHERE d.operation <> 'insert' AND CASE WHEN p_release IS NULL THEN p.status <> 'approved' ELSE p.release_id = p_release END) AS x
     WHERE x.change IS NOT NULL
$$;
COMMENT ON FUNCTION acct._accounts_restricted(bigint) IS
'The accounts that a release (NULL: any open one) deletes, or keeps from being used as they are now, and how.';

CREATE FUNCTION acct._accounts_reached(p_codes text[], p_versions integer[])
RETURNS TABLE (template_code text, version integer, release_id bigint, line_no integer, product_code text, account_code text, fund text, days datemultirange)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH line AS MATERIALIZED (
        SELECT l.template_code, l.version, t.release_id, l.line_no::integer AS line_no, l.account_code, l.fund, v.in_force
          FROM acct._versions_in_force(p_codes, p_versions) AS v
          JOIN acct.journal_template AS t USING (template_code, version)
          JOIN acct.journal_template_line AS l USING (template_code, version)
         WHERE v.is_subject AND NOT isempty(v.in_force)),
    mapped AS MATERIALIZED (
        -- On days of several rows the one that begins last applies.
        SELECT l.template_code, l.version, l.line_no, p.product_code, p.channel, p.mapped_account_code, p.mapped_fund,
               datemultirange(acct._days_of(p.effective_from, p.effective_to))
               - coalesce(range_agg(acct._days_of(p.effective_from, p.effective_to))
                              OVER (PARTITION BY l.template_code, l.version, l.line_no, p.product_code, p.channel ORDER BY p.effective_from DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '{}') AS days
          FROM line AS l JOIN acct.product_account_map AS p ON p.account_code = l.account_code AND p.fund = l.fund),
    named AS MATERIALIZED (
        SELECT p.template_code, p.version, p.line_no, p.product_code, p.channel, range_agg(p.days) AS days FROM mapped AS p WHERE p.channel IS NOT NULL GROUP BY 1, 2, 3, 4, 5)
    SELECT l.template_code, l.version, l.release_id, l.line_no, NULL::text, l.account_code, l.fund, l.in_force
      FROM line AS l
     WHERE EXISTS (SELECT FROM acct.journal_template_match AS m
                    WHERE m.template_code = l.template_code AND m.version = l.version
                      AND (m.product_code IS NULL
                           OR NOT l.in_force <@ coalesce((SELECT range_agg(p.days) FROM mapped AS p
                                                           WHERE p.template_code = l.template_code AND p.version = l.version AND p.line_no = l.line_no
                                                             AND p.product_code = m.product_code AND (p.channel IS NULL OR p.channel = m.channel)), '{}')))
    UNION ALL
    SELECT l.template_code, l.version, l.release_id, l.line_no, p.product_code, p.mapped_account_code, p.mapped_fund, range_agg(l.in_force * p.days - coalesce(n.days, '{}'))
      FROM line AS l JOIN mapped AS p USING (template_code, version, line_no)
      JOIN acct.journal_template_match AS m
        ON m.template_code = l.template_code AND m.version = l.version AND (m.product_code IS NULL OR m.product_code = p.product_code)
       AND (m.channel IS NULL OR p.channel IS NULL OR m.channel = p.channel)
      -- A row for the channel that a match rule names goes before one for any.
      LEFT JOIN named AS n ON p.channel IS NULL AND (n.template_code, n.version, n.line_no, n.product_code, n.channel) = (l.template_code, l.version, l.line_no, p.product_code, m.channel)
     GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING NOT isempty(range_agg(l.in_force * p.days - coalesce(n.days, '{}')))
$$;
COMMENT ON FUNCTION acct._accounts_reached(text[], integer[]) IS
'The accounts that lines of template versions can book to, and on which days: as they name them (product_code is NULL), and as acct.product_account_map leads elsewhere for a product.';

CREATE FUNCTION acct._account_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH reached AS MATERIALIZED (
        SELECT r.*, CASE WHEN r.product_code IS NULL THEN format('account %s', r.account_code)
                         ELSE format('product %s is mapped to account %s, which', r.product_code, r.account_code) END AS subject,
               a.account_code IS NOT NULL AS is_found, a.is_postable, a.fund AS account_fund, f.fund IS NOT NULL AS has_fund,
               r.days - datemultirange(acct._days_of(a.effective_from, a.effective_to)) AS days_without
          FROM acct._accounts_reached(p_codes, p_versions) AS r
          LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = r.account_code
          LEFT JOIN acct.fund AS f ON f.fund = r.fund),
    -- Without a map, these are errors.
    mapped_only AS (
        SELECT r.* FROM reached AS r
         WHERE r.product_code IS NULL AND (NOT r.is_found OR NOT r.is_postable OR r.account_fund <> r.fund)
           AND EXISTS (SELECT FROM acct.journal_template_line AS l JOIN acct.product_account_map AS p ON p.account_code = l.account_code AND p.fund = l.fund
                        WHERE l.template_code = r.template_code AND l.version = r.version AND l.line_no = r.line_no))
    SELECT 'account_mapped_only', r.template_code, r.version, NULL::integer, r.line_no, NULL::integer,
           CASE WHEN NOT r.is_found THEN format('account %s does not exist, and not every product is mapped to another', r.account_code)
                WHEN NOT r.is_postable THEN format('account %s is not postable, and not every product is mapped to another', r.account_code)
                ELSE format('account %s belongs to fund %s, not %s, and not every product is mapped to another', r.account_code, r.account_fund, r.fund) END, NULL::text
      FROM mapped_only AS r
    UNION ALL
    SELECT 'mapped_account', r.template_code, r.version, NULL, r.line_no, NULL,
           CASE WHEN NOT r.has_fund THEN format('product %s is mapped to fund %s, which does not exist', r.product_code, r.fund)
                ELSE r.subject || CASE WHEN NOT r.is_found THEN ' does not exist' WHEN NOT r.is_postable THEN ' is not postable'
                                       ELSE format(' belongs to fund %s, not %s', r.account_fund, r.fund) END END, NULL
      FROM reached AS r
     WHERE r.product_code IS NOT NULL AND (NOT r.has_fund OR NOT r.is_found OR NOT r.is_postable OR r.account_fund <> r.fund)
    UNION ALL
    SELECT 'account_dates', r.template_code, r.version, NULL, r.line_no, NULL, format('%s is not in effect %s', r.subject, acct._dates_in_words(r.days_without)), NULL
      FROM reached AS r WHERE NOT isempty(r.days_without)
    UNION ALL
    SELECT DISTINCT 'account_changing', r.template_code, r.version, NULL::integer, r.line_no, NULL::integer,
           format('account %s: release %s, which is %s, %s', r.account_code, c.release_id, c.status, c.change), NULL
      FROM reached AS r JOIN acct._accounts_restricted(NULL) AS c ON c.account_code = r.account_code AND c.release_id IS DISTINCT FROM r.release_id
$$;
COMMENT ON FUNCTION acct._account_warnings(text[], integer[]) IS
'Accounts that lines of template versions can book to and that do not fit for some products or days, or will not once another release is approved.';

CREATE FUNCTION acct._template_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT d.* FROM acct._date_warnings(p_codes, p_versions) AS d
    UNION ALL SELECT c.* FROM acct._condition_warnings(p_codes, p_versions) AS c
    UNION ALL SELECT m.* FROM acct._match_warnings(p_codes, p_versions) AS m
    UNION ALL SELECT a.* FROM acct._account_warnings(p_codes, p_versions) AS a
    UNION ALL SELECT b.* FROM acct._balance_warnings(p_codes, p_versions) AS b
$$;
COMMENT ON FUNCTION acct._template_warnings(text[], integer[]) IS 'Findings for the approver of template versions, which keep none from being submitted.';


CREATE FUNCTION acct._check_templates(p_codes text[], p_versions integer[], p_with_warnings boolean)
RETURNS TABLE (n integer, severity text, finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT f.n, f.severity, e.finding, e.template_code, e.version, e.match_no, e.line_no, e."position", e.message, coalesce(e.hint, f.hint)
                   FROM acct._template_errors(p_codes, p_versions) AS e JOIN acct._rule_findings() AS f USING (finding);
    IF p_with_warnings THEN
        RETURN QUERY SELECT f.n, f.severity, w.finding, w.template_code, w.version, w.match_no, w.line_no, w."position", w.message, coalesce(w.hint, f.hint)
                       FROM acct._template_warnings(p_codes, p_versions) AS w JOIN acct._rule_findings() AS f USING (finding);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._check_templates(text[], integer[], boolean) IS 'The findings of template versions, on request with warnings and notices.';

CREATE FUNCTION acct._severity_order(p_severity text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_position(ARRAY['error', 'warning', 'notice'], p_severity)
$$;
COMMENT ON FUNCTION acct._severity_order(text) IS 'Errors first.';

CREATE FUNCTION acct.check_template(template_code text, version integer)
RETURNS TABLE (severity text, finding text, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    IF NOT EXISTS (SELECT FROM acct.journal_template AS t WHERE t.template_code = check_template.template_code AND t.version = check_template.version) THEN
        RAISE EXCEPTION 'template % version % does not exist', check_template.template_code, check_template.version
            USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    END IF;
    RETURN QUERY
    SELECT c.severity, c.finding, c.match_no, c.line_no, c."position", c.message, c.hint
      FROM acct._check_templates(ARRAY[check_template.template_code], ARRAY[check_template.version], true) AS c
     ORDER BY acct._severity_order(c.severity), c.line_no NULLS FIRST, c.match_no NULLS FIRST, c.n, c.message COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct.check_template(text, integer) IS
'All findings about a template version, a row for each: errors keep it from being submitted and approved, warnings and notices are for its approver. Raises LE004 where there is no such version.';

CREATE FUNCTION acct._require_valid_template(p_code text, p_version integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    problems CONSTANT text := (SELECT string_agg(concat_ws(': ', 'match ' || c.match_no, 'line ' || c.line_no, c.message), '; '
                                                 ORDER BY c.line_no NULLS FIRST, c.match_no NULLS FIRST, c.n, c.message COLLATE "C")
                                 FROM acct._check_templates(ARRAY[p_code], ARRAY[p_version], false) AS c);
BEGIN
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'template % version % is not valid', p_code, p_version
            USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.', HINT = 'acct.check_template() lists what is wrong.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_valid_template(text, integer) IS 'Raises LE004 where a template version has a finding that is an error.';

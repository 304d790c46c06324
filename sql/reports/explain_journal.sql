-- Why a posted journal has the lines that it has: which rule made it or who entered it, what it reverses or corrects, what reverses or corrects
-- it, and whether the policy of its time still gives these lines.

CREATE FUNCTION acct._step(p_kind text, p_status text, p_sentence text, p_detail jsonb DEFAULT '{}', p_template text DEFAULT NULL, p_version integer DEFAULT NULL)
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_kind, p_template, p_version, NULL::integer, p_status, NULL::text, NULL::text, NULL::numeric, NULL::numeric, p_sentence, p_detail
$$;
COMMENT ON FUNCTION acct._step(text, text, text, jsonb, text, integer) IS 'A step of an explanation that is not a line.';

CREATE FUNCTION acct._line_text(p_line jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('%s %s to account %s in fund %s', CASE WHEN (p_line ->> 'debit')::numeric <> 0 THEN 'debit' ELSE 'credit' END,
                  trim_scale(greatest((p_line ->> 'debit')::numeric, (p_line ->> 'credit')::numeric)), p_line ->> 'account_code', p_line ->> 'fund')
$$;
COMMENT ON FUNCTION acct._line_text(jsonb) IS 'A line as a sentence names it.';

CREATE FUNCTION acct._plain_lines(p_lines jsonb) RETURNS SETOF jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('line_no', l -> 'line_no', 'account_code', l -> 'account_code', 'fund', l -> 'fund',
                              'debit', trim_scale((l ->> 'debit')::numeric), 'credit', trim_scale((l ->> 'credit')::numeric))
      FROM jsonb_array_elements(p_lines) AS l WHERE l ->> 'line_no' IS NOT NULL
$$;
COMMENT ON FUNCTION acct._plain_lines(jsonb) IS 'Lines by number, account, fund and amounts alone, so that they can be compared.';

CREATE FUNCTION acct._net_lines(p_lines jsonb, p_sign integer) RETURNS TABLE (account_code text, fund text, net numeric)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT l ->> 'account_code', l ->> 'fund', p_sign * sum((l ->> 'debit')::numeric - (l ->> 'credit')::numeric)
      FROM jsonb_array_elements(p_lines) AS l WHERE l ->> 'line_no' IS NOT NULL GROUP BY 1, 2
$$;
COMMENT ON FUNCTION acct._net_lines(jsonb, integer) IS 'Debit less credit of lines by account and fund, with a sign.';

CREATE FUNCTION acct._lines_before(p_je_id bigint, p_posted_at timestamptz, p_run_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    lines jsonb;
    j bigint;
BEGIN
    lines := (SELECT jsonb_agg(to_jsonb(x)) FROM acct._journal(p_je_id) AS x);
    FOR j IN SELECT c::bigint FROM jsonb_array_elements_text(coalesce(nullif(lines #> '{0,corrected_by}', 'null'), '[]')) AS c LOOP
        lines := lines || coalesce((SELECT jsonb_agg(to_jsonb(x)) FROM acct._journal(j) AS x WHERE x.run_id <> p_run_id AND x.posted_at < p_posted_at), '[]');
    END LOOP;
    RETURN lines;
END
$$;
COMMENT ON FUNCTION acct._lines_before(bigint, timestamptz, bigint) IS 'The lines of a journal, and those of its corrections that were posted before another one.';

CREATE FUNCTION acct._headline(p_je_id bigint, p_head jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('Journal %s (%s) of %s in entity %s, basis %s: %s, posted by %s on %s with run %s', p_head ->> 'je_number', p_je_id, p_head ->> 'je_date', p_head ->> 'entity_code', p_head ->> 'basis',
                  p_head ->> 'journal_type', p_head ->> 'posted_by', acct._day_text((p_head ->> 'posted_at')::timestamptz), p_head ->> 'run_id')
        || coalesce(' (' || (p_head ->> 'run_key') || ')', '') || '.'
        || coalesce(' Its month was closed: without that, it would be of ' || (p_head ->> 'original_date') || '.', '')
$$;
COMMENT ON FUNCTION acct._headline(bigint, jsonb) IS 'The first sentence about a journal.';

CREATE FUNCTION acct._entry_sentence(p_head jsonb, p_reason text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE p_head ->> 'journal_type'
        WHEN 'closing' THEN format('It closes income and expense at the year''s end, by close_year() of %s: %s', p_head ->> 'made_by', p_reason)
        ELSE format('It was entered by %s as row %s of manual_journal and approved by %s: %s', coalesce(j.maker, p_head ->> 'made_by'), coalesce(j.journal_id::text, '(unknown)'),
                    coalesce(j.approver || ' on ' || acct._day_text(j.approved_at), 'nobody'), coalesce(p_head ->> 'memo', p_reason, 'no memo')) END || '.'
      FROM (SELECT) AS nothing LEFT JOIN acct.manual_journal AS j ON j.journal_id = (p_head ->> 'manual_journal_id')::bigint
$$;
COMMENT ON FUNCTION acct._entry_sentence(jsonb, text) IS 'The sentence about those who entered a journal that no rule made.';

CREATE FUNCTION acct._evaluate_again(p_head jsonb, OUT steps jsonb, OUT problem text, OUT unknown text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    then_policy record;
BEGIN
    SELECT p.* INTO STRICT then_policy FROM acct._policy_then((p_head ->> 'run_id')::bigint) AS p;
    unknown := then_policy.unknown;
    steps := '[]';
    SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY n), '[]') INTO steps
      FROM acct._explain_steps((p_head ->> 'txn_id')::bigint, (p_head ->> 'txn_month')::date, p_head ->> 'basis', then_policy.policy) WITH ORDINALITY
        AS x (kind, template_code, version, number, status, account_code, fund, debit, credit, sentence, detail, n);
    IF steps = '[]' THEN
        problem := format('transaction %s is not in month %s of the source any more', p_head ->> 'txn_id', acct._month_name((p_head ->> 'txn_month')::date));
    END IF;
EXCEPTION
    -- Its source was dropped, or the source table is another one now.
    WHEN SQLSTATE '55000' OR SQLSTATE 'LE004' OR SQLSTATE 'LE010' THEN
        problem := SQLERRM;
END
$$;
COMMENT ON FUNCTION acct._evaluate_again(jsonb) IS
'The steps by which the policy of a journal''s run books its transaction, or the problem that keeps it from being evaluated. unknown is that of _policy_then().';

CREATE FUNCTION acct._compare_again(p_head jsonb, p_lines jsonb, p_steps jsonb, OUT missing jsonb, OUT added jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    now_lines CONSTANT jsonb := (SELECT coalesce(jsonb_agg(s || jsonb_build_object('line_no', s -> 'number')), '[]') FROM jsonb_array_elements(p_steps) AS s
                                  WHERE s ->> 'kind' = 'line' AND s ->> 'status' = 'made');
    before jsonb;
BEGIN
    IF p_head ->> 'journal_type' = 'correction' THEN
        -- A correction books what was due less what was there, by account.
        before := acct._lines_before((p_head ->> 'reversal_of')::bigint, (p_head ->> 'posted_at')::timestamptz, (p_head ->> 'run_id')::bigint);
        SELECT jsonb_agg(jsonb_build_object('account_code', d.account_code, 'fund', d.fund, 'debit', greatest(d.net, 0), 'credit', greatest(-d.net, 0))) INTO missing
          FROM (SELECT n.account_code, n.fund, trim_scale(sum(n.net)) AS net
                  FROM (SELECT x.* FROM acct._net_lines(now_lines, 1) AS x UNION ALL SELECT y.* FROM acct._net_lines(before, -1) AS y
                        UNION ALL SELECT z.* FROM acct._net_lines(p_lines, -1) AS z) AS n GROUP BY 1, 2 HAVING sum(n.net) <> 0) AS d;
        added := '[]';
    ELSE
        SELECT jsonb_agg(x ORDER BY x -> 'line_no') INTO missing FROM (SELECT acct._plain_lines(now_lines) EXCEPT SELECT acct._plain_lines(p_lines)) AS m (x);
        SELECT jsonb_agg(x ORDER BY x -> 'line_no') INTO added FROM (SELECT acct._plain_lines(p_lines) EXCEPT SELECT acct._plain_lines(now_lines)) AS m (x);
    END IF;
    missing := coalesce(missing, '[]');
    added := coalesce(added, '[]');
END
$$;
COMMENT ON FUNCTION acct._compare_again(jsonb, jsonb, jsonb) IS
'The lines that an evaluation gives and the journal does not have (missing), and the reverse (added). Of a correction, what it should have booked besides, by account.';

CREATE FUNCTION acct._comparison_step(p_head jsonb, p_lines jsonb, p_steps jsonb, p_problem text, p_unknown text[])
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    about CONSTANT text := CASE WHEN p_head ->> 'journal_type' = 'correction' THEN 'these differences' ELSE 'these lines' END;
    compared record;
    doubt text := '';
BEGIN
    IF p_problem IS NOT NULL THEN
        RETURN QUERY SELECT s.* FROM acct._step('comparison', 'not_evaluated', format('Whether the transaction comes to %s again cannot be evaluated: %s.', about, p_problem),
                                                jsonb_build_object('problem', p_problem)) AS s;
        RETURN;
    END IF;
    SELECT c.* INTO STRICT compared FROM acct._compare_again(p_head, p_lines, p_steps) AS c;
    IF p_unknown <> '{}' THEN
        doubt := format(' What %s then had is not certain: the sums of the run do not confirm the audit trail.', acct._name_list(p_unknown));
    END IF;
    RETURN QUERY SELECT s.* FROM acct._step('comparison', CASE WHEN compared.missing = '[]' AND compared.added = '[]' THEN 'same' ELSE 'differs' END,
        CASE WHEN compared.missing = '[]' AND compared.added = '[]' THEN format('Evaluated again by the policy of its run, the transaction comes to %s.', about)
             ELSE format('Evaluated again by the policy of its run, the transaction does not come to %s', about)
                  || coalesce('; it also gives: ' || (SELECT string_agg(acct._line_text(l), ', ') FROM jsonb_array_elements(compared.missing) AS l), '')
                  || coalesce('; it does not give: ' || (SELECT string_agg(acct._line_text(l), ', ') FROM jsonb_array_elements(compared.added) AS l), '') || '.' END || doubt,
        jsonb_build_object('missing', compared.missing, 'added', compared.added, 'uncertain', to_jsonb(p_unknown))) AS s;
END
$$;
COMMENT ON FUNCTION acct._comparison_step(jsonb, jsonb, jsonb, text, text[]) IS 'The step that tells whether a journal''s transaction, evaluated again, comes to the same lines.';

CREATE FUNCTION acct._origin_steps(p_head jsonb, p_lines jsonb, p_reason text)
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    journal_type CONSTANT text := p_head ->> 'journal_type';
    original CONSTANT bigint := (p_head ->> 'reversal_of')::bigint;
    same boolean;
BEGIN
    IF journal_type IN ('manual', 'opening', 'closing') THEN
        RETURN QUERY SELECT s.* FROM acct._step('entry', journal_type, acct._entry_sentence(p_head, p_reason),
            coalesce((SELECT jsonb_build_object('manual_journal_id', j.journal_id, 'maker', j.maker, 'created_at', j.created_at, 'submitted_by', j.submitted_by, 'submitted_at', j.submitted_at,
                                                'approver', j.approver, 'approved_at', j.approved_at, 'memo', j.memo, 'auto_reverse_on', j.auto_reverse_on)
                        FROM acct.manual_journal AS j WHERE j.journal_id = (p_head ->> 'manual_journal_id')::bigint), '{}') || jsonb_build_object('made_by', p_head -> 'made_by', 'reason', p_reason)) AS s;
    ELSIF journal_type IN ('reversal', 'correction') THEN
        RETURN QUERY SELECT s.* FROM acct._step('origin', journal_type,
            format('It %s journal %s (%s), which explain_journal(%3$s) explains: %s. The run was made by %s and posted by %s.', CASE journal_type WHEN 'reversal' THEN 'reverses' ELSE 'corrects' END,
                   coalesce(p_head ->> 'reversal_of_number', 'that was dropped'), original, p_reason, p_head ->> 'made_by', p_head ->> 'posted_by'),
            jsonb_build_object('je_id', original, 'je_number', p_head -> 'reversal_of_number', 'reason', p_reason, 'made_by', p_head -> 'made_by', 'posted_by', p_head -> 'posted_by')) AS s;
    END IF;
    IF journal_type = 'reversal' THEN
        BEGIN
            same := NOT EXISTS ((SELECT x.account_code, x.fund, x.debit, x.credit FROM jsonb_to_recordset(p_lines) AS x (account_code text, fund text, debit numeric, credit numeric)
                                 EXCEPT ALL SELECT y.account_code, y.fund, y.credit, y.debit FROM acct._journal(original) AS y)
                                UNION ALL
                                (SELECT y.account_code, y.fund, y.credit, y.debit FROM acct._journal(original) AS y
                                 EXCEPT ALL SELECT x.account_code, x.fund, x.debit, x.credit FROM jsonb_to_recordset(p_lines) AS x (account_code text, fund text, debit numeric, credit numeric)));
        EXCEPTION WHEN SQLSTATE '22023' OR SQLSTATE '55000' THEN
            same := NULL;
        END;
        RETURN QUERY SELECT s.* FROM acct._step('comparison', CASE WHEN same THEN 'same' WHEN NOT same THEN 'differs' ELSE 'not_evaluated' END,
            CASE WHEN same THEN 'Its lines are those of that journal with sides swapped.' WHEN NOT same THEN 'Its lines are not those of that journal with sides swapped.'
                 ELSE 'That journal was dropped, so its lines cannot be compared.' END) AS s;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._origin_steps(jsonb, jsonb, text) IS 'The steps that tell who entered a journal, or which journal it reverses or corrects, and whether a reversal mirrors it.';

CREATE FUNCTION acct._follower_steps(p_head jsonb)
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT 'reversal' AS what, (p_head ->> 'reversed_by')::bigint AS je_id WHERE p_head ->> 'reversed_by' IS NOT NULL
             UNION ALL SELECT 'correction', c::bigint FROM jsonb_array_elements_text(coalesce(nullif(p_head -> 'corrected_by', 'null'), '[]')) AS c LOOP
        RETURN QUERY SELECT s.*
          FROM (SELECT j.je_number, j.je_date, j.run_id, r.reason FROM acct._journal(f.je_id) AS j LEFT JOIN acct.journal_run AS r ON r.run_id = j.run_id LIMIT 1) AS x
         CROSS JOIN LATERAL acct._step('follower', f.what,
            format('It is %s by journal %s (%s) of %s with run %s: %s.', CASE f.what WHEN 'reversal' THEN 'reversed' ELSE 'corrected' END, x.je_number, f.je_id, to_char(x.je_date, 'YYYY-MM-DD'), x.run_id, x.reason),
            jsonb_build_object('je_id', f.je_id, 'je_number', x.je_number, 'je_date', x.je_date, 'run_id', x.run_id, 'reason', x.reason)) AS s;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._follower_steps(jsonb) IS 'The steps that name the journals that reverse or correct one.';

CREATE FUNCTION acct._journal_steps(p_je_id bigint)
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    lines CONSTANT jsonb := (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.line_no) FROM acct._journal(p_je_id) AS j);
    head CONSTANT jsonb := (lines -> 0) - '{line_no,account_code,description,fund,debit,credit,line_text}'::text[];
    by_rule CONSTANT boolean := head ->> 'journal_type' IN ('transaction', 'correction');
    reason CONSTANT text := (SELECT r.reason FROM acct.journal_run AS r WHERE r.run_id = (head ->> 'run_id')::bigint);
    people jsonb;
    again record;
BEGIN
    RETURN QUERY SELECT s.* FROM acct._step('journal', head ->> 'journal_type', acct._headline(p_je_id, head), head) AS s;
    RETURN QUERY SELECT s.* FROM acct._origin_steps(head, lines, reason) AS s;
    IF by_rule THEN
        SELECT e.* INTO STRICT again FROM acct._evaluate_again(head) AS e;
        IF again.problem IS NULL THEN
            RETURN QUERY SELECT x.* FROM jsonb_to_recordset(again.steps) AS x (kind text, template_code text, version integer, number integer, status text, account_code text, fund text,
                                                                            debit numeric, credit numeric, sentence text, detail jsonb);
        ELSE
            people := acct._people_of_version(head ->> 'template_code', (head ->> 'template_version')::integer);
            RETURN QUERY SELECT s.* FROM acct._step('source', 'not_evaluated', format('Transaction %s of %s cannot be evaluated: %s.', head ->> 'txn_id', acct._month_name((head ->> 'txn_month')::date), again.problem)) AS s
                UNION ALL SELECT s.* FROM acct._step('template', 'standard', acct._template_sentence(head ->> 'template_code', (head ->> 'template_version')::integer, people), people,
                                                     head ->> 'template_code', (head ->> 'template_version')::integer) AS s;
        END IF;
    END IF;
    RETURN QUERY SELECT 'posted', head ->> 'template_code', (head ->> 'template_version')::integer, x.line_no, NULL::text, x.account_code, x.fund, x.debit, x.credit,
                        format('Posted line %s: %s%s.', x.line_no, acct._line_text(to_jsonb(x)), coalesce(' (' || x.line_text || ')', '')),
                        jsonb_build_object('description', x.description, 'line_text', x.line_text)
                   FROM jsonb_to_recordset(lines) AS x (line_no integer, account_code text, description text, fund text, debit numeric, credit numeric, line_text text)
                  WHERE x.line_no IS NOT NULL ORDER BY x.line_no;
    IF by_rule THEN
        RETURN QUERY SELECT s.* FROM acct._comparison_step(head, lines, again.steps, again.problem, again.unknown) AS s;
    END IF;
    RETURN QUERY SELECT s.* FROM acct._follower_steps(head) AS s;
END
$$;
COMMENT ON FUNCTION acct._journal_steps(bigint) IS 'The work of explain_journal().';

CREATE FUNCTION acct.explain_journal(je_id bigint)
RETURNS TABLE (step_no integer, kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.n::integer, x.kind, x.template_code, x.version, x.number, x.status, x.account_code, x.fund, x.debit, x.credit, x.sentence, x.detail
      FROM acct._journal_steps($1) WITH ORDINALITY AS x (kind, template_code, version, number, status, account_code, fund, debit, credit, sentence, detail, n)
$$;
COMMENT ON FUNCTION acct.explain_journal(bigint) IS
'Shows step by step why a posted journal has its lines, whether evaluating its transaction again gives the same ones, and which journals reverse or correct it. Raises 22023 (no such journal), 40001 (a month was archived since the transaction took its snapshot), LE010 (a partition is detached).';

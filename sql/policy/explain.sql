-- Why a transaction has the journal that it has, or none: what the engine did with it, step by step, as rows and as sentences.
--
-- The steps come from acct._explain() (src/preview/explain.c), the code that books. Here they get the values of the source row, the people
-- behind a rule, and sentences.

CREATE FUNCTION acct._name_list(p_names text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(nullif(array_to_string(p_names[:cardinality(p_names) - 1], ', '), '') || ' and ', '') || p_names[cardinality(p_names)]
$$;
COMMENT ON FUNCTION acct._name_list(text[]) IS 'Names as a sentence lists them: a, b and c.';

CREATE FUNCTION acct._values_text(p_values jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_values IS NULL OR p_values = '{}' THEN ''
                ELSE format(' (%s)', (SELECT string_agg(format('%s = %s', v.key, CASE WHEN length(v.value) > 60 THEN left(v.value, 60) || '...' ELSE coalesce(v.value, 'NULL') END), ', ' ORDER BY v.key COLLATE "C")
                                        FROM jsonb_each_text(p_values) AS v)) END
$$;
COMMENT ON FUNCTION acct._values_text(jsonb) IS 'The values that went into an expression, in brackets; empty where none did.';

CREATE FUNCTION acct._day_text(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT to_char(p_at, 'YYYY-MM-DD HH24:MI') $$;
COMMENT ON FUNCTION acct._day_text(timestamptz) IS 'A time as explanations name it, in the session''s time zone.';

CREATE FUNCTION acct._rule_sentence(p_rule text, p_status text, p_detail jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p_rule || CASE p_status
        WHEN 'applies' THEN ' applies' || CASE WHEN p_detail ? 'condition' THEN format(': its condition %s is true%s.', p_detail ->> 'condition', acct._values_text(p_detail -> 'values')) ELSE '.' END
        WHEN 'false' THEN format(' does not apply: its condition %s is false%s.', p_detail ->> 'condition', acct._values_text(p_detail -> 'values'))
        WHEN 'null' THEN format(' does not apply: its condition %s is NULL%s, which is not true.', p_detail ->> 'condition', acct._values_text(p_detail -> 'values'))
        WHEN 'error' THEN format(' fails: its condition %s raises an error%s.', p_detail ->> 'condition', acct._values_text(p_detail -> 'values'))
        WHEN 'not_reached' THEN ' was not tried: the transaction was set aside before.'
        WHEN 'not_tried' THEN ' was not tried: it comes after that rule, ' || CASE p_detail ->> 'behind_by'
            WHEN 'priority' THEN format('as its priority is %s.', p_detail ->> 'priority')
            WHEN 'codes' THEN 'as it names fewer codes.'
            WHEN 'template_code' THEN 'in the order of template codes.'
            ELSE 'in the order of rule numbers.' END
        WHEN 'replaced' THEN format(' does not apply on %s: version %s of its template has replaced it.', p_detail ->> 'date', p_detail ->> 'newer_version')
        WHEN 'not_in_effect' THEN format(' does not apply on %s: %s.', p_detail ->> 'date',
            CASE WHEN (p_detail ->> 'effective_from')::date > (p_detail ->> 'date')::date THEN 'it begins on ' || (p_detail ->> 'effective_from') ELSE 'it ended on ' || (p_detail ->> 'effective_to') END)
        WHEN 'other_codes' THEN format(' does not apply: it is for %s.', acct._name_list(ARRAY(SELECT format('%s %s', c, p_detail ->> c)
            FROM unnest('{txn_type,product_code,channel}'::text[]) WITH ORDINALITY AS k (c, n) WHERE p_detail ? c ORDER BY n)))
        ELSE ': ' || p_status END
$$;
COMMENT ON FUNCTION acct._rule_sentence(text, text, jsonb) IS 'The sentence that explains what became of a match rule.';

CREATE FUNCTION acct._amount_sentence(p_status text, p_detail jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    units CONSTANT integer := (p_detail ->> 'minor_units')::integer;
    amount CONSTANT numeric := (p_detail ->> 'amount')::numeric;
    value CONSTANT numeric := (p_detail ->> 'value')::numeric;
    rest text[];
BEGIN
    IF p_status IN ('condition_false', 'condition_null') THEN
        RETURN format('It is left out: its condition %s is %s%s.', p_detail ->> 'condition', CASE p_status WHEN 'condition_null' THEN 'NULL' ELSE 'false' END,
                      acct._values_text(p_detail -> 'condition_values'));
    ELSIF p_status = 'not_reached' THEN
        RETURN 'It was not reached.';
    ELSIF (p_detail -> 'condition_failed')::boolean THEN
        RETURN format('Its condition %s raises an error%s.', p_detail ->> 'condition', acct._values_text(p_detail -> 'condition_values'));
    ELSIF p_status = 'failed' AND NOT p_detail ? 'value' AND NOT p_detail ? 'amount' THEN
        RETURN format('%s raises an error%s.', p_detail ->> 'expression', acct._values_text(p_detail -> 'values'));
    ELSIF p_detail ? 'rest_of_lines' THEN
        rest := ARRAY(SELECT l FROM jsonb_array_elements_text(p_detail -> 'rest_of_lines') AS l);
        RETURN CASE WHEN cardinality(rest) = 0 THEN format('It balances fund %s, in which no other line has an amount.', p_detail ->> 'template_fund')
                    ELSE format('It balances fund %s: debit %s less credit %s of line%s %s leaves %s.', p_detail ->> 'template_fund', round((p_detail ->> 'rest_debit')::numeric, units),
                                round((p_detail ->> 'rest_credit')::numeric, units), CASE WHEN cardinality(rest) > 1 THEN 's' ELSE '' END, acct._name_list(rest), round(abs(amount), units)) END;
    END IF;
    RETURN CASE WHEN p_detail ? 'condition' THEN format('Its condition %s is true%s. ', p_detail ->> 'condition', acct._values_text(p_detail -> 'condition_values')) ELSE '' END
        || format('%s = %s%s', p_detail ->> 'expression', CASE WHEN length(trim_scale(value)::text) > 60 THEN left(value::text, 60) || '...' ELSE coalesce(trim_scale(value)::text, 'NULL') END, acct._values_text(p_detail -> 'values'))
        || CASE WHEN amount <> value THEN format(', rounded to %s decimal%s: %s.', units, CASE units WHEN 1 THEN '' ELSE 's' END, round(amount, units)) ELSE '.' END;
END
$$;
COMMENT ON FUNCTION acct._amount_sentence(text, jsonb) IS 'The sentence that explains the amount of a line.';

CREATE FUNCTION acct._line_sentence(p_number integer, p_status text, p_account text, p_fund text, p_debit numeric, p_credit numeric, p_detail jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    units CONSTANT integer := (p_detail ->> 'minor_units')::integer;
    is_swapped CONSTANT boolean := (p_detail ->> 'amount')::numeric < 0;
BEGIN
    RETURN format('Line %s (%s %s in fund %s', p_number, p_detail ->> 'dr_cr', p_detail ->> 'template_account', p_detail ->> 'template_fund')
        || coalesce(', ' || (p_detail ->> 'memo'), '') || '). '
        || acct._amount_sentence(p_status, p_detail)
        || coalesce(format(CASE WHEN p_detail ? 'map_id' THEN ' Row %s of the account map' WHEN p_detail ? 'map_draft_no' THEN ' Change %s of the account map in the release' END
                           || ' leads to %s in fund %s.', coalesce(p_detail ->> 'map_id', p_detail ->> 'map_draft_no'), p_account, p_fund), '')
        || CASE p_status
               WHEN 'zero' THEN ' The amount is zero, and the line is left out.'
               WHEN 'failed' THEN coalesce(format(' The line cannot be booked: %s.', p_detail ->> 'message'), '')
               WHEN 'made' THEN CASE WHEN is_swapped THEN ' A negative amount goes to the other side:' ELSE ' So there is' END
                   || format(' a %s of %s to account %s in fund %s.', CASE WHEN p_debit <> 0 OR (p_credit = 0 AND p_detail ->> 'dr_cr' = 'DR') THEN 'debit' ELSE 'credit' END,
                             round(greatest(p_debit, p_credit), units), p_account, p_fund)
               ELSE '' END;
END
$$;
COMMENT ON FUNCTION acct._line_sentence(integer, text, text, text, numeric, numeric, jsonb) IS 'The sentence that explains a line of a template.';

CREATE FUNCTION acct._people_of_version(p_template text, p_version integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT jsonb_build_object('description', t.description, 'maker', t.maker, 'made_at', t.made_at, 'submitted_at', t.submitted_at, 'approver', t.approver,
               'approved_at', t.approved_at, 'release_id', t.release_id, 'release_title', r.title,
               'editors', (SELECT coalesce(jsonb_agg(DISTINCT a.changed_by ORDER BY a.changed_by), '[]') FROM acct.template_audit AS a
                            WHERE a.row_key ->> 'template_code' = t.template_code AND a.row_key ->> 'version' = t.version::text
                              AND a.table_name IN ('journal_template_line', 'journal_template_match')))
      FROM acct.journal_template AS t LEFT JOIN acct.policy_release AS r ON r.release_id = t.release_id
     WHERE t.template_code = p_template AND t.version = p_version
$$;
COMMENT ON FUNCTION acct._people_of_version(text, integer) IS 'The people who made, edited and approved a version of a template, with times.';

CREATE FUNCTION acct._template_sentence(p_template text, p_version integer, p_detail jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT format('Template %s version %s', p_template, p_version) || coalesce(' (' || nullif(p_detail ->> 'description', '') || ')', '')
        || format(' was made by %s on %s', p_detail ->> 'maker', acct._day_text((p_detail ->> 'made_at')::timestamptz))
        || CASE WHEN p_detail ->> 'approver' IS NOT NULL
                THEN format(' and approved by %s on %s', p_detail ->> 'approver', acct._day_text((p_detail ->> 'approved_at')::timestamptz)) ELSE ', and is not approved' END
        || coalesce(' (release ' || (p_detail ->> 'release_id') || ', ' || (p_detail ->> 'release_title') || ')', '') || '.'
$$;
COMMENT ON FUNCTION acct._template_sentence(text, integer, jsonb) IS 'The sentence about the template that was chosen.';

CREATE FUNCTION acct._outcome_sentence(p_template text, p_version integer, p_number integer, p_status text, p_debit numeric, p_credit numeric, p_detail jsonb, p_basis text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_status
        WHEN 'journal' THEN format('The journal of %s has %s line%s: debit %s, credit %s.', p_detail ->> 'date', p_detail ->> 'lines', CASE p_detail ->> 'lines' WHEN '1' THEN '' ELSE 's' END, trim_scale(p_debit), trim_scale(p_credit))
        WHEN 'ignored' THEN format('There is no journal in basis %s: template %s version %s ignores the transaction on purpose.', p_basis, p_template, p_version)
        WHEN 'none' THEN format('There is no journal in basis %s: no rule of this basis applies, and it does not take every transaction.', p_basis)
        ELSE format('There is no journal in basis %s but an exception, %s%s: %s.', p_basis, p_detail ->> 'reason', coalesce(' at line ' || p_number, ''), p_detail ->> 'message') END
$$;
COMMENT ON FUNCTION acct._outcome_sentence(text, integer, integer, text, numeric, numeric, jsonb, text) IS 'The sentence about the journal, or why there is none.';

CREATE FUNCTION acct._source_of_month(p_month date) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rows_of_month CONSTANT text := acct._month_rows('txn_source_parent', p_month, false);
BEGIN
    -- An archived table lacks columns that the source got later.
    RETURN CASE WHEN to_regclass(rows_of_month) = 'acct.txn_source_parent'::regclass THEN 'acct.txn_source_parent'
                ELSE (SELECT format('(SELECT %s, x.tableoid FROM %s AS x)',
                                    string_agg(CASE WHEN n.attname IS NOT NULL THEN format('x.%I', a.attname) ELSE format('NULL::%s AS %I', format_type(a.atttypid, a.atttypmod), a.attname) END,
                                               ', ' ORDER BY a.attnum), rows_of_month)
                        FROM pg_attribute AS a
                        LEFT JOIN pg_attribute AS n ON n.attrelid = to_regclass(rows_of_month) AND n.attname = a.attname AND n.attnum > 0 AND NOT n.attisdropped
                       WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attnum > 0 AND NOT a.attisdropped) END;
END
$$;
COMMENT ON FUNCTION acct._source_of_month(date) IS
'The FROM item that has the transactions of a month, also an archived one. Raises 55000 where the month was dropped.';

CREATE FUNCTION acct._values_of(p_source jsonb, p_columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(c, p_source -> c) FROM jsonb_array_elements_text(p_columns) AS c
$$;
COMMENT ON FUNCTION acct._values_of(jsonb, jsonb) IS 'The values of some columns of a row; NULL: of none.';

CREATE FUNCTION acct._step_detail(p_kind text, p_template text, p_version integer, p_number integer, p_detail jsonb, p_source jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN p_detail - '{columns,condition_columns}'::text[] - CASE WHEN (p_detail ->> 'map_id')::bigint < 0 THEN 'map_id' ELSE '' END
        || CASE WHEN (p_detail ->> 'map_id')::bigint < 0 THEN jsonb_build_object('map_draft_no', -(p_detail ->> 'map_id')::bigint) ELSE '{}' END
        || CASE WHEN p_detail ? 'columns' THEN jsonb_build_object('values', coalesce(acct._values_of(p_source, p_detail -> 'columns'), '{}')) ELSE '{}' END
        || CASE WHEN p_detail ? 'condition_columns' THEN jsonb_build_object('condition_values', coalesce(acct._values_of(p_source, p_detail -> 'condition_columns'), '{}')) ELSE '{}' END
        || CASE p_kind WHEN 'template' THEN coalesce(acct._people_of_version(p_template, p_version), '{}')
                       WHEN 'line' THEN jsonb_strip_nulls(jsonb_build_object('memo', (SELECT l.memo FROM acct.journal_template_line AS l WHERE l.template_code = p_template AND l.version = p_version AND l.line_no = p_number)))
                       ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION acct._step_detail(text, text, integer, integer, jsonb, jsonb) IS
'The detail of a step as explanations return it: with the values of the source row in the place of columns, the people behind a template, and the memo of a line.';

CREATE FUNCTION acct._explain_steps(p_txn_id bigint, p_month date, p_basis text, p_policy text[])
RETURNS TABLE (kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    from_item CONSTANT text := acct._source_of_month(p_month);
    txn jsonb;
    loaded record;
    s record;
    more jsonb;
BEGIN
    EXECUTE format('SELECT to_jsonb(s) FROM %s AS s WHERE s.txn_month = $1 AND s.txn_id = $2', from_item) INTO txn USING p_month, p_txn_id;
    IF txn IS NULL THEN
        RETURN;
    END IF;
    txn := txn - 'tableoid';
    SELECT b.loaded_by, b.loaded_at, b.source INTO loaded FROM acct.txn_batch AS b WHERE b.batch_id = (txn ->> 'batch_id')::bigint;
    RETURN QUERY SELECT 'source', NULL::text, NULL::integer, NULL::integer, CASE WHEN from_item = 'acct.txn_source_parent' THEN 'read' ELSE 'archived' END, NULL::text, NULL::text, NULL::numeric, NULL::numeric,
        format('Transaction %s of %s: %s, product %s, channel %s, entity %s, %s %s, value date %s', p_txn_id, acct._month_name(p_month), txn ->> 'txn_type', txn ->> 'product_code',
               txn ->> 'channel', txn ->> 'entity_code', txn ->> 'currency', txn ->> 'gross_amount', txn ->> 'bank_value_date')
        || coalesce(format('; batch %s, loaded by %s', txn ->> 'batch_id', loaded.loaded_by), '') || '.'
        || CASE WHEN from_item = 'acct.txn_source_parent' THEN '' ELSE ' Its month is archived.' END,
        txn || jsonb_strip_nulls(jsonb_build_object('loaded_by', loaded.loaded_by, 'loaded_at', loaded.loaded_at, 'loaded_from', loaded.source));
    FOR s IN SELECT x.* FROM acct._explain(p_month, p_txn_id, p_basis, p_policy, from_item) AS x LOOP
        more := acct._step_detail(s.kind, s.template_code, s.version, s.number, s.detail::jsonb, txn);
        RETURN QUERY SELECT s.kind, s.template_code, s.version, s.number, s.status, s.account_code, s.fund, s.debit, s.credit,
            CASE s.kind
                WHEN 'rule' THEN acct._rule_sentence(format('Rule %s of template %s version %s', s.number, s.template_code, s.version), s.status, more)
                WHEN 'rules' THEN CASE more ->> 'rules' WHEN '0' THEN 'No other rule of this basis is for other codes.' WHEN '1' THEN 'One other rule of this basis is for other codes.'
                                                        ELSE format('%s other rules of this basis are for other codes.', more ->> 'rules') END
                WHEN 'template' THEN acct._template_sentence(s.template_code, s.version, more)
                WHEN 'line' THEN acct._line_sentence(s.number, s.status, s.account_code, s.fund, s.debit, s.credit, more)
                ELSE acct._outcome_sentence(s.template_code, s.version, s.number, s.status, s.debit, s.credit, more, p_basis) END,
            more;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._explain_steps(bigint, date, text, text[]) IS
'The steps from a transaction to its journal by a policy, with sentences. No row: the transaction is not there.';

CREATE FUNCTION acct._explain_period(p_entity text, p_basis text, p_date date)
RETURNS TABLE (status text, sentence text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- A date that no month of the ledger can have is an exception anyhow.
    IF p_date NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT x.status, format(CASE x.status WHEN 'archived' THEN 'Month %s of the ledger is archived' ELSE 'Period %s of entity %s, basis %s is closed' END, acct._month_name(p_date), p_entity, p_basis)
                     || ': a run that expanded the transaction now would set it aside (PERIOD_CLOSED), unless it moves late transactions to the next open month.'
      FROM (SELECT CASE WHEN acct._is_archived('ledger_entry', date_trunc('month', p_date::timestamp)::date) THEN 'archived'
                        WHEN acct._is_closed(p_entity, p_basis, date_trunc('month', p_date::timestamp)::date) THEN 'closed' END AS status) AS x
     WHERE x.status IS NOT NULL;
END
$$;
COMMENT ON FUNCTION acct._explain_period(text, text, date) IS 'A row where the month of a transaction takes no more journals.';

CREATE FUNCTION acct._explain_transaction(p_txn_id bigint, p_month date, p_basis text, p_release bigint)
RETURNS TABLE (step_no integer, kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    n integer := 0;
    s record;
    txn jsonb;
BEGIN
    PERFORM acct._require_explainable(p_txn_id, p_month, p_basis, p_release);
    FOR s IN SELECT x.* FROM acct._explain_steps(p_txn_id, p_month, p_basis, CASE WHEN p_release IS NULL THEN '{}' ELSE acct._policy_of_release(p_release, p_month) END) AS x LOOP
        n := n + 1;
        txn := coalesce(txn, s.detail);
        RETURN QUERY SELECT n, s.kind, s.template_code, s.version, s.number, s.status, s.account_code, s.fund, s.debit, s.credit, s.sentence, s.detail;
    END LOOP;
    IF n = 0 THEN
        RAISE EXCEPTION 'there is no transaction % in %', p_txn_id, acct._month_name(p_month)
            USING ERRCODE = '22023', HINT = 'Transactions are rows of acct.txn_source_parent, by txn_id and txn_month.';
    END IF;
    FOR s IN SELECT x.* FROM acct._explain_period(txn ->> 'entity_code', p_basis, (txn ->> 'bank_value_date')::date) AS x LOOP
        n := n + 1;
        RETURN QUERY SELECT n, 'period'::text, NULL::text, NULL::integer, NULL::integer, s.status, NULL::text, NULL::text, NULL::numeric, NULL::numeric, s.sentence, '{}'::jsonb;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._explain_transaction(bigint, date, text, bigint) IS 'The work of explain_transaction().';

CREATE FUNCTION acct._require_explainable(p_txn_id bigint, p_month date, p_basis text, p_release bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_plausible_month(p_month);
    IF p_basis IS NULL OR NOT EXISTS (SELECT FROM acct.accounting_basis_draft AS d WHERE d.release_id = p_release AND d.basis = p_basis) THEN
        PERFORM acct._require_code('basis', p_basis);
    END IF;
    IF EXISTS (SELECT FROM acct.accounting_basis_draft AS d WHERE d.release_id = p_release AND d.basis = p_basis AND d.operation = 'delete') THEN
        RAISE EXCEPTION 'release % deletes basis %', p_release, p_basis USING ERRCODE = '22023', HINT = 'There are no journals in it any more. Leave out release_id to see those that there are now.';
    END IF;
    IF p_txn_id IS NULL THEN
        RAISE EXCEPTION 'txn_id is NULL' USING ERRCODE = '22023', HINT = 'It is the number of a transaction, acct.txn_source_parent.txn_id.';
    END IF;
    -- From here to the end of the transaction the month is not archived.
    PERFORM FROM acct.txn_source_parent AS s WHERE false;
END
$$;
COMMENT ON FUNCTION acct._require_explainable(bigint, date, text, bigint) IS 'Raises 22023 where a month, a basis or a number of a transaction is none.';

CREATE FUNCTION acct.explain_transaction(txn_id bigint, txn_month date, basis text, release_id bigint DEFAULT NULL)
RETURNS TABLE (step_no integer, kind text, template_code text, version integer, number integer, status text, account_code text, fund text, debit numeric, credit numeric, sentence text, detail jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.* FROM acct._explain_transaction($1, $2, $3, $4) AS x
$$;
COMMENT ON FUNCTION acct.explain_transaction(bigint, date, text, bigint) IS
'Shows step by step how the policy approved now, or with a release, makes the journal of a transaction, or why it makes none. Raises 22023 (no such transaction or basis), LE004 and LE005 (the release), 55000 (the month''s source was dropped).';

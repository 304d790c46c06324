-- Balance proved for all data: do the debits of a template equal its credits in each fund, whatever the transaction?
--
-- acct._prove_balance() reasons about the template's expressions. What it cannot prove is tried on made-up transactions, which the
-- engine evaluates (acct._try_transactions): the first that does not balance refutes it.

CREATE FUNCTION acct._prove_balance(p_is_debit boolean[], p_amounts text[], p_conditions text[], p_funds text[], p_mapped_funds text[],
    p_match_condition text, p_known_columns text[], p_known_values text[], p_minor_units integer, p_are_rounded boolean,
    p_refuses_negative boolean, OUT fund text, OUT is_proved boolean, OUT means text, OUT cases integer, OUT rest text, OUT case_of_rest text, OUT problem text)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_prove_balance';
COMMENT ON FUNCTION acct._prove_balance(boolean[], text[], text[], text[], text[], text, text[], text[], integer, boolean, boolean) IS
'Decides whether the lines of a template balance in each fund for every transaction in a currency of some minor units (p_are_rounded: without more decimals), and by which means: the amounts alone, CHECK constraints, or the refusal of negative amounts. For a fund that is not proved, rest is what debit less credit comes to in a case, as SQL.';

CREATE FUNCTION acct._balance_routes(p_code text, p_version integer, OUT match_no integer, OUT txn_type text, OUT product_code text, OUT channel text,
    OUT condition_expr text, OUT example_product text, OUT example_channel text, OUT example_date date, OUT currency text, OUT knows_currency boolean,
    OUT minor_units integer, OUT mapped_funds text[])
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    WITH template AS (
        SELECT t.effective_from, coalesce(t.effective_to, 'infinity') AS effective_to FROM acct.journal_template AS t
         WHERE t.template_code = p_code AND t.version = p_version),
    line AS (
        SELECT l.* FROM acct.journal_template_line AS l WHERE l.template_code = p_code AND l.version = p_version),
    -- A draft may have none yet.
    rule AS (
        SELECT m.match_no, m.txn_type, m.product_code, m.channel, m.condition_expr
          FROM (SELECT) AS one LEFT JOIN acct.journal_template_match AS m ON m.template_code = p_code AND m.version = p_version),
    -- Rows of the map that lead a line to another fund
    mapped AS MATERIALIZED (
        SELECT DISTINCT a.product_code, a.channel, a.account_code, a.fund, a.mapped_fund, a.effective_from, a.effective_to, a.map_id
          FROM acct.product_account_map AS a, template AS t
         WHERE (a.account_code, a.fund) IN (SELECT l.account_code, l.fund FROM line AS l)
           AND a.effective_from < t.effective_to AND coalesce(a.effective_to, 'infinity') > t.effective_from),
    -- NULL: any that the map does not name
    product AS (SELECT DISTINCT a.product_code FROM mapped AS a UNION ALL SELECT NULL),
    channel AS (SELECT DISTINCT a.channel FROM mapped AS a WHERE a.channel IS NOT NULL UNION ALL SELECT NULL),
    day AS (
        SELECT t.effective_from AS day FROM template AS t
        UNION SELECT d.day FROM template AS t, mapped AS a, unnest(ARRAY[a.effective_from, a.effective_to]) AS d (day)
               WHERE d.day >= t.effective_from AND d.day < t.effective_to),
    way AS (
        SELECT r.match_no, r.txn_type, r.product_code, r.channel, r.condition_expr, coalesce(r.product_code, p.product_code) AS example_product,
               coalesce(r.channel, c.channel) AS example_channel, d.day AS example_date,
               ARRAY(SELECT coalesce((SELECT a.mapped_fund FROM mapped AS a
                                       WHERE (a.product_code, a.account_code, a.fund) = (coalesce(r.product_code, p.product_code), l.account_code, l.fund)
                                         AND (a.channel IS NULL OR a.channel = coalesce(r.channel, c.channel))
                                         AND a.effective_from <= d.day AND d.day < coalesce(a.effective_to, 'infinity')
                                       ORDER BY a.channel IS NULL, a.effective_from DESC, a.map_id LIMIT 1), l.fund)
                       FROM line AS l ORDER BY l.line_no) AS mapped_funds
          FROM rule AS r, product AS p, channel AS c, day AS d
         WHERE (r.product_code IS NULL OR p.product_code IS NULL) AND (r.channel IS NULL OR c.channel IS NULL)),
    -- One of each way that matters
    distinct_way AS (
        SELECT DISTINCT ON (w.match_no, w.mapped_funds) w.* FROM way AS w
         ORDER BY w.match_no, w.mapped_funds, w.example_product NULLS FIRST, w.example_channel NULLS FIRST, w.example_date),
    -- A currency matters by its minor units, and by itself where an expression names the column.
    named AS (
        SELECT coalesce(bool_or(e.expr ~* '[[:<:]]currency[[:>:]]'), false) AS by_name
          FROM (SELECT l.amount_expr FROM line AS l UNION ALL SELECT l.condition_expr FROM line AS l
                UNION ALL SELECT r.condition_expr FROM rule AS r) AS e (expr)),
    money AS (
        SELECT DISTINCT ON (c.minor_units, CASE WHEN n.by_name THEN c.currency END) c.currency, n.by_name, c.minor_units
          FROM (SELECT a.currency, a.minor_units FROM acct.currency AS a
                UNION ALL SELECT NULL, g FROM generate_series(0, 4) AS g WHERE NOT EXISTS (SELECT FROM acct.currency)) AS c, named AS n,
               -- The source's default is the currency that examples are in.
               (SELECT (SELECT substring(pg_get_expr(d.adbin, d.adrelid), '^''([^'']*)''') FROM pg_attrdef AS d
                          JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)
                         WHERE d.adrelid = 'acct.txn_source_parent'::regclass AND a.attname = 'currency') AS currency) AS s
         ORDER BY c.minor_units, CASE WHEN n.by_name THEN c.currency END, c.currency = s.currency DESC, c.currency)
    SELECT w.match_no, w.txn_type, w.product_code, w.channel, w.condition_expr, w.example_product, w.example_channel, w.example_date,
           m.currency, m.by_name, m.minor_units, w.mapped_funds
      FROM distinct_way AS w, money AS m
     ORDER BY w.match_no, w.mapped_funds, m.minor_units = 2 DESC, m.minor_units, m.currency
$$;
COMMENT ON FUNCTION acct._balance_routes(text, integer) IS
'The ways to the funds of a template version''s lines that differ: for each match rule, the funds as mapped for some product, channel and date, and the minor units of the currencies.';

CREATE FUNCTION acct._balance_proofs(p_code text, p_version integer, p_by_fund boolean,
    OUT fund text, OUT is_proved boolean, OUT means text, OUT cases integer, OUT rest text, OUT case_of_rest text, OUT problem text,
    OUT is_proved_rounded boolean, OUT is_balanced_by text, OUT way jsonb)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE WHEN p_by_fund THEN p.fund END, p.is_proved, p.means, p.cases, p.rest, p.case_of_rest, p.problem,
           p.is_proved OR p.problem IS NULL AND coalesce((SELECT q.is_proved FROM acct._prove_balance(l.sides, l.amounts, l.conditions, l.funds, f.funds, r.condition_expr,
                                             k.columns, k.values, r.minor_units, true, l.refuses) AS q WHERE q.fund = p.fund), false),
           (SELECT string_agg(b.line_no::text, ', ' ORDER BY b.n) FROM unnest(l.numbers, l.amounts, f.funds) WITH ORDINALITY AS b (line_no, amount, fund, n)
             WHERE b.amount IS NULL AND b.fund = p.fund),
           to_jsonb(r)
      FROM (SELECT array_agg(x.dr_cr = 'DR' ORDER BY x.line_no) AS sides, array_agg(x.amount_expr ORDER BY x.line_no) AS amounts,
                   array_agg(x.condition_expr ORDER BY x.line_no) AS conditions, array_agg(x.fund ORDER BY x.line_no) AS funds,
                   array_agg(x.line_no ORDER BY x.line_no) AS numbers, bool_or(t.negative_policy = 'reject') AS refuses
              FROM acct.journal_template_line AS x JOIN acct.journal_template AS t USING (template_code, version)
             WHERE x.template_code = p_code AND x.version = p_version) AS l
     CROSS JOIN acct._balance_routes(p_code, p_version) AS r
     CROSS JOIN LATERAL (SELECT CASE WHEN p_by_fund THEN r.mapped_funds ELSE array_fill(''::text, ARRAY[cardinality(r.mapped_funds)]) END AS funds) AS f
     CROSS JOIN LATERAL (SELECT '{txn_type,product_code,channel,currency}'::text[] AS columns,
                                ARRAY[r.txn_type, r.product_code, r.channel, CASE WHEN r.knows_currency THEN r.currency END] AS values) AS k
     CROSS JOIN LATERAL acct._prove_balance(l.sides, l.amounts, l.conditions, l.funds, f.funds, r.condition_expr,
                                            k.columns, k.values, r.minor_units, false, l.refuses) AS p
     WHERE l.numbers IS NOT NULL
$$;
COMMENT ON FUNCTION acct._balance_proofs(text, integer, boolean) IS
'The rows of acct._prove_balance() for each fund of a template version (p_by_fund false: for all lines together, fund NULL), on each way to its funds.';

CREATE FUNCTION acct._source_equalities(OUT column_name text, OUT expression text) RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_source_equalities';
COMMENT ON FUNCTION acct._source_equalities() IS
'Columns of acct.txn_source_parent that CHECK constraints make equal to a linear expression of other columns, as SQL.';

CREATE FUNCTION acct._try_transactions(p_policy text[], p_month date, p_basis text, p_rows jsonb,
    OUT number integer, OUT outcome text, OUT template_code text, OUT template_version integer, OUT reason text, OUT message text,
    OUT line_no smallint, OUT account_code text, OUT fund text, OUT debit numeric, OUT credit numeric)
RETURNS SETOF record
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_try_transactions';
COMMENT ON FUNCTION acct._try_transactions(text[], date, text, jsonb) IS
'Evaluates transactions that are given as rows of acct.txn_source_parent, all of one month, in a basis, by a policy as acct._policy_with() has it; it writes nothing. Returns a row for each line of a journal, also where the journal does not balance, and one for a transaction without lines.';

CREATE FUNCTION acct._made_up_transactions(p_texts text[], p_way jsonb, p_date date, p_decimals integer, p_count integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    -- Constraints of a site: what they name must have a value that they allow, whether or not the template uses it.
    of_site CONSTANT oid[] := ARRAY(SELECT k.oid FROM pg_constraint AS k WHERE k.conrelid = 'acct.txn_source_parent'::regclass AND k.contype = 'c'
        AND k.conname NOT IN ('chk_takaful_balance', 'chk_code_length', 'chk_txn_month', 'chk_bank_value_date', 'chk_own_batch'));
    all_text CONSTANT text := array_to_string(p_texts, ' ');
    every_text CONSTANT text := concat_ws(' ', all_text, (SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname) FROM pg_constraint AS k WHERE k.oid = ANY (of_site)));
    numbers CONSTANT numeric[] := ARRAY(SELECT DISTINCT m[1]::numeric FROM regexp_matches(every_text, '([0-9]{1,15}(?:[.][0-9]{1,6})?)', 'g') AS m ORDER BY 1 LIMIT 40) || 1.0;
    words CONSTANT text[] := ARRAY(SELECT DISTINCT m[1] FROM regexp_matches(every_text, '''([^'']{1,100})''', 'g') AS m ORDER BY 1 LIMIT 20) || 'ANY'::text;
    dependent CONSTANT jsonb := coalesce((SELECT jsonb_object_agg(e.column_name, e.expression) FROM acct._source_equalities() AS e), '{}');
    generated CONSTANT jsonb := coalesce((SELECT jsonb_object_agg(a.attname, pg_get_expr(d.adbin, d.adrelid)) FROM pg_attribute AS a
                                            JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
                                           WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attgenerated <> ''), '{}');
    entity CONSTANT text := (SELECT e.entity_code FROM acct.entity AS e
                              WHERE coalesce(e.effective_from, '-infinity') <= p_date AND p_date < coalesce(e.effective_to, 'infinity')
                              ORDER BY e.entity_code <> 'MAIN', e.entity_code LIMIT 1);
    made jsonb;
    computed jsonb;
    checked jsonb;
    accepted jsonb[];
    one jsonb;
    checks text;
    query text;
BEGIN
    -- The kind of a value, and the value, are digits of a hash of the column and the number; "same" is one that all columns share.
    WITH col AS (
        SELECT a.attname::text AS name, (SELECT y.typname FROM pg_type AS y WHERE y.oid = a.atttypid) AS type, a.attnotnull AS not_null, row_number() OVER (ORDER BY a.attnum) AS place,
               CASE WHEN a.atttypid <> 'numeric'::regtype THEN 0 WHEN a.atttypmod >= 4 THEN greatest((a.atttypmod - 4) & 2047, 0) ELSE 6 END AS scale,
               -- A tenth of what it holds, so that a sum of some fits a column of the same type.
               CASE a.atttypid WHEN 'numeric'::regtype THEN CASE WHEN a.atttypmod >= 4
                                    THEN 10::numeric ^ greatest((a.atttypmod - 4 >> 16) - greatest((a.atttypmod - 4) & 2047, 0) - 1, 0) ELSE 1e30 END
                               WHEN 'int2'::regtype THEN 3e3 WHEN 'int4'::regtype THEN 2e8 ELSE 9e17 END AS limit,
               -- What another column is computed from is made up where that one matters.
               all_text ~* ('[[:<:]]' || a.attname || '[[:>:]]')
               OR EXISTS (SELECT FROM jsonb_each_text(dependent || generated) AS d
                           WHERE (generated ? d.key OR all_text ~* ('[[:<:]]' || d.key || '[[:>:]]')) AND d.value ~ ('[[:<:]]' || a.attname || '[[:>:]]'))
               OR a.attnotnull AND EXISTS (SELECT FROM pg_constraint AS k WHERE k.oid = ANY (of_site) AND a.attnum = ANY (k.conkey)) AS is_used
          FROM pg_attribute AS a
         WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           AND NOT dependent ? a.attname),
    typed AS MATERIALIZED (
        SELECT x.*, x.type IN ('numeric', 'int2', 'int4', 'int8') AS is_number, x.type IN ('text', 'varchar') AS is_text FROM col AS x),
    -- What the template does not use is the same in each.
    unused AS (
        SELECT coalesce(jsonb_object_agg(c.name, CASE WHEN c.is_number THEN '0'::jsonb WHEN c.is_text THEN '"ANY"' WHEN c.type = 'bool' THEN 'false'
                                                      WHEN c.type = 'date' THEN to_jsonb(p_date) END), '{}') AS made
          FROM typed AS c WHERE NOT c.is_used AND c.not_null),
    made_up AS (
        SELECT n.n, (
            SELECT jsonb_object_agg(c.name,
               CASE WHEN NOT c.not_null AND h.hash % 7 = 0 THEN NULL
                    -- Every third transaction has one amount alone.
                    WHEN c.is_number AND n.n % 3 = 0 AND c.place % 5 <> n.n / 3 % 5 THEN '0'::jsonb
                    WHEN c.is_number THEN to_jsonb(round(mod(CASE h.kind
                        WHEN 0 THEN 0
                        WHEN 1 THEN numbers[1 + h.value % cardinality(numbers)] + (ARRAY[0, 1, -1, 0.01, -0.01, 100])[1 + h.value / 97 % 6]
                        WHEN 2 THEN h.value % 10 + 1
                        WHEN 3 THEN (h.value % 10 + 1) * 100
                        WHEN 4 THEN (h.value % 100000) / 100.0
                        WHEN 5 THEN (h.value % 100000) / 10000.0
                        WHEN 6 THEN -(h.value % 1000000) / 10000.0
                        WHEN 7 THEN (s.same % 100000) / 10000.0
                        WHEN 8 THEN (h.value % 2001 - 1000) / 1000.0
                        ELSE numbers[1 + h.value % cardinality(numbers)] * (h.value / 97 % 3 + 1) END, c.limit), least(p_decimals, c.scale)))
                    WHEN c.is_text THEN to_jsonb(words[1 + h.value % cardinality(words)])
                    WHEN c.type = 'bool' THEN to_jsonb(h.value % 2 = 0)
                    WHEN c.type = 'date' THEN to_jsonb(p_date + (h.value % 28)::integer)
                    WHEN c.type = 'jsonb' THEN (
                        SELECT jsonb_object_agg(w.word, CASE (h.value + w.n * 7) % 4 WHEN 0 THEN to_jsonb((h.value % 2001 - 1000) / 1000.0) WHEN 1 THEN to_jsonb(h.value % 1000)
                                                        ELSE to_jsonb(words[1 + (h.value + w.n) % cardinality(words)]) END)
                          FROM unnest(words) WITH ORDINALITY AS w (word, n) WHERE (h.value + w.n) % 5 > 0) END)
              FROM typed AS c,
                   LATERAL (SELECT y.hash, y.hash / 7 % 10 AS kind, y.hash / 70 AS value
                              FROM (SELECT hashtextextended(c.name, n.n * 31 + p_decimals) & 9223372036854775807 AS hash) AS y) AS h
             WHERE c.is_used) AS made
          FROM generate_series(1, p_count) AS n (n), LATERAL (SELECT hashint8extended(n.n, p_decimals) & 9223372036854775807 AS same) AS s)
    SELECT jsonb_agg(u.made || coalesce(m.made, '{}') || jsonb_strip_nulls(jsonb_build_object(
               'txn_id', m.n, 'batch_id', 0, 'txn_month', date_trunc('month', p_date)::date, 'entity_code', entity, 'currency', p_way ->> 'currency',
               'txn_type', p_way ->> 'txn_type', 'product_code', p_way ->> 'example_product', 'channel', p_way ->> 'example_channel')) ORDER BY m.n) INTO made
      FROM made_up AS m, unused AS u;
    SELECT coalesce(string_agg(format('(%s) IS NOT FALSE', pg_get_expr(k.conbin, k.conrelid)), ' AND '), 'true')
           || coalesce((SELECT string_agg(format(' AND %I IS NOT NULL', a.attname), '') FROM pg_attribute AS a
                         WHERE a.attrelid = 'acct.txn_source_parent'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull), '')
      INTO checks
      FROM pg_constraint AS k
     WHERE k.conrelid = 'acct.txn_source_parent'::regclass AND k.contype = 'c' AND k.conname <> 'chk_own_batch';
    query := 'jsonb_populate_recordset(NULL::acct.txn_source_parent, $1)';
    FOREACH computed IN ARRAY ARRAY[dependent, generated] LOOP
        IF computed <> '{}' THEN
            query := format('(SELECT x.* FROM %s AS txn_source_parent, '
                            'LATERAL jsonb_populate_record(NULL::acct.txn_source_parent, to_jsonb(txn_source_parent) || %s) AS x)',
                            -- An object for each: a call has 100 arguments at most.
                            query, (SELECT string_agg(format('jsonb_build_object(%L, %s)', c.key, c.value), ' || ') FROM jsonb_each_text(computed) AS c));
        END IF;
    END LOOP;
    query := format('SELECT jsonb_agg(to_jsonb(txn_source_parent)) FROM %s AS txn_source_parent WHERE %s', query, checks);
    BEGIN
        EXECUTE query INTO checked USING made;
    EXCEPTION WHEN data_exception THEN
        -- The source takes no row for which a constraint or a generated column fails.
        FOR one IN SELECT e FROM jsonb_array_elements(made) AS e LOOP
            BEGIN
                EXECUTE query INTO one USING jsonb_build_array(one);
                IF one IS NOT NULL THEN
                    accepted := accepted || (one -> 0);
                END IF;
            EXCEPTION WHEN data_exception THEN
                CONTINUE;
            END;
        END LOOP;
        checked := to_jsonb(accepted);
    END;
    RETURN coalesce(checked, '[]');
END
$$;
COMMENT ON FUNCTION acct._made_up_transactions(text[], jsonb, date, integer, integer) IS
'Transactions that try a template''s expressions on one of its ways, of a date, with so many decimals at most: rows of acct.txn_source_parent as JSON that satisfy its CHECK constraints. The same arguments make the same rows.';

CREATE FUNCTION acct._refutation(p_code text, p_version integer, p_fund text, p_way jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t acct.journal_template;
    texts text[];
    day date;
    tried jsonb;
    stage record;
    result jsonb;
BEGIN
    SELECT x.* INTO t FROM acct.journal_template AS x WHERE x.template_code = p_code AND x.version = p_version;
    SELECT greatest((p_way ->> 'example_date')::date, make_date(greatest(l.first_year, 1900), 1, 1)) INTO day FROM acct._posting_limits() AS l;
    IF NOT isfinite(day) OR day >= coalesce(t.effective_to, 'infinity') OR p_way ->> 'currency' IS NULL THEN
        RETURN NULL;
    END IF;
    texts := ARRAY(SELECT e FROM acct.journal_template_line AS l, unnest(ARRAY[l.amount_expr, l.condition_expr]) AS e
                    WHERE l.template_code = p_code AND l.version = p_version AND e IS NOT NULL)
             || coalesce(p_way ->> 'condition_expr', '');
    -- First without decimals, then with those of the currency, then with all that a column has.
    FOR stage IN SELECT * FROM (VALUES (0, 120), ((p_way ->> 'minor_units')::integer, 240), (4, 600)) AS s (decimals, count) LOOP
        tried := acct._made_up_transactions(texts, p_way, day, stage.decimals, stage.count);
        WITH line AS MATERIALIZED (
            SELECT r.* FROM acct._try_transactions(acct._policy_with(NULL, p_code, p_version), date_trunc('month', day)::date, t.basis, tried) AS r
             WHERE r.template_code = p_code AND r.template_version = p_version AND r.line_no IS NOT NULL),
        -- Of several the one with the fewest negative amounts, and the fewest amounts
        found AS (
            SELECT x.*, jsonb_strip_nulls((tried -> (x.number - 1)) - 'batch_id') AS made
              FROM (SELECT l.number, sum(l.debit) AS debit, sum(l.credit) AS credit FROM line AS l
                     WHERE l.fund = p_fund OR p_fund IS NULL
                     GROUP BY l.number HAVING sum(l.debit) <> sum(l.credit)) AS x
             ORDER BY regexp_count(tried ->> (x.number - 1), ': -'), regexp_count(tried ->> (x.number - 1), ': [0-9.]*[1-9]'), x.number LIMIT 1)
        SELECT jsonb_build_object(
                   'transaction', f.made, 'debit', f.debit, 'credit', f.credit,
                   'outcome', min(coalesce(l.reason, l.outcome)),
                   'lines', jsonb_agg(jsonb_build_object('line_no', l.line_no, 'account_code', l.account_code, 'fund', l.fund,
                                                         'debit', l.debit, 'credit', l.credit) ORDER BY l.line_no))
          INTO result FROM found AS f JOIN line AS l ON l.number = f.number AND (l.fund = p_fund OR p_fund IS NULL)
         GROUP BY f.made, f.debit, f.credit;
        EXIT WHEN result IS NOT NULL;
    END LOOP;
    RETURN result;
END
$$;
COMMENT ON FUNCTION acct._refutation(text, integer, text, jsonb) IS
'A transaction that a template version books on one of its ways and that does not balance in a fund (NULL: in all together), as the engine evaluates it, with its lines; NULL where none was found.';

CREATE FUNCTION acct._balance_reason(p_is_proved boolean, p_is_refuted boolean, p_rounding_only boolean, p_balanced_by text, p_means text,
                                     p_cases integer, p_rest text, p_case text, p_problem text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN p_is_proved THEN
            CASE WHEN p_balanced_by IS NOT NULL THEN format('line %s takes what the other lines leave', p_balanced_by)
                 WHEN p_means = 'checks' THEN 'debits equal credits by the CHECK constraints of the source'
                 WHEN p_means = 'refusal' THEN 'debits equal credits, as negative amounts are refused'
                 WHEN p_cases > 1 THEN format('debits equal credits in each of %s cases', p_cases)
                 ELSE 'each amount is booked on both sides' END
        WHEN p_rounding_only THEN
            'rounding: lines are rounded one by one, so that amounts with more decimals than the currency may not add up; without more they balance'
            || CASE WHEN p_is_refuted THEN '' ELSE '. No transaction was found that shows it' END
        ELSE concat_ws('. ',
            coalesce(p_problem, format('debit less credit is %s', left(p_rest, 300)) || CASE WHEN p_case <> '' THEN ' where ' || left(p_case, 300) ELSE '' END),
            CASE WHEN NOT p_is_refuted THEN 'No transaction was found that shows it' END)
        END
$$;
COMMENT ON FUNCTION acct._balance_reason(boolean, boolean, boolean, text, text, integer, text, text, text) IS 'Why acct.check_balance() says what it says of a fund.';

CREATE FUNCTION acct._balance_verdicts(p_code text, p_version integer, OUT fund text, OUT verdict text, OUT is_required boolean, OUT reason text, OUT counterexample jsonb,
    OUT is_rounding boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t acct.journal_template;
    f record;
    way jsonb;
    found integer;
BEGIN
    SELECT x.* INTO t FROM acct.journal_template AS x WHERE x.template_code = p_code AND x.version = p_version;
    IF t.template_type = 'IGNORE' OR NOT EXISTS (SELECT FROM acct.journal_template_line AS l WHERE l.template_code = p_code AND l.version = p_version) THEN
        RETURN QUERY SELECT NULL::text, 'proved', t.require_balanced, 'it makes no journal', NULL::jsonb, false;
        RETURN;
    END IF;
    FOR f IN
        SELECT p.fund, bool_and(p.is_proved) AS is_proved, max(p.means) AS means, max(p.cases) AS cases, bool_and(p.is_proved_rounded) AS is_proved_rounded,
               min(p.is_balanced_by) AS balanced_by, array_agg(p.rest ORDER BY p.n) FILTER (WHERE NOT p.is_proved) AS rests,
               array_agg(p.case_of_rest ORDER BY p.n) FILTER (WHERE NOT p.is_proved) AS cases_of_rest,
               array_agg(p.problem ORDER BY p.n) FILTER (WHERE NOT p.is_proved) AS problems,
               array_agg(p.way ORDER BY p.n) FILTER (WHERE NOT p.is_proved) AS ways
          FROM (SELECT row_number() OVER () AS n, b.* FROM acct._balance_proofs(p_code, p_version, true) AS b
                UNION ALL
                SELECT row_number() OVER (), b.* FROM acct._balance_proofs(p_code, p_version, false) AS b WHERE NOT t.balance_by_fund) AS p
         GROUP BY p.fund ORDER BY p.fund
    LOOP
        fund := f.fund;
        is_required := CASE WHEN f.fund IS NULL THEN t.require_balanced ELSE t.balance_by_fund END;
        counterexample := NULL;
        -- The way that shows it; where none does, the first.
        found := 1;
        FOR n IN 1 .. least(coalesce(cardinality(f.ways), 0), 6) LOOP
            counterexample := acct._refutation(p_code, p_version, f.fund, f.ways[n]);
            IF counterexample IS NOT NULL THEN
                found := n;
                EXIT;
            END IF;
        END LOOP;
        way := f.ways[found];
        verdict := CASE WHEN f.is_proved THEN 'proved' WHEN counterexample IS NOT NULL THEN 'refuted' ELSE 'data_only' END;
        reason := acct._balance_reason(f.is_proved, counterexample IS NOT NULL, f.is_proved_rounded, f.balanced_by, f.means, f.cases,
                                       f.rests[found], f.cases_of_rest[found], f.problems[found])
                  || coalesce(', ' || nullif(concat_ws(' ',
                         CASE WHEN way ->> 'example_product' IS DISTINCT FROM way ->> 'product_code' THEN format('for product %s', way ->> 'example_product') END,
                         CASE WHEN way ->> 'example_channel' IS DISTINCT FROM way ->> 'channel' THEN format('in channel %s', way ->> 'example_channel') END), ''), '');
        is_rounding := f.is_proved_rounded AND NOT f.is_proved;
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN SQLSTATE 'LE003' OR SQLSTATE 'LE004' THEN
    -- An expression that fitted a source that was another
    RETURN QUERY SELECT NULL::text, 'data_only', NULL::boolean, SQLERRM, NULL::jsonb, false;
END
$$;
COMMENT ON FUNCTION acct._balance_verdicts(text, integer) IS
'The rows of acct.check_balance() of one template version; is_rounding is true of a fund that balances for amounts without more decimals than the currency, and not for others.';

CREATE FUNCTION acct._balance_warnings(p_codes text[], p_versions integer[])
RETURNS TABLE (finding text, template_code text, version integer, match_no integer, line_no integer, "position" integer, message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    -- Of a version that cannot be submitted it is not said: its errors come first.
    SELECT CASE WHEN b.verdict = 'data_only' THEN 'balance_unknown' WHEN b.is_rounding THEN 'rounding' ELSE 'out_of_balance' END,
           s.code, s.version, NULL::integer, NULL::integer, NULL::integer,
           concat(CASE WHEN b.fund IS NULL THEN 'all lines together' ELSE 'fund ' || b.fund END,
                  CASE WHEN b.verdict = 'data_only' THEN ' may be out of balance: ' ELSE ' can be out of balance: ' END, b.reason), NULL::text
      FROM (SELECT v.code, v.version FROM unnest(p_codes, p_versions) AS v (code, version)
             WHERE (v.code, v.version) NOT IN (SELECT e.template_code, e.version FROM acct._template_errors(p_codes, p_versions) AS e)) AS s,
           acct._balance_verdicts(s.code, s.version) AS b
     WHERE b.verdict <> 'proved' AND b.is_required
$$;
COMMENT ON FUNCTION acct._balance_warnings(text[], integer[]) IS
'Funds of template versions that do not balance for every transaction, where they have to, or of which that is not known.';

CREATE FUNCTION acct.check_balance(template_code text DEFAULT NULL, version integer DEFAULT NULL)
RETURNS TABLE (template text, template_version integer, fund text, verdict text, is_required boolean, reason text, counterexample jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    t record;
BEGIN
    PERFORM acct._require_layout();
    IF check_balance.template_code IS NOT NULL
       AND NOT EXISTS (SELECT FROM acct.journal_template AS x
                        WHERE x.template_code = check_balance.template_code AND x.version = coalesce(check_balance.version, x.version)) THEN
        RAISE EXCEPTION 'template % does not exist', concat_ws(' version ', check_balance.template_code, check_balance.version::text)
            USING ERRCODE = 'LE004', HINT = 'acct.journal_template lists templates and their versions.';
    END IF;
    -- Of a version that is named, whatever its status; else of those that are, or may come to be, in force.
    FOR t IN SELECT x.template_code, x.version FROM acct.journal_template AS x
              WHERE x.template_code = coalesce(check_balance.template_code, x.template_code) AND x.version = coalesce(check_balance.version, x.version)
                AND (check_balance.version IS NOT NULL OR x.status <> 'retired')
              ORDER BY x.template_code, x.version LOOP
        template := t.template_code;
        template_version := t.version;
        FOR fund, verdict, is_required, reason, counterexample IN
            SELECT b.fund, b.verdict, b.is_required, b.reason, b.counterexample FROM acct._balance_verdicts(t.template_code, t.version) AS b LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.check_balance(text, integer) IS
'Whether the debits of a template version (NULL: of each that is not retired) equal its credits in each fund for every transaction: verdict is proved, refuted, with a transaction that shows it, or data_only. Raises LE004 where there is no such template or version.';

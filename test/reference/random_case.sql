-- Random policies and transactions, the same for the same seed, and the life of a few runs over them.
--
-- ref.random_policy(seed), ref.random_transactions(seed, n, month, batches) fill the tables; ref.run_case(seed) does both, takes runs
-- through expand, discard, validate, post and reprocess, and returns a line for each difference from the reference. It
-- stops after the step that differs: what follows would hide it behind an error.
-- A case is meant to be run in a transaction that is rolled back.

-- Chance. All of it comes from random(), in the order of the calls.

CREATE FUNCTION ref.seed(p_seed bigint, p_what text) RETURNS void
LANGUAGE sql AS $$
    SELECT setseed((mod(hashtextextended(p_what, p_seed), 1000000007) / 1000000007.0)::double precision)
$$;

-- 1 to n
CREATE FUNCTION ref.dice(p_sides integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN 1 + floor(random() * p_sides)::integer;
END
$$;

CREATE FUNCTION ref.one_in(p_sides integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN ref.dice(p_sides) = 1;
END
$$;

CREATE FUNCTION ref.choice(VARIADIC p_of text[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN p_of[ref.dice(cardinality(p_of))];
END
$$;

-- Expressions

CREATE FUNCTION ref.random_column() RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN ref.choice('', '', ':') || ref.choice('gross_amount', 'gross_amount', 'tabarru_amount', 'tabarru_amount', 'tanahud_amount',
                                                 'investment_amount', 'ujroh_amount');
END
$$;

CREATE FUNCTION ref.random_condition(p_depth integer DEFAULT 1) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c text := ref.random_column();
BEGIN
    CASE ref.dice(CASE WHEN p_depth > 0 THEN 24 ELSE 20 END)
        WHEN 1 THEN RETURN c || ' > ' || ref.choice('0', '100', '1000.01', '-1', '1e15');
        WHEN 2 THEN RETURN c || ' <= ' || ref.random_column();
        WHEN 3 THEN RETURN ':channel = ''AGENCY''';
        WHEN 4 THEN RETURN 'channel IN (''AGENCY'', ''DIGITAL'', '':channel'')';
        WHEN 5 THEN RETURN 'product_code LIKE ''P%''';
        WHEN 6 THEN RETURN '(attributes ->> ''flag'')::boolean';
        WHEN 7 THEN RETURN format('100 / %s > 0.5', c);
        WHEN 8 THEN RETURN 'policy_no IS NOT NULL';
        WHEN 9 THEN RETURN 'bank_value_date >= ''2025-01-10''';
        WHEN 10 THEN RETURN 'bank_value_date < date ''2025-02-03''';
        WHEN 11 THEN RETURN 'extract(day FROM :bank_value_date) <= 15';
        WHEN 12 THEN RETURN 'txn_id % 3 = 0';
        WHEN 13 THEN RETURN '1 / (txn_id % 7)::numeric <= 1';
        WHEN 14 THEN RETURN 'NULL::boolean';
        WHEN 15 THEN RETURN E'policy_no <> '':policy_no'' -- a :comment\n';
        WHEN 16 THEN RETURN 'attributes ? ''rate''';
        WHEN 17 THEN RETURN '(attributes ->> ''rate'')::numeric > 0.2';
        WHEN 18 THEN RETURN '"currency" = ANY (ARRAY[''IDR'', ''KWD''])';
        WHEN 19 THEN RETURN 'NOT (:txn_type = ''T1'') OR true';
        WHEN 20 THEN RETURN 'to_code(bank_value_date, ''MM'') IN (''01'', ''02'')';
        WHEN 21 THEN RETURN format('%s AND %s', ref.random_condition(p_depth - 1), c || ' <> 0');
        WHEN 22 THEN RETURN format('(%s OR %s)', c || ' <> 0', ref.random_condition(0));
        WHEN 23 THEN RETURN format('%s <> 0 AND 1 / %s < 1', c, c);
        ELSE RETURN format('CASE WHEN %s > 0 THEN channel = ''BANCA'' ELSE 1 / tanahud_amount > 0 END', c);
    END CASE;
END
$$;

CREATE FUNCTION ref.random_amount(p_depth integer DEFAULT 2) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    a text;
BEGIN
    IF p_depth = 0 OR ref.one_in(3) THEN
        RETURN ref.random_column();
    END IF;
    a := ref.random_amount(p_depth - 1);
    CASE ref.dice(34)
        WHEN 1, 2, 3 THEN RETURN format('%s * %s', ref.choice('0.05', '0.3', '0.20', '0.333', '1.5'), a);
        WHEN 4, 5 THEN RETURN format('(%s) / %s', a, ref.choice('3.0', '3::numeric', '-3.00'));
        WHEN 6 THEN RETURN format('greatest(%s, 0)', a);
        WHEN 7 THEN RETURN format('least(%s, %s)', a, ref.random_column());
        WHEN 8, 9 THEN RETURN format('CASE WHEN %s THEN %s ELSE %s END', ref.random_condition(0), a, ref.random_column());
        WHEN 10, 11 THEN RETURN format('coalesce((attributes ->> ''rate'')::numeric, 0.1) * (%s)', a);
        WHEN 12 THEN RETURN format('(attributes ->> ''rate'')::numeric * %s', ref.random_column());
        WHEN 13 THEN RETURN format('-(%s)', a);
        WHEN 14 THEN RETURN format('(%s - %s)', a, ref.random_column());
        WHEN 15 THEN RETURN format('(%s + %s)', a, ref.random_column());
        WHEN 16 THEN RETURN format('%s * %s', ref.random_column(), ref.choice('1e9', '1e13', '1e16'));
        WHEN 17 THEN RETURN ref.choice('0', '0.00', '7');
        WHEN 18 THEN RETURN ref.choice('0.005', '-0.005', '1234.565', '0.00005', '-0.5', '2.5', '999999999999999.99995');
        WHEN 19 THEN RETURN ref.choice('9999999999999999.4', '9999999999999999.995', '9999999999999999.99994', '9999999999999999.99995',
                                       '-9999999999999999.5', '10000000000000000', '9999999999999999');
        WHEN 20 THEN RETURN format('%s / nullif(%s, 0)', a, ref.random_column());
        WHEN 21 THEN RETURN format('gross_amount / %s', ref.random_column());
        WHEN 22 THEN RETURN format('round(abs(%s), 1)', a);
        WHEN 23 THEN RETURN format('mod(%s, 7)', a);
        WHEN 24 THEN RETURN format('%s * acct.days_in_month(bank_value_date) / 365.0', a);
        WHEN 25 THEN RETURN format('(%s) * extract(day FROM bank_value_date) / days_in_month(:bank_value_date)', a);
        WHEN 26 THEN RETURN 'length(policy_no || '':gross_amount'')';
        WHEN 27 THEN RETURN 'cardinality((string_to_array(policy_no, ''-''))[1:2]) * :gross_amount::numeric(20, 1)';
        WHEN 28 THEN RETURN format('sqrt(%s)', ref.random_column());
        WHEN 29 THEN RETURN format('trunc("gross_amount" * 0.1%s, 2)', ref.dice(9));
        WHEN 30 THEN RETURN '(attributes ->> ''amount'')::numeric';
        WHEN 31 THEN RETURN format(E'%s /* half of :it */ * 0.5 -- a half\n', ref.random_column());
        WHEN 32 THEN RETURN 'txn_id';
        WHEN 33 THEN RETURN 'NULL::numeric';
        ELSE RETURN format('coalesce(%s, 0)', a);
    END CASE;
END
$$;

-- Policies

CREATE FUNCTION ref.random_accounts() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Two that transactions name, one of them now and then for a part of the time; E3 is registered by a repair.
    INSERT INTO acct.entity (entity_code, effective_from, effective_to)
    VALUES ('E2', CASE WHEN ref.one_in(3) THEN date '2024-12-20' + ref.dice(40) END,
            CASE WHEN ref.one_in(3) THEN date '2025-02-05' + ref.dice(40) END) ON CONFLICT DO NOTHING;
    IF ref.one_in(6) THEN
        UPDATE acct.posting_limit AS p SET value = ref.dice(13) - 1 WHERE p.name = 'months_apart';
    END IF;
    IF ref.one_in(20) THEN
        UPDATE acct.posting_limit AS p SET value = 2025 WHERE p.name IN ('first_year', 'last_year') AND ref.one_in(2);
    END IF;
    INSERT INTO acct.fund (fund, name, fund_type)
    SELECT 'F' || i, 'Fund ' || i, 'OTHER' FROM generate_series(1, 3) AS i ON CONFLICT DO NOTHING;
    INSERT INTO acct.currency (currency, minor_units)
    VALUES ('IDR', 2), ('JPY', 0), ('KWD', 3), ('XX1', 1), ('XX4', 4) ON CONFLICT DO NOTHING;
    INSERT INTO acct.accounting_basis (basis, description, every_transaction)
    VALUES ('PRIMARY', 'Primary', true), ('STAT', 'Statutory', true), ('TAX', 'Tax', false) ON CONFLICT DO NOTHING;
    IF NOT ref.one_in(3) THEN
        DELETE FROM acct.accounting_basis AS b WHERE b.basis = 'STAT';
    END IF;
    FOR i IN 1 .. 12 LOOP
        INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable, effective_from, effective_to)
        VALUES ('A' || i, 'Account ' || i, ref.choice('ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE'),
                CASE WHEN i > 8 AND ref.one_in(3) THEN 'F' || ref.dice(3) END,
                NOT (i > 8 AND ref.one_in(5)),
                CASE i WHEN 7 THEN date '2024-12-20' + ref.dice(40) ELSE '2000-01-01' END,
                CASE i WHEN 8 THEN date '2025-01-15' + ref.dice(60) END)
        ON CONFLICT DO NOTHING;
    END LOOP;
    FOR i IN 1 .. ref.dice(10) - 1 LOOP
        INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund,
                                              effective_from, effective_to)
        VALUES ('P' || ref.dice(3), CASE WHEN ref.one_in(2) THEN ref.choice('AGENCY', 'BANCA', 'DIGITAL') END,
                'A' || ref.dice(12), 'F' || ref.dice(3),
                CASE WHEN ref.one_in(20) THEN 'NONE' WHEN ref.one_in(5) THEN 'A' || ref.dice(12) ELSE 'A' || ref.dice(6) END,
                CASE WHEN ref.one_in(20) THEN 'NOFUND' ELSE 'F' || ref.dice(3) END,
                CASE ref.dice(3) WHEN 1 THEN date '2025-01-05' + ref.dice(30) WHEN 2 THEN '2024-06-01' ELSE '2000-01-01' END,
                CASE WHEN ref.one_in(4) THEN date '2025-02-05' + ref.dice(30) END)
        ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

CREATE FUNCTION ref.random_line(p_code text, p_version integer, p_line_no integer, p_side text, p_fund text, p_amount text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing,
                                            condition_expr)
    VALUES (p_code, p_version, p_line_no, p_side,
            CASE WHEN ref.one_in(80) THEN 'NONE' WHEN ref.one_in(10) THEN 'A' || ref.dice(12) ELSE 'A' || ref.dice(6) END,
            p_fund, p_amount, p_amount IS NULL,
            CASE WHEN p_amount IS NOT NULL AND ref.one_in(16) THEN ref.random_condition() END);
END
$$;

-- Lines fund by fund, most of them so that the fund balances.
CREATE FUNCTION ref.random_lines(p_code text, p_version integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    lines integer := 0;
    step integer := ref.dice(3);
    used text := '';
    fund text;
    amount text;
    side text;
    form integer;
BEGIN
    FOR block IN 1 .. ref.dice(3) LOOP
        fund := CASE WHEN ref.one_in(60) THEN 'NOFUND' ELSE 'F' || ref.dice(3) END;
        CONTINUE WHEN used LIKE '%' || fund || '%';
        used := used || fund;
        amount := ref.random_amount();
        side := ref.choice('DR', 'CR');
        form := CASE block WHEN 1 THEN ref.choice('1', '1', '5', '5', '9') ELSE ref.dice(9)::text END::integer;
        CASE form
            WHEN 1, 2, 3, 4 THEN -- the same amount on both sides
                PERFORM ref.random_line(p_code, p_version, lines + step, side, fund, amount);
                PERFORM ref.random_line(p_code, p_version, lines + 2 * step, CASE side WHEN 'DR' THEN 'CR' ELSE 'DR' END, fund, amount);
            WHEN 5, 6, 7 THEN -- parts, and the remainder, which may come first
                PERFORM ref.random_line(p_code, p_version, lines + 2 * step, side, fund, amount);
                PERFORM ref.random_line(p_code, p_version, lines + 3 * step, CASE side WHEN 'DR' THEN 'CR' ELSE 'DR' END, fund,
                                        format('%s * (%s)', ref.choice('0.05', '0.3', '0.33333'), amount));
                PERFORM ref.random_line(p_code, p_version, lines + ref.choice('1', '4')::integer * step,
                                        ref.choice('DR', 'CR'), fund, NULL);
            WHEN 8 THEN -- a remainder of nothing, beside another fund
                PERFORM ref.random_line(p_code, p_version, lines + step, side, fund, NULL);
            ELSE -- whatever comes
                PERFORM ref.random_line(p_code, p_version, lines + i * step, ref.choice('DR', 'CR'), fund, ref.random_amount())
                   FROM generate_series(1, ref.dice(3)) AS i;
        END CASE;
        lines := lines + 4 * step;
    END LOOP;
END
$$;

CREATE FUNCTION ref.random_template(p_code text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    in_basis text := ref.choice('PRIMARY', 'PRIMARY', 'PRIMARY', 'STAT', 'TAX', 'TAX');
    status text;
    starts date := '2000-01-01';
    ends date;
    kind text;
    width integer := ref.dice(4);
BEGIN
    IF NOT EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = in_basis) THEN
        in_basis := 'PRIMARY';
    END IF;
    FOR version IN 1 .. ref.choice('1', '1', '2', '3')::integer LOOP
        IF version > 1 THEN
            starts := date '2024-12-28' + ref.dice(50);
        END IF;
        IF version > 1 AND ref.one_in(10) THEN -- a version may move a template to another basis
            in_basis := ref.choice('PRIMARY', 'TAX');
        END IF;
        status := ref.choice('approved', 'approved', 'approved', 'approved', 'retired', 'draft', 'submitted');
        ends := CASE WHEN status = 'retired' THEN greatest(starts, date '2025-01-20' + ref.dice(30))
                     WHEN ref.one_in(10) THEN greatest(starts, date '2025-01-10' + ref.dice(60)) END;
        kind := CASE WHEN ref.one_in(12) THEN 'IGNORE' ELSE 'STANDARD' END;
        INSERT INTO acct.journal_template (template_code, version, template_type, basis, status, effective_from, effective_to,
                                           require_balanced, balance_by_fund, skip_zero_lines, negative_policy, maker, approver)
        VALUES (p_code, version, kind, in_basis, status, starts, ends, NOT ref.one_in(4), NOT ref.one_in(3), NOT ref.one_in(3),
                ref.choice('swap', 'swap', 'swap', 'reject'), 'a', CASE WHEN status IN ('approved', 'retired') THEN 'b' END);
        FOR match_no IN 1 .. ref.dice(3) LOOP
            INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, product_code, channel, condition_expr,
                                                     priority)
            VALUES (p_code, version, match_no * ref.dice(3) * 10 + match_no,
                    CASE WHEN width > 1 OR ref.one_in(2) THEN 'T' || ref.dice(4) END,
                    CASE WHEN ref.one_in(3) THEN 'P' || ref.dice(3) END,
                    CASE WHEN ref.one_in(4) THEN ref.choice('AGENCY', 'BANCA', 'DIGITAL') END,
                    CASE WHEN ref.one_in(2) THEN ref.random_condition() END,
                    ref.choice('1', '10', '10', '100', '100', '100', '-5')::integer);
        END LOOP;
        IF kind = 'STANDARD' THEN
            PERFORM ref.random_lines(p_code, version);
        END IF;
    END LOOP;
END
$$;

-- The triggers leave an approved template alone only in maintenance.
CREATE FUNCTION ref.random_policy(p_seed bigint) RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM ref.seed(p_seed, 'policy');
    PERFORM ref.random_accounts();
    FOR i IN 1 .. 5 + ref.dice(9) LOOP
        PERFORM ref.random_template(ref.choice('TPL_', 'tpl-', 'Z', 'a', 'M.') || i);
    END LOOP;
    IF NOT ref.one_in(4) THEN -- one for everything that is left
        INSERT INTO acct.journal_template (template_code, status, maker, approver) VALUES ('REST', 'approved', 'a', 'b');
        INSERT INTO acct.journal_template_match (template_code, match_no, priority) VALUES ('REST', 1, 999);
        INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
        VALUES ('REST', 1, 'DR', 'A1', 'F1', 'gross_amount', false), ('REST', 2, 'CR', 'A2', 'F1', 'gross_amount / 3', false),
               ('REST', 3, 'CR', 'A3', 'F1', ':gross_amount / 3', false), ('REST', 4, 'CR', 'A4', 'F1', NULL, true);
    END IF;
END
$$;

-- A change of policy between two runs of a session: what the engine remembers of the first must not be used for the second.
CREATE FUNCTION ref.random_change() RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
DECLARE
    line acct.journal_template_line;
    -- chosen once, as the order in which rows are changed is not the same each time
    amount text := ref.random_amount();
    policy text := ref.choice('swap', 'reject');
    units integer := ref.dice(5) - 1;
BEGIN
    SELECT l.* INTO line FROM acct.journal_template_line AS l ORDER BY l.template_code, l.version, l.line_no
    OFFSET ref.dice(greatest((SELECT count(*) FROM acct.journal_template_line)::integer, 1)) - 1 LIMIT 1;
    CASE ref.dice(8)
        WHEN 1 THEN
            UPDATE acct.journal_template_line AS l SET amount_expr = amount
             WHERE l.template_code = line.template_code AND NOT l.is_balancing;
        WHEN 2 THEN
            UPDATE acct.journal_template AS t SET negative_policy = policy, skip_zero_lines = NOT t.skip_zero_lines;
        WHEN 3 THEN
            DELETE FROM acct.product_account_map;
        WHEN 4 THEN
            UPDATE acct.chart_of_accounts AS a SET is_postable = true, effective_from = '2000-01-01', effective_to = NULL, fund = NULL;
        WHEN 5 THEN
            UPDATE acct.journal_template_match AS m SET condition_expr = NULL, priority = 101 - m.priority;
        WHEN 6 THEN
            UPDATE acct.journal_template AS t SET status = 'approved', approver = 'b' WHERE t.status IN ('draft', 'submitted');
        WHEN 7 THEN
            PERFORM ref.random_template('NEW' || i || ref.dice(1000000)) FROM generate_series(1, 3) AS i;
        ELSE
            UPDATE acct.currency AS c SET minor_units = units WHERE c.currency IN ('XX1', 'KWD');
    END CASE;
END
$$;

-- Transactions

CREATE FUNCTION ref.random_part() RETURNS numeric
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    CASE ref.dice(16)
        WHEN 1, 2, 3 THEN RETURN 0;
        WHEN 4, 5 THEN RETURN ref.choice('0.01', '0.005', '0.0001', '0.015', '0.5')::numeric;
        WHEN 6 THEN RETURN ref.choice('1000', '1000.01', '333.3333', '50000000', '80000000')::numeric;
        WHEN 7 THEN RETURN -ref.choice('500', '0.005', '1000.015', '2.5')::numeric;
        WHEN 8 THEN RETURN CASE WHEN ref.one_in(4) THEN ref.choice('1e15', '2.4e15', '999999999999999.9999', '-1e15')::numeric ELSE 7 END;
        ELSE RETURN round((random() * 10 ^ ref.dice(7))::numeric, ref.choice('0', '2', '2', '4')::integer);
    END CASE;
END
$$;

CREATE FUNCTION ref.random_date(p_month date) RETURNS date
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    CASE ref.dice(40)
        WHEN 1 THEN RETURN ref.choice('0001-01-01', '9999-12-31', '4713-01-01 BC', '5874897-12-31', '1900-02-28')::date;
        WHEN 2 THEN RETURN (p_month + ref.choice('12 months', '-12 months')::interval)::date;
        WHEN 3 THEN RETURN (p_month + ref.choice('12 months 1 day', '-12 months -1 day')::interval)::date;
        WHEN 4, 5, 6, 7 THEN RETURN p_month + ref.dice(150) - 75;
        WHEN 8 THEN RETURN p_month + ref.dice(700) - 350;
        ELSE RETURN p_month + ref.dice(28) - 1;
    END CASE;
END
$$;

-- Mostly nothing; now and then what is not seen at the end of a code, or is not taken for a part of it.
CREATE FUNCTION ref.random_blemish() RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN CASE WHEN ref.one_in(60) THEN ref.choice(' ', E'\t', E'\u00a0', E'\u200b', E'\x7f', E'\u3000', '.') ELSE '' END;
END
$$;

CREATE FUNCTION ref.random_transactions(p_seed bigint, p_rows integer, p_month date, p_batches bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    first_id bigint;
    parts numeric[];
    rate text;
BEGIN
    PERFORM ref.seed(p_seed, 'transactions ' || p_month);
    SELECT coalesce(max(s.txn_id), 0) INTO first_id FROM acct.txn_source_parent AS s;
    FOR i IN 1 .. p_rows LOOP
        parts := ARRAY[ref.random_part(), ref.random_part(), ref.random_part(), ref.random_part()];
        rate := ref.choice('0.1', '0.25', '1', '"0.3"', '"abc"', 'null', '"NaN"', '-0.5', '"1e3"');
        INSERT INTO acct.txn_source_parent (txn_id, txn_month, batch_id, bank_value_date, entity_code, txn_type, product_code, channel,
                                            policy_no, currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount,
                                            ujroh_amount, attributes)
        VALUES (first_id + i, p_month, p_batches[ref.dice(cardinality(p_batches))], ref.random_date(p_month),
                CASE WHEN ref.one_in(30) THEN ref.choice('E3', 'main', 'MAIN ', '') ELSE ref.choice('MAIN', 'MAIN', 'E2') END,
                'T' || ref.dice(4), 'P' || ref.dice(3) || ref.random_blemish(),
                ref.random_blemish() || ref.choice('AGENCY', 'BANCA', 'DIGITAL'),
                CASE WHEN NOT ref.one_in(4) THEN 'POL-' || ref.dice(99) || ref.choice('', '-X', '-X-Y') END,
                ref.choice('IDR', 'IDR', 'IDR', 'IDR', 'JPY', 'KWD', 'XX1', 'XX4', 'IDR', 'ZZZ'),
                parts[1] + parts[2] + parts[3] + parts[4], parts[1], parts[2], parts[3], parts[4],
                CASE ref.dice(4)
                    WHEN 1 THEN NULL
                    WHEN 2 THEN '{}'
                    ELSE format('{"rate": %s, "flag": %s, "amount": %s}', rate, ref.choice('"true"', 'false', '"maybe"', 'null'),
                                ref.choice('12.345', '0', '-7', '"x"', '1e20', '"Infinity"'))::jsonb
                END);
    END LOOP;
END
$$;

-- Further columns, dropped columns: what a site may do to the source table.
CREATE FUNCTION ref.random_layout(p_first date, p_second date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM acct.rotate_txn_source_partitions(0, p_first);
    IF ref.one_in(3) THEN
        ALTER TABLE acct.txn_source_parent ADD COLUMN dropped_soon text DEFAULT 'x';
        ALTER TABLE acct.txn_source_parent DROP COLUMN dropped_soon;
    END IF;
    IF ref.one_in(3) THEN
        PERFORM acct.add_dimension('cohort', 'integer');
        ALTER TABLE acct.txn_source_parent ALTER COLUMN cohort SET DEFAULT 2025;
    END IF;
    IF ref.one_in(3) THEN
        PERFORM acct.add_dimension('portfolio', 'text', true);
        ALTER TABLE acct.txn_source_parent ALTER COLUMN portfolio SET DEFAULT 'life';
    END IF;
    PERFORM acct.rotate_txn_source_partitions(0, p_second);
END
$$;

-- Runs

CREATE FUNCTION ref.check_expanded(p_run_id bigint, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ref.expand(p_run_id);
    RETURN QUERY SELECT p_what || ', expanded: ' || d FROM ref.compare(p_run_id) AS d;
    RETURN QUERY SELECT format('%s, expanded: check %s failed: expected %s, found %s', p_what, v.check_name, v.expected, v.actual)
                   FROM acct.validate_run(p_run_id) AS v WHERE NOT v.passed;
    RETURN QUERY SELECT format('%s: a second expand_journals worked again', p_what)
                   FROM acct.expand_journals(p_run_id) AS e WHERE NOT e.already_done LIMIT 1;
END
$$;

-- What is told of some transactions of an expanded run is what the reference makes of them. Which months are closed does not matter to it.
CREATE FUNCTION ref.check_explained(p_run_id bigint, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    t record;
    told text;
BEGIN
    FOR t IN
        SELECT x.txn_id, x.txn_month, b.basis, coalesce(
                   (SELECT string_agg(format('%s v%s %s %s %s %s %s', h.template_code, h.template_version, l.line_no, l.account_code, l.fund, trim_scale(l.debit), trim_scale(l.credit)), ', ' ORDER BY l.line_no)
                      FROM ref.header AS h JOIN ref.line AS l USING (run_id, txn_id, basis) WHERE (h.run_id, h.txn_id, h.basis::text) = (p_run_id, x.txn_id, b.basis)),
                   (SELECT concat_ws(' ', 'exception', e.reason, e.template_code, e.template_version, e.line_no) FROM ref.exception AS e WHERE (e.run_id, e.txn_id, e.basis::text) = (p_run_id, x.txn_id, b.basis)),
                   (SELECT 'ignored' FROM ref.ignored AS i WHERE (i.run_id, i.txn_id, i.basis::text) = (p_run_id, x.txn_id, b.basis)), 'none') AS expected
          FROM acct.journal_run AS r
         CROSS JOIN LATERAL unnest(r.bases) AS b (basis)
         CROSS JOIN LATERAL (SELECT s.txn_id, s.txn_month FROM acct.txn_source_parent AS s JOIN acct.journal_run_batch AS j ON j.batch_id = s.batch_id AND j.txn_month = s.txn_month AND j.run_id = r.run_id AND j.basis = b.basis
                              ORDER BY hashint8(s.txn_id) LIMIT 6) AS x
         WHERE r.run_id = p_run_id
    LOOP
        SELECT CASE WHEN o.status = 'journal'
                    THEN (SELECT string_agg(format('%s v%s %s %s %s %s %s', l.template_code, l.version, l.number, l.account_code, l.fund, trim_scale(l.debit), trim_scale(l.credit)), ', ' ORDER BY l.number)
                            FROM acct.explain_transaction(t.txn_id, t.txn_month, t.basis) AS l WHERE l.kind = 'line' AND l.status = 'made')
                    WHEN o.status = 'exception' THEN concat_ws(' ', o.status, o.detail ->> 'reason', o.template_code, o.version, o.number)
                    ELSE o.status END
          INTO told FROM acct.explain_transaction(t.txn_id, t.txn_month, t.basis) AS o WHERE o.kind = 'outcome';
        IF told IS DISTINCT FROM t.expected AND t.expected NOT LIKE 'exception PERIOD_CLOSED%' THEN
            RETURN NEXT format('%s: transaction %s in %s is explained as %s, but is %s', p_what, t.txn_id, t.basis, told, t.expected);
        END IF;
    END LOOP;
END
$$;

-- Whatever became of policy since, the policy of its run makes a journal the same again.
CREATE FUNCTION ref.check_explained_later() RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT format('journal %s, explained at the end: %s', h.je_id, x.sentence)
      FROM (SELECT l.je_id FROM acct.ledger_entry_header AS l WHERE l.journal_type = 'transaction' ORDER BY hashint8(l.txn_id), l.basis LIMIT 6) AS h, LATERAL acct.explain_journal(h.je_id) AS x
     WHERE x.kind = 'comparison' AND x.status <> 'same' AND x.detail -> 'uncertain' IS NOT DISTINCT FROM '[]'
$$;

-- Closes a period that the run has journals in: posting must refuse. Then the run is expanded again, where it moves late items,
-- or the period is opened again.
CREATE FUNCTION ref.check_closed_period(p_run_id bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    book record;
BEGIN
    SELECT h.entity_code, h.basis, date_trunc('month', h.je_date::timestamp)::date AS month INTO book
      FROM ref.header AS h WHERE h.run_id = p_run_id ORDER BY h.txn_id, h.basis LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM acct.close_period(book.month, book.entity_code, book.basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
    BEGIN
        PERFORM acct.post_journals(p_run_id);
        RETURN NEXT 'posting into a closed period was accepted';
    EXCEPTION WHEN SQLSTATE 'LE006' THEN
        NULL;
    END;
    IF (SELECT r.options ->> 'late' = 'next_open' FROM acct.journal_run AS r WHERE r.run_id = p_run_id) AND NOT ref.one_in(3) THEN
        RETURN QUERY SELECT 'expand_journals did not move what a closed period has' FROM acct.expand_journals(p_run_id) AS e WHERE e.already_done LIMIT 1;
        RETURN QUERY SELECT d FROM ref.check_expanded(p_run_id, 'moved on') AS d;
    ELSE
        PERFORM acct.reopen_period(book.month, book.entity_code, book.basis);
    END IF;
END
$$;

CREATE FUNCTION ref.check_posted(p_run_id bigint, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    IF ref.one_in(6) THEN
        RETURN QUERY SELECT p_what || ': ' || d FROM ref.check_closed_period(p_run_id) AS d;
    END IF;
    PERFORM acct.post_journals(p_run_id);
    RETURN QUERY SELECT p_what || ', posted: ' || d FROM ref.compare(p_run_id) AS d;
    RETURN QUERY SELECT format('%s, posted: check %s failed: expected %s, found %s', p_what, v.check_name, v.expected, v.actual)
                   FROM acct.validate_run(p_run_id) AS v WHERE NOT v.passed;
    RETURN QUERY SELECT p_what || ', posted: ' || d FROM ref.compare_books(ref.one_in(8)) AS d;
    RETURN QUERY SELECT format('%s: the digest of the ledger is not the one that expand recorded', p_what)
                   FROM acct.journal_run AS r
                  WHERE r.run_id = p_run_id AND r.digest IS DISTINCT FROM acct.run_digest(p_run_id, 'ledger');
END
$$;

CREATE FUNCTION ref.random_run(p_month date, p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    options jsonb := CASE ref.dice(6) WHEN 1 THEN '{"basis": "PRIMARY"}' WHEN 2 THEN '{"basis": ["TAX", "PRIMARY"]}' ELSE '{}' END::jsonb
                     || CASE ref.dice(4) WHEN 1 THEN '{"late": "reject"}' WHEN 2 THEN '{}' ELSE '{"late": "next_open"}' END::jsonb;
    id bigint := acct.create_run(p_month, p_what, options);
    first_digest text;
BEGIN
    PERFORM acct.expand_journals(id);
    RETURN QUERY SELECT ref.check_expanded(id, p_what);
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.check_explained(id, p_what);
    IF ref.one_in(4) THEN
        SELECT r.digest INTO first_digest FROM acct.journal_run AS r WHERE r.run_id = id;
        PERFORM acct.discard_run(id);
        IF ref.one_in(3) THEN
            PERFORM ref.random_change();
            first_digest := NULL;
        END IF;
        id := acct.create_run(p_month, p_what, options);
        PERFORM acct.expand_journals(id);
        RETURN QUERY SELECT ref.check_expanded(id, p_what || ' again');
        IF FOUND THEN
            RETURN;
        END IF;
        RETURN QUERY SELECT p_what || ': expanded again, the digest is another one'
                       FROM acct.journal_run AS r WHERE r.run_id = id AND r.digest <> first_digest;
    END IF;
    RETURN QUERY SELECT ref.check_posted(id, p_what);
END
$$;

-- A few transactions like those that there are, loaded and booked in one call, by book_transactions() or by run_month(). Where a period of
-- theirs is closed, nothing is.
CREATE FUNCTION ref.random_booking(p_month date, p_what text) RETURNS SETOF text
LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
    options jsonb := CASE ref.dice(4) WHEN 1 THEN '{"basis": "PRIMARY"}' ELSE '{}' END::jsonb
                     || CASE WHEN ref.one_in(3) THEN '{}' ELSE '{"late": "next_open"}' END::jsonb;
    in_one_call CONSTANT boolean := NOT ref.one_in(3);
    last_id CONSTANT bigint := (SELECT max(s.txn_id) FROM acct.txn_source_parent AS s);
    most CONSTANT integer := ref.dice(12);
    places CONSTANT double precision := random();
    given jsonb;
    booked jsonb;
    id bigint;
BEGIN
    SELECT jsonb_agg(x.row || jsonb_build_object('txn_id', last_id + x.n)) INTO given
      FROM (SELECT jsonb_strip_nulls(to_jsonb(s) - 'batch_id') AS row, row_number() OVER (ORDER BY hashfloat8(s.txn_id * places)) AS n
              FROM acct.txn_source_parent AS s WHERE s.txn_month = p_month ORDER BY 2 LIMIT most) AS x;
    IF given IS NULL THEN
        RETURN;
    END IF;
    BEGIN
        IF in_one_call THEN
            SELECT jsonb_agg(to_jsonb(b)) INTO booked FROM acct.book_transactions(given, p_what, options) AS b;
        ELSE
            INSERT INTO acct.txn_source_parent SELECT r.* FROM jsonb_array_elements(given) AS g,
                   jsonb_populate_record(NULL::acct.txn_source_parent, g || jsonb_build_object('batch_id', acct.current_batch())) AS r;
            PERFORM FROM acct.run_month(p_month, p_what, options);
        END IF;
    EXCEPTION WHEN SQLSTATE 'LE006' THEN
        RETURN;
    END;
    SELECT r.run_id INTO id FROM acct.journal_run AS r WHERE r.run_key = p_what;
    PERFORM ref.expand(id);
    RETURN QUERY SELECT p_what || ': ' || d FROM ref.compare(id) AS d;
    RETURN QUERY SELECT p_what || ': ' || d FROM ref.compare_books(ref.one_in(8)) AS d;
    RETURN QUERY SELECT format('%s: check %s failed: expected %s, found %s', p_what, v.check_name, v.expected, v.actual)
                   FROM acct.validate_run(id) AS v WHERE NOT v.passed;
    IF in_one_call THEN
        RETURN QUERY SELECT p_what || ': ' || d
                       FROM ref.differences('answer',
                           format('SELECT h.txn_id, h.basis::text, ''posted'' AS outcome FROM ref.header AS h WHERE h.run_id = %1$s '
                                  'UNION ALL SELECT e.txn_id, e.basis::text, ''exception'' FROM ref.exception AS e WHERE e.run_id = %1$s '
                                  'UNION ALL SELECT i.txn_id, i.basis::text, ''ignored'' FROM ref.ignored AS i WHERE i.run_id = %1$s', id),
                           -- One that is for no template of a basis that needs not have it is answered as ignored.
                           format('SELECT b.txn_id, b.basis, b.outcome FROM jsonb_to_recordset(%L) AS b (txn_id bigint, basis text, outcome text) '
                                  'WHERE b.outcome <> ''ignored'' OR EXISTS (SELECT FROM ref.ignored AS i WHERE (i.run_id, i.txn_id, i.basis) = (%s, b.txn_id, b.basis))',
                                  booked, id)) AS d;
    END IF;
END
$$;

-- Puts some of what quarantines transactions right.
CREATE FUNCTION ref.random_repair() RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
BEGIN
    IF NOT ref.one_in(3) THEN
        INSERT INTO acct.currency (currency, minor_units) VALUES ('ZZZ', ref.dice(5) - 1) ON CONFLICT DO NOTHING;
    END IF;
    IF NOT ref.one_in(3) THEN
        INSERT INTO acct.entity (entity_code) VALUES ('E3'), ('main') ON CONFLICT DO NOTHING;
        UPDATE acct.entity AS e SET effective_from = NULL, effective_to = NULL;
    END IF;
    IF NOT ref.one_in(3) THEN
        PERFORM acct.reopen_period(p.period_month, p.entity_code, p.basis) FROM acct.accounting_period AS p WHERE NOT p.is_open;
    END IF;
    IF ref.one_in(2) THEN
        UPDATE acct.chart_of_accounts AS a SET is_postable = true, fund = NULL;
    END IF;
    IF ref.one_in(3) THEN
        INSERT INTO acct.fund (fund, name, fund_type) VALUES ('NOFUND', 'Now it is', 'OTHER') ON CONFLICT DO NOTHING;
    END IF;
    IF ref.one_in(2) THEN
        PERFORM ref.random_template('LATE' || i || ref.dice(1000000)) FROM generate_series(1, 2) AS i;
    END IF;
END
$$;

CREATE FUNCTION ref.reprocess_all(p_what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    old_runs bigint[];
    old bigint;
    run bigint;
BEGIN
    SELECT array_agg(r.run_id ORDER BY r.run_id) INTO old_runs FROM acct.journal_run AS r WHERE r.status = 'posted';
    FOREACH old IN ARRAY old_runs LOOP
        run := acct.reprocess_exceptions(old);
        PERFORM acct.expand_journals(run);
        RETURN QUERY SELECT ref.check_expanded(run, p_what);
        IF FOUND THEN
            RETURN;
        END IF;
        IF ref.one_in(5) THEN
            PERFORM acct.discard_run(run);
            run := acct.reprocess_exceptions(old);
            PERFORM acct.expand_journals(run);
            RETURN QUERY SELECT ref.check_expanded(run, p_what || ' again');
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;
        RETURN QUERY SELECT ref.check_posted(run, p_what);
    END LOOP;
END
$$;

CREATE FUNCTION ref.run_case(p_seed bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    first_month CONSTANT date := '2025-01-01';
    second_month CONSTANT date := '2025-02-01';
    batches bigint[];
BEGIN
    PERFORM ref.random_policy(p_seed);
    PERFORM ref.seed(p_seed, 'case');
    PERFORM ref.random_layout(first_month, second_month);
    WITH batch AS (
        INSERT INTO acct.txn_batch (source) SELECT 'random ' || i FROM generate_series(1, ref.dice(3)) AS i RETURNING batch_id)
    SELECT array_agg(b.batch_id ORDER BY b.batch_id) || acct.current_batch() INTO batches FROM batch AS b;
    IF ref.one_in(2) THEN
        -- Periods of years that posting_limit does not allow cannot be closed.
        PERFORM FROM (SELECT ref.choice('MAIN', 'E2') AS entity, (first_month + make_interval(months => ref.dice(3) - 2))::date AS month) AS x,
                     acct.close_period(x.month, x.entity, 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')
          WHERE extract(year FROM x.month) >= (SELECT p.value FROM acct.posting_limit AS p WHERE p.name = 'first_year');
    END IF;
    -- Several months in a row, now and then all that late items could go to
    IF ref.one_in(3) THEN
        PERFORM FROM (SELECT ref.choice('MAIN', 'E2') AS entity, ref.choice('PRIMARY', 'TAX') AS basis,
                             CASE WHEN ref.one_in(6) THEN 62 ELSE ref.dice(3) END AS months) AS x,
                     generate_series(first_month::timestamp, first_month + make_interval(months => x.months), '1 month') AS m,
                     acct.close_period(m::date, x.entity, x.basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')
          WHERE extract(year FROM m) BETWEEN (SELECT p.value FROM acct.posting_limit AS p WHERE p.name = 'first_year')
                                         AND (SELECT p.value FROM acct.posting_limit AS p WHERE p.name = 'last_year')
            AND EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = x.basis)
            AND EXISTS (SELECT FROM acct.entity AS e WHERE e.entity_code = x.entity);
    END IF;
    -- Now and then enough of them for more than one buffer of rows.
    PERFORM ref.random_transactions(p_seed, CASE WHEN ref.one_in(80) THEN 1100 ELSE 15 + ref.dice(25) END, first_month, batches);
    IF ref.one_in(2) THEN
        PERFORM ref.random_transactions(p_seed + 1, 10 + ref.dice(15), second_month, batches);
    END IF;
    PERFORM ref.seed(p_seed, 'release');
    RETURN QUERY SELECT ref.compare_release(first_month);
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM ref.seed(p_seed, 'runs');
    IF ref.one_in(3) THEN -- the second month first
        RETURN QUERY SELECT ref.random_run(second_month, 'second month first');
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT ref.random_run(first_month, 'first run');
    IF FOUND THEN
        RETURN;
    END IF;
    IF ref.one_in(2) THEN
        PERFORM ref.random_change();
    END IF;
    WITH batch AS (INSERT INTO acct.txn_batch (source) VALUES ('late') RETURNING batch_id)
    SELECT array_agg(b.batch_id) INTO batches FROM batch AS b;
    PERFORM ref.random_transactions(p_seed + 2, ref.dice(10), first_month, batches);
    PERFORM ref.seed(p_seed, 'later runs');
    RETURN QUERY SELECT ref.random_run(first_month, 'second run');
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.random_run(second_month, 'second month');
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT ref.random_booking(x.month, 'booking ' || x.n)
                   FROM (SELECT n, CASE WHEN ref.one_in(3) THEN second_month ELSE first_month END AS month FROM generate_series(1, ref.dice(3) - 1) AS n) AS x;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM ref.random_repair();
    RETURN QUERY SELECT ref.reprocess_all('reprocessed');
    IF FOUND THEN
        RETURN;
    END IF;
    IF ref.one_in(8) THEN -- what failed again, and runs with nothing left
        PERFORM ref.random_repair();
        RETURN QUERY SELECT ref.reprocess_all('reprocessed twice');
    END IF;
    RETURN QUERY SELECT format('run %s, at the end: %s', r.run_id, d)
                   FROM acct.journal_run AS r, LATERAL ref.compare(r.run_id) AS d WHERE r.status = 'posted';
    RETURN QUERY SELECT format('update_balance_snapshot found %s rows wrong', n)
                   FROM acct.update_balance_snapshot() AS n WHERE n <> 0;
    RETURN QUERY SELECT 'snapshot recomputed: ' || d FROM ref.compare_books() AS d;
    RETURN QUERY SELECT format('transaction %s is journalled %s times in %s', h.txn_id, count(*), h.basis)
                   FROM acct.ledger_entry_header AS h GROUP BY h.txn_id, h.txn_month, h.basis HAVING count(*) > 1;
    RETURN QUERY SELECT ref.check_explained_later();
    IF NOT FOUND AND ref.one_in(3) THEN
        RETURN QUERY SELECT ref.run_later(p_seed);
    END IF;
END
$$;

-- How often each outcome came up: a generator that only makes exceptions tests little.
CREATE FUNCTION ref.outcomes() RETURNS TABLE (outcome text, times bigint)
LANGUAGE sql AS $$
    SELECT 'JOURNAL', count(*) FROM ref.header
    UNION ALL
    SELECT 'MOVED', count(*) FROM ref.header WHERE original_date IS NOT NULL
    UNION ALL
    SELECT 'IGNORED', count(*) FROM ref.ignored
    UNION ALL
    SELECT e.reason::text, count(*) FROM ref.exception AS e GROUP BY e.reason
$$;

-- What test/balance/run makes in its database: random templates, what acct.check_balance() says of them, and random transactions
-- that hold it against the engine. balance.run() returns lines: '@count NAME N' for what came up, all else is a failure.

CREATE SCHEMA balance;

-- Columns of a site: that may be NULL, NaN or infinite, without decimals, and bound by CHECK constraints.
ALTER TABLE acct.txn_source_parent ADD COLUMN fee numeric, ADD COLUMN rate numeric(9,4) NOT NULL DEFAULT 0, ADD COLUMN days integer NOT NULL DEFAULT 0,
    ADD COLUMN kind text, ADD COLUMN flag boolean, ADD COLUMN net_amount numeric(20,4) NOT NULL DEFAULT 0, ADD COLUMN cut_amount numeric(20,4) NOT NULL DEFAULT 0,
    ADD COLUMN whole_amount numeric(20,4) NOT NULL DEFAULT 0,
    ADD CONSTRAINT chk_net CHECK (net_amount = whole_amount - cut_amount), ADD CONSTRAINT chk_rate CHECK (rate = round(rate, 2) AND rate >= 0 AND rate <> 'NaN'),
    ADD CONSTRAINT chk_days CHECK (days BETWEEN 0 AND 31);
INSERT INTO acct.fund VALUES ('F1', 'One', 'OTHER'), ('F2', 'Two', 'OTHER'), ('F3', 'Three', 'OTHER');
INSERT INTO acct.currency VALUES ('IDR', 2), ('C0', 0), ('C3', 3), ('C4', 4);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) SELECT 'A' || g, 'Account', 'ASSET' FROM generate_series(1, 12) AS g;
-- One product leads two accounts to other funds, one of them in a channel.
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund)
VALUES ('PM', NULL, 'A4', 'F1', 'A4', 'F2'), ('PM', 'BANCA', 'A6', 'F2', 'A6', 'F3');

CREATE FUNCTION balance.dice(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT floor(random() * n)::integer';
CREATE FUNCTION balance.pick(VARIADIC texts text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT texts[1 + balance.dice(cardinality(texts))]';

CREATE FUNCTION balance.number(depth integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    d CONSTANT integer := depth - 1;
BEGIN
    IF depth <= 0 OR balance.dice(4) = 0 THEN
        RETURN balance.pick('gross_amount', 'gross_amount', 'tabarru_amount', 'tanahud_amount', 'investment_amount', 'ujroh_amount', 'net_amount', 'cut_amount',
                            'whole_amount', 'fee', 'days', 'rate', '0', '1', '100', '0.05', '0.005', '(attributes ->> ''a'')::numeric');
    END IF;
    RETURN CASE balance.dice(21)
        WHEN 0 THEN format('(%s + %s)', balance.number(d), balance.number(d))
        WHEN 1 THEN format('(%s - %s)', balance.number(d), balance.number(d))
        WHEN 2 THEN format('(%s * %s)', balance.number(d), balance.pick('0.5', '0.3', '2', '-1', '0.05', 'rate', 'fee', '0'))
        WHEN 3 THEN format('(%s / %s)', balance.number(d), balance.pick('2.0', '3.0', '100.0'))
        WHEN 4 THEN format('(-%s)', balance.number(d))
        WHEN 5 THEN format('greatest(%s, %s)', balance.number(d), balance.pick('0', balance.number(d)))
        WHEN 6 THEN format('least(%s, %s)', balance.number(d), balance.pick('0', '100', balance.number(d)))
        WHEN 7 THEN format('abs(%s)', balance.number(d))
        WHEN 8 THEN format('round(%s, %s)', balance.number(d), balance.pick('0', '2', '3', '4', '-1'))
        WHEN 9 THEN format('CASE WHEN %s THEN %s ELSE %s END', balance.condition(d), balance.number(d), balance.number(d))
        WHEN 10 THEN format('coalesce(%s, %s)', balance.number(d), balance.number(d))
        WHEN 11 THEN format('nullif(%s, %s)', balance.number(d), balance.number(d))
        WHEN 12 THEN format('trunc(%s, %s)', balance.number(d), balance.pick('0', '2'))
        WHEN 13 THEN format('%s(%s)', balance.pick('ceil', 'floor', 'sign'), balance.number(d))
        WHEN 14 THEN format('(%s)::numeric(%s)', balance.number(d), balance.pick('20,2', '20,0', '20,4', '20,-2'))
        WHEN 15 THEN format('CASE channel WHEN ''A'' THEN %s WHEN ''BANCA'' THEN %s ELSE %s END', balance.number(d), balance.number(d), balance.number(d))
        WHEN 16 THEN format('(%s)::%s', balance.number(d), balance.pick('bigint', 'integer'))
        WHEN 17 THEN format('(%s * %s)', balance.number(d), balance.number(d))
        WHEN 18 THEN format('coalesce(nullif(%s, 0), %s)', balance.number(d), balance.number(d))
        WHEN 19 THEN format('(days * %s)', balance.pick('2', '100', 'days', '100000000'))
        ELSE balance.number(d) END;
END
$$;

CREATE FUNCTION balance.condition(depth integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    d CONSTANT integer := depth - 1;
BEGIN
    RETURN CASE balance.dice(CASE WHEN depth <= 0 THEN 8 ELSE 18 END)
        WHEN 0 THEN 'gross_amount > 0'
        WHEN 1 THEN format('%s %s %s', balance.number(0), balance.pick('>', '<', '=', '<>', '>=', '<='), balance.pick('0', '100', balance.number(0)))
        WHEN 2 THEN format('channel %s ''%s''', balance.pick('=', '<>'), balance.pick('A', 'BANCA'))
        WHEN 3 THEN format('kind %s ''X''', balance.pick('=', '<>', '<'))
        WHEN 4 THEN 'flag'
        WHEN 5 THEN format('%s IS %s NULL', balance.pick('fee', 'kind', 'attributes ->> ''a''', 'flag'), balance.pick('', 'NOT'))
        WHEN 6 THEN format('currency = ''%s''', balance.pick('IDR', 'C0'))
        WHEN 7 THEN format('channel %s (''A'', ''BANCA'')', balance.pick('IN', 'NOT IN'))
        WHEN 8 THEN format('NOT (%s)', balance.condition(d))
        WHEN 9 THEN format('(%s AND %s)', balance.condition(d), balance.condition(d))
        WHEN 10 THEN format('(%s OR %s)', balance.condition(d), balance.condition(d))
        WHEN 11 THEN format('(%s) IS %s', balance.condition(d), balance.pick('TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE', 'UNKNOWN', 'NOT UNKNOWN'))
        WHEN 12 THEN format('%s IS DISTINCT FROM %s', balance.number(d), balance.number(d))
        WHEN 13 THEN format('%s BETWEEN %s AND %s', balance.number(0), balance.pick('0', '-1'), balance.pick('100', '1'))
        WHEN 14 THEN format('%s %s (%s, 100, 0.01)', balance.number(d), balance.pick('IN', 'NOT IN'), balance.pick('0', 'NULL'))
        WHEN 15 THEN format('coalesce(%s, %s)', balance.condition(d), balance.condition(d))
        WHEN 16 THEN format('%s > %s', balance.number(d), balance.number(d))
        ELSE format('CASE WHEN %s THEN %s ELSE %s END', balance.condition(d), balance.condition(d), balance.condition(d)) END;
END
$$;

-- The same number, written in another way; or one that is only nearly the same.
CREATE FUNCTION balance.rewritten(x text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE balance.dice(16)
        WHEN 0 THEN format('-(-(%s))', x) WHEN 1 THEN format('(%s) + 0', x) WHEN 2 THEN format('1 * (%s)', x) WHEN 3 THEN format('(%s) * 0.5 + 0.5 * (%s)', x, x)
        WHEN 4 THEN format('(%s) - gross_amount + gross_amount', x) WHEN 5 THEN format('greatest(%s, 0) + least(%s, 0)', x, x)
        WHEN 6 THEN format('CASE WHEN gross_amount > 10 THEN %s ELSE %s END', x, x) WHEN 7 THEN format('coalesce(%s, 0)', x) WHEN 8 THEN format('round(%s, 4)', x)
        WHEN 9 THEN format('(%s) * 2 / 2.0', x) WHEN 10 THEN format('abs(%s) * sign(%s)', x, x)
        WHEN 11 THEN replace(x, 'gross_amount', '(tabarru_amount + tanahud_amount + investment_amount + ujroh_amount)')
        WHEN 12 THEN replace(x, 'whole_amount', '(net_amount + cut_amount)')
        ELSE x END
$$;

-- Lines as {side, amount (NULL: balancing), condition}
CREATE FUNCTION balance.lines() RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    x CONSTANT text := balance.number(balance.dice(3));
    y CONSTANT text := balance.number(balance.dice(3));
    c CONSTANT text := balance.condition(balance.dice(2));
BEGIN
    RETURN CASE balance.dice(12)
        WHEN 0 THEN ARRAY['DR', x, NULL, 'CR', balance.rewritten(x), NULL]
        WHEN 1 THEN ARRAY['DR', x, NULL, 'CR', x, NULL]
        WHEN 2 THEN ARRAY['DR', 'gross_amount', NULL, 'CR', 'tabarru_amount', NULL, 'CR', 'tanahud_amount', NULL, 'CR', 'investment_amount + ujroh_amount', NULL]
        WHEN 3 THEN ARRAY['DR', x, NULL, 'CR', format('(%s) * %s', x, balance.pick('0.5', '0.3', '0')), c, 'CR', NULL, NULL]
        WHEN 4 THEN ARRAY['DR', x, NULL, 'CR', format('(%s) * 0.3', x), NULL, 'CR', format('(%s) * 0.7', x), NULL]
        WHEN 5 THEN ARRAY['DR', format('CASE WHEN %s THEN %s ELSE %s END', c, x, y), NULL, 'CR', x, c, 'CR', y, format('(%s) IS NOT TRUE', c)]
        WHEN 6 THEN ARRAY['DR', x, c, 'DR', x, format('NOT (%s)', c), 'CR', balance.rewritten(x), NULL]
        WHEN 7 THEN ARRAY['DR', format('greatest(%s, %s)', x, y), NULL, 'DR', format('least(%s, %s)', x, y), NULL, 'CR', x, NULL, 'CR', y, NULL]
        WHEN 8 THEN ARRAY['DR', x, c, 'CR', balance.rewritten(x), c]
        WHEN 9 THEN ARRAY['DR', 'whole_amount', NULL, 'CR', 'net_amount', NULL, 'CR', 'cut_amount', NULL]
        WHEN 10 THEN ARRAY['DR', format('round(%s, 2)', x), NULL, 'DR', format('(%s) - round(%s, 2)', x, x), NULL, 'CR', x, NULL]
        ELSE ARRAY['DR', x, NULL, 'CR', y, NULL] END;
END
$$;

CREATE FUNCTION balance.make_template(code text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    line text[];
    fund text;
    n integer := 0;
BEGIN
    INSERT INTO acct.journal_template (template_code, status, maker, approver, balance_by_fund, require_balanced, negative_policy, skip_zero_lines)
    VALUES (code, 'approved', 'one', 'another', balance.dice(2) = 0, balance.dice(2) = 0, balance.pick('swap', 'swap', 'reject'), balance.dice(2) = 0);
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, product_code, channel, condition_expr)
    VALUES (code, 1, code, CASE balance.dice(4) WHEN 0 THEN 'PM' END, CASE balance.dice(5) WHEN 0 THEN 'BANCA' END,
            CASE balance.dice(3) WHEN 0 THEN balance.condition(1) END);
    FOREACH fund IN ARRAY (ARRAY['F1', 'F2', 'F3'])[1:1 + balance.dice(2)] LOOP
        line := balance.lines();
        FOR i IN 0 .. cardinality(line) / 3 - 1 LOOP
            n := n + 1;
            INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, condition_expr)
            VALUES (code, n, line[3 * i + 1], 'A' || n, fund, line[3 * i + 2], line[3 * i + 2] IS NULL, line[3 * i + 3]);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION balance.amount() RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT CASE balance.dice(10) WHEN 0 THEN 0 WHEN 1 THEN balance.dice(200) - 100 WHEN 2 THEN (balance.dice(2001) - 1000) / 1000.0 WHEN 3 THEN balance.dice(20001) / 10000.0
           WHEN 4 THEN 100 WHEN 5 THEN balance.dice(100000) / 100.0 WHEN 6 THEN (balance.dice(200001) - 100000) / 10000.0
           WHEN 7 THEN 1000000000000 + balance.dice(1000) / 10000.0 WHEN 8 THEN 5 + balance.dice(21) / 2000.0 ELSE balance.dice(1000000) / 100.0 END
$$;

-- Random transactions, as JSON, that the source's constraints admit
CREATE FUNCTION balance.transactions(count integer) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_agg(to_jsonb(s)) FROM (
        SELECT x.n AS txn_id, date '2025-01-01' AS txn_month, 0 AS batch_id, date '2025-01-01' + balance.dice(31) AS bank_value_date, 'MAIN' AS entity_code, '' AS txn_type,
               balance.pick('PM', 'P') AS product_code, balance.pick('A', 'BANCA', 'C') AS channel, balance.pick('IDR', 'C0', 'C3', 'C4') AS currency,
               x.t + x.n2 + x.i + x.u AS gross_amount, x.t AS tabarru_amount, x.n2 AS tanahud_amount, x.i AS investment_amount, x.u AS ujroh_amount,
               CASE balance.dice(8) WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN balance.pick('Infinity', '-Infinity')::numeric WHEN 3 THEN random()::numeric
                    ELSE balance.amount() END AS fee,
               balance.dice(200) / 100.0 AS rate, balance.dice(32) AS days, balance.pick('X', 'Y', NULL) AS kind,
               CASE balance.dice(3) WHEN 0 THEN true WHEN 1 THEN false END AS flag, x.w - x.c AS net_amount, x.c AS cut_amount, x.w AS whole_amount,
               CASE balance.dice(5) WHEN 0 THEN NULL ELSE jsonb_build_object('a', CASE balance.dice(5) WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE balance.amount()::text END)
                    END AS attributes
          FROM generate_series(1, count) AS n,
               LATERAL (SELECT n, balance.amount() AS t, CASE balance.dice(2) WHEN 0 THEN 0 ELSE balance.amount() END AS n2,
                               CASE balance.dice(2) WHEN 0 THEN 0 ELSE balance.amount() END AS i, CASE balance.dice(2) WHEN 0 THEN 0 ELSE balance.amount() END AS u,
                               CASE balance.dice(12) WHEN 0 THEN 'NaN' ELSE balance.amount() END AS w, CASE balance.dice(12) WHEN 0 THEN 'NaN' ELSE balance.amount() END AS c) AS x) AS s
$$;

CREATE TABLE balance.verdict (template text, fund text, verdict text, reason text, counterexample jsonb, refuted_by_random boolean);

-- Makes a template, has it checked, and tries it on the random transactions.
CREATE FUNCTION balance.try_case(code text, transactions jsonb) RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v record;
    made CONSTANT jsonb := (SELECT jsonb_agg(t || jsonb_build_object('txn_type', code)) FROM jsonb_array_elements(transactions) AS t);
BEGIN
    PERFORM balance.make_template(code);
    DROP TABLE IF EXISTS difference;
    CREATE TEMP TABLE difference (number integer, fund text, amount numeric);
    INSERT INTO difference
    SELECT r.number, r.fund, sum(r.debit) - sum(r.credit) FROM acct._try_transactions('{}', '2025-01-01', 'PRIMARY', made) AS r
     WHERE r.line_no IS NOT NULL AND r.template_code = code GROUP BY GROUPING SETS ((r.number, r.fund), (r.number));
    FOR v IN SELECT * FROM acct.check_balance(code) LOOP
        INSERT INTO balance.verdict
        SELECT v.template, v.fund, v.verdict, v.reason, v.counterexample,
               EXISTS (SELECT FROM difference AS d WHERE d.fund IS NOT DISTINCT FROM v.fund AND d.amount <> 0);
        RETURN QUERY SELECT format('case %s, fund %s: proved (%s), and out of balance by %s: %s', code, v.fund, v.reason, d.amount, made -> (d.number - 1))
                       FROM difference AS d WHERE v.verdict = 'proved' AND d.fund IS NOT DISTINCT FROM v.fund AND d.amount <> 0 LIMIT 1;
        RETURN QUERY SELECT format('case %s, fund %s: refuted without a transaction', code, v.fund)
                      WHERE v.verdict = 'refuted' AND v.counterexample #>> '{transaction,txn_type}' IS DISTINCT FROM code;
    END LOOP;
END
$$;

-- Loads the transactions that refute, expands them, and compares what was booked, or set aside.
CREATE FUNCTION balance.confirm() RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    run bigint;
BEGIN
    CREATE TEMP TABLE refuting AS
    SELECT row_number() OVER () AS txn_id, v.* FROM balance.verdict AS v WHERE v.verdict = 'refuted';
    PERFORM FROM acct.rotate_txn_source_partitions(0, '2000-01-01');
    INSERT INTO acct.txn_source_parent
    SELECT (jsonb_populate_record(NULL::acct.txn_source_parent,
                                  r.counterexample -> 'transaction' || jsonb_build_object('txn_id', r.txn_id, 'batch_id', acct.current_batch()))).*
      FROM refuting AS r;
    run := acct.create_run('2000-01-01');
    PERFORM FROM acct.expand_journals(run);
    RETURN QUERY
        SELECT format('case %s, fund %s: transaction %s comes to %s', r.template, r.fund, r.counterexample -> 'transaction', coalesce(e.reason, b.difference::text, 'nothing'))
          FROM refuting AS r
          LEFT JOIN acct.je_exception AS e ON (e.run_id, e.txn_id) = (run, r.txn_id)
          LEFT JOIN LATERAL (SELECT sum(l.debit - l.credit) AS difference FROM acct.je_line_staging AS l
                              WHERE (l.run_id, l.txn_id) = (run, r.txn_id) AND (l.fund = r.fund OR r.fund IS NULL)) AS b ON true
         WHERE e.reason IS DISTINCT FROM r.counterexample ->> 'outcome'
           AND (e.reason IS NOT NULL OR coalesce(b.difference, 0) = 0 OR b.difference <> (r.counterexample ->> 'debit')::numeric - (r.counterexample ->> 'credit')::numeric);
    RETURN QUERY SELECT '@count confirmed ' || count(*) FROM refuting;
END
$$;

CREATE FUNCTION balance.run(first bigint, cases integer, rows integer) RETURNS SETOF text LANGUAGE plpgsql VOLATILE
    SET ledger_engine.maintenance = on AS $$
DECLARE
    n bigint;
BEGIN
    FOR n IN SELECT generate_series(first, first + cases - 1) LOOP
        PERFORM setseed(mod(hashtextextended('balance', n), 1000000007) / 1000000007.0::double precision);
        BEGIN
            RETURN QUERY SELECT * FROM balance.try_case('T' || n, balance.transactions(rows));
        EXCEPTION WHEN SQLSTATE 'LE003' THEN
            -- A constant part that cannot be computed
            RETURN NEXT '@count refused 1';
        END;
    END LOOP;
    RETURN QUERY SELECT c FROM balance.confirm() AS c;
    RETURN QUERY SELECT format('@count %s %s', v.verdict, count(*)) FROM balance.verdict AS v GROUP BY v.verdict;
    RETURN QUERY SELECT format('@count templates %s', count(DISTINCT v.template)) FROM balance.verdict AS v;
    RETURN QUERY SELECT format('@count data_only_but_refuted_by_random_rows %s', count(*)) FROM balance.verdict AS v WHERE v.verdict = 'data_only' AND v.refuted_by_random;
END
$$;

-- The reference against figures worked out by hand, and the engine against the reference over the same transactions:
-- ref.check_figures() returns a line for each difference. To be run in a transaction that is rolled back.

CREATE TABLE ref.figure (
    txn_id bigint NOT NULL,
    what text NOT NULL, -- the type of the transaction is the template's code
    amount numeric NOT NULL,
    currency text NOT NULL DEFAULT 'IDR',
    value_date date NOT NULL DEFAULT '2025-01-15',
    expected text NOT NULL,
    PRIMARY KEY (txn_id)
);
COMMENT ON TABLE ref.figure IS 'expected: the lines as line_no:account/fund:amount, debits positive, or the reason and its line';

INSERT INTO ref.figure (txn_id, what, amount, currency, value_date, expected) VALUES
    -- Thirds, the last one balancing.
    (1, 'THIRDS', 1000, 'IDR', '2025-01-15', '1:BANK/F:1000 2:X/F:-333.33 3:X/F:-333.33 4:X/F:-333.34'),
    (2, 'THIRDS', 1000, 'JPY', '2025-01-15', '1:BANK/F:1000 2:X/F:-333 3:X/F:-333 4:X/F:-334'),
    (3, 'THIRDS', 0.01, 'IDR', '2025-01-15', '1:BANK/F:0.01 4:X/F:-0.01'),
    (4, 'THIRDS', 0.005, 'IDR', '2025-01-15', '1:BANK/F:0.01 4:X/F:-0.01'),
    (5, 'THIRDS', 0.0049, 'IDR', '2025-01-15', 'NO_LINES'),
    (6, 'THIRDS', -1000, 'IDR', '2025-01-15', '1:BANK/F:-1000 2:X/F:333.33 3:X/F:333.33 4:X/F:333.34'),
    (7, 'THIRDS', -0.005, 'IDR', '2025-01-15', '1:BANK/F:-0.01 4:X/F:0.01'),
    (8, 'THIRDS', 5, 'JPY', '2025-01-15', '1:BANK/F:5 2:X/F:-2 3:X/F:-2 4:X/F:-1'),
    -- What comes before any template, and in which order.
    (9, 'THIRDS', 5, 'ZZZ', '2023-12-31', 'BAD_DATE'),
    (10, 'THIRDS', 5, 'IDR', '2026-01-02', 'BAD_DATE'),
    (11, 'THIRDS', 5, 'IDR', '2026-01-01', '1:BANK/F:5 2:X/F:-1.67 3:X/F:-1.67 4:X/F:-1.66'),
    (12, 'THIRDS', 5, 'ZZZ', '2025-03-01', 'UNKNOWN_CURRENCY'),
    (13, 'THIRDS', 5, 'IDR', '2025-03-31', 'PERIOD_CLOSED'),
    (14, 'NOTHING', 5, 'IDR', '2025-01-15', 'NO_TEMPLATE'),
    -- Amounts: the first line that fails, balancing lines last.
    (15, 'STRICT', 100, 'IDR', '2025-01-15', '1:X/F:-100 2:BANK/F:100'),
    (16, 'STRICT', -100, 'IDR', '2025-01-15', 'NEGATIVE_AMOUNT 2'),
    (17, 'STRICT', -0.004, 'IDR', '2025-01-15', 'NO_LINES'),
    (18, 'BROKEN', 0, 'IDR', '2025-01-15', 'AMOUNT_ERROR 2'),
    (19, 'BROKEN', 1, 'IDR', '2025-01-15', 'AMOUNT_NULL 3'),
    (20, 'BROKEN', 2, 'IDR', '2025-01-15', 'AMOUNT_RANGE 4'),
    (21, 'BROKEN', 3, 'IDR', '2025-01-15', '1:BANK/F:3 2:X/F:-1 4:X/F:-2'),
    (22, 'BROKEN', 4, 'IDR', '2025-01-15', 'CONDITION_ERROR 3'),
    -- Conditions of match rules: false, NULL, error, then what is left.
    (23, 'CHOOSE', 10, 'IDR', '2025-01-15', '1:BANK/F:10 2:X/F:-10'),
    (24, 'CHOOSE', 0, 'IDR', '2025-01-15', 'CONDITION_ERROR'),
    (25, 'CHOOSE', 1000, 'IDR', '2025-01-15', 'IGNORED'),
    -- The newest approved version on the day; a draft is none.
    (26, 'VERSION', 10, 'IDR', '2025-01-09', '1:BANK/F:10 2:X/F:-10'),
    (27, 'VERSION', 10, 'IDR', '2025-01-10', '1:BANK/F:20 2:X/F:-20'),
    (28, 'VERSION', 10, 'IDR', '2025-01-20', '1:BANK/F:10 2:X/F:-10'),
    -- Accounts: mapped ones, those not in effect, zero lines need none; two funds that do not balance by themselves.
    (29, 'MAPPED', 10, 'IDR', '2025-01-15', '1:M1/G:10 2:M2/G:-10'),
    (30, 'MAPPED', 10, 'IDR', '2025-01-20', '1:M3/G:10 2:M2/G:-10'),
    (31, 'MAPPED', 10, 'IDR', '2025-02-01', 'UNKNOWN_ACCOUNT 2'),
    (32, 'MAPPED', 0, 'IDR', '2025-02-01', 'NO_LINES'),
    (33, 'FUNDS', 10, 'IDR', '2025-01-15', 'UNBALANCED_FUND'),
    (34, 'FUNDS', 0, 'IDR', '2025-01-15', '1:BANK/F:0 2:M2/G:0'),
    (35, 'LOOSE', 10, 'IDR', '2025-01-15', '1:BANK/F:10'),
    (36, 'TIGHT', 10, 'IDR', '2025-01-15', 'UNBALANCED');

CREATE FUNCTION ref.figure_policy() RETURNS void
LANGUAGE sql SET ledger_engine.maintenance = on AS $$
    INSERT INTO acct.currency (currency, minor_units) VALUES ('IDR', 2), ('JPY', 0) ON CONFLICT DO NOTHING;
    INSERT INTO acct.fund (fund, name, fund_type) VALUES ('F', 'F', 'OTHER'), ('G', 'G', 'OTHER');
    INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, effective_to)
    VALUES ('BANK', 'b', 'ASSET', 'F', NULL), ('X', 'x', 'ASSET', NULL, NULL), ('M1', 'm', 'ASSET', 'G', NULL),
           ('M2', 'm', 'ASSET', NULL, '2025-02-01'), ('M3', 'm', 'ASSET', NULL, NULL);
    INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from)
    VALUES ('P', NULL, 'X', 'G', 'M2', 'G', '2025-01-01'), ('P', 'C', 'LATER', 'G', 'M1', 'G', '2025-01-01'),
           ('P', 'C', 'LATER', 'G', 'M3', 'G', '2025-01-20'), ('P', NULL, 'LATER', 'G', 'NONE', 'G', '2025-01-20'),
           ('P', 'D', 'X', 'G', 'NONE', 'G', '2025-01-01');
    INSERT INTO acct.accounting_period (entity_code, basis, period_month, is_open) VALUES ('MAIN', 'PRIMARY', '2025-03-01', false);
    INSERT INTO acct.journal_template (template_code, version, template_type, status, effective_from, effective_to, require_balanced,
                                       balance_by_fund, skip_zero_lines, negative_policy, maker, approver)
    VALUES ('THIRDS', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('STRICT', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'reject', 'a', 'b'),
           ('BROKEN', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('CHOOSE', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('CHOOSE_NOT', 1, 'IGNORE', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('VERSION', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('VERSION', 2, 'STANDARD', 'retired', '2025-01-10', '2025-01-20', true, true, true, 'swap', 'a', 'b'),
           ('VERSION', 3, 'STANDARD', 'draft', '2025-01-01', NULL, true, true, true, 'swap', 'a', NULL),
           ('MAPPED', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, true, 'swap', 'a', 'b'),
           ('FUNDS', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, true, false, 'swap', 'a', 'b'),
           ('LOOSE', 1, 'STANDARD', 'approved', '2000-01-01', NULL, false, false, true, 'swap', 'a', 'b'),
           ('TIGHT', 1, 'STANDARD', 'approved', '2000-01-01', NULL, true, false, true, 'swap', 'a', 'b');
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, condition_expr, priority)
    SELECT t.template_code, t.version, 1, t.template_code, NULL, 100
      FROM acct.journal_template AS t WHERE t.template_code NOT LIKE 'CHOOSE%';
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, condition_expr, priority)
    VALUES ('CHOOSE', 1, 1, 'CHOOSE', 'gross_amount < 0', 1), ('CHOOSE', 1, 2, 'CHOOSE', 'policy_no = ''x''', 2),
           ('CHOOSE', 1, 3, 'CHOOSE', '100 / :gross_amount >= 1', 3), ('CHOOSE_NOT', 1, 1, NULL, '"txn_type" = ''CHOOSE''', 4),
           ('CHOOSE', 1, 4, NULL, 'txn_type = ''CHOOSE''', 5);
    -- A rule with a code named goes before one without, whatever the template's code.
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, channel, priority)
    VALUES ('TIGHT', 1, 2, 'LOOSE', NULL, 100), ('LOOSE', 1, 2, 'LOOSE', 'C', 100);
    INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing,
                                            condition_expr)
    VALUES ('THIRDS', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('THIRDS', 1, 2, 'CR', 'X', 'F', ':gross_amount / 3', false, NULL),
           ('THIRDS', 1, 3, 'CR', 'X', 'F', 'gross_amount / 3', false, NULL),
           ('THIRDS', 1, 4, 'CR', 'X', 'F', NULL, true, NULL),
           ('STRICT', 1, 1, 'CR', 'X', 'F', NULL, true, NULL),
           ('STRICT', 1, 2, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('BROKEN', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('BROKEN', 1, 2, 'CR', 'X', 'F', 'gross_amount / gross_amount', false, NULL),
           ('BROKEN', 1, 3, 'CR', 'X', 'F', 'NULL::numeric', false, 'CASE WHEN gross_amount < 3 THEN gross_amount = 1 '
                                                                 'WHEN gross_amount < 4 THEN NULL ELSE 1 / (gross_amount - 4) > 0 END'),
           ('BROKEN', 1, 4, 'CR', 'X', 'F', 'CASE WHEN gross_amount = 2 THEN 9999999999999999.995 ELSE 2 END', false, NULL),
           ('CHOOSE', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('CHOOSE', 1, 2, 'CR', 'X', 'F', 'gross_amount', false, NULL),
           ('VERSION', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('VERSION', 1, 2, 'CR', 'X', 'F', 'gross_amount', false, NULL),
           ('VERSION', 2, 1, 'DR', 'BANK', 'F', '2 * gross_amount', false, NULL),
           ('VERSION', 2, 2, 'CR', 'X', 'F', '2 * gross_amount', false, NULL),
           ('VERSION', 3, 1, 'DR', 'BANK', 'F', '3 * gross_amount', false, NULL),
           ('MAPPED', 1, 1, 'DR', 'LATER', 'G', 'gross_amount', false, NULL),
           ('MAPPED', 1, 2, 'CR', 'X', 'G', 'gross_amount', false, NULL),
           ('MAPPED', 1, 3, 'CR', 'NONE', 'G', '0', false, NULL),
           ('FUNDS', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('FUNDS', 1, 2, 'CR', 'X', 'G', 'gross_amount', false, NULL),
           ('LOOSE', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL),
           ('TIGHT', 1, 1, 'DR', 'BANK', 'F', 'gross_amount', false, NULL)
$$;

CREATE FUNCTION ref.check_figures() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    run bigint;
BEGIN
    PERFORM ref.figure_policy();
    PERFORM acct.rotate_txn_source_partitions(0, '2025-01-01');
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount,
                                        tabarru_amount)
    SELECT f.txn_id, '2025-01-01', f.value_date, f.what, 'P', 'C', f.currency, f.amount, f.amount FROM ref.figure AS f;
    run := acct.create_run('2025-01-01');
    PERFORM ref.expand(run);
    RETURN QUERY
    SELECT format('figure %s: expected %s, the reference has %s', f.txn_id, f.expected, coalesce(a.actual, 'nothing'))
      FROM ref.figure AS f
     CROSS JOIN LATERAL (
           SELECT coalesce(
               (SELECT string_agg(format('%s:%s/%s:%s', l.line_no, l.account_code, l.fund, trim_scale(l.debit - l.credit)), ' '
                                  ORDER BY l.line_no)
                  FROM ref.line AS l WHERE l.run_id = run AND l.txn_id = f.txn_id),
               (SELECT concat_ws(' ', e.reason, e.line_no) FROM ref.exception AS e WHERE e.run_id = run AND e.txn_id = f.txn_id),
               (SELECT 'IGNORED' FROM ref.ignored AS i WHERE i.run_id = run AND i.txn_id = f.txn_id)) AS actual) AS a
     WHERE a.actual IS DISTINCT FROM f.expected ORDER BY f.txn_id;
    PERFORM acct.expand_journals(run);
    RETURN QUERY SELECT ref.compare(run);
END
$$;

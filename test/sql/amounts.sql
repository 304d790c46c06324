-- Amounts: rounding, balancing lines, signs, zero lines, limits; and accounts, as mapped
\set topic amounts
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');

-- Half away from zero, to 0 .. 4 decimals, line by line
CALL public.policy('ROUND', '{DR 1000 F1 :gross_amount * (:attributes ->> ''by'')::numeric,CR 2000 F1 *}');
CREATE TEMP TABLE rounding (currency text, by numeric, expected numeric);
INSERT INTO rounding VALUES
    ('CY0', 0.5, 1), ('CY0', 1.5, 2), ('CY0', 2.5, 3), ('CY0', 0.49999, 0), ('CY0', 2.4999999999999999999999, 2), ('CY0', -0.5, -1), ('CY0', -2.5, -3), ('CY0', -2.4999, -2),
    ('CY1', 0.05, 0.1), ('CY1', 0.15, 0.2), ('CY1', 0.25, 0.3), ('CY1', 0.0499999, 0), ('CY1', -0.25, -0.3), ('CY1', 99999.95, 100000),
    ('IDR', 0.005, 0.01), ('IDR', 0.015, 0.02), ('IDR', 0.025, 0.03), ('IDR', 1.005, 1.01), ('IDR', 1.00499999999999999999999999999, 1), ('IDR', -1.005, -1.01), ('IDR', 33.335, 33.34), ('IDR', 12345678.995, 12345679),
    ('CY3', 0.0005, 0.001), ('CY3', 0.0015, 0.002), ('CY3', -0.0025, -0.003), ('CY3', 7.12349, 7.123),
    ('CY4', 0.00005, 0.0001), ('CY4', 0.00015, 0.0002), ('CY4', -0.00025, -0.0003), ('CY4', 7.123449, 7.1234), ('CY4', 0.00004999, 0), ('CY4', 1e-30, 0),
    ('CY4', 9999.99995, 10000), ('CY4', 0.1, 0.1), ('CY0', 100000000, 100000000), ('IDR', 1e-1000, 0), ('CY2', 1, NULL);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, attributes)
SELECT row_number() OVER (), '2025-01-01', '2025-01-01', 'ROUND', 'P', 'C', currency, 1, 1, jsonb_build_object('by', by::text) FROM rounding;
SELECT public.expanded('2025-01-01') AS run \gset
SELECT count(*) AS amounts,
       count(*) FILTER (WHERE coalesce(l.debit - l.credit, CASE e.reason WHEN 'NO_LINES' THEN 0 END) IS DISTINCT FROM r.expected) AS different,
       count(*) FILTER (WHERE l.debit + l.credit <> abs(round(r.by, c.minor_units))) AS not_as_round
  FROM (SELECT *, row_number() OVER () AS txn_id FROM rounding) AS r
  LEFT JOIN acct.currency AS c ON c.currency = r.currency
  LEFT JOIN acct.je_line_staging AS l ON l.run_id = :run AND l.txn_id = r.txn_id AND l.line_no = 1
  LEFT JOIN acct.je_exception AS e ON e.run_id = :run AND e.txn_id = r.txn_id;
SELECT txn_id, reason FROM acct.je_exception WHERE run_id = :run ORDER BY txn_id;

-- The balancing line takes what is left after rounding; several funds have one each; its side turns where it must.
CALL public.policy('THIRDS', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount / 3,CR 3000 F1 :gross_amount / 3,CR 4000 F1 *}');
CALL public.policy('FIRST', '{CR 4000 F1 *,DR 1000 F1 :gross_amount}');
CALL public.policy('FUNDS', '{DR 1000 F1 :gross_amount * 0.3,CR 2000 F1 *,DR 1000 F2 :gross_amount * 0.7,CR 2000 F2 *}');
CALL public.policy('TURNS', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount * 1.5,CR 3000 F1 *}');
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount,CR 3000 F1 *}');
CALL public.policy('DRSIDE', '{CR 2000 F1 :gross_amount / 7,DR 1000 F1 *}');
CALL public.txn(1, '2025-02-01', 'THIRDS', 1000);
CALL public.txn(2, '2025-02-01', 'THIRDS', 1000, currency => 'CY0');
CALL public.txn(3, '2025-02-01', 'THIRDS', 1000, currency => 'CY4');
CALL public.txn(4, '2025-02-01', 'THIRDS', 0.01);
CALL public.txn(5, '2025-02-01', 'THIRDS', 0.02);
CALL public.txn(6, '2025-02-01', 'THIRDS', -1000);
CALL public.txn(7, '2025-02-01', 'FIRST', 12.345);
CALL public.txn(8, '2025-02-01', 'FUNDS', 100.01);
CALL public.txn(9, '2025-02-01', 'TURNS', 100);
CALL public.txn(10, '2025-02-01', 'NOTHING', 100);
CALL public.txn(11, '2025-02-01', 'DRSIDE', 1);
CALL public.txn(12, '2025-02-01', 'DRSIDE', -1);
SELECT public.expanded('2025-02-01') AS run \gset
SELECT txn_id, template, outcome FROM public.outcome(:run);

-- Negative amounts turn the side of their line, or are refused; so is a balancing line's, and a line rounded to zero has no sign.
CALL public.policy('SWAP', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount}');
CALL public.policy('REJECT', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount}', NULL, '{"negative_policy": "reject"}');
CALL public.policy('REJECT_REST', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount + 1,CR 3000 F1 *}', NULL, '{"negative_policy": "reject"}');
CALL public.policy('MIXED', '{DR 1000 F1 :gross_amount,DR 5000 F1 -:gross_amount + 1,CR 2000 F1 *}');
CALL public.txn(1, '2025-03-01', 'SWAP', -5.55);
CALL public.txn(2, '2025-03-01', 'REJECT', -5.55);
CALL public.txn(3, '2025-03-01', 'REJECT', 5.55);
CALL public.txn(4, '2025-03-01', 'REJECT', -0.004);
CALL public.txn(5, '2025-03-01', 'REJECT_REST', 5);
CALL public.txn(6, '2025-03-01', 'MIXED', 5);
CALL public.txn(7, '2025-03-01', 'REJECT', -0.005);
SELECT public.expanded('2025-03-01') AS run \gset
SELECT txn_id, template, outcome FROM public.outcome(:run);

-- Zero lines are left out, with an account that need not be valid; or kept, and then it must be. Conditions of lines.
CALL public.policy('ZERO', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount,DR 5000 F1 :ujroh_amount,CR 4000 F1 :ujroh_amount}');
CALL public.policy('ZEROKEPT', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount,DR 5000 F1 :ujroh_amount,CR 4000 F1 *}', NULL, '{"skip_zero_lines": false}');
CALL public.policy('COND', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount * 0.1 IF :gross_amount > 100,CR 3000 F1 :gross_amount / 0 IF :gross_amount > 1000,CR 4000 F1 *}');
CALL public.policy('CONDKEPT', '{DR 1000 F1 :gross_amount IF :gross_amount > 100,CR 2000 F1 :gross_amount IF :policy_no = ''x'',DR 1000 F1 0,CR 4000 F1 *}', NULL, '{"skip_zero_lines": false}');
CALL public.txn(1, '2025-04-01', 'ZERO');
CALL public.txn(2, '2025-04-01', 'ZERO', 0);
CALL public.txn(3, '2025-04-01', 'ZERO', 0.0049);
CALL public.txn(4, '2025-04-01', 'ZEROKEPT');
CALL public.txn(5, '2025-04-01', 'ZEROKEPT', 0);
CALL public.txn(6, '2025-04-01', 'COND', 100);
CALL public.txn(7, '2025-04-01', 'COND', 101);
CALL public.txn(8, '2025-04-01', 'COND', 1001);
CALL public.txn(9, '2025-04-01', 'CONDKEPT', 100);
CALL public.txn(10, '2025-04-01', 'CONDKEPT', 101);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, effective_to) VALUES ('GONE', 'To be closed', 'ASSET', '2025-04-01');
CALL public.policy('LATER', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount,DR GONE F1 0,CR GONE F1 :ujroh_amount}');
CALL public.policy('LATERKEPT', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount,DR GONE F1 0}', NULL, '{"skip_zero_lines": false}');
CALL public.txn(11, '2025-04-01', 'LATER');
CALL public.txn(12, '2025-04-01', 'LATERKEPT');
SELECT public.expanded('2025-04-01') AS run \gset
SELECT txn_id, template, outcome FROM public.outcome(:run);
SELECT h.txn_id, h.total_debit, h.total_credit, h.line_count FROM acct.je_header_staging AS h WHERE h.run_id = :run ORDER BY h.txn_id;

-- NULL, NaN, too large, division by zero: that transaction alone
CALL public.policy('ATTR', '{DR 1000 F1 (:attributes ->> ''a'')::numeric,CR 2000 F1 *}');
CALL public.policy('DIVIDE', '{DR 1000 F1 :gross_amount / (:gross_amount - 5),CR 2000 F1 *}');
CALL public.policy('LINECOND', '{DR 1000 F1 1,CR 2000 F1 1 IF 1 / (:gross_amount - 5) > 0}');
CALL public.policy('HUGE', '{DR 1000 F1 :gross_amount,DR 5000 F1 :gross_amount,CR 2000 F1 :gross_amount,CR 3000 F1 :gross_amount}');
CALL public.policy('POWER', '{DR 1000 F1 :gross_amount ^ 100.0,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, attributes)
SELECT n, '2025-05-01', '2025-05-01', 'ATTR', 'P', 'C', 'CY4', 1, 1, a
  FROM unnest(ARRAY['{"a": 1}', '{}', NULL, '{"a": null}', '{"a": "NaN"}', '{"a": "Infinity"}', '{"a": "-Infinity"}', '{"a": "abc"}', '{"a": ""}',
      '{"a": 9999999999999999.9999}', '{"a": 9999999999999999.99994}', '{"a": 9999999999999999.99995}', '{"a": -10000000000000000}', '{"a": 1e100}', '{"a": 1e-100}', '{"a": 2}']::jsonb[]) WITH ORDINALITY AS x (a, n);
CALL public.txn(20, '2025-05-01', 'DIVIDE', 5);
CALL public.txn(21, '2025-05-01', 'DIVIDE', 6);
CALL public.txn(22, '2025-05-01', 'LINECOND', 5);
CALL public.txn(23, '2025-05-01', 'LINECOND', 6);
CALL public.txn(24, '2025-05-01', 'HUGE', 5000000000000000, currency => 'CY4');
CALL public.txn(25, '2025-05-01', 'HUGE', 4999999999999999.9999, currency => 'CY4');
CALL public.policy('OVERFLOW', '{DR 1000 F1 :gross_amount ^ 100000.0,CR 2000 F1 *}');
CALL public.txn(26, '2025-05-01', 'POWER', 1e15);
CALL public.txn(27, '2025-05-01', 'POWER', 1);
CALL public.txn(28, '2025-05-01', 'OVERFLOW', 1e15);
SELECT acct.create_run('2025-05-01') AS run \gset
SELECT transactions, journals, exceptions FROM acct.expand_journals(:run);
SELECT txn_id, template, outcome FROM public.outcome(:run);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run);
SELECT journals, debit, credit FROM acct.post_journals(:run);

-- Accounts by product and channel: a row that names the channel goes first; by date; to another fund; once, not again.
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, is_postable, effective_from, effective_to)
VALUES ('2001', 'Of product P1', 'LIABILITY', NULL, true, '2000-01-01', NULL), ('2002', 'Of P1 and C1', 'LIABILITY', NULL, true, '2000-01-01', NULL), ('2003', 'New in July', 'LIABILITY', NULL, true, '2025-06-15', NULL),
       ('F2ONLY', 'Of the operator', 'LIABILITY', 'F2', true, '2000-01-01', NULL), ('HEAD', 'Heading', 'LIABILITY', NULL, false, '2000-01-01', NULL), ('OLD', 'Closed', 'LIABILITY', NULL, true, '2000-01-01', '2025-06-15');
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from, effective_to)
VALUES ('P1', NULL, '2000', 'F1', '2001', 'F1', '2000-01-01', NULL), ('P1', 'C1', '2000', 'F1', '2002', 'F1', '2000-01-01', NULL),
       ('P1', NULL, '2001', 'F1', '3000', 'F1', '2000-01-01', NULL),
       ('P2', NULL, '2000', 'F1', '2003', 'F1', '2025-06-15', NULL), ('P2', NULL, '2000', 'F1', '2001', 'F1', '2000-01-01', '2025-06-10'),
       ('P3', NULL, '2000', 'F1', '2000', 'F2', '2000-01-01', NULL), ('P4', NULL, '2000', 'F1', 'NONE', 'F1', '2000-01-01', NULL),
       ('P5', NULL, '2000', 'F1', '2000', 'F9', '2000-01-01', NULL), ('P6', NULL, '2000', 'F1', 'F2ONLY', 'F1', '2000-01-01', NULL), ('P6', 'C2', '2000', 'F1', 'F2ONLY', 'F2', '2000-01-01', NULL),
       ('P7', NULL, '2000', 'F1', 'HEAD', 'F1', '2000-01-01', NULL), ('P8', NULL, '2000', 'F1', 'OLD', 'F1', '2000-01-01', NULL), ('P9', NULL, '2000', 'F2', 'HEAD', 'F2', '2000-01-01', NULL);
CALL public.policy('MAP', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('MAPFREE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', NULL, '{"balance_by_fund": false}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', d, CASE WHEN p = 'P3' AND c = 'FREE' OR c = 'C2' THEN 'MAPFREE' ELSE 'MAP' END, p, c, 1, 1
  FROM (VALUES (1, '2025-06-01'::date, 'P0', 'C1'), (2, '2025-06-01', 'P1', 'C0'), (3, '2025-06-01', 'P1', 'C1'), (4, '2025-06-09', 'P2', 'C1'), (5, '2025-06-10', 'P2', 'C1'), (6, '2025-06-14', 'P2', 'C1'),
               (7, '2025-06-15', 'P2', 'C1'), (8, '2025-06-01', 'P3', 'C1'), (9, '2025-06-01', 'P3', 'FREE'), (10, '2025-06-01', 'P4', 'C1'), (11, '2025-06-01', 'P5', 'C1'), (12, '2025-06-01', 'P6', 'C1'), (13, '2025-06-01', 'P6', 'C2'),
               (14, '2025-06-01', 'P7', 'C1'), (15, '2025-06-14', 'P8', 'C1'), (16, '2025-06-15', 'P8', 'C1'), (17, '2025-06-01', 'P9', 'C1')) AS x (n, d, p, c);
SELECT public.expanded('2025-06-01') AS run \gset
SELECT o.txn_id, s.bank_value_date, s.product_code, s.channel, o.outcome FROM public.outcome(:run) AS o JOIN acct.txn_source_parent AS s ON s.txn_id = o.txn_id AND s.txn_month = '2025-06-01' ORDER BY 1;

-- Whether debits must equal credits, over all and in each fund
CALL public.policy('B1', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount - 1}');
CALL public.policy('B2', '{DR 1000 F1 :gross_amount,CR 2000 F2 :gross_amount}');
CALL public.policy('B3', '{DR 1000 F1 :gross_amount,CR 2000 F2 :gross_amount}', NULL, '{"balance_by_fund": false}');
CALL public.policy('B4', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount - 1}', NULL, '{"require_balanced": false, "balance_by_fund": false}');
CALL public.policy('B5', '{DR 1000 F1 :gross_amount}', NULL, '{"require_balanced": false, "balance_by_fund": false}');
CALL public.policy('B6', '{DR 1000 F1 :gross_amount,CR 2000 F2 :gross_amount - 1}', NULL, '{"require_balanced": false}');
CALL public.policy('B7', '{DR 1000 F1 :gross_amount / 3,DR 1000 F1 :gross_amount / 3,DR 1000 F1 :gross_amount / 3,CR 2000 F1 :gross_amount}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-07-01', '2025-07-01', 'B' || n, 'P', 'C', 100, 100 FROM generate_series(1, 7) AS n;
SELECT public.expanded('2025-07-01') AS run \gset
SELECT txn_id, template, outcome FROM public.outcome(:run);
-- A run with a journal that its template allows to be out of balance is posted.
SELECT check_name, passed FROM acct.validate_run(:run) WHERE NOT passed;
SELECT journals, debit, credit FROM acct.post_journals(:run);

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

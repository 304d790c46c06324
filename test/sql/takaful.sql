-- The takaful sample: its figures to the cent, a year of due-to and due-from, and the sample transactions.
-- It has a database of its own, so that no other test's templates or months meet it.
SET client_min_messages = warning;
SELECT current_database() AS regress_db \gset
DROP DATABASE IF EXISTS regress_takaful;
DROP ROLE IF EXISTS regress_takaful_maker, regress_takaful_checker;
CREATE DATABASE regress_takaful;
\c regress_takaful
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
\set why '\\echo :LAST_ERROR_MESSAGE'
SET search_path = acct, public;
CREATE EXTENSION ledger_engine;
SELECT acct.install();
SELECT acct.install_takaful_sample();
SELECT acct.install_takaful_sample();

--
-- The policy
--
-- Amounts with more decimals than the currency need not add up once they are rounded.
SELECT t.template_code, c.finding
  FROM acct.journal_template AS t, acct.check_template(t.template_code, t.version) AS c;
SELECT t.template_code, t.version, t.template_type, t.status, t.maker, t.approver = session_user AS approved_by_caller,
       t.negative_policy, m.txn_type, m.condition_expr, m.priority, t.effective_from
  FROM acct.journal_template AS t JOIN acct.journal_template_match AS m USING (template_code, version)
 ORDER BY t.template_code, m.match_no;
SELECT l.template_code, l.line_no, l.dr_cr, l.account_code, a.description, l.fund, coalesce(l.amount_expr, '*') AS amount
  FROM acct.journal_template_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
 ORDER BY l.template_code, l.line_no;

-- Each due-from account (F12C) has its due-to account (C22F), and the other way round: no row.
CREATE TEMP VIEW due AS
SELECT f.account_code AS due_from, t.account_code AS due_to, f.fund AS owed_to, t.fund AS owed_by
  FROM (SELECT * FROM acct.chart_of_accounts WHERE account_code ~ '^.12[1-9]$') AS f
  FULL JOIN (SELECT * FROM acct.chart_of_accounts WHERE account_code ~ '^.22[1-9]$') AS t
    ON t.account_code = right(f.account_code, 1) || '22' || left(f.account_code, 1);
SELECT * FROM due WHERE due_from IS NULL OR due_to IS NULL OR owed_to IS NULL OR owed_by IS NULL;
SELECT * FROM due ORDER BY due_from;
-- Each of them is an elimination pair, and qard is; funds have accounts for their surplus.
SELECT pair_code, description FROM acct.elimination_pair ORDER BY pair_code;
SELECT count(*) AS not_a_pair FROM due AS d WHERE NOT EXISTS (SELECT FROM acct.elimination_pair AS p WHERE (p.account_code, p.counter_account_code) = (d.due_from, d.due_to));
SELECT f.fund, a.account_code, a.description, a.account_type, a.fund = f.fund AS own FROM acct.fund AS f JOIN acct.chart_of_accounts AS a ON a.account_code = f.surplus_account_code ORDER BY a.account_code;

--
-- A template of one's own: an amount in three thirds, the last balancing. Its maker does not approve it.
--
CREATE ROLE regress_takaful_maker;
CREATE ROLE regress_takaful_checker;
GRANT USAGE ON SCHEMA acct TO regress_takaful_maker, regress_takaful_checker;
GRANT SELECT, INSERT ON acct.journal_template, acct.journal_template_match, acct.journal_template_line TO regress_takaful_maker;
GRANT EXECUTE ON FUNCTION acct.check_expression(text, text) TO regress_takaful_maker;
GRANT EXECUTE ON FUNCTION acct.submit_template(text, integer), acct.approve_template(text, integer, text)
   TO regress_takaful_maker, regress_takaful_checker;
SET SESSION AUTHORIZATION regress_takaful_maker;
INSERT INTO acct.journal_template (template_code, description) VALUES ('THIRDS', 'An amount in three parts');
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('THIRDS', 1, 'THIRDS');
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
VALUES ('THIRDS', 1, 'DR', '2110', 'TABARRU', ':gross_amount', false),
       ('THIRDS', 2, 'CR', '2210', 'TABARRU', ':gross_amount / 3', false),
       ('THIRDS', 3, 'CR', '2250', 'TABARRU', 'gross_amount / 3', false),
       ('THIRDS', 4, 'CR', '2260', 'TABARRU', NULL, true);
SELECT acct.submit_template('THIRDS', 1);
\set VERBOSITY sqlstate
SELECT acct.approve_template('THIRDS', 1); :why
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_takaful_checker;
SELECT acct.approve_template('THIRDS', 1);
RESET SESSION AUTHORIZATION;
SELECT status, maker, approver FROM acct.journal_template WHERE template_code = 'THIRDS';

--
-- The figures
--
SELECT * FROM acct.rotate_txn_source_partitions(0, '2024-06-01');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency,
                                    gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount)
VALUES
    -- 48,000,000 with ujrah 30 %, investment 20 %, tabarru' 50 %; 30 % of the tabarru' is ceded (txn 9).
    (1, '2024-06-01', '2024-06-03', 'CONTRIB', 'FAM-SAVE', 'AGENCY', 'IDR', 48000000, 24000000, 0, 9600000, 14400000),
    -- Accounts by product, and by product and channel: 2212, 2211; 4211.
    (2, '2024-06-01', '2024-06-03', 'CONTRIB', 'FAM-CREDIT', 'BANCA', 'IDR', 1000000, 600000, 0, 0, 400000),
    (3, '2024-06-01', '2024-06-03', 'CONTRIB', 'FAM-CREDIT', 'AGENCY', 'IDR', 1000000, 600000, 0, 0, 400000),
    (4, '2024-06-01', '2024-06-03', 'CONTRIB', 'FAM-HAJJ', 'DIRECT', 'IDR', 1000, 300, 100, 400, 200),
    (5, '2024-06-01', '2024-06-10', 'FUND_SETTLE', 'FAM-SAVE', 'AGENCY', 'IDR', 33600000, 24000000, 0, 9600000, 0),
    (6, '2024-06-01', '2024-06-30', 'UJRAH_EARN', 'FAM-SAVE', 'AGENCY', 'IDR', 1200000, 0, 0, 0, 1200000),
    (7, '2024-06-01', '2024-06-30', 'RELEASE', 'FAM-SAVE', 'AGENCY', 'IDR', 2000000, 2000000, 0, 0, 0),
    -- 1,000.01: tax 50.00 (50.0005), agent 950.01.
    (8, '2024-06-01', '2024-06-30', 'COMMISSION', 'FAM-SAVE', 'AGENCY', 'IDR', 1000.01, 0, 0, 0, 1000.01),
    -- 7,200,000: commission 1,440,000, payable 5,760,000.
    (9, '2024-06-01', '2024-06-30', 'RETAKAFUL', 'FAM-SAVE', 'AGENCY', 'IDR', 7200000, 7200000, 0, 0, 0),
    -- At the retention: CLAIM. Above: CLAIM_LARGE, recoverable 0.30 x 30,000,000 = 9,000,000.
    (10, '2024-06-01', '2024-06-30', 'CLAIM', 'FAM-SAVE', 'AGENCY', 'IDR', 50000000, 50000000, 0, 0, 0),
    (11, '2024-06-01', '2024-06-30', 'CLAIM', 'FAM-SAVE', 'AGENCY', 'IDR', 80000000, 80000000, 0, 0, 0),
    (12, '2024-06-01', '2024-06-30', 'CLAIM_PAY', 'FAM-SAVE', 'AGENCY', 'IDR', 80000000, 80000000, 0, 0, 0),
    (13, '2024-06-01', '2024-06-30', 'REFUND', 'FAM-SAVE', 'AGENCY', 'IDR', 1000, 500, 100, 200, 200),
    (14, '2024-06-01', '2024-06-30', 'SURRENDER', 'FAM-SAVE', 'AGENCY', 'IDR', 1000, 0, 0, 970, 30),
    -- A profit of 1,000.01: mudarib 300.00, participants 700.01. A loss of 500.00: no mudarib share, participants down 500.00.
    (15, '2024-06-01', '2024-06-30', 'INV_RETURN', 'FAM-SAVE', 'AGENCY', 'IDR', 1000.01, 0, 0, 1000.01, 0),
    (16, '2024-06-01', '2024-06-30', 'INV_RETURN', 'FAM-SAVE', 'AGENCY', 'IDR', -500, 0, 0, -500, 0),
    (17, '2024-06-01', '2024-06-30', 'DRIP', 'FAM-SAVE', 'AGENCY', 'IDR', 250.50, 250.50, 0, 0, 0),
    (18, '2024-06-01', '2024-06-30', 'QARD', 'FAM-SAVE', 'AGENCY', 'IDR', 5000000, 5000000, 0, 0, 0),
    -- 1,000.01: participants 600.01 (600.006), operator 200.00 (200.002), reserve 200.00.
    (19, '2024-06-01', '2024-06-30', 'SURPLUS', 'FAM-SAVE', 'AGENCY', 'IDR', 1000.01, 1000.01, 0, 0, 0),
    (20, '2024-06-01', '2024-06-30', 'MEMO', 'FAM-SAVE', 'AGENCY', 'IDR', 0, 0, 0, 0, 0),
    -- Exceptions: NO_TEMPLATE, UNKNOWN_CURRENCY, NEGATIVE_AMOUNT, NO_LINES.
    (21, '2024-06-01', '2024-06-30', 'UNKNOWN', 'FAM-SAVE', 'AGENCY', 'IDR', 1, 1, 0, 0, 0),
    (22, '2024-06-01', '2024-06-30', 'CONTRIB', 'FAM-SAVE', 'AGENCY', 'XXX', 1, 1, 0, 0, 0),
    (23, '2024-06-01', '2024-06-30', 'SURPLUS', 'FAM-SAVE', 'AGENCY', 'IDR', -1, -1, 0, 0, 0),
    (24, '2024-06-01', '2024-06-30', 'CONTRIB', 'FAM-SAVE', 'AGENCY', 'IDR', 0, 0, 0, 0, 0),
    -- 1,000.00 in thirds: 333.33 + 333.33 + 333.34; in JPY 333 + 333 + 334.
    (25, '2024-06-01', '2024-06-30', 'THIRDS', 'FAM-SAVE', 'AGENCY', 'IDR', 1000, 1000, 0, 0, 0),
    (26, '2024-06-01', '2024-06-30', 'THIRDS', 'FAM-SAVE', 'AGENCY', 'JPY', 1000, 1000, 0, 0, 0),
    -- A contribution taken back swaps the sides of every line.
    (27, '2024-06-01', '2024-06-30', 'CONTRIB', 'FAM-SAVE', 'AGENCY', 'IDR', -100, -50, 0, -20, -30),
    -- A cent above the retention: CLAIM_LARGE, whose retakaful share rounds to nothing.
    (28, '2024-06-01', '2024-06-30', 'CLAIM', 'FAM-SAVE', 'AGENCY', 'IDR', 50000000.01, 50000000.01, 0, 0, 0);

SELECT acct.create_run('2024-06-01', run_key => 'figures') AS run_id \gset
SELECT transactions, journals, lines, exceptions, ignored, trim_scale(debit) AS debit, trim_scale(credit) AS credit, already_done FROM acct.expand_journals(:run_id);
SELECT transactions, journals, lines, exceptions, ignored, trim_scale(debit) AS debit, trim_scale(credit) AS credit, already_done FROM acct.expand_journals(:run_id);
SELECT count(*) > 0 AS checked, bool_and(passed) AS passed FROM acct.validate_run(:run_id);
SELECT * FROM acct.validate_run(:run_id) WHERE NOT passed;
SELECT ledger_partition, journals, lines, trim_scale(debit) AS debit, trim_scale(credit) AS credit, already_done FROM acct.post_journals(:run_id);
SELECT ledger_partition, journals, lines, trim_scale(debit) AS debit, trim_scale(credit) AS credit, already_done FROM acct.post_journals(:run_id);
SELECT txn_id, reason, template_code, line_no FROM acct.je_exception WHERE run_id = :run_id ORDER BY txn_id;

SELECT l.txn_id, h.template_code, l.line_no, l.fund, l.account_code, a.description, l.currency,
       trim_scale(l.debit) AS debit, trim_scale(l.credit) AS credit
  FROM acct.ledger_entry_line AS l
  JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
  JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
 WHERE l.run_id = :run_id
 ORDER BY l.txn_id, l.line_no;
SELECT fund, account_code, description, currency, trim_scale(opening_balance) AS opening, trim_scale(period_debit) AS debit,
       trim_scale(period_credit) AS credit, trim_scale(closing_balance) AS closing
  FROM acct.trial_balance('2024-06-01', entity => 'MAIN');
SELECT fund, currency, trim_scale(sum(period_debit)) AS debit, trim_scale(sum(period_credit)) AS credit,
       trim_scale(sum(closing_balance)) AS closing
  FROM acct.trial_balance('2024-06-01', entity => 'MAIN') GROUP BY fund, currency ORDER BY fund, currency;

--
-- A year of contributions, settlements and refunds, with all else that one fund may owe another
--
SELECT count(*) AS partitions FROM acct.rotate_txn_source_partitions(11, '2023-01-01');
CREATE TEMP VIEW contribution AS
SELECT c.m, c.i, c.g, round(c.g * 0.4567, 2) AS t, round(c.g * 0.0333, 2) AS n, round(c.g * 0.2111, 2) AS inv,
       c.g - round(c.g * 0.4567, 2) - round(c.g * 0.0333, 2) - round(c.g * 0.2111, 2) AS u
  FROM (SELECT m, i, 10000 + m * 123.45 + i * 67.89 AS g
          FROM generate_series(1, 12) AS m, generate_series(1, 5) AS i) AS c;
INSERT INTO acct.entity (entity_code) VALUES ('YEAR');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel,
                                    gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount)
SELECT e.id, make_date(2023, e.m, 1), make_date(2023, e.m, e.day), 'YEAR', e.txn_type,
       (ARRAY['FAM-SAVE', 'FAM-CREDIT', 'FAM-HAJJ', 'GEN-MOTOR', 'FAM-EDU'])[e.id % 5 + 1], (ARRAY['BANCA', 'AGENCY'])[e.id % 2 + 1],
       e.t + e.n + e.inv + e.u, e.t, e.n, e.inv, e.u
  FROM (SELECT 20230000 + m * 100 + i AS id, m, 4 * i AS day, 'CONTRIB' AS txn_type, t, n, inv, u FROM contribution
        UNION ALL
        -- Last month's contributions are paid over, all but a tenth.
        SELECT 20230000 + (m + 1) * 100 + 11, m + 1, 10, 'FUND_SETTLE', round(sum(t) * 0.9, 2), round(sum(n) * 0.9, 2),
               round(sum(inv) * 0.9, 2), 0
          FROM contribution WHERE m < 12 GROUP BY m
        UNION ALL
        -- A contribution is given back each quarter, half of it.
        SELECT 20230000 + m * 100 + 12, m, 20, 'REFUND', round(t / 2, 2), round(n / 2, 2), round(inv / 2, 2), round(u / 2, 2)
          FROM contribution WHERE m % 3 = 0 AND i = 1
        UNION ALL
        SELECT 20230000 + m * 100 + 13, m, 28, 'INV_RETURN', 0, 0, CASE WHEN m % 4 = 0 THEN -77.77 ELSE 111.11 * m END, 0
          FROM generate_series(1, 12) AS m
        UNION ALL
        SELECT 20230000 + m * 100 + 14, m, 28, 'DRIP', 12.34 * m, 0, 0, 0 FROM generate_series(1, 12) AS m
        UNION ALL
        SELECT 20230000 + m * 100 + 15, m, 28, 'SURRENDER', 0, 0, 99.99 * m, 3.33 * m FROM generate_series(5, 11, 6) AS m
        UNION ALL
        VALUES (20231216, 12, 28, 'SURPLUS', 333.33, 0, 0, 0)) AS e;

SELECT m::date AS month, r.step, r.rows
  FROM generate_series(timestamp '2023-01-01', '2023-12-01', '1 month') AS m,
       LATERAL acct.run_month(m::date, run_key => 'year-' || to_char(m, 'MM')) AS r
 WHERE r.step IN ('expand', 'post') ORDER BY m, r.step;
SELECT count(*) AS exceptions FROM acct.je_exception WHERE txn_month BETWEEN '2023-01-01' AND '2023-12-01';

-- In each fund, each month: debits equal credits, and the closing balances come to nothing.
SELECT m::date AS month, t.fund, trim_scale(sum(t.period_debit)) AS debit, trim_scale(sum(t.period_credit)) AS credit,
       sum(t.period_debit) = sum(t.period_credit) AND sum(t.closing_balance) = 0 AS balanced
  FROM generate_series(timestamp '2023-01-01', '2023-12-01', '1 month') AS m,
       LATERAL acct.trial_balance(m::date, entity => 'YEAR') AS t
 GROUP BY 1, t.fund ORDER BY 1, t.fund;

-- Each due-to is equal and opposite to its due-from at the end of each month.
CREATE TEMP VIEW due_balance AS
SELECT e.entity_code, e.currency, m.month, d.due_from, d.due_to,
       coalesce(sum(s.closing_balance) FILTER (WHERE s.account_code = d.due_from), 0) AS due_from_balance,
       coalesce(sum(s.closing_balance) FILTER (WHERE s.account_code = d.due_to), 0) AS due_to_balance
  FROM due AS d
 CROSS JOIN (SELECT DISTINCT snapshot_month AS month FROM acct.account_balance_snapshot) AS m
 CROSS JOIN (SELECT DISTINCT entity_code, currency FROM acct.account_balance_snapshot) AS e
  LEFT JOIN acct.account_balance_snapshot AS s
    ON s.entity_code = e.entity_code AND s.currency = e.currency AND s.snapshot_month = m.month
   AND s.account_code IN (d.due_from, d.due_to)
 GROUP BY e.entity_code, e.currency, m.month, d.due_from, d.due_to;
SELECT due_from, due_to, count(*) FILTER (WHERE due_from_balance <> 0) AS months_with_balance,
       bool_and(due_from_balance = -due_to_balance) AS equal_and_opposite,
       trim_scale(max(due_from_balance) FILTER (WHERE month = '2023-12-01')) AS year_end
  FROM due_balance WHERE entity_code = 'YEAR' AND month BETWEEN '2023-01-01' AND '2023-12-01'
 GROUP BY due_from, due_to ORDER BY due_from;
-- What the operator owes at the year's end, from the transactions: a tenth of eleven months and all of December.
SELECT sum(t) - (SELECT sum(tabarru_amount) FROM acct.txn_source_parent WHERE entity_code = 'YEAR' AND txn_type = 'FUND_SETTLE') AS to_tabarru,
       sum(n) - (SELECT sum(tanahud_amount) FROM acct.txn_source_parent WHERE entity_code = 'YEAR' AND txn_type = 'FUND_SETTLE') AS to_tanahud,
       sum(inv) - (SELECT sum(investment_amount) FROM acct.txn_source_parent WHERE entity_code = 'YEAR' AND txn_type = 'FUND_SETTLE') AS to_invest
  FROM contribution;

--
-- Sample transactions: the file as a user loads it, and the same from the function
--
SELECT partition_name FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
\copy acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes) from 'test/data/transactions-2025-01.csv' csv header
CREATE TEMP VIEW loaded AS
SELECT txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount,
       tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes
  FROM acct.txn_source_parent;
SELECT count(*) AS rows, count(DISTINCT product_code) AS products, count(DISTINCT channel) AS channels,
       count(DISTINCT entity_code) AS entities, min(bank_value_date), max(bank_value_date), sum(gross_amount) AS gross
  FROM loaded WHERE txn_month = '2025-01-01';
SELECT count(*) AS differences
  FROM ((SELECT * FROM loaded WHERE txn_month = '2025-01-01' EXCEPT SELECT * FROM acct.sample_transactions('2025-01-01', 10000, 7))
        UNION ALL
        (SELECT * FROM acct.sample_transactions('2025-01-01', 10000, 7) EXCEPT SELECT * FROM loaded)) AS d;
SELECT count(*) AS not_the_first_of_more
  FROM (SELECT * FROM acct.sample_transactions('2025-01-01', 1000, 7) EXCEPT SELECT * FROM acct.sample_transactions('2025-01-01', 10000, 7)) AS d;
SELECT step, rows FROM acct.run_month('2025-01-01', run_key => 'file') WHERE step <> 'validate';
SELECT r.transactions, r.journals, r.exceptions, r.ignored, r.transactions = r.journals + r.exceptions + r.ignored AS closes, r.debit = r.credit AS balanced
  FROM acct.journal_run AS r WHERE r.run_key = 'file';
SELECT e.reason, count(*) FROM acct.je_exception AS e JOIN acct.journal_run AS r USING (run_id) WHERE r.run_key = 'file' GROUP BY e.reason ORDER BY e.reason;
SELECT h.template_code, count(*) AS journals, sum(h.line_count) AS lines
  FROM acct.ledger_entry_header AS h JOIN acct.journal_run AS r USING (run_id) WHERE r.run_key = 'file'
 GROUP BY h.template_code ORDER BY h.template_code;

SELECT acct.generate_sample_transactions('2025-02-01', 500);
SELECT acct.generate_sample_transactions('2025-02-01', 500, 43);
\set VERBOSITY sqlstate
SELECT acct.generate_sample_transactions('2025-02-01', 10); :why
SELECT acct.generate_sample_transactions('2025-02-02', 10); :why
SELECT acct.generate_sample_transactions('2025-02-01', -1); :why
SELECT * FROM acct.sample_transactions('2025-02-01', NULL); :why
SELECT * FROM acct.sample_transactions('2025-02-01', 1, NULL); :why
\set VERBOSITY default
SELECT count(*) AS rows, count(DISTINCT batch_id) AS batches, min(txn_id), max(txn_id)
  FROM acct.txn_source_parent WHERE txn_month = '2025-02-01';
SELECT step, rows FROM acct.run_month('2025-02-01', run_key => 'generated') WHERE step <> 'validate';

-- Over all that was posted: no pair that differs, no fund's journal that does not balance, and nothing to recompute.
SELECT * FROM due_balance WHERE due_from_balance <> -due_to_balance;
SELECT count(*) AS fund_journals, count(*) FILTER (WHERE total_debit <> total_credit) AS unbalanced FROM acct.fund_journal;
SELECT acct.update_balance_snapshot() AS changed;

DROP OWNED BY regress_takaful_maker, regress_takaful_checker;
\c :regress_db
DROP DATABASE regress_takaful;
DROP ROLE regress_takaful_maker, regress_takaful_checker;

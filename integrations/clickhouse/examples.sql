-- Queries for dashboards, with the accounts of the takaful sample.

-- Trial balance of a month
SELECT entity_code, fund, account_code, description, currency, opening_balance, period_debit, period_credit, closing_balance
FROM trial_balance(month = '2025-01-01')
WHERE basis = 'PRIMARY'
ORDER BY entity_code, fund, account_code, currency;

-- Income statement of the funds, a column a month
SELECT fund, account_code, description,
       sumIf(result, month = '2025-01-01') AS january,
       sumIf(result, month = '2025-02-01') AS february
FROM income_statement
WHERE basis = 'PRIMARY' AND entity_code = 'MAIN' AND currency = 'IDR'
GROUP BY fund, account_code, description
ORDER BY fund, account_code;

-- Contributions by product and channel: what they brought to tabarru', tanahud, savings and ujrah
SELECT month, product_code, channel, sum(amount) AS contribution, uniqExact(policy_no) AS policies
FROM (
    SELECT toStartOfMonth(je_date) AS month, product_code, channel, je_id, sum(credit - debit) AS amount
    FROM ledger_entry_line
    WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND currency = 'IDR' AND fund = 'OPERATOR'
      AND account_code IN ('1210', '1222', '1223', '1224') AND je_date >= '2025-01-01' AND je_date < '2025-02-01'
    GROUP BY month, product_code, channel, je_id
) AS l
JOIN (
    SELECT je_id, policy_no FROM ledger_entry_header
    WHERE txn_type = 'CONTRIB' AND je_date >= '2025-01-01' AND je_date < '2025-02-01'
) AS h USING (je_id)
GROUP BY month, product_code, channel
ORDER BY contribution DESC;

-- Drill-down: the largest entries of an account, with the transaction that each came from
SELECT l.je_date, h.je_number, l.line_no, l.debit, l.credit, h.policy_no, h.txn_type, h.txn_id, h.txn_month,
       h.template_code, h.template_version, l.je_id
FROM (
    SELECT * FROM ledger_entry_line
    WHERE entity_code = 'MAIN' AND basis = 'PRIMARY' AND account_code = '2510' AND fund = 'TABARRU'
      AND je_date >= '2025-01-01' AND je_date < '2025-02-01'
    ORDER BY debit DESC LIMIT 20
) AS l
LEFT JOIN ledger_entry_header AS h ON h.je_id = l.je_id
ORDER BY l.debit DESC;

-- All entries of a policy
SELECT h.je_date, h.je_number, h.txn_type, l.line_no, l.account_code, l.fund, l.debit, l.credit
FROM ledger_entry_line AS l
JOIN (SELECT * FROM ledger_entry_header WHERE policy_no = (SELECT max(policy_no) FROM ledger_entry_header)) AS h ON h.je_id = l.je_id
ORDER BY h.je_date, h.je_number, l.line_no;

-- How fresh it is
SELECT run_id, run_key, txn_month, posted_at, loaded_at, lines FROM loaded_run ORDER BY posted_at DESC LIMIT 10;

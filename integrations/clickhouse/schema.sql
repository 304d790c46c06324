-- Tables and views of the ledger in ClickHouse. Can be executed again: what holds rows stays.
--
-- Rows of journals and lines carry the load that brought them, and are seen, through the views, once a row of loaded_run names
-- that load: a run is there wholly or not at all, as in the ledger. What a load that was cut short left is never seen.

-- What is read in PostgreSQL besides journals and lines, all of it views of schema acct_bi. Sums of plain numeric have no more than four decimals there.

CREATE OR REPLACE TABLE source_run
(
    run_id Int64,
    run_key Nullable(String),
    txn_month Nullable(Date),
    status String,
    posted_at Nullable(String),
    journals Nullable(Int64),
    lines Nullable(Int64),
    debit Nullable(Decimal(38, 4)),
    credit Nullable(Decimal(38, 4)),
    digest Nullable(String)
)
ENGINE = PostgreSQL(ledger_postgres, schema = 'acct_bi', table = 'runs');

CREATE OR REPLACE TABLE source_run_total
(
    run_id Int64,
    entity_code String,
    basis String,
    je_month Date,
    fund String,
    account_code String,
    currency String,
    debit Decimal(38, 4),
    credit Decimal(38, 4),
    line_count Int64
)
ENGINE = PostgreSQL(ledger_postgres, schema = 'acct_bi', table = 'run_totals');

CREATE OR REPLACE TABLE source_balance
(
    entity_code String,
    basis String,
    month Date,
    fund String,
    account_code String,
    currency String,
    period_debit Decimal(38, 4),
    period_credit Decimal(38, 4),
    line_count Int64
)
ENGINE = PostgreSQL(ledger_postgres, schema = 'acct_bi', table = 'balances');

CREATE OR REPLACE TABLE source_archive
(
    table_name String,
    month Date,
    dropped_at Nullable(String),
    restored_at Nullable(String)
)
ENGINE = PostgreSQL(ledger_postgres, schema = 'acct_bi', table = 'archived_months');

CREATE OR REPLACE TABLE source_account
(
    account_code String,
    account_name String,
    account_type String,
    fund Nullable(String),
    parent_account_code Nullable(String)
)
ENGINE = PostgreSQL(ledger_postgres, schema = 'acct_bi', table = 'accounts');

-- What is kept. Columns of journal_rows and line_rows but load_id are read from those of the same name in PostgreSQL.

CREATE TABLE IF NOT EXISTS loaded_run
(
    run_id Int64,
    load_id UInt64 COMMENT 'nanoseconds since 1970 when the load began; the newest of a run counts',
    run_key Nullable(String),
    txn_month Nullable(Date),
    posted_at DateTime64(6, 'UTC'),
    journals Int64,
    lines Int64,
    debit Decimal(38, 4),
    credit Decimal(38, 4),
    digest String COMMENT 'the ledger''s digest of the run''s lines',
    row_hash UInt64 COMMENT 'sum of hashes of the rows as they were loaded',
    loaded_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY (run_id, load_id);

CREATE TABLE IF NOT EXISTS account_rows
(
    load_id UInt64,
    account_code String,
    description String,
    account_type LowCardinality(String),
    fund Nullable(String),
    parent_account_code Nullable(String)
)
ENGINE = ReplacingMergeTree(load_id) ORDER BY account_code;

CREATE TABLE IF NOT EXISTS journal_rows
(
    load_id UInt64,
    je_id Int64,
    run_id Int64,
    txn_id Nullable(Int64),
    je_date Date,
    txn_month Nullable(Date),
    template_version Nullable(Int32),
    line_count Int32,
    entity_code LowCardinality(String),
    basis LowCardinality(String),
    template_code LowCardinality(Nullable(String)),
    txn_type LowCardinality(Nullable(String)),
    product_code LowCardinality(Nullable(String)),
    channel LowCardinality(Nullable(String)),
    currency LowCardinality(String),
    policy_no Nullable(String),
    total_debit Decimal(20, 4),
    total_credit Decimal(20, 4),
    reversal_of Nullable(Int64),
    memo Nullable(String),
    je_number String,
    posted_at DateTime64(6, 'UTC'),
    journal_type LowCardinality(String) DEFAULT 'transaction',
    original_date Nullable(Date),
    INDEX txn_id_idx txn_id TYPE bloom_filter GRANULARITY 1,
    INDEX policy_no_idx policy_no TYPE bloom_filter GRANULARITY 1
)
ENGINE = MergeTree PARTITION BY toYYYYMM(je_date) ORDER BY je_id;

CREATE TABLE IF NOT EXISTS line_rows
(
    load_id UInt64,
    je_id Int64,
    run_id Int64,
    txn_id Nullable(Int64),
    je_date Date,
    line_no Int16,
    entity_code LowCardinality(String),
    basis LowCardinality(String),
    account_code LowCardinality(String),
    fund LowCardinality(String),
    currency LowCardinality(String),
    product_code LowCardinality(Nullable(String)),
    channel LowCardinality(Nullable(String)),
    debit Decimal(20, 4),
    credit Decimal(20, 4),
    INDEX je_id_idx je_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = MergeTree PARTITION BY toYYYYMM(je_date)
PRIMARY KEY (entity_code, basis, account_code, fund, je_date)
ORDER BY (entity_code, basis, account_code, fund, je_date, je_id, line_no);

-- What is looked at.

CREATE OR REPLACE VIEW current_load AS
SELECT run_id, max(load_id) AS load_id FROM loaded_run GROUP BY run_id;

CREATE OR REPLACE VIEW chart_of_accounts AS
SELECT * EXCEPT load_id FROM account_rows FINAL;

CREATE OR REPLACE VIEW ledger_entry_header AS
SELECT * EXCEPT load_id FROM journal_rows WHERE load_id IN (SELECT load_id FROM current_load);

CREATE OR REPLACE VIEW ledger_entry_line AS
SELECT * EXCEPT load_id FROM line_rows WHERE load_id IN (SELECT load_id FROM current_load);

-- What an account moved in a month, by product and channel; amount is debit less credit.
CREATE OR REPLACE VIEW account_month AS
SELECT l.entity_code, l.basis, l.month, l.fund, l.account_code, a.description, a.account_type, l.product_code, l.channel,
       l.currency, l.debit, l.credit, l.debit - l.credit AS amount, l.lines
FROM (
    SELECT entity_code, basis, toStartOfMonth(je_date) AS month, fund, account_code, product_code, channel, currency,
           sum(line.debit) AS debit, sum(line.credit) AS credit, count() AS lines
    FROM ledger_entry_line AS line
    GROUP BY entity_code, basis, month, fund, account_code, product_code, channel, currency
) AS l
LEFT JOIN chart_of_accounts AS a ON a.account_code = l.account_code;

-- acct.trial_balance() of every basis: SELECT * FROM trial_balance(month = '2025-01-01') WHERE basis = 'PRIMARY'
CREATE OR REPLACE VIEW trial_balance AS
SELECT l.entity_code, l.basis, l.fund, l.account_code, a.description, a.account_type, l.currency, l.opening_balance,
       l.period_debit, l.period_credit, l.opening_balance + l.period_debit - l.period_credit AS closing_balance
FROM (
    SELECT entity_code, basis, fund, account_code, currency,
           sumIf(debit - credit, je_date < toStartOfMonth({month:Date})) AS opening_balance,
           sumIf(debit, je_date >= toStartOfMonth({month:Date})) AS period_debit,
           sumIf(credit, je_date >= toStartOfMonth({month:Date})) AS period_credit,
           countIf(je_date >= toStartOfMonth({month:Date})) AS lines
    FROM ledger_entry_line
    WHERE je_date < toStartOfMonth({month:Date}) + INTERVAL 1 MONTH
    GROUP BY entity_code, basis, fund, account_code, currency
    HAVING lines > 0 OR opening_balance <> 0
) AS l
LEFT JOIN chart_of_accounts AS a ON a.account_code = l.account_code;

-- Runs that closed a year, and those that reversed them when it was reopened.
CREATE OR REPLACE VIEW closing_run AS
SELECT DISTINCT run_id FROM ledger_entry_header
WHERE journal_type = 'closing' OR reversal_of IN (SELECT je_id FROM ledger_entry_header WHERE journal_type = 'closing');

-- Each fund's income and expenses by month, before closing entries; income is positive, expenses are negative, so that a fund's result is the sum.
CREATE OR REPLACE VIEW income_statement AS
SELECT l.entity_code, l.basis, l.month, l.fund, a.account_type, l.account_code, a.description, l.currency, l.result
FROM (
    SELECT entity_code, basis, toStartOfMonth(je_date) AS month, fund, account_code, currency, sum(credit - debit) AS result
    FROM ledger_entry_line
    WHERE run_id NOT IN (SELECT run_id FROM closing_run)
      AND account_code IN (SELECT account_code FROM chart_of_accounts WHERE account_type IN ('INCOME', 'EXPENSE'))
    GROUP BY entity_code, basis, month, fund, account_code, currency
) AS l
JOIN chart_of_accounts AS a ON a.account_code = l.account_code;

-- The peer of post_journals(): staging to ledger, by INSERT ... SELECT for each month.
-- psql variable kept: true to insert into partitions that have their indexes, false to build these at the end. The time at
-- which the ledger is written, and only the snapshot is to be made, goes to :log/mark.

BEGIN;
SELECT coalesce(min(je_date), '2025-01-01') AS first_day, coalesce(max(je_date), '2025-01-01') AS last_day
  FROM peer.je_header_staging \gset
CREATE TEMPORARY TABLE month ON COMMIT DROP AS
SELECT m::date AS first_day, (m + interval '1 month')::date AS next, to_char(m, 'YYYY_MM') AS suffix, to_char(m, 'YYYYMM-') AS prefix
  FROM generate_series(date_trunc('month', date :'first_day'), date :'last_day', interval '1 month') AS m;

-- A CHECK spares the scan when a filled table is attached.
SELECT format(CASE WHEN :'kept' THEN 'CREATE TABLE peer.%1$I (LIKE peer.%2$I INCLUDING ALL)'
                   ELSE 'CREATE TABLE peer.%1$I (LIKE peer.%2$I INCLUDING CONSTRAINTS INCLUDING DEFAULTS, CHECK (je_date >= %3$L AND je_date < %4$L))' END,
              t || '_' || m.suffix, t, m.first_day, m.next)
  FROM month AS m, unnest(ARRAY['ledger_entry_header', 'ledger_entry_line']) AS t \gexec
SELECT format('ALTER TABLE peer.ledger_entry_header_%s ADD UNIQUE (entity_code, basis, je_number)', m.suffix)
  FROM month AS m WHERE :'kept' \gexec
SELECT format('ALTER TABLE peer.%2$I ATTACH PARTITION peer.%1$I FOR VALUES FROM (%3$L) TO (%4$L)', t || '_' || m.suffix, t, m.first_day, m.next)
  FROM month AS m, unnest(ARRAY['ledger_entry_header', 'ledger_entry_line']) AS t WHERE :'kept' \gexec

SELECT format($q$
    INSERT INTO peer.ledger_entry_header_%1$s (je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code,
                                          basis, template_code, txn_type, product_code, channel, policy_no, currency,
                                          total_debit, total_credit, reversal_of, memo, je_number, posted_at)
    SELECT h.je_id, h.run_id, h.txn_id, h.je_date, h.txn_month, h.template_version, h.line_count, h.entity_code, h.basis,
           h.template_code, h.txn_type, h.product_code, h.channel, h.policy_no, h.currency, h.total_debit, h.total_credit,
           h.reversal_of, h.memo,
           %2$L || lpad((row_number() OVER (PARTITION BY h.entity_code, h.basis ORDER BY h.je_id)
                         + coalesce(n.last_number, 0))::text, 9, '0'),
           now()
      FROM peer.je_header_staging AS h
      LEFT JOIN peer.journal_number AS n
        ON n.entity_code = h.entity_code AND n.basis = h.basis AND n.period_month = %3$L
     WHERE h.je_date >= %3$L AND h.je_date < %4$L$q$, m.suffix, m.prefix, m.first_day, m.next)
  FROM month AS m ORDER BY m.first_day \gexec

SELECT format($q$
    INSERT INTO peer.ledger_entry_line_%1$s (je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
                                        product_code, channel, debit, credit)
    SELECT je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel,
           debit, credit
      FROM peer.je_line_staging WHERE je_date >= %2$L AND je_date < %3$L$q$, m.suffix, m.first_day, m.next)
  FROM month AS m ORDER BY m.first_day \gexec

SELECT format(s, m.suffix)
  FROM month AS m,
       unnest(ARRAY['ALTER TABLE peer.ledger_entry_header_%1$s ADD PRIMARY KEY (je_id, je_number, je_date), ADD UNIQUE (entity_code, basis, je_number)',
                    'CREATE INDEX ON peer.ledger_entry_header_%1$s USING brin (je_date)',
                    'ALTER TABLE peer.ledger_entry_line_%1$s ADD PRIMARY KEY (je_id, line_no, je_date)',
                    'CREATE INDEX ON peer.ledger_entry_line_%1$s (account_code, fund)',
                    'CREATE INDEX ON peer.ledger_entry_line_%1$s USING brin (je_date)']) AS s
 WHERE NOT :'kept' \gexec
SELECT format('ALTER TABLE peer.%2$I ATTACH PARTITION peer.%1$I FOR VALUES FROM (%3$L) TO (%4$L)', t || '_' || m.suffix, t, m.first_day, m.next)
  FROM month AS m, unnest(ARRAY['ledger_entry_header', 'ledger_entry_line']) AS t WHERE NOT :'kept' \gexec

INSERT INTO peer.journal_number AS n (entity_code, basis, period_month, last_number)
SELECT h.entity_code, h.basis, m.first_day, sum(h.rows)
  FROM (SELECT x.entity_code, x.basis, x.je_date, count(*) AS rows FROM peer.je_header_staging AS x GROUP BY 1, 2, 3) AS h
  JOIN month AS m ON h.je_date >= m.first_day AND h.je_date < m.next
 GROUP BY 1, 2, 3
ON CONFLICT (entity_code, basis, period_month) DO UPDATE SET last_number = n.last_number + excluded.last_number;

\o :log/mark
SELECT round(1000000 * extract(epoch FROM clock_timestamp()));
\o :log/output.1

-- The ledger is empty before: balances open with what the months before them closed with. Adding up by day and then by
-- month is faster than truncating the date of each line, and with statistics it is done by hashing, without a sort.
ANALYZE peer.je_line_staging (entity_code, basis, je_date, fund, account_code, currency);
INSERT INTO peer.account_balance_snapshot
WITH period AS (
    SELECT l.entity_code, l.basis, m.first_day AS month, l.fund, l.account_code, l.currency, sum(l.debit) AS debit,
           sum(l.credit) AS credit, sum(l.lines)::bigint AS lines
      FROM (SELECT entity_code, basis, je_date, fund, account_code, currency, sum(debit) AS debit, sum(credit) AS credit,
                   count(*) AS lines
              FROM peer.je_line_staging GROUP BY 1, 2, 3, 4, 5, 6) AS l
      JOIN month AS m ON l.je_date >= m.first_day AND l.je_date < m.next
     GROUP BY 1, 2, 3, 4, 5, 6),
grid AS (
    SELECT a.entity_code, a.basis, m.first_day AS month, a.fund, a.account_code, a.currency, coalesce(p.debit, 0) AS debit,
           coalesce(p.credit, 0) AS credit, coalesce(p.lines, 0) AS lines,
           sum(coalesce(p.debit, 0) - coalesce(p.credit, 0))
               OVER (PARTITION BY a.entity_code, a.basis, a.fund, a.account_code, a.currency ORDER BY m.first_day) AS closing
      FROM (SELECT DISTINCT entity_code, basis, fund, account_code, currency FROM period) AS a
     CROSS JOIN month AS m
      LEFT JOIN period AS p
        ON (p.entity_code, p.basis, p.month, p.fund, p.account_code, p.currency)
           = (a.entity_code, a.basis, m.first_day, a.fund, a.account_code, a.currency))
SELECT entity_code, basis, month, fund, account_code, currency, closing - debit + credit, debit, credit, closing, lines, 1
  FROM grid WHERE lines > 0 OR closing - debit + credit <> 0;
COMMIT;

-- The peer posting by two sessions, last step: keys, partitions, numbers, snapshot. A mark is left as in peer_post.sql.

BEGIN;
SELECT format(s, m.suffix, m.first_day, m.next)
  FROM peer.month AS m,
       unnest(ARRAY['ALTER TABLE peer.ledger_entry_header_%1$s ADD PRIMARY KEY USING INDEX ledger_entry_header_%1$s_pkey',
                    'ALTER TABLE peer.ledger_entry_header_%1$s ADD UNIQUE USING INDEX ledger_entry_header_%1$s_number_key',
                    'ALTER TABLE peer.ledger_entry_line_%1$s ADD PRIMARY KEY USING INDEX ledger_entry_line_%1$s_pkey',
                    'ALTER TABLE peer.ledger_entry_header ATTACH PARTITION peer.ledger_entry_header_%1$s FOR VALUES FROM (%2$L) TO (%3$L)',
                    'ALTER TABLE peer.ledger_entry_line ATTACH PARTITION peer.ledger_entry_line_%1$s FOR VALUES FROM (%2$L) TO (%3$L)']) AS s
 \gexec

INSERT INTO peer.journal_number AS n (entity_code, basis, period_month, last_number)
SELECT h.entity_code, h.basis, m.first_day, sum(h.rows)
  FROM (SELECT x.entity_code, x.basis, x.je_date, count(*) AS rows FROM (SELECT * FROM peer.je_header_staging_1 UNION ALL SELECT * FROM peer.je_header_staging_2) AS x GROUP BY 1, 2, 3) AS h
  JOIN peer.month AS m ON h.je_date >= m.first_day AND h.je_date < m.next
 GROUP BY 1, 2, 3
ON CONFLICT (entity_code, basis, period_month) DO UPDATE SET last_number = n.last_number + excluded.last_number;

\o :log/mark
SELECT round(1000000 * extract(epoch FROM clock_timestamp()));
\o :log/output.1

-- As in peer_post.sql.
INSERT INTO peer.account_balance_snapshot
WITH period AS (
    SELECT l.entity_code, l.basis, m.first_day AS month, l.fund, l.account_code, l.currency, sum(l.debit) AS debit,
           sum(l.credit) AS credit, sum(l.lines)::bigint AS lines
      FROM (SELECT * FROM peer.total_1 UNION ALL SELECT * FROM peer.total_2) AS l
      JOIN peer.month AS m ON l.je_date >= m.first_day AND l.je_date < m.next
     GROUP BY 1, 2, 3, 4, 5, 6),
grid AS (
    SELECT a.entity_code, a.basis, m.first_day AS month, a.fund, a.account_code, a.currency, coalesce(p.debit, 0) AS debit,
           coalesce(p.credit, 0) AS credit, coalesce(p.lines, 0) AS lines,
           sum(coalesce(p.debit, 0) - coalesce(p.credit, 0))
               OVER (PARTITION BY a.entity_code, a.basis, a.fund, a.account_code, a.currency ORDER BY m.first_day) AS closing
      FROM (SELECT DISTINCT entity_code, basis, fund, account_code, currency FROM period) AS a
     CROSS JOIN peer.month AS m
      LEFT JOIN period AS p
        ON (p.entity_code, p.basis, p.month, p.fund, p.account_code, p.currency)
           = (a.entity_code, a.basis, m.first_day, a.fund, a.account_code, a.currency))
SELECT entity_code, basis, month, fund, account_code, currency, closing - debit + credit, debit, credit, closing, lines, 1
  FROM grid WHERE lines > 0 OR closing - debit + credit <> 0;
COMMIT;

-- The peer posting by two sessions, second step: session :session copies its half of the staging. The numbers of the second half's
-- journals go on where those of the first end; and each adds up its half for the snapshot.

BEGIN;
SELECT format($q$
    INSERT INTO peer.ledger_entry_header_%1$s (je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code,
                                          basis, template_code, txn_type, product_code, channel, policy_no, currency,
                                          total_debit, total_credit, reversal_of, memo, je_number, posted_at)
    SELECT h.je_id, h.run_id, h.txn_id, h.je_date, h.txn_month, h.template_version, h.line_count, h.entity_code, h.basis,
           h.template_code, h.txn_type, h.product_code, h.channel, h.policy_no, h.currency, h.total_debit, h.total_credit,
           h.reversal_of, h.memo,
           %2$L || lpad((row_number() OVER (PARTITION BY h.entity_code, h.basis ORDER BY h.je_id)
                         + coalesce(n.last_number, 0) + coalesce(f.rows, 0))::text, 9, '0'),
           now()
      FROM peer.je_header_staging_%5$s AS h
      LEFT JOIN peer.journal_number AS n
        ON n.entity_code = h.entity_code AND n.basis = h.basis AND n.period_month = %3$L
      LEFT JOIN (SELECT entity_code, basis, count(*) AS rows FROM peer.je_header_staging_1
                  WHERE %5$s = 2 AND je_date >= %3$L AND je_date < %4$L GROUP BY 1, 2) AS f
        ON f.entity_code = h.entity_code AND f.basis = h.basis
     WHERE h.je_date >= %3$L AND h.je_date < %4$L$q$, m.suffix, m.prefix, m.first_day, m.next, :session)
  FROM peer.month AS m ORDER BY m.first_day \gexec

SELECT format($q$
    INSERT INTO peer.ledger_entry_line_%1$s (je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
                                        product_code, channel, debit, credit)
    SELECT je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel,
           debit, credit
      FROM peer.je_line_staging_%4$s WHERE je_date >= %2$L AND je_date < %3$L$q$, m.suffix, m.first_day, m.next, :session)
  FROM peer.month AS m ORDER BY m.first_day \gexec

SELECT format('ANALYZE peer.je_line_staging_%1$s (entity_code, basis, je_date, fund, account_code, currency)', :session) \gexec
SELECT format($q$
    CREATE UNLOGGED TABLE peer.total_%1$s AS
    SELECT entity_code, basis, je_date, fund, account_code, currency, sum(debit) AS debit, sum(credit) AS credit, count(*) AS lines
      FROM peer.je_line_staging_%1$s GROUP BY 1, 2, 3, 4, 5, 6$q$, :session) \gexec
COMMIT;

-- The peer posting by two sessions, third step: the first builds the key of the lines, the other all other indexes. A unique
-- index that becomes a key later, because ADD PRIMARY KEY would lock the other session out.

SELECT format(s.q, m.suffix)
  FROM peer.month AS m,
       (VALUES (1, 1, 'CREATE UNIQUE INDEX ledger_entry_line_%1$s_pkey ON peer.ledger_entry_line_%1$s (je_id, line_no, je_date)'),
               (2, 1, 'CREATE INDEX ON peer.ledger_entry_line_%1$s (account_code, fund)'),
               (2, 2, 'CREATE UNIQUE INDEX ledger_entry_header_%1$s_pkey ON peer.ledger_entry_header_%1$s (je_id, je_number, je_date)'),
               (2, 3, 'CREATE UNIQUE INDEX ledger_entry_header_%1$s_number_key ON peer.ledger_entry_header_%1$s (entity_code, basis, je_number)'),
               (2, 4, 'CREATE INDEX ON peer.ledger_entry_header_%1$s USING brin (je_date)'),
               (2, 5, 'CREATE INDEX ON peer.ledger_entry_line_%1$s USING brin (je_date)')) AS s (session, n, q)
 WHERE s.session = :session ORDER BY m.first_day, s.n \gexec

-- The peer posting by two sessions, first step: months without indexes, for two sessions to fill. This is not atomic: each step
-- and each session commits by itself.

BEGIN;
SELECT coalesce(min(je_date), '2025-01-01') AS first_day, coalesce(max(je_date), '2025-01-01') AS last_day
  FROM (SELECT je_date FROM peer.je_header_staging_1 UNION ALL SELECT je_date FROM peer.je_header_staging_2) AS h \gset
CREATE TABLE peer.month AS
SELECT m::date AS first_day, (m + interval '1 month')::date AS next, to_char(m, 'YYYY_MM') AS suffix, to_char(m, 'YYYYMM-') AS prefix
  FROM generate_series(date_trunc('month', date :'first_day'), date :'last_day', interval '1 month') AS m;

-- A CHECK spares the scan when a filled table is attached.
SELECT format('CREATE TABLE peer.%1$I (LIKE peer.%2$I INCLUDING CONSTRAINTS INCLUDING DEFAULTS, CHECK (je_date >= %3$L AND je_date < %4$L))',
              t || '_' || m.suffix, t, m.first_day, m.next)
  FROM peer.month AS m, unnest(ARRAY['ledger_entry_header', 'ledger_entry_line']) AS t \gexec
COMMIT;

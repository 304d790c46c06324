-- The peer of a small run in SQL: what one would write by hand to load and book a few transactions in one database transaction, with
-- the same tables, keys and checks. After peer_schema.sql and peer_generate.sql, whose routing and arithmetic it uses.
--
-- All that is computed is one statement: routing, amounts and checks in the row, exceptions, headers with numbers without gaps, lines,
-- totals, balances. It checks keys and CHECKs of the source, that no other run took the batch, that no other month has the transactions, open
-- periods, and entities. It checks that the source is unchanged (count, sum, digest, before and after), and that the ledger has
-- what was computed (counts, sums, digest, headers against lines). It checks that debits equal credits in each book and currency. It records the run,
-- its claim, totals and four lines of log. Plans are kept for the session, as a client with prepared statements would have them.
--
-- To its advantage it leaves out errors of expressions: the engine turns them into exceptions, and here they would end the
-- statement. It also leaves out amounts out of range, templates that begin or end, the record of the policy that was used,
-- staging, and the steps by which a run can be stopped, looked at, discarded or resumed. Its batch is found by a B-tree on batch_id, where the engine has a BRIN index.

CREATE TABLE peer.txn_batch (LIKE acct.txn_batch INCLUDING ALL);
CREATE SEQUENCE peer.batch_seq;
ALTER TABLE peer.txn_batch ALTER batch_id DROP IDENTITY;
ALTER TABLE peer.txn_batch ALTER batch_id SET DEFAULT nextval('peer.batch_seq');
CREATE TABLE peer.txn_source (LIKE acct.txn_source_parent INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED, PRIMARY KEY (txn_id, txn_month))
    PARTITION BY RANGE (txn_month);
ALTER TABLE peer.txn_source DROP CONSTRAINT chk_own_batch;
ALTER TABLE peer.txn_source ALTER batch_id SET DEFAULT currval('peer.batch_seq');
CREATE INDEX ON peer.txn_source (batch_id);
CREATE INDEX ON peer.txn_source (product_code, channel);
CREATE TABLE peer.journal_run (LIKE acct.journal_run INCLUDING ALL);
CREATE TABLE peer.journal_run_batch (LIKE acct.journal_run_batch INCLUDING ALL);
CREATE TABLE peer.journal_run_total (LIKE acct.journal_run_total INCLUDING ALL);
CREATE TABLE peer.run_log (LIKE acct.run_log INCLUDING ALL);
CREATE TABLE peer.ledger_book (LIKE acct.ledger_book INCLUDING ALL);
CREATE SEQUENCE peer.je_id INCREMENT BY 10000;
INSERT INTO peer.ledger_book (entity_code, basis) SELECT e.entity_code, 'PRIMARY' FROM acct.entity AS e;

DO $$
DECLARE
    m date;
BEGIN
    FOR m IN SELECT generate_series(timestamp '2024-12-01', '2025-03-01', '1 month') LOOP
        EXECUTE format('CREATE TABLE peer.%I PARTITION OF peer.txn_source FOR VALUES FROM (%L) TO (%L)', 'txn_source_' || to_char(m, 'YYYY_MM'), m, m + interval '1 month');
        EXECUTE format('CREATE TABLE peer.%I PARTITION OF peer.ledger_entry_header FOR VALUES FROM (%L) TO (%L)', 'header_' || to_char(m, 'YYYY_MM'), m, m + interval '1 month');
        EXECUTE format('ALTER TABLE peer.%I ADD UNIQUE (entity_code, basis, je_number)', 'header_' || to_char(m, 'YYYY_MM'));
        EXECUTE format('CREATE TABLE peer.%I PARTITION OF peer.ledger_entry_line FOR VALUES FROM (%L) TO (%L)', 'line_' || to_char(m, 'YYYY_MM'), m, m + interval '1 month');
    END LOOP;
END
$$;

-- Books the batch that the session loaded last. Made from the templates, as peer.expand_script() is.
CREATE FUNCTION peer.make_book() RETURNS void
LANGUAGE plpgsql AS $make$
DECLARE
    routed CONSTANT text := regexp_replace(
        replace(peer.routed_query('2025-01-01', 0, (SELECT count(*) > 60 FROM peer.rule)), 'row_number() OVER () + 0', 'row_number() OVER () + base'),
        'FROM acct\.txn_source_2025_01 AS s', 'FROM (SELECT * FROM peer.txn_source AS x WHERE x.batch_id = batch) AS s');
    script CONSTANT text := peer.expand_script('2025-01-01', 'TEMPORARY');
    lines text := substring(script, 'CREATE UNLOGGED TABLE peer.je_line_staging AS\n(.*?);');
BEGIN
    IF routed !~ 'x\.batch_id = batch' OR routed !~ 'OVER \(\) \+ base' OR lines IS NULL THEN
        RAISE EXCEPTION 'peer_generate.sql has changed';
    END IF;
    lines := replace(lines, 'bigint ''1'' AS run_id', 'run AS run_id');
    EXECUTE format($f$
CREATE FUNCTION peer.book(month date DEFAULT '2025-01-01') RETURNS bigint
LANGUAGE plpgsql AS $book$
#variable_conflict use_column
DECLARE
    batch CONSTANT bigint := currval('peer.batch_seq');
    base CONSTANT bigint := nextval('peer.je_id');
    started CONSTANT timestamptz := clock_timestamp();
    run bigint;
    source record;
    again record;
    made record;
    header record;
    line record;
    repeated bigint;
    problem text;
BEGIN
    -- create: the run, its batch, the source as it is
    INSERT INTO peer.journal_run (txn_month, bases) VALUES (month, '{PRIMARY}') RETURNING run_id INTO run;
    SELECT count(*) AS rows, sum(s.gross_amount) AS gross, sum(hashtextextended(s::text, 0)) AS digest INTO source
      FROM peer.txn_source AS s WHERE s.batch_id = batch;
    INSERT INTO peer.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross)
    VALUES (run, batch, month, 'PRIMARY', source.rows, source.gross);
    INSERT INTO peer.run_log (run_id, step, rows) VALUES (run, 'create', source.rows);
    SELECT count(*) INTO repeated FROM peer.txn_source AS s JOIN peer.txn_source AS o ON (o.txn_id, o.entity_code) = (s.txn_id, s.entity_code)
     WHERE s.batch_id = batch AND o.txn_month <> month;
    -- the books, in order; their periods
    PERFORM FROM peer.ledger_book AS b
      WHERE b.entity_code IN (SELECT s.entity_code FROM peer.txn_source AS s WHERE s.batch_id = batch) ORDER BY b.entity_code, b.basis FOR NO KEY UPDATE;
    -- expand and post
    WITH routed AS MATERIALIZED (%1$s),
    set_aside AS (
        INSERT INTO peer.je_exception (run_id, txn_id, txn_month, basis, reason, template_code, template_version, line_no, message)
        SELECT run, r.txn_id, r.txn_month, 'PRIMARY', r.reason, t.template_code, t.version, r.line_no, r.reason
          FROM routed AS r
          LEFT JOIN peer.template AS t ON t.template_no = r.template_no AND r.reason NOT IN ('BAD_DATE', 'UNKNOWN_CURRENCY', 'PERIOD_CLOSED')
         WHERE r.part = 0
        RETURNING 1),
    header AS (
        INSERT INTO peer.ledger_entry_header (je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code, basis,
            template_code, txn_type, product_code, channel, policy_no, currency, total_debit, total_credit, memo, je_number, posted_at)
        SELECT r.je_id, run, r.txn_id, r.je_date, r.txn_month, t.version, r.line_count, r.entity_code, 'PRIMARY', t.template_code, r.txn_type,
               r.product_code, r.channel, r.policy_no, r.currency, r.total_debit, r.total_debit, NULL,
               to_char(r.je_date, 'YYYYMM-') || lpad((row_number() OVER (PARTITION BY r.entity_code, date_trunc('month', r.je_date) ORDER BY r.je_id)
                                                      + coalesce(n.last_number, 0))::text, 9, '0'), now()
          FROM routed AS r
          JOIN peer.template AS t ON t.template_no = r.template_no
          JOIN acct.entity AS e ON e.entity_code = r.entity_code
          LEFT JOIN peer.journal_number AS n
            ON n.entity_code = r.entity_code AND n.basis = 'PRIMARY' AND n.period_month = date_trunc('month', r.je_date)::date
         WHERE r.part <> 0
        RETURNING entity_code, je_date, line_count, total_debit),
    number AS (
        INSERT INTO peer.journal_number AS n (entity_code, basis, period_month, last_number)
        SELECT h.entity_code, 'PRIMARY', date_trunc('month', h.je_date)::date, count(*) FROM header AS h GROUP BY 1, 3
        ON CONFLICT (entity_code, basis, period_month) DO UPDATE SET last_number = n.last_number + excluded.last_number
        RETURNING 1),
    line AS (
        INSERT INTO peer.ledger_entry_line (je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
            product_code, channel, debit, credit)
        %2$s
        RETURNING *),
    total AS (
        INSERT INTO peer.journal_run_total (run_id, entity_code, basis, je_month, fund, account_code, currency, debit, credit, line_count)
        SELECT run, l.entity_code, l.basis, date_trunc('month', l.je_date)::date, l.fund, l.account_code, l.currency, sum(l.debit), sum(l.credit), count(*)
          FROM line AS l GROUP BY 2, 3, 4, 5, 6, 7
        RETURNING *),
    -- Balances from the run's first month to the last one of its book; where the run adds a month, of all accounts of the book.
    book AS (
        SELECT t.entity_code, t.basis, min(t.je_month) AS first, max(t.je_month) AS last, x.last AS was_last
          FROM total AS t
          LEFT JOIN LATERAL (SELECT max(s.snapshot_month) AS last FROM peer.account_balance_snapshot AS s
                              WHERE s.entity_code = t.entity_code AND s.basis = t.basis) AS x ON true
         GROUP BY t.entity_code, t.basis, x.last),
    account AS (
        SELECT t.entity_code, t.basis, t.fund, t.account_code, t.currency FROM total AS t
        UNION
        SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency
          FROM book AS b JOIN peer.account_balance_snapshot AS s ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = b.was_last
         WHERE b.last > b.was_last),
    moved AS (
        SELECT a.*, m.month::date AS month, coalesce(x.period_debit, 0) + coalesce(t.debit, 0) AS debit,
               coalesce(x.period_credit, 0) + coalesce(t.credit, 0) AS credit, coalesce(x.line_count, 0) + coalesce(t.line_count, 0) AS lines,
               coalesce(x.opening_balance, o.closing_balance, 0)
               + coalesce(sum(t.debit - t.credit) OVER (PARTITION BY a.entity_code, a.basis, a.fund, a.account_code, a.currency ORDER BY m.month
                                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS opening
          FROM account AS a
          JOIN book AS b USING (entity_code, basis)
         CROSS JOIN generate_series(b.first::timestamp, greatest(b.last, b.was_last)::timestamp, interval '1 month') AS m (month)
          LEFT JOIN total AS t
            ON (t.entity_code, t.basis, t.je_month, t.fund, t.account_code, t.currency) = (a.entity_code, a.basis, m.month::date, a.fund, a.account_code, a.currency)
          LEFT JOIN peer.account_balance_snapshot AS x
            ON (x.entity_code, x.basis, x.snapshot_month, x.fund, x.account_code, x.currency)
               = (a.entity_code, a.basis, m.month::date, a.fund, a.account_code, a.currency)
          LEFT JOIN LATERAL (SELECT p.closing_balance FROM peer.account_balance_snapshot AS p
                              WHERE (p.entity_code, p.basis, p.fund, p.account_code, p.currency) = (a.entity_code, a.basis, a.fund, a.account_code, a.currency)
                                AND p.snapshot_month < m.month::date AND x.entity_code IS NULL
                              ORDER BY p.snapshot_month DESC LIMIT 1) AS o ON true),
    balance AS (
        INSERT INTO peer.account_balance_snapshot (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance,
            period_debit, period_credit, closing_balance, line_count, last_run_id)
        SELECT v.entity_code, v.basis, v.month, v.fund, v.account_code, v.currency, v.opening, v.debit, v.credit, v.opening + v.debit - v.credit, v.lines, run
          FROM moved AS v WHERE v.lines > 0 OR v.opening <> 0
        ON CONFLICT (entity_code, basis, snapshot_month, fund, account_code, currency) DO UPDATE
           SET opening_balance = excluded.opening_balance, period_debit = excluded.period_debit, period_credit = excluded.period_credit,
               closing_balance = excluded.closing_balance, line_count = excluded.line_count, last_run_id = excluded.last_run_id
        RETURNING 1)
    SELECT h.journals, h.lines AS header_lines, h.debit AS header_debit, (SELECT count(*) FROM set_aside) AS exceptions,
           l.lines, l.debit, l.credit, l.digest,
           (SELECT string_agg(format('%%s %%s', x.entity_code, x.currency), ', ')
              FROM (SELECT t.entity_code, t.currency FROM total AS t GROUP BY 1, 2 HAVING sum(t.debit) <> sum(t.credit)) AS x) AS unbalanced
      INTO made
      FROM (SELECT count(*) AS journals, sum(x.line_count) AS lines, sum(x.total_debit) AS debit FROM header AS x) AS h,
           (SELECT count(*) AS lines, sum(x.debit) AS debit, sum(x.credit) AS credit,
                   sum(hashtextextended(format('%%s %%s %%s %%s %%s %%s %%s %%s %%s %%s %%s %%s', x.txn_id, x.je_date, x.line_no, x.entity_code, x.basis, x.account_code,
                                               x.fund, x.currency, x.product_code, x.channel, x.debit, x.credit), 0)) AS digest FROM line AS x) AS l;
    INSERT INTO peer.run_log (run_id, step, rows) VALUES (run, 'expand', source.rows);
    -- validate: the source as it is now, and what the ledger has
    SELECT count(*) AS rows, sum(s.gross_amount) AS gross, sum(hashtextextended(s::text, 0)) AS digest INTO again
      FROM peer.txn_source AS s WHERE s.batch_id = batch;
    SELECT count(*) AS journals, sum(h.line_count) AS lines, sum(h.total_debit) AS debit, sum(h.total_credit) AS credit INTO header
      FROM peer.ledger_entry_header AS h WHERE h.je_id > base AND h.je_id <= base + 10000;
    SELECT count(*) AS lines, sum(x.debit) AS debit, sum(x.credit) AS credit,
           sum(hashtextextended(format('%%s %%s %%s %%s %%s %%s %%s %%s %%s %%s %%s %%s', x.txn_id, x.je_date, x.line_no, x.entity_code, x.basis, x.account_code,
                                       x.fund, x.currency, x.product_code, x.channel, x.debit, x.credit), 0)) AS digest INTO line
      FROM peer.ledger_entry_line AS x WHERE x.je_id > base AND x.je_id <= base + 10000;
    problem := CASE
        WHEN again IS DISTINCT FROM source THEN 'source'
        WHEN (header.journals, header.lines, header.debit) IS DISTINCT FROM (made.journals, made.header_lines, made.header_debit) THEN 'headers'
        WHEN (line.lines, line.debit, line.credit, line.digest) IS DISTINCT FROM (made.lines, made.debit, made.credit, made.digest) THEN 'lines'
        WHEN (header.lines, header.debit, header.credit) IS DISTINCT FROM (line.lines, line.debit, line.credit) THEN 'headers against lines'
        WHEN made.journals + made.exceptions > source.rows THEN 'counts'
        WHEN made.unbalanced IS NOT NULL THEN 'balance of ' || made.unbalanced END;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'run %% does not pass its checks: %%', run, problem;
    END IF;
    INSERT INTO peer.run_log (run_id, step, rows) VALUES (run, 'validate', 20), (run, 'post', made.lines);
    UPDATE peer.journal_run SET status = 'posted', posted_at = clock_timestamp(), transactions = source.rows, journals = made.journals, lines = made.lines,
           exceptions = made.exceptions, debit = made.debit, credit = made.credit, digest = made.digest::text, source_digest = source.digest::text,
           repeated_transactions = repeated
     WHERE run_id = run;
    RETURN run;
END
$book$
$f$, routed, lines);
END
$make$;
SELECT peer.make_book();
CALL bench.make_runner('peer_runs', 'peer.txn_source', 'PERFORM peer.book(month)', 'INSERT INTO peer.txn_batch (source) VALUES (''bench'')');

-- Books what the engine's last batch loaded.
CREATE FUNCTION peer.book_again() RETURNS bigint
LANGUAGE sql AS $$
    INSERT INTO peer.txn_batch (source) VALUES ('bench');
    INSERT INTO peer.txn_source
    SELECT (jsonb_populate_record(NULL::peer.txn_source, to_jsonb(s) || jsonb_build_object('batch_id', currval('peer.batch_seq')))).*
      FROM acct.txn_source_parent AS s WHERE s.batch_id = (SELECT max(b.batch_id) FROM acct.txn_batch AS b);
    SELECT peer.book()
$$;

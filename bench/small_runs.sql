-- The part of bench/small that runs in the server: small runs, one after the other, each with the load of its transactions in a database
-- transaction of its own, and the time that each took with its commit.

-- Transactions to copy, each time under other identifiers. The entity is set when they are loaded.
CREATE TABLE bench.pool AS SELECT row_number() OVER () AS n, t.* FROM bench.transactions('2025-01-01', 1, 20000, 42) AS t;
ALTER TABLE bench.pool ADD PRIMARY KEY (n);
-- Each value begins a range for at most 10,000 transactions, which are copied from another place of the pool each time.
CREATE SEQUENCE bench.txn_id START 500000000000000001 INCREMENT BY 10007;
CREATE TABLE bench.measured (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    label text NOT NULL,
    session integer NOT NULL,
    n integer NOT NULL,
    ms double precision NOT NULL,
    ended timestamptz NOT NULL
);
INSERT INTO acct.entity (entity_code) SELECT 'BOOK' || b FROM generate_series(1, 8) AS b ON CONFLICT DO NOTHING;

-- The statement that loads transactions into a table: $1 the first identifier, $2 how many, $3 the entity, $4 the month.
CREATE FUNCTION bench.load_statement(relation text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN relation IS NOT NULL THEN format('INSERT INTO %s (%s) SELECT %s FROM bench.pool AS p WHERE p.n BETWEEN 1 + $1 %% 10000 AND $1 %% 10000 + $2', relation,
                  string_agg(format('%I', c.name), ', ' ORDER BY c.n),
                  string_agg(CASE c.name WHEN 'txn_id' THEN '$1 + p.n - 1 - $1 % 10000' WHEN 'entity_code' THEN '$3' WHEN 'txn_month' THEN '$4'
                                         WHEN 'bank_value_date' THEN '($4 + (p.bank_value_date - p.txn_month))::date'
                                         ELSE format('p.%I', c.name) END, ', ' ORDER BY c.n)) END
      FROM (SELECT a.attname AS name, a.attnum AS n FROM pg_attribute AS a
             WHERE a.attrelid = 'bench.pool'::regclass AND a.attnum > 0 AND a.attname <> 'n') AS c
$$;

-- A procedure NAME(rows, books, runs, label, session, month) that loads and books runs of so many transactions into the books
-- in turn, and writes the milliseconds of each, load and commit included; with seconds, as many runs as there is time for.
CREATE PROCEDURE bench.make_runner(name text, relation text, book text, before text DEFAULT 'NULL', prepare text DEFAULT 'NULL')
LANGUAGE plpgsql AS $make$
BEGIN
    EXECUTE format($f$
CREATE PROCEDURE bench.%1$I(rows integer, books text[], runs integer, label text, session integer DEFAULT 1, month date DEFAULT '2025-01-01',
                            seconds double precision DEFAULT NULL, warm integer DEFAULT 0)
LANGUAGE plpgsql AS $p$
DECLARE
    took double precision[] := ARRAY[]::double precision[];
    ended timestamptz[] := ARRAY[]::timestamptz[];
    ends CONSTANT timestamptz := clock_timestamp() + make_interval(secs => coalesce(seconds, 1000000));
    began timestamptz;
    first bigint;
    book text;
    given jsonb;
BEGIN
    FOR i IN 1 - warm .. coalesce(runs, 1000000000) LOOP
        first := nextval('bench.txn_id');
        book := books[1 + (i + warm) %% cardinality(books)];
        %5$s;
        COMMIT;
        began := clock_timestamp();
        %4$s;
        %2$s;
        %3$s;
        COMMIT;
        IF i > 0 THEN
            ended := ended || clock_timestamp();
            took := took || extract(epoch FROM ended[i] - began) * 1000;
        END IF;
        EXIT WHEN i > 0 AND clock_timestamp() >= ends;
    END LOOP;
    INSERT INTO bench.measured (label, session, n, ms, ended)
    SELECT label, session, t.n, t.ms, t.ended FROM unnest(took, ended) WITH ORDINALITY AS t (ms, ended, n);
END
$p$
$f$, name, coalesce(replace(replace(replace(replace(bench.load_statement(relation), '$1', 'first'), '$2', 'rows'), '$3', 'book'), '$4', 'month'), 'NULL'),
       book, before, prepare);
END
$make$;

CALL bench.make_runner('runs', 'acct.txn_source_parent', 'PERFORM FROM acct.run_month(month)');
-- The same by book_transactions(), from JSON that the client has.
CALL bench.make_runner('book_runs', NULL, 'PERFORM FROM acct.book_transactions(given)', prepare => $$
        given := (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(p) - 'n') || jsonb_build_object('txn_id', first + p.n - 1 - first % 10000, 'txn_month', month,
                                   'bank_value_date', month + (p.bank_value_date - p.txn_month), 'entity_code', book))
                    FROM bench.pool AS p WHERE p.n BETWEEN 1 + first % 10000 AND first % 10000 + rows)$$);

-- Runs a second of the sessions that have a label and a number of this hundred: in the time in which all of them were at it, or, where
-- that is too short, by what each took.
CREATE FUNCTION bench.rate(label text, hundred integer) RETURNS numeric
LANGUAGE sql STABLE AS $$
    WITH m AS (
        SELECT m.* FROM bench.measured AS m WHERE m.label = rate.label AND m.session / 100 = hundred),
    s AS (
        SELECT m.session, min(m.ended) AS first, max(m.ended) AS last, count(*) / sum(m.ms) * 1000 AS alone FROM m GROUP BY m.session),
    w AS (
        SELECT max(s.first) AS first, min(s.last) AS last, sum(s.alone) AS alone FROM s)
    SELECT round(CASE WHEN count(*) < 5 THEN max(w.alone) ELSE count(*) / extract(epoch FROM max(w.last) - max(w.first)) END::numeric, 2)
      FROM w LEFT JOIN m ON m.ended > w.first AND m.ended <= w.last
$$;

-- What the catalogs hold.
CREATE FUNCTION bench.catalog_rows() RETURNS TABLE (catalog text, rows bigint)
LANGUAGE sql AS $$
    SELECT 'pg_class', count(*) FROM pg_class UNION ALL SELECT 'pg_attribute', count(*) FROM pg_attribute
    UNION ALL SELECT 'pg_type', count(*) FROM pg_type UNION ALL SELECT 'pg_index', count(*) FROM pg_index
    UNION ALL SELECT 'pg_depend', count(*) FROM pg_depend UNION ALL SELECT 'pg_inherits', count(*) FROM pg_inherits
    UNION ALL SELECT 'pg_constraint', count(*) FROM pg_constraint
$$;
CREATE TABLE bench.catalog_before AS SELECT * FROM bench.catalog_rows();

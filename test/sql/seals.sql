-- Seals, computed a second time in plain SQL by docs/proof-format.md.
\set topic seals
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(2, '2025-01-01');

-- H(0x00 ...), H(0x01 ...), and the tree by the RFC's recursion
CREATE FUNCTION public.leaf(data bytea) RETURNS bytea LANGUAGE sql IMMUTABLE RETURN sha256('\x00'::bytea || data);
CREATE FUNCTION public.tree(hashes bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    n CONSTANT integer := cardinality(hashes);
    k integer := 1;
BEGIN
    IF n < 2 THEN
        RETURN coalesce(hashes[1], sha256(''));
    END IF;
    WHILE k * 2 < n LOOP
        k := k * 2;
    END LOOP;
    RETURN sha256('\x01'::bytea || public.tree(hashes[1:k]) || public.tree(hashes[k + 1:]));
END
$$;
CREATE FUNCTION public.text_bytes(t text) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN int4send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8');
-- 128 bits, of which the lower half is that of a number without a sign
CREATE FUNCTION public.amount_bytes(a numeric) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT int8send(floor(x.n / 18446744073709551616)::bigint)
           || int8send((CASE WHEN x.low >= 9223372036854775808 THEN x.low - 18446744073709551616 ELSE x.low END)::bigint)
      FROM (SELECT y.n, y.n - floor(y.n / 18446744073709551616) * 18446744073709551616 AS low FROM (SELECT a * 10000 AS n) AS y) AS x
$$;
-- An expression over a row x: its bits, and its values by the classes of their columns
CREATE FUNCTION public.encoder(columns text) RETURNS text LANGUAGE sql AS $$
    SELECT format('substring(bit_send((%s)::bit(%s)) FROM 5) || %s',
                  string_agg(format('(CASE WHEN x.%I IS NULL THEN ''0'' ELSE ''1'' END)', c.name), ' || ' ORDER BY c.n),
                  (count(*) + 7) / 8 * 8,
                  string_agg(format('coalesce(%s, '''')', CASE c.class
                      WHEN 'i2' THEN format('int2send(x.%I)', c.name) WHEN 'i4' THEN format('int4send(x.%I)', c.name) WHEN 'i8' THEN format('int8send(x.%I)', c.name)
                      WHEN 'bool' THEN format('boolsend(x.%I)', c.name) WHEN 'date' THEN format('date_send(x.%I)', c.name)
                      WHEN 'time' THEN format('timestamptz_send(x.%I)', c.name) WHEN 'amount' THEN format('public.amount_bytes(x.%I)', c.name)
                      WHEN 'text' THEN format('public.text_bytes(x.%I)', c.name) WHEN 'other' THEN format('public.text_bytes(trim_scale_text(x.%I))', c.name) END), ' || ' ORDER BY c.n))
      FROM (SELECT split_part(w, ':', 1) AS name, split_part(w, ':', 2) AS class, n FROM string_to_table(columns, ',') WITH ORDINALITY AS t (w, n)) AS c
$$;
CREATE FUNCTION public.trim_scale_text(v anyelement) RETURNS text LANGUAGE sql
AS $$ SELECT CASE pg_typeof(v) WHEN 'numeric'::regtype THEN trim_scale(v::text::numeric)::text ELSE v::text END $$;
-- What a seal says
CREATE FUNCTION public.says(body text, name text) RETURNS text LANGUAGE sql
AS $$ SELECT substring(l FROM length(name) + 2) FROM string_to_table(body, E'\n') AS l WHERE starts_with(l, name || ' ') $$;
-- The root of one kind of rows of a book, of those that a condition on x selects
CREATE FUNCTION public.root(header boolean, entity text, basis text, condition text, columns text) RETURNS text LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO' SET search_path = public AS $$
DECLARE
    root text;
BEGIN
    EXECUTE format($q$
        WITH encoded AS (
            SELECT date_trunc('month', x.je_date)::date AS month, %1$s AS fund, %2$s AS account, %3$s AS currency, %4$s AS debit, %5$s AS credit,
                   %6$s AS number, x.je_id, %7$s AS line_no, %8$s AS bytes
              FROM acct.%9$I AS x WHERE x.entity_code = %10$L AND x.basis = %11$L AND (%12$s)),
        numbered AS (
            SELECT e.*, (row_number() OVER (PARTITION BY e.month, e.fund, e.account, e.currency ORDER BY e.number COLLATE "C", e.je_id, e.line_no) - 1) / %13$s AS leaf
              FROM encoded AS e),
        leaves AS (
            SELECT n.month, n.fund, n.account, n.currency, n.leaf, count(*) AS rows, sum(n.debit) AS debit, sum(n.credit) AS credit,
                   public.leaf(%14$L::bytea || int2send(count(*)::int2) || string_agg(int4send(octet_length(n.bytes)) || n.bytes, '' ORDER BY n.number COLLATE "C", n.je_id, n.line_no)) AS hash
              FROM numbered AS n GROUP BY 1, 2, 3, 4, 5),
        sections AS (
            SELECT l.month, l.fund, l.account, l.currency,
                   public.leaf('LEs1'::bytea || %15$L::bytea || date_send(l.month) || public.text_bytes(l.fund) || public.text_bytes(l.account) || public.text_bytes(l.currency)
                               || int8send(sum(l.rows)::bigint) || public.amount_bytes(sum(l.debit)) || public.amount_bytes(sum(l.credit))
                               || public.tree(array_agg(l.hash ORDER BY l.leaf))) AS hash
              FROM leaves AS l GROUP BY 1, 2, 3, 4)
        SELECT encode(public.tree(coalesce(array_agg(s.hash ORDER BY s.month, s.fund COLLATE "C", s.account COLLATE "C", s.currency COLLATE "C"), '{}')), 'hex') FROM sections AS s $q$,
        CASE WHEN header THEN $s$''$s$ ELSE 'x.fund' END, CASE WHEN header THEN $s$''$s$ ELSE 'x.account_code' END, CASE WHEN header THEN $s$''$s$ ELSE 'x.currency' END,
        CASE WHEN header THEN 'x.total_debit' ELSE 'x.debit' END, CASE WHEN header THEN 'x.total_credit' ELSE 'x.credit' END,
        CASE WHEN header THEN 'x.je_number' ELSE $s$''$s$ END, CASE WHEN header THEN '0' ELSE 'x.line_no' END, public.encoder(columns),
        CASE WHEN header THEN 'ledger_entry_header' ELSE 'ledger_entry_line' END, entity, basis, condition, CASE WHEN header THEN 16 ELSE 32 END,
        CASE WHEN header THEN 'LEh1' ELSE 'LEl1' END, CASE WHEN header THEN '\x01' ELSE '\x02' END) INTO root;
    RETURN root;
END
$$;
CREATE FUNCTION public.exceptions(run bigint, basis_code text, OUT n bigint, OUT root text) LANGUAGE sql AS $$
    SELECT coalesce(sum(l.rows), 0), encode(public.tree(coalesce(array_agg(l.hash ORDER BY l.leaf), '{}')), 'hex')
      FROM (SELECT e.leaf, count(*) AS rows,
                   public.leaf('LEx1'::bytea || int2send(count(*)::int2) || string_agg(int4send(octet_length(e.bytes)) || e.bytes, '' ORDER BY e.txn_id, e.txn_month)) AS hash
              FROM (SELECT x.txn_id, x.txn_month, (row_number() OVER (ORDER BY x.txn_id, x.txn_month) - 1) / 16 AS leaf,
                           substring(bit_send((concat((x.line_no IS NOT NULL)::integer, '11', (x.template_code IS NOT NULL)::integer, (x.template_version IS NOT NULL)::integer, '110'))::bit(8)) FROM 5)
                           || coalesce(int2send(x.line_no), '') || public.text_bytes(x.message) || public.text_bytes(x.reason) || coalesce(public.text_bytes(x.template_code), '')
                           || coalesce(int4send(x.template_version), '') || int8send(x.txn_id) || date_send(x.txn_month) AS bytes
                      FROM acct.je_exception AS x WHERE x.run_id = run AND x.basis = basis_code) AS e
             GROUP BY e.leaf) AS l
$$;
-- Each seal beside what the ledger comes to
CREATE VIEW public.sealed AS
SELECT s.seal_id, s.entity_code, s.basis, s.seal_number, s.kind, public.says(s.body, 'headers') AS headers, public.says(s.body, 'lines') AS lines,
       public.root(true, s.entity_code, s.basis, c.condition, public.says(s.body, 'header_columns')) = public.says(s.body, 'header_root') AS headers_agree,
       public.root(false, s.entity_code, s.basis, c.condition, public.says(s.body, 'line_columns')) = public.says(s.body, 'line_root') AS lines_agree,
       CASE WHEN s.kind = 'run' THEN (x.n::text, x.root) = (public.says(s.body, 'exceptions'), public.says(s.body, 'exception_root')) END AS exceptions_agree,
       s.seal_hash = public.leaf(convert_to(s.body, 'UTF8')) AS hash_agrees,
       public.says(s.body, 'previous') = coalesce((SELECT encode(b.seal_hash, 'hex') FROM acct.ledger_seal AS b WHERE (b.entity_code, b.basis, b.seal_number) = (s.entity_code, s.basis, s.seal_number - 1)), repeat('0', 64)) AS is_next
  FROM acct.ledger_seal AS s
 CROSS JOIN LATERAL (SELECT CASE s.kind WHEN 'run' THEN format('x.run_id = %s', s.run_id)
                                        ELSE format($f$x.je_date BETWEEN %L AND %L AND x.run_id NOT IN (SELECT r.run_id FROM acct.ledger_seal AS r WHERE r.kind = 'run')$f$,
                                                    s.period_month, (s.period_month + interval '1 month - 1 day')::date) END AS condition) AS c
 CROSS JOIN LATERAL public.exceptions(s.run_id, s.basis) AS x
 WHERE s.kind IN ('run', 'month');

INSERT INTO acct.accounting_basis (basis, description, every_transaction) VALUES ('LOCAL', 'Second basis', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('L', '{DR 1000 F1 :gross_amount,CR 3000 F2 :gross_amount}', '[{"txn_type": "A"}]', '{"basis": "LOCAL", "balance_by_fund": false}');
-- However posting goes about it, seals are the same: by page, with workers, one by one, and where staging is not as expansion left it. In a group some lines
-- went row by row, or are not in order, or it is more than one of three processes is to have. Each is posted and taken back.
CREATE FUNCTION public.by_path(INOUT workers integer, INOUT tamper text, OUT is_changed boolean, OUT seals bigint, OUT agree boolean, OUT findings text)
LANGUAGE plpgsql SET ledger_engine.run_partition_min_transactions = 0 SET min_parallel_table_scan_size = 0 SET jit = off AS $$
DECLARE
    run bigint;
    run_rows bigint;
BEGIN
    BEGIN
        PERFORM set_config('ledger_engine.max_workers', workers::text, true);
        -- Lines that do not fit are sorted.
        PERFORM set_config('work_mem', CASE WHEN tamper LIKE '%3 = 0' THEN '64kB' ELSE '4MB' END, true);
        run := acct.create_run('2025-03-01');
        PERFORM FROM acct.expand_journals(run);
        IF tamper IS NOT NULL THEN
            EXECUTE replace(tamper, '@', 'acct.je_line_staging_' || run);
            GET DIAGNOSTICS run_rows = ROW_COUNT;
            is_changed := run_rows > 0;
        END IF;
        PERFORM FROM acct.post_journals(run);
        PERFORM acct.update_balance_snapshot();
        SELECT count(*), bool_and(s.headers_agree AND s.lines_agree AND s.exceptions_agree AND s.hash_agrees AND s.is_next) INTO seals, agree
          FROM public.sealed AS s JOIN acct.ledger_seal AS l ON l.seal_id = s.seal_id WHERE l.run_id = run;
        SELECT string_agg(DISTINCT v.check_name, ', ') INTO findings FROM acct.verify_ledger('2025-03-01') AS v WHERE NOT v.passed;
        RAISE EXCEPTION USING ERRCODE = 'XXTRY';
    EXCEPTION WHEN SQLSTATE 'XXTRY' THEN
        NULL;
    END;
END
$$;
BEGIN;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT i, '2025-03-01', date '2025-03-01' + (i % 45)::integer, 'A', 'P' || i % 3, 'C', i * 1.01, i * 1.01 FROM generate_series(1, 1200) AS i;
SELECT p.*
  FROM unnest(ARRAY[NULL, NULL, 'UPDATE @ SET debit = debit WHERE txn_id = 500', 'UPDATE @ SET debit = debit WHERE txn_id = 500', 'UPDATE @ SET debit = debit WHERE txn_id % 3 = 0',
                    'UPDATE @ SET debit = debit WHERE ctid IN (SELECT min(x.ctid) FROM @ AS x GROUP BY (x.ctid::text::point)[0] HAVING count(*) < 40)'],
              '{1,2,0,2,0,0}'::integer[]) WITH ORDINALITY AS x (tamper, workers, n)
 CROSS JOIN LATERAL public.by_path(workers, tamper) AS p ORDER BY x.n;
ROLLBACK;

SELECT acct.add_dimension('cohort', 'text', true), acct.add_dimension('portfolio', 'integer', true), acct.add_dimension('rate', 'numeric', true),
       acct.add_dimension('tags', 'text[]', true), acct.add_dimension('since', 'timestamptz', true), acct.add_dimension('paid', 'boolean') \gset

-- More rows than a leaf has, and than a block has of some: two books, two bases, three currencies, several months, NULLs, and texts of every length of UTF-8
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, tabarru_amount,
                                    cohort, portfolio, rate, tags, since, paid)
SELECT i, '2025-01-01', date '2025-01-01' + (i % 45)::integer, CASE WHEN i % 7 = 0 THEN 'SUB' ELSE 'MAIN' END, CASE WHEN i % 50 = 0 THEN 'NONE' ELSE 'A' END, 'P', 'C',
       CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '€ 😀 ä' ELSE 'P' || i END, CASE WHEN i % 3 = 0 THEN 'CY4' WHEN i % 11 = 0 THEN 'CY0' ELSE 'IDR' END,
       CASE WHEN i % 3 = 0 THEN i + 0.0001 ELSE i END, CASE WHEN i % 3 = 0 THEN i + 0.0001 ELSE i END,
       CASE WHEN i % 4 > 0 THEN repeat('x', (i % 4)::integer) || '😀' END, nullif(i % 3, 0) - 2, CASE i % 3 WHEN 0 THEN 1.50 WHEN 1 THEN 'NaN' END,
       CASE i % 2 WHEN 0 THEN ARRAY['a b', NULL, '"'] END, CASE i % 2 WHEN 0 THEN timestamptz '2025-01-01 00:00:00.000001+07' END, CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END
  FROM generate_series(1, 2600) AS i;
SELECT public.posted('2025-01-01') AS run1 \gset
SELECT entity_code, basis, seal_number, kind, headers, lines, headers_agree, lines_agree, exceptions_agree, hash_agrees, is_next FROM public.sealed ORDER BY 1, 2, 3;

-- A seal, except for what differs with each run of the test
SELECT regexp_replace(l, '([0-9a-f]{64}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT\S+)|(?<=^(?:sealed|posted)_by ).*|(?<=^extension ).*', '...', 'g') AS line
  FROM acct.ledger_seal AS s, string_to_table(s.body, E'\n') WITH ORDINALITY AS x (l, n) WHERE (s.entity_code, s.basis) = ('SUB', 'PRIMARY') ORDER BY x.n;

-- Sums are those of the ledger.
SELECT s.entity_code, s.basis, bool_and(l = format('sum %s %s %s', t.currency, t.debit::numeric(30,4), t.credit::numeric(30,4))) AS sums_agree, count(*)
  FROM acct.ledger_seal AS s CROSS JOIN LATERAL string_to_table(s.body, E'\n') AS l
  LEFT JOIN (SELECT x.entity_code, x.basis, x.currency, sum(x.debit) AS debit, sum(x.credit) AS credit FROM acct.ledger_entry_line AS x GROUP BY 1, 2, 3) AS t
    ON (t.entity_code, t.basis, t.currency) = (s.entity_code, s.basis, split_part(l, ' ', 2))
 WHERE starts_with(l, 'sum ') GROUP BY 1, 2 ORDER BY 1, 2;

-- What a run journals in no book of a basis is sealed, too: in the book of its first exception, or in the ledger's own chain where that has no entity.
CREATE FUNCTION public.found() RETURNS TABLE (check_name text, basis text, passed boolean) LANGUAGE sql AS $$
    SELECT DISTINCT v.check_name, v.basis, v.passed FROM acct.verify_ledger() AS v WHERE v.passed IS DISTINCT FROM true AND v.check_name <> 'book' ORDER BY 1, 2
$$;
BEGIN;
CALL public.txn(9001, '2025-02-01', 'NONE', entity => 'SUB');
SELECT public.posted('2025-02-01', 'none') AS run \gset
CALL public.txn(9002, '2025-02-01', 'A', entity => 'GHOST');
SELECT public.posted('2025-02-01', 'ghost') AS ghost \gset
SELECT s.entity_code, s.basis, s.seal_number, public.says(s.body, 'exception_basis') AS exception_basis, public.says(s.body, 'exceptions') AS exceptions,
       public.says(s.body, 'exception_root') = x.root AS agrees, public.says(s.body, 'source_digest') = r.source_digest AS has_source
  FROM acct.ledger_seal AS s JOIN acct.journal_run AS r ON r.run_id = s.run_id CROSS JOIN LATERAL public.exceptions(s.run_id, public.says(s.body, 'exception_basis')) AS x
 WHERE s.kind = 'exceptions' ORDER BY s.seal_id;
SELECT * FROM public.found();
SAVEPOINT untouched;
ALTER TABLE acct.je_exception DISABLE TRIGGER ALL;
UPDATE acct.je_exception SET message = 'all is well' WHERE run_id = :run;
SELECT * FROM public.found();
ROLLBACK TO untouched;
ALTER TABLE acct.je_exception DISABLE TRIGGER ALL;
UPDATE acct.je_exception SET basis = 'LOCAL' WHERE run_id = :run;
SELECT * FROM public.found();
ROLLBACK;
-- A run whose number is lower, and whose time is before all that is sealed, was not there when the first seal was made.
BEGIN;
ALTER TABLE acct.ledger_entry_header DISABLE TRIGGER ALL;
ALTER TABLE acct.ledger_entry_header_2025_01 DISABLE TRIGGER ALL;
INSERT INTO acct.journal_run OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(r, '{"run_id": 1, "posted_at": "2024-12-31", "run_key": "forged"}')).* FROM acct.journal_run AS r WHERE r.run_id = :run1;
INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(h, jsonb_build_object('je_id', h.je_id + 90000, 'run_id', 1, 'je_number', '9' || h.je_number))).*
  FROM acct.ledger_entry_header AS h WHERE h.run_id = :run1 AND h.je_date < '2025-02-01' LIMIT 1;
SELECT * FROM public.found();
SELECT public.says(body, 'unsealed_runs') AS unsealed_runs, count(*) FROM acct.ledger_seal GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- A column more changes no seal that was there. Runs that follow have it.
SELECT acct.add_dimension('region', 'text', true) \gset
CALL public.txn(9001, '2025-02-01', 'A');
SELECT public.posted('2025-02-01') AS run2 \gset
SELECT acct.reverse_run(:run2, '2025-02-20', 'Wrong month') AS run3 \gset
SELECT count(*) AS months FROM acct.expand_journals(:run3);
SET SESSION AUTHORIZATION :"checker";
SELECT journals, lines FROM acct.post_journals(:run3);
RESET SESSION AUTHORIZATION;
SELECT kind, count(*), bool_and(headers_agree AND lines_agree AND coalesce(exceptions_agree, true) AND hash_agrees AND is_next) AS agree FROM public.sealed GROUP BY kind;
SELECT s.entity_code, s.basis, s.seal_number, public.says(s.body, 'run_kind') AS run_kind, public.says(s.body, 'headers') AS headers FROM acct.ledger_seal AS s ORDER BY 1, 2, 3;
-- Each posted run is sealed, in each of its books.
SELECT count(*) AS unsealed FROM (SELECT DISTINCT run_id, entity_code, basis FROM acct.ledger_entry_header EXCEPT SELECT run_id, entity_code, basis FROM acct.ledger_seal WHERE kind = 'run') AS x;

-- Evidence has the sections, and leads to the roots.
SELECT s.seal_number, public.says(s.body, 'line_root') = encode(x.line_root, 'hex') AND public.says(s.body, 'header_root') = encode(x.header_root, 'hex') AS leads_to_roots, x.sections, x.lines
  FROM acct.ledger_seal AS s
 CROSS JOIN LATERAL (SELECT count(*) AS sections, sum(e.row_count) FILTER (WHERE e.kind = 2) AS lines,
                            public.tree(array_agg(public.leaf(e.data) ORDER BY e.section_no) FILTER (WHERE e.kind = 2)) AS line_root,
                            public.tree(array_agg(public.leaf(e.data) ORDER BY e.section_no) FILTER (WHERE e.kind = 1)) AS header_root
                       FROM acct._evidence_sections(s.seal_id) AS e) AS x
 WHERE (s.entity_code, s.basis) = ('MAIN', 'PRIMARY') ORDER BY 1;
SELECT e.kind, e.month, e.fund, e.account_code, e.currency, e.row_count, e.debit, e.credit FROM acct.ledger_seal AS s, acct._evidence_sections(s.seal_id) AS e WHERE (s.entity_code, s.basis) = ('SUB', 'LOCAL') ORDER BY e.section_no;
SELECT count(*) AS sections FROM acct._evidence_sections(-1);

-- What was posted before there were seals is sealed by book and month, once, with the columns that there are now; also in the archive.
CREATE FUNCTION public.forget_seals(which bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY '{ledger_log,ledger_seal_evidence,ledger_seal}'::text[] LOOP
        EXECUTE format('ALTER TABLE acct.%I DISABLE TRIGGER %I', t, t || '_immutable');
        EXECUTE format('DELETE FROM acct.%I WHERE seal_id = ANY ($1)', t) USING which;
        EXECUTE format('ALTER TABLE acct.%I ENABLE ALWAYS TRIGGER %I', t, t || '_immutable');
    END LOOP;
END
$$;
SELECT count(*) AS closed FROM public.close_period('2025-01-01');
SELECT array_agg(seal_id) AS seals FROM acct.ledger_seal \gset
SELECT public.forget_seals(:'seals');
SELECT acct.seal_ledger('2025-01-02'); :why
SELECT acct.seal_ledger(entity => 'NONE'); :why
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS archived;
SELECT * FROM acct.seal_ledger('2025-01-01', '2025-01-01');
SELECT acct.restore_partition('ledger_entry', '2025-01-01') AS restored;
-- What is not sealed yet is no finding, as the first seal names its runs.
SELECT kind, acct._numbers_of(public.says(body, 'unsealed_runs')) = (SELECT range_agg(int8range(run_id, run_id, '[]')) FROM acct.journal_run WHERE status IN ('posted', 'reversed')) AS names_runs
  FROM acct.ledger_seal WHERE public.says(body, 'unsealed_runs') IS NOT NULL;
SELECT * FROM public.found() WHERE check_name IN ('headers', 'lines', 'exceptions');
SELECT * FROM acct.seal_ledger(entity => 'MAIN', basis => 'LOCAL');
SELECT * FROM acct.seal_ledger();
SELECT * FROM acct.seal_ledger();
CALL public.txn(9002, '2025-02-01', 'A');
SELECT public.posted('2025-02-01') AS run4 \gset
SELECT entity_code, basis, seal_number, kind, headers, lines, headers_agree, lines_agree, exceptions_agree, hash_agrees, is_next FROM public.sealed ORDER BY 1, 2, 3;
SELECT step, rows FROM acct.run_log WHERE step = 'seal' ORDER BY log_id;
-- A ledger that is not what its runs posted is not sealed.
SELECT array_agg(seal_id) AS seals FROM acct.ledger_seal WHERE kind = 'month' AND period_month = '2025-02-01' AND (entity_code, basis) = ('SUB', 'LOCAL') \gset
SELECT public.forget_seals(:'seals');
UPDATE acct.journal_run_total SET debit = debit + 1 WHERE entity_code = 'SUB' AND basis = 'LOCAL' AND je_month = '2025-02-01' AND currency = 'CY0' AND account_code = '1000';
SELECT acct.seal_ledger(); :why
UPDATE acct.journal_run_total SET debit = debit - 1, account_code = '1999' WHERE entity_code = 'SUB' AND basis = 'LOCAL' AND je_month = '2025-02-01' AND currency = 'CY0' AND account_code = '1000';
SELECT acct.seal_ledger(); :why
UPDATE acct.journal_run_total SET debit = debit + 1, account_code = '1000' WHERE account_code = '1999';
-- What was dropped is left out.
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS archived;
SELECT array_agg(seal_id) AS seals FROM acct.ledger_seal WHERE period_month = '2025-01-01' AND entity_code = 'SUB' \gset
SELECT public.forget_seals(:'seals');
UPDATE acct.archived_partition SET dropped_at = clock_timestamp() WHERE month = '2025-01-01' AND restored_at IS NULL;
SET client_min_messages = notice;
SELECT * FROM acct.seal_ledger('2025-01-01', '2025-01-01');

-- Values are escaped, and time is UTC.
SELECT acct._seal_value(E'a\\b\nc\rd'), acct._seal_value('-'), acct._seal_value(NULL), acct._seal_value(''), acct._seal_time('2025-01-01 07:00:00.5+07');
-- Seals are not changed.
\set VERBOSITY sqlstate
UPDATE acct.ledger_seal SET kind = 'other';
DELETE FROM acct.ledger_seal_evidence;
TRUNCATE acct.ledger_seal_evidence;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- Staging: runs that share tables, and runs with tables of their own; what a site changes; what is removed, and when
\set topic staging
\i test/sql/setup.sql
SET ledger_engine.run_partition_min_transactions = -1;
SET ledger_engine.staging_table_min_transactions = 10;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
SELECT count(*) AS made FROM acct.rotate_ledger_partitions(5, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 3000 F1 :gross_amount,CR 4000 F1 :gross_amount * 0.3,CR 2000 F1 *}');
-- A batch: so many transactions of two types and three entities
CREATE PROCEDURE public.load(first integer, rows integer, month date DEFAULT '2025-01-01') LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, gross_amount, tabarru_amount)
    SELECT n, month, month + n % 28, (ARRAY['MAIN', 'SUB', 'OTHER'])[n % 3 + 1], (ARRAY['A', 'B'])[n % 2 + 1], 'P', 'C', n, n FROM generate_series(first, first + rows - 1) AS n
$$;
-- Where runs are staged, and how many rows of theirs there are
CREATE FUNCTION public.staged() RETURNS TABLE (run_key text, status text, in_table text, headers bigint, lines bigint, lost boolean) LANGUAGE sql AS $$
    SELECT r.run_key, r.status, replace(t.header::text, r.run_id::text, 'N'),
           (SELECT count(*) FROM acct.je_header_staging AS h WHERE h.run_id = r.run_id),
           (SELECT count(*) FROM acct.je_line_staging AS l WHERE l.run_id = r.run_id), acct._staging_lost(r.run_id)
      FROM acct.journal_run AS r, acct._staging_tables(r.run_id) AS t WHERE r.run_key IS NOT NULL ORDER BY r.run_id
$$;

-- Small runs make nothing in the catalogs.
CALL public.load(1, 3);
SELECT public.posted('2025-01-01', 'first') AS first \gset
SELECT count(*) AS relations FROM pg_class \gset
CALL public.load(11, 9);
SELECT public.expanded('2025-01-01', 'small') AS small \gset
CALL public.load(21, 4);
SELECT public.expanded('2025-01-01', 'other') AS other \gset
SELECT count(*) - :relations AS more_relations FROM pg_class;
CALL public.load(31, 10);
SELECT public.expanded('2025-01-01', 'large') AS large \gset
SELECT * FROM public.staged();
SELECT r.run_key, acct.run_digest(r.run_id, 'staging') = r.digest AS same_digest, (SELECT bool_and(v.passed) FROM acct.validate_run(r.run_id) AS v) AS valid
  FROM acct.journal_run AS r WHERE r.status = 'expanded' ORDER BY r.run_id;
SELECT run_id = :small AS small, count(*) FROM acct.run_staging WHERE run_id IN (:small, :other) GROUP BY 1 ORDER BY 1;
-- No run's own tables are read for another.
SET enable_seqscan = off;
CREATE FUNCTION public.tables_read(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN QUERY SELECT regexp_replace(m[1], '\d+$', 'N') FROM regexp_matches(plan::text, '"Relation Name": "(\w+)"', 'g') AS m;
END
$$;
SELECT public.tables_read(format('SELECT * FROM acct.je_line_staging WHERE run_id = %s', :small));
SELECT public.tables_read(format('SELECT * FROM acct.je_line_staging WHERE run_id = %s', :large));
RESET enable_seqscan;

-- The same run with tables of its own and without comes to the same.
SELECT digest, lines, debit FROM acct.journal_run WHERE run_id = :small \gset
SELECT acct.discard_run(:small);
SET ledger_engine.staging_table_min_transactions = 0;
SELECT public.expanded('2025-01-01', 'own') AS own \gset
SELECT digest = :'digest' AS same_digest, lines = :lines AS same_lines, debit = :debit AS same_debit FROM acct.journal_run WHERE run_id = :own;
-- Expanded again with another setting, it moves; and a run with ledger partitions of its own always has tables.
SELECT header AS staged FROM acct._staging_tables(:own) \gset
TRUNCATE :staged;
SELECT * FROM public.staged() WHERE run_key = 'own';
SET ledger_engine.staging_table_min_transactions = -1;
SELECT sum(journals) AS journals FROM acct.expand_journals(:own);
SELECT * FROM public.staged() WHERE run_key = 'own';
SELECT count(*) AS left_over FROM pg_class WHERE relname ~ ('staging_' || :own || '$');
SELECT acct.discard_run(:own);
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.expanded('2025-01-01', 'ranged') AS ranged \gset
SELECT * FROM public.staged() WHERE run_key = 'ranged';
SELECT acct.discard_run(:ranged);
SET ledger_engine.run_partition_min_transactions = -1;
SET ledger_engine.staging_table_min_transactions = 10;
SET ledger_engine.staging_table_min_transactions = -2;

-- Discarding one takes nothing of another.
SELECT public.expanded('2025-01-01', 'small-2') AS small \gset
SELECT * FROM public.staged() WHERE status <> 'discarded';

-- Journals are numbered by book as they were made; what is posted is this run's, all of it.
SELECT sum(journals) AS journals, sum(lines) AS lines FROM acct.post_journals(:small);
SELECT h.entity_code, count(*), bool_and(right(h.je_number, 9)::integer = n.first + h.n) AS in_order, array_agg(h.txn_id ORDER BY h.je_number) AS transactions
  FROM (SELECT l.*, row_number() OVER (PARTITION BY l.entity_code ORDER BY l.je_id) AS n FROM acct.ledger_entry_header AS l WHERE l.run_id = :small) AS h
  JOIN (SELECT l.entity_code, count(*) AS first FROM acct.ledger_entry_header AS l WHERE l.run_id < :small GROUP BY 1) AS n USING (entity_code)
 GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT run_id) AS runs, count(*) AS journals FROM acct.ledger_entry_header;
SELECT acct.run_digest(:small) = acct.run_digest(:small, 'staging') AS same_digest;
SELECT public.posted('2025-01-01') IS NOT NULL AS posted; -- what none of these has taken
-- A line that is gone is missed.
\set VERBOSITY sqlstate
BEGIN;
DELETE FROM acct.je_line_staging WHERE run_id = :other AND txn_id = 21 AND line_no = 1;
SELECT check_name FROM acct.validate_run(:other) WHERE NOT passed ORDER BY 1;
SELECT * FROM acct.post_journals(:other); :why
ROLLBACK;

-- Lost: what a crash emptied is missed by each run that had rows there, also when others have some again.
TRUNCATE acct.je_header_staging_small, acct.je_line_staging_small;
CALL public.load(41, 2);
SELECT public.expanded('2025-01-01', 'after') AS after \gset
SELECT * FROM public.staged() WHERE status = 'expanded';
SELECT acct.post_journals(:other); :why
SELECT acct.validate_run(:other); :why
SELECT acct.run_digest(:other, 'staging'); :why
SELECT observed, replace(detail, :'other', 'N') AS detail FROM acct.health('{staging_lost}');
SELECT sum(journals) AS journals, bool_and(already_done) AS already_done FROM acct.expand_journals(:after);
SELECT sum(journals) AS journals, bool_and(already_done) AS already_done FROM acct.expand_journals(:other);
SELECT * FROM public.staged() WHERE status = 'expanded';
-- One of the two tables
TRUNCATE acct.je_line_staging_small;
SELECT run_key, lost FROM public.staged() WHERE status = 'expanded';
SELECT sum(journals) AS journals FROM acct.expand_journals(:after);
SELECT sum(journals) AS journals FROM acct.expand_journals(:other);
SELECT * FROM public.staged() WHERE status = 'expanded';
-- A run whose transactions are all exceptions has nothing to lose.
CALL public.txn(51, '2025-02-01', 'UNKNOWN');
SELECT public.expanded('2025-02-01', 'nothing') AS nothing \gset
SELECT * FROM public.staged() WHERE run_key = 'nothing';
SELECT bool_and(passed) AS valid FROM acct.validate_run(:nothing);
SELECT sum(journals) AS journals FROM acct.post_journals(:nothing);

-- The parents have no rows of their own.
INSERT INTO acct.je_line_staging SELECT * FROM acct.je_line_staging WHERE run_id = :other LIMIT 1; :why
INSERT INTO acct.je_header_staging SELECT * FROM acct.je_header_staging WHERE run_id = :other LIMIT 1; :why
-- A site's index or key on a parent: runs have tables of their own that have it too.
CREATE UNIQUE INDEX mine ON acct.je_line_staging (run_id, account_code) WHERE debit > 0;
CALL public.load(61, 2);
CALL public.load(71, 2, '2025-03-01');
SELECT acct.create_run('2025-01-01', 'keyed') AS keyed \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:keyed);
SELECT * FROM public.staged() WHERE run_key = 'keyed';
SELECT acct.discard_run(:keyed);
CALL public.load(81, 4);
SELECT acct.create_run('2025-01-01', 'keyed twice') AS keyed \gset
SELECT * FROM acct.expand_journals(:keyed); :why
DROP INDEX acct.mine;
SELECT sum(journals) AS journals FROM acct.expand_journals(:keyed);
SELECT * FROM public.staged() WHERE run_key = 'keyed twice';
SELECT sum(journals) AS journals FROM acct.post_journals(:keyed);
-- Without its index a table that is shared is read, and serves.
DROP INDEX acct.je_line_staging_small_run_idx;
SELECT public.posted('2025-03-01', 'unindexed') AS unindexed \gset
SELECT bool_and(passed) AS valid FROM acct.validate_run(:unindexed);
CREATE INDEX je_line_staging_small_run_idx ON acct.je_line_staging_small (run_id);
-- A column that a site adds to the parents and drops again, also of runs that are staged
ALTER TABLE acct.je_header_staging ADD COLUMN mine integer;
ALTER TABLE acct.ledger_entry_header ADD COLUMN mine integer;
CALL public.load(91, 2);
SELECT public.expanded('2025-01-01', 'column') AS column \gset
SET ledger_engine.staging_table_min_transactions = 0;
CALL public.load(94, 2);
SELECT public.expanded('2025-01-01', 'own column') AS own \gset
SET ledger_engine.staging_table_min_transactions = 10;
ALTER TABLE acct.je_header_staging DROP COLUMN mine;
SET ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header DROP COLUMN mine;
RESET ledger_engine.allow_drop;
SELECT sum(journals) AS journals FROM acct.post_journals(:own);
SELECT sum(journals) AS journals FROM acct.post_journals(:column);
SELECT sum(journals) AS journals FROM acct.post_journals(:other);

-- Headers that somebody changed after expansion are not posted: each column, the site's own among them, in tables that small runs share and in those of a run
CREATE DOMAIN public.office AS text COLLATE "C";
CREATE TYPE public.mood AS ENUM ('good', 'bad');
SELECT acct.add_dimension('region', 'text');
ALTER TABLE acct.txn_source_parent ADD COLUMN office public.office, ADD COLUMN mood public.mood, ADD COLUMN near regclass;
ALTER TABLE acct.je_header_staging ADD COLUMN office public.office, ADD COLUMN mood public.mood, ADD COLUMN near regclass;
ALTER TABLE acct.ledger_entry_header ADD COLUMN office public.office, ADD COLUMN mood public.mood, ADD COLUMN near regclass;
CREATE FUNCTION public.refused(id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.post_journals(id);
    RAISE EXCEPTION 'posted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN CASE WHEN SQLERRM ~ 'not what was expanded$' THEN format('%s:%s', SQLSTATE, regexp_replace(detail, '^Expanded: .* lines\.', ''))
                ELSE format('%s: %s', SQLSTATE, regexp_replace(SQLERRM, '\d+', 'N')) END;
END
$$;
-- What a change of a run's staging comes to: the checks that fail, columns that they name, and what posting says
CREATE FUNCTION public.changed_by(id bigint, statement text, OUT failed text, OUT actual text, OUT refusal text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(statement, '{run}', id::text);
    SELECT string_agg(v.check_name, ' '), string_agg(v.actual, ' ') FILTER (WHERE v.actual ~ 'column') INTO failed, actual FROM acct.validate_run(id) AS v WHERE NOT v.passed;
    refusal := public.refused(id);
    RAISE EXCEPTION 'undone';
EXCEPTION WHEN OTHERS THEN
    refusal := CASE WHEN SQLERRM = 'undone' THEN refusal ELSE SQLSTATE END;
END
$$;
-- The same of a change of its headers
CREATE FUNCTION public.changed(id bigint, change text, OUT failed text, OUT refusal text) LANGUAGE sql AS $$
    SELECT x.failed, x.refusal FROM public.changed_by(id, format('UPDATE acct.je_header_staging AS h SET %s WHERE run_id = {run}', change)) AS x
$$;
-- A value for another, and NULL for what has a value; the run's number finds its rows.
CREATE VIEW public.changes AS
SELECT a.attnum, format('%I = %s', a.attname, CASE WHEN v = 2 THEN 'NULL' WHEN a.attname = 'office' THEN $$'another'$$ WHEN a.attname = 'mood' THEN $$'bad'$$
                                                   WHEN a.attname = 'near' THEN $$'pg_class'::regclass$$
                                                   WHEN a.atttypid = 'text'::regtype THEN format($$coalesce(%I, '') || 'x'$$, a.attname)
                                                   WHEN a.atttypid = 'date'::regtype THEN format($$coalesce(%I, '2025-06-01') + 1$$, a.attname)
                                                   ELSE format('coalesce(%I, 0) + 1', a.attname) END) AS change
  FROM pg_attribute AS a, generate_series(1, 2) AS v
 WHERE a.attrelid = 'acct.je_header_staging'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'run_id'
   AND (v = 1 OR NOT a.attnotnull AND a.attname NOT IN ('reversal_of', 'original_date', 'policy_no', 'memo'));
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-06-01');
CALL public.load(901, 3, '2025-06-01');
-- One value is stored out of line.
UPDATE acct.txn_source_parent
   SET region = CASE txn_id WHEN 901 THEN (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 300) AS n) ELSE 'North' END,
       office = 'first', mood = 'good', near = 'acct.entity'
 WHERE txn_id > 900;
SET ledger_engine.run_partition_min_transactions = -1;
SELECT public.expanded('2025-06-01', 'changed') AS shared \gset
SELECT c.change, x.failed, x.refusal FROM public.changes AS c, public.changed(:shared, c.change) AS x ORDER BY c.attnum, c.change DESC;
SELECT acct.discard_run(:shared);
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.expanded('2025-06-01', 'changed too') AS ranged \gset
SELECT x.failed, x.refusal, string_agg(split_part(c.change, ' ', 1), ' ' ORDER BY c.attnum, c.change) AS columns
  FROM public.changes AS c, public.changed(:ranged, c.change) AS x GROUP BY 1, 2 ORDER BY 1, 2;
-- What is written again as it was has not changed; nor does it matter how the caller writes values.
UPDATE acct.je_header_staging SET region = region, memo = memo WHERE run_id = :ranged;
SET datestyle = 'SQL, DMY';
SET search_path = public, acct, pg_catalog;
SELECT check_name FROM acct.validate_run(:ranged) WHERE NOT passed;
-- A column that came later counts for nothing, though it has a value; one that had values and is gone, or has other ones by its new type, is named.
BEGIN;
ALTER TABLE acct.je_header_staging ADD COLUMN mine integer DEFAULT 7;
SELECT check_name FROM acct.validate_run(:ranged) WHERE NOT passed;
ROLLBACK;
BEGIN;
ALTER TABLE acct.je_header_staging DROP COLUMN office, ALTER COLUMN mood TYPE integer USING 5;
SELECT check_name, actual FROM acct.validate_run(:ranged) WHERE NOT passed;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header DROP COLUMN mood, ADD COLUMN mood integer;
SELECT public.refused(:ranged);
ROLLBACK;
SELECT sum(journals) AS journals FROM acct.post_journals(:ranged);
-- Posted, they are compared in the ledger.
SELECT check_name, passed, expected = r.header_digest AS recorded, cardinality(r.header_columns) = cardinality(r.header_types) AS typed,
       r.header_columns @> '{region,office,memo}' AS of_all
  FROM acct.journal_run AS r, acct.validate_run(r.run_id) WHERE r.run_id = :ranged AND check_name = 'header_digest';
RESET datestyle;
RESET search_path;
-- Reversals, rebookings and corrections
SELECT acct.reverse_run(:ranged, '2025-06-30', 'a test') AS back \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:back);
SELECT change, (public.changed(:back, change)).* FROM unnest('{reversal_of = NULL,memo = ''other'',region = ''South'',memo = memo}'::text[]) AS change;
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT r AS again FROM acct.rebook_run(:back) AS r \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:again);
SELECT change, (public.changed(:again, change)).* FROM unnest('{template_version = 7,region = ''South'',memo = memo}'::text[]) AS change;
SELECT sum(journals) AS journals FROM acct.post_journals(:again);
CALL public.policy('A', '{DR 3000 F1 :gross_amount,CR 2000 F1 *}', header => '{"effective_from": "2025-06-01"}');
SELECT acct.correct_run(:again, '2025-06-30', 'a test') AS correction \gset
-- Types are recorded as they are named everywhere.
SET search_path = acct;
SELECT pg_catalog.sum(journals) AS journals FROM acct.expand_journals(:correction);
RESET search_path;
SELECT DISTINCT header_types[array_position(header_columns, 'office')] AS office FROM acct.journal_run WHERE run_id IN (:ranged, :back, :again, :correction);
SELECT change, (public.changed(:correction, change)).* FROM unnest('{reversal_of = NULL,template_version = 1,region = ''South'',memo = memo}'::text[]) AS change;
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
SELECT r.kind, bool_and(v.passed) AS valid, count(*) FILTER (WHERE v.check_name = 'header_digest') AS digests
  FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.run_id IN (:ranged, :back, :again, :correction) GROUP BY r.run_id ORDER BY r.run_id;
-- A run of a version that did not record the digest is posted as before.
SET ledger_engine.run_partition_min_transactions = -1;
CALL public.load(911, 3, '2025-06-01');
SELECT public.expanded('2025-06-01', 'older') AS older \gset
UPDATE acct.journal_run SET header_digest = NULL, header_columns = NULL, header_types = NULL WHERE run_id = :older;
UPDATE acct.je_header_staging SET memo = 'changed' WHERE run_id = :older;
SELECT count(*) AS found FROM acct.validate_run(:older) WHERE check_name = 'header_digest' OR NOT passed;
SELECT sum(journals) AS journals FROM acct.post_journals(:older);
SELECT count(*) AS found FROM acct.validate_run(:older) WHERE check_name = 'header_digest' OR NOT passed;
-- Lines of two journals that somebody exchanged: each journal balances, and all columns have the values that they had.
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', '2025-06-15', 'A', 'P', 'C', 100, 100 FROM generate_series(921, 922) AS n;
CREATE FUNCTION public.exchanged(id bigint, OUT lines bigint, OUT refusal text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE acct.je_line_staging AS l SET je_id = (SELECT h.je_id FROM acct.je_header_staging AS h WHERE h.run_id = id AND h.txn_id = 1843 - l.txn_id) WHERE l.run_id = id;
    GET DIAGNOSTICS lines = ROW_COUNT;
    refusal := public.refused(id);
    RAISE EXCEPTION 'undone';
EXCEPTION WHEN OTHERS THEN
    refusal := CASE WHEN SQLERRM = 'undone' THEN refusal ELSE SQLSTATE END;
END
$$;
SET ledger_engine.run_partition_min_transactions = -1;
SELECT public.expanded('2025-06-01', 'exchanged') AS shared \gset
SELECT * FROM public.exchanged(:shared);
SELECT acct.discard_run(:shared);
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.expanded('2025-06-01', 'exchanged too') AS ranged \gset
SELECT * FROM public.exchanged(:ranged);
SELECT sum(journals) AS journals FROM acct.post_journals(:ranged);

-- Nor are lines whose values in columns of the site somebody changed, which the digest of lines is not of: another value, values of two lines exchanged, a column that is gone. Nor are sums by account, which balances are moved by, and which are not those of the lines.
SELECT acct.add_dimension('cohort', 'text', on_lines => true);
ALTER TABLE acct.je_line_staging ADD COLUMN mood public.mood, ADD COLUMN near regclass;
ALTER TABLE acct.ledger_entry_line ADD COLUMN mood public.mood, ADD COLUMN near regclass;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-07-01');
CALL public.load(1001, 3, '2025-07-01');
UPDATE acct.txn_source_parent SET cohort = CASE txn_id WHEN 1001 THEN repeat('a cohort ', 400) ELSE txn_id::text END, mood = 'good', near = 'acct.entity' WHERE txn_id > 1000;
CREATE TABLE public.line_changes AS
SELECT * FROM unnest(ARRAY[
    $$UPDATE acct.je_line_staging SET cohort = 'other' WHERE run_id = {run}$$,
    $$UPDATE acct.je_line_staging SET cohort = NULL WHERE run_id = {run} AND line_no = 1$$,
    $$UPDATE acct.je_line_staging SET mood = 'bad' WHERE run_id = {run} AND txn_id = 1002 AND line_no = 1$$,
    $$UPDATE acct.je_line_staging SET near = 'pg_class' WHERE run_id = {run} AND txn_id = 1002 AND line_no = 1$$,
    $$UPDATE acct.je_line_staging SET cohort = 2005 - txn_id WHERE run_id = {run} AND txn_id > 1001$$,
    $$ALTER TABLE acct.je_line_staging DROP COLUMN cohort$$,
    $$ALTER TABLE acct.je_line_staging DROP COLUMN cohort, ADD COLUMN cohort text$$,
    $$ALTER TABLE acct.je_line_staging ADD COLUMN later integer DEFAULT 7; ALTER TABLE acct.ledger_entry_line ADD COLUMN later integer$$,
    $$UPDATE acct.je_line_staging SET cohort = cohort WHERE run_id = {run}$$,
    $$UPDATE acct.journal_run_total SET debit = debit + 1 WHERE run_id = {run} AND debit > 0$$,
    $$DELETE FROM acct.journal_run_total WHERE run_id = {run} AND debit > 0$$,
    $$UPDATE acct.journal_run_total SET account_code = '9' || account_code WHERE run_id = {run} AND debit > 0$$,
    $$UPDATE acct.journal_run_total AS t SET debit = t.debit + CASE WHEN t.entity_code = 'MAIN' THEN 1 ELSE -1 END WHERE run_id = {run} AND debit > 0 AND entity_code IN ('MAIN', 'SUB')$$,
    $$UPDATE acct.journal_run_total SET debit = debit + 0.0000, credit = credit * 1.0 WHERE run_id = {run}$$]) WITH ORDINALITY AS c (statement, n);
SET ledger_engine.run_partition_min_transactions = -1;
SELECT public.expanded('2025-07-01', 'cohorts') AS shared \gset
SELECT c.n, x.* FROM public.line_changes AS c, public.changed_by(:shared, c.statement) AS x ORDER BY 1;
-- What the sums come to is said.
CREATE FUNCTION public.why_refused(id bigint, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE acct.journal_run_total SET debit = debit + 1.5 WHERE run_id = id AND debit > 0 AND entity_code = 'MAIN';
    PERFORM acct.post_journals(id);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
END
$$;
SELECT public.why_refused(:shared);
SELECT acct.discard_run(:shared);
SET ledger_engine.run_partition_min_transactions = 0;
SELECT public.expanded('2025-07-01', 'cohorts too') AS ranged \gset
SELECT c.n, x.* FROM public.line_changes AS c, public.changed_by(:ranged, c.statement) AS x WHERE n IN (1, 3, 5, 6, 8, 9) ORDER BY 1;
SELECT added_columns, added_types FROM acct.journal_run WHERE run_id = :ranged;
SELECT sum(journals) AS journals FROM acct.post_journals(:ranged);
-- In the ledger
SELECT * FROM public.changed_by(:ranged, 'ALTER TABLE acct.ledger_entry_line DISABLE TRIGGER ALL; UPDATE acct.ledger_entry_line SET cohort = 2005 - txn_id WHERE run_id = {run} AND txn_id > 1001');
SELECT acct.reverse_run(:ranged, '2025-07-30', 'a test') AS back \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:back);
SELECT c.n, x.* FROM public.line_changes AS c, public.changed_by(:back, c.statement) AS x WHERE n IN (3, 5, 9) ORDER BY 1;
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:back);
RESET SESSION AUTHORIZATION;
SELECT r AS again FROM acct.rebook_run(:back) AS r \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:again);
SELECT c.n, x.* FROM public.line_changes AS c, public.changed_by(:again, c.statement) AS x WHERE n IN (3, 9) ORDER BY 1;
SELECT sum(journals) AS journals FROM acct.post_journals(:again);
CALL public.policy('A', '{DR 5000 F1 :gross_amount,CR 2000 F1 *}', header => '{"effective_from": "2025-07-01"}');
SELECT acct.correct_run(:again, '2025-07-30', 'a test') AS correction \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:correction);
SELECT c.n, x.* FROM public.line_changes AS c, public.changed_by(:correction, c.statement) AS x WHERE n IN (3, 6, 9) ORDER BY 1;
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
SELECT r.kind, bool_and(v.passed) AS valid, count(*) FILTER (WHERE v.check_name = 'line_columns') AS of_columns
  FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.run_id IN (:ranged, :back, :again, :correction) GROUP BY r.run_id ORDER BY r.run_id;
-- A run of a version that did not record the digest is posted as before.
CALL public.load(1011, 3, '2025-07-01');
SELECT public.expanded('2025-07-01', 'older cohorts') AS older \gset
UPDATE acct.journal_run SET added_digest = NULL, added_columns = NULL, added_types = NULL WHERE run_id = :older;
UPDATE acct.je_line_staging SET cohort = 'changed' WHERE run_id = :older;
SELECT count(*) AS found FROM acct.validate_run(:older) WHERE check_name = 'line_columns' OR NOT passed;
SELECT sum(journals) AS journals FROM acct.post_journals(:older);

-- Retention: one row for all of them, of which a reader notices nothing.
UPDATE acct.journal_run SET posted_at = posted_at - interval '40 days' WHERE run_id IN (:column, :other, :keyed);
SELECT partition_name, month, action, regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DAY') AS reason, rows FROM acct.apply_retention(true) WHERE table_name = 'je_staging';
SELECT status, observed, regexp_replace(detail, '\d{4}-\d\d-\d\d', 'DAY') = format('je_header_staging_small of run %s, posted on DAY', :other) AS of_the_first FROM acct.health('{staging_left}');
SELECT partition_name, month, action, regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DAY') AS reason, rows FROM acct.apply_retention() WHERE table_name = 'je_staging';
SELECT run_key, status, headers, lines, lost FROM public.staged() WHERE run_key IN ('column', 'other', 'keyed twice', 'unindexed', 'after');
SELECT count(*) AS due FROM acct.apply_retention(true) WHERE table_name = 'je_staging';
SELECT step, partition, rows, detail FROM acct.run_log WHERE run_id IS NULL AND step = 'drop';
SELECT acct.run_digest(:column, 'staging'); :why
SELECT acct.run_digest(:column) = r.digest AS in_the_ledger FROM acct.journal_run AS r WHERE r.run_id = :column;
-- Without a policy it stays; rows of runs that are none, or were discarded, go anyway.
DELETE FROM acct.retention_policy WHERE table_name = 'je_staging';
INSERT INTO acct.je_line_staging_small SELECT (jsonb_populate_record(l, '{"run_id": 999999}')).* FROM acct.je_line_staging_small AS l WHERE l.run_id = :after;
SELECT reason, rows FROM acct.apply_retention() WHERE table_name = 'je_staging';
SELECT run_id = :after AS after, count(*) FROM acct.je_line_staging_small WHERE run_id IN (:after, 999999) GROUP BY 1;
SELECT status, observed FROM acct.health('{staging_left}');
SELECT sum(journals) AS journals FROM acct.post_journals(:after);
SELECT sum(journals) AS journals FROM acct.post_journals(:large);
SELECT count(*) AS differences FROM acct.check_balance_snapshot();

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

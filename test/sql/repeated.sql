-- The same transaction under two months: counted, and refused where the run's options say so
\set topic repeated
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(15, '2024-12-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CREATE FUNCTION public.repeated(id bigint) RETURNS TABLE (passed boolean, expected text, actual text) LANGUAGE sql AS
$$ SELECT v.passed, v.expected, v.actual FROM acct.validate_run($1) AS v WHERE v.check_name = 'repeated_transactions' $$;
\set health 'SELECT status, observed, threshold, detail, hint FROM acct.health(''{repeated_transactions}'');'
CALL public.txn(1, '2025-01-01', 'A', 100, '2025-01-31');
CALL public.txn(2, '2025-01-01', 'A', 100, '2025-01-31');
CALL public.txn(3, '2025-01-01', 'A', 100, entity => 'OTHER');
CALL public.txn(4, '2025-01-01', 'NOTHING', 100);
SELECT public.expanded('2025-01-01', 'jan') AS jan \gset
SELECT * FROM public.repeated(:jan);
SELECT count(*) AS months FROM acct.post_journals(:jan);
:health

-- Reported: one of two, for the other is another entity's; what was set aside there does not count.
CALL public.txn(1, '2025-02-01', 'A', 100, '2025-01-31');
CALL public.txn(3, '2025-02-01', 'A', 100);
CALL public.txn(4, '2025-02-01', 'A', 100);
CALL public.txn(5, '2025-02-01', 'A', 100);
SELECT public.expanded('2025-02-01', 'feb') AS feb \gset
SELECT * FROM public.repeated(:feb);
SELECT bool_and(passed) AS valid FROM acct.validate_run(:feb);
SELECT all_passed FROM acct.check_run('feb');
SELECT sum(journals) AS journals FROM acct.post_journals(:feb);
SELECT repeated_transactions FROM acct.journal_run WHERE run_id = :feb;
:health
SELECT status FROM acct.health('{repeated_transactions}', '{"repeated_transactions": 1}');
-- From the other month's side too
SELECT * FROM public.repeated(:jan);
-- Once the exception is reprocessed, both are booked.
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT acct.reprocess_exceptions(:jan) AS again \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:again);
SELECT * FROM public.repeated(:again);
SELECT sum(journals) AS journals FROM acct.post_journals(:again);
SELECT repeated_transactions FROM acct.journal_run WHERE run_id = :again;
-- Without validation it is counted when the run is posted; a discarded run holds nothing.
CALL public.txn(1, '2025-03-01', 'A', 100, '2025-01-31');
SELECT public.expanded('2025-03-01', 'discarded') AS mar \gset
SELECT acct.discard_run(:mar);
SELECT public.posted('2025-03-01', 'mar', '{"repeated_transactions": "report"}') AS mar \gset
SELECT repeated_transactions FROM acct.journal_run WHERE run_id = :mar;

-- Refused: at validation and at posting.
CALL public.txn(2, '2025-04-01', 'A', 100, '2025-01-31');
CALL public.txn(6, '2025-04-01', 'A', 100);
SELECT public.expanded('2025-04-01', 'apr', '{"repeated_transactions": "refuse"}') AS apr \gset
SELECT * FROM public.repeated(:apr);
SELECT check_name FROM acct.validate_run(:apr) WHERE NOT passed;
SELECT * FROM acct.post_journals(:apr);
SELECT status FROM acct.journal_run WHERE run_id = :apr;
SELECT acct.discard_run(:apr);
DELETE FROM acct.txn_source_parent WHERE txn_month = '2025-04-01' AND txn_id = 2;
SELECT public.expanded('2025-04-01', 'apr', '{"repeated_transactions": "refuse"}') AS apr \gset
SELECT * FROM public.repeated(:apr);
SELECT sum(journals) AS journals FROM acct.post_journals(:apr);
-- Ignored: neither looked for nor recorded.
CALL public.txn(6, '2025-05-01', 'A', 100);
SELECT public.expanded('2025-05-01', 'may', '{"repeated_transactions": "ignore"}') AS may \gset
SELECT count(*) AS checks FROM public.repeated(:may);
SELECT sum(journals) AS journals FROM acct.post_journals(:may);
SELECT repeated_transactions FROM acct.journal_run WHERE run_id = :may;
:health
-- Through a job
CALL public.txn(6, '2025-06-01', 'A', 100);
CALL acct.run_job('run', '{"repeated_transactions": "refuse"}');
SELECT status, options FROM acct.journal_run WHERE txn_month = '2025-06-01';
SELECT count(*) AS discarded FROM acct.journal_run AS r, acct.discard_run(r.run_id) WHERE r.txn_month = '2025-06-01';
CALL acct.run_job('run', '{"repeated_transactions": "report"}');
SELECT status, repeated_transactions FROM acct.journal_run WHERE txn_month = '2025-06-01' AND status = 'posted';

-- Archived months are looked at; those farther away than any value date may be are not.
SELECT acct.archive_partition('txn_source_parent', '2025-03-01');
CALL public.txn(1, '2025-07-01', 'A', 100);
SELECT public.posted('2025-07-01', 'jul') AS jul \gset
SELECT repeated_transactions FROM acct.journal_run WHERE run_id = :jul;
CALL public.txn(5, '2026-02-01', 'A', 100);
CALL public.txn(6, '2026-03-01', 'A', 100);
SELECT public.expanded('2026-02-01', 'year') AS year \gset
SELECT * FROM public.repeated(:year);
CALL public.txn(3, '2026-03-01', 'A', 100);
SELECT public.expanded('2026-03-01', 'more') AS more \gset
SELECT * FROM public.repeated(:more);

-- The same key with another option is another run; the default needs not be said.
SELECT acct.create_run('2025-02-01', 'feb', '{"repeated_transactions": "report"}') = :feb AS same;
SELECT acct.create_run('2025-02-01', 'feb', '{"repeated_transactions": "refuse"}');
SELECT acct.create_run('2025-02-01', 'x', '{"repeated_transactions": "maybe"}');
SELECT acct.create_run('2025-02-01', 'x', '{"repeated_transactions": null}');
SELECT acct.create_run('2025-02-01', 'x', '{"repeated_transactions": ["refuse"]}');
SELECT acct.create_run('2025-02-01', 'x', '{"repeated": "refuse"}');

-- In another basis they are another entry.
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', true);
CALL public.policy('AT', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CALL public.txn(50, '2025-08-01', 'A', 100);
CALL public.txn(50, '2025-09-01', 'A', 100);
SELECT public.posted('2025-08-01', 'tax', '{"basis": "TAX"}') AS tax \gset
SELECT public.expanded('2025-09-01', 'primary', '{"basis": "PRIMARY"}') AS primary \gset
SELECT * FROM public.repeated(:primary);
SELECT public.expanded('2025-09-01', 'both', '{"basis": ["TAX"]}') AS both \gset
SELECT * FROM public.repeated(:both);

-- However many claims one month has, those of the months around it are looked for in a few pages, also where the planner knows of no others.
INSERT INTO acct.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross)
SELECT :tax, n, '2025-08-01', 'TAX', 1, 1 FROM generate_series(100001, 130000) AS n;
ALTER TABLE acct.journal_run_batch ALTER COLUMN txn_month SET (n_distinct = 1);
VACUUM ANALYZE acct.journal_run_batch;
CREATE FUNCTION public.pages_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END
$$;
SELECT 'SELECT acct._months_beside(' || :tax || ', acct._source_rows(''2025-08-01''), true)' AS query \gset
SELECT public.pages_of(:'query') IS NOT NULL AS planned \gset
SELECT public.pages_of(:'query') < 1000 AS few_pages;

-- An index of the site's from the last identifier to the first is not read for the ends of a month, also where it comes before the key's.
CALL public.txn(60, '2025-10-01', 'A', 100);
CALL public.txn(61, '2025-10-01', 'A', 100);
CALL public.txn(60, '2025-11-01', 'A', 100);
CREATE INDEX site ON acct.txn_source_2025_10 (txn_id DESC);
SELECT i.indexrelid::regclass AS key FROM pg_index AS i WHERE i.indrelid = 'acct.txn_source_2025_10'::regclass AND i.indisprimary \gset
REINDEX INDEX CONCURRENTLY :key;
SELECT k.* FROM acct._key_ends('acct.txn_source_2025_10') AS k;
SELECT public.posted('2025-10-01', 'oct') AS oct \gset
SELECT public.expanded('2025-11-01', 'nov') AS nov \gset
SELECT * FROM public.repeated(:nov);
DROP INDEX acct.site;

-- health() no longer counts a run that is reversed, until its transactions are booked again.
CALL public.txn(70, '2025-12-01', 'A', 100);
SELECT public.posted('2025-12-01', 'dec') IS NOT NULL AS posted;
CALL public.txn(70, '2026-01-01', 'A', 100);
SELECT public.posted('2026-01-01', 'new') AS new \gset
SELECT detail ~ format('run %s of 2026-01: 1', :new) AS counted FROM acct.health('{repeated_transactions}');
SELECT acct.reverse_run(:new, '2026-01-31', 'Booked twice') AS reversal \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) AS posted FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
SELECT detail ~ format('run %s of 2026-01: 1', :new) AS counted FROM acct.health('{repeated_transactions}');
SELECT acct.rebook_run(:reversal) AS rebooked \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:rebooked);
SELECT count(*) AS posted FROM acct.post_journals(:rebooked);
SELECT detail ~ format('run %s of 2026-01: 1', :new) AS counted FROM acct.health('{repeated_transactions}');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

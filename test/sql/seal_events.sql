-- On one path: nothing here depends on it.
-- Seals of what happens to books beside runs, trees over balances, and the proof of one balance
\set topic seal_events
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2024-12-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2024-12-01', 'A', 10);
CALL public.txn(2, '2025-01-01', 'A', 100);
CALL public.txn(3, '2025-01-01', 'A', 7, entity => 'SUB', currency => 'CY3');
CALL public.txn(4, '2025-01-01', 'NOTHING');
CALL public.txn(5, '2025-01-01', 'NOTHING', entity => 'NOWHERE');
SELECT public.posted('2024-12-01', 'dec') AS dec, public.posted('2025-01-01', 'jan') AS jan \gset
-- The events of a book, with what their seals say of themselves; R stands for a root.
CREATE FUNCTION public.events(entity text) RETURNS TABLE (kind text, month date, says text) LANGUAGE sql AS $$
    SELECT s.kind, s.period_month,
           (SELECT string_agg(regexp_replace(regexp_replace(l.line, '[0-9a-f]{64}', 'R'), '(_at) \d{4}.*', '\1 T'), '; ' ORDER BY l.n)
              FROM string_to_table(rtrim(s.body, E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
             WHERE l.n > 9 AND l.line !~ '^(run|archive|digest|detail|waived_by) ' AND l.line !~ ' -$')
      FROM acct.ledger_seal AS s WHERE s.entity_code = $1 AND s.kind NOT IN ('run', 'policy', 'balances') ORDER BY s.seal_id
$$;
SELECT count(*) AS none FROM public.events('MAIN');

-- A month is closed, reopened and closed again with findings waived, in all books; a book gets a property.
SELECT entity_code, changed FROM public.close_period('2024-12-01') ORDER BY 1;
SELECT acct.reopen_period('2024-12-01', 'MAIN', 'PRIMARY', E'Late\ncontribution') AS reopened, acct.reopen_period('2024-12-01', 'MAIN', 'PRIMARY') AS again;
SELECT entity_code, changed FROM acct.close_period('2024-12-01', 'MAIN', reason => 'Done');
SELECT acct.set_book('MAIN', 'PRIMARY', '{"closed_from": "2026-01-01"}');
-- What is rehearsed leaves nothing.
SELECT count(*) > 0 AS rehearsed FROM acct.rehearse_close('2025-01-01', 'MAIN', 'PRIMARY');
-- A waiver, revoked and given again, and one of a transaction of no registered entity
SELECT acct.waive_exception(:jan, 4, 'PRIMARY', 'Test entry') AS waived, acct.revoke_waiver(:jan, 4, 'PRIMARY') AS revoked, acct.waive_exception(:jan, 4, 'PRIMARY', 'Test entry, really') AS waived;
SELECT acct.waive_exception(:jan, 5, 'PRIMARY', 'Of nobody') AS waived;
-- A month of the ledger leaves and comes back, and is dropped in the end; it concerns books with entries or seals of it.
SELECT acct.archive_partition('ledger_entry', '2024-12-01') AS archived, acct.restore_partition('ledger_entry', '2024-12-01') AS restored, acct.archive_partition('ledger_entry', '2024-12-01') AS archived;
SELECT acct._drop_archived(a.archive_id) FROM acct.archived_partition AS a WHERE a.restored_at IS NULL;
SELECT * FROM public.events('MAIN');
SELECT * FROM public.events('SUB');
SELECT * FROM public.events('');
SELECT format('%s/%s', s.sealed_by, count(*)) = format('%s/%s', session_user, count(*)) AS by_session_user FROM (SELECT acct._seal_line(s.body, 'sealed_by') AS sealed_by FROM acct.ledger_seal AS s WHERE s.kind <> 'policy') AS s GROUP BY s.sealed_by;

--
-- Balances
--
SELECT snapshot_month, fund, account_code, currency, encode(leaf, 'hex') AS leaf FROM acct._balance_leaves('SUB', 'PRIMARY', NULL);
-- The root in the seal of a closing is that of the month's balances.
SELECT (SELECT encode(t.root, 'hex') FROM acct._balance_tree('MAIN', 'PRIMARY', '2024-12-01') AS t) = acct._seal_line(s.body, 'balance_root') AS same, acct._seal_line(s.body, 'balances') AS balances
  FROM acct.ledger_seal AS s WHERE s.entity_code = 'MAIN' AND s.kind = 'close' AND s.period_month = '2024-12-01';
-- A checkpoint commits to all balances of each book whose chain moved, and of no other.
SELECT acct.ledger_checkpoint() AS first \gset
SELECT acct._seal_line(s.body, 'book_entity') AS entity, acct._seal_line(s.body, 'book_basis') AS basis, acct._seal_line(s.body, 'balances') AS balances,
       acct._seal_line(s.body, 'through')::bigint = (SELECT max(x.seal_number) FROM acct.ledger_seal AS x WHERE x.entity_code = acct._seal_line(s.body, 'book_entity')) AS through_last,
       acct._seal_line(s.body, 'balance_root') = (SELECT encode(t.root, 'hex') FROM acct._balance_tree(acct._seal_line(s.body, 'book_entity'), acct._seal_line(s.body, 'book_basis'), NULL) AS t) AS root
  FROM acct.ledger_seal AS s WHERE s.kind = 'balances' ORDER BY s.seal_id;
SELECT acct.reopen_period('2025-01-01', 'SUB', 'PRIMARY') AS open_already, count(*) AS closed FROM public.close_period('2025-01-01', 'SUB');
SELECT acct.ledger_checkpoint() AS second \gset
SELECT count(*) AS books, max(acct._seal_line(s.body, 'book_entity')) FILTER (WHERE n.n > 3) AS moved
  FROM (SELECT s.*, row_number() OVER (ORDER BY s.seal_id) AS n FROM acct.ledger_seal AS s WHERE s.kind = 'balances') AS s, LATERAL (SELECT s.n) AS n;
SELECT bool_and(passed) AS verified FROM acct.verify_checkpoint(:'first');
SELECT bool_and(passed) AS verified FROM acct.verify_checkpoint(:'second');

-- Each balance is proved, by the program that knows no database.
SELECT count(*) AS balances, bool_and(octet_length(p.proof::text) < 10000) AS small, bool_and(p.proof ->> 'checkpoint' = :'second') AS by_the_newest,
       count(DISTINCT p.proof ->> 'seal') AS seals
  FROM acct.account_balance_snapshot AS s, LATERAL (SELECT acct.prove_balance(s.snapshot_month, s.entity_code, s.basis, s.fund, s.account_code, s.currency) AS proof) AS p;
\pset format unaligned
\pset tuples_only on
\o test/results/seal_events.old
SELECT rtrim(:'first', E'\n');
\o test/results/seal_events.new
SELECT rtrim(:'second', E'\n');
\o test/results/seal_events.proof
SELECT acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR');
\o test/results/seal_events.closing
SELECT acct.prove_balance('2024-12-01', 'MAIN', 'PRIMARY', 'F1', '2000', 'IDR');
\o test/results/seal_events.extends
SELECT acct.prove_checkpoint(:'first');
\o
\pset format aligned
\pset tuples_only off
\setenv HIDE 's/ledger_engine\\/[-0-9a-f]{36}/O/g; s/[A-Za-z0-9+\\/]{43}=/ROOT/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z| UTC)/TIME/g; s/by [a-z_]+$/by USER/; s/[0-9]+ seals/N seals/; s/seal [0-9]+ of/seal N of/'
\! cd test/results && python3 ../../integrations/verify/verify.py proof --checkpoint seal_events.new seal_events.proof seal_events.closing 2>&1 | sed -E "$HIDE"
\! cd test/results && python3 ../../integrations/verify/verify.py checkpoint seal_events.old seal_events.new seal_events.extends 2>&1 | sed -E "$HIDE"
\! rm test/results/seal_events.old test/results/seal_events.new test/results/seal_events.proof test/results/seal_events.closing test/results/seal_events.extends

-- What was posted since is not in the checkpoint; the balances of a closed month still are.
SELECT count(*) AS closed FROM public.close_period('2025-01-01', 'MAIN');
SELECT acct.ledger_checkpoint() IS NOT NULL AS third;
CALL public.txn(6, '2025-02-01', 'A', 1);
SELECT public.posted('2025-02-01', 'feb') > 0 AS feb, acct.set_book('MAIN', 'PRIMARY', '{"closed_from": null}') AS changed;
SELECT acct._seal_line(acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR') ->> 'seal', 'kind') AS by_the_closing;
SELECT acct.prove_balance('2025-02-01', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR');
SELECT acct.ledger_checkpoint() IS NOT NULL AS fourth;
SELECT acct._seal_line(acct.prove_balance('2025-02-01', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR') ->> 'seal', 'kind') AS by_the_checkpoint;
-- A balance that was changed cannot be proved.
BEGIN;
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE entity_code = 'MAIN' AND snapshot_month = '2025-01-01' AND account_code = '1000';
SELECT acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR');
ROLLBACK;
\set VERBOSITY sqlstate
SELECT acct.prove_balance('2025-01-02', 'MAIN', 'PRIMARY', 'F1', '1000', 'IDR'); :why
SELECT acct.prove_balance('2025-01-01', 'NO', 'PRIMARY', 'F1', '1000', 'IDR'); :why
SELECT acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', 'F1', '4000', NULL); :why
--
-- verify_ledger() compares periods, books, their log and waivers with the seals of events.
--
CREATE FUNCTION public.found() RETURNS TABLE (check_name text, entity_code text, month date, expected text, actual text) LANGUAGE sql AS $$
    SELECT v.check_name, v.entity_code, v.month, regexp_replace(regexp_replace(v.expected, 'by [a-z_]+', 'by USER'), 'at [0-9][^ ]+Z', 'at T'),
           regexp_replace(regexp_replace(v.actual, 'by [a-z_]+', 'by USER'), 'at [0-9][^ ]+Z', 'at T')
      FROM acct.verify_ledger() AS v WHERE NOT v.passed AND v.check_name <> 'book'
$$;
SELECT * FROM public.found();
ALTER TABLE acct.accounting_period DISABLE TRIGGER ALL;
ALTER TABLE acct.period_log DISABLE TRIGGER ALL;
ALTER TABLE acct.book DISABLE TRIGGER ALL;
ALTER TABLE acct.je_exception DISABLE TRIGGER ALL;
BEGIN;
UPDATE acct.accounting_period SET is_open = true WHERE entity_code = 'MAIN' AND period_month = '2024-12-01';
INSERT INTO acct.accounting_period (entity_code, basis, period_month, is_open) VALUES ('SUB', 'PRIMARY', '2025-02-01', false);
SELECT * FROM public.found();
ROLLBACK;
BEGIN;
UPDATE acct.period_log SET reason = 'Nothing' WHERE reason LIKE 'Late%';
UPDATE acct.book SET closed_from = '2027-01-01' WHERE entity_code = 'MAIN';
SELECT * FROM public.found();
ROLLBACK;
BEGIN;
DELETE FROM acct.period_log WHERE entity_code = 'SUB' AND log_id = (SELECT max(log_id) FROM acct.period_log WHERE entity_code = 'SUB');
INSERT INTO acct.period_log (action, entity_code, basis, period_month, reason) VALUES ('reopen', 'MAIN', 'PRIMARY', '2024-12-01', 'Forged');
SELECT * FROM public.found();
ROLLBACK;
BEGIN;
UPDATE acct.je_exception SET waive_reason = 'Looks fine' WHERE txn_id = 4 AND waived_at IS NOT NULL;
UPDATE acct.je_exception SET waived_at = NULL, waived_by = NULL, waive_reason = NULL WHERE txn_id = 5;
SELECT * FROM public.found();
ROLLBACK;
ALTER TABLE acct.accounting_period ENABLE TRIGGER ALL;
ALTER TABLE acct.period_log ENABLE TRIGGER ALL;
ALTER TABLE acct.book ENABLE TRIGGER ALL;
ALTER TABLE acct.je_exception ENABLE TRIGGER ALL;
-- A year of SUB is closed, and reopened.
SELECT count(*) AS closed FROM generate_series(date '2023-01-01', '2023-12-01', interval '1 month') AS m, acct.close_period(m::date, 'SUB', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
SELECT count(*) AS journals FROM acct.close_year('2023-12-31', 'SUB', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'The year');
SELECT * FROM public.found();
BEGIN;
ALTER TABLE acct.book DISABLE TRIGGER ALL;
UPDATE acct.book SET closed_through = '2022-12-31' WHERE entity_code = 'SUB';
SELECT * FROM public.found();
ROLLBACK;
SELECT acct.reopen_year('2023-12-31', 'SUB', 'PRIMARY', 'Not yet') AS reversal;
SELECT * FROM public.found();
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

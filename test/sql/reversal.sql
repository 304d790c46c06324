-- Reversal: posted journals undone by others, once, with a date of their own
\set topic reversal
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(11, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 :gross_amount * 0.4,CR 4000 F1 *}');
CALL public.policy('B', '{DR 5000 F2 :gross_amount,CR 2000 F2 *}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
SELECT acct.add_dimension('cohort', 'text', true);

-- A second person posts.
CREATE FUNCTION public.post_as_checker(id bigint) RETURNS TABLE (ledger_partition text, journals bigint, lines bigint, debit numeric, credit numeric)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    RETURN QUERY SELECT p.ledger_partition, p.journals, p.lines, p.debit, p.credit FROM acct.post_journals(id) AS p;
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;
-- The error of a statement, without numbers, which depend on how runs are expanded.
CREATE FUNCTION public.why(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    state := SQLSTATE;
    message := regexp_replace(SQLERRM, '\d+', 'N', 'g');
    detail := regexp_replace(detail, '\d+', 'N', 'g');
END
$$;
CREATE FUNCTION public.reversed(id bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM acct.expand_journals(id);
    PERFORM FROM public.post_as_checker(id);
END
$$;
-- Each reversal is its original with sides swapped, to the line; what is not is listed.
CREATE VIEW public.unlike AS
SELECT h.je_id, o.je_id AS original
  FROM acct.ledger_entry_header AS h LEFT JOIN acct.ledger_entry_header AS o ON o.je_id = h.reversal_of
 WHERE h.journal_type = 'reversal'
   AND ((to_jsonb(h) - '{je_id,run_id,je_date,je_number,posted_at,journal_type,reversal_of,original_date,total_debit,total_credit}'::text[])
        IS DISTINCT FROM (to_jsonb(o) - '{je_id,run_id,je_date,je_number,posted_at,journal_type,reversal_of,original_date,total_debit,total_credit}'::text[])
        OR (h.total_debit, h.total_credit) IS DISTINCT FROM (o.total_credit, o.total_debit)
        OR h.je_date < o.je_date OR h.original_date IS NOT NULL
        OR (SELECT jsonb_agg(to_jsonb(l) - '{je_id,run_id,je_date}'::text[] ORDER BY l.line_no) FROM acct.ledger_entry_line AS l WHERE l.je_id = h.je_id AND l.je_date = h.je_date)
           IS DISTINCT FROM
           (SELECT jsonb_agg(to_jsonb(l) - '{je_id,run_id,je_date}'::text[] || jsonb_build_object('debit', l.credit, 'credit', l.debit) ORDER BY l.line_no)
              FROM acct.ledger_entry_line AS l WHERE l.je_id = o.je_id AND l.je_date = o.je_date));
CREATE VIEW public.wrong AS
SELECT 'unlike its original' AS what, count(*) FROM public.unlike HAVING count(*) > 0
UNION ALL SELECT 'balances differ from lines', count(*) FROM acct.check_balance_snapshot() HAVING count(*) > 0
UNION ALL SELECT 'reversed twice', count(*) FROM (SELECT reversal_of FROM acct.ledger_entry_header WHERE journal_type = 'reversal' GROUP BY 1 HAVING count(*) > 1) AS x HAVING count(*) > 0
UNION ALL SELECT 'gap in numbers', count(*) FROM (SELECT entity_code, basis, date_trunc('month', je_date), max(right(je_number, 9)::integer) - count(*) AS gap
                                                     FROM acct.ledger_entry_header GROUP BY 1, 2, 3) AS g WHERE gap <> 0 HAVING count(*) > 0
UNION ALL SELECT 'claims and counts', count(*) FROM acct.journal_run AS r
   LEFT JOIN (SELECT o.run_id, count(*) AS reversed FROM acct.ledger_entry_header AS h JOIN acct.ledger_entry_header AS o ON o.je_id = h.reversal_of
               WHERE h.journal_type = 'reversal' GROUP BY 1) AS v USING (run_id)
   WHERE r.reversed_journals <> coalesce(v.reversed, 0)
      OR (r.status = 'reversed') <> (r.reversed_journals = r.journals AND r.journals > 0 AND r.status <> 'expanded') HAVING count(*) > 0;

INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, entity_code, gross_amount, tabarru_amount, cohort)
SELECT n, '2025-01-01', date '2025-01-01' + n % 28, CASE WHEN n % 4 = 0 THEN 'B' ELSE 'A' END, 'P' || n % 3, 'C', CASE WHEN n % 2 = 0 THEN 'POL' || n END,
       CASE WHEN n % 5 = 0 THEN 'SUB' ELSE 'MAIN' END, n, n, CASE WHEN n % 7 > 0 THEN 'c' || n % 7 END FROM generate_series(1, 40) AS n;
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
SELECT je_id AS first FROM acct.ledger_entry_header WHERE txn_id = 1 AND basis = 'PRIMARY' \gset
SELECT je_id AS second FROM acct.ledger_entry_header WHERE txn_id = 2 AND basis = 'PRIMARY' \gset

-- What is refused
\set VERBOSITY sqlstate
SELECT acct.reverse_run(NULL::bigint, '2025-02-28', 'x'); :why
SELECT acct.reverse_run(999, '2025-02-28', 'x'); :why
SELECT acct.reverse_run('nothing', '2025-02-28', 'x'); :why
SELECT acct.reverse_run(:jan, NULL, 'x'); :why
SELECT acct.reverse_run(:jan, 'infinity', 'x'); :why
SELECT acct.reverse_run(:jan, '1900-01-01', 'x'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', NULL); :why
SELECT acct.reverse_run(:jan, '2025-02-28', E' \t'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', repeat('x', 1001)); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"account": "1000"}'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"template_version": "1"}'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"template_version": [1, 1.5]}'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"basis": []}'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"basis": ["TAX", null]}'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '[]'); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', NULL); :why
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"template_code": "NONE"}'); :why
SELECT acct.reverse_journals(NULL, '2025-02-28', 'x'); :why
SELECT acct.reverse_journals('{}', '2025-02-28', 'x'); :why
SELECT acct.reverse_journals('{1,NULL}', '2025-02-28', 'x'); :why
SELECT acct.reverse_journals(ARRAY[:first, 9999999, 999998], '2025-02-28', 'x'); :why
SELECT acct.create_run('2025-02-01', 'empty') AS empty \gset
SELECT acct.reverse_run(:empty, '2025-02-28', 'x'); :why
SELECT acct.discard_run(:empty);
SELECT acct.reverse_run(:empty, '2025-02-28', 'x'); :why
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT acct.reverse_run(:jan, '2025-02-28', 'x'); :why
ROLLBACK;
\set VERBOSITY default
-- Before an original
SELECT acct.reverse_run(:jan, '2025-01-27', 'x');
SELECT acct.reverse_journals(ARRAY[:first, :second], '2025-01-02', 'x');
-- In a closed period, of one of the books
SELECT * FROM public.close_period('2025-02-01', 'SUB', 'TAX');
SELECT acct.reverse_run(:jan, '2025-02-28', 'x');
SELECT acct.reverse_run(:jan, '2025-02-28', 'x', '{"entity_code": "MAIN"}') AS main \gset
SELECT acct.discard_run(:main);
SELECT acct.reopen_period('2025-02-01', 'SUB', 'TAX');
SELECT count(*) AS claims FROM acct.journal_reversal WHERE released_at IS NULL;

-- Single journals
SELECT acct.reverse_journals(ARRAY[:second, :first, :second], '2025-01-31', 'Booked twice') AS two \gset
SELECT kind, origin_run = :jan AS of_jan, txn_month, je_date, bases, reason, status, created_by = session_user AS by_me FROM acct.journal_run WHERE run_id = :two;
SELECT journals, upper(je_ids) - lower(je_ids) AS identifiers, released_at FROM acct.journal_reversal WHERE run_id = :two ORDER BY je_ids;
SELECT * FROM public.why(format('SELECT acct.reverse_journals(ARRAY[%s], ''2025-01-31'', ''x'')', :first));
SELECT acct.post_journals(:two);
SELECT source_partition, transactions, journals, lines, exceptions, ignored, debit, credit, already_done FROM acct.expand_journals(:two);
SELECT source_partition, journals, already_done FROM acct.expand_journals(:two);
SELECT h.journal_type, h.reversal_of IN (:first, :second) AS linked, h.je_date, h.txn_id, h.template_code, h.total_debit, l.line_no, l.account_code, l.debit, l.credit, l.cohort
  FROM acct.je_header_staging AS h JOIN acct.je_line_staging AS l USING (run_id, je_id) WHERE run_id = :two ORDER BY h.txn_id, l.line_no;
SELECT check_name, passed, nullif(nullif(expected, r.header_digest), r.added_digest) AS expected, nullif(nullif(actual, r.header_digest), r.added_digest) AS actual FROM acct.journal_run AS r, acct.validate_run(r.run_id) WHERE r.run_id = :two;
SELECT * FROM acct.check_run(:two);
-- The maker of a reversal cannot post it, and no SET ROLE changes that.
\set VERBOSITY sqlstate
SELECT acct.post_journals(:two); :why_me
SET ROLE :checker;
SELECT acct.post_journals(:two); :why_me
RESET ROLE;
CALL acct.process_run(:two); :why_me
\set VERBOSITY default
SELECT * FROM public.post_as_checker(:two);
SELECT * FROM public.post_as_checker(:two);
SELECT status, reversed_journals, journals FROM acct.journal_run WHERE run_id = :jan;
SELECT status, posted_by = session_user AS by_me, debit, credit FROM acct.journal_run WHERE run_id = :two;
SELECT count(*) AS failed FROM acct.validate_run(:two) WHERE NOT passed;
SELECT * FROM public.wrong;
-- Never twice, nor undone itself
SELECT * FROM public.why(format('SELECT acct.reverse_journals(ARRAY[%s], ''2025-01-31'', ''x'')', :first));
SELECT acct.reverse_run(:two, '2025-01-31', 'x');
SELECT acct.reverse_journals(ARRAY[(SELECT min(je_id) FROM acct.ledger_entry_header WHERE run_id = :two)], '2025-01-31', 'x');
SELECT acct.reprocess_exceptions(:two);

-- The rest of a run by filters, each taking what is left
SELECT acct.reverse_run('jan', '2025-02-10', 'Wrong tax rules', '{"basis": "TAX", "entity_code": ["SUB"]}') AS tax \gset
SELECT bases, options FROM acct.journal_run WHERE run_id = :tax;
SELECT public.reversed(:tax);
SELECT acct.reverse_run('jan', '2025-02-10', 'x', '{"basis": "TAX", "entity_code": "SUB"}');
SELECT acct.reverse_run(:jan, '2025-02-10', 'B was wrong', '{"template_code": ["B", "NONE"], "template_version": [1.0, 2], "txn_type": "B", "product_code": ["P0", "P1"]}') AS b \gset
SELECT public.reversed(:b);
SELECT r.run_id = :b AS is_b, r.journals, r.lines, r.debit, r.reason FROM acct.journal_run AS r WHERE r.run_id IN (:tax, :b) ORDER BY 1;
SELECT acct.reverse_run(:jan, '2025-02-11', 'The rest') AS rest \gset
-- A discarded one gives its journals back.
SELECT acct.expand_journals(:rest) IS NOT NULL AS expanded;
SELECT acct.reverse_run(:jan, '2025-02-11', 'The rest');
SELECT acct.discard_run(:rest);
SELECT count(*) AS held FROM acct.journal_reversal WHERE run_id = :rest AND released_at IS NULL;
SELECT acct.reverse_run(:jan, '2025-02-11', 'The rest') AS rest \gset
SELECT run_id, outcome FROM acct.cancel_run(:rest);
SELECT acct.reverse_run(:jan, '2025-02-11', 'The rest') AS rest \gset
-- Retired meanwhile, and the originals' month closed and archived: all are accepted.
SELECT public.retire('A', 1, '2025-01-05');
UPDATE acct.chart_of_accounts SET effective_to = '2025-02-01' WHERE account_code IN ('1000', '2000');
UPDATE acct.entity SET effective_to = '2025-02-01' WHERE entity_code = 'SUB';
SELECT count(*) AS closed FROM public.close_period('2025-01-01');
SELECT acct.archive_partition('ledger_entry', '2025-01-01');
SELECT public.reversed(:rest);
SELECT status, reversed_journals = journals AS all_of_it FROM acct.journal_run WHERE run_id = :jan;
SELECT count(*) AS failed FROM acct.validate_run(:rest) WHERE NOT passed;
SELECT acct.restore_partition('ledger_entry', '2025-01-01');
SELECT * FROM public.wrong;
SELECT count(*) AS with_balance FROM acct.trial_balance('2025-02-01') WHERE closing_balance <> 0;
SELECT count(*) AS lines, sum(debit) = sum(credit) AS balanced FROM acct.ledger_entry_line;
-- Nothing is left.
SELECT acct.reverse_run(:jan, '2025-02-11', 'x');
SELECT acct.post_journals(:jan) IS NOT NULL AS done_before;
SELECT count(*) AS failed FROM acct.validate_run(:jan) WHERE NOT passed;
SELECT DISTINCT journal_type, reversal_of IS NULL AS first FROM acct.ledger_line ORDER BY 1;
SELECT run_id = :jan AS is_jan, kind, status, reason, reversed_journals FROM acct.run_history WHERE run_id IN (:jan, :rest) ORDER BY 1;

-- Of several runs, several months, one of them archived, one with a range of its own
RESET client_min_messages;
SET client_min_messages = warning;
UPDATE acct.chart_of_accounts SET effective_to = NULL;
CALL public.policy('C', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohort)
SELECT n, '2025-03-01', date '2025-02-01' + n % 50, 'C', 'P', 'C', n, n, 'd' FROM generate_series(1, 3000) AS n;
SET ledger_engine.run_partition_min_transactions = 1000;
SELECT public.posted('2025-03-01') AS large \gset
SELECT je_range IS NOT NULL AS has_range, range_months FROM acct.journal_run WHERE run_id = :large;
CALL public.txn(5000, '2025-04-01', 'C');
CALL public.txn(5001, '2025-04-01', 'C', 7);
SELECT public.posted('2025-04-01') AS small \gset
SELECT acct.reverse_journals(ARRAY[(SELECT min(je_id) FROM acct.ledger_entry_header WHERE run_id = :large), (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = :large),
                                   (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = :small)], '2025-04-15', 'Three') AS three \gset
SELECT origin_run, reason FROM acct.journal_run WHERE run_id = :three;
SELECT public.reversed(:three);
SELECT * FROM public.wrong;
-- Most of a large run is read by page, two of its journals are left out.
SELECT acct.reverse_run(:large, '2025-05-31', 'All but two') AS most \gset
SELECT public.reversed(:most);
SELECT je_range IS NOT NULL AS has_range, range_months, journals, transactions FROM acct.journal_run WHERE run_id = :most;
SELECT status FROM acct.journal_run WHERE run_id = :large;
SELECT count(*) AS failed FROM acct.validate_run(:most) WHERE NOT passed;
SELECT acct.reverse_run(:small, '2025-05-31', 'The other') AS other \gset
SELECT public.reversed(:other);
SELECT * FROM public.wrong;
SELECT count(*) AS with_balance FROM acct.trial_balance('2025-05-01') WHERE closing_balance <> 0;

-- All of a large run at once: one claim, whatever identifiers lie between
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
SELECT n, '2025-06-01', date '2025-06-01' + n % 30, 'C', 'P' || n % 5, 'C', n, n FROM generate_series(1, 2000) AS n;
SELECT public.posted('2025-06-01') AS june \gset
SELECT acct.reverse_run(:june, '2025-06-30', 'All') AS all_of_june \gset
SELECT count(*) AS claims, sum(journals) AS journals FROM acct.journal_reversal WHERE run_id = :all_of_june;
SELECT public.reversed(:all_of_june);
SELECT check_name, passed FROM acct.validate_run(:all_of_june) WHERE check_name ~ 'original|mirrored|claimed|digest';
SELECT * FROM public.wrong;
CALL public.txn(6000, '2025-07-01', 'C');
SELECT public.posted('2025-07-01', 'july') AS july \gset
SELECT acct.reverse_run(:july, '2025-07-31', 'x') AS again \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:again);

-- What the ledger or staging say is compared with what was posted.
BEGIN;
ALTER TABLE acct.ledger_entry_line_2025_07_rest DISABLE TRIGGER ledger_immutable;
UPDATE acct.ledger_entry_line_2025_07_rest SET account_code = '5000' WHERE run_id = :july AND line_no = 1;
SELECT check_name, passed FROM acct.validate_run(:again) WHERE NOT passed ORDER BY 1;
SELECT count(*) FROM acct.reverse_run(:june, '2025-06-30', 'x');
ROLLBACK;
BEGIN;
SELECT acct.discard_run(:again);
ALTER TABLE acct.ledger_entry_line_2025_07_rest DISABLE TRIGGER ledger_immutable;
UPDATE acct.ledger_entry_line_2025_07_rest SET account_code = '5000' WHERE run_id = :july AND line_no = 1;
SELECT acct.reverse_run(:july, '2025-07-31', 'x') AS forged \gset
SELECT * FROM acct.expand_journals(:forged);
ROLLBACK;
BEGIN;
SELECT acct.discard_run(:again);
ALTER TABLE acct.ledger_entry_line_2025_07_rest DISABLE TRIGGER ledger_immutable;
DELETE FROM acct.ledger_entry_line_2025_07_rest WHERE run_id = :july AND line_no = 1;
SELECT acct.reverse_run(:july, '2025-07-31', 'x') AS forged \gset
SELECT * FROM acct.expand_journals(:forged);
ROLLBACK;
-- The database itself says that a journal is reversed once.
SELECT * FROM public.why(format('INSERT INTO acct.journal_reversal (run_id, origin_run, je_ids, journals) SELECT %s, %s, v.je_ids, 1 FROM acct.journal_reversal AS v WHERE v.run_id = %s',
                         :two, :july, :again));
BEGIN;
SELECT acct.discard_run(:again);
INSERT INTO acct.journal_reversal (run_id, origin_run, je_ids, journals) SELECT :two, :june, v.je_ids, 1 FROM acct.journal_reversal AS v WHERE v.run_id = :again;
SELECT acct.reverse_run(:july, '2025-07-31', 'x');
ROLLBACK;
-- What a superuser did to rows that nobody changes
BEGIN;
SELECT acct.discard_run(:again);
ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit DROP NOT NULL;
ALTER TABLE acct.ledger_entry_line_2025_07_rest DISABLE TRIGGER ledger_immutable;
UPDATE acct.ledger_entry_line_2025_07_rest SET debit = NULL WHERE run_id = :july AND line_no = 1;
SELECT acct.reverse_run(:july, '2025-07-31', 'x') AS forged \gset
SELECT * FROM acct.expand_journals(:forged);
ROLLBACK;
BEGIN;
UPDATE acct.journal_run SET bases = '{TAX}', status = 'created' WHERE run_id = :again;
SELECT * FROM acct.expand_journals(:again);
ROLLBACK;
-- A period that is closed before it is posted
SELECT count(*) AS closed FROM public.close_period('2025-07-01');
SELECT * FROM public.post_as_checker(:again);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS failed FROM acct.validate_run(:again) WHERE NOT passed;
SELECT acct.reopen_period('2025-07-01', 'MAIN', 'PRIMARY');
SELECT * FROM public.post_as_checker(:again);
-- A load of the wrong month: once it is reversed, the right one is not refused as a repetition.
CALL public.txn(8000, '2025-09-01', 'C');
SELECT public.posted('2025-09-01') AS september \gset
CALL public.txn(8000, '2025-10-01', 'C');
SELECT public.expanded('2025-10-01', 'october', '{"repeated_transactions": "refuse"}') AS october \gset
SELECT * FROM public.why(format('SELECT acct.post_journals(%s)', :october));
SELECT public.reversed(acct.reverse_run(:september, '2025-09-15', 'Of the wrong month'));
SELECT journals FROM acct.post_journals(:october);
-- What such a run had set aside, and another run booked, still stands.
CALL public.txn(8100, '2025-12-01', 'C');
CALL public.txn(8101, '2025-12-01', 'LATER');
SELECT public.posted('2025-12-01') AS december \gset
CALL public.policy('LATER', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT acct.reprocess_exceptions(:december) AS later \gset
SELECT exceptions FROM acct.expand_journals(:later);
SELECT journals FROM acct.post_journals(:later);
SELECT public.reversed(acct.reverse_run(:december, '2025-12-31', 'Of the wrong month'));
CALL public.txn(8101, '2025-11-01', 'LATER');
SELECT public.expanded('2025-11-01', 'november', '{"repeated_transactions": "refuse"}') AS november \gset
SELECT * FROM public.why(format('SELECT acct.post_journals(%s)', :november));
SELECT public.reversed(acct.reverse_run(:later, '2025-12-31', 'Of the wrong month'));
SELECT journals FROM acct.post_journals(:november);
-- A run without journals
CALL public.txn(6500, '2025-11-01', 'NONE');
SELECT public.posted('2025-11-01', 'none') AS none \gset
SELECT * FROM public.why($$SELECT acct.reverse_run('none', '2025-11-30', 'x')$$);
SELECT * FROM public.why($$SELECT acct.reverse_run('none', '2025-11-30', 'x', '{"basis": "PRIMARY"}')$$);
-- Staging of a reversed run is there as long as that of a posted one.
SELECT status, acct.run_digest(run_id, 'staging') = digest AS same FROM acct.journal_run WHERE run_id IN (:july, :again) ORDER BY 1;
-- What is reversed stays recorded, whoever asks: a claim is written once, and released by discarding.
UPDATE acct.journal_reversal SET je_ids = int8range(lower(je_ids) + 1, upper(je_ids) + 1) WHERE released_at IS NULL;
UPDATE acct.journal_reversal SET released_at = clock_timestamp() WHERE run_id = :again;
UPDATE acct.journal_reversal SET released_at = NULL WHERE released_at IS NOT NULL;
DELETE FROM acct.journal_reversal WHERE run_id = :again;
TRUNCATE acct.journal_reversal;
SELECT count(*) AS claims, bool_or(released_at IS NOT NULL) AS released FROM acct.journal_reversal WHERE run_id = :again;
-- A month whose rows are gone
CALL public.txn(7000, '2025-08-01', 'C');
SELECT public.posted('2025-08-01') AS august \gset
SELECT je_id AS dropped FROM acct.ledger_entry_header WHERE run_id = :august \gset
SELECT acct.reverse_run(:august, '2025-09-01', 'x') AS late \gset
SELECT count(*) AS closed FROM public.close_period('2025-08-01');
SELECT acct.archive_partition('ledger_entry', '2025-08-01');
SELECT acct.discard_run(:late);
SELECT acct.reverse_journals(ARRAY[:dropped], '2025-09-01', 'x') AS late \gset
SELECT acct._drop_archived(archive_id) FROM acct.archived_partition WHERE month = '2025-08-01' AND table_name = 'ledger_entry';
SELECT acct.expand_journals(:late);
SELECT acct.discard_run(:late);
SELECT acct.reverse_run(:august, '2025-09-01', 'x');
SELECT * FROM public.why(format('SELECT acct.reverse_journals(ARRAY[%s], ''2025-09-01'', ''x'')', :dropped));
-- The maker of a reversal cannot post it under another name either.
DROP ROLE IF EXISTS regress_reversal_maker, regress_reversal_renamed;
CREATE ROLE regress_reversal_maker SUPERUSER;
CALL public.txn(7001, '2025-09-01', 'C');
SELECT public.posted('2025-09-01') AS september \gset
SET SESSION AUTHORIZATION regress_reversal_maker;
SELECT acct.reverse_run(:september, '2025-09-30', 'x') AS own \gset
SELECT journals FROM acct.expand_journals(:own);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_reversal_maker RENAME TO regress_reversal_renamed;
SET SESSION AUTHORIZATION regress_reversal_renamed;
SELECT * FROM public.why(format('SELECT acct.post_journals(%s)', :own));
RESET SESSION AUTHORIZATION;
SELECT journals FROM acct.post_journals(:own);
DROP ROLE regress_reversal_renamed;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

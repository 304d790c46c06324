-- On one path: it is about runs that share staging.
-- health() beside each kind of run: while it waits, when its staging is lost, when it is posted, and when its balances or its staging are not as they should be
\set topic health_kinds
\i test/sql/setup.sql
SET ledger_engine.staging_table_min_transactions = 10;
SET ledger_engine.run_partition_min_transactions = 10;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
UPDATE acct.fund SET surplus_account_code = '3000';
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.6 * :gross_amount,CR 2000 F1 *}');
CALL public.txn(1, '2025-01-01', 'A');
CALL public.txn(2, '2025-01-01', 'A', 50);
SELECT public.posted('2025-01-01', 'first') AS first \gset
CALL public.txn(3, '2025-02-01', 'A', 70);
SELECT public.posted('2025-02-01', 'second') AS second \gset
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 0.5 * :gross_amount,CR 2000 F1 *}');

-- What the checks about runs say, without numbers and times; what is well is left out.
CREATE FUNCTION public.said() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s %s: %s', h.check_name, h.status,
                                      regexp_replace(regexp_replace(h.detail, '[-0-9]{10}( [:0-9]{5})?', 'TIME', 'g'), '(run|process|staging_) ?\d+', '\1 N', 'g')), E'\n' ORDER BY h.check_name), 'all well')
      FROM acct.health('{runs_stuck, staging_lost, staging_left, exceptions_open, batches_waiting, source_rows, snapshot, repeated_transactions, policy, guard}') AS h
     WHERE h.status <> 'ok'
$$;
CREATE PROCEDURE public.waited(id bigint, hours integer) LANGUAGE sql AS $$
    UPDATE acct.journal_run SET created_at = created_at - make_interval(hours => hours), expanded_at = expanded_at - make_interval(hours => hours) WHERE run_id = id
$$;
-- A run through all that health() can see of it. What is changed behind its back is put right again.
CREATE FUNCTION public.watched(id bigint) RETURNS TABLE (moment text, health text) LANGUAGE plpgsql AS $$
DECLARE
    staged text;
BEGIN
    CALL public.waited(id, 5);
    RETURN QUERY SELECT 'created, 5 hours ago', public.said();
    CALL public.waited(id, 2);
    RETURN QUERY SELECT 'created, 7 hours ago', public.said();
    PERFORM FROM acct.expand_journals(id);
    RETURN QUERY SELECT 'expanded', public.said();
    SELECT t.line INTO staged FROM acct._staging_tables(id) AS t;
    EXECUTE 'CREATE TEMPORARY TABLE kept AS SELECT * FROM acct.je_line_staging WHERE run_id = $1' USING id;
    EXECUTE format('DELETE FROM %s WHERE run_id = $1', staged) USING id;
    RETURN QUERY SELECT 'its lines are gone', public.said();
    EXECUTE format('INSERT INTO %s SELECT * FROM kept', staged);
    DROP TABLE kept;
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM FROM acct.post_journals(id);
    EXECUTE 'RESET SESSION AUTHORIZATION';
    RETURN QUERY SELECT * FROM public.watched_when_posted(id);
END
$$;
CREATE FUNCTION public.watched_when_posted(id bigint) RETURNS TABLE (moment text, health text) LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := (SELECT r.posted_at FROM acct.journal_run AS r WHERE r.run_id = id);
BEGIN
    RETURN QUERY SELECT 'posted', public.said();
    -- Its month is the one that is compared.
    UPDATE acct.account_balance_snapshot SET line_count = line_count + 1
     WHERE account_code = '1000' AND snapshot_month = (SELECT min(t.je_month) FROM acct.journal_run_total AS t WHERE t.run_id = id);
    RETURN QUERY SELECT 'a balance is wrong', public.said();
    UPDATE acct.account_balance_snapshot SET line_count = line_count - 1
     WHERE account_code = '1000' AND snapshot_month = (SELECT min(t.je_month) FROM acct.journal_run_total AS t WHERE t.run_id = id);
    -- What is said is said of the first run that has staging.
    DELETE FROM acct.je_header_staging_small WHERE run_id <> id;
    UPDATE acct.journal_run SET posted_at = now() - interval '38 days' WHERE run_id = id;
    RETURN QUERY SELECT 'posted 38 days ago', public.said();
    UPDATE acct.journal_run SET posted_at = at WHERE run_id = id;
    RETURN QUERY SELECT 'as it was', public.said();
END
$$;

-- Transactions, a reversal, a rebooking of what it took back, a correction
CALL public.txn(4, '2025-01-01', 'A', 30);
SELECT acct.create_run('2025-01-01', 'fourth') AS run \gset
SELECT * FROM public.watched(:run);
SELECT acct.reverse_run(:second, '2025-03-31', 'Booked twice') AS run \gset
SELECT * FROM public.watched(:run);
SELECT acct.rebook_run(:run) AS run \gset
SELECT * FROM public.watched(:run);
SELECT acct.correct_run(:first, '2025-03-31', 'The split was wrong') AS run \gset
SELECT * FROM public.watched(:run);
-- One that was discarded is not waited for, and one with nothing to correct has no staging to lose.
SELECT acct.reverse_run(:first, '2025-03-31', 'All of it') AS run \gset
CALL public.waited(:run, 7);
SELECT public.said();
SELECT acct.discard_run(:run);
SELECT public.said();
SELECT acct.correct_run(:first, '2025-03-31', 'A look') AS run \gset
SELECT journals FROM acct.expand_journals(:run);
SELECT public.said();
SELECT acct.discard_run(:run);

-- Kinds whose run is posted when it can be seen
INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2025-02-28', 'IDR', 'Accrual') RETURNING journal_id AS journal \gset
INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (:journal, '1000', 'F1', 5, 0), (:journal, '2000', 'F1', 0, 5);
SELECT acct.submit_manual_journal(:journal) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT journal_type FROM acct.approve_manual_journal(:journal);
RESET SESSION AUTHORIZATION;
SELECT w.* FROM acct.journal_run AS r, public.watched_when_posted(r.run_id) AS w WHERE r.kind = 'manual';
CREATE TABLE public.opening (account_code text, fund text, currency text, balance numeric);
INSERT INTO public.opening VALUES ('1000', 'F2', 'IDR', 9), ('2000', 'F2', 'IDR', -9);
SELECT journal_id AS journal FROM acct.draft_opening_balances('2024-12-31', 'OTHER', 'PRIMARY', 'public.opening') \gset
SELECT acct.submit_manual_journal(:journal) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION :"checker";
SELECT journal_type FROM acct.approve_manual_journal(:journal);
RESET SESSION AUTHORIZATION;
SELECT w.* FROM acct.journal_run AS r, public.watched_when_posted(r.run_id) AS w WHERE r.kind = 'opening';
SELECT count(*) > 0 AS closed FROM generate_series(timestamp '2025-01-01', '2025-12-01', '1 month') AS m, public.close_period(m::date, 'MAIN', 'PRIMARY');
SELECT fund, income, expense, surplus FROM acct.close_year('2025-12-31', 'MAIN', 'PRIMARY');
SELECT w.* FROM acct.journal_run AS r, public.watched_when_posted(r.run_id) AS w WHERE r.kind = 'closing';
SELECT string_agg(DISTINCT r.kind, ' ' ORDER BY r.kind) AS kinds FROM acct.journal_run AS r WHERE r.status IN ('posted', 'reversed');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- A month reconciled: source, record, staging, ledger and balances side by side, and the transactions that disagree
\set topic reconciliation
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
INSERT INTO acct.accounting_basis VALUES ('TAX', 'Tax', false);
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 4000 F2 *}');
CALL public.policy('IGN', '{}', '[{"txn_type": "Z"}]', '{"template_type": "IGNORE"}');
CALL public.policy('AT', '{DR 5000 F1 :gross_amount * 2,CR 3000 F1 *}', '[{"txn_type": "A"}]', '{"basis": "TAX"}');
CALL public.policy('IGNT', '{}', '[{"txn_type": "Z"}]', '{"template_type": "IGNORE", "basis": "TAX"}');
-- A month of which nothing is known
SELECT measure, kind, source, recorded, ledger, difference FROM acct.reconcile_month('2025-05-01');

-- One transaction of each kind, and amounts that name them: 1 and 2 are booked, 3 is ignored, 4 set aside, 5 waived, 6 dated in February, 9 in dollars of another entity
INSERT INTO acct.currency VALUES ('USD', 2);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, ujroh_amount)
VALUES (1, '2025-01-01', '2025-01-10', 'MAIN', 'A', 'P', 'C', 'IDR', 100, 60, 40), (2, '2025-01-01', '2025-01-10', 'MAIN', 'B', 'P', 'C', 'IDR', 200, 200, 0),
       (3, '2025-01-01', '2025-01-10', 'MAIN', 'Z', 'P', 'C', 'IDR', 5, 5, 0), (4, '2025-01-01', '2025-01-10', 'MAIN', 'NONE', 'P', 'C', 'IDR', 7, 7, 0),
       (5, '2025-01-01', '2025-01-10', 'MAIN', 'NONE', 'P', 'C', 'IDR', 8, 8, 0), (6, '2025-01-01', '2025-02-03', 'MAIN', 'A', 'P', 'C', 'IDR', 60, 60, 0),
       (9, '2025-01-01', '2025-01-10', 'SUB', 'A', 'P', 'C', 'USD', 11, 11, 0);
SELECT public.posted('2025-01-01', 'jan') AS jan \gset
SELECT acct.waive_exception(:jan, 5, 'PRIMARY', 'A test of the core system') AS waived;
-- One of February is dated in January.
CALL public.txn(1, '2025-02-01', 'A', 70, '2025-01-31');
SELECT public.posted('2025-02-01', 'feb') AS feb \gset
-- These wait: one in no run, one in a run that is expanded.
CALL public.txn(10, '2025-01-01', 'A', 20);
SELECT public.expanded('2025-01-01', 'more') AS more \gset
CALL public.txn(11, '2025-01-01', 'A', 90);
SELECT measure, kind, entity_code, fund, currency, source, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-01-01');
SELECT kind, jsonb_object_keys(digests) AS place, difference FROM acct.reconcile_month('2025-01-01') WHERE measure = 'digest';
SELECT measure, kind, entity_code, fund, currency, source, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-01-01', 'SUB');
-- A basis that does not take every transaction
SELECT measure, kind, entity_code, fund, source, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-01-01', basis => 'TAX') WHERE currency IS NULL OR measure = 'debit';
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
-- Each transaction is of one kind.
CREATE VIEW public.closes AS
SELECT m.month, b.basis, (SELECT count(*) FROM acct.txn_source_parent AS s WHERE s.txn_month = m.month) AS loaded, r.*
  FROM (VALUES (date '2025-01-01'), (date '2025-02-01'), (date '2025-03-01')) AS m (month) CROSS JOIN acct.accounting_basis AS b
 CROSS JOIN LATERAL (SELECT sum(x.source) FILTER (WHERE x.measure = 'transactions' AND x.kind <> 'total') AS of_kinds,
                            sum(x.source) FILTER (WHERE x.measure = 'transactions' AND x.kind = 'total') AS total, count(*) FILTER (WHERE x.difference <> 0) AS differences
                       FROM acct.reconcile_month(m.month, basis => b.basis) AS x) AS r;
SELECT * FROM public.closes ORDER BY month, basis COLLATE "C";

-- Exceptions and ignored transactions that are taken up again, a reversal in part, its rebooking, and a correction
\set states 'SELECT kind, source, recorded, ledger, difference FROM acct.reconcile_month(''2025-01-01'') WHERE measure = ''transactions'';'
SELECT acct.reprocess_exceptions(:jan) AS again \gset
:states
CALL public.policy('NONE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT sum(journals) AS journals FROM acct.expand_journals(:again);
SELECT sum(journals) AS journals FROM acct.post_journals(:again);
CALL public.policy('Z', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "Z", "priority": 1}]');
SELECT acct.reprocess_ignored(:jan) AS ignored \gset
:states
SELECT sum(journals) AS journals FROM acct.expand_journals(:ignored);
SELECT sum(journals) AS journals FROM acct.post_journals(:ignored);
SELECT acct.reverse_run(:jan, '2025-02-28', 'Booked twice', '{"template_code": "A"}') AS reversal \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:reversal);
:states
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;
:states
SELECT acct.rebook_run(:reversal) AS rebooked \gset
:states
-- Of the three only one is booked again: one is ignored now, one has no rule.
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', '[{"txn_type": "A", "condition_expr": ":entity_code = ''SUB''"}]');
CALL public.policy('IGN', '{}', '[{"txn_type": "A", "condition_expr": ":gross_amount = 60"}]', '{"template_type": "IGNORE"}');
SELECT sum(journals) AS journals, sum(exceptions) AS exceptions, sum(ignored) AS ignored FROM acct.expand_journals(:rebooked);
SELECT sum(journals) AS journals FROM acct.post_journals(:rebooked);
:states
CALL public.policy('B', '{DR 1000 F2 :gross_amount,CR 3000 F2 *}');
SELECT acct.correct_run(:jan, '2025-01-31', 'Reserve, not income') AS correction \gset
SELECT sum(journals) AS journals FROM acct.expand_journals(:correction);
SET SESSION AUTHORIZATION :"checker";
SELECT sum(journals) AS journals FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
SELECT acct.discard_run(:more) AS discarded;
:states
SELECT measure, kind, entity_code, fund, currency, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-01-01') WHERE measure IN ('journals', 'debit');
SELECT measure, kind, entity_code, fund, currency, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-02-01') WHERE measure IN ('journals', 'debit', 'digest');
SELECT * FROM public.closes ORDER BY month, basis COLLATE "C";
SELECT count(*) AS problems FROM generate_series(timestamp '2025-01-01', timestamp '2025-03-01', '1 month') AS m, acct.accounting_basis AS b, acct.reconcile_transactions(m::date, basis => b.basis);
-- Manual and opening journals have no source: they are kinds of their own, in the ledger and in the balances.
CREATE PROCEDURE public.manual(kind text, day date, fund text, amount numeric, reverse date DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo, auto_reverse_on) VALUES (kind, 'MAIN', day, 'IDR', 'Entered', reverse) RETURNING journal_id INTO id;
    INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) VALUES (id, 1, '1000', fund, amount, 0), (id, 2, '3000', fund, 0, amount);
    PERFORM acct.submit_manual_journal(id);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM FROM acct.approve_manual_journal(id);
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;
CALL public.manual('opening', '2025-01-31', 'F1', 500);
CALL public.manual('manual', '2025-01-31', 'F2', 40, '2025-02-01');
SELECT m.month, r.measure, r.kind, r.fund, r.source, r.recorded, r.staging, r.ledger, r.balances, r.difference
  FROM (VALUES (date '2025-01-01'), ('2025-02-01')) AS m (month), acct.reconcile_month(m.month, 'MAIN') AS r
 WHERE r.measure = 'debit' AND r.kind IN ('manual', 'opening', 'reversal', 'total') OR r.measure = 'digest' AND r.kind IN ('manual', 'opening', 'reversal');
SELECT * FROM public.closes WHERE month <= '2025-02-01' ORDER BY month, basis COLLATE "C";
-- Late: the month is closed once nothing is open, and the journal goes to March.
SELECT public.posted('2025-01-01', 'rest') AS rest \gset
SELECT count(acct.waive_exception(e.run_id, e.txn_id, e.basis, 'Settled')) AS waived FROM acct.je_exception AS e WHERE e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL;
:states
SELECT count(*) AS closed FROM (VALUES (date '2025-01-01'), ('2025-02-01')) AS m (month), acct.close_period(m.month);
CALL public.txn(12, '2025-01-01', 'NONE', 33);
SELECT public.posted('2025-01-01', 'late', '{"late": "next_open"}') AS late \gset
SELECT measure, kind, fund, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-01-01') WHERE measure = 'debit' AND kind = 'dated elsewhere';
SELECT measure, kind, fund, recorded, staging, ledger, balances, difference FROM acct.reconcile_month('2025-03-01') WHERE measure = 'debit';

--
-- What a superuser changes past the triggers is found, and the transaction is named.
--
CREATE PROCEDURE public.tampered(VARIADIC statements text[]) LANGUAGE plpgsql AS $$
DECLARE
    s text;
BEGIN
    FOR s IN SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', t.tgrelid::regclass) FROM (SELECT DISTINCT tgrelid FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text ~ 'ledger_entry|txn_source') AS t LOOP
        EXECUTE s;
    END LOOP;
    FOREACH s IN ARRAY statements LOOP
        EXECUTE s;
    END LOOP;
END
$$;
\set show 'SELECT measure, kind, entity_code AS ent, fund, currency AS cur, source, recorded, staging, ledger, balances, difference FROM acct.reconcile_month(''2025-01-01'') WHERE difference <> 0; SELECT txn_id, problem, entity_code AS ent, je_number, je_date, run_id, expected, found, message FROM acct.reconcile_transactions(''2025-01-01'');'
-- A line is deleted.
BEGIN;
CALL public.tampered('DELETE FROM acct.ledger_entry_line WHERE txn_id = 2 AND line_no = 1 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
-- An amount is changed; of both sides, too.
BEGIN;
CALL public.tampered('UPDATE acct.ledger_entry_line SET debit = debit + 1 WHERE txn_id = 2 AND debit > 0 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('UPDATE acct.ledger_entry_line SET debit = debit * 2, credit = credit * 2 WHERE txn_id = 2 AND je_date = ''2025-01-10''', 'UPDATE acct.ledger_entry_header SET total_debit = 400, total_credit = 400 WHERE txn_id = 2 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
-- An account is another one: sums are the same, staging and digest say so.
BEGIN;
CALL public.tampered('UPDATE acct.ledger_entry_line SET account_code = ''5000'' WHERE txn_id = 2 AND line_no = 1 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
-- A journal without its header, and without anything
BEGIN;
CALL public.tampered('DELETE FROM acct.ledger_entry_header WHERE txn_id = 2 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('DELETE FROM acct.ledger_entry_header WHERE txn_id = 2 AND je_date = ''2025-01-10''', 'DELETE FROM acct.ledger_entry_line WHERE txn_id = 2 AND je_date = ''2025-01-10''');
:show
ROLLBACK;
-- The journal of a correction
BEGIN;
CALL public.tampered('DELETE FROM acct.ledger_entry_line WHERE txn_id = 2 AND je_date = ''2025-01-31'' AND debit > 0');
:show
ROLLBACK;
-- A line of a manual journal: deleted, and to another account
BEGIN;
CALL public.tampered('DELETE FROM acct.ledger_entry_line WHERE txn_id IS NULL AND fund = ''F2'' AND je_date = ''2025-01-31'' AND debit > 0');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('UPDATE acct.ledger_entry_line SET account_code = ''5000'' WHERE txn_id IS NULL AND fund = ''F2'' AND je_date = ''2025-01-31'' AND debit > 0');
:show
ROLLBACK;
-- A journal too many
BEGIN;
CALL public.tampered('INSERT INTO acct.ledger_entry_header SELECT (h.x).* FROM (SELECT jsonb_populate_record(x, ''{"je_id": 999999, "je_number": "202501-000000099"}'') AS x FROM acct.ledger_entry_header AS x WHERE txn_id = 2 AND journal_type = ''transaction'') AS h',
    'INSERT INTO acct.ledger_entry_line SELECT (h.x).* FROM (SELECT jsonb_populate_record(x, ''{"je_id": 999999}'') AS x FROM acct.ledger_entry_line AS x WHERE txn_id = 2 AND je_date = ''2025-01-10'') AS h');
:show
ROLLBACK;
-- A source row is removed: of a journal, an exception, an ignored transaction
BEGIN;
CALL public.tampered('DELETE FROM acct.txn_source_parent WHERE txn_id = 2');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('DELETE FROM acct.txn_source_parent WHERE txn_id = 1 AND txn_month = ''2025-01-01''');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('DELETE FROM acct.txn_source_parent WHERE txn_id = 6');
:show
ROLLBACK;
-- One is changed: a code, an amount
BEGIN;
CALL public.tampered('UPDATE acct.txn_source_parent SET product_code = ''Q'', policy_no = ''X1'' WHERE txn_id = 2');
:show
ROLLBACK;
BEGIN;
CALL public.tampered('UPDATE acct.txn_source_parent SET gross_amount = 201, tabarru_amount = 201 WHERE txn_id = 2');
:show
ROLLBACK;
-- One is put into a batch that was taken.
BEGIN;
CALL public.tampered('INSERT INTO acct.txn_source_parent SELECT (h.x).* FROM (SELECT jsonb_populate_record(x, ''{"txn_id": 99}'') AS x FROM acct.txn_source_parent AS x WHERE txn_id = 2) AS h');
:show
ROLLBACK;
-- A balance
BEGIN;
UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE (entity_code, basis, snapshot_month, fund, account_code) = ('MAIN', 'PRIMARY', '2025-01-01', 'F2', '1000');
:show
ROLLBACK;
-- The number of rows is limited, the largest come first.
BEGIN;
CALL public.tampered('UPDATE acct.ledger_entry_line SET debit = debit + txn_id WHERE debit > 0 AND je_date < ''2025-02-01'' AND basis = ''PRIMARY'' AND txn_id IS NOT NULL');
SELECT txn_id, problem, found - expected AS difference FROM acct.reconcile_transactions('2025-01-01', max_transactions => 3);
SELECT txn_id, problem, found - expected AS difference FROM acct.reconcile_transactions('2025-01-01', 'SUB');
ROLLBACK;

--
-- What is no longer there: staging is removed, source and ledger are archived, then dropped.
--
CREATE TEMP TABLE kept AS SELECT measure, kind, entity_code, fund, currency, source, recorded, ledger, balances FROM acct.reconcile_month('2025-01-01');
UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging';
UPDATE acct.journal_run SET posted_at = posted_at - interval '1 day' WHERE posted_at IS NOT NULL;
SELECT count(*) > 0 AS dropped FROM acct.apply_retention() WHERE action = 'drop staging';
SELECT count(*) FILTER (WHERE staging IS NOT NULL) AS staged, count(*) FILTER (WHERE difference <> 0) AS differences FROM acct.reconcile_month('2025-01-01');
SELECT count(*) AS changed FROM ((TABLE kept EXCEPT SELECT measure, kind, entity_code, fund, currency, source, recorded, ledger, balances FROM acct.reconcile_month('2025-01-01'))) AS x;
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
-- The months go to the archive, and the figures stay.
SELECT acct.archive_partition('txn_source_parent', '2025-01-01') AS source, acct.archive_partition('ledger_entry', '2025-01-01') AS ledger;
SELECT count(*) AS changed FROM ((TABLE kept EXCEPT SELECT measure, kind, entity_code, fund, currency, source, recorded, ledger, balances FROM acct.reconcile_month('2025-01-01'))) AS x;
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
-- Of a source that was dropped the journals are still known, of a ledger what was recorded and the balances.
BEGIN;
UPDATE acct.archived_partition SET dropped_at = now() WHERE table_name = 'txn_source_parent';
DROP TABLE acct_archive.txn_source_2025_01;
SELECT measure, kind, source, recorded, ledger, difference FROM acct.reconcile_month('2025-01-01') WHERE measure IN ('transactions', 'gross', 'journals') OR kind = 'source';
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
SET LOCAL ledger_engine.allow_drop = on;
UPDATE acct.archived_partition SET dropped_at = now() WHERE table_name = 'ledger_entry';
DROP TABLE acct_archive.ledger_entry_line_2025_01, acct_archive.ledger_entry_header_2025_01;
SELECT measure, kind, entity_code, fund, currency, source, recorded, ledger, balances, difference FROM acct.reconcile_month('2025-01-01') WHERE measure IN ('transactions', 'debit');
SELECT count(*) AS problems FROM acct.reconcile_transactions('2025-01-01');
ROLLBACK;

-- Balances on another account of the same fund: sums by fund are equal, and a row of their own says so.
BEGIN;
ALTER TABLE acct.account_balance_snapshot DISABLE TRIGGER USER;
UPDATE acct.account_balance_snapshot SET account_code = '5000' WHERE (entity_code, basis, snapshot_month, fund, account_code) = ('MAIN', 'PRIMARY', '2025-01-01', 'F2', '4000');
SELECT measure, kind, entity_code, fund, currency, ledger, balances, difference, digests ->> 'ledger' <> digests ->> 'balances' AS differ FROM acct.reconcile_month('2025-01-01') WHERE kind = 'accounts';
SELECT count(*) AS of_others FROM acct.reconcile_month('2025-01-01', 'SUB') WHERE kind = 'accounts';
ROLLBACK;
SELECT count(*) AS none FROM acct.reconcile_month('2025-01-01') WHERE kind = 'accounts';

-- A source without the engine's own check has numbers that are no amounts: they are added up as they are.
BEGIN;
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2025-09-01');
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_takaful_balance;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
VALUES (1, '2025-09-01', '2025-09-10', 'NUMBER', 'P', 'C', 9999999999999999.9999, 3), (2, '2025-09-01', '2025-09-10', 'NUMBER', 'P', 'C', 0.0001, 'NaN'),
       (3, '2025-09-01', '2025-09-10', 'NUMBER', 'P', 'C', 4, 'NaN');
SELECT measure, kind, source, difference FROM acct.reconcile_month('2025-09-01') WHERE measure IN ('transactions', 'gross', 'ujroh');
ROLLBACK;

-- Wrong arguments
\set VERBOSITY sqlstate
SELECT * FROM acct.reconcile_month(NULL); :why
SELECT * FROM acct.reconcile_month('2025-01-02'); :why
SELECT * FROM acct.reconcile_month('infinity'); :why
SELECT * FROM acct.reconcile_month('2025-01-01', 'NOWHERE'); :why
SELECT * FROM acct.reconcile_month('2025-01-01', basis => NULL); :why
SELECT * FROM acct.reconcile_month('2025-01-01', basis => 'NONE'); :why
SELECT * FROM acct.reconcile_transactions('2025-01-02'); :why
SELECT * FROM acct.reconcile_transactions('2025-01-01', max_transactions => 0); :why
SELECT * FROM acct.reconcile_transactions('2025-01-01', max_transactions => NULL); :why
SELECT * FROM acct.reconcile_transactions('2025-01-01', max_transactions => 100001); :why
\set VERBOSITY default

-- A month that is closed without entries, so that the ledger has no partition of it: what was booked late is in the next month, once.
CALL public.policy('ELSEWHERE', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(0, '2026-02-01'), public.close_period('2026-02-01') \gset
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount) VALUES (990001, '2026-02-01', '2026-02-05', 'ELSEWHERE', 'P', 'C', 5, 5);
SELECT r.detail FROM acct.run_month('2026-02-01', 'late into the next', '{"late": "next_open", "basis": "PRIMARY"}') AS r WHERE r.step = 'post';
SELECT to_regclass('acct.ledger_entry_line_2026_02') IS NULL AS no_partition;
SELECT r.measure, r.kind, r.currency, r.recorded, r.ledger, r.difference FROM acct.reconcile_month('2026-02-01') AS r WHERE r.kind = 'dated elsewhere';

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

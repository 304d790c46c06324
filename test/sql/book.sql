-- A few transactions from the caller to the ledger in one call
\set topic book
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(5, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.policy('S', '{}', NULL, '{"template_type": "IGNORE"}');
-- An object as a caller would write it.
CREATE FUNCTION public.given(id bigint, type text DEFAULT 'A', gross numeric DEFAULT 100, month date DEFAULT '2025-01-01', more jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object('txn_id', $1, 'txn_month', $4, 'bank_value_date', $4 + 14, 'txn_type', $2, 'product_code', 'P', 'channel', 'C',
                              'gross_amount', $3, 'tabarru_amount', $3) || $5
$$;
CREATE FUNCTION public.array_of(VARIADIC transactions jsonb[]) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb($1)';
-- Somebody else's load, which waits for a run all the time
CALL public.txn(900, '2025-01-01', 'A');

-- Booked, set aside, ignored: a row for each, in the order given; keys that are left out have the column's default.
SELECT txn_id, basis, outcome, je_id > 0 AS has_id, je_number, je_date, reason, message
  FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING'), public.given(4, 'A', 7, more => '{"entity_code": "SUB", "policy_no": "X", "attributes": {"a": 1}}')), 'k1');
SELECT r.run_key, r.status, r.transactions, r.journals, r.lines, r.exceptions, r.ignored, r.debit FROM acct.journal_run AS r;
SELECT h.txn_id, h.entity_code, h.currency, h.policy_no, h.je_number, h.total_debit FROM acct.ledger_entry_header AS h ORDER BY 1;
SELECT s.txn_id, s.attributes, b.source = current_setting('application_name') AS source FROM acct.txn_source_parent AS s JOIN acct.txn_batch AS b USING (batch_id) WHERE s.txn_id < 900 ORDER BY 1;
SELECT check_name FROM acct.validate_run('k1') WHERE NOT passed;
SELECT entity_code, account_code, closing_balance FROM acct.trial_balance('2025-01-01') ORDER BY 1, 2;
SELECT step, rows FROM acct.run_log WHERE run_id = (SELECT run_id FROM acct.journal_run) ORDER BY log_id;
-- What waits for a run still does.
SELECT transactions FROM acct.batches_waiting();

-- The key again: the same rows, and nothing is booked.
CREATE TABLE public.first AS SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING'), public.given(4, 'A', 7, more => '{"entity_code": "SUB"}')), 'k1');
SELECT txn_id, outcome, je_number, reason FROM public.first;
SELECT count(*) AS runs, sum(journals) AS journals FROM acct.journal_run;
-- Also when staging is gone, by retention or by a crash of the server
DELETE FROM acct.retention_policy WHERE table_name <> 'je_staging';
UPDATE acct.retention_policy SET active_days = 0;
SELECT action, count(*) > 0 AS some FROM acct.apply_retention() WHERE table_name = 'je_staging' GROUP BY action;
SELECT acct._staging_lost(run_id) AS staging_is_gone FROM acct.journal_run;
SELECT count(*) AS different FROM (
    SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING'), public.given(4, 'A', 7)), 'k1')
    EXCEPT SELECT * FROM public.first) AS x;
-- Amounts are the same however they are written; a transaction more, less, or of another value is another call.
SELECT count(*) AS rows FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1, more => '{"gross_amount": "100.00"}'), public.given(2, 'NOTHING'), public.given(4, 'A', 7)), 'k1');
\set VERBOSITY sqlstate
SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING')), 'k1'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING'), public.given(5, 'A', 7)), 'k1'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1), public.given(2, 'NOTHING'), public.given(3, 'S')), 'k1'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(3, 'S'), public.given(1, 'A', 101), public.given(2, 'NOTHING'), public.given(4, 'A', 7)), 'k1'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(1, month => '2025-02-01')), 'k1'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(1)), 'k1', '{"repeated_transactions": "refuse"}'); :why

-- Bad input
SELECT * FROM acct.book_transactions(NULL); :why
SELECT * FROM acct.book_transactions('[]'); :why
SELECT * FROM acct.book_transactions('{"txn_id": 1}'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10), '17')); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"batch_id": 1, "amount": 2}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10), public.given(11) - 'txn_id')); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"txn_month": null}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10), public.given(11, month => '2025-02-01'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"txn_month": "2025-01-15"}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"txn_month": "soon"}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"entity_code": null}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10, more => '{"gross_amount": 101}'))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10)), options => '{"fast": true}'); :why
-- An identifier twice, and one that was loaded before
SELECT * FROM acct.book_transactions(public.array_of(public.given(10), public.given(10))); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(10), public.given(900))); :why
-- A check that fails
SELECT * FROM acct.book_transactions(public.array_of(public.given(1, month => '2025-02-01')), options => '{"repeated_transactions": "refuse"}'); :why
-- Rows that a trigger of the site leaves out
CREATE FUNCTION public.leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.txn_id <> 12 THEN NEW END; END';
CREATE TRIGGER leave_out BEFORE INSERT ON acct.txn_source_parent FOR EACH ROW EXECUTE FUNCTION public.leave_out();
SELECT * FROM acct.book_transactions(public.array_of(public.given(11), public.given(12))); :why
DROP TRIGGER leave_out ON acct.txn_source_parent;
-- Other isolation levels
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM acct.book_transactions(public.array_of(public.given(10))); :why
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM acct.book_transactions(public.array_of(public.given(10))); :why
ROLLBACK;
-- None of these left anything.
SELECT count(*) AS runs, sum(journals) AS journals FROM acct.journal_run;
SELECT count(*) AS transactions FROM acct.txn_source_parent;

-- Keys of runs that others made: one that has taken nothing is used, one that is not posted is not.
SELECT acct.create_run('2025-03-01', 'empty') AS empty \gset
SELECT txn_id, outcome, run_id = :empty AS same_run FROM acct.book_transactions(public.array_of(public.given(20, month => '2025-03-01')), 'empty');
CALL public.txn(21, '2025-03-01', 'A');
SELECT public.expanded('2025-03-01', 'expanded') AS expanded \gset
SELECT * FROM acct.book_transactions(public.array_of(public.given(21, month => '2025-03-01')), 'expanded'); :why
SELECT * FROM acct.book_transactions(public.array_of(public.given(22, month => '2025-03-01')), 'expanded'); :why
SELECT acct._book_batch(:expanded, 1); :why
SELECT acct._book_batch(-1, 1); :why
\set VERBOSITY default
-- What the caller loaded before in the same transaction is another batch, and so is what it loads after.
BEGIN;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (30, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1);
SELECT txn_id, outcome, je_number FROM acct.book_transactions(public.array_of(public.given(31, month => '2025-04-01')));
SELECT txn_id, outcome, je_number FROM acct.book_transactions(public.array_of(public.given(32, month => '2025-04-01')));
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
VALUES (33, '2025-04-01', '2025-04-15', 'A', 'P', 'C', 1, 1);
COMMIT;
SELECT txn_month, sum(transactions) AS transactions FROM acct.batches_waiting() GROUP BY 1 ORDER BY 1;
SELECT step, rows FROM acct.run_month('2025-04-01') WHERE step IN ('create', 'expand');
-- Rolled back with the caller's transaction
BEGIN;
SELECT txn_id, outcome FROM acct.book_transactions(public.array_of(public.given(34, month => '2025-04-01')), 'back');
ROLLBACK;
SELECT count(*) AS journals FROM acct.ledger_entry_header WHERE txn_id = 34;
SELECT txn_id, outcome, je_number FROM acct.book_transactions(public.array_of(public.given(34, month => '2025-04-01')), 'back');

-- A dimension of the site, and a second basis
SELECT acct.add_dimension('region', 'text');
CALL public.policy('R', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax');
SELECT t.txn_id, t.basis, t.outcome, t.reason FROM acct.book_transactions(public.array_of(public.given(40, 'R', month => '2025-05-01', more => '{"region": "north"}'), public.given(41, month => '2025-05-01')), 'two') AS t;
SELECT h.txn_id, h.region FROM acct.ledger_entry_header AS h WHERE h.txn_id IN (40, 41) ORDER BY 1;
SELECT count(*) AS rows FROM acct.book_transactions(public.array_of(public.given(42, month => '2025-05-01')), options => '{"basis": "PRIMARY"}');
\set VERBOSITY sqlstate
SELECT * FROM acct.book_transactions(public.array_of(public.given(40, 'R', month => '2025-05-01', more => '{"region": "south"}'), public.given(41, month => '2025-05-01')), 'two'); :why

-- A closed period sets aside.
SELECT entity_code, basis FROM public.close_period('2025-06-01', 'MAIN', 'PRIMARY');
SELECT t.txn_id, t.outcome, t.reason FROM acct.book_transactions(public.array_of(public.given(50, month => '2025-06-01')), options => '{"basis": "PRIMARY"}') AS t;

-- It takes the right to load and the right to run.
SELECT count(*) > 0 AS roles FROM acct.install_roles();
CREATE ROLE regress_book_both; CREATE ROLE regress_book_loader; CREATE ROLE regress_book_operator;
GRANT acct_loader TO regress_book_both, regress_book_loader;
GRANT acct_operator TO regress_book_both, regress_book_operator;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;
SET SESSION AUTHORIZATION regress_book_loader;
SELECT * FROM acct.book_transactions(public.array_of(public.given(60, month => '2025-02-01'))); :why
SET SESSION AUTHORIZATION regress_book_operator;
SELECT * FROM acct.book_transactions(public.array_of(public.given(60, month => '2025-02-01'))); :why
SET SESSION AUTHORIZATION regress_book_both;
SELECT t.txn_id, t.basis, t.outcome, t.je_number, t.reason FROM acct.book_transactions(public.array_of(public.given(60, month => '2025-02-01')), 'mine') AS t;
SELECT t.txn_id, t.basis, t.outcome, t.je_number, t.reason FROM acct.book_transactions(public.array_of(public.given(60, month => '2025-02-01')), 'mine') AS t;
RESET SESSION AUTHORIZATION;
SELECT r.created_by, r.expanded_by, r.posted_by, b.loaded_by FROM acct.journal_run AS r JOIN acct.journal_run_batch AS c USING (run_id) JOIN acct.txn_batch AS b USING (batch_id) WHERE r.run_key = 'mine' GROUP BY 1, 2, 3, 4;

SELECT check_name, passed FROM acct.journal_run AS r CROSS JOIN LATERAL acct.validate_run(r.run_id) AS v WHERE r.status = 'posted' AND NOT v.passed;
SELECT count(*) AS wrong FROM acct.check_balance_snapshot();
DROP OWNED BY acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader, regress_book_both, regress_book_loader, regress_book_operator;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", regress_book_both, regress_book_loader, regress_book_operator, acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

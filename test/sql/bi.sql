-- On one path: it shows what is booked, however that was written.
-- Schema acct_bi: what its views show, of months that are open, empty or archived; who may read it, and that nothing else may be done with it
\set topic bi
\i test/sql/setup.sql
DROP ROLE IF EXISTS acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;
SELECT count(*) AS roles FROM acct.install_roles();
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
CALL public.policy('B', '{DR 5000 F1 :gross_amount * 0.25,CR 1000 F1 *}');
SELECT acct.set_book('SUB', 'PRIMARY', '{"first_year_month": 4}') AS set;
CALL public.txn(1, '2025-01-01', 'A', 100);
CALL public.txn(2, '2025-01-01', 'B', 10);
CALL public.txn(3, '2025-01-01', 'A', 7.5, entity => 'SUB');
CALL public.txn(4, '2025-01-01', 'NOTHING', 5);
CALL public.txn(5, '2025-01-01', 'NOTHING', 5);
SELECT public.posted('2025-01-01', 'january') AS january \gset
-- A manual journal has texts of its own, and what reverses it has them too.
SET client_min_messages = error; -- of a session that edits and approves
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo) VALUES ('MAIN', 'PRIMARY', '2025-01-31', 'IDR', 'Rent') RETURNING journal_id AS manual \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit, memo) VALUES (:manual, 1, '5000', 'F1', 20, 0, 'Head office'), (:manual, 2, '1000', 'F1', 0, 20, NULL);
SELECT acct.submit_manual_journal(:manual) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION regress_bi_checker;
SELECT count(*) AS approved FROM acct.approve_manual_journal(:manual);
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
-- Nothing is posted in February. In March the January run is corrected by hand.
CALL public.txn(6, '2025-03-01', 'A', 50);
SELECT public.posted('2025-03-01', 'march') AS march \gset
SELECT acct.reverse_journals(ARRAY[(SELECT je_id FROM acct.ledger_entry_header WHERE journal_type = 'manual')], '2025-03-20', 'Not ours') AS reversal \gset
SELECT count(*) AS expanded FROM acct.expand_journals(:reversal);
SET SESSION AUTHORIZATION regress_bi_checker;
SELECT count(*) AS posted FROM acct.post_journals(:reversal);
RESET SESSION AUTHORIZATION;

--
-- Every view and every column has a comment; none shows what a source keeps to itself.
--
SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'acct_bi'::regnamespace AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL OR a.attname = 'attributes');
SELECT count(*) = (SELECT count(*) FROM acct._bi_views()) AS as_listed, count(*) FILTER (WHERE relkind <> 'v') AS no_views FROM pg_class WHERE relnamespace = 'acct_bi'::regnamespace AND relkind IN ('r', 'v', 'm', 'S', 'p');
SELECT col_description('acct_bi.lines'::regclass, attnum) AS comment FROM pg_attribute WHERE attrelid = 'acct_bi.lines'::regclass AND attname IN ('policy_no', 'account_type', 'amount') ORDER BY attname;

--
-- Figures
--
SELECT entity_code, basis, entity_name IS NULL AS no_name, first_year_month, first_month, last_month FROM acct_bi.books WHERE first_month IS NOT NULL ORDER BY 1, 2;
SELECT entity_code, month, month_end, calendar_quarter, year_begin, year_end, is_closed, journals, lines FROM acct_bi.calendar WHERE month <= '2025-04-01' ORDER BY 1, 2;
-- To the present month, without a gap
SELECT entity_code, min(month) AS first, max(month) = date_trunc('month', current_date) AS to_now, count(*) = 1 + 12 * extract(year FROM age(date_trunc('month', current_date), '2025-01-01'))
       + extract(month FROM age(date_trunc('month', current_date), '2025-01-01')) AS without_gap
  FROM acct_bi.calendar GROUP BY 1 ORDER BY 1;
SELECT month, fund_name, account_code, account_name, opening_balance, period_debit, period_credit, closing_balance, movement, natural_balance, line_count
  FROM acct_bi.balances WHERE entity_code = 'MAIN' AND month BETWEEN '2025-01-01' AND '2025-04-01' ORDER BY 1, 3;
-- As acct.trial_balance() has them, in each month of each book
CREATE VIEW public.balance_of_view AS
SELECT b.month, b.entity_code, b.fund, b.account_code, b.account_name, b.account_type, b.currency, b.opening_balance, b.period_debit, b.period_credit, b.closing_balance FROM acct_bi.balances AS b WHERE b.basis = 'PRIMARY';
CREATE VIEW public.balance_of_function AS
SELECT m.month, t.* FROM (SELECT DISTINCT month FROM acct_bi.calendar) AS m, acct.trial_balance(m.month) AS t;
SELECT (SELECT count(*) FROM public.balance_of_view) > 40 AS enough,
       (SELECT count(*) FROM (TABLE public.balance_of_view EXCEPT ALL TABLE public.balance_of_function) AS x) AS not_there,
       (SELECT count(*) FROM (TABLE public.balance_of_function EXCEPT ALL TABLE public.balance_of_view) AS x) AS missing;
-- Sums of lines are the movements, in both views of lines, and in the totals of runs.
CREATE VIEW public.movement AS
SELECT coalesce(l.k, a.k, b.k, t.k) AS k, l.amount AS lines, a.amount AS line_amounts, b.amount AS balances, t.amount AS run_totals
  FROM (SELECT concat_ws(' ', entity_code, basis, date_trunc('month', je_date)::date, fund, account_code, currency) AS k, sum(amount) AS amount FROM acct_bi.lines GROUP BY 1) AS l
  FULL JOIN (SELECT concat_ws(' ', entity_code, basis, date_trunc('month', je_date)::date, fund, account_code, currency) AS k, sum(amount) AS amount FROM acct_bi.line_amounts GROUP BY 1) AS a ON a.k = l.k
  FULL JOIN (SELECT concat_ws(' ', entity_code, basis, month, fund, account_code, currency) AS k, movement AS amount FROM acct_bi.balances WHERE line_count > 0) AS b ON b.k = l.k
  FULL JOIN (SELECT concat_ws(' ', entity_code, basis, je_month, fund, account_code, currency) AS k, sum(debit - credit) AS amount FROM acct_bi.run_totals WHERE status IN ('posted', 'reversed') GROUP BY 1) AS t ON t.k = l.k;
SELECT count(*) AS accounts, count(*) FILTER (WHERE lines = balances AND line_amounts = balances AND run_totals = balances) AS agree FROM public.movement;
SELECT je_number, line_no, account_name, fund_name, amount, line_text, journal_type, template_code FROM acct_bi.lines WHERE entity_code = 'MAIN' ORDER BY 1, 2;
-- With the texts of acct.ledger_line
SELECT count(*) AS different FROM (SELECT je_id, line_no, je_number, line_text, txn_id, txn_month, debit, credit, reversal_of, posted_at FROM acct_bi.lines
                                   EXCEPT SELECT je_id, line_no, je_number, line_text, txn_id, txn_month, debit, credit, reversal_of, posted_at FROM acct.ledger_line) AS x;
SELECT je_number, journal_type, total_debit, line_count, memo, run_key, template_code, template_description, posted_by = session_user AS by_me FROM acct_bi.entries ORDER BY 1;
SELECT x.txn_id, x.gross_amount, x.source IS NOT NULL AS from_somewhere, e.je_number FROM acct_bi.transactions AS x LEFT JOIN acct_bi.entries AS e USING (txn_id, txn_month) ORDER BY 1;
-- Exceptions: open, waived, taken again, void
SELECT acct.waive_exception(:january, 5, 'PRIMARY', 'not ours') AS waived;
SELECT txn_id, reason, state, waive_reason, run_key FROM acct_bi.exceptions ORDER BY 1;
CALL public.policy('NOTHING', '{DR 1000 F1 :gross_amount,CR 4000 F1 *}');
SELECT acct.reprocess_exceptions(:january) AS again \gset
SELECT txn_id, state, resolved_by_run = :again AS by_again FROM acct_bi.exceptions ORDER BY 1;
SELECT acct.discard_run(:again) AS discarded;
CALL public.txn(7, '2025-03-01', 'NEVER', 1);
SELECT acct.discard_run(public.expanded('2025-03-01', 'dropped')) AS discarded;
SELECT txn_id, state FROM acct_bi.exceptions ORDER BY 1;
SELECT txn_month, reason, exceptions_open, exceptions_waived FROM acct_bi.exception_summary;
-- Runs, loads and rules
SELECT run_key, kind, status, transactions, journals, lines, exceptions_open, debit FROM acct_bi.runs ORDER BY run_id;
SELECT txn_month, runs_posted, transactions_taken, exceptions_open FROM acct_bi.transaction_months WHERE runs > 0 ORDER BY 1;
SELECT txn_month, run_key, status, sum(source_rows) AS rows, sum(source_gross) AS gross FROM acct_bi.batches WHERE released_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT txn_month, transactions FROM acct_bi.batches_waiting;
SELECT t.template_code, t.version, t.status, m.txn_type, l.line_no, l.dr_cr, l.account_name, l.amount_expr
  FROM acct_bi.templates AS t JOIN acct_bi.template_matches AS m USING (template_code, version) JOIN acct_bi.template_lines AS l USING (template_code, version) WHERE t.template_code = 'B' ORDER BY l.line_no;
SELECT account_code, account_name, account_type, normal_side FROM acct_bi.accounts ORDER BY 1;
SELECT * FROM acct_bi.funds ORDER BY 1;
SELECT (SELECT array_agg(check_name ORDER BY check_name COLLATE "C") FROM acct_bi.health) = (SELECT array_agg(check_name ORDER BY check_name COLLATE "C") FROM acct.health() WHERE check_name NOT IN ('snapshot', 'source_rows')) AS all_quick_checks;
CALL acct.run_job('snapshot');
SELECT job, status, elapsed_ms >= 0 AS took, ended_at > now() - interval '1 hour' AS ended FROM acct_bi.jobs;
SELECT count(*) AS at_work FROM acct_bi.run_progress;

-- Statements: none without a layout; with layouts, what the functions return, for each month of each book
SELECT (SELECT count(*) FROM acct_bi.profit_and_loss) AS profit_and_loss, (SELECT count(*) FROM acct_bi.balance_sheet) AS balance_sheet, (SELECT count(*) FROM acct_bi.fund_statement) AS fund_statement;
INSERT INTO acct.statement_layout (layout, statement, description, is_default) VALUES ('PL', 'profit_and_loss', 'Result', true), ('BS', 'balance_sheet', 'Position', true), ('BS2', 'balance_sheet', 'Cash', false);
INSERT INTO acct.statement_line (layout, line_no, label, sign, subtotal_of) VALUES ('PL', 1, 'Income', -1, NULL), ('PL', 2, 'Expense', 1, NULL), ('PL', 3, 'Result', -1, '{1,2}'),
       ('BS', 1, 'Assets', 1, NULL), ('BS', 2, 'Liabilities and equity', -1, NULL), ('BS', 3, 'Result of the year', -1, NULL), ('BS2', 1, 'Cash', 1, NULL);
INSERT INTO acct.statement_account (layout, line_no, selection_no, account_type) VALUES ('PL', 1, 1, 'INCOME'), ('PL', 2, 1, 'EXPENSE'), ('BS', 1, 1, 'ASSET'), ('BS', 2, 1, 'LIABILITY'), ('BS', 2, 2, 'EQUITY'), ('BS', 3, 1, 'RESULT');
INSERT INTO acct.statement_account (layout, line_no, selection_no, from_account, to_account) VALUES ('BS2', 1, 1, '1000', '1000');
SELECT month, label, row_kind, amount, previous, year_to_date FROM acct_bi.profit_and_loss WHERE is_default AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND month BETWEEN '2025-01-01' AND '2025-03-01' ORDER BY month, line_no;
SELECT month, label, amount, previous, year_start FROM acct_bi.balance_sheet WHERE is_default AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND month = '2025-03-01' ORDER BY line_no;
SELECT statement, label, column_label, column_kind, amount FROM acct_bi.fund_statement WHERE is_default AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND month = '2025-03-01' ORDER BY statement, line_no, column_no;
SELECT layout, row_kind, label, amount FROM acct_bi.balance_sheet WHERE layout = 'BS2' AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND month = '2025-03-01' ORDER BY line_no NULLS LAST, account_code;
-- The balance sheet of each month balances; all months agree with the functions.
-- (What an earlier year left stands below the lines of this layout, debit positive.)
SELECT count(DISTINCT (entity_code, month)) AS months, count(*) FILTER (WHERE x.amount <> 0) AS unbalanced
  FROM (SELECT entity_code, month, sum(CASE WHEN line_no > 1 THEN -amount ELSE amount END) AS amount FROM acct_bi.balance_sheet WHERE layout = 'BS' AND month < '2025-12-01' GROUP BY 1, 2) AS x;
SELECT count(*) AS different
  FROM (SELECT c.month, f.entity_code, f.currency, f.line_no, f.label, f.row_kind, f.amount, f.previous, f.year_ago, f.year_to_date
          FROM acct_bi.calendar AS c, acct.profit_and_loss(c.month, c.month, c.entity_code, c.basis) AS f WHERE c.month < '2025-07-01'
        EXCEPT ALL SELECT month, entity_code, currency, line_no, label, row_kind, amount, previous, year_ago, year_to_date FROM acct_bi.profit_and_loss WHERE month < '2025-07-01') AS x;

--
-- A condition on days or months reaches the partitions; what is not asked for is not read.
--
CREATE FUNCTION public.reads(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    names text[] := '{}';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        names := names || (regexp_match(line, ' on ((?:txn_source|ledger_entry|journal_template|manual|chart|fund|journal_run|accounting)\w*)'))[1];
    END LOOP;
    -- Large runs have partitions of their own.
    RETURN (SELECT string_agg(DISTINCT m, ', ' ORDER BY m) FROM unnest(names) AS n, regexp_replace(n, '_(rest|run_\d+)$', '') AS m);
END
$$;
SELECT public.reads($$SELECT je_number, total_debit FROM acct_bi.entries WHERE je_date >= '2025-03-01' AND je_date < '2025-04-01'$$) AS entries;
SELECT public.reads($$SELECT sum(amount) FROM acct_bi.line_amounts WHERE je_date BETWEEN '2025-03-01' AND '2025-03-31'$$) AS line_amounts;
SELECT public.reads($$SELECT account_name, sum(amount) FROM acct_bi.line_amounts WHERE je_date BETWEEN '2025-03-01' AND '2025-03-31' GROUP BY 1$$) AS with_names;
SELECT public.reads($$SELECT sum(gross_amount) FROM acct_bi.transactions WHERE txn_month = '2025-03-01'$$) AS transactions;
SET enable_partitionwise_join = on;
SELECT public.reads($$SELECT txn_type, sum(amount) FROM acct_bi.lines WHERE je_date BETWEEN '2025-03-01' AND '2025-03-31' GROUP BY 1$$) AS lines;
RESET enable_partitionwise_join;
SELECT public.reads($$SELECT * FROM acct_bi.balances$$) ~ 'ledger_entry' AS balances_read_lines;

--
-- Dimensions of the site are there; what only the source has is not, nor a name twice.
--
ALTER TABLE acct.txn_source_parent ADD COLUMN customer_name text;
SELECT acct.add_dimension('cohort', 'text'), acct.add_dimension('portfolio', 'integer', on_lines => true), acct.add_dimension('account_name', 'text', on_lines => true);
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohort, portfolio, account_name, customer_name)
VALUES (8, '2025-03-01', '2025-03-25', 'A', 'P', 'C', 3, 3, '2025', 7, 'mine', 'Somebody');
SELECT public.posted('2025-03-01') IS NOT NULL AS posted;
SELECT cohort, portfolio FROM acct_bi.entries WHERE txn_id = 8;
SELECT line_no, account_name, cohort, portfolio FROM acct_bi.lines WHERE txn_id = 8 ORDER BY 1;
SELECT line_no, account_name, portfolio FROM acct_bi.line_amounts WHERE txn_id = 8 ORDER BY 1;
SELECT cohort, portfolio, account_name FROM acct_bi.transactions WHERE txn_id = 8;
-- A line has the dimensions of its own: of a manual journal, and where a correction takes back what was posted without a dimension.
SET client_min_messages = error; -- of a session that edits and approves
INSERT INTO acct.manual_journal (entity_code, basis, je_date, currency, memo) VALUES ('MAIN', 'PRIMARY', '2025-03-31', 'IDR', 'Another portfolio') RETURNING journal_id AS moved \gset
INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit, dimensions) VALUES (:moved, 1, '1000', 'F1', 1, 0, '{"portfolio": 8}'), (:moved, 2, '1000', 'F1', 0, 1, '{"portfolio": 7}');
SELECT acct.submit_manual_journal(:moved) IS NOT NULL AS submitted;
SET SESSION AUTHORIZATION regress_bi_checker;
SELECT count(*) AS approved FROM acct.approve_manual_journal(:moved);
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
ALTER TABLE acct.txn_source_parent ADD COLUMN region text COLLATE "C" DEFAULT 'west';
SELECT acct.add_dimension('region', 'text', on_lines => true);
SELECT acct.correct_run(:march, '2025-03-31', 'Regions') AS correction \gset
SELECT journals, lines FROM acct.expand_journals(:correction);
SET SESSION AUTHORIZATION regress_bi_checker;
SELECT count(*) AS posted FROM acct.post_journals(:correction);
RESET SESSION AUTHORIZATION;
SELECT portfolio, region, trim_scale(sum(amount)) AS amount FROM acct_bi.lines WHERE account_code = '1000' AND je_date >= '2025-03-01' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS different FROM (SELECT je_id, line_no, portfolio, region FROM acct_bi.lines EXCEPT SELECT je_id, line_no, portfolio, region FROM acct.ledger_entry_line) AS x;
-- An older dimension comes to lines after a younger one; one that is renamed is said, as the view cannot follow.
SELECT acct.add_dimension('cohort', 'text', on_lines => true);
SELECT string_agg(attname, ', ' ORDER BY attnum) AS dimensions FROM pg_attribute WHERE attrelid = 'acct_bi.line_amounts'::regclass AND attname IN ('cohort', 'portfolio', 'region');
BEGIN;
SET LOCAL ledger_engine.allow_drop = on;
ALTER TABLE acct.ledger_entry_header RENAME COLUMN region TO area;
SELECT acct.add_dimension('another', 'text'); :why
ROLLBACK;
SELECT count(*) AS different FROM (SELECT je_id, line_no, cohort, portfolio, region FROM acct_bi.lines EXCEPT SELECT je_id, line_no, cohort, portfolio, region FROM acct.ledger_entry_line) AS x;
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('acct_bi.entries'::regclass, 'acct_bi.lines'::regclass, 'acct_bi.line_amounts'::regclass, 'acct_bi.transactions'::regclass) AND attname ~ 'cohort|portfolio|customer|region' ORDER BY 1, 2;

--
-- A month in the archive: its entries are not there, its balances are.
--
SELECT count(*) AS closed FROM public.close_period('2025-01-01');
SELECT acct.archive_partition('ledger_entry', '2025-01-01') AS archived;
SELECT count(*) AS entries FROM acct_bi.entries WHERE je_date < '2025-02-01';
SELECT month, is_closed, is_archived, journals, lines FROM acct_bi.calendar WHERE entity_code = 'MAIN' AND month < '2025-03-01' ORDER BY 1;
SELECT account_code, closing_balance FROM acct_bi.balances WHERE entity_code = 'MAIN' AND month = '2025-01-01' ORDER BY 1;
SELECT table_name, month, journals, debit, restored_at FROM acct_bi.archived_months;

--
-- A year that is closed, and opened again: the months of its accounts stay what they were without the closing entries.
--
BEGIN;
SET LOCAL client_min_messages = error;
UPDATE acct.fund SET surplus_account_code = '3000' WHERE fund = 'F1';
CALL public.txn(9, '2025-03-01', 'A', 4, entity => 'SUB');
SELECT public.posted('2025-03-01') > 0 AS posted;
SELECT count(*) AS closed FROM unnest('{2025-01-01,2025-02-01}'::date[]) AS m, public.close_period(m, 'SUB', 'PRIMARY');
SELECT fund, surplus FROM acct.close_year('2025-03-31', 'SUB', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
SELECT month, account_code, movement, closing_entries, closing_balance FROM acct_bi.balances WHERE entity_code = 'SUB' AND month BETWEEN '2025-02-01' AND '2025-04-01' ORDER BY 1, 2;
SELECT acct.reopen_year('2025-03-31', 'SUB', 'PRIMARY', 'a test') > 0 AS opened;
SELECT month, account_code, movement, closing_entries, closing_balance FROM acct_bi.balances WHERE entity_code = 'SUB' AND month BETWEEN '2025-02-01' AND '2025-04-01' ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE closing_entries <> 0) AS of_others, coalesce(public.reads($$SELECT movement FROM acct_bi.balances$$) ~ 'journal_run', false) AS reads_runs,
       public.reads($$SELECT closing_entries FROM acct_bi.balances$$) ~ 'journal_run' AS reads_runs_for_them FROM acct_bi.balances WHERE entity_code <> 'SUB';
ROLLBACK;

--
-- The reader of acct_bi
--
CREATE FUNCTION public.as_reader(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL SESSION AUTHORIZATION acct_bi_reader;
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'XXDON';
EXCEPTION WHEN SQLSTATE 'XXDON' THEN
    RETURN 'done';
WHEN OTHERS THEN
    RETURN SQLSTATE || CASE WHEN SQLERRM !~ '^permission denied' THEN ' ' || SQLERRM ELSE '' END;
END
$$;
-- reads every view, at each level, also where nothing may be written,
SELECT public.as_reader(format('SELECT * FROM acct_bi.%I LIMIT 1', v)) AS outcome, CASE WHEN count(*) = (SELECT count(*) FROM acct._bi_views()) THEN 'all' ELSE string_agg(v, ', ' ORDER BY v) END AS views FROM acct._bi_views() AS v GROUP BY 1 ORDER BY 1;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT public.as_reader(format('SELECT * FROM acct_bi.%I LIMIT 1', v)) AS outcome, CASE WHEN count(*) = (SELECT count(*) FROM acct._bi_views()) THEN 'all' ELSE string_agg(v, ', ' ORDER BY v) END AS views FROM acct._bi_views() AS v GROUP BY 1 ORDER BY 1;
ROLLBACK;
-- writes none,
SELECT v, s.statement FROM acct._bi_views() AS v,
       unnest(ARRAY['INSERT INTO acct_bi.%1$I DEFAULT VALUES', 'UPDATE acct_bi.%1$I SET %2$I = NULL', 'DELETE FROM acct_bi.%1$I', 'CREATE OR REPLACE VIEW acct_bi.%1$I AS SELECT 1 AS one', 'LOCK TABLE acct_bi.%1$I IN EXCLUSIVE MODE', 'DROP VIEW acct_bi.%1$I']) AS s (statement)
 WHERE public.as_reader(format(s.statement, v, (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = format('acct_bi.%I', v)::regclass AND a.attnum = 1))) !~ '^42501|^55000 cannot (insert into|update|delete from) view';
SELECT v FROM acct._bi_views() AS v WHERE has_table_privilege('acct_bi_reader', format('acct_bi.%I', v), 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER');
-- reads nothing else, calls nothing, and makes nothing.
SELECT n.nspname, public.as_reader(format('SELECT FROM %s', c.oid::regclass)) AS outcome, count(*) > 1 AS many
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname IN ('acct', 'acct_archive', 'ledger_guard') AND c.relkind IN ('r', 'p', 'v', 'S') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT public.as_reader(format('SELECT acct.%I(%s)', p.proname, (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (t, n)))) AS outcome, count(*) > 500 AS many
  FROM pg_proc AS p WHERE p.pronamespace = 'acct'::regnamespace AND p.prokind = 'f' GROUP BY 1 ORDER BY 1;
SELECT public.as_reader('CREATE VIEW acct_bi.mine AS SELECT 1 AS one') AS makes, public.as_reader('CREATE TABLE acct.mine ()') AS makes_in_acct;
-- Views of its own schema may be made by a site, and are read by it; the engine's come back with their rights when one was dropped.
CREATE VIEW acct_bi.of_the_site AS SELECT 1 AS one;
DROP VIEW acct_bi.health;
SELECT acct.install();
SELECT public.as_reader('SELECT * FROM acct_bi.of_the_site') AS of_the_site, public.as_reader('SELECT * FROM acct_bi.health') AS health, has_table_privilege('acct_bi_reader', 'acct_bi.accounts', 'UPDATE') AS writes;
DROP SCHEMA acct_bi CASCADE;
SELECT acct.install();
SELECT public.as_reader('SELECT * FROM acct_bi.accounts') AS before_install_roles;
SELECT count(*) AS roles FROM acct.install_roles();
SELECT public.as_reader(format('SELECT * FROM acct_bi.%I LIMIT 1', v)) AS outcome, CASE WHEN count(*) = (SELECT count(*) FROM acct._bi_views()) THEN 'all' ELSE string_agg(v, ', ' ORDER BY v) END AS views FROM acct._bi_views() AS v GROUP BY 1 ORDER BY 1;
-- What was granted by hand goes where it writes, and shows where it reads.
GRANT SELECT, UPDATE ON acct_bi.funds TO acct_loader, PUBLIC;
GRANT USAGE ON SCHEMA acct TO acct_bi_reader;
SELECT status, detail FROM acct.health('{rights}');
SELECT count(*) AS roles FROM acct.install_roles();
SELECT status, detail FROM acct.health('{rights}');
SELECT public.as_reader('SELECT acct.month_start(NULL)') AS functions, public.as_reader('SELECT FROM acct.journal_run') AS tables;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker", acct_loader, acct_finance, acct_approver, acct_operator, acct_auditor, acct_bi_reader;

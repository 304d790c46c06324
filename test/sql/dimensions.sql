-- Columns that a site adds: in templates at once, and carried into journals
\set topic dimensions
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
-- Posted before there was any
CALL public.txn(1, '2025-01-01', 'A');
SELECT public.posted('2025-01-01') AS run1 \gset
SELECT acct.add_dimension('cohort', 'text');
SELECT acct.add_dimension('portfolio', 'integer', on_lines => true);
SELECT acct.add_dimension('portfolio', 'integer', on_lines => true);
SELECT acct.add_dimension('portfolio', 'integer');
SELECT acct.add_dimension('start_date', 'date', true);
SELECT acct.add_dimension('rate', 'numeric', true), acct.add_dimension('tags', 'text[]', true);
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attcollation::regcollation AS collation FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
 WHERE a.attname IN ('cohort', 'portfolio', 'start_date', 'rate', 'tags') AND c.relkind IN ('p', 'r') AND NOT c.relispartition AND c.relname !~ '\d$' ORDER BY 1, 2;
\set VERBOSITY sqlstate
SELECT acct.add_dimension('cohort', 'integer'); :why
SELECT acct.add_dimension('Cohort', 'text'); :why
SELECT acct.add_dimension('a b', 'text'); :why
SELECT acct.add_dimension('1a', 'text'); :why
SELECT acct.add_dimension('', 'text'); :why
SELECT acct.add_dimension(NULL, 'text'); :why
SELECT acct.add_dimension(repeat('a', 64), 'text'); :why
SELECT acct.add_dimension('fund', 'text'); :why
SELECT acct.add_dimension('gross_amount', 'numeric'); :why
SELECT acct.add_dimension('posted_at', 'timestamptz'); :why
SELECT acct.add_dimension('je_number', 'text'); :why
SELECT acct.add_dimension('ctid', 'text'); :why
SELECT acct.add_dimension('x', NULL); :why
SELECT acct.add_dimension('x', 0::regtype); :why
SELECT acct.add_dimension('x', 'anyelement'); :why
SELECT acct.add_dimension('x', 'text', NULL); :why
SELECT acct.add_dimension('x', 'nosuchtype'); :why
SELECT count(*) AS added FROM pg_attribute WHERE attrelid = 'acct.txn_source_parent'::regclass AND attname = 'x';
-- Templates name it at once, in the same session, and a column that only the source has.
ALTER TABLE acct.txn_source_parent ADD COLUMN only_here numeric DEFAULT 0.5, ADD COLUMN gone integer;
CALL public.policy('DIM', '{DR 1000 F1 :gross_amount * :rate,CR 2000 F1 *,DR 5000 F1 :only_here,CR 4000 F1 :only_here}', '[{"txn_type": "DIM", "condition_expr": ":cohort = ''C2025'' AND :portfolio IN (7, 8) AND :start_date < :bank_value_date"}]');
ALTER TABLE acct.txn_source_parent DROP COLUMN gone;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohort, portfolio, start_date, rate, tags, only_here)
VALUES (2, '2025-01-01', '2025-01-20', 'DIM', 'P', 'C', 100, 100, 'C2025', 7, '2024-12-31', 0.1, '{a,b}', 3), (3, '2025-01-01', '2025-01-20', 'DIM', 'P', 'C', 100, 100, 'C2024', 7, '2024-12-31', 0.1, NULL, 3),
       (4, '2025-01-01', '2025-01-20', 'DIM', 'P', 'C', 100, 100, 'C2025', 8, '2024-12-31', NULL, NULL, 3), (5, '2025-01-01', '2025-01-20', 'A', 'P', 'C', 100, 100, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT public.expanded('2025-01-01') AS run2 \gset
SELECT txn_id, template, outcome FROM public.outcome(:run2);
SELECT txn_id, cohort, portfolio, start_date, rate, tags FROM acct.je_header_staging WHERE run_id = :run2 ORDER BY txn_id;
SELECT txn_id, line_no, portfolio, start_date, rate, tags FROM acct.je_line_staging WHERE run_id = :run2 ORDER BY txn_id, line_no;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run2);
SELECT journals, lines, debit FROM acct.post_journals(:run2);
SELECT txn_id, cohort, portfolio, start_date, rate, tags FROM acct.ledger_entry_header ORDER BY txn_id;
SELECT txn_id, line_no, debit, credit, portfolio, start_date, rate, tags FROM acct.ledger_entry_line ORDER BY txn_id, line_no;
SELECT bool_and(passed) AS valid FROM acct.validate_run(:run1);
-- In a month that is made now
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohort, portfolio, start_date, rate, only_here)
VALUES (6, '2025-02-01', '2025-02-20', 'DIM', 'P', 'C', 100, 100, 'C2025', 8, '2024-12-31', 0.25, 0);
SELECT public.posted('2025-02-01') AS run3 \gset
SELECT h.cohort, l.portfolio, l.line_no, trim_scale(l.debit) AS debit, trim_scale(l.credit) AS credit, l.rate FROM acct.ledger_entry_line AS l JOIN acct.ledger_entry_header AS h USING (je_id) WHERE h.txn_id = 6 ORDER BY 3;
SELECT acct.run_digest(r.run_id) = r.digest AS untouched FROM acct.journal_run AS r ORDER BY r.run_id;
-- A dimension that was added while a run was expanded: the run is posted, without it.
CALL public.txn(7, '2025-02-01', 'A');
SELECT public.expanded('2025-02-01') AS run4 \gset
SELECT acct.add_dimension('late', 'text', true);
SELECT journals FROM acct.post_journals(:run4);
-- A column of the ledger that has another type in the source is not guessed at.
ALTER TABLE acct.txn_source_parent ADD COLUMN segment text;
ALTER TABLE acct.je_header_staging ADD COLUMN segment integer;
CALL public.txn(8, '2025-02-01', 'A');
SELECT acct.create_run('2025-02-01') AS run5 \gset
SELECT * FROM acct.expand_journals(:run5); :why
ALTER TABLE acct.je_header_staging DROP COLUMN segment;
SELECT journals FROM acct.expand_journals(:run5);
SELECT journals FROM acct.post_journals(:run5);
-- A column that a template names and that is gone is said when the run is expanded.
ALTER TABLE acct.txn_source_parent DROP COLUMN only_here;
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount, cohort, portfolio, start_date, rate)
VALUES (9, '2025-02-01', '2025-02-20', 'DIM', 'P', 'C', 100, 100, 'C2025', 8, '2024-12-31', 0.25);
SELECT acct.create_run('2025-02-01') AS run6 \gset
SELECT * FROM acct.expand_journals(:run6); :why
SELECT status FROM acct.journal_run WHERE run_id = :run6;
ALTER TABLE acct.txn_source_parent ADD COLUMN only_here numeric DEFAULT 1;
SELECT journals, lines FROM acct.expand_journals(:run6);
-- A type without a length has none.
SELECT acct.add_dimension('code', 'bpchar'), acct.add_dimension('flags', 'bit');
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'acct.ledger_entry_header'::regclass AND attname IN ('code', 'flags') ORDER BY 1;
-- Its type is built in: a domain's CHECK would run as the engine's owner.
CREATE DOMAIN public.d AS text CHECK (value <> '');
SELECT acct.add_dimension('of_a_domain', 'public.d'); :why

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- What journals and their lines are for: the template's description and the memos of its lines
\set topic memos
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(1, '2025-01-01');
-- A template with a description, and a memo for each line that has a number of its own here.
CREATE PROCEDURE public.described(code text, description text, memos text[], header jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acct.journal_template (template_code, description, skip_zero_lines)
    VALUES (code, described.description, coalesce((header ->> 'skip_zero_lines')::boolean, true));
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES (code, 1, code);
    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
    VALUES (code, 10, 'DR', '1000', 'F1', ':gross_amount', false, memos[1]), (code, 20, 'DR', '5000', 'F1', '0', false, memos[2]),
           (code, 30, 'CR', '2000', 'F1', NULL, true, memos[3]);
    PERFORM acct.submit_template(code, 1);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.approve_template(code, 1);
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;
CALL public.described('SHORT', 'Contribution received', '{Received,Nothing,To be allocated}');
CALL public.described('ALL', 'Every line kept', '{Received,Nothing,To be allocated}', '{"skip_zero_lines": false}');
CALL public.described('NONE', NULL, '{NULL,NULL,NULL}');
CALL public.described('EMPTY', '', '{"",Nothing,""}');
CALL public.described('FULL', repeat('x', 126), '{a,b,c}');
CALL public.described('LONG', repeat('x', 127), '{a,b,c}');
-- Cut between characters: three bytes each, so 42 of them, and with one byte before them 41.
CALL public.described('WIDE', repeat('重', 50), ARRAY['重複', NULL, repeat('重', 500)]);
CALL public.described('ODD', 'x' || repeat('重', 50), '{a,b,c}');
CALL public.txn(1, '2025-01-01', 'SHORT', 1);
CALL public.txn(2, '2025-01-01', 'SHORT', -2);
CALL public.txn(3, '2025-01-01', 'ALL', 3);
CALL public.txn(4, '2025-01-01', 'NONE', 4);
CALL public.txn(5, '2025-01-01', 'EMPTY', 5);
CALL public.txn(6, '2025-01-01', 'FULL', 6);
CALL public.txn(7, '2025-01-01', 'LONG', 7);
CALL public.txn(8, '2025-01-01', 'WIDE', 8);
CALL public.txn(9, '2025-01-01', 'ODD', 9);
-- With and without a policy number, of any length, before it
UPDATE acct.txn_source_parent SET policy_no = CASE txn_id WHEN 1 THEN 'P-1' WHEN 6 THEN repeat('p', 126) WHEN 7 THEN repeat('p', 127) WHEN 8 THEN repeat('p', 1000) END;
SELECT public.posted('2025-01-01', 'jan') AS run \gset
\set memos 'SELECT txn_id, template_code, length(memo) AS characters, octet_length(memo) AS bytes, left(memo, 21) AS memo, length(policy_no) AS policy, trim_scale(total_debit) AS debit, trim_scale(total_credit) AS credit, line_count AS lines FROM '
:memos acct.ledger_entry_header WHERE run_id = :run ORDER BY txn_id;
SELECT count(*) AS differences FROM (SELECT txn_id, memo, policy_no, total_debit FROM acct.je_header_staging EXCEPT ALL SELECT txn_id, memo, policy_no, total_debit FROM acct.ledger_entry_header) AS d;
-- Each line by its template line: numbers with gaps, sides that were swapped, lines without a memo
SELECT txn_id, line_no, account_code, trim_scale(debit) AS debit, trim_scale(credit) AS credit, left(line_memo, 20) AS line_memo, length(line_memo) AS length, left(journal_memo, 21) AS journal_memo
  FROM acct.ledger_line WHERE run_id = :run ORDER BY txn_id, line_no;
SELECT count(*) AS lines FROM acct.ledger_line;
-- By the version that booked it
SELECT acct.new_template_version('SHORT', '2025-02-01') AS version \gset
UPDATE acct.journal_template SET description = 'Contribution booked' WHERE template_code = 'SHORT' AND version = :version;
UPDATE acct.journal_template_line SET memo = 'Received in cash' WHERE template_code = 'SHORT' AND version = :version AND line_no = 10;
SELECT acct.submit_template('SHORT', :version);
SET SESSION AUTHORIZATION :"checker";
SELECT acct.approve_template('SHORT', :version);
RESET SESSION AUTHORIZATION;
CALL public.txn(1, '2025-02-01', 'SHORT', 1);
CALL public.txn(2, '2025-02-01', 'SHORT', 1, value_date => '2025-01-31');
SELECT public.posted('2025-02-01', 'feb') AS feb \gset
SELECT txn_month, txn_id, template_version, line_no, line_memo, journal_memo FROM acct.ledger_line WHERE template_code = 'SHORT' ORDER BY 1, 2, 4;
UPDATE acct.journal_template_line SET memo = 'Forged' WHERE template_code = 'SHORT' AND version = 1;
-- Where headers have a column of the site's, they are put together value by value.
SELECT acct.add_dimension('portfolio', 'text');
INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency, gross_amount, tabarru_amount, policy_no)
SELECT s.txn_id + 100, s.txn_month, s.bank_value_date, s.txn_type, s.product_code, s.channel, s.currency, s.gross_amount, s.tabarru_amount, s.policy_no
  FROM acct.txn_source_parent AS s WHERE s.txn_month = '2025-01-01';
SELECT public.posted('2025-01-01', 'jan-2') AS run2 \gset
SELECT count(*) AS journals, count(*) FILTER (WHERE (a.memo, a.policy_no, a.total_debit, a.line_count) IS NOT DISTINCT FROM (b.memo, b.policy_no, b.total_debit, b.line_count)) AS alike
  FROM acct.ledger_entry_header AS a JOIN acct.ledger_entry_header AS b ON a.txn_id + 100 = b.txn_id AND a.run_id = :run AND b.run_id = :run2;
SELECT bool_and(v.passed) AS valid FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v;
-- A column of the site's in the source that has this name is none of it.
ALTER TABLE acct.txn_source_parent ADD COLUMN memo integer DEFAULT 7;
CALL public.policy('PLAIN', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
CALL public.txn(200, '2025-02-01', 'PLAIN');
SELECT public.posted('2025-02-01') AS run3 \gset
SELECT memo FROM acct.ledger_entry_header WHERE run_id = :run3;

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

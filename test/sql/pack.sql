-- On one path: it shows what is booked, however that was written.
-- The month-end pack: figures equal those of the reports, no text becomes markup, what cannot be shown is said
\set topic pack
\i test/sql/setup.sql
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2024-12-01');
UPDATE acct.entity SET name = 'Main <Takaful> & Sons' WHERE entity_code = 'MAIN';
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 4000 F1 *,DR 5000 F2 :gross_amount / 10,CR 2000 F2 *}');
CALL public.policy('Z', '{}', '[{"txn_type": "Z"}]', '{"template_type": "IGNORE"}');
CALL public.txn(1, '2024-12-01', 'A', 1000, '2024-12-31');
CALL public.txn(2, '2025-01-01', 'A', 1234567.89, '2025-01-01');
CALL public.txn(3, '2025-01-01', 'A', -30, '2025-01-20');
CALL public.txn(4, '2025-01-01', 'A', 8.125, '2025-01-20', currency => 'CY3');
CALL public.txn(5, '2025-01-01', 'A', 70, '2025-01-31', entity => 'SUB', currency => 'CY0');
CALL public.txn(6, '2025-01-01', 'NONE', 50, '2025-01-05');
CALL public.txn(7, '2025-01-01', 'NONE', 60, '2025-01-25');
CALL public.txn(8, '2025-01-01', 'Z', 13, '2025-01-02');
SELECT public.posted('2024-12-01', 'dec') AS dec, public.posted('2025-01-01', 'jan') AS jan \gset
-- Layouts; of the balance sheet one line is missing.
INSERT INTO acct.statement_layout (layout, statement, description) VALUES ('PL', 'profit_and_loss', 'A test'), ('BS', 'balance_sheet', 'A test');
INSERT INTO acct.statement_line (layout, line_no, label, sign, subtotal_of)
VALUES ('PL', 1, 'Year <b>', 1, NULL), ('PL', 2, 'Income & more', -1, NULL), ('PL', 3, 'Expense', 1, NULL), ('PL', 4, 'Result', -1, '{2,3}'),
       ('BS', 1, 'Assets', 1, NULL), ('BS', 2, 'Result of the year', -1, NULL), ('BS', 3, 'Result before', -1, NULL), ('BS', 4, 'Total', -1, '{2,3}');
INSERT INTO acct.statement_account (layout, line_no, selection_no, account_type)
VALUES ('PL', 2, 1, 'INCOME'), ('PL', 3, 1, 'EXPENSE'), ('BS', 1, 1, 'ASSET'), ('BS', 2, 1, 'RESULT'), ('BS', 3, 1, 'PRIOR_RESULT');

-- The rows of a table of a page, cell by cell, as a browser shows them; figures as numbers
CREATE FUNCTION public.shown(html text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(replace(replace(replace(replace(replace(regexp_replace($1, '<[^>]*>', '', 'g'), '&ndash;', '-'), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&amp;', '&')
$$;
CREATE FUNCTION public.cells(page text, id text, part text DEFAULT 'tbody') RETURNS TABLE (n bigint, cells text[]) LANGUAGE sql AS $$
    SELECT r.n, ARRAY(SELECT public.shown(c) FROM regexp_split_to_table(r.row, '<t[dh][^>]*>') WITH ORDINALITY AS x (c, i) WHERE i > 1 ORDER BY i)
      FROM regexp_split_to_table(substring($1 FROM '<table id="' || $2 || '".*?<' || $3 || '>(.*?)</' || $3 || '>'), '<tr[^>]*>') WITH ORDINALITY AS r (row, n) WHERE r.n > 1
$$;
CREATE FUNCTION public.number(shown text) RETURNS numeric LANGUAGE sql AS $$
    SELECT CASE WHEN $1 = '-' THEN 0 WHEN $1 LIKE '(%' THEN -translate($1, '(),', '')::numeric ELSE replace(nullif($1, ''), ',', '')::numeric END
$$;
CREATE FUNCTION public.verdicts(month date) RETURNS TABLE (mark text, verdict text) LANGUAGE sql AS $$
    SELECT public.shown(v[1]), public.shown(v[2]) FROM (SELECT acct.month_end_pack($1) AS html OFFSET 0) AS p, regexp_matches(html, '<li><span class="mark [a-z]+?">(.*?)</span><span>(.*?) <a', 'g') AS v
$$;
CREATE TABLE public.page AS SELECT acct.month_end_pack('2025-01-01') AS html;

--
-- Figures
--
-- The trial balance of each entity and currency, one table after another
SELECT c.cells[1:4] AS account, c.cells[5:8] AS figures FROM public.page, public.cells(html, 'balances-1') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, generate_series(1, 3) AS t, public.cells(html, 'balances-' || t) AS c WHERE t > 1 ORDER BY t, c.n;
SELECT c.cells FROM public.page, public.cells(html, 'balances-2', 'tfoot') AS c ORDER BY c.n;
WITH shown AS (
    SELECT t AS book, c.cells[1] AS fund, c.cells[2] AS account_code, public.number(c.cells[5]) AS opening, public.number(c.cells[6]) AS debit, public.number(c.cells[7]) AS credit, public.number(c.cells[8]) AS closing
      FROM public.page, generate_series(1, 9) AS t, public.cells(html, 'balances-' || t) AS c),
book AS (SELECT entity_code, currency, row_number() OVER (ORDER BY entity_code, currency) AS book FROM acct.trial_balance('2025-01-01') GROUP BY 1, 2)
SELECT count(*) AS balances, count(*) FILTER (WHERE (s.opening, s.debit, s.credit, s.closing) IS DISTINCT FROM (t.opening_balance, t.period_debit, t.period_credit, t.closing_balance)) AS differences
  FROM acct.trial_balance('2025-01-01') AS t JOIN book AS b USING (entity_code, currency) FULL JOIN shown AS s USING (book, fund, account_code);
-- What each fund has, and its result
SELECT c.cells FROM public.page, public.cells(html, 'summary-2-position') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'summary-2-funds') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'summary-2-funds', 'tfoot') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'moved-2') AS c ORDER BY c.n;
-- Statements
SELECT c.cells FROM public.page, public.cells(html, 'result-2') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'result-2-funds-0') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'position-2') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'position-2-funds-0') AS c ORDER BY c.n;
SELECT count(*) AS lines, count(*) FILTER (WHERE s.cells[1] <> p.label OR (public.number(s.cells[2]), public.number(s.cells[3]), public.number(s.cells[4]), public.number(s.cells[5]))
                                                                         IS DISTINCT FROM (p.amount, p.previous, p.year_ago, p.year_to_date)) AS differences
  FROM (SELECT c.*, row_number() OVER (ORDER BY t, c.n) AS at FROM public.page, generate_series(1, 3) AS t, public.cells(html, 'result-' || t) AS c) AS s
  FULL JOIN (SELECT x.*, row_number() OVER () AS at FROM acct.profit_and_loss('2025-01-01', '2025-01-01') AS x) AS p USING (at);
-- More funds than a page has room for
SELECT t AS part, cardinality(c.cells) AS cells, c.cells[1] AS line FROM (SELECT acct._pack_fund_statement('x', 'balance_sheet', '{"entity_code": "E", "currency": "C", "decimals": 2, "title": "T"}',
    (SELECT jsonb_agg(jsonb_build_object('n', l * 100 + f, 'entity_code', 'E', 'currency', 'C', 'label', 'Line ' || l, 'row_kind', 'accounts', 'column_no', f, 'column_label', f, 'amount', f)) FROM generate_series(1, 2) AS l, generate_series(1, 14) AS f)) AS html) AS p,
    generate_series(0, 2) AS t, public.cells(html, 'x-' || t) AS c ORDER BY t, c.n;
-- A layout that is not valid is said; the page is there all the same.
BEGIN;
INSERT INTO acct.statement_account (layout, line_no, selection_no, account_type) VALUES ('PL', 3, 2, 'INCOME');
SELECT unnest(regexp_matches(acct.month_end_pack('2025-01-01'), '<p class=none>(There is no [^<]*)</p>', 'g')) AS said;
ROLLBACK;
-- All that reconcile_month() has, and exceptions_report()
SELECT (SELECT count(*) FROM acct.reconcile_month('2025-01-01')) AS rows, count(*) AS shown FROM public.page, unnest(ARRAY['counts', '1', '2', '3', '4', '5']) AS t, public.cells(html, 'reconciled-' || t);
SELECT c.cells FROM public.page, public.cells(html, 'reconciled-counts') AS c WHERE c.cells[1] = 'Transactions' ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'exceptions') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'outcomes') AS c ORDER BY c.n;
SELECT c.cells FROM public.page, public.cells(html, 'findings') AS c ORDER BY c.n;
SELECT c.cells[1] = :jan::text AS is_jan, c.cells[2:4] AS run, c.cells[8:11] AS figures FROM public.page, public.cells(html, 'runs') AS c ORDER BY c.n;
SELECT c.cells[1:2] AS template, c.cells[4:6] AS dates, c.cells[7] = session_user AS by_us, c.cells[9] AS approver FROM public.page, public.cells(html, 'templates') AS c ORDER BY c.n;
SELECT public.shown(v[1]) AS mark, public.shown(v[2]) AS verdict FROM public.page, regexp_matches(html, '<li><span class="mark [a-z]+?">(.*?)</span><span>(.*?) <a', 'g') AS v;
-- Charts have a title, a description with the figures, and the unit of their axis.
SELECT public.shown(c[1]) AS title, public.shown(c[2]) AS about FROM public.page, regexp_matches(html, '<title id=[^>]*?>(.*?)</title><desc id=[^>]*?>(.*?)</desc>', 'g') AS c;

--
-- One entity; a month of the archive; one without entries
--
CREATE TABLE public.sub AS SELECT acct.month_end_pack('2025-01-01', 'SUB') AS html;
SELECT c.cells FROM public.sub, public.cells(html, 'balances-1') AS c ORDER BY c.n;
SELECT count(*) FILTER (WHERE html LIKE '%balances-2%') AS others, count(*) FILTER (WHERE html LIKE '%Sons%') AS named FROM public.sub;
SELECT public.close_period('2024-12-01') IS NOT NULL AS closed;
CREATE TABLE public.before AS SELECT c.* FROM (SELECT acct.month_end_pack('2024-12-01') AS html OFFSET 0) AS p, public.cells(html, 'balances-1') AS c;
SELECT acct.archive_partition('ledger_entry', '2024-12-01') IS NOT NULL AS ledger, acct.archive_partition('txn_source_parent', '2024-12-01') IS NOT NULL AS source;
CREATE TABLE public.archived AS SELECT acct.month_end_pack('2024-12-01') AS html;
SELECT count(*) AS balances, count(*) FILTER (WHERE c IS DISTINCT FROM b) AS differences FROM public.archived, public.cells(html, 'balances-1') AS c FULL JOIN public.before AS b USING (n);
SELECT c.cells[1] AS entity, c.cells[3] AS action, c.cells[4] = session_user AS by_us, c.cells[5:6] AS waived FROM public.archived, public.cells(html, 'periods') AS c WHERE c.cells[1] = 'MAIN';
SELECT c.cells FROM public.archived, public.cells(html, 'state') AS c WHERE c.cells[1] LIKE 'Entries%';
-- The pack reports a dropped month's lines as unknown; balances stay.
BEGIN;
SET LOCAL ledger_engine.maintenance = on;
SET LOCAL ledger_engine.allow_drop = on;
UPDATE acct.archived_partition SET dropped_at = now() WHERE month = '2024-12-01';
DROP TABLE acct_archive.ledger_entry_line_2024_12, acct_archive.ledger_entry_header_2024_12;
SELECT regexp_matches(acct.month_end_pack('2024-12-01'), '(?:Findings|Journals by day) are not known[^<]*', 'g') AS said;
SELECT * FROM public.verdicts('2024-12-01') WHERE mark IN ('Reconciled', 'Not known', 'Differs');
ROLLBACK;
-- A month is not complete while transactions wait for a run, or a run of them for its posting.
BEGIN;
CALL public.txn(20, '2025-02-01', 'A', 100);
CALL public.txn(21, '2025-02-01', 'A', 200);
CALL public.txn(22, '2025-01-01', 'A', 300, '2025-02-10');
SELECT * FROM public.verdicts('2025-02-01') WHERE mark <> 'Open';
SELECT public.expanded('2025-02-01', 'feb') IS NOT NULL AS expanded;
SELECT * FROM public.verdicts('2025-02-01') WHERE verdict LIKE 'No exception%';
SELECT FROM acct.post_journals('feb');
SELECT * FROM public.verdicts('2025-02-01') WHERE verdict LIKE 'No exception%';
SELECT public.posted('2025-01-01', 'jan 2') IS NOT NULL AS posted;
SELECT * FROM public.verdicts('2025-02-01') WHERE verdict LIKE 'No exception%';
ROLLBACK;
SELECT unnest(regexp_matches(acct.month_end_pack('2030-06-01', 'OTHER'), '<p class=none>([^<]*)</p>', 'g')) AS empty_month;

--
-- No text becomes markup
--
CREATE TABLE public.hostile AS SELECT '"''><script>alert(1)</script><img src=x onerror="alert(2)">&lt;' || E'\u202E\u0001\n' || '</table></svg><!--' AS text;
BEGIN;
UPDATE acct.entity SET name = text FROM public.hostile WHERE entity_code = 'MAIN';
UPDATE acct.fund SET name = text FROM public.hostile;
UPDATE acct.chart_of_accounts SET description = text FROM public.hostile;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund) VALUES ('<b>"''', repeat('x', 500), 'ASSET', 'F1');
INSERT INTO acct.fund (fund, name, fund_type) VALUES ('<i>&', '', 'OTHER');
INSERT INTO acct.currency VALUES ('<u>', 4);
INSERT INTO acct.entity (entity_code, name) VALUES ('<em>"', 'x');
INSERT INTO acct.account_balance_snapshot (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance, line_count)
SELECT '<em>"', 'PRIMARY', '2025-01-01', '<i>&', '<b>"''', '<u>', 1, 0, 0, 1, 0;
INSERT INTO acct.ledger_book (entity_code, basis) VALUES ('<em>"', 'PRIMARY') ON CONFLICT DO NOTHING;
SET LOCAL ledger_engine.maintenance = on;
UPDATE acct.journal_run SET run_key = text, created_by = text, posted_by = text FROM public.hostile WHERE run_id = :jan;
UPDATE acct.je_exception SET message = text, waived_by = text, waive_reason = text, waived_at = now() FROM public.hostile WHERE txn_id = 6;
INSERT INTO acct.period_log (action, entity_code, basis, period_month, waived, reason, done_by) SELECT 'close', '<em>"', 'PRIMARY', '2025-01-01', ARRAY[text], text, text FROM public.hostile;
RESET ledger_engine.maintenance;
INSERT INTO acct.journal_template (template_code, description, template_type) SELECT '<s>"H', text, 'IGNORE' FROM public.hostile;
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('<s>"H', 1, 'H');
SELECT acct.submit_template('<s>"H', 1) IS NOT NULL AS submitted;
SET LOCAL SESSION AUTHORIZATION :"checker";
SELECT acct.approve_template('<s>"H', 1) IS NOT NULL AS approved;
RESET SESSION AUTHORIZATION;
CREATE TABLE public.bad AS SELECT acct.month_end_pack('2025-01-01') AS html;
-- All tags and attributes that the page has; what a comment or another script would be is none of them.
SELECT string_agg(DISTINCT t[1], ' ' ORDER BY t[1]) AS tags FROM public.bad, regexp_matches(html, '<(/?[^ >]*)', 'g') AS t;
SELECT string_agg(DISTINCT a[1], ' ' ORDER BY a[1]) AS attributes FROM public.bad, regexp_matches(regexp_replace(html, '<(script|style)>.*?</\1>', '', 'g'), '<[a-z0-9]+((?: +[a-zA-Z0-9-]+(?:=(?:"[^"]*"|[^" >]+))?)+)>', 'g') AS t, regexp_matches(t[1], ' ([a-zA-Z0-9-]+)(?:=(?:"[^"]*"|[^" >]+))?', 'g') AS a;
SELECT count(*) FILTER (WHERE html LIKE '%<script>alert%') AS scripts, count(*) FILTER (WHERE html ~ '[^\n\t -~]') AS other_characters,
       (SELECT count(*) FROM regexp_matches(html, '&quot;&#39;&gt;&lt;script&gt;alert[(]1[)]&lt;/script&gt;&lt;img src=x onerror=&quot;alert[(]2[)]&quot;&gt;&amp;lt;&#8238;&#65533; &lt;/table&gt;&lt;/svg&gt;&lt;!--', 'g')) AS shown FROM public.bad GROUP BY html;
SELECT c.cells[1:2] AS account, length(c.cells[3]) AS description, c.cells[5] AS opening FROM public.bad, public.cells(html, 'balances-1') AS c;
SELECT c.cells[1:2] AS template, c.cells[4:5] AS type, c.cells[9] AS approver FROM public.bad, public.cells(html, 'templates') AS c WHERE c.cells[1] LIKE '%H';
-- The stylesheet and the script are those that the policy of the page allows; nothing else is loaded.
SELECT strpos(html, 'style-src ''sha256-' || encode(sha256(convert_to(substring(html FROM '<style>(.*?)</style>'), 'UTF8')), 'base64') || '''') > 0 AS style,
       strpos(html, 'script-src ''sha256-' || encode(sha256(convert_to(substring(html FROM '<script>(.*?)</script>'), 'UTF8')), 'base64') || '''') > 0 AS script,
       html !~* '(src|href)=["'']?[^#"'' >]*[:/]|url\(|@import' AS loads_nothing FROM public.bad;
ROLLBACK;
SELECT acct._html(NULL) AS "null", acct._html('plain') AS plain, acct._html('a & b') AS and, length(acct._html(repeat('<', 1000))) AS cut;
SELECT v, acct._figure(v, 2) AS two, acct._figure_cell(v, 0) AS cell, acct._figure(v, 4) AS four FROM unnest(ARRAY[0, 1234567.895, -0.5, -1234, 99999999999999999999.9999, NULL]) AS v;
SELECT acct._chart_ticks(v::numeric[]) AS ticks FROM unnest(ARRAY['{0}', '{7,3}', '{-1950000,830000}', '{0.0003}', '{-12}', '{}', '{123456789012345}']) AS v;

--
-- 500 accounts in 12 funds are two megabytes at most.
--
BEGIN;
INSERT INTO acct.fund (fund, name, fund_type) SELECT 'FUND' || n, 'Participants'' risk fund ' || n, 'OTHER' FROM generate_series(1, 12) AS n;
INSERT INTO acct.chart_of_accounts (account_code, description, account_type) SELECT (200000 + n)::text, 'Contribution liability of product ' || n, CASE n % 2 WHEN 0 THEN 'INCOME' ELSE 'EXPENSE' END FROM generate_series(1, 500) AS n;
INSERT INTO acct.account_balance_snapshot (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit, period_credit, closing_balance, line_count)
SELECT 'OTHER', 'PRIMARY', '2025-01-01', 'FUND' || f, (200000 + a)::text, 'IDR', (a - 250) * 1234567.89, a * 7654321.09, a * 7654321.09, (a - 250) * 1234567.89, 10 FROM generate_series(1, 500) AS a, generate_series(1, 12) AS f;
INSERT INTO acct.ledger_book (entity_code, basis) VALUES ('OTHER', 'PRIMARY') ON CONFLICT DO NOTHING;
SELECT (SELECT count(*) FROM public.cells(p.html, 'balances-1')) AS balances, length(p.html) < 2000000 AS is_small FROM (SELECT acct.month_end_pack('2025-01-01', 'OTHER') AS html OFFSET 0) AS p;
ROLLBACK;

-- Nothing is written; any isolation level, and any setting of the session, gives the same page but for when it was written.
CREATE FUNCTION public.lasting(page text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace($1, '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} [A-Z]+', '', 'g') $$;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT public.lasting(acct.month_end_pack('2025-01-01', 'SUB')) = public.lasting(html) AS same FROM public.sub;
COMMIT;
SET datestyle = 'German, DMY';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET search_path = '';
SELECT public.lasting(acct.month_end_pack('2025-01-01', 'SUB')) = public.lasting(html) AS same FROM public.sub;
RESET ALL;
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
-- A session calls its time zone what it likes.
SET timezone = '<<B>3';
SELECT position('<B' IN html) > 0 AS markup, position('&lt;B' IN html) > 0 AS shown FROM (SELECT acct.month_end_pack('2025-01-01', 'SUB') AS html OFFSET 0) AS p;
SET timezone = 'UTC';

-- A database of another encoding: the page is ASCII there, too.
CREATE DATABASE regress_pack_encoding ENCODING 'LATIN2' LOCALE 'C' TEMPLATE template0;
\c regress_pack_encoding
SET client_min_messages = warning;
CREATE EXTENSION ledger_engine;
SELECT acct._html('<' || chr(177) || chr(233) || chr(128) || chr(9) || 'a') AS letters;
\c :topic_db
DROP DATABASE regress_pack_encoding;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- Bad arguments
\set VERBOSITY sqlstate
SELECT acct.month_end_pack('2025-01-02'); :why
SELECT acct.month_end_pack(NULL); :why
SELECT acct.month_end_pack('0025-01-01'); :why
SELECT acct.month_end_pack('2025-01-01', 'NOBODY'); :why
SELECT acct.month_end_pack('2025-01-01', basis => 'NONE'); :why
SELECT acct.month_end_pack('2025-01-01', basis => NULL); :why
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

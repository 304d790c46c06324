-- What the other tests start from, included as \i test/sql/setup.sql after \set topic NAME: a database regress_NAME of
-- the test's own with a small policy, and helpers in its schema public. Run as a test by itself it leaves nothing.
\set ECHO none
\set SHOW_CONTEXT never
-- With VERBOSITY sqlstate an error is its SQLSTATE; :why after the statement prints its message, too.
\set why '\\echo :LAST_ERROR_MESSAGE'
-- The same for a message that names the session's user, whose name is another one elsewhere.
\set why_me 'SELECT replace(:''LAST_ERROR_MESSAGE'', session_user, ''this user'') AS why;'
SET client_min_messages = warning;
\if :{?topic}
    \set alone false
\else
    \set topic setup
    \set alone true
\endif
SELECT current_database() AS regress_db, 'regress_' || :'topic' AS topic_db, 'regress_' || :'topic' || '_checker' AS checker \gset
-- The first test makes all that in the database that pg_regress made, and each test copies that one.
SELECT to_regclass('acct.journal_run') IS NULL AS first_test \gset
\if :first_test
SELECT acct.install() AS installed \gset

INSERT INTO acct.entity (entity_code) VALUES ('SUB'), ('OTHER');
INSERT INTO acct.fund VALUES ('F1', 'Risk fund', 'PARTICIPANT_RISK'), ('F2', 'Operator', 'OPERATOR');
INSERT INTO acct.currency VALUES ('CY0', 0), ('CY1', 1), ('IDR', 2), ('CY3', 3), ('CY4', 4);
INSERT INTO acct.chart_of_accounts (account_code, description, account_type)
VALUES ('1000', 'Cash', 'ASSET'), ('2000', 'Liabilities', 'LIABILITY'), ('3000', 'Reserve', 'EQUITY'),
       ('4000', 'Income', 'INCOME'), ('5000', 'Expense', 'EXPENSE');

-- A template version, drafted by the session's user and approved by another. A line is 'DR 1000 F1 expression',
-- * for the balancing line, with ' IF condition' at its end or without; numbered 1, 2, ...
-- Without match rules it has one, for the txn_type of its code.
CREATE PROCEDURE public.policy(code text, lines text[], matches jsonb DEFAULT NULL, header jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
DECLARE
    v integer := 1 + coalesce((SELECT max(version) FROM acct.journal_template WHERE template_code = code), 0);
    t acct.journal_template := jsonb_populate_record(NULL::acct.journal_template, header);
    me text := session_user;
    part text[];
    n integer := 0;
BEGIN
    INSERT INTO acct.journal_template (template_code, version, template_type, basis, effective_from, effective_to,
        require_balanced, balance_by_fund, skip_zero_lines, negative_policy)
    VALUES (code, v, coalesce(t.template_type, 'STANDARD'), coalesce(t.basis, 'PRIMARY'),
        coalesce(t.effective_from, '2000-01-01'), t.effective_to, coalesce(t.require_balanced, true),
        coalesce(t.balance_by_fund, true), coalesce(t.skip_zero_lines, true), coalesce(t.negative_policy, 'swap'));
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, product_code, channel, condition_expr, priority)
    SELECT code, v, coalesce(m.match_no, row_number() OVER ()), m.txn_type, m.product_code, m.channel, m.condition_expr, coalesce(m.priority, 100)
      FROM jsonb_populate_recordset(NULL::acct.journal_template_match,
                                    coalesce(matches, jsonb_build_array(jsonb_build_object('txn_type', code)))) AS m;
    FOR part IN SELECT regexp_match(l, '^(DR|CR) (\S+) (\S+) (.*?)(?: IF (.*))?$') FROM unnest(lines) AS l LOOP
        n := n + 1;
        INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, condition_expr)
        VALUES (code, v, n, part[1], part[2], part[3], nullif(part[4], '*'), part[4] = '*', part[5]);
    END LOOP;
    PERFORM acct.submit_template(code, v);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.approve_template(code, v);
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;

-- Retires a version on any day, by a release of two people.
CREATE FUNCTION public.retire(code text, version integer, effective_to date) RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = off AS $$
DECLARE
    release bigint := acct.create_release(format('Retire %s', code));
BEGIN
    INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to) VALUES (release, $1, $2, $3);
    PERFORM acct.submit_release(release);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.approve_release(release);
    EXECUTE 'RESET SESSION AUTHORIZATION';
END
$$;

-- A transaction, all of it tabarru, on the 15th of its month.
CREATE PROCEDURE public.txn(id bigint, month date, txn_type text, gross numeric DEFAULT 100, value_date date DEFAULT NULL,
    product text DEFAULT 'P', channel text DEFAULT 'C', currency text DEFAULT 'IDR', entity text DEFAULT 'MAIN',
    attributes jsonb DEFAULT NULL)
LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, currency,
                                        entity_code, gross_amount, tabarru_amount, attributes)
    VALUES ($1, $2, coalesce($5, $2 + 14), $3, $6, $7, $8, $9, $4, $4, $10)
$$;

-- A run of a month, created and expanded.
CREATE FUNCTION public.expanded(month date, key text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    id bigint := acct.create_run(month, key, options);
BEGIN
    PERFORM FROM acct.expand_journals(id);
    RETURN id;
END
$$;

CREATE FUNCTION public.posted(month date, key text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    id bigint := public.expanded(month, key, options);
BEGIN
    PERFORM FROM acct.post_journals(id);
    RETURN id;
END
$$;

-- Closes a month whatever stands against it, where a test is about something else.
CREATE FUNCTION public.close_period(month date, entity text DEFAULT NULL, basis text DEFAULT NULL)
RETURNS TABLE (entity_code text, basis text, changed boolean) LANGUAGE sql AS $$
    SELECT c.* FROM acct.close_period($1, $2, $3, ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test') AS c
$$;

-- What a statement returns, or its error; numbers of runs in the names of tables are left out.
CREATE FUNCTION public.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE statement INTO result;
    RETURN coalesce(result, 'no row');
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s %s', SQLSTATE, regexp_replace(SQLERRM, '_run_\d+', '_run_N'));
END
$$;

-- What became of each transaction of an expanded run: its journal's lines, or the reason why it has none.
CREATE FUNCTION public.outcome(id bigint)
RETURNS TABLE (txn_id bigint, basis text, template text, outcome text) LANGUAGE sql AS $$
    SELECT * FROM (
        SELECT h.txn_id, h.basis, h.template_code || ' v' || h.template_version AS template,
               string_agg(format('%s:%s %s/%s %s', l.line_no,
                                 CASE WHEN l.debit > 0 THEN 'DR' WHEN l.credit > 0 THEN 'CR' ELSE '--' END,
                                 l.account_code, l.fund, trim_scale(l.debit + l.credit)), ', ' ORDER BY l.line_no) AS outcome
          FROM acct.je_header_staging AS h JOIN acct.je_line_staging AS l USING (run_id, je_id)
         WHERE h.run_id = $1 GROUP BY h.je_id, 1, 2, 3
        UNION ALL
        SELECT e.txn_id, e.basis, e.template_code || ' v' || e.template_version,
               e.reason || coalesce(' in line ' || e.line_no, '')
          FROM acct.je_exception AS e WHERE e.run_id = $1) AS o
    ORDER BY o.txn_id, o.basis
$$;

\endif

-- Nobody may be connected to a database that is copied.
\c postgres
SET client_min_messages = warning;
DROP DATABASE IF EXISTS :"topic_db";
DROP ROLE IF EXISTS :"checker";
CREATE DATABASE :"topic_db" TEMPLATE :"regress_db" STRATEGY FILE_COPY; -- the cheaper one where nothing is synced
CREATE ROLE :"checker" SUPERUSER;
ALTER DATABASE :"topic_db" SET client_min_messages = warning;
\if :alone
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";
\else
\c :topic_db
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
\endif
\set ECHO all

-- The peer in SQL: the fastest set-based SQL that we know how to write for the work of expand_journals(), compiled from the
-- approved templates as one would by hand. peer.expand_script() returns the script.
--
-- How it works. Account maps are CASEs; of the policy's tables only acct.currency, the lines of the templates (peer.line) and,
-- with many rules, where each combination of codes leads (peer.route) are read for a row. With few rules routing is one CASE.
-- Templates that differ in accounts alone share one computation. Each distinct amount is computed and rounded once, in one
-- pass over the source that also makes total, line count and checks by arithmetic in the row; that goes to a temporary
-- table. Headers and exceptions are read from it, lines are its join with peer.line. Staging is made by CREATE TABLE AS,
-- which is faster than INSERT.
--
-- Other formulations, single runs at 200,000 transactions of the sample, one process, seconds. This one: transactions 0.7,
-- headers 0.15, lines 0.9. (The first three need the transactions in a table partitioned by template: 1.1 instead of 1.1
-- before, and 0.7 after, the arithmetic of the checks was cut down; they were not measured again after that.)
--
--   3.0  lines from LATERAL (VALUES ...) for each template
--   1.2  lines from LATERAL (SELECT ... UNION ALL SELECT ...) for each template
--   1.3  lines by UNION ALL of a SELECT for each template line, which also leaves a journal's lines far apart
--   1.1  lines by the join as here, but by INSERT into a table made before (0.9 by CREATE TABLE AS)
--   2.1  all in one statement: a MATERIALIZED WITH query, INSERT of headers in another, INSERT of lines (1.7 as here)
--   2.3  only the sums of the finished lines, by fund and then by journal, instead of arithmetic in the row
--   1.8  all of it with jit = on (1.9 with jit = off in the same minutes: no difference to speak of)
--
-- To its advantage it leaves out errors of expressions: the engine turns them into exceptions, and here they would end
-- the statement. It also leaves out amounts that are NULL or out of range, the digest, the totals by account (made when
-- posting), and the record of the run. Templates are those in effect at all times: what is not covered is refused below.

-- An expression with the source's columns: outside of quoted strings, :name is name.
CREATE FUNCTION peer.as_sql(expr text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(CASE WHEN p.n % 2 = 1 THEN regexp_replace(p.part, '(?<![:\w]):(?=[a-z_"])', '', 'g') ELSE p.part END,
                      '''' ORDER BY p.n)
      FROM regexp_split_to_table(expr, '''') WITH ORDINALITY AS p (part, n)
$$;

-- Templates, those with many transactions first, because CASE tries one after the other.
CREATE TABLE peer.template AS
SELECT (row_number() OVER (ORDER BY coalesce(f.rows, 0) DESC, t.template_code))::integer AS template_no, t.*
  FROM acct.journal_template AS t
  LEFT JOIN LATERAL (SELECT max(x.rows) AS rows
                       FROM acct.journal_template_match AS m
                       JOIN (SELECT s.txn_type, count(*) AS rows FROM acct.txn_source_parent AS s GROUP BY s.txn_type) AS x
                         ON x.txn_type = m.txn_type
                      WHERE m.template_code = t.template_code AND m.version = t.version AND m.condition_expr IS NULL) AS f ON true
 WHERE t.status = 'approved' AND t.basis = 'PRIMARY' AND t.effective_from <= '2000-01-01' AND t.effective_to IS NULL;

DO $$
BEGIN
    IF EXISTS (SELECT FROM acct.product_account_map AS m WHERE m.effective_from > '2000-01-01' OR m.effective_to IS NOT NULL
                  OR m.fund <> m.mapped_fund)
       OR EXISTS (SELECT FROM acct.journal_template AS t WHERE NOT (t.require_balanced AND t.balance_by_fund AND t.skip_zero_lines))
       OR EXISTS (SELECT FROM acct.journal_template AS t
                   WHERE NOT EXISTS (SELECT FROM peer.template AS x WHERE x.template_code = t.template_code AND x.version = t.version)) THEN
        RAISE EXCEPTION 'the peer does not cover this policy';
    END IF;
END
$$;

-- Lines with the number e of their amount, and what it is. A balancing line adds up the other amounts of its fund; where that
-- is one of them as it is, the line has its number.
CREATE TABLE peer.template_line AS
WITH line AS (
    SELECT t.template_no, l.line_no, l.dr_cr, l.account_code, l.fund, l.is_balancing,
           format(CASE WHEN l.condition_expr IS NULL THEN 'round((%1$s)::numeric, minor_units)'
                       ELSE 'CASE WHEN %2$s THEN round((%1$s)::numeric, minor_units) ELSE 0 END' END,
                  peer.as_sql(l.amount_expr), peer.as_sql(l.condition_expr)) AS value
      FROM peer.template AS t
      JOIN acct.journal_template_line AS l ON l.template_code = t.template_code AND l.version = t.version),
first AS (
    SELECT l.*, min(l.line_no) OVER (PARTITION BY l.template_no, l.value) AS first_line FROM line AS l WHERE NOT l.is_balancing),
base AS (
    SELECT f.*, dense_rank() OVER (PARTITION BY f.template_no ORDER BY f.first_line)::integer AS e FROM first AS f),
part AS (
    SELECT l.template_no, l.line_no, b.e, sum(CASE WHEN b.dr_cr = l.dr_cr THEN -1 ELSE 1 END) AS n
      FROM line AS l JOIN base AS b ON b.template_no = l.template_no AND b.fund = l.fund
     WHERE l.is_balancing GROUP BY 1, 2, 3),
rest AS (
    SELECT p.template_no, p.line_no, CASE WHEN count(*) = 1 AND max(p.n) = 1 THEN max(p.e) END AS same,
           string_agg(CASE WHEN p.n < 0 THEN '- ' ELSE '+ ' END || CASE WHEN abs(p.n) > 1 THEN abs(p.n) || ' * ' ELSE '' END || 'e' || p.e,
                      ' ' ORDER BY p.n < 0, p.e) AS value
      FROM part AS p WHERE p.n <> 0 GROUP BY 1, 2)
SELECT b.template_no, b.line_no, b.dr_cr, b.account_code, b.fund, b.value, b.e, false AS is_rest, false AS is_balancing FROM base AS b
UNION ALL
SELECT l.template_no, l.line_no, l.dr_cr, l.account_code, l.fund, CASE WHEN r.same IS NULL THEN coalesce(r.value, '0') END,
       coalesce(r.same, (SELECT max(b.e) FROM base AS b)
                        + count(*) FILTER (WHERE r.same IS NULL) OVER (PARTITION BY l.template_no ORDER BY l.line_no)::integer),
       r.same IS NULL, true
  FROM line AS l LEFT JOIN rest AS r ON r.template_no = l.template_no AND r.line_no = l.line_no
 WHERE l.is_balancing;

-- Templates with the same amounts on the same sides of the same funds share a computation, which has the number of the first of
-- them; calc_line has its lines.
CREATE TABLE peer.calc AS
SELECT x.template_no, min(x.template_no) OVER (PARTITION BY x.signature) AS calc_no
  FROM (SELECT t.template_no, t.negative_policy
               || string_agg(format('%s %s %s %s %s', l.line_no, l.dr_cr, l.fund, l.e, l.value), ';' ORDER BY l.line_no) AS signature
          FROM peer.template AS t JOIN peer.template_line AS l ON l.template_no = t.template_no
         GROUP BY t.template_no, t.negative_policy) AS x;
CREATE TABLE peer.calc_line AS
SELECT c.calc_no, l.* FROM (SELECT DISTINCT x.calc_no FROM peer.calc AS x) AS c JOIN peer.template_line AS l ON l.template_no = c.calc_no;

-- Rules in the order in which they are tried.
CREATE TABLE peer.rule AS
SELECT row_number() OVER (ORDER BY m.priority, num_nonnulls(m.txn_type, m.product_code, m.channel) DESC, t.template_code, m.match_no)
           AS rule_no,
       t.template_no, m.txn_type, m.product_code, m.channel, '(' || peer.as_sql(m.condition_expr) || ')' AS condition,
       min(t.template_no) OVER (PARTITION BY m.txn_type) AS min_no,
       CASE WHEN m.condition_expr IS NOT NULL THEN dense_rank() OVER (ORDER BY m.condition_expr) END::integer AS condition_no
  FROM peer.template AS t
  JOIN acct.journal_template_match AS m ON m.template_code = t.template_code AND m.version = t.version;

-- Which template a transaction has: a CASE of all rules.
CREATE FUNCTION peer.routing_case() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT E'CASE' || string_agg(format(E'\n                     WHEN %s THEN %s',
               coalesce(nullif(concat_ws(' AND ', 's.txn_type = ' || quote_literal(r.txn_type), 's.product_code = ' || quote_literal(r.product_code),
                                         's.channel = ' || quote_literal(r.channel), r.condition), ''), 'true'),
               r.template_no), ''
               -- Rules for different types may be tried in any order.
               ORDER BY CASE WHEN x.typed THEN r.min_no END, CASE WHEN x.typed THEN r.txn_type END, r.rule_no)
           || E'\n                     END'
      FROM peer.rule AS r CROSS JOIN (SELECT count(*) = count(txn_type) AS typed FROM peer.rule) AS x
$$;

-- The other way, for many rules: a row for each combination of codes, with the rules that may decide, and their conditions;
-- those after the first without a condition never do. Products and channels are taken to be known beforehand.
CREATE TABLE peer.route AS
SELECT k.txn_type, k.product_code, k.channel, array_agg(x.template_no ORDER BY x.rule_no) AS t,
       array_agg(x.condition_no ORDER BY x.rule_no) AS c
  FROM (SELECT t.txn_type, p.product_code, c.channel
          FROM (SELECT DISTINCT txn_type FROM acct.txn_source_parent) AS t,
               (SELECT DISTINCT product_code FROM acct.txn_source_parent) AS p,
               (SELECT DISTINCT channel FROM acct.txn_source_parent) AS c) AS k
 CROSS JOIN LATERAL (
       SELECT r.*, min(r.rule_no) FILTER (WHERE r.condition_no IS NULL) OVER () AS last
         FROM peer.rule AS r
        WHERE coalesce(r.txn_type = k.txn_type, true) AND coalesce(r.product_code = k.product_code, true)
          AND coalesce(r.channel = k.channel, true)) AS x
 WHERE x.rule_no <= coalesce(x.last, x.rule_no)
 GROUP BY 1, 2, 3;
DO $$
DECLARE
    deepest CONSTANT integer := (SELECT max(cardinality(r.t)) FROM peer.route AS r);
BEGIN
    FOR i IN 1 .. deepest LOOP
        EXECUTE format('ALTER TABLE peer.route ADD t%1$s integer, ADD c%1$s integer', i);
        EXECUTE format('UPDATE peer.route SET t%1$s = t[%1$s], c%1$s = c[%1$s]', i);
    END LOOP;
    ALTER TABLE peer.route DROP t, DROP c;
END
$$;

CREATE FUNCTION peer.routing_join() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT 'CASE' || string_agg(format(E'\n                     WHEN r.c%1$s IS NULL%2$s THEN r.t%1$s', d.i,
                                       ' OR CASE r.c' || d.i || x.conditions || ' END'), '' ORDER BY d.i)
           || E'\n                     END'
      FROM (SELECT substr(a.attname, 2)::integer AS i FROM pg_attribute AS a
             WHERE a.attrelid = 'peer.route'::regclass AND a.attname ~ '^t[0-9]+$' AND a.attnum > 0 AND NOT a.attisdropped) AS d
     CROSS JOIN (SELECT string_agg(format(' WHEN %s THEN %s', y.condition_no, y.condition), '' ORDER BY y.condition_no) AS conditions
                   FROM (SELECT DISTINCT condition_no, condition FROM peer.rule WHERE condition_no IS NOT NULL) AS y) AS x
$$;

-- The account of a line, by product and channel of the transaction r.
CREATE FUNCTION peer.mapped_account(account text, p_fund text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT 'CASE' || string_agg(format(' WHEN %s THEN %L',
                         concat_ws(' AND ', 'r.product_code = ' || quote_literal(m.product_code), 'r.channel = ' || quote_literal(m.channel)),
                         m.mapped_account_code), '' ORDER BY m.channel IS NULL)
                     || format(' ELSE %L END', account)
      FROM acct.product_account_map AS m WHERE m.account_code = account AND m.fund = p_fund
$$;

-- The sum of a journal's debits. An amount below zero is on the other side; mostly there is none.
CREATE FUNCTION peer.total_debit(p_calc integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = 1 AND max(x.dr) = max(x.cr) THEN CASE max(x.dr) WHEN 1 THEN 'abs(e1)' ELSE max(x.dr) || ' * abs(e1)' END
                ELSE format('CASE WHEN least(%s) >= 0 THEN %s ELSE %s END', string_agg('e' || x.e, ', '),
                            string_agg(CASE x.dr WHEN 1 THEN '' ELSE x.dr || ' * ' END || 'e' || x.e, ' + ' ORDER BY x.e) FILTER (WHERE x.dr > 0),
                            string_agg(format('CASE WHEN e%1$s >= 0 THEN %2$s * e%1$s ELSE -%3$s * e%1$s END', x.e, x.dr, x.cr), ' + ' ORDER BY x.e)) END
      FROM (SELECT l.e, count(*) FILTER (WHERE l.dr_cr = 'DR') AS dr, count(*) FILTER (WHERE l.dr_cr = 'CR') AS cr
              FROM peer.calc_line AS l WHERE l.calc_no = p_calc GROUP BY l.e) AS x
$$;

-- Is there a fund whose debits are not its credits? Amounts that come out of it exactly are left out.
CREATE FUNCTION peer.fund_differs(p_calc integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(format('%s <> 0', y.difference), ' OR ' ORDER BY y.fund), 'false')
      FROM (SELECT x.fund, string_agg(CASE WHEN x.n > 0 THEN '+ ' ELSE '- ' END || CASE WHEN abs(x.n) > 1 THEN abs(x.n) || ' * ' ELSE '' END
                                      || 'e' || x.e, ' ' ORDER BY x.e) AS difference
              FROM (SELECT l.fund, l.e, sum(CASE l.dr_cr WHEN 'DR' THEN 1 ELSE -1 END) AS n
                      FROM peer.calc_line AS l WHERE l.calc_no = p_calc GROUP BY l.fund, l.e) AS x
             WHERE x.n <> 0 GROUP BY x.fund) AS y
$$;

-- The same of the journal as a whole. Where no fund differs it does not either.
CREATE FUNCTION peer.journal_differs(p_calc integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(x.n || ' * e' || x.e, ' + ' ORDER BY x.e), '0') || ' <> 0'
      FROM (SELECT l.e, sum(CASE l.dr_cr WHEN 'DR' THEN 1 ELSE -1 END) AS n
              FROM peer.calc_line AS l WHERE l.calc_no = p_calc GROUP BY l.e) AS x
     WHERE x.n <> 0
$$;

-- Number of lines that are not zero.
CREATE FUNCTION peer.line_count(p_calc integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT string_agg(format('CASE WHEN e%s <> 0 THEN %s ELSE 0 END', x.e, x.n), ' + ' ORDER BY x.e)
      FROM (SELECT l.e, count(*) AS n FROM peer.calc_line AS l WHERE l.calc_no = p_calc GROUP BY l.e) AS x
$$;

-- The first line with a negative amount, for templates that refuse them.
CREATE FUNCTION peer.negative_line(p_calc integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT 'CASE ' || string_agg(format('WHEN e%s < 0 THEN %s', l.e, l.line_no), ' ' ORDER BY l.is_balancing, l.line_no) || ' END'
      FROM peer.calc_line AS l WHERE l.calc_no = p_calc
$$;

-- CASE calc_no WHEN ... of what a query gives for each computation; NULL where there is none.
CREATE FUNCTION peer.by_calc(arms text[]) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = (SELECT count(DISTINCT c.calc_no) FROM peer.calc AS c) AND count(DISTINCT x.value) = 1 THEN max(x.value)
                ELSE E'CASE calc_no' || string_agg(E'\n                           WHEN ' || x.arm, '') || ' END' END
      FROM (SELECT a AS arm, substr(a, strpos(a, ' THEN ') + 6) AS value FROM unnest(arms) AS a) AS x
$$;

-- The amounts as columns: those that are computed from the source, or those that are the rest of their fund.
CREATE FUNCTION peer.amounts(rests boolean) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT string_agg(format(E'                       (%s)::numeric(20,4) AS e%s', peer.by_calc(x.arms), x.e), E',\n' ORDER BY x.e)
      FROM (SELECT l.e, array_agg(DISTINCT l.calc_no || ' THEN ' || l.value ORDER BY l.calc_no || ' THEN ' || l.value) AS arms
              FROM peer.calc_line AS l WHERE l.is_rest = rests AND l.value IS NOT NULL GROUP BY l.e) AS x
$$;

-- The source's rows with template, amounts and checks; not those that are ignored. half: 0 is all of them; 1 and 2 are the
-- first and the second half of the table's pages, for two sessions.
CREATE FUNCTION peer.routed_query(month date, half integer, joined boolean) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    names CONSTANT text := (SELECT string_agg('e' || x.e, ', ' ORDER BY x.e) FROM (SELECT DISTINCT l.e FROM peer.calc_line AS l) AS x);
    calcs CONSTANT integer[] := (SELECT array_agg(DISTINCT c.calc_no ORDER BY c.calc_no) FROM peer.calc AS c);
    calc CONSTANT text := (SELECT CASE WHEN cardinality(calcs) = 1 THEN calcs[1]::text
                                       WHEN bool_and(coalesce(c.calc_no, t.template_no) = t.template_no) THEN 'template_no'
                                       ELSE format('(%L::integer[])[template_no]', array_agg(c.calc_no ORDER BY t.template_no)) END
                             FROM peer.template AS t LEFT JOIN peer.calc AS c ON c.template_no = t.template_no);
    source CONSTANT regclass := 'acct.txn_source_' || to_char(month, 'YYYY_MM');
    middle CONSTANT bigint := pg_relation_size(source) / current_setting('block_size')::bigint / 2;
    rests CONSTANT text := peer.amounts(true);
    amounts text;
BEGIN
    amounts := format($q$SELECT s.*, %1$s AS calc_no,
%2$s
                          FROM (SELECT s.*, c.minor_units, s.bank_value_date AS je_date,
                                       CASE WHEN s.bank_value_date NOT BETWEEN %3$L AND %4$L THEN 'BAD_DATE'
                                            WHEN c.currency IS NULL THEN 'UNKNOWN_CURRENCY'
                                            WHEN p.period_month IS NOT NULL THEN 'PERIOD_CLOSED' END AS refusal,
                                       %5$s AS template_no
                                  FROM %6$s AS s
                                  LEFT JOIN acct.currency AS c ON c.currency = s.currency
                                  LEFT JOIN acct.accounting_period AS p
                                    ON p.entity_code = s.entity_code AND p.basis = 'PRIMARY' AND NOT p.is_open
                                   AND s.bank_value_date >= p.period_month AND s.bank_value_date < p.period_month + interval '1 month'
                                  %7$s
                                 WHERE s.txn_month = %8$L %9$s
                                OFFSET 0) AS s
                         WHERE refusal IS NOT NULL OR template_no IS NULL OR template_no NOT IN (%10$s)
                        OFFSET 0$q$,
        calc, replace(peer.amounts(false), 'CASE calc_no', 'CASE ' || calc), (month - interval '12 months')::date, (month + interval '12 months')::date,
        CASE WHEN joined THEN peer.routing_join() ELSE peer.routing_case() END, source,
        CASE WHEN joined THEN 'LEFT JOIN peer.route AS r
                                    ON r.txn_type = s.txn_type AND r.product_code = s.product_code AND r.channel = s.channel' END,
        month, CASE half WHEN 1 THEN format('AND s.ctid < ''(%s,0)''', middle) WHEN 2 THEN format('AND s.ctid >= ''(%s,0)''', middle) END,
        coalesce((SELECT string_agg(t.template_no::text, ', ') FROM peer.template AS t WHERE t.template_type = 'IGNORE'), '-1'));
    IF rests IS NOT NULL THEN
        amounts := format(E'SELECT s.*,\n%s\n                  FROM (%s) AS s OFFSET 0', rests, amounts);
    END IF;
    RETURN format($q$
SELECT CASE WHEN reason IS NULL THEN template_no ELSE 0 END AS part, template_no, row_number() OVER () + %8$s AS je_id, txn_id, je_date,
       txn_month, entity_code, txn_type, product_code, channel, policy_no, currency, reason,
       CASE WHEN reason = 'NEGATIVE_AMOUNT' THEN negative_line END AS line_no, line_count, total_debit, %1$s
  FROM (SELECT b.*,
               CASE WHEN refusal IS NOT NULL THEN refusal
                    WHEN template_no IS NULL THEN 'NO_TEMPLATE'
                    WHEN negative_line IS NOT NULL THEN 'NEGATIVE_AMOUNT'
                    WHEN line_count = 0 THEN 'NO_LINES'
                    WHEN fund_differs THEN CASE WHEN %2$s THEN 'UNBALANCED' ELSE 'UNBALANCED_FUND' END END AS reason
          FROM (SELECT a.*, (%3$s)::numeric(20,4) AS total_debit,
                       %4$s AS line_count,
                       %5$s AS fund_differs,
                       %6$s AS negative_line
                  FROM (%7$s) AS a
                OFFSET 0) AS b
        OFFSET 0) AS v$q$,
        names,
        peer.by_calc((SELECT array_agg(c || ' THEN ' || peer.journal_differs(c) ORDER BY c) FROM unnest(calcs) AS c)),
        peer.by_calc((SELECT array_agg(c || ' THEN ' || peer.total_debit(c) ORDER BY c) FROM unnest(calcs) AS c)),
        peer.by_calc((SELECT array_agg(c || ' THEN ' || peer.line_count(c) ORDER BY c) FROM unnest(calcs) AS c)),
        peer.by_calc((SELECT array_agg(c || ' THEN ' || peer.fund_differs(c) ORDER BY c) FROM unnest(calcs) AS c)),
        coalesce((SELECT peer.by_calc(array_agg(x.calc_no || ' THEN ' || peer.negative_line(x.calc_no) ORDER BY x.calc_no))
                    FROM (SELECT DISTINCT c.calc_no FROM peer.template AS t JOIN peer.calc AS c ON c.template_no = t.template_no
                           WHERE t.negative_policy = 'reject') AS x), 'NULL::integer'),
        amounts,
        -- the journals of the second half are numbered after any of the first
        CASE half WHEN 2 THEN 1000000000 ELSE 0 END);
END
$$;

-- The lines of the templates, for the join. map_no: which account map it has; 0: none.
CREATE TABLE peer.map AS
SELECT row_number() OVER (ORDER BY m.account_code, m.fund)::integer AS map_no, m.account_code, m.fund
  FROM (SELECT DISTINCT x.account_code, x.fund FROM acct.product_account_map AS x) AS m;

CREATE TABLE peer.line AS
SELECT l.template_no, l.line_no, l.dr_cr = 'DR' AS is_debit, l.account_code, l.fund, l.e, coalesce(m.map_no, 0) AS map_no
  FROM peer.template_line AS l
  LEFT JOIN peer.map AS m ON m.account_code = l.account_code AND m.fund = l.fund
 ORDER BY l.template_no, l.line_no;

ANALYZE peer.template, peer.line, peer.route;

-- The script. kind: of the table between; workers cannot read a temporary one. The staging of a half has its number as suffix.
-- joined: route by peer.route; NULL: what is faster.
CREATE FUNCTION peer.expand_script(month date, kind text, half integer DEFAULT 0, joined boolean DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    account CONSTANT text := coalesce((SELECT 'CASE l.map_no WHEN 0 THEN l.account_code'
               || string_agg(format(E'\n                    WHEN %s THEN %s', m.map_no, peer.mapped_account(m.account_code, m.fund)), '' ORDER BY m.map_no)
               || ' END' FROM peer.map AS m), 'l.account_code');
    amount CONSTANT text := (SELECT 'CASE l.e' || string_agg(format(' WHEN %1$s THEN r.e%1$s', x.e), '' ORDER BY x.e) || ' END'
                               FROM (SELECT DISTINCT l.e FROM peer.line AS l) AS x);
    suffix CONSTANT text := CASE half WHEN 0 THEN '' ELSE '_' || half END;
    absolute CONSTANT text := 'CASE WHEN x.e > 0 THEN x.e ELSE (- x.e)::numeric(20,4) END';
BEGIN
    RETURN format($q$
BEGIN;
CREATE %1$s TABLE routed AS %2$s;

CREATE UNLOGGED TABLE peer.je_header_staging%6$s AS
SELECT r.je_id, bigint '1' AS run_id, r.txn_id, r.je_date, r.txn_month, t.version AS template_version, r.line_count, r.entity_code,
       text 'PRIMARY' COLLATE "C" AS basis, t.template_code, r.txn_type, r.product_code, r.channel, r.policy_no, r.currency,
       r.total_debit, r.total_debit AS total_credit, NULL::bigint AS reversal_of, NULL::text AS memo
  FROM routed AS r JOIN peer.template AS t ON t.template_no = r.template_no
 WHERE r.part <> 0;

CREATE UNLOGGED TABLE peer.je_line_staging%6$s AS
SELECT x.je_id, bigint '1' AS run_id, x.txn_id, x.je_date, x.line_no, x.entity_code, text 'PRIMARY' COLLATE "C" AS basis,
       x.account_code COLLATE "C" AS account_code, x.fund, x.currency, x.product_code, x.channel,
       CASE WHEN x.is_debit = (x.e > 0) THEN %3$s ELSE numeric(20,4) '0' END AS debit,
       CASE WHEN x.is_debit = (x.e > 0) THEN numeric(20,4) '0' ELSE %3$s END AS credit
  FROM (SELECT r.je_id, r.txn_id, r.je_date, r.entity_code, r.currency, r.product_code, r.channel, l.line_no, l.is_debit, l.fund,
               %4$s AS account_code,
               %5$s AS e
          FROM routed AS r JOIN peer.line AS l ON l.template_no = r.template_no
         WHERE r.part <> 0
        OFFSET 0) AS x
 WHERE x.e <> 0;

INSERT INTO peer.je_exception (run_id, txn_id, txn_month, basis, reason, template_code, template_version, line_no, message)
SELECT 1, r.txn_id, r.txn_month, 'PRIMARY', r.reason, t.template_code, t.version, r.line_no, r.reason
  FROM routed AS r
  LEFT JOIN peer.template AS t
    ON t.template_no = r.template_no AND r.reason NOT IN ('BAD_DATE', 'UNKNOWN_CURRENCY', 'PERIOD_CLOSED')
 WHERE r.part = 0;
DROP TABLE routed;
COMMIT;
$q$, kind, peer.routed_query(month, half, coalesce(joined, (SELECT count(*) > 60 FROM peer.rule))), absolute, account, amount,
suffix);
END
$$;

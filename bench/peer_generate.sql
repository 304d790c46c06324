-- The peer: the fastest set-based SQL that we know how to write for the work of expand_journals(), compiled from the
-- approved templates as one would by hand. peer.expand_script() returns the script.
--
-- How it works. Routing is one CASE, account maps are CASEs, no policy table but acct.currency and the lines of the
-- templates (peer.line) is read for a row. Each distinct amount of a template is computed and rounded once, in one pass
-- over the source that also makes total, line count and checks by arithmetic in the row; that goes to a temporary table.
-- Headers and exceptions are read from it, lines are its join with peer.line. Staging is made by CREATE TABLE AS, which
-- is faster than INSERT.
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
--   1.8  all of it with jit = on (1.9 with jit = off beside it: no difference to speak of)
--
-- What it leaves out, to its advantage: errors of expressions (the engine makes them exceptions; here they would end the
-- statement), amounts out of range, the digest, the totals by account (made when posting), the record of the run.
-- Templates are those in effect at all times: what is not covered is refused below.

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

-- Lines with the number of their amount.
CREATE TABLE peer.template_line AS
SELECT t.template_no, l.line_no, l.dr_cr, l.account_code, l.fund, l.is_balancing, x.value,
       dense_rank() OVER (PARTITION BY t.template_no ORDER BY x.first_line)::integer AS e
  FROM peer.template AS t
  JOIN acct.journal_template_line AS l ON l.template_code = t.template_code AND l.version = t.version
 CROSS JOIN LATERAL (
       SELECT CASE WHEN l.is_balancing
                   THEN (SELECT string_agg(CASE WHEN o.dr_cr = l.dr_cr THEN '- ' ELSE '+ ' END
                                           || format('round((%s)::numeric, minor_units)', peer.as_sql(o.amount_expr)), ' ' ORDER BY o.line_no)
                           FROM acct.journal_template_line AS o
                          WHERE o.template_code = l.template_code AND o.version = l.version AND o.fund = l.fund AND NOT o.is_balancing)
                   ELSE format('round((%s)::numeric, minor_units)', peer.as_sql(l.amount_expr)) END AS value,
              (SELECT min(o.line_no) FROM acct.journal_template_line AS o
                WHERE o.template_code = l.template_code AND o.version = l.version
                  AND (o.line_no = l.line_no OR peer.as_sql(o.amount_expr) = peer.as_sql(l.amount_expr))) AS first_line) AS x;

DO $$
BEGIN
    IF EXISTS (SELECT FROM acct.journal_template_line AS l WHERE l.condition_expr IS NOT NULL)
       OR EXISTS (SELECT FROM acct.product_account_map AS m WHERE m.effective_from > '2000-01-01' OR m.effective_to IS NOT NULL
                     OR m.fund <> m.mapped_fund)
       OR EXISTS (SELECT FROM acct.journal_template AS t WHERE NOT (t.require_balanced AND t.balance_by_fund AND t.skip_zero_lines))
       OR EXISTS (SELECT FROM acct.journal_template AS t
                   WHERE NOT EXISTS (SELECT FROM peer.template AS x WHERE x.template_code = t.template_code AND x.version = t.version)) THEN
        RAISE EXCEPTION 'the peer does not cover this policy';
    END IF;
END
$$;

-- Which template a transaction has.
CREATE FUNCTION peer.routing() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT E'CASE' || string_agg(format(E'\n                     WHEN %s THEN %s',
               concat_ws(' AND ', 's.txn_type = ' || quote_literal(m.txn_type), 's.product_code = ' || quote_literal(m.product_code),
                         's.channel = ' || quote_literal(m.channel), '(' || peer.as_sql(m.condition_expr) || ')'),
               t.template_no), ''
               -- Rules for different types may be tried in any order.
               ORDER BY min_no, m.priority, num_nonnulls(m.txn_type, m.product_code, m.channel) DESC, t.template_code, m.match_no)
           || E'\n                     END'
      FROM peer.template AS t
      JOIN (SELECT m.*, min(t.template_no) OVER (PARTITION BY m.txn_type) AS min_no
              FROM acct.journal_template_match AS m
              JOIN peer.template AS t ON t.template_code = m.template_code AND t.version = m.version) AS m
        ON m.template_code = t.template_code AND m.version = t.version
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
CREATE FUNCTION peer.total_debit(p_template integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = 1 AND max(x.dr) = max(x.cr) THEN CASE max(x.dr) WHEN 1 THEN 'abs(e1)' ELSE max(x.dr) || ' * abs(e1)' END
                ELSE format('CASE WHEN least(%s) >= 0 THEN %s ELSE %s END', string_agg('e' || x.e, ', '),
                            string_agg(CASE x.dr WHEN 1 THEN '' ELSE x.dr || ' * ' END || 'e' || x.e, ' + ' ORDER BY x.e) FILTER (WHERE x.dr > 0),
                            string_agg(format('CASE WHEN e%1$s >= 0 THEN %2$s * e%1$s ELSE -%3$s * e%1$s END', x.e, x.dr, x.cr), ' + ' ORDER BY x.e)) END
      FROM (SELECT l.e, count(*) FILTER (WHERE l.dr_cr = 'DR') AS dr, count(*) FILTER (WHERE l.dr_cr = 'CR') AS cr
              FROM peer.template_line AS l WHERE l.template_no = p_template GROUP BY l.e) AS x
$$;

-- Is there a fund whose debits are not its credits? Amounts that come out of it exactly are left out.
CREATE FUNCTION peer.fund_differs(p_template integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(format('%s <> 0', y.difference), ' OR ' ORDER BY y.fund), 'false')
      FROM (SELECT x.fund, string_agg(CASE WHEN x.n > 0 THEN '+ ' ELSE '- ' END || CASE WHEN abs(x.n) > 1 THEN abs(x.n) || ' * ' ELSE '' END
                                      || 'e' || x.e, ' ' ORDER BY x.e) AS difference
              FROM (SELECT l.fund, l.e, sum(CASE l.dr_cr WHEN 'DR' THEN 1 ELSE -1 END) AS n
                      FROM peer.template_line AS l WHERE l.template_no = p_template GROUP BY l.fund, l.e) AS x
             WHERE x.n <> 0 GROUP BY x.fund) AS y
$$;

-- The same of the journal as a whole. Where no fund differs it does not either.
CREATE FUNCTION peer.journal_differs(p_template integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(x.n || ' * e' || x.e, ' + ' ORDER BY x.e), '0') || ' <> 0'
      FROM (SELECT l.e, sum(CASE l.dr_cr WHEN 'DR' THEN 1 ELSE -1 END) AS n
              FROM peer.template_line AS l WHERE l.template_no = p_template GROUP BY l.e) AS x
     WHERE x.n <> 0
$$;

-- Number of lines that are not zero.
CREATE FUNCTION peer.line_count(p_template integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT string_agg(format('CASE WHEN e%s <> 0 THEN %s ELSE 0 END', x.e, x.n), ' + ' ORDER BY x.e)
      FROM (SELECT l.e, count(*) AS n FROM peer.template_line AS l WHERE l.template_no = p_template GROUP BY l.e) AS x
$$;

-- The first line with a negative amount, for templates that refuse them.
CREATE FUNCTION peer.negative_line(p_template integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT 'CASE ' || string_agg(format('WHEN e%s < 0 THEN %s', l.e, l.line_no), ' ' ORDER BY l.is_balancing, l.line_no) || ' END'
      FROM peer.template_line AS l WHERE l.template_no = p_template
$$;

-- CASE template_no WHEN ... of what a query gives for each template; NULL where there is none.
CREATE FUNCTION peer.by_template(arms text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT E'CASE template_no' || string_agg(E'\n                           WHEN ' || a, '') || ' END' FROM unnest(arms) AS a
$$;

-- The source's rows with template, amounts and checks; not those that are ignored.
CREATE FUNCTION peer.routed_query(month date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n CONSTANT integer := (SELECT max(l.e) FROM peer.template_line AS l);
    names CONSTANT text := (SELECT string_agg('e' || i, ', ' ORDER BY i) FROM generate_series(1, n) AS i);
    standard CONSTANT integer[] := (SELECT array_agg(t.template_no ORDER BY t.template_no) FROM peer.template AS t WHERE t.template_type = 'STANDARD');
    amounts text;
BEGIN
    SELECT string_agg(format(E'                       (%s)::numeric(20,4) AS e%s',
                             peer.by_template((SELECT array_agg(DISTINCT l.template_no || ' THEN ' || l.value ORDER BY l.template_no || ' THEN ' || l.value)
                                                 FROM peer.template_line AS l WHERE l.e = i)), i), E',\n' ORDER BY i)
      INTO amounts FROM generate_series(1, n) AS i;
    RETURN format($q$
SELECT CASE WHEN reason IS NULL THEN template_no ELSE 0 END AS part, template_no, row_number() OVER () AS je_id, txn_id, je_date,
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
                  FROM (SELECT s.*,
%7$s
                          FROM (SELECT s.*, c.minor_units, s.bank_value_date AS je_date,
                                       CASE WHEN s.bank_value_date NOT BETWEEN %8$L AND %9$L THEN 'BAD_DATE'
                                            WHEN c.currency IS NULL THEN 'UNKNOWN_CURRENCY'
                                            WHEN p.period_month IS NOT NULL THEN 'PERIOD_CLOSED' END AS refusal,
                                       %10$s AS template_no
                                  FROM acct.txn_source_parent AS s
                                  LEFT JOIN acct.currency AS c ON c.currency = s.currency
                                  LEFT JOIN acct.accounting_period AS p
                                    ON p.entity_code = s.entity_code AND p.basis = 'PRIMARY' AND NOT p.is_open
                                   AND s.bank_value_date >= p.period_month AND s.bank_value_date < p.period_month + interval '1 month'
                                 WHERE s.txn_month = %11$L
                                OFFSET 0) AS s
                         WHERE refusal IS NOT NULL OR template_no IS NULL OR template_no NOT IN (%12$s)
                        OFFSET 0) AS a
                OFFSET 0) AS b
        OFFSET 0) AS v$q$,
        names,
        peer.by_template((SELECT array_agg(t || ' THEN ' || peer.journal_differs(t) ORDER BY t) FROM unnest(standard) AS t)),
        peer.by_template((SELECT array_agg(t || ' THEN ' || peer.total_debit(t) ORDER BY t) FROM unnest(standard) AS t)),
        peer.by_template((SELECT array_agg(t || ' THEN ' || peer.line_count(t) ORDER BY t) FROM unnest(standard) AS t)),
        peer.by_template((SELECT array_agg(t || ' THEN ' || peer.fund_differs(t) ORDER BY t) FROM unnest(standard) AS t)),
        coalesce(peer.by_template((SELECT array_agg(t.template_no || ' THEN ' || peer.negative_line(t.template_no) ORDER BY t.template_no)
                                     FROM peer.template AS t WHERE t.template_type = 'STANDARD' AND t.negative_policy = 'reject')), 'NULL::integer'),
        amounts,
        (month - interval '12 months')::date, (month + interval '12 months')::date, peer.routing(), month,
        coalesce((SELECT string_agg(t.template_no::text, ', ') FROM peer.template AS t WHERE t.template_type = 'IGNORE'), '-1'));
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

ANALYZE peer.template, peer.line;

-- The script. kind: of the table between; workers cannot read a temporary one.
CREATE FUNCTION peer.expand_script(month date, kind text DEFAULT 'TEMPORARY') RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    account CONSTANT text := coalesce((SELECT 'CASE l.map_no WHEN 0 THEN l.account_code'
               || string_agg(format(E'\n                    WHEN %s THEN %s', m.map_no, peer.mapped_account(m.account_code, m.fund)), '' ORDER BY m.map_no)
               || ' END' FROM peer.map AS m), 'l.account_code');
    amount CONSTANT text := (SELECT 'CASE l.e' || string_agg(format(' WHEN %1$s THEN r.e%1$s', x.e), '' ORDER BY x.e) || ' END'
                               FROM (SELECT DISTINCT l.e FROM peer.line AS l) AS x);
    absolute CONSTANT text := 'CASE WHEN x.e > 0 THEN x.e ELSE (- x.e)::numeric(20,4) END';
BEGIN
    RETURN format($q$
BEGIN;
CREATE %1$s TABLE routed AS %2$s;

CREATE UNLOGGED TABLE peer.je_header_staging AS
SELECT r.je_id, bigint '1' AS run_id, r.txn_id, r.je_date, r.txn_month, t.version AS template_version, r.line_count, r.entity_code,
       text 'PRIMARY' COLLATE "C" AS basis, t.template_code, r.txn_type, r.product_code, r.channel, r.policy_no, r.currency,
       r.total_debit, r.total_debit AS total_credit, NULL::bigint AS reversal_of, NULL::text AS memo
  FROM routed AS r JOIN peer.template AS t ON t.template_no = r.template_no
 WHERE r.part <> 0;

CREATE UNLOGGED TABLE peer.je_line_staging AS
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
$q$, kind, peer.routed_query(month), absolute, account, amount);
END
$$;

-- Reconciliation: the transactions and journals that make the places of a month disagree, by name.
--
-- In a month where all agrees that is known by sums and hashes of one reading (agreements.sql). What does not agree is found by queries that
-- bring headers, lines, transactions and staging together one by one, and name what differs.

CREATE FUNCTION acct._journal_problems(p_month date, p_basis text, p_most integer, p_lines_agree boolean, p_numbers_agree boolean)
RETURNS TABLE (rank integer, problem text, txn_id bigint, entity_code text, je_id bigint, je_number text, je_date date, run_id bigint, expected numeric, found numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    headers CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header',
        '{je_id,je_number,je_date,run_id,txn_id,entity_code,basis,currency,line_count,total_debit,total_credit}');
    lines CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'line',
        '{je_id,je_date,run_id,txn_id,entity_code,basis,currency,debit,credit}');
BEGIN
    IF headers IS NULL OR lines IS NULL THEN
        RETURN;
    END IF;
    IF NOT p_lines_agree THEN
        RETURN QUERY EXECUTE format($q$
        WITH header AS (SELECT h.* FROM (%1$s) AS h WHERE h.basis = $1),
        line AS (
            SELECT l.je_id, min(l.je_date) AS je_date, min(l.run_id) AS run_id, min(l.txn_id) AS txn_id, min(l.entity_code) AS entity_code, min(l.currency) AS currency,
                   count(*) AS line_count, sum(l.debit) AS debit, sum(l.credit) AS credit,
                   min(l.je_date) = max(l.je_date) AND min(l.run_id) = max(l.run_id) AND min(l.txn_id) IS NOT DISTINCT FROM max(l.txn_id)
                   AND count(l.txn_id) IN (0, count(*)) AND min(l.entity_code) = max(l.entity_code) AND min(l.currency) = max(l.currency) AS is_one
              FROM (%2$s) AS l WHERE l.basis = $1 GROUP BY l.je_id)
        SELECT CASE WHEN h.je_id IS NULL THEN 1 ELSE 2 END, CASE WHEN h.je_id IS NULL THEN 'no header' ELSE 'lines differ' END,
               coalesce(h.txn_id, l.txn_id), coalesce(h.entity_code, l.entity_code), je_id, h.je_number, coalesce(h.je_date, l.je_date), coalesce(h.run_id, l.run_id),
               h.total_debit::numeric, coalesce(l.debit, 0),
               CASE WHEN h.je_id IS NULL THEN format('%%s without a journal', CASE l.line_count WHEN 1 THEN '1 line is' ELSE l.line_count || ' lines are' END)
                    WHEN (h.line_count, h.total_debit, h.total_credit) IS DISTINCT FROM (coalesce(l.line_count, 0), coalesce(l.debit, 0), coalesce(l.credit, 0))
                    THEN format('the journal has %%s lines, debit %%s, credit %%s; found are %%s lines, debit %%s, credit %%s', h.line_count, trim_scale(h.total_debit),
                                trim_scale(h.total_credit), coalesce(l.line_count, 0), trim_scale(coalesce(l.debit, 0)), trim_scale(coalesce(l.credit, 0)))
                    ELSE 'lines have another date, run, transaction, entity or currency than the journal' END
          FROM header AS h FULL JOIN line AS l USING (je_id)
         WHERE h.je_id IS NULL OR l.je_id IS NULL AND h.line_count <> 0
            OR l.je_id IS NOT NULL AND ((h.line_count, h.total_debit, h.total_credit) IS DISTINCT FROM (l.line_count, l.debit, l.credit) OR NOT l.is_one
               OR (h.je_date, h.run_id, h.txn_id, h.entity_code, h.currency) IS DISTINCT FROM (l.je_date, l.run_id, l.txn_id, l.entity_code, l.currency))
         ORDER BY abs(coalesce(h.total_debit, 0) - coalesce(l.debit, 0)) DESC, je_id LIMIT $2$q$, headers, lines)
          USING p_basis, p_most;
    END IF;
    IF p_numbers_agree THEN
        RETURN;
    END IF;
    -- Numbers of the month that no journal has; what follows each other is one gap.
    RETURN QUERY EXECUTE format($q$
        WITH given AS (
            SELECT h.entity_code, substr(h.je_number, 8)::bigint AS n FROM (%s) AS h WHERE h.je_month = $1 AND h.basis = $2 AND h.je_number ~ '^[0-9]{6}-[0-9]{9,18}$'
            UNION ALL
            SELECT j.entity_code, j.last_number + 1 FROM acct.journal_number AS j WHERE j.period_month = $1 AND j.basis = $2),
        gap AS (
            SELECT g.entity_code, coalesce(lag(g.n) OVER (PARTITION BY g.entity_code ORDER BY g.n), 0) + 1 AS first, g.n - 1 AS last FROM given AS g)
        SELECT 9, 'number missing', NULL::bigint, g.entity_code, NULL::bigint, acct._number_name($1, g.first), NULL::date, NULL::bigint,
               (g.last - g.first + 1)::numeric, 0::numeric, CASE WHEN g.first = g.last THEN 'no journal has this number' ELSE format('no journal has this number and the %%s after it', g.last - g.first) END
          FROM gap AS g WHERE g.first <= g.last ORDER BY g.entity_code, g.first LIMIT $3$q$, headers)
      USING p_month, p_basis, p_most;
END
$$;
COMMENT ON FUNCTION acct._journal_problems(date, text, integer, boolean, boolean) IS
'Journals of a month, of every kind, whose header does not say what their lines come to, or that have no header, and numbers that no journal has; not looked for where these are known to agree.';

CREATE FUNCTION acct._source_problems(p_month date, p_basis text, p_most integer, p_agree boolean)
RETURNS TABLE (rank integer, problem text, txn_id bigint, entity_code text, je_id bigint, je_number text, je_date date, run_id bigint, expected numeric, found numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    headers CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header',
        '{je_id,je_number,je_date,run_id,txn_id,txn_month,entity_code,basis,txn_type,product_code,channel,currency,policy_no,total_debit,journal_type}');
    source CONSTANT text := acct._source_rows_kept(p_month);
BEGIN
    IF source IS NULL OR headers IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($q$
        WITH header AS MATERIALIZED (SELECT h.* FROM (%1$s) AS h WHERE h.txn_month = $1 AND h.basis = $2 AND h.journal_type = 'transaction'),
        standing AS (
            SELECT h.*, count(*) OVER (PARTITION BY h.txn_id) AS journals, row_number() OVER (PARTITION BY h.txn_id ORDER BY h.je_date, h.je_number) AS n FROM header AS h
             WHERE NOT %3$L::int8multirange @> h.je_id)
        SELECT x.* FROM (%4$s
            SELECT 10, 'batch changed', NULL::bigint, NULL::text, NULL::bigint, NULL::text, NULL::date, c.run_id, c.taken_gross, c.found_gross, c.message
              FROM acct._source_batches(%2$L) AS s CROSS JOIN LATERAL acct._changed_claims($1, s.batches, s.rows, s.gross) AS c WHERE c.basis = $2) AS x
             (rank, problem, txn_id, entity_code, je_id, je_number, je_date, run_id, expected, found, message)
         ORDER BY x.rank, abs(x.expected - x.found) DESC NULLS LAST, x.txn_id LIMIT $3$q$, headers, source, (acct._reversed_journals(p_month, p_basis)).reversed,
        CASE WHEN NOT p_agree THEN format($q$
            SELECT 3, 'several journals', h.txn_id, h.entity_code, h.je_id, h.je_number, h.je_date, h.run_id, 1::numeric, h.journals::numeric,
                   format('%%s journals of the transaction are not reversed', h.journals)
              FROM standing AS h WHERE h.journals > 1 AND h.n = 1
            UNION ALL
            SELECT 4, 'no source', h.txn_id, h.entity_code, h.je_id, h.je_number, h.je_date, h.run_id, h.total_debit, 0, 'the journal''s transaction is not in the source'
              FROM header AS h LEFT JOIN %1$s AS s ON s.txn_id = h.txn_id WHERE s.txn_id IS NULL
            UNION ALL
            SELECT 5, 'source differs', h.txn_id, h.entity_code, h.je_id, h.je_number, h.je_date, h.run_id, NULL, NULL,
                   concat_ws('; ', CASE WHEN s.entity_code <> h.entity_code THEN format('entity_code is %%s, it was %%s', s.entity_code, h.entity_code) END,
                                   CASE WHEN s.txn_type <> h.txn_type THEN format('txn_type is %%s, it was %%s', s.txn_type, h.txn_type) END,
                                   CASE WHEN s.product_code <> h.product_code THEN format('product_code is %%s, it was %%s', s.product_code, h.product_code) END,
                                   CASE WHEN s.channel <> h.channel THEN format('channel is %%s, it was %%s', s.channel, h.channel) END,
                                   CASE WHEN s.currency <> h.currency THEN format('currency is %%s, it was %%s', s.currency, h.currency) END,
                                   CASE WHEN s.policy_no IS DISTINCT FROM h.policy_no THEN format('policy_no is %%s, it was %%s', coalesce(s.policy_no, 'NULL'), coalesce(h.policy_no, 'NULL')) END)
              FROM header AS h JOIN %1$s AS s ON s.txn_id = h.txn_id
             WHERE (s.entity_code, s.txn_type, s.product_code, s.channel, s.currency, s.policy_no)
                   IS DISTINCT FROM (h.entity_code, h.txn_type, h.product_code, h.channel, h.currency, h.policy_no)
            UNION ALL$q$, source) END)
      USING p_month, p_basis, p_most;
    IF p_agree THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($q$%s
        SELECT CASE t.outcome WHEN 'no journal' THEN 6 ELSE 7 END, t.outcome, t.txn_id, t.entity_code, NULL::bigint, NULL::text, NULL::date, NULL::bigint, t.gross, NULL::numeric,
               CASE t.outcome WHEN 'no journal' THEN 'a posted run took the transaction, which has neither journal nor exception, and no template ignores it'
                    ELSE 'an exception''s transaction is not in the source' END
          FROM outcome AS t WHERE t.outcome = 'no journal' OR t.outcome = 'no source' AND NOT t.is_ledger ORDER BY abs(t.gross) DESC NULLS LAST, t.txn_id LIMIT $3$q$,
        acct._transaction_outcomes(acct._single_transactions(p_month, p_basis, source), true)) USING p_month, p_basis, p_most;
END
$$;
COMMENT ON FUNCTION acct._source_problems(date, text, integer, boolean) IS
'Transactions of a month whose source and journals do not fit each other, not looked for where these are known to agree, and batches that are not as they were taken.';

CREATE FUNCTION acct._staging_problems(p_month date, p_basis text, p_most integer)
RETURNS TABLE (rank integer, problem text, txn_id bigint, entity_code text, je_id bigint, je_number text, je_date date, run_id bigint, expected numeric, found numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    columns CONSTANT text[] := acct._line_columns();
    item record;
    posted text;
    staged text;
BEGIN
    FOR item IN
        SELECT k.runs, ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (k.runs) ORDER BY 1) AS months
          FROM acct._reconciled_kinds(p_month, p_basis) AS k WHERE k.is_staged AND k.kind NOT IN ('dated elsewhere', 'not posted', 'of other months')
    LOOP
        posted := acct._rows_of_runs(item.runs, item.months, 'line', columns);
        CONTINUE WHEN posted IS NULL;
        staged := acct._staged_rows_of(item.runs, 'line', columns);
        -- Where their digests are the same nothing is compared line by line.
        CONTINUE WHEN acct._lines_digest(posted) = acct._lines_digest(staged);
        RETURN QUERY EXECUTE format($q$
            WITH account AS (
                SELECT l.je_id, l.entity_code, l.account_code, l.fund, l.currency, min(l.txn_id) AS txn_id, min(l.run_id) AS run_id,
                       coalesce(sum(l.amount) FILTER (WHERE l.is_staged), 0) AS expected, coalesce(sum(l.amount) FILTER (WHERE NOT l.is_staged), 0) AS found
                  FROM (SELECT true AS is_staged, s.*, s.debit - s.credit AS amount FROM (%1$s) AS s
                        UNION ALL
                        SELECT false, p.*, p.debit - p.credit FROM (%2$s) AS p) AS l
                 WHERE l.basis = $1
                 GROUP BY l.je_id, l.entity_code, l.account_code, l.fund, l.currency, l.product_code, l.channel
                HAVING sum(CASE WHEN l.is_staged THEN l.amount ELSE -l.amount END) <> 0),
            worst AS (SELECT DISTINCT ON (a.je_id) a.* FROM account AS a ORDER BY a.je_id, abs(a.expected - a.found) DESC, a.expected = 0, a.account_code, a.fund)
            SELECT 8, 'staging differs', w.txn_id, w.entity_code, w.je_id, h.je_number, h.je_date, w.run_id, w.expected, w.found,
                   format('account %%s of fund %%s: %%s %%s in staging, %%s in the ledger', w.account_code, w.fund, w.currency, trim_scale(w.expected), trim_scale(w.found))
              FROM worst AS w LEFT JOIN (%3$s) AS h ON h.je_id = w.je_id ORDER BY abs(w.expected - w.found) DESC, w.txn_id, w.je_id LIMIT $2$q$,
            staged, posted, acct._rows_of_runs(item.runs, item.months, 'header', '{je_id,je_number,je_date}'))
          USING p_basis, p_most;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._staging_problems(date, text, integer) IS
'Journals whose lines in the ledger do not come to those of staging, where staging still has all runs of their kind.';

CREATE FUNCTION acct._reconcile_transactions(p_month date, p_entity text, p_basis text, p_most integer, p_by_sums boolean)
RETURNS TABLE (txn_id bigint, problem text, entity_code text, je_id bigint, je_number text, je_date date, run_id bigint, expected numeric, found numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    agreed record;
BEGIN
    PERFORM acct._require_reconcilable(p_month, p_entity, p_basis);
    IF p_most IS NULL OR p_most < 1 OR p_most > 100000 THEN
        RAISE EXCEPTION 'max_transactions is %', coalesce(p_most::text, 'NULL') USING ERRCODE = '22023', HINT = 'It is a number from 1 to 100000.';
    END IF;
    SELECT coalesce(a.lines, false) AS lines, coalesce(a.numbers, false) AS numbers, coalesce(a.transactions, false) AS transactions, coalesce(a.staging, false) AS staging INTO agreed
      FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT g.* FROM acct._agreements(p_month, p_basis) AS g WHERE p_by_sums) AS a ON true;
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT j.* FROM acct._journal_problems(p_month, p_basis, 4 * p_most, agreed.lines, agreed.numbers) AS j
        UNION ALL SELECT s.* FROM acct._source_problems(p_month, p_basis, 4 * p_most, agreed.transactions) AS s
        UNION ALL SELECT g.* FROM acct._staging_problems(p_month, p_basis, 4 * p_most) AS g WHERE NOT agreed.staging)
    SELECT f.txn_id, f.problem, f.entity_code, f.je_id, f.je_number, f.je_date, f.run_id, trim_scale(f.expected), trim_scale(f.found), f.message
      FROM (SELECT x.*, row_number() OVER (PARTITION BY x.txn_id, CASE WHEN x.txn_id IS NULL THEN x.je_id END ORDER BY x.rank, x.je_id) AS n FROM found AS x
             WHERE p_entity IS NULL OR x.entity_code = p_entity OR x.entity_code IS NULL) AS f
     -- Of each transaction, or journal without one, what says most
     WHERE f.n = 1 OR f.txn_id IS NULL AND f.je_id IS NULL OR f.problem IN ('no header', 'lines differ')
     ORDER BY f.rank, abs(coalesce(f.expected, 0) - coalesce(f.found, 0)) DESC, f.txn_id, f.je_id, f.je_number, f.run_id
     LIMIT p_most;
END
$$;
COMMENT ON FUNCTION acct._reconcile_transactions(date, text, text, integer, boolean) IS
'The work of reconcile_transactions(). p_by_sums: what sums and hashes show to agree is not compared one by one.';

CREATE FUNCTION acct.reconcile_transactions(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', max_transactions integer DEFAULT 20)
RETURNS TABLE (txn_id bigint, problem text, entity_code text, je_id bigint, je_number text, je_date date, run_id bigint, expected numeric, found numeric, message text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT r.* FROM acct._reconcile_transactions($1, $2, $3, $4, true) AS r
$$;
COMMENT ON FUNCTION acct.reconcile_transactions(date, text, text, integer) IS
'The transactions and journals of a month by which reconcile_month() differs, the clearest first: a row for each, with its problem, and the expected and the found value. Raises 22023 (not a month, an entity or basis that does not exist, or max_transactions), LE010 (a partition of the month is detached), 40001 (a month was archived since the transaction took its snapshot).';

-- The trial balance with subtotals, by the parents of accounts.

CREATE FUNCTION acct._require_tree() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    astray text[];
BEGIN
    -- A parent exists, so that whoever leads to no account without one leads in a circle.
    WITH RECURSIVE placed AS (
        SELECT a.account_code FROM acct.chart_of_accounts AS a WHERE a.parent_account_code IS NULL
        UNION ALL
        SELECT a.account_code FROM placed AS p JOIN acct.chart_of_accounts AS a ON a.parent_account_code = p.account_code),
    circling AS (
        SELECT a.account_code, a.parent_account_code FROM acct.chart_of_accounts AS a
         WHERE NOT EXISTS (SELECT FROM placed AS p WHERE p.account_code = a.account_code)),
    path AS (
        SELECT c.account_code AS start, c.parent_account_code AS at FROM circling AS c
        UNION
        SELECT p.start, c.parent_account_code FROM path AS p JOIN circling AS c ON c.account_code = p.at)
    SELECT array_agg(DISTINCT p.start ORDER BY p.start) INTO astray FROM path AS p WHERE p.start = p.at;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'the parents of accounts lead in a circle'
            USING ERRCODE = 'LE004', DETAIL = 'Accounts: ' || acct._first_of(astray) || '.',
                  HINT = 'Propose another parent_account_code in a release.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_tree() IS 'Raises LE004 where the parents of accounts lead in a circle.';

CREATE FUNCTION acct._account_hierarchy(p_month date, p_entity text, p_basis text, p_fund text, p_closing boolean)
RETURNS TABLE (entity_code text, fund text, currency text, account_code text, parent_account_code text, description text, account_type text, level integer,
               path text[], opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric, own_closing_balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_tree();
    RETURN QUERY
    WITH RECURSIVE balance AS MATERIALIZED (
        SELECT t.* FROM acct.trial_balance(p_month, p_entity, p_basis, p_fund, closing => p_closing) AS t),
    placed AS (
        SELECT a.account_code, 1 AS level, ARRAY[a.account_code::text] AS path FROM acct.chart_of_accounts AS a WHERE a.parent_account_code IS NULL
        UNION ALL
        SELECT a.account_code, p.level + 1, p.path || a.account_code::text
          FROM placed AS p JOIN acct.chart_of_accounts AS a ON a.parent_account_code = p.account_code),
    total AS (
        SELECT b.entity_code, b.fund, b.currency, x.account_code, sum(b.opening_balance) AS opening_balance, sum(b.period_debit) AS period_debit,
               sum(b.period_credit) AS period_credit, sum(b.closing_balance) AS closing_balance,
               coalesce(sum(b.closing_balance) FILTER (WHERE x.account_code = b.account_code), 0.0000) AS own_closing_balance
          FROM balance AS b
          LEFT JOIN placed AS p ON p.account_code = b.account_code
         CROSS JOIN LATERAL unnest(coalesce(p.path, ARRAY[b.account_code])) AS x (account_code)
         GROUP BY b.entity_code, b.fund, b.currency, x.account_code)
    SELECT t.entity_code, t.fund, t.currency, t.account_code, a.parent_account_code, a.description, a.account_type, coalesce(p.level, 1),
           coalesce(p.path, ARRAY[t.account_code]), t.opening_balance, t.period_debit, t.period_credit, t.closing_balance, t.own_closing_balance
      FROM total AS t
      LEFT JOIN placed AS p ON p.account_code = t.account_code
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = t.account_code
     ORDER BY t.entity_code COLLATE "C", t.fund COLLATE "C", t.currency COLLATE "C", coalesce(p.path, ARRAY[t.account_code]) COLLATE "C";
END
$$;
COMMENT ON FUNCTION acct._account_hierarchy(date, text, text, text, boolean) IS 'The work of account_hierarchy().';

CREATE FUNCTION acct.account_hierarchy(month date, entity text DEFAULT NULL, basis text DEFAULT 'PRIMARY', fund text DEFAULT NULL, closing boolean DEFAULT true)
RETURNS TABLE (entity_code text, fund text, currency text, account_code text, parent_account_code text, description text, account_type text, level integer,
               path text[], opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric, own_closing_balance numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT h.* FROM acct._account_hierarchy($1, $2, $3, $4, $5) AS h
$$;
COMMENT ON FUNCTION acct.account_hierarchy(date, text, text, text, boolean) IS
'The trial balance of a month with subtotals by parent_account_code: for each entity, fund and currency a row for each account with a balance of its own or below it, with the sums of all of these. Raises 22023 where the date is no month, or the entity, basis or fund does not exist, LE004 where the parents of accounts lead in a circle.';

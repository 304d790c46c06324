-- Pairs of accounts that mirror each other: what one fund owes another, and qard.

CREATE FUNCTION acct._layout_elimination() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Since layout 5.
    CREATE TABLE IF NOT EXISTS acct.elimination_pair (
        pair_code text COLLATE "C" NOT NULL,
        description text NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C",
        counter_account_code text COLLATE "C" NOT NULL,
        counter_fund text COLLATE "C",
        CONSTRAINT elimination_pair_pkey PRIMARY KEY (pair_code),
        CONSTRAINT chk_pair_length CHECK (octet_length(pair_code) <= 100),
        CONSTRAINT elimination_pair_account_fkey FOREIGN KEY (account_code) REFERENCES acct.chart_of_accounts,
        CONSTRAINT elimination_pair_counter_fkey FOREIGN KEY (counter_account_code) REFERENCES acct.chart_of_accounts,
        CONSTRAINT elimination_pair_fund_fkey FOREIGN KEY (fund) REFERENCES acct.fund,
        CONSTRAINT elimination_pair_counter_fund_fkey FOREIGN KEY (counter_fund) REFERENCES acct.fund,
        -- One account can be both sides in two funds.
        CONSTRAINT chk_pair_sides CHECK (account_code <> counter_account_code OR fund <> counter_fund IS TRUE)
    );
    CREATE OR REPLACE TRIGGER elimination_pair_audit AFTER INSERT OR UPDATE OR DELETE ON acct.elimination_pair
        FOR EACH ROW EXECUTE FUNCTION acct._audit_template();
    CREATE OR REPLACE TRIGGER elimination_pair_truncate BEFORE TRUNCATE ON acct.elimination_pair
        FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate();
END
$layout$;
COMMENT ON FUNCTION acct._layout_elimination() IS 'The part of install() that creates the table of elimination pairs.';

CREATE FUNCTION acct._comment_elimination() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.elimination_pair IS 'Accounts that mirror each other, such as due-to and due-from of two funds: their balances add up to zero in each book and currency, and a consolidated statement eliminates them. Changed by releases.';
    COMMENT ON COLUMN acct.elimination_pair.pair_code IS 'Code of the pair.';
    COMMENT ON COLUMN acct.elimination_pair.description IS 'Meaning of the pair.';
    COMMENT ON COLUMN acct.elimination_pair.account_code IS 'Account of the one side.';
    COMMENT ON COLUMN acct.elimination_pair.fund IS 'Fund whose balance on that account counts; NULL: every fund''s.';
    COMMENT ON COLUMN acct.elimination_pair.counter_account_code IS 'Account of the other side.';
    COMMENT ON COLUMN acct.elimination_pair.counter_fund IS 'Fund whose balance on the other account counts; NULL: every fund''s.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_elimination() IS 'The part of install() that describes the objects of elimination.sql.';

CREATE FUNCTION acct._pair_sides() RETURNS TABLE (pair_code text, account_code text, fund text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT p.pair_code, p.account_code, p.fund FROM acct.elimination_pair AS p
    UNION ALL
    SELECT p.pair_code, p.counter_account_code, p.counter_fund FROM acct.elimination_pair AS p
$$;
COMMENT ON FUNCTION acct._pair_sides() IS 'Both sides of each elimination pair. A fund that is NULL is every fund.';

CREATE FUNCTION acct._double_pairs() RETURNS TABLE (account_code text, pair_code text, other text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT s.account_code, s.pair_code, o.pair_code
      FROM acct._pair_sides() AS s JOIN acct._pair_sides() AS o
        ON o.account_code = s.account_code AND o.pair_code > s.pair_code AND (o.fund IS NULL OR s.fund IS NULL OR o.fund = s.fund)
$$;
COMMENT ON FUNCTION acct._double_pairs() IS 'Accounts that two elimination pairs have for the same fund, so that statements would eliminate them twice.';

CREATE FUNCTION acct._closing_account_problems() RETURNS TABLE (fund text, account_code text, target text, problem text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT x.fund, x.account_code, x.target, x.what || ': ' || p.problem
      FROM (SELECT f.fund, NULL::text AS account_code, f.surplus_account_code AS target, format('surplus of fund %s', f.fund) AS what
              FROM acct.fund AS f WHERE f.surplus_account_code IS NOT NULL
            UNION ALL
            SELECT a.fund, a.account_code, a.closing_account_code, format('account %s', a.account_code)
              FROM acct.chart_of_accounts AS a WHERE a.closing_account_code IS NOT NULL) AS x
      LEFT JOIN acct.chart_of_accounts AS t ON t.account_code = x.target
     CROSS JOIN LATERAL (
        SELECT CASE WHEN t.account_code IS NULL THEN format('account %s does not exist', x.target)
                    WHEN NOT t.is_postable THEN format('account %s is not postable', x.target)
                    WHEN t.account_type IN ('INCOME', 'EXPENSE') THEN format('account %s is one of income or expense itself', x.target)
                    WHEN t.fund <> x.fund THEN format('account %s belongs to fund %s, not %s', x.target, t.fund, x.fund) END AS problem) AS p
     WHERE p.problem IS NOT NULL
$$;
COMMENT ON FUNCTION acct._closing_account_problems() IS
'Problems of the accounts that take income and expense at a year''s end: a row for each fund, or account with one of its own.';

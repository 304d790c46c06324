-- A sample policy for takaful: funds, chart of accounts and templates, to start from and to have reviewed.
--
-- Account codes have four digits: the fund (1 operator, 2 tabarru', 3 tanahud, 4 invest), the type (1 asset,
-- 2 liability, 3 equity, 4 income, 5 expense), and two more. What fund F is owed by fund C is in account F12C,
-- what C owes F in account C22F: the two are equal and opposite at all times.

CREATE FUNCTION acct._sample_accounts() RETURNS TABLE (account_code text, description text, is_postable boolean)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('1100', 'Operator: assets', false),
        ('1110', 'Bank, collection account', true),
        ('1120', 'Due from participants'' funds', false),
        ('1122', 'Due from tabarru'' fund', true),
        ('1123', 'Due from tanahud fund', true),
        ('1124', 'Due from investment fund', true),
        ('1130', 'Qard receivable from tabarru'' fund', true),
        ('1200', 'Operator: liabilities', false),
        ('1210', 'Deferred ujrah', true),
        ('1220', 'Due to participants'' funds', false),
        ('1222', 'Due to tabarru'' fund', true),
        ('1223', 'Due to tanahud fund', true),
        ('1224', 'Due to investment fund', true),
        ('1230', 'Agent commission payable', true),
        ('1240', 'Withholding tax payable', true),
        ('1250', 'Refunds payable to participants', true),
        ('1300', 'Operator: equity', false),
        ('1310', 'Retained earnings', true),
        ('1400', 'Operator: income', false),
        ('1410', 'Ujrah income', true),
        ('1420', 'Surrender fee income', true),
        ('1430', 'Mudarib''s share of investment income', true),
        ('1440', 'Share of underwriting surplus', true),
        ('1500', 'Operator: expenses', false),
        ('1510', 'Acquisition cost', true),
        ('2100', 'Tabarru'' fund: assets', false),
        ('2110', 'Bank, tabarru'' fund', true),
        ('2120', 'Due from other funds', false),
        ('2121', 'Due from operator', true),
        ('2124', 'Due from investment fund', true),
        ('2130', 'Retakaful recoverable', true),
        ('2200', 'Tabarru'' fund: liabilities', false),
        ('2210', 'Contribution liability', true),
        ('2211', 'Contribution liability, credit takaful', true),
        ('2212', 'Contribution liability, credit takaful sold by banks', true),
        ('2220', 'Due to other funds', false),
        ('2221', 'Due to operator', true),
        ('2230', 'Qard payable to operator', true),
        ('2240', 'Claim liability', true),
        ('2250', 'Retakaful payable', true),
        ('2260', 'Surplus due to participants', true),
        ('2300', 'Tabarru'' fund: participants'' equity', false),
        ('2310', 'Underwriting surplus', true),
        ('2320', 'Tabarru'' reserve', true),
        ('2400', 'Tabarru'' fund: income', false),
        ('2410', 'Takaful revenue', true),
        ('2420', 'Retakaful commission', true),
        ('2430', 'Retakaful recovery', true),
        ('2500', 'Tabarru'' fund: expenses', false),
        ('2510', 'Claims incurred', true),
        ('2520', 'Retakaful contribution', true),
        ('3100', 'Tanahud fund: assets', false),
        ('3110', 'Bank, tanahud fund', true),
        ('3120', 'Due from other funds', false),
        ('3121', 'Due from operator', true),
        ('3200', 'Tanahud fund: liabilities', false),
        ('3210', 'Tanahud contribution', true),
        ('3220', 'Due to other funds', false),
        ('3221', 'Due to operator', true),
        ('3300', 'Tanahud fund: participants'' equity', false),
        ('3310', 'Tanahud surplus', true),
        ('4100', 'Investment fund: assets', false),
        ('4110', 'Bank, investment fund', true),
        ('4120', 'Due from other funds', false),
        ('4121', 'Due from operator', true),
        ('4200', 'Investment fund: liabilities', false),
        ('4210', 'Participants'' accounts', true),
        ('4211', 'Participants'' accounts, hajj savings', true),
        ('4220', 'Due to other funds', false),
        ('4221', 'Due to operator', true),
        ('4222', 'Due to tabarru'' fund', true),
        ('4300', 'Investment fund: participants'' equity', false),
        ('4310', 'Undistributed investment income', true),
        ('4400', 'Investment fund: income', false),
        ('4410', 'Investment income', true),
        ('4420', 'Investment loss borne by participants', true),
        ('4500', 'Investment fund: expenses', false),
        ('4510', 'Investment income distributed', true)
$$;
COMMENT ON FUNCTION acct._sample_accounts() IS
'The chart of accounts of the takaful sample. Fund, type and parent follow from the digits of a code.';

CREATE FUNCTION acct._sample_templates()
RETURNS TABLE (template_code text, template_type text, negative_policy text, txn_type text, condition_expr text,
               priority integer, description text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('CONTRIB', 'STANDARD', 'swap', 'CONTRIB', NULL, 100, 'Contribution received into the operator''s collection account'),
        ('FUND_SETTLE', 'STANDARD', 'swap', 'FUND_SETTLE', NULL, 100, 'The funds'' money paid over by the operator'),
        ('UJRAH_EARN', 'STANDARD', 'swap', 'UJRAH_EARN', NULL, 100, 'Ujrah earned'),
        ('RELEASE', 'STANDARD', 'swap', 'RELEASE', NULL, 100, 'Coverage released'),
        ('COMMISSION', 'STANDARD', 'swap', 'COMMISSION', NULL, 100, 'Agent''s commission, 5 % tax withheld'),
        ('RETAKAFUL', 'STANDARD', 'swap', 'RETAKAFUL', NULL, 100, 'Retakaful cession, 20 % commission'),
        ('CLAIM', 'STANDARD', 'swap', 'CLAIM', NULL, 100, 'Claim incurred'),
        ('CLAIM_LARGE', 'STANDARD', 'swap', 'CLAIM', 'tabarru_amount > 50000000', 1,
         'Claim incurred above the retention of 50,000,000; retakaful bears 30 % of the excess'),
        ('CLAIM_PAY', 'STANDARD', 'swap', 'CLAIM_PAY', NULL, 100, 'Claim paid'),
        ('REFUND', 'STANDARD', 'swap', 'REFUND', NULL, 100, 'Cancellation: each fund gives back its part'),
        ('SURRENDER', 'STANDARD', 'swap', 'SURRENDER', NULL, 100, 'Savings paid out, with a fee'),
        ('INV_RETURN', 'STANDARD', 'swap', 'INV_RETURN', NULL, 100,
         'Investment return; the operator has 30 % of a profit and no part of a loss'),
        ('DRIP', 'STANDARD', 'swap', 'DRIP', NULL, 100, 'Tabarru'' taken from savings'),
        ('QARD', 'STANDARD', 'swap', 'QARD', NULL, 100, 'Qard granted by the operator to the tabarru'' fund'),
        ('SURPLUS', 'STANDARD', 'reject', 'SURPLUS', NULL, 100,
         'Surplus shared: 60 % to participants, 20 % to the operator, the rest to the reserve'),
        ('MEMO', 'IGNORE', 'swap', 'MEMO', NULL, 100, 'Notices without an amount to book')
$$;
COMMENT ON FUNCTION acct._sample_templates() IS 'The templates of the takaful sample, each with its match rule.';

CREATE FUNCTION acct._sample_template_lines()
RETURNS TABLE (template_code text, line_no integer, dr_cr text, account_code text, fund text, amount_expr text, memo text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- An amount of NULL is the balancing line of its fund.
    VALUES
        ('CONTRIB', 1, 'DR', '1110', 'OPERATOR', ':gross_amount', 'Contribution received'),
        ('CONTRIB', 2, 'CR', '1210', 'OPERATOR', ':ujroh_amount', 'Ujrah, deferred'),
        ('CONTRIB', 3, 'CR', '1222', 'OPERATOR', ':tabarru_amount', 'Tabarru'' owed to its fund'),
        ('CONTRIB', 4, 'CR', '1223', 'OPERATOR', ':tanahud_amount', 'Tanahud owed to its fund'),
        ('CONTRIB', 5, 'CR', '1224', 'OPERATOR', ':investment_amount', 'Savings owed to their fund'),
        ('CONTRIB', 6, 'DR', '2121', 'TABARRU', ':tabarru_amount', 'Tabarru'' held by the operator'),
        ('CONTRIB', 7, 'CR', '2210', 'TABARRU', ':tabarru_amount', 'Tabarru'' for coverage to come'),
        ('CONTRIB', 8, 'DR', '3121', 'TANAHUD', ':tanahud_amount', 'Tanahud held by the operator'),
        ('CONTRIB', 9, 'CR', '3210', 'TANAHUD', ':tanahud_amount', 'Tanahud contributed'),
        ('CONTRIB', 10, 'DR', '4121', 'INVEST', ':investment_amount', 'Savings held by the operator'),
        ('CONTRIB', 11, 'CR', '4210', 'INVEST', ':investment_amount', 'Savings of participants'),

        ('FUND_SETTLE', 1, 'DR', '1222', 'OPERATOR', 'tabarru_amount', 'Tabarru'' paid over'),
        ('FUND_SETTLE', 2, 'DR', '1223', 'OPERATOR', 'tanahud_amount', 'Tanahud paid over'),
        ('FUND_SETTLE', 3, 'DR', '1224', 'OPERATOR', 'investment_amount', 'Savings paid over'),
        ('FUND_SETTLE', 4, 'CR', '1110', 'OPERATOR', NULL, 'Paid to the funds'),
        ('FUND_SETTLE', 5, 'DR', '2110', 'TABARRU', 'tabarru_amount', 'Received from the operator'),
        ('FUND_SETTLE', 6, 'CR', '2121', 'TABARRU', 'tabarru_amount', 'Settled by the operator'),
        ('FUND_SETTLE', 7, 'DR', '3110', 'TANAHUD', 'tanahud_amount', 'Received from the operator'),
        ('FUND_SETTLE', 8, 'CR', '3121', 'TANAHUD', 'tanahud_amount', 'Settled by the operator'),
        ('FUND_SETTLE', 9, 'DR', '4110', 'INVEST', 'investment_amount', 'Received from the operator'),
        ('FUND_SETTLE', 10, 'CR', '4121', 'INVEST', 'investment_amount', 'Settled by the operator'),

        ('UJRAH_EARN', 1, 'DR', '1210', 'OPERATOR', 'ujroh_amount', 'Ujrah released'),
        ('UJRAH_EARN', 2, 'CR', '1410', 'OPERATOR', 'ujroh_amount', 'Ujrah earned'),

        ('RELEASE', 1, 'DR', '2210', 'TABARRU', 'tabarru_amount', 'Coverage released'),
        ('RELEASE', 2, 'CR', '2410', 'TABARRU', 'tabarru_amount', 'Coverage earned'),

        ('COMMISSION', 1, 'DR', '1510', 'OPERATOR', ':ujroh_amount', 'Commission'),
        ('COMMISSION', 2, 'CR', '1240', 'OPERATOR', ':ujroh_amount * 0.05', 'Tax withheld, 5 %'),
        ('COMMISSION', 3, 'CR', '1230', 'OPERATOR', NULL, 'Commission due to the agent'),

        ('RETAKAFUL', 1, 'DR', '2520', 'TABARRU', ':tabarru_amount', 'Ceded contribution'),
        ('RETAKAFUL', 2, 'CR', '2420', 'TABARRU', ':tabarru_amount * 0.20', 'Retakaful commission, 20 %'),
        ('RETAKAFUL', 3, 'CR', '2250', 'TABARRU', NULL, 'Due to the retakaful operator'),

        ('CLAIM', 1, 'DR', '2510', 'TABARRU', 'tabarru_amount', 'Claim incurred'),
        ('CLAIM', 2, 'CR', '2240', 'TABARRU', 'tabarru_amount', 'Claim outstanding'),

        ('CLAIM_LARGE', 1, 'DR', '2510', 'TABARRU', 'tabarru_amount', 'Claim incurred'),
        ('CLAIM_LARGE', 2, 'CR', '2240', 'TABARRU', 'tabarru_amount', 'Claim outstanding'),
        ('CLAIM_LARGE', 3, 'DR', '2130', 'TABARRU', '0.30 * greatest(tabarru_amount - 50000000, 0)', 'Retakaful share, 30 % of the excess'),
        ('CLAIM_LARGE', 4, 'CR', '2430', 'TABARRU', '0.30 * greatest(tabarru_amount - 50000000, 0)', 'Retakaful share, 30 % of the excess'),

        ('CLAIM_PAY', 1, 'DR', '2240', 'TABARRU', 'tabarru_amount', 'Claim settled'),
        ('CLAIM_PAY', 2, 'CR', '2110', 'TABARRU', 'tabarru_amount', 'Claim paid'),

        ('REFUND', 1, 'DR', '1210', 'OPERATOR', ':ujroh_amount', 'Ujrah given back'),
        ('REFUND', 2, 'DR', '1122', 'OPERATOR', ':tabarru_amount', 'Tabarru'' to be given back by its fund'),
        ('REFUND', 3, 'DR', '1123', 'OPERATOR', ':tanahud_amount', 'Tanahud to be given back by its fund'),
        ('REFUND', 4, 'DR', '1124', 'OPERATOR', ':investment_amount', 'Savings to be given back by their fund'),
        ('REFUND', 5, 'CR', '1250', 'OPERATOR', NULL, 'Refund due to the participant'),
        ('REFUND', 6, 'DR', '2210', 'TABARRU', ':tabarru_amount', 'Coverage cancelled'),
        ('REFUND', 7, 'CR', '2221', 'TABARRU', ':tabarru_amount', 'Refund owed to the operator'),
        ('REFUND', 8, 'DR', '3210', 'TANAHUD', ':tanahud_amount', 'Tanahud cancelled'),
        ('REFUND', 9, 'CR', '3221', 'TANAHUD', ':tanahud_amount', 'Refund owed to the operator'),
        ('REFUND', 10, 'DR', '4210', 'INVEST', ':investment_amount', 'Savings cancelled'),
        ('REFUND', 11, 'CR', '4221', 'INVEST', ':investment_amount', 'Refund owed to the operator'),

        ('SURRENDER', 1, 'DR', '4210', 'INVEST', 'gross_amount', 'Savings surrendered'),
        ('SURRENDER', 2, 'CR', '4221', 'INVEST', 'ujroh_amount', 'Fee owed to the operator'),
        ('SURRENDER', 3, 'CR', '4110', 'INVEST', NULL, 'Savings paid out'),
        ('SURRENDER', 4, 'DR', '1124', 'OPERATOR', 'ujroh_amount', 'Fee owed by the investment fund'),
        ('SURRENDER', 5, 'CR', '1420', 'OPERATOR', 'ujroh_amount', 'Surrender fee'),

        ('INV_RETURN', 1, 'DR', '4110', 'INVEST', 'investment_amount', 'Return received, or loss'),
        ('INV_RETURN', 2, 'CR', '4410', 'INVEST', 'investment_amount', 'Return, or loss'),
        ('INV_RETURN', 3, 'DR', '4510', 'INVEST', 'greatest(investment_amount, 0)', 'Profit distributed'),
        ('INV_RETURN', 4, 'CR', '4221', 'INVEST', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),
        ('INV_RETURN', 5, 'DR', '4210', 'INVEST', 'greatest(-investment_amount, 0)', 'Loss charged to participants'),
        ('INV_RETURN', 6, 'CR', '4420', 'INVEST', 'greatest(-investment_amount, 0)', 'Loss charged to participants'),
        ('INV_RETURN', 7, 'CR', '4210', 'INVEST', NULL, 'Participants'' share of a profit'),
        ('INV_RETURN', 8, 'DR', '1124', 'OPERATOR', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),
        ('INV_RETURN', 9, 'CR', '1430', 'OPERATOR', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),

        ('DRIP', 1, 'DR', '4210', 'INVEST', 'tabarru_amount', 'Tabarru'' taken from savings'),
        ('DRIP', 2, 'CR', '4222', 'INVEST', 'tabarru_amount', 'Owed to the tabarru'' fund'),
        ('DRIP', 3, 'DR', '2124', 'TABARRU', 'tabarru_amount', 'Owed by the investment fund'),
        ('DRIP', 4, 'CR', '2210', 'TABARRU', 'tabarru_amount', 'Tabarru'' for coverage to come'),

        ('QARD', 1, 'DR', '1130', 'OPERATOR', 'tabarru_amount', 'Qard granted'),
        ('QARD', 2, 'CR', '1110', 'OPERATOR', 'tabarru_amount', 'Qard paid out'),
        ('QARD', 3, 'DR', '2110', 'TABARRU', 'tabarru_amount', 'Qard received'),
        ('QARD', 4, 'CR', '2230', 'TABARRU', 'tabarru_amount', 'Qard owed to the operator'),

        ('SURPLUS', 1, 'DR', '2310', 'TABARRU', ':tabarru_amount', 'Surplus shared'),
        ('SURPLUS', 2, 'CR', '2260', 'TABARRU', ':tabarru_amount * 0.60', 'Participants'' share, 60 %'),
        ('SURPLUS', 3, 'CR', '2221', 'TABARRU', ':tabarru_amount * 0.20', 'Operator''s share, 20 %'),
        ('SURPLUS', 4, 'CR', '2320', 'TABARRU', NULL, 'Kept as reserve'),
        ('SURPLUS', 5, 'DR', '1122', 'OPERATOR', ':tabarru_amount * 0.20', 'Operator''s share, 20 %'),
        ('SURPLUS', 6, 'CR', '1440', 'OPERATOR', ':tabarru_amount * 0.20', 'Operator''s share, 20 %')
$$;
COMMENT ON FUNCTION acct._sample_template_lines() IS 'The entries of the takaful sample''s templates.';

CREATE FUNCTION acct._install_sample_chart(OUT entities bigint, OUT funds bigint, OUT currencies bigint, OUT accounts bigint, OUT overrides bigint, OUT pairs bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    INSERT INTO acct.entity (entity_code, name)
    VALUES ('MAIN', 'Takaful operator'), ('SYARIAH', 'Takaful operator, syariah unit')
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS entities = ROW_COUNT;
    INSERT INTO acct.fund (fund, name, fund_type, surplus_account_code)
    VALUES ('OPERATOR', 'Takaful operator', 'OPERATOR', '1310'),
           ('TABARRU', 'Participants'' risk fund (tabarru'')', 'PARTICIPANT_RISK', '2310'),
           ('TANAHUD', 'Participants'' tanahud fund', 'OTHER', '3310'),
           ('INVEST', 'Participants'' investment fund', 'PARTICIPANT_INVESTMENT', '4310')
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS funds = ROW_COUNT;
    INSERT INTO acct.currency (currency, minor_units)
    VALUES ('AED', 2), ('BHD', 3), ('BND', 2), ('EUR', 2), ('GBP', 2), ('IDR', 2), ('JPY', 0), ('KWD', 3), ('MYR', 2),
           ('OMR', 3), ('SAR', 2), ('SGD', 2), ('USD', 2)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS currencies = ROW_COUNT;
    INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, parent_account_code, is_postable)
    SELECT a.account_code, a.description,
           (ARRAY['ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE'])[substr(a.account_code, 2, 1)::integer],
           (ARRAY['OPERATOR', 'TABARRU', 'TANAHUD', 'INVEST'])[left(a.account_code, 1)::integer],
           (SELECT max(p.account_code COLLATE "C") FROM acct._sample_accounts() AS p
             WHERE p.account_code <> a.account_code AND NOT p.is_postable
               AND p.account_code IN (left(a.account_code, 2) || '00', left(a.account_code, 3) || '0')),
           a.is_postable
      FROM acct._sample_accounts() AS a
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS accounts = ROW_COUNT;
    -- Credit takaful keeps contributions in accounts of its own, those that banks bring apart; so do hajj savings.
    INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund)
    VALUES ('FAM-CREDIT', NULL, '2210', 'TABARRU', '2211', 'TABARRU'),
           ('FAM-CREDIT', 'BANCA', '2210', 'TABARRU', '2212', 'TABARRU'),
           ('FAM-HAJJ', NULL, '4210', 'INVEST', '4211', 'INVEST')
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS overrides = ROW_COUNT;
    -- What fund F is due from fund C is on account F12C, and on C22F what C is due to it.
    INSERT INTO acct.elimination_pair (pair_code, description, account_code, counter_account_code)
    SELECT f.account_code || '-' || t.account_code, f.description || ' / ' || lower(left(t.description, 1)) || substr(t.description, 2), f.account_code, t.account_code
      FROM acct._sample_accounts() AS f
      JOIN acct._sample_accounts() AS t
        ON f.account_code ~ '^.12[1-9]$' AND t.account_code = right(f.account_code, 1) || '22' || left(f.account_code, 1)
        OR f.account_code = '1130' AND t.account_code = '2230'
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS pairs = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION acct._install_sample_chart() IS
'The part of install_takaful_sample() that inserts entities, funds, currencies, accounts, account overrides and elimination pairs; how many were new.';

CREATE FUNCTION acct._install_sample_templates() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    fresh text[];
BEGIN
    WITH template AS (
        INSERT INTO acct.journal_template AS t (template_code, description, template_type, negative_policy, status,
                                                maker, approver, submitted_at, approved_at)
        SELECT s.template_code, s.description, s.template_type, s.negative_policy, 'approved',
               'takaful_sample', session_user, clock_timestamp(), clock_timestamp()
          FROM acct._sample_templates() AS s
        ON CONFLICT DO NOTHING
        RETURNING t.template_code)
    SELECT coalesce(array_agg(t.template_code), '{}') INTO fresh FROM template AS t;
    -- A template that somebody else has made keeps the rules and lines that it has.
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr, priority)
    SELECT s.template_code, 1, s.txn_type, s.condition_expr, s.priority
      FROM acct._sample_templates() AS s WHERE s.template_code = ANY (fresh)
    ON CONFLICT DO NOTHING;
    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
    SELECT s.template_code, s.line_no, s.dr_cr, s.account_code, s.fund, s.amount_expr, s.amount_expr IS NULL, s.memo
      FROM acct._sample_template_lines() AS s WHERE s.template_code = ANY (fresh)
    ON CONFLICT DO NOTHING;
    UPDATE acct.journal_template AS t SET approved_sha256 = c.content_sha256
      FROM acct.template_content AS c
     WHERE t.template_code = ANY (fresh) AND c.template_code = t.template_code AND c.version = t.version;
    RETURN cardinality(fresh);
END
$$;
COMMENT ON FUNCTION acct._install_sample_templates() IS
'The part of install_takaful_sample() that inserts templates with their match rules and lines; how many were new.';

CREATE FUNCTION acct.install_takaful_sample() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off SET ledger_engine.maintenance = on AS $$
DECLARE
    chart record;
    templates bigint;
    layouts bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_read_committed();
    SELECT c.* INTO chart FROM acct._install_sample_chart() AS c;
    templates := acct._install_sample_templates();
    layouts := acct._install_sample_statements();
    IF chart.entities + chart.funds + chart.currencies + chart.accounts + chart.overrides + chart.pairs + templates + layouts = 0 THEN
        RETURN 'takaful sample was there';
    END IF;
    RETURN format('takaful sample installed: %s, %s funds, %s currencies, %s accounts, %s account overrides, %s elimination pairs, %s templates, %s statement layouts',
                  CASE chart.entities WHEN 1 THEN '1 entity' ELSE chart.entities || ' entities' END,
                  chart.funds, chart.currencies, chart.accounts, chart.overrides, chart.pairs, templates, layouts);
END
$$;
COMMENT ON FUNCTION acct.install_takaful_sample() IS
'Inserts a sample policy for takaful: entities, funds, currencies, a chart of accounts, account overrides of two products, elimination pairs, layouts of statements, and approved templates in effect from 2000-01-01. Existing rows stay as they are, and an accountant must review the sample before use.';

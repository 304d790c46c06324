-- Comparison of releases: what compare_release() and compare_release_transactions() return is what the reference computes before
-- and after the release is approved, subtracted.

-- A release with random changes of templates, accounts, maps, entities and currencies.
CREATE FUNCTION ref.random_release() RETURNS bigint
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
DECLARE
    release bigint := acct.create_release('random');
    amount text;
    condition text;
    chosen record;
    made integer;
BEGIN
    FOR i IN 1 .. ref.dice(4) LOOP
        amount := ref.random_amount();
        condition := CASE WHEN ref.one_in(2) THEN ref.random_condition() END;
        CASE ref.dice(7)
            WHEN 1, 2, 3 THEN
                SELECT t.template_code INTO chosen FROM acct.journal_template AS t
                 WHERE EXISTS (SELECT FROM acct.journal_template AS a WHERE a.template_code = t.template_code AND a.status IN ('approved', 'retired'))
                 GROUP BY 1 ORDER BY 1 OFFSET ref.dice(5) - 1 LIMIT 1;
                IF FOUND THEN
                    made := acct.new_template_version(chosen.template_code, CASE WHEN ref.one_in(2) THEN '2000-01-01' ELSE date '2024-12-28' + ref.dice(40) END);
                    UPDATE acct.journal_template AS t SET release_id = release, skip_zero_lines = NOT ref.one_in(3)
                     WHERE t.template_code = chosen.template_code AND t.version = made;
                    UPDATE acct.journal_template_line AS l SET amount_expr = amount
                     WHERE l.template_code = chosen.template_code AND l.version = made AND NOT l.is_balancing AND ref.one_in(2);
                    UPDATE acct.journal_template_match AS m SET condition_expr = condition, priority = ref.choice('1', '100', '200')::integer
                     WHERE m.template_code = chosen.template_code AND m.version = made AND ref.one_in(2);
                END IF;
            WHEN 4 THEN
                UPDATE acct.journal_template AS t SET release_id = release, status = 'draft' WHERE t.status IN ('draft', 'submitted');
            WHEN 5 THEN
                INSERT INTO acct.template_retirement_draft (release_id, template_code, version, effective_to, approved_row)
                SELECT release, t.template_code, t.version, x.day, jsonb_build_object('status', t.status, 'effective_to', t.effective_to)
                  FROM acct.journal_template AS t, (SELECT date '2025-01-01' + ref.dice(40) AS day) AS x
                 WHERE t.status IN ('approved', 'retired') AND x.day >= t.effective_from AND x.day <= coalesce(t.effective_to, 'infinity')
                 ORDER BY t.template_code, t.version OFFSET ref.dice(6) - 1 LIMIT 1 ON CONFLICT DO NOTHING;
            ELSE
                PERFORM ref.random_drafts(release);
        END CASE;
    END LOOP;
    RETURN release;
END
$$;

CREATE FUNCTION ref.random_drafts(p_release bigint) RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = off AS $$
DECLARE
    day date := date '2025-01-01' + ref.dice(40);
    account text := 'A' || ref.dice(12);
    row_no integer := ref.dice(10);
BEGIN
    CASE ref.dice(6)
        WHEN 1 THEN
            INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, is_postable, effective_to)
            SELECT p_release, 'update', a.account_code, NOT ref.one_in(3), day FROM acct.chart_of_accounts AS a
             WHERE a.account_code = account AND a.effective_from < day ON CONFLICT DO NOTHING;
        WHEN 2 THEN
            INSERT INTO acct.product_account_map_draft (release_id, operation, product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from)
            SELECT p_release, 'insert', x.product, NULL, account, x.fund, 'A' || ref.dice(6), 'F' || ref.dice(3), day
              FROM (SELECT 'P' || ref.dice(3) AS product, 'F' || ref.dice(3) AS fund) AS x
             WHERE NOT EXISTS (SELECT FROM acct.product_account_map_draft AS d WHERE d.release_id = p_release AND d.operation = 'insert');
        WHEN 3 THEN
            INSERT INTO acct.product_account_map_draft (release_id, operation, map_id, product_code, channel, account_code, fund, effective_from, mapped_account_code)
            SELECT p_release, 'update', m.map_id, m.product_code, m.channel, m.account_code, m.fund, m.effective_from, 'A' || ref.dice(6)
              FROM acct.product_account_map AS m ORDER BY m.map_id OFFSET row_no - 1 LIMIT 1 ON CONFLICT DO NOTHING;
        WHEN 4 THEN
            INSERT INTO acct.product_account_map_draft (release_id, operation, map_id, product_code, channel, account_code, fund, effective_from)
            SELECT p_release, 'delete', m.map_id, m.product_code, m.channel, m.account_code, m.fund, m.effective_from
              FROM acct.product_account_map AS m ORDER BY m.map_id OFFSET row_no - 1 LIMIT 1 ON CONFLICT DO NOTHING;
        WHEN 5 THEN
            INSERT INTO acct.entity_draft (release_id, operation, entity_code, effective_to)
            SELECT p_release, 'update', e.entity_code, day FROM acct.entity AS e
             WHERE e.entity_code = 'E2' AND coalesce(e.effective_from, '-infinity') < day ON CONFLICT DO NOTHING;
        ELSE
            INSERT INTO acct.currency_draft (release_id, operation, currency, minor_units)
            SELECT p_release, 'update', c.currency, ref.dice(5) - 1 FROM acct.currency AS c WHERE c.currency IN ('KWD', 'IDR') ON CONFLICT DO NOTHING;
    END CASE;
END
$$;

-- What became of a run's transactions by the reference, and its lines, under a name.
CREATE TABLE ref.remembered (what text NOT NULL, txn_id bigint NOT NULL, basis ref.code NOT NULL, is_exception boolean NOT NULL, outcome text NOT NULL,
                             template_code ref.code, account_code ref.code, fund ref.code, debit numeric, credit numeric);

CREATE FUNCTION ref.remember(p_run_id bigint, p_what text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO ref.remembered
    SELECT p_what, t.txn_id, t.basis, e.txn_id IS NOT NULL,
           CASE WHEN e.txn_id IS NOT NULL THEN 'exception' WHEN i.txn_id IS NOT NULL THEN 'ignored' WHEN h.txn_id IS NOT NULL THEN 'journal' ELSE 'none' END,
           CASE WHEN h.txn_id IS NOT NULL OR i.txn_id IS NOT NULL THEN d.template_code END, l.account_code, l.fund, coalesce(sum(l.debit), 0), coalesce(sum(l.credit), 0)
      FROM ref.txn AS t
      LEFT JOIN ref.exception AS e ON (e.run_id, e.txn_id, e.basis) = (t.run_id, t.txn_id, t.basis)
      LEFT JOIN ref.ignored AS i ON (i.run_id, i.txn_id, i.basis) = (t.run_id, t.txn_id, t.basis)
      LEFT JOIN ref.header AS h ON (h.run_id, h.txn_id, h.basis) = (t.run_id, t.txn_id, t.basis)
      LEFT JOIN ref.decision AS d ON (d.run_id, d.txn_id, d.basis) = (t.run_id, t.txn_id, t.basis)
      LEFT JOIN ref.line AS l ON (l.run_id, l.txn_id, l.basis) = (h.run_id, h.txn_id, h.basis)
     WHERE t.run_id = p_run_id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
$$;

CREATE FUNCTION ref.sums_of(p_what text, p_run_id bigint) RETURNS text
LANGUAGE sql AS $$
    SELECT format('SELECT t.entity_code::text, r.basis::text, r.fund::text, r.account_code::text, t.currency::text, t.product_code::text, r.template_code::text, '
                  '       r.debit, r.credit FROM ref.remembered AS r JOIN ref.txn AS t ON t.run_id = %s AND (t.txn_id, t.basis) = (r.txn_id, r.basis) '
                  ' WHERE r.what = %L AND r.account_code IS NOT NULL', p_run_id, p_what)
$$;

-- Approves without the checks of a release: what it proposes need not be sensible.
CREATE FUNCTION ref.approve_release(p_release bigint) RETURNS void
LANGUAGE plpgsql SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._apply_release(p_release);
    UPDATE acct.journal_template AS t SET status = 'approved', approver = t.maker || ' checked' WHERE t.release_id = p_release;
END
$$;

-- Counts changes of a case, whatever is rolled back.
CREATE SEQUENCE ref.changed_transactions MINVALUE 0 START 0;
DO $$ BEGIN PERFORM setval('ref.changed_transactions', 0); END $$;

CREATE FUNCTION ref.compared() RETURNS bigint
LANGUAGE sql AS $$
    SELECT q.last_value + 0 * setval('ref.changed_transactions', 0) FROM ref.changed_transactions AS q
$$;

-- One release over a month, in a subtransaction that is rolled back.
CREATE FUNCTION ref.compare_release(p_month date) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    release bigint;
    run bigint;
    found text[];
BEGIN
    BEGIN
        DELETE FROM acct.accounting_period;
        run := acct.create_run(p_month);
        PERFORM ref.expand(run);
        PERFORM ref.remember(run, 'before');
        release := ref.random_release();
        CREATE TEMP TABLE compared ON COMMIT DROP AS SELECT * FROM acct.compare_release(release, p_month);
        CREATE TEMP TABLE changed ON COMMIT DROP AS SELECT * FROM acct.compare_release_transactions(release, p_month, 10000);
        PERFORM ref.approve_release(release);
        PERFORM ref.expand(run);
        PERFORM ref.remember(run, 'after');
        found := ARRAY(SELECT 'comparison: ' || d FROM ref.differences('change of an account', format(
            'SELECT entity_code, basis, fund, account_code, currency, product_code, template_code, sum(debit) AS debit, sum(credit) AS credit '
            '  FROM (%s UNION ALL SELECT x.entity_code, x.basis, x.fund, x.account_code, x.currency, x.product_code, x.template_code, -x.debit, -x.credit FROM (%s) AS x) AS s '
            ' GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(debit) <> 0 OR sum(credit) <> 0', ref.sums_of('after', run), ref.sums_of('before', run)),
            'SELECT entity_code, basis, fund, account_code, currency, product_code, template_code, debit_after - debit_before, credit_after - credit_before FROM compared') AS d);
        found := found || ARRAY(SELECT 'comparison: ' || d FROM ref.differences('changed transaction', $q$
            WITH side AS (
                SELECT r.what, r.txn_id, r.basis, r.outcome, r.template_code,
                       jsonb_agg(jsonb_build_array(r.account_code, r.fund, r.debit, r.credit) ORDER BY r.account_code, r.fund) FILTER (WHERE r.debit <> 0 OR r.credit <> 0) AS lines
                  FROM ref.remembered AS r GROUP BY 1, 2, 3, 4, 5)
            SELECT k.change, b.txn_id, b.basis::text, b.outcome, a.outcome
              FROM side AS b JOIN side AS a USING (txn_id, basis)
             CROSS JOIN LATERAL (SELECT CASE WHEN a.outcome = 'exception' AND b.outcome = 'exception' THEN NULL WHEN a.outcome = 'exception' THEN 'becomes_exception'
                                             WHEN b.outcome = 'exception' THEN 'ceases_exception'
                                             WHEN a.outcome <> b.outcome OR a.template_code IS DISTINCT FROM b.template_code THEN 'template'
                                             WHEN a.lines IS DISTINCT FROM b.lines THEN 'lines' END AS change) AS k
             WHERE b.what = 'before' AND a.what = 'after' AND k.change IS NOT NULL$q$,
            'SELECT change, txn_id, basis, outcome_before, outcome_after FROM changed') AS d);
        found := found || ARRAY(SELECT format('comparison: %s changes of kind %s are counted as %s', count(*), c.change, min(c.transactions))
                                  FROM changed AS c GROUP BY c.change HAVING count(*) <> min(c.transactions) OR min(c.transactions) <> max(c.transactions));
        PERFORM nextval('ref.changed_transactions') FROM changed;
        RAISE EXCEPTION USING ERRCODE = 'RB001';
    EXCEPTION WHEN SQLSTATE 'RB001' THEN
        NULL;
    END;
    RETURN QUERY SELECT f FROM unnest(found) AS f;
END
$$;

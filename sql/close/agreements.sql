-- Reconciliation: where the places of a month agree, known by one reading of each.
--
-- Headers and lines are compared by a number that both add up to, transactions and journals by hashes of their codes, staging and ledger by
-- their digests, and journal numbers by stretches. True says that comparing them one by one would find nothing; false says nothing.

CREATE FUNCTION acct._lines_agree(p_month date, p_basis text, OUT lines boolean, OUT staging boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    -- Rows of all bases: a journal whose lines have another basis is found as well.
    headers CONSTANT text := acct._reconciled_rows(p_month, p_basis, 'header', '{je_id,je_date,run_id,txn_id,entity_code,basis,currency,line_count,total_debit,total_credit}');
BEGIN
    lines := false;
    staging := false;
    -- A month without a partition has lines in a default partition at most, which sums do not read.
    IF headers IS NULL OR acct._reconciled_rows(p_month, p_basis, 'line', '{je_id}') IS NULL OR acct._month_table('ledger_entry_line', p_month) = 'acct.ledger_entry_line'::regclass THEN
        RETURN;
    END IF;
    WITH sums AS MATERIALIZED (
        SELECT s.*, acct._reconciled_kind(s.run_kind, s.of_month, s.is_posted, true) AS kind FROM acct._reconciled_sums(p_month, p_basis) AS s),
    kind AS MATERIALIZED (
        SELECT k.kind, ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (k.runs)) AS months
          FROM acct._reconciled_kinds(p_month, p_basis) AS k WHERE k.is_staged AND k.kind NOT IN ('dated elsewhere', 'not posted', 'of other months')),
    place AS (
        SELECT k.kind, s.place, coalesce(sum(s.line_count), 0) AS line_count, acct._digest_sum(array_agg(s.digest)) AS digest
          FROM kind AS k JOIN sums AS s ON s.kind = k.kind AND (s.place = 'staging' OR s.je_month = ANY (k.months)) GROUP BY k.kind, s.place)
    SELECT acct._digest_sum(ARRAY(SELECT s.journals FROM sums AS s WHERE s.place = 'ledger' AND (s.je_month = p_month OR s.of_month))) = acct._journals_digest(headers),
           NOT EXISTS (SELECT FROM sums AS s WHERE s.place = 'staging' AND s.run_kind IS NULL)
           AND NOT EXISTS (SELECT FROM (SELECT p.* FROM place AS p WHERE p.place = 'ledger') AS l
                             FULL JOIN (SELECT p.* FROM place AS p WHERE p.place = 'staging') AS g USING (kind)
                            WHERE (l.line_count, l.digest) IS DISTINCT FROM (g.line_count, g.digest))
      INTO lines, staging;
    lines := coalesce(lines, false);
EXCEPTION WHEN data_corrupted OR SQLSTATE 'LE009' THEN
    -- An amount is none, or a column is null: what compares one by one shows where.
    lines := false;
    staging := false;
END
$$;
COMMENT ON FUNCTION acct._lines_agree(date, text) IS
'Whether a month''s headers and lines, and the lines of the ledger and of staging, are known to agree. Reads the lines once.';

CREATE FUNCTION acct._numbers_agree(p_month date, p_basis text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    headers regclass;
BEGIN
    BEGIN
        headers := acct._month_table('ledger_entry_header', p_month);
    EXCEPTION WHEN SQLSTATE 'LE002' THEN
        RETURN false;
    END;
    RETURN NOT EXISTS (
        SELECT FROM (SELECT r.entity_code, bool_and(r.is_in_order) AS is_in_order, max(r.last_n) AS last_n
                       FROM acct._numbered_runs(p_month, headers, NULL, p_basis) AS r GROUP BY r.entity_code) AS b
          FULL JOIN (SELECT n.entity_code, n.last_number FROM acct.journal_number AS n WHERE n.period_month = p_month AND n.basis = p_basis AND n.last_number > 0) AS c USING (entity_code)
         WHERE b.is_in_order IS NOT TRUE OR b.last_n IS DISTINCT FROM c.last_number);
END
$$;
COMMENT ON FUNCTION acct._numbers_agree(date, text) IS
'Whether each journal number of a month and basis that was given is known to be there once, in the order of posting.';

CREATE FUNCTION acct._transactions_agree(p_month date, p_basis text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    source CONSTANT text := acct._source_rows_kept(p_month);
BEGIN
    RETURN source IS NOT NULL AND NOT EXISTS (SELECT FROM acct._marked_transactions(p_month, NULL, p_basis, source, false) AS t WHERE NOT t.fits OR t.outcome IN ('no journal', 'no source'));
END
$$;
COMMENT ON FUNCTION acct._transactions_agree(date, text) IS
'Whether each journal of a month''s transactions is known to have one in the source, with the same codes, no two of one stand, and what runs took is booked, ignored or set aside.';

CREATE FUNCTION acct._agreements(p_month date, p_basis text, OUT lines boolean, OUT numbers boolean, OUT transactions boolean, OUT staging boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT l.lines, acct._numbers_agree(p_month, p_basis), acct._transactions_agree(p_month, p_basis), l.staging FROM acct._lines_agree(p_month, p_basis) AS l
$$;
COMMENT ON FUNCTION acct._agreements(date, text) IS 'Says of headers and lines, numbers, transactions, and staging of a month whether they are known to agree, so that they need not be compared one by one.';

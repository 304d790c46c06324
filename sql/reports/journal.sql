-- One journal, with all that says where it comes from, and what became of it.

CREATE FUNCTION acct._month_of_journal(p_je_id bigint) RETURNS date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    archived date;
    found date;
BEGIN
    SELECT h.je_date INTO found FROM acct.ledger_entry_header AS h WHERE h.je_id = p_je_id;
    IF found IS NULL THEN
        FOR archived IN SELECT a.month FROM acct.archived_partition AS a
                         WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NULL ORDER BY a.month LOOP
            EXECUTE format('SELECT h.je_date FROM %s AS h WHERE h.je_id = $1', acct._report_table('ledger_entry_header', archived)) INTO found USING p_je_id;
            EXIT WHEN found IS NOT NULL;
        END LOOP;
    END IF;
    IF found IS NULL THEN
        -- Its month may be in a table that was detached.
        PERFORM acct._require_ledger_attached(NULL);
        RAISE EXCEPTION 'there is no journal %', coalesce(p_je_id::text, 'NULL')
            USING ERRCODE = '22023', DETAIL = (SELECT coalesce('Months were dropped: ' || string_agg(acct._month_name(a.month), ', ' ORDER BY a.month) || '.', 'No month was dropped.')
                                                 FROM acct.archived_partition AS a
                                                WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL AND a.dropped_at IS NOT NULL),
                  HINT = 'Posted journals are rows of acct.ledger_entry_header, by je_id.';
    END IF;
    RETURN date_trunc('month', found::timestamp)::date;
END
$$;
COMMENT ON FUNCTION acct._month_of_journal(bigint) IS 'The month that a posted journal is dated in, also an archived one. Raises 22023 where there is no such journal.';

CREATE FUNCTION acct._followers_of_journal(p_je_id bigint, p_run_id bigint)
RETURNS TABLE (je_id bigint, je_number text, journal_type text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    runs CONSTANT bigint[] := ARRAY(
        SELECT r.run_id FROM acct.journal_run AS r
         WHERE acct._is_posted(r.status)
           AND (r.kind = 'correction' AND r.origin_run = p_run_id
                OR r.run_id IN (SELECT v.run_id FROM acct.journal_reversal AS v WHERE v.je_ids @> p_je_id AND v.released_at IS NULL)));
    months CONSTANT date[] := ARRAY(SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = ANY (runs));
    headers CONSTANT text := acct._rows_of_runs(runs, months, 'header', '{je_id,je_number,journal_type,reversal_of}');
BEGIN
    IF headers IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT f.je_id, f.je_number COLLATE "C", f.journal_type COLLATE "C" FROM (%s) AS f WHERE f.reversal_of = $1', headers) USING p_je_id;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._followers_of_journal(bigint, bigint) IS 'The posted journals that reverse or correct a journal of a run.';

CREATE FUNCTION acct._journal(p_je_id bigint)
RETURNS TABLE (line_no integer, account_code text, description text, fund text, debit numeric, credit numeric, line_text text, product_code text, channel text,
               je_number text, je_date date, original_date date, entity_code text, basis text, currency text, journal_type text, memo text,
               txn_id bigint, txn_month date, txn_type text, policy_no text, template_code text, template_version integer, rule_made_by text, rule_approved_by text,
               manual_journal_id bigint, made_by text, approved_by text, run_id bigint, run_key text, posted_by text, posted_at timestamptz,
               reversal_of bigint, reversal_of_number text, reversed_by bigint, reversed_by_number text, corrected_by bigint[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    header_columns CONSTANT text[] := '{je_id,je_number,je_date,original_date,entity_code,basis,currency,journal_type,memo,txn_id,txn_month,txn_type,policy_no,template_code,template_version,run_id,posted_at,reversal_of}'::text[];
    line_columns CONSTANT text[] := '{je_id,line_no,account_code,fund,debit,credit,product_code,channel}'::text[];
    month date;
    headers regclass;
    lines regclass;
    run bigint;
    original bigint;
    original_number text;
    followed record;
BEGIN
    PERFORM acct._require_layout();
    -- From here to the end of the transaction no month is archived.
    PERFORM FROM acct._ledger_months();
    PERFORM FROM acct.ledger_entry_header WHERE false;
    month := acct._month_of_journal(p_je_id);
    headers := acct._report_table('ledger_entry_header', month);
    lines := acct._report_table('ledger_entry_line', month);
    EXECUTE format('SELECT h.run_id, h.reversal_of FROM (SELECT %s FROM %s AS x WHERE x.je_id = $1) AS h', acct._column_list(headers, header_columns), headers)
       INTO STRICT run, original USING p_je_id;
    IF original IS NOT NULL THEN
        BEGIN
            EXECUTE format('SELECT x.je_number FROM %s AS x WHERE x.je_id = $1', acct._report_table('ledger_entry_header', acct._month_of_journal(original)))
               INTO original_number USING original;
        EXCEPTION WHEN invalid_parameter_value THEN
            -- Its month was dropped.
            original_number := NULL;
        END;
    END IF;
    SELECT min(f.je_id) FILTER (WHERE f.journal_type = 'reversal') AS reversal, min(f.je_number) FILTER (WHERE f.journal_type = 'reversal') AS reversal_number,
           array_agg(f.je_id ORDER BY f.je_id) FILTER (WHERE f.journal_type = 'correction') AS corrections
      INTO followed FROM acct._followers_of_journal(p_je_id, run) AS f;
    RETURN QUERY EXECUTE format($q$
        SELECT l.line_no::integer, l.account_code, a.description, l.fund, l.debit, l.credit, coalesce(t.memo, m.memo, h.memo), l.product_code, l.channel,
               h.je_number, h.je_date, h.original_date, h.entity_code, h.basis, h.currency, h.journal_type, h.memo,
               h.txn_id, h.txn_month, h.txn_type, h.policy_no, h.template_code, h.template_version, v.maker, v.approver,
               j.journal_id, coalesce(j.maker, r.created_by), CASE WHEN j.journal_id IS NOT NULL THEN j.approver WHEN r.kind IN ('reversal', 'correction') THEN r.posted_by END,
               h.run_id, r.run_key, r.posted_by, h.posted_at, h.reversal_of, $2,
               $3, $4, $5
          FROM (SELECT %s FROM %s AS x WHERE x.je_id = $1) AS h
          LEFT JOIN (SELECT %s FROM %s AS x WHERE x.je_id = $1) AS l ON l.je_id = h.je_id
          LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
          LEFT JOIN acct.journal_run AS r ON r.run_id = h.run_id
          LEFT JOIN acct.journal_template AS v ON v.template_code = h.template_code AND v.version = h.template_version
          LEFT JOIN acct.journal_template_line AS t
            ON t.template_code = h.template_code AND t.version = h.template_version AND t.line_no = l.line_no AND h.journal_type <> 'correction'
          LEFT JOIN acct.manual_journal AS j ON j.je_id = CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE h.je_id END
          LEFT JOIN acct.manual_journal_line AS m ON m.journal_id = j.journal_id AND m.line_no = l.line_no
         ORDER BY l.line_no$q$,
        acct._column_list(headers, header_columns), headers, acct._column_list(lines, line_columns), lines)
      USING p_je_id, original_number, followed.reversal, followed.reversal_number, followed.corrections;
END
$$;
COMMENT ON FUNCTION acct._journal(bigint) IS 'The work of journal().';

CREATE FUNCTION acct.journal(je_id bigint)
RETURNS TABLE (line_no integer, account_code text, description text, fund text, debit numeric, credit numeric, line_text text, product_code text, channel text,
               je_number text, je_date date, original_date date, entity_code text, basis text, currency text, journal_type text, memo text,
               txn_id bigint, txn_month date, txn_type text, policy_no text, template_code text, template_version integer, rule_made_by text, rule_approved_by text,
               manual_journal_id bigint, made_by text, approved_by text, run_id bigint, run_key text, posted_by text, posted_at timestamptz,
               reversal_of bigint, reversal_of_number text, reversed_by bigint, reversed_by_number text, corrected_by bigint[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT j.* FROM acct._journal($1) AS j
$$;
COMMENT ON FUNCTION acct.journal(bigint) IS
'A posted journal by its je_id, a row for each line, with its header on each: number, texts, transaction and rule, who made, approved and posted it, what it reverses or corrects, and what reverses and corrects it. Raises 22023 (no such journal), 40001 (a month was archived since the transaction took its snapshot), LE010 (a partition is detached).';

-- acct_bi: posted journals, their lines, and the transactions that they came from.

CREATE FUNCTION acct._layout_bi_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    PERFORM acct._make_bi_view('entries', format($view$
        SELECT h.je_id, h.je_number, h.je_date, h.entity_code, h.basis, h.journal_type, h.currency, h.total_debit, h.total_credit, h.line_count, h.memo,
               h.txn_id, h.txn_month, h.txn_type, h.product_code, h.channel, h.policy_no, h.template_code, h.template_version, t.description AS template_description,
               h.run_id, r.run_key, r.posted_by, h.posted_at, h.reversal_of, h.original_date%s
          FROM acct.ledger_entry_header AS h
          LEFT JOIN acct.journal_template AS t ON t.template_code = h.template_code AND t.version = h.template_version
          LEFT JOIN acct.journal_run AS r ON r.run_id = h.run_id
        $view$, acct._site_columns('entries', 'acct.ledger_entry_header', 'h', '{template_description,run_key,posted_by}')));
    PERFORM acct._describe_view('acct_bi.entries', '{acct.ledger_entry_header,acct.journal_run}');
    COMMENT ON VIEW acct_bi.entries IS 'Posted journals, each with the rule and the run that made it. A condition on je_date has the server read the months of these days only; archived months are not there.';
    COMMENT ON COLUMN acct_bi.entries.template_description IS 'Purpose of the template; NULL: none made the journal.';

    PERFORM acct._make_bi_view('line_amounts', format($view$
        SELECT l.je_id, l.line_no, l.je_date, l.entity_code, l.basis, l.account_code, a.description AS account_name, a.account_type, l.fund, f.name AS fund_name,
               l.currency, l.debit, l.credit, l.debit - l.credit AS amount, l.product_code, l.channel, l.txn_id, l.run_id%s
          FROM acct.ledger_entry_line AS l
          LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
          LEFT JOIN acct.fund AS f ON f.fund = l.fund
        $view$, acct._site_columns('line_amounts', 'acct.ledger_entry_line', 'l', '{account_name,account_type,fund_name,amount}')));
    PERFORM acct._describe_view('acct_bi.line_amounts', '{acct.ledger_entry_line,acct.chart_of_accounts}');
    COMMENT ON VIEW acct_bi.line_amounts IS 'Posted lines with what the lines themselves have, for sums over months: the journals are not read. A condition on je_date has the server read the months of these days only; archived months are not there.';
    COMMENT ON COLUMN acct_bi.line_amounts.account_name IS 'Name of the account.';
    COMMENT ON COLUMN acct_bi.line_amounts.fund_name IS 'Name of the fund.';
    COMMENT ON COLUMN acct_bi.line_amounts.amount IS 'Debit less credit.';

    PERFORM acct._make_bi_view('lines', format($view$
        SELECT l.je_id, h.je_number, l.line_no, l.je_date, l.entity_code, l.basis, l.account_code, a.description AS account_name, a.account_type, l.fund, f.name AS fund_name,
               l.currency, l.debit, l.credit, l.debit - l.credit AS amount,
               -- As in acct.ledger_line
               coalesce(CASE WHEN h.journal_type <> 'correction' THEN
                            (SELECT t.memo FROM acct.journal_template_line AS t
                              WHERE t.template_code = h.template_code AND t.version = h.template_version AND t.line_no = l.line_no) END,
                        (SELECT m.memo FROM acct.manual_journal AS j JOIN acct.manual_journal_line AS m ON m.journal_id = j.journal_id AND m.line_no = l.line_no
                          WHERE j.je_id = CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE h.je_id END),
                        h.memo) AS line_text,
               h.journal_type, l.product_code, l.channel, h.policy_no, l.txn_id, h.txn_month, h.txn_type, h.template_code, h.template_version,
               l.run_id, h.posted_at, h.reversal_of, h.original_date%s
          FROM acct.ledger_entry_line AS l
          JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
          LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code
          LEFT JOIN acct.fund AS f ON f.fund = l.fund
        $view$,
        -- A manual journal and a correction have lines whose dimensions are not their journal's.
        acct._site_columns('lines', 'acct.ledger_entry_header', 'h', '{account_name,account_type,fund_name,amount,line_text}', 'l')));
    PERFORM acct._describe_view('acct_bi.lines', '{acct.ledger_line,acct.chart_of_accounts,acct.ledger_entry_header}');
    COMMENT ON VIEW acct_bi.lines IS 'Posted lines, each with what it is for, its account and its journal. A condition on je_date has the server read the months of these days only, of journals too where enable_partitionwise_join is on; archived months are not there.';
    COMMENT ON COLUMN acct_bi.lines.account_name IS 'Name of the account.';
    COMMENT ON COLUMN acct_bi.lines.fund_name IS 'Name of the fund.';
    COMMENT ON COLUMN acct_bi.lines.amount IS 'Debit less credit.';
    COMMENT ON COLUMN acct_bi.lines.line_text IS 'Purpose of the line: the memo of its template line or manual line, or where there is none that of the journal.';

    PERFORM acct._make_bi_view('transactions', format($view$
        SELECT x.txn_id, x.txn_month, x.bank_value_date, x.entity_code, x.txn_type, x.product_code, x.channel, x.policy_no, x.currency, x.gross_amount%s,
               x.batch_id, b.loaded_at, b.loaded_by, b.source%s
          FROM acct.txn_source_parent AS x
          LEFT JOIN acct.txn_batch AS b ON b.batch_id = x.batch_id
        $view$,
        (SELECT coalesce(string_agg(format(', x.%I', c), '' ORDER BY n), '') FROM unnest(acct._source_components()) WITH ORDINALITY AS u (c, n)),
        acct._site_columns('transactions', 'acct.txn_source_parent', 'x', '{loaded_at,loaded_by,source}')));
    PERFORM acct._describe_view('acct_bi.transactions', '{acct.txn_source_parent,acct.txn_batch}');
    COMMENT ON VIEW acct_bi.transactions IS 'Source transactions, each with the load that brought it; without their attributes. A condition on txn_month has the server read that month only; archived months are not there.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi_ledger() IS
'The part of _layout_bi() that creates entries, lines and transactions, with the dimensions that the site has added; repeated by add_dimension().';

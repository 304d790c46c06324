-- Views, as ordinary objects.

CREATE FUNCTION acct._layout_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct.run_staging AS
    SELECT h.run_id, h.je_id, h.txn_id, h.txn_month, h.je_date, h.entity_code, h.basis, h.template_code,
           h.template_version, h.currency, h.total_debit, h.total_credit, h.line_count,
           r.status IN ('posted', 'reversed') AS is_posted, r.posted_at,
           h.journal_type, h.reversal_of, h.original_date
      FROM acct.je_header_staging AS h
      JOIN acct.journal_run AS r ON r.run_id = h.run_id;

    CREATE OR REPLACE VIEW acct.fund_journal AS
    SELECT h.je_id, h.je_number, h.je_number || '/' || l.fund AS fund_je_number, l.fund, h.je_date, h.entity_code,
           h.basis, h.run_id, h.template_code, h.template_version, h.txn_id, h.txn_month, h.txn_type, h.product_code,
           h.channel, h.policy_no, h.currency, sum(l.debit) AS total_debit, sum(l.credit) AS total_credit,
           count(*) AS line_count, h.posted_at, h.journal_type, h.reversal_of, h.original_date
      FROM acct.ledger_entry_header AS h
      JOIN acct.ledger_entry_line AS l ON l.je_id = h.je_id AND l.je_date = h.je_date
     GROUP BY h.je_id, h.je_number, l.fund, h.je_date, h.entity_code, h.basis, h.run_id, h.template_code,
              h.template_version, h.txn_id, h.txn_month, h.txn_type, h.product_code, h.channel, h.policy_no,
              h.currency, h.posted_at, h.journal_type, h.reversal_of, h.original_date;

    CREATE OR REPLACE VIEW acct.ledger_line AS
    SELECT l.je_id, h.je_number, l.line_no, l.je_date, l.entity_code, l.basis, l.account_code, l.fund, l.currency,
           l.debit, l.credit, coalesce(t.memo, m.memo) AS line_memo, h.memo AS journal_memo, l.product_code, l.channel, h.policy_no,
           l.txn_id, h.txn_month, h.txn_type, h.template_code, h.template_version, l.run_id, h.posted_at,
           h.journal_type, h.reversal_of, h.original_date, coalesce(t.memo, m.memo, h.memo) AS line_text
      FROM acct.ledger_entry_line AS l
      JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
      -- An approved version does not change, so its lines say for good what each entry is for. Those of a correction are no template's.
      LEFT JOIN acct.journal_template_line AS t
        ON t.template_code = h.template_code AND t.version = h.template_version AND t.line_no = l.line_no AND h.journal_type <> 'correction'
      -- Nor does a manual journal that was approved; what reverses it has its lines.
      LEFT JOIN (acct.manual_journal AS j JOIN acct.manual_journal_line AS m ON m.journal_id = j.journal_id)
        ON j.je_id = CASE h.journal_type WHEN 'reversal' THEN h.reversal_of ELSE h.je_id END AND m.line_no = l.line_no;
END
$layout$;
COMMENT ON FUNCTION acct._layout_views() IS 'The part of install() that creates the views.';

CREATE FUNCTION acct._comment_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON VIEW acct.run_staging IS 'Journals in staging, each with whether and when its run was posted.';
    COMMENT ON COLUMN acct.run_staging.run_id IS 'Run that made the journal.';
    COMMENT ON COLUMN acct.run_staging.je_id IS 'Identifier of the journal, the same in the ledger.';
    COMMENT ON COLUMN acct.run_staging.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.run_staging.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.run_staging.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.run_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.run_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.run_staging.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.run_staging.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.run_staging.currency IS 'Currency of the totals.';
    COMMENT ON COLUMN acct.run_staging.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.run_staging.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.run_staging.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.run_staging.is_posted IS 'True where the run is posted, whether or not it was reversed since.';
    COMMENT ON COLUMN acct.run_staging.posted_at IS 'When the run was posted; NULL until then.';

    COMMENT ON COLUMN acct.run_staging.journal_type IS 'Type of the journal: transaction, reversal, correction, manual, opening or closing.';
    COMMENT ON COLUMN acct.run_staging.reversal_of IS 'je_id of the journal that this one reverses or corrects; NULL: none.';
    COMMENT ON COLUMN acct.run_staging.original_date IS 'Date that the journal would have had, if its month had been open; NULL: it has the date that it should.';

    COMMENT ON VIEW acct.ledger_line IS 'Posted lines with their journal''s number, memo, policy and rule, and what each line is for.';
    COMMENT ON COLUMN acct.ledger_line.je_id IS 'Identifier of the journal.';
    COMMENT ON COLUMN acct.ledger_line.je_number IS 'Number of the journal, unique in its book.';
    COMMENT ON COLUMN acct.ledger_line.line_no IS 'Number of the line, which is that of the template line or the manual line.';
    COMMENT ON COLUMN acct.ledger_line.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.ledger_line.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_line.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_line.account_code IS 'Account.';
    COMMENT ON COLUMN acct.ledger_line.fund IS 'Fund.';
    COMMENT ON COLUMN acct.ledger_line.currency IS 'Currency.';
    COMMENT ON COLUMN acct.ledger_line.debit IS 'Debit, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_line.credit IS 'Credit, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_line.line_memo IS 'Purpose of the line, from its template line or its manual line; NULL: that has no memo, or there is none.';
    COMMENT ON COLUMN acct.ledger_line.journal_memo IS 'Purpose of the journal; NULL: its template has no description.';
    COMMENT ON COLUMN acct.ledger_line.line_text IS 'Purpose of the line: line_memo, or where there is none journal_memo.';
    COMMENT ON COLUMN acct.ledger_line.product_code IS 'Product of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.channel IS 'Channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.policy_no IS 'Policy of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.ledger_line.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.ledger_line.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.ledger_line.txn_type IS 'Type of the transaction.';
    COMMENT ON COLUMN acct.ledger_line.template_code IS 'Template that made the journal, with template_version.';
    COMMENT ON COLUMN acct.ledger_line.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.ledger_line.run_id IS 'Run that posted the line.';
    COMMENT ON COLUMN acct.ledger_line.posted_at IS 'When the run was posted.';

    COMMENT ON COLUMN acct.ledger_line.journal_type IS 'Type of the journal: transaction, reversal, correction, manual, opening or closing.';
    COMMENT ON COLUMN acct.ledger_line.reversal_of IS 'je_id of the journal that this one reverses or corrects; NULL: none.';
    COMMENT ON COLUMN acct.ledger_line.original_date IS 'Date that the journal would have had, if its month had been open; NULL: it has the date that it should.';

    COMMENT ON VIEW acct.fund_journal IS 'Each fund''s part of each posted journal, as a journal by itself; balanced where the template balances by fund.';
    COMMENT ON COLUMN acct.fund_journal.je_id IS 'Journal that the part belongs to.';
    COMMENT ON COLUMN acct.fund_journal.je_number IS 'Number of that journal.';
    COMMENT ON COLUMN acct.fund_journal.fund_je_number IS 'Number of the part: je_number, a slash and the fund.';
    COMMENT ON COLUMN acct.fund_journal.fund IS 'Fund whose lines the part holds.';
    COMMENT ON COLUMN acct.fund_journal.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.fund_journal.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.fund_journal.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.fund_journal.run_id IS 'Run that posted the journal.';
    COMMENT ON COLUMN acct.fund_journal.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.fund_journal.template_version IS 'Version of that template.';
    COMMENT ON COLUMN acct.fund_journal.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.fund_journal.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.fund_journal.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.fund_journal.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.fund_journal.currency IS 'Currency of the totals.';
    COMMENT ON COLUMN acct.fund_journal.total_debit IS 'Sum of the fund''s debits in the journal, in the currency''s major unit.';
    COMMENT ON COLUMN acct.fund_journal.total_credit IS 'Sum of the fund''s credits in the journal, in the currency''s major unit.';
    COMMENT ON COLUMN acct.fund_journal.line_count IS 'Number of the fund''s lines in the journal.';
    COMMENT ON COLUMN acct.fund_journal.posted_at IS 'When the journal was posted.';
    COMMENT ON COLUMN acct.fund_journal.journal_type IS 'Type of the journal: transaction, reversal, correction, manual, opening or closing.';
    COMMENT ON COLUMN acct.fund_journal.reversal_of IS 'je_id of the journal that this one reverses or corrects; NULL: none.';
    COMMENT ON COLUMN acct.fund_journal.original_date IS 'Date that the journal would have had, if its month had been open; NULL: it has the date that it should.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_views() IS 'The part of install() that describes the objects of views.sql.';

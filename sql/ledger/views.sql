-- Views, as ordinary objects.

CREATE FUNCTION acct._layout_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct.run_staging AS
    SELECT h.run_id, h.je_id, h.txn_id, h.txn_month, h.je_date, h.entity_code, h.basis, h.template_code,
           h.template_version, h.currency, h.total_debit, h.total_credit, h.line_count,
           r.status = 'posted' AS is_posted, r.posted_at
      FROM acct.je_header_staging AS h
      JOIN acct.journal_run AS r ON r.run_id = h.run_id;

    CREATE OR REPLACE VIEW acct.fund_journal AS
    SELECT h.je_id, h.je_number, h.je_number || '/' || l.fund AS fund_je_number, l.fund, h.je_date, h.entity_code,
           h.basis, h.run_id, h.template_code, h.template_version, h.txn_id, h.txn_month, h.txn_type, h.product_code,
           h.channel, h.policy_no, h.currency, sum(l.debit) AS total_debit, sum(l.credit) AS total_credit,
           count(*) AS line_count, h.posted_at
      FROM acct.ledger_entry_header AS h
      JOIN acct.ledger_entry_line AS l ON l.je_id = h.je_id AND l.je_date = h.je_date
     GROUP BY h.je_id, h.je_number, l.fund, h.je_date, h.entity_code, h.basis, h.run_id, h.template_code,
              h.template_version, h.txn_id, h.txn_month, h.txn_type, h.product_code, h.channel, h.policy_no,
              h.currency, h.posted_at;

    CREATE OR REPLACE VIEW acct.ledger_line AS
    SELECT l.je_id, h.je_number, l.line_no, l.je_date, l.entity_code, l.basis, l.account_code, l.fund, l.currency,
           l.debit, l.credit, t.memo AS line_memo, h.memo AS journal_memo, l.product_code, l.channel, h.policy_no,
           l.txn_id, h.txn_month, h.txn_type, h.template_code, h.template_version, l.run_id, h.posted_at
      FROM acct.ledger_entry_line AS l
      JOIN acct.ledger_entry_header AS h ON h.je_id = l.je_id AND h.je_date = l.je_date
      -- An approved version does not change, so its lines say for good what each entry is for.
      LEFT JOIN acct.journal_template_line AS t
        ON (t.template_code, t.version, t.line_no) = (h.template_code, h.template_version, l.line_no);
END
$layout$;
COMMENT ON FUNCTION acct._layout_views() IS 'The part of install() that makes the views.';

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
END
$layout$;
COMMENT ON FUNCTION acct._layout_views() IS 'The part of install() that makes the views.';

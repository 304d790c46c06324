-- acct_bi: the rules that transactions are booked by.

CREATE FUNCTION acct._layout_bi_rules() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE OR REPLACE VIEW acct_bi.templates AS
    SELECT t.template_code, t.version, t.description, t.template_type, t.basis, t.status, t.effective_from, t.effective_to, t.require_balanced, t.balance_by_fund,
           t.skip_zero_lines, t.negative_policy, t.maker, t.made_at, t.submitted_at, t.approver, t.approved_at, t.release_id
      FROM acct.journal_template AS t;
    PERFORM acct._describe_view('acct_bi.templates', '{acct.journal_template}');
    COMMENT ON VIEW acct_bi.templates IS 'Versions of templates, drafts among them: the rules that transactions are booked by.';

    CREATE OR REPLACE VIEW acct_bi.template_lines AS
    SELECT l.template_code, l.version, l.line_no, l.dr_cr, l.account_code, a.description AS account_name, l.fund, l.amount_expr, l.is_balancing, l.condition_expr, l.memo
      FROM acct.journal_template_line AS l
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = l.account_code;
    PERFORM acct._describe_view('acct_bi.template_lines', '{acct.journal_template_line}');
    COMMENT ON VIEW acct_bi.template_lines IS 'The lines that a version of a template books, each with its amount and its condition.';
    COMMENT ON COLUMN acct_bi.template_lines.account_name IS 'Name of the account.';

    CREATE OR REPLACE VIEW acct_bi.template_matches AS
    SELECT m.template_code, m.version, m.match_no, m.txn_type, m.product_code, m.channel, m.condition_expr, m.priority
      FROM acct.journal_template_match AS m;
    PERFORM acct._describe_view('acct_bi.template_matches', '{acct.journal_template_match}');
    COMMENT ON VIEW acct_bi.template_matches IS 'The transactions that a version of a template is for.';
END
$layout$;
COMMENT ON FUNCTION acct._layout_bi_rules() IS 'The part of _layout_bi() that creates the views of templates.';

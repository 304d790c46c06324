-- On one path: nothing is expanded by more than one process, and but a few transactions
-- acct.check_balance(): templates that balance for every transaction, those that do not, and why
\set topic balance_proof
\i test/sql/setup.sql
\c :topic_db
CREATE VIEW public.balance AS
SELECT t.template_code, b.fund, b.verdict, b.is_required AS required, b.reason
  FROM acct.journal_template AS t CROSS JOIN LATERAL acct.check_balance(t.template_code, t.version) AS b;

-- Every template of the sample is decided.
SELECT acct.install_takaful_sample() AS installed \gset
SELECT b.template, b.fund, b.verdict, b.reason FROM acct.check_balance() AS b;
-- In an entry with more decimals than the currency, lines that are rounded one by one need not add up: what the engine makes of it.
SELECT b.counterexample - 'transaction' - 'lines' AS found, abs((b.counterexample ->> 'debit')::numeric - (b.counterexample ->> 'credit')::numeric) AS apart
  FROM acct.check_balance('CONTRIB', 1) AS b WHERE b.verdict = 'refuted';
SELECT count(*) AS months FROM acct.rotate_txn_source_partitions(0, '2000-01-01');
INSERT INTO acct.txn_source_parent
SELECT (jsonb_populate_record(NULL::acct.txn_source_parent, b.counterexample -> 'transaction' || jsonb_build_object('batch_id', acct.current_batch()))).*
  FROM acct.check_balance('CONTRIB', 1) AS b WHERE b.verdict = 'refuted';
SELECT public.expanded('2000-01-01') AS run \gset
SELECT reason FROM acct.je_exception WHERE run_id = :run;

-- Written in another way, and the same; where an amount is NULL, a case is missing, or a quotient is not exact, not the same
CALL public.policy('B01', '{DR 1000 F1 :gross_amount,CR 2000 F1 tabarru_amount + tanahud_amount + investment_amount + ujroh_amount}');
CALL public.policy('B02', '{DR 1000 F1 greatest(gross_amount\, 0),DR 1000 F1 least(gross_amount\, 0),CR 2000 F1 gross_amount}');
CALL public.policy('B03', '{DR 1000 F1 abs(gross_amount),CR 2000 F1 sign(gross_amount) * gross_amount}');
CALL public.policy('B04', '{DR 1000 F1 gross_amount / 3,CR 2000 F1 gross_amount / 3}');
CALL public.policy('B05', '{DR 1000 F1 gross_amount,CR 2000 F1 gross_amount / 2,CR 3000 F1 gross_amount / 2}');
CALL public.policy('B06', '{DR 1000 F1 gross_amount * 0.25 + gross_amount * 0.75,CR 2000 F1 gross_amount}');
CALL public.policy('B07', '{DR 1000 F1 gross_amount * 0.25,DR 1000 F1 gross_amount * 0.75,CR 2000 F1 gross_amount}');
CALL public.policy('B08', '{DR 1000 F1 gross_amount * 0.25,DR 1000 F1 gross_amount * 0.75,CR 2000 F1 *}');
CALL public.policy('B09', '{DR 1000 F1 :gross_amount IF channel = ''A'',DR 1000 F1 :gross_amount IF channel <> ''A'',CR 2000 F1 :gross_amount}');
CALL public.policy('B10', '{DR 1000 F1 :gross_amount IF policy_no = ''A'',DR 1000 F1 :gross_amount IF policy_no <> ''A'',CR 2000 F1 :gross_amount}');
CALL public.policy('B11', '{DR 1000 F1 coalesce((attributes ->> ''fee'')::numeric\, 0),CR 2000 F1 (attributes ->> ''fee'')::numeric IF attributes ->> ''fee'' IS NOT NULL}');
CALL public.policy('B12', '{DR 1000 F1 CASE WHEN gross_amount > 1000 THEN 50 WHEN gross_amount > 100 THEN 20 ELSE 0 END,CR 2000 F1 50 IF gross_amount > 1000,CR 2000 F1 20 IF gross_amount > 100 AND gross_amount <= 1000}');
CALL public.policy('B13', '{DR 1000 F1 CASE WHEN gross_amount > 1000 THEN 50 WHEN gross_amount > 100 THEN 20 ELSE 0 END,CR 2000 F1 50 IF gross_amount > 1000,CR 2000 F1 20 IF gross_amount > 100 AND gross_amount < 1000}');
CALL public.policy('B14', '{DR 1000 F1 CASE channel WHEN ''A'' THEN 1 WHEN ''B'' THEN 2 ELSE 3 END,CR 2000 F1 1 IF channel = ''A'',CR 2000 F1 2 IF channel = ''B'',CR 2000 F1 3 IF channel NOT IN (''A''\, ''B'')}');
CALL public.policy('B15', '{DR 1000 F1 gross_amount * gross_amount,CR 2000 F1 gross_amount * gross_amount IF gross_amount * gross_amount >= 0}');
CALL public.policy('B16', '{DR 1000 F1 round(gross_amount\, 2),CR 2000 F1 gross_amount}');
CALL public.policy('B17', '{DR 1000 F1 round(gross_amount\, 2),CR 2000 F1 gross_amount}', '[{"txn_type": "B17", "condition_expr": "currency IN (''IDR'', ''CY1'')"}]');
CALL public.policy('B18', '{DR 1000 F1 round(gross_amount\, 2),CR 2000 F1 gross_amount}', '[{"txn_type": "B18", "condition_expr": "currency = ''IDR''"}]');
CALL public.policy('B19', '{DR 1000 F1 abs(gross_amount),CR 2000 F1 gross_amount}', NULL, '{"negative_policy": "reject"}');
CALL public.policy('B20', '{DR 1000 F1 abs(gross_amount),CR 2000 F1 gross_amount}');
CALL public.policy('B21', '{DR 1000 F1 :gross_amount,CR 2000 F1 1}', '[{"txn_type": "B21", "condition_expr": "gross_amount = 1"}, {"txn_type": "B21", "product_code": "Q"}]');
CALL public.policy('B22', '{DR 1000 F1 greatest(nullif(gross_amount\, 0)\, tabarru_amount),CR 2000 F1 greatest(nullif(gross_amount\, 0)\, tabarru_amount)}');
CALL public.policy('B23', '{DR 1000 F1 1,CR 2000 F1 1 IF txn_type IN (''B23''\, ''X'')}');
CALL public.policy('B24', '{DR 1000 F1 days_in_month(txn_month) - 1,CR 2000 F1 days_in_month(txn_month) - 1}');
CALL public.policy('B25', '{DR 1000 F1 5 IF (gross_amount > 0) IS NOT TRUE,DR 1000 F1 5 IF gross_amount > 0,CR 2000 F1 5}');
-- One text is one text, however a condition writes it.
CALL public.policy('B26', ARRAY['DR 1000 F1 1 IF channel = ''A''', 'DR 1000 F1 1 IF channel = ''A'' COLLATE "C"', 'CR 2000 F1 1 IF channel = ''A'' OR channel = ''A'' COLLATE "C"']);
CALL public.policy('B27', ARRAY['DR 1000 F1 1 IF channel = ''A''', 'DR 1000 F1 1 IF channel = ''A''::name::text', 'CR 2000 F1 2 IF channel IN (''A'' COLLATE "C", ''B'') AND channel <> ''B''']);
SELECT * FROM public.balance WHERE template_code ~ '^B[0-9]' ORDER BY 1, 2;

-- Several funds, and templates that do not ask for balance in each, or at all
CALL public.policy('ACROSS', '{DR 1000 F1 gross_amount,CR 2000 F2 gross_amount}', NULL, '{"balance_by_fund": false}');
CALL public.policy('OPEN', '{DR 1000 F1 gross_amount,CR 2000 F2 1}', NULL, '{"balance_by_fund": false, "require_balanced": false}');
-- A product whose account leads to another fund, in one channel and from a day on
INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund, effective_from)
VALUES ('MAPPED', 'M', '3000', 'F1', '3000', 'F2', '2025-01-01');
CALL public.policy('MAP', '{DR 1000 F1 gross_amount,CR 3000 F1 gross_amount}');
CALL public.policy('MAP_OTHER', '{DR 1000 F1 gross_amount,CR 3000 F1 gross_amount}', '[{"txn_type": "MAP_OTHER", "product_code": "P"}]');
CALL public.policy('MAP_REST', '{DR 1000 F1 gross_amount,DR 1000 F2 0,CR 3000 F1 *}');
CALL public.policy('SKIP', '{}', '[{"txn_type": "SKIP"}]', '{"template_type": "IGNORE"}');
SELECT * FROM public.balance WHERE template_code ~ '^(ACROSS|OPEN|MAP|SKIP)' ORDER BY 1, 2;
SELECT b.counterexample #>> '{transaction,product_code}' AS product, b.counterexample #>> '{transaction,channel}' AS channel,
       b.counterexample #>> '{transaction,bank_value_date}' AS date, b.counterexample -> 'lines' @> '[{"account_code": "3000"}]' AS shows_line
  FROM acct.check_balance('MAP') AS b WHERE b.fund = 'F2';

-- From here on there is one currency: of each other one all would be tried again.
DELETE FROM acct.currency WHERE currency <> 'IDR';

-- More cases than are gone through, and more decisions than are followed
SELECT array_agg(format(x.line, n))::text AS lines
  FROM generate_series(1, 11) AS n, (VALUES ('DR 1000 F1 1 IF policy_no ~ ''%s'''), ('CR 2000 F1 CASE WHEN policy_no ~ ''%s'' THEN 1 ELSE 0 END')) AS x (line) \gset
CALL public.policy('CASES', :'lines');
SELECT array_agg(format(x.line, n))::text AS lines
  FROM generate_series(1, 70) AS n, (VALUES ('DR 1000 F1 1 IF policy_no ~ ''%s'''), ('CR 2000 F1 CASE WHEN policy_no ~ ''%s'' THEN 1 ELSE 0 END')) AS x (line) \gset
CALL public.policy('DECISIONS', :'lines');
-- Lines that are the same on both sides need not be gone through.
SELECT array_agg(format('%s 1000 F1 1 IF policy_no ~ ''%s''', s, n))::text AS lines FROM generate_series(1, 70) AS n, unnest('{DR,CR}'::text[]) AS s \gset
CALL public.policy('CASES_ALIKE', :'lines');
SELECT verdict, reason FROM public.balance WHERE template_code IN ('CASES', 'CASES_ALIKE', 'DECISIONS') ORDER BY template_code;

-- A site's own amounts: its constraint is a fact where its columns have values, also where they may be NaN; without it, nothing is.
ALTER TABLE acct.txn_source_parent ADD COLUMN net numeric(20,4) NOT NULL DEFAULT 0, ADD COLUMN tax numeric(20,4) NOT NULL DEFAULT 0,
    ADD COLUMN total numeric(20,4) NOT NULL DEFAULT 0, ADD COLUMN fee numeric(20,4);
CALL public.policy('SITE', '{DR 1000 F1 total,CR 2000 F1 net + tax}');
CALL public.policy('SITE_LINES', '{DR 1000 F1 total,CR 2000 F1 net,CR 4000 F1 tax}');
CALL public.policy('SITE_NULL', '{DR 1000 F1 fee,CR 2000 F1 0}');
SELECT * FROM public.balance WHERE template_code ~ '^SITE' ORDER BY 1, 2;
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT chk_total CHECK (total = net + tax), ADD CONSTRAINT chk_fee CHECK (fee = 0);
SELECT * FROM public.balance WHERE template_code ~ '^SITE' ORDER BY 1, 2;
-- Whole rupiah
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT chk_whole CHECK (net = round(net, 0) AND tax = trunc(tax, 0) AND total <> 'NaN');
SELECT * FROM public.balance WHERE template_code ~ '^SITE' ORDER BY 1, 2;
-- Constraints that do not hold for every row are no facts.
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_total;
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT chk_total CHECK (total = net + tax OR fee IS NOT NULL);
SELECT * FROM public.balance WHERE template_code ~ '^SITE' ORDER BY 1, 2;

-- A column that is too narrow for the numbers of an expression, and a constraint that cannot be computed for every row
ALTER TABLE acct.txn_source_parent ADD COLUMN rate numeric(4,3) NOT NULL DEFAULT 0, ADD COLUMN days smallint NOT NULL DEFAULT 0;
CALL public.policy('NARROW', '{DR 1000 F1 rate * 5000000000 + days * 70000,CR 2000 F1 rate * 5000000000}');
SELECT * FROM public.balance WHERE template_code = 'NARROW';
ALTER TABLE acct.txn_source_parent ADD CONSTRAINT chk_days CHECK (1 / days > -2) NOT VALID;
SELECT * FROM public.balance WHERE template_code = 'NARROW';
ALTER TABLE acct.txn_source_parent DROP CONSTRAINT chk_days;

-- A column that may not be zero, and one of some texts, which no template uses
ALTER TABLE acct.txn_source_parent ADD COLUMN exchange numeric(10,4) NOT NULL DEFAULT 1 CHECK (exchange > 0), ADD COLUMN kind text NOT NULL DEFAULT 'NEW' CHECK (kind IN ('NEW', 'OLD'));
CALL public.policy('CONSTRAINED', '{DR 1000 F1 gross_amount,CR 2000 F1 tabarru_amount}');
SELECT * FROM public.balance WHERE template_code = 'CONSTRAINED';
-- Columns that are computed have the values that the source gives them, also where it fails on some rows.
ALTER TABLE acct.txn_source_parent ADD COLUMN twice numeric(20,4) GENERATED ALWAYS AS (gross_amount * 2) STORED,
    ADD COLUMN share numeric GENERATED ALWAYS AS (100 / gross_amount) STORED;
CALL public.policy('COMPUTED', '{DR 1000 F1 5 IF twice IS NULL,CR 2000 F1 0}');
CALL public.policy('COMPUTED_NOT', '{DR 1000 F1 twice,CR 2000 F1 gross_amount}');
SELECT * FROM public.balance WHERE template_code ~ '^COMPUTED' ORDER BY 1, 2;
SELECT (b.counterexample #>> '{transaction,twice}')::numeric = 2 * (b.counterexample #>> '{transaction,gross_amount}')::numeric AS is_computed
  FROM acct.check_balance('COMPUTED_NOT') AS b;
-- So many that a call could not take their names and values
BEGIN;
DO $$
BEGIN
    EXECUTE (SELECT 'ALTER TABLE acct.txn_source_parent ' || string_agg(format('ADD COLUMN computed_%s numeric(20,4) GENERATED ALWAYS AS (gross_amount + %1$s) STORED', n), ', ') FROM generate_series(1, 60) AS n);
END
$$;
SELECT (b.counterexample #>> '{transaction,twice}')::numeric = 2 * (b.counterexample #>> '{transaction,gross_amount}')::numeric AS is_computed,
       (b.counterexample #>> '{transaction,computed_60}')::numeric - (b.counterexample #>> '{transaction,gross_amount}')::numeric AS added
  FROM acct.check_balance('COMPUTED_NOT') AS b;
ROLLBACK;

-- An expression that does not fit the source any more
ALTER TABLE acct.txn_source_parent DROP COLUMN fee;
SELECT * FROM public.balance WHERE template_code = 'SITE_NULL';

-- A draft, without rules and without lines; what is not there; all of a template; nobody's currency
INSERT INTO acct.journal_template (template_code) VALUES ('DRAFT');
SELECT * FROM public.balance WHERE template_code = 'DRAFT';
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr) VALUES ('DRAFT', 1, 'DR', '1000', 'F1', 'gross_amount');
SELECT * FROM public.balance WHERE template_code = 'DRAFT';
INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('DRAFT', 1, 'DRAFT');
SELECT * FROM public.balance WHERE template_code = 'DRAFT';
-- Whatever the session's settings are
SET quote_all_identifiers = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET datestyle = 'German';
SET timezone = 'Pacific/Kiritimati';
SELECT * FROM public.balance WHERE template_code = 'DRAFT';
RESET ALL;
SET client_min_messages = warning;
INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, is_balancing) VALUES ('DRAFT', 2, 'CR', '2000', 'F1', true);
SELECT * FROM public.balance WHERE template_code = 'DRAFT';
SELECT count(*) FROM acct.check_balance('CLAIM');
\set VERBOSITY sqlstate
SELECT * FROM acct.check_balance('NOSUCH'); :why
SELECT * FROM acct.check_balance('CLAIM', 7); :why
SELECT * FROM acct.check_balance('', 1); :why
SELECT acct.new_template_version('CLAIM', '2025-01-01') AS version;
SELECT template, template_version, verdict FROM acct.check_balance(NULL, 2);
SELECT template, template_version, verdict FROM acct.check_balance('CLAIM');
-- A transaction that is tried has any month, and a date that is none.
SELECT outcome, reason, message FROM acct._try_transactions('{}', '2025-01-01', 'PRIMARY', '[{"txn_id": 1, "txn_month": "5874897-12-31", "bank_value_date": "5874897-12-31", "txn_type": "A", "product_code": "P", "channel": "C", "entity_code": "MAIN", "currency": "IDR", "gross_amount": 1}]');

-- acct.posting_limit: which months there are, and how far a value date may lie from its month
\set topic posting_limits
\i test/sql/setup.sql
SELECT * FROM acct.posting_limit ORDER BY name;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}', header => '{"effective_from": "1960-01-01"}');
UPDATE acct.chart_of_accounts SET effective_from = '1960-01-01';

-- A year that was typed wrong makes no month, whoever asks for one.
SELECT * FROM acct.rotate_txn_source_partitions(0, '20250-01-01');
SELECT * FROM acct.rotate_txn_source_partitions(0, '0001-01-01 BC');
SELECT * FROM acct.rotate_txn_source_partitions(0, '0001-01-01');
SELECT * FROM acct.rotate_txn_source_partitions(0, '1969-12-01');
SELECT * FROM acct.rotate_ledger_partitions(0, '2101-01-01');
-- Also where it is not the first one.
SELECT * FROM acct.rotate_ledger_partitions(2, '2100-11-01');
SELECT * FROM acct.rotate_txn_source_partitions(1200, '2025-01-01');
SELECT acct.create_run('20250-01-01');
SELECT * FROM acct.run_month('2205-01-01');
CALL acct.process_month('0025-01-01');
SELECT acct.close_period('20250-01-01', 'MAIN', 'PRIMARY');
SELECT acct.generate_sample_transactions('2250-01-01', 1);
SELECT count(*) AS months FROM pg_inherits WHERE inhparent IN ('acct.txn_source_parent'::regclass, 'acct.ledger_entry_line'::regclass);
SELECT count(*) AS periods FROM acct.accounting_period;
-- A row of such a month has no place.
CALL public.txn(1, '20250-01-01', 'A');
-- The first and the last one that there are
SELECT partition_name FROM acct.rotate_txn_source_partitions(0, '1970-01-01');
SELECT partition_name FROM acct.rotate_txn_source_partitions(0, '2100-12-01');

-- A value date beyond the years is BAD_DATE, near as it is.
CALL public.txn(1, '1970-01-01', 'A', value_date => '1969-12-31');
CALL public.txn(2, '1970-01-01', 'A', value_date => '1970-01-01');
CALL public.txn(3, '2100-12-01', 'A', value_date => '2100-12-31');
CALL public.txn(4, '2100-12-01', 'A', value_date => '2101-01-01');
SELECT public.expanded('1970-01-01') AS first, public.expanded('2100-12-01') AS last \gset
SELECT txn_id, outcome FROM public.outcome(:first) UNION ALL SELECT txn_id, outcome FROM public.outcome(:last);
SELECT txn_id, message FROM acct.je_exception WHERE run_id IN (:first, :last);
SELECT acct.discard_run(:first), acct.discard_run(:last);

-- months_apart: from the first day of the month, and always the month itself
SELECT count(*) AS made FROM acct.rotate_txn_source_partitions(3, '2025-01-01');
CREATE PROCEDURE public.around(month date) LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
    SELECT row_number() OVER (ORDER BY d.day), $1, d.day, 'A', 'P', 'C', 1, 1
      FROM (SELECT ($1 + make_interval(months => m, days => n))::date AS day
              FROM unnest(ARRAY[-12, -6, -1, 0, 1, 6, 12]) AS m, unnest(ARRAY[-1, 0, 1]) AS n) AS d
$$;
CREATE FUNCTION public.accepted(run bigint) RETURNS TABLE (accepted bigint, from_date date, to_date date, refused bigint, message text) LANGUAGE sql AS $$
    SELECT count(h.txn_id), min(h.je_date), max(h.je_date), (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = $1),
           (SELECT min(e.message) FROM acct.je_exception AS e WHERE e.run_id = $1)
      FROM acct.je_header_staging AS h WHERE h.run_id = $1
$$;
CALL public.around('2025-01-01');
SELECT * FROM public.accepted(public.expanded('2025-01-01'));
UPDATE acct.posting_limit SET value = 6 WHERE name = 'months_apart';
CALL public.around('2025-02-01');
SELECT * FROM public.accepted(public.expanded('2025-02-01'));
UPDATE acct.posting_limit SET value = 1 WHERE name = 'months_apart';
CALL public.around('2025-03-01');
SELECT * FROM public.accepted(public.expanded('2025-03-01'));
UPDATE acct.posting_limit SET value = 0 WHERE name = 'months_apart';
CALL public.around('2025-04-01');
SELECT public.expanded('2025-04-01') AS april \gset
SELECT * FROM public.accepted(:april);
SELECT sum(journals) AS journals FROM acct.post_journals(:april);

-- They are bounded themselves, audited, and there again where they are missing.
UPDATE acct.posting_limit SET value = 13 WHERE name = 'months_apart';
UPDATE acct.posting_limit SET value = 20250 WHERE name = 'last_year';
INSERT INTO acct.posting_limit VALUES ('speed', 1);
TRUNCATE acct.posting_limit;
UPDATE acct.posting_limit SET value = 2025 WHERE name = 'last_year';
SELECT * FROM acct.rotate_txn_source_partitions(0, '2026-01-01');
DELETE FROM acct.posting_limit;
SELECT * FROM acct._posting_limits();
SELECT operation, row_key ->> 'name' AS name, old_row ->> 'value' AS old, new_row ->> 'value' AS new, changed_by = session_user AS by_me
  FROM acct.template_audit WHERE table_name = 'posting_limit' ORDER BY audit_id;
UPDATE acct.engine_layout SET version = version - 1;
SELECT acct.install();
SELECT * FROM acct.posting_limit ORDER BY name;
-- A period that was closed before there were limits can be opened, and closed no more.
INSERT INTO acct.accounting_period (entity_code, basis, period_month, is_open) VALUES ('MAIN', 'PRIMARY', '20250-01-01', false);
SELECT acct.reopen_period('20250-01-01', 'MAIN', 'PRIMARY');
SELECT acct.close_period('20250-01-01', 'MAIN', 'PRIMARY');

\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

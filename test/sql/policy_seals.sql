-- On one path: nothing here depends on it.
-- Seals of policy: the audit trail by its numbers, the policy in force, and what changes of either without a trace show
\set topic policy_seals
\i test/sql/setup.sql
CREATE FUNCTION public.seals() RETURNS TABLE (n bigint, changes text, ids integer, policy_rows text, digest boolean) LANGUAGE sql AS $$
    SELECT row_number() OVER (ORDER BY s.seal_id), acct._seal_line(s.body, 'changes'), upper(acct._numbers_of(acct._seal_line(s.body, 'audit_ids')))::integer - lower(acct._numbers_of(acct._seal_line(s.body, 'audit_ids')))::integer,
           acct._seal_line(s.body, 'policy_rows'), acct._seal_line(s.body, 'policy_digest') = acct.policy_digest()
      FROM acct.ledger_seal AS s WHERE s.kind = 'policy'
$$;
CREATE FUNCTION public.found(checkpoint text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(v.detail, '(seal|audit_id) [-0-9,]+', '\1 N', 'g') FROM acct.verify_checkpoint($1) AS v WHERE v.check_name = 'policy'
$$;
SELECT acct._number_ranges(acct._numbers_of('1-3,5,7-9')) AS ranges, acct._number_ranges('{}') AS none, acct._numbers_of(NULL) AS empty;
SELECT acct.ledger_checkpoint() AS first \gset
SELECT n, changes = (SELECT count(*)::text FROM acct.template_audit) AS all_changes, policy_rows, digest FROM public.seals();
-- Nothing changed: no seal. A template comes in six changes; a draft is no policy, but its changes are in the trail.
SELECT acct.ledger_checkpoint() = :'first' AS same;
CALL public.policy('A', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT public.found(:'first');
SELECT acct.ledger_checkpoint() AS second \gset
SELECT * FROM public.seals() WHERE n > 1;
INSERT INTO acct.journal_template (template_code, version) VALUES ('B', 1);
SELECT acct.ledger_checkpoint() AS third \gset
SELECT * FROM public.seals() WHERE n > 2;
SELECT public.found(:'third');
-- The root over one row, by hand
SELECT acct._seal_line(s.body, 'audit_root') = encode(sha256('\x00'::bytea || sha256.leaf), 'hex') AS by_hand
  FROM acct.ledger_seal AS s JOIN acct.template_audit AS a ON a.audit_id::text = acct._seal_line(s.body, 'audit_ids'),
       LATERAL (SELECT 'LEa1'::bytea || int8send(a.audit_id) || timestamptz_send(a.at) || string_agg(int4send(octet_length(x.v)) || convert_to(x.v, 'UTF8'), '' ORDER BY x.n) AS leaf
                  FROM unnest(ARRAY[a.changed_by, a.changed_by_role, a.table_name, a.operation, a.row_key::text, '-', a.new_row::text]) WITH ORDINALITY AS x (v, n)) AS sha256
 WHERE s.kind = 'policy' AND a.operation = 'INSERT';

-- Without a trace: a row of the audit trail changed, one removed, policy changed without its triggers
BEGIN;
ALTER TABLE acct.template_audit DISABLE TRIGGER USER;
UPDATE acct.template_audit SET changed_by = 'somebody' WHERE table_name = 'journal_template' AND operation = 'INSERT' AND row_key ->> 'template_code' = 'A';
SELECT public.found(:'third');
ROLLBACK;
BEGIN;
ALTER TABLE acct.template_audit DISABLE TRIGGER USER;
DELETE FROM acct.template_audit WHERE row_key ->> 'template_code' = 'A';
SELECT public.found(:'third');
ROLLBACK;
BEGIN;
ALTER TABLE acct.journal_template_line DISABLE TRIGGER USER;
UPDATE acct.journal_template_line SET amount_expr = ':gross_amount * 2' WHERE template_code = 'A' AND line_no = 1;
SELECT public.found(:'third');
ROLLBACK;
-- Changes with a trace come after it: an approval, which is sealed at once, and a checkpoint, which seals policy as it is then.
BEGIN;
ALTER TABLE acct.journal_template_line DISABLE TRIGGER USER;
UPDATE acct.journal_template_line SET amount_expr = ':gross_amount * 2' WHERE template_code = 'A' AND line_no = 1;
ALTER TABLE acct.journal_template_line ENABLE TRIGGER USER;
ALTER TABLE acct.currency DISABLE TRIGGER USER;
INSERT INTO acct.currency VALUES ('UNT', 2);
ALTER TABLE acct.currency ENABLE TRIGGER USER;
CALL public.policy('C', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT public.found(:'third');
SELECT acct.ledger_checkpoint() IS NOT NULL AS made;
SELECT public.found(:'third');
ROLLBACK;
BEGIN;
ALTER TABLE acct.currency DISABLE TRIGGER USER;
UPDATE acct.currency SET minor_units = 3 WHERE currency = 'IDR';
ALTER TABLE acct.currency ENABLE TRIGGER USER;
UPDATE acct.currency SET minor_units = 2 WHERE currency = 'IDR';
SELECT public.found(:'third');
ROLLBACK;
SELECT public.found(:'third');
-- Each approval has a seal of what it changed, but where the chain is locked: the next checkpoint has it.
BEGIN;
CALL public.policy('D', '{DR 1000 F1 :gross_amount,CR 2000 F1 *}');
SELECT n - (SELECT max(n) FROM public.seals()) AS from_last, changes, policy_rows FROM public.seals() ORDER BY n DESC LIMIT 1;
ROLLBACK;
SELECT public.found(:'third');
-- The same by a kept checkpoint of before, which the seals still extend
SELECT bool_and(passed) AS verified FROM acct.verify_checkpoint(:'first');
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

-- On one path: nothing here depends on it.
-- The log of seals and its checkpoints: what one is, what a kept one proves, and what it finds
\set topic checkpoint
\i test/sql/setup.sql
-- Texts differ from run to run: O stands for the origin.
SELECT 'ledger_engine/' || l.ledger_id AS origin FROM acct.engine_layout AS l \gset
CREATE FUNCTION public.verified(checkpoint text) RETURNS TABLE (check_name text, passed boolean, detail text) LANGUAGE sql AS $$
    SELECT v.check_name, v.passed, regexp_replace(regexp_replace(v.detail, 'ledger_engine/[-0-9a-f]{36}', 'O', 'g'), '[A-Za-z0-9+/]{43}=', 'ROOT') FROM acct.verify_checkpoint($1) AS v
$$;
CREATE FUNCTION public.sealed(entity text, n integer) RETURNS bigint LANGUAGE sql AS $$
    SELECT max(acct._append_seal($1, 'PRIMARY', 'test', '{note}', ARRAY[format(E'one\\two\n- %s', i)])) FROM generate_series(1, n) AS i
$$;

-- A log with a seal of policy, then of two books: five seals and two of balances, then two and one more
SELECT acct.prove_checkpoint(acct._checkpoint_text(:'origin', 0, sha256('')));
SELECT split_part(acct.ledger_checkpoint(), E'\n', 2) AS size, acct._checkpoint_text('O', 0, acct._merkle_root_of_hashes('{}')) AS nothing;
SELECT public.sealed('MAIN', 3) > 0 AS main, public.sealed('SUB', 2) > 0 AS sub;
SELECT acct.ledger_checkpoint() AS five \gset
SELECT public.sealed('MAIN', 2) > 0 AS main;
SELECT acct.ledger_checkpoint() AS seven \gset
SELECT g.leaf_no, s.entity_code, s.seal_number, g.leaf_hash = sha256('\x00'::bytea || convert_to(s.body, 'UTF8')) AS hashes FROM acct.ledger_log AS g JOIN acct.ledger_seal AS s USING (seal_id) WHERE s.entity_code <> '' ORDER BY g.leaf_no;
SELECT string_to_array(:'seven', E'\n') = ARRAY[:'origin', '11', encode(c.root, 'base64'), ''] AS three_lines, c.size, c.body = :'seven' AS kept FROM acct.ledger_checkpoint AS c ORDER BY c.checkpoint_id DESC LIMIT 1;
-- Nothing new is the same text; the value of a line comes back as it was.
SELECT acct.ledger_checkpoint() = :'seven' AS same;
SELECT acct._seal_line(s.body, 'note') AS note, acct._seal_line(s.body, 'nothing') AS nothing FROM acct.ledger_seal AS s WHERE s.kind = 'test' ORDER BY s.seal_id LIMIT 1;
SELECT v.seal, acct._seal_line(format(E'x %s\n', acct._seal_value(v.seal)), 'x') IS NOT DISTINCT FROM v.seal AS same FROM (VALUES (NULL), ('-'), ('\-'), ('\\n'), (E'\n'), (E'a\r\\'), (E'\x01\\n'), ('')) AS v (seal);
SELECT * FROM public.verified(:'five');
SELECT bool_and(passed) AS all_passed FROM public.verified(:'seven');
-- With a signature, as in a signed note
SELECT bool_and(passed) AS signed FROM acct.verify_checkpoint(:'five' || E'\n— auditor.example Y2hlY2tlZA==\n');
-- That the newer one extends the older one
SELECT p ->> 'kind' AS kind, jsonb_array_length(p -> 'path') AS nodes, p ->> 'old' = :'five' AS old, p ->> 'new' = :'seven' AS new FROM acct.prove_checkpoint(:'five') AS p;
SELECT acct.prove_checkpoint(:'seven') -> 'path' AS same;

-- What a superuser does with triggers off. A removed last seal shows by the checkpoint alone.
ALTER TABLE acct.ledger_log DISABLE TRIGGER USER;
ALTER TABLE acct.ledger_seal DISABLE TRIGGER USER;
ALTER TABLE acct.ledger_log DROP CONSTRAINT ledger_log_seal_fkey;
BEGIN;
DELETE FROM acct.ledger_log WHERE leaf_no >= 8;
DELETE FROM acct.ledger_seal AS s WHERE NOT EXISTS (SELECT FROM acct.ledger_log AS g WHERE g.seal_id = s.seal_id);
SELECT * FROM public.verified(:'seven');
SELECT bool_and(passed) AS nothing_seen FROM public.verified(:'five');
ROLLBACK;
-- A seal that was removed, one that was changed, one that was changed with its hash, and the chain sealed again
BEGIN;
DELETE FROM acct.ledger_seal WHERE (entity_code, seal_number) = ('SUB', 1);
SELECT * FROM public.verified(:'five') WHERE NOT passed;
ROLLBACK;
BEGIN;
UPDATE acct.ledger_seal SET body = replace(body, 'two', 'TWO') WHERE (entity_code, seal_number) = ('MAIN', 2);
SELECT * FROM public.verified(:'five') WHERE NOT passed;
UPDATE acct.ledger_seal SET seal_hash = sha256('\x00'::bytea || convert_to(body, 'UTF8')) WHERE (entity_code, seal_number) = ('MAIN', 2);
SELECT * FROM public.verified(:'five') WHERE NOT passed;
UPDATE acct.ledger_log AS g SET leaf_hash = s.seal_hash FROM acct.ledger_seal AS s WHERE s.seal_id = g.seal_id AND (s.entity_code, s.seal_number) = ('MAIN', 2);
SELECT * FROM public.verified(:'five') WHERE NOT passed;
ROLLBACK;
BEGIN;
UPDATE acct.ledger_seal SET seal_number = 9 WHERE (entity_code, seal_number) = ('MAIN', 5);
UPDATE acct.ledger_seal SET entity_code = 'OTHER' WHERE (entity_code, seal_number) = ('SUB', 2);
DELETE FROM acct.ledger_log WHERE leaf_no IN (2, 3, 4);
SELECT * FROM public.verified(:'five') WHERE NOT passed;
ROLLBACK;
ALTER TABLE acct.ledger_log ADD CONSTRAINT ledger_log_seal_fkey FOREIGN KEY (seal_id) REFERENCES acct.ledger_seal;

-- A checkpoint of another ledger, and texts that are none
SELECT check_name, passed FROM acct.verify_checkpoint(replace(:'five', :'origin', 'ledger_engine/00000000-0000-0000-0000-000000000000')) WHERE NOT passed;
\set VERBOSITY sqlstate
SELECT acct.verify_checkpoint(NULL); :why
SELECT acct.verify_checkpoint(replace(:'five', E'\n', E'\r\n')); :why
SELECT acct.verify_checkpoint(rtrim(:'five', E'\n')); :why
SELECT acct.verify_checkpoint(''); :why
SELECT acct.verify_checkpoint(E'a\nb\n'); :why
SELECT acct.verify_checkpoint(E'\n5\nx\n'); :why
SELECT acct.verify_checkpoint(replace(:'five', E'\n8\n', E'\n05\n')); :why
SELECT acct.verify_checkpoint(replace(:'five', E'\n8\n', E'\n-5\n')); :why
SELECT acct.verify_checkpoint(replace(:'five', E'\n8\n', E'\n9999999999999999999\n')); :why
SELECT acct.verify_checkpoint(E'o\n5\nAAAA\n'); :why
SELECT acct.verify_checkpoint(E'o\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n'); :why
SELECT acct.verify_checkpoint(:'five' || E'\nextension\n'); :why
SELECT acct.prove_checkpoint(replace(:'five', :'origin', 'o')); :why
SELECT acct.prove_checkpoint(replace(:'seven', E'\n11\n', E'\n12\n')); :why
-- Nothing of this changes.
ALTER TABLE acct.ledger_log ENABLE ALWAYS TRIGGER ledger_log_immutable;
ALTER TABLE acct.ledger_seal ENABLE ALWAYS TRIGGER ledger_seal_immutable;
UPDATE acct.ledger_log SET leaf_no = 9 WHERE false; :why
DELETE FROM acct.ledger_checkpoint; :why
TRUNCATE acct.ledger_checkpoint; :why
-- The job gives out the text; where a standby is named, once that has it on disk.
CALL acct.run_job('checkpoint');
SELECT g.rows, g.detail ->> 'status' AS status, g.detail ->> 'checkpoint' = (SELECT c.body FROM acct.ledger_checkpoint AS c ORDER BY c.checkpoint_id DESC LIMIT 1) AS text FROM acct.run_log AS g WHERE g.step = 'job' ORDER BY g.log_id DESC LIMIT 1;
CALL acct.run_job('checkpoint', '{"standby": "nowhere", "timeout": 0}'); :why
SELECT g.detail ->> 'status' AS status, g.detail #>> '{failed,0,error}' AS error, g.detail #>> '{failed,0,detail}' AS detail, g.detail ->> 'checkpoint' AS text FROM acct.run_log AS g WHERE g.step = 'job' ORDER BY g.log_id DESC LIMIT 1;
CALL acct.run_job('checkpoint', '{"standby": 1}'); :why
CALL acct.run_job('checkpoint', '{"standby": ""}'); :why
CALL acct.run_job('checkpoint', '{"timeout": "1"}'); :why
CALL acct.run_job('checkpoint', '{"timeout": 86401}'); :why
BEGIN READ ONLY;
SELECT bool_and(passed) FROM acct.verify_checkpoint(:'seven');
SELECT acct.ledger_checkpoint(); :why
ROLLBACK;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE :"checker";

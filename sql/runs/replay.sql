-- Replay: a posted run is computed again from its source, by the policy of its time, and compared with what it recorded.

CREATE FUNCTION acct._line_text(p_account text, p_fund text, p_currency text, p_debit numeric, p_credit numeric, p_date date) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_account IS NULL THEN 'no line'
                ELSE format('%s, account %s, fund %s, debit %s, credit %s %s', to_char(p_date, 'YYYY-MM-DD'), p_account, p_fund, trim_scale(p_debit), trim_scale(p_credit), p_currency) END
$$;
COMMENT ON FUNCTION acct._line_text(text, text, text, numeric, numeric, date) IS 'A journal line in words; of none, that there is none.';

CREATE FUNCTION acct._replayed_lines(p_run_id bigint, p_policy text[], p_most integer) RETURNS TABLE (check_name text, expected text, actual text)
-- Sets of lines are sorted: a hash table of them takes memory for all.
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_hashagg = off AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH replayed AS MATERIALIZED (SELECT l.* FROM acct._replay_lines($1, $2) AS l),
        posted AS MATERIALIZED (
            SELECT p.txn_id, p.basis, p.line_no, p.je_date, p.entity_code, p.account_code, p.fund, p.currency, p.product_code, p.channel, p.debit::numeric, p.credit::numeric FROM (%s) AS p)
        SELECT format('line:%%s:%%s:%%s', txn_id, basis, line_no), acct._line_text(p.account_code, p.fund, p.currency, p.debit, p.credit, p.je_date),
               acct._line_text(r.account_code, r.fund, r.currency, r.debit, r.credit, r.je_date)
          FROM (TABLE posted EXCEPT ALL TABLE replayed) AS p FULL JOIN (TABLE replayed EXCEPT ALL TABLE posted) AS r USING (txn_id, basis, line_no)
         ORDER BY txn_id, basis COLLATE "C", line_no LIMIT $3$q$,
        acct._posted_rows(p_run_id, 'line', '{txn_id,basis,line_no,je_date,entity_code,account_code,fund,currency,product_code,channel,debit,credit}'))
      USING p_run_id, p_policy, p_most;
END
$$;
COMMENT ON FUNCTION acct._replayed_lines(bigint, text[], integer) IS 'The first lines in which a posted run differs from its replay, with both.';

CREATE FUNCTION acct._replay_checks(p_run_id bigint, p_most integer) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    run record;
    policy_then record;
    found record;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    SELECT p.* INTO policy_then FROM acct._policy_then(p_run_id) AS p;
    SELECT x.* INTO found FROM acct._replay(p_run_id, policy_then.policy) AS x;
    RETURN QUERY SELECT 'policy', coalesce(run.policy_digest, 'not recorded'),
        CASE WHEN run.policy_digest IS NULL THEN 'not recorded' WHEN policy_then.unknown = '{}' THEN acct._policy_digest(run.policy_sums)
             ELSE 'not in the audit trail: ' || array_to_string(policy_then.unknown, ', ') END;
    IF run.source_digest = found.source_digest THEN
        RETURN QUERY SELECT 'source_digest', run.source_digest, found.source_digest;
    ELSE
        -- Columns may have come since.
        RETURN QUERY SELECT c.* FROM acct._check_source_rows(p_run_id) AS c;
    END IF;
    RETURN QUERY SELECT v.* FROM (VALUES ('transactions', run.transactions::text, found.transactions::text), ('journals', run.journals::text, found.journals::text),
        ('lines', run.lines::text, found.lines::text), ('exceptions', run.exceptions::text, found.exceptions::text), ('ignored', run.ignored::text, found.ignored::text),
        ('digest', run.digest, found.digest)) AS v;
    IF run.digest IS DISTINCT FROM found.digest AND p_most > 0 THEN
        RETURN QUERY SELECT l.* FROM acct._replayed_lines(p_run_id, policy_then.policy, p_most) AS l;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._replay_checks(bigint, integer) IS
'Replays a run and compares. All of it is by one snapshot: what is read as it is now, because it has not changed since the run, is not changed on the way.';

CREATE FUNCTION acct._replay_run(p_run_id bigint, p_most integer) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    status CONSTANT text := acct._read_run(p_run_id);
    run record;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    IF run.kind <> 'transaction' THEN
        RAISE EXCEPTION 'run % is of kind %', p_run_id, run.kind USING ERRCODE = 'LE002', HINT = 'Runs of transactions are replayed.';
    ELSIF NOT acct._is_posted(status) THEN
        PERFORM acct._wrong_state(p_run_id, status, 'A posted run is replayed; expand one that is not posted again.');
    ELSIF p_most IS NULL OR p_most < 0 OR p_most > 10000 THEN
        RAISE EXCEPTION 'max_lines is %', coalesce(p_most::text, 'NULL') USING ERRCODE = '22023', HINT = 'It is a number from 0 to 10000.';
    END IF;
    PERFORM FROM acct.txn_source_parent AS s WHERE false;
    PERFORM acct._require_source_month(run.txn_month);
    RETURN QUERY SELECT c.* FROM acct._replay_checks(p_run_id, p_most) AS c;
END
$$;
COMMENT ON FUNCTION acct._replay_run(bigint, integer) IS 'The work of replay_run().';

CREATE FUNCTION acct.replay_run(run_id bigint, max_lines integer DEFAULT 20) RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT c.check_name, c.expected IS NOT DISTINCT FROM c.actual, c.expected, c.actual FROM acct._replay_run($1, $2) AS c
$$;
COMMENT ON FUNCTION acct.replay_run(bigint, integer) IS
'Computes a posted run of transactions again from its source, by the policy and the closed months of its time, and compares policy, source, counts and lines with its record and the ledger. Raises LE001, LE002 (another kind of run, or not posted), 22023, 55000 (the month''s source is archived).';

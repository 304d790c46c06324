-- What a posted run did not journal: exceptions that are reprocessed or waived, and transactions that it ignored.

CREATE FUNCTION acct._layout_exceptions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    -- Since layout 5: exceptions that were waived, and lists of ignored transactions.
    ALTER TABLE acct.je_exception
        ADD COLUMN IF NOT EXISTS waived_by text,
        ADD COLUMN IF NOT EXISTS waived_at timestamptz,
        ADD COLUMN IF NOT EXISTS waive_reason text;

    CREATE TABLE IF NOT EXISTS acct.journal_run_ignored (
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        txn_month date NOT NULL,
        basis text COLLATE "C" NOT NULL,
        resolved_by_run bigint,
        CONSTRAINT journal_run_ignored_pkey PRIMARY KEY (run_id, txn_id, txn_month, basis),
        CONSTRAINT journal_run_ignored_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run
    );
    CREATE INDEX IF NOT EXISTS journal_run_ignored_resolved_idx ON acct.journal_run_ignored (resolved_by_run);
END
$layout$;
COMMENT ON FUNCTION acct._layout_exceptions() IS 'The part of install() that creates the columns of waivers and the table of ignored transactions.';

CREATE FUNCTION acct._comment_exceptions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.journal_run_ignored IS 'Transactions that a posted run ignored, listed when acct.reprocess_ignored() is first called for it.';
    COMMENT ON COLUMN acct.journal_run_ignored.run_id IS 'Run that ignored the transaction.';
    COMMENT ON COLUMN acct.journal_run_ignored.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.journal_run_ignored.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.journal_run_ignored.basis IS 'Accounting basis in which it was ignored.';
    COMMENT ON COLUMN acct.journal_run_ignored.resolved_by_run IS 'Run that took the transaction again; NULL: none did, or that run was discarded.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_exceptions() IS 'The part of install() that describes the objects of exceptions.sql.';

CREATE FUNCTION acct._refuse_other_kinds(p_run_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    other text;
BEGIN
    SELECT r.kind INTO other FROM acct.journal_run AS r WHERE r.run_id = p_run_id AND r.kind <> 'transaction';
    IF FOUND THEN
        RAISE EXCEPTION 'run % is of kind %, and took no transactions', p_run_id, other USING ERRCODE = 'LE002';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_other_kinds(bigint) IS 'Raises LE002 where a run is one of another kind than of transactions, of which nothing is taken up again or waived.';

CREATE FUNCTION acct._require_again_options(p_options jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._run_bases(p_options);
    IF p_options ? 'basis' THEN
        RAISE EXCEPTION 'transactions are taken up again in the bases concerned: option basis cannot be given' USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_again_options(jsonb) IS 'Raises 22023 on options that a run which takes transactions up again cannot be given.';

CREATE FUNCTION acct._take_again(p_run_id bigint, p_what text, p_options jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    id bigint;
    taken bigint;
BEGIN
    INSERT INTO acct.journal_run AS n (txn_month, bases, options, reprocess_of)
    SELECT r.txn_month, r.bases, r.options || p_options, r.run_id FROM acct.journal_run AS r WHERE r.run_id = p_run_id
    RETURNING n.run_id INTO id;
    -- crash point: reprocess_inserted
    IF p_what = 'exceptions' THEN
        UPDATE acct.je_exception AS e SET resolved_by_run = id
         WHERE e.run_id = p_run_id AND e.resolved_by_run IS NULL AND e.voided_at IS NULL AND e.waived_at IS NULL;
    ELSE
        UPDATE acct.journal_run_ignored AS i SET resolved_by_run = id WHERE i.run_id = p_run_id AND i.resolved_by_run IS NULL;
    END IF;
    GET DIAGNOSTICS taken = ROW_COUNT;
    INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail)
    VALUES (id, 'reprocess', taken, acct._elapsed_ms(started),
            jsonb_build_object('reprocess_of', p_run_id, 'what', p_what));
    IF taken = 0 THEN
        RAISE NOTICE 'run % has no % to take up again: run % is empty', p_run_id,
                     CASE p_what WHEN 'exceptions' THEN 'exceptions' ELSE 'ignored transactions' END, id;
    END IF;
    -- crash point: reprocess_taken
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct._take_again(bigint, text, jsonb) IS
'Creates a run that takes up again what is left of a posted run''s exceptions or, p_what being ignored, of the transactions listed as ignored; its run_id.';

CREATE FUNCTION acct.reprocess_exceptions(run_id bigint, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    old CONSTANT bigint := reprocess_exceptions.run_id;
    opts CONSTANT jsonb := coalesce(reprocess_exceptions.options, '{}');
    status text;
BEGIN
    PERFORM acct._require_read_committed();
    status := acct._lock_run(old);
    IF NOT acct._is_posted(status) THEN
        PERFORM acct._wrong_state(old, status,
            CASE status WHEN 'expanded' THEN 'Post it first, or discard it and make it again.'
                        ELSE 'Exceptions of a posted run can be reprocessed.' END);
    END IF;
    PERFORM acct._refuse_other_kinds(old);
    PERFORM acct._require_again_options(opts);
    PERFORM acct._is_partition('txn_source', r.txn_month) FROM acct.journal_run AS r WHERE r.run_id = old;
    RETURN acct._take_again(old, 'exceptions', opts);
END
$$;
COMMENT ON FUNCTION acct.reprocess_exceptions(bigint, jsonb) IS
'Creates a new run, to be expanded and posted like any other, of the exceptions of a posted run that are neither resolved nor waived, each for its basis only; returns its run_id. A transaction that fails again is an exception of the new run.';

CREATE FUNCTION acct._require_exception(p_run_id bigint, p_txn_id bigint, p_basis text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    PERFORM acct._require_read_committed();
    status := acct._lock_run(p_run_id);
    IF NOT acct._is_posted(status) THEN
        PERFORM acct._wrong_state(p_run_id, status,
            CASE status WHEN 'discarded' THEN 'Its exceptions count no longer.'
                        ELSE 'Exceptions of a posted run can be waived: post it first, or discard it.' END);
    END IF;
    PERFORM acct._refuse_other_kinds(p_run_id);
    IF NOT EXISTS (SELECT FROM acct.je_exception AS e
                    WHERE e.run_id = p_run_id AND e.txn_id = p_txn_id AND e.basis = p_basis) THEN
        RAISE EXCEPTION 'run % has no exception of transaction % in basis %', p_run_id, coalesce(p_txn_id::text, 'NULL'),
                        coalesce(p_basis, 'NULL')
            USING ERRCODE = '22023', HINT = 'Exceptions are rows of acct.je_exception, by run_id, txn_id and basis.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_exception(bigint, bigint, text) IS
'Locks a posted run, which must have an exception, to the end of the transaction. Raises LE001, LE002 (not posted), 22023 (no such exception).';

CREATE FUNCTION acct._log_waiver(p_step text, p_run_id bigint, p_txn_id bigint, p_basis text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    INSERT INTO acct.run_log (run_id, step, rows, detail)
    SELECT e.run_id, p_step, 1, jsonb_build_object('txn_id', e.txn_id, 'basis', e.basis, 'reason', e.reason,
               'waive_reason', e.waive_reason, 'waived_by', e.waived_by, 'waived_at', e.waived_at, 'by', session_user)
      FROM acct.je_exception AS e WHERE e.run_id = p_run_id AND e.txn_id = p_txn_id AND e.basis = p_basis
$$;
COMMENT ON FUNCTION acct._log_waiver(text, bigint, bigint, text) IS
'Logs that an exception is waived, or that the waiver which it has is revoked.';

CREATE FUNCTION acct.waive_exception(run_id bigint, txn_id bigint, basis text, reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    most CONSTANT integer := 1000;
    found record;
BEGIN
    PERFORM acct._require_read_committed();
    IF NOT acct._says_something(waive_exception.reason) OR length(waive_exception.reason) > most THEN
        RAISE EXCEPTION 'a waiver needs a reason of 1 to % characters', most
            USING ERRCODE = '22023', HINT = 'Give the reason why the transaction needs no journal.';
    END IF;
    PERFORM acct._require_exception(waive_exception.run_id, waive_exception.txn_id, waive_exception.basis);
    SELECT e.* INTO found FROM acct.je_exception AS e
     WHERE (e.run_id, e.txn_id, e.basis) = (waive_exception.run_id, waive_exception.txn_id, waive_exception.basis);
    IF found.resolved_by_run IS NOT NULL THEN
        RAISE EXCEPTION 'the exception of transaction % was taken up again by run %', found.txn_id, found.resolved_by_run
            USING ERRCODE = 'LE002',
                  HINT = 'A transaction that failed again is an exception of that run; a run that is not posted can be discarded.';
    ELSIF found.waived_at IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM acct._commit_durably();
    UPDATE acct.je_exception AS e
       SET waived_by = session_user, waived_at = clock_timestamp(), waive_reason = waive_exception.reason
     WHERE (e.run_id, e.txn_id, e.txn_month, e.basis) = (found.run_id, found.txn_id, found.txn_month, found.basis);
    PERFORM acct._log_waiver('waive', found.run_id, found.txn_id, found.basis);
    PERFORM acct._seal_waiver('waive', found.run_id, found.txn_id, found.basis);
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.waive_exception(bigint, bigint, text, text) IS
'Settles an exception of a posted run without a journal, with a reason: it is no longer open, and reprocess_exceptions() leaves it alone. True where it was waived now, false where it was already.';

CREATE FUNCTION acct.revoke_waiver(run_id bigint, txn_id bigint, basis text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    found record;
BEGIN
    PERFORM acct._require_exception(revoke_waiver.run_id, revoke_waiver.txn_id, revoke_waiver.basis);
    SELECT e.* INTO found FROM acct.je_exception AS e
     WHERE (e.run_id, e.txn_id, e.basis) = (revoke_waiver.run_id, revoke_waiver.txn_id, revoke_waiver.basis);
    IF found.waived_at IS NULL THEN
        RETURN false;
    END IF;
    PERFORM acct._keep_source_month(found.txn_month);
    PERFORM acct._log_waiver('revoke_waiver', found.run_id, found.txn_id, found.basis);
    PERFORM acct._seal_waiver('revoke_waiver', found.run_id, found.txn_id, found.basis);
    UPDATE acct.je_exception AS e SET waived_by = NULL, waived_at = NULL, waive_reason = NULL
     WHERE (e.run_id, e.txn_id, e.txn_month, e.basis) = (found.run_id, found.txn_id, found.txn_month, found.basis);
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.revoke_waiver(bigint, bigint, text) IS
'Revokes a waiver, so that the exception is open again; run_log keeps who waived it, and why. True where it was waived, false where it was not.';

CREATE FUNCTION acct._keep_source_month(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._lock_making('txn_source_parent');
    PERFORM acct._require_source_month(p_month);
END
$$;
COMMENT ON FUNCTION acct._keep_source_month(date) IS
'Keeps a source month from being archived to the end of the transaction. Raises 55000 where it is, LE010 where it is detached.';

CREATE FUNCTION acct._ignore_conditions(p_run_id bigint) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT 'CASE' || string_agg(format(' WHEN (m.template_code, m.version, m.match_no) = (%L, %s, %s) THEN (SELECT %s FROM (SELECT l.*) AS x)',
                                       m.template_code, m.version, m.match_no, acct.check_expression(m.condition_expr, 'condition')), '')
           || ' ELSE true END'
      FROM acct.journal_run AS r
      JOIN acct.journal_template AS h ON h.basis = ANY (r.bases) AND h.basis <> ALL (acct._complete_bases(r.run_id))
      JOIN acct.journal_template_match AS m USING (template_code, version)
     WHERE r.run_id = p_run_id AND h.template_type = 'IGNORE' AND h.status IN ('approved', 'retired') AND m.condition_expr IS NOT NULL
$$;
COMMENT ON FUNCTION acct._ignore_conditions(bigint) IS
'The conditions of the rules of type IGNORE in those bases of a run that do not take every transaction, as an expression over rule m and row l; NULL where there are none.';

CREATE FUNCTION acct._ignored_rows(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    taken text;
    versions text;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    taken := CASE WHEN run.reprocess_of IS NULL
                  THEN format('acct.journal_run_batch AS t JOIN %s AS s ON s.batch_id = t.batch_id WHERE t.run_id = %s',
                              acct._source_rows(run.txn_month), p_run_id)
                  ELSE format('acct._taken_again(%s) AS t JOIN %s AS s ON s.txn_id = t.txn_id WHERE true',
                              p_run_id, acct._source_rows(run.txn_month)) END;
    -- An older version of the extension did not record by which versions the run ignored.
    versions := CASE WHEN run.basis_policy IS NULL THEN
        'SELECT t.basis, t.template_code, t.version, t.effective_from, t.approved_effective_to AS effective_to FROM acct.journal_template AS t '
        'WHERE t.template_type = ''IGNORE'' AND t.status IN (''approved'', ''retired'')'
    ELSE format('SELECT b.key AS basis, v.* FROM jsonb_each(%L) AS b, jsonb_to_recordset(b.value -> ''versions'') '
                'AS v (template_code text, version integer, effective_from date, effective_to date)', run.basis_policy) END;
    -- A basis that does not take every transaction has only those that a rule of type IGNORE fits.
    -- Conditions are computed of what is left only: those of other rows may fail.
    RETURN format(
        'WITH m AS MATERIALIZED (SELECT h.basis, h.effective_from, h.effective_to, r.* '
        '                          FROM (%s) AS h JOIN acct.journal_template_match AS r USING (template_code, version)) '
        'SELECT l.txn_id, l.txn_month, l.basis_of_run FROM (SELECT s.*, t.basis AS basis_of_run FROM %s '
        '   AND NOT EXISTS (SELECT FROM %s WHERE x.txn_id = s.txn_id AND x.basis = t.basis) '
        '   AND NOT EXISTS (SELECT FROM acct.je_exception AS e WHERE e.run_id = %s AND e.txn_id = s.txn_id '
        '                      AND e.txn_month = s.txn_month AND e.basis = t.basis) OFFSET 0) AS l '
        ' WHERE l.basis_of_run = ANY (%L) '
        '    OR EXISTS (SELECT FROM m WHERE m.basis = l.basis_of_run '
        '                  AND m.effective_from <= l.bank_value_date AND l.bank_value_date < coalesce(m.effective_to, ''infinity'') '
        '                  AND CASE WHEN coalesce(m.txn_type, l.txn_type) = l.txn_type AND coalesce(m.channel, l.channel) = l.channel '
        '                                AND coalesce(m.product_code, l.product_code) = l.product_code THEN %s END)',
        versions, taken, acct._run_rows(p_run_id, 'ledger', 'header'), p_run_id, acct._complete_bases(p_run_id),
        coalesce(acct._ignore_conditions(p_run_id), 'true'));
END
$$;
COMMENT ON FUNCTION acct._ignored_rows(bigint) IS
'The query of the transactions that a posted run ignored: those that it took, less those with a journal or an exception. In a basis that does not take every transaction, only those that a rule of type IGNORE fits.';

CREATE FUNCTION acct._list_ignored(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_nestloop = off SET jit = off
    -- Conditions are computed under the settings of expansion (expression_pin_settings).
    SET array_nulls = on SET backslash_quote = safe_encoding SET bytea_output = hex SET datestyle = 'ISO, YMD' SET intervalstyle = postgres
    SET quote_all_identifiers = off SET standard_conforming_strings = on SET timezone = 'UTC' SET timezone_abbreviations = 'Default'
    SET transform_null_equals = off AS $$
DECLARE
    wrong record;
BEGIN
    IF EXISTS (SELECT FROM acct.journal_run_ignored AS i WHERE i.run_id = p_run_id)
       OR (SELECT r.ignored FROM acct.journal_run AS r WHERE r.run_id = p_run_id) = 0 THEN
        RETURN;
    END IF;
    EXECUTE format('INSERT INTO acct.journal_run_ignored (run_id, txn_id, txn_month, basis) SELECT %s, x.* FROM (%s) AS x',
                   p_run_id, acct._ignored_rows(p_run_id));
    SELECT b.basis, c.ignored, c.listed INTO wrong
      FROM acct.journal_run AS r CROSS JOIN LATERAL unnest(r.bases) AS b (basis)
     CROSS JOIN LATERAL (SELECT coalesce((r.basis_counts #>> ARRAY[b.basis, 'ignored'])::bigint, 0) AS ignored,
                                (SELECT count(*) FROM acct.journal_run_ignored AS i
                                  WHERE i.run_id = r.run_id AND i.basis = b.basis) AS listed) AS c
     WHERE r.run_id = p_run_id AND c.ignored <> c.listed ORDER BY b.basis LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'run % ignored % transactions in basis %, but % have neither journal nor exception', p_run_id,
                        wrong.ignored, wrong.basis, wrong.listed
            USING ERRCODE = 'LE009',
                  DETAIL = CASE WHEN wrong.basis = ANY (acct._complete_bases(p_run_id)) THEN 'So it is in a basis that takes every transaction.'
                                ELSE 'So many fit a rule of type IGNORE of that basis, which does not take every transaction. Which of them it ignored cannot be told.' END,
                  HINT = CASE WHEN wrong.basis = ANY (acct._complete_bases(p_run_id))
                              THEN 'Source or ledger are not what they were: see acct.validate_run().'
                              ELSE 'Have a superuser insert those that it ignored, in all its bases, into acct.journal_run_ignored, and call this again.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION acct._list_ignored(bigint) IS
'Lists the transactions that a posted run ignored in journal_run_ignored, once. Raises LE009 where they are not as many as it counted.';

CREATE FUNCTION acct.reprocess_ignored(run_id bigint, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET jit = off AS $$
DECLARE
    old CONSTANT bigint := reprocess_ignored.run_id;
    opts CONSTANT jsonb := coalesce(reprocess_ignored.options, '{}');
    status text;
    month date;
BEGIN
    PERFORM acct._require_read_committed();
    status := acct._lock_run(old);
    IF NOT acct._is_posted(status) THEN
        PERFORM acct._wrong_state(old, status,
            CASE status WHEN 'expanded' THEN 'Post it first, or discard it and make it again.'
                        ELSE 'What a posted run ignored can be reprocessed.' END);
    END IF;
    PERFORM acct._refuse_other_kinds(old);
    PERFORM acct._require_again_options(opts);
    SELECT r.txn_month INTO month FROM acct.journal_run AS r WHERE r.run_id = old;
    PERFORM acct._require_source_month(month);
    PERFORM acct._list_ignored(old);
    PERFORM acct._keep_source_month(month);
    RETURN acct._take_again(old, 'ignored', opts);
END
$$;
COMMENT ON FUNCTION acct.reprocess_ignored(bigint, jsonb) IS
'Creates a new run, to be expanded and posted like any other, of the transactions that a template of type IGNORE took in a posted run, each for that basis only; returns its run_id. A transaction that is ignored again counts as ignored in the new run.';

\echo Use "CREATE EXTENSION ledger_engine" to load this file. \quit

-- The functions written in C. Those whose name begins with an underscore are steps of the public functions and are
-- granted to nobody.

CREATE FUNCTION acct.current_batch() RETURNS bigint
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'current_batch';
COMMENT ON FUNCTION acct.current_batch() IS
'The batch that the current transaction loads into: registers a row in acct.txn_batch at the first call of a transaction and returns the same batch_id until it ends (a batch registered in a savepoint that was rolled back is forgotten with it). The default of acct.txn_source_parent.batch_id. Declared STABLE, so that COPY keeps its multi-inserts.';

CREATE FUNCTION acct._gets_run_partition(p_transactions bigint) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'gets_run_partition';
COMMENT ON FUNCTION acct._gets_run_partition(bigint) IS
'True where a run of so many transactions gets ledger partitions of its own (ledger_engine.run_partition_min_transactions).';

CREATE FUNCTION acct._in_maintenance() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'in_maintenance';
COMMENT ON FUNCTION acct._in_maintenance() IS
'True while one of the engine''s own functions changes rows that triggers protect (ledger_engine.maintenance, which only a superuser can set).';

CREATE FUNCTION acct.check_expression(expr text, kind text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'check_expression';
COMMENT ON FUNCTION acct.check_expression(text, text) IS
'Checks a template expression against the columns of acct.txn_source_parent and returns it as the server understood it. kind is ''amount'' or ''condition''. Raises LE003, with the position in the text, where the expression is refused.';

CREATE FUNCTION acct.month_start(d date) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'month_start';
COMMENT ON FUNCTION acct.month_start(date) IS 'The first day of the month of d. May be used in expressions.';

CREATE FUNCTION acct.month_end(d date) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'month_end';
COMMENT ON FUNCTION acct.month_end(date) IS 'The last day of the month of d. May be used in expressions.';

CREATE FUNCTION acct.days_in_month(d date) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'days_in_month';
COMMENT ON FUNCTION acct.days_in_month(date) IS 'The number of days (28 to 31) of the month of d. May be used in expressions.';

CREATE FUNCTION acct.to_code(d date, format text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'to_code';
COMMENT ON FUNCTION acct.to_code(date, text) IS
'd written as a code: in format, YYYY, YY, MM, DD, Q (quarter) and DDD (day of the year) are replaced, all else is copied. Unlike to_char it is immutable, so it may be used in expressions. Example: acct.to_code(''2025-03-09'', ''YYYY-Q'') is 2025-1.';

CREATE FUNCTION acct._expand(p_run_id bigint, p_header regclass, p_line regclass,
    OUT source_partition text, OUT transactions bigint, OUT journals bigint, OUT lines bigint,
    OUT exceptions bigint, OUT ignored bigint, OUT debit numeric, OUT credit numeric, OUT elapsed_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'expand';
COMMENT ON FUNCTION acct._expand(bigint, regclass, regclass) IS
'The data path of expand_journals: reads the run''s source rows, writes journals into the two staging tables, exceptions into acct.je_exception, totals into acct.journal_run_total and acct.journal_run. A row for each source partition.';

CREATE FUNCTION acct._post(p_run_id bigint, p_header regclass, p_line regclass,
    p_months date[], p_header_partitions regclass[], p_line_partitions regclass[], p_range_partitions regclass[],
    OUT month date, OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric,
    OUT elapsed_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'post';
COMMENT ON FUNCTION acct._post(bigint, regclass, regclass, date[], regclass[], regclass[], regclass[]) IS
'The data path of post_journals: copies the run''s staging into the ledger partitions of its months (lines of the run''s own range into p_range_partitions, NULL where there are none), gives out je_number, and raises LE009 unless counts, sums and digest of the lines are those that expand recorded. A row for each ledger month.';

CREATE FUNCTION acct._digest_lines(p_query text,
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'digest_lines';
COMMENT ON FUNCTION acct._digest_lines(text) IS
'Count, sums and digest (32 hexadecimal digits) of the lines that a query returns; the query''s columns are txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit.';

CREATE FUNCTION acct._digest_table(p_table regclass,
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'digest_table';
COMMENT ON FUNCTION acct._digest_table(regclass) IS
'Count, sums and digest of all lines in a table of staging, as acct._digest_lines computes them, read by page with parallel workers.';

CREATE FUNCTION acct._flush_wal() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'flush_wal';
COMMENT ON FUNCTION acct._flush_wal() IS
'Writes to disk what the transaction has written to the write-ahead log so far, so that the commit that follows is short.';
-- install(): makes and updates the objects that the code works on.

CREATE FUNCTION acct._layout_version() RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT 2';
COMMENT ON FUNCTION acct._layout_version() IS 'The layout that this version of the code needs.';

CREATE FUNCTION acct._require_layout() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stranger record;
    installed integer;
BEGIN
    IF to_regclass('acct.engine_layout') IS NOT NULL THEN
        SELECT l.version INTO installed FROM acct.engine_layout AS l;
    END IF;
    IF installed IS DISTINCT FROM acct._layout_version() THEN
        RAISE EXCEPTION 'the layout of ledger_engine is %', CASE WHEN installed IS NULL THEN 'not installed' ELSE 'out of date' END
            USING ERRCODE = 'LE010',
                  DETAIL = format('Installed: %s, needed: %s.', coalesce(installed::text, 'none'), acct._layout_version()),
                  HINT = 'As a superuser: SELECT acct.install();';
    END IF;
    -- Functions run as their owner: a table of another owner could carry a trigger that runs as that owner too.
    SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) AS owner INTO stranger
      FROM pg_class AS c
     WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S', 'f', 'm')
       AND c.relowner <> current_user::regrole
       -- Called as the function's caller, not as its owner, there is nothing to compare with.
       AND current_user::regrole = (SELECT p.proowner FROM pg_proc AS p WHERE p.oid = 'acct.install()'::regprocedure)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table % belongs to %, the functions of ledger_engine to %', stranger.name, stranger.owner, current_user
            USING ERRCODE = 'LE010', HINT = 'Give both to one superuser, with ALTER TABLE ... OWNER TO.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_layout() IS
'Raises LE010 where the tables are not those that the code needs, or belong to another role than the calling SECURITY DEFINER function.';

CREATE FUNCTION acct._layout_stands() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard' AND e.evtenabled = 'A')
       AND to_regclass('ledger_guard.protected') IS NOT NULL
       AND to_regproc('ledger_guard.refuse_change') IS NOT NULL
       AND EXISTS (SELECT FROM pg_attrdef AS d
                     JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    WHERE d.adrelid = to_regclass('acct.txn_source_parent') AND a.attname = 'batch_id')
       AND NOT EXISTS (SELECT FROM (VALUES ('txn_source_parent', 'txn_source_taken'),
                                           ('txn_source_parent', 'txn_source_taken_truncate'),
                                           ('journal_template', 'journal_template_life'),
                                           ('journal_template_match', 'journal_template_match_life'),
                                           ('journal_template_line', 'journal_template_line_life'),
                                           ('journal_template_line', 'journal_template_line_amount'),
                                           ('journal_template', 'journal_template_audit'),
                                           ('ledger_entry_header', 'ledger_immutable'),
                                           ('ledger_entry_line', 'ledger_immutable')) AS v (tab, trig)
                        WHERE NOT EXISTS (SELECT FROM pg_trigger AS t
                                           WHERE t.tgrelid = to_regclass('acct.' || v.tab) AND t.tgname = v.trig))
$$;
COMMENT ON FUNCTION acct._layout_stands() IS
'True where nothing is missing that dropping the extension or schema ledger_guard takes along: the guard, the default that registers batches, the triggers.';

CREATE FUNCTION acct.install() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET client_min_messages = warning AS $$
DECLARE
    installed integer;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'acct.install() must be called by a superuser' USING ERRCODE = '42501';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_engine install', 0));
    IF to_regclass('acct.engine_layout') IS NOT NULL THEN
        SELECT l.version INTO installed FROM acct.engine_layout AS l;
    END IF;
    IF installed = acct._layout_version() AND acct._layout_stands() THEN
        RETURN format('layout %s was there', installed);
    ELSIF installed > acct._layout_version() THEN
        RAISE EXCEPTION 'the layout is newer than the code' USING ERRCODE = 'LE010',
            DETAIL = format('Installed: %s, needed: %s.', installed, acct._layout_version()),
            HINT = 'ALTER EXTENSION ledger_engine UPDATE;';
    END IF;
    CREATE TABLE IF NOT EXISTS acct.engine_layout (
        singleton boolean NOT NULL DEFAULT true,
        version integer NOT NULL,
        installed_by text NOT NULL DEFAULT session_user,
        installed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT engine_layout_pkey PRIMARY KEY (singleton),
        CONSTRAINT chk_singleton CHECK (singleton)
    );
    PERFORM acct._layout_guard();
    PERFORM acct._layout_source();
    PERFORM acct._layout_templates();
    PERFORM acct._layout_runs();
    PERFORM acct._layout_ledger();
    PERFORM acct._layout_views();
    PERFORM acct._layout_comments();
    INSERT INTO acct.engine_layout AS l (version) VALUES (acct._layout_version())
    ON CONFLICT (singleton) DO UPDATE
       SET version = excluded.version, installed_by = excluded.installed_by, installed_at = excluded.installed_at;
    RETURN format('layout %s installed', acct._layout_version());
END
$$;
COMMENT ON FUNCTION acct.install() IS
'Makes every table, sequence, index, trigger and view that the code works on, as ordinary objects, or brings an older layout up to date; called again it changes nothing, unless what DROP EXTENSION ... CASCADE or DROP SCHEMA ledger_guard took is missing, which it puts back. Returns a line that says which. Raises 42501 (caller is no superuser), LE010 (the layout is newer than the code).';
-- Schema ledger_guard: what must keep standing when the extension is dropped. It depends on nothing in acct.

CREATE FUNCTION acct._layout_guard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    CREATE SCHEMA IF NOT EXISTS ledger_guard;

    CREATE TABLE IF NOT EXISTS ledger_guard.protected (
        relation regclass NOT NULL,
        has_posted boolean NOT NULL DEFAULT false,
        CONSTRAINT protected_pkey PRIMARY KEY (relation)
    );

    CREATE OR REPLACE FUNCTION ledger_guard.refuse_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        lost text;
        allowed boolean;
    BEGIN
        SELECT string_agg(d.object_identity, ', ' ORDER BY d.object_identity)
          INTO lost
          FROM pg_event_trigger_dropped_objects() AS d
          JOIN ledger_guard.protected AS p ON p.relation::oid = d.objid AND d.classid = 'pg_class'::regclass
         WHERE d.objsubid = 0 AND p.has_posted;
        IF lost IS NOT NULL THEN
            -- A setting that the module has not defined can be made up by anyone: it counts for superusers only.
            allowed := coalesce(nullif(current_setting('ledger_engine.allow_drop', true), ''), 'off')::boolean
                AND (EXISTS (SELECT FROM pg_settings AS s
                              WHERE s.name = 'ledger_engine.allow_drop' AND s.context = 'superuser')
                     OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = session_user AND r.rolsuper));
            IF NOT allowed THEN
                RAISE EXCEPTION 'cannot drop tables that hold posted ledger entries'
                    USING ERRCODE = 'LE011',
                          DETAIL = 'Posted entries would be lost in: ' || lost || '.',
                          HINT = 'Archive them first. A superuser can set ledger_engine.allow_drop = on for the session.';
            END IF;
        END IF;
        DELETE FROM ledger_guard.protected AS p
         USING pg_event_trigger_dropped_objects() AS d
         WHERE p.relation::oid = d.objid AND d.classid = 'pg_class'::regclass AND d.objsubid = 0;
    END
    $body$;
    REVOKE ALL ON FUNCTION ledger_guard.refuse_drop() FROM PUBLIC;
    COMMENT ON FUNCTION ledger_guard.refuse_drop() IS
    'Event trigger function: refuses a DROP that would take posted ledger entries with it (LE011).';

    CREATE OR REPLACE FUNCTION ledger_guard.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
        RAISE EXCEPTION 'the ledger is immutable: % on % is refused', TG_OP, TG_RELID::regclass
            USING ERRCODE = 'LE007',
                  DETAIL = 'Posted entries are never changed or deleted.',
                  HINT = 'Post a correcting or reversing entry.';
    END
    $body$;
    COMMENT ON FUNCTION ledger_guard.refuse_change() IS
    'Trigger function: refuses UPDATE, DELETE and TRUNCATE on ledger tables (LE007).';

    IF NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'ledger_guard') THEN
        CREATE EVENT TRIGGER ledger_guard ON sql_drop EXECUTE FUNCTION ledger_guard.refuse_drop();
    END IF;
    ALTER EVENT TRIGGER ledger_guard ENABLE ALWAYS;
END
$layout$;
COMMENT ON FUNCTION acct._layout_guard() IS 'The part of install() that makes schema ledger_guard.';

CREATE FUNCTION acct._protect(p_relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name CONSTANT text := 'ledger_immutable';
    holds_entries boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', p_relation) INTO holds_entries;
    INSERT INTO ledger_guard.protected (relation, has_posted) VALUES (p_relation, holds_entries) ON CONFLICT DO NOTHING;
    -- Statement triggers are not inherited: each partition has its own.
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = p_relation AND t.tgname = name) THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.refuse_change()', name, p_relation);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_relation, name);
END
$$;
COMMENT ON FUNCTION acct._protect(regclass) IS
'Records a ledger table in ledger_guard.protected and gives it the triggers that refuse UPDATE, DELETE and TRUNCATE.';
-- Source transactions: the partitioned table that loads go to, and its batches.

CREATE FUNCTION acct._layout_source() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.txn_batch (
        batch_id bigint GENERATED BY DEFAULT AS IDENTITY,
        loaded_at timestamptz NOT NULL DEFAULT now(),
        loaded_by text NOT NULL DEFAULT session_user,
        source text,
        CONSTRAINT txn_batch_pkey PRIMARY KEY (batch_id)
    );

    CREATE TABLE IF NOT EXISTS acct.txn_source_parent (
        txn_id bigint NOT NULL,
        txn_month date NOT NULL,
        batch_id bigint NOT NULL DEFAULT acct.current_batch(),
        bank_value_date date NOT NULL,
        entity_code text COLLATE "C" NOT NULL DEFAULT 'MAIN',
        txn_type text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        currency text COLLATE "C" NOT NULL DEFAULT 'IDR',
        gross_amount numeric(20,4) NOT NULL,
        tabarru_amount numeric(20,4) NOT NULL DEFAULT 0,
        tanahud_amount numeric(20,4) NOT NULL DEFAULT 0,
        investment_amount numeric(20,4) NOT NULL DEFAULT 0,
        ujroh_amount numeric(20,4) NOT NULL DEFAULT 0,
        attributes jsonb,
        CONSTRAINT txn_source_pkey PRIMARY KEY (txn_id, txn_month),
        CONSTRAINT chk_takaful_balance CHECK (
            gross_amount = tabarru_amount + tanahud_amount + investment_amount + ujroh_amount
            AND gross_amount <> 'NaN' AND tabarru_amount <> 'NaN' AND tanahud_amount <> 'NaN'
            AND investment_amount <> 'NaN' AND ujroh_amount <> 'NaN'),
        CONSTRAINT chk_code_length CHECK (
            octet_length(entity_code) <= 100 AND octet_length(txn_type) <= 100 AND octet_length(product_code) <= 100
            AND octet_length(channel) <= 100 AND octet_length(currency) <= 100),
        CONSTRAINT chk_txn_month CHECK (extract(day FROM txn_month) = 1 AND isfinite(txn_month)),
        CONSTRAINT chk_bank_value_date CHECK (isfinite(bank_value_date))
    ) PARTITION BY RANGE (txn_month);
    CREATE INDEX IF NOT EXISTS txn_source_value_date_batch_idx
        ON acct.txn_source_parent USING brin (bank_value_date, batch_id);
    CREATE INDEX IF NOT EXISTS txn_source_product_channel_idx
        ON acct.txn_source_parent (product_code, channel);

    -- Dropping the extension takes the default and the triggers along: put back, on partitions too.
    ALTER TABLE acct.txn_source_parent ALTER COLUMN batch_id SET DEFAULT acct.current_batch();
    CREATE OR REPLACE TRIGGER txn_source_taken BEFORE UPDATE OR DELETE ON acct.txn_source_parent
        FOR EACH ROW EXECUTE FUNCTION acct._refuse_taken_row();
    PERFORM acct._guard_source_table(p.relid) FROM pg_partition_tree('acct.txn_source_parent') AS p;
END
$layout$;
COMMENT ON FUNCTION acct._layout_source() IS 'The part of install() that makes the source tables.';

CREATE FUNCTION acct._refuse_taken_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    taken acct.journal_run_batch;
BEGIN
    SELECT b.* INTO taken FROM acct.journal_run_batch AS b
     WHERE b.batch_id IN (OLD.batch_id, CASE WHEN TG_OP = 'UPDATE' THEN NEW.batch_id END)
       AND b.released_at IS NULL AND NOT acct._in_maintenance()
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'batch % was taken by run %: % of its rows is refused', taken.batch_id, taken.run_id, TG_OP
            USING ERRCODE = 'LE008',
                  DETAIL = format('Transaction %s of %s is in table %s.', OLD.txn_id, OLD.txn_month, TG_RELID::regclass),
                  HINT = 'Discard the run if it is not posted; else load a correcting transaction.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION acct._refuse_taken_row() IS
'Trigger function of acct.txn_source_parent: rows of a batch that a run holds refuse UPDATE and DELETE (LE008).';

CREATE FUNCTION acct._refuse_taken_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    taken bigint;
BEGIN
    IF NOT acct._in_maintenance() THEN
        EXECUTE format('SELECT b.run_id FROM (SELECT DISTINCT s.batch_id, s.txn_month FROM %s AS s) AS x '
                       'JOIN acct.journal_run_batch AS b ON (b.batch_id, b.txn_month) = (x.batch_id, x.txn_month) '
                       'WHERE b.released_at IS NULL LIMIT 1', TG_RELID::regclass) INTO taken;
    END IF;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'run % took rows of %: TRUNCATE is refused', taken, TG_RELID::regclass
            USING ERRCODE = 'LE008', HINT = 'Discard the run if it is not posted.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._refuse_taken_truncate() IS
'Trigger function of acct.txn_source_parent and its partitions: TRUNCATE is refused while a run holds rows of the month (LE008).';

CREATE FUNCTION acct._is_partition(p_name text, p_month date) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    partition regclass := to_regclass(format('acct.%I', p_name || '_' || to_char(p_month, 'YYYY_MM')));
BEGIN
    IF partition IS NULL THEN
        RETURN false;
    ELSIF NOT EXISTS (SELECT FROM pg_inherits AS i
                       WHERE i.inhrelid = partition AND NOT i.inhdetachpending
                         AND i.inhparent = format('acct.%I', CASE p_name WHEN 'txn_source' THEN 'txn_source_parent'
                                                                         ELSE p_name END)::regclass) THEN
        RAISE EXCEPTION 'table % is not a partition: it was detached', partition
            USING ERRCODE = 'LE010', HINT = 'Attach it again, or move it to another name or schema.';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._is_partition(text, date) IS
'True where the monthly partition of txn_source, ledger_entry_header or ledger_entry_line is attached, false where there is none. Raises LE010 where a table of its name is not attached.';

CREATE FUNCTION acct._guard_source_table(p_relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER txn_source_taken_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_taken_truncate()', p_relation);
END
$$;
COMMENT ON FUNCTION acct._guard_source_table(regclass) IS
'Gives a source table the statement trigger against TRUNCATE, which partitions do not inherit.';

CREATE FUNCTION acct._make_txn_source_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name text := 'txn_source_' || to_char(p_month, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock('acct.txn_source_parent'::regclass::oid::integer, 0);
    IF acct._is_partition('txn_source', p_month) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.txn_source_parent INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE acct.txn_source_parent ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    PERFORM acct._guard_source_table(format('acct.%I', name)::regclass);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name,
                   'Source transactions of ' || to_char(p_month, 'YYYY-MM') || '.');
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_txn_source_partition(date) IS
'Makes and attaches the source partition of a month; its name, or NULL where it was there already.';

CREATE FUNCTION acct.rotate_txn_source_partitions(ahead integer DEFAULT 1, start_month date DEFAULT NULL)
RETURNS TABLE (partition_name text, from_month date, to_month date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    m date;
BEGIN
    PERFORM acct._require_layout();
    FOR m IN SELECT * FROM acct._months_ahead(rotate_txn_source_partitions.start_month, rotate_txn_source_partitions.ahead) LOOP
        partition_name := acct._make_txn_source_partition(m);
        IF partition_name IS NOT NULL THEN
            from_month := m;
            to_month := (m + interval '1 month')::date;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.rotate_txn_source_partitions(integer, date) IS
'Makes the monthly partitions of acct.txn_source_parent, with their indexes, from start_month (default: the current month) to ahead months after it. A row for each partition that was made; those that exist are left alone.';

CREATE FUNCTION acct._months_ahead(p_start date, p_ahead integer) RETURNS SETOF date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_month date := coalesce(p_start, date_trunc('month', current_date)::date);
BEGIN
    PERFORM acct._require_month(first_month);
    IF p_ahead IS NULL OR p_ahead < 0 OR p_ahead > 1200 THEN
        RAISE EXCEPTION 'months ahead must be between 0 and 1200' USING ERRCODE = '22023';
    END IF;
    RETURN QUERY SELECT (first_month + make_interval(months => i))::date FROM generate_series(0, p_ahead) AS i;
END
$$;
COMMENT ON FUNCTION acct._months_ahead(date, integer) IS 'The first days of p_ahead + 1 months, from p_start (NULL: this month) on.';

CREATE FUNCTION acct._require_month(p_month date) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_month IS NULL OR NOT isfinite(p_month) OR extract(day FROM p_month) <> 1 THEN
        RAISE EXCEPTION 'not a month: %', coalesce(p_month::text, 'NULL')
            USING ERRCODE = '22023', HINT = 'A month is given as its first day, such as 2025-01-01.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_month(date) IS 'Raises 22023 unless the date is the first day of a month.';
-- The policy: funds, currencies, accounts, and templates that are drafted, submitted and approved as data.

CREATE FUNCTION acct._layout_templates() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.fund (
        fund text COLLATE "C" NOT NULL,
        name text NOT NULL,
        fund_type text NOT NULL,
        CONSTRAINT fund_pkey PRIMARY KEY (fund),
        CONSTRAINT chk_fund_length CHECK (octet_length(fund) <= 100),
        CONSTRAINT chk_fund_type
            CHECK (fund_type IN ('PARTICIPANT_RISK', 'PARTICIPANT_INVESTMENT', 'OPERATOR', 'OTHER'))
    );

    CREATE TABLE IF NOT EXISTS acct.currency (
        currency text COLLATE "C" NOT NULL,
        minor_units smallint NOT NULL DEFAULT 2,
        CONSTRAINT currency_pkey PRIMARY KEY (currency),
        CONSTRAINT chk_minor_units CHECK (minor_units BETWEEN 0 AND 4)
    );

    CREATE TABLE IF NOT EXISTS acct.chart_of_accounts (
        account_code text COLLATE "C" NOT NULL,
        description text NOT NULL,
        account_type text NOT NULL,
        fund text COLLATE "C",
        parent_account_code text COLLATE "C",
        is_postable boolean NOT NULL DEFAULT true,
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        CONSTRAINT chart_of_accounts_pkey PRIMARY KEY (account_code),
        CONSTRAINT chk_account_length CHECK (octet_length(account_code) <= 100),
        CONSTRAINT chart_of_accounts_fund_fkey FOREIGN KEY (fund) REFERENCES acct.fund,
        CONSTRAINT chart_of_accounts_parent_fkey
            FOREIGN KEY (parent_account_code) REFERENCES acct.chart_of_accounts,
        CONSTRAINT chk_account_type
            CHECK (account_type IN ('ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE')),
        CONSTRAINT chk_account_dates CHECK (effective_to > effective_from)
    );

    CREATE TABLE IF NOT EXISTS acct.accounting_basis (
        basis text COLLATE "C" NOT NULL,
        description text NOT NULL,
        every_transaction boolean NOT NULL DEFAULT false,
        CONSTRAINT accounting_basis_pkey PRIMARY KEY (basis),
        CONSTRAINT chk_basis_length CHECK (octet_length(basis) <= 100)
    );
    INSERT INTO acct.accounting_basis (basis, description, every_transaction)
    VALUES ('PRIMARY', 'The books of record: every transaction has a journal, an exception, or is ignored on purpose', true)
    ON CONFLICT DO NOTHING;

    CREATE TABLE IF NOT EXISTS acct.journal_template (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        description text,
        template_type text NOT NULL DEFAULT 'STANDARD',
        basis text COLLATE "C" NOT NULL DEFAULT 'PRIMARY',
        status text NOT NULL DEFAULT 'draft',
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        require_balanced boolean NOT NULL DEFAULT true,
        balance_by_fund boolean NOT NULL DEFAULT true,
        skip_zero_lines boolean NOT NULL DEFAULT true,
        negative_policy text NOT NULL DEFAULT 'swap',
        maker text NOT NULL DEFAULT session_user,
        made_at timestamptz NOT NULL DEFAULT now(),
        submitted_at timestamptz,
        approver text,
        approved_at timestamptz,
        CONSTRAINT journal_template_pkey PRIMARY KEY (template_code, version),
        CONSTRAINT journal_template_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_template_code_length CHECK (octet_length(template_code) <= 100),
        CONSTRAINT chk_template_version CHECK (version >= 1),
        CONSTRAINT chk_template_type CHECK (template_type IN ('STANDARD', 'IGNORE')),
        CONSTRAINT chk_template_status CHECK (status IN ('draft', 'submitted', 'approved', 'retired')),
        CONSTRAINT chk_template_dates CHECK (effective_to >= effective_from),
        CONSTRAINT chk_negative_policy CHECK (negative_policy IN ('swap', 'reject')),
        CONSTRAINT chk_template_approval
            CHECK (status IN ('draft', 'submitted') OR (approver IS NOT NULL AND approver <> maker))
    );

    CREATE TABLE IF NOT EXISTS acct.journal_template_match (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        match_no integer NOT NULL,
        txn_type text COLLATE "C",
        product_code text COLLATE "C",
        channel text COLLATE "C",
        condition_expr text,
        priority integer NOT NULL DEFAULT 100,
        CONSTRAINT journal_template_match_pkey PRIMARY KEY (template_code, version, match_no),
        CONSTRAINT journal_template_match_template_fkey
            FOREIGN KEY (template_code, version) REFERENCES acct.journal_template ON DELETE CASCADE
    );

    CREATE TABLE IF NOT EXISTS acct.journal_template_line (
        template_code text COLLATE "C" NOT NULL,
        version integer NOT NULL DEFAULT 1,
        line_no smallint NOT NULL,
        dr_cr text NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        amount_expr text,
        is_balancing boolean NOT NULL DEFAULT false,
        condition_expr text,
        memo text,
        CONSTRAINT journal_template_line_pkey PRIMARY KEY (template_code, version, line_no),
        CONSTRAINT journal_template_line_template_fkey
            FOREIGN KEY (template_code, version) REFERENCES acct.journal_template ON DELETE CASCADE,
        CONSTRAINT chk_line_no CHECK (line_no BETWEEN 1 AND 999),
        CONSTRAINT chk_dr_cr CHECK (dr_cr IN ('DR', 'CR')),
        CONSTRAINT chk_line_amount CHECK (is_balancing = (amount_expr IS NULL)),
        CONSTRAINT chk_balancing_condition CHECK (NOT (is_balancing AND condition_expr IS NOT NULL))
    );
    CREATE UNIQUE INDEX IF NOT EXISTS journal_template_line_balancing_idx
        ON acct.journal_template_line (template_code, version, fund) WHERE is_balancing;

    CREATE TABLE IF NOT EXISTS acct.product_account_map (
        map_id bigint GENERATED BY DEFAULT AS IDENTITY,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C",
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        mapped_account_code text COLLATE "C" NOT NULL,
        mapped_fund text COLLATE "C" NOT NULL,
        effective_from date NOT NULL DEFAULT '2000-01-01',
        effective_to date,
        CONSTRAINT product_account_map_pkey PRIMARY KEY (map_id),
        CONSTRAINT product_account_map_key UNIQUE NULLS NOT DISTINCT
            (product_code, channel, account_code, fund, effective_from),
        CONSTRAINT chk_map_dates CHECK (effective_to > effective_from)
    );

    CREATE TABLE IF NOT EXISTS acct.template_audit (
        audit_id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT now(),
        changed_by text NOT NULL DEFAULT session_user,
        table_name text NOT NULL,
        operation text NOT NULL,
        row_key jsonb NOT NULL,
        old_row jsonb,
        new_row jsonb,
        CONSTRAINT template_audit_pkey PRIMARY KEY (audit_id)
    );
    CREATE INDEX IF NOT EXISTS template_audit_template_idx
        ON acct.template_audit ((row_key ->> 'template_code'), (row_key ->> 'version'));

    CREATE OR REPLACE TRIGGER journal_template_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template();
    CREATE OR REPLACE TRIGGER journal_template_match_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template_match
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template_part();
    CREATE OR REPLACE TRIGGER journal_template_line_life BEFORE INSERT OR UPDATE OR DELETE ON acct.journal_template_line
        FOR EACH ROW EXECUTE FUNCTION acct._guard_template_part();
    CREATE OR REPLACE TRIGGER journal_template_line_amount BEFORE INSERT OR UPDATE ON acct.journal_template_line
        FOR EACH ROW EXECUTE FUNCTION acct._check_amount();
    FOREACH t IN ARRAY ARRAY['fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
                             'journal_template_match', 'journal_template_line', 'product_account_map'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON acct.%I '
                       'FOR EACH ROW EXECUTE FUNCTION acct._audit_template()', t || '_audit', t);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON acct.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate()', t || '_truncate', t);
    END LOOP;
    CREATE OR REPLACE TRIGGER template_audit_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON acct.template_audit
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard.refuse_change();
    ALTER TABLE acct.template_audit ENABLE ALWAYS TRIGGER template_audit_immutable;
END
$layout$;
COMMENT ON FUNCTION acct._layout_templates() IS 'The part of install() that makes the template layer.';

CREATE FUNCTION acct._refuse_template_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % is refused', TG_RELID::regclass
        USING ERRCODE = 'LE004', DETAIL = 'Each change of the template layer is kept in acct.template_audit.',
              HINT = 'Use DELETE, or retire_template().';
END
$$;
COMMENT ON FUNCTION acct._refuse_template_truncate() IS 'Trigger function: template tables refuse TRUNCATE, which no audit would see (LE004).';

CREATE FUNCTION acct._audit_template() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    row_key jsonb;
BEGIN
    IF (SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'acct.template_audit'::regclass) <> current_user::regrole THEN
        PERFORM acct._require_layout();
    END IF;
    SELECT jsonb_object_agg(a.attname, coalesce(new_row, old_row) -> a.attname::text) INTO row_key
      FROM pg_index AS i
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
     WHERE i.indrelid = TG_RELID AND i.indisprimary;
    INSERT INTO acct.template_audit (table_name, operation, row_key, old_row, new_row)
    VALUES (TG_TABLE_NAME, TG_OP, row_key, old_row, new_row);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION acct._audit_template() IS 'Trigger function: records each change of the template layer in acct.template_audit.';

CREATE FUNCTION acct._guard_template() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._in_maintenance() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'template % version % is %: % is refused', OLD.template_code, OLD.version, OLD.status, TG_OP
            USING ERRCODE = 'LE004',
                  HINT = 'Only drafts are edited: make a new version with acct.new_template_version(), or call acct.return_template() on a submitted one.';
    END IF;
    IF TG_OP <> 'DELETE' AND (NEW.status <> 'draft' OR NEW.approver IS NOT NULL OR NEW.approved_at IS NOT NULL) THEN
        RAISE EXCEPTION 'template % version % cannot be made % by hand', NEW.template_code, NEW.version, NEW.status
            USING ERRCODE = 'LE005',
                  HINT = 'Call acct.submit_template() and have a second person call acct.approve_template().';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
        RAISE EXCEPTION 'the code and version of a template cannot be changed' USING ERRCODE = 'LE004';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        NEW.maker := session_user;
        NEW.made_at := now();
        RETURN NEW;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION acct._guard_template() IS
'Trigger function: only drafts are edited (LE004), and only the functions change a status (LE005). The last editor is the maker.';

CREATE FUNCTION acct._hold_template(p_code text, p_version integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN (SELECT t.status FROM acct.journal_template AS t
             WHERE t.template_code = p_code AND t.version = p_version FOR SHARE);
END
$$;
COMMENT ON FUNCTION acct._hold_template(text, integer) IS
'The status of a template version (NULL: there is none), held to the end of the transaction: nobody submits or approves what is being edited. Runs as its owner, since an editor of lines need not have the right to lock templates.';

CREATE FUNCTION acct._guard_template_part() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    p record;
    status text;
BEGIN
    IF TG_OP = 'DELETE' THEN p := OLD; ELSE p := NEW; END IF;
    IF NOT acct._in_maintenance() THEN
        IF TG_OP = 'UPDATE' AND (NEW.template_code, NEW.version) IS DISTINCT FROM (OLD.template_code, OLD.version) THEN
            RAISE EXCEPTION 'a row cannot be moved to another template or version' USING ERRCODE = 'LE004';
        END IF;
        status := acct._hold_template(p.template_code, p.version);
        IF status <> 'draft' THEN
            RAISE EXCEPTION 'template % version % is %: % of its rows is refused',
                p.template_code, p.version, status, TG_OP
                USING ERRCODE = 'LE004', HINT = 'Make a new version with acct.new_template_version().';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.condition_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.condition_expr, 'condition');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._guard_template_part() IS
'Trigger function of match rules and lines: only those of drafts are edited (LE004), and their conditions are checked (LE003).';

CREATE FUNCTION acct._check_amount() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF NEW.amount_expr IS NOT NULL THEN
        PERFORM acct.check_expression(NEW.amount_expr, 'amount');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION acct._check_amount() IS 'Trigger function of template lines: their amounts are checked (LE003).';

CREATE FUNCTION acct.check_template(template_code text, version integer) RETURNS TABLE (problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    t record;
    l record;
    n bigint;
BEGIN
    PERFORM acct._require_layout();
    SELECT x.* INTO t FROM acct.journal_template AS x
     WHERE x.template_code = check_template.template_code AND x.version = check_template.version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', check_template.template_code, check_template.version
            USING ERRCODE = 'LE004';
    END IF;
    IF NOT EXISTS (SELECT FROM acct.journal_template_match AS m
                    WHERE m.template_code = t.template_code AND m.version = t.version) THEN
        RETURN QUERY SELECT 'it has no match rule';
    END IF;
    SELECT count(*) INTO n FROM acct.journal_template_line AS x
     WHERE x.template_code = t.template_code AND x.version = t.version;
    IF t.template_type = 'STANDARD' AND n = 0 THEN
        RETURN QUERY SELECT 'it has no line';
    ELSIF t.template_type = 'IGNORE' AND n > 0 THEN
        RETURN QUERY SELECT 'it is of type IGNORE and has lines';
    END IF;
    FOR l IN SELECT x.* FROM acct.journal_template_line AS x
              WHERE x.template_code = t.template_code AND x.version = t.version ORDER BY x.line_no LOOP
        IF NOT EXISTS (SELECT FROM acct.fund AS f WHERE f.fund = l.fund) THEN
            RETURN QUERY SELECT format('line %s: fund %s does not exist', l.line_no, l.fund);
        END IF;
        IF NOT EXISTS (SELECT FROM acct.chart_of_accounts AS a WHERE a.account_code = l.account_code)
           AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                            WHERE m.account_code = l.account_code AND m.fund = l.fund) THEN
            RETURN QUERY SELECT format('line %s: account %s does not exist', l.line_no, l.account_code);
        END IF;
        RETURN QUERY SELECT format('line %s: account %s is not postable', l.line_no, l.account_code)
                       FROM acct.chart_of_accounts AS a
                      WHERE a.account_code = l.account_code AND NOT a.is_postable
                        AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                                         WHERE m.account_code = l.account_code AND m.fund = l.fund);
        RETURN QUERY SELECT format('line %s: account %s belongs to fund %s, not %s', l.line_no, l.account_code, a.fund, l.fund)
                       FROM acct.chart_of_accounts AS a
                      WHERE a.account_code = l.account_code AND a.fund <> l.fund
                        AND NOT EXISTS (SELECT FROM acct.product_account_map AS m
                                         WHERE m.account_code = l.account_code AND m.fund = l.fund);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.check_template(text, integer) IS
'What keeps a template version from being submitted, a row for each problem; no row: nothing. Raises LE004 where there is no such version.';

CREATE FUNCTION acct._require_template_status(p_code text, p_version integer, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    SELECT t.status INTO status FROM acct.journal_template AS t
     WHERE t.template_code = p_code AND t.version = p_version FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template % version % does not exist', p_code, p_version USING ERRCODE = 'LE004';
    ELSIF status <> p_status THEN
        RAISE EXCEPTION 'template % version % is %, not %', p_code, p_version, status, p_status
            USING ERRCODE = CASE p_status WHEN 'submitted' THEN 'LE005' ELSE 'LE004' END,
                  HINT = 'The order is: draft, submit_template(), approve_template(), retire_template().';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_template_status(text, integer, text) IS
'Locks a template version; raises LE004 where it does not exist or has another status (LE005 where it should be submitted).';

CREATE FUNCTION acct.submit_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
DECLARE
    problems text;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(submit_template.template_code, submit_template.version, 'draft');
    SELECT string_agg(p.problem, '; ') INTO problems
      FROM acct.check_template(submit_template.template_code, submit_template.version) AS p;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'template % version % is not valid', submit_template.template_code, submit_template.version
            USING ERRCODE = 'LE004', DETAIL = 'Problems: ' || problems || '.';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'submitted', submitted_at = now()
     WHERE t.template_code = submit_template.template_code AND t.version = submit_template.version;
END
$$;
COMMENT ON FUNCTION acct.submit_template(text, integer) IS
'Hands a draft to its approver. Raises LE004 where the version does not exist, is no draft, or has a problem that check_template() lists.';

CREATE FUNCTION acct.return_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(return_template.template_code, return_template.version, 'submitted');
    UPDATE acct.journal_template AS t SET status = 'draft', submitted_at = NULL
     WHERE t.template_code = return_template.template_code AND t.version = return_template.version;
END
$$;
COMMENT ON FUNCTION acct.return_template(text, integer) IS
'Makes a submitted version a draft again, to be edited. Raises LE005 where it is not submitted.';

CREATE FUNCTION acct.approve_template(template_code text, version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(approve_template.template_code, approve_template.version, 'submitted');
    IF EXISTS (SELECT FROM acct.journal_template AS t
                WHERE t.template_code = approve_template.template_code AND t.version = approve_template.version
                  AND t.maker = session_user)
       OR EXISTS (SELECT FROM acct.template_audit AS a
                   WHERE a.row_key ->> 'template_code' = approve_template.template_code
                     AND a.row_key ->> 'version' = approve_template.version::text
                     AND a.changed_by = session_user
                     AND (a.operation <> 'UPDATE' OR (a.old_row ->> 'status') IS NOT DISTINCT FROM (a.new_row ->> 'status'))) THEN
        RAISE EXCEPTION '% made or edited template % version % and cannot approve it',
            session_user, approve_template.template_code, approve_template.version
            USING ERRCODE = 'LE005', HINT = 'Have a second person approve it.';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'approved', approver = session_user, approved_at = now()
     WHERE t.template_code = approve_template.template_code AND t.version = approve_template.version;
END
$$;
COMMENT ON FUNCTION acct.approve_template(text, integer) IS
'Approves a submitted version; runs use it from its effective_from on. Raises LE005 where it is not submitted, or where the caller made or edited it.';

CREATE FUNCTION acct.retire_template(template_code text, version integer, effective_to date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_template_status(retire_template.template_code, retire_template.version, 'approved');
    IF retire_template.effective_to IS NULL THEN
        RAISE EXCEPTION 'the date from which the template is retired must be given' USING ERRCODE = '22004';
    END IF;
    UPDATE acct.journal_template AS t SET status = 'retired', effective_to = retire_template.effective_to
     WHERE t.template_code = retire_template.template_code AND t.version = retire_template.version;
END
$$;
COMMENT ON FUNCTION acct.retire_template(text, integer, date) IS
'Retires an approved version from effective_to (exclusive) on; journals dated earlier still use it. Raises LE004 where it is not approved, 22004 where the date is NULL.';

CREATE FUNCTION acct.new_template_version(template_code text, effective_from date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    code CONSTANT text := new_template_version.template_code;
    last integer;
BEGIN
    PERFORM acct._require_layout();
    PERFORM FROM acct.journal_template AS t WHERE t.template_code = code FOR UPDATE;
    SELECT max(t.version) INTO last FROM acct.journal_template AS t WHERE t.template_code = code;
    IF last IS NULL THEN
        RAISE EXCEPTION 'template % does not exist', code USING ERRCODE = 'LE004';
    END IF;
    INSERT INTO acct.journal_template (template_code, version, description, template_type, basis, effective_from,
                                       require_balanced, balance_by_fund, skip_zero_lines, negative_policy)
    SELECT t.template_code, last + 1, t.description, t.template_type, t.basis, new_template_version.effective_from,
           t.require_balanced, t.balance_by_fund, t.skip_zero_lines, t.negative_policy
      FROM acct.journal_template AS t WHERE t.template_code = code AND t.version = last;
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type, product_code, channel,
                                             condition_expr, priority)
    SELECT m.template_code, last + 1, m.match_no, m.txn_type, m.product_code, m.channel, m.condition_expr, m.priority
      FROM acct.journal_template_match AS m WHERE m.template_code = code AND m.version = last;
    INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr,
                                            is_balancing, condition_expr, memo)
    SELECT l.template_code, last + 1, l.line_no, l.dr_cr, l.account_code, l.fund, l.amount_expr, l.is_balancing,
           l.condition_expr, l.memo
      FROM acct.journal_template_line AS l WHERE l.template_code = code AND l.version = last;
    RETURN last + 1;
END
$$;
COMMENT ON FUNCTION acct.new_template_version(text, date) IS
'Copies the newest version of a template, with its match rules and lines, to a new draft in effect from effective_from; returns its version. Raises LE004 where there is no such template.';
-- Runs: what is taken, expanded, validated, posted, discarded.

CREATE FUNCTION acct._layout_runs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.journal_run (
        run_id bigint GENERATED BY DEFAULT AS IDENTITY,
        run_key text,
        txn_month date NOT NULL,
        bases text[] COLLATE "C" NOT NULL,
        status text NOT NULL DEFAULT 'created',
        options jsonb NOT NULL DEFAULT '{}',
        reprocess_of bigint,
        created_by text NOT NULL DEFAULT session_user,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        expanded_by text,
        expand_started_at timestamptz,
        expanded_at timestamptz,
        posted_by text,
        post_started_at timestamptz,
        posted_at timestamptz,
        discarded_by text,
        discarded_at timestamptz,
        transactions bigint,
        journals bigint,
        lines bigint,
        exceptions bigint,
        ignored bigint,
        unbalanced_journals bigint,
        basis_counts jsonb,
        debit numeric,
        credit numeric,
        digest text,
        CONSTRAINT journal_run_pkey PRIMARY KEY (run_id),
        CONSTRAINT journal_run_reprocess_fkey FOREIGN KEY (reprocess_of) REFERENCES acct.journal_run,
        CONSTRAINT chk_run_status CHECK (status IN ('created', 'expanded', 'posted', 'discarded', 'reversed')),
        CONSTRAINT chk_run_month CHECK (extract(day FROM txn_month) = 1)
    );
    -- Since layout 2: where the run's own partitions of the ledger are.
    ALTER TABLE acct.journal_run ADD COLUMN IF NOT EXISTS je_range bigint, ADD COLUMN IF NOT EXISTS range_months date[];
    CREATE UNIQUE INDEX IF NOT EXISTS journal_run_key_idx
        ON acct.journal_run (run_key) WHERE status <> 'discarded';

    CREATE TABLE IF NOT EXISTS acct.journal_run_batch (
        run_id bigint NOT NULL,
        batch_id bigint NOT NULL,
        txn_month date NOT NULL,
        basis text COLLATE "C" NOT NULL,
        source_rows bigint NOT NULL,
        source_gross numeric NOT NULL,
        released_at timestamptz,
        CONSTRAINT journal_run_batch_pkey PRIMARY KEY (run_id, batch_id, txn_month, basis),
        CONSTRAINT journal_run_batch_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run,
        CONSTRAINT journal_run_batch_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis
    );
    CREATE UNIQUE INDEX IF NOT EXISTS journal_run_batch_live_idx
        ON acct.journal_run_batch (batch_id, txn_month, basis) WHERE released_at IS NULL;
    CREATE INDEX IF NOT EXISTS journal_run_batch_month_idx ON acct.journal_run_batch (txn_month, batch_id);

    CREATE TABLE IF NOT EXISTS acct.journal_run_total (
        run_id bigint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        je_month date NOT NULL,
        fund text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        debit numeric NOT NULL,
        credit numeric NOT NULL,
        line_count bigint NOT NULL,
        CONSTRAINT journal_run_total_pkey
            PRIMARY KEY (run_id, entity_code, basis, je_month, fund, account_code, currency),
        CONSTRAINT journal_run_total_run_fkey FOREIGN KEY (run_id) REFERENCES acct.journal_run
    );

    CREATE TABLE IF NOT EXISTS acct.je_header_staging (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        txn_month date NOT NULL,
        template_version integer NOT NULL,
        line_count integer NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        template_code text COLLATE "C" NOT NULL,
        txn_type text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        total_debit numeric(20,4) NOT NULL,
        total_credit numeric(20,4) NOT NULL,
        reversal_of bigint,
        memo text
    ) PARTITION BY LIST (run_id);

    CREATE TABLE IF NOT EXISTS acct.je_line_staging (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        line_no smallint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        debit numeric(20,4) NOT NULL,
        credit numeric(20,4) NOT NULL
    ) PARTITION BY LIST (run_id);

    -- Each value of the sequence is a block of 1000 identifiers, so that a process takes them without waiting.
    CREATE SEQUENCE IF NOT EXISTS acct.je_id_seq AS bigint INCREMENT BY 1000 START WITH 1000;
    -- Large runs have ranges of their own above those (acct._je_range): each value is one of 2^32 identifiers.
    CREATE SEQUENCE IF NOT EXISTS acct.je_range_seq AS bigint;

    CREATE TABLE IF NOT EXISTS acct.je_exception (
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        txn_month date NOT NULL,
        basis text COLLATE "C" NOT NULL,
        reason text COLLATE "C" NOT NULL,
        template_code text COLLATE "C",
        template_version integer,
        line_no smallint,
        message text NOT NULL,
        resolved_by_run bigint,
        voided_at timestamptz,
        CONSTRAINT je_exception_pkey PRIMARY KEY (run_id, txn_id, txn_month, basis)
    );

    CREATE TABLE IF NOT EXISTS acct.run_log (
        log_id bigint GENERATED ALWAYS AS IDENTITY,
        run_id bigint,
        step text NOT NULL,
        partition text,
        rows bigint,
        elapsed_ms double precision,
        detail jsonb,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT run_log_pkey PRIMARY KEY (log_id)
    );
    CREATE INDEX IF NOT EXISTS run_log_run_idx ON acct.run_log (run_id, step);
END
$layout$;
COMMENT ON FUNCTION acct._layout_runs() IS 'The part of install() that makes the run, staging and exception tables.';

CREATE FUNCTION acct._lock_run(p_run_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text;
BEGIN
    PERFORM acct._require_layout();
    SELECT r.status INTO status FROM acct.journal_run AS r WHERE r.run_id = p_run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % does not exist', coalesce(p_run_id::text, 'NULL')
            USING ERRCODE = 'LE001', HINT = 'Runs are made by acct.create_run().';
    END IF;
    RETURN status;
END
$$;
COMMENT ON FUNCTION acct._lock_run(bigint) IS
'Locks a run to the end of the transaction, so that one session at a time works on it, and returns its status. Raises LE001 where it does not exist.';

CREATE FUNCTION acct._wrong_state(p_run_id bigint, p_status text, p_hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'run % is %', p_run_id, p_status USING ERRCODE = 'LE002', HINT = p_hint;
END
$$;
COMMENT ON FUNCTION acct._wrong_state(bigint, text, text) IS 'Raises LE002: the run is in the wrong state for the step.';

CREATE FUNCTION acct._run_bases(p_options jsonb) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    unknown text;
    bases text[];
BEGIN
    IF jsonb_typeof(p_options) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = '22023';
    END IF;
    SELECT string_agg(k, ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(p_options) AS k WHERE k <> 'basis';
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown option: %', unknown USING ERRCODE = '22023', HINT = 'The options of a run are: basis.';
    END IF;
    IF NOT p_options ? 'basis' THEN
        SELECT array_agg(b.basis ORDER BY b.basis) INTO bases FROM acct.accounting_basis AS b;
    ELSIF jsonb_typeof(p_options -> 'basis') = 'array' THEN
        SELECT array_agg(DISTINCT e COLLATE "C" ORDER BY e COLLATE "C") INTO bases
          FROM jsonb_array_elements_text(p_options -> 'basis') AS e;
    ELSE
        bases := ARRAY[p_options ->> 'basis'];
    END IF;
    SELECT string_agg(coalesce(b, 'NULL'), ', ') INTO unknown FROM unnest(bases) AS b
     WHERE NOT EXISTS (SELECT FROM acct.accounting_basis AS a WHERE a.basis = b);
    IF bases IS NULL OR unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown accounting basis: %', coalesce(unknown, 'none given')
            USING ERRCODE = '22023', HINT = 'Bases are rows of acct.accounting_basis.';
    END IF;
    RETURN bases;
END
$$;
COMMENT ON FUNCTION acct._run_bases(jsonb) IS 'The accounting bases that a run''s options ask for, sorted. Raises 22023 on an unknown option or basis.';

CREATE FUNCTION acct._summarize_source(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM brin_summarize_new_values(i.indexrelid)
       FROM pg_partition_tree(to_regclass(format('acct.%I', 'txn_source_' || to_char(p_month, 'YYYY_MM')))) AS t
       JOIN pg_index AS i ON i.indrelid = t.relid
       JOIN pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_am AS m ON m.oid = c.relam
      WHERE t.isleaf AND m.amname = 'brin';
END
$$;
COMMENT ON FUNCTION acct._summarize_source(date) IS
'Has the BRIN indexes of a month''s source know the rows that were loaded lately, so that a batch is found without reading the month.';

CREATE FUNCTION acct._source_rows(p_month date) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce((SELECT i.inhrelid::regclass::text FROM pg_inherits AS i
                      WHERE i.inhparent = 'acct.txn_source_parent'::regclass AND NOT i.inhdetachpending
                        AND i.inhrelid = to_regclass(format('acct.%I', 'txn_source_' || to_char(p_month, 'YYYY_MM')))),
                    format('(SELECT * FROM acct.txn_source_parent WHERE txn_month = %L)', p_month))
$$;
COMMENT ON FUNCTION acct._source_rows(date) IS
'The FROM item that gives a month''s source rows: its partition, without a condition on the month that the planner could mistake for a selective one.';

CREATE FUNCTION acct._claim_batches(p_run_id bigint, p_month date, p_bases text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    candidates bigint[];
    claimed bigint;
BEGIN
    -- One claim at a time for a month; the unique index is the last word.
    PERFORM pg_advisory_xact_lock('acct.journal_run_batch'::regclass::oid::integer, p_month - '2000-01-01'::date);
    SELECT array_agg(b.batch_id) INTO candidates FROM acct.txn_batch AS b
     WHERE (SELECT count(*) FROM acct.journal_run_batch AS c
             WHERE c.batch_id = b.batch_id AND c.txn_month = p_month AND c.released_at IS NULL
               AND c.basis = ANY (p_bases)) < cardinality(p_bases);
    IF candidates IS NULL THEN
        RETURN 0;
    END IF;
    -- What others took needs not be read again.
    IF EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE c.txn_month = p_month) THEN
        PERFORM acct._summarize_source(p_month);
        PERFORM set_config('enable_seqscan', 'off', true);
    END IF;
    EXECUTE format($q$
        INSERT INTO acct.journal_run_batch (run_id, batch_id, txn_month, basis, source_rows, source_gross)
        SELECT $1, x.batch_id, $2, b.basis, x.source_rows, x.source_gross
          FROM (SELECT s.batch_id, count(*) AS source_rows, sum(s.gross_amount) AS source_gross
                  FROM %s AS s WHERE s.batch_id = ANY ($3) GROUP BY s.batch_id) AS x
         CROSS JOIN unnest($4) AS b (basis)
         WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS c
                            WHERE c.batch_id = x.batch_id AND c.txn_month = $2 AND c.basis = b.basis
                              AND c.released_at IS NULL)$q$, acct._source_rows(p_month))
      USING p_run_id, p_month, candidates, p_bases;
    GET DIAGNOSTICS claimed = ROW_COUNT;
    RETURN claimed;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'a batch of % was taken by another run', p_month USING ERRCODE = 'LE008';
END
$$;
COMMENT ON FUNCTION acct._claim_batches(bigint, date, text[]) IS
'Claims for a run the registered batches of a month that no live run holds, with the count and the gross sum of their rows; the number of claims. Raises LE008 where another run took one meanwhile.';

CREATE FUNCTION acct.create_run(txn_month date, run_key text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
DECLARE
    month CONSTANT date := create_run.txn_month;
    key CONSTANT text := create_run.run_key;
    opts CONSTANT jsonb := coalesce(create_run.options, '{}');
    run_bases text[];
    run record;
    id bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(month);
    run_bases := acct._run_bases(opts);
    INSERT INTO acct.journal_run AS r (run_key, txn_month, bases, options)
    VALUES (key, month, run_bases, opts)
    ON CONFLICT (run_key) WHERE status <> 'discarded' DO NOTHING
    RETURNING r.run_id INTO id;
    IF id IS NULL THEN
        SELECT r.* INTO run FROM acct.journal_run AS r
         WHERE r.run_key = key AND r.status <> 'discarded' FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'run "%" was discarded by another session meanwhile', key
                USING ERRCODE = 'LE002', HINT = 'Call acct.create_run() again.';
        ELSIF run.txn_month <> month OR run.bases <> run_bases OR run.options - 'basis' <> opts - 'basis' THEN
            RAISE EXCEPTION 'run "%" was made with other arguments', key
                USING ERRCODE = 'LE002',
                      DETAIL = format('Run %s is for %s with options %s.', run.run_id, run.txn_month, run.options),
                      HINT = 'Use another run_key.';
        END IF;
        IF run.status <> 'created'
           OR EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.run_id = run.run_id) THEN
            RETURN run.run_id;
        END IF;
        id := run.run_id;
        run_bases := run.bases;
    END IF;
    PERFORM acct._claim_batches(id, month, run_bases);
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.create_run(date, text, jsonb) IS
'Makes a run for a month (its first day) and claims for it the registered batches that no live run holds; returns its run_id. The same run_key gives the same run; with other arguments LE002. Where there was nothing to take the run is stored empty, and calling again may take some until it is expanded. Options: {"basis": "PRIMARY"} or a list of bases (default: all). An unknown option or basis, or a date that is no month, is 22023.';

CREATE FUNCTION acct._drop_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '2s'
    SET client_min_messages = warning AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['je_line_staging', 'je_header_staging'] LOOP
        FOR attempt IN 1 .. 10 LOOP
            BEGIN
                EXECUTE format('DROP TABLE IF EXISTS acct.%I', rel || '_' || p_run_id);
                EXIT;
            EXCEPTION WHEN lock_not_available THEN
                IF attempt = 10 THEN
                    RAISE;
                END IF;
            END;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._drop_staging(bigint) IS
'Drops a run''s staging partitions, waiting at most two seconds at a time for the lock, ten times.';

CREATE FUNCTION acct._make_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rel text;
BEGIN
    PERFORM acct._drop_staging(p_run_id);
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('CREATE UNLOGGED TABLE acct.%I (LIKE acct.%I INCLUDING ALL, '
                       'CONSTRAINT staging_run CHECK (run_id = %s) NO INHERIT)',
                       rel || '_' || p_run_id, rel, p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._make_staging(bigint) IS
'Makes a run''s staging tables, UNLOGGED and not yet attached; their CHECK spares the scan when they are.';

CREATE FUNCTION acct._attach_staging(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['je_header_staging', 'je_line_staging'] LOOP
        EXECUTE format('ALTER TABLE acct.%I ATTACH PARTITION acct.%I FOR VALUES IN (%s)',
                       rel, rel || '_' || p_run_id, p_run_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._attach_staging(bigint) IS 'Attaches a run''s filled staging tables to their parents.';

CREATE FUNCTION acct._staging_lost(p_run_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    header regclass := to_regclass(format('acct.%I', 'je_header_staging_' || p_run_id));
    line regclass := to_regclass(format('acct.%I', 'je_line_staging_' || p_run_id));
BEGIN
    -- After a crash the server resets unlogged tables to empty ones.
    RETURN header IS NULL OR line IS NULL
        OR EXISTS (SELECT FROM acct.journal_run AS r
                    WHERE r.run_id = p_run_id
                      AND (r.journals > 0 AND pg_relation_size(header) = 0
                           OR r.lines > 0 AND pg_relation_size(line) = 0));
END
$$;
COMMENT ON FUNCTION acct._staging_lost(bigint) IS
'True where the staging of an expanded run is gone or, after a crash of the server, empty.';

CREATE FUNCTION acct._require_staging(p_run_id bigint, p_status text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_status = 'expanded' AND acct._staging_lost(p_run_id) THEN
        PERFORM acct._wrong_state(p_run_id, 'expanded, but its staging was lost in a crash',
                                  'Call acct.expand_journals() again.');
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_staging(bigint, text) IS
'Raises LE002 where a run has the status expanded and its staging was lost in a crash.';

CREATE FUNCTION acct._je_range(p_range bigint, OUT from_je_id bigint, OUT to_je_id bigint)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (1::bigint << 42) + (p_range << 32), (1::bigint << 42) + ((p_range + 1) << 32)
$$;
COMMENT ON FUNCTION acct._je_range(bigint) IS
'The identifiers (to_je_id exclusive) of a range of acct.je_range_seq; those below 2^42 come from acct.je_id_seq. As in src/je_id.h.';

CREATE FUNCTION acct._take_je_range(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run_transactions bigint;
BEGIN
    SELECT coalesce((SELECT sum(b.source_rows)
                       FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c
                              WHERE c.run_id = p_run_id) AS b), 0)
           + (SELECT count(*) FROM acct.je_exception AS e WHERE e.resolved_by_run = p_run_id)
      INTO run_transactions;
    UPDATE acct.journal_run AS r
       SET je_range = CASE WHEN acct._gets_run_partition(run_transactions) THEN nextval('acct.je_range_seq') END
     WHERE r.run_id = p_run_id;
END
$$;
COMMENT ON FUNCTION acct._take_je_range(bigint) IS
'Gives a run of at least ledger_engine.run_partition_min_transactions transactions a range of je_id of its own, so that its lines get ledger partitions of their own.';

CREATE FUNCTION acct.expand_journals(run_id bigint)
RETURNS TABLE (source_partition text, transactions bigint, journals bigint, lines bigint, exceptions bigint,
               ignored bigint, debit numeric, credit numeric, elapsed_ms double precision, already_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := expand_journals.run_id;
    status text := acct._lock_run(id);
    finished boolean := false;
BEGIN
    IF status = 'discarded' THEN
        PERFORM acct._wrong_state(id, status, 'Make a new run with acct.create_run().');
    ELSIF status IN ('posted', 'reversed') OR status = 'expanded' AND NOT acct._staging_lost(id) THEN
        finished := true;
    ELSE
        DELETE FROM acct.je_exception AS e WHERE e.run_id = id;
        DELETE FROM acct.journal_run_total AS t WHERE t.run_id = id;
        DELETE FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'expand';
        UPDATE acct.journal_run AS r SET expand_started_at = clock_timestamp() WHERE r.run_id = id;
        PERFORM acct._make_staging(id);
        PERFORM acct._take_je_range(id);
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail)
        SELECT id, 'expand', x.source_partition, x.transactions, x.elapsed_ms,
               jsonb_build_object('journals', x.journals, 'lines', x.lines, 'exceptions', x.exceptions,
                                  'ignored', x.ignored, 'debit', x.debit, 'credit', x.credit)
          FROM acct._expand(id, format('acct.%I', 'je_header_staging_' || id)::regclass,
                                format('acct.%I', 'je_line_staging_' || id)::regclass) AS x;
        PERFORM acct._attach_staging(id);
        UPDATE acct.journal_run AS r
           SET status = 'expanded', expanded_at = clock_timestamp(), expanded_by = session_user
         WHERE r.run_id = id;
    END IF;
    RETURN QUERY
    SELECT g.partition, g.rows, (g.detail ->> 'journals')::bigint, (g.detail ->> 'lines')::bigint,
           (g.detail ->> 'exceptions')::bigint, (g.detail ->> 'ignored')::bigint,
           (g.detail ->> 'debit')::numeric, (g.detail ->> 'credit')::numeric, g.elapsed_ms, finished
      FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'expand' ORDER BY g.log_id;
END
$$;
COMMENT ON FUNCTION acct.expand_journals(bigint) IS
'Expands the transactions that a run took into journals in staging, sets aside those that cannot be journalled in acct.je_exception, and records the run''s counts, totals and digest. A row for each source partition: counts, sums, milliseconds. Called again it returns the stored result with already_done = true; where a crash of the server emptied the staging it expands afresh. Raises LE001 (no such run), LE002 (discarded), LE004 (an approved template no longer compiles), LE012.';

CREATE FUNCTION acct._run_rows(p_run_id bigint, p_source text, p_part text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    from_month date;
    to_month date;
    own_range bigint;
BEGIN
    IF p_source = 'staging' THEN
        RETURN format('acct.%I', 'je_' || p_part || '_staging_' || p_run_id);
    ELSIF p_source IS DISTINCT FROM 'ledger' THEN
        RAISE EXCEPTION 'unknown source of lines: %', p_source
            USING ERRCODE = '22023', HINT = 'It is staging or ledger.';
    END IF;
    SELECT min(t.je_month), max(t.je_month) + interval '1 month' INTO from_month, to_month
      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    SELECT r.je_range INTO own_range FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    -- Partitions of other runs' ranges are left out of the plan.
    RETURN format('(SELECT * FROM acct.%I WHERE run_id = %s AND je_date >= %L AND je_date < %L AND (je_id < %s%s)) AS x',
                  'ledger_entry_' || p_part, p_run_id, coalesce(from_month, '-infinity'), coalesce(to_month, '-infinity'),
                  (acct._je_range(0)).from_je_id,
                  (SELECT format(' OR je_id >= %s AND je_id < %s', g.from_je_id, g.to_je_id)
                     FROM acct._je_range(own_range) AS g WHERE own_range IS NOT NULL));
END
$$;
COMMENT ON FUNCTION acct._run_rows(bigint, text, text) IS
'The FROM item that gives a run''s rows; p_source is staging or ledger, p_part is header or line.';

CREATE FUNCTION acct._run_digest(p_run_id bigint, p_source text,
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF p_source = 'staging' THEN
        SELECT d.* INTO lines, debit, credit, digest
          FROM acct._digest_table(acct._run_rows(p_run_id, p_source, 'line')::regclass) AS d;
        RETURN;
    END IF;
    SELECT d.* INTO lines, debit, credit, digest
      FROM acct._digest_lines('SELECT txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, '
                              'product_code, channel, debit, credit FROM '
                              || acct._run_rows(p_run_id, p_source, 'line')) AS d;
END
$$;
COMMENT ON FUNCTION acct._run_digest(bigint, text) IS 'Count, sums and digest of a run''s lines, read from staging or ledger.';

CREATE FUNCTION acct.run_digest(run_id bigint, source text DEFAULT 'ledger') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    status text := acct._lock_run(run_digest.run_id);
BEGIN
    IF run_digest.source = 'staging' AND (status NOT IN ('expanded', 'posted') OR acct._staging_lost(run_digest.run_id)) THEN
        PERFORM acct._wrong_state(run_digest.run_id, status, 'It has no staging: call acct.expand_journals().');
    END IF;
    RETURN (SELECT d.digest FROM acct._run_digest(run_digest.run_id, run_digest.source) AS d);
END
$$;
COMMENT ON FUNCTION acct.run_digest(bigint, text) IS
'The digest of a run''s lines computed afresh from source (ledger or staging): 32 hexadecimal digits, a sum mod 2^128 of hashes of txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit and credit of each line, so independent of their order, of je_id and of run_id. Equal to journal_run.digest unless lines were changed. Raises LE001, LE002 (no staging).';

CREATE FUNCTION acct._is_small_run(p_run_id bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT coalesce(sum(b.source_rows), 0) < 50000
      FROM (SELECT DISTINCT c.batch_id, c.source_rows FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id) AS b
$$;
COMMENT ON FUNCTION acct._is_small_run(bigint) IS
'True where a run took so few transactions that they are better found by index than by reading the month.';

CREATE FUNCTION acct._unregistered_rows(p_month date) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on
    SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    most_gaps CONSTANT integer := 50;
    gaps text[];
    found bigint;
BEGIN
    -- Batches are numbered one after the other: what is not registered lies in a gap, where the BRIN index looks.
    SELECT array_agg(format('(%s)', concat_ws(' AND ', 'true', 's.batch_id > ' || g.batch_id, 's.batch_id < ' || g.next_id))) INTO gaps
      FROM (SELECT b.batch_id, lead(b.batch_id) OVER (ORDER BY b.batch_id NULLS FIRST) AS next_id
              FROM (SELECT t.batch_id FROM acct.txn_batch AS t UNION ALL SELECT NULL) AS b) AS g
     WHERE g.batch_id IS NULL OR g.next_id IS NULL OR g.next_id - 1 > g.batch_id;
    IF cardinality(gaps) <= most_gaps THEN
        PERFORM set_config('enable_seqscan', 'off', true);
        EXECUTE format('SELECT count(*) FROM %s AS s WHERE %s', acct._source_rows(p_month), array_to_string(gaps, ' OR '))
           INTO found;
    ELSE
        SELECT count(*) INTO found FROM acct.txn_source_parent AS s
         WHERE s.txn_month = p_month
           AND NOT EXISTS (SELECT FROM acct.txn_batch AS b WHERE b.batch_id = s.batch_id);
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION acct._unregistered_rows(date) IS 'The number of a month''s source rows whose batch_id is no registered batch.';

CREATE FUNCTION acct._claimed_rows(p_run_id bigint, OUT rows bigint, OUT gross numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp SET enable_seqscan = on AS $$
DECLARE
    workers CONSTANT text := current_setting('max_parallel_workers_per_gather');
BEGIN
    IF acct._is_small_run(p_run_id) THEN
        PERFORM set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true);
    END IF;
    EXECUTE format('SELECT count(*), coalesce(sum(s.gross_amount), 0) FROM %s AS s WHERE s.batch_id = ANY ($1)',
                   (SELECT acct._source_rows(r.txn_month) FROM acct.journal_run AS r WHERE r.run_id = p_run_id))
       INTO rows, gross
      USING ARRAY(SELECT DISTINCT c.batch_id FROM acct.journal_run_batch AS c WHERE c.run_id = p_run_id);
    PERFORM set_config('max_parallel_workers_per_gather', workers, true);
END
$$;
COMMENT ON FUNCTION acct._claimed_rows(bigint) IS 'Count and gross sum of the source rows of the batches that a run took, as they are now.';

CREATE FUNCTION acct._check_source(p_run_id bigint) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    every_basis text[];
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    SELECT coalesce(array_agg(b.basis), '{}') INTO every_basis FROM acct.accounting_basis AS b
     WHERE b.every_transaction AND b.basis = ANY (run.bases);
    IF run.reprocess_of IS NULL THEN
        RETURN QUERY
        SELECT 'batches_unchanged', format('%s rows, gross %s', coalesce(sum(c.source_rows), 0), coalesce(sum(c.source_gross), 0)),
               (SELECT format('%s rows, gross %s', x.rows, x.gross) FROM acct._claimed_rows(p_run_id) AS x)
          FROM (SELECT DISTINCT b.batch_id, b.source_rows, b.source_gross
                  FROM acct.journal_run_batch AS b WHERE b.run_id = p_run_id) AS c;
        RETURN QUERY
        SELECT 'batches_registered', '0 rows', format('%s rows', acct._unregistered_rows(run.txn_month));
    END IF;
    RETURN QUERY
    SELECT 'counts_close:' || b,
           format('%s transactions', CASE
               WHEN run.reprocess_of IS NULL THEN
                   (SELECT coalesce(sum(c.source_rows), 0) FROM acct.journal_run_batch AS c
                     WHERE c.run_id = p_run_id AND c.basis = b)
               ELSE (SELECT count(*) FROM acct.je_exception AS e WHERE e.resolved_by_run = p_run_id AND e.basis = b) END),
           format('%s transactions', coalesce((run.basis_counts #>> ARRAY[b, 'journals'])::bigint
                                              + (run.basis_counts #>> ARRAY[b, 'exceptions'])::bigint
                                              + (run.basis_counts #>> ARRAY[b, 'ignored'])::bigint, 0))
      FROM unnest(every_basis) AS b ORDER BY b;
END
$$;
COMMENT ON FUNCTION acct._check_source(bigint) IS
'The checks of validate_run that compare a run with its source: claimed batches are as they were, no row of the month has an unregistered batch, and each transaction of the run is journalled, an exception, or ignored.';

CREATE FUNCTION acct._check_journals(p_run_id bigint, p_source text) RETURNS TABLE (check_name text, expected text, actual text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    run acct.journal_run;
    header_journals bigint;
    header_lines bigint;
    header_debit numeric;
    header_credit numeric;
BEGIN
    SELECT r.* INTO run FROM acct.journal_run AS r WHERE r.run_id = p_run_id;
    EXECUTE 'SELECT count(*) AS journals, coalesce(sum(line_count), 0) AS lines, coalesce(sum(total_debit), 0) AS debit, '
            'coalesce(sum(total_credit), 0) AS credit FROM ' || acct._run_rows(p_run_id, p_source, 'header')
       INTO header_journals, header_lines, header_debit, header_credit;
    RETURN QUERY
    SELECT c.*
      FROM acct._run_digest(p_run_id, p_source) AS line,
           LATERAL (VALUES
               ('header_count', run.journals::text, header_journals::text),
               ('header_line_count', run.lines::text, header_lines::text),
               ('header_debit', trim_scale(run.debit)::text, trim_scale(header_debit)::text),
               ('header_credit', trim_scale(run.credit)::text, trim_scale(header_credit)::text),
               ('line_count', run.lines::text, line.lines::text),
               ('line_debit', trim_scale(run.debit)::text, trim_scale(line.debit)::text),
               ('line_credit', trim_scale(run.credit)::text, trim_scale(line.credit)::text),
               ('line_digest', run.digest, line.digest)) AS c;
    RETURN QUERY
    SELECT 'totals_by_account',
           format('%s lines, debit %s, credit %s', run.lines, trim_scale(run.debit), trim_scale(run.credit)),
           format('%s lines, debit %s, credit %s', coalesce(sum(t.line_count), 0),
                  trim_scale(coalesce(sum(t.debit), 0)), trim_scale(coalesce(sum(t.credit), 0)))
      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id;
    RETURN QUERY
    SELECT 'debit_equals_credit:' || t.entity_code || ':' || t.basis || ':' || t.currency,
           CASE WHEN run.unbalanced_journals = 0 THEN trim_scale(sum(t.debit))::text
                ELSE trim_scale(sum(t.credit))::text END,
           trim_scale(sum(t.credit))::text
      FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id
     GROUP BY t.entity_code, t.basis, t.currency ORDER BY 1;
END
$$;
COMMENT ON FUNCTION acct._check_journals(bigint, text) IS
'The checks of validate_run that compare a run''s headers and lines, read from staging or ledger, with what expand recorded.';

CREATE FUNCTION acct.validate_run(run_id bigint)
RETURNS TABLE (check_name text, passed boolean, expected text, actual text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := validate_run.run_id;
    status text := acct._lock_run(id);
    started CONSTANT timestamptz := clock_timestamp();
    checks bigint := 0;
    failed text[] := ARRAY[]::text[];
BEGIN
    IF status NOT IN ('expanded', 'posted', 'reversed') THEN
        PERFORM acct._wrong_state(id, status, 'Call acct.expand_journals() first.');
    END IF;
    PERFORM acct._require_staging(id, status);
    FOR check_name, expected, actual IN
        SELECT c.* FROM acct._check_source(id) AS c
        UNION ALL
        SELECT c.* FROM acct._check_journals(id, CASE status WHEN 'expanded' THEN 'staging' ELSE 'ledger' END) AS c
        UNION ALL
        SELECT 'periods_open', '', coalesce(string_agg(DISTINCT format('%s/%s/%s', p.entity_code, p.basis, p.period_month), ' '), '')
          FROM acct.journal_run_total AS t
          JOIN acct.accounting_period AS p
            ON (p.entity_code, p.basis, p.period_month) = (t.entity_code, t.basis, t.je_month) AND NOT p.is_open
         WHERE t.run_id = id AND status = 'expanded'
    LOOP
        passed := expected IS NOT DISTINCT FROM actual;
        checks := checks + 1;
        IF NOT passed THEN
            failed := failed || check_name;
        END IF;
        RETURN NEXT;
    END LOOP;
    INSERT INTO acct.run_log (run_id, step, rows, elapsed_ms, detail)
    VALUES (id, 'validate', checks, extract(epoch FROM clock_timestamp() - started) * 1000,
            jsonb_build_object('failed', to_jsonb(failed)));
END
$$;
COMMENT ON FUNCTION acct.validate_run(bigint) IS
'Checks an expanded run against its source and its staging, a posted one against the ledger: a row for each check, with what was expected and what was found. post_journals needs them all. Raises LE001, LE002 (not expanded, or staging lost).';

CREATE FUNCTION acct.discard_run(run_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := discard_run.run_id;
    status text := acct._lock_run(id);
BEGIN
    IF status = 'discarded' THEN
        RETURN false;
    ELSIF status IN ('posted', 'reversed') THEN
        PERFORM acct._wrong_state(id, status, 'Posted entries are corrected by new entries.');
    END IF;
    PERFORM acct._drop_staging(id);
    UPDATE acct.journal_run_batch AS b SET released_at = clock_timestamp() WHERE b.run_id = id;
    UPDATE acct.je_exception AS e SET voided_at = clock_timestamp() WHERE e.run_id = id;
    UPDATE acct.je_exception AS e SET resolved_by_run = NULL WHERE e.resolved_by_run = id;
    UPDATE acct.journal_run AS r
       SET status = 'discarded', discarded_at = clock_timestamp(), discarded_by = session_user
     WHERE r.run_id = id;
    INSERT INTO acct.run_log (run_id, step) VALUES (id, 'discard');
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct.discard_run(bigint) IS
'Discards a run that is not posted: drops its staging, releases its claims, voids its exceptions, and gives back those that it reprocessed. True where it was discarded now, false where it was already. Raises LE001, LE002 (posted).';

CREATE FUNCTION acct.reprocess_exceptions(run_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    old CONSTANT bigint := reprocess_exceptions.run_id;
    status text := acct._lock_run(old);
    id bigint;
BEGIN
    IF status <> 'posted' THEN
        PERFORM acct._wrong_state(old, status,
            CASE status WHEN 'expanded' THEN 'Post it first, or discard it and make it again.'
                        ELSE 'Exceptions of a posted run can be reprocessed.' END);
    END IF;
    INSERT INTO acct.journal_run AS n (txn_month, bases, reprocess_of)
    SELECT r.txn_month, r.bases, old FROM acct.journal_run AS r WHERE r.run_id = old
    RETURNING n.run_id INTO id;
    UPDATE acct.je_exception AS e SET resolved_by_run = id
     WHERE e.run_id = old AND e.resolved_by_run IS NULL AND e.voided_at IS NULL;
    RETURN id;
END
$$;
COMMENT ON FUNCTION acct.reprocess_exceptions(bigint) IS
'Makes a new run, to be expanded and posted like any other, of the transactions of a posted run that are still quarantined, each for its exception''s basis only, and marks them resolved_by_run; returns its run_id. What fails again is an exception of the new run. Raises LE001, LE002 (not posted).';
-- The ledger: monthly partitions, posting, periods.

CREATE FUNCTION acct._layout_ledger() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    CREATE TABLE IF NOT EXISTS acct.ledger_entry_header (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        txn_month date NOT NULL,
        template_version integer NOT NULL,
        line_count integer NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        template_code text COLLATE "C" NOT NULL,
        txn_type text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        policy_no text COLLATE "C",
        total_debit numeric(20,4) NOT NULL,
        total_credit numeric(20,4) NOT NULL,
        reversal_of bigint,
        memo text,
        je_number text COLLATE "C" NOT NULL,
        posted_at timestamptz NOT NULL,
        CONSTRAINT ledger_entry_header_pkey PRIMARY KEY (je_id, je_number, je_date)
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_header_date_idx ON acct.ledger_entry_header USING brin (je_date);

    CREATE TABLE IF NOT EXISTS acct.ledger_entry_line (
        je_id bigint NOT NULL,
        run_id bigint NOT NULL,
        txn_id bigint NOT NULL,
        je_date date NOT NULL,
        line_no smallint NOT NULL,
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        fund text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        product_code text COLLATE "C" NOT NULL,
        channel text COLLATE "C" NOT NULL,
        debit numeric(20,4) NOT NULL,
        credit numeric(20,4) NOT NULL,
        CONSTRAINT ledger_entry_line_pkey PRIMARY KEY (je_id, line_no, je_date),
        CONSTRAINT chk_one_side CHECK (debit >= 0 AND credit >= 0 AND (debit = 0 OR credit = 0))
    ) PARTITION BY RANGE (je_date);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_account_idx ON acct.ledger_entry_line (account_code, fund);
    CREATE INDEX IF NOT EXISTS ledger_entry_line_date_idx ON acct.ledger_entry_line USING brin (je_date);

    CREATE TABLE IF NOT EXISTS acct.account_balance_snapshot (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        snapshot_month date NOT NULL,
        fund text COLLATE "C" NOT NULL,
        account_code text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL,
        opening_balance numeric NOT NULL,
        period_debit numeric NOT NULL,
        period_credit numeric NOT NULL,
        closing_balance numeric NOT NULL,
        line_count bigint NOT NULL,
        last_run_id bigint,
        CONSTRAINT account_balance_snapshot_pkey
            PRIMARY KEY (entity_code, basis, snapshot_month, fund, account_code, currency),
        CONSTRAINT chk_closing_balance CHECK (closing_balance = opening_balance + period_debit - period_credit)
    );

    CREATE TABLE IF NOT EXISTS acct.accounting_period (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date NOT NULL,
        is_open boolean NOT NULL,
        changed_by text NOT NULL DEFAULT session_user,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT accounting_period_pkey PRIMARY KEY (entity_code, basis, period_month),
        CONSTRAINT accounting_period_basis_fkey FOREIGN KEY (basis) REFERENCES acct.accounting_basis,
        CONSTRAINT chk_period_month CHECK (extract(day FROM period_month) = 1)
    );

    -- A book is what is posted to, closed and recomputed under one lock: its row.
    CREATE TABLE IF NOT EXISTS acct.ledger_book (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        CONSTRAINT ledger_book_pkey PRIMARY KEY (entity_code, basis)
    );

    CREATE TABLE IF NOT EXISTS acct.journal_number (
        entity_code text COLLATE "C" NOT NULL,
        basis text COLLATE "C" NOT NULL,
        period_month date NOT NULL,
        last_number bigint NOT NULL,
        CONSTRAINT journal_number_pkey PRIMARY KEY (entity_code, basis, period_month),
        CONSTRAINT chk_last_number CHECK (last_number BETWEEN 0 AND 999999999)
    );

    FOREACH t IN ARRAY ARRAY['ledger_entry_header', 'ledger_entry_line'] LOOP
        PERFORM acct._protect(p.relid) FROM pg_partition_tree(format('acct.%I', t)::regclass) AS p;
    END LOOP;
END
$layout$;
COMMENT ON FUNCTION acct._layout_ledger() IS 'The part of install() that makes the ledger, its snapshot and its periods.';

CREATE FUNCTION acct._make_header_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name CONSTANT text := 'ledger_entry_header_' || to_char(p_month, 'YYYY_MM');
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.ledger_entry_header INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE acct.%I ADD CONSTRAINT %I UNIQUE (entity_code, basis, je_number)',
                   name, name || '_number_key');
    PERFORM acct._protect(format('acct.%I', name)::regclass);
    EXECUTE format('ALTER TABLE acct.ledger_entry_header ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journals of ' || to_char(p_month, 'YYYY-MM') || '.');
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_header_partition(date) IS 'Makes and attaches the partition of a month''s journals; its name.';

CREATE FUNCTION acct._make_range_partition(p_parent text, p_name text, p_from text, p_to text, p_comment text) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.%I INCLUDING ALL)', p_name, p_parent);
    PERFORM acct._protect(format('acct.%I', p_name)::regclass);
    EXECUTE format('ALTER TABLE acct.%I ATTACH PARTITION acct.%I FOR VALUES FROM (%s) TO (%s)', p_parent, p_name, p_from, p_to);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', p_name, p_comment);
    RETURN format('acct.%I', p_name)::regclass;
END
$$;
COMMENT ON FUNCTION acct._make_range_partition(text, text, text, text, text) IS
'Makes a partition of a month''s lines for a range of je_id, empty, and attaches it.';

CREATE FUNCTION acct._make_line_partition(p_month date) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    name CONSTANT text := 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM');
BEGIN
    EXECUTE format('CREATE TABLE acct.%I (LIKE acct.ledger_entry_line INCLUDING ALL) PARTITION BY RANGE (je_id)', name);
    PERFORM acct._protect(format('acct.%I', name)::regclass);
    EXECUTE format('COMMENT ON TABLE acct.%I IS %L', name, 'Journal lines of ' || to_char(p_month, 'YYYY-MM') || '.');
    PERFORM acct._make_range_partition(name, name || '_rest', 'MINVALUE', (acct._je_range(0)).from_je_id::text,
                'Journal lines of ' || to_char(p_month, 'YYYY-MM') || ' of runs without partitions of their own.');
    EXECUTE format('ALTER TABLE acct.ledger_entry_line ATTACH PARTITION acct.%I FOR VALUES FROM (%L) TO (%L)',
                   name, p_month, (p_month + interval '1 month')::date);
    RETURN name;
END
$$;
COMMENT ON FUNCTION acct._make_line_partition(date) IS
'Makes and attaches the partition of a month''s lines, partitioned by je_id, with its partition for small runs; its name.';

CREATE FUNCTION acct._make_ledger_partition(p_month date) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    IF acct._is_partition('ledger_entry_header', p_month) AND acct._is_partition('ledger_entry_line', p_month) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock('acct.ledger_entry_header'::regclass::oid::integer, 0);
    IF NOT acct._is_partition('ledger_entry_header', p_month) THEN
        RETURN NEXT acct._make_header_partition(p_month);
    END IF;
    IF NOT acct._is_partition('ledger_entry_line', p_month) THEN
        RETURN NEXT acct._make_line_partition(p_month);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._make_ledger_partition(date) IS
'Makes and attaches the ledger partitions of a month, with their indexes and their guard; the names of those that were made.';

CREATE FUNCTION acct._line_partition(p_month date) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT CASE c.relkind WHEN 'p' THEN format('acct.%I', c.relname || '_rest')::regclass ELSE c.oid::regclass END
      FROM pg_class AS c WHERE c.oid = format('acct.%I', 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM'))::regclass
$$;
COMMENT ON FUNCTION acct._line_partition(date) IS
'Where a month''s lines of small runs go: its partition for them, or the month itself where it is not partitioned.';

CREATE FUNCTION acct._make_run_partition(p_run_id bigint, p_month date) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    month CONSTANT text := 'ledger_entry_line_' || to_char(p_month, 'YYYY_MM');
    bounds record;
BEGIN
    SELECT g.from_je_id, g.to_je_id INTO bounds
      FROM acct.journal_run AS r, acct._je_range(r.je_range) AS g
     WHERE r.run_id = p_run_id AND p_month = ANY (r.range_months);
    IF NOT FOUND OR (SELECT c.relkind FROM pg_class AS c WHERE c.oid = format('acct.%I', month)::regclass) <> 'p' THEN
        RETURN NULL;
    END IF;
    -- Before the weaker lock of LIKE, so that two that post to the month do not wait for each other.
    EXECUTE format('LOCK TABLE ONLY acct.%I IN SHARE UPDATE EXCLUSIVE MODE', month);
    RETURN acct._make_range_partition(month, month || '_run_' || p_run_id, bounds.from_je_id::text, bounds.to_je_id::text,
               format('Journal lines of %s of run %s.', to_char(p_month, 'YYYY-MM'), p_run_id));
END
$$;
COMMENT ON FUNCTION acct._make_run_partition(bigint, date) IS
'Makes and attaches the partition of a month for a run''s own lines; NULL where it has none there.';

CREATE FUNCTION acct.rotate_ledger_partitions(ahead integer DEFAULT 1, start_month date DEFAULT NULL)
RETURNS TABLE (partition_name text, from_month date, to_month date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    m date;
BEGIN
    PERFORM acct._require_layout();
    FOR m IN SELECT * FROM acct._months_ahead(rotate_ledger_partitions.start_month, rotate_ledger_partitions.ahead) LOOP
        FOR partition_name IN SELECT * FROM acct._make_ledger_partition(m) LOOP
            from_month := m;
            to_month := (m + interval '1 month')::date;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.rotate_ledger_partitions(integer, date) IS
'Makes the monthly partitions of the ledger''s two tables, with their indexes, from start_month (default: the current month) to ahead months after it. A row for each partition that was made. Posting makes a month that is missing by itself.';

CREATE FUNCTION acct._lock_books(p_entities text[], p_bases text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    book record;
BEGIN
    FOR book IN SELECT DISTINCT b.entity_code COLLATE "C" AS entity_code, b.basis COLLATE "C" AS basis
                  FROM unnest(p_entities, p_bases) AS b (entity_code, basis) ORDER BY 1, 2 LOOP
        INSERT INTO acct.ledger_book (entity_code, basis) VALUES (book.entity_code, book.basis) ON CONFLICT DO NOTHING;
        PERFORM FROM acct.ledger_book AS b
          WHERE b.entity_code = book.entity_code AND b.basis = book.basis FOR UPDATE;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct._lock_books(text[], text[]) IS
'Locks the books (entity, basis) in key order to the end of the transaction.';

CREATE FUNCTION acct._require_open_periods(p_run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    closed text;
BEGIN
    SELECT string_agg(DISTINCT format('%s %s %s', p.entity_code, p.basis, to_char(p.period_month, 'YYYY-MM')), ', ') INTO closed
      FROM acct.journal_run_total AS t
      JOIN acct.accounting_period AS p
        ON (p.entity_code, p.basis, p.period_month) = (t.entity_code, t.basis, t.je_month) AND NOT p.is_open
     WHERE t.run_id = p_run_id;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'run % has journals in a closed period', p_run_id
            USING ERRCODE = 'LE006', DETAIL = 'Closed: ' || closed || '.',
                  HINT = 'Reopen the period, or discard the run and expand again: its transactions of closed periods become exceptions.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_open_periods(bigint) IS 'Raises LE006 where a run has journals in a closed period.';

CREATE FUNCTION acct._keep_planners_out(p_partitions regclass[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    tries CONSTANT integer := 100;
    parent regclass;
BEGIN
    PERFORM acct._flush_wal();
    -- The parents that others see: those that this transaction did not make.
    FOR parent IN SELECT DISTINCT i.inhparent::regclass FROM pg_inherits AS i
                   WHERE i.inhrelid = ANY (p_partitions) AND NOT i.inhparent = ANY (p_partitions) ORDER BY 1 LOOP
        FOR attempt IN 1 .. tries LOOP
            BEGIN
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', parent);
                EXIT;
            EXCEPTION WHEN lock_not_available THEN
                IF attempt = tries THEN
                    RETURN false;
                END IF;
                PERFORM pg_sleep(0.05);
            END;
        END LOOP;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._keep_planners_out(regclass[]) IS
'The last step of a transaction that made ledger partitions: locks their parents until it ends, for a query that was planned without a partition and takes its snapshot after the commit would see the journals of a run and not its lines. Waits for readers 50 ms at a time, so that others do not queue behind it longer, for ten seconds at most; false where a reader stayed longer.';

CREATE FUNCTION acct.post_journals(run_id bigint)
RETURNS TABLE (ledger_partition text, journals bigint, lines bigint, debit numeric, credit numeric,
               elapsed_ms double precision, already_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    id CONSTANT bigint := post_journals.run_id;
    status text := acct._lock_run(id);
    finished boolean := status IN ('posted', 'reversed');
    months date[];
    header_partitions regclass[];
    line_partitions regclass[];
    range_partitions regclass[];
    made regclass[];
    failed text;
BEGIN
    IF NOT finished THEN
        IF status <> 'expanded' THEN
            PERFORM acct._wrong_state(id, status, 'Call acct.expand_journals() first.');
        END IF;
        PERFORM acct._require_staging(id, status);
        UPDATE acct.journal_run AS r SET post_started_at = clock_timestamp() WHERE r.run_id = id;
        PERFORM acct._lock_books(array_agg(b.entity_code), array_agg(b.basis))
           FROM (SELECT DISTINCT t.entity_code, t.basis FROM acct.journal_run_total AS t WHERE t.run_id = id) AS b;
        PERFORM acct._require_open_periods(id);
        -- What compares staging with expand's record, _post does for itself on the rows that it writes.
        SELECT string_agg(format('%s (expected %s, found %s)', c.check_name, c.expected, c.actual), '; ') INTO failed
          FROM acct._check_source(id) AS c WHERE c.expected IS DISTINCT FROM c.actual;
        IF failed IS NOT NULL THEN
            RAISE EXCEPTION 'run % does not pass its checks', id
                USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.',
                      HINT = 'See acct.validate_run(). Discard the run and make it again once the source is right.';
        END IF;
        SELECT array_agg(m.je_month ORDER BY m.je_month) INTO months
          FROM (SELECT DISTINCT t.je_month FROM acct.journal_run_total AS t WHERE t.run_id = id) AS m;
        months := coalesce(months, '{}');
        SELECT array_agg(format('acct.%I', p.name)::regclass) INTO made
          FROM unnest(months) AS m, acct._make_ledger_partition(m) AS p (name);
        SELECT coalesce(array_agg(format('acct.%I', 'ledger_entry_header_' || to_char(m, 'YYYY_MM'))::regclass ORDER BY m), '{}'),
               coalesce(array_agg(acct._line_partition(m) ORDER BY m), '{}'),
               coalesce(array_agg(acct._make_run_partition(id, m) ORDER BY m), '{}')
          INTO header_partitions, line_partitions, range_partitions FROM unnest(months) AS m;
        INSERT INTO acct.run_log (run_id, step, partition, rows, elapsed_ms, detail)
        SELECT id, 'post', 'ledger_entry_line_' || to_char(x.month, 'YYYY_MM'), x.lines, x.elapsed_ms,
               jsonb_build_object('journals', x.journals, 'debit', x.debit, 'credit', x.credit)
          FROM acct._post(id, format('acct.%I', 'je_header_staging_' || id)::regclass,
                              format('acct.%I', 'je_line_staging_' || id)::regclass,
                          months, header_partitions, line_partitions, range_partitions) AS x;
        PERFORM acct._move_snapshot(id);
        UPDATE ledger_guard.protected AS p SET has_posted = true
         WHERE p.relation IN (SELECT a.relid FROM unnest(header_partitions || line_partitions || range_partitions) AS x,
                                                  pg_partition_ancestors(x) AS a)
           AND NOT p.has_posted;
        UPDATE acct.journal_run AS r SET status = 'posted', posted_at = clock_timestamp(), posted_by = session_user
         WHERE r.run_id = id;
        IF NOT acct._keep_planners_out(made || range_partitions) THEN
            RAISE WARNING 'run % was posted beside a reader of its month that did not end', id
                USING DETAIL = 'A query that is being planned at this moment may see the journals of the run without their lines.';
        END IF;
    END IF;
    RETURN QUERY
    SELECT g.partition, (g.detail ->> 'journals')::bigint, g.rows, (g.detail ->> 'debit')::numeric,
           (g.detail ->> 'credit')::numeric, g.elapsed_ms, finished
      FROM acct.run_log AS g WHERE g.run_id = id AND g.step = 'post' ORDER BY g.partition;
END
$$;
COMMENT ON FUNCTION acct.post_journals(bigint) IS
'Posts an expanded run to the ledger, all of it or nothing: copies staging into the monthly partitions (made where missing), gives each journal its je_number without gaps within (entity, basis, month), and moves the balance snapshot forward. A row for each ledger month. Called again it returns the stored result with already_done = true. Raises LE001, LE002 (not expanded, or staging lost in a crash), LE006 (a period was closed), LE009 (source or staging are not what expand recorded), LE012.';

CREATE FUNCTION acct._set_period(p_entity text, p_basis text, p_month date, p_open boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    was_open boolean;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    IF p_entity IS NULL OR NOT EXISTS (SELECT FROM acct.accounting_basis AS b WHERE b.basis = p_basis) THEN
        RAISE EXCEPTION 'no such book: entity %, basis %', coalesce(p_entity, 'NULL'), coalesce(p_basis, 'NULL')
            USING ERRCODE = '22023', HINT = 'Bases are rows of acct.accounting_basis.';
    END IF;
    PERFORM acct._lock_books(ARRAY[p_entity], ARRAY[p_basis]);
    SELECT p.is_open INTO was_open FROM acct.accounting_period AS p
     WHERE p.entity_code = p_entity AND p.basis = p_basis AND p.period_month = p_month;
    IF coalesce(was_open, true) = p_open THEN
        RETURN false;
    END IF;
    INSERT INTO acct.accounting_period AS p (entity_code, basis, period_month, is_open)
    VALUES (p_entity, p_basis, p_month, p_open)
    ON CONFLICT (entity_code, basis, period_month) DO UPDATE
       SET is_open = excluded.is_open, changed_by = excluded.changed_by, changed_at = excluded.changed_at;
    RETURN true;
END
$$;
COMMENT ON FUNCTION acct._set_period(text, text, date, boolean) IS 'Opens or closes a period under the lock of its book; true where that changed it.';

CREATE FUNCTION acct.close_period(entity text, basis text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._set_period(close_period.entity, close_period.basis, close_period.month, false);
END
$$;
COMMENT ON FUNCTION acct.close_period(text, text, date) IS
'Closes a month of a book (entity, basis), after any posting under way: later expansions quarantine its transactions (PERIOD_CLOSED), and posting into it is LE006. True where it was open.';

CREATE FUNCTION acct.reopen_period(entity text, basis text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._set_period(reopen_period.entity, reopen_period.basis, reopen_period.month, true);
END
$$;
COMMENT ON FUNCTION acct.reopen_period(text, text, date) IS 'Opens a month of a book (entity, basis) that was closed. True where it was closed.';
-- Balances: the snapshot that posting keeps, its recomputation, and the trial balance.

CREATE FUNCTION acct._write_snapshot(p_run_id bigint, p_from date) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    WITH run_month AS (
        -- What a run adds, or (p_run_id NULL) what the lines say from p_from on.
        SELECT t.entity_code, t.basis, t.je_month AS month, t.fund, t.account_code, t.currency,
               t.debit, t.credit, t.line_count, t.run_id
          FROM acct.journal_run_total AS t WHERE t.run_id = p_run_id
        UNION ALL
        SELECT l.entity_code, l.basis, date_trunc('month', l.je_date::timestamp)::date, l.fund, l.account_code, l.currency,
               sum(l.debit), sum(l.credit), count(*), max(l.run_id)
          FROM acct.ledger_entry_line AS l
         WHERE p_run_id IS NULL AND l.je_date >= p_from
         GROUP BY 1, 2, 3, 4, 5, 6),
    last_month AS (
        SELECT b.entity_code, b.basis,
               (SELECT max(s.snapshot_month) FROM acct.account_balance_snapshot AS s
                 WHERE s.entity_code = b.entity_code AND s.basis = b.basis) AS month
          FROM acct.ledger_book AS b
         WHERE p_run_id IS NULL
            OR EXISTS (SELECT FROM acct.journal_run_total AS t
                        WHERE t.run_id = p_run_id AND t.entity_code = b.entity_code AND t.basis = b.basis)),
    book AS (
        SELECT l.entity_code, l.basis,
               CASE WHEN p_run_id IS NULL THEN p_from
                    ELSE least(min(r.month), (l.month + interval '1 month')::date) END AS from_month,
               CASE WHEN p_run_id IS NULL THEN coalesce(max(r.month), l.month)
                    ELSE greatest(max(r.month), l.month) END AS to_month
          FROM last_month AS l
          LEFT JOIN run_month AS r ON r.entity_code = l.entity_code AND r.basis = l.basis
         GROUP BY l.entity_code, l.basis, l.month),
    opening AS (
        SELECT s.entity_code, s.basis, s.fund, s.account_code, s.currency, s.closing_balance AS opening_balance
          FROM book AS b
          JOIN acct.account_balance_snapshot AS s
            ON s.entity_code = b.entity_code AND s.basis = b.basis
           AND s.snapshot_month = (b.from_month - interval '1 month')::date),
    period AS (
        SELECT p.entity_code, p.basis, p.month, p.fund, p.account_code, p.currency,
               sum(p.debit) AS debit, sum(p.credit) AS credit, sum(p.line_count)::bigint AS line_count, max(p.run_id) AS run_id
          FROM (SELECT * FROM run_month
                UNION ALL
                SELECT s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency,
                       s.period_debit, s.period_credit, s.line_count, s.last_run_id
                  FROM book AS b
                  JOIN acct.account_balance_snapshot AS s
                    ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month >= b.from_month
                 WHERE p_run_id IS NOT NULL) AS p
         GROUP BY 1, 2, 3, 4, 5, 6),
    account AS (
        SELECT entity_code, basis, fund, account_code, currency FROM opening
        UNION
        SELECT entity_code, basis, fund, account_code, currency FROM period),
    month AS (
        SELECT b.entity_code, b.basis, m::date AS month
          FROM book AS b, generate_series(b.from_month::timestamp, b.to_month::timestamp, interval '1 month') AS m),
    moved AS (
        SELECT a.*, m.month, coalesce(p.debit, 0) AS debit, coalesce(p.credit, 0) AS credit,
               coalesce(p.line_count, 0) AS line_count, p.run_id,
               coalesce(o.opening_balance, 0)
               + sum(coalesce(p.debit, 0) - coalesce(p.credit, 0))
                 OVER (PARTITION BY a.entity_code, a.basis, a.fund, a.account_code, a.currency ORDER BY m.month) AS closing
          FROM account AS a
          JOIN month AS m USING (entity_code, basis)
          LEFT JOIN opening AS o USING (entity_code, basis, fund, account_code, currency)
          LEFT JOIN period AS p USING (entity_code, basis, month, fund, account_code, currency)),
    fresh AS MATERIALIZED (
        SELECT m.*, m.closing - m.debit + m.credit AS opening FROM moved AS m
         WHERE m.line_count > 0 OR m.closing - m.debit + m.credit <> 0),
    gone AS (
        DELETE FROM acct.account_balance_snapshot AS s USING book AS b
         WHERE s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month >= b.from_month
           AND NOT EXISTS (SELECT FROM fresh AS f
                            WHERE (f.entity_code, f.basis, f.month, f.fund, f.account_code, f.currency)
                                = (s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency))
        RETURNING 1),
    written AS (
        INSERT INTO acct.account_balance_snapshot AS s
               (entity_code, basis, snapshot_month, fund, account_code, currency, opening_balance, period_debit,
                period_credit, closing_balance, line_count, last_run_id)
        SELECT f.entity_code, f.basis, f.month, f.fund, f.account_code, f.currency, f.opening, f.debit,
               f.credit, f.closing, f.line_count, f.run_id
          FROM fresh AS f
        ON CONFLICT (entity_code, basis, snapshot_month, fund, account_code, currency) DO UPDATE
           SET opening_balance = excluded.opening_balance, period_debit = excluded.period_debit,
               period_credit = excluded.period_credit, closing_balance = excluded.closing_balance,
               line_count = excluded.line_count, last_run_id = excluded.last_run_id
         WHERE (s.opening_balance, s.period_debit, s.period_credit, s.closing_balance, s.line_count, s.last_run_id)
               IS DISTINCT FROM
               (excluded.opening_balance, excluded.period_debit, excluded.period_credit, excluded.closing_balance,
                excluded.line_count, excluded.last_run_id)
        RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written) INTO changed;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION acct._write_snapshot(bigint, date) IS
'Rewrites the snapshot of each book concerned, from the first month that changes to its last: of a run''s totals added to what stands, or (p_run_id NULL) of the ledger''s lines from p_from on. An account has a row in a month where it had lines or an opening balance. Returns the number of rows that changed.';

CREATE FUNCTION acct._move_snapshot(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    RETURN acct._write_snapshot(p_run_id, NULL);
END
$$;
COMMENT ON FUNCTION acct._move_snapshot(bigint) IS 'Moves the snapshot forward by the totals of a run that is being posted.';

CREATE FUNCTION acct.update_balance_snapshot(month date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started CONSTANT timestamptz := clock_timestamp();
    oldest date;
    changed bigint;
BEGIN
    PERFORM acct._require_layout();
    IF update_balance_snapshot.month IS NOT NULL THEN
        PERFORM acct._require_month(update_balance_snapshot.month);
    END IF;
    PERFORM acct._lock_books(array_agg(b.entity_code), array_agg(b.basis)) FROM acct.ledger_book AS b;
    SELECT min(to_date(right(c.relname, 7), 'YYYY_MM')) INTO oldest
      FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'acct.ledger_entry_line'::regclass;
    changed := acct._write_snapshot(NULL, greatest(oldest, update_balance_snapshot.month));
    INSERT INTO acct.run_log (step, rows, elapsed_ms)
    VALUES ('snapshot', changed, extract(epoch FROM clock_timestamp() - started) * 1000);
    RETURN changed;
END
$$;
COMMENT ON FUNCTION acct.update_balance_snapshot(date) IS
'Recomputes acct.account_balance_snapshot from the ledger''s lines, from the given month on (default: the oldest month that the ledger holds; its opening balances are those that the month before it closed with). Returns the number of rows that were wrong, 0 where posting kept it right. Raises 22023 where the date is no month.';

CREATE FUNCTION acct._trial_balance(p_month date, p_fund text, p_basis text, p_entity text)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_month(p_month);
    RETURN QUERY
    SELECT s.entity_code, s.fund, s.account_code, a.description, a.account_type, s.currency,
           CASE WHEN s.snapshot_month = p_month THEN s.opening_balance ELSE s.closing_balance END,
           CASE WHEN s.snapshot_month = p_month THEN s.period_debit ELSE 0 END,
           CASE WHEN s.snapshot_month = p_month THEN s.period_credit ELSE 0 END,
           s.closing_balance
      FROM acct.ledger_book AS b
     CROSS JOIN LATERAL (SELECT max(x.snapshot_month) AS month FROM acct.account_balance_snapshot AS x
                          WHERE x.entity_code = b.entity_code AND x.basis = b.basis AND x.snapshot_month <= p_month) AS m
      JOIN acct.account_balance_snapshot AS s
        ON s.entity_code = b.entity_code AND s.basis = b.basis AND s.snapshot_month = m.month
      LEFT JOIN acct.chart_of_accounts AS a ON a.account_code = s.account_code
     WHERE b.basis = p_basis
       AND (p_entity IS NULL OR b.entity_code = p_entity)
       AND (p_fund IS NULL OR s.fund = p_fund)
       AND (s.snapshot_month = p_month OR s.closing_balance <> 0)
     ORDER BY s.entity_code, s.fund, s.account_code, s.currency;
END
$$;
COMMENT ON FUNCTION acct._trial_balance(date, text, text, text) IS 'The work of trial_balance().';

CREATE FUNCTION acct.trial_balance(month date, fund text DEFAULT NULL, basis text DEFAULT 'PRIMARY', entity text DEFAULT NULL)
RETURNS TABLE (entity_code text, fund text, account_code text, description text, account_type text, currency text,
               opening_balance numeric, period_debit numeric, period_credit numeric, closing_balance numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT t.* FROM acct._trial_balance($1, $2, $3, $4) AS t
$$;
COMMENT ON FUNCTION acct.trial_balance(date, text, text, text) IS
'The trial balance of a month (its first day) for a basis, from the snapshot: a row for each entity, fund, account and currency with lines in the month or a balance before it. Balances are debit positive. fund and entity narrow it; NULL is all. A month after the last one posted shows its closing balances. Raises 22023 where the date is no month.';
-- A month from source to ledger in one call.

CREATE FUNCTION acct._require_valid_run(p_run_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    checks bigint;
    failed text;
BEGIN
    SELECT count(*), string_agg(format('%s (expected %s, found %s)', v.check_name, v.expected, v.actual), '; ')
                     FILTER (WHERE NOT v.passed)
      INTO checks, failed FROM acct.validate_run(p_run_id) AS v;
    IF failed IS NOT NULL THEN
        PERFORM acct._require_open_periods(p_run_id);
        RAISE EXCEPTION 'run % does not pass its checks', p_run_id
            USING ERRCODE = 'LE009', DETAIL = 'Failed: ' || failed || '.', HINT = 'See acct.validate_run().';
    END IF;
    RETURN checks;
END
$$;
COMMENT ON FUNCTION acct._require_valid_run(bigint) IS 'Runs validate_run; the number of its checks, or LE009 with those that failed.';

CREATE FUNCTION acct._month_step(p_step text, p_run_id bigint, OUT rows bigint, OUT detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    CASE p_step
        WHEN 'expand' THEN
            SELECT coalesce(sum(e.transactions), 0),
                   format('%s journals, %s lines, %s exceptions, %s ignored', coalesce(sum(e.journals), 0),
                          coalesce(sum(e.lines), 0), coalesce(sum(e.exceptions), 0), coalesce(sum(e.ignored), 0))
              INTO rows, detail FROM acct.expand_journals(p_run_id) AS e;
        WHEN 'validate' THEN
            rows := acct._require_valid_run(p_run_id);
            detail := 'all checks passed';
        WHEN 'post' THEN
            SELECT coalesce(sum(p.lines), 0),
                   format('%s journals, debit %s, credit %s', coalesce(sum(p.journals), 0),
                          coalesce(sum(p.debit), 0), coalesce(sum(p.credit), 0))
              INTO rows, detail FROM acct.post_journals(p_run_id) AS p;
    END CASE;
END
$$;
COMMENT ON FUNCTION acct._month_step(text, bigint) IS 'One step (expand, validate, post) of a month: rows worked on and a line about them.';

CREATE FUNCTION acct.run_month(txn_month date, run_key text DEFAULT NULL)
RETURNS TABLE (step text, rows bigint, elapsed_ms double precision, detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    started timestamptz := clock_timestamp();
    id bigint;
BEGIN
    step := 'create';
    id := acct.create_run(run_month.txn_month, run_month.run_key);
    SELECT count(DISTINCT b.batch_id), format('run %s', id) INTO rows, detail
      FROM acct.journal_run_batch AS b WHERE b.run_id = id;
    elapsed_ms := extract(epoch FROM clock_timestamp() - started) * 1000;
    RETURN NEXT;
    FOREACH step IN ARRAY ARRAY['expand', 'validate', 'post'] LOOP
        started := clock_timestamp();
        SELECT s.rows, s.detail INTO rows, detail FROM acct._month_step(step, id) AS s;
        elapsed_ms := extract(epoch FROM clock_timestamp() - started) * 1000;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION acct.run_month(date, text) IS
'Creates, expands, validates and posts a run of a month in the caller''s transaction and process: a row for each step with its rows (batches, transactions, checks, lines) and milliseconds. With the run_key of a posted run it does nothing again. Raises what the steps raise; LE006 where a period was closed meanwhile, LE009 where another check fails.';

CREATE PROCEDURE acct.process_month(txn_month date, run_key text DEFAULT NULL, INOUT run_id bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    checks record;
BEGIN
    run_id := acct.create_run(process_month.txn_month, process_month.run_key);
    COMMIT;
    PERFORM FROM acct.expand_journals(run_id);
    COMMIT;
    SELECT pg_catalog.string_agg(v.check_name, ', ') AS failed,
           pg_catalog.bool_or(v.check_name <> 'periods_open') AS stop INTO checks
      FROM acct.validate_run(run_id) AS v WHERE NOT v.passed;
    COMMIT;
    -- A closed period alone is for post_journals to refuse (LE006).
    IF checks.stop THEN
        RAISE EXCEPTION 'run % does not pass its checks', run_id
            USING ERRCODE = 'LE009', DETAIL = pg_catalog.concat('Failed: ', checks.failed, '.'),
                  HINT = 'See acct.validate_run(). The run stays expanded.';
    END IF;
    PERFORM FROM acct.post_journals(run_id);
    COMMIT;
END
$$;
COMMENT ON PROCEDURE acct.process_month(date, text, bigint) IS
'Creates, expands, validates and posts a run of a month with a COMMIT after each step; returns its run_id. Called again with the same run_key it goes on where it stopped. Cannot be called in a transaction block. Raises what the steps raise; LE006 where a period was closed meanwhile, LE009 where another check fails.';
-- Further columns that a site wants on its journals: portfolio, cohort, ...

CREATE FUNCTION acct._engine_columns() RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(ARRAY['txn_id', 'txn_month', 'batch_id', 'bank_value_date', 'entity_code', 'txn_type', 'product_code',
        'channel', 'policy_no', 'currency', 'gross_amount', 'tabarru_amount', 'tanahud_amount', 'investment_amount',
        'ujroh_amount', 'attributes', 'je_id', 'je_number', 'je_date', 'run_id', 'basis', 'template_code',
        'template_version', 'total_debit', 'total_credit', 'line_count', 'reversal_of', 'memo', 'posted_at', 'line_no',
        'account_code', 'fund', 'debit', 'credit'])
$$;
COMMENT ON FUNCTION acct._engine_columns() IS 'Names that no dimension may have: those of the engine''s own columns.';

CREATE FUNCTION acct.add_dimension(name text, type regtype, on_lines boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    rel text;
BEGIN
    PERFORM acct._require_layout();
    IF add_dimension.name IS NULL OR add_dimension.name !~ '^[a-z_][a-z0-9_]{0,62}$' THEN
        RAISE EXCEPTION 'not a name for a dimension: %', coalesce(add_dimension.name, 'NULL')
            USING ERRCODE = '42602', HINT = 'A name has lower-case letters, digits and underscores.';
    END IF;
    IF add_dimension.type IS NULL OR add_dimension.on_lines IS NULL THEN
        RAISE EXCEPTION 'a dimension has a type and is or is not on lines' USING ERRCODE = '22004';
    ELSIF add_dimension.type::oid >= 16384 THEN
        -- A domain's CHECK would run as the owner of this function.
        RAISE EXCEPTION 'a dimension''s type must be built in' USING ERRCODE = '42501';
    ELSIF EXISTS (SELECT FROM acct._engine_columns() AS c WHERE c = add_dimension.name) THEN
        RAISE EXCEPTION 'column % is the engine''s own', add_dimension.name USING ERRCODE = '42701';
    END IF;
    FOREACH rel IN ARRAY ARRAY['txn_source_parent', 'je_header_staging', 'ledger_entry_header']
                         || CASE WHEN add_dimension.on_lines THEN ARRAY['je_line_staging', 'ledger_entry_line'] ELSE '{}' END LOOP
        EXECUTE format('ALTER TABLE acct.%I ADD COLUMN IF NOT EXISTS %I %s %s', rel, add_dimension.name,
                       add_dimension.type, CASE WHEN add_dimension.type = 'text'::regtype THEN 'COLLATE "C"' END);
        IF (SELECT a.atttypid FROM pg_attribute AS a
             WHERE a.attrelid = format('acct.%I', rel)::regclass AND a.attname = add_dimension.name)
           <> add_dimension.type::oid THEN
            RAISE EXCEPTION 'column % of % exists with another type', add_dimension.name, rel
                USING ERRCODE = '42701';
        END IF;
    END LOOP;
    INSERT INTO acct.run_log (step, detail)
    VALUES ('add_dimension', jsonb_build_object('name', add_dimension.name, 'type', add_dimension.type::text,
                                                'on_lines', add_dimension.on_lines));
END
$$;
COMMENT ON FUNCTION acct.add_dimension(text, regtype, boolean) IS
'Adds a column of one name and type to source transactions and journals, and with on_lines to journal lines too, in staging and ledger; later runs carry it, and templates may name it. Repeatable. Raises 42602 (not a name), 42701 (a column of the engine, or one that exists with another type), 22004 (NULL type), 42501 (a type that is not built in).';
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
-- What tables, columns and views mean, for those who read them: dashboards show these lines as help.

CREATE FUNCTION acct._layout_comments() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
DECLARE
    t text;
BEGIN
    COMMENT ON SCHEMA acct IS 'Accounting engine ledger_engine: source transactions, templates, runs, ledger and balances.';
    COMMENT ON SCHEMA ledger_guard IS 'Protects posted ledger entries from being dropped or changed, also when the extension is dropped.';

    -- The layout and the guard.
    COMMENT ON TABLE acct.engine_layout IS 'Which layout of tables is installed: one row, written by acct.install().';
    COMMENT ON COLUMN acct.engine_layout.singleton IS 'Always true: the table has one row.';
    COMMENT ON COLUMN acct.engine_layout.version IS 'Version of the layout; the code works only with the version that it needs (else LE010).';
    COMMENT ON COLUMN acct.engine_layout.installed_by IS 'Session user who called acct.install().';
    COMMENT ON COLUMN acct.engine_layout.installed_at IS 'When this layout was installed or brought up to date.';

    COMMENT ON TABLE ledger_guard.protected IS 'The ledger''s tables and partitions, also detached ones; those with posted entries refuse DROP (LE011). Written by the engine.';
    COMMENT ON COLUMN ledger_guard.protected.relation IS 'The table or partition.';
    COMMENT ON COLUMN ledger_guard.protected.has_posted IS 'True once entries were posted into it; then only a superuser with ledger_engine.allow_drop = on can drop it.';
    COMMENT ON EVENT TRIGGER ledger_guard IS 'Refuses any DROP that would take posted ledger entries with it (LE011).';

    -- Source.
    COMMENT ON TABLE acct.txn_batch IS 'Loads of source transactions: a batch for each database transaction that loaded rows, written by acct.current_batch() at its first row.';
    COMMENT ON COLUMN acct.txn_batch.batch_id IS 'Number of the batch.';
    COMMENT ON COLUMN acct.txn_batch.loaded_at IS 'When the loading database transaction began.';
    COMMENT ON COLUMN acct.txn_batch.loaded_by IS 'Session user who loaded it.';
    COMMENT ON COLUMN acct.txn_batch.source IS 'Where the rows came from: setting ledger_engine.batch_source of the session, by default its application_name.';

    COMMENT ON TABLE acct.txn_source_parent IS 'Source transactions (contributions, claims, ...), split into funds; monthly partitions txn_source_YYYY_MM. Written by loads; rows that a run holds refuse changes (LE008).';
    COMMENT ON COLUMN acct.txn_source_parent.txn_id IS 'Identifier of the transaction in the source system; unique within txn_month.';
    COMMENT ON COLUMN acct.txn_source_parent.txn_month IS 'Month that the transaction is processed with, as its first day; runs are made for it.';
    COMMENT ON COLUMN acct.txn_source_parent.batch_id IS 'Batch (load) that brought the row; filled by default, not given by the loader.';
    COMMENT ON COLUMN acct.txn_source_parent.bank_value_date IS 'Value date at the bank; it becomes the journal date (je_date), at most 12 months from txn_month.';
    COMMENT ON COLUMN acct.txn_source_parent.entity_code IS 'Legal entity in whose books the transaction belongs (default MAIN).';
    COMMENT ON COLUMN acct.txn_source_parent.txn_type IS 'Kind of business event, such as CONTRIB or CLAIM; templates are chosen by it first.';
    COMMENT ON COLUMN acct.txn_source_parent.product_code IS 'Insurance product; templates and account mappings may depend on it.';
    COMMENT ON COLUMN acct.txn_source_parent.channel IS 'Sales channel; templates and account mappings may depend on it.';
    COMMENT ON COLUMN acct.txn_source_parent.policy_no IS 'Policy (certificate) number; NULL where the event concerns none.';
    COMMENT ON COLUMN acct.txn_source_parent.currency IS 'Currency of every amount of the row (default IDR); an unknown one is exception UNKNOWN_CURRENCY.';
    COMMENT ON COLUMN acct.txn_source_parent.gross_amount IS 'Whole amount, in the currency''s major unit; exactly the sum of the four components. Negative for a loss or a correction.';
    COMMENT ON COLUMN acct.txn_source_parent.tabarru_amount IS 'Part of the participants'' risk fund (tabarru''), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.tanahud_amount IS 'Part of the tanahud fund (a further participants'' fund), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.investment_amount IS 'Part of the participants'' investment fund (savings), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.ujroh_amount IS 'Part of the operator: ujrah (wakalah fee), in the currency''s major unit.';
    COMMENT ON COLUMN acct.txn_source_parent.attributes IS 'Further facts from the source system, as JSON; NULL where there are none.';
    COMMENT ON TRIGGER txn_source_taken ON acct.txn_source_parent IS 'Rows of a batch that a run holds refuse UPDATE and DELETE (LE008).';
    COMMENT ON TRIGGER txn_source_taken_truncate ON acct.txn_source_parent IS 'TRUNCATE is refused while a run holds rows (LE008).';

    -- The policy.
    COMMENT ON TABLE acct.fund IS 'Funds, each with books of its own: every journal balances within each fund. Kept by finance.';
    COMMENT ON COLUMN acct.fund.fund IS 'Code of the fund.';
    COMMENT ON COLUMN acct.fund.name IS 'Name of the fund.';
    COMMENT ON COLUMN acct.fund.fund_type IS 'Whose money it is: PARTICIPANT_RISK, PARTICIPANT_INVESTMENT, OPERATOR or OTHER.';

    COMMENT ON TABLE acct.currency IS 'Currencies that may be posted. Kept by finance.';
    COMMENT ON COLUMN acct.currency.currency IS 'Code of the currency, such as IDR.';
    COMMENT ON COLUMN acct.currency.minor_units IS 'Decimal places (0 to 4) that journal amounts are rounded to, half away from zero.';

    COMMENT ON TABLE acct.chart_of_accounts IS 'Chart of accounts. Kept by finance.';
    COMMENT ON COLUMN acct.chart_of_accounts.account_code IS 'Code of the account.';
    COMMENT ON COLUMN acct.chart_of_accounts.description IS 'Name of the account.';
    COMMENT ON COLUMN acct.chart_of_accounts.account_type IS 'ASSET, LIABILITY, EQUITY, INCOME or EXPENSE. Assets and expenses usually have debit (positive) balances, the others credit (negative) ones.';
    COMMENT ON COLUMN acct.chart_of_accounts.fund IS 'The only fund that may use the account; NULL: any fund.';
    COMMENT ON COLUMN acct.chart_of_accounts.parent_account_code IS 'Account that this one is summed under in reports; NULL: top level.';
    COMMENT ON COLUMN acct.chart_of_accounts.is_postable IS 'True where journals may use it; false for a heading.';
    COMMENT ON COLUMN acct.chart_of_accounts.effective_from IS 'First journal date that may use it.';
    COMMENT ON COLUMN acct.chart_of_accounts.effective_to IS 'First journal date that may no longer use it (exclusive); NULL: no end.';

    COMMENT ON TABLE acct.accounting_basis IS 'Accounting bases: parallel sets of books made from the same transactions. Kept by finance.';
    COMMENT ON COLUMN acct.accounting_basis.basis IS 'Code of the basis; PRIMARY is the books of record.';
    COMMENT ON COLUMN acct.accounting_basis.description IS 'What the basis is for.';
    COMMENT ON COLUMN acct.accounting_basis.every_transaction IS 'True: a transaction that no template fits is an exception (NO_TEMPLATE); false: it is simply not in this basis.';

    COMMENT ON TABLE acct.journal_template IS 'Versions of journal templates: how a kind of transaction is booked. Drafted by finance, approved by a second person; only drafts can be edited.';
    COMMENT ON COLUMN acct.journal_template.template_code IS 'Code of the template.';
    COMMENT ON COLUMN acct.journal_template.version IS 'Version (1 first); the newest approved one in effect on the journal date is used.';
    COMMENT ON COLUMN acct.journal_template.description IS 'What the template books.';
    COMMENT ON COLUMN acct.journal_template.template_type IS 'STANDARD: makes a journal. IGNORE: has no lines; its transactions have no journal on purpose.';
    COMMENT ON COLUMN acct.journal_template.basis IS 'Accounting basis that it writes to.';
    COMMENT ON COLUMN acct.journal_template.status IS 'draft, submitted, approved or retired; changed by the template functions only.';
    COMMENT ON COLUMN acct.journal_template.effective_from IS 'First journal date that it applies to.';
    COMMENT ON COLUMN acct.journal_template.effective_to IS 'First journal date that it no longer applies to (exclusive); NULL: no end. Retiring sets it; earlier dates still use the version.';
    COMMENT ON COLUMN acct.journal_template.require_balanced IS 'True: debits must equal credits in each journal, else exception UNBALANCED.';
    COMMENT ON COLUMN acct.journal_template.balance_by_fund IS 'True: debits must equal credits within each fund (as mapped) too, else exception UNBALANCED_FUND.';
    COMMENT ON COLUMN acct.journal_template.skip_zero_lines IS 'True: lines whose amount is zero after rounding are left out; false: they are kept.';
    COMMENT ON COLUMN acct.journal_template.negative_policy IS 'swap: a negative amount goes to the other side as a positive one. reject: it is exception NEGATIVE_AMOUNT.';
    COMMENT ON COLUMN acct.journal_template.maker IS 'Session user who last edited the version''s own row; neither they nor an editor of its rules and lines can approve it.';
    COMMENT ON COLUMN acct.journal_template.made_at IS 'When the version''s own row was last edited.';
    COMMENT ON COLUMN acct.journal_template.submitted_at IS 'When it was handed to its approver; NULL for a draft.';
    COMMENT ON COLUMN acct.journal_template.approver IS 'Session user who approved it, never the maker; NULL until then.';
    COMMENT ON COLUMN acct.journal_template.approved_at IS 'When it was approved; NULL until then.';
    COMMENT ON TRIGGER journal_template_life ON acct.journal_template IS 'Only drafts are edited (LE004); only the functions change a status (LE005).';

    COMMENT ON TABLE acct.journal_template_match IS 'Which transactions a template version takes: a transaction that fits any one of its rows.';
    COMMENT ON COLUMN acct.journal_template_match.template_code IS 'Template that the rule belongs to.';
    COMMENT ON COLUMN acct.journal_template_match.version IS 'Version that the rule belongs to.';
    COMMENT ON COLUMN acct.journal_template_match.match_no IS 'Number of the rule within the version.';
    COMMENT ON COLUMN acct.journal_template_match.txn_type IS 'Transaction type that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.product_code IS 'Product that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.channel IS 'Channel that fits; NULL: any.';
    COMMENT ON COLUMN acct.journal_template_match.condition_expr IS 'SQL condition on the transaction''s columns; NULL: always true. A condition that comes out NULL is false.';
    COMMENT ON COLUMN acct.journal_template_match.priority IS 'Order in which fitting rules are tried, 1 first; then more codes named, then template_code, then match_no.';
    COMMENT ON TRIGGER journal_template_match_life ON acct.journal_template_match IS 'Only rules of drafts are edited (LE004); their conditions are checked (LE003).';

    COMMENT ON TABLE acct.journal_template_line IS 'Lines of a template version: each makes one journal line.';
    COMMENT ON COLUMN acct.journal_template_line.template_code IS 'Template that the line belongs to.';
    COMMENT ON COLUMN acct.journal_template_line.version IS 'Version that the line belongs to.';
    COMMENT ON COLUMN acct.journal_template_line.line_no IS 'Number of the line (1 to 999); journal lines keep it.';
    COMMENT ON COLUMN acct.journal_template_line.dr_cr IS 'Side of a positive amount: DR (debit) or CR (credit).';
    COMMENT ON COLUMN acct.journal_template_line.account_code IS 'Account, before acct.product_account_map is applied.';
    COMMENT ON COLUMN acct.journal_template_line.fund IS 'Fund, before acct.product_account_map is applied.';
    COMMENT ON COLUMN acct.journal_template_line.amount_expr IS 'SQL expression of the amount, in the currency''s major unit, over the transaction''s columns; NULL for a balancing line.';
    COMMENT ON COLUMN acct.journal_template_line.is_balancing IS 'True: the line takes what is left of its fund after the other lines are rounded; at most one a fund, without a condition.';
    COMMENT ON COLUMN acct.journal_template_line.condition_expr IS 'SQL condition that the line is made under; NULL: always. A condition that comes out NULL is false.';
    COMMENT ON COLUMN acct.journal_template_line.memo IS 'What the line is for.';
    COMMENT ON TRIGGER journal_template_line_life ON acct.journal_template_line IS 'Only lines of drafts are edited (LE004); their expressions are checked (LE003).';

    COMMENT ON TABLE acct.product_account_map IS 'Accounts and funds that a product, or a product sold through a channel, uses instead of those of the template. Kept by finance.';
    COMMENT ON COLUMN acct.product_account_map.map_id IS 'Number of the row.';
    COMMENT ON COLUMN acct.product_account_map.product_code IS 'Product that the mapping is for.';
    COMMENT ON COLUMN acct.product_account_map.channel IS 'Channel that the mapping is for; NULL: any, after those that name one.';
    COMMENT ON COLUMN acct.product_account_map.account_code IS 'Account as the template line names it.';
    COMMENT ON COLUMN acct.product_account_map.fund IS 'Fund as the template line names it.';
    COMMENT ON COLUMN acct.product_account_map.mapped_account_code IS 'Account that is posted instead.';
    COMMENT ON COLUMN acct.product_account_map.mapped_fund IS 'Fund that is posted instead.';
    COMMENT ON COLUMN acct.product_account_map.effective_from IS 'First journal date that is mapped.';
    COMMENT ON COLUMN acct.product_account_map.effective_to IS 'First journal date that is no longer mapped (exclusive); NULL: no end.';

    COMMENT ON TABLE acct.template_audit IS 'Every change to funds, currencies, accounts, bases, templates and mappings; written by triggers, never changed.';
    COMMENT ON COLUMN acct.template_audit.audit_id IS 'Number of the change.';
    COMMENT ON COLUMN acct.template_audit.at IS 'When: start of the database transaction that made the change.';
    COMMENT ON COLUMN acct.template_audit.changed_by IS 'Session user who made the change.';
    COMMENT ON COLUMN acct.template_audit.table_name IS 'Table that was changed, in schema acct.';
    COMMENT ON COLUMN acct.template_audit.operation IS 'INSERT, UPDATE or DELETE.';
    COMMENT ON COLUMN acct.template_audit.row_key IS 'Primary key of the row, as JSON.';
    COMMENT ON COLUMN acct.template_audit.old_row IS 'The row before the change, as JSON; NULL for INSERT.';
    COMMENT ON COLUMN acct.template_audit.new_row IS 'The row after the change, as JSON; NULL for DELETE.';
    COMMENT ON TRIGGER template_audit_immutable ON acct.template_audit IS 'The audit trail refuses UPDATE, DELETE and TRUNCATE (LE007).';
    FOREACH t IN ARRAY ARRAY['fund', 'currency', 'chart_of_accounts', 'accounting_basis', 'journal_template',
                             'journal_template_match', 'journal_template_line', 'product_account_map'] LOOP
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_audit', t, 'Records each change in acct.template_audit.');
        EXECUTE format('COMMENT ON TRIGGER %I ON acct.%I IS %L', t || '_truncate', t, 'TRUNCATE is refused: no audit would see it (LE004).');
    END LOOP;

    -- Runs.
    COMMENT ON TABLE acct.journal_run IS 'Runs: each takes batches of a month through expand and post, which is all or nothing. Written by the run functions.';
    COMMENT ON COLUMN acct.journal_run.run_id IS 'Number of the run.';
    COMMENT ON COLUMN acct.journal_run.run_key IS 'Caller''s name for the run, unique among runs not discarded, so that creating it again gives the same run; NULL: none.';
    COMMENT ON COLUMN acct.journal_run.txn_month IS 'Month of the transactions that it takes, as its first day.';
    COMMENT ON COLUMN acct.journal_run.bases IS 'Accounting bases that it makes journals for.';
    COMMENT ON COLUMN acct.journal_run.status IS 'created, expanded (journals in staging), posted (in the ledger), discarded, or reversed (posted, then reversed by other entries).';
    COMMENT ON COLUMN acct.journal_run.options IS 'Options that acct.create_run() was called with.';
    COMMENT ON COLUMN acct.journal_run.reprocess_of IS 'Run whose exceptions this one takes again; NULL: it takes batches.';
    COMMENT ON COLUMN acct.journal_run.created_by IS 'Session user who made the run.';
    COMMENT ON COLUMN acct.journal_run.created_at IS 'When the run was made.';
    COMMENT ON COLUMN acct.journal_run.expanded_by IS 'Session user who expanded it; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.expand_started_at IS 'When its last finished expansion began.';
    COMMENT ON COLUMN acct.journal_run.expanded_at IS 'When its last expansion ended; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.posted_by IS 'Session user who posted it; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.post_started_at IS 'When its posting began; NULL until it is posted.';
    COMMENT ON COLUMN acct.journal_run.posted_at IS 'When its posting ended; NULL until then.';
    COMMENT ON COLUMN acct.journal_run.discarded_by IS 'Session user who discarded it; NULL: it was not.';
    COMMENT ON COLUMN acct.journal_run.discarded_at IS 'When it was discarded; NULL: it was not.';
    COMMENT ON COLUMN acct.journal_run.transactions IS 'Source transactions that expansion read; NULL until expanded, as the counts and sums below.';
    COMMENT ON COLUMN acct.journal_run.journals IS 'Journals made.';
    COMMENT ON COLUMN acct.journal_run.lines IS 'Journal lines made.';
    COMMENT ON COLUMN acct.journal_run.exceptions IS 'Exceptions: transactions set aside, counted for each basis.';
    COMMENT ON COLUMN acct.journal_run.ignored IS 'Transactions that an IGNORE template took, counted for each basis.';
    COMMENT ON COLUMN acct.journal_run.unbalanced_journals IS 'Journals whose debits differ from their credits, which templates without require_balanced allow.';
    COMMENT ON COLUMN acct.journal_run.basis_counts IS 'The counts for each basis: {"PRIMARY": {"journals": n, "exceptions": n, "ignored": n}}.';
    COMMENT ON COLUMN acct.journal_run.debit IS 'Sum of debits over all lines, in major units, whatever their currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run.credit IS 'Sum of credits over all lines, in major units, whatever their currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run.digest IS 'Digest of the lines as expanded (32 hexadecimal digits): the same in staging and ledger, whatever the order of rows.';

    COMMENT ON COLUMN acct.journal_run.je_range IS 'Range of je_id that the run''s journals have to themselves, a value of acct.je_range_seq: its lines lie in ledger partitions of their own. NULL: the run is small, or not expanded.';
    COMMENT ON COLUMN acct.journal_run.range_months IS 'Months whose journals lie in that range; those of other months, of which the run has few, lie among other runs''.';

    COMMENT ON TABLE acct.journal_run_batch IS 'Claims: which batches a run took, for which basis; no batch is in two live runs. Written by acct.create_run().';
    COMMENT ON COLUMN acct.journal_run_batch.run_id IS 'Run that took the batch.';
    COMMENT ON COLUMN acct.journal_run_batch.batch_id IS 'Batch that was taken.';
    COMMENT ON COLUMN acct.journal_run_batch.txn_month IS 'Month of the batch''s rows that were taken, as its first day.';
    COMMENT ON COLUMN acct.journal_run_batch.basis IS 'Accounting basis that they were taken for.';
    COMMENT ON COLUMN acct.journal_run_batch.source_rows IS 'Number of rows when the batch was taken; a later change fails validation.';
    COMMENT ON COLUMN acct.journal_run_batch.source_gross IS 'Sum of gross_amount when the batch was taken, in major units, whatever the currency: a check figure.';
    COMMENT ON COLUMN acct.journal_run_batch.released_at IS 'When the run was discarded and the batch was free again; NULL: the claim holds.';

    COMMENT ON TABLE acct.journal_run_total IS 'Sums of a run''s lines by book, journal month, fund, account and currency; written by expansion, added to the balances by posting.';
    COMMENT ON COLUMN acct.journal_run_total.run_id IS 'Run.';
    COMMENT ON COLUMN acct.journal_run_total.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.journal_run_total.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.journal_run_total.je_month IS 'Month of the journal date, as its first day.';
    COMMENT ON COLUMN acct.journal_run_total.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.journal_run_total.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.journal_run_total.currency IS 'Currency of the sums.';
    COMMENT ON COLUMN acct.journal_run_total.debit IS 'Sum of debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.journal_run_total.credit IS 'Sum of credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.journal_run_total.line_count IS 'Number of lines.';

    COMMENT ON TABLE acct.je_header_staging IS 'Journals of expanded runs, before they are posted: an unlogged partition a run, emptied by a crash of the server. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_header_staging.je_id IS 'Identifier of the journal, kept by the ledger; it has gaps.';
    COMMENT ON COLUMN acct.je_header_staging.run_id IS 'Run that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.je_header_staging.je_date IS 'Journal date: the transaction''s bank_value_date.';
    COMMENT ON COLUMN acct.je_header_staging.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.je_header_staging.template_version IS 'Version of the template that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.je_header_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.je_header_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.je_header_staging.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.je_header_staging.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.je_header_staging.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.je_header_staging.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.je_header_staging.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.je_header_staging.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.je_header_staging.reversal_of IS 'je_id of the journal that this one reverses; NULL: none.';
    COMMENT ON COLUMN acct.je_header_staging.memo IS 'Text about the journal; NULL: none.';

    COMMENT ON TABLE acct.je_line_staging IS 'Journal lines of expanded runs, before they are posted: an unlogged partition a run, emptied by a crash of the server. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_line_staging.je_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.je_line_staging.run_id IS 'Run that made the line.';
    COMMENT ON COLUMN acct.je_line_staging.txn_id IS 'Source transaction.';
    COMMENT ON COLUMN acct.je_line_staging.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.je_line_staging.line_no IS 'Number of the template line that made it; skipped lines leave gaps.';
    COMMENT ON COLUMN acct.je_line_staging.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.je_line_staging.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.je_line_staging.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.je_line_staging.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.je_line_staging.currency IS 'Currency of the amount.';
    COMMENT ON COLUMN acct.je_line_staging.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.je_line_staging.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.je_line_staging.debit IS 'Amount debited, in the currency''s major unit, never negative; 0 on a credit line.';
    COMMENT ON COLUMN acct.je_line_staging.credit IS 'Amount credited, in the currency''s major unit, never negative; 0 on a debit line.';

    COMMENT ON SEQUENCE acct.je_id_seq IS 'Gives out je_id in blocks of 1000; blocks are not filled up, so je_id has gaps (je_number has none).';

    COMMENT ON TABLE acct.je_exception IS 'Transactions that expansion set aside, with the first reason met. Written by acct.expand_journals().';
    COMMENT ON COLUMN acct.je_exception.run_id IS 'Run that set it aside.';
    COMMENT ON COLUMN acct.je_exception.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.je_exception.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.je_exception.basis IS 'Accounting basis that it has no journal in.';
    COMMENT ON COLUMN acct.je_exception.reason IS 'Code of the reason, such as NO_TEMPLATE or AMOUNT_NULL.';
    COMMENT ON COLUMN acct.je_exception.template_code IS 'Template concerned; NULL: none was chosen yet.';
    COMMENT ON COLUMN acct.je_exception.template_version IS 'Version of that template; NULL: none was chosen yet.';
    COMMENT ON COLUMN acct.je_exception.line_no IS 'Template line concerned; NULL: no single line.';
    COMMENT ON COLUMN acct.je_exception.message IS 'What was wrong, in words.';
    COMMENT ON COLUMN acct.je_exception.resolved_by_run IS 'Run that took the transaction again (acct.reprocess_exceptions); NULL: none did.';
    COMMENT ON COLUMN acct.je_exception.voided_at IS 'When its run was discarded, so that it no longer counts; NULL: it counts.';

    COMMENT ON TABLE acct.run_log IS 'Steps that were done, with rows and times; the stored results of expand and post. Written by the engine.';
    COMMENT ON COLUMN acct.run_log.log_id IS 'Number of the entry.';
    COMMENT ON COLUMN acct.run_log.run_id IS 'Run; NULL for a step that belongs to none.';
    COMMENT ON COLUMN acct.run_log.step IS 'expand, validate, post, discard, snapshot, or another step of the engine.';
    COMMENT ON COLUMN acct.run_log.partition IS 'Source partition (expand) or ledger partition (post) worked on; NULL: none in particular.';
    COMMENT ON COLUMN acct.run_log.rows IS 'Rows worked on: transactions (expand), checks (validate), ledger lines (post), corrected balances (snapshot).';
    COMMENT ON COLUMN acct.run_log.elapsed_ms IS 'Duration in milliseconds.';
    COMMENT ON COLUMN acct.run_log.detail IS 'Further counts and sums of the step, as JSON.';
    COMMENT ON COLUMN acct.run_log.at IS 'When the entry was written.';

    -- The ledger.
    COMMENT ON TABLE acct.ledger_entry_header IS 'Posted journals; monthly partitions ledger_entry_header_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_header.je_id IS 'Identifier of the journal, joins its lines; it has gaps.';
    COMMENT ON COLUMN acct.ledger_entry_header.run_id IS 'Run that posted the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_id IS 'Source transaction, with txn_month.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_date IS 'Journal date: the transaction''s bank_value_date.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_month IS 'Month of the source transaction, as its first day.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_version IS 'Version of the template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.line_count IS 'Number of lines.';
    COMMENT ON COLUMN acct.ledger_entry_header.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_header.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_header.template_code IS 'Template that made the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.txn_type IS 'Kind of business event of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_header.policy_no IS 'Policy number of the transaction; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.currency IS 'Currency of every amount of the journal.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_debit IS 'Sum of the lines'' debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.total_credit IS 'Sum of the lines'' credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.ledger_entry_header.reversal_of IS 'je_id of the journal that this one reverses; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.memo IS 'Text about the journal; NULL: none.';
    COMMENT ON COLUMN acct.ledger_entry_header.je_number IS 'Journal number; ends in nine digits, without gaps within entity, basis and month of je_date. Given when posted.';
    COMMENT ON COLUMN acct.ledger_entry_header.posted_at IS 'When the journal was posted.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_header IS 'Posted journals refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.ledger_entry_line IS 'Lines of posted journals; monthly partitions ledger_entry_line_YYYY_MM by journal date. Written by posting only, never changed (LE007).';
    COMMENT ON COLUMN acct.ledger_entry_line.je_id IS 'Journal that the line belongs to.';
    COMMENT ON COLUMN acct.ledger_entry_line.run_id IS 'Run that posted the line.';
    COMMENT ON COLUMN acct.ledger_entry_line.txn_id IS 'Source transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.je_date IS 'Journal date.';
    COMMENT ON COLUMN acct.ledger_entry_line.line_no IS 'Number of the template line that made it; skipped lines leave gaps.';
    COMMENT ON COLUMN acct.ledger_entry_line.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_entry_line.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.ledger_entry_line.account_code IS 'Account, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.fund IS 'Fund, as mapped.';
    COMMENT ON COLUMN acct.ledger_entry_line.currency IS 'Currency of the amount.';
    COMMENT ON COLUMN acct.ledger_entry_line.product_code IS 'Insurance product of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.channel IS 'Sales channel of the transaction.';
    COMMENT ON COLUMN acct.ledger_entry_line.debit IS 'Amount debited, in the currency''s major unit, never negative; 0 on a credit line.';
    COMMENT ON COLUMN acct.ledger_entry_line.credit IS 'Amount credited, in the currency''s major unit, never negative; 0 on a debit line.';
    COMMENT ON TRIGGER ledger_immutable ON acct.ledger_entry_line IS 'Posted lines refuse UPDATE, DELETE and TRUNCATE (LE007).';

    COMMENT ON TABLE acct.account_balance_snapshot IS 'Balances by book, month, fund, account and currency; kept by posting, recomputed by acct.update_balance_snapshot().';
    COMMENT ON COLUMN acct.account_balance_snapshot.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.account_balance_snapshot.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.account_balance_snapshot.snapshot_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.account_balance_snapshot.fund IS 'Fund.';
    COMMENT ON COLUMN acct.account_balance_snapshot.account_code IS 'Account.';
    COMMENT ON COLUMN acct.account_balance_snapshot.currency IS 'Currency of the balances.';
    COMMENT ON COLUMN acct.account_balance_snapshot.opening_balance IS 'Balance before the month, in the currency''s major unit: debits less credits, so debit balances are positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_debit IS 'Sum of the month''s debits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.period_credit IS 'Sum of the month''s credits, in the currency''s major unit.';
    COMMENT ON COLUMN acct.account_balance_snapshot.closing_balance IS 'Balance after the month: opening_balance + period_debit - period_credit, debit balances positive.';
    COMMENT ON COLUMN acct.account_balance_snapshot.line_count IS 'Number of the month''s ledger lines; 0 in a month when only a balance was carried forward.';
    COMMENT ON COLUMN acct.account_balance_snapshot.last_run_id IS 'Highest run_id among the month''s lines; NULL: no lines.';

    COMMENT ON TABLE acct.accounting_period IS 'Months that were closed or reopened, for each book (entity, basis); a month without a row is open. Written by acct.close_period() and acct.reopen_period().';
    COMMENT ON COLUMN acct.accounting_period.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.accounting_period.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.accounting_period.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.accounting_period.is_open IS 'False: nothing is posted with a journal date in this month.';
    COMMENT ON COLUMN acct.accounting_period.changed_by IS 'Session user who last closed or reopened it.';
    COMMENT ON COLUMN acct.accounting_period.changed_at IS 'When it was last closed or reopened.';

    COMMENT ON TABLE acct.ledger_book IS 'Books (entity, basis); posting, closing and recomputing lock the row, one at a time. Written by the engine.';
    COMMENT ON COLUMN acct.ledger_book.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.ledger_book.basis IS 'Accounting basis.';

    COMMENT ON TABLE acct.journal_number IS 'The last journal number given in each book and month. Written by posting.';
    COMMENT ON COLUMN acct.journal_number.entity_code IS 'Legal entity.';
    COMMENT ON COLUMN acct.journal_number.basis IS 'Accounting basis.';
    COMMENT ON COLUMN acct.journal_number.period_month IS 'Month of the journal dates, as its first day.';
    COMMENT ON COLUMN acct.journal_number.last_number IS 'Last number given: the nine digits that je_number ends in; also how many were given.';

    -- Views.
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
    COMMENT ON COLUMN acct.run_staging.is_posted IS 'True where the run''s status is posted.';
    COMMENT ON COLUMN acct.run_staging.posted_at IS 'When the run was posted; NULL until then.';

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
END
$layout$;
COMMENT ON FUNCTION acct._layout_comments() IS 'The part of install() that describes tables, columns and views.';
-- A sample policy for takaful: funds, chart of accounts and templates, to start from and to have reviewed.
--
-- Account codes have four digits: the fund (1 operator, 2 tabarru', 3 tanahud, 4 invest), the type (1 asset,
-- 2 liability, 3 equity, 4 income, 5 expense), and two more. What fund F is owed by fund C is in account F12C,
-- what C owes F in account C22F: the two are equal and opposite at all times.

CREATE FUNCTION acct._sample_accounts() RETURNS TABLE (account_code text, description text, is_postable boolean)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('1100', 'Operator: assets', false),
        ('1110', 'Bank, collection account', true),
        ('1120', 'Due from participants'' funds', false),
        ('1122', 'Due from tabarru'' fund', true),
        ('1123', 'Due from tanahud fund', true),
        ('1124', 'Due from investment fund', true),
        ('1130', 'Qard receivable from tabarru'' fund', true),
        ('1200', 'Operator: liabilities', false),
        ('1210', 'Deferred ujrah', true),
        ('1220', 'Due to participants'' funds', false),
        ('1222', 'Due to tabarru'' fund', true),
        ('1223', 'Due to tanahud fund', true),
        ('1224', 'Due to investment fund', true),
        ('1230', 'Agent commission payable', true),
        ('1240', 'Withholding tax payable', true),
        ('1250', 'Refunds payable to participants', true),
        ('1400', 'Operator: income', false),
        ('1410', 'Ujrah income', true),
        ('1420', 'Surrender fee income', true),
        ('1430', 'Mudarib''s share of investment income', true),
        ('1440', 'Share of underwriting surplus', true),
        ('1500', 'Operator: expenses', false),
        ('1510', 'Acquisition cost', true),
        ('2100', 'Tabarru'' fund: assets', false),
        ('2110', 'Bank, tabarru'' fund', true),
        ('2120', 'Due from other funds', false),
        ('2121', 'Due from operator', true),
        ('2124', 'Due from investment fund', true),
        ('2130', 'Retakaful recoverable', true),
        ('2200', 'Tabarru'' fund: liabilities', false),
        ('2210', 'Contribution liability', true),
        ('2211', 'Contribution liability, credit takaful', true),
        ('2212', 'Contribution liability, credit takaful sold by banks', true),
        ('2220', 'Due to other funds', false),
        ('2221', 'Due to operator', true),
        ('2230', 'Qard payable to operator', true),
        ('2240', 'Claim liability', true),
        ('2250', 'Retakaful payable', true),
        ('2260', 'Surplus due to participants', true),
        ('2300', 'Tabarru'' fund: participants'' equity', false),
        ('2310', 'Underwriting surplus', true),
        ('2320', 'Tabarru'' reserve', true),
        ('2400', 'Tabarru'' fund: income', false),
        ('2410', 'Takaful revenue', true),
        ('2420', 'Retakaful commission', true),
        ('2430', 'Retakaful recovery', true),
        ('2500', 'Tabarru'' fund: expenses', false),
        ('2510', 'Claims incurred', true),
        ('2520', 'Retakaful contribution', true),
        ('3100', 'Tanahud fund: assets', false),
        ('3110', 'Bank, tanahud fund', true),
        ('3120', 'Due from other funds', false),
        ('3121', 'Due from operator', true),
        ('3200', 'Tanahud fund: liabilities', false),
        ('3210', 'Tanahud contribution', true),
        ('3220', 'Due to other funds', false),
        ('3221', 'Due to operator', true),
        ('4100', 'Investment fund: assets', false),
        ('4110', 'Bank, investment fund', true),
        ('4120', 'Due from other funds', false),
        ('4121', 'Due from operator', true),
        ('4200', 'Investment fund: liabilities', false),
        ('4210', 'Participants'' accounts', true),
        ('4211', 'Participants'' accounts, hajj savings', true),
        ('4220', 'Due to other funds', false),
        ('4221', 'Due to operator', true),
        ('4222', 'Due to tabarru'' fund', true),
        ('4400', 'Investment fund: income', false),
        ('4410', 'Investment income', true),
        ('4420', 'Investment loss borne by participants', true),
        ('4500', 'Investment fund: expenses', false),
        ('4510', 'Investment income distributed', true)
$$;
COMMENT ON FUNCTION acct._sample_accounts() IS
'The chart of accounts of the takaful sample. Fund, type and parent follow from the digits of a code.';

CREATE FUNCTION acct._sample_templates()
RETURNS TABLE (template_code text, template_type text, negative_policy text, txn_type text, condition_expr text,
               priority integer, description text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('CONTRIB', 'STANDARD', 'swap', 'CONTRIB', NULL, 100, 'Contribution received into the operator''s collection account'),
        ('FUND_SETTLE', 'STANDARD', 'swap', 'FUND_SETTLE', NULL, 100, 'The funds'' money paid over by the operator'),
        ('UJRAH_EARN', 'STANDARD', 'swap', 'UJRAH_EARN', NULL, 100, 'Ujrah earned'),
        ('RELEASE', 'STANDARD', 'swap', 'RELEASE', NULL, 100, 'Coverage released'),
        ('COMMISSION', 'STANDARD', 'swap', 'COMMISSION', NULL, 100, 'Agent''s commission, 5 % tax withheld'),
        ('RETAKAFUL', 'STANDARD', 'swap', 'RETAKAFUL', NULL, 100, 'Retakaful cession, 20 % commission'),
        ('CLAIM', 'STANDARD', 'swap', 'CLAIM', NULL, 100, 'Claim incurred'),
        ('CLAIM_LARGE', 'STANDARD', 'swap', 'CLAIM', 'tabarru_amount > 50000000', 1,
         'Claim incurred above the retention of 50,000,000; retakaful bears 30 % of the excess'),
        ('CLAIM_PAY', 'STANDARD', 'swap', 'CLAIM_PAY', NULL, 100, 'Claim paid'),
        ('REFUND', 'STANDARD', 'swap', 'REFUND', NULL, 100, 'Cancellation: each fund gives back its part'),
        ('SURRENDER', 'STANDARD', 'swap', 'SURRENDER', NULL, 100, 'Savings paid out, with a fee'),
        ('INV_RETURN', 'STANDARD', 'swap', 'INV_RETURN', NULL, 100,
         'Investment return; the operator has 30 % of a profit and no part of a loss'),
        ('DRIP', 'STANDARD', 'swap', 'DRIP', NULL, 100, 'Tabarru'' taken from savings'),
        ('QARD', 'STANDARD', 'swap', 'QARD', NULL, 100, 'Qard granted by the operator to the tabarru'' fund'),
        ('SURPLUS', 'STANDARD', 'reject', 'SURPLUS', NULL, 100,
         'Surplus shared: 60 % to participants, 20 % to the operator, the rest to the reserve'),
        ('MEMO', 'IGNORE', 'swap', 'MEMO', NULL, 100, 'Notices without an amount to book')
$$;
COMMENT ON FUNCTION acct._sample_templates() IS 'The templates of the takaful sample, each with its match rule.';

CREATE FUNCTION acct._sample_template_lines()
RETURNS TABLE (template_code text, line_no integer, dr_cr text, account_code text, fund text, amount_expr text, memo text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- An amount of NULL is the balancing line of its fund.
    VALUES
        ('CONTRIB', 1, 'DR', '1110', 'OPERATOR', ':gross_amount', 'Contribution received'),
        ('CONTRIB', 2, 'CR', '1210', 'OPERATOR', ':ujroh_amount', 'Ujrah, deferred'),
        ('CONTRIB', 3, 'CR', '1222', 'OPERATOR', ':tabarru_amount', 'Tabarru'' owed to its fund'),
        ('CONTRIB', 4, 'CR', '1223', 'OPERATOR', ':tanahud_amount', 'Tanahud owed to its fund'),
        ('CONTRIB', 5, 'CR', '1224', 'OPERATOR', ':investment_amount', 'Savings owed to their fund'),
        ('CONTRIB', 6, 'DR', '2121', 'TABARRU', ':tabarru_amount', 'Tabarru'' held by the operator'),
        ('CONTRIB', 7, 'CR', '2210', 'TABARRU', ':tabarru_amount', 'Tabarru'' for coverage to come'),
        ('CONTRIB', 8, 'DR', '3121', 'TANAHUD', ':tanahud_amount', 'Tanahud held by the operator'),
        ('CONTRIB', 9, 'CR', '3210', 'TANAHUD', ':tanahud_amount', 'Tanahud contributed'),
        ('CONTRIB', 10, 'DR', '4121', 'INVEST', ':investment_amount', 'Savings held by the operator'),
        ('CONTRIB', 11, 'CR', '4210', 'INVEST', ':investment_amount', 'Savings of participants'),

        ('FUND_SETTLE', 1, 'DR', '1222', 'OPERATOR', 'tabarru_amount', 'Tabarru'' paid over'),
        ('FUND_SETTLE', 2, 'DR', '1223', 'OPERATOR', 'tanahud_amount', 'Tanahud paid over'),
        ('FUND_SETTLE', 3, 'DR', '1224', 'OPERATOR', 'investment_amount', 'Savings paid over'),
        ('FUND_SETTLE', 4, 'CR', '1110', 'OPERATOR', NULL, 'Paid to the funds'),
        ('FUND_SETTLE', 5, 'DR', '2110', 'TABARRU', 'tabarru_amount', 'Received from the operator'),
        ('FUND_SETTLE', 6, 'CR', '2121', 'TABARRU', 'tabarru_amount', 'Settled by the operator'),
        ('FUND_SETTLE', 7, 'DR', '3110', 'TANAHUD', 'tanahud_amount', 'Received from the operator'),
        ('FUND_SETTLE', 8, 'CR', '3121', 'TANAHUD', 'tanahud_amount', 'Settled by the operator'),
        ('FUND_SETTLE', 9, 'DR', '4110', 'INVEST', 'investment_amount', 'Received from the operator'),
        ('FUND_SETTLE', 10, 'CR', '4121', 'INVEST', 'investment_amount', 'Settled by the operator'),

        ('UJRAH_EARN', 1, 'DR', '1210', 'OPERATOR', 'ujroh_amount', 'Ujrah released'),
        ('UJRAH_EARN', 2, 'CR', '1410', 'OPERATOR', 'ujroh_amount', 'Ujrah earned'),

        ('RELEASE', 1, 'DR', '2210', 'TABARRU', 'tabarru_amount', 'Coverage released'),
        ('RELEASE', 2, 'CR', '2410', 'TABARRU', 'tabarru_amount', 'Coverage earned'),

        ('COMMISSION', 1, 'DR', '1510', 'OPERATOR', ':ujroh_amount', 'Commission'),
        ('COMMISSION', 2, 'CR', '1240', 'OPERATOR', ':ujroh_amount * 0.05', 'Tax withheld, 5 %'),
        ('COMMISSION', 3, 'CR', '1230', 'OPERATOR', NULL, 'Commission due to the agent'),

        ('RETAKAFUL', 1, 'DR', '2520', 'TABARRU', ':tabarru_amount', 'Ceded contribution'),
        ('RETAKAFUL', 2, 'CR', '2420', 'TABARRU', ':tabarru_amount * 0.20', 'Retakaful commission, 20 %'),
        ('RETAKAFUL', 3, 'CR', '2250', 'TABARRU', NULL, 'Due to the retakaful operator'),

        ('CLAIM', 1, 'DR', '2510', 'TABARRU', 'tabarru_amount', 'Claim incurred'),
        ('CLAIM', 2, 'CR', '2240', 'TABARRU', 'tabarru_amount', 'Claim outstanding'),

        ('CLAIM_LARGE', 1, 'DR', '2510', 'TABARRU', 'tabarru_amount', 'Claim incurred'),
        ('CLAIM_LARGE', 2, 'CR', '2240', 'TABARRU', 'tabarru_amount', 'Claim outstanding'),
        ('CLAIM_LARGE', 3, 'DR', '2130', 'TABARRU', '0.30 * greatest(tabarru_amount - 50000000, 0)', 'Retakaful share, 30 % of the excess'),
        ('CLAIM_LARGE', 4, 'CR', '2430', 'TABARRU', '0.30 * greatest(tabarru_amount - 50000000, 0)', 'Retakaful share, 30 % of the excess'),

        ('CLAIM_PAY', 1, 'DR', '2240', 'TABARRU', 'tabarru_amount', 'Claim settled'),
        ('CLAIM_PAY', 2, 'CR', '2110', 'TABARRU', 'tabarru_amount', 'Claim paid'),

        ('REFUND', 1, 'DR', '1210', 'OPERATOR', ':ujroh_amount', 'Ujrah given back'),
        ('REFUND', 2, 'DR', '1122', 'OPERATOR', ':tabarru_amount', 'Tabarru'' to be given back by its fund'),
        ('REFUND', 3, 'DR', '1123', 'OPERATOR', ':tanahud_amount', 'Tanahud to be given back by its fund'),
        ('REFUND', 4, 'DR', '1124', 'OPERATOR', ':investment_amount', 'Savings to be given back by their fund'),
        ('REFUND', 5, 'CR', '1250', 'OPERATOR', NULL, 'Refund due to the participant'),
        ('REFUND', 6, 'DR', '2210', 'TABARRU', ':tabarru_amount', 'Coverage cancelled'),
        ('REFUND', 7, 'CR', '2221', 'TABARRU', ':tabarru_amount', 'Refund owed to the operator'),
        ('REFUND', 8, 'DR', '3210', 'TANAHUD', ':tanahud_amount', 'Tanahud cancelled'),
        ('REFUND', 9, 'CR', '3221', 'TANAHUD', ':tanahud_amount', 'Refund owed to the operator'),
        ('REFUND', 10, 'DR', '4210', 'INVEST', ':investment_amount', 'Savings cancelled'),
        ('REFUND', 11, 'CR', '4221', 'INVEST', ':investment_amount', 'Refund owed to the operator'),

        ('SURRENDER', 1, 'DR', '4210', 'INVEST', 'gross_amount', 'Savings surrendered'),
        ('SURRENDER', 2, 'CR', '4221', 'INVEST', 'ujroh_amount', 'Fee owed to the operator'),
        ('SURRENDER', 3, 'CR', '4110', 'INVEST', NULL, 'Savings paid out'),
        ('SURRENDER', 4, 'DR', '1124', 'OPERATOR', 'ujroh_amount', 'Fee owed by the investment fund'),
        ('SURRENDER', 5, 'CR', '1420', 'OPERATOR', 'ujroh_amount', 'Surrender fee'),

        ('INV_RETURN', 1, 'DR', '4110', 'INVEST', 'investment_amount', 'Return received, or loss'),
        ('INV_RETURN', 2, 'CR', '4410', 'INVEST', 'investment_amount', 'Return, or loss'),
        ('INV_RETURN', 3, 'DR', '4510', 'INVEST', 'greatest(investment_amount, 0)', 'Profit distributed'),
        ('INV_RETURN', 4, 'CR', '4221', 'INVEST', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),
        ('INV_RETURN', 5, 'DR', '4210', 'INVEST', 'greatest(-investment_amount, 0)', 'Loss charged to participants'),
        ('INV_RETURN', 6, 'CR', '4420', 'INVEST', 'greatest(-investment_amount, 0)', 'Loss charged to participants'),
        ('INV_RETURN', 7, 'CR', '4210', 'INVEST', NULL, 'Participants'' share of a profit'),
        ('INV_RETURN', 8, 'DR', '1124', 'OPERATOR', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),
        ('INV_RETURN', 9, 'CR', '1430', 'OPERATOR', '0.30 * greatest(investment_amount, 0)', 'Mudarib''s share, 30 % of a profit'),

        ('DRIP', 1, 'DR', '4210', 'INVEST', 'tabarru_amount', 'Tabarru'' taken from savings'),
        ('DRIP', 2, 'CR', '4222', 'INVEST', 'tabarru_amount', 'Owed to the tabarru'' fund'),
        ('DRIP', 3, 'DR', '2124', 'TABARRU', 'tabarru_amount', 'Owed by the investment fund'),
        ('DRIP', 4, 'CR', '2210', 'TABARRU', 'tabarru_amount', 'Tabarru'' for coverage to come'),

        ('QARD', 1, 'DR', '1130', 'OPERATOR', 'tabarru_amount', 'Qard granted'),
        ('QARD', 2, 'CR', '1110', 'OPERATOR', 'tabarru_amount', 'Qard paid out'),
        ('QARD', 3, 'DR', '2110', 'TABARRU', 'tabarru_amount', 'Qard received'),
        ('QARD', 4, 'CR', '2230', 'TABARRU', 'tabarru_amount', 'Qard owed to the operator'),

        ('SURPLUS', 1, 'DR', '2310', 'TABARRU', ':tabarru_amount', 'Surplus shared'),
        ('SURPLUS', 2, 'CR', '2260', 'TABARRU', ':tabarru_amount * 0.60', 'Participants'' share, 60 %'),
        ('SURPLUS', 3, 'CR', '2221', 'TABARRU', ':tabarru_amount * 0.20', 'Operator''s share, 20 %'),
        ('SURPLUS', 4, 'CR', '2320', 'TABARRU', NULL, 'Kept as reserve'),
        ('SURPLUS', 5, 'DR', '1122', 'OPERATOR', ':tabarru_amount * 0.20', 'Operator''s share, 20 %'),
        ('SURPLUS', 6, 'CR', '1440', 'OPERATOR', ':tabarru_amount * 0.20', 'Operator''s share, 20 %')
$$;
COMMENT ON FUNCTION acct._sample_template_lines() IS 'The entries of the takaful sample''s templates.';

CREATE FUNCTION acct._install_sample_chart(OUT funds bigint, OUT currencies bigint, OUT accounts bigint, OUT overrides bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    INSERT INTO acct.fund (fund, name, fund_type)
    VALUES ('OPERATOR', 'Takaful operator', 'OPERATOR'),
           ('TABARRU', 'Participants'' risk fund (tabarru'')', 'PARTICIPANT_RISK'),
           ('TANAHUD', 'Participants'' tanahud fund', 'OTHER'),
           ('INVEST', 'Participants'' investment fund', 'PARTICIPANT_INVESTMENT')
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS funds = ROW_COUNT;
    INSERT INTO acct.currency (currency, minor_units)
    VALUES ('AED', 2), ('BHD', 3), ('BND', 2), ('EUR', 2), ('GBP', 2), ('IDR', 2), ('JPY', 0), ('KWD', 3), ('MYR', 2),
           ('OMR', 3), ('SAR', 2), ('SGD', 2), ('USD', 2)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS currencies = ROW_COUNT;
    INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, parent_account_code, is_postable)
    SELECT a.account_code, a.description,
           (ARRAY['ASSET', 'LIABILITY', 'EQUITY', 'INCOME', 'EXPENSE'])[substr(a.account_code, 2, 1)::integer],
           (ARRAY['OPERATOR', 'TABARRU', 'TANAHUD', 'INVEST'])[left(a.account_code, 1)::integer],
           (SELECT max(p.account_code COLLATE "C") FROM acct._sample_accounts() AS p
             WHERE p.account_code <> a.account_code AND NOT p.is_postable
               AND p.account_code IN (left(a.account_code, 2) || '00', left(a.account_code, 3) || '0')),
           a.is_postable
      FROM acct._sample_accounts() AS a
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS accounts = ROW_COUNT;
    -- Credit takaful keeps contributions in accounts of its own, those that banks bring apart; so do hajj savings.
    INSERT INTO acct.product_account_map (product_code, channel, account_code, fund, mapped_account_code, mapped_fund)
    VALUES ('FAM-CREDIT', NULL, '2210', 'TABARRU', '2211', 'TABARRU'),
           ('FAM-CREDIT', 'BANCA', '2210', 'TABARRU', '2212', 'TABARRU'),
           ('FAM-HAJJ', NULL, '4210', 'INVEST', '4211', 'INVEST')
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS overrides = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION acct._install_sample_chart() IS
'The part of install_takaful_sample() that inserts funds, currencies, accounts and account overrides; how many were new.';

CREATE FUNCTION acct._install_sample_templates() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    fresh text[];
BEGIN
    WITH template AS (
        INSERT INTO acct.journal_template AS t (template_code, description, template_type, negative_policy, status,
                                                maker, approver, submitted_at, approved_at)
        SELECT s.template_code, s.description, s.template_type, s.negative_policy, 'approved',
               'takaful_sample', session_user, now(), now()
          FROM acct._sample_templates() AS s
        ON CONFLICT DO NOTHING
        RETURNING t.template_code)
    SELECT coalesce(array_agg(t.template_code), '{}') INTO fresh FROM template AS t;
    -- A template that somebody else has made keeps the rules and lines that it has.
    INSERT INTO acct.journal_template_match (template_code, match_no, txn_type, condition_expr, priority)
    SELECT s.template_code, 1, s.txn_type, s.condition_expr, s.priority
      FROM acct._sample_templates() AS s WHERE s.template_code = ANY (fresh)
    ON CONFLICT DO NOTHING;
    INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
    SELECT s.template_code, s.line_no, s.dr_cr, s.account_code, s.fund, s.amount_expr, s.amount_expr IS NULL, s.memo
      FROM acct._sample_template_lines() AS s WHERE s.template_code = ANY (fresh)
    ON CONFLICT DO NOTHING;
    RETURN cardinality(fresh);
END
$$;
COMMENT ON FUNCTION acct._install_sample_templates() IS
'The part of install_takaful_sample() that inserts templates with their match rules and lines; how many were new.';

CREATE FUNCTION acct.install_takaful_sample() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp SET ledger_engine.maintenance = on AS $$
DECLARE
    chart record;
    templates bigint;
BEGIN
    PERFORM acct._require_layout();
    SELECT c.* INTO chart FROM acct._install_sample_chart() AS c;
    templates := acct._install_sample_templates();
    IF chart.funds + chart.currencies + chart.accounts + chart.overrides + templates = 0 THEN
        RETURN 'takaful sample was there';
    END IF;
    RETURN format('takaful sample installed: %s funds, %s currencies, %s accounts, %s account overrides, %s templates',
                  chart.funds, chart.currencies, chart.accounts, chart.overrides, templates);
END
$$;
COMMENT ON FUNCTION acct.install_takaful_sample() IS
'Inserts a sample policy for takaful: funds, currencies, a chart of accounts, account overrides of two products, and approved templates in effect from 2000-01-01, whose maker is takaful_sample and whose approver is the caller. An accountant reviews them before use. What is there already stays as it is; called again it changes nothing. Returns a line that says what was inserted.';
-- Sample transactions for the takaful sample: any number, the same on every machine.
--
-- Everything follows from two hashes of the row's number and one of its policy, in integer arithmetic, so that
-- neither the server's version nor its processor changes a cent. Money is counted in cents until the last step.

CREATE FUNCTION acct._sample_transactions(p_month date, p_from bigint, p_to bigint, p_seed integer)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- Each OFFSET 0 keeps the planner from computing a column as often as it is used.
    WITH numbered AS (
        SELECT generate_series(p_from, p_to) AS n,
               hashint8extended(p_seed, p_month - date '2000-01-01') AS month_seed
        OFFSET 0),
    hashed AS (
        SELECT i.n, hashint8extended(i.n, i.month_seed) AS first, hashint8extended(i.n, i.month_seed # 1) AS second
          FROM numbered AS i
        OFFSET 0),
    drawn AS (
        -- The hashes cut into draws.
        SELECT h.n, h.first >> 45 & 262143 AS policy_draw, h.second >> 20 & 16777215 AS group_draw,
               (h.second & 1048575) % 1000 AS day_draw, h.second >> 44 & 524287 AS any_bits,
               (h.first >> 30 & 31)::integer + 1 AS step, h.first >> 35 & 1023 AS part,
               width_bucket((h.first & 1073741823) % 10000,
                            ARRAY[4500, 5500, 6700, 7700, 8600, 8950, 9250, 9470, 9590, 9670, 9770, 9870, 9880,
                                  9920, 9970, 9980, 9988, 9994]::bigint[]) + 1 AS kind
          FROM hashed AS h
        OFFSET 0),
    policied AS (
        -- A hundred policies in a row are one for each share of a product; the first forty have savings, which
        -- some kinds need.
        SELECT d.*, d.group_draw % 2500 * 100
                    + d.policy_draw % CASE WHEN d.kind IN (10, 11, 12) THEN 40 ELSE 100 END AS policy
          FROM drawn AS d
        OFFSET 0),
    dated AS (
        SELECT p.*, hashint8extended(p.policy, p_seed) AS policy_hash,
               width_bucket(p.policy % 100, ARRAY[10, 17, 23, 28, 33, 36, 38, 40, 50, 57, 63, 68, 71, 73, 74, 75,
                                                  87, 91, 94, 96, 97, 98, 99]::bigint[]) + 1 AS product,
               (CASE WHEN p.day_draw < 3 THEN -1 - p.any_bits % 3
                     WHEN p.day_draw < 6 THEN m.days + p.any_bits % 3
                     WHEN p.day_draw < 356 THEN m.days - 1 - p.any_bits % 3
                     WHEN p.day_draw < 606 THEN m.days - 4 - p.any_bits % 7
                     ELSE p.any_bits % m.days END)::integer AS day
          FROM policied AS p
         CROSS JOIN (SELECT (p_month + interval '1 month')::date - p_month AS days) AS m
        OFFSET 0),
    valued AS (
        -- Whole rupiah, skewed as a lognormal amount is: its quantiles, in thousandths of the median of the kind.
        SELECT d.*, (d.policy_hash >> 32 & 65535) % 100 < 6 AS is_usd,
               (ARRAY[1200000, 25000000, 120000, 200000, 150000, 2500000, 9000000, 9000000, 700000, 15000000, 3000000,
                      90000, 200000000, 20000000, 0, 1200000, 1200000, 20000000, 0]::bigint[])[d.kind]
               * (q.quantile[d.step] * (1024 - d.part) + q.quantile[d.step + 1] * d.part) / 1024000 AS rupiah
          FROM dated AS d
         CROSS JOIN (SELECT ARRAY[44, 107, 159, 206, 251, 298, 345, 394, 445, 499, 556, 617, 682, 752, 828, 910, 1000,
                                  1099, 1208, 1329, 1466, 1620, 1798, 2004, 2247, 2539, 2900, 3360, 3977, 4863, 6302,
                                  9349, 38861]::bigint[] AS quantile) AS q
        OFFSET 0),
    priced AS (
        SELECT v.*,
               CASE WHEN v.is_usd THEN v.rupiah * 100 / 15500
                    WHEN v.kind = 1 THEN v.rupiah / 500 * 50000
                    WHEN v.rupiah > 0 THEN v.rupiah * 100 + v.any_bits % 100
                    ELSE 0 END AS amount,
               -- Of ten thousand: the shares of ujrah, investment and tanahud in a contribution.
               (ARRAY[2500, 2750, 2250, 2000, 1850, 2400, 2100, 3000, 4000, 3725, 3250, 3000, 4200, 3500, 4500, 3800,
                      3500, 3250, 4000, 3015, 2875, 2500, 3333, 3000])[v.product] AS ujrah_rate,
               (ARRAY[4500, 4250, 5000, 5500, 6015, 4800, 5200, 3500, 0, 0, 0, 0, 0, 0, 0, 0,
                      0, 0, 0, 0, 0, 0, 0, 0])[v.product] AS investment_rate,
               (ARRAY[0, 250, 0, 750, 0, 300, 0, 1000, 0, 500, 0, 0, 0, 333, 0, 0,
                      0, 0, 0, 0, 0, 0, 0, 0])[v.product] AS tanahud_rate
          FROM valued AS v
        OFFSET 0),
    split AS (
        SELECT a.*,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19)
                        THEN a.amount - a.amount * a.ujrah_rate / 10000 - a.amount * a.investment_rate / 10000
                             - a.amount * a.tanahud_rate / 10000
                    WHEN a.kind IN (4, 6, 7, 8, 12, 13, 14) THEN a.amount
                    WHEN a.kind = 18 THEN -a.amount
                    ELSE 0 END AS tabarru,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19) THEN a.amount * a.tanahud_rate / 10000 ELSE 0 END AS tanahud,
               CASE WHEN a.kind IN (1, 2, 9, 16, 17, 19) THEN a.amount * a.investment_rate / 10000
                    WHEN a.kind = 10 THEN a.amount - a.amount * 3 / 100
                    WHEN a.kind = 11 AND a.any_bits % 100 < 15 THEN -a.amount
                    WHEN a.kind = 11 THEN a.amount
                    ELSE 0 END AS investment,
               CASE WHEN a.kind IN (1, 9, 16, 17, 19) THEN a.amount * a.ujrah_rate / 10000
                    WHEN a.kind IN (3, 5) THEN a.amount
                    WHEN a.kind = 10 THEN a.amount * 3 / 100
                    ELSE 0 END AS ujrah
          FROM priced AS a
        OFFSET 0)
    SELECT (extract(year FROM p_month) * 100 + extract(month FROM p_month))::bigint * 1000000000000
               + abs(p_seed::bigint) % 1000 * 1000000000 + s.n,
           p_month,
           p_month + s.day,
           CASE WHEN (s.policy_hash & 65535) % 100 < 85 THEN 'MAIN' ELSE 'SYARIAH' END,
           (ARRAY['CONTRIB', 'FUND_SETTLE', 'UJRAH_EARN', 'RELEASE', 'COMMISSION', 'RETAKAFUL', 'CLAIM', 'CLAIM_PAY',
                  'REFUND', 'SURRENDER', 'INV_RETURN', 'DRIP', 'QARD', 'SURPLUS', 'MEMO',
                  'UNKNOWN', 'CONTRIB', 'SURPLUS', 'CONTRIB'])[s.kind],
           (ARRAY['FAM-SAVE', 'FAM-EDU', 'FAM-HAJJ', 'FAM-RETIRE', 'FAM-LINK', 'FAM-UMRAH', 'FAM-GOLD', 'FAM-WAQF',
                  'FAM-CREDIT', 'FAM-TERM', 'FAM-GROUP', 'FAM-HEALTH', 'FAM-ACCIDENT', 'FAM-ILLNESS', 'FAM-MICRO',
                  'FAM-MORTGAGE', 'GEN-MOTOR', 'GEN-FIRE', 'GEN-TRAVEL', 'GEN-CARGO', 'GEN-ENGINEERING', 'GEN-HULL',
                  'GEN-LIABILITY', 'GEN-MISC'])[s.product],
           (ARRAY['AGENCY', 'BANCA', 'DIGITAL', 'BROKER', 'DIRECT', 'CORPORATE'])
               [width_bucket((s.policy_hash >> 16 & 65535) % 100, ARRAY[40, 68, 82, 91, 97]::bigint[]) + 1],
           CASE WHEN s.kind NOT IN (2, 11, 13, 14, 18) THEN 'P' || (10000000 + s.policy) END,
           CASE WHEN s.kind = 17 THEN 'XXX' WHEN s.is_usd THEN 'USD' ELSE 'IDR' END,
           (s.tabarru + s.tanahud + s.investment + s.ujrah)::numeric * 0.01,
           s.tabarru::numeric * 0.01,
           s.tanahud::numeric * 0.01,
           s.investment::numeric * 0.01,
           s.ujrah::numeric * 0.01,
           CASE s.kind
               WHEN 7 THEN (ARRAY[jsonb '{"cause": "hospital"}', '{"cause": "accident"}', '{"cause": "death"}',
                                  '{"cause": "fire"}'])[(s.any_bits & 3) + 1]
               WHEN 9 THEN (ARRAY[jsonb '{"reason": "free look"}', '{"reason": "cancelled"}'])[(s.any_bits & 1) + 1]
               WHEN 11 THEN (ARRAY[jsonb '{"asset_class": "sukuk"}', '{"asset_class": "equity"}'])[(s.any_bits & 1) + 1]
               WHEN 15 THEN (ARRAY[jsonb '{"notice": "change of address"}', '{"notice": "statement sent"}'])[(s.any_bits & 1) + 1]
           END
      FROM split AS s;
END;
COMMENT ON FUNCTION acct._sample_transactions(date, bigint, bigint, integer) IS
'The work of sample_transactions(): rows number p_from to p_to of a month and seed. Kinds 1 to 15 are the types of the takaful sample, 16 to 19 those that become exceptions: an unknown type, an unknown currency, a negative surplus, a contribution of nothing.';

CREATE FUNCTION acct._require_sample(p_month date, p_rows bigint, p_seed integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM acct._require_month(p_month);
    IF p_rows IS NULL OR p_rows < 0 OR p_rows > 999999999 THEN
        RAISE EXCEPTION 'rows must be between 0 and 999999999' USING ERRCODE = '22023';
    ELSIF p_seed IS NULL THEN
        RAISE EXCEPTION 'seed must not be NULL' USING ERRCODE = '22004';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_sample(date, bigint, integer) IS
'Raises 22023 or 22004 where month, rows or seed of sample transactions cannot be used.';

CREATE FUNCTION acct.sample_transactions(month date, rows bigint, seed integer DEFAULT 42)
RETURNS TABLE (txn_id bigint, txn_month date, bank_value_date date, entity_code text, txn_type text, product_code text,
               channel text, policy_no text, currency text, gross_amount numeric, tabarru_amount numeric,
               tanahud_amount numeric, investment_amount numeric, ujroh_amount numeric, attributes jsonb)
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
BEGIN
    PERFORM acct._require_sample(sample_transactions.month, sample_transactions.rows, sample_transactions.seed);
    RETURN QUERY
    SELECT s.* FROM acct._sample_transactions(sample_transactions.month, 1, sample_transactions.rows,
                                              sample_transactions.seed) AS s;
END
$$;
COMMENT ON FUNCTION acct.sample_transactions(date, bigint, integer) IS
'Made-up transactions of a month for the takaful sample: every type in a realistic mix, 24 products, 6 channels, 2 entities, rupiah and some dollars, value dates that crowd at the end of the month (under 1 % fall outside it); 0.5 % are notices that are ignored and 0.3 % become exceptions. The same arguments give the same rows everywhere, and fewer rows are the first of more. txn_id is the month (yyyymm), the seed modulo 1000 (three digits) and the row''s number (nine digits). Raises 22023 (not a month, or rows not between 0 and 999999999), 22004 (no seed).';

CREATE FUNCTION acct.generate_sample_transactions(month date, rows bigint, seed integer DEFAULT 42) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    loaded bigint;
BEGIN
    PERFORM acct._require_layout();
    PERFORM acct._require_sample(generate_sample_transactions.month, generate_sample_transactions.rows,
                                 generate_sample_transactions.seed);
    PERFORM acct._make_txn_source_partition(generate_sample_transactions.month);
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel,
                                        policy_no, currency, gross_amount, tabarru_amount, tanahud_amount,
                                        investment_amount, ujroh_amount, attributes)
    SELECT s.* FROM acct._sample_transactions(generate_sample_transactions.month, 1, generate_sample_transactions.rows,
                                              generate_sample_transactions.seed) AS s;
    GET DIAGNOSTICS loaded = ROW_COUNT;
    RETURN loaded;
END
$$;
COMMENT ON FUNCTION acct.generate_sample_transactions(date, bigint, integer) IS
'Loads sample_transactions() of a month as a batch into acct.txn_source_parent, making the month''s partition where it is missing; returns the number of rows. Another seed loads other transactions beside them. Raises what sample_transactions() does, LE010, and 23505 where this month and seed were loaded already.';
-- Nobody but the owner calls anything that install_roles or a DBA did not grant, save what expressions need.

REVOKE ALL ON ALL ROUTINES IN SCHEMA acct FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acct.month_start(date), acct.month_end(date), acct.days_in_month(date),
    acct.to_code(date, text), acct._in_maintenance(),
    acct._hold_template(text, integer), acct.check_expression(text, text) TO PUBLIC;

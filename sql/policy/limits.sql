-- Limits on dates: how far a value date may lie from its month, and which years there are.

CREATE FUNCTION acct._layout_limits() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, acct, pg_temp AS $layout$
BEGIN
    CREATE TABLE IF NOT EXISTS acct.posting_limit (
        name text COLLATE "C" NOT NULL,
        value integer NOT NULL,
        CONSTRAINT posting_limit_pkey PRIMARY KEY (name),
        CONSTRAINT chk_posting_limit CHECK (CASE name WHEN 'months_apart' THEN value BETWEEN 0 AND 12
                                                      WHEN 'first_year' THEN value BETWEEN 1 AND 9999
                                                      WHEN 'last_year' THEN value BETWEEN 1 AND 9999
                                                      ELSE false END)
    );
    CREATE OR REPLACE TRIGGER posting_limit_audit AFTER INSERT OR UPDATE OR DELETE ON acct.posting_limit
        FOR EACH ROW EXECUTE FUNCTION acct._audit_template();
    CREATE OR REPLACE TRIGGER posting_limit_truncate BEFORE TRUNCATE ON acct.posting_limit
        FOR EACH STATEMENT EXECUTE FUNCTION acct._refuse_template_truncate();
    INSERT INTO acct.posting_limit (name, value) VALUES ('months_apart', 12), ('first_year', 1970), ('last_year', 2100)
    ON CONFLICT DO NOTHING;
END
$layout$;
COMMENT ON FUNCTION acct._layout_limits() IS 'The part of install() that creates the table of limits.';

CREATE FUNCTION acct._comment_limits() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $layout$
BEGIN
    COMMENT ON TABLE acct.posting_limit IS 'Limits on dates, changed by a superuser: how far a value date may lie from its month, and the years that months may have.';
    COMMENT ON COLUMN acct.posting_limit.name IS 'months_apart, first_year or last_year.';
    COMMENT ON COLUMN acct.posting_limit.value IS 'Of months_apart, months (0 to 12) between a value date and its txn_month; of the others, a year.';
END
$layout$;
COMMENT ON FUNCTION acct._comment_limits() IS 'The part of install() that describes the objects of limits.sql.';

CREATE FUNCTION acct._posting_limits(OUT months_apart integer, OUT first_year integer, OUT last_year integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    SELECT coalesce(max(p.value) FILTER (WHERE p.name = 'months_apart'), 12),
           coalesce(max(p.value) FILTER (WHERE p.name = 'first_year'), 1970),
           coalesce(max(p.value) FILTER (WHERE p.name = 'last_year'), 2100)
      INTO months_apart, first_year, last_year FROM acct.posting_limit AS p;
END
$$;
COMMENT ON FUNCTION acct._posting_limits() IS 'The limits of acct.posting_limit as one row; where a row is missing, what it is installed with.';

CREATE FUNCTION acct._value_days(p_txn_month date, OUT first date, OUT last date)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT greatest((p_txn_month - a.reach)::date, make_date(l.first_year, 1, 1)),
           least(greatest((p_txn_month + a.reach)::date, (p_txn_month + interval '1 month' - interval '1 day')::date), make_date(l.last_year, 12, 31))
      FROM acct._posting_limits() AS l CROSS JOIN LATERAL (SELECT make_interval(months => l.months_apart) AS reach) AS a
$$;
COMMENT ON FUNCTION acct._value_days(date) IS 'The first and the last value date that runs accept of transactions of a month (BAD_DATE).';

CREATE FUNCTION acct._require_plausible_month(p_month date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    limits record;
BEGIN
    PERFORM acct._require_month(p_month);
    SELECT x.* INTO limits FROM acct._posting_limits() AS x;
    IF NOT extract(year FROM p_month) BETWEEN limits.first_year AND limits.last_year THEN
        RAISE EXCEPTION 'not a plausible month: %', p_month
            USING ERRCODE = '22023',
                  DETAIL = format('Months are those of the years %s to %s.', limits.first_year, limits.last_year),
                  HINT = 'Check the year. Where it is right, have a superuser change first_year or last_year in acct.posting_limit.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_plausible_month(date) IS
'Raises 22023 unless the date is the first day of a month in the years that acct.posting_limit allows.';

CREATE FUNCTION acct._default_partitions() RETURNS TABLE (parent text, partition text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT (pg_identify_object('pg_class'::regclass, p.partrelid, 0)).identity, (pg_identify_object('pg_class'::regclass, p.partdefid, 0)).identity
      FROM pg_partitioned_table AS p
     WHERE p.partdefid <> 0
       -- A month of the source may be partitioned as the site likes.
       AND (p.partrelid IN ('acct.txn_source_parent'::regclass, 'acct.ledger_entry_header'::regclass, 'acct.ledger_entry_line'::regclass)
            OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = p.partrelid AND i.inhparent = 'acct.ledger_entry_line'::regclass));
END
$$;
COMMENT ON FUNCTION acct._default_partitions() IS
'DEFAULT partitions of the tables whose partitions the engine makes. Rows go there that have no month, and then keep their month from being made.';

CREATE FUNCTION acct._refuse_default_partitions() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
DECLARE
    d record;
BEGIN
    SELECT x.* INTO d FROM acct._default_partitions() AS x ORDER BY x.partition LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table % has a default partition: %', d.parent, d.partition
            USING ERRCODE = 'LE010', DETAIL = 'Rows go there that have no partition of their own, and then keep it from being made.',
                  HINT = format('ALTER TABLE %s DETACH PARTITION %s; then load its rows again, into partitions that there are.', d.parent, d.partition);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._refuse_default_partitions() IS 'Raises LE010 where a table whose partitions the engine makes has a DEFAULT partition.';

CREATE FUNCTION acct._health_default_partitions(OUT observed numeric, OUT detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, acct, pg_temp AS $$
    SELECT count(*), acct._first_of(array_agg(format('%s of %s', d.partition, d.parent) ORDER BY d.partition))
      FROM acct._default_partitions() AS d
$$;
COMMENT ON FUNCTION acct._health_default_partitions() IS 'DEFAULT partitions of the source or the ledger: runs and rotation stop with LE010.';

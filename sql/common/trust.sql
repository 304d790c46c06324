-- The first statements of the install script: nothing is made in schemas where somebody else could have put something.

-- What is not qualified is the server's own, whatever stands in schema acct.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION acct._require_trust() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    strange record;
BEGIN
    -- Whatever its kind, an object depends on its schema, and on an owner who is not the bootstrap superuser. The few objects that others
    -- than superusers own come first: catalogs without statistics lead the planner to go through all dependencies for each of them.
    WITH owned AS MATERIALIZED (
        SELECT s.classid, s.objid, r.rolname
          FROM pg_shdepend AS s JOIN pg_roles AS r ON r.oid = s.refobjid AND NOT r.rolsuper
         WHERE s.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
           AND s.objsubid = 0 AND s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o'),
    trusted AS MATERIALIZED (
        SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'acct_cluster', 'ledger_guard')),
    inside AS MATERIALIZED (
        SELECT 'pg_namespace'::regclass::oid AS classid, t.oid AS objid FROM trusted AS t
        UNION ALL
        SELECT d.classid, d.objid FROM pg_depend AS d
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY (ARRAY(SELECT t.oid FROM trusted AS t)) AND d.objsubid = 0)
    SELECT pg_describe_object(o.classid, o.objid, 0) AS name, o.rolname AS owner INTO strange
      FROM owned AS o JOIN inside AS i ON i.classid = o.classid AND i.objid = o.objid
     ORDER BY o.classid = 'pg_namespace'::regclass DESC, o.objid LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% belongs to %, who is not a superuser', strange.name, strange.owner
            USING ERRCODE = 'LE010',
                  DETAIL = 'Objects in schema acct, acct_archive, acct_bi, acct_cluster or ledger_guard are used with the rights of the superuser who owns ledger_engine.',
                  HINT = 'Drop it, or give it to that superuser after looking at it.';
    END IF;
    SELECT n.nspname AS schema, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee INTO strange
      FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
     WHERE n.nspname IN ('acct', 'acct_archive', 'acct_bi', 'acct_cluster', 'ledger_guard') AND a.privilege_type = 'CREATE'
       AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = a.grantee AND r.rolsuper)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% may create objects in schema %', strange.grantee, strange.schema
            USING ERRCODE = 'LE010',
                  DETAIL = 'Objects in it are used with the rights of the superuser who owns ledger_engine.',
                  HINT = format('REVOKE CREATE ON SCHEMA %s FROM %s;', strange.schema, strange.grantee);
    END IF;
END
$$;
COMMENT ON FUNCTION acct._require_trust() IS
'Raises LE010 where schema acct, acct_archive, acct_bi, acct_cluster or ledger_guard, or any object in one, belongs to a role that is no superuser, or such a role may create objects there, which the superuser who installs could use.';

SELECT acct._require_trust();

-- What a user who drops the extension should know before the server advises CASCADE.

CREATE FUNCTION acct._warn_of_cascade() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
    IF current_query() ~* E'\\mledger_engine\\M' THEN
        RAISE NOTICE 'do not drop extension ledger_engine with CASCADE, even where the server advises it'
            USING DETAIL = 'The ledger would stay, but the triggers and defaults that protect loads, policy and balances would go.',
                  HINT = 'For another version: ALTER EXTENSION ledger_engine UPDATE. Where it was dropped: CREATE EXTENSION ledger_engine; SELECT acct.install(); restores them, and acct.install_roles() the rights of its roles.';
    END IF;
END
$$;
COMMENT ON FUNCTION acct._warn_of_cascade() IS
'Event trigger function: before a DROP EXTENSION that names ledger_engine, a NOTICE says what CASCADE would take.';

CREATE EVENT TRIGGER ledger_engine_cascade ON ddl_command_start WHEN TAG IN ('DROP EXTENSION')
    EXECUTE FUNCTION acct._warn_of_cascade();
COMMENT ON EVENT TRIGGER ledger_engine_cascade IS
'Contradicts the advice to add CASCADE that the server gives where the extension cannot be dropped.';

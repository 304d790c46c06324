-- On one path: nothing here depends on it.
-- What a server may be built without: ICU, XML, and the extensions that come with it
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') OR NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') AS lacks \gset
\if :lacks
\echo skipped: this server was built without ICU and XML, or has no contrib
\q
\endif
\set topic server_options
\i test/sql/setup.sql
SELECT acct.check_expression('xmlforest(txn_id) IS NULL', 'condition');
SELECT acct.check_expression('channel COLLATE "und-x-icu" = ''x''', 'condition');

-- A trusted extension needs no right on its schema: CREATE on the database is enough, and would keep install() from working.
DROP ROLE IF EXISTS regress_options_owner;
CREATE ROLE regress_options_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_options_owner', current_database()) AS statement \gexec
CREATE SCHEMA elsewhere AUTHORIZATION regress_options_owner;
SET SESSION AUTHORIZATION regress_options_owner;
CREATE EXTENSION citext SCHEMA acct;
CREATE EXTENSION citext SCHEMA acct_archive;
CREATE EXTENSION citext SCHEMA ledger_guard;
CREATE EXTENSION citext SCHEMA elsewhere;
RESET SESSION AUTHORIZATION;
SELECT acct.install();
SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname = 'citext';
DROP EXTENSION citext;
CREATE EXTENSION citext SCHEMA acct;
DROP EXTENSION citext;
DROP OWNED BY regress_options_owner;
\c :regress_db
DROP DATABASE :"topic_db";
DROP ROLE regress_options_owner;

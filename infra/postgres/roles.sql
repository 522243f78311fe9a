-- The roles of one database of the product, and what each may do there. Run by psql as the server's administrator
-- (the master user on RDS, `postgres` on the embedded server); it may be run again at any time.
--
--   psql -X -v ON_ERROR_STOP=1 -v database=academy -f infra/postgres/roles.sql "$ADMIN_URL"
--
-- Passwords come from the environment, so that they show in no process list: ACADEMY_OWNER_PASSWORD,
-- ACADEMY_APP_PASSWORD, ACADEMY_DISPATCHER_PASSWORD. One that is unset leaves that role's password as it is;
-- set it later with psql's \password, which sends only the hash.
--
--   academy_owner       owns the database and its schemas; runs migrations. Not the running code.
--   academy_app         API and workers. Row-level security always binds it: it owns nothing and bypasses nothing.
--   academy_dispatcher  sends queued jobs of all tenants, through a policy of its own on the jobs table.
-- What academy_app and academy_dispatcher may read and write is granted table by table after each migration.
\set ON_ERROR_STOP 1
\set QUIET 1
SET client_min_messages = warning;

\if :{?database}
\else
    \set database academy
\endif

-- Roles. ALTER ROLE ... NOSUPERUSER needs a superuser, which RDS does not give: so the attributes are set at birth
-- and verified ever after.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', name)
FROM unnest(ARRAY['academy_owner', 'academy_app', 'academy_dispatcher']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

DO $$
DECLARE
    offender text;
BEGIN
    SELECT string_agg(rolname, ', ') INTO offender FROM pg_roles
    WHERE rolname IN ('academy_owner', 'academy_app', 'academy_dispatcher')
      AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication OR NOT rolcanlogin);
    IF offender IS NOT NULL THEN
        RAISE EXCEPTION 'roles with the wrong attributes: %', offender
            USING HINT = 'They must be LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS.';
    END IF;
    SELECT string_agg(format('%s in %s', member.rolname, parent.rolname), ', ') INTO offender
    FROM pg_auth_members
    JOIN pg_roles AS member ON member.oid = pg_auth_members.member
    JOIN pg_roles AS parent ON parent.oid = pg_auth_members.roleid
    WHERE member.rolname IN ('academy_app', 'academy_dispatcher');
    IF offender IS NOT NULL THEN
        RAISE EXCEPTION 'roles that inherit from another: %', offender
            USING HINT = 'A membership carries privileges, and an owner''s membership passes row-level security.';
    END IF;
END
$$;

\getenv owner_password ACADEMY_OWNER_PASSWORD
\if :{?owner_password}
    ALTER ROLE academy_owner PASSWORD :'owner_password';
\endif
\getenv app_password ACADEMY_APP_PASSWORD
\if :{?app_password}
    ALTER ROLE academy_app PASSWORD :'app_password';
\endif
\getenv dispatcher_password ACADEMY_DISPATCHER_PASSWORD
\if :{?dispatcher_password}
    ALTER ROLE academy_dispatcher PASSWORD :'dispatcher_password';
\endif

-- The running code names a tenant's schema in each transaction; outside one it sees `public` only.
ALTER ROLE academy_app SET search_path = public;
-- Shorter than the web server's time-out for a request (infra/gunicorn_conf.py), so that the query is what ends.
ALTER ROLE academy_app SET statement_timeout = '20s';
ALTER ROLE academy_app SET lock_timeout = '10s';
ALTER ROLE academy_app SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE academy_dispatcher SET search_path = public;
ALTER ROLE academy_dispatcher SET statement_timeout = '15s';
ALTER ROLE academy_dispatcher SET lock_timeout = '5s';
ALTER ROLE academy_dispatcher SET idle_in_transaction_session_timeout = '30s';
-- A migration that waits for a lock makes every later query on that table wait behind it: better that it fails.
ALTER ROLE academy_owner SET lock_timeout = '10s';

-- To give something to a role, a non-superuser must be a member of it.
SELECT format('GRANT academy_owner TO %I', current_user)
WHERE NOT pg_has_role(current_user, 'academy_owner', 'SET')
\gexec

-- The database. The collation is by code point (which is dictionary order for Hangul syllables), so that an
-- upgrade of the operating system's locales can never corrupt an index; needs template0.
SELECT :SERVER_VERSION_NUM >= 170000 AS has_builtin_locale \gset
\if :has_builtin_locale
    \set locale 'LOCALE_PROVIDER builtin BUILTIN_LOCALE \'C.UTF-8\' LOCALE \'C\''
\else
    \set locale 'LC_COLLATE \'C\' LC_CTYPE \'C.UTF-8\''
\endif
SELECT format('CREATE DATABASE %I OWNER academy_owner TEMPLATE template0 ENCODING ''UTF8'' %s', :'database', :'locale')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
SELECT format('ALTER DATABASE %I OWNER TO academy_owner', :'database')
FROM pg_database WHERE datname = :'database' AND datdba <> 'academy_owner'::regrole
\gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO academy_app, academy_dispatcher;

\connect :"database"
SET client_min_messages = warning;
-- Its scripts are not trusted: only the administrator (rds_superuser on RDS) can create it.
CREATE EXTENSION IF NOT EXISTS vector;
SELECT 'ALTER SCHEMA public OWNER TO academy_owner'
FROM pg_namespace WHERE nspname = 'public' AND nspowner <> 'academy_owner'::regrole
\gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO academy_app, academy_dispatcher;

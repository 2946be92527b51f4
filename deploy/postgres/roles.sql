-- Roles of the visit service's database.  Run once by a superuser, after `telehealth migrate` ran
-- as telehealth_migrate, and again after a migration that adds tables; it may run any number of
-- times.  Passwords and pg_hba.conf are the operator's: these roles have no password here.
--
--   telehealth_migrate   owns every table; only `telehealth migrate` connects as it
--   telehealth_app       the visit service and the worker: all rows but those of the audit trail,
--                        of which it may read and append
--   telehealth_audit     an auditor's own connection: reads the audit trail, nothing else
--
-- Source: PostgreSQL, GRANT; OWASP ASVS 5.0, 16.4.2 (logs protected from modification).

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'telehealth_migrate') THEN
        CREATE ROLE telehealth_migrate LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'telehealth_app') THEN
        CREATE ROLE telehealth_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'telehealth_audit') THEN
        CREATE ROLE telehealth_audit LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO telehealth_migrate;
GRANT USAGE ON SCHEMA public TO telehealth_app, telehealth_audit;

-- Everything belongs to the role that migrates, wherever it was made.
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO telehealth_migrate', each.tablename);
    END LOOP;
    FOR each IN
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
    LOOP
        EXECUTE format('ALTER FUNCTION public.%I() OWNER TO telehealth_migrate', each.proname);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO telehealth_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO telehealth_app;
REVOKE ALL ON audit_entries FROM telehealth_app;
GRANT SELECT, INSERT ON audit_entries TO telehealth_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM telehealth_app;

GRANT SELECT ON audit_entries, audit_head_exports TO telehealth_audit;

-- Tables of later migrations: all but the audit trail, which is there already.
ALTER DEFAULT PRIVILEGES FOR ROLE telehealth_migrate IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO telehealth_app;

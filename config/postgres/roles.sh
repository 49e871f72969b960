#!/bin/sh
# Run once, by the PostgreSQL image, on an empty volume: the two roles and the database, as config/embedded.py makes
# them. The owner migrates; the application's role can neither change tables nor switch the triggers off.
set -eu

password_of() {
    sed -E 's#^[a-z]+://[^:]+:([^@]+)@.*$#\1#' "/run/secrets/$1"
}

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname template1 \
    --set=owner_password="$(password_of owner_database_url)" --set=app_password="$(password_of database_url)" <<'SQL'
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE ROLE journal_owner LOGIN CREATEDB PASSWORD :'owner_password';
CREATE ROLE journal_app LOGIN PASSWORD :'app_password';
ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO journal_app;
ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner GRANT USAGE, SELECT ON SEQUENCES TO journal_app;
SQL
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --command 'CREATE DATABASE journal OWNER journal_owner'

"""The database itself refuses to change history, and the application's role may not even try."""

from django.db import migrations

APPEND_ONLY = ["accounts_auditevent", "accounts_ledgerentry"]

FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def triggers(table: str) -> str:
    return f"""
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """


def no_triggers(table: str) -> str:
    return f"DROP TRIGGER refuse_change ON {table}; DROP TRIGGER refuse_truncate ON {table};"


def revoke(table: str) -> str:
    return f"""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
            REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM journal_app;
        END IF;
    END $$
    """


# An import that makes a thousand accounts must be able to tell the planner of them.
MAINTAIN = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
        GRANT MAINTAIN ON accounts_account TO journal_app;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_change()"),
        *[migrations.RunSQL(triggers(table), no_triggers(table)) for table in APPEND_ONLY],
        *[migrations.RunSQL(revoke(table), migrations.RunSQL.noop) for table in APPEND_ONLY],
        migrations.RunSQL(MAINTAIN, migrations.RunSQL.noop),
    ]

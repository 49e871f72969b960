"""History of risk is append-only, its configuration is always there, and limits are of accounts of their owner."""

from django.db import migrations

APPEND_ONLY = ["trading_riskconfigrevision", "trading_breakerevent"]
OWNED = ["trading_risklimit", "trading_breakerstate"]


def triggers(table: str) -> str:
    return f"""
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """


def no_triggers(table: str) -> str:
    return f"DROP TRIGGER refuse_change ON {table}; DROP TRIGGER refuse_truncate ON {table};"


def revoke(table: str, what: str = "UPDATE, DELETE, TRUNCATE") -> str:
    return f"""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
            REVOKE {what} ON {table} FROM journal_app;
        END IF;
    END $$
    """


STAYS = """
CREATE FUNCTION refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is the one row of its table: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER refuse_removal BEFORE DELETE ON trading_riskconfig
    FOR EACH ROW EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON trading_riskconfig
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
"""
MAY_GO = """
DROP TRIGGER refuse_removal ON trading_riskconfig;
DROP TRIGGER refuse_truncate ON trading_riskconfig;
DROP FUNCTION refuse_removal();
"""


def owned(table: str) -> str:
    return f"""
    ALTER TABLE {table} ADD CONSTRAINT {table}_account_of_owner
        FOREIGN KEY (account_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
    """


def make_the_row(apps, schema_editor):
    apps.get_model("trading", "RiskConfig").objects.using(schema_editor.connection.alias).get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("trading", "0010_risk"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunPython(make_the_row, migrations.RunPython.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        *[migrations.RunSQL(triggers(table), no_triggers(table)) for table in APPEND_ONLY],
        *[migrations.RunSQL(revoke(table), migrations.RunSQL.noop) for table in APPEND_ONLY],
        migrations.RunSQL(STAYS, MAY_GO),
        migrations.RunSQL(revoke("trading_riskconfig", "DELETE, TRUNCATE"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(owned(table), f"ALTER TABLE {table} DROP CONSTRAINT {table}_account_of_owner")
            for table in OWNED
        ],
    ]

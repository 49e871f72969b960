"""Events of orders are never changed, and an order stands under an account of its owner."""

from django.db import migrations

TABLE = "trading_orderevent"

OWNED = """
ALTER TABLE trading_order ADD CONSTRAINT trading_order_account_of_owner
    FOREIGN KEY (account_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [("trading", "0012_orders"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(OWNED, "ALTER TABLE trading_order DROP CONSTRAINT trading_order_account_of_owner"),
        migrations.RunSQL(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {TABLE}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {TABLE}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
            """,
            f"DROP TRIGGER refuse_change ON {TABLE}; DROP TRIGGER refuse_truncate ON {TABLE};",
        ),
        migrations.RunSQL(
            f"""
            DO $$ BEGIN
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
                    REVOKE UPDATE, DELETE, TRUNCATE ON {TABLE} FROM journal_app;
                END IF;
            END $$
            """,
            migrations.RunSQL.noop,
        ),
    ]

"""What was copied is kept as it was, under the wallet's own owner."""

from django.db import migrations

TABLE = "intelligence_copiedposition"
ONCE = f"""
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {TABLE} FROM journal_app;
    END IF;
END $$;
"""
NOT_ONCE = f"DROP TRIGGER refuse_change ON {TABLE}; DROP TRIGGER refuse_truncate ON {TABLE};"

OWNED = f"""
ALTER TABLE {TABLE} ADD CONSTRAINT intelligence_copiedposition_wallet_of_owner
    FOREIGN KEY (wallet_id, owner_id) REFERENCES intelligence_wallet (id, owner_id) DEFERRABLE INITIALLY DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0005_copying"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(ONCE, NOT_ONCE),
        migrations.RunSQL(OWNED, f"ALTER TABLE {TABLE} DROP CONSTRAINT intelligence_copiedposition_wallet_of_owner"),
    ]

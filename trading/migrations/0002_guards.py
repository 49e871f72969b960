"""What is stated of a fill never changes; whether it counts, its trading day and the file it is ascribed to may."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION refuse_execution_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - ARRAY['voided_at', 'executed_on', 'sort_at', 'batch_id', 'line']
       IS DISTINCT FROM to_jsonb(OLD) - ARRAY['voided_at', 'executed_on', 'sort_at', 'batch_id', 'line'] THEN
        RAISE EXCEPTION 'fills are immutable: correct one by a new fill that names it'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_execution_change BEFORE UPDATE ON trading_execution
    FOR EACH ROW EXECUTE FUNCTION refuse_execution_change();
"""

UNDO = "DROP TRIGGER refuse_execution_change ON trading_execution; DROP FUNCTION refuse_execution_change();"


OWNED = ["trading_execution", "trading_trade"]


def owned(table: str) -> str:
    return f"""
    ALTER TABLE {table} ADD CONSTRAINT {table}_account_of_owner
        FOREIGN KEY (account_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
    """


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, UNDO),
        *[
            migrations.RunSQL(owned(table), f"ALTER TABLE {table} DROP CONSTRAINT {table}_account_of_owner")
            for table in OWNED
        ],
    ]

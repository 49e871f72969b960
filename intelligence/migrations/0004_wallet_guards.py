"""What the database refuses of wallets, tokens, deliveries and signals, whoever asks."""

from django.db import migrations

APPEND_ONLY = [
    "intelligence_signal",
    "intelligence_signaloutcome",
    "intelligence_signalcheck",
    "intelligence_tokenlisting",
]


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


def owned(column: str) -> str:
    return f"""
    ALTER TABLE intelligence_wallet ADD CONSTRAINT intelligence_wallet_{column}_of_owner
        FOREIGN KEY ({column}_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
    """


# An address is what a wallet is; with another one its signals would be of somebody else.
WALLET = """
CREATE FUNCTION refuse_other_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.address <> OLD.address OR NEW.owner_id <> OLD.owner_id THEN
        RAISE EXCEPTION 'a wallet keeps its address and owner: refused'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_other_wallet BEFORE UPDATE OF address, owner_id ON intelligence_wallet
    FOR EACH ROW EXECUTE FUNCTION refuse_other_wallet();
"""
NO_WALLET = "DROP TRIGGER refuse_other_wallet ON intelligence_wallet; DROP FUNCTION refuse_other_wallet();"

# A ban ends by a lifting of that very ban, which says who and why, or not at all; deleting the row would end it too.
TOKEN = """
CREATE FUNCTION refuse_silent_lifting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.is_blacklisted THEN
            RAISE EXCEPTION 'a blacklisted token stays: DELETE refused'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.address <> OLD.address THEN
        RAISE EXCEPTION 'a token keeps its address: refused' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.is_blacklisted AND NEW.is_blacklisted AND NEW.blacklisted_at <> OLD.blacklisted_at THEN
        RAISE EXCEPTION 'a ban keeps its time: refused' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.is_blacklisted AND NOT NEW.is_blacklisted AND NOT EXISTS (
        SELECT FROM intelligence_tokenlisting
        WHERE token_id = OLD.id AND kind = 'lifted' AND lifts = OLD.blacklisted_at
    ) THEN
        RAISE EXCEPTION 'only an audited correction lifts a ban: refused'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_silent_lifting BEFORE UPDATE OR DELETE ON intelligence_token
    FOR EACH ROW EXECUTE FUNCTION refuse_silent_lifting();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON intelligence_token
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
NO_TOKEN = """
DROP TRIGGER refuse_silent_lifting ON intelligence_token;
DROP TRIGGER refuse_truncate ON intelligence_token;
DROP FUNCTION refuse_silent_lifting();
"""

DELIVERY = """
CREATE FUNCTION refuse_other_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.body, NEW.digest, NEW.source, NEW.received_at) IS DISTINCT FROM
        (OLD.body, OLD.digest, OLD.source, OLD.received_at) OR NEW.event_id IS DISTINCT FROM OLD.event_id
        OR NEW.owner_id IS DISTINCT FROM OLD.owner_id THEN
        RAISE EXCEPTION 'what was delivered stays as it came: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_other_delivery
    BEFORE UPDATE OF body, digest, source, received_at, event_id, owner_id OR DELETE ON intelligence_webhookdelivery
    FOR EACH ROW EXECUTE FUNCTION refuse_other_delivery();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON intelligence_webhookdelivery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
NO_DELIVERY = """
DROP TRIGGER refuse_other_delivery ON intelligence_webhookdelivery;
DROP TRIGGER refuse_truncate ON intelligence_webhookdelivery;
DROP FUNCTION refuse_other_delivery();
"""


def make_the_row(apps, schema_editor):
    registration = apps.get_model("intelligence", "WebhookRegistration")
    registration.objects.using(schema_editor.connection.alias).get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0003_wallets_and_signals"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunPython(make_the_row, migrations.RunPython.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        *[migrations.RunSQL(triggers(table), no_triggers(table)) for table in APPEND_ONLY],
        *[migrations.RunSQL(revoke(table), migrations.RunSQL.noop) for table in APPEND_ONLY],
        migrations.RunSQL(WALLET, NO_WALLET),
        migrations.RunSQL(TOKEN, NO_TOKEN),
        migrations.RunSQL(DELIVERY, NO_DELIVERY),
        migrations.RunSQL(revoke("intelligence_webhookdelivery", "DELETE, TRUNCATE"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(
                owned(column),
                f"ALTER TABLE intelligence_wallet DROP CONSTRAINT intelligence_wallet_{column}_of_owner",
            )
            for column in ("simulation_account", "live_account")
        ],
    ]

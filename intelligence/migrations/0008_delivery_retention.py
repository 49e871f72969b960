"""What was delivered and is done with may go after a while: its bytes, and the row too where no signal names it."""

from django.db import migrations, models

# As before, but for what is done with: never within a day, and never into other bytes.
DELIVERY = """
CREATE OR REPLACE FUNCTION refuse_other_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_done boolean := OLD.status IN ('parsed', 'ignored') AND OLD.received_at < now() - interval '1 day';
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF is_done THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'what was delivered stays as it came: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.body IS DISTINCT FROM OLD.body AND NOT (is_done AND NEW.body = '' AND NEW.purged_at IS NOT NULL))
        OR (NEW.digest, NEW.source, NEW.received_at) IS DISTINCT FROM (OLD.digest, OLD.source, OLD.received_at)
        OR NEW.event_id IS DISTINCT FROM OLD.event_id OR NEW.owner_id IS DISTINCT FROM OLD.owner_id THEN
        RAISE EXCEPTION 'what was delivered stays as it came: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION refuse_other_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.body, NEW.digest, NEW.source, NEW.received_at) IS DISTINCT FROM
        (OLD.body, OLD.digest, OLD.source, OLD.received_at) OR NEW.event_id IS DISTINCT FROM OLD.event_id
        OR NEW.owner_id IS DISTINCT FROM OLD.owner_id THEN
        RAISE EXCEPTION 'what was delivered stays as it came: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def to_the_app(verb: str, preposition: str) -> str:
    return f"""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
            {verb} DELETE ON intelligence_webhookdelivery {preposition} journal_app;
        END IF;
    END $$
    """


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0007_news_and_analyses")]

    operations = [
        migrations.AddField(
            model_name="webhookdelivery",
            name="purged_at",
            field=models.DateTimeField(db_comment="When its bytes went; its signals stay, so the row does", null=True),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("purged_at__isnull", True), ("status__in", ["parsed", "ignored"])),
                fields=["received_at"],
                name="webhook_delivery_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("purged_at__isnull", True),
                    models.Q(("body", b""), ("status__in", ["parsed", "ignored"])),
                    _connector="OR",
                ),
                name="webhook_delivery_purged_when_done",
            ),
        ),
        migrations.RunSQL(DELIVERY, BEFORE),
        migrations.RunSQL(to_the_app("GRANT", "TO"), to_the_app("REVOKE", "FROM")),
    ]

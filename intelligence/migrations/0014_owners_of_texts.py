"""What a decision came to and what a text means is of the one whose decision, note or trade it is."""

from django.db import migrations, models


def owned(table: str) -> migrations.RunSQL:
    name = f"intelligence_{table}_decision_of_owner"
    return migrations.RunSQL(
        f"ALTER TABLE intelligence_{table} ADD CONSTRAINT {name} FOREIGN KEY (decision_id, owner_id) "
        "REFERENCES intelligence_decision (id, owner_id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE intelligence_{table} DROP CONSTRAINT {name}",
    )


# A key of its own for this would make every trade that is written dearer; a text is written now and then.
OTHERS = """
CREATE FUNCTION refuse_text_of_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM journal_note WHERE id = NEW.note_id AND owner_id = NEW.owner_id
        UNION ALL SELECT FROM trading_trade WHERE id = NEW.trade_id AND owner_id = NEW.owner_id
    ) THEN
        RAISE EXCEPTION 'an embedding is of the owner of its text: refused'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_text_of_another BEFORE INSERT OR UPDATE OF owner_id, note_id, trade_id ON intelligence_embedding
    FOR EACH ROW WHEN (NEW.decision_id IS NULL) EXECUTE FUNCTION refuse_text_of_another();
"""
NO_OTHERS = "DROP TRIGGER refuse_text_of_another ON intelligence_embedding; DROP FUNCTION refuse_text_of_another();"


class Migration(migrations.Migration):
    dependencies = [
        ("intelligence", "0013_words_of_groups"),
        ("journal", "0001_initial"),
        ("trading", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(fields=("id", "owner"), name="decision_id_owner"),
        ),
        owned("decisionoutcome"),
        owned("embedding"),
        migrations.RunSQL(OTHERS, NO_OTHERS),
    ]

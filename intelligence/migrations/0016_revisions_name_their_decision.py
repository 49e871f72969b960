"""A revision names its decision in the program as well; in the database it is the number that it was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0015_sales_tried_again")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(model_name="decisionrevision", name="decision_revision_unique"),
                migrations.RemoveField(model_name="decisionrevision", name="decision_id"),
                migrations.AddField(
                    model_name="decisionrevision",
                    name="decision",
                    field=models.ForeignKey(
                        db_comment="A plain number, likewise", db_constraint=False, db_index=False, default=0,
                        on_delete=models.DO_NOTHING, related_name="+", to="intelligence.decision",
                    ),
                    preserve_default=False,
                ),
                migrations.AddConstraint(
                    model_name="decisionrevision",
                    constraint=models.UniqueConstraint(
                        fields=("decision", "number"), name="decision_revision_unique"
                    ),
                ),
            ]
        )
    ]

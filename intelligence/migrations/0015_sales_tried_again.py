"""A sale whose working failed is tried again, and says so."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0014_owners_of_texts")]

    operations = [
        migrations.CreateModel(
            name="SignalRetry",
            fields=[
                (
                    "signal",
                    models.OneToOneField(
                        on_delete=models.PROTECT, primary_key=True, related_name="retry", serialize=False,
                        to="intelligence.signal",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(db_comment="That failed; the next is one more")),
                ("problem", models.CharField(db_comment="Of the last of them", max_length=500)),
                (
                    "plans",
                    models.JSONField(
                        blank=True, db_comment="Outside ids of plans that it got out of all the same", default=list
                    ),
                ),
                ("failed_at", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "signal retries",
                "db_table_comment": (
                    "Command log: sales that failed and are tried again; the row stays when one has its outcome"
                ),
                "constraints": [
                    models.CheckConstraint(condition=Q(attempts__gt=0), name="signal_retry_attempts_positive"),
                    models.CheckConstraint(condition=~Q(problem=""), name="signal_retry_says_why"),
                    models.CheckConstraint(
                        condition=Q(next_attempt_at__gt=F("failed_at")), name="signal_retry_after_failure"
                    ),
                ],
            },
        ),
    ]

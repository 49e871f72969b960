"""What of the memory is in a person's archive: decisions as they read now, and how each ended."""

from django.db.models import Q

from intelligence.models import Decision, DecisionOutcome
from journal.archive.tables import Table, all_columns

TABLES = (
    Table(
        "decisions",
        Decision,
        all_columns(Decision, "deleted_at"),
        refs={"account": "accounts", "order": "orders", "managed_position": "managed_positions"},
        many={"instruments": "instruments"},
        of=lambda owner: Q(owner=owner, deleted_at__isnull=True),
    ),
    Table(
        "decision_outcomes",
        DecisionOutcome,
        ("id", *all_columns(DecisionOutcome)),
        refs={"decision": "decisions"},
        of=lambda owner: Q(owner=owner, decision__deleted_at__isnull=True),
    ),
)

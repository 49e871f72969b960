"""Decisions filtered, as the list, the statistics and the page have it in common."""

from django.db.models import Q, QuerySet

from intelligence.models import Decision
from intelligence.search_filters import Filters

OUTCOMES = ("win", "loss", "breakeven", "resolved", "open")


def filtered(decisions: QuerySet[Decision], filters: Filters) -> QuerySet[Decision]:
    """Those of the decisions that the filters let through."""
    plain = {
        "action": filters.action,
        "strategy": filters.strategy,
        "actor_kind": filters.actor_kind,
        "actor": filters.actor,
        "account__public_id": filters.account,
    }
    decisions = decisions.filter(**{name: value for name, value in plain.items() if value not in ("", None)})
    if filters.symbol:
        named = "named__instrument__"
        is_it = Q(**{f"{named}symbol": filters.symbol}) | Q(**{f"{named}root_id": filters.symbol})
        wanted = Decision.objects.filter(is_it | Q(**{f"{named}underlying": filters.symbol}))
        decisions = decisions.filter(pk__in=wanted.values("pk"))
    if filters.since is not None:
        decisions = decisions.filter(decided_at__gte=filters.since)
    if filters.until is not None:
        decisions = decisions.filter(decided_at__lt=filters.until)
    if filters.outcome in ("resolved", "open"):
        return decisions.filter(outcome__isnull=filters.outcome == "open")
    return decisions.filter(outcome__outcome=filters.outcome) if filters.outcome else decisions


def shown(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    """The same with all that a row shows, in a few queries for all of them."""
    return decisions.select_related("account", "order", "managed_position", "outcome").prefetch_related(
        "named__instrument"
    )

"""One trading day: what was traded, planned and written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db.models import F, Max, Min, Q

from accounts.models import User
from journal import chosen_trades, note_lists
from journal.filters import MetricsFilter
from journal.models import DayRollup, Note, NoteKind, OwnerDay
from trading.models import Tag, TagRole, Trade

#: Trades that the page of a day shows; the list of trades has all of them.
MOST_TRADES = 50


@dataclass(frozen=True, slots=True)
class Day:
    """What was traded, planned and written on one day."""

    trade_total: int
    trades: Sequence[Trade]
    opened: Sequence[Trade]
    plans: Sequence[Note]
    reviews: Sequence[Note]
    notes: Sequence[Note]
    mistakes: Sequence[tuple[Tag, int]]
    tags: Sequence[tuple[Tag, int]]
    earlier: date | None
    later: date | None


def of(user: User, wanted: MetricsFilter, day: date) -> Day:
    """The day as the filter's accounts had it; the filter's own days do not matter."""
    found = replace(wanted, start=day, end=day)
    trades = chosen_trades.trades_of(user, found)
    notes = list(note_lists.shown(note_lists.notes_of(user, found)).order_by("id"))
    counts = note_lists.tag_counts(trades)
    # Closed later or not yet, in the words of the index of such trades.
    later_or_never = Q(closed_on__isnull=True) | Q(closed_on__gt=F("opened_on"))
    opened = Trade.objects.for_user(user).filter(later_or_never, opened_on=day)
    if wanted.is_by_account:
        opened = opened.filter(account__in=note_lists.accounts_of(user, wanted))
    earlier, later = _neighbours(user, wanted, day)
    return Day(
        trade_total=trades.count(),
        trades=list(
            trades.select_related("account", "instrument")
            .prefetch_related("tags")
            .order_by("activity_at", "id")[:MOST_TRADES]
        ),
        opened=list(opened.select_related("account", "instrument").order_by("activity_at", "id")[:MOST_TRADES]),
        plans=[note for note in notes if note.kind == NoteKind.PLAN],
        reviews=[note for note in notes if note.kind == NoteKind.REVIEW],
        notes=[note for note in notes if note.kind == NoteKind.NOTE],
        mistakes=[pair for pair in counts if _role(pair[0]) == TagRole.MISTAKE],
        tags=[pair for pair in counts if _role(pair[0]) != TagRole.MISTAKE],
        earlier=earlier,
        later=later,
    )


def _role(tag: Tag) -> str:
    return tag.group.role if tag.group else TagRole.PLAIN


def _neighbours(user: User, wanted: MetricsFilter, day: date) -> tuple[date | None, date | None]:
    """The trading days before and after it, of the filter's accounts."""
    if not wanted.is_by_account:
        rows = OwnerDay.objects.filter(owner=user)
        return (
            rows.filter(day__lt=day).aggregate(found=Max("day"))["found"],
            rows.filter(day__gt=day).aggregate(found=Min("day"))["found"],
        )
    some = DayRollup.objects.filter(owner=user, account__in=note_lists.accounts_of(user, wanted))
    return (
        some.filter(day__lt=day).aggregate(found=Max("day"))["found"],
        some.filter(day__gt=day).aggregate(found=Min("day"))["found"],
    )

"""The stream of the journal: days with what they made and what was written of them, the newest first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Prefetch, QuerySet
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _

from accounts.models import User
from journal import breakdowns, chosen_trades, reading, search
from journal.figures import CalendarDay
from journal.filters import MetricsFilter
from journal.models import Attachment, Note
from trading.models import Tag, Trade

DAYS_OF_A_PAGE = 20
#: Notes of trades shown of one day; the day's page has all of them.
NOTED_OF_A_DAY = 5
#: Notes that a file reads at a time.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """What the stream is limited to besides the frame's accounts and days."""

    words: str = ""
    kind: str = ""
    tag: Tag | None = None

    @property
    def is_about_words(self) -> bool:
        """Whether days without a matching note are left out."""
        return bool(self.words or self.kind or self.tag)


@dataclass(frozen=True, slots=True)
class StreamDay:
    """One day of the stream. `made` is None on days without trades, `r` on those without a multiple of risk."""

    day: date
    made: CalendarDay | None
    notes: Sequence[Note]
    noted: Sequence[Trade]
    r: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A page of the stream. `before` leads to the next: the days before it."""

    days: Sequence[StreamDay]
    before: date | None
    currency: str | None


def shown(notes: QuerySet[Note]) -> QuerySet[Note]:
    """The notes with all that a page shows of them."""
    return notes.select_related("account").prefetch_related(
        Prefetch("tags", Tag.objects.select_related("group").order_by("name", "id")),
        Prefetch("attachments", Attachment.objects.filter(deleted_at__isnull=True).order_by("id")),
    )


def notes_of(user: User, wanted: MetricsFilter) -> Any:
    """The person's notes of the filter's accounts and days, each with `on`: its day, else that of its writing.

    The type is open, as none knows of `on`. Where accounts are chosen, notes of a day and no account belong to none.
    """
    notes: Any = Note.objects.for_user(user).annotate(on=Coalesce("day", TruncDate("created_at")))
    if wanted.is_by_account:
        notes = notes.filter(account__in=accounts_of(user, wanted))
    if wanted.start is not None:
        notes = notes.filter(on__gte=wanted.start)
    if wanted.end is not None:
        notes = notes.filter(on__lte=wanted.end)
    return notes


def accounts_of(user: User, wanted: MetricsFilter) -> list[int]:
    """The accounts that the filter leaves."""
    where, values = chosen_trades.accounts_where(user.pk, wanted)
    return [pk for (pk,) in reading.rows(f"SELECT a.id FROM accounts_account a WHERE {where}", values)]  # noqa: S608


def stream(user: User, wanted: MetricsFilter, chosen: StreamFilter, *, before: date | None = None) -> Stream:
    """The newest days with trades or notes, before a day where one is given."""
    notes = _chosen(notes_of(user, wanted), chosen)
    calendar = breakdowns.calendar(user, wanted)
    made = {each.date: each for each in calendar.days}
    written = set(notes.order_by().values_list("on", flat=True).distinct())
    days = written if chosen.is_about_words else written | set(made)
    ordered = sorted((day for day in days if before is None or day < before), reverse=True)
    page = ordered[:DAYS_OF_A_PAGE]
    by_day: dict[date, list[Note]] = {}
    found: Any = shown(notes.filter(on__in=page))
    for note in found.order_by("-on", "-id"):
        by_day.setdefault(note.on, []).append(note)
    noted = {} if chosen.is_about_words else _noted(user, wanted, page)
    return Stream(
        days=[
            StreamDay(day, made.get(day), by_day.get(day, []), noted.get(day, []), calendar.in_r.get(day))
            for day in page
        ],
        before=page[-1] if len(ordered) > len(page) else None,
        currency=calendar.currency,
    )


def table(user: User, wanted: MetricsFilter, chosen: StreamFilter) -> tuple[list[str], Iterator[list[object]]]:
    """The headings and the rows of every note of the stream, the newest first; the text is Markdown as it was typed."""
    notes = _chosen(notes_of(user, wanted), chosen).select_related("account")
    notes = notes.prefetch_related(Prefetch("tags", Tag.objects.order_by("name", "id")))
    headings = [_("Day"), _("Kind"), _("Title"), _("Account"), _("Tags"), _("Text"), _("Written"), _("Changed")]
    rows = (
        [
            note.on,
            note.get_kind_display(),
            note.title,
            note.account.name if note.account else "",
            ", ".join(tag.name for tag in note.tags.all()),
            note.text,
            note.created_at,
            note.updated_at,
        ]
        for note in notes.order_by("-on", "-id").iterator(chunk_size=_CHUNK)
    )
    return headings, rows


def _chosen(notes: Any, chosen: StreamFilter) -> Any:
    """Those of the notes that the stream is limited to."""
    if chosen.words:
        notes = search.matching_notes(notes, chosen.words)
    if chosen.kind:
        notes = notes.filter(kind=chosen.kind)
    return notes if chosen.tag is None else notes.filter(tags=chosen.tag)


def _noted(user: User, wanted: MetricsFilter, days: Iterable[date]) -> dict[date, list[Trade]]:
    """Of each day the last trades closed on it that something was written of."""
    trades = Trade.objects.for_user(user).filter(closed_on__in=list(days)).exclude(note="")
    if wanted.is_by_account:
        trades = trades.filter(account__in=accounts_of(user, wanted))
    found: dict[date, list[Trade]] = {}
    for trade in trades.select_related("instrument", "account").order_by("-closed_on", "-activity_at", "-id")[:200]:
        assert trade.closed_on is not None
        of_day = found.setdefault(trade.closed_on, [])
        if len(of_day) < NOTED_OF_A_DAY:
            of_day.append(trade)
    return found


def tag_counts(trades: QuerySet[Trade]) -> list[tuple[Tag, int]]:
    """The tags of these trades with how many carry each, the most frequent first."""
    # From the trades themselves: what chooses them names their table, so that it cannot be a subquery.
    carried = trades.filter(tags__isnull=False).order_by()
    counts: dict[int, int] = dict(carried.values_list("tags").annotate(Count("pk")))
    tags = Tag.objects.filter(pk__in=counts).select_related("group").order_by(F("group__position").asc(nulls_last=True))
    return sorted(((tag, counts[tag.pk]) for tag in tags), key=lambda pair: (-pair[1], pair[0].name))

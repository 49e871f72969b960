"""Date ranges with a name, and the ones before and after them."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Days = tuple[date | None, date | None]
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A date range with a name."""

    key: str
    words: str | Promise
    start: date | None
    end: date | None
    is_current: bool = False


def named(today: date) -> list[Span]:
    """The date ranges that have a name, around a day: Monday begins the week, and none of them lies ahead."""
    starts = {kind: _first(kind, today) for kind in ("week", "month", "quarter", "year")}
    return [
        Span("today", _("Today"), today, today),
        Span("week", _("This week"), starts["week"], today),
        Span("month", _("This month"), starts["month"], today),
        Span("quarter", _("This quarter"), starts["quarter"], today),
        Span("year", _("This year"), starts["year"], today),
        Span("all", _("All time"), None, None),
    ]


def _first(kind: str, day: date) -> date:
    """The first day of the period of this kind that the day is in."""
    if kind == "week":
        return day - timedelta(days=day.weekday())
    if kind == "month":
        return day.replace(day=1)
    if kind == "quarter":
        return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return date(day.year, 1, 1)


def _last(kind: str, day: date) -> date:
    """The last day of the period of this kind that the day is in."""
    if kind == "week":
        return _first(kind, day) + timedelta(days=6)
    month = {"month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 3, "year": 12}[kind]
    return date(day.year, month, calendar.monthrange(day.year, month)[1])


def kind_of(start: date, end: date, *, today: date) -> str:
    """Which period a range is, whole or up to today: week, month, quarter or year; "" for any other."""
    for kind in ("week", "month", "quarter", "year"):
        if start == _first(kind, start) and end in {_last(kind, start), min(today, _last(kind, start))}:
            return kind
    return ""


def before(start: date, end: date, *, today: date) -> tuple[date, date]:
    """The whole period before this one; for a range of no kind the days before it, as many as it has."""
    kind = kind_of(start, end, today=today) if start != end else ""
    if not kind:
        return start - (end - start) - ONE_DAY, start - ONE_DAY
    return _first(kind, start - ONE_DAY), start - ONE_DAY


def after(start: date, end: date, *, today: date) -> tuple[date, date] | None:
    """The period after this one, up to today if it is the running one; None where it lies ahead."""
    kind = kind_of(start, end, today=today) if start != end else ""
    first = _last(kind, start) + ONE_DAY if kind else end + ONE_DAY
    if first > today:
        return None
    return first, min(_last(kind, first) if kind else first + (end - start), today)

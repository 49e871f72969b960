"""What the views of several pages ask: whose page it is, which days and positions it is about, how far it is behind."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import User
from accounts.permissions import person_of
from journal import charts, chosen_trades, reports, units
from journal.figures import AggregateMetrics, Answer
from journal.filters import MetricsFilter
from journal.units import Scale, Unit
from trading.models import Position

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
#: Rows of a panel that is a beginning of something longer.
FEW = 8


def scale_of(request: HttpRequest, wanted: MetricsFilter) -> Scale:
    """What the amounts of a page with these trades are measured by. Raises InvalidValue for an unknown unit."""
    unit = units.of(request)
    if unit is not Unit.PERCENT:
        return Scale(unit)
    # Only percent needs to know what it is of.
    return units.scale(unit, reports.aggregate_metrics(person_of(request), wanted))


def best_and_worst(metrics: AggregateMetrics) -> dict[str, Any]:
    """The accounts that made most and least, among those that traded."""
    traded = [each for each in metrics.accounts if each.has_traded and each.converted_pnl is not None]
    ranked = sorted(traded, key=lambda each: each.converted_pnl or 0, reverse=True)
    half = FEW // 2
    best = ranked[:half]
    return {"best": best, "worst": ranked[max(half, len(ranked) - half) :], "traded": len(traded)}


def positions_of(person: User, wanted: MetricsFilter) -> Any:
    rows = Position.objects.for_user(person).select_related("account", "instrument", "trade")
    # Whatever chooses trades chooses positions, but for days: what is open now has not ended on any.
    chosen = replace(wanted, start=None, end=None, weekday=None)
    if chosen != MetricsFilter():
        rows = rows.filter(trade__in=chosen_trades.trades_of(person, replace(chosen, status="open")))
    return rows.order_by("-opened_on", "-id")


def standing(*answers: Answer) -> dict[str, Any]:
    """Whether what is shown is behind, and by how much."""
    return {"is_stale": any(each.stale for each in answers), "missing": max(each.missing_days for each in answers)}


def month_of(request: HttpRequest, wanted: MetricsFilter, *, today: date, last: str) -> date:
    """The first of the month to show: the one asked for, else the last one of the range that has trades."""
    asked = request.GET.get("month", "")
    if asked:
        if not _MONTH.fullmatch(asked):
            raise InvalidValue(_("month is written YYYY-MM."), pointer="?month")
        if not charts.FIRST_YEAR <= int(asked[:4]) <= charts.LAST_YEAR:
            raise InvalidValue(
                _("month is from %(first)s to %(last)s.") % {"first": charts.FIRST_YEAR, "last": charts.LAST_YEAR},
                pointer="?month",
            )
        return date(int(asked[:4]), int(asked[5:]), 1)
    end = date.fromisoformat(last) if last else min(today, wanted.end or today)
    # A range that lies ahead begins with its own first month.
    end = max(end, wanted.start or end)
    return min(max(end, date(charts.FIRST_YEAR, 1, 1)), date(charts.LAST_YEAR, 12, 1)).replace(day=1)


def within(wanted: MetricsFilter, start: date, end: date) -> MetricsFilter:
    """The filter, narrowed to these days."""
    start = max(start, wanted.start or start)
    end = min(end, wanted.end or end)
    return replace(wanted, start=start, end=end)

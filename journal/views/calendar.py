"""The calendar: what each trading day, week, month and year made."""

import re
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import table_export
from accounts.addresses import written
from accounts.errors import InvalidValue
from journal import breakdowns, charts, panel_tables
from journal.charts import FIRST_YEAR, LAST_YEAR
from journal.views.board import Board, one_of
from journal.views.pages import standing, within
from trading.refusals import says_why

_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
#: Where the session keeps the month that was looked at last.
_OPENED = "calendar_month"


@login_required
@require_safe
@says_why
def calendar(request: HttpRequest) -> HttpResponseBase:
    """A month, or with `year` its twelve months. Without either the month that was opened last, if no range is set."""
    year = _year(request)
    opened = request.session.get(_OPENED)
    if opened and not any(request.GET.get(name) for name in ("month", "year", "from", "to")):
        query = written(request).copy()
        query["month"] = opened
        return redirect(f"{request.path}?{query.urlencode()}")
    board = Board(request, also=("year",))
    file_format = one_of(request, "format", ("", "csv"))
    if year is not None:
        first, last = date(year, 1, 1), date(year, 12, 31)
        found = breakdowns.calendar(board.person, within(board.wanted, first, last))
        drawn: dict[str, Any] = {
            "year": charts.year(year, found.days, today=board.today, amount_of=board.amount_of(found))
        }
    else:
        found, drawn = board.month_days, {"month": board.month}
        if request.GET.get("month") and opened != board.month.name:
            request.session[_OPENED] = board.month.name
    if file_format:
        table = panel_tables.of_calendar(found, board.scale)
        name = f"{year}" if year else board.month.name
        return table_export.answer(f"calendar-{name}.csv", table.headings, table.values)
    context = {"board": board, "scale": board.scale, "unit": board.unit, "days": found, **drawn, **standing(found)}
    return render(request, "journal/calendar_year.html" if year else "journal/calendar.html", context)


def _year(request: HttpRequest) -> int | None:
    text = request.GET.get("year", "")
    if not text:
        return None
    if not _YEAR.fullmatch(text) or not FIRST_YEAR <= int(text) <= LAST_YEAR:
        raise InvalidValue(
            _("year is from %(first)s to %(last)s.") % {"first": FIRST_YEAR, "last": LAST_YEAR}, pointer="?year"
        )
    return int(text)

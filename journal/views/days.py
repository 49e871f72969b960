"""The page of one day: what it made, what was planned, traded and written."""

from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from accounts import versions
from accounts.permissions import person_of
from journal import days, filters, reports, units
from journal.trade_lists import rows_of
from journal.views.notes import day_or_404
from journal.views.pages import standing, within
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def day(request: HttpRequest, date: str) -> HttpResponse:
    """The day, for all accounts or those of the filter. `from` and `to` do not matter here: the day is the range."""
    person = person_of(request)
    version = versions.current(person.pk)
    on = day_or_404(date)
    wanted = filters.parse(request.GET, user=person)
    metrics = reports.aggregate_metrics(person, replace(wanted, start=on, end=on))
    found: Any = SimpleLazyObject(lambda: days.of(person, wanted, on))
    context = {
        "version": version,
        "on": on,
        "metrics": metrics,
        "scale": units.scale(units.of(request), metrics),
        "found": found,
        "rows": SimpleLazyObject(lambda: rows_of(found.trades, within(filters.MetricsFilter(), on, on))),
        **standing(metrics),
    }
    return render(request, "journal/day.html", context)

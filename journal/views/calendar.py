"""The calendar: what each trading day and week made."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from journal import breakdowns, charts, filters
from journal.context import today_of
from journal.views.pages import month_of, person_of, standing, within
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def calendar(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    today = today_of(person)
    month = month_of(request, wanted, today=today, last="")
    days = breakdowns.calendar(person, within(wanted, *charts.month_span(month)))
    context = {
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "days": days,
        **standing(days),
    }
    return render(request, "journal/calendar.html", context)

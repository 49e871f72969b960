"""The dashboard, what its figures mean, and sample data to look around in."""

from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import publishing
from accounts.models import Theme, User
from accounts.permissions import may_write_required
from journal import breakdowns, charts, filters, reports, sample, tasks
from journal.context import today_of
from journal.trade_lists import rows_of
from journal.views.pages import FEW, best_and_worst, month_of, own_trades, person_of, positions_of, standing, within
from journal.views.reports import BREAKDOWNS
from trading.refusals import says_why

#: Breakdowns on the dashboard, in two columns of about the same length.
_COLUMNS = (("symbol", "holding"), ("weekday", "hour"))


@login_required
@require_safe
@says_why
def dashboard(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    metrics = reports.aggregate_metrics(person, wanted)
    if not metrics.total_accounts and not wanted.is_by_account:
        return render(request, "journal/welcome.html", {"is_loading": "sample_asked" in request.session})
    curve = reports.equity_curve(person, wanted)
    chart = charts.curve_chart(curve.combined)
    today = today_of(person)
    month = month_of(request, wanted, today=today, last=chart.rows[-1][0] if chart.rows else "")
    days = breakdowns.calendar(person, within(wanted, *charts.month_span(month)))
    context = {
        "metrics": metrics,
        "chart": chart,
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "today": breakdowns.calendar(person, replace(wanted, start=today, end=today)),
        "today_date": today,
        "positions": positions_of(person, wanted)[:FEW],
        "trades": rows_of(own_trades(request).order_by("-activity_at", "-id")[:FEW], wanted),
        "breakdowns": [{by: BREAKDOWNS[by] for by in column} for column in _COLUMNS],
        "has_chart_library": charts.has_library(),
        "has_sample": sample.is_loaded(person),
        **best_and_worst(metrics),
        **standing(metrics, curve, days),
    }
    return render(request, "journal/dashboard.html", context)


@login_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What each figure means."""
    return render(request, "journal/metrics.html")


@may_write_required
@require_POST
def sample_load(request: HttpRequest) -> HttpResponse:
    """Sample accounts are on their way; the worker brings them."""
    request.session["sample_asked"] = True
    publishing.after_commit(tasks.load_sample, person_of(request).pk)
    messages.success(request, "Sample data is on its way; it takes some seconds.")
    return redirect("dashboard")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def sample_remove(request: HttpRequest) -> HttpResponse:
    """Asks first; then the sample accounts go, with everything in them. What is not sample stays."""
    if request.method != "POST":
        accounts, count = sample.extent(person_of(request))
        if not accounts:
            return redirect("dashboard")
        return render(request, "journal/sample_remove.html", {"accounts": accounts, "trades": count})
    request.session.pop("sample_asked", None)
    publishing.after_commit(tasks.remove_sample, person_of(request).pk)
    messages.success(request, "The sample accounts are being removed; it takes some seconds.")
    return redirect("dashboard")


@may_write_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Dark, light or as the system; kept with the person, so that the first byte of the next page knows it."""
    chosen = request.POST.get("theme", "")
    if chosen in Theme.values:
        User.objects.filter(pk=person_of(request).pk).update(theme=chosen)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    # Without a slash in front it would be taken for the name of a page.
    return redirect(back if is_ours and back.startswith("/") else "dashboard")

"""The dashboard, what its figures mean, and sample data to look around in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import publishing, toasts
from accounts.models import Account
from accounts.permissions import may_write_required, person_of
from journal import charts, panels, sample, tasks
from journal.context import Frame
from journal.definitions import DEFINITIONS
from journal.views.board import Board, Shown, one_of
from trading.refusals import says_why

#: Milliseconds between the questions for panels that come after the page.
_PACE = 60


@login_required
@require_safe
@says_why
def dashboard(request: HttpRequest) -> HttpResponse:
    """The panels that the person has arranged; the first in the page itself, the others after it, each by itself."""
    board = Board(request)
    person = board.person
    if not Account.objects.for_user(person).exists():
        return render(request, "journal/welcome.html", {"is_loading": "sample_asked" in request.session})
    is_whole = one_of(request, "panels", ("", "all")) == "all"
    arrangement = panels.arrangement_of(person)
    context = {
        "board": board,
        "panels": [
            board.shown(panel) if panel.is_first or is_whole else Shown(panel, delay=place * _PACE)
            for place, panel in enumerate(arrangement.shown)
        ],
        "has_hidden": bool(arrangement.hidden),
        "has_chart_library": charts.has_library(),
        "has_sample": sample.is_loaded(person),
    }
    return render(request, "journal/dashboard.html", context)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def arrange(request: HttpRequest) -> HttpResponse:
    """The panels as they stand on the dashboard, to be moved, hidden and shown again."""
    person = person_of(request)
    if request.method == "POST":
        act, _colon, name = request.POST.get("act", "").partition(":")
        order = request.POST.get("order", "")
        arrangement = panels.arrange(person, act="order" if order else act, name=name, order=order.split(","))
        if not getattr(request, "htmx", False):
            return redirect(f"{reverse('dashboard_arrange')}{Frame(request).query}")
    else:
        arrangement = panels.arrangement_of(person)
    is_part = bool(getattr(request, "htmx", False))
    template = "journal/_arrangement.html" if is_part else "journal/arrange.html"
    return render(request, template, {"arrangement": arrangement})


@login_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What each figure means."""
    return render(request, "journal/metrics.html", {"definitions": DEFINITIONS.values()})


@may_write_required
@require_POST
def sample_load(request: HttpRequest) -> HttpResponse:
    """Sample accounts are on their way; the worker brings them."""
    request.session["sample_asked"] = True
    publishing.after_commit(tasks.load_sample, person_of(request).pk)
    toasts.say(request, _("Sample data is on its way; it takes some seconds."))
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
    toasts.say(request, _("The sample accounts are being removed; it takes some seconds."))
    return redirect("dashboard")

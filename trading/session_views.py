"""Pages of trading sessions: begun, running, and over, with what was traded in each."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, toasts
from accounts.errors import DomainError
from accounts.permissions import may_write_required, person_of
from trading import list_exports, session_figures, sessions
from trading.models import Order, Trade, TradeStatus, TradingSession
from trading.refusals import says_why
from trading.session_forms import StartForm

#: Open sessions, orders and trades that a page shows; lists of their own have all of them.
_MOST = 100


def _own(request: HttpRequest, public_id: uuid.UUID) -> TradingSession:
    rows = TradingSession.objects.for_user(request.user).select_related("account")
    return get_object_or_404(rows, public_id=public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def session_list(request: HttpRequest) -> HttpResponseBase:
    """Sessions that go on and those that are over; a POST begins one."""
    if request.method == "POST":
        return _start(request)
    if request.GET.get("format") == "csv":
        rows = TradingSession.objects.for_user(request.user).select_related("account")
        return list_exports.sessions(rows, now=timezone.now())
    return _list(request, StartForm(owner=person_of(request)))


@may_write_required
def _start(request: HttpRequest) -> HttpResponseBase:
    form = StartForm(request.POST, owner=person_of(request))
    if not form.is_valid():
        return _list(request, form, status=422)
    asked = dict(form.cleaned_data)
    try:
        made = sessions.start(asked.pop("account"), at=timezone.now(), **asked)
    except DomainError as error:
        name = error.pointer.strip("/")
        form.add_error(name if name in form.fields else None, error.message)
        return _list(request, form, status=error.status)
    toasts.say(request, _("The session began."))
    return redirect("session_detail", made.public_id)


def _list(request: HttpRequest, form: StartForm, *, status: int = 200) -> HttpResponse:
    person, now = person_of(request), timezone.now()
    rows = TradingSession.objects.for_user(person).select_related("account")
    running = list(rows.open().order_by("-id")[:_MOST])
    page = paging.page_of(
        rows.filter(ended_at__isnull=False),
        listing=paging.Listing(person.pk, "sessions-page", "-id"),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    found = session_figures.shown([*running, *page.results], now=now)
    context = {
        "form": form,
        "was_refused": status != 200,
        "running": found[: len(running)],
        "past": found[len(running) :],
        "page": page,
        "is_first": "cursor" not in request.GET,
    }
    return render(request, "trading/session_list.html", context, status=status)


@login_required
@require_safe
def session_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One session: its figures, its latest orders, and the trades closed in it."""
    session, now = _own(request, id), timezone.now()
    until = session.ended_at or now
    orders = Order.objects.filter(
        owner=session.owner_id, account=session.account, created_at__gte=session.started_at, created_at__lt=until
    ).select_related("instrument")
    trades = Trade.objects.filter(
        account=session.account,
        status=TradeStatus.CLOSED,
        activity_at__gte=session.started_at,
        activity_at__lt=until,
    ).select_related("instrument")
    context = {
        "row": session_figures.shown([session], now=now)[0],
        "orders": orders.order_by("-created_at", "-id")[:_MOST],
        "trades": trades.order_by("-activity_at", "-id")[:_MOST],
        "most": _MOST,
    }
    return render(request, "trading/session_detail.html", context)


@may_write_required
@require_POST
@says_why
def session_end(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The session is over; one that was over stays as it ended."""
    sessions.end(_own(request, id), at=timezone.now())
    toasts.say(request, _("The session is over."))
    return redirect("session_detail", id)

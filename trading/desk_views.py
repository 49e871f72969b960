"""Pages of the desk: what is held, all orders, one order, and the acts on them. The ticket is in `ticket_views`."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts import paging, toasts
from accounts.errors import DomainError, InvalidValue
from accounts.models import Account, Portfolio, User
from accounts.paging import Listing
from accounts.permissions import may_write_required, person_of
from trading import desk_choice, desk_lines, list_exports, open_positions, orders
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.filters import instruments_of
from trading.models import Order, OrderQuerySet, Position
from trading.order_forms import ReplaceForm
from trading.order_rules.replacing import may_be_replaced
from trading.order_rules.statuses import Status
from trading.refusals import says_why
from trading.venues import paper

#: Rows of a page of the desk.
ROWS = 50
LONGEST_SYMBOL = 40
_TABS = {
    "live": pgettext_lazy("orders", "Live"),
    "all": pgettext_lazy("orders", "All"),
    "filled": pgettext_lazy("orders", "Filled"),
    "canceled": pgettext_lazy("orders", "Canceled"),
    "rejected": pgettext_lazy("orders", "Rejected"),
}
_ENDS = {
    "filled": [Status.FILLED],
    "canceled": [Status.CANCELED, Status.EXPIRED, Status.REPLACED],
    "rejected": [Status.REJECTED],
}
_EMPTY = {
    "live": gettext_lazy("No order is at work."),
    "all": gettext_lazy("No orders yet."),
    "filled": gettext_lazy("No order was filled yet."),
    "canceled": gettext_lazy("No order was canceled, expired or replaced."),
    "rejected": gettext_lazy("No order was refused."),
}


def own_orders(person: User) -> OrderQuerySet:
    """This person's orders with what a page shows of them."""
    return Order.objects.for_user(person).select_related("account", "instrument", "parent", "replaces")


# --- positions -------------------------------------------------------------------------------------


@login_required
@require_safe
@says_why
def desk(request: HttpRequest) -> HttpResponseBase:
    """What is held now, with what it would make; the sums are over all of it, whatever the page shows."""
    person, now = person_of(request), timezone.now()
    rows = Position.objects.for_user(person).select_related("account", "instrument__quote", "trade")
    rows = desk_choice.of_chosen(rows, request.GET, person=person)
    if request.GET.get("format") == "csv":
        return list_exports.positions(rows, now=now)
    cursor = request.GET.get("cursor")
    listing = Listing(person.pk, "desk", "-opened_on", _chosen(request))
    page = paging.page_of(rows, listing=listing, limit=ROWS, cursor=cursor)
    context = {
        "standings": [open_positions.standing_of(each, now=now) for each in page.results],
        "totals": open_positions.totals(
            open_positions.standing_of(each, now=now) for each in rows.iterator(chunk_size=2000)
        ),
        "page": page,
        "is_first": not cursor,
        "now": now,
        **first_steps(person),
    }
    return render(request, _part_or(request, "trading/desk.html", "trading/_desk_positions.html"), context)


def first_steps(person: User) -> dict[str, Any]:
    """What is still missing before this person can order anything."""
    own = Account.objects.for_user(person).filter(archived_at=None)
    has_money = Portfolio.objects.for_user(person).filter(available_balance__gt=0).exists()
    return {"has_money": has_money, "first_account": None if has_money else own.order_by("id").first()}


# --- orders ----------------------------------------------------------------------------------------


@login_required
@require_safe
@says_why
def order_list(request: HttpRequest) -> HttpResponseBase:
    """The orders of one tab, live ones first; for htmx the table alone."""
    person, now = person_of(request), timezone.now()
    tab = request.GET.get("tab") or "live"
    if tab not in _TABS:
        words = _("tab is one of %(names)s.") % {"names": ", ".join(_TABS)}
        raise InvalidValue(words, pointer="?tab", code="invalid_choice")
    symbol = request.GET.get("symbol", "").strip().upper()
    if len(symbol) > LONGEST_SYMBOL or not symbol.isprintable():
        raise InvalidValue(_("This is no symbol."), pointer="?symbol")
    rows = desk_choice.of_chosen(own_orders(person), request.GET, person=person)
    if symbol:
        rows = rows.filter(instrument__in=instruments_of(symbol))
    if request.GET.get("format") == "csv":
        return list_exports.orders(rows if tab == "all" else _of_tab(rows, tab))
    cursor = request.GET.get("cursor")
    # Of all orders those at work come first; pages further down are of those that have ended.
    first = list(rows.live().order_by("-created_at", "-id")[:ROWS]) if tab == "all" and not cursor else []
    listing = Listing(person.pk, "desk-orders", "-created_at", [tab, symbol, *_chosen(request)])
    page = paging.page_of(_of_tab(rows, tab), listing=listing, limit=ROWS, cursor=cursor)
    lines = desk_lines.lines_of([*first, *page.results], now=now)
    context = {
        "lines": lines,
        "live": [line for line in lines if line.order.is_live],
        "more_live": tab == "all" and len(first) == ROWS,
        "page": page,
        "is_first": not cursor,
        "tab": tab,
        "tabs": _TABS.items(),
        "empty": _EMPTY[tab],
        "symbol": symbol,
        "now": now,
        **first_steps(person),
    }
    return render(request, _part_or(request, "trading/order_list.html", "trading/_order_table.html"), context)


def _of_tab(rows: OrderQuerySet, tab: str) -> OrderQuerySet:
    if tab == "live":
        return rows.live()
    return rows.filter(status__in=_ENDS[tab]) if tab in _ENDS else rows.ended()


@login_required
@require_safe
@says_why
def order_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """What was asked, where it stands, and everything that happened.

    A page that reads itself anew is led to itself once the order has ended: its forms have nothing more to do.
    """
    order = _own_order(request, id)
    answer = _order_page(request, order)
    if request.headers.get("HX-Request") and not order.is_live:
        answer.headers["HX-Redirect"] = order_address(order)
    return answer


@may_write_required
@require_POST
@says_why
def order_cancel(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """What is left of the order is canceled, if it still stands as it was shown."""
    order = _own_order(request, id)
    try:
        orders.cancel(order, version=_version(request.POST.get("version", "")))
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        is_asked = Order.objects.live().filter(pk=order.pk).exists()
        words = _("The broker is asked to cancel the order.") if is_asked else _("The order is canceled.")
        toasts.say(request, words)
    return redirect(_next(request) or order_address(order))


@may_write_required
@require_POST
@says_why
def orders_cancel(request: HttpRequest) -> HttpResponseBase:
    """Every order that was shown is canceled; those that have moved on since are left alone, and counted."""
    canceled, moved = 0, 0
    for order, version in _shown(request):
        try:
            orders.cancel(order, version=version)
        except (VersionConflict, InvalidState):
            # The exits of an order that was canceled before it are gone as they should be.
            moved += Order.objects.get(pk=order.pk).status != Status.CANCELED
        else:
            canceled += 1
    words = ngettext("%(count)s order canceled.", "%(count)s orders canceled.", canceled) % {"count": canceled}
    if moved:
        left = ngettext("%(count)s has moved on and was left.", "%(count)s have moved on and were left.", moved)
        toasts.say(request, f"{words} {left % {'count': moved}}", level="warning")
    else:
        toasts.say(request, words)
    return redirect(_next(request) or "order_list")


def _shown(request: HttpRequest) -> Iterable[tuple[Order, int]]:
    """The orders that the form names, with the versions in which they were shown; parents before their exits."""
    versions: dict[uuid.UUID, int] = {}
    for text in request.POST.getlist("order")[: 2 * ROWS]:
        name, _colon, version = text.partition(":")
        try:
            versions[uuid.UUID(name)] = int(version)
        except ValueError as error:
            raise InvalidValue(_("An order is named by its id, a UUID."), pointer="/order") from error
    found = own_orders(person_of(request)).filter(public_id__in=versions)
    return [(order, versions[order.public_id]) for order in found.order_by("id")]


@may_write_required
@require_POST
@says_why
def order_replace(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """Another order has taken this one's place; where it has moved on, the page says by what, and nothing changed."""
    order = _own_order(request, id)
    form = ReplaceForm(request.POST, order=order)
    if not form.is_valid():
        return _order_page(request, order, form=form)
    asked = form.cleaned_data
    # Sent twice, it is one replacement.
    before = Order.objects.filter(replaces=order, client_order_id=asked["client_order_id"]).first()
    if before is not None:
        return redirect(order_address(before))
    try:
        made = orders.replace_order(
            order, ticket=form.ticket(), client_order_id=asked["client_order_id"], version=asked["version"]
        )
    except VersionConflict as error:
        order = _own_order(request, id)
        return _order_page(request, order, seen=asked["seen"] or 0, conflict=error.message, status=error.status)
    except OrderRefused as error:
        form.refuse(error.reasons)
        return _order_page(request, order, form=form)
    except DomainError as error:
        form.add_error(None, error.message)
        return _order_page(request, order, form=form)
    paper.match(made.order.instrument_id)
    if made.is_new:
        toasts.say(request, _("The order was replaced by this one."))
    else:
        toasts.say(request, _("The broker is asked to replace the order."))
    return redirect(order_address(made.order))


def _order_page(
    request: HttpRequest,
    order: Order,
    *,
    form: ReplaceForm | None = None,
    seen: int | None = None,
    conflict: str = "",
    status: int = 0,
) -> HttpResponse:
    events = desk_lines.timeline_of(order, seen=seen)
    family, chain = desk_lines.family_of(order)
    stands_alone = order.order_class == "simple" and not family
    may_replace = stands_alone and may_be_replaced(Status(order.status))
    if form is None and may_replace:
        form = ReplaceForm(order=order, seen=events[-1].event.pk if events else 0)
    context = {
        "order": order,
        "events": events,
        "fills": [line for line in events if line.event.kind == "fill" and not line.is_ignored],
        "family": family,
        "chain": chain,
        "plans": order.exit_plans.select_related("strategy") if order.has_exit_plan else [],
        "slippage": desk_lines.slipped(order),
        "tries": order.tries.select_related("command").order_by("id"),
        "reasons": [reason.said(_) for reason in orders.reasons_of(order)],
        "form": form if may_replace or (form is not None and form.is_bound) else None,
        "conflict": conflict,
        "seen": seen,
    }
    wrong = form is not None and form.errors
    return render(request, "trading/order_detail.html", context, status=status or (422 if wrong else 200))


def order_address(order: Order) -> str:
    """The page of the order."""
    return reverse("order_detail", args=[order.public_id])


def _own_order(request: HttpRequest, public_id: uuid.UUID) -> Order:
    return get_object_or_404(own_orders(person_of(request)), public_id=public_id)


def _version(text: str) -> int | None:
    """The version that a form was made of. Raises InvalidValue for what is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidValue(_("A version is a whole number."), pointer="/version")
    return int(text)


def _next(request: HttpRequest) -> str:
    """The page that the form came from, where it is one of ours."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours and wanted.startswith("/") else ""


def _chosen(request: HttpRequest) -> list[Any]:
    names = ("account", "broker", "group", "account_tag")
    return [[name, sorted(request.GET.getlist(name))] for name in names]


def _part_or(request: HttpRequest, page: str, part: str) -> str:
    return part if request.headers.get("HX-Request") else page

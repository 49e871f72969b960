"""The ticket: an order is asked for, looked at while one types, and placed."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import toasts
from accounts.errors import DomainError, IdempotencyConflict, InvalidValue
from accounts.forms import refuse
from accounts.models import Account, Portfolio, User
from accounts.permissions import may_write_required, person_of
from trading import desk_lines, orders
from trading.desk_views import LONGEST_SYMBOL, first_steps, order_address
from trading.errors import OrderRefused
from trading.models import InstrumentKind, Order, OrderSource, Position
from trading.order_forms import OF_CLASSES, OF_TYPES, TicketForm, offered
from trading.order_rules.statuses import Status
from trading.refusals import says_why
from trading.venues import paper


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def order_create(request: HttpRequest) -> HttpResponseBase:
    """The ticket; sent, it is an order, or comes back with every reason against it at its field."""
    person = person_of(request)
    if request.method != "POST":
        return _page(request, TicketForm(owner=person, initial=_first(request, person)))
    form = TicketForm(request.POST, owner=person)
    # Without a script the ticket is looked at by a button of its own.
    if not form.is_valid() or request.POST.get("act") == "check":
        return _page(request, form)
    asked = form.request()
    try:
        made = orders.place(
            asked.account,
            instrument=asked.instrument,
            ticket=asked.ticket,
            intent=asked.intent,
            exit_plan=asked.exit_plan,
        )
    except OrderRefused as error:
        form.refuse(error.reasons)
        return _page(request, form)
    except IdempotencyConflict:
        form = form.again(owner=person)
        form.add_error(None, _("This ticket was an order already. Send it again for another one."))
        return _page(request, form, status=IdempotencyConflict.status)
    except DomainError as error:
        refuse(form, error)
        return _page(request, form)
    if made.is_new and made.order.is_live:
        paper.match(made.order.instrument_id)
    order = Order.objects.get(pk=made.order.pk)
    if order.status == Status.REJECTED and order.reasons:
        form = form.again(owner=person)
        form.refuse(orders.reasons_of(order))
        return _page(request, form, refused=order)
    toasts.say(request, _("The order is placed."))
    return redirect(order_address(order))


@may_write_required
@require_POST
@says_why
def order_check(request: HttpRequest) -> HttpResponseBase:
    """What would become of the ticket as it is filled in now, for the page to show; nothing is stored."""
    form = TicketForm(request.POST, owner=person_of(request))
    found = desk_lines.check(form, now=timezone.now())
    errors = [(name, found.errors.get(name, [])) for name in form.fields if name != "client_order_id"]
    return render(request, "trading/_ticket_check.html", {"check": found, "errors": errors, "is_part": True})


@may_write_required
@require_safe
def desk_symbols(request: HttpRequest) -> HttpResponse:
    """Options for what was typed of a symbol."""
    text = request.GET.get("q", "")
    found = offered(person_of(request), text) if len(text) <= LONGEST_SYMBOL and text.isprintable() else []
    return render(request, "trading/_symbol_options.html", {"instruments": found})


def _page(request: HttpRequest, form: TicketForm, *, refused: Order | None = None, status: int = 0) -> HttpResponse:
    person = person_of(request)
    found = desk_lines.check(form, now=timezone.now()) if form.is_bound else desk_lines.Check()
    context = {
        "form": form,
        "check": found,
        "refused": refused,
        "of_types": OF_TYPES,
        "of_classes": OF_CLASSES,
        "instruments": offered(person),
        **first_steps(person),
    }
    wrong = bool(form.errors)
    return render(request, "trading/order_create.html", context, status=status or (422 if wrong else 200))


def _first(request: HttpRequest, person: User) -> dict[str, Any]:
    """What the ticket begins with: a position to be closed, else the account that is meant, and a symbol."""
    if request.GET.get("close"):
        return _closing(person, request.GET["close"])
    symbol = request.GET.get("symbol", "")
    first: dict[str, Any] = {"symbol": symbol if len(symbol) <= LONGEST_SYMBOL and symbol.isprintable() else ""}
    name = _meant(request, person)
    if name is not None:
        first["account"] = name
    return first


def _meant(request: HttpRequest, person: User) -> str | None:
    """The name of the one account in the top bar, else of the one last ordered in, else of the only one with money."""
    names = Account.objects.for_user(person).values_list("name", flat=True)
    named = request.GET.getlist("account")
    if len(named) == 1:
        try:
            return names.filter(public_id=uuid.UUID(named[0])).first()
        except ValueError as error:
            raise InvalidValue(_("An account is named by its id, a UUID."), pointer="?account") from error
    # What programs and plans ordered says nothing of where a person does.
    by_hand = Order.objects.for_user(person).exclude(source__in=[OrderSource.BOT, OrderSource.PLAN])
    last = by_hand.order_by("-created_at", "-id").values_list("account__name", flat=True).first()
    if last is not None:
        return last
    with_money = Portfolio.objects.for_user(person).filter(available_balance__gt=0)
    funded = with_money.values_list("account__name", flat=True)[:2]
    return funded[0] if len(funded) == 1 else None


def _closing(person: User, trade_id: str) -> dict[str, Any]:
    try:
        wanted = uuid.UUID(trade_id)
    except ValueError as error:
        raise InvalidValue(_("A trade is named by its id, a UUID."), pointer="?close") from error
    rows = Position.objects.for_user(person).select_related("account", "instrument")
    position = get_object_or_404(rows, trade__public_id=wanted)
    return {
        "account": position.account.name,
        "symbol": position.instrument.symbol,
        "side": "sell_to_close" if position.quantity > 0 else "buy_to_close",
        "type": "market",
        # What trades around the clock has no day.
        "time_in_force": "gtc" if position.instrument.kind == InstrumentKind.CRYPTO else "day",
        "quantity": abs(position.quantity),
    }

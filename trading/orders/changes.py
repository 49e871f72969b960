"""What happens to an order that stands: a venue tells of it, it is canceled, replaced, or its time is over.

A verb holds the account, its portfolio and the order; no venue is called in it. What becomes of the order's own figures
is in `trading.order_progress`. Source: docs/orders.md
"""

import dataclasses
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import ledger
from accounts.decimals import plain
from accounts.errors import IdempotencyConflict
from accounts.models import Portfolio
from trading import entry_plans, initial_levels, order_commands, order_groups, risk, trades
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.models import Order, OrderCommand, Position, Venue
from trading.order_progress import LOCAL, Step, advance
from trading.order_rows import Intent, Request
from trading.order_rules import replacing
from trading.order_rules.broker_events import BrokerEvent, Report, fold
from trading.order_rules.reservations import Held
from trading.order_rules.statuses import Event, Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import OrderClass, Purpose, Side
from trading.order_tickets import known_of, next_step, reasons_of, ticket_of
from trading.orders.placing import NotPlaced, Placed, place_many, refuse_odd
from trading.signals import orders_changed


@transaction.atomic
def record(
    order: Order, events: Iterable[BrokerEvent], *, source: str = LOCAL, match_id: uuid.UUID | None = None
) -> Order:
    """What a venue says of the order has happened to it, to its account and to what belongs to it.

    An event that is known already changes nothing, whatever its order of arrival.
    """
    order, portfolio = _held(order, version=None)
    _move(order, events, portfolio=portfolio, source=source, match_id=match_id)
    return order


def _move(
    order: Order,
    events: Iterable[BrokerEvent],
    *,
    portfolio: Portfolio,
    source: str,
    match_id: uuid.UUID | None = None,
) -> None:
    step = advance(order, events, portfolio=portfolio, source=source, match_id=match_id)
    if step is not None:
        order_groups.follow(step, portfolio=portfolio)
        initial_levels.follow(step)
        entry_plans.follow(step)
        orders_changed.send(sender=Order, step=step)
        if _may_promise_too_much(step):
            _end_what_closes_nothing(step.order)


def _may_promise_too_much(step: Step) -> bool:
    """Whether more units may wait to be closed now than are held.

    A fill was taken back; what was to open a position has found another, and got out of that; or exits that an entry
    brought work from now on, while others had promised what it held.
    """
    if step.after.executed < step.before.executed or step.order.order_class in (OrderClass.BRACKET, OrderClass.OTO):
        return True
    return step.order.held != Held.HOLDINGS and step.after.executed > step.before.executed


def _end_what_closes_nothing(order: Order) -> None:
    """No more units wait to be closed here than are held: the oldest that fit stay."""
    waiting = list(
        Order.objects.live()
        .filter(account=order.account_id, instrument=order.instrument_id, venue=Venue.PAPER, held=Held.HOLDINGS)
        .filter(reserved_units__gt=0)
        .order_by("id")
    )
    if not waiting:
        return
    held = Position.objects.filter(account=order.account_id, instrument=order.instrument_id)
    position = held.values_list("quantity", flat=True).first() or Decimal(0)
    units = {Side.SELL: position, Side.BUY: -position}
    for each in waiting:
        side = Side(each.side)
        if each.reserved_units <= units[side]:
            units[side] -= each.reserved_units
            continue
        with suppress(InvalidState):
            cancel(each)
    # It may have been among them, or have ended with one of them.
    order.refresh_from_db()


@transaction.atomic
def cancel(order: Order, *, version: int | None = None) -> Order:
    """The order is canceled and sets nothing aside any more; at a venue outside it is asked to be.

    Its exits go with it. Raises VersionConflict where it has moved on from `version`, InvalidState where it has ended.
    """
    order, portfolio = _held(order, version=version)
    if not order.is_live:
        raise InvalidState(_("This order is %(status)s: there is nothing left to cancel.") % {"status": order.status})
    asked = next_step(order, Event.PENDING_CANCEL)
    if order.venue != Venue.PAPER:
        _cancel_outside(order, asked, portfolio=portfolio)
        return order
    _move(order, [asked, Report(Event.CANCELED, asked.at)], portfolio=portfolio, source=LOCAL)
    return order


def _cancel_outside(order: Order, asked: Report, *, portfolio: Portfolio) -> None:
    """An order that was not sent yet has ended; of any other the broker is to be asked."""
    now = timezone.now()
    is_here = order.status in (Status.PENDING_SUBMIT, Status.SUBMIT_UNKNOWN)
    if is_here and order_commands.withdraw(order, now=now):
        _move(order, [next_step(order, Event.ABORTED)], portfolio=portfolio, source=LOCAL)
        return
    if not is_here and order.status != Status.PENDING_CANCEL:
        _move(order, [_a_moment_later(asked)], portfolio=portfolio, source=LOCAL)
    # While it is not known whether the broker has it, the request waits for that.
    order_commands.ask_cancel(order, now=now)


@transaction.atomic
def replace_order(order: Order, *, ticket: Ticket, client_order_id: str = "", version: int | None = None) -> Placed:
    """Another order has taken this one's place and continues its chain; what it frees or needs has moved.

    What this order has filled counts towards the new quantity. The same client id with the same request gives the first
    successor again. Raises VersionConflict, InvalidState, IdempotencyConflict where something else has that id, or
    OrderRefused with every reason, and then nothing has changed.
    """
    # Persons alone replace orders, those of plans and copied trades too.
    refuse_odd(client_order_id, is_persons=True)
    trades.lock_accounts([order.account_id])
    before = _asked_before(order, ticket, client_order_id)
    if before is not None:
        return Placed(before, is_new=False)
    order, portfolio = _held(order, version=version)
    state = fold(known_of(order.events.all()), quantity=order.quantity)
    against = replacing.reasons_against(ticket_of(order), ticket, state)
    if order.order_class != OrderClass.SIMPLE or order.legs.exists() or order.parent_id:
        against.append(
            Violation("group_fixed", "", gettext_noop("Orders that belong together are canceled and placed anew."))
        )
    if against:
        raise OrderRefused(against)
    quantity = replacing.quantity_of_successor(ticket, state)
    client_order_id = client_order_id or f"{order.client_order_id[:90]}-{uuid.uuid4()}"
    if order.venue != Venue.PAPER:
        return _replace_outside(order, ticket, quantity, client_order_id, portfolio=portfolio)
    return _replaced(order, ticket, quantity, client_order_id, portfolio=portfolio)


def _asked_before(order: Order, ticket: Ticket, client_order_id: str) -> Order | None:
    """The successor that the same request made under this id; None where nothing here has the id.

    Raises IdempotencyConflict where another request has it: what was asked for then is not what is to stand here.
    """
    found = (
        Order.objects.select_related("account", "instrument", "replaces")
        .filter(account=order.account_id, client_order_id=client_order_id)
        .first()
    )
    if found is None:
        return None
    if found.replaces_id == order.pk:
        quantity = replacing.quantity_of_successor(ticket, fold(known_of(order.events.all()), quantity=order.quantity))
        if _successor(order, ticket, quantity, client_order_id).hash == found.request_hash:
            return found
    raise IdempotencyConflict(_("This client order id came before with another request."))


def _successor(order: Order, ticket: Ticket, quantity: Decimal | None, client_order_id: str) -> Request:
    intent = Intent(
        client_order_id=client_order_id, purpose=Purpose(order.purpose), source=order.source, strategy=order.strategy
    )
    asked = dataclasses.replace(ticket, quantity=quantity)
    return Request(order.account, order.instrument, asked, intent, replaces=order)


def _replaced(
    order: Order, ticket: Ticket, quantity: Decimal | None, client_order_id: str, *, portfolio: Portfolio
) -> Placed:
    """The order has ended and its successor stands. Raises OrderRefused with every reason against it."""
    # Before the version moves on, for which others wait who hold the book.
    risk.Book.hold(order.owner_id)
    asked = next_step(order, Event.PENDING_REPLACE)
    _move(order, [asked, Report(Event.REPLACED, asked.at)], portfolio=portfolio, source=LOCAL)
    (placed,) = place_many([_successor(order, ticket, quantity, client_order_id)])
    if isinstance(placed, NotPlaced):
        raise placed.error
    if placed.order.status == Status.REJECTED:
        raise OrderRefused(reasons_of(placed.order))
    return placed


def _a_moment_later(asked: Report) -> Report:
    """The request behind what a broker answered to the one before it, which may have been refused."""
    return dataclasses.replace(asked, at=asked.at + timedelta(microseconds=1))


class _OnlyTried(Exception):
    """Takes back what was tried."""


def _replace_outside(
    order: Order, ticket: Ticket, quantity: Decimal | None, client_order_id: str, *, portfolio: Portfolio
) -> Placed:
    """The broker is to be asked; until it has answered, the order works on as it was.

    What speaks against the successor here is told at once: it is put in place, and taken back.
    """
    if quantity is not None and quantity != quantity.to_integral_value():
        raise OrderRefused([Violation("whole_units", "/quantity", gettext_noop("A replacement is for whole units."))])
    if OrderCommand.objects.open().filter(order=order).exists():
        raise InvalidState(_("The broker has not answered what it was asked about this order before."))
    try:
        with transaction.atomic():
            held, its_portfolio = _held(order, version=None)
            _replaced(held, ticket, quantity, f"try-{uuid.uuid4()}", portfolio=its_portfolio)
            raise _OnlyTried
    except _OnlyTried:
        pass
    order, portfolio = _held(order, version=None)
    _move(order, [_a_moment_later(next_step(order, Event.PENDING_REPLACE))], portfolio=portfolio, source=LOCAL)
    changed = {name: getattr(ticket, name) for name in _REPLACEABLE if getattr(ticket, name) is not None}
    asked = {name: plain(value) for name, value in changed.items()}
    if quantity is not None:
        asked["quantity"] = plain(quantity)
    asked |= {"client_order_id": client_order_id, "time_in_force": ticket.time_in_force.value}
    order_commands.ask_replace(order, asked=asked, now=timezone.now())
    return Placed(order, is_new=False)


_REPLACEABLE = ("quantity", "limit_price", "stop_price", "trail_price", "trail_ratio")


@transaction.atomic
def expire(order: Order) -> Order:
    """An order whose time is over has ended as expired. One that ended before, or has time left, is left alone.

    So is one at a broker, who alone knows when it has ended.
    """
    order, portfolio = _held(order, version=None)
    is_ours = order.venue == Venue.PAPER
    if is_ours and order.is_live and order.expires_at is not None and order.expires_at <= timezone.now():
        _move(order, [next_step(order, Event.EXPIRED)], portfolio=portfolio, source=order.venue)
    return order


def _held(order: Order, *, version: int | None) -> tuple[Order, Portfolio]:
    """The order as it is now, locked with its account and portfolio."""
    trades.lock_accounts([order.account_id])
    rows = Order.objects.select_related("account", "instrument")
    found = rows.get(pk=order.pk)
    portfolio = ledger.locked(found.account, currency=found.instrument.currency)
    found = rows.select_for_update(of=("self",)).get(pk=order.pk)
    if version is not None and version != found.version:
        raise VersionConflict(
            _("This order has moved on: it is %(status)s now, in version %(version)s.")
            % {"status": found.status, "version": found.version}
        )
    return found, portfolio

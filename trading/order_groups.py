"""Orders that belong together: an entry with its exits (bracket, OTO), and two of which one ends the other (OCO).

Exits wait as `held` until their entry has ended. Then they work; the first of them sets the units aside, the other may
use what that one holds. The quantity of one shrinks by what the other executes, and where one ends so does the other.
Source: docs/orders.md#groups
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts import ledger
from accounts.models import Portfolio
from trading.models import Order, Venue
from trading.order_progress import LOCAL, Step, advance, entry_of, keep, standing_after
from trading.order_rows import event_row
from trading.order_rules.broker_events import fold
from trading.order_rules.reservations import Held, movements
from trading.order_rules.statuses import Event, Status
from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Purpose, Side
from trading.order_tickets import known_of, next_step, standing_of

_WITH_EXITS = frozenset({OrderClass.BRACKET, OrderClass.OTO, OrderClass.OCO})
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Exit:
    """One of the exits that an order asks for."""

    purpose: Purpose
    kind: OrderType
    limit: Decimal | None = None
    stop: Decimal | None = None


def _exits_of(order: Order) -> list[_Exit]:
    """What the order asks for, the target first."""
    found = []
    if order.take_profit_limit is not None:
        found.append(_Exit(Purpose.EXIT_TAKE_PROFIT, OrderType.LIMIT, limit=order.take_profit_limit))
    if order.stop_loss_stop is not None:
        kind = OrderType.STOP if order.stop_loss_limit is None else OrderType.STOP_LIMIT
        found.append(_Exit(Purpose.EXIT_STOP_LOSS, kind, limit=order.stop_loss_limit, stop=order.stop_loss_stop))
    return found


def bring_exits(order: Order, *, now: datetime) -> None:
    """The exits that the order brings are on file: held until it is filled, or working at once beside an OCO's target.

    A venue outside makes them itself.
    """
    if OrderClass(order.order_class) not in _WITH_EXITS or order.venue != Venue.PAPER:
        return
    for wanted in _exits_of(order):
        if order.order_class != OrderClass.OCO:
            _leg(order, wanted, now=now)
        elif wanted.purpose is not Purpose.EXIT_TAKE_PROFIT:
            _leg(order, wanted, now=now, works_for=order.quantity)


def _leg(
    order: Order,
    wanted: _Exit,
    *,
    now: datetime,
    works_for: Decimal | None = None,
    shares_hold: bool = True,
    number: int = 1,
) -> Order:
    """The exit is on file: held, or working for so much; `number` tells it from those of its purpose that ended."""
    side = Side(order.side) if order.order_class == OrderClass.OCO else _other(Side(order.side))
    status = Status.HELD if works_for is None else Status.NEW
    name = wanted.purpose.removeprefix("exit_")
    leg = Order(
        owner_id=order.owner_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        venue=order.venue,
        client_order_id=f"{order.public_id}:{name}" if number == 1 else f"{order.public_id}:{name}:{number}",
        request_hash=order.request_hash,
        side=side.value,
        position_intent=(PositionIntent.SELL_TO_CLOSE if side is Side.SELL else PositionIntent.BUY_TO_CLOSE).value,
        purpose=wanted.purpose.value,
        type=wanted.kind.value,
        time_in_force=order.time_in_force,
        quantity=works_for or order.quantity,
        limit_price=wanted.limit,
        stop_price=wanted.stop,
        status=status.value,
        held=Held.HOLDINGS.value,
        held_per_unit=_ONE,
        shares_hold=shares_hold,
        reserved_units=0 if shares_hold or works_for is None else works_for,
        parent=order,
        chain_id=uuid.uuid4(),
        strategy=order.strategy,
        source=order.source,
        submitted_at=now,
        accepted_at=now if works_for is not None else None,
        expires_at=order.expires_at,
    )
    leg.save(force_insert=True)
    keep(
        [
            event_row(leg, Event.PLACED, None, Status.PENDING_SUBMIT, source=LOCAL, now=now),
            event_row(leg, Event(status.value), Status.PENDING_SUBMIT, status, source=leg.venue, now=now),
        ]
    )
    return leg


def _other(side: Side) -> Side:
    return Side.BUY if side is Side.SELL else Side.SELL


def follow(step: Step, *, portfolio: Portfolio) -> None:
    """Whatever belongs to the order has moved along with it: exits work, are for less or more, are canceled or back."""
    order = step.order
    if order.venue != Venue.PAPER:
        return
    if order.order_class in (OrderClass.BRACKET, OrderClass.OTO):
        _follow_entry(step, portfolio=portfolio)
    elif step.after.status.is_terminal:
        _end(_siblings(order), portfolio=portfolio)
    elif step.before.status.is_terminal:
        _bring_back_the_other(order)
    else:
        _shrink(_siblings(order), step.after.executed - step.before.executed, portfolio=portfolio)


def _follow_entry(step: Step, *, portfolio: Portfolio) -> None:
    """Exits that wait work once their entry has ended; those that work follow what is taken back of it or comes late.

    Where all of it is taken back, others wait in their place, as the entry lives again.
    """
    order, executed = step.order, step.after.executed
    working = [leg for leg in _live_legs(order) if leg.status != Status.HELD]
    if working:
        _shrink(working, step.before.executed - executed, portfolio=portfolio)
    if not step.after.status.is_terminal:
        if working and not order.legs.live().exists():
            _bring_again(order)
        return
    sold = order.legs.aggregate(units=Sum(F("filled_quantity") + F("overfill_quantity")))["units"] or 0
    legs = _live_legs(order)
    if executed <= sold:
        _end(legs, portfolio=portfolio)
        return
    # A fill that is only told otherwise, after the end, brings nothing.
    is_new = not step.before.status.is_terminal or executed > step.before.executed
    if not legs and is_new and not _were_canceled(order):
        # They ended with the entry, or with all that it had before, and it filled all the same.
        _bring_again(order)
        legs = _live_legs(order)
    _release(legs, executed - sold, portfolio=portfolio)


def _were_canceled(order: Order) -> bool:
    """Whether its exits ended because somebody asked for it: of what ends with another nobody did."""
    return order.legs.filter(status=Status.CANCELED, events__event=Event.PENDING_CANCEL).exists()


def _live_legs(order: Order) -> list[Order]:
    legs = order.legs.live().select_related("account", "instrument").select_for_update(of=("self",))
    return list(legs.order_by("id"))


def _bring_again(order: Order) -> None:
    for wanted in _exits_of(order):
        _leg(order, wanted, now=timezone.now(), number=_next_number(order, wanted))


def _next_number(order: Order, wanted: _Exit) -> int:
    return 1 + order.legs.filter(purpose=wanted.purpose).count()


def _bring_back_the_other(order: Order) -> None:
    """What ended because this exit had filled works again beside it, for what a fill that was taken back left open."""
    is_alternative = order.order_class == OrderClass.OCO
    first = order if is_alternative else order.parent
    if first is None or order.quantity is None or _siblings(order):
        return
    own = Purpose.EXIT_TAKE_PROFIT if is_alternative else Purpose(order.purpose)
    left = order.quantity - order.filled_quantity
    for wanted in _exits_of(first):
        if wanted.purpose is not own:
            number = _next_number(first, wanted)
            # One of the two sets the units aside, for both.
            shares = not order.shares_hold
            _leg(first, wanted, now=timezone.now(), works_for=left, shares_hold=shares, number=number)


def _siblings(order: Order) -> list[Order]:
    """What else gets out of the same position: the other legs of its parent, and the parent of an OCO."""
    if order.parent_id is None and order.order_class != OrderClass.OCO:
        return []
    first = order.parent_id or order.pk
    others = (
        Order.objects.live()
        .filter(Q(parent_id=first) | Q(pk=first, order_class=OrderClass.OCO))
        .exclude(pk=order.pk)
        .select_related("account", "instrument")
        .select_for_update(of=("self",))
    )
    return list(others.order_by("id"))


def _release(legs: list[Order], executed: Decimal, *, portfolio: Portfolio) -> None:
    """The exits that wait work for what was executed; the first sets it aside for both."""
    for number, leg in enumerate(legs):
        if leg.status != Status.HELD:
            continue
        leg.quantity, leg.shares_hold = executed, number > 0
        leg.save(update_fields=["quantity", "shares_hold"])
        advance(leg, [next_step(leg, Event.NEW)], portfolio=portfolio, source=leg.venue)


def _shrink(others: Iterable[Order], executed: Decimal, *, portfolio: Portfolio) -> None:
    """The other exits are for so much less, and set so much less aside; one that has nothing left has ended.

    Where what was executed is taken back they grow again.
    """
    if not executed:
        return
    for other in others:
        if other.quantity is None:
            continue
        if other.quantity - executed <= other.filled_quantity:
            _end([other], portfolio=portfolio)
            continue
        booked = standing_of(other)
        other.quantity -= executed
        stands = standing_after(other, fold(known_of(other.events.all()), quantity=other.quantity))
        moved, now = [entry_of(each) for each in movements(booked, stands)], timezone.now()
        ledger.book(portfolio, moved, owner_id=other.owner_id, reference=other.public_id, at=now)
        other.reserved_amount, other.reserved_units = stands.reserved, stands.reserved_units
        other.version, other.updated_at = other.version + 1, now
        other.save(update_fields=["quantity", "reserved_amount", "reserved_units", "version", "updated_at"])


def _end(orders: list[Order], *, portfolio: Portfolio) -> None:
    for each in orders:
        advance(each, [next_step(each, Event.CANCELED)], portfolio=portfolio, source=each.venue)

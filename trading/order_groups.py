"""Orders that belong together: an entry with its exits (bracket, OTO), and two of which one ends the other (OCO).

Exits wait as `held` until their entry has ended. Then they work; the first of them sets the units aside, the other may
use what that one holds. The quantity of one shrinks by what the other executes, and where one ends so does the other.
Source: docs/orders.md#groups
"""

import uuid
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet
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


def bring_exits(order: Order, *, now: datetime) -> None:
    """The exits that the order brings are on file: held until it is filled, or working at once beside an OCO's target.

    A venue outside makes them itself.
    """
    if OrderClass(order.order_class) not in _WITH_EXITS or order.venue != Venue.PAPER:
        return
    is_alternative = order.order_class == OrderClass.OCO
    if order.take_profit_limit is not None and not is_alternative:
        _leg(order, Purpose.EXIT_TAKE_PROFIT, OrderType.LIMIT, limit=order.take_profit_limit, now=now)
    if order.stop_loss_stop is not None:
        kind = OrderType.STOP if order.stop_loss_limit is None else OrderType.STOP_LIMIT
        _leg(order, Purpose.EXIT_STOP_LOSS, kind, limit=order.stop_loss_limit, stop=order.stop_loss_stop, now=now)


def _leg(
    order: Order,
    purpose: Purpose,
    kind: OrderType,
    *,
    now: datetime,
    limit: Decimal | None = None,
    stop: Decimal | None = None,
) -> Order:
    works_at_once = order.order_class == OrderClass.OCO
    side = Side(order.side) if works_at_once else _other(Side(order.side))
    status = Status.NEW if works_at_once else Status.HELD
    leg = Order(
        owner_id=order.owner_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        venue=order.venue,
        client_order_id=f"{order.public_id}:{purpose.removeprefix('exit_')}",
        request_hash=order.request_hash,
        side=side.value,
        position_intent=(PositionIntent.SELL_TO_CLOSE if side is Side.SELL else PositionIntent.BUY_TO_CLOSE).value,
        purpose=purpose.value,
        type=kind.value,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        limit_price=limit,
        stop_price=stop,
        status=status.value,
        held=Held.HOLDINGS.value,
        held_per_unit=_ONE,
        shares_hold=True,
        parent=order,
        chain_id=uuid.uuid4(),
        strategy=order.strategy,
        source=order.source,
        submitted_at=now,
        accepted_at=now if works_at_once else None,
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
    """Whatever belongs to the order has moved along with it: exits work, are for less, or are canceled."""
    order = step.order
    if order.venue != Venue.PAPER:
        return
    if not step.after.status.is_terminal:
        _shrink(_siblings(order), step.after.executed - step.before.executed, portfolio=portfolio)
        return
    if order.order_class in (OrderClass.BRACKET, OrderClass.OTO):
        legs = list(
            order.legs.live().select_related("account", "instrument").select_for_update(of=("self",)).order_by("id")
        )
        if step.after.executed:
            _release(legs, step.after.executed, portfolio=portfolio)
        else:
            _end(legs, portfolio=portfolio)
        return
    _end(list(_siblings(order)), portfolio=portfolio)


def _siblings(order: Order) -> QuerySet[Order]:
    """What else gets out of the same position: the other legs of its parent, and the parent of an OCO."""
    if order.parent_id is None and order.order_class != OrderClass.OCO:
        return Order.objects.none()
    first = order.parent_id or order.pk
    return (
        Order.objects.live()
        .filter(Q(parent_id=first) | Q(pk=first, order_class=OrderClass.OCO))
        .exclude(pk=order.pk)
        .select_related("account", "instrument")
        .select_for_update(of=("self",))
        .order_by("id")
    )


def _release(legs: list[Order], executed: Decimal, *, portfolio: Portfolio) -> None:
    """The exits work for what was executed; the first sets it aside for both."""
    for number, leg in enumerate(legs):
        if leg.status != Status.HELD:
            continue
        leg.quantity, leg.shares_hold = executed, number > 0
        leg.save(update_fields=["quantity", "shares_hold"])
        advance(leg, [next_step(leg, Event.NEW)], portfolio=portfolio, source=leg.venue)


def _shrink(others: QuerySet[Order], executed: Decimal, *, portfolio: Portfolio) -> None:
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

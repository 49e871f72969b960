"""Between stored orders and the rules of orders: a ticket of an order, a market of an instrument, events of rows.

No query but one that says so: what is needed has been read.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from accounts.decimals import plain
from trading.contracts import parse_future
from trading.models import Instrument, InstrumentKind, InstrumentStatus, Order, OrderEvent, OrderEventKind, Quote
from trading.order_rules.broker_events import BrokerEvent, Correction, Fill, Report, time_of_a_step
from trading.order_rules.reservations import Held, Hold, Standing
from trading.order_rules.statuses import Event
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import (
    ASSET_CLASS_OF_KIND,
    OrderClass,
    OrderType,
    PositionIntent,
    Purpose,
    Side,
    TimeInForce,
)

#: A quote older than this is no reference any more.
FRESH = timedelta(minutes=5)
_ZERO = Decimal(0)
#: Where every order begins; so they say nothing of what became of it.
_BEGINNINGS = frozenset({Event.PLACED, Event.REFUSED})


def ticket_of(order: Order) -> Ticket:
    """What was asked for when the order was placed."""
    return Ticket(
        side=Side(order.side),
        type=OrderType(order.type),
        time_in_force=TimeInForce(order.time_in_force),
        quantity=order.quantity,
        notional=order.notional,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        trail_price=order.trail_price,
        trail_ratio=order.trail_ratio,
        position_intent=PositionIntent(order.position_intent) if order.position_intent else None,
        extended_hours=order.extended_hours,
        order_class=OrderClass(order.order_class),
        take_profit_limit=order.take_profit_limit,
        stop_loss_stop=order.stop_loss_stop,
        stop_loss_limit=order.stop_loss_limit,
    )


def is_fresh(quote: Quote | None, *, now: datetime) -> bool:
    """Whether the quote says what the market is now; one from the future says nothing either."""
    return quote is not None and abs(now - quote.quoted_at) <= FRESH


def has_expired(instrument: Instrument, *, on: date) -> bool:
    """Whether the contract had run out before that day: by its expiry, else by the month of a future's symbol."""
    if instrument.expires_on is not None:
        return instrument.expires_on < on
    if instrument.kind != InstrumentKind.FUTURE:
        return False
    contract = parse_future(instrument.symbol, on=on)
    return contract is not None and contract.is_over(on)


def market_of(instrument: Instrument, quote: Quote | None, *, on: date) -> Market:
    """What the rules of orders know of the instrument that day, with a quote that is fresh, or none."""
    return Market(
        asset_class=ASSET_CLASS_OF_KIND.get(instrument.kind),
        is_active=instrument.status == InstrumentStatus.ACTIVE,
        has_expired=has_expired(instrument, on=on),
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        min_price=instrument.min_price,
        max_price=instrument.max_price,
        is_fractionable=instrument.is_fractionable,
        last=None if quote is None else quote.last or quote.ask or quote.bid,
    )


def hash_of(
    ticket: Ticket, instrument: Instrument, *, purpose: Purpose, strategy: str, exit_plan: list[Any] | None = None
) -> str:
    """SHA-256 of everything that was asked for: equal for equal requests, however their numbers were written."""
    parts: list[Any] = [str(instrument.public_id), purpose, strategy]
    for name in Ticket.__dataclass_fields__:
        value = getattr(ticket, name)
        parts.append(plain(value) if isinstance(value, Decimal) else str(value))
    if exit_plan is not None:
        # Only where there is one: the hashes of orders without stay what they were.
        parts.append(exit_plan)
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def reasons_of(order: Order) -> list[Violation]:
    """Why the order was refused before trading; none for one that was not."""
    return [Violation(each["code"], each["pointer"], each["words"], each["values"]) for each in order.reasons]


def hold_of(order: Order) -> Hold | None:
    """What the order set aside when it was placed; None where it was refused."""
    if not order.held or order.held_per_unit is None:
        return None
    return Hold(Held(order.held), order.held_per_unit, order.quantity, order.held_fees)


def standing_of(order: Order) -> Standing:
    """What the order has done to its account, as it is booked."""
    executed = order.filled_quantity + order.overfill_quantity
    return Standing(
        reserved=order.reserved_amount,
        reserved_units=order.reserved_units,
        traded=order.traded_amount,
        fees=order.fee_amount,
        position=executed if order.side == Side.BUY else -executed,
    )


def event_of(row: OrderEvent) -> BrokerEvent:
    """The event that a row keeps."""
    if row.kind == OrderEventKind.FILL:
        return _fill(row, told_as(row), row.occurred_at)
    if row.kind == OrderEventKind.CORRECTION:
        since = row.details.get("replacement_at")
        at = row.occurred_at if since is None else datetime.fromisoformat(since)
        replacement = _fill(row, row.replacement_id, at) if row.replacement_id else None
        return Correction(told_as(row), row.occurred_at, row.corrects, replacement)
    # A report without an id of its own is told apart by its event and time, from which its identity is made anew.
    reference = str(row.details.get("reference", ""))
    return Report(Event(row.event), row.occurred_at, reference=reference, filled_so_far=row.filled_so_far)


def told_as(row: OrderEvent) -> str:
    """The id that the source gave a fill or a correction; one that contradicts another is kept under a second name."""
    return str(row.details.get("reference") or row.identity.partition(":")[2])


def _fill(row: OrderEvent, execution_id: str, at: datetime) -> Fill:
    assert row.quantity is not None, "a fill has a quantity"
    assert row.price is not None, "a fill has a price"
    return Fill(execution_id, at, row.quantity, row.price, row.fees or _ZERO, completes=row.completes)


def row_of(order: Order, event: BrokerEvent, *, source: str) -> OrderEvent:
    """An unsaved row that keeps the event; what it did is not known to it yet."""
    kind, reference = event.identity
    row = OrderEvent(
        order=order,
        owner_id=order.owner_id,
        account_id=order.account_id,
        source=source,
        identity=f"{kind}:{reference}",
        occurred_at=event.at,
    )
    if isinstance(event, Report):
        row.kind, row.event, row.filled_so_far = OrderEventKind.REPORT, event.event, event.filled_so_far
        row.details = {"reference": event.reference} if event.reference else {}
        return row
    told = event if isinstance(event, Fill) else event.replacement
    if told is not None:
        row.quantity, row.price, row.fees, row.completes = told.quantity, told.price, told.fees, told.completes
    if isinstance(event, Correction):
        row.kind, row.event, row.corrects = OrderEventKind.CORRECTION, Event.FILL_BUSTED, event.execution_id
        row.replacement_id = told.execution_id if told is not None else ""
        if told is not None and told.at != event.at:
            row.details = {"replacement_at": told.at.isoformat()}
    else:
        row.kind, row.event = OrderEventKind.FILL, Event.FILL
    return row


def known_of(rows: Iterable[OrderEvent]) -> frozenset[BrokerEvent]:
    """Everything that is known of an order."""
    return frozenset(event_of(row) for row in rows if row.event not in _BEGINNINGS)


def next_step(order: Order, event: Event) -> Report:
    """A step that this system takes now, at the time that puts it behind all that is known of the order.

    The only one here that asks the database: for the order's events, where they are not prefetched.
    """
    known = known_of(order.events.all())
    # Before a venue has said anything, the time at which the order was placed is as good and can be shown.
    return Report(event, time_of_a_step(known) if known else order.created_at)

"""Alpaca's words and ours: its orders, trade updates and activities read, and our orders written as it wants them.

Numbers are strings both ways. A word that is not known is None here and never an error: what a broker says must not
stop whoever listens. Pure: no Django, no clock, no database.

Source: docs/alpaca.md; Alpaca's Trading API v2 (orders, trade_updates, account activities)
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, TypeVar

from trading.order_rules.broker_events import BrokerEvent, Correction, Fill, Report
from trading.order_rules.statuses import Event, Status
from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Purpose, Side, TimeInForce

_ZERO, _HUNDRED = Decimal(0), Decimal(100)
_W = TypeVar("_W", Side, OrderType, TimeInForce, OrderClass, PositionIntent)

#: Its statuses are ours, spelled alike; the two that fills make are computed here, never taken over.
_BY_FILLS = frozenset({Status.PARTIALLY_FILLED, Status.FILLED})
_OURS_ALONE = frozenset({Status.PENDING_SUBMIT, Status.SUBMIT_UNKNOWN})
STATUSES: Mapping[str, Event | None] = MappingProxyType(
    {
        status.value: None if status in _BY_FILLS else Event(status.value)
        for status in Status
        if status not in _OURS_ALONE
    }
)

#: Events of the stream that are no fills. `restated` changes nothing that is kept here.
EVENTS: Mapping[str, Event] = MappingProxyType(
    {
        "new": Event.NEW,
        "accepted": Event.ACCEPTED,
        "accepted_for_bidding": Event.ACCEPTED_FOR_BIDDING,
        "pending_new": Event.PENDING_NEW,
        "pending_review": Event.PENDING_REVIEW,
        "held": Event.HELD,
        "canceled": Event.CANCELED,
        "expired": Event.EXPIRED,
        "done_for_day": Event.DONE_FOR_DAY,
        "replaced": Event.REPLACED,
        "rejected": Event.REJECTED,
        "stopped": Event.STOPPED,
        "suspended": Event.SUSPENDED,
        "calculated": Event.CALCULATED,
        "pending_cancel": Event.PENDING_CANCEL,
        "pending_replace": Event.PENDING_REPLACE,
        "order_cancel_rejected": Event.CANCEL_REJECTED,
        "order_replace_rejected": Event.REPLACE_REJECTED,
    }
)
_FILLS = frozenset({"fill", "partial_fill"})
_CORRECTIONS = frozenset({"trade_bust", "trade_correct"})

#: When an order came to each end, by its own fields; otherwise the time of its last change.
_ENDS = {
    Event.CANCELED: "canceled_at",
    Event.EXPIRED: "expired_at",
    Event.REJECTED: "failed_at",
    Event.REPLACED: "replaced_at",
}

#: The kinds of its assets, by ours.
KIND_OF_ASSET = MappingProxyType({"us_equity": "stock", "us_option": "option", "crypto": "crypto"})


# --- values ------------------------------------------------------------------------------------------


def number(value: object) -> Decimal | None:
    """The number that a string states; None for none, and for what is no finite number."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


_FRACTION = re.compile(r"(\.\d{6})\d+")


def moment(value: object) -> datetime | None:
    """The time that a string states, to the microsecond; None for none, and for what is no time with a zone."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", value))
    except ValueError:
        return None
    return None if found.tzinfo is None else found.astimezone(UTC)


def symbol_of(symbol: str) -> str:
    """Their symbol as ours are: a currency pair with its slash, everything else as it is."""
    return symbol.strip().upper()


# --- orders that are told ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """One order as Alpaca states it. `legs` are those of a group, where they were asked for."""

    id: str
    client_order_id: str
    symbol: str
    asset_class: str
    status: str
    at: datetime
    filled: Decimal
    average_price: Decimal | None = None
    side: Side | None = None
    type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    position_intent: PositionIntent | None = None
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_ratio: Decimal | None = None
    extended_hours: bool = False
    replaces: str = ""
    replaced_by: str = ""
    expires_at: datetime | None = None
    legs: tuple["Seen", ...] = ()

    @property
    def event(self) -> Event | None:
        """What its status says happened; None where only its fills say so, or the word is not known."""
        return STATUSES.get(self.status)

    @property
    def is_over(self) -> bool:
        """Whether it is at an end there."""
        return self.status in _TERMINAL

    def report(self, *, reference: str = "") -> Report | None:
        """Its status as a report; None where its fills alone say what it is."""
        event = self.event
        return None if event is None else Report(event, self.at, reference=reference, filled_so_far=self.filled)


_TERMINAL = frozenset(status.value for status in Status if status.is_terminal)


def seen(told: object) -> Seen | None:
    """The order that a JSON object states; None for what names no order."""
    if not isinstance(told, Mapping) or not told.get("id") or not isinstance(told.get("status"), str):
        return None
    event = STATUSES.get(told["status"])
    at = moment(told.get(_ENDS[event])) if event in _ENDS else None
    at = at or moment(told.get("updated_at")) or moment(told.get("submitted_at")) or moment(told.get("created_at"))
    if at is None:
        return None
    percent = number(told.get("trail_percent"))
    legs = told.get("legs")
    return Seen(
        id=str(told["id"]),
        client_order_id=str(told.get("client_order_id") or ""),
        symbol=symbol_of(str(told.get("symbol") or "")),
        asset_class=str(told.get("asset_class") or "us_equity"),
        status=told["status"],
        at=at,
        filled=number(told.get("filled_qty")) or _ZERO,
        average_price=number(told.get("filled_avg_price")),
        side=_word(Side, told.get("side")),
        type=_word(OrderType, told.get("type") or told.get("order_type")),
        time_in_force=_word(TimeInForce, told.get("time_in_force")),
        order_class=_word(OrderClass, told.get("order_class")) or OrderClass.SIMPLE,
        position_intent=_word(PositionIntent, told.get("position_intent")),
        quantity=number(told.get("qty")),
        notional=number(told.get("notional")),
        limit_price=number(told.get("limit_price")),
        stop_price=number(told.get("stop_price")),
        trail_price=number(told.get("trail_price")),
        trail_ratio=None if percent is None else percent / _HUNDRED,
        extended_hours=bool(told.get("extended_hours")),
        replaces=str(told.get("replaces") or ""),
        replaced_by=str(told.get("replaced_by") or ""),
        expires_at=moment(told.get("expires_at")),
        legs=tuple(leg for leg in map(seen, legs) if leg) if isinstance(legs, list) else (),
    )


def _word(kind: type[_W], value: object) -> _W | None:
    try:
        return kind(str(value))
    except ValueError:
        return None


# --- the stream of trade updates -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Update:
    """One message of the stream: the order as it is now, and what happened. `total` is all that it has filled then."""

    order: Seen
    event: BrokerEvent | None
    total: Decimal = _ZERO
    replaced_by: str = ""


def update(told: object) -> Update | None:
    """What a message about trades says; None for what is none. A word that is not known has no event."""
    if not isinstance(told, Mapping):
        return None
    order = seen(told.get("order"))
    if order is None:
        return None
    name = str(told.get("event") or "")
    at = moment(told.get("timestamp")) or moment(told.get("at")) or order.at
    reference = str(told.get("event_id") or "")
    if name in _FILLS:
        return Update(order, _fill(told, at=at, completes=name == "fill"), total=order.filled)
    if name in _CORRECTIONS:
        return Update(order, _correction(told, at=at, reference=reference), total=order.filled)
    event = EVENTS.get(name)
    if event is None:
        return Update(order, None)
    if event in _ENDS and reference == "":
        # The end of an order has one time, however it is told: by the stream, or when it is looked up.
        at = order.at if order.event is event else at
    return Update(
        order, Report(event, at, reference=reference, filled_so_far=order.filled), replaced_by=order.replaced_by
    )


def _fill(told: Mapping[str, Any], *, at: datetime, completes: bool) -> Fill | None:
    price, quantity = number(told.get("price")), number(told.get("qty"))
    name = str(told.get("execution_id") or told.get("event_id") or "")
    if price is None or quantity is None or price <= 0 or quantity <= 0 or not name:
        return None
    return Fill(name[:LONGEST_NAME], at, quantity, price, completes=completes)


def _correction(told: Mapping[str, Any], *, at: datetime, reference: str) -> Correction | None:
    about = str(told.get("previous_execution_id") or told.get("execution_id") or "")
    if not about:
        return None
    new = _fill(told, at=at, completes=False) if told.get("event") == "trade_correct" else None
    if new is not None and new.execution_id == about:
        new = None
    return Correction((reference or f"{about}@{at.isoformat()}")[:LONGEST_NAME], at, about[:LONGEST_NAME], new)


#: Of an execution's id, as it is stored.
LONGEST_NAME = 100


# --- activities ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    """One fill as the account's activities tell it. `total` is all that its order had filled after it."""

    id: str
    order_id: str
    symbol: str
    fill: Fill
    total: Decimal | None

    @property
    def names(self) -> frozenset[str]:
        """Under which the stream may have told it: the activity's id ends in an id of its own."""
        return frozenset({self.id, self.id.rpartition("::")[2]})


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that came or went otherwise: a deposit, a withdrawal, a dividend, a fee."""

    id: str
    kind: str
    amount: Decimal
    at: datetime
    note: str = ""


def filled(told: object) -> Filled | None:
    """The fill that an activity states; None for what is none."""
    if not isinstance(told, Mapping) or told.get("activity_type") != "FILL":
        return None
    at, quantity, price = moment(told.get("transaction_time")), number(told.get("qty")), number(told.get("price"))
    if at is None or quantity is None or price is None or quantity <= 0 or price <= 0 or not told.get("id"):
        return None
    fill = Fill(str(told["id"])[:LONGEST_NAME], at, quantity, price, completes=told.get("type") == "fill")
    symbol = symbol_of(str(told.get("symbol") or ""))
    return Filled(str(told["id"]), str(told.get("order_id") or ""), symbol, fill, number(told.get("cum_qty")))


#: What moves money besides fills. Others, such as splits and transfers of holdings, move none that is known here.
MONEY_KINDS = frozenset(
    {
        "CSD", "CSW", "CSR", "TRANS", "JNLC", "DIV", "DIVCGL", "DIVCGS", "DIVFEE", "DIVFT", "DIVNRA", "DIVROC", "DIVTW",
        "DIVTXEX", "FEE", "CFEE", "INT", "INTNRA", "INTTW", "PTC", "PTR", "MISC",
    }
)  # fmt: skip


def moved(told: object) -> Moved | None:
    """The money that an activity states; None where it is a fill, or moves none."""
    if not isinstance(told, Mapping) or told.get("activity_type") not in MONEY_KINDS or not told.get("id"):
        return None
    amount = number(told.get("net_amount"))
    if not amount:
        return None
    at = moment(told.get("created_at")) or moment(f"{told.get('date') or ''}T00:00:00+00:00")
    if at is None:
        return None
    return Moved(
        str(told["id"])[:200], str(told["activity_type"]), amount, at, str(told.get("description") or "")[:200]
    )


def untold(told: Sequence[Filled], known: Sequence[Fill], *, reached: Mapping[Fill, Decimal]) -> list[Filled]:
    """Return the fills of the activities that are none of the known ones, each of which is one of them at most.

    Ids of the stream and of the activities need not agree, so by id first; then by quantity, price and what the order
    had come to; then by quantity, price and time, the nearest first: fills that are alike may be a moment apart.
    `reached` is what the order had come to after a known fill, where that is known.
    """
    left, free = list(told), list(known)
    pairs = [
        (_distance(each, fill, reached.get(fill)), a, k) for a, each in enumerate(told) for k, fill in enumerate(known)
    ]
    for _seconds, a, k in sorted(pair for pair in pairs if pair[0] < _APART):
        if told[a] in left and known[k] in free:
            left.remove(told[a])
            free.remove(known[k])
    return left


#: Seconds from which on two fills that are alike are two.
_APART = 1.0
_BY_ID, _BY_TOTAL = -2.0, -1.0


def _distance(told: Filled, known: Fill, reached: Decimal | None) -> float:
    """How far apart the two are: below zero where they are surely one, in seconds where they may be, else infinite."""
    if known.execution_id in told.names or known.execution_id.startswith(f"activity:{told.id}#"):
        return _BY_ID
    if (told.fill.quantity, told.fill.price) != (known.quantity, known.price):
        return math.inf
    if reached is not None and told.total is not None:
        return _BY_TOTAL if reached == told.total else math.inf
    return abs((told.fill.at - known.at).total_seconds())


def purpose_of(leg: Seen) -> Purpose:
    """What a leg of a group is for: the stop gets out at a loss, the limit at a profit."""
    return Purpose.EXIT_TAKE_PROFIT if leg.type is OrderType.LIMIT else Purpose.EXIT_STOP_LOSS

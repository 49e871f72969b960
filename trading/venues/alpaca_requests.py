"""What Alpaca is told, as it wants it, and its refusals read. Numbers are strings, and what is not said is left out.

Pure: no Django, no clock, no database. Source: docs/alpaca.md; Alpaca's Trading API v2 (orders)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Side, TimeInForce

_HUNDRED = Decimal(100)


def written(value: Decimal) -> str:
    """The number as Alpaca takes it: digits and a point, nothing that is not needed."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Asked:
    """One order of ours, as far as a broker has to know it."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_ratio: Decimal | None = None
    position_intent: PositionIntent | None = None
    extended_hours: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit_limit: Decimal | None = None
    stop_loss_stop: Decimal | None = None
    stop_loss_limit: Decimal | None = None


def submission(asked: Asked) -> dict[str, Any]:
    """The body of a request that places the order. What it does not say is left out."""
    body: dict[str, Any] = {
        "client_order_id": asked.client_order_id,
        "symbol": asked.symbol,
        "side": asked.side.value,
        "type": asked.type.value,
        "time_in_force": asked.time_in_force.value,
        **_numbers(
            qty=asked.quantity,
            notional=asked.notional,
            limit_price=None if asked.order_class is OrderClass.OCO else asked.limit_price,
            stop_price=asked.stop_price,
            trail_price=asked.trail_price,
            trail_percent=None if asked.trail_ratio is None else asked.trail_ratio * _HUNDRED,
        ),
    }
    if asked.position_intent is not None:
        body["position_intent"] = asked.position_intent.value
    if asked.extended_hours:
        body["extended_hours"] = True
    if asked.order_class is not OrderClass.SIMPLE:
        body["order_class"] = asked.order_class.value
    if asked.take_profit_limit is not None:
        body["take_profit"] = _numbers(limit_price=asked.take_profit_limit)
    if asked.stop_loss_stop is not None:
        body["stop_loss"] = _numbers(stop_price=asked.stop_loss_stop, limit_price=asked.stop_loss_limit)
    return body


def replacement(
    *,
    client_order_id: str,
    time_in_force: TimeInForce | None = None,
    quantity: Decimal | None = None,
    limit_price: Decimal | None = None,
    stop_price: Decimal | None = None,
    trail: Decimal | None = None,
) -> dict[str, Any]:
    """The body of a request that replaces an order. The quantity is what the successor is to execute itself.

    `trail` is an amount or a percentage, as the order was placed.
    """
    body = {
        "client_order_id": client_order_id,
        **_numbers(qty=quantity, limit_price=limit_price, stop_price=stop_price, trail=trail),
    }
    return body if time_in_force is None else {**body, "time_in_force": time_in_force.value}


def _numbers(**values: Decimal | None) -> dict[str, str]:
    return {name: written(value) for name, value in values.items() if value is not None}


# --- refusals ------------------------------------------------------------------------------------------

#: Of an order whose client id the broker knows already: it has that order, so it was sent before.
_TAKEN = "client_order_id must be unique"


def is_taken(code: str, words: str) -> bool:
    """Whether the broker refuses because it has an order of this client id."""
    return _TAKEN in words.lower()


def refusal(body: object) -> tuple[str, str]:
    """The broker's code and its words, out of the body of a refusal."""
    if not isinstance(body, Mapping):
        return "", ""
    words = str(body.get("message") or "")[:500]
    details = ", ".join(f"{name} {body[name]}" for name in _DETAILS if body.get(name) not in (None, ""))
    return str(body.get("code") or "")[:40], f"{words} ({details})"[:500] if details else words


_DETAILS = (
    "available",
    "existing_qty",
    "held_for_orders",
    "buying_power",
    "cost_basis",
    "existing_order_id",
    "reject_reason",
)

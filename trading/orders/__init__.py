"""Verbs on orders: place, cancel, replace, expire, and record what a venue says.

`placing` lets an order stand or refuses it, `changes` is what happens to one that stands. Source: docs/orders.md
"""

from trading.order_rows import Intent, Request
from trading.order_tickets import reasons_of
from trading.orders.changes import cancel, expire, record, replace_order
from trading.orders.placing import (
    NotPlaced,
    Placed,
    Preview,
    place,
    place_many,
    preview,
    venue_of,
    with_id,
)

__all__ = [
    "Intent",
    "NotPlaced",
    "Placed",
    "Preview",
    "Request",
    "cancel",
    "expire",
    "place",
    "place_many",
    "preview",
    "reasons_of",
    "record",
    "replace_order",
    "venue_of",
    "with_id",
]

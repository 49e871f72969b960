"""Whether a live order may be replaced by another: the successor is an order of its own, and the chain goes on.

Pure: no Django, no clock, no database.

Source: docs/orders.md#replacing
"""

from decimal import Decimal

from accounts.decimals import plain
from trading.order_rules.amounts import difference
from trading.order_rules.broker_events import OrderState
from trading.order_rules.statuses import TRANSITIONS, Event, Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.validity import Violation
from trading.order_rules.words import _


def reasons_against(old: Ticket, new: Ticket, state: OrderState) -> list[Violation]:
    """Return every reason why an order in this state cannot be replaced by the new ticket, which is valid as such.

    The new quantity is what the old order is for in all: what it has filled counts towards it, so it has to be more.
    Source: docs/orders.md#replacing
    """
    reasons: list[Violation] = []
    if not may_be_replaced(state.status):
        words = _("An order that is %(status)s cannot be replaced: look at where it stands, and place another.")
        reasons.append(Violation("invalid_state", "", words, {"status": state.status}))
    if new.quantity is not None and new.quantity <= state.executed:
        words = _("%(filled)s are filled already: give more than that, or cancel the rest.")
        reasons.append(Violation("quantity_filled", "/quantity", words, {"filled": plain(state.executed)}))
    if (old.quantity is None) is not (new.quantity is None):
        words = _("An order for a quantity stays one, and so does one for an amount of money: place another.")
        reasons.append(Violation("size_changed", "/quantity", words))
    for name in ("side", "type", "order_class"):
        if getattr(old, name) is not getattr(new, name):
            words = _("Replacing keeps what the order was: cancel it, and place another.")
            reasons.append(Violation(f"{name}_changed", f"/{name}", words))
    if (old.trail_price is None) is not (new.trail_price is None):
        words = _("A trail by price stays one, and so does one by ratio: cancel the order, and place another.")
        reasons.append(Violation("trail_changed", "/trail_price", words))
    return reasons


def may_be_replaced(status: Status) -> bool:
    """Whether the venue has the order and has not been asked for anything yet."""
    allowed = TRANSITIONS[status]
    is_settled = status not in {Status.SUBMIT_UNKNOWN, Status.PENDING_REPLACE, Status.PENDING_CANCEL}
    return is_settled and (Event.PENDING_REPLACE in allowed or Event.REPLACED in allowed)


def quantity_of_successor(new: Ticket, state: OrderState) -> Decimal | None:
    """Return how much the successor has to execute itself: the new quantity less what the old order has filled.

    None for an order of an amount of money.
    """
    return None if new.quantity is None else difference(new.quantity, state.executed)

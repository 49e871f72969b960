"""Which orders open and which get out: by what is held and what else is live, never by what they say they are for.

Whoever places an order may call it what they like; a breaker stops what adds exposure, and never what takes it away.
Source: docs/risk.md#what-opens-and-what-gets-out
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from trading.models import Order, Position
from trading.order_rules.amounts import ZERO, difference
from trading.order_rules.pretrade import gets_out
from trading.order_rules.statuses import Status
from trading.order_rules.vocabulary import OrderClass, PositionIntent, Side

#: An account and an instrument.
Pair = tuple[int, int]


def opening(orders: Iterable[Order]) -> list[Order]:
    """Those of these orders that are live and would open or add to a position; two statements, however many."""
    asked = list(orders)
    if not asked:
        return []
    pairs = {"account_id__in": {each.account_id for each in asked}}
    pairs["instrument_id__in"] = {each.instrument_id for each in asked}
    held = Position.objects.filter(**pairs).values_list("account_id", "instrument_id", "quantity")
    positions = {(account, instrument): quantity for account, instrument, quantity in held}
    found = {each.pk for each in those_that_open(list(Order.objects.live().filter(**pairs)), positions)}
    return [each for each in asked if each.pk in found]


def those_that_open(live: Sequence[Order], positions: Mapping[Pair, Decimal]) -> list[Order]:
    """Those of these orders, all that are live, that would open or add to the positions; in the order of their ids.

    Orders to get out of the same position get out of it together: stops come first, then the oldest, and what goes
    beyond the position would open another. Exits that are held go with the entry that brings them.
    """
    left = {pair: abs(quantity) for pair, quantity in positions.items()}
    found = []
    for order in sorted(live, key=lambda each: (not is_stop(each), each.pk)):
        pair = (order.account_id, order.instrument_id)
        if order.status == Status.HELD:
            continue
        intent = PositionIntent(order.position_intent) if order.position_intent else None
        if not gets_out(Side(order.side), intent, positions.get(pair, ZERO)):
            found.append(order)
            continue
        leaves = _leaves(order)
        if leaves > left[pair] and not _is_of_a_group(order):
            found.append(order)
        elif not order.shares_hold:
            left[pair] = max(ZERO, difference(left[pair], leaves))
    return sorted(found, key=lambda each: each.pk)


def _leaves(order: Order) -> Decimal:
    """What is left of it to execute; of an amount of money it is not known, and counts as nothing."""
    return ZERO if order.quantity is None else difference(order.quantity, order.filled_quantity)


def is_stop(order: Order) -> bool:
    """Whether it protects: it waits for the price to go the wrong way."""
    return order.stop_price is not None or order.trail_price is not None or order.trail_ratio is not None


def _is_of_a_group(order: Order) -> bool:
    """Whether others share what it gets out of: together they execute no more than one of them may."""
    return order.parent_id is not None or order.order_class == OrderClass.OCO

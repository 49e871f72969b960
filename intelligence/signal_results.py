"""What came of a signal after its checks: the order and how it filled, the plans it opened or got out of, its size.

Source: docs/copying.md#size
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy

from accounts.models import User
from intelligence.copy_checks import drift
from intelligence.models import CopiedPosition, SignalOutcome
from trading import plan_lists
from trading.models import ManagedPosition, Order
from trading.plan_lists import ShownPlan

#: What limits a size, by the names under which an outcome keeps them.
CAPS: dict[str, Any] = {
    "per_trade": gettext_lazy("Most in one trade"),
    "per_wallet": gettext_lazy("Left for this wallet"),
    "per_token": gettext_lazy("Left for this token"),
    "total": gettext_lazy("Left for all copies"),
    "free": gettext_lazy("Free in the account"),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One cap of a size: what it left, None where it was off; `decided` is true of the one that made the size."""

    words: Any
    most: Decimal | None
    decided: bool


@dataclass(frozen=True, slots=True)
class Sizing:
    """How a size came about, in USD: what the risk asked for, what each cap left of it, what it then was."""

    wanted: Decimal | None
    limits: list[Limit]
    value: Decimal | None
    loss_at_stop: Decimal | None
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a signal. `slipped` is how far the fill lay from the price when it was decided, as a fraction."""

    order: Order | None
    plans: list[ShownPlan]
    copy: CopiedPosition | None
    slipped: Decimal | None
    sizing: Sizing | None


def of(person: User, outcome: SignalOutcome | None) -> Result:
    """What came of it, as far as this person may see it."""
    if outcome is None:
        return Result(None, [], None, None, None)
    orders = Order.objects.for_user(person).select_related("instrument", "account")
    order = orders.filter(public_id=outcome.order_id).first() if outcome.order_id else None
    copy = CopiedPosition.objects.for_user(person).filter(order=order).first() if order is not None else None
    slipped = None
    if copy is not None and order is not None and order.filled_average_price:
        slipped = drift(order.filled_average_price, copy.intended_price)
    return Result(order, _plans(person, outcome), copy, slipped, _sizing(outcome.details.get("size")))


def _plans(person: User, outcome: SignalOutcome) -> list[ShownPlan]:
    named: list[UUID | None] = [UUID(each) for each in outcome.details.get("plans", [])]
    named = named or [outcome.plan_id]
    rows = ManagedPosition.objects.for_user(person).select_related("instrument", "account", "strategy")
    return plan_lists.shown(list(rows.filter(public_id__in=[each for each in named if each]).order_by("id")))


def _sizing(kept: Mapping[str, Any] | None) -> Sizing | None:
    if not kept:
        return None
    caps = kept.get("caps", {})
    limits = [
        Limit(words, _number(caps[name]), decided=name == kept.get("bound_by"))
        for name, words in CAPS.items()
        if name in caps
    ]
    return Sizing(
        wanted=_number(kept.get("wanted")),
        limits=limits,
        value=_number(kept.get("value")),
        loss_at_stop=_number(kept.get("loss_at_stop")),
        quantity=_number(kept.get("quantity")),
    )


def _number(text: Any) -> Decimal | None:
    """A number as an outcome keeps it; None for none."""
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None

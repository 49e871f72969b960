"""Where a plan stands, for a page: the stop in force, the next level, how far away they are.

Source: docs/exits.md#standing
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from trading.exits.lines import (
    arming_line,
    deadline,
    levels_due,
    stop_order_price,
    target_order_price,
    tightest_stop,
    trail_line,
)
from trading.exits.plans import ExitPlan
from trading.exits.states import Entry, ExitReason, PlanState

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_FRACTION_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the price has to go to a line, in units of price, < 0 once it is beyond; `fraction` is of the price."""

    price: Decimal
    fraction: Decimal | None


@dataclass(frozen=True, slots=True)
class StopStanding:
    """The stop in force. `line` is exact, `order_price` is on the tick; `distance` is None without a price."""

    line: Decimal
    order_price: Decimal
    reason: ExitReason
    distance: Distance | None


@dataclass(frozen=True, slots=True)
class LevelStanding:
    """The nearest level that has units left to take."""

    number: int
    line: Decimal
    order_price: Decimal
    quantity: Decimal
    distance: Distance | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the plan stands.

    `arms_at`: price that will arm the trailing stop; None if it is armed or there is none.
    `ends_at`: deadline.
    `rides`: units that no level will take.
    `decided`: why everything is on its way out; then there is neither a stop nor a next level.
    """

    stop: StopStanding | None
    next_level: LevelStanding | None
    arms_at: Decimal | None
    is_trail_armed: bool
    ends_at: datetime | None
    rides: Decimal
    decided: ExitReason | None


def standing(plan: ExitPlan, entry: Entry, state: PlanState, *, price: Decimal | None) -> Standing:
    """Return where the plan stands, seen from this price, None where none is known."""
    is_armed = trail_line(plan, entry, state) is not None
    is_watching = bool(state.remaining) and state.decided is None
    due = list(levels_due(plan, entry, state)) if is_watching else []
    return Standing(
        stop=_stop(plan, entry, state, price) if is_watching else None,
        next_level=_next_level(entry, due[0], price) if due else None,
        arms_at=arming_line(plan, entry) if is_watching and not is_armed else None,
        is_trail_armed=is_armed,
        ends_at=deadline(plan, entry),
        rides=_rides(state, due) if is_watching else _ZERO,
        decided=state.decided,
    )


def _stop(plan: ExitPlan, entry: Entry, state: PlanState, price: Decimal | None) -> StopStanding:
    line, reason = tightest_stop(plan, entry, state)
    distance = None if price is None else _distance(price, line, is_upward=not entry.is_long)
    return StopStanding(line, stop_order_price(entry, line), reason, distance)


def _next_level(entry: Entry, due: tuple[int, Decimal, Decimal], price: Decimal | None) -> LevelStanding:
    number, line, quantity = due
    distance = None if price is None else _distance(price, line, is_upward=entry.is_long)
    return LevelStanding(number, line, target_order_price(entry, line), quantity, distance)


def _distance(price: Decimal, line: Decimal, *, is_upward: bool) -> Distance:
    away = _WIDE.subtract(line, price) if is_upward else _WIDE.subtract(price, line)
    fraction = _WIDE.quantize(_WIDE.divide(away, price.copy_abs()), _FRACTION_STEP) if price else None
    return Distance(away, fraction)


def _rides(state: PlanState, due: list[tuple[int, Decimal, Decimal]]) -> Decimal:
    rest = state.remaining
    for _, _, quantity in due:
        rest = _WIDE.subtract(rest, quantity)
    return max(rest, _ZERO)

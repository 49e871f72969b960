"""The prices at which a plan acts, and how much it takes off there.

One rule for both sides: a long gains upwards and a short downwards, and a fraction is one of the size of the price it
starts from. Lines are exact; they are rounded only for an order (`stop_order_price`, `target_order_price`).

Source: docs/exits.md#lines
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from trading.exits.plans import ExitPlan, Level
from trading.exits.states import Entry, ExitReason, PlanState, taken_by

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)


def is_in_favour(entry: Entry, price: Decimal, line: Decimal) -> bool:
    """Whether the price lies at the line or beyond it on the side of profit."""
    return price >= line if entry.is_long else price <= line


def is_against(entry: Entry, price: Decimal, line: Decimal) -> bool:
    """Whether the price lies at the line or beyond it on the side of loss."""
    return price <= line if entry.is_long else price >= line


def stop_line(plan: ExitPlan, entry: Entry) -> Decimal:
    """Return where the stop loss lies: that fraction of the entry price away from it."""
    return _moved(entry.price, plan.stop_loss, is_upward=not entry.is_long)


def arming_line(plan: ExitPlan, entry: Entry) -> Decimal | None:
    """Return the price that arms the trailing stop; None without one."""
    if not plan.is_trailing or plan.trail_activation is None:
        return None
    return _moved(entry.price, plan.trail_activation, is_upward=entry.is_long)


def trail_line(plan: ExitPlan, entry: Entry, state: PlanState) -> Decimal | None:
    """Return where the trailing stop lies: that fraction of the best price away from it; None until it is armed.

    The best price only ever improves, so a stop that is armed stays armed and the line only ever tightens.
    """
    arms_at = arming_line(plan, entry)
    if arms_at is None or plan.trail is None or not is_in_favour(entry, state.best, arms_at):
        return None
    return _moved(state.best, plan.trail, is_upward=not entry.is_long)


def break_even_line(plan: ExitPlan, entry: Entry, state: PlanState) -> Decimal | None:
    """Return the entry price once the first level was reached or has claimed units; None before or if not asked for."""
    if not plan.breaks_even or not plan.is_scaling:
        return None
    line = level_line(entry, plan.levels[0])
    was_reached = line is not None and is_in_favour(entry, state.best, line)
    return entry.price if was_reached or taken_by(state, 1) else None


def tightest_stop(plan: ExitPlan, entry: Entry, state: PlanState) -> tuple[Decimal, ExitReason]:
    """Return the stop that a falling price (a rising one, for a short) meets first, and which rule put it there."""
    line, reason = stop_line(plan, entry), ExitReason.STOP_LOSS
    for other, its_reason in (
        (break_even_line(plan, entry, state), ExitReason.BREAK_EVEN),
        (trail_line(plan, entry, state), ExitReason.TRAILING_STOP),
    ):
        if other is not None and other != line and is_in_favour(entry, other, line):
            line, reason = other, its_reason
    return line, reason


def level_line(entry: Entry, level: Level) -> Decimal | None:
    """Return the price at which the level is reached; None for a share that rides, or that no price can reach.

    A short cannot gain all of its entry price where prices are above zero.
    """
    if level.gain is None:
        return None
    line = _moved(entry.price, level.gain, is_upward=entry.is_long)
    return line if line > 0 or entry.may_be_negative else None


def level_quantity(plan: ExitPlan, entry: Entry, level: int) -> Decimal:
    """Return the units that the level, counted from 1, takes off: its share of the quantity at entry.

    Each is rounded down to the instrument's step. The last takes, or keeps for itself if it rides, what the others
    leave, so that nothing remains by rounding.
    """
    if level == len(plan.levels):
        rest = entry.quantity
        for other in range(1, level):
            rest = _WIDE.subtract(rest, level_quantity(plan, entry, other))
        return rest
    exact = _WIDE.multiply(entry.quantity, plan.levels[level - 1].share or _ZERO)
    return exact if entry.quantity_step is None else _stepped(exact, entry.quantity_step, rounding=ROUND_FLOOR)


def levels_due(
    plan: ExitPlan, entry: Entry, state: PlanState, *, reached_by: Decimal | None = None
) -> Iterator[tuple[int, Decimal, Decimal]]:
    """Yield number, price and outstanding units of each level that has something left to take, nearest first.

    With a price, only of those that it has reached. What remains bounds them one by one, not together.
    """
    if not plan.is_scaling:
        return
    for number, level in enumerate(plan.levels, start=1):
        line = level_line(entry, level)
        if line is None or (reached_by is not None and not is_in_favour(entry, reached_by, line)):
            return
        outstanding = min(_WIDE.subtract(level_quantity(plan, entry, number), taken_by(state, number)), state.remaining)
        if outstanding > 0:
            yield number, line, outstanding


def level_reason(plan: ExitPlan) -> ExitReason:
    """Return what reaching a level is called: a single one, which takes everything, is a target."""
    return ExitReason.TAKE_PROFIT if len(plan.levels) == 1 else ExitReason.SCALING


def deadline(plan: ExitPlan, entry: Entry) -> datetime | None:
    """Return when everything goes out whatever the price, None for no such time."""
    longest = None if plan.hold_at_most is None else entry.at + plan.hold_at_most
    if longest is None or plan.exit_at is None:
        return longest or plan.exit_at
    return min(longest, plan.exit_at)


def stop_order_price(entry: Entry, line: Decimal) -> Decimal:
    """Return the stop price of an order that rests at the broker: the line, rounded to the tick towards the market."""
    return _on_tick(entry, line, is_upward=entry.is_long)


def target_order_price(entry: Entry, line: Decimal) -> Decimal:
    """Return the limit price of an order that rests at the broker: the line, rounded to the tick towards the market."""
    return _on_tick(entry, line, is_upward=not entry.is_long)


def _on_tick(entry: Entry, line: Decimal, *, is_upward: bool) -> Decimal:
    if entry.price_step is None:
        return line
    return _stepped(line, entry.price_step, rounding=ROUND_CEILING if is_upward else ROUND_FLOOR)


def _moved(price: Decimal, fraction: Decimal, *, is_upward: bool) -> Decimal:
    distance = _WIDE.multiply(price.copy_abs(), fraction)
    return _WIDE.add(price, distance) if is_upward else _WIDE.subtract(price, distance)


def _stepped(number: Decimal, step: Decimal, *, rounding: str) -> Decimal:
    steps = _WIDE.divide(number, step).to_integral_value(rounding=rounding)
    return _WIDE.multiply(steps, step)

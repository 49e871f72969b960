"""What a plan does at a price and a time.

The price of an exit is the one it was decided at: what the order is measured against, not what it will fill at.

Source: docs/exits.md#evaluation
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from trading.exits.lines import (
    break_even_line,
    deadline,
    is_against,
    is_in_favour,
    level_reason,
    levels_due,
    stop_line,
    trail_line,
)
from trading.exits.plans import ExitPlan
from trading.exits.states import Entry, ExitReason, PlanState, with_taken

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)

#: A price older than this triggers nothing, unless the installation says otherwise.
LONGEST_AGE = timedelta(minutes=5)


class PriceAlert(StrEnum):
    """Why a price triggers nothing, where a person should know."""

    MISSING = "price_missing"
    UNUSABLE = "price_unusable"
    STALE = "price_stale"
    FUTURE = "price_future"


@dataclass(frozen=True, slots=True)
class Tick:
    """One price and when it was made; None where the source has none."""

    price: Decimal | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ExitAction:
    """Get out of `quantity` units, > 0, at the market.

    `number` counts the exits of the plan from 1: two workers that judge the same state at the same price decide the
    same number, so an order named by plan and number exists once. `price` is the price it was decided at and `line`
    the line that price had reached, both None where no price was asked. `level` counts from 1.
    """

    number: int
    quantity: Decimal
    reason: ExitReason
    price: Decimal | None
    line: Decimal | None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state after a price, what to do, and what to tell. `state` is the very same one if nothing changed."""

    state: PlanState
    actions: tuple[ExitAction, ...] = ()
    alert: PriceAlert | None = None


def evaluate(
    plan: ExitPlan,
    entry: Entry,
    state: PlanState,
    tick: Tick,
    *,
    now: datetime,
    source_sold: bool = False,
    longest_age: timedelta = LONGEST_AGE,
) -> Evaluation:
    """Return what the plan does at this price.

    The first of these that holds takes out everything: the stop loss, break-even, the sale by the source
    (`source_sold`), the trailing stop, the deadline. If none does, every level that the price has reached takes its
    units, in ascending order. Lines are reached inclusively.

    A price that is missing, unusable, or made more than `longest_age` before (or after) `now` triggers nothing and
    gives an alert; one older than the state triggers nothing. A sale by the source, a deadline and an exit that was
    decided before ask no price, so they go ahead without one.
    """
    if not state.remaining:
        return Evaluation(state)
    alert = _alert(entry, tick, now=now, longest_age=longest_age)
    if alert is not None or tick.at < state.changed_at:
        moment = Moment(price=None, at=now, now=now, source_sold=source_sold)
    else:
        moment = Moment(price=tick.price, at=min(tick.at, now), now=now, source_sold=source_sold)
    after, actions = judged(plan, entry, state, moment)
    return Evaluation(after, actions, alert)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known at one moment: a usable price, if any, when it was made, what time it is now."""

    price: Decimal | None
    at: datetime
    now: datetime
    source_sold: bool = False


def judged(plan: ExitPlan, entry: Entry, state: PlanState, moment: Moment) -> tuple[PlanState, tuple[ExitAction, ...]]:
    """Return the state and the exits after the moment, whose price is usable if there is one."""
    price = moment.price
    if price is not None and price != state.best and is_in_favour(entry, price, state.best):
        state = replace(state, best=price, changed_at=moment.at)
    whole = _whole_exit(plan, entry, state, moment)
    if whole is not None:
        reason, line = whole
        action = ExitAction(number=state.exits + 1, quantity=state.remaining, reason=reason, price=price, line=line)
        state = replace(state, remaining=_ZERO, decided=reason, exits=action.number, changed_at=moment.at)
        return state, (action,)
    actions = tuple(_level_exits(plan, entry, state, price))
    for action in actions:
        state = _claimed(state, action, at=moment.at)
    return state, actions


def is_usable(entry: Entry, price: Decimal) -> bool:
    """Whether the number can be a price of the instrument."""
    return price.is_finite() and (price > 0 or entry.may_be_negative)


def _alert(entry: Entry, tick: Tick, *, now: datetime, longest_age: timedelta) -> PriceAlert | None:
    if tick.price is None:
        return PriceAlert.MISSING
    if not is_usable(entry, tick.price):
        return PriceAlert.UNUSABLE
    age = now - tick.at
    if age > longest_age:
        return PriceAlert.STALE
    return PriceAlert.FUTURE if -age > longest_age else None


def _whole_exit(
    plan: ExitPlan, entry: Entry, state: PlanState, moment: Moment
) -> tuple[ExitReason, Decimal | None] | None:
    """Return why everything goes out and the line that was reached, None if it does not."""
    if state.decided is not None:
        return state.decided, None
    price = moment.price
    if price is not None:
        line = stop_line(plan, entry)
        if is_against(entry, price, line):
            return ExitReason.STOP_LOSS, line
        even = break_even_line(plan, entry, state)
        if even is not None and is_against(entry, price, even):
            return ExitReason.BREAK_EVEN, even
    if moment.source_sold and plan.mirrors:
        return ExitReason.MIRROR, None
    if price is not None:
        trail = trail_line(plan, entry, state)
        if trail is not None and is_against(entry, price, trail):
            return ExitReason.TRAILING_STOP, trail
    ends_at = deadline(plan, entry)
    return (ExitReason.TIME, None) if ends_at is not None and moment.now >= ends_at else None


def _level_exits(plan: ExitPlan, entry: Entry, state: PlanState, price: Decimal | None) -> Iterator[ExitAction]:
    """Yield the exits of the levels that the price has reached, together no more than what remains."""
    if price is None:
        return
    number, remaining = state.exits, state.remaining
    for level, line, outstanding in levels_due(plan, entry, state, reached_by=price):
        quantity = min(outstanding, remaining)
        if not quantity:
            return
        number, remaining = number + 1, _WIDE.subtract(remaining, quantity)
        yield ExitAction(number, quantity, level_reason(plan), price, line, level)


def _claimed(state: PlanState, action: ExitAction, *, at: datetime) -> PlanState:
    taken = state.taken if action.level is None else with_taken(state, action.level, action.quantity)
    remaining = _WIDE.subtract(state.remaining, action.quantity)
    return replace(state, remaining=remaining, taken=taken, exits=action.number, changed_at=at)

"""What a plan was entered with and how far it has got.

Source: docs/exits.md#the-state
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from trading.exits.plans import ExitPlan, PlanRefused, PlanRule, Problem, checked

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)


class ExitReason(StrEnum):
    """Which rule of the plan got out."""

    STOP_LOSS = "stop_loss"
    BREAK_EVEN = "break_even"
    MIRROR = "mirror"
    TRAILING_STOP = "trailing_stop"
    TIME = "time"
    SCALING = "scaling"
    TAKE_PROFIT = "take_profit"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered; it never changes.

    `price` is the average of the entry's fills, never the price that was asked for; `quantity` > 0 is in units.
    `quantity_step` and `price_step` are the instrument's lot and tick, None where there is none. Only an instrument
    with `may_be_negative` has prices of zero or below; anywhere else such a price is an error of its source.
    """

    is_long: bool
    price: Decimal
    quantity: Decimal
    at: datetime
    quantity_step: Decimal | None = None
    price_step: Decimal | None = None
    may_be_negative: bool = False


@dataclass(frozen=True, slots=True)
class PlanState:
    """How far a plan has got; a plan that did nothing at a price keeps the very same state.

    `remaining`: units that no exit has claimed; an exit claims its units when it is decided, not when it fills.
    `best`: the most favourable price since the entry, the highest for a long and the lowest for a short.
    `taken`: units that each level has claimed, by its place.
    `decided`: why everything was to go out, once that was decided; it is never taken back by a price.
    `exits`: how many exits were decided so far.
    `changed_at`: time of the price that last changed anything. An older one is not judged: it was made under lines
    that no longer hold.
    """

    remaining: Decimal
    best: Decimal
    changed_at: datetime
    taken: tuple[Decimal, ...] = ()
    decided: ExitReason | None = None
    exits: int = 0


def opened(plan: ExitPlan, entry: Entry) -> PlanState:
    """Return the state at the entry: nothing claimed, the best price is that of the entry.

    Raises: PlanRefused for a plan that breaks a rule or whose time has passed; ValueError for an entry without a
    usable price, quantity, step or time zone.
    """
    checked(plan)
    _refuse_unusable(entry)
    if plan.exit_at is not None and plan.exit_at <= entry.at:
        message = "The time of the exit is not after the entry."
        raise PlanRefused((Problem(PlanRule.EXIT_AT_PASSED, "exit_at", message),))
    return PlanState(remaining=entry.quantity, best=entry.price, changed_at=entry.at, taken=(_ZERO,) * len(plan.levels))


def given_back(entry: Entry, state: PlanState, quantity: Decimal, *, level: int | None = None) -> PlanState:
    """Return the state after an exit order ended with this many units unfilled; they are the plan's again.

    `level`, counted from 1, is that of the exit. What was decided stays decided: everything that a stop gave back
    goes out again at the next evaluation, what a level gave back at the next price that reaches the level.

    Raises: ValueError for more than was claimed.
    """
    remaining = _WIDE.add(state.remaining, quantity)
    if quantity <= 0 or remaining > entry.quantity:
        raise ValueError("an exit gives back what it claimed and did not fill")
    if level is None:
        return replace(state, remaining=remaining)
    if quantity > taken_by(state, level):
        raise ValueError("a level gives back what it claimed and did not fill")
    return replace(state, remaining=remaining, taken=with_taken(state, level, quantity.copy_negate()))


def taken_out(state: PlanState, quantity: Decimal) -> PlanState:
    """Return the state after this many units left otherwise: taken out by a person, or gone at the broker.

    Raises: ValueError for more than remain.
    """
    if not _ZERO < quantity <= state.remaining:
        raise ValueError("only what remains can be taken out")
    return replace(state, remaining=_WIDE.subtract(state.remaining, quantity))


def taken_by(state: PlanState, level: int) -> Decimal:
    """Return the units that the level, counted from 1, has claimed; a revision may have added the level since."""
    return state.taken[level - 1] if level <= len(state.taken) else _ZERO


def with_taken(state: PlanState, level: int, quantity: Decimal) -> tuple[Decimal, ...]:
    """Return what the levels have claimed, with this much more for the level, counted from 1."""
    taken = [*state.taken, *[_ZERO] * (level - len(state.taken))]
    taken[level - 1] = _WIDE.add(taken[level - 1], quantity)
    return tuple(taken)


def _refuse_unusable(entry: Entry) -> None:
    if not entry.price.is_finite() or not entry.price or (entry.price < 0 and not entry.may_be_negative):
        raise ValueError("an entry needs the price of its fills, which is not zero")
    if not entry.quantity.is_finite() or entry.quantity <= 0:
        raise ValueError("an entry needs a quantity above zero")
    if any(
        step is not None and not (step.is_finite() and step > 0) for step in (entry.quantity_step, entry.price_step)
    ):
        raise ValueError("a step is above zero")
    if entry.at.utcoffset() is None:
        raise ValueError("the time of an entry needs a time zone")

"""What an exit plan says, and every rule that one breaks.

Fractions throughout: 0.2 is 20 %. Source: docs/exits.md#the-plan
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from itertools import pairwise

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_ONE = Decimal(1)
_LARGEST = Decimal("1e9")
_MOST_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Level:
    """Take off `share` of the quantity at entry once the price has gained `gain` of the entry price.

    Both are fractions. A gain of None is never reached: that share rides until something else ends it.
    A share of None is a level that nobody has filled in, which no plan in use has.
    """

    share: Decimal | None
    gain: Decimal | None

    @classmethod
    def at_multiple(cls, share: Decimal, multiple: Decimal | None) -> "Level":
        """The level at a multiple of the entry price as a long sees it: 2 is a gain of 1."""
        return cls(share=share, gain=None if multiple is None else _WIDE.subtract(multiple, _ONE))


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """How a position is to end. What is switched off keeps its values and does nothing.

    `stop_loss`: fraction of the entry price lost at which all goes out; never absent.
    `trail`: fraction of the best price since the entry that may be given back, once the best price has gained
    `trail_activation` of the entry price (0: from the entry on).
    `levels`: in ascending order; `breaks_even` lifts the stop to the entry price once the first is reached.
    `mirrors`: all goes out when the source of the trade sells.
    `hold_at_most` after the entry or `exit_at`, whichever comes first, all goes out.
    """

    stop_loss: Decimal
    is_trailing: bool = False
    trail: Decimal | None = None
    trail_activation: Decimal | None = None
    is_scaling: bool = False
    levels: tuple[Level, ...] = ()
    breaks_even: bool = False
    mirrors: bool = False
    hold_at_most: timedelta | None = None
    exit_at: datetime | None = None


class PlanRule(StrEnum):
    """A rule that a plan can break; the name is stable, the words around it are not."""

    NOT_A_NUMBER = "not_a_number"
    TOO_FINE = "too_fine"
    STOP_LOSS_RANGE = "stop_loss_range"
    TRAIL_MISSING = "trail_missing"
    TRAIL_RANGE = "trail_range"
    ACTIVATION_MISSING = "activation_missing"
    ACTIVATION_RANGE = "activation_range"
    LEVELS_MISSING = "levels_missing"
    SHARE_MISSING = "share_missing"
    SHARE_RANGE = "share_range"
    SHARES_SUM = "shares_sum"
    GAIN_RANGE = "gain_range"
    GAIN_MISSING = "gain_missing"
    GAINS_ASCEND = "gains_ascend"
    BREAK_EVEN_LEVEL = "break_even_level"
    HOLD_RANGE = "hold_range"
    EXIT_AT_ZONE = "exit_at_zone"
    EXIT_AT_PASSED = "exit_at_passed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule, the field that breaks it and, counted from 1, the level."""

    rule: PlanRule
    field: str
    message: str
    level: int | None = None


class PlanRefused(ValueError):
    """The plan cannot be used; `problems` are all the reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def simple_plan(*, stop_loss: Decimal, take_profit: Decimal | None = None, trail: Decimal | None = None) -> ExitPlan:
    """The plan with a stop, a target for everything, and a stop that trails from the entry on; fractions.

    Raises: PlanRefused.
    """
    levels = () if take_profit is None else (Level(share=_ONE, gain=take_profit),)
    return checked(
        ExitPlan(
            stop_loss=stop_loss,
            is_trailing=trail is not None,
            trail=trail,
            trail_activation=None if trail is None else _ZERO,
            is_scaling=bool(levels),
            levels=levels,
        )
    )


def checked(plan: ExitPlan) -> ExitPlan:
    """Return the plan if it breaks no rule.

    Raises: PlanRefused with every broken rule.
    """
    found = problems(plan)
    if found:
        raise PlanRefused(found)
    return plan


def problems(plan: ExitPlan) -> tuple[Problem, ...]:
    """Return every rule that the plan breaks, in the order of its fields; empty for one that can be used.

    Values that are switched off are held to their ranges too, lest they surprise whoever switches them on. What has to
    be there, and how levels go together, is asked of what is on.
    Source: docs/exits.md#rules-of-a-plan
    """
    return (*_of_stop(plan), *_of_trail(plan), *_of_levels(plan), *_of_break_even(plan), *_of_time(plan))


def _of_stop(plan: ExitPlan) -> Iterator[Problem]:
    if unfit := _unfit(plan.stop_loss, "stop_loss"):
        yield unfit
    elif not _ZERO < plan.stop_loss <= _ONE:
        yield Problem(PlanRule.STOP_LOSS_RANGE, "stop_loss", "The stop loss must be above 0 and at most 100%.")


def _of_trail(plan: ExitPlan) -> Iterator[Problem]:
    if plan.trail is None:
        if plan.is_trailing:
            yield Problem(PlanRule.TRAIL_MISSING, "trail", "A trailing stop needs a distance.")
    elif unfit := _unfit(plan.trail, "trail"):
        yield unfit
    elif not _ZERO < plan.trail <= _ONE:
        yield Problem(PlanRule.TRAIL_RANGE, "trail", "The trailing distance must be above 0 and at most 100%.")
    if plan.trail_activation is None:
        if plan.is_trailing:
            yield Problem(
                PlanRule.ACTIVATION_MISSING, "trail_activation", "A trailing stop needs the profit that arms it."
            )
    elif unfit := _unfit(plan.trail_activation, "trail_activation"):
        yield unfit
    elif plan.trail_activation < 0:
        yield Problem(
            PlanRule.ACTIVATION_RANGE, "trail_activation", "The profit that arms the trailing stop must be 0 or more."
        )


def _of_levels(plan: ExitPlan) -> Iterator[Problem]:
    for number, level in enumerate(plan.levels, start=1):
        yield from _of_share(level.share, number, is_needed=plan.is_scaling)
        yield from _of_gain(level.gain, number, is_needed=plan.is_scaling and number < len(plan.levels))
    if plan.is_scaling:
        yield from _of_levels_together(plan.levels)


def _of_levels_together(levels: tuple[Level, ...]) -> Iterator[Problem]:
    if not levels:
        yield Problem(PlanRule.LEVELS_MISSING, "levels", "Scaling out needs a level.")
        return
    shares = [level.share for level in levels if level.share is not None and level.share.is_finite()]
    if len(shares) == len(levels) and _sum(shares) != _ONE:
        yield Problem(PlanRule.SHARES_SUM, "levels", "The shares of the levels must sum to 100%.")
    gains = [(number, level.gain) for number, level in enumerate(levels, start=1)]
    known = [(number, gain) for number, gain in gains if gain is not None and gain.is_finite()]
    for (_, lower), (number, higher) in pairwise(known):
        if higher <= lower:
            yield Problem(PlanRule.GAINS_ASCEND, "levels", f"Level {number} must lie beyond the one before it.", number)


def _of_share(share: Decimal | None, number: int, *, is_needed: bool) -> Iterator[Problem]:
    if share is None:
        if is_needed:
            yield Problem(PlanRule.SHARE_MISSING, "levels", f"Level {number} needs a share.", number)
    elif unfit := _unfit(share, "levels", number):
        yield unfit
    elif not _ZERO <= share <= _ONE:
        yield Problem(PlanRule.SHARE_RANGE, "levels", f"The share of level {number} must be 0 to 100%.", number)


def _of_gain(gain: Decimal | None, number: int, *, is_needed: bool) -> Iterator[Problem]:
    if gain is None:
        if is_needed:
            message = f"Level {number} needs a price: only the last may ride."
            yield Problem(PlanRule.GAIN_MISSING, "levels", message, number)
    elif unfit := _unfit(gain, "levels", number):
        yield unfit
    elif gain <= 0:
        yield Problem(PlanRule.GAIN_RANGE, "levels", f"Level {number} must lie beyond the entry price.", number)


def _of_break_even(plan: ExitPlan) -> Iterator[Problem]:
    has_level = plan.is_scaling and plan.levels and plan.levels[0].gain is not None
    if plan.breaks_even and not has_level:
        yield Problem(
            PlanRule.BREAK_EVEN_LEVEL,
            "breaks_even",
            "Break-even follows the first level, which this plan never reaches.",
        )


def _of_time(plan: ExitPlan) -> Iterator[Problem]:
    if plan.hold_at_most is not None and plan.hold_at_most <= timedelta(0):
        yield Problem(PlanRule.HOLD_RANGE, "hold_at_most", "The longest holding time must be above zero.")
    if plan.exit_at is not None and plan.exit_at.utcoffset() is None:
        yield Problem(PlanRule.EXIT_AT_ZONE, "exit_at", "The time of the exit needs a time zone.")


def _unfit(value: Decimal, field: str, level: int | None = None) -> Problem | None:
    """Return what keeps the value from being calculated with and written down, if anything."""
    where = field if level is None else f"level {level}"
    if not value.is_finite():
        return Problem(PlanRule.NOT_A_NUMBER, field, f"A value of {where} is not a finite number.", level)
    exponent = value.normalize(_WIDE).as_tuple().exponent
    if value.copy_abs() >= _LARGEST or (isinstance(exponent, int) and exponent < -_MOST_DECIMALS):
        message = f"A value of {where} has more than {_MOST_DECIMALS} decimals or is a billion or more."
        return Problem(PlanRule.TOO_FINE, field, message, level)
    return None


def _sum(numbers: list[Decimal]) -> Decimal:
    total = _ZERO
    for number in numbers:
        total = _WIDE.add(total, number)
    return total

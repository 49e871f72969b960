"""What is wrong with an exit plan, in the words of the reader."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trading.errors import PlanInvalid
from trading.exits.plans import PlanRefused, PlanRule, Problem
from trading.exits.snapshots import SnapshotRefused

_WORDS: Mapping[PlanRule, Any] = {
    PlanRule.NOT_A_NUMBER: gettext_lazy("A value is not a finite number."),
    PlanRule.TOO_FINE: gettext_lazy("A value has more than 12 decimals or is a billion or more."),
    PlanRule.STOP_LOSS_RANGE: gettext_lazy("The stop loss must be above 0 and at most 100%%."),
    PlanRule.TRAIL_MISSING: gettext_lazy("A trailing stop needs a distance."),
    PlanRule.TRAIL_RANGE: gettext_lazy("The trailing distance must be above 0 and at most 100%%."),
    PlanRule.ACTIVATION_MISSING: gettext_lazy("A trailing stop needs the profit that arms it."),
    PlanRule.ACTIVATION_RANGE: gettext_lazy("The profit that arms the trailing stop must be 0 or more."),
    PlanRule.LEVELS_MISSING: gettext_lazy("Scaling out needs a level."),
    PlanRule.SHARE_MISSING: gettext_lazy("Level %(level)s needs a share."),
    PlanRule.SHARE_RANGE: gettext_lazy("The share of level %(level)s must be 0 to 100%%."),
    PlanRule.SHARES_SUM: gettext_lazy("The shares of the levels must sum to 100%%."),
    PlanRule.GAIN_RANGE: gettext_lazy("Level %(level)s must lie beyond the entry price."),
    PlanRule.GAIN_MISSING: gettext_lazy("Level %(level)s needs a price: only the last may ride."),
    PlanRule.GAINS_ASCEND: gettext_lazy("Level %(level)s must lie beyond the one before it."),
    PlanRule.BREAK_EVEN_LEVEL: gettext_lazy("Break-even follows the first level, which this plan never reaches."),
    PlanRule.HOLD_RANGE: gettext_lazy("The longest holding time must be above zero."),
    PlanRule.EXIT_AT_ZONE: gettext_lazy("The time of the exit needs a time zone."),
    PlanRule.EXIT_AT_PASSED: gettext_lazy("The time of the exit is not after the entry."),
}


def refusal(error: PlanRefused | SnapshotRefused) -> PlanInvalid:
    """The refusal of the rules as one that every interface shows: the first problem leads, all of them are in it."""
    if isinstance(error, SnapshotRefused):
        found = tuple((f"/{key}", _("This is not known, missing or cannot be read.")) for key in error.keys)
    else:
        found = tuple((_pointer(problem), said(problem)) for problem in error.problems)
    pointer, message = found[0]
    return PlanInvalid(message, pointer=pointer, problems=found)


def said(problem: Problem) -> str:
    """One broken rule in words."""
    return str(_WORDS[problem.rule]) % {"level": problem.level}


def _pointer(problem: Problem) -> str:
    return f"/{problem.field}" if problem.level is None else f"/{problem.field}/{problem.level - 1}"


def below(error: PlanInvalid, place: str) -> PlanInvalid:
    """The refusal with its pointers below the field that holds the plan."""
    problems = tuple((f"{place}{pointer}", words) for pointer, words in error.problems)
    return PlanInvalid(error.message, pointer=problems[0][0], problems=problems)

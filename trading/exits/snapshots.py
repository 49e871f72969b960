"""A plan written down in full at the entry, and overridden key by key.

A snapshot is what a plan's position keeps, so a change of the template that it came from cannot reach it. An override
is a set of keys that win over those of the plan: a key that is absent leaves the plan's value, one that is null clears
it. Numbers are strings, times are ISO 8601, durations are seconds.

Source: docs/exits.md#snapshots-and-overrides
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from accounts.decimals import plain, strict
from trading.exits.plans import ExitPlan, Level, checked

T = TypeVar("T")

#: Goes up when the meaning of a key changes, so that old snapshots can be told apart.
VERSION = 1


class SnapshotRefused(ValueError):
    """What is written down is no plan; `keys` are those that are unknown, missing or cannot be read."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__("cannot be read: " + ", ".join(keys))
        self.keys = keys


def snapshot(plan: ExitPlan) -> dict[str, Any]:
    """Return the whole plan as JSON can hold it; `restored` gives back an equal plan."""
    return {
        "version": VERSION,
        "stop_loss": plain(plan.stop_loss),
        "is_trailing": plan.is_trailing,
        "trail": _text(plan.trail),
        "trail_activation": _text(plan.trail_activation),
        "is_scaling": plan.is_scaling,
        "levels": [{"share": _text(level.share), "gain": _text(level.gain)} for level in plan.levels],
        "breaks_even": plan.breaks_even,
        "mirrors": plan.mirrors,
        "hold_at_most": None if plan.hold_at_most is None else plain(_seconds(plan.hold_at_most)),
        "exit_at": None if plan.exit_at is None else plan.exit_at.isoformat(),
    }


def restored(values: Mapping[str, Any]) -> ExitPlan:
    """Return the plan that a snapshot holds.

    Raises: SnapshotRefused for another version and for keys that are unknown, missing or unreadable; PlanRefused for a
    plan that breaks a rule.
    """
    if values.get("version") != VERSION:
        raise SnapshotRefused(("version",))
    fields = {key: value for key, value in values.items() if key != "version"}
    odd = fields.keys() ^ _READERS.keys()
    if odd:
        raise SnapshotRefused(tuple(sorted(odd)))
    read: dict[str, Any] = {}
    unreadable = []
    for key, value in fields.items():
        try:
            read[key] = _READERS[key](value)
        except (ValueError, TypeError, OverflowError):
            unreadable.append(key)
    if unreadable:
        raise SnapshotRefused(tuple(sorted(unreadable)))
    return checked(ExitPlan(**read))


def overridden(plan: ExitPlan, changes: Mapping[str, Any]) -> ExitPlan:
    """Return the plan with these keys in place of its own; the result is held to the rules of any plan.

    `levels` are overridden all together.
    Raises: SnapshotRefused, PlanRefused.
    """
    unknown = changes.keys() - _READERS.keys()
    if unknown:
        raise SnapshotRefused(tuple(sorted(unknown)))
    return restored({**snapshot(plan), **changes})


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _seconds(duration: timedelta) -> Decimal:
    return Decimal(duration // timedelta(microseconds=1)).scaleb(-6)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _number(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError("a number is written as a string")
    return strict(value)


def _levels(value: Any) -> tuple[Level, ...]:
    if not isinstance(value, list) or not all(
        isinstance(each, dict) and each.keys() == {"share", "gain"} for each in value
    ):
        raise TypeError("levels have a share and a gain each")
    return tuple(Level(_maybe(_number)(each["share"]), _maybe(_number)(each["gain"])) for each in value)


def _duration(value: Any) -> timedelta:
    return timedelta(microseconds=int(_number(value).scaleb(6)))


def _time(value: Any) -> datetime:
    return datetime.fromisoformat(value)


def _maybe(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "stop_loss": _number,
    "is_trailing": _flag,
    "trail": _maybe(_number),
    "trail_activation": _maybe(_number),
    "is_scaling": _flag,
    "levels": _levels,
    "breaks_even": _flag,
    "mirrors": _flag,
    "hold_at_most": _maybe(_duration),
    "exit_at": _maybe(_time),
}

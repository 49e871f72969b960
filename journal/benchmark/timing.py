"""How times are taken and summed up. They are nanoseconds as the clock counts them, and milliseconds when shown."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in milliseconds, over all iterations."""

    min: float
    mean: float
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, taken: Sequence[int]) -> "Spread":
        """The spread of times in nanoseconds. There must be one."""
        return cls(
            min=_milliseconds(min(taken)),
            mean=_milliseconds(sum(taken) / len(taken)),
            p50=_milliseconds(percentile(taken, 50)),
            p95=_milliseconds(percentile(taken, 95)),
            p99=_milliseconds(percentile(taken, 99)),
        )


@dataclass(frozen=True, slots=True)
class Timed:
    """One thing to time, with what has to be done before each call of it and is not timed."""

    call: Callable[[], object]
    before: Callable[[], object] | None = None


def percentile(taken: Sequence[int], percent: int) -> int:
    """The smallest time that at least `percent` of a hundred are not above.

    Source: the benchmark of document 001, whose formula is sorted[ceil(p / 100 * n) - 1]
    """
    return sorted(taken)[math.ceil(percent * len(taken) / 100) - 1]


def spreads(timed: Mapping[Key, Timed], *, iterations: int, untimed: int) -> dict[Key, Spread]:
    """How long each took, all in turn in every iteration, so that noise of the machine meets all of them.

    The first `untimed` rounds are not counted: they fill what only a first call fills.
    """
    taken: dict[Key, list[int]] = {name: [] for name in timed}
    for iteration in range(-untimed, iterations):
        for name, each in timed.items():
            if each.before is not None:
                each.before()
            begun = time.perf_counter_ns()
            each.call()
            ended = time.perf_counter_ns()
            if iteration >= 0:
                taken[name].append(ended - begun)
    return {name: Spread.of(times) for name, times in taken.items()}


def _milliseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1_000_000, 4)

"""How results are spread: edges of a histogram that people can read, runs of wins and losses. Pure.

Source: docs/metrics.md#distributions
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from itertools import groupby

_WIDE = Context(prec=100)
#: Steps of a histogram: 1, 2 or 5 times a power of ten.
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
MOST_BUCKETS = 24


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many results are from `low` on and below `high`; None is no bound."""

    low: Decimal | None
    high: Decimal | None
    count: int


def edges(low: Decimal, high: Decimal, *, most: int = MOST_BUCKETS) -> list[Decimal]:
    """The inner edges of a histogram of results that mostly lie between `low` and `high`: at most `most` of them.

    They are multiples of one step that is 1, 2 or 5 times a power of ten, the smallest that will do, so that zero is
    always an edge where it lies between, and no bucket holds wins and losses both.
    """
    low, high = min(low, Decimal(0)), max(high, Decimal(0))
    span = _WIDE.subtract(high, low)
    if not span:
        return [Decimal(0)]
    for step in _steps_from(_WIDE.divide(span, Decimal(most))):
        first = _WIDE.divide(low, step).to_integral_value(ROUND_FLOOR)
        last = _WIDE.divide(high, step).to_integral_value(ROUND_CEILING)
        if last - first < most:
            return [_WIDE.multiply(step, Decimal(number)) for number in range(int(first), int(last) + 1)]
    raise AssertionError("the steps never end")


def _steps_from(least: Decimal) -> Iterator[Decimal]:
    power = least.adjusted()
    while True:
        for step in _STEPS[:3]:
            candidate = step.scaleb(power)
            if candidate >= least:
                yield candidate
        power += 1


def buckets(inner: Sequence[Decimal], counts: dict[int, int]) -> list[Bucket]:
    """The buckets between these edges and beyond them; `counts` is by place, 0 for what is below the first edge.

    What lies beyond is left off where there is nothing.
    """
    bounds: list[Decimal | None] = [None, *inner, None]
    found = [Bucket(bounds[place], bounds[place + 1], counts.get(place, 0)) for place in range(len(inner) + 1)]
    if len(found) > 1 and not found[0].count:
        found = found[1:]
    if len(found) > 1 and not found[-1].count:
        found = found[:-1]
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """Results of one kind one after the other: `place` is that of the first, counted from 0."""

    kind: str
    length: int
    place: int


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of wins and of losses, how many there are of each length, and the run that is not over."""

    wins: dict[int, int]
    losses: dict[int, int]
    longest_win: Run | None
    longest_loss: Run | None
    current: Run | None


def runs(outcomes: Iterable[str], *, win: str = "w", loss: str = "l") -> Runs:
    """The runs in the order of the outcomes; whatever is neither a win nor a loss ends either.

    Of equally long runs the first is the longest. The current run is the last one, None when what came last was
    neither.
    """
    wins: Counter[int] = Counter()
    losses: Counter[int] = Counter()
    longest: dict[str, Run] = {}
    current: Run | None = None
    place = 0
    for kind, group in groupby(outcomes):
        length = sum(1 for _ in group)
        current = Run(kind, length, place) if kind in (win, loss) else None
        if current is not None:
            (wins if kind == win else losses)[length] += 1
            if kind not in longest or longest[kind].length < length:
                longest[kind] = current
        place += length
    return Runs(dict(sorted(wins.items())), dict(sorted(losses.items())), longest.get(win), longest.get(loss), current)

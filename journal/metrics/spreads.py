"""Exact order statistics of many results that lie in sorted stretches, and runs put together from those of days. Pure.

A day's results are kept sorted. The result of a rank is found in all days together without sorting them: a sample of
them says where about it lies, counting says where it does not, and only what is left is sorted.

Source: docs/metrics.md#distributions
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from itertools import chain, repeat
from math import ceil, inf
from operator import getitem, mul
from re import findall

from journal.metrics.distributions import Run, Runs

_WIDE = Context(prec=100)
#: Every so many results of a stretch one is in the sample, from the middle of them, so that it is not partial.
SAMPLE = 64
#: Places of the sample on either side of where a rank should be.
_SLACK = 12
#: So many results are worth a question before they are sorted.
_MANY = 4 * _SLACK * SAMPLE


@dataclass(frozen=True, slots=True)
class Stretch:
    """Results in ascending order, as whole numbers; each is worth `factor` units."""

    results: Sequence[int]
    factor: int


class Spread:
    """All results of some stretches together, in one unit of 10^-`places`."""

    def __init__(self, stretches: Iterable[Stretch], *, places: int) -> None:
        kept = [each for each in stretches if each.results]
        self._results = [each.results for each in kept]
        self._factors = [each.factor for each in kept]
        self._is_plain = all(factor == 1 for factor in self._factors)
        self._places = places
        lengths = list(map(len, self._results))
        self.count = sum(lengths)
        # Where results that were asked for begin in every stretch. Between two of them lies what is in between, so
        # that each question is answered in less of a stretch than the one before.
        self._units: list[float] = [-inf, inf]
        self._begins: dict[float, list[int]] = {-inf: [0] * len(kept), inf: lengths}
        self._sample = sorted(self._all_of(each[SAMPLE // 2 :: SAMPLE] for each in self._results))

    def at(self, rank: int) -> Decimal:
        """The result of this rank, counted from 0."""
        low, high = self._around(rank)
        many = self._below(high) - self._below(low) > _MANY
        if many and low != -inf and self._below(low + 1) > rank:  # they may be equal
            return self._decimal(int(low))
        between = map(getitem, self._results, map(slice, self._begin(low), self._begin(high)))
        return self._decimal(sorted(self._all_of(between))[rank - self._below(low)])

    def _around(self, rank: int) -> tuple[float, float]:
        """Two results of the sample, of which the first is at most that of the rank, and the second above it."""
        last = len(self._sample)
        middle = rank * last // self.count
        slack = _SLACK
        while True:
            first, end = middle - slack, middle + slack
            low = -inf if first < 0 else self._sample[first]
            high = inf if end >= last else self._sample[end]
            if self._below(low) <= rank < self._below(high):
                return low, high
            slack *= 4

    def at_share(self, share: Decimal) -> Decimal:
        """The smallest result that at least this share of all does not exceed."""
        return self.at(max(ceil(Fraction(share) * self.count), 1) - 1)

    def at_share_from_above(self, share: Decimal) -> Decimal:
        """The largest result that at least this share of all does not fall below."""
        return self.at(self.count - max(ceil(Fraction(share) * self.count), 1))

    def lowest(self) -> Decimal:
        """The lowest result."""
        return self._decimal(min(map(mul, (each[0] for each in self._results), self._factors)))

    def highest(self) -> Decimal:
        """The highest result."""
        return self._decimal(max(map(mul, (each[-1] for each in self._results), self._factors)))

    def counts(self, edges: Sequence[Decimal]) -> dict[int, int]:
        """How many results are in each place between these ascending edges, 0 for what is below the first."""
        units = [int(_WIDE.scaleb(edge, self._places).to_integral_value(ROUND_CEILING)) for edge in edges]
        below = [self._below(unit) for unit in units]
        return {
            place: high - low for place, (low, high) in enumerate(zip([0, *below], [*below, self.count], strict=True))
        }

    def _below(self, unit: float) -> int:
        return sum(self._begin(unit))

    def _begin(self, unit: float) -> list[int]:
        """Where the results from this one upwards begin in every stretch."""
        if unit not in self._begins:
            place = bisect_left(self._units, unit)
            low, high = self._begins[self._units[place - 1]], self._begins[self._units[place]]
            whole = int(unit)
            sought = repeat(whole) if self._is_plain else [-(-whole // factor) for factor in self._factors]
            self._begins[unit] = list(map(bisect_left, self._results, sought, low, high))
            self._units.insert(place, unit)
        return self._begins[unit]

    def _all_of(self, parts: Iterable[Sequence[int]]) -> Iterable[int]:
        """The results in these parts of the stretches, in units."""
        if self._is_plain:
            return chain.from_iterable(parts)
        return (result * factor for part, factor in zip(parts, self._factors, strict=True) for result in part)

    def _decimal(self, unit: int) -> Decimal:
        return _WIDE.scaleb(Decimal(unit), -self._places)


@dataclass(frozen=True, slots=True)
class RunsOfStretch:
    """The runs of adjacent results: first and last run, which may go on beyond it, and those in between.

    Runs are kind and length; `last` is None where there is one run only. `between` has those of each kind and length
    with their count; `longest` has the first of the longest of each kind between, as length and place.
    """

    count: int
    first: tuple[str, int]
    last: tuple[str, int] | None
    between: Sequence[tuple[str, int, int]]
    longest: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, letters: str) -> "RunsOfStretch":
        """The runs of outcomes in their order: w, l and b. At least one."""
        found: list[str] = findall("w+|l+|b+", letters)
        inner = found[1:-1]
        between = sorted((run[0], len(run), count) for run, count in Counter(inner).items())
        longest: dict[str, tuple[int, int]] = {}
        start = len(found[0])
        middle = letters[start : len(letters) - len(found[-1])]
        for kind in ("w", "l"):
            length = max((length for letter, length, _ in between if letter == kind), default=0)
            if length:
                longest[kind] = (length, start + middle.index(kind * length))
        first, last = found[0], found[-1]
        return cls(
            count=len(letters),
            first=(first[0], len(first)),
            last=(last[0], len(last)) if len(found) > 1 else None,
            between=between,
            longest=longest,
        )

    def as_json(self) -> list[object]:
        """The same as JSON keeps it."""
        return [
            self.count,
            list(self.first),
            None if self.last is None else list(self.last),
            [list(each) for each in self.between],
            [[kind, *found] for kind, found in sorted(self.longest.items())],
        ]

    @classmethod
    def from_json(cls, kept: list[object]) -> "RunsOfStretch":
        """What `as_json` wrote down."""
        count, first, last, between, longest = kept
        return cls(
            count=count,  # type: ignore[arg-type]
            first=tuple(first),  # type: ignore[arg-type]
            last=None if last is None else tuple(last),  # type: ignore[arg-type]
            between=between,  # type: ignore[arg-type]
            longest={kind: (length, place) for kind, length, place in longest},  # type: ignore[attr-defined]
        )


class _Gathered:
    """Runs that are over, as `distributions.runs` counts them."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[int, int]] = {"w": defaultdict(int), "l": defaultdict(int)}
        self.longest: dict[str, Run] = {}
        self.first: tuple[str, int] | None = None

    def ended(self, kind: str, length: int, place: int) -> None:
        if self.first is None:
            self.first = (kind, length)
        if kind in self.counts:
            self.counts[kind][length] += 1
            self.might_be_longest(kind, length, place)

    def might_be_longest(self, kind: str, length: int, place: int) -> None:
        if kind not in self.longest or self.longest[kind].length < length:
            self.longest[kind] = Run(kind, length, place)


@dataclass(frozen=True, slots=True)
class Joined:
    """The runs of all outcomes as `distributions.runs` finds them, how many outcomes there are, and the first run."""

    runs: Runs
    count: int
    first: tuple[str, int] | None


def joined(stretches: Iterable[RunsOfStretch]) -> Joined:
    """The runs of adjacent stretches together."""
    gathered = _Gathered()
    open_run: tuple[str, int, int] | None = None
    offset = 0
    for each in stretches:
        kind, length = each.first
        if open_run is not None and open_run[0] == kind:
            open_run = (kind, open_run[1] + length, open_run[2])
        else:
            if open_run is not None:
                gathered.ended(*open_run)
            open_run = (kind, length, offset)
        if each.last is not None:
            gathered.ended(*open_run)
            for between, size, count in each.between:
                if between in gathered.counts:
                    gathered.counts[between][size] += count
            for between, (size, place) in each.longest.items():
                gathered.might_be_longest(between, size, offset + place)
            open_run = (*each.last, offset + each.count - each.last[1])
        offset += each.count
    if open_run is not None:
        gathered.ended(*open_run)
    current = Run(*open_run) if open_run is not None and open_run[0] in gathered.counts else None
    runs = Runs(
        dict(sorted(gathered.counts["w"].items())),
        dict(sorted(gathered.counts["l"].items())),
        gathered.longest.get("w"),
        gathered.longest.get("l"),
        current,
    )
    return Joined(runs, offset, gathered.first)

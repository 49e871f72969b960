"""Rankings made into one, and measured. Pure: no Django, no clock, no database."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

#: How much the first places count against those after them.
#: Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion" (SIGIR 2009).
K = 60


def fused(rankings: Iterable[Sequence[Key]], *, weights: Sequence[float] = (), k: int = K) -> list[tuple[Key, float]]:
    """All that any ranking holds with the sum of 1 / (k + rank), the best first; ties as the first ranking has them.

    Ranks begin at 1. `weights` multiply what a ranking gives; 1 without.
    """
    scores: dict[Key, float] = {}
    for number, ranking in enumerate(rankings):
        weight = weights[number] if weights else 1.0
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (k + rank)
    places = {key: place for place, key in enumerate(scores)}
    return sorted(scores.items(), key=lambda each: (-each[1], places[each[0]]))


def reciprocal_rank(found: Sequence[Key], wanted: Key) -> float:
    """One divided by the place of what was wanted; 0 where it was not found."""
    return 1 / (found.index(wanted) + 1) if wanted in found else 0.0


def recall(found: Sequence[Key], wanted: Iterable[Key]) -> float:
    """The share of what was wanted that was found."""
    expected = set(wanted)
    return len(expected & set(found)) / len(expected) if expected else 1.0


def ranked(scores: Mapping[Key, float]) -> list[Key]:
    """The keys, the highest score first."""
    return sorted(scores, key=lambda key: -scores[key])

"""Rankings made into one, and measured. Pure: no Django, no clock, no database."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

#: How little the first places count against those after them. The source has 60, for many rankings that are alike; of
#: few that differ, being among the first of one says more (docs/memory.md#search).
#: Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion" (SIGIR 2009).
K = 10


def fused(rankings: Iterable[Iterable[tuple[Key, float]]], *, k: int = K) -> list[tuple[Key, float]]:
    """All that any ranking holds with the sum of weight / (k + rank), the best first; ties as they first came.

    A ranking is of keys with their weights, the best first; ranks begin at 1.
    """
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for rank, (key, weight) in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (k + rank)
    # Sorting keeps the order of what is equal.
    return sorted(scores.items(), key=lambda each: -each[1])


def reciprocal_rank(found: Sequence[Key], wanted: Key) -> float:
    """One divided by the place of what was wanted; 0 where it was not found."""
    return 1 / (found.index(wanted) + 1) if wanted in found else 0.0

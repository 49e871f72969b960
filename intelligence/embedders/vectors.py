"""Vectors as they are stored: of length 1, padded to the width of the column, and never anything else."""

import math
from collections.abc import Sequence

#: Width of the column. Zeros behind a shorter vector leave every cosine what it was.
WIDTH = 768

Vector = list[float]


class EmbeddingError(Exception):
    """A text has no vector. `may_pass` says whether trying again later makes sense."""

    may_pass = False


class BadVector(EmbeddingError):
    """What came back is no vector that distances can be measured from."""


class Unreachable(EmbeddingError):
    """The embedder did not answer, or not in time."""

    may_pass = True


def stored(values: Sequence[float], *, dimensions: int) -> Vector:
    """The values at length 1 and padded to the column's width.

    Raises BadVector for other dimensions than the model's, for NaN and infinity, and for a vector of no length: its
    cosine with anything is no number, so it would be found anywhere or nowhere.
    """
    if len(values) != dimensions or not 1 <= dimensions <= WIDTH:
        raise BadVector(f"The model has {dimensions} dimensions, and this vector {len(values)}.")
    numbers = [float(value) for value in values]
    if not all(map(math.isfinite, numbers)):
        raise BadVector("The vector holds what is no number.")
    # Scaled first: squares of large numbers overflow, those of tiny ones vanish.
    largest = max(map(abs, numbers))
    if largest == 0:
        raise BadVector("The vector has no length.")
    numbers = [number / largest for number in numbers]
    length = math.sqrt(math.fsum(number * number for number in numbers))
    return [number / length for number in numbers] + [0.0] * (WIDTH - dimensions)

"""Signed feature hashing: words, pairs of words and pieces of words, each with a place and a sign in the vector.

Always there, needs nothing, knows nothing: it finds what is worded alike, and is labelled lexical for that reason.
Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import sqrt
from unicodedata import combining, normalize

from intelligence.embedders.vectors import WIDTH, Vector, stored

_WORD = re.compile(r"[^\W_]+(?:[.'][^\W_]+)*")
_PIECES = (3, 4, 5)
#: Words weigh more than their pieces, of which there are many more.
_WORD_WEIGHT, _PAIR_WEIGHT, _PIECE_WEIGHT = 2.0, 1.0, 0.5


class HashEmbedder:
    """Compares words. The number in its key goes up with every change of what it makes of a text."""

    name = "hash"
    key = "hash-v1"
    dimensions = WIDTH
    is_lexical = True

    def documents(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of texts that are kept."""
        return [self.query(text) for text in texts]

    def query(self, text: str) -> Vector:
        """The vector of what is looked for: it is made like the others. Raises BadVector without any word."""
        values = [0.0] * WIDTH
        for (feature, weight), count in Counter(_features(text)).items():
            place = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
            # A word that is said ten times is not ten times as much what the text is about.
            values[(place >> 1) % WIDTH] += (weight if place & 1 else -weight) * sqrt(count)
        return stored(values, dimensions=WIDTH)


def _features(text: str) -> Iterator[tuple[str, float]]:
    plain = "".join(each for each in normalize("NFKD", text.casefold()) if not combining(each))
    words = _WORD.findall(plain)
    for word in words:
        yield f"w {word}", _WORD_WEIGHT
        framed = f"<{word}>"
        for size in _PIECES:
            for start in range(len(framed) - size + 1):
                yield f"c {framed[start : start + size]}", _PIECE_WEIGHT
    for pair in pairwise(words):
        yield f"p {' '.join(pair)}", _PAIR_WEIGHT

"""Signed feature hashing: words, what they name, and pieces of them, each with a place and a sign in the vector.

Always there, needs nothing, knows nothing but what traders call things: it finds what is worded alike, and is labelled
lexical for that reason.
Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import sqrt

from intelligence.embedders import english, naming
from intelligence.embedders.naming import Names
from intelligence.embedders.vectors import WIDTH, Vector, stored

_PIECES = (3, 4, 5)
#: A thing that has names is what a text is about; all pieces of a word together weigh less than the word.
_NAMED_WEIGHT, _WORD_WEIGHT, _PIECE_WEIGHT = 3.0, 1.0, 0.6


class HashEmbedder:
    """Compares words. The number in its key goes up with every change of what it makes of a text.

    In English it leaves out stop words and endings, and takes the names of one thing for it (`synonyms`); in any other
    language words stand as they are, under another key.
    """

    name = "hash"
    dimensions = WIDTH
    is_lexical = True

    def __init__(self, language: str = "english") -> None:
        self.is_english = language == "english"
        self.key = "hash-v2" if self.is_english else "hash-v2-plain"
        self._names = Names(language)

    def documents(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of texts that are kept."""
        return [self.query(text) for text in texts]

    def query(self, text: str) -> Vector:
        """The vector of what is looked for: it is made like the others. Raises BadVector without any word."""
        values = [0.0] * WIDTH
        for (feature, weight), count in Counter(self._features(text)).items():
            place = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
            # A word that is said ten times is not ten times as much what the text is about.
            values[(place >> 1) % WIDTH] += (weight if place & 1 else -weight) * sqrt(count)
        return stored(values, dimensions=WIDTH)

    def _features(self, text: str) -> Iterator[tuple[str, float]]:
        words = [naming.plain(word) for word in naming.words(text)]
        stems = list(map(english.stem, words)) if self.is_english else words
        named = self._names.found(stems)
        for thing in sorted({each.thing for each in named}):
            yield f"n {thing}", _NAMED_WEIGHT
        said = {place for each in named for place in range(each.start, each.end)}
        left = [place for place in range(len(stems)) if place not in said]
        telling = [place for place in left if not (self.is_english and words[place] in english.STOP_WORDS)]
        # Who asks by such words alone is answered by them.
        for place in telling if telling or said else left:
            yield f"w {stems[place]}", _WORD_WEIGHT
            yield from _pieces(stems[place])


def _pieces(word: str) -> list[tuple[str, float]]:
    framed = f"<{word}>"
    pieces = [framed[start : start + size] for size in _PIECES for start in range(len(framed) - size + 1)]
    return [(f"c {piece}", _PIECE_WEIGHT / sqrt(len(pieces))) for piece in pieces]

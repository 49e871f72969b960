"""The names of one thing in English texts, for embedders: of names within one another the longest is meant."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import combining, normalize

from intelligence import synonyms
from intelligence.embedders import english

_WORD = re.compile(r"[^\W_]+(?:[.'&][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Named:
    """Words of a text, from one up to before another, that name `thing`, which is the first of its names."""

    start: int
    end: int
    thing: str

    def is_within(self, other: "Named") -> bool:
        """Whether it is a part of what the other names."""
        return other.start <= self.start and self.end <= other.end and other.end - other.start > self.end - self.start


class Names:
    """What traders have several names for (`synonyms`); nothing in any language but English."""

    def __init__(self, language: str) -> None:
        self._known: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for names in synonyms.lines(language) if language == "english" else ():
            for name in names:
                stems = tuple(english.stem(plain(word)) for word in words(name))
                self._known.setdefault(stems[0], []).append((stems, names[0]))

    def found(self, stems: Sequence[str]) -> list[Named]:
        """What these words name, in their order."""
        every = [
            Named(start, start + len(name), thing)
            for start, stem in enumerate(stems)
            for name, thing in self._known.get(stem, ())
            if tuple(stems[start : start + len(name)]) == name
        ]
        kept = {each for each in every if not any(each.is_within(other) for other in every)}
        return sorted(kept, key=lambda each: (each.start, each.end, each.thing))

    def in_plain_names(self, text: str) -> str:
        """The text with the first of its names for each thing: "IV after the FOMC" is "volatility after the fed"."""
        text = normalize("NFC", text)
        places = [match.span() for match in _WORD.finditer(text)]
        parts, end = [], 0
        for named in self.found([english.stem(plain(text[start:stop])) for start, stop in places]):
            start = places[named.start][0]
            if start >= end:
                parts += [text[end:start], named.thing]
                end = places[named.end - 1][1]
        return "".join([*parts, text[end:]])


def words(text: str) -> Iterator[str]:
    """The words of a text, as they stand there."""
    return (match.group() for match in _WORD.finditer(normalize("NFC", text)))


def plain(word: str) -> str:
    """A word without capitals and accents."""
    return "".join(each for each in normalize("NFKD", word.casefold()) if not combining(each))

"""What traders have several names for: texts and questions hold one word for all that mean the same.

The names of a thing are a line of `synonyms.<language>.txt`, separated by commas; a name may be of several words, which
then follow one another. Who writes "vol" is found by "implied volatility", by words alone. In a language without a file
every word stands for itself.
Source: docs/memory.md#search
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

#: By lexeme, its places in a text, as PostgreSQL counts them.
Places = Mapping[str, Sequence[int]]
#: Before the name of a group: no parser of texts gives such a word.
_MARK = "same:"


@dataclass(frozen=True, slots=True)
class _Name:
    """One of the names: its lexemes with how far each stands behind the first."""

    group: str
    lexemes: tuple[tuple[str, int], ...]

    def is_in(self, places: Places) -> bool:
        """Whether the text holds it."""
        first = places.get(self.lexemes[0][0], ())
        return any(all(place + far in places.get(lexeme, ()) for lexeme, far in self.lexemes) for place in first)


def lines(language: str) -> list[list[str]]:
    """What has several names in this language, each with all of them; none without a file.

    Vectors of the embedders of this house are made with them: their keys change with what is here.
    """
    file = Path(__file__).with_name(f"synonyms.{language}.txt")
    if not file.exists():
        return []
    found = file.read_text(encoding="utf-8").splitlines()
    return [[name.strip() for name in line.split(",")] for line in found if line.strip()]


def groups_in(texts: Sequence[str]) -> list[list[str]]:
    """For each text the words that stand for what it names, sorted."""
    return [sorted({name.group for name in _names_in(places)}) for places in _places(texts)]


def words_of(question: str) -> list[str]:
    """What the question is looked for by: a word for each group that it names, and its other lexemes, longest first."""
    (places,) = _places([question])
    found = _names_in(places)
    named = {lexeme for name in found for lexeme, _far in name.lexemes}
    rest = sorted(set(places) - named, key=lambda lexeme: (-len(lexeme), lexeme))
    return [*sorted({name.group for name in found}), *rest]


def _names_in(places: Places) -> list[_Name]:
    names = _names(settings.MEMORY_LANGUAGE)
    return [name for lexeme in places for name in names.get(lexeme, ()) if name.is_in(places)]


@lru_cache(maxsize=4)
def _names(language: str) -> Mapping[str, Sequence[_Name]]:
    """All names, by the lexeme that they begin with."""
    names = [(f"{_MARK}{line[0].replace(' ', '-')}", name) for line in lines(language) for name in line]
    found: dict[str, list[_Name]] = {}
    for (group, name), places in zip(names, _places([name for _group, name in names]), strict=True):
        in_order = sorted((numbers[0], lexeme) for lexeme, numbers in places.items())
        # Of "broke out" PostgreSQL keeps "broke", which alone is something else.
        if in_order and (len(in_order) > 1 or " " not in name):
            first = in_order[0][0]
            lexemes = tuple((lexeme, place - first) for place, lexeme in in_order)
            found.setdefault(lexemes[0][0], []).append(_Name(group, lexemes))
    return found


def _places(texts: Sequence[str]) -> list[dict[str, Sequence[int]]]:
    """The lexemes of each text with their places."""
    found: list[dict[str, Sequence[int]]] = [{} for _text in texts]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.number, w.lexeme, w.positions FROM unnest(%s::text[]) WITH ORDINALITY AS t (text, number), "
            "unnest(to_tsvector(%s::regconfig, t.text)) AS w",
            [list(texts), settings.MEMORY_LANGUAGE],
        )
        for number, lexeme, positions in cursor.fetchall():
            found[number - 1][lexeme] = positions
    return found

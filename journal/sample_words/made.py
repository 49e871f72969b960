"""What a load made, by table, and the chance that is the same on every machine."""

from collections.abc import Iterable
from typing import Any
from zlib import crc32


class Made:
    """The keys of rows by the name of their table."""

    def __init__(self, ids: dict[str, list[Any]] | None = None) -> None:
        self.ids: dict[str, list[Any]] = dict(ids or {})

    def note(self, table: str, rows: Iterable[Any]) -> None:
        """These rows were made."""
        self.ids.setdefault(table, []).extend(row.pk for row in rows)

    def of(self, table: str) -> list[Any]:
        """Keys of the rows of this table that were made."""
        return self.ids.get(table, [])


def chance(most: int, *parts: object) -> int:
    """A number from 0 to below `most`, the same for the same parts whatever ids the database gave."""
    return crc32(":".join(map(str, parts)).encode()) % most

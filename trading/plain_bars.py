"""CSV files of bars in which every line is plain: PostgreSQL reads them as they are, and Python only looks at them.

What is plain is narrow on purpose: nothing is read here that `bars.read_csv` would read as something else or refuse for
its writing. Whether the numbers fit together and the days exist is the database's to say. Looking at a line takes half
a microsecond, where to read it took seventy.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from django.db import connection

#: How columns are called; the first word of each is ours.
CALLED = {
    "time": ("time", "timestamp", "datetime", "date_time", "starts_at", "t", "date"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "last"),
    "volume": ("volume", "vol", "v"),
    "vwap": ("vwap", "vw"),
    "trade_count": ("trade_count", "n"),
}
#: What a file need not have.
OPTIONAL = frozenset({"volume", "vwap", "trade_count"})
#: Bytes that are looked at and sent at once, which is how often progress is told.
_PIECE = 4 * 1024 * 1024

_NUMBER = rb"[0-9]{1,15}(?:\.[0-9]{1,12})?"
_MOMENT = (
    rb"(?:19[1-9]|20[0-9]|21[0-8])[0-9]-[01][0-9]-[0-3][0-9]"
    rb"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?%s)%s"
)
_OFFSET = rb"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
_ANYTHING = rb'[^",\r\n]*+'


class NotPlain(Exception):
    """A line asks for a second look."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The columns of a file by our names for them, those that nobody asks for, and what lines look like."""

    columns: tuple[str, ...]
    others: tuple[str, ...]
    lines: re.Pattern[bytes]
    size: int


def places_of(heading: list[str]) -> dict[str, int]:
    """Where the columns stand that there are."""
    found = {
        name: next((heading.index(word) for word in words if word in heading), None) for name, words in CALLED.items()
    }
    return {name: place for name, place in found.items() if place is not None}


def heading_of(path: Path, *, zone: tzinfo) -> Heading | None:
    """The heading of the file; None where it is not one of bars, or where the time is not in one column."""
    with path.open("rb") as file:
        line = file.readline(10_000)
    names = [name.strip().lower() for name in line.decode("utf-8-sig", errors="replace").split(",")]
    places = places_of(names)
    if places.keys() | OPTIONAL != CALLED.keys() or b'"' in line or {"date", "time"} <= set(names):
        return None
    own = {place: name for name, place in places.items()}
    columns = [own.get(place, f"other_{place}") for place in range(len(names))]
    # Without an offset a time is of the zone, and PostgreSQL would take another side of an hour that comes twice.
    moment = _MOMENT % ((_OFFSET + b"?", b"?") if str(zone) == "UTC" else (_OFFSET, b""))
    shapes = {"time": moment, "trade_count": b"(?:[0-9]{1,15})?"}
    shapes |= dict.fromkeys(("volume", "vwap"), b"(?:" + _NUMBER + b")?")
    shapes |= dict.fromkeys(("open", "high", "low", "close"), _NUMBER)
    shape = b",".join(shapes.get(column, _ANYTHING) for column in columns)
    return Heading(
        tuple("starts_at" if column == "time" else column for column in columns),
        tuple(column for column in columns if column not in CALLED),
        re.compile(b"(?:" + shape + b"\n)*+"),
        len(line),
    )


def copy(path: Path, heading: Heading, table: str, same: Mapping[str, Any], *, on_bars: Callable[[int], object]) -> int:
    """The lines of the file are in the table, with the columns that are the `same` for all; how many there are.

    Raises NotPlain at the first line that is not, and what the database raises at numbers that it refuses.
    """
    more = "".join(',"{}"'.format(str(value).replace('"', '""')) for value in same.values()).encode()
    count = 0
    statement = f"COPY {table} ({', '.join((*heading.columns, *same))}) FROM STDIN (FORMAT csv)"
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        connection.connection.cursor() as cursor,
        cursor.copy(statement) as copying,
    ):
        for piece in _pieces(path, heading):
            copying.write(piece.replace(b"\n", more + b"\n") if more else piece)
            count += piece.count(b"\n")
            on_bars(count)
    return count


def _pieces(path: Path, heading: Heading) -> Iterator[bytes]:
    """The lines below the heading, some thousands at once, each of them plain and ended."""
    rest = b""
    with path.open("rb") as file:
        file.seek(heading.size)
        while True:
            read = file.read(_PIECE)
            found = (rest + read).replace(b"\r\n", b"\n") if read else rest.rstrip(b"\r\n") + b"\n"
            end = found.rfind(b"\n") + 1
            lines, rest = found[:end], found[end:]
            if not read and lines == b"\n":
                return
            if not heading.lines.fullmatch(lines):
                raise NotPlain
            yield lines
            if not read:
                return

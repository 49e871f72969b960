"""Writing many rows at once by PostgreSQL's COPY: an INSERT per row would make a large import ten times slower."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text(value: Any) -> str:
    r"""The value as COPY's text format writes it; None is \N."""
    return _WRITERS.get(type(value), str)(value)  # str: whole numbers, and members of string enumerations


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    str: lambda value: value.translate(_ESCAPES),
    # Never in scientific notation, which COPY reads but people do not.
    Decimal: lambda value: format(value, "f"),
    datetime: datetime.isoformat,
    date: date.isoformat,
}


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The rows are in the table, in the caller's transaction; values as Python has them."""
    copy_lines(table, columns, ("\t".join(map(text, row)) for row in rows))


def copy_plain(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The same for rows without free text, at twice the speed: numbers, times and members of enumerations only."""
    copy_lines(table, columns, ("\t".join(["\\N" if value is None else str(value) for value in row]) for row in rows))


def copy_lines(table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """The same for lines that are already in COPY's text format, without their newline."""
    block = "\n".join(lines)
    if not block:
        return
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        # Django does not wrap what a driver's own method raises: a number too large would be nobody's error.
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            copy.write(block + "\n")


def next_ids(table: str, count: int) -> list[int]:
    """As many fresh primary keys of the table, in rising order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return [row[0] for row in cursor.fetchall()]

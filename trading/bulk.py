"""Writing many rows at once by PostgreSQL's COPY: an INSERT per row would make a large import ten times slower."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections

Result = TypeVar("Result")

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


class Lane:
    """A thread that speaks to the database while this one computes: a large import keeps both processors busy.

    It uses this thread's connection, so inside the `with` nothing else may, until `drain`. Work is done in the order in
    which it was given; what fails is raised by the next call or at the end, as the database errors that Django has:
    a lost connection is answered as one, and the connection is looked at before it is used again.
    """

    #: Pieces of work that may wait; more would only fill the memory.
    DEPTH = 3

    def __init__(self) -> None:
        connection.ensure_connection()
        self.driver: Any = connection.connection
        # The connection of the thread that asks, which in the lane would be another.
        self._errors = connections[DEFAULT_DB_ALIAS].wrap_database_errors
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk")
        self._waiting: deque[Future[Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._thread.shutdown(wait=True)
        if kind is None:
            self.drain()

    def give(self, work: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """The work is done after what was given before; its result is in the future."""
        return self._thread.submit(self._done, work, *arguments)

    def _done(self, work: Callable[..., Result], *arguments: Any) -> Result:
        with self._errors:
            return work(*arguments)

    def copy(self, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
        """Lines in COPY's text format are on their way into the table."""
        block = "\n".join(lines)
        while len(self._waiting) >= self.DEPTH:
            self._finish_one()
        self._waiting.append(self.give(_copy, self.driver, table, columns, block))

    def drain(self) -> None:
        """All that was copied is in its tables, and the connection is free."""
        while self._waiting:
            self._finish_one()

    def _finish_one(self) -> None:
        self._waiting.popleft().result()


def _copy(driver: Any, table: str, columns: Sequence[str], block: str) -> None:
    if not block:
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        copy.write(block + "\n")


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The rows are in the table, in the caller's transaction; values as Python has them."""
    connection.ensure_connection()
    lines = ("\t".join(map(text, row)) for row in rows)
    # Django does not wrap what a driver's own method raises: a number too large would be nobody's error.
    with connection.wrap_database_errors:
        _copy(connection.connection, table, columns, "\n".join(lines))


def plain_lines(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The rows in COPY's text format, at twice the speed of `text`: without free text, so that nothing is escaped."""
    return ["\t".join(["\\N" if value is None else str(value) for value in row]) for row in rows]


def next_ids(driver: Any, table: str, count: int) -> list[int]:
    """As many fresh primary keys of the table, in rising order."""
    with driver.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return [row[0] for row in cursor.fetchall()]

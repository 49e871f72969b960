"""How an answer is read: version first, then the cache, then the stored sums, repaired on the way.

An answer of several queries is built in one snapshot of the database, so that its parts agree with each other.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from psycopg import Cursor

from accounts import answers, versions
from accounts.models import User
from journal import facets
from journal.facets import Part
from journal.metrics import rollups

#: Account-days that a reader computes before answering; past that the answer says what it lacks.
READ_REPAIR = 20_000

Rows = list[tuple[Any, ...]]


def answer(
    kind: str,
    user: User,
    *,
    parts: Sequence[object],
    build: Callable[[], dict[str, Any]],
    fresh: bool = False,
    parts_read: Collection[Part] = (),
) -> dict[str, Any]:
    """What `build` returns for this person and these parts, from the cache where it is there.

    `parts_read` are those of the sums by dimension that are asked for (`day_rows.parts_read`). The answer has
    `as_of`, `stale` and `missing_days` besides. `build` returns plain JSON values.
    """
    version = versions.current(user.pk)

    def built() -> dict[str, Any]:
        missing = repair(user.pk)
        facets.repair(user.pk, parts=parts_read)
        return {"as_of": version, "stale": missing > 0, "missing_days": missing, **build()}

    return answers.get(  # type: ignore[no-any-return]
        kind, user.pk, version=version, parts=[user.reporting_currency, *parts], build=built, fresh=fresh
    )


def repair(owner_id: int) -> int:
    """The person's stale days are computed, up to a bound; returns how many are left.

    Where there are more than that and somebody is at it, nobody is waited for.
    """
    stale = rollups.stale_count(owner_id)
    if not stale:
        return 0
    return rollups.recompute(owner_id, limit=READ_REPAIR, is_waiting=stale <= READ_REPAIR).left


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Every query inside sees the database as the first one does. Within a transaction nothing is changed."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def joined_by_hash() -> Iterator[None]:
    """Within it, and a transaction, tables are not gone through again for each row of another.

    For reading all there is of somebody. Right after a large import the statistics may know of none of it yet, and
    what is taken for one row would be looked through once for each of 12,000.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = on")


def rows(sql: str, parameters: Sequence[Any]) -> Rows:
    """The rows that a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: Rows = cursor.fetchall()
    return found


def packed_rows(sql: str, parameters: Sequence[Any]) -> Rows:
    """As `rows`, for what has bytes in it by the megabyte: they come as they are stored and not written out."""
    with connection.cursor() as cursor:
        text = cursor.mogrify(sql, parameters)
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(text.encode(), binary=True).fetchall()

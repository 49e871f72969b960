"""Locks by name that PostgreSQL keeps for as long as a session wants them, whatever becomes of Redis."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection

_EVERY = 0.05


@contextmanager
def held(name: str, *, wait: float = 0.0) -> Iterator[bool]:
    """Whether this name is held by nobody else, for as long as the block runs; waits for it up to so many seconds.

    The lock is the session's, not a transaction's: what is fetched from elsewhere meanwhile holds no transaction open.
    Inside a transaction it is that transaction's and goes with it, however that ends.
    """
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    of_session = not connection.in_atomic_block
    deadline = time.monotonic() + wait
    while not (is_mine := _tried(key, of_session=of_session)) and time.monotonic() < deadline:
        time.sleep(_EVERY)
    try:
        yield is_mine
    finally:
        if is_mine and of_session:
            _let_go(key)


def _tried(key: int, *, of_session: bool) -> bool:
    verb = "pg_try_advisory_lock" if of_session else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {verb}(%s)", [key])
        return bool(cursor.fetchone()[0])


def _let_go(key: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
    except Error:
        # A session that can no more say so lets go by ending.
        connection.close()
        raise

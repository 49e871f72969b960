"""Locks by name that PostgreSQL keeps for as long as a session wants them, whatever becomes of Redis."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_EVERY = 0.05


@contextmanager
def held(name: str, *, wait: float = 0.0) -> Iterator[bool]:
    """Whether this name is held by nobody else, for as long as the block runs; waits for it up to so many seconds.

    The lock is the session's, not a transaction's: what is fetched from elsewhere meanwhile holds no transaction open.
    """
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    deadline = time.monotonic() + wait
    while not (is_mine := _tried(key)) and time.monotonic() < deadline:
        time.sleep(_EVERY)
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _tried(key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        return bool(cursor.fetchone()[0])

"""Waiting for something to have happened, where a pause would only hope for it."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

#: Seconds: a machine that is busy is slow, and no fault of what is tested.
PATIENCE = 60


def until(condition: Callable[[], Any]) -> None:
    """The condition has come true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def until_somebody_waits() -> None:
    """Another connection waits for what this one's transaction holds: it has read whatever it reads before that."""

    def is_waited_for() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks "
                "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            )
            return bool(cursor.fetchone()[0])

    until(is_waited_for)

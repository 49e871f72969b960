"""Waiting for something to have happened, where a pause would only hope for it; and several who do it at once."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, connections

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


def at_once(*works: Callable[[], Any], patience: float = PATIENCE) -> list[Any]:
    """What each returned or raised, in their order; all began together, and nobody is at it any more.

    Each had a connection to the database of its own, and has given it back. Who is not done after so many seconds is
    stuck, and that fails the test.
    """
    together = threading.Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            together.wait(patience)
            answers[place] = work()
        except BaseException as error:  # noqa: BLE001 - it is what the test looks at
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "somebody is stuck"
    return answers


def done_at_once(*works: Callable[[], Any], patience: float = PATIENCE) -> list[Any]:
    """As `at_once`, and nobody raised anything."""
    answers = at_once(*works, patience=patience)
    assert [each for each in answers if isinstance(each, BaseException)] == []
    return answers

"""Handing work to Celery without ever making a request wait or fail for it.

A broker that hangs cost 7 to 50 seconds per request where it was tried. So messages are sent by a thread of their own
after the commit, and are dropped when the broker does not answer: what must happen is written in PostgreSQL, and the
sweeps find it there.
"""

import logging
import queue
import threading
import time
from typing import Any

from celery import Task
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

PAUSE = 5.0
_waiting: queue.Queue[tuple[Any, tuple[Any, ...]]] = queue.Queue(maxsize=1000)
_start = threading.Lock()
_sender: threading.Thread | None = None


def after_commit(task: Task[Any, Any], *args: Any) -> None:
    """The task is sent once the transaction has committed; at once when there is none."""
    transaction.on_commit(lambda: _send(task, args), robust=True)


def _send(task: Task[Any, Any], args: tuple[Any, ...]) -> None:
    if getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):
        task.apply(args)
        return
    _ensure_sender()
    try:
        _waiting.put_nowait((task, args))
    except queue.Full:
        logger.warning("the broker is behind; leaving %s to the sweep", task.name)


def _ensure_sender() -> None:
    global _sender
    with _start:
        if _sender is None or not _sender.is_alive():
            _sender = threading.Thread(target=_send_for_ever, name="celery-publisher", daemon=True)
            _sender.start()


def _send_for_ever() -> None:
    paused_until = 0.0
    while True:
        task, args = _waiting.get()
        try:
            if time.monotonic() >= paused_until:
                task.apply_async(args, retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001 – whatever the broker's client raises, the sweep is the guarantee
            logger.warning("the broker does not answer, leaving work to the sweep: %s", error)
            paused_until = time.monotonic() + PAUSE
        finally:
            _waiting.task_done()

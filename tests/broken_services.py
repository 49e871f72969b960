"""A Redis that is not there, and one that accepts and never answers, in the place of the real one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.test import override_settings

from accounts import answers
from config.celery import app


@contextmanager
def redis_at(url: str) -> Iterator[None]:
    """Cache and broker of this process are at this address, waited for as in life, with no memory of failures."""
    from config.settings import CACHES

    caches = {"default": {**CACHES["default"], "LOCATION": url}}
    with override_settings(CACHES=caches), broker_at(url):
        yield


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """The broker of this process is at this address."""
    before = app.conf.broker_url
    _use_broker(url)
    try:
        yield
    finally:
        _use_broker(before)


def _use_broker(url: str) -> None:
    app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = url
    app._pool = None
    app.amqp._producer_pool = None
    answers._health.paused_until = 0.0


@contextmanager
def no_server() -> Iterator[str]:
    """The address of a port on which nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{reserved.getsockname()[1]}/1"


@contextmanager
def hung_server() -> Iterator[str]:
    """The address of a server that takes connections and what is sent, and says nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}/1"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for each in taken:
                each.close()

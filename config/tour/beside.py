"""What a command that drives a browser stands on: its modules, the site that is served for it, queries beside it."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections

from config import serving

PORT = 8400


def walking() -> ModuleType:
    """The module that drives the browser. What it needs is for development; CommandError says what is missing."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            raise CommandError(f"{package} is not installed; `make environment` brings it.")
    from config.tour import walking

    if not walking.browser_path():
        raise CommandError("No browser is installed: on Debian, apt-get install chromium; or name one in CHROMIUM.")
    return walking


@contextmanager
def served() -> Iterator[str]:
    """The site is served as in the demo, and its address."""
    server = serving.listen("127.0.0.1", PORT)
    connections.close_all()
    logs = settings.VAR_DIR / "log"
    with server, serving.Servers(root=settings.BASE_DIR, logs=logs, environment={}) as servers:
        servers.start_web(server)
        yield serving.address_of(server)


@contextmanager
def queries_allowed() -> Iterator[None]:
    """Queries are allowed although the browser's own event loop makes Django think that it is called from it."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]

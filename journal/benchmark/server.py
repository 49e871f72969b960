"""The real web server, for the time of the benchmark, and a client that keeps its connection."""

import contextlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from accounts import tokens
from accounts.models import ApiToken, TokenScope, User

START_SECONDS = 60


class ServerError(Exception):
    """The web server does not start, or does not answer as it should."""


class ApiConnection:
    """One kept connection to the API, as one person."""

    def __init__(self, port: int, *, secret: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._port, self._secret = port, secret
        self._headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}

    def get(self, path: str) -> bytes:
        """The body of the answer. Raises ServerError for any status but 200."""
        return self._asked("GET", path, None, {200})

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer to this JSON. Raises ServerError for any status but 200 and 201."""
        return self._asked("POST", path, body, {200, 201})

    def _asked(self, method: str, path: str, body: bytes | None, right: set[int]) -> bytes:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body=body, headers=headers)
            answer = self._connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"{method} {path}: {error!r}") from error
        if answer.status not in right:
            raise ServerError(f"{method} {path} was answered {answer.status}: {told[:300].decode(errors='replace')}")
        return told

    def another(self) -> "ApiConnection":
        """One more connection to the same server, as the same person."""
        return ApiConnection(self._port, secret=self._secret)

    def close(self) -> None:
        """The connection is closed."""
        self._connection.close()


@contextlib.contextmanager
def serving(owner: User, *, workers: int = 1, may_write: bool = False) -> Iterator[ApiConnection]:
    """A server with the settings of this process answers on a port of its own. Raises ServerError if it does not."""
    with (
        _token(owner, may_write=may_write) as secret,
        socket.create_server(("127.0.0.1", 0)) as listening,
        tempfile.TemporaryFile() as log,
    ):
        # A connection has the options that this socket had when it came, which may be before the server sets them.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=fd://{listening.fileno()}",
                "--worker-class=gthread", f"--workers={workers}", "--threads=4", "--keep-alive=600",
                "--log-level=warning",
            ],
            cwd=settings.BASE_DIR, env=_environment(), pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log,
        )  # fmt: skip
        api = ApiConnection(listening.getsockname()[1], secret=secret)
        try:
            _await(process, api)
            yield api
        except ServerError as error:
            log.seek(0)
            raise ServerError(f"{error}\n{log.read().decode(errors='replace')[-3000:]}".strip()) from error
        finally:
            api.close()
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], api: ApiConnection) -> None:
    """The server has answered once. The socket listens before the server does, so the first answer may take long."""
    begun = time.monotonic()
    while True:
        if process.poll() is not None:
            raise ServerError(f"The web server ended with exit code {process.returncode}.")
        try:
            api.get("/api/v1/accounts/brokers/")
        except ServerError:
            if time.monotonic() - begun > START_SECONDS:
                raise
            api.close()
            time.sleep(0.2)
        else:
            return


@contextlib.contextmanager
def _token(owner: User, *, may_write: bool) -> Iterator[str]:
    """A token of this person for as long as it lasts.

    Not by `tokens.create`, which would leave a line in the audit log, where nothing can be cleaned up.
    """
    secret = tokens.PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name="Benchmark",
        prefix=secret[:8],
        digest=tokens.digest(secret),
        scope=TokenScope.WRITE if may_write else TokenScope.READ,
    )
    try:
        yield secret
    finally:
        token.delete()


def _environment() -> dict[str, str]:
    # The database that this process reads, whose name the settings may not have: tests make their own.
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": urlunsplit(database),
        "REDIS_URL": settings.REDIS_URL,
        "BROKER_URL": settings.BROKER_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS": "0",
        "DEBUG": "0",
    }

"""The real web server, for the time of the benchmark, and a client that keeps its connection."""

import contextlib
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
    """One kept connection to the API, as one person.

    By hand, because the client shares the processors with what it measures: `http.client` takes ten times as long.
    """

    def __init__(self, port: int, *, secret: str) -> None:
        self._port, self._secret = port, secret
        self._socket: socket.socket | None = None
        self._headers = (
            f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {secret}\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\n"
        )

    def get(self, path: str) -> bytes:
        """The body of the answer. Raises ServerError for any status but 200."""
        return self._asked("GET", path, b"", (b"200",))

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer to this JSON. Raises ServerError for any status but 200 and 201."""
        return self._asked("POST", path, body, (b"200", b"201"))

    def _asked(self, method: str, path: str, body: bytes, right: tuple[bytes, ...]) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}Content-Length: {len(body)}\r\n\r\n"
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(head.encode() + body)
            status, told = _answer(self._socket)
        except (OSError, ValueError) as error:
            self.close()
            raise ServerError(f"{method} {path}: {error!r}") from error
        if status not in right:
            raise ServerError(f"{method} {path} was answered {status.decode()}: {told[:300].decode(errors='replace')}")
        return told

    def another(self) -> "ApiConnection":
        """One more connection to the same server, as the same person."""
        return ApiConnection(self._port, secret=self._secret)

    def close(self) -> None:
        """The connection is closed; the next question opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _answer(connection_: socket.socket) -> tuple[bytes, bytes]:
    """Status and body of an answer that says how long it is. Raises OSError when it is cut, ValueError when odd."""
    received = _more(connection_)
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection_)
    head, body = received[:end].lower(), received[end + 4 :]
    length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection_)
    return head.split(b" ", 2)[1], body


def _more(connection_: socket.socket) -> bytes:
    if not (piece := connection_.recv(1 << 16)):
        raise ConnectionError("the server closed the connection")
    return piece


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
                "--worker-class=gthread", f"--workers={workers}", "--threads=8", "--keep-alive=600",
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

"""Real servers of a desk, which tests may kill: a PostgreSQL, a Valkey, a web server, and programs beside them."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts import tokens
from accounts.models import TokenScope, User
from config import embedded, keeper
from config.backups import server as database_server
from config.serving import Servers, listen
from tests.factories import make_user
from tests.waiting import PATIENCE, until

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Desk:
    """The servers, and one person at them."""

    place: keeper.Place
    environment: dict[str, str]
    port: int
    web: int  #: the web server's process
    url: str  #: of the database, as the owner of its tables
    owner: User
    secret: str


@contextmanager
def served(folder: Path, database: DjangoDbBlocker) -> Iterator[Desk]:
    """The servers, with a journal that has nothing but a person; none of them is left afterwards."""
    services = embedded.ensure(folder / "var")
    with database.unblock():
        _copy_tables(services.owner_database_url)
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings", "EMBEDDED_SERVICES": "false", "EMBEDDER": "hash",
        "DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url, "BROKER_URL": services.broker_url,
        "SECRET_KEY": secrets.token_urlsafe(50), "MEDIA_ROOT": str(folder), "VAR_DIR": str(folder / "var"),
        "ALLOWED_HOSTS": "127.0.0.1",
    }  # fmt: skip
    try:
        with (
            Servers(root=PROJECT, logs=folder, environment=environment) as servers,
            listen("127.0.0.1", 18_600) as listening,
        ):
            with database.unblock(), connected_to(services.owner_database_url):
                owner = make_user("desk@example.com")
                secret = token_of(owner)
            servers.start_web(listening)
            place = keeper.place_of((folder / "var").resolve())
            web, port = servers._children[0].process.pid, listening.getsockname()[1]
            yield Desk(place, environment, port, web, services.owner_database_url, owner, secret)
    finally:
        embedded.delete(folder / "var")


def token_of(owner: User) -> str:
    """The secret of a token with which this person may do everything over the API."""
    _, secret = tokens.create(owner=owner, name="desk", scope=TokenScope.WRITE, at=timezone.now())
    return secret


def _copy_tables(url: str) -> None:
    """The database has the tables of the test database, and what migrations wrote to them."""
    mine = database_server.Database(
        {"dbname": connection.settings_dict["NAME"], "user": "journal_owner", "host": connection.settings_dict["HOST"]}
    )
    other = database_server.Database({"dbname": "journal", "user": "journal_owner", "host": _host(url)})
    with other.connect(autocommit=True) as there:
        # The rights are those that the dump gives, and none besides.
        there.execute("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM journal_app")
    dump = database_server.program("pg_dump", for_server=18).path
    restore = database_server.program("pg_restore", for_server=18).path
    pieces = database_server.output_of([dump, "-Fc", "-Z0", "-N", "migrated", "-d", mine.address], mine)
    options = ["--no-owner", "--no-comments", "--single-transaction"]
    database_server.feed([restore, *options, "-d", other.address], other, pieces)


def _host(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """This process's connection goes to that database."""
    mine = {name: connection.settings_dict[name] for name in ("NAME", "HOST")}
    connection.close()
    connection.settings_dict.update(NAME="journal", HOST=_host(url))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(mine)


def children(process: int) -> list[int]:
    """The processes that this one has begun and that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended while we looked
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == process and state != "Z":
                found.append(int(stat.parent.name))
    return sorted(found)


def kill_one(process: int, child: int | None = None) -> None:
    """A child of the process, any of them where none is named, was killed, and there is another in its place."""
    before = children(process)
    killed = child or secrets.choice(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(set(children(process)) - {killed}) == len(before))


class Program:
    """A Python program beside the servers, in a session of its own, of which nothing is left afterwards."""

    def __init__(self, desk: Desk, *arguments: str) -> None:
        self.command = [sys.executable, *arguments]
        self.environment = {**os.environ, **desk.environment}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """It runs."""
        self.process = subprocess.Popen(self.command, cwd=PROJECT, env=self.environment, start_new_session=True)

    def kill(self) -> None:
        """It and whatever it has begun are gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def kill_child(self) -> None:
        """One of its children was killed and there is another, if need be in another program in the place of this."""
        before = children(self.process.pid)
        killed = secrets.choice(before)
        os.kill(killed, signal.SIGKILL)
        until(lambda: self.process.poll() is not None or len({*children(self.process.pid)} - {killed}) == len(before))
        if self.process.poll() is not None:
            # Celery gives up where a child dies before it was ready for work; whoever runs it starts it again.
            self.kill_and_start()

    def kill_and_start(self) -> None:
        """It was killed with all that it had begun, and another is on its way up."""
        self.kill()
        self.start()


def ask(desk: Desk, name: str, *arguments: object) -> None:
    """The task is in the queue."""
    with Celery(broker=desk.environment["BROKER_URL"]) as app:
        app.conf.broker_transport_options = {"global_keyprefix": "celery:"}
        app.send_task(name, arguments)

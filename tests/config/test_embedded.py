"""Real servers in throw-away folders; every user of them is a process of its own, as in life."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded, keeper
from tests.waiting import PATIENCE, until

PROJECT = Path(embedded.__file__).resolve().parent.parent
USER = """
import sys
from pathlib import Path
from config import embedded
services = embedded.ensure(Path(sys.argv[1]), throwaway=sys.argv[2] == "throwaway")
print(services.database_url, services.owner_database_url, services.redis_url, flush=True)
sys.stdin.read()
"""
USER_WITH_A_FORKED_WORKER = USER.replace(
    "sys.stdin.read()",
    "import os; child = os.fork(); print(child, flush=True) if child else None; sys.stdin.read()",
)


class User:
    """A process that uses the servers of `root` until it is told to go, or killed."""

    def __init__(self, root: Path, *, program: str = USER, keep: str = "throwaway") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(root), keep],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def leave(self) -> None:
        self.process.communicate("", timeout=PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


def ask(url: str, query: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute(query).fetchone()[0])  # type: ignore[arg-type,index]


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError):
        return ask(url, "SELECT 1") == "1"
    return False


def is_stopped(root: Path) -> bool:
    return not any(keeper.is_held(root / "locks" / name) for name in ("keeper", "postgres", "valkey"))


def postmaster_of(url: str) -> int:
    listener = keeper._listener(Path(url.split("host=")[1]) / ".s.PGSQL.5432")
    assert listener
    return listener


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that every user of the machine can reach, and that is gone afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="embedded-"))
    parent.chmod(0o755)
    yield parent / "var"
    embedded.delete(parent / "var")
    shutil.rmtree(parent, ignore_errors=True)  # a keeper may be deleting it too


def test_a_folder_that_another_start_marks_meanwhile_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, lists = Path.exists, Path.iterdir

    def mark_after(asked: Path) -> bool:
        found = looks(asked)
        (tmp_path / "throwaway").touch()
        return found

    def mark_before(asked: Path) -> Iterator[Path]:
        (tmp_path / "throwaway").touch()
        return lists(asked)

    monkeypatch.setattr(Path, "exists", mark_after)
    embedded._mark_throwaway(tmp_path)

    monkeypatch.setattr(Path, "exists", looks)
    monkeypatch.setattr(Path, "iterdir", mark_before)
    (tmp_path / "throwaway").unlink()
    embedded._mark_throwaway(tmp_path)


def test_two_processes_that_start_at_once_share_one_server(root: Path) -> None:
    users = [User(root), User(root)]

    first, second = (user.read() for user in users)

    assert first == second
    assert answers(first[0])
    log = (root / "log" / "postgres.log").read_text()
    assert log.count("starting PostgreSQL 18") == 1
    for user in users:
        user.leave()


def test_the_application_role_cannot_change_tables_and_the_owner_can(root: Path) -> None:
    user = User(root)
    app, owner, _ = user.read()
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE fact (id bigint GENERATED ALWAYS AS IDENTITY, place vector(3))")
        connection.execute("CREATE DATABASE test_journal")

    with psycopg.connect(app, autocommit=True) as connection:
        connection.execute("INSERT INTO fact (place) VALUES ('[1,2,3]')")
        for forbidden in ("CREATE TABLE mine ()", "TRUNCATE fact", "ALTER TABLE fact ADD x int"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)

    assert ask(owner, "SELECT count(*) FROM fact") == "1"
    assert ask(owner, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user") == "false"
    in_tests = owner.replace("/journal?", "/test_journal?")
    assert ask(in_tests, "SELECT '[3,4]'::vector <-> '[0,0]'") == "5.0"
    user.leave()


def test_killed_servers_come_back_with_what_was_committed(root: Path) -> None:
    user = User(root, keep="keep")  # a throw-away server may lose its last commits
    app, owner, cache = user.read()
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE fact AS SELECT 42 AS answer")

    os.kill(postmaster_of(owner), signal.SIGKILL)
    os.kill(int(redis.Redis.from_url(cache).info("server")["process_id"]), signal.SIGKILL)  # type: ignore[index]
    other = User(root, keep="keep")

    assert other.read() == [app, owner, cache]
    assert ask(app, "SELECT answer FROM fact") == "42"
    assert redis.Redis.from_url(cache).ping()
    user.leave()
    other.leave()


def test_killing_the_only_user_stops_the_servers_and_a_later_start_works(root: Path) -> None:
    user = User(root, keep="keep")
    app, owner, _ = user.read()
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE fact AS SELECT 42 AS answer")

    user.kill()
    until(lambda: is_stopped(root))

    assert not answers(app)
    # What a power cut leaves: the number of a process that is somebody else's by now.
    (root / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{root / 'postgres'}\n1\n5432\n")
    again = User(root, keep="keep")
    assert ask(again.read()[0], "SELECT answer FROM fact") == "42"
    again.leave()
    until(lambda: is_stopped(root))


def test_the_servers_live_as_long_as_anybody_uses_them(root: Path) -> None:
    starter = User(root, program=USER_WITH_A_FORKED_WORKER)
    app, _, _ = starter.read()
    worker = int(starter.read()[0])
    other = User(root)
    other.read()

    starter.process.kill()
    starter.process.wait()
    other.leave()
    time.sleep(1)

    assert answers(app)  # the forked worker still uses them
    os.kill(worker, signal.SIGKILL)
    until(lambda: not root.exists())
    assert not answers(app)
    starter.process.communicate()


def test_a_killed_keeper_is_replaced_and_its_servers_are_kept(root: Path) -> None:
    user = User(root)
    app, _, _ = user.read()
    postmaster = postmaster_of(app)

    os.kill(int((root / "locks" / "keeper").read_text()), signal.SIGKILL)
    other = User(root)

    assert other.read()[0] == app
    assert postmaster_of(app) == postmaster
    user.leave()
    other.leave()
    until(lambda: not root.exists())


def test_stop_stops_what_others_use_and_what_a_killed_keeper_left(root: Path) -> None:
    user = User(root, keep="keep")
    user.read()
    os.kill(int((root / "locks" / "keeper").read_text()), signal.SIGKILL)

    embedded.stop(root)

    assert is_stopped(root)
    user.leave()


def test_a_folder_that_others_cannot_reach_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    root = closed / "a long name with spaces, und Umlauten: äöü"
    parents = {parent: parent.stat().st_mode for parent in root.parents}
    user = User(root)

    app, owner, cache = user.read()

    assert answers(app)
    assert answers(owner)
    assert redis.Redis.from_url(cache).ping()
    place = keeper.place_of(root)
    assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
    assert {parent: parent.stat().st_mode for parent in parents} == parents
    user.leave()
    until(lambda: not (root.exists() or place.home.exists() or place.sockets.exists()))


def test_a_server_that_cannot_start_is_an_error_with_the_end_of_its_log(root: Path) -> None:
    user = User(root, keep="keep")
    user.read()
    user.leave()
    until(lambda: is_stopped(root))
    with (root / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")

    with pytest.raises(embedded.EmbeddedError, match="postgres died five times") as refusal:
        embedded.ensure(root)

    assert 'unrecognized configuration parameter "no_such_setting"' in str(refusal.value)
    assert is_stopped(root)

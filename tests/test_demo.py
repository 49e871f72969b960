"""The demo command, as people run it: in a process of its own, on a database of its own."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import psycopg
import pytest
from django.conf import settings
from django.core import management

COMMAND = [sys.executable, "manage.py", "demo"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A new, empty database on the servers of the tests, and a place for files."""
    name = f"demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(settings.MIGRATION_DATABASE_URL, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield {
        **{key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        "DATABASE_URL": _of_database(settings.DATABASE_URL, name),
        "MIGRATION_DATABASE_URL": _of_database(settings.MIGRATION_DATABASE_URL, name),
        "REDIS_URL": settings.REDIS_URL,
        "VAR_DIR": str(tmp_path_factory.mktemp("demo")),
        "SECRET_KEY": "of-a-test-and-nothing-else",
        "PYTHONUNBUFFERED": "1",
    }
    with psycopg.connect(settings.MIGRATION_DATABASE_URL, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _of_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=240
    )


@pytest.mark.postgres
def test_the_demo_fills_the_journal_once_and_serves_it(environment: dict[str, str]) -> None:
    first = _run(environment, "--no-serve", "--accounts", "12", "--until", "2026-06-30")

    assert first.returncode == 0, first.stdout + first.stderr
    new = int(re.search(r"12 accounts, ([\d,]+) new fills", first.stdout)[1].replace(",", ""))  # type: ignore[index]
    assert new > 2_000
    for label in ("Net P&L in USD", "Win rate", "Profit factor", "Max drawdown", "Best account", "Open positions"):
        assert label in first.stdout
    login = re.search(r"Login +demo@example\.com +(\S+)", first.stdout)
    assert login is not None
    decided = _decided(environment)
    # Most of trades and with outcomes, two of the desk's orders, every one embedded.
    assert (decided["trade"] > 40, decided["none"], decided["order"], decided["waiting"]) == (True, 8, 2, 0)

    second = _run(environment, "--no-serve", "--accounts", "50")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "is there already: 12 accounts, 0 new fills" in second.stdout
    assert _summary(second.stdout) == _summary(first.stdout)
    assert _decided(environment) == decided
    assert login[0] in second.stdout

    _serve_and_stop(environment)


def _summary(output: str) -> str:
    return output[output.index("---") : output.rindex("---")]


def _decided(environment: dict[str, str]) -> dict[str, int]:
    """How many decisions there are of each kind, and how many texts wait to be embedded."""
    kinds = "SELECT split_part(external_id, '-', 2), count(*) FROM intelligence_decision GROUP BY 1"
    with psycopg.connect(environment["MIGRATION_DATABASE_URL"]) as connection:
        found = dict(connection.execute(kinds).fetchall())
        (waiting,) = connection.execute(
            "SELECT count(*) FROM intelligence_embedding WHERE decision_id IS NOT NULL AND NOT state = 'ready'"
        ).fetchone() or (-1,)
    return {**found, "waiting": waiting}


def _serve_and_stop(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "18080"], env=environment, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = ""
        for line in process.stdout:
            if line.startswith("Address"):
                address = line.split()[1]
            if line.startswith("Stop with"):
                break
        with urlopen(f"{address}livez", timeout=60) as answer:
            assert answer.status == 200
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        left = [int(pid) for pid in children.read_text().split()] if children.exists() else []

        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 0

    assert rest.endswith("Stopped.\n")
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]


WRONG = [
    (("--accounts", "0"), "the number of accounts is a whole number from 1 to 1000, not '0'"),
    (("--accounts", "ten"), "the number of accounts is a whole number from 1 to 1000, not 'ten'"),
    (("--port", "70000"), "the port is a whole number from 1 to 65535, not '70000'"),
    (("--until", "31.12.2025"), "a date is written 2026-03-31, not '31.12.2025'"),
    (("--until", "2999-01-01"), "the last day lies between 2000-01-01 and yesterday"),
]


def test_a_wrong_argument_is_named_and_nothing_is_done(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = WRONG[0]
    done = _run(environment, *arguments)
    told = [(done.returncode, done.stdout, done.stderr, message)]
    # The others without a process of their own, which takes longer to start than to refuse.
    for arguments, message in WRONG[1:]:
        with pytest.raises(SystemExit) as refused:
            management.execute_from_command_line(["manage.py", "demo", *arguments])
        told.append((refused.value.code, *capsys.readouterr(), message))

    for code, out, error, message in told:
        assert code == 2
        assert message in error
        assert out == ""

"""Commands in surroundings that lack something: one line, an exit code, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import ProgrammingError, connection

from config import running

PROJECT = Path(__file__).resolve().parent.parent.parent
EMPTY = "The database has not the tables of this version. Run first: manage.py migrate\n"


@pytest.fixture
def without_tables(transactional_db: None) -> Iterator[None]:
    """The connection goes to a database of the same server that nobody has migrated."""
    mine = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "postgres"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = mine


@pytest.mark.postgres
@pytest.mark.usefixtures("without_tables")
@pytest.mark.parametrize(
    "command",
    [
        "benchmark_accounts", "benchmark_orders", "benchmark_pages", "expire_orders", "monitor_positions --once",
        "monitor_positions --benchmark 10", "paper_market --symbols AAPL", "reconcile", "seed_reference_data",
        "verify_invariants", "load_bars --symbol AAPL --timeframe 1d nothing.csv",
    ],
)  # fmt: skip
def test_a_command_on_a_database_that_was_not_migrated_says_what_to_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        running.run(["manage.py", *command.split()])

    assert (ended.value.code, capsys.readouterr().err) == (2, EMPTY)


def test_who_reads_no_further_is_not_told_of_a_fault() -> None:
    many = [sys.executable, "manage.py", "shell", "-c", "for n in range(100_000): print('line', n)"]
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    surroundings = {**os.environ, **nowhere, "EMBEDDED_SERVICES": "0"}

    with subprocess.Popen(
        many, cwd=PROJECT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()

    assert (process.wait(), "Traceback" in told) == (141, False)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_fault_of_our_own_is_shown_as_one() -> None:
    wrong = "from django.db import connection; connection.cursor().execute('SELECT * FROM no_such_table')"

    with pytest.raises(ProgrammingError, match="no_such_table"):
        running.run(["manage.py", "shell", "-c", wrong])


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"BACKUP_DAYS": "x"}, 2, "The settings are wrong: BACKUP_DAYS must be a whole number, not 'x'"),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/none"},
            1,
            'The database does not answer: connection failed: connection to server at "127.0.0.1", port 1 failed: '
            "Connection refused",
        ),
    ],
)
def test_settings_that_are_wrong_and_a_database_that_is_away_are_told_in_a_line(
    changed: dict[str, str], code: int, said: str
) -> None:
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "EMBEDDED_SERVICES": "0",
        "REDIS_URL": "redis://127.0.0.1:1/0", "BROKER_URL": "redis://127.0.0.1:1/1",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none", **changed,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "expire_orders"], cwd=PROJECT, env=environment, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr.strip()) == (code, "", said)

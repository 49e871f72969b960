"""The report of the database: superusers see it, it shows no value of a query, and what it says is so."""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from config import database_report
from config.database_report import SHOWN, Section, sections, shape_of
from tests.conftest import signed_in
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/database/"


def section(name: str) -> Section:
    return next(each for each in sections() if each.name == name)


def run_sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def test_superusers_see_it_and_find_it_on_every_page_of_the_admin() -> None:
    client = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))

    page = client.get(ADDRESS)

    assert page.status_code == 200
    assert "Indexes that nothing has read" in page.content.decode()
    assert f'href="{ADDRESS}"' in client.get(reverse("admin:index")).content.decode()


def test_nobody_else_does(alice: User) -> None:
    staff = signed_in(make_user("staff@example.com", is_staff=True))

    assert staff.get(ADDRESS).status_code == 403
    assert f'href="{ADDRESS}"' not in staff.get(reverse("admin:index")).content.decode()
    for client in (Client(), signed_in(alice)):
        assert client.get(ADDRESS).status_code == 302
        assert "/login/" in client.get(ADDRESS).headers["Location"]


def test_it_is_in_french_for_those_who_read_french() -> None:
    client = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True, language="fr"))

    assert "Index que rien n’a lus" in client.get(ADDRESS).content.decode()


@pytest.mark.parametrize(
    ("query", "shape"),
    [
        ("SELECT 1 FROM t\n  WHERE a = 'x'", "SELECT … FROM t WHERE a = …"),
        ("ALTER ROLE r PASSWORD 'it''s secret'", "ALTER ROLE r PASSWORD …"),
        ("SELECT E'it\\'s secret', 2.50", "SELECT …, …"),
        ("SELECT 'ends with \\', 'secret'", "SELECT …, …"),
        ("SELECT $q$it's secret$q$, $1", "SELECT …, $1"),
        ("UPDATE t2 SET a = 'cut off where the server cu", "UPDATE t2 SET a = …"),
    ],
)
def test_no_value_of_a_query_is_shown(query: str, shape: str) -> None:
    assert shape_of(query) == shape


def test_an_index_that_nothing_reads_is_named_unless_it_keeps_rows_unique() -> None:
    run_sql(
        "CREATE TABLE pile (id int PRIMARY KEY, a int, b int UNIQUE, c int);"
        "CREATE INDEX pile_a ON pile (a); CREATE UNIQUE INDEX pile_c ON pile (c);"
        "INSERT INTO pile SELECT n, n, n, n FROM generate_series(1, 20000) n"
    )

    found = {index: (table, size) for index, table, size, _entries in section("unused-indexes").rows}

    assert found["pile_a"][0] == "pile"
    assert found["pile_a"][1] > 100_000
    assert found.keys().isdisjoint({"pile_pkey", "pile_b_key", "pile_c"})


def test_without_pg_stat_statements_it_says_so_and_the_rest_is_there() -> None:
    told = {each.name: each for each in sections()}

    assert "does not count queries" in str(told["slow-queries"].note)
    assert told["slow-queries"].rows == []
    assert len(told["tables"].rows) == SHOWN
    assert all(len(each.rows) <= SHOWN for each in told.values())


def test_with_it_the_slowest_come_first_and_no_statement_about_roles() -> None:
    """30 and 10 ms of 40 in all: three quarters and a quarter of the time. A password's statement is in neither."""
    run_sql(
        "CREATE TEMP VIEW pg_stat_statements AS SELECT d.oid AS dbid, q.* FROM pg_database d, (VALUES "
        "('SELECT quick WHERE a = $1', 5, 2.0::float8, 10.0::float8), ('SELECT slow', 1, 30, 30), "
        "('ALTER ROLE x PASSWORD ''secret''', 1, 900, 900)) q (query, calls, mean_exec_time, total_exec_time) "
        "WHERE datname = current_database()"
    )

    assert section("slow-queries").rows == [
        ("SELECT slow", 1, 30, 30, 0.75),
        ("SELECT quick WHERE a = $1", 5, 2, 10, 0.25),
    ]


def test_a_transaction_that_somebody_left_open_is_named_without_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_report, "LONG_SECONDS", 0)
    at = connection.settings_dict
    with psycopg.connect(host=at["HOST"], port=at["PORT"] or None, dbname=at["NAME"], user=at["USER"]) as left_open:
        left_open.execute("SELECT 'secret'")
        process = left_open.info.backend_pid
        rows = {row[0]: row for row in section("long-transactions").rows}

    assert rows[process][2] == "idle in transaction"
    assert rows[process][-1] == "SELECT …"
    assert "secret" not in str(rows)


def test_the_command_prints_it_as_tables_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("database_report")
    assert "Largest tables" in capsys.readouterr().out

    call_command("database_report", "--json", "--only", "tables")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["columns"][0] == "Table"


def test_the_settings_of_compose_are_those_asked_for_and_known_to_this_server() -> None:
    text = (Path(settings.BASE_DIR) / "config" / "postgres" / "postgresql.conf").read_text()
    told: dict[str, Any] = dict(re.findall(r"^(\S+) = '?([^'#\n]*?)'?\s*(?:#.*)?$", text, re.MULTILINE))
    wanted = {
        "shared_buffers": "1GB",
        "effective_cache_size": "3GB",
        "work_mem": "50MB",
        "maintenance_work_mem": "256MB",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        "wal_buffers": "16MB",
        "checkpoint_timeout": "15min",
        "max_wal_size": "2GB",
    }

    assert told.items() >= wanted.items()
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower(name) FROM pg_settings")
        known = {name for (name,) in cursor.fetchall()}
    # Only a superuser is shown which libraries are loaded.
    assert {name for name in told if "." not in name} - known == {"shared_preload_libraries"}

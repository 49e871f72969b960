"""The people of every test: alice owns, bob is a stranger."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.management.commands import flush
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts import publishing, tokens
from accounts.models import TokenScope, User
from tests import waiting
from tests.factories import make_user

# The same examples each time, however long one takes on a machine that is busy: a failure is of the change that is
# tested. `--hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it for garbage took a sixth of the time of all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(300_000, 10, 10)


#: What takes longest, the browser's tests together: begun first, so that the halves of the tests end together.
_FIRST = (
    "tests/browser/test_every_page.py",
    "tests/browser/",
    "tests/test_demo.py",
    "tests/test_same_figures.py",
    "tests/test_faults.py",
    "tests/journal/test_sample.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((number for number, name in enumerate(_FIRST) if item.nodeid.startswith(name)), len(_FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _static_root() -> None:
    # WhiteNoise warns when nothing was ever collected, and a warning fails a test.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


#: Tables that migrations write rows to, and the columns of these; copies are in the schema `migrated`.
_WRITTEN_BY_MIGRATIONS: dict[str, str] = {}
_KEPT = {"django_content_type", "auth_permission", "django_migrations"}
#: Rows of one table that are too many to be deleted one by one.
_MANY = 2_000


@pytest.fixture(scope="session", autouse=True)
def _only_what_was_written_is_emptied() -> Iterator[None]:
    """After a test with real commits the rows of tables that have some go; append-only ones refuse it while they may.

    The kinds of things and their permissions stay: making them anew took longer than everything else. What migrations
    wrote is there again, whatever a test did to it.
    """

    def empty(self: Any, sql_list: list[str]) -> None:
        tables = self.connection.introspection.django_table_names(only_existing=True, include_views=False)
        names = set(tables) - _KEPT
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            count = f"(SELECT count(*) FROM (SELECT FROM {{0}} LIMIT {_MANY}) AS a)"
            cursor.execute(" UNION ALL ".join(f"SELECT '{name}', {count.format(name)}" for name in names))
            counts = dict(cursor.fetchall())
            has_many = max(counts.values()) == _MANY
            # Every row that is deleted asks whether another refers to it: minutes, where nobody has told the database
            # yet how many there are. What is truncated goes with all that may refer to it.
            filled = [name for name, rows in counts.items() if rows or has_many]
            cursor.execute(
                "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal "
                "AND tgrelid::regclass::text = ANY(%s)",
                [filled],
            )
            guarded = [name for (name,) in cursor.fetchall()]
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for name in guarded:
                cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            if has_many:
                cursor.execute(f"TRUNCATE {', '.join(filled)}")
            else:
                for name in filled:
                    cursor.execute(f"DELETE FROM {name}")
            for name, columns in _WRITTEN_BY_MIGRATIONS.items():
                cursor.execute(
                    f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM migrated.{name}"
                )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for name in guarded:
                cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DatabaseOperations, "execute_sql_flush", empty)
        patched.setattr(flush, "emit_post_migrate_signal", lambda *_arguments: None)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As pytest-django's own; at the end nobody holds the database any more, such as the browser tests' server."""
    with django_db_blocker.unblock():
        _copy_what_migrations_wrote()
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )
    # This one too: after a browser's tests it is another object than the one that the teardown closes.
    connection.close()


def _copy_what_migrations_wrote() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS migrated")
        for name in sorted(set(connection.introspection.django_table_names(only_existing=True)) - _KEPT):
            cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                [name],
            )
            _WRITTEN_BY_MIGRATIONS[name] = cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE IF EXISTS migrated.{name}")
            cursor.execute(f"CREATE TABLE migrated.{name} AS TABLE {name}")


@pytest.fixture
def by_messages(settings: Any) -> Iterator[None]:
    """Tasks are messages to the broker. None outlives its test: it would be run at once, on the next one's data."""
    settings.CELERY_TASK_ALWAYS_EAGER = False
    yield
    waiting.until(lambda: not publishing._waiting.unfinished_tasks)


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice@example.com")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob@example.com")


@pytest.fixture
def alice_client(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def alice_api(alice: User) -> APIClient:
    return api_of(alice)


@pytest.fixture
def bob_api(bob: User) -> APIClient:
    return api_of(bob)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def api_of(user: User, scope: str = TokenScope.WRITE) -> APIClient:
    """A client that sends a real token of this person and JSON."""
    _, secret = tokens.create(owner=user, name="tests", scope=scope, at=datetime(2026, 1, 1, tzinfo=UTC))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    client.default_format = "json"
    return client

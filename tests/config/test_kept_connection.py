"""A kept connection is asked whether it lives where it may not, and where it plainly does nobody asks."""

import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from config.kept_connection.base import DatabaseWrapper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kept() -> DatabaseWrapper:
    """The connection of this process at the beginning of a request."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    assert isinstance(wrapper, DatabaseWrapper)
    wrapper.ensure_connection()
    wrapper.health_check_enabled, wrapper.health_check_done = True, False
    return wrapper


def test_a_connection_that_lives_is_asked_nothing(kept: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.connection
    monkeypatch.setattr(kept, "is_usable", lambda: pytest.fail("it was asked"))

    kept.close_if_health_check_failed()

    assert kept.connection is before
    assert kept.health_check_done
    with kept.cursor() as cursor:
        cursor.execute("SELECT 7")
        assert cursor.fetchone() == (7,)


def test_a_connection_that_the_server_cut_is_opened_anew(kept: DatabaseWrapper) -> None:
    before = kept.connection
    pid = before.info.backend_pid
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
    finally:
        other.close()

    kept.close_if_health_check_failed()

    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (now,) = cursor.fetchone()
    assert now != pid


def test_a_word_that_came_in_between_is_no_end(kept: DatabaseWrapper) -> None:
    """The control: a notification lies in the socket, the server is asked, and the connection stays."""
    with kept.cursor() as cursor:
        cursor.execute("LISTEN kept_connection")
    pid = kept.connection.info.backend_pid
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("NOTIFY kept_connection")
    finally:
        other.close()

    kept.close_if_health_check_failed()

    assert kept.connection is not None
    assert kept.connection.info.backend_pid == pid
    with kept.cursor() as cursor:
        cursor.execute("UNLISTEN *")

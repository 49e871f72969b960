"""What is answered where a method does not fit the address, and how the server that answers starts."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from tests.access_things import FACTORIES
from tests.conftest import signed_in
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (f"/trades/{uuid.UUID(int=7)}/words/", f"/trades/{uuid.UUID(int=7)}/"),
        (f"/trades/{uuid.UUID(int=7)}/delete/", f"/trades/{uuid.UUID(int=7)}/"),
        ("/trades/restore/", "/trades/"),
        ("/settings/tokens/", "/settings/"),
        (f"/settings/tokens/{uuid.UUID(int=7)}/revoke/", "/settings/"),
        (f"/imports/{uuid.UUID(int=7)}/start/", f"/imports/{uuid.UUID(int=7)}/"),
        (f"/imports/{uuid.UUID(int=7)}/choices/", f"/imports/{uuid.UUID(int=7)}/"),
        ("/sample/load/", "/"),
        ("/theme/", "/"),
    ],
)
def test_the_address_of_a_form_leads_to_the_page_with_the_form(alice_client: Client, path: str, page: str) -> None:
    answer = alice_client.get(path)

    assert (answer.status_code, answer.headers["Location"]) == (302, page)


def test_after_a_refused_note_the_address_can_be_opened(alice: User, alice_client: Client) -> None:
    trade = FACTORIES["trade"](alice, "mine")
    path = f"/trades/{trade}/words/"

    assert alice_client.post(path, {"note": "x" * 20_001}).status_code == 422
    assert alice_client.get(path, follow=True).redirect_chain == [(f"/trades/{trade}/", 302)]


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", "/logout/", "POST"), ("PUT", "/calendar/", "GET, HEAD")]
)
def test_other_methods_get_a_page_that_says_so(alice_client: Client, method: str, path: str, allowed: str) -> None:
    answer = alice_client.generic(method, path)

    assert answer.status_code == 405
    assert allowed in answer.headers["Allow"]
    assert 'href="/"' in answer.content.decode()
    assert alice_client.get("/settings/").status_code == 200


def test_the_api_keeps_its_problem(alice_client: Client) -> None:
    answer = alice_client.delete("/api/v1/trades/")

    assert answer.status_code in (403, 405)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_who_is_not_signed_in_is_still_asked_to() -> None:
    assert Client().get("/settings/tokens/").headers["Location"].startswith("/login/")
    assert signed_in(make_user()).get("/settings/tokens/").headers["Location"] == "/settings/"


def test_the_web_server_starts_without_a_warning_where_nothing_was_collected_yet(tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    told = {**os.environ, **nowhere, "VAR_DIR": str(tmp_path / "var"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-W", "error::UserWarning", "-c", "import config.wsgi"]

    done = subprocess.run(command, env=told, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")

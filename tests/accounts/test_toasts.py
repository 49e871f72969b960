"""What a person is told after an act, and how the act is taken back."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client

from accounts import undo
from accounts.models import User
from accounts.undo import Undone


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The payloads of acts named test.act that were taken back."""
    taken: list[Mapping[str, Any]] = []

    def take(user: User, payload: Mapping[str, Any]) -> Undone:
        taken.append(payload)
        return Undone("It is back.")

    monkeypatch.setitem(undo._takers, "test.act", take)
    return taken


def test_an_undone_act_leaves_the_person_where_they_were(
    alice: User, alice_client: Client, taken_back: list[Any]
) -> None:
    token = undo.token(alice, "test.act", {"id": 7})

    back = alice_client.post("/undo/", {"token": token, "next": "/trades/?symbol=AAPL"})

    assert back.headers["Location"] == "/trades/?symbol=AAPL"
    assert taken_back == [{"id": 7}]
    page = alice_client.get("/settings/").content.decode()
    assert "It is back." in page
    assert "It is back." not in alice_client.get("/settings/").content.decode()


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com/", "javascript:alert(1)", "trades"])
def test_undo_never_leads_to_another_site(
    alice: User, alice_client: Client, taken_back: list[Any], elsewhere: str
) -> None:
    token = undo.token(alice, "test.act", {})

    back = alice_client.post("/undo/", {"token": token, "next": elsewhere})

    assert back.headers["Location"] == "/"


def test_a_token_of_somebody_else_takes_nothing_back(alice: User, bob_client: Client, taken_back: list[Any]) -> None:
    bob_client.post("/undo/", {"token": undo.token(alice, "test.act", {})})

    assert taken_back == []


def test_htmx_is_told_by_an_event_and_the_next_page_is_not(
    alice: User, alice_client: Client, taken_back: list[Any]
) -> None:
    token = undo.token(alice, "test.act", {})

    answer = alice_client.post("/undo/", {"token": token}, headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert json.loads(answer.headers["HX-Trigger"]) == {
        "undone": None,
        "toasts": {"list": [{"words": "It is back.", "level": "success", "undo": ""}]},
    }
    assert "It is back." not in alice_client.get("/settings/").content.decode()

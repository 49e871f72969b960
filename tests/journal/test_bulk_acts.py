"""What is done to the trades chosen in a list, from the page and by the API, and the way back."""

import re
import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Account, User
from journal import bulk_acts
from tests.factories import make_user
from tests.journal.factories import make_account, make_trade
from tests.waiting import done_at_once
from trading import many_trades, tags, trades
from trading.models import Tag, TagGroup, Trade

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(account: Account) -> list[Trade]:
    symbols = ("AAPL", "MSFT", "NVDA")
    return [make_trade(account, day=date(2026, 3, 2), pnl="1", symbol=symbol) for symbol in symbols]


def state() -> list[Any]:
    left_out = ("id", "created_at", "updated_at")
    rows = Trade.objects.order_by("public_id").values()
    labels = Trade.tags.through.objects.order_by("trade__public_id", "tag_id").values_list("trade__public_id", "tag_id")
    return [[{key: value for key, value in row.items() if key not in left_out} for row in rows], list(labels)]


def undo_of(page: Any) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("act", "value"),
    [("tag", "news"), ("review", ""), ("rate", "4"), ("note", "Fed day."), ("delete", ""), ("unreview", "")],
)
def test_every_act_of_the_page_is_taken_back_by_its_toast(
    alice_client: Client, alice: User, three: list[Trade], act: str, value: str
) -> None:
    trades.annotate(three[0], is_reviewed=True, rating=2, note="Before.", tags=[tags.create(owner=alice, name="gap")])
    before = state()
    sent = {"id": [str(trade.public_id) for trade in three], "act": act, f"value_{act}": value}

    page = alice_client.post("/trades/bulk/", sent, follow=True)

    assert state() != before
    alice_client.post("/undo/", {"token": undo_of(page), "next": "/trades/"})
    assert state() == before


def test_all_that_match_but_some_are_meant(alice_client: Client, three: list[Trade]) -> None:
    sent = {"all": "1", "query": "side=long", "except": str(three[1].public_id), "act": "rate", "value_rate": "5"}

    alice_client.post("/trades/bulk/", sent)

    assert set(Trade.objects.filter(rating=5)) == {three[0], three[2]}


def test_a_trade_has_one_setup(alice_client: Client, alice: User, three: list[Trade]) -> None:
    group = TagGroup.objects.create(owner=alice, name="Setups", role="setup")
    old, new = (Tag.objects.create(owner=alice, name=name, group=group) for name in ("gap", "fade"))
    plain = tags.create(owner=alice, name="news")
    trades.annotate(three[0], tags=[old, plain])
    ids = [str(trade.public_id) for trade in three]

    alice_client.post("/trades/bulk/", {"id": ids, "act": "setup", "value_setup": str(new.public_id)})

    assert sorted(three[0].tags.values_list("name", flat=True)) == ["fade", "news"]
    assert list(three[1].tags.values_list("name", flat=True)) == ["fade"]


@pytest.mark.parametrize(
    "sent",
    [
        {"act": "rate", "value_rate": "6"},
        {"act": "explode"},
        {"act": "untag", "value_tag": "never made"},
        {"act": "setup", "value_setup": "never made"},
        {"act": "note", "value_note": "  "},
        {"act": "tag", "value_tag": "x" * 51},
        {"act": "rate", "value_rate": "5", "id": []},
        {"act": "rate", "value_rate": "5", "id": ["seven"]},
    ],
)
def test_what_is_refused_changes_nothing_and_says_why(
    alice_client: Client, three: list[Trade], sent: dict[str, Any]
) -> None:
    before = state()

    page = alice_client.post("/trades/bulk/", {"id": [str(trade.public_id) for trade in three], **sent}, follow=True)

    assert b"toast-error" in page.content
    assert state() == before
    assert not Tag.objects.exists()


def test_more_than_the_bound_is_refused_in_words(
    alice_client: Client, three: list[Trade], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acts, "MOST", 2)

    page = alice_client.post("/trades/bulk/", {"all": "1", "query": "", "act": "rate", "value_rate": "5"}, follow=True)

    assert "more were chosen" in page.content.decode()
    assert not Trade.objects.filter(rating=5).exists()


def test_the_bar_of_acts_says_how_many_trades_match(alice_client: Client, three: list[Trade]) -> None:
    assert "All 3 that match" in alice_client.get("/trades/").content.decode()
    assert "All 1 that match" in alice_client.get("/trades/?symbol=MSFT").content.decode()


def test_trades_of_others_are_left_alone(alice_client: Client, bob: User, three: list[Trade]) -> None:
    foreign = make_trade(make_account(bob, "His"), day=date(2026, 3, 2), pnl="1")
    ids = [str(foreign.public_id), str(three[0].public_id)]

    alice_client.post("/trades/bulk/", {"id": ids, "act": "rate", "value_rate": "5"})

    assert list(Trade.objects.filter(rating=5)) == [three[0]]


def test_a_suspended_person_acts_on_nothing() -> None:
    from tests.conftest import signed_in

    carol = make_user("carol@example.com", status="suspended")
    trade = make_trade(make_account(carol, "Hers"), day=date(2026, 3, 2), pnl="1")

    answer = signed_in(carol).post("/trades/bulk/", {"id": [str(trade.public_id)], "act": "delete"})

    assert answer.status_code == 403
    assert Trade.objects.count() == 1


# ---- the API


def test_the_api_acts_once_per_key_and_undoes(alice_api: APIClient, three: list[Trade]) -> None:
    before = state()
    body = {"ids": [str(trade.public_id) for trade in three], "act": "delete"}

    first = alice_api.post("/api/v1/trades/bulk/", body, headers={"Idempotency-Key": "one"})
    again = alice_api.post("/api/v1/trades/bulk/", body, headers={"Idempotency-Key": "one"})

    assert first.status_code == again.status_code == 200, first.data
    assert first.json() == again.json()
    assert first.json()["changed"] == 3
    assert not Trade.objects.exists()
    assert alice_api.post("/api/v1/trades/undo/", {"undo": first.json()["undo"]}).status_code == 200
    assert state() == before


def test_the_api_takes_a_filter_as_the_list_does(alice_api: APIClient, three: list[Trade]) -> None:
    answer = alice_api.post("/api/v1/trades/bulk/", {"filter": {"symbol": "MSFT"}, "act": "rate", "value": "3"})

    assert answer.json()["changed"] == 1
    assert alice_api.get("/api/v1/trades/?rating=3").json()["total"] == 1
    assert alice_api.get("/api/v1/trades/?rating=none").json()["total"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"act": "rate", "value": "3"},
        {"ids": [], "act": "rate", "value": "3"},
        {"ids": [str(uuid.uuid4())], "act": "rate", "value": "3"},
        {"filter": {"symbol": "AAPL"}, "ids": [str(uuid.uuid4())], "act": "rate"},
        {"filter": {"colour": "red"}, "act": "rate", "value": "3"},
    ],
)
def test_the_api_refuses_what_it_cannot_mean(alice_api: APIClient, three: list[Trade], body: dict[str, Any]) -> None:
    before = state()

    assert alice_api.post("/api/v1/trades/bulk/", body).status_code == 400

    assert state() == before


def test_a_trade_says_its_rating_excursions_and_groups(alice_api: APIClient, alice: User, three: list[Trade]) -> None:
    group = TagGroup.objects.create(owner=alice, name="Setups", role="setup")
    trades.annotate(three[0], tags=[Tag.objects.create(owner=alice, name="gap", group=group)])
    address = f"/api/v1/trades/{three[0].public_id}/"

    rated = alice_api.patch(address, {"rating": 4}).json()
    cleared = alice_api.patch(address, {"rating": None}).json()

    assert (rated["rating"], cleared["rating"]) == (4, None)
    assert (rated["mae"], rated["mfe"]) == (None, None)
    assert rated["tags"][0]["group"] == str(group.public_id)
    assert alice_api.patch(address, {"rating": 6}).status_code == 400


# ---- at once


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_tagging_and_deleting_the_same_trades_at_once_leaves_no_loose_ends() -> None:
    owner = make_user("dora@example.com")
    account = make_account(owner, "Main")
    made = [make_trade(account, day=date(2026, 3, 2), pnl="1", symbol=f"S{number}") for number in range(6)]
    gap = tags.create(owner=owner, name="gap")
    keys = [trade.pk for trade in made]

    done_at_once(
        lambda: many_trades.label(owner.pk, trade_ids=keys, add=[gap]),
        lambda: many_trades.delete(owner.pk, trade_ids=keys),
    )

    assert not Trade.objects.exists()
    assert not Trade.tags.through.objects.exists()

"""The API of orders: what it answers to sound, unsound, refused and repeated requests."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import Account
from tests.trading.desk import cash, quoted, share
from trading.models import Instrument, Order, Position, Trade

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def acme(db: None) -> Instrument:
    instrument = share()
    quoted(instrument, "99.90", "100")
    return instrument


def asked(account: Account, **fields: Any) -> dict[str, Any]:
    body = {
        "account": str(account.public_id),
        "symbol": "acme",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "quantity": "10",
        "limit_price": "50",
    }
    return {name: value for name, value in (body | fields).items() if value is not None}


def test_an_order_is_placed_looked_at_and_canceled(alice_api: APIClient, account: Account, acme: Instrument) -> None:
    placed = alice_api.post("/api/v1/orders/", asked(account, client_order_id="a-1"), format="json")
    assert placed.status_code == 201, placed.json()
    order = placed.json()
    assert (order["status"], order["reserved_amount"], order["symbol"]) == ("new", "500", "ACME")
    assert alice_api.get("/api/v1/orders/?live=true").json()["results"] == [order]

    canceled = alice_api.post(f"/api/v1/orders/{order['id']}/cancel/", {"version": 1}, format="json")

    assert (canceled.status_code, canceled.json()["status"], canceled.json()["version"]) == (200, "canceled", 2)
    events = alice_api.get(f"/api/v1/orders/{order['id']}/events/").json()["results"]
    assert [event["event"] for event in events] == ["placed", "new", "pending_cancel", "canceled"]
    assert alice_api.get("/api/v1/orders/?status=cancelled").json()["total"] == 1


def test_an_order_says_how_much_worse_it_was_filled_and_how_long_it_took_and_on_paper_nobody_was_asked(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    order = alice_api.post("/api/v1/orders/", asked(account, limit_price="100"), format="json").json()
    assert (order["status"], order["slippage"]) == ("filled", "0")
    assert 0 <= order["duration_ms"] < 60_000
    assert alice_api.get(f"/api/v1/orders/{order['id']}/attempts/").json()["results"] == []
    waiting = alice_api.post("/api/v1/orders/", asked(account), format="json").json()
    assert (waiting["slippage"], waiting["duration_ms"]) == (None, None)


def test_the_same_client_id_answers_with_the_first_order_and_another_body_is_a_conflict(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    first = alice_api.post("/api/v1/orders/", asked(account, client_order_id="a-1"), format="json")
    again = alice_api.post("/api/v1/orders/", asked(account, client_order_id="a-1"), format="json")
    other = alice_api.post("/api/v1/orders/", asked(account, client_order_id="a-1", quantity="11"), format="json")

    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert Order.objects.count() == 1


def test_a_refusal_tells_every_reason_with_its_field(alice_api: APIClient, account: Account, acme: Instrument) -> None:
    account.status = "suspended"
    account.save()

    refused, again = (
        alice_api.post("/api/v1/orders/", asked(account, quantity="1000"), format="json", HTTP_IDEMPOTENCY_KEY="once")
        for _each in range(2)
    )

    # What the answer names is on file, with a key or without; the key is free for what is sent corrected.
    named = [{error["order"] for error in each.json()["errors"]} for each in (refused, again)]
    assert [Order.objects.get(public_id=order).status for (order,) in named] == ["rejected", "rejected"]
    assert (refused.status_code, refused.json()["code"]) == (422, "order_refused")
    assert [(error["code"], error["pointer"]) for error in refused.json()["errors"]] == [
        ("account_inactive", "/account"),
        ("insufficient_funds", "/quantity"),
    ]
    assert cash(account) == (D(10000), D(0))


@pytest.mark.parametrize(
    ("fields", "status", "pointer"),
    [
        ({"quantity": "-1"}, 422, "/quantity"),
        ({"quantity": 10}, 400, "/quantity"),
        ({"quantity": "NaN"}, 400, "/quantity"),
        ({"limit_price": None}, 422, "/limit_price"),
        ({"limit_price": "50.001"}, 422, "/limit_price"),
        ({"type": "iceberg"}, 400, "/type"),
        ({"symbol": "NOSUCH"}, 400, "/symbol"),
        ({"colour": "red"}, 400, "/colour"),
        ({"order_class": "mleg"}, 422, "/order_class"),
        ({"client_order_id": 5}, 400, "/client_order_id"),
        ({"client_order_id": "mp:1:exit:1"}, 400, "/client_order_id"),
        ({"client_order_id": "signal:1:1"}, 400, "/client_order_id"),
        ({"extended_hours": "yes"}, 400, "/extended_hours"),
        ({"strategy": "two\nlines"}, 400, "/strategy"),
        ({"type": "market", "limit_price": "50"}, 422, "/limit_price"),
        ({"type": "stop", "time_in_force": "ioc", "limit_price": None, "stop_price": "120"}, 422, "/time_in_force"),
    ],
)
def test_what_is_no_sound_order_is_refused_and_not_stored(
    alice_api: APIClient, account: Account, acme: Instrument, fields: dict[str, Any], status: int, pointer: str
) -> None:
    refused = alice_api.post("/api/v1/orders/", asked(account, **fields), format="json")

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (status, pointer), refused.json()
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("word", "side", "intent"),
    [
        ("buy", "buy", None),
        ("SELL_TO_OPEN", "sell", "sell_to_open"),
        ("buy_to_close", "buy", "buy_to_close"),
    ],
)
def test_the_six_sides_become_a_side_and_an_intent(
    alice_api: APIClient, account: Account, acme: Instrument, word: str, side: str, intent: str | None
) -> None:
    account.allows_short = True
    account.save()
    answer = alice_api.post("/api/v1/orders/", asked(account, side=word, limit_price="100"), format="json").json()

    if "errors" in answer:
        assert [error["code"] for error in answer["errors"]] == ["insufficient_holdings"]
        answer = alice_api.get("/api/v1/orders/").json()["results"][0]
    assert (answer["side"], answer["position_intent"]) == (side, intent)


def test_a_market_order_is_filled_at_once_and_is_a_trade(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    order = alice_api.post(
        "/api/v1/orders/", asked(account, type="market", limit_price=None, quantity="10"), format="json"
    ).json()

    assert (order["status"], order["filled_average_price"], order["remaining_quantity"]) == ("filled", "100", "0")
    assert Trade.objects.get(account=account).entry_price == D(100)
    assert alice_api.get("/api/v1/positions/").json()["results"][0]["quantity"] == "10"


def test_many_are_placed_at_once_each_by_itself(alice_api: APIClient, account: Account, acme: Instrument) -> None:
    body = {
        "orders": [
            asked(account, client_order_id="b-1", quantity="100"),
            asked(account, client_order_id="b-2", quantity="150"),
            asked(account, client_order_id="b-3", limit_price="0.001"),
            asked(account, client_order_id="b-1", quantity="100"),
        ]
    }

    results = alice_api.post("/api/v1/orders/bulk/", body, format="json").json()["results"]

    assert [each["order"] and each["order"]["status"] for each in results] == ["new", "rejected", None, "new"]
    assert [each["is_new"] for each in results] == [True, True, False, False]
    assert [[error["code"] for error in each["errors"]] for each in results] == [
        [],
        ["insufficient_funds"],
        ["tick"],
        [],
    ]
    assert results[3]["order"]["id"] == results[0]["order"]["id"]
    assert cash(account) == (D(5000), D(5000))


def test_what_is_wrong_with_one_of_many_is_told_of_that_one(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    first = alice_api.post("/api/v1/orders/", asked(account, client_order_id="c-1"), format="json").json()
    plans: list[dict[str, Any]] = [{"plan": {"stop_loss": "2"}}, {}]
    body = {
        "orders": [
            asked(account, client_order_id="c-1", quantity="11"),
            asked(account, client_order_id="a\x07b"),
            *(asked(account, exit_plan=plan) for plan in plans),
            asked(account, order_class="mleg"),
            asked(account, client_order_id="c-2"),
        ]
    }

    answer = alice_api.post("/api/v1/orders/bulk/", body, format="json")

    assert answer.status_code == 200, answer.json()
    results = answer.json()["results"]
    assert [[(error["pointer"], error["code"]) for error in each["errors"]] for each in results] == [
        [("", "idempotency_conflict")],
        [("/client_order_id", "invalid_value")],
        [("/exit_plan/plan/stop_loss", "plan_invalid")],
        [("/exit_plan/strategy", "invalid_value")],
        [("/order_class", "several_legs")],
        [],
    ]
    assert set(Order.objects.values_list("client_order_id", flat=True)) == {"c-1", "c-2"}
    assert (first["reserved_amount"], cash(account)) == ("500", (D(9000), D(1000)))


def test_orders_beyond_those_that_are_taken_at_once_are_not_looked_at(
    alice_api: APIClient, account: Account, acme: Instrument, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20):
        answer = alice_api.post("/api/v1/orders/bulk/", {"orders": [{}] * 501}, format="json")

    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/orders", "max_length")]


@pytest.mark.parametrize("version", ["１", 1.0, "1.0", True, "x", "1" * 400])
def test_a_version_is_a_whole_number(alice_api: APIClient, account: Account, acme: Instrument, version: object) -> None:
    order = alice_api.post("/api/v1/orders/", asked(account), format="json").json()

    for act in ("cancel", "replace"):
        answer = alice_api.post(f"/api/v1/orders/{order['id']}/{act}/", {"version": version}, format="json")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/version")

    assert Order.objects.get().status == "new"


def test_an_order_is_replaced_by_one_that_continues_its_chain(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    first = alice_api.post("/api/v1/orders/", asked(account), format="json").json()

    second = alice_api.post(
        f"/api/v1/orders/{first['id']}/replace/", {"limit_price": "40", "version": 1}, format="json"
    )

    assert second.status_code == 201, second.json()
    assert (second.json()["replaces"], second.json()["chain"]) == (first["id"], first["chain"])
    assert cash(account) == (D(9600), D(400))
    again = alice_api.post(
        f"/api/v1/orders/{first['id']}/replace/",
        {"limit_price": "40", "version": 1, "client_order_id": second.json()["client_order_id"]},
        format="json",
    )
    assert (again.status_code, again.json()) == (200, second.json())
    stale = alice_api.post(f"/api/v1/orders/{first['id']}/cancel/", {"version": 1}, format="json")
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    ended = alice_api.post(f"/api/v1/orders/{first['id']}/cancel/", {}, format="json")
    assert (ended.status_code, ended.json()["code"]) == (422, "invalid_state")


def test_quotes_and_snapshots_say_what_the_market_is(alice_api: APIClient, acme: Instrument) -> None:
    quotes = alice_api.get("/api/v1/quotes/?symbol=acme&symbol=none").json()["results"]
    (snapshot,) = alice_api.get("/api/v1/snapshots/?symbol=ACME").json()["results"]

    assert [(each["symbol"], each["bid"], each["ask"]) for each in quotes] == [("ACME", "99.9", "100")]
    assert (snapshot["quote"], snapshot["daily_bar"]) == (quotes[0], None)
    assert (quotes[0]["conditions"], quotes[0]["tape"], snapshot["latest_trade"]) == (None, None, None)
    assert alice_api.get("/api/v1/quotes/").status_code == 400


def test_marks_and_tape_of_a_quote_and_the_latest_trade_are_taken_from_a_feed(
    alice_api: APIClient, acme: Instrument, tmp_path: Path
) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    quote = {"t": at.isoformat(), "bp": 101, "ap": 102, "bs": 3, "as": 4, "c": ["R", "O"], "z": "B"}
    trade = {"t": (at - timedelta(seconds=2)).isoformat(), "p": 101.5, "s": 25}
    path = tmp_path / "snapshots.json"
    path.write_text(json.dumps({"ACME": {"latestQuote": quote, "latestTrade": trade}}))
    call_command("load_quotes", "--json", str(path), stdout=io.StringIO())

    (snapshot,) = alice_api.get("/api/v1/snapshots/?symbol=ACME").json()["results"]
    assert (snapshot["quote"]["conditions"], snapshot["quote"]["tape"]) == (["R", "O"], "B")
    traded = (at - timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    assert snapshot["latest_trade"] == {"price": "101.5", "size": "25", "traded_at": traded}

    path.write_text(json.dumps({"ACME": {"latestQuote": {**quote, "bp": 99, "c": "R"}}}))
    with pytest.raises(CommandError):
        call_command("load_quotes", "--json", str(path), stdout=io.StringIO())
    assert alice_api.get("/api/v1/snapshots/?symbol=ACME").json()["results"] == [snapshot]


def test_flattening_takes_nothing_but_true_for_a_confirmation(
    alice_api: APIClient, account: Account, acme: Instrument
) -> None:
    alice_api.post("/api/v1/orders/", asked(account, limit_price="100"), format="json")

    answers = [
        (alice_api.post("/api/v1/breaker/flatten/", {"confirm": confirm}, format="json").status_code, _held(account))
        for confirm in ("yes", 1, None, False, True)
    ]

    assert answers == [(400, True), (400, True), (400, True), (400, True), (200, False)]


def _held(account: Account) -> bool:
    return Position.objects.filter(account=account).exists()

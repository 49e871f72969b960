"""Trades, fills, positions, tags and reference data over the API: exact values, strictness, one's own only."""

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import versions
from accounts.models import Account, AuditEvent, ClientStatus, TokenScope, User
from tests.conftest import api_of
from tests.factories import make_account, make_user
from trading import catalogue, trades
from trading.models import Execution, FxRate, Instrument, Position, Quote, Tag, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

TRADES = "/api/v1/trades/"
TAGS = "/api/v1/tags/"


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Margin", broker="IBKR")


@pytest.fixture
def stock(db: None) -> Instrument:
    return Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")


def buy(quantity: str = "100", price: str = "10", at: str = "2026-01-05T10:00:00Z", **more: str) -> dict[str, str]:
    return {"side": "buy", "quantity": quantity, "price": price, "executed_at": at, **more}


def sell(quantity: str = "100", price: str = "12", at: str = "2026-01-05T14:00:00Z", **more: str) -> dict[str, str]:
    return {"side": "sell", "quantity": quantity, "price": price, "executed_at": at, **more}


def body_of(account: Account, *fills: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "account": str(account.public_id),
        "symbol": "ACME",
        "fills": list(fills) or [buy(commission="1"), sell(commission="1.25")],
        **more,
    }


def made(account: Account, instrument: Instrument, *fills: tuple[str, str, str, datetime]) -> Trade:
    entered = [EnteredFill(side, D(quantity), D(price), at) for side, quantity, price, at in fills]
    return trades.enter(account, instrument=instrument, fills=entered)[-1]


def round_trip(account: Account, instrument: Instrument, at: datetime, price: str = "11") -> Trade:
    return made(account, instrument, ("buy", "1", "10", at), ("sell", "1", price, at + timedelta(minutes=1)))


def test_a_trade_of_two_fills_is_entered_and_read_with_exact_figures(
    alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    answer = alice_api.post(TRADES, body_of(account, initial_stop="9", initial_target="13", note="First\nplan"))

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert {name: body[name] for name in ("side", "status", "symbol", "quantity", "open_quantity")} == {
        "side": "long",
        "status": "closed",
        "symbol": "ACME",
        "quantity": "100",
        "open_quantity": "0",
    }
    # 100 bought at 10 and sold at 12, less 1 and 1.25.
    assert (body["gross_pnl"], body["fees"], body["net_pnl"], body["realized_pnl"]) == (
        "200",
        "2.25",
        "197.75",
        "197.75",
    )
    # The risk is 100 × (10 – 9) = 100; the plan was 3 for 1.
    assert (body["planned_r"], body["realized_r"]) == ("3", "1.9775")
    assert (body["opened_at"], body["closed_at"]) == ("2026-01-05T10:00:00Z", "2026-01-05T14:00:00Z")
    assert (body["closed_on"], body["outcome"], body["note"]) == ("2026-01-05", "win", "First\nplan")
    assert [(fill["role"], fill["quantity"], fill["net_pnl"]) for fill in body["fills"]] == [
        ("entry", "100", None),
        ("exit", "100", "197.75"),
    ]
    assert body.pop("made") == [body["id"]]
    assert alice_api.get(f"{TRADES}{body['id']}/").json() == body


def test_the_next_read_of_every_list_shows_what_was_written(
    alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    assert alice_api.get(TRADES).json() == {
        "results": [],
        "next": None,
        "has_more": False,
        "total": 0,
        "as_of": 1,
        "stale": False,
    }

    alice_api.post(TRADES, body_of(account, buy("3"), sell("1")))

    page = alice_api.get(TRADES).json()
    assert (page["total"], page["results"][0]["open_quantity"], page["results"][0]["net_pnl"]) == (1, "2", "2")
    assert page["as_of"] > 1
    (position,) = alice_api.get("/api/v1/positions/").json()["results"]
    assert (position["symbol"], position["quantity"], position["average_price"]) == ("ACME", "2", "10")
    fills = alice_api.get("/api/v1/executions/").json()
    assert fills["total"] == 2
    assert [(fill["side"], fill["quantity"]) for fill in fills["results"]] == [("sell", "1"), ("buy", "3")]


def test_fills_that_turn_a_position_round_make_two_trades(
    alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    body = alice_api.post(TRADES, body_of(account, buy("10"), sell("30", "11", commission="3"))).json()

    assert len(body["made"]) == 2
    assert (body["id"], body["side"], body["status"], body["fees"]) == (body["made"][1], "short", "open", "2")
    first = alice_api.get(f"{TRADES}{body['made'][0]}/").json()
    assert (first["side"], first["net_pnl"]) == ("long", "9")
    undo = alice_api.delete(f"{TRADES}{first['id']}/").json()["undo"]
    (left,) = alice_api.get(TRADES).json()["results"]
    assert (left["id"], left["side"], left["open_quantity"], left["fees"]) == (body["id"], "short", "20", "2")
    back = alice_api.post(f"{TRADES}restore/", undo).json()["results"]
    assert {each["id"] for each in back} == set(body["made"])


def test_fills_may_come_in_any_order(alice_api: APIClient, account: Account, stock: Instrument) -> None:
    body = alice_api.post(TRADES, body_of(account, sell(), buy())).json()

    assert (body["side"], body["net_pnl"]) == ("long", "200")


def test_a_futures_contract_is_made_from_its_root(alice_api: APIClient, account: Account) -> None:
    catalogue.load()

    body = alice_api.post(TRADES, body_of(account, buy("1", "5000"), sell("1", "5001.25"), symbol="ESH26")).json()

    # 1.25 points of 50 dollars.
    assert (body["symbol"], body["currency"], body["net_pnl"]) == ("ESH26", "USD", "62.5")
    unknown = alice_api.post(TRADES, body_of(account, symbol="QQQQH26", kind="future"))
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_contract_root")
    assert unknown.json()["errors"][0]["pointer"] == "/symbol"
    assert Trade.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"owner": 1}, "/owner", "unknown_field"),
        ({"net_pnl": "5"}, "/net_pnl", "unknown_field"),
        ({"account": str(uuid.uuid4())}, "/account", "does_not_exist"),
        ({"account": "5"}, "/account", "invalid"),
        ({"account": "URN:UUID:" + "0" * 32}, "/account", "invalid"),
        ({"symbol": 5}, "/symbol", "invalid"),
        ({"symbol": "ΑCME"}, "/symbol", "bad_symbol"),
        ({"symbol": "x" * 41}, "/symbol", "max_length"),
        ({"kind": "Stock"}, "/kind", "invalid_choice"),
        ({"currency": "usd"}, "/currency", "invalid"),
        ({"fills": []}, "/fills", "min_length"),
        ({"fills": "x"}, "/fills", "not_a_list"),
        ({"fills": [buy()] * 201}, "/fills", "max_length"),
        ({"initial_stop": 9}, "/initial_stop", "not_a_string"),
        ({"initial_stop": "NaN"}, "/initial_stop", "not_plain_decimal"),
        ({"note": "x" * 20_001}, "/note", "max_length"),
        ({"tags": [str(uuid.uuid4())]}, "/tags/0", "does_not_exist"),
        ({"tags": "x"}, "/tags", "not_a_list"),
    ],
)
def test_a_trade_that_is_not_exact_is_refused_and_changes_nothing(
    alice_api: APIClient, account: Account, stock: Instrument, change: dict[str, Any], pointer: str, code: str
) -> None:
    answer = alice_api.post(TRADES, {**body_of(account), **change})

    assert answer.status_code == 400, answer.content
    assert next((error["pointer"], error["code"]) for error in answer.json()["errors"]) == (pointer, code)
    assert not Execution.objects.exists()
    assert versions.current(account.owner_id) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": 1}, "not_a_string"),
        ({"quantity": 0.1}, "not_a_string"),
        ({"quantity": True}, "not_a_string"),
        ({"quantity": "0"}, "min_value"),
        ({"quantity": "-1"}, "min_value"),
        ({"quantity": "1e3"}, "not_plain_decimal"),
        ({"quantity": "1_000"}, "not_plain_decimal"),
        ({"quantity": "١"}, "not_plain_decimal"),
        ({"price": "NaN"}, "not_plain_decimal"),
        ({"price": "Infinity"}, "not_plain_decimal"),
        ({"price": "1.1234567890123"}, "not_plain_decimal"),
        ({"price": "10000000000000000"}, "max_whole_digits"),
        ({"commission": "1000000000000"}, "max_whole_digits"),
        ({"fees": "0.123456789"}, "max_decimal_places"),
        ({"side": "Buy"}, "invalid_choice"),
        ({"executed_at": "2026-01-05"}, "invalid"),
        ({"executed_at": "2026-01-05T10:00:00"}, "invalid"),
        ({"executed_at": "2026-W01-1T10:00:00Z"}, "invalid"),
        ({"executed_at": "2026-02-30T10:00:00Z"}, "invalid"),
        ({"executed_at": "0001-01-01T00:00:00+14:00"}, "invalid"),
        ({"executed_at": "1969-12-31T10:00:00Z"}, "too_early"),
        ({"executed_at": "9999-12-31T23:00:00-14:00"}, "invalid"),
        ({"executed_at": "2199-01-01T00:00:00Z"}, "future"),
        ({"executed_at": "2200-01-01T00:00:00Z"}, "out_of_range"),
        ({"pnl": "1"}, "unknown_field"),
    ],
)
def test_a_fill_that_is_not_exact_is_refused(
    alice_api: APIClient, account: Account, stock: Instrument, change: dict[str, Any], code: str
) -> None:
    answer = alice_api.post(TRADES, json.dumps(body_of(account, {**buy(), **change})), content_type="application/json")

    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/fills/0/{next(iter(change))}", code)
    assert not Execution.objects.exists()


def test_a_result_too_large_to_store_is_refused_whole(
    alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    large = "9999999999999999"

    answer = alice_api.post(TRADES, body_of(account, buy(large, "1"), sell(large, large)))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_value")
    assert not Execution.objects.exists()


def test_a_trade_is_entered_once_per_idempotency_key(alice_api: APIClient, account: Account, stock: Instrument) -> None:
    first = alice_api.post(TRADES, body_of(account), HTTP_IDEMPOTENCY_KEY="k1")
    again = alice_api.post(TRADES, body_of(account), HTTP_IDEMPOTENCY_KEY="k1")
    other = alice_api.post(TRADES, body_of(account, note="else"), HTTP_IDEMPOTENCY_KEY="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert Execution.objects.count() == 2


def test_words_change_no_figure_and_are_there_at_the_next_read(
    alice: User, alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    tag = Tag.objects.create(owner=alice, name="Breakout")
    body = alice_api.post(TRADES, body_of(account)).json()
    path = f"{TRADES}{body['id']}/"

    changed = alice_api.patch(path, {"note": "Late", "tags": [str(tag.public_id)], "reviewed": True}).json()

    assert [each["name"] for each in changed["tags"]] == ["Breakout"]
    assert changed["reviewed_at"] is not None
    assert {name for name in body if body[name] != changed[name]} == {"note", "tags", "reviewed_at", "as_of"}
    assert alice_api.get(f"{TRADES}?tag=Breakout").json()["results"][0]["note"] == "Late"
    assert alice_api.patch(path, {"reviewed": False, "tags": []}).json()["reviewed_at"] is None
    assert alice_api.get(f"{TRADES}?tag=Breakout").json()["total"] == 0


def test_a_patch_without_changes_leaves_no_trace(
    alice: User, alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    body = alice_api.post(TRADES, body_of(account, initial_stop="9")).json()
    path = f"{TRADES}{body['id']}/"
    version, events = versions.current(alice.pk), AuditEvent.objects.count()

    same = [buy(commission="1"), sell(commission="1.25")]
    for change in ({}, {"note": ""}, {"initial_stop": "9.0"}, {"tags": []}, {"reviewed": False}, {"fills": same}):
        assert alice_api.patch(path, change).status_code == 200

    assert versions.current(alice.pk) == version
    assert AuditEvent.objects.count() == events


def test_a_stop_is_changed_alone_and_taken_away(alice_api: APIClient, account: Account, stock: Instrument) -> None:
    path = f"{TRADES}{alice_api.post(TRADES, body_of(account, initial_target='13')).json()['id']}/"

    changed = alice_api.patch(path, {"initial_stop": "8"}).json()
    assert (changed["initial_target"], changed["planned_r"]) == ("13", "1.5")
    assert alice_api.patch(path, {"initial_stop": None}).json()["planned_r"] is None


def test_corrected_fills_replace_the_trades_own(alice_api: APIClient, account: Account, stock: Instrument) -> None:
    body = alice_api.post(TRADES, body_of(account, note="kept")).json()

    changed = alice_api.patch(f"{TRADES}{body['id']}/", {"fills": [buy(), sell(price="13")]}).json()

    assert (changed["net_pnl"], changed["note"], changed["made"]) == ("300", "kept", [changed["id"]])
    page = alice_api.get(TRADES).json()
    assert (page["total"], page["results"][0]["net_pnl"]) == (1, "300")
    assert alice_api.get("/api/v1/executions/").json()["total"] == 2
    assert Execution.objects.filter(voided_at__isnull=False).count() == 2


def test_a_deleted_trade_is_gone_and_brought_back(
    alice_api: APIClient, bob_api: APIClient, account: Account, stock: Instrument
) -> None:
    body = alice_api.post(TRADES, body_of(account)).json()
    path = f"{TRADES}{body['id']}/"

    undo = alice_api.delete(path).json()["undo"]

    assert alice_api.get(TRADES).json()["total"] == 0
    assert alice_api.get("/api/v1/executions/").json()["total"] == 0
    assert (alice_api.get(path).status_code, alice_api.delete(path).status_code) == (404, 404)
    foreign = bob_api.post(f"{TRADES}restore/", undo)
    absent = bob_api.post(f"{TRADES}restore/", {"fills": [str(uuid.uuid4())]})
    assert (foreign.status_code, foreign.json()["errors"]) == (400, absent.json()["errors"])
    assert not Trade.objects.exists()

    back = alice_api.post(f"{TRADES}restore/", undo)

    assert (back.status_code, back.json()["results"][0]["net_pnl"]) == (200, "197.75")
    assert alice_api.get(TRADES).json()["total"] == 1
    version = versions.current(account.owner_id)
    assert alice_api.post(f"{TRADES}restore/", undo).json()["results"] == back.json()["results"]
    assert versions.current(account.owner_id) == version


def test_what_is_foreign_is_answered_as_what_is_absent(
    alice_api: APIClient, bob: User, bob_api: APIClient, account: Account, stock: Instrument
) -> None:
    trade = alice_api.post(TRADES, body_of(account)).json()["id"]
    tag = alice_api.post(TAGS, {"name": "Mine"}).json()["id"]
    own = bob_api.post(TRADES, body_of(make_account(bob, "Bob's"))).json()["id"]

    for base, thing in ((TRADES, trade), (TAGS, tag)):
        for path in (f"{base}{thing}/", f"{base}{uuid.uuid4()}/"):
            assert {bob_api.patch(path, {}).status_code, bob_api.delete(path).status_code} == {404}
    assert bob_api.get(f"{TRADES}{trade}/").status_code == 404
    for change in ({"tags": [tag]}, {"tags": [str(uuid.uuid4())]}):
        refused = bob_api.patch(f"{TRADES}{own}/", change)
        assert refused.json()["errors"] == [
            {"pointer": "/tags/0", "code": "does_not_exist", "detail": "There is nothing of yours with this id."}
        ]
    assert bob_api.post(TRADES, body_of(account)).json()["code"] == "does_not_exist"
    for path in (TRADES, "/api/v1/executions/", "/api/v1/positions/"):
        assert bob_api.get(f"{path}?account={account.public_id}").json()["results"] == []
    assert [each["id"] for each in bob_api.get(TRADES).json()["results"]] == [own]
    assert alice_api.get(TRADES).json()["total"] == 1


def test_filters_narrow_rows_and_total_alike(alice: User, alice_api: APIClient, stock: Instrument) -> None:
    other = Instrument.objects.create(symbol="OTHR", kind="stock", currency="EUR")
    first, second = make_account(alice, "One", broker="IBKR"), make_account(alice, "Two")
    round_trip(first, stock, datetime(2026, 1, 5, 10, tzinfo=UTC))
    round_trip(first, other, datetime(2026, 1, 6, 10, tzinfo=UTC))
    round_trip(second, stock, datetime(2026, 1, 7, 10, tzinfo=UTC), "9")
    made(second, other, ("sell", "1", "5", datetime(2026, 1, 8, 10, tzinfo=UTC)))

    def found(query: str) -> list[str]:
        page = alice_api.get(f"{TRADES}?{query}").json()
        assert page["total"] == len(page["results"])
        return [each["symbol"] + each["opened_on"][-1] for each in page["results"]]

    assert found("") == ["OTHR8", "ACME7", "OTHR6", "ACME5"]
    assert found("order=activity_at") == ["ACME5", "OTHR6", "ACME7", "OTHR8"]
    assert found(f"account={first.public_id}") == ["OTHR6", "ACME5"]
    assert len(found(f"account={first.public_id}&account={second.public_id}")) == 4
    assert found("broker=IBKR&symbol=acme") == ["ACME5"]
    assert found("broker=Unknown") == ["OTHR8", "ACME7"]
    assert found("from=2026-01-06&to=2026-01-07") == ["ACME7", "OTHR6"]
    assert found("side=short") == found("status=open") == ["OTHR8"]
    assert found("currency=EUR&status=closed") == ["OTHR6"]


def test_the_days_asked_for_show_the_part_realized_on_them(
    alice_api: APIClient, account: Account, stock: Instrument
) -> None:
    made(
        account,
        stock,
        ("buy", "3", "10", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("sell", "1", "11", datetime(2026, 1, 6, 10, tzinfo=UTC)),
        ("sell", "2", "14", datetime(2026, 1, 8, 10, tzinfo=UTC)),
    )

    def realized(query: str) -> list[tuple[str, str]]:
        return [(row["net_pnl"], row["realized_pnl"]) for row in alice_api.get(f"{TRADES}?{query}").json()["results"]]

    assert realized("") == [("9", "9")]
    assert realized("from=2026-01-06&to=2026-01-06") == [("9", "1")]
    assert realized("from=2026-01-07") == [("9", "8")]
    assert realized("from=2026-01-01&to=2026-01-31") == [("9", "9")]
    assert realized("from=2026-01-07&to=2026-01-07") == []


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        (TRADES, "acount=5", "unknown_parameter"),
        (TRADES, "owner__password__startswith=p", "unknown_parameter"),
        (TRADES, "_connector=OR", "unknown_parameter"),
        (TRADES, "side=long&side=short", "duplicate_parameter"),
        (TRADES, "account=1", "invalid_value"),
        (TRADES, "from=2026-02-30", "invalid_value"),
        (TRADES, "from=2026-01-02&to=2026-01-01", "invalid_value"),
        (TRADES, "from=٢٠٢٦-01-01", "invalid_value"),
        (TRADES, "order=net_pnl", "not_orderable"),
        (TRADES, "order=account__owner__password", "not_orderable"),
        (TRADES, "cursor=nonsense", "invalid_cursor"),
        (TRADES, "limit=0", "invalid_value"),
        (TRADES, "symbol=%00", "invalid_value"),
        ("/api/v1/executions/", "side=buy", "unknown_parameter"),
        ("/api/v1/executions/", "account=1", "invalid_id"),
        ("/api/v1/executions/", "from=2026-1-1", "invalid_value"),
        ("/api/v1/executions/", "from=2026-01-02&to=2026-01-01", "invalid_value"),
        ("/api/v1/executions/", "order=id", "not_orderable"),
        ("/api/v1/positions/", "order=id", "unknown_parameter"),
        ("/api/v1/instruments/", "kind=Stock", "invalid_choice"),
        ("/api/v1/instruments/", "search=" + "x" * 101, "invalid_value"),
        ("/api/v1/fx-rates/", "base=usd", "invalid_value"),
        ("/api/v1/fx-rates/", "quote=$$", "invalid_value"),
        (TAGS, "name=x", "unknown_parameter"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(alice_api: APIClient, path: str, query: str, code: str) -> None:
    answer = alice_api.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["code"] == code


def test_a_list_is_walked_once_in_both_orders_though_times_are_equal(
    alice: User, alice_api: APIClient, bob_api: APIClient, account: Account, stock: Instrument
) -> None:
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    for number in range(5):
        instrument = Instrument.objects.create(symbol=f"S{number}", kind="stock", currency="USD")
        round_trip(account, instrument, at)

    for order, expected in (("activity_at", "01234"), ("-activity_at", "43210")):
        symbols, cursor = "", ""
        for _ in range(3):
            page = alice_api.get(f"{TRADES}?limit=2&order={order}{cursor}").json()
            symbols += "".join(each["symbol"][1] for each in page["results"])
            cursor = f"&cursor={page['next']}"
        assert (symbols, page["next"], page["total"]) == (expected, None, 5)
    foreign = alice_api.get(f"{TRADES}?limit=2").json()["next"]
    for query in (f"cursor={foreign}&side=long", f"cursor={foreign}&order=activity_at"):
        assert alice_api.get(f"{TRADES}?{query}").json()["code"] == "invalid_cursor"
    assert bob_api.get(f"{TRADES}?cursor={foreign}").json()["code"] == "invalid_cursor"


def test_a_page_costs_the_same_whatever_is_on_it_and_counts_once_per_version(
    alice: User, alice_api: APIClient, account: Account, stock: Instrument, django_assert_num_queries: Any
) -> None:
    for day in range(1, 9):
        round_trip(account, stock, datetime(2026, 1, day, 10, tzinfo=UTC))

    # Token, its client file, the version twice, the page, its tags; the first time the total as well.
    alice_api.get(f"{TRADES}?limit=2")
    with django_assert_num_queries(5):
        page = alice_api.get(f"{TRADES}?limit=2").json()
    with django_assert_num_queries(5):
        alice_api.get(f"{TRADES}?limit=2&cursor={page['next']}")
    with django_assert_num_queries(5):
        alice_api.get(f"{TRADES}?limit=8")


def test_an_etag_holds_until_something_is_written(alice_api: APIClient, account: Account, stock: Instrument) -> None:
    trade = alice_api.post(TRADES, body_of(account)).json()["id"]
    paths = (TRADES, f"{TRADES}{trade}/", "/api/v1/executions/", TAGS)
    for number, path in enumerate(paths):
        tag = alice_api.get(path).headers["ETag"]
        assert alice_api.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
        alice_api.post(TAGS, {"name": f"Tag {number}"})
        assert alice_api.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_a_position_says_what_it_would_make_by_a_fresh_quote_in_as_many_queries_however_many_there_are(
    alice_api: APIClient, account: Account, django_assert_num_queries: Any
) -> None:
    def held(symbol: str, side: str, quantity: str) -> Instrument:
        share = Instrument.objects.create(symbol=symbol, kind="stock", currency="USD")
        made(account, share, (side, quantity, "10", datetime(2026, 1, 5, 10, tzinfo=UTC)))
        return share

    def read(queries: int) -> list[dict[str, Any]]:
        with django_assert_num_queries(queries):
            page = alice_api.get("/api/v1/positions/")
        assert "ETag" not in page.headers
        return [
            {name: row[name] for name in ("symbol", "mark", "mark_source", "unrealized_pnl", "unrealized_ratio")}
            for row in page.json()["results"]
        ]

    now, names = datetime.now(UTC), ("mark", "marked_at", "mark_source", "unrealized_pnl", "unrealized_ratio")
    long = held("LONG", "buy", "4")
    (bare,) = alice_api.get("/api/v1/positions/").json()["results"]
    assert (bare["cost_basis"], [bare[name] for name in names]) == ("40", [None] * 5)
    # 4 bought at 10 and bid at 12.5: 4 x 2.5 = 10, a quarter of the 40 that they cost.
    Quote.objects.create(instrument=long, bid=D("12.5"), ask=D(13), quoted_at=now, source="feed")
    (shown,) = alice_api.get("/api/v1/positions/").json()["results"]
    assert [shown[name] for name in names] == ["12.5", now.isoformat().replace("+00:00", "Z"), "feed", "10", "0.25"]
    # 2 sold short at 10 and offered at 13: 2 x -3 = -6, 0.3 of 20. A quote of an hour ago marks nothing.
    short, old = held("SHORT", "sell", "2"), held("OLD", "buy", "1")
    Quote.objects.create(instrument=short, bid=D("12.5"), ask=D(13), quoted_at=now, source="feed")
    Quote.objects.create(instrument=old, last=D(9), quoted_at=now - timedelta(hours=1))
    alice_api.get("/api/v1/positions/")
    # The person, the version, the page.
    nothing = {"mark": None, "mark_source": None, "unrealized_pnl": None, "unrealized_ratio": None}
    fed = {"mark_source": "feed"}
    assert read(3) == [
        {"symbol": "OLD", **nothing},
        {"symbol": "SHORT", "mark": "13", "unrealized_pnl": "-6", "unrealized_ratio": "-0.3", **fed},
        {"symbol": "LONG", "mark": "12.5", "unrealized_pnl": "10", "unrealized_ratio": "0.25", **fed},
    ]


def test_tags_are_made_renamed_and_taken_off_every_trade(
    alice_api: APIClient, bob_api: APIClient, account: Account, stock: Instrument
) -> None:
    tag = alice_api.post(TAGS, {"name": "Breakout", "color": "#112233"})
    assert tag.status_code == 201
    path = f"{TAGS}{tag.json()['id']}/"
    alice_api.post(TRADES, body_of(account, tags=[tag.json()["id"], tag.json()["id"]]))

    again = alice_api.post(TAGS, {"name": "Breakout"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert bob_api.post(TAGS, {"name": "Breakout"}).status_code == 201
    assert alice_api.patch(path, {"name": "Retest"}).json() == {**tag.json(), "name": "Retest"}
    assert alice_api.get(TRADES).json()["results"][0]["tags"] == [{**tag.json(), "name": "Retest"}]
    alice_api.post(TAGS, {"name": "Alpha"})
    assert [each["name"] for each in alice_api.get(TAGS).json()["results"]] == ["Alpha", "Retest"]
    assert alice_api.patch(path, {"name": "Alpha"}).status_code == 409
    assert alice_api.patch(path, {"color": "red"}).status_code == 400
    assert alice_api.delete(path).status_code == 204
    assert alice_api.get(TRADES).json()["results"][0]["tags"] == []
    assert Trade.objects.count() == 1


def test_fills_are_filtered_by_account_day_and_symbol(alice: User, alice_api: APIClient, stock: Instrument) -> None:
    other = Instrument.objects.create(symbol="OTHR", kind="stock", currency="USD")
    first, second = make_account(alice, "One"), make_account(alice, "Two")
    round_trip(first, stock, datetime(2026, 1, 5, 10, tzinfo=UTC))
    round_trip(second, other, datetime(2026, 1, 6, 10, tzinfo=UTC))

    def found(query: str) -> tuple[int, set[str]]:
        page = alice_api.get(f"/api/v1/executions/?{query}").json()
        return page["total"], {each["symbol"] for each in page["results"]}

    assert found(f"account={first.public_id}") == (2, {"ACME"})
    assert found("from=2026-01-06") == (2, {"OTHR"})
    assert found("to=2026-01-05&symbol=OTHR") == (0, set())
    assert found("from=0001-01-01&to=9999-12-31") == (4, {"ACME", "OTHR"})
    assert found("from=2026-01-05&to=2026-01-05") == (2, {"ACME"})
    assert found(f"account={uuid.uuid4()}") == (0, set())


def test_instruments_show_the_catalogue_and_ones_own_but_nothing_of_others(
    alice: User, alice_api: APIClient, bob_api: APIClient, account: Account
) -> None:
    catalogue.load()
    secret = Instrument.objects.create(symbol="SECRETCO", kind="stock", currency="USD", name="Secret")
    path = "/api/v1/instruments/"
    round_trip(account, secret, datetime(2026, 1, 5, 10, tzinfo=UTC))

    assert alice_api.get(f"{path}?search=secret").json()["results"][0]["symbol"] == "SECRETCO"
    assert bob_api.get(f"{path}?search=secret").json() == {"results": [], "next": None, "has_more": False, "total": 0}
    found = bob_api.get(f"{path}?search=AAPL&kind=stock").json()["results"]
    assert [(each["symbol"], each["currency"]) for each in found] == [("AAPL", "USD")]
    assert bob_api.get(f"{path}?search=%25").json()["results"] == []
    assert "ETag" not in bob_api.get(path).headers


def test_rates_are_found_by_pair_and_day(alice_api: APIClient) -> None:
    for day in (1, 2, 5):
        FxRate.objects.create(date=date(2026, 1, day), base="EUR", quote="USD", rate=D("1.05") + day)
    FxRate.objects.create(date=date(2026, 1, 2), base="EUR", quote="JPY", rate=D(160))
    path = "/api/v1/fx-rates/"

    page = alice_api.get(f"{path}?base=EUR&quote=USD&limit=2").json()
    assert [(each["date"], each["rate"]) for each in page["results"]] == [
        ("2026-01-05", "6.05"),
        ("2026-01-02", "3.05"),
    ]
    page = alice_api.get(f"{path}?base=EUR&quote=USD&limit=2&cursor={page['next']}").json()
    assert [each["date"] for each in page["results"]] == ["2026-01-01"]
    assert alice_api.get(f"{path}?from=2026-01-02&to=2026-01-02").json()["total"] == 2


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.REJECTED])
def test_suspended_and_rejected_people_read_and_do_not_write(status: str, stock: Instrument) -> None:
    carol = make_user("carol@example.com", status=status)
    account = make_account(carol, "Margin")
    trade = round_trip(account, stock, datetime(2026, 1, 5, 10, tzinfo=UTC))
    tag = Tag.objects.create(owner=carol, name="Mine")
    api, path = api_of(carol), f"{TRADES}{trade.public_id}/"

    assert api.get(TRADES).json()["total"] == 1
    refused = [
        api.post(TRADES, body_of(account)),
        api.patch(path, {"note": "x"}),
        api.delete(path),
        api.post(f"{TRADES}restore/", {"fills": [str(uuid.uuid4())]}),
        api.post(TAGS, {"name": "New"}),
        api.patch(f"{TAGS}{tag.public_id}/", {"name": "New"}),
        api.delete(f"{TAGS}{tag.public_id}/"),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert (Execution.objects.count(), Tag.objects.get().name, Trade.objects.get().note) == (2, "Mine", "")


def test_a_token_that_only_reads_does_not_write(alice: User, account: Account, stock: Instrument) -> None:
    answer = api_of(alice, TokenScope.READ).post(TRADES, body_of(account))

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert not Position.objects.exists()

"""The API of aggregates and of accounts with their stats."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, User
from tests.journal.factories import make_account, make_trade
from trading.models import Tag

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)
METRICS, CURVE = "/api/v1/aggregate/metrics/", "/api/v1/aggregate/equity-curve/"
PATHS = [
    METRICS,
    CURVE,
    "/api/v1/aggregate/comparison/",
    "/api/v1/aggregate/calendar/",
    "/api/v1/aggregate/breakdown/?by=symbol",
]


@pytest.fixture
def fleet(alice: User) -> list[Account]:
    first = make_account(alice, "First", broker="Alpha")
    second = make_account(alice, "Second", broker="Beta")
    make_trade(first, day=MONDAY, pnl="100.5", fees="0.25")
    make_trade(second, day=TUESDAY, pnl="-30", symbol="MSFT", tags=[Tag.objects.create(owner=alice, name="late")])
    return [first, second]


def get(client: APIClient, path: str, **params: Any) -> dict[str, Any]:
    response = client.get(path, params)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_metrics_have_every_field_of_the_document(alice_api: APIClient, fleet: list[Account]) -> None:
    body = get(alice_api, METRICS)

    assert body["total_accounts"] == 2
    assert body["accounts_by_broker"] == {"Alpha": 1, "Beta": 1}
    assert (body["total_trades"], body["winning_trades"], body["losing_trades"]) == (2, 1, 1)
    assert body["win_rate"] == "0.5"
    assert body["total_pnl"] == "70.25"
    assert body["total_gross_profit"] == "100.25"
    assert body["total_gross_loss"] == "30"
    assert body["profit_factor"] == "3.341666666667"
    assert body["average_win"] == "100.25"
    assert body["average_loss"] == "30"
    assert body["average_rr"] is None
    assert body["currency"] == "USD"
    assert body["best_account"]["name"] == "First"
    assert body["worst_account"]["pnl"] == "-30"
    assert body["accounts"][0] == {
        "id": str(fleet[0].public_id),
        "name": "First",
        "broker": "Alpha",
        "currency": "USD",
        "trade_count": 1,
        "pnl": "100.25",
        "converted_pnl": "100.25",
        "win_rate": "1",
    }
    assert body["stale"] is False
    assert isinstance(body["as_of"], int)


def test_on_demand_the_period_before_comes_along(alice_api: APIClient, fleet: list[Account]) -> None:
    """Tuesday against Monday; all time has nothing before it."""
    body = get(alice_api, METRICS, **{"from": "2025-03-04", "to": "2025-03-04", "previous": "true"})

    assert body["total_pnl"] == "-30"
    assert (body["previous"]["first_day"], body["previous"]["last_day"]) == ("2025-03-03", "2025-03-03")
    assert body["previous"]["metrics"]["total_pnl"] == "100.25"
    assert get(alice_api, METRICS, previous="true")["previous"] is None
    assert "previous" not in get(alice_api, METRICS)
    assert alice_api.get(METRICS, {"previous": "1"}).status_code == 400


def test_curves_are_combined_and_on_demand_by_account(alice_api: APIClient, fleet: list[Account]) -> None:
    assert get(alice_api, CURVE)["by_account"] is None

    body = get(alice_api, CURVE, by_account="true")

    assert body["combined"] == [
        {"date": "2025-03-03", "pnl": "100.25", "cumulative_pnl": "100.25", "drawdown": "0"},
        {"date": "2025-03-04", "pnl": "-30", "cumulative_pnl": "70.25", "drawdown": "30"},
    ]
    assert [each["name"] for each in body["by_account"]] == ["First", "Second"]
    assert body["by_account"][1]["points"] == [
        {"date": "2025-03-04", "pnl": "-30", "cumulative_pnl": "-30", "drawdown": "30"}
    ]


def test_calendar_comparison_and_breakdowns_have_the_same_sums(alice_api: APIClient, fleet: list[Account]) -> None:
    calendar = get(alice_api, "/api/v1/aggregate/calendar/", month="2025-03")
    comparison = get(alice_api, "/api/v1/aggregate/comparison/", account=[str(a.public_id) for a in fleet])
    sums = {
        by: sum(Decimal(row["total_pnl"]) for row in get(alice_api, "/api/v1/aggregate/breakdown/", by=by)["rows"])
        for by in ("symbol", "side", "weekday", "hour", "holding", "broker", "account", "tag")
    }

    assert calendar["total_pnl"] == "70.25"
    assert [(day["date"], day["pnl"], day["trade_count"]) for day in calendar["days"]] == [
        ("2025-03-03", "100.25", 1),
        ("2025-03-04", "-30", 1),
    ]
    assert [(each["name"], each["total_pnl"]) for each in comparison["accounts"]] == [
        ("First", "100.25"),
        ("Second", "-30"),
    ]
    assert set(sums.values()) == {Decimal("70.25")}


def test_breakdown_rows_are_named(alice_api: APIClient, fleet: list[Account]) -> None:
    def labels(by: str) -> list[tuple[str, str]]:
        body = get(alice_api, "/api/v1/aggregate/breakdown/", by=by)
        return [(row["label"], row["total_pnl"]) for row in body["rows"]]

    assert labels("symbol") == [("AAPL", "100.25"), ("MSFT", "-30")]
    assert labels("weekday") == [("Monday", "100.25"), ("Tuesday", "-30")]
    assert labels("hour") == [("14:00", "70.25")]
    assert labels("holding") == [("30 minutes to 2 hours", "70.25")]
    assert labels("tag") == [("late", "-30"), ("untagged", "100.25")]
    assert labels("broker") == [("Alpha", "100.25"), ("Beta", "-30")]
    assert sorted(labels("account")) == [("First", "100.25"), ("Second", "-30")]


def test_filters_reach_the_figures(alice_api: APIClient, fleet: list[Account]) -> None:
    def total(**params: Any) -> str:
        return str(get(alice_api, METRICS, **params)["total_pnl"])

    assert total(account=str(fleet[1].public_id)) == "-30"
    assert total(broker="Alpha") == "100.25"
    assert total(**{"from": "2025-03-04"}) == "-30"
    assert total(to="2025-03-03") == "100.25"
    assert total(symbol="msft") == "-30"
    assert total(tag="late") == "-30"
    assert total(side="short") == "0"
    assert total(fresh="true") == "70.25"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("acount=1", "unknown_parameter"),
        ("broker=A&broker=B", "duplicate_parameter"),
        ("account=1", "invalid_value"),
        ("account=' OR 1=1", "invalid_value"),
        ("from=2025-13-01", "invalid_value"),
        ("from=20250301", "invalid_value"),
        ("from=2025-03-02&to=2025-03-01", "invalid_value"),
        ("side=up", "invalid_choice"),
        ("currency=$", "invalid_value"),
        ("symbol=A%00B", "invalid_value"),
        ("fresh=maybe", "invalid_choice"),
    ],
)
def test_what_cannot_be_meant_is_refused(alice_api: APIClient, query: str, code: str) -> None:
    response = alice_api.get(f"{METRICS}?{query}")

    assert response.status_code == 400
    assert response["Content-Type"].startswith("application/problem+json")
    assert response.json()["code"] == code


@pytest.mark.parametrize("query", ["", "by=owner", "by=symbol&by=side", "by=account__owner__password"])
def test_only_known_properties_can_be_broken_down_by(alice_api: APIClient, query: str) -> None:
    assert alice_api.get(f"/api/v1/aggregate/breakdown/?{query}").status_code == 400


@pytest.mark.parametrize("query", ["month=2025-13", "month=2025", "month=2025-03&from=2025-03-01", "month=0000-01"])
def test_a_month_is_a_month(alice_api: APIClient, query: str) -> None:
    assert alice_api.get(f"/api/v1/aggregate/calendar/?{query}").status_code == 400


def test_a_foreign_account_is_as_absent_as_none(alice_api: APIClient, bob_api: APIClient, fleet: list[Account]) -> None:
    theirs = get(bob_api, METRICS, account=str(fleet[0].public_id))
    nobodys = get(bob_api, METRICS, account="00000000-0000-7000-8000-000000000000")

    assert theirs == nobodys
    assert theirs["total_accounts"] == 0
    assert theirs["total_pnl"] == "0"
    stats = f"/api/v1/accounts/{fleet[0].public_id}/stats/"
    assert bob_api.get(stats).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reads_without_signing_in(db: None, path: str) -> None:
    assert APIClient().get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_the_client_has_is_not_sent_again(alice_api: APIClient, fleet: list[Account], path: str) -> None:
    etag = alice_api.get(path)["ETag"]
    assert alice_api.get(path, headers={"If-None-Match": etag}).status_code == 304

    make_trade(fleet[0], day=MONDAY, pnl="1", symbol="NVDA")

    assert alice_api.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_stats_of_an_account(alice_api: APIClient, fleet: list[Account]) -> None:
    body = get(alice_api, f"/api/v1/accounts/{fleet[0].public_id}/stats/")

    assert (body["trade_count"], body["total_pnl"], body["currency"], body["last_trade_date"]) == (
        1,
        "100.25",
        "USD",
        "2025-03-03",
    )


def test_accounts_are_listed_with_their_stats(alice_api: APIClient, fleet: list[Account]) -> None:
    body = get(alice_api, "/api/v1/accounts/", stats="true", order="name", limit="1")

    assert (body["total"], body["has_more"], body["stale"]) == (2, True, False)
    (row,) = body["results"]
    assert (row["name"], row["trade_count"], row["total_pnl"]) == ("First", 1, "100.25")
    (row,) = get(alice_api, "/api/v1/accounts/", stats="true", order="name", limit="1", cursor=body["next"])["results"]
    assert (row["name"], row["total_pnl"], row["last_trade_date"]) == ("Second", "-30", "2025-03-04")
    assert "trade_count" not in get(alice_api, "/api/v1/accounts/")["results"][0]


def test_an_account_of_two_currencies_has_stats_in_its_own_where_rates_allow(alice: User, alice_api: APIClient) -> None:
    account = make_account(alice)
    make_trade(account, day=MONDAY, pnl="10")
    make_trade(account, day=MONDAY, pnl="4", symbol="SAP", currency="EUR")

    body = get(alice_api, f"/api/v1/accounts/{account.public_id}/stats/")

    assert (body["trade_count"], body["total_pnl"], body["currency"]) == (2, None, "USD")


def test_the_index_names_every_answer(alice_api: APIClient) -> None:
    index = alice_api.get("/api/v1/").json()

    names = {name.removeprefix("aggregate/") for name in index if name.startswith("aggregate/")}
    assert names == {
        "metrics", "equity-curve", "comparison", "calendar", "breakdown", "streaks",
        "distribution", "drawdowns", "contrast",
    }  # fmt: skip
    assert index["aggregate/equity-curve"].endswith("/api/v1/aggregate/equity-curve/")
    assert "accounts" in index


@pytest.mark.parametrize("month", ["0000-01", "0001-01", "9999-12"])
def test_a_month_that_no_calendar_has_is_refused(alice_api: APIClient, month: str) -> None:
    assert alice_api.get("/api/v1/aggregate/calendar/", {"month": month}).status_code == 400

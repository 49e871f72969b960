"""What the API says over HTTP, page by page, adds up to the same last digit as the fills folded another way."""

import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, User
from journal.filters import MetricsFilter
from tests import histories
from tests.exact_model import Rates, converted, decimal, expected, trips_of
from tests.histories import History

pytestmark = pytest.mark.django_db

FILTERS = 12


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.parametrize("seed", [300, 301])
def test_every_address_gives_the_same_sums(alice: User, alice_api: APIClient, seed: int) -> None:
    histories.seed_reference()
    History(alice, seed).live(20)
    chance = random.Random(seed)
    trips = trips_of(alice)
    rates = Rates()
    for _ in range(FILTERS):
        wanted = histories.a_filter(alice, [trip.symbol for trip in trips], chance)
        if wanted.accounts == ():
            continue  # a query string cannot ask for none
        params = query(wanted)
        found = expected(alice, trips, wanted)
        money = converted(found, wanted.currency or alice.reporting_currency, rates)
        net = decimal(sum(money.days.values(), Fraction(0)))

        metrics = read(alice_api, "aggregate/metrics/", params)
        calendar = read(alice_api, "aggregate/calendar/", params)
        curve = read(alice_api, "aggregate/equity-curve/", params)
        listed = every_trade(alice_api, params)

        by_currency = {row["currency"]: Decimal(row["total_pnl"]) for row in metrics["by_currency"]}
        assert by_currency == {name: decimal(sums.net_pnl) for name, sums in found.by_currency.items()}
        assert Decimal(metrics["total_pnl"] or 0) == net
        assert metrics["total_trades"] == sum(sums.trade_count for sums in found.by_currency.values())
        assert Decimal(calendar["total_pnl"]) == net
        assert sum(Decimal(day["pnl"]) for day in calendar["days"]) == net
        assert Decimal(curve["combined"][-1]["cumulative_pnl"] if curve["combined"] else 0) == net
        assert {point["date"]: Decimal(point["pnl"]) for point in curve["combined"]} == {
            day.isoformat(): decimal(amount) for day, amount in money.days.items()
        }
        realized: dict[str, Decimal] = defaultdict(Decimal)
        for trade in listed:
            realized[trade["currency"]] += Decimal(trade["realized_pnl"])
        assert {name: pnl for name, pnl in realized.items() if pnl} == {
            name: pnl for name, pnl in by_currency.items() if pnl
        }


@pytest.mark.parametrize("seed", [310])
def test_every_account_page_gives_the_same_sums(alice: User, alice_api: APIClient, seed: int) -> None:
    histories.seed_reference()
    History(alice, seed).live(15)
    found = expected(alice, trips_of(alice), MetricsFilter())

    cursor, rows = None, []
    while True:
        page = read(alice_api, "accounts/", {"stats": "true", "limit": 2, **({"cursor": cursor} if cursor else {})})
        rows += page["results"]
        cursor = page["next"]
        if not page["has_more"]:
            break

    assert len(rows) == page["total"] == Account.objects.filter(owner=alice).count()
    for row in rows:
        own = found.by_account.get(Account.objects.get(public_id=row["id"]).pk, {})
        if len(own) == 1:
            assert Decimal(row["total_pnl"]) == decimal(next(iter(own.values())))
        stats = read(alice_api, f"accounts/{row['id']}/stats/", {})
        assert (stats["trade_count"], stats["total_pnl"]) == (row["trade_count"], row["total_pnl"])


def query(wanted: MetricsFilter) -> dict[str, Any]:
    """The filter as a query string has it."""
    keys = dict(Account.objects.values_list("pk", "public_id"))
    values = {
        "account": None if wanted.accounts is None else [str(keys[pk]) for pk in wanted.accounts],
        "broker": wanted.broker,
        "from": wanted.start and wanted.start.isoformat(),
        "to": wanted.end and wanted.end.isoformat(),
        "symbol": wanted.symbol,
        "tag": wanted.tag,
        "side": wanted.side,
        "currency": wanted.currency,
    }
    return {name: value for name, value in values.items() if value is not None}


def read(api: APIClient, path: str, params: dict[str, Any]) -> Any:
    answer = api.get(f"/api/v1/{path}", params)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert not found.get("stale")
    return found


def every_trade(api: APIClient, params: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages of the list of trades; nothing comes twice and nothing is missing."""
    listed: list[dict[str, Any]] = []
    asked = {**params, "limit": 7}
    while True:
        page = read(api, "trades/", asked)
        listed += page["results"]
        if not page["has_more"]:
            assert len({trade["id"] for trade in listed}) == len(listed) == page["total"]
            return listed
        asked["cursor"] = page["next"]

"""The editor of a trade's fills: nothing is lost that came meanwhile, and times mean one instant."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.factories import make_account
from tests.journal.factories import make_trade
from trading import trades
from trading.models import Execution, Instrument, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 3)


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main", time_zone="America/New_York")


def form_of(client: Client, trade: Trade) -> dict[str, str]:
    """What the editor's page sends when nothing is touched."""
    page = client.get(f"/trades/{trade.public_id}/edit/").content.decode().partition("<template")[0]
    sent = dict(re.findall(r'name="(fills-[^"]+)" value="([^"]*)"', page))
    sent |= dict.fromkeys(re.findall(r'name="(fills-\d+-is_later)"[^>]* checked', page), "on")
    sides = Execution.objects.standing().filter(parts__trade=trade).distinct().in_order().values_list("side", flat=True)
    return sent | {f"fills-{number}-side": side for number, side in enumerate([*sides, "buy"])}


def typed(*times: str, **more: str) -> dict[str, str]:
    """A new trade's form with one buy of 1 at each of these wall times."""
    sent = {"fills-TOTAL_FORMS": str(len(times)), "fills-INITIAL_FORMS": "0", "account": "Main", "symbol": "AAPL"}
    for number, at in enumerate(times):
        values = {"side": "buy", "quantity": "1", "price": "100", "executed_at": at}
        sent |= {f"fills-{number}-{name}": value for name, value in values.items()}
    return sent | more


def entered(account: Account, instrument: Instrument, *fills: tuple[str, str, datetime]) -> list[Trade]:
    return trades.enter(
        account,
        instrument=instrument,
        fills=[EnteredFill(side, D(1), D(price), at) for side, price, at in fills],
    )


def test_a_form_from_before_another_fill_changes_nothing(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    opened = trade.opened_at
    assert opened is not None
    sent = form_of(alice_client, trade)
    # Late comes a fill of before: 1 more was bought, and is still held.
    entered(account, trade.instrument, ("buy", "900", opened.replace(hour=1)))
    before = list(Execution.objects.order_by("pk").values())

    answer = alice_client.post(f"/trades/{trade.public_id}/edit/", sent | {"fills-1-price": "1070"})

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "The trade has changed meanwhile; its fills are shown anew." in page
    assert 'value="900"' in page
    assert 'value="1070"' not in page
    assert list(Execution.objects.order_by("pk").values()) == before
    # The page that came with the refusal can be sent.
    again = form_of(alice_client, trade) | {"fills-2-price": "1070"}
    assert alice_client.post(f"/trades/{trade.public_id}/edit/", again).status_code == 302


def test_a_form_without_the_fills_that_it_is_about_is_refused(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    sent = form_of(alice_client, trade) | {"fills-1-price": "1070"}
    del sent["fills-instead_of"]

    assert alice_client.post(f"/trades/{trade.public_id}/edit/", sent).status_code == 409
    assert Execution.objects.count() == 2


@pytest.mark.parametrize("total", ["1000000000", "-5", "9" * 5000])
@pytest.mark.parametrize("button", [{"more": "1"}, {}])
def test_no_number_of_rows_is_believed(
    alice_client: Client, account: Account, total: str, button: dict[str, str]
) -> None:
    sent = typed("2026-03-02T10:00:00") | {"fills-TOTAL_FORMS": total} | button

    answer = alice_client.post("/trades/new/", sent)

    assert answer.status_code in (200, 422)
    assert answer.content.decode().count("data-fill>") <= 201
    assert not Execution.objects.exists()


def test_a_time_that_the_clocks_skip_is_refused_at_its_field(alice_client: Client, account: Account) -> None:
    answer = alice_client.post("/trades/new/", typed("2026-03-08T01:59:59", "2026-03-08T02:30:00"))

    assert answer.status_code == 422
    assert "The clocks of America/New_York skip this time" in answer.content.decode()
    assert not Execution.objects.exists()


@pytest.mark.parametrize(("ticked", "hour"), [({}, 5), ({"fills-0-is_later": "on"}, 6)])
def test_of_the_hour_that_comes_twice_the_first_is_meant_unless_the_second_is_ticked(
    alice_client: Client, account: Account, ticked: dict[str, str], hour: int
) -> None:
    answer = alice_client.post("/trades/new/", typed("2025-11-02T01:30:00") | ticked)

    assert answer.status_code == 302
    assert Execution.objects.get().executed_at == datetime(2025, 11, 2, hour, 30, tzinfo=UTC)
    assert "comes twice" in alice_client.get("/trades/new/").content.decode()


@pytest.mark.parametrize("hour", [5, 6])
def test_another_price_leaves_the_exact_time(alice_client: Client, account: Account, hour: int) -> None:
    exact = datetime(2025, 11, 2, hour, 30, 0, 123456, tzinfo=UTC)
    stock = Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    (open_trade,) = entered(account, stock, ("buy", "100", exact))
    sent = form_of(alice_client, open_trade) | {"fills-0-price": "101"}

    answer = alice_client.post(f"/trades/{open_trade.public_id}/edit/", sent)

    assert answer.status_code == 302
    fill: Any = Execution.objects.standing().get(parts__trade=open_trade)
    assert (fill.price, fill.executed_at) == (D(101), exact)


def test_the_other_of_two_hours_is_a_change(alice_client: Client, account: Account) -> None:
    stock = Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    (open_trade,) = entered(account, stock, ("buy", "100", datetime(2025, 11, 2, 6, 30, tzinfo=UTC)))
    sent = form_of(alice_client, open_trade)
    assert sent.pop("fills-0-is_later") == "on"

    alice_client.post(f"/trades/{open_trade.public_id}/edit/", sent)

    fill = Execution.objects.standing().get(parts__trade=open_trade)
    assert fill.executed_at == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)

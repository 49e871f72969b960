"""Which trades a list shows; refusals of what a list does not know are tested with its pages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.http import QueryDict

from accounts.errors import InvalidValue
from accounts.models import User
from tests.factories import make_account
from tests.journal.factories import make_instrument, make_trade
from trading import trades
from trading.filters import TradeFilterSet
from trading.models import Tag
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 3)


def symbols(user: User, query: str) -> list[str]:
    found = TradeFilterSet.checked(QueryDict(query), user=user)
    return sorted(trade.instrument.symbol for trade in found.qs.select_related("instrument"))


@pytest.fixture
def listed(alice: User) -> User:
    """A winner in dollars at Alpha and a short in euros at no broker, one open and one tagged."""
    alpha = make_account(alice, "Alpha one", broker="Alpha")
    other = make_account(alice, "Other")
    make_trade(alpha, day=DAY, pnl="5", symbol="AAPL", tags=[Tag.objects.create(owner=alice, name="gap")])
    make_trade(other, day=date(2026, 3, 5), pnl="5", symbol="SAP", currency="EUR", side="short")
    trades.enter(
        alpha,
        instrument=make_instrument("MSFT"),
        fills=[EnteredFill("buy", Decimal(1), Decimal(10), datetime(2026, 3, 4, 15, tzinfo=UTC))],
    )
    return alice


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["AAPL", "MSFT", "SAP"]),
        ("broker=Alpha", ["AAPL", "MSFT"]),
        ("broker=Unknown", ["SAP"]),
        ("side=short", ["SAP"]),
        ("status=open", ["MSFT"]),
        ("symbol=aapl", ["AAPL"]),
        ("tag=gap", ["AAPL"]),
        ("tag=ga", []),
        ("currency=eur", ["SAP"]),
        ("from=2026-03-03&to=2026-03-04", ["AAPL"]),
        ("from=2026-03-04", ["SAP"]),
        ("broker=Alpha&status=closed", ["AAPL"]),
    ],
)
def test_each_filter_means_what_it_says(listed: User, query: str, found: list[str]) -> None:
    assert symbols(listed, query) == found


def test_accounts_are_named_by_id_as_often_as_one_likes(listed: User) -> None:
    ids = {account.name: account.public_id for account in listed.accounts.all()}

    assert symbols(listed, f"account={ids['Other']}") == ["SAP"]
    assert symbols(listed, f"account={ids['Other']}&account={ids['Alpha one']}") == ["AAPL", "MSFT", "SAP"]


def test_nothing_of_others_is_found(listed: User, bob: User) -> None:
    account = listed.accounts.first()
    assert account

    assert symbols(bob, "") == symbols(bob, f"account={account.public_id}") == symbols(bob, "tag=gap") == []


@pytest.mark.parametrize(
    "query",
    ["colour=red", "side=long&side=short", "from=1.3.2026", "from=2026-03-05&to=2026-03-04", "account=1", "status=won"],
)
def test_what_is_not_known_is_refused(listed: User, query: str) -> None:
    with pytest.raises(InvalidValue):
        TradeFilterSet.checked(QueryDict(query), user=listed)

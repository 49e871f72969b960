"""How many closed trades two filters both let through, from stored sums or the trades, by hand."""

from datetime import date
from typing import Any

import pytest

from accounts.models import Account, User
from journal import contrasts, facets
from journal.filters import MetricsFilter
from tests.journal.factories import at, make_account, make_trade
from trading import tags

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)


@pytest.fixture
def other(alice: User, account: Account) -> Account:
    """Of four trades three are long, two are tagged, two are in another account and two are of Monday."""
    gap, news = (tags.create(owner=alice, name=name) for name in ("gap", "news"))
    other = make_account(alice, "Other", broker="Beta")
    make_trade(account, day=MONDAY, pnl="1", tags=[gap, news], opened=at(MONDAY, 9))
    make_trade(account, day=TUESDAY, pnl="1", side="short", opened=at(TUESDAY, 10))
    make_trade(other, day=MONDAY, pnl="-1", tags=[gap], opened=at(MONDAY, 9))
    make_trade(other, day=TUESDAY, pnl="-1", symbol="SAP", currency="EUR", opened=at(TUESDAY, 9))
    return other


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ({}, {}, 4),
        ({"side": "long"}, {"side": "short"}, 0),
        ({"side": "long"}, {"side": "long", "start": TUESDAY}, 1),
        ({"end": MONDAY}, {"start": TUESDAY}, 0),
        ({"side": "long"}, {"start": MONDAY, "end": MONDAY}, 2),
        ({"tag": "gap"}, {"tag": "news"}, 1),
        ({"tag": "gap"}, {"tag": "none"}, 0),
        ({"tag": "gap"}, {"side": "long", "hour": "09"}, 2),
        ({"broker": "Alpha"}, {"side": "long"}, 1),
        ({"broker": "Alpha"}, {"broker": "Beta"}, 0),
        ({"currency": "USD"}, {"currency": "EUR"}, 0),
        ({"currency": "USD"}, {"side": "long"}, 2),
        ({"symbol": "AAPL"}, {"symbol": "=AAPL"}, 3),
        ({"weekday": "1"}, {"weekday": "2"}, 0),
    ],
)
@pytest.mark.usefixtures("other")
def test_shared_are_the_trades_in_both(alice: User, first: dict[str, Any], second: dict[str, Any], shared: int) -> None:
    facets.recompute_all(alice.pk)

    for one, two in ((first, second), (second, first)):
        assert contrasts.contrast(alice, MetricsFilter(**one), MetricsFilter(**two), fresh=True).shared == shared


def test_of_two_sets_of_accounts_those_in_both_count(alice: User, account: Account, other: Account) -> None:
    both, one = MetricsFilter(accounts=(account.pk, other.pk)), MetricsFilter(accounts=(other.pk,))

    assert contrasts.contrast(alice, both, one, fresh=True).shared == 2
    assert contrasts.contrast(alice, MetricsFilter(accounts=(account.pk,)), one, fresh=True).shared == 0

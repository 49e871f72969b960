"""What tests of orders begin with: an account with 10,000 dollars, a share, a broker. What differs says so itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Account, User
from tests.factories import make_user
from tests.trading.brokers import standing_in
from tests.trading.desk import funded, share
from trading.models import Instrument
from trading.venues.stand_in.server import StandIn


@pytest.fixture
def account(alice: User) -> Account:
    return funded(alice)


@pytest.fixture
def acme(db: None) -> Instrument:
    return share()


@pytest.fixture
def operator(db: None) -> User:
    return make_user("root@example.com", is_staff=True)


@pytest.fixture
def it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A server that speaks Alpaca's protocol, and keeps what it has to tell until it is asked for."""
    with standing_in(settings, monkeypatch) as stand_in:
        stand_in.broker.is_holding = True
        yield stand_in

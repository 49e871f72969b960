"""What most tests of orders begin with: an account with 10,000 dollars and a share; whose differ say so themselves."""

import pytest

from accounts.models import Account, User
from tests.factories import make_user
from tests.trading.desk import funded, share
from trading.models import Instrument


@pytest.fixture
def account(alice: User) -> Account:
    return funded(alice)


@pytest.fixture
def acme(db: None) -> Instrument:
    return share()


@pytest.fixture
def operator(db: None) -> User:
    return make_user("root@example.com", is_staff=True)

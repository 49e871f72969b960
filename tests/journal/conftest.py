"""Alice owns, Bob is a stranger."""

import pytest

from accounts.models import Account, User
from tests.journal.factories import make_account, make_user


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice@example.com")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob@example.com")


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice)

"""An account of alice's; nothing kept by an earlier run of the tests."""

import pytest

from accounts import answers
from accounts.models import Account, User
from tests.journal.factories import make_account


@pytest.fixture(scope="session", autouse=True)
def _no_old_answers() -> None:
    # A database made anew counts people and versions from one again; a cache that outlived it must not answer.
    if answers.is_reachable():
        answers.forget_everything()


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice)

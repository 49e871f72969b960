"""Rows for tests, by plain functions: every argument has a default, and what a test is about it says itself."""

import itertools
from typing import Any

from accounts.models import Account, Client, ClientStatus, User

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def make_user(
    email: str = "", *, status: str | None = ClientStatus.ACTIVE, password: str = PASSWORD, **fields: Any
) -> User:
    """A person with a client file of this status; `status=None` makes none."""
    user = User.objects.create_user(email or f"person{next(_numbers)}@example.com", password, **fields)
    if status is not None:
        Client.objects.create(user=user, status=status)
    return user


def make_account(owner: User, name: str = "", **fields: Any) -> Account:
    """An account of this person, written straight into its table."""
    return Account.objects.create(owner=owner, name=name or f"Account {next(_numbers)}", **fields)

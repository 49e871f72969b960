"""Answers to what the apps below tell: changed days become stale, and a deleted account's sums go."""

from datetime import date
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts import publishing, versions
from accounts.models import Account, User
from accounts.signals import account_deleted
from journal import tasks
from journal.metrics import rollups
from trading.signals import trades_changed


@receiver(trades_changed)
def days_are_stale(owner_id: int, days: set[tuple[int, date]], **_: Any) -> None:
    """In the transaction of the change, every touched day is stale and the person's version has moved on.

    The version comes first: its row makes the changes of one person wait for each other in one place.
    """
    versions.bump(owner_id)
    if days:
        rollups.request(owner_id, days=days)
        publishing.after_commit(tasks.recompute_owner, owner_id)


@receiver(account_deleted)
def account_is_forgotten(account: Account, **_: Any) -> None:
    """The person's days no longer count the account that is about to go."""
    rollups.forget_account(account.owner_id, account_id=account.pk)


@receiver(user_logged_in)
def answers_are_warmed(user: User, **_: Any) -> None:
    """The worker computes what a person who signs in looks at first."""
    publishing.after_commit(tasks.warm_answers, user.pk)

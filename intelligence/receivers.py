"""Answers to what the apps below tell: outcomes follow trades, in the same transaction."""

from datetime import date
from typing import Any

from django.dispatch import receiver

from accounts.models import Account, User
from accounts.signals import account_deleted
from intelligence import memory, outcomes, sample_decisions
from journal.signals import archive_taken_in, sample_loaded, sample_removed
from trading.signals import trades_changed


@receiver(trades_changed)
def outcomes_are_settled(owner_id: int, days: set[tuple[int, date]], **_: Any) -> None:
    """In the transaction of the change, the outcomes are what the trades say now.

    The journal, which is told first, has moved the person's version on: its row keeps the changes of one person apart,
    so none misses a decision that another has just linked.
    """
    if days:
        outcomes.settle(owner_id, accounts={account for account, _day in days})
    else:
        outcomes.settle_awaiting(owner_id)


@receiver(account_deleted)
def outcomes_go_with_their_trades(account: Account, **_: Any) -> None:
    """The account's trades are gone, and with them what they said of decisions."""
    outcomes.settle(account.owner_id, accounts=[account.pk])
    sample_decisions.written(account.owner_id).filter(account=account).delete()


@receiver(sample_loaded)
def sample_decisions_come_too(owner: User, **_: Any) -> None:
    """The sample has decisions, news and analyses. The worker embeds them."""
    sample_decisions.write(owner)


@receiver(sample_removed)
def sample_decisions_go_too(owner: User, **_: Any) -> None:
    """So do sample decisions of no account, sample news and sample analyses."""
    sample_decisions.forget(owner.pk)


@receiver(archive_taken_in)
def decisions_of_an_archive_are_followed(owner: User, **_: Any) -> None:
    """Decisions that came have the outcomes of their trades, and can be found; the sweep takes up what is more."""
    outcomes.settle(owner.pk)
    memory.gather(owner_id=owner.pk)

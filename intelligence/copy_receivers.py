"""Answers to what trading tells: a copy that has ended leaves the figures of its wallet behind."""

from typing import Any

from django.dispatch import receiver

from accounts import publishing
from accounts.models import User
from intelligence import copy_tasks, performance
from intelligence.models import CopiedPosition
from journal.signals import archive_taken_in
from trading.models import ManagedPosition
from trading.signals import plan_ended


@receiver(plan_ended)
def figures_are_behind(managed: ManagedPosition, **_: Any) -> None:
    """In the transaction of the end; the worker computes after its commit, and the sweep whatever the worker lost."""
    wallet_id = CopiedPosition.objects.filter(managed_position=managed).values_list("wallet_id", flat=True).first()
    if wallet_id is not None:
        performance.request(wallet_id)
        publishing.after_commit(copy_tasks.refresh_performance, wallet_id)


@receiver(archive_taken_in)
def figures_of_an_archive_are_behind(owner: User, **_: Any) -> None:
    """Wallets whose copies came have figures soon: the sweep computes them."""
    for wallet_id in CopiedPosition.objects.filter(owner=owner).order_by().values_list("wallet", flat=True).distinct():
        performance.request(wallet_id)

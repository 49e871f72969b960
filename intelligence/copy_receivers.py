"""Answers to what trading tells: a copy that has ended leaves the figures of its wallet behind."""

from typing import Any

from django.dispatch import receiver

from accounts import publishing
from intelligence import copy_tasks, performance
from intelligence.models import CopiedPosition
from trading.models import ManagedPosition
from trading.signals import plan_ended


@receiver(plan_ended)
def figures_are_behind(managed: ManagedPosition, **_: Any) -> None:
    """In the transaction of the end; the worker computes after its commit, and the sweep whatever the worker lost."""
    wallet_id = CopiedPosition.objects.filter(managed_position=managed).values_list("wallet_id", flat=True).first()
    if wallet_id is not None:
        performance.request(wallet_id)
        publishing.after_commit(copy_tasks.refresh_performance, wallet_id)

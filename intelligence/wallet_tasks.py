"""Deliveries and signals, read by the worker. What must happen is in tables; a lost message costs only delay."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import publishing
from intelligence import catching_up, copy_tasks, deliveries, inbox, syncing, tokens
from intelligence.helius_parsing import SOL

#: A swap is priced by what one SOL cost then.
_SOL_EVERY = timedelta(minutes=2)


@shared_task(name="intelligence.wallet_tasks.read_deliveries")
def read_deliveries() -> int:
    """What webhooks brought has been read; returns how many signals are new."""
    made = inbox.read_waiting()
    if made:
        publishing.after_commit(copy_tasks.process_signals)
    return made


@shared_task(name="intelligence.wallet_tasks.sync_wallets")
def sync_wallets() -> str:
    """The webhook is about the wallets that are to be watched; returns what was done for it."""
    return syncing.sync(at=timezone.now()).did


@shared_task(name="intelligence.wallet_tasks.catch_up")
def catch_up() -> int:
    """What silent wallets did meanwhile is there; returns how many signals were missing."""
    made = catching_up.catch_up_silent(at=timezone.now())
    if made:
        publishing.after_commit(copy_tasks.process_signals)
    return made


@shared_task(name="intelligence.wallet_tasks.refresh_prices")
def refresh_prices() -> bool:
    """What one SOL costs is known of the last minutes, where somebody is there to ask; returns whether it is."""
    return tokens.price(SOL, at=timezone.now(), newer_than=_SOL_EVERY) is not None


@shared_task(name="intelligence.wallet_tasks.purge_deliveries")
def purge_deliveries() -> int:
    """Deliveries that were read longer ago than the settings say are gone; returns how many. Signals stay."""
    if not settings.DELIVERY_DAYS:
        return 0
    now = timezone.now()
    return deliveries.purge(before=now - timedelta(days=max(deliveries.SHORTEST, settings.DELIVERY_DAYS)), at=now)

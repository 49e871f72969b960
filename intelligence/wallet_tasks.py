"""Deliveries and signals, read by the worker. What must happen is in tables; a lost message costs only delay."""

import importlib
import importlib.util
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone

from accounts import publishing
from intelligence import catching_up, inbox, locks, syncing, tokens
from intelligence.helius_parsing import SOL
from intelligence.models import Signal

logger = logging.getLogger(__name__)

_AT_ONCE = 200
#: A swap is priced by what one SOL cost then.
_SOL_EVERY = timedelta(minutes=2)


@shared_task(name="intelligence.wallet_tasks.read_deliveries")
def read_deliveries() -> int:
    """What webhooks brought has been read; returns how many signals are new."""
    made = inbox.read_waiting()
    if made:
        publishing.after_commit(process_signals)
    return made


@shared_task(name="intelligence.wallet_tasks.process_signals")
def process_signals() -> int:
    """Signals of which nothing was made yet were taken up, the first first; returns how many."""
    process = _processor()
    if process is None:
        return 0
    done = 0
    # One worker at a time: what two signals of a burst may spend is decided one after the other.
    with locks.held("process signals") as is_mine:
        for signal in Signal.objects.unprocessed()[:_AT_ONCE] if is_mine else ():
            try:
                process(signal)
                done += 1
            except Exception:
                # One that no code was prepared for must not keep the others waiting.
                logger.exception("the signal %s could not be processed", signal.public_id)
    return done


@shared_task(name="intelligence.wallet_tasks.sync_wallets")
def sync_wallets() -> str:
    """The webhook is about the wallets that are to be watched; returns what was done for it."""
    return syncing.sync(at=timezone.now()).did


@shared_task(name="intelligence.wallet_tasks.catch_up")
def catch_up() -> int:
    """What silent wallets did meanwhile is there; returns how many signals were missing."""
    made = catching_up.catch_up_silent(at=timezone.now())
    if made:
        publishing.after_commit(process_signals)
    return made


@shared_task(name="intelligence.wallet_tasks.refresh_prices")
def refresh_prices() -> bool:
    """What one SOL costs is known of the last minutes, where somebody is there to ask; returns whether it is."""
    return tokens.price(SOL, at=timezone.now(), newer_than=_SOL_EVERY) is not None


def _processor() -> Callable[[Signal], Any] | None:
    name = "intelligence.signal_processing"
    if importlib.util.find_spec(name) is None:
        return None
    process: Callable[[Signal], Any] = importlib.import_module(name).process
    return process

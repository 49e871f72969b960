"""What was missed: a wallet's history is asked for after a silence, and goes the way that deliveries go.

Source: docs/wallets.md#catching-up
"""

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from intelligence import helius_parsing, inbox, locks, signals
from intelligence.helius_parsing import Malformed
from intelligence.models import SyncStatus, Wallet
from intelligence.sources import configured
from intelligence.sources.helius import Helius
from intelligence.sources.protocol import SourceFailed

logger = logging.getLogger(__name__)

#: Without a signal for so long, a wallet's history is looked into; and again after so long.
SILENCE = timedelta(hours=6)
#: What is older is no longer asked for: nothing is traded on it, and its prices are gone.
FURTHEST = timedelta(days=7)
_PAGES = 5
_PAGE = 100
_WALLETS = 20


def catch_up_silent(*, at: datetime, helius: Helius | None = None, most: int = _WALLETS) -> int:
    """The wallets that have been silent for longest are caught up with; returns how many signals were missing."""
    helius = helius or configured.helius()
    if helius is None:
        return 0
    return sum(catch_up(wallet, at=at, helius=helius) for wallet in _silent(at)[:most])


def _silent(at: datetime) -> "list[Wallet]":
    """Watched wallets of which nothing was heard since, and that were not looked into since."""
    since = at - SILENCE
    rows = Wallet.objects.subscribed().filter(sync_status=SyncStatus.SYNCED)
    heard = Q(last_signal_at__isnull=True) | Q(last_signal_at__lt=since)
    looked = Q(caught_up_at__isnull=True) | Q(caught_up_at__lt=since)
    # One that was just pushed for the first time may have missed what happened before.
    return list(rows.filter(heard, looked).order_by(F("caught_up_at").asc(nulls_first=True), "id")[:_WALLETS])


def catch_up(wallet: Wallet, *, at: datetime, helius: Helius) -> int:
    """What the wallet did since its last signal is there, at most a week back; returns how many signals were missing.

    What was delivered meanwhile is found to be known: it is recorded once, whichever way it came first.
    """
    since = max(wallet.caught_up_at or wallet.created_at, at - FURTHEST)
    with locks.held(f"catch up {wallet.address}") as is_mine:
        if not is_mine:
            return 0
        try:
            made = _pages(wallet, helius, since=since, at=at)
        except (SourceFailed, Malformed) as error:
            logger.warning("the history of a wallet could not be fetched: %s", error)
            return 0
        Wallet.objects.filter(pk=wallet.pk).update(caught_up_at=Greatest(Coalesce("caught_up_at", at), at))
    return made


def _pages(wallet: Wallet, helius: Helius, *, since: datetime, at: datetime) -> int:
    """From the newest back to `since`."""
    made, before = 0, ""
    for _number in range(_PAGES):
        body = helius.history(wallet.address, before=before, limit=_PAGE)
        transactions = helius_parsing.transactions_of(body)
        reading = inbox.of_transactions(body, at=at)
        newer = [each for each in reading.seen if each.occurred_at is None or each.occurred_at >= since]
        made += len(signals.record(newer, source=inbox.HELIUS, at=at).made)
        stamps = [each.get("timestamp") for each in transactions]
        oldest = min((stamp for stamp in stamps if isinstance(stamp, int)), default=0)
        if len(transactions) < _PAGE or oldest < since.timestamp():
            break
        before = str(transactions[-1].get("signature", ""))
    return made

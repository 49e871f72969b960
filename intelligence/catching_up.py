"""What was missed: a wallet's history is asked for after a silence, and goes the way that deliveries go.

Source: docs/wallets.md#catching-up
"""

import json
import logging
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from intelligence import helius_parsing, inbox, locks, signals
from intelligence.helius_parsing import Json, Malformed
from intelligence.models import DeliveryStatus, SyncStatus, Wallet
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

    What was delivered meanwhile is found to be known: it is recorded once, whichever way it came first. A transaction
    that nobody understands is kept as a delivery of its own, to be read again, and keeps none of the others waiting.
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
        written = _written(body)
        transactions = [_read(each) for each in written]
        reading = inbox.of_transactions(transactions, at=at)
        for place, problem in reading.unread.items():
            if not _is_before(transactions[place], since):
                inbox.receive(
                    source=inbox.HELIUS, body=written[place], at=at, status=DeliveryStatus.DEAD, error=problem[:1000]
                )
        newer = [each for each in reading.seen if each.occurred_at is None or each.occurred_at >= since]
        made += len(signals.record(newer, source=inbox.HELIUS, at=at).made)
        good = [each for place, each in enumerate(transactions) if place not in reading.unread]
        before = next((each["signature"] for each in reversed(transactions) if each.get("signature")), "")
        if len(transactions) < _PAGE or not before or any(_is_before(each, since) for each in good):
            break
    return made


def _is_before(transaction: Json, since: datetime) -> bool:
    stamp = transaction.get("timestamp")
    return isinstance(stamp, int) and stamp < since.timestamp()


def _written(body: bytes) -> list[bytes]:
    """The transactions of a history, each as it was written, whatever it says. Raises Malformed."""
    # Numbers are not looked at: one that nobody can read is a matter of its own transaction.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    found: list[bytes] = []
    try:
        text = body.decode().strip()
        if not isinstance(decoder.decode(text), list):
            raise Malformed("no array of transactions")
        begin = 1
        while (begin := _next(text, begin)) < len(text) - 1:
            _value, end = decoder.raw_decode(text, begin)
            found.append(text[begin:end].encode())
            begin = end
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}"[:200]) from error
    return found


def _next(text: str, begin: int) -> int:
    while text[begin] in ", \t\r\n":
        begin += 1
    return begin


def _read(written: bytes) -> Json:
    """The transaction; empty for what is none, of which a reading says so."""
    try:
        found = helius_parsing.transactions_of(written)
    except Malformed:
        return {}
    return found[0] if len(found) == 1 and written.startswith(b"{") else {}

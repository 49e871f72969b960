"""The one writer of signals: what was seen becomes rows, once, for everybody who watches.

Source: docs/wallets.md#signals
"""

import decimal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from accounts.fields import LARGEST_MONEY
from intelligence.helius_parsing import Seen
from intelligence.models import OutcomeVerdict, Signal, SignalOutcome, Wallet, WebhookDelivery
from intelligence.models.signal import LARGEST_AMOUNT, LARGEST_TOKEN_PRICE

#: By what two reports are of the same thing, but for the block.
Key = tuple[str, str, str, str, int | None]

_MONEY, _PRICE, _AMOUNT = Decimal(1).scaleb(-8), Decimal(1).scaleb(-20), Decimal(1).scaleb(-36)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of what was seen."""

    made: Sequence[Signal]
    duplicates: int


@transaction.atomic
def record(
    seen: Iterable[Seen],
    *,
    source: str,
    at: datetime,
    delivery: WebhookDelivery | None = None,
    only_of: int | None = None,
) -> Recorded:
    """Each thing seen is one signal for each person who watches the wallet, however often it is reported.

    What nobody watches is nobody's. The same in another block, or taken back by the chain, is a row of its own that
    names the former: nothing is ever changed. `only_of` is the person whose token brought it; others' wallets do not
    match.
    """
    rows = list(seen)
    owners = _owners({each.wallet_address for each in rows}, only_of)
    _lock({each.transaction_id for each in rows})
    known = _known({each.transaction_id for each in rows})
    made: list[Signal] = []
    duplicates = 0
    for each in rows:
        for wallet in owners.get(each.wallet_address, [None]):
            signal = _row(each, wallet, source=source, at=at, delivery=delivery)
            earlier = known[_key(signal)]
            if any(_is_same(signal, other) for other in earlier):
                duplicates += 1
                continue
            if earlier:
                signal.revision, signal.replaces = earlier[-1].revision + 1, earlier[-1]
            # One by one: the next may be about the same thing, and names this one.
            signal.save(force_insert=True)
            earlier.append(signal)
            made.append(signal)
    _settle(made, known, at=at)
    _heard(made)
    return Recorded(made, duplicates)


def ignored(signal: Signal, action: str, reason: str, *, at: datetime) -> SignalOutcome:
    """Nothing is made of the signal, and this says why."""
    outcome = _outcome(signal, action, reason, at=at)
    outcome.save(force_insert=True)
    return outcome


def _outcome(signal: Signal, action: str, reason: str, *, at: datetime) -> SignalOutcome:
    return SignalOutcome(
        signal=signal,
        owner_id=signal.owner_id,
        verdict=OutcomeVerdict.IGNORED,
        action_taken=action,
        reason=reason,
        decided_at=at,
    )


def _owners(addresses: set[str], only_of: int | None) -> dict[str, list[Wallet | None]]:
    """Who watches each address, the paused and archived too: what they hold may have to be sold."""
    rows = Wallet.objects.filter(address__in=addresses)
    if only_of is not None:
        rows = rows.filter(owner_id=only_of)
    found: dict[str, list[Wallet | None]] = defaultdict(list)
    for wallet in rows.order_by("id"):
        found[wallet.address].append(wallet)
    return found


def _lock(transactions: set[str]) -> None:
    """Reports of one transaction are recorded one after the other, in one order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(key) FROM (SELECT hashtextextended(each, 7) AS key "
            "FROM unnest(%s::text[]) AS each ORDER BY 1) AS keys",
            [sorted(transactions)],
        )


def _known(transactions: set[str]) -> dict[Key, list[Signal]]:
    found: dict[Key, list[Signal]] = defaultdict(list)
    rows = Signal.objects.filter(transaction_id__in=transactions).defer("payload")
    for signal in rows.order_by("revision"):
        found[_key(signal)].append(signal)
    return found


def _key(signal: Signal) -> Key:
    return signal.transaction_id, signal.wallet_address, signal.token_address, signal.action, signal.owner_id


def _is_same(one: Signal, other: Signal) -> bool:
    """Whether both say the same of the chain; a report that names no block is of any."""
    same_block = one.block == other.block or one.block is None or other.block is None
    return same_block and one.is_removed == other.is_removed


def _row(each: Seen, wallet: Wallet | None, *, source: str, at: datetime, delivery: WebhookDelivery | None) -> Signal:
    return Signal(
        owner_id=wallet.owner_id if wallet else None,
        wallet=wallet,
        delivery=delivery,
        source=source,
        wallet_address=each.wallet_address,
        token_address=each.token_address,
        type=each.type,
        action=each.action,
        transaction_id=each.transaction_id,
        block=each.block,
        is_removed=each.is_removed,
        amount=_bounded(each.amount, _AMOUNT, LARGEST_AMOUNT),
        price=_bounded(each.price, _PRICE, LARGEST_TOKEN_PRICE),
        value=_bounded(each.value, _MONEY, LARGEST_MONEY),
        base_token=each.base_token,
        base_amount=_bounded(each.base_amount, _AMOUNT, LARGEST_AMOUNT),
        occurred_at=each.occurred_at,
        received_at=at,
        payload=_plain(each.payload),
    )


def _bounded(value: Decimal | None, step: Decimal, largest: Decimal) -> Decimal | None:
    """To the column's decimals; what it cannot hold is not known rather than wrong."""
    if value is None or value > largest:
        return None
    # Up to 40 digits before the point and 36 after it: more than the usual precision.
    with decimal.localcontext(prec=100):
        return value.quantize(step, rounding=ROUND_HALF_UP)


def _plain(payload: Any) -> Any:
    return orjson.loads(orjson.dumps(payload, default=str).replace(b"\\u0000", b""))


def _settle(made: Iterable[Signal], known: dict[Key, list[Signal]], *, at: datetime) -> None:
    """What is not to be traded on is settled at once: what nobody watches, and what the chain took back.

    What was taken back before anything was made of it is settled too, whichever of both was reported first.
    """
    untracked = _("Nobody watches this wallet.")
    removed = _("The chain took this transaction back.")
    settled: list[SignalOutcome] = []
    for signal in made:
        same_block = [other for other in known[_key(signal)] if other.block == signal.block]
        if signal.owner_id is None:
            settled.append(_outcome(signal, "ignored_untracked", untracked, at=at))
        elif any(other.is_removed for other in same_block):
            settled += [_outcome(other, "ignored_removed", removed, at=at) for other in same_block]
    # One of which something was made already keeps what was made of it.
    SignalOutcome.objects.bulk_create(settled, ignore_conflicts=True)


def _heard(made: Iterable[Signal]) -> None:
    newest: dict[int, datetime] = {}
    for signal in made:
        if signal.wallet_id is not None:
            at = signal.occurred_at or signal.received_at
            newest[signal.wallet_id] = max(at, newest.get(signal.wallet_id, at))
    for wallet_id, at in sorted(newest.items()):
        Wallet.objects.filter(pk=wallet_id).update(last_signal_at=Greatest(Coalesce("last_signal_at", at), at))

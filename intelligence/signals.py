"""The one writer of signals: what was seen becomes rows, once, for everybody who watches.

Source: docs/wallets.md#signals
"""

import decimal
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from accounts.fields import LARGEST_MONEY
from intelligence.helius_parsing import Seen
from intelligence.models import OutcomeVerdict, Signal, SignalOutcome, Wallet, WebhookDelivery
from intelligence.models.signal import LARGEST_AMOUNT, LARGEST_TOKEN_PRICE

#: By what two reports are of the same thing, but for the block.
Key = tuple[str, str, str, str, int | None]

_CLOCKS_OFF = timedelta(minutes=5)
_MONEY, _PRICE, _AMOUNT = Decimal(1).scaleb(-8), Decimal(1).scaleb(-20), Decimal(1).scaleb(-36)


@dataclass(frozen=True, slots=True)
class Report:
    """One thing seen, and what brought it. `only_of` is the person whose token did: others' wallets do not match."""

    seen: Seen
    source: str
    at: datetime
    delivery: WebhookDelivery | None = None
    only_of: int | None = None


@dataclass(slots=True)
class Recorded:
    """What became of what was seen: new signals, and the reports that said what was known, by delivery."""

    made: list[Signal] = field(default_factory=list)
    known: Counter[int | None] = field(default_factory=Counter)

    @property
    def duplicates(self) -> int:
        """How many said what was known."""
        return self.known.total()


def record(seen: Iterable[Seen], *, source: str, at: datetime) -> Recorded:
    """As `record_all`, for what was fetched from one source."""
    return record_all([Report(each, source, at) for each in seen])


@transaction.atomic
def record_all(reports: Sequence[Report]) -> Recorded:
    """Each thing seen is one signal for each person who watches the wallet, however often it is reported.

    What nobody watches is nobody's. The same in another block, or taken back by the chain, is a row of its own that
    names the former: nothing is ever changed.
    """
    recorded = Recorded()
    if not reports:
        return recorded
    owners = _owners({report.seen.wallet_address for report in reports})
    transactions = {report.seen.transaction_id for report in reports}
    _lock(transactions)
    known = _known(transactions)
    waiting: list[Signal] = []
    for report in reports:
        for wallet in _watching(report, owners):
            signal = _row(report, wallet)
            earlier = known[_key(signal)]
            if any(_is_same(signal, other) for other in earlier):
                recorded.known[signal.delivery_id] += 1
                continue
            if earlier:
                # What it names has to be there.
                _insert(waiting)
                signal.revision, signal.replaces = earlier[-1].revision + 1, earlier[-1]
            waiting.append(signal)
            earlier.append(signal)
            recorded.made.append(signal)
    _insert(waiting)
    _settle(recorded.made, known, at=max(report.at for report in reports))
    _heard(recorded.made)
    return recorded


def _watching(report: Report, owners: dict[str, list[Wallet]]) -> Sequence[Wallet | None]:
    """Whom the report is for: everybody who watches, or nobody."""
    return [each for each in owners[report.seen.wallet_address] if report.only_of in (None, each.owner_id)] or [None]


def _insert(waiting: list[Signal]) -> None:
    Signal.objects.bulk_create(waiting)
    waiting.clear()


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


def _owners(addresses: set[str]) -> dict[str, list[Wallet]]:
    """Who watches each address, the paused and archived too: what they hold may have to be sold."""
    found: dict[str, list[Wallet]] = defaultdict(list)
    for wallet in Wallet.objects.filter(address__in=addresses).only("owner_id", "address").order_by("id"):
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
    rows = Signal.objects.filter(transaction_id__in=transactions).only(
        "transaction_id", "wallet_address", "token_address", "action", "owner_id", "block", "is_removed", "revision"
    )
    for signal in rows.order_by("revision"):
        found[_key(signal)].append(signal)
    return found


def _key(signal: Signal) -> Key:
    return signal.transaction_id, signal.wallet_address, signal.token_address, signal.action, signal.owner_id


def _is_same(one: Signal, other: Signal) -> bool:
    """Whether both say the same of the chain; a report that names no block is of any."""
    same_block = one.block == other.block or one.block is None or other.block is None
    return same_block and one.is_removed == other.is_removed


def _row(report: Report, wallet: Wallet | None) -> Signal:
    each = report.seen
    return Signal(
        owner_id=wallet.owner_id if wallet else None,
        wallet=wallet,
        delivery=report.delivery,
        source=report.source,
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
        occurred_at=_past(each.occurred_at, report.at),
        received_at=report.at,
        payload=_plain(each.payload),
    )


def _past(said: datetime | None, at: datetime) -> datetime | None:
    """When it happened; not known where that is said to lie ahead by more than clocks are off."""
    return None if said is None or said > at + _CLOCKS_OFF else said


def _bounded(value: Decimal | None, step: Decimal, largest: Decimal) -> Decimal | None:
    """To the column's decimals; what it cannot hold is not known rather than wrong."""
    if value is None or value > largest:
        return None
    # Up to 40 digits before the point and 36 after it: more than the usual precision.
    with decimal.localcontext(prec=100):
        return value.quantize(step, rounding=ROUND_HALF_UP)


def _plain(value: Any) -> Any:
    """What was sent as the database keeps it: without what no JSON column holds, and nothing else is different."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else _plain(str(value))


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
    if settled:
        SignalOutcome.objects.bulk_create(settled, ignore_conflicts=True)


def _heard(made: Iterable[Signal]) -> None:
    newest: dict[int, datetime] = {}
    for signal in made:
        if signal.wallet_id is not None:
            at = signal.occurred_at or signal.received_at
            newest[signal.wallet_id] = max(at, newest.get(signal.wallet_id, at))
    for wallet_id, at in sorted(newest.items()):
        Wallet.objects.filter(pk=wallet_id).update(last_signal_at=Greatest(Coalesce("last_signal_at", at), at))

"""What webhooks bring: stored as it came, read by a worker, and what nobody understood kept for another reading.

Storing is one statement and all that a sender waits for. Reading is repeatable: what was read before is found again and
left alone, so that a worker that is killed loses nothing.

Source: docs/wallets.md#deliveries
"""

import hashlib
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import Conflict
from intelligence import event_parsing, helius_parsing, signals, tokens
from intelligence.helius_parsing import Json, Malformed, Reading
from intelligence.models import DeliveryStatus, Wallet, WebhookDelivery, WebhookRegistration
from intelligence.signals import Report

logger = logging.getLogger(__name__)

HELIUS = "helius"
#: Readings that failed for another reason than the content; after these it is dead too.
MOST_ATTEMPTS = 5
#: Of one task, and of one transaction.
_MOST, _BATCH = 1000, 50

_STORE = """
INSERT INTO intelligence_webhookdelivery
    (source, event_id, owner_id, body, digest, received_at, status, error, repeats, attempts, signals_made, duplicates)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0)
ON CONFLICT DO NOTHING RETURNING public_id
"""
_REPEATED = """
UPDATE intelligence_webhookdelivery SET repeats = repeats + 1, repeated_at = %s
WHERE source = %s AND event_id IS NOT DISTINCT FROM %s AND owner_id IS NOT DISTINCT FROM %s AND digest = %s
RETURNING public_id
"""


class EventIdReused(Conflict):
    """Another event came under this id before."""

    code = "event_id_reused"


@dataclass(frozen=True, slots=True)
class Received:
    """Under which id a delivery is kept, and whether it is the first of its kind."""

    id: uuid.UUID
    is_new: bool


def receive(
    *,
    source: str,
    body: bytes,
    at: datetime,
    event_id: str | None = None,
    owner_id: int | None = None,
    status: str = DeliveryStatus.RECEIVED,
    error: str = "",
) -> Received:
    """The delivery is kept, once: by its event id where it has one, else by its bytes; repeats are counted.

    Raises EventIdReused for an id that came with another body; that is audited.
    """
    digest = hashlib.sha256(body).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [source, event_id, owner_id, body, digest, at, status, error])
        if row := cursor.fetchone():
            return Received(row[0], is_new=True)
        cursor.execute(_REPEATED, [at, source, event_id, owner_id, digest])
        if row := cursor.fetchone():
            return Received(row[0], is_new=False)
    logger.error("an event id of %s came again with another body", source)
    audit.written("webhook.event_id_reused", subject="delivery", subject_id=event_id or "", after={"digest": digest})
    raise EventIdReused("This id came before with another body.", pointer="/id")


def refused(*, source: str, body: bytes, reason: str) -> None:
    """What was sent by somebody we know and could not be kept is in the audit log, by its hash."""
    after = {"source": source, "digest": hashlib.sha256(body).hexdigest(), "bytes": len(body), "reason": reason}
    audit.written("webhook.refused", subject="delivery", after=after)


def read_waiting(*, most: int = _MOST) -> int:
    """Deliveries that wait are read, the first first; returns how many signals are new. Several workers share them."""
    made = 0
    for _number in range(0, most, _BATCH):
        count, found = _read_next(min(_BATCH, most))
        made += found
        if not count:
            break
    return made


def _read_next(most: int) -> tuple[int, int]:
    """How many deliveries were read, and how many signals they brought.

    A batch is one transaction. If it fails, it is read one by one, so that one that no code was prepared for keeps
    nobody else waiting.
    """
    with transaction.atomic():
        rows = WebhookDelivery.objects.waiting().filter(attempts__lt=MOST_ATTEMPTS)
        deliveries = list(rows.select_for_update(skip_locked=True, no_key=True)[:most])
        try:
            with transaction.atomic():
                return len(deliveries), _read(deliveries)
        except Exception:
            logger.exception("%s deliveries could not be read together", len(deliveries))
        return len(deliveries), sum(_read_alone(delivery) for delivery in deliveries)


def _read_alone(delivery: WebhookDelivery) -> int:
    try:
        with transaction.atomic():
            return _read([delivery])
    except Exception as error:
        # It is tried again, and given up.
        logger.exception("the delivery %s could not be read", delivery.public_id)
        _failed(delivery, error)
        return 0


def _failed(delivery: WebhookDelivery, error: Exception) -> None:
    is_last = delivery.attempts + 1 >= MOST_ATTEMPTS
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1,
        status=DeliveryStatus.DEAD if is_last else DeliveryStatus.RECEIVED,
        error=f"{type(error).__name__}: it could not be read" if is_last else "",
    )


def _read(deliveries: Sequence[WebhookDelivery]) -> int:
    """What is in them is recorded, and said of each; returns how many signals are new."""
    if not deliveries:
        return 0
    readings = _understood(deliveries)
    recorded = signals.record_all(
        [
            Report(seen, delivery.source, delivery.received_at, delivery, delivery.owner_id)
            for delivery, reading in zip(deliveries, readings, strict=True)
            for seen in reading.seen
        ]
    )
    made = Counter(signal.delivery_id for signal in recorded.made)
    # Most say the same of themselves, and one statement says it of all of those.
    alike: dict[tuple[str, str, int, int], list[int]] = defaultdict(list)
    for delivery, reading in zip(deliveries, readings, strict=True):
        status, error = _verdict(reading)
        alike[status, error, made[delivery.pk], recorded.known[delivery.pk]].append(delivery.pk)
    for (status, error, new, known), ids in alike.items():
        WebhookDelivery.objects.filter(pk__in=ids).update(
            status=status,
            error=error,
            attempts=F("attempts") + 1,
            parsed_at=timezone.now(),
            signals_made=F("signals_made") + new,
            duplicates=known,
        )
    WebhookRegistration.objects.filter(pk=1).update(last_delivery_at=deliveries[-1].received_at)
    return len(recorded.made)


def _verdict(reading: Reading) -> tuple[str, str]:
    if reading.problems:
        return DeliveryStatus.DEAD, "; ".join(reading.problems)[:1000]
    if reading.seen:
        return DeliveryStatus.PARSED, ""
    return DeliveryStatus.IGNORED, "; ".join(reading.ignored or [_("There is nothing in it.")])[:1000]


def _understood(deliveries: Sequence[WebhookDelivery]) -> list[Reading]:
    """What each of them says, in their order; who is watched is asked once for all."""
    opened = [_opened(delivery) for delivery in deliveries]
    watched = _watched(each for transactions, _ in opened for each in transactions)
    prices: dict[datetime, Decimal | None] = {}
    readings = []
    for delivery, (transactions, reading) in zip(deliveries, opened, strict=True):
        if reading is None:
            # Within a minute it is the same price.
            minute = delivery.received_at.replace(second=0, microsecond=0)
            if minute not in prices:
                prices[minute] = tokens.sol_price(at=delivery.received_at)
            reading = helius_parsing.read(
                transactions,
                watched=watched,
                sol_price=prices[minute],
                price_of=partial(tokens.known_price, at=delivery.received_at),
            )
        readings.append(reading)
    return readings


def _opened(delivery: WebhookDelivery) -> tuple[list[Json], Reading | None]:
    """The transactions of a delivery of Helius; the reading of any other, and of what cannot be opened."""
    body = bytes(delivery.body)
    try:
        if delivery.source == HELIUS:
            return helius_parsing.transactions_of(body), None
        event = event_parsing.read(body)
    except Malformed as error:
        return [], Reading(problems=[str(error)])
    return [], Reading(seen=list(event.seen or ()), ignored=[event.why_not] if event.why_not else [])


def _watched(transactions: Iterable[Json]) -> set[str]:
    """Who is watched of those that the transactions name."""
    named: set[str] = set()
    for transaction_ in transactions:
        try:
            named |= helius_parsing.parties([transaction_])
        except Malformed:
            # The reading says which one, and what is wrong with it.
            continue
    return set(Wallet.objects.filter(address__in=named).values_list("address", flat=True)) if named else set()


def of_transactions(transactions: Sequence[Json], *, at: datetime) -> Reading:
    """What Helius' transactions say of wallets that anybody here watches."""
    return helius_parsing.read(
        transactions,
        watched=_watched(transactions),
        sol_price=tokens.sol_price(at=at),
        price_of=partial(tokens.known_price, at=at),
    )


@transaction.atomic
def replay(delivery: WebhookDelivery) -> WebhookDelivery:
    """The delivery waits to be read again; what was made of it before is found again and left alone."""
    if WebhookDelivery.objects.filter(pk=delivery.pk, purged_at__isnull=False).exists():
        raise Conflict(_("Its bytes are gone: it was read, and kept for as long as is set."), code="purged")
    changed = (
        WebhookDelivery.objects.filter(pk=delivery.pk, purged_at__isnull=True)
        .exclude(status=DeliveryStatus.RECEIVED, attempts=0)
        .update(status=DeliveryStatus.RECEIVED, attempts=0, error="")
    )
    if not changed:
        raise Conflict(_("The delivery waits to be read already."), code="already_waiting")
    audit.written("webhook.replay", subject="delivery", subject_id=delivery.public_id)
    delivery.refresh_from_db()
    return delivery

"""What webhooks bring: stored as it came, read by a worker, and what nobody understood kept for another reading.

Storing is one statement and all that a sender waits for. Reading is repeatable: what was read before is found again and
left alone, so that a worker that is killed loses nothing.

Source: docs/wallets.md#deliveries
"""

import hashlib
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import Conflict
from intelligence import event_parsing, helius_parsing, signals, tokens
from intelligence.helius_parsing import Malformed, Reading
from intelligence.models import DeliveryStatus, Signal, Wallet, WebhookDelivery, WebhookRegistration

logger = logging.getLogger(__name__)

HELIUS = "helius"
#: Readings that failed for another reason than the content; after these it is dead too.
MOST_ATTEMPTS = 5
_BATCH = 500

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


def read_waiting(*, most: int = _BATCH) -> int:
    """Deliveries that wait are read, the first first; returns how many signals are new. Several workers share them."""
    made = 0
    for _number in range(most):
        found = _read_next()
        if found is None:
            break
        made += found
    return made


def _read_next() -> int | None:
    """How many signals the next delivery brought; None where none waits."""
    with transaction.atomic():
        rows = WebhookDelivery.objects.waiting().filter(attempts__lt=MOST_ATTEMPTS)
        delivery = rows.select_for_update(skip_locked=True, no_key=True).first()
        if delivery is None:
            return None
        try:
            with transaction.atomic():
                return _read(delivery)
        except Exception as error:
            # One that no code was prepared for must not keep the others waiting: it is tried again, and given up.
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


def _read(delivery: WebhookDelivery) -> int:
    try:
        reading = _understood(delivery)
    except Malformed as error:
        reading = Reading(problems=[str(error)])
    recorded = signals.record(
        reading.seen, source=delivery.source, at=delivery.received_at, delivery=delivery, only_of=delivery.owner_id
    )
    said = "; ".join(reading.problems or ([] if reading.seen else reading.ignored or [_("There is nothing in it.")]))
    status = DeliveryStatus.PARSED if reading.seen else DeliveryStatus.IGNORED
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        status=DeliveryStatus.DEAD if reading.problems else status,
        error=said[:1000],
        attempts=F("attempts") + 1,
        parsed_at=timezone.now(),
        signals_made=Signal.objects.filter(delivery=delivery).count(),
        duplicates=recorded.duplicates,
    )
    WebhookRegistration.objects.filter(pk=1).update(last_delivery_at=delivery.received_at)
    return len(recorded.made)


def _understood(delivery: WebhookDelivery) -> Reading:
    body = bytes(delivery.body)
    if delivery.source != HELIUS:
        event = event_parsing.read(body)
        return Reading(seen=list(event.seen or ()), ignored=[event.why_not] if event.why_not else [])
    return of_transactions(body, at=delivery.received_at)


def of_transactions(body: bytes, *, at: datetime) -> Reading:
    """What Helius' transactions say of wallets that anybody here watches. Raises Malformed."""
    transactions = helius_parsing.transactions_of(body)
    named: set[str] = set()
    for transaction_ in transactions:
        try:
            named |= helius_parsing.parties([transaction_])
        except Malformed:
            # The reading says which one, and what is wrong with it.
            continue
    watched = set(Wallet.objects.filter(address__in=named).values_list("address", flat=True))
    return helius_parsing.read(transactions, watched=watched, sol_price=tokens.sol_price(at=at))


@transaction.atomic
def replay(delivery: WebhookDelivery) -> WebhookDelivery:
    """The delivery waits to be read again; what was made of it before is found again and left alone."""
    changed = (
        WebhookDelivery.objects.filter(pk=delivery.pk)
        .exclude(status=DeliveryStatus.RECEIVED, attempts=0)
        .update(status=DeliveryStatus.RECEIVED, attempts=0, error="")
    )
    if not changed:
        raise Conflict(_("The delivery waits to be read already."), code="already_waiting")
    audit.written("webhook.replay", subject="delivery", subject_id=delivery.public_id)
    delivery.refresh_from_db()
    return delivery

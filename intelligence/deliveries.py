"""How long deliveries are kept: what was read goes after a while, what nobody understood stays until it is read.

Source: docs/wallets.md#deliveries
"""

from datetime import datetime

from django.db import connection, transaction

from intelligence.models import DeliveryStatus, WebhookDelivery

#: Days; the database keeps every delivery for one.
SHORTEST = 2
#: Rows of one statement: what is locked and written at a time.
_MOST = 2_000
_DONE = (DeliveryStatus.PARSED.value, DeliveryStatus.IGNORED.value)

# A delivery that signals came from loses its bytes and stays, as they name it and never change; each of them has its
# own transaction. So it is known again when it comes again.
_EMPTY = """
UPDATE intelligence_webhookdelivery SET body = '', purged_at = %(at)s
WHERE id IN (
    SELECT d.id FROM intelligence_webhookdelivery d
    WHERE d.status = ANY(%(done)s) AND d.purged_at IS NULL AND d.received_at < %(before)s
        AND EXISTS (SELECT FROM intelligence_signal s WHERE s.delivery_id = d.id)
    ORDER BY d.received_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""
_DELETE = """
DELETE FROM intelligence_webhookdelivery
WHERE id IN (
    SELECT d.id FROM intelligence_webhookdelivery d
    WHERE d.status = ANY(%(done)s) AND d.purged_at IS NULL AND d.received_at < %(before)s
        AND NOT EXISTS (SELECT FROM intelligence_signal s WHERE s.delivery_id = d.id)
    ORDER BY d.received_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""


def old(before: datetime) -> int:
    """How many deliveries of before that time are done with and have their bytes still."""
    return WebhookDelivery.objects.done().filter(received_at__lt=before).count()


def purge(*, before: datetime, at: datetime) -> int:
    """What was read, or was nothing to us, before that time is gone: its bytes, and itself where no signal names it.

    What waits or was not understood stays, and so does every signal. Returns how many.
    """
    gone = 0
    for statement in (_EMPTY, _DELETE):
        while done := _some(statement, before=before, at=at):
            gone += done
    return gone


@transaction.atomic
def _some(statement: str, *, before: datetime, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"done": list(_DONE), "before": before, "at": at, "most": _MOST})
        return int(cursor.rowcount)

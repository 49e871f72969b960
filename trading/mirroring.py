"""The source of copied trades sells: every plan that mirrors it gets out, each by itself.

No step asks a breaker, which never stops an exit. Source: docs/exits.md#plans-of-orders
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from trading import marks, monitoring, orders
from trading.errors import InvalidState
from trading.models import ManagedPosition


@dataclass(slots=True)
class Mirrored:
    """What a sale by the source came to: plans that got out of what they held, that no longer wait for their entry,
    that were on their way out already, and that do not mirror.
    """

    left: list[ManagedPosition] = field(default_factory=list)
    canceled: list[ManagedPosition] = field(default_factory=list)
    leaving: list[ManagedPosition] = field(default_factory=list)
    staying: list[ManagedPosition] = field(default_factory=list)


def source_sold(plans: Iterable[ManagedPosition], *, at: datetime | None = None) -> Mirrored:
    """All that the mirroring ones of these open plans hold is on its way out, and what waits for an entry is canceled.

    A plan whose entry has filled in part gets out of that part, and the rest of its entry is canceled. Said twice, it
    changes nothing. The orders of the exits are placed by the next look of the monitor, or `exit_orders.submit_exits`.
    """
    done, now = Mirrored(), at or timezone.now()
    # As they are now: what was read before may have ended since.
    rows = ManagedPosition.objects.open().filter(pk__in=[each.pk for each in plans])
    found = list(rows.select_related("entry_order").order_by("id"))
    newest = marks.newest(each.instrument_id for each in found)
    for managed in found:
        if not managed.plan.mirrors:
            done.staying.append(managed)
            continue
        waited = _no_longer_enters(managed)
        mark = newest.get(managed.instrument_id)
        price = mark.exit_price(is_long=managed.is_long) if mark else None
        judged = monitoring.judge(managed, price=price, at=mark.at if mark else None, now=now, source_sold=True)
        told = done.left if judged.exits else done.canceled if waited else done.leaving
        told.append(managed)
    return done


def _no_longer_enters(managed: ManagedPosition) -> bool:
    """What may still fill of the entry is canceled; whether there was anything."""
    if managed.is_entered or managed.entry_order is None:
        return False
    try:
        orders.cancel(managed.entry_order)
    except InvalidState:
        # It ended a moment ago.
        return False
    return True

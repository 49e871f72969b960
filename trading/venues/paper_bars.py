"""Paper orders that are filled from bars, in accounts that want it so: each bar once, in order, as if it came just now.

An order meets the bars that begin after it was placed. Of stop and target in one bar, the stop.
Source: docs/orders.md#filled-from-bars
"""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import PaperFills
from trading import orders
from trading.bars import LENGTHS
from trading.models import Bar, BarProgress, Instrument, Order, OrderQuerySet, Venue
from trading.venues import paper

logger = logging.getLogger(__name__)


def meet(instrument: Instrument, *, timeframe: str) -> int:
    """Waiting orders have met every bar of the timeframe that is over and that none has met; fills and ends of them.

    Bars of another timeframe that overlap those that were met are left out: no minute is met twice. One that is loaded
    after a later one has been met is left out too, for orders cannot be filled in the past of others.
    """
    if not _waiting(instrument).exists():
        return 0
    done = 0
    since, now = _since(instrument), timezone.now()
    rows = Bar.objects.filter(instrument=instrument, timeframe=timeframe, starts_at__lte=now - LENGTHS[timeframe])
    if since is not None:
        rows = rows.filter(starts_at__gte=since)
    first = _waiting(instrument).order_by("created_at").values_list("created_at", flat=True).first()
    if first is not None:
        rows = rows.filter(starts_at__gte=first)
    for bar in rows.order_by("starts_at").iterator(chunk_size=1000):
        done += _met(bar)
    return done


@transaction.atomic
def _met(bar: Bar) -> int:
    """The orders have met the bar, unless somebody else let them meet it, or a later one."""
    closed_at = bar.starts_at + LENGTHS[bar.timeframe]
    progress, _made = BarProgress.objects.select_for_update().get_or_create(
        instrument_id=bar.instrument_id, defaults={"met_until": bar.starts_at}
    )
    if bar.starts_at < progress.met_until:
        return 0
    done = _expire(bar.instrument_id, at=bar.starts_at) + paper.match_bar(bar, closed_at=closed_at)
    progress.met_until = closed_at
    progress.save(update_fields=["met_until"])
    return done


def _expire(instrument_id: int, *, at: datetime) -> int:
    """Orders whose time was over before the bar began have ended, as they would have had it come in time."""
    over = Order.objects.live().filter(
        instrument_id=instrument_id, venue=Venue.PAPER, account__paper_fills=PaperFills.BARS, expires_at__lte=at
    )
    return sum(not orders.expire(order).is_live for order in over.order_by("expires_at", "id"))


def _since(instrument: Instrument) -> datetime | None:
    return BarProgress.objects.filter(instrument=instrument).values_list("met_until", flat=True).first()


def _waiting(instrument: Instrument) -> OrderQuerySet:
    return Order.objects.live().filter(instrument=instrument, venue=Venue.PAPER, account__paper_fills=PaperFills.BARS)

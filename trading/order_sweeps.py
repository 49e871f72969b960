"""What has to happen to orders though nobody asks: some end by the clock, and none is left alone at the paper venue."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import PaperFills
from trading import orders
from trading.models import Order, OrderQuerySet, Venue
from trading.order_rules.statuses import Status
from trading.order_rules.vocabulary import OrderType
from trading.order_tickets import FRESH
from trading.venues import paper

logger = logging.getLogger(__name__)

#: Whoever places an order has it matched at once; after so long nobody will.
LEFT_ALONE = timedelta(seconds=2)
_WAIT_FOR_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many were dealt with, and how many could not be."""

    done: int
    failed: int


def due(*, at: datetime) -> OrderQuerySet:
    """Live paper orders whose time is over; those at a broker end by its word, those that wait for bars when they come.

    So that a bar which is loaded the day after still finds the orders that stood before it.
    """
    return Order.objects.live().filter(venue=Venue.PAPER, account__paper_fills=PaperFills.QUOTES, expires_at__lte=at)


def expire_due(*, at: datetime) -> Swept:
    """Every order whose time is over has expired; one that cannot be does not keep the others."""
    done, failed = 0, 0
    for pk in list(due(at=at).order_by("expires_at", "id").values_list("pk", flat=True)):
        try:
            done += orders.expire(Order.objects.get(pk=pk)).status == Status.EXPIRED
        except Exception:
            logger.exception("the order %s could not expire", pk)
            failed += 1
    return Swept(done, failed)


def unmatched(*, at: datetime) -> list[int]:
    """The instruments with a paper order that has not met the market, as after the death of who placed it.

    A stop that waits shows no sign of having met it: it is looked at for as long as a quote is fresh, and every later
    quote looks at it anyway.
    """
    alone = Order.objects.filter(
        venue=Venue.PAPER,
        status__in=[Status.NEW, Status.PARTIALLY_FILLED],
        is_resting=False,
        account__paper_fills=PaperFills.QUOTES,
        created_at__lte=at - LEFT_ALONE,
    )
    waits = Q(type__in=_WAIT_FOR_STOPS, is_triggered=False)
    seen = alone.filter(~waits | Q(updated_at__gt=at - FRESH))
    return list(seen.order_by("instrument_id").values_list("instrument_id", flat=True).distinct())


def match_unmatched(*, at: datetime) -> Swept:
    """Every paper order that was left alone has met the market; `done` counts instruments."""
    done, failed = 0, 0
    for instrument_id in unmatched(at=at):
        try:
            paper.match(instrument_id)
        except Exception:
            logger.exception("the orders in instrument %s could not be matched", instrument_id)
            failed += 1
        else:
            done += 1
    return Swept(done, failed)

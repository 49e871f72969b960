"""The review of closed trades that nobody has looked at yet: which comes next, and how many are left."""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from journal import chosen_trades
from journal.filters import MetricsFilter
from trading.models import Trade, TradeQuerySet, TradeStatus

#: Counted no further: to say exactly how many more there are would cost more than it is worth.
MOST_COUNTED = 10_000
#: Trades of the queue that are shown beside the one in hand.
AHEAD = 12


def waiting(user: User, wanted: MetricsFilter | None = None) -> TradeQuerySet:
    """The closed trades that are not reviewed, of those that the filter lets through."""
    is_narrowed = wanted is not None and wanted != MetricsFilter()
    rows = chosen_trades.trades_of(user, wanted) if wanted and is_narrowed else Trade.objects.for_user(user)
    return rows.filter(status=TradeStatus.CLOSED, reviewed_at__isnull=True)


def left(user: User, wanted: MetricsFilter | None = None) -> int:
    """How many trades wait, counted up to one more than `MOST_COUNTED`."""
    return waiting(user, wanted).order_by().values("pk")[: MOST_COUNTED + 1].count()


def done_on(user: User, day: date, zone: ZoneInfo) -> int:
    """How many trades this person has reviewed on this day of theirs."""
    start = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return Trade.objects.for_user(user).filter(reviewed_at__gte=start, reviewed_at__lt=end).count()


def queue(
    user: User,
    *,
    newest_first: bool,
    after: Trade | None = None,
    limit: int = AHEAD,
    wanted: MetricsFilter | None = None,
) -> list[Trade]:
    """The trades that wait, in order, from the one that follows `after` on."""
    rows = waiting(user, wanted).select_related("account", "instrument")
    if after is not None:
        at, pk = after.activity_at, after.pk
        # The first condition of each is implied by the second; PostgreSQL can only seek by it.
        if newest_first:
            rows = rows.filter(activity_at__lte=at).filter(Q(activity_at__lt=at) | Q(pk__lt=pk))
        else:
            rows = rows.filter(activity_at__gte=at).filter(Q(activity_at__gt=at) | Q(pk__gt=pk))
    order = ("-activity_at", "-pk") if newest_first else ("activity_at", "pk")
    return list(rows.order_by(*order)[:limit])


def trade_of(user: User, public_id: UUID) -> Trade | None:
    """This person's trade of this id."""
    return Trade.objects.for_user(user).select_related("account", "instrument").filter(public_id=public_id).first()


def today(user: User) -> tuple[date, ZoneInfo]:
    """The date where this person is, and their zone as the request has it."""
    now = timezone.localtime()
    return now.date(), ZoneInfo(timezone.get_current_timezone_name())

"""Positions under exit plans as pages and the API show them: where each stands at the newest price, what it made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from trading import marks, risk
from trading.exits.plans import ExitPlan
from trading.exits.results import ExitFill, Result, result
from trading.exits.standing import Standing, standing
from trading.models import ManagedPosition, PlanExit, PlanExitReason

_ZERO = Decimal(0)
#: Where a plan stands, and what it made, before anything has entered it.
_WAITS = Standing(None, None, None, is_trail_armed=False, ends_at=None, rides=_ZERO, decided=None)
_NOTHING = Result(_ZERO, _ZERO, None, _ZERO, _ZERO, _ZERO, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan with what follows from it. `price` is that of getting out now, `is_stale` whether it is too old to act on;
    `under_way` are units that exits have claimed and not yet filled.
    """

    managed: ManagedPosition
    plan: ExitPlan
    exits: Sequence[PlanExit]
    price: Decimal | None
    priced_at: datetime | None
    is_stale: bool
    standing: Standing
    result: Result
    under_way: Decimal

    @property
    def stop_words(self) -> str:
        """Which rule put the stop in force where it is."""
        stop = self.standing.stop
        return "" if stop is None else str(PlanExitReason(stop.reason.value).label)


def shown(rows: Sequence[ManagedPosition], *, now: datetime | None = None) -> list[ShownPlan]:
    """The rows in their order, with three queries whatever their number; instruments and accounts are loaded."""
    at = now or timezone.now()
    oldest = at - timedelta(minutes=risk.current().max_price_staleness_minutes)
    newest = marks.newest(row.instrument_id for row in rows)
    exits: dict[int, list[PlanExit]] = defaultdict(list)
    found = PlanExit.objects.filter(managed_position__in=[row.pk for row in rows]).select_related("order")
    for each in found.order_by("number"):
        exits[each.managed_position_id].append(each)
    return [_shown(row, exits[row.pk], newest.get(row.instrument_id), oldest) for row in rows]


def _shown(managed: ManagedPosition, exits: Sequence[PlanExit], mark: marks.Mark | None, oldest: datetime) -> ShownPlan:
    price = mark.exit_price(is_long=managed.is_long) if mark and managed.is_open else None
    plan, entry, state = managed.plan, managed.entry, managed.state
    # What left otherwise was sold by something else, and made whatever that made.
    kept = entry.quantity - managed.gone
    own = replace(entry, quantity=kept) if kept else entry
    fills = [ExitFill(each.filled_quantity, each.filled_price) for each in exits if each.filled_price is not None]
    return ShownPlan(
        managed=managed,
        plan=plan,
        exits=exits,
        price=price,
        priced_at=mark.at if mark else None,
        is_stale=mark is not None and mark.at < oldest,
        standing=standing(plan, entry, state, price=price) if entry.quantity else _WAITS,
        result=result(own, fills, price=price, multiplier=managed.multiplier) if entry.quantity else _NOTHING,
        under_way=sum((each.quantity - each.filled_quantity for each in exits if each.ended_at is None), Decimal(0)),
    )

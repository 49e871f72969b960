"""The orders of decided exits: placed once each, and what they filled is told to the plan.

The intent comes first: an exit is stored with the state that decided it, and its order is placed afterwards, under a
name that is the same for every worker and every try. A look does all of it, so what a killed worker left is found.

Source: docs/exits.md#storage-and-the-monitor
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import IdempotencyConflict
from accounts.prepared import run
from trading import entry_plans, exit_plans, monitoring, orders, risk
from trading.errors import InvalidState
from trading.models import ManagedPosition, Order, OrderSource, PlanExit, PlanExitReason, Position
from trading.models.order import ENDS
from trading.monitoring import Ticked
from trading.order_rows import Intent, Request
from trading.order_rules.reservations import Held
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import (
    ASSET_CLASS_OF_KIND,
    AssetClass,
    OrderType,
    PositionIntent,
    Purpose,
    TimeInForce,
)

#: Exits of one step of a look; the rest wait for the next.
MOST = 2_000
#: Exits of which the orders are placed in one transaction.
AT_ONCE = 200

_PURPOSES = {
    PlanExitReason.STOP_LOSS: Purpose.EXIT_STOP_LOSS,
    PlanExitReason.BREAK_EVEN: Purpose.EXIT_STOP_LOSS,
    PlanExitReason.MIRROR: Purpose.EXIT_MIRROR,
    PlanExitReason.TRAILING_STOP: Purpose.EXIT_TRAILING_STOP,
    PlanExitReason.TIME: Purpose.EXIT_MANUAL,
    PlanExitReason.SCALING: Purpose.EXIT_SCALING,
    PlanExitReason.TAKE_PROFIT: Purpose.EXIT_TAKE_PROFIT,
    PlanExitReason.MANUAL: Purpose.EXIT_MANUAL,
}

# What open plans hold of each position: units that remain, and units that exits claimed and their orders did not fill.
# The orders are asked, not the exits: an order fills in the transaction that makes the position smaller.
_TOO_MUCH = """
SELECT held.account_id, held.instrument_id, held.side,
       held.units - coalesce(CASE WHEN (p.quantity > 0) = (held.side = 'long') THEN abs(p.quantity) END, 0) AS excess
FROM (
    SELECT m.account_id, m.instrument_id, m.side, sum(m.remaining + coalesce(u.units, 0)) AS units
    FROM trading_managedposition m
    LEFT JOIN LATERAL (
        SELECT sum(e.quantity - coalesce(o.filled_quantity, 0)) AS units
        FROM trading_planexit e LEFT JOIN trading_order o ON o.id = e.order_id
        WHERE e.managed_position_id = m.id AND e.ended_at IS NULL
    ) u ON m.exits > 0
    WHERE m.closed_at IS NULL AND m.status <> 'pending'
    GROUP BY m.account_id, m.instrument_id, m.side
) held
LEFT JOIN trading_position p ON p.account_id = held.account_id AND p.instrument_id = held.instrument_id
WHERE held.units > coalesce(CASE WHEN (p.quantity > 0) = (held.side = 'long') THEN abs(p.quantity) END, 0)
"""


@dataclass(slots=True)
class Looked:
    """What one look came to."""

    ticked: Ticked = field(default_factory=Ticked)
    settled: int = 0
    shrunk: int = 0
    placed: int = 0
    refused: int = 0

    def said(self) -> str:
        """In one line, for a log."""
        ticked = self.ticked
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(ticked.exits_by_reason.items()))
        return (
            f"{ticked.judged} plans judged, {ticked.changed} changed, {ticked.exits} exits"
            f"{f' ({reasons})' if reasons else ''}, {self.placed} orders placed, {self.refused} refused, "
            f"{self.settled} settled, {self.shrunk} smaller than their plans, {ticked.alerts} alerts"
        )


def look(*, now: datetime | None = None, batch: int = monitoring.BATCH) -> Looked:
    """What exits filled is told to their plans, every plan was judged, and exits without an order have one."""
    done = Looked()
    done.settled = settle_exits(now=now)
    done.shrunk = fit_positions(now=now)
    longest_age = timedelta(minutes=risk.current().max_price_staleness_minutes)
    abandon_entries()
    done.ticked = monitoring.tick(now=now, batch=batch, longest_age=longest_age)
    done.placed, done.refused = submit_exits(now=now)
    return done


def submit_exits(*, now: datetime | None = None) -> tuple[int, int]:
    """Exits that have no order have one, as far as it was taken; how many, and how many were refused.

    A refusal is kept with the plan in words, and the same exit is tried again after a while.
    """
    at = now or timezone.now()
    waiting = list(
        PlanExit.objects.filter(order=None, ended_at=None)
        .filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=at))
        .select_related("managed_position__account", "managed_position__instrument")
        .order_by("id")[:MOST]
    )
    placed = refused = 0
    for start in range(0, len(waiting), AT_ONCE):
        counts = _submit(waiting[start : start + AT_ONCE], at=at)
        placed, refused = placed + counts[0], refused + counts[1]
    return placed, refused


_PLACED = """
UPDATE trading_planexit e SET order_id = g.order_id, attempts = attempts + 1, next_attempt_at = NULL, problem = ''
FROM unnest(%s::bigint[], %s::bigint[]) AS g(id, order_id) WHERE e.id = g.id AND e.order_id IS NULL
"""


def _submit(waiting: Sequence[PlanExit], *, at: datetime) -> tuple[int, int]:
    held = _held([each.managed_position for each in waiting])
    going: list[tuple[PlanExit, Request]] = []
    for each in waiting:
        units = held.get((each.managed_position.account_id, each.managed_position.instrument_id), Decimal(0))
        if (units > 0) is each.managed_position.is_long and units:
            going.append((each, _request_of(each, held=abs(units))))
        else:
            words = _("Nothing is held any more.")
            exit_plans.settle(each, filled=Decimal(0), average_price=None, is_over=True, at=at, words=words)
    if not going:
        return 0, 0
    _make_room(going, held)
    carried: dict[int, int] = {}
    answers = orders.place_many([request for _each, request in going])
    for (each, request), answer in zip(going, answers, strict=True):
        if isinstance(answer, orders.Placed):
            carried[each.pk] = answer.order.pk
        elif isinstance(answer.error, IdempotencyConflict):
            # Another worker placed it a moment ago, when more or less was held.
            found = Order.objects.get(account=request.account, client_order_id=each.client_order_id)
            carried[each.pk] = found.pk
        else:
            exit_plans.refused(each, words=answer.error.message, at=at)
    run(_PLACED, [list(carried), list(carried.values())])
    return len(carried), len(going) - len(carried)


def _make_room(going: Sequence[tuple[PlanExit, Request]], held: Mapping[tuple[int, int], Decimal]) -> None:
    """Orders of a person that wait to close units which these exits need are canceled: exits run, whatever waits.

    A level leaves the stops of a person alone; all else takes targets first and then stops, the newest of each first.
    """
    pairs = {(request.account.pk, request.instrument.pk) for _each, request in going}
    closing = Order.objects.live().filter(
        account_id__in={account for account, _instrument in pairs},
        instrument_id__in={instrument for _account, instrument in pairs},
        held=Held.HOLDINGS,
        reserved_units__gt=0,
    )
    waiting: dict[tuple[int, int], list[Order]] = {}
    for order in closing.order_by("id"):
        waiting.setdefault((order.account_id, order.instrument_id), []).append(order)
    needed: dict[tuple[int, int], Decimal] = {}
    for each, request in going:
        pair = (request.account.pk, request.instrument.pk)
        there = waiting.get(pair, [])
        needed[pair] = needed.get(pair, Decimal(0)) + (request.ticket.quantity or Decimal(0))
        for order in _in_the_way(there, is_level=each.level is not None):
            if abs(held[pair]) - sum((other.reserved_units for other in there), Decimal(0)) >= needed[pair]:
                break
            there.remove(order)
            _cancel_for(each.managed_position, order)


def _cancel_for(managed: ManagedPosition, order: Order) -> None:
    with suppress(InvalidState):
        orders.cancel(order)
        words = _("%(symbol)s: an order that waited was canceled, so that an exit can run.")
        exit_plans.noted(managed, words % {"symbol": managed.instrument.symbol})


def _in_the_way(there: Iterable[Order], *, is_level: bool) -> list[Order]:
    """Those of these orders that may be canceled for an exit, those first that are missed least."""
    own = [order for order in there if order.source != OrderSource.PLAN and not (is_level and risk.is_stop(order))]
    return sorted(own, key=lambda order: (risk.is_stop(order), -order.pk))


def abandon_entries() -> int:
    """No entry order waits any more whose plan is on its way out; how many were canceled by this."""
    canceled = 0
    for order in entry_plans.to_abandon():
        try:
            orders.cancel(order)
        except InvalidState:
            # It ended a moment ago.
            continue
        canceled += 1
    return canceled


def settle_exits(*, now: datetime | None = None) -> int:
    """Every plan knows what the orders of its exits have filled, and has back what those that ended did not."""
    at = now or timezone.now()
    told = 0
    for each, order in _moved():
        exit_plans.settle(
            each,
            filled=min(order.filled_quantity, each.quantity),
            average_price=order.filled_average_price,
            is_over=order.status in ENDS,
            at=at,
            words=_why(order),
        )
        told += 1
    return told


def fit_positions(*, now: datetime | None = None) -> int:
    """No plans hold more than their position: units that left it otherwise are taken off the newest plans first."""
    with connection.cursor() as cursor:
        cursor.execute(_TOO_MUCH)
        found: list[tuple[int, int, str, Decimal]] = cursor.fetchall()
    at = now or timezone.now()
    for account, instrument, side, excess in found:
        plans = ManagedPosition.objects.open().filter(
            account=account, instrument=instrument, side=side, remaining__gt=0
        )
        for plan in plans.order_by("-id"):
            if excess <= 0:
                break
            gone = min(excess, plan.remaining)
            exit_plans.found_gone(plan, quantity=gone, at=at)
            excess -= gone
    return len(found)


def _moved() -> Iterator[tuple[PlanExit, Order]]:
    """Exits under way whose orders have filled more, or ended, since they were asked."""
    rows = (
        PlanExit.objects.filter(ended_at=None, order__isnull=False)
        .filter(Q(order__status__in=ENDS) | ~Q(order__filled_quantity=F("filled_quantity")))
        .select_related("order")
        .order_by("id")[:MOST]
    )
    for each in rows:
        assert each.order is not None
        yield each, each.order


def _held(plans: Iterable[ManagedPosition]) -> dict[tuple[int, int], Decimal]:
    """The signed units that are held where these plans are, by account and instrument."""
    plans = list(plans)
    rows = Position.objects.filter(
        account_id__in={each.account_id for each in plans}, instrument_id__in={each.instrument_id for each in plans}
    )
    return {(account, instrument): units for account, instrument, units in rows.values_list(*_HELD)}


_HELD = ("account_id", "instrument_id", "quantity")


def _request_of(plan_exit: PlanExit, *, held: Decimal) -> Request:
    """The order that carries the exit out.

    Where less is held than it claimed, what is held goes out; the rest comes back and is found to be gone.
    """
    managed = plan_exit.managed_position
    instrument = managed.instrument
    intent = PositionIntent.SELL_TO_CLOSE if managed.is_long else PositionIntent.BUY_TO_CLOSE
    is_crypto = ASSET_CLASS_OF_KIND.get(instrument.kind) is AssetClass.CRYPTO
    ticket = Ticket(
        side=intent.side,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_crypto else TimeInForce.DAY,
        quantity=min(plan_exit.quantity, held),
        position_intent=intent,
    )
    purpose = _PURPOSES[PlanExitReason(plan_exit.reason)]
    why = Intent(client_order_id=plan_exit.client_order_id, purpose=purpose, source=OrderSource.PLAN)
    return Request(managed.account, instrument, ticket, why)


def _why(order: Order) -> str:
    said = " ".join(reason.said(_) for reason in orders.reasons_of(order))
    return said or _("The order of the exit ended: %(status)s.") % {"status": order.status}

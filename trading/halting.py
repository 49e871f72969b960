"""The kill switch in full, and flattening: what to do with orders and positions once trading is to stop.

`trading.risk` switches breakers; here the orders that wait are canceled (level 3), and everything held is got out of,
which is an act of its own and never follows by itself.
Source: docs/risk.md#the-kill-switch
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity
from accounts.errors import DomainError, InvalidValue
from accounts.models import Account, AccountKind, ActivityKind, User
from trading import exit_plans, orders, risk, trades
from trading.exits.plans import ExitPlan
from trading.models import (
    BreakerMode,
    BreakerState,
    ManagedPosition,
    Order,
    OrderQuerySet,
    OrderSource,
    Position,
    Venue,
)
from trading.order_rows import Intent, Request
from trading.order_rules.reservations import Held
from trading.order_rules.statuses import Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, PositionIntent, Purpose, Side, TimeInForce
from trading.risk.breakers import Target
from trading.risk.exposure import Pair
from trading.risk.measuring import same_strategy
from trading.venues import paper

#: Positions that are got out of in one transaction.
AT_ONCE = 200
#: Every plan has one; of one whose deadline is now no price is asked.
_UNUSED_STOP = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Halted:
    """What the kill switch did: the breaker, and how many orders were canceled."""

    breaker: BreakerState
    canceled: int


def halt(user: User, target: Target, *, level: int, note: str, at: datetime) -> Halted:
    """New risk is stopped: 1 takes no new exposure, 2 halts all but exits, 3 also cancels entries that wait.

    Positions stay as they are, and exits run. Raises as `risk.activate` does, and then nothing has changed.
    """
    waiting = entries_under(target) if level == 3 else []
    if connection.in_atomic_block:
        # In one transaction all are held before the first is canceled, which moves their person's version on.
        trades.lock_accounts(each.account_id for each in waiting)
    stopped = risk.stop(user, target, level=level, note=note, at=at, entries=[each.public_id for each in waiting])
    return Halted(stopped.breaker, _canceled(waiting, stopped.to_cancel))


def _canceled(waiting: Iterable[Order], wanted: Iterable[UUID]) -> int:
    named, count = set(wanted), 0
    for order in waiting:
        if order.public_id not in named:
            continue
        try:
            orders.cancel(order)
        except DomainError:
            # It was filled or canceled in the meantime: there is nothing left to cancel.
            continue
        count += 1
    return count


def entries_under(target: Target) -> list[Order]:
    """Live orders of the target that would open or add to a position, the oldest first; exits are none of them."""
    rows: OrderQuerySet = Order.objects.live()
    if target.owner is not None:
        rows = rows.filter(owner=target.owner)
    if target.account is not None:
        rows = rows.filter(account=target.account)
    elif target.mode == BreakerMode.SIMULATION:
        rows = rows.filter(account__kind=AccountKind.PAPER)
    else:
        rows = rows.exclude(account__kind=AccountKind.PAPER)
    found = rows.order_by("id")
    if not target.strategy:
        return risk.opening(found)
    return risk.opening(each for each in found if same_strategy(each.strategy) == same_strategy(target.strategy))


@dataclass(frozen=True, slots=True)
class Flattened:
    """Orders that get out of everything; how many positions wait for their broker, and how many are as they were."""

    placed: list[Order]
    waiting: int
    refused: int


def held_under(owner: User, account: Account | None) -> list[Position]:
    """What flattening would get out of."""
    rows = Position.objects.for_user(owner).select_related("account", "instrument").order_by("account_id", "id")
    return list(rows if account is None else rows.filter(account=account))


def flatten(owner: User, account: Account | None, *, confirmed: bool, meets_market: bool = True) -> Flattened:
    """An order at the market stands for every position of this account, or of all of the person's accounts.

    What waits in its instrument is canceled with it: where the order is refused, all that protects the position stays.
    A broker cancels first, which takes time: there the monitor gets out as soon as the units are free. Positions
    without a fresh price wait for one. Inside of a transaction that is about to be committed the orders do not meet the
    market before: `meet_market` is for afterwards. Raises InvalidValue where nobody has confirmed it, and nothing is
    changed.
    """
    if not confirmed:
        raise InvalidValue(_("Confirm that everything is to be sold or bought back."), pointer="/confirm")
    positions = held_under(owner, account)
    if connection.in_atomic_block:
        # As above: the first of them to be got out of moves the version on.
        trades.lock_accounts(each.account_id for each in positions)
    behind = [position for position in positions if _has_exits_outside(position)]
    made: list[Order] = []
    waiting = refused = 0
    for position in behind:
        try:
            waiting += _left_to_the_monitor(position, by=owner, now=timezone.now())
        except DomainError as error:
            refused += 1
            _tell({position: str(error.message)})
    at_once = [position for position in positions if position not in behind]
    for start in range(0, len(at_once), AT_ONCE):
        placed, why = _got_out_of(at_once[start : start + AT_ONCE])
        made += placed
        refused += len(why)
        _tell(why)
    if meets_market:
        meet_market(made)
    return Flattened(list(Order.objects.filter(pk__in=[order.pk for order in made])), waiting, refused)


def meet_market(placed: Iterable[Order]) -> None:
    """Those of the orders that stand at the paper venue have met the market."""
    for instrument in sorted({order.instrument_id for order in placed if order.venue == Venue.PAPER}):
        paper.match(instrument)


class _Refused(Exception):
    """Takes back what was canceled for orders that do not stand."""

    def __init__(self, why: dict[Position, str]) -> None:
        self.why = why


def _got_out_of(positions: list[Position]) -> tuple[list[Order], dict[Position, str]]:
    """Orders that close these; and the positions that none could be placed for, with why, where nothing has changed."""
    against: dict[Position, str] = {}
    while True:
        try:
            refused = {_pair(each) for each in against}
            return _closed([each for each in positions if _pair(each) not in refused]), against
        except _Refused as error:
            # What goes out together may need each other: the others are judged anew, without these.
            against |= error.why


@transaction.atomic
def _closed(positions: list[Position]) -> list[Order]:
    """All of these have an order, and nothing else waits in them. Raises _Refused, and nothing has changed."""
    trades.lock_accounts(sorted({position.account_id for position in positions}))
    # Before the first cancellation moves the version on, for which others wait who hold the book.
    for owner in sorted({position.owner_id for position in positions}):
        risk.Book.hold(owner)
    held = _as_now(positions)
    for position in held:
        _cancel_what_waits(position)
    answers = orders.place_many([_way_out(position) for position in held])
    why = {each: _why(answer) for each, answer in zip(held, answers, strict=True) if not _stands(answer)}
    if why:
        raise _Refused(why)
    return [answer.order for answer in answers if isinstance(answer, orders.Placed)]


def _as_now(positions: Iterable[Position]) -> list[Position]:
    """What is left of these once nobody else can fill anything: one that changed has another row than before."""
    wanted = {_pair(each) for each in positions}
    rows = Position.objects.select_related("account", "instrument").filter(
        account__in={account for account, _instrument in wanted},
        instrument__in={instrument for _account, instrument in wanted},
    )
    return [each for each in rows.order_by("account_id", "id") if _pair(each) in wanted]


def _pair(position: Position) -> Pair:
    return (position.account_id, position.instrument_id)


def _stands(answer: orders.Placed | orders.NotPlaced) -> bool:
    return isinstance(answer, orders.Placed) and answer.order.status != Status.REJECTED


def _why(answer: orders.Placed | orders.NotPlaced) -> str:
    if isinstance(answer, orders.NotPlaced):
        return str(answer.error.message)
    return " ".join(reason.said(_) for reason in orders.reasons_of(answer.order))


def _tell(why: dict[Position, str]) -> None:
    words = _("%(symbol)s in %(account)s could not be closed, and what protects it stays: %(reason)s")
    for position, reason in why.items():
        told = {"symbol": position.instrument.symbol, "account": position.account.name, "reason": reason}
        activity.noted(
            position.account.owner_id, ActivityKind.WARNING, words % told, link="/desk/", account_id=position.account_id
        )


def _cancel_what_waits(position: Position, *, but: str = "") -> None:
    waiting = Order.objects.live().filter(account=position.account_id, instrument=position.instrument_id)
    for order in waiting.exclude(source=but).order_by("id"):
        # Where one ends others of its group have ended with it.
        with suppress(DomainError):
            orders.cancel(order)


def _has_exits_outside(position: Position) -> bool:
    """Whether units are held by orders at a broker, who takes no other order for them until those have ended."""
    if position.account.venue == Venue.PAPER:
        return False
    waiting = Order.objects.live().filter(account=position.account_id, instrument=position.instrument_id)
    return waiting.filter(held=Held.HOLDINGS).exclude(venue=Venue.PAPER).exists()


@transaction.atomic
def _left_to_the_monitor(position: Position, *, by: User, now: datetime) -> bool:
    """The broker is asked to cancel what waits, and all that is held is under plans whose deadline is now.

    Their exits are tried until they are taken, by whoever looks, whatever becomes of this process; none waits out what
    failed before. False where nothing is held any more, and nothing has changed.
    """
    trades.lock_accounts([position.account_id])
    held = _as_now([position])
    if not held:
        return False
    (position,) = held
    _cancel_what_waits(position, but=OrderSource.PLAN)
    plans = ManagedPosition.objects.open().filter(account=position.account, instrument=position.instrument)
    for managed in plans.select_for_update(no_key=True).order_by("id"):
        exit_plans.wake(managed)
        if managed.remaining > 0 and not managed.decided:
            due = {"exit_at": _due(now, after=managed.entry.at).isoformat()}
            exit_plans.override(managed, changes=due, by=by, revision=managed.revision)
    free = abs(position.quantity) - exit_plans.committed(position.account_id, position.instrument_id)
    if free > 0:
        plan = ExitPlan(stop_loss=_UNUSED_STOP, exit_at=_due(now, after=position.opened_at))
        exit_plans.open_plan(position.account, position.instrument, plan=plan, quantity=free)
    return True


def _due(now: datetime, *, after: datetime | None) -> datetime:
    """Now, or as soon as a deadline may be: a broker's clock may be ahead of ours."""
    return now if after is None else max(now, after + timedelta(microseconds=1))


def _way_out(position: Position) -> Request:
    is_long = position.quantity > 0
    ticket = Ticket(
        side=Side.SELL if is_long else Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=abs(position.quantity),
        position_intent=PositionIntent.SELL_TO_CLOSE if is_long else PositionIntent.BUY_TO_CLOSE,
    )
    intent = Intent(f"flatten:{uuid4()}", Purpose.EXIT_MANUAL, OrderSource.UI)
    return Request(position.account, position.instrument, ticket, intent)

"""The kill switch in full, and flattening: what to do with orders and positions once trading is to stop.

`trading.risk` switches breakers; here the orders that wait are canceled (level 3), and everything held is got out of,
which is an act of its own and never follows by itself.
Source: docs/risk.md#the-kill-switch
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.utils.translation import gettext as _

from accounts.errors import DomainError, InvalidValue
from accounts.models import Account, AccountKind, User
from trading import orders, risk
from trading.models import BreakerMode, BreakerState, Order, OrderQuerySet, OrderSource, Position
from trading.order_rows import Intent, Request
from trading.order_rules.statuses import Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, PositionIntent, Purpose, Side, TimeInForce
from trading.risk.breakers import Target
from trading.risk.measuring import same_strategy
from trading.venues import paper

#: Positions that are got out of in one transaction.
AT_ONCE = 200


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
    """Orders that get out of everything, and how many were refused or could not be placed."""

    placed: list[Order]
    refused: int


def held_under(owner: User, account: Account | None) -> list[Position]:
    """What flattening would get out of."""
    rows = Position.objects.for_user(owner).select_related("account", "instrument").order_by("account_id", "id")
    return list(rows if account is None else rows.filter(account=account))


def flatten(owner: User, account: Account | None, *, confirmed: bool) -> Flattened:
    """An order at the market stands for every position of this account, or of all of the person's accounts.

    Orders that wait to close the same units are canceled first. Positions without a fresh price wait for one.
    Raises InvalidValue where nobody has confirmed it, and nothing is changed.
    """
    if not confirmed:
        raise InvalidValue(_("Confirm that everything is to be sold or bought back."), pointer="/confirm")
    positions = held_under(owner, account)
    _cancel_exits(positions)
    answers: list[orders.Placed | orders.NotPlaced] = []
    for start in range(0, len(positions), AT_ONCE):
        answers += orders.place_many([_way_out(position) for position in positions[start : start + AT_ONCE]])
    made = [answer.order for answer in answers if isinstance(answer, orders.Placed)]
    for instrument in sorted({order.instrument_id for order in made if order.is_live}):
        paper.match(instrument)
    stands = list(Order.objects.filter(pk__in=[order.pk for order in made]).exclude(status=Status.REJECTED))
    return Flattened(stands, len(positions) - len(stands))


def _cancel_exits(positions: list[Position]) -> None:
    for position in positions:
        waiting = Order.objects.live().filter(account=position.account, instrument=position.instrument)
        for order in waiting.order_by("id"):
            try:
                orders.cancel(order)
            except DomainError:
                continue


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

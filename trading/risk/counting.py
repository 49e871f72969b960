"""What counts towards the limits on all that is open: positions, trades of the day, and orders that wait to open more.

An order that waits counts as what it would become, so that no limit is passed by asking for several things before the
first of them is there. Source: docs/risk.md#limits
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Self

from django.db import connection
from django.db.models import Count

from accounts.models import Account
from trading.models import Instrument, Order, Position, RiskLimit, Trade
from trading.order_rules.amounts import ZERO, difference, product
from trading.risk.exposure import Pair, those_that_open


@dataclass(frozen=True, slots=True)
class Worth:
    """What a position or an order that waits is worth, in its own currency; None where nothing says."""

    pair: Pair
    amount: Decimal | None
    currency: str


@dataclass(slots=True)
class Book:
    """All that one person holds, has opened of late and waits for, read once for many orders.

    Orders that are let through are added as they are decided, so that each sees those before it.
    """

    held: list[Worth] = field(default_factory=list)
    waiting: list[Worth] = field(default_factory=list)
    opened: Counter[tuple[Pair, date]] = field(default_factory=Counter)
    #: Where there is a position or will be one, and where there is none yet.
    pairs: set[Pair] = field(init=False)
    awaited: set[Pair] = field(init=False)

    def __post_init__(self) -> None:
        held, waiting = ({each.pair for each in worths} for worths in (self.held, self.waiting))
        self.pairs, self.awaited = held | waiting, waiting - held

    @staticmethod
    def hold(owner_id: int) -> None:
        """Until the transaction ends nobody else counts this person's book to add to it: a limit on all of it holds.

        Who needs several takes them in the order of their owners, once the accounts are held.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(7307, %s)", [owner_id % 2_147_483_647])

    @classmethod
    def of(cls, owner_id: int, *, at: datetime) -> Self:
        """The book of this person as it is now: three statements, however much there is."""
        positions = list(Position.objects.filter(owner=owner_id).select_related("trade"))
        live = list(Order.objects.live().filter(owner=owner_id).select_related("instrument"))
        # Some account's day may have begun already, or not be over yet.
        near = (at.date() - timedelta(days=1), at.date() + timedelta(days=1))
        days = Trade.objects.filter(owner=owner_id, opened_on__range=near).order_by()
        counted = days.values_list("account_id", "instrument_id", "opened_on").annotate(Count("id"))
        return cls(
            held=[_worth_of_position(each) for each in positions],
            waiting=[
                _worth_of_order(each)
                for each in those_that_open(live, {_pair(each): each.quantity for each in positions})
            ],
            opened=Counter({((account, instrument), day): number for account, instrument, day, number in counted}),
        )

    def add(self, account: Account, instrument: Instrument, value: Decimal | None) -> None:
        """An order that opens was let through."""
        pair = (account.pk, instrument.pk)
        if pair not in self.pairs:
            self.pairs.add(pair)
            self.awaited.add(pair)
        self.waiting.append(Worth(pair, value, instrument.currency))

    def is_new(self, account: Account, instrument: Instrument) -> bool:
        """Whether an order that opens would make a position that is neither there nor waited for."""
        return (account.pk, instrument.pk) not in self.pairs

    def positions(self, limit: RiskLimit) -> int:
        """The positions that this limit is about, those that are waited for among them."""
        return sum(1 for pair in self.pairs if _is_about(limit, pair))

    def trades(self, limit: RiskLimit, day: date) -> int:
        """The trades that this limit is about and that began on the day, or would with what waits."""
        began = sum(number for (pair, on), number in self.opened.items() if on == day and _is_about(limit, pair))
        return began + sum(1 for pair in self.awaited if _is_about(limit, pair))

    def worths(self, account: Account) -> Iterable[Worth]:
        """What each position of the account is worth, and each of its orders that wait to open more."""
        return [each for each in (*self.held, *self.waiting) if each.pair[0] == account.pk]


def _pair(row: Position | Order) -> Pair:
    return (row.account_id, row.instrument_id)


def _is_about(limit: RiskLimit, pair: Pair) -> bool:
    account_id, instrument_id = pair
    return limit.account_id in (None, account_id) and limit.instrument_id in (None, instrument_id)


def _worth_of_position(position: Position) -> Worth:
    trade = position.trade
    return Worth(
        _pair(position), abs(product(position.quantity, position.average_price, trade.multiplier)), trade.currency
    )


def _worth_of_order(order: Order) -> Worth:
    """What is left of it at its own price, else at what the market gave when it was placed."""
    currency = order.instrument.currency
    if order.quantity is None:
        asked = difference(order.notional or ZERO, abs(order.traded_amount))
        return Worth(_pair(order), asked, currency)
    price = order.limit_price or order.stop_price or order.reference_price
    if price is None:
        return Worth(_pair(order), None, currency)
    left = difference(order.quantity, order.filled_quantity)
    return Worth(_pair(order), product(left, price, order.instrument.multiplier), currency)

"""Comparing an account with its broker: open orders, fills, positions and cash. What the broker knows is taken over.

Everything is found by asking, so it does not matter what was missed: the stream's events make it quick, this makes it
certain. What cannot be repaired is told, and left as it is. Source: docs/alpaca.md#reconciling
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import ledger
from accounts.decimals import plain
from accounts.errors import DomainError
from accounts.models import Account, BrokerConnection, LedgerKind, Portfolio
from trading import trades
from trading.models import CommandKind, CommandStatus, Order, OrderCommand, OrderSource, Position, Venue
from trading.order_rules.statuses import Event, Status
from trading.venues import alpaca
from trading.venues import alpaca_words as words
from trading.venues.alpaca_client import BrokerError, Client
from trading.venues.alpaca_words import Filled, Moved, Seen

logger = logging.getLogger(__name__)

#: Activities younger than this are asked for again: one may still come before those that are known.
OVERLAP = timedelta(minutes=15)
#: A request to cancel or replace that the broker shows no sign of after so long was not taken.
FORGOTTEN = timedelta(seconds=30)
#: Cash is told in cents there.
CENT = Decimal("0.01")
_ZERO = Decimal(0)
_LOCK = 0x0A1B
#: What changes while it is looked at is looked at again.
LOOKS = 3


class Kind(StrEnum):
    """What differs."""

    ORDER = "order"
    FILL = "fill"
    POSITION = "position"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class Difference:
    """What was not the same here and there, and whether it is now. `what` names it, in words for a person."""

    kind: Kind
    what: str
    here: str
    there: str
    is_repaired: bool
    words: str = ""


@dataclass(slots=True)
class Reconciled:
    """What comparing an account found. `orders` and `fills` are how many were looked at."""

    account: Account
    differences: list[Difference] = field(default_factory=list)
    orders: int = 0
    fills: int = 0

    @property
    def left(self) -> list[Difference]:
        """What is still not the same."""
        return [each for each in self.differences if not each.is_repaired]


class Busy(Exception):
    """Somebody else compares this account now."""


class _OnlyLooked(Exception):
    """Takes back what was repaired."""


def sweep(*, at: datetime) -> int:
    """Every connected account was compared and repaired; returns how many differences remain in all."""
    left = 0
    for row in BrokerConnection.objects.select_related("account").order_by("id"):
        try:
            left += len(reconcile(row).left)
        except Busy:
            continue
        except (BrokerError, DomainError) as error:
            logger.warning("the account %s could not be compared with its broker: %s", row.account_id, error)
    return left


def reconcile(row: BrokerConnection, *, is_dry_run: bool = False, accepts_cash: bool = False) -> Reconciled:
    """The account is what its broker says, as far as that can be; with `is_dry_run` it is told, and nothing changed.

    `accepts_cash` books a difference of cash that nothing explains. Raises Busy, BrokerError, KeysMissing.
    """
    work = _Work(row, Client.of(row), accepts_cash=accepts_cash)
    if is_dry_run:
        try:
            with transaction.atomic():
                _hold(row)
                work.run()
                raise _OnlyLooked
        except _OnlyLooked:
            return work.found
    _hold(row)
    try:
        work.run()
        work.remember()
    finally:
        _let_go(row)
    return work.found


def _hold(row: BrokerConnection) -> None:
    with database.cursor() as cursor:
        verb = "pg_try_advisory_xact_lock" if database.in_atomic_block else "pg_try_advisory_lock"
        cursor.execute(f"SELECT {verb}(%s, %s)", [_LOCK, row.pk])
        if not cursor.fetchone()[0]:
            raise Busy


def _let_go(row: BrokerConnection) -> None:
    if not database.in_atomic_block:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, row.pk])


class _Work:
    """One account while it is compared."""

    def __init__(self, row: BrokerConnection, client: Client, *, accepts_cash: bool) -> None:
        self.row, self.client, self.accepts_cash = row, client, accepts_cash
        self.account: Account = row.account
        self.found = Reconciled(self.account)
        self.number = ""
        #: Orders that the broker says have filled more than is known here, with that quantity.
        self.lacking: dict[int, Decimal] = {}
        self.last_activity = row.last_activity

    def run(self) -> None:
        """Everything was compared; positions and cash last, and again where they differ, for both sides move on."""
        self.take_activities()
        self.take_orders()
        if self.lacking:
            self.take_activities()
        self.still_lacking()
        for look in range(LOOKS):
            told = self.client.account() or {}
            self.number = str(told.get("account_number") or "")[:64]
            there = _held_there(self.client.positions())
            differing = [*self.positions(there), *self.cash(told)]
            if not differing:
                break
            if look < LOOKS - 1:
                # What was filled in between explains it.
                self.take_activities()
        else:
            differing = [self.settled(each, told) for each in differing]
            self.found.differences += differing

    def remember(self) -> None:
        """When this was, and what is left, are on file."""
        BrokerConnection.objects.filter(pk=self.row.pk).update(
            reconciled_at=timezone.now(),
            differences=len(self.found.left),
            last_activity=self.last_activity,
            broker_account=self.number or self.row.broker_account,
        )

    def differs(self, kind: Kind, what: str, here: object, there: object, *, is_repaired: bool, why: str = "") -> None:
        """A difference is told."""
        self.found.differences.append(Difference(kind, what, str(here), str(there), is_repaired, why))

    # --- fills and money -----------------------------------------------------------------------------

    def take_activities(self) -> None:
        """Fills and movements of money that are not known here are."""
        fills: dict[str, list[Filled]] = defaultdict(list)
        until = timezone.now() - OVERLAP
        for told in self.client.activities(since_id=self.last_activity):
            fill, money = words.filled(told), words.moved(told)
            if fill is not None:
                fills[fill.order_id].append(fill)
                self.found.fills += 1
            elif money is not None:
                self.take_money(money)
            at = fill.fill.at if fill else money.at if money else None
            if at is not None and at < until:
                self.last_activity = str(told["id"])[:100]
        for broker_id, those in fills.items():
            self.take_fills(broker_id, those)

    def take_fills(self, broker_id: str, told: list[Filled]) -> None:
        """The order has these fills."""
        order = Order.objects.filter(account=self.account, broker_order_id=broker_id).first()
        state = None
        if order is None:
            state = words.seen(self.client.order(broker_id))
            order = None if state is None else self.taken_in(state)
        if order is None:
            self.differs(Kind.FILL, f"{told[0].symbol} of order {broker_id}", "-", len(told), is_repaired=False,
                         why="its order cannot be taken over")  # fmt: skip
            return
        with transaction.atomic():
            trades.lock_accounts([self.account.pk])
            missing = alpaca.missing_fills(order, told)
            if missing:
                order = alpaca.filled(order, missing)
        for fill in missing:
            self.differs(
                Kind.FILL, _named(order), "-", f"{plain(fill.quantity)} at {plain(fill.price)}", is_repaired=True
            )
        if state is not None:
            alpaca.take(order, state)

    def taken_in(self, state: Seen) -> Order | None:
        """The order that this is here, taken in where it was placed elsewhere."""
        known = alpaca.ours(self.account, state)
        if known is not None:
            return known
        order = alpaca.adopt(self.account, state)
        if order is None:
            what = f"{state.symbol or 'several legs'}, {state.id}"
            self.differs(Kind.ORDER, what, "-", state.status, is_repaired=False, why="it cannot be taken over")
        elif order.source == OrderSource.RECONCILIATION:
            why = "placed elsewhere, taken over"
            self.differs(Kind.ORDER, _named(order), "-", state.status, is_repaired=True, why=why)
        return order

    def take_money(self, money: Moved) -> None:
        """Money that came or went is in the ledger, once."""
        key = f"alpaca:{money.id}"
        if ledger_has(self.account, key):
            return
        try:
            with transaction.atomic():
                movement = ledger.Movement(_kind(money), money.amount, note=money.note or money.kind)
                ledger.post(self.account, movement, currency=CURRENCY, idempotency_key=key, at=money.at)
        except DomainError as error:
            self.differs(Kind.CASH, money.kind, "-", plain(money.amount), is_repaired=False, why=error.message)
        else:
            self.differs(Kind.CASH, money.kind, "-", plain(money.amount), is_repaired=True)

    # --- orders ----------------------------------------------------------------------------------------

    def take_orders(self) -> None:
        """Every order that is open there is here as it is there, and what is open here alone ends as it did there."""
        seen: set[int] = set()
        for told in self.client.open_orders():
            state = words.seen(told)
            if state is None:
                continue
            self.found.orders += 1
            order = self.taken_in(state)
            if order is not None:
                seen.add(order.pk)
                seen.update(self.brought(order, state))
        mine = Order.objects.live().filter(account=self.account, venue=Venue.ALPACA).exclude(pk__in=seen)
        for order in mine.select_related("account", "instrument").order_by("id"):
            self.found.orders += 1
            if not self.is_on_its_way(order):
                self.look_for(order)

    def brought(self, order: Order, state: Seen) -> Iterator[int]:
        """The order is as the broker says; the orders that this was about, its legs among them."""
        before = order.status
        order = alpaca.take(order, state)
        self.moved(order, before, state)
        self.answered(order, state)
        yield order.pk
        for leg in state.legs:
            mine = alpaca.ours(self.account, leg)
            if mine is not None:
                yield mine.pk

    def is_on_its_way(self, order: Order) -> bool:
        """Whether whoever sends it is still at it, and will look it up by themselves."""
        is_unsent = order.status in (Status.PENDING_SUBMIT, Status.SUBMIT_UNKNOWN)
        return is_unsent and OrderCommand.objects.open().filter(order=order, kind="submit").exists()

    def look_for(self, order: Order) -> None:
        """An order that is not open there has ended as it did there."""
        told = self.client.order(order.broker_order_id) if order.broker_order_id else None
        state = words.seen(told or self.client.order_of(order.client_order_id))
        if state is None:
            why = "the broker does not have it"
            self.differs(Kind.ORDER, _named(order), order.status, "-", is_repaired=False, why=why)
            return
        before = order.status
        order = alpaca.take(order, state)
        self.moved(order, before, state)
        if state.filled > order.filled_quantity + order.overfill_quantity:
            self.lacking[order.pk] = state.filled

    def still_lacking(self) -> None:
        """Fills that the broker counts and does not tell are told."""
        for order in Order.objects.filter(pk__in=self.lacking).select_related("instrument").order_by("id"):
            here, there = order.filled_quantity + order.overfill_quantity, self.lacking[order.pk]
            if here < there:
                why = "its fills are not among the activities yet"
                self.differs(Kind.FILL, _named(order), plain(here), plain(there), is_repaired=False, why=why)

    def moved(self, order: Order, before: str, state: Seen) -> None:
        """That an order has another status now is told."""
        if order.status != before and before != Status.PENDING_SUBMIT:
            self.differs(Kind.ORDER, _named(order), before, state.status, is_repaired=True)

    def answered(self, order: Order, state: Seen) -> None:
        """A request of which the broker shows no sign is over, and the order what it was before."""
        event = {Status.PENDING_CANCEL: Event.CANCEL_REJECTED, Status.PENDING_REPLACE: Event.REPLACE_REJECTED}
        if order.status not in event or state.status in (Status.PENDING_CANCEL, Status.PENDING_REPLACE):
            return
        since = timezone.now() - FORGOTTEN
        waiting = Q(ended_at=None) | Q(ended_at__gt=since, status=CommandStatus.DONE)
        asked = OrderCommand.objects.filter(order=order).exclude(kind=CommandKind.SUBMIT)
        if asked.filter(waiting).exists():
            return
        order = alpaca.refuse(order, code="", said="", event=event[Status(order.status)])
        order = alpaca.take(order, state)
        why = "the request was not taken"
        self.differs(Kind.ORDER, _named(order), order.status, state.status, is_repaired=True, why=why)

    # --- positions and cash ------------------------------------------------------------------------------

    def positions(self, there: Mapping[str, Decimal]) -> Iterator[Difference]:
        """Where what is held differs."""
        rows = Position.objects.filter(account=self.account).exclude(quantity=0).select_related("instrument")
        here = {_plain_symbol(row.instrument.symbol): row.quantity for row in rows}
        for symbol in sorted({*here, *there}):
            mine, theirs = here.get(symbol, _ZERO), there.get(symbol, _ZERO)
            if mine != theirs:
                yield Difference(Kind.POSITION, symbol, plain(mine), plain(theirs), is_repaired=False)

    def cash(self, told: Mapping[str, object]) -> Iterator[Difference]:
        """Where the money differs, by more than a cent."""
        there = words.number(told.get("cash"))
        if there is None:
            return
        here = cash_of(self.account)
        if abs(here - there) > CENT:
            yield Difference(Kind.CASH, CURRENCY, plain(here), plain(there), is_repaired=False)

    def settled(self, difference: Difference, told: Mapping[str, object]) -> Difference:
        """A difference of cash is booked where that was asked for, and as what an account began with at its first."""
        is_first = self.row.reconciled_at is None
        if difference.kind is not Kind.CASH or not (is_first or self.accepts_cash):
            return difference
        there = words.number(told.get("cash")) or _ZERO
        amount = there - cash_of(self.account)
        key = f"alpaca:opening:{self.row.public_id}" if is_first else f"alpaca:accepted:{timezone.now().isoformat()}"
        note = "Opening balance at Alpaca" if is_first else "Accepted from Alpaca"
        try:
            with transaction.atomic():
                kind = LedgerKind.DEPOSIT if is_first and amount > 0 else LedgerKind.ADJUSTMENT
                movement = ledger.Movement(kind, amount, note=note)
                ledger.post(self.account, movement, currency=CURRENCY, idempotency_key=key, at=timezone.now())
        except DomainError as error:
            return replace(difference, words=error.message)
        return replace(difference, is_repaired=True, words=note)


#: All that Alpaca trades is paid in it.
CURRENCY = "USD"


def cash_of(account: Account) -> Decimal:
    """The account's money, what is set aside included and what is owed taken off."""
    row = Portfolio.objects.filter(account=account, currency=CURRENCY).first()
    return _ZERO if row is None else row.available_balance + row.reserved_balance - row.owed_balance


def ledger_has(account: Account, key: str) -> bool:
    """Whether the ledger has the entry of this key."""
    return Portfolio.objects.filter(account=account, entries__idempotency_key=key).exists()


def _kind(money: Moved) -> str:
    if money.kind in ("CSD", "CSW", "CSR", "TRANS", "JNLC"):
        return LedgerKind.DEPOSIT if money.amount > 0 else LedgerKind.WITHDRAWAL
    if money.kind in ("FEE", "CFEE", "PTC", "DIVFEE") and money.amount < 0:
        return LedgerKind.FEE
    return LedgerKind.ADJUSTMENT


def _named(order: Order) -> str:
    return f"{order.side} {order.instrument.symbol} {order.public_id}"


def _held_there(told: Iterable[object]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for each in told:
        if not isinstance(each, Mapping):
            continue
        quantity = words.number(each.get("qty"))
        if quantity:
            is_short = each.get("side") == "short"
            held[_plain_symbol(str(each.get("symbol")))] = -abs(quantity) if is_short else quantity
    return held


def _plain_symbol(symbol: str) -> str:
    """A position in a currency pair is told without the slash that its orders have."""
    return symbol.replace("/", "").upper()

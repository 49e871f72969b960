"""What an order sets aside, what its fills use of it, and what goes back: exact, and by the order's state alone.

Nothing is added up along the way. What is reserved, paid and held follows from the order's state, and what has to be
booked is the difference between two states. So the order in which fills become known cannot change the result, every
rounding happens once, and an end of any kind reserves nothing.

Unit: money in the instrument's currency, with 8 decimals; holdings in units of the instrument.
Pure: no Django, no clock, no database.

Source: docs/orders.md#reservations
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self

from trading.order_rules.amounts import ZERO, difference, enough_money, is_positive, money, product, share, total
from trading.order_rules.broker_events import OrderState
from trading.order_rules.vocabulary import OrderType, Side

#: How far above the reference a market order to buy may execute, as a fraction, before it lacks money.
MARKET_COLLAR = Decimal("0.02")
#: Alpaca sends stops to buy as stop-limits with these caps over the stop: 4 % below 50, from there on 2.5 %.
STOP_CAP_BELOW, STOP_CAP_FROM, STOP_CAP_AT = Decimal("1.04"), Decimal("1.025"), Decimal(50)
#: A short sale sets aside the value at 3 % above the offer, or at its limit where that is higher.
SHORT_CAP = Decimal("1.03")


class Held(StrEnum):
    """What is set aside: money, units of the instrument, or units of what an option is on."""

    FUNDS = "funds"
    HOLDINGS = "holdings"
    UNDERLYING = "underlying"


@dataclass(frozen=True, slots=True)
class Hold:
    """What an order sets aside.

    `per_unit` is money (multiplier included) or units for each unit of the order. `fees` is the estimate for the
    whole order. An order of an amount of money has no `quantity`: its `per_unit` is that amount, once.
    """

    held: Held
    per_unit: Decimal
    quantity: Decimal | None
    fees: Decimal = ZERO

    @property
    def funds(self) -> Decimal:
        """The money that has to be available when the order is placed."""
        return self.for_leaves(self.quantity) if self.held is Held.FUNDS else ZERO

    @property
    def units(self) -> Decimal:
        """The units that have to be available when the order is placed."""
        return ZERO if self.held is Held.FUNDS else self.for_leaves(self.quantity)

    def for_leaves(self, leaves: Decimal | None, *, charged: Decimal = ZERO) -> Decimal:
        """What is set aside while that much is left to execute; all of it for an amount of money (None).

        Of fees, what the fills so far were `charged` is not needed again, though it was more than their share.
        Money is rounded up at its last decimal, so that what is reserved always suffices.
        """
        if leaves is None or self.quantity is None:
            amount = total((self.per_unit, self.fees))
        else:
            unpaid = max(ZERO, difference(self.fees, charged))
            amount = total((product(self.per_unit, leaves), min(unpaid, share(self.fees, leaves, self.quantity))))
        return enough_money(amount) if self.held is Held.FUNDS else amount


@dataclass(frozen=True, slots=True)
class Prices:
    """What the hold is worked out from. `ask` is the reference for market orders and shorts."""

    limit: Decimal | None = None
    stop: Decimal | None = None
    ask: Decimal | None = None


class NoReference(ValueError):
    """The price that the hold is worked out from is not known; guessing one would reserve too little."""


def hold_to_buy(
    order_type: OrderType,
    quantity: Decimal,
    prices: Prices,
    *,
    multiplier: Decimal = Decimal(1),
    fees: Decimal = ZERO,
    collar: Decimal = MARKET_COLLAR,
) -> Hold:
    """The money for an order to buy: at its limit, at the capped stop, or at the offer and the collar above it.

    `collar` is a fraction. For a trailing stop, `prices.stop` is the stop where it stands now.
    Raises NoReference for a market order without an offer.
    """
    match order_type:
        case OrderType.LIMIT | OrderType.STOP_LIMIT:
            price = _known(prices.limit)
        case OrderType.MARKET:
            price = product(_known(prices.ask), total((Decimal(1), collar)))
        case OrderType.STOP | OrderType.TRAILING_STOP:
            stop = _known(prices.stop)
            price = product(stop, STOP_CAP_BELOW if stop < STOP_CAP_AT else STOP_CAP_FROM)
    return Hold(Held.FUNDS, product(price, multiplier), quantity, fees)


def hold_to_spend(amount: Decimal, *, fees: Decimal = ZERO) -> Hold:
    """The money for an order of an amount: the amount, and its fees."""
    return Hold(Held.FUNDS, amount, None, fees)


def hold_to_sell(quantity: Decimal) -> Hold:
    """The units for an order that gets out of a position: they cannot be closed twice. It sets no money aside."""
    return Hold(Held.HOLDINGS, Decimal(1), quantity)


def hold_to_sell_short(
    quantity: Decimal, prices: Prices, *, multiplier: Decimal = Decimal(1), fees: Decimal = ZERO
) -> Hold:
    """The money for a short sale: its value at the limit, or at 3 % above the offer where that is higher.

    Raises NoReference without an offer: a limit alone would understate a sale far below the market.
    """
    price = product(_known(prices.ask), SHORT_CAP)
    if prices.limit is not None:
        price = max(price, prices.limit)
    return Hold(Held.FUNDS, product(price, multiplier), quantity, fees)


def hold_for_written_put(
    quantity: Decimal, *, strike: Decimal, multiplier: Decimal = Decimal(100), fees: Decimal = ZERO
) -> Hold:
    """The money for a cash-secured put sold to open: what being assigned would cost."""
    return Hold(Held.FUNDS, product(strike, multiplier), quantity, fees)


def hold_for_written_call(quantity: Decimal, *, multiplier: Decimal = Decimal(100)) -> Hold:
    """The units of the underlying for a covered call sold to open: what being assigned would take."""
    return Hold(Held.UNDERLYING, multiplier, quantity)


def hold_margin(quantity: Decimal, *, margin: Decimal, fees: Decimal = ZERO) -> Hold:
    """The money for an order in something that is not paid for but margined, at so much a unit."""
    return Hold(Held.FUNDS, margin, quantity, fees)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an order has done to its account so far.

    `reserved` is money set aside now and `reserved_units` the units. `traded` is the signed money of its fills
    without fees, `fees` what they cost, `position` the signed units they moved.
    """

    reserved: Decimal = ZERO
    reserved_units: Decimal = ZERO
    traded: Decimal = ZERO
    fees: Decimal = ZERO
    position: Decimal = ZERO

    @property
    def cash(self) -> Decimal:
        """The signed change of the account's cash."""
        return difference(self.traded, self.fees)


def standing(
    state: OrderState, hold: Hold, *, side: Side, multiplier: Decimal = Decimal(1), is_margined: bool = False
) -> Standing:
    """Return what an order in this state has done to its account.

    Where `is_margined`, fills move no money but their fees: the result is paid when the position is closed. A sale's
    money counts from its fill on. Amounts are rounded once, as totals of the order.
    Source: docs/orders.md#reservations
    """
    signed = product(Decimal(-side.sign), total(product(fill.quantity, fill.price) for fill in state.fills), multiplier)
    traded = ZERO if is_margined else money(signed)
    fees = money(total(fill.fees for fill in state.fills))
    left = _left(state, hold, traded=traded, fees=fees)
    return Standing(
        reserved=left if hold.held is Held.FUNDS else ZERO,
        reserved_units=ZERO if hold.held is Held.FUNDS else left,
        traded=traded,
        fees=fees,
        position=product(Decimal(side.sign), state.executed),
    )


def _left(state: OrderState, hold: Hold, *, traded: Decimal, fees: Decimal) -> Decimal:
    """What is still set aside in this state, once so much was traded and charged."""
    if state.status.is_terminal:
        return ZERO
    if state.leaves is None:
        return max(ZERO, difference(hold.for_leaves(None), difference(fees, traded)))
    return hold.for_leaves(state.leaves, charged=fees)


class MovementKind(StrEnum):
    """Why money moved, as the ledger names it."""

    RESERVE = "reserve"
    RELEASE = "release"
    TRADE = "trade"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of the ledger: signed changes of what is available and of what is reserved."""

    kind: MovementKind
    available: Decimal
    reserved: Decimal


def movements(before: Standing, after: Standing) -> list[Movement]:
    """Return the entries that lead from one standing to the next, none of them empty.

    What a fill used and what it left over are released first, and then it is paid for; a price better than the
    reserved one thus returns to what is available by itself.
    """
    freed = difference(before.reserved, after.reserved)
    entries = [
        Movement(MovementKind.RELEASE if freed > 0 else MovementKind.RESERVE, freed, difference(ZERO, freed)),
        Movement(MovementKind.TRADE, difference(after.traded, before.traded), ZERO),
        Movement(MovementKind.FEE, difference(before.fees, after.fees), ZERO),
    ]
    return [entry for entry in entries if entry.available]


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's cash in one currency."""

    available: Decimal
    reserved: Decimal = ZERO

    @property
    def shortfall(self) -> Decimal:
        """What is missing because fills cost more than was set aside: zero, unless a venue filled beyond the hold."""
        return max(ZERO, difference(ZERO, self.available))

    def moved(self, entries: list[Movement]) -> Self:
        """The balance after the entries. A fill is a fact, so nothing is refused here; see `shortfall`."""
        return replace(
            self,
            available=total((self.available, *(entry.available for entry in entries))),
            reserved=total((self.reserved, *(entry.reserved for entry in entries))),
        )


def _known(price: Decimal | None) -> Decimal:
    if price is None or not is_positive(price):
        raise NoReference("the order needs a price above zero to work out what it reserves")
    return price

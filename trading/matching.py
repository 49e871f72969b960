"""Fills in, round trips out: the arithmetic of lots, realized P&L and fee shares.

Pure: no Django, no clock, no database. Every operation goes through one wide decimal context instead
of the thread's own, because a context set inside a generator leaks to whoever consumes it.

Stored money has 8 decimals, so something must be rounded. Each amount of a part is the rounded running
total after it minus the rounded running total before it. The parts of a trip therefore add up to the
rounded exact total of the trip, whatever the number of parts, and the same holds for any run of parts,
such as a day.

Source: docs/metrics.md#round-trips
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum

# 100 digits hold price x quantity x multiplier at the widest stored scales without any rounding.
_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_add = _WIDE.add
_subtract = _WIDE.subtract
_multiply = _WIDE.multiply
_divide = _WIDE.divide
_quantize = _WIDE.quantize

ZERO = Decimal(0)
_ENTRY, _EXIT = False, True
MONEY_STEP = Decimal("1e-8")
PRICE_STEP = Decimal("1e-12")
# A share such as 1/3 is cut off near the 100th digit. Rounding here first restores a true half, which
# rounds to even, where the cut-off digits would have pulled it to one side.
_SETTLED_STEP = Decimal("1e-40")


class CostMethod(StrEnum):
    """Which open units an exit takes."""

    FIFO = "fifo"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as matching sees it.

    `quantity` is signed: above zero bought, below zero sold. `fees` is commission, fees and swap
    together in the instrument's currency, a cost above zero and a rebate or credit below, with at most
    8 decimals. `day` is the account's trading day; `at` is None where the broker gave no time.
    `multiplier` is money per point and unit, above zero.
    """

    key: int
    at: datetime | None
    day: date
    quantity: Decimal
    price: Decimal
    fees: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class FillPart:
    """What one fill did in one trip; a flip has an exit part in one trip and an entry part in the next.

    `quantity` is above zero. `fees` is this part's own share of the fill's fees. `gross_pnl` and
    `net_pnl` are None on an entry; net is gross minus own fees minus the entry fees of the units closed.
    """

    key: int
    is_exit: bool
    quantity: Decimal
    fees: Decimal
    gross_pnl: Decimal | None
    net_pnl: Decimal | None
    day: date
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One trade from flat to flat, or what has happened so far in one that is still open.

    `quantity` is everything entered, `open_quantity` what is left of it (0 when closed). `entry_price`
    and `exit_price` are averages weighted by quantity, `exit_price` None before the first exit.
    `average_open_price` is the cost of the open units per unit at the latest fill's multiplier, None
    when closed. `fees` are those of all parts so far. `gross_pnl` and `net_pnl` are realized: the sums
    over the exit parts. On a closed trip net_pnl equals gross_pnl - fees to the last digit.
    """

    is_long: bool
    parts: tuple[FillPart, ...]
    quantity: Decimal
    open_quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    average_open_price: Decimal | None
    gross_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal
    opened_at: datetime | None
    opened_on: date
    closed_at: datetime | None
    closed_on: date | None
    is_closed: bool


def round_trips(fills: Iterable[Fill], *, method: CostMethod) -> Iterator[RoundTrip]:
    """Yield the round trips of one account and instrument, each as soon as it is flat.

    `fills` come in trading order and are read one at a time; only the open trip is held. A trip still
    open at the end comes last. A fill larger than the open position closes it and opens the other way,
    its fees split by quantity; the rounding remainder goes to the opening part.

    Raises: ValueError for a zero quantity, a multiplier that is not positive or a number that is not
    finite.
    Source: docs/metrics.md#round-trips
    """
    trip: _Trip | None = None
    for fill in fills:
        _refuse_unusable(fill)
        quantity = fill.quantity.copy_abs()
        is_buy = fill.quantity > 0
        if trip is None:
            trip = _Trip(fill, is_long=is_buy, method=method)
            trip.enter(fill, quantity, fees=fill.fees, lot_fees=fill.fees)
        elif trip.is_long is is_buy:
            trip.enter(fill, quantity, fees=fill.fees, lot_fees=fill.fees)
        elif quantity < trip.open_quantity:
            trip.reduce(fill, quantity)
        elif quantity == trip.open_quantity:
            trip.close(fill, quantity, fees=fill.fees)
            yield trip.frozen()
            trip = None
        else:
            closing = trip.open_quantity
            opening = _subtract(quantity, closing)
            charged = trip.close(fill, closing, fees=_portion(fill.fees, closing, quantity))
            yield trip.frozen()
            trip = _Trip(fill, is_long=is_buy, method=method)
            trip.enter(
                fill,
                opening,
                fees=_subtract(fill.fees, charged),
                lot_fees=_portion(fill.fees, opening, quantity),
            )
    if trip is not None:
        yield trip.frozen()


class _Lot:
    """Units still open with what they cost; under average cost a trip has a single one."""

    __slots__ = ("cost", "fees", "quantity")

    def __init__(self, quantity: Decimal, cost: Decimal, fees: Decimal) -> None:
        self.quantity = quantity
        self.cost = cost
        self.fees = fees


class _Trip:
    """The open trip: running totals, exact but for the shares of a division."""

    __slots__ = (
        "_charged_entry",
        "_charged_exit",
        "_entered",
        "_entered_points",
        "_entry_cost",
        "_entry_fees",
        "_exit_fees",
        "_exit_points",
        "_exit_value",
        "_exited",
        "_first",
        "_gross",
        "_is_average",
        "_last",
        "_lots",
        "_net",
        "_open_cost",
        "_open_fees",
        "_parts",
        "is_long",
        "open_quantity",
    )

    def __init__(self, first: Fill, *, is_long: bool, method: CostMethod) -> None:
        self.is_long = is_long
        self.open_quantity = ZERO
        self._is_average = method is CostMethod.AVERAGE
        self._first = self._last = first
        self._parts: list[FillPart] = []
        self._lots: deque[_Lot] = deque()
        self._entered = self._entered_points = self._entry_cost = ZERO
        self._exited = self._exit_points = self._exit_value = ZERO
        self._entry_fees = self._exit_fees = ZERO
        self._open_cost = self._open_fees = ZERO
        # What has been given to parts so far, rounded to money.
        self._charged_entry = self._charged_exit = ZERO
        self._gross = self._net = ZERO

    def enter(self, fill: Fill, quantity: Decimal, *, fees: Decimal, lot_fees: Decimal) -> None:
        """Add units. `lot_fees` differs from `fees` on a flip only, by the rounding remainder.

        The lot carries its exact share so that a flip given in two fills is consumed at the same rate
        as one; the remainder stays in `_entry_fees` and comes out with the first exit.
        """
        points = _multiply(fill.price, quantity)
        cost = _multiply(points, fill.multiplier)
        if self._is_average and self._lots:
            pool = self._lots[0]
            pool.quantity = _add(pool.quantity, quantity)
            pool.cost = _add(pool.cost, cost)
            pool.fees = _add(pool.fees, lot_fees)
        else:
            self._lots.append(_Lot(quantity, cost, lot_fees))
        self.open_quantity = _add(self.open_quantity, quantity)
        self._entered = _add(self._entered, quantity)
        self._entered_points = _add(self._entered_points, points)
        self._entry_cost = _add(self._entry_cost, cost)
        self._open_cost = _add(self._open_cost, cost)
        self._open_fees = _add(self._open_fees, lot_fees)
        self._entry_fees = _add(self._entry_fees, fees)
        charged = _money(self._entry_fees)
        own = _subtract(charged, self._charged_entry)
        self._charged_entry = charged
        self._last = fill
        self._parts.append(FillPart(fill.key, _ENTRY, quantity, own, None, None, fill.day, fill.at))

    def reduce(self, fill: Fill, quantity: Decimal) -> None:
        """Take some of the open units, oldest lot first."""
        wanted = quantity
        while wanted:
            lot = self._lots[0]
            if lot.quantity <= wanted:
                self._lots.popleft()
                wanted = _subtract(wanted, lot.quantity)
                cost, fees = lot.cost, lot.fees
            else:
                cost = _portion(lot.cost, wanted, lot.quantity)
                fees = _portion(lot.fees, wanted, lot.quantity)
                lot.quantity = _subtract(lot.quantity, wanted)
                lot.cost = _subtract(lot.cost, cost)
                lot.fees = _subtract(lot.fees, fees)
                wanted = ZERO
            self._open_cost = _subtract(self._open_cost, cost)
            self._open_fees = _subtract(self._open_fees, fees)
        self.open_quantity = _subtract(self.open_quantity, quantity)
        self._realize(fill, quantity, fees=fill.fees)

    def close(self, fill: Fill, quantity: Decimal, *, fees: Decimal) -> Decimal:
        """Take all open units; return the money charged to this part as its own fees.

        No lot is looked at: nothing stays open, so all cost and all entry fees are spent, exactly.
        """
        self._lots.clear()
        self.open_quantity = self._open_cost = self._open_fees = ZERO
        return self._realize(fill, quantity, fees=fees)

    def _realize(self, fill: Fill, quantity: Decimal, *, fees: Decimal) -> Decimal:
        """Append the exit part and return its own fees."""
        points = _multiply(fill.price, quantity)
        self._exited = _add(self._exited, quantity)
        self._exit_points = _add(self._exit_points, points)
        self._exit_value = _add(self._exit_value, _multiply(points, fill.multiplier))
        self._exit_fees = _add(self._exit_fees, fees)

        spent = _subtract(self._entry_cost, self._open_cost)
        gained = _subtract(self._exit_value, spent)
        gross = _money(gained if self.is_long else gained.copy_negate())
        charged = _money(self._exit_fees)
        share = _money(_subtract(self._entry_fees, self._open_fees))
        net = _subtract(_subtract(gross, charged), share)

        own = _subtract(charged, self._charged_exit)
        part = FillPart(
            fill.key,
            _EXIT,
            quantity,
            own,
            _subtract(gross, self._gross),
            _subtract(net, self._net),
            fill.day,
            fill.at,
        )
        self._parts.append(part)
        self._gross, self._net = gross, net
        self._charged_exit = charged
        self._last = fill
        return own

    def frozen(self) -> RoundTrip:
        """Return the trip as it stands."""
        is_closed = not self.open_quantity
        last = self._last
        return RoundTrip(
            is_long=self.is_long,
            parts=tuple(self._parts),
            quantity=self._entered,
            open_quantity=self.open_quantity,
            entry_price=_price(self._entered_points, self._entered),
            exit_price=_price(self._exit_points, self._exited) if self._exited else None,
            average_open_price=None
            if is_closed
            else _price(self._open_cost, _multiply(self.open_quantity, last.multiplier)),
            gross_pnl=self._gross,
            fees=_add(self._charged_entry, self._charged_exit),
            net_pnl=self._net,
            opened_at=self._first.at,
            opened_on=self._first.day,
            closed_at=last.at if is_closed else None,
            closed_on=last.day if is_closed else None,
            is_closed=is_closed,
        )


def _refuse_unusable(fill: Fill) -> None:
    """Raise ValueError for a fill that cannot be matched."""
    if not fill.quantity:
        raise ValueError(f"fill {fill.key} has quantity zero")
    if not (
        fill.quantity.is_finite() and fill.price.is_finite() and fill.fees.is_finite() and fill.multiplier.is_finite()
    ):
        raise ValueError(f"fill {fill.key} has a number that is not finite")
    if fill.multiplier <= 0:
        raise ValueError(f"fill {fill.key} has multiplier {fill.multiplier}, not above zero")


def _portion(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return amount x part / whole, multiplied first so that an exact answer stays exact."""
    return _divide(_multiply(amount, part), whole)


def _money(amount: Decimal) -> Decimal:
    """Return the amount at the scale of stored money, halves to even."""
    return _quantize(_quantize(amount, _SETTLED_STEP), MONEY_STEP)


def _price(points: Decimal, quantity: Decimal) -> Decimal:
    """Return the average price at the scale of stored prices, halves to even."""
    return _quantize(_divide(points, quantity), PRICE_STEP)

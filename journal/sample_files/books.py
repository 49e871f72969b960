"""The books that the generator keeps of its own fills, first in first out, as an invented broker would.

They are what the broker's own P&L columns are written from, and what tests compare the journal with: this is not
the arithmetic of `trading.matching`, on purpose.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SampleFill:
    """One fill of one account. `quantity` > 0, `commission` and `fees` are costs of the whole fill."""

    number: str  #: of the account
    product: str  #: key of `markets.PRODUCTS`; the underlying of an option
    symbol: str  #: as the journal spells it: MESZ6, AAPL, AAPL270115C00250000
    kind: str
    currency: str
    side: int  #: 1 bought, -1 sold
    quantity: Decimal
    price: Decimal
    multiplier: Decimal
    at: datetime
    order_id: int
    role: str  #: Entry, Scale, Target, Stop, Exit, Reverse, Expiry
    order_type: str = "Market"
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Units that one fill opened and another closed."""

    opening: SampleFill
    closing: SampleFill
    quantity: Decimal

    @property
    def gross(self) -> Decimal:
        """The result before costs."""
        points = (self.closing.price - self.opening.price) * self.opening.side
        return points * self.quantity * self.opening.multiplier


@dataclass(frozen=True, slots=True)
class Realized:
    """What a fill closed. `net` is after the costs of the units closed, on both sides; None when it only opened."""

    pairs: tuple[Pair, ...] = ()
    net: Decimal | None = None
    position: Decimal = ZERO  #: signed, after the fill


@dataclass(slots=True)
class Book:
    """One account's open lots and what it has realized so far."""

    net: Decimal = ZERO
    costs: Decimal = ZERO
    fills: int = 0
    _lots: dict[str, deque[tuple[SampleFill, Decimal]]] = field(default_factory=dict)

    def take(self, fill: SampleFill) -> Realized:
        """The fill is booked; returns what it realized."""
        self.fills += 1
        self.costs += fill.commission + fill.fees
        lots = self._lots.setdefault(fill.symbol, deque())
        left, pairs = fill.quantity, []
        while left and lots and lots[0][0].side != fill.side:
            opening, open_quantity = lots.popleft()
            closed = min(left, open_quantity)
            pairs.append(Pair(opening, fill, closed))
            left -= closed
            if closed < open_quantity:
                lots.appendleft((opening, open_quantity - closed))
        if left:
            lots.append((fill, left))
        position = sum((lot[0].side * lot[1] for lot in lots), ZERO)
        if not pairs:
            return Realized(position=position)
        net = sum((pair.gross - _share(pair.opening, pair.quantity) for pair in pairs), ZERO)
        net -= _share(fill, fill.quantity - left)
        self.net += net
        return Realized(tuple(pairs), net, position)

    def open_lots(self) -> list[tuple[SampleFill, Decimal]]:
        """What is still held: the fill that opened it and how much of it is left."""
        return [lot for lots in self._lots.values() for lot in lots]


def _share(fill: SampleFill, quantity: Decimal) -> Decimal:
    return (fill.commission + fill.fees) * quantity / fill.quantity


def book_all(fills: list[SampleFill]) -> tuple[dict[str, Book], list[Realized]]:
    """The books of all accounts after these fills, and what each fill realized; fills come in their order in time."""
    books: dict[str, Book] = {}
    realized = [books.setdefault(fill.number, Book()).take(fill) for fill in fills]
    return books, realized

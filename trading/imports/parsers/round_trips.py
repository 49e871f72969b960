"""Rows that state a whole round trip, and the rules that quantities and prices of every row obey."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trading.imports.parsers.base import ZERO, BadCell, ParsedFill
from trading.imports.parsers.symbols import Resolved
from trading.imports.parsers.tables import Row


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a round trip: when, at what price, and under which of the broker's ids."""

    at: datetime
    price: Decimal
    identity_key: str
    broker_fill_id: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What one row says of an entry and its exit."""

    line: int
    raw: str
    account_number: str
    instrument: Resolved
    is_long: bool
    quantity: Decimal
    entry: Leg
    exit: Leg
    commission: Decimal = ZERO  #: of both legs together; booked on the exit
    fees: Decimal = ZERO  #: of both legs together; booked on the exit
    net_pnl: Decimal | None = None  #: the broker's own, after costs
    currency: str = ""
    name: str = ""
    trading_day: date | None = None
    initial_stop: Decimal | None = None
    initial_target: Decimal | None = None
    note: str = ""

    def fills(self) -> tuple[ParsedFill, ParsedFill]:
        """The entry, then the exit, which carries the costs and the broker's P&L of the whole trip."""
        entry = self._fill(self.entry, side="buy" if self.is_long else "sell")
        closing = self._fill(self.exit, side="sell" if self.is_long else "buy")
        return entry, closing._replace(commission=self.commission, fees=self.fees, broker_pnl=self.net_pnl)

    def _fill(self, leg: Leg, *, side: str) -> ParsedFill:
        is_entry = leg is self.entry
        return ParsedFill(
            line=self.line,
            raw=self.raw,
            identity_key=leg.identity_key,
            account_number=self.account_number,
            symbol=self.instrument.symbol,
            kind=self.instrument.kind,
            side=side,
            quantity=self.quantity,
            price=leg.price,
            executed_at=leg.at,
            executed_on=None,
            currency=self.currency or self.instrument.currency,
            multiplier=self.instrument.multiplier,
            broker_fill_id=leg.broker_fill_id,
            order_id=leg.order_id,
            name=self.name,
            trading_day=self.trading_day,
            initial_stop=self.initial_stop if is_entry else None,
            initial_target=self.initial_target if is_entry else None,
            note=self.note if is_entry else "",
        )


def checked_quantity(quantity: Decimal, *, column: str) -> Decimal:
    """Return the quantity of a format that never signs it. Raises BadCell quantity_zero or sign."""
    if quantity > 0:
        return quantity
    if not quantity:
        raise BadCell(column, "quantity_zero", "A fill has a quantity above 0.", str(quantity))
    raise BadCell(
        column,
        "sign",
        "This format writes quantities without a sign; the side says buy or sell.",
        str(quantity),
    )


def checked_price(price: Decimal, *, column: str, kind: str) -> Decimal:
    """Return the price. Raises BadCell price_zero, or price_negative except for futures."""
    if price > 0:
        return price
    if not price:
        raise BadCell(column, "price_zero", "A fill has a price above 0.", str(price))
    if kind == "future":
        return price
    raise BadCell(column, "price_negative", "Only futures can trade below 0.", str(price))


def read_side(text: str, *, column: str, buys: frozenset[str], sells: frozenset[str]) -> str:
    """Return "buy" or "sell" by the words of the format. Raises BadCell missing_value or unknown_side."""
    word = " ".join(text.lower().split())
    if word in buys:
        return "buy"
    if word in sells:
        return "sell"
    if not word:
        raise BadCell(column, "missing_value", "The side is missing; it is never assumed.", text)
    raise BadCell(column, "unknown_side", "This is neither a buy nor a sell.", text)


def first_filled(row: Row, *columns: str) -> str:
    """Return the first of the columns with a value in this row, else the first of them."""
    return next((column for column in columns if row.optional(column)), columns[0])

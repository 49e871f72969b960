"""TradingView: the order history of the trading panel, and AvaTrade's German version of it.

Files are newest first and hold every order, filled or not. Prices and quantities are of the whole order.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, Final

from trading.contracts import future_root
from trading.imports.parsers.base import (
    BadCell,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
    Warned,
)
from trading.imports.parsers.numbers import optional_money, parse_money
from trading.imports.parsers.round_trips import (
    checked_price,
    checked_quantity,
    first_filled,
    read_side,
)
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_time

BUYS: Final = frozenset({"buy", "b", "long", "kauf", "kaufen"})
SELLS: Final = frozenset({"sell", "s", "short", "verkauf", "verkaufen"})
FILLED: Final = frozenset({"filled", "ausgeführt", "partially filled", "teilweise ausgeführt"})
CODES: Final = {
    "cancelled": "canceled",
    "canceled": "canceled",
    "storniert": "canceled",
    "rejected": "rejected",
    "abgelehnt": "rejected",
    "expired": "canceled",
}
STATUS: Final = "Status"


class TradingView:
    """One row per order; some brokers' versions leave the status out."""

    name = "tradingview"
    label = "TradingView – Order history"
    broker = "TradingView"
    identity_family = "tradingview"
    sell_only_needs_decision = False

    side: tuple[str, ...] = ("Side",)
    quantity: tuple[str, ...] = ("Filled Qty", "Filled quantity", "Quantity", "Qty")
    price: tuple[str, ...] = ("Fill Price", "Avg Fill Price")
    commission: tuple[str, ...] = ("Commission", "Commission fee")
    route_fee = "Route fee"
    time: tuple[str, ...] = ("Closing Time", "Close time", "Update Time")
    order: tuple[str, ...] = ("Order ID",)

    def recognises(self, head: Head) -> int:
        """Whether the columns of the order history stand in one of the first rows."""
        full = head.has_header("Symbol", "Side", "Type", "Fill Price", "Closing Time", "Order ID")
        average = head.has_header("Symbol", "Side", "Type", "Avg Fill Price", "Close time", "Order ID")
        return 70 if full or average else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per filled order; at the end, warn of symbols whose first fill is a sell."""
        rows = read_rows(file, context, header=header_with("Symbol", self.side[0], self.order[0]))
        earliest: dict[str, ParsedFill] = {}
        for parsed in collect(rows, lambda row: self._build(row, context)):
            if isinstance(parsed, ParsedFill) and parsed.kind in ("stock", "etf"):
                known = earliest.get(parsed.symbol)
                if known is None or _moment(parsed) < _moment(known):
                    earliest[parsed.symbol] = parsed
            yield parsed
        for symbol, fill in earliest.items():
            if fill.side == "sell":
                yield Warned(
                    fill.line,
                    "starts_with_sell",
                    f"{symbol} starts with a Sell. It is read as opening a short position; if shares "
                    "were held before, import the file that holds their purchase first.",
                )

    def _build(self, row: Row, context: ParseContext) -> ParsedFill | SkippedRow:
        if skipped := self._unfilled(row):
            return skipped
        time, price = first_filled(row, *self.time), first_filled(row, *self.price)
        executed_at = parse_time(row.text(time), column=time, context=context)
        instrument = _instrument(row, executed_at, context)
        side, quantity = self.side[0], first_filled(row, *self.quantity)
        order_id = row.optional(self.order[0])
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id=order_id),
            account_number=row.optional("Account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=read_side(row.text(side), column=side, buys=BUYS, sells=SELLS),
            quantity=checked_quantity(_number(row, quantity), column=quantity),
            price=checked_price(_number(row, price), column=price, kind=instrument.kind),
            executed_at=executed_at,
            executed_on=None,
            currency=row.optional("Currency").upper() or instrument.currency,
            commission=_cost(row, first_filled(row, *self.commission)),
            fees=_cost(row, self.route_fee),
            multiplier=instrument.multiplier,
            broker_fill_id=order_id,
            order_id=order_id,
        )

    def _unfilled(self, row: Row) -> SkippedRow | None:
        """Return why the order is no fill: canceled, rejected, or has neither status nor price."""
        status = row.optional(STATUS).lower()
        if status in FILLED or (not status and row.optional(first_filled(row, *self.price))):
            return None
        if row.optional(self.quantity[0]).strip("0.,") and status in CODES:
            return None  # canceled after a part of it was filled
        code = CODES.get(status, "not_filled")
        return SkippedRow(row.line, code, f"An order that was not filled ({status or 'no price'}).", row.raw)


class AvaTrade(TradingView):
    """The same order history with German headers, where the filled quantity stands in a column of its own."""

    name = "avatrade"
    label = "AvaTrade – Orderverlauf"
    broker = "AvaTrade"
    identity_family = "avatrade"

    side = ("Seite",)
    quantity = ("Erfüllungsmenge",)
    price = ("Durchschnittlicher Erfüllungspreis",)
    commission = ("Kommission",)
    time = ("Status Zeit", "Platzierungszeit")
    order = ("Order-Nummer",)

    def recognises(self, head: Head) -> int:
        """Whether the German columns stand in one of the first rows."""
        return 80 if head.has_header("Seite", "Erfüllungsmenge", "Status Zeit", "Order-Nummer") else 0


def _instrument(row: Row, at: datetime, context: ParseContext) -> Resolved:
    """Return the instrument; a continuous contract (NQ1!), which paper accounts trade, keeps its name."""
    text = row.text("Symbol")
    if text.endswith("!"):
        root = context.roots.get(future_root(text) or "")
        if root is None:
            message = f"The contract {text[:40]!r} has no known root; its point value cannot be told."
            raise BadCell("Symbol", "unknown_contract_root", message, text)
        return Resolved(text.rpartition(":")[2].upper(), "future", root.point_value, root.currency)
    return resolve_symbol(text, column="Symbol", context=context, on=at.date())


def _moment(fill: ParsedFill) -> tuple[datetime, int]:
    # Of two fills in one second the one further down in the file is the older.
    assert fill.executed_at is not None
    return fill.executed_at, -fill.line


def _number(row: Row, column: str) -> Decimal:
    return parse_money(row.text(column), column=column)


def _cost(row: Row, column: str) -> Decimal:
    return optional_money(row.optional(column), column=column)

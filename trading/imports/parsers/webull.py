"""Webull: orders as the app and as the desktop export them, and the international trade records.

The first two write US Eastern time with its zone behind; the third gives day-first dates without a time and
states costs as negative amounts.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    ZERO,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
)
from trading.imports.parsers.numbers import optional_money, parse_money
from trading.imports.parsers.round_trips import (
    checked_price,
    checked_quantity,
    first_filled,
    read_side,
)
from trading.imports.parsers.symbols import resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_date, parse_time

BROKER: Final = "Webull"
SIDES: Final = ("Side", "B/S")
QUANTITIES: Final = ("Filled", "Filled Qty")
PRICES: Final = ("Avg Price", "Filled Avg Price", "Price")
BUYS: Final = frozenset({"buy", "b", "buy to cover", "buy to open", "buy to close", "cover"})
SELLS: Final = frozenset({"sell", "s", "short", "sell short", "short sell", "sell to open", "sell to close"})
CODES: Final = {
    "cancelled": "canceled",
    "canceled": "canceled",
    "partial cancelled": "canceled",
    "failed": "rejected",
    "rejected": "rejected",
    "expired": "canceled",
}


class Webull:
    """One row per order, in the two layouts of the United States."""

    name = "webull"
    label = "Webull – Orders"
    broker = BROKER
    identity_family = "webull"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether the columns of one of the two layouts stand in one of the first rows."""
        app = head.has_header("Symbol", "Side", "Status", "Filled", "Filled Time", "Placed Time")
        desktop = head.has_header("Symbol", "B/S", "Filled Qty", "Filled Avg Price", "Filled Time")
        return 75 if app or desktop else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per order that was filled at least in part, at its average price."""
        rows = read_rows(file, context, header=header_with("Symbol", "Filled Time"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> ParsedFill | SkippedRow:
        quantity_column = first_filled(row, *QUANTITIES)
        status = row.optional("Status").lower()
        if not row.optional(quantity_column).strip("0.,"):
            code = CODES.get(status, "not_filled")
            return SkippedRow(row.line, code, f"An order that was not filled ({status or 'no quantity'}).", row.raw)
        executed_at = parse_time(
            row.text("Filled Time"), column="Filled Time", context=context, order="mdy", zones=True
        )
        instrument = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=executed_at.date())
        side_column = first_filled(row, *SIDES)
        # "Price" is the limit of the order, written "@1.25", wherever an average price stands beside it.
        price_column = next((column for column in PRICES if row.columns.position(column) >= 0), PRICES[0])
        price = parse_money(row.text(price_column).lstrip("@ "), column=price_column)
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id=row.optional("Order ID")),
            account_number=row.optional("Account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=read_side(row.text(side_column), column=side_column, buys=BUYS, sells=SELLS),
            quantity=checked_quantity(_number(row, quantity_column), column=quantity_column),
            price=checked_price(price, column=price_column, kind=instrument.kind),
            executed_at=executed_at,
            executed_on=None,
            currency=row.optional("Currency").upper() or instrument.currency,
            commission=_cost(row, "Commission"),
            fees=_cost(row, "Fee"),
            multiplier=instrument.multiplier,
            broker_fill_id=row.optional("Order ID"),
            order_id=row.optional("Order ID"),
            name=row.optional("Name"),
        )


class WebullInternational:
    """One row per trade: a date, the name behind the symbol, and costs below zero."""

    name = "webull_international"
    label = "Webull – Trade records (international)"
    broker = BROKER
    identity_family = "webull_international"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether the combined symbol column and the traded price stand in one of the first rows."""
        return 85 if head.has_header("Symbol & Name", "Trade Date", "Buy/Sell", "Traded Price") else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per row, with its date alone."""
        rows = read_rows(file, context, header=header_with("Symbol & Name", "Buy/Sell", "Traded Price"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> ParsedFill:
        symbol, _, name = row.text("Symbol & Name").partition(" ")
        traded_on = parse_date(row.text("Trade Date"), column="Trade Date", order="dmy", context=context)
        instrument = resolve_symbol(symbol, column="Symbol & Name", context=context, on=traded_on)
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(),
            account_number=row.optional("Account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=read_side(row.text("Buy/Sell"), column="Buy/Sell", buys=BUYS, sells=SELLS),
            quantity=checked_quantity(_number(row, "Quantity"), column="Quantity"),
            price=checked_price(_number(row, "Traded Price"), column="Traded Price", kind=instrument.kind),
            executed_at=None,
            executed_on=traded_on,
            currency=row.optional("Currency").upper() or instrument.currency,
            commission=-_cost(row, "Comm/Fee/Tax") or ZERO,
            fees=-(_cost(row, "VAT") + _cost(row, "GST")) or ZERO,
            multiplier=instrument.multiplier,
            name=name.strip(),
        )


def _number(row: Row, column: str) -> Decimal:
    return parse_money(row.text(column), column=column)


def _cost(row: Row, column: str) -> Decimal:
    return optional_money(row.optional(column), column=column)

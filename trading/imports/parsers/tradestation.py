"""The execution template of TradeStation and TradeZero: one row per fill, date and time apart."""

from collections.abc import Iterator
from typing import BinaryIO

from trading.imports.parsers.base import ZERO, BadCell, Head, ParseContext, Parsed, ParsedFill
from trading.imports.parsers.numbers import optional_money
from trading.imports.parsers.symbols import parse_currency, resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_time

REQUIRED = ("Account", "T/D", "S/D", "Currency", "Side", "Symbol", "Qty", "Price", "Exec Time", "Comm")
FEES = ("SEC", "TAF", "NSCC", "Nasdaq", "ECN Remove", "ECN Add")
LAYOUTS = ("M/D/YY H:MM:SS", "MM/DD/YYYY HH:MM:SS")
SIDES = {
    "B": "buy", "BC": "buy", "BUY": "buy", "COVER": "buy", "BUY TO COVER": "buy",
    "S": "sell", "SS": "sell", "SELL": "sell", "SHORT": "sell", "SELL SHORT": "sell",
}  # fmt: skip


class TradeStation:
    """Account, T/D, S/D, Currency, Type, Side, Symbol, Qty, Price, Exec Time, Comm and the fees of the exchanges."""

    name = "tradestation"
    label = "TradeStation / TradeZero – executions"
    broker = "TradeStation"
    identity_family = "tradestation"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """The template's own headers."""
        return 85 if head.has_header(*REQUIRED) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills; all costs are positive when paid, and a rebate for adding liquidity is negative."""
        rows = read_rows(file, context, header=header_with(*REQUIRED))
        return collect(rows, lambda row: _fill(row, context))


def _fill(row: Row, context: ParseContext) -> ParsedFill:
    at = parse_time(f"{row.text('T/D')} {row.text('Exec Time')}", column="Exec Time", context=context, formats=LAYOUTS)
    side = SIDES.get(row.text("Side").upper(), "")
    if not side:
        raise BadCell("Side", "unknown_side", "The side is B, S, SS or BC.", row.text("Side"))
    quantity = row.money("Qty")
    if quantity <= 0:
        code = "quantity_zero" if not quantity else "side_conflict" if side == "buy" else "sign"
        raise BadCell("Qty", code, "Quantities of this file have no sign; the side says buy or sell.", row.text("Qty"))
    found = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=at.date())
    price = row.money("Price")
    if (not price and found.kind != "option") or (price < 0 and found.kind != "future"):
        code = "price_zero" if not price else "price_negative"
        raise BadCell("Price", code, "A fill has a price above 0; only options expire worthless.", row.text("Price"))
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(),
        account_number=row.text("Account"),
        symbol=found.symbol,
        kind=found.kind,
        side=side,
        quantity=quantity,
        price=price,
        executed_at=at,
        executed_on=None,
        currency=parse_currency(row.text("Currency"), column="Currency"),
        commission=optional_money(row.optional("Comm"), column="Comm"),
        fees=sum((optional_money(row.optional(name), column=name) for name in FEES), ZERO),
        multiplier=found.multiplier,
        note=row.optional("Note"),
    )

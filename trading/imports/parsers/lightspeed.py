"""Lightspeed Trader: the trade activity report, one row per execution, in US Eastern time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO
from zoneinfo import ZoneInfo

from trading.imports.parsers.base import ZERO, BadCell, Head, ParseContext, Parsed, ParsedFill, fold
from trading.imports.parsers.numbers import optional_money
from trading.imports.parsers.symbols import parse_currency, resolve_symbol
from trading.imports.parsers.tables import HeaderTest, Row, collect, read_rows
from trading.imports.parsers.times import parse_time

EASTERN = ZoneInfo("America/New_York")
FEES = ("FeeSEC", "FeeMF", "Fee1", "Fee2", "Fee3", "FeeStamp", "FeeTAF", "Fee4")
NUMBERS = ("Trade Number", "Sequence Number")
TIMES = ("Execution Time", "Raw Exec. Time", "Raw Exec Time")


def _is_header(cells: list[str]) -> bool:
    names = {fold(cell) for cell in cells}
    required = {fold(name) for name in ("Trade Date", "Symbol", "Qty", "Price")}
    return required <= names and all(
        any(fold(name) in names for name in group)
        for group in (NUMBERS, TIMES, ("Side", "Buy/Sell"), ("Commission Amount", "FeeSEC"))
    )


class Lightspeed:
    """Trade Number, Trade Date, Execution Time, Symbol, Side, Qty, Price, Commission Amount and the fee columns."""

    name = "lightspeed"
    label = "Lightspeed – trade activity"
    broker = "Lightspeed"
    identity_family = "lightspeed"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """The number, time and fee columns that no other broker has."""
        return 85 if any(_is_header(list(row)) for row in head.rows) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the executions; the report's times are New York's, whatever zone the account has."""
        eastern = replace(context, time_zone=EASTERN)
        header: HeaderTest = _is_header
        return collect(read_rows(file, context, header=header), lambda row: _fill(row, eastern))


def _fill(row: Row, context: ParseContext) -> ParsedFill:
    clock = next((row.optional(name) for name in TIMES if row.has(name)), "")
    if not clock:
        raise BadCell(TIMES[0], "missing_value", "The execution has no time.")
    at = parse_time(
        f"{row.text('Trade Date').split(' ')[0]} {clock}", column="Trade Date", context=context, order="mdy"
    )
    side = _side(row)
    quantity = row.money("Qty")
    if not quantity:
        raise BadCell("Qty", "quantity_zero", "An execution has a quantity other than 0.", row.text("Qty"))
    if quantity < 0:
        code = "side_conflict" if side == "buy" else "sign"
        raise BadCell(
            "Qty", code, "Quantities of this report have no sign; the side says buy or sell.", row.text("Qty")
        )
    found = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=at.date())
    price = row.money("Price")
    if price < 0 or (not price and found.kind != "option"):
        code = "price_negative" if price < 0 else "price_zero"
        raise BadCell(
            "Price", code, "An execution has a price above 0; only options expire worthless.", row.text("Price")
        )
    number = next((row.optional(name) for name in NUMBERS if row.has(name)), "")
    # Trade numbers start again every day.
    broker_id = f"{at.astimezone(EASTERN):%Y%m%d}-{number}" if number else ""
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(broker_id),
        account_number=row.optional("Account Number") or row.optional("Account"),
        symbol=found.symbol,
        kind=found.kind,
        side=side,
        quantity=quantity,
        price=price,
        executed_at=at,
        executed_on=None,
        currency=_currency(row, found.currency),
        commission=optional_money(row.optional("Commission Amount"), column="Commission Amount"),
        fees=sum((optional_money(row.optional(name), column=name) for name in FEES), ZERO),
        multiplier=found.multiplier,
        broker_fill_id=number,
        order_id=row.optional("Order ID"),
        name=row.optional("Security Description") or row.optional("Description"),
    )


def _side(row: Row) -> str:
    """Return the side by the letter; "Long Buy", "Short Sell" and the like where there is none."""
    word = row.optional("Side").upper() or row.optional("Buy/Sell").upper()
    column = "Side" if row.has("Side") else "Buy/Sell"
    if not word:
        raise BadCell(column, "missing_value", "Whether it was bought or sold is missing; it is never assumed.")
    if word in ("B", "BUY", "BC") or "BUY" in word:
        return "buy"
    if word in ("S", "SELL", "SS", "T") or "SELL" in word:
        return "sell"
    raise BadCell(column, "unknown_side", "This is neither a buy nor a sell.", word)


def _currency(row: Row, default: str) -> str:
    for name in ("Currency Code", "Currency"):
        if row.has(name):
            return parse_currency(row.text(name), column=name)
    return default

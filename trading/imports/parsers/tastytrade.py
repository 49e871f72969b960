"""tastytrade: the transaction history. Times carry their offset; costs are negative."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
    fold,
)
from trading.imports.parsers.numbers import parse_money
from trading.imports.parsers.option_endings import settled
from trading.imports.parsers.round_trips import checked_price, checked_quantity
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_time

HEADER: Final = ("Date", "Type", "Action", "Symbol", "Instrument Type", "Value", "Average Price", "Commissions")
KINDS: Final = {
    "equity": "stock",
    "equityoption": "option",
    "future": "future",
    "futureoption": "option",
    "cryptocurrency": "crypto",
}
SIDES: Final = {
    "buytoopen": "buy",
    "buytoclose": "buy",
    "buy": "buy",
    "selltoopen": "sell",
    "selltoclose": "sell",
    "sell": "sell",
}
ENDINGS: Final = frozenset({"expiration", "assignment", "exercise", "cashsettledassignment", "cashsettledexercise"})
#: Sub types of deliveries that are purchases and sales, by assignment or exercise.
DELIVERIES: Final = frozenset({"buytoopen", "buytoclose", "selltoopen", "selltoclose"})
CENT: Final = Decimal("0.01")

_AT_PRICE: Final = re.compile(r"@ (?P<price>[0-9][0-9,]*(?:\.[0-9]+)?)$")
_FUTURE_OPTION: Final = re.compile(
    r"\./\S+ +(?P<series>[A-Z0-9]{1,6}) +(?P<expiry>[0-9]{6})(?P<right>[CP])(?P<strike>[0-9]+(?:\.[0-9]+)?)"
)


class Tastytrade:
    """The transaction history as CSV."""

    name = "tastytrade"
    label = "tastytrade – Transactions (CSV)"
    broker = "tastytrade"
    identity_family = "tastytrade"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 92 for its header."""
        return 92 if head.has_header(*HEADER) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the trades, deliveries and ended options in the order of the file."""
        start = file.tell()
        build = _builder(context)

        def read() -> Iterator[Parsed]:
            file.seek(start)
            return collect(read_rows(file, context, header=header_with(*HEADER)), build)

        return settled(read)


def _builder(context: ParseContext) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        if skipped := _skipped(row):
            return skipped
        at = parse_time(row.text("Date"), column="Date", context=context, order="mdy", zones=True)
        side = _side(row)
        instrument = _instrument(row, context, at.date())
        quantity = checked_quantity(abs(row.money("Quantity")), column="Quantity")
        price = _price(row, instrument, quantity, has_ended=fold(row.optional("Sub Type")) in ENDINGS)
        return _fill(row, at, instrument, side=side, quantity=quantity, price=price)

    return build


def _skipped(row: Row) -> SkippedRow | None:
    """Why the row is no fill, None when it is one."""
    kind_of_row, sub_type = fold(row.optional("Type")), fold(row.optional("Sub Type"))
    if kind_of_row == "trade":
        return None
    if kind_of_row != "receivedeliver":
        return row.skipped("not_a_trade", f"{row.optional('Type') or 'A row without a type'} is not a trade.")
    if sub_type in ENDINGS or sub_type in DELIVERIES:
        return None
    return row.skipped(
        "corporate_action",
        f"{row.optional('Sub Type') or 'A delivery'} moves a position without a trade; adjust it by hand.",
    )


def _side(row: Row) -> str:
    said = row.optional("Action") or row.optional("Sub Type")
    side = SIDES.get(fold(said).replace("_", ""), "")
    if side:
        return side
    if fold(row.optional("Sub Type")) in ENDINGS:
        return "?"
    raise BadCell("Action", "unknown_side", "The action is neither a purchase nor a sale.", said)


def _instrument(row: Row, context: ParseContext, day: date) -> Resolved:
    """The instrument; the file's multiplier goes before what is usual of its kind."""
    said = row.text("Instrument Type")
    kind = KINDS.get(fold(said))
    if kind is None:
        raise BadCell("Instrument Type", "unknown_asset_class", "This kind of instrument is not known.", said)
    symbol = row.text("Symbol")
    if found := _FUTURE_OPTION.fullmatch(symbol):
        thousandths = Decimal(found["strike"]).scaleb(3)
        symbol = f"{found['series']}{found['expiry']}{found['right']}{int(thousandths):08d}"
    resolved = resolve_symbol(symbol, column="Symbol", context=context, on=day, kind=kind)
    if kind == "option" and (multiplier := row.money("Multiplier", ZERO)) > 0:
        return resolved._replace(multiplier=multiplier)
    return resolved


def _price(row: Row, instrument: Resolved, quantity: Decimal, *, has_ended: bool) -> Decimal:
    """The price of one unit. The Average Price of options is that of a whole contract in newer exports.

    The description ("Bought 2 NVDA ... @ 3.40") states the price where it states one; else the Value of the
    row tells which of the two the Average Price is.
    """
    value, multiplier = abs(row.money("Value", ZERO)), instrument.multiplier or Decimal(1)
    if has_ended:
        return value / (quantity * multiplier) or ZERO  # 0 unless it was settled in cash
    if told := _AT_PRICE.search(row.optional("Description")):
        price = parse_money(told["price"], column="Description", currency_signs=False)
    else:
        price = abs(row.money("Average Price"))
        if instrument.kind == "option" and value and abs(price * quantity - value) < CENT:
            price /= multiplier
    return checked_price(price, column="Average Price", kind=instrument.kind)


def _fill(row: Row, at: datetime, instrument: Resolved, *, side: str, quantity: Decimal, price: Decimal) -> ParsedFill:
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(),
        account_number=row.optional("Account Number"),
        symbol=instrument.symbol,
        kind=instrument.kind,
        side=side,
        quantity=quantity,
        price=price,
        executed_at=at,
        executed_on=None,
        currency=row.optional("Currency") or instrument.currency or "USD",
        commission=-row.money("Commissions", ZERO),
        fees=-row.money("Fees", ZERO),
        multiplier=instrument.multiplier,
        order_id=row.optional("Order #"),
        name=row.optional("Description"),
    )

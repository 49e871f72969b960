"""Charles Schwab: the transaction history, and the realized gains and losses by lot. Dates without times."""

import re
from collections.abc import Callable, Iterator
from datetime import date
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
from trading.imports.parsers.cash_history import by_amount
from trading.imports.parsers.option_endings import settled
from trading.imports.parsers.round_trips import checked_price, checked_quantity
from trading.imports.parsers.symbols import resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_date

SIDES: Final = {
    "buy": "buy",
    "buytoopen": "buy",
    "buytoclose": "buy",
    "buytocover": "buy",
    "reinvestshares": "buy",
    "sell": "sell",
    "sellshort": "sell",
    "selltoopen": "sell",
    "selltoclose": "sell",
}
ENDINGS: Final = frozenset({"expired", "assigned", "exchangeorexercise", "exercised"})
MOVES_SHARES: Final = frozenset(
    {"stocksplit", "reversesplit", "spin-off", "stockmerger", "namechange", "securitytransfer", "journaledshares"}
)

_AS_OF: Final = re.compile(r"\S+ as of (?P<day>\S+)")
_ACCOUNT_IN_TITLE: Final = re.compile(r"(?:\.{3}|X{3,}-?)(?P<number>[0-9]{3,4})\b")
_ACCOUNT_IN_NAME: Final = re.compile(r"X{3,}(?P<number>[0-9]{3,4})[ _-]")


def account_of(file: BinaryIO, context: ParseContext) -> str:
    """Return the last digits of the account, from the title line or the name of the file; "" when unsaid."""
    start = file.tell()
    title = file.read(1024).split(b"\n", 1)[0].decode("utf-8", "replace")
    file.seek(start)
    found = _ACCOUNT_IN_TITLE.search(title) or _ACCOUNT_IN_NAME.search(context.filename)
    return found["number"] if found else ""


class SchwabTransactions:
    """The transaction history as CSV."""

    name = "schwab_transactions"
    label = "Charles Schwab – Transactions (CSV)"
    broker = "Charles Schwab"
    identity_family = "schwab"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 90 for its header."""
        return 90 if head.has_header(*HISTORY_HEADER) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield purchases, sales and the options that ended without a trade in the order of the file."""
        build = _history_builder(context, account_of(file, context))
        start = file.tell()

        def read() -> Iterator[Parsed]:
            file.seek(start)
            return collect(read_rows(file, context, header=header_with(*HISTORY_HEADER)), build)

        return settled(read)


HISTORY_HEADER: Final = ("Date", "Action", "Symbol", "Description", "Quantity", "Price", "Fees & Comm", "Amount")


def _history_builder(context: ParseContext, account: str) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        action = fold(row.optional("Action"))
        if skipped := _skipped(row, action):
            return skipped
        day = stated_day(row, context)
        instrument = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=day)
        signed = row.money("Quantity")
        if action in ENDINGS:
            side, price = ("sell?" if signed < 0 else "buy?"), row.money("Price", ZERO)
        else:
            side = SIDES[action]
            price = checked_price(row.money("Price"), column="Price", kind=instrument.kind)
        quantity = checked_quantity(abs(signed), column="Quantity")
        if action not in ENDINGS:
            instrument = by_amount(instrument, product=quantity * price, amount=row.money("Amount", ZERO))
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(),
            account_number=account,
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=quantity,
            price=price,
            executed_at=None,
            executed_on=day,
            currency="USD",
            commission=row.money("Fees & Comm", ZERO),
            multiplier=instrument.multiplier,
            name=row.optional("Description"),
        )

    return build


def _skipped(row: Row, action: str) -> SkippedRow | None:
    """Why the row is no fill, None when it is one. Raises BadCell for an action that may well be a trade."""
    if action in SIDES or action in ENDINGS:
        return None
    if row.optional("Date").lower().startswith("transactions total"):
        return row.skipped("subtotal", "The total of the file.")
    said = row.optional("Action")
    if action in MOVES_SHARES:
        return row.skipped("corporate_action", f"{said} moves shares without a trade; adjust the position by hand.")
    if row.has("Quantity") and row.has("Price"):
        raise BadCell("Action", "unknown_action", "This action is not known; it may be a trade.", said)
    return row.skipped("not_a_trade", f"{said or 'A row without an action'} is not a trade.")


def stated_day(row: Row, context: ParseContext) -> date:
    """Return the day of the row: of "01/06/2026 as of 01/05/2026" the second, when it took effect."""
    text = row.text("Date")
    found = _AS_OF.fullmatch(text)
    return parse_date(found["day"] if found else text, column="Date", order="mdy", context=context)


class SchwabRealized:
    """The lots of the Realized Gain/Loss page as CSV: one row per lot, opened and closed."""

    name = "schwab_realized"
    label = "Charles Schwab – Realized Gain/Loss (CSV)"
    broker = "Charles Schwab"
    identity_family = "schwab_realized"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Return 90 for its header."""
        return 90 if head.has_header(*REALIZED_HEADER) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield entry and exit of each lot in the order of the file; costs are within the stated prices."""
        account = account_of(file, context)
        rows = read_rows(file, context, header=header_with(*REALIZED_HEADER))
        return collect(rows, _lot_builder(context, account))


REALIZED_HEADER: Final = (
    "Symbol", "Quantity", "Cost Per Share", "Proceeds Per Share", "Opened Date", "Closed Date", "Gain/Loss ($)",
)  # fmt: skip


def _lot_builder(context: ParseContext, account: str) -> Callable[[Row], tuple[ParsedFill, ParsedFill] | SkippedRow]:
    def build(row: Row) -> tuple[ParsedFill, ParsedFill] | SkippedRow:
        if row.optional("Symbol").lower().startswith("total") or not row.has("Opened Date"):
            return row.skipped("subtotal", "A total, not a lot.")
        opened, closed = (
            parse_date(row.text(name), column=name, order="mdy", context=context)
            for name in ("Opened Date", "Closed Date")
        )
        if closed < opened:
            raise BadCell("Closed Date", "order_of_times", "The lot was closed before it was opened.")
        instrument = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=opened)
        cost, proceeds = row.money("Cost Per Share"), row.money("Proceeds Per Share")
        gain = row.money("Gain/Loss ($)")
        # Of a short sale the page shows the sale as the cost: a gain although the cost is the greater figure.
        is_short = (cost - proceeds) * gain > 0
        entry = ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(leg="entry"),
            account_number=account,
            symbol=instrument.symbol,
            kind=instrument.kind,
            side="sell" if is_short else "buy",
            quantity=checked_quantity(row.money("Quantity"), column="Quantity"),
            price=_lot_price(cost, column="Cost Per Share", kind=instrument.kind),
            executed_at=None,
            executed_on=opened,
            currency="USD",
            multiplier=instrument.multiplier,
            name=row.optional("Name"),
        )
        return entry, entry._replace(
            identity_key=row.identity_key(leg="exit"),
            side="buy" if is_short else "sell",
            price=_lot_price(proceeds, column="Proceeds Per Share", kind=instrument.kind),
            executed_on=closed,
            broker_pnl=gain,
        )

    return build


def _lot_price(price: Decimal, *, column: str, kind: str) -> Decimal:
    """The price of a lot's leg; that of an option that ended worthless is 0."""
    return price if kind == "option" and price == 0 else checked_price(price, column=column, kind=kind)

"""E*TRADE: the transaction history in its older and its newer layout. Dates without times."""

import re
from collections.abc import Callable, Iterator
from datetime import date
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
from trading.imports.parsers.cash_history import by_amount, collect_history, costs_by_amount
from trading.imports.parsers.option_endings import settled
from trading.imports.parsers.round_trips import checked_price, checked_quantity, first_filled
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, read_rows
from trading.imports.parsers.times import parse_date

SIDES: Final = {
    "bought": "buy",
    "boughttoopen": "buy",
    "boughttoclose": "buy",
    "boughttocover": "buy",
    "sold": "sell",
    "soldshort": "sell",
    "soldtoopen": "sell",
    "soldtoclose": "sell",
}
ENDINGS: Final = frozenset(
    {"expired", "assigned", "exercised"}
    | {"optionexpired", "optionexpiration", "optionassigned", "optionassignment"}
    | {"optionexercised", "optionexercise"}
)
#: Headers of each field in the layouts, the newest first.
DAY: Final = ("Activity/Trade Date", "TransactionDate", "Transaction Date", "Trade Date")
TYPE: Final = ("Activity Type", "TransactionType", "Transaction Type")
QUANTITY: Final = ("Quantity #", "Quantity")
PRICE: Final = ("Price $", "Price")
AMOUNT: Final = ("Amount $", "Amount")
SHORT_YEARS: Final = ("M/D/YY",)

_ACCOUNT: Final = re.compile(
    r"^\"?(?:For Account:|Account\b)[^\n|]*?(?P<number>[A-Za-z0-9-]*[0-9])[\" ,]*(?:\||\r?$)", re.MULTILINE
)
_OPTION: Final = re.compile(r"(?P<right>PUT|CALL) +(?P<rest>\S+ +\d{2}/\d{2}/\d{2} +\d+\.\d+).*", re.ASCII)


def is_header(cells: list[str]) -> bool:
    """Whether the row is the header of either layout."""
    names = {fold(cell) for cell in cells}
    return (
        all(any(fold(title) in names for title in titles) for titles in (DAY, TYPE, QUANTITY, PRICE))
        and {"symbol", "description"} <= names
    )


class Etrade:
    """The transaction history as CSV."""

    name = "etrade"
    label = "E*TRADE – Transactions (CSV)"
    broker = "E*TRADE"
    identity_family = "etrade"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 88 for a header of either layout."""
        return 88 if any(is_header(list(row)) for row in head.rows) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the trades in the order of the file."""
        start = file.tell()
        found = _ACCOUNT.search(_titles(file))
        build = _builder(context, found["number"].lstrip("-") if found else "")

        def read() -> Iterator[Parsed]:
            file.seek(start)
            return collect_history(read_rows(file, context, header=is_header), build)

        return settled(read)


def _titles(file: BinaryIO) -> str:
    """The text above the header, which names the account."""
    lines = file.read(2048).decode("utf-8", "replace").splitlines(keepends=True)
    return "".join(line for line in lines if line.count(",") < 5)


def _builder(context: ParseContext, account: str) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        said = _said(row, TYPE)
        kind_of_row = fold(said)
        if kind_of_row not in SIDES and kind_of_row not in ENDINGS:
            return row.skipped("not_a_trade", f"{said or 'A row without a type'} is not a trade.")
        day = parse_date(
            _said(row, DAY), column=first_filled(row, *DAY), order="mdy", formats=SHORT_YEARS, context=context
        )
        instrument = _instrument(row, context, day)
        if kind_of_row in ENDINGS:
            if instrument.kind != "option":
                return row.skipped("not_a_trade", "The shares that an option moved are a row of their own.")
            return _ended(row, day, instrument, account=account)
        return _traded(row, day, instrument, side=SIDES[kind_of_row], account=account)

    return build


def _said(row: Row, titles: tuple[str, ...]) -> str:
    """The field under whichever of its headers the row has; this broker writes "--" for nothing."""
    value = row.optional(first_filled(row, *titles))
    return "" if value == "--" else value


def _instrument(row: Row, context: ParseContext, day: date) -> Resolved:
    """An option by its description ("PUT  MDB    07/17/26   312.500"), all else by the symbol."""
    description = row.optional("Description")
    if option := _OPTION.fullmatch(description):
        text = f"{option['right']} {' '.join(option['rest'].split())}"
        return resolve_symbol(text, column="Description", context=context, on=day, kind="option")
    symbol = _said(row, ("Symbol",)) or _said(row, ("Cusip",))
    return resolve_symbol(symbol, column="Symbol", context=context, on=day)


def _traded(row: Row, day: date, instrument: Resolved, *, side: str, account: str) -> ParsedFill:
    quantity_column, price_column = first_filled(row, *QUANTITY), first_filled(row, *PRICE)
    signed = row.money(quantity_column)
    if signed < 0 and side == "buy":
        raise BadCell(quantity_column, "side_conflict", "A purchase has a negative quantity.", str(signed))
    quantity = checked_quantity(abs(signed), column=quantity_column)
    price = checked_price(row.money(price_column), column=price_column, kind=instrument.kind)
    amount = row.money(first_filled(row, *AMOUNT), ZERO)
    instrument = by_amount(instrument, product=quantity * price, amount=amount)
    commission = abs(row.money("Commission", ZERO))
    costs = commission
    if amount:
        value = quantity * price * (instrument.multiplier or 1)
        costs = costs_by_amount(side=side, value=value, amount=amount, stated=commission)
    return _blank(row, day, instrument, account=account)._replace(
        side=side, quantity=quantity, price=price, commission=commission, fees=costs - commission
    )


def _ended(row: Row, day: date, instrument: Resolved, *, account: str) -> ParsedFill:
    quantity_column = first_filled(row, *QUANTITY)
    signed = row.money(quantity_column)
    return _blank(row, day, instrument, account=account)._replace(
        side="sell?" if signed < 0 else "buy?",
        quantity=checked_quantity(abs(signed), column=quantity_column),
        price=row.money(first_filled(row, *PRICE), ZERO),
    )


def _blank(row: Row, day: date, instrument: Resolved, *, account: str) -> ParsedFill:
    """The fill of the row but for side, quantity, price and costs."""
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(),
        account_number=account,
        symbol=instrument.symbol,
        kind=instrument.kind,
        side="",
        quantity=ZERO,
        price=ZERO,
        executed_at=None,
        executed_on=day,
        currency="USD",
        multiplier=instrument.multiplier,
        name=row.optional("Description"),
    )

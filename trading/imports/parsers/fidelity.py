"""Fidelity: the account history, of one or several accounts. Dates without times; quantities are signed."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import ZERO, BadCell, Head, ParseContext, Parsed, ParsedFill, SkippedRow
from trading.imports.parsers.cash_history import by_amount, collect_history
from trading.imports.parsers.option_endings import settled
from trading.imports.parsers.round_trips import checked_price, checked_quantity, first_filled
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, header_with, read_rows
from trading.imports.parsers.times import parse_date

HEADER: Final = ("Run Date", "Action", "Symbol", "Quantity")
PRICE: Final = ("Price ($)", "Price")
AMOUNT: Final = ("Amount ($)", "Amount")
COMMISSION: Final = ("Commission ($)", "Commission")
FEES: Final = ("Fees ($)", "Fees")
INTEREST: Final = ("Accrued Interest ($)", "Accrued Interest")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_AS_OF: Final = re.compile(r"as of (?P<month>[A-Z][a-z]{2})-(?P<day>\d{2})-(?P<year>\d{4})", re.ASCII)
_ENDING: Final = re.compile(r"(?:EXPIRED|ASSIGNED|EXERCISED)\b")
_FILE_OF_ONE: Final = re.compile(r"History_for_Account_(?P<number>[A-Za-z0-9]+)")


class Fidelity:
    """The account history as CSV."""

    name = "fidelity"
    label = "Fidelity – Account history (CSV)"
    broker = "Fidelity"
    identity_family = "fidelity"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 90 for its header."""
        return 90 if head.has_header(*HEADER) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the trades in the order of the file."""
        found = _FILE_OF_ONE.search(context.filename)
        build = _builder(context, found["number"] if found else "")
        start = file.tell()

        def read() -> Iterator[Parsed]:
            file.seek(start)
            return collect_history(read_rows(file, context, header=header_with(*HEADER)), build)

        return settled(read)


def _builder(context: ParseContext, account: str) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        action = row.optional("Action")
        side = _side_of(action)
        if not side or _is_money_market(row, action):
            return row.skipped("not_a_trade", f"{action[:60] or 'A row without an action'} is not a trade.")
        day = _day(row, action, context)
        instrument = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=day)
        signed = row.money("Quantity")
        if side == "?":
            if instrument.kind != "option":
                return row.skipped("not_a_trade", "The shares that an option moved are a row of their own.")
            side = "sell?" if signed < 0 else "buy?"
        elif signed < 0 and side == "buy":
            raise BadCell("Quantity", "side_conflict", "The action is a purchase and the quantity is negative.")
        return _fill(row, day, instrument, side=side, quantity=abs(signed), account=account)

    return build


def _side_of(action: str) -> str:
    """The side that the words of the action tell, "?" for an option that ended, "" for what is no trade."""
    if action.startswith(("YOU BOUGHT", "REINVESTMENT")):
        return "buy"
    if action.startswith("YOU SOLD"):
        return "sell"
    return "?" if _ENDING.match(action) else ""


def _is_money_market(row: Row, action: str) -> bool:
    """Whether the row only moves cash into the core position, whose sales the history never shows."""
    return action.startswith("REINVESTMENT") and row.money(first_filled(row, *PRICE), ZERO) in (0, 1)


def _day(row: Row, action: str, context: ParseContext) -> date:
    """The day on which the row took effect, which "as of" tells where it was booked later."""
    if (told := _AS_OF.search(action)) and told["month"] in MONTHS:
        text = f"{told['year']}-{MONTHS.index(told['month']) + 1:02d}-{told['day']}"
        return parse_date(text, column="Action", order="ymd", context=context)
    return parse_date(row.text("Run Date"), column="Run Date", order="mdy", context=context)


def _fill(row: Row, day: date, instrument: Resolved, *, side: str, quantity: Decimal, account: str) -> ParsedFill:
    price_column = first_filled(row, *PRICE)
    if side.endswith("?"):
        price = row.money(price_column, ZERO)
    else:
        price = checked_price(row.money(price_column), column=price_column, kind=instrument.kind)
        amount = row.money(first_filled(row, *AMOUNT), ZERO)
        instrument = by_amount(instrument, product=quantity * price, amount=amount)
    interest = abs(row.money(first_filled(row, *INTEREST), ZERO)) if instrument.kind == "bond" else ZERO
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(),
        account_number=row.optional("Account Number") or account,
        symbol=instrument.symbol,
        kind=instrument.kind,
        side=side,
        quantity=checked_quantity(quantity, column="Quantity"),
        price=price,
        executed_at=None,
        executed_on=day,
        currency=row.optional("Currency") or "USD",
        commission=row.money(first_filled(row, *COMMISSION), ZERO),
        fees=row.money(first_filled(row, *FEES), ZERO) + (interest if side == "buy" else -interest),
        multiplier=instrument.multiplier,
        name=row.optional("Description"),
    )

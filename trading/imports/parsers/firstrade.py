"""Firstrade: the account history. Most fills carry a date alone; what moved is told by the Amount column."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from typing import BinaryIO, Final, NamedTuple

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
)
from trading.imports.parsers.cash_history import PER_HUNDRED, costs_by_amount
from trading.imports.parsers.option_endings import settled
from trading.imports.parsers.round_trips import checked_price, checked_quantity
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_date, parse_time

HEADER: Final = ("Symbol", "Quantity", "Price", "Action", "Description", "TradeDate", "Amount", "RecordType")

_EXEC_TIME: Final = re.compile(r"\s*EXEC TIME: (?P<time>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})", re.ASCII)
_TREASURY: Final = re.compile(
    r"(?:UNITED STATES|U ?S) TREAS\w* (?P<kind>NOTE|BOND|BILL|NT|BD|BL)S?.*?"
    r"DUE (?P<month>\d{2})/(?P<day>\d{2})/\d{2}(?P<year>\d{2})(?: +(?P<rate>\d+\.\d+))?.*",
    re.ASCII,
)
_ENDING: Final = re.compile(r"\b(?:EXPIRED|EXPIRATION|ASSIGNED|ASSIGNMENT|EXERCISED?)\b")


class Firstrade:
    """The account history as CSV."""

    name = "firstrade"
    label = "Firstrade – Account history (CSV)"
    broker = "Firstrade"
    identity_family = "firstrade"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 90 for its header."""
        return 90 if head.has_header(*HEADER) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the trades; the fills of a day without times stand as `in_order_of_flow` has them."""
        start = file.tell()
        build = _builder(context)

        def read() -> Iterator[Parsed]:
            file.seek(start)
            return collect(read_rows(file, context, header=header_with(*HEADER)), build)

        return in_order_of_flow(lambda: settled(read))


def in_order_of_flow(read: Callable[[], Iterable[Parsed]]) -> Iterator[Parsed]:
    """Yield the items day by day, of fills without a time first those that go with the day's flow.

    On a day that ends with more of a symbol than it began, the purchases come first: a sale before them would
    open a short position that the person never had. Days and all else keep their order. A file that is
    newest-first is read from its end by whoever orders fills, so there it is the other way round.
    """
    flows: defaultdict[tuple[str, date | None], Decimal] = defaultdict(Decimal)
    days: list[date] = []
    for item in read():
        if isinstance(item, ParsedFill) and item.trading_day:
            flows[item.symbol, item.trading_day] += item.quantity if item.side == "buy" else -item.quantity
            if not days or days[-1] != item.trading_day:
                days.append(item.trading_day)
    is_newest_first = len(days) > 1 and all(day > after for day, after in pairwise(days))

    def place(item: Parsed) -> bool:
        if not isinstance(item, ParsedFill) or item.executed_at is not None:
            return False
        with_flow = "buy" if flows[item.symbol, item.trading_day] >= 0 else "sell"
        return (item.side == with_flow) is is_newest_first

    for _, of_day in groupby(read(), key=_day_of):
        yield from sorted(of_day, key=place)


def _day_of(item: Parsed) -> date | None:
    return item.trading_day if isinstance(item, ParsedFill) else None


class Told(NamedTuple):
    """What a row says before its money is looked at."""

    instrument: Resolved
    side: str
    quantity: Decimal
    price: Decimal


def _builder(context: ParseContext) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        description = row.optional("Description")
        action = row.optional("Action").upper()
        is_trade = row.optional("RecordType").lower() == "trade"
        is_ending = not is_trade and bool(_ENDING.search(description) or _ENDING.search(action))
        if not (is_trade or is_ending):
            return row.skipped("not_a_trade", f"{row.optional('Action') or 'A financial row'} is not a trade.")
        day = parse_date(row.text("TradeDate"), column="TradeDate", order="ymd", context=context)
        timed = _EXEC_TIME.search(description)
        executed_at = parse_time(timed["time"], column="Description", context=context, order="ymd") if timed else None
        told = _told(row, context, day, _EXEC_TIME.sub("", description), is_ending=is_ending)
        if told is None:
            return row.skipped("not_a_trade", "The shares that an assignment moves are a row of their own.")
        commission, fees = _costs(row, told)
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(),
            account_number="",
            symbol=told.instrument.symbol,
            kind=told.instrument.kind,
            side=told.side,
            quantity=told.quantity,
            price=told.price,
            executed_at=executed_at,
            executed_on=None if executed_at else day,
            currency="USD",
            commission=commission,
            fees=fees,
            multiplier=told.instrument.multiplier,
            name=_EXEC_TIME.sub("", description),
            trading_day=day,
        )

    return build


def _told(row: Row, context: ParseContext, day: date, description: str, *, is_ending: bool) -> Told | None:
    instrument = _instrument(row, context, day, description)
    signed = row.money("Quantity")
    quantity = checked_quantity(abs(signed), column="Quantity")
    if is_ending:
        if instrument.kind != "option":
            return None
        return Told(instrument, "sell?" if signed < 0 else "buy?", quantity, row.money("Price", ZERO))
    side = {"BUY": "buy", "SELL": "sell"}.get(row.text("Action").upper(), "")
    if not side:
        raise BadCell("Action", "unknown_side", "The action is neither BUY nor SELL.", row.optional("Action"))
    if signed < 0 and side == "buy":
        raise BadCell("Quantity", "side_conflict", "The action is BUY and the quantity is negative.")
    price = checked_price(row.money("Price"), column="Price", kind=instrument.kind)
    return Told(instrument, side, quantity, price)


def _instrument(row: Row, context: ParseContext, day: date, description: str) -> Resolved:
    """The instrument by its symbol, else by what the description says: an option or a treasury."""
    if symbol := row.optional("Symbol"):
        return resolve_symbol(symbol, column="Symbol", context=context, on=day)
    if treasury := _TREASURY.fullmatch(description):
        due = f"{treasury['month']}/{treasury['day']}/{treasury['year']}"
        rate = f" {Decimal(treasury['rate']).normalize():f}" if treasury["rate"] else ""
        letter = "B" if treasury["kind"] in ("BILL", "BL") else "T"
        return Resolved(f"{letter}{rate} {due}", "bond", PER_HUNDRED, "USD")
    return resolve_symbol(description, column="Description", context=context, on=day, kind="option")


def _costs(row: Row, told: Told) -> tuple[Decimal, Decimal]:
    """Commission and other costs, so that the fill comes to exactly the money that moved.

    The stated fee of options is less than what the Amount shows was charged, so the gap between the Amount
    and price times quantity is the truth; within a cent it is rounding, and the stated costs stand. Accrued
    interest of bonds is part of the Amount: paid it is a cost, received a credit.
    """
    commission, fee = row.money("Commission", ZERO), row.money("Fee", ZERO)
    interest = -row.money("Interest", ZERO) if told.instrument.kind == "bond" else ZERO
    amount = row.money("Amount", ZERO)
    if not amount:
        return commission, fee + interest
    value = told.quantity * told.price * (told.instrument.multiplier or Decimal(1))
    return commission, costs_by_amount(
        side=told.side, value=value, amount=amount, stated=commission + fee + interest
    ) - commission

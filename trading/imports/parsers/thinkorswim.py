"""thinkorswim: the account statement (live and paperMoney), and its trade history alone.

A statement is one CSV of many sections. The trades of its Cash Balance and Futures sections are told in one
line of text each; a spread is told as one trade without the prices of its legs, so it cannot be booked.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    FileRefused,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
    fold,
)
from trading.imports.parsers.numbers import parse_money
from trading.imports.parsers.round_trips import checked_price, checked_quantity
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Columns, Row, collect, open_text, read_rows, split_lines
from trading.imports.parsers.times import parse_time

FORMATS: Final = ("M/D/YY H:MM:SS",)
CASH_HEADER: Final = frozenset({"date", "time", "type", "ref#", "description"})
FUTURES_HEADER: Final = frozenset({"execdate", "exectime", "type", "ref#", "description"})
HISTORY_HEADER: Final = frozenset({"exectime", "spread", "side", "qty", "symbol", "price"})
LEGS_HEADER: Final = frozenset({"spread", "side", "qty", "symbol"})
ORDERS_HEADER: Final = frozenset({"timeplaced", "spread", "side", "qty", "symbol", "status"})
OTHER_HEADERS: Final = (
    frozenset({"symbol", "description", "qty", "tradeprice"}),
    frozenset({"symbol", "optioncode", "exp", "strike"}),
    frozenset({"symbol", "description", "p/lopen"}),
)

_TRADE: Final = re.compile(
    r"(?:.*? )?(?P<verb>BOT|SOLD) (?P<quantity>[+-]?[0-9][0-9,.]*) (?P<what>.+?) @(?P<price>-?[0-9.,]+)(?: .*)?"
)
_SPREAD: Final = re.compile(
    r"(?P<name>(?:[~0-9/]* ?)?(?:VERTICAL|VERT ROLL|STRADDLE|STRANGLE|CALENDAR|DIAGONAL|DBL DIAG|BUTTERFLY|"
    r"UNBALANCED BUTTERFLY|IRON CONDOR|CONDOR|BACKRATIO|RATIO|COMBO|COVERED|COLLAR|CUSTOM))\b"
)
_SEVERAL_STRIKES: Final = re.compile(r"[0-9.]+/[0-9.]+(?:/[0-9.]+)* (?:PUT|CALL)")
_EXCHANGE: Final = re.compile(r":X[A-Z]{3}$")
_ACCOUNT: Final = re.compile(r"Account Statement for (?P<number>\S+)")


def is_statement_header(cells: list[str]) -> bool:
    """Whether the line is the header of a section of the statement."""
    names = {fold(cell) for cell in cells}
    return any(
        header <= names for header in (CASH_HEADER, FUTURES_HEADER, HISTORY_HEADER, ORDERS_HEADER, *OTHER_HEADERS)
    )


def rows_of(file: BinaryIO, context: ParseContext) -> Iterator[Row]:
    """Yield the rows below every header that is known, each section up to the title of the next."""
    rows = read_rows(
        file, context, header=is_statement_header, delimiter=",", many_sections=True, deep=True, repeats=True
    )
    ended: Columns | None = None
    for row in rows:
        if len(row.cells) <= 2:
            ended = row.columns  # the title of the next section, whose header may be unknown
        elif row.columns is not ended:
            yield row


class ThinkorswimStatement:
    """The account statement as CSV: trades of its Cash Balance and Futures Statements."""

    name = "thinkorswim_statement"
    label = "thinkorswim – Account Statement (CSV)"
    broker = "thinkorswim"
    identity_family = "thinkorswim"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 92 for a statement with a section of cash or futures movements."""
        return 92 if any(_is_movements({fold(cell) for cell in row}) for row in head.rows) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the trades in the order of the file; other movements of cash are skipped."""
        account = account_of(file)
        return collect(
            (row for row in rows_of(file, context) if _is_movements({fold(n) for n in row.columns.names})),
            _movement_builder(context, account),
        )


def _is_movements(names: set[str]) -> bool:
    return names >= CASH_HEADER or names >= FUTURES_HEADER


def account_of(file: BinaryIO) -> str:
    """Return the account that the title names, "" for none."""
    start = file.tell()
    found = _ACCOUNT.search(file.read(1024).decode("utf-8", "replace"))
    file.seek(start)
    return found["number"] if found else ""


def _movement_builder(context: ParseContext, account: str) -> Callable[[Row], ParsedFill | SkippedRow | None]:
    def build(row: Row) -> ParsedFill | SkippedRow | None:
        kind_of_row = row.optional("Type")
        if not kind_of_row:
            return None  # the total below a section
        if kind_of_row != "TRD":
            return row.skipped("not_a_trade", f"A movement of type {kind_of_row}, not a trade.")
        text = row.text("Description")
        told = _TRADE.fullmatch(text)
        if told is None:
            raise BadCell("Description", "unknown_description", "The text is not a trade that can be read.", text)
        what = told["what"]
        if spread := _spread_of(what):
            return row.skipped(
                "spread_not_supported",
                f"Multi-leg option spread ({spread}) not supported: the statement does not say at what price "
                "each leg traded. Import its Account Trade History instead.",
            )
        day = row.optional("Exec Date") or row.text("Date")
        clock = row.optional("Exec Time") or row.text("Time")
        at = parse_time(f"{day} {clock}", column="Time", context=context, order="mdy", formats=FORMATS)
        instrument = _instrument(what, context, at)
        signed = parse_money(told["quantity"], column="Description", currency_signs=False)
        side = "buy" if told["verb"] == "BOT" else "sell"
        if signed < 0 and side == "buy":
            raise BadCell("Description", "side_conflict", "The text says BOT and the quantity is negative.", text)
        price = parse_money(told["price"], column="Description", currency_signs=False)
        reference = row.optional("Ref #").removeprefix("=").strip('"')
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            # One order filled in parts repeats its reference, and the balance changes with the period.
            identity_key=f"row:{reference}|{day}|{clock}|{text}",
            account_number=account,
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=checked_quantity(abs(signed), column="Description"),
            price=checked_price(price, column="Description", kind=instrument.kind),
            executed_at=at,
            executed_on=None,
            currency=instrument.currency or "USD",
            commission=-row.money("Commissions & Fees", ZERO),
            fees=-row.money("Misc Fees", ZERO),
            multiplier=instrument.multiplier,
            order_id=reference,
            name=what,
        )

    return build


def _spread_of(what: str) -> str:
    """The name of the spread that the text tells of, "" for a single instrument."""
    if named := _SPREAD.match(what):
        return named["name"].strip()
    return "several strikes" if _SEVERAL_STRIKES.search(what) else ""


def _instrument(what: str, context: ParseContext, at: datetime, *, kind: str = "") -> Resolved:
    plain = _EXCHANGE.sub("", what)
    kind = kind or ("future" if plain.startswith("/") else "")
    return resolve_symbol(plain, column="Symbol", context=context, kind=kind, on=at.date())


class ThinkorswimOrders:
    """The trade history ("Filled Orders", "Account Trade History") as CSV: one row per leg, with its price."""

    name = "thinkorswim_orders"
    label = "thinkorswim – Trade history (CSV)"
    broker = "thinkorswim"
    identity_family = "thinkorswim_orders"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 91 for a file with a trade or order history, wherever in its first 64 KiB that starts."""
        for line in head.text.splitlines():
            if "Spread" in line and "Side" in line:
                names = {fold(cell) for cell in line.split(",")}
                if names >= HISTORY_HEADER or names >= ORDERS_HEADER:
                    return 91
        return 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the legs of all filled orders in the order of the file. Raises FileRefused no_fill_prices."""
        _require_fills(file, context)
        account = account_of(file)
        return collect(
            (row for row in rows_of(file, context) if {fold(n) for n in row.columns.names} >= HISTORY_HEADER),
            LegFills(context, account).build,
        )


def _require_fills(file: BinaryIO, context: ParseContext) -> None:
    """Refuse a file of placed orders alone: their price is a limit, not what they were filled at."""
    start = file.tell()
    found = any(
        {fold(cell) for cell in line.cells} >= HISTORY_HEADER for line in split_lines(open_text(file, context), ",")
    )
    file.seek(start)
    if not found:
        raise FileRefused(
            "no_fill_prices",
            "The file lists placed orders, which do not say at what price they were filled. "
            "Export the Account Trade History.",
        )


class LegFills:
    """Builds fills from the rows of a trade history; the later legs of a spread leave out what the first says."""

    def __init__(self, context: ParseContext, account: str) -> None:
        self._context = context
        self._account = account
        self._at: datetime | None = None
        self._spread = ""

    def build(self, row: Row) -> ParsedFill | None:
        """Return the fill of the leg, None for a line that is not one."""
        if not row.has("Symbol") or not row.has("Qty"):
            return None
        if row.has("Exec Time"):
            self._at = parse_time(
                row.text("Exec Time"), column="Exec Time", context=self._context, order="mdy", formats=FORMATS
            )
            self._spread = row.optional("Spread")
        if self._at is None:
            raise BadCell("Exec Time", "missing_value", "The first leg of the order has no time.")
        signed = row.money("Qty")
        side = {"buy": "buy", "sell": "sell"}.get(row.text("Side").lower(), "")
        if not side:
            raise BadCell("Side", "unknown_side", "The side is neither BUY nor SELL.", row.optional("Side"))
        if signed < 0 and side == "buy":
            raise BadCell("Qty", "side_conflict", "The side says buy and the quantity is negative.")
        instrument = self._instrument(row, self._at)
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=f"{row.identity_key()}|at={self._at:%Y-%m-%dT%H:%M:%S}",
            account_number=self._account,
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=checked_quantity(abs(signed), column="Qty"),
            price=self._price(row, instrument.kind),
            executed_at=self._at,
            executed_on=None,
            currency=instrument.currency or "USD",
            multiplier=instrument.multiplier,
            note="" if self._spread in ("", "SINGLE", "STOCK", "FUTURE", "ETF") else f"Leg of a {self._spread}",
        )

    def _instrument(self, row: Row, at: datetime) -> Resolved:
        right = row.optional("Type").upper()
        if right in ("CALL", "PUT"):
            text = f"{row.text('Symbol')} 100 {row.text('Exp')} {row.text('Strike')} {right}"
            return _instrument(text, self._context, at, kind="option")
        return _instrument(row.text("Symbol"), self._context, at)

    def _price(self, row: Row, kind: str) -> Decimal:
        price = row.money("Price")
        return price if kind == "option" and not price else checked_price(price, column="Price", kind=kind)

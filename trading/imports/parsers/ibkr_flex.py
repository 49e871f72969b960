"""Interactive Brokers Flex queries saved as CSV: activity and trade confirmations, whole or a few columns.

A file may hold several sections, each below its own header, and lines that only frame them (BOF, BOS, EOS).
"""

import re
from collections.abc import Iterator
from operator import itemgetter
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    BadCell,
    FileRefused,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
    Warned,
    fold,
)
from trading.imports.parsers.ibkr_fills import FlexFills, FlexValues
from trading.imports.parsers.tables import Columns, Row, read_rows, row_error
from trading.imports.parsers.times import detect_date_order

#: Headers of each field, in the order of preference, in the order of `FlexValues`.
HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "account": ("ClientAccountID", "AccountID", "Account"),
    "symbol": ("Symbol",),
    "asset_class": ("AssetClass", "AssetCategory"),
    "level": ("LevelOfDetail",),
    "currency": ("CurrencyPrimary", "Currency"),
    "quantity": ("Quantity",),
    "price": ("TradePrice", "Price"),
    "moment": ("DateTime", "Date/Time"),
    "day": ("TradeDate",),
    "time_of_day": ("TradeTime",),
    "side": ("Buy/Sell", "BuySell"),
    "commission": ("IBCommission", "Commission"),
    "commission_currency": ("IBCommissionCurrency", "CommissionCurrency"),
    "taxes": ("Taxes", "Tax"),
    "other_fees": ("OtherFees", "Fees"),
    "realized": ("FifoPnlRealized", "FifoPNLRealized"),
    "multiplier": ("Multiplier",),
    "execution_id": ("IBExecID", "ExecID"),
    "trade_id": ("TradeID",),
    "transaction_id": ("TransactionID",),
    "order_id": ("IBOrderID", "OrderID"),
    "codes": ("Notes/Codes", "Code", "Codes", "Notes"),
    "open_close": ("Open/CloseIndicator", "OpenCloseIndicator"),
    "transaction_type": ("TransactionType",),
    "description": ("Description",),
    "underlying": ("UnderlyingSymbol",),
    "strike": ("Strike",),
    "expiry": ("Expiry",),
    "put_call": ("Put/Call", "PutCall"),
    "fx_rate": ("FXRateToBase",),
}
FIRST_HEADERS: Final = frozenset({"ClientAccountID", "HEADER"})
FRAMES: Final = frozenset({"BOF", "BOA", "BOS", "EOS", "EOA", "EOF"})
#: Headers that only a Flex query has, and those that its smallest layouts consist of.
OWN: Final = frozenset(["clientaccountid", "ibexecid", "iborderid", "ibcommission", "levelofdetail", "currencyprimary"])
SMALLEST: Final = frozenset(
    {"account", "symbol", "date/time", "quantity", "price", "commission", "fees", "orderid"} | {"currency", "buy/sell"}
)

_SLASHED: Final = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}", re.ASCII)


class IbkrFlexCsv:
    """A Flex query of trades or trade confirmations, of one or several accounts, as CSV."""

    name = "ibkr_flex_csv"
    label = "Interactive Brokers – Flex query (CSV)"
    broker = "Interactive Brokers"
    identity_family = "ibkr"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 90 for a header of trades, 80 for one of other sections, 55 for the smallest layouts."""
        best = 0
        for row in head.rows:
            names = {fold(cell) for cell in row}
            if is_trade_header(names):
                if names & OWN:
                    return 90
                if names <= SMALLEST and "date/time" in names:
                    best = max(best, 55)
            elif row and (row[0] == "ClientAccountID" or row[:2] == ("HEADER", "TRNT")):
                best = 80
        return best

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the executions of all sections in the order of the file."""
        order = context.date_order or slash_order(file, context)
        sections = Sections(context, date_order=order)
        for row in read_rows(file, context, header=HeaderTest(), many_sections=True):
            yield from sections.read(row)
        yield from sections.summary()
        if order == "":
            yield Warned(
                sections.first_line,
                "date_order_assumed",
                "No date of the file shows whether day or month stands first; they were read month first.",
            )


class HeaderTest:
    """Whether a row is the header of a section.

    The first header may spell its names in any case; the later ones are spelled like it, so that a million
    rows are not folded to find them.
    """

    def __init__(self) -> None:
        self._spelled = {"Symbol", "Quantity"}
        self._has_met_one = False

    def __call__(self, cells: list[str]) -> bool:
        """Return True for a header."""
        if (cells and cells[0] in FIRST_HEADERS) or self._spelled.issubset(cells):
            self._has_met_one = True
            return True
        if self._has_met_one:
            return False
        spelled = {cell for cell in cells if fold(cell) in ("symbol", "quantity")}
        if len(spelled) == 2:
            self._spelled = spelled
            self._has_met_one = True
        return self._has_met_one


def is_trade_header(names: set[str]) -> bool:
    """Whether the folded headers are those of a section of trades."""
    return (
        {"symbol", "quantity"} <= names
        and not names.isdisjoint({"tradeprice", "price"})
        and not names.isdisjoint({"datetime", "date/time", "tradedate"})
    )


def slash_order(file: BinaryIO, context: ParseContext) -> str:
    """Return what the dates with slashes prove about their order; "" when they prove nothing.

    Files whose beginning has no such date are "mdy" without being read twice.
    """
    start = file.tell()
    head = file.read(1 << 16)
    file.seek(start)
    if not _SLASHED.search(head.decode("utf-8", "replace")):
        return "mdy"
    days: set[str] = set()
    for row in read_rows(file, context, header=HeaderTest(), many_sections=True):
        at = row.columns.first(*HEADERS["moment"], *HEADERS["day"])
        if 0 <= at < len(row.cells) and (found := _SLASHED.match(row.cells[at].strip())):
            days.add(found[0])
    file.seek(start)
    return detect_date_order(days) if days else "mdy"


class Section:
    """The rows below one header: where each field stands, and how its fills are built."""

    def __init__(self, columns: Columns, context: ParseContext, *, date_order: str) -> None:
        self.columns = columns
        self.is_of_trades = is_trade_header({fold(name) for name in columns.names})
        places = [columns.first(*names) for names in HEADERS.values()]
        labels = [
            columns.names[at] if at >= 0 else names[0] for at, names in zip(places, HEADERS.values(), strict=True)
        ]
        # A field that the section lacks is taken from one empty cell put behind the row.
        self._take = itemgetter(*[at if at >= 0 else columns.width for at in places])
        self._fills = FlexFills(context, FlexValues._make(labels), date_order=date_order)

    def build(self, row: Row) -> ParsedFill | SkippedRow:
        """Return the fill of the row, or why it is none. Raises BadCell."""
        values = FlexValues._make(map(str.strip, self._take([*row.cells, ""])))
        return self._fills.build(values, line=row.line, raw=row.raw, row_key=row.identity_key)


class Sections:
    """All sections of one file, and what is to be said of them at the end."""

    def __init__(self, context: ParseContext, *, date_order: str) -> None:
        self.first_line = 0
        self._context = context
        self._date_order = date_order
        self._current: Section | None = None
        self._passed_over: list[Columns] = []
        self._has_trades = False
        self._fills = 0
        self._orders = 0

    def read(self, row: Row) -> Iterator[Parsed]:
        """Yield what the row is, if it is of a section of trades."""
        section = self._current
        if section is None or section.columns is not row.columns:
            section = self._enter(row)
        if row.cells and row.cells[0] in FRAMES:
            return
        if not section.is_of_trades:
            return
        try:
            if row.problem is not None:
                raise row.problem
            built = section.build(row)
        except BadCell as bad:
            yield row_error(row, bad)
            return
        if isinstance(built, ParsedFill):
            self._fills += 1
        elif built.code == "subtotal":
            self._orders += 1
        yield built

    def _enter(self, row: Row) -> Section:
        section = Section(row.columns, self._context, date_order=self._date_order)
        self.first_line = self.first_line or row.line
        if section.is_of_trades:
            self._has_trades = True
        else:
            self._passed_over.append(row.columns)
        self._current = section
        return section

    def summary(self) -> Iterator[Warned]:
        """Yield what the person should know of the file. Raises FileRefused when no section is of trades."""
        if not self._has_trades:
            raise FileRefused(
                "missing_header",
                "No section of the file has the columns Symbol, Quantity, TradePrice and DateTime; "
                "add them to the Trades section of the query.",
                line=self._passed_over[0].line if self._passed_over else None,
            )
        for columns in self._passed_over:
            yield Warned(
                columns.line,
                "section_passed_over",
                f"The section below line {columns.line} holds no trades and is not read.",
            )
        if self._orders and not self._fills:
            yield Warned(
                self.first_line,
                "no_executions",
                "The file has totals of orders only; choose the level of detail Executions in the query.",
            )

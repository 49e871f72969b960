"""The contract between a broker's file format and the import pipeline: pure values, no framework.

A parser turns the bytes of one file into a stream of `Parsed` items, in the order of the file. It never guesses:
what it cannot read for certain is a `RowError` (the file is not applied) or a `FileRefused` (nothing is read).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import BinaryIO, NamedTuple, Protocol

ZERO = Decimal(0)


class ParsedFill(NamedTuple):
    """One fill as the file states it. A tuple rather than a dataclass: a million are made per file."""

    line: int  #: line of the file (1-based) where the row starts
    raw: str  #: the row as it stands in the file, for people to read
    identity_key: str  #: "id:<broker's id>" or "row:<canonical row>"; see `tables.Row.identity_key`
    account_number: str  #: "" when the file names none
    symbol: str  #: canonical: ESH26, AAPL, EURUSD, NVDA260710P00195000
    kind: str  #: stock | etf | future | option | forex | crypto | cfd | bond | index
    side: str  #: buy | sell
    quantity: Decimal  #: > 0
    price: Decimal
    executed_at: datetime | None  #: aware UTC; None when the file gives a date only
    executed_on: date | None  #: the stated date when there is no time; None otherwise
    currency: str  #: "" when the file does not say
    commission: Decimal = ZERO  #: cost positive, rebate negative
    fees: Decimal = ZERO  #: all other costs of the fill: exchange, regulatory, swap (a credit is negative)
    multiplier: Decimal | None = None  #: None: taken from the instrument or the contract root
    broker_fill_id: str = ""
    order_id: str = ""
    broker_pnl: Decimal | None = None  #: the broker's own realized P&L of this fill, after costs
    name: str = ""  #: what the file calls the instrument, when it says more than the symbol
    trading_day: date | None = None  #: the trading day that the file itself states
    initial_stop: Decimal | None = None
    initial_target: Decimal | None = None
    tags: tuple[str, ...] = ()
    note: str = ""


class RowError(NamedTuple):
    """One row that cannot be read. A file with any of these is not applied."""

    line: int
    column: str  #: header of the offending cell, "" when it is the whole row
    code: str  #: stable snake_case code: not_a_number, bad_date, unknown_symbol, too_many_fields, ...
    message: str  #: says what is wrong and what to do, for a person
    value: str = ""  #: the offending text, cut to 80 characters
    raw: str = ""


class SkippedRow(NamedTuple):
    """One row that is rightly no fill: a canceled order, a subtotal, a dividend."""

    line: int
    code: str  #: canceled | rejected | not_filled | subtotal | not_a_trade | spread_not_supported | blank | ...
    message: str
    raw: str = ""


class Warned(NamedTuple):
    """Something about the file that the person should know and that stops nothing."""

    line: int
    code: str
    message: str


Parsed = ParsedFill | RowError | SkippedRow | Warned


class FileRefused(Exception):
    """The file is refused as a whole, before or while its rows are read; nothing of it applies."""

    def __init__(self, code: str, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


class BadCell(Exception):
    """A cell that cannot be read; `tables` turns it into a `RowError` of its row."""

    def __init__(self, column: str, code: str, message: str, value: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.code = code
        self.message = message
        self.value = value[:80]


@dataclass(frozen=True, slots=True)
class RootSpec:
    """What the reference data says of one futures root."""

    root: str
    currency: str
    tick_size: Decimal
    point_value: Decimal


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A person's own column mapping: our field -> their header, plus how their values are written."""

    columns: Mapping[str, str]  #: e.g. {"symbol": "Ticker", "quantity": "Qty", "executed_at": "Time"}
    delimiter: str = ""
    time_zone: str = ""
    date_order: str = ""
    decimal_style: str = ""
    side_values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParseContext:
    """All a parser may know besides the file: choices of the person and reference data, never the clock."""

    now: datetime = datetime(2100, 1, 1, tzinfo=UTC)  #: fills later than now + 1 day are refused
    time_zone: tzinfo = UTC  #: zone of times that carry no offset
    filename: str = ""
    currency: str = ""  #: of accounts whose file does not say
    encoding: str = ""  #: explicit choice; "" = UTF-8 or what a byte order mark says, never a guess
    decimal_style: str = ""  #: "point" 1,234.56 | "comma" 1.234,56 | "" = what the format or the file proves
    date_order: str = ""  #: "mdy" | "dmy" | "ymd" | "" = what the format or the file proves
    delimiter: str = ""
    ambiguous_time: str = ""  #: "first" | "second" for a wall time that happened twice; "" = refuse
    mapping: ColumnChoice | None = None
    roots: Mapping[str, RootSpec] = field(default_factory=dict)
    lot_units: Mapping[str, Decimal] = field(default_factory=dict)  #: MetaTrader lots -> units per symbol


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, decoded leniently, for recognising its format."""

    filename: str
    start: bytes  #: the first 64 KiB as they are
    text: str  #: the same decoded, byte order mark removed
    rows: tuple[tuple[str, ...], ...]  #: the first 40 non-blank lines split at the likely delimiter, cells stripped

    def has_header(self, *names: str) -> bool:
        """Whether one of the first rows holds every one of these headers (case and spaces folded)."""
        wanted = {fold(name) for name in names}
        return any(wanted <= {fold(cell) for cell in row} for row in self.rows)


def fold(text: str) -> str:
    """The text in lower case with all white space and quotes removed, for comparing headers."""
    return "".join(text.lower().replace('"', "").split())


class Parser(Protocol):
    """One file format. Instances are stateless; all state lives in the generator that `parse` returns."""

    name: str  #: stable id: ibkr_flex_csv, tradovate_orders, ...
    label: str  #: for people: "Interactive Brokers – Flex query (CSV)"
    broker: str  #: default broker name of new accounts: "Interactive Brokers"
    identity_family: str  #: formats of one family share fill ids, e.g. "ibkr"
    sell_only_needs_decision: bool  #: a stock that is only sold, with nothing held, is put to the person

    def recognises(self, head: Head) -> int:
        """0 when the file is not of this format; otherwise a score, the highest of all formats wins."""
        ...

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """The file's rows in their order. Raises FileRefused. Streams: constant memory for a million rows."""
        ...

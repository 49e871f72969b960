"""MetaTrader 4 and 5: what their reports say, whatever file carried them.

Reports write volumes in lots, times of the broker's server without an offset, and money of the account's
currency: what was paid is negative, so that a swap credit is a negative fee here. MetaTrader 5 translates
headers and section titles, but never the words buy, sell, in and out: rows are told by their shape.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from trading.imports.parsers.base import BadCell
from trading.imports.parsers.numbers import detect_style, parse_money, proven_style

BROKER: Final = "MetaTrader"
SIDES: Final = {"buy": "buy", "sell": "sell"}
#: Contract sizes that a file can prove by a profit of its own.
PROVABLE_LOTS: Final = (
    Decimal("0.01"),
    Decimal("0.1"),
    *(Decimal(units) for units in (1, 5, 10, 20, 25, 50, 100, 500, 1000, 5000)),
    *(Decimal(units) for units in (10_000, 50_000, 100_000, 1_000_000)),
)
TRIPS_TRIED: Final = 20  #: per symbol

_TIME = re.compile(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2} [0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?")
_ACCOUNT = re.compile(r"(?P<number>[0-9]{3,})\s*\(\s*(?P<currency>[A-Z]{3})\b")
_ACCOUNT_MT4 = re.compile(r"Account:\s*(?P<number>[0-9]{3,})")
_CURRENCY_MT4 = re.compile(r"Currency:\s*(?P<currency>[A-Z]{3})\b")


class Line(NamedTuple):
    """One row of a report, its cells stripped."""

    number: int
    cells: Sequence[str]
    raw: str
    is_position: bool = False  #: the header says so; a row that is none is then an error
    problem: BadCell | None = None  #: why the row as a whole cannot be read


class Deal(NamedTuple):
    """One fill as the texts of a row."""

    ticket: str
    time: str
    symbol: str
    side: str
    direction: str
    volume: str
    price: str
    order: str
    commission: str
    fee: str
    swap: str
    profit: str
    comment: str


class Position(NamedTuple):
    """One closed round trip as the texts of a row."""

    ticket: str
    symbol: str
    side: str
    volume: str
    opened: str
    open_price: str
    closed: str
    close_price: str
    commission: str
    fee: str
    swap: str
    profit: str


def read_deal(cells: Sequence[str]) -> Deal | None:
    """Return the fill of a row of the Deals section, None for any other row.

    Versions before 2021 have no fee: fourteen cells with it, thirteen without.
    """
    if len(cells) < 12 or not _TIME.fullmatch(cells[0]) or cells[3].lower() not in SIDES:
        return None
    direction = cells[4].lower()
    if direction not in ("in", "out", "in/out", "out by"):
        return None
    with_fee = len(cells) >= 14
    behind = cells[9:] if with_fee else ("", *cells[9:])
    return Deal(
        ticket=cells[1],
        time=cells[0],
        symbol=cells[2],
        side=cells[3].lower(),
        direction=direction,
        volume=cells[5],
        price=cells[6],
        order=cells[7],
        commission=cells[8],
        fee=behind[0],
        swap=behind[1],
        profit=behind[2],
        comment=behind[4] if len(behind) > 4 else "",
    )


def read_position(cells: Sequence[str]) -> Position | None:
    """Return the round trip of a row of MetaTrader 5's Positions or MetaTrader 4's Closed Transactions."""
    if len(cells) >= 13 and _TIME.fullmatch(cells[8]):
        if _TIME.fullmatch(cells[0]) and cells[3].lower() in SIDES and "/" not in cells[4]:
            return Position(
                cells[1], cells[2], cells[3].lower(), cells[4], cells[0], cells[5], cells[8], cells[9],
                cells[10], "", cells[11], cells[12],
            )  # fmt: skip
        if _TIME.fullmatch(cells[1]) and cells[2].lower() in SIDES:
            taxes, swap, profit = (cells[11], cells[12], cells[13]) if len(cells) >= 14 else ("", *cells[11:13])
            return Position(
                cells[0], cells[4], cells[2].lower(), cells[3], cells[1], cells[5], cells[8], cells[9],
                cells[10], taxes, swap, profit,
            )  # fmt: skip
    return None


def is_open_position(cells: Sequence[str]) -> bool:
    """Whether the row is a position that has not been closed: a side and an opening time alone."""
    if len(cells) < 10 or _TIME.fullmatch(cells[8]):
        return False
    as_mt5 = _TIME.fullmatch(cells[0]) and cells[3].lower() in SIDES and "/" not in cells[4]
    return bool(as_mt5 or (_TIME.fullmatch(cells[1]) and cells[2].lower() in SIDES))


def is_operation(cells: Sequence[str]) -> bool:
    """Whether the row books money without a trade: a deposit, a credit, a correction."""
    return any(cell.lower() in ("balance", "credit", "correction", "bonus", "charge") for cell in cells[2:4])


@dataclass(slots=True)
class Survey:
    """What one pass over a report establishes before its rows are read."""

    account_number: str = ""
    currency: str = ""
    has_deals: bool = False
    has_rows: bool = False
    style: str = "point"
    lots: dict[str, Decimal] = field(default_factory=dict)


def survey(lines: Iterable[Line], *, style: str = "") -> Survey:
    """Return account, currency, decimal mark, and the lot sizes that stated profits prove.

    Raises FileRefused mixed_decimal_style.
    """
    found = Survey()
    trips: dict[str, list[Position]] = {}
    witnesses: dict[str, str] = {}  # a text for each decimal mark that is proven
    for line in lines:
        if line.problem is not None:
            continue
        if not found.has_rows:
            _read_account(line.cells, found)
        found.has_rows = found.has_rows or line.is_position
        deal, position = read_deal(line.cells), read_position(line.cells)
        if deal is not None:
            found.has_rows = found.has_deals = True
            _witness(witnesses, deal.volume, deal.price, deal.commission, deal.swap, deal.profit)
        if position is not None:
            found.has_rows = True
            _witness(witnesses, position.volume, position.open_price, position.commission, position.profit)
            known = trips.setdefault(position.symbol, [])
            if len(known) < TRIPS_TRIED:
                known.append(position)
    found.style = style or detect_style(witnesses.values()) or "point"
    for symbol, tried in trips.items():
        proven = (_proven_lot(trip, style=found.style) for trip in tried)
        if lot := next((lot for lot in proven if lot is not None), None):
            found.lots[symbol] = lot
    return found


def _witness(witnesses: dict[str, str], *texts: str) -> None:
    for text in texts:
        if mark := proven_style(text):
            witnesses.setdefault(mark, text)


def _read_account(cells: Sequence[str], found: Survey) -> None:
    text = " ".join(cells)
    if not found.account_number and (stated := _ACCOUNT.search(text) or _ACCOUNT_MT4.search(text)):
        found.account_number = stated["number"]
        found.currency = found.currency or stated.groupdict().get("currency") or ""
    if not found.currency and (stated := _CURRENCY_MT4.search(text)):
        found.currency = stated["currency"]


def _proven_lot(trip: Position, *, style: str) -> Decimal | None:
    """Return the contract size with which prices and volume give the stated profit to the cent."""
    try:
        volume, entry, closing, profit = (
            parse_money(text, column="", style=style)
            for text in (trip.volume, trip.open_price, trip.close_price, trip.profit)
        )
    except BadCell:
        return None
    per_lot = (closing - entry) * volume * (1 if trip.side == "buy" else -1)
    # Below a unit of money a cent of rounding could prove the wrong size.
    if not per_lot or abs(profit) < 1:
        return None
    fitting = [lot for lot in PROVABLE_LOTS if abs(per_lot * lot - profit) <= Decimal("0.011")]
    return fitting[0] if len(fitting) == 1 else None

"""How values are written into the cells of files."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from journal.sample_files.books import Realized, SampleFill

Rows = Iterable[Sequence[object]]


class Booked(NamedTuple):
    """A fill with what the broker's books say it realized."""

    fill: SampleFill
    realized: Realized


def csv_bytes(header: Sequence[str], rows: Rows, *, delimiter: str = ",", quote_all: bool = False) -> bytes:
    """A CSV file with Windows line ends, as most brokers write it."""
    return table([header, *rows], delimiter=delimiter, quote_all=quote_all)


def table(rows: Rows, *, delimiter: str = ",", quote_all: bool = False) -> bytes:
    """The rows as CSV; values are quoted where they must be, or all of them."""
    text = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def plain(number: Decimal) -> str:
    """The number without an exponent and without zeros behind it."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(number: Decimal) -> str:
    """The number with commas between thousands."""
    whole, point, part = plain(number).partition(".")
    return f"{int(whole):,}{point}{part}" if not whole.startswith("-0") else f"-{whole[1:]}{point}{part}"


def dollars(amount: Decimal) -> str:
    """As Tradovate writes results: $1,185.00, and $(160.00) for a loss."""
    return f"$({-amount:,.2f})" if amount < 0 else f"${amount:,.2f}"


def local(at: datetime, zone: str, form: str) -> str:
    """The wall time of a zone."""
    return at.astimezone(ZoneInfo(zone)).strftime(form)


def side_word(side: int) -> str:
    """Buy or Sell."""
    return "Buy" if side > 0 else "Sell"

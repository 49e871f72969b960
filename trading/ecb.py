"""The European Central Bank's euro reference rates, read from its files in each of their formats.

A rate is what one euro costs in the other currency. Published on working days at about 16:00 Frankfurt time:
https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.parsers import expat

FIRST_DAY = date(1999, 1, 4)

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LONG_DATE = re.compile(rf"(?P<day>\d{{1,2}}) (?P<month>{'|'.join(_MONTHS)}) (?P<year>\d{{4}})", re.ASCII)
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_RATE = re.compile(r"\d{1,9}(\.\d{1,12})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")


class RatesFileError(ValueError):
    """The file is not one of the bank's, or a line of it cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class EuroRate:
    """What one euro cost in `currency` on `day`."""

    day: date
    currency: str
    rate: Decimal


def parse_reference_rates(content: bytes) -> Iterator[EuroRate]:
    """Yield every rate of the file in its order; what is "N/A" there is left out.

    Read are eurofxref.csv, eurofxref-hist.csv, eurofxref-daily.xml, eurofxref-hist-90d.xml and
    eurofxref-hist.xml. The caller keeps what was yielded only if the iteration ends without an error.

    Raises RatesFileError for any other file and for a line that cannot be read, with the line and the reason.
    """
    if content.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise RatesFileError("The file is an archive: unpack it and load the .csv or .xml file inside")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RatesFileError("The file is not UTF-8 text, so it is not a file of reference rates") from error
    if text.lstrip().startswith("<"):
        return _without_repeats(_read_xml(text))
    return _without_repeats(_read_csv(text))


def _without_repeats(rates: Iterator[tuple[int, EuroRate]]) -> Iterator[EuroRate]:
    seen: set[tuple[date, str]] = set()
    for line, rate in rates:
        if (rate.day, rate.currency) in seen:
            raise RatesFileError(f"Line {line}: {rate.currency} of {rate.day} is stated twice")
        seen.add((rate.day, rate.currency))
        yield rate
    if not seen:
        raise RatesFileError("The file contains no rate")


# --- CSV ---------------------------------------------------------------------------------------


def _read_csv(text: str) -> Iterator[tuple[int, EuroRate]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    currencies: list[str] = []
    try:
        for cells in lines:
            row = _without_last_comma(cells)
            if not row:
                continue
            if not currencies:
                currencies = _currencies(row, line=lines.line_num)
                continue
            yield from _rates_of_row(row, currencies, line=lines.line_num)
    except csv.Error as error:
        raise RatesFileError(f"Line {lines.line_num}: not a row of comma-separated values ({error})") from error


def _without_last_comma(cells: list[str]) -> list[str]:
    stripped = [cell.strip(" ") for cell in cells]
    return stripped[:-1] if stripped and not stripped[-1] else stripped


def _currencies(row: list[str], *, line: int) -> list[str]:
    if row[0] != "Date" or len(row) == 1:
        raise RatesFileError(f"Line {line}: the header must be Date and the currencies: Date,USD,JPY,…")
    for position, currency in enumerate(row[1:], start=1):
        _check_currency(currency, line=line)
        if currency in row[1:position]:
            raise RatesFileError(f"Line {line}: the column {currency} appears twice")
    return row[1:]


def _rates_of_row(row: list[str], currencies: list[str], *, line: int) -> Iterator[tuple[int, EuroRate]]:
    if len(row) != len(currencies) + 1:
        raise RatesFileError(f"Line {line}: {len(row) - 1} rates for {len(currencies)} currencies")
    day = _day(row[0], line=line)
    for currency, cell in zip(currencies, row[1:], strict=True):
        if cell != "N/A":
            yield line, EuroRate(day=day, currency=currency, rate=_rate(cell, currency=currency, line=line))


# --- XML ---------------------------------------------------------------------------------------


def _read_xml(text: str) -> Iterator[tuple[int, EuroRate]]:
    found: list[tuple[int, EuroRate]] = []
    day: date | None = None
    parser = expat.ParserCreate()

    def refuse_document_type(*_: object) -> None:
        raise RatesFileError(
            f"Line {parser.CurrentLineNumber}: a document type or an entity, which no file of the bank has"
        )

    def read_cube(tag: str, attributes: dict[str, str]) -> None:
        nonlocal day
        line = parser.CurrentLineNumber
        if tag.rpartition(":")[2] != "Cube":
            return
        if "time" in attributes:
            day = _day(attributes["time"], line=line)
        if "currency" not in attributes:
            return
        if day is None or "rate" not in attributes:
            raise RatesFileError(f"Line {line}: a currency without a date or a rate")
        currency = attributes["currency"]
        _check_currency(currency, line=line)
        rate = _rate(attributes["rate"], currency=currency, line=line)
        found.append((line, EuroRate(day=day, currency=currency, rate=rate)))

    parser.StartDoctypeDeclHandler = refuse_document_type
    parser.EntityDeclHandler = refuse_document_type
    parser.StartElementHandler = read_cube
    try:
        parser.Parse(text, True)  # noqa: FBT003  # expat takes no keywords
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise RatesFileError(f"Line {error.lineno}: not well-formed XML ({reason})") from error
    yield from found


# --- cells -------------------------------------------------------------------------------------


def _check_currency(text: str, *, line: int) -> None:
    if not _CURRENCY.fullmatch(text) or text == "EUR":
        raise RatesFileError(f"Line {line}: {text[:20]!r} is not a three-letter currency other than EUR")


def _day(text: str, *, line: int) -> date:
    found = _ISO_DATE.fullmatch(text) or _LONG_DATE.fullmatch(text)
    if found is None:
        raise RatesFileError(f"Line {line}: {text[:40]!r} is not a date such as 2026-11-20 or 20 November 2026")
    month = found["month"]
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
    try:
        day = date(int(found["year"]), number, int(found["day"]))
    except ValueError as error:
        raise RatesFileError(f"Line {line}: {text!r} is not a day of the calendar") from error
    if day < FIRST_DAY:
        raise RatesFileError(f"Line {line}: {day} is before the first reference rates of {FIRST_DAY}")
    return day


def _rate(text: str, *, currency: str, line: int) -> Decimal:
    if not _RATE.fullmatch(text):
        raise RatesFileError(f"Line {line}, {currency}: {text[:40]!r} is not a rate such as 1.0852")
    rate = Decimal(text)
    if not rate:
        raise RatesFileError(f"Line {line}, {currency}: the rate is 0")
    return rate

"""Tradervue's generic execution format, which many platforms write. Source: Tradervue help, "Generic import format"."""

from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO

from trading.imports.parsers.base import ZERO, BadCell, Head, ParseContext, Parsed, ParsedFill, fold
from trading.imports.parsers.symbols import parse_currency, resolve_symbol
from trading.imports.parsers.tables import Columns, Row, collect, header_with, open_text, read_rows, split_lines
from trading.imports.parsers.times import detect_date_order, parse_time

REQUIRED = ("Date", "Time", "Symbol", "Quantity", "Price", "Side")
OPTIONAL = ("Commission", "TransFee", "ECNFee")
KNOWN = frozenset(fold(name) for name in (*REQUIRED, *OPTIONAL, "Tags", "Notes", "Currency", "Account"))


class Tradervue:
    """Date, Time, Symbol, Quantity, Price, Side; the header may be missing when the columns stand in that order."""

    name = "tradervue"
    label = "Tradervue – generic executions"
    broker = "Other"
    identity_family = "tradervue"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Its header with no foreign column, or rows that can be nothing else."""
        wanted = {fold(name) for name in REQUIRED}
        for row in head.rows:
            names = {fold(cell) for cell in row if cell}
            if wanted <= names:
                return 60 if names <= KNOWN else 18
        return 55 if _is_headless(head.rows) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills. Dates are month-first or year-first, times of 24 hours, fees positive when charged."""
        order = "mdy"
        headless = _is_headless(_first_rows(file, context))

        def fill(row: Row) -> ParsedFill:
            return _fill(row, context, order=order)

        rows = _headless_rows(file, context) if headless else read_rows(file, context, header=header_with(*REQUIRED))
        return collect(rows, fill)


def _first_rows(file: BinaryIO, context: ParseContext) -> tuple[tuple[str, ...], ...]:
    lines = open_text(file, context)
    first = next((line for line in lines if line.strip()), "")
    file.seek(0)
    delimiter = "\t" if "\t" in first else ","
    return (tuple(cell.strip() for cell in first.split(delimiter)),)


def _is_headless(rows: tuple[tuple[str, ...], ...]) -> bool:
    """Whether the first row is already a fill: a date, a time, a symbol, two numbers and a side."""
    if not rows or not 6 <= len(rows[0]) <= 9:
        return False
    day, clock, symbol, quantity, price, side = rows[0][:6]
    return (
        detect_date_order([day]) != "dmy"
        and day[:1].isdigit()
        and clock.count(":") == 2
        and clock.replace(":", "").isdigit()
        and symbol[:1].isalpha()
        and quantity.lstrip("-").replace(".", "", 1).isdigit()
        and price.lstrip("-").replace(".", "", 1).isdigit()
        and side[:1].upper() in ("B", "S", "")
    )


def _headless_rows(file: BinaryIO, context: ParseContext) -> Iterator[Row]:
    delimiter = "\t" if len(_first_rows(file, context)[0]) and _is_tabbed(file, context) else ","
    header: Columns | None = None
    for number, cells, raw, problem in split_lines(open_text(file, context), delimiter):
        if header is None:
            header = Columns([*REQUIRED, *OPTIONAL][: len(cells)], line=0)
        bad = problem
        if bad is None and len(cells) != header.width:
            code = "too_many_fields" if len(cells) > header.width else "too_few_fields"
            bad = BadCell("", code, f"The row has {len(cells)} fields and the first row {header.width}.")
        yield Row(number, cells, raw, header, bad)


def _is_tabbed(file: BinaryIO, context: ParseContext) -> bool:
    first = next((line for line in open_text(file, context) if line.strip()), "")
    file.seek(0)
    return "\t" in first


def _fill(row: Row, context: ParseContext, *, order: str) -> ParsedFill:
    at = parse_time(f"{row.text('Date')} {row.text('Time')}", column="Date", context=context, order=order)
    side, quantity = _side_and_quantity(row)
    found = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=at.date())
    price = row.decimal("Price")
    if not price and found.kind != "option":
        raise BadCell("Price", "price_zero", "A fill has a price above 0; only options expire worthless.", "0")
    if price < 0 and found.kind != "future":
        raise BadCell("Price", "price_negative", "Only futures trade below 0.", str(price))
    return ParsedFill(
        line=row.line,
        raw=row.raw,
        identity_key=row.identity_key(),
        account_number=row.optional("Account"),
        symbol=found.symbol,
        kind=found.kind,
        side=side,
        quantity=quantity,
        price=price,
        executed_at=at,
        executed_on=None,
        currency=parse_currency(row.text("Currency"), column="Currency") if row.has("Currency") else found.currency,
        commission=row.decimal("Commission", ZERO),
        fees=row.decimal("TransFee", ZERO) + row.decimal("ECNFee", ZERO),
        multiplier=found.multiplier,
        tags=tuple(tag.strip() for tag in row.optional("Tags").split(",") if tag.strip()),
        note=row.optional("Notes"),
    )


def _side_and_quantity(row: Row) -> tuple[str, Decimal]:
    """Return the side by its first letter, else by the sign of the quantity, which the format lets stand for it."""
    quantity = row.decimal("Quantity")
    word = row.optional("Side").upper()
    if not quantity:
        raise BadCell("Quantity", "quantity_zero", "A fill has a quantity other than 0.", "0")
    if not word:
        return ("sell" if quantity < 0 else "buy"), abs(quantity)
    if word[0] not in "BS":
        raise BadCell("Side", "unknown_side", "The side starts with B for bought or S for sold.", word)
    if word[0] == "B" and quantity < 0:
        raise BadCell("Quantity", "side_conflict", "The side says bought and the quantity has a minus.", str(quantity))
    return ("buy" if word[0] == "B" else "sell"), abs(quantity)

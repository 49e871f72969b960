"""MetaTrader reports saved as a table, in any of its languages, and tables of closed positions like them.

Among these is the export of the brokers' programming interfaces (ticket, opening_time_utc, lots …). Sections
are those of the HTML report. A header whose names are known decides where a value stands; without one the
order of the platform's own report holds.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import BinaryIO, Final

from trading.imports.parsers.base import FileRefused, Head, ParseContext, Parsed, fold
from trading.imports.parsers.metatrader import BROKER, Line, read_deal, read_position
from trading.imports.parsers.metatrader_fills import read_report
from trading.imports.parsers.tables import open_text, split_lines

DELIMITERS: Final = (";", "\t", ",")
HEADER_LINES: Final = 60
#: Cells of a report's row; a spreadsheet pads every row to the longest.
REPORT_WIDTHS: Final = (12, 13, 14, 15)

_TIMES: Final = frozenset({"time", "ora", "zeit", "heure", "hora", "tiempo", "fecha/hora", "время"})
_OPENED: Final = frozenset({"opening_time_utc", "opentime", "open", "openingtime", "ora-apertura", "oraapertura"})
_CLOSED: Final = frozenset({"closing_time_utc", "closetime", "close", "closingtime", "ora-chiusura", "orachiusura"})
_PRICES: Final = frozenset({"price", "prezzo", "preis", "prix", "precio", "preço", "цена"})
_FIELDS: Final = {
    "ticket": frozenset({"ticket", "position", "posizione", "posición", "posição", "позиция", "order"}),
    "symbol": frozenset({"symbol", "simbolo", "símbolo", "symbole", "item", "символ"}),
    "type": frozenset({"type", "tipo", "typ", "тип"}),
    "volume": frozenset({"volume", "volumen", "lots", "lotti", "size", "volumes", "объем"}),
    "open_price": frozenset({"opening_price", "openprice", "prezzoapertura"}),
    "close_price": frozenset({"closing_price", "closeprice", "prezzochiusura"}),
    "commission": frozenset(
        {"commission", "commissions", "commission_usd", "commissioni", "commissione", "kommission", "comisión"}
        | {"comissão", "комиссия"}
    ),
    "fee": frozenset({"fee", "taxes", "tasse"}),
    "swap": frozenset({"swap", "swaps", "swap_usd", "своп"}),
    "profit": frozenset({"profit", "profit_usd", "profitto", "gewinn", "bénéfice", "beneficio", "lucro", "прибыль"}),
}
_ISO_TIME = re.compile(r"(\d{4})[-./](\d{2})[-./](\d{2})[T ](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)Z?")
_CURRENCY = re.compile(r"profit_(?P<currency>[a-z]{3})")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the header puts the values of a closed position."""

    ticket: int
    symbol: int
    type: int
    volume: int
    opened: int
    open_price: int
    closed: int
    close_price: int
    commission: int
    fee: int
    swap: int
    profit: int
    is_utc: bool
    currency: str

    def in_report_order(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Return the row as MetaTrader 4 orders a closed transaction, times as it writes them."""

        def cell(at: int) -> str:
            return cells[at].strip() if 0 <= at < len(cells) else ""

        return (
            cell(self.ticket),
            _dotted(cell(self.opened)),
            cell(self.type).lower(),
            cell(self.volume),
            cell(self.symbol),
            cell(self.open_price),
            "",
            "",
            _dotted(cell(self.closed)),
            cell(self.close_price),
            cell(self.commission),
            cell(self.fee),
            cell(self.swap),
            cell(self.profit),
        )


class MetaTraderCsv:
    """Round trips of a table of closed positions; the deals where the whole report was saved as a table."""

    name = "metatrader_csv"
    label = "MetaTrader 4/5 – Report as CSV"
    broker = BROKER
    identity_family = "metatrader"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether a first row is a known header or has the shape of the platform's own rows."""
        if any(read_layout(row) for row in head.rows):
            return 70
        return 65 if any(read_deal(row) or read_position(row) for row in head.rows) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills of the table; the file is read twice, as a stream."""
        delimiter, layout = _opening(file, context)
        if layout is not None:
            context = replace(
                context,
                time_zone=UTC if layout.is_utc else context.time_zone,
                currency=layout.currency or context.currency,
            )
        yield from read_report(lambda: _lines(file, context, delimiter), context)


def read_layout(header: Sequence[str]) -> Layout | None:
    """Return the layout of a header of closed positions, None where it is none.

    Two columns may have one name: the first "Time" and "Price" are the entry's, the second the exit's.
    """
    names = [fold(cell) for cell in header]
    found = {name: _position(names, known) for name, known in _FIELDS.items()}
    times = [at for at, name in enumerate(names) if name in _TIMES]
    prices = [at for at, name in enumerate(names) if name in _PRICES]
    opened, closed = _position(names, _OPENED), _position(names, _CLOSED)
    if opened < 0 and times:
        opened = times[0]
    if closed < 0 and len(times) > 1:
        closed = times[1]
    if found["open_price"] < 0 and prices:
        found["open_price"] = prices[0]
    if found["close_price"] < 0 and len(prices) > 1:
        found["close_price"] = prices[1]
    needed = [found[name] for name in ("symbol", "type", "volume", "open_price", "close_price", "profit")]
    if min([opened, closed, *needed]) < 0:
        return None
    stated = (_CURRENCY.fullmatch(name) for name in names)
    currency = next((match["currency"].upper() for match in stated if match), "")
    return Layout(opened=opened, closed=closed, is_utc=names[opened].endswith("_utc"), currency=currency, **found)


def _position(names: Sequence[str], known: frozenset[str]) -> int:
    return next((at for at, name in enumerate(names) if name in known), -1)


def _opening(file: BinaryIO, context: ParseContext) -> tuple[str, Layout | None]:
    """Return the delimiter and the layout of the first header. Raises FileRefused missing_header."""
    for delimiter in (context.delimiter,) if context.delimiter else DELIMITERS:
        file.seek(0)
        for count, line in enumerate(split_lines(open_text(file, context), delimiter)):
            cells = [cell.strip() for cell in line.cells]
            layout = read_layout(cells)
            if layout is not None or read_deal(cells) or read_position(cells):
                return delimiter, layout
            if count > HEADER_LINES:
                break
    raise FileRefused("missing_header", "The header row of this format was not found in the file.")


def _lines(file: BinaryIO, context: ParseContext, delimiter: str) -> Iterator[Line]:
    file.seek(0)
    layout: Layout | None = None
    width = 0
    for line in split_lines(open_text(file, context), delimiter):
        if line.problem is not None:
            yield Line(line.number, (), line.raw, problem=line.problem)
            continue
        cells = tuple(cell.strip() for cell in line.cells)
        filled = [cell for cell in cells if cell]
        is_header = not _ISO_TIME.fullmatch(cells[0]) and _is_header(filled, layout)
        if is_header:
            layout, width = read_layout(cells), len(filled)
        if len(filled) == 1:
            layout = None  # the title of the next section
        is_position = layout is not None and not is_header
        if layout is not None and not is_header:
            cells = layout.in_report_order(cells)
        elif width in REPORT_WIDTHS:
            cells = cells[:width]
        yield Line(line.number, cells, line.raw, is_position)


def _is_header(filled: list[str], layout: Layout | None) -> bool:
    return len(filled) >= (8 if layout is None else 11) and not any(cell[0].isdigit() for cell in filled)


def _dotted(text: str) -> str:
    found = _ISO_TIME.fullmatch(text)
    return f"{found[1]}.{found[2]}.{found[3]} {found[4]}" if found else text

"""Any delimited table, read by the column mapping that a person saved for it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trading.imports.parsers.base import ColumnChoice, FileRefused, Head, ParseContext, Parsed, fold
from trading.imports.parsers.fields import Layout, mapped_layout
from trading.imports.parsers.generic import parse_by_layout, unread_columns
from trading.imports.parsers.survey import refuse_missing
from trading.imports.parsers.tables import HeaderTest, read_rows


class MappedCsv:
    """A table whose columns a person has named.

    Fields of a fill: symbol, side, quantity, price, executed_at (or date and time). Of a round trip: symbol,
    side, quantity, entry_price, exit_price, entry_at, exit_at. Besides: commission, fees, currency, account,
    fill_id, order_id, status, kind, multiplier, name, note, tags, net_pnl, gross_pnl, stop, target. A value
    for "" in `side_values` is the side of rows that state none.
    """

    name = "mapped_csv"
    label = "Any table, by your own column mapping"
    broker = "Other"
    identity_family = "mapped"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Never: it is chosen, with a mapping."""
        return 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills by `context.mapping`. Raises FileRefused bad_mapping, missing_header and those of tables."""
        choice = context.mapping
        if choice is None or not choice.columns:
            raise FileRefused("bad_mapping", "Choose which column holds the symbol, side, quantity, price and time.")
        layout = mapped_layout(choice.columns, choice.side_values)
        _refuse_incomplete(layout)
        context = _with_choices(context, choice)
        header, needed = _holding(layout), _headers(layout)
        first = next(read_rows(file, context, header=header, delimiter=choice.delimiter, require=needed))
        yield from unread_columns(first.columns.names, layout, line=first.columns.line)
        file.seek(0)
        yield from parse_by_layout(
            file,
            context,
            layout=layout,
            header=header,
            style=choice.decimal_style,
            order=choice.date_order,
            delimiter=choice.delimiter,
        )


def _refuse_incomplete(layout: Layout) -> None:
    if layout.is_round_trip:
        refuse_missing(layout, ("symbol",), ("quantity",), ("entry_at", "entry_date", "date"))
        if not layout.has("side") and "" not in layout.side_values:
            refuse_missing(layout, ("side",))
    else:
        refuse_missing(layout, ("symbol",), ("quantity",), ("price",), ("executed_at", "date", "time"))


def _headers(layout: Layout) -> tuple[str, ...]:
    return tuple(dict.fromkeys(header for headers in layout.columns.values() for header in headers))


def _holding(layout: Layout) -> HeaderTest:
    """Return the test for the header row: most of the mapped columns, so that a missing one can be named."""
    wanted = {fold(header) for header in _headers(layout)}

    def holds(cells: list[str]) -> bool:
        return 2 * len(wanted & {fold(cell) for cell in cells}) > len(wanted)

    return holds


def _with_choices(context: ParseContext, choice: ColumnChoice) -> ParseContext:
    if not choice.time_zone:
        return context
    try:
        return replace(context, time_zone=ZoneInfo(choice.time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FileRefused("bad_timezone", f"The time zone {choice.time_zone[:40]!r} is not known.") from None

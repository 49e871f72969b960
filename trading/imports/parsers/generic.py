"""Tables of no particular broker with well-known headers, and Tiger Brokers' trade history."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from trading.imports.parsers.base import ZERO, BadCell, FileRefused, Head, ParseContext, Parsed, ParsedFill, Warned
from trading.imports.parsers.fields import FILL_HEADERS, TRIP_HEADERS, Layout, layout_of, read_side, with_side_in_type
from trading.imports.parsers.layout_rows import LayoutRows
from trading.imports.parsers.numbers import optional_money
from trading.imports.parsers.survey import Conventions, survey
from trading.imports.parsers.symbols import parse_currency, resolve_symbol
from trading.imports.parsers.tables import HeaderTest, Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_time


def parse_by_layout(
    file: BinaryIO,
    context: ParseContext,
    *,
    layout: Layout,
    header: HeaderTest | None,
    style: str = "",
    order: str = "",
    delimiter: str = "",
) -> Iterator[Parsed]:
    """Yield the fills of a table by its layout, after reading the file once for what its values prove."""
    first = read_rows(file, context, header=header, delimiter=delimiter)
    conventions = survey(first, layout, context, style=style, order=order)
    if not layout.is_round_trip and not layout.has("side") and "" not in layout.side_values and not conventions.signed:
        raise FileRefused(
            "missing_header",
            "No column says what was bought and what was sold, and no quantity has a minus. Map a side column.",
        )
    file.seek(0)
    rows = read_rows(file, context, header=header, delimiter=delimiter)
    if conventions.costs_mixed:
        yield _mixed_costs(conventions)
    yield from collect(rows, LayoutRows(layout, conventions, context).fills)


def _mixed_costs(conventions: Conventions) -> Warned:
    meaning = "negative amounts were charged and positive ones credited"
    if not conventions.costs_negative:
        meaning = "positive amounts were charged and negative ones credited"
    return Warned(0, "cost_signs", f"Commissions and fees have both signs. They are read so that {meaning}.")


def unread_columns(names: tuple[str, ...], layout: Layout, *, line: int) -> Iterator[Warned]:
    """Yield a warning that names the columns of the file that serve no field."""
    used = {header for headers in layout.columns.values() for header in headers}
    unread = [name for name in names if name and name not in used]
    if unread:
        yield Warned(line, "unknown_columns", f"Not read: {', '.join(unread)}.")


class _WellKnown(ABC):
    """A table whose header has enough well-known names; the first such row is the header."""

    headers: Mapping[str, tuple[str, ...]]
    name: str
    label: str
    broker = "Other"
    identity_family = "generic"
    sell_only_needs_decision = False

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills of the file."""

        def is_header(cells: list[str]) -> bool:
            return self._suffices(layout_of(cells, self.headers))

        first = next(read_rows(file, context, header=is_header))  # a file without rows is refused there
        file.seek(0)
        layout = layout_of(first.columns.names, self.headers)
        layout = with_side_in_type(layout, first.optional(layout.header("kind")))
        yield from unread_columns(first.columns.names, layout, line=first.columns.line)
        yield from parse_by_layout(file, context, layout=layout, header=is_header)

    @abstractmethod
    def _suffices(self, layout: Layout) -> bool:
        """Whether these headers are enough to read the table by."""


class CompletedTrades(_WellKnown):
    """One row per round trip: symbol, side, quantity, entry and exit with their prices and times."""

    name = "completed_trades"
    label = "Completed trades (one row per trade)"
    headers = TRIP_HEADERS

    def recognises(self, head: Head) -> int:
        """Whether a header has the fields of a round trip."""
        return 30 if any(self._suffices(layout_of(row, self.headers)) for row in head.rows) else 0

    def _suffices(self, layout: Layout) -> bool:
        return layout.has("symbol", "side", "quantity", "entry_price", "exit_price") and all(
            layout.has(f"{leg}_at") or layout.has(f"{leg}_date") for leg in ("entry", "exit")
        )


class GenericFills(_WellKnown):
    """One row per fill: symbol, side or signed quantity, price and time."""

    name = "generic_fills"
    label = "Executions (one row per fill)"
    headers = FILL_HEADERS

    def recognises(self, head: Head) -> int:
        """Whether a header has the fields of a fill; less certain without a side."""
        layouts = [layout_of(row, self.headers) for row in head.rows]
        found = [layout for layout in layouts if self._suffices(layout)]
        return 0 if not found else 20 if found[0].has("side") else 15

    def _suffices(self, layout: Layout) -> bool:
        dated = layout.has("executed_at") or layout.has("date") or layout.has("time")
        return layout.has("symbol", "quantity", "price") and dated


class TigerHistory:
    """Tiger Brokers: trade history, one row per fill, the zone written behind each time."""

    name = "tiger"
    label = "Tiger Brokers – trade history"
    broker = "Tiger Brokers"
    identity_family = "tiger"
    sell_only_needs_decision = False
    required = ("Symbol", "Trade Date", "Time", "Buy/Sell", "Quantity", "Trade Price", "Comm/Fee/Tax")

    def recognises(self, head: Head) -> int:
        """The history's own headers."""
        return 80 if head.has_header(*self.required) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills; the costs of the file are negative when paid and positive when credited."""
        rows = read_rows(file, context, header=header_with(*self.required))
        layout = Layout({"side": ("Buy/Sell",)})

        def fill(row: Row) -> ParsedFill:
            at = parse_time(
                f"{row.text('Trade Date')} {row.text('Time')}", column="Time", context=context, order="ymd", zones=True
            )
            quantity = row.decimal("Quantity")
            if quantity <= 0:
                code = "quantity_zero" if not quantity else "sign"
                raise BadCell("Quantity", code, "A quantity is above 0; the side says buy or sell.", str(quantity))
            kind = {"EQUITY": "stock", "OPTION": "option", "FUTURE": "future", "ETF": "etf"}.get(
                row.optional("Type").upper(), ""
            )
            found = resolve_symbol(row.text("Symbol"), column="Symbol", context=context, on=at.date(), kind=kind)
            price = row.decimal("Trade Price")
            if price <= 0 and found.kind not in ("option", "future"):
                code = "price_zero" if not price else "price_negative"
                raise BadCell("Trade Price", code, "A price is above 0.", str(price))
            costs = (optional_money(row.optional(name), column=name) for name in ("Comm/Fee/Tax", "GST"))
            return ParsedFill(
                line=row.line,
                raw=row.raw,
                identity_key=row.identity_key(),
                account_number=row.optional("Account"),
                symbol=found.symbol,
                kind=found.kind,
                side=read_side(row.optional("Buy/Sell"), layout, column="Buy/Sell"),
                quantity=quantity,
                price=price,
                executed_at=at,
                executed_on=None,
                currency=parse_currency(row.text("Currency"), column="Currency")
                if row.has("Currency")
                else found.currency,
                fees=-sum(costs, ZERO) or ZERO,
                multiplier=found.multiplier,
                name=row.optional("Name"),
            )

        return collect(rows, fill)

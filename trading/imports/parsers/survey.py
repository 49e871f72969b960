"""What the values of a file prove about how it is written: decimal mark, order of dates, zones, signs.

Formats of a known broker say these things themselves. For any other table the whole file is read once before
its rows are, because the one date that proves the order may stand in the last row.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.imports.parsers.base import ZERO, BadCell, FileRefused, ParseContext
from trading.imports.parsers.fields import SELL_WORDS, Layout, folded_words
from trading.imports.parsers.numbers import is_ambiguous, parse_decimal, parse_money, proven_style
from trading.imports.parsers.tables import Row
from trading.imports.parsers.times import has_offset, proven_date_order

_NUMBER_FIELDS = (
    "quantity",
    "price",
    "entry_price",
    "exit_price",
    "commission",
    "fees",
    "multiplier",
    "stop",
    "target",
)
_TIME_FIELDS = ("executed_at", "entry_at", "exit_at")
_DATE_FIELDS = ("executed_at", "entry_at", "exit_at", "date", "entry_date", "exit_date")


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the values of one file are written."""

    style: str  #: "point" or "comma"
    declared: bool  #: the person said so: thousands separators are read as well
    order: str  #: "mdy" | "dmy" | "" when every date is year-first
    signed: bool  #: a negative quantity is a sale, as other rows of the file prove
    costs_negative: bool  #: a negative commission or fee is a cost and a positive one a rebate
    costs_mixed: bool  #: both signs appear

    def number(self, text: str, *, column: str) -> Decimal:
        """Return the number as this file writes numbers."""
        if self.declared:
            return parse_money(text, column=column, style=self.style, currency_signs=False)
        return parse_decimal(text, column=column, style=self.style)

    def cost(self, text: str, *, column: str) -> Decimal:
        """Return the cost, positive when paid; 0 for a cell that is exactly empty."""
        if not text:
            return ZERO
        amount = self.number(text, column=column)
        return (-amount if self.costs_negative else amount) or ZERO


def survey(
    rows: Iterable[Row], layout: Layout, context: ParseContext, *, style: str = "", order: str = ""
) -> Conventions:
    """Return the conventions that the rows prove, or that the person declared with `style` and `order`.

    Raises FileRefused: declare_decimal_style, mixed_decimal_style, declare_date_order, mixed_date_order,
    mixed_timezones, and whatever reading the rows raises.
    """
    seen = _Seen(layout)
    for row in rows:
        if row.problem is None:
            seen.add(row)
    declared_style, declared_order = style or context.decimal_style, order or context.date_order
    return Conventions(
        style=declared_style or seen.style(),
        declared=bool(declared_style),
        order=declared_order if declared_order in ("mdy", "dmy") else seen.order(),
        signed=seen.is_signed(),
        costs_negative=seen.negative_costs > seen.positive_costs,
        costs_mixed=bool(seen.negative_costs and seen.positive_costs),
    )


class _Seen:
    def __init__(self, layout: Layout) -> None:
        self._numbers = _headers(layout, _NUMBER_FIELDS)
        self._costs = _headers(layout, ("commission", "fees"))
        self._moments = _headers(layout, _TIME_FIELDS)
        self._dates = _headers(layout, _DATE_FIELDS)
        self._quantity, self._side = layout.header("quantity"), layout.header("side")
        self.styles: set[str] = set()
        self.unclear_number = self.unclear_date = ""
        self.orders: set[str] = set()
        self.with_zone = self.without_zone = False
        self.negative_costs = self.positive_costs = 0
        self.negative = self.unsigned_sales = 0

    def add(self, row: Row) -> None:
        for name in self._numbers:
            text = row.optional(name)
            if "," in text or "." in text:
                self.styles.add(proven_style(text))
                if "," in text and is_ambiguous(text):
                    self.unclear_number = self.unclear_number or text
        for name in self._dates:
            self._add_date(row.optional(name))
        for name in self._moments:
            text = row.optional(name)
            if len(text) > 10:
                zoned = has_offset(text)
                self.with_zone, self.without_zone = self.with_zone or zoned, self.without_zone or not zoned
        self._add_signs(row)

    def _add_date(self, text: str) -> None:
        if not text or (len(text) > 4 and text[4] in "-/."):
            return
        order = proven_date_order(text)
        if order:
            self.orders.add(order)
        elif text[:1].isdigit() and any(mark in text[:6] for mark in "/-."):
            self.unclear_date = self.unclear_date or text

    def _add_signs(self, row: Row) -> None:
        for name in self._costs:
            text = row.optional(name)
            if text.startswith(("-", "(")):
                self.negative_costs += 1
            elif text.strip("0.,"):
                self.positive_costs += 1
        if row.optional(self._quantity).startswith("-"):
            self.negative += 1
        elif folded_words(row.optional(self._side)) in SELL_WORDS:
            self.unsigned_sales += 1

    def style(self) -> str:
        proven = self.styles - {""}
        if len(proven) > 1:
            raise FileRefused(
                "mixed_decimal_style",
                "Some numbers of this file have a decimal point and others a decimal comma. "
                "Export it again with one number format, or choose the one that holds.",
            )
        if not proven and self.unclear_number:
            raise FileRefused(
                "declare_decimal_style",
                f"{self.unclear_number} may be a thousand or a fraction, and no other number of the file settles it. "
                "Choose the number format.",
            )
        return proven.pop() if proven else "point"

    def order(self) -> str:
        if self.with_zone and self.without_zone:
            raise FileRefused("mixed_timezones", "Some times of this file carry a time zone and others do not.")
        proven = self.orders - {"ymd"}
        if len(proven) > 1:
            raise FileRefused(
                "mixed_date_order", "Some dates of this file are day first and others month first. Export it again."
            )
        if not proven and self.unclear_date:
            raise FileRefused(
                "declare_date_order",
                f"In {self.unclear_date[:20]} day and month cannot be told apart, nor in any other date of the file. "
                "Choose the order.",
            )
        return proven.pop() if proven else ""

    def is_signed(self) -> bool:
        """Whether sales are written with a minus throughout, and the minus therefore means a sale."""
        return bool(self.negative) and not self.unsigned_sales


def _headers(layout: Layout, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(header for name in names for header in layout.columns.get(name, ())))


def dated_in(filename: str) -> str:
    """Return the one ISO date that the file name states, "" when it states none or several."""
    found = {
        "-".join(parts) for parts in re.findall(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?([0-3]\d)(?!\d)", filename)
    }
    return found.pop() if len(found) == 1 else ""


def refuse_missing(layout: Layout, *needed: tuple[str, ...]) -> None:
    """Raise FileRefused missing_header unless of each group of fields one has a column."""
    missing = [group[0] for group in needed if not any(layout.has(name) for name in group)]
    if missing:
        raise FileRefused(
            "missing_header", f"No column of this file is read as {', '.join(missing)}. Map the columns of this file."
        )


def bad_quantity(quantity: Decimal, *, column: str, signed: bool, side: str, text: str) -> BadCell | None:
    """Return what is wrong with a quantity beside its side, None when nothing is."""
    if not quantity:
        return BadCell(column, "quantity_zero", "A fill has a quantity other than 0.", text)
    if quantity < 0 and side == "buy":
        return BadCell(column, "side_conflict", "The side says buy and the quantity has a minus.", text)
    if quantity < 0 and not signed:
        return BadCell(column, "sign", "The quantity has a minus although other sales of the file have none.", text)
    return None

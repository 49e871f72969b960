"""Fills out of the rows of a table whose layout is known from well-known headers or from a person's mapping."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from trading.imports.parsers.base import ZERO, BadCell, ParseContext, Parsed, ParsedFill
from trading.imports.parsers.fields import CANCELED, KIND_WORDS, Layout, folded_words, read_side
from trading.imports.parsers.numbers import optional_money
from trading.imports.parsers.survey import Conventions, bad_quantity, dated_in
from trading.imports.parsers.symbols import Resolved, parse_currency, resolve_symbol
from trading.imports.parsers.tables import Row
from trading.imports.parsers.times import parse_moment

_CLOCK_ALONE = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: *[AaPp][Mm])?")


class Moment(NamedTuple):
    """When a fill happened: an instant, or a day without a time."""

    at: datetime | None
    on: date | None

    @property
    def day(self) -> date:
        """The calendar day, in UTC where there is a time."""
        if self.at is not None:
            return self.at.date()
        assert self.on is not None
        return self.on


@dataclass(frozen=True, slots=True)
class LayoutRows:
    """Reads the rows of one file by its layout and its conventions."""

    layout: Layout
    conventions: Conventions
    context: ParseContext

    def fills(self, row: Row) -> list[Parsed]:
        """Return the fill of the row, the two fills of its round trip, or why it is none."""
        status = folded_words(self._text(row, "status"))
        if status in CANCELED or status.startswith(("cancel", "reject")):
            return [row.skipped("rejected" if status.startswith("reject") else "canceled", f"The order is {status}.")]
        if self.layout.is_round_trip:
            return self._round_trip(row)
        return [self._fill(row)]

    # A fill per row

    def _fill(self, row: Row) -> ParsedFill:
        moment = self._moment(row, "executed_at", "date", "time")
        side, quantity = self._side_and_quantity(row)
        instrument = self._instrument(row, moment.day)
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(self._unique_id(row)),
            account_number=self._text(row, "account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=quantity,
            price=self._price(row, "price", instrument.kind),
            executed_at=moment.at,
            executed_on=moment.on,
            currency=self._currency(row, instrument),
            commission=self._costs(row, "commission"),
            fees=self._costs(row, "fees"),
            multiplier=self._multiplier(row, instrument),
            broker_fill_id=self._text(row, "fill_id"),
            order_id=self._text(row, "order_id"),
            name=self._text(row, "name"),
            initial_stop=self._level(row, "stop"),
            initial_target=self._level(row, "target"),
            tags=self._tags(row),
            note=self._text(row, "note"),
        )

    def _side_and_quantity(self, row: Row) -> tuple[str, Decimal]:
        column = self.layout.header("quantity")
        text = row.text(column)
        quantity = self.conventions.number(text, column=column)
        if self.layout.has("side") or "" in self.layout.side_values:
            side = read_side(self._text(row, "side"), self.layout, column=self.layout.header("side"))
        else:  # the file proves that it signs its quantities; see `survey`
            side = "sell" if quantity < 0 else "buy"
        bad = bad_quantity(quantity, column=column, signed=self.conventions.signed, side=side, text=text)
        if bad is not None:
            raise bad
        return side, abs(quantity)

    # A round trip per row

    def _round_trip(self, row: Row) -> list[Parsed]:
        entry = self._moment(row, "entry_at", "entry_date", "entry_time")
        closing = self._exit_moment(row, entry)
        column = self.layout.header("quantity")
        text = row.text(column)
        side = read_side(self._text(row, "side"), self.layout, column=self.layout.header("side"))
        quantity = self.conventions.number(text, column=column)
        bad = bad_quantity(quantity, column=column, signed=self.conventions.signed, side=side, text=text)
        if bad is not None:
            raise bad
        instrument = self._instrument(row, entry.day)
        broker_id, fees = self._unique_id(row), self._costs(row, "fees")
        commission = self._costs(row, "commission")
        opening = ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id, "entry"),
            account_number=self._text(row, "account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=abs(quantity),
            price=self._price(row, "entry_price", instrument.kind),
            executed_at=entry.at,
            executed_on=entry.on,
            currency=self._currency(row, instrument),
            multiplier=self._multiplier(row, instrument),
            name=self._text(row, "name"),
            initial_stop=self._level(row, "stop"),
            initial_target=self._level(row, "target"),
            tags=self._tags(row),
            note=self._text(row, "note"),
        )
        return [
            opening,
            opening._replace(
                identity_key=row.identity_key(broker_id, "exit"),
                side="sell" if side == "buy" else "buy",
                price=self._price(row, "exit_price", instrument.kind),
                executed_at=closing.at,
                executed_on=closing.on,
                commission=commission,
                fees=fees,
                broker_pnl=self._net_pnl(row, commission + fees),
                initial_stop=None,
                initial_target=None,
                tags=(),
                note="",
            ),
        ]

    def _exit_moment(self, row: Row, entry: Moment) -> Moment:
        if not self.layout.has("exit_at") and not self.layout.has("exit_date"):
            return entry  # a day alone, which the row states for the trade as a whole
        closing = self._moment(row, "exit_at", "exit_date", "exit_time")
        column = self.layout.header("exit_at") or self.layout.header("exit_date")
        if (entry.at is None) != (closing.at is None):
            raise BadCell(column, "bad_time", "Of entry and exit only one has a time of day.", row.optional(column))
        if (closing.at or closing.day) < (entry.at or entry.day):
            raise BadCell(column, "order_of_times", "The exit lies before the entry.", row.optional(column))
        return closing

    def _net_pnl(self, row: Row, costs: Decimal) -> Decimal | None:
        for name in ("net_pnl", "gross_pnl"):
            column = self.layout.header(name)
            if column and row.has(column):
                pnl = optional_money(row.optional(column), column=column, style=self.conventions.style)
                return pnl if name == "net_pnl" else pnl - costs
        return None

    def _level(self, row: Row, name: str) -> Decimal | None:
        text = self._text(row, name)
        return self.conventions.number(text, column=self.layout.header(name)) if text else None

    # Cells

    def _unique_id(self, row: Row) -> str:
        return self._text(row, "fill_id") if self.layout.has_unique_ids else ""

    def _text(self, row: Row, name: str) -> str:
        column = self.layout.header(name)
        return row.optional(column) if column else ""

    def _moment(self, row: Row, moment: str, day: str, clock: str) -> Moment:
        """Return when it was, from one column or from two; the file name may state the day of times alone."""
        text, column = self._text(row, moment), self.layout.header(moment)
        day_text = self._text(row, day) or (self._text(row, "date") if day != "date" else "")
        used = moment
        if not column or _CLOCK_ALONE.fullmatch(text):
            clock_text = text or self._text(row, clock)
            if not day_text and clock_text and not _CLOCK_ALONE.fullmatch(clock_text):
                day_text, clock_text = clock_text, ""  # a "Time" that holds the date as well
            column = column or self.layout.header(day) or self.layout.header("date") or self.layout.header(clock)
            used = day
            day_text = day_text or (dated_in(self.context.filename) if clock_text else "")
            if clock_text and not day_text:
                raise BadCell(
                    self.layout.header(clock) or column,
                    "missing_trade_date",
                    "The time is there but no trade date: add a date column, or the date to the file name.",
                    clock_text,
                )
            text = f"{day_text} {clock_text}".strip()
        utc = moment in self.layout.utc or used in self.layout.utc
        context = replace(self.context, time_zone=UTC) if utc else self.context
        return Moment(*parse_moment(text, column=column, context=context, order=self.conventions.order))

    def _instrument(self, row: Row, on: date) -> Resolved:
        column = self.layout.header("symbol")
        kind = KIND_WORDS.get(folded_words(self._text(row, "kind")), "")
        return resolve_symbol(row.text(column), column=column, context=self.context, on=on, kind=kind)

    def _price(self, row: Row, name: str, kind: str) -> Decimal:
        column = self.layout.header(name)
        text = row.text(column)
        price = self.conventions.number(text, column=column)
        if not price and kind != "option":
            raise BadCell(column, "price_zero", "A fill has a price above 0; only options expire worthless.", text)
        if price < 0 and kind != "future":
            raise BadCell(column, "price_negative", "Only futures trade below 0.", text)
        return price

    def _costs(self, row: Row, name: str) -> Decimal:
        columns = self.layout.columns.get(name, ())
        return sum((self.conventions.cost(row.optional(column), column=column) for column in columns), ZERO)

    def _currency(self, row: Row, instrument: Resolved) -> str:
        text = self._text(row, "currency")
        return parse_currency(text, column=self.layout.header("currency")) if text else instrument.currency

    def _multiplier(self, row: Row, instrument: Resolved) -> Decimal | None:
        text = self._text(row, "multiplier")
        if not text:
            return instrument.multiplier
        column = self.layout.header("multiplier")
        multiplier = self.conventions.number(text, column=column)
        if multiplier <= 0:
            raise BadCell(column, "out_of_range", "A multiplier is above 0.", text)
        return multiplier

    def _tags(self, row: Row) -> tuple[str, ...]:
        return tuple(tag for part in re.split(r"[,;]", self._text(row, "tags")) if (tag := part.strip()))

"""The tables of reports: one definition of their columns for the page, for sorting and for the CSV file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.errors import InvalidValue
from journal import dimensions
from journal.distributions import Distribution, Distributions
from journal.drawdowns import Drawdowns
from journal.figures import Breakdown, BreakdownRow, CalendarDay, Figures
from journal.metrics import formulas
from journal.metrics.distributions import Bucket
from journal.templatetags.journal_format import percent
from journal.units import Scale, Unit

T = TypeVar("T")
Words = str | Promise
ZERO = Decimal(0)
MONEY = Scale()
_MONEY_STEP, _RATIO_STEP = Decimal("1e-8"), Decimal("1e-12")
#: How a column of money is written in another unit.
_KINDS = {
    Unit.PERCENT: {"signed": "signed_percent", "money": "of_equity", "plain": "of_equity", "loss": "loss_percent"},
    Unit.R: {"signed": "r", "money": "r", "plain": "r", "loss": "loss_r"},
}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it is called in addresses and files, in words, and how its cells are written.

    `kind` is one of text, count, money, signed, loss, percent, ratio, r, day, days.
    """

    name: str
    words: Words
    kind: str = "signed"
    title: Words = ""

    @property
    def is_number(self) -> bool:
        return self.kind not in ("text", "day", "month")

    def in_unit(self, unit: Unit) -> "Heading":
        """The same column in this unit, where it is one of amounts."""
        return replace(self, kind=kind_in(unit, self.kind))


def kind_in(unit: Unit, kind: str) -> str:
    """How what is written so in money is written in this unit."""
    return kind if unit is Unit.MONEY else _KINDS[unit].get(kind, kind)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its values by column, the filter that finds its trades, and how it stands out.

    `kind` is that of the row's own numbers, where its columns leave that to the row.
    """

    cells: tuple[Any, ...]
    link: Mapping[str, str] = field(default_factory=dict)
    mark: Words = ""
    titles: Mapping[int, str] = field(default_factory=dict)
    kind: str = ""

    def shown(self, headings: Sequence[Heading]) -> list[tuple[Heading, Any, str]]:
        """Each cell behind the first with its column and its title."""
        return [
            (heading, cell, self.titles.get(place, ""))
            for place, (heading, cell) in enumerate(zip(headings, self.cells, strict=True))
        ][1:]

    @property
    def head(self) -> Any:
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report. `order` is the column that it is sorted by, with a minus for descending; "" for its own."""

    name: str
    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]
    order: str = ""

    def ordered(self, order: str) -> "Table":
        """Sorted by a column; what is undefined comes last either way. Raises InvalidValue for another."""
        if not order:
            return self
        place = _place_of(order, self.headings)
        return replace(self, lines=tuple(_sorted(self.lines, lambda line: line.cells[place], order)), order=order)

    @property
    def sorts(self) -> list[tuple[Heading, str, str]]:
        """Each column with the order that a click on it gives, and what it is sorted by now."""
        found = []
        for heading in self.headings:
            is_now = self.order.removeprefix("-") == heading.name
            is_down = self.order == f"-{heading.name}"
            state = ("descending" if is_down else "ascending") if is_now else ""
            first = f"-{heading.name}" if heading.is_number else heading.name
            other = heading.name if is_down or (is_now and not heading.is_number) else f"-{heading.name}"
            found.append((heading, other if is_now else first, state))
        return found

    def page(self, start: int, end: int) -> "Table":
        """Some of its rows."""
        return replace(self, lines=self.lines[start:end])

    @property
    def rows(self) -> list[tuple[Line, list[tuple[Heading, Any, str]]]]:
        """Each line with its cells behind the first."""
        return [(line, line.shown(self.headings)) for line in self.lines]

    def file(self) -> tuple[list[str], Iterable[tuple[Any, ...]]]:
        """Headings and rows as a CSV file has them, with numbers in full."""
        return [heading.name for heading in self.headings], (line.cells for line in self.lines)


def _place_of(order: str, headings: Sequence[Heading]) -> int:
    name = order.removeprefix("-")
    place = next((place for place, each in enumerate(headings) if each.name == name), None)
    if place is None:
        names = ", ".join(each.name for each in headings)
        raise InvalidValue(
            _("sort is one of %(names)s, with a minus for descending.") % {"names": names}, pointer="?sort"
        )
    return place


def _sorted(rows: Iterable[T], value_of: Callable[[T], Any], order: str) -> list[T]:
    """By their values; those without one come last either way."""
    rows = list(rows)
    known = [row for row in rows if value_of(row) is not None]
    known.sort(key=lambda row: _sortable(value_of(row)), reverse=order.startswith("-"))
    return [*known, *(row for row in rows if value_of(row) is None)]


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(_RATIO_STEP)


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


NUMBER = pgettext_lazy("how many", "Number")

_FIGURES = (
    Heading("trades", _("Trades"), "count"),
    Heading("net_pnl", _("Net P&L"), "signed"),
    Heading("share", _("Share"), "percent", _("Of all that rows won and lost together, signs aside")),
    Heading("win_rate", _("Win rate"), "percent"),
    Heading("profit_factor", _("Profit factor"), "ratio", _("Undefined where nothing was lost")),
    Heading("expectancy", _("Expectancy"), "signed"),
    Heading("average_win", _("Avg win"), "money"),
    Heading("average_loss", _("Avg loss"), "money"),
    Heading("average_r", _("Avg R"), "r"),
    Heading("r_trades", _("With R"), "count"),
    Heading("fees", _("Fees"), "money"),
)


#: Of columns in R: the average R is the expectancy there, and fees risk nothing.
WITHOUT_R = ("average_r", "fees")


def kind_of(by: str) -> str:
    """How what a breakdown groups by is written: keys of days and months are in ISO form."""
    return {"exit_day": "day", "entry_day": "day", "month": "month"}.get(by, "text")


def breakdown(
    answer: Breakdown, *, words: Words, scale: Scale = MONEY, order: str = "", start: int = 0, end: int | None = None
) -> Table:
    """A row for each group, with the best and the worst of them marked, each a link to its trades.

    Sorted as `Table.ordered` sorts; only the rows from `start` to `end` of that are worked out.
    """
    rows = list(answer.rows)
    nets = [net_of(row, scale) for row in rows]
    amounts = [net or ZERO for net in nets]
    whole = sum(map(abs, amounts), ZERO)
    best = worst = None
    if len(nets) > 2:
        best, worst = amounts.index(max(amounts)), amounts.index(min(amounts))
    by = dimensions.BY_NAME[answer.by]
    headings = _headings(answer.by, words, scale)

    def cell(place: int, name: str) -> Any:
        row, net = rows[place], nets[place]
        if name == answer.by:
            return row.label
        if name == "net_pnl":
            return net
        if name == "share":
            return None if net is None or not whole else _ratio(net, whole)
        return _CELLS[name](row.figures, scale)

    places: Sequence[int] = range(len(rows))
    if order:
        name = headings[_place_of(order, headings)].name
        values = [cell(place, name) for place in places]
        places = _sorted(places, values.__getitem__, order)
    return Table(
        f"by-{answer.by}",
        headings,
        tuple(
            Line(
                tuple(cell(place, heading.name) for heading in headings),
                by.parameters(rows[place].key),
                _("best") if place == best else _("worst") if place == worst else "",
                _titles(rows[place]),
            )
            for place in places[start:end]
        ),
        order,
    )


def check_order(order: str, *, by: str, words: Words, scale: Scale) -> None:
    """A table of this property can be sorted so. Raises InvalidValue, as `ordered` does, before there is a table."""
    if order:
        _place_of(order, _headings(by, words, scale))


def _headings(by: str, words: Words, scale: Scale) -> tuple[Heading, ...]:
    left_out = WITHOUT_R if scale.unit is Unit.R else ()
    figures = (heading.in_unit(scale.unit) for heading in _FIGURES if heading.name not in left_out)
    return (Heading(by, words, kind_of(by)), *figures)


def net_of(row: BreakdownRow, scale: Scale) -> Decimal | None:
    """What these trades made, in the unit of the page."""
    return scale.shown(row.net_pnl, r=row.r_sum)


#: What stands in each of the other columns: of these trades, in the unit of the page.
_CELLS: dict[str, Callable[[Figures, Scale], Any]] = {
    "trades": lambda figures, _scale: figures.trade_count,
    "win_rate": lambda figures, _scale: figures.win_rate,
    "profit_factor": lambda figures, scale: figures.profit_factor_r if scale.unit is Unit.R else figures.profit_factor,
    "expectancy": lambda figures, scale: scale.shown(figures.expectancy, r=figures.expectancy_r),
    "average_win": lambda figures, scale: scale.shown(figures.average_win, r=formulas.average_win_r(figures.counted)),
    "average_loss": lambda figures, scale: scale.shown(
        figures.average_loss, r=formulas.average_loss_r(figures.counted)
    ),
    "average_r": lambda figures, _scale: figures.expectancy_r,
    "r_trades": lambda figures, _scale: figures.counted.r_count,
    "fees": lambda figures, scale: scale.shown(figures.fees),
}


def _titles(row: BreakdownRow) -> dict[int, str]:
    """What stands behind a cell: the interval of the win rate, by its place."""
    interval = row.figures.win_rate_interval
    if interval is None:
        return {}
    return {4: _("95%% interval: %(low)s to %(high)s") % {"low": percent(interval.low), "high": percent(interval.high)}}


def percentiles(answer: Distributions) -> Table:
    """How net P&L, R and days are spread, a column each."""
    columns = (answer.net, answer.r, answer.days)
    rows: list[tuple[Words, list[Any]]] = [
        (NUMBER, [each.count for each in columns]),
        (_("Mean"), [each.mean for each in columns]),
        (_("Median"), [each.median for each in columns]),
        (_("Standard deviation"), [each.deviation for each in columns]),
        (_("Lowest"), [each.lowest for each in columns]),
        *_shares(columns),
        (_("Highest"), [each.highest for each in columns]),
    ]
    return Table(
        "spread",
        (
            Heading("what", _("Of closed trades"), "text"),
            Heading("net_pnl", _("Net P&L"), "plain"),
            Heading("r", _("R multiple"), "ratio"),
            Heading("day", _("P&L of a day"), "plain"),
        ),
        tuple(Line((words, *values), kind="count" if words is NUMBER else "") for words, values in rows),
    )


def _shares(columns: Sequence[Distribution]) -> list[tuple[Words, list[Any]]]:
    names = {
        "0.05": _("5th percentile"),
        "0.25": _("25th percentile"),
        "0.75": _("75th percentile"),
        "0.95": _("95th percentile"),
    }
    by_share = [dict(each.percentiles) for each in columns]
    return [(words, [each.get(Decimal(share)) for each in by_share]) for share, words in names.items()]


def histogram(found: Sequence[Bucket], *, name: str, words: Words) -> Table:
    """How many results are in each bucket."""
    total = sum(bucket.count for bucket in found) or 1
    return Table(
        name,
        (
            Heading("from", _("From"), "plain"),
            Heading("below", _("Below"), "plain"),
            Heading("trades", words, "count"),
            Heading("share", _("Share"), "percent"),
        ),
        tuple(Line((each.low, each.high, each.count, _ratio(Decimal(each.count), Decimal(total)))) for each in found),
    )


def run_lengths(wins: Mapping[int, int], losses: Mapping[int, int], *, name: str) -> Table:
    """How many runs there were of each length."""
    return Table(
        name,
        (
            Heading("length", _("In a row"), "count"),
            Heading("wins", _("Runs of wins"), "count"),
            Heading("losses", _("Runs of losses"), "count"),
        ),
        tuple(Line((length, wins.get(length, 0), losses.get(length, 0))) for length in sorted({*wins, *losses})),
    )


def drawdowns(answer: Drawdowns, *, unit: Unit = Unit.MONEY) -> Table:
    """Each drawdown with its days, the deepest first; a row leads to the trades from its peak to its end.

    The depth is in the unit; what part of the equity it was stands beside it where the depth does not say so itself.
    """
    beside = (
        (Heading("ratio", _("Of equity"), "percent", _("Needs a starting balance of every account in scope")),)
        if unit is Unit.MONEY
        else ()
    )
    return Table(
        "drawdowns",
        (
            Heading("peak", _("Peak"), "day"),
            Heading("depth", _("Depth"), "loss").in_unit(unit),
            *beside,
            Heading("trough", _("Trough"), "day"),
            Heading("recovery", _("Recovered"), "day"),
            Heading("length_days", _("Length"), "days"),
            Heading("fall_days", _("Falling"), "days"),
            Heading("recovery_days", _("Recovering"), "days"),
        ),
        tuple(
            Line(
                (
                    row.peak_date,
                    row.ratio if unit is Unit.PERCENT else row.depth,
                    *((row.ratio,) if beside else ()),
                    row.trough_date,
                    row.recovery_date,
                    row.length_days,
                    row.fall_days,
                    row.recovery_days,
                ),
                {
                    **({"from": row.peak_date.isoformat()} if row.peak_date else {}),
                    **({"to": row.recovery_date.isoformat()} if row.recovery_date else {}),
                },
                _("not over") if row.recovery_date is None else "",
            )
            for row in answer.rows
        ),
    )


def win_and_loss_days(
    days: Sequence[CalendarDay], *, in_r: Mapping[date, Decimal] | None = None, scale: Scale = MONEY
) -> Table:
    """Days that won, that lost and that made nothing, beside one another.

    In R they are still told apart by money, and amounts are those of the days of which `in_r` knows any.
    """
    kinds: list[tuple[Words, list[CalendarDay]]] = [
        (_("Winning days"), [each for each in days if each.pnl > 0]),
        (_("Losing days"), [each for each in days if each.pnl < 0]),
        (_("Days without a result"), [each for each in days if not each.pnl]),
    ]
    return Table(
        "days",
        (
            Heading("kind", _("Days"), "text"),
            Heading("days", NUMBER, "count"),
            Heading("share", _("Share"), "percent"),
            Heading("net_pnl", _("Net P&L"), "signed").in_unit(scale.unit),
            Heading("average", _("Avg day"), "signed").in_unit(scale.unit),
            Heading("largest", _("Largest"), "signed").in_unit(scale.unit),
            Heading("trades", _("Trades"), "count"),
            Heading("trades_per_day", _("Trades a day"), "ratio"),
            Heading("win_rate", _("Win rate of trades"), "percent"),
        ),
        tuple(Line((words, *_of_days(found, len(days), in_r or {}, scale))) for words, found in kinds),
    )


def _of_days(found: Sequence[CalendarDay], total: int, in_r: Mapping[date, Decimal], scale: Scale) -> tuple[Any, ...]:
    shown = [scale.shown(each.pnl, r=in_r.get(each.date)) for each in found]
    amounts = [each for each in shown if each is not None]
    net = sum(amounts, ZERO) if amounts or scale.is_money else None
    trades = sum(each.trade_count for each in found)
    wins = sum(each.win_count for each in found)
    largest = max(amounts, key=abs, default=None)
    step = _MONEY_STEP if scale.is_money else _RATIO_STEP
    return (
        len(found),
        _ratio(Decimal(len(found)), Decimal(total)) if total else None,
        net,
        (net / len(amounts)).quantize(step) if net is not None and amounts else None,
        largest,
        trades,
        _ratio(Decimal(trades), Decimal(len(found))) if found else None,
        _ratio(Decimal(wins), Decimal(trades)) if trades else None,
    )


def calendar_days(days: Sequence[CalendarDay]) -> Table:
    """Every trading day with what it made."""
    return Table(
        "calendar",
        (
            Heading("day", _("Day"), "day"),
            Heading("net_pnl", _("Net P&L"), "signed"),
            Heading("trades", _("Trades"), "count"),
            Heading("wins", _("Wins"), "count"),
            Heading("losses", _("Losses"), "count"),
        ),
        tuple(
            Line(
                (each.date, each.pnl, each.trade_count, each.win_count, each.loss_count),
                {"from": each.date.isoformat(), "to": each.date.isoformat()},
            )
            for each in days
        ),
    )

"""The tables of reports: one definition of their columns for the page, for sorting and for the CSV file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.errors import InvalidValue
from journal import dimensions
from journal.contrasts import Contrast
from journal.distributions import Distribution, Distributions
from journal.drawdowns import Drawdowns
from journal.figures import Breakdown, BreakdownRow, CalendarDay, Figures
from journal.metrics.differences import Difference, Verdict
from journal.metrics.distributions import Bucket
from journal.templatetags.journal_format import as_loss

Words = str | Promise
ZERO = Decimal(0)
_MONEY_STEP, _RATIO_STEP = Decimal("1e-8"), Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it is called in addresses and files, in words, and how its cells are written.

    `kind` is one of text, count, money, signed, percent, ratio, r, day, days.
    """

    name: str
    words: Words
    kind: str = "signed"
    title: Words = ""

    @property
    def is_number(self) -> bool:
        return self.kind not in ("text", "day")


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
        name = order.removeprefix("-")
        place = next((place for place, each in enumerate(self.headings) if each.name == name), None)
        if place is None:
            names = ", ".join(each.name for each in self.headings)
            raise InvalidValue(
                _("sort is one of %(names)s, with a minus for descending.") % {"names": names}, pointer="?sort"
            )
        known = [line for line in self.lines if line.cells[place] is not None]
        unknown = [line for line in self.lines if line.cells[place] is None]
        known.sort(key=lambda line: _sortable(line.cells[place]), reverse=order.startswith("-"))
        return replace(self, lines=(*known, *unknown), order=order)

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


def breakdown(answer: Breakdown, *, words: Words) -> Table:
    """A row for each group, with the best and the worst of them marked, each a link to its trades."""
    nets = [row.figures.net_pnl or ZERO for row in answer.rows]
    whole = sum((abs(net) for net in nets), ZERO)
    best = worst = None
    if len(nets) > 2:
        best, worst = nets.index(max(nets)), nets.index(min(nets))
    by = dimensions.BY_NAME[answer.by]
    return Table(
        f"by-{answer.by}",
        (Heading(answer.by, words, "text"), *_FIGURES),
        tuple(
            Line(
                (row.label, *_figures(row.figures, whole)),
                by.parameters(row.key),
                _("best") if place == best else _("worst") if place == worst else "",
                _titles(row),
            )
            for place, row in enumerate(answer.rows)
        ),
    )


def _figures(figures: Figures, whole: Decimal) -> tuple[Any, ...]:
    net = figures.net_pnl
    return (
        figures.trade_count,
        net,
        None if net is None or not whole else _ratio(net, whole),
        figures.win_rate,
        figures.profit_factor,
        figures.expectancy,
        figures.average_win,
        figures.average_loss,
        figures.expectancy_r,
        figures.totals.r_count,
        figures.fees,
    )


def _titles(row: BreakdownRow) -> dict[int, str]:
    """What stands behind a cell: the interval of the win rate, by its place."""
    interval = row.figures.win_rate_interval
    if interval is None:
        return {}
    low, high = (f"{bound * 100:.1f}" for bound in (interval.low, interval.high))
    return {4: _("95 %% interval: %(low)s to %(high)s %%") % {"low": low, "high": high}}


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


def drawdowns(answer: Drawdowns) -> Table:
    """Each drawdown with its days, the deepest first; a row leads to the trades from its peak to its end."""
    return Table(
        "drawdowns",
        (
            Heading("peak", _("Peak"), "day"),
            Heading("depth", _("Depth"), "loss"),
            Heading("ratio", _("Of equity"), "percent", _("Needs a starting balance of every account in scope")),
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
                    row.depth,
                    row.ratio,
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


def win_and_loss_days(days: Sequence[CalendarDay]) -> Table:
    """Days that won, that lost and that made nothing, beside one another."""
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
            Heading("net_pnl", _("Net P&L"), "signed"),
            Heading("average", _("Avg day"), "signed"),
            Heading("largest", _("Largest"), "signed"),
            Heading("trades", _("Trades"), "count"),
            Heading("trades_per_day", _("Trades a day"), "ratio"),
            Heading("win_rate", _("Win rate of trades"), "percent"),
        ),
        tuple(Line((words, *_of_days(found, len(days)))) for words, found in kinds),
    )


def _of_days(found: Sequence[CalendarDay], total: int) -> tuple[Any, ...]:
    net = sum((each.pnl for each in found), ZERO)
    trades = sum(each.trade_count for each in found)
    wins = sum(each.win_count for each in found)
    largest = max((each.pnl for each in found), key=abs, default=None)
    return (
        len(found),
        _ratio(Decimal(len(found)), Decimal(total)) if total else None,
        net,
        (net / len(found)).quantize(_MONEY_STEP) if found else None,
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


_VERDICTS: dict[Verdict, Words] = {
    Verdict.TOO_FEW: _("Too few to tell: an interval needs ten on each side, and results that vary."),
    Verdict.UNCLEAR: _("Not told apart: the interval holds zero, so chance alone may have made the difference."),
    Verdict.HIGHER: _("A is higher, beyond what chance alone makes in 19 of 20 cases."),
    Verdict.LOWER: _("B is higher, beyond what chance alone makes in 19 of 20 cases."),
}


def contrast(answer: Contrast) -> Table:
    """The figures of both sides with their difference, and where there is one its interval and what it says."""
    one, other = answer.first, answer.second
    a, b = one.figures, other.figures
    plain: list[tuple[str, Words, str, Any, Any]] = [
        ("trades", _("Trades"), "count", one.counts.trade_count, other.counts.trade_count),
        ("net_pnl", _("Net P&L"), "signed", a.net_pnl, b.net_pnl),
        ("profit_factor", _("Profit factor"), "ratio", a.profit_factor, b.profit_factor),
        ("average_win", _("Avg win"), "money", a.average_win, b.average_win),
        ("average_loss", _("Avg loss"), "money", as_loss(a.average_loss), as_loss(b.average_loss)),
        ("payoff_ratio", _("Payoff ratio"), "ratio", a.payoff_ratio, b.payoff_ratio),
        ("largest_win", _("Largest win"), "money", a.totals.largest_win, b.totals.largest_win),
        ("largest_loss", _("Largest loss"), "money", a.totals.largest_loss, b.totals.largest_loss),
        ("fees", _("Fees"), "money", a.fees, b.fees),
        ("max_drawdown", _("Max drawdown"), "money", as_loss(_depth(one)), as_loss(_depth(other))),
        ("sqn", _("SQN"), "ratio", a.sqn, b.sqn),
    ]
    is_same = answer.currency is not None
    without = {"trades", "profit_factor", "payoff_ratio", "sqn"}
    lines = [
        _compared(name, words, kind, first, second, has_difference=is_same or name in without)
        for name, words, kind, first, second in plain
    ]
    tested = [
        ("win_rate", _("Win rate"), "percent", one.win_rate, other.win_rate, answer.win_rate),
        ("expectancy", _("Expectancy"), "signed", a.expectancy, b.expectancy, answer.expectancy),
        ("average_r", _("Avg R"), "r", one.expectancy_r, other.expectancy_r, answer.r),
    ]
    lines[2:2] = [_tested(*row) for row in tested]
    return Table(
        "compare",
        (
            Heading("figure", _("Figure"), "text"),
            Heading("a", "A", "mixed"),
            Heading("b", "B", "mixed"),
            Heading("difference", _("A minus B"), "mixed"),
            Heading("low", _("From"), "mixed", _("95 % interval of the difference")),
            Heading("high", _("To"), "mixed", _("95 % interval of the difference")),
            Heading("verdict", _("What it says"), "text"),
        ),
        tuple(lines),
    )


def _depth(metrics: Any) -> Decimal | None:
    return None if metrics.max_drawdown is None else metrics.max_drawdown.amount


def _compared(name: str, words: Words, kind: str, one: Any, other: Any, *, has_difference: bool) -> Line:
    difference = one - other if has_difference and one is not None and other is not None else None
    return Line((words, one, other, difference, None, None, None), kind=kind)


def _tested(name: str, words: Words, kind: str, one: Any, other: Any, found: Difference) -> Line:
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return Line((words, one, other, found.value, low, high, _VERDICTS[found.verdict]), kind=kind)

"""Accounts beside each other: figures by row with the best and the worst marked, and their curves over one another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account
from journal.figures import AccountCurve, ComparedAccount
from journal.metrics import formulas
from journal.templatetags.journal_format import (
    DASH,
    count,
    day,
    holding,
    money,
    percent,
    r_multiple,
    ratio,
    signed_class,
    signed_money,
    signed_percent,
)
from journal.units import Unit

ALIGNMENTS = ("calendar", "common", "days")
WIDTH, HEIGHT = 1000, 280
#: Points of one line of the drawing, and lines of the table below it.
DRAWN_POINTS, TABLE_LINES = 300, 250
#: There are as many colours and patterns of lines as accounts that stand side by side.
SERIES = 12

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_RATIO_STEP = Decimal("1e-12")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Column:
    """One of the compared, with what is known of its account. `series` is the number of its line, from 1."""

    compared: ComparedAccount
    account: Account
    series: int

    @property
    def name(self) -> str:
        return self.compared.name

    @property
    def currency(self) -> str:
        return self.compared.figures.currency or self.account.currency

    @property
    def start(self) -> Decimal | None:
        """What the account began with, where its trades are in the same currency."""
        balance = self.account.initial_balance
        return balance if balance and balance > 0 and self.account.currency == self.currency else None


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: `better` is 1 where more is better, -1 where less is, 0 where neither. `anchor` is its definition."""

    name: str
    label: str | Promise
    value: Callable[[Column], Any]
    shown: Callable[[Any], str]
    better: int = 0
    anchor: str = ""
    is_money: bool = False
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in words; `mark` is "best" or "worst" where it is either."""

    text: str
    css: str
    mark: str
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One metric over all of the compared."""

    metric: Metric
    cells: list[Cell]
    direction: str


@dataclass(frozen=True, slots=True)
class Line:
    """One account's curve: points as (place, value), the path of its drawing, and how it is called."""

    name: str
    series: int
    points: list[tuple[Any, Decimal]]
    path: str


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves in one drawing. `x` says what a place is: a date, or days since the start.

    `missing` names accounts that have no curve here. `table` has a line for each place with each account's value.
    """

    lines: list[Line]
    zero: str
    align: str
    is_percent: bool
    missing: list[str]
    table: list[tuple[Any, list[Decimal | None]]]

    @property
    def is_empty(self) -> bool:
        return not self.lines

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the script draws; numbers as text, so that none is rounded on its way."""
        return [
            {"name": line.name, "series": line.series, "points": [[str(x), str(value)] for x, value in line.points]}
            for line in self.lines
        ]


def _per(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    if part is None or not whole:
        return None
    return _WIDE.quantize(_WIDE.divide(part, whole), _RATIO_STEP)


METRICS = (
    Metric("net_pnl", gettext_lazy("Net P&L"), lambda c: c.compared.figures.net_pnl if c.compared.first_day else None,
           signed_money, 1, "net-pnl", is_money=True, is_signed=True),
    Metric("return", gettext_lazy("Return on the starting balance"),
           lambda c: _per(c.compared.figures.net_pnl, c.start), signed_percent, 1, is_signed=True),
    Metric("trade_count", gettext_lazy("Trades"), lambda c: c.compared.figures.trade_count, count),
    Metric("win_rate", gettext_lazy("Win rate"), lambda c: c.compared.figures.win_rate, percent, 1, "win-rate"),
    Metric("profit_factor", gettext_lazy("Profit factor"), lambda c: c.compared.figures.profit_factor, ratio, 1,
           "profit-factor"),
    Metric("payoff_ratio", gettext_lazy("Payoff ratio"), lambda c: c.compared.figures.payoff_ratio, ratio, 1, "payoff"),
    Metric("expectancy", gettext_lazy("Expectancy"), lambda c: c.compared.figures.expectancy, signed_money, 1,
           "expectancy", is_money=True, is_signed=True),
    Metric("average_r", gettext_lazy("Average R"), lambda c: c.compared.figures.expectancy_r, r_multiple, 1, "r"),
    Metric("average_win", gettext_lazy("Average win"), lambda c: c.compared.figures.average_win, money, 1,
           "average-win", is_money=True),
    Metric("average_loss", gettext_lazy("Average loss"), lambda c: c.compared.figures.average_loss,
           lambda value: money(-value), -1, "average-loss", is_money=True),
    Metric("largest_win", gettext_lazy("Largest win"), lambda c: c.compared.figures.totals.largest_win, money, 1,
           "largest", is_money=True),
    Metric("largest_loss", gettext_lazy("Largest loss"), lambda c: c.compared.figures.totals.largest_loss, money, 1,
           "largest", is_money=True),
    Metric("max_drawdown", gettext_lazy("Max drawdown"),
           lambda c: c.compared.max_drawdown.amount if c.compared.max_drawdown else None,
           lambda value: money(-value), -1, "max-drawdown", is_money=True),
    Metric("max_drawdown_ratio", gettext_lazy("Max drawdown in percent of equity"),
           lambda c: c.compared.max_drawdown.ratio if c.compared.max_drawdown else None,
           lambda value: percent(-value), -1, "max-drawdown"),
    Metric("standard_deviation", gettext_lazy("Standard deviation"), lambda c: c.compared.figures.standard_deviation,
           money, 0, "standard-deviation", is_money=True),
    Metric("sqn", gettext_lazy("SQN"), lambda c: c.compared.figures.sqn, ratio, 1, "sqn"),
    Metric("fees", gettext_lazy("Fees"), lambda c: c.compared.figures.fees, money, -1, "fees", is_money=True),
    Metric("holding", gettext_lazy("Average holding time"), lambda c: c.compared.figures.average_holding_seconds,
           holding, 0, "holding-time"),
    Metric("first_day", gettext_lazy("First day"), lambda c: c.compared.first_day, day),
    Metric("last_day", gettext_lazy("Last day"), lambda c: c.compared.last_day, day),
)  # fmt: skip


def columns(compared: Sequence[ComparedAccount], accounts: Mapping[str, Account]) -> list[Column]:
    """The compared as columns, in their order; `accounts` by their outside ids."""
    return [Column(each, accounts[each.id], place) for place, each in enumerate(compared, start=1)]


def metric_rows(columns: Sequence[Column], *, unit: Unit = Unit.MONEY) -> list[Row]:
    """Every metric over the columns, in the unit of the page: percent is of each account's own starting balance.

    Amounts of money are ranked only where all of them are in one currency. What there is not in the unit, or stands in
    another row already, is left out.
    """
    one_currency = len({column.currency for column in columns}) == 1
    metrics = [found for metric in METRICS if (found := _in_unit(metric, unit)) is not None]
    return [_row(metric, columns, is_ranked=one_currency or not metric.is_money) for metric in metrics]


#: Rows whose figure in percent, or in R, is that of another row.
_TOLD_ELSEWHERE = {Unit.PERCENT: ("return", "max_drawdown"), Unit.R: ("return", "expectancy")}
_IN_R: dict[str, tuple[Callable[[Column], Any], Callable[[Any], str]]] = {
    "net_pnl": (lambda c: c.compared.figures.counted.r_sum if c.compared.figures.counted.r_count else None, r_multiple),
    "profit_factor": (lambda c: c.compared.figures.profit_factor_r, ratio),
    "payoff_ratio": (lambda c: formulas.payoff_ratio_r(c.compared.figures.counted), ratio),
    "average_win": (lambda c: formulas.average_win_r(c.compared.figures.counted), r_multiple),
    "average_loss": (
        lambda c: formulas.average_loss_r(c.compared.figures.counted),
        lambda value: r_multiple(-value),
    ),
}


def _in_unit(metric: Metric, unit: Unit) -> Metric | None:
    """The metric in this unit; None where there is none, or where another row says it."""
    if unit is Unit.MONEY:
        return metric
    if metric.name in _TOLD_ELSEWHERE[unit]:
        return None
    if unit is Unit.R:
        if metric.name in _IN_R:
            value, shown = _IN_R[metric.name]
            return replace(metric, value=value, shown=shown, is_money=False)
        return None if metric.is_money else metric
    if not metric.is_money:
        return metric
    of, is_loss = metric.value, metric.name == "average_loss"
    return replace(
        metric,
        value=lambda column: _per(of(column), column.start),
        shown=(lambda value: percent(-value)) if is_loss else signed_percent if metric.is_signed else percent,
        is_money=False,
    )


def _row(metric: Metric, columns: Sequence[Column], *, is_ranked: bool) -> Row:
    values = [metric.value(column) for column in columns]
    known = [value * metric.better for value in values if value is not None] if metric.better and is_ranked else []
    best, worst = (max(known), min(known)) if len(known) > 1 else (None, None)
    cells = []
    for value in values:
        mark = ""
        if value is not None and best != worst:
            mark = {best: "best", worst: "worst"}.get(value * metric.better, "")
        text = DASH if value is None else metric.shown(value)
        cells.append(Cell(text, signed_class(value) if metric.is_signed and value is not None else "", mark, value))
    directions = {1: _("more is better"), -1: _("less is better")}
    return Row(metric, cells, directions.get(metric.better, "") if is_ranked else "")


def curves(columns: Sequence[Column], found: Iterable[AccountCurve], *, align: str, is_percent: bool) -> Curves:
    """The curves of the columns over one another.

    By "calendar" each stands on its days; from a "common" start all begin with nothing on the first day on which all
    of them have begun; by "days" each begins on its own first day. In percent they are of the starting balances, and
    an account without one is missing.
    """
    by_key = {(each.id, each.curve.currency): each.curve.points for each in found}
    drawn, missing = [], []
    for column in columns:
        points = by_key.get((column.compared.id, column.currency), [])
        if not points or (is_percent and column.start is None):
            missing.append(column.name)
            continue
        scale = column.start if is_percent else None
        # A day before the first stands for the start, from which every curve begins with nothing.
        drawn.append((column, [(point.date, _scaled(point.cumulative_pnl, scale)) for point in points]))
    placed = _placed(drawn, align)
    missing += [column.name for column, points in placed if not points]
    placed = [(column, points) for column, points in placed if points]
    shape = _Shape([points for _, points in placed])
    lines = [Line(column.name, column.series, points, shape.path(points)) for column, points in placed]
    return Curves(lines, shape.y(ZERO), align, is_percent, missing, table(lines))


def _scaled(amount: Decimal, scale: Decimal | None) -> Decimal:
    if scale is None:
        return amount
    return _WIDE.quantize(_WIDE.divide(amount, scale), _RATIO_STEP)


Points = list[tuple[Any, Decimal]]


def _placed(drawn: list[tuple[Column, list[tuple[date, Decimal]]]], align: str) -> list[tuple[Column, Points]]:
    if align == "days":
        return [(column, [((at - points[0][0]).days, value) for at, value in points]) for column, points in drawn]
    if align == "common" and drawn:
        start = max(points[0][0] for _, points in drawn)
        return [(column, _since(points, start)) for column, points in drawn]
    return [(column, list(points)) for column, points in drawn]


def _since(points: list[tuple[date, Decimal]], start: date) -> Points:
    """The points from this day on, less what was made before it."""
    before = [value for at, value in points if at < start]
    base = before[-1] if before else ZERO
    return [(at, value - base) for at, value in points if at >= start]


class _Shape:
    """Where values are in a box of WIDTH x HEIGHT that holds all curves."""

    def __init__(self, curves: list[Points]) -> None:
        places = [self._number(x) for points in curves for x, _ in points]
        values = [value for points in curves for _, value in points]
        self.left, right = min(places, default=0), max(places, default=1)
        self.width = max(right - self.left, 1)
        self.top, bottom = max([*values, ZERO]), min([*values, ZERO])
        self.span = (self.top - bottom) or Decimal(1)

    @staticmethod
    def _number(x: Any) -> int:
        return x.toordinal() if isinstance(x, date) else int(x)

    def y(self, value: Decimal) -> str:
        return f"{(self.top - value) / self.span * (HEIGHT - 16) + 8:.1f}"

    def path(self, points: Points) -> str:
        """The line through the points, thinned to what can be seen; one point alone is a short dash."""
        step = max(1, -(-len(points) // DRAWN_POINTS))
        shown = points[::step]
        if shown[-1] != points[-1]:
            shown.append(points[-1])
        places = [
            f"{Decimal(self._number(x) - self.left) * WIDTH / self.width:.1f} {self.y(value)}" for x, value in shown
        ]
        if len(places) == 1:
            places.append(
                f"{Decimal(self._number(shown[0][0]) - self.left) * WIDTH / self.width + 6:.1f} {self.y(shown[0][1])}"
            )
        return "M" + " L".join(places)


def table(lines: Sequence[Line]) -> list[tuple[Any, list[Decimal | None]]]:
    """For each place, oldest first, what each account had made by then; None before it began."""
    by_line = [dict(line.points) for line in lines]
    last: list[Decimal | None] = [None] * len(lines)
    found = []
    for x in sorted({x for points in by_line for x in points}):
        last = [points.get(x, before) for points, before in zip(by_line, last, strict=True)]
        found.append((x, last))
    return found


def shown_table(curves: Curves) -> list[tuple[Any, list[Cell]]]:
    """The latest lines of the table in words, the newest first."""
    write = signed_percent if curves.is_percent else signed_money
    lines = []
    for x, values in reversed(curves.table[-TABLE_LINES:]):
        cells = [
            Cell(DASH if value is None else write(value), signed_class(value) if value else "", "", value)
            for value in values
        ]
        lines.append((day(x) if isinstance(x, date) else x, cells))
    return lines

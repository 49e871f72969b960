"""Tables behind the drawings of the dashboard: what is drawn, row by row, for reading and as CSV."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from journal.account_ranks import RankedAccount
from journal.charts import Bar, CurveChart
from journal.figures import Calendar
from journal.kpis import Kpi
from journal.trade_lists import TradeRow
from journal.units import Scale
from trading.models import Position

#: Rows that a table shows on a page; its CSV has all.
MOST_ROWS = 400


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `kind`: text, day, amount, money, plain, count, rate, ratio, quantity or price."""

    name: str | Promise
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """Values in the order of the columns, and the parameters of the trades behind them."""

    values: Sequence[Any]
    link: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as a page writes it: each value with its column."""

    pairs: list[tuple[Column, Any]]
    link: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; of a long one the page shows the beginning."""

    columns: list[Column]
    rows: list[Row]

    @property
    def beginning(self) -> list[Line]:
        return [Line(list(zip(self.columns, row.values, strict=True)), row.link) for row in self.rows[:MOST_ROWS]]

    @property
    def is_cut(self) -> bool:
        return len(self.rows) > MOST_ROWS

    @property
    def headings(self) -> list[str]:
        return [str(column.name) for column in self.columns]

    @property
    def values(self) -> Iterable[Sequence[Any]]:
        return (row.values for row in self.rows)


def of_kpis(row: Iterable[Kpi], scale: Scale) -> Table:
    """The key figures with what they were, their interval and the number of trades."""
    return Table(
        [
            Column(_("Figure")),
            Column(_("Unit")),
            Column(_("Value"), "plain"),
            Column(_("Period before"), "plain"),
            Column(_("Change"), "plain"),
            Column(_("95% from"), "plain"),
            Column(_("95% to"), "plain"),
            Column(_("n"), "count"),
        ],
        [
            Row(
                [
                    str(each.about.title),
                    str(scale.unit) if each.kind == "amount" else str(each.kind),
                    each.value,
                    each.change.before if each.change else None,
                    each.change.difference if each.change else None,
                    each.interval.low if each.interval else None,
                    each.interval.high if each.interval else None,
                    each.n,
                ],
                each.link,
            )
            for each in row
        ],
    )


def of_curve(chart: CurveChart) -> Table:
    """The days of the curve from the last one back, with a column for each line that is drawn over it."""
    lines = [{point[0]: Decimal(point[2]) for point in line.rows} for line in chart.lines]
    return Table(
        [
            Column(_("Day"), "day"),
            Column(_("Net P&L"), "amount"),
            Column(_("Cumulative"), "amount"),
            Column(_("Drawdown"), "amount"),
            *(Column(line.name, "amount") for line in chart.lines),
        ],
        [
            Row(
                [
                    date.fromisoformat(day),
                    Decimal(pnl),
                    Decimal(cumulative),
                    -Decimal(fall) if Decimal(fall) else Decimal(0),
                    *(line.get(day) for line in lines),
                ],
                {"from": day, "to": day},
            )
            for day, pnl, cumulative, fall in reversed(chart.rows)
        ],
    )


def of_calendar(calendar: Calendar, scale: Scale) -> Table:
    """The trading days that the calendar shows."""
    return Table(
        [
            Column(_("Day"), "day"),
            Column(_("Net P&L"), "amount"),
            Column(_("Trades"), "count"),
            Column(_("Wins"), "count"),
            Column(_("Losses"), "count"),
        ],
        [
            Row(
                [
                    day.date,
                    scale.shown(day.pnl, r=calendar.in_r.get(day.date)),
                    day.trade_count,
                    day.win_count,
                    day.loss_count,
                ],
                {"from": day.date.isoformat(), "to": day.date.isoformat()},
            )
            for day in calendar.days
        ],
    )


def of_bars(bars: Iterable[Bar], words: str | Promise) -> Table:
    """The groups of a breakdown."""
    return Table(
        [Column(words), Column(_("Net P&L"), "amount"), Column(_("Trades"), "count"), Column(_("Win rate"), "rate")],
        [Row([bar.label, bar.pnl, bar.trade_count, bar.win_rate], bar.link) for bar in bars],
    )


def of_accounts(accounts: Iterable[RankedAccount]) -> Table:
    """Accounts in their order."""
    return Table(
        [
            Column(_("Place"), "count"),
            Column(_("Account")),
            Column(_("Broker")),
            Column(_("Trades"), "count"),
            Column(_("Win rate"), "rate"),
            Column(_("Net P&L"), "money"),
            Column(_("Currency")),
            Column(_("Max drawdown"), "money"),
        ],
        [
            Row(
                [
                    each.place,
                    each.figures.name,
                    each.figures.broker,
                    each.figures.trade_count,
                    each.figures.win_rate,
                    each.figures.pnl,
                    each.figures.currency,
                    each.drawdown,
                ],
                {"account": each.figures.id},
            )
            for each in accounts
        ],
    )


def of_positions(positions: Iterable[Position]) -> Table:
    """What is held."""
    return Table(
        [
            Column(_("Symbol")),
            Column(_("Account")),
            Column(_("Held"), "quantity"),
            Column(_("Average price"), "price"),
            Column(_("Currency")),
            Column(_("Since"), "day"),
        ],
        [
            Row(
                [
                    each.instrument.symbol,
                    each.account.name,
                    each.quantity,
                    each.average_price,
                    each.trade.currency,
                    each.opened_on,
                ]
            )
            for each in positions
        ],
    )


def of_trades(trades: Iterable[TradeRow], scale: Scale) -> Table:
    """The last trades with what they realized on the days in question."""
    return Table(
        [
            Column(_("Symbol")),
            Column(_("Side")),
            Column(_("Closed"), "day"),
            Column(_("Account")),
            Column(_("Net P&L"), "amount"),
            Column(_("Currency")),
            Column(_("R"), "ratio"),
        ],
        [
            Row(
                [
                    each.trade.instrument.symbol,
                    each.trade.get_side_display(),
                    each.trade.closed_on,
                    each.trade.account.name,
                    scale.shown(each.net_pnl, r=each.trade.realized_r, currency=each.trade.currency),
                    each.trade.currency,
                    each.trade.realized_r,
                ]
            )
            for each in trades
        ],
    )

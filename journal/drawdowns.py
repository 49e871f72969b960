"""Answers about falls of the equity curve: every one of them, and how far below its peak each day ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import reading, reports, series
from journal.conversion import Unconverted
from journal.figures import Answer, Curve
from journal.filters import MetricsFilter
from journal.metrics import drawdowns as falls
from journal.metrics import formulas
from journal.metrics.drawdowns import Drawdown
from journal.units import Unit


@dataclass(frozen=True, slots=True)
class Drawdowns(Answer):
    """The drawdowns of a filter, the deepest first.

    `starting` is the equity before the first day, None where an account in scope has no starting balance; ratios are
    then None as well. `days` is the number of trading days, `days_below` of those that ended below a peak.
    """

    currency: str | None
    rows: tuple[Drawdown, ...]
    starting: Decimal | None
    days: int
    days_below: int
    curve: Curve
    unconverted: tuple[Unconverted, ...]

    @property
    def current(self) -> Drawdown | None:
        """The one that is not over."""
        return next((row for row in self.rows if row.recovery_date is None), None)

    def below_peak(self, unit: Unit) -> list[tuple[date, Decimal]]:
        """How far below its peak each day ended; in percent of the equity at that peak, empty where that is unknown."""
        points = self.curve.points
        if unit is not Unit.PERCENT:
            return [(point.date, point.drawdown) for point in points]
        if self.starting is None or self.starting <= 0:
            return []
        tops = [self.starting + point.cumulative_pnl + point.drawdown for point in points]
        return [(point.date, point.drawdown / top) for point, top in zip(points, tops, strict=True)]


def of_series(answer: Drawdowns, daily: Sequence[tuple[date, Decimal]]) -> Drawdowns:
    """The same answer about another daily series, such as that of R, which has neither currency nor equity."""
    points = list(formulas.equity_points(daily))
    made = dict(daily)
    lines = [
        " ".join([point.day.isoformat(), *map(plain, (made[point.day], point.cumulative, point.drawdown))])
        for point in points
    ]
    return replace(
        answer,
        currency=None,
        rows=tuple(falls.drawdowns(daily)),
        starting=None,
        days=len(points),
        days_below=sum(1 for point in points if point.drawdown),
        curve=Curve(None, "\n".join(lines)),
        unconverted=(),
    )


def drawdowns(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> Drawdowns:
    """Every drawdown of the trades that the filter lets through, in the currency of `reports.aggregate_metrics`.

    Source: docs/metrics.md#drawdowns
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate", user, parts=["drawdowns", wanted], build=lambda: _drawdowns(user, wanted, fresh=fresh), fresh=fresh
    )
    curve = reports.equity_curve(user, wanted, fresh=fresh).combined
    return Drawdowns(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        rows=tuple(_row(row) for row in kept["rows"]),
        starting=kept["starting"] and Decimal(kept["starting"]),
        days=kept["days"],
        days_below=kept["days_below"],
        curve=curve,
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _drawdowns(user: User, wanted: MetricsFilter, *, fresh: bool) -> dict[str, Any]:
    with reading.one_snapshot():
        daily = series.daily_series(user.pk, wanted)
        found = series.conversion_for(user, wanted, daily)
    starting = reports.aggregate_metrics(user, wanted, fresh=fresh).starting_equity
    days = found.days(daily)
    rows = falls.drawdowns(days, starting)
    return {
        "currency": found.currency,
        "starting": None if starting is None else str(starting),
        "days": len(days),
        "days_below": sum(1 for point in formulas.equity_points(days) if point.drawdown),
        "rows": [_kept(row) for row in rows],
        "unconverted": series.kept_unconverted(found),
    }


def _kept(row: Drawdown) -> list[Any]:
    dates = [day and day.isoformat() for day in (row.peak_date, row.trough_date, row.recovery_date)]
    ratio = None if row.ratio is None else str(row.ratio)
    return [str(row.depth), ratio, *dates, row.length_days, row.fall_days, row.recovery_days]


def _row(kept: list[Any]) -> Drawdown:
    depth, ratio, peak, trough, recovery, *lengths = kept
    return Drawdown(
        Decimal(depth),
        None if ratio is None else Decimal(ratio),
        peak and date.fromisoformat(peak),
        date.fromisoformat(trough),
        recovery and date.fromisoformat(recovery),
        *lengths,
    )

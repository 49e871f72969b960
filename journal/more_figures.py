"""Figures that stand below the key ones, in the unit of the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from journal.figures import AggregateMetrics
from journal.metrics import formulas
from journal.units import Scale, Unit

Day = tuple[date, Decimal | None]


@dataclass(frozen=True, slots=True)
class MoreFigures:
    """Amounts in the unit of the page; None is undefined, or not known in that unit."""

    gross: Decimal | None
    fees: Decimal | None
    payoff: Decimal | None
    largest_win: Decimal | None
    largest_loss: Decimal | None
    deviation: Decimal | None
    best_day: Day | None
    worst_day: Day | None


def of(metrics: AggregateMetrics, scale: Scale, *, in_r: Iterable[tuple[date, Decimal]] = ()) -> MoreFigures:
    """The figures of an answer. `in_r` is what each day made in R, which only R asks for."""
    figures = metrics.figures
    days = [_in_unit(day, scale) for day in (metrics.best_day, metrics.worst_day)]
    if scale.unit is Unit.R:
        found = sorted(in_r, key=lambda day: day[1])
        days = [found[-1], found[0]] if found else [None, None]
    return MoreFigures(
        gross=scale.shown(figures.gross_pnl),
        fees=scale.shown(figures.fees),
        payoff=formulas.payoff_ratio_r(metrics.counts) if scale.unit is Unit.R else figures.payoff_ratio,
        largest_win=scale.shown(figures.totals.largest_win),
        largest_loss=scale.shown(figures.totals.largest_loss),
        deviation=scale.shown(figures.standard_deviation),
        best_day=days[0],
        worst_day=days[1],
    )


def _in_unit(day: tuple[date, Decimal] | None, scale: Scale) -> Day | None:
    return None if day is None else (day[0], scale.shown(day[1]))

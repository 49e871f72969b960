"""Every fall of an equity curve from a peak and back: pure, no Django, no clock, no database.

Source: docs/metrics.md#drawdowns
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

from journal.metrics.formulas import EquityPoint, equity_points

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_RATIO_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One stretch of days below a peak.

    `depth` is money > 0. `ratio` is the depth as a fraction of equity at the peak, None without a starting balance
    above zero. `peak_date` is the last day at the peak, None where that is the start. `recovery_date` is the first day
    back at the peak, None while below it. `length_days` counts calendar days from the peak (or the first day of the
    series) to the recovery, or to the last day; `fall_days` those to the trough, `recovery_days` those from it.
    """

    depth: Decimal
    ratio: Decimal | None
    peak_date: date | None
    trough_date: date
    recovery_date: date | None
    length_days: int
    fall_days: int
    recovery_days: int | None


def drawdowns(daily: Iterable[tuple[date, Decimal]], initial_balance: Decimal | None = None) -> list[Drawdown]:
    """Every drawdown of the daily series, the deepest first, of equal ones the earliest.

    The first of them is `formulas.max_drawdown`. Days are ascending, one entry per day, in one currency.
    """
    points = equity_points(daily)
    balance = initial_balance if initial_balance is not None and initial_balance > 0 else None
    found = [_drawdown(points, first, last, balance) for first, last in _stretches(points)]
    return sorted(found, key=lambda each: (-each.depth, each.trough_date))


def _stretches(points: Sequence[EquityPoint]) -> Iterable[tuple[int, int]]:
    """The first and the last place of each run of days below a peak."""
    first = None
    for place, point in enumerate(points):
        if point.drawdown and first is None:
            first = place
        elif not point.drawdown and first is not None:
            yield first, place - 1
            first = None
    if first is not None:
        yield first, len(points) - 1


def _drawdown(points: Sequence[EquityPoint], first: int, last: int, balance: Decimal | None) -> Drawdown:
    trough = max(range(first, last + 1), key=lambda place: points[place].drawdown)
    depth = points[trough].drawdown
    peak_date = points[first - 1].day if first else None
    recovery_date = points[last + 1].day if last + 1 < len(points) else None
    start, end = peak_date or points[0].day, recovery_date or points[last].day
    ratio = None
    if balance is not None:
        top = _WIDE.add(_WIDE.add(balance, points[trough].cumulative), depth)
        ratio = _WIDE.quantize(_WIDE.divide(depth, top), _RATIO_STEP)
    return Drawdown(
        depth=depth,
        ratio=ratio,
        peak_date=peak_date,
        trough_date=points[trough].day,
        recovery_date=recovery_date,
        length_days=(end - start).days,
        fall_days=(points[trough].day - start).days,
        recovery_days=None if recovery_date is None else (recovery_date - points[trough].day).days,
    )

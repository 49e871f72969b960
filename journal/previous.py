"""The period before: as many days as the one in question, directly before it. Source: docs/metrics.md#previous-period

Pure, but for the arithmetic of filters: whoever asks says what day it is.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

from journal.filters import EARLIEST, MetricsFilter

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_RATIO_STEP = Decimal("1e-12")


def before(wanted: MetricsFilter, *, today: date) -> MetricsFilter | None:
    """The same filter over the equally long period that ends on the day before it begins.

    Days that are still to come are not counted: of a month that runs, the days until today stand against as many days
    before. None for a filter without a first day, for one that lies ahead, and where no calendar reaches that far back.
    """
    if wanted.start is None:
        return None
    end = min(wanted.end or today, today)
    days = (end - wanted.start).days + 1
    last = wanted.start - timedelta(days=1)
    if days < 1 or (last - EARLIEST).days + 1 < days:
        return None
    return replace(wanted, start=last - timedelta(days=days - 1), end=last)


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure differs from what it was. `ratio` is a fraction of what it was, None where that was nothing."""

    before: Decimal
    difference: Decimal
    ratio: Decimal | None


def change(now: Decimal | None, then: Decimal | None) -> Change | None:
    """The change from then to now; None where either is undefined, because nothing is not zero."""
    if now is None or then is None:
        return None
    difference = _WIDE.subtract(now, then)
    ratio = _WIDE.quantize(_WIDE.divide(difference, abs(then)), _RATIO_STEP) if then else None
    return Change(then, difference, ratio)

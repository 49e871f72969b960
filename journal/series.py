"""The daily series of a filter, the currency that an answer of it is in, and how both are kept as JSON."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.models import User
from journal import conversion, day_rows, reading
from journal.conversion import Conversion, DayMoney, Unconverted
from journal.filters import MetricsFilter
from journal.metrics.formulas import MaxDrawdown


def daily_series(owner_id: int, wanted: MetricsFilter) -> list[DayMoney]:
    """Realized net P&L per currency and trading day, by currency and day."""
    source, values = day_rows.by_day(owner_id, wanted)
    return reading.rows(
        f"SELECT r.currency, r.day, sum(r.net_pnl) FROM {source} "  # noqa: S608
        "GROUP BY r.currency, r.day ORDER BY r.currency, r.day",
        values,
    )


def conversion_for(user: User, wanted: MetricsFilter, daily: list[DayMoney]) -> Conversion:
    """How an answer of these days comes into one currency: the filter's if it has one, else the reporting one."""
    return conversion.resolve(daily, target=wanted.currency or user.reporting_currency)


def kept_unconverted(found: Conversion) -> list[list[Any]]:
    """What was left out, as JSON keeps it."""
    return [[each.currency, each.days, str(each.net_pnl)] for each in found.unconverted]


def unconverted_of(kept: Sequence[Sequence[Any]]) -> tuple[Unconverted, ...]:
    """What `kept_unconverted` wrote down."""
    return tuple(Unconverted(currency, days, Decimal(amount)) for currency, days, amount in kept)


def kept_drawdown(found: MaxDrawdown | None) -> list[Any] | None:
    """A drawdown as JSON keeps it."""
    if found is None:
        return None
    ratios = [None if ratio is None else str(ratio) for ratio in (found.ratio, found.largest_ratio)]
    dates = [found.peak_date, found.trough_date, found.recovery_date]
    return [str(found.amount), *ratios, *(day and day.isoformat() for day in dates), found.length_days]


def drawdown_of(kept: Sequence[Any] | None) -> MaxDrawdown | None:
    """What `kept_drawdown` wrote down."""
    if kept is None:
        return None
    amount, ratio, largest_ratio, peak, trough, recovery, length = kept
    return MaxDrawdown(
        amount=Decimal(amount),
        ratio=None if ratio is None else Decimal(ratio),
        largest_ratio=None if largest_ratio is None else Decimal(largest_ratio),
        peak_date=None if peak is None else date.fromisoformat(peak),
        trough_date=None if trough is None else date.fromisoformat(trough),
        recovery_date=None if recovery is None else date.fromisoformat(recovery),
        length_days=length,
    )

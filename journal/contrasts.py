"""Answers that hold two sets of trades against each other, with how sure the difference is."""

from dataclasses import dataclass, fields
from typing import Any

from accounts.models import User
from journal import chosen_trades, day_rows, reading, reports
from journal.figures import AggregateMetrics, Answer, Curve
from journal.filters import MetricsFilter
from journal.metrics import differences
from journal.metrics.differences import Difference, Verdict


@dataclass(frozen=True, slots=True)
class Contrast(Answer):
    """Two filters side by side. Differences are the first minus the second.

    `expectancy` is undefined where the two are in different currencies. `shared` closed trades are in both, which the
    intervals do not know of.
    """

    first: AggregateMetrics
    second: AggregateMetrics
    curves: tuple[Curve, Curve]
    expectancy: Difference
    r: Difference
    win_rate: Difference
    shared: int

    @property
    def currency(self) -> str | None:
        """What money of both is in; None where they differ."""
        one, other = self.first.figures.currency, self.second.figures.currency
        return one if one == other else None


def contrast(user: User, first: MetricsFilter, second: MetricsFilter, *, fresh: bool = False) -> Contrast:
    """The trades of two filters, each as `reports.aggregate_metrics` has them, and how far they differ.

    Source: docs/metrics.md#differences
    """
    found = [reports.aggregate_metrics(user, each, fresh=fresh) for each in (first, second)]
    curves = [reports.equity_curve(user, each, fresh=fresh) for each in (first, second)]
    kept = reading.answer(
        "aggregate",
        user,
        parts=["shared", first, second],
        build=lambda: _shared(user, first, second),
        fresh=fresh,
        parts_read=(*day_rows.parts_read(first), *day_rows.parts_read(second)),
    )
    answers: list[Any] = [*found, *curves]
    return Contrast(
        as_of=min(kept["as_of"], *(each.as_of for each in answers)),
        stale=kept["stale"] or any(each.stale for each in answers),
        missing_days=max(kept["missing_days"], *(each.missing_days for each in answers)),
        first=found[0],
        second=found[1],
        curves=(curves[0].combined, curves[1].combined),
        expectancy=_expectancy(*found),
        r=differences.of_r(found[0].counts, found[1].counts),
        win_rate=differences.of_win_rates(found[0].counts, found[1].counts),
        shared=kept["shared"],
    )


def _expectancy(first: AggregateMetrics, second: AggregateMetrics) -> Difference:
    one, other = first.figures, second.figures
    if one.currency is None or one.currency != other.currency:
        return Difference(None, None, Verdict.TOO_FEW)
    return differences.of_means(one.totals, other.totals)


def _shared(user: User, first: MetricsFilter, second: MetricsFilter) -> dict[str, Any]:
    """How many closed trades both filters let through."""
    if _exclude_each_other(first, second):
        return {"shared": 0}
    both = _both(first, second)
    if both is not None and (not both.is_by_trade or day_rows.parts_read(both)):
        source, values = day_rows.by_day(user.pk, both)
        ((count,),) = reading.rows(f"SELECT coalesce(sum(r.trade_count), 0)::bigint FROM {source}", values)  # noqa: S608
    else:
        # One look at each trade, not one set of trades held against another.
        source, values = day_rows.closed_trades(user.pk, first)
        condition, more = chosen_trades.trades_where(user.pk, second)
        within, days = chosen_trades.days_where("t.closed_on", second)
        ((count,),) = reading.rows(
            f"SELECT count(*) FROM {source} AND {condition} AND {within}",  # noqa: S608 – our own text
            [*values, *more, *days],
        )
    return {"shared": count}


def _exclude_each_other(first: MetricsFilter, second: MetricsFilter) -> bool:
    """Whether no trade can be in both: it has one side, one hour, one outcome."""
    wanted = {dimension.name: value for dimension, value in first.by_trade}
    return any(
        dimension.labels and wanted.get(dimension.name, value) != value for dimension, value in second.by_trade
    ) or bool(first.currency and second.currency and first.currency != second.currency)


def _both(first: MetricsFilter, second: MetricsFilter) -> MetricsFilter | None:
    """The filter of what both let through; None where they ask two things of one property."""
    merged: dict[str, Any] = {}
    for field in fields(MetricsFilter):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if one is None or other is None or one == other:
            merged[field.name] = other if one is None else one
        elif field.name in ("start", "end"):
            merged[field.name] = max(one, other) if field.name == "start" else min(one, other)
        elif field.name == "accounts":
            merged[field.name] = tuple(sorted(set(one) & set(other)))
        else:
            return None
    return MetricsFilter(**merged)

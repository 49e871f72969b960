"""Answers that hold two sets of trades against each other, with how sure the difference is."""

from dataclasses import dataclass
from typing import Any

from accounts.models import User
from journal import day_rows, reading, reports
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
        "aggregate", user, parts=["shared", first, second], build=lambda: _shared(user, first, second), fresh=fresh
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
    one, one_values = day_rows.closed_trades(user.pk, first)
    other, other_values = day_rows.closed_trades(user.pk, second)
    ((count,),) = reading.rows(
        f"SELECT count(*) FROM {one} AND t.id IN (SELECT t.id FROM {other})",  # noqa: S608 – our own text
        [*one_values, *other_values],
    )
    return {"shared": count}

"""The table of two sets of trades beside one another: one definition of it for the page and for the CSV file."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from journal.contrasts import Contrast
from journal.figures import AggregateMetrics
from journal.metrics import formulas
from journal.metrics.differences import Difference, Verdict
from journal.metrics.formulas import Interval
from journal.report_tables import MONEY, Heading, Line, Table, Words, kind_in
from journal.templatetags.journal_format import as_loss
from journal.units import Scale, Unit

#: Of a figure's metrics, in the unit of its scale.
_Of = Callable[[AggregateMetrics, Scale], Any]

_VERDICTS: dict[Verdict, Words] = {
    Verdict.TOO_FEW: _("Too few to tell: an interval needs ten on each side, and results that vary."),
    Verdict.UNCLEAR: _("Not told apart: the interval holds zero, so chance alone may have made the difference."),
    Verdict.HIGHER: _("A is higher, beyond what chance alone makes in 19 of 20 cases."),
    Verdict.LOWER: _("B is higher, beyond what chance alone makes in 19 of 20 cases."),
}


def contrast(answer: Contrast, *, scales: tuple[Scale, Scale] = (MONEY, MONEY)) -> Table:
    """The figures of both sides with their difference, and where there is one its interval and what it says.

    Each side is in the unit of its scale; a figure that there is not in that unit is left out.
    """
    unit = scales[0].unit
    is_same = answer.currency is not None or unit is Unit.R
    both = tuple(zip((answer.first, answer.second), scales, strict=True))
    lines = []
    for words, kind, of in _FIGURES:
        if unit is Unit.R and of in _WITHOUT_R:
            continue
        is_amount = kind in ("signed", "money")
        one, other = (of(metrics, scale) for metrics, scale in both)
        lines.append(_compared(words, kind_in(unit, kind), one, other, has_difference=is_same or not is_amount))
    lines[2:2] = [
        _tested(_("Win rate"), "percent", answer.first.win_rate, answer.second.win_rate, answer.win_rate),
        *_means(answer, scales),
    ]
    return Table(
        "compare",
        (
            Heading("figure", _("Figure"), "text"),
            Heading("a", "A", "mixed"),
            Heading("b", "B", "mixed"),
            Heading("difference", _("A minus B"), "mixed"),
            Heading("low", _("From"), "mixed", _("95% interval of the difference")),
            Heading("high", _("To"), "mixed", _("95% interval of the difference")),
            Heading("verdict", _("What it says"), "text"),
        ),
        tuple(lines),
    )


def _net(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return scale.shown(metrics.figures.net_pnl, r=metrics.counts.r_sum if metrics.counts.r_count else None)


def _profit_factor(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    is_r = scale.unit is Unit.R
    return formulas.profit_factor_r(metrics.counts) if is_r else metrics.figures.profit_factor


def _average_win(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return scale.shown(metrics.figures.average_win, r=formulas.average_win_r(metrics.counts))


def _average_loss(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return as_loss(scale.shown(metrics.figures.average_loss, r=formulas.average_loss_r(metrics.counts)))


def _payoff(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return formulas.payoff_ratio_r(metrics.counts) if scale.unit is Unit.R else metrics.figures.payoff_ratio


def _largest_win(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return scale.shown(metrics.figures.totals.largest_win)


def _largest_loss(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return scale.shown(metrics.figures.totals.largest_loss)


def _fees(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    return scale.shown(metrics.figures.fees)


def _depth(metrics: AggregateMetrics, scale: Scale) -> Decimal | None:
    """The max drawdown with the sign of a loss; in percent it is of the equity at its peak."""
    found = metrics.max_drawdown
    if found is None:
        return None
    return as_loss(found.ratio if scale.unit is Unit.PERCENT else found.amount)


_FIGURES: tuple[tuple[Words, str, _Of], ...] = (
    (_("Trades"), "count", lambda metrics, scale: metrics.counts.trade_count),
    (_("Net P&L"), "signed", _net),
    (_("Profit factor"), "ratio", _profit_factor),
    (_("Avg win"), "money", _average_win),
    (_("Avg loss"), "money", _average_loss),
    (_("Payoff ratio"), "ratio", _payoff),
    (_("Largest win"), "money", _largest_win),
    (_("Largest loss"), "money", _largest_loss),
    (_("Fees"), "money", _fees),
    (_("Max drawdown"), "money", _depth),
    (_("SQN"), "ratio", lambda metrics, scale: metrics.figures.sqn),
)
#: What is known in money alone.
_WITHOUT_R = (_largest_win, _largest_loss, _fees, _depth)


def _means(answer: Contrast, scales: tuple[Scale, Scale]) -> list[Line]:
    """The mean result and the mean R, which in R are the same."""
    one, other = answer.first, answer.second
    in_r = _tested(_("Avg R"), "r", one.expectancy_r, other.expectancy_r, answer.r)
    unit = scales[0].unit
    if unit is Unit.R:
        return [in_r]
    means = [scale.shown(each.figures.expectancy) for each, scale in zip((one, other), scales, strict=True)]
    kind = kind_in(unit, "signed")
    found = _in_percent(answer.expectancy, means, scales)
    return [_tested(_("Expectancy"), kind, means[0], means[1], found), in_r]


def _in_percent(found: Difference, means: list[Decimal | None], scales: tuple[Scale, Scale]) -> Difference:
    """The difference of two means, each in percent of its own equity; its interval where that is the same."""
    first, second = scales
    if first.is_money:
        return found
    one, other = means
    value = None if one is None or other is None or found.value is None else one - other
    bounds = [first.shown(bound) for bound in (found.interval.low, found.interval.high)] if found.interval else []
    low, high = bounds if bounds else (None, None)
    if first.equity != second.equity or low is None or high is None:
        return Difference(value, None, Verdict.TOO_FEW if found.interval is None else found.verdict)
    return Difference(value, Interval(low, high), found.verdict)


def _compared(words: Words, kind: str, one: Any, other: Any, *, has_difference: bool) -> Line:
    difference = one - other if has_difference and one is not None and other is not None else None
    return Line((words, one, other, difference, None, None, None), kind=kind)


def _tested(words: Words, kind: str, one: Any, other: Any, found: Difference) -> Line:
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return Line((words, one, other, found.value, low, high, _VERDICTS[found.verdict]), kind=kind)

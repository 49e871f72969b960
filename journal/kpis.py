"""The key figures of a page: each with its change against the period before, what it stands on, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from journal import previous
from journal.charts import DayBars
from journal.definitions import DEFINITIONS, Definition
from journal.figures import AggregateMetrics, Calendar
from journal.metrics import formulas
from journal.metrics.formulas import Interval
from journal.previous import Change
from journal.templatetags import journal_format
from journal.units import Scale, Unit

#: Below that many trades a rate or a mean says little.
FEW_TRADES = 30


_Of = Callable[[AggregateMetrics], Decimal | None]


class Kind(StrEnum):
    """How a value is written."""

    AMOUNT = "amount"
    RATE = "rate"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure.

    `value` None is undefined, for the reason in `why`. `is_better` says whether the change is a good one, None where it
    is neither. `n` is the number of trades behind it. `link` are the parameters of its trades, besides the page's own.
    """

    about: Definition
    label: str
    kind: Kind
    value: Decimal | None
    n: int
    note: str
    change: Change | None = None
    is_better: bool | None = None
    why: str = ""
    interval: Interval | None = None
    link: dict[str, str] = field(default_factory=dict)
    bars: DayBars | None = None
    #: Whether the value's own sign says that it is a profit or a loss.
    is_signed: bool = True
    #: Whether it is compared at all: today is not.
    is_compared: bool = True

    @property
    def is_of_few(self) -> bool:
        """Whether it is a rate or a mean of so few trades that chance alone could make it."""
        return self.interval is not None and 0 < self.n < FEW_TRADES


@dataclass(frozen=True, slots=True)
class Figures:
    """What the key figures are made of: an answer, that of the period before where there is one, and how R ran."""

    metrics: AggregateMetrics
    earlier: AggregateMetrics | None
    scale: Scale
    earlier_scale: Scale
    drawdown_r: Decimal | None = None
    earlier_drawdown_r: Decimal | None = None


def row(found: Figures, *, bars: DayBars, today: Calendar, today_link: dict[str, str]) -> list[Kpi]:
    """The key figures in their order."""
    return [
        _net(found, bars),
        _win_rate(found),
        _profit_factor(found),
        _expectancy(found),
        _average_win(found),
        _average_loss(found),
        _max_drawdown(found),
        _today(found, today, today_link),
    ]


def _both(found: Figures, money: _Of, r: _Of) -> tuple[Decimal | None, Change | None, bool | None]:
    """An amount in the unit of the page, how it changed, and whether that is good: more is better."""
    now = found.scale.shown(money(found.metrics), r=r(found.metrics))
    then = None
    if found.earlier is not None:
        then = found.earlier_scale.shown(money(found.earlier), r=r(found.earlier))
    change = previous.change(now, then)
    return now, change, _is_more(change)


def _net(found: Figures, bars: DayBars) -> Kpi:
    value, change, is_better = _both(
        found,
        lambda metrics: metrics.figures.net_pnl,
        lambda metrics: metrics.counts.r_sum if metrics.counts.r_count else None,
    )
    counts, currency = found.metrics.counts, found.metrics.figures.currency
    is_r = found.scale.unit is Unit.R
    n = counts.r_count if is_r else counts.trade_count
    if is_r:
        note = ngettext("%(count)s trade with an R", "%(count)s trades with an R", n)
    else:
        note = ngettext("%(count)s trade", "%(count)s trades", n)
    return Kpi(
        about=DEFINITIONS["net-pnl"],
        label=_("Net P&L") + (f" · {currency}" if currency and found.scale.is_money else ""),
        kind=Kind.AMOUNT,
        value=value,
        why=_why(found, _("Undefined: no rate converts what was made.")),
        n=n,
        note=note % {"count": journal_format.count(n)},
        change=change,
        is_better=is_better,
        bars=bars if bars.bars else None,
    )


def _win_rate(found: Figures) -> Kpi:
    counts = found.metrics.counts
    change = previous.change(found.metrics.win_rate, found.earlier.win_rate if found.earlier else None)
    return Kpi(
        about=DEFINITIONS["win-rate"],
        label=_("Win rate"),
        kind=Kind.RATE,
        value=found.metrics.win_rate,
        why=_("Undefined: no trade was closed."),
        n=counts.trade_count,
        note=_("decisive %(rate)s") % {"rate": journal_format.percent(found.metrics.decisive_win_rate)},
        change=change,
        is_better=_is_more(change),
        interval=formulas.win_rate_interval(counts),
        is_signed=False,
    )


def _profit_factor(found: Figures) -> Kpi:
    figures = found.metrics.figures
    is_r = found.scale.unit is Unit.R
    value = formulas.profit_factor_r(found.metrics.counts) if is_r else figures.profit_factor
    payoff = formulas.payoff_ratio_r(found.metrics.counts) if is_r else figures.payoff_ratio
    earlier = found.earlier
    then = (
        None if earlier is None else formulas.profit_factor_r(earlier.counts) if is_r else earlier.figures.profit_factor
    )
    change = previous.change(value, then)
    return Kpi(
        about=DEFINITIONS["profit-factor"],
        label=_("Profit factor"),
        kind=Kind.RATIO,
        value=value,
        why=str(found.scale.reason) if is_r and not found.metrics.counts.r_count else _("Undefined: nothing was lost."),
        n=found.metrics.counts.r_count if is_r else found.metrics.counts.trade_count,
        note=_("payoff %(ratio)s") % {"ratio": journal_format.ratio(payoff)},
        change=change,
        is_better=_is_more(change),
        is_signed=False,
    )


def _expectancy(found: Figures) -> Kpi:
    metrics = found.metrics
    value, change, is_better = _both(
        found, lambda metrics: metrics.figures.expectancy, lambda metrics: metrics.expectancy_r
    )
    interval = metrics.figures.expectancy_interval
    if interval is not None and not found.scale.is_money:
        low, high = found.scale.shown(interval.low), found.scale.shown(interval.high)
        interval = None if low is None or high is None else Interval(low, high)
    note = _("per trade")
    if found.scale.is_money and metrics.expectancy_r is not None:
        n = journal_format.count(metrics.counts.r_count)
        note = _("%(r)s · n %(n)s") % {"r": journal_format.r_multiple(metrics.expectancy_r), "n": n}
    return Kpi(
        about=DEFINITIONS["expectancy"],
        label=_("Expectancy"),
        kind=Kind.AMOUNT,
        value=value,
        why=_why(found, _("Undefined: no trade was closed.")),
        n=metrics.counts.r_count if found.scale.unit is Unit.R else metrics.counts.trade_count,
        note=note,
        change=change,
        is_better=is_better,
        interval=interval,
    )


def _average_win(found: Figures) -> Kpi:
    value, change, is_better = _both(
        found, lambda metrics: metrics.figures.average_win, lambda metrics: formulas.average_win_r(metrics.counts)
    )
    counts = found.metrics.counts
    is_r = found.scale.unit is Unit.R
    count = counts.r_win_count if is_r else counts.win_count
    without = is_r and counts.win_count
    why = _why(found, _("No trade that was won has a stop.") if without else _("Undefined: no trade was won."))
    return Kpi(
        about=DEFINITIONS["average-win"],
        label=_("Average win"),
        kind=Kind.AMOUNT,
        value=value,
        why=why,
        n=count,
        note=why
        if value is None
        else ngettext("%(count)s win", "%(count)s wins", count) % {"count": journal_format.count(count)},
        change=change,
        is_better=is_better,
        link={"outcome": "win"},
    )


def _average_loss(found: Figures) -> Kpi:
    value, change, is_better = _both(
        found,
        lambda metrics: journal_format.as_loss(metrics.figures.average_loss),
        lambda metrics: journal_format.as_loss(formulas.average_loss_r(metrics.counts)),
    )
    counts = found.metrics.counts
    is_r = found.scale.unit is Unit.R
    count = counts.r_loss_count if is_r else counts.loss_count
    without = is_r and counts.loss_count
    why = _why(found, _("No trade that was lost has a stop.") if without else _("Undefined: no trade was lost."))
    return Kpi(
        about=DEFINITIONS["average-loss"],
        label=_("Average loss"),
        kind=Kind.AMOUNT,
        value=value,
        why=why,
        n=count,
        note=why
        if value is None
        else ngettext("%(count)s loss", "%(count)s losses", count) % {"count": journal_format.count(count)},
        change=change,
        is_better=is_better,
        link={"outcome": "loss"},
    )


def _max_drawdown(found: Figures) -> Kpi:
    deepest = found.metrics.max_drawdown
    value = _fall(found.metrics, found.scale, found.drawdown_r)
    then = _fall(found.earlier, found.earlier_scale, found.earlier_drawdown_r) if found.earlier else None
    change = previous.change(value, then)
    note, link = _("closed equity"), {}
    if deepest is not None and deepest.trough_date is not None:
        day = journal_format.day(deepest.trough_date)
        rate = journal_format.percent(deepest.ratio)
        note = day if deepest.ratio is None or not found.scale.is_money else f"{rate}, {day}"
        start = deepest.peak_date or None
        link = {"to": deepest.trough_date.isoformat(), **({"from": start.isoformat()} if start else {})}
    return Kpi(
        about=DEFINITIONS["max-drawdown"],
        label=_("Max drawdown"),
        kind=Kind.AMOUNT,
        value=value,
        why=_why(found, _("Undefined: there is no trading day.")),
        n=found.metrics.trading_days,
        note=note,
        change=change,
        is_better=_is_more(change),
        link=link,
    )


def _today(found: Figures, today: Calendar, link: dict[str, str]) -> Kpi:
    day = today.days[0] if today.days else None
    value = found.scale.shown(day.pnl, r=today.in_r.get(day.date)) if day else None
    return Kpi(
        about=DEFINITIONS["today"],
        label=_("Today"),
        kind=Kind.AMOUNT,
        value=value,
        why=_("Nothing was closed today.") if day is None else str(found.scale.reason),
        n=today.trade_count,
        note=ngettext("%(count)s trade", "%(count)s trades", today.trade_count)
        % {"count": journal_format.count(today.trade_count)},
        link=link,
        is_compared=False,
    )


def _fall(metrics: AggregateMetrics, scale: Scale, in_r: Decimal | None) -> Decimal | None:
    """The max drawdown with the sign of a loss; in percent it is of the equity at its peak."""
    if scale.unit is Unit.R:
        return journal_format.as_loss(in_r)
    found = metrics.max_drawdown
    if found is None:
        return None
    return journal_format.as_loss(found.ratio if scale.unit is Unit.PERCENT else found.amount)


def _is_more(change: Change | None) -> bool | None:
    return None if change is None or not change.difference else change.difference > 0


def _why(found: Figures, undefined: str) -> str:
    """Why a value is undefined: for what it is made of, else because the unit cannot say it."""
    if found.scale.lacks_equity or (found.scale.unit is Unit.R and not found.metrics.counts.r_count):
        return str(found.scale.reason)
    return undefined

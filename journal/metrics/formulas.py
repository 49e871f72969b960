"""Ratios of totals and figures of a daily series; the only place where a metric is calculated.

Pure: no Django, no clock, no database. Undefined is None. Ratios are fractions (0.6 is 60 %) with 12
decimals, money has 8. A daily series is (trading day, realized net P&L) in ascending order, one entry
per day, in one currency.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import reduce
from itertools import pairwise

from journal.metrics.totals import Totals

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_add = _WIDE.add
_subtract = _WIDE.subtract
_multiply = _WIDE.multiply
_divide = _WIDE.divide

_ZERO, _ONE, _TWO = Decimal(0), Decimal(1), Decimal(2)
_RATIO_STEP = Decimal("1e-12")
_MONEY_STEP = Decimal("1e-8")
# Two-sided 95 % of the normal distribution.
_Z_95 = Decimal("1.959963984540054")
_TRADING_DAYS_PER_YEAR = Decimal(252)
_SQN_LEAST, _SQN_CAP = 30, 100
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, bounds included."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The end of one trading day: money made since the start, and how far that is below its peak (>= 0)."""

    day: date
    cumulative: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class MaxDrawdown:
    """The largest fall in money from a peak of closed equity.

    `amount` is money >= 0. `ratio` is this fall as a fraction of equity at its peak, `largest_ratio` the
    largest such fraction of any fall, which may be another one; both None without a starting balance.
    `peak_date` is the last day at the peak, None where that is the start before the first day.
    `recovery_date` is the first day back at the peak, None while below it. `length_days` counts calendar
    days from the peak (or the first day) to the recovery, or to the last day of the series.
    """

    amount: Decimal
    ratio: Decimal | None
    largest_ratio: Decimal | None
    peak_date: date | None
    trough_date: date | None
    recovery_date: date | None
    length_days: int


def win_rate(totals: Totals) -> Decimal | None:
    """Return winners as a fraction of all closed trades, breakeven ones included.

    Unit: fraction, 0..1. None without a closed trade. Source: docs/metrics.md#win-rate
    """
    return _ratio(Decimal(totals.win_count), Decimal(totals.trade_count))


def decisive_win_rate(totals: Totals) -> Decimal | None:
    """Return winners as a fraction of winners and losers.

    Unit: fraction, 0..1. None without either. Source: docs/metrics.md#decisive-win-rate
    """
    return _ratio(Decimal(totals.win_count), Decimal(totals.win_count + totals.loss_count))


def win_rate_interval(totals: Totals) -> Interval | None:
    """Return the Wilson 95 % interval of the win rate.

    Unit: fractions, 0..1. None without a closed trade. Source: docs/metrics.md#win-rate-interval
    """
    if not totals.trade_count:
        return None
    n = Decimal(totals.trade_count)
    p = _divide(Decimal(totals.win_count), n)
    z_square = _multiply(_Z_95, _Z_95)
    scale = _add(_ONE, _divide(z_square, n))
    center = _add(p, _divide(z_square, _multiply(_TWO, n)))
    variance = _divide(_multiply(p, _subtract(_ONE, p)), n)
    spread = _add(variance, _divide(z_square, _multiply(Decimal(4), _multiply(n, n))))
    half = _multiply(_Z_95, _WIDE.sqrt(spread))
    low, high = _divide(_subtract(center, half), scale), _divide(_add(center, half), scale)
    return Interval(max(_rounded(low), _ZERO), min(_rounded(high), _ONE))


def profit_factor(totals: Totals) -> Decimal | None:
    """Return the net profit of winners divided by the net loss of losers.

    Unit: ratio >= 0. None when nothing was lost. Source: docs/metrics.md#profit-factor
    """
    return _ratio(totals.gross_profit, totals.gross_loss)


def average_win(totals: Totals) -> Decimal | None:
    """Return the mean net P&L of winners.

    Unit: money > 0. None without one. Source: docs/metrics.md#average-win
    """
    return _mean(totals.gross_profit, totals.win_count)


def average_loss(totals: Totals) -> Decimal | None:
    """Return the mean magnitude of the net P&L of losers.

    Unit: money > 0. None without one. Source: docs/metrics.md#average-loss
    """
    return _mean(totals.gross_loss, totals.loss_count)


def payoff_ratio(totals: Totals) -> Decimal | None:
    """Return the average win divided by the average loss.

    Unit: ratio > 0. None without a winner or without a loser. Source: docs/metrics.md#payoff-ratio
    """
    if not totals.win_count:
        return None
    return _ratio(
        _multiply(totals.gross_profit, Decimal(totals.loss_count)),
        _multiply(totals.gross_loss, Decimal(totals.win_count)),
    )


def expectancy(totals: Totals) -> Decimal | None:
    """Return the mean net P&L of all closed trades.

    Unit: money. None without a closed trade. Source: docs/metrics.md#expectancy
    """
    return _mean(totals.closed_net, totals.trade_count)


def standard_deviation(totals: Totals) -> Decimal | None:
    """Return the sample standard deviation (ddof 1) of the closed trades' net P&L.

    Unit: money >= 0. None below two trades. Source: docs/metrics.md#standard-deviation
    """
    deviation = _deviation(totals.closed_net, totals.net_squares, totals.trade_count)
    return None if deviation is None else _WIDE.quantize(deviation, _MONEY_STEP)


def expectancy_interval(totals: Totals) -> Interval | None:
    """Return the normal 95 % interval of the expectancy; below some 30 trades it is too narrow.

    Unit: money. None below two trades. Source: docs/metrics.md#expectancy-interval
    """
    deviation = _deviation(totals.closed_net, totals.net_squares, totals.trade_count)
    if deviation is None:
        return None
    n = Decimal(totals.trade_count)
    mean = _divide(totals.closed_net, n)
    half = _divide(_multiply(_Z_95, deviation), _WIDE.sqrt(n))
    return Interval(_WIDE.quantize(_subtract(mean, half), _MONEY_STEP), _WIDE.quantize(_add(mean, half), _MONEY_STEP))


def profit_factor_r(totals: Totals) -> Decimal | None:
    """Return the R that winners made divided by the R that losers lost, over the closed trades that have one.

    Unit: ratio >= 0. None when nothing was lost in R. Source: docs/metrics.md#profit-factor-in-r
    """
    return _ratio(totals.r_profit, totals.r_loss)


def average_win_r(totals: Totals) -> Decimal | None:
    """Return the mean realized R of the winners that have one.

    Unit: R > 0. None without one. Source: docs/metrics.md#average-win-and-loss-in-r
    """
    return _ratio(totals.r_profit, Decimal(totals.r_win_count))


def average_loss_r(totals: Totals) -> Decimal | None:
    """Return the mean magnitude of the realized R of the losers that have one.

    Unit: R > 0. None without one. Source: docs/metrics.md#average-win-and-loss-in-r
    """
    return _ratio(totals.r_loss, Decimal(totals.r_loss_count))


def payoff_ratio_r(totals: Totals) -> Decimal | None:
    """Return the average win in R divided by the average loss in R.

    Unit: ratio >= 0. None without one of them. Source: docs/metrics.md#average-win-and-loss-in-r
    """
    if not totals.r_win_count:
        return None
    return _ratio(
        _multiply(totals.r_profit, Decimal(totals.r_loss_count)),
        _multiply(totals.r_loss, Decimal(totals.r_win_count)),
    )


def expectancy_r(totals: Totals) -> Decimal | None:
    """Return the mean realized R of the closed trades that have one.

    Unit: R. None without one. Source: docs/metrics.md#expectancy-r
    """
    return _ratio(totals.r_sum, Decimal(totals.r_count))


def average_planned_r(totals: Totals) -> Decimal | None:
    """Return the mean planned R of the closed trades that have one.

    Unit: R. None without one. Source: docs/metrics.md#average-planned-r
    """
    return _ratio(totals.planned_r_sum, Decimal(totals.planned_r_count))


def sqn(totals: Totals) -> Decimal | None:
    """Return the system quality number: mean R over its deviation, times the root of at most 100 trades.

    Unit: number. None below 30 trades with an R or without any deviation. Source: docs/metrics.md#sqn
    """
    if totals.r_count < _SQN_LEAST:
        return None
    deviation = _deviation(totals.r_sum, totals.r_squares, totals.r_count, resolution=_RATIO_STEP)
    if not deviation:
        return None
    mean = _divide(totals.r_sum, Decimal(totals.r_count))
    root = _WIDE.sqrt(Decimal(min(totals.r_count, _SQN_CAP)))
    return _ratio(_multiply(root, mean), deviation)


def kelly(totals: Totals) -> Decimal | None:
    """Return the Kelly fraction of decisive trades; below zero says not to bet.

    Unit: fraction <= 1. None without a winner or without a loser. Source: docs/metrics.md#kelly
    """
    if not totals.win_count or not totals.gross_loss:
        return None
    decisive = Decimal(totals.win_count + totals.loss_count)
    won = _divide(Decimal(totals.win_count), decisive)
    # q / b, where b is the average win over the average loss.
    lost = _divide(_multiply(totals.gross_loss, Decimal(totals.win_count)), _multiply(decisive, totals.gross_profit))
    return _rounded(_subtract(won, lost))


def average_holding_seconds(totals: Totals) -> Decimal | None:
    """Return the mean time from open to close of the closed trades whose times are known.

    Unit: seconds >= 0. None without one. Source: docs/metrics.md#average-holding-time
    """
    return _ratio(Decimal(totals.holding_seconds), Decimal(totals.holding_count))


def equity_points(daily: Iterable[tuple[date, Decimal]]) -> list[EquityPoint]:
    """Return one point per day; the peak starts at zero, so a loss on the first day is a drawdown.

    Unit: money. Source: docs/metrics.md#equity-curve
    """
    points = []
    cumulative = peak = _ZERO
    for day, net_pnl in daily:
        cumulative = _add(cumulative, net_pnl)
        if cumulative > peak:
            peak = cumulative
        points.append(EquityPoint(day, cumulative, _subtract(peak, cumulative)))
    return points


def max_drawdown(daily: Iterable[tuple[date, Decimal]], initial_balance: Decimal | None = None) -> MaxDrawdown | None:
    """Return the largest fall of closed equity, the earliest of equals; amount 0 where nothing fell.

    None for an empty series. Without a starting balance above zero the ratios are None.
    Source: docs/metrics.md#max-drawdown
    """
    points = equity_points(daily)
    if not points:
        return None
    balance = initial_balance if initial_balance is not None and initial_balance > 0 else None
    trough = max(range(len(points)), key=lambda index: points[index].drawdown)
    amount = points[trough].drawdown
    if not amount:
        nothing = None if balance is None else _ZERO
        return MaxDrawdown(amount, nothing, nothing, None, None, None, 0)
    peak = _peak_before(points, trough)
    recovery = next((index for index in range(trough, len(points)) if not points[index].drawdown), None)
    start = points[0 if peak is None else peak].day
    end = points[-1 if recovery is None else recovery].day
    falls = [] if balance is None else [_fall(point, balance) for point in points]
    return MaxDrawdown(
        amount=amount,
        ratio=falls[trough] if falls else None,
        largest_ratio=max(falls, default=None),
        peak_date=None if peak is None else points[peak].day,
        trough_date=points[trough].day,
        recovery_date=None if recovery is None else points[recovery].day,
        length_days=(end - start).days,
    )


def daily_returns(
    daily: Iterable[tuple[date, Decimal]], initial_balance: Decimal | None
) -> list[tuple[date, Decimal]] | None:
    """Return each trading day's P&L as a fraction of the equity before it, flat days included.

    Trading days are Monday to Friday between the first and the last day, and any weekend day that has
    P&L of its own. Deposits and withdrawals after the start are not part of equity. None without a
    starting balance above zero, and where equity is used up before the last day.
    Source: docs/metrics.md#daily-returns
    """
    if initial_balance is None or initial_balance <= 0:
        return None
    equity = initial_balance
    returns = []
    for day, net_pnl in _with_flat_days(daily):
        if equity <= 0:
            return None
        returns.append((day, _divide(net_pnl, equity)))
        equity = _add(equity, net_pnl)
    return returns


def sharpe(daily: Iterable[tuple[date, Decimal]], initial_balance: Decimal | None) -> Decimal | None:
    """Return the mean daily return over its sample deviation (ddof 1), times the root of 252.

    Unit: annual ratio, no risk-free rate taken off. None where `daily_returns` is None, below two
    returns and without any deviation. Source: docs/metrics.md#sharpe
    """
    returns = daily_returns(daily, initial_balance)
    if returns is None or len(returns) < 2:
        return None
    values = [value for _, value in returns]
    count = Decimal(len(values))
    mean = _divide(reduce(_add, values), count)
    squares = reduce(_add, (_square(_subtract(value, mean)) for value in values))
    return _annual(mean, _WIDE.sqrt(_divide(squares, _subtract(count, _ONE))))


def sortino(daily: Iterable[tuple[date, Decimal]], initial_balance: Decimal | None) -> Decimal | None:
    """Return the mean daily return over its downside deviation, times the root of 252.

    The downside deviation is the root of the sum of the squared negative returns over ALL returns.
    Unit: annual ratio. None where `daily_returns` is None, below two returns and without a negative one.
    Source: docs/metrics.md#sortino
    """
    returns = daily_returns(daily, initial_balance)
    if returns is None or len(returns) < 2:
        return None
    count = Decimal(len(returns))
    mean = _divide(reduce(_add, (value for _, value in returns)), count)
    squares = reduce(_add, (_square(value) for _, value in returns if value < 0), _ZERO)
    return _annual(mean, _WIDE.sqrt(_divide(squares, count)))


def thin(points: Sequence[EquityPoint], limit: int = 2000) -> list[EquityPoint]:
    """Return at most `limit` of the points in order, never losing the extremes.

    Always kept: the first and the last point, the highest and the lowest, the trough of the largest
    drawdown and its peak. The rest of the room goes to equal stretches of the curve, each giving its
    lowest and its highest point.
    Raises: ValueError for a limit below 6, the number of points that are always kept.
    Source: docs/metrics.md#thinning
    """
    if limit < 6:
        raise ValueError("limit must be at least 6")
    count = len(points)
    if count <= limit:
        return list(points)

    def height(index: int) -> Decimal:
        return points[index].cumulative

    trough = max(range(count), key=lambda index: points[index].drawdown)
    kept = {0, count - 1, max(range(count), key=height), min(range(count), key=height), trough}
    kept.add(_peak_before(points, trough) or 0)
    buckets = (limit - len(kept)) // 2
    edges = [count * number // buckets for number in range(buckets + 1)] if buckets else []
    for low, high in pairwise(edges):
        kept.update((min(range(low, high), key=height), max(range(low, high), key=height)))
    return [points[index] for index in sorted(kept)]


def _peak_before(points: Sequence[EquityPoint], trough: int) -> int | None:
    """Return the last point at its peak up to the trough; None where the peak is the start."""
    return next((index for index in range(trough, -1, -1) if not points[index].drawdown), None)


def _fall(point: EquityPoint, balance: Decimal) -> Decimal:
    """Return the drawdown as a fraction of equity at the peak."""
    peak = _add(balance, _add(point.cumulative, point.drawdown))
    return _rounded(_divide(point.drawdown, peak))


def _with_flat_days(daily: Iterable[tuple[date, Decimal]]) -> Iterable[tuple[date, Decimal]]:
    previous: date | None = None
    for day, net_pnl in daily:
        if previous is not None:
            for gap in range(1, (day - previous).days):
                flat = previous + timedelta(days=gap)
                if flat.weekday() <= _FRIDAY:
                    yield flat, _ZERO
        yield day, net_pnl
        previous = day


def _deviation(total: Decimal, squares: Decimal, count: int, *, resolution: Decimal = _ZERO) -> Decimal | None:
    """Return the sample standard deviation from a sum and a sum of squares; None below two.

    `resolution` is the step each square was rounded to: what it can feign is no deviation.
    """
    if count < 2:
        return None
    n = Decimal(count)
    scatter = _subtract(squares, _divide(_multiply(total, total), n))
    if scatter <= _multiply(n, resolution):
        return _ZERO
    return _WIDE.sqrt(_divide(scatter, _subtract(n, _ONE)))


def _annual(mean: Decimal, deviation: Decimal) -> Decimal | None:
    # The mean of equal returns can differ from them in the last digit, which is no deviation.
    if deviation < _RATIO_STEP:
        return None
    return _ratio(_multiply(mean, _WIDE.sqrt(_TRADING_DAYS_PER_YEAR)), deviation)


def _square(value: Decimal) -> Decimal:
    return _multiply(value, value)


def _mean(total: Decimal, count: int) -> Decimal | None:
    return _WIDE.quantize(_divide(total, Decimal(count)), _MONEY_STEP) if count else None


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return part / whole with 12 decimals; None over zero."""
    return _rounded(_divide(part, whole)) if whole else None


def _rounded(value: Decimal) -> Decimal:
    return _WIDE.quantize(value, _RATIO_STEP)

"""How far two sets of trades differ, with 95 % intervals: pure, no Django, no clock, no database.

The intervals treat the sets as independent of each other and trades as independent of one another.

Source: docs/metrics.md#differences
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum, auto
from functools import lru_cache

from journal.metrics import formulas
from journal.metrics.formulas import Interval
from journal.metrics.totals import Totals

#: Below this many trades on either side no interval is given.
LEAST = 10

_WIDE = Context(prec=40, rounding=ROUND_HALF_EVEN)
_ZERO, _ONE, _TWO, _HALF = Decimal(0), Decimal(1), Decimal(2), Decimal("0.5")
_MONEY_STEP, _RATIO_STEP = Decimal("1e-8"), Decimal("1e-12")
#: Two-sided 95 % of the normal distribution, and how much of it lies outside.
_Z_95 = Decimal("1.959963984540054235524594430520551")
_OUTSIDE = Decimal("0.05")
#: From these degrees of freedom on the expansion is as exact as what is shown.
_MANY = 200
_PI = Decimal("3.141592653589793238462643383279502884197")


class Verdict(StrEnum):
    """What an interval says."""

    TOO_FEW = auto()  # fewer than LEAST on one side, or nothing that varies
    UNCLEAR = auto()  # the interval holds zero
    HIGHER = auto()  # the first is higher
    LOWER = auto()  # the first is lower


@dataclass(frozen=True, slots=True)
class Difference:
    """The first minus the second, with its interval; None where it is undefined."""

    value: Decimal | None
    interval: Interval | None
    verdict: Verdict


def of_means(first: Totals, second: Totals) -> Difference:
    """Expectancy of the first minus that of the second, in money, with Welch's interval.

    Source: Welch 1947, Biometrika 34, 28-35; docs/metrics.md#difference-of-means
    """
    return _welch(
        (first.trade_count, _closed_net(first), first.net_squares),
        (second.trade_count, _closed_net(second), second.net_squares),
        step=_MONEY_STEP,
    )


def of_r(first: Totals, second: Totals) -> Difference:
    """Mean R of the first minus that of the second, with Welch's interval.

    Source: docs/metrics.md#difference-of-means
    """
    return _welch(
        (first.r_count, first.r_sum, first.r_squares),
        (second.r_count, second.r_sum, second.r_squares),
        step=_RATIO_STEP,
    )


def of_win_rates(first: Totals, second: Totals) -> Difference:
    """Win rate of the first minus that of the second, with Newcombe's interval from two of Wilson's.

    Source: Newcombe 1998, Statistics in Medicine 17, 873-890, method 10; docs/metrics.md#difference-of-win-rates
    """
    rates = formulas.win_rate(first), formulas.win_rate(second)
    around = formulas.win_rate_interval(first), formulas.win_rate_interval(second)
    if rates[0] is None or rates[1] is None or around[0] is None or around[1] is None:
        return Difference(None, None, Verdict.TOO_FEW)
    value = rates[0] - rates[1]
    if min(first.trade_count, second.trade_count) < LEAST:
        return Difference(value, None, Verdict.TOO_FEW)
    down = _hypotenuse(rates[0] - around[0].low, around[1].high - rates[1])
    up = _hypotenuse(around[0].high - rates[0], rates[1] - around[1].low)
    interval = Interval(
        max(-_ONE, _WIDE.quantize(value - down, _RATIO_STEP)), min(_ONE, _WIDE.quantize(value + up, _RATIO_STEP))
    )
    return Difference(value, interval, _verdict(interval))


def _closed_net(totals: Totals) -> Decimal:
    return totals.gross_profit - totals.gross_loss + totals.breakeven_net


def _welch(first: tuple[int, Decimal, Decimal], second: tuple[int, Decimal, Decimal], *, step: Decimal) -> Difference:
    """The difference of two means, each of a count, a sum and a sum of squares."""
    if not first[0] or not second[0]:
        return Difference(None, None, Verdict.TOO_FEW)
    value = _WIDE.subtract(_WIDE.divide(first[1], first[0]), _WIDE.divide(second[1], second[0]))
    rounded = _WIDE.quantize(value, step)
    if min(first[0], second[0]) < LEAST:
        return Difference(rounded, None, Verdict.TOO_FEW)
    parts = [_of_mean(*each) for each in (first, second)]
    variance = _WIDE.add(*parts)
    if variance <= 0:
        return Difference(rounded, None, Verdict.TOO_FEW)
    counts = Decimal(first[0] - 1), Decimal(second[0] - 1)
    below = sum((part * part / count for part, count in zip(parts, counts, strict=True)), _ZERO)
    freedom = _WIDE.divide(_WIDE.multiply(variance, variance), below)
    half = _WIDE.multiply(t_95(freedom), _WIDE.sqrt(variance))
    interval = Interval(_WIDE.quantize(_WIDE.subtract(value, half), step), _WIDE.quantize(_WIDE.add(value, half), step))
    return Difference(rounded, interval, _verdict(interval))


def _of_mean(count: int, total: Decimal, squares: Decimal) -> Decimal:
    """The variance of a mean: that of the sample (n - 1) by its size."""
    number = Decimal(count)
    spread = _WIDE.subtract(squares, _WIDE.divide(_WIDE.multiply(total, total), number))
    # Stored squares are rounded: what is left of equal numbers is nothing.
    return max(_ZERO, _WIDE.divide(_WIDE.divide(spread, number - 1), number))


def _verdict(interval: Interval) -> Verdict:
    if interval.low <= 0 <= interval.high:
        return Verdict.UNCLEAR
    return Verdict.HIGHER if interval.low > 0 else Verdict.LOWER


def _hypotenuse(one: Decimal, other: Decimal) -> Decimal:
    return _WIDE.sqrt(_WIDE.fma(one, one, _WIDE.multiply(other, other)))


def t_95(freedom: Decimal) -> Decimal:
    """The number that Student's t exceeds, either way, with a probability of 5 %. Right to 9 digits.

    Source: Abramowitz and Stegun 26.7.8 for many degrees of freedom, 26.5.8 and 26.7.1 for few.
    """
    if freedom >= _MANY:
        return _expanded(freedom)
    return _solved(_WIDE.quantize(freedom, _RATIO_STEP))


def _expanded(freedom: Decimal) -> Decimal:
    z = _Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    found = z
    for power, term in enumerate(terms, start=1):
        found = _WIDE.add(found, _WIDE.divide(term, freedom**power))
    return found


@lru_cache(maxsize=256)
def _solved(freedom: Decimal) -> Decimal:
    """By Newton's method from the expansion, which is below: the probability falls ever more slowly."""
    found = _expanded(freedom)
    half = _WIDE.divide(freedom, _TWO)
    constant = _ln_gamma(half + _HALF) - _ln_gamma(half) - _WIDE.ln(freedom * _PI) / 2
    for _ in range(20):
        density = _WIDE.exp(constant - (half + _HALF) * _WIDE.ln(_ONE + found * found / freedom))
        step = _WIDE.divide(_outside(found, freedom) - _OUTSIDE, _TWO * density)
        found = _WIDE.add(found, step)
        if abs(step) < _RATIO_STEP:
            break
    return found


def _outside(t: Decimal, freedom: Decimal) -> Decimal:
    """How probable it is that |T| exceeds t: the regularised incomplete beta I_x(f/2, 1/2) with x = f / (f + t²)."""
    square = _WIDE.multiply(t, t)
    whole = _WIDE.add(freedom, square)
    x, rest = _WIDE.divide(freedom, whole), _WIDE.divide(square, whole)
    a = _WIDE.multiply(freedom, _HALF)
    front = _WIDE.exp(
        a * _WIDE.ln(x) + _HALF * _WIDE.ln(rest) - (_ln_gamma(a) + _ln_gamma(_HALF) - _ln_gamma(a + _HALF))
    )
    # The fraction converges where x is small; else the complement's does.
    if x < (a + 1) / (a + Decimal("2.5")):
        return front * _fraction(x, a, _HALF) / a
    return _ONE - front * _fraction(rest, _HALF, a) / _HALF


def _fraction(x: Decimal, a: Decimal, b: Decimal) -> Decimal:
    """The continued fraction of the incomplete beta, by Lentz's method."""
    tiny = Decimal("1e-60")
    c, d = _ONE, _ONE / ((_ONE - (a + b) * x / (a + 1)) or tiny)
    found = d
    for m in range(1, 500):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = _ONE / ((_ONE + numerator * d) or tiny)
            c = (_ONE + numerator / c) or tiny
            found *= c * d
        if abs(c * d - 1) < Decimal("1e-24"):
            break
    return found


@lru_cache(maxsize=256)
def _ln_gamma(x: Decimal) -> Decimal:
    """By Stirling's series, once x is large enough for it."""
    shift = _ZERO
    while x < 25:
        shift += _WIDE.ln(x)
        x += 1
    square = x * x
    series = _ZERO
    for divisor in (Decimal(1188), Decimal(-1680), Decimal(1260), Decimal(-360), Decimal(12)):
        series = series / square + _ONE / divisor
    series /= x
    return (x - _HALF) * _WIDE.ln(x) - x + _WIDE.ln(2 * _PI) / 2 + series - shift

"""When trading has gone so badly that no new risk may be taken: the measures, their limits, and which limits hold.

What is measured are the results since a baseline: the beginning, or the last time that somebody reset the breaker.
What is missing or not a number never keeps a limit from being watched: it is left out, and named in `missing`.

Pure: no Django, no clock, no database.

Source: docs/risk.md#the-circuit-breaker
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from trading.order_rules.amounts import ZERO, difference, is_positive, product, share, total

_ONE = Decimal(1)


class Reason(StrEnum):
    """Why a breaker is on."""

    MAX_DRAWDOWN = "max_drawdown"
    MIN_WIN_RATE = "min_win_rate"
    CONSECUTIVE_LOSSES = "consecutive_losses"
    DAILY_LOSS = "daily_loss"
    DAILY_LOSS_RATIO = "daily_loss_ratio"
    MANUAL = "manual"


class Missing(StrEnum):
    """What is not known of an account, and is therefore not part of its measures."""

    CAPITAL = "capital"
    RESULTS = "results"
    OPEN_PNL = "open_pnl"
    TODAY = "today"


class Direction(StrEnum):
    """How a trade ended, where that is told apart from its amount: breakeven is a matter of the instrument's tick."""

    WIN = "win"
    LOSS = "loss"
    BREAKEVEN = "breakeven"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the measures are compared with; None where nobody watches. Ratios are fractions, 0.2 for 20 %.

    Raises ValueError for what is not a number above zero: a limit that nothing can reach would be no limit.
    """

    max_drawdown: Decimal | None = None
    min_win_rate: Decimal | None = None
    win_rate_sample: int = 50
    consecutive_losses: int | None = None
    daily_loss: Decimal | None = None
    daily_loss_ratio: Decimal | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not is_positive(Decimal(value)):
                raise ValueError(f"{each.name} is not a number above zero: {value}")


@dataclass(frozen=True, slots=True)
class Closed:
    """One trade that has ended: when, on which of the account's days, and what it came to after costs.

    `net_pnl` is None where it is not known, such as one in a currency without a rate. Without a `direction` the sign
    of the amount tells.
    """

    at: datetime
    day: date
    net_pnl: Decimal | None
    direction: Direction | None = None

    @property
    def amount(self) -> Decimal | None:
        """What it came to; None where that is no number."""
        return self.net_pnl if self.net_pnl is not None and self.net_pnl.is_finite() else None

    @property
    def outcome(self) -> Direction | None:
        """How it ended; None where nothing tells."""
        if self.direction is not None or self.amount is None:
            return self.direction
        if self.amount == 0:
            return Direction.BREAKEVEN
        return Direction.WIN if self.amount > 0 else Direction.LOSS


@dataclass(frozen=True, slots=True)
class Height:
    """The best that was seen with positions open: when, and what was open then.

    What was realized by then is worked out anew each time, so that a result which is corrected or taken back later
    takes the height with it.
    """

    at: datetime
    open_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """What is known now of what a breaker watches, all in one currency.

    `closed` are the trades that ended since the baseline, in any order. `open_pnl` is what the open ones have realized
    so far and would come to at fresh prices, `unpriced` how many of them have no such price. `realized_today` is what
    the exits of `today` realized, None to take it from `closed`.
    """

    capital: Decimal | None
    today: date
    closed: Sequence[Closed] = ()
    open_pnl: Decimal | None = ZERO
    unpriced: int = 0
    realized_today: Decimal | None = None
    height: Height | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The measures. Undefined is None; what they could not take in is in `missing`.

    `win_rate` is that of the latest trades, as many as the sample; None before there are so many.
    `daily_loss` is zero on a day that made money.
    """

    closed: int
    realized: Decimal
    equity: Decimal | None
    peak: Decimal | None
    drawdown: Decimal | None
    wins: int
    sample: int
    win_rate: Decimal | None
    losing_streak: int
    daily_loss: Decimal
    daily_loss_ratio: Decimal | None
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """How far one limit is from tripping. `used` is 1 at the limit; None where there is nothing to measure yet."""

    reason: Reason
    value: Decimal | None
    limit: Decimal
    used: Decimal | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The measures, every limit that is watched, every reason that holds, and the height to remember."""

    metrics: Metrics
    gauges: tuple[Gauge, ...]
    height: Height | None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All limits that hold, not the first only."""
        return tuple(gauge.reason for gauge in self.gauges if gauge.holds)

    @property
    def nearest(self) -> Decimal | None:
        """How far the limit that is next to trip has been used up."""
        return max((gauge.used for gauge in self.gauges if gauge.used is not None), default=None)


def judge(account: Account, thresholds: Thresholds, *, at: datetime) -> Verdict:
    """What the measures are now and which limits hold.

    A limit holds when it is reached; the win rate when it is below its minimum, which it may be at. Compared are exact
    products, never rounded ratios.
    Source: docs/risk.md#the-circuit-breaker
    """
    closed = sorted(account.closed, key=lambda each: each.at)
    metrics = _measured(account, closed, thresholds)
    gauges = tuple(gauge for gauge in _gauges(account, metrics, thresholds) if gauge is not None)
    return Verdict(metrics, gauges, _height(account, metrics, at))


# --- the measures ----------------------------------------------------------------------------------


def _measured(account: Account, closed: Sequence[Closed], thresholds: Thresholds) -> Metrics:
    capital = _capital(account)
    realized = total(each.amount for each in closed if each.amount is not None)
    equity = peak = drawdown = None
    if capital is not None:
        equity = total((capital, realized, _open(account)))
        peak = _peak(account, capital, closed, equity)
        drawdown = share(_ONE, difference(peak, equity), peak)
    told = [each.outcome for each in closed if each.outcome is not None]
    latest = told[-thresholds.win_rate_sample :]
    wins = latest.count(Direction.WIN)
    enough = len(latest) >= thresholds.win_rate_sample
    loss = max(ZERO, difference(ZERO, _today(account, closed)))
    return Metrics(
        closed=len(closed),
        realized=realized,
        equity=equity,
        peak=peak,
        drawdown=drawdown,
        wins=wins,
        sample=len(latest),
        win_rate=share(_ONE, Decimal(wins), Decimal(len(latest))) if enough else None,
        losing_streak=_streak(told),
        daily_loss=loss,
        daily_loss_ratio=None if capital is None else share(_ONE, loss, capital),
        missing=tuple(_missing(account, closed)),
    )


def _capital(account: Account) -> Decimal | None:
    capital = account.capital
    return capital if capital is not None and is_positive(capital) else None


def _open(account: Account) -> Decimal:
    return account.open_pnl if account.open_pnl is not None and account.open_pnl.is_finite() else ZERO


def _peak(account: Account, capital: Decimal, closed: Sequence[Closed], equity: Decimal) -> Decimal:
    """The highest that capital, what was realized and what was open have been together; at least the capital."""
    height = account.height
    peak, level = max(capital, equity), capital
    at_height = capital
    for each in closed:
        level = total((level, each.amount or ZERO))
        peak = max(peak, level)
        if height is not None and each.at <= height.at:
            at_height = level
    if height is not None and height.open_pnl.is_finite():
        peak = max(peak, total((at_height, height.open_pnl)))
    return peak


def _height(account: Account, metrics: Metrics, at: datetime) -> Height | None:
    """The height to remember: this one, where nothing was higher and something is open, else the one before."""
    if metrics.equity is None or metrics.equity != metrics.peak or _open(account) <= 0:
        return account.height
    return Height(at, _open(account))


def _streak(told: Sequence[Direction]) -> int:
    """Losses in a row up to now; a breakeven trade ends the run as a win does."""
    run = 0
    for outcome in reversed(told):
        if outcome is not Direction.LOSS:
            break
        run += 1
    return run


def _today(account: Account, closed: Sequence[Closed]) -> Decimal:
    stated = account.realized_today
    if stated is not None and stated.is_finite():
        return stated
    return total(each.amount for each in closed if each.day == account.today and each.amount is not None)


def _missing(account: Account, closed: Sequence[Closed]) -> Iterable[Missing]:
    if _capital(account) is None:
        yield Missing.CAPITAL
    if any(each.amount is None for each in closed):
        yield Missing.RESULTS
    if account.unpriced or account.open_pnl is None or not account.open_pnl.is_finite():
        yield Missing.OPEN_PNL
    if account.realized_today is not None and not account.realized_today.is_finite():
        yield Missing.TODAY


# --- the limits, in the order of the document ------------------------------------------------------


def _gauges(account: Account, metrics: Metrics, thresholds: Thresholds) -> Iterable[Gauge | None]:
    capital = _capital(account)
    yield _fall(metrics, thresholds.max_drawdown)
    yield _rate(metrics, thresholds.min_win_rate)
    if thresholds.consecutive_losses is not None:
        limit = Decimal(thresholds.consecutive_losses)
        yield _reached(Reason.CONSECUTIVE_LOSSES, Decimal(metrics.losing_streak), limit)
    if thresholds.daily_loss is not None:
        yield _reached(Reason.DAILY_LOSS, metrics.daily_loss, thresholds.daily_loss)
    if (limit_ratio := thresholds.daily_loss_ratio) is not None:
        holds = capital is not None and metrics.daily_loss >= product(limit_ratio, capital)
        yield _gauge(Reason.DAILY_LOSS_RATIO, metrics.daily_loss_ratio, limit_ratio, holds=holds)


def _fall(metrics: Metrics, limit: Decimal | None) -> Gauge | None:
    if limit is None:
        return None
    holds = False
    if metrics.peak is not None and metrics.equity is not None:
        holds = difference(metrics.peak, metrics.equity) >= product(limit, metrics.peak)
    return _gauge(Reason.MAX_DRAWDOWN, metrics.drawdown, limit, holds=holds)


def _rate(metrics: Metrics, limit: Decimal | None) -> Gauge | None:
    """Used up is the share of trades that may fail to win: at a minimum of 0.4 and a win rate of 0.7, half of 0.6."""
    if limit is None:
        return None
    rate = metrics.win_rate
    holds = rate is not None and Decimal(metrics.wins) < product(limit, Decimal(metrics.sample))
    used = None
    if rate is not None and limit < 1:
        used = share(_ONE, difference(_ONE, rate), difference(_ONE, limit))
    return Gauge(Reason.MIN_WIN_RATE, rate, limit, used, holds)


def _reached(reason: Reason, value: Decimal, limit: Decimal) -> Gauge:
    return _gauge(reason, value, limit, holds=value >= limit)


def _gauge(reason: Reason, value: Decimal | None, limit: Decimal, *, holds: bool) -> Gauge:
    return Gauge(reason, value, limit, None if value is None else share(_ONE, value, limit), holds)

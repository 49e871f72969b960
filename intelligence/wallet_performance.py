"""What copying a wallet came to: figures of its closed positions, in windows, and against what it was before.

Pure. Every formula is defined in docs/copying.md#performance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_MONEY, _RATIO = Decimal("1e-8"), Decimal("1e-12")

#: With fewer closed positions a wallet has no place in a ranking, and nothing is said against its baseline.
SAMPLE = 20
#: A win rate below this part of the baseline's is a red flag.
KEPT_WIN_RATE = Decimal("0.8")
#: So many points of win rate below the baseline, too.
LOST_POINTS = Decimal("0.20")
LONG_LOSING_STREAK, STRUCTURAL_LOSING_STREAK = 5, 15
#: More signals in a day than this are a program's.
BOT_SIGNALS = 100
#: One trade that made more than so many times the total made all of it.
LUCKY_TIMES = 5


class Window(StrEnum):
    """How far back a figure looks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"

    @property
    def length(self) -> timedelta | None:
        """None for everything."""
        return _LENGTHS[self]

    def begins(self, at: datetime) -> datetime | None:
        """What happened then or before is outside: only what came after counts."""
        return None if self.length is None else at - self.length

    def holds(self, moment: datetime, *, at: datetime) -> bool:
        """Whether the moment is within it, seen from `at`; its beginning is not, `at` itself is."""
        begins = self.begins(at)
        return moment <= at and (begins is None or moment > begins)


_LENGTHS = {
    Window.DAY: timedelta(hours=24),
    Window.WEEK: timedelta(days=7),
    Window.MONTH: timedelta(days=30),
    Window.QUARTER: timedelta(days=90),
    Window.ALL: None,
}


@dataclass(frozen=True, slots=True)
class ClosedCopy:
    """A copied position that is over: what it made in money, that as a fraction of what it cost, and when it closed.

    `r` is what it made in multiples of what its plan's stop risked at the entry.
    """

    pnl: Decimal
    pnl_fraction: Decimal
    closed_at: datetime
    r: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of closed positions, in the order in which they closed. None is undefined: no position, or no loss to divide by.

    `win_rate` counts those that made nothing among all; `average_pnl_fraction` is the mean of the positions' own
    fractions, and may be zero or below where the money is not.
    """

    positions: int = 0
    wins: int = 0
    losses: int = 0
    win_rate: Decimal | None = None
    total_pnl: Decimal = _ZERO
    average_pnl_fraction: Decimal | None = None
    average_win: Decimal | None = None
    average_loss: Decimal | None = None
    profit_ratio: Decimal | None = None
    expectancy: Decimal | None = None
    best_pnl: Decimal | None = None
    best_pnl_fraction: Decimal | None = None
    worst_pnl: Decimal | None = None
    worst_pnl_fraction: Decimal | None = None
    win_streak: int = 0
    loss_streak: int = 0
    longest_win_streak: int = 0
    longest_loss_streak: int = 0
    r_count: int = 0
    average_r: Decimal | None = None


def figures(copies: Iterable[ClosedCopy]) -> Figures:
    """Return the figures of these positions; they are put in the order of their closing here."""
    rows = sorted(copies, key=lambda copy: copy.closed_at)
    if not rows:
        return Figures()
    wins = [row.pnl for row in rows if row.pnl > 0]
    losses = [row.pnl for row in rows if row.pnl < 0]
    total = _sum(row.pnl for row in rows)
    average_win, average_loss = _mean(wins), _mean(losses)
    ratio = None
    if average_win is not None and average_loss is not None:
        ratio = _WIDE.divide(average_win, average_loss.copy_abs())
    best, worst = max(rows, key=lambda row: row.pnl), min(rows, key=lambda row: row.pnl)
    streaks = _streaks(rows)
    fraction = _mean([row.pnl_fraction for row in rows])
    measured = [row.r for row in rows if row.r is not None]
    return Figures(
        positions=len(rows),
        wins=len(wins),
        losses=len(losses),
        win_rate=_rounded(_WIDE.divide(Decimal(len(wins)), len(rows)), _RATIO),
        total_pnl=_WIDE.quantize(total, _MONEY),
        average_pnl_fraction=_rounded(fraction, _RATIO),
        average_win=_rounded(average_win, _MONEY),
        average_loss=_rounded(average_loss, _MONEY),
        profit_ratio=_rounded(ratio, _RATIO),
        expectancy=_rounded(_WIDE.divide(total, len(rows)), _MONEY),
        best_pnl=best.pnl,
        best_pnl_fraction=max(row.pnl_fraction for row in rows),
        worst_pnl=worst.pnl,
        worst_pnl_fraction=min(row.pnl_fraction for row in rows),
        win_streak=streaks[0],
        loss_streak=streaks[1],
        longest_win_streak=streaks[2],
        longest_loss_streak=streaks[3],
        r_count=len(measured),
        average_r=_rounded(_mean(measured), _RATIO),
    )


def in_window(copies: Sequence[ClosedCopy], window: Window, *, at: datetime) -> list[ClosedCopy]:
    """Those that closed within the window, seen from `at`."""
    return [copy for copy in copies if window.holds(copy.closed_at, at=at)]


def _streaks(rows: Sequence[ClosedCopy]) -> tuple[int, int, int, int]:
    """Wins and losses in a row up to now, and the longest of each; one that made nothing ends both."""
    won = lost = longest_won = longest_lost = 0
    for row in rows:
        won, lost = (won + 1, 0) if row.pnl > 0 else (0, lost + 1) if row.pnl < 0 else (0, 0)
        longest_won, longest_lost = max(longest_won, won), max(longest_lost, lost)
    return won, lost, longest_won, longest_lost


# ---------------------------------------------------------------- against what it was before


class Flag(StrEnum):
    """What is to be looked at."""

    WIN_RATE = "win_rate_fell"
    AVERAGE_PNL = "average_pnl_fell"
    LOSING_STREAK = "losing_streak"
    STRUCTURAL_LOSSES = "structural_losses"
    LUCKY = "one_lucky_trade"
    BOT = "many_signals"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a wallet was said to be before it was followed; ratios are fractions, None where nobody said."""

    win_rate: Decimal | None = None
    average_pnl_fraction: Decimal | None = None
    trades: int | None = None


def flags(found: Figures, baseline: Baseline, *, signals_of_a_day: int = 0) -> tuple[Flag, ...]:
    """Return what is to be looked at, in this order.

    Win rate: at least SAMPLE positions, and below four fifths of the baseline's or 20 points under it. Mean result: as
    many, and below half of a baseline above zero; of one that was not above zero half means nothing. Streaks need no
    sample: they are their own.
    """
    raised = []
    if found.positions >= SAMPLE:
        if _fell(found.win_rate, baseline.win_rate):
            raised.append(Flag.WIN_RATE)
        actual, before = found.average_pnl_fraction, baseline.average_pnl_fraction
        if actual is not None and before is not None and before > 0 and actual * 2 < before:
            raised.append(Flag.AVERAGE_PNL)
        if found.best_pnl is not None and 0 < found.total_pnl * LUCKY_TIMES < found.best_pnl:
            raised.append(Flag.LUCKY)
    if found.loss_streak >= LONG_LOSING_STREAK:
        raised.append(Flag.LOSING_STREAK)
    if found.longest_loss_streak >= STRUCTURAL_LOSING_STREAK:
        raised.append(Flag.STRUCTURAL_LOSSES)
    if signals_of_a_day > BOT_SIGNALS:
        raised.append(Flag.BOT)
    return tuple(raised)


def _fell(actual: Decimal | None, before: Decimal | None) -> bool:
    if actual is None or before is None:
        return False
    return actual < before * KEPT_WIN_RATE or before - actual >= LOST_POINTS


def is_ranked(found: Figures) -> bool:
    """Whether there are enough positions for a place in a ranking."""
    return found.positions >= SAMPLE


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for value in values:
        total = _WIDE.add(total, value)
    return total


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return _WIDE.divide(_sum(values), len(values)) if values else None


def _rounded(value: Decimal | None, step: Decimal) -> Decimal | None:
    return None if value is None else _WIDE.quantize(value, step)

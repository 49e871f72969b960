"""Sums that merge: what a set of closed trades and exit fills in one currency comes to.

Pure: no Django, no clock, no database. A ratio is never stored here, because ratios do not add up;
`journal.metrics.formulas` derives them when they are read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from operator import attrgetter
from typing import Any, Self

from trading.risk_reward import Outcome

_WIDE = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])
_add = _WIDE.add
_ZERO = Decimal(0)
_R_SQUARE_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A trade that is flat again, as the day it closes counts it.

    `net_pnl` is that of the whole trade, all its exits on whatever day. `holding_seconds` is None where
    a time of the opening or of the closing fill is not known.
    """

    net_pnl: Decimal
    outcome: Outcome
    realized_r: Decimal | None = None
    planned_r: Decimal | None = None
    holding_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """The exit part of one fill, of a trade closed or still open, as the day of that fill counts it."""

    quantity: Decimal
    gross_pnl: Decimal
    net_pnl: Decimal
    broker_pnl: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums in one currency over any set of days and accounts; the order of the parts does not matter.

    trade_count        trades closed in it; the three counts below add up to it
    win_count          of these, winners by `trading.risk_reward.outcome`
    loss_count         of these, losers
    breakeven_count    of these, breakeven
    gross_profit       money >= 0: net P&L of the winners
    gross_loss         money >= 0: magnitude of the net P&L of the losers
    breakeven_net      money: net P&L of the breakeven trades
    net_pnl            money: realized by the exit fills in it, after costs. Differs from `closed_net` where
                       a trade is closed over several days
    gross_pnl          money: the same before costs
    fees               money: gross_pnl - net_pnl, the costs that belong to these exits
    broker_pnl         money: the broker's own net P&L of the exits that state one
    broker_net         money: our net P&L of those same exits; the difference is broker_net - broker_pnl
    broker_count       exits that state one
    net_squares        money squared: sum of squares of the closed trades' net P&L, for deviations
    r_sum              R: sum of realized R over the closed trades that have one
    r_squares          R squared: sum of their squares, each rounded to 12 decimals (halves up)
    r_count            closed trades with a realized R
    r_profit           R >= 0: sum of realized R over the winners that have one
    r_loss             R >= 0: magnitude of the same over the losers
    r_win_count        winners with a realized R
    r_loss_count       losers with a realized R
    planned_r_sum      R: sum of planned R over the closed trades that have one
    planned_r_count    closed trades with a planned R
    holding_seconds    seconds from open to close over the closed trades whose times are both known
    holding_count      those trades
    largest_win        money > 0: largest net P&L of a winner; None without one
    largest_loss       money < 0: lowest net P&L of a loser; None without one
    volume             quantity closed by the exit fills, in units of their instruments
    """

    trade_count: int = 0
    win_count: int = 0
    loss_count: int = 0
    breakeven_count: int = 0
    gross_profit: Decimal = _ZERO
    gross_loss: Decimal = _ZERO
    breakeven_net: Decimal = _ZERO
    net_pnl: Decimal = _ZERO
    gross_pnl: Decimal = _ZERO
    fees: Decimal = _ZERO
    broker_pnl: Decimal = _ZERO
    broker_net: Decimal = _ZERO
    broker_count: int = 0
    net_squares: Decimal = _ZERO
    r_sum: Decimal = _ZERO
    r_squares: Decimal = _ZERO
    r_count: int = 0
    r_profit: Decimal = _ZERO
    r_loss: Decimal = _ZERO
    r_win_count: int = 0
    r_loss_count: int = 0
    planned_r_sum: Decimal = _ZERO
    planned_r_count: int = 0
    holding_seconds: int = 0
    holding_count: int = 0
    largest_win: Decimal | None = None
    largest_loss: Decimal | None = None
    volume: Decimal = _ZERO

    @classmethod
    def zero(cls) -> Self:
        """Return the totals of nothing."""
        return cls()

    @classmethod
    def from_trades(cls, trades: Iterable[ClosedTrade], exits: Iterable[Exit]) -> Self:
        """Return the totals of the trades closed and the exits made in one period.

        The two are different populations: an exit of a trade that is closed later, or never, is in
        `exits` alone.
        """
        return cls.merged([*map(cls.of_trade, trades), *map(cls.of_exit, exits)])

    @classmethod
    def of_trade(cls, trade: ClosedTrade) -> Self:
        """Return the totals of one closed trade without its exits."""
        net, r = trade.net_pnl, trade.realized_r
        is_win, is_loss = trade.outcome == Outcome.WIN, trade.outcome == Outcome.LOSS
        is_timed = trade.holding_seconds is not None
        return cls(
            trade_count=1,
            win_count=int(is_win),
            loss_count=int(is_loss),
            breakeven_count=int(not is_win and not is_loss),
            gross_profit=net if is_win else _ZERO,
            gross_loss=net.copy_negate() if is_loss else _ZERO,
            breakeven_net=_ZERO if is_win or is_loss else net,
            net_squares=_WIDE.multiply(net, net),
            r_sum=_ZERO if r is None else r,
            r_squares=_ZERO if r is None else _r_square(r),
            r_count=int(r is not None),
            r_profit=r if r is not None and is_win else _ZERO,
            r_loss=r.copy_negate() if r is not None and is_loss else _ZERO,
            r_win_count=int(r is not None and is_win),
            r_loss_count=int(r is not None and is_loss),
            planned_r_sum=_ZERO if trade.planned_r is None else trade.planned_r,
            planned_r_count=int(trade.planned_r is not None),
            holding_seconds=trade.holding_seconds or 0,
            holding_count=int(is_timed),
            largest_win=net if is_win else None,
            largest_loss=net if is_loss else None,
        )

    @classmethod
    def of_exit(cls, part: Exit) -> Self:
        """Return the totals of one exit without its trade."""
        is_stated = part.broker_pnl is not None
        return cls(
            net_pnl=part.net_pnl,
            gross_pnl=part.gross_pnl,
            fees=_WIDE.subtract(part.gross_pnl, part.net_pnl),
            broker_pnl=_ZERO if part.broker_pnl is None else part.broker_pnl,
            broker_net=part.net_pnl if is_stated else _ZERO,
            broker_count=int(is_stated),
            volume=part.quantity,
        )

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Return the totals of all the parts, as `+` would one by one, in a single pass per field."""
        rows = [_VALUES(part) for part in parts]
        if not rows:
            return cls()
        columns = zip(*rows, strict=True)
        folded: list[Any] = [fold(column) for fold, column in zip(_FOLDS, columns, strict=True)]
        return cls(*folded)

    def __add__(self, other: Self) -> Self:
        """Return the totals of both."""
        return self.merged((self, other))

    @property
    def closed_net(self) -> Decimal:
        """Net P&L of the closed trades, whole, in money: what the per-trade averages are taken of."""
        return _add(_WIDE.subtract(self.gross_profit, self.gross_loss), self.breakeven_net)

    @property
    def broker_difference(self) -> Decimal | None:
        """Our net P&L minus the broker's, in money, over the exits that state one; None without any."""
        return _WIDE.subtract(self.broker_net, self.broker_pnl) if self.broker_count else None


@dataclass(frozen=True, slots=True)
class Streaks:
    """Runs of wins and of losses in closing order; a breakeven trade ends either.

    `+` joins two adjacent stretches, the earlier on the left. Two accounts over the same days are not
    adjacent: their streaks come from the trades of both in one order.
    Unit: trades. Source: docs/metrics.md#streaks
    """

    trade_count: int = 0
    longest_wins: int = 0
    longest_losses: int = 0
    leading_wins: int = 0
    leading_losses: int = 0
    trailing_wins: int = 0
    trailing_losses: int = 0

    @classmethod
    def from_outcomes(cls, outcomes: Iterable[Outcome | str]) -> Self:
        """Return the streaks of closed trades given in closing order."""
        count = wins = losses = longest_wins = longest_losses = 0
        leading_wins = leading_losses = 0
        for count, outcome in enumerate(outcomes, start=1):
            wins = wins + 1 if outcome == Outcome.WIN else 0
            losses = losses + 1 if outcome == Outcome.LOSS else 0
            longest_wins = max(longest_wins, wins)
            longest_losses = max(longest_losses, losses)
            if wins == count:
                leading_wins = wins
            if losses == count:
                leading_losses = losses
        return cls(count, longest_wins, longest_losses, leading_wins, leading_losses, wins, losses)

    def __add__(self, later: Self) -> Self:
        """Return the streaks of this stretch followed by the later one."""
        return type(self)(
            trade_count=self.trade_count + later.trade_count,
            longest_wins=max(self.longest_wins, later.longest_wins, self.trailing_wins + later.leading_wins),
            longest_losses=max(self.longest_losses, later.longest_losses, self.trailing_losses + later.leading_losses),
            leading_wins=_run(self.leading_wins, self.trade_count, later.leading_wins),
            leading_losses=_run(self.leading_losses, self.trade_count, later.leading_losses),
            trailing_wins=_run(later.trailing_wins, later.trade_count, self.trailing_wins),
            trailing_losses=_run(later.trailing_losses, later.trade_count, self.trailing_losses),
        )


def _run(length: int, stretch: int, beyond: int) -> int:
    """Return a run at one end of a stretch, which goes on beyond it where it fills the stretch."""
    return length + beyond if length == stretch else length


def _r_square(r: Decimal) -> Decimal:
    """Return the square at the stored scale; halves up, as PostgreSQL rounds numerics."""
    return _WIDE.multiply(r, r).quantize(_R_SQUARE_STEP, rounding=ROUND_HALF_UP, context=_WIDE)


def _sum_of(column: tuple[Decimal, ...]) -> Decimal:
    total = _ZERO
    for value in column:
        total = _add(total, value)
    return total


def _highest(column: tuple[Decimal | None, ...]) -> Decimal | None:
    return max((value for value in column if value is not None), default=None)


def _lowest(column: tuple[Decimal | None, ...]) -> Decimal | None:
    return min((value for value in column if value is not None), default=None)


def _fold_of(name: str, default: object) -> Callable[[Any], Any]:
    """Return how the values of one field merge."""
    if name == "largest_win":
        return _highest
    if name == "largest_loss":
        return _lowest
    return sum if isinstance(default, int) else _sum_of


_FOLDS = tuple(_fold_of(field.name, field.default) for field in fields(Totals))
_VALUES = attrgetter(*(field.name for field in fields(Totals)))

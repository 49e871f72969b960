"""What the journal's answers are made of. Amounts are Decimal, undefined is None, ratios are fractions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self

from journal.conversion import Unconverted
from journal.metrics import formulas
from journal.metrics.formulas import Interval, MaxDrawdown
from journal.metrics.totals import Streaks, Totals

_IS_COUNT = tuple(isinstance(column.default, int) for column in fields(Totals))
_PLACE = {column.name: place for place, column in enumerate(fields(Totals))}


@dataclass(frozen=True, slots=True)
class Figures:
    """Totals in one currency, and every metric that follows from them by `journal.metrics.formulas`.

    `currency` is None where nothing could be converted; the totals are then those of nothing. `counts` are the totals
    of all trades, where some of them are in no currency that could be converted: what has no unit of money (counts, R,
    holding time) is of all of them. Ratios of money are of what was converted.
    """

    currency: str | None
    totals: Totals
    counts: Totals | None = None

    @property
    def counted(self) -> Totals:
        """The totals whose counts, R and holding time are meant."""
        return self.totals if self.counts is None else self.counts

    @property
    def trade_count(self) -> int:
        return self.counted.trade_count

    @property
    def net_pnl(self) -> Decimal | None:
        return self.totals.net_pnl if self.currency else None

    @property
    def gross_pnl(self) -> Decimal | None:
        return self.totals.gross_pnl if self.currency else None

    @property
    def fees(self) -> Decimal | None:
        return self.totals.fees if self.currency else None

    @property
    def gross_profit(self) -> Decimal | None:
        return self.totals.gross_profit if self.currency else None

    @property
    def gross_loss(self) -> Decimal | None:
        return self.totals.gross_loss if self.currency else None

    @property
    def win_rate(self) -> Decimal | None:
        return formulas.win_rate(self.counted)

    @property
    def decisive_win_rate(self) -> Decimal | None:
        return formulas.decisive_win_rate(self.counted)

    @property
    def win_rate_interval(self) -> Interval | None:
        return formulas.win_rate_interval(self.counted)

    @property
    def profit_factor(self) -> Decimal | None:
        return formulas.profit_factor(self.totals)

    @property
    def average_win(self) -> Decimal | None:
        return formulas.average_win(self.totals)

    @property
    def average_loss(self) -> Decimal | None:
        return formulas.average_loss(self.totals)

    @property
    def payoff_ratio(self) -> Decimal | None:
        return formulas.payoff_ratio(self.totals)

    @property
    def expectancy(self) -> Decimal | None:
        return formulas.expectancy(self.totals)

    @property
    def expectancy_interval(self) -> Interval | None:
        return formulas.expectancy_interval(self.totals)

    @property
    def standard_deviation(self) -> Decimal | None:
        return formulas.standard_deviation(self.totals)

    @property
    def r_sum(self) -> Decimal | None:
        """The sum of realized R; None where no trade has one."""
        return self.counted.r_sum if self.counted.r_count else None

    @property
    def expectancy_r(self) -> Decimal | None:
        """The average realized R, which document 001 calls averageRR."""
        return formulas.expectancy_r(self.counted)

    @property
    def profit_factor_r(self) -> Decimal | None:
        return formulas.profit_factor_r(self.counted)

    @property
    def average_planned_r(self) -> Decimal | None:
        return formulas.average_planned_r(self.counted)

    @property
    def sqn(self) -> Decimal | None:
        return formulas.sqn(self.counted)

    @property
    def kelly(self) -> Decimal | None:
        return formulas.kelly(self.totals)

    @property
    def average_holding_seconds(self) -> Decimal | None:
        return formulas.average_holding_seconds(self.counted)

    @property
    def broker_difference(self) -> Decimal | None:
        return self.totals.broker_difference

    @classmethod
    def of(cls, values: Sequence[Any], *, counts: Sequence[Any] | None = None) -> Self:
        """The figures that were kept as a currency followed by the values of `day_rows.sums`."""
        return cls(values[0], totals_of(values[1:]), None if counts is None else totals_of(counts))


def totals_of(values: Sequence[Any]) -> Totals:
    """Totals kept as JSON in the order of their fields; sums of nothing, which SQL gives as NULL, are zero."""
    kept = list(values)
    for place, is_count in enumerate(_IS_COUNT):
        value = kept[place]
        if is_count:
            kept[place] = value or 0
        elif value is not None:
            kept[place] = Decimal(value)
        elif place not in _MAY_LACK:
            kept[place] = Decimal(0)
    return Totals(*kept)


_MAY_LACK = {place for place, column in enumerate(fields(Totals)) if column.default is None}


class AccountFigures(NamedTuple):
    """One account in an answer about many.

    `pnl` is in `currency`: that of its trades, or the answer's where they have several; None where that cannot be
    converted. `converted_pnl` is the same in the currency of the answer, None without a rate.
    """

    id: str
    name: str
    broker: str
    currency: str
    trade_count: int
    win_count: int
    pnl: Decimal | None
    converted_pnl: Decimal | None
    has_traded: bool

    @property
    def win_rate(self) -> Decimal | None:
        return win_rate_of(self.win_count, self.trade_count)

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """The account that was kept as JSON."""
        *head, pnl, converted, has_traded = values
        same = pnl if pnl is None else Decimal(pnl)
        other = same if converted == pnl else None if converted is None else Decimal(converted)
        return cls._make((*head, same, other, has_traded))


@lru_cache(maxsize=8192)
def win_rate_of(win_count: int, trade_count: int) -> Decimal | None:
    """`formulas.win_rate` of these counts."""
    return formulas.win_rate(Totals(win_count=win_count, trade_count=trade_count))


class CurvePoint(NamedTuple):
    """The end of one trading day: money made on it, since the start, and how far that is below its peak."""

    date: date
    pnl: Decimal
    cumulative_pnl: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """An equity curve in one currency, by trading day, thinned to what a chart can show.

    Where days were thinned out, `pnl` is still that of its own day. `text` is how it is kept: a point per line
    with its four values. A person with 1,000 accounts has 200,000 points, which nobody may ever look at.
    """

    currency: str | None
    text: str

    @property
    def rows(self) -> list[list[str]]:
        """Date, P&L of the day, cumulative P&L and drawdown of each point, as text."""
        return [line.split(" ") for line in self.text.splitlines()]

    @property
    def points(self) -> list[CurvePoint]:
        return [
            CurvePoint(date.fromisoformat(day), Decimal(pnl), Decimal(cumulative), Decimal(drawdown))
            for day, pnl, cumulative, drawdown in self.rows
        ]


@dataclass(frozen=True, slots=True)
class AccountCurve:
    """The curve of one account in one of its currencies."""

    id: str
    name: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class Answer:
    """What every answer says of itself: the person's version that it holds at least, and what it lacks.

    `missing_days` account-days were not computed yet where `stale` is true.
    """

    as_of: int
    stale: bool
    missing_days: int


@dataclass(frozen=True, slots=True)
class EquityCurve(Answer):
    """The curve of all that the filter lets through, and of each account where that was asked for."""

    combined: Curve
    by_account: Sequence[AccountCurve] | None
    unconverted: tuple[Unconverted, ...]


class AccountsPart(NamedTuple):
    """The accounts in scope as they are kept: all by name, the best and the worst, and how many each broker has."""

    rows: Sequence[Sequence[Any]]
    best: Sequence[Any] | None
    worst: Sequence[Any] | None
    brokers: dict[str, int]


@dataclass(frozen=True, slots=True)
class WithoutBalance:
    """The accounts in scope that have no starting balance: how many, and the first few by id and name."""

    count: int = 0
    first: tuple[tuple[str, str], ...] = ()

    @classmethod
    def kept(cls, named: Sequence[tuple[str, str]]) -> list[Any]:
        """As an answer keeps it."""
        return [len(named), [list(pair) for pair in named[:_FEW_NAMED]]]

    @classmethod
    def of(cls, kept: Sequence[Any] | None) -> "WithoutBalance":
        return cls(kept[0], tuple((key, name) for key, name in kept[1])) if kept else cls()


#: Accounts that are named before the rest is counted.
_FEW_NAMED = 3
NONE_LACKS_A_BALANCE = WithoutBalance()


@dataclass(frozen=True, slots=True)
class AggregateMetrics(Answer):
    """Everything about the trades that a filter lets through.

    `figures` are in the reporting currency, or in `figures.currency` where all money is in that one and is not
    converted; what has no rate is in `unconverted` and not in them. `counts` holds what has no currency (counts, R,
    holding time) over all of them. Streaks are of days. Drawdown, Sharpe and Sortino are of the daily series; their
    ratios need a starting balance of every account in scope.
    """

    reporting_currency: str
    figures: Figures
    counts: Totals
    by_currency: tuple[Figures, ...]
    unconverted: tuple[Unconverted, ...]
    trading_days: int
    day_streaks: Streaks
    best_day: tuple[date, Decimal] | None
    worst_day: tuple[date, Decimal] | None
    max_drawdown: MaxDrawdown | None
    sharpe: Decimal | None
    sortino: Decimal | None
    starting_equity: Decimal | None
    #: Looked for when asked: of a few properties of trades it takes all of them.
    by_account: Callable[[], AccountsPart] = field(compare=False)
    without_balance: WithoutBalance = NONE_LACKS_A_BALANCE

    @property
    def account_rows(self) -> Sequence[Sequence[Any]]:
        return self.by_account().rows

    @property
    def best_account(self) -> AccountFigures | None:
        best = self.by_account().best
        return AccountFigures.of(best) if best else None

    @property
    def worst_account(self) -> AccountFigures | None:
        worst = self.by_account().worst
        return AccountFigures.of(worst) if worst else None

    @property
    def accounts_by_broker(self) -> dict[str, int]:
        return self.by_account().brokers

    @property
    def accounts(self) -> list[AccountFigures]:
        """Every account in scope, traded or not, by name."""
        return [AccountFigures.of(row) for row in self.account_rows]

    @property
    def total_accounts(self) -> int:
        return len(self.account_rows)

    @property
    def win_rate(self) -> Decimal | None:
        return formulas.win_rate(self.counts)

    @property
    def decisive_win_rate(self) -> Decimal | None:
        return formulas.decisive_win_rate(self.counts)

    @property
    def expectancy_r(self) -> Decimal | None:
        return formulas.expectancy_r(self.counts)

    @property
    def average_planned_r(self) -> Decimal | None:
        return formulas.average_planned_r(self.counts)

    @property
    def average_holding_seconds(self) -> Decimal | None:
        return formulas.average_holding_seconds(self.counts)


@dataclass(frozen=True, slots=True)
class ComparedAccount:
    """One account beside others, in one currency: that of its trades, or the comparison's."""

    id: str
    name: str
    broker: str
    figures: Figures
    max_drawdown: MaxDrawdown | None
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Comparison(Answer):
    """Accounts side by side, in the order asked for."""

    accounts: tuple[ComparedAccount, ...]


@dataclass(frozen=True, slots=True)
class TradeStreaks(Answer):
    """Runs of winning and of losing trades, in the order in which they closed, over all accounts in scope."""

    streaks: Streaks


class CalendarDay(NamedTuple):
    """What one trading day made."""

    date: date
    pnl: Decimal
    trade_count: int
    win_count: int
    loss_count: int


@dataclass(frozen=True, slots=True)
class Calendar(Answer):
    """The trading days of a range with their sums. Days without an exit are not in it.

    `in_r` has the sum of realized R of the days on which a trade with an R closed; R has no currency.
    """

    currency: str | None
    days: tuple[CalendarDay, ...]
    net_pnl: Decimal
    trade_count: int
    unconverted: tuple[Unconverted, ...]
    in_r: Mapping[date, Decimal]


@dataclass(frozen=True)
class BreakdownRow:
    """One group of a breakdown: `key` finds it again, `label` is how people read it.

    `sums` are its totals as they are kept, in `currency`, and `counts` those of all its trades, where some have no
    money in it. A thousand rows are worked out where they are asked for their figures, which is rarely all of them.
    """

    key: str
    label: str
    currency: str | None
    sums: Sequence[Any]
    counts: Sequence[Any] | None = None

    @cached_property
    def figures(self) -> Figures:
        return Figures.of([self.currency, *self.sums], counts=self.counts)

    @property
    def trade_count(self) -> int:
        """As `figures` has it."""
        return self._counted[_PLACE["trade_count"]] or 0

    @property
    def r_count(self) -> int:
        """The trades with a realized R."""
        return self._counted[_PLACE["r_count"]] or 0

    @property
    def net_pnl(self) -> Decimal | None:
        """What was made in `currency`; None where that is none."""
        return Decimal(self.sums[_PLACE["net_pnl"]] or 0) if self.currency else None

    @property
    def r_sum(self) -> Decimal | None:
        """The sum of realized R; None where no trade has one."""
        return Decimal(self._counted[_PLACE["r_sum"]] or 0) if self.r_count else None

    @property
    def _counted(self) -> Sequence[Any]:
        return self.sums if self.counts is None else self.counts


@dataclass(frozen=True)
class Breakdown(Answer):
    """Trades grouped by one property. A trade with several tags is in several rows."""

    by: str
    currency: str | None
    row_count: int
    #: Called when they are asked for: a page that is kept needs none of a thousand.
    make_rows: Callable[[], Sequence[BreakdownRow]] = field(compare=False)
    unconverted: tuple[Unconverted, ...]

    @cached_property
    def rows(self) -> Sequence[BreakdownRow]:
        return self.make_rows()


@dataclass(frozen=True, slots=True)
class AccountStats(Answer):
    """Of one account: trades closed, P&L realized, and the last day with an exit.

    `total_pnl` is in `currency`; None where the account traded in several that cannot be converted into its own.
    """

    trade_count: int
    total_pnl: Decimal | None
    currency: str
    last_trade_date: date | None

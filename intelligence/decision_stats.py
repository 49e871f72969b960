"""What decisions came to, by symbol, strategy, action or actor: counted over those that have ended.

Source: docs/memory.md#statistics
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from intelligence.models import Decision, DecisionOutcome
from journal.metrics import formulas
from journal.metrics.formulas import Interval
from journal.metrics.totals import ClosedTrade, Totals
from trading.risk_reward import Outcome

#: Under so many ends a share says nothing.
FEW = 10
BY = ("symbol", "strategy", "action", "actor")
_RATIO_STEP = Decimal("1e-12")
_MONEY_STEP = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Money:
    """The results of a group in one currency, after costs: `profit_factor` None where nothing was lost."""

    currency: str
    count: int
    total: Decimal
    average: Decimal
    profit_factor: Decimal | None
    expectancy: Decimal | None
    best: Decimal
    worst: Decimal


@dataclass(frozen=True, slots=True)
class Group:
    """One group. All but `count` is of those that have ended; percentages are means of fractions."""

    key: str
    count: int
    resolved: int
    wins: int
    losses: int
    breakeven: int
    win_rate: Decimal | None
    interval: Interval | None
    average_pct: Decimal | None
    best_pct: Decimal | None
    worst_pct: Decimal | None
    average_r: Decimal | None
    r_count: int
    money: tuple[Money, ...]

    @property
    def is_few(self) -> bool:
        """Whether a share of them says nothing."""
        return self.resolved < FEW

    @property
    def only(self) -> Money | None:
        """Its money where all of it is of one currency."""
        return self.money[0] if len(self.money) == 1 else None


@dataclass(frozen=True, slots=True)
class _Ended:
    outcome: str
    pct: Decimal | None
    amount: Decimal | None
    currency: str
    r: Decimal | None


def of(decisions: QuerySet[Decision], *, by: str) -> list[Group]:
    """What these decisions came to in groups, the largest first. One about several symbols counts for each."""
    assert by in BY
    ends = _ends(decisions)
    keys: defaultdict[str, list[int]] = defaultdict(list)
    for key, decision in _keys(decisions, by):
        keys[key].append(decision)
    groups = [_group(key, found, ends) for key, found in keys.items()]
    return sorted(groups, key=lambda group: (-group.resolved, -group.count, group.key))


def overall(decisions: QuerySet[Decision]) -> Group:
    """What all of these decisions came to."""
    return _group("", list(decisions.values_list("pk", flat=True)), _ends(decisions))


def _keys(decisions: QuerySet[Decision], by: str) -> Iterable[tuple[str, int]]:
    if by == "symbol":
        rows = decisions.order_by().values_list("named__instrument__symbol", "pk").distinct()
        return [(symbol or "", key) for symbol, key in rows]
    if by == "actor":
        found = decisions.order_by().values_list("actor_kind", "actor", "pk")
        return [(name or kind, key) for kind, name, key in found]
    return list(decisions.order_by().values_list(by, "pk"))


def _ends(decisions: QuerySet[Decision]) -> dict[int, _Ended]:
    rows = DecisionOutcome.objects.filter(decision__in=decisions.order_by().values("pk"))
    columns = ("decision_id", "outcome", "result_pct", "result_amount", "currency", "r_multiple")
    return {key: _Ended(*values) for key, *values in rows.values_list(*columns)}


def _group(key: str, decisions: list[int], ends: Mapping[int, _Ended]) -> Group:
    resolved = [ends[each] for each in decisions if each in ends]
    totals = Totals.merged(_closed(each) for each in resolved)
    percentages = [each.pct for each in resolved if each.pct is not None]
    by_currency: defaultdict[str, list[_Ended]] = defaultdict(list)
    for each in resolved:
        if each.amount is not None:
            by_currency[each.currency].append(each)
    return Group(
        key=key,
        count=len(decisions),
        resolved=totals.trade_count,
        wins=totals.win_count,
        losses=totals.loss_count,
        breakeven=totals.breakeven_count,
        win_rate=formulas.win_rate(totals),
        interval=formulas.win_rate_interval(totals),
        average_pct=_mean(percentages, _RATIO_STEP),
        best_pct=max(percentages, default=None),
        worst_pct=min(percentages, default=None),
        average_r=formulas.expectancy_r(totals),
        r_count=totals.r_count,
        money=tuple(_money(currency, found) for currency, found in sorted(by_currency.items())),
    )


def _money(currency: str, found: list[_Ended]) -> Money:
    totals = Totals.merged(_closed(each) for each in found)
    amounts = [each.amount for each in found if each.amount is not None]
    total = sum(amounts, Decimal(0))
    return Money(
        currency=currency,
        count=len(amounts),
        total=total,
        average=(total / len(amounts)).quantize(_MONEY_STEP),
        profit_factor=formulas.profit_factor(totals),
        expectancy=formulas.expectancy(totals),
        best=max(amounts),
        worst=min(amounts),
    )


def _closed(each: _Ended) -> Totals:
    """The decision as the journal counts a closed trade."""
    return Totals.of_trade(
        ClosedTrade(net_pnl=each.amount or Decimal(0), outcome=Outcome(each.outcome), realized_r=each.r)
    )


def _mean(values: list[Decimal], step: Decimal) -> Decimal | None:
    return (sum(values, Decimal(0)) / len(values)).quantize(step) if values else None

"""Trades as lists show them: each with the part of its P&L that belongs to the days in question."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Sum

from journal import chosen_trades
from journal.filters import MetricsFilter
from trading.models import FillRole, Tag, Trade, TradeFill


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A trade in a list. `net_pnl` is what it realized on the days in question; None where it realized nothing yet.

    `tags` are filled in where they are shown.
    """

    trade: Trade
    net_pnl: Decimal | None
    is_part: bool
    tags: tuple[Tag, ...] = ()


def rows_of(trades: Iterable[Trade], wanted: MetricsFilter) -> list[TradeRow]:
    """The trades with what each realized on the filter's days; these are what calendar and sums are made of."""
    found = list(trades)
    if not wanted.is_by_day:
        return [TradeRow(each, None if each.first_exit_on is None else each.net_pnl, is_part=False) for each in found]
    exits = TradeFill.objects.filter(trade__in=found, role=FillRole.EXIT).filter(chosen_trades.on_days(wanted))
    sums = dict(exits.order_by().values_list("trade").annotate(Sum("net_pnl")))
    return [TradeRow(each, sums.get(each.pk), is_part=sums.get(each.pk) != each.net_pnl) for each in found]


def with_tags(rows: Sequence[TradeRow]) -> list[TradeRow]:
    """The same rows with their trades' tags, by name: one query, and none of a row's own."""
    links = Trade.tags.through.objects.filter(trade__in=[row.trade.pk for row in rows])
    found: dict[int, list[Tag]] = defaultdict(list)
    for link in links.select_related("tag__group").order_by("tag__name", "tag_id"):
        found[link.trade_id].append(link.tag)
    return [replace(row, tags=tuple(found[row.trade.pk])) for row in rows]

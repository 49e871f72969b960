"""Trades as lines of CSV, one by one, so that a million of them need no more memory than one."""

from collections.abc import Iterator
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, OuterRef, Subquery, Sum, When
from django.db.models.query import QuerySet

from accounts import table_export
from journal import chosen_trades
from journal.filters import MetricsFilter
from trading.models import FillRole, Trade, TradeFill

CHUNK = 1000
#: Heading of the column and where in the row of the query it is found.
_COLUMNS = {
    "account": "account__name",
    "broker": "account__broker",
    "symbol": "instrument__symbol",
    "side": "side",
    "status": "status",
    "currency": "currency",
    "quantity": "quantity",
    "entry_price": "entry_price",
    "exit_price": "exit_price",
    "opened_at": "opened_at",
    "closed_at": "closed_at",
    "opened_on": "opened_on",
    "closed_on": "closed_on",
    "gross_pnl": "gross_pnl",
    "fees": "fees",
    "net_pnl": "net_pnl",
    "realized_pnl": "realized",
    "broker_pnl": "broker_pnl",
    "initial_stop": "initial_stop",
    "initial_target": "initial_target",
    "planned_r": "planned_r",
    "realized_r": "realized_r",
    "outcome": "outcome",
    "mae": "mae",
    "mfe": "mfe",
    "rating": "rating",
    "reviewed_at": "reviewed_at",
    "tags": "tag_names",
    "note": "note",
}
HEADINGS = tuple(_COLUMNS)


def lines(trades: "QuerySet[Trade]", *, wanted: MetricsFilter) -> Iterator[str]:
    """The heading and a line for each trade, oldest first, as one moment of the database has them.

    `realized_pnl` is what the trade realized on the filter's days, which is what lists and sums are made of; empty
    where it realized nothing yet. Times are UTC. Text that a spreadsheet would take for a formula begins with an
    apostrophe.
    """
    # One query: parts of the answer that were asked for one after another would not agree with each other.
    rows = (
        trades.annotate(realized=_realized(wanted), tag_names=_tag_names())
        .order_by("activity_at", "id")
        .values_list(*_COLUMNS.values())
    )
    return table_export.lines(HEADINGS, rows.iterator(chunk_size=CHUNK))


def _realized(wanted: MetricsFilter) -> Any:
    if not wanted.is_by_day:
        return Case(When(first_exit_on__isnull=False, then=F("net_pnl")), default=None)
    exits = TradeFill.objects.filter(trade=OuterRef("pk"), role=FillRole.EXIT).filter(chosen_trades.on_days(wanted))
    return Subquery(exits.order_by().values("trade").annotate(realized=Sum("net_pnl")).values("realized"))


def _tag_names() -> Any:
    links = Trade.tags.through.objects.filter(trade=OuterRef("pk"))
    return ArraySubquery(links.order_by("tag__name", "tag_id").values("tag__name"))

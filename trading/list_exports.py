"""The lists of the desk and of what happened as files: all rows that a page's filters let through."""

from datetime import datetime
from typing import Any

import orjson
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from accounts import table_export
from accounts.models import ActivityEntry, AuditEvent
from accounts.table_export import Columns
from trading import open_positions, plan_lists, session_figures
from trading.models import ImportBatch, ManagedPosition, OrderQuerySet, Position, TradingSession


def _found(name: str) -> Any:
    """What an import did, or would do."""
    return lambda batch: (batch.result or batch.preview).get(name)


def _json(value: Any) -> str | None:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode() if value else None


_IMPORTS: Columns = {
    "id": "public_id",
    "file": "filename",
    "status": "status",
    "format": _found("label"),
    "new": _found("new"),
    "duplicates": _found("duplicates"),
    "skipped": _found("skipped_count"),
    "size": "size",
    "error": "error_message",
    "created_at": "created_at",
    "finished_at": "finished_at",
    "undone_at": "undone_at",
}
_ACTIVITY: Columns = {
    "occurred_at": "occurred_at",
    "kind": "kind",
    "text": "text",
    "account": lambda entry: entry.account and entry.account.name,
    "link": "link",
    "details": lambda entry: _json(entry.metadata),
}
_AUDIT: Columns = {
    "occurred_at": "occurred_at",
    "event": "event",
    "subject": "subject",
    "subject_id": "subject_id",
    "actor": "actor_email",
    "address": "address",
    "request_id": "request_id",
    "before": lambda event: _json(event.before),
    "after": lambda event: _json(event.after),
}
_ORDERS: Columns = {
    "id": "public_id",
    "client_order_id": "client_order_id",
    "account": "account.name",
    "symbol": "instrument.symbol",
    "side": "side",
    "position_intent": "position_intent",
    "purpose": "purpose",
    "type": "type",
    "order_class": "order_class",
    "time_in_force": "time_in_force",
    "quantity": "quantity",
    "notional": "notional",
    "limit_price": "limit_price",
    "stop_price": "stop_price",
    "trail_price": "trail_price",
    "trail_ratio": "trail_ratio",
    "currency": "instrument.currency",
    "status": "status",
    "filled_quantity": "filled_quantity",
    "remaining_quantity": "remaining_quantity",
    "filled_average_price": "filled_average_price",
    "reserved_amount": "reserved_amount",
    "reserved_units": "reserved_units",
    "strategy": "strategy",
    "source": "source",
    "created_at": "created_at",
    "filled_at": "filled_at",
    "canceled_at": "canceled_at",
    "parent": lambda order: order.parent and order.parent.public_id,
    "replaces": lambda order: order.replaces and order.replaces.public_id,
}
_POSITIONS: Columns = {
    "symbol": "position.instrument.symbol",
    "account": "position.account.name",
    "quantity": "position.quantity",
    "average_price": "position.average_price",
    "price": lambda standing: standing.mark and standing.mark.price,
    "currency": "position.trade.currency",
    "cost": "cost",
    "unrealized": "unrealized",
    "unrealized_ratio": "ratio",
    "realized": "realized",
    "opened_on": "position.opened_on",
    "trade": "position.trade.public_id",
}
_PLANS: Columns = {
    "id": "managed.public_id",
    "symbol": "managed.instrument.symbol",
    "account": "managed.account.name",
    "side": "managed.side",
    "status": "managed.status",
    "reason": "managed.reason",
    "strategy": lambda plan: plan.managed.strategy and plan.managed.strategy.name,
    "entered_at": "managed.entered_at",
    "entry_price": "managed.entry_price",
    "entry_quantity": "managed.entry_quantity",
    "remaining": "managed.remaining",
    "price": "price",
    "stop": lambda plan: plan.standing.stop and plan.standing.stop.line,
    "next_level": lambda plan: plan.standing.next_level and plan.standing.next_level.line,
    "currency": "managed.currency",
    "realized": "result.realized",
    "unrealized": "result.unrealized",
    "closed_at": "managed.closed_at",
}
_SESSIONS: Columns = {
    "id": "session.public_id",
    "account": "session.account.name",
    "name": "session.name",
    "strategy": "session.strategy",
    "note": "session.note",
    "started_at": "session.started_at",
    "ended_at": "session.ended_at",
    "orders": "figures.orders",
    "fills": "figures.fills",
    "trades": "figures.trades",
    "wins": "figures.wins",
    "losses": "figures.losses",
    "win_rate": "figures.win_rate",
    "currency": "session.currency",
    "net_pnl": "figures.pnl",
    "starting_equity": "session.starting_equity",
    "ending_equity": "session.ending_equity",
}


def imports(rows: "QuerySet[ImportBatch]") -> StreamingHttpResponse:
    """Files that were taken in, the latest first."""
    return table_export.of("imports.csv", _IMPORTS, table_export.one_by_one(rows.order_by("-id")))


def activity(rows: "QuerySet[ActivityEntry]") -> StreamingHttpResponse:
    """What happened, the latest first."""
    return table_export.of("activity.csv", _ACTIVITY, table_export.one_by_one(rows.order_by("-id")))


def audit(rows: "QuerySet[AuditEvent]") -> StreamingHttpResponse:
    """Who changed what, the latest first; no actor is the system itself."""
    return table_export.of("audit.csv", _AUDIT, table_export.one_by_one(rows.order_by("-id")))


def orders(rows: OrderQuerySet) -> StreamingHttpResponse:
    """Orders, the latest first; their account, instrument, parent and what they replace have been joined."""
    return table_export.of("orders.csv", _ORDERS, table_export.one_by_one(rows.order_by("-created_at", "-id")))


def positions(rows: "QuerySet[Position]", *, now: datetime) -> StreamingHttpResponse:
    """What is held, the latest first, at the price that would close it now."""
    held = table_export.one_by_one(rows.order_by("-opened_on", "-pk"))
    standings = (open_positions.standing_of(row, now=now) for row in held)
    return table_export.of("positions.csv", _POSITIONS, standings)


def plans(rows: "QuerySet[ManagedPosition]") -> StreamingHttpResponse:
    """Exit plans, the latest first, where each stands now."""
    found = (plan for some in table_export.batches(rows.order_by("-id")) for plan in plan_lists.shown(some))
    return table_export.of("plans.csv", _PLANS, found)


def sessions(rows: "QuerySet[TradingSession]", *, now: datetime) -> StreamingHttpResponse:
    """Sessions, the latest first, those that go on among them, with what was traded in each."""
    batches = table_export.batches(rows.order_by("-id"))
    return table_export.of(
        "sessions.csv", _SESSIONS, (each for some in batches for each in session_figures.shown(some, now=now))
    )

"""The lists of wallets, signals, tokens and decisions as files: all rows that a page's filters let through."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from accounts import table_export
from accounts.table_export import Columns
from intelligence import signal_lists, wallet_lists
from intelligence.models import Decision, Signal, Token, Wallet
from intelligence.neighbours import Neighbour, symbols_of
from intelligence.performance_lists import Ranked


def _ends(of: str, *more: str) -> Columns:
    """How a decision or a neighbour ended, which its attribute of this name says; None where it has not."""

    def said(name: str) -> Callable[[Any], object]:
        return lambda row: getattr(getattr(row, of, None), name, None)

    return {name: said(name) for name in ("outcome", "result_pct", "result_amount", "currency", "r_multiple", *more)}


_WALLETS: Columns = {
    "id": "wallet.public_id",
    "address": "wallet.address",
    "label": "wallet.label",
    "mode": "wallet.mode",
    "is_active": "wallet.is_active",
    "health": "health.value",
    "signals_24h": "signals_day",
    "signals_30d": "signals_month",
    "last_signal_at": "wallet.last_signal_at",
    "exit_strategy": "wallet.exit_strategy.name",
    "archived_at": "wallet.archived_at",
}
_SIGNALS: Columns = {
    "id": "signal.public_id",
    "received_at": "signal.received_at",
    "occurred_at": "signal.occurred_at",
    "wallet": "signal.wallet_address",
    "wallet_label": lambda row: row.signal.wallet and row.signal.wallet.label,
    "type": "signal.type",
    "action": "signal.action",
    "token": "signal.token_address",
    "token_symbol": lambda row: row.token and row.token.symbol,
    "amount": "signal.amount",
    "price_usd": "signal.price",
    "value_usd": "signal.value",
    "verdict": lambda row: row.outcome.verdict if row.outcome else signal_lists.WAITING,
    "action_taken": lambda row: row.outcome and row.outcome.action_taken,
    "reason": lambda row: row.outcome and row.outcome.reason,
    "transaction": "signal.transaction_id",
}
_TOKENS: Columns = {
    "id": "public_id",
    "address": "address",
    "symbol": "symbol",
    "name": "name",
    "price_usd": "price",
    "liquidity_usd": "liquidity",
    "top_holders": "top_holders",
    "contract_score": "contract_score",
    "is_blacklisted": "is_blacklisted",
    "born_at": "born_at",
    "attempted_at": "attempted_at",
}
_DECISIONS: Columns = {
    "id": "public_id",
    "decided_at": "decided_at",
    "action": "action",
    "symbols": lambda decision: list(symbols_of(decision)),
    "intent": "intent",
    "strategy": "strategy",
    "reasoning": "reasoning",
    "market_context": "market_context",
    "reflection": "reflection",
    "confidence": "confidence",
    "entry_price": "entry_price",
    "quantity": "quantity",
    "stop_loss": "stop_loss",
    "take_profit": "take_profit",
    "actor_kind": "actor_kind",
    "actor": "actor",
    "account": lambda decision: decision.account and decision.account.name,
    **_ends("outcome", "resolved_at"),
}
_NEIGHBOURS: Columns = {
    "id": "id",
    "kind": "kind",
    "similarity": "hit.similarity",
    "at": "at",
    "action": "action",
    "symbols": lambda row: list(row.symbols),
    "strategy": "strategy",
    "actor": "actor",
    "title": "title",
    "text": "text",
    "added": "added",
    **_ends("ended", "holding_seconds"),
}
_PERFORMANCE: Columns = {
    "place": "rank",
    "wallet": "wallet.address",
    "wallet_label": "wallet.label",
    "mode": "row.mode",
    "window": "row.window",
    "positions": "row.positions",
    "win_rate": "row.win_rate",
    "baseline_win_rate": "wallet.baseline_win_rate",
    "total_pnl_usd": "row.total_pnl",
    "average_pnl_fraction": "row.average_pnl_fraction",
    "baseline_average_pnl": "wallet.baseline_average_pnl",
    "average_r": "row.average_r",
    "profit_ratio": "row.profit_ratio",
    "expectancy_usd": "row.expectancy",
    "signals": "row.signals",
    "copy_rate": "copy_rate",
    "calculated_at": "row.calculated_at",
}


def wallets(rows: "QuerySet[Wallet]", *, at: datetime) -> StreamingHttpResponse:
    """Wallets, the latest first."""
    found = (row for some in table_export.batches(rows.order_by("-id")) for row in wallet_lists.shown(some, at=at))
    return table_export.of("wallets.csv", _WALLETS, found)


def signals(rows: "QuerySet[Signal]") -> StreamingHttpResponse:
    """Signals, the latest first, with what was made of each."""
    found = (row for some in table_export.batches(rows.order_by("-id")) for row in signal_lists.shown(some))
    return table_export.of("signals.csv", _SIGNALS, found)


def tokens(rows: "QuerySet[Token]") -> StreamingHttpResponse:
    """Tokens, the latest first."""
    return table_export.of("tokens.csv", _TOKENS, table_export.one_by_one(rows.order_by("-id")))


def decisions(rows: "QuerySet[Decision]") -> StreamingHttpResponse:
    """Decisions, the latest first, with how each ended; what a row of the list shows has been asked for."""
    return table_export.of("decisions.csv", _DECISIONS, table_export.one_by_one(rows.order_by("-decided_at", "-id")))


def found(rows: Iterable[Neighbour]) -> StreamingHttpResponse:
    """What a search found, the nearest first, with how each ended."""
    return table_export.of("memory.csv", _NEIGHBOURS, rows)


def performance(rows: Iterable[Ranked]) -> StreamingHttpResponse:
    """The ranking of wallets as it stands."""
    return table_export.of("wallet-performance.csv", _PERFORMANCE, rows)

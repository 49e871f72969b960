"""Decisions and neighbours as the API shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts import decimals
from intelligence.decision_stats import Group, Money
from intelligence.models import Decision, DecisionOutcome, DecisionRevision
from intelligence.neighbours import Aggregate, Ended, Neighbour, Shown, symbols_of
from intelligence.search import Found

Json = dict[str, Any]


def number(value: Decimal | None) -> str | None:
    """A decimal as a string of plain digits."""
    return None if value is None else decimals.plain(value)


def instant(value: datetime | None) -> str | None:
    """A time in UTC, as text already: what is kept for an idempotency key is then the very answer."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def decision_json(decision: Decision) -> Json:
    """A decision as `DecisionSerializer` describes it; all that it points to is loaded."""
    outcome = getattr(decision, "outcome", None)
    return {
        "id": str(decision.public_id),
        "action": decision.action,
        "intent": decision.intent,
        "strategy": decision.strategy,
        "symbols": list(symbols_of(decision)),
        "reasoning": decision.reasoning,
        "market_context": decision.market_context,
        "reflection": decision.reflection,
        "actor_kind": decision.actor_kind,
        "actor": decision.actor,
        "confidence": number(decision.confidence),
        "entry_price": number(decision.entry_price),
        "quantity": number(decision.quantity),
        "stop_loss": number(decision.stop_loss),
        "take_profit": number(decision.take_profit),
        "decided_at": instant(decision.decided_at),
        "account": str(decision.account.public_id) if decision.account else None,
        "order": str(decision.order.public_id) if decision.order else None,
        "managed_position": str(decision.managed_position.public_id) if decision.managed_position else None,
        "trade": str(decision.trade_key) if decision.trade_key else None,
        "external_id": decision.external_id,
        "revision": decision.revision,
        "created_at": instant(decision.created_at),
        "updated_at": instant(decision.updated_at),
        "outcome": outcome_json(outcome) if outcome else None,
    }


def outcome_json(outcome: DecisionOutcome) -> Json:
    """How a decision ended, as `DecisionOutcomeSerializer` describes it."""
    return {
        "source": outcome.source,
        "outcome": outcome.outcome,
        "result_pct": number(outcome.result_pct),
        "result_amount": number(outcome.result_amount),
        "currency": outcome.currency,
        "r_multiple": number(outcome.r_multiple),
        "holding_seconds": outcome.holding_seconds,
        "benchmark": outcome.benchmark,
        "benchmark_pct": number(outcome.benchmark_pct),
        "benchmark_alpha": number(outcome.alpha),
        "trade": str(outcome.trade_key) if outcome.trade_key else None,
        "trade_version": instant(outcome.trade_version),
        "resolved_at": instant(outcome.resolved_at),
    }


def revision_json(revision: DecisionRevision) -> Json:
    """How a decision read before an edit."""
    return {"number": revision.number, "revised_at": instant(revision.revised_at), "values": revision.values}


def found_json(found: Found, shown: Shown, *, is_other: bool = False) -> Json:
    """What a search found, as `FoundSerializer` describes it; `is_other` where all of it is of other symbols."""
    return {
        "kind": found.kind,
        "mode": found.mode,
        "model": found.model.key,
        "is_lexical": found.model.is_lexical or found.mode == "text",
        "is_exact": found.is_exact,
        "gap": found.gap,
        "other_symbols": is_other,
        "waiting": found.waiting.get("pending", 0),
        "failed": found.waiting.get("failed", 0),
        "results": [neighbour_json(row) for row in shown.rows],
        "nearest_winner": neighbour_json(shown.winner) if shown.winner else None,
        "nearest_loser": neighbour_json(shown.loser) if shown.loser else None,
        "aggregate": aggregate_json(shown.aggregate),
    }


def neighbour_json(row: Neighbour) -> Json:
    """Something found. The similarity is a number, as it is no amount of anything: -1 to 1, of six digits."""
    similarity = row.hit.similarity
    return {
        "id": str(row.id),
        "kind": row.kind,
        "added": row.added,
        "similarity": None if similarity is None else round(similarity, 6),
        "score": round(row.hit.score, 6),
        "vector_rank": row.hit.vector_rank,
        "text_rank": row.hit.text_rank,
        "at": instant(row.at),
        "symbol": row.symbols[0] if row.symbols else None,
        "symbols": list(row.symbols),
        "action": row.action,
        "strategy": row.strategy,
        "actor": row.actor,
        "title": row.title,
        "reasoning": row.text,
        "outcome": _ended_json(row.ended),
    }


def _ended_json(ended: Ended | None) -> Json | None:
    if ended is None:
        return None
    return {
        "outcome": ended.outcome,
        "result_pct": number(ended.result_pct),
        "result_amount": number(ended.result_amount),
        "currency": ended.currency,
        "r_multiple": number(ended.r_multiple),
        "holding_seconds": ended.holding_seconds,
    }


def aggregate_json(found: Aggregate) -> Json:
    """What the neighbours came to; `n` of them have ended."""
    return {
        "n": found.resolved,
        "count": found.count,
        "wins": found.wins,
        "losses": found.losses,
        "win_rate": number(found.win_rate),
        "win_rate_low": number(found.interval.low) if found.interval else None,
        "win_rate_high": number(found.interval.high) if found.interval else None,
        "mean_r": number(found.mean_r),
        "r_count": found.r_count,
        "median_holding_seconds": found.median_holding_seconds,
        "too_few": found.is_few,
    }


def group_json(group: Group, *, by: str = "") -> Json:
    """One group of decisions, as `DecisionStatsSerializer` describes it."""
    only = group.only
    named = {by: group.key, "key": group.key} if by else {}
    return {
        **named,
        "n_total": group.count,
        "n_resolved": group.resolved,
        "wins": group.wins,
        "losses": group.losses,
        "flat": group.breakeven,
        "win_rate": number(group.win_rate),
        "win_rate_low": number(group.interval.low) if group.interval else None,
        "win_rate_high": number(group.interval.high) if group.interval else None,
        "avg_result_pct": number(group.average_pct),
        "best_result_pct": number(group.best_pct),
        "worst_result_pct": number(group.worst_pct),
        "avg_r": number(group.average_r),
        "r_count": group.r_count,
        "too_few": group.is_few,
        "currency": only.currency if only else None,
        "sum_result_amount": number(only.total) if only else None,
        "avg_result_amount": number(only.average) if only else None,
        "profit_factor": number(only.profit_factor) if only else None,
        "expectancy": number(only.expectancy) if only else None,
        "money": [_money_json(money) for money in group.money],
    }


def _money_json(money: Money) -> Mapping[str, Any]:
    return {
        "currency": money.currency,
        "count": money.count,
        "sum_result_amount": number(money.total),
        "avg_result_amount": number(money.average),
        "profit_factor": number(money.profit_factor),
        "expectancy": number(money.expectancy),
        "best": number(money.best),
        "worst": number(money.worst),
    }

"""Exit strategies and positions under a plan as the API shows them."""

from collections.abc import Mapping
from typing import Any

from trading.api.rows import Json, _instant, _number
from trading.exits.snapshots import snapshot
from trading.exits.standing import Distance
from trading.models import ExitStrategy, PlanExit, PlanRevision
from trading.plan_lists import ShownPlan


def strategy_json(strategy: ExitStrategy) -> Json:
    """A strategy as `ExitStrategySerializer` describes it."""
    return {
        "id": str(strategy.public_id),
        "name": strategy.name,
        "description": strategy.description,
        "plan": _plan(snapshot(strategy.plan)),
        "is_default": strategy.is_default,
        "is_shipped": strategy.is_shipped,
        "archived_at": _instant(strategy.archived_at),
    }


def managed_json(row: ShownPlan) -> Json:
    """A plan as `ManagedPositionSerializer` describes it; its account, instrument and strategy are loaded."""
    managed, standing = row.managed, row.standing
    stop, level = standing.stop, standing.next_level
    return {
        "id": str(managed.public_id),
        "account": str(managed.account.public_id),
        "symbol": managed.instrument.symbol,
        "side": managed.side,
        "strategy": str(managed.strategy.public_id) if managed.strategy else None,
        "status": managed.status,
        "reason": managed.reason,
        "problem": managed.problem,
        "price_alert": managed.price_alert,
        "entry_order": str(managed.entry_order.public_id) if managed.entry_order else None,
        "is_entered": managed.is_entered,
        "entry_price": _number(managed.entry_price),
        "entry_quantity": _number(managed.entry_quantity),
        "entered_at": _instant(managed.entered_at),
        "currency": managed.currency,
        "plan": _plan(managed.plan_now),
        "plan_at_entry": _plan(managed.plan_snapshot),
        "revision": managed.revision,
        "remaining": _number(managed.remaining),
        "under_way": _number(row.under_way),
        "gone": _number(managed.gone),
        "best": _number(managed.best),
        "price": _number(row.price),
        "priced_at": _instant(row.priced_at),
        "stop": stop and {"price": _number(stop.line), "reason": stop.reason.value, **_away(stop.distance)},
        "next_level": level
        and {
            "number": level.number,
            "price": _number(level.line),
            "quantity": _number(level.quantity),
            **_away(level.distance),
        },
        "is_trail_armed": standing.is_trail_armed,
        "arms_at": _number(standing.arms_at),
        "ends_at": _instant(standing.ends_at),
        "realized": _number(row.result.realized),
        "unrealized": _number(row.result.unrealized),
        "closed_at": _instant(managed.closed_at),
        "exits": [exit_json(each) for each in row.exits],
    }


def exit_json(each: PlanExit) -> Json:
    """An exit as `PlanExitSerializer` describes it; its order is loaded."""
    return {
        "number": each.number,
        "reason": each.reason,
        "level": each.level,
        "quantity": _number(each.quantity),
        "decided_price": _number(each.decided_price),
        "decided_at": _instant(each.decided_at),
        "client_order_id": each.client_order_id,
        "order": str(each.order.public_id) if each.order else None,
        "filled_quantity": _number(each.filled_quantity),
        "filled_price": _number(each.filled_price),
        "ended_at": _instant(each.ended_at),
        "problem": each.problem,
    }


def revision_json(revision: PlanRevision) -> Json:
    """A revision as `RevisionSerializer` describes it."""
    return {
        "number": revision.number,
        "by": revision.actor_email,
        "at": _instant(revision.made_at),
        "changes": revision.changes,
        "before": _plan(revision.before),
        "after": _plan(revision.after),
    }


def _plan(written: Mapping[str, Any]) -> Json:
    return {key: value for key, value in written.items() if key != "version"}


def _away(distance: Distance | None) -> Json:
    return {
        "distance": _number(distance.price) if distance else None,
        "distance_fraction": _number(distance.fraction) if distance else None,
    }

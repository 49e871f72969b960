"""How decisions ended, worked out from the trades that they led to, and kept right when these change.

A decision with an order has the trade that the order's fills are in; one without has the trade that it was given, and
the one that holds that trade's opening fill where trades were made anew. All of it is one comparison of what is stored
with what the trades say, so it comes to the same whatever happened before: a trade that is deleted takes the outcome
with it, and brings it back when the deletion is undone.
Source: docs/memory.md#outcomes
"""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from accounts import versions
from intelligence.models import Decision
from trading.models import Trade

# The fills of an order that took another's place are that other's too: they have one chain. Where they turned a
# position round, the trade that they opened is meant.
_LINK = """
UPDATE intelligence_decision d SET trade_key = f.trade_key, trade_fill = NULL
FROM (
    SELECT d.id, (
        SELECT t.public_id FROM trading_order c
        JOIN trading_execution x ON x.account_id = c.account_id AND x.instrument_id = c.instrument_id
            AND x.order_id = c.public_id::text AND x.source = 'order' AND x.voided_at IS NULL
        JOIN trading_tradefill p ON p.execution_id = x.id
        JOIN trading_trade t ON t.id = p.trade_id
        WHERE c.chain_id = o.chain_id AND c.owner_id = d.owner_id
        ORDER BY p.role = 'entry' DESC, x.sort_at DESC, x.id DESC LIMIT 1
    ) AS trade_key
    FROM intelligence_decision d JOIN trading_order o ON o.id = d.order_id
    WHERE {which} AND {moved}
) f
WHERE f.id = d.id AND f.trade_key IS NOT NULL AND d.trade_key IS DISTINCT FROM f.trade_key
"""

# Trades that a fill joins are one row from then on, and an import that is brought again makes new ones: the trade is
# the one that holds the fill which opened it, and where that fill turned a position round, the one that it opened.
_FOLLOW = """
UPDATE intelligence_decision d SET trade_key = f.trade_key
FROM (
    SELECT d.id, (
        SELECT t.public_id FROM trading_execution x
        JOIN trading_tradefill p ON p.execution_id = x.id
        JOIN trading_trade t ON t.id = p.trade_id AND t.owner_id = d.owner_id
        WHERE x.account_id = d.account_id AND x.identity = d.trade_fill AND x.voided_at IS NULL
        ORDER BY t.public_id = d.trade_key DESC, p.role = 'entry' DESC, t.id LIMIT 1
    ) AS trade_key
    FROM intelligence_decision d WHERE {which} AND d.trade_fill IS NOT NULL AND {moved}
) f
WHERE f.id = d.id AND f.trade_key IS NOT NULL AND d.trade_key IS DISTINCT FROM f.trade_key
"""

# The first time, and where that fill was corrected.
_KNOW = """
UPDATE intelligence_decision d SET trade_fill = x.identity
FROM trading_trade t JOIN trading_execution x ON x.id = t.opening_execution_id
WHERE {which} AND t.public_id = d.trade_key AND t.owner_id = d.owner_id AND d.trade_fill IS DISTINCT FROM x.identity
    AND NOT EXISTS (
        SELECT FROM trading_execution e
        WHERE e.account_id = t.account_id AND e.identity = d.trade_fill AND e.voided_at IS NULL
    )
"""

# A fill leaves no trade without that one's row being written; minutes, as two clocks are compared.
_MOVED = """(
    NOT EXISTS (SELECT FROM trading_trade t WHERE t.public_id = d.trade_key)
    OR EXISTS (
        SELECT FROM trading_trade t
        WHERE t.public_id = d.trade_key AND t.updated_at > now() - interval '5 minutes'
    )
)"""

_SAID = """
SELECT d.owner_id, d.id AS decision_id, 'trade' AS source, t.public_id AS trade_key, t.updated_at AS trade_version,
    t.outcome,
    CASE WHEN t.entry_price * t.quantity * t.multiplier > 0
        THEN round(t.net_pnl / (t.entry_price * t.quantity * t.multiplier), 12) END AS result_pct,
    t.net_pnl AS result_amount, t.currency, t.realized_r AS r_multiple,
    CASE WHEN t.closed_at >= t.opened_at
        THEN trunc(extract(epoch FROM t.closed_at - t.opened_at))::bigint END AS holding_seconds,
    CASE WHEN b.moved IS NULL THEN '' ELSE %(benchmark)s END AS benchmark, b.moved AS benchmark_pct,
    COALESCE(t.closed_at, t.activity_at) AS resolved_at
FROM intelligence_decision d
JOIN trading_trade t ON t.public_id = d.trade_key AND t.owner_id = d.owner_id
LEFT JOIN LATERAL (
    SELECT round(
        (SELECT close FROM trading_bar WHERE instrument_id = i.id AND timeframe = '1d'
            AND starts_at < t.closed_on + 1 AND starts_at >= t.closed_on - 7 ORDER BY starts_at DESC LIMIT 1)
        / NULLIF((SELECT close FROM trading_bar WHERE instrument_id = i.id AND timeframe = '1d'
            AND starts_at < t.opened_on AND starts_at >= t.opened_on - 7 ORDER BY starts_at DESC LIMIT 1), 0)
        - 1, 12) AS moved
    FROM trading_instrument i WHERE i.symbol = %(benchmark)s AND i.status = 'active'
) b ON true
WHERE t.status = 'closed' AND {which}
"""

_COLUMNS = (
    "source trade_key trade_version outcome result_pct result_amount currency r_multiple holding_seconds benchmark "
    "benchmark_pct resolved_at"
).split()
_ASSIGNED = ", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS)
_STORED = ", ".join(f"o.{name}" for name in _COLUMNS)
_NEW = ", ".join(f"EXCLUDED.{name}" for name in _COLUMNS)

_WRITE = f"""
INSERT INTO intelligence_decisionoutcome AS o (owner_id, decision_id, {", ".join(_COLUMNS)}, written_at)
SELECT s.*, now() FROM ({_SAID}) s ORDER BY s.decision_id
ON CONFLICT (decision_id) DO UPDATE SET {_ASSIGNED}, written_at = now()
WHERE ({_STORED}) IS DISTINCT FROM ({_NEW})
"""  # noqa: S608 – our own text

_REMOVE = """
DELETE FROM intelligence_decisionoutcome o USING intelligence_decision d
WHERE d.id = o.decision_id AND o.source = 'trade' AND {which} AND NOT EXISTS (
    SELECT FROM trading_trade t
    WHERE t.public_id = d.trade_key AND t.owner_id = d.owner_id AND t.status = 'closed'
)
"""


@transaction.atomic
def settle(
    owner_id: int | None = None,
    *,
    accounts: Collection[int] | None = None,
    decisions: Collection[int] | None = None,
) -> int:
    """The outcomes are what the trades say, in the caller's transaction; returns how many differ from before.

    Of one person or of everybody, and of decisions in some accounts or of some decisions only. A caller who links or
    changes something holds the person's version (`accounts.versions.bump`): two changes that would miss each other
    then come one after the other.
    """
    which, values = _which(owner_id, accounts, decisions)
    moved = _MOVED if decisions is None and accounts is not None else "true"
    with connection.cursor() as cursor:
        # Most trades that change are in accounts of which nothing was decided.
        cursor.execute(f"SELECT EXISTS (SELECT FROM intelligence_decision d WHERE {which})", values)  # noqa: S608
        if cursor.fetchone() == (False,):
            return 0
        cursor.execute(_LINK.format(which=which, moved=moved), values)
        changed = int(cursor.rowcount)
        cursor.execute(_FOLLOW.format(which=which, moved=moved), values)
        changed += int(cursor.rowcount)
        cursor.execute(_KNOW.format(which=which), values)
        cursor.execute(_WRITE.format(which=which), values)
        changed += int(cursor.rowcount)
        cursor.execute(_REMOVE.format(which=which), values)
        return changed + int(cursor.rowcount)


def settle_awaiting(owner_id: int) -> int:
    """So are those of decisions whose orders had no fills yet, or whose trade was away; returns how many differ."""
    own = Decision.objects.filter(owner_id=owner_id)
    waiting = own.filter(order__isnull=False, trade_key__isnull=True)
    is_there = Exists(Trade.objects.filter(public_id=OuterRef("trade_key")))
    away = own.filter(~is_there, trade_fill__isnull=False)
    keys = [*waiting.values_list("pk", flat=True), *away.values_list("pk", flat=True)]
    return settle(owner_id, decisions=keys) if keys else 0


def settle_everybody() -> int:
    """So are everybody's, for what changed behind our back: bars that came later, rows that were restored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT owner_id FROM intelligence_decision WHERE order_id IS NOT NULL OR trade_key IS NOT NULL"
        )
        owners = [owner_id for (owner_id,) in cursor.fetchall()]
    changed = 0
    for owner_id in owners:
        with transaction.atomic():
            if differs := settle(owner_id):
                versions.bump(owner_id)
                changed += differs
    return changed


def _which(
    owner_id: int | None, accounts: Collection[int] | None, decisions: Collection[int] | None
) -> tuple[str, dict[str, Any]]:
    conditions = ["true"]
    values: dict[str, Any] = {"benchmark": settings.MEMORY_BENCHMARK}
    if owner_id is not None:
        conditions.append("d.owner_id = %(owner)s")
        values["owner"] = owner_id
    if accounts is not None:
        conditions.append("d.account_id = ANY(%(accounts)s)")
        values["accounts"] = list(accounts)
    if decisions is not None:
        conditions.append("d.id = ANY(%(decisions)s)")
        values["decisions"] = list(decisions)
    return " AND ".join(conditions), values

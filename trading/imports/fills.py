"""A batch's fills once they are in their accounts: listed, compared with another reading of the file, withdrawn."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from trading import rebuilding, trades
from trading.imports import pipeline
from trading.models import Execution, ImportBatch

#: What identifies a fill: its account's id and its identity there.
Key = tuple[int, uuid.UUID]

_COMPARED = (
    "side",
    "quantity",
    "price",
    "multiplier",
    "currency",
    "commission",
    "fees",
    "executed_at",
    "broker_pnl",
)

# A correction may be corrected in its turn.
_CORRECTIONS = """
WITH RECURSIVE correction AS (
    SELECT e.id FROM trading_execution e JOIN trading_execution f ON f.id = e.corrects_id WHERE f.batch_id = %(batch)s
        AND (%(only)s::bigint[] IS NULL OR f.id = ANY(%(only)s))
    UNION ALL SELECT e.id FROM trading_execution e JOIN correction c ON e.corrects_id = c.id
) SELECT id FROM correction
"""


@dataclass(frozen=True, slots=True)
class StandingFill:
    """A fill of the batch: its row, the line of the file it came from, and all that a reading can change."""

    id: int
    is_voided: bool
    line: int | None
    sequence: int
    values: tuple[Any, ...]

    def differs(self, other: "StandingFill | None") -> bool:
        """Whether another reading of the file says something else, or nothing, of this fill."""
        return other is None or (self.line, self.sequence, self.values) != (other.line, other.sequence, other.values)


def fills_of(batch: ImportBatch) -> dict[Key, StandingFill]:
    """Every fill of the batch, voided ones too."""
    rows = Execution.objects.filter(batch=batch).values_list(
        "account_id", "identity", "id", "voided_at", "line", "sequence", "instrument__symbol", *_COMPARED
    )
    return {
        (account_id, identity): StandingFill(key, voided_at is not None, line, sequence, tuple(values))
        for account_id, identity, key, voided_at, line, sequence, *values in rows.iterator(chunk_size=10_000)
    }


def difference(before: dict[Key, StandingFill], after: dict[Key, StandingFill]) -> dict[str, Any]:
    """How two readings differ, as {"added": n, "removed": n, "changed": n, "examples": [...]}."""
    changed = [
        (before[key], after[key]) for key in before.keys() & after.keys() if before[key].values != after[key].values
    ]
    names = ("symbol", *_COMPARED)
    return {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": len(changed),
        "examples": [
            {
                "line": new.line,
                "fields": {
                    name: [str(was), str(now)]
                    for name, was, now in zip(names, old.values, new.values, strict=True)
                    if was != now
                },
            }
            for old, new in sorted(changed, key=lambda pair: pair[1].line or 0)[:20]
        ],
    }


def withdraw(batch: ImportBatch, *, only: Collection[int] | None = None) -> int:
    """The batch's fills, or `only` those with these ids, are deleted with their corrections, and trades made anew.

    Returns how many fills of the batch went.
    """
    fills = Execution.objects.filter(batch=batch)
    if only is not None:
        fills = fills.filter(pk__in=only)
    # Locked before anything is read: a correction entered meanwhile would be missed.
    trades.lock_accounts(fills.values_list("account_id", flat=True).distinct())
    wanted = {"batch": batch.pk, "only": None if only is None else list(only)}
    with connection.cursor() as cursor:
        cursor.execute(_CORRECTIONS, wanted)
        corrections = [row[0] for row in cursor.fetchall()]
    earliest: dict[tuple[int, int], rebuilding.Scope] = {}
    for scope in pipeline.scopes_of(fills) + trades.scopes_of(Execution.objects.filter(pk__in=corrections)):
        pair = (scope.account_id, scope.instrument_id)
        if pair not in earliest or scope.since < earliest[pair].since:
            earliest[pair] = scope
    rebuilding.prepare(earliest.values())
    with connection.cursor() as cursor:
        # Set-based: the ORM would fetch every fill and trade to cascade by hand.
        cursor.execute("DELETE FROM trading_execution WHERE id = ANY(%s)", [corrections])
        cursor.execute(
            "DELETE FROM trading_execution WHERE batch_id = %(batch)s "
            "AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s))",
            wanted,
        )
        removed = int(cursor.rowcount)
    trades.rebuild_prepared(batch.owner_id)
    return removed


def corrected(batch: ImportBatch) -> set[int]:
    """The ids of those fills of the batch that a correction replaced."""
    return set(Execution.objects.filter(corrects__batch=batch).values_list("corrects_id", flat=True))


def void(batch: ImportBatch, *, keys: Collection[Key]) -> None:
    """Those of the batch's fills that have these keys are voided, and trades made anew."""
    if not keys:
        return
    found = Execution.objects.filter(batch=batch, identity__in=[identity for _, identity in keys])
    wanted = set(keys)
    voided = [fill for fill in found if (fill.account_id, fill.identity) in wanted]
    Execution.objects.filter(pk__in=[fill.pk for fill in voided]).update(voided_at=timezone.now())
    trades.changed(batch.owner_id, trades.scopes_of(voided))

"""Sums per person, day and key of a dimension: what is asked of a million trades by symbol, side or hour.

They have counters of their own, per person and day, moved on in the transaction of each change. Nobody who looks at a
dashboard waits for them: they are computed by the answers that read them, up to a bound, and by the worker. What is
not computed yet is summed from the trades of its days (`journal.day_rows`), so an answer is right in any case.

Source: docs/metrics.md#rollups
"""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection, transaction

from journal import dimensions
from journal.metrics.rollups import CLOSED_SUMS, COLUMNS, EXIT_SUMS, WHOLE

#: Trades whose days a reader computes before answering.
READ_REPAIR = 20_000
#: Days per transaction of the worker.
PIECE = 20

_NAMES = ", ".join(COLUMNS)
_OVERWRITE = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)
_KEYS = ", ".join(f"('{each.name}', {each.key.format(t='t')})" for each in dimensions.STORED)

_LOCK = "SELECT pg_advisory_xact_lock(72173, %s)"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(72173, %s)"

_REQUEST = """
INSERT INTO journal_facetversion (owner_id, day, requested_version, computed_version)
SELECT %s, s.day, 1, 0 FROM unnest(%s::date[]) AS s (day) ORDER BY s.day
ON CONFLICT (owner_id, day) DO UPDATE SET requested_version = journal_facetversion.requested_version + 1
"""

# The latest first: they are looked at most. Days that hold more than the bound together are left, but for one.
_STALE = """
SELECT day, requested_version FROM (
    SELECT v.day, v.requested_version, sum(coalesce(o.trade_count, 0)) OVER latest AS together,
        row_number() OVER latest AS place
    FROM journal_facetversion v LEFT JOIN (
        SELECT day, sum(trade_count) AS trade_count FROM journal_ownerday WHERE owner_id = %(owner)s GROUP BY day
    ) o ON o.day = v.day
    WHERE v.owner_id = %(owner)s AND v.computed_version < v.requested_version
    WINDOW latest AS (ORDER BY v.day DESC)
) stale WHERE place = 1 OR (place <= %(days)s AND (%(trades)s::bigint IS NULL OR together <= %(trades)s::bigint))
ORDER BY day
"""

_WRITE = f"""
WITH exits AS (
    SELECT f.day, t.currency, k.dimension, k.key, {EXIT_SUMS}
    FROM accounts_account a
    JOIN trading_tradefill f ON f.account_id = a.id AND f.role = 'exit' AND f.day = ANY(%(days)s)
    JOIN trading_trade t ON t.id = f.trade_id, LATERAL (VALUES {_KEYS}) AS k (dimension, key)
    WHERE a.owner_id = %(owner)s GROUP BY 1, 2, 3, 4
), closed AS (
    SELECT t.closed_on AS day, t.currency, k.dimension, k.key, {CLOSED_SUMS}
    FROM accounts_account a JOIN trading_trade t ON t.account_id = a.id AND t.closed_on = ANY(%(days)s),
        LATERAL (VALUES {_KEYS}) AS k (dimension, key)
    WHERE a.owner_id = %(owner)s GROUP BY 1, 2, 3, 4
), fresh AS MATERIALIZED (
    SELECT day, currency, dimension, key, {WHOLE}
    FROM exits FULL JOIN closed USING (day, currency, dimension, key)
), gone AS (
    DELETE FROM journal_facetday s WHERE s.owner_id = %(owner)s AND s.day = ANY(%(days)s) AND NOT EXISTS (
        SELECT FROM fresh n WHERE (n.day, n.currency, n.dimension, n.key) = (s.day, s.currency, s.dimension, s.key)
    )
)
INSERT INTO journal_facetday (owner_id, currency, day, dimension, key, {_NAMES})
SELECT %(owner)s, currency, day, dimension, key, {_NAMES} FROM fresh
ON CONFLICT (owner_id, dimension, day, key, currency) DO UPDATE SET {_OVERWRITE}
"""  # noqa: S608 – our own text

# A day that somebody is just changing is not waited for, as they may be waiting for us: it stays stale.
_MARK_COMPUTED = """
UPDATE journal_facetversion v SET computed_version = s.version
FROM (
    SELECT held.id, s.version FROM unnest(%s::date[], %s::bigint[]) AS s (day, version)
    JOIN journal_facetversion held ON held.owner_id = %s AND held.day = s.day
    FOR UPDATE OF held SKIP LOCKED
) s
WHERE v.id = s.id AND v.computed_version < s.version
"""


def request(owner_id: int, *, days: Iterable[date]) -> None:
    """The person's sums of these days are stale, in the caller's transaction."""
    ordered = sorted(set(days))
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [owner_id, ordered])


def request_all(owner_id: int) -> None:
    """Every day of this person is stale on which there are stored sums of any kind, or exits to be summed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day FROM journal_dayversion WHERE owner_id = %(owner)s "
            "UNION SELECT day FROM journal_facetversion WHERE owner_id = %(owner)s",
            {"owner": owner_id},
        )
        days = [row[0] for row in cursor.fetchall()]
    request(owner_id, days=days)


def request_account(owner_id: int, *, account_id: int) -> None:
    """The days on which the account, which is about to go, has sums are stale."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT day FROM journal_dayversion WHERE account_id = %s", [account_id])
        days = [row[0] for row in cursor.fetchall()]
    request(owner_id, days=days)


def stale_days(owner_id: int) -> list[date]:
    """The days of this person that are behind their trades, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day FROM journal_facetversion WHERE owner_id = %s AND computed_version < requested_version "
            "ORDER BY day",
            [owner_id],
        )
        return [row[0] for row in cursor.fetchall()]


def stale_owners() -> list[int]:
    """Everybody who has stale days."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT owner_id FROM journal_facetversion WHERE computed_version < requested_version ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def repair(owner_id: int) -> None:
    """The person's stale days are computed, the latest first, up to a bound of trades; nobody is waited for."""
    if stale_days(owner_id):
        recompute(owner_id, trades=READ_REPAIR, is_waiting=False)


@transaction.atomic
def recompute(owner_id: int, *, days: int = 1_000_000, trades: int | None = None, is_waiting: bool = True) -> int:
    """The latest stale days hold what their trades as committed come to; returns how many were computed.

    At most `days` of them, and of more than one no more than hold `trades` together. One recompute per person at a
    time; another one waits, or does nothing when not `is_waiting`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK if is_waiting else _TRY_LOCK, [owner_id])
        if cursor.fetchone()[0] is False:
            return 0
        cursor.execute(_STALE, {"owner": owner_id, "days": days, "trades": trades})
        stale = cursor.fetchall()
        if stale:
            _compute(owner_id, stale)
    return len(stale)


def recompute_all(owner_id: int) -> int:
    """No day of this person is stale but those being changed now; returns how many were computed."""
    computed = 0
    left = len(stale_days(owner_id))
    while left:
        computed += recompute(owner_id, days=PIECE)
        before, left = left, len(stale_days(owner_id))
        if left >= before:  # only days that somebody is changing at this moment: the sweep comes again
            break
    return computed


def _compute(owner_id: int, stale: Sequence[tuple[date, int]]) -> None:
    days, versions = [day for day, _ in stale], [version for _, version in stale]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"owner": owner_id, "days": days})
        cursor.execute(_MARK_COMPUTED, [days, versions, owner_id])

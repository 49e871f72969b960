"""Sums per person, day and key of a dimension: what is asked of a million trades by symbol, side or hour.

They have counters of their own, per person and day, moved on in the transaction of each change; sums by what people
say of trades have others than sums by what trades came to, so that a tag makes no hour stale. Nobody who looks at a
dashboard waits for them: they are computed by the answers that read them, up to a bound, and by the worker. What is
not computed yet is summed from the trades of its days (`journal.day_rows`), so an answer is right in any case.

Source: docs/metrics.md#rollups
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from journal import day_results, dimensions
from journal.dimensions import Dimension, Grain
from journal.metrics.rollups import COLUMNS, EXIT_SUMS, WHOLE, closed_sums

#: Trades whose days a reader computes before answering.
READ_REPAIR = 20_000
#: Days per transaction of the worker.
PIECE = 20

_NAMES = ", ".join(COLUMNS)
_OVERWRITE = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)

_REQUEST = """
INSERT INTO {versions} (owner_id, day, requested_version, computed_version)
SELECT %(owner)s, s.day, 1, 0 FROM ({days}) AS s (day) ORDER BY s.day
ON CONFLICT (owner_id, day) DO UPDATE SET requested_version = {versions}.requested_version + 1
"""
_GIVEN_DAYS = "SELECT unnest(%(days)s::date[])"
# Most trades have all their exits on the day they close, which their own rows say.
_DAYS_OF_TRADES = """
    SELECT first_exit_on FROM trading_trade WHERE id = ANY(%(trades)s) AND owner_id = %(owner)s
    AND first_exit_on IS NOT NULL
    UNION SELECT last_exit_on FROM trading_trade WHERE id = ANY(%(trades)s) AND owner_id = %(owner)s
    AND last_exit_on <> first_exit_on
    UNION SELECT closed_on FROM trading_trade WHERE id = ANY(%(trades)s) AND owner_id = %(owner)s
    AND closed_on IS NOT NULL
    UNION SELECT f.day FROM trading_trade t JOIN trading_tradefill f ON f.trade_id = t.id AND f.role = 'exit'
    WHERE t.id = ANY(%(trades)s) AND t.owner_id = %(owner)s AND t.first_exit_on <> t.last_exit_on
"""

# The latest first: they are looked at most. Days that hold more than the bound together are left, but for one.
_STALE = """
SELECT day, requested_version FROM (
    SELECT v.day, v.requested_version, sum(coalesce(o.trade_count, 0)) OVER latest AS together,
        row_number() OVER latest AS place
    FROM {versions} v LEFT JOIN (
        SELECT day, sum(trade_count) AS trade_count FROM journal_ownerday WHERE owner_id = %(owner)s GROUP BY day
    ) o ON o.day = v.day
    WHERE v.owner_id = %(owner)s AND v.computed_version < v.requested_version
    WINDOW latest AS (ORDER BY v.day DESC)
) stale WHERE place = 1 OR (place <= %(days)s AND (%(trades)s::bigint IS NULL OR together <= %(trades)s::bigint))
ORDER BY day
"""

_WRITE = """
WITH {keyed}exits AS (
    SELECT f.day, t.currency, k.dimension, k.key, {exit_sums}
    FROM accounts_account a
    JOIN trading_tradefill f ON f.account_id = a.id AND f.role = 'exit' AND f.day = ANY(%(days)s)
    JOIN trading_trade t ON t.id = f.trade_id {keys}
    WHERE a.owner_id = %(owner)s GROUP BY 1, 2, 3, 4
), closed AS (
    {closed}
), fresh AS MATERIALIZED (
    SELECT day, currency, dimension, key, {whole}
    FROM exits FULL JOIN closed USING (day, currency, dimension, key)
), gone AS (
    DELETE FROM journal_facetday s WHERE s.owner_id = %(owner)s AND s.day = ANY(%(days)s)
    AND s.dimension = ANY(%(dimensions)s) AND NOT EXISTS (
        SELECT FROM fresh n WHERE (n.day, n.currency, n.dimension, n.key) = (s.day, s.currency, s.dimension, s.key)
    )
)
INSERT INTO journal_facetday (owner_id, currency, day, dimension, key, {names})
SELECT %(owner)s, currency, day, dimension, key, {names} FROM fresh
ON CONFLICT (owner_id, dimension, day, key, currency) DO UPDATE SET {overwrite}
"""

_CLOSED = """accounts_account a JOIN trading_trade t ON t.account_id = a.id AND t.closed_on = ANY(%(days)s) {keys}
    WHERE a.owner_id = %(owner)s"""
_CLOSED_BY = {"day": "t.closed_on", "currency": "t.currency", "dimension": "k.dimension", "key": "k.key"}

# The trades of the days, from which their links are looked up by key: they are few, which the planner cannot know.
_TOUCHED = """touched AS MATERIALIZED (
    SELECT t.id, t.rating, t.reviewed_at FROM accounts_account a
    JOIN trading_trade t ON t.account_id = a.id AND t.closed_on = ANY(%(days)s) WHERE a.owner_id = %(owner)s
    UNION SELECT t.id, t.rating, t.reviewed_at FROM accounts_account a
    JOIN trading_tradefill f ON f.account_id = a.id AND f.role = 'exit' AND f.day = ANY(%(days)s)
    JOIN trading_trade t ON t.id = f.trade_id WHERE a.owner_id = %(owner)s
)"""

# A day that somebody is just changing is not waited for, as they may be waiting for us: it stays stale.
_MARK_COMPUTED = """
UPDATE {versions} v SET computed_version = s.version
FROM (
    SELECT held.id, s.version FROM unnest(%s::date[], %s::bigint[]) AS s (day, version)
    JOIN {versions} held ON held.owner_id = %s AND held.day = s.day
    FOR UPDATE OF held SKIP LOCKED
) s
WHERE v.id = s.id AND v.computed_version < s.version
"""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Dimensions whose sums go stale together, by counters in a table of their own."""

    versions: str
    lock: int
    dimensions: tuple[Dimension, ...]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.dimensions]


#: What follows from a trade's own figures.
OF_FIGURES = Part("journal_facetversion", 72173, tuple(each for each in dimensions.STORED if not each.is_said))
#: What people say of trades: tags, playbooks and their rules, ratings, reviews.
OF_REMARKS = Part("journal_remarkversion", 72174, tuple(each for each in dimensions.STORED if each.is_said))
PARTS = (OF_FIGURES, OF_REMARKS)


def part_of(dimension: Dimension) -> Part:
    """The part that the sums by this dimension go stale with."""
    return OF_REMARKS if dimension.is_said else OF_FIGURES


def _keyed(part: Part) -> tuple[str, str]:
    """Common table expressions of the keys of trades, and the join that gives each trade its own as `k`."""
    of_trades = [each for each in part.dimensions if each.grain is not Grain.LINK]
    if part is OF_FIGURES:
        keys = ", ".join(f"('{each.name}', {each.key.format(t='t')})" for each in of_trades)
        return "", f", LATERAL (VALUES {keys}) AS k (dimension, key)"
    own = [f"SELECT t.id, '{each.name}', {each.key.format(t='t')} FROM touched t" for each in of_trades]  # noqa: S608
    linked = [_linked(each) for each in part.dimensions if each.grain is Grain.LINK]
    keyed = f"{_TOUCHED}, keyed (trade_id, dimension, key) AS MATERIALIZED ({' UNION ALL '.join([*own, *linked])}), "
    return keyed, "JOIN keyed k ON k.trade_id = t.id"


def _linked(dimension: Dimension) -> str:
    relation = dimension.stored_key.replace("%s", "%(owner)s")
    return f"""SELECT t.id, '{dimension.name}', coalesce(l.key, '{dimensions.NONE}') FROM touched t LEFT JOIN (
        SELECT * FROM ({relation}) linked WHERE linked.trade_id = ANY(ARRAY(SELECT id FROM touched))
    ) l ON l.trade_id = t.id"""  # noqa: S608 – our own text


def _write(part: Part) -> str:
    keyed, keys = _keyed(part)
    return _WRITE.format(
        keyed=keyed,
        keys=keys,
        exit_sums=EXIT_SUMS,
        closed=closed_sums(_CLOSED_BY, _CLOSED.format(keys=keys)),
        whole=WHOLE,
        names=_NAMES,
        overwrite=_OVERWRITE,
    )


_WRITES = {part: _write(part) for part in PARTS}


def request(owner_id: int, *, days: Iterable[date]) -> None:
    """The person's sums of these days are stale, in the caller's transaction."""
    ordered = sorted(set(days))
    if ordered:
        for part in PARTS:
            _request(part, _GIVEN_DAYS, {"owner": owner_id, "days": ordered})


def request_remarks(owner_id: int, *, trades: Collection[int]) -> None:
    """The sums by what people say are stale on the days of these trades, in the caller's transaction."""
    if trades:
        _request(OF_REMARKS, _DAYS_OF_TRADES, {"owner": owner_id, "trades": list(trades)})


def _request(part: Part, days: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST.format(versions=part.versions, days=days), values)


def request_all(owner_id: int) -> None:
    """Every day of this person is stale on which there are stored sums of any kind, or exits to be summed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day FROM journal_dayversion WHERE owner_id = %(owner)s "
            "UNION SELECT day FROM journal_facetversion WHERE owner_id = %(owner)s "
            "UNION SELECT day FROM journal_remarkversion WHERE owner_id = %(owner)s",
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


def stale_days(owner_id: int, *, part: Part = OF_FIGURES) -> list[date]:
    """The days of this person that are behind their trades in this part, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day FROM {part.versions} WHERE owner_id = %s AND computed_version < requested_version "  # noqa: S608
            "ORDER BY day",
            [owner_id],
        )
        return [row[0] for row in cursor.fetchall()]


def stale_owners() -> list[int]:
    """Everybody who has stale days."""
    found = " UNION ".join(
        f"SELECT owner_id FROM {part.versions} WHERE computed_version < requested_version"  # noqa: S608
        for part in PARTS
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{found} ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def repair(owner_id: int, *, parts: Collection[Part] = PARTS) -> None:
    """The person's stale days are computed, the latest first, up to a bound of trades; nobody is waited for."""
    for part in parts:
        if stale_days(owner_id, part=part):
            recompute(owner_id, part=part, trades=READ_REPAIR, is_waiting=False)


@transaction.atomic
def recompute(
    owner_id: int, *, part: Part = OF_FIGURES, days: int = 1_000_000, trades: int | None = None, is_waiting: bool = True
) -> int:
    """The latest stale days hold what their trades as committed come to; returns how many were computed.

    At most `days` of them, and of more than one no more than hold `trades` together. One recompute per person and part
    at a time; another one waits, or does nothing when not `is_waiting`.
    """
    lock = "pg_advisory_xact_lock" if is_waiting else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(%s, %s)", [part.lock, owner_id])
        if cursor.fetchone()[0] is False:
            return 0
        cursor.execute(_STALE.format(versions=part.versions), {"owner": owner_id, "days": days, "trades": trades})
        stale = cursor.fetchall()
        if stale:
            _compute(part, owner_id, stale)
    return len(stale)


def recompute_all(owner_id: int) -> int:
    """No day of this person is stale but those being changed now; returns how many were computed."""
    return sum(_recompute_all(owner_id, part) for part in PARTS)


def _recompute_all(owner_id: int, part: Part) -> int:
    computed = 0
    left = len(stale_days(owner_id, part=part))
    while left:
        computed += recompute(owner_id, part=part, days=PIECE)
        before, left = left, len(stale_days(owner_id, part=part))
        if left >= before:  # only days that somebody is changing at this moment: the sweep comes again
            break
    return computed


def _compute(part: Part, owner_id: int, stale: Sequence[tuple[date, int]]) -> None:
    days, versions = [day for day, _ in stale], [version for _, version in stale]
    with connection.cursor() as cursor:
        cursor.execute(_WRITES[part], {"owner": owner_id, "days": days, "dimensions": part.names})
        if part is OF_FIGURES:
            day_results.write(owner_id, days)
        cursor.execute(_MARK_COMPUTED.format(versions=part.versions), [days, versions, owner_id])

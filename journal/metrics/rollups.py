"""The stored sums: what makes days stale, and what recomputes them. Nothing else writes them.

Two counters per account and day decide. A change of trades moves `requested_version` on in its own
transaction. A recompute reads that number first, then the trades, and writes the number it read as
`computed_version`: whatever was committed in between leaves the day stale. Days are always computed whole, so
doing it twice is doing it once.

Source: docs/metrics.md#rollups
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from django.db import connection, transaction

from journal.metrics.totals import Totals

#: The columns of `Totals` in the order in which every statement here writes them.
COLUMNS = tuple(field.name for field in fields(Totals))

#: Over exits `f` of trades `t`: money belongs to the day of the exit.
EXIT_SUMS = """
    sum(f.net_pnl) AS net_pnl, sum(f.gross_pnl) AS gross_pnl, sum(f.gross_pnl - f.net_pnl) AS fees,
    coalesce(sum(f.broker_pnl), 0) AS broker_pnl,
    coalesce(sum(f.net_pnl) FILTER (WHERE f.broker_pnl IS NOT NULL), 0) AS broker_net,
    count(f.broker_pnl) AS broker_count, sum(f.quantity) AS volume
"""

# Over closed trades `t` of one outcome. Half of what a total asks for differs by outcome alone: summed apart first, a
# trade is added to thirteen sums instead of twenty-one, which is most of the time that a report takes.
_OF_ONE_OUTCOME = """
    count(*) AS trades, sum(t.net_pnl) AS net, sum(t.net_pnl * t.net_pnl) AS squares,
    max(t.net_pnl) AS most, min(t.net_pnl) AS least,
    sum(t.realized_r) AS r, sum(round(t.realized_r * t.realized_r, 12)) AS r_squares, count(t.realized_r) AS r_count,
    sum(t.planned_r) AS planned_r, count(t.planned_r) AS planned_r_count,
    sum(floor(date_part('epoch', t.closed_at - t.opened_at))::bigint) AS seconds,
    count(t.closed_at - t.opened_at) AS seconds_count
"""

# Over those sums `c`: a trade counts on the day it closes.
_OF_ALL_OUTCOMES = """
    sum(c.trades)::bigint AS trade_count,
    coalesce(sum(c.trades) FILTER (WHERE c.outcome = 'win'), 0)::bigint AS win_count,
    coalesce(sum(c.trades) FILTER (WHERE c.outcome = 'loss'), 0)::bigint AS loss_count,
    coalesce(sum(c.trades) FILTER (WHERE c.outcome = 'breakeven'), 0)::bigint AS breakeven_count,
    coalesce(sum(c.net) FILTER (WHERE c.outcome = 'win'), 0) AS gross_profit,
    coalesce(-sum(c.net) FILTER (WHERE c.outcome = 'loss'), 0) AS gross_loss,
    coalesce(sum(c.net) FILTER (WHERE c.outcome = 'breakeven'), 0) AS breakeven_net,
    sum(c.squares) AS net_squares,
    coalesce(sum(c.r), 0) AS r_sum, coalesce(sum(c.r_squares), 0) AS r_squares, sum(c.r_count)::bigint AS r_count,
    coalesce(sum(c.r) FILTER (WHERE c.outcome = 'win'), 0) AS r_profit,
    coalesce(-sum(c.r) FILTER (WHERE c.outcome = 'loss'), 0) AS r_loss,
    coalesce(sum(c.r_count) FILTER (WHERE c.outcome = 'win'), 0)::bigint AS r_win_count,
    coalesce(sum(c.r_count) FILTER (WHERE c.outcome = 'loss'), 0)::bigint AS r_loss_count,
    coalesce(sum(c.planned_r), 0) AS planned_r_sum, sum(c.planned_r_count)::bigint AS planned_r_count,
    coalesce(sum(c.seconds), 0)::bigint AS holding_seconds, sum(c.seconds_count)::bigint AS holding_count,
    max(c.most) FILTER (WHERE c.outcome = 'win') AS largest_win,
    min(c.least) FILTER (WHERE c.outcome = 'loss') AS largest_loss
"""


def closed_sums(
    columns: Mapping[str, str], source: str, *, apart: str = "", also: str = "", also_in_all: str = ""
) -> str:
    """SQL of the closed trades `t` of a source, summed by columns of these names and meanings.

    `apart` is one more thing to keep apart at first, for the sums `also`, of which `also_in_all` makes its own.
    """
    names, meanings = ", ".join(columns), ", ".join(f"{meaning} AS {name}" for name, meaning in columns.items())
    kept = f", {apart}, {also}" if apart else ""
    places = ", ".join(str(place) for place in range(1, len(columns) + (3 if apart else 2)))
    return f"""
        SELECT {names}, {_OF_ALL_OUTCOMES}{f", {also_in_all}" if apart else ""} FROM (
            SELECT {meanings}, t.outcome{kept}, {_OF_ONE_OUTCOME} FROM {source} GROUP BY {places}
        ) c GROUP BY {names}
    """  # noqa: S608 - our own text


_UNSUMMED = {"largest_win": "max(r.largest_win)", "largest_loss": "min(r.largest_loss)"}

#: Over stored or computed day rows `r`, in the order of COLUMNS.
ROW_SUMS = ", ".join(f"{_UNSUMMED.get(name, f'sum(r.{name})')} AS {name}" for name in COLUMNS)

#: Of a row that may lack its exits or its closed trades: as stored, in the order of COLUMNS.
WHOLE = ", ".join(name if name in _UNSUMMED else f"coalesce({name}, 0) AS {name}" for name in COLUMNS)

_NAMES = ", ".join(COLUMNS)
_OVERWRITE = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)

_LOCK = "SELECT pg_advisory_xact_lock(72172, %s)"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(72172, %s)"

# Materialized: with the LIMIT in sight PostgreSQL walks all days of the person in order, to find one that is stale.
_STALE = """
WITH stale AS MATERIALIZED (
    SELECT account_id, day, requested_version FROM journal_dayversion
    WHERE owner_id = %s AND computed_version < requested_version
)
SELECT account_id, day, requested_version FROM stale ORDER BY account_id, day LIMIT %s
"""

# An account that is being deleted is passed over: to wait for it is to wait for somebody who waits for us.
_STANDING = "SELECT id FROM accounts_account WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE SKIP LOCKED"

_CLOSED_THEN = "stale s JOIN trading_trade t ON t.account_id = s.account_id AND t.closed_on = s.day"
_WRITE_DAYS = f"""
WITH stale AS MATERIALIZED (
    SELECT * FROM unnest(%(accounts)s::bigint[], %(days)s::date[]) AS s (account_id, day)
), exits AS (
    SELECT f.account_id, f.day, t.currency, {EXIT_SUMS}
    FROM stale s
    JOIN trading_tradefill f ON f.account_id = s.account_id AND f.day = s.day AND f.role = 'exit'
    JOIN trading_trade t ON t.id = f.trade_id
    GROUP BY 1, 2, 3
), closed AS (
    {closed_sums({"account_id": "t.account_id", "day": "t.closed_on", "currency": "t.currency"}, _CLOSED_THEN)}
), fresh AS MATERIALIZED (
    SELECT account_id, day, currency, {WHOLE} FROM exits FULL JOIN closed USING (account_id, day, currency)
), gone AS (
    DELETE FROM journal_dayrollup r USING stale s
    WHERE r.account_id = s.account_id AND r.day = s.day AND NOT EXISTS (
        SELECT FROM fresh n WHERE (n.account_id, n.day, n.currency) = (r.account_id, r.day, r.currency)
    )
)
INSERT INTO journal_dayrollup (owner_id, account_id, day, currency, {_NAMES})
SELECT %(owner)s, account_id, day, currency, {_NAMES} FROM fresh
ON CONFLICT (account_id, day, currency) DO UPDATE SET {_OVERWRITE}
"""  # noqa: S608 – constants of this module

_WRITE_OWNER_DAYS = f"""
WITH touched AS MATERIALIZED (
    SELECT DISTINCT day FROM unnest(%(days)s::date[]) AS d (day)
), fresh AS MATERIALIZED (
    SELECT r.currency, r.day, {ROW_SUMS}
    FROM touched JOIN journal_dayrollup r ON r.owner_id = %(owner)s AND r.day = touched.day
    GROUP BY r.currency, r.day
), gone AS (
    DELETE FROM journal_ownerday o USING touched
    WHERE o.owner_id = %(owner)s AND o.day = touched.day AND NOT EXISTS (
        SELECT FROM fresh WHERE (fresh.currency, fresh.day) = (o.currency, o.day)
    )
)
INSERT INTO journal_ownerday (owner_id, currency, day, {_NAMES})
SELECT %(owner)s, currency, day, {_NAMES} FROM fresh
ON CONFLICT (owner_id, currency, day) DO UPDATE SET {_OVERWRITE}
"""  # noqa: S608 – constants of this module

_WRITE_ACCOUNTS = f"""
WITH touched AS MATERIALIZED (
    SELECT DISTINCT account_id FROM unnest(%(accounts)s::bigint[]) AS a (account_id)
), fresh AS MATERIALIZED (
    SELECT r.account_id, r.currency, min(r.day) AS first_day, max(r.day) AS last_day, {ROW_SUMS}
    FROM touched JOIN journal_dayrollup r ON r.account_id = touched.account_id
    GROUP BY r.account_id, r.currency
), falls AS (
    SELECT account_id, currency, max(greatest(peak, 0) - cumulative) AS max_drawdown FROM (
        SELECT account_id, currency, cumulative, max(cumulative) OVER days AS peak FROM (
            SELECT r.account_id, r.currency, r.day, sum(r.net_pnl) OVER days AS cumulative
            FROM touched JOIN journal_dayrollup r ON r.account_id = touched.account_id
            WINDOW days AS (PARTITION BY r.account_id, r.currency ORDER BY r.day ROWS UNBOUNDED PRECEDING)
        ) running WINDOW days AS (PARTITION BY account_id, currency ORDER BY day ROWS UNBOUNDED PRECEDING)
    ) curve GROUP BY account_id, currency
), gone AS (
    DELETE FROM journal_accounttotals a USING touched
    WHERE a.account_id = touched.account_id AND NOT EXISTS (
        SELECT FROM fresh WHERE (fresh.account_id, fresh.currency) = (a.account_id, a.currency)
    )
)
INSERT INTO journal_accounttotals (owner_id, account_id, currency, first_day, last_day, max_drawdown, {_NAMES})
SELECT %(owner)s, account_id, currency, first_day, last_day, max_drawdown, {_NAMES}
FROM fresh JOIN falls USING (account_id, currency)
ON CONFLICT (account_id, currency) DO UPDATE SET first_day = EXCLUDED.first_day, last_day = EXCLUDED.last_day,
    max_drawdown = EXCLUDED.max_drawdown, {_OVERWRITE}
"""  # noqa: S608 – constants of this module

# A day that somebody is just changing is not waited for, as they may be waiting for us. It stays stale, which
# it is about to be again anyway.
_MARK_COMPUTED = """
UPDATE journal_dayversion v SET computed_version = s.version
FROM (
    SELECT held.id, s.version
    FROM unnest(%(accounts)s::bigint[], %(days)s::date[], %(versions)s::bigint[])
        AS s (account_id, day, version)
    JOIN journal_dayversion held ON held.account_id = s.account_id AND held.day = s.day
    FOR UPDATE OF held SKIP LOCKED
) s
WHERE v.id = s.id AND v.computed_version < s.version
"""

_IS_STALE = "computed_version < requested_version"

_REQUEST = """
INSERT INTO journal_dayversion (owner_id, account_id, day, requested_version, computed_version)
SELECT %s, s.account_id, s.day, 1, 0 FROM unnest(%s::bigint[], %s::date[]) AS s (account_id, day)
ORDER BY s.account_id, s.day
ON CONFLICT (account_id, day) DO UPDATE SET requested_version = journal_dayversion.requested_version + 1
"""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a recompute did: account-days computed, and account-days still stale after it."""

    days: int
    left: int


def request(owner_id: int, *, days: Iterable[tuple[int, date]]) -> None:
    """The (account id, day) pairs are stale, in the caller's transaction. They must be the owner's."""
    # In one order, so that two changes of the same days cannot deadlock.
    ordered = sorted(set(days))
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [owner_id, [account for account, _ in ordered], [day for _, day in ordered]])


def request_all(owner_id: int) -> int:
    """Every day on which this person has exits, or a stored sum, is stale; returns how many account-days."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT f.account_id, f.day FROM trading_tradefill f
            JOIN accounts_account a ON a.id = f.account_id AND a.owner_id = %(owner)s WHERE f.role = 'exit'
            UNION SELECT account_id, day FROM journal_dayrollup WHERE owner_id = %(owner)s
            UNION SELECT account_id, day FROM journal_dayversion WHERE owner_id = %(owner)s
            """,
            {"owner": owner_id},
        )
        days = cursor.fetchall()
    request(owner_id, days=days)
    return len(days)


def stale_count(owner_id: int) -> int:
    """How many account-days of this person are behind their trades."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM journal_dayversion WHERE owner_id = %s AND {_IS_STALE}",  # noqa: S608
            [owner_id],
        )
        return int(cursor.fetchone()[0])


def stale_owners() -> list[int]:
    """Everybody who has stale days."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT owner_id FROM journal_dayversion WHERE {_IS_STALE} ORDER BY 1"  # noqa: S608
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def recompute(owner_id: int, *, limit: int | None = None, is_waiting: bool = True) -> Recomputed:
    """The stale days of this person, at most `limit` of them, hold what their trades as committed come to.

    One recompute per person at a time; another one waits, or does nothing when not `is_waiting`. Nobody who
    changes trades is waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK if is_waiting else _TRY_LOCK, [owner_id])
        if cursor.fetchone()[0] is False:
            return Recomputed(days=0, left=stale_count(owner_id))
        cursor.execute(_STALE, [owner_id, limit])
        stale = cursor.fetchall()
        if not stale:
            return Recomputed(days=0, left=0)
        cursor.execute(_STANDING, [sorted({account for account, _, _ in stale})])
        standing = {row[0] for row in cursor.fetchall()}
        _compute(owner_id, stale=[row for row in stale if row[0] in standing])
    return Recomputed(days=len(stale), left=stale_count(owner_id) if len(stale) == limit else 0)


def _compute(owner_id: int, *, stale: Sequence[tuple[int, date, int]]) -> None:
    accounts = [account for account, _, _ in stale]
    days = [day for _, day, _ in stale]
    versions = [version for _, _, version in stale]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_DAYS, {"owner": owner_id, "accounts": accounts, "days": days})
        # The sums over accounts and over days are made of the day rollups just written, hence after them.
        cursor.execute(_WRITE_OWNER_DAYS, {"owner": owner_id, "days": sorted(set(days))})
        cursor.execute(_WRITE_ACCOUNTS, {"owner": owner_id, "accounts": sorted(set(accounts))})
        cursor.execute(_MARK_COMPUTED, {"accounts": accounts, "days": days, "versions": versions})


@transaction.atomic
def forget_account(owner_id: int, *, account_id: int) -> None:
    """Nothing is stored of the account any more, and the person's days no longer count it."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [owner_id])
        cursor.execute("DELETE FROM journal_dayversion WHERE account_id = %s", [account_id])
        cursor.execute("DELETE FROM journal_accounttotals WHERE account_id = %s", [account_id])
        cursor.execute("DELETE FROM journal_dayrollup WHERE account_id = %s RETURNING day", [account_id])
        days = sorted({row[0] for row in cursor.fetchall()})
        if days:
            cursor.execute(_WRITE_OWNER_DAYS, {"owner": owner_id, "days": days})

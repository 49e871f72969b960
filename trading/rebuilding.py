"""Trades made anew from fills: the one path from executions to trades, trade fills and positions.

Only what a change can have touched is made anew: for each account and instrument, everything from the opening of the
first trade that was still alive when the earliest changed fill happened. A trade that comes out the same is left alone,
and one that changes keeps its row, with the person's words on it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import connection

from accounts.models import Account
from trading import bulk
from trading.matching import CostMethod, Fill, round_trips
from trading.trade_writer import FillFacts, OldTrade, Rebuilt, TradeWriter

#: Fills read from the database at a time.
FETCHED = 20_000

_SCOPE_TABLE = """
CREATE TEMP TABLE IF NOT EXISTS rebuild_scope (
    account_id bigint, instrument_id bigint, start_at timestamptz, PRIMARY KEY (account_id, instrument_id)
) ON COMMIT DELETE ROWS;
TRUNCATE rebuild_scope
"""

# A trade that was alive at the start is made anew as a whole, and so is one that shares its opening fill (a flip)
# or its instant: widen until nothing more is touched.
_WIDEN = """
UPDATE rebuild_scope s SET start_at = earlier.start_at
FROM (
    SELECT s.account_id, s.instrument_id, min(opening.sort_at) AS start_at
    FROM rebuild_scope s
    JOIN trading_trade t ON t.account_id = s.account_id AND t.instrument_id = s.instrument_id
        AND (t.activity_at >= s.start_at OR t.status = 'open')
    JOIN trading_execution opening ON opening.id = t.opening_execution_id
    GROUP BY s.account_id, s.instrument_id
) earlier
WHERE s.account_id = earlier.account_id AND s.instrument_id = earlier.instrument_id
    AND earlier.start_at < s.start_at
"""

_OLD_TRADES = """
SELECT t.id, t.account_id, t.instrument_id, t.opening_execution_id, opening.sort_at, t.initial_stop,
    t.initial_target,
    (SELECT md5(string_agg(concat_ws(' ', f.execution_id, f.role, f.day, trim_scale(f.quantity), trim_scale(f.fees),
        trim_scale(coalesce(f.gross_pnl, 0)), trim_scale(coalesce(f.net_pnl, 0)),
        coalesce(trim_scale(f.broker_pnl)::text, '-')), ',' ORDER BY f.execution_id, f.role))
     FROM trading_tradefill f WHERE f.trade_id = t.id) AS parts,
    (SELECT array_agg(DISTINCT f.day) FROM trading_tradefill f WHERE f.trade_id = t.id AND f.role = 'exit') AS days,
    t.closed_on, t.opened_on, t.opened_at, t.activity_at, t.quantity, t.open_quantity, t.entry_price, t.exit_price,
    t.net_pnl, t.gross_pnl, t.fees, t.broker_pnl, t.multiplier, t.outcome
FROM rebuild_scope s
JOIN trading_trade t ON t.account_id = s.account_id AND t.instrument_id = s.instrument_id
    AND (t.activity_at >= s.start_at OR t.status = 'open')
LEFT JOIN trading_execution opening ON opening.id = t.opening_execution_id
"""

_FILLS = """
SELECT e.account_id, e.instrument_id, e.id, e.executed_at, e.executed_on,
    CASE e.side WHEN 'buy' THEN e.quantity ELSE -e.quantity END, e.price, e.commission + e.fees, e.multiplier,
    e.sort_at, e.broker_pnl, e.currency, e.corrects_id
FROM rebuild_scope s
JOIN trading_execution e ON e.account_id = s.account_id AND e.instrument_id = s.instrument_id
    AND e.sort_at >= s.start_at
WHERE e.voided_at IS NULL
ORDER BY e.account_id, e.instrument_id, e.sort_at, e.sequence, e.id
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Since when the trades of one account and instrument must be made anew."""

    account_id: int
    instrument_id: int
    since: datetime


def prepare(scopes: Iterable[Scope]) -> None:
    """The scope is known and widened; call before fills that existing trades rest on are deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_SCOPE_TABLE)
    bulk.copy_rows(
        "rebuild_scope",
        ("account_id", "instrument_id", "start_at"),
        ((scope.account_id, scope.instrument_id, scope.since) for scope in scopes),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE rebuild_scope")
        cursor.execute(_WIDEN)
        while cursor.rowcount:
            cursor.execute(_WIDEN)


def rebuild(owner_id: int) -> Rebuilt:
    """The trades, trade fills and positions of the prepared scope are those of its standing fills.

    Runs in the caller's transaction, in which the accounts are locked.
    """
    old = _old_trades()
    rebuilt = Rebuilt()
    methods = dict(Account.objects.filter(owner_id=owner_id).values_list("id", "cost_method"))
    tolerances = _breakeven_ticks()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM trading_position p USING rebuild_scope s "
            "WHERE p.account_id = s.account_id AND p.instrument_id = s.instrument_id"
        )
    with bulk.Lane() as lane:
        writer = TradeWriter(owner_id=owner_id, old=old, rebuilt=rebuilt, tolerances=tolerances, lane=lane)
        for (account_id, instrument_id), rows in groupby(_fills(lane), key=lambda row: (row[0], row[1])):
            facts: dict[int, FillFacts] = {}
            fills = _matching_fills(rows, facts)
            for trip in round_trips(fills, method=CostMethod(methods[account_id])):
                writer.add(account_id, instrument_id, trip, facts)
                for part in trip.parts:
                    # A flip's fill belongs to the next trip as well, so its facts stay until that is written.
                    if part is not trip.parts[-1]:
                        facts.pop(part.key, None)
        writer.finish()
    return rebuilt


def _fills(lane: bulk.Lane) -> Iterator[tuple[Any, ...]]:
    """The scope's fills in the order of matching, by a server-side cursor: the next piece comes while one is matched.

    psycopg's own cursor, as the ORM's is for models only; binary, so that its C code reads timestamps and numbers.
    """
    cursor = lane.give(lambda: lane.driver.cursor(name="fills_to_match").execute(_FILLS, binary=True)).result()
    coming = lane.give(cursor.fetchmany, FETCHED)
    while rows := coming.result():
        coming = lane.give(cursor.fetchmany, FETCHED)
        yield from rows
    lane.give(cursor.close).result()


def _matching_fills(rows: Iterable[tuple[Any, ...]], facts: dict[int, FillFacts]) -> Iterator[Fill]:
    for row in rows:
        _, _, key, at, day, quantity, price, fees, multiplier, sort_at, broker_pnl, currency, corrects = row
        facts[key] = FillFacts(sort_at, broker_pnl, currency, multiplier, corrects)
        yield Fill(key, at, day, quantity, price, fees, multiplier)


def _old_trades() -> dict[tuple[int, int], list[OldTrade]]:
    trades: dict[tuple[int, int], list[OldTrade]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_OLD_TRADES)
        for row in cursor:
            key, account_id, instrument_id, opening, sort_at, stop, target, parts, days, *figures = row
            trades[account_id, instrument_id].append(
                OldTrade(
                    key,
                    opening,
                    sort_at,
                    stop,
                    target,
                    parts or "",
                    set(days or ()),
                    figures[0],
                    tuple(figures),
                )
            )
    return trades


def _breakeven_ticks() -> dict[int, tuple[int, Decimal]]:
    """Instrument id -> (ticks, tick size) where a tolerance is set."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT i.id, i.breakeven_ticks, i.tick_size FROM rebuild_scope s "
            "JOIN trading_instrument i ON i.id = s.instrument_id "
            "WHERE i.breakeven_ticks > 0 AND i.tick_size IS NOT NULL"
        )
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}

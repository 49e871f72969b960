"""MAE and MFE of stored trades, by the finest bars that cover each of them.

A trade whose `excursion_source` is NULL has still to be measured: writing its fills or its bars makes it so. Where no
bars cover it the source is "", and it is left alone until bars come.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import connection, transaction

from accounts import versions
from trading import bars, bulk
from trading.excursions import Excursions, PriceBar, TimedFill, excursions

#: Trades per transaction.
PIECE = 500
#: Bars that are looked at for one trade; a longer one is measured by coarser bars.
MOST_BARS = 20_000

# Few instruments have bars, and only their trades are looked at.
_WAITING = """
SELECT t.id, t.owner_id, t.instrument_id, t.opened_at, t.closed_at, t.updated_at FROM trading_trade t
WHERE t.instrument_id = ANY(%(instruments)s) AND t.status = 'closed' AND t.excursion_source IS NULL
    AND t.opened_at IS NOT NULL AND t.closed_at IS NOT NULL
    AND (%(owner)s::bigint IS NULL OR t.owner_id = %(owner)s::bigint) AND t.id > %(after)s
ORDER BY t.id LIMIT %(limit)s
"""

_PRICED = "SELECT i.id FROM trading_instrument i WHERE EXISTS (SELECT FROM trading_bar b WHERE b.instrument_id = i.id)"

_FILLS = """
SELECT f.trade_id, e.executed_at, CASE e.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END, e.price, e.multiplier
FROM trading_tradefill f JOIN trading_execution e ON e.id = f.execution_id
WHERE f.trade_id = ANY(%s) ORDER BY f.trade_id, e.sort_at, e.sequence, e.id, f.role DESC
"""

_BARS = """
SELECT starts_at, open, high, low, close, source FROM trading_bar
WHERE instrument_id = %s AND timeframe = %s AND starts_at > %s AND starts_at <= %s ORDER BY starts_at
"""

# Only where the trade is still what was measured: whoever changed it meanwhile has it measured again.
_WRITE = """
UPDATE trading_trade t SET mae = m.mae, mfe = m.mfe, mae_at = m.mae_at, mfe_at = m.mfe_at, excursion_source = m.source
FROM excursion_stage m WHERE t.id = m.id AND t.updated_at = m.updated_at AND t.excursion_source IS NULL
RETURNING t.owner_id, m.source <> ''
"""

_STAGE = """
CREATE TEMP TABLE excursion_stage (
    id bigint, updated_at timestamptz, mae numeric, mfe numeric, mae_at timestamptz, mfe_at timestamptz, source text
) ON COMMIT DROP
"""


def measure(*, owner_id: int | None = None, limit: int | None = None) -> int:
    """Every closed trade that bars cover has its excursions; returns how many were measured.

    Of one person only where `owner_id` is given, and at most about `limit` trades looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PRICED)
        priced = [row[0] for row in cursor.fetchall()]
    if not priced:
        return 0
    measured = looked_at = after = 0
    while limit is None or looked_at < limit:
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, {"instruments": priced, "owner": owner_id, "after": after, "limit": PIECE})
            waiting = cursor.fetchall()
        if not waiting:
            break
        after, looked_at = waiting[-1][0], looked_at + len(waiting)
        measured += _measure(waiting)
    return measured


@transaction.atomic
def _measure(waiting: Sequence[tuple[Any, ...]]) -> int:
    fills = _fills_of([row[0] for row in waiting])
    rows = []
    for key, _, instrument_id, opened_at, closed_at, updated_at in waiting:
        found, source = _found(instrument_id, opened_at, closed_at, fills[key])
        values: list[Any] = [None] * 4 if found is None else [found.mae, found.mfe, found.mae_at, found.mfe_at]
        rows.append([key, updated_at, *values, source])
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        columns = ("id", "updated_at", "mae", "mfe", "mae_at", "mfe_at", "source")
        bulk.copy_rows("excursion_stage", columns, rows)
        cursor.execute(_WRITE)
        written = cursor.fetchall()
        cursor.execute("DROP TABLE excursion_stage")
    for owner_id in sorted({owner for owner, is_measured in written if is_measured}):
        versions.bump(owner_id)
    return sum(is_measured for _, is_measured in written)


def _fills_of(trade_ids: list[int]) -> dict[int, list[TimedFill]]:
    found: defaultdict[int, list[TimedFill]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_FILLS, [trade_ids])
        for key, at, quantity, price, multiplier in cursor.fetchall():
            found[key].append(TimedFill(at, quantity, price, multiplier))
    return found


def _found(
    instrument_id: int, opened_at: datetime, closed_at: datetime, fills: Sequence[TimedFill]
) -> tuple[Excursions | None, str]:
    """The excursions by the finest bars that cover the trade, and which these are: "1m file"."""
    moments: list[datetime | None] = [fill.at for fill in fills]
    if None in moments or any(left.at > right.at for left, right in pairwise(fills)):
        return None, ""
    for timeframe, length in bars.LENGTHS.items():
        if (closed_at - opened_at) / length > MOST_BARS:
            continue
        with connection.cursor() as cursor:
            cursor.execute(_BARS, [instrument_id, timeframe, opened_at - length, closed_at])
            rows = cursor.fetchall()
        found = excursions(fills, [_bar(row, length) for row in rows])
        if found is not None:
            return found, f"{timeframe} {rows[0][5]}".strip()[:40]
    return None, ""


def _bar(row: tuple[datetime, Decimal, Decimal, Decimal, Decimal, str], length: Any) -> PriceBar:
    starts_at, opened, high, low, closed, _ = row
    return PriceBar(starts_at, starts_at + length, opened, high, low, closed)

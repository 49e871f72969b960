"""What is kept of each day's closed trades besides sums: their results in order, and their runs.

They are made with the sums by dimension (`journal.facets`) and stale with them.

Source: docs/metrics.md#rollups
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
from django.db import connection

from journal.metrics.spreads import RunsOfStretch

#: Digits after the point of what is kept.
NET_PLACES, R_PLACES = 8, 12
#: Bytes of a result.
WIDTH = 8


def _packed(column: str, places: int) -> str:
    """Results in ascending order, 8 bytes each; those that do not fit are missing, which their number tells."""
    whole = f"CASE WHEN abs({column}) < {9 * 10 ** (18 - places)} THEN ({column} * {10**places})::bigint END"
    return f"coalesce(string_agg(int8send({whole}), ''::bytea ORDER BY {column}), ''::bytea)"


#: Over closed trades `t`.
RESULTS = f"""
    count(*) AS net_count, sum(t.net_pnl) AS net_total, sum(t.net_pnl * t.net_pnl) AS net_squares,
    {_packed("t.net_pnl", NET_PLACES)} AS net_values,
    count(t.realized_r) AS r_count, coalesce(sum(t.realized_r), 0) AS r_total,
    coalesce(sum(t.realized_r * t.realized_r), 0) AS r_squares,
    {_packed("t.realized_r", R_PLACES)} AS r_values
"""
#: One letter for each trade, in closing order.
LETTERS = "string_agg(left(t.outcome, 1), '' ORDER BY t.activity_at, t.id)"

RESULT_COLUMNS = (
    "net_count", "net_total", "net_squares", "net_values", "r_count", "r_total", "r_squares", "r_values",
)  # fmt: skip
_NAMES = ", ".join(RESULT_COLUMNS)
_OVERWRITE = ", ".join(f"{name} = EXCLUDED.{name}" for name in RESULT_COLUMNS)

_OF_DAYS = """
    FROM accounts_account a JOIN trading_trade t ON t.account_id = a.id AND t.closed_on = ANY(%(days)s)
    WHERE a.owner_id = %(owner)s
"""

_WRITE_RESULTS = f"""
WITH fresh AS MATERIALIZED (
    SELECT t.currency, t.closed_on AS day, {RESULTS} {_OF_DAYS} GROUP BY 1, 2
), gone AS (
    DELETE FROM journal_resultday s WHERE s.owner_id = %(owner)s AND s.day = ANY(%(days)s)
    AND NOT EXISTS (SELECT FROM fresh n WHERE (n.day, n.currency) = (s.day, s.currency))
)
INSERT INTO journal_resultday (owner_id, currency, day, {_NAMES})
SELECT %(owner)s, currency, day, {_NAMES} FROM fresh
ON CONFLICT (owner_id, day, currency) DO UPDATE SET {_OVERWRITE}
"""  # noqa: S608 – our own text

_LETTERS = f"""
SELECT t.closed_on, min(t.activity_at), max(t.activity_at), {LETTERS} {_OF_DAYS} GROUP BY 1 ORDER BY 1
"""

_WRITE_RUNS = """
WITH gone AS (
    DELETE FROM journal_runday WHERE owner_id = %(owner)s AND day = ANY(%(days)s) AND day <> ALL(%(found)s::date[])
)
INSERT INTO journal_runday (owner_id, day, first_at, last_at, runs)
SELECT %(owner)s, s.day, s.first_at, s.last_at, s.runs
FROM unnest(%(found)s::date[], %(first)s::timestamptz[], %(last)s::timestamptz[], %(runs)s::jsonb[])
    AS s (day, first_at, last_at, runs)
ON CONFLICT (owner_id, day) DO UPDATE
SET first_at = EXCLUDED.first_at, last_at = EXCLUDED.last_at, runs = EXCLUDED.runs
"""


def write(owner_id: int, days: Sequence[date]) -> None:
    """Results and runs of these days are those of the trades that closed on them."""
    values: dict[str, Any] = {"owner": owner_id, "days": list(days)}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_RESULTS, values)
        cursor.execute(_LETTERS, values)
        found = cursor.fetchall()
        runs = [orjson.dumps(RunsOfStretch.of(letters).as_json()).decode() for *_, letters in found]
        columns = {
            "found": [row[0] for row in found],
            "first": [row[1] for row in found],
            "last": [row[2] for row in found],
            "runs": runs,
        }
        cursor.execute(_WRITE_RUNS, values | columns)

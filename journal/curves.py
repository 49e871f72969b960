"""Equity curves as they are kept: texts that the database writes, thinned to what a chart can show."""

from contextlib import nullcontext
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import chosen_trades, day_rows, reading, series
from journal.chosen_trades import Sql
from journal.conversion import Conversion
from journal.filters import MetricsFilter
from journal.metrics import formulas
from journal.metrics.formulas import EquityPoint

#: Points of a curve that a chart can show.
MOST_POINTS = 2000

# Cumulative P&L and drawdown as `formulas.equity_points` defines them: the peak starts at zero. A curve leaves the
# database as one text, which is three times as fast as a row per point. A day is there once: ROWS spares the search for
# its equals.
_CURVES = """
SELECT {group}, count(*), string_agg(
    day || ' ' || trim_scale(net_pnl) || ' ' || trim_scale(cumulative) || ' ' || trim_scale(peak - cumulative),
    E'\\n' ORDER BY day
) FROM (
    SELECT {group}, day, net_pnl, cumulative,
        greatest(max(cumulative) OVER days, 0) AS peak
    FROM (
        SELECT {group}, day, net_pnl, sum(net_pnl) OVER days AS cumulative
        FROM ({days}) days WINDOW days AS (PARTITION BY {group} ORDER BY day ROWS UNBOUNDED PRECEDING)
    ) running WINDOW days AS (PARTITION BY {group} ORDER BY day ROWS UNBOUNDED PRECEDING)
) curves GROUP BY {group} ORDER BY {group}
"""


def build(user: User, wanted: MetricsFilter, *, by_account: bool) -> dict[str, Any]:
    """The combined curve of the filter and, on demand, those of accounts, as JSON keeps them."""
    with reading.one_snapshot() if by_account else nullcontext():
        by_currency = _curve_texts(
            day_rows.by_day(user.pk, wanted),
            group="currency",
            is_finer=wanted.is_by_trade or wanted.is_by_account,
        )
        accounts = _account_curves(user.pk, wanted) if by_account else None
    target = wanted.currency or user.reporting_currency
    if not by_currency or [row[0] for row in by_currency] == [target]:
        found, combined = Conversion(target), _thinned(*by_currency[0][1:]) if by_currency else ""
    else:
        daily = [
            (currency, date.fromisoformat(line[:10]), Decimal(line.split(" ", 2)[1]))
            for currency, _, text in by_currency
            for line in text.splitlines()
        ]
        found = series.conversion_for(user, wanted, daily)
        combined = _combined(found.days(daily))
    return {
        "currency": found.currency,
        "combined": combined,
        "by_account": accounts,
        "unconverted": series.kept_unconverted(found),
    }


def _account_curves(owner_id: int, wanted: MetricsFilter) -> list[list[Any]]:
    found = _curve_texts(day_rows.by_account_and_day(owner_id, wanted), group="account_id, currency")
    where, values = chosen_trades.accounts_where(owner_id, wanted)
    accounts = reading.rows(
        f"SELECT a.id, a.public_id::text, a.name FROM accounts_account a WHERE {where}",  # noqa: S608
        values,
    )
    names = {pk: (name, key) for pk, key, name in accounts}
    found.sort(key=lambda row: (*names[row[0]], row[1]))
    return [[names[pk][1], names[pk][0], currency, _thinned(count, text)] for pk, currency, count, text in found]


def _curve_texts(source: Sql, *, group: str, is_finer: bool = False) -> reading.Rows:
    """The group, the number of points and the curve of each group. `is_finer`: it has several rows per day."""
    table, values = source
    days = f"SELECT {group}, r.day, r.net_pnl FROM {table}"  # noqa: S608
    if is_finer:
        days = f"SELECT {group}, r.day, sum(r.net_pnl) AS net_pnl FROM {table} GROUP BY {group}, r.day"  # noqa: S608
    return reading.rows(_CURVES.format(group=group, days=days), values)


def _thinned(count: int, text: str) -> str:
    """The curve with at most as many points as a chart can show."""
    if count <= MOST_POINTS:
        return text
    lines = {line[:10]: line for line in text.splitlines()}
    points = []
    for day, line in lines.items():
        _, _, cumulative, drawdown = line.split(" ")
        points.append(EquityPoint(date.fromisoformat(day), Decimal(cumulative), Decimal(drawdown)))
    return "\n".join(lines[point.day.isoformat()] for point in formulas.thin(points, MOST_POINTS))


def _combined(daily: list[tuple[date, Decimal]]) -> str:
    """The curve of a series that was converted, as the database writes one that was not."""
    points = formulas.equity_points(daily)
    text = "\n".join(
        f"{day.isoformat()} {plain(net_pnl)} {plain(point.cumulative)} {plain(point.drawdown)}"
        for (day, net_pnl), point in zip(daily, points, strict=True)
    )
    return _thinned(len(points), text)

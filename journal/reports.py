"""The answers of the journal: aggregate metrics and equity curves. They read stored sums and write nothing.

`journal.breakdowns` and `journal.account_stats` hold the other answers; they and this alone use the cache.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import conversion, day_rows, reading, series
from journal.conversion import Conversion, DayMoney
from journal.day_rows import Sql
from journal.figures import (
    AccountCurve,
    AccountFigures,
    AggregateMetrics,
    Curve,
    EquityCurve,
    Figures,
    totals_of,
)
from journal.filters import NO_BROKER, MetricsFilter
from journal.metrics import formulas
from journal.metrics.formulas import EquityPoint
from journal.metrics.rollups import COLUMNS
from journal.metrics.totals import Streaks
from trading.models import Outcome

#: Points of a curve that a chart can show.
MOST_POINTS = 2000

#: Columns that have no currency, so that they can be summed over all of them.
_COUNTS = {
    name for name in COLUMNS if name.endswith(("_count", "_seconds")) or name.startswith(("r_", "planned_r_"))
} - {"broker_count"}


def aggregate_metrics(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> AggregateMetrics:
    """Every metric of the trades that the filter lets through, with all accounts in scope.

    In scope is what the filters by account and broker leave, archived accounts included; the other filters choose
    trades. `fresh` goes past the cache. Source: docs/metrics.md
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["metrics", wanted],
        build=lambda: _metrics(user, wanted),
        fresh=fresh,
        reads_facets=day_rows.reads_facets(wanted),
    )
    best, worst = kept["best"], kept["worst"]
    return AggregateMetrics(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        reporting_currency=user.reporting_currency,
        figures=Figures.of(kept["figures"], counts=kept["counts"]),
        counts=totals_of(kept["counts"]),
        by_currency=tuple(Figures.of(values) for values in kept["by_currency"]),
        unconverted=series.unconverted_of(kept["unconverted"]),
        account_rows=kept["accounts"],
        best_account=AccountFigures.of(best) if best else None,
        worst_account=AccountFigures.of(worst) if worst else None,
        accounts_by_broker=kept["brokers"],
        starting_equity=kept["starting"] and Decimal(kept["starting"]),
        **_series_of(kept["series"]),
    )


def equity_curve(
    user: User, wanted: MetricsFilter | None = None, *, by_account: bool = False, fresh: bool = False
) -> EquityCurve:
    """The cumulative P&L by trading day of all that the filter lets through, and on demand of each account.

    The combined curve is in the reporting currency as `aggregate_metrics` has it; an account's curves are in the
    currencies that it traded in, one curve for each. A curve has at most 2,000 points. `fresh` goes past the cache.
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["curve", wanted, by_account],
        build=lambda: _curves(user, wanted, by_account=by_account),
        fresh=fresh,
        reads_facets=day_rows.reads_facets(wanted),
    )
    curves = kept["by_account"]
    return EquityCurve(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        combined=Curve(kept["currency"], kept["combined"]),
        by_account=None
        if curves is None
        else [AccountCurve(key, name, Curve(currency, points)) for key, name, currency, points in curves],
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _metrics(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        by_currency = _totals_by_currency(user.pk, wanted)
        daily = series.daily_series(user.pk, wanted)
        found = series.conversion_for(user, wanted, daily)
        headline = _headline(user.pk, wanted, found, by_currency)
        accounts, balances = _account_rows(user.pk, wanted, found)
        starting = _starting_equity(user.pk, wanted, found, balances, daily)
    traded = [row for row in accounts if row[8] and row[7] is not None]
    return {
        "figures": headline,
        "counts": _counts(by_currency),
        "by_currency": by_currency,
        "unconverted": series.kept_unconverted(found),
        "accounts": accounts,
        "best": max(traded, key=_converted_pnl, default=None),
        "worst": min(traded, key=_converted_pnl, default=None),
        "brokers": dict(Counter(row[2] or NO_BROKER for row in accounts)),
        "starting": None if starting is None else plain(starting),
        "series": _series(found.days(daily), starting),
    }


def _converted_pnl(row: Sequence[Any]) -> Decimal:
    return Decimal(row[7])


def _totals_by_currency(owner_id: int, wanted: MetricsFilter) -> list[list[Any]]:
    source, values = day_rows.by_day(owner_id, wanted)
    return [
        list(row)
        for row in reading.rows(
            f"SELECT r.currency, {day_rows.sums()} FROM {source} GROUP BY r.currency ORDER BY 1",  # noqa: S608
            values,
        )
    ]


def _headline(owner_id: int, wanted: MetricsFilter, found: Conversion, by_currency: list[list[Any]]) -> list[Any]:
    """The currency of the answer and its totals."""
    if found.rates is None:
        return by_currency[0] if by_currency else [found.currency, *[None] * len(COLUMNS)]
    source, values = day_rows.by_day(owner_id, wanted)
    join, rates = found.join()
    (sums,) = reading.rows(
        f"SELECT {day_rows.sums(at_rates=True)} FROM (SELECT * FROM {source}) r {join}",  # noqa: S608
        [*values, *rates],
    )
    return [found.currency, *sums]


def _counts(by_currency: list[list[Any]]) -> list[Any]:
    """What has no currency, summed over all of them; the money columns are left out."""
    summed: list[Any] = []
    for place, name in enumerate(COLUMNS, start=1):
        if name not in _COUNTS:
            summed.append(None)
        elif name.endswith(("_count", "_seconds")):
            summed.append(sum(row[place] for row in by_currency))
        else:
            summed.append(str(sum((Decimal(row[place]) for row in by_currency), Decimal(0))))
    return summed


def _account_rows(
    owner_id: int, wanted: MetricsFilter, found: Conversion
) -> tuple[list[list[Any]], list[tuple[str, Decimal | None]]]:
    """Every account in scope as `AccountFigures` keeps it, and its currency with its starting balance."""
    source, values = day_rows.by_account(owner_id, wanted)
    where, account_values = day_rows.accounts_where(owner_id, wanted)
    sums = "r.account_id, r.currency, r.trade_count, r.win_count, r.net_pnl"
    group = ""
    if wanted.is_by_trade or wanted.is_by_day:  # or else there is one row of each account and currency
        sums = (
            "r.account_id, r.currency, sum(r.trade_count)::bigint AS trade_count, "
            "sum(r.win_count)::bigint AS win_count, sum(r.net_pnl) AS net_pnl"
        )
        group = "GROUP BY r.account_id, r.currency"
    sql = (
        "SELECT a.id, a.public_id::text, a.name, a.broker, a.currency, a.initial_balance, s.currency, "  # noqa: S608
        "coalesce(s.trade_count, 0), coalesce(s.win_count, 0), trim_scale(s.net_pnl)::text "
        f"FROM accounts_account a LEFT JOIN (SELECT {sums} FROM {source} {group}) s ON s.account_id = a.id "
        f"WHERE {where} ORDER BY a.name, a.id, s.currency"
    )
    accounts: list[list[Any]] = []
    balances = []
    others: dict[int, list[Any]] = {}
    last = None
    for pk, key, name, broker, own, balance, currency, trades, wins, pnl in reading.rows(
        sql, [*values, *account_values]
    ):
        if pk == last:  # a second currency: its sums are in one currency or in none
            row = accounts[-1]
            row[3], row[6], row[7], others[pk] = found.currency or own, None, None, row
            row[4] += trades
            row[5] += wins
            continue
        last = pk
        is_same = currency is None or currency == found.currency
        row = [key, name, broker, currency or own, trades, wins, pnl or "0", (pnl or "0") if is_same else None,
               pnl is not None]  # fmt: skip
        accounts.append(row)
        balances.append((own, balance))
        if not is_same:
            others[pk] = row
    if others and found.rates:
        _convert_accounts(owner_id, wanted, found, others)
    return accounts, balances


def _convert_accounts(owner_id: int, wanted: MetricsFilter, found: Conversion, rows: dict[int, list[Any]]) -> None:
    """The rows of accounts that traded in other currencies have their P&L in the answer's, where all of it can be."""
    source, values = day_rows.by_account_and_day(owner_id, wanted)
    join, rates = found.join()
    for pk, pnl, is_whole in reading.rows(
        "SELECT r.account_id, trim_scale(sum(r.net_pnl * x.rate))::text, bool_and(x.rate IS NOT NULL) "  # noqa: S608
        f"FROM (SELECT * FROM {source}) r LEFT {join} WHERE r.account_id = ANY(%s) GROUP BY r.account_id",
        [*values, *rates, list(rows)],
    ):
        if is_whole:
            row = rows[pk]
            row[7] = pnl
            row[6] = row[6] if row[6] is not None else pnl


def _starting_equity(
    owner_id: int,
    wanted: MetricsFilter,
    found: Conversion,
    balances: list[tuple[str, Decimal | None]],
    daily: list[DayMoney],
) -> Decimal | None:
    """What the accounts in scope held before the first day, in the answer's currency.

    Balances in another currency are worth what the first day's rate says. None unless every account has a balance and
    every currency a rate.
    """
    opening = wanted.start or min((day for _, day, _ in daily), default=None)
    if not balances or found.currency is None or opening is None:
        return None
    currencies = {currency for currency, _ in balances} - {found.currency}
    rates = conversion.rates_into(found.currency, wanted=[(currency, opening) for currency in currencies])
    total = Decimal(0)
    for currency, balance in balances:
        rate = Decimal(1) if currency == found.currency else rates.get((currency, opening))
        if balance is None or rate is None:
            return None
        total += balance * rate
    if wanted.start is None:
        return total or None
    before = series.daily_series(
        owner_id,
        MetricsFilter(
            accounts=wanted.accounts,
            broker=wanted.broker,
            group=wanted.group,
            account_tag=wanted.account_tag,
            end=wanted.start - timedelta(days=1),
        ),
    )
    earned = conversion.resolve(before, target=found.currency)
    if earned.unconverted or earned.currency != found.currency:
        return None
    return total + sum((net_pnl for _, net_pnl in earned.days(before)), Decimal(0))


def _series(daily: list[tuple[date, Decimal]], starting: Decimal | None) -> dict[str, Any]:
    """What the order of days decides."""
    streaks = Streaks.from_outcomes(_outcome(net_pnl) for _, net_pnl in daily)
    best = max(daily, key=lambda entry: entry[1], default=None)
    worst = min(daily, key=lambda entry: entry[1], default=None)
    sharpe, sortino = formulas.sharpe(daily, starting), formulas.sortino(daily, starting)
    return {
        "trading_days": len(daily),
        "streaks": asdict(streaks),
        "best_day": best and [best[0].isoformat(), plain(best[1])],
        "worst_day": worst and [worst[0].isoformat(), plain(worst[1])],
        "max_drawdown": series.kept_drawdown(formulas.max_drawdown(daily, starting)),
        "sharpe": None if sharpe is None else str(sharpe),
        "sortino": None if sortino is None else str(sortino),
    }


def _series_of(kept: dict[str, Any]) -> dict[str, Any]:
    def day(value: list[str] | None) -> tuple[date, Decimal] | None:
        return (date.fromisoformat(value[0]), Decimal(value[1])) if value else None

    return {
        "trading_days": kept["trading_days"],
        "day_streaks": Streaks(**kept["streaks"]),
        "best_day": day(kept["best_day"]),
        "worst_day": day(kept["worst_day"]),
        "max_drawdown": series.drawdown_of(kept["max_drawdown"]),
        "sharpe": kept["sharpe"] and Decimal(kept["sharpe"]),
        "sortino": kept["sortino"] and Decimal(kept["sortino"]),
    }


def _outcome(net_pnl: Decimal) -> str:
    if not net_pnl:
        return Outcome.BREAKEVEN
    return Outcome.WIN if net_pnl > 0 else Outcome.LOSS


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


def _curves(user: User, wanted: MetricsFilter, *, by_account: bool) -> dict[str, Any]:
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
    where, values = day_rows.accounts_where(owner_id, wanted)
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

"""The answers of the journal: aggregate metrics and equity curves. They read stored sums and write nothing.

`journal.breakdowns` and `journal.account_stats` hold the other answers; they and this alone use the cache.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import chosen_trades, conversion, curves, day_rows, reading, series
from journal.conversion import Conversion, DayMoney
from journal.figures import (
    AccountCurve,
    AccountsPart,
    AggregateMetrics,
    Curve,
    EquityCurve,
    Figures,
    WithoutBalance,
    totals_of,
)
from journal.filters import NO_BROKER, MetricsFilter
from journal.metrics import formulas
from journal.metrics.rollups import COLUMNS
from journal.metrics.totals import Streaks, Totals
from trading.models import Outcome

#: Currency, day, and what was made.
DaySums = tuple[str, date, Totals]

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
        parts_read=day_rows.parts_read(wanted),
    )
    return AggregateMetrics(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        reporting_currency=user.reporting_currency,
        figures=Figures.of(kept["figures"], counts=kept["counts"]),
        counts=totals_of(kept["counts"]),
        by_currency=tuple(Figures.of(values) for values in kept["by_currency"]),
        unconverted=series.unconverted_of(kept["unconverted"]),
        by_account=_accounts_of(user, wanted, kept, fresh=fresh),
        starting_equity=kept["starting"] and Decimal(kept["starting"]),
        without_balance=WithoutBalance.of(kept.get("without_balance")),
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
        build=lambda: curves.build(user, wanted, by_account=by_account),
        fresh=fresh,
        parts_read=day_rows.parts_read(wanted),
    )
    return EquityCurve(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        combined=Curve(kept["currency"], kept["combined"]),
        by_account=None
        if kept["by_account"] is None
        else [AccountCurve(key, name, Curve(currency, points)) for key, name, currency, points in kept["by_account"]],
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _accounts_of(user: User, wanted: MetricsFilter, kept: dict[str, Any], *, fresh: bool) -> Callable[[], AccountsPart]:
    """The accounts of these metrics: kept with them, or an answer of their own where their trades have to be read."""
    if not wanted.is_by_trade:
        return lambda: AccountsPart(*kept["accounts"])
    currencies = [row[0] for row in kept["by_currency"]]
    is_one = set(currencies) <= {kept["figures"][0]}

    @cache
    def part() -> AccountsPart:
        found = reading.answer(
            "aggregate",
            user,
            parts=["accounts of metrics", wanted],
            build=lambda: _accounts(user, wanted, Conversion(kept["figures"][0]) if is_one else None),
            fresh=fresh,
        )
        return AccountsPart(*found["accounts"])

    return part


def _accounts(user: User, wanted: MetricsFilter, conversion: Conversion | None) -> dict[str, Any]:
    with reading.one_snapshot():
        found = conversion or series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        rows, _ = _account_rows(user.pk, wanted, found)
    return {"accounts": list(_accounts_part(rows))}


def _accounts_part(rows: list[list[Any]]) -> AccountsPart:
    traded = [row for row in rows if row[8] and row[7] is not None]
    return AccountsPart(
        rows=rows,
        best=max(traded, key=_converted_pnl, default=None),
        worst=min(traded, key=_converted_pnl, default=None),
        brokers=dict(Counter(row[2] or NO_BROKER for row in rows)),
    )


def _metrics(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        days = _sums_by_day(user.pk, wanted) if wanted.is_by_trade else None
        by_currency = _totals_by_currency(user.pk, wanted) if days is None else _merged(days)
        daily = (
            series.daily_series(user.pk, wanted)
            if days is None
            else [(currency, day, totals.net_pnl) for currency, day, totals in days]
        )
        found = series.conversion_for(user, wanted, daily)
        headline = _headline(user.pk, wanted, found, by_currency, days)
        accounts = None
        if days is None:
            rows, balances = _account_rows(user.pk, wanted, found)
            accounts = list(_accounts_part(rows))
            named = [(row[0], row[1]) for row in rows]
        else:
            balances, named = _balances(user.pk, wanted)
        starting = starting_equity(user.pk, wanted, found, balances, daily)
    return {
        "figures": headline,
        "counts": _counts(by_currency),
        "by_currency": by_currency,
        "unconverted": series.kept_unconverted(found),
        "accounts": accounts,
        "starting": None if starting is None else plain(starting),
        "without_balance": WithoutBalance.kept(
            [name for name, (_currency, balance) in zip(named, balances, strict=True) if balance is None]
        ),
        "series": _series(found.days(daily), starting),
    }


def _converted_pnl(row: Sequence[Any]) -> Decimal:
    return Decimal(row[7])


def _sums_by_day(owner_id: int, wanted: MetricsFilter) -> list[DaySums]:
    """The totals of each currency and day: what has to be summed from trades is read once and folded here."""
    source, values = day_rows.by_day(owner_id, wanted)
    found = reading.rows(
        f"SELECT r.currency, r.day, {day_rows.sums()} FROM {source} GROUP BY r.currency, r.day ORDER BY 1, 2",  # noqa: S608
        values,
    )
    return [(currency, day, totals_of(sums)) for currency, day, *sums in found]


def _merged(days: list[DaySums]) -> list[list[Any]]:
    """Per currency as `day_rows.sums` gives it."""
    by_currency: dict[str, list[Totals]] = {}
    for currency, _, totals in days:
        by_currency.setdefault(currency, []).append(totals)
    return [[currency, *_as_text(Totals.merged(parts))] for currency, parts in by_currency.items()]


def _as_text(totals: Totals) -> list[Any]:
    values = [getattr(totals, name) for name in COLUMNS]
    return [plain(value) if isinstance(value, Decimal) else value for value in values]


def _totals_by_currency(owner_id: int, wanted: MetricsFilter) -> list[list[Any]]:
    source, values = day_rows.by_day(owner_id, wanted)
    return [
        list(row)
        for row in reading.rows(
            f"SELECT r.currency, {day_rows.sums()} FROM {source} GROUP BY r.currency ORDER BY 1",  # noqa: S608
            values,
        )
    ]


def _balances(owner_id: int, wanted: MetricsFilter) -> tuple[list[tuple[str, Decimal | None]], list[tuple[str, str]]]:
    """Currency and starting balance of each account in scope, and their ids and names in the same order."""
    where, values = chosen_trades.accounts_where(owner_id, wanted)
    rows = reading.rows(
        "SELECT a.currency, a.initial_balance, a.public_id::text, a.name "  # noqa: S608
        f"FROM accounts_account a WHERE {where} ORDER BY a.name, a.id",
        values,
    )
    return [(row[0], row[1]) for row in rows], [(row[2], row[3]) for row in rows]


def _headline(
    owner_id: int,
    wanted: MetricsFilter,
    found: Conversion,
    by_currency: list[list[Any]],
    days: list[DaySums] | None,
) -> list[Any]:
    """The currency of the answer and its totals."""
    if found.rates is None:
        return by_currency[0] if by_currency else [found.currency, *[None] * len(COLUMNS)]
    if days is not None:
        rates = found.rates
        worth = [day_rows.at_rate(totals, rates[c, day]) for c, day, totals in days if (c, day) in rates]
        return [found.currency, *(_as_text(Totals.merged(worth)) if worth else [None] * len(COLUMNS))]
    source, values = day_rows.by_day(owner_id, wanted)
    join, rate_values = found.join()
    (sums,) = reading.rows(
        f"SELECT {day_rows.sums(at_rates=True)} FROM (SELECT * FROM {source}) r {join}",  # noqa: S608
        [*values, *rate_values],
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
    where, account_values = chosen_trades.accounts_where(owner_id, wanted)
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


def starting_equity(
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

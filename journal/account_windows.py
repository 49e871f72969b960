"""Any stretch of a list of accounts with what they traded, in any order: ten thousand cost what ten cost.

The order of all accounts that a filter finds is kept as their primary keys; a stretch of it is then a slice, and the
accounts of the slice alone are read.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from accounts import paging
from accounts import reports as account_reports
from accounts.errors import InvalidValue
from accounts.models import User
from accounts.reports import AccountFilters, AccountRow
from journal import chosen_trades, conversion, day_rows, reading, reports
from journal.chosen_trades import Sql
from journal.figures import Answer, Figures
from journal.filters import MetricsFilter
from journal.metrics.totals import Totals

#: Rows of one answer, and at most. The first of them are painted with the page.
WINDOW, LARGEST_WINDOW = 50, 200
DEFAULT_ORDER = "name"

_OF_ACCOUNT = {
    "name": "upper(a.name)",
    "broker": "upper(nullif(a.broker, ''))",
    "number": "nullif(a.number, '')",
    "kind": "a.kind",
    "status": "a.status",
    "currency": "a.currency",
    "created_at": "a.created_at",
    "updated_at": "a.updated_at",
    "group": "(SELECT g.position FROM accounts_accountgroup g WHERE g.id = a.group_id)",
    # Amounts of different currencies are not compared: each currency by itself.
    "balance": "a.currency, a.initial_balance",
}
_OF_TRADES = {
    "trades": "nullif(s.trade_count, 0)",
    "win_rate": "s.win_count / nullif(s.trade_count, 0)::numeric",
    "first_trade": "s.first_day",
    "last_trade": "s.last_day",
    "pnl": "s.net_pnl",
    "profit_factor": "s.gross_profit / nullif(s.gross_loss, 0)",
    "expectancy": "s.currency, (s.gross_profit - s.gross_loss + s.breakeven_net) / nullif(s.trade_count, 0)",
    "fees": "s.currency, s.fees",
    "r": "s.r_sum",
}
#: What a list of accounts can be ordered by. What has no value is last, whichever the direction.
ORDERS = (*_OF_ACCOUNT, *_OF_TRADES)

# Sums of money only where all of it is in one currency.
_ONE = "CASE WHEN count(*) = 1 THEN sum({0}) END AS {0}"
_SUMS = f"""
LEFT JOIN (
    SELECT r.account_id, sum(r.trade_count) AS trade_count, sum(r.win_count) AS win_count, min(r.currency) AS currency,
        min(r.first_day) AS first_day, max(r.last_day) AS last_day,
        CASE WHEN sum(r.r_count) > 0 THEN sum(r.r_sum) END AS r_sum,
        {", ".join(_ONE.format(name) for name in ("net_pnl", "gross_profit", "gross_loss", "breakeven_net", "fees"))}
    FROM (<totals>) r GROUP BY r.account_id
) s ON s.account_id = a.id
"""  # noqa: S608 – our own text

_MONEY = ("net_pnl", "gross_profit", "gross_loss", "breakeven_net", "fees")
_COUNTS = ("trade_count", "win_count", "loss_count", "breakeven_count", "r_count")
_STATS_COLUMNS = "a.is_sample, s.r_sum, s.counts, s.first_day, s.last_day, s.currencies, s.money"
_STATS = f"""
LEFT JOIN LATERAL (
    SELECT sum(r.r_sum)::text AS r_sum, ARRAY[{", ".join(f"sum(r.{name})::bigint" for name in _COUNTS)}] AS counts,
        min(r.first_day)::text AS first_day, max(r.last_day)::text AS last_day,
        array_agg(r.currency ORDER BY r.currency) AS currencies,
        array_agg(ARRAY[{", ".join(f"trim_scale(r.{name})::text" for name in _MONEY)}] ORDER BY r.currency) AS money
    FROM (<totals>) r
) s ON true
"""  # noqa: S608 – our own text


@dataclass(frozen=True, slots=True)
class AccountsWindow:
    """Which stretch of which accounts, in which order: a name of `ORDERS`, with a minus in front for descending.

    `scope` is what every page can be limited to: its accounts are the only ones in the list, and figures are of its
    days and its currency. `with_falls` asks for the max drawdowns as well, which follow from days.
    """

    filters: AccountFilters = field(default_factory=AccountFilters)
    order: str = DEFAULT_ORDER
    offset: int = 0
    limit: int = WINDOW
    with_falls: bool = False
    scope: MetricsFilter = field(default_factory=MetricsFilter)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """An account with what it traded. `figures` has no money where that is in several currencies.

    `net_pnl` is in `pnl_currency`: that of its trades, else converted into the account's own; None without a rate.
    `max_drawdown` is a magnitude in the same; None where it was not asked for or money is in several currencies.
    """

    account: AccountRow
    is_sample: bool
    figures: Figures
    net_pnl: Decimal | None
    pnl_currency: str
    first_day: date | None
    last_day: date | None
    has_several: bool
    max_drawdown: Decimal | None = None

    @property
    def trade_count(self) -> int:
        return self.figures.trade_count


@dataclass(frozen=True, slots=True)
class Window(Answer):
    """The rows of a window, and how many the whole list has."""

    rows: list[WindowRow]
    total: int


def window(user: User, wanted: AccountsWindow, *, fresh: bool = False) -> Window:
    """The stretch of this person's accounts that is asked for; past the end it is empty.

    Every account is in the list once, and equal ones stand in one order: by name, then by age. Raises InvalidValue.
    """
    paging.order_of(wanted.order, allowed=ORDERS, default=DEFAULT_ORDER)
    if not (wanted.offset >= 0 and 1 <= wanted.limit <= LARGEST_WINDOW):
        raise InvalidValue(_("A window has 1 to %(most)s rows.") % {"most": LARGEST_WINDOW}, pointer="?limit")
    parts = ["account window", wanted.filters, wanted.order, wanted.offset, wanted.limit, wanted.with_falls]
    parts.append(wanted.scope)

    def build() -> dict[str, Any]:
        ids = ordered(user, wanted.filters, wanted.order, scope=wanted.scope, fresh=fresh)
        shown = ids[wanted.offset : wanted.offset + wanted.limit]
        falls = _falls(user.pk, shown, wanted.scope) if wanted.with_falls and shown else {}
        rows = _rows(user.pk, shown, wanted.scope)
        return {"rows": [[*row, falls.get(row[0])] for row in rows], "total": len(ids)}

    kept = reading.answer("stats", user, parts=parts, build=build, fresh=fresh)
    return Window(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        rows=[_row(values) for values in kept["rows"]],
        total=kept["total"],
    )


def ids_of(user: User, filters: AccountFilters, scope: MetricsFilter) -> list[int]:
    """The primary keys of all accounts that the filters find among those of the scope."""
    condition, values = _where(user.pk, filters, scope)
    return [row[0] for row in reading.rows(f"SELECT a.id FROM accounts_account a WHERE {condition}", values)]  # noqa: S608


def ordered(
    user: User,
    filters: AccountFilters,
    order: str = DEFAULT_ORDER,
    *,
    scope: MetricsFilter | None = None,
    fresh: bool = False,
) -> list[int]:
    """The primary keys of all accounts that the filters find among those of the scope, in this order."""
    about = scope or MetricsFilter()
    kept = reading.answer(
        "stats",
        user,
        parts=["account order", filters, order, about],
        build=lambda: {"ids": _ordered(user, filters, order, about)},
        fresh=fresh,
    )
    ids: list[int] = kept["ids"]
    return ids


def _where(owner_id: int, filters: AccountFilters, scope: MetricsFilter) -> Sql:
    """The condition on `accounts_account a` that the filters mean, and which accounts the scope has."""
    condition, values = account_reports.where_sql(owner_id, filters)
    conditions = [condition]
    chosen_trades.add_accounts(conditions, values, scope, column="a.id")
    return " AND ".join(conditions), values


def _totals(owner_id: int, scope: MetricsFilter, condition: str = "true") -> Sql:
    """The sums of each account and currency: the kept ones, or those of the scope's days alone."""
    source, values = day_rows.by_account(owner_id, _of_days(scope))
    source = f"{source} AND {condition}"
    if not scope.is_by_day:
        return f"SELECT r.* FROM {source}", values  # noqa: S608 – our own text
    sums = ", ".join(f"sum(r.{name}) AS {name}" for name in (*_COUNTS, *_MONEY, "r_sum"))
    columns = f"r.account_id, r.currency, min(r.day) AS first_day, max(r.day) AS last_day, {sums}"
    return f"SELECT {columns} FROM {source} GROUP BY r.account_id, r.currency", values  # noqa: S608 – our own text


def _of_days(scope: MetricsFilter, accounts: Sequence[int] | None = None) -> MetricsFilter:
    """The days and the currency of the scope, of these accounts."""
    ids = None if accounts is None else tuple(accounts)
    return MetricsFilter(accounts=ids, start=scope.start, end=scope.end, currency=scope.currency)


def _ordered(user: User, filters: AccountFilters, order: str, scope: MetricsFilter) -> list[int]:
    name, is_descending = order.removeprefix("-"), order.startswith("-")
    condition, values = _where(user.pk, filters, scope)
    if name == "pnl" and scope.currency is None and _has_several_currencies(user.pk):
        return _by_converted_pnl(user, condition, values, _of_days(scope), is_descending=is_descending)
    expression = _OF_ACCOUNT.get(name) or _OF_TRADES[name]
    direction = "DESC" if is_descending else "ASC"
    columns = ", ".join(f"{each} {direction} NULLS LAST" for each in _split(expression))
    joins, join_values = _joined(_SUMS, _totals(user.pk, scope)) if name in _OF_TRADES else ("", [])
    sql = (
        f"SELECT a.id FROM accounts_account a {joins} WHERE {condition} "  # noqa: S608 – our own text
        f"ORDER BY {columns}, upper(a.name), a.id"
    )
    return [row[0] for row in reading.rows(sql, [*join_values, *values])]


def _joined(join: str, totals: Sql) -> Sql:
    text, values = totals
    return join.replace("<totals>", text), values


def _split(expression: str) -> list[str]:
    """The currency in front of an amount, and the amount."""
    head, _, rest = expression.partition(", ")
    return [head, rest] if rest and head.endswith("currency") else [expression]


def _has_several_currencies(owner_id: int) -> bool:
    found = reading.rows("SELECT DISTINCT currency FROM journal_accounttotals WHERE owner_id = %s LIMIT 2", [owner_id])
    return len(found) > 1


def _by_converted_pnl(
    user: User, condition: str, values: Sequence[Any], days: MetricsFilter, *, is_descending: bool
) -> list[int]:
    """By what each account made in the person's reporting currency, as the dashboard ranks them."""
    metrics = reports.aggregate_metrics(user, days)
    amounts = {each.id: each.converted_pnl for each in metrics.accounts if each.has_traded}
    found = reading.rows(
        f"SELECT a.id, a.public_id::text FROM accounts_account a WHERE {condition} "  # noqa: S608 – our own text
        "ORDER BY upper(a.name), a.id",
        values,
    )
    known = [(amount, pk) for pk, key in found if (amount := amounts.get(key)) is not None]
    known.sort(key=lambda pair: -pair[0] if is_descending else pair[0])
    placed = {pk for _, pk in known}
    return [pk for _, pk in known] + [pk for pk, _ in found if pk not in placed]


def _rows(owner_id: int, ids: Sequence[int], scope: MetricsFilter) -> list[list[Any]]:
    """The accounts as JSON keeps them: the account's values, then those of `_STATS_COLUMNS` and the converted P&L."""
    joins, join_values = _joined(_STATS, _totals(owner_id, scope, "r.account_id = a.id"))
    sql, values = account_reports.picked_sql(owner_id, ids, extra_columns=_STATS_COLUMNS, extra_joins=joins)
    found = [list(row) for row in reading.rows(sql, [*values, *join_values])]
    several = {row[0]: row[7] for row in found if len(row[-2] or ()) > 1}
    converted = _converted(owner_id, several, scope) if several else {}
    return [[*row, converted.get(row[0])] for row in found]


def _falls(owner_id: int, ids: Sequence[int], scope: MetricsFilter) -> dict[int, str]:
    """How far the closed equity of each of these accounts fell at most, of those whose money is in one currency.

    Source: docs/metrics.md#max-drawdown
    """
    source, values = day_rows.by_account_and_day(owner_id, _of_days(scope, ids))
    found = reading.rows(
        f"""
        SELECT account_id, trim_scale(max(peak - cumulative))::text FROM (
            SELECT account_id, currency, cumulative, greatest(max(cumulative) OVER days, 0) AS peak FROM (
                SELECT r.account_id, r.currency, r.day, sum(r.net_pnl) OVER days AS cumulative FROM {source}
                WINDOW days AS (PARTITION BY r.account_id ORDER BY r.day ROWS UNBOUNDED PRECEDING)
            ) running WINDOW days AS (PARTITION BY account_id ORDER BY day ROWS UNBOUNDED PRECEDING)
        ) curve GROUP BY account_id HAVING count(DISTINCT currency) = 1
        """,  # noqa: S608 – our own text; every value is a parameter
        values,
    )
    return dict(found)


def _converted(owner_id: int, own: dict[int, str], scope: MetricsFilter) -> dict[int, str | None]:
    """The whole P&L of accounts that traded in several currencies, in the one of their own; None without a rate."""
    source, values = day_rows.by_account_and_day(owner_id, _of_days(scope, list(own)))
    daily = reading.rows(f"SELECT r.account_id, r.currency, r.day, r.net_pnl FROM {source}", values)  # noqa: S608
    rates = conversion.rates_between((currency, own[pk], day) for pk, currency, day, _ in daily)
    totals: defaultdict[int, Decimal | None] = defaultdict(Decimal)
    for pk, currency, day, net_pnl in daily:
        rate, sum_so_far = rates.get((currency, own[pk], day)), totals[pk]
        totals[pk] = None if rate is None or sum_so_far is None else sum_so_far + net_pnl * rate
    return {pk: None if total is None else str(total) for pk, total in totals.items()}


def _row(values: Sequence[Any]) -> WindowRow:
    is_sample, r_sum, counts, first_day, last_day, currencies, money, converted, fall = values[account_reports.WIDTH :]
    account = account_reports.account_row(values)
    amounts: dict[str, Any] = dict(zip(_COUNTS, (each or 0 for each in counts), strict=True))
    amounts["r_sum"] = Decimal(r_sum or 0)
    has_several = len(currencies or ()) > 1
    if currencies and not has_several:
        amounts.update(zip(_MONEY, map(Decimal, money[0]), strict=True))
        figures = Figures(currencies[0], Totals(**amounts))
        net_pnl, currency = figures.net_pnl, currencies[0]
    elif has_several:
        figures, currency = Figures(None, Totals(**amounts)), account.currency
        net_pnl = None if converted is None else Decimal(converted)
    else:
        figures, net_pnl, currency = Figures(account.currency, Totals(**amounts)), None, account.currency
    return WindowRow(
        account=account,
        is_sample=is_sample,
        figures=figures,
        net_pnl=net_pnl,
        pnl_currency=currency,
        first_day=first_day and date.fromisoformat(first_day),
        last_day=last_day and date.fromisoformat(last_day),
        has_several=has_several,
        max_drawdown=None if fall is None else Decimal(fall),
    )

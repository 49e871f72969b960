"""Answers about accounts with what their trades came to: one account, and lists page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from accounts import paging
from accounts import reports as account_reports
from accounts.models import User
from accounts.paging import Page
from accounts.reports import AccountRow, AccountsQuery
from journal import conversion, reading, series
from journal.figures import AccountStats, Answer
from journal.filters import MetricsFilter

# One row per account, whatever the number of its currencies.
_STATS_COLUMNS = "s.trade_count, s.last_day::text, s.currencies, s.amounts"
_STATS_JOIN = """
LEFT JOIN LATERAL (
    SELECT sum(r.trade_count)::bigint AS trade_count, max(r.last_day) AS last_day,
        array_agg(r.currency ORDER BY r.currency) AS currencies,
        array_agg(trim_scale(r.net_pnl)::text ORDER BY r.currency) AS amounts
    FROM journal_accounttotals r WHERE r.account_id = a.id
) s ON true
"""


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account with its trade count, P&L in `pnl_currency`, and last day with an exit."""

    account: AccountRow
    trade_count: int
    total_pnl: Decimal | None
    pnl_currency: str
    last_trade_date: date | None


@dataclass(frozen=True, slots=True)
class ListedAccounts(Answer):
    """One page of accounts with their stats."""

    page: Page[ListedAccount]


def account_stats(user: User, public_id: str, *, fresh: bool = False) -> AccountStats | None:
    """What this person's account has traded; None if there is none with this id or it is another's."""
    kept = reading.answer("stats", user, parts=[public_id], build=lambda: _account(user.pk, public_id), fresh=fresh)
    if kept["stats"] is None:
        return None
    trade_count, total_pnl, currency, last_day = kept["stats"]
    return AccountStats(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        trade_count=trade_count,
        total_pnl=None if total_pnl is None else Decimal(total_pnl),
        currency=currency,
        last_trade_date=last_day and date.fromisoformat(last_day),
    )


def accounts_with_stats(user: User, query: AccountsQuery | None = None, *, fresh: bool = False) -> ListedAccounts:
    """One page of this person's accounts, each with its stats, in the orders of `accounts.reports`.

    Raises InvalidCursor, or InvalidValue for an unknown order or limit.
    """
    query = query or AccountsQuery()
    listing = account_reports.listing_of(user, query, name="accounts with stats")

    def build() -> dict[str, Any]:
        sql, values = account_reports.page_sql(
            user.pk, query, listing, extra_columns=_STATS_COLUMNS, extra_joins=_STATS_JOIN
        )
        found = reading.rows(sql, values)
        page = paging.cut(
            found,
            limit=query.limit,
            total=found[0][-1] if found else account_reports.total_of(user.pk, query.filters),
            listing=listing,
            position_of=lambda row: account_reports.position_of(account_reports.plain_row(row), query.order),
        )
        width = account_reports.WIDTH
        return {
            "results": [
                [*account_reports.plain_row(row), *_stats(user.pk, row[0], row[7], row[width:-1])]
                for row in page.results
            ],
            "next": page.next,
            "has_more": page.has_more,
            "total": page.total,
        }

    parts = ["accounts", query.filters, query.limit, query.cursor, query.order]
    kept = reading.answer("stats", user, parts=parts, build=build, fresh=fresh)
    return ListedAccounts(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        page=Page(
            results=[_listed(values) for values in kept["results"]],
            next=kept["next"],
            has_more=kept["has_more"],
            total=kept["total"],
        ),
    )


def _account(owner_id: int, public_id: str) -> dict[str, Any]:
    found = reading.rows(
        f"SELECT a.id, a.currency, {_STATS_COLUMNS} FROM accounts_account a {_STATS_JOIN} "  # noqa: S608
        "WHERE a.owner_id = %s AND a.public_id = %s",
        [owner_id, public_id],
    )
    if not found:
        return {"stats": None}
    pk, own, *stored = found[0]
    return {"stats": _stats(owner_id, pk, own, stored)}


def _stats(owner_id: int, account_id: int, own: str, stored: Sequence[Any]) -> list[Any]:
    """Trade count, P&L, its currency and the last day, as JSON keeps them."""
    trade_count, last_day, currencies, amounts = stored
    if not currencies:
        return [0, "0", own, None]
    if len(currencies) == 1:
        return [trade_count, amounts[0], currencies[0], last_day]
    daily = series.daily_series(owner_id, MetricsFilter(accounts=(account_id,)))
    found = conversion.resolve(daily, target=own)
    whole = not found.unconverted and found.currency is not None
    total = sum((net_pnl for _, net_pnl in found.days(daily)), Decimal(0))
    return [trade_count, str(total) if whole else None, own, last_day]


def _listed(values: Sequence[Any]) -> ListedAccount:
    trade_count, total_pnl, currency, last_day = values[account_reports.WIDTH :]
    return ListedAccount(
        account=account_reports.account_row(values),
        trade_count=trade_count,
        total_pnl=None if total_pnl is None else Decimal(total_pnl),
        pnl_currency=currency,
        last_trade_date=last_day and date.fromisoformat(last_day),
    )

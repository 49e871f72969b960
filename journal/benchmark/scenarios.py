"""The seven scenarios of document 001, and the pages: the function, its address, the SQL, and that both agree.

A function's answer counts as given when everything that the document asks of it has been read: points and accounts
that a report keeps packed are unpacked within the time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import psycopg

from accounts import paging
from accounts import reports as account_reports
from accounts.models import Account, User
from accounts.paging import Listing, Page
from accounts.reports import AccountRow, AccountsQuery
from journal import account_stats, reports
from journal.account_stats import ListedAccounts
from journal.benchmark import statements
from journal.figures import AggregateMetrics, Curve, EquityCurve
from trading.models import Trade

PAGE = 50
DEPTH = 10_000
#: Above this many accounts the curves of all of them are more points than anybody looks at: combined only.
MOST_CURVES = 200

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One answer, by three ways: `call` at the function, `path` over HTTP, `sql` by hand.

    `plain` of what `call` returned, and `plain_rows` of what each statement found, are equal, or else the times are
    worth nothing. `plain_json` picks out of the API's answer what `brief` picks out of the function's.
    """

    name: str
    call: Callable[[], Any]
    plain: Callable[[Any], object]
    sql: tuple[str, ...]
    parameters: Mapping[str, Any]
    plain_rows: Callable[[list[Rows]], object]
    path: str | None = None
    brief: Callable[[Any], object] = field(default=lambda answer: None)
    brief_json: Callable[[Any], object] = field(default=lambda answer: None)
    is_kept: bool = True

    @property
    def group(self) -> str:
        """What it is timed together with: the pages of one list, otherwise itself alone."""
        return self.name.rstrip("0123456789")


def scenarios_of(owner: User) -> list[Scenario]:
    """The scenarios by their names in the document, in its order, and the combined curve by itself."""
    accounts = Account.objects.for_user(owner)
    first = accounts.order_by("id").values_list("public_id", flat=True)[0]
    count = accounts.count()
    mine: dict[str, Any] = {"owner": owner.pk}
    own = {**mine, "account": first}
    page = AccountsQuery(limit=PAGE)
    curves = _curves(owner, mine) if count <= MOST_CURVES else _combined(owner, mine, name="getAggregateEquityCurve")
    return [
        Scenario(
            "getAccounts",
            call=lambda: account_reports.list_accounts(owner, page),
            plain=_plain_page,
            sql=(statements.ACCOUNTS,),
            parameters=mine,
            plain_rows=lambda found: _plain_account_rows(found[0]),
            path=f"/api/v1/accounts/?limit={PAGE}",
            brief=lambda answer: (answer.total, [row.public_id for row in answer.results]),
            brief_json=lambda answer: (answer["total"], [row["id"] for row in answer["results"]]),
        ),
        Scenario(
            "getAccountsWithStats",
            call=lambda: account_stats.accounts_with_stats(owner, page),
            plain=_plain_listed,
            sql=(statements.ACCOUNTS_WITH_STATS,),
            parameters=mine,
            plain_rows=lambda found: _plain_stats_rows(found[0]),
            path=f"/api/v1/accounts/?stats=true&limit={PAGE}",
            brief=lambda answer: [(row.account.public_id, row.total_pnl) for row in answer.page.results],
            brief_json=lambda answer: [(row["id"], Decimal(row["total_pnl"])) for row in answer["results"]],
        ),
        Scenario(
            "getAccountById",
            call=lambda: account_reports.get_account(owner, str(first)),
            plain=_plain_account,
            sql=(statements.ACCOUNT,),
            parameters=own,
            plain_rows=lambda found: _texts(found[0][0]),
            path=f"/api/v1/accounts/{first}/",
            brief=lambda answer: (answer.public_id, answer.name),
            brief_json=lambda answer: (answer["id"], answer["name"]),
        ),
        Scenario(
            "getAccountStats",
            call=lambda: account_stats.account_stats(owner, str(first)),
            plain=lambda answer: (answer.trade_count, answer.total_pnl, answer.last_trade_date),
            sql=(statements.ACCOUNT_STATS,),
            parameters=own,
            plain_rows=lambda found: found[0][0],
            path=f"/api/v1/accounts/{first}/stats/",
            brief=lambda answer: (answer.trade_count, answer.total_pnl),
            brief_json=lambda answer: (answer["trade_count"], Decimal(answer["total_pnl"])),
        ),
        Scenario(
            "getUserBrokers",
            call=lambda: account_reports.brokers(owner),
            plain=lambda answer: [(row.broker, row.accounts) for row in answer],
            sql=(statements.BROKERS,),
            parameters=mine,
            plain_rows=lambda found: found[0],
            path="/api/v1/accounts/brokers/",
            brief=lambda answer: [(row.broker, row.accounts) for row in answer],
            brief_json=lambda answer: [(row["broker"], row["accounts"]) for row in answer["results"]],
        ),
        Scenario(
            "getAggregateMetrics",
            call=lambda: _all_metrics(reports.aggregate_metrics(owner)),
            plain=_plain_metrics,
            sql=(statements.SUMS, statements.SERIES, statements.ACCOUNT_ROWS),
            parameters=mine,
            plain_rows=_plain_metrics_rows,
            path="/api/v1/aggregate/metrics/",
            brief=lambda answer: (answer[0].figures.net_pnl, len(answer[1])),
            brief_json=lambda answer: (Decimal(answer["total_pnl"]), len(answer["accounts"])),
        ),
        curves,
        _combined(owner, mine, name="getAggregateEquityCurveCombined"),
    ]


def pages_of(owner: User) -> list[Scenario]:
    """The first page and a deep one of accounts and of trades: at depth 10,000, or as deep as there are full pages."""
    accounts, trades = Account.objects.for_user(owner).count(), Trade.objects.for_user(owner).count()
    return [
        *(_accounts_page(owner, depth) for depth in _depths(accounts)),
        *(_trades_page(owner, depth) for depth in _depths(trades)),
    ]


def fetched(connection: psycopg.Connection[Any], scenario: Scenario) -> list[Rows]:
    """The rows of every statement of the scenario, by prepared statements."""
    return [connection.execute(sql, scenario.parameters, prepare=True).fetchall() for sql in scenario.sql]


def _curves(owner: User, mine: Mapping[str, Any]) -> Scenario:
    return Scenario(
        "getAggregateEquityCurve",
        call=lambda: _all_points(reports.equity_curve(owner, by_account=True)),
        plain=lambda answer: (
            _plain_points(answer[1]),
            [(each.id, each.name, *point) for each, rows in answer[2] for point in _plain_points(rows)],
        ),
        sql=(statements.CURVE, statements.CURVES_BY_ACCOUNT),
        parameters=mine,
        plain_rows=lambda found: (found[0], [(str(row[0]), *row[1:]) for row in found[1]]),
        path="/api/v1/aggregate/equity-curve/?by_account=true",
        brief=lambda answer: (len(answer[1]), sum(len(rows) for _, rows in answer[2])),
        brief_json=lambda answer: (
            len(answer["combined"]),
            sum(len(each["points"]) for each in answer["by_account"]),
        ),
    )


def _combined(owner: User, mine: Mapping[str, Any], *, name: str) -> Scenario:
    return Scenario(
        name,
        call=lambda: _all_points(reports.equity_curve(owner)),
        plain=lambda answer: _plain_points(answer[1]),
        sql=(statements.CURVE,),
        parameters=mine,
        plain_rows=lambda found: found[0],
        path="/api/v1/aggregate/equity-curve/",
        brief=lambda answer: len(answer[1]),
        brief_json=lambda answer: len(answer["combined"]),
    )


def _depths(rows: int) -> list[int]:
    deepest = min(DEPTH, rows - PAGE)
    return [1, deepest] if deepest > 1 else [1]


def _accounts_page(owner: User, depth: int) -> Scenario:
    name = f"accountsPageDepth{depth}"
    mine: dict[str, Any] = {"owner": owner.pk}
    if depth == 1:
        query, sql = AccountsQuery(limit=PAGE), statements.ACCOUNTS
    else:
        last = Account.objects.for_user(owner).order_by("-created_at", "-id")[depth - 1]
        query = AccountsQuery(limit=PAGE)
        cursor = account_reports.listing_of(owner, query).cursor((last.created_at, last.pk))
        query = AccountsQuery(limit=PAGE, cursor=cursor)
        sql, mine = statements.ACCOUNTS_AFTER, {**mine, "at": last.created_at, "id": last.pk}
    return Scenario(
        name,
        call=lambda: account_reports.list_accounts(owner, query),
        plain=_plain_page,
        sql=(sql,),
        parameters=mine,
        plain_rows=lambda found: _plain_account_rows(found[0]),
        path=f"/api/v1/accounts/?limit={PAGE}" + (f"&cursor={quote(query.cursor)}" if query.cursor else ""),
        brief=lambda answer: [row.public_id for row in answer.results],
        brief_json=lambda answer: [row["id"] for row in answer["results"]],
    )


def _trades_page(owner: User, depth: int) -> Scenario:
    """A page as the list of trades shows it. It is read anew every time."""
    rows = Trade.objects.for_user(owner).select_related("account", "instrument")
    listing = Listing(owner.pk, "trades", "-activity_at")
    cursor, sql = None, statements.TRADES
    mine: dict[str, Any] = {"owner": owner.pk}
    if depth > 1:
        last = Trade.objects.for_user(owner).order_by("-activity_at", "-id")[depth - 1]
        cursor = listing.cursor((last.activity_at, last.pk))
        sql, mine = statements.TRADES_AFTER, {**mine, "at": last.activity_at, "id": last.pk}

    def call() -> Page[Trade]:
        return paging.page_of(rows, listing=listing, limit=PAGE, cursor=cursor, total=0)

    return Scenario(
        f"tradesPageDepth{depth}",
        call=call,
        plain=lambda answer: [(row.pk, row.account.name, row.instrument.symbol, row.net_pnl) for row in answer.results],
        sql=(sql,),
        parameters=mine,
        plain_rows=lambda found: [(row[0], row[3], row[4], row[17]) for row in found[0][:PAGE]],
        is_kept=False,
    )


def _all_metrics(found: AggregateMetrics) -> tuple[Any, ...]:
    """The answer with every field of the document read."""
    figures = found.figures
    read = (
        found.win_rate, figures.profit_factor, figures.average_win, figures.average_loss, figures.expectancy,
        figures.payoff_ratio, found.expectancy_r,
    )  # fmt: skip
    return found, found.accounts, read


def _all_points(found: EquityCurve) -> tuple[EquityCurve, list[list[str]], list[tuple[Any, list[list[str]]]]]:
    """The answer with every point of every curve, its values as decimal texts."""
    return found, _points(found.combined), [(each, _points(each.curve)) for each in found.by_account or ()]


def _points(curve: Curve) -> list[list[str]]:
    return curve.rows


def _plain_points(rows: Sequence[Sequence[str]]) -> list[tuple[Any, ...]]:
    return [(date.fromisoformat(day), *map(Decimal, values)) for day, *values in rows]


def _plain_page(answer: Page[AccountRow]) -> object:
    return answer.total, answer.has_more, [_plain_account(row) for row in answer.results]


def _plain_account(row: AccountRow) -> tuple[Any, ...]:
    # Without group and labels, which the statements beside it do not ask for.
    return _texts([getattr(row, each.name) for each in fields(row) if each.name not in ("group", "tags")])


def _plain_account_rows(rows: Rows) -> object:
    return rows[0][-1], len(rows) > PAGE, [_texts(row[:-1]) for row in rows[:PAGE]]


def _plain_listed(answer: ListedAccounts) -> object:
    page = answer.page
    return page.total, page.has_more, [
        (*_plain_account(row.account), row.trade_count, row.total_pnl, row.last_trade_date) for row in page.results
    ]  # fmt: skip


def _plain_stats_rows(rows: Rows) -> object:
    return rows[0][-1], len(rows) > PAGE, [(*_texts(row[:-4]), *row[-4:-1]) for row in rows[:PAGE]]


def _texts(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values of an account: moments compare in any zone, and amounts whatever their zeros."""
    return tuple(
        value if value is None or isinstance(value, (int, Decimal, datetime, time)) else str(value) for value in values
    )


def _plain_metrics(answer: tuple[Any, ...]) -> object:
    found, accounts, _ = answer
    streaks = found.day_streaks
    return (
        astuple(found.figures.totals),
        [(row.id, row.name, row.broker, row.currency, row.trade_count, row.win_count, row.pnl) for row in accounts],
        (found.trading_days, found.max_drawdown.amount, streaks.longest_wins, streaks.longest_losses),
        (streaks.trailing_wins, streaks.trailing_losses),
        (_rounded(found.sharpe), _rounded(found.sortino)),
        (*found.best_day, *found.worst_day),
    )


def _plain_metrics_rows(found: list[Rows]) -> object:
    (sums,), (series,), accounts = found
    side, length = series[4:6]
    return (
        sums,
        [(str(row[0]), *row[1:]) for row in accounts],
        series[:4],
        (length if side > 0 else 0, length if side < 0 else 0),
        series[6:8],
        series[8:],
    )


def _rounded(ratio: Decimal | None) -> Decimal | None:
    """Six decimals: the database divides to fewer digits than `journal.metrics.formulas`."""
    return None if ratio is None else round(ratio, 6)

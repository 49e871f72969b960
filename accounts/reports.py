"""Answers about accounts: lists page by page, one account, its brokers. Read through the cache, by version."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.db import connection

from accounts import answers, paging, versions
from accounts.models import User
from accounts.paging import Listing, Page

#: What a list can be ordered by: the SQL of each column and its type. Names and values never come from a request.
ORDERS = {
    "created_at": ("a.created_at", "timestamptz"),
    "updated_at": ("a.updated_at", "timestamptz"),
    "name": ("a.name", "text"),
}
DEFAULT_ORDER = "-created_at"
#: What finds the accounts without a group; no group can be called so.
NO_GROUP = "none"

_COLUMNS = (
    "a.id, a.public_id::text, a.name, a.broker, a.number, a.kind, a.status, a.currency, a.time_zone, "
    "a.day_start::text, a.cost_method, trim_scale(a.initial_balance)::text, a.color, a.description, "
    # As text: parsing times only to print them again cost a third of the page.
    "a.archived_at::text, a.created_at::text, a.updated_at::text, "
    "(SELECT json_build_object('id', g.public_id, 'name', g.name, 'color', g.color) "
    "FROM accounts_accountgroup g WHERE g.id = a.group_id), "
    "(SELECT coalesce(json_agg(json_build_object('id', t.public_id, 'name', t.name, 'color', t.color) "
    "ORDER BY t.name, t.id), '[]') FROM accounts_account_tags l JOIN accounts_accounttag t ON t.id = l.accounttag_id "
    "WHERE l.account_id = a.id), a.allows_short"
)
_NAMED = "g.owner_id = %s AND (g.name = %s OR g.public_id::text = %s)"
#: How many values of a row of `page_sql` describe the account; what `extra_columns` asked for follows them.
WIDTH = 20


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as lists show it. `public_id` is its name outside; `pk` never leaves the server."""

    pk: int
    public_id: str
    name: str
    broker: str
    number: str
    kind: str
    status: str
    currency: str
    time_zone: str
    day_start: time
    cost_method: str
    initial_balance: Decimal | None
    color: str
    description: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    group: dict[str, str] | None
    tags: list[dict[str, str]]
    allows_short: bool


@dataclass(frozen=True, slots=True)
class AccountFilters:
    """Which accounts are meant. None does not filter; the default leaves out what is archived.

    `search` is part of the name or of the account number. `group` and `tag` are the name or the outside id of a group
    and of a label, `NO_GROUP` finds what is in none.
    """

    broker: str | None = None
    search: str | None = None
    kind: str | None = None
    status: str | None = None
    archived: bool | None = False
    group: str | None = None
    tag: str | None = None
    is_sample: bool | None = None


@dataclass(frozen=True, slots=True)
class AccountsQuery:
    """One page of which accounts, in which order. Raises nothing itself: `list_accounts` does."""

    filters: AccountFilters = field(default_factory=AccountFilters)
    limit: int = paging.DEFAULT_LIMIT
    cursor: str | None = None
    order: str = DEFAULT_ORDER


@dataclass(frozen=True, slots=True)
class BrokerCount:
    """A broker, and how many accounts the person has there. Accounts without one are counted under ""."""

    broker: str
    accounts: int


def list_accounts(user: User, query: AccountsQuery | None = None, *, fresh: bool = False) -> Page[AccountRow]:
    """One page of this person's accounts. Raises InvalidCursor, or InvalidValue for an unknown order or limit."""
    query = query or AccountsQuery()
    listing = listing_of(user, query)
    answer = answers.get(
        "accounts",
        user.pk,
        version=versions.current(user.pk),
        parts=["list", asdict(query)],
        build=lambda: _list(user.pk, query, listing),
        fresh=fresh,
    )
    return Page(
        results=[account_row(values) for values in answer["results"]],
        next=answer["next"],
        has_more=answer["has_more"],
        total=answer["total"],
    )


def get_account(user: User, public_id: str, *, fresh: bool = False) -> AccountRow | None:
    """This person's account with this outside id; None if there is none or it is another's."""
    values = answers.get(
        "account",
        user.pk,
        version=versions.current(user.pk),
        parts=[public_id],
        build=lambda: _get(user.pk, public_id),
        fresh=fresh,
    )
    return account_row(values) if values else None


def brokers(user: User, *, fresh: bool = False) -> list[BrokerCount]:
    """The brokers of this person's accounts with their numbers, archived ones included, sorted by name."""
    rows = answers.get(
        "brokers",
        user.pk,
        version=versions.current(user.pk),
        parts=[],
        build=lambda: _brokers(user.pk),
        fresh=fresh,
    )
    return [BrokerCount(broker, number) for broker, number in rows]


def page_sql(
    owner_id: int,
    query: AccountsQuery,
    listing: Listing,
    *,
    extra_columns: str = "",
    extra_joins: str = "",
) -> tuple[str, list[Any]]:
    """The SQL of one page of accounts, `limit + 1` rows of `WIDTH` values, the extra ones, the total; its parameters.

    For reports above that show accounts with more: `extra_columns` is SQL such as "s.trade_count, s.net_pnl" and
    `extra_joins` such as "LEFT JOIN journal_accounttotals s ON s.account_id = a.id", which may use the alias `a` and
    must leave one row per account. The joins meet only the rows of the page. Both are our own text, never a request's.
    """
    expression, cast = ORDERS[query.order.removeprefix("-")]
    descending = query.order.startswith("-")
    condition, parameters = where_sql(owner_id, query.filters)
    after = ""
    after_parameters: list[Any] = []
    if query.cursor:
        after, after_parameters = paging.after_sql(
            listing.position(query.cursor),
            expression=expression,
            cast=cast,
            id_expression="a.id",
            descending=descending,
        )
        after = f" AND {after}"
    order = paging.order_sql(expression=expression, id_expression="a.id", descending=descending)
    columns = f"{_COLUMNS}, {extra_columns}" if extra_columns else _COLUMNS
    total = f"(SELECT count(*) FROM accounts_account a WHERE {condition})"  # noqa: S608 – our own text
    sql = (
        f"SELECT {columns}, {total} FROM "  # noqa: S608 – our own text; every value is a parameter
        f"(SELECT * FROM accounts_account a WHERE {condition}{after} ORDER BY {order} LIMIT %s) a "
        f"{extra_joins} ORDER BY {order}"
    )
    return sql, [*parameters, *parameters, *after_parameters, query.limit + 1]


def where_sql(owner_id: int, filters: AccountFilters) -> tuple[str, list[Any]]:
    """The SQL condition on `accounts_account a` that the filters mean, and its parameters. Search is literal."""
    conditions = ["a.owner_id = %s"]
    values: list[Any] = [owner_id]
    for column in ("broker", "kind", "status"):
        value = getattr(filters, column)
        if value is not None:
            conditions.append(f"a.{column} = %s")
            values.append(value)
    if filters.search:
        conditions.append(r"(upper(a.name) LIKE upper(%s) ESCAPE '\' OR upper(a.number) LIKE upper(%s) ESCAPE '\')")
        values += [f"%{_literal(filters.search)}%"] * 2
    if filters.group == NO_GROUP:
        conditions.append("a.group_id IS NULL")
    elif filters.group is not None:
        conditions.append(f"a.group_id IN (SELECT g.id FROM accounts_accountgroup g WHERE {_NAMED})")  # noqa: S608
        values += [owner_id, filters.group, filters.group.lower()]
    if filters.tag is not None:
        conditions.append(
            "a.id IN (SELECT l.account_id FROM accounts_account_tags l "  # noqa: S608 – our own text
            f"JOIN accounts_accounttag g ON g.id = l.accounttag_id WHERE {_NAMED})"
        )
        values += [owner_id, filters.tag, filters.tag.lower()]
    if filters.is_sample is not None:
        conditions.append(f"{'' if filters.is_sample else 'NOT '}a.is_sample")
    if filters.archived is not None:
        conditions.append(f"a.archived_at IS {'NOT ' if filters.archived else ''}NULL")
    return " AND ".join(conditions), values


def listing_of(user: User, query: AccountsQuery, *, name: str = "accounts") -> Listing:
    """Which list the cursors of this query belong to. Raises InvalidValue or InvalidCursor for one not to be run."""
    paging.order_of(query.order, allowed=list(ORDERS), default=DEFAULT_ORDER)
    paging.limit_of(str(query.limit))
    listing = Listing(user.pk, name, query.order, asdict(query.filters))
    if query.cursor:
        listing.position(query.cursor)
    return listing


def plain_row(values: Sequence[Any]) -> list[Any]:
    """The first `WIDTH` values of a row of `page_sql`, as JSON keeps them."""
    return list(values[:WIDTH])


def account_row(values: Sequence[Any]) -> AccountRow:
    """The account that `plain_row` wrote down."""
    row = list(values[:WIDTH])
    row[9] = time.fromisoformat(row[9])
    row[11] = None if row[11] is None else Decimal(row[11])
    for place in (14, 15, 16):
        row[place] = None if row[place] is None else datetime.fromisoformat(row[place])
    return AccountRow(*row)


def position_of(values: Sequence[Any], order: str) -> paging.Position:
    """Where a row, as `plain_row` wrote it, stands in a list of this order."""
    place = {"created_at": 15, "updated_at": 16, "name": 2}[order.removeprefix("-")]
    return values[place], values[0]


def picked_sql(
    owner_id: int, ids: Sequence[int], *, extra_columns: str = "", extra_joins: str = ""
) -> tuple[str, list[Any]]:
    """The SQL of these accounts in this order, `WIDTH` values and the extra ones of each; its parameters.

    As in `page_sql`, the extra text is our own. What is not the person's is left out.
    """
    columns = f"{_COLUMNS}, {extra_columns}" if extra_columns else _COLUMNS
    sql = (
        f"SELECT {columns} FROM unnest(%s::bigint[]) WITH ORDINALITY AS w (id, place) "  # noqa: S608 – our own text
        f"JOIN accounts_account a ON a.id = w.id AND a.owner_id = %s {extra_joins} ORDER BY w.place"
    )
    return sql, [list(ids), owner_id]


def ids_of(owner_id: int, filters: AccountFilters) -> list[int]:
    """The primary keys of all accounts that the filters let through."""
    condition, parameters = where_sql(owner_id, filters)
    return [row[0] for row in _rows(f"SELECT a.id FROM accounts_account a WHERE {condition}", parameters)]  # noqa: S608


def total_of(owner_id: int, filters: AccountFilters) -> int:
    """How many accounts the filters let through; for a page without rows, which cannot say so itself."""
    condition, parameters = where_sql(owner_id, filters)
    return int(_rows(f"SELECT count(*) FROM accounts_account a WHERE {condition}", parameters)[0][0])  # noqa: S608


def _list(owner_id: int, query: AccountsQuery, listing: Listing) -> Mapping[str, Any]:
    sql, parameters = page_sql(owner_id, query, listing)
    found = _rows(sql, parameters)
    total = found[0][-1] if found else total_of(owner_id, query.filters)
    page = paging.cut(
        [plain_row(values) for values in found],
        limit=query.limit,
        total=total,
        listing=listing,
        position_of=lambda values: position_of(values, query.order),
    )
    # By hand: `asdict` copies every value of every row, which cost as much as the query.
    return {"results": page.results, "next": page.next, "has_more": page.has_more, "total": page.total}


def _get(owner_id: int, public_id: str) -> list[Any]:
    found = _rows(
        f"SELECT {_COLUMNS} FROM accounts_account a WHERE a.owner_id = %s AND a.public_id = %s",  # noqa: S608
        [owner_id, public_id],
    )
    return plain_row(found[0]) if found else []


def _brokers(owner_id: int) -> list[list[Any]]:
    sql = "SELECT broker, count(*) FROM accounts_account WHERE owner_id = %s GROUP BY broker ORDER BY broker"
    return [list(row) for row in _rows(sql, [owner_id])]


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

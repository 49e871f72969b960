"""Which trades, accounts and days a filter means, in SQL: figures, lists and exports all choose by these conditions.

A condition comes with its parameters; days are no part of those on trades.
"""

from typing import Any

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from accounts.models import User
from journal.dimensions import BY_NAME, LITERALLY, NO_BROKER, NONE, Dimension, Grain, named
from journal.filters import MetricsFilter
from trading.models import Trade, TradeQuerySet

Sql = tuple[str, list[Any]]

#: The trades of a list, as querysets call their table; those that are summed are `t`.
_LISTED = "trading_trade"

_IS_CALLED = f"({named('g.name').format()} = %s OR g.public_id::text = %s)"
#: How an account without a group or label is found, and one with the group or label of a key or an id.
_SORTED_BY = {
    "group": (
        "group_id IS NULL",
        "group_id IN (SELECT g.id FROM accounts_accountgroup g "  # noqa: S608
        f"WHERE g.owner_id = accounts_account.owner_id AND {_IS_CALLED})",
    ),
    "account_tag": (
        "NOT EXISTS (SELECT FROM accounts_account_tags at WHERE at.account_id = accounts_account.id)",
        "id IN (SELECT at.account_id FROM accounts_account_tags at "  # noqa: S608
        "JOIN accounts_accounttag g ON g.id = at.accounttag_id "
        f"WHERE g.owner_id = accounts_account.owner_id AND {_IS_CALLED})",
    ),
}


def instruments(value: str) -> Sql:
    """The instruments of this symbol and the contracts of this root; after = those of the symbol alone."""
    symbol = value.removeprefix(LITERALLY)
    if symbol != value:
        return "SELECT id FROM trading_instrument WHERE symbol = %s", [symbol]
    return "SELECT id FROM trading_instrument WHERE symbol = %s OR root_id = %s", [symbol, symbol]


def trades_of(user: User, wanted: MetricsFilter) -> TradeQuerySet:
    """The trades that make the figures of the filter: with days, those with an exit on one of them.

    What they realized on these days adds up to the net P&L of the same filter.
    """
    condition, values = trades_where(user.pk, wanted, alias=_LISTED)
    conditions, parameters = [condition], list(values)
    if wanted.is_by_day:
        within, days = _exits_within(wanted)
        conditions.append(within)
        parameters += days
    chosen = RawSQL(" AND ".join(conditions), parameters, output_field=BooleanField())  # noqa: S611 – our own text
    return Trade.objects.for_user(user).filter(chosen)


def count_of(user: User, wanted: MetricsFilter) -> int:
    """How many trades `trades_of` has.

    With days, those whose exits are all on one day are counted apart from the others, out of an index alone.
    """
    if not wanted.is_by_day:
        return trades_of(user, wanted).count()
    text, values = [], []
    condition, parameters = trades_where(user.pk, wanted, alias=_LISTED)
    bounds, bound_values = _within_bounds(wanted)
    for sign, (within, days) in (("=", _on_one_day(wanted)), ("<", _on_several_days(wanted))):
        text.append(
            f"(SELECT count(*) FROM trading_trade WHERE {condition} AND {bounds} "  # noqa: S608 – our own text
            f"AND trading_trade.first_exit_on {sign} trading_trade.last_exit_on AND {within})"
        )
        values += [*parameters, *bound_values, *days]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(text)}", values)
        return int(cursor.fetchone()[0])


def _exits_within(wanted: MetricsFilter) -> Sql:
    """The condition on `trading_trade` that it has an exit on one of the filter's days.

    Most trades have all their exits on one day, which their own row names; only of the others the fills are asked.
    """
    bounds, bound_values = _within_bounds(wanted)
    one, one_values = _on_one_day(wanted)
    several, several_values = _on_several_days(wanted)
    return (
        f"{bounds} AND CASE WHEN trading_trade.first_exit_on = trading_trade.last_exit_on THEN {one} "
        f"ELSE {several} END",
        [*bound_values, *one_values, *several_values],
    )


def _within_bounds(wanted: MetricsFilter) -> Sql:
    """The condition that some exit may be on one of the days, which an index answers."""
    conditions, values = ["trading_trade.first_exit_on IS NOT NULL"], []
    if wanted.start is not None:
        conditions.append("trading_trade.last_exit_on >= %s")
        values.append(wanted.start)
    if wanted.end is not None:
        conditions.append("trading_trade.first_exit_on <= %s")
        values.append(wanted.end)
    return " AND ".join(conditions), values


def _on_one_day(wanted: MetricsFilter) -> Sql:
    """The condition on a trade that exits on one day only."""
    return days_where("trading_trade.first_exit_on", wanted)


def _on_several_days(wanted: MetricsFilter) -> Sql:
    """The condition on any trade."""
    fills, values = days_where("f.day", wanted)
    # OFFSET 0: asked of the few trades that get here, not made a join with all exits of those days.
    return (
        "EXISTS (SELECT FROM trading_tradefill f WHERE f.trade_id = trading_trade.id AND f.role = 'exit' "
        f"AND {fills} OFFSET 0)",
        values,
    )


def trades_where(owner_id: int, wanted: MetricsFilter, *, alias: str = "t") -> Sql:
    """The condition on a trade of this alias, with its owner, and its parameters. Days are not part of it.

    Figures, lists and exports all choose trades by it.
    """
    conditions: list[str] = [f"{alias}.owner_id = %s"]
    values: list[Any] = [owner_id]
    add_accounts(conditions, values, wanted, column=f"{alias}.account_id")
    if wanted.currency is not None:
        conditions.append(f"{alias}.currency = %s")
        values.append(wanted.currency)
    for dimension, value in wanted.by_trade:
        text, parameters = _is_of(dimension, value, owner_id, alias=alias)
        conditions.append(text)
        values += parameters
    return " AND ".join(conditions), values


def key_sql(dimension: Dimension, *, alias: str = "t") -> str:
    """SQL of the dimension's key over a trade of this alias and its account `a`; of a LINK, its relation."""
    return dimension.key.format(t=alias)


def _is_of(dimension: Dimension, value: str, owner_id: int, *, alias: str) -> Sql:
    """The condition that a trade has this value of the dimension."""
    key = key_sql(dimension, alias=alias)
    if dimension.name == "symbol":
        found, values = instruments(value)
        return f"{alias}.instrument_id = ANY(ARRAY({found}))", values
    if dimension.grain is Grain.LINK:
        if value == NONE:
            found = f"SELECT FROM ({key}) l WHERE l.trade_id = {alias}.id"
            if alias == _LISTED:
                # A list wants its first trades: OFFSET 0 has them looked up one by one. Sums are of all: a join.
                found = (dimension.any_of_one.format(t=alias) or found) + " OFFSET 0"
            return f"NOT EXISTS ({found})", [owner_id]
        return (
            f"{alias}.id IN (SELECT l.trade_id FROM ({key}) l WHERE l.key = %s OR l.id = %s)",  # noqa: S608
            [owner_id, value, value.lower()],
        )
    if dimension.needs_account:
        return f"EXISTS (SELECT FROM accounts_account a WHERE a.id = {alias}.account_id AND {key} = %s)", [value]
    return f"{key} = %s", [value]


def accounts_where(owner_id: int, wanted: MetricsFilter) -> Sql:
    """The condition on `accounts_account a` that leaves the accounts in question."""
    conditions: list[str] = ["a.owner_id = %s"]
    values: list[Any] = [owner_id]
    add_accounts(conditions, values, wanted, column="a.id")
    return " AND ".join(conditions), values


def add_accounts(conditions: list[str], values: list[Any], wanted: MetricsFilter, *, column: str) -> None:
    """The conditions hold which accounts are meant, of a column with an account's key."""
    if wanted.accounts is not None:
        conditions.append(f"{column} = ANY(%s)")
        values.append(list(wanted.accounts))
    conditions_on, among = [], []
    if wanted.broker is not None:
        conditions_on.append("broker = ANY(%s)")
        among.append([wanted.broker, ""] if wanted.broker == NO_BROKER else [wanted.broker])
    for name, (none, some) in _SORTED_BY.items():
        value = getattr(wanted, name)
        if value == NONE:
            conditions_on.append(none)
        elif value is not None:
            conditions_on.append(some)
            among += [value, value.lower()]
    if conditions_on:
        conditions.append(
            f"{column} IN (SELECT id FROM accounts_account "  # noqa: S608
            f"WHERE owner_id = %s AND {' AND '.join(conditions_on)})"
        )
        values += [values[0], *among]


def days_where(column: str, wanted: MetricsFilter) -> Sql:
    """The condition that a day is one of the filter's, and its parameters."""
    conditions: list[str] = []
    values: list[Any] = []
    for text, value in (
        (f"{column} >= %s", wanted.start),
        (f"{column} <= %s", wanted.end),
        (f"{BY_NAME['weekday'].key.format(day=column)} = %s", wanted.weekday),
    ):
        if value is not None:
            conditions.append(text)
            values.append(value)
    return " AND ".join(conditions) or "true", values


def on_days(wanted: MetricsFilter) -> Q:
    """The same condition on the `day` of exits."""
    conditions: dict[str, Any] = {
        "day__gte": wanted.start,
        "day__lte": wanted.end,
        "day__iso_week_day": None if wanted.weekday is None else int(wanted.weekday),
    }
    return Q(**{name: value for name, value in conditions.items() if value is not None})

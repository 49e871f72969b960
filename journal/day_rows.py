"""Where the sums of an answer come from: the coarsest stored grain that a filter allows, or the trades themselves.

Every function returns the text after FROM, with the alias `r` and a WHERE, and its parameters. Whatever the
grain, the columns are those of `rollups.COLUMNS`, so that one fold serves all.
"""

from typing import Any

from journal.filters import NO_BROKER, MetricsFilter
from journal.metrics.rollups import CLOSED_SUMS, COLUMNS, EXIT_SUMS, WHOLE

Sql = tuple[str, list[Any]]

_MONEY = {
    "gross_profit", "gross_loss", "breakeven_net", "net_pnl", "gross_pnl", "fees", "broker_pnl", "broker_net",
    "largest_win", "largest_loss",
}  # fmt: skip


def by_day(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `currency` and `day`: one per person and day where that will do."""
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted)
    if wanted.is_by_account:
        return by_account_and_day(owner_id, wanted)
    return _stored("journal_ownerday", owner_id, wanted)


def by_account(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `account_id` and `currency`: one per account where that will do."""
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted)
    if wanted.is_by_day:
        return by_account_and_day(owner_id, wanted)
    return _stored("journal_accounttotals", owner_id, wanted)


def by_account_and_day(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `account_id`, `currency` and `day`."""
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted)
    return _stored("journal_dayrollup", owner_id, wanted)


def from_trades(
    owner_id: int, wanted: MetricsFilter, *, key: str = "''::text", joins: str = "", key_values: tuple[Any, ...] = ()
) -> Sql:
    """Rows with `account_id`, `currency`, `day` and `key`, made by the rules of day rollups from trades `t`.

    `key` is SQL over `t`, `a` (its account), `i` (its instrument) and what `joins` adds; it is our own text.
    """
    condition, values = _on_trades(owner_id, wanted)
    exits, exit_values = _between("f.day", wanted)
    closed, closed_values = _between("t.closed_on", wanted)
    tables = (
        f"JOIN accounts_account a ON a.id = t.account_id JOIN trading_instrument i ON i.id = t.instrument_id {joins}"
    )
    sql = f"""(
        WITH exits AS (
            SELECT f.account_id, f.day, t.currency, {key} AS key, {EXIT_SUMS}
            FROM trading_tradefill f JOIN trading_trade t ON t.id = f.trade_id {tables}
            WHERE f.role = 'exit' AND {condition}{exits}
            GROUP BY 1, 2, 3, 4
        ), closed AS (
            SELECT t.account_id, t.closed_on AS day, t.currency, {key} AS key, {CLOSED_SUMS}
            FROM trading_trade t {tables}
            WHERE t.closed_on IS NOT NULL AND {condition}{closed}
            GROUP BY 1, 2, 3, 4
        )
        SELECT account_id, day, currency, key, {WHOLE}
        FROM exits FULL JOIN closed USING (account_id, day, currency, key)
    ) r WHERE true"""  # noqa: S608 – our own text; every value is a parameter
    return sql, [*key_values, *values, *exit_values, *key_values, *values, *closed_values]


def closed_trades(owner_id: int, wanted: MetricsFilter) -> Sql:
    """The closed trades `t` themselves: a FROM of its own, without sums."""
    condition, values = _on_trades(owner_id, wanted)
    closed, days = _between("t.closed_on", wanted)
    return f"trading_trade t WHERE t.closed_on IS NOT NULL AND {condition}{closed}", [*values, *days]


def accounts_where(owner_id: int, wanted: MetricsFilter) -> Sql:
    """The condition on `accounts_account a` that leaves the accounts in question."""
    conditions: list[str] = ["a.owner_id = %s"]
    values: list[Any] = [owner_id]
    _add_accounts(conditions, values, wanted, column="a.id")
    return " AND ".join(conditions), values


def converted(name: str) -> str:
    """The column of `r` at the rate of `x`; counts and R have no currency. Exact: nothing is rounded."""
    if name in _MONEY:
        return f"r.{name} * x.rate"
    return "r.net_squares * x.rate * x.rate" if name == "net_squares" else f"r.{name}"


def sums(*, at_rates: bool = False) -> str:
    """All columns summed over `r`, in the order of COLUMNS, as text without trailing zeros where they are decimals.

    With `at_rates`, each row at the rate that `x` has for it.
    """
    return ", ".join(_sum(name, converted(name) if at_rates else f"r.{name}") for name in COLUMNS)


def _sum(name: str, expression: str) -> str:
    if name.endswith(("_count", "_seconds")):
        return f"sum({expression})::bigint"
    fold = {"largest_win": "max", "largest_loss": "min"}.get(name, "sum")
    return f"trim_scale({fold}({expression}))::text"


def _stored(table: str, owner_id: int, wanted: MetricsFilter) -> Sql:
    conditions: list[str] = ["r.owner_id = %s"]
    values: list[Any] = [owner_id]
    _add_accounts(conditions, values, wanted, column="r.account_id")
    if wanted.currency is not None:
        conditions.append("r.currency = %s")
        values.append(wanted.currency)
    between, days = _between("r.day", wanted)
    return f"{table} r WHERE {' AND '.join(conditions)}{between}", [*values, *days]


def _on_trades(owner_id: int, wanted: MetricsFilter) -> Sql:
    conditions: list[str] = ["t.owner_id = %s"]
    values: list[Any] = [owner_id]
    _add_accounts(conditions, values, wanted, column="t.account_id")
    for column, value in (("t.side", wanted.side), ("t.currency", wanted.currency)):
        if value is not None:
            conditions.append(f"{column} = %s")
            values.append(value)
    if wanted.symbol is not None:
        conditions.append("t.instrument_id IN (SELECT id FROM trading_instrument WHERE symbol = %s OR root_id = %s)")
        values += [wanted.symbol, wanted.symbol]
    if wanted.tag is not None:
        conditions.append(
            "t.id IN (SELECT tt.trade_id FROM trading_trade_tags tt JOIN trading_tag g ON g.id = tt.tag_id "
            "WHERE g.owner_id = %s AND (g.name = %s OR g.public_id::text = %s))"
        )
        values += [owner_id, wanted.tag, wanted.tag.lower()]
    return " AND ".join(conditions), values


def _add_accounts(conditions: list[str], values: list[Any], wanted: MetricsFilter, *, column: str) -> None:
    if wanted.accounts is not None:
        conditions.append(f"{column} = ANY(%s)")
        values.append(list(wanted.accounts))
    if wanted.broker is not None:
        names = [wanted.broker, ""] if wanted.broker == NO_BROKER else [wanted.broker]
        conditions.append(
            f"{column} IN (SELECT id FROM accounts_account "  # noqa: S608
            "WHERE owner_id = %s AND broker = ANY(%s))"
        )
        values += [values[0], names]


def _between(column: str, wanted: MetricsFilter) -> Sql:
    text, values = "", []
    if wanted.start is not None:
        text, values = f" AND {column} >= %s", [wanted.start]
    if wanted.end is not None:
        text += f" AND {column} <= %s"
        values.append(wanted.end)
    return text, values

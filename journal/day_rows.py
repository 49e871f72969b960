"""Where the sums of an answer come from: the coarsest stored grain that a filter allows, or the trades themselves.

Every function returns the text after FROM, with the alias `r` and a WHERE, and its parameters. Whatever the
grain, the columns are those of `rollups.COLUMNS`, so that one fold serves all.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Context, Decimal
from typing import Any

from django.db import connection

from journal import facets
from journal.chosen_trades import Sql, add_accounts, days_where, instruments, key_sql, trades_where
from journal.dimensions import ANY_RULE, NONE, Dimension, Grain, named
from journal.facets import Part
from journal.filters import MetricsFilter
from journal.metrics.rollups import COLUMNS, EXIT_SUMS, closed_sums
from journal.metrics.totals import Totals

_WIDE = Context(prec=100)

_MONEY = {
    "gross_profit", "gross_loss", "breakeven_net", "net_pnl", "gross_pnl", "fees", "broker_pnl", "broker_net",
    "largest_win", "largest_loss",
}  # fmt: skip


def by_day(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `currency` and `day`: one per person and day where that will do."""
    if (stored := _stored_for(wanted)) is not None:
        return _from_facets(owner_id, wanted, stored)
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted, is_by_account=False)
    if wanted.is_by_account:
        return by_account_and_day(owner_id, wanted)
    return _stored("journal_ownerday", owner_id, wanted)


def parts_read(wanted: MetricsFilter, by: Dimension | None = None) -> tuple[Part, ...]:
    """The parts of the sums by dimension that days of the filter and its breakdown are asked of."""
    found = (_stored_for(wanted), None if by is None else _stored_for(wanted, by))
    return tuple({facets.part_of(dimension): None for dimension in found if dimension is not None})


def _stored_for(wanted: MetricsFilter, by: Dimension | None = None) -> Dimension | None:
    """The dimension whose stored sums hold the days of the filter, or its breakdown; None where none does.

    They are of all accounts together, and by one dimension at a time. Of trades with one tag, the other tags are not
    told apart.
    """
    if wanted.is_by_account:
        return None
    asked = {dimension.name: dimension for dimension, _ in wanted.by_trade}
    if by is not None and by.grain in (Grain.TRADE, Grain.LINK):
        if by.grain is Grain.LINK and by.name in asked:
            return None
        asked[by.name] = by
    found = list(asked.values())
    return found[0] if len(found) == 1 and found[0].is_stored else None


def _from_facets(owner_id: int, wanted: MetricsFilter, dimension: Dimension) -> Sql:
    """Rows with `currency`, `day` and `key` as it is stored; days that are behind are summed from their trades."""
    conditions: list[str] = ["s.owner_id = %s"]
    values: list[Any] = [owner_id]
    key = stored_key(owner_id, dimension)
    if wanted.by_trade:
        ((_, value),) = wanted.by_trade
        if dimension.grain is Grain.LINK:
            # A trade that has the link is found by the filter; to join its links would count it once for each.
            key = {}
        dimension, keys = _stored_keys(owner_id, dimension, value)
        conditions.append("s.key = ANY(%s)")
        values.append(keys)
    conditions.append("s.dimension = %s")
    values.append(dimension.name)
    within, days = days_where("s.day", wanted)
    conditions.append(within)
    values += days
    if wanted.currency is not None:
        conditions.append("s.currency = %s")
        values.append(wanted.currency)
    columns = ", ".join(("currency", "day", "key", *COLUMNS))
    stored = f"SELECT {columns} FROM journal_facetday s WHERE {{}}"  # noqa: S608
    stale = facets.stale_days(owner_id, part=facets.part_of(dimension))
    if not stale:
        return f"({stored.format(' AND '.join(conditions))}) r WHERE true", values
    conditions.append("s.day <> ALL(%s::date[])")
    values.append(stale)
    source, trade_values = from_trades(owner_id, wanted, among=stale, is_by_account=False, **key)
    return (
        f"({stored.format(' AND '.join(conditions))} UNION ALL SELECT {columns} FROM {source}) r WHERE true",  # noqa: S608
        [*values, *trade_values],
    )


def stored_key(owner_id: int, dimension: Dimension) -> dict[str, Any]:
    """How `from_trades` tells the key by which sums are stored."""
    if dimension.grain is Grain.LINK:
        key, joins = _linked(dimension.stored_key)
        return {"key": key, "joins": joins, "key_values": (owner_id,)}
    joins = "JOIN accounts_account a ON a.id = t.account_id" if dimension.needs_account else ""
    return {"key": dimension.stored_key.format(t="t"), "joins": joins}


def _linked(relation: str) -> tuple[str, str]:
    """SQL of the key of a trade's links, and the join that it needs."""
    return f"coalesce(l.key, '{NONE}')", f"LEFT JOIN ({relation}) l ON l.trade_id = t.id"


#: The ids of what a person calls so.
_CALLED = {
    **dict.fromkeys(("tag", "setup", "mistake"), ("trading_tag", "tag")),
    "playbook": ("journal_playbook", "book"),
}


def _stored_keys(owner_id: int, dimension: Dimension, value: str) -> tuple[Dimension, list[str]]:
    """The keys by which the sums of a filter's value are stored, and the dimension: a rule may be asked for whole."""
    if dimension.name == "rule" and value != NONE:
        rule, _, verdict = value.partition(":")
        return (dimension, [f"{rule}:{verdict[0]}"]) if verdict else (ANY_RULE, [rule.lower()])
    if dimension.name == "symbol":
        text, values = instruments(value)
    elif dimension.name in _CALLED and value != NONE:
        table, alias = _CALLED[dimension.name]
        text = (
            f"SELECT {alias}.id FROM {table} {alias} WHERE {alias}.owner_id = %s "  # noqa: S608
            f"AND ({named(f'{alias}.name').format()} = %s OR {alias}.public_id::text = %s)"
        )
        values = [owner_id, value, value.lower()]
    else:
        return dimension, [value]
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return dimension, [str(row[0]) for row in cursor.fetchall()]


def by_account(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `account_id` and `currency`: one per account where that will do."""
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted, is_by_day=False)
    if wanted.is_by_day:
        return by_account_and_day(owner_id, wanted)
    return _stored("journal_accounttotals", owner_id, wanted)


def by_account_and_day(owner_id: int, wanted: MetricsFilter) -> Sql:
    """Rows with `account_id`, `currency` and `day`."""
    if wanted.is_by_trade:
        return from_trades(owner_id, wanted)
    return _stored("journal_dayrollup", owner_id, wanted)


def from_trades(  # noqa: PLR0913 each is asked of the trades by one reader or another
    owner_id: int,
    wanted: MetricsFilter,
    *,
    key: str = "''::text",
    joins: str = "",
    key_values: tuple[Any, ...] = (),
    among: list[date] | None = None,
    is_by_account: bool = True,
    is_by_day: bool = True,
    is_whole: bool = False,
) -> Sql:
    """Rows with `account_id`, `currency`, `day` and `key`, made by the rules of day rollups from trades `t`.

    Not `is_by_account`, or not `is_by_day`, they lack it, and are far fewer. `is_whole` where most trades are read.

    `key` is SQL over `t` and what `joins` adds; it is our own text. `key_values` are the parameters of `joins`. Only
    the days `among` are looked at, where they are given.
    """
    condition, values = trades_where(owner_id, wanted)
    exits, exit_values = days_where("f.day", wanted)
    closed, closed_values = days_where("t.closed_on", wanted)
    if among is not None:
        exits, exit_values = f"{exits} AND f.day = ANY(%s::date[])", [*exit_values, among]
        closed, closed_values = f"{closed} AND t.closed_on = ANY(%s::date[])", [*closed_values, among]
    by = {"account_id": "t.account_id"} if is_by_account else {}
    by |= {"day": "t.closed_on"} if is_by_day else {}
    by |= {"currency": "t.currency", "key": key}
    names = ", ".join(by)
    of_exits = ", ".join(f"{meaning} AS {name}" for name, meaning in {**by, "day": "f.day"}.items() if name in by)
    trades = f"trading_trade t {joins} WHERE t.closed_on IS NOT NULL AND {condition} AND {closed}"
    sql = f"""(
        WITH exits AS (
            SELECT {of_exits}, {EXIT_SUMS}
            FROM trading_trade t {joins} {_ALL_FILLS if is_whole else _FEW_FILLS}
            WHERE {_APART} AND {condition} AND {exits}
            GROUP BY {", ".join(str(place) for place in range(1, len(by) + 1))}
        ), closed AS (
            {closed_sums(by, trades, apart=_AT_ONCE, also=_ALSO, also_in_all=_AT_ONCE_SUMS)}
        )
        SELECT {names}, {_BOTH}
        FROM exits FULL JOIN closed USING ({names})
    ) r WHERE true"""  # noqa: S608 – our own text; every value is a parameter
    return sql, [*key_values, *values, *exit_values, *key_values, *values, *closed_values]


# The fills of a trade are looked up by it: few trades need theirs, which the planner cannot know.
_FEW_FILLS = ", LATERAL (SELECT * FROM trading_tradefill f WHERE f.trade_id = t.id AND f.role = 'exit' OFFSET 0) f"
_ALL_FILLS = "JOIN trading_tradefill f ON f.trade_id = t.id AND f.role = 'exit'"
# Most trades have all their exits on the day they close, and no figure of the broker's: their own row says what their
# exits made, and their fills need not be read.
_AT_ONCE = "(t.first_exit_on = t.closed_on AND t.broker_pnl IS NULL) AS at_once"
_ALSO = "sum(t.gross_pnl) AS gross, sum(t.quantity) AS quantity"
# The others that have exits, in the words of the index `trade_owner_exits_apart`.
_APART = """t.first_exit_on IS NOT NULL AND (t.closed_on IS NULL OR t.first_exit_on < t.closed_on
    OR t.first_exit_on > t.closed_on OR t.broker_pnl IS NOT NULL)"""
_OWN = {"net_pnl": "c.net", "gross_pnl": "c.gross", "fees": "c.gross - c.net", "volume": "c.quantity"}
_AT_ONCE_SUMS = ", ".join(f"sum({own}) FILTER (WHERE c.at_once) AS once_{name}" for name, own in _OWN.items())
_UNSUMMED = ("largest_win", "largest_loss")


def _of_both(name: str) -> str:
    if name in _UNSUMMED:
        return name
    if name in _OWN:
        return f"coalesce(exits.{name}, 0) + coalesce(closed.once_{name}, 0) AS {name}"
    return f"coalesce({name}, 0) AS {name}"


_BOTH = ", ".join(_of_both(name) for name in COLUMNS)


def closed_trades(owner_id: int, wanted: MetricsFilter) -> Sql:
    """The closed trades `t` themselves: a FROM of its own, without sums."""
    condition, values = trades_where(owner_id, wanted)
    closed, days = days_where("t.closed_on", wanted)
    return f"trading_trade t WHERE t.closed_on IS NOT NULL AND {condition} AND {closed}", [*values, *days]


def grouped(
    owner_id: int, wanted: MetricsFilter, *, by: Dimension, needs_days: bool
) -> tuple[str, list[Any], str, str]:
    """Rows `r` to group by a dimension: the text after FROM, its parameters, SQL of the key, and joins that it needs.

    Without `needs_days` the rows may lack `day`.
    """
    if by.grain is Grain.DAY:
        return *by_day(owner_id, wanted), by.key.format(day="r.day"), ""
    key = key_sql(by)
    if by.grain is Grain.ACCOUNT:
        rows = by_account_and_day if needs_days else by_account
        return *rows(owner_id, wanted), key, _ACCOUNT + (_LABELS if by.name == "account_tag" else "")
    if (stored := _stored_for(wanted, by)) is not None:
        return (*_from_facets(owner_id, wanted, stored), *_AS_NAMED.get(by.name, ("r.key", "")))
    if by.grain is Grain.LINK:
        key, joins = _linked(key)
        linked = from_trades(
            owner_id, wanted, key=key, joins=joins, key_values=(owner_id,), is_by_account=False, is_by_day=needs_days
        )
        return *linked, "r.key", ""
    joins = "JOIN accounts_account a ON a.id = t.account_id" if by.needs_account else ""
    source = from_trades(owner_id, wanted, key=key, joins=joins, is_by_account=False, is_by_day=needs_days)
    return (*source, *_AS_NAMED["symbol"]) if by.name == "symbol" else (*source, "r.key", "")


def kept_by(owner_id: int, wanted: MetricsFilter, by: Dimension, *, keys: Sequence[str]) -> Sql | None:
    """Rows `r` of these keys, as sums by the dimension keep them; None where none are kept for such a filter."""
    if (stored := _stored_for(wanted, by)) is None or stored.name != by.name:
        return None
    source, values = _from_facets(owner_id, wanted, stored)
    return f"(SELECT * FROM {source} AND r.key = ANY(%s)) r", [*values, list(keys)]  # noqa: S608


def _by_name(table: str, alias: str) -> tuple[str, str]:
    key = f"CASE WHEN r.key = '{NONE}' THEN r.key ELSE {named(f'{alias}.name').format()} END"
    return key, f"LEFT JOIN {table} {alias} ON {alias}.id = nullif(r.key, '{NONE}')::bigint"


# Sums are kept by ids and named at the end, so that a new name changes no stored sum.
_AS_NAMED = {
    "symbol": (
        "coalesce('=' || root.root, i.symbol)",
        "JOIN trading_instrument i ON i.id = r.key::bigint LEFT JOIN trading_futuresroot root ON root.root = i.symbol",
    ),
    **{name: _by_name(table, alias) for name, (table, alias) in _CALLED.items()},
    "rule": (
        f"CASE WHEN r.key = '{NONE}' THEN r.key ELSE left(r.key, 36) || "
        "CASE right(r.key, 1) WHEN 'k' THEN ':kept' ELSE ':broken' END END",
        "",
    ),
}
_ACCOUNT = "JOIN accounts_account a ON a.id = r.account_id"
_LABELS = f""" LEFT JOIN (
    SELECT at.account_id, {named("g.name").format()} AS key
    FROM accounts_account_tags at JOIN accounts_accounttag g ON g.id = at.accounttag_id
) label ON label.account_id = a.id"""  # noqa: S608


def converted(name: str) -> str:
    """The column of `r` at the rate of `x`; counts and R have no currency. Exact: nothing is rounded."""
    if name in _MONEY:
        return f"r.{name} * x.rate"
    return "r.net_squares * x.rate * x.rate" if name == "net_squares" else f"r.{name}"


def at_rate(totals: Totals, rate: Decimal) -> Totals:
    """The totals at a rate of exchange, exactly."""
    worth: dict[str, Any] = {name: getattr(totals, name) for name in _MONEY}
    worth = {name: None if value is None else _WIDE.multiply(value, rate) for name, value in worth.items()}
    return replace(totals, **worth, net_squares=_WIDE.multiply(totals.net_squares, _WIDE.multiply(rate, rate)))


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
    add_accounts(conditions, values, wanted, column="r.account_id")
    if wanted.currency is not None:
        conditions.append("r.currency = %s")
        values.append(wanted.currency)
    if wanted.is_by_day:
        within, days = days_where("r.day", wanted)
        conditions.append(within)
        values += days
    return f"{table} r WHERE {' AND '.join(conditions)}", values

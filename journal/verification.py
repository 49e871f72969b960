"""What is stored, compared with what the fills come to by another path.

The stored rows come from `trading.trades` and from SQL over its tables. Here the fills are read again, matched in
Python and folded by `journal.metrics.totals`; nothing derived is believed. Read-only.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from journal import day_rows, dimensions, facets, reading
from journal.filters import MetricsFilter
from journal.metrics.formulas import max_drawdown
from journal.metrics.rollups import COLUMNS, ROW_SUMS
from journal.metrics.totals import ClosedTrade, Exit, Totals
from trading import risk_reward
from trading.matching import CostMethod, Fill, FillPart, RoundTrip, round_trips

_TRADE = (
    "side status currency multiplier opened_at closed_at opened_on closed_on first_exit_on last_exit_on activity_at "
    "quantity open_quantity entry_price exit_price fill_count gross_pnl fees net_pnl broker_pnl outcome planned_r "
    "realized_r"
).split()
_PART = "account_id day quantity fees gross_pnl net_pnl broker_pnl".split()
_POSITION = "quantity average_price opened_at opened_on".split()
_SECOND = timedelta(seconds=1)

_FILLS = """
SELECT e.instrument_id, e.id, e.executed_at, e.executed_on,
    CASE e.side WHEN 'buy' THEN e.quantity ELSE -e.quantity END, e.price, e.commission + e.fees, e.multiplier,
    e.sort_at, e.broker_pnl, e.currency
FROM trading_execution e WHERE e.account_id = %s AND e.voided_at IS NULL
ORDER BY e.instrument_id, e.sort_at, e.sequence, e.id
"""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row that is not what the fills come to. A row too many or too few has column ""."""

    table: str
    row: str
    column: str
    stored: object
    expected: object

    def __str__(self) -> str:
        if not self.column:
            return f"{self.table} {self.row}: {'is missing' if self.stored is None else 'should not be there'}"
        return f"{self.table} {self.row}: {self.column} is {self.stored}, expected {self.expected}"


class _Fact(NamedTuple):
    """What matching does not need to know of a fill."""

    sort_at: Any
    broker_pnl: Decimal | None
    currency: str
    multiplier: Decimal


class _Plan(NamedTuple):
    initial_stop: Decimal | None
    initial_target: Decimal | None


class _Day:
    """The closed trades and the exits of one account, currency and day."""

    __slots__ = ("exits", "trades")

    def __init__(self) -> None:
        self.trades: list[ClosedTrade] = []
        self.exits: list[Exit] = []


def differences(
    owner_id: int, *, on_account: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Difference]:
    """Every difference between what is stored of this person and what their fills come to.

    Days that are stale when this begins are passed over: they are not claimed to be right. Runs in one snapshot;
    `on_account` is told how many accounts are done, of how many.
    """
    with reading.one_snapshot():
        is_right = True
        for difference in _from_fills(owner_id, on_account):
            is_right = False
            yield difference
        # These are compared with the trades, which says something only where the trades are right.
        if is_right:
            yield from _facets(owner_id)


def _from_fills(owner_id: int, on_account: Callable[[int, int], None]) -> Iterator[Difference]:
    stale = {
        (account_id, day)
        for account_id, day in reading.rows(
            "SELECT account_id, day FROM journal_dayversion "
            "WHERE owner_id = %s AND computed_version < requested_version",
            [owner_id],
        )
    }
    accounts = reading.rows(
        "SELECT id, name, cost_method FROM accounts_account WHERE owner_id = %s ORDER BY id", [owner_id]
    )
    tolerances = _tolerances()
    owner_days: defaultdict[tuple[str, date], list[Totals]] = defaultdict(list)
    for done, (account_id, name, method) in enumerate(accounts, start=1):
        account = _Account(account_id, name, CostMethod(method), tolerances)
        yield from account.differences(stale)
        for (day, currency), totals in account.days.items():
            owner_days[currency, day].append(totals)
        on_account(done, len(accounts))
    stale_days = {day for _, day in stale}
    yield from _compared(
        "owner day",
        stored=_stored_totals("journal_ownerday", "owner_id", owner_id, "currency, day"),
        expected={key: _values(Totals.merged(parts)) for key, parts in owner_days.items()},
        shown=lambda key: f"{key[1]} {key[0]}",
        is_skipped=lambda key: key[1] in stale_days,
    )


def _facets(owner_id: int) -> Iterator[Difference]:
    """What is stored by dimension, compared with the trades, which were compared with the fills before."""
    stale = {part: set(facets.stale_days(owner_id, part=part)) for part in facets.PARTS}
    for dimension in dimensions.STORED:
        behind = stale[facets.part_of(dimension)]
        key = day_rows.stored_key(owner_id, dimension)
        source, values = day_rows.from_trades(owner_id, MetricsFilter(), is_whole=True, **key)
        columns = list(COLUMNS)
        with reading.joined_by_hash():
            summed = reading.rows(
                f"SELECT r.currency, r.day, r.key, {ROW_SUMS} FROM {source} GROUP BY 1, 2, 3",  # noqa: S608
                values,
            )
        yield from _compared(
            f"sums by {dimension.name}",
            stored=_stored(
                f"SELECT currency, day, key, {', '.join(columns)} FROM journal_facetday "  # noqa: S608
                f"WHERE owner_id = %s AND dimension = '{dimension.name}'",
                owner_id,
                columns,
            ),
            expected=_rows_by_key(summed, columns),
            shown=lambda key: f"{key[2]} {key[1]} {key[0]}",
            is_skipped=lambda key, behind=behind: key[1] in behind,  # type: ignore[misc]
        )


class _Account:
    """One account made anew from its fills."""

    def __init__(
        self, pk: int, name: str, method: CostMethod, tolerances: Mapping[int, tuple[Decimal, Decimal]]
    ) -> None:
        self.pk, self.name, self.tolerances = pk, name, tolerances
        self.plans = {
            opening: _Plan(stop, target)
            for opening, stop, target in reading.rows(
                "SELECT opening_execution_id, initial_stop, initial_target FROM trading_trade WHERE account_id = %s",
                [pk],
            )
        }
        self.trades: dict[Any, Values] = {}
        self.parts: dict[Any, Values] = {}
        self.positions: dict[Any, Values] = {}
        gathered: defaultdict[tuple[date, str], _Day] = defaultdict(_Day)
        for instrument_id, rows in groupby(reading.rows(_FILLS, [pk]), key=lambda row: row[0]):
            facts: dict[int, _Fact] = {}
            fills = []
            for _, key, at, day, quantity, price, fees, multiplier, sort_at, broker_pnl, currency in rows:
                facts[key] = _Fact(sort_at, broker_pnl, currency, multiplier)
                fills.append(Fill(key, at, day, quantity, price, fees, multiplier))
            for trip in round_trips(fills, method=method):
                self._add(instrument_id, trip, facts, gathered)
        self.days = {key: Totals.from_trades(day.trades, day.exits) for key, day in gathered.items()}

    def _add(
        self,
        instrument_id: int,
        trip: RoundTrip,
        facts: Mapping[int, _Fact],
        gathered: defaultdict[tuple[date, str], _Day],
    ) -> None:
        opening = trip.parts[0].key
        trade = _trade(trip, facts, self.plans.get(opening, _Plan(None, None)), self.tolerances.get(instrument_id))
        self.trades[opening] = trade
        currency = trade["currency"]
        for part in trip.parts:
            values = self._part(part, facts[part.key])
            self.parts[opening, part.key, "exit" if part.is_exit else "entry"] = values
            if part.is_exit:
                gathered[part.day, currency].exits.append(
                    Exit(part.quantity, values["gross_pnl"], values["net_pnl"], values["broker_pnl"])
                )
        if trip.closed_on is not None:
            gathered[trip.closed_on, currency].trades.append(
                ClosedTrade(
                    net_pnl=trip.net_pnl,
                    outcome=trade["outcome"],
                    realized_r=trade["realized_r"],
                    planned_r=trade["planned_r"],
                    holding_seconds=(trip.closed_at - trip.opened_at) // _SECOND
                    if trip.closed_at and trip.opened_at
                    else None,
                )
            )
        else:
            self.positions[instrument_id] = {
                "quantity": trip.open_quantity if trip.is_long else -trip.open_quantity,
                "average_price": trip.average_open_price,
                "opened_at": trip.opened_at,
                "opened_on": trip.opened_on,
            }

    def _part(self, part: FillPart, fact: _Fact) -> Values:
        return {
            "account_id": self.pk,
            "day": part.day,
            "quantity": part.quantity,
            "fees": part.fees,
            "gross_pnl": part.gross_pnl,
            "net_pnl": part.net_pnl,
            "broker_pnl": fact.broker_pnl if part.is_exit else None,
        }

    def _stored_parts(self) -> dict[Any, Values]:
        """The fills of the account's trades, in two steps: joined, all might be gone through for each of its trades."""
        openings: dict[int, int] = dict(
            reading.rows("SELECT id, opening_execution_id FROM trading_trade WHERE account_id = %s", [self.pk])
        )
        rows = reading.rows(
            f"SELECT trade_id, execution_id, role, {', '.join(_PART)} "  # noqa: S608
            "FROM trading_tradefill WHERE trade_id = ANY(%s::bigint[])",
            [list(openings)],
        )
        return _rows_by_key([(openings[trade], *others) for trade, *others in rows], list(_PART))

    def differences(self, stale: set[tuple[int, date]]) -> Iterator[Difference]:
        yield from _compared(
            "trade",
            stored=_stored(
                f"SELECT opening_execution_id, {', '.join(_TRADE)} FROM trading_trade WHERE account_id = %s",  # noqa: S608
                self.pk,
                _TRADE,
            ),
            expected=self.trades,
            shown=lambda key: f"of fill {key} in {self.name}",
        )
        yield from _compared(
            "trade fill",
            stored=self._stored_parts(),
            expected=self.parts,
            shown=lambda key: f"{key[2]} by fill {key[1]} in {self.name}",
        )
        yield from _compared(
            "position",
            stored=_stored(
                f"SELECT instrument_id, {', '.join(_POSITION)} FROM trading_position WHERE account_id = %s",  # noqa: S608
                self.pk,
                _POSITION,
            ),
            expected=self.positions,
            shown=lambda key: f"in instrument {key} of {self.name}",
        )
        yield from _compared(
            "day rollup",
            stored=_stored_totals("journal_dayrollup", "account_id", self.pk, "day, currency"),
            expected={key: _values(totals) for key, totals in self.days.items()},
            shown=lambda key: f"{key[0]} {key[1]} of {self.name}",
            is_skipped=lambda key: (self.pk, key[0]) in stale,
        )
        if any(account_id == self.pk for account_id, _ in stale):
            return
        yield from _compared(
            "account totals",
            stored=_stored_totals("journal_accounttotals", "account_id", self.pk, "currency", *_OF_ACCOUNTS),
            expected=dict(self._account_totals()),
            shown=lambda key: f"{key} of {self.name}",
        )

    def _account_totals(self) -> Iterator[tuple[str, Values]]:
        by_currency: defaultdict[str, list[tuple[date, Totals]]] = defaultdict(list)
        for (day, currency), totals in self.days.items():
            by_currency[currency].append((day, totals))
        for currency, parts in by_currency.items():
            days = [day for day, _ in parts]
            merged = Totals.merged([totals for _, totals in parts])
            fall = max_drawdown(sorted((day, totals.net_pnl) for day, totals in parts))
            ends = {"first_day": min(days), "last_day": max(days), "max_drawdown": fall and fall.amount}
            yield currency, {**_values(merged), **ends}


#: What is kept of an account besides its sums.
_OF_ACCOUNTS = ("first_day", "last_day", "max_drawdown")


def _trade(
    trip: RoundTrip, facts: Mapping[int, _Fact], plan: _Plan, tolerance: tuple[Decimal, Decimal] | None
) -> dict[str, Any]:
    """The columns of the trade that these fills make."""
    first = facts[trip.parts[0].key]
    exits = [part for part in trip.parts if part.is_exit]
    stated = [pnl for part in exits if (pnl := facts[part.key].broker_pnl) is not None]
    values: dict[str, Any] = {
        name: getattr(trip, name) for name in _TRADE if name in {column.name for column in fields(RoundTrip)}
    }
    levels: dict[str, Any] = {"is_long": trip.is_long, "entry": trip.entry_price, "stop": plan.initial_stop}
    values |= {
        "side": "long" if trip.is_long else "short",
        "status": "closed" if trip.is_closed else "open",
        "currency": first.currency,
        "multiplier": first.multiplier,
        "first_exit_on": exits[0].day if exits else None,
        "last_exit_on": exits[-1].day if exits else None,
        "activity_at": facts[trip.parts[-1].key].sort_at,
        "fill_count": len(trip.parts),
        "broker_pnl": sum(stated, Decimal(0)) if stated else None,
        "planned_r": risk_reward.planned_r(**levels, target=plan.initial_target),
        "outcome": None,
        "realized_r": None,
    }
    if trip.is_closed:
        ticks, tick_size = tolerance or (Decimal(0), Decimal(0))
        values["outcome"] = risk_reward.outcome(
            gross_pnl=trip.gross_pnl,
            net_pnl=trip.net_pnl,
            tolerance=ticks * tick_size * first.multiplier * trip.quantity,
        )
        values["realized_r"] = risk_reward.realized_r(
            trip.net_pnl, **levels, quantity=trip.quantity, multiplier=first.multiplier
        )
    return values


def _compared(
    table: str,
    *,
    stored: Mapping[Any, Values],
    expected: Mapping[Any, Values],
    shown: Callable[[Any], str],
    is_skipped: Callable[[Any], bool] = lambda key: False,
) -> Iterator[Difference]:
    for key in [*expected, *(key for key in stored if key not in expected)]:
        if is_skipped(key):
            continue
        have, want = stored.get(key), expected.get(key)
        if have is None or want is None:
            yield Difference(table, shown(key), "", have and "there", want and "there")
            continue
        for column, value in want.items():
            if have[column] != value:
                yield Difference(table, shown(key), column, have[column], value)


def _stored(sql: str, key: int, columns: list[str]) -> dict[Any, Values]:
    """The rows by what comes before their columns."""
    return _rows_by_key(reading.rows(sql, [key]), columns)


def _rows_by_key(rows: reading.Rows, columns: list[str]) -> dict[Any, Values]:
    found: dict[Any, Values] = {}
    for row in rows:
        head = row[: -len(columns)]
        found[head[0] if len(head) == 1 else head] = dict(zip(columns, row[len(head) :], strict=True))
    return found


def _stored_totals(table: str, column: str, value: int, key: str, *also: str) -> dict[Any, Values]:
    columns = [*COLUMNS, *also]
    return _stored(f"SELECT {key}, {', '.join(columns)} FROM {table} WHERE {column} = %s", value, columns)  # noqa: S608


def _values(totals: Totals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in COLUMNS}


def _tolerances() -> dict[int, tuple[Decimal, Decimal]]:
    """Breakeven ticks and tick size of each instrument that has a tolerance."""
    return {
        pk: (Decimal(ticks), tick_size)
        for pk, ticks, tick_size in reading.rows(
            "SELECT id, breakeven_ticks, tick_size FROM trading_instrument "
            "WHERE breakeven_ticks > 0 AND tick_size IS NOT NULL",
            [],
        )
    }

"""Trades written to their tables: new trips compared with the trades that are there, and only what differs stored."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import md5
from typing import Any

from django.db import connection
from django.utils import timezone

from trading import bulk
from trading.matching import RoundTrip
from trading.risk_reward import breakeven_tolerance, outcome, planned_r, realized_r

#: Trades written per COPY; bounds the memory of a large import.
CHUNK = 5_000
_ZERO = Decimal(0)

#: Trades on their way to the database, each with its parts.
Queue = list[tuple[list[Any], list[list[Any]]]]

_TRADE_COLUMNS = (
    "id owner_id account_id instrument_id opening_execution_id side status currency multiplier opened_at "
    "closed_at opened_on closed_on first_exit_on last_exit_on activity_at quantity open_quantity "
    "entry_price exit_price fill_count gross_pnl fees net_pnl broker_pnl outcome initial_stop "
    "initial_target planned_r realized_r note created_at updated_at"
).split()
_KEPT_COLUMNS = {"id", "owner_id", "account_id", "instrument_id", "note", "created_at"}
_MEASURED = ("mae", "mfe", "mae_at", "mfe_at", "excursion_source")
#: As _OLD_TRADES reads them: a trade in which none of these differs, nor its parts, is left alone.
_COMPARED = (
    "closed_on opened_on opened_at activity_at quantity open_quantity entry_price exit_price "
    "net_pnl gross_pnl fees broker_pnl multiplier outcome"
).split()
_FILL_COLUMNS = [
    "trade_id",
    "execution_id",
    "account_id",
    "role",
    "day",
    "quantity",
    "fees",
    "gross_pnl",
    "net_pnl",
    "broker_pnl",
]


@dataclass(slots=True)
class OldTrade:
    id: int
    opening_execution_id: int
    opened_sort: datetime | None
    initial_stop: Decimal | None
    initial_target: Decimal | None
    parts: str  #: what `_digest` makes of its parts
    days: set[date]
    closed_on: date | None
    figures: tuple[Any, ...]


@dataclass(slots=True)
class FillFacts:
    """What matching does not need to know of a fill, but its trade does."""

    sort_at: datetime
    broker_pnl: Decimal | None
    currency: str
    multiplier: Decimal
    corrects: int | None  #: the fill that this one stands for


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did: the days whose figures may differ, as (account id, trading day)."""

    days: set[tuple[int, date]] = field(default_factory=set)
    created: int = 0
    changed: int = 0
    removed: int = 0


class TradeWriter:
    """Compares new trips with the old trades and writes what differs, a chunk at a time."""

    def __init__(
        self,
        *,
        owner_id: int,
        old: dict[tuple[int, int], list[OldTrade]],
        rebuilt: Rebuilt,
        tolerances: dict[int, tuple[int, Decimal]],
        lane: bulk.Lane,
    ) -> None:
        self.owner_id = owner_id
        self.lane = lane
        self.coming_ids: Future[list[int]] | None = None
        self.rebuilt = rebuilt
        self.tolerances = tolerances
        self.now = timezone.now()
        self.old = old
        self.by_opening = {trade.opening_execution_id: trade for trades in old.values() for trade in trades}
        self.kept: set[int] = set()
        self.new: Queue = []
        self.changed: Queue = []
        self.orphans: list[tuple[tuple[int, int], list[Any], list[list[Any]], list[int]]] = []
        self.positions: list[tuple[Any, ...]] = []

    def add(self, account_id: int, instrument_id: int, trip: RoundTrip, facts: dict[int, FillFacts]) -> None:
        """One trip is compared and queued."""
        old = self.by_opening.get(trip.parts[0].key)
        stop, target = (old.initial_stop, old.initial_target) if old else (None, None)
        fills = _fill_rows(account_id, trip, facts)
        row = self._trade_row(account_id, instrument_id, trip, facts, stop=stop, target=target)
        if old is None:
            if self.old.get((account_id, instrument_id)):
                corrected = [one for part in trip.parts if (one := facts[part.key].corrects) is not None]
                self.orphans.append(((account_id, instrument_id), row, fills, corrected))
            else:
                self.new.append((row, fills))
                self._touch(account_id, row, fills)
        else:
            self._compare(old, account_id, row, fills)
        if len(self.new) >= CHUNK:
            self._write_new()
            self.coming_ids = self.lane.give(bulk.next_ids, self.lane.driver, "trading_trade", CHUNK)

    def finish(self) -> None:
        """Everything queued is written, and trades that no fill supports any more are gone."""
        self.lane.drain()
        self._adopt_orphans()
        gone = [(pair, trade) for pair, trades in self.old.items() for trade in trades if trade.id not in self.kept]
        for (account_id, _), trade in gone:
            self._touch_old(account_id, trade)
        self.rebuilt.removed = len(gone)
        _delete_trades([trade.id for _, trade in gone])
        self._write_changed()
        self._write_new()
        self.lane.drain()
        bulk.copy_rows(
            "trading_position",
            [
                "owner_id",
                "account_id",
                "instrument_id",
                "trade_id",
                "quantity",
                "average_price",
                "opened_at",
                "opened_on",
            ],
            self.positions,
        )

    def _adopt_orphans(self) -> None:
        """A new trip without a row takes over the row of an old trade whose opening it holds or replaces.

        An earlier fill that arrives late, or a corrected one, changes which fill opens the trade, not what the
        person wrote about it.
        """
        by_place = {(pair, trade.opened_sort): trade for pair, trades in self.old.items() for trade in trades}
        for pair, row, fills, corrected in self.orphans:
            openings = [*(fill[1] for fill in fills), *corrected]
            claims = [*map(self.by_opening.get, openings), by_place.get((pair, row[-1]))]
            heir = next((trade for trade in claims if trade and trade.id not in self.kept), None)
            if heir is None:
                self.new.append((row, fills))
                self._touch(pair[0], row, fills)
            else:
                self._set_plan(row, heir)
                self._compare(heir, pair[0], row, fills, always=True)

    def _set_plan(self, row: list[Any], old: OldTrade) -> None:
        values = dict(zip(_TRADE_COLUMNS, row, strict=False))
        plan = _plan(
            is_long=values["side"] == "long",
            entry=values["entry_price"],
            stop=old.initial_stop,
            target=old.initial_target,
            net_pnl=values["net_pnl"] if values["status"] == "closed" else None,
            quantity=values["quantity"],
            multiplier=values["multiplier"],
        )
        for name, value in zip(
            ("initial_stop", "initial_target", "planned_r", "realized_r"),
            (old.initial_stop, old.initial_target, *plan),
            strict=True,
        ):
            row[_TRADE_COLUMNS.index(name)] = value

    def _compare(
        self, old: OldTrade, account_id: int, row: list[Any], fills: list[list[Any]], *, always: bool = False
    ) -> None:
        self.kept.add(old.id)
        row[0] = old.id
        for fill in fills:
            fill[0] = old.id
        self._note_position(row)
        values = dict(zip(_TRADE_COLUMNS, row, strict=False))
        figures = tuple(values[name] for name in _COMPARED)
        if not always and figures == old.figures and _digest(fills) == old.parts:
            return
        self.changed.append((row, fills))
        self.rebuilt.changed += 1
        self._touch(account_id, row, fills)
        self._touch_old(account_id, old)

    def _touch(self, account_id: int, row: list[Any], fills: list[list[Any]]) -> None:
        for fill in fills:
            if fill[3] == "exit":
                self.rebuilt.days.add((account_id, fill[4]))

    def _touch_old(self, account_id: int, trade: OldTrade) -> None:
        self.rebuilt.days.update((account_id, day) for day in trade.days)
        if trade.closed_on is not None:
            self.rebuilt.days.add((account_id, trade.closed_on))

    def _note_position(self, row: list[Any]) -> None:
        values = dict(zip(_TRADE_COLUMNS, row, strict=False))
        if values["status"] == "open":
            open_quantity = values["open_quantity"]
            self.positions.append(
                (
                    self.owner_id,
                    values["account_id"],
                    values["instrument_id"],
                    values["id"],
                    open_quantity if values["side"] == "long" else -open_quantity,
                    row[-2],
                    values["opened_at"],
                    values["opened_on"],
                )
            )

    def _trade_row(
        self,
        account_id: int,
        instrument_id: int,
        trip: RoundTrip,
        facts: dict[int, FillFacts],
        *,
        stop: Decimal | None,
        target: Decimal | None,
    ) -> list[Any]:
        """The columns of the trade, then its average open price and the place of its opening fill."""
        first, last = facts[trip.parts[0].key], facts[trip.parts[-1].key]
        exits = [part for part in trip.parts if part.is_exit]
        stated = [pnl for part in exits if (pnl := facts[part.key].broker_pnl) is not None]
        ticks, tick = self.tolerances.get(instrument_id, (0, Decimal(0)))
        counted = None
        if trip.is_closed:
            tolerance = breakeven_tolerance(
                ticks=Decimal(ticks), tick_size=tick, multiplier=first.multiplier, quantity=trip.quantity
            )
            counted = outcome(gross_pnl=trip.gross_pnl, net_pnl=trip.net_pnl, tolerance=tolerance)
        plan = _plan(
            is_long=trip.is_long,
            entry=trip.entry_price,
            stop=stop,
            target=target,
            net_pnl=trip.net_pnl if trip.is_closed else None,
            quantity=trip.quantity,
            multiplier=first.multiplier,
        )
        return [
            None,
            self.owner_id,
            account_id,
            instrument_id,
            trip.parts[0].key,
            "long" if trip.is_long else "short",
            "closed" if trip.is_closed else "open",
            first.currency,
            first.multiplier,
            trip.opened_at,
            trip.closed_at,
            trip.opened_on,
            trip.closed_on,
            exits[0].day if exits else None,
            exits[-1].day if exits else None,
            last.sort_at,
            trip.quantity,
            trip.open_quantity,
            trip.entry_price,
            trip.exit_price,
            len(trip.parts),
            trip.gross_pnl,
            trip.fees,
            trip.net_pnl,
            sum(stated, Decimal(0)) if stated else None,
            counted,
            stop,
            target,
            *plan,
            "",
            self.now,
            self.now,
            trip.average_open_price,
            first.sort_at,
        ]

    def _write_new(self) -> None:
        if not self.new:
            return
        ids = self._ids(len(self.new))
        for key, (row, fills) in zip(ids, self.new, strict=True):
            row[0] = key
            for fill in fills:
                fill[0] = key
            if row[6] == "open":
                self._note_position(row)
        self._copy_trades(self.new, "trading_trade")
        self._copy_fills(self.new)
        self.rebuilt.created += len(self.new)
        self.new.clear()

    def _write_changed(self) -> None:
        if not self.changed:
            return
        columns = [name for name in _TRADE_COLUMNS if name not in _KEPT_COLUMNS]
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE IF NOT EXISTS changed_trade (LIKE trading_trade) ON COMMIT DELETE ROWS; "
                "TRUNCATE changed_trade; "
                "ALTER TABLE changed_trade ALTER COLUMN public_id DROP NOT NULL"
            )
        self._copy_trades(self.changed, "changed_trade")
        self.lane.drain()
        with connection.cursor() as cursor:
            ids = [row[0] for row, _ in self.changed]
            cursor.execute("DELETE FROM trading_tradefill WHERE trade_id = ANY(%s)", [ids])
            # What bars said of a trade is no longer said of other fills.
            assignments = ", ".join(
                [f"{name} = c.{name}" for name in columns] + [f"{name} = NULL" for name in _MEASURED]
            )
            cursor.execute(
                f"UPDATE trading_trade t SET {assignments} FROM changed_trade c WHERE c.id = t.id"  # noqa: S608
            )
        self._copy_fills(self.changed)

    def _ids(self, count: int) -> list[int]:
        """Fresh keys; those that were asked for while the chunk was matched are here already."""
        ids = self.coming_ids.result() if self.coming_ids else []
        self.coming_ids = None
        if len(ids) < count:
            ids += self.lane.give(bulk.next_ids, self.lane.driver, "trading_trade", count - len(ids)).result()
        return ids[:count]

    def _copy_trades(self, queued: Queue, table: str) -> None:
        self.lane.copy(table, _TRADE_COLUMNS, bulk.plain_lines(row[:-2] for row, _ in queued))

    def _copy_fills(self, queued: Queue) -> None:
        self.lane.copy(
            "trading_tradefill", _FILL_COLUMNS, bulk.plain_lines(fill for _, fills in queued for fill in fills)
        )


def _digest(fills: list[list[Any]]) -> str:
    """The parts in short, as _OLD_TRADES has them of stored ones: equal when no column of any part differs.

    Another cost method moves money between the exits of a trade, another zone its entries between days, and the trade
    as a whole stays what it was.
    """
    parts = (
        f"{key} {role} {day} {_plain(quantity)} {_plain(fees)} {_plain(gross or _ZERO)} {_plain(net or _ZERO)} "
        f"{'-' if stated is None else _plain(stated)}"
        for _, key, _, role, day, quantity, fees, gross, net, stated in sorted(fills, key=lambda fill: fill[1:4:2])
    )
    return md5(",".join(parts).encode(), usedforsecurity=False).hexdigest()


def _plain(number: Decimal) -> str:
    """The number as PostgreSQL's trim_scale writes it."""
    return f"{(number + _ZERO).normalize():f}"


def _fill_rows(account_id: int, trip: RoundTrip, facts: dict[int, FillFacts]) -> list[list[Any]]:
    return [
        [
            None,
            part.key,
            account_id,
            "exit" if part.is_exit else "entry",
            part.day,
            part.quantity,
            part.fees,
            part.gross_pnl,
            part.net_pnl,
            facts[part.key].broker_pnl if part.is_exit else None,
        ]
        for part in trip.parts
    ]


def _plan(
    *,
    is_long: bool,
    entry: Decimal,
    stop: Decimal | None,
    target: Decimal | None,
    net_pnl: Decimal | None,
    quantity: Decimal,
    multiplier: Decimal,
) -> tuple[Decimal | None, Decimal | None]:
    """Planned and realized R; None where there is no stop or it is on the wrong side."""
    if stop is None:
        return None, None
    planned = planned_r(is_long=is_long, entry=entry, stop=stop, target=target)
    if net_pnl is None:
        return planned, None
    return planned, realized_r(
        net_pnl, is_long=is_long, entry=entry, stop=stop, quantity=quantity, multiplier=multiplier
    )


def _delete_trades(ids: list[int]) -> None:
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM trading_tradefill WHERE trade_id = ANY(%s)", [ids])
        cursor.execute("DELETE FROM trading_trade_tags WHERE trade_id = ANY(%s)", [ids])
        cursor.execute("DELETE FROM trading_trade WHERE id = ANY(%s)", [ids])

"""Bars of prices: read from files, written in bulk, and asked for by charts."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import connection, transaction

from accounts import versions
from accounts.decimals import strict
from accounts.fields import LARGEST_PRICE
from trading import bulk, feeds
from trading.errors import BarsRefused
from trading.models import Bar, Instrument, Timeframe

#: Bars that one answer holds; of more, neighbours are put together.
MOST_SHOWN = 5_000
#: Bars per COPY, which is how often progress is told.
PIECE = 50_000

LENGTHS: Mapping[str, timedelta] = {
    Timeframe.MINUTE: timedelta(minutes=1),
    Timeframe.FIVE_MINUTES: timedelta(minutes=5),
    Timeframe.QUARTER_HOUR: timedelta(minutes=15),
    Timeframe.HOUR: timedelta(hours=1),
    Timeframe.DAY: timedelta(days=1),
}

#: How columns are called; the first word of each is ours.
_CALLED = {
    "time": ("time", "timestamp", "datetime", "date_time", "starts_at", "t", "date"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "last"),
    "volume": ("volume", "vol", "v"),
}
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
#: Numbers above it are milliseconds since 1970, not seconds: the year 5138 otherwise.
_MILLISECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True)
class PricedBar:
    """One bar as a file states it."""

    starts_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading did. `first` and `last` are the beginnings of the earliest and the latest bar read."""

    read: int
    added: int
    changed: int
    first: datetime | None
    last: datetime | None


def read_csv(lines: Iterable[str], *, zone: tzinfo) -> Iterator[PricedBar]:
    """The bars of a CSV file with a heading, in its order; times without an offset are of the zone.

    Raises BarsRefused, naming the line, for what is missing or cannot be meant.
    """
    rows = csv.reader(lines)
    heading = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
    places = _places(heading)
    clock = heading.index("time") if "date" in heading and "time" in heading else None
    if clock is not None:
        places["time"] = heading.index("date")
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(heading):
            raise BarsRefused(f"Line {rows.line_num} has {len(row)} cells, not {len(heading)}.", code="bars_bad_line")
        cells = {name: row[place].strip() for name, place in places.items()}
        if clock is not None:
            cells["time"] += f" {row[clock].strip()}"
        yield _bar(cells, zone=zone, where=f"Line {rows.line_num}")


def read_json(text: str, *, zone: tzinfo) -> Iterator[PricedBar]:
    """The bars of JSON that has those of one instrument, in any shape of a feed. Raises BarsRefused, naming the row."""
    try:
        found = feeds.bars(text).bars
    except feeds.BadFeed as error:
        raise BarsRefused(str(error), code="bars_unreadable") from error
    if len(found) > 1:
        raise BarsRefused("It has bars of several instruments.", code="bars_unreadable")
    for rows in found.values():
        yield from read_rows(rows, zone=zone)


def read_rows(rows: Iterable[Mapping[str, Any]], *, zone: tzinfo) -> Iterator[PricedBar]:
    """The bars of objects with the columns of a CSV file. Raises BarsRefused, naming the row."""
    for number, row in enumerate(rows, start=1):
        names = [str(name).lower() for name in row]
        values = list(row.values())
        cells = {name: "" if values[place] is None else str(values[place]) for name, place in _places(names).items()}
        yield _bar(cells, zone=zone, where=f"Row {number}")


def _places(heading: list[str]) -> dict[str, int]:
    """Where each column stands. Raises BarsRefused when one is missing."""
    places = {}
    for name, words in _CALLED.items():
        found = next((heading.index(word) for word in words if word in heading), None)
        if found is not None:
            places[name] = found
        elif name != "volume":
            raise BarsRefused(f"There is no column {name}.", code="bars_no_column")
    return places


def _bar(cells: Mapping[str, str], *, zone: tzinfo, where: str) -> PricedBar:
    try:
        prices = [strict(cells[name]) for name in ("open", "high", "low", "close")]
        volume = strict(cells["volume"]) if cells.get("volume") else None
        starts_at = moment(cells["time"], zone=zone)
    except ValueError as error:
        raise BarsRefused(f"{where}: {error}.", code="bars_bad_line") from error
    opened, high, low, closed = prices
    if any(abs(number) > LARGEST_PRICE for number in (*prices, volume or Decimal(0))):
        raise BarsRefused(f"{where}: a number is too large.", code="bars_bad_line")
    if not (low <= opened <= high and low <= closed <= high):
        raise BarsRefused(f"{where}: open and close lie between low and high.", code="bars_bad_line")
    if volume is not None and volume < 0:
        raise BarsRefused(f"{where}: a volume is not negative.", code="bars_bad_line")
    return PricedBar(starts_at, opened, high, low, closed, volume)


def moment(text: str, *, zone: tzinfo = UTC) -> datetime:
    """The time that a cell states: ISO 8601, a date alone, or seconds or milliseconds since 1970."""
    if text.isascii() and text.isdigit() and len(text) > len("20260331"):
        number = int(text[:18])
        seconds, thousandths = divmod(number, 1000) if number >= _MILLISECONDS else (number, 0)
        moment = datetime.fromtimestamp(min(seconds, int(_LATEST.timestamp())), UTC)
        moment += timedelta(milliseconds=thousandths)
    else:
        found = datetime.fromisoformat(text)
        moment = found if found.tzinfo else found.replace(tzinfo=zone)
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError(f"{text[:40]!r} is not between 1900 and 2200")
    return moment.astimezone(UTC)


def checked(bars: Iterable[PricedBar], *, timeframe: str) -> Iterator[PricedBar]:
    """The same bars, in rising order. Raises BarsRefused where two are nearer than the timeframe, or the same."""
    length = LENGTHS[timeframe]
    # A day of a zone with summer time may have 23 hours.
    least = length - timedelta(hours=1) if timeframe == Timeframe.DAY else length
    before: datetime | None = None
    for bar in sorted(bars, key=lambda each: each.starts_at):
        if before is not None and bar.starts_at - before < least:
            raise BarsRefused(
                f"The bars of {before.isoformat()} and {bar.starts_at.isoformat()} overlap: they are no bars of "
                f"{timeframe}.",
                code="bars_overlap",
            )
        before = bar.starts_at
        yield bar


_STAGE = """
CREATE TEMP TABLE bar_stage (
    starts_at timestamptz, open numeric, high numeric, low numeric, close numeric, volume numeric
) ON COMMIT DROP
"""

_COLUMNS = ("starts_at", "open", "high", "low", "close", "volume")

# What is the same is left alone: loading a file twice writes nothing the second time.
_UPSERT = """
WITH written AS (
    INSERT INTO trading_bar (instrument_id, timeframe, starts_at, open, high, low, close, volume, source)
    SELECT %(instrument)s, %(timeframe)s, starts_at, open, high, low, close, volume, %(source)s
    FROM bar_stage ORDER BY starts_at
    ON CONFLICT (instrument_id, timeframe, starts_at) DO UPDATE
    SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
        volume = EXCLUDED.volume, source = EXCLUDED.source
    WHERE (trading_bar.open, trading_bar.high, trading_bar.low, trading_bar.close, trading_bar.volume)
        IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume)
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


@transaction.atomic
def load(
    instrument: Instrument,
    *,
    timeframe: str,
    bars: Iterable[PricedBar],
    source: str = "file",
    on_bars: Any = lambda count: None,
) -> Loaded:
    """The bars are stored, all or none; one that is there already is replaced where it differs.

    What trades showed on the way is measured anew where bars were added or changed. `on_bars` is told how many are
    read. Raises BarsRefused, and nothing is changed.
    """
    count, first, last = 0, None, None
    found = checked(bars, timeframe=timeframe)
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        while piece := list(islice(found, PIECE)):
            rows = [[getattr(bar, name) for name in _COLUMNS] for bar in piece]
            bulk.copy_rows("bar_stage", _COLUMNS, rows)
            count += len(piece)
            first, last = first or piece[0].starts_at, piece[-1].starts_at
            on_bars(count)
        if not count:
            raise BarsRefused("There is no bar in it.", code="bars_empty")
        cursor.execute(_UPSERT, {"instrument": instrument.pk, "timeframe": timeframe, "source": source[:30]})
        added, changed = cursor.fetchone()
        cursor.execute("DROP TABLE bar_stage")
        if (added or changed) and first is not None and last is not None:
            # The pages of trades draw them, whoever's trades those are.
            versions.bump_everybody()
            cursor.execute(_TO_MEASURE, [instrument.pk, last + LENGTHS[timeframe], first])
    return Loaded(count, added, changed, first, last)


#: Trades that were held while these prices were made are to be measured anew.
_TO_MEASURE = """
UPDATE trading_trade SET mae = NULL, mfe = NULL, mae_at = NULL, mfe_at = NULL, excursion_source = NULL
WHERE instrument_id = %s AND status = 'closed' AND opened_at <= %s AND closed_at >= %s
AND excursion_source IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of a chart. Of more than it can show, each of them stands for `together` neighbours."""

    timeframe: str
    together: int
    bars: list[PricedBar]


def chart(
    instrument_id: int, *, timeframe: str, start: datetime | None = None, end: datetime | None = None, most: int = 1_000
) -> Chart:
    """The bars that begin from `start` to `end`, both included, at most `most` of them, ascending.

    More are put together evenly: the open of the first, the highest high, the lowest low, the close of the last.
    """
    rows = Bar.objects.filter(instrument=instrument_id, timeframe=timeframe)
    if start is not None:
        rows = rows.filter(starts_at__gte=start)
    if end is not None:
        rows = rows.filter(starts_at__lte=end)
    together = max(-(-rows.count() // most), 1)
    with connection.cursor() as cursor:
        inner, values = rows.order_by("starts_at").values_list(*_COLUMNS).query.sql_with_params()
        cursor.execute(
            f"""
            SELECT min(starts_at), (array_agg(open ORDER BY starts_at))[1], max(high), min(low),
                (array_agg(close ORDER BY starts_at DESC))[1], sum(volume)
            FROM (
                SELECT b.*, (row_number() OVER (ORDER BY starts_at) - 1) / %s AS part
                FROM ({inner}) b ({", ".join(_COLUMNS)})
            ) parts GROUP BY part ORDER BY part LIMIT %s
            """,  # noqa: S608 – a query of our own
            [together, *values, most],
        )
        return Chart(timeframe, together, [PricedBar(*row) for row in cursor.fetchall()])


def timeframes_of(instrument_id: int) -> list[str]:
    """The timeframes in which this instrument has bars, the finest first."""
    return [
        timeframe for timeframe in LENGTHS if Bar.objects.filter(instrument=instrument_id, timeframe=timeframe).exists()
    ]


def day_of(day: date, *, is_end: bool = False) -> datetime:
    """The first, or the last, moment of a day in UTC."""
    return datetime.combine(day, time.max if is_end else time.min, UTC)

"""Bars of prices: read from files, written in bulk, and asked for by charts."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from accounts import instants, versions
from accounts.decimals import strict
from accounts.fields import LARGEST_PRICE
from trading import bulk, feeds, plain_bars
from trading.errors import BarsRefused
from trading.models import Bar, Instrument, InstrumentKind, Timeframe

#: Is told how many bars were read so far.
OnBars = Callable[[int], object]
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

#: Numbers above it are milliseconds since 1970, not seconds: the year 5138 otherwise.
_MILLISECONDS = 100_000_000_000
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class PricedBar:
    """One bar as a file states it."""

    starts_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    vwap: Decimal | None = None
    trade_count: int | None = None


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
    read = _read(rows)
    heading = [name.strip().lower().lstrip("\ufeff") for name in next(read, [])]
    places = _places(heading)
    clock = heading.index("time") if "date" in heading and "time" in heading else None
    if clock is not None:
        places["time"] = heading.index("date")
    for row in read:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(heading):
            raise BarsRefused(f"Line {rows.line_num} has {len(row)} cells, not {len(heading)}.", code="bars_bad_line")
        cells = {name: row[place].strip() for name, place in places.items()}
        if clock is not None:
            cells["time"] += f" {row[clock].strip()}"
        yield _bar(cells, zone=zone, where=f"Line {rows.line_num}")


def _read(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    count = 0
    try:
        for row in rows:
            count += 1
            yield row
    except csv.Error as error:
        raise BarsRefused(f"Line {count + 1}: {error}.", code="bars_bad_line") from error


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
    places = plain_bars.places_of(heading)
    for name in plain_bars.CALLED:
        if name not in places and name not in plain_bars.OPTIONAL:
            raise BarsRefused(f"There is no column {name}.", code="bars_no_column")
    return places


def _bar(cells: Mapping[str, str], *, zone: tzinfo, where: str) -> PricedBar:
    try:
        prices = [strict(cells[name]) for name in ("open", "high", "low", "close")]
        volume, vwap = (strict(cells[name]) if cells.get(name) else None for name in ("volume", "vwap"))
        trade_count = _whole(cells.get("trade_count", ""))
        starts_at = moment(cells["time"], zone=zone)
    except ValueError as error:
        raise BarsRefused(f"{where}: {error}.", code="bars_bad_line") from error
    opened, high, low, closed = prices
    if any(abs(number) > LARGEST_PRICE for number in (*prices, volume or _NOTHING, vwap or _NOTHING)):
        raise BarsRefused(f"{where}: a number is too large.", code="bars_bad_line")
    if not (low <= opened <= high and low <= closed <= high):
        raise BarsRefused(f"{where}: open and close lie between low and high.", code="bars_bad_line")
    if volume is not None and volume < 0:
        raise BarsRefused(f"{where}: a volume is not negative.", code="bars_bad_line")
    return PricedBar(starts_at, opened, high, low, closed, volume, vwap, trade_count)


def _whole(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(f"{text[:40]!r} is no number of trades")
    return int(text) if text else None


def moment(text: str, *, zone: tzinfo = UTC) -> datetime:
    """The time that a cell states: ISO 8601, a date alone, or seconds or milliseconds since 1970."""
    if text.isascii() and text.isdigit() and len(text) > len("20260331"):
        number = int(text[:18])
        seconds, thousandths = divmod(number, 1000) if number >= _MILLISECONDS else (number, 0)
        moment = datetime.fromtimestamp(min(seconds, int(instants.LATEST.timestamp())), UTC)
        moment += timedelta(milliseconds=thousandths)
    else:
        found = datetime.fromisoformat(text)
        moment = found if found.tzinfo else found.replace(tzinfo=zone)
    if not instants.is_kept(moment):
        raise ValueError(f"{text[:40]!r} is not between 1900 and 2200")
    return moment.astimezone(UTC)


#: What may cost nothing, or less: spreads and deliveries that nobody wants, options that have run out, differences.
_MAY_BE_WORTHLESS = frozenset({InstrumentKind.FUTURE, InstrumentKind.OPTION, InstrumentKind.CFD, InstrumentKind.INDEX})


def checked(bars: Iterable[PricedBar], *, instrument: Instrument, timeframe: str) -> Iterator[PricedBar]:
    """The same bars, in rising order.

    Raises BarsRefused where two are nearer than the timeframe, or the same, and where one has a price that such an
    instrument cannot have.
    """
    least = _least(timeframe)
    before: datetime | None = None
    for bar in sorted(bars, key=lambda each: each.starts_at):
        if before is not None and bar.starts_at - before < least:
            raise _overlap(before, bar.starts_at, timeframe)
        if bar.low <= 0:
            _refuse_worthless(instrument, bar.starts_at)
        before = bar.starts_at
        yield bar


def _refuse_worthless(instrument: Instrument, starts_at: datetime) -> None:
    """Where this instrument cannot cost nothing. Raises BarsRefused."""
    if instrument.kind not in _MAY_BE_WORTHLESS:
        words = f"The bar of {starts_at.isoformat()} has a price that is not above zero."
        raise BarsRefused(words, code="bars_bad_line")


def _least(timeframe: str) -> timedelta:
    """How far apart two bars begin at least."""
    # A day of a zone with summer time may have 23 hours.
    return LENGTHS[timeframe] - timedelta(hours=1) if timeframe == Timeframe.DAY else LENGTHS[timeframe]


def _overlap(before: datetime, after: datetime, timeframe: str) -> BarsRefused:
    words = f"The bars of {before.isoformat()} and {after.isoformat()} overlap: they are no bars of {timeframe}."
    return BarsRefused(words, code="bars_overlap")


def _nothing() -> BarsRefused:
    return BarsRefused("There is no bar in it.", code="bars_empty")


_STAGE = """
CREATE TEMP TABLE bar_stage (
    starts_at timestamptz, open numeric, high numeric, low numeric, close numeric, volume numeric,
    vwap numeric, trade_count bigint,
    CHECK (low <= open AND open <= high AND low <= close AND close <= high)
) ON COMMIT DROP
"""

COLUMNS = ("starts_at", "open", "high", "low", "close", "volume", "vwap", "trade_count")

# What is the same is left alone: loading a file twice writes nothing the second time.
_UPSERT = """
WITH written AS (
    INSERT INTO trading_bar (
        instrument_id, timeframe, starts_at, open, high, low, close, volume, vwap, trade_count, source)
    SELECT %(instrument)s, %(timeframe)s, starts_at, open, high, low, close, volume, vwap, trade_count, %(source)s
    FROM bar_stage ORDER BY starts_at
    ON CONFLICT (instrument_id, timeframe, starts_at) DO UPDATE
    SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
        volume = EXCLUDED.volume, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, source = EXCLUDED.source
    WHERE (trading_bar.open, trading_bar.high, trading_bar.low, trading_bar.close, trading_bar.volume,
            trading_bar.vwap, trading_bar.trade_count)
        IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
            EXCLUDED.vwap, EXCLUDED.trade_count)
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
    on_bars: OnBars = lambda count: None,
) -> Loaded:
    """The bars are stored, all or none; one that is there already is replaced where it differs.

    What trades showed on the way is measured anew where bars were added or changed. `on_bars` is told how many are
    read. Raises BarsRefused, and nothing is changed.
    """
    count = 0
    found = checked(bars, instrument=instrument, timeframe=timeframe)
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
    while piece := list(islice(found, PIECE)):
        rows = [[getattr(bar, name) for name in COLUMNS] for bar in piece]
        bulk.copy_rows("bar_stage", COLUMNS, rows)
        count += len(piece)
        on_bars(count)
    return _merged(instrument, timeframe=timeframe, source=source)


def load_csv(
    instrument: Instrument,
    path: Path,
    *,
    timeframe: str,
    zone: tzinfo,
    source: str = "file",
    on_bars: OnBars = lambda count: None,
) -> Loaded:
    """As `load`, for the bars of a CSV file.

    A file in which every line is plain goes to the database as it is, thirty times as fast as line by line; the first
    line that asks for a second look has the whole file read by `read_csv`, which says what is wrong with it if it is.
    """
    if (heading := plain_bars.heading_of(path, zone=zone)) is not None:
        try:
            with transaction.atomic():
                return _load_plain(instrument, path, heading, timeframe=timeframe, source=source, on_bars=on_bars)
        except (plain_bars.NotPlain, IntegrityError, DataError):
            pass
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = read_csv(file, zone=zone)
        return load(instrument, timeframe=timeframe, bars=found, source=source, on_bars=on_bars)


def _load_plain(
    instrument: Instrument, path: Path, heading: plain_bars.Heading, *, timeframe: str, source: str, on_bars: OnBars
) -> Loaded:
    source = source[:30]
    if Bar.objects.filter(instrument=instrument, timeframe=timeframe).exists() or heading.others:
        with connection.cursor() as cursor:
            cursor.execute(_STAGE)
            for name in heading.others:
                cursor.execute(f"ALTER TABLE bar_stage ADD {name} text")
        plain_bars.copy(path, heading, "bar_stage", {}, on_bars=on_bars)
        _refuse_bad("bar_stage", "true", [], instrument=instrument, timeframe=timeframe)
        return _merged(instrument, timeframe=timeframe, source=source)
    same = {"instrument_id": instrument.pk, "timeframe": timeframe, "source": source}
    count = plain_bars.copy(path, heading, "trading_bar", same, on_bars=on_bars)
    if not count:
        raise _nothing()
    own = "instrument_id = %s AND timeframe = %s"
    values: list[Any] = [instrument.pk, timeframe]
    _refuse_bad("trading_bar", own, values, instrument=instrument, timeframe=timeframe)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(starts_at), max(starts_at) FROM trading_bar WHERE {own}", values)  # noqa: S608
        first, last = cursor.fetchone()
    _changed(instrument, first, last + LENGTHS[timeframe])
    return Loaded(count, count, 0, first, last)


def _merged(instrument: Instrument, *, timeframe: str, source: str) -> Loaded:
    """The staged bars are stored where they are new or others than those that were there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(starts_at), max(starts_at) FROM bar_stage")
        count, first, last = cursor.fetchone()
        if not count:
            raise _nothing()
        cursor.execute(_UPSERT, {"instrument": instrument.pk, "timeframe": timeframe, "source": source[:30]})
        added, changed = cursor.fetchone()
        cursor.execute("DROP TABLE bar_stage")
    if added or changed:
        _changed(instrument, first, last + LENGTHS[timeframe])
    return Loaded(count, added, changed, first, last)


def _refuse_bad(table: str, condition: str, values: list[Any], *, instrument: Instrument, timeframe: str) -> None:
    """As `checked`, for bars that the database has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(starts_at) FILTER (WHERE low <= 0) FROM {table} WHERE {condition}", values)  # noqa: S608 - names of our own
        ((worthless,),) = cursor.fetchall()
        if worthless is not None:
            _refuse_worthless(instrument, worthless)
        cursor.execute(
            f"""
            SELECT before, starts_at FROM (
                SELECT starts_at, lag(starts_at) OVER (ORDER BY starts_at) AS before FROM {table} WHERE {condition}
            ) pairs WHERE starts_at - before < make_interval(secs => %s) ORDER BY starts_at LIMIT 1
            """,  # noqa: S608 - names of our own
            [*values, _least(timeframe).total_seconds()],
        )
        for before, after in cursor.fetchall():
            raise _overlap(before, after, timeframe)


def _changed(instrument: Instrument, start: datetime, end: datetime) -> None:
    """Whoever shows or measured prices of this time is told that they are others."""
    # The pages of trades draw them, whoever's trades those are.
    versions.bump_everybody()
    with connection.cursor() as cursor:
        cursor.execute(_TO_MEASURE, [instrument.pk, end, start])


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

    More are put together evenly: the open of the first, the highest high, the lowest low, the close of the last,
    the average price by volume where all of them have one, and the trades of all.
    """
    rows = Bar.objects.filter(instrument=instrument_id, timeframe=timeframe)
    if start is not None:
        rows = rows.filter(starts_at__gte=start)
    if end is not None:
        rows = rows.filter(starts_at__lte=end)
    rows = rows.order_by("starts_at")
    # Most charts show what there is; only for more are all of them counted.
    found = [PricedBar(*row) for row in rows.values_list(*COLUMNS)[: most + 1]]
    if len(found) <= most:
        return Chart(timeframe, 1, found)
    together = -(-rows.count() // most)
    with connection.cursor() as cursor:
        inner, values = rows.values_list(*COLUMNS).query.sql_with_params()
        cursor.execute(
            f"""
            SELECT min(starts_at), (array_agg(open ORDER BY starts_at))[1], max(high), min(low),
                (array_agg(close ORDER BY starts_at DESC))[1], sum(volume),
                CASE WHEN count(vwap * volume) = count(*) AND sum(volume) > 0
                    THEN round(sum(vwap * volume) / sum(volume), 12) END,
                sum(trade_count)::bigint
            FROM (
                SELECT b.*, (row_number() OVER (ORDER BY starts_at) - 1) / %s AS part
                FROM ({inner}) b ({", ".join(COLUMNS)})
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

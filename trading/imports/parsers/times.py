"""Dates and times as broker files write them, read into aware UTC or refused.

Rows by the million pass through here: dates are cached by their text and the offset of a whole local day is
worked out once, so that a time costs a slice and an addition.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

from trading.imports.parsers.base import BadCell, FileRefused, ParseContext

EARLIEST = date(1990, 1, 1)
DAY = timedelta(days=1)

#: Zone names that formats write behind a time. Read only where the format declares them: EST alone is ambiguous.
ZONE_NAMES = {
    "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip

_SHAPE = re.compile(
    r"(?P<date>[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[0-9]{8})"
    r"(?:(?:[T;,]|[ ])[ ]*"
    r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:[ ]*[AaPp]\.?[Mm]\.?)?|[0-9]{6}))?"
    r"[ ,]*(?P<zone>[^\s0-9].*)?"
)
_OFFSET = re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>[0-9]{1,2}):?(?P<minutes>[0-9]{2})?")
_CLOCK = re.compile(
    r"(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"(?:[ ]*(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_DATE = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})")


class _Day(NamedTuple):
    day: date
    midnight: datetime | None  #: as UTC; None where the offset changes within the day


class _Rules(NamedTuple):
    order: str
    short_years: bool


def parse_time(
    text: str,
    *,
    column: str,
    context: ParseContext,
    order: str = "",
    formats: tuple[str, ...] = (),
    zones: bool = False,
) -> datetime:
    """Return the instant that the cell states, aware and in UTC; a time without an offset is of the context's zone.

    `formats` names the layouts a format declares ("MM/DD/YYYY HH:MM:SS", "M/D/YY H:MM:SS"): they settle the
    order of day and month and allow two-digit years. `zones` allows zone names behind the time.
    Raises BadCell: missing_value, bad_date, bad_time, bad_timezone, declare_date_order, out_of_range,
    future_date, nonexistent_local_time, ambiguous_local_time.
    """
    moment, day = parse_moment(text, column=column, context=context, order=order, formats=formats, zones=zones)
    if moment is None:
        raise BadCell(column, "bad_time", f"The time of day is missing after {day}.", text)
    return moment


def parse_moment(
    text: str,
    *,
    column: str,
    context: ParseContext,
    order: str = "",
    formats: tuple[str, ...] = (),
    zones: bool = False,
) -> tuple[datetime | None, date | None]:
    """Return (instant in UTC, None), or (None, date) for a cell with a date alone. Raises as `parse_time`."""
    rules = _rules(order or context.date_order, formats)
    if len(text) == 19 and text[10] in " T":
        date_text, clock_text, zone_text = text[:10], text[11:], ""
    elif len(text) == 15 and text[8] in ";, T" and text[:8].isdecimal():
        date_text, clock_text, zone_text = text[:8], text[9:], ""
    else:
        date_text, clock_text, zone_text = _split(text, column=column)
    try:
        if not clock_text:
            return None, _checked(_read_date(date_text, rules), context)
        seconds = _read_clock(clock_text)
        zone = _read_zone(zone_text, named=zones) if zone_text else context.time_zone
        day = _day(date_text, rules, zone)
        _checked(day.day, context)
        moment = (
            day.midnight + seconds
            if day.midnight is not None
            else _localised(day.day, seconds, zone, context.ambiguous_time)
        )
    except _Unreadable as reason:
        raise BadCell(column, reason.code, reason.message, text) from None
    if moment > context.now + DAY:
        raise BadCell(column, "future_date", "This time lies in the future.", text)
    return moment, None


def parse_date(
    text: str,
    *,
    column: str,
    order: str = "",
    formats: tuple[str, ...] = (),
    context: ParseContext | None = None,
) -> date:
    """Return the date of the cell; with a context it must not lie in the future.

    Raises BadCell: missing_value, bad_date, declare_date_order, out_of_range, future_date.
    """
    stripped = text.strip()
    if not stripped:
        raise BadCell(column, "missing_value", "A date is required here.", text)
    try:
        day = _read_date(stripped, _rules(order or (context.date_order if context else ""), formats))
        if context is not None:
            return _checked(day, context)
    except _Unreadable as reason:
        raise BadCell(column, reason.code, reason.message, text) from None
    if day < EARLIEST:
        raise BadCell(column, "out_of_range", f"Dates before {EARLIEST} are not read.", text)
    return day


def detect_date_order(samples: Iterable[str]) -> str:
    """Return "mdy", "dmy" or "ymd" as the samples prove it, "" when every one could be either.

    Raises FileRefused mixed_date_order when two of them are proven.
    """
    proven = {order for sample in samples if (order := proven_date_order(sample))}
    if len(proven) > 1:
        raise FileRefused(
            "mixed_date_order",
            "Some dates of this file can only be day-month and others only month-day. Export it with one date format.",
        )
    return proven.pop() if proven else ""


def proven_date_order(text: str) -> str:
    """Return the order that this one text proves: "" for 01/02/2024, "dmy" for 13/02/2024."""
    found = _DATE.match(text.strip())
    if found is None:
        return "ymd" if re.match(r"[12][0-9]{7}(?![0-9])", text.strip()) else ""
    if len(found[1]) == 4:
        return "ymd"
    if int(found[1]) > 12:
        return "dmy"
    return "mdy" if int(found[3]) > 12 else ""


def has_offset(text: str) -> bool:
    """Whether the time carries its own offset, one that can be read."""
    found = _SHAPE.fullmatch(text.strip())
    if not found or not found["clock"] or not found["zone"]:
        return False
    try:
        _read_zone(found["zone"].strip(), named=False)
    except _Unreadable:
        return False
    return True


class _Unreadable(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _split(text: str, *, column: str) -> tuple[str, str, str]:
    stripped = text.strip()
    if not stripped or stripped in ("-", "--") or stripped.lower() in ("n/a", "null", "none"):
        raise BadCell(column, "missing_value", "A date is required here.", text)
    found = _SHAPE.fullmatch(stripped)
    if found is None:
        raise BadCell(column, "bad_date", "This is not a date that can be read; write 2026-01-31 09:30:00.", text)
    zone = (found["zone"] or "").strip()
    if zone and not found["clock"]:
        raise BadCell(column, "bad_time", "This is not a time that can be read; write 09:30:00.", text)
    return found["date"], found["clock"] or "", zone


@lru_cache(maxsize=256)
def _rules(order: str, formats: tuple[str, ...]) -> _Rules:
    dates = [layout.upper().split(" ")[0].split(";")[0] for layout in formats]
    if not order:
        starts = {"mdy" if layout.startswith("M") else "dmy" for layout in dates if layout[:1] in ("M", "D")}
        order = starts.pop() if len(starts) == 1 else ""
    short = any("YY" in layout and "YYYY" not in layout for layout in dates)
    return _Rules(order, short)


@lru_cache(maxsize=8192)
def _read_date(text: str, rules: _Rules) -> date:
    if len(text) == 8 and text.isascii() and text.isdecimal():
        return _calendar(int(text[:4]), int(text[4:6]), int(text[6:]))
    found = _DATE.fullmatch(text)
    if found is None:
        raise _Unreadable("bad_date", "This is not a date that can be read; write 2026-01-31.")
    first, second, last = found[1], found[3], found[4]
    if len(first) == 4:
        if len(last) > 2:
            raise _Unreadable("bad_date", "This is not a date that can be read; write 2026-01-31.")
        return _calendar(int(first), int(second), int(last))
    if len(first) > 2 or len(last) not in ((2, 4) if rules.short_years else (4,)):
        raise _Unreadable("bad_date", "The year must have four digits.")
    year = int(last) if len(last) == 4 else 2000 + int(last) - (100 if int(last) >= 90 else 0)
    order = rules.order if rules.order in ("mdy", "dmy") else proven_date_order(text)
    if not order:
        raise _Unreadable("declare_date_order", "Day and month cannot be told apart; choose the order of the file.")
    day, month = (first, second) if order == "dmy" else (second, first)
    return _calendar(year, int(month), int(day))


def _calendar(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise _Unreadable("bad_date", "There is no such day in the calendar.") from None


def _checked(day: date, context: ParseContext) -> date:
    if day < EARLIEST:
        raise _Unreadable("out_of_range", f"Dates before {EARLIEST} are not read.")
    # A calendar day can be two ahead of UTC's: one for the zone, one that the rules allow.
    if day > _latest(context.now):
        raise _Unreadable("future_date", "This date lies in the future.")
    return day


@lru_cache(maxsize=64)
def _latest(now: datetime) -> date:
    return (now + 2 * DAY).date()


@lru_cache(maxsize=32768)
def _read_clock(text: str) -> timedelta:
    if len(text) == 6 and text.isascii() and text.isdecimal():
        text = f"{text[:2]}:{text[2:4]}:{text[4:]}"
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise _Unreadable("bad_time", "This is not a time that can be read; write 09:30:00.")
    hours, minutes, seconds = int(found["h"]), int(found["m"]), int(found["s"] or 0)
    if found["half"]:
        if not 1 <= hours <= 12:
            raise _Unreadable("bad_time", "With AM or PM the hour goes from 1 to 12.")
        hours = hours % 12 + (12 if found["half"] in "pP" else 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise _Unreadable("bad_time", "There is no such time of day.")
    micros = int((found["f"] or "0").ljust(6, "0")[:6])
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=micros)


@lru_cache(maxsize=256)
def _read_zone(text: str, *, named: bool) -> tzinfo:
    if text in ("Z", "z"):
        return UTC
    found = _OFFSET.fullmatch(text)
    is_numeric = text[0] in "+-"
    if found and (is_numeric or named) and int(found["hours"]) <= 14 and int(found["minutes"] or 0) < 60:
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        return timezone(-offset if found["sign"] == "-" else offset)
    if named and text.upper() in ZONE_NAMES:
        return timezone(timedelta(hours=ZONE_NAMES[text.upper()]))
    raise _Unreadable("bad_timezone", f"The time zone {text[:20]!r} cannot be read; write an offset such as -05:00.")


@lru_cache(maxsize=8192)
def _day(text: str, rules: _Rules, zone: tzinfo) -> _Day:
    day = _read_date(text, rules)
    if not EARLIEST.year - 1 < day.year < 9999:
        return _Day(day, None)
    edges = (datetime.combine(day, time.min), datetime.combine(day, time.max))
    offsets = {edge.replace(tzinfo=zone, fold=fold).utcoffset() for edge in edges for fold in (0, 1)}
    if len(offsets) != 1 or None in offsets:
        return _Day(day, None)
    return _Day(day, edges[0].replace(tzinfo=zone).astimezone(UTC))


def _localised(day: date, seconds: timedelta, zone: tzinfo, choice: str) -> datetime:
    """Return the instant of a wall time on a day on which the clocks change."""
    wall = datetime.combine(day, time.min) + seconds
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    # The two readings of a wall time differ around a change: in a fold both lead back to it, in a gap neither.
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        raise _Unreadable(
            "nonexistent_local_time", f"The clocks in {zone} skipped this time; choose the right time zone."
        )
    if choice not in ("first", "second"):
        raise _Unreadable(
            "ambiguous_local_time",
            f"This time happened twice in {zone} when the clocks went back; choose the first or the second.",
        )
    return first if choice == "first" else second

"""Times as Interactive Brokers writes them: the author of a query chooses among a dozen spellings."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from trading.imports.parsers.base import BadCell, ParseContext
from trading.imports.parsers.times import parse_time

ZONES: Final = {
    "EST": timezone(timedelta(hours=-5)),
    "EDT": timezone(timedelta(hours=-4)),
    "CST": timezone(timedelta(hours=-6)),
    "CDT": timezone(timedelta(hours=-5)),
    "GMT": UTC,
    "UTC": UTC,
}
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
ONE_DAY: Final = timedelta(days=1)
FIRST_DAY: Final = date(1990, 1, 1)
DAYS_REMEMBERED: Final = 20_000

_MOMENT: Final = re.compile(
    r"(?P<day>[0-9]{8}|[0-9]{1,4}[-/][0-9A-Za-z]{1,3}[-/][0-9]{1,4})"
    r"(?:(?:[;,T]| |, )"
    r"(?P<hour>[0-9]{1,2}):?(?P<minute>[0-9]{2}):?(?P<second>[0-9]{2})?(?:[; ]?(?P<zone>[A-Z]{3,4}))?)?",
    re.ASCII,
)
_DAY_PARTS: Final = re.compile(r"(\d{1,4})([-/])(\d{1,2}|[A-Za-z]{3})[-/](\d{1,4})", re.ASCII)


class FlexClock:
    """Reads the moments of one file; `order` decides dates with slashes (month first unless proved)."""

    def __init__(self, context: ParseContext, *, order: str = "") -> None:
        self._context = context
        self._order = order or "mdy"
        self._last_day = (context.now + ONE_DAY).date()
        self._days: dict[str, date] = {}
        self._offsets: dict[date, timedelta | None] = {}

    def moment(
        self, text: str, day_text: str, time_text: str, *, column: str
    ) -> tuple[datetime | None, date | None, date | None]:
        """The instant in UTC, or the bare date, and the trading day that the file states beside it.

        A bare date is given no time of day. Raises BadCell.
        """
        stated_day = self.day(day_text, column=column) if day_text else None
        if not text:
            if not day_text:
                raise BadCell(column, "missing_value", "The date is missing.")
            text = f"{day_text};{time_text}" if time_text else day_text
        found = _MOMENT.fullmatch(text)
        if found is None:
            raise BadCell(column, "bad_date", "The date and time are in no known spelling.", text)
        day_part, hour, minute, second, zone = found.groups()
        day = self.day(day_part, column=column)
        if hour is None:
            return None, day, stated_day
        try:
            at = time(int(hour), int(minute), int(second or 0))
        except ValueError:
            raise BadCell(column, "bad_time", "The time of day does not exist.", text) from None
        return self._instant(day, at, zone, column=column, text=text), None, stated_day

    def day(self, text: str, *, column: str) -> date:
        """The date that the text states. Raises BadCell: bad_date, out_of_range, future_date."""
        day = self._days.get(text)
        if day is not None:
            return day
        try:
            day = self._read_day(text)
        except ValueError:
            raise BadCell(column, "bad_date", "The date does not exist.", text) from None
        if day < FIRST_DAY:
            raise BadCell(column, "out_of_range", "The date is before 1990.", text)
        if day > self._last_day:
            raise BadCell(column, "future_date", "The date is in the future.", text)
        if len(self._days) >= DAYS_REMEMBERED:
            self._days.clear()
        self._days[text] = day
        return day

    def _read_day(self, text: str) -> date:
        if len(text) == 8 and text.isdigit():
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        parts = _DAY_PARTS.fullmatch(text)
        if parts is None:
            raise ValueError(text)
        first, separator, middle, last = parts.groups()
        if len(first) == 4:
            return date(int(first), int(middle), int(last))
        year = int(last) if len(last) == 4 else 2000 + int(last)
        if middle.isalpha():
            return date(year, MONTHS.index(middle.upper()) + 1, int(first))
        if separator == "/" and self._order == "mdy":
            return date(year, int(first), int(middle))
        return date(year, int(middle), int(first))

    def _instant(
        self, day: date, at: time, zone: str | None, *, column: str, text: str
    ) -> datetime:
        if zone is not None:
            if zone not in ZONES:
                raise BadCell(column, "bad_timezone", f"The time zone {zone} is not known here.", text)
            return datetime.combine(day, at, ZONES[zone]).astimezone(UTC)
        offset = self._offset(day)
        if offset is not None:
            return datetime.combine(day, at, UTC) - offset
        # A day on which the clocks change, or the edge of the future: the general rules decide.
        try:
            return parse_time(f"{day} {at}", column=column, context=self._context)
        except BadCell as refusal:
            raise BadCell(refusal.column, refusal.code, refusal.message, text) from None

    def _offset(self, day: date) -> timedelta | None:
        """What the zone is ahead of UTC all through the day; None where that is not one figure."""
        try:
            return self._offsets[day]
        except KeyError:
            pass
        zone = self._context.time_zone
        midnight = datetime.combine(day, time(), zone)
        at_start, at_end = midnight.utcoffset(), (midnight + ONE_DAY).utcoffset()
        offset = at_start if at_start == at_end and day < self._last_day - ONE_DAY else None
        if len(self._offsets) >= DAYS_REMEMBERED:
            self._offsets.clear()
        self._offsets[day] = offset
        return offset

"""Times as Interactive Brokers writes them: the author of a query chooses among a dozen spellings."""

import re
from datetime import date, datetime
from typing import Final

from trading.imports.parsers.base import ParseContext
from trading.imports.parsers.times import parse_date, parse_moment

SHORT_YEARS: Final = ("M/D/YY",)
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_NAMED_MONTH: Final = re.compile(r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}|[0-9]{2})(?![0-9])")


class FlexClock:
    """Reads the moments of one file; `order` decides dates with slashes (month first unless proved).

    Dates with dashes and the year behind are day first: "27-04-26 9:30".
    """

    def __init__(self, context: ParseContext, *, order: str = "") -> None:
        self._context = context
        self._slash_order = order or "mdy"

    def moment(
        self, text: str, day_text: str, time_text: str, *, column: str
    ) -> tuple[datetime | None, date | None, date | None]:
        """The instant in UTC, or the bare date, and the trading day that the file states beside it.

        A bare date is given no time of day. Raises BadCell as `parse_moment` does.
        """
        stated_day = self.day(day_text, column=column) if day_text else None
        if not text:
            text = f"{day_text};{time_text}" if time_text else day_text
        text, order = self._spelled(text)
        executed_at, executed_on = parse_moment(
            text, column=column, context=self._context, order=order, formats=SHORT_YEARS, zones=True
        )
        return executed_at, executed_on, stated_day

    def day(self, text: str, *, column: str) -> date:
        """The date that the text states. Raises BadCell as `parse_date` does."""
        text, order = self._spelled(text)
        return parse_date(text, column=column, order=order, formats=SHORT_YEARS, context=self._context)

    def _spelled(self, text: str) -> tuple[str, str]:
        """The text with its month as a number, and the order in which its date stands."""
        if text[-1:].isalpha() and text.count(";") == 2:
            text = " ".join(text.rsplit(";", 1))  # "20260427;093005;EST"
        if "-" not in text[:3]:
            return text, self._slash_order
        named = _NAMED_MONTH.match(text)
        if named and named[2].upper() in MONTHS:
            month = MONTHS.index(named[2].upper()) + 1
            text = f"{named[1]}-{month:02d}-{named[3]}{text[named.end() :]}"
        return text, "dmy"

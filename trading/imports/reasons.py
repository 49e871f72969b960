"""What imports say of a file and of its lines, in the language of who reads it.

It is kept in English, as parsers say it and the API tells it; which language it is read in shows only later.
"""

import re

from django.utils import translation
from django.utils.translation import gettext, gettext_noop, ngettext

_KNOWN = (
    # Of a line that is no fill.
    gettext_noop("A canceled order."),
    gettext_noop("A rejected order."),
    gettext_noop("An order that was not filled (%(status)s)."),
    gettext_noop("The order is %(status)s."),
    gettext_noop("A total, not a trade."),
    gettext_noop("A total, not a lot."),
    gettext_noop("The total of the file."),
    gettext_noop("A total of the statement, not a fill."),
    gettext_noop("A movement of money, not a trade."),
    gettext_noop("A movement of type %(type)s, not a trade."),
    gettext_noop("%(action)s is not a trade."),
    gettext_noop("A line of text below the table."),
    gettext_noop("A position without a closed pair."),
    gettext_noop("A position that is still open. Import again when it is closed."),
    gettext_noop("The shares that an option moved are a row of their own."),
    gettext_noop("The shares that an assignment moves are a row of their own."),
    gettext_noop("An order in total; its executions are read instead."),
    gettext_noop("A closed lot; the executions that closed it are read instead."),
    gettext_noop("A total of one symbol; its executions are read instead."),
    gettext_noop("A total of one asset class; its executions are read instead."),
    gettext_noop("A wash sale adjustment for the tax return, not a fill."),
    gettext_noop("A row of level %(level)s, not a fill."),
    gettext_noop("A row of kind %(kind)s; the orders are read instead."),
    # Of a line that cannot be read.
    gettext_noop("A number is required here."),
    gettext_noop("This is not a number."),
    gettext_noop("Write the number with the digits 0 to 9."),
    gettext_noop("Write the number plainly, like -1234.56."),
    gettext_noop("Write the number alone, without currency or unit."),
    gettext_noop("At most %(most)s digits are kept before the decimal mark."),
    gettext_noop("At most %(most)s decimals are kept; nothing is rounded."),
    gettext_noop("The number has a decimal comma; choose the number format of the file."),
    gettext_noop(
        "The number has a thousands separator; choose the number format of the file or export without separators."
    ),
    gettext_noop("A date is required here."),
    gettext_noop("This is not a date that can be read; write 2026-01-31."),
    gettext_noop("This is not a date that can be read; write 2026-01-31 09:30:00."),
    gettext_noop("This is not a time that can be read; write 09:30:00."),
    gettext_noop("There is no such day in the calendar."),
    gettext_noop("There is no such time of day."),
    gettext_noop("The year must have four digits."),
    gettext_noop("This date lies in the future."),
    gettext_noop("This time lies in the future."),
    gettext_noop("Dates before %(first)s are not read."),
    gettext_noop("The time of day is missing after %(date)s."),
    gettext_noop("Day and month cannot be told apart; choose the order of the file."),
    gettext_noop("The clocks in %(zone)s skipped this time; choose the right time zone."),
    gettext_noop("This time happened twice in %(zone)s when the clocks went back; choose the first or the second."),
    gettext_noop("The time zone %(zone)s is not known."),
    gettext_noop("This is neither a buy nor a sell."),
    gettext_noop("This is neither a buy nor a sell. Say in the mapping what it means."),
    gettext_noop("The side is missing; whether it was bought or sold is never assumed."),
    gettext_noop("The side is missing; it is never assumed."),
    gettext_noop("The side says buy and the quantity has a minus."),
    gettext_noop("A fill has a quantity other than 0."),
    gettext_noop("A fill has a quantity above 0."),
    gettext_noop("A fill has a price above 0."),
    gettext_noop("A fill has a price above 0; only options expire worthless."),
    gettext_noop("A price is above 0."),
    gettext_noop("A value is required in %(column)s."),
    gettext_noop("The symbol is missing."),
    gettext_noop("This is not a symbol: %(reason)s."),
    gettext_noop("the symbol is empty"),
    gettext_noop("the symbol has %(count)s characters, at most %(most)s are allowed"),
    gettext_noop("a symbol does not begin with %(character)s"),
    gettext_noop("the symbol contains %(character)s, which no symbol has"),
    gettext_noop("the symbol contains U+%(code)s (%(name)s); use plain ASCII letters"),
    gettext_noop("The option cannot be read: expiry, strike or right is missing."),
    gettext_noop("This is not a futures contract with its month and year."),
    gettext_noop(
        "The futures root %(root)s is not in the reference data, so what one point is worth is not known. Add it first."
    ),
    gettext_noop("This is not a currency code such as USD."),
    gettext_noop("The exit lies before the entry."),
    gettext_noop("The row has %(fields)s fields and the header %(columns)s."),
    gettext_noop("A price or quantity has at most 16 digits before the point, a cost 12."),
    # Of a whole file.
    gettext_noop("The file is empty."),
    gettext_noop("The file has no text in it."),
    gettext_noop("The file has a header and no rows."),
    gettext_noop("The file has a header and no rows below it."),
    gettext_noop("The file has no column %(column)s. Export it with that column."),
    gettext_noop("The column %(column)s appears more than once. Rename one."),
    gettext_noop("The file has more than %(most)s rows. Split it and import the parts."),
    gettext_noop("This is an Excel workbook. Save it as CSV (UTF-8) and import that."),
    gettext_noop("This is a ZIP archive. Unpack it and import the file inside."),
    gettext_noop("This is an archive. Unpack it and import the file inside."),
    gettext_noop("This is %(what)s, not a table. Export the trades as CSV."),
    gettext_noop("This is a web page or XML, not a table. Export the trades as CSV."),
    gettext_noop("This is not a text file. Export the trades as CSV (UTF-8) and import that."),
    gettext_noop(
        "The file does not look like any format that is read. Choose the broker's export again, or map the columns of "
        "this file to symbol, side, quantity, price and time."
    ),
    gettext_noop(
        "The file does not look like %(format)s, nor like any other format that is read. Choose the broker's export "
        "again, or map the columns of this file to symbol, side, quantity, price and time."
    ),
    gettext_noop("The headers match %(found)s; it was read as that instead of %(chosen)s."),
    gettext_noop("Not read: %(columns)s."),
    gettext_noop("The import was started three times and its worker died each time."),
    gettext_noop(
        "A number in the file, or what the fills come to, is too large to be kept: money has at most 12 digits "
        "before the point, prices and quantities 16. Nothing of the file was imported."
    ),
    gettext_noop("The stored file can no longer be read: import it anew."),
    gettext_noop("An account of this file was deleted meanwhile. Look into it again."),
    # What is to be decided.
    gettext_noop("The file does not say which account its %(count)s fills belong to: choose one."),
    gettext_noop("Account number %(number)s (%(count)s fills) is not known: choose an account for it or make one."),
    gettext_noop(
        "%(symbol)s is only sold in this file (%(quantity)s) and not held in the account: is it a short sale, or were "
        "the shares bought before this file begins?"
    ),
)
_GAP = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")
_OF_A_LINE = re.compile(
    r"Line (?P<line>\d+)(?:, column (?P<column>.*?))?: (?P<reason>.*?)(?: \((?P<more>\d+) more errors?\))? "
    r"Nothing of the file was imported\.",
    re.DOTALL,
)


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(_GAP.sub(lambda gap: f"(?P<{gap[1] or gap[2]}>.+?)", re.escape(words)), re.DOTALL)


_PLAIN = frozenset(words for words in _KNOWN if "%(" not in words)
_WITH_GAPS = [(words, _pattern(words)) for words in _KNOWN if "%(" in words]


def told(message: str) -> str:
    """The message in the language of the moment; one that is not known here stays English."""
    if not message or (translation.get_language() or "en").startswith("en"):
        return message
    if message in _PLAIN:
        return gettext(message)
    if found := _OF_A_LINE.fullmatch(message):
        return _of_a_line(**found.groupdict())
    for words, pattern in _WITH_GAPS:
        if found := pattern.fullmatch(message):
            # What fills a gap may be a message itself.
            return gettext(words) % {name: told(said) for name, said in found.groupdict().items()}
    return message


def _of_a_line(line: str, column: str | None, reason: str, more: str | None) -> str:
    if column:
        place = gettext("Line %(line)s, column %(column)s: %(reason)s") % {
            "line": line,
            "column": column,
            "reason": told(reason),
        }
    else:
        place = gettext("Line %(line)s: %(reason)s") % {"line": line, "reason": told(reason)}
    others = ngettext("(%(count)s more error)", "(%(count)s more errors)", int(more)) % {"count": more} if more else ""
    return " ".join(part for part in (place, others, gettext("Nothing of the file was imported.")) if part)

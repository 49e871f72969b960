"""The HTML reports of MetaTrader 4 (account statement) and MetaTrader 5 (trade history)."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import BinaryIO, Final

from trading.imports.parsers.base import Head, ParseContext, Parsed
from trading.imports.parsers.metatrader import BROKER, Line, read_deal, read_position
from trading.imports.parsers.metatrader_fills import read_report
from trading.imports.parsers.tables import open_text

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,30})", re.IGNORECASE)
_MARKUP = re.compile(r"\s*(?:<!--.*?-->\s*)?<(?:!doctype|html|head|body|table|title|meta)", re.IGNORECASE | re.DOTALL)
_SIGNS: Final = ("Trade History Report", "MetaTrader", "MetaQuotes", "Closed Transactions:", "client terminal")
BLANKS: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
RAW_LENGTH: Final = 1_000


class MetaTraderHtml:
    """The deals of the report as fills; a report without deals as the round trips of its positions."""

    name = "metatrader_html"
    label = "MetaTrader 4/5 – HTML report"
    broker = BROKER
    identity_family = "metatrader"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether it is a web page that names the platform or holds one of its rows."""
        if not _MARKUP.match(head.text):
            return 0
        if any(sign in head.text for sign in _SIGNS):
            return 90
        rows = _Rows()
        rows.feed(head.text)
        return 85 if any(read_deal(line.cells) or read_position(line.cells) for line in rows.taken()) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the fills of the report; the file is read twice, as a stream."""
        declared = replace(context, encoding=context.encoding or _declared_encoding(file))
        yield from read_report(lambda: _lines(file, declared), context, style="point")


class _Rows(HTMLParser):
    """Collects the visible cells of each row of any table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._done: list[Line] = []
        self._cells: list[str] = []
        self._text: list[str] | None = None
        self._is_hidden = False
        self._line = 0

    def taken(self) -> list[Line]:
        """Return the rows completed since the last call."""
        done, self._done = self._done, []
        return done

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_row()
            self._line = self.getpos()[0]
        elif tag in ("td", "th"):
            self._end_cell()
            self._text = []
            # Rows of positions carry a hidden cell for the drill-down of the web page.
            self._is_hidden = "hidden" in (dict(attrs).get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end_cell(self) -> None:
        if self._text is not None and not self._is_hidden:
            self._cells.append(" ".join("".join(self._text).translate(BLANKS).split()))
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if any(self._cells):
            self._done.append(Line(self._line, tuple(self._cells), " | ".join(self._cells)[:RAW_LENGTH]))
        self._cells = []


def _lines(file: BinaryIO, context: ParseContext) -> Iterator[Line]:
    file.seek(0)
    rows = _Rows()
    for text in open_text(file, context, markup=True):
        rows.feed(text + "\n")
        yield from rows.taken()
    rows.close()
    rows.handle_endtag("table")
    yield from rows.taken()


def _declared_encoding(file: BinaryIO) -> str:
    """Return the encoding that the page itself declares, "" where it declares none or one that is not known."""
    file.seek(0)
    start = file.read(4096)
    file.seek(0)
    stated = _CHARSET.search(start)
    try:
        return codecs.lookup(stated[1].decode("ascii")).name if stated else ""
    except LookupError:
        return ""

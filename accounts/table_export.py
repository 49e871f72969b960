"""Any table as a CSV file by RFC 4180, whose cells no spreadsheet takes for a formula."""

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from accounts.decimals import plain

#: How a cell begins that a spreadsheet would take for a formula, once full-width signs are made plain ones.
_FORMULA = ("=", "+", "-", "@")
_BREAKS = ("\t", "\r", "\n")
#: What ends a cell where a spreadsheet reads another mark than the comma, as Excel in French does, quotes or not.
_SEPARATORS = re.compile(r"([;\t\r\n])")
#: What may stand before a formula without ending it, besides what Python calls white space.
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad\x00"


#: Rows that are asked for at once.
_CHUNK = 1000
Row = TypeVar("Row", bound=Model)
#: By the heading, the same in every language: the path of an attribute, or what gives the value of a row.
Columns = Mapping[str, str | Callable[[Any], object]]


class _Line:
    """A file for the csv writer that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The heading and a line for each row, one by one, so that a million of them need no more memory than one."""
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield writer.writerow([cell(heading) for heading in headings])
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def answer(filename: str, headings: Sequence[object], rows: Iterable[Iterable[object]]) -> StreamingHttpResponse:
    """The table as a file to keep, made while it is sent. UTF-8 without a byte order mark.

    Numbers stay numbers (decimals in full, without grouping, whatever the language), dates are ISO 8601, what is
    undefined is an empty cell. Text that a spreadsheet would calculate begins with an apostrophe.
    """
    found = StreamingHttpResponse(lines(headings, rows), content_type="text/csv; charset=utf-8")
    found.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=filename) or ""
    return found


def of(filename: str, columns: Columns, rows: Iterable[object]) -> StreamingHttpResponse:
    """The rows as a file to keep, with these columns."""
    values = [attrgetter(each) if isinstance(each, str) else each for each in columns.values()]
    return answer(filename, list(columns), ([value(row) for value in values] for row in rows))


def one_by_one(rows: "QuerySet[Row]") -> Iterator[Row]:
    """The rows one by one, none of which stays in memory; nothing is asked for before the first is wanted."""
    yield from rows.iterator(chunk_size=_CHUNK)


def batches(rows: "QuerySet[Row]") -> Iterator[list[Row]]:
    """The rows in lists of a thousand, for what is looked up for many of them at once."""
    left = one_by_one(rows)
    while some := list(islice(left, _CHUNK)):
        yield some


def cell(value: Any) -> str:
    """What stands in a cell: numbers in full, times in ISO 8601, text that no spreadsheet calculates."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    text = ", ".join(value) if isinstance(value, list) else str(value)
    safe = _of_parts(text)
    return f"'{safe}" if _is_formula(text) else safe


def _is_formula(text: str) -> bool:
    return text.startswith(_BREAKS) or _begins_one(text)


def _begins_one(text: str) -> bool:
    rest = text.lstrip().lstrip(_INVISIBLE).lstrip()
    return unicodedata.normalize("NFKC", rest[:1]).startswith(_FORMULA)


def _of_parts(text: str) -> str:
    """The text with an apostrophe before each part that would be a formula where another mark separates cells."""
    parts = _SEPARATORS.split(text)
    return "".join(f"'{part}" if place and _begins_one(part) else part for place, part in enumerate(parts))

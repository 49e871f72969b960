"""Tables as CSV: exact numbers, harmless text, lines made while they are sent."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils.functional import lazystr

from accounts import table_export
from accounts.table_export import cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "\ufeff=1", "\u200b=1", " \u200b =1",
        "＝1", "＋1", "－1", "＠x", "\u3000＝1",
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_calculate_begins_with_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell([text, "b"]) == f"'{text}, b"
    assert cell(lazystr(text)) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x;=1+1;", "x;'=1+1;"),
        ("x; \u200b=1", "x;' \u200b=1"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ("x\n+1\r\n-1", "x\n'+1\r\n'-1"),
        ("=1;=2", "'=1;'=2"),
        ("x;＝1", "x;'＝1"),
    ],
)
def test_what_follows_another_mark_between_cells_is_no_formula_either(text: str, written: str) -> None:
    assert cell(text) == written


@pytest.mark.parametrize("text", ["a=1", "1+1", "a;b", "a\nb", "a; ;b", "", "Main", "'quoted", "–", "\N{MINUS SIGN}5"])
def test_other_text_stands_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_numbers_are_written_in_full_and_negative_ones_stay_numbers() -> None:
    assert cell(Decimal("-1E+3")) == "-1000"
    assert cell(Decimal("0.00000010")) == "0.0000001"
    assert cell(-5) == "-5"
    assert cell(None) == ""
    assert cell(True) == "true"


def test_dates_are_iso() -> None:
    assert cell(date(2026, 3, 2)) == "2026-03-02"
    assert cell(datetime(2026, 3, 2, 14, tzinfo=UTC)) == "2026-03-02T14:00:00+00:00"


def test_a_table_is_a_file_of_rfc_4180_without_a_byte_order_mark() -> None:
    answer = table_export.answer("by-symbol.csv", ["Symbol", "Net"], [['A, "B"\nC', Decimal("-1.50")], ["=x", None]])

    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]

    assert content == b'Symbol,Net\r\n"A, ""B""\nC",-1.5\r\n\'=x,\r\n'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="by-symbol.csv"'
    assert list(csv.reader(io.StringIO(content.decode(), newline="")))[1] == ['A, "B"\nC', "-1.5"]


def test_rows_are_asked_for_one_by_one() -> None:
    asked: list[int] = []

    def rows() -> Iterator[list[int]]:
        for number in range(3):
            asked.append(number)
            yield [number]

    found = table_export.lines(["n"], rows())

    assert (next(found), asked) == ("n\r\n", [])
    assert (next(found), asked) == ("0\r\n", [0])

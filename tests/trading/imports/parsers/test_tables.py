import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from trading.imports.parsers.base import BadCell, FileRefused, ParseContext, Parsed, RowError, SkippedRow
from trading.imports.parsers.tables import Row, collect, columns, head_of, header_with, open_text, read_rows

CONTEXT = ParseContext()


def rows(text: str, **options: Any) -> list[Row]:
    return list(read_rows(io.BytesIO(text.encode()), CONTEXT, header=header_with("Symbol", "Price"), **options))


def test_cells_are_found_by_header_whatever_its_case_and_spaces() -> None:
    (row,) = rows("SYMBOL , price\n AAPL , 1.5 \n")

    assert (row.line, row.text("Symbol"), row.decimal("Price")) == (2, "AAPL", Decimal("1.5"))
    assert (row.optional("Fee"), row.has("Fee"), row.decimal("Fee", Decimal(0))) == ("", False, Decimal(0))
    assert columns(row.columns, "Price", "Fee") == (1, -1)


def test_titles_are_passed_over_and_lines_still_count() -> None:
    (row,) = rows("My trades\nfrom, to\n\nSymbol,Price\nAAPL,1\n")

    assert row.line == 5


def test_a_header_far_down_needs_a_deep_search() -> None:
    text = "title\n" * 500 + "Symbol,Price\nAAPL,1\n"

    with pytest.raises(FileRefused) as refusal:
        rows(text)

    assert refusal.value.code == "missing_header"
    assert [row.line for row in rows(text, deep=True)] == [502]


def test_a_later_header_starts_a_section_with_its_own_columns() -> None:
    first, second = rows("Symbol,Price\nAAPL,1.5\nPrice,Fee,Symbol\n2.5,0,MSFT\n", many_sections=True)

    assert (first.text("Symbol"), first.text("Price")) == ("AAPL", "1.5")
    assert (second.text("Symbol"), second.text("Price")) == ("MSFT", "2.5")


def test_repeated_headers_are_read_where_the_format_has_them() -> None:
    (row,) = rows("Symbol,Time,Price,Time,Price\nX,1,2,3,4\n", repeats=True)

    assert [row.text(name) for name in ("Time", "Price", "Time#2", "Price#2")] == ["1", "2", "3", "4"]


def test_headers_that_differ_in_case_alone_are_two_columns_there() -> None:
    (row,) = rows("Symbol,Price,filledQty,Filled Qty\nX,1,2,3\n", repeats=True)

    assert (row.text("filledQty"), row.text("Filled Qty")) == ("2", "3")


def test_a_required_column_that_is_missing_is_named() -> None:
    with pytest.raises(FileRefused, match='"Fee"') as refusal:
        rows("Symbol,Price\nX,1\n", require=("Price", "Fee"))

    assert (refusal.value.code, refusal.value.line) == ("missing_header", 1)


def test_an_empty_last_column_may_be_left_out_of_a_row() -> None:
    with_comma, without = rows("Symbol,Price,\nX,1,\nY,2\n")

    assert (with_comma.problem, without.problem) == (None, None)
    assert without.text("Price") == "2"


def test_a_value_beyond_an_empty_last_header_is_too_many() -> None:
    (row,) = rows("Symbol,Price\nX,1,\n")

    assert row.problem is not None
    assert row.problem.code == "too_many_fields"


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"a","b"', ["a", "b"]),
        ('"",""', ["", ""]),
        ('",","b"', [",", "b"]),
        ('"a,",",b"', ["a,", ",b"]),
        ('"say ""yes""",b', ['say "yes"', "b"]),
        ('"a",b', ["a", "b"]),
        ('a,"b,c"', ["a", "b,c"]),
        ('="007",b', ["007", "b"]),
        ('"a,b"', ["a", "b"]),
        ('"""a"",b"', ["a", "b"]),
    ],
)
def test_every_way_to_quote_a_row_of_two(line: str, cells: list[str]) -> None:
    (row,) = rows(f"Symbol,Price\n{line}\n")

    assert (row.problem, row.cells) == (None, cells)


def test_the_raw_row_is_the_text_of_the_file() -> None:
    (row,) = rows('Symbol,Price\n "X" ,"1\n2"\n'.replace(' "X" ', '"X"'))

    assert row.raw == '"X","1\n2"'


def test_the_identity_of_a_row_is_its_content_or_the_brokers_id() -> None:
    (row,) = rows("Symbol,Price,Fee\nX, 1 ,\n")

    assert row.identity_key() == "row:price=1|symbol=X"
    assert row.identity_key("E-77") == "id:E-77"
    assert row.identity_key("E-77", "exit") == "id:E-77#exit"


def test_a_bad_cell_leaves_nothing_of_its_row() -> None:
    def build(row: Row) -> Iterator[Parsed]:
        yield row.skipped("subtotal", "A subtotal.")
        row.decimal("Price")

    items = list(collect(rows("Symbol,Price\nX,1\nY,none\n"), build))

    assert [(type(item), item.line) for item in items] == [(SkippedRow, 2), (RowError, 3)]
    assert items[1] == RowError(3, "Price", "missing_value", "A number is required here.", "none", "Y,none")


def test_a_missing_text_is_an_error_of_its_column() -> None:
    (row,) = rows("Symbol,Price\n,1\n")

    with pytest.raises(BadCell) as refusal:
        row.text("Symbol")

    assert (refusal.value.column, refusal.value.code) == ("Symbol", "missing_value")


class Trickle(io.BytesIO):
    """Hands out three bytes at a time, so that every line end and character is cut somewhere."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


def test_line_ends_and_characters_may_be_cut_anywhere() -> None:
    content = "añb\r\n\r\n€uro\rlast\n".encode()

    assert list(open_text(Trickle(content), CONTEXT)) == ["añb", "", "€uro", "last"]


def test_the_undecodable_byte_is_counted_across_blocks() -> None:
    with pytest.raises(FileRefused, match="Byte 10 in line 3") as refusal:
        list(open_text(Trickle(b"one\ntwo\nab\xffc\n"), CONTEXT))

    assert refusal.value.line == 3


def test_html_is_a_file_only_where_the_format_is_html() -> None:
    page = b"<html><body>report</body></html>\n"

    assert list(open_text(io.BytesIO(page), CONTEXT, markup=True)) == ["<html><body>report</body></html>"]


def test_the_head_of_a_file_leaves_the_file_at_its_start() -> None:
    file = io.BytesIO("\ufeffSymbol;Price\nX;1,5\n".encode())

    head = head_of(file, "trades.csv")

    assert head.rows == (("Symbol", "Price"), ("X", "1,5"))
    assert head.has_header("symbol", "PRICE")
    assert file.tell() == 0

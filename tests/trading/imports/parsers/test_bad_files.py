"""The corpus of bad files: each is refused with a code that names what is wrong and where, or read as it should be.

The ids are those of the corpus. Not here, because no parser sees them: C25 and C30 (the upload), C31 (the
stored name), C53 beyond the note (the pages), C65 to C68 across imports, C71 and C73 (the pipeline).
"""

import gzip
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest

from tests.trading.imports.ordering import ordered
from trading.imports.parsers import registry
from trading.imports.parsers.base import (
    ColumnChoice,
    FileRefused,
    ParseContext,
    Parsed,
    ParsedFill,
    RootSpec,
    RowError,
    Warned,
)
from trading.imports.parsers.tables import MAX_ROWS, head_of

NEW_YORK = ParseContext(
    now=datetime(2026, 6, 1, 12, tzinfo=UTC),
    time_zone=ZoneInfo("America/New_York"),
    roots={"ES": RootSpec("ES", "USD", Decimal("0.25"), Decimal(50))},
)
HEADER = "Symbol,Side,Quantity,Price,Date/Time,Note"
COLUMNS = {
    "symbol": "Symbol",
    "side": "Side",
    "quantity": "Quantity",
    "price": "Price",
    "executed_at": "Date/Time",
    "note": "Note",
}
MAPPED = replace(NEW_YORK, mapping=ColumnChoice(COLUMNS))


def row(
    symbol: str = "AAPL",
    side: str = "BUY",
    quantity: str = "10",
    price: str = "150.25",
    at: str = "2026-05-04 09:30:00",
    note: str = "",
) -> str:
    return f"{symbol},{side},{quantity},{price},{at},{note}"


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def parse(content: bytes, context: ParseContext = NEW_YORK, *, name: str = "generic_fills") -> list[Parsed]:
    return list(registry.by_name(name).parse(io.BytesIO(content), context))


def fills(content: bytes, context: ParseContext = NEW_YORK, *, name: str = "generic_fills") -> list[ParsedFill]:
    items = parse(content, context, name=name)
    errors = [item for item in items if isinstance(item, RowError)]
    assert errors == []
    return [item for item in items if isinstance(item, ParsedFill)]


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def without_mark(encoding: str) -> bytes:
    return table(row()).decode().encode(encoding)


WIDE = ",".join([HEADER, *(f"c{n}" for n in range(10_000))])
INVALID_AT_9999 = table(*([row()] * 9_997)) + b"AAPL,BUY,10,150.25,2026-05-04 09:30:00,caf\xe9\n"
UNCLOSED_AT_10 = table(*([row()] * 8), 'AAPL,BUY,10,150.25,2026-05-04 09:30:00,"never closed', *([row()] * 50))

REFUSED = [
    # id, content, code, line
    ("C1-nothing", b"", "empty_file", None),
    ("C1-newline", b"\r\n\n", "empty_file", None),
    ("C1-header", table(), "no_rows", 1),
    ("C5-le", without_mark("utf-16-le"), "encoding", 1),
    ("C5-be", without_mark("utf-16-be"), "encoding", 1),
    ("C6", table(row()) + "AAPL,BUY,1,2,2026-05-04 09:30:00,Größe\n".encode("cp1252"), "encoding", 3),
    ("C7", INVALID_AT_9999, "encoding", 9_999),
    ("C9-surrogate", table(row()) + b"\xed\xa0\x80\n", "encoding", 3),
    ("C9-overlong", table(row()) + b"\xc0\xaf\n", "encoding", 3),
    ("C9-noncharacter", table(row()) + b"\xef\xbf\xbe\n", "encoding", 3),
    ("C11", table(row() + ",1", header=HEADER + ",Price"), "duplicate_header", 1),
    ("C12", table(row() + ",1", header=HEADER + ",PRICE"), "ambiguous_header", 1),
    ("C12-blank", table(row() + ",1", header=HEADER + ",Date / Time"), "ambiguous_header", 1),
    ("C18", UNCLOSED_AT_10, "unclosed_quote", 10),
    (
        "C18-later-quote",
        table('"A,BUY,1,2,2026-05-04 09:30:00,', '"B",SELL,1,2,2026-05-04 09:30:00,'),
        "unclosed_quote",
        2,
    ),
    ("C23", table(row(), header=WIDE), "too_many_columns", 1),
    ("C24", b"x" * (3 * 1024 * 1024), "line_too_long", 1),
    ("C28-xlsx", zipped(**{"[Content_Types].xml": b"<Types/>", "xl__workbook.xml": b""}), "not_csv", None),
    ("C28-pdf", b"%PDF-1.7\n1 0 obj\n", "not_csv", None),
    ("C28-html", b"<!DOCTYPE html><html><body>Sign in</body></html>", "not_csv", None),
    ("C28-png", b"\x89PNG\r\n\x1a\n\x00\x00", "not_csv", None),
    ("C29-zip", zipped(trades=table(row())), "archive_not_supported", None),
    ("C29-gz", gzip.compress(table(row())), "archive_not_supported", None),
    ("C46-mixed", table(row(price="150.25"), row(price='"150,25"')), "mixed_decimal_style", None),
    ("C47", table(row(price="150", quantity='"1,234"')), "declare_decimal_style", None),
    ("C55", table(row(at="01/02/2024 10:00:00")), "declare_date_order", None),
    ("C55-both", table(row(at="13/02/2024 10:00:00"), row(at="02/13/2024 10:00:00")), "mixed_date_order", None),
    ("C60-mixed", table(row(), row(at="2026-05-04T09:30:00Z")), "mixed_timezones", None),
]


@pytest.mark.parametrize(("content", "code", "line"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_the_file_is_refused_whole_and_the_reason_names_the_line(content: bytes, code: str, line: int | None) -> None:
    with pytest.raises(FileRefused) as refusal:
        parse(content, MAPPED, name="mapped_csv")

    assert (refusal.value.code, refusal.value.line) == (code, line)
    assert refusal.value.message.endswith(".")


LONG = "9" * 200_000

ROW_ERRORS = [
    # id, row, code, column
    ("C8", row(symbol="AA\x00PL"), "control_char", "Symbol"),
    ("C8-bell", row(note="ring\x07"), "control_char", "Note"),
    ("C10-bidi", row(symbol="AA\u202ePL"), "bad_symbol", "Symbol"),
    ("C10-zero-width", row(symbol="AA\u200bPL"), "bad_symbol", "Symbol"),
    ("C15", row() + ",surplus", "too_many_fields", ""),
    ("C16", "AAPL,BUY,10,150.25", "too_few_fields", "Date/Time"),
    ("C19", row(note='5" pipe'), "bad_quoting", "Note"),
    ("C19-after", row(note='"closed" and more'), "bad_quoting", ""),
    ("C22", row(note="x" * 200_000), "field_too_long", "Note"),
    ("C22-quoted", row(note='"' + "x" * 200_000 + '"'), "field_too_long", ""),
    ("C32", row(quantity="0"), "quantity_zero", "Quantity"),
    ("C32-decimals", row(quantity="0.000"), "quantity_zero", "Quantity"),
    ("C34", row(quantity="-10"), "side_conflict", "Quantity"),
    ("C35", row(price="0"), "price_zero", "Price"),
    ("C36", row(price="-1.5"), "price_negative", "Price"),
    *(
        (f"C37-{text}", row(price=text), "not_a_number", "Price")
        for text in ("NaN", "sNaN", "nan123", "Infinity", "-inf", "ten")
    ),
    *((f"C38-{text}", row(price=text), "not_plain_decimal", "Price") for text in ("1e999", "1E+1000000000", "1e-999")),
    ("C39-digits", row(quantity="1" * 30), "too_many_digits", "Quantity"),
    ("C39-decimals", row(price="0." + "1" * 30), "too_many_decimals", "Price"),
    *((f"C41-{text}", row(quantity=text), "not_plain_decimal", "Quantity") for text in ("1_000", "1__0")),
    *((f"C42-{text}", row(price=text), "not_plain_decimal", "Price") for text in ("١٢٣", "१२", "１２３")),
    *((f"C43-{text}", row(quantity=text), "not_plain_decimal", "Quantity") for text in ("\u221210", "\u201310")),
    *((f"C44-{text}", row(price=text), "not_plain_decimal", "Price") for text in ("(12.50)", "12.50-")),
    ("C44-credit", row(price="12.50 CR"), "unit_in_number", "Price"),
    ("C45", row(price='"1,234.56"'), "thousands_separator", "Price"),
    *(
        (f"C48-{ord(text[1]):x}", row(price=text), "thousands_separator", "Price")
        for text in ("1 234", "1\u00a0234", "1\u2009234", "1'234")
    ),
    *((f"C49-{text}", row(price=text), "unit_in_number", "Price") for text in ("$12.5", "12.5 USD", "12%")),
    *((f"C50-{text}", row(price=text), "missing_value", "Price") for text in ("", " ", "-", "N/A", "null", "#REF!")),
    *((f"C51-{text}", row(price=text), "not_plain_decimal", "Price") for text in (".5", "5.", "+5", "0x10", "1e5")),
    *(
        (f"C54-{text}", row(at=f"{text} 10:00:00"), "bad_date", "Date/Time")
        for text in ("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-00")
    ),
    *(
        (f"C56-{text}", row(at=text), "bad_date", "Date/Time")
        for text in ("45321", "1714800000", "1714800000000", "1714800000000000000")
    ),
    ("C57-tomorrow", row(at="2026-06-02 13:00:00"), "future_date", "Date/Time"),
    ("C57-2099", row(at="2099-01-01 00:00:00"), "future_date", "Date/Time"),
    ("C57-9999", row(at="9999-12-31T23:59:59"), "future_date", "Date/Time"),
    ("C57-0001", row(at="0001-01-01 00:00:00"), "out_of_range", "Date/Time"),
    ("C57-1989", row(at="1989-12-31 23:59:59"), "out_of_range", "Date/Time"),
    ("C58", row(at="2024-03-10 02:30:00"), "nonexistent_local_time", "Date/Time"),
    ("C59", row(at="2024-11-03 01:30:00"), "ambiguous_local_time", "Date/Time"),
    *(
        (f"C60-{text}", row(at=f"2026-05-04 09:30:00 {text}"), "bad_timezone", "Date/Time")
        for text in ("EST", "IST", "Foo/Bar", "+25:00")
    ),
    ("C61-24", row(at="2026-05-04 24:00:00"), "bad_time", "Date/Time"),
    ("C61-leap", row(at="2016-12-31 23:59:60"), "bad_time", "Date/Time"),
    ("C69-long", row(symbol="A" * 300), "bad_symbol", "Symbol"),
    ("C69-root", row(symbol="QQQQH6"), "unknown_contract_root", "Symbol"),
    ("C72-footer", "Total,,,,,", "missing_value", "Date/Time"),
    ("side-missing", row(side=""), "missing_value", "Side"),
    ("side-unknown", row(side="Dividend"), "unknown_side", "Side"),
]


@pytest.mark.parametrize(
    ("bad", "code", "column"), [case[1:] for case in ROW_ERRORS], ids=[case[0] for case in ROW_ERRORS]
)
def test_the_row_error_names_line_column_and_reason(bad: str, code: str, column: str) -> None:
    items = parse(table(row(), bad, row()))

    errors = [item for item in items if isinstance(item, RowError)]
    assert [(error.line, error.code, error.column) for error in errors] == [(3, code, column)]
    assert errors[0].message.endswith(".")
    assert errors[0].raw == bad
    assert len(errors[0].value) <= 80


def test_c46_a_thousands_point_is_an_error_where_no_style_is_declared() -> None:
    items = parse(table(row(price='"1.234,56"')))

    errors = [(item.line, item.code, item.column) for item in items if isinstance(item, RowError)]
    assert errors == [(2, "thousands_separator", "Price")]


def test_c33_a_minus_is_a_sign_error_where_other_sales_have_none() -> None:
    items = parse(table(row(side="SELL"), row(side="SELL", quantity="-10")))

    errors = [(item.line, item.code, item.column) for item in items if isinstance(item, RowError)]
    assert errors == [(3, "sign", "Quantity")]


def test_c33_a_file_without_a_side_is_read_by_its_signs() -> None:
    signed = "Symbol,Quantity,Price,Date/Time\nAAPL,10,150,2026-05-04 09:30:00\nAAPL,-4,151,2026-05-04 09:31:00\n"

    assert [(fill.side, fill.quantity) for fill in fills(signed.encode())] == [
        ("buy", Decimal(10)),
        ("sell", Decimal(4)),
    ]


def test_c33_a_file_without_side_and_without_a_minus_is_refused() -> None:
    with pytest.raises(FileRefused, match="Map a side column") as refusal:
        parse(b"Symbol,Quantity,Price,Date/Time\nAAPL,10,150,2026-05-04 09:30:00\n")

    assert refusal.value.code == "missing_header"


READ = [
    # id, content: each the same as the plain file of two fills
    ("C2-mark", b"\xef\xbb\xbf" + table(row(), row(side="SELL"))),
    ("C3-marks", b"\xef\xbb\xbf\xef\xbb\xbf" + table(row(), row(side="SELL"))),
    ("C4-le", b"\xff\xfe" + table(row(), row(side="SELL")).decode().encode("utf-16-le")),
    ("C4-be", b"\xfe\xff" + table(row(), row(side="SELL")).decode().encode("utf-16-be")),
    ("C12-spelling", table(row(), row(side="SELL"), header="SYMBOL, side ,quantity,PRICE,date/time,note")),
    ("C20-semicolon", table(row(), row(side="SELL")).replace(b",", b";")),
    ("C20-tab", table(row(), row(side="SELL")).replace(b",", b"\t")),
    ("C21-cr", table(row(), row(side="SELL")).replace(b"\n", b"\r")),
    ("C21-crlf", table(row(), row(side="SELL")).replace(b"\n", b"\r\n")),
    ("C21-mixed", table(row(), row(side="SELL")).replace(b"\n", b"\r\n", 2)),
    ("C72-no-newline", table(row(), row(side="SELL")).rstrip()),
    ("C72-blank-lines", table(row(), row(side="SELL")) + b"\n" * 1_000),
    ("whole-rows-quoted", table(f'"{row()}"', f'"{row(side="SELL")}"')),
    ("title-lines", b"Trades of May\n\n" + table(row(), row(side="SELL"))),
]


@pytest.mark.parametrize("content", [case[1] for case in READ], ids=[case[0] for case in READ])
def test_the_same_rows_in_another_wrapping_are_the_same_fills(content: bytes) -> None:
    read = fills(content)

    assert [(fill.symbol, fill.side, fill.quantity, fill.price, fill.executed_at) for fill in read] == [
        ("AAPL", "buy", Decimal(10), Decimal("150.25"), datetime(2026, 5, 4, 13, 30, tzinfo=UTC)),
        ("AAPL", "sell", Decimal(10), Decimal("150.25"), datetime(2026, 5, 4, 13, 30, tzinfo=UTC)),
    ]


def test_c6_the_chosen_encoding_is_used() -> None:
    content = table(row(note="Größe")).decode().encode("cp1252")

    (fill,) = fills(content, replace(NEW_YORK, encoding="cp1252"))

    assert fill.note == "Größe"


def test_c6_the_refusal_names_the_byte() -> None:
    with pytest.raises(FileRefused, match=r"Byte 5 in line 2 is not UTF-8 text"):
        parse(b"abc\nd\xe9f\n")


def test_c13_the_refusal_names_the_missing_header() -> None:
    mapping = ColumnChoice({**COLUMNS, "price": "Execution Price"})

    with pytest.raises(FileRefused, match="Execution Price") as refusal:
        parse(table(row()), replace(NEW_YORK, mapping=mapping), name="mapped_csv")

    assert refusal.value.code == "missing_header"


def test_c14_an_unknown_column_is_read_over_with_a_warning() -> None:
    items = parse(table(row() + ",blue", header=HEADER + ",Mood"))

    assert [item.message for item in items if isinstance(item, Warned)] == ["Not read: Mood."]
    assert len([item for item in items if isinstance(item, ParsedFill)]) == 1


def test_c17_a_quoted_newline_is_kept_and_the_lines_after_it_still_count() -> None:
    items = parse(table(row(note='"first\nsecond, with comma\nthird"'), row(quantity="0")))

    kept = [item.note for item in items if isinstance(item, ParsedFill)]
    errors = [(item.line, item.code) for item in items if isinstance(item, RowError)]
    assert kept == ["first\nsecond, with comma\nthird"]
    assert errors == [(5, "quantity_zero")]


def test_c20_a_semicolon_file_with_decimal_commas_is_not_taken_for_a_comma_file() -> None:
    content = b"Symbol;Side;Quantity;Price;Date/Time\nAAPL;BUY;1;2,5;2026-05-04 09:30:00\n"

    (fill,) = fills(content)

    assert (fill.quantity, fill.price) == (Decimal(1), Decimal("2.5"))


class Repeated(io.RawIOBase):
    """A file of one row many times over, that is never held in memory."""

    def __init__(self, rows: int) -> None:
        self._blocks = self._made(rows)

    def _made(self, rows: int) -> Iterator[bytes]:
        yield (HEADER + "\n").encode()
        for _ in range(rows // 10_000):
            yield (row() + "\n").encode() * 10_000
        yield (row() + "\n").encode() * (rows % 10_000)

    def read(self, size: int = -1) -> bytes:
        return next((block for block in self._blocks if block), b"")


def counted(rows: int) -> int:
    from trading.imports.parsers.tables import header_with, read_rows

    file: BinaryIO = Repeated(rows)  # type: ignore[assignment]
    return sum(1 for _ in read_rows(file, NEW_YORK, header=header_with("Symbol", "Side")))


def test_c26_a_million_rows_are_read() -> None:
    assert counted(MAX_ROWS) == 1_000_000


def test_c27_one_row_more_is_refused() -> None:
    with pytest.raises(FileRefused) as refusal:
        counted(MAX_ROWS + 1)

    assert (refusal.value.code, refusal.value.line) == ("too_many_rows", 1_000_002)


def test_c35_only_an_option_may_be_worth_nothing() -> None:
    (fill,) = fills(table(row(symbol="NVDA260710P00195000", side="SELL", price="0")))

    assert (fill.kind, fill.price, fill.multiplier) == ("option", Decimal(0), Decimal(100))


def test_c36_a_future_may_trade_below_zero() -> None:
    (fill,) = fills(table(row(symbol="ESM6", price="-37.63")))

    assert (fill.symbol, fill.price, fill.multiplier) == ("ESM26", Decimal("-37.63"), Decimal(50))


def test_c40_the_longest_number_is_kept_to_its_last_digit() -> None:
    (fill,) = fills(table(row(quantity="999999999999999999", price="123456789012345678.123456789012")))

    assert str(fill.quantity) == "999999999999999999"
    assert str(fill.price) == "123456789012345678.123456789012"


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ("point", '"1,234.56"', "1234.56"),
        ("comma", '"1.234,56"', "1234.56"),
        ("comma", '"1 234,56"', "1234.56"),
        ("comma", '"1\u00a0234,56"', "1234.56"),
        ("point", '"1,234"', "1234"),
        ("comma", '"1,234"', "1.234"),
    ],
)
def test_c45_to_c48_a_declared_style_reads_its_separators(style: str, text: str, value: str) -> None:
    (fill,) = fills(table(row(price=text)), replace(NEW_YORK, decimal_style=style))

    assert fill.price == Decimal(value)


def test_c51_leading_zeros_are_dropped_and_minus_zero_is_zero() -> None:
    header = HEADER + ",Commission"

    (fill,) = fills(table(row(quantity="00012") + ",-0", header=header))

    assert str(fill.quantity) == "12"
    assert str(fill.commission) == "0"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", '"=HYPERLINK(""http://x"")"'])
def test_c52_a_formula_is_text(text: str) -> None:
    (fill,) = fills(table(row(note=text)))

    assert fill.note == text.strip('"').replace('""', '"')


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "{{7*7}}", "%s%n", "'; DROP TABLE", "\x1b[2J"])
def test_c53_markup_and_escapes_in_a_note_are_text(text: str) -> None:
    (fill,) = fills(table(row(note=text)))

    assert fill.note == text


def test_c55_the_declared_order_is_held_to() -> None:
    items = parse(table(row(at="13/02/2024 10:00:00")), replace(NEW_YORK, date_order="mdy"))

    assert [(item.code, item.column) for item in items if isinstance(item, RowError)] == [("bad_date", "Date/Time")]


def test_c55_one_date_proves_the_order_of_all() -> None:
    read = fills(table(row(at="01/02/2024 10:00:00"), row(at="13/02/2024 10:00:00")))

    assert [fill.executed_at for fill in read] == [
        datetime(2024, 2, 1, 15, tzinfo=UTC),
        datetime(2024, 2, 13, 15, tzinfo=UTC),
    ]


def test_c56_a_two_digit_year_is_refused_where_no_format_declares_it() -> None:
    items = parse(table(row(at="05/13/24 10:00:00")))

    assert [(item.code, item.column) for item in items if isinstance(item, RowError)] == [("bad_date", "Date/Time")]


def test_c57_the_next_day_is_still_read() -> None:
    (fill,) = fills(table(row(at="2026-06-02 07:59:00")))

    assert fill.executed_at == datetime(2026, 6, 2, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("choice", "instant"),
    [("first", datetime(2024, 11, 3, 5, 30, tzinfo=UTC)), ("second", datetime(2024, 11, 3, 6, 30, tzinfo=UTC))],
)
def test_c59_the_choice_settles_a_time_that_happened_twice(choice: str, instant: datetime) -> None:
    (fill,) = fills(table(row(at="2024-11-03 01:30:00")), replace(NEW_YORK, ambiguous_time=choice))

    assert fill.executed_at == instant


def test_c59_an_offset_settles_it_too() -> None:
    (fill,) = fills(table(row(at="2024-11-03 01:30:00-05:00")))

    assert fill.executed_at == datetime(2024, 11, 3, 6, 30, tzinfo=UTC)


def test_c61_a_day_that_a_zone_skipped_does_not_exist() -> None:
    samoa = replace(NEW_YORK, time_zone=ZoneInfo("Pacific/Apia"))

    items = parse(table(row(at="2011-12-30 12:00:00")), samoa)

    assert [item.code for item in items if isinstance(item, RowError)] == ["nonexistent_local_time"]


def test_c62_an_exit_before_its_entry_is_an_error() -> None:
    trips = (
        "Symbol,Side,Quantity,Entry Price,Exit Price,Entry Time,Exit Time\n"
        "AAPL,long,10,150,151,2026-05-04 09:30:00,2026-05-04 09:29:59\n"
    )

    items = parse(trips.encode(), name="completed_trades")

    assert [(item.line, item.code, item.column) for item in items if isinstance(item, RowError)] == [
        (2, "order_of_times", "Exit Time")
    ]


def seen(read: Iterable[ParsedFill]) -> list[tuple[str, Decimal, datetime | None]]:
    return [(fill.side, fill.price, fill.executed_at) for fill in ordered(list(read))]


def test_c63_a_newest_first_file_gives_the_same_order() -> None:
    rows = [
        row(price="1", at="2026-05-04 09:30:00"),
        row(price="2", at="2026-05-04 09:30:00"),
        row(price="3", side="SELL", at="2026-05-04 09:31:00"),
    ]

    assert seen(fills(table(*reversed(rows)))) == seen(fills(table(*rows)))
    assert [price for _, price, _ in seen(fills(table(*reversed(rows))))] == [1, 2, 3]


def test_c64_five_identical_fills_are_five() -> None:
    assert len(fills(table(*([row()] * 5)))) == 5


def test_c65_a_row_keeps_its_identity_in_other_line_ends_and_column_orders() -> None:
    turned = "Note,Date/Time,Price,Quantity,Side,Symbol\r\n,2026-05-04 09:30:00, 150.25 ,10,BUY,AAPL\r\n"

    (first,) = fills(table(row()))
    (second,) = fills(turned.encode())

    assert first.identity_key == second.identity_key
    assert first.identity_key.startswith("row:")


@pytest.mark.parametrize("symbol", ["NULL", "TRUE", "1E5", "MAR1"])
def test_c69_a_symbol_that_a_spreadsheet_would_change_stays_text(symbol: str) -> None:
    (fill,) = fills(table(row(symbol=symbol)))

    assert (fill.symbol, fill.kind) == (symbol, "stock")


@pytest.mark.parametrize("code", ["XXX", "BTC", "US Dollar"])
def test_c70_what_is_no_currency_is_an_error(code: str) -> None:
    items = parse(table(row() + f",{code}", header=HEADER + ",Currency"))

    errors = [(item.line, item.column, item.code) for item in items if isinstance(item, RowError)]
    assert errors == [(2, "Currency", "bad_currency")]


@pytest.mark.parametrize(("text", "currency"), [("usd", "USD"), ("", "")])
def test_c70_a_currency_is_normalised_and_may_be_empty(text: str, currency: str) -> None:
    (fill,) = fills(table(row() + f",{text}", header=HEADER + ",Currency"))

    assert fill.currency == currency


@pytest.mark.parametrize(
    ("commissions", "read"),
    [
        (("1.00", "1.00", "-0.20"), ("1.00", "1.00", "-0.20")),
        (("-1.00", "-1.00", "0.20"), ("1.00", "1.00", "-0.20")),
        (("-1.00", "-1.00", "-0.20"), ("1.00", "1.00", "0.20")),
    ],
)
def test_c74_the_sign_most_costs_have_is_a_cost_and_the_other_a_rebate(
    commissions: tuple[str, ...], read: tuple[str, ...]
) -> None:
    content = table(*(f"{row()},{text}" for text in commissions), header=HEADER + ",Commission")

    assert [fill.commission for fill in fills(content)] == [Decimal(text) for text in read]


def test_c74_both_signs_are_said() -> None:
    content = table(row() + ",1.00", row() + ",1.00", row() + ",-0.20", header=HEADER + ",Commission")

    warned = [item.code for item in parse(content) if isinstance(item, Warned)]

    assert warned == ["cost_signs"]


def test_a_date_alone_is_kept_as_a_date() -> None:
    (fill,) = fills(table(row(at="2026-05-04")))

    assert (fill.executed_at, fill.executed_on) == (None, date(2026, 5, 4))


def test_a_bad_row_leaves_the_head_recognisable() -> None:
    parser = registry.detect(head_of(io.BytesIO(table(row(quantity="NaN")))))

    assert parser is not None
    assert parser.name == "generic_fills"

from decimal import Decimal

import pytest

from trading.imports.parsers.base import ZERO, BadCell, FileRefused
from trading.imports.parsers.numbers import detect_style, is_ambiguous, optional_money, parse_decimal, parse_money


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), ("-12.50", "-12.50"), ("00012", "12"), ("-0", "0"), ("0.000000000001", "0.000000000001")],
)
def test_a_plain_decimal_is_read_exactly(text: str, number: str) -> None:
    assert str(parse_decimal(text, column="Price")) == str(Decimal(number))


def test_a_plain_decimal_with_a_comma_is_read_where_the_style_says_so() -> None:
    assert parse_decimal("-7200,75", column="Price", style="comma") == Decimal("-7200.75")


def test_a_refusal_names_column_and_value() -> None:
    with pytest.raises(BadCell) as refusal:
        parse_decimal("1e" + "9" * 200, column="Price")

    assert (refusal.value.column, refusal.value.code) == ("Price", "not_plain_decimal")
    assert refusal.value.value == "1e" + "9" * 78


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,234.50", "1234.50"),
        ("$(160.00)", "-160.00"),
        ("($62.90)", "-62.90"),
        ("-$126.30", "-126.30"),
        ("$-126.30", "-126.30"),
        ("+100", "100"),
        (".34", "0.34"),
        ("\u22121,200.5", "-1200.5"),
        ("1'234.5", "1234.5"),
        ("4 577.86", "4577.86"),
        ("12.5 USD", "12.5"),
        ("€12.50", "12.50"),
        ("(0.00)", "0.00"),
    ],
)
def test_declared_money_with_a_point(text: str, number: str) -> None:
    assert parse_money(text, column="P/L") == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("39,30 $", "39.30"),
        ("-0,62 $", "-0.62"),
        ("1.234,56", "1234.56"),
        ("4 577,86", "4577.86"),
        ("4\u00a0577,86", "4577.86"),
        ("4\u202f577,86", "4577.86"),
        ("1.234.567", "1234567"),
    ],
)
def test_declared_money_with_a_comma(text: str, number: str) -> None:
    assert parse_money(text, column="P/L", style="comma") == Decimal(number)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,23,456", "not_plain_decimal"),
        ("12,34", "not_plain_decimal"),
        ("1,234,56.7", "not_plain_decimal"),
        ("1 234'567", "thousands_separator"),
        ("12%", "unit_in_number"),
        ("--", "missing_value"),
        ("", "missing_value"),
        ("$", "not_a_number"),
        ("1e5", "not_plain_decimal"),
        ("1234567890123456789", "too_many_digits"),
        ("0.1234567890123", "too_many_decimals"),
        ("((5))", "not_plain_decimal"),
        ("--5", "not_plain_decimal"),
    ],
)
def test_money_is_not_guessed(text: str, code: str) -> None:
    with pytest.raises(BadCell) as refusal:
        parse_money(text, column="P/L")

    assert refusal.value.code == code


def test_money_without_currency_signs_refuses_them() -> None:
    with pytest.raises(BadCell) as refusal:
        parse_money("$5", column="P/L", currency_signs=False)

    assert refusal.value.code == "unit_in_number"


@pytest.mark.parametrize("text", ["", " ", "--", "n/a"])
def test_optional_money_has_a_default_for_nothing_only(text: str) -> None:
    assert optional_money(text, column="Fee") == ZERO


def test_optional_money_is_still_strict() -> None:
    with pytest.raises(BadCell):
        optional_money("free", column="Fee")


@pytest.mark.parametrize(
    ("samples", "style"),
    [
        (["1", "2.5"], "point"),
        (["1", "2,5"], "comma"),
        (["1.234,5"], "comma"),
        (["1,234,567"], "point"),
        (["0,125"], "comma"),
        (["1,234", "1"], ""),
        (["1234.500"], "point"),
        ([], ""),
    ],
)
def test_the_samples_prove_the_decimal_mark_or_nothing(samples: list[str], style: str) -> None:
    assert detect_style(samples) == style


def test_two_decimal_marks_in_one_file_are_refused() -> None:
    with pytest.raises(FileRefused) as refusal:
        detect_style(["2.5", "2,5"])

    assert refusal.value.code == "mixed_decimal_style"


@pytest.mark.parametrize(("text", "ambiguous"), [("1,234", True), ("1.234", True), ("12,34", False), ("1234", False)])
def test_three_digits_behind_a_lone_mark_are_ambiguous(text: str, ambiguous: bool) -> None:
    assert is_ambiguous(text) is ambiguous

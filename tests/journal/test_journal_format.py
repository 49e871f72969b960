"""How numbers are written on pages."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from journal.templatetags import journal_format as written
from journal.templatetags import report_words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (Decimal("1234567.891"), "1,234,567.89"),
        (Decimal("-20"), "−20.00"),
        (Decimal("-0.001"), "0.00"),
        (Decimal(0), "0.00"),
    ],
)
def test_money_has_grouped_thousands_and_a_true_minus_sign(value: Decimal | None, shown: str) -> None:
    assert written.money(value) == shown


def test_a_profit_says_that_it_is_one() -> None:
    assert written.signed_money(Decimal("1.005")) == "+1.00"
    assert written.signed_money(Decimal("-1.5"), "EUR") == "−1.50 EUR"
    assert written.signed_money(Decimal(0)) == "0.00"


def test_money_has_the_decimals_of_its_currency() -> None:
    assert written.money(Decimal("1234.4"), "JPY") == "1,234 JPY"
    assert written.money(Decimal("0.00012345"), "BTC") == "0.00012345 BTC"


def test_ratios_percents_and_multiples_of_risk() -> None:
    assert written.percent(Decimal("0.5055")) == "50.6%"
    assert written.percent(Decimal("-0.1")) == "−10.0%"
    assert written.ratio(Decimal("1.234")) == "1.23"
    assert written.r_multiple(Decimal("1.5")) == "+1.50R"
    assert written.r_multiple(Decimal(-1)) == "−1.00R"
    assert written.ratio(None) == written.percent(None) == written.r_multiple(None) == "–"


def test_counts_are_grouped_and_a_missing_one_is_a_dash() -> None:
    assert written.count(19624) == "19,624"
    assert written.count(0) == "0"
    assert written.count(None) == written.count("") == "–"


def test_prices_go_to_the_tick() -> None:
    assert written.price(Decimal("25132.750000"), Decimal("0.25")) == "25,132.75"
    assert written.price(Decimal("1.4586"), Decimal("0.00001")) == "1.45860"
    assert written.price(Decimal("101.333333333333"), Decimal("0.01")) == "101.333"
    assert written.price(Decimal("7.5"), None) == "7.50"
    assert written.price(Decimal("-37.63"), Decimal("0.01")) == "−37.63"


def test_headlines_leave_the_cents_of_large_amounts_to_the_title() -> None:
    assert written.headline_money(Decimal("99999.99")) == "+99,999.99"
    assert written.headline_money(Decimal("-243863.51")) == "−243,864"
    assert written.headline_money(None) == "–"


def test_a_key_figure_is_never_cut() -> None:
    assert written.kpi_money(Decimal("30.07")) == '<span class="kpi-value gain">+30.07</span>'
    assert written.kpi_money(Decimal("-243863.79")) == (
        '<span class="kpi-value loss" title="−243,863.79">−243,864</span>'
    )
    assert written.kpi_money(Decimal("12345678")) == (
        '<span class="kpi-value gain is-long" title="+12,345,678.00">+12,345,678</span>'
    )
    assert written.kpi_money(None) == '<span class="kpi-value flat">–</span>'


def test_narrow_places_get_short_amounts() -> None:
    assert written.short_money(Decimal("-1234.56")) == "−1.2k"
    assert written.short_money(Decimal("999.49")) == "+999"
    assert written.short_money(Decimal("999.50")) == "+1.0k"
    assert written.short_money(Decimal("243863.1")) == "+244k"
    assert written.short_money(Decimal("999500")) == "+1.00M"
    assert written.short_money(Decimal("-12345678")) == "−12.3M"
    assert written.short_money(Decimal("45678")) == "+45.7k"
    assert written.short_money(Decimal("3.5")) == "+3.50"
    assert written.short_money(Decimal(0)) == "0.00"


def test_along_an_axis_what_is_round_has_no_decimals_and_a_month_its_name() -> None:
    amounts = ("50000", "100000", "-2000000", "1200", "0", "0.5")
    assert [report_words.tick(Decimal(each), "money") for each in amounts] == [
        "+50k", "+100k", "−2M", "+1.2k", "0", "+0.50",
    ]  # fmt: skip
    assert report_words.as_kind("2026-03", "month") == "Mar 2026"
    assert report_words.as_kind("2026-03-02", "day") == "2 Mar 2026"


def test_durations_in_their_two_largest_units() -> None:
    assert [written.holding(seconds) for seconds in (45, 720, 12_000, 187_200)] == ["45s", "12m 0s", "3h 20m", "2d 4h"]


def test_a_wall_time_in_a_zone() -> None:
    at = datetime(2026, 7, 1, 14, 30, tzinfo=UTC)

    assert written.at_zone(at, "America/New_York") == datetime(2026, 7, 1, 10, 30)  # noqa: DTZ001


def test_a_small_fraction_keeps_the_places_that_say_something() -> None:
    assert [written.fine_percent(Decimal(value)) for value in ("0.00311", "-0.002", "0.00025", "0.0000004")] == [
        "0.31%",
        "−0.2%",
        "0.025%",
        "0%",
    ]


def test_a_number_that_no_column_holds_stands_with_its_exponent_and_takes_no_gigabyte() -> None:
    assert written.quantity(Decimal("1E+999999999")) == "1E+999999999"
    assert written.quantity(Decimal("-1E-999999999")) == "−1E-999999999"
    assert written.quantity(Decimal("0E-999999999")) == "0E-999999999"
    assert written.quantity(Decimal("1.500E+5")) == "150,000"

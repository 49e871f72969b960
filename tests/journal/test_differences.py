"""Differences of two sets of trades: against published tables, and against what a statistics program gives."""

from decimal import Decimal
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.metrics import differences
from journal.metrics.differences import Verdict
from journal.metrics.totals import Totals


def made(results: list[str]) -> Totals:
    """Closed trades with these nets."""
    nets = [Decimal(each) for each in results]
    return Totals(
        trade_count=len(nets),
        win_count=sum(1 for net in nets if net > 0),
        loss_count=sum(1 for net in nets if net < 0),
        breakeven_count=sum(1 for net in nets if net == 0),
        gross_profit=sum((net for net in nets if net > 0), Decimal(0)),
        gross_loss=-sum((net for net in nets if net < 0), Decimal(0)),
        net_squares=sum((net * net for net in nets), Decimal(0)),
        r_sum=sum(nets, Decimal(0)),
        r_squares=sum((net * net for net in nets), Decimal(0)),
        r_count=len(nets),
    )


def won(wins: int, of: int) -> Totals:
    return Totals(trade_count=of, win_count=wins, loss_count=of - wins)


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [
        # Any table of Student's t, column 0.975; the digits are those of scipy.stats.t.ppf(0.975, freedom).
        ("1", "12.7062047"), ("2", "4.3026527"), ("5", "2.5705818"), ("9", "2.2621572"), ("18", "2.1009220"),
        ("30", "2.0422725"), ("100", "1.9839715"), ("200", "1.9718962"), ("500", "1.9647198"),
    ],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(freedom: str, expected: str) -> None:
    assert round(differences.t_95(Decimal(freedom)), 7) == Decimal(expected)


@given(st.integers(10, 5000))
def test_students_t_falls_towards_the_normal_distribution(freedom: int) -> None:
    assert differences.t_95(Decimal(freedom)) > differences.t_95(Decimal(freedom + 1)) > Decimal("1.95996398")


@pytest.mark.parametrize(
    ("first", "second", "value", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        ((56, 70), (48, 80), "0.2000", "0.0524", "0.3339"),
        ((9, 10), (3, 10), "0.6000", "0.1705", "0.8090"),
        ((5, 56), (0, 29), "0.0893", "-0.0381", "0.1926"),
        ((0, 10), (0, 10), "0.0000", "-0.2775", "0.2775"),
        ((10, 10), (0, 20), "1.0000", "0.6791", "1.0000"),
    ],
)
def test_win_rates_differ_as_newcombe_has_it(
    first: tuple[int, int], second: tuple[int, int], value: str, low: str, high: str
) -> None:
    found = differences.of_win_rates(won(*first), won(*second))

    assert found.interval is not None
    assert round(found.value or Decimal(0), 4) == Decimal(value)
    assert (round(found.interval.low, 4), round(found.interval.high, 4)) == (Decimal(low), Decimal(high))


def test_means_differ_by_welchs_interval() -> None:
    # Worked by hand: both have ten results and the variance 55/6, so that of the difference is 11/6 with 18 degrees of
    # freedom, and the half width 2.1009220 × √(11/6) = 2.844662.
    found = differences.of_means(made([str(n) for n in range(1, 11)]), made([str(n) for n in range(3, 13)]))

    assert found.value == Decimal(-2)
    assert found.interval is not None
    assert (round(found.interval.low, 5), round(found.interval.high, 5)) == (Decimal("-4.84466"), Decimal("0.84466"))
    assert found.verdict == Verdict.UNCLEAR


def test_unequal_variances_are_welchs() -> None:
    # The first worked example of the English Wikipedia on Welch's t-test: t = -2.46 with 25.0 degrees of freedom.
    first = "27.5 21.0 19.0 23.6 17.0 17.9 16.9 20.1 21.9 22.6 23.1 19.6 19.0 21.7 21.4".split()
    second = "27.1 22.0 20.8 23.4 23.4 23.5 25.8 22.0 24.8 20.2 21.9 22.1 22.9 20.5 24.4".split()

    found = differences.of_means(made(first), made(second))

    assert found.value is not None
    assert found.interval is not None
    deviation = (found.interval.high - found.interval.low) / 2 / differences.t_95(Decimal("24.9885"))
    assert round(found.value / deviation, 2) == Decimal("-2.46")
    assert found.verdict == Verdict.LOWER


def test_below_ten_trades_there_is_a_difference_and_no_interval() -> None:
    found = differences.of_means(made(["1"] * 4 + ["2"] * 5), made(["1", "3"] * 10))

    assert (found.value, found.interval, found.verdict) == (Decimal("-0.44444444"), None, Verdict.TOO_FEW)
    assert differences.of_win_rates(won(3, 9), won(30, 90)).verdict == Verdict.TOO_FEW


def test_without_a_trade_there_is_no_difference() -> None:
    for found in (
        differences.of_means(Totals(), made(["1", "2"] * 10)),
        differences.of_r(made(["1", "2"] * 10), Totals()),
        differences.of_win_rates(Totals(), won(5, 10)),
    ):
        assert (found.value, found.interval, found.verdict) == (None, None, Verdict.TOO_FEW)


def test_results_that_do_not_vary_give_no_interval() -> None:
    found = differences.of_means(made(list(repeat("5", 12))), made(list(repeat("3", 12))))

    assert (found.value, found.interval, found.verdict) == (Decimal(2), None, Verdict.TOO_FEW)


def test_an_interval_that_holds_zero_is_unclear() -> None:
    found = differences.of_r(made(["1", "-1", "2"] * 5), made(["1", "-1", "2.1"] * 5))

    assert found.verdict == Verdict.UNCLEAR


_NETS = st.lists(st.integers(-1000, 1000), min_size=10, max_size=30)


@given(_NETS, _NETS)
def test_the_other_way_round_everything_has_the_other_sign(one: list[int], other: list[int]) -> None:
    first, second = made([str(n) for n in one]), made([str(n) for n in other])

    for compare in (differences.of_means, differences.of_r, differences.of_win_rates):
        there, back = compare(first, second), compare(second, first)
        assert there.value is not None
        assert back.value == -there.value
        if there.interval and back.interval:
            assert back.interval.low == -there.interval.high
            assert there.interval.low <= there.value <= there.interval.high

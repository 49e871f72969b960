"""Metrics by hand-worked numbers; where a figure needs roots, they were worked out apart and written down."""

from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.metrics import formulas
from journal.metrics.formulas import EquityPoint, Interval, MaxDrawdown, equity_points, max_drawdown, thin
from journal.metrics.totals import ClosedTrade, Totals
from trading.risk_reward import Outcome

D = Decimal
MONDAY = date(2026, 1, 5)
WIN, LOSS, BREAKEVEN = Outcome.WIN, Outcome.LOSS, Outcome.BREAKEVEN


def series(*amounts: str, start: date = MONDAY) -> list[tuple[date, Decimal]]:
    """One amount a calendar day."""
    return [(start + timedelta(days=number), D(amount)) for number, amount in enumerate(amounts)]


def closed(*nets: str, r: str | None = None) -> Totals:
    """Trades that count by the sign of their net."""
    kinds = {1: WIN, -1: LOSS, 0: BREAKEVEN}
    trades = [
        ClosedTrade(D(net), kinds[(D(net) > 0) - (D(net) < 0)], realized_r=None if r is None else D(r)) for net in nets
    ]
    return Totals.from_trades(trades, [])


NOTHING = Totals.zero()
FIVE = closed("300", "100", "-100", "-50", "0")


# From totals


def test_breakeven_trades_count_in_the_win_rate_and_not_in_the_decisive_one() -> None:
    assert formulas.win_rate(FIVE) == D("0.4")
    assert formulas.decisive_win_rate(FIVE) == D("0.5")


def test_ratios_have_twelve_decimals() -> None:
    assert formulas.win_rate(closed("1", "1", "-1")) == D("0.666666666667")


def test_profit_factor_divides_what_was_won_by_what_was_lost() -> None:
    assert formulas.profit_factor(FIVE) == D("2.666666666667")


def test_profit_factor_without_a_loss_is_undefined_and_without_a_win_is_zero() -> None:
    assert formulas.profit_factor(closed("5", "7")) is None
    assert formulas.profit_factor(closed("-5")) == D(0)


def test_averages_are_of_their_own_kind_of_trade() -> None:
    assert formulas.average_win(FIVE) == D(200)
    assert formulas.average_loss(FIVE) == D(75)
    assert formulas.payoff_ratio(FIVE) == D("2.666666666667")
    assert formulas.payoff_ratio(closed("10", "-5", "-5", "-5")) == D(2)


def test_expectancy_is_the_mean_net_of_all_closed_trades() -> None:
    assert formulas.expectancy(FIVE) == D(50)


def test_fees_of_a_breakeven_trade_lower_the_expectancy() -> None:
    totals = Totals.from_trades([ClosedTrade(D("-2"), BREAKEVEN), ClosedTrade(D("10"), WIN)], [])

    assert formulas.expectancy(totals) == D(4)


def test_standard_deviation_is_that_of_a_sample() -> None:
    # Mean 5; squares of the distances 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32; 32 / 7.
    totals = closed("2", "4", "4", "4", "5", "5", "7", "9")

    assert formulas.standard_deviation(totals) == D("2.13808994")
    assert formulas.standard_deviation(closed("5")) is None
    assert formulas.standard_deviation(closed("0.1", "0.1", "0.1")) == D(0)


def test_the_interval_of_the_expectancy_is_normal() -> None:
    # 5 -+ 1.959963984540 x 2.138089935 / 2.828427125
    interval = formulas.expectancy_interval(closed("2", "4", "4", "4", "5", "5", "7", "9"))

    assert interval == Interval(D("3.51840649"), D("6.48159351"))
    assert formulas.expectancy_interval(closed("5")) is None


def test_the_interval_of_the_win_rate_is_wilsons() -> None:
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
    interval = formulas.win_rate_interval(Totals(trade_count=263, win_count=81))
    nothing_won = formulas.win_rate_interval(Totals(trade_count=20, win_count=0))
    all_won = formulas.win_rate_interval(Totals(trade_count=20, win_count=20))

    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (D("0.2553"), D("0.3662"))
    assert nothing_won is not None
    assert (nothing_won.low, round(nothing_won.high, 4)) == (D(0), D("0.1611"))
    assert all_won is not None
    assert (round(all_won.low, 4), all_won.high) == (D("0.8389"), D(1))


def test_averages_of_r_are_over_the_trades_that_have_one() -> None:
    totals = Totals.from_trades(
        [
            ClosedTrade(D(1), WIN, D("2"), D("3")),
            ClosedTrade(D(1), WIN, D("-0.5"), None),
            ClosedTrade(D(1), WIN, None, None),
        ],
        [],
    )

    assert formulas.expectancy_r(totals) == D("0.75")
    assert formulas.average_planned_r(totals) == D(3)


def r_totals(*values: str, times: int) -> Totals:
    trades = [ClosedTrade(D(1), WIN, D(value)) for value in values] * times
    return Totals.from_trades(trades, [])


def test_sqn_counts_at_most_a_hundred_trades() -> None:
    # 100 trades: mean 0.5, deviation sqrt(100 x 2.25 / 99) = 1.507556723, 10 x 0.5 / that.
    assert formulas.sqn(r_totals("2", "-1", times=50)) == D("3.316624790355")
    # 200 trades: deviation sqrt(200 x 2.25 / 199) = 1.503764124, and the root stays 10.
    assert formulas.sqn(r_totals("2", "-1", times=100)) == D("3.324989557210")


def test_sqn_is_undefined_below_thirty_trades_and_without_deviation() -> None:
    assert formulas.sqn(r_totals("2", "-1", times=14)) is None
    assert formulas.sqn(r_totals("2", "-1", times=15)) is not None
    assert formulas.sqn(r_totals("1.333333333333", times=40)) is None
    assert formulas.sqn(closed(*["1", "-1"] * 20)) is None


def test_kelly_is_of_decisive_trades() -> None:
    # p = 0.5, b = 200 / 75: 0.5 - 0.5 / 2.6667
    assert formulas.kelly(FIVE) == D("0.3125")
    assert formulas.kelly(closed("10", "-10", "-10")) == D("-0.333333333333")


def test_kelly_needs_a_winner_and_a_loser() -> None:
    assert formulas.kelly(closed("10")) is None
    assert formulas.kelly(closed("-10")) is None


def test_average_holding_time_is_over_the_trades_with_times() -> None:
    totals = Totals(trade_count=5, holding_seconds=91, holding_count=2)

    assert formulas.average_holding_seconds(totals) == D("45.5")


@pytest.mark.parametrize(
    "metric",
    [
        formulas.win_rate,
        formulas.decisive_win_rate,
        formulas.win_rate_interval,
        formulas.profit_factor,
        formulas.average_win,
        formulas.average_loss,
        formulas.payoff_ratio,
        formulas.expectancy,
        formulas.expectancy_interval,
        formulas.standard_deviation,
        formulas.expectancy_r,
        formulas.average_planned_r,
        formulas.sqn,
        formulas.kelly,
        formulas.average_holding_seconds,
    ],
)
def test_every_metric_of_nothing_is_undefined(metric) -> None:
    assert metric(NOTHING) is None


def test_the_callers_decimal_context_does_not_matter() -> None:
    with localcontext(Context(prec=2)):
        assert formulas.profit_factor(FIVE) == D("2.666666666667")
        assert formulas.sharpe(series("10", "-5", "20"), D(1000)) == D("10.552788545914")


# The daily series


def test_a_loss_on_the_first_day_is_a_drawdown() -> None:
    points = equity_points(series("-10", "5", "20", "-3"))

    assert points == [
        EquityPoint(date(2026, 1, 5), D("-10"), D("10")),
        EquityPoint(date(2026, 1, 6), D("-5"), D("5")),
        EquityPoint(date(2026, 1, 7), D("15"), D("0")),
        EquityPoint(date(2026, 1, 8), D("12"), D("3")),
    ]


def test_max_drawdown_names_its_peak_trough_and_recovery() -> None:
    # Cumulative 100, 60, 80, 20, 120, 110.
    fall = max_drawdown(series("100", "-40", "20", "-60", "100", "-10"), D(900))

    assert fall == MaxDrawdown(
        amount=D(80),
        ratio=D("0.08"),
        largest_ratio=D("0.08"),
        peak_date=date(2026, 1, 5),
        trough_date=date(2026, 1, 8),
        recovery_date=date(2026, 1, 9),
        length_days=4,
    )


def test_max_drawdown_from_the_start_has_no_peak_date() -> None:
    fall = max_drawdown(series("-30", "-20", "10"))

    assert fall == MaxDrawdown(D(50), None, None, None, date(2026, 1, 6), None, 2)


def test_the_largest_fall_in_money_need_not_be_the_largest_in_percent() -> None:
    # Equity 100, 50, 1,000, 900: a half is lost first, then 100 of 1,000.
    fall = max_drawdown(series("-50", "950", "-100"), D(100))

    assert fall is not None
    assert (fall.amount, fall.ratio, fall.largest_ratio) == (D(100), D("0.1"), D("0.5"))
    assert (fall.peak_date, fall.trough_date) == (date(2026, 1, 6), date(2026, 1, 7))


def test_of_equal_falls_the_first_counts() -> None:
    fall = max_drawdown(series("10", "-5", "5", "-5"))

    assert fall is not None
    assert (fall.peak_date, fall.trough_date, fall.recovery_date) == (
        date(2026, 1, 5),
        date(2026, 1, 6),
        date(2026, 1, 7),
    )


def test_a_curve_that_only_rises_has_a_drawdown_of_zero() -> None:
    assert max_drawdown(series("10", "0", "5"), D(100)) == MaxDrawdown(D(0), D(0), D(0), None, None, None, 0)
    assert max_drawdown([]) is None


@pytest.mark.parametrize("balance", [None, D(0), D(-100)])
def test_percentages_need_a_starting_balance_above_zero(balance: Decimal | None) -> None:
    days = series("10", "-5", "20")

    fall = max_drawdown(days, balance)

    assert fall is not None
    assert (fall.amount, fall.ratio, fall.largest_ratio) == (D(5), None, None)
    assert formulas.daily_returns(days, balance) is None
    assert formulas.sharpe(days, balance) is None
    assert formulas.sortino(days, balance) is None


def test_returns_are_on_the_equity_before_the_day() -> None:
    returns = formulas.daily_returns(series("100", "-110", "99"), D(1000))

    assert returns == [
        (date(2026, 1, 5), D("0.1")),
        (date(2026, 1, 6), D("-0.1")),
        (date(2026, 1, 7), D("0.1")),
    ]


def test_flat_weekdays_count_and_weekends_only_when_traded() -> None:
    friday, sunday, wednesday = date(2026, 1, 9), date(2026, 1, 11), date(2026, 1, 14)

    returns = formulas.daily_returns([(friday, D(10)), (sunday, D(0)), (wednesday, D(-101))], D(1000))

    assert returns == [
        (friday, D("0.01")),
        (sunday, D(0)),
        (date(2026, 1, 12), D(0)),
        (date(2026, 1, 13), D(0)),
        (wednesday, D("-0.1")),
    ]


def test_returns_end_with_the_equity() -> None:
    assert formulas.daily_returns(series("-1000", "5"), D(1000)) is None
    assert formulas.daily_returns(series("5", "-1005"), D(1000)) == [
        (date(2026, 1, 5), D("0.005")),
        (date(2026, 1, 6), D(-1)),
    ]


def test_sharpe_and_sortino_by_hand() -> None:
    # Returns 0.1, -0.1, 0.1: mean 1/30, deviation sqrt(0.04 / 3) = 0.115470054,
    # downside sqrt(0.01 / 3) = 0.057735027; sqrt(252) = 15.874507866.
    days = series("100", "-110", "99")

    assert formulas.sharpe(days, D(1000)) == D("4.582575694956")
    assert formulas.sortino(days, D(1000)) == D("9.165151389912")


def test_sharpe_and_sortino_need_two_returns_and_a_deviation() -> None:
    assert formulas.sharpe(series("10"), D(1000)) is None
    assert formulas.sortino(series("-10"), D(1000)) is None
    assert formulas.sharpe([], D(1000)) is None
    assert formulas.sharpe(series("0", "0", "0"), D(1000)) is None
    # Three equal returns of a thirtieth, whose mean is cut off somewhere.
    assert formulas.sharpe(series("1", str(D(31) / 30)), D(30)) is None
    assert formulas.sortino(series("10", "20"), D(1000)) is None


def test_sharpe_sortino_and_drawdown_agree_with_empyrical() -> None:
    empyrical = pytest.importorskip("empyrical", reason="empyrical is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    amounts = ["120.5", "-80.25", "33", "-210", "64.75", "0", "151.1", "-9.99", "87.5", "-45"]
    weekdays = [MONDAY + timedelta(days=number + number // 5 * 2) for number in range(10)]
    days = [(day, D(amount)) for day, amount in zip(weekdays, amounts, strict=True)]
    returns = formulas.daily_returns(days, D(5000)) or []
    oracle = pandas.Series([float(value) for _, value in returns])

    fall = max_drawdown(days, D(5000))

    assert float(formulas.sharpe(days, D(5000)) or 0) == pytest.approx(empyrical.sharpe_ratio(oracle))
    assert float(formulas.sortino(days, D(5000)) or 0) == pytest.approx(empyrical.sortino_ratio(oracle))
    assert fall is not None
    assert float(fall.largest_ratio or 0) == pytest.approx(-empyrical.max_drawdown(oracle))


amounts_drawn = st.lists(st.integers(-(10**6), 10**6).map(lambda n: D(n).scaleb(-2)), min_size=1, max_size=60)
examples = settings(deadline=None, max_examples=150)


@examples
@given(amounts_drawn)
def test_max_drawdown_is_the_largest_fall_between_any_two_days(amounts) -> None:
    levels = [D(0)]
    for amount in amounts:
        levels.append(levels[-1] + amount)
    expected = max(levels[a] - levels[b] for a in range(len(levels)) for b in range(a, len(levels)))

    fall = max_drawdown(series(*map(str, amounts)))

    assert fall is not None
    assert fall.amount == expected


@examples
@given(amounts_drawn, st.integers(6, 40))
def test_thinning_keeps_the_ends_the_extremes_and_the_largest_fall(amounts, limit) -> None:
    points = equity_points(series(*map(str, amounts)))

    kept = thin(points, limit)

    assert len(kept) <= max(limit, 0)
    assert kept == [point for point in points if point in kept]
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    for extreme in (max, min):
        heights = [extreme(point.cumulative for point in curve) for curve in (kept, points)]
        assert heights[0] == heights[1]
    assert max(point.drawdown for point in kept) == max(point.drawdown for point in points)
    fall = max_drawdown(series(*map(str, amounts)))
    assert fall is not None
    assert {fall.peak_date, fall.trough_date} - {None} <= {point.day for point in kept}


def test_a_short_curve_is_not_thinned() -> None:
    points = equity_points(series(*["1", "-1"] * 1000))

    assert thin(points) == points


def test_a_long_curve_keeps_the_extremes_of_every_stretch() -> None:
    amounts = ["1"] * 5000
    amounts[1234:1236] = ["-500", "501"]
    points = equity_points(series(*amounts))

    kept = thin(points, 100)

    assert 90 <= len(kept) <= 100
    assert points[1234] in kept
    gaps = [(later.day - earlier.day).days for earlier, later in pairwise(kept)]
    assert max(gaps) <= 5000 // 46


def test_a_limit_below_what_is_always_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        thin([], 5)


def test_average_win_and_loss_in_r_are_of_those_that_have_one() -> None:
    """Winners of 2 R, 1 R and one without a stop, a loser of 0.5 R."""
    totals = Totals(
        trade_count=4, win_count=3, loss_count=1, r_profit=D(3), r_loss=D("0.5"), r_win_count=2, r_loss_count=1
    )

    assert formulas.average_win_r(totals) == D("1.5")
    assert formulas.average_loss_r(totals) == D("0.5")
    assert formulas.payoff_ratio_r(totals) == D(3)
    assert (
        formulas.average_win_r(Totals())
        is formulas.average_loss_r(Totals())
        is formulas.payoff_ratio_r(Totals())
        is None
    )

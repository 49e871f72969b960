"""When the breaker trips: the document's oracle to the cent, each limit at its edge, and what is missing or wrong."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from trading.breaker import Account, Closed, Direction, Height, Missing, Reason, Thresholds, Verdict, judge

DAY = date(2026, 1, 5)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 1, 5, 20, tzinfo=UTC)
DRAWDOWN = Thresholds(max_drawdown=Decimal("0.2"))
#: As the product's document reads: fifty trades, six losses, a fifth of the peak.
PRODUCT = Thresholds(max_drawdown=Decimal("0.20"), min_win_rate=Decimal("0.40"), consecutive_losses=6)
#: As the epic has it: by the day.
EPIC = Thresholds(daily_loss=Decimal(500), daily_loss_ratio=Decimal("0.15"))


def results(*amounts: str, day: date = DAY) -> list[Closed]:
    """Trades that ended one after the other, a minute apart."""
    return [Closed(START + timedelta(minutes=number), day, Decimal(each)) for number, each in enumerate(amounts)]


def verdict(
    closed: Sequence[Closed], thresholds: Thresholds, *, capital: str | None = "300", **more: object
) -> Verdict:
    fields = {"today": DAY, "closed": closed, "capital": None if capital is None else Decimal(capital), **more}
    return judge(Account(**fields), thresholds, at=NOW)  # type: ignore[arg-type]


def reasons(closed: Sequence[Closed], thresholds: Thresholds, **more: object) -> list[str]:
    return [str(each) for each in verdict(closed, thresholds, **more).reasons]


# --- the document's run: 300 of capital, six trades of -10 on one day ------------------------------


@pytest.mark.parametrize(
    ("count", "product", "epic"),
    [
        (0, [], []),
        (1, [], []),
        (4, [], []),
        (5, [], ["daily_loss_ratio"]),
        (6, ["max_drawdown", "consecutive_losses"], ["daily_loss_ratio"]),
    ],
)
def test_the_documents_run_trips_where_each_reading_says(count: int, product: list[str], epic: list[str]) -> None:
    closed = results(*["-10"] * count)

    assert reasons(closed, PRODUCT) == product
    assert reasons(closed, EPIC) == epic


@pytest.mark.parametrize(
    ("count", "drawdown", "daily"),
    [(1, "0.0333", "0.0333"), (4, "0.1333", "0.1333"), (5, "0.1667", "0.1667"), (6, "0.2000", "0.2000")],
)
def test_the_documents_run_measures_to_the_hundredth_of_a_percent(count: int, drawdown: str, daily: str) -> None:
    metrics = verdict(results(*["-10"] * count), PRODUCT).metrics

    assert metrics.drawdown is not None
    assert metrics.daily_loss_ratio is not None
    assert metrics.drawdown.quantize(Decimal("0.0001")) == Decimal(drawdown)
    assert metrics.daily_loss_ratio.quantize(Decimal("0.0001")) == Decimal(daily)
    assert metrics.realized == Decimal(-10 * count)
    assert metrics.losing_streak == count


def test_read_literally_the_guide_trips_on_the_first_loss() -> None:
    literal = Thresholds(min_win_rate=Decimal("0.40"), win_rate_sample=1)

    assert reasons(results("-10"), literal) == ["min_win_rate"]
    assert reasons([], literal) == []


# --- drawdown --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "trips"), [("-59.99", False), ("-60", True), ("-60.01", True)])
def test_a_drawdown_holds_when_it_is_reached(loss: str, trips: bool) -> None:
    assert (reasons(results(loss), DRAWDOWN) == ["max_drawdown"]) is trips


def test_a_drawdown_is_measured_from_the_peak_and_not_from_the_capital() -> None:
    # 300 + 200 = 500 at the top; a fifth of it is 100, which 400 has lost although it is more than the capital.
    at_limit = verdict(results("200", "-100"), DRAWDOWN)

    assert at_limit.reasons == (Reason.MAX_DRAWDOWN,)
    assert at_limit.metrics.peak == 500
    assert at_limit.metrics.equity == 400
    assert reasons(results("200", "-99.99"), DRAWDOWN) == []


def test_the_order_of_results_is_that_of_time_and_not_of_the_list() -> None:
    closed = results("200", "-100")

    assert reasons(closed[::-1], DRAWDOWN) == ["max_drawdown"]


def test_what_is_open_counts_against_the_peak() -> None:
    assert reasons(results("-30"), DRAWDOWN, open_pnl=Decimal("-30")) == ["max_drawdown"]
    assert reasons(results("-30"), DRAWDOWN, open_pnl=Decimal("-29.99")) == []
    assert reasons(results("-60"), DRAWDOWN, open_pnl=Decimal("0.01")) == []


def test_open_profit_that_was_seen_once_is_part_of_the_peak_later() -> None:
    first = verdict(results("20"), DRAWDOWN, open_pnl=Decimal(180))
    assert first.height == Height(NOW, Decimal(180))

    later = judge(
        Account(Decimal(300), DAY, results("20"), open_pnl=Decimal(80), height=first.height),
        DRAWDOWN,
        at=NOW + timedelta(hours=1),
    )

    assert later.metrics.peak == 500
    assert later.reasons == (Reason.MAX_DRAWDOWN,)
    assert later.height == first.height


def test_a_result_that_is_taken_back_takes_the_height_with_it() -> None:
    first = verdict(results("100000"), DRAWDOWN, open_pnl=Decimal(10))

    after = judge(Account(Decimal(300), DAY, [], open_pnl=Decimal(0), height=first.height), DRAWDOWN, at=NOW)

    assert after.metrics.peak == 310
    assert after.reasons == ()


def test_a_lower_open_profit_leaves_the_height_as_it_is() -> None:
    height = Height(START, Decimal(50))

    assert verdict([], DRAWDOWN, open_pnl=Decimal(40), height=height).height == height
    assert verdict([], DRAWDOWN, open_pnl=Decimal(-5)).height is None


def test_more_than_everything_can_be_lost() -> None:
    judged = verdict(results("-450"), DRAWDOWN)

    assert judged.metrics.drawdown == Decimal("1.5")
    assert judged.reasons == (Reason.MAX_DRAWDOWN,)


def test_a_third_is_compared_exactly() -> None:
    third = Thresholds(max_drawdown=Decimal("0.333333333333"))

    assert reasons(results("-0.999999999999"), third, capital="3") == ["max_drawdown"]
    assert reasons(results("-0.999999999998"), third, capital="3") == []


# --- win rate --------------------------------------------------------------------------------------

FIVE = Thresholds(min_win_rate=Decimal("0.40"), win_rate_sample=5)


@pytest.mark.parametrize(
    ("amounts", "rate", "trips"),
    [
        ((), None, False),
        (("-1", "-1", "-1", "-1"), None, False),
        (("1", "1", "-1", "-1", "-1"), "0.4", False),
        (("1", "-1", "-1", "-1", "-1"), "0.2", True),
        (("1", "0", "0", "0", "0"), "0.2", True),
        # Only the latest five count: four wins long ago do not help.
        (("1", "1", "1", "1", "1", "-1", "-1", "-1", "-1"), "0.2", True),
    ],
)
def test_the_win_rate_is_that_of_the_latest_trades_and_may_be_at_its_minimum(
    amounts: tuple[str, ...], rate: str | None, trips: bool
) -> None:
    judged = verdict(results(*amounts), FIVE)

    assert judged.metrics.win_rate == (None if rate is None else Decimal(rate))
    assert (judged.reasons == (Reason.MIN_WIN_RATE,)) is trips


def test_the_minimum_sample_says_how_many_are_there() -> None:
    judged = verdict(results("-1", "1"), FIVE)

    assert (judged.metrics.sample, judged.metrics.wins, judged.metrics.win_rate) == (2, 1, None)
    assert judged.gauges[0].used is None
    assert not judged.gauges[0].holds


# --- losing streak ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "streak"),
    [
        ((), 0),
        (("-1", "-1", "-1"), 3),
        (("-1", "-1", "0", "-1"), 1),
        (("-1", "-1", "5"), 0),
        (("5", "-1", "-1"), 2),
    ],
)
def test_a_streak_is_the_losses_up_to_now_and_breakeven_ends_it(amounts: tuple[str, ...], streak: int) -> None:
    judged = verdict(results(*amounts), Thresholds(consecutive_losses=2))

    assert judged.metrics.losing_streak == streak
    assert (judged.reasons == (Reason.CONSECUTIVE_LOSSES,)) is (streak >= 2)


def test_what_the_instrument_calls_breakeven_is_no_loss() -> None:
    closed = [Closed(START, DAY, Decimal("-0.25"), Direction.BREAKEVEN)]

    assert reasons(closed, Thresholds(consecutive_losses=1)) == []


# --- the day ---------------------------------------------------------------------------------------


def test_only_the_accounts_own_day_counts() -> None:
    limit = Thresholds(daily_loss=Decimal(50))
    before = results("-40", day=DAY - timedelta(days=1))

    assert reasons([*before, *results("-49.99")], limit) == []
    assert reasons([*before, *results("-50")], limit) == ["daily_loss"]
    assert reasons(results("-60", "20"), limit) == []


def test_what_exits_realized_today_counts_where_it_is_stated() -> None:
    # Half of the position went yesterday: the trade lost 80, today's exits 30.
    assert reasons(results("-80"), Thresholds(daily_loss=Decimal(50)), realized_today=Decimal(-30)) == []


def test_a_day_that_made_money_has_lost_nothing() -> None:
    judged = verdict(results("25"), EPIC)

    assert judged.metrics.daily_loss == 0
    assert [gauge.used for gauge in judged.gauges] == [0, 0]


# --- several, none, and gauges ---------------------------------------------------------------------


def test_every_reason_that_holds_is_told() -> None:
    everything = Thresholds(
        max_drawdown=Decimal("0.2"),
        min_win_rate=Decimal("0.4"),
        win_rate_sample=6,
        consecutive_losses=6,
        daily_loss=Decimal(60),
        daily_loss_ratio=Decimal("0.2"),
    )

    assert reasons(results(*["-10"] * 6), everything) == [
        "max_drawdown",
        "min_win_rate",
        "consecutive_losses",
        "daily_loss",
        "daily_loss_ratio",
    ]


def test_without_limits_nothing_is_watched() -> None:
    judged = verdict(results(*["-100"] * 9), Thresholds())

    assert judged.gauges == ()
    assert judged.reasons == ()
    assert judged.nearest is None


def test_gauges_say_how_much_of_each_limit_is_used() -> None:
    thresholds = Thresholds(
        max_drawdown=Decimal("0.2"),
        min_win_rate=Decimal("0.4"),
        win_rate_sample=10,
        consecutive_losses=6,
        daily_loss=Decimal(500),
        daily_loss_ratio=Decimal("0.15"),
    )
    # 7 wins of 1, then 3 losses of 10 on 307: peak 307, equity 277.
    judged = verdict(results(*["1"] * 7, *["-10"] * 3), thresholds)
    used = {gauge.reason.value: gauge.used for gauge in judged.gauges}

    assert used["max_drawdown"] is not None
    assert used["max_drawdown"].quantize(Decimal("0.0001")) == Decimal("0.4886")  # 30 / 307 / 0.2
    assert used["min_win_rate"] == Decimal("0.5")  # 0.3 of 0.6
    assert used["consecutive_losses"] == Decimal("0.5")
    assert used["daily_loss"] == Decimal("0.046")  # 23 of 500
    assert used["daily_loss_ratio"] is not None
    assert used["daily_loss_ratio"].quantize(Decimal("0.0001")) == Decimal("0.5111")  # 23 of 45
    assert judged.nearest == used["daily_loss_ratio"]


@pytest.mark.parametrize("count", range(8))
def test_a_gauge_is_full_exactly_when_its_limit_holds(count: int) -> None:
    judged = verdict(results(*["-10"] * count), PRODUCT)

    for gauge in judged.gauges:
        if gauge.reason is not Reason.MIN_WIN_RATE:
            assert gauge.used is not None
            assert gauge.holds is (gauge.used >= 1)


# --- what is missing or wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("capital", [None, "NaN", "Infinity", "0", "-300"])
def test_without_capital_the_other_limits_still_hold(capital: str | None) -> None:
    judged = verdict(results(*["-100"] * 6), Thresholds(**{**_fields(PRODUCT), **_fields(EPIC)}), capital=capital)

    assert judged.reasons == (Reason.CONSECUTIVE_LOSSES, Reason.DAILY_LOSS)
    assert judged.metrics.drawdown is None
    assert judged.metrics.daily_loss_ratio is None
    assert judged.metrics.missing == (Missing.CAPITAL,)


@pytest.mark.parametrize("wrong", [None, Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_result_that_is_no_number_hides_no_other(wrong: Decimal | None) -> None:
    closed = [*results("-30", "-30"), Closed(START + timedelta(hours=1), DAY, wrong)]
    judged = verdict(closed, Thresholds(max_drawdown=Decimal("0.2"), consecutive_losses=2))

    assert judged.reasons == (Reason.MAX_DRAWDOWN, Reason.CONSECUTIVE_LOSSES)
    assert judged.metrics.missing == (Missing.RESULTS,)
    assert judged.metrics.closed == 3


def test_a_loss_of_unknown_size_is_a_loss() -> None:
    closed = [Closed(START, DAY, None, Direction.LOSS)] * 3
    judged = verdict(closed, Thresholds(consecutive_losses=3))

    assert judged.reasons == (Reason.CONSECUTIVE_LOSSES,)
    assert judged.metrics.missing == (Missing.RESULTS,)


@pytest.mark.parametrize("wrong", [None, Decimal("NaN"), Decimal("Infinity")])
def test_without_prices_the_drawdown_is_that_of_what_was_realized(wrong: Decimal | None) -> None:
    judged = verdict(results("-60"), DRAWDOWN, open_pnl=wrong)

    assert judged.reasons == (Reason.MAX_DRAWDOWN,)
    assert judged.metrics.missing == (Missing.OPEN_PNL,)


def test_what_has_a_price_counts_although_something_else_has_none() -> None:
    judged = verdict([], DRAWDOWN, open_pnl=Decimal(-60), unpriced=1)

    assert judged.reasons == (Reason.MAX_DRAWDOWN,)
    assert judged.metrics.missing == (Missing.OPEN_PNL,)


def test_a_days_sum_that_is_no_number_is_taken_from_the_trades() -> None:
    judged = verdict(results("-45"), EPIC, realized_today=Decimal("NaN"))

    assert judged.reasons == (Reason.DAILY_LOSS_RATIO,)
    assert judged.metrics.missing == (Missing.TODAY,)


@pytest.mark.parametrize("wrong", ["NaN", "0", "-0.2", "Infinity"])
def test_a_limit_that_nothing_can_reach_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="max_drawdown"):
        Thresholds(max_drawdown=Decimal(wrong))


# --- reset -----------------------------------------------------------------------------------------


def test_after_a_reset_the_same_results_do_not_trip_again() -> None:
    """The baseline moves, so the series begins anew; six more losses trip it again."""
    closed = results(*["-10"] * 6)
    baseline = closed[-1].at

    since = [each for each in closed if each.at > baseline]

    assert reasons(closed, PRODUCT) == ["max_drawdown", "consecutive_losses"]
    assert reasons(since, PRODUCT, capital="240") == []


def _fields(thresholds: Thresholds) -> dict[str, object]:
    names = ("max_drawdown", "min_win_rate", "consecutive_losses", "daily_loss", "daily_loss_ratio")
    return {name: value for name in names if (value := getattr(thresholds, name)) is not None}

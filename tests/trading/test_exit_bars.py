"""What a plan does at bars of prices, and where it stands."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.exit_paths import DEFAULT, TRAILING, at, entered, walked
from trading.excursions import PriceBar
from trading.exits.bars import evaluate_bar
from trading.exits.evaluation import Evaluation, PriceAlert
from trading.exits.plans import ExitPlan, simple_plan
from trading.exits.standing import Distance, standing
from trading.exits.states import Entry, ExitReason, PlanState, given_back, opened, taken_out

D = Decimal
#: Stop at 95 and target at 110 for a long from 100, 105 and 90 for a short.
BRACKET = simple_plan(stop_loss=D("0.05"), take_profit=D("0.10"))


def bar(minute: int, *prices: Any) -> PriceBar:
    """Open, high, low, close of one minute."""
    return PriceBar(at(minute), at(minute + 1), *(D(price) for price in prices))


def judged(
    plan: ExitPlan, *bars: PriceBar, is_long: bool = True, entry: Entry | None = None
) -> tuple[PlanState, list[tuple[str, Decimal, Decimal | None]]]:
    """The state and the exits (reason, quantity, price) after these bars."""
    entry = entry or entered(100, 100, is_long=is_long)
    state, found = opened(plan, entry), []
    for each in bars:
        after = evaluate_bar(plan, entry, state, each, now=each.ends_at)
        state = after.state
        found += [(action.reason.value, action.quantity, action.price) for action in after.actions]
    return state, found


def test_a_bar_that_touches_both_stop_and_target_means_the_stop() -> None:
    assert judged(BRACKET, bar(1, 101, 111, 94, 110))[1] == [("stop_loss", 100, 95)]
    assert judged(BRACKET, bar(1, 99, 106, 89, 90), is_long=False)[1] == [("stop_loss", 100, 105)]


def test_a_bar_that_opened_beyond_the_target_reached_it_first() -> None:
    assert judged(BRACKET, bar(1, 112, 113, 90, 91))[1] == [("take_profit", 100, 112)]


@pytest.mark.parametrize(
    ("prices", "exits"),
    [
        ((101, 109, 96, 108), []),
        ((96, 97, "94.99", 97), [("stop_loss", 100, 95)]),
        ((93, 99, 92, 98), [("stop_loss", 100, 93)]),  # it opened beyond the stop: there is no better price
        ((105, 110, 104, 106), [("take_profit", 100, 110)]),
        ((105, 120, 104, 119), [("take_profit", 100, 110)]),
    ],
)
def test_lines_are_met_at_their_own_price_and_gaps_at_the_open(prices: tuple[Any, ...], exits: list[Any]) -> None:
    assert judged(BRACKET, bar(1, *prices))[1] == exits


def test_a_bar_that_rises_through_all_levels_takes_each_at_its_price() -> None:
    assert judged(DEFAULT, bar(1, 150, 350, 140, 340))[1] == [("scaling", 50, 200), ("scaling", 25, 300)]


def test_a_stop_that_the_bar_raised_is_met_only_on_the_way_to_the_close() -> None:
    """High 150 puts the trailing stop at 127.5. The low of 110 may have come before, the close of 120 did not."""
    state, exits = judged(TRAILING, bar(1, 115, 150, 110, 128))
    assert (state.best, exits) == (150, [])

    assert judged(TRAILING, bar(1, 115, 150, 110, 120))[1] == [("trailing_stop", 100, D("127.5"))]


def test_a_falling_bar_meets_the_trailing_stop_before_the_stop_loss() -> None:
    """Where a tick at 79 is a stop loss, a bar passes 106.25 on its way there."""
    assert judged(TRAILING, bar(1, 125, 125, 125, 125), bar(2, 120, 120, 79, 80))[1] == [
        ("trailing_stop", 100, D("106.25"))
    ]


def test_of_the_bar_of_the_entry_only_the_close_counts() -> None:
    early = replace(bar(0, 100, 300, 1, 101), starts_at=at(-1))
    assert judged(BRACKET, early)[1] == []
    assert judged(BRACKET, replace(early, close=D(1)))[1] == [("stop_loss", 100, 1)]


def test_the_deadline_within_a_bar_takes_everything_at_its_close() -> None:
    plan = replace(BRACKET, hold_at_most=timedelta(seconds=90))

    assert judged(plan, bar(0, 100, 101, 99, 100), bar(1, 100, 104, 97, 103))[1] == [("time", 100, 103)]
    assert judged(plan, bar(0, 100, 101, 99, 100), bar(2, 102, 104, 97, 103))[1] == [("time", 100, 102)]


@pytest.mark.parametrize(
    ("made", "minute", "alert"),
    [
        (bar(1, 100, 101, 50, 100), 7.1, PriceAlert.STALE),
        (bar(1, 100, 101, 50, 100), 1.9, PriceAlert.FUTURE),
        (bar(1, 100, 99, 50, 100), 2, PriceAlert.UNUSABLE),
        (bar(1, 100, 101, 0, 100), 2, PriceAlert.UNUSABLE),
        (bar(1, 100, "NaN", 50, 100), 2, PriceAlert.UNUSABLE),
        (bar(-3, 100, 101, 50, 51), 1, None),  # it ended before the entry
    ],
)
def test_a_bar_that_cannot_be_relied_on_triggers_nothing(made: PriceBar, minute: float, alert: Any) -> None:
    entry = entered(100)
    state = opened(BRACKET, entry)

    assert evaluate_bar(BRACKET, entry, state, made, now=at(minute)) == Evaluation(state, (), alert)


def test_a_plan_that_is_done_passes_bars_by() -> None:
    state, exits = judged(BRACKET, bar(1, 94, 94, 94, 94), bar(2, 1, 1, 1, 1))
    assert (state.remaining, len(exits)) == (0, 1)


# Where a plan stands.


def test_a_plan_shows_its_stop_its_next_level_and_how_far_they_are() -> None:
    """From 42.37, stop 1.5 % and target 4 % away, seen from 42.00."""
    plan = simple_plan(stop_loss=D("0.015"), take_profit=D("0.04"))
    entry = entered("42.37", 10, price_step=D("0.01"))

    now = standing(plan, entry, opened(plan, entry), price=D("42.00"))

    assert now.stop is not None
    assert (now.stop.line, now.stop.order_price, now.stop.reason) == (D("41.73445"), D("41.74"), "stop_loss")
    assert now.stop.distance == Distance(D("0.26555"), D("0.006322619048"))
    assert now.next_level is not None
    assert (now.next_level.number, now.next_level.quantity) == (1, 10)
    assert (now.next_level.line, now.next_level.order_price) == (D("44.0648"), D("44.06"))
    assert now.next_level.distance == Distance(D("2.0648"), D("0.049161904762"))
    assert (now.rides, now.arms_at, now.is_trail_armed, now.ends_at, now.decided) == (0, None, False, None, None)


def test_a_short_measures_its_distances_the_other_way() -> None:
    entry = entered(100, 10, is_long=False)

    now = standing(BRACKET, entry, opened(BRACKET, entry), price=D(96))

    assert now.stop is not None
    assert now.next_level is not None
    assert (now.stop.line, now.stop.distance) == (105, Distance(D(9), D("0.09375")))
    assert (now.next_level.line, now.next_level.distance) == (90, Distance(D(6), D("0.0625")))


def test_a_plan_shows_what_arms_its_trailing_stop_and_what_rides() -> None:
    plan = replace(TRAILING, hold_at_most=timedelta(hours=1))
    entry = entered()

    before = standing(plan, entry, opened(plan, entry), price=None)
    after = standing(plan, entry, walked(plan, "1.00", "2.00", "1.90").state, price=D("1.90"))

    assert (before.arms_at, before.is_trail_armed, before.rides, before.ends_at) == (D("1.2"), False, 25, at(60))
    assert before.stop is not None
    assert before.stop.distance is None
    assert (after.arms_at, after.is_trail_armed, after.rides) == (None, True, 25)
    assert after.stop is not None
    assert (after.stop.line, after.stop.reason) == (D("1.70"), ExitReason.TRAILING_STOP)
    assert after.next_level is not None
    assert (after.next_level.number, after.next_level.line, after.next_level.quantity) == (2, 3, 25)


def test_a_stop_loss_closer_than_the_trailing_stop_stays_in_force() -> None:
    plan = replace(TRAILING, stop_loss=D("0.05"), trail=D("0.50"))
    walk = walked(plan, "1.00", "1.25")

    now = standing(plan, walk.entry, walk.state, price=D("1.25"))

    assert now.stop is not None
    assert (now.stop.line, now.stop.reason, now.is_trail_armed) == (D("0.95"), ExitReason.STOP_LOSS, True)


def test_where_stop_loss_and_trailing_stop_lie_at_one_price_the_stop_loss_names_it() -> None:
    plan = simple_plan(stop_loss=D("0.1"), trail=D("0.1"))
    entry = entered(100)

    now = standing(plan, entry, opened(plan, entry), price=D(100))

    assert now.stop is not None
    assert (now.stop.line, now.stop.reason) == (90, ExitReason.STOP_LOSS)


def test_a_level_shows_no_more_than_what_remains() -> None:
    entry = entered()

    now = standing(DEFAULT, entry, taken_out(opened(DEFAULT, entry), D(60)), price=D(1))

    assert now.next_level is not None
    assert (now.next_level.number, now.next_level.quantity, now.rides) == (1, 40, 0)


def test_a_short_cannot_reach_a_level_at_twice_the_price_so_everything_rides() -> None:
    entry = entered(is_long=False)

    now = standing(DEFAULT, entry, opened(DEFAULT, entry), price=D(1))
    below_zero = standing(DEFAULT, replace(entry, may_be_negative=True), opened(DEFAULT, entry), price=D(1))

    assert (now.next_level, now.rides) == (None, 100)
    assert walked(DEFAULT, "1.00", "0.000001", entry=entry).reasons == []
    assert below_zero.next_level is not None
    assert (below_zero.next_level.line, below_zero.rides) == (0, 25)


def test_a_plan_on_its_way_out_has_neither_stop_nor_next_level() -> None:
    walk = walked(TRAILING, "1.00", "0.80")
    halfway: PlanState = given_back(walk.entry, walk.state, D(30))

    for state in (walk.state, halfway):
        now = standing(TRAILING, walk.entry, state, price=D("0.80"))
        assert (now.stop, now.next_level, now.arms_at, now.rides) == (None, None, None, 0)
        assert now.decided is ExitReason.STOP_LOSS

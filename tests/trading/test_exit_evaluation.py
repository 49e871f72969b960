"""What a plan does where its worked example is silent: time, break-even, ranks, failed orders, bad prices."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.trading.exit_paths import DEFAULT, START, TRAILING, Walk, at, entered, levels, walked
from trading.exits.evaluation import PriceAlert, Tick, evaluate
from trading.exits.lines import tightest_stop
from trading.exits.plans import ExitPlan
from trading.exits.snapshots import overridden
from trading.exits.states import ExitReason, given_back, opened, taken_out

D = Decimal


def test_a_deadline_takes_everything_at_its_very_second_and_needs_no_price() -> None:
    plan = replace(DEFAULT, hold_at_most=timedelta(minutes=10))
    entry = entered()
    state = opened(plan, entry)

    early = evaluate(plan, entry, state, Tick(D("1.1"), at(9)), now=at(10) - timedelta(microseconds=1))
    due = evaluate(plan, entry, state, Tick(D("1.1"), at(9)), now=at(10))
    blind = evaluate(plan, entry, state, Tick(D("0.5"), at(1)), now=at(10))

    assert early.actions == ()
    assert [(each.reason, each.quantity, each.price) for each in due.actions] == [("time", 100, D("1.1"))]
    assert [(each.reason, each.price) for each in blind.actions] == [("time", None)]
    assert blind.alert is PriceAlert.STALE


def test_the_earlier_of_holding_time_and_time_of_exit_counts() -> None:
    plan = replace(DEFAULT, hold_at_most=timedelta(minutes=10), exit_at=at(3))

    assert [name for name, _ in walked(plan, "1.00", "1.1", "1.1", "1.1").reasons] == ["time"]
    assert walked(replace(plan, exit_at=at(30)), "1.00", "1.1", "1.1", "1.1").reasons == []


@pytest.mark.parametrize(
    ("prices", "reason"), [(["2.00", "1.01", "1.00"], "break_even"), (["2.00", "0.80"], "stop_loss")]
)
def test_after_the_first_level_the_stop_is_the_entry_price(prices: list[str], reason: str) -> None:
    plan = replace(DEFAULT, breaks_even=True)

    assert walked(plan, "1.00", "1.99", "0.81").reasons == []  # the level was not reached
    assert walked(plan, "1.00", *prices).reasons == [("scaling", 50), (reason, 50)]


def test_break_even_outlives_a_revision_that_moves_the_first_level_away() -> None:
    walk = walked(replace(DEFAULT, breaks_even=True), "1.00", "2.00")

    walk.plan = overridden(walk.plan, {"levels": [{"share": "1", "gain": "4"}]})

    assert tightest_stop(walk.plan, walk.entry, walk.state) == (D("1.00"), ExitReason.BREAK_EVEN)
    walk.tick("5.00")
    assert walk.reasons == [("scaling", 50), ("take_profit", 50)]


@pytest.mark.parametrize("is_source", [True, False])
def test_a_stop_comes_before_the_source_and_the_source_before_a_trailing_stop(is_source: bool) -> None:
    beyond_trail, beyond_stop = walked(TRAILING, "1.00", "1.25"), walked(TRAILING, "1.00", "1.25")
    beyond_trail.tick("1.00", source_sold=is_source)
    beyond_stop.tick("0.80", source_sold=is_source)

    assert [name for name, _ in beyond_trail.reasons] == ["mirror" if is_source else "trailing_stop"]
    assert [name for name, _ in beyond_stop.reasons] == ["stop_loss"]


def test_levels_are_rounded_down_to_the_lot_and_the_last_takes_the_rest() -> None:
    plan = ExitPlan(stop_loss=D("0.2"), is_scaling=True, levels=levels((33, 2), (33, 3), (34, 4)))
    walk = walked(plan, "1", "4", entry=entered(1, 10, quantity_step=D(1)))

    assert [action.quantity for action in walk.actions] == [3, 3, 4]


def test_a_single_contract_is_left_to_the_last_level_and_break_even_still_follows_the_first() -> None:
    plan = replace(DEFAULT, levels=levels((50, 2), (50, 3)), breaks_even=True)
    walk = walked(plan, "1", "2", entry=entered(1, 1, quantity_step=D(1)))

    assert walk.reasons == []
    assert tightest_stop(plan, walk.entry, walk.state) == (D(1), ExitReason.BREAK_EVEN)
    assert walk.along(["3"]).reasons == [("scaling", 1)]


def test_what_a_stop_could_not_sell_goes_out_again_at_once_though_the_price_has_recovered() -> None:
    walk = walked(TRAILING, "1.00", "0.80")
    walk.state = given_back(walk.entry, walk.state, D(30))

    found = walk.tick("1.10")

    assert [(each.number, each.reason, each.quantity, each.line) for each in found.actions] == [
        (2, "stop_loss", 30, None)
    ]


def test_what_a_level_could_not_sell_is_tried_at_the_next_price_that_reaches_it() -> None:
    walk = walked(DEFAULT, "1.00", "2.00")
    walk.state = given_back(walk.entry, walk.state, D(20), level=1)

    assert walk.along(["1.90"]).state.remaining == 70
    walk.tick("2.00")

    assert [(each.number, each.level, each.quantity) for each in walk.actions] == [(1, 1, 50), (2, 1, 20)]
    assert walk.state.remaining == 50
    assert walk.state.changed_at == at(3)  # though the best price is that of the first minute


def test_what_was_sold_otherwise_is_never_sold_again() -> None:
    """60 of 100 taken out by hand: the first level finds 40 of its 50, nothing is left for the others."""
    walk = Walk(DEFAULT, entered())
    walk.state = taken_out(walk.state, D(60))

    assert walk.along(["3.50", "0.10"]).reasons == [("scaling", 40)]


@pytest.mark.parametrize(("quantity", "level"), [("0", None), ("-1", None), ("51", None), ("1", 2), ("51", 1)])
def test_no_more_is_given_back_than_was_claimed(quantity: str, level: int | None) -> None:
    walk = walked(DEFAULT, "1.00", "2.00")
    with pytest.raises(ValueError, match="claimed"):
        given_back(walk.entry, walk.state, D(quantity), level=level)


@pytest.mark.parametrize("quantity", ["0", "-1", "50.1"])
def test_no_more_is_taken_out_than_remains(quantity: str) -> None:
    with pytest.raises(ValueError, match="remains"):
        taken_out(walked(DEFAULT, "1.00", "2.00").state, D(quantity))


@pytest.mark.parametrize(
    ("price", "minute", "alert"),
    [
        (None, 1, PriceAlert.MISSING),
        ("NaN", 1, PriceAlert.UNUSABLE),
        ("Infinity", 1, PriceAlert.UNUSABLE),
        ("0", 1, PriceAlert.UNUSABLE),
        ("-1", 1, PriceAlert.UNUSABLE),
        ("0.5", 6.02, PriceAlert.FUTURE),
        ("0.5", -4.02, PriceAlert.STALE),
    ],
)
def test_a_price_that_cannot_be_relied_on_triggers_nothing_and_says_why(
    price: str | None, minute: float, alert: PriceAlert
) -> None:
    entry = entered()
    state = opened(DEFAULT, entry)
    tick = Tick(None if price is None else D(price), at(minute))

    found = evaluate(DEFAULT, entry, state, tick, now=at(1))

    assert (found.actions, found.alert) == ((), alert)
    assert found.state is state


def test_a_price_of_exactly_the_longest_age_still_counts() -> None:
    entry = entered()
    found = evaluate(DEFAULT, entry, opened(DEFAULT, entry), Tick(D("0.7"), at(1)), now=at(6))

    assert [each.reason for each in found.actions] == ["stop_loss"]


def test_a_price_from_before_the_last_change_is_not_judged_by_lines_it_did_not_know() -> None:
    """1.00 was made before 1.25 armed the trailing stop at 1.0625, and one of before the entry never counts."""
    walk = walked(TRAILING, "1.00", "1.25")

    late = evaluate(TRAILING, walk.entry, walk.state, Tick(D("1.00"), at(0.5)), now=at(1))
    before = evaluate(TRAILING, walk.entry, opened(TRAILING, walk.entry), Tick(D("0.5"), at(-1)), now=at(1))

    assert (late.actions, late.alert) == ((), None)
    assert (before.actions, before.alert) == ((), None)


def test_a_clock_ahead_of_ours_does_not_blind_the_plan() -> None:
    entry = entered()
    found = evaluate(TRAILING, entry, opened(TRAILING, entry), Tick(D("1.25"), at(4)), now=at(1))

    assert found.state.changed_at == at(1)


def test_a_state_is_as_new_as_the_price_that_ended_it() -> None:
    assert walked(TRAILING, "1.00", "1.25", "1.10", "1.06").state.changed_at == at(3)


def test_levels_that_are_switched_off_sell_nothing() -> None:
    assert walked(replace(DEFAULT, is_scaling=False), "1.00", "5.00").reasons == []


def test_a_plan_that_is_done_wants_no_price_and_alerts_nobody() -> None:
    walk = walked(TRAILING, "1.00", "0.80")
    found = evaluate(TRAILING, walk.entry, walk.state, Tick(None, START), now=at(60), source_sold=True)

    assert (found.state is walk.state, found.actions, found.alert) == (True, (), None)

"""The worked example of an exit plan, its branch cases and those of a simple plan: numbers written down beforehand."""

from decimal import Decimal

import pytest

from tests.trading.exit_paths import (
    AGGRESSIVE,
    DEFAULT,
    TRAILING,
    Walk,
    at,
    entered,
    levels,
    walked,
)
from trading.exits.evaluation import PriceAlert, Tick, evaluate
from trading.exits.lines import stop_line, stop_order_price, target_order_price, tightest_stop, trail_line
from trading.exits.plans import ExitPlan, simple_plan
from trading.exits.results import ExitFill, result
from trading.exits.snapshots import overridden
from trading.exits.states import ExitReason, opened

D = Decimal
CENT = D("0.01")
FOUR = D("0.0001")

# price, best, trailing stop, held, value, unrealized, in %, realized, in %, total, in %, exit price, exited, its value
MAIN_RUN = """
0.90 1.00 -      100  90.00 -10.00 -10   0.00   0   -10.00 -10   -      0   0
1.15 1.15 -      100 115.00  15.00  15   0.00   0    15.00  15   -      0   0
1.25 1.25 1.0625 100 125.00  25.00  25   0.00   0    25.00  25   -      0   0
1.10 1.25 1.0625 100 110.00  10.00  10   0.00   0    10.00  10   -      0   0
2.00 2.00 1.7000  50 100.00  50.00 100  50.00  50   100.00 100   2.0000 50  100.00
2.60 2.60 2.2100  50 130.00  80.00 160  50.00  50   130.00 130   2.0000 50  100.00
3.10 3.10 2.6350  25  77.50  52.50 210 102.50 102.5 155.00 155   2.3667 75  177.50
4.00 4.00 3.4000  25 100.00  75.00 300 102.50 102.5 177.50 177.5 2.3667 75  177.50
3.50 4.00 3.4000  25  87.50  62.50 250 102.50 102.5 165.00 165   2.3667 75  177.50
3.30 4.00 3.4000   0   0.00   0.00 -   160.00 160   160.00 160   2.6000 100 260.00
""".strip().splitlines()


def test_the_main_run_has_every_number_of_its_table() -> None:
    walk = Walk(TRAILING, entered())
    for row in MAIN_RUN:
        price, *expected = row.split()
        walk.tick(price)
        made = walk.result()
        trail = trail_line(TRAILING, walk.entry, walk.state)
        found = [
            walk.state.best,
            trail,
            made.held,
            made.market_value,
            made.unrealized,
            _percent(made.unrealized_fraction),
            made.realized,
            _percent(made.realized_fraction),
            made.total,
            _percent(made.total_fraction),
            None if made.exit_price is None else made.exit_price.quantize(FOUR),
            made.exited,
            made.exit_value,
        ]
        assert found == [None if text == "-" else D(text) for text in expected], row
        assert walk.state.remaining == made.held
    assert walk.reasons == [("scaling", 50), ("scaling", 25), ("trailing_stop", 25)]
    assert [action.number for action in walk.actions] == [1, 2, 3]
    assert walk.state.decided is ExitReason.TRAILING_STOP
    assert walk.entry.quantity * walk.state.best == D(400)


def test_with_real_fills_the_realized_numbers_follow_the_fills_and_the_unrealized_ones_the_market() -> None:
    """Levels filled at 1.96 and 3.05, the trailing stop at 3.20."""
    walk = Walk(TRAILING, entered(), fill_prices={1: "1.96", 2: "3.05", 3: "3.20"})

    walk.along(["0.90", "1.15", "1.25", "1.10", "2.00"])
    assert (walk.result().realized, walk.result().total) == (D("48.00"), D("98.00"))
    assert walk.actions[0].price == D("2.00")  # what 1.96 slipped from, by 2 %

    walk.along(["2.60", "3.10"])
    assert (walk.result().realized, walk.result().total) == (D("99.25"), D("151.75"))
    assert _price(walk) == D("2.3233")

    walk.along(["4.00", "3.50", "3.30"])
    made = walk.result()
    assert (made.realized, _price(walk), made.exit_value) == (D("154.25"), D("2.5425"), D("254.25"))


def test_case_a_an_armed_trailing_stop_stays_armed_when_the_profit_is_gone() -> None:
    walk = walked(TRAILING, "1.00", "1.25", "1.06")

    assert walk.reasons == [("trailing_stop", 100)]
    assert walk.result().realized == D("6.00")


def test_case_b_a_price_beyond_both_stops_is_a_stop_loss() -> None:
    walk = walked(TRAILING, "1.00", "1.25", "0.79")

    assert walk.reasons == [("stop_loss", 100)]
    assert walk.result().realized == D("-21.00")


def test_case_c_the_stop_still_fires_after_a_level_has_made_money() -> None:
    walk = walked(DEFAULT, "1.00", "2.00", "1.20", "0.80")

    assert walk.reasons == [("scaling", 50), ("stop_loss", 50)]
    assert walk.result().realized == D("40.00")
    assert _price(walk) == D("1.4000")


def test_case_d_the_second_level_asks_the_price_and_not_the_total() -> None:
    walk = walked(DEFAULT, "1.00", "2.00", "3.00")

    assert walk.reasons == [("scaling", 50), ("scaling", 25)]
    assert (walk.result().realized, walk.result().total) == (D("100.00"), D("150.00"))
    assert _price(walk) == D("2.3333")


def test_case_e_a_gap_takes_every_level_it_crosses() -> None:
    walk = walked(TRAILING, "1.00", "3.20")

    assert [(action.level, action.quantity, action.line) for action in walk.actions] == [(1, 50, 2), (2, 25, 3)]
    assert walk.state.remaining == 25
    assert (walk.result().realized, walk.result().total) == (D("165.00"), D("220.00"))


def test_case_f_after_the_gap_the_trailing_stop_takes_the_rest() -> None:
    walk = walked(TRAILING, "1.00", "3.20", "2.60")

    assert walk.actions[-1].line == D("2.72")
    assert walk.reasons[2:] == [("trailing_stop", 25)]
    assert walk.result().realized == D("205.00")


def test_case_g_a_level_is_a_share_of_the_quantity_at_entry() -> None:
    walk = walked(DEFAULT, "1", "2", "3")

    assert walk.actions[1].quantity == 25
    assert walk.result().realized == D("100.00")


def test_case_h_the_sale_by_the_source_takes_everything_before_any_level() -> None:
    walk = Walk(DEFAULT, entered("0.10", 1000))

    walk.tick("0.15", source_sold=True)

    assert walk.reasons == [("mirror", 1000)]
    assert (walk.result().realized, walk.result().realized_fraction) == (D("50.00"), D("0.5"))


def test_case_i_half_at_twice_and_half_at_three_times_the_price() -> None:
    plan = ExitPlan(stop_loss=D("0.2"), is_scaling=True, levels=levels((50, 2), (50, 3)))
    walk = Walk(plan, entered("0.000012", 1_000_000))

    walk.tick("0.000024")
    assert (walk.result().realized, walk.result().realized_fraction) == (D("6.00"), D("0.5"))

    walk.tick("0.000036")
    assert (walk.result().realized, walk.result().realized_fraction) == (D("18.00"), D("1.5"))
    assert walk.state.remaining == 0


def test_case_j_the_trailing_stop_of_the_aggressive_plan_holds_at_128_and_fires_at_127() -> None:
    walk = walked(AGGRESSIVE, "1.00", "1.50", "1.28")
    assert walk.reasons == []
    assert trail_line(AGGRESSIVE, walk.entry, walk.state) == D("1.275")

    walk.tick("1.27")

    assert walk.reasons == [("trailing_stop", 100)]
    assert walk.result().realized == D("27.00")


@pytest.mark.parametrize(
    ("prices", "before", "reason"),
    [
        (["0.80"], "0.81", "stop_loss"),
        (["1.25", "1.0625"], "1.0626", "trailing_stop"),
        (["2.00"], "1.99", "scaling"),
    ],
)
def test_case_k_a_price_exactly_at_the_line_fires(prices: list[str], before: str, reason: str) -> None:
    assert walked(TRAILING, "1.00", *prices[:-1], before).reasons == []
    assert [name for name, _ in walked(TRAILING, "1.00", *prices).reasons] == [reason]


def test_case_l_an_override_of_the_stop_to_25_fires_at_075() -> None:
    plan = overridden(DEFAULT, {"stop_loss": "0.25"})

    assert walked(plan, "1.00", "0.79", "0.76").reasons == []
    assert walked(plan, "1.00", "0.75").reasons == [("stop_loss", 100)]


def test_case_m_a_price_six_minutes_old_triggers_nothing_and_alerts() -> None:
    entry = entered()
    state = opened(TRAILING, entry)

    found = evaluate(TRAILING, entry, state, Tick(D("0.70"), at(1)), now=at(7))

    assert (found.actions, found.alert) == ((), PriceAlert.STALE)
    assert found.state is state


def test_case_n_what_rides_is_sold_by_the_stop() -> None:
    walk = walked(DEFAULT, "1.00", "2.00", "3.0", "0.79")

    assert walk.reasons == [("scaling", 50), ("scaling", 25), ("stop_loss", 25)]


def test_case_o_a_trailing_stop_that_is_switched_off_does_nothing_with_the_distance_it_keeps() -> None:
    assert DEFAULT.trail == D("0.15")
    assert walked(DEFAULT, "1.00", "0.85").reasons == []
    assert walked(DEFAULT, "1.00", "1.90", "0.85").reasons == []


def test_case_p_and_q_a_sale_by_the_source_is_everything_where_it_is_mirrored_and_nothing_elsewhere() -> None:
    """The source sold a tenth: the plan is not told how much, and gets out of all."""
    mirrored, deaf = Walk(DEFAULT, entered()), Walk(overridden(DEFAULT, {"mirrors": False}), entered())

    mirrored.tick("1.10", source_sold=True)
    deaf.tick("1.10", source_sold=True)

    assert mirrored.reasons == [("mirror", 100)]
    assert deaf.reasons == []
    assert deaf.state.remaining == 100


# The simple plan: a stop, a target, a stop that trails from the entry on.


@pytest.mark.parametrize(
    ("is_long", "price", "stop", "target", "stop_price", "target_price"),
    [
        (True, "150", "0.02", "0.05", "147.00", "157.50"),
        (False, "150", "0.02", "0.05", "153.00", "142.50"),
        (True, "42.37", "0.015", "0.04", "41.74", "44.06"),
        (False, "42.37", "0.015", "0.04", "43.00", "40.68"),
    ],
)
def test_stop_and_target_of_a_simple_plan_are_rounded_towards_the_market(
    is_long: bool, price: str, stop: str, target: str, stop_price: str, target_price: str
) -> None:
    plan = simple_plan(stop_loss=D(stop), take_profit=D(target))
    entry = entered(price, is_long=is_long, price_step=CENT)
    line = entry.price * (1 + D(target) if is_long else 1 - D(target))

    assert stop_order_price(entry, stop_line(plan, entry)) == D(stop_price)
    assert target_order_price(entry, line) == D(target_price)
    assert Walk(plan, entry).along([line]).reasons == [("take_profit", 100)]


@pytest.mark.parametrize(
    ("is_long", "marks", "stops"),
    [
        (True, "100 102 101 110 105", "90 91.80 91.80 99 99"),
        (False, "100 98 99 90 95", "110 107.80 107.80 99 99"),
    ],
)
def test_a_stop_trails_from_the_entry_on_and_never_loosens(is_long: bool, marks: str, stops: str) -> None:
    walk = Walk(simple_plan(stop_loss=D("0.1"), trail=D("0.1")), entered(100, 10, is_long=is_long))
    for mark, stop in zip(marks.split(), stops.split(), strict=True):
        walk.tick(mark)
        assert tightest_stop(walk.plan, walk.entry, walk.state)[0] == D(stop)
    assert walk.reasons == []

    walk.tick("99")

    assert walk.reasons == [("trailing_stop", 10)]


@pytest.mark.parametrize(
    ("is_long", "quantity", "price", "multiplier", "mark", "gain", "fraction"),
    [
        (True, 10, 150, 1, 153, "30", "0.02"),
        (False, 10, 100, 1, 90, "100", "0.10"),
        (False, 10, 100, 1, 108, "-80", "-0.08"),
        (True, 3, "1.62", 100, "2.00", "114", "0.234567901235"),
        (False, 1, "2.50", 100, "1.75", "75", "0.30"),
        (True, "0.5", 64000, 1, 61500, "-1250", "-0.0390625"),
    ],
)
def test_what_is_held_is_marked_by_its_side_and_multiplier(
    is_long: bool, quantity: str, price: str, multiplier: int, mark: str, gain: str, fraction: str
) -> None:
    made = result(entered(price, quantity, is_long=is_long), [], price=D(mark), multiplier=D(multiplier))

    assert (made.unrealized, made.unrealized_fraction) == (D(gain), D(fraction))


def test_a_result_without_a_price_has_only_what_is_realized_and_nothing_is_sold_twice() -> None:
    made = result(entered(), [ExitFill(D(40), D("1.50"))], price=None)

    assert (made.realized, made.held, made.unrealized, made.total) == (20, 60, None, None)
    assert result(entered(), [ExitFill(D(100), D("1.50"))], price=None).total == 50
    with pytest.raises(ValueError, match="more was taken out"):
        result(entered(), [ExitFill(D(101), D(1))], price=None)


def _percent(fraction: Decimal | None) -> Decimal | None:
    return None if fraction is None else fraction * 100


def _price(walk: Walk) -> Decimal:
    price = walk.result().exit_price
    assert price is not None
    return price.quantize(FOUR)

"""R, basis and outcome by hand-worked numbers."""

from decimal import Decimal

import pytest

from trading.risk_reward import (
    Outcome,
    Target,
    breakeven_tolerance,
    initial_risk,
    outcome,
    planned_r,
    position_basis,
    realized_r,
    return_on_basis,
)

D = Decimal


def test_the_target_counts_in_distances_to_the_stop() -> None:
    assert planned_r(is_long=True, entry=D("94.71"), stop=D("93.37"), target=D("97.39")) == D(2)
    assert planned_r(is_long=False, entry=D(100), stop=D(101), target=D(97)) == D(3)


def test_several_targets_count_by_their_quantities() -> None:
    targets = [Target(D(110), D(3)), Target(D(130), D(1))]

    # (3 x 10 + 1 x 30) / (4 x 5)
    assert planned_r(is_long=True, entry=D(100), stop=D(95), target=targets) == D(3)


@pytest.mark.parametrize(
    ("stop", "target"),
    [
        (None, D(110)),
        (D(95), None),
        (D(95), []),
        (D(100), D(110)),
        (D(105), D(110)),
        (D(95), D(100)),
        (D(95), D(90)),
        (D(95), [Target(D(110), D(1)), Target(D(90), D(1))]),
        (D(95), [Target(D(110), D(0))]),
    ],
)
def test_planned_r_is_undefined_without_a_risk_or_a_reward(stop: Decimal | None, target: object) -> None:
    assert planned_r(is_long=True, entry=D(100), stop=stop, target=target) is None


def test_risk_is_what_the_stop_would_lose() -> None:
    risk = initial_risk(is_long=False, entry=D(4500), stop=D(4504), quantity=D(3), multiplier=D(50))

    assert risk == D(600)


def test_realized_r_divides_net_by_the_risk() -> None:
    r = realized_r(D("-125.5"), is_long=True, entry=D(100), stop=D("99.5"), quantity=D(100), multiplier=D(1))

    assert r == D("-2.51")


def test_an_option_that_expired_at_zero_has_an_r() -> None:
    r = realized_r(D("-301.3"), is_long=True, entry=D("1.5"), stop=D("0.75"), quantity=D(2), multiplier=D(100))

    assert r == D("-2.008666666667")


@pytest.mark.parametrize("stop", [None, D(100), D(101)])
def test_r_is_undefined_without_a_stop_below_a_long_entry(stop: Decimal | None) -> None:
    plan = {"is_long": True, "entry": D(100), "stop": stop, "quantity": D(1), "multiplier": D(1)}

    assert initial_risk(**plan) is None
    assert realized_r(D(5), **plan) is None


@pytest.mark.parametrize(
    ("gross", "net", "tolerance", "expected"),
    [
        ("5", "4", "0", Outcome.WIN),
        ("5", "-1", "0", Outcome.LOSS),
        ("-5", "-6", "0", Outcome.LOSS),
        ("-1", "1", "0", Outcome.WIN),
        ("0", "-2", "0", Outcome.BREAKEVEN),
        ("2", "0", "0", Outcome.BREAKEVEN),
        ("10", "8", "10", Outcome.BREAKEVEN),
        ("-10", "-12", "10", Outcome.BREAKEVEN),
        ("10.01", "8", "10", Outcome.WIN),
    ],
)
def test_gross_decides_breakeven_and_net_decides_the_rest(
    gross: str, net: str, tolerance: str, expected: Outcome
) -> None:
    assert outcome(gross_pnl=D(gross), net_pnl=D(net), tolerance=D(tolerance)) is expected


def test_a_tolerance_in_ticks_is_money_on_the_whole_trade() -> None:
    tolerance = breakeven_tolerance(ticks=D(2), tick_size=D("0.25"), multiplier=D(50), quantity=D(3))

    assert tolerance == D(75)


def test_return_is_a_fraction_of_the_entrys_notional() -> None:
    basis = position_basis(price=D(4500), quantity=D(3), multiplier=D(5))

    assert basis == D(67500)
    assert return_on_basis(D("52.8"), basis=basis) == D("0.000782222222")
    assert return_on_basis(D(5), basis=D(0)) is None

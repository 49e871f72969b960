"""What makes an exit plan usable, how it is written down and overridden."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.exit_paths import AGGRESSIVE, DEFAULT, TRAILING, at, entered, levels
from trading.exits.plans import ExitPlan, Level, PlanRefused, PlanRule, checked, problems, simple_plan
from trading.exits.snapshots import SnapshotRefused, overridden, restored, snapshot
from trading.exits.states import opened

D = Decimal
EVERYTHING = replace(
    TRAILING,
    breaks_even=True,
    hold_at_most=timedelta(days=2, microseconds=5),
    exit_at=datetime(2026, 3, 3, 21, 10, tzinfo=UTC),
)


def broken(plan: ExitPlan) -> list[tuple[PlanRule, int | None]]:
    return [(problem.rule, problem.level) for problem in problems(plan)]


@pytest.mark.parametrize("plan", [DEFAULT, TRAILING, AGGRESSIVE, EVERYTHING, ExitPlan(stop_loss=D(1))])
def test_the_plans_of_the_catalogue_break_no_rule(plan: ExitPlan) -> None:
    assert problems(plan) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stop_loss": D(0)}, (PlanRule.STOP_LOSS_RANGE, None)),
        ({"stop_loss": D("-0.2")}, (PlanRule.STOP_LOSS_RANGE, None)),
        ({"stop_loss": D("1.01")}, (PlanRule.STOP_LOSS_RANGE, None)),
        ({"stop_loss": D("NaN")}, (PlanRule.NOT_A_NUMBER, None)),
        ({"stop_loss": D("0.1234567890123")}, (PlanRule.TOO_FINE, None)),
        ({"trail": None}, (PlanRule.TRAIL_MISSING, None)),
        ({"trail": D(0)}, (PlanRule.TRAIL_RANGE, None)),
        ({"trail": D("1.5"), "is_trailing": False}, (PlanRule.TRAIL_RANGE, None)),
        ({"trail": D("sNaN")}, (PlanRule.NOT_A_NUMBER, None)),
        ({"trail_activation": None}, (PlanRule.ACTIVATION_MISSING, None)),
        ({"trail_activation": D("-0.01")}, (PlanRule.ACTIVATION_RANGE, None)),
        ({"trail_activation": D("Infinity")}, (PlanRule.NOT_A_NUMBER, None)),
        ({"levels": ()}, (PlanRule.LEVELS_MISSING, None)),
        ({"levels": (Level(None, D(1)), Level(D(1), D(2)))}, (PlanRule.SHARE_MISSING, 1)),
        ({"levels": levels((50, 2), (25, 3), (20, None))}, (PlanRule.SHARES_SUM, None)),
        ({"levels": levels((50, 2), (50, 2))}, (PlanRule.GAINS_ASCEND, 2)),
        ({"levels": levels((50, 3), (25, 2), (25, None))}, (PlanRule.GAINS_ASCEND, 2)),
        ({"levels": levels((50, None), (50, 3))}, (PlanRule.GAIN_MISSING, 1)),
        ({"levels": levels((50, 1), (50, 3))}, (PlanRule.GAIN_RANGE, 1)),
        ({"levels": (Level(D("NaN"), D(1)), Level(D("0.5"), D(2)))}, (PlanRule.NOT_A_NUMBER, 1)),
        ({"levels": (Level(D("0.5"), D("NaN")), Level(D("0.5"), D(2)))}, (PlanRule.NOT_A_NUMBER, 1)),
        ({"levels": (Level(D("0.5"), D(1)), Level(D("0.5"), D("1e9")))}, (PlanRule.TOO_FINE, 2)),
        ({"breaks_even": True, "is_scaling": False}, (PlanRule.BREAK_EVEN_LEVEL, None)),
        ({"breaks_even": True, "levels": levels((100, None))}, (PlanRule.BREAK_EVEN_LEVEL, None)),
        ({"hold_at_most": timedelta(0)}, (PlanRule.HOLD_RANGE, None)),
        ({"exit_at": datetime(2026, 3, 3)}, (PlanRule.EXIT_AT_ZONE, None)),  # noqa: DTZ001
    ],
)
def test_each_hole_is_closed_and_named(change: dict[str, Any], expected: tuple[PlanRule, int | None]) -> None:
    assert broken(replace(TRAILING, **change)) == [expected]


def test_shares_that_only_sum_to_the_whole_are_refused_each() -> None:
    plan = replace(DEFAULT, levels=levels((150, 2), (-25, 3), (-25, None)))

    assert broken(plan) == [(PlanRule.SHARE_RANGE, 1), (PlanRule.SHARE_RANGE, 2), (PlanRule.SHARE_RANGE, 3)]


def test_every_broken_rule_is_named_at_once() -> None:
    plan = ExitPlan(
        stop_loss=D(0), is_trailing=True, is_scaling=True, levels=levels((50, 3), (40, 2)), hold_at_most=timedelta(-1)
    )

    with pytest.raises(PlanRefused) as refused:
        checked(plan)

    assert [problem.rule for problem in refused.value.problems] == [
        PlanRule.STOP_LOSS_RANGE,
        PlanRule.TRAIL_MISSING,
        PlanRule.ACTIVATION_MISSING,
        PlanRule.SHARES_SUM,
        PlanRule.GAINS_ASCEND,
        PlanRule.HOLD_RANGE,
    ]
    assert "The stop loss must be above 0 and at most 100%." in str(refused.value)


def test_what_is_switched_off_may_be_unfinished() -> None:
    plan = ExitPlan(stop_loss=D("0.2"), levels=(Level(None, None), Level(D("0.5"), D(1))))

    assert problems(plan) == ()


@pytest.mark.parametrize("change", [{"stop_loss": D(2)}, {"exit_at": at(0)}])
def test_a_plan_that_cannot_work_is_not_opened(change: dict[str, Any]) -> None:
    with pytest.raises(PlanRefused):
        opened(replace(DEFAULT, **change), entered())


@pytest.mark.parametrize(
    "change",
    [
        {"price": D(0)},
        {"price": D(-1)},
        {"price": D("NaN")},
        {"quantity": D(0)},
        {"quantity": D("Infinity")},
        {"quantity_step": D(0)},
        {"price_step": D("NaN")},
        {"at": datetime(2026, 3, 2)},  # noqa: DTZ001
    ],
)
def test_an_entry_that_was_not_filled_is_not_opened(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"entry|step"):
        opened(DEFAULT, replace(entered(), **change))


@pytest.mark.parametrize("take_profit", [None, D("0.05")])
def test_a_simple_plan_is_held_to_the_same_rules(take_profit: Decimal | None) -> None:
    assert simple_plan(stop_loss=D("0.02"), take_profit=take_profit).is_scaling is (take_profit is not None)
    with pytest.raises(PlanRefused):
        simple_plan(stop_loss=D("2"), take_profit=take_profit)


@pytest.mark.parametrize("plan", [DEFAULT, TRAILING, EVERYTHING, ExitPlan(stop_loss=D("0.123456789012"))])
def test_a_snapshot_gives_back_the_plan(plan: ExitPlan) -> None:
    assert restored(snapshot(plan)) == plan


def test_a_snapshot_is_written_in_plain_words_and_numbers() -> None:
    assert snapshot(EVERYTHING) == {
        "version": 1,
        "stop_loss": "0.2",
        "is_trailing": True,
        "trail": "0.15",
        "trail_activation": "0.2",
        "is_scaling": True,
        "levels": [{"share": "0.5", "gain": "1"}, {"share": "0.25", "gain": "2"}, {"share": "0.25", "gain": None}],
        "breaks_even": True,
        "mirrors": True,
        "hold_at_most": "172800.000005",
        "exit_at": "2026-03-03T21:10:00+00:00",
    }


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"version": 2}, ("version",)),
        ({"stop": "0.2"}, ("stop",)),
        ({"stop_loss": 0.2}, ("stop_loss",)),
        ({"stop_loss": "2e-1", "is_trailing": 1}, ("is_trailing", "stop_loss")),
        ({"levels": [{"share": "1"}]}, ("levels",)),
        ({"levels": {"share": "1", "gain": "1"}}, ("levels",)),
        ({"exit_at": "tomorrow"}, ("exit_at",)),
        ({"exit_at": 5}, ("exit_at",)),
        ({"hold_at_most": "999999999999999999"}, ("hold_at_most",)),
    ],
)
def test_a_snapshot_that_cannot_be_read_names_its_keys(change: dict[str, Any], keys: tuple[str, ...]) -> None:
    with pytest.raises(SnapshotRefused) as refused:
        restored({**snapshot(DEFAULT), **change})
    assert refused.value.keys == keys


def test_a_snapshot_without_a_key_is_refused() -> None:
    values = snapshot(DEFAULT)
    del values["mirrors"]
    with pytest.raises(SnapshotRefused, match="mirrors"):
        restored(values)


def test_an_override_wins_key_by_key_and_null_is_not_absence() -> None:
    plan = overridden(EVERYTHING, {"stop_loss": "0.25", "exit_at": None})

    assert plan == replace(EVERYTHING, stop_loss=D("0.25"), exit_at=None)
    assert EVERYTHING.stop_loss == D("0.2")


def test_an_override_is_held_to_the_rules_of_a_plan() -> None:
    """The first level at 5x would leave the second, at 3x, before it."""
    first_at_five = [{"share": "0.5", "gain": "4"}, {"share": "0.25", "gain": "2"}, {"share": "0.25", "gain": None}]

    with pytest.raises(PlanRefused) as refused:
        overridden(DEFAULT, {"levels": first_at_five})
    assert [problem.rule for problem in refused.value.problems] == [PlanRule.GAINS_ASCEND]

    with pytest.raises(SnapshotRefused, match="scaling_level_1_multiplier, version"):
        overridden(DEFAULT, {"scaling_level_1_multiplier": "5", "version": 1})

"""The catalogue of exit strategies: what the database refuses, defaults, archiving, who may see and change what."""

from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.errors import InvalidValue
from accounts.models import AuditEvent, User
from tests.trading.plan_things import DEFAULT, TRAILING
from trading import exit_strategies
from trading.errors import PlanImpossible, PlanInvalid
from trading.exit_strategies import StrategyNameTaken
from trading.exits.plans import ExitPlan, Level, simple_plan
from trading.exits.snapshots import restored, snapshot
from trading.models import ExitStrategy

pytestmark = pytest.mark.django_db

GOOD: dict[str, Any] = {
    "name": "Raw", "description": "", "stop_loss": "0.2", "is_trailing": False, "trail": None,
    "trail_activation": None, "is_scaling": True, "shares": [D("0.5"), D("0.5")], "gains": [D(1), D(2)],
    "breaks_even": False, "mirrors": False, "hold_at_most": None, "is_default": False, "archived_at": None,
}  # fmt: skip


def insert(**changes: Any) -> None:
    """A row by raw SQL, past every rule that is not the database's."""
    values = {**GOOD, **changes}
    columns = ", ".join([*values, "created_at", "updated_at"])
    marks = ", ".join("%s::numeric[]" if name in ("shares", "gains") else "%s" for name in values)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO trading_exitstrategy ({columns}) VALUES ({marks}, now(), now())", [*values.values()]
        )


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("exit_strategy_stop_loss_range", {"stop_loss": "0"}),
        ("exit_strategy_stop_loss_range", {"stop_loss": "1.01"}),
        ("exit_strategy_stop_loss_range", {"stop_loss": "NaN"}),
        ("stop_loss", {"stop_loss": None}),
        ("exit_strategy_trail_range", {"trail": "0"}),
        ("exit_strategy_trail_range", {"trail": "NaN"}),
        ("exit_strategy_activation_range", {"trail_activation": "-0.1"}),
        ("exit_strategy_activation_range", {"trail_activation": "NaN"}),
        ("exit_strategy_trailing_complete", {"is_trailing": True, "trail_activation": "0.2"}),
        ("exit_strategy_trailing_complete", {"is_trailing": True, "trail": "0.15"}),
        ("exit_strategy_scaling_has_levels", {"shares": [], "gains": []}),
        ("exit_strategy_shares_present", {"shares": [D(1), None]}),
        ("exit_strategy_shares_sum", {"shares": [D("0.5"), D("0.4")]}),
        ("exit_strategy_share_range", {"shares": [D("1.5"), D("-0.5")]}),
        ("exit_strategy_share_range", {"shares": [D("NaN"), D("0.5")]}),
        ("exit_strategy_gains_ascend", {"gains": [D(2), D(1)]}),
        ("exit_strategy_gains_ascend", {"gains": [D(1), D(1)]}),
        ("exit_strategy_gains_ascend", {"gains": [None, D(1)]}),
        ("exit_strategy_gain_range", {"gains": [D(0), D(1)]}),
        ("exit_strategy_gain_range", {"gains": [D(1), D("NaN")]}),
        ("exit_strategy_levels_paired", {"gains": [D(1)]}),
        ("exit_strategy_break_even_has_level", {"breaks_even": True, "is_scaling": False}),
        ("exit_strategy_break_even_has_level", {"breaks_even": True, "shares": [D(1)], "gains": [None]}),
        ("exit_strategy_hold_positive", {"hold_at_most": "0 seconds"}),
        ("exit_strategy_default_is_offered", {"is_default": True, "archived_at": "2026-01-05"}),
        ("exit_strategy_one_default_per_owner", {"is_default": True}),  # the shipped default is there
        ("exit_strategy_name_unique_per_owner", {"name": "Default"}),
    ],
)  # fmt: skip
def test_the_database_closes_every_hole_of_the_documents_catalogue(rule: str, changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=rule):
        insert(**changes)
    assert not ExitStrategy.objects.filter(name="Raw").exists()


@pytest.mark.parametrize(
    "changes",
    [{}, {"gains": [D(1), None]}, {"is_scaling": False, "shares": [None], "gains": [None]}, {"breaks_even": True}],
)
def test_the_database_takes_what_is_a_plan(changes: dict[str, Any]) -> None:
    """The control."""
    insert(**changes)
    assert ExitStrategy.objects.filter(name="Raw").exists()


def test_three_templates_are_shipped_and_each_is_a_plan(alice: User) -> None:
    shipped = ExitStrategy.objects.filter(owner=None).order_by("id")

    assert list(shipped.values_list("name", "is_default", "stop_loss", "is_trailing", "mirrors")) == [
        ("Default", True, D("0.2"), False, True),
        ("Conservative", False, D("0.15"), False, True),
        ("Aggressive", False, D("0.3"), True, True),
    ]
    assert [list(each.gains) for each in shipped] == [[D(1), D(2), None], [D("0.5"), D(1), None], [D(2), D(4), None]]
    assert all(restored(snapshot(each.plan)) == each.plan for each in shipped)
    assert exit_strategies.default_for(alice) == shipped[0]


def test_a_strategy_gives_back_the_plan_that_it_was_made_of(alice: User) -> None:
    made = exit_strategies.create(owner=alice, name="Mine", plan=TRAILING)
    assert ExitStrategy.objects.get(pk=made.pk).plan == TRAILING


@pytest.mark.parametrize(
    ("plan", "pointer"),
    [
        (ExitPlan(stop_loss=D(0)), "/stop_loss"),
        (ExitPlan(stop_loss=D("0.1"), is_trailing=True), "/trail"),
        (ExitPlan(stop_loss=D("0.1"), is_scaling=True, levels=(Level(D("0.9"), D(1)),)), "/levels"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_in_words(alice: User, plan: ExitPlan, pointer: str) -> None:
    with pytest.raises(PlanInvalid) as refused:
        exit_strategies.create(owner=alice, name="Bad", plan=plan)
    assert refused.value.pointer == pointer
    assert not ExitStrategy.objects.filter(owner=alice).exists()


def test_a_name_is_taken_once_per_person(alice: User, bob: User) -> None:
    exit_strategies.create(owner=alice, name="Default", plan=DEFAULT)  # the shipped one is nobody's
    exit_strategies.create(owner=bob, name="Default", plan=DEFAULT)
    with pytest.raises(StrategyNameTaken):
        exit_strategies.create(owner=alice, name="Default", plan=DEFAULT)
    assert ExitStrategy.objects.filter(name="Default").count() == 3


def test_one_default_per_person_and_the_shipped_one_without(alice: User) -> None:
    first = exit_strategies.create(owner=alice, name="First", plan=DEFAULT)
    second = exit_strategies.create(owner=alice, name="Second", plan=DEFAULT)

    exit_strategies.set_default(first)
    exit_strategies.set_default(second)

    assert list(ExitStrategy.objects.filter(owner=alice, is_default=True)) == [second]
    assert exit_strategies.default_for(alice) == second
    exit_strategies.archive(second)
    found = exit_strategies.default_for(alice)
    assert found is not None
    assert found.is_shipped


def test_an_archived_strategy_is_no_default_until_it_is_restored(alice: User) -> None:
    made = exit_strategies.create(owner=alice, name="First", plan=DEFAULT)
    exit_strategies.archive(made)
    for refused in (exit_strategies.archive, exit_strategies.set_default):
        with pytest.raises(PlanImpossible, match="archived"):
            refused(made)
    restored_one = exit_strategies.restore(made)
    assert restored_one.archived_at is None
    with pytest.raises(PlanImpossible):
        exit_strategies.restore(made)
    assert exit_strategies.set_default(made).is_default


def test_an_edit_is_in_the_audit_log_and_none_is_not(alice: User) -> None:
    made = exit_strategies.create(owner=alice, name="Mine", plan=DEFAULT)
    exit_strategies.update(made, plan=DEFAULT, name="Mine")
    exit_strategies.update(made, plan=simple_plan(stop_loss=D("0.1")))

    event = AuditEvent.objects.get(event="exit_strategy.update")
    assert isinstance(event.before, dict)
    assert isinstance(event.after, dict)
    assert (event.before["plan"]["stop_loss"], event.after["plan"]["stop_loss"]) == ("0.2", "0.1")


def test_a_copy_of_a_shipped_template_is_the_persons_own(alice: User) -> None:
    shipped = ExitStrategy.objects.get(owner=None, name="Aggressive")
    first, second = exit_strategies.copy(shipped, owner=alice), exit_strategies.copy(shipped, owner=alice)

    assert (first.name, second.name, second.owner) == ("Aggressive", "Aggressive 2", alice)
    assert first.plan == shipped.plan


def test_a_person_sees_their_own_and_the_shipped_ones_and_may_change_their_own(alice: User, bob: User) -> None:
    exit_strategies.create(owner=alice, name="Mine", plan=DEFAULT)
    assert set(ExitStrategy.objects.for_user(bob).values_list("owner", flat=True)) == {None}
    assert not ExitStrategy.objects.of_owner(bob).exists()


def test_a_time_to_get_out_at_is_no_strategys(alice: User) -> None:
    plan = restored({**snapshot(DEFAULT), "exit_at": "2026-01-05T14:00:00+00:00"})
    with pytest.raises(InvalidValue, match="one position"):
        exit_strategies.create(owner=alice, name="Timed", plan=plan)

"""How a person arranges the dashboard."""

import pytest

from accounts import preferences
from accounts.errors import InvalidValue
from accounts.models import Preference, User
from journal import panels
from journal.panels import PANELS, Arrangement

ALL = list(PANELS)


def names(arrangement: Arrangement) -> list[str]:
    return [panel.name for panel in arrangement.shown]


def test_a_panel_changes_places_with_its_neighbour_and_stays_at_an_end() -> None:
    now = Arrangement(order=("kpis", "curve", "calendar"))

    assert now.moved("curve", -1).order == ("curve", "kpis", "calendar")
    assert now.moved("curve", 1).order == ("kpis", "calendar", "curve")
    assert now.moved("kpis", -1) == now
    assert now.moved("calendar", 1) == now


def test_a_panel_passes_over_what_is_hidden() -> None:
    now = Arrangement(order=("kpis", "curve", "calendar"), hidden=frozenset({"curve"}))

    assert names(now.moved("calendar", -1)) == ["calendar", "kpis"]
    assert names(now.moved("kpis", 1)) == ["calendar", "kpis"]


@pytest.mark.django_db
def test_what_is_hidden_and_moved_is_kept_with_the_person(alice: User, bob: User) -> None:
    panels.arrange(alice, act="hide", name="curve")
    panels.arrange(alice, act="down", name="kpis")

    found = panels.arrangement_of(alice)
    assert names(found)[:2] == ["calendar", "kpis"]
    assert [panel.name for panel in found.put_away] == ["curve"]
    assert names(panels.arrangement_of(bob)) == ALL

    panels.arrange(alice, act="show", name="curve")
    assert len(names(panels.arrangement_of(alice))) == len(ALL)
    panels.arrange(alice, act="reset")
    assert panels.arrangement_of(alice).is_default
    assert not Preference.objects.exists()


@pytest.mark.django_db
def test_an_order_of_some_puts_them_first(alice: User) -> None:
    found = panels.arrange(alice, act="order", order=["hour", "kpis", "hour", "nothing"])

    assert list(found.order) == ["hour", "kpis", *(name for name in ALL if name not in ("hour", "kpis"))]


@pytest.mark.django_db
@pytest.mark.parametrize(("act", "name"), [("hide", "nothing"), ("turn", "curve"), ("", "")])
def test_what_cannot_be_done_to_a_panel_is_refused_and_changes_nothing(alice: User, act: str, name: str) -> None:
    with pytest.raises(InvalidValue):
        panels.arrange(alice, act=act, name=name)
    assert not Preference.objects.exists()


@pytest.mark.django_db
def test_a_panel_that_there_is_no_longer_falls_out_and_a_new_one_stands_at_the_end(alice: User) -> None:
    kept = {"order": ["gone", *reversed(ALL[1:])], "hidden": ["gone", "hour"]}
    preferences.put(alice, panels.PREFERENCE, kept)

    found = panels.arrangement_of(alice)

    assert list(found.order) == [*reversed(ALL[1:]), ALL[0]]
    assert found.hidden == {"hour"}


@pytest.mark.parametrize("value", [[], {}, {"order": []}, {"order": "kpis", "hidden": []}, None])
def test_another_shape_is_no_arrangement(value: object) -> None:
    with pytest.raises(ValueError):
        panels.check(value)

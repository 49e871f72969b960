"""Tags and their groups: merged, deleted and brought back on all that carried them."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts import undo
from accounts.errors import InvalidValue
from accounts.models import User
from journal import notes
from journal.models import Note
from journal.notes import Written
from tests.journal.factories import make_account, make_trade
from trading import tag_groups, tags
from trading.models import Tag, TagGroup, TagRole, Trade
from trading.tags import TagNameTaken

DAY = date(2026, 3, 2)


def names(thing: Trade | Note) -> list[str]:
    return sorted(thing.tags.values_list("name", flat=True))


@pytest.fixture
def things(alice: User) -> dict[str, Any]:
    """Trade one carries a, two both, three b; so do the notes."""
    account = make_account(alice)
    a, b = tags.create(owner=alice, name="a"), tags.create(owner=alice, name="b")
    carried = {"one": [a], "two": [a, b], "three": [b]}
    found: dict[str, Any] = {"a": a, "b": b}
    for number, (name, some) in enumerate(carried.items(), start=1):
        found[name] = make_trade(account, day=date(2026, 3, number), pnl="1", tags=some)
        found[f"note {name}"] = notes.write(owner=alice, words=Written(text=name), day=DAY, tags=some)
    return found


def all_names(things: dict[str, Any]) -> list[list[str]]:
    return [names(things[prefix + name]) for prefix in ("", "note ") for name in ("one", "two", "three")]


def test_merging_moves_trades_and_notes_and_is_undone(alice: User, things: dict[str, Any]) -> None:
    token = undo.token(alice, tags.MERGED, tags.merge(things["a"], into=things["b"]))
    assert all_names(things) == [["b"]] * 6
    assert not Tag.objects.filter(name="a").exists()

    undo.perform(alice, token)

    assert all_names(things) == [["a"], ["a", "b"], ["b"]] * 2


def test_a_deleted_tag_comes_back_on_all_that_carried_it(alice: User, things: dict[str, Any]) -> None:
    token = undo.token(alice, tags.DELETED, tags.delete(things["a"]))
    assert all_names(things) == [[], ["b"], ["b"]] * 2

    undo.perform(alice, token)

    assert all_names(things) == [["a"], ["a", "b"], ["b"]] * 2
    assert Tag.objects.get(name="a").public_id == things["a"].public_id


def test_a_tag_does_not_come_back_over_another_of_its_name(alice: User, things: dict[str, Any]) -> None:
    token = undo.token(alice, tags.DELETED, tags.delete(things["a"]))
    tags.create(owner=alice, name="a")

    with pytest.raises(TagNameTaken):
        undo.perform(alice, token)

    assert all_names(things) == [[], ["b"], ["b"]] * 2


def test_a_tag_is_merged_into_another_of_ones_own(alice: User, bob: User, things: dict[str, Any]) -> None:
    for into in (things["a"], tags.create(owner=bob, name="his")):
        with pytest.raises(InvalidValue):
            tags.merge(things["a"], into=into)

    assert names(things["one"]) == ["a"]


def test_a_tag_has_the_colour_of_its_group(alice: User, bob: User) -> None:
    group = tag_groups.create(owner=alice, name="Setups", role=TagRole.SETUP, color="#112233")

    tag = tags.create(owner=alice, name="Gap", group=group)

    assert (tag.color, tag.group) == ("#112233", group)
    with pytest.raises(InvalidValue):
        tags.create(owner=bob, name="Gap", group=group)
    assert tags.update(tag, group=None).group is None


def test_a_deleted_group_comes_back_with_its_tags(alice: User) -> None:
    group = tag_groups.create(owner=alice, name="Setups", role=TagRole.SETUP)
    gap, moved = tags.create(owner=alice, name="Gap", group=group), tags.create(owner=alice, name="Moved", group=group)
    token = undo.token(alice, "tag_group.delete", tag_groups.delete(group))
    other = tag_groups.create(owner=alice, name="Other")
    tags.update(Tag.objects.get(pk=moved.pk), group=other)

    undo.perform(alice, token)

    back = TagGroup.objects.get(name="Setups")
    assert back.public_id == group.public_id
    assert list(back.tags.all()) == [gap]


def test_starting_groups_are_made_once(alice: User) -> None:
    tags.create(owner=alice, name="Breakout")

    tag_groups.begin(alice)
    tag_groups.begin(alice)

    assert list(TagGroup.objects.order_by("position").values_list("name", "role")) == [
        ("Setup", "setup"),
        ("Mistakes", "mistake"),
    ]
    assert Tag.objects.get(name="Breakout").group.name == "Setup"


def test_tags_are_kept_on_their_page(alice: User, alice_client: Client, things: dict[str, Any]) -> None:
    a, b = things["a"], things["b"]
    group = tag_groups.create(owner=alice, name="Setups")

    alice_client.post(f"/tags/{a.public_id}/edit/", {"name": "A1", "color": "#010203", "group": str(group.public_id)})
    a.refresh_from_db()
    assert (a.name, a.color, a.group) == ("A1", "#010203", group)
    page = alice_client.get("/tags/")
    counted = {tag.name: (tag.trade_count, tag.note_count) for tag in page.context["all_tags"]}
    assert counted == {"A1": (2, 2), "b": (2, 2)}
    alice_client.post(f"/tags/{a.public_id}/merge/", {"into": str(b.public_id)})
    assert not Tag.objects.filter(pk=a.pk).exists()
    assert alice_client.post("/tags/", {"name": "b"}).status_code == 409


def test_a_picker_is_offered_what_begins_with_what_was_typed_first(alice: User, alice_client: Client) -> None:
    for name in ("gap", "Gap and go", "big gap", "other"):
        tags.create(owner=alice, name=name)

    answer = alice_client.get("/tags/options/?q=ga")

    assert [tag.name for tag in answer.context["tags"]] == ["gap", "Gap and go", "big gap"] or [
        tag.name for tag in answer.context["tags"]
    ] == ["Gap and go", "gap", "big gap"]
    assert answer.context["is_new"]
    assert not alice_client.get("/tags/options/?q=GAP").context["is_new"]


def test_what_changes_a_tag_is_no_difference_of_amounts_in_french(alice: User, alice_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")
    group = tag_groups.create(owner=alice, name="Setups")
    tags.create(owner=alice, name="gap", group=group)

    page = alice_client.get("/tags/").content.decode()

    assert page.count("Modifier<") == 3  # of the group, of the tag, and the head of its column
    assert "Écart" not in page

"""Notes of days and accounts: written, edited without overwriting others, moved, deleted with a way back."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import undo
from accounts.errors import Conflict, InvalidValue
from accounts.models import AuditEvent, User
from journal import drafts, notes
from journal.models import LONGEST_NOTE, Draft, Note, NoteTemplate
from journal.notes import NoteChanged, TemplateNameTaken, Written
from tests.journal.factories import make_account, make_trade
from trading import trades
from trading.models import Tag

DAY = date(2026, 3, 2)


def write(owner: User, text: str = "Wait for the open", **fields: Any) -> Note:
    return notes.write(owner=owner, words=Written(text=text, **fields), day=DAY)


def test_a_day_has_several_notes(alice: User) -> None:
    for kind in ("plan", "note", "note", "review"):
        write(alice, kind=kind)

    assert Note.objects.for_user(alice).filter(day=DAY).count() == 4


@pytest.mark.parametrize(
    "words",
    [
        Written(text="  "),
        Written(text="x" * (LONGEST_NOTE + 1)),
        Written(text="x", kind="poem"),
        Written(text="x", rating=0),
        Written(text="x", rating=6),
    ],
)
def test_what_no_note_can_hold_is_refused(alice: User, words: Written) -> None:
    with pytest.raises(InvalidValue):
        notes.write(owner=alice, words=words, day=DAY)

    assert not Note.objects.exists()


def test_a_note_about_nothing_or_with_others_things_is_refused(alice: User, bob: User) -> None:
    words = Written(text="x")
    foreign = Tag.objects.create(owner=bob, name="his")

    for place in ({}, {"account": make_account(bob)}, {"day": DAY, "tags": [foreign]}):
        with pytest.raises(InvalidValue):
            notes.write(owner=alice, words=words, **place)

    assert not Note.objects.exists()


def test_an_edit_of_an_older_revision_changes_nothing(alice: User) -> None:
    note = write(alice)
    notes.edit(note, words=Written(text="First"), revision=1)

    with pytest.raises(NoteChanged):
        notes.edit(note, words=Written(text="Second"), revision=1)

    note.refresh_from_db()
    assert (note.text, note.revision) == ("First", 2)


def test_a_note_moves_to_another_day_and_account(alice: User, bob: User) -> None:
    note, account = write(alice), make_account(alice)

    notes.move(note, day=date(2026, 3, 3), account=account, revision=1)
    with pytest.raises(InvalidValue):
        notes.move(note, day=None, account=None, revision=2)
    with pytest.raises(InvalidValue):
        notes.move(note, day=DAY, account=make_account(bob), revision=2)

    note.refresh_from_db()
    assert (note.day, note.account, note.revision) == (date(2026, 3, 3), account, 2)
    assert AuditEvent.objects.filter(event="note.move", subject_id=str(note.public_id)).count() == 1


def test_a_move_of_an_older_revision_changes_nothing(alice: User) -> None:
    note = write(alice)
    notes.edit(note, words=Written(text="First"), revision=1)

    with pytest.raises(NoteChanged):
        notes.move(note, day=date(2026, 3, 3), account=None, revision=1)

    note.refresh_from_db()
    assert (note.day, note.revision) == (DAY, 2)
    assert not AuditEvent.objects.filter(event="note.move").exists()


def test_a_deleted_note_is_gone_and_comes_back(alice: User, bob: User) -> None:
    note = write(alice)
    token = undo.token(alice, "note.delete", notes.delete(note))
    assert not Note.objects.for_user(alice).exists()
    with pytest.raises(NoteChanged):
        notes.edit(note, words=Written(text="x"), revision=1)

    with pytest.raises(InvalidValue):
        undo.perform(bob, token)
    undo.perform(alice, token)

    assert Note.objects.for_user(alice).get().text == "Wait for the open"
    with pytest.raises(Conflict):
        undo.perform(alice, token)


def test_a_deleted_note_is_swept_after_a_week(alice: User) -> None:
    token = undo.token(alice, "note.delete", notes.delete(write(alice)))

    assert notes.sweep(timezone.now() + timedelta(days=6)) == 0
    assert notes.sweep(timezone.now() + timedelta(days=8)) == 1
    with pytest.raises(NoteChanged):
        undo.perform(alice, token)


def test_a_template_is_made_edited_and_brought_back(alice: User, bob: User) -> None:
    template = notes.make_template(owner=alice, name="Plan", kind="plan", text="## Levels")
    notes.make_template(owner=bob, name="Plan", kind="plan", text="his")
    with pytest.raises(TemplateNameTaken):
        notes.make_template(owner=alice, name="Plan", kind="note", text="x")
    notes.edit_template(template, text="## Levels and limits")

    undo.perform(alice, undo.token(alice, "note_template.delete", notes.delete_template(template)))

    back = NoteTemplate.objects.for_user(alice).get()
    assert (back.public_id, back.text) == (template.public_id, "## Levels and limits")


# ---------------------------------------------------------------- drafts
def test_a_draft_is_kept_per_place_and_person(alice: User, bob: User) -> None:
    drafts.keep(alice, place="note:new:2026-03-02", fields={"text": "a", "csrfmiddlewaretoken": "secret"})
    drafts.keep(alice, place="note:new:2026-03-02", fields={"text": "ab"})

    found = drafts.find(alice, "note:new:2026-03-02")
    assert found is not None
    assert found.fields == {"text": "ab"}
    assert drafts.find(bob, "note:new:2026-03-02") is None
    assert Draft.objects.count() == 1


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("", {"text": "x"}),
        ("../../etc", {"text": "x"}),
        ("note:" + "x" * 200, {"text": "x"}),
        ("note:new", {"text": "x" * 30_001}),
        ("note:new", {"text": "x\0"}),
    ],
)
def test_what_no_form_holds_is_not_kept(alice: User, place: str, fields: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        drafts.keep(alice, place=place, fields=fields)

    assert not Draft.objects.exists()


def test_a_draft_older_than_what_was_saved_is_none(alice: User) -> None:
    draft = drafts.keep(alice, place="trade:x", fields={"note": "x"})

    assert drafts.find(alice, "trade:x", since=draft.updated_at + timedelta(seconds=1)) is None
    assert drafts.find(alice, "trade:x", since=draft.updated_at - timedelta(seconds=1)) == draft


def test_drafts_are_bounded_and_swept_after_30_days(alice: User) -> None:
    for number in range(drafts.MOST + 5):
        drafts.keep(alice, place=f"note:{number}", fields={"text": "x"})

    assert Draft.objects.count() == drafts.MOST
    assert drafts.find(alice, "note:0") is None
    assert drafts.sweep(timezone.now() + timedelta(days=29)) == 0
    assert drafts.sweep(timezone.now() + timedelta(days=31)) == drafts.MOST


# ---------------------------------------------------------------- pages
FORM = {"kind": "note", "day": "2026-03-02", "title": "Open", "text": "**Wait**", "tags": "calm, patient"}


def test_a_note_is_written_by_form_and_shown(alice: User, alice_client: Client) -> None:
    drafts.keep(alice, place="note:new:2026-03-02", fields={"text": "**Wa"})

    answer = alice_client.post("/journal/new/", {**FORM, "place": "note:new:2026-03-02"}, follow=True)

    note = Note.objects.get()
    assert answer.redirect_chain == [("/days/2026-03-02/", 302)]
    assert "<strong>Wait</strong>" in answer.content.decode()
    assert sorted(tag.name for tag in note.tags.all()) == ["calm", "patient"]
    assert not Draft.objects.exists()


def test_a_form_that_is_sent_twice_writes_one_note(alice: User, bob_client: Client, alice_client: Client) -> None:
    pages = [alice_client.get("/journal/new/").content.decode() for _each in range(2)]
    token, other = (re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[-1] for page in pages)
    sent = {**FORM, "csrfmiddlewaretoken": token}

    first = alice_client.post("/journal/new/", sent)
    again = alice_client.post("/journal/new/", sent)

    assert again.headers["Location"] == first.headers["Location"]
    assert Note.objects.count() == 1

    alice_client.post("/journal/new/", {**sent, "text": "Another thought."})  # gone back to and written anew
    alice_client.post("/journal/new/", {**sent, "csrfmiddlewaretoken": other})
    bob_client.post("/journal/new/", sent)
    assert (Note.objects.for_user(alice).count(), Note.objects.count()) == (3, 4)

    notes.delete(Note.objects.for_user(alice).order_by("id")[0])
    alice_client.post("/journal/new/", sent)
    assert Note.objects.for_user(alice).count() == 3


def test_a_form_with_faults_keeps_what_was_typed(alice_client: Client) -> None:
    answer = alice_client.post("/journal/new/", {**FORM, "day": "2026-13-40"})

    assert answer.status_code == 422
    assert "**Wait**" in answer.content.decode()
    assert not Note.objects.exists()


def test_a_conflict_keeps_what_was_typed_and_shows_both(alice: User, alice_client: Client) -> None:
    note = write(alice)
    notes.edit(note, words=Written(text="*Theirs*"), revision=1)

    answer = alice_client.post(f"/journal/{note.public_id}/edit/", {**FORM, "text": "Mine", "revision": "1"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "<em>Theirs</em>" in page
    assert ">\nMine</textarea>" in page
    assert 'name="revision" value="2"' in page
    note.refresh_from_db()
    assert note.text == "*Theirs*"


def test_a_draft_of_an_older_revision_stands_beside_what_was_saved(alice: User, alice_client: Client) -> None:
    """The draft is older than what was saved, and is found all the same; it overwrites nothing unasked."""
    note = write(alice)
    address, place = f"/journal/{note.public_id}/edit/", f"note:{note.public_id}"
    alice_client.post("/drafts/", {**FORM, "place": place, "text": "Mine", "revision": "1"})
    notes.edit(note, words=Written(text="*Theirs*"), revision=1)

    page = alice_client.get(address).content.decode()
    answer = alice_client.post(address, {**FORM, "text": "Mine", "revision": "1"})

    assert "<em>Theirs</em>" in page
    assert ">\nMine</textarea>" in page
    assert 'name="revision" value="1"' in page
    assert answer.status_code == 409
    note.refresh_from_db()
    assert note.text == "*Theirs*"


def test_a_draft_of_the_revision_that_stands_is_no_conflict(alice: User, alice_client: Client) -> None:
    note = write(alice)
    place = f"note:{note.public_id}"
    alice_client.post("/drafts/", {**FORM, "place": place, "text": "Mine", "revision": "1"})

    page = alice_client.get(f"/journal/{note.public_id}/edit/").content.decode()

    assert "This is an unsaved draft from" in page
    assert "As it was saved" not in page


def test_a_draft_that_was_saved_as_it_stands_is_none(alice: User, alice_client: Client) -> None:
    note = write(alice)
    place = f"note:{note.public_id}"
    notes.edit(note, words=Written(text="Saved"), revision=1)
    alice_client.post("/drafts/", {"place": place, "text": "Saved", "revision": "1"})

    page = alice_client.get(f"/journal/{note.public_id}/edit/").content.decode()

    assert "draft from" not in page
    assert "As it was saved" not in page
    assert 'name="revision" value="2"' in page


def test_a_draft_is_found_again_with_a_notice(alice: User, alice_client: Client) -> None:
    alice_client.post("/drafts/", {"place": "note:new:2026-03-02", "text": "half a thou"})

    page = alice_client.get("/journal/new/?day=2026-03-02").content.decode()
    assert "This is an unsaved draft from" in page
    assert "half a thou</textarea>" in page

    alice_client.post("/drafts/discard/", {"place": "note:new:2026-03-02", "next": "//evil.example/"})
    assert "half a thou" not in alice_client.get("/journal/new/?day=2026-03-02").content.decode()


def test_discarding_leads_nowhere_else(alice_client: Client) -> None:
    answer = alice_client.post("/drafts/discard/", {"place": "note:new", "next": "//evil.example/"})

    assert answer.headers["Location"] == "/journal/"


def test_a_template_is_put_below_what_was_typed(alice: User, alice_client: Client) -> None:
    drafts.keep(alice, place="note:new:2026-03-02", fields={"text": "typed"})
    template = notes.make_template(owner=alice, name="Plan", kind="plan", text="## Levels")

    page = alice_client.get(f"/journal/new/?day=2026-03-02&template={template.public_id}").content.decode()

    assert "typed\n\n## Levels</textarea>" in page


def test_the_preview_is_harmless(alice_client: Client) -> None:
    answer = alice_client.post("/journal/preview/", {"text": "# Hi\n<script>alert(1)</script>"})

    assert answer.content.decode() == "<h3>Hi</h3>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"


@pytest.mark.parametrize("path", ["/days/2026-02-30/", "/days/x/", "/days/0001-01-01/", "/days/20260302/"])
def test_what_is_no_day_is_not_found(alice_client: Client, path: str) -> None:
    assert alice_client.get(path).status_code == 404


def test_the_page_of_a_day_joins_all_of_it(alice: User, alice_client: Client) -> None:
    account = make_account(alice)
    trade = make_trade(account, day=DAY, pnl="125.50")
    trades.annotate(trade, note="Took the first pullback")
    make_trade(account, day=date(2026, 2, 27), pnl="5")
    make_trade(account, day=date(2026, 3, 4), pnl="7")
    write(alice, "The plan was to wait", kind="plan")
    write(alice, "I waited", kind="review", rating=4)

    page = alice_client.get("/days/2026-03-02/").content.decode()

    for words in ("125.50", "Took the first pullback", "The plan was to wait", "I waited", "4 of 5"):
        assert words in page
    assert 'href="/days/2026-02-27/"' in page
    assert 'href="/days/2026-03-04/"' in page


def test_the_stream_has_days_with_trades_and_days_with_notes(alice: User, alice_client: Client) -> None:
    make_trade(make_account(alice), day=date(2026, 3, 4), pnl="10")
    write(alice, "Nothing traded, on purpose")

    answer = alice_client.get("/journal/")

    assert [each.day for each in answer.context["stream"].days] == [date(2026, 3, 4), DAY]


def test_the_stream_is_limited_by_words_kind_and_tag(alice: User, alice_client: Client) -> None:
    make_trade(make_account(alice), day=date(2026, 3, 4), pnl="10")
    note = write(alice, "Waited for the pullback", kind="review")
    write(alice, "Chased")
    tag = Tag.objects.create(owner=alice, name="calm")
    note.tags.add(tag)

    for query in ("q=pullb", "q=waited+for", "kind=review", f"note_tag={tag.public_id}"):
        days = alice_client.get(f"/journal/?{query}").context["stream"].days
        assert [[each.pk for each in day.notes] for day in days] == [[note.pk]], query
    assert alice_client.get("/journal/?q=nowhere").context["stream"].days == []
    assert alice_client.get("/journal/?kind=poem").status_code == 400


def test_the_stream_asks_as_often_for_many_notes_as_for_one(
    alice: User, alice_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        notes.write(owner=alice, words=Written(text=f"Note {number}"), day=DAY + timedelta(days=number % 20))

    alice_client.get("/journal/")
    with django_assert_max_num_queries(30):
        alice_client.get("/journal/")


def file_of(client: Client, path: str, **query: str) -> list[str]:
    file = client.get(path, {**query, "format": "csv"})
    assert file.headers["Content-Type"].startswith("text/csv")
    return b"".join(file.streaming_content).decode().splitlines()  # type: ignore[attr-defined]


def test_the_notes_of_the_stream_are_a_file(alice: User, bob: User, alice_client: Client) -> None:
    write(alice, "=1+1")
    notes.write(owner=alice, words=Written(text="Calm"), day=DAY + timedelta(days=1))
    write(bob, "Not hers")

    head, *rows = file_of(alice_client, "/journal/")
    assert head == "Day,Kind,Title,Account,Tags,Text,Written,Changed"
    assert [row.split(",")[0] for row in rows] == [(DAY + timedelta(days=1)).isoformat(), DAY.isoformat()]
    assert ",'=1+1," in rows[1]
    assert len(file_of(alice_client, "/journal/", q="calm")) == 2


def test_tags_and_playbooks_are_files(alice: User, bob: User, alice_client: Client) -> None:
    Tag.objects.create(owner=alice, name="late")
    Tag.objects.create(owner=bob, name="his")

    assert file_of(alice_client, "/tags/") == ["Group,What they are,Tag,Trades,Notes", ",,late,0,0"]
    assert file_of(alice_client, "/playbooks/") == [
        "Playbook,Trades,Net P&L,Currency,Win rate,Expectancy,Average R,Archived"
    ]

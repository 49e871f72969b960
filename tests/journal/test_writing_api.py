"""The API of notes, templates, playbooks, files, groups of tags and the search."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from journal import notes, playbooks
from journal.models import Attachment, Note, Playbook, RuleCheck
from journal.notes import Written
from journal.playbooks import WrittenRule
from tests.journal.factories import make_account, make_trade
from trading.models import Tag, TagGroup

DAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_a_note_is_written_read_changed_and_deleted(alice: User, alice_api: APIClient) -> None:
    tag = Tag.objects.create(owner=alice, name="calm")
    body = {"day": "2026-03-02", "kind": "plan", "text": "Wait", "tags": [str(tag.public_id)], "rating": 4}

    made = alice_api.post("/api/v1/notes/", body)
    path = f"/api/v1/notes/{made.json()['id']}/"

    assert made.status_code == 201
    assert (made.json()["revision"], made.json()["tags"][0]["name"]) == (1, "calm")
    assert alice_api.get(path).json() == made.json()
    changed = alice_api.patch(path, {"text": "Waited", "revision": 1})
    assert (changed.json()["text"], changed.json()["revision"], changed.json()["rating"]) == ("Waited", 2, 4)
    assert alice_api.delete(path).status_code == 204
    assert alice_api.get(path).status_code == 404


def test_a_stale_revision_is_a_conflict(alice: User, alice_api: APIClient) -> None:
    note = notes.write(owner=alice, words=Written(text="First"), day=DAY)
    path = f"/api/v1/notes/{note.public_id}/"
    alice_api.patch(path, {"text": "Second", "revision": 1})

    answer = alice_api.patch(path, {"text": "Third", "revision": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "note_changed")
    assert alice_api.get(path).json()["text"] == "Second"


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x"},
        {"day": "2026-03-02"},
        {"day": "2026-03-02", "text": "x", "kind": "poem"},
        {"day": "2026-03-02", "text": "x", "rating": 6},
        {"day": "2026-03-02", "text": "x" * 20_001},
        {"day": "2026-03-02", "text": "x", "owner": 1},
    ],
)
def test_what_no_note_can_be_is_refused(alice_api: APIClient, body: dict[str, Any]) -> None:
    assert alice_api.post("/api/v1/notes/", body).status_code == 400
    assert not Note.objects.exists()


def test_notes_are_listed_by_kind_day_and_words(alice: User, alice_api: APIClient) -> None:
    for text, kind, day in (("Wait for the pullback", "plan", DAY), ("Waited", "review", date(2026, 3, 5))):
        notes.write(owner=alice, words=Written(text=text, kind=kind), day=day)

    def texts(query: str) -> list[str]:
        return [each["text"] for each in alice_api.get(f"/api/v1/notes/?{query}").json()["results"]]

    assert texts("") == ["Waited", "Wait for the pullback"]
    assert texts("kind=plan") == texts("to=2026-03-03") == texts("search=pull") == ["Wait for the pullback"]


def test_a_playbook_is_written_ticked_and_answered(alice: User, alice_api: APIClient) -> None:
    trade = make_trade(make_account(alice), day=DAY, pnl="100")
    made = alice_api.post("/api/v1/playbooks/", {"name": "Break", "rules": [{"text": "Wait", "group": "Entry"}]})
    path, key = f"/api/v1/playbooks/{made.json()['id']}/", made.json()["rules"][0]["key"]

    taken = alice_api.post(f"{path}trades/", {"trade": str(trade.public_id), "rules": {key: True}})
    assert taken.json() == {
        "trade": str(trade.public_id), "playbook": made.json()["id"], "version": 1, "rules": {key: True}
    }  # fmt: skip
    results = alice_api.get(f"{path}results/").json()
    assert (results["whole"]["total_pnl"], results["rules"][0]["kept"]["total_trades"]) == ("100", 1)
    changed = alice_api.patch(path, {"rules": [{"key": key, "text": "Wait for the close"}]})
    assert changed.json()["version"] == 2
    versions = alice_api.get(f"{path}versions/").json()["results"]
    assert [(each["number"], each["trades"], each["rules"][0]["text"]) for each in versions] == [
        (2, 0, "Wait for the close"),
        (1, 1, "Wait"),
    ]
    assert alice_api.delete(path).status_code == 409
    assert alice_api.delete(f"{path}trades/{trade.public_id}/").status_code == 204
    assert not RuleCheck.objects.exists()
    assert alice_api.delete(path).status_code == 204


def test_a_rule_that_is_none_of_the_playbook_is_refused(alice: User, alice_api: APIClient) -> None:
    trade = make_trade(make_account(alice), day=DAY, pnl="100")
    playbook = playbooks.create(owner=alice, name="Break", rules=[WrittenRule("Wait")])
    path = f"/api/v1/playbooks/{playbook.public_id}/trades/"

    for key in ("x", "01890000-0000-7000-8000-000000000000"):
        assert alice_api.post(path, {"trade": str(trade.public_id), "rules": {key: True}}).status_code == 400

    assert not RuleCheck.objects.exists()
    assert Playbook.objects.get().trade_playbooks.count() == 0


def test_a_file_is_sent_and_served(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    note = notes.write(owner=alice, words=Written(text="x"), day=DAY)
    body = {"file": SimpleUploadedFile("a.txt", b"words"), "note": str(note.public_id), "caption": "The open"}

    made = alice_api.post("/api/v1/attachments/", body, format="multipart")
    path = f"/api/v1/attachments/{made.json()['id']}/"

    assert made.status_code == 201
    assert (made.json()["filename"], made.json()["content_type"], made.json()["size"]) == ("a.txt", "text/plain", 5)
    served = alice_api.get(f"{path}file/")
    assert b"".join(served.streaming_content) == b"words"
    assert served.headers["Cache-Control"] == "private, no-store"
    assert bob_api.get(f"{path}file/").status_code == 404
    assert alice_api.patch(path, {"caption": "Later"}).json()["caption"] == "Later"
    assert alice_api.delete(path).status_code == 204


@pytest.mark.parametrize(("content", "status"), [(b"<svg/>", 422), (b"", 422), (b"\0\1", 422)])
def test_a_hostile_file_changes_nothing(alice: User, alice_api: APIClient, content: bytes, status: int) -> None:
    note = notes.write(owner=alice, words=Written(text="x"), day=DAY)
    body = {"file": SimpleUploadedFile("a.png", content), "note": str(note.public_id)}

    answer = alice_api.post("/api/v1/attachments/", body, format="multipart")

    assert answer.status_code == status
    assert not Attachment.objects.exists()


def test_a_tag_has_a_group(alice: User, bob: User, alice_api: APIClient) -> None:
    group = alice_api.post("/api/v1/tag-groups/", {"name": "Setups", "role": "setup"}).json()
    his = TagGroup.objects.create(owner=bob, name="his")

    tag = alice_api.post("/api/v1/tags/", {"name": "Gap", "group": group["id"]})

    assert tag.json()["group"] == group["id"]
    path = f"/api/v1/tags/{tag.json()['id']}/"
    assert alice_api.patch(path, {"group": str(his.public_id)}).status_code == 400
    assert alice_api.patch(path, {"group": None}).json()["group"] is None
    assert alice_api.delete(f"/api/v1/tag-groups/{group['id']}/").status_code == 204


def test_the_search_answers_with_escaped_words(alice: User, alice_api: APIClient) -> None:
    notes.write(owner=alice, words=Written(text="Waited & won"), day=DAY)

    (hit,) = alice_api.get("/api/v1/search/?q=wait").json()["results"]

    assert (hit["kind"], hit["headline"], hit["day"]) == ("note", "<mark>Waited</mark> &amp; won", "2026-03-02")
    assert alice_api.get("/api/v1/search/?q=x&limit=0").status_code == 400
    assert alice_api.get("/api/v1/search/").json() == {"results": []}


def test_a_template_is_kept(alice_api: APIClient) -> None:
    made = alice_api.post("/api/v1/note-templates/", {"name": "Plan", "kind": "plan", "text": "## Levels"})
    path = f"/api/v1/note-templates/{made.json()['id']}/"

    assert alice_api.post("/api/v1/note-templates/", {"name": "Plan", "kind": "plan", "text": "x"}).status_code == 409
    assert alice_api.patch(path, {"text": "## Limits"}).json()["text"] == "## Limits"
    assert alice_api.delete(path).status_code == 204

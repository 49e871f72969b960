"""The first steps: done by what is there, put away for good, and nobody's sample counts."""

from datetime import UTC, date, datetime

import pytest
from django.template.loader import get_template
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts import preferences
from accounts.models import AuditEvent, User
from journal import first_run
from journal.models import Note, Playbook
from tests.factories import make_account
from tests.journal.factories import make_trade
from trading.models import BatchStatus, ImportBatch, Tag, Trade

pytestmark = pytest.mark.django_db

DAY = date(2026, 1, 5)


def done(person: User) -> list[str]:
    return [step.key for step in first_run.check_list(person).steps if step.is_done]


def make_import(owner: User, **options: object) -> ImportBatch:
    return ImportBatch.objects.create(
        owner=owner, filename="a.csv", size=1, sha256="0" * 64, status=BatchStatus.APPLIED, options=options
    )


def test_somebody_new_has_everything_before_them(alice: User, bob: User) -> None:
    make_account(bob)
    make_import(bob)

    steps = first_run.check_list(alice)

    assert (steps.done, steps.total, steps.is_wanted) == (0, 5, True)
    assert steps.next is not None
    assert steps.next.key == "account"


def test_a_step_is_done_when_its_thing_is_there(alice: User) -> None:
    account = make_account(alice)
    assert done(alice) == ["account"]

    make_import(alice)
    assert done(alice) == ["account", "import"]

    trade = make_trade(account, day=DAY, pnl="5")
    assert done(alice) == ["account", "import"]
    Trade.objects.filter(pk=trade.pk).update(reviewed_at=timezone.now())
    assert done(alice) == ["account", "import", "review"]

    Note.objects.create(owner=alice, day=DAY, text="Calm.")
    assert done(alice) == ["account", "import", "review", "note"]

    Tag.objects.create(owner=alice, name="Late")
    steps = first_run.check_list(alice)
    assert (steps.done, steps.next, steps.is_wanted) == (5, None, False)


def test_a_note_on_a_trade_and_a_playbook_count_too(alice: User) -> None:
    trade = make_trade(make_account(alice), day=DAY, pnl="5")
    Trade.objects.filter(pk=trade.pk).update(note="Early.")
    Playbook.objects.create(owner=alice, name="Fade")

    assert done(alice) == ["account", "note", "playbook"]


def test_sample_data_is_no_step(alice: User) -> None:
    trade = make_trade(make_account(alice, is_sample=True), day=DAY, pnl="5")
    Trade.objects.filter(pk=trade.pk).update(reviewed_at=timezone.now(), note="Early.")
    make_import(alice, is_sample=True)
    note = Note.objects.create(owner=alice, day=DAY, text="Calm.")
    tag = Tag.objects.create(owner=alice, name="Late")
    AuditEvent.objects.create(owner_id=alice.pk, event="sample.words", after={"note": [note.pk], "tag": [tag.pk]})

    assert done(alice) == []


def test_the_list_is_on_the_dashboard_until_it_is_put_away(alice: User, alice_client: Client) -> None:
    make_trade(make_account(alice), day=DAY, pnl="5", opened=datetime(2026, 1, 5, 14, tzinfo=UTC))
    assert "First steps" in alice_client.get("/").content.decode()

    answer = alice_client.post("/welcome/dismiss/")

    assert answer.headers["Location"] == "/"
    assert preferences.get(alice, first_run.DISMISSED) is True
    assert 'id="first-steps"' not in alice_client.get("/").content.decode()
    assert "Show the first steps again" in alice_client.get("/welcome/").content.decode()
    alice_client.post("/welcome/dismiss/", {"again": "1"})
    assert 'id="first-steps"' in alice_client.get("/welcome/").content.decode()


def test_somebody_without_accounts_lands_on_the_welcome_page(alice_client: Client) -> None:
    page = alice_client.get("/").content.decode()

    for words in ("Import a file", "Add an account", "Load sample data", "0 of 5 done"):
        assert words in page


def test_help_is_about_the_page_or_about_the_journal(alice_client: Client) -> None:
    whole = alice_client.get("/help/trade_list/").content.decode()
    part = alice_client.get("/help/trade_list/", headers={"X-Part": "1"}).content.decode()

    assert "Every round trip" in whole
    assert "Every round trip" in part
    assert "<html" in whole
    assert "<html" not in part
    assert "what your brokers report" in alice_client.get("/help/no_such_page/").content.decode()
    assert 'href="/help/trade_list/"' in alice_client.get("/trades/").content.decode()


def test_every_help_page_is_of_a_page() -> None:
    folder = get_template("help/general.html").origin.name.rpartition("/")[0]
    from pathlib import Path

    names = {path.stem for path in Path(folder).glob("[a-z]*.html")} - {"general", "page"}

    assert names <= set(get_resolver().reverse_dict)
    for name in names:
        assert get_template(f"help/{name}.html").render({"user": None})

"""Every page, the admin's included, in both themes: nothing breaks, nothing is stopped, everybody can use it."""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts import activity
from accounts.models import User
from config.tour.pages import Stop, admin_stops, stops
from config.tour.people import signed_in
from journal import playbooks, tasks
from journal.models import Note, NoteTemplate, SavedView
from journal.playbooks import WrittenRule
from tests.access_things import FILE
from tests.conftest import signed_in as as_themselves
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading import sessions
from trading.imports import batches
from trading.models import Tag, TagGroup

walking = pytest.importorskip("config.tour.walking", reason="Playwright or axe is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: One page of each kind that the admin has; the rest of a kind has the same colours.
DARK = {"admin-index", "admin-trading-trade", "admin-trading-trade-row", "admin-accounts-user-row", "admin-password"}
#: Lists, forms and rows of tables that are edited, that are only shown, and that hold something of their own. Others
#: are built of the same templates; `make screenshots` goes through every one.
KINDS = DARK | {
    "admin-database",
    "admin-password-done",
    "admin-accounts",
    "admin-trading",
    "admin-accounts-user",
    "admin-accounts-account",
    "admin-accounts-ledgerentry",
    "admin-journal-note",
    "admin-trading-instrument",
    "admin-trading-order",
    "admin-trading-importbatch",
    "admin-accounts-user-add",
    "admin-trading-instrument-add",
    "admin-trading-instrument-row",
    "admin-accounts-account-row",
    "admin-journal-note-row",
    "admin-trading-order-row",
}
#: The pages are walked in so many tests, which can run beside each other.
PARTS = 3
#: Kilobytes of all scripts that any page loads, compressed.
SCRIPTS = 110


@pytest.fixture(autouse=True)
def _panels_may_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "SETTLING", 60)


@pytest.fixture
def trader() -> User:
    """Somebody with something of everything that a page can be about."""
    person = make_user("alice@example.com")
    tag = Tag.objects.create(owner=person, name="Breakout", group=TagGroup.objects.create(owner=person, name="Setups"))
    playbook = playbooks.create(owner=person, name="Range", rules=[WrittenRule("Wait for the close", "Entry")])
    for number in range(3):
        account = make_account(person, f"Account {number}", is_sample=number == 2)
        for day in range(2, 8):
            opened = datetime(2026, 3, day, 14, number, tzinfo=UTC)
            trade = make_trade(
                account, day=date(2026, 3, day), pnl=str((day - 4) * 10 + number), opened=opened, stop="990", tags=[tag]
            )
    playbooks.assign(trade, playbook=playbook)
    Note.objects.create(owner=person, day=date(2026, 3, 7), title="Calm", text="**Calm.**")
    NoteTemplate.objects.create(owner=person, name="Morning", text="- ")
    SavedView.objects.create(owner=person, name="Longs", query="side=long")
    options = {"create_accounts": True, "time_zone": "UTC"}
    received = batches.receive(owner=person, chunks=[FILE], filename="fills.csv", account=account, options=options)
    batches.run(batches.queue(batches.look(received)))
    acme, desk_account = share(), funded(person, name="Desk")
    quoted(acme, "49.98", "50.02")
    sessions.end(sessions.start(account, at=opened, name="Morning"), at=opened + timedelta(days=1))
    sessions.start(desk_account, at=timezone.now(), note="Slow")
    activity.write(owner=person, kind="decision", text="Wait", account=account, metadata={"score": 1})
    placed(desk_account, acme, ticket("buy", "10"))
    placed(desk_account, acme, ticket("buy", "10", "limit", limit_price="49"))
    tasks.recompute_owner(person.pk)
    return person


def _walk(
    browser: Any,
    live_server: LiveServer,
    person: User,
    chosen: list[Stop],
    *,
    width: int,
    themes: tuple[str, ...] = ("light", "dark"),
) -> Iterator[Any]:
    with (
        signed_in(person) as session,
        walking.tab(browser, width=width, address=live_server.url, session=session) as page,
    ):
        for stop in chosen:
            yield page, walking.visit(page, stop, address=live_server.url, folder=None, themes=themes)


def _told(visits: list[Any]) -> list[str]:
    return [f"{visit.name} at {visit.width}: {kind}: {words}" for visit in visits for kind, words in visit.faults]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_of_a_trader_has_a_fault(browser: Any, live_server: LiveServer, trader: User, part: int) -> None:
    found = [stop for stop in stops(trader, with_public=False) if isinstance(stop, Stop)]
    chosen = [stop for stop in found if stop.who != "operator"]

    visits, too_wide = [], []
    for page, visit in _walk(browser, live_server, trader, chosen[part::PARTS], width=1440):
        visits.append(visit)
        page.set_viewport_size({"width": 390, "height": 900})
        if found := page.evaluate(walking._WIDER):
            too_wide.append(f"{visit.name} at 390: {found}")
        page.set_viewport_size({"width": 1440, "height": 900})

    assert len(visits) > 10
    assert _told(visits) == []
    assert too_wide == []


def test_the_scripts_of_all_pages_together_are_small(trader: User) -> None:
    client = as_themselves(trader)
    chosen = [stop for stop in stops(trader, with_public=True) if isinstance(stop, Stop)]

    pages = [client.get(stop.path).content.decode() for stop in chosen]

    scripts = {script for page in pages for script in re.findall(r'<script[^>]* src="([^"]+)"', page)}
    assert len(scripts) > 5
    sizes = {script: len(gzip.compress(_content(script), 9)) for script in scripts}
    assert sum(sizes.values()) <= SCRIPTS * 1024, sizes


def _content(script: str) -> bytes:
    found = finders.find(re.sub(r".*/static/", "", script))
    assert isinstance(found, str), script
    return Path(found).read_bytes()


def test_no_page_of_an_operator_has_a_fault(browser: Any, live_server: LiveServer, trader: User) -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    own = [stop for stop in stops(root, with_public=False) if isinstance(stop, Stop) and stop.who == "operator"]
    chosen = [*own, *(stop for stop in admin_stops() if stop.name in KINDS)]

    in_light = [stop for stop in chosen if stop.name not in DARK]
    in_both = [stop for stop in chosen if stop.name in DARK]

    visits = [visit for _page, visit in _walk(browser, live_server, root, in_light, width=1440, themes=("light",))]
    visits += [visit for _page, visit in _walk(browser, live_server, root, in_both, width=1440)]

    assert {stop.name for stop in in_both} == DARK
    assert {visit.name for visit in visits} == KINDS | {stop.name for stop in own}
    assert own
    assert _told(visits) == []


def test_no_page_of_somebody_new_or_unknown_has_a_fault(browser: Any, live_server: LiveServer) -> None:
    person = make_user("new@example.com")
    found = [stop for stop in stops(person, with_public=True) if isinstance(stop, Stop)]

    visits = [
        visit
        for _page, visit in _walk(
            browser,
            live_server,
            person,
            [stop for stop in found if stop.who == "person" and stop.name != "docs"],
            width=390,
            themes=("dark",),  # in the light, the same pages are gone through with something on them
        )
    ]
    with walking.tab(browser, width=390, address=live_server.url, session="") as page:
        visits += [
            walking.visit(page, stop, address=live_server.url, folder=None, themes=("light", "dark"))
            for stop in found
            if stop.who == "nobody"
        ]

    assert _told(visits) == []

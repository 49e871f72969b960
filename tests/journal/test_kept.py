"""Parts of pages that are kept: right for this version, address, language and day, and never shown to anybody else."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, ClientStatus, User
from accounts.models import Client as ClientDetails
from journal import kept_html
from tests.conftest import signed_in
from tests.journal.factories import make_account, make_trade
from trading import tags, trades
from trading.models import Trade

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)
PAGES = (
    "/",
    "/trades/",
    "/trades/review/?order=newest",
    "/accounts/",
    "/reports/by/?by=symbol",
    f"/days/{DAY}/",
    "/journal/?month=2026-03",
)


@pytest.fixture
def trade(account: Account) -> Trade:
    return make_trade(account, day=DAY, pnl="12.5")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_the_change_that_was_just_made(
    alice_client: Client, account: Account, trade: Trade, path: str
) -> None:
    assert "12.50" in alice_client.get(path).content.decode()

    make_trade(account, day=DAY, pnl="30")

    page = alice_client.get(path).content.decode()
    assert "+30.00" in page or "+42.50" in page


@pytest.mark.parametrize("path", PAGES)
def test_a_kept_part_is_shown_to_nobody_else(
    alice_client: Client, bob: User, account: Account, trade: Trade, path: str
) -> None:
    make_trade(make_account(bob), day=DAY, pnl="7.25")
    alice_client.get(path)

    page = signed_in(bob).get(path).content.decode()

    assert "7.25" in page
    assert "12.50" not in page


def test_a_kept_list_speaks_the_language_of_who_reads_it(alice: User, alice_client: Client, trade: Trade) -> None:
    assert "Long" in alice_client.get("/trades/").content.decode()

    User.objects.filter(pk=alice.pk).update(language="fr")

    assert "12,50" in signed_in(alice).get("/trades/").content.decode()


def test_a_tag_that_is_renamed_is_shown_by_its_new_name(alice: User, alice_client: Client, trade: Trade) -> None:
    tag = tags.create(owner=alice, name="early")
    trades.annotate(trade, tags=[tag])
    alice_client.post("/trades/columns/", {"column": ["tags", "net_pnl"]})
    assert "early" in alice_client.get("/trades/").content.decode()

    tags.update(tag, name="too soon")

    page = alice_client.get("/trades/rows/").content.decode()
    assert "too soon" in page
    assert ">early<" not in page


def test_a_tag_shows_how_many_trades_carry_it_now(alice: User, alice_client: Client, trade: Trade) -> None:
    tag = tags.create(owner=alice, name="early")
    assert '<td class="n">1</td>' not in alice_client.get("/tags/").content.decode()

    trades.annotate(trade, tags=[tag])

    assert '<td class="n">1</td>' in alice_client.get("/tags/").content.decode()


def test_who_may_no_longer_write_is_shown_no_forms_that_were_kept(
    alice: User, alice_client: Client, trade: Trade
) -> None:
    assert 'action="/tags/"' in alice_client.get("/tags/").content.decode()

    ClientDetails.objects.filter(user=alice).update(status=ClientStatus.SUSPENDED)

    assert 'action="/tags/"' not in alice_client.get("/tags/").content.decode()


@pytest.mark.parametrize("path", ["/tags/", "/trades/review/", "/trades/{trade}/"])
def test_a_form_that_was_kept_has_the_token_of_the_session_that_shows_it(alice: User, trade: Trade, path: str) -> None:
    tags.create(owner=alice, name="early")
    address = path.format(trade=trade.public_id)
    first, second = _checked_client(alice), _checked_client(alice)
    theirs = _tokens(first.get(address))

    page = second.get(address)

    found = _tokens(page)
    assert found
    assert not found & theirs
    assert kept_html.token_place() not in page.content.decode()
    for token in found:
        assert second.post("/theme/", {"theme": "dark", "csrfmiddlewaretoken": token}).status_code == 302
    for token in theirs:
        assert second.post("/theme/", {"theme": "dark", "csrfmiddlewaretoken": token}).status_code == 403


def _checked_client(user: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def _tokens(page: Any) -> set[str]:
    return set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode()))


def test_a_page_that_answers_to_what_was_sent_is_not_kept(alice_client: Client, trade: Trade) -> None:
    address = f"/trades/{trade.public_id}/"
    read = trades.words_digest(trade)
    trades.annotate(trade, note="theirs")
    refused = alice_client.post(f"{address}words/", {"note": "mine, not kept", "read": read})
    assert refused.status_code == 409

    assert "mine, not kept" not in alice_client.get(address).content.decode()

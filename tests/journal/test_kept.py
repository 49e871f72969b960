"""Parts of pages that are kept: right for this version, address, language and day, and never shown to anybody else."""

from datetime import date

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.conftest import signed_in
from tests.journal.factories import make_account, make_trade
from trading import tags, trades
from trading.models import Trade

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)
PAGES = ("/", "/trades/", "/accounts/", "/reports/by/?by=symbol", f"/days/{DAY}/")


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

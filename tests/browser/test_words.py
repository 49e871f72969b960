"""What somebody typed is saved, or kept until it is, whatever they do next and whoever signs them out."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.conftest import PASSWORD, PATIENCE, come_in, until
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from trading.models import Trade

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIGNED_OUT = "[data-signed-out]"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that may complain: answers of 401 are what is looked at."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    yield opened
    context.close()


@pytest.fixture
def trader(transactional_db: None) -> User:
    person = make_user("carol@example.com", password=PASSWORD)
    account = make_account(person)
    for number in range(3):
        opened = datetime(2026, 3, 2 + number, 15, tzinfo=UTC)
        make_trade(account, day=opened.date(), pnl=str(10 + number), opened=opened, symbol=f"SYM{number}")
    return person


def note_of(number: int) -> str:
    return Trade.objects.get(instrument__symbol=f"SYM{number}").note


def sign_out(page: Any) -> None:
    """The session is over, as after twelve hours; nothing of the page knows."""
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)


def sign_in(page: Any) -> None:
    page.fill("input[name=username]", "carol@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")


def write(page: Any, words: str) -> None:
    page.keyboard.press("n")
    page.keyboard.type(words)
    page.keyboard.press("Escape")


def test_a_note_of_the_review_is_saved_by_whatever_comes_next(page: Any, live_server: LiveServer, trader: User) -> None:
    come_in(page, live_server.url, "/trades/review/?order=oldest", person=trader)

    write(page, "Rated.")
    page.keyboard.press("4")
    page.wait_for_selector(".rating button[aria-pressed=true]:has-text('4')")
    assert page.input_value("#review-note") == "Rated."
    assert note_of(0) == "Rated."

    acts: list[tuple[str, Callable[[], None], int]] = [
        ("Reviewed.", lambda: page.keyboard.press("e"), 1),
        ("Skipped.", lambda: page.keyboard.press("j"), 2),
    ]
    for words, act, following in acts:
        write(page, f" {words}")
        act()
        page.wait_for_selector(f"#review-title:has-text('SYM{following}')")
        assert note_of(following - 1).endswith(words)

    write(page, "Clicked.")
    page.click("[data-review-done]")
    page.wait_for_selector("#review-title:has-text('SYM1')")  # the one that was skipped
    assert note_of(2) == "Clicked."
    assert Trade.objects.filter(reviewed_at=None).count() == 1


def test_words_outlive_the_session_in_which_they_were_typed(page: Any, live_server: LiveServer, trader: User) -> None:
    trade = Trade.objects.get(instrument__symbol="SYM0")
    come_in(page, live_server.url, f"/trades/{trade.public_id}/", person=trader)
    sign_out(page)

    page.fill("textarea[name=note]", "Too early.")
    page.wait_for_selector("[data-draft-status]:has-text('in this browser only')")
    assert page.is_visible(SIGNED_OUT)
    page.click("section:has(#words-title) button:has-text('Save')")
    page.wait_for_selector("text=What you typed is kept in this browser")
    sign_in(page)

    page.wait_for_selector("#words-title")
    until(page, lambda: page.input_value("textarea[name=note]") == "Too early.")
    assert note_of(0) == ""
    page.click("section:has(#words-title) button:has-text('Save')")
    until(page, lambda: note_of(0) == "Too early.")
    page.wait_for_selector(".words:has-text('Too early.')")
    page.goto(f"{live_server.url}/trades/{trade.public_id}/")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('words:'))") == []


def test_nothing_of_a_page_is_replaced_by_the_page_to_sign_in_on(
    page: Any, live_server: LiveServer, trader: User
) -> None:
    come_in(page, live_server.url, "/trades/review/?order=oldest", person=trader)
    sign_out(page)

    write(page, "Still here.")
    page.keyboard.press("e")
    page.wait_for_selector(SIGNED_OUT)
    page.keyboard.press("4")
    page.wait_for_timeout(200)

    assert page.locator(SIGNED_OUT).count() == 1
    assert page.input_value("#review-note") == "Still here."
    assert page.locator("input[name=password]").count() == 0

    with page.context.expect_page() as opened:
        page.click(f"{SIGNED_OUT} a")
    sign_in(opened.value)
    opened.value.wait_for_selector("#review-title:has-text('SYM0')")
    until(opened.value, lambda: opened.value.input_value("#review-note") == "Still here.")


def test_the_key_of_help_says_what_the_page_is_for(wide_page: Any, live_server: LiveServer) -> None:
    come_in(wide_page, live_server.url, "/trades/")

    wide_page.keyboard.press("?")
    assert "Help on this page" in wide_page.inner_text("dialog#help")
    wide_page.keyboard.press("Escape")
    wide_page.keyboard.press("h")

    wide_page.wait_for_selector("dialog#page-help[open]")


def test_a_filter_writes_only_what_it_has_into_the_address(wide_page: Any, live_server: LiveServer) -> None:
    come_in(wide_page, live_server.url, "/trades/")

    wide_page.fill(".trade-filters input[name=symbol]", "AAPL")
    wide_page.click(".trade-filters button:has-text('Filter')")

    wide_page.wait_for_url("**/trades/?*symbol=AAPL*")
    assert "=&" not in f"{wide_page.url}&"

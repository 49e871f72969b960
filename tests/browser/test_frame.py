"""The frame of every page: keys, dialogs, themes, toasts."""

from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import PATIENCE, come_in, until
from tests.factories import make_account, make_user
from trading import tags

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_list_of_keys_has_what_the_page_offers(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    come_in(page, live_server.url)
    page.evaluate(
        """() => document.querySelector('main').insertAdjacentHTML('beforeend',
          '<button type="button" data-hotkey="q" data-hotkey-words="Quarrel">…</button>')"""
    )

    page.keyboard.press("?")

    assert "Quarrel" in page.inner_text("dialog#help")
    assert "Trades" in page.inner_text("dialog#help")
    page.keyboard.press("q")  # keys of the page do nothing below a dialog
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#help", state="hidden")


def test_what_cannot_be_taken_back_is_asked_for(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    come_in(page, live_server.url)
    page.evaluate(
        """() => document.querySelector('main').insertAdjacentHTML('beforeend',
          '<form action="/settings/" data-confirm="It is gone for good." data-confirm-button="Burn it">'
          + '<button type="submit">Burn</button></form>')"""
    )

    page.click("text=Burn")
    assert "It is gone for good." in page.inner_text("dialog#confirm")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#confirm", state="hidden")
    assert page.url == f"{live_server.url}/"

    page.click("text=Burn")
    page.click("dialog#confirm >> text=Burn it")
    page.wait_for_url(f"{live_server.url}/settings/?")


def test_accounts_are_chosen_by_keyboard_and_kept_from_page_to_page(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    owner = make_user("carol@example.com")
    for number in range(60):
        make_account(owner, f"Account {number:02d}", broker="Apex" if number < 55 else "IBKR")
    come_in(page, live_server.url, "/trades/", person=owner)

    page.keyboard.press("A")
    page.keyboard.type("Account 07")
    page.wait_for_selector("#account-choices label:only-of-type")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert "1 chosen" in page.inner_text("[data-accounts-status]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/trades/?account=*")
    assert "Account 07" in page.inner_text("#account-filter > summary")

    page.keyboard.press("A")
    page.wait_for_selector("#account-choices label:nth-of-type(20)")
    page.select_option("select[name=broker]", "Apex")
    page.wait_for_selector("[data-accounts-status]:has-text('55 found')")
    page.click("[data-choose-all]")
    page.wait_for_selector("[data-accounts-status]:has-text('55 chosen')")
    page.click("[data-account-filter] [type=submit]")
    page.wait_for_url("**/trades/?*view=*")
    assert "55 accounts" in page.inner_text("#account-filter > summary")

    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/calendar/?*view=*")
    assert "55 accounts" in page.inner_text("#account-filter > summary")


def test_the_acts_of_an_account_lead_to_it_under_the_days_of_the_page(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    owner = make_user("carol@example.com")
    make_account(owner, "First")
    second = make_account(owner, "Second")
    come_in(page, live_server.url, "/accounts/?from=2026-03-01&unit=r", person=owner)

    page.click(f"tr[data-id='{second.public_id}'] [data-acts]")
    addresses = page.eval_on_selector_all(
        "#account-acts > *", "all => all.map(each => each.getAttribute('href') ?? each.action)"
    )
    place = f"/accounts/{second.public_id}/"
    assert [address.removeprefix(live_server.url) for address in addresses] == [
        f"{place}?from=2026-03-01&unit=r",
        f"/trades/?from=2026-03-01&unit=r&account={second.public_id}",
        f"/accounts/compare/?from=2026-03-01&unit=r&account={second.public_id}",
        f"{place}cash/?from=2026-03-01&unit=r",
        f"{place}edit/",
        f"{place}archive/",
        f"{place}restore/",
        f"{place}delete/",
    ]
    page.click("#account-acts >> text=Its trades")
    page.wait_for_url(f"**/trades/?from=2026-03-01&unit=r&account={second.public_id}")


def test_the_palette_opens_what_one_types(page: Any, live_server: LiveServer) -> None:
    come_in(page, live_server.url)

    page.keyboard.press("/")
    page.keyboard.type("calen")
    page.wait_for_selector("[role=option][aria-selected=true]:has-text('Calendar')")
    assert page.get_attribute("#palette input", "aria-activedescendant")
    page.keyboard.press("Enter")

    page.wait_for_url("**/calendar/")


def test_amounts_and_rail_stay_as_they_were_switched(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    come_in(page, live_server.url)

    for key, name, value in (("b", "privacy", "on"), ("\\", "rail", "narrow")):
        with page.expect_response(f"**/switches/{name}/"):
            page.keyboard.press(key)
        assert page.get_attribute("html", f"data-{name}") == value
    page.reload()

    assert page.get_attribute("html", "data-privacy") == "on"
    assert page.get_attribute("html", "data-rail") == "narrow"


def test_the_list_of_pages_of_a_phone_takes_the_focus_and_gives_it_back(browser: Any, live_server: LiveServer) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    come_in(page, live_server.url)

    page.click("[data-opens-rail]")
    page.wait_for_selector(".rail.is-open")
    assert page.evaluate("document.activeElement.matches('.rail a.place')")
    page.keyboard.press("Escape")

    assert page.evaluate("document.activeElement.matches('[data-opens-rail]')")
    context.close()


def test_who_is_offline_gets_a_page_that_says_so(browser: Any, live_server: LiveServer) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    come_in(page, live_server.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    until(page, lambda: page.evaluate("Boolean(navigator.serviceWorker.controller)"))

    context.set_offline(True)
    page.goto(f"{live_server.url}/trades/")

    assert "You are offline" in page.inner_text("main")
    assert page.evaluate("caches.keys().then((names) => names.length)") == 1
    context.set_offline(False)
    context.close()


def test_keys_theme_and_menus(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    address = live_server.url
    come_in(page, address)

    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url(f"{address}/trades/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{address}/imports/")
    page.keyboard.press("n")  # nothing to make on this page

    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    with page.expect_response(f"{address}/theme/"):
        page.click("button[aria-label^='Switch']")
    until(page, lambda: page.evaluate("getComputedStyle(document.body).backgroundColor") != before)
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_a_tag_is_changed_on_a_phone_with_its_name_in_sight(browser: Any, live_server: LiveServer) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    person = make_user("carol@example.com")
    tags.create(owner=person, name="Breakout of the opening range")
    come_in(page, live_server.url, "/tags/", person=person)

    page.click(".tag-edit summary")

    box = page.locator("div:has(> .tag-table)")
    assert box.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert page.locator(".tag-forms input[name=name]").bounding_box()["x"] < 100
    context.close()

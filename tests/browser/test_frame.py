"""The frame of every page: keys, dialogs, themes, toasts."""

from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_list_of_keys_has_what_the_page_offers(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    sign_up(page, live_server.url)
    page.evaluate(
        """() => document.querySelector('main').insertAdjacentHTML('beforeend',
          '<button type="button" data-hotkey="q" data-hotkey-words="Quarrel">…</button>')"""
    )

    page.keyboard.press("?")

    assert "Quarrel" in page.inner_text("dialog#help")
    assert "Trades" in page.inner_text("dialog#help")
    page.keyboard.press("q")  # keys of the page do nothing below a dialog
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog#help")


def test_what_cannot_be_taken_back_is_asked_for(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    sign_up(page, live_server.url)
    page.evaluate(
        """() => document.querySelector('main').insertAdjacentHTML('beforeend',
          '<form action="/settings/" data-confirm="It is gone for good." data-confirm-button="Burn it">'
          + '<button type="submit">Burn</button></form>')"""
    )

    page.click("text=Burn")
    assert "It is gone for good." in page.inner_text("dialog#confirm")
    page.keyboard.press("Escape")
    assert page.url == f"{live_server.url}/"

    page.click("text=Burn")
    page.click("dialog#confirm >> text=Burn it")
    page.wait_for_url(f"{live_server.url}/settings/?")

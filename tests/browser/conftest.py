"""A real browser for the tests of this folder: every complaint on a page fails the test that opened it."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started

from accounts.models import User
from tests.conftest import signed_in
from tests.factories import make_user

#: Milliseconds for anything to come: a machine that is busy is slow, and no fault of the page.
PATIENCE = 45_000
PASSWORD = "battery staple horse 7"


def _browser_path() -> str:
    named = os.environ.get("CHROMIUM", "")
    return named or next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), "")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = _browser_path()
    if not path:
        pytest.skip("no browser is installed; on Debian: apt-get install chromium")
    # The browser's own event loop makes Django think that it is called from asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=path, headless=True, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class _UnderWay:
    """How many requests the threads of the live server are at."""

    def __init__(self) -> None:
        self.number, self.lock = 0, threading.Lock()
        request_started.connect(self.began)
        request_finished.connect(self.ended)

    def began(self, **_: Any) -> None:
        self._count(1)

    def ended(self, **_: Any) -> None:
        self._count(-1)

    def _count(self, step: int) -> None:
        # The test's own client begins and ends its requests in this thread.
        if threading.current_thread() is not threading.main_thread():
            with self.lock:
                self.number += step


@pytest.fixture(scope="session")
def _under_way() -> _UnderWay:
    return _UnderWay()


@pytest.fixture(autouse=True)
def _nobody_is_served_any_more(transactional_db: None, _under_way: _UnderWay) -> Iterator[None]:
    """The tables are emptied once what a closed page had asked for is done: written later, it would have no owner."""
    yield
    deadline = time.monotonic() + 10
    while _under_way.number > 0 and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide and light", "phone and dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page whose every complaint fails the test: script errors, and what the security policy had to stop."""
    width, scheme = request.param
    yield from _watched(browser, width=width, scheme=scheme)


@pytest.fixture
def wide_page(browser: Any) -> Iterator[Any]:
    """As `page`, at one size only: for what does not depend on the size."""
    yield from _watched(browser, width=1440, scheme="light")


def _watched(browser: Any, *, width: int, scheme: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def until(page: Any, condition: Callable[[], Any]) -> None:
    """The condition has come true. Asked again and again: the security policy lets no page wait for it by itself."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        page.wait_for_timeout(50)


def no_sideways_scroll(page: Any) -> None:
    """Nothing of the page is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def sign_up(page: Any, address: str, email: str = "carol@example.com") -> None:
    """Somebody signs up and sees an empty dashboard."""
    page.goto(f"{address}/signup/")
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{address}/")


def come_in(page: Any, address: str, path: str = "/", *, person: User | None = None) -> User:
    """This person, or else Carol, is signed in and on this page, without having gone through the forms."""
    person = person or make_user("carol@example.com")
    session = signed_in(person).session.session_key
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
    page.goto(f"{address}{path}")
    return person

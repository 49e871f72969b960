"""A table of a million rows keeps few of them in the page."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from config.tour import window_times
from tests.browser import window_urls
from tests.browser.conftest import PATIENCE, come_in, no_sideways_scroll, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.browser.window_urls"),
]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    window_urls.asked.clear()
    window_urls.state.update(total=window_urls.TOTAL, fails=0)
    yield
    window_urls.state.update(total=window_urls.TOTAL, fails=0)


def opened(page: Any, address: str) -> Any:
    come_in(page, address, "/window/")
    page.wait_for_selector(".window.is-live")
    return page.locator(".window tbody tr")


_IN_SIGHT = """() => {
  const box = document.querySelector('.window'), there = box.getBoundingClientRect();
  const top = there.top + box.querySelector('thead').offsetHeight;
  return [...box.querySelectorAll('tbody tr')].filter((row) => {
    const at = row.getBoundingClientRect();
    return at.bottom > top + 1 && at.top < there.bottom - 1;
  }).map((row) => row.querySelector('a')?.innerText ?? '…');
}"""
_PULL = """(part) => {
  const box = document.querySelector('.window');
  box.scrollTop = (box.scrollHeight - box.clientHeight) * part;
}"""


def in_sight(page: Any) -> list[str]:
    """The names of the rows that can be seen, top to bottom; what is yet to come in is "…"."""
    # Between a jump and the next frame there is nothing to see.
    return list(page.evaluate(_IN_SIGHT)) or ["…"]


def first_number(page: Any) -> int:
    """The number of the first row that can be seen, once it has come in."""
    seen: list[str] = []

    def has_come() -> bool:
        # Looked at once: by the next look the window may have moved on.
        seen[:] = in_sight(page)
        return seen[0] != "…"

    until(page, has_come)
    return int(seen[0].removeprefix("Row "))


def test_every_place_of_a_million_rows_is_reached_with_few_in_the_page(page: Any, live_server: LiveServer) -> None:
    rows = opened(page, live_server.url)
    few = rows.count()
    assert few < 60
    assert page.locator("[role=grid]").get_attribute("aria-rowcount") == "1000001"
    assert "of 1,000,000" in page.inner_text("[data-window-shown]")

    for part, number in ((0.5, 500_000), (0.25, 250_000), (0.9995, 999_500)):
        page.evaluate(_PULL, part)
        page.wait_for_selector(f".window tbody tr:not(.window-wait):has-text('Row {str(number)[:3]}')")
        assert abs(first_number(page) - number) < 600
        assert rows.count() == few
    page.wait_for_timeout(300)
    assert len(window_urls.asked) <= 12

    page.evaluate("document.querySelector('.window').scrollTop = 1e9")
    page.wait_for_selector("text='Row 999999'")
    assert in_sight(page)[-1] == "Row 999999"
    no_sideways_scroll(page)


# Of the clock that makes a window without waiting for ever, a busy machine is no proof.
_WHEN_LIVE = """
const wait = window.setTimeout;
window.setTimeout = (act, time, ...rest) => (time === 1000 ? 0 : wait(act, time, ...rest));
new MutationObserver(() => {
  if (document.querySelector(".window.is-live")) window.liveAt ??= performance.now();
}).observe(document, {subtree: true, attributes: true, childList: true});"""
_PAINTED_AT = "() => performance.getEntriesByName('first-paint')[0].startTime"


def test_rows_are_painted_before_the_script_makes_a_window_of_them(page: Any, live_server: LiveServer) -> None:
    page.add_init_script(_WHEN_LIVE)

    rows = opened(page, live_server.url)

    assert page.evaluate("window.liveAt") > page.evaluate(_PAINTED_AT)
    assert rows.count() < 60


_NO_PAINT = "performance.getEntriesByType = () => []; PerformanceObserver.prototype.observe = () => {};"


def test_where_the_browser_tells_of_no_paint_a_window_is_made_all_the_same(page: Any, live_server: LiveServer) -> None:
    page.add_init_script(_NO_PAINT)

    assert opened(page, live_server.url).count() < 60


def test_a_list_is_timed_in_a_browser(wide_page: Any, live_server: LiveServer) -> None:
    come_in(wide_page, live_server.url, "/window/")

    found = window_times.measure(wide_page, "/window/", address=live_server.url, times=3)

    assert (found.total, found.most_rows < 60) == (1_000_000, True)
    assert len(found.paints) == len(found.jumps) == 3
    assert min(*found.paints, *found.jumps) > 0
    assert 500_000 in window_urls.asked  # the middle


def test_a_pull_is_not_lost_when_the_last_one_comes_to_rest_at_that_moment(
    wide_page: Any, live_server: LiveServer
) -> None:
    page = wide_page
    opened(page, live_server.url)
    page.evaluate(_PULL, 0.25)
    page.wait_for_selector(".window tbody tr:has-text('Row 250')")

    page.evaluate(f"() => {{ ({_PULL})(0.75); document.querySelector('.window').rowWindow.settle(); }}")

    until(page, lambda: abs(first_number(page) - 750_000) < 600)


def test_the_wheel_moves_by_its_own_length_however_many_rows_there_are(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    opened(page, live_server.url)
    page.evaluate("document.querySelector('.window').scrollTop = 3_000_000")
    until(page, lambda: in_sight(page)[0] not in ("…", "Row 1"))
    before = first_number(page)

    page.mouse.move(700, 500)
    for _ in range(5):
        page.mouse.wheel(0, 72)
        page.wait_for_timeout(60)
    until(page, lambda: first_number(page) - before >= 9)
    page.wait_for_timeout(300)

    assert first_number(page) - before in (9, 10, 11)


def test_rows_are_gone_through_and_chosen_by_keys(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    opened(page, live_server.url)

    page.keyboard.press("j")  # from anywhere on the page
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.inner_text("[data-window-count]") == "1"
    page.keyboard.press("End")
    page.wait_for_selector("text='Row 999999'")
    page.keyboard.press("x")
    assert page.inner_text("[data-window-count]") == "2"
    page.keyboard.press("Home")
    page.wait_for_selector("text='Row 1'")
    active = page.locator("[role=grid]").get_attribute("aria-activedescendant")
    assert active == "rows-row-0"
    assert page.locator("tr[data-id='1'] input").is_checked()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    assert page.inner_text("[data-window-count]") == "4"
    page.click("[data-window-all]")
    assert page.inner_text("[data-window-count]") == "1,000,000"
    page.keyboard.press("Escape")
    page.locator("[role=grid]").focus()
    page.keyboard.press("Escape")
    assert not page.is_visible("[data-window-bar]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/window/?opened=3")


def test_what_fails_is_tried_again_then_told(live_server: LiveServer, browser: Any) -> None:
    address = live_server.url
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    opened(page, address)
    window_urls.state["fails"] = 100
    page.evaluate("document.querySelector('.window').scrollTop = 1_000_000")
    page.wait_for_selector(".window-trouble button")

    window_urls.state["fails"] = 0
    page.click(".window-trouble button")

    page.wait_for_selector(".window tbody tr:not(.window-wait)")
    assert not page.is_visible(".window-trouble")
    context.close()


def test_a_list_that_changed_is_read_anew_at_its_place(wide_page: Any, live_server: LiveServer) -> None:
    page = wide_page
    rows = opened(page, live_server.url)
    window_urls.state["total"] = 40

    page.evaluate("document.querySelector('.window').dispatchEvent(new CustomEvent('window:reload'))")

    page.wait_for_selector("[role=grid][aria-rowcount='41']")
    until(page, lambda: rows.count() <= 40)
    window_urls.state["total"] = 0
    page.evaluate("document.querySelector('.window').dispatchEvent(new CustomEvent('window:reload'))")
    page.wait_for_selector("[role=grid][aria-rowcount='1']")
    until(page, lambda: rows.count() == 0)
